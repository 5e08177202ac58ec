"""What lesson 05 draws and prints, worked out a second time: steps of formats, number lines, weights in few bits."""

import re
from itertools import pairwise

import numpy as np
import pytest
from drawing import check, drawings, read
from sympy import Symbol
from test_valleys import rows_of
from test_views import number, read_quantity, table_of

import llmcalc.views.low_bits
import llmcalc.views.precision
from llmcalc import palette
from llmcalc.formats import FORMATS
from llmcalc.models import model
from llmcalc.quantization import SCHEMES, weight_bytes
from llmcalc.rounding import SCALES, quantized, relative_error, representable, rounded, spacing
from llmcalc.svg import number_line
from llmcalc.tables import LLAMA_70B_FILES
from llmcalc.views.low_bits import WEIGHTS, four_bit_levels, low_bit_weights
from llmcalc.views.precision import bit_layout, digits_by_magnitude, powers_of_two, value_lines
from llmcalc.views.states import step_phases, training_states
from llmcalc.views.training_step import step_memory

FLOATING = [name for name, row in FORMATS.items() if row.exponent_bits]
LISTED = [name for name in FLOATING if FORMATS[name].bits <= 16]


# --- steps and errors -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LISTED)
def test_the_step_at_a_value_leads_to_the_next_one(name):
    above = [value for value in representable(name) if value > 0]
    assert spacing(above[:-1], name).tolist() == [after - value for value, after in pairwise(above)]
    assert spacing([-value for value in above], name).tolist() == spacing(above, name).tolist()
    assert float(spacing(0, name)) == above[0] == FORMATS[name].smallest


@pytest.mark.parametrize("name", FLOATING)
def test_what_is_below_half_a_step_is_lost_and_what_is_above_is_not(name):
    if name == "fp64":
        return  # the halves of its steps have no place in Python's numbers
    for value in (1.0, 1.5, 3.0):
        half = float(spacing(value, name)) / 2
        assert rounded(value + 0.999 * half, name) == value < rounded(value + 1.001 * half, name)


@pytest.mark.parametrize("name", FLOATING)
def test_normal_numbers_begin_where_steps_stop_shrinking(name):
    row = FORMATS[name]
    assert row.smallest_normal == row.smallest / row.epsilon
    assert spacing(row.smallest_normal, name) == spacing(row.smallest_normal / 2, name) == row.smallest
    assert spacing(2 * row.smallest_normal, name) == 2 * row.smallest


def test_formats_without_an_exponent_have_no_step_of_this_kind():
    assert FORMATS["int8"].smallest_normal is None
    with pytest.raises(ValueError, match="spacing: format must be a floating-point format, got 'nf4'"):
        spacing(1, "nf4")


def test_the_relative_error_of_nothing_is_all_and_scales_cancel():
    values = np.array([1.0, -2, 3])
    assert relative_error(values, values) == 0 and relative_error(values, 0 * values) == 1
    back = values + np.array([0.1, 0.2, -0.3])
    assert relative_error(values, back) == pytest.approx(0.1)
    assert relative_error(7 * values, 7 * back) == pytest.approx(relative_error(values, back))


# --- number lines ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x_log", [False, True])
def test_ticks_stand_where_their_values_are(x_log):
    rows = {"one": [1, 10, 100], "two": [1, 2.5, 50, 100]}
    drawing = check(number_line(rows, x_label="value", says="x", x_log=x_log))
    for colour, values in zip(palette.SERIES, rows.values(), strict=False):
        ticks = [box.left for box in drawing.of("line") if box.what == colour]
        share = [(tick - ticks[0]) / (ticks[-1] - ticks[0]) for tick in ticks]
        scaled = np.log(values) if x_log else np.array(values)
        assert share == pytest.approx((scaled - scaled[0]) / (scaled[-1] - scaled[0]), abs=1e-3)
    assert {"one", "two", "value"} <= set(drawing.texts())


def test_numbers_stand_at_their_marks_and_baselines_reach_from_end_to_end():
    rows = {"one": [-2, 1, 8], "two": [0, 4]}
    drawing = check(number_line(rows, x_label="value", says="x"))
    marks = {box.left: box for box in drawing.of("line") if box.what == palette.LINE}
    texts = {box.what: box for box in drawing.of("text")}
    numbers = {name: box for name, box in texts.items() if re.fullmatch(r"-?[\d.]+", name)}
    assert len(numbers) == len(marks) > 3
    for text, (x, mark) in zip(numbers.values(), sorted(marks.items()), strict=True):
        assert (text.left + text.right) / 2 == pytest.approx(x, abs=0.1)
        assert 2 < text.top - mark.bottom < 14
    pixels = dict(zip(map(float, numbers), sorted(marks), strict=True))
    for colour, (name, values) in zip(palette.SERIES, rows.items(), strict=False):
        ticks = [box for box in drawing.of("line") if box.what == colour]
        (base,) = (
            box for box in drawing.of("line") if box.what == palette.TEXT and ticks[0].top < box.top < ticks[0].bottom
        )
        assert (base.left, base.right) == (ticks[0].left, ticks[-1].right)
        assert base.bottom == base.top == (ticks[0].top + ticks[0].bottom) / 2 == texts[name].bottom - 9
        for tick, value in zip(ticks, values, strict=True):
            assert value not in pixels or tick.left == pixels[value]


def test_what_cannot_be_put_on_a_line_is_refused_by_name():
    for values in ([], [float("inf")]):
        with pytest.raises(ValueError, match="number_line: 'a' needs finite values"):
            number_line({"a": values}, x_label="x", says="x")
    with pytest.raises(ValueError, match="a logarithmic axis needs positive values, got 0"):
        number_line({"a": [0, 1]}, x_label="x", says="x", x_log=True)


@pytest.mark.parametrize(("low", "high"), [(0, 8), (-1, 1), (-8, 7), (1, 2)])
def test_every_value_between_the_ends_has_a_tick(low, high):
    html = value_lines(low=low, high=high, formats=("mxfp4", "fp8_e5m2", "fp8_e4m3"))
    drawing = check(drawings(html)[0])
    for colour, row in zip(palette.SERIES, table_of(html), strict=False):
        expected = [value for value in representable(row[0]) if low <= value <= high]
        assert sum(box.what == colour for box in drawing.of("line")) == len(expected) == number(row[2])
        assert number(row[1]) == 2 ** FORMATS[row[0]].bits
        assert float(row[3]) == pytest.approx(min(v for v in expected if v > low), rel=5e-3)
        assert float(row[4]) == pytest.approx(expected[-1] - expected[-2], rel=5e-3)
        assert f"{len(expected)} of {row[0]}" in read(drawings(html)[0]).says


def test_a_line_without_values_is_refused_by_name():
    with pytest.raises(ValueError, match="high must be larger than low = 3, got 3"):
        value_lines(low=3, high=3)
    with pytest.raises(ValueError, match="formats must have values from 9 to 10, int4 has none"):
        value_lines(low=9, high=10)
    with pytest.raises(ValueError, match="at most 16 bits"):
        value_lines(formats=("fp32",))


def test_four_bit_levels_are_those_that_quantization_uses(handed):
    seen, html = handed(llmcalc.views.low_bits, "number_line", four_bit_levels)
    names = {"int4": "int4", "fp4": "mxfp4", "nf4": "nf4"}
    many = np.append(np.random.default_rng(1).uniform(-1, 1, 20_000), 1.0)
    for row in table_of(html):
        levels = seen["args"][0][row[0]]
        found = np.unique(quantized(many, names[row[0]]).values)
        np.testing.assert_allclose(levels, found, atol=1e-6)
        middle = (np.abs(found) < 0.500001).sum()
        assert number(row[1]) == len(found) and number(row[2]) == middle
        assert float(row[3]) == pytest.approx(found[-1] - found[-2], rel=5e-3)
        assert f"{middle} of the {len(found)} values of {row[0]}" in seen["says"]
    names = ["format", "values", "from -0.5 to 0.5", "gap before the last one"]
    assert list(rows_of(html)[0]) == names


# --- what bits buy --------------------------------------------------------------------------------------------------


def test_the_fields_of_a_format_fill_its_bits(handed):
    seen, html = handed(llmcalc.views.precision, "stacked_bars", bit_layout)
    assert len(table_of(html)) == 7
    for name, *fields, stored in table_of(html):
        row, parts = FORMATS[name], seen["args"][0][name]
        assert sum(map(number, fields)) == number(stored) == row.bits == sum(parts.values())
        assert [number(field) for field in fields[:3]] == [1, row.exponent_bits, row.mantissa_bits]
        assert [parts[f"{part} bits"] for part in ("exponent", "mantissa")] == [row.exponent_bits, row.mantissa_bits]
        assert f"{name} has {row.exponent_bits} bits of exponent and {row.mantissa_bits} of mantissa" in seen["says"]
    assert all(int(row["mantissa bits"]) == FORMATS[row["format"]].mantissa_bits for row in rows_of(html))
    for view in (bit_layout, digits_by_magnitude):
        with pytest.raises(ValueError, match=f"{view.__name__}: formats must be floating-point formats, got 'int8'"):
            view("int8")


def test_the_error_drawn_is_the_worst_that_rounding_does(handed):
    names = [name for name in FLOATING if name != "fp64"]
    seen, _ = handed(llmcalc.views.precision, "line_chart", lambda: digits_by_magnitude(*names))
    xs, errors = seen["args"]
    assert list(xs) == names and seen["x_log"] and seen["y_log"]
    for name in names:
        low, high = max(FORMATS[name].smallest, 2.0**-34), min(FORMATS[name].largest, 2.0**34)
        assert xs[name][0] == low and xs[name][-1] <= high < 2 * xs[name][-1]
        assert all(after == 2 * x for x, after in pairwise(xs[name]))
        for x, error in zip(xs[name], errors[name], strict=True):
            inside = x * (1 + np.linspace(0, 0.999, 2001)) if x < FORMATS[name].largest / 2 else x
            worst = np.abs(rounded(inside, name) - inside).max() / x
            assert worst <= error * 1.000001
            if x < FORMATS[name].largest / 2:
                assert worst > 0.9 * error


def test_what_is_told_of_a_format_is_its_own(handed):
    seen, html = handed(llmcalc.views.precision, "line_chart", digits_by_magnitude)
    told = {part.split(" ")[0]: part for part in seen["says"].split(": ")[1].rstrip(".").split("; ")}
    for row in rows_of(html):
        form = FORMATS[row.pop("format")]
        cells = [float(row[name].replace(",", "")) for name in (
            "smallest", "smallest normal", "largest", "step at 1", "largest error of rounding")]  # fmt: skip
        own = [form.smallest, form.smallest_normal, form.largest, form.epsilon, form.epsilon / 2]
        assert cells == pytest.approx(own, rel=5e-3)
        expected = f"{row['largest error of rounding']} from {row['smallest normal']} to {row['largest']}"
        assert told[form.name] == f"{form.name} {expected}"


@pytest.mark.parametrize("view", [value_lines, powers_of_two])
@pytest.mark.parametrize("formats", [(), "fp16"])
def test_formats_are_several_names(view, formats):
    with pytest.raises(ValueError, match=f"{view.__name__}: formats must be several names of formats, one at least"):
        view(formats=formats)


@pytest.mark.parametrize(("low", "high"), [(7, 7.4), (0, 1e-300)])
def test_a_line_with_a_value_at_its_low_end_only_is_drawn(low, high):
    html = value_lines(low, high, ("int4",))
    check(drawings(html)[0])
    assert table_of(html) == [["int4", "16", "1", "", ""]]


def test_the_reach_of_formats_and_of_samples(handed):
    values = 2.0 ** np.linspace(-30, 10, 1001)
    seen, html = handed(llmcalc.views.precision, "ranges", powers_of_two, samples={"sample": values})
    for name, *powers in table_of(html):
        low, middle, high = seen["args"][0][name]
        assert [float(power.removeprefix("2^")) for power in powers] == pytest.approx([low, middle, high], abs=0.05)
        if name in FORMATS:
            row = FORMATS[name]
            assert (2.0**low, 2.0**middle) == (row.smallest, row.smallest_normal)
            assert 2.0**high == pytest.approx(row.largest)
            assert f"{name} from 2^{low:.3g} to 2^{high:.3g}" in seen["says"]
        else:
            assert (low, middle, high) == pytest.approx((-29.6, -10, 9.6))
    assert list(rows_of(html)[0]) == [
        "what", "smallest, or 1%", "smallest normal, or median", "largest, or 99%",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="samples of 'none' must have numbers above zero"):
        powers_of_two({"none": [0.0, -1.0]})


# --- weights in few bits --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["llama-2-7b", "llama-3.2-1b", "gpt2-xl", "mixtral-8x7b"])
@pytest.mark.parametrize(
    ("scheme", "settings"),
    [("nf4", ("nf4", 64, "fp32")), ("nvfp4", ("mxfp4", 16, "fp8_e4m3"))],
)
def test_bytes_are_those_of_the_scheme_of_the_same_blocks(name, scheme, settings):
    format, block, scale = settings
    rows = {row[0]: number(row[1]) for row in table_of(low_bit_weights(name, format, block, scale))}
    built = model(name)
    if name != "mixtral-8x7b":  # the library of nf4 leaves stacked experts alone, and here they are quantized
        ledger = weight_bytes(built, scheme)
        assert rows["together"] == ledger.total and rows["kept in bf16"] == ledger.kept.total
    assert rows["all in bf16"] == 2 * built.parameters.total
    assert rows["weights"] + rows["scales"] + rows["kept in bf16"] == rows["together"]
    assert SCHEMES[scheme].bits * (built.parameters.total - rows["kept in bf16"] / 2) == 8 * rows["weights"]


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize(("format", "block", "scale"), [("int8", 1024, "fp32"), ("nf4", 33, "fp16")])
def test_the_sentence_the_bars_and_the_curve_of_few_bits_agree(handed, weights, format, block, scale):
    values = {"weights": weights, "format": format, "block": block, "scale": scale}
    seen, html = handed(llmcalc.views.low_bits, "line_chart", low_bit_weights, **values)
    rows = {row[0]: row[1:] for row in table_of(html)}
    says = read(drawings(html)[0]).says
    assert f"takes {rows['together'][1]} or" in says and f"In bf16 it takes {rows['all in bf16'][1]}." in says
    bits = float(re.search(r"or ([\d.]+) bits per parameter", says)[1])
    assert bits == pytest.approx(8 * int(number(rows["together"][0])) / model("llama-2-7b").parameters.total, abs=0.006)
    ((x, y),) = seen["points"].values()
    assert f"relative error is {y / 100:.2%}" in says
    (xs,), (ys,) = [seen["args"][0]], seen["args"][1].values()
    assert xs == sorted(xs)
    matrix = np.random.default_rng(0).normal(size=(32, 1024))
    ordinary = np.ones(matrix.shape, bool)
    if weights != "normal":
        ordinary[(slice(None), slice(100, None, 250)) if "columns" in weights else slice(5, None, 20)] = False
    matrix[~ordinary] *= 20
    for size, at, error in [(block, x, y), *zip((1024, 512, 256, 128, 64, 32, 16), xs, ys, strict=True)]:
        found = quantized(matrix, format, size, scale)
        assert at == 8 * found.bytes / matrix.size
        assert error == pytest.approx(100 * relative_error(matrix[ordinary], found.values[ordinary]))
    for about in rows.values():
        assert read_quantity(about[1], "B") == pytest.approx(float(number(about[0])), rel=5e-3)


@pytest.mark.parametrize(
    ("scale", "words"),
    [("fp16", "a scale in fp16"), ("power of two", "a scale that is a power of two"),
     ("fp8_e4m3", "a scale in fp8_e4m3")],
)  # fmt: skip
@pytest.mark.parametrize("block", [16, 64])
def test_the_bars_of_few_bits_are_their_table(handed, scale, words, block):
    values = {"format": "nf4", "scale": scale, "block": block, "memory_GB": 6}
    seen, html = handed(llmcalc.views.low_bits, "stacked_bars", low_bit_weights, **values)
    rows = {row["part"]: int(number(row["bytes"])) for row in rows_of(html)}
    together, plain = rows.pop("together"), rows.pop("all in bf16")
    few, bf16 = seen["args"][0].items()
    assert few == (f"llama-2-7b in nf4, blocks of {block}", rows) and sum(rows.values()) == together
    assert rows["scales"] == pytest.approx(rows["weights"] * 2 * SCALES[scale] / 8 / block, rel=1e-4)
    assert bf16 == ("in bf16", {"kept in bf16": plain})
    assert seen["unit"] == "B" and seen["limit"] == ("limit 6 GB", 6e9)
    assert f"in nf4, {words} for each {block} values, takes" in seen["says"]
    again, _ = handed(llmcalc.views.low_bits, "line_chart", low_bit_weights, **values)
    assert list(again["points"]) == [f"blocks of {block}"] and list(again["args"][1]) == ["nf4"]
    (errors,) = again["args"][1].values()
    for size, error in ((1024, errors[0]), (16, errors[-1])):
        assert f"{error / 100:.2%} in blocks of {size}" in again["says"]


def test_it_fits_where_its_bytes_do():
    assert "and fits into 4 GB" in low_bit_weights(memory_GB=4)
    assert "and does not fit into 4 GB" in low_bit_weights(memory_GB=4, scale="fp32")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [("format", "bf16", "format must be one of"), ("block", 0, "block must be a whole number above zero"),
     ("scale", "fp64", "low_bit_weights: scale"), ("weights", "heavy", "low_bit_weights: weights"),
     ("memory_GB", 0, "low_bit_weights: memory_GB")],
)  # fmt: skip
def test_few_bits_that_make_no_sense_are_refused_by_name(name, value, message):
    with pytest.raises(ValueError, match=message):
        low_bit_weights(**{name: value})


@pytest.mark.parametrize(
    ("view", "name"),
    [(low_bit_weights, "memory_GB"), (training_states, "billion_parameters"), (step_phases, "billion_parameters"),
     (step_phases, "activation_GB"), (step_memory, "batch"), (step_memory, "memory_GB")],
)  # fmt: skip
@pytest.mark.parametrize("value", [Symbol("x", positive=True), np.array([1, 2])], ids=["symbol", "array"])
def test_what_is_drawn_has_one_number(view, name, value):
    with pytest.raises(
        TypeError, match=rf"{view.__name__}: {name} must be one number, got (the symbol x|an array of 2)"
    ):
        view(**{name: value})


def test_the_published_files_are_what_is_counted_with_their_output_layer_in_six_bits():
    big = model("llama-2-70b")
    output, six = big.parameters.lm_head.total, 210 / 256  # bytes of a value of q6_k
    for row in LLAMA_70B_FILES:
        counted = weight_bytes(big, row.name).total
        if row.name.startswith(("q4", "q5")):
            counted += output * six - SCHEMES[row.name].tensor_bytes(output, 1)
        assert round(counted / 2**30, 1 if row.name == "fp16" else 2) == row.gib
    losses = [row.perplexity for row in LLAMA_70B_FILES]
    assert losses == sorted(losses)

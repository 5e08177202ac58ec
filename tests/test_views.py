"""Views over all values of their controls: they draw, their numbers add up, and sentence and table say the same."""

import ast
import importlib
import inspect
import itertools
import json
import pkgutil
import random
import re
from dataclasses import fields
from fractions import Fraction
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import pytest
from controls import Explorer
from drawing import check, drawings, read

import llmcalc.views
from llmcalc.families import FAMILIES, Family
from llmcalc.flops import rule
from llmcalc.formats import FORMATS
from llmcalc.hardware import ACCELERATORS, gpu
from llmcalc.models import MODELS, model
from llmcalc.notation import GROUPS, NOTATION
from llmcalc.runs import finished_runs, predicted_hours, residuals
from llmcalc.sources import claims
from llmcalc.units import convert
from llmcalc.views.compute import peak_table, training_time
from llmcalc.views.families import _WORDS, family_table
from llmcalc.views.ledger import ledger_table
from llmcalc.views.mlp import OPTIMIZERS, training_memory
from llmcalc.views.notation import notation_table
from llmcalc.views.parameters import PUBLISHED, parameter_count, parameter_shares, parts_of
from llmcalc.views.runs import forecasts
from llmcalc.views.sources import claims_table
from llmcalc.views.storage import weight_storage

ROOT = Path(__file__).parent.parent
VIEWS = {
    name: function
    for module in pkgutil.iter_modules(llmcalc.views.__path__, "llmcalc.views.")
    for name, function in inspect.getmembers(importlib.import_module(module.name), inspect.isfunction)
}


def explorers():
    """(lesson, view, choices) of every explorer in a lesson."""
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code" and "explore(" in "".join(cell["source"]):
                for node in ast.walk(ast.parse("".join(cell["source"]))):
                    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "explore":
                        choices = {keyword.arg: ast.literal_eval(keyword.value) for keyword in node.keywords}
                        yield path.stem, node.args[0].id, choices


EXPLORERS = list(explorers())
every_explorer = pytest.mark.parametrize(
    ("view", "choices"),
    [(VIEWS[view], choices) for _, view, choices in EXPLORERS],
    ids=[f"{a}-{b}" for a, b, _ in EXPLORERS],
)


def settings_of(choices, count=50):
    """Every value of every control, all the corners, and a sample of what lies between, typed values included."""
    chance = random.Random(0)
    yield {}
    for name, values in choices.items():
        yield from ({name: value} for value in values)
    ends = [(values[0], values[-1]) for values in choices.values()]
    yield from (dict(zip(choices, corner, strict=True)) for corner in itertools.product(*ends))
    for _ in range(count):
        yield {name: _typed(values, chance) for name, values in choices.items()}


def _typed(values, chance):
    if all(isinstance(value, int) for value in values) and chance.random() < 0.5:
        return chance.randint(min(values), max(values))
    return chance.choice(values)


def text_of(element):
    return "".join(element.itertext())


def table_of(html):
    """The rows of a view's table, without its header."""
    root = ElementTree.fromstring(re.search(r"<table>.*</table>", html, re.DOTALL)[0])
    return [[text_of(cell) for cell in row] for row in root.find("tbody")]


def number(text):
    return Fraction(text.replace(",", ""))


def read_quantity(text, unit):
    """ "4 GB" as a number of bytes."""
    value, name = text.split(" ")
    return convert(number(value), name, unit)


# --- every view -----------------------------------------------------------------------------------------------------


def test_every_lesson_has_an_explorer():
    assert {lesson[:2] for lesson, _, _ in EXPLORERS} >= {"00", "01", "02"}


REFUSING = {"shared_step": r"(check_layout|Layout): \w+ must be "}
"""Views whose controls can ask for what cannot be; they say so in a sentence that begins like this."""


@every_explorer
def test_a_view_draws_for_every_value_of_its_controls(view, choices):
    drawn = 0
    for values in settings_of(choices):
        try:
            html = view(**values)
        except ValueError as refused:
            assert re.match(REFUSING[view.__name__], str(refused)), (values, refused)
            continue
        drawn += 1
        assert not re.search(r"\b(nan|inf|None)\b", html), values
        pictures = drawings(html)
        assert pictures
        for picture in pictures:
            check(picture)
        says = read(pictures[0]).says
        assert "<p aria-live='polite'" in html and says in unescape(html.partition("<p aria-live")[2])
    assert drawn > 50


@every_explorer
def test_an_explorer_of_a_lesson_shows_a_picture_at_every_step_of_every_control(view, choices):
    explorer = Explorer(view, **choices)
    seen = {explorer.picture.value}
    for name, values in choices.items():
        control = explorer.controls[name.replace("_per_", "/").replace("_", " ")]
        start = control.value
        for value in [*values, start]:
            control.value = value
            assert "<svg" in explorer.picture.value and 'role="alert"' not in explorer.picture.value
            seen.add(explorer.picture.value)
    assert len(seen) == 1 + sum(len(values) - 1 for values in choices.values())  # no value is without effect


# --- training_memory ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def training_settings():
    (choices,) = (choices for _, name, choices in EXPLORERS if name == "training_memory")
    return [
        *settings_of(choices),
        *({"format": name, "optimizer": optimizer} for name in FORMATS for optimizer in OPTIMIZERS),
    ]


def test_the_numbers_of_the_table_add_up(training_settings):
    for values in training_settings:
        *parts, (name, total, about) = table_of(training_memory(**values))
        assert [row[0] for row in parts] == ["weights", "gradients", "optimizer", "activations"]
        assert name == "together" and sum(number(row[1]) for row in parts) == number(total)
        for _, exact, rounded in [*parts, (name, total, about)]:
            assert abs(read_quantity(rounded, "B") - number(exact)) <= number(exact) * Fraction(5, 1000)


def test_the_sentence_agrees_with_the_table(training_settings):
    for values in random.Random(0).sample(training_settings, 80):
        html = training_memory(**values)
        total = number(table_of(html)[-1][1])
        says = read(drawings(html)[0]).says
        limit = values.get("memory_GB", 8) * 10**9
        assert f"takes {table_of(html)[-1][2]} and" in says
        assert ("does not fit" in says) == (total > limit)
        if match := re.search(r"The largest batch is ([\d,]+)\.", says):
            largest = int(number(match[1]))
            assert _total(values, largest) <= limit < _total(values, largest + 1)
        else:
            assert "Not even one example fits." in says and _total(values, 1) > limit


def _total(values, batch):
    return number(table_of(training_memory(**{**values, "batch": batch}))[-1][1])


def test_the_picture_shows_the_parts_of_the_table(training_settings):
    for values in training_settings[:40]:
        html = training_memory(**values)
        rows = {row[0]: number(row[1]) for row in table_of(html)}
        together = rows.pop("together")
        boxes = [box for box in read(drawings(html)[0]).of("rect") if box.bottom - box.top > 20]
        whole = sum(box.right - box.left for box in boxes)
        for box, value in zip(boxes, rows.values(), strict=True):
            assert box.right - box.left == pytest.approx(float(whole * value / together), abs=0.3)


def test_the_network_of_the_document_at_the_defaults():
    says = read(drawings(training_memory())[0]).says
    assert says == (
        "Training with AdamW in fp32 and a batch of 1,024 takes 16.4 GB and does not fit into 8 GB. "
        "Not even one example fits. At the full peak of 100 TFLOP/s it could train on at most 17,241 examples/s."
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("width", 0), ("matrices", 0), ("batch", -1), ("memory_GB", -1), ("format", "fp7"), ("optimizer", "Adam")],
)
def test_values_that_make_no_sense_are_refused(name, value):
    with pytest.raises((ValueError, KeyError)):
        training_memory(**{name: value})


# --- weight_storage -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("memory_GB", [1, 14, 24, 80])
def test_weights_fit_where_their_bytes_do(format, memory_GB):
    for billion_parameters in (1, 7, 13, 70, 405):
        html = weight_storage(billion_parameters, format, memory_GB)
        says = read(drawings(html)[0]).says
        total = billion_parameters * 10**9 * FORMATS[format].bytes_per_value
        assert ("do not fit" in says) == (total > memory_GB * 10**9)
        assert read_quantity(re.search(r"take (\S+ \S+),", says)[1], "B") == pytest.approx(total, rel=5e-3)
        assert read_quantity(re.search(r"or (\S+ \S+B)\.", says)[1], "B") == pytest.approx(total, rel=5e-3)
        for name, size, decimal, binary in table_of(html):
            bytes_of_all = billion_parameters * 10**9 * FORMATS[name].bytes_per_value
            assert number(size) == Fraction(FORMATS[name].bytes_per_value)
            assert read_quantity(decimal, "B") == pytest.approx(bytes_of_all, rel=5e-3)
            assert read_quantity(binary, "B") == pytest.approx(bytes_of_all, rel=5e-3)


# --- training_time --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def time_settings():
    (choices,) = (choices for _, name, choices in EXPLORERS if name == "training_time")
    return random.Random(0).sample(list(settings_of(choices)), 80)


def settings_with_defaults(values):
    return {name: each.default for name, each in inspect.signature(training_time).parameters.items()} | values


def shown_seconds(text):
    """ "36.6 days" as seconds."""
    value, unit = text.split(" ")
    return float(number(value)) * {"ms": 1e-3, "s": 1, "minutes": 60, "hours": 3600, "days": 86_400}[unit]


def test_time_hours_and_price_follow_from_operations_peak_and_share(time_settings):
    for values in time_settings:
        chosen = settings_with_defaults(values)
        tokens = chosen["billion_tokens"] * 10**9
        peak = gpu(chosen["accelerator"]).peak()
        transformer = model(chosen["model"])
        by_rule = rule(transformer, 1, tokens)
        exact = transformer.training_flops(1, chosen["sequence"]) * tokens / chosen["sequence"]
        counted, ruled, fast, middle, slow = table_of(training_time(**values))
        for row, flops in ((counted, exact), (ruled, by_rule)):
            hours = flops / (peak * chosen["utilization_percent"] / 100) / 3600
            assert row[2] == f"{chosen['utilization_percent']}%"
            assert shown_seconds(row[3]) == pytest.approx(hours * 3600 / chosen["gpus"], rel=5e-3)
            assert float(number(row[4])) == pytest.approx(hours, rel=5e-3)
            assert float(number(row[5])) == pytest.approx(hours * chosen["dollars_per_GPU_hour"], rel=5e-3)
        forecast = predicted_hours(by_rule, chosen["accelerator"])
        for row, hours in zip((fast, middle, slow), forecast, strict=True):
            assert float(number(row[4])) == pytest.approx(hours, rel=5e-3)


def test_the_sentence_about_a_training_agrees_with_its_table(time_settings):
    for values in time_settings:
        html = training_time(**values)
        says, (counted, ruled, fast, _, slow) = read(drawings(html)[0]).says, table_of(html)
        assert f"takes {ruled[1]} by the rule 6PD, and {counted[1]} with every product" in says
        assert f"that is {counted[3]}, {counted[4]} GPU-hours" in says
        assert f"from {fast[3]} to {slow[3]}." in says


def test_days_fall_and_gpu_hours_stay_with_more_gpus():
    few, many = (table_of(training_time(gpus=gpus))[0] for gpus in (256, 1024))
    assert shown_seconds(few[3]) == pytest.approx(4 * shown_seconds(many[3]), rel=1e-2)
    assert few[4:] == many[4:]


def test_gpt_3_at_the_defaults():
    says = read(drawings(training_time())[0]).says
    assert says == (
        "gpt-3-175b on 300 billion tokens takes 314 ZFLOP by the rule 6PD, and 323 ZFLOP with every product counted in "
        "sequences of 2,048 tokens (+2.7%). With 1,024 a100-80gb at 40% of their peak that is 29.2 days, 718,732 "
        "GPU-hours and 1.44 million dollars. By the record of published runs, from 23.7 days to 48.2 days."
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("gpus", 0), ("billion_tokens", -1), ("utilization_percent", 101), ("utilization_percent", 0),
     ("dollars_per_GPU_hour", -1), ("accelerator", "v100-32gb"), ("accelerator", "a100"), ("model", "gpt-9")],
)  # fmt: skip
def test_a_training_that_makes_no_sense_is_refused(name, value):
    with pytest.raises((ValueError, KeyError)):
        training_time(**{name: value})


def test_the_table_of_peaks_names_every_rate_or_says_that_there_is_none():
    for row in table_of(peak_table(*ACCELERATORS)):
        device = gpu(row[0])
        for text, name in zip(row[2:7], ("fp32", "tf32", "fp16", "bf16", "fp8"), strict=True):
            known = dict(device.dense).get(name)
            assert text == "none" if known is None else float(number(text)) == float(f"{known / 1e12:.4g}")
        if row[7] != "none":
            assert float(number(row[7])) == float(f"{device.sparse_peak() / 1e12:.4g}")


# --- forecasts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("without_team", [False, True])
def test_every_finished_run_has_its_row_and_the_sentence_counts_them(without_team):
    html = forecasts(without_team=without_team)
    picture = drawings(html)[0]
    check(picture)
    rows = {row[0]: row[1:] for row in table_of(html)}
    results = {each.run.name: each for each in residuals(without_team=without_team)}
    assert set(rows) == set(results) == {run.name for run in finished_runs()}
    inside = 0
    for name, (_, _, share, reported, low, middle, high) in rows.items():
        each = results[name]
        assert share == f"{each.run.utilization:.0%}" and number(reported) == each.run.accelerator_hours
        assert [number(hours) for hours in (low, middle, high)] == [
            round(h) for h in (each.low, each.middle, each.high)
        ]
        inside += number(low) <= number(reported) <= number(high)
    assert f"and {inside} of the {len(rows)} intervals hold them." in read(picture).says
    assert ("those of other teams" in read(picture).says) == without_team


# --- tables ---------------------------------------------------------------------------------------------------------


def test_the_notation_table_has_a_row_for_every_quantity():
    tables = re.findall("<details.*?</details>", notation_table(), re.DOTALL)
    assert [found.startswith("<details open>") for found in tables] == [True] + [False] * (len(GROUPS) - 1)
    rows = [row for found in tables for row in table_of(found)]
    assert [row[1] for row in rows] == list(NOTATION)
    for row, entry in zip(rows, NOTATION.values(), strict=True):
        assert row[:4] == [f"${entry.letter}$", entry.name, entry.meaning, entry.unit]
        letters = [entry.mlp, entry.slides, entry.deepdive, entry.framework]
        assert row[4:] == [f"${letter}$" if letter else "" for letter in letters]


def test_the_table_of_claims_shows_what_is_written_and_what_comes_out():
    for row, claim in zip(table_of(claims_table("mlp")), claims("mlp"), strict=True):
        _, written, computed, unit, verdict, why = row
        assert (unit, verdict, why) == (claim.unit, claim.verdict, claim.why)
        for text, value in ((written, claim.claimed), (computed, claim.computed)):
            assert (text == "") == (value is None)
            assert value is None or float(number(text)) == pytest.approx(value, rel=1e-2)


def test_the_table_of_claims_shows_the_chosen_ones_in_their_order():
    rows = table_of(claims_table("slides", "flop-seconds", "cost"))
    assert [row[0] for row in rows] == ["flop seconds", "cost"]
    assert rows[1] in table_of(claims_table("slides")) and len(table_of(claims_table("slides"))) == len(
        claims("slides")
    )
    with pytest.raises(KeyError, match="unknown claim of slides 'costs'; close are cost"):
        claims_table("slides", "costs")


# --- ledgers and families -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_the_parts_of_a_model_are_all_of_it(name):
    assert sum(parts_of(model(name)).values()) == model(name).parameters.total


def test_shares_of_published_models_add_up_and_go_from_small_to_large():
    rows = table_of(parameter_shares())
    assert [row[0] for row in rows] == list(PUBLISHED)
    for name, total, *shares in rows:
        assert number(total) == model(name).parameters.total
        assert sum(float(share.rstrip("%")) for share in shares if share) == pytest.approx(100, abs=0.3)
    (drawing,) = map(check, drawings(parameter_shares()))
    assert {"0%", "100%"} <= set(drawing.texts())


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("llama-3-8b", {}),
        (
            "llama-3.2-1b",
            {"layers": 16, "width": 2048, "head_dim": 64, "feed_forward_width": 8192, "output_layer": "tied"},
        ),
        ("mixtral-8x7b", {"vocabulary": 32_000, "experts": 8}),
    ],
)
def test_the_model_that_a_reader_shapes_has_the_parameters_of_the_published_one(name, sizes):
    *parts, together, active, rule = table_of(parameter_count(**sizes))
    ledger = model(name).parameters
    assert sum(number(row[1]) for row in parts) == number(together[1]) == ledger.total
    assert number(active[1]) == ledger.active
    assert f"{ledger.total:,} parameters" in parameter_count(**sizes)
    built = model(name)
    assert number(rule[1]) == 12 * built.layers * built.width**2 + built.vocabulary * built.width


def test_heads_that_cannot_be_shared_equally_are_shared_as_nearly_as_possible():
    assert "6 heads of 128 and 1 for keys and values" in parameter_count(width=768, heads_per_key=4)


def test_a_ledger_shows_every_item_with_share_formula_and_source():
    rows = table_of(ledger_table(model("gpt2").parameters))
    assert [row[0] for row in rows] == ["embedding", "attention", "mlp", "norm", "parameters"]
    assert sum(number(row[1]) for row in rows[:-1]) == number(rows[-1][1]) == 124_439_808
    assert rows[2][2:4] == ["45.54%", "$2 L d f + L d + L f$"] and "section 3.3" in rows[2][4]
    assert sum(Fraction(row[2].rstrip("%")) for row in rows[:-1]) == 100


def test_a_ledger_may_leave_its_sources_out():
    ledger = model("gpt2").parameters
    assert [row[:-1] for row in table_of(ledger_table(ledger))] == table_of(ledger_table(ledger, sources=False))


def test_every_family_has_a_row_that_says_what_differs():
    rows = {row[0]: row[1:] for row in table_of(family_table())}
    assert set(rows) == set(FAMILIES)
    assert rows["llama"][:2] == ["nothing", "attention_bias, mlp_bias"]
    assert "learned positions, 2 rows more" in rows["opt"][0]
    assert all(differs != "nothing" for name, (differs, *_) in rows.items() if name not in ("llama", "granite"))
    elsewhere = "model_type source switches nested keeps residual_dropout embedding_dropout".split()
    assert set(_WORDS) | {*elsewhere, "head_dim_is_free"} == {field.name for field in fields(Family)}

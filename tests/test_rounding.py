"""Rounding against NumPy's own formats, and what every quantization has to keep to."""

import json
import re
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from llmcalc.formats import FORMATS, number_format
from llmcalc.memory import quantized_bytes
from llmcalc.rounding import NF4_LEVELS, SCALES, quantized, relative_error, representable, rounded, spacing

MEASURED = json.loads((Path(__file__).parent / "data" / "rounding.json").read_text(encoding="utf-8"))
chance = np.random.default_rng(0)
VALUES = chance.normal(size=20_000) * 10.0 ** chance.integers(-12, 6, 20_000)
EDGES = [0.0, -0.0, 65504, 65519.99, 65520, -65520, 6e-8, 2.98e-8, 2**-25, 2**-25 * 1.01, 1e39, np.inf, -np.inf, np.nan]
SMALL = [name for name, row in FORMATS.items() if row.bits <= 8]
LISTED = [name for name, row in FORMATS.items() if row.bits <= 16]


@pytest.mark.parametrize(("name", "dtype"), {"fp16": np.float16, "fp32": np.float32, "fp64": np.float64}.items())
def test_rounding_is_that_of_numpy(name, dtype):
    values = np.concatenate([VALUES, EDGES])
    with np.errstate(over="ignore"):
        expected = values.astype(dtype).astype(float)
    np.testing.assert_array_equal(rounded(values, name), expected)
    np.testing.assert_array_equal(np.signbit(rounded(values, name)), np.signbit(expected))


def test_bf16_is_fp32_cut_after_16_bits_and_rounded_to_even():
    bits = VALUES.astype(np.float32).view(np.uint32).astype(np.uint64)
    kept = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16 << 16
    expected = kept.astype(np.uint32).view(np.float32).astype(float)
    np.testing.assert_array_equal(rounded(VALUES.astype(np.float32), "bf16"), expected)


@pytest.mark.parametrize("name", MEASURED["rounded"])
def test_rounding_is_that_of_pytorch(name):
    np.testing.assert_array_equal(rounded(MEASURED["values"], name), MEASURED["rounded"][name])


def test_blocks_come_back_as_from_their_libraries():
    matrix = np.array(MEASURED["matrix"])
    ours = quantized(matrix, "mxfp4", 32, "power of two").values
    np.testing.assert_array_equal(ours, MEASURED["mxfp4"])
    ours, theirs = quantized(matrix, "nf4", 64).values, np.array(MEASURED["nf4 in blocks of 64"])
    # The levels of bitsandbytes are rounded in the seventh digit.
    assert (np.abs(ours - theirs) < 3e-7 * np.abs(matrix).max(axis=1, keepdims=True)).all()


@pytest.mark.parametrize("name", LISTED)
def test_rounding_finds_the_nearest_of_all_values(name):
    every = representable(name)
    assert (np.diff(every) > 0).all()
    np.testing.assert_array_equal(rounded(every, name), every)
    inside = chance.uniform(every[0], every[-1], 500)
    nearest = np.abs(inside[:, None] - every).min(axis=1) if len(every) < 1000 else None
    if nearest is not None:
        np.testing.assert_allclose(np.abs(rounded(inside, name) - inside), nearest, rtol=1e-12)


@pytest.mark.parametrize("name", [name for name in LISTED if FORMATS[name].exponent_bits])
def test_the_values_are_as_many_as_the_bits_tell_apart_and_end_where_the_format_says(name):
    row, every = number_format(name), representable(name)
    above = every[every > 0]
    assert (above[0], above[-1]) == (row.smallest, row.largest)
    special = 2**row.mantissa_bits if row.special_codes is None else row.special_codes
    assert len(every) == 2**row.bits - 1 - 2 * special  # minus zero is zero


@pytest.mark.parametrize(("value", "even"), [(257, 256), (259, 260), (-257, -256)])
def test_halfway_goes_to_the_even_neighbour(value, even):
    assert rounded(value, "bf16") == even


def test_halfway_between_whole_numbers_goes_to_the_even_one_and_between_levels_of_nf4_to_the_lower():
    assert rounded([0.5, 1.5, -0.5, 2.5, -3.5], "int8").tolist() == [0, 2, 0, 2, -4]
    between = [(low + high) / 2 for low, high in pairwise(NF4_LEVELS)]
    assert rounded(between, "nf4").tolist() == list(NF4_LEVELS[:-1])


def test_whole_numbers_are_listed_from_end_to_end():
    assert representable("int8").tolist() == list(range(-128, 128))
    assert representable("int4").tolist() == list(range(-8, 8))


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_undefined_stays_so_and_the_array_that_was_given_too(name):
    given = np.array([0.3, np.nan, -0.7])
    found = rounded(given, name)
    assert np.isnan(found).tolist() == [False, True, False]
    found[:] = 9
    assert given[0] == 0.3 and given[2] == -0.7


@pytest.mark.parametrize("name", [name for name in LISTED if FORMATS[name].exponent_bits])
def test_the_spacing_is_the_way_to_the_next_value_and_infinity_has_none(name):
    above = representable(name)
    above = above[above >= 0]
    np.testing.assert_array_equal(spacing(above[:-1], name), np.diff(above))
    np.testing.assert_array_equal(spacing(-above[:-1], name), np.diff(above))
    assert np.isnan(spacing([np.inf, -np.inf, np.nan], name)).all()


def test_fractions_and_large_whole_numbers_are_numbers_too():
    assert rounded([Fraction(1, 3), 10**30], "fp32").tolist() == [float(np.float32(1 / 3)), float(np.float32(1e30))]


def test_too_large_is_infinite_or_the_largest():
    assert rounded(70_000, "fp16") == np.inf and rounded(-70_000, "fp16") == -np.inf
    assert rounded(1e6, "fp8_e5m2") == np.inf and rounded(1e6, "fp8_e4m3") == 448 and rounded(-99, "mxfp4") == -6
    assert rounded([200, -200], "int8").tolist() == [127, -128] and rounded(3, "nf4") == 1


def test_the_levels_of_nf4_are_the_published_ones():
    # Dettmers et al. 2023, appendix E
    published = [-0.6961928, -0.52507305, -0.3949175, -0.28444138, -0.18477343, -0.09105004, 0.0, 0.0795803]
    np.testing.assert_allclose(NF4_LEVELS[1:9], published, rtol=1e-6)
    assert len(NF4_LEVELS) == 16 and NF4_LEVELS[0] == -1 and NF4_LEVELS[-1] == 1


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("block", ["tensor", "row", 32, 7, 1000])
def test_the_error_stays_within_a_step_of_the_block(name, block, scale):
    values = chance.normal(size=(6, 40)) * 10.0 ** chance.integers(-2, 3, (6, 1))
    found = quantized(values, name, block, scale)
    assert found.values.shape == values.shape
    coarsest = {"int8": 1 / 127, "int4": 1 / 7, "nf4": 0.31, "mxfp4": 2 / 6, "fp8_e4m3": 32 / 448, "fp8_e5m2": 1 / 7}[
        name
    ]
    length = {"tensor": values.size, "row": 40}.get(block, block)
    rows = values.reshape(1, -1) if block == "tensor" else values
    back = found.values.reshape(rows.shape)
    for row, came in zip(rows, back, strict=True):
        for start in range(0, len(row), min(length, len(row))):
            part, again = row[start : start + length], came[start : start + length]
            slack = {"fp32": 1e-6, "fp16": 1e-3, "fp8_e4m3": 0.07, "power of two": 0.5}[scale]
            # a stored scale is rounded itself; of a power of two the largest values are clipped, or steps are larger
            largest = np.abs(part).max()
            floor = {"fp8_e4m3": np.abs(values).max() / 448, "fp16": 2**-25 * 57_344}.get(scale, 0)  # below: subnormal
            assert np.abs(part - again).max() <= largest * (coarsest / 2 + slack) * (1 + slack) + floor


@pytest.mark.parametrize("name", SMALL)
def test_an_outlier_spoils_its_block_unless_each_value_has_an_exponent_of_its_own(name):
    values = chance.normal(size=(64, 256))
    values[:, 5] *= 100
    others = np.arange(256) != 5
    errors = [
        np.linalg.norm((quantized(values, name, block).values - values)[:, others])
        for block in ("tensor", "row", 64, 16)
    ]
    assert errors == sorted(errors, reverse=True) or FORMATS[name].exponent_bits >= 4
    gain = errors[0] / errors[-1]
    assert gain < 1.2 if FORMATS[name].exponent_bits >= 4 else gain > 1.5


def test_bytes_are_those_of_the_formula():
    values = chance.normal(size=(4, 256))
    assert quantized(values, "nf4", 64).bytes == quantized_bytes(1024, 4, 64, 32)
    assert quantized(values, "int8", "row", "fp16").bytes == 4 * quantized_bytes(256, 8, 256, 16)
    assert quantized(values, "mxfp4", 16, "fp8_e4m3").bytes == quantized_bytes(1024, 4, 16, 8) + 4
    assert quantized(values, "int4").bytes == quantized_bytes(1024, 4, 1024, 32)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", SMALL)
def test_what_comes_back_is_a_level_times_the_scale(name, scale):
    values = chance.normal(size=(6, 40))
    found = quantized(values, name, "row", scale)
    levels = found.values / found.scales
    np.testing.assert_allclose(levels, rounded(levels, name), rtol=1e-15)
    largest = np.abs(values).max(axis=1, keepdims=True)
    assert (np.abs(levels).max(axis=1, keepdims=True) * found.scales >= largest / 2).all()


def test_scales_are_those_of_their_format():
    values = chance.normal(size=(6, 40))
    largest = np.abs(values).max(axis=1)
    for scale, dtype in (("fp32", np.float32), ("fp16", np.float16)):
        found = quantized(values, "int8", "row", scale).scales
        np.testing.assert_array_equal(found[:, 0], (largest / 127).astype(dtype).astype(float))
        assert (found[:, 0] != largest / 127).any()
    whole = float(np.float32(largest.max() / 127 / 448))  # of all rows; each has a multiple of it
    found = quantized(values, "int8", "row", "fp8_e4m3").scales[:, 0]
    np.testing.assert_array_equal(found, rounded(largest / 127 / whole, "fp8_e4m3") * whole)


def test_a_power_of_two_has_an_exponent_of_eight_bits():
    """OCP Microscaling Formats v1.0, section 5.4.1: from 2**-127 to 2**127; mxfp4 reaches to 6 = 1.5 * 2**2."""

    def scale_of(value):
        return quantized([value], "mxfp4", 32, "power of two").scales.item()

    assert [scale_of(value) for value in (6.0, 8.0, 7.99, 4.0)] == [1, 2, 1, 1]
    assert [scale_of(value) for value in (1e-300, 0.0, 4 * 2.0**-127)] == [2.0**-127] * 3
    assert scale_of(7.99 * 2.0**127) == 2.0**127


def test_a_scale_too_small_for_its_format_takes_its_values_along():
    found = quantized([[1e-9, 1.0]], "nf4", 1, "fp16")
    assert found.values.tolist() == [[0, 1]] and found.scales.tolist() == [[0, 1]]
    assert quantized([1e-300, 0], "int8", 1, "fp8_e4m3").values.tolist() == [0, 0]


def test_a_block_may_be_longer_than_a_row_by_any_length_and_an_array_a_single_number():
    assert quantized([1.0, 2.0], "int8", 10**15).bytes == quantized([1.0, 2.0], "int8", "row").bytes == 2 + 4
    for block in ("row", "tensor", 32):
        assert quantized(1.0, "mxfp4", block, "power of two").values == 1


def test_the_relative_error_is_that_of_the_whole_array():
    assert relative_error([[3.0, 0.0], [0.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]]) == 1
    assert relative_error([3, -4], [3, -4]) == 0 and relative_error([3, 4], [6, 8]) == 1


def test_zeros_stay_zero_and_signs_turn_the_result_around():
    assert not quantized(np.zeros((3, 8)), "mxfp4", 4, "fp8_e4m3").values.any()
    values = chance.normal(size=(3, 64))
    for name in ("int8", "int4", "mxfp4", "fp8_e4m3"):
        np.testing.assert_array_equal(quantized(-values, name, 16).values, -quantized(values, name, 16).values)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0], "fp16"), "quantized: format must be one of fp8_e4m3, fp8_e5m2, int8, int4, nf4, mxfp4, got 'fp16'"),
        (([1.0], "int8", 0), "quantized: block must be a whole number above zero, 'row' or 'tensor', got 0"),
        (([1.0], "int8", "rows"), "block must be a whole number above zero, 'row' or 'tensor', got 'rows'"),
        (([1.0], "int8", True), "block must be a whole number above zero, 'row' or 'tensor', got True"),
        (([1.0], "int8", 2.5), "block must be a whole number above zero, 'row' or 'tensor', got 2.5"),
        (([np.nan], "int8"), "quantized: values must be finite numbers, at least one, got "),
        (([], "int8"), "quantized: values must be finite numbers, at least one, got "),
        (([1.0], "int8", np.array([1, 2])), "got array([1, 2])"),
        (([1e38, 1], "nf4", 1, "fp16"), "quantized: no finite scale as fp16 for a block whose largest value is 1e+38"),
        (([1e39, 1], "nf4"), "quantized: no finite scale as fp32 for a block whose largest value is 1e+39"),
        (([1e300, 1], "int8", 1, "fp8_e4m3"), "no finite scale as fp8_e4m3 for a block whose largest value is 1e+300"),
        (([2.0**130], "mxfp4", 1, "power of two"), "no finite scale as power of two for a block"),
        (([1.0], "int8", 4, "bf16"), "quantized: scale must be fp32 or fp16 or fp8_e4m3 or power of two, got 'bf16'"),
    ],
)
def test_nonsense_is_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        quantized(*arguments)


@pytest.mark.parametrize("wrong", [None, "3", {1}, {1: 2}, [1, None], [[1], [1, 2]], True, [False, 1j], np.ma.ones(2)])
@pytest.mark.parametrize("function", [rounded, spacing, quantized])
def test_what_is_no_number_is_refused_by_name(function, wrong):
    name = function.__name__
    with pytest.raises(TypeError, match=f"{name}: values must be a number or an array of numbers, got "):
        function(wrong, "fp8_e4m3")
    with pytest.raises(TypeError, match="relative_error: values must be a number or an array of numbers, got "):
        relative_error(wrong, [1.0])
    with pytest.raises(TypeError, match="relative_error: back must be a number or an array of numbers, got "):
        relative_error([1.0], wrong)


@pytest.mark.parametrize(
    ("values", "back", "message"),
    [
        ([0, 0], [1, 1], "values must hold a number that is not zero, got array([0., 0.])"),
        ([], [], "values must hold a number that is not zero, got array([], dtype=float64)"),
        ([1, np.inf], [1, 2], "values must be finite, got an array with inf"),
        ([1, 2], [np.nan, 2], "back must be finite, got an array with nan"),
        ([1, 2], [1], "back must have the shape of values, (2,), got (1,)"),
        ([1e300], [0], "no finite number comes out of values as large or as small as these"),
        ([10**400], [0], "values must be within the range of a float, got [1000"),
    ],
)
def test_an_error_relative_to_nothing_is_refused(values, back, message):
    with pytest.raises(ValueError, match=re.escape(f"relative_error: {message}")):
        relative_error(values, back)


def test_too_many_values_to_list_and_unknown_formats():
    with pytest.raises(
        ValueError, match="representable: format must have at most 16 bits to list its values, got 'fp32'"
    ):
        representable("fp32")
    with pytest.raises(KeyError, match="unknown number format 'int9'"):
        rounded(1, "int9")

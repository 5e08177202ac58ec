"""Number formats against NumPy's own, and against the limits that their papers publish."""

import re

import numpy as np
import pytest

from llmcalc.formats import FORMATS, NumberFormat, number_format

IN_NUMPY = {"fp64": np.float64, "fp32": np.float32, "fp16": np.float16}
FLOATS = [row for row in FORMATS.values() if row.exponent_bits]


@pytest.mark.parametrize(("name", "dtype"), IN_NUMPY.items(), ids=IN_NUMPY)
def test_floats_are_those_of_numpy(name, dtype):
    ours, theirs = number_format(name), np.finfo(dtype)
    assert ours.bits == theirs.bits and ours.bytes_per_value == np.dtype(dtype).itemsize
    assert (ours.exponent_bits, ours.mantissa_bits) == (theirs.iexp, theirs.nmant)
    assert (ours.largest, ours.smallest, ours.epsilon) == (theirs.max, theirs.smallest_subnormal, theirs.eps)


@pytest.mark.parametrize(
    ("name", "largest", "smallest", "epsilon"),
    [
        # Micikevicius et al. 2022, table 1: largest normal, smallest subnormal
        ("fp8_e4m3", 448, 2**-9, 2**-3),
        ("fp8_e5m2", 57_344, 2**-16, 2**-2),
        # OCP Microscaling Formats v1.0, section 5.3.3: E2M1
        ("mxfp4", 6, 0.5, 0.5),
        # the upper half of an fp32: 0x7f7f0000, 0x00010000
        ("bf16", 3.3895313892515355e38, 2**-133, 2**-7),
        ("tf32", 3.4011621342146535e38, 2**-136, 2**-10),
    ],
)
def test_floats_have_their_published_limits(name, largest, smallest, epsilon):
    row = number_format(name)
    assert (row.largest, row.smallest, row.epsilon) == (largest, smallest, epsilon)


def test_bf16_is_the_upper_half_of_an_fp32():
    largest, smallest, above_one = np.array([0x7F7F0000, 0x00010000, 0x3F810000], np.uint32).view(np.float32)
    row = number_format("bf16")
    assert (row.largest, row.smallest, row.epsilon) == (largest, smallest, above_one - 1)
    assert row.largest == pytest.approx(3.3895e38, rel=1e-5)


@pytest.mark.parametrize("row", FLOATS, ids=lambda row: row.name)
def test_sign_exponent_and_mantissa_fill_the_bits(row):
    used = 1 + row.exponent_bits + row.mantissa_bits
    assert used == (19 if row.name == "tf32" else row.bits)  # tf32 lies in 32 bits of memory


@pytest.mark.parametrize("row", FLOATS, ids=lambda row: row.name)
def test_more_exponent_bits_mean_more_range_and_more_mantissa_bits_finer_steps(row):
    for other in FLOATS:
        if row.exponent_bits > other.exponent_bits:
            assert row.largest > other.largest and row.smallest < other.smallest
        assert (row.epsilon < other.epsilon) == (row.mantissa_bits > other.mantissa_bits)


@pytest.mark.parametrize("name", ["int8", "int4"])
def test_whole_numbers_say_their_range(name):
    bits = number_format(name).bits
    lowest, highest = (int(number) for number in re.findall(r"-?\d+", number_format(name).meaning))
    assert (lowest, highest) == (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if name == "int8":
        assert (lowest, highest) == (np.iinfo(np.int8).min, np.iinfo(np.int8).max)


@pytest.mark.parametrize("name", ["int8", "int4", "nf4"])
def test_what_is_no_float_has_no_limits_of_a_float(name):
    row = number_format(name)
    assert row.largest is row.smallest is row.epsilon is None


@pytest.mark.parametrize(
    ("name", "size"),
    [("fp64", 8), ("fp32", 4), ("tf32", 4), ("fp16", 2), ("bf16", 2), ("fp8_e4m3", 1), ("int8", 1), ("int4", 0.5)],
)
def test_bytes_per_value_is_a_whole_number_where_it_can_be(name, size):
    assert number_format(name).bytes_per_value == size
    assert type(number_format(name).bytes_per_value) is type(size)


@pytest.mark.parametrize(
    ("name", "bits"),
    [
        ("nf4", 4 + 32 / 64),  # Dettmers et al. 2023, section 3: a 32-bit constant for 64 weights adds half a bit
        ("mxfp4", 4 + 8 / 32),
        ("bf16", 16),
        ("int4", 4),
    ],
)
def test_the_scale_of_a_block_is_shared_by_its_values(name, bits):
    assert 8 * number_format(name).bytes_per_value_with_scale == bits


def test_every_format_is_found_by_its_name_and_explained():
    for name, row in FORMATS.items():
        assert number_format(name) is row and row.name == name and row.meaning
        assert (row.block > 0) == (row.scale_bits > 0)


@pytest.mark.parametrize("wrong", ["bf-16", "float16", "FP32", "fp8", "", None, 16])
def test_an_unknown_name_is_refused_with_the_known_ones(wrong):
    with pytest.raises(KeyError) as refused:
        number_format(wrong)
    assert f"unknown number format {wrong!r}; known are {', '.join(FORMATS)}" in str(refused.value)


def test_a_format_cannot_be_changed():
    with pytest.raises(AttributeError):
        number_format("bf16").bits = 8


def test_a_format_of_ones_own_follows_the_same_rules():
    e3m2 = NumberFormat("fp6_e3m2", 6, "6-bit float", 3, 2, special_codes=0)  # OCP v1.0: 28 at most
    assert (e3m2.largest, e3m2.smallest, e3m2.bytes_per_value) == (28, 2**-4, 0.75)

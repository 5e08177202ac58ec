"""What the exercises on number formats ask, worked out a second time: by NumPy, by trying, by hand."""

import math
from itertools import pairwise, product

import numpy as np
import pytest
import sympy as sp

from llmcalc import checks
from llmcalc.checks import few_bit_offers, few_bits, precision, scaled_blocks
from llmcalc.checks.answers import Wrong
from llmcalc.checks.engine import Formula
from llmcalc.checks.inputs import agree
from llmcalc.formats import FORMATS, NumberFormat, number_format
from llmcalc.rounding import SCALES, quantized, rounded
from llmcalc.symbolic import same

RIGHT = {
    name: question.right
    for subject in (precision, few_bits, scaled_blocks, few_bit_offers)
    for name, question in subject.QUESTIONS.items()
}


def combinations(name):
    """All values that a learner may have for a question."""
    question = getattr(checks, name)
    every = product(*(own.options for own in question.values.values()))
    return [values for values in every if question.where is None or question.where(*values)]


@pytest.mark.parametrize(("name", "moves"), [("bf16", False), ("fp16", False), ("fp32", True)])
def test_an_update_moves_the_weight_in_fp32_only(name, moves):
    assert (rounded(1.5 + 0.00045, name) > 1.5) is np.bool_(moves)
    assert RIGHT["formats_that_move"] == "c"


@pytest.mark.parametrize(
    ("bits", "largest"),
    [((4, 3, 1), 448), ((2, 1, 0), 6), ((3, 2, 0), 28), ((2, 3, 0), 7.5)],
    ids=["fp8 e4m3", "fp4 e2m1", "fp6 e3m2", "fp6 e2m3"],
)
def test_the_largest_value_is_the_published_one(bits, largest):
    """OCP Microscaling Formats v1.0, tables 1 to 4."""
    assert RIGHT["largest_of_format"](*bits) == largest


def test_the_largest_value_of_a_format_is_a_formula_too():
    exponent, mantissa, kept = sp.symbols("exponent_bits mantissa_bits kept_patterns", positive=True, integer=True)
    numpys = NumberFormat("any", 1 + exponent + mantissa, "", exponent, mantissa).largest
    assert same(numpys, (2 - 2**-mantissa) * 2 ** (2 ** (exponent - 1) - 1))
    for kind, fields in ((np.float16, {exponent: 5, mantissa: 10}), (np.float32, {exponent: 8, mantissa: 23})):
        assert float(numpys.subs(fields)) == np.finfo(kind).max
    assert same(
        RIGHT["largest_of_format"](exponent, mantissa, kept),
        (2 - (kept + 1) * 2**-mantissa) * 2 ** (2 ** (exponent - 1)),
    )


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (lambda e, m, k: ((2 << m) - k) / 2**m * 2.0**2 ** (e - 1), "a mantissa that is too large by one"),
        (lambda e, m, k: 4 * (2 - (k + 1) * 2**-m) * 2**2 ** (e - 1), "that is 4; it should be 1"),
        (lambda e, m, k: -(2 - (k + 1) * 2**-m) * 2**2 ** (e - 1), "that is -1; it should be 1"),
        (lambda e, m, k: (1 + (m - k) / 2**m) * 2 ** (e - (2 ** (e - 1) - 1)), "numbers of bits where"),
        (lambda e, m, k: (1 + (2**m - 1 - k) / 2**m) * 2 ** (e - (2 ** (e - 1) - 1)), "the number of exponent bits"),
        (lambda e, m, k: (1 + (2**m - 1 - k) / 2**m) * 2 ** (2**e - 1), "the bias forgotten"),
        (lambda e, m, k: (1 + (2**m - 1 - k) // 2**m) * 2 ** (2**e - 1 - (2 ** (e - 1) - 1)), "a mantissa of zeros"),
    ],
)
def test_what_goes_wrong_with_the_largest_value_is_told(written, told):
    with pytest.raises(Wrong, match=told):
        checks.largest_of_format(written)


@pytest.mark.parametrize("rounding", [lambda value: value // 1, round, int], ids=["//", "round", "int"])
def test_a_largest_value_that_rounds_on_the_way_does_not_pass(rounding):
    """Nor is it written out for a power of a power that no computer can hold."""
    with pytest.raises(Wrong, match="whole numbers only"):
        checks.largest_of_format(lambda e, m, k: rounding((2 - (k + 1) * 2**-m) * 2**2 ** (e - 1)))


def test_a_range_in_an_exponent_is_given_all_its_values(capsys):
    """And a formula that differs at one of them only is not said to hold for every input."""
    question = Formula(right=lambda bits: 2.0**bits + 1, between={"bits": range(1, 30)}, hint="Count.")
    question(lambda bits: 2 * 2 ** (bits - 1) + 1)
    assert "Correct, for every input" in capsys.readouterr().out
    n = sp.Symbol("bits", positive=True, integer=True)
    assert agree(2**n + 1, 1 + 2.0**n, {"bits": range(1, 30)})
    assert not agree(2**n, 2**n + sp.KroneckerDelta(n, 29), {"bits": range(1, 30)})
    assert agree(2**n, 2**n + sp.KroneckerDelta(n, 29), {"bits": range(1, 29)})


@pytest.mark.parametrize("name", ["bf16", "fp16", "fp8_e5m2", "fp8_e4m3"])
def test_the_first_number_lost_is_the_first_that_rounding_changes(name):
    form = number_format(name)
    whole = np.arange(min(form.largest, 5000))
    assert RIGHT["first_number_lost"](form.mantissa_bits) == whole[rounded(whole, name) != whole][0]


@pytest.mark.parametrize(("small", "large"), combinations("factor_for_gradients"))
def test_the_factor_lifts_the_smallest_gradient_to_fp16s_smallest_normal_value_and_half_of_it_does_not(small, large):
    """And the question shows truly what happens without a factor, and with one that is too large."""
    factor, normal = RIGHT["factor_for_gradients"](small, large), np.finfo(np.float16).smallest_normal
    assert math.log2(factor) == int(math.log2(factor))
    assert factor / 2 * small < normal <= factor * small
    with np.errstate(over="ignore"):
        least, most = np.float16([small, factor * large]), np.float16(32 * factor * large)
    assert least[0] == 0 and np.isfinite(least[1]) and np.isinf(most)


def test_the_report_slips_where_its_parameters_are_counted_twice():
    kept, packed = 0.7, 12.1
    in_all = kept * 2 + packed * 4 / 8 + packed / 32 * 2
    because = few_bits.QUESTIONS["slip_in_few_bits"].because
    assert (
        f"{packed / 2:.2f} GB" in because
        and f"{in_all:.2f} GB" in because
        and f"{in_all * 8 / 12.8:.2f} bits" in because
    )


@pytest.mark.parametrize(("loaded", "free_MiB"), combinations("left_beside_weights"))
def test_what_is_left_beside_the_weights_is_nothing_for_those_who_take_MiB_for_MB(loaded, free_MiB):
    left = RIGHT["left_beside_weights"](loaded, free_MiB)
    assert left == pytest.approx((free_MiB * 2**20 - 2 * loaded) / 1e6)
    assert free_MiB * 10**6 - 2 * loaded < 0 < left and free_MiB < 24 * 1024


def row(offer):
    """The letter that an offer has without a name."""
    rows = [(form, block, SCALES[scale]) for form, block, scale in few_bit_offers.ROWS]
    return "ABCDEFGH"[rows.index((offer.format, offer.block, offer.scale_bits))]


def test_each_slip_on_the_way_to_the_best_offer_leads_to_another_one():
    question = few_bit_offers.QUESTIONS["best_that_fits"]
    for preset, times in combinations("best_that_fits"):
        by_name = {row(offer): offer for offer in few_bit_offers.offers_with(times)}
        assert question.right(preset, times) == by_name["D"].error
        slips = [mistake.gives(preset, times) for mistake in question.mistakes]
        assert all(offer.error in slips for name, offer in by_name.items() if name not in "CDE")
        assert by_name["C"].error in slips or by_name["E"].error in slips


@pytest.mark.parametrize(
    ("every", "kept", "cards", "reserved"),
    [(72_706_203_648, 2 * 2_491_416_576, 2, 5.7e9), (32_763_876_352, 2 * 1_557_135_360, 1, 4.3e9)],
)
def test_what_is_counted_twice_or_not_at_all_changes_the_best_offer(every, kept, cards, reserved):
    """The slip of the report before it, its opposite, and a card that is taken too small."""
    room = cards * 24 * 2**30 - reserved

    def best(count, room=room):
        offers = few_bit_offers.offers_with(10)
        sizes = {row(o): (o.error, count((o.bits + o.scale_bits / o.block) / 8)) for o in offers}
        return min((error, name) for name, (error, size) in sizes.items() if size <= room)[1]

    assert best(lambda each: (every - kept / 2) * each + kept) == "D"
    assert best(lambda each: every * each + kept) == "F"
    assert best(lambda each: every * each) == best(lambda each: (every - kept / 2) * each) == "G"
    assert best(lambda each: (every - kept / 2) * each + kept, room=cards * 24e9 - reserved) == "F"


def test_the_best_error_of_one_learner_is_not_taken_for_that_of_another():
    question = few_bit_offers.QUESTIONS["best_that_fits"]
    errors = sorted(question.right("qwen2.5-72b", times) for times in few_bit_offers.TIMES)
    assert all(more > (1 + question.tolerance) * less for less, more in pairwise(errors))
    assert all(abs(round(error, 2) - error) < question.tolerance * error for error in errors)  # as printed


def test_no_single_column_tells_the_best_offer_that_fits():
    offers = few_bit_offers.offers_with(10)
    best = next(offer for offer in offers if offer.error == RIGHT["best_that_fits"]("qwen2.5-72b", 10))
    columns = [
        lambda offer: offer.error,
        lambda offer: offer.bits,
        lambda offer: offer.bits + offer.scale_bits / offer.block,
    ]
    assert best not in [choose(offers, key=column) for choose in (min, max) for column in columns]


def test_the_offers_that_fit_are_those_of_a_count_by_hand():
    rest = 72_706_203_648 - 2_491_416_576
    sizes = {
        o.name: 2 * 2_491_416_576 + rest * (o.bits * o.block + o.scale_bits) / o.block / 8
        for o in few_bit_offers.offers_with(10)
    }
    assert {name for name, size in sizes.items() if size <= 2 * 24 * 2**30 - 5.7e9} == set("BCDEF")


@pytest.mark.parametrize("weights", scaled_blocks.BLOCKS)
def test_an_outlier_costs_the_error_that_plain_python_finds(weights):
    scale = -weights[-1] / 7
    errors = [round(weight / scale) * scale - weight for weight in weights]
    share = sum(e * e for e in errors) / sum(w * w for w in weights)
    assert RIGHT["error_of_a_block"](weights) == pytest.approx(100 * share**0.5, rel=1e-6)


@pytest.mark.parametrize("weights", scaled_blocks.BLOCKS)
def test_smaller_blocks_help_the_four_that_no_longer_share_the_outliers_scale_and_nobody_else(weights):
    errors = [abs(quantized(weights, "int4", block).values - weights) for block in (8, 4)]
    assert (errors[1][:4] < errors[0][:4]).all() and np.allclose(errors[0][4:], errors[1][4:])
    assert weights[-1] == min(weights, key=lambda weight: -abs(weight)) < 0
    assert sum(quantized(weights, "int4", 8).values == 0) >= 2


def test_every_format_of_the_questions_is_one_of_the_package():
    assert {offer.format for offer in few_bit_offers.offers_with(10)} < set(FORMATS)

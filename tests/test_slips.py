"""What went wrong in each claim: every slip has a kind and a tool, chains end, rounding is told from a slip, and the
pictures of written over computed show what their tables say."""

import dataclasses
import math
import re
import statistics
from fractions import Fraction

import numpy as np
import pytest
from drawing import check, drawings, read
from test_sources import as_printed, step
from test_views import number, table_of

import llmcalc.views.slips
from llmcalc import claims
from llmcalc.slips import (
    KINDS,
    SLIPS,
    SUSPECTS,
    TOOLS,
    exact_ratios,
    printed_step,
    ratios,
    rounds_to,
    slip_of,
    suspects,
)
from llmcalc.sources import DOCUMENTS, VERDICTS
from llmcalc.views.slips import BANDS, claims_against, factor_check, verdicts, written_over_computed

EVERY = {claim.id: claim for claim in claims()}
NUMBERED = [claim for claim in EVERY.values() if claim.computed is not None]

# --- the classification ---------------------------------------------------------------------------------------------


def test_what_slips_or_approximates_has_one_kind_and_nothing_else_has():
    assert set(SLIPS) == {id for id, claim in EVERY.items() if claim.verdict in ("slips", "approximates")}
    for claim in EVERY.values():
        assert slip_of(claim) == SLIPS.get(claim.id)


@pytest.mark.parametrize("id", SLIPS)
def test_kind_and_tool_are_known_and_a_chain_ends_where_it_began(id):
    slip = SLIPS[id]
    assert slip.kind in KINDS and slip.tool in TOOLS
    if slip.origin:
        origin = SLIPS[slip.origin]
        assert origin.kind == slip.kind and origin.origin is None
        assert EVERY[slip.origin].verdict == EVERY[id].verdict == "slips"


def test_what_says_that_it_is_carried_over_names_its_origin():
    """The reasons of the claims were written by others; "carried over" in them and an origin here go together."""
    by_reason = {id for id, claim in EVERY.items() if "carried over from" in claim.why and claim.verdict == "slips"}
    assert by_reason == {id for id, slip in SLIPS.items() if slip.origin}


def test_every_kind_and_every_tool_is_used():
    assert {slip.kind for slip in SLIPS.values()} == set(KINDS)
    assert {slip.tool for slip in SLIPS.values()} == set(TOOLS)


BY_HAND = {
    ("units", "dimensions"): {"mlp-kb-to-mb", "mlp-batch-quotient", "slides-flop-seconds"},
    ("units", "order of magnitude"): {"mlp-max-batch", "mlp-throughput"},
    ("counted twice", "measurement"): {"deepdive-peak-sum"},
    ("counted twice", "second derivation"): {"framework-13b-total", "framework-13b-margin"},
    ("wrong object", "measurement"): {"deepdive-peak-when"},
    ("wrong object", "limiting case"): {"slides-with-activations", "deepdive-10-percent-formula"},
    ("wrong object", "second derivation"): {
        "deepdive-working-memory", "deepdive-gpt3-coefficients", "framework-lora-smaller-model"},
    ("out of range", "limiting case"): {"mlp-flops-per-sample", "slides-bottleneck"},
    ("out of range", "measurement"): {"slides-gradients", "deepdive-pruning"},
}  # fmt: skip
"""The smaller groups, as somebody who reads the documents puts them."""


@pytest.mark.parametrize("kind_and_tool", BY_HAND, ids=" ".join)
def test_kinds_and_tools_of_the_smaller_groups(kind_and_tool):
    found = {id for id, slip in SLIPS.items() if (slip.kind, slip.tool) == kind_and_tool}
    assert found == BY_HAND[kind_and_tool]


def test_units_leave_the_factor_of_a_unit_or_hide_in_a_rate():
    units = [EVERY[id] for id, slip in SLIPS.items() if slip.kind == "units"]
    assert {name for claim in units for ratio in ratios(claim) for name in suspects(ratio, within=0.03)} <= {
        "kB and KiB", "GB and MB, or any prefix", "bits and bytes", "hours and days", "seconds and hours"
    }  # fmt: skip


def test_only_what_approximates_is_merely_rounded():
    assert all(EVERY[id].verdict == "approximates" for id, slip in SLIPS.items() if slip.kind == "rounded")


def test_what_is_left_out_makes_a_number_too_small_and_what_is_counted_twice_too_large():
    for id, slip in SLIPS.items():
        found = ratios(EVERY[id]) if EVERY[id].verdict == "slips" else []
        assert all(ratio < 1 for ratio in found if slip.kind == "left out"), id
        assert all(ratio > 1 for ratio in found if slip.kind == "counted twice"), id


def test_an_order_of_magnitude_shows_only_what_is_off_by_one():
    for id, slip in SLIPS.items():
        if slip.tool == "order of magnitude":
            assert max(max(ratio, 1 / ratio) for ratio in ratios(EVERY[id])) > 10


def test_a_slip_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SLIPS["mlp-throughput"].kind = "rounded"


# --- rounding -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written, last",
    [(16.67, "0.01"), (437e9, "1e9"), (123_383_808, "1"), (0.4297, "0.0001"), (20, "10"), (4, "1"), (8.64e19, "1e17"),
     (0.07, "0.01"), (1_976e6, "1e6"), (0, "1")],
)  # fmt: skip
def test_the_last_printed_digit(written, last):
    assert printed_step(written) == Fraction(last) == step(written)


def test_rounding_ends_at_half_of_the_last_digit():
    assert (
        rounds_to(1.5, Fraction("1.55"))
        == rounds_to(1.5, Fraction("1.45"))
        == rounds_to(3.7, 3.74)
        == rounds_to(4, 4.5)
        == 1
    )
    assert not rounds_to(1.5, Fraction("1.5501")) and not rounds_to(4, 4.6) and not rounds_to(3.7, 3.9)


def test_what_holds_is_rounded_at_most_and_the_tests_of_claims_judge_alike():
    for claim in NUMBERED:
        pairs = list(zip(*(v if isinstance(v, list) else [v] for v in (claim.claimed, claim.computed)), strict=True))
        assert [rounds_to(*pair) for pair in pairs] == [as_printed(*pair) for pair in pairs]
        assert claim.verdict != "holds" or all(rounds_to(*pair) for pair in pairs)


CALLS = {
    "printed_step: written": printed_step,
    "rounds_to: written": lambda value: rounds_to(value, 1),
    "rounds_to: computed": lambda value: rounds_to(1, value),
    "suspects: ratio": suspects,
    "suspects: within": lambda value: suspects(8, within=value),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), -float("inf"), "4", None, True, np.bool_(True), np.array([1, 2])], ids=repr
)
def test_what_is_no_number_is_refused(name, value):
    with pytest.raises((TypeError, ValueError), match=f"^{name} must be .*number, got") as told:
        CALLS[name](value)
    assert str(told.value).endswith("-inf") or str(value) != "-inf"


def test_a_width_that_holds_every_factor_is_refused():
    with pytest.raises(ValueError, match="suspects: within must be at most 1, got 1e"):
        suspects(8, within=1e300)


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.float16, Fraction, np.array])
def test_numbers_of_every_kind_are_read_as_they_are_printed(kind):
    assert printed_step(kind(1.5)) == Fraction(1, 10) and printed_step(np.float32(0.1)) == Fraction(1, 10)
    assert rounds_to(kind(1.5), kind(1.53125)) and not rounds_to(kind(1.5), kind(1.5625))
    assert printed_step(np.int64(400)) == 100 and printed_step(-16.67) == Fraction(1, 100)
    assert "This is rounding" in factor_check(kind(1.5), kind(1.53125))


def test_a_fraction_without_end_is_no_printed_number():
    with pytest.raises(ValueError, match="printed_step: written must be a number that can be printed, got 1/3"):
        printed_step(Fraction(1, 3))
    assert rounds_to(0.3, Fraction(1, 3))


def test_half_a_step_is_half_of_the_printed_digits():
    """0.3 is a little less than 3/10 in floating point."""
    assert rounds_to(0.3, Fraction("0.35")) and rounds_to(0.3, Fraction("0.25"))


@pytest.mark.parametrize("ratio", [0, -1])
def test_a_ratio_is_positive(ratio):
    with pytest.raises(ValueError, match="suspects: ratio must be a positive number"):
        suspects(ratio)


# --- factors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SUSPECTS)
def test_a_factor_is_recognised_from_both_sides(name):
    factor = float(SUSPECTS[name])
    assert name in suspects(factor) and name in suspects(1 / factor) and name in suspects(1.009 * factor)
    assert name not in suspects(1.05 * factor)


@pytest.mark.parametrize("name", SUSPECTS)
@pytest.mark.parametrize("inverse", [False, True])
def test_a_name_stands_for_one_percent_around_its_factor(name, inverse):
    factor = float(SUSPECTS[name])
    alike = [other for other, each in SUSPECTS.items() if each == SUSPECTS[name]]
    for by, named in ((1.0099, alike), (1 / 1.0099, alike), (1.015, []), (1 / 1.015, [])):
        ratio = factor * by
        assert suspects(1 / ratio if inverse else ratio) == named


def test_a_factor_is_named_only_beyond_its_middle():
    """However wide one looks: 1.42 is nearer to 2 than to 1, 1.41 is not, by their ratios."""
    for name, factor in SUSPECTS.items():
        middle = float(factor) ** 0.5
        assert (name in suspects(middle * 1.001, within=1)) is (middle / 1.001 <= 2)
        assert name not in suspects(middle / 1.001, within=1)


@pytest.mark.parametrize("ratio", [1, 1.001, 1.01, 0.99, 1.75, 5, 0.15])
def test_what_is_near_no_factor_has_no_name(ratio):
    assert suspects(ratio) == []


def test_near_one_nothing_is_suspected_however_wide_one_looks():
    assert suspects(1, within=0.5) == suspects(1.01, within=0.1) == []


def test_the_known_factors():
    by_hand = [1.024, 1.073741824, 8 / 6, 2, 2, 2, 3, 16 / 4, 8, 10, 24, 60, 1000, 3600]
    assert [float(factor) for factor in SUSPECTS.values()] == pytest.approx(by_hand)


# --- pictures -------------------------------------------------------------------------------------------------------


def test_the_table_of_verdicts_counts_every_claim():
    *rows, together = table_of(verdicts())
    assert [row[0] for row in rows] == list(DOCUMENTS)
    for name, *counts, total in rows:
        found = [claim.verdict for claim in EVERY.values() if claim.document == name]
        assert [int(count) for count in counts] == [found.count(verdict) for verdict in VERDICTS]
        assert int(total) == len(found)
        assert table_of(verdicts(name)) == [[name, *counts, total]]
    assert together == ["together", "55", "22", "13", "33", "123"]


def test_each_verdict_has_its_ratios_on_its_line_and_its_counts_in_the_table(handed):
    seen, html = handed(llmcalc.views.slips, "number_line", written_over_computed)
    ((lines,), rows) = seen["args"], {row[0]: [int(cell) for cell in row[1:]] for row in table_of(html)}
    assert list(lines) == ["what comes out", *VERDICTS] and lines["what comes out"] == [1]
    for verdict in VERDICTS:
        found = [claim for claim in NUMBERED if claim.verdict == verdict]
        assert lines[verdict] == sorted({max(ratio, 1e-4) for claim in found for ratio in ratios(claim)})
        assert sum(rows[verdict]) == len(found) and len(rows[verdict]) == len(BANDS)
    assert seen["x_label"].endswith("(cut off at 0.0001)") and min(map(min, lines.values())) == 1e-4
    assert "1.9e-14 and 108 times" in seen["says"]
    assert rows["holds"][3:] == rows["approximates"][3:] == [0, 0] and rows["slips"][0] == 0
    far = [claim for claim in NUMBERED if max(max(ratio, 1 / ratio) for ratio in ratios(claim)) > 10]
    assert sum(row[-1] for row in rows.values()) == len(far) == 6
    (drawing,) = map(check, drawings(html))
    assert drawing.says.startswith(f"{len(NUMBERED)} claims have a number.")


def test_what_is_off_by_ten_percent_is_off_by_up_to_ten_percent():
    """4 GB for 4.4 GB: 4.4 / 4 - 1 is more than 0.1 in floating point."""
    claim = EVERY["mlp-total-weight-bytes"]
    assert 1 / ratios(claim)[0] - 1 > 0.1 and 1 / exact_ratios(claim)[0] - 1 == BANDS["up to 10%"]
    rows = {row[0]: [int(cell) for cell in row[1:]] for row in table_of(written_over_computed())}
    assert rows["slips"] == [0, 6, 3, 10, 6]


@pytest.mark.parametrize(
    "values",
    [{}, {"verdict": "all"}, {"verdict": "holds"}, {"document": "slides"}, {"kind": "left out"},
     {"tool": "measurement", "verdict": "approximates"}, {"kind": "units", "verdict": "convention"}],
)  # fmt: skip
def test_the_chosen_claims_are_in_the_table_and_their_ratios_in_the_picture(handed, values):
    seen, html = handed(llmcalc.views.slips, "ranges", claims_against, **values)
    chosen = [
        claim
        for claim in EVERY.values()
        if values.get("document", claim.document) == claim.document
        and values.get("verdict", "slips") in ("all", claim.verdict)
        and ("kind" not in values or getattr(slip_of(claim), "kind", None) == values["kind"])
        and ("tool" not in values or getattr(slip_of(claim), "tool", None) == values["tool"])
    ]
    assert sorted(row[5] for row in table_of(html)) == sorted(claim.why for claim in chosen)
    assert seen["says"].startswith(f"{len(chosen)} of {len(EVERY)} claims")
    (bars,) = seen["args"]
    drawn = 0
    for claim in chosen:
        name = f"{claim.document}: {claim.id.removeprefix(claim.document + '-').replace('-', ' ')}"
        if name in bars:
            low, middle, high = bars[name]
            expected = [max(ratio, 1e-4) for ratio in ratios(claim)]
            assert (low, high) == (min(1, *expected), max(1, *expected)) and middle in expected
            drawn += 1
        else:
            assert all(abs(ratio - 1) < 0.0051 for ratio in ratios(claim))
    rest = [claim for claim in chosen if ratios(claim)]
    (group,) = [int(name.split()[0]) for name in bars if "within" in name] or [0]
    assert drawn + group == len(rest)
    middles = [bars[name][1] for name in bars if ": " in name]
    assert middles == sorted(middles)


def test_the_table_is_sorted_by_kind_and_says_what_is_carried_over():
    rows = table_of(claims_against())
    kinds = [row[3].split(",")[0] for row in rows]
    assert kinds == sorted(kinds, key=list(KINDS).index)
    assert sum(", carried over" in row[3] for row in rows) == sum(bool(slip.origin) for slip in SLIPS.values()) == 11
    approximate = table_of(claims_against(verdict="approximates"))
    assert all(row[3].endswith(" (approximates)") for row in approximate) and len(approximate) == 22


def test_what_is_written_and_what_comes_out_stand_in_the_table_as_they_are():
    rows = {row[0]: row for row in table_of(claims_against(verdict="all"))}
    assert rows["mlp: max batch (samples)"][1:5] == ["9", "9,090", "units, carried over", "order of magnitude"]
    assert rows["slides: gradients (B/parameter)"][1:3] == ["4, 2, 1", "4, 2, 2"]
    assert rows["deepdive: 10 percent formula (x)"][1:3] == ["3.7", "1.93e+14"]
    assert rows["framework: lora"][1:3] == ["", ""] and rows["deepdive: heads"][3:5] == ["holds", ""]


@pytest.mark.parametrize(
    ("written", "comes_out", "said"),
    [(9.31, 9_090.9, "Within 3% of this factor: GB and MB, or any prefix"), (494, 493.67, "This is rounding."),
     (1, 8, "bits and bytes"), (364, 208, "count again"), (1.005, 1.0, "count again"), (7, 7, "They are equal.")],
)  # fmt: skip
def test_two_numbers_are_judged(handed, written, comes_out, said):
    seen, html = handed(llmcalc.views.slips, "ranges", factor_check, written=written, comes_out=comes_out)
    assert said in seen["says"]
    (bars,), (label, at) = seen["args"], seen["limit"]
    factor = max(written / comes_out, comes_out / written)
    assert at == pytest.approx(factor) and label == f"yours: {factor:,.5g}"
    for name, known, over in table_of(html):
        assert bars[name] == (1, float(SUSPECTS[name]), float(SUSPECTS[name]))
        assert float(number(known)) == pytest.approx(bars[name][1], rel=1e-4)
        assert float(over) == pytest.approx(factor / bars[name][1], rel=1e-3)
    assert read(drawings(html)[0]).says == seen["says"]


@pytest.mark.parametrize(
    ("view", "values"),
    [(claims_against, {"document": "blog"}), (claims_against, {"verdict": "right"}), (claims_against, {"kind": "typo"}),
     (claims_against, {"tool": "luck"}), (verdicts, {"document": "blog"}), (factor_check, {"written": 0}),
     (factor_check, {"comes_out": -1}), (factor_check, {"written": 5e-324}), (factor_check, {"written": 1e308})],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_by_name(view, values):
    (name,) = values
    with pytest.raises((TypeError, ValueError), match=rf"{view.__name__}: {name}\b"):
        view(**values)


def test_a_control_does_not_wait_for_the_formulas(monkeypatch):
    claims_against()
    monkeypatch.setattr(llmcalc.views.slips, "claims", lambda: pytest.fail("worked out again"))
    assert re.search("33 of 123", claims_against())


# --- what the pictures say ------------------------------------------------------------------------------------------


def off(claim):
    """By how much the larger of written and computed is more than the smaller, worked out from the claim itself."""
    pairs = zip(*(v if isinstance(v, list) else [v] for v in (claim.claimed, claim.computed)), strict=True)
    return max(Fraction(max(pair)) / Fraction(min(pair)) - 1 for pair in pairs)


def test_the_words_under_all_ratios_are_those_of_the_claims(handed):
    seen, _ = handed(llmcalc.views.slips, "number_line", written_over_computed)
    calm = [off(claim) for claim in NUMBERED if claim.verdict in ("holds", "approximates")]
    slips = [ratio for claim in NUMBERED if claim.verdict == "slips" for ratio in ratios(claim)]
    assert f"off by at most {float(max(calm)):.1%}; " in seen["says"]
    assert f"slips lie between {min(slips):.2g} and {max(slips):.4g} times" in seen["says"]
    assert seen["x_log"] is True and seen["x_label"].startswith("written over what comes out")


@pytest.mark.parametrize("verdict", VERDICTS)
def test_the_bands_count_what_is_off_by_so_much(verdict):
    found = [off(claim) for claim in NUMBERED if claim.verdict == verdict]
    ends = [0, Fraction(1, 100), Fraction(1, 10), 9, float("inf")]
    counts = [sum(low < one <= high for one in found) for low, high in zip([-1, *ends], ends, strict=False)]
    (row,) = [row for row in table_of(written_over_computed()) if row[0] == verdict]
    assert [int(cell) for cell in row[1:]] == counts


@pytest.mark.parametrize("values", [{}, {"verdict": "all"}, {"document": "slides"}, {"kind": "units"}])
def test_the_words_under_chosen_claims_name_the_farthest(handed, values):
    seen, _ = handed(llmcalc.views.slips, "ranges", claims_against, **values)
    chosen = [
        claim
        for claim in NUMBERED
        if values.get("document", claim.document) == claim.document
        and values.get("verdict", "slips") in ("all", claim.verdict)
        and ("kind" not in values or getattr(slip_of(claim), "kind", None) == values["kind"])
    ]
    apart = [claim for claim in chosen if off(claim) > Fraction(5, 1000)]
    worst = max(apart, key=off)
    farthest = max(ratios(worst), key=lambda ratio: abs(math.log(ratio)))
    name = worst.id.removeprefix(f"{worst.document}-").replace("-", " ")
    assert f"{len(apart)} of the {len(chosen)} with a number are off by more than 0.5%." in seen["says"]
    assert seen["says"].endswith(f"The farthest, {worst.document}: {name}, has {farthest:.3g} times what comes out.")
    assert seen["limit"] == ("what comes out", 1) and seen["x_log"] is True
    cut = any(ratio < 1e-4 for claim in chosen for ratio in ratios(claim))
    assert seen["x_label"] == "written over what comes out" + (" (cut off at 0.0001)" if cut else "")


def test_what_is_nearly_right_shares_a_row_with_its_middle_marked(handed):
    seen, _ = handed(llmcalc.views.slips, "ranges", claims_against, verdict="all")
    near = [ratio for claim in NUMBERED if off(claim) <= Fraction(5, 1000) for ratio in ratios(claim)]
    (bar,) = [bar for name, bar in seen["args"][0].items() if name.endswith("within 0.5%")]
    assert bar == (min(near), statistics.median(near), max(near))


@pytest.mark.parametrize(("by", "said"), [(1.029, "bits and bytes"), (1.031, "count again"), (1.045, "count again")])
def test_three_percent_around_a_factor_are_near_it(by, said):
    assert said in factor_check(float(round(8 * by * 1e6)), 1_000_001.0)


def test_the_factors_stand_on_an_axis_of_ratios(handed):
    seen, _ = handed(llmcalc.views.slips, "ranges", factor_check)
    assert seen["x_log"] is True and seen["x_label"] == "factor"

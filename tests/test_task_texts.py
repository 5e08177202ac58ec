"""The tasks of exercises 08, 09 and 11 say in words what their checks count with, and what closes them is true.

How long a recap takes is said truly as well.
"""

import re
from fractions import Fraction

import nbformat
import pytest
from workshop import MASTERS, RECAP_MASTERS

from llmcalc import checks, gpu
from llmcalc.checks import adapters, alarms, audits, cache, chat_service, cluster_plans, printed_numbers, split_models
from llmcalc.collectives import all_reduce_bytes
from llmcalc.communication import sequence_parallel_traffic_bytes
from llmcalc.tables import CHINCHILLA_OPTIMA

PARTS = {
    Fraction(1, 10): "a tenth of",
    Fraction(9, 10): "nine tenths",
    Fraction(7, 10): "0.7 of",
    Fraction(1, 2): "half of",
    Fraction(1, 4): "a quarter of",
}
COUNTS = dict(enumerate("no one two three four five six seven eight nine ten".split()))


def text(number, cell):
    """What a cell of a solution says, its answers included."""
    (path,) = [path for path in MASTERS if path.name.startswith(number)]
    return next(each.source for each in nbformat.read(path, as_version=4).cells if each.id == cell)


def says(number, cell, *phrases):
    found = re.sub(r"\s+", " ", text(number, cell))
    missing = [phrase for phrase in phrases if phrase.lower() not in found.lower()]
    assert not missing, f"{missing} not in {cell}: {found[:2000]}"


# --- rules


def test_the_service_says_which_parts_of_a_card_it_counts_on():
    usable, reads, computes = (PARTS[part] for part in (chat_service.USABLE, chat_service.READS, chat_service.COMPUTES))
    memory, reading, computing = (
        re.search(rf"- \*{name}\.\*(.*)", text("08", "service-question"))[1]
        for name in ("Memory", "Reading", "Computing")
    )
    assert usable in memory and reads in reading and computes in computing
    assert "2 FLOP for each parameter" in computing


def test_a_tenth_stays_free_for_the_documents():
    says("08", "longest-question", PARTS[cache.FREE_SHARE], "8 bits")
    assert cache.READINGS == 4
    says("08", "longest-question", "four long documents")


def test_the_rank_of_the_adapters_is_that_of_the_report():
    says("08", "tuning-question", f"rank {adapters.TUNED_RANK}", "*every* linear layer")


def test_the_planned_layout_is_that_of_the_task():
    plan = split_models.PLANNED
    says(
        "09",
        "slip-question",
        f"{plan['stages']} stages",
        f"{plan['copies']} copies",
        f"batch of {plan['batch']} sequences",
        f"a micro-batch is {plan['micro_batch']} sequences",
    )
    values = ", ".join(str(plan[key]) for key in ("stages", "copies", "batch", "micro_batch"))
    assert f"= 8, {values}" in text("09", "slip-report")


def test_the_sums_within_a_layer_are_as_many_as_the_task_says():
    sums = sequence_parallel_traffic_bytes(64, 1, 32, 1, 4) / all_reduce_bytes(2 * 64 * 32, 4)
    says(
        "09",
        "least-question",
        f"as much as {COUNTS[sums]} all-reduces",
        "2 bytes for each token",
        "2 + 2 bytes",
        "12 b",
    )


def test_the_smallest_cluster_keeps_free_what_the_task_says():
    says("09", "fewest-question", "2 + 2 + 12 bytes", "cards of 40 GB", "10 GB free")
    assert "40e9, 10e9" in text("09", "fewest-values")


def test_the_report_of_the_sending_says_what_it_computes():
    sent = checks.sending_over_computing
    (found,) = [each for each in sent.mistakes if each.name == "bits taken for bytes, and a card at its peak"]
    says("11", "sending-question", f"takes {found.gives():.0%} as long", "6 operations", "in bf16")


def test_the_cache_is_so_many_times_too_large():
    each = alarms.CACHED["llama-3-70b"]
    factor = alarms.cached_by_program(each) / alarms.cached(each)
    says("11", "cache-question", f"gives {factor:.0f} times as much")


@pytest.mark.parametrize("number", printed_numbers.ROWS)
def test_the_formula_of_the_rows_counts_what_the_check_counts(number):
    formula = re.search(r"\$\$\s*(.+?)\s*\$\$", text("11", "rows-question"), re.DOTALL)[1]
    assert formula == r"L\,(5dI + 8d^2) + 32000\,d"
    row = printed_numbers.ROWS[number]
    L, d, I = row.layers, row.width, row.heads * row.head_dim  # noqa: E741, as in the formula
    formula_says = L * (5 * d * I + 8 * d**2) + 32_000 * d
    assert formula_says < printed_numbers.counted(row) < 1.001 * formula_says
    says("11", "rows-question", "larger by less than a thousandth")


def test_the_page_has_as_many_wrong_lines_as_the_task_says():
    wrong = sum(line.kind is not None for line in audits.PAGE.values())
    says("11", "page-question", f"{COUNTS[len(audits.PAGE)]} lines", f"**{COUNTS[wrong]} of them are wrong**")
    assert all(f'`"{kind}"`' in text("11", "page-question") for kind in audits.KINDS)


# --- what closes them


@pytest.mark.parametrize(
    "path",
    [*(path for path in MASTERS if path.name[:2] in ("08", "09", "11")), *RECAP_MASTERS],
    ids=lambda path: path.stem,
)
def test_the_minutes_are_those_of_the_questions(path):
    cells = nbformat.read(path, as_version=4).cells
    minutes = [int(found) for cell in cells for found in re.findall(r"^## \d+ .*●+ (\d+) minutes?", cell.source, re.M)]
    (how,) = [cell.source for cell in cells if cell.id == "how"]
    said = int(re.search(r"about (\d+) minutes", how)[1])
    assert len(minutes) == (10 if path in RECAP_MASTERS else 9) and abs(sum(minutes) - said) <= 2


def test_a_quarter_of_what_fits_can_be_served_in_time_and_the_last_column_says_why():
    cards = {offer.name: offer for offer in chat_service.OFFERS}
    fit, read, _ = chat_service.limits(cards["A"])
    (part,) = [words for share, words in PARTS.items() if abs(read / fit - share) < 0.02]
    winner = min(cards.values(), key=chat_service._bill)
    often = [offer.card.memory_bytes_per_second / offer.card.memory_bytes for offer in (cards["A"], winner)]
    says("08", "done", f"{part} the conversations that fit", f"{often[0]:.1f} for A and {often[1]:.1f} for the winner")
    assert often[0] < chat_service.PACE < often[1]
    assert cards["F"].weight_bits / cards["E"].weight_bits > 3
    assert chat_service._bill(cards["E"]) == chat_service._bill(cards["F"])


def test_the_winning_layout_is_the_one_that_is_named_and_three_lose_less():
    layouts = sorted(cluster_plans.LAYOUTS, key=cluster_plans._lost)
    room = cluster_plans.CARD - cluster_plans.FREE
    best = next(layout for layout in layouts if cluster_plans.held(layout) <= room)
    better = layouts[: layouts.index(best)]
    copies, tensor, stages = best
    others = COUNTS[len(better)]
    says(
        "09",
        "done",
        f"{others} others lose less",
        f"the {others} that lose less have {COUNTS[tensor]} GPUs for each matrix as well, and fewer stages",
        f"{COUNTS[copies]} copies of {stages} stages, with {COUNTS[tensor]} GPUs for each matrix",
    )
    assert all(layout[1] == tensor and layout[2] < stages for layout in better)
    most = cluster_plans._lost((8, 8, 1)) / cluster_plans._lost(best)
    assert 1.8 < most < 2
    says("09", "least-question", "nearly twice as much as the best")


def test_traffic_and_work_of_a_parameter_are_those_of_the_closing_answer():
    says("09", "done", "six bytes of traffic (two for each of three operations", "same six FLOP")
    weights, gpus = 1000, 16
    from_operations = 3 * 2 * weights * (gpus - 1) / gpus
    assert from_operations / (weights * (gpus - 1) / gpus) == 6


def test_the_three_rows_of_the_table_are_judged_as_the_closing_answer_says():
    rows = [r for r in CHINCHILLA_OPTIMA if r.approach == 3 and r.parameters in (10 * 10**9, 67 * 10**9, 175 * 10**9)]
    rules = [6 * row.parameters * row.tokens for row in rows]
    words = [checks.verdict.right(row.flops, rule, 3) for row, rule in zip(rows, rules, strict=True)]
    off = rows[1].flops / rules[1] - 1
    says("11", "verdict-use", ", ".join(words), f"{off:.0%} away", f"is {67.5 * 4150 / (67 * 4100) - 1:.0%} at most")
    assert rules[2] / rows[2].flops == pytest.approx(10, rel=0.01)


def test_the_peak_of_the_report_is_half_of_the_right_one():
    assert gpu("a100-80gb").peak() == 2 * gpu("a100-80gb").peak("tf32")
    assert pytest.approx(2 * checks.share_of_the_right_peak.right()) == alarms.REPORTED
    says("11", "share-question", f"of {alarms.REPORTED:.0%}")
    says("11", "share-why", "It is half of the right one")

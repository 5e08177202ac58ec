"""The answers about plans hold against the planner; and an answer that is a plan is told what comes of it."""

from fractions import Fraction
from itertools import pairwise

import pytest

from llmcalc import checks, plan
from llmcalc.checks import batches, offers, questions, repairs
from llmcalc.checks.answers import StillOpen, Wrong
from llmcalc.units import GB, GIB

LEARNERS = ["", *(f"learner {number}" for number in range(12))]
STANDARD = offers.ways(offers.STANDARD)
JOB = offers.job("llama-3-8b")
BEST = {"gpu": "l40s", "gpus": 8, "zero": 3, "recompute": "full", "micro_batch": 1}


def verdict(need, memory):
    if need > memory:
        return "does not fit"
    return "fits" if need * Fraction(6, 5) <= memory else "too close to call"


def test_the_three_verdicts_are_those_of_the_planner():
    jobs = (Fraction("39.4") * GB, 48 * GB), (38 * GIB, 40 * GB), (67 * GB, 80 * GB)
    assert [verdict(*job) for job in jobs] == ["fits", "does not fit", "too close to call"]
    planned = plan("gpt2", "serving", context=1024)
    assert verdict(planned.total, planned.capacity) == planned.verdict


def test_the_largest_margin_is_just_enough():
    margin = checks.largest_margin.right(60, 80)
    assert 60 * (1 + margin) == pytest.approx(80)


@pytest.mark.parametrize("learner", LEARNERS)
def test_the_batch_fits_and_one_more_does_not(learner):
    preset, length, first = checks.batch_that_just_fits.values_of(learner)
    most = checks.batch_that_just_fits.right(preset, length, first)
    assert [batches.tuning(preset, length, n).verdict for n in (most, most + 1)] == ["fits", "too close to call"]
    assert all(batches.tuning(preset, length, n).fits for n in (first, 2 * first))


@pytest.mark.parametrize("values", [(480, 10, 60, 0.2, 4), (2900, 7, 80, 0.25, 8), (99, 1, 81, Fraction(1, 3), 3)])
def test_so_many_nodes_hold_a_training_and_one_less_does_not(values):
    states, kept, memory, margin, each = values
    gpus = checks.gpus_in_whole_nodes.right(*values)
    assert gpus % each == 0
    assert (states / gpus + kept) * (1 + margin) <= memory
    assert gpus == each or (states / (gpus - each) + kept) * (1 + margin) > memory


def test_a_rounded_formula_that_agrees_almost_everywhere_is_not_proved(capsys):
    def room(memory, margin, kept):
        return memory / (1 + margin) - kept

    checks.gpus_in_whole_nodes(lambda s, k, m, share, n: n * -(-s // (n * room(m, share, k))))
    checks.gpus_in_whole_nodes(lambda s, k, m, share, n: n * -(-s * (1 + share) // (n * (m - k * (1 + share)))))
    assert capsys.readouterr().out.count("for every input") == 2
    for more in (1, -1):
        with pytest.raises(Wrong):
            checks.gpus_in_whole_nodes(lambda s, k, m, share, n, by=more: n * -(-(s + by) // (n * room(m, share, k))))
    with pytest.raises(Wrong, match="a node too many"):
        checks.gpus_in_whole_nodes(lambda s, k, m, share, n: n * (s // (n * room(m, share, k)) + 1))


def test_the_first_change_is_the_planners_own():
    asked = plan("llama-3.2-3b", "training", gpu="a100-80gb", batch=8, sequence=2048)
    assert asked.changes[0].arguments["micro_batch"] == 1
    assert "61.2 GB" in checks.first_change.because and round(asked.changes[0].plan.total / GB, 1) == 61.2
    fitting = {"sequence": 512}, {"gpus": 2, "zero": 3}
    not_enough = {"recompute": "full"}, {"optimizer": "adamw 8-bit"}
    assert all(asked.but(**way).fits for way in fitting) and not any(asked.but(**way).fits for way in not_enough)


def test_the_plan_with_the_slip_does_not_fit_once_it_is_put_right():
    node = {"gpu": "a100-80gb", "gpus": 8, "zero": 3, "sequence": 4096}
    right = plan("llama-13b", "training", batch=16, **node)
    assert right.verdict == "does not fit" and round(right.total / GB) == 90
    assert round(right.items["activations"] / GB, 1) == 64.4


def test_the_gap_grows_like_the_scores_and_nothing_else():
    gaps = [measured - planned for _, planned, measured in repairs.measured_runs()]
    assert all(3.9 < later / gap < 4 for gap, later in pairwise(gaps))


@pytest.mark.parametrize("learner", LEARNERS)
def test_adapters_cost_what_the_planner_counts(learner):
    ours = checks.put_aside_for_adapters.values_of(learner)
    tokens = ours.examples * ours.long * ours.epochs
    planned = plan("mistral-7b", "fine-tuning", method="lora", gpu="a6000", gpus=ours.cards, tokens=tokens)
    seconds = planned.flops / (planned.gpu.peak() * ours.slow)
    assert checks.put_aside_for_adapters.right(*ours) == pytest.approx(seconds / 3600 * ours.price)
    assert ours.slow < repairs.FAST


# --- the answer that is a plan


@pytest.fixture(autouse=True)
def nobody():
    """Every test begins and ends without a learner."""
    questions.sit("")
    yield
    questions.sit("")


def test_no_single_column_tells_the_cheapest_plan():
    """Neither the cheapest hour, nor the fewest or most cards, nor what needs no trick, nor what costs least at all."""
    tuned, in_time, *prices = checks.cheapest_plan.yours
    offered = offers.offered(*prices)
    best = offers.best(tuned, in_time, *prices)
    assert (tuned, in_time, offered) == ("llama-3-8b", 8, offers.STANDARD)
    assert best.gpu.name == BEST["gpu"]
    assert min(offered, key=lambda offer: offer.price).gpu != BEST["gpu"]
    assert max(offered, key=lambda offer: offer.price).gpu != BEST["gpu"]
    ways = [plan(**JOB, **way) for _, way in STANDARD]
    assert min(offers.bill(each, offered) for each in ways) < offers.bill(best, offered)
    fitting = [each for each in ways if each.fits]
    assert best.choices["recompute"] == "full" and any(each.choices["recompute"] == "none" for each in fitting)
    assert any(offers.hours(each) > in_time and each.seconds.middle < 3600 * 10 for each in fitting)
    assert any(each.gpu.name == BEST["gpu"] and each.verdict == "too close to call" for each in ways)


@pytest.mark.parametrize("tuned", offers.PRESETS)
def test_what_needs_least_memory_stands_for_all_that_take_as_long(tuned):
    """The cheapest plan is looked for among these few."""

    def kind(planned):
        return (
            planned.gpu.name,
            planned.gpus,
            planned.choices["recompute"],
            planned.seconds.high,
            planned.gpu_hours.middle,
        )

    ways = [plan(**offers.job(tuned), **way) for _, way in STANDARD]
    assert {kind(each) for each in ways if each.fits} == {kind(each) for each in offers.fitting(tuned)}


def test_learners_have_several_plans_to_find():
    found = {offers.best(*checks.cheapest_plan.values_of(f"learner {number}")).gpu.name for number in range(24)}
    assert len(found) > 1


@pytest.mark.parametrize("learner", LEARNERS)
def test_for_every_learner_who_forgets_a_condition_finds_another_plan(learner):
    """Searched for as a learner does, through all the ways."""
    questions.sit(learner)
    tuned, in_time, *prices = checks.cheapest_plan.yours
    rows = [
        (price, way, planned, 4 / 3 if way["recompute"] == "full" else 1)
        for price, way in offers.ways(offers.offered(*prices))
        if (planned := plan(**offers.job(tuned), **way)).fits
    ]

    def found(time, longer=True, limit=in_time):
        left = {}
        for price, way, planned, by in rows:
            if (by if longer else 1) * time(planned) <= 3600 * limit:
                left[by * price * planned.gpu_hours.middle] = way
        return left[min(left)]

    checks.cheapest_plan(lambda: found(slow))
    for wrong in (
        found(slow, limit=10**6),
        found(lambda planned: planned.seconds.middle),
        found(slow, longer=False),
    ):
        with pytest.raises(Wrong, match=f"a slow run is late: {in_time} hours|there is a cheaper one"):
            checks.cheapest_plan(lambda wrong=wrong: wrong)


def test_a_plan_for_another_learners_job_is_told_from_a_wrong_one():
    names = {"plan": plan, "in_time": 8, "job": JOB, "ways": STANDARD}
    exec("def answer():\n    return ways[0][1] if plan(**job, **ways[0][1]) else None", names)
    with pytest.raises(Wrong, match="The verdict is 'does not fit'"):
        checks.cheapest_plan(names["answer"])
    questions.sit("Ada")
    with pytest.raises(Wrong, match=r"`(in_time|job|ways)` is not the value you have now"):
        checks.cheapest_plan(names["answer"])


def slow(planned):
    return planned.seconds.high


@pytest.mark.parametrize(
    ("time", "times", "gpu"),
    [
        (lambda planned: 0, 4 / 3, "mi300x"),
        (lambda planned: planned.seconds.middle, 4 / 3, "rtx-4090"),
        (slow, 1, "rtx-4090"),
        (slow, 4 / 3, BEST["gpu"]),
    ],
    ids=["no limit", "a middling run", "recomputation for nothing", "right"],
)
def test_who_forgets_a_condition_finds_another_plan(time, times, gpu):
    def found():
        left = {}
        for price, way in STANDARD:
            planned = plan(**JOB, **way)
            by = times if way["recompute"] == "full" else 1
            if planned.fits and by * time(planned) <= 3600 * 8:
                left[by * price * planned.gpu_hours.middle] = way
        return left[min(left)]

    assert found()["gpu"] == gpu
    if gpu == BEST["gpu"]:
        return checks.cheapest_plan(found)
    with pytest.raises(Wrong, match="a slow run is late"):
        checks.cheapest_plan(found)


def test_a_right_plan_may_be_searched_for_with_the_planner(capsys):
    def searched():
        return {**BEST, "zero": next(zero for zero in (2, 3) if plan(**JOB, **BEST | {"zero": zero}).fits)}

    checks.cheapest_plan(searched)
    assert "27.89 dollars" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"recompute": "none"}, "too close to call'[.]\nEach GPU needs .* less than the margin"),
        ({"zero": 0}, "does not fit'[.]\nEach GPU needs .* are missing"),
        ({"gpu": "mi300x", "gpus": 1, "recompute": "none"}, "It fits: .* a slow run is late: 8 hours"),
        (
            {"gpu": "h100-sxm", "gpus": 4, "recompute": "none"},
            "fits and is in time: .* 36.99 dollars. But there is a ch",
        ),
        ({"gpu": "mi300x", "gpus": 2}, "That is not offered. On offer: mi300x 1 card, 2.80"),
        ({"gpus": 16}, "That is not offered. On offer: l40s 4 or 8 cards"),
        ({"gpus": "8"}, "'gpus' is one of 1, 2, 4, 8, 16; you chose '8'"),
        ({"zero": True}, "you chose True"),
        ({"gpu": ["l40s"]}, "'gpu' is one of 'rtx-4090'"),
        ({"price": 3}, "'price' is not yours to choose"),
    ],
    ids=str,
)
def test_a_wrong_plan_is_told_what_is_wrong_with_it(change, says):
    with pytest.raises(Wrong, match=f"(?s){says}"):
        checks.cheapest_plan(lambda: BEST | change)


@pytest.mark.parametrize("given", [None, "l40s", 27.89, (0.6, BEST), {}, {"gpu": "l40s"}], ids=repr)
def test_what_is_no_choice_is_refused_in_words(given):
    with pytest.raises(Wrong, match=r"Return a dict with 'gpu'|Your dict has no"):
        checks.cheapest_plan(lambda: given)


def test_what_the_planner_refuses_is_told_in_its_words(monkeypatch):
    monkeypatch.setitem(offers.JOB, "batch", 9)
    with pytest.raises(Wrong, match="The planner refuses: plan: batch must be shared evenly"):
        checks.cheapest_plan(lambda: BEST)


def unsolved():
    raise NotImplementedError()


def test_an_open_plan_says_so_kindly():
    with pytest.raises(StillOpen, match="still open"):
        checks.cheapest_plan(unsolved)

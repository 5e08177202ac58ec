"""The recap of lessons 08 to 11: its mistakes worked out a second time, what its replies say, and its mixed order."""

import math
import re
from itertools import combinations, pairwise, product

import nbformat
import pytest
from workshop import MASTERS

from llmcalc import checks, gpu, model, plan
from llmcalc.checks import recap_of_clusters
from llmcalc.checks.answers import Wrong
from llmcalc.checks.contents import EXERCISES
from llmcalc.checks.engine import Choice, Formula, Number
from llmcalc.communication import communication_ratio, data_parallel_traffic_bytes
from llmcalc.compute import training_flops
from llmcalc.finetuning import finetuning_ledger
from llmcalc.pipeline import idle_share, pipeline_bubble
from llmcalc.planning import MARGIN
from llmcalc.views.fitting import asked

TASKS = EXERCISES["recap_11"]
ASKED = {task.check: getattr(checks, task.check) for task in TASKS}
NUMBERS = {name: question for name, question in ASKED.items() if isinstance(question, Number)}

AGAIN = {
    # 10 billion weights of 6 bits are 7.5 GB; an H100 reads 3.35 TB/s and computes 989.4 TFLOP/s
    "tokens_of_one": ((10**10, 6), 3.35e12 / 7.5e9, {
        "the arithmetic as the bound": 989.4e12 / 2e10,
        "the arithmetic as the bound, with one operation for each weight": 989.4e12 / 1e10,
        "the arithmetic as the bound, with the operations of training": 989.4e12 / 6e10,
        "bits taken for bytes": 3.35e12 / 60e9,
        "eight on the wrong side of the fraction": 3.35e12 / 480e9,
        "two bytes for each weight": 3.35e12 / 20e9,
        "one byte for each weight": 3.35e12 / 10e9,
        "the rate of computing in place of that of reading": 989.4e12 / 7.5e9,
        "the fraction upside down: the seconds of a token": 7.5e9 / 3.35e12,
    }),
    # weights of 90 bytes and caches of 10: alone a step reads 100 of them, with five 140
    "gain_of_a_batch": ((90, 10, 5), 500 / 140, {
        "as many times as there are conversations (caches left out, or shared)": 5,
        "no gain: weights that are read again for each conversation": 1,
        "what a single one of them gets": 100 / 140,
        "the time of a step over the time of a step": 140 / 100,
        "the fraction upside down": 140 / 500,
        "no cache for the conversation that is alone": 450 / 140,
        "conversations without end": 100 / 10,
        "weights that are read for each conversation, and a single cache": 500 / 460,
        "parentheses missing below the line": 500 / 90 + 50,
        "tokens for each byte, of many only": 5 / 140,
    }),
    # 96 GB for states and margin, 80 GB for states: five billion of 16 bytes
    "largest_on_cards": ((24, 4), 5, {
        "no margin": 6,
        "a fifth of the card as the margin": 0.8 * 96 / 16,
        "a margin that makes the cards larger": 1.2 * 96 / 16,
        "states that are whole on every card": 20 / 16,
        "ZeRO stage 1": 20 / (2 + 2 + 12 / 4),
        "ZeRO stage 2": 20 / (2 + 14 / 4),
        "two bytes for each parameter: the weights alone": 40,
        "four bytes for each parameter": 20,
        "eight bytes for each parameter": 10,
        "twelve bytes for each parameter": 80 / 12,
        "fourteen bytes for each parameter": 80 / 14,
        "eighteen bytes for each parameter": 80 / 18,
        "twenty bytes for each parameter": 4,
        "GiB in place of GB": 5 * 1.024**3,
    }),
    # gradients of 20 GB, four GPUs, 10 GB/s
    "seconds_for_the_sum": ((10**10, 4, 80), 3, {
        "half of what is sent (one half of the ring, or one byte for each gradient)": 1.5,
        "the gradients sent once, as to a neighbour": 2,
        "two times the gradients in full": 4,
        "one GPU that collects everything and sends it back": 12,
        "gradients that everybody sends to everybody": 6,
        "a single part of the gradients": 0.5,
        "a single part of the gradients, sent twice": 1,
        "bits taken for bytes": 3 / 8,
        "gradients in fp32": 6,
        "the traffic of ZeRO stage 3": 4.5,
    }),
    # 100 parameters, four GPUs: 700 bytes on each in stage 1, 400 in stage 3
    "bytes_saved_by_stage_three": ((100, 4), 300, {
        "everything whole before (stage 0)": 1600 - 400,
        "stage 0 to stage 1": 1600 - 700,
        "stage 0 to stage 2": 1600 - 550,
        "half of it (weights alone, or gradients alone)": 150,
        "six bytes in place of those that are cut (fp32 gradients, or what stage 3 sends)": 450,
        "weights and gradients in fp32": 600,
        "nothing kept of what is cut": 400,
        "the share that stays": 100,
        "what stage 3 holds": 400,
        "what stage 1 holds": 700,
        "no share of the optimizer before, in stage 1": 0,
        "the difference the wrong way round": -300,
        "all GPUs together": 1200,
    }),
    # of 100 parts 80 are layers, of which 20 are missing: 40 are left where 20 should be
    "times_too_large": ((0.8, 0.25), 2, {
        "the embeddings off by the same share as the layers": 1.25,
        "the layers' error, not that of the embeddings": 0.75,
        "what is missing taken as a share of the model": 2.25,
        "what is missing taken for what the page finds": 4,
        "what is missing alone, as a share of the model": 0.2,
        "how much too large it is, not how many times as large": 1,
        "what is missing as a share of the model, and the embeddings themselves left out": 1.25,
        "layers that are too large": 0,
        "the share that the page leaves for the embeddings": 0.4,
        "the fraction upside down": 0.5,
        "a percentage in place of a factor": 200,
    }),
}  # fmt: skip


def cell(name):
    """A cell of the quiz with its answers."""
    (path,) = [path for path in MASTERS if path.stem == "recap_11"]
    return next(each for each in nbformat.read(path, as_version=4).cells if each.id == name)


@pytest.mark.parametrize("name", AGAIN)
def test_every_mistake_and_the_right_answer_come_to_what_is_said(name):
    values, right, amounts = AGAIN[name]
    question = ASKED[name]
    assert float(question.right(*values)) == pytest.approx(right, rel=1e-11)
    assert {mistake.name: float(mistake.gives(*values)) for mistake in question.mistakes} == pytest.approx(
        amounts, rel=1e-11, abs=1e-11
    )


@pytest.mark.parametrize("name", NUMBERS)
def test_no_learner_has_values_with_which_two_answers_look_alike(name):
    question, answers = NUMBERS[name], set()
    for values in product(*(own.options for own in question.values.values())):
        known = [question.right(*values), *(mistake.gives(*values) for mistake in question.mistakes)]
        answers.add(round(known[0], 9))
        for one, other in combinations(known, 2):
            assert not math.isclose(one, other, rel_tol=2 * question.tolerance), values
    assert len(answers) >= 12


# --- what the texts and the replies say


def test_every_model_fits_on_the_card_beside_which_it_is_read():
    size, bits = ASKED["tokens_of_one"].values.values()
    assert max(size.options) * max(bits.options) / 8 < gpu("h100-sxm").memory_bytes
    assert all(bits == each + 16 / 32 for bits, each in zip(sorted(bits.options), (4, 5, 6, 8), strict=True))


def test_memory_is_what_bounds_a_single_conversation():
    question = ASKED["tokens_of_one"]
    (arithmetic,) = [mistake for mistake in question.mistakes if mistake.name == "the arithmetic as the bound"]
    for values in product(*(own.options for own in question.values.values())):
        assert 50 * question.right(*values) < arithmetic.gives(*values)


def test_the_recipe_is_the_one_that_the_quiz_describes():
    assert recap_of_clusters.STATES == (2, 2, 3 * 4)
    assert "weights and gradients in 16 bits, and three numbers in fp32" in cell("how").source
    assert f"a margin of {100 // MARGIN}%" in cell("largest-question").source


@pytest.mark.parametrize(("memory", "cards"), [(80, 8), (24, 4)])
def test_the_largest_model_just_fits_with_its_margin(memory, cards):
    states = 16 * ASKED["largest_on_cards"].right(memory, cards) / cards
    assert 1.2 * states == pytest.approx(memory)


def test_twice_as_fast_a_card_needs_twice_the_tokens_whatever_the_model():
    def sending_over_computing(parameters, tokens, rate):
        sent = data_parallel_traffic_bytes(2 * parameters, 2)
        backward = training_flops(parameters, tokens) * 2 / 3
        return communication_ratio(sent, 50e9, backward, rate)

    before = sending_over_computing(10**9, 8000, 4e14)
    assert [sending_over_computing(2 * 10**9, tokens, 8e14) / before for tokens in (4000, 8000, 16_000, 32_000)] == [
        4, 2, 1, 0.5
    ]  # fmt: skip


def test_only_a_smaller_cache_makes_the_conversations_fit():
    assert '"serve, 16 bits", "llama-2-13b", "a100-80gb"' in cell("save-figure").source
    assert '"sequences_per_GPU": 20, "tokens": 4096' in cell("save-figure").source
    asked_for = asked("serve, 16 bits", "llama-2-13b", "a100-80gb", 1, 20, 4096)
    changes = {"a": {"weights": "nf4-double"}, "b": {"cache_bytes_per_value": 1}, "d": {"prefill": 1024}}
    assert not asked_for.fits
    assert [letter for letter, change in changes.items() if asked_for.but(**change).fits] == ["b"]
    assert plan("llama-2-13b", "serving", prefill=2048).items == plan("llama-2-13b", "serving").items
    items = asked_for.items
    assert set(items) == {"weights", "cache", "in flight"}  # nothing waits for a backward pass
    assert items["cache"] == max(items.values())
    assert 1.2 * (asked_for.total - items["weights"]) > asked_for.capacity


def test_adapters_leave_two_thirds_of_the_work_and_are_half_a_percent():
    llama = model("llama-3-8b")
    small = finetuning_ledger(llama, rank=16, targets="all-linear")
    assert small["adapters"] + small["gradients"] + small["optimizer"] == 16 * small.trainable
    assert small.trainable / llama.parameters.total == pytest.approx(0.005, abs=0.0005)
    report = cell("slip-report").outputs[0].text
    assert re.search(r"^c .* back 4 x 41\.9 million", report, re.M)


def test_the_other_formulas_fail_at_a_limit_that_their_replies_name():
    right = {(p, n): idle_share(pipeline_bubble(p, n)) for p in (1, 4, 10**6) for n in (1, 8)}
    offered = {
        "a": lambda p, n: p / (n + p),
        "b": lambda p, n: (p - 1) / n,
        "c": lambda p, n: (p - 1) / (n * p),
        "d": lambda p, n: (p - 1) / (n + p - 1),
    }
    assert all(offered["d"](p, n) == pytest.approx(idle) for (p, n), idle in right.items())
    assert right[1, 8] == 0 < offered["a"](1, 8)
    assert right[4, 1] < 1 < offered["b"](4, 1)
    assert right[10**6, 8] > 0.99 and offered["c"](10**6, 8) == pytest.approx(1 / 8, rel=1e-5)
    assert offered["c"](4, 1) == right[4, 1] and offered["c"](1, 8) == 0  # one limit is not enough


# --- the quiz as a whole


def test_neighbours_come_from_different_lessons_and_none_is_left_out():
    lessons = [task.lesson[:2] for task in TASKS]
    assert len(lessons) == 10 and set(lessons) == {"08", "09", "10", "11"}
    assert all(one != other for one, other in pairwise(lessons))


def test_the_kinds_are_mixed():
    kinds = [type(question) for question in ASKED.values()]
    assert [kinds.count(kind) for kind in (Number, Formula, Choice)] == [4, 2, 4]


@pytest.mark.parametrize(
    ("name", "answer", "says"),
    [
        ("tokens_of_one", lambda: 61_800, "the arithmetic as the bound"),
        ("tokens_of_one", lambda: 0.744, "a prefix lost on the way"),
        ("tokens_of_one", lambda: 1500, "2.01493 times the expected one"),
        ("tokens_of_one", lambda: 989.4e12 / 4.5e9, "Which of the two rates counts bytes"),
        ("gain_of_a_batch", lambda W, C, B: (W + C) / C, "their number is given"),
        ("gain_of_a_batch", lambda W, C, B: B * (W + C) / (B * W + C), "the same for everybody"),
        ("gain_of_a_batch", lambda weight_bytes, cache_bytes, batch: batch, "Can they use the same cache"),
        ("gain_of_a_batch", lambda weight_bytes, cache_bytes, batch: weight_bytes / cache_bytes, "Hint"),
        (
            "gain_of_a_batch",
            lambda W, C, B: B * (W + C) // (W + B * C),
            "whole numbers only|rounds on its way",
        ),
        ("largest_on_cards", lambda: 640e9 / 16 / 1.2, "a prefix lost on the way"),
        ("largest_on_cards", lambda: 40, "no margin"),
        ("largest_on_cards", lambda: 640 / 1.2 / 2, "the weights alone"),
        ("seconds_for_the_sum", lambda: 300, "a prefix lost on the way"),
        ("seconds_for_the_sum", lambda: 0.32, "Close"),
        ("bytes_saved_by_stage_three", lambda parameters, gpus: 4 * parameters, "nothing kept of what is cut"),
        ("bytes_saved_by_stage_three", lambda parameters, gpus: parameters - parameters / gpus, "that is 1/4"),
        ("seconds_for_the_sum", lambda: 4 * 4e9 * 8 / 16 / 4e11, "pass through each GPU"),
        ("bytes_saved_by_stage_three", lambda P, n: 4 * P - 16 * P / n, "the same share of the optimizer"),
        ("times_too_large", lambda: (1 - 0.98 * 0.06) / 0.02, "How much of the layers does the page count"),
        ("times_too_large", lambda: 0.98 * 0.06, "over what they really have"),
        ("times_too_large", lambda: 1.06, "the same share as the layers"),
        ("times_too_large", lambda: 4, "as a share of the model"),
        ("change_that_fits", lambda: "a", "Cover its part of the bar"),
        ("slip_in_adapters", lambda: "d", "multiplies correctly"),
        ("idle_by_limits", lambda: "(c)", "stages grow without end"),
        ("tokens_when_faster", lambda: "D.", "larger model against the sending only"),
    ],
)
def test_a_wrong_answer_gets_a_word_about_what_is_wrong(name, answer, says):
    with pytest.raises(Wrong, match=says):
        ASKED[name](answer)

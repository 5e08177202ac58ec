"""The recap of lessons 01 to 04: its mistakes worked out a second time, what its replies say, and its mixed order."""

import math
from itertools import combinations, pairwise, product

import pytest

from llmcalc import checks, gpu, model
from llmcalc.allocation import optimal_parameters
from llmcalc.checks.answers import Wrong
from llmcalc.checks.contents import EXERCISES
from llmcalc.checks.engine import Choice, Formula, Number
from llmcalc.compute import training_flops
from llmcalc.fits import fit
from llmcalc.inference import lifetime_flops
from llmcalc.memory import largest_batch
from llmcalc.scaling import chinchilla_loss, isoflop_loss, tokens_for_same_loss
from llmcalc.views.valleys import WELL_KNOWN

TASKS = EXERCISES["recap_04"]
ASKED = {task.check: getattr(checks, task.check) for task in TASKS}
NUMBERS = {name: question for name, question in ASKED.items() if isinstance(question, Number)}

# 6 layers, 10 wide: 12 x 100 in each, and 40 tokens with rows of 10
LAYERS, TABLE = 6 * 1200, 400
WIDE = 4 * LAYERS + 2 * TABLE
TOKENS_EACH = 989.4e12 * 0.5 / (6 * 10**9)
STATES, KEPT, MEMORY = 16 * 10**9, 4 * 300_000 * 1000, 24 * 10**9
TAKEN = STATES + KEPT

AGAIN = {
    "share_of_the_table": ((6, 10, 40), {
        "the table over the layers": TABLE / LAYERS,
        "the share of the layers": LAYERS / (LAYERS + TABLE),
        "the feed-forward part forgotten": TABLE / (6 * 400 + TABLE),
        "attention forgotten": TABLE / (6 * 800 + TABLE),
        "a table for the output besides": 2 * TABLE / (LAYERS + 2 * TABLE),
        "a single layer": TABLE / (1200 + TABLE),
        "a layer that grows with the width, not with its square": TABLE / (6 * 120 + TABLE),
        "a single number for each token of the table": 40 / (LAYERS + 40),
        "the fraction upside down": (LAYERS + TABLE) / TABLE,
        "a percentage in place of a share": 100 * TABLE / (LAYERS + TABLE),
        "the numbers of the table in place of a share": TABLE,
    }),
    "growth_by_width": ((6, 10, 40), {
        "four times everything (or no table)": 4,
        "twice everything": 2,
        "a table that stays as it is": (4 * LAYERS + TABLE) / (LAYERS + TABLE),
        "a feed-forward part that is no wider inside": (6 * (1600 + 1600) + 2 * TABLE) / (LAYERS + TABLE),
        "twice as many layers as well": (8 * LAYERS + 2 * TABLE) / (LAYERS + TABLE),
        "the feed-forward part forgotten": (6 * 1600 + 2 * TABLE) / (6 * 400 + TABLE),
        "attention forgotten": (6 * 3200 + 2 * TABLE) / (6 * 800 + TABLE),
        "a table for the output besides": (4 * LAYERS + 4 * TABLE) / (LAYERS + 2 * TABLE),
        "the table left out of the narrow model": WIDE / LAYERS,
        "the table left out of the wide model": 4 * LAYERS / (LAYERS + TABLE),
        "what is added, over what there was": (3 * LAYERS + TABLE) / (LAYERS + TABLE),
        "the parameters of the wide model": WIDE,
        "parentheses missing below the line": WIDE / LAYERS + TABLE,
        "the fraction upside down": (LAYERS + TABLE) / WIDE,
    }),
    "tokens_each_second": ((10**9, 0.5), {
        "the backward pass forgotten": 989.4e12 * 0.5 / (2 * 10**9),
        "the forward pass forgotten": 989.4e12 * 0.5 / (4 * 10**9),
        "twice the peak or half the work (the sparse peak, or additions forgotten)": 989.4e12 * 0.5 / (3 * 10**9),
        "six times the tokens (a single operation for each parameter, or the sparse peak and the forward pass alone)":
            989.4e12 * 0.5 / 10**9,
        "a second forward pass (recomputation)": 989.4e12 * 0.5 / (8 * 10**9),
        "the tokens of an hour": TOKENS_EACH * 3600,
        "the tokens of a day": TOKENS_EACH * 86_400,
        "the share that is reached forgotten": TOKENS_EACH * 2,
        "the share that is reached on the wrong side": TOKENS_EACH * 4,
        "the peak of the ordinary units (fp32)": 66.9e12 * 0.5 / (6 * 10**9),
        "the fraction upside down: the seconds of a token": 1 / TOKENS_EACH,
    }),
    "served_for_the_training": ((10, 200), {
        "a served token as dear as one of training": 200,
        "the backward pass alone for the training (or its tokens counted as served)": 400,
        "one operation for each parameter and served token": 1200,
        "a second forward pass in training (recomputation)": 800,
        "the fraction upside down": 200 / 3,
        "the parameters forgotten on the side of the service": 6000,
        "the parameters forgotten on the side of the training": 60,
        "the served tokens that cost as much as one token of the training": 3,
        "the work of the training": 12_000,
        "the rule of thumb for the text": 600,
    }),
    # eight is three doublings, each of which leaves four fifths
    "loss_left": ((0.8, 8), {
        "a single doubling": 0.8,
        "each doubling taking the same amount, not the same share": 0.4,
        "a doubling for each of the times": 0.8**8,
        "half as many doublings as times": 0.8**4,
        "a doubling too many": 0.4096,
        "a doubling too few": 0.64,
        "a share that is multiplied by the number of doublings": 2.4,
        "the natural logarithm": 0.8 ** math.log(8),
        "the decimal logarithm": 0.8 ** math.log10(8),
        "a loss in inverse proportion to the parameters": 0.125,
        "the share that is gone": 0.488,
        "the fraction upside down": 1 / 0.512,
        "a percentage in place of a share": 51.2,
    }),
    "free_beside_the_batch": ((10**9, 1000), {
        "weights alone for each parameter (or four numbers of one byte)": 1 - (4e9 + KEPT) / MEMORY,
        "two numbers for each parameter: no optimizer": 1 - (8e9 + KEPT) / MEMORY,
        "three numbers for each parameter": 1 - (12e9 + KEPT) / MEMORY,
        "no activations (or those of a single example)": 1 - STATES / MEMORY,
        "two bytes for each number": 1 - TAKEN / 2 / MEMORY,
        "one byte for each number that is kept": 1 - (STATES + 0.3e9) / MEMORY,
        "two bytes for each number that is kept": 1 - (STATES + 0.6e9) / MEMORY,
        "nothing kept for the parameters": 1 - KEPT / MEMORY,
        "four numbers for each one that is kept": 1 - (STATES + 4 * KEPT) / MEMORY,
        "two numbers for each one that is kept": 1 - (STATES + 2 * KEPT) / MEMORY,
        "GiB in place of GB": 1 - TAKEN / (24 * 1024**3),
        "the share that is taken": TAKEN / MEMORY,
        "what is free over what is taken": (MEMORY - TAKEN) / TAKEN,
        "bytes in place of a share": MEMORY - TAKEN,
        "GB in place of a share": 24 - TAKEN / 10**9,
        "a percentage in place of a share": 100 - 100 * TAKEN / MEMORY,
    }),
}  # fmt: skip

RIGHT = {
    "share_of_the_table": TABLE / (LAYERS + TABLE),
    "growth_by_width": WIDE / (LAYERS + TABLE),
    "tokens_each_second": TOKENS_EACH,
    "served_for_the_training": 600,
    "loss_left": 0.512,
    "free_beside_the_batch": 1 - TAKEN / MEMORY,
}


@pytest.mark.parametrize("name", AGAIN)
def test_every_mistake_and_the_right_answer_come_to_what_is_said(name):
    values, amounts = AGAIN[name]
    question = ASKED[name]
    assert float(question.right(*values)) == pytest.approx(RIGHT[name], rel=1e-11)
    assert {mistake.name: float(mistake.gives(*values)) for mistake in question.mistakes} == pytest.approx(
        amounts, rel=1e-11
    )


@pytest.mark.parametrize("name", NUMBERS)
def test_no_learner_has_values_with_which_two_answers_look_alike(name):
    question, answers = NUMBERS[name], set()
    for values in product(*(own.options for own in question.values.values())):
        known = [question.right(*values), *(mistake.gives(*values) for mistake in question.mistakes)]
        answers.add(round(known[0], 9))
        for one, other in combinations(known, 2):
            assert not math.isclose(one, other, rel_tol=question.tolerance), values
    assert len(answers) >= 12


# --- what the replies say


def test_twice_the_memory_takes_three_times_the_batch():
    each, half = 10**6, 12 * 10**9
    assert largest_batch(4 * half, half, each) == 3 * largest_batch(2 * half, half, each)


def test_longer_sequences_double_the_work_between_tokens_and_leave_the_rest():
    for name in ("gpt2", "llama-3-8b", "gpt-3-175b"):
        short, long = (model(name).forward_ledger(batch, length) for batch, length in ((2, 512), (1, 1024)))
        assert long.attention.total == 2 * short.attention.total
        assert long.total - long.attention.total == short.total - short.attention.total


def test_a_token_of_training_costs_as_much_as_three_that_are_served():
    served = ASKED["served_for_the_training"].right(10**9, 10**12)
    assert lifetime_flops(10**9, 10**12, served) == 2 * training_flops(10**9, 10**12)


def test_the_weights_of_the_mixture_take_more_than_three_cards():
    counted, card = model("mixtral-8x22b").parameters, gpu("h100-sxm").memory_bytes
    assert 3 * card < 2 * counted.total < 4 * card
    assert 2 * counted.active < card
    assert (model("mixtral-8x22b").experts, model("mixtral-8x22b").experts_per_token) == (8, 2)


def above_its_valley(size, tokens):
    """How far the loss of a model lies above the lowest one for its budget."""
    law, flops = fit("besiroglu"), training_flops(size, tokens)
    best = optimal_parameters(flops, **law.reducible)
    return isoflop_loss(size, flops, **law.constants) - isoflop_loss(best, flops, **law.constants)


def test_llama_3_8b_lies_farthest_above_its_valley_and_llama_2_7b_is_highest():
    above = {name: above_its_valley(*model) for name, model in WELL_KNOWN.items()}
    assert max(above, key=above.get) == "Llama 3 8B"
    assert {"Gopher", "Llama 2 7B"} < set(above) and len(above) == 6
    losses = {name: chinchilla_loss(*model, **fit("besiroglu").constants) for name, model in WELL_KNOWN.items()}
    assert max(losses, key=losses.get) == "Llama 2 7B"
    assert min(WELL_KNOWN, key=lambda name: training_flops(*WELL_KNOWN[name])) == "Llama 2 7B"
    assert max(WELL_KNOWN, key=lambda name: WELL_KNOWN[name][0] / optimal_parameters(
        training_flops(*WELL_KNOWN[name]), **fit("besiroglu").reducible)) == "Gopher"  # fmt: skip


def test_a_larger_model_reaches_the_loss_of_llama_3_8b_with_less_training():
    size, tokens = WELL_KNOWN["Llama 3 8B"]
    needed = tokens_for_same_loss(size, tokens, 2, **fit("besiroglu").reducible)
    assert training_flops(2 * size, needed) < training_flops(size, tokens)


# --- the quiz as a whole


def test_neighbours_come_from_different_lessons_and_none_is_left_out():
    lessons = [task.lesson[:2] for task in TASKS]
    assert len(lessons) == 10 and set(lessons) == {"01", "02", "03", "04"}
    assert all(one != other for one, other in pairwise(lessons))


def test_the_kinds_are_mixed():
    kinds = [type(question) for question in ASKED.values()]
    assert [kinds.count(kind) for kind in (Number, Formula, Choice)] == [4, 2, 4]


@pytest.mark.parametrize(
    ("name", "answer", "says"),
    [
        ("served_for_the_training", lambda parameters, tokens: 6 * parameters * tokens, "the work of the training"),
        (
            "served_for_the_training",
            lambda parameters, tokens: tokens // 3,
            "it rounds on its way",
        ),
        ("growth_by_width", lambda layers, width, vocabulary: 3, "expected one"),
        ("growth_by_width", lambda layers, width, vocabulary: 2**2, "four times everything"),
        ("tokens_each_second", lambda: 989.4e12 * 0.4 / 8e9 / 2, "the backward pass forgotten"),
        ("tokens_each_second", lambda: 8.245, "a prefix lost on the way"),
        ("loss_left", lambda: 0.95 ^ 10, "a power is written"),
        ("loss_left", lambda: 1 - 10 * 0.05, "the same amount, not the same share"),
        ("free_beside_the_batch", lambda: 13.6, "GB in place of a share"),
        ("share_of_the_table", lambda: 34, "100.847 times the expected one"),
        ("slip_in_mixture", lambda: "d", "Where does its first number come from"),
    ],
)
def test_a_wrong_answer_gets_a_word_about_what_is_wrong(name, answer, says):
    with pytest.raises(Wrong, match=says):
        ASKED[name](answer)

"""The recap of lessons 05 to 07: its mistakes worked out a second time, what its replies say, and its mixed order."""

import math
from itertools import combinations, pairwise, product

import numpy as np
import pytest

from llmcalc import checks, model, number_format
from llmcalc.checks.answers import Wrong
from llmcalc.checks.contents import EXERCISES
from llmcalc.checks.engine import Choice, Formula, Number
from llmcalc.loss import loss_ledger
from llmcalc.memory import training_state_bytes
from llmcalc.rounding import quantized, relative_error, representable, rounded
from llmcalc.states import RECIPES, Recipe
from llmcalc.timeline import peak, step_timeline

TASKS = EXERCISES["recap_07"]
ASKED = {task.check: getattr(checks, task.check) for task in TASKS}
NUMBERS = {name: question for name, question in ASKED.items() if isinstance(question, Number)}

STORED = 4.25 / 8  # bytes of a weight of 4 bits, where 64 share a scale of 16
LAYERS_KEEP = 32 * 10 * 100  # for a token: ten layers, a hundred wide
FOUR = 14 * 1000  # of its logits, a thousand of them
ROOT = math.sqrt(12)

AGAIN = {
    "stored_for_one_trained": ((4, 64, 16), {
        "a number in 16 bits alone (or bytes over bits)": 2 / STORED,
        "weights and gradients in 16 bits alone": 4 / STORED,
        "moments left out, or all of it in 16 bits": 8 / STORED,
        "four bytes left out: the copy in fp32, one moment, or weights and gradients": 12 / STORED,
        "gradients left out (or weights)": 14 / STORED,
        "gradients in fp32": 18 / STORED,
        "gradients in both formats": 20 / STORED,
        "the scales forgotten": 32,
        "a scale for each weight": 128 / 20,
        "the bits of a scale in place of its part": 128 / (4 * 64 + 16),
        "the fraction upside down": STORED / 16,
    }),
    # 12 x 5 layers x 10 x 10 parameters, of 18 bytes; a token leaves 30 bytes x 10 values in each of 5 layers
    "tokens_at_even_bytes": ((5, 10, 18, 30), {
        "the feed-forward part forgotten": 36_000 / 1500,
        "attention forgotten": 72_000 / 1500,
        "the activations of a single layer": 108_000 / 300,
        "the states of a single layer": 21_600 / 1500,
        "a single value kept for each token": 108_000 / 150,
        "a single value kept for each token, in a single layer": 108_000 / 30,
        "bytes of states and bytes that are kept exchanged": 180_000 / 900,
        "parameters that grow with the width, not with its square": 10_800 / 1500,
        "the rule for another number of bytes": 60,
        "parameters in place of bytes of states": 6000 / 1500,
        "values in place of bytes of activations": 108_000 / 50,
        "the bytes of the states": 108_000,
        "the fraction upside down": 1500 / 108_000,
    }),
    "loss_over_layers": ((10, 100, 1000), {
        "the logits alone": 2000 / LAYERS_KEEP,
        "a single tensor of the loss, in fp32": 4000 / LAYERS_KEEP,
        "no gradients": 6000 / LAYERS_KEEP,
        "two bytes for each of the four": 8000 / LAYERS_KEEP,
        "a tensor of the loss forgotten": 10_000 / LAYERS_KEEP,
        "the logits forgotten": 12_000 / LAYERS_KEEP,
        "four bytes for each of the four": 16_000 / LAYERS_KEEP,
        "a single layer": FOUR / 3200,
        "a single value kept by each layer (or a whole row of the table for each logit)": FOUR / 320,
        "the loss over everything": FOUR / (FOUR + LAYERS_KEEP),
        "both together, over the layers": (FOUR + LAYERS_KEEP) / LAYERS_KEEP,
        "one byte for each value that a layer keeps": FOUR / 1000,
        "the fraction upside down": LAYERS_KEEP / FOUR,
    }),
    # from 8 to 16, with two bits of mantissa: 8, 10, 12, 14
    "update_that_is_lost": ((3, 2), {
        "a whole step (or that of the next power of two, halved)": 2,
        "a whole step of the next power of two": 4,
        "a quarter of a step (or a bit of mantissa too many)": 0.5,
        "the step at one": 0.125,
        "a whole step at one": 0.25,
        "steps that get shorter where numbers are larger": 1 / 64,
        "the same step throughout the format, whatever its bits of mantissa": 4,
        "one step for each bit of mantissa": 2,
        "decimal digits in place of bits": 0.04,
        "a step too few": 4 / 3,
        "the exponent in place of the power of two": 0,
        "the fraction upside down": 1,
    }),
    "fullest_while_adding_up": ((2, 30), {
        "gradients that make room for activations (or one of four numbers forgotten)": 8 + 16 + 30,
        "two numbers for each parameter (or two bytes for each number)": 16 + 30,
        "weights alone beside the activations": 8 + 30,
        "no activations": 32,
        "the activations of all batches at once": 32 + 120,
        "the activations of two batches": 32 + 60,
        "a set of gradients for each batch, and one more": 8 + 5 * 8 + 16 + 30,
        "states in bytes and activations in GB": 32e9 + 30,
        "a set of gradients for each batch": 8 + 4 * 8 + 16 + 30,
        "all states for each batch": 4 * 32 + 30,
        "a copy for the update besides": 32 + 8 + 30,
    }),
    "error_beside_an_outlier": ((1.27, 0.05), {  # a step of a hundredth, a fifth of the typical size
        "half a step, the largest error": 0.1,
        "a whole step": 0.2,
        "the root forgotten": 0.2 / 12,
        "codes from zero up to 255": 1.27 / 255 / 0.05 / ROOT,
        "the codes of four bits": 1.27 / 7 / 0.05 / ROOT,
        "a step of twice the length": 0.4 / ROOT,
        "no codes between zero and the largest weight": 25.4 / ROOT,
        "a percentage in place of a share": 20 / ROOT,
        "both sizes alike (a scale for typical weights, or the error over the largest one)": 1 / 127 / ROOT,
        "both sizes exchanged": 0.05 / 127 / 1.27 / ROOT,
        "the error itself": 0.01 / ROOT,
        "the scale forgotten (the step of the codes is taken for one)": 20 / ROOT,
        "a scale that is multiplied in place of divided": 1.27 * 127 / 0.05 / ROOT,
        "the fraction upside down": ROOT / 0.2,
    }),
}  # fmt: skip

RIGHT = {
    "stored_for_one_trained": 16 / STORED,
    "tokens_at_even_bytes": 72,
    "loss_over_layers": FOUR / LAYERS_KEEP,
    "update_that_is_lost": 1,
    "fullest_while_adding_up": 62,
    "error_beside_an_outlier": 0.2 / ROOT,
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
        answers.add(round(float(known[0]), 9))
        for one, other in combinations(known, 2):
            assert not math.isclose(one, other, rel_tol=question.tolerance), values
    assert len(answers) >= 12


# --- the right answers, held against what the package rounds, quantizes and counts


def test_the_update_that_is_lost_is_that_of_the_formats():
    right = ASKED["update_that_is_lost"].right
    for name in ("bf16", "fp16", "fp8_e4m3"):
        bits = number_format(name).mantissa_bits
        for power in (0, 3, 6):
            inside = [each for each in representable(name) if 2**power < each < 2 ** (power + 1)]
            half = float(right(power, bits))
            for update in (half, -half):
                assert all(rounded(np.add(inside, 0.99 * update), name) == inside)
                assert all(rounded(np.add(inside, 1.01 * update), name) != inside)


def test_the_error_beside_an_outlier_is_that_of_quantized_weights():
    right, chance = ASKED["error_beside_an_outlier"].right, np.random.default_rng(0)
    for largest, typical in product((0.6, 1.4), (0.02, 0.04)):
        weights = chance.normal(scale=typical, size=200_000)
        back = quantized([*weights, largest], "int8").values[:-1]
        assert relative_error(weights, back) == pytest.approx(right(largest, typical), rel=0.01)


def test_the_loss_holds_as_many_bytes_as_the_question_adds_up():
    """GPT-2's own sizes; without the statistics of the norms, which the question leaves out."""
    gpt2 = model("gpt2")
    kept, loss = gpt2.activation_bytes(1, 1024), loss_ledger(gpt2, 1, 1024)
    right = ASKED["loss_over_layers"].right(gpt2.layers, gpt2.width, gpt2.vocabulary)
    assert loss.total / kept.layers.total == pytest.approx(right, rel=0.01)


def test_tokens_at_even_bytes_are_six_widths_for_the_usual_bytes():
    assert ASKED["tokens_at_even_bytes"].right(48, 1600, 16, 32) == 6 * 1600
    assert ASKED["tokens_at_even_bytes"].right(12, 768, 16, 32) == ASKED["tokens_at_even_bytes"].right(24, 768, 16, 32)
    xl = model("gpt2-xl")
    kept = 9600 / 1024 * xl.activation_bytes(1, 1024).layers.total
    in_layers = xl.parameters.attention.total + xl.parameters.mlp.total
    assert kept == pytest.approx(training_state_bytes(in_layers), rel=0.02)


# --- what the replies say


def test_fp16_holds_the_values_after_multiplying_and_no_smaller_way_does():
    values = np.geomspace(1e-6, 1, 20_001)

    def worst(name, factor=1):
        return np.abs(rounded(values * factor, name) / factor / values - 1).max()

    assert min(worst("fp16", 2.0**power) for power in range(25)) < 0.001 < worst("fp16")
    for name in ("bf16", "fp8_e4m3"):
        assert min(worst(name, 2.0**power) for power in range(-10, 30)) > 0.001
    assert worst("fp32") < 0.001


def test_a_second_moment_in_bf16_never_falls_and_the_first_moment_moves():
    v = representable("bf16")
    v = v[v > 0]
    normal = v[(v >= number_format("bf16").smallest_normal) & (v < 1e38)]
    assert all(rounded(0.999 * v, "bf16") == v)
    assert all(rounded(0.9 * normal, "bf16") < normal) and all(rounded(0.95 * normal, "bf16") < normal)


def test_a_part_below_one_bound_is_always_lost_and_above_the_other_never():
    """What closes the quiz, for all numbers of bf16 between two powers of two."""
    between = [each for each in representable("bf16") if 1 < each < 2]
    assert all(rounded(np.multiply(between, 1 - 0.99 * 2**-9), "bf16") == between)
    assert all(rounded(np.multiply(between, 1 - 1.01 * 2**-8), "bf16") < between)
    assert 2**-10 < 1 - 0.999 < 2**-9


def test_scores_become_four_times_as_much_with_twice_the_length():
    xl = model("gpt2-xl")

    def scores(batch, length):
        return xl.activation_bytes(batch, length, attention="explicit").per_layer.scores.total

    assert scores(8, 2048) == 4 * scores(8, 1024) == 2 * scores(16, 1024)
    flash = [xl.activation_bytes(*sizes).layers.total for sizes in ((8, 1024), (8, 2048), (16, 1024))]
    assert flash[1] == flash[2] == pytest.approx(2 * flash[0])


def test_only_the_gradients_of_the_weights_leave_the_peak_as_it_is():
    mixed = RECIPES["mixed"]

    def highest(recipe=mixed, **how):
        return peak(step_timeline(model("gpt2"), 8, 1024, recipe=recipe, attention="flash", **how))

    def with_bytes(gradients=mixed.gradients, moments=mixed.moments):
        return Recipe(mixed.weights, gradients, 0, mixed.master_weights, moments, "")

    before = highest()
    assert (before.phase, before.name, before.gradients) == ("backward", "loss", 0)
    assert highest(with_bytes(gradients=1)).total == before.total
    for other in (highest(with_bytes(moments=2)), highest(recompute="full"), highest(loss="same")):
        assert other.total < before.total


# --- the quiz as a whole


def test_neighbours_come_from_different_lessons_and_none_is_left_out():
    lessons = [task.lesson[:2] for task in TASKS]
    assert len(lessons) == 10 and set(lessons) == {"05", "06", "07"}
    assert all(one != other for one, other in pairwise(lessons))


def test_the_kinds_are_mixed():
    kinds = [type(question) for question in ASKED.values()]
    assert [kinds.count(kind) for kind in (Number, Formula, Choice)] == [4, 2, 4]


@pytest.mark.parametrize(
    ("name", "answer", "says"),
    [
        ("stored_for_one_trained", lambda: 16 * 8 / 4, "the scales forgotten"),
        ("stored_for_one_trained", lambda: 16 / 4.25, "bytes over bits"),
        ("stored_for_one_trained", lambda: 12 * 8 / 4.25, "four bytes left out"),
        (
            "tokens_at_even_bytes",
            lambda layers, width, state_bytes, kept_bytes: 6 * width,
            "the rule for another number",
        ),
        (
            "tokens_at_even_bytes",
            lambda layers, width, state_bytes, kept_bytes: 12 * layers * width * state_bytes / kept_bytes,
            "a single layer",
        ),
        (
            "tokens_at_even_bytes",
            lambda layers, width, state_bytes, kept_bytes: 12 * width * state_bytes // kept_bytes,
            "returns whole numbers only",
        ),
        ("loss_over_layers", lambda: 10 * 50_257 / (32 * 12 * 768), "a tensor of the loss forgotten"),
        ("loss_over_layers", lambda: 0.419, "the fraction upside down"),
        ("update_that_is_lost", lambda power, mantissa_bits: 2.0 ** (power - mantissa_bits), "a whole step"),
        ("update_that_is_lost", lambda power, mantissa_bits: 2 ** -(mantissa_bits + 1), "the step at one"),
        ("update_that_is_lost", lambda power, mantissa_bits: 2 ^ power, "a power is written"),
        ("fullest_while_adding_up", lambda: 12 * 2 + 30, "gradients that make room"),
        ("update_that_is_lost", lambda power, mantissa_bits: 2**power / (2**mantissa_bits - 1) / 2, "ends the last"),
        ("fullest_while_adding_up", lambda: 16 * 2 + 16 * 2 + 30, "How many numbers is a sum"),
        ("fullest_while_adding_up", lambda: 16 * 2e9 + 30, "of the same unit"),
        ("fullest_while_adding_up", lambda: 16 * 2 + 2 * 30, "what is left of its activations"),
        ("fullest_while_adding_up", lambda: 62e9, "a prefix lost on the way"),
        ("error_beside_an_outlier", lambda: 0.8 / 127 / 2 / 0.02, "half a step"),
        ("error_beside_an_outlier", lambda: 0.8 / 12**0.5 / 0.02, "between zero and the largest weight"),
        ("error_beside_an_outlier", lambda: 2 * 0.8 / 127 / 12**0.5 / 0.02, "the largest weight and its negative"),
        ("error_beside_an_outlier", lambda: 0.8 / 127 / 12**0.5, "the error itself"),
        ("steps_with_bf16_moments", lambda: "c", "a change too small"),
        ("slip_in_doubling", lambda: "d", "Compare with line c"),
    ],
)
def test_a_wrong_answer_gets_a_word_about_what_is_wrong(name, answer, says):
    with pytest.raises(Wrong, match=says):
        ASKED[name](answer)


def test_own_models_have_the_shape_of_real_ones():
    question = ASKED["loss_over_layers"]
    options = product(*(own.options for own in question.values.values()))
    ratios = [width / layers for layers, width, _ in filter(lambda values: question.where(*values), options)]
    published = [model(name) for name in ("gpt2-xl", "llama-3-8b", "llama-2-7b")]
    assert min(ratios) > min(each.width / each.layers for each in published) * 0.9
    assert max(ratios) < max(each.width / each.layers for each in published) * 1.1

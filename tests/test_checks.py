"""A check accepts a right answer however written, recognises each listed mistake by name, and never gives in."""

import inspect
import math
import re
from contextlib import nullcontext
from itertools import combinations, pairwise, product

import nbformat
import numpy as np
import pytest
import sympy as sp
from workshop import MASTERS

from llmcalc import MLP, checks, model
from llmcalc.allocation import optimal_tokens_for
from llmcalc.checks import answers, inputs, machines
from llmcalc.checks.answers import StillOpen, Wrong
from llmcalc.checks.engine import BYTE_SLIPS, PREFIX_SLIPS, Choice, Formula, Number
from llmcalc.compute import seconds_for, training_flops
from llmcalc.fits import fit
from llmcalc.inference import lifetime_flops
from llmcalc.scaling import chinchilla_loss, tokens_for_same_loss
from llmcalc.states import STEP_BYTES, optimizer_state_bytes

SUBJECTS = [getattr(checks, subject) for subject in checks._SUBJECTS]
QUESTIONS = {name: question for subject in SUBJECTS for name, question in subject.QUESTIONS.items()}
RIGHT_BATCH = 87_370
FORMULAS = {name: question for name, question in QUESTIONS.items() if isinstance(question, Formula)}
NUMBERS = {name: question for name, question in QUESTIONS.items() if isinstance(question, Number)}
CHOICES = {name: question for name, question in QUESTIONS.items() if isinstance(question, Choice)}


@pytest.fixture
def formulas_stay_open(monkeypatch):
    """Listed mistakes may borrow from the package, learners may not."""
    monkeypatch.setattr(answers, "formulas_closed", nullcontext)


def listed(questions):
    """Every mistake of every question, as test parameters."""
    return [
        pytest.param(question, mistake, id=f"{name}-{mistake.name}")
        for name, question in questions.items()
        for mistake in question.mistakes
    ]


def test_every_question_has_a_name_of_its_own():
    names = [name for subject in SUBJECTS for name in subject.QUESTIONS]
    assert len(set(names)) == len(names)
    assert not set(names) & set(checks._SUBJECTS)  # a module hides a question of the same name


# --- right answers in unusual form


def test_accepts_factors_in_any_order_and_floats():
    checks.network_bytes(lambda d, L, e: e * d * (1 + d) * L * 1.0)


def test_a_pass_on_symbols_is_said_to_hold_for_every_input(capsys):
    checks.layer_parameters(lambda n, m: m * (n + 1))
    assert "for every input" in capsys.readouterr().out


def test_shares_are_tried_with_shares(capsys):
    question = Formula(
        right=lambda flops, utilization: seconds_for(flops, 10**12, utilization), hint="Which rate is reached?"
    )
    question(lambda work, share: work / (10**12 * float(share)))
    assert "a test, not a proof" in capsys.readouterr().out
    with pytest.raises(Wrong, match="Which rate is reached"):
        question(lambda work, share: work / 10**12 * float(share))


@pytest.mark.parametrize(
    "written",
    [
        lambda part, exponent: (1 - part) ** (-1 // exponent),
        lambda part, exponent: (1 - part) ** -(1 // exponent),
        lambda part, exponent: (1 - part) ** -sp.ceiling(1 / exponent),
        lambda part, exponent: (1 - part) ** -round(1 / exponent),
        lambda part, exponent: (1 - part) ** -int(1 / exponent),
        lambda part, exponent: (1 - part) ** (-1 / exponent) // 1,
    ],
    ids=["floor", "floor, then minus", "ceiling", "round", "int", "floor of all"],
)
def test_a_formula_that_rounds_on_the_way_does_not_pass(written, capsys):
    with pytest.raises(Wrong, match=r"For lower_by=\d+/\d+"):
        checks.growth_for_lower_loss(written)
    assert not capsys.readouterr().out


def test_a_formula_that_differs_from_the_right_one_is_never_said_to_hold_for_every_input(capsys):
    """Here they differ from 1,000 on, which no number tried reaches."""
    Formula(right=lambda width, height: width * height, hint="Multiply.")(
        lambda width, height: width * height + (width // 1000) * (height // 1000)
    )
    said = capsys.readouterr().out
    assert "could not be proved" in said and "every input" not in said


@pytest.mark.parametrize(
    "rounding", [math.ceil, math.floor, round, lambda days: days // 1], ids=["ceil", "floor", "round", "//"]
)
def test_a_function_that_rounds_is_told_so(rounding):
    question = Formula(right=lambda width, height: width * height / 7, hint="Divide.")
    with pytest.raises(Wrong, match=r"whole numbers only[.] If it rounds"):
        question(lambda width, height: rounding(width * height / 7))
    with pytest.raises(Wrong) as told:
        question(lambda width, height: (width * height + 1) / 7)
    assert "rounds" not in str(told.value)


def decided(value):
    return value if value > 2 else value * 1  # a symbol cannot decide


@pytest.mark.parametrize("whole", [math.ceil, int, np.int64, decided])
def test_an_answer_that_refuses_symbols_is_tried_with_numbers_and_told_so(whole, capsys):
    checks.layer_parameters(lambda n, m: whole(n * m) + m)
    assert "a test, not a proof" in capsys.readouterr().out


@pytest.mark.parametrize("kind", [int, float, np.int32, np.float64, sp.Integer])
def test_a_number_may_be_of_any_kind(kind):
    checks.largest_batch(lambda: kind(RIGHT_BATCH))


@pytest.mark.parametrize("written", ["b", "B", " b ", "b)", "B.", '"b"', "'b'", "`b`"])
def test_a_letter_may_be_large_or_small(written):
    checks.double_the_width(lambda: written)


def test_a_choice_that_is_printed_is_told_what_is_missing():
    with pytest.raises(Wrong, match="forget `return`"):
        checks.double_the_width(lambda: None)


@pytest.mark.parametrize("learner", [f"learner {number}" for number in range(50)])
def test_a_master_copy_is_longer_than_the_weights(learner):
    weights, gradients, master, _ = checks.bytes_of_the_recipe.values_of(learner)
    bits = {"fp8_e4m3": 8, "fp16": 16, "bf16": 16, "fp32": 32}
    assert bits[weights] < bits[master] >= bits[gradients]


def test_three_digits_are_enough_for_a_rate_but_not_two():
    checks.examples_per_second(lambda: 25_500)
    with pytest.raises(Wrong):
        checks.examples_per_second(lambda: 25_000)


@pytest.mark.parametrize(("given", "factor"), [(2.06, "1,000,000,000,000"), (2060, "1,000,000,000")])
def test_a_number_in_trillions_or_billions_is_told_so_when_rounded_to_three_digits(given, factor):
    with pytest.raises(Wrong, match=f"prefix lost on the way .a factor of {factor}"):
        checks.tokens_at_half_the_size(lambda: given)


def test_a_whole_count_must_be_exact():
    with pytest.raises(Wrong):
        checks.largest_batch(lambda: RIGHT_BATCH - 1)
    with pytest.raises(Wrong, match=r"87,370\.5 is not a whole number of examples\. .* round down"):
        checks.largest_batch(lambda: RIGHT_BATCH + 0.5)


def test_a_count_that_is_not_whole_is_told_with_all_its_digits():
    """And of fitting nothing is said where nothing has to fit."""
    with pytest.raises(Wrong, match=r"^2,055,344,640\.4 is not a whole number of parameters\.$"):
        checks.parameters_of_config(lambda: 2_055_344_640.4)
    with pytest.raises(Wrong, match=r"^2,055,344,639\.6 is not a whole number of parameters\.$"):
        checks.parameters_of_config(lambda: 2_055_344_639.6)
    with pytest.raises(Wrong, match=r"^2,055,342,080\.5 parameters is what comes out with the last norm forgotten"):
        checks.parameters_of_config(lambda: 2_055_342_080.5)


@pytest.mark.parametrize(
    ("value", "text"),
    [(87_370, "87,370"), (25_544.84, "25,544.8"), (11_375_101_098.4, "11,375,100,000"), (9.3e22, "9.3e+22")],
)
def test_a_number_is_told_as_people_write_it(value, text, capsys):
    Number(right=lambda: value, unit="tokens", hint="Count.")(lambda: value)
    assert f"Correct: {text} tokens." in capsys.readouterr().out


# --- what the answers mean


def test_the_size_for_the_service_is_the_one_that_suits_its_served_tokens():
    """Where the lifetime cost has its minimum, D_s = 3D(quotient - 1); the answer comes from trying sizes."""
    law, size, text = fit("besiroglu printed").reducible, 40e9, 800e9
    best = checks.size_for_the_service.right(*checks.size_for_the_service.yours)
    tokens = tokens_for_same_loss(size, text, best / size, **law)
    quotient = (tokens / optimal_tokens_for(best, **law)) ** law["token_exponent"]
    assert 3 * tokens * (quotient - 1) == pytest.approx(20e12, rel=0.01)
    cost = lifetime_flops(best, tokens, 20e12)
    for factor in (0.97, 1.03):
        other = tokens_for_same_loss(best, tokens, factor, **law)
        assert lifetime_flops(factor * best, other, 20e12) > cost


def test_after_the_tokens_that_the_answer_names_both_models_have_cost_the_same():
    size, text = 40e9, 800e9
    asked = QUESTIONS["tokens_at_half_the_size"], QUESTIONS["served_until_even"]
    half_text, served = (question.right(*question.yours) for question in asked)
    assert lifetime_flops(size / 2, half_text, served) == pytest.approx(lifetime_flops(size, text, served), rel=1e-12)
    law = fit("besiroglu printed").constants
    assert chinchilla_loss(size / 2, half_text, **law) == pytest.approx(chinchilla_loss(size, text, **law), rel=1e-12)


def test_what_is_kept_of_a_matrix_is_what_the_optimizers_really_keep():
    rows, columns = 64, 48
    adamw = optimizer_state_bytes("adamw", [(rows, columns)]) - STEP_BYTES
    factors = optimizer_state_bytes("adafactor", [(rows, columns)]) - STEP_BYTES
    assert QUESTIONS["adamw_over_factored"].right(rows, columns) == adamw / (adamw / 2 + factors)


def test_a_constant_gradient_makes_adam_step_by_the_learning_rate():
    direction = QUESTIONS["adam_direction"].right
    assert direction([3, 3, 3], 0.9, 0.999) == pytest.approx(1, rel=1e-12)
    momentum, second = (0.1 * (0.9 * 2 + 5)) / (1 - 0.9**2), (0.01 * (0.99 * 4 + 25)) / (1 - 0.99**2)
    assert direction([2, 5], 0.9, 0.99) == pytest.approx(momentum / second**0.5, rel=1e-12)


@pytest.mark.parametrize("prices", machines.PRICES)
def test_the_cheapest_hour_needs_all_of_its_arithmetic(prices):
    """The room on its machines is the dearest of all; and without the scales another one would do."""
    question = checks.cheapest_hour
    jobs = [(trained, reserve, prices) for trained in machines.TRAINED for reserve in machines.RESERVE]
    ((trained, reserve, _),) = filter(lambda job: question.where(*job), jobs)
    # 28 billion parameters take 281.75 GB, and 25 billion 251.5625; six machines hold 288, seven hold 252
    assert question.right(trained, reserve, prices) == pytest.approx({28: 24, 25: 28}[trained / 1e9] * prices[3])
    rented = machines.machines_at(prices)
    room = {each.name: each.price / (each.memory - reserve) for each in rented}
    assert max(room, key=room.get) == "D" and reserve >= rented[3].memory / 2
    (small,) = [each for each in rented if each.name == "C"]
    thrifty = min(filter(machines.has_fp32, machines.PLANS), key=lambda plan: machines._states(trained, plan))
    states = machines._states(trained, thrifty)
    assert machines._states(trained, thrifty, scale_bits=0) == machines._room(small, reserve) < states
    assert states < 1.01 * machines._room(small, reserve)


# --- mistakes, by name


P, D, SIZE, TEXT = 8e9, 1.5e12, 40e9, 800e9
BUDGET = 128 * 312e12 * 0.45 * 864_000


def part(layers, width, heads, kv_heads, head_dim, experts, inside):
    return layers * (2 * width * head_dim * (heads + kv_heads) + experts * 3 * width * inside + 2 * width)


@pytest.mark.parametrize(
    ("name", "answer", "says"),
    [
        (
            "days_of_training",
            lambda parameters, tokens, gpus, peak, share: 6 * parameters * tokens / gpus * peak * share / 86_400,
            "parentheses missing below the line",
        ),
        ("work_in_pflop_days", lambda: 86_400 * 1e15 / (6 * 405e9 * 15.6e12), "upside down"),
        (
            "recomputation_factor",
            lambda layers, width, words: 1 + 12 * layers * width**2 / (36 * layers * width**2 + 6 * words * width),
            "one for a weight of the layers",
        ),
        (
            "recomputation_factor",
            lambda layers, width, words: 6 * words * width + 8 * layers * 12 * width**2,
            "the work of a step, without the division",
        ),
        (
            "recomputation_factor",
            lambda layers, width, words: 48 * layers * width**2 + 3 * width * words,
            "forward passes, without the division",
        ),
        ("experts_training_flops", lambda: 6 * (30_532_122_624 - 3_353_032_704) * 36e12, "that a token does not use"),
        ("experts_training_flops", lambda: 6 * 3_353_032_704, "the tokens forgotten"),
        (
            "backward_flops",
            lambda a, b, c, d, batch: 4 * batch * (a * b + b * c + c * d) - 2 * a * b,
            "forgotten in what the first layer saves",
        ),
        (
            "training_flops",
            lambda sizes, batch: 6 * batch * sum(n * m for n, m in pairwise(sizes)) - 2 * sizes[0] * sizes[1],
            "forgotten in what the first layer saves",
        ),
        (
            "training_flops",
            lambda sizes, batch: batch * (6 * sum(n * m for n, m in pairwise(sizes)) - 2 * sizes[-2] * sizes[-1]),
            "the exception made for the last layer",
        ),
        ("gpt2_layer_parameters", lambda width: 12 * (12 * width**2 + 13 * width), "all twelve layers"),
        ("gpt2_layer_parameters", lambda width: 12 * 768**2 + 13 * 768, "the width of GPT-2"),
        ("largest_batch", lambda: (24 * 2**30 - 16 * 300_060_000) // (12 * 5000), "one byte for each value"),
        ("cheapest_in_time", lambda: 6 * P * D / (1979e12 * 0.42) / 2 / 3600 * 3.10, "the time halved"),
        ("cheapest_in_time", lambda: 48 * 6 * P * D / (1307e12 * 0.32) / 3600 * 2.60, "the GPUs counted twice"),
        ("growth_for_lower_loss", lambda lower_by, exponent: lower_by ** (1 / exponent), "and the two sizes the other"),
        ("size_when_tokens_cost_more", lambda cost, ours, theirs: cost**-ours, "exponent of the parameters as it"),
        ("size_when_tokens_cost_more", lambda cost, ours, theirs: cost**-theirs, "exponent of the tokens as it"),
        ("size_for_the_cluster", lambda: (BUDGET / 60 / 120) ** 0.5, "minutes for seconds"),
        ("size_for_the_cluster", lambda: (BUDGET / 160) ** 0.5, "a second forward pass"),
        ("size_for_the_cluster", lambda: (BUDGET / 6) ** 0.5 / 20, "tokens for each parameter left outside"),
        ("size_for_the_cluster", lambda: (BUDGET / 20) ** 0.5 / 6, "operations for each parameter and token left"),
        *(
            ("width_of_balance", rounding, "rounding to a whole number")
            for rounding in (
                lambda layers, vocabulary: round(2 * vocabulary / (12 * layers)),
                lambda layers, vocabulary: math.ceil(2 * vocabulary / (12 * layers)),
                lambda layers, vocabulary: int(vocabulary / layers / 6),
                lambda layers, vocabulary: 2 * vocabulary // (12 * layers),
            )
        ),
        ("width_of_balance", lambda layers, vocabulary: 2 * vocabulary / 12 * layers, "missing below the line"),
        ("grouped_attention_weights", lambda d, a, kv, head: 2 * d**2 * (1 + kv / a), "the lesson's formula"),
        ("grouped_attention_weights", lambda d, a, kv, head: d * head * (a + 2 * kv) + d**2, "a square output matrix"),
        ("parameters_of_config", lambda: 2_021_265_920, "a square output matrix"),
        ("parameters_of_config", lambda: 12 * 26 * 2560**2, "the rule of thumb for the layers, and nothing else"),
        ("encoder_decoder_weights", lambda layers, d, f: 12 * layers * d**2, "for one stack"),
        (
            "encoder_decoder_weights",
            lambda layers, d, f: layers * (12 * d**2 + 12 * d + 4 * d * f + 2 * f + 2 * d),
            "biases that the question leaves out",
        ),
        ("encoder_decoder_weights", lambda layers, d, f: layers * (12 * d**2 + 4 * d * f + 10 * d), "norms that the"),
        *(
            ("gated_width", written, "a fraction lost on the way")
            for written in (
                lambda d, multiple: (8 * d / 3 + multiple - 1) // multiple * multiple,
                lambda d, multiple: -(-(8 * d // 3) // multiple) * multiple,
            )
        ),
        *(
            ("mixture_parameters", mixture, says)
            for mixture, says in (
                (
                    lambda V, L, d, a, kv, h, E, f: E * (part(L, d, a, kv, h, 1, f) + L * d * E + 2 * V * d + d),
                    "a whole model for each",
                ),
                (
                    lambda V, L, d, a, kv, h, E, f: part(L, d, a, kv, h, 1, f) * E + L * d * E + 2 * V * d + d,
                    "more than the experts repeated",
                ),
                (
                    lambda V, L, d, a, kv, h, E, f: part(L, d, a, kv, h, E, f) + d * E + 2 * V * d + d,
                    "one router for the whole",
                ),
                (
                    lambda V, L, d, a, kv, h, E, f: part(L, d, a, kv, h, 0, f) + d * E * (L + 3 * f) + 2 * V * d + d,
                    "experts in one layer only",
                ),
                (
                    lambda V, L, d, a, kv, h, E, f: part(1, d, a, kv, h, E, f) + d * E + 2 * V * d + d,
                    "one layer instead of all",
                ),
                (
                    lambda V, L, d, a, kv, h, E, f: part(L, d, a, kv, h, E + 1, f) + L * d * E + 2 * V * d + d,
                    "a feed-forward part beside",
                ),
            )
        ),
        ("tokens_at_half_the_size", lambda: 2.06038e12 + TEXT, "the old text and the new one"),
        ("bytes_of_the_recipe", lambda: 2 + 2 + 4 + 4 + 8, "or fp32 everywhere"),
        ("bytes_of_the_recipe", lambda: 112, "bits where bytes are meant"),
        ("two_moments_in_few_bits", lambda bits, block, scale: 2 * (bits + scale) / block / 8, "parentheses"),
        (
            "bytes_with_frozen_layers",
            lambda P, share, size, values: (1 - share) * P * size + share * P * (size + 4 + 4 * values),
            "or no weights of the trained",
        ),
        ("fullest_moment", lambda weights, kept: max(4 * weights + kept, 5 * weights), "all activations beside all"),
        ("fullest_moment", lambda weights, kept: 12 * weights + max(kept, 8 * weights), "a number of parameters"),
        ("cheapest_hour", lambda: 8 * 2.10, "machine A"),
        ("cheapest_hour", lambda: 10 * 0.85, "one machine of offer C"),
        ("cheapest_hour", lambda: 8 * 4 * 0.40, "gradients in fp32"),
        ("served_until_even", lambda: (2 * SIZE / 2 * 2.06038e12 - 2 * SIZE * TEXT) / SIZE, "Which did you take for"),
    ],
)
def test_what_readers_wrote_is_recognised(name, answer, says):
    with pytest.raises(Wrong, match=says):
        QUESTIONS[name](answer)


@pytest.mark.parametrize(("question", "mistake"), listed(FORMULAS))
def test_recognises_a_wrong_formula(question, mistake, formulas_stay_open):
    with pytest.raises(Wrong, match=re.escape(mistake.name)) as told:
        question(mistake.gives)
    assert mistake.hint in str(told.value)


@pytest.mark.parametrize(("question", "mistake"), listed(FORMULAS))
def test_recognises_a_wrong_function_that_refuses_symbols(question, mistake, formulas_stay_open):
    def answer(*values):
        if any(hasattr(value, "free_symbols") for value in values):
            raise TypeError("numbers only")
        return mistake.gives(*values)

    with pytest.raises(Wrong, match=re.escape(mistake.name)):
        question(answer)


@pytest.mark.parametrize(("question", "mistake"), listed(NUMBERS))
def test_recognises_a_wrong_number(question, mistake):
    value = mistake.gives(*question.yours)
    with pytest.raises(Wrong, match=re.escape(mistake.name)) as told:
        question(lambda: value)
    assert mistake.hint in str(told.value)


@pytest.mark.parametrize("name", NUMBERS)
def test_no_two_mistakes_of_a_question_come_to_the_same_number(name):
    question = NUMBERS[name]
    answers = [question.right(*question.yours), *(mistake.gives(*question.yours) for mistake in question.mistakes)]
    for one, other in combinations(answers, 2):
        assert not math.isclose(one, other, rel_tol=question.tolerance)


@pytest.mark.parametrize("name", CHOICES)
def test_every_wrong_option_has_a_reply_of_its_own(name):
    question = CHOICES[name]
    assert len(set(question.replies.values())) == len(question.replies) >= 3
    for option, reply in question.replies.items():
        with pytest.raises(Wrong, match=re.escape(reply)):
            question(lambda option=option: option)


@pytest.mark.parametrize(("name", "factor"), [*BYTE_SLIPS, *PREFIX_SLIPS])
def test_recognises_a_slip_with_units_where_bytes_are_asked_for(name, factor):
    for slip in (sp.Rational(factor), 1 / sp.Rational(factor)):
        with pytest.raises(Wrong, match=re.escape(name)):
            checks.network_bytes(lambda d, L, e, slip=slip: L * (d * d + d) * e * slip)


def answers_in_bytes():
    """Questions with a formula whose answer cell says "Bytes ..."."""
    cells = [cell for path in MASTERS for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    functions = (re.match(r'def (\w+)\(.*\n    """Bytes\b', cell.source) for cell in cells)
    return [found[1] for found in functions if found and found[1] in FORMULAS]


@pytest.mark.parametrize("name", answers_in_bytes())
def test_bits_in_place_of_bytes_are_named_wherever_bytes_are_asked_for(name, formulas_stay_open):
    question = FORMULAS[name]
    with pytest.raises(Wrong, match=r"\b[Bb]its\b"):
        question(lambda *values: 8 * question.right(*values))


def test_speaks_of_bits_and_bytes_only_where_bytes_are_asked_for():
    with pytest.raises(Wrong) as told:
        checks.layer_parameters(lambda n, m: 8 * (n * m + m))
    assert "bits" not in str(told.value)


def test_a_number_near_a_slip_with_units_is_not_taken_for_one():
    """24 GiB less 20 bytes a parameter is 0.976 of the answer, close to 1000 / 1024, and something else."""
    with pytest.raises(Wrong) as told:
        checks.largest_batch(lambda: (24 * 2**30 - 20 * 300_060_000) // 240_000)
    assert "looks like" not in str(told.value)


def test_tells_how_far_off_a_formula_is():
    with pytest.raises(Wrong, match="that is 1/2; it should be 1"):
        checks.layer_parameters(lambda n, m: (n * m + m) / 2)


def test_parameters_that_a_formula_leaves_out_are_told_in_a_sentence():
    with pytest.raises(Wrong) as wrong:  # divided by the width in place of the heads
        checks.tokens_of_balance(lambda width, heads, feed_forward: (8 * width + 4 * feed_forward) / width)
    assert str(wrong.value).splitlines()[1] == "Your formula does not use heads."


@pytest.mark.parametrize("name", [*FORMULAS, *NUMBERS])
def test_hints_hold_neither_the_number_nor_a_formula(name):
    question = QUESTIONS[name]
    said = " ".join([question.hint, *(mistake.hint for mistake in question.mistakes)])
    if isinstance(question, Number):
        assert (
            f"{question.right(*question.yours):,.0f}" not in said
            and f"{question.right(*question.yours):.0f}" not in said
        )
    else:
        assert "=" not in said and "+" not in said and not re.search(r"\w \* \w", said)


@pytest.mark.parametrize(
    ("name", "answer", "says"),
    [
        ("batch_with_guesses", lambda b, t, w, p: b // 8 / w * p / 2 / t, "it rounds on its way. Divide with `/`"),
        ("adapters_of_shared_heads", lambda n, d, h, k, s, r: n * r * (2 * d + d // h * (h + k)), "it rounds on its"),
        ("batch_with_guesses", lambda b, t, w, p: b**2 * p / w / t, "that depends on bits; it should be 1.\nHint"),
        ("layer_parameters", lambda n, m: n + 1, "that depends on outputs; it should be 1. Your formula"),
        ("cache_of_a_step", lambda *sizes: math.inf, "returns inf; the answer is a finite number"),
        ("cache_of_a_step", lambda *sizes: math.nan, "returns nan; the answer is a finite number"),
        ("gpus_for_stage_two", lambda: 46.00000001, "46.00000001 is close to a whole number of GPUs, and is none"),
        ("gpus_for_stage_two", lambda: 10**400, r"^Your answer is a number beyond all floats\.\nHint"),
        ("longest_documents", lambda: 46_593 + 0j, r"return one number\.$"),
    ],
)
def test_what_is_wrong_with_an_answer_is_told_without_giving_it_away(name, answer, says):
    with pytest.raises(Wrong, match=says):
        QUESTIONS[name](answer)


def test_a_share_without_rest_may_be_rounded(capsys):
    """Heads are shared evenly, so `//` is as right as `/` is."""
    checks.block_on_each_gpu(lambda d, h, s, f, g: 2 * d * s * (h // g) + 2 * d * s + 3 * d * f / g + 2 * d)
    assert capsys.readouterr().out.startswith("Correct")


@pytest.mark.parametrize("name", [name for name, question in FORMULAS.items() if question.multiples])
def test_a_multiple_is_tried_as_one_and_both_as_equals_too(name):
    question = FORMULAS[name]
    names = list(inspect.signature(question.right).parameters)
    for (larger, smaller), tried in product(
        question.multiples.items(), inputs.samples(names, (), question.between, 40, question.multiples)
    ):
        values = dict(zip(names, tried, strict=True))
        assert values[larger] % values[smaller] == 0 and values[larger] > 0


def test_the_input_that_is_told_is_none_of_the_simple_ones():
    question, names = FORMULAS["layer_parameters"], ["inputs", "outputs"]

    def answer(inputs, outputs):
        return float(3 * inputs**2 + outputs)

    with pytest.raises(Wrong, match=rf"^For {answers.inputs_told(names, inputs.samples(names, (), {})[19])}: "):
        question(answer)


def test_a_whole_count_is_called_a_slip_with_units_only_if_it_is_very_near_one():
    question = Number(right=lambda: 10**6, unit="rows", tolerance=0, hint="Count.")
    with pytest.raises(Wrong, match="That looks like a prefix"):
        question(lambda: 1_000_009_000)
    with pytest.raises(Wrong, match="Hint: Count"):
        question(lambda: 1_000_050_000)


@pytest.mark.parametrize(("right", "rounded"), [(22.455, 22), (0.17569, 0.18), (31_480, 31_000)])
def test_two_digits_are_told_to_be_too_few(right, rounded):
    question = Number(right=lambda: right, unit="rows", hint="Count.")
    with pytest.raises(Wrong, match="rounded too far"):
        question(lambda: rounded)
    with pytest.raises(Wrong, match="Hint: Count"):
        question(lambda: rounded * 1.1)
    question(lambda: float(f"{right:.3g}"))


def test_what_is_off_by_one_is_not_said_to_be_rounded():
    def answer(n):
        if hasattr(n, "free_symbols"):
            raise TypeError("numbers only")
        return n * n + 1

    with pytest.raises(Wrong) as told:
        Formula(right=lambda n: n * n, hint="Square it.")(answer)
    assert "whole numbers" not in str(told.value)


# --- answers that are none


def unsolved():
    raise NotImplementedError()


def test_an_open_question_says_so_kindly():
    with pytest.raises(StillOpen, match="still open"):
        checks.largest_batch(unsolved)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (87_370, "without calling it"),
        (max, "function of your own"),
        (lambda: None, "forget `return`"),
        (lambda: "87370", "without unit or quotation marks"),
        (lambda: "87370 examples", "Your function returns '87370 examples'; return a number"),
        (lambda: (87_370, "examples"), "return a number"),
        (lambda: True, "return a number"),
        (lambda: float("nan"), "finite"),
        (lambda: 1j, "return one number"),
        (lambda: (-8) ** (1 / 3), "A negative number to a power that is no whole number is complex"),
        (lambda: 0, "is 0 times"),
        (lambda: 10**400, "beyond all floats"),
        (lambda: undefined_name, "stops with NameError"),  # noqa: F821
        (lambda: {"width": 3}["wdth"], "stops with KeyError: there is no 'wdth'"),
        (lambda: model("llama-2-8b").width, "stops with KeyError: unknown model 'llama-2-8b'"),
        (lambda batch: batch, "takes batch; the question gives it nothing"),
    ],
)
def test_an_answer_that_is_no_number_is_told_what_it_is(answer, says):
    with pytest.raises(Wrong, match=re.escape(says)):
        checks.largest_batch(answer)


def test_a_function_of_other_arguments_is_told_which_are_given():
    with pytest.raises(Wrong, match=r"takes n; the question gives it inputs, outputs"):
        checks.layer_parameters(lambda n: n)


def test_a_function_that_stops_is_told_why():
    with pytest.raises(Wrong, match="stops with ZeroDivisionError"):
        checks.layer_parameters(lambda n, m: 1 // 0)


def test_a_function_that_stops_is_told_at_which_input():
    with pytest.raises(Wrong, match=r"For inputs=3, outputs=3: Your function stops with ZeroDivisionError"):
        checks.layer_parameters(lambda n, m: n * m + m + 0 * (1 // (n - 3)))
    with pytest.raises(Wrong, match=r"For inputs=3, outputs=3: Your function returns nothing"):
        checks.layer_parameters(lambda n, m: None if n == 3 else n * m + m)


def test_a_function_may_use_what_takes_floats_only(capsys):
    checks.growth_for_lower_loss(lambda part, exponent: np.exp(-np.log(1 - part) / exponent))
    assert "a test, not a proof" in capsys.readouterr().out
    with pytest.raises(Wrong, match="Your function gives what comes out with a performance that is higher"):
        checks.growth_for_lower_loss(lambda part, exponent: np.exp(np.log(1 + part) / exponent))


@pytest.mark.parametrize("compare", [min, lambda a, b: a < b, lambda a, b: math.log(a)])
def test_a_function_that_stops_at_a_complex_number_is_told_where_that_comes_from(compare):
    with pytest.raises(Wrong, match=r"stops with TypeError.* .A negative number to a power that is no whole"):
        checks.size_for_the_service(lambda: compare((-8.0) ** (1 / 3), 1.0))


@pytest.mark.parametrize(
    "odd", [np.bool_(True), ..., np.array([1, 2]), sp.Matrix([1]), sp.Symbol("x") > 0, (n for n in ()), MLP([1, 1]), 1j]
)
def test_a_formula_that_is_no_number_is_told_so_in_a_sentence(odd):
    with pytest.raises(Wrong):
        checks.layer_parameters(lambda n, m: odd)


def test_a_letter_without_quotation_marks_is_told_so():
    with pytest.raises(Wrong, match=r"name 'b' is not defined\. A letter needs quotation marks\.$"):
        checks.double_the_width(lambda: b)  # noqa: F821


@pytest.mark.parametrize(("given", "says"), [(None, "forget `return`"), (4.15, "needs quotation marks")])
def test_what_is_no_letter_is_told_why(given, says):
    with pytest.raises(Wrong, match=says):
        checks.who_needs_its_input(lambda: given)


def test_a_caret_for_a_power_is_told_so():
    with pytest.raises(Wrong, match=r"a power is written"):
        checks.network_bytes(lambda d, L, e: L * (d ^ 2 + d) * e)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("size_when_tokens_cost_more", lambda cost, ours, theirs: cost ^ (-theirs / (ours + theirs))),
        ("size_for_the_cluster", lambda: (128 * 312e12 / 120) ^ 0.5),
        ("size_for_the_cluster", lambda: 10 ^ 9),
    ],
    ids=["of fractions", "of floats", "of whole numbers"],
)
def test_a_caret_is_told_of_when_it_stops_the_function_too(name, answer):
    with pytest.raises(Wrong, match=r"a power is written"):
        QUESTIONS[name](answer)


def test_a_caret_in_a_comment_is_none():
    def answer(width, matrices, size):
        return matrices * width**2 * size  # width^2

    with pytest.raises(Wrong) as told:
        checks.network_bytes(answer)
    assert "a power is written" not in str(told.value)


def test_an_endless_answer_is_quoted_in_short():
    with pytest.raises(Wrong) as told:
        checks.training_flops(lambda sizes, batch: [sizes] * 1000)
    assert len(str(told.value)) < 500


@pytest.mark.parametrize(
    "answer",
    [
        lambda sizes, batch: batch * (4 * sizes[0] * sizes[1] + 6 * sizes[1] * sizes[2] + 6 * sizes[2] * sizes[3]),
        lambda sizes, batch: sum((4 if n == sizes[0] else 6) * n * m * batch for n, m in pairwise(sizes)),
    ],
    ids=["one length only", "a width that comes twice"],
)
def test_a_function_that_is_right_for_the_symbols_alone_does_not_pass(answer):
    with pytest.raises(Wrong):
        checks.training_flops(answer)


def test_equal_values_are_tried_as_well():
    with pytest.raises(Wrong, match=r"inputs=(\d+), outputs=\1:"):
        checks.layer_parameters(lambda n, m: n * m + m if n != m else 0)


@pytest.mark.parametrize(
    "written",
    [
        lambda lower_by, exponent: (1 - lower_by) ** (-1 / exponent),
        lambda lower_by, exponent: (
            (1 / (1 - lower_by)) ** (1 / exponent)
        ),  # beyond 1 it would be another complex number
        lambda lower_by, exponent: 1 / (1 - lower_by) ** (1 / exponent),
        lambda part, exponent: sp.exp(-sp.log(1 - part) / exponent),
    ],
)
def test_formulas_of_a_part_need_to_agree_between_0_and_1_only(written, capsys):
    checks.growth_for_lower_loss(written)
    assert "for every input" in capsys.readouterr().out


def test_a_part_is_tried_with_numbers_between_0_and_1():
    with pytest.raises(Wrong, match=r"For lower_by=\d+/\d+, parameter_exponent="):
        checks.growth_for_lower_loss(lambda part, exponent: math.exp(part / exponent))


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("growth_for_lower_loss", {"lower_by": (0, 1), "parameter_exponent": (0, 1)}),
        ("size_when_tokens_cost_more", {"cost_factor": (1, 4 / 3), "token_exponent": (0, 1)}),
        ("days_of_training", {"utilization": (0, 1)}),
    ],
)
def test_values_are_tried_inside_the_limits_that_the_question_names(name, limits, formulas_stay_open):
    names, tried = list(inspect.signature(QUESTIONS[name].right).parameters), []

    def answer(*values):
        tried.append(dict(zip(names, map(float, values), strict=True)))
        return QUESTIONS[name].right(*values)

    QUESTIONS[name](answer)
    for each, (low, high) in limits.items():
        values = [values[each] for values in tried]
        assert low < min(values) < (low + high) / 2 < max(values) < high
        assert sum((1 / value) % 1 > 1e-9 for value in values) > len(values) / 2  # not one over a whole number


def test_a_range_in_place_of_ends_is_tried_with_whole_numbers_inside_it_and_still_proved(capsys):
    tried = []

    def answer(layers, vocabulary):
        tried.append(vocabulary)
        return vocabulary / (6 * layers)

    checks.width_of_balance(answer)
    assert "for every input" in capsys.readouterr().out
    assert tried.pop(0).is_integer
    assert all(isinstance(words, int) and 1000 <= words < 300_000 for words in tried)


def test_long_formulas_that_differ_plainly_are_told_apart_without_algebra(monkeypatch):
    """Algebra takes minutes for a quotient of two averages less the momentum alone."""
    monkeypatch.setattr(inputs, "same", lambda a, b: pytest.fail("asks algebra"))
    part, width = sp.Symbol("part", positive=True), sp.Symbol("width", positive=True, integer=True)
    inside = {"part": (0, 1)}
    assert not inputs.agree(part**20 + width, (part + width) ** 20, inside)
    assert not inputs.agree(1, width, {})
    assert not inputs.agree(width, width + 1, {"width": range(7, 9)})


@pytest.mark.parametrize(
    ("a", "b"), [("sqrt((1 - part)**2)", "1 - part"), ("Max(part, 2)", "2"), ("0.1 + part", "part + 1/10")]
)
def test_formulas_that_agree_inside_the_ends_are_never_told_apart(a, b):
    part = {"part": sp.Symbol("part", positive=True)}
    assert inputs.agree(sp.sympify(a, locals=part), sp.sympify(b, locals=part), {"part": (0, 1)})


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("constant", [1, 7])
def test_no_reply_to_a_constant_holds_the_answer(name, constant):
    question = FORMULAS[name]
    names = list(inspect.signature(question.right).parameters)
    scope = {}
    exec(f"def answer({', '.join(names)}): return {constant}", scope)
    with pytest.raises(Wrong) as told:
        question(scope["answer"])
    assert not re.search(rf"\b({'|'.join(names)})\b[ *+]", str(told.value).split("Hint")[0])


def test_a_constant_that_happens_to_match_does_not_pass():
    with pytest.raises(Wrong):
        checks.layer_parameters(lambda n, m: 100_010_000)


@pytest.mark.parametrize(
    "borrowed",
    [
        lambda n, m: MLP([n, m]).parameters,
        lambda n, m: training_flops(n, m) / 6 + m,
        lambda n, m: model("gpt2").parameters.total,
    ],
)
def test_the_packages_own_formulas_refuse_to_answer(borrowed):
    with pytest.raises(Wrong, match=r"^Your function asks the package \(\w+\).* Write the arithmetic yourself"):
        checks.layer_parameters(borrowed)


def test_a_refused_answer_is_shown_its_own_line():
    def attribute_only(n, m):
        return model("gpt2").parameters.total

    with pytest.raises(Wrong, match=r"It is asked in the line `return model\(\"gpt2\"\)\.parameters\.total`\.$"):
        checks.layer_parameters(attribute_only)


def test_formulas_work_again_after_a_check_has_failed():
    with pytest.raises(Wrong):
        checks.layer_parameters(lambda n, m: training_flops(n, m))
    assert training_flops(1, 1) == 6


def test_a_wrong_answer_shows_its_message_without_a_traceback():
    assert Wrong("one\ntwo")._render_traceback_() == ["one", "two"]


@pytest.mark.parametrize("learner", ["", *"abcdefghijkl"])
def test_no_single_column_tells_the_cheapest_offer_in_time(learner):
    """Or the question would not need its arithmetic: neither the cheapest hour nor the fastest offer is the answer."""
    purchases, job = checks.purchases, checks.cheapest_in_time.values_of(learner)
    bills = {offer: purchases._bill(offer, job.job_tokens) for offer in purchases.OFFERS}
    answer = next(offer for offer, (_, price) in bills.items() if price == purchases._cheapest(*job))
    tempting = [
        min(bills, key=lambda offer: offer.price),
        min(bills, key=lambda offer: bills[offer][1]),
        *(
            max(bills, key=lambda offer, column=column: getattr(offer, column))
            for column in ("gpus", "peak", "reached")
        ),
        min(bills, key=lambda offer: bills[offer][0]),
    ]
    assert answer not in tempting


def test_an_unknown_check_is_refused_by_name():
    with pytest.raises(AttributeError, match="no check 'nonsense'"):
        _ = checks.nonsense

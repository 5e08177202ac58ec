"""Mistakes of the checks, worked out a second time with plain arithmetic: a name has to stand for what it says.

Single ones, and those that need values of their own to be told apart; all mistakes of some questions, at one set of
values, stand in `test_mistakes_again.py`.
"""

import math

import pytest

from llmcalc import checks
from llmcalc.checks import lifetimes
from llmcalc.checks.scaling_laws import tokens_for

CLUSTER = (128, 10, 312e12, 0.45)  # GPUs, days, peak, utilization
BUDGET = 128 * 312e12 * 0.45 * 864_000
RUN = (10**9, 10**12, 8, 10**15, 0.5)  # parameters, tokens, GPUs, peak, utilization
SECONDS = 6 * 10**21 / (8 * 10**15 * 0.5)
HALF = 0.5
AGAIN = [
    ("adam_direction", "the momentum squared in place of the gradient", ([4], HALF, 0.75), 4 / 2),
    (
        "adam_direction",
        "corrected averages that are carried on to the next step",
        ([4, 2], HALF, HALF),
        4 / math.sqrt(10 / 0.75),
    ),
    ("adam_direction", "a power without parentheses", ([4], HALF, 0.75), 4 / 16 / 2),
    (
        "adam_direction",
        "a bias correction that does not know the step",
        ([4, 2, 6], HALF, 0.75),
        8 / math.sqrt(48),
    ),
    (
        "adam_direction",
        "a bias correction that is a step behind",
        ([4, 2, 6], HALF, 0.75),
        4 / 0.75 / math.sqrt(12 / 0.4375),
    ),
    (
        "adam_direction",
        "the weights of old and new exchanged",
        ([4, 2], 0.75, 0.75),
        (0.25 * 3 + 1.5) / math.sqrt(6 * 0.4375),
    ),
    ("fullest_with_segments", "whole-number division", (22, 4, 10, 100), 480),
    ("bytes_with_frozen_layers", "gradients of all parameters", (100, 0.25, 2, 2), 100 * (2 + 2) + 25 * 12),
    ("bytes_with_frozen_layers", "the frozen share taken for the trained one", (100, 0.25, 2, 2), 200 + 75 * 14),
    ("size_for_the_cluster", "the forward pass alone", CLUSTER, math.sqrt(BUDGET / 40)),
    # 482.01 / 40e9**0.3478 is 0.0990 and grows by 0.0270; 2085.43 / 800e9**0.3658 is 0.0923
    (
        "tokens_at_half_the_size",
        "a larger loss for want of text, where a smaller one is needed",
        (40e9, 800e9),
        (2085.43 / (2085.43 / 800e9**0.3658 + 482.01 / 20e9**0.3478 - 482.01 / 40e9**0.3478)) ** (1 / 0.3658),
    ),
    ("size_for_the_cluster", "the budget itself, in FLOP", CLUSTER, BUDGET),
    ("size_for_the_cluster", "the square root of the budget alone", CLUSTER, math.sqrt(BUDGET) / 120),
    ("size_for_the_cluster", "one operation for each parameter and token", CLUSTER, math.sqrt(BUDGET / 20)),
    ("days_of_training", "the backward pass forgotten", RUN, SECONDS / 3 / 86_400),
    ("days_of_training", "the utilization forgotten", RUN, SECONDS / 2 / 86_400),
    ("days_of_training", "hours in place of days", RUN, SECONDS / 3600),
    ("bytes_of_squared_relu", "the norm's number for each value", (5, 8, 24, 2), 2 * 5 * 32 * 2 + 4 * 5 * 8),
    ("bytes_of_squared_relu", "the norm's number times the bytes of a value", (5, 8, 24, 2), 2 * 5 * 32 * 2 + 40),
    ("bytes_of_squared_relu", "the norm's number once, not for each token", (5, 8, 24, 2), 2 * 5 * 32 * 2 + 4),
    (
        "least_with_two_levels",
        "the least for segments that come back whole, without the inputs inside",
        (16, 1, 9),
        2 * 4 * 3,
    ),
    ("gpt2_layer_parameters", "the biases of the matrices forgotten", (8,), 12 * 64 + 4 * 8),
    ("budget_by_rule", "the forward pass alone", (10, 20), 2 * 10 * 200),
    (
        "growth_for_lower_loss",
        "the part of the loss that goes, where the part that stays is meant",
        (0.1, 0.5),
        0.1**-2,
    ),
]


@pytest.mark.parametrize(("question", "name", "values", "amount"), AGAIN, ids=lambda value: str(value)[:30])
def test_a_mistake_comes_to_what_its_name_says(question, name, values, amount):
    found = {mistake.name: mistake for mistake in getattr(checks, question).mistakes}
    assert name in found, sorted(found)
    assert float(found[name].gives(*values)) == pytest.approx(float(amount), rel=1e-11)


@pytest.mark.parametrize("share", [0, 0.5, 1, 3])
@pytest.mark.parametrize("learner", ["", "ada", "2026-117"])
def test_the_search_for_the_cheapest_life_ends_inside_its_range(learner, share):
    size, text, served = checks.size_for_the_service.values_of(learner)
    best = lifetimes._cheapest(size, text, share * served)

    def cost(factor):
        tokens = tokens_for(size, text, factor * best / size)
        return lifetimes.lifetime_flops(factor * best, tokens, share * served)

    assert cost(1) <= min(cost(0.99), cost(1.01))

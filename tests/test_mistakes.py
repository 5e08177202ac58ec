"""Mistakes of the checks, worked out a second time with plain arithmetic: a name has to stand for what it says."""

import math

import pytest

from llmcalc import checks
from llmcalc.checks import scaling_laws

BUDGET = 128 * 312e12 * 0.45 * 864_000
RUN = (10**9, 10**12, 8, 10**15, 0.5)  # parameters, tokens, GPUs, peak, utilization
SECONDS = 6 * 10**21 / (8 * 10**15 * 0.5)
HALF = 0.5
AGAIN = [
    ("bytes_of_the_recipe", "moments in fp32", (), 2 + 4 + 4 + 4 + 4),
    ("adam_direction", "the bias correction forgotten", ([4, 2], HALF, 0.75), 2 / math.sqrt(0.75 * 4 + 1)),
    ("adam_direction", "the root forgotten", ([4, 2], HALF, 0.75), 2 / 0.75 / (4 / 0.4375)),
    ("adam_direction", "averages that start at the first gradient", ([4, 2], HALF, 0.75), 3 / math.sqrt(13)),
    ("adam_direction", "the momentum squared in place of the gradient", ([4], HALF, 0.75), 4 / 2),
    (
        "adam_direction",
        "corrected averages that are carried on to the next step",
        ([4, 2], HALF, HALF),
        4 / math.sqrt(10 / 0.75),
    ),
    ("adam_direction", "a power without parentheses", ([4], HALF, 0.75), 4 / 16 / 2),
    ("two_moments_in_few_bits", "one scale for both moments", (8, 64, 32), 2 + 4 / 64),
    ("two_moments_in_few_bits", "block and scale exchanged", (8, 64, 32), 2 + 2 * 64 / 32 / 8),
    ("adamw_over_factored", "two values for each row and column", (10, 20), 400 / 260),
    ("adamw_over_factored", "parentheses missing below the line", (10, 20), 2 * 10 * 20 / 10 * 20 + 10 + 20),
    ("bytes_with_frozen_layers", "gradients of all parameters", (100, 0.25, 2, 2), 100 * (2 + 2) + 25 * 12),
    ("bytes_with_frozen_layers", "the frozen share taken for the trained one", (100, 0.25, 2, 2), 200 + 75 * 14),
    ("fullest_moment", "gradients that stay all the time", (4, 100), 4 * 4 + 100),
    ("fullest_moment", "no optimizer states beside the activations", (4, 100), 104),
    ("cheapest_hour", "parts of a machine rented", (), 28 * 10.0625 / (4 * 168) * 4 * 4.30),
    ("cheapest_hour", "the reserve forgotten", (), 3 * 4 * 0.40),
    ("cheapest_hour", "machine C", (), 2 * 10 * 0.85),
    ("size_for_the_cluster", "the forward pass alone", (), math.sqrt(BUDGET / 40)),
    ("size_for_the_cluster", "the square root of the budget alone", (), math.sqrt(BUDGET) / 120),
    ("size_for_the_cluster", "one operation for each parameter and token", (), math.sqrt(BUDGET / 20)),
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
    assert float(found[name].gives(*values)) == pytest.approx(float(amount), rel=1e-9)


@pytest.mark.parametrize("share", [0, 0.5, 1, 3])
def test_the_search_for_the_cheapest_life_ends_inside_its_range(share):
    served = share * scaling_laws.SERVED
    best = scaling_laws._cheapest(served)

    def cost(factor):
        size = factor * best
        return scaling_laws.lifetime_flops(size, scaling_laws._text(size / scaling_laws.SIZE), served)

    assert cost(1) <= min(cost(0.99), cost(1.01))

"""Mistakes of the checks, worked out a second time with plain arithmetic: a name has to stand for what it says."""

import math

import pytest

from llmcalc import checks
from llmcalc.checks import scaling_laws

BUDGET = 128 * 312e12 * 0.45 * 864_000
RUN = (10**9, 10**12, 8, 10**15, 0.5)  # parameters, tokens, GPUs, peak, utilization
SECONDS = 6 * 10**21 / (8 * 10**15 * 0.5)
AGAIN = [
    ("size_for_the_cluster", "the forward pass alone", (), math.sqrt(BUDGET / 40)),
    ("size_for_the_cluster", "the square root of the budget alone", (), math.sqrt(BUDGET) / 120),
    ("size_for_the_cluster", "one operation for each parameter and token", (), math.sqrt(BUDGET / 20)),
    ("days_of_training", "the backward pass forgotten", RUN, SECONDS / 3 / 86_400),
    ("days_of_training", "the utilization forgotten", RUN, SECONDS / 2 / 86_400),
    ("days_of_training", "hours in place of days", RUN, SECONDS / 3600),
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

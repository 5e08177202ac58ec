"""A recap of budgets: what a power law says, what service costs beside training, and where a valley has its bottom."""

from fractions import Fraction
from math import e, log

from llmcalc.checks.engine import Choice, Formula, Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.checks.training import slips
from llmcalc.compute import training_flops
from llmcalc.inference import serving_flops
from llmcalc.scaling import kaplan_parameter_loss

LEFT_BY_DOUBLING = (0.95, 0.935, 0.94, 0.955, 0.945)
GROWTHS = tuple(2**power for power in (10, 8, 9, 11, 12))
TEXT_RULE = 20
"""Tokens for each parameter, by the rule of thumb that somebody may remember in place of the question."""


def _left(left_by_doubling, times, base=2):
    """Share of the loss that is left; with another base, that many times the parameters are taken for a doubling."""
    exponent = -log(left_by_doubling, base)
    return kaplan_parameter_loss(times, 1, exponent) / kaplan_parameter_loss(1, 1, exponent)


def _served(parameters, tokens):
    return training_flops(parameters, tokens) / serving_flops(parameters, 1)


SERVED_SLIPS = (
    (
        "a served token as dear as one of training",
        Fraction(1, 3),
        "Does a token that is served go backward through the model?",
    ),
    (
        "the backward pass alone for the training (or its tokens counted as served)",
        Fraction(2, 3),
        "Training goes forward as well, and this is asked of the service alone.",
    ),
    (
        "one operation for each parameter and served token",
        2,
        "A weight multiplies, and its product is added: also when it serves.",
    ),
    ("a second forward pass in training (recomputation)", Fraction(4, 3), "Nothing is computed twice here."),
    ("the fraction upside down", Fraction(1, 9), "Which of the two tokens is the dear one?"),
)

QUESTIONS = {
    "loss_left": Number(
        values={
            "left_by_doubling": Own("share of the loss that twice the parameters leave", LEFT_BY_DOUBLING),
            "times": Own("how many times the parameters grow", GROWTHS),
        },
        right=_left,
        unit="of the loss",
        hint="How many times must one double to get there? And what does each doubling do to the loss that is left?",
        mistakes=(
            Mistake(
                "a single doubling",
                lambda left, times: left,
                "That is what the first doubling leaves. The parameters grow further.",
            ),
            Mistake(
                "each doubling taking the same amount, not the same share",
                lambda left, times: 1 - (1 - left) * log(times, 2),
                "The second doubling takes its part of what the first one left.",
            ),
            Mistake(
                "a doubling for each of the times",
                lambda left, times: left**times,
                "How large is something after ten doublings?",
            ),
            Mistake(
                "half as many doublings as times",
                lambda left, times: left ** (times / 2),
                "Each doubling begins from what the last one reached, not from the start.",
            ),
            Mistake("a doubling too many", lambda left, times: _left(left, 2 * times), "Count the doublings again."),
            Mistake("a doubling too few", lambda left, times: _left(left, times / 2), "Count the doublings again."),
            Mistake(
                "a share that is multiplied by the number of doublings",
                lambda left, times: left * log(times, 2),
                "Can more be left than there was? The second doubling works on what the first one left.",
            ),
            Mistake(
                "the natural logarithm",
                lambda left, times: _left(left, times, base=e),
                "That logarithm counts steps by another factor than the question's.",
            ),
            Mistake(
                "the decimal logarithm",
                lambda left, times: _left(left, times, base=10),
                "That logarithm counts tenfold steps. Which steps does the question know?",
            ),
            Mistake(
                "a loss in inverse proportion to the parameters",
                lambda left, times: 1 / times,
                "The exponent of this law is far smaller.",
            ),
            Mistake(
                "the share that is gone",
                lambda left, times: 1 - _left(left, times),
                "And what is left?",
            ),
            Mistake(
                "the fraction upside down", lambda left, times: 1 / _left(left, times), "Does the loss rise or fall?"
            ),
            Mistake(
                "a percentage in place of a share",
                lambda left, times: _left(left, times) * 10**2,
                "Give the share itself, where the whole loss is one.",
            ),
        ),
    ),
    "served_for_the_training": Formula(
        right=_served,
        hint="What does a token cost in training, and what in service? Which of the two has a backward pass?",
        mistakes=(
            *slips(SERVED_SLIPS, lambda factor, *model: factor * _served(*model)),
            Mistake(
                "the parameters forgotten on the side of the service",
                lambda parameters, tokens: parameters * _served(parameters, tokens),
                "Each served token meets every parameter, too.",
            ),
            Mistake(
                "the parameters forgotten on the side of the training",
                lambda parameters, tokens: _served(parameters, tokens) / parameters,
                "Each token of the training meets every parameter, too.",
            ),
            Mistake(
                "the served tokens that cost as much as one token of the training",
                lambda parameters, tokens: _served(parameters, 1),
                "And how many tokens did the training read?",
            ),
            Mistake("the work of the training", training_flops, "That is FLOP; the question asks for tokens."),
            Mistake(
                "the rule of thumb for the text",
                lambda parameters, tokens: _served(parameters, TEXT_RULE * parameters),
                "The question says how long the text was; it need not follow a rule.",
            ),
        ),
    ),
    "farthest_above_its_valley": Choice(
        right="b",
        because="With so few parameters its training took more FLOP than a larger model of the same loss would have "
        "needed, and each token that it serves takes less: with enough of them it was a good choice.",
        replies={
            "a": "It lies far to the right, but how far above the bottom of its own valley? Compare all six.",
            "c": "The model is the right one. But look where it lies: is the bottom not the cheapest place to train?",
            "d": "Its dot is the highest of all, and its budget the smallest. How far is it above its *own* valley?",
        },
    ),
}

"""The question about a block of weights that share a scale: the right answer, and the mistakes that people make."""

from llmcalc.checks.engine import Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.rounding import quantized, relative_error, rounded

BLOCKS = (
    (0.31, -0.12, 0.05, 0.22, -0.27, 0.08, -0.04, -1.4),
    (0.31, -0.12, 0.05, 0.22, -0.27, 0.08, -0.04, -1.5),
    (0.24, -0.09, 0.33, 0.06, -0.19, 0.04, -0.28, -1.4),
    (0.24, -0.09, 0.33, 0.06, -0.19, 0.04, -0.28, -1.8),
    (-0.17, 0.29, 0.07, -0.21, 0.12, -0.34, 0.05, -1.3),
    (-0.17, 0.29, 0.07, -0.21, 0.12, -0.34, 0.05, -1.5),
    (0.13, 0.36, -0.08, -0.23, 0.18, -0.06, -0.26, -1.3),
    (0.09, -0.32, 0.16, 0.26, -0.04, 0.23, -0.11, -1.4),
    (0.09, -0.32, 0.16, 0.26, -0.04, 0.23, -0.11, -1.7),
    (0.25, -0.08, 0.11, 0.06, 0.36, 0.31, -0.04, -1.4),
    (0.19, -0.07, -0.33, 0.27, 0.08, 0.29, -0.25, -1.4),
    (-0.33, 0.04, 0.29, 0.15, 0.23, 0.12, 0.07, -1.3),
    (0.36, -0.27, -0.06, 0.16, 0.14, -0.08, -0.31, -1.3),
    (-0.19, -0.25, -0.33, 0.08, 0.26, -0.05, 0.24, -1.4),
)
"""Eight weights each, the last of them an outlier; beside it, none comes to lie between two whole numbers."""


def _percent(stored, values):
    return 100 * relative_error(values, stored)


def _scale(weights, divisor=7, largest=None):
    return (largest or max(map(abs, weights))) / divisor


def _block_error(weights, divisor=7, largest=None, levels="int4", whole=None):
    """The error of the eight weights with another scale or other rounding."""
    scale = _scale(weights, divisor, largest)
    whole = whole or (lambda value: float(rounded(value, levels)))
    return _percent([whole(weight / scale) * scale for weight in weights], weights)


def _back(weights):
    return quantized(weights, "int4").values


def _block_share(weights):
    return _percent(_back(weights), weights)


def _root_mean_square(weights):
    return (sum(weight**2 for weight in weights) / len(weights)) ** 0.5


QUESTIONS = {
    "error_of_a_block": Number(
        values={"weights": Own("eight weights that share a scale", BLOCKS)},
        right=_block_share,
        unit="%",
        hint="The scale first, then the eight whole numbers, then what comes back. Print them: the largest weight "
        "comes back exactly. Which of the others become zero?",
        mistakes=(
            Mistake(
                "the largest whole number 8",
                lambda weights: _block_error(weights, 8),
                "Which whole numbers does the question use?",
            ),
            Mistake(
                "15 whole numbers above zero",
                lambda weights: _block_error(weights, 15),
                "About half of the fifteen are negative.",
            ),
            Mistake(
                "16 whole numbers above zero",
                lambda weights: _block_error(weights, 16),
                "Half of the whole numbers are negative.",
            ),
            Mistake(
                "the numbers of int8",
                lambda weights: _block_error(weights, 127, levels="int8"),
                "How many bits are there?",
            ),
            Mistake(
                "the largest weight instead of the largest magnitude, and numbers cut off at the ends",
                lambda weights: _block_error(weights, largest=max(weights)),
                "The outlier is negative.",
            ),
            Mistake(
                "the largest weight instead of the largest magnitude",
                lambda weights: _block_error(weights, largest=max(weights), whole=round),
                "The outlier is negative, and now it would need a whole number that four bits do not have.",
            ),
            Mistake(
                "cutting off instead of rounding",
                lambda weights: _block_error(weights, whole=int),
                "Which number is nearest?",
            ),
            Mistake(
                "rounding down",
                lambda weights: _block_error(weights, whole=lambda value: value // 1),
                "Which number is nearest?",
            ),
            Mistake(
                "the mean of the errors' sizes",
                lambda weights: 100 * sum(abs(_back(weights) - weights)) / sum(map(abs, weights)),
                "Square, add, and take the root at the end.",
            ),
            Mistake(
                "whole numbers that are not multiplied by the scale again",
                lambda weights: _percent([rounded(weight / _scale(weights), "int4") for weight in weights], weights),
                "What comes back has to be compared, not what is stored.",
            ),
            Mistake(
                "all weights lost, as if they were multiplied by the scale before they are rounded",
                lambda weights: _percent([0] * len(weights), weights),
                "What does the largest weight become? It should be the largest whole number.",
            ),
            Mistake(
                "the error of each weight over that weight",
                lambda weights: _percent(
                    [back / weight for back, weight in zip(_back(weights), weights, strict=True)], [1] * len(weights)
                ),
                "The question asks for two root mean squares, one over the other. Small weights then count little.",
            ),
            Mistake(
                "the mean of the errors, each over its weight",
                lambda weights: 100 * sum(abs(_back(weights) / weights - 1)) / len(weights),
                "The question asks for two root mean squares, one over the other. Small weights then count little.",
            ),
            Mistake(
                "the outlier left out",
                lambda weights: _percent(_back(weights)[:-1], weights[:-1]),
                "It is one of the eight, in both root mean squares.",
            ),
            Mistake(
                "the distance from the smallest to the largest weight over 15",
                lambda weights: _block_error(weights, 15, largest=max(weights) - min(weights), whole=round),
                "The largest magnitude over 7, so that the outlier becomes -7.",
            ),
            Mistake(
                "the error over the largest weight",
                lambda weights: _block_share(weights) * _root_mean_square(weights) / max(map(abs, weights)),
                "Over the root mean square of the weights.",
            ),
            Mistake(
                "percent inside the root",
                lambda weights: _block_share(weights) / 10,
                "Take the percent at the very end.",
            ),
            Mistake(
                "percent, and no root",
                lambda weights: _block_share(weights) ** 2,
                "Mean of the squares: a root is missing.",
            ),
            Mistake(
                "no root", lambda weights: _block_share(weights) ** 2 / 100, "Mean of the squares: a root is missing."
            ),
            Mistake(
                "a fraction where percent is asked",
                lambda weights: _block_share(weights) / 100,
                "A hundred percent are all.",
            ),
            Mistake(
                "no division by the weights",
                lambda weights: _block_share(weights) * _root_mean_square(weights),
                "That is an error in the unit of the weights. In percent of what?",
            ),
            Mistake(
                "no division by the weights, and no percent",
                lambda weights: _block_share(weights) * _root_mean_square(weights) / 100,
                "That is an error in the unit of the weights. In percent of what?",
            ),
            Mistake(
                "the root of a sum over a mean",
                lambda weights: _block_share(weights) * len(weights) ** 0.5,
                "Take a mean, or a sum, in both.",
            ),
            Mistake(
                "the root of a mean over a sum",
                lambda weights: _block_share(weights) / len(weights) ** 0.5,
                "Take a mean, or a sum, in both.",
            ),
        ),
    ),
}

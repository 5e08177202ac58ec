"""Questions about blocks that share a scale: right answers, and the mistakes that people make."""

from dataclasses import dataclass
from math import inf

from llmcalc.checks.engine import Mistake, Number
from llmcalc.checks.few_bits import mixed_bytes
from llmcalc.formats import number_format
from llmcalc.models import model
from llmcalc.rounding import SCALES, quantized, relative_error, rounded
from llmcalc.units import GB, GIB

BLOCK = (0.31, -0.12, 0.05, 0.22, -0.27, 0.08, -0.04, -1.4)
"""Eight weights, one of them an outlier."""
_LARGE = model("qwen2.5-72b").parameters
PARAMETERS, KEPT = _LARGE.total, _LARGE.embedding.total + _LARGE.lm_head.total
CARDS, RESERVED = 2, 57 * GB // 10
"""Cards of 24 GiB, and the bytes that they have to hold beside the weights: so many that each slip shows."""


def _percent(stored, values):
    return 100 * relative_error(values, stored)


@dataclass(frozen=True)
class Offer:
    """A way of storing weights: a format, the values that share a scale, and the format of the scale."""

    name: str
    format: str
    bits: int
    block: int
    scale_bits: int
    error: float  # root mean square on the weights of the question, in percent of that of the weights

    def __str__(self):
        scales = f"{self.scale_bits:2} bits of scale for {self.block:3} values"
        return f"{self.name}: {self.format:5} {self.bits} bits, {scales}, error {self.error:5.2f}%"


def _offers(*rows):
    """Offers with the error that they leave on normal weights, four columns of which are ten times as large."""
    import numpy as np

    weights = np.random.default_rng(5).normal(size=(64, 1024))
    weights[:, ::256] *= 10
    for name, (format, block, scale) in zip("ABCDEFGH", rows, strict=True):
        error = _percent(quantized(weights, format, block, scale).values, weights)
        yield Offer(name, format, number_format(format).bits, block, SCALES[scale], error)


# Measured now, because the package's formulas refuse to be called while an answer is tried.
OFFERS = tuple(
    _offers(
        ("int8", 128, "fp16"),
        ("int4", 128, "fp16"),
        ("nf4", 64, "fp32"),
        ("nf4", 16, "fp8_e4m3"),
        ("nf4", 32, "fp16"),
        ("mxfp4", 32, "power of two"),
        ("nf4", 16, "fp16"),
        ("nf4", 8, "fp16"),
    )
)


def _offered(offer, kept=KEPT, scales=True):
    """Bytes of the model of the offers."""
    scale_bits = offer.scale_bits if scales else 0
    return mixed_bytes(PARAMETERS, kept / PARAMETERS, offer.bits, offer.block, scale_bits)


def _best(gigabyte=GIB, key=lambda offer: offer.error, **counted):
    """The error of the best offer that fits."""
    room = CARDS * 24 * gigabyte - RESERVED
    return min((offer for offer in OFFERS if _offered(offer, **counted) <= room), key=key).error


def _scale(divisor=7, largest=None):
    return (largest or max(map(abs, BLOCK))) / divisor


def _block_error(divisor=7, largest=None, levels="int4", whole=None):
    """The error of the eight weights with another scale or other rounding."""
    scale = _scale(divisor, largest)
    whole = whole or (lambda value: float(rounded(value, levels)))
    return _percent([whole(weight / scale) * scale for weight in BLOCK], BLOCK)


def _back():
    return quantized(BLOCK, "int4").values


def _block_share():
    return _percent(_back(), BLOCK)


def _root_mean_square():
    return (sum(weight**2 for weight in BLOCK) / len(BLOCK)) ** 0.5


QUESTIONS = {
    "error_of_a_block": Number(
        right=_block_share,
        unit="%",
        hint="The scale first, then the eight whole numbers, then what comes back. Print them: the largest weight "
        "comes back exactly. Which of the others become zero?",
        mistakes=(
            Mistake(
                "the largest whole number 8", lambda: _block_error(8), "Which whole numbers does the question use?"
            ),
            Mistake("15 whole numbers above zero", lambda: _block_error(15), "About half of the fifteen are negative."),
            Mistake("16 whole numbers above zero", lambda: _block_error(16), "Half of the whole numbers are negative."),
            Mistake("the numbers of int8", lambda: _block_error(127, levels="int8"), "How many bits are there?"),
            Mistake(
                "the largest weight instead of the largest magnitude, and numbers cut off at the ends",
                lambda: _block_error(largest=max(BLOCK)),
                "The outlier is negative.",
            ),
            Mistake(
                "the largest weight instead of the largest magnitude",
                lambda: _block_error(largest=max(BLOCK), whole=round),
                "The outlier is negative, and now it would need a whole number that four bits do not have.",
            ),
            Mistake("cutting off instead of rounding", lambda: _block_error(whole=int), "Which number is nearest?"),
            Mistake("rounding down", lambda: _block_error(whole=lambda value: value // 1), "Which number is nearest?"),
            Mistake(
                "the mean of the errors' sizes",
                lambda: 100 * sum(abs(_back() - BLOCK)) / sum(map(abs, BLOCK)),
                "Square, add, and take the root at the end.",
            ),
            Mistake(
                "whole numbers that are not multiplied by the scale again",
                lambda: _percent([rounded(weight / _scale(), "int4") for weight in BLOCK], BLOCK),
                "What comes back has to be compared, not what is stored.",
            ),
            Mistake(
                "all weights lost, as if they were multiplied by the scale before they are rounded",
                lambda: _percent([0] * len(BLOCK), BLOCK),
                "What does the largest weight become? It should be the largest whole number.",
            ),
            Mistake(
                "the error of each weight over that weight",
                lambda: _percent(
                    [back / weight for back, weight in zip(_back(), BLOCK, strict=True)], [1] * len(BLOCK)
                ),
                "The question asks for two root mean squares, one over the other. Small weights then count little.",
            ),
            Mistake(
                "the mean of the errors, each over its weight",
                lambda: 100 * sum(abs(_back() / BLOCK - 1)) / len(BLOCK),
                "The question asks for two root mean squares, one over the other. Small weights then count little.",
            ),
            Mistake(
                "the outlier left out",
                lambda: _percent(_back()[:-1], BLOCK[:-1]),
                "It is one of the eight, in both root mean squares.",
            ),
            Mistake(
                "the distance from the smallest to the largest weight over 15",
                lambda: _block_error(15, largest=max(BLOCK) - min(BLOCK), whole=round),
                "The largest magnitude over 7, so that the outlier becomes -7.",
            ),
            Mistake(
                "the error over the largest weight",
                lambda: _block_share() * _root_mean_square() / max(map(abs, BLOCK)),
                "Over the root mean square of the weights.",
            ),
            Mistake("percent inside the root", lambda: _block_share() / 10, "Take the percent at the very end."),
            Mistake("percent, and no root", lambda: _block_share() ** 2, "Mean of the squares: a root is missing."),
            Mistake("no root", lambda: _block_share() ** 2 / 100, "Mean of the squares: a root is missing."),
            Mistake("a fraction where percent is asked", lambda: _block_share() / 100, "A hundred percent are all."),
            Mistake(
                "no division by the weights",
                lambda: _block_share() * _root_mean_square(),
                "That is an error in the unit of the weights. In percent of what?",
            ),
            Mistake(
                "no division by the weights, and no percent",
                lambda: _block_share() * _root_mean_square() / 100,
                "That is an error in the unit of the weights. In percent of what?",
            ),
            Mistake(
                "the root of a sum over a mean",
                lambda: _block_share() * len(BLOCK) ** 0.5,
                "Take a mean, or a sum, in both.",
            ),
        ),
    ),
    "best_that_fits": Number(
        right=_best,
        unit="%",
        hint="For each offer: the bytes of both parts of the model. For all offers: the bytes that the cards have for "
        "it. Of those that fit, the smallest error.",
        mistakes=(
            Mistake("no limit", lambda: _best(gigabyte=inf), "Does this offer fit?"),
            Mistake("the scales forgotten", lambda: _best(scales=False), "Four bits are not all that a weight takes."),
            Mistake(
                "the part in 16 bits forgotten, or what else has to fit",
                lambda: _best(kept=0),
                "This offer does not fit. What stays in 16 bits, and what do the cards hold beside the weights?",
            ),
            Mistake(
                "GB for GiB, or the part in 16 bits stored in few bits besides",
                lambda: _best(gigabyte=GB),
                "This offer fits, and a better one does. How many bytes does a card have, and is every parameter "
                "stored once?",
            ),
            Mistake(
                "the smallest size instead of the smallest error",
                lambda: _best(key=_offered),
                "This offer fits easily, and a better one does.",
            ),
            Mistake(
                "the fullest cards instead of the smallest error",
                lambda: _best(key=lambda offer: -_offered(offer)),
                "Other offers of the same size have a smaller error.",
            ),
            Mistake(
                "one that fits, of which there is a better one",
                lambda: OFFERS[4].error,
                "Another offer of the same size has a smaller error.",
            ),
            Mistake("a fraction where percent is asked", lambda: _best() / 100, "As the table tells it: in percent."),
        ),
    ),
}

"""The question which way of storing a large model is the best that fits: the right answer, and frequent mistakes."""

from dataclasses import dataclass
from functools import cache, partial
from math import inf

from llmcalc.checks.engine import Mistake, Number
from llmcalc.checks.few_bits import mixed_bytes
from llmcalc.checks.questions import Own
from llmcalc.formats import number_format
from llmcalc.models import model
from llmcalc.rounding import SCALES, quantized, relative_error
from llmcalc.units import GB, GIB

BESIDE = {"qwen2.5-72b": (2, 57 * GB // 10), "qwen2.5-32b": (1, 43 * GB // 10)}
"""For a model: cards of 24 GiB, and bytes that they hold beside the weights: so many that each slip shows."""
TIMES = (10, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16)
"""How many times as large a few columns are, in the matrix that the errors are measured on."""
ROWS = (
    ("int8", 128, "fp16"),
    ("int4", 128, "fp16"),
    ("nf4", 64, "fp32"),
    ("nf4", 16, "fp8_e4m3"),
    ("nf4", 32, "fp16"),
    ("mxfp4", 32, "power of two"),
    ("nf4", 16, "fp16"),
    ("nf4", 8, "fp16"),
)
"""Format, values of a block, format of the scale."""
TURNS = (0, 2, 5, 7, 1, 4, 6)
"""Which row comes first. With the fourth in front, the fullest cards would have the smallest error."""


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


@cache
def offers_with(times):
    """Ways of storing weights, with the error that each leaves on normal weights with a few large columns.

    Parameters
    ----------
    times : number
        How many times as large four of the columns are, one of `TIMES`. The order of the offers follows from it.
    """
    import numpy as np

    weights = np.random.default_rng(5).normal(size=(64, 1024))
    weights[:, ::256] *= times
    turn = TURNS[TIMES.index(times) % len(TURNS)]
    found = []
    for name, row in zip("ABCDEFGH", ROWS[turn:] + ROWS[:turn], strict=True):
        form, block, scale = row
        error = 100 * relative_error(weights, quantized(weights, form, block, scale).values)
        found.append(Offer(name, form, number_format(form).bits, block, SCALES[scale], error))
    return tuple(found)


def model_sizes(preset):
    """Of a model: its parameters, those kept in 16 bits, its cards, and the bytes they hold beside the weights."""
    parts = model(preset).parameters
    return parts.total, parts.embedding.total + parts.lm_head.total, *BESIDE[preset]


def _offered(offer, preset, kept=True, scales=True):
    """Bytes of the model of the offers."""
    parameters, in_16_bits, *_ = model_sizes(preset)
    share = in_16_bits / parameters if kept else 0
    scale_bits = offer.scale_bits if scales else 0
    return mixed_bytes(parameters, share, offer.bits, offer.block, scale_bits)


def _best(preset, times, gigabyte=GIB, key=lambda offer, preset: offer.error, **counted):
    """The error of the best offer that fits."""
    *_, cards, reserved = model_sizes(preset)
    room = cards * 24 * gigabyte - reserved
    fitting = [offer for offer in offers_with(times) if _offered(offer, preset, **counted) <= room]
    return min(fitting, key=lambda offer: key(offer, preset)).error


def _second(preset, times):
    """The error of the best but one of the offers that take as many bits as the best."""
    return next(offer for offer in offers_with(times) if (offer.format, offer.block) == ("nf4", 32)).error


QUESTIONS = {
    "best_that_fits": Number(
        values={
            "preset": Own("a large model", tuple(BESIDE)),
            "outlier_times": Own("how many times as large the large columns are", TIMES),
        },
        right=_best,
        unit="%",
        tolerance=0.001,  # or the answers of two learners could be taken for each other
        hint="For each offer: the bytes of both parts of the model. For all offers: the bytes that the cards have for "
        "it. Of those that fit, the smallest error.",
        mistakes=(
            Mistake("no limit", partial(_best, gigabyte=inf), "Does this offer fit?"),
            Mistake("the scales forgotten", partial(_best, scales=False), "Four bits are not all that a weight takes."),
            Mistake(
                "the part in 16 bits forgotten, or what else has to fit",
                partial(_best, kept=False),
                "This offer does not fit. What stays in 16 bits, and what do the cards hold beside the weights?",
            ),
            Mistake(
                "GB for GiB, or the part in 16 bits stored in few bits besides",
                partial(_best, gigabyte=GB),
                "This offer fits, and a better one does. How many bytes does a card have, and is every parameter "
                "stored once?",
            ),
            Mistake(
                "the smallest size instead of the smallest error",
                partial(_best, key=_offered),
                "This offer fits easily, and a better one does.",
            ),
            Mistake(
                "the fullest cards instead of the smallest error",
                partial(_best, key=lambda *which: -_offered(*which)),
                "Other offers of the same size have a smaller error.",
            ),
            Mistake(
                "one that fits, of which there is a better one",
                _second,
                "Another offer of the same size has a smaller error.",
            ),
            Mistake(
                "a fraction where percent is asked",
                lambda *values: _best(*values) / 100,
                "As the table tells it: in percent.",
            ),
        ),
    ),
}

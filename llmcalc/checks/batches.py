"""The question how many sequences a fine-tuning holds at once, so that it just fits."""

from fractions import Fraction
from functools import cache
from math import ceil, floor

from llmcalc.checks.apart import told_apart
from llmcalc.checks.engine import Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.hardware import gpu
from llmcalc.planning import plan

TUNED = ("llama-3.2-3b", "llama-3.2-1b", "phi-3-mini", "mistral-7b", "llama-2-7b", "smollm3-3b", "qwen2.5-7b")
LENGTHS = (192, 96, 112, 128, 144, 160, 176, 208, 224, 240, 256)
FIRST_BATCHES = (4, 3, 5, 6)
"""Of a fine-tuning: the model, tokens of a sequence, and the smaller of the two batches that it is planned with."""
CARD = gpu("a6000")


@cache
def tuning(preset, length, batch):
    """The plan of question 3."""
    return plan(preset, "fine-tuning", method="lora", gpu=CARD.name, batch=batch, sequence=length)


def _sizes(preset, length, first_batch):
    """Bytes: of the plan with the first batch, of that with twice the batch, and of a sequence."""
    few, more = (tuning(preset, length, batch).total for batch in (first_batch, 2 * first_batch))
    return few, more, Fraction(more - few, first_batch)


def _most(margin=Fraction(1, 5), memory=CARD.memory_bytes):
    """Bytes that may be needed."""
    return memory / (1 + margin)


def _batch(few, each, first_batch, most=None, rounded=floor):
    """The batch that just fits, for somebody who takes these for the first plan, its batch, and for a sequence."""
    return rounded(((most or _most()) - few) / each + first_batch)


def _just_fits(preset, length, first_batch, **how):
    few, _, each = _sizes(preset, length, first_batch)
    return _batch(few, each, first_batch, **how)


def _from_sizes(gives):
    """A mistake of somebody who has the sizes, and the first batch."""
    return lambda preset, length, first_batch: gives(*_sizes(preset, length, first_batch), first_batch)


def _margin_of_the_sequences(few, more, each, first_batch):
    """The batch of somebody who takes off what is fixed before the margin, not after it."""
    fixed = few - first_batch * each
    return floor((CARD.memory_bytes - fixed) / Fraction(6, 5) / each)


def _beyond_both(*values):
    """Whether the answer is larger than both batches that are planned, and can be told from mistakes.

    Rounding to the nearest must go wrong as well, and so must a margin for the sequences alone.
    """
    right, *others = (_just_fits(*values, rounded=way) for way in (floor, round))
    others.append(_from_sizes(_margin_of_the_sequences)(*values))
    return right > 2 * values[-1] and right not in others and told_apart(QUESTIONS["batch_that_just_fits"], *values)


QUESTIONS = {
    "batch_that_just_fits": Number(
        values={
            "preset": Own("the model that is fine-tuned", TUNED),
            "length": Own("tokens of a sequence", LENGTHS),
            "first_batch": Own("sequences in the first of the two plans", FIRST_BATCHES),
        },
        where=_beyond_both,
        right=_just_fits,
        unit="sequences",
        tolerance=0,
        whole="Half a sequence cannot be trained: round in the direction that still fits.",
        hint="Two plans give you what a sequence takes, and what is there without any. Then: how much may be needed, "
        "so that the margin is left? Perhaps more than one thing is off.",
        mistakes=(
            Mistake(
                "rounding up, or to the nearest (or with something too small for what is fixed)",
                lambda *values: _just_fits(*values, rounded=ceil),
                "Is the last of these sequences there as a whole, with its margin? And is all that is fixed counted?",
            ),
            Mistake(
                "no margin",
                lambda *values: _just_fits(*values, most=_most(margin=0)),
                "That is where the verdict becomes 'does not fit'.",
            ),
            Mistake(
                "a margin of a fifth of the card",
                lambda *values: _just_fits(*values, most=Fraction(4, 5) * _most(margin=0)),
                "The margin is a share of the need. How large may the need be?",
            ),
            Mistake(
                "a margin of a tenth",
                lambda *values: _just_fits(*values, most=_most(margin=Fraction(1, 10))),
                "The margin is a fifth.",
            ),
            Mistake(
                "a need that grows with the batch alone",
                _from_sizes(lambda few, more, each, first: _batch(0, Fraction(few, first), 0)),
                "Twice the batch: is the second plan twice the first? The weights are there once.",
            ),
            Mistake(
                "a need that grows with the batch alone, of the larger plan",
                _from_sizes(lambda few, more, each, first: _batch(0, Fraction(more, 2 * first), 0)),
                "Twice the batch: is the second plan twice the first? The weights are there once.",
            ),
            Mistake(
                "what is fixed forgotten",
                _from_sizes(lambda few, more, each, first: _batch(0, each, 0)),
                "Weights and adapters are there before the first sequence.",
            ),
            Mistake(
                "the sequences that come on top of the first plan",
                _from_sizes(lambda few, more, each, first: _batch(few, each, 0)),
                "The first plan has sequences already. The question asks for all of them.",
            ),
            Mistake(
                "the sequences that come on top of the second plan",
                _from_sizes(lambda few, more, each, first: _batch(more, each, 0)),
                "The second plan has sequences already. The question asks for all of them.",
            ),
            Mistake(
                "the larger batch taken for what the two plans differ by",
                _from_sizes(lambda few, more, each, first: _batch(few, each / 2, first)),
                "By how many sequences do the two plans differ?",
            ),
            Mistake(
                "one sequence of the first plan taken out, where it has several",
                _from_sizes(lambda few, more, each, first: _batch(few, each, 1)),
                "How many sequences are in the first plan? What is left without any?",
            ),
            Mistake(
                "several sequences taken for one",
                _from_sizes(lambda few, more, each, first: _batch(few, more - few, first)),
                "By how many sequences do the two plans differ?",
            ),
            Mistake(
                "several sequences taken for one, at the end",
                _from_sizes(lambda few, more, each, first: floor(_batch(few, each, first, rounded=Fraction) / first)),
                "By how many sequences do the two plans differ?",
            ),
            Mistake(
                "steps from the one plan to the other in place of sequences",
                _from_sizes(lambda few, more, each, first: _batch(few, more - few, 0)),
                "A step from the one plan to the other has how many sequences? And the first plan has some already.",
            ),
        ),
    ),
}

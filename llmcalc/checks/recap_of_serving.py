"""A recap of serving and tuning: what bounds a token, what a batch gains, which item to shrink, what adapters save."""

from llmcalc.checks.engine import Choice, Formula, Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.checks.training import slips
from llmcalc.compute import training_flops
from llmcalc.hardware import gpu
from llmcalc.inference import memory_seconds, serving_flops
from llmcalc.memory import stored_bytes

CARD = gpu("h100-sxm")
SIZES = tuple(billions * 10**9 for billions in (8, 14, 27, 32, 70))
BITS = (4.5, 8.5, 5.5, 6.5)
"""Bits of a weight in formats with a 16-bit scale for each block of 32."""


def _alone(size, bits):
    """Tokens a second of a single conversation, bound by the weights that are read for each of them."""
    return 1 / memory_seconds(stored_bytes(size, bits / 8), CARD.memory_bytes_per_second)


def _by_work(flops):
    return CARD.peak() / flops


def _step(weight_bytes, cache_bytes, batch=1):
    """Time of a step that reads all weights once and every cache once, in times of a byte."""
    return memory_seconds(weight_bytes + batch * cache_bytes, 1)


def _gain(weight_bytes, cache_bytes, batch):
    return batch * _step(weight_bytes, cache_bytes) / _step(weight_bytes, cache_bytes, batch)


BYTE_COUNTS = (
    ("bits taken for bytes", lambda bits: 8 * bits, "How many bits are a byte?"),
    ("eight on the wrong side of the fraction", lambda bits: 64 * bits, "Are a weight's bytes more than its bits?"),
    ("two bytes for each weight", lambda bits: 16, "This model is not kept in 16 bits."),
    ("one byte for each weight", lambda bits: 8, "How many bits does a weight take here?"),
)

QUESTIONS = {
    "tokens_of_one": Number(
        values={
            "size": Own("parameters of the model", SIZES),
            "bits": Own("bits of a weight, scales included", BITS),
        },
        right=_alone,
        unit="tokens/s",
        hint="What has to reach the units that compute before a token can come out, and at which rate does it arrive?",
        mistakes=(
            Mistake(
                "the arithmetic as the bound",
                lambda size, bits: _by_work(serving_flops(size, 1)),
                "How many bytes does the card have to read meanwhile, and can it?",
            ),
            Mistake(
                "the arithmetic as the bound, with one operation for each weight",
                lambda size, bits: _by_work(size),
                "How many bytes does the card have to read meanwhile, and can it?",
            ),
            Mistake(
                "the arithmetic as the bound, with the operations of training",
                lambda size, bits: _by_work(training_flops(size, 1)),
                "Nothing goes backward here. And how many bytes does the card have to read meanwhile?",
            ),
            *slips(BYTE_COUNTS, lambda counted, size, bits: _alone(size, counted(bits))),
            Mistake(
                "the rate of computing in place of that of reading",
                lambda size, bits: _by_work(stored_bytes(size, bits / 8)),
                "A byte is no operation. Which of the two rates counts bytes?",
            ),
            Mistake(
                "the fraction upside down: the seconds of a token",
                lambda size, bits: 1 / _alone(size, bits),
                "How many such times are there in a second?",
            ),
        ),
    ),
    "gain_of_a_batch": Formula(
        right=_gain,
        between={"batch": range(2, 129)},
        hint="How many bytes are read for a step of one, and for a step of all? And how many tokens does it make?",
        mistakes=(
            Mistake(
                "as many times as there are conversations (caches left out, or shared)",
                lambda weight_bytes, cache_bytes, batch: batch,
                "Everybody can use the same weights. Can they use the same cache?",
            ),
            Mistake(
                "no gain: weights that are read again for each conversation",
                lambda weight_bytes, cache_bytes, batch: 1,
                "A weight that has been read can work for everybody.",
            ),
            Mistake(
                "what a single one of them gets",
                lambda weight_bytes, cache_bytes, batch: _gain(weight_bytes, cache_bytes, batch) / batch,
                "The question asks for all of them together.",
            ),
            Mistake(
                "the time of a step over the time of a step",
                lambda weight_bytes, cache_bytes, batch: batch / _gain(weight_bytes, cache_bytes, batch),
                "A step takes longer, and more comes out of it. The question asks for tokens in a second.",
            ),
            Mistake(
                "the fraction upside down",
                lambda weight_bytes, cache_bytes, batch: 1 / _gain(weight_bytes, cache_bytes, batch),
                "Do many get more tokens than one, or fewer?",
            ),
            Mistake(
                "no cache for the conversation that is alone",
                lambda weight_bytes, cache_bytes, batch: (
                    batch * _step(weight_bytes, 0) / _step(weight_bytes, cache_bytes, batch)
                ),
                "Somebody who is alone has a conversation as well.",
            ),
            Mistake(
                "conversations without end",
                lambda weight_bytes, cache_bytes, batch: _step(weight_bytes, cache_bytes) / _step(0, cache_bytes),
                "That is where the gain goes in the end. Here their number is given.",
            ),
            Mistake(
                "weights that are read for each conversation, and a single cache",
                lambda weight_bytes, cache_bytes, batch: (
                    batch * _step(weight_bytes, cache_bytes) / _step(cache_bytes, weight_bytes, batch)
                ),
                "Which of the two is the same for everybody?",
            ),
            Mistake(
                "parentheses missing below the line",
                lambda weight_bytes, cache_bytes, batch: (
                    batch * _step(weight_bytes, cache_bytes) / weight_bytes + batch * cache_bytes
                ),
                "What stands below the line, all of it?",
            ),
            Mistake(
                "tokens for each byte, of many only",
                lambda weight_bytes, cache_bytes, batch: batch / _step(weight_bytes, cache_bytes, batch),
                "And against the same of one conversation?",
            ),
        ),
    ),
    "change_that_fits": Choice(
        right="b",
        because="The cache is the largest item, and half of it is enough. Take the weights away altogether: with its "
        "margin, the rest would still be too large for the card.",
        replies={
            "a": "That shrinks the second largest item. Cover its part of the bar with a finger, all of it: would the "
            "rest fit, with a fifth more?",
            "c": "Computing again spares what waits for a backward pass. Is there anything of that kind in the bar?",
            "d": "That shrinks what is in flight. How large is its part of the bar, and how much is missing?",
        },
    ),
    "slip_in_adapters": Choice(
        right="c",
        because="The loss reaches the adapters only back through the frozen weights: with the forward pass that makes "
        "4 FLOP for each parameter of the model, two thirds of full fine-tuning. What adapters save is memory.",
        replies={
            "a": "Two narrow matrices beside each linear layer, half a percent in all: that is the usual size.",
            "b": "In fp32 each of the four takes four bytes, and only what is trained has gradient and moments.",
            "d": "It goes on with what the line above says of one token, and multiplies correctly.",
        },
    ),
}

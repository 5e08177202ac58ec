"""Questions about what bounds a step of decoding: right answers, and the mistakes that people make."""

from fractions import Fraction
from functools import partial

from llmcalc.checks.engine import Formula, Mistake, Number
from llmcalc.checks.training import slips
from llmcalc.hardware import gpu
from llmcalc.inference import balanced_batch, kv_cache_bytes, memory_seconds, serving_flops
from llmcalc.memory import stored_bytes
from llmcalc.models import model
from llmcalc.units import GB, GIB

WRITER, WRITER_CARD, WRITERS, WRITTEN = model("qwen2.5-7b"), gpu("rtx-3090"), 5, 12_000
"""Model and card of the question about pace, sequences, and tokens that each has so far."""


def _balance(factor, bits, tokens, bandwidth, peak):
    return factor * balanced_batch(bandwidth, peak, bits * Fraction(1, 8)) / tokens


BALANCE_SLIPS = (
    *slips(
        (
            ("bits for bytes", 8, "The bandwidth counts bytes."),
            ("one operation for each weight", 2, "A weight multiplies, and its product is added."),
            (
                "bits for bytes, and one operation for each weight",
                16,
                "The bandwidth counts bytes. And what does a weight do with a value, apart from multiplying it?",
            ),
            (
                "three operations for each weight, or six, as in training",
                Fraction(1, 3),
                "Nothing goes back here: how many operations has a forward pass for each weight?",
            ),
            ("two operations counted twice", Fraction(1, 2), "How many operations for each weight and token?"),
        ),
        _balance,
    ),
    Mistake(
        "the fraction upside down",
        lambda *values: 1 / _balance(1, *values),
        "On a card that computes faster, do more sequences have to share a reading of the weights, or fewer?",
    ),
    Mistake(
        "one token of each sequence",
        lambda bits, tokens, *rates: _balance(1, bits, 1, *rates),
        "How many tokens meet each weight while it is read once?",
    ),
    Mistake(
        "one token of each sequence, and bits for bytes",
        lambda bits, tokens, *rates: _balance(8, bits, 1, *rates),
        "The bandwidth counts bytes. And how many tokens meet each weight while it is read once?",
    ),
    Mistake(
        "one token of each sequence, and one operation for each weight",
        lambda bits, tokens, *rates: _balance(2, bits, 1, *rates),
        "How many operations for each weight and token? And how many tokens meet a weight while it is read once?",
    ),
    Mistake(
        "tokens of all sequences, where sequences are asked for",
        lambda bits, tokens, *rates: _balance(1, bits, 1, *rates) * tokens,
        "More tokens of a sequence in one step: is compute reached with more sequences, or with fewer?",
    ),
    Mistake(
        "one token more than the question says",
        lambda bits, tokens, *rates: _balance(1, bits, tokens + 1, *rates),
        "`tokens` counts all tokens of a sequence that are in the step.",
    ),
    Mistake(
        "a byte for each weight, and one token of each sequence",
        lambda bits, tokens, *rates: _balance(1, 8, 1, *rates),
        "Your function is told two things more. Does it use them?",
    ),
    Mistake(
        "16 bits for each weight",
        lambda bits, *values: _balance(1, 16, *values),
        "Your function is told how many bits a weight has. Does it use that?",
    ),
    Mistake(
        "bandwidth and peak exchanged",
        lambda bits, tokens, bandwidth, peak: _balance(1, bits, tokens, peak, bandwidth),
        "On a card that computes faster, do more sequences have to share a reading of the weights, or fewer?",
    ),
    Mistake(
        "operations for each byte that the card offers",
        lambda bits, tokens, bandwidth, peak: peak / bandwidth,
        "That is a property of the card. How many operations does a step bring with it for each byte it reads?",
    ),
)


def _pace(weights=None, size=2, cache=WRITERS, kv=2, heads=None, tokens=WRITERS, weight_readings=1, **how):
    """Tokens in a second, all sequences together: their number over the time to read weights and caches."""
    weights, heads = WRITER.matmul_weights if weights is None else weights, heads or WRITER.kv_heads
    layers, cache_size = how.get("layers", WRITER.layers), how.get("cache_size", size)
    kept = kv_cache_bytes(layers, heads, WRITER.head_dim, WRITTEN, cache, Fraction(kv, 2) * cache_size)
    read = weight_readings * stored_bytes(weights, size) + kept
    return tokens / memory_seconds(float(read), WRITER_CARD.memory_bytes_per_second)


def _compute():
    """Tokens in a second if nothing but arithmetic took time."""
    return WRITER_CARD.peak() / serving_flops(WRITER.matmul_weights, 1)


QUESTIONS = {
    "pace_of_five": Number(
        right=_pace,
        unit="tokens/s",
        hint="Bytes that one step reads, for all sequences; over the bandwidth that is the time of a step. How many "
        "tokens does a step make? Perhaps more than one thing is off.",
        mistakes=(
            Mistake("the caches forgotten", partial(_pace, cache=0), "What else does every sequence have to read?"),
            Mistake("a cache of one layer only", partial(_pace, layers=1), "Every layer has keys of its own."),
            Mistake("a cache of one head only", partial(_pace, heads=1), "How many heads have a key of their own?"),
            Mistake("the bandwidth's GB taken for GiB", lambda: _pace() * GIB / GB, "A GB is a power of ten."),
            Mistake("the cache of one sequence", partial(_pace, cache=1), "Can a sequence use the cache of another?"),
            Mistake(
                "the weights forgotten", partial(_pace, weights=0), "Before attention come matrices. What do they read?"
            ),
            Mistake(
                "the weights read for each sequence (or one sequence that has the card to itself)",
                partial(_pace, weight_readings=WRITERS),
                "A weight that was read meets the tokens of all sequences.",
            ),
            Mistake(
                "tokens of one sequence in a second",
                partial(_pace, tokens=1),
                "That is what one reader sees. What does the card make for all of them?",
            ),
            Mistake(
                "reading and computing one after the other",
                lambda: 1 / (1 / _pace() + 1 / _compute()),
                "Suppose, as the question says, that nothing but reading takes time.",
            ),
            Mistake(
                "the sequences counted twice",
                partial(_pace, tokens=WRITERS**2),
                "One step makes one token for each sequence.",
            ),
            Mistake("seconds of a step", lambda: WRITERS / _pace(), "Tokens in a second are asked for."),
            Mistake("seconds for a token", lambda: 1 / _pace(), "Tokens in a second are asked for."),
            Mistake("milliseconds of a step", lambda: 1000 * WRITERS / _pace(), "Tokens in a second are asked for."),
            Mistake(
                "the lookup table read as well",
                partial(_pace, weights=WRITER.parameters.total),
                "How many rows of that table does a token need?",
            ),
            Mistake("a byte for each weight", partial(_pace, size=1, cache_size=2), "How many bytes are 16 bits?"),
            Mistake("a byte for each value", partial(_pace, size=1), "How many bytes are 16 bits?"),
            Mistake("bits for bytes", partial(_pace, size=16), "The bandwidth counts bytes."),
            Mistake("four bytes for each value", partial(_pace, size=4), "How many bytes are 16 bits?"),
            Mistake("keys or values forgotten", partial(_pace, kv=1), "A key is looked for, and a value brought back."),
            Mistake(
                "a key for every query head",
                partial(_pace, heads=WRITER.heads),
                "How many heads have a key of their own?",
            ),
            Mistake(
                "compute, which does not bind here",
                _compute,
                "So fast could the card compute. How long does it take to bring it the numbers?",
            ),
        ),
    ),
    "batch_with_guesses": Formula(
        right=partial(_balance, 1),
        hint="Write down two times for a single weight: to read it, and to use it. When are they equal?",
        mistakes=BALANCE_SLIPS,
    ),
}

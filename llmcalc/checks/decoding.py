"""Questions about what bounds a step of decoding: right answers, and the mistakes that people make."""

from fractions import Fraction
from functools import partial

from llmcalc.checks.apart import apart
from llmcalc.checks.engine import Formula, Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.checks.training import slips
from llmcalc.hardware import gpu
from llmcalc.inference import balanced_batch, kv_cache_bytes, memory_seconds, serving_flops
from llmcalc.memory import stored_bytes
from llmcalc.models import model
from llmcalc.units import GB, GIB

WRITERS = ("qwen2.5-7b", "llama-3-8b", "qwen3-8b")
"""Models whose heads share keys, and whose lookup table is not the output layer."""
CARDS = ("rtx-3090", "rtx-4090", "a10", "rtx-5090", "a6000")
TRAINED_ON = {"llama-3-8b": 8192}
"""Tokens of the longest text that a model has seen, where that is less than some of the conversations here."""
AT_ONCE = (5, 4, 6, 7, 8, 9)
WRITTEN = (12_000, 3_000, 4_500, 6_000, 7_500, 8_000, 9_000, 10_000)
"""Tokens that each conversation has so far."""
USABLE = Fraction(9, 10)
"""Part of a card that weights and caches may fill."""


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


def _pace(name, card, writers, written, *, weights=None, size=2, cache=None, kv=2, heads=None, made=None, **how):
    """Tokens in a second, all sequences together: their number over the time to read weights and caches."""
    it, bandwidth = model(name), gpu(card).memory_bytes_per_second
    weights = it.matmul_weights if weights is None else weights
    read = how.get("readings", 1) * stored_bytes(weights, size) + _caches(
        it,
        writers if cache is None else cache,
        written,
        heads,
        how.get("layers"),
        Fraction(kv, 2) * how.get("kept", size),
    )
    return (made or writers) / memory_seconds(float(read), bandwidth)


def _caches(it, sequences, written, heads=None, layers=None, size=2):
    return kv_cache_bytes(layers or it.layers, heads or it.kv_heads, it.head_dim, written, sequences, size)


def _compute(name, card, writers, written):
    """Tokens in a second if nothing but arithmetic took time."""
    return gpu(card).peak() / serving_flops(model(name).matmul_weights, 1)


def _wrong_pace(name, hint, **how):
    """A mistake with the pace; what depends on the values is a function of them."""

    def gives(*values):
        return _pace(*values, **{key: value(*values) if callable(value) else value for key, value in how.items()})

    return Mistake(name, gives, hint)


PACE_SLIPS = (
    _wrong_pace("the caches forgotten", "What else does every sequence have to read?", cache=0),
    _wrong_pace("a cache of one layer only", "Every layer has keys of its own.", layers=1),
    _wrong_pace("a cache of one head only", "How many heads have a key of their own?", heads=1),
    Mistake("the bandwidth's GB taken for GiB", lambda *values: _pace(*values) * GIB / GB, "A GB is a power of ten."),
    _wrong_pace("the cache of one sequence", "Can a sequence use the cache of another?", cache=1),
    _wrong_pace("the weights forgotten", "Before attention come matrices. What do they read?", weights=0),
    _wrong_pace(
        "the weights read for each sequence (or one sequence that has the card to itself)",
        "A weight that was read meets the tokens of all sequences.",
        readings=lambda name, card, writers, written: writers,
    ),
    _wrong_pace(
        "tokens of one sequence in a second",
        "That is what one reader sees. What does the card make for all of them?",
        made=1,
    ),
    Mistake(
        "reading and computing one after the other",
        lambda *values: 1 / (1 / _pace(*values) + 1 / _compute(*values)),
        "Suppose, as the question says, that nothing but reading takes time.",
    ),
    _wrong_pace(
        "the sequences counted twice",
        "One step makes one token for each sequence.",
        made=lambda name, card, writers, written: writers**2,
    ),
    Mistake(
        "seconds of a step",
        lambda name, card, writers, written: writers / _pace(name, card, writers, written),
        "Tokens in a second are asked for.",
    ),
    Mistake("seconds for a token", lambda *values: 1 / _pace(*values), "Tokens in a second are asked for."),
    Mistake(
        "milliseconds of a step",
        lambda name, card, writers, written: 1000 * writers / _pace(name, card, writers, written),
        "Tokens in a second are asked for.",
    ),
    _wrong_pace(
        "the lookup table read as well",
        "How many rows of that table does a token need?",
        weights=lambda name, *values: model(name).parameters.total,
    ),
    _wrong_pace("a byte for each weight", "How many bytes are 16 bits?", size=1, kept=2),
    _wrong_pace("a byte for each value", "How many bytes are 16 bits?", size=1),
    _wrong_pace("bits for bytes", "The bandwidth counts bytes.", size=16),
    _wrong_pace("four bytes for each value", "How many bytes are 16 bits?", size=4),
    _wrong_pace("keys or values forgotten", "A key is looked for, and a value brought back.", kv=1),
    _wrong_pace(
        "a key for every query head",
        "How many heads have a key of their own?",
        heads=lambda name, *values: model(name).heads,
    ),
    Mistake(
        "compute, which does not bind here",
        _compute,
        "So fast could the card compute. How long does it take to bring it the numbers?",
    ),
)


def _sensible(*values):
    """Whether the card holds it all, no conversation is longer than the model's texts, and every slip shows."""
    name, card, writers, written = values
    if written > TRAINED_ON.get(name, written):
        return False
    taken = stored_bytes(model(name).parameters.total, 2) + _caches(model(name), writers, written)
    return taken <= USABLE * gpu(card).memory_bytes and _told(*values)


_told = apart(_pace, PACE_SLIPS)

QUESTIONS = {
    "pace_together": Number(
        values={
            "writer_model": Own("model that writes", WRITERS),
            "writer_card": Own("its card", CARDS),
            "writers": Own("conversations at once", AT_ONCE),
            "written": Own("tokens that each of them has so far", WRITTEN),
        },
        where=_sensible,
        right=_pace,
        unit="tokens/s",
        hint="Bytes that one step reads, for all sequences; over the bandwidth that is the time of a step. How many "
        "tokens does a step make? Perhaps more than one thing is off.",
        mistakes=PACE_SLIPS,
    ),
    "batch_with_guesses": Formula(
        right=partial(_balance, 1),
        hint="Write down two times for a single weight: to read it, and to use it. When are they equal?",
        mistakes=BALANCE_SLIPS,
    ),
}

"""Questions about the caches of many conversations, and of long ones: right answers, and the mistakes people make."""

from fractions import Fraction

from llmcalc.checks.apart import apart
from llmcalc.checks.engine import Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.hardware import gpu
from llmcalc.inference import kv_cache_bytes
from llmcalc.memory import largest_batch
from llmcalc.models import model
from llmcalc.quantization import weight_bytes
from llmcalc.units import GB, GIB, MIB

ASSISTANTS = ("qwen2.5-32b", "llama-3.2-1b", "qwen2.5-7b", "mistral-nemo-12b", "llama-3.2-3b", "qwen3-8b")
"""Models whose heads share keys; not eight to one, or a key for each head looks like bits for bytes."""
PEOPLE = (24, 15, 18, 20, 28, 30, 36, 40)
SHARED = (9_000, 6_000, 7_500, 8_000, 10_000, 11_000, 12_500, 14_000)
"""Tokens of the instructions that all conversations begin with."""
OWN = (7_000, 2_500, 3_000, 4_000, 4_500, 5_500, 6_500)
"""Further tokens of each conversation."""

READERS = ("qwen2.5-72b", "qwen3-30b-a3b", "qwen3-32b")
"""Models with eight query heads for each key."""
CARDS = ("a100-80gb", "h100-nvl", "h200", "mi300x", "rtx-6000-ada")
DOCUMENTS = (4, 3, 5, 6, 7, 9, 10, 12)
"""Not eight, which is also the number of key/value heads, nor two, which is also that of keys and values."""
SCHEME, FREE_SHARE = "awq", Fraction(1, 10)
"""How the weights are kept, and the part of the card that stays free."""
SENSIBLE = range(4_000, 131_073)
"""Tokens of a document: at most those that such models are made for."""


def _together(name, people, shared, own, heads=None, kv=2, layers=None, size=2, unit=GB):
    """GB of the cache of all conversations: so many tokens in common, and so many of each one's own."""
    it = model(name)
    token = kv_cache_bytes(layers or it.layers, heads or it.kv_heads, it.head_dim, 1, 1, Fraction(kv, 2) * size)
    return float(token * (shared + people * own) / unit)


def _for_each(name, people, shared, own, **how):
    """The same for somebody who keeps the beginning once for every conversation."""
    return _together(name, people, people * shared, own, **how)


def _wrong_sum(name, hint, sum_of=_together, **how):
    return Mistake(name, lambda *values: sum_of(*values, **how), hint)


def _one_key_for_each_head(sum_of):
    return lambda *values: sum_of(*values, heads=model(values[0]).heads)


def _longest(name, card, documents, free=None, memory=None, heads=None, layers=None, size=1, kv=2, more=0):
    """Whole tokens of each document; `more`: bytes that somebody believes to be free besides."""
    it = model(name)
    memory = memory or gpu(card).memory_bytes
    free = FREE_SHARE * memory if free is None else free
    token = kv_cache_bytes(layers or it.layers, heads or it.kv_heads, it.head_dim, 1, documents, Fraction(kv, 2) * size)
    return largest_batch(memory + more, _weights(name) + free, token)


def _weights(name):
    return weight_bytes(model(name), SCHEME).total


def _wrong_length(name, hint, **how):
    """A mistake with the documents; what depends on the values is a function of them."""

    def gives(*values):
        return _longest(*values, **{key: value(*values) if callable(value) else value for key, value in how.items()})

    return Mistake(name, gives, hint)


WHOSE_KEYS = "How many heads have a key of their own?"
BEGINNING = "whose keys does a conversation use at its beginning?"
POWER_OF_TEN = "A GB is a power of ten."

CACHE_SLIPS = (
    _wrong_sum("GiB in place of GB", POWER_OF_TEN, unit=GIB),
    _wrong_sum(
        "the common beginning kept for every conversation",
        "Whose keys and values does a conversation use for the tokens that it shares?",
        _for_each,
    ),
    Mistake(
        "the common beginning forgotten",
        lambda name, people, shared, own: _together(name, people, 0, own),
        "It is kept, too: how many times?",
    ),
    Mistake(
        "one conversation only",
        lambda name, people, shared, own: _together(name, 1, shared, own),
        "How many conversations are there?",
    ),
    Mistake(
        "the shared tokens kept for each conversation, and what is its own only once",
        lambda name, people, shared, own: _together(name, people, own, shared),
        "Which of the two numbers of tokens is in common?",
    ),
    _wrong_sum("MiB in place of GB", POWER_OF_TEN, unit=MIB),
    Mistake("all of it kept once for each query head", _one_key_for_each_head(_together), WHOSE_KEYS),
    Mistake(
        "a beginning for every conversation, and a key for every query head",
        _one_key_for_each_head(_for_each),
        f"{WHOSE_KEYS} And {BEGINNING}",
    ),
    _wrong_sum(
        "a beginning for every conversation, in GiB",
        f"{POWER_OF_TEN} And {BEGINNING}",
        _for_each,
        unit=GIB,
    ),
    _wrong_sum(
        "a beginning for every conversation, and keys or values forgotten",
        f"{BEGINNING.capitalize()} And is a key all that a head keeps?",
        _for_each,
        kv=1,
    ),
    _wrong_sum("keys or values forgotten", "A key is looked for, a value brought back.", kv=1),
    _wrong_sum("one layer only", "Every layer makes keys and values of its own.", layers=1),
    _wrong_sum("one head only", WHOSE_KEYS, heads=1),
    _wrong_sum("bits for bytes", "How many bytes are 16 bits?", size=16),
    _wrong_sum("four bytes for a value", "How many bytes are 16 bits?", size=4),
)
DOCUMENT_SLIPS = (
    _wrong_length("nothing kept free", "A part of the card has to stay free.", free=0),
    _wrong_length(
        "a tenth of what the weights leave kept free",
        "Of what has a tenth to stay free?",
        free=lambda name, card, documents: FREE_SHARE * (gpu(card).memory_bytes - _weights(name)),
    ),
    _wrong_length(
        "a tenth of the weights kept free",
        "Of what has a tenth to stay free?",
        free=lambda name, card, documents: FREE_SHARE * _weights(name),
    ),
    _wrong_length(
        "GiB for the card's GB",
        POWER_OF_TEN,
        memory=lambda name, card, documents: gpu(card).memory_bytes_if_gib,
    ),
    _wrong_length(
        "the weights forgotten",
        "What else is on the card, before the first token comes?",
        more=lambda name, card, documents: _weights(name),
    ),
    Mistake(
        "one document only",
        lambda name, card, documents: _longest(name, card, 1),
        "How many documents are read at once?",
    ),
    Mistake(
        "one document, and nothing kept free",
        lambda name, card, documents: _longest(name, card, 1, free=0),
        "How many documents are read at once? And a part of the card has to stay free.",
    ),
    _wrong_length("one head only", WHOSE_KEYS, heads=1),
    _wrong_length(
        "a key for every query head (or bits for bytes)",
        f"{WHOSE_KEYS} And how many bytes are 8 bits?",
        heads=lambda name, card, documents: model(name).heads,
    ),
    _wrong_length("one layer only", "Every layer makes keys and values of its own.", layers=1),
    _wrong_length("keys or values forgotten", "A key is looked for, a value brought back.", kv=1),
    _wrong_length("16 bits for a value", "How many bits?", size=2),
    Mistake(
        "one token too many",
        lambda *values: _longest(*values) + 1,
        "Round down: a part of a token does not fit.",
    ),
)
_told = apart(_longest, DOCUMENT_SLIPS, 0)


def _fits(name, card, documents):
    """Whether the weights fit, in a length that is sensible, and every slip shows."""
    room = _weights(name) < (1 - FREE_SHARE) * gpu(card).memory_bytes
    return room and _longest(name, card, documents) in SENSIBLE and _told(name, card, documents)


QUESTIONS = {
    "cache_of_conversations": Number(
        values={
            "assistant_model": Own("model of the assistant", ASSISTANTS),
            "people": Own("conversations at once", PEOPLE),
            "shared": Own("tokens that all conversations begin with", SHARED),
            "own": Own("further tokens of each conversation", OWN),
        },
        where=apart(_together, CACHE_SLIPS),
        right=_together,
        unit="GB",
        hint="Bytes of one token first, in all layers. Then how many tokens are kept, all conversations together. "
        "Perhaps more than one thing is off.",
        mistakes=CACHE_SLIPS,
    ),
    "longest_documents": Number(
        values={
            "reader_model": Own("model that reads the documents", READERS),
            "reader_card": Own("its card", CARDS),
            "documents": Own("documents at once, all equally long", DOCUMENTS),
        },
        where=_fits,
        right=_longest,
        unit="tokens",
        tolerance=0,
        whole="Only whole ones fit: round down.",
        hint="What is left of the card, beside the weights and what stays free? And what does a further token of "
        "every document take? Perhaps more than one thing is off.",
        mistakes=DOCUMENT_SLIPS,
    ),
}

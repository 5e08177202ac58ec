"""Questions about the key/value cache: right answers, and the mistakes that people make."""

from fractions import Fraction
from functools import partial
from itertools import combinations

from llmcalc.checks.engine import Formula, Mistake, Number
from llmcalc.hardware import gpu
from llmcalc.inference import kv_cache_bytes
from llmcalc.memory import largest_batch, stored_bytes
from llmcalc.models import model
from llmcalc.quantization import weight_bytes
from llmcalc.units import GB, GIB, MIB

SHARED, OWN, PEOPLE = 9_000, 7_000, 24
"""Tokens of the instructions that all conversations begin with, further tokens of each, and conversations."""
ASSISTANT = model("qwen2.5-32b")
READER, READER_SCHEME, READER_CARD = model("qwen2.5-72b"), "awq", gpu("a100-80gb")
READINGS, FREE_SHARE = 4, Fraction(1, 10)
"""Documents that are read at once, and the part of the card that stays free."""


def _step(layers, heads, kv_heads, head_dim, batch, bytes_per_value, vectors=2):
    """What a step of decoding adds: a token of each sequence, so many vectors of each key/value head."""
    return vectors * kv_cache_bytes(layers, kv_heads, head_dim, 1, batch, bytes_per_value) / 2


ONE_SIZE_WRONG = (
    (
        "keys or values forgotten",
        lambda sizes: {"vectors": 1},
        "A head looks for something, and brings something back.",
    ),
    (
        "as many queries as keys kept as well",
        lambda sizes: {"vectors": 3},
        "Who would ask for an old query again?",
    ),
    (
        "a key for each query head",
        lambda sizes: {"kv_heads": sizes["heads"]},
        "How many heads have a key of their own?",
    ),
    (
        "as many keys as query heads that share one",
        lambda sizes: {"kv_heads": sizes["heads"] / sizes["kv_heads"]},
        "So many query heads share one key. How many keys are there?",
    ),
    ("one head only", lambda sizes: {"kv_heads": 1}, "How many heads have a key of their own?"),
    ("one value for each head", lambda sizes: {"head_dim": 1}, "A key is a vector. How long is it?"),
    ("one layer only", lambda sizes: {"layers": 1}, "Every layer makes keys and values of its own."),
    ("one sequence only", lambda sizes: {"batch": 1}, "For how many sequences does a step write?"),
    ("values counted in place of bytes", lambda sizes: {"bytes_per_value": 1}, "How many bytes does a value take?"),
)
"""What people take for a size of the cache: a name, what it changes, and a nudge."""


def _changed(*changes):
    def gives(layers, heads, kv_heads, head_dim, batch, bytes_per_value):
        sizes = {"layers": layers, "heads": heads, "kv_heads": kv_heads, "head_dim": head_dim, "batch": batch}
        sizes["bytes_per_value"] = bytes_per_value
        return _step(**sizes | {size: value for change in changes for size, value in change(sizes).items()})

    return gives


def _differ(one, other):
    """Whether two slips concern different sizes, so that somebody can make both."""
    sizes = dict.fromkeys(("heads", "kv_heads"), 1)
    return not one(sizes).keys() & other(sizes).keys()


STEP_SLIPS = (
    *(Mistake(name, _changed(change), hint) for name, change, hint in ONE_SIZE_WRONG),
    Mistake(
        "the queries of all heads kept as well",
        lambda layers, heads, kv_heads, *rest: _step(layers, heads, kv_heads + heads / 2, *rest),
        "Who would ask for an old query again?",
    ),
    *(
        Mistake(f"{one[0]}, and {other[0]}", _changed(one[1], other[1]), f"{one[2]} And the other slip: {other[2]}")
        for one, other in combinations(ONE_SIZE_WRONG, 2)
        if _differ(one[1], other[1])
    ),
)


def _window(full, sliding, window, beyond, layer_bytes, seen=None, far=None):
    """Bytes of the cache where some layers see `far` tokens and the others `seen`."""
    far = window + beyond if far is None else far
    seen = window if seen is None else seen
    return stored_bytes(full * far + sliding * seen, layer_bytes)


WINDOW_SLIPS = (
    Mistake(
        "all layers with the whole conversation",
        lambda *v: _window(*v, seen=v[2] + v[3]),
        "What does a layer with a window do with a token that has left it?",
    ),
    Mistake(
        "all layers with a window",
        lambda *v: _window(*v, far=v[2]),
        "Some of the layers look back to the first token.",
    ),
    Mistake(
        "the two kinds of layers exchanged",
        lambda full, sliding, *v: _window(sliding, full, *v),
        "Which kind forgets?",
    ),
    Mistake(
        "the tokens of the window forgotten in the layers that see everything",
        lambda *v: _window(*v, far=v[3]),
        "How long is the whole conversation?",
    ),
    Mistake(
        "the tokens that have left the window, in the layers that have one",
        lambda *v: _window(*v, seen=v[3]),
        "Does a layer with a window keep what is inside the window, or what is outside?",
    ),
    Mistake(
        "one token less in each window",
        lambda *v: _window(*v, seen=v[2] - 1),
        "The question says how many tokens such a layer keeps.",
    ),
    Mistake(
        "what has left the window, in all layers",
        lambda *v: _window(*v, far=v[3], seen=v[3]),
        "Does a layer with a window keep what is inside the window, or what is outside?",
    ),
    Mistake(
        "what has left the window, in the layers without one alone",
        lambda *v: _window(*v, far=v[3], seen=0),
        "How long is the whole conversation? And do the other layers keep nothing?",
    ),
    Mistake("the layers with a window alone", lambda *v: _window(*v, far=0), "There are two kinds of layers."),
    Mistake("the layers without a window alone", lambda *v: _window(*v, seen=0), "There are two kinds of layers."),
    Mistake(
        "one layer of each kind",
        lambda full, sliding, *v: _window(1, 1, *v),
        "Does your formula use how many layers there are?",
    ),
    Mistake(
        "keys and values counted twice",
        lambda *v: 2 * _window(*v),
        "What `layer_bytes` says of a token holds its key and its value already.",
    ),
    Mistake(
        "tokens in place of bytes",
        lambda *v: _window(*v[:-1], 1),
        "So many tokens are kept, all layers together. How many bytes does each take?",
    ),
    Mistake(
        "what the windows save",
        lambda *v: _window(*v, far=0, seen=v[3]),
        "That is not kept. What is?",
    ),
)


def _together(heads=None, kv=2, layers=None, shared=1, own=PEOPLE, size=2, unit=GB):
    """GB of the cache of all conversations: their common beginning so often, and so often what is their own."""
    heads, layers = heads or ASSISTANT.kv_heads, layers or ASSISTANT.layers
    token = kv_cache_bytes(layers, heads, ASSISTANT.head_dim, 1, 1, Fraction(kv, 2) * size)
    return float(token * (shared * SHARED + own * OWN) / unit)


def _longest(memory=READER_CARD.memory_bytes, free=None, batch=READINGS, heads=None, layers=None, size=1, kv=2, more=0):
    """Whole tokens of each document; `more`: bytes that somebody believes to be free besides."""
    free = FREE_SHARE * memory if free is None else free
    heads, layers = heads or READER.kv_heads, layers or READER.layers
    token = kv_cache_bytes(layers, heads, READER.head_dim, 1, batch, Fraction(kv, 2) * size)
    weights = weight_bytes(READER, READER_SCHEME).total
    return largest_batch(memory + more, weights + free, token)


def _left():
    return READER_CARD.memory_bytes - weight_bytes(READER, READER_SCHEME).total


QUESTIONS = {
    "cache_of_a_step": Formula(
        right=lambda layers, heads, kv_heads, head_dim, batch, bytes_per_value: _step(
            layers, heads, kv_heads, head_dim, batch, bytes_per_value
        ),
        unit="B",
        multiples={"heads": "kv_heads"},
        hint="One layer and one sequence first: which vectors does the new token leave behind, and how many of them?",
        mistakes=STEP_SLIPS,
    ),
    "cache_with_windows": Formula(
        right=lambda full_layers, sliding_layers, window, beyond, layer_bytes: _window(
            full_layers, sliding_layers, window, beyond, layer_bytes
        ),
        unit="B",
        hint="How many tokens does a layer of each kind keep? Then how many layers of each kind, then bytes.",
        mistakes=WINDOW_SLIPS,
    ),
    "cache_of_conversations": Number(
        right=_together,
        unit="GB",
        hint="Bytes of one token first, in all layers. Then how many tokens are kept, all conversations together. "
        "Perhaps more than one thing is off.",
        mistakes=(
            Mistake("GiB in place of GB", partial(_together, unit=GIB), "A GB is a power of ten."),
            Mistake(
                "the common beginning kept for every conversation",
                partial(_together, shared=PEOPLE),
                "Whose keys and values does a conversation use for the tokens that it shares?",
            ),
            Mistake("the common beginning forgotten", partial(_together, shared=0), "It is kept, too: how many times?"),
            Mistake("one conversation only", partial(_together, own=1), "How many conversations are there?"),
            Mistake(
                "the shared tokens kept for each conversation, and what is its own only once",
                partial(_together, shared=PEOPLE, own=1),
                "Which of the two numbers of tokens is in common?",
            ),
            Mistake("MiB in place of GB", partial(_together, unit=MIB), "A GB is a power of ten."),
            Mistake(
                "all of it kept once for each query head",
                partial(_together, heads=ASSISTANT.heads),
                "How many heads have a key of their own?",
            ),
            Mistake(
                "a beginning for every conversation, and a key for every query head",
                partial(_together, heads=ASSISTANT.heads, shared=PEOPLE),
                "How many heads have a key of their own? And whose keys does a conversation use at its beginning?",
            ),
            Mistake(
                "a beginning for every conversation, in GiB",
                partial(_together, shared=PEOPLE, unit=GIB),
                "A GB is a power of ten. And whose keys does a conversation use at its beginning?",
            ),
            Mistake(
                "a beginning for every conversation, and keys or values forgotten",
                partial(_together, shared=PEOPLE, kv=1),
                "Whose keys does a conversation use at its beginning? And is a key all that a head keeps?",
            ),
            Mistake("keys or values forgotten", partial(_together, kv=1), "A key is looked for, a value brought back."),
            Mistake("one layer only", partial(_together, layers=1), "Every layer makes keys and values of its own."),
            Mistake("one head only", partial(_together, heads=1), "How many heads have a key of their own?"),
            Mistake("bits for bytes", partial(_together, size=16), "How many bytes are 16 bits?"),
            Mistake("four bytes for a value", partial(_together, size=4), "How many bytes are 16 bits?"),
        ),
    ),
    "longest_documents": Number(
        right=_longest,
        unit="tokens",
        tolerance=0,
        whole="Only whole ones fit: round down.",
        hint="What is left of the card, beside the weights and what stays free? And what does a further token of "
        "every document take? Perhaps more than one thing is off.",
        mistakes=(
            Mistake("nothing kept free", partial(_longest, free=0), "A part of the card has to stay free."),
            Mistake(
                "a tenth of what the weights leave kept free",
                lambda: _longest(free=FREE_SHARE * _left()),
                "Of what has a tenth to stay free?",
            ),
            Mistake(
                "a tenth of the weights kept free",
                lambda: _longest(free=FREE_SHARE * (READER_CARD.memory_bytes - _left())),
                "Of what has a tenth to stay free?",
            ),
            Mistake(
                "GiB for the card's GB",
                lambda: _longest(READER_CARD.memory_bytes_if_gib),
                "A GB is a power of ten.",
            ),
            Mistake(
                "the weights forgotten",
                lambda: _longest(more=READER_CARD.memory_bytes - _left()),
                "What else is on the card, before the first token comes?",
            ),
            Mistake("one document only", partial(_longest, batch=1), "How many documents are read at once?"),
            Mistake(
                "one document, and nothing kept free",
                partial(_longest, batch=1, free=0),
                "How many documents are read at once? And a part of the card has to stay free.",
            ),
            Mistake("one head only", partial(_longest, heads=1), "How many heads have a key of their own?"),
            Mistake(
                "a key for every query head (or bits for bytes)",
                partial(_longest, heads=READER.heads),
                "How many heads have a key of their own? And how many bytes are 8 bits?",
            ),
            Mistake("one layer only", partial(_longest, layers=1), "Every layer makes keys and values of its own."),
            Mistake("keys or values forgotten", partial(_longest, kv=1), "A key is looked for, a value brought back."),
            Mistake("16 bits for a value", partial(_longest, size=2), "How many bits?"),
            Mistake("one token too many", lambda: _longest() + 1, "Round down: a part of a token does not fit."),
        ),
    ),
}

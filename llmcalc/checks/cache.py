"""Questions about the key/value cache: right answers, and the mistakes that people make."""

from itertools import combinations

from llmcalc.checks.engine import Formula, Mistake
from llmcalc.inference import kv_cache_bytes
from llmcalc.memory import stored_bytes


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
}

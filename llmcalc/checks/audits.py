"""Questions about whole sums and pages: what is counted twice, and which lines of a page are wrong, and how."""

from dataclasses import dataclass

from llmcalc.blocks import attention_weights, embedding_weights, gated_feed_forward_weights
from llmcalc.checks.decisions import Labels
from llmcalc.checks.engine import Formula, Mistake
from llmcalc.compute import cost, gpu_hours, seconds_for, training_flops
from llmcalc.hardware import gpu
from llmcalc.inference import balanced_batch, kv_cache_bytes, memory_seconds
from llmcalc.memory import stored_bytes
from llmcalc.sharding import sharded_bytes
from llmcalc.states import RECIPES
from llmcalc.units import DAY, GB, GIB, in_words

KINDS = ("units", "arithmetic", "counted twice", "left out", "wrong object", "out of range")
LAYERS, WIDTH, HEADS, KV_HEADS, HEAD_DIM, INSIDE, VOCABULARY = 40, 5120, 40, 8, 128, 13_824, 64_000
"""The model of the page: a decoder with a gated feed-forward part, and an output layer of its own. It is made up."""
CARD, GPUS, REACHED, TEXT, PRICE = gpu("h100-sxm"), 64, 0.4, 300 * 10**9, 2.0
SEQUENCES, CONTEXT = 16, 8192

PARAMETERS = 2 * embedding_weights(VOCABULARY, WIDTH) + LAYERS * (
    attention_weights(WIDTH, HEADS, KV_HEADS, HEAD_DIM) + gated_feed_forward_weights(WIDTH, INSIDE)
)
"""Of the matrices; the norms would change none of the digits that are printed."""


@dataclass(frozen=True)
class Line:
    """A line of a page: what it is about, the number as it should be and as it is printed, and the kind of a slip."""

    words: str
    right: float
    unit: str
    printed: float | None = None  # None: as it should be
    kind: str | None = None

    @property
    def number(self):
        """The number that the page prints, in `unit`."""
        return self.right if self.printed is None else self.printed

    def __str__(self):
        written = {"parameters": in_words, "dollars": "{:,.0f}".format}.get(self.unit, "{:.3g}".format)
        return f"{self.words:66} {written(self.number)} {self.unit}"


_WEIGHTS = stored_bytes(PARAMETERS, 2)
_STATES = stored_bytes(PARAMETERS, RECIPES["mixed"].bytes_per_parameter)
_WORK = training_flops(PARAMETERS, TEXT)
_SECONDS = seconds_for(_WORK, GPUS * CARD.peak(), REACHED)
_HOURS = gpu_hours(GPUS, _SECONDS)
_CACHE = kv_cache_bytes(LAYERS, KV_HEADS, HEAD_DIM, CONTEXT, SEQUENCES)

PAGE = {
    "a": Line("parameters", PARAMETERS, "parameters"),
    "b": Line("weights in bf16", _WEIGHTS / GIB, "GiB", _WEIGHTS / GB, "units"),
    "c": Line(
        "one GPU, one sequence: least time of a token, to read all weights",
        1000 * memory_seconds(_WEIGHTS, CARD.memory_bytes_per_second),
        "ms",
        1000 * memory_seconds(_WEIGHTS, CARD.link_bytes_per_second),
        "wrong object",
    ),
    "d": Line(
        "one GPU: sequences at which computing takes as long as that",
        balanced_batch(CARD.memory_bytes_per_second, CARD.peak()),
        "sequences",
    ),
    "e": Line(
        f"cache of {SEQUENCES} sequences of {CONTEXT} tokens, in bf16",
        _CACHE / GB,
        "GB",
        _CACHE / 2 / GB,
        "left out",
    ),
    "f": Line("training states: mixed precision, AdamW, a master copy", _STATES / GB, "GB"),
    "g": Line(f"the same on each of {GPUS} GPUs, spread evenly over all", sharded_bytes(_STATES, GPUS) / GB, "GB"),
    "h": Line("training on 300 billion tokens, by the rule of six", _WORK, "FLOP"),
    "i": Line(f"the same on {GPUS} GPUs at 40% of their peak in bf16", _SECONDS / DAY, "days"),
    "j": Line(
        "the same at 2 dollars for a GPU-hour",
        cost(_HOURS, PRICE),
        "dollars",
        cost(GPUS * _HOURS, PRICE),
        "counted twice",
    ),
}
"""Ten lines, four of them wrong."""


def _served(parameters, cache_values, prompt, new_tokens, size, output=0, again=0):
    return stored_bytes(parameters + output + cache_values * (prompt + new_tokens + again), size)


def _names(formula):
    """A mistake that takes all values of the question."""
    return lambda parameters, output, cache, prompt, new, size: formula(parameters, output, cache, prompt, new, size)


QUESTIONS = {
    "served_counted_once": Formula(
        right=lambda parameters, output, cache_values, prompt, new_tokens, bytes_per_value: _served(
            parameters, cache_values, prompt, new_tokens, bytes_per_value
        ),
        unit="B",
        multiples={"parameters": "output"},
        hint="For each line of the page: is there a part of the memory that another line holds as well? Draw the "
        "memory as one bar. Perhaps more than one line overlaps.",
        mistakes=(
            Mistake(
                "the page as it is",
                _names(lambda P, o, c, p, n, e: _served(P, c, p, n, e, output=o, again=p)),
                "Two of its lines hold something that another line holds as well.",
            ),
            Mistake(
                "the output layer counted twice",
                _names(lambda P, o, c, p, n, e: _served(P, c, p, n, e, output=o)),
                "The cache is right. Which weights are among all parameters?",
            ),
            Mistake(
                "the prompt counted twice",
                _names(lambda P, o, c, p, n, e: _served(P, c, p, n, e, again=p)),
                "The weights are right. Which tokens has the sequence at its end?",
            ),
            Mistake(
                "the cache of the whole sequence counted twice",
                _names(lambda P, o, c, p, n, e: _served(P, c, p, n, e, again=p + n)),
                "The weights are right. Which tokens has the sequence at its end, and how often is each of them kept?",
            ),
            Mistake(
                "the output layer left out",
                _names(lambda P, o, c, p, n, e: stored_bytes(P - o + c * (p + n), e)),
                "It must be there once. How often is it in your sum?",
            ),
            Mistake(
                "the prompt left out",
                _names(lambda P, o, c, p, n, e: _served(P, c, 0, n, e)),
                "The new tokens look back at the prompt.",
            ),
            Mistake(
                "the new tokens left out",
                _names(lambda P, o, c, p, n, e: _served(P, c, p, 0, e)),
                "At its end the sequence has more tokens than the prompt.",
            ),
            Mistake(
                "the output layer twice and the prompt left out",
                _names(lambda P, o, c, p, n, e: _served(P, c, 0, n, e, output=o)),
                "Every token of the sequence is cached once, and every weight is there once.",
            ),
            Mistake(
                "no cache",
                _names(lambda P, o, c, p, n, e: stored_bytes(P, e)),
                "The weights are right. What grows with the tokens?",
            ),
            Mistake(
                "the page as it is, in values",
                _names(lambda P, o, c, p, n, e: _served(P, c, p, n, 1, output=o, again=p)),
                "How many bytes does a value take? And two of the lines hold something that another line holds.",
            ),
            Mistake(
                "new tokens in place of their cache: a bracket is missing",
                _names(lambda P, o, c, p, n, e: stored_bytes(P + c * p + n, e)),
                "What does a new token leave in the cache?",
            ),
            Mistake(
                "values in place of bytes",
                _names(lambda P, o, c, p, n, e: _served(P, c, p, n, 1)),
                "How many bytes does a value take?",
            ),
            Mistake(
                "the bytes of a value for the weights only",
                _names(lambda P, o, c, p, n, e: stored_bytes(P, e) + c * (p + n)),
                "The cache has values of that size as well.",
            ),
            Mistake(
                "the bytes of a value for the cache only",
                _names(lambda P, o, c, p, n, e: P + stored_bytes(c * (p + n), e)),
                "The weights have values of that size as well.",
            ),
        ),
    ),
    "audit_of_the_page": Labels(
        right={letter: line.kind for letter, line in PAGE.items() if line.kind},
        labels=KINDS,
        sound=tuple(letter for letter, line in PAGE.items() if not line.kind),
        because="Weights of 23.3 GB are called GiB; the time of a token takes the links for the memory; the cache has "
        "keys and no values (or a byte for a value); the price multiplies GPU-hours by the GPUs again.",
        hint="Ask each line that you have not named: is its unit the one of the sum? Which hardware does it use? Is "
        "every factor there, and each only once?",
        replies={
            "a": "Two tables of the vocabulary, and for each layer the attention, with few key/value heads, and three "
            "matrices of the feed-forward part.",
            "b": "The count of bytes behind this line is right. What is printed behind the number?",
            "c": "The bytes are right. Which of the card's rates brings weights to where they are multiplied?",
            "d": "A weight is read once in a step and used for two operations with each sequence. Set both times "
            "equal.",
            "e": "Take the formula of a cache and count: what is kept for each token, layer and head?",
            "f": "Add up the bytes for each parameter: weight, gradient, master copy and two moments.",
            "g": "Every GPU holds its share of all states. Divide.",
            "h": "The rule: operations for each parameter and token, forward and backward.",
            "i": "All operations over all that the GPUs really do in a day. Which peak is dense?",
            "j": "Days, GPUs, hours of a day, price: is each of them there, and how often?",
        },
    ),
}

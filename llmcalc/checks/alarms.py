"""Questions about numbers that raise an alarm: a share above one, bits as bytes, a factor, a limiting case."""

from llmcalc.checks.engine import Choice, Formula, Mistake, Number
from llmcalc.communication import communication_ratio
from llmcalc.compute import training_flops, utilization
from llmcalc.hardware import gpu
from llmcalc.inference import kv_cache_bytes
from llmcalc.memory import stored_bytes
from llmcalc.models import model
from llmcalc.symbolic import share
from llmcalc.units import GB, TFLOP

TRAINED, CARDS, PACE = 8_030_000_000, 8, 27_000
"""Of the run with a share above one: parameters, GPUs, and tokens per second of all of them together."""
CARD, OTHER_CARD = gpu("a100-80gb"), gpu("h100-sxm")

SENT, REACHED, TOKENS, GIGABITS = 3_200_000_000, 0.45, 8192, 200
"""Of the step that sends gradients: parameters, utilization, tokens, and the rate of the network in Gbit/s."""

CACHED = {name: model(name) for name in ("llama-2-7b", "llama-3-8b", "llama-3-70b", "mistral-nemo-12b")}


def cached(each, context=1):
    """Bytes of the cache of a model, in 16 bits."""
    return kv_cache_bytes(each.layers, each.kv_heads, each.head_dim, context)


def cached_by_program(each, context=1):
    """The same, as the program of the question takes it to be."""
    return kv_cache_bytes(each.layers, 1, each.width, context)


def _used(peak, factor=1, gpus=CARDS):
    """Share of the peak; `factor`: operations counted for six."""
    return utilization(factor * training_flops(TRAINED, PACE), 1, gpus * peak)


REPORTED = _used(CARD.peak("tf32"))
"""What a script says that takes the format for another."""


def _waits(bits=8, reached=REACHED, factor=1, size=2):
    """Time of sending over time of computing; `factor`: operations counted for six."""
    work = factor * training_flops(SENT, TOKENS)
    return communication_ratio(stored_bytes(SENT, size), GIGABITS * GB / bits, work, reached * CARD.peak())


def pairs(prompt, new_tokens):
    """Pairs of a new token with one that it may see: all of the prompt, new ones before it, and itself."""

    def up_to(tokens):
        return share(tokens * (tokens + 1), 2)

    return up_to(prompt + new_tokens) - up_to(prompt)


QUESTIONS = {
    "share_of_the_right_peak": Number(
        right=lambda: _used(CARD.peak()),
        unit="of the peak",
        hint="Operations that the model needs in a second, over the peak of all cards that really ran: dense, in the "
        "format of the run.",
        mistakes=(
            Mistake("the share of the report", lambda: REPORTED, "Which peak is below the line?"),
            Mistake(
                "twice the share of the report",
                lambda: 2 * REPORTED,
                "The share of the report is too large already.",
            ),
            Mistake(
                "the sparse peak of the other card",
                lambda: _used(OTHER_CARD.sparse_peak()),
                "Which cards does the run have? And are half of its weights zero, in a fixed pattern?",
            ),
            Mistake(
                "the sparse peak",
                lambda: _used(CARD.sparse_peak()),
                "In which format does the run compute, and are half of its weights zero in a fixed pattern?",
            ),
            Mistake("the peak of the other card", lambda: _used(OTHER_CARD.peak()), "Which cards does the run have?"),
            Mistake(
                "the peak of the other card in tf32",
                lambda: _used(OTHER_CARD.peak("tf32")),
                "Which cards does the run have, and in which format does it compute?",
            ),
            Mistake(
                "the peak of fp32",
                lambda: _used(CARD.peak("fp32")),
                "The run uses the matrix units. What do they reach in its format?",
            ),
            Mistake(
                "the forward pass alone",
                lambda: _used(CARD.peak(), 1 / 3),
                "This is training. How many operations does a parameter take part in, for each token?",
            ),
            Mistake("the backward pass alone", lambda: _used(CARD.peak(), 2 / 3), "Training goes forward as well."),
            Mistake(
                "a second forward pass",
                lambda: _used(CARD.peak(), 4 / 3),
                "Work that is done again is no work that the model needs.",
            ),
            Mistake(
                "one GPU below the line, and the tokens of all above it",
                lambda: _used(CARD.peak(), gpus=1),
                "Whose tokens are counted?",
            ),
            Mistake(
                "the GPUs counted twice",
                lambda: _used(CARD.peak(), gpus=CARDS**2),
                "The tokens are those of all GPUs together.",
            ),
            Mistake("percent", lambda: 100 * _used(CARD.peak()), "The question asks for a fraction, below one."),
            Mistake(
                "percent, with the peak of the report",
                lambda: 100 * REPORTED,
                "Which peak is below the line? And the question asks for a fraction.",
            ),
            Mistake(
                "the TFLOP/s that a GPU reaches",
                lambda: _used(TFLOP),
                "That belongs above the line. Below it: what this card could reach.",
            ),
            Mistake(
                "the fraction upside down",
                lambda: 1 / _used(CARD.peak()),
                "What is reached stands above the line, what is possible below it.",
            ),
        ),
    ),
    "sending_over_computing": Number(
        right=_waits,
        unit="of the time of computing",
        hint="Seconds of sending: all bits over bits per second. Seconds of computing: all operations over those that "
        "are really reached in a second. Perhaps more than one thing is off.",
        mistakes=(
            Mistake(
                "bits taken for bytes",
                lambda: _waits(bits=1),
                "Whose unit has a `bit` in it, and whose a `B`?",
            ),
            Mistake(
                "bits taken for bytes, and a card at its peak",
                lambda: _waits(bits=1, reached=1),
                "That is the number of the report. Which of its lines mixes two units, and which takes the card to be "
                "at its peak all the time?",
            ),
            Mistake(
                "the eight between bits and bytes on the wrong side",
                lambda: _waits(bits=1 / 8),
                "Are there more bits in a message, or more bytes?",
            ),
            Mistake("the eight between bits and bytes twice", lambda: _waits(bits=64), "Convert one of the two."),
            Mistake("a card at its peak", lambda: _waits(reached=1), "What does this program reach of the peak?"),
            Mistake(
                "the utilization on the wrong side",
                lambda: _waits(reached=1 / REACHED),
                "Does a card that reaches less take more time, or less?",
            ),
            Mistake(
                "the forward pass alone",
                lambda: _waits(factor=1 / 3),
                "How many operations does a parameter take part in, for each token of training?",
            ),
            Mistake(
                "the backward pass alone", lambda: _waits(factor=2 / 3), "The whole step is meant, forward as well."
            ),
            Mistake(
                "one operation for each parameter and token",
                lambda: _waits(factor=1 / 6),
                "How many operations does a parameter take part in, for each token of training?",
            ),
            Mistake(
                "gradients of four bytes, or sent twice (or a card with a sparse peak)",
                lambda: _waits(size=4),
                "In which format are the gradients, and how often are they sent? And which peak is dense?",
            ),
            Mistake(
                "one byte for each gradient",
                lambda: _waits(size=1),
                "In which format are the gradients? How many bytes?",
            ),
            Mistake(
                "the seconds of sending",
                lambda: _waits() * training_flops(SENT, TOKENS) / (REACHED * CARD.peak()),
                "These are right. Over which other time?",
            ),
            Mistake(
                "the seconds of computing",
                lambda: training_flops(SENT, TOKENS) / (REACHED * CARD.peak()),
                "These are right. They belong below the line; what is above it?",
            ),
            Mistake(
                "both times below the line",
                lambda: _waits() / (1 + _waits()),
                "That is the share of both, one after the other. Over the computing alone?",
            ),
            Mistake("percent", lambda: 100 * _waits(), "The question asks for a fraction, not for percent."),
            Mistake(
                "percent, and bits taken for bytes at a full peak",
                lambda: 100 * _waits(bits=1, reached=1),
                "That is the number of the report, which has two slips. And the question asks for a fraction.",
            ),
            Mistake(
                "percent, with a card at its peak",
                lambda: 100 * _waits(reached=1),
                "What does this program reach of the peak? And the question asks for a fraction.",
            ),
            Mistake(
                "eight operations for each parameter and token",
                lambda: _waits(factor=8 / 6),
                "Nothing is done a second time here. How many operations does the question name?",
            ),
            Mistake("the fraction upside down", lambda: 1 / _waits(), "Sending is above the line."),
        ),
    ),
    "what_the_cache_counted": Choice(
        right="c",
        because="A key and a value are taken to be as long as the model is wide. In three of the models that is query "
        "heads times head size. In the last one the heads together are narrower than the model: only the width leaves "
        "a factor that is not heads over key/value heads.",
        replies={
            "a": "That would explain a factor of 8, and it would be 8 for all models. What does the first row say?",
            "b": "That would give the same factor for all models. What do the rows that differ have in common?",
            "d": "This explains three of the rows. What would the factor be in the last one?",
            "e": "A factor from that would be the same for all models, and a power of two. Look at the last row.",
        },
    ),
    "pairs_behind_a_prompt": Formula(
        right=pairs,
        hint="The first new token sees the prompt and itself. How many does the last one see? Then the sum. Try your "
        "formula with no prompt and two new tokens, counted by hand.",
        mistakes=(
            Mistake(
                "no mask among the new tokens",
                lambda prompt, new: new * (prompt + new),
                "No alarm rings at zero or one new token. Count two of them by hand: does the first see the second?",
            ),
            Mistake(
                "half of the square, without the diagonal's other half",
                lambda prompt, new: new * prompt + new**2 / 2,
                "One new token without a prompt sees one token: itself. What does yours say?",
            ),
            Mistake(
                "the prompt's own pairs as well",
                lambda prompt, new: share((prompt + new) * (prompt + new + 1), 2),
                "With no new token at all, nothing new is computed. What does yours say?",
            ),
            Mistake(
                "a token that does not see itself",
                lambda prompt, new: new * prompt + share(new * (new - 1), 2),
                "One new token without a prompt sees one token: itself. What does yours say?",
            ),
            Mistake(
                "the prompt alone",
                lambda prompt, new: new * prompt,
                "A new token sees new ones as well: those before it, and itself.",
            ),
            Mistake(
                "the prompt once, not for each new token",
                lambda prompt, new: prompt + share(new * (new + 1), 2),
                "Every new token sees all of the prompt.",
            ),
            Mistake(
                "the new tokens alone",
                lambda prompt, new: share(new * (new + 1), 2),
                "Every new token sees all of the prompt as well.",
            ),
            Mistake(
                "all pairs in both directions",
                lambda prompt, new: (prompt + new) ** 2,
                "That is no mask, and the pairs of the prompt as well.",
            ),
            Mistake(
                "the tokens, in place of the pairs",
                lambda prompt, new: prompt + new,
                "That many tokens the last new one sees. And those before it?",
            ),
            Mistake(
                "new tokens that see the prompt and themselves",
                lambda prompt, new: new * (prompt + 1),
                "No alarm rings at zero or one new token. Does the second one see the first?",
            ),
            Mistake(
                "half of all pairs",
                lambda prompt, new: (prompt + new) * new / 2,
                "The mask hides later tokens. Are there any in the prompt?",
            ),
            Mistake(
                "a triangle without its half",
                lambda prompt, new: new * prompt + new * (new + 1),
                "One new token without a prompt sees one token: itself. What does yours say?",
            ),
        ),
    ),
}

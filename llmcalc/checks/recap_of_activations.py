"""A recap of activations: when they outgrow the states, what the loss adds, and where the fullest moment lies."""

from llmcalc.blocks import attention_weights, feed_forward_weights
from llmcalc.checks.engine import Choice, Formula, Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.checks.training import slips
from llmcalc.measured import LOGIT_PEAKS
from llmcalc.memory import stored_bytes

KEPT = 32
"""Bytes that a layer keeps for a token and a value of its width: 16 bits, flash attention, no dropout."""
FULLEST = LOGIT_PEAKS["16 bits, loss in fp32"][1]
"""Bytes for each logit, on the way back through the loss."""
LAYERS, WIDTHS = (12, 18, 24, 36), (768, 1024, 1280, 2048)
SHAPES = (30, 128)
"""The width over the layers, at least and at most: real models lie between."""
VOCABULARIES = (50_257, 32_000, 64_000, 128_256)
RULE = 6
"""Widths of the rule for 16 bytes of states, which somebody may remember in place of the question."""


def _even(layers, width, state_bytes, kept_bytes, attention=1, feed_forward=1):
    """Tokens at which all layers keep as many bytes of activations as their weights have of states."""
    layer = attention * attention_weights(width, 1, 1, width) + feed_forward * feed_forward_weights(width, 4 * width)
    return stored_bytes(layers * layer, state_bytes) / stored_bytes(layers * width, kept_bytes)


def _logits(layers, width, vocabulary, each=FULLEST):
    """Bytes of the loss over those of the layers, for a token."""
    return stored_bytes(vocabulary, each) / stored_bytes(layers * width, KEPT)


EVEN_SLIPS = (
    ("the feed-forward part forgotten", {"feed_forward": 0}, "The question says how many parameters a layer has."),
    ("attention forgotten", {"attention": 0}, "The question says how many parameters a layer has."),
)
LOGIT_SLIPS = (
    ("the logits alone", 2, "What does the loss make of the logits? All of it is there at this moment."),
    ("a single tensor of the loss, in fp32", 4, "How many tensors as large as the logits are there at this moment?"),
    ("no gradients", 6, "The moment belongs to the way back."),
    ("two bytes for each of the four", 8, "In which format does the loss work?"),
    ("a tensor of the loss forgotten", 10, "The question names three tensors beside the logits."),
    ("the logits forgotten", 12, "Is the tensor that the loss was made from still there?"),
    ("four bytes for each of the four", 16, "In which format are the logits themselves?"),
)

QUESTIONS = {
    "tokens_at_even_bytes": Formula(
        right=lambda layers, width, state_bytes, kept_bytes: _even(layers, width, state_bytes, kept_bytes),
        hint="Write both amounts down, one on either side, and see what cancels.",
        mistakes=(
            *slips(EVEN_SLIPS, lambda parts, *sizes: _even(*sizes, **parts)),
            Mistake(
                "the activations of a single layer",
                lambda layers, *sizes: layers * _even(layers, *sizes),
                "Which layers keep something until the backward pass?",
            ),
            Mistake(
                "the states of a single layer",
                lambda layers, *sizes: _even(layers, *sizes) / layers,
                "Which layers have parameters?",
            ),
            Mistake(
                "a single value kept for each token",
                lambda layers, width, *sizes: width * _even(layers, width, *sizes),
                "How many values does a token have between two layers?",
            ),
            Mistake(
                "a single value kept for each token, in a single layer",
                lambda layers, width, *sizes: layers * width * _even(layers, width, *sizes),
                "How many values does a token have between two layers, and how many layers keep something?",
            ),
            Mistake(
                "bytes of states and bytes that are kept exchanged",
                lambda layers, width, state_bytes, kept_bytes: _even(layers, width, kept_bytes, state_bytes),
                "Which of the two amounts grows with the tokens?",
            ),
            Mistake(
                "parameters that grow with the width, not with its square",
                lambda layers, width, *sizes: _even(layers, width, *sizes) / width,
                "In a matrix each output has a weight for each input.",
            ),
            Mistake(
                "the rule for another number of bytes",
                lambda layers, width, *sizes: RULE * width,
                "That belongs to certain numbers of bytes. Here both are letters.",
            ),
            Mistake(
                "parameters in place of bytes of states",
                lambda layers, width, state_bytes, kept_bytes: _even(layers, width, 1, kept_bytes),
                "Training keeps more than a byte for each parameter.",
            ),
            Mistake(
                "values in place of bytes of activations",
                lambda layers, width, state_bytes, kept_bytes: _even(layers, width, state_bytes, 1),
                "How many bytes does a layer keep for each of them?",
            ),
            Mistake(
                "the bytes of the states",
                lambda layers, width, state_bytes, kept_bytes: (
                    kept_bytes * layers * width * _even(layers, width, state_bytes, kept_bytes)
                ),
                "The question asks for tokens: how many keep as much?",
            ),
            Mistake(
                "the fraction upside down", lambda *sizes: 1 / _even(*sizes), "Do larger states need fewer tokens?"
            ),
        ),
    ),
    "loss_over_layers": Number(
        values={
            "layers": Own("layers of the model", LAYERS),
            "width": Own("width of the model", WIDTHS),
            "vocabulary": Own("tokens that it knows", VOCABULARIES),
        },
        where=lambda layers, width, vocabulary: SHAPES[0] <= width / layers <= SHAPES[1],
        right=_logits,
        unit="times as much",
        hint="Take a single token. What do all layers keep for it, and what does the loss hold for it?",
        mistakes=(
            *slips(LOGIT_SLIPS, lambda other, *sizes: _logits(*sizes, each=other)),
            Mistake(
                "a single layer",
                lambda layers, width, vocabulary: _logits(1, width, vocabulary),
                "What of the other layers is there at this moment?",
            ),
            Mistake(
                "a single value kept by each layer (or a whole row of the table for each logit)",
                lambda layers, width, vocabulary: _logits(layers, 1, vocabulary),
                "How many values does a token have between two layers, and how many logits at the end?",
            ),
            Mistake(
                "the loss over everything",
                lambda *sizes: _logits(*sizes) / (1 + _logits(*sizes)),
                "That is its share of both together. How many times the other part is it?",
            ),
            Mistake(
                "both together, over the layers",
                lambda *sizes: 1 + _logits(*sizes),
                "The question holds the loss alone against the layers.",
            ),
            Mistake(
                "one byte for each value that a layer keeps",
                lambda *sizes: _logits(*sizes) * KEPT,
                "The question says how many bytes a layer keeps for each value of its width.",
            ),
            Mistake(
                "the fraction upside down",
                lambda *sizes: 1 / _logits(*sizes),
                "Which of the two stands above the line?",
            ),
        ),
    ),
    "slip_in_doubling": Choice(
        right="c",
        because="Longer sequences have twice as many tokens, and each of these has scores with twice as many others: "
        "the scores become four times as much. Line d has as many tokens as line c, and there the sum is right.",
        replies={
            "a": "The activations of flash attention, from the package's own ledger. Line a is right; read on.",
            "b": "Each head has a score for each pair of tokens, and every layer has them. Line b is right; read on.",
            "d": "Twice as many sequences of the same length: every tensor becomes twice as long. Compare with line c.",
        },
    ),
    "change_that_leaves_the_peak": Choice(
        right="a",
        because="A peak is an instant, not a sum. This one lies at the loss, where the backward pass has not reached "
        "any weight yet: their gradients come while activations go. Moments are there all the time, all "
        "activations are still there, and most tensors of the loss are in fp32.",
        replies={
            "b": "Moments stay from step to step. Is there a moment of the step without them?",
            "c": "Look at what the layers have piled up by then. Would it be there?",
            "d": "Look at what is in flight at the highest place. What is it, and in which format?",
        },
    ),
}

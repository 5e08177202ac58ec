"""A recap of sizes: what a model's parameters consist of, what they grow with, and which of them work."""

from llmcalc.blocks import attention_weights, embedding_weights, feed_forward_weights
from llmcalc.checks.engine import Choice, Formula, Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.checks.training import slips

LAYERS, WIDTHS = (16, 20, 24, 28), (1024, 1280, 1536, 2560)
VOCABULARIES = (100_000, 40_000, 70_000, 110_000)


def _layer(width, inside=4, attention=1, feed_forward=1):
    """Weights of a plain layer; `inside` is the width inside its feed-forward part, in widths."""
    return attention * attention_weights(width, 1, 1, width) + feed_forward * feed_forward_weights(
        width, inside * width
    )


def _share(layers, width, vocabulary, tables=1, **parts):
    table = tables * embedding_weights(vocabulary, width)
    return table / (layers * _layer(width, **parts) + table)


def _growth(layers, width, vocabulary, after=None, before=None):
    """Size of the wide model over that of the narrow one; `after` and `before` are sizes that somebody counts."""
    wide = _whole(layers, 2 * width, vocabulary) if after is None else after
    return wide / (_whole(layers, width, vocabulary) if before is None else before)


def _whole(layers, width, vocabulary, tables=1, **parts):
    return layers * _layer(width, **parts) + tables * embedding_weights(vocabulary, width)


def _both(layers, width, vocabulary, **counted):
    """The growth, for somebody who counts other parts in both models."""
    sizes = (_whole(layers, times * width, vocabulary, **counted) for times in (2, 1))
    return _growth(layers, width, vocabulary, *sizes)


PART_SLIPS = (
    (
        "the feed-forward part forgotten",
        {"feed_forward": 0},
        "A layer has two parts, and one of them holds the greater share.",
    ),
    ("attention forgotten", {"attention": 0}, "A layer looks at other tokens as well: which matrices does that take?"),
    ("a table for the output besides", {"tables": 2}, "How many tables does a tied model have?"),
)

QUESTIONS = {
    "share_of_the_table": Number(
        values={
            "layers": Own("layers of the model", LAYERS),
            "width": Own("width of the model", WIDTHS),
            "vocabulary": Own("tokens that it knows", VOCABULARIES),
        },
        right=_share,
        unit="of the parameters",
        hint="Two amounts: what all layers hold, and what the table holds. Then the part over the whole.",
        mistakes=(
            Mistake(
                "the table over the layers",
                lambda *sizes: _share(*sizes) / (1 - _share(*sizes)),
                "A share is a part of the whole model, and the table belongs to it.",
            ),
            Mistake("the share of the layers", lambda *sizes: 1 - _share(*sizes), "And the share of the table?"),
            *slips(PART_SLIPS, lambda parts, *sizes: _share(*sizes, **parts)),
            Mistake(
                "a single layer",
                lambda layers, *sizes: _share(1, *sizes),
                "How many layers does the model have?",
            ),
            Mistake(
                "a layer that grows with the width, not with its square",
                lambda layers, width, vocabulary: _share(layers / width, width, vocabulary),
                "In a matrix each output has a weight for each input.",
            ),
            Mistake(
                "a single number for each token of the table",
                lambda layers, width, vocabulary: _share(layers, width, vocabulary / width),
                "What does the table hold for a token?",
            ),
            Mistake(
                "the fraction upside down", lambda *sizes: 1 / _share(*sizes), "Can a part be more than the whole?"
            ),
            Mistake(
                "a percentage in place of a share",
                lambda *sizes: _share(*sizes) * 10**2,
                "Give the share itself, where the whole model is one.",
            ),
            Mistake(
                "the numbers of the table in place of a share",
                lambda layers, width, vocabulary: embedding_weights(vocabulary, width),
                "Which part of all parameters is that?",
            ),
        ),
    ),
    "growth_by_width": Formula(
        right=lambda layers, width, vocabulary: _growth(layers, width, vocabulary),
        hint="Write down both models. Which factors does each of their terms have, and how often does the width stand "
        "among them?",
        mistakes=(
            Mistake(
                "four times everything (or no table)",
                lambda *sizes: 4,
                "Does the table grow with the square of the width as well?",
            ),
            Mistake(
                "twice everything",
                lambda *sizes: 2,
                "A matrix that is twice as wide: is it twice as long as well?",
            ),
            Mistake(
                "a table that stays as it is",
                lambda L, d, V: _growth(L, d, V, after=_whole(L, 2 * d, V / 2)),
                "The table has a row for each token. How long is a row?",
            ),
            Mistake(
                "a feed-forward part that is no wider inside",
                lambda L, d, V: _growth(L, d, V, after=_whole(L, 2 * d, V, inside=2)),
                "All widths double, that inside the feed-forward part as well.",
            ),
            Mistake(
                "twice as many layers as well",
                lambda L, d, V: _growth(L, d, V, after=_whole(2 * L, 2 * d, V)),
                "The model becomes wider, not deeper.",
            ),
            *slips(PART_SLIPS, lambda parts, *sizes: _both(*sizes, **parts)),
            Mistake(
                "the table left out of the narrow model",
                lambda L, d, V: _growth(L, d, V, before=L * _layer(d)),
                "Both models have one.",
            ),
            Mistake(
                "the table left out of the wide model",
                lambda L, d, V: _growth(L, d, V, after=L * _layer(2 * d)),
                "Both models have one.",
            ),
            Mistake(
                "what is added, over what there was",
                lambda *sizes: _growth(*sizes) - 1,
                "How many times as large is the whole model?",
            ),
            Mistake(
                "the parameters of the wide model",
                lambda L, d, V: _whole(L, 2 * d, V),
                "The question asks how many times as many these are.",
            ),
            Mistake(
                "parentheses missing below the line",
                lambda L, d, V: _growth(L, d, V, before=L * _layer(d)) + embedding_weights(V, d),
                "Python divides by the first term only, and adds the other one.",
            ),
            Mistake(
                "the fraction upside down",
                lambda *sizes: 1 / _growth(*sizes),
                "Should the factor be above one, or below?",
            ),
        ),
    ),
    "slip_in_mixture": Choice(
        right="c",
        because="Memory asks for all parameters, since the next token may need any of the experts: the weights take "
        "more than three such cards. Computing asks for the active ones, so line b is right.",
        replies={
            "a": "Attention and tables are there once, whatever the number of experts. Line a counts well; read on.",
            "b": "Which weights is a token multiplied with? Line b is about operations, and takes these. Read on.",
            "d": "Line d subtracts correctly. Where does its first number come from?",
        },
    ),
}

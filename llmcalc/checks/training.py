"""Questions about the work of a training, in FLOP: right answers, and the mistakes that people make."""

from fractions import Fraction

from llmcalc.blocks import attention_flops, attention_weights, gated_feed_forward_weights
from llmcalc.checks.engine import Choice, Formula, Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.compute import matmul_flops, training_flops
from llmcalc.flops import forward_ledger
from llmcalc.models import model
from llmcalc.transformer import Transformer

EXPERTS = ("qwen3-30b-a3b", "deepseek-v3", "mixtral-8x22b", "gpt-oss-120b", "deepseek-v2", "qwen1.5-moe-a2.7b")
"""Models whose tokens use a few of their experts only."""
READ = tuple(trillions * 10**12 for trillions in (36, 8, 10, 12, 18, 24, 30))
"""Tokens that they read; the first model read the first number of them (arXiv:2505.09388)."""

RULE_SLIPS = (
    ("the backward pass forgotten", Fraction(2, 6), "Training goes back as well, with two products for each forward."),
    ("the forward pass forgotten", Fraction(4, 6), "Before training can go back, it goes forward."),
    ("multiplications counted, additions forgotten", Fraction(3, 6), "A weight multiplies, and its product is added."),
    ("a single operation for each parameter and token", Fraction(1, 6), "A weight takes part in several operations."),
    ("a second forward pass (recomputation)", Fraction(8, 6), "Count what the model needs, without repetitions."),
)
"""What people make of C = 6PD, and the factor that it leaves."""


def slips(table, gives):
    """Mistakes from (name, factor, hint) rows: `gives` takes the factor first, then what the right answer takes."""
    return tuple(
        Mistake(name, lambda *values, factor=factor: gives(factor, *values), hint) for name, factor, hint in table
    )


def _by_the_rule(preset, text):
    return training_flops(model(preset).parameters.active, text)


def _catches_up(weights, width):
    """The sequence at which attention between tokens takes as many FLOP as these weights."""
    return matmul_flops(1, weights, 1) / attention_flops(1, 1, 1, width, width)


def _gated(width, feed_forward):
    return attention_weights(width, 1, 1, width) + gated_feed_forward_weights(width, feed_forward)


def _recomputed(layers, width, vocabulary, again=(1, 0), above=(3, 3), below=(3, 3), head=1):
    """Work of a step over work of a step; each pair says how often the layers and the output layer are run."""
    sizes = {"n_layer": layers, "n_embd": width, "n_head": 1, "n_positions": 1, "vocab_size": vocabulary}
    once = forward_ledger(Transformer.from_config({"model_type": "gpt2", **sizes}))
    body, top = once.layers.total, head * once.lm_head.total
    return ((above[0] + again[0]) * body + (above[1] + again[1]) * top) / (below[0] * body + below[1] * top)


def _recomputation_slips():
    rows = (
        (
            "the output layer recomputed as well",
            {"again": (1, 1)},
            "Whose results are thrown away and asked for again?",
        ),
        ("the output layer recomputed in place of the layers", {"again": (0, 1)}, "Which of the two is recomputed?"),
        ("the extra work alone", {"above": (0, 0)}, "The question asks for the whole step, over a whole step."),
        ("the fraction upside down", {"again": (0, 0), "below": (4, 3)}, "Should the factor be above one, or below?"),
        ("a forward pass below the line", {"below": (1, 1)}, "Compare a step with a step: both go back as well."),
        ("forward passes alone compared", {"above": (1, 1), "below": (1, 1)}, "Both steps go back as well, once."),
        ("no output layer below the line", {"below": (3, 0)}, "A step without recomputation has one as well."),
        ("no output layer above the line", {"above": (3, 0)}, "It is not repeated; but it is run, and trained."),
        ("an output layer that only runs forward", {"above": (3, 1)}, "Its weights are trained like all others."),
        (
            "an output layer that only runs forward, in both steps",
            {"above": (3, 1), "below": (3, 1)},
            "Its weights are trained like all others.",
        ),
        (
            "a backward pass that costs no more than a forward pass",
            {"above": (2, 2), "below": (2, 2)},
            "Going back takes two products for each of the forward pass.",
        ),
        ("the backward pass repeated", {"again": (2, 0)}, "What was thrown away are results of the forward pass."),
        ("one matrix in each layer", {"head": 12}, "How many weights has a layer?"),
        (
            "two operations for a weight of the output layer, one for a weight of the layers (or the lookup counted "
            "as a product)",
            {"head": 2},
            "A multiplication and an addition are two, everywhere; and a lookup only reads a row.",
        ),
        (
            "two operations for a weight of the layers, one for a weight of the output layer",
            {"head": Fraction(1, 2)},
            "A multiplication and an addition are two, everywhere.",
        ),
    )
    return tuple(Mistake(name, lambda *sizes, how=how: _recomputed(*sizes, **how), hint) for name, how, hint in rows)


QUESTIONS = {
    "experts_training_flops": Number(
        values={
            "preset": Own("a model with experts", EXPERTS),
            "text": Own("tokens that it reads", READ),
        },
        right=_by_the_rule,
        unit="FLOP",
        hint="What does one token cost, forward and backward? And which of the parameters does it meet? "
        "Perhaps more than one thing is off.",
        mistakes=(
            Mistake(
                "every expert counted for every token",
                lambda preset, text: training_flops(model(preset).parameters.total, text),
                "An expert that a token is not sent to has no product with it.",
            ),
            Mistake(
                "the parameters that a token does not use",
                lambda preset, text: training_flops(model(preset).parameters.total, text) - _by_the_rule(preset, text),
                "Which of the two groups works for the token?",
            ),
            Mistake(
                "the tokens forgotten",
                lambda preset, text: _by_the_rule(preset, 1),
                "That is the work for one token.",
            ),
            *slips(RULE_SLIPS, lambda factor, *job: factor * _by_the_rule(*job)),
        ),
    ),
    "lookup_and_output": Choice(
        right="b",
        because="Only the output layer multiplies, yet the rule counts both tables. Where one table serves for both, "
        "it is counted once, and the rule is right.",
        replies={
            "a": "Both tables are parameters. How often does the rule count each of them?",
            "c": "A product with a row of zeros and a single one would cost that. Does a program carry it out?",
            "d": "Picking a row is free indeed. And how does the last vector become a score for each of the V tokens?",
        },
    ),
    "attention_catches_up": Formula(
        right=lambda width, feed_forward: _catches_up(_gated(width, feed_forward), width),
        hint="Write both sides for one token. On one side every weight; on the other, for each token that it looks at, "
        "a query times a key, then a share times a value vector.",
        mistakes=(
            Mistake(
                "one of the two products between tokens (or half of the square)",
                lambda width, feed_forward: 2 * _catches_up(_gated(width, feed_forward), width),
                "There are scores, and there are values weighted with them. Here each takes the whole square.",
            ),
            Mistake(
                "the additions of the weights forgotten",
                lambda width, feed_forward: _catches_up(_gated(width, feed_forward), width) / 2,
                "Count a multiplication and an addition as two, on both sides.",
            ),
            Mistake(
                "two matrices in the feed-forward part",
                lambda width, feed_forward: _catches_up(_gated(width, Fraction(2, 3) * feed_forward), width),
                "A gate needs a matrix of its own.",
            ),
            Mistake(
                "the plain layer, whose feed-forward part has two matrices and four times the width",
                lambda width, feed_forward: _catches_up(12 * width**2, width),
                "This layer has another shape: count its matrices.",
            ),
            Mistake(
                "no weights but those of the feed-forward part",
                lambda width, feed_forward: _catches_up(gated_feed_forward_weights(width, feed_forward), width),
                "Queries, keys, values and output have weights too.",
            ),
            Mistake(
                "three matrices in the attention part",
                lambda width, feed_forward: _catches_up(_gated(width, feed_forward) - width**2, width),
                "Behind the heads stands one more matrix.",
            ),
            Mistake(
                "no weights but those of the attention part",
                lambda width, feed_forward: _catches_up(attention_weights(width, 1, 1, width), width),
                "Most of the weights of a layer stand in the feed-forward part.",
            ),
            Mistake(
                "forward and backward on one side, forward alone on the other",
                lambda width, feed_forward: 3 * _catches_up(_gated(width, feed_forward), width),
                "Going back costs twice as much as going forward, on both sides. Compare like with like.",
            ),
            Mistake(
                "the fraction upside down",
                lambda width, feed_forward: 1 / _catches_up(_gated(width, feed_forward), width),
                "With more weights, does attention catch up earlier, or later?",
            ),
        ),
    ),
    "recomputation_factor": Formula(
        right=lambda layers, width, vocabulary: _recomputed(layers, width, vocabulary),
        hint="Give the forward pass of all layers one letter and that of the output layer another. How often is "
        "each of them run, or paid for, in a step?",
        mistakes=(
            *_recomputation_slips(),
            Mistake(
                "the work of a step, without the division",
                lambda layers, width, vocabulary: 8 * layers * 12 * width**2 + 6 * vocabulary * width,
                "How many times the work of a plain step is it?",
            ),
            Mistake(
                "forward passes, without the division",
                lambda layers, width, vocabulary: 4 * layers * 12 * width**2 + 3 * vocabulary * width,
                "How many times the work of a plain step is it?",
            ),
            Mistake(
                "one layer in place of all of them",
                lambda layers, width, vocabulary: _recomputed(1, width, vocabulary),
                "How many layers are there?",
            ),
            Mistake(
                "the width of the output layer forgotten",
                lambda layers, width, vocabulary: _recomputed(layers, width, vocabulary, head=Fraction(1) / width),
                "Each score of the output layer is a sum over a whole vector.",
            ),
            Mistake(
                "one layer recomputed",
                lambda layers, *sizes: _recomputed(layers, *sizes, again=(Fraction(1) / layers, 0)),
                "Every layer is recomputed when the way back comes to it.",
            ),
        ),
    ),
}

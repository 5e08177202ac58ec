"""Questions about the parameters of one layer and its parts: right answers, and the mistakes that people make."""

from dataclasses import replace
from fractions import Fraction
from operator import floordiv, truediv

from llmcalc.blocks import attention_weights, embedding_weights, feed_forward_weights, gated_feed_forward_weights
from llmcalc.checks.engine import Formula, Mistake
from llmcalc.families import FAMILIES
from llmcalc.mlp import dense_weights
from llmcalc.models import model
from llmcalc.symbolic import any_symbolic, ceil_div
from llmcalc.transformer import Transformer

PLAIN = {"qkv_bias": False, "output_bias": False, "mlp_bias": False}


def _gpt2_layer(width, inside=4, **row):
    """Parameters of a layer of GPT-2's family; into how many heads it is cut makes no difference."""
    family = replace(FAMILIES["gpt2"], **row)
    one = Transformer(family, 1, width, 1, heads=1, kv_heads=1, head_dim=width, feed_forward=inside * width).parameters
    return one.total - one.embedding.total - one.norm.final.total


def _balance(layers, vocabulary, tables=2, in_layer=None, divide=truediv):
    """The width at which layers and tables hold the same: what stands before its square and before itself."""
    in_layer = in_layer or attention_weights(1, 1, 1, 1) + feed_forward_weights(1, 4)
    return divide(tables * embedding_weights(vocabulary, 1), layers * in_layer)


def _gated(width, multiple, inside=4, more=0, to_multiple=ceil_div, gated=gated_feed_forward_weights):
    """Values inside a gated part as large as a plain one with `inside` times the width inside, to whole multiples."""
    plain, each = feed_forward_weights(width, inside * width), gated(width, 1)
    return multiple * (to_multiple(plain, each * multiple) + more)


def _nearest(count, size):
    """The quotient, rounded to the nearest whole number; of two that are equally near, numbers take Python's."""
    return (2 * count + size) // (2 * size) if any_symbolic(count, size) else round(Fraction(count) / Fraction(size))


QUESTIONS = {
    "gpt2_layer_parameters": Formula(
        right=lambda width: _gpt2_layer(width),
        hint="Six matrices: four in attention, two in the feed-forward part. Then the small things: biases and norms.",
        mistakes=(
            Mistake(
                "all twelve layers",
                lambda d: 12 * _gpt2_layer(d),
                "The question asks for one layer.",
            ),
            Mistake(
                "the width of GPT-2 in place of `width`",
                lambda d: _gpt2_layer(model("gpt2").width),
                "The check tries other widths too: use the letter.",
            ),
            Mistake(
                "the biases of the matrices forgotten",
                lambda d: _gpt2_layer(d, **PLAIN),
                "What is added after a product with a matrix?",
            ),
            Mistake(
                "only the matrices counted",
                lambda d: _gpt2_layer(d, **PLAIN, norms=0),
                "Your weights are right. What else does training adjust?",
            ),
            Mistake(
                "either the norms or the biases of attention left out",
                lambda d: _gpt2_layer(d, norms=0),
                "Go through the layer once more, and write down for each of its eight parts what it adds or scales.",
            ),
            Mistake(
                "half of the norms' parameters (one norm of two, or norms without biases)",
                lambda d: _gpt2_layer(d, norms=1),
                "How many norms has a layer, and which two things does a LayerNorm keep for each value?",
            ),
            Mistake(
                "the norm after the last layer counted as well",
                lambda d: _gpt2_layer(d, norms=3),
                "That one belongs to the model, not to a layer.",
            ),
            Mistake(
                "the biases of the feed-forward part left out",
                lambda d: _gpt2_layer(d, mlp_bias=False),
                "Both matrices of the feed-forward part have biases, and one of them has many.",
            ),
            Mistake(
                "three biases in attention instead of four",
                lambda d: _gpt2_layer(d) - d,
                "The output matrix of attention is a dense layer like the others.",
            ),
            Mistake(
                "a bias for each input of the upward matrix (or two narrow ones in the feed-forward part)",
                lambda d: _gpt2_layer(d) - 3 * d,
                "A bias is added where a sum is formed. How many sums does the matrix upwards form?",
            ),
            Mistake(
                "two wide biases in the feed-forward part",
                lambda d: _gpt2_layer(d) + 3 * d,
                "How many values come back out of the feed-forward part?",
            ),
            Mistake(
                "a feed-forward part no wider than the layer",
                lambda d: _gpt2_layer(d, inside=1),
                "How many values are there inside, and how many outside?",
            ),
            Mistake(
                "the output matrix of attention forgotten",
                lambda d: _gpt2_layer(d) - dense_weights(d, d) - d,
                "Queries, keys, values: what happens to the heads' results?",
            ),
            Mistake(
                "one matrix of the feed-forward part forgotten",
                lambda d: _gpt2_layer(d) - feed_forward_weights(d, 2 * d),
                "It leads up and back.",
            ),
        ),
    ),
    "width_of_balance": Formula(
        right=lambda layers, vocabulary: _balance(layers, vocabulary),
        between={"vocabulary": range(1000, 300_000)},
        hint="Write both sides with the width as a letter. One side has its square; divide.",
        mistakes=(
            Mistake(
                "one table instead of two",
                lambda layers, vocabulary: _balance(layers, vocabulary, tables=1),
                "The output layer is not tied.",
            ),
            Mistake(
                "one layer instead of all",
                lambda layers, vocabulary: _balance(1, vocabulary),
                "How many layers share the work against the tables?",
            ),
            Mistake(
                "the quotient upside down",
                lambda layers, vocabulary: 1 / _balance(layers, vocabulary),
                "Should a larger vocabulary ask for a wider or for a narrower model?",
            ),
            Mistake(
                "the feed-forward part left out",
                lambda layers, vocabulary: _balance(layers, vocabulary, in_layer=attention_weights(1, 1, 1, 1)),
                "A layer is attention and a feed-forward part.",
            ),
            Mistake(
                "attention left out, or one matrix of the feed-forward part",
                lambda layers, vocabulary: _balance(layers, vocabulary, in_layer=feed_forward_weights(1, 4)),
                "List the six matrices of a layer.",
            ),
            *(
                Mistake(
                    "rounding to a whole number",
                    lambda layers, vocabulary, divide=divide: _balance(layers, vocabulary, divide=divide),
                    "The question asks where both are exactly equal, whole number or not.",
                )
                for divide in (floordiv, _nearest, ceil_div)
            ),
            Mistake(
                "parentheses missing below the line",
                lambda layers, vocabulary: layers * _balance(1, vocabulary),
                "Python reads `a/b*c` as `(a/b)*c`. What belongs below the line?",
            ),
            Mistake(
                "three matrices in the feed-forward part",
                lambda layers, vocabulary: _balance(
                    layers, vocabulary, in_layer=attention_weights(1, 1, 1, 1) + gated_feed_forward_weights(1, 4)
                ),
                "The rule of the question is for a part without a gate.",
            ),
        ),
    ),
    "gated_width": Formula(
        right=lambda width, multiple: _gated(width, multiple),
        hint="First without rounding: write both counts and solve for what is inside the gated part.",
        mistakes=(
            Mistake(
                "rounding down",
                lambda width, multiple: _gated(width, multiple, to_multiple=floordiv),
                "It should be at least as large.",
            ),
            Mistake(
                "rounding to the nearest",
                lambda width, multiple: _gated(width, multiple, to_multiple=_nearest),
                "It should be at least as large.",
            ),
            Mistake(
                "no rounding",
                lambda width, multiple: _gated(width, 1, to_multiple=truediv),
                "Almost there: which whole multiples lie around it?",
            ),
            Mistake(
                "a whole number that is no multiple",
                lambda width, multiple: _gated(width, 1),
                "Almost there: which whole multiples lie around it?",
            ),
            Mistake(
                "the number of multiples",
                lambda width, multiple: _gated(width, multiple) / multiple,
                "So many multiples are needed. How many values are they?",
            ),
            Mistake(
                "a fraction lost on the way to the next multiple",
                lambda width, multiple: multiple * ceil_div(_gated(width, 1, to_multiple=floordiv), multiple),
                "What lies just above a multiple must go on to the next. Adding `multiple - 1` before rounding down "
                "does that for whole numbers only. Are yours whole, and is anything cut before you round up?",
            ),
            Mistake(
                "a multiple added where none is missing",
                lambda width, multiple: _gated(width, multiple, more=1, to_multiple=floordiv),
                "What if it fits without a rest?",
            ),
            Mistake(
                "a plain part as narrow as the layer",
                lambda width, multiple: _gated(width, multiple, inside=1),
                "How wide is the plain part inside?",
            ),
            Mistake(
                "the gate forgotten",
                lambda width, multiple: _gated(width, multiple, gated=feed_forward_weights),
                "A gated part of the same width inside is larger. Which matrix is new?",
            ),
            Mistake(
                "a gate that costs as much as both other matrices",
                lambda width, multiple: _gated(width, multiple, gated=lambda d, f: 2 * feed_forward_weights(d, f)),
                "How many matrices has each of the two parts?",
            ),
        ),
    ),
}

"""Questions about the parameters of whole models: right answers, and the mistakes that people make."""

from dataclasses import replace
from fractions import Fraction

from llmcalc.blocks import attention_weights, feed_forward_weights
from llmcalc.checks.apart import told_apart
from llmcalc.checks.engine import Choice, Formula, Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.mlp import dense_weights
from llmcalc.transformer import Transformer

SIZES = {
    "vocab_size": Own("tokens of the vocabulary", (64_000, 32_000, 40_000, 48_000, 80_000, 96_000)),
    "hidden_size": Own("values of a token", (2560, 1536, 2048, 3072, 3584)),
    "intermediate_size": Own("values inside a feed-forward part", (6912, 4096, 5632, 7936, 9216)),
    "num_hidden_layers": Own("layers", (26, 18, 20, 22, 28, 30, 34)),
    "num_attention_heads": Own("query heads", (24, 18, 20, 28, 30, 36)),
    "num_key_value_heads": Own("key/value heads", (6, 2, 3, 4, 5, 7)),
}
"""The sizes in the config.json of the question about an exact count; no published model has those that come first."""
FIXED = {"model_type": "llama", "head_dim": 128, "tie_word_embeddings": True}
"""What else that file says."""
NORM_WIDTHS = (10, 5, 8, 4)
"""What the norms of a pair of layers may hold: a LayerNorm or an RMSNorm behind every part, or two of them a layer."""


def _can_be(vocabulary, width, inside, layers, heads, kv_heads):
    """Whether there is such a model, of a usual shape, in which no two of the slips come to the same number."""
    if heads == kv_heads or heads % kv_heads or heads * FIXED["head_dim"] > 2 * width:
        return False
    if not 2 * width < inside < 4 * width:
        return False
    return told_apart(QUESTIONS["parameters_of_config"], vocabulary, width, inside, layers, heads, kv_heads)


def _model(sizes):
    return Transformer.from_config(FIXED | dict(zip(SIZES, sizes, strict=True)))


def _configured(*sizes, row=None, **changed):
    """The exact count with a slip: a switch of the family, or a size."""
    model = _model(sizes)
    return replace(model, family=replace(model.family, **(row or {})), **changed).parameters.total


def _otherwise(more):
    """A mistake that makes the exact count larger by `more` of the model."""
    return lambda *sizes: _configured(*sizes) + more(_model(sizes))


def _switched(**row):
    """A mistake about the model's family."""
    return lambda *sizes: _configured(*sizes, row=row)


def _squared(model, matrices):
    """Weights that so many matrices of each layer gain or lose if they are taken for square ones."""
    return matrices * model.layers * model.width * (model.width - model.heads * model.head_dim)


def _narrowed(model, head_dim):
    """Weights that attention gains or loses with heads of another width."""
    return model.layers * model.attention_weights * Fraction(head_dim - model.head_dim, model.head_dim)


def _rule(model):
    """The layers by the rule of thumb."""
    return _stacks(model.layers, model.width, 4 * model.width, attentions=1, parts=1)


def _stacks(layers, width, feed_forward, attentions=3, parts=2, one=attention_weights):
    """Weights of an encoder and a decoder that together have so many attentions and feed-forward parts a layer."""
    return layers * (attentions * one(width, 1, 1, width) + parts * feed_forward_weights(width, feed_forward))


def _stack_biases(layers, width, feed_forward):
    """Biases of the matrices in an encoder and a decoder: three attentions and two feed-forward parts a pair."""
    return layers * (3 * 4 * width + 2 * (feed_forward + width))


def _biased(model):
    """Biases of all matrices of the layers, which the family of `model` does not have."""
    row = dict.fromkeys(("qkv_bias", "output_bias", "mlp_bias"), True)
    return replace(model, family=replace(model.family, **row)).parameters.total - model.parameters.total


QUESTIONS = {
    "parameters_of_config": Number(
        values=SIZES,
        where=_can_be,
        right=_configured,
        unit="parameters",
        tolerance=0,
        hint="Part by part: embedding, attention, feed-forward part, norms of a layer, the norm at the end. "
        "Perhaps more than one thing is off.",
        mistakes=(
            Mistake("an output layer of its own", _switched(tied=False), "What does the last key say?"),
            Mistake(
                "the embedding forgotten",
                _otherwise(lambda model: -model.parameters.embedding.total),
                "A tied table is there once, not never.",
            ),
            Mistake(
                "the layers alone",
                _otherwise(lambda model: -model.parameters.embedding.total - model.parameters.norm.final.total),
                "What stands before the layers, and what behind them?",
            ),
            Mistake(
                "the rule of thumb for the layers",
                lambda *sizes: _rule(_model(sizes)) + _model(sizes).parameters.embedding.total,
                "That rule knows neither gates nor groups of heads, and sets the width inside. The config has its own.",
            ),
            Mistake(
                "the rule of thumb for the layers, and nothing else",
                lambda *sizes: _rule(_model(sizes)),
                "That rule counts neither table nor norms, and knows neither gates nor groups of heads.",
            ),
            Mistake("norms that have biases", _switched(norm="layer"), "What does an RMSNorm keep for a value?"),
            Mistake("the last norm forgotten", _switched(final_norm=False), "What stands before the output?"),
            Mistake("one norm a layer", _switched(norms=1), "Attention has one, the feed-forward part too."),
            Mistake("the norms forgotten", _switched(norm="none"), "They are small, but not nothing."),
            Mistake("a feed-forward part without its gate", _switched(gated=False), "How many matrices?"),
            Mistake(
                "four square matrices in attention",
                lambda *sizes: _configured(*sizes, heads=1, kv_heads=1, head_dim=_model(sizes).width),
                "Four keys of the config shape attention; use all of them.",
            ),
            Mistake(
                "square matrices for queries and output",
                _otherwise(lambda model: _squared(model, 2)),
                "Is heads times head_dim the width? Multiply.",
            ),
            Mistake(
                "a square output matrix (or a square one for the queries)",
                _otherwise(lambda model: _squared(model, 1)),
                "All results side by side go in, and a token comes out. Is the first as wide as the second?",
            ),
            Mistake(
                "keys and values for every query head",
                lambda *sizes: _configured(*sizes, kv_heads=_model(sizes).heads),
                "How many heads have keys?",
            ),
            Mistake(
                "keys or values forgotten",
                _otherwise(lambda model: -model.layers * dense_weights(model.width, model.kv_heads * model.head_dim)),
                "A group shares a key and a value.",
            ),
            Mistake(
                "a head_dim computed from the width",
                _otherwise(lambda model: _narrowed(model, Fraction(model.width, model.heads))),
                "The config says it itself.",
            ),
            Mistake(
                "a head_dim computed from the width, rounded down",
                _otherwise(lambda model: _narrowed(model, model.width // model.heads)),
                "The config says it itself.",
            ),
            Mistake("biases in the matrices", _otherwise(_biased), "This family has none."),
            Mistake(
                "one layer instead of all",
                lambda *sizes: _configured(*sizes, layers=1),
                "Which key counts the layers?",
            ),
        ),
    ),
    "encoder_decoder_weights": Formula(
        right=lambda layers, width, feed_forward: _stacks(layers, width, feed_forward),
        hint="Draw one layer of each kind, and count attentions and feed-forward parts.",
        mistakes=(
            Mistake(
                "the attention to the encoder forgotten",
                lambda layers, d, inside: _stacks(layers, d, inside, attentions=2),
                "How does the decoder read what the encoder made?",
            ),
            Mistake(
                "an attention to the other side in the encoder as well",
                lambda layers, d, inside: _stacks(layers, d, inside, attentions=4),
                "Does the encoder read the decoder?",
            ),
            Mistake(
                "keys and values only in the attention to the encoder",
                lambda layers, d, inside: _stacks(layers, d, inside, attentions=2) + 2 * layers * dense_weights(d, d),
                "Keys and values come from the encoder. Two more matrices work on the decoder's side.",
            ),
            Mistake(
                "no output matrix in the attention to the encoder",
                lambda layers, d, inside: _stacks(layers, d, inside, attentions=2) + 3 * layers * dense_weights(d, d),
                "It has heads as well, and their results are brought together.",
            ),
            Mistake(
                "a feed-forward part behind every attention, or a gate in both",
                lambda layers, d, inside: _stacks(layers, d, inside, parts=3),
                "One plain part for each layer, whatever it has of attention.",
            ),
            Mistake(
                "four times the width inside",
                lambda layers, d, inside: _stacks(layers, d, 4 * d),
                "It may be any number; the question gives it a name.",
            ),
            Mistake(
                "the rule of thumb for two stacks of a decoder-only model",
                lambda layers, d, inside: _stacks(layers, d, 4 * d, attentions=2),
                "Do these two stacks know of each other? And how wide is the inside?",
            ),
            Mistake(
                "the rule of thumb for one stack, or attention alone",
                lambda layers, d, inside: _stacks(layers, d, 4 * d, attentions=1, parts=1),
                "If that is the rule: it counts one stack, and sets the width inside. If it is attention: what else "
                "has a layer?",
            ),
            Mistake(
                "biases that the question leaves out",
                lambda layers, d, inside: _stacks(layers, d, inside) + _stack_biases(layers, d, inside),
                "Only weights are asked for.",
            ),
            *(
                Mistake(
                    "norms that the question leaves out",
                    lambda layers, d, inside, each=each: _stacks(layers, d, inside) + layers * each * d,
                    "Only the weights of matrices are asked for.",
                )
                for each in NORM_WIDTHS
            ),
            *(
                Mistake(
                    "biases and norms that the question leaves out",
                    lambda layers, d, inside, each=each: (
                        _stacks(layers, d, inside) + _stack_biases(layers, d, inside) + layers * each * d
                    ),
                    "Only the weights of matrices are asked for.",
                )
                for each in NORM_WIDTHS
            ),
            Mistake(
                "the decoder alone",
                lambda layers, d, inside: _stacks(layers, d, inside, attentions=2, parts=1),
                "The encoder has layers too.",
            ),
            Mistake(
                "the encoder alone",
                lambda layers, d, inside: _stacks(layers, d, inside, attentions=1, parts=1),
                "The decoder has layers too.",
            ),
            Mistake(
                "one matrix in each feed-forward part",
                lambda layers, d, inside: _stacks(layers, d, inside, parts=1),
                "It leads up and back.",
            ),
            Mistake(
                "one layer of each kind",
                lambda layers, d, inside: _stacks(1, d, inside),
                "How many layers has each side?",
            ),
        ),
    ),
    "slip_in_count": Choice(
        right="c",
        because="The matrix upwards ends in 5,120 values, and each has a bias. Three widths in each of the 20 layers "
        "are missing, which is all of the difference.",
        replies={
            "a": "40,000 tokens and 1,024 positions have 1,280 values each, and a tied output layer adds none. Go on.",
            "b": "Three widths a layer are missing, so queries, keys and values come to mind. See what line b has.",
            "d": "Two LayerNorms a layer and one at the end, each with a weight and a bias for each value. Look above.",
        },
    ),
}

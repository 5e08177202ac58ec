"""Questions about the parameters of whole models: right answers, and the mistakes that people make."""

from dataclasses import replace

from llmcalc.blocks import attention_weights, feed_forward_weights
from llmcalc.checks.engine import Choice, Formula, Mistake, Number
from llmcalc.mlp import dense_weights
from llmcalc.transformer import Transformer

CONFIG = {
    "model_type": "llama", "vocab_size": 64_000, "hidden_size": 2560, "intermediate_size": 6912,
    "num_hidden_layers": 26, "num_attention_heads": 24, "num_key_value_heads": 6, "head_dim": 128,
    "tie_word_embeddings": True,
}  # fmt: skip
"""The config.json of the question about an exact count; no published model has these sizes."""
CONFIGURED = Transformer.from_config(CONFIG)
PLAIN = {"gated": False, "norm": "none"}
NORM_WIDTHS = (10, 5, 8, 4)
"""What the norms of a pair of layers may hold: a LayerNorm or an RMSNorm behind every part, or two of them a layer."""


def _configured(row=None, **sizes):
    """The exact count with a slip: a switch of the family, or a size."""
    return replace(CONFIGURED, family=replace(CONFIGURED.family, **(row or {})), **sizes).parameters.total


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
        right=_configured,
        unit="parameters",
        tolerance=0,
        hint="Part by part: embedding, attention, feed-forward part, norms of a layer, the norm at the end. "
        "Perhaps more than one thing is off.",
        mistakes=(
            Mistake("an output layer of its own", lambda: _configured({"tied": False}), "What does the last key say?"),
            Mistake(
                "the embedding forgotten",
                lambda: _configured() - CONFIGURED.parameters.embedding.total,
                "A tied table is there once, not never.",
            ),
            Mistake(
                "the layers alone",
                lambda: _configured({"final_norm": False}) - CONFIGURED.parameters.embedding.total,
                "What stands before the layers, and what behind them?",
            ),
            Mistake(
                "the rule of thumb for the layers",
                lambda: _configured(PLAIN, heads=1, kv_heads=1, head_dim=2560, feed_forward=4 * 2560),
                "That rule knows neither gates nor groups of heads, and sets the width inside. The config has its own.",
            ),
            Mistake(
                "the rule of thumb for the layers, and nothing else",
                lambda: _stacks(CONFIGURED.layers, 2560, 4 * 2560, attentions=1, parts=1),
                "That rule counts neither table nor norms, and knows neither gates nor groups of heads.",
            ),
            Mistake(
                "norms that have biases",
                lambda: _configured({"norm": "layer"}),
                "What does an RMSNorm keep for a value?",
            ),
            Mistake(
                "the last norm forgotten", lambda: _configured({"final_norm": False}), "What stands before the output?"
            ),
            Mistake(
                "one norm a layer", lambda: _configured({"norms": 1}), "Attention has one, the feed-forward part too."
            ),
            Mistake("the norms forgotten", lambda: _configured({"norm": "none"}), "They are small, but not nothing."),
            Mistake(
                "a feed-forward part without its gate", lambda: _configured({"gated": False}), "How many matrices?"
            ),
            Mistake(
                "four square matrices in attention",
                lambda: _configured(heads=1, kv_heads=1, head_dim=2560),
                "Four keys of the config shape attention; use all of them.",
            ),
            Mistake(
                "square matrices for queries and output",
                lambda: _configured(heads=20),
                "Is heads times head_dim the width? Multiply.",
            ),
            Mistake(
                "a square output matrix (or a square one for the queries)",
                lambda: _configured() - CONFIGURED.layers * dense_weights(2560, 24 * 128 - 2560),
                "All results side by side go in, and a token comes out. Is the first as wide as the second?",
            ),
            Mistake(
                "keys and values for every query head", lambda: _configured(kv_heads=24), "How many heads have keys?"
            ),
            Mistake("keys or values forgotten", lambda: _configured(kv_heads=3), "A group shares a key and a value."),
            Mistake(
                "a head_dim computed from the width",
                lambda: _configured(heads=4, kv_heads=1, head_dim=2560 // 4),
                "The config says it itself.",
            ),
            Mistake(
                "a head_dim computed from the width, rounded down",
                lambda: _configured(head_dim=2560 // 24),
                "The config says it itself.",
            ),
            Mistake("biases in the matrices", lambda: _configured() + _biased(CONFIGURED), "This family has none."),
            Mistake("one layer instead of all", lambda: _configured(layers=1), "Which key counts the layers?"),
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

"""The claims of the deep dive into parameters and memory, with its examples of 123 million and of 175 billion."""

from llmcalc.activations import INDEX_BYTES
from llmcalc.deep_dive import deep_dive_decoder_weights, deep_dive_listed_bytes
from llmcalc.fits import fit
from llmcalc.formats import number_format
from llmcalc.memory import stored_bytes, training_state_bytes
from llmcalc.models import model
from llmcalc.scaling import growth_for_gain
from llmcalc.states import OPTIMIZERS, state_bytes_per_parameter
from llmcalc.symbolic import share
from llmcalc.transformer import Transformer

SEQUENCE = 1024  # of GPT-2, whose sizes the example has; the document names none
FLOAT, HALF = number_format("fp32").bytes_per_value, number_format("bf16").bytes_per_value
ADAM = OPTIMIZERS["adam"].values
ALPHA = 0.07  # the document's exponent


def example():
    """Its model: d_model 768, 12 heads, 12 layers, vocabulary 50,000."""
    sizes = {"n_embd": 768, "n_head": 12, "n_layer": 12, "n_positions": SEQUENCE, "vocab_size": 50_000}
    return Transformer.from_config({"model_type": "gpt2", **sizes})


# --- parameters -----------------------------------------------------------------------------------------------------


def attention():
    return example().attention_weights


def feed_forward():
    return share(example().parameters.mlp.total, example().layers)  # biases included, as its formula has them


def norm():
    return example().parameters.norm.final.total


def layer():
    return attention() + feed_forward() + 2 * norm()


def layers():
    return example().layers * layer()


def total():
    """By its formulas, without an output layer of its own and without positions."""
    return layers() + example().parameters.embedding.tokens.total


def gpt3_layers():
    parameters = model("gpt-3-175b").parameters
    return parameters.attention.total + parameters.mlp.total + parameters.norm.layers.total


def gpt3_coefficients():
    """Weights of one layer, in units of d^2 and of d d_ff."""
    gpt3 = model("gpt-3-175b")
    width, inside = gpt3.width, gpt3.feed_forward
    return [share(gpt3.attention_weights, width**2), share(gpt3.mlp_weights(inside), width * inside)]


# --- memory ---------------------------------------------------------------------------------------------------------


def with_cache():
    """Weights and the cache of one full sequence, over the weights alone, in fp32."""
    weights = stored_bytes(total(), FLOAT)
    return (weights + example().kv_cache_bytes(1, SEQUENCE, FLOAT)) / weights


def kept(*parts):
    """Activations of a layer in units of E: fp32 between layers, 16 bits in matrix products, as the list has them."""
    ledger = example().activation_bytes(1, SEQUENCE, HALF, attention="explicit", autocast=True).per_layer
    return sum(share(ledger[part].total, SEQUENCE * example().width) for part in parts)


def norm_input():
    ledger = example().activation_bytes(1, SEQUENCE, HALF, attention="explicit", autocast=True).per_layer
    return share(ledger.norm_1.input.total, SEQUENCE * example().width)


def scores():
    """In units of BSS: in fp32 a score has the document's 4 bytes, in each head."""
    ledger = example().activation_bytes(1, SEQUENCE, FLOAT, attention="explicit").per_layer
    return share(ledger.scores.total, SEQUENCE**2)


def logits():
    """In units of BSV: 16-bit logits as long as they are used, and their log-probabilities in fp32."""
    return share(example().activation_bytes(1, SEQUENCE, HALF).logits, SEQUENCE * 50_000) + log_probabilities()


def log_probabilities():
    ledger = example().activation_bytes(1, SEQUENCE, HALF).head_and_loss
    return share(ledger.log_probabilities.total, SEQUENCE * 50_000)


# fmt: off
ROWS = (
    ("embedding", 38_400_000, lambda: example().parameters.embedding.tokens.total, "parameters", "holds",
     "one row of d_model values for each token"),
    ("attention", 2_359_296, attention, "parameters", "holds",
     "four matrices of d_model times d_model; GPT-2 has 4 d_model of biases besides"),
    ("heads", None, None, "", "holds", "with d_model / h values each, h heads have as many parameters as one"),
    ("ffn-factor", 4, lambda: share(example().feed_forward, example().width), "d_model", "convention",
     "of GPT-2 and GPT-3; gated feed-forward parts are narrower, as they have a third matrix"),
    ("ffn", 4_719_616, feed_forward, "parameters", "slips",
     "2 * 768 * 3,072 + 768 + 3,072 is 4,722,432; what is written has 1,024 where the 3,840 biases belong"),
    ("layernorm", 1536, norm, "parameters", "holds", "a scale and a bias for each value"),
    ("layer", 7_081_984, layer, "parameters", "slips", "carried over from the feed-forward part; the sum is right"),
    ("12-layers", 84_983_808, layers, "parameters", "slips",
     "carried over from the feed-forward part, now 12 times; the product is right"),
    ("total", 123_383_808, total, "parameters", "slips", "carried over from the feed-forward part; 0.03% too few"),
    ("total-millions", 123e6, total, "parameters", "holds", "to the million the slip does not show"),
    ("output", None, None, "", "slips",
     "by its formula an output layer as large as the embedding is missing; tied to it, as in GPT-2, it costs nothing"),
    ("total-formula", None, None, "", "approximates",
     "leaves out positions, biases of attention and the last norm: less than 1% in its example"),
    ("32-bit", None, None, "", "convention",
     "while training, or as its fp32 copy; most models are published and served in 16 bits or fewer"),
    ("fp32-bytes", 493_535_232, lambda: stored_bytes(total(), FLOAT), "B", "slips",
     "carried over from the feed-forward part; 4 bytes each is right"),
    ("fp32-mb", 494e6, lambda: stored_bytes(total(), FLOAT), "B", "holds", "to the MB the slip does not show"),
    ("fp16-bytes", 246_767_616, lambda: stored_bytes(total(), HALF), "B", "slips",
     "carried over from the feed-forward part; 2 bytes each is right"),
    ("fp16-mb", 247e6, lambda: stored_bytes(total(), HALF), "B", "holds", "to the MB the slip does not show"),
    ("working-memory", None, None, "", "slips",
     "its definition leaves the parameters out, its estimate has them in; and inference keeps keys and values alone"),
    ("two-rules", 2, with_cache, "x", "convention",
     "weights and the cache of one full sequence come to 1.15 times; twice would be some 6 or 7 sequences. A margin"),
    ("inference-working", 988e6, lambda: 2 * stored_bytes(total(), FLOAT), "B", "approximates",
     "by its own rule of twice: it doubled the rounded 494 MB. One sequence needs less, see the two rules"),
    ("inference-gb", 1e9, lambda: 2 * stored_bytes(total(), FLOAT), "B", "holds", "by its own rule, to the GB"),
    ("training-factor", 4, lambda: state_bytes_per_parameter(1, 1, 0, ADAM, 1), "x", "approximates",
     "in units of the weights: these, gradients and Adam's two moments in fp32; activations come on top"),
    ("training-memory", 1_976e6, lambda: training_state_bytes(total(), ADAM, FLOAT), "B", "approximates",
     "16 bytes for each parameter; it took the rounded 494 MB four times, and activations come on top"),
    ("training-gb", 2e9, lambda: training_state_bytes(total(), ADAM, FLOAT), "B", "holds",
     "to the GB, without activations"),
    ("steady-weights", 4, lambda: state_bytes_per_parameter(FLOAT, 0, 0, 0), "B/parameter", "holds", "fp32"),
    ("steady-adam", 8, lambda: state_bytes_per_parameter(0, 0, 0, ADAM, FLOAT), "B/parameter", "holds",
     "two moments in fp32"),
    ("steady-gradients", 4, lambda: state_bytes_per_parameter(0, FLOAT, 0, 0), "B/parameter", "holds", "fp32"),
    ("steady-input", 8, lambda: INDEX_BYTES, "B/value", "holds",
     "token ids are 64-bit integers, if D counts the tokens of a sequence"),
    ("steady", 16, lambda: state_bytes_per_parameter(FLOAT, FLOAT, 0, ADAM, FLOAT), "B/parameter", "holds",
     "4 + 4 + 8; gradients are there only from the backward pass to the update, if they are set to none after it"),
    ("norm-activations", 4, norm_input, "E", "holds",
     "its input in fp32, as with autocast; in pure 16 bits it is 2E"),
    ("qkv-activations", 2, lambda: kept("qkv_input", "queries", "keys", "values"), "E", "slips",
     "only the input is counted: Q, K and V themselves are kept as well, 2E each"),
    ("attention-matrix", 4, scores, "BSS", "slips",
     "each of its 12 heads has a matrix of its own: 4 bytes in fp32, times 12"),
    ("attention-output-activations", 2, lambda: kept("output_input"), "E", "holds",
     "what enters the output projection"),
    ("linear-1-activations", 2, lambda: kept("mlp_input"), "E", "holds", "its input, in 16 bits"),
    ("gelu-activations", 8, lambda: kept("gelu"), "E", "holds", "its input, four times as wide, in 16 bits"),
    ("linear-2-activations", 2, lambda: kept("down_input"), "E", "slips",
     "its input is four times as wide as its output, and the input is what is kept"),
    ("activation-coefficient", 14, lambda: deep_dive_listed_bytes(1, 1, 2) - deep_dive_listed_bytes(1, 1, 1), "E",
     "slips", "its own list adds up to 24E with the two norms of a layer, to 20E with one"),
    ("activation-formula", None, None, "", "slips",
     "carried over from the sum, and the list lacks Q, K, V, most of the second linear, the heads and dropout masks"),
    ("logits", 6, logits, "BSV", "holds",
     "16-bit logits, as long as the caller holds them, and log-probabilities in fp32"),
    ("peak", 4, lambda: 2 * log_probabilities(), "BSV", "slips",
     "in PyTorch, a loss in fp32 has two gradients at once, of log-probabilities and logits, 4BSV each"),
    ("peak-sum", None, None, "", "approximates",
     "gradients come as activations go, so a sum of both is too much; the activations themselves are too few"),
    ("peak-when", None, None, "", "approximates",
     "the time is right, mostly at its beginning; stored they are in the forward pass, the backward pass uses them up"),
    ("performance-law", None, None, "", "convention",
     "Kaplan's law is for the loss, which falls as N^-alpha; performance is its reciprocal here"),
    ("kaplan-exponent", 0.07, lambda: fit("kaplan parameters").constants["parameter_exponent"], "", "approximates",
     "0.076 for parameters without embeddings"),
    ("10-percent", 3.7, lambda: growth_for_gain(1.1, ALPHA), "x", "approximates",
     "10% more is a factor of 1.1, so 1.1^(1/0.07), about 3.9; 0.0728, which rounds to 0.07, gives 3.7. A loss 10% "
     "lower takes 4.5"),
    ("10-percent-formula", 3.7, lambda: growth_for_gain(10, ALPHA), "x", "slips",
     "10^(1/alpha) is the growth for ten times the performance: some 10^14 at 0.07, which nobody printed"),
    ("gpt3-size", 175e9, lambda: model("gpt-3-175b").parameters.total, "parameters", "holds",
     "174.6 billion, to the billion"),
    ("gpt3-shape", [12_288, 49_152, 96],
     lambda: [getattr(model("gpt-3-175b"), size) for size in ("width", "feed_forward", "layers")], "", "holds",
     "'hypothetical' in the text, and the published sizes: width, feed-forward, layers"),
    ("gpt3-coefficients", [8, 8], gpt3_coefficients, "d^2, d d_ff", "slips",
     "attention has four matrices, the feed-forward part two: its own section above says so"),
    ("gpt3-layer", 1.1e9, lambda: deep_dive_decoder_weights(12_288, 49_152), "parameters", "slips",
     "as written it gives 6.04 billion; with the right coefficients, 4 and 2, a layer has 1.81 billion"),
    ("gpt3-96", 105.6e9, gpt3_layers, "parameters", "slips",
     "carried over from the layer: 96 of 1.81 billion are nearly all of the model"),
    ("gpt3-rest", 69.4e9, lambda: model("gpt-3-175b").parameters.total - gpt3_layers(), "parameters", "slips",
     "carried over from the layers; not printed, 175 less 105.6. Embeddings, positions, last norm: 0.64 billion"),
    ("mixed-precision", None, None, "", "approximates",
     "activations and compute shrink; with an fp32 copy the states stay at 16 bytes for each parameter"),
    ("checkpointing", None, None, "", "holds", "computes again instead of keeping: up to a forward pass more"),
    ("pruning", None, None, "", "approximates",
     "fewer bits make a model smaller at once; removed weights only where zeros are not stored"),
)
# fmt: on

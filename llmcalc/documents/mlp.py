"""The claims of the article about a multi-layer perceptron."""

from llmcalc.compute import examples_per_second
from llmcalc.memory import largest_batch, stored_bytes
from llmcalc.mlp import (
    MLP,
    dense_activation_bytes,
    dense_forward_flops,
    dense_input_gradient_flops,
    dense_weight_gradient_flops,
    dense_weights,
)
from llmcalc.units import GB, KB, TFLOP, convert

WIDTH = 10_000
DESCRIBED = MLP([WIDTH] * 12)  # input, ten hidden layers, output: 11 matrices
COMPUTED = MLP([WIDTH] * 11)  # what the document multiplies out: 10 matrices


def forward():
    return dense_forward_flops(WIDTH, WIDTH)


def backward():
    return dense_weight_gradient_flops(WIDTH, WIDTH) + dense_input_gradient_flops(WIDTH, WIDTH)


# fmt: off
ROWS = (
    ("weights-per-layer", 1e8, lambda: dense_weights(WIDTH, WIDTH), "weights", "holds", "n times m"),
    ("weight-bytes-per-layer", 4e8, lambda: stored_bytes(dense_weights(WIDTH, WIDTH)), "B", "holds", "4 bytes each"),
    ("bias-bytes-per-layer", 4e4, lambda: stored_bytes(WIDTH), "B", "holds", "one bias for each output"),
    ("total-weight-bytes", 4e9, lambda: stored_bytes(DESCRIBED.weights), "B", "slips",
     "a layer is missing: input, 10 hidden layers and output have 11 matrices between them"),
    ("activation-bytes-per-layer", 4e4, lambda: dense_activation_bytes(WIDTH), "B", "holds",
     "one value for each neuron"),
    ("activation-sets", 11, lambda: len(DESCRIBED.sizes), "sets", "slips",
     "carried over from the missing layer: input, 10 hidden layers and output are 12; 11 fits 10 matrices"),
    ("activation-bytes-per-sample", 440e3, lambda: DESCRIBED.activation_bytes(1), "B", "holds",
     "two slips cancel: 12 sets counted as 11, and the output counted though nobody keeps it"),
    ("kb-to-mb", 0.4297, lambda: convert(440, "kB", "MB"), "MB", "slips",
     "divided by 1024 where everything else counts in thousands"),
    ("batch-quotient", 9.31, lambda: (8 * GB - 4 * GB) / (440 * KB), "samples", "slips",
     "GB over MB is a factor of 1000, which is lost; 0.4297 for 0.44 adds 2.4%"),
    ("max-batch", 9, lambda: largest_batch(8 * GB, 4 * GB, 440 * KB), "samples", "slips",
     "by its own sums: carried over from the quotient, a thousand times too small"),
    ("training-memory-model", None, None, "", "slips",
     "gradients and optimizer are left out; with all of them not one example fits into 8 GB"),
    ("forward-flops-per-layer", 2e8, forward, "FLOP", "holds", "2nm: a multiplication and an addition a weight"),
    ("backward-flops-per-layer", 4e8, backward, "FLOP", "holds", "4nm: two products, dW and dX"),
    ("flops-per-layer", 6e8, lambda: forward() + backward(), "FLOP", "holds", "2nm + 4nm"),
    ("flops-per-sample", 6e9, lambda: COMPUTED.training_flops(1), "FLOP", "approximates",
     "for its 10 matrices: the first layer's dX is counted, though nobody needs it"),
    ("throughput", 16.67, lambda: examples_per_second(100 * TFLOP, 10 * (forward() + backward())), "samples/s",
     "slips", "by its own FLOP: TFLOP over GFLOP is a factor of 1000, which is lost"),
)
# fmt: on

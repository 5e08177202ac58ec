"""Questions about the multi-layer perceptron: right answers, and the mistakes that people make."""

from llmcalc.checks.engine import Choice, Formula, Mistake, Number
from llmcalc.compute import examples_per_second
from llmcalc.memory import largest_batch, stored_bytes, training_state_bytes
from llmcalc.mlp import MLP, dense_weights
from llmcalc.units import GB, GIB, TFLOP

FITTED = MLP([4096] * 9)
"""The network of the question about the largest batch: 8 matrices, 4096 wide."""
PACED = MLP([8192] * 13)
"""The network of the question about throughput: 12 matrices, 8192 wide."""


def _batch(memory=24 * GIB, parameters=FITTED.parameters, copies=4, kept=None):
    example = FITTED.activation_bytes(1) if kept is None else kept
    return largest_batch(memory, stored_bytes(copies * parameters), example)


def _pace(flops, peak=300 * TFLOP, share=0.4):
    return examples_per_second(peak, flops, share)


QUESTIONS = {
    "layer_parameters": Formula(
        right=lambda inputs, outputs: dense_weights(inputs, outputs) + outputs,
        hint="Draw 3 inputs and 2 outputs: count the arrows, then what is added at each output.",
        mistakes=(
            Mistake("the biases forgotten", dense_weights, "What does each output add after summing?"),
            Mistake(
                "a bias for each input",
                lambda inputs, outputs: dense_weights(inputs, outputs) + inputs,
                "A bias is added where the sum is formed. On which side of the layer is that?",
            ),
            Mistake(
                "one bias for the whole layer",
                lambda inputs, outputs: dense_weights(inputs, outputs) + 1,
                "Does every output share one bias?",
            ),
        ),
    ),
    "network_bytes": Formula(
        right=lambda width, matrices, bytes_per_value: matrices * (width**2 + width) * bytes_per_value,
        hint="One layer first: its weights and its biases. Then how many layers, then how many bytes each.",
        mistakes=(
            Mistake(
                "the biases forgotten",
                lambda width, matrices, size: matrices * width**2 * size,
                "Your weights are right. What else does a layer hold?",
            ),
            Mistake(
                "a layer forgotten",
                lambda width, matrices, size: (matrices - 1) * (width**2 + width) * size,
                "`matrices` counts the weight matrices themselves, not the rows of neurons between them.",
            ),
            Mistake(
                "a layer too many",
                lambda width, matrices, size: (matrices + 1) * (width**2 + width) * size,
                "`matrices` counts the weight matrices themselves, not the rows of neurons around them.",
            ),
            Mistake(
                "bits for bytes",
                lambda width, matrices, size: 8 * matrices * (width**2 + width) * size,
                "The size is given in bytes already.",
            ),
            Mistake(
                "one bias for each layer",
                lambda width, matrices, size: matrices * (width**2 + 1) * size,
                "Every output has a bias of its own.",
            ),
        ),
    ),
    "crossover_batch": Formula(
        right=lambda width, matrices: width + 1,
        hint="Write both sides for one layer: width**2 + width values on the left, batch times what on the right?",
        mistakes=(
            Mistake("the biases forgotten", lambda width, matrices: width, "Count the parameters, not only weights."),
            Mistake(
                "the network's output counted as kept",
                lambda width, matrices: matrices * (width + 1) / (matrices + 1),
                "Which layer would ask for the last output again?",
            ),
            Mistake(
                "all layers on one side, one layer on the other",
                lambda width, matrices: matrices * (width + 1),
                "Each layer keeps an input of its own.",
            ),
        ),
    ),
    "backward_flops": Formula(
        right=lambda a, b, c, d, batch: MLP([a, b, c, d]).backward_flops(batch),
        hint="Two products a layer: dW = X^T dY and dX = dY W^T. Is every one of them used?",
        mistakes=(
            Mistake(
                "an input gradient for the first layer too",
                lambda a, b, c, d, batch: 4 * batch * (a * b + b * c + c * d),
                "Who would use the gradient of the data?",
            ),
            Mistake(
                "only the weight gradients",
                lambda a, b, c, d, batch: MLP([a, b, c, d]).forward_flops(batch),
                "How does the gradient get from the last layer to the first?",
            ),
            Mistake(
                "the forward pass counted as well",
                lambda a, b, c, d, batch: MLP([a, b, c, d]).training_flops(batch),
                "The question asks for the backward pass alone.",
            ),
            Mistake(
                "multiplications counted, additions forgotten",
                lambda a, b, c, d, batch: batch * (a * b + 2 * (b * c + c * d)),
                "A product of sums: for each multiplication there is an addition.",
            ),
        ),
    ),
    "training_flops": Formula(
        right=lambda n0, n1, n2, n3, batch: MLP([n0, n1, n2, n3]).training_flops(batch),
        takes=("sizes", "batch"),
        hand_over=lambda answer, n0, n1, n2, n3, batch: answer([n0, n1, n2, n3], batch),
        hint="Sum over neighbouring sizes; then take off what the first layer does not need.",
        mistakes=(
            Mistake(
                "six for every layer, the first included",
                lambda a, b, c, d, batch: 6 * batch * (a * b + b * c + c * d),
                "One of the products of the first layer is never needed.",
            ),
            Mistake(
                "the backward pass forgotten",
                lambda a, b, c, d, batch: MLP([a, b, c, d]).forward_flops(batch),
                "Training goes back through the network as well.",
            ),
            Mistake(
                "the last layer forgotten",
                lambda a, b, c, d, batch: MLP([a, b, c]).training_flops(batch),
                "How many pairs of neighbours does a list of sizes have?",
            ),
            Mistake(
                "the first layer forgotten",
                lambda a, b, c, d, batch: 6 * batch * (b * c + c * d),
                "The first layer saves one product of three, not all of them.",
            ),
        ),
    ),
    "batch_in_24_GiB": Number(
        right=lambda: _batch(),
        unit="examples",
        tolerance=0,
        hint="What training keeps for each parameter in fp32 with AdamW comes first; the rest of the memory is shared.",
        mistakes=(
            Mistake("24 GB for 24 GiB", lambda: _batch(24 * GB), "A GiB is 2**30 bytes."),
            Mistake("gradients and optimizer forgotten", lambda: _batch(copies=1), "What does AdamW need beside them?"),
            Mistake("the optimizer forgotten", lambda: _batch(copies=2), "What does AdamW remember?"),
            Mistake("the gradients forgotten", lambda: _batch(copies=3), "What does the backward pass produce?"),
            Mistake("the biases forgotten", lambda: _batch(parameters=FITTED.weights), "Count biases as well."),
            Mistake(
                "the network's output counted as kept",
                lambda: _batch(kept=FITTED.activation_bytes(1) + stored_bytes(FITTED.sizes[-1])),
                "Each layer keeps its input; there is no layer behind the output.",
            ),
            Mistake(
                "a layer forgotten in the activations",
                lambda: _batch(kept=FITTED.activation_bytes(1) - stored_bytes(FITTED.sizes[0])),
                "The input of the first layer is kept too: dW = X^T dY asks for it.",
            ),
            Mistake(
                "bits for bytes",
                lambda: largest_batch(
                    24 * GIB, 8 * training_state_bytes(FITTED.parameters), 8 * FITTED.activation_bytes(1)
                ),
                "fp32 has 32 bits; how many bytes is that?",
            ),
            Mistake("one example too many", lambda: _batch() + 1, "Round down: a part of an example does not fit."),
        ),
    ),
    "pace_at_40_percent": Number(
        right=lambda: _pace(PACED.training_flops(1)),
        unit="examples/s",
        hint="Work of one example in FLOP; the rate that is really reached in FLOP/s; one over the other.",
        mistakes=(
            Mistake(
                "the utilization forgotten",
                lambda: _pace(PACED.training_flops(1), share=1),
                "The peak is not what a program reaches.",
            ),
            Mistake(
                "the backward pass forgotten", lambda: _pace(PACED.forward_flops(1)), "Training goes back as well."
            ),
            Mistake(
                "the forward pass forgotten", lambda: _pace(PACED.backward_flops(1)), "Training goes forward as well."
            ),
            Mistake(
                "an input gradient for the first layer too",
                lambda: _pace(6 * PACED.weights),
                "One product of the first layer is never needed; here that is more than the last digit asked for.",
            ),
            Mistake(
                "multiplications counted, additions forgotten",
                lambda: _pace(PACED.training_flops(1) / 2),
                "A FLOP is a multiplication or an addition.",
            ),
            Mistake(
                "a layer too many",
                lambda: _pace(MLP([8192] * 14).training_flops(1)),
                "13 widths have 12 matrices between them.",
            ),
        ),
    ),
    "slip_in_report": Choice(
        right="c",
        because="GB over kB leaves a factor of a million, not of a thousand: more than 70,000 examples fit.",
        replies={
            "a": "12 matrices of 8192 by 8192 values, 2 bytes each, are 1,610,612,736 bytes. Check the next line.",
            "b": "12 inputs of 8192 values, 2 bytes each, are 196,608 bytes. Check the next line.",
            "d": "The conclusion only repeats what line c computed. Where did the factor go wrong first?",
        },
    ),
    "double_the_width": Choice(
        right="b",
        because="Weights and operations grow with the square of the width, what is kept of an example with the width.",
        replies={
            "a": "Right for activations. How many arrows lead from twice the inputs to twice the outputs?",
            "c": "What is kept of an example is one value for each neuron, not for each weight.",
            "d": "Each weight costs the same few operations as before. How many weights are there now?",
        },
    ),
}

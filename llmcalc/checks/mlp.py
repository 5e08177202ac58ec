"""Questions about the multi-layer perceptron: right answers, and the mistakes that people make."""

from llmcalc.checks.engine import Choice, Formula, Mistake
from llmcalc.mlp import MLP, dense_weights


def _rule(sizes, batch, each):
    """The same number of FLOP for each weight of each layer."""
    return each * MLP(sizes).weights * batch


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
        unit="B",
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
                "one bias for each layer",
                lambda width, matrices, size: matrices * (width**2 + 1) * size,
                "Every output has a bias of its own.",
            ),
            Mistake(
                "one row of biases for the whole network",
                lambda width, matrices, size: (matrices * width**2 + width) * size,
                "Every layer has biases of its own.",
            ),
        ),
    ),
    "crossover_batch": Formula(
        right=lambda width, matrices: width + 1,
        hint="Write both sides for one layer: its parameters, and what it keeps for one example.",
        mistakes=(
            Mistake("the biases forgotten", lambda width, matrices: width, "Count the parameters, not only weights."),
            Mistake(
                "the network's output counted as kept",
                lambda width, matrices: matrices * (width + 1) / (matrices + 1),
                "Which layer would ask for the last output again?",
            ),
            Mistake(
                "the network's input not counted as kept",
                lambda width, matrices: matrices * (width + 1) / (matrices - 1) if matrices != 1 else 0,
                "The first layer keeps its input too.",
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
        hint="Two products for a layer: one for its weights, one to pass the gradient on. Is every one of them used?",
        mistakes=(
            Mistake(
                "an input gradient for the first layer too",
                lambda a, b, c, d, batch: _rule([a, b, c, d], batch, 4),
                "Who would use the gradient of the data?",
            ),
            Mistake(
                "only one product for each layer (the weight gradients, or the forward pass)",
                lambda a, b, c, d, batch: _rule([a, b, c, d], batch, 2),
                "The gradient has to be passed on to the layer below as well.",
            ),
            Mistake(
                "the forward pass counted as well",
                lambda a, b, c, d, batch: MLP([a, b, c, d]).training_flops(batch),
                "The question asks for the backward pass alone.",
            ),
            Mistake(
                "forward and backward of every layer",
                lambda a, b, c, d, batch: _rule([a, b, c, d], batch, 6),
                "The question asks for the backward pass alone.",
            ),
            Mistake(
                "the first layer left out altogether",
                lambda a, b, c, d, batch: _rule([b, c, d], batch, 4),
                "The first layer has weights to train as well.",
            ),
            Mistake(
                "the exception made for the last layer",
                lambda a, b, c, d, batch: MLP([d, c, b, a]).backward_flops(batch),
                "Which end of the network do the data enter?",
            ),
            Mistake(
                "the batch forgotten",
                lambda a, b, c, d, batch: MLP([a, b, c, d]).backward_flops(1),
                "That is the work for one example.",
            ),
            Mistake(
                "the batch forgotten in what the first layer saves",
                lambda a, b, c, d, batch: _rule([a, b, c, d], batch, 4) - _rule([a, b], 1, 2),
                "The product that nobody needs would be done for each example.",
            ),
            Mistake(
                "multiplications counted, additions forgotten",
                lambda a, b, c, d, batch: batch * (a * b + 2 * (b * c + c * d)),
                "Each entry is a sum of products: for each multiplication there is an addition.",
            ),
        ),
    ),
    "training_flops": Formula(
        right=lambda sizes, batch: MLP(sizes).training_flops(batch),
        lists=("sizes",),
        hint="Sum over neighbouring sizes; then look at the first layer once more.",
        mistakes=(
            Mistake(
                "six for every layer, the first included",
                lambda sizes, batch: _rule(sizes, batch, 6),
                "One of the products of the first layer is never needed.",
            ),
            Mistake(
                "the backward pass forgotten",
                lambda sizes, batch: _rule(sizes, batch, 2),
                "Training goes back through the network as well.",
            ),
            Mistake(
                "the forward pass forgotten",
                lambda sizes, batch: MLP(sizes).backward_flops(batch),
                "Training goes forward through the network as well.",
            ),
            Mistake(
                "four for every layer",
                lambda sizes, batch: _rule(sizes, batch, 4),
                "A layer takes part in three products: one forward and two backward.",
            ),
            Mistake(
                "the last layer forgotten",
                lambda sizes, batch: MLP(sizes[:-1]).training_flops(batch) if len(sizes) > 2 else 0,
                "How many pairs of neighbours does a list of sizes have?",
            ),
            Mistake(
                "the first layer left out altogether",
                lambda sizes, batch: _rule(sizes[1:], batch, 6) if len(sizes) > 2 else 0,
                "The first layer saves one product of three, not all of them.",
            ),
            Mistake(
                "the batch forgotten",
                lambda sizes, batch: MLP(sizes).training_flops(1),
                "That is the work for one example.",
            ),
            Mistake(
                "the batch forgotten in what the first layer saves",
                lambda sizes, batch: _rule(sizes, batch, 6) - _rule(sizes[:2], 1, 2),
                "The product that nobody needs would be done for each example.",
            ),
            Mistake(
                "the exception made for the last layer",
                lambda sizes, batch: MLP(sizes[::-1]).training_flops(batch),
                "Which end of the network do the data enter?",
            ),
            Mistake(
                "multiplications counted, additions forgotten",
                lambda sizes, batch: MLP(sizes).training_flops(batch) / 2,
                "Each entry is a sum of products: for each multiplication there is an addition.",
            ),
        ),
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

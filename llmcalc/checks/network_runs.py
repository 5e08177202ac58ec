"""Questions about a network on a device, its batch and its pace: right answers, and the mistakes that people make."""

from fractions import Fraction

from llmcalc.checks.engine import Choice, Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.compute import examples_per_second
from llmcalc.memory import largest_batch, stored_bytes
from llmcalc.mlp import MLP
from llmcalc.units import GB, GIB, TFLOP

FITTED = {
    "matrices": Own("weight matrices of a network", (12, 6, 8, 10, 16, 20, 24)),
    "width": Own("values in each of its layers", (5000, 2500, 3000, 4000, 4500, 6000)),
    "memory": Own("bytes of memory", tuple(gibibytes * GIB for gibibytes in (24, 12, 16, 32, 40, 48))),
}
"""The network of the question about the largest batch, and its device."""
PACED = {
    "layers": Own("weight matrices of another network", (12, 5, 8, 9, 10, 15)),
    "neurons": Own("values in each of its layers", (8192, 2048, 3072, 4096, 6144, 10_240)),
    "peak": Own("peak of its device, in FLOP/s", tuple(tera * TFLOP for tera in (300, 120, 150, 200, 400, 600))),
    "reached": Own("share of the peak that it reaches", (0.40, 0.25, 0.30, 0.45)),
}
"""The network of the question about throughput, and its device."""


def _network(matrices, width):
    return MLP([width] * (matrices + 1))


def _batch(matrices, width, memory, parameters=None, copies=4, rows=0):
    """Examples beside so many copies of the parameters; `rows` that are kept come to one for each matrix."""
    parameters = parameters or _network(matrices, width).parameters
    return largest_batch(memory, stored_bytes(copies * parameters), stored_bytes((matrices + rows) * width))


def _some_left(matrices, width, memory):
    """Whether the activations have a good part of the memory."""
    return stored_bytes(4 * _network(matrices, width).parameters) < 0.8 * memory


def _in_bits(matrices, width, memory):
    return (memory - 32 * 4 * _network(matrices, width).parameters) // (32 * matrices * width)  # often below zero


def _pace(layers, neurons, peak, reached, flops=MLP.training_flops):
    return examples_per_second(peak, flops(_network(layers, neurons), 1), reached)


QUESTIONS = {
    "largest_batch": Number(
        values=FITTED,
        where=_some_left,
        right=_batch,
        unit="examples",
        tolerance=0,
        whole="Only whole ones fit: round down.",
        hint="What training keeps for each parameter comes first; the rest of the memory is shared. "
        "Perhaps more than one thing is off.",
        mistakes=(
            Mistake(
                "GB for GiB",
                lambda matrices, width, memory: _batch(matrices, width, memory // GIB * GB),
                "A GiB is 2**30 bytes.",
            ),
            Mistake(
                "gradients and optimizer forgotten",
                lambda *given: _batch(*given, copies=1),
                "What does training keep for each parameter besides the weight?",
            ),
            Mistake("the optimizer forgotten", lambda *given: _batch(*given, copies=2), "What does AdamW remember?"),
            Mistake(
                "the gradients forgotten",
                lambda *given: _batch(*given, copies=3),
                "What does the backward pass produce?",
            ),
            Mistake(
                "the biases forgotten",
                lambda matrices, width, memory: _batch(matrices, width, memory, _network(matrices, width).weights),
                "Count biases as well.",
            ),
            Mistake(
                "the network's output counted as kept",
                lambda *given: _batch(*given, rows=1),
                "Each layer keeps its input; there is no layer behind the output.",
            ),
            Mistake(
                "a row forgotten in the activations",
                lambda *given: _batch(*given, rows=-1),
                "The input of the first layer is kept too: its weight gradient asks for it.",
            ),
            Mistake(
                "the activations of one layer only",
                lambda matrices, *given: _batch(matrices, *given, rows=1 - matrices),
                "Every layer keeps its input.",
            ),
            Mistake(
                "one byte for each value that is kept",
                lambda matrices, width, memory: _batch(matrices, width, memory, rows=-Fraction(3, 4) * matrices),
                "In which format are the activations, and how many bytes does it take?",
            ),
            Mistake("bits for bytes", _in_bits, "fp32 has 32 bits; how many bytes is that?"),
            Mistake(
                "one example too many",
                lambda *given: _batch(*given) + 1,
                "Round down: a part of an example does not fit.",
            ),
        ),
    ),
    "examples_per_second": Number(
        values=PACED,
        right=_pace,
        unit="examples/s",
        hint="Work of one example in FLOP; the rate that is really reached in FLOP/s; one over the other. "
        "Perhaps more than one thing is off.",
        mistakes=(
            Mistake(
                "the utilization forgotten",
                lambda layers, neurons, peak, reached: _pace(layers, neurons, peak, 1),
                "The peak is not what a program reaches.",
            ),
            Mistake(
                "the backward pass forgotten",
                lambda *given: _pace(*given, flops=MLP.forward_flops),
                "Training goes back as well.",
            ),
            Mistake(
                "the forward pass forgotten",
                lambda *given: _pace(*given, flops=MLP.backward_flops),
                "Training goes forward as well.",
            ),
            Mistake(
                "four for every layer",
                lambda *given: _pace(*given, flops=lambda network, batch: 4 * network.weights),
                "A layer takes part in three products: one forward and two backward.",
            ),
            Mistake(
                "six for every layer, the first included",
                lambda *given: _pace(*given, flops=lambda network, batch: 6 * network.weights),
                "One product of the first layer is never needed; here that is more than the last digit asked for.",
            ),
            Mistake(
                "multiplications counted, additions forgotten",
                lambda *given: 2 * _pace(*given),
                "A FLOP is a multiplication or an addition.",
            ),
            Mistake(
                "a layer too many",
                lambda layers, *given: _pace(layers + 1, *given),
                "`layers` counts the weight matrices themselves.",
            ),
            Mistake(
                "a layer forgotten",
                lambda layers, *given: _pace(layers - 1, *given),
                "`layers` counts the weight matrices themselves.",
            ),
            Mistake(
                "seconds for an example instead of examples in a second",
                lambda *given: 1 / _pace(*given),
                "Which of the two should grow with a faster device?",
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
}

"""Questions about what GPUs send to each other: right answers, and the mistakes that people make."""

from fractions import Fraction
from functools import partial

from llmcalc.checks.engine import Formula, Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.checks.training import slips
from llmcalc.collectives import all_gather_bytes, all_reduce_bytes, transfer_seconds
from llmcalc.communication import zero_3_traffic_bytes
from llmcalc.compute import seconds_for, training_flops
from llmcalc.hardware import gpu
from llmcalc.memory import stored_bytes
from llmcalc.models import model
from llmcalc.sharding import sharded_bytes

SENT = model("llama-2-7b").parameters.total
"""Parameters of the model whose training is asked for."""
CARDS = ("h100-sxm", "a100-80gb", "h200", "b200", "mi300x")
NETWORKS = tuple(gigabits * 10**9 for gigabits in (400, 100, 200, 800))
"""Bits a second, in one direction."""
REACHED = (0.40, 0.35, 0.36, 0.38, 0.42, 0.44, 0.46)
"""Shares of the peak; not a half, which is also what a value taken for a byte makes of the answer."""
GPUS = (16, 12, 20, 24, 32, 40)
"""Not eight or nine: eight is also the bits of a byte."""


def _between(message, local, machines, send=all_reduce_bytes):
    """Bytes that a GPU sends to other machines of its share of what its machine has summed up."""
    return send(_share(message, local), machines)


def _share(message, local):
    return sharded_bytes(Fraction(1) * message, local)  # of an odd buffer need not be whole


def _sending(card, gpus, reached, network):
    """Seconds in which a GPU sends what stage 3 sends in a step."""
    weights = gradients = Fraction(stored_bytes(SENT, 2))  # as if all could be shared evenly
    return transfer_seconds(zero_3_traffic_bytes(weights, gradients, gpus), network / 8)


def _hidden(factor, card, gpus, reached, network):
    """Tokens of a GPU for which it computes as long as it sends; `factor` may depend on GPUs and share of the peak."""
    factor = factor(gpus, Fraction(str(reached))) if callable(factor) else factor
    seconds = _sending(card, gpus, reached, network)
    return factor * seconds / seconds_for(training_flops(SENT, 1), gpu(card).peak(), reached)


IN_STEP_ONE = "After the first step, how much of the sum is a GPU in charge of?"

QUESTIONS = {
    "bytes_between_machines": Formula(
        right=lambda message_bytes, gpus_per_machine, machines: _between(message_bytes, gpus_per_machine, machines),
        between={"gpus_per_machine": range(2, 17), "machines": range(2, 65)},
        unit="B",
        hint="What does a GPU hold after the first step? And how many GPUs are in the ring that it then belongs to?",
        mistakes=(
            Mistake(
                "the whole buffer in the ring between machines",
                lambda message, local, machines: _between(message, 1, machines),
                IN_STEP_ONE,
            ),
            Mistake(
                "one pass only, where a sum has to be made and then handed out",
                partial(_between, send=all_gather_bytes),
                "An all-reduce is made of two operations.",
            ),
            Mistake(
                "one pass of the whole buffer",
                lambda message, local, machines: _between(message, 1, machines, all_gather_bytes),
                f"An all-reduce is made of two operations. And: {IN_STEP_ONE.lower()}",
            ),
            Mistake(
                "one ring through all GPUs, or the traffic inside the machine counted as well",
                lambda message, local, machines: _between(message, 1, local * machines),
                "All three steps together send as much as one ring through all GPUs. Only the second one is asked for.",
            ),
            Mistake(
                "one ring through all GPUs, for a share of the buffer",
                lambda message, local, machines: _between(message, local, local * machines),
                "One GPU of each machine is in charge of the same share. How many are in its ring?",
            ),
            Mistake(
                "machines and GPUs of a machine exchanged",
                lambda message, local, machines: _between(message, machines, local),
                "Inside a machine the buffer is cut first. How many shares are that, and how many GPUs have the same?",
            ),
            Mistake(
                "a share that is cut once more, among all GPUs",
                lambda message, local, machines: _between(message, local * machines, machines),
                "Each ring sums up whole shares of the first step. How large is one?",
            ),
            Mistake(
                "what a GPU ends with sent as well",
                lambda message, local, machines: 2 * _share(message, local),
                "With two machines, what does a GPU send to its partner, in each of the two passes?",
            ),
            Mistake(
                "as many turns as there are machines, each with the whole share",
                lambda message, local, machines: machines * _between(message, local, machines),
                "In each turn of a ring a GPU sends a part of its buffer, not all of it.",
            ),
            Mistake(
                "the traffic inside the machine",
                lambda message, local, machines: _between(message, 1, local),
                "That is the first and the last step. The question asks for the one in the middle.",
            ),
            Mistake(
                "one pass inside the machine",
                lambda message, local, machines: _between(message, 1, local, all_gather_bytes),
                "That is the first step, or the last. The question asks for the one in the middle.",
            ),
            Mistake(
                "the bytes of all GPUs",
                lambda message, local, machines: local * machines * _between(message, local, machines),
                "That is what the whole cluster sends. What does one GPU send?",
            ),
        ),
    ),
    "tokens_that_hide": Number(
        values={
            "hide_card": Own("which GPU", CARDS),
            "gpus": Own("how many, each in a machine of its own", GPUS),
            "reached": Own("share of the peak that they reach", REACHED),
            "network": Own("bits a second that each of them sends", NETWORKS),
        },
        right=partial(_hidden, 1),
        unit="tokens",
        hint="Seconds for sending: which bytes travel in stage 3, how often, over which link? Seconds for computing, "
        "with an unknown number of tokens. Set them equal. Perhaps more than one thing is off.",
        mistakes=(
            Mistake("the seconds of sending", _sending, "In how many tokens does a GPU compute as long?"),
            *slips(
                (
                    ("bits taken for bytes", Fraction(1, 8), "In what does the network count, and in what did you?"),
                    (
                        "the network counted in bytes, and what it carries in bits",
                        8,
                        "In what does the network count, and in what did you?",
                    ),
                    (
                        "two transfers of all the weights' bytes (as in the other stages)",
                        Fraction(2, 3),
                        "Stage 3 drops the weights after the forward pass. What does the way back ask for?",
                    ),
                    ("one transfer only", Fraction(1, 3), "Weights travel, and gradients do."),
                    (
                        "an all-reduce of the gradients on top of two gathers",
                        Fraction(4, 3),
                        "Each GPU needs the summed gradients of its own share only.",
                    ),
                    (
                        "everything sent in full, nothing kept",
                        lambda gpus, reached: Fraction(gpus, gpus - 1),
                        "A GPU need not send the share that it ends with.",
                    ),
                    (
                        "the tokens of all GPUs, or all weights sent to each of them",
                        lambda gpus, reached: gpus,
                        "The question asks for the tokens of one GPU. And in a ring it speaks to one neighbour only.",
                    ),
                    (
                        "its own share sent, once in each operation",
                        lambda gpus, reached: Fraction(1, gpus - 1),
                        "What the others need passes through each GPU as well. How many turns has a ring?",
                    ),
                    (
                        "the utilization twice",
                        lambda gpus, reached: reached,
                        "The share of the peak counts once.",
                    ),
                    ("the forward pass alone", 3, "Training goes back as well, with two products for each forward."),
                    ("the backward pass alone", Fraction(6, 4), "Before training can go back, it goes forward."),
                    ("a second forward pass (recomputation)", Fraction(6, 8), "Nothing is recomputed here."),
                    (
                        "a single operation for each parameter and token",
                        6,
                        "A weight takes part in several operations.",
                    ),
                    (
                        "the utilization forgotten",
                        lambda gpus, reached: 1 / reached,
                        "Which rate does the GPU reach? The peak is not what a program reaches.",
                    ),
                    ("numbers of 4 bytes", 2, "How large is a weight, and how large is a gradient?"),
                    ("values taken for bytes", Fraction(1, 2), "How many bytes does a weight take?"),
                ),
                _hidden,
            ),
        ),
    ),
}

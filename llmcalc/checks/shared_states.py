"""Questions about states that GPUs share, and what they send for it: right answers, and the mistakes people make."""

from fractions import Fraction
from functools import partial
from math import ceil, floor

from llmcalc.checks.engine import Choice, Formula, Mistake, Number
from llmcalc.checks.training import slips
from llmcalc.collectives import all_gather_bytes, all_reduce_bytes, transfer_seconds
from llmcalc.communication import zero_3_traffic_bytes
from llmcalc.compute import seconds_for, training_flops
from llmcalc.hardware import gpu
from llmcalc.memory import stored_bytes
from llmcalc.models import model
from llmcalc.sharding import sharded_bytes, zero_0_bytes, zero_1_bytes, zero_2_bytes, zero_3_bytes
from llmcalc.units import GB, GIB

TRAINED, ROOM = model("llama-2-13b").parameters.total, 30 * GB
"""Parameters of the model that the smallest cluster is asked for, and what a card keeps free for its states."""
SENT, GPUS, REACHED = model("llama-2-7b").parameters.total, 16, 0.40
PEAK, NETWORK_BITS = gpu("h100-sxm").peak(), 400 * 10**9
"""The model of the question about the network, its GPUs, their share of the peak, and the network's bits a second."""


def _between(message, local, machines, send=all_reduce_bytes):
    """Bytes that a GPU sends to other machines of its share of what its machine has summed up."""
    return send(_share(message, local), machines)


def _share(message, local):
    return sharded_bytes(Fraction(1) * message, local)  # of an odd buffer need not be whole


def _stage_two(parameters, gpus, weights=2, gradients=4, optimizer=12, stage=zero_2_bytes):
    """Bytes on each GPU; those of the question, if nothing is said."""
    amounts = [Fraction(1) * parameters * each for each in (weights, gradients, optimizer)]
    return stage(*amounts) if stage is zero_0_bytes else stage(*amounts, gpus)


def _wrong_stage_two(name, hint, **how):
    return Mistake(name, lambda *values: _stage_two(*values, **how), hint)


def _fewest(shared=2 + 12, whole=2, room=ROOM, rounded=ceil):
    """GPUs until so many bytes for each parameter fit, some of them shared and some whole on every GPU."""
    taken = stored_bytes(TRAINED, whole) if whole else 0
    return rounded(Fraction(stored_bytes(TRAINED, shared), room - taken))


def _hidden(factor=1):
    """Tokens of a GPU for which it computes as long as it sends."""
    weights = gradients = stored_bytes(SENT, 2)
    sending = transfer_seconds(zero_3_traffic_bytes(weights, gradients, GPUS), NETWORK_BITS / 8)
    return factor * sending / seconds_for(training_flops(SENT, 1), PEAK, REACHED)


STAYS = "Write down three terms: weights, gradients, optimizer. Which of them does this stage leave whole?"
FITS = "Put your number back: what does each GPU hold then?"
IN_STEP_ONE = "After the first step, how much of the sum is a GPU in charge of?"

QUESTIONS = {
    "eight_times_the_gpus": Choice(
        right="c",
        because="A share is an eighth of what it was, and weights are whole on every GPU. Each GPU sends 2(n - 1)/n "
        "times the bytes of the weights: 1.75 times with 8 GPUs, 1.96875 times with 64, which is an eighth more.",
        replies={
            "a": "Stage 1 cuts only one of the three kinds of states. Which one?",
            "b": "The first two are right. Put 8 and then 64 into the formula of a ring: does it grow so fast?",
            "d": "That is plain data parallelism, which cuts nothing.",
            "e": "The first two are right. But a GPU does not only send its own share: what the others need passes "
            "through it as well. Put 8 and then 64 into the formula of a ring.",
        },
    ),
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
                "the bytes of all GPUs",
                lambda message, local, machines: local * machines * _between(message, local, machines),
                "That is what the whole cluster sends. What does one GPU send?",
            ),
        ),
    ),
    "bytes_under_stage_two": Formula(
        right=lambda parameters, gpus: _stage_two(parameters, gpus),
        between={"gpus": range(2, 129)},
        unit="B",
        hint=STAYS,
        mistakes=(
            _wrong_stage_two("nothing shared", "What does this stage cut into shares?", stage=zero_0_bytes),
            _wrong_stage_two("stage 1", "Stage 2 cuts one kind of states more than that.", stage=zero_1_bytes),
            _wrong_stage_two("stage 3", "Stage 2 cuts one kind of states less than that.", stage=zero_3_bytes),
            _wrong_stage_two("gradients in 16 bits", "In which format does this recipe keep gradients?", gradients=2),
            Mistake(
                "the weights forgotten",
                lambda parameters, gpus: _stage_two(parameters, gpus) - stored_bytes(parameters, 2),
                STAYS,
            ),
            _wrong_stage_two("the optimizer's part forgotten", STAYS, optimizer=0),
            _wrong_stage_two(
                "four bytes missing: the gradient, the master copy, or one of the two moments",
                "Write down a number behind each: weight, gradient, master copy, two moments.",
                optimizer=8,
            ),
            _wrong_stage_two("both moments missing", "What does Adam keep?", optimizer=4),
            Mistake(
                "gradients shared, and the optimizer's part whole",
                lambda parameters, gpus: _stage_two(parameters, gpus, gradients=12, optimizer=4, stage=zero_1_bytes),
                "Stage 2 does what stage 1 does, and more.",
            ),
            Mistake(
                "the bytes of all GPUs together",
                lambda parameters, gpus: gpus * _stage_two(parameters, gpus),
                "What does one of them hold?",
            ),
            Mistake(
                "the bytes of one parameter",
                lambda parameters, gpus: _stage_two(1, gpus) + 0 * parameters,
                "That is for one parameter. How many are there?",
            ),
        ),
    ),
    "gpus_for_stage_two": Number(
        right=_fewest,
        unit="GPUs",
        tolerance=0,
        whole="Do the states fit with the whole number below it, or with the one above?",
        rounds_up=True,
        hint="How many bytes of each GPU do the weights take, however many GPUs there are? What is left for shares?",
        mistakes=(
            Mistake("rounding down", partial(_fewest, rounded=floor), FITS),
            Mistake(
                "the weights cut as well (stage 3), or forgotten",
                lambda: _fewest(2 + 2 + 12, whole=0),
                "Stage 2 leaves them whole on every GPU.",
            ),
            Mistake(
                "the reserve forgotten",
                partial(_fewest, room=40 * GB),
                "How much of a card is left for states?",
            ),
            Mistake(
                "GiB in place of GB",
                partial(_fewest, room=30 * GIB),
                "A GB is a power of ten.",
            ),
            Mistake(
                "the weights counted among the shares as well, or gradients in fp32",
                partial(_fewest, 2 + 2 + 12),
                "What of the 16 bytes is cut into shares?",
            ),
            Mistake("the gradients forgotten", partial(_fewest, 12), "What of the 16 bytes is cut into shares?"),
            Mistake(
                "the master copy forgotten, or one of the moments",
                partial(_fewest, 2 + 8),
                "What of the 16 bytes is cut into shares?",
            ),
            Mistake(
                "all states whole, and whole cards bought until they hold them once",
                lambda: _fewest(2 + 2 + 12, whole=0, room=40 * GB),
                "Every GPU has all the weights, and a reserve.",
            ),
        ),
    ),
    "tokens_that_hide": Number(
        right=_hidden,
        unit="tokens",
        hint="Seconds for sending: which bytes travel in stage 3, how often, over which link? Seconds for computing, "
        "with an unknown number of tokens. Set them equal. Perhaps more than one thing is off.",
        mistakes=slips(
            (
                ("bits taken for bytes", Fraction(1, 8), "In what does the network count, and in what did you?"),
                (
                    "bits divided by eight twice, or bytes of the weights counted in bits",
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
                    Fraction(GPUS, GPUS - 1),
                    "A GPU need not send the share that it ends with.",
                ),
                ("everything sent to every other GPU", GPUS, "In a ring each GPU speaks to one neighbour."),
                ("the forward pass alone", 3, "Training goes back as well, with two products for each forward."),
                ("the backward pass alone", Fraction(6, 4), "Before training can go back, it goes forward."),
                ("a second forward pass (recomputation)", Fraction(6, 8), "Nothing is recomputed here."),
                ("a single operation for each parameter and token", 6, "A weight takes part in several operations."),
                (
                    "the utilization forgotten",
                    1 / Fraction("0.40"),
                    "Which rate does the GPU reach? The peak is not what a program reaches.",
                ),
                ("numbers of 4 bytes", 2, "How large is a weight, and how large is a gradient?"),
                ("values taken for bytes", Fraction(1, 2), "How many bytes does a weight take?"),
            ),
            _hidden,
        ),
    ),
}

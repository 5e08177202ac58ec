"""A recap of what a training takes: the memory for a batch, the operations of a token, and the rate of a device."""

from fractions import Fraction

from llmcalc.checks.engine import Choice, Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.checks.training import slips
from llmcalc.compute import training_tokens_per_second
from llmcalc.hardware import gpu
from llmcalc.memory import training_state_bytes
from llmcalc.mlp import dense_activation_bytes
from llmcalc.units import DAY, GB, GIB, HOUR

CARD = gpu("h100-sxm")
SIZES = tuple(billions * 10**9 for billions in (8, 2, 3, 5, 13, 30))
REACHED = (0.4, 0.3, 0.35, 0.45)
MEMORY = 24 * GB
KEPT = 300_000
"""Numbers that a network keeps for an example."""
NETWORKS = tuple(millions * 10**6 for millions in (500, 250, 350, 650))
CLAIMED = (2000, 2600, 2800, 3000)
"""Batches that a report calls the largest; none of them is."""

PACE_SLIPS = (
    ("the backward pass forgotten", 3, "Training goes back as well, with two products for each forward."),
    ("the forward pass forgotten", Fraction(3, 2), "Before training can go back, it goes forward."),
    (
        "twice the peak or half the work (the sparse peak, or additions forgotten)",
        2,
        "Are two of every four weights zero here? And how many operations are a multiplication and an addition?",
    ),
    (
        "six times the tokens (a single operation for each parameter, or the sparse peak and the forward pass alone)",
        6,
        "What does a weight do with a token, forward and backward? And which of the peaks applies?",
    ),
    ("a second forward pass (recomputation)", Fraction(6, 8), "Nothing is computed twice here."),
    ("the tokens of an hour", HOUR, "A rate in FLOP/s counts by the second."),
    ("the tokens of a day", DAY, "A rate in FLOP/s counts by the second."),
)


def _pace(size, reached):
    return training_tokens_per_second(size, CARD.peak(), reached)


def _free(parameters, claimed, numbers=4, bytes_per_value=4, examples=1, memory=MEMORY):
    """Share of the memory that stays free; somebody counts `numbers` of four, `examples` batches."""
    states = numbers * training_state_bytes(parameters, 2, bytes_per_value) / 4
    return 1 - (states + examples * dense_activation_bytes(KEPT, claimed, bytes_per_value)) / memory


FREE_SLIPS = (
    (
        "weights alone for each parameter (or four numbers of one byte)",
        {"numbers": 1},
        "What else does training keep for each parameter? And how long is a number in fp32?",
    ),
    (
        "two numbers for each parameter: no optimizer",
        {"numbers": 2},
        "AdamW remembers something about each parameter.",
    ),
    (
        "three numbers for each parameter",
        {"numbers": 3},
        "A weight, what the backward pass finds for it, and what AdamW remembers. How much does AdamW remember?",
    ),
    ("no activations (or those of a single example)", {"examples": 0}, "The batch takes memory as well, all of it."),
    ("two bytes for each number", {"bytes_per_value": 2}, "How many bytes does a number in fp32 take?"),
    ("one byte for each number that is kept", {"examples": 1 / 4}, "The examples are kept in fp32 as well."),
    ("two bytes for each number that is kept", {"examples": 1 / 2}, "The examples are kept in fp32 as well."),
    ("nothing kept for the parameters", {"numbers": 0}, "Beside the batch, what does training keep all the time?"),
    (
        "four numbers for each one that is kept",
        {"examples": 4},
        "Gradient and averages belong to the parameters, not to what the examples keep.",
    ),
    (
        "two numbers for each one that is kept",
        {"examples": 2},
        "Does the way back keep anything else of an example until the end?",
    ),
    ("GiB in place of GB", {"memory": 24 * GIB}, "The memory is given in GB."),
)

QUESTIONS = {
    "batch_in_twice_the_memory": Choice(
        right="c",
        because="Weights, gradients and optimizer take no more than before, so all that is new is for examples: three "
        "halves of the old memory in place of one.",
        replies={
            "a": "What would fill the new memory then?",
            "b": "That would be so if all of the memory were for examples. What else is in there, and does it grow?",
            "d": "Nothing grows with the square here. Count in halves of the old memory: how many are there, and who "
            "takes them?",
        },
    ),
    "tokens_each_second": Number(
        values={
            "size": Own("parameters of the model", SIZES),
            "reached": Own("share of the peak that the training reaches", REACHED),
        },
        right=_pace,
        unit="tokens/s",
        hint="How many FLOP does the card really do in a second, and how many does one token take in training?",
        mistakes=(
            *slips(PACE_SLIPS, lambda factor, *job: factor * _pace(*job)),
            Mistake(
                "the share that is reached forgotten",
                lambda size, reached: _pace(size, 1),
                "The peak is not what a program reaches.",
            ),
            Mistake(
                "the share that is reached on the wrong side",
                lambda size, reached: _pace(size, 1) / reached,
                "A program that reaches less of the peak: is it faster?",
            ),
            Mistake(
                "the peak of the ordinary units (fp32)",
                lambda size, reached: training_tokens_per_second(size, CARD.peak("fp32"), reached),
                "The training uses the matrix units, in bf16.",
            ),
            Mistake(
                "the fraction upside down: the seconds of a token",
                lambda *job: 1 / _pace(*job),
                "How many such times are there in a second?",
            ),
        ),
    ),
    "sequences_twice_as_long": Choice(
        right="b",
        because="Each token is compared with twice as many others, and there are as many tokens as before. The rule "
        "knows no length of a sequence: as sequences grow, it counts too little.",
        replies={
            "a": "A weight meets each token once, whatever stands around it. Do the weights see the length?",
            "c": "That is what happens to one sequence. How many sequences are there now in the same text?",
            "d": "The rule has no length in it. Is there any work that is not in the rule?",
        },
    ),
    "free_beside_the_batch": Number(
        values={
            "parameters": Own("parameters of the network", NETWORKS),
            "claimed": Own("examples in the batch that is called the largest", CLAIMED),
        },
        right=_free,
        unit="of the memory",
        hint="Add up what the training keeps for the parameters and what it keeps for the examples. What is left?",
        mistakes=(
            *slips(FREE_SLIPS, lambda other, *report: _free(*report, **other)),
            Mistake("the share that is taken", lambda *report: 1 - _free(*report), "And how much stays free?"),
            Mistake(
                "what is free over what is taken",
                lambda *report: _free(*report) / (1 - _free(*report)),
                "A share is a part of the whole memory.",
            ),
            Mistake("bytes in place of a share", lambda *report: MEMORY * _free(*report), "Which part of all is that?"),
            Mistake(
                "GB in place of a share", lambda *report: MEMORY * _free(*report) / GB, "Which part of all is that?"
            ),
            Mistake(
                "a percentage in place of a share",
                lambda *report: _free(*report) * 10**2,
                "Give the share itself, where the whole memory is one.",
            ),
        ),
    ),
}

"""A recap of many GPUs: what each of them holds, what it sends, how long that takes, and what fits on all together."""

from fractions import Fraction

from llmcalc.checks.engine import Choice, Formula, Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.checks.training import slips
from llmcalc.collectives import all_reduce_bytes, reduce_scatter_bytes, transfer_seconds
from llmcalc.communication import zero_3_traffic_bytes
from llmcalc.memory import stored_bytes
from llmcalc.planning import MARGIN
from llmcalc.sharding import zero_0_bytes, zero_1_bytes, zero_2_bytes, zero_3_bytes
from llmcalc.states import RECIPES
from llmcalc.units import GB, GIB

MIXED = RECIPES["mixed"]
STATES = (MIXED.weights, MIXED.gradients, MIXED.master_weights + MIXED.moments)
CUT = (*STATES[:2], 0)
"""Bytes of a parameter that stage 3 shares and stage 1 does not."""
SIZES = tuple(billions * 10**9 for billions in (4, 2, 3, 5, 6))
"""With plain data parallelism each GPU holds all states: these are 96 GB at most."""
SENDERS = (16, 32, 12, 24)
GIGABITS = (400, 200, 800, 100)
MEMORIES = (80, 24, 40, 141, 94, 192)
CARDS = (8, 4, 16)


def _sum_seconds(parameters, gpus, gigabits, bytes_per_gradient=2, bits=8, sent=all_reduce_bytes):
    """Seconds to add up the gradients; `bits` are those that somebody takes for a byte."""
    message = float(stored_bytes(parameters, bytes_per_gradient))  # whole numbers would have to share out evenly
    return transfer_seconds(sent(message, gpus), gigabits * 10**9 / bits)


def _held(parameters, gpus, stage=zero_1_bytes, states=STATES):
    """Bytes of the states on each GPU."""
    amounts = [Fraction(1) * parameters * each for each in states]
    return stage(*amounts) if stage is zero_0_bytes else stage(*amounts, gpus)


def _saved(parameters, gpus, before=zero_1_bytes, after=zero_3_bytes, states=STATES):
    return _held(parameters, gpus, before, states) - _held(parameters, gpus, after, states)


def _largest(memory, cards, stage=zero_3_bytes, margin=Fraction(1, MARGIN), states=STATES):
    """Billions of parameters whose states fit with their margin: as many as GB over the bytes of one."""
    return float(memory / ((1 + margin) * _held(1, cards, stage, states)))


SENT_SLIPS = (
    (
        "half of what is sent (one half of the ring, or one byte for each gradient)",
        {"sent": reduce_scatter_bytes},
        "First everybody has a share of the sum. What is left to do? And how many bytes does each gradient have?",
    ),
    (
        "the gradients sent once, as to a neighbour",
        {"sent": lambda message, gpus: message},
        "Who adds up, and how does the sum come back to everybody?",
    ),
    (
        "two times the gradients in full",
        {"sent": lambda message, gpus: 2 * message},
        "Close. In a ring everybody has one part at home already: how many rounds are left?",
    ),
    (
        "one GPU that collects everything and sends it back",
        {"sent": lambda message, gpus: 2 * (gpus - 1) * message},
        "That is what a ring avoids: everybody's port works at the same time, on another part.",
    ),
    (
        "gradients that everybody sends to everybody",
        {"sent": lambda message, gpus: (gpus - 1) * message},
        "Can parts be added up on their way?",
    ),
    (
        "a single part of the gradients",
        {"sent": lambda message, gpus: message / gpus},
        "The parts of the others pass through each GPU as well.",
    ),
    (
        "a single part of the gradients, sent twice",
        {"sent": lambda message, gpus: 2 * message / gpus},
        "The parts of the others pass through each GPU as well.",
    ),
    ("bits taken for bytes", {"bits": 1}, "The network counts in bits, and the gradients?"),
    ("gradients in fp32", {"bytes_per_gradient": 4}, "How many bytes does each gradient have?"),
    (
        "the traffic of ZeRO stage 3",
        {"sent": lambda message, gpus: zero_3_traffic_bytes(message, message, gpus)},
        "Here everybody has the weights already.",
    ),
)

SAVED_SLIPS = (
    (
        "everything whole before (stage 0)",
        {"before": zero_0_bytes},
        "Stage 1 has cut one kind of states already. Which one?",
    ),
    ("stage 0 to stage 1", {"before": zero_0_bytes, "after": zero_1_bytes}, "That is the step before this one."),
    ("stage 0 to stage 2", {"before": zero_0_bytes, "after": zero_2_bytes}, "Which kinds of states does stage 1 cut?"),
    (
        "half of it (weights alone, or gradients alone)",
        {"after": zero_2_bytes},
        "Two kinds of states are whole in stage 1. Does stage 3 leave one of them whole?",
    ),
    (
        "six bytes in place of those that are cut (fp32 gradients, or what stage 3 sends)",
        {"states": (2, 4, 12)},
        "The question asks for bytes that are held, with gradients in 16 bits.",
    ),
    ("weights and gradients in fp32", {"states": (4, 4, 12)}, "In mixed precision, which of the states have 16 bits?"),
)

PARAMETER_SLIPS = (
    ("two bytes for each parameter: the weights alone", 2, "Training keeps more of each parameter than its weight."),
    ("four bytes for each parameter", 4, "What does AdamW remember of each parameter, and in which format?"),
    ("eight bytes for each parameter", 8, "Write the terms of mixed precision in a row. Are some of them missing?"),
    ("twelve bytes for each parameter", 12, "Write the terms of mixed precision in a row. Is one of them missing?"),
    ("fourteen bytes for each parameter", 14, "Write the terms of mixed precision in a row. Is one of them missing?"),
    ("eighteen bytes for each parameter", 18, "In which format does this recipe keep the gradients?"),
    ("twenty bytes for each parameter", 20, "In which format does this recipe keep the gradients? In one, or in two?"),
)

QUESTIONS = {
    "tokens_when_faster": Choice(
        right="c",
        because="Cards that are twice as fast need twice the tokens, to compute as long as before. The size of the "
        "model has no say: twice the parameters send twice as much and compute twice as much.",
        replies={
            "a": "Faster cards are done sooner. Do they have more time to send then, or less?",
            "b": "The larger model makes up for the faster card as far as computing goes. But does it send as much as "
            "before?",
            "d": "You count the larger model against the sending only. What does it do to the computing for a token?",
        },
    ),
    "seconds_for_the_sum": Number(
        values={
            "parameters": Own("parameters of the model", SIZES),
            "gpus": Own("GPUs, each in a machine of its own", SENDERS),
            "gigabits": Own("Gbit/s that each of them can send", GIGABITS),
        },
        right=_sum_seconds,
        unit="s",
        hint="Three steps: the bytes of the gradients, the bytes that each GPU sends for a sum, and the rate in bytes.",
        mistakes=slips(SENT_SLIPS, lambda how, *values: _sum_seconds(*values, **how)),
    ),
    "bytes_saved_by_stage_three": Formula(
        right=lambda parameters, gpus: _saved(parameters, gpus),
        between={"gpus": range(2, 129)},
        unit="B",
        hint="Which states does stage 1 leave whole on each GPU? And what is left of these in stage 3?",
        mistakes=(
            *slips(SAVED_SLIPS, lambda how, *values: _saved(*values, **how)),
            Mistake(
                "nothing kept of what is cut",
                lambda parameters, gpus: _held(parameters, 1, states=CUT),
                "Each GPU still holds its own share.",
            ),
            Mistake(
                "the share that stays",
                lambda parameters, gpus: _held(parameters, gpus, zero_3_bytes, states=CUT),
                "That is still there. How much is gone?",
            ),
            Mistake(
                "what stage 3 holds",
                lambda parameters, gpus: _held(parameters, gpus, zero_3_bytes),
                "And how much was it before?",
            ),
            Mistake("what stage 1 holds", _held, "And how much is left of it?"),
            Mistake(
                "no share of the optimizer before, in stage 1",
                lambda parameters, gpus: _held(parameters, 1, states=CUT) - _held(parameters, gpus, zero_3_bytes),
                "In both stages each GPU holds the same share of the optimizer.",
            ),
            Mistake(
                "the difference the wrong way round",
                lambda parameters, gpus: -_saved(parameters, gpus),
                "How many bytes *less*: a number above zero.",
            ),
            Mistake(
                "all GPUs together",
                lambda parameters, gpus: gpus * _saved(parameters, gpus),
                "The question asks for one GPU.",
            ),
        ),
    ),
    "largest_on_cards": Number(
        values={
            "memory": Own("GB that a card has", MEMORIES),
            "cards": Own("cards that share the states", CARDS),
        },
        right=_largest,
        unit="billion parameters",
        hint="How many bytes does one parameter take on each card, and how many with the margin on top?",
        mistakes=(
            Mistake(
                "no margin",
                lambda memory, cards: _largest(memory, cards, margin=0),
                "That fills the cards to the last byte. What did lesson 10 call such a plan?",
            ),
            Mistake(
                "a fifth of the card as the margin",
                lambda memory, cards: _largest(memory * (1 - Fraction(1, MARGIN)), cards, margin=0),
                "Of what is the margin a share: of what there is, or of what is needed?",
            ),
            Mistake(
                "a margin that makes the cards larger",
                lambda memory, cards: _largest(memory * (1 + Fraction(1, MARGIN)), cards, margin=0),
                "With a margin, can the model become larger?",
            ),
            Mistake(
                "states that are whole on every card",
                lambda memory, cards: _largest(memory, cards, stage=zero_0_bytes),
                "Stage 3 shares all of them.",
            ),
            Mistake(
                "ZeRO stage 1",
                lambda memory, cards: _largest(memory, cards, stage=zero_1_bytes),
                "Stage 3 cuts weights and gradients as well.",
            ),
            Mistake(
                "ZeRO stage 2",
                lambda memory, cards: _largest(memory, cards, stage=zero_2_bytes),
                "Stage 3 cuts one kind of states more.",
            ),
            *slips(
                PARAMETER_SLIPS,
                lambda each, *values: _largest(*values) * MIXED.bytes_per_parameter / each,
            ),
            Mistake(
                "GiB in place of GB",
                lambda memory, cards: _largest(memory, cards) * GIB / GB,
                "The memory is given in GB.",
            ),
        ),
    ),
}

"""The question about plans and machines to train on by the hour: the right answer, and frequent mistakes."""

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import ceil

from llmcalc.checks.engine import Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.memory import stored_bytes
from llmcalc.quantization import bits_per_value
from llmcalc.states import state_bytes_per_parameter
from llmcalc.units import GB


@dataclass(frozen=True)
class Plan:
    """A way to train with AdamW: bytes for each parameter, and the format of its two moments."""

    name: str
    weights: int
    gradients: int
    master: int
    moment_bits: int
    block: int = 0  # values of a moment that share a scale of 32 bits; 0: there are no scales

    def __str__(self):
        scales = f"blocks of {self.block}" if self.block else "no blocks"
        sizes = f"weights {self.weights}, gradients {self.gradients}, master copy {self.master}"
        return f"{self.name:22} {sizes}; moments of {self.moment_bits:2} bits, {scales}"


@dataclass(frozen=True)
class Machine:
    """A machine that is rented as a whole: its cards, the memory of one, and the price of a card for an hour."""

    name: str
    cards: int
    memory: int  # bytes of one card
    price: float  # dollars for an hour of one card

    def __str__(self):
        return f"{self.name}: {self.cards:2} cards of {self.memory // GB:3} GB, {self.price:.2f} dollars each"


PLANS = (
    Plan("fp32", 4, 4, 0, 32),
    Plan("mixed", 2, 2, 4, 32),
    Plan("8-bit", 2, 2, 4, 8, block=128),
    Plan("8-bit, fp32 gradients", 2, 4, 4, 8, block=128),
    Plan("bf16 throughout", 2, 2, 0, 16),
)
TRAINED = (28 * 10**9, 25 * 10**9)
"""Parameters of the model."""
RESERVE = (12 * GB, 15 * GB)
"""What each card keeps free of states."""
PRICES = (
    (2.10, 4.30, 0.85, 0.40),
    (1.30, 2.45, 0.50, 0.23),
    (1.68, 3.44, 0.68, 0.32),
    (2.05, 4.30, 0.85, 0.38),
    (2.05, 4.40, 0.80, 0.32),
    (2.20, 5.10, 0.95, 0.36),
    (2.52, 5.16, 1.02, 0.48),
    (2.60, 4.60, 1.05, 0.38),
    (2.60, 4.90, 1.00, 0.46),
    (2.65, 5.70, 1.15, 0.50),
    (4.10, 8.80, 1.60, 0.64),
)
"""Dollars for an hour of one card of A, B, C and D."""


def machines_at(prices):
    """The kinds of machine that can be rented, for these four prices of a card in dollars an hour."""
    sizes = (("A", 8, 80), ("B", 4, 180), ("C", 10, 40), ("D", 4, 24))
    return tuple(Machine(*size[:2], size[2] * GB, price) for size, price in zip(sizes, prices, strict=True))


def has_fp32(plan):
    """Whether small updates have weights in fp32 to go to."""
    return 4 in (plan.weights, plan.master)


def _states(trained, plan, moments=2, scale_bits=32, a_byte=8):
    moment = bits_per_value(plan.moment_bits, plan.block, scale_bits) if plan.block else plan.moment_bits
    return stored_bytes(
        trained, state_bytes_per_parameter(plan.weights, plan.gradients, plan.master, moments, moment / a_byte)
    )


def _room(machine, reserve):
    return machine.cards * (machine.memory - reserve)


def _whole_machines(states, machine, reserve):
    return ceil(states / _room(machine, reserve)) * machine.cards


def _cards(states, machine, reserve):
    return ceil(states / (machine.memory - reserve))


def _rounded_down(states, machine, reserve):
    return states // _room(machine, reserve) * machine.cards


def _part_of_a_machine(states, machine, reserve):
    return states / _room(machine, reserve) * machine.cards


def _one_reserve(states, machine, reserve):
    return _whole_machines(states, machine, reserve / machine.cards)


def _cheapest(
    trained,
    reserve,
    prices,
    rented=_whole_machines,
    plans=has_fp32,
    price=lambda each: each.price,
    only="ABCD",
    **states,
):
    """Dollars for an hour of the cheapest pair of a plan and a kind of machine."""
    needs = [_states(trained, plan, **states) for plan in PLANS if plans(plan)]
    machines = [machine for machine in machines_at(prices) if machine.name in only]
    return min(rented(need, machine, reserve) * price(machine) for need in needs for machine in machines)


def _asks_for_all(trained, reserve, prices):
    """Whether the small cards win although their room is dearest, one machine C only just fails, and slips differ."""
    values = trained, reserve, prices
    room = {machine.name: machine.price / (machine.memory - reserve) for machine in machines_at(prices)}
    small = machines_at(prices)[2]
    found = sorted([_cheapest(*values), *(gives(*values) for _, gives, _ in SLIPS)])
    return (
        trained + reserve == 40 * GB
        and max(room, key=room.get) == "D"
        and _cheapest(*values) == _cheapest(*values, only="D")
        and _cheapest(*values, scale_bits=0) == small.cards * small.price
        and all(more > 1.003 * less for less, more in pairwise(found))
    )


ENOUGH = "One of them is enough. Do several of another kind cost less?"
SLIPS = (
    (
        "weights in 16 bits alone",
        partial(_cheapest, plans=lambda plan: True),
        "Which of the plans leaves nothing in fp32 for small updates to go to?",
    ),
    (
        "one machine of offer C",
        partial(_cheapest, scale_bits=0),
        "It only just fails to hold these states. Two moments, a scale for each block of each, and a GB has "
        "a billion bytes.",
    ),
    (
        "the reserve forgotten",
        lambda trained, reserve, prices: _cheapest(trained, 0, prices),
        "How much of a card is left for states?",
    ),
    ("one reserve for a whole machine", partial(_cheapest, rented=_one_reserve), "Every card keeps its own reserve."),
    ("single cards rented", partial(_cheapest, rented=_cards), "A machine is rented as a whole."),
    ("parts of a machine rented", partial(_cheapest, rented=_part_of_a_machine), "How many whole ones is that?"),
    (
        "one card of each machine paid",
        partial(_cheapest, price=lambda machine: machine.price / machine.cards),
        "Every card of a machine has its price.",
    ),
    ("machine A", partial(_cheapest, only="A"), ENOUGH),
    ("machine B", partial(_cheapest, only="B"), ENOUGH),
    ("machine C", partial(_cheapest, only="C"), "Two of them are half empty. Is another kind cheaper?"),
    (
        "gradients in fp32",
        partial(_cheapest, plans=lambda plan: plan.block and plan.gradients == 4),
        "Only the weights have to exist in fp32. Is there a plan that takes less?",
    ),
    (
        "16 bytes for each parameter",
        partial(_cheapest, plans=lambda plan: plan.name == "mixed"),
        "That is the usual recipe. Is there none that is allowed and takes less?",
    ),
    (
        "the size of the scales taken for bytes",
        partial(_cheapest, scale_bits=8 * 32),
        "The size of a scale is given in bits.",
    ),
)


QUESTIONS = {
    "cheapest_hour": Number(
        values={
            "trained": Own("parameters of the model", TRAINED),
            "reserve": Own("bytes that every card keeps free", RESERVE),
            "prices": Own("dollars for an hour of one card, of machines A, B, C and D", PRICES),
        },
        where=_asks_for_all,
        right=_cheapest,
        unit="dollars",
        tolerance=0.001,
        hint="For each plan that is allowed: all bytes of states. For each machine: the room on all of its cards. Then "
        "whole machines, then their price. Perhaps more than one thing is off.",
        mistakes=(
            *(Mistake(*slip) for slip in SLIPS),
            Mistake(
                "machines rounded down",
                partial(_cheapest, rented=_rounded_down),
                "What does not fit into the last full machine has to go somewhere as well.",
            ),
            Mistake(
                "the bits of the moments and their scales taken for bytes",
                partial(_cheapest, a_byte=1),
                "A plan has bytes for weights, gradients and master copy, and bits for moments.",
            ),
        ),
    ),
}

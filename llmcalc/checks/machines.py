"""The question about plans and machines to train on by the hour: the right answer, and frequent mistakes."""

from dataclasses import dataclass
from math import ceil, inf

from llmcalc.checks.engine import Mistake, Number
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
MACHINES = (
    Machine("A", 8, 80 * GB, 2.10),
    Machine("B", 4, 180 * GB, 4.30),
    Machine("C", 10, 40 * GB, 0.85),
    Machine("D", 4, 24 * GB, 0.40),
)
TRAINED, RESERVE = 28 * 10**9, 12 * GB
"""Parameters of the model, and what each card keeps free of states."""


def has_fp32(plan):
    """Whether small updates have weights in fp32 to go to."""
    return 4 in (plan.weights, plan.master)


def _states(plan, moments=2, scale_bits=32):
    moment = bits_per_value(plan.moment_bits, plan.block, scale_bits) if plan.block else plan.moment_bits
    return stored_bytes(
        TRAINED, state_bytes_per_parameter(plan.weights, plan.gradients, plan.master, moments, moment / 8)
    )


def _room(machine, reserve=RESERVE):
    return machine.cards * (machine.memory - reserve)


def _whole_machines(states, machine, room=_room):
    return ceil(states / room(machine)) * machine.cards


def _cards(states, machine):
    return ceil(states / (machine.memory - RESERVE))


def _part_of_a_machine(states, machine):
    return states / _room(machine) * machine.cards


def _cheapest(rented=_whole_machines, plans=has_fp32, price=lambda machine: machine.price, **states):
    """Dollars for an hour of the cheapest pair of a plan and a kind of machine."""
    needs = [_states(plan, **states) for plan in PLANS if plans(plan)]
    return min(rented(need, machine) * price(machine) for need in needs for machine in MACHINES)


def _without(reserve):
    """Machines for somebody who forgets the reserve, or all but one part of it."""
    return lambda states, machine: _whole_machines(
        states, machine, lambda machine: machine.cards * machine.memory - reserve
    )


def _price_of(name):
    """Dollars for somebody who takes machines of that kind."""
    return _cheapest(lambda states, machine: _whole_machines(states, machine) if machine.name == name else inf)


QUESTIONS = {
    "cheapest_hour": Number(
        right=_cheapest,
        unit="dollars",
        tolerance=0.001,
        hint="For each plan that is allowed: all bytes of states. For each machine: the room on all of its cards. Then "
        "whole machines, then their price. Perhaps more than one thing is off.",
        mistakes=(
            Mistake(
                "weights in 16 bits alone",
                lambda: _cheapest(plans=lambda plan: True),
                "Which of the plans leaves nothing in fp32 for small updates to go to?",
            ),
            Mistake(
                "one machine of offer C",
                lambda: _cheapest(scale_bits=0),
                "It only just fails to hold these states. Two moments, a scale for each block of each, and a GB has "
                "a billion bytes.",
            ),
            Mistake("the reserve forgotten", lambda: _cheapest(_without(0)), "How much of a card is left for states?"),
            Mistake(
                "one reserve for a whole machine",
                lambda: _cheapest(_without(RESERVE)),
                "Every card keeps its own reserve.",
            ),
            Mistake("single cards rented", lambda: _cheapest(_cards), "A machine is rented as a whole."),
            Mistake("parts of a machine rented", lambda: _cheapest(_part_of_a_machine), "How many whole ones is that?"),
            Mistake(
                "one card of each machine paid",
                lambda: _cheapest(price=lambda machine: machine.price / machine.cards),
                "Every card of a machine has its price.",
            ),
            Mistake(
                "machine A", lambda: _price_of("A"), "One of them is enough. Do several of another kind cost less?"
            ),
            Mistake(
                "machine B", lambda: _price_of("B"), "One of them is enough. Do several of another kind cost less?"
            ),
            Mistake("machine C", lambda: _price_of("C"), "Two of them are half empty. Is another kind cheaper?"),
            Mistake(
                "gradients in fp32",
                lambda: _cheapest(plans=lambda plan: plan.block and plan.gradients == 4),
                "Only the weights have to exist in fp32. Is there a plan that takes less?",
            ),
            Mistake(
                "16 bytes for each parameter",
                lambda: _cheapest(plans=lambda plan: plan.name == "mixed"),
                "That is the usual recipe. Is there none that is allowed and takes less?",
            ),
            Mistake(
                "the size of the scales taken for bytes",
                lambda: _cheapest(scale_bits=8 * 32),
                "The size of a scale is given in bits.",
            ),
        ),
    ),
}

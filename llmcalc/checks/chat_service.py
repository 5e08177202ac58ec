"""The question about the cheapest way to serve many conversations: the right answer, and frequent mistakes."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import inf

from llmcalc.checks.apart import apart
from llmcalc.checks.engine import Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.hardware import Accelerator, gpu
from llmcalc.inference import kv_cache_bytes, serving_flops
from llmcalc.memory import largest_batch, stored_bytes
from llmcalc.models import model
from llmcalc.units import GB, GIB

SERVED = model("mistral-nemo-12b")
LENGTHS = (1200, *range(1205, 1360, 5))
"""Tokens of a conversation."""
PACES = (20, 21)
"""Tokens that each must get in a second."""
USABLE, READS, COMPUTES = Fraction(9, 10), Fraction(7, 10), Fraction(1, 2)
"""Parts of the card's memory, of its bandwidth and of its peak that the service can count on."""


@dataclass(frozen=True)
class Offer:
    """A card to rent, and how the model is stored on it: bits of a weight (with scales) and of a cached value."""

    name: str
    card: Accelerator
    weight_bits: float
    cache_bits: int
    price: float  # dollars for an hour

    def __str__(self):
        how = f"weights {self.weight_bits:4} bits, cache {self.cache_bits:2} bits"
        return f"{self.name}: {self.card.name:13} {how}, {self.price:.2f} dollars an hour"


OFFERS = (
    Offer("A", gpu("l4"), 4.5, 8, 0.40),
    Offer("B", gpu("rtx-4090"), 4.5, 8, 0.70),
    Offer("C", gpu("l40s"), 8.5, 8, 0.95),
    Offer("D", gpu("l40s"), 4.5, 16, 0.95),
    Offer("E", gpu("a100-80gb"), 4.5, 8, 1.60),
    Offer("F", gpu("a100-80gb"), 16, 8, 1.60),
    Offer("G", gpu("h100-pcie"), 8.5, 8, 2.49),
    Offer("H", gpu("h200"), 16, 16, 3.40),
)
WINNER, CLEARLY, TOLERANCE = OFFERS[6], 1.02, 0.0002
"""The cheapest offer, how much dearer the next one is at least, and a tolerance that shows a part of a conversation."""


@cache
def limits(
    offer,
    length,
    pace,
    *,
    usable=USABLE,
    reads=READS,
    computes=COMPUTES,
    unit=GB,
    heads=None,
    shared=True,
    bits=None,
    sped_up=1,
    most=largest_batch,
):
    """Conversations that one card can hold, can read for in time, and can compute for in time.

    Without `shared`, for somebody who has the weights read once for each conversation; `bits` are those of a cached
    value, if the offer is not asked for them, and `sped_up` says how much faster somebody takes the memory to be.
    `most` says how many fit into a whole, beside a part of it.
    """
    card, parameters = offer.card, SERVED.parameters.total
    weights = stored_bytes(parameters, Fraction(offer.weight_bits) / 8)
    value = Fraction(bits or offer.cache_bits, 8)
    each = kv_cache_bytes(SERVED.layers, heads or SERVED.kv_heads, SERVED.head_dim, length, 1, value)
    hold = most(usable * card.memory_gb * unit, weights, each)
    once, often = (weights, each) if shared else (0, weights + each)
    read = most(reads * sped_up * card.memory_bytes_per_second / pace, once, often)
    compute = most(computes * card.peak() / pace, 0, serving_flops(parameters, 1))
    return hold, read, compute


def _bill(offer, length, pace, counted=(0, 1, 2), whole=int, **how):
    """Dollars an hour for a thousand conversations, on cards that are as full as they can be."""
    people = whole(min(limits(offer, length, pace, **how)[limit] for limit in counted))
    return 1000 * offer.price / people if people else inf


def _cheapest(length, pace, **how):
    return min(_bill(offer, length, pace, **how) for offer in OFFERS)


def _bill_of(name):
    return lambda *job: next(_bill(offer, *job) for offer in OFFERS if offer.name == name)


def _with_a_part(whole, part, each):
    """How many fit into a whole, beside a part of it, for somebody who does not round."""
    return (whole - part) / each


CHEAPER = "So much do they cost there, by all three limits. Is there no cheaper offer?"

SERVICE_SLIPS = (
    Mistake(
        "memory as the only limit (or the pace forgotten)",
        lambda *job: _cheapest(*job, counted=(0,)),
        "Does everybody get tokens in time?",
    ),
    Mistake(
        "compute forgotten (or counted on at the full peak)",
        lambda *job: _cheapest(*job, counted=(0, 1)),
        "A large batch reads the weights once. What does it not do once, and how fast?",
    ),
    Mistake(
        "the time to read forgotten (or a part of what is read, or the full bandwidth)",
        lambda *job: _cheapest(*job, counted=(0, 2)),
        "Before a card computes with numbers, it has to read them: which ones, and how fast?",
    ),
    Mistake(
        "memory forgotten (or the weights in it, or the part that stays free)",
        lambda *job: _cheapest(*job, counted=(1, 2)),
        "Three things share the memory of a card. Which ones?",
    ),
    Mistake("the cards' GB taken for GiB", lambda *job: _cheapest(*job, unit=GIB), "A GB is a power of ten."),
    Mistake(
        "the bandwidth's GB taken for GiB",
        lambda *job: _cheapest(*job, sped_up=Fraction(GIB, GB)),
        "A GB is a power of ten.",
    ),
    Mistake(
        "the full peak, or that of sparse matrices (or one operation for each weight)",
        lambda *job: _cheapest(*job, computes=1),
        "How much of its dense peak can a card be counted on to reach? And what does a weight do with a value?",
    ),
    Mistake(
        "keys or values forgotten", lambda *job: _cheapest(*job, heads=SERVED.kv_heads / 2), "What does a head keep?"
    ),
    Mistake(
        "a cache of one token, or of one layer",
        lambda length, pace: _cheapest(1, pace),
        "What does a conversation keep, and of which tokens?",
    ),
    Mistake(
        "a byte for each cached value, whatever the offer says",
        lambda *job: _cheapest(*job, bits=8),
        "The offers say how many bits a cached value has.",
    ),
    Mistake(
        "a key for every query head",
        lambda *job: _cheapest(*job, heads=SERVED.heads),
        "How many heads have a key of their own?",
    ),
    Mistake(
        "the weights read for each conversation",
        lambda *job: _cheapest(*job, shared=False),
        "A weight that was read meets the tokens of all conversations.",
    ),
    Mistake(
        "three operations for each parameter (or six, on a card at its full peak)",
        lambda *job: _cheapest(*job, computes=COMPUTES * 2 / 3),
        "Nothing goes back here. How many operations has a forward pass for each parameter?",
    ),
    Mistake(
        "six operations for each parameter, as in training",
        lambda *job: _cheapest(*job, computes=COMPUTES / 3),
        "Nothing goes back here.",
    ),
    Mistake(
        "the bits of a cached value taken for bytes",
        lambda *job: _cheapest(*job, heads=8 * SERVED.kv_heads),
        "How many bytes are 8 bits?",
    ),
    Mistake(
        "one conversation more than fits: rounded up",
        lambda *job: _cheapest(*job, whole=lambda most: int(most) + 1),
        "Only whole conversations can be served. Is there room for one more?",
    ),
    Mistake(
        "conversations that are not rounded",
        lambda *job: _cheapest(*job, most=_with_a_part, whole=float),
        "Only whole conversations can be served. How many is that?",
    ),
    Mistake("cents in place of dollars", lambda *job: 100 * _cheapest(*job), "In which unit is the price of a card?"),
    Mistake("the price of one conversation", lambda *job: _cheapest(*job) / 1000, "For how many conversations?"),
    Mistake(
        "conversations on a card of the cheapest offer",
        lambda *job: 1000 * WINNER.price / _cheapest(*job),
        "So many share a card. What do a thousand of them cost?",
    ),
    Mistake("offer A", _bill_of("A"), CHEAPER),
    Mistake("offer B", _bill_of("B"), CHEAPER),
    Mistake("offer C", _bill_of("C"), CHEAPER),
    Mistake("offer D", _bill_of("D"), CHEAPER),
    Mistake(
        "one of the offers E and F (or 16 bits for each weight, or for each cached value, everywhere)",
        _bill_of("E"),
        f"{CHEAPER} And do you use the bits of each offer?",
    ),
    Mistake("offer H", _bill_of("H"), CHEAPER),
    Mistake("one card of the cheapest offer", lambda *job: WINNER.price, "How many conversations share it?"),
    Mistake("the card with the lowest price", lambda *job: OFFERS[0].price, "How many conversations share it?"),
)


def _keeps_its_point(*job):
    """Whether one offer is clearly the cheapest, computing alone binds where E and F differ, and every slip shows."""
    bills = sorted(OFFERS, key=lambda offer: _bill(offer, *job))
    clear = bills[0] is WINNER and _bill(bills[1], *job) > CLEARLY * _bill(WINNER, *job)
    return clear and _bill_of("E")(*job) == _bill_of("F")(*job) and _told(*job) and _named(*job)


_told = apart(_cheapest, SERVICE_SLIPS, TOLERANCE, of_each_other=False)
_named = apart(_cheapest, SERVICE_SLIPS[:1] + SERVICE_SLIPS[2:], TOLERANCE)  # the second says that it may be another

QUESTIONS = {
    "cheapest_conversations": Number(
        values={
            "length": Own("tokens of a conversation", LENGTHS),
            "pace": Own("tokens that every person gets in a second", PACES),
        },
        where=_keeps_its_point,
        right=_cheapest,
        unit="dollars",
        tolerance=TOLERANCE,
        hint="Three limits for one card: what fits, what can be read in time, what can be computed in time. Then the "
        "price, shared by so many. Perhaps more than one thing is off.",
        mistakes=SERVICE_SLIPS,
    ),
}

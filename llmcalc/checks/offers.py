"""The question that is answered with a plan: which offer trains a model in time, and costs least."""

from dataclasses import dataclass
from functools import cache
from itertools import product

from llmcalc.checks.answers import Wrong, called, expect_function, shortened
from llmcalc.checks.questions import Question
from llmcalc.planning import plan
from llmcalc.units import HOUR, readable


@dataclass(frozen=True)
class Offer:
    """Cards that somebody offers: the name in the planner, the numbers they come in, dollars for a GPU-hour."""

    gpu: str
    counts: tuple[int, ...]
    price: float

    def __str__(self):
        counts = " or ".join(map(str, self.counts))
        cards = "card" if self.counts == (1,) else "cards"
        return f"{self.gpu:10} {counts:>7} {cards}, {self.price:.2f} dollars for a GPU-hour"


OFFERS = (
    Offer("rtx-4090", (8, 16), 0.27),
    Offer("l40s", (4, 8), 0.60),
    Offer("h100-sxm", (2, 4), 2.90),
    Offer("mi300x", (1,), 2.80),
)
JOB = {"model": "llama-3-8b", "job": "fine-tuning", "batch": 64, "sequence": 4096, "tokens": 300 * 10**6}
CHOICES = {
    "gpu": tuple(offer.gpu for offer in OFFERS),
    "gpus": tuple(sorted({count for offer in OFFERS for count in offer.counts})),
    "zero": (0, 1, 2, 3),
    "recompute": ("none", "full"),
    "micro_batch": (1, 2),
}
"""What an answer may choose, and from what."""
WAYS = tuple(
    (offer.price, dict(zip(CHOICES, (offer.gpu, *rest), strict=True)))
    for offer in OFFERS
    for rest in product(offer.counts, *list(CHOICES.values())[2:])
)
"""Every answer there is, and the price of its GPU-hour."""
IN_TIME, TWICE = 8, 4 / 3
"""Hours that even a slow run may take; and how much longer it takes where every layer is computed twice."""

DEARER = "The cards and recomputation decide on the money. For each offer: what would it cost with and without?"


def slowed(planned):
    """How many times the planner's time a plan takes in this question."""
    return TWICE if planned.choices["recompute"] == "full" else 1


def hours(planned):
    """Hours on the clock of a slow run."""
    return planned.seconds.high * slowed(planned) / HOUR


def bill(planned):
    """Dollars for a middling run."""
    price = next(offer.price for offer in OFFERS if offer.gpu == planned.gpu.name)
    return planned.cost(price).middle * slowed(planned)


@cache
def fitting():
    """Every plan that fits, in time or not."""
    return [each for each in (plan(**JOB, **way) for _, way in WAYS) if each.fits]


def best():
    """The cheapest plan of all that fit and are in time."""
    return min((each for each in fitting() if hours(each) <= IN_TIME), key=bill)


def best_of_each():
    """The cheapest plan that fits of each offer, in time or not."""
    return [min((each for each in fitting() if each.gpu.name == offer.gpu), key=bill) for offer in OFFERS]


@dataclass(frozen=True)
class Planned(Question):
    """A question whose answer is a dict of choices; it is planned, and told what comes of it. The planner may help."""

    best: object  # a function that returns the best plan

    def examine(self, answer):
        expect_function(answer, [])
        got = called(answer, closed=False)
        planned = _planned(_checked(got))
        says = f"{readable(planned.total, 'B')} on each card, {hours(planned):.1f} hours, {bill(planned):.2f} dollars"
        if not planned.fits:
            raise Wrong("\n".join([f"The verdict is {planned.verdict!r}.", *planned.reasons[:2]]))
        if hours(planned) > IN_TIME:
            raise Wrong(f"It fits: {says}. But a slow run is late: {IN_TIME} hours are allowed.")
        if bill(planned) > bill(self.best()) * (1 + 1e-9):
            raise Wrong(f"It fits and is in time: {says}. But there is a cheaper one.\nHint: {DEARER}")
        print(f"Correct: {says}.")


def _checked(got):
    if not isinstance(got, dict):
        raise Wrong(f"Return a dict with {', '.join(map(repr, CHOICES))}; your function returns {shortened(got)}.")
    for name in (*CHOICES, *got):
        if name not in CHOICES:
            raise Wrong(f"{name!r} is not yours to choose; there are {', '.join(map(repr, CHOICES))}.")
        if name not in got:
            raise Wrong(f"Your dict has no {name!r}.")
        if isinstance(got[name], bool) or got[name] not in CHOICES[name]:
            raise Wrong(f"{name!r} is one of {', '.join(map(repr, CHOICES[name]))}; you chose {shortened(got[name])}.")
    offer = next(offer for offer in OFFERS if offer.gpu == got["gpu"])
    if got["gpus"] not in offer.counts:
        raise Wrong(f"That is not offered. On offer: {' '.join(str(offer).split())}.")
    return got


def _planned(got):
    try:
        return plan(**JOB, **got)
    except ValueError as error:
        raise Wrong(f"The planner refuses: {error}") from None


QUESTIONS = {"cheapest_plan": Planned(best)}

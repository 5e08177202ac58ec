"""The question that is answered with a plan: which offer trains a model in time, and costs least."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from itertools import product

from llmcalc.checks.answers import Wrong, called, expect_function, shortened
from llmcalc.checks.questions import Own, Question, refuse_stale
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


PRESETS = ("llama-3-8b", "qwen3-8b", "granite-3.0-8b", "qwen2.5-7b", "mistral-7b", "llama-2-7b", "gemma-7b")
HOURS, L40S, MI300X = (8, 6, 7, 9, 10), (0.60, 0.50, 0.55, 0.70, 0.80), (2.80, 2.60, 3.00, 3.20)
"""Hours that even a slow run may take; dollars for a GPU-hour."""
JOB = {"job": "fine-tuning", "batch": 64, "sequence": 4096, "tokens": 300 * 10**6}
TWICE = 4 / 3
"""How much longer a plan takes where every layer is computed twice."""


def offered(l40s_hour, mi300x_hour):
    """What is on offer at these prices."""
    return (
        Offer("rtx-4090", (8, 16), 0.27),
        Offer("l40s", (4, 8), l40s_hour),
        Offer("h100-sxm", (2, 4), 2.90),
        Offer("mi300x", (1,), mi300x_hour),
    )


STANDARD = offered(L40S[0], MI300X[0])
CHOICES = {
    "gpu": tuple(offer.gpu for offer in STANDARD),
    "gpus": tuple(sorted({count for offer in STANDARD for count in offer.counts})),
    "zero": (0, 1, 2, 3),
    "recompute": ("none", "full"),
    "micro_batch": (1, 2),
}
"""What an answer may choose, and from what."""
LEAST = {"zero": (3,), "micro_batch": (1,)}
"""Choices that need least memory, and cost nothing in this question."""

DEARER = "The cards and recomputation decide on the money. For each offer: what would it cost with and without?"


def job(tuned):
    """The fine-tuning of that model, as the planner takes it."""
    return {"model": tuned, **JOB}


def ways(offers, choices=CHOICES):
    """Every answer there is, and the price of its GPU-hour."""
    return tuple(
        (offer.price, dict(zip(CHOICES, (offer.gpu, *rest), strict=True)))
        for offer in offers
        for rest in product(offer.counts, *list(choices.values())[2:])
    )


def slowed(planned):
    """How many times the planner's time a plan takes in this question."""
    return TWICE if planned.choices["recompute"] == "full" else 1


def hours(planned):
    """Hours on the clock of a slow run."""
    return planned.seconds.high * slowed(planned) / HOUR


def bill(planned, offers):
    """Dollars for a middling run."""
    price = next(offer.price for offer in offers if offer.gpu == planned.gpu.name)
    return planned.cost(price).middle * slowed(planned)


@cache
def fitting(tuned):
    """The plans that fit, in time or not: of those that differ in time or money, the one that needs least memory."""
    plans = (plan(**job(tuned), **way) for _, way in ways(STANDARD, CHOICES | LEAST))
    return [each for each in plans if each.fits]


def best(tuned, in_time, l40s_hour, mi300x_hour, late=hours):
    """The cheapest plan of all that fit and are in time; `late` says how many hours somebody takes a plan to need."""
    offers = offered(l40s_hour, mi300x_hour)
    return min((each for each in fitting(tuned) if late(each) <= in_time), key=lambda each: bill(each, offers))


def best_of_each(tuned, offers):
    """The cheapest plan that fits of each offer that has one, in time or not; of equal ones the fastest."""
    for offer in offers:
        plans = [each for each in fitting(tuned) if each.gpu.name == offer.gpu]
        if plans:
            yield min(plans, key=lambda each: (round(bill(each, offers), 6), hours(each)))


def _all_conditions_matter(tuned, in_time, l40s_hour, mi300x_hour):
    """Whether the question asks for all it says: who forgets a condition finds another plan, as does who looks at one
    column only.
    """
    mine = tuned, in_time, l40s_hour, mi300x_hour
    if len({each.gpu.name for each in fitting(tuned) if hours(each) <= in_time}) < 2:  # or the price would not matter
        return False
    right, prices = best(*mine), [offer.price for offer in offered(l40s_hour, mi300x_hour)]
    others = (
        best(*mine, late=lambda planned: 0),
        best(*mine, late=lambda planned: hours(planned) * planned.seconds.middle / planned.seconds.high),
        best(*mine, late=lambda planned: hours(planned) / slowed(planned)),
    )
    hour = next(offer.price for offer in offered(l40s_hour, mi300x_hour) if offer.gpu == right.gpu.name)
    return min(prices) < hour < max(prices) and right not in others


@dataclass(frozen=True, repr=False)
class Planned(Question):
    """A question whose answer is a dict of choices; it is planned, and told what comes of it. The planner may help."""

    best: Callable  # takes the values, and returns the best plan
    values: dict[str, Own] = field(default_factory=dict)
    where: Callable | None = None

    def examine(self, answer):
        expect_function(answer, [])
        tuned, in_time, *prices = self.yours
        offers = offered(*prices)
        planned = _planned(tuned, _checked(called(answer, closed=False), offers))
        says = f"{readable(planned.total, 'B')} on each card, {hours(planned):.1f} hours, "
        says += f"{bill(planned, offers):.2f} dollars"
        if planned.fits and hours(planned) <= in_time:
            if bill(planned, offers) <= bill(self.best(*self.yours), offers) * (1 + 1e-9):
                print(f"Correct: {says}.")
                return
        refuse_stale(answer, {**self.yours._asdict(), "job": job(tuned), "ways": ways(offers)})
        if not planned.fits:
            raise Wrong("\n".join([f"The verdict is {planned.verdict!r}.", *planned.reasons[:2]]))
        if hours(planned) > in_time:
            late = f"It fits: {says}. But a slow run is late: {in_time} hours are allowed."
            if hours(planned) / slowed(planned) <= in_time:
                late += " These hours are more than the planner's: what does full recomputation do to them?"
            raise Wrong(late)
        raise Wrong(f"It fits and is in time: {says}. But there is a cheaper one.\nHint: {DEARER}")


def _checked(got, offers):
    if not isinstance(got, dict):
        raise Wrong(f"Return a dict with {', '.join(map(repr, CHOICES))}; your function returns {shortened(got)}.")
    for name in (*CHOICES, *got):
        if name not in CHOICES:
            raise Wrong(f"{name!r} is not yours to choose; there are {', '.join(map(repr, CHOICES))}.")
        if name not in got:
            raise Wrong(f"Your dict has no {name!r}.")
        if type(got[name]) not in (str, int) or got[name] not in CHOICES[name]:
            raise Wrong(f"{name!r} is one of {', '.join(map(repr, CHOICES[name]))}; you chose {shortened(got[name])}.")
    offer = next(offer for offer in offers if offer.gpu == got["gpu"])
    if got["gpus"] not in offer.counts:
        raise Wrong(f"That is not offered. On offer: {' '.join(str(offer).split())}.")
    return got


def _planned(tuned, got):
    try:
        return plan(**job(tuned), **got)
    except ValueError as error:
        raise Wrong(f"The planner refuses: {error}") from None


QUESTIONS = {
    "cheapest_plan": Planned(
        values={
            "tuned": Own("the model that is fine-tuned", PRESETS),
            "in_time": Own("hours in which it has to be done", HOURS),
            "l40s_hour": Own("dollars for an hour of an L40S", L40S),
            "mi300x_hour": Own("dollars for an hour of an MI300X", MI300X),
        },
        where=_all_conditions_matter,
        best=best,
    )
}

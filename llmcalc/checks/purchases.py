"""The question which offer of devices trains a model in time, and costs least."""

from dataclasses import dataclass
from math import inf

from llmcalc.checks.engine import Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.checks.training import RULE_SLIPS, slips
from llmcalc.compute import cost, gpu_hours, seconds_for, training_flops
from llmcalc.hardware import gpu
from llmcalc.units import DAY, HOUR, readable


@dataclass(frozen=True)
class Offer:
    """Devices that somebody offers: their number, the printed peak of one, what programs reach on them, the price."""

    name: str
    gpus: int
    peak: int  # in FLOP/s
    kind: str  # of the printed peak: "dense" or "sparse"
    reached: float  # share of the dense peak
    price: float  # of a GPU-hour, in dollars

    def __str__(self):
        peak = f"{readable(self.peak, 'FLOP/s', digits=4)} ({self.kind})"
        return f"{self.name}: {self.gpus:3} GPUs, peak {peak:22} reached {self.reached:.2f}, price {self.price:.2f}"


OFFERS = (
    Offer("A", 128, gpu("a100-80gb").peak(), "dense", 0.45, 1.20),
    Offer("B", 64, gpu("h100-sxm").sparse_peak(), "sparse", 0.42, 3.10),
    Offer("C", 16, gpu("b200").peak(), "dense", 0.40, 4.80),
    Offer("D", 48, gpu("mi300x").peak(), "dense", 0.32, 2.60),
)
SIZE = 8 * 10**9
TOKENS = tuple(billions * 10**9 for billions in (1500, 1200, 1300, 1400, 1600, 1700, 1800, 2000))
DEADLINES = (48, 36, 40, 44, 52, 56, 60, 64)
"""Days in which the job has to be done."""


def _dense(offer):
    return offer.peak // {"dense": 1, "sparse": 2}[offer.kind]


def _printed(offer):
    return offer.peak


def _bill(offer, tokens, peak=_dense, work=1, reached=True):
    """Days that an offer takes for the job, and what it costs; `work` is the part of it that somebody counts."""
    flops = work * training_flops(SIZE, tokens)
    seconds = seconds_for(flops, offer.gpus * peak(offer), offer.reached if reached else 1)
    return seconds / DAY, cost(gpu_hours(offer.gpus, seconds), offer.price)


def _in_time(tokens, deadline, **how):
    """Each offer that meets the deadline, and its price."""
    bills = {offer: _bill(offer, tokens, **how) for offer in OFFERS}
    return {offer: price for offer, (days, price) in bills.items() if days <= deadline}


def _cheapest(tokens, deadline, **how):
    return min(_in_time(tokens, deadline, **how).values())


def _two_in_time(tokens, deadline):
    """Whether the question asks for all of its arithmetic: the cheapest offer is late, and the fastest is not best."""
    return [offer.name for offer in _in_time(tokens, deadline)] == [
        offer.name for offer in _in_time(TOKENS[0], DEADLINES[0])
    ]


def _too_fast(offer):
    """The peak of an offer, for somebody who halves the time of the sparse ones in place of the peak."""
    return offer.peak * offer.peak // _dense(offer)


def _price_of(name, tokens):
    return next(_bill(offer, tokens)[1] for offer in OFFERS if offer.name == name)


QUESTIONS = {
    "cheapest_in_time": Number(
        values={
            "job_tokens": Own("tokens of the training", TOKENS),
            "deadline": Own("days in which it has to be done", DEADLINES),
        },
        where=_two_in_time,
        right=_cheapest,
        unit="dollars",
        hint="For each offer: the rate that it really reaches, its days, its GPU-hours, its price. Then leave out what "
        "is late. Perhaps more than one thing is off.",
        mistakes=(
            Mistake(
                "a sparse peak taken for a dense one",
                lambda *job: _cheapest(*job, peak=_printed),
                "Read the words beside the peaks. Of which peak is the share that is reached?",
            ),
            Mistake(
                "the time halved where the peak is sparse",
                lambda *job: _cheapest(*job, peak=_too_fast),
                "A dense peak is half of the sparse one. Does the job then take longer, or less long?",
            ),
            Mistake(
                "the deadline forgotten",
                lambda tokens, deadline: _cheapest(tokens, inf),
                "Which of the offers are ready in time?",
            ),
            Mistake(
                "the share that is reached forgotten",
                lambda *job: _cheapest(*job, reached=False),
                "The peak is not what a program reaches.",
            ),
            Mistake(
                "the share that is reached forgotten, and a sparse peak taken for a dense one",
                lambda *job: _cheapest(*job, reached=False, peak=_printed),
                "The peak is not what a program reaches; and there are two kinds of it.",
            ),
            Mistake(
                "offer A",
                lambda tokens, deadline: _price_of("A", tokens),
                "Its hour is the cheapest. Is the whole job?",
            ),
            Mistake(
                "offer B",
                lambda tokens, deadline: _price_of("B", tokens),
                "It is the first to be ready. Does none in time cost less?",
            ),
            Mistake(
                "one GPU of each offer paid",
                lambda *job: min(price / offer.gpus for offer, price in _in_time(*job).items()),
                "Every device of an offer has its price.",
            ),
            Mistake(
                "the GPUs counted twice in the price",
                lambda *job: min(price * offer.gpus for offer, price in _in_time(*job).items()),
                "GPU-hours are hours of all the devices already.",
            ),
            Mistake("days where hours are meant", lambda *job: _cheapest(*job) / 24, "The price is that of an hour."),
            Mistake(
                "seconds where hours are meant", lambda *job: _cheapest(*job) * HOUR, "The price is that of an hour."
            ),
            *slips(RULE_SLIPS, lambda factor, *job: _cheapest(*job, work=factor)),
        ),
    ),
}

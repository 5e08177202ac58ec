"""Questions about the time, the utilization and the price of a training: right answers, and frequent mistakes."""

from dataclasses import dataclass
from math import inf

from llmcalc.checks.engine import Choice, Formula, Mistake, Number
from llmcalc.checks.training import RULE_SLIPS, slips
from llmcalc.compute import cost, gpu_hours, seconds_for, training_flops
from llmcalc.compute import utilization as share_of_peak
from llmcalc.flops import forward_ledger
from llmcalc.hardware import gpu
from llmcalc.models import model
from llmcalc.runs import RUNS
from llmcalc.tables import GPT3_COMPUTE
from llmcalc.units import DAY, HOUR, MINUTE, convert, readable

LARGE_RUN = next(run for run in RUNS if run.name == "Llama 3.1 405B")
MEASURED_RUN = next(run for run in RUNS if run.name == "Pythia 1B")
MEASURED, SEQUENCE = model("pythia-1b"), 2048
PEAK = gpu(MEASURED_RUN.accelerator).peak()


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
JOB = training_flops(8 * 10**9, 1500 * 10**9)
DEADLINE = 48
"""Days in which the job has to be done."""

DAY_SLIPS = (
    ("seconds in place of days", DAY, "FLOP over FLOP/s: which unit is left?"),
    ("minutes in place of days", DAY // MINUTE, "How many minutes does a day have?"),
    ("hours in place of days", DAY // HOUR, "How many hours does a day have?"),
    ("the hours of a day where its seconds are meant", HOUR, "A rate in FLOP/s counts by the second."),
    ("the minutes of a day where its seconds are meant", MINUTE, "A rate in FLOP/s counts by the second."),
    ("the seconds of a day on the wrong side", DAY**2, "Are there more days than seconds, or fewer?"),
)
"""What goes wrong on the way to days, and the factor that it leaves."""


def _days(parameters, tokens, gpus, peak, share):
    return seconds_for(training_flops(parameters, tokens), gpus * peak, share) / DAY


def _reached(layers=3, between=3, head=3, lookup=0, peak=PEAK):
    """Utilization of the measured run; each number says how often a part of the forward pass is counted."""
    once = forward_ledger(MEASURED, 1, SEQUENCE)
    step = layers * once.layers.total + between * once.attention.total + (head + lookup) * once.lm_head.total
    return share_of_peak(step / SEQUENCE * MEASURED_RUN.tokens, MEASURED_RUN.accelerator_hours * HOUR, peak)


def _dense(offer):
    return offer.peak // {"dense": 1, "sparse": 2}[offer.kind]


def _printed(offer):
    return offer.peak


def _bill(offer, peak=_dense, flops=JOB, reached=True):
    """Days that an offer takes for the job, and what it costs."""
    seconds = seconds_for(flops, offer.gpus * peak(offer), offer.reached if reached else 1)
    return seconds / DAY, cost(gpu_hours(offer.gpus, seconds), offer.price)


def _cheapest(deadline=DEADLINE, **how):
    return min(price for days, price in (_bill(offer, **how) for offer in OFFERS) if days <= deadline)


def _too_fast(offer):
    """The peak of an offer, for somebody who halves the time of the sparse ones in place of the peak."""
    return offer.peak * offer.peak // _dense(offer)


def _price_of(name):
    return next(_bill(offer)[1] for offer in OFFERS if offer.name == name)


QUESTIONS = {
    "llama_in_pflop_days": Number(
        right=lambda: convert(LARGE_RUN.flops, "FLOP", to="PFLOP-day"),
        unit="PFLOP-days",
        hint="How many FLOP does a machine of one PFLOP/s get done in a day?",
        mistakes=(
            *slips(DAY_SLIPS, lambda factor: factor * convert(LARGE_RUN.flops, "FLOP", to="PFLOP-day")),
            Mistake(
                "the prefix P left out",
                lambda: convert(LARGE_RUN.flops, "FLOP", to="FLOP-day"),
                "These are the days of a machine that does a single operation in a second.",
            ),
            Mistake(
                "GPT-3 as the unit",
                lambda: convert(LARGE_RUN.flops, "FLOP", to="PFLOP-day") / GPT3_COMPUTE.row("GPT-3 175B").pflop_days,
                "That is how many times GPT-3's work it is. How much is it in days of a machine of one PFLOP/s?",
            ),
            Mistake(
                "the fraction upside down",
                lambda: 1 / convert(LARGE_RUN.flops, "FLOP", to="PFLOP-day"),
                "That is the part of the work that such a machine gets done in a day.",
            ),
        ),
    ),
    "days_of_training": Formula(
        right=lambda parameters, tokens, gpus, peak_flops_per_second, utilization: _days(
            parameters, tokens, gpus, peak_flops_per_second, utilization
        ),
        hint="The work in FLOP, over the rate that all devices together really reach, is a time in seconds.",
        mistakes=(
            *slips(DAY_SLIPS, lambda factor, *job: factor * _days(*job)),
            *slips(RULE_SLIPS, lambda factor, *job: factor * _days(*job)),
            Mistake(
                "the utilization forgotten",
                lambda *job: _days(*job[:-1], 1),
                "The peak is not what a program reaches.",
            ),
            Mistake(
                "the utilization on the wrong side",
                lambda *job: _days(*job[:-1], 1) * job[-1],
                "A program that reaches less of the peak: does it take longer, or less long?",
            ),
            Mistake(
                "a single GPU (or GPU-days)",
                lambda parameters, tokens, gpus, *rest: _days(parameters, tokens, 1, *rest),
                "The devices share the work; the question asks for days on the calendar.",
            ),
            Mistake(
                "parentheses missing below the line",
                lambda parameters, tokens, gpus, peak, share: _days(parameters, tokens, gpus, 1, 1) * peak * share,
                "Python divides by the first factor only, and multiplies by those behind it.",
            ),
            Mistake(
                "the GPUs on the wrong side",
                lambda parameters, tokens, gpus, *rest: _days(parameters, tokens, 1, *rest) * gpus,
                "With more devices, does it take longer?",
            ),
        ),
    ),
    "slip_in_mfu": Choice(
        right="b",
        because="MFU counts what the model needs, and that has not changed: 6, which leaves 0.37. With 8 it is HFU, "
        "roughly. Fewer tokens in a second are a slower training, by a tenth.",
        replies={
            "a": "Six for each parameter and token, over the dense peak of all 32: that is MFU. Check the next line.",
            "c": "Line c divides the two lines above, correctly. Are they two of a kind?",
            "d": "Line d does with 60 days what line c says. Where did it go wrong first?",
        },
    ),
    "mfu_of_pythia": Number(
        right=_reached,
        unit="of the peak",
        hint="First the work of one token: layers, output layer, attention between tokens. Then all tokens, over what "
        "the GPU-hours would have allowed. Perhaps more than one thing is off.",
        mistakes=(
            Mistake(
                "the rule 6PD",
                lambda: MEASURED_RUN.utilization,
                "The rule counts the lookup and forgets attention between tokens. The question asks for the count.",
            ),
            Mistake("attention between tokens forgotten", lambda: _reached(between=0), "Its products need no weights."),
            Mistake(
                "one of the two products between tokens (or half of the square)",
                lambda: _reached(between=1.5),
                "There are scores, and there are values weighted with them; both over the whole square.",
            ),
            Mistake(
                "attention between tokens counted forward only",
                lambda: _reached(between=1),
                "Both factors of these products have a gradient, like those of all others.",
            ),
            Mistake(
                "attention between tokens counted twice",
                lambda: _reached(between=6),
                "Two products between tokens; and a vector has as many values as all heads together.",
            ),
            Mistake(
                "attention between tokens in one layer only",
                lambda: _reached(between=3 / MEASURED.layers),
                "Tokens look at each other in every layer.",
            ),
            Mistake(
                "the lookup counted as a product", lambda: _reached(lookup=3), "Only one of the two tables multiplies."
            ),
            Mistake("the output layer forgotten", lambda: _reached(head=0), "It is a product of matrices as well."),
            Mistake("recomputation of the layers", lambda: _reached(4, 4, 3), "MFU counts what the model needs, once."),
            *slips([slip for slip in RULE_SLIPS if "additions" not in slip[0]], lambda factor: factor * _reached()),
            Mistake(
                "half the work or twice the peak (additions forgotten, or the sparse peak)",
                lambda: _reached(peak=gpu(MEASURED_RUN.accelerator).sparse_peak()),
                "A multiplication and an addition are two operations; and the peak is the dense one.",
            ),
            Mistake(
                "the peak of the ordinary units (fp32)",
                lambda: _reached(peak=gpu(MEASURED_RUN.accelerator).peak("fp32")),
                "The run used the matrix units, in sixteen bits.",
            ),
            Mistake(
                "the GPUs counted twice",
                lambda: _reached() / MEASURED_RUN.accelerators,
                "GPU-hours are hours of all the devices already.",
            ),
            Mistake("hours where seconds are meant", lambda: _reached() * HOUR, "The peak counts by the second."),
            Mistake(
                "a percentage in place of a share", lambda: _reached() * 10**2, "The whole peak is a share of one."
            ),
            Mistake("the fraction upside down", lambda: 1 / _reached(), "What was done stands above what could be."),
        ),
    ),
    "cheapest_in_time": Number(
        right=_cheapest,
        unit="dollars",
        hint="For each offer: the rate that it really reaches, its days, its GPU-hours, its price. Then leave out what "
        "is late. Perhaps more than one thing is off.",
        mistakes=(
            Mistake(
                "a sparse peak taken for a dense one",
                lambda: _cheapest(peak=_printed),
                "Read the words beside the peaks. Of which peak is the share that is reached?",
            ),
            Mistake(
                "the time halved where the peak is sparse",
                lambda: _cheapest(peak=_too_fast),
                "A dense peak is half of the sparse one. Does the job then take longer, or less long?",
            ),
            Mistake("the deadline forgotten", lambda: _cheapest(inf), "Which of the offers are ready in time?"),
            Mistake(
                "the share that is reached forgotten",
                lambda: _cheapest(reached=False),
                "The peak is not what a program reaches.",
            ),
            Mistake(
                "the share that is reached forgotten, and a sparse peak taken for a dense one",
                lambda: _cheapest(reached=False, peak=_printed),
                "The peak is not what a program reaches; and there are two kinds of it.",
            ),
            Mistake("offer A", lambda: _price_of("A"), "Its hour is the cheapest. Is the whole job?"),
            Mistake("offer B", lambda: _price_of("B"), "It is the first to be ready. Does none in time cost less?"),
            Mistake(
                "one GPU of each offer paid",
                lambda: min(_price_of(offer.name) / offer.gpus for offer in OFFERS if _bill(offer)[0] <= DEADLINE),
                "Every device of an offer has its price.",
            ),
            Mistake(
                "the GPUs counted twice in the price",
                lambda: min(_price_of(offer.name) * offer.gpus for offer in OFFERS if _bill(offer)[0] <= DEADLINE),
                "GPU-hours are hours of all the devices already.",
            ),
            Mistake("days where hours are meant", lambda: _cheapest() / 24, "The price is that of an hour."),
            Mistake("seconds where hours are meant", lambda: _cheapest() * HOUR, "The price is that of an hour."),
            *slips(RULE_SLIPS, lambda factor: _cheapest(flops=factor * JOB)),
        ),
    ),
}

"""Questions about the time and the utilization of a training: right answers, and frequent mistakes."""

from llmcalc.checks.engine import Choice, Formula, Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.checks.training import RULE_SLIPS, slips
from llmcalc.compute import seconds_for, training_flops
from llmcalc.compute import utilization as share_of_peak
from llmcalc.flops import forward_ledger
from llmcalc.hardware import gpu
from llmcalc.models import model
from llmcalc.runs import RUNS
from llmcalc.tables import GPT3_COMPUTE
from llmcalc.units import DAY, HOUR, MINUTE, convert

LARGE_RUNS = tuple(
    run.name
    for run in sorted(RUNS, key=lambda run: (run.name != "Llama 3.1 405B", -run.flops))
    if run.flops > 2 * 10**23
)
"""Trainings that took thousands of PFLOP-days; everybody's without a name comes first."""
PYTHIA = ("1b", "1.4b", "6.9b", "12b")
SEQUENCE = 2048

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


def _work(run):
    return convert(_named(run).flops, "FLOP", to="PFLOP-day")


def _named(name):
    return next(run for run in RUNS if run.name == name)


def _run(size):
    return _named(f"Pythia {size[:-1]}{size[-1].upper()}")


def _reached(size, layers=3, between=3, head=3, lookup=0, precision="bf16"):
    """Utilization of a Pythia run; each number says how often a part of the forward pass is counted."""
    once = forward_ledger(model(f"pythia-{size}"), 1, SEQUENCE)
    step = layers * once.layers.total + between * once.attention.total + (head + lookup) * once.lm_head.total
    run = _run(size)
    peak = gpu(run.accelerator).peak(precision)
    return share_of_peak(step / SEQUENCE * run.tokens, run.accelerator_hours * HOUR, peak)


QUESTIONS = {
    "work_in_pflop_days": Number(
        values={"run": Own("a training that was published", LARGE_RUNS)},
        right=_work,
        unit="PFLOP-days",
        hint="How many FLOP does a machine of one PFLOP/s get done in a day?",
        mistakes=(
            *slips(DAY_SLIPS, lambda factor, run: factor * _work(run)),
            Mistake(
                "the prefix P left out",
                lambda run: convert(_named(run).flops, "FLOP", to="FLOP-day"),
                "These are the days of a machine that does a single operation in a second.",
            ),
            Mistake(
                "GPT-3 as the unit",
                lambda run: _work(run) / GPT3_COMPUTE.row("GPT-3 175B").pflop_days,
                "That is how many times GPT-3's work it is. How much is it in days of a machine of one PFLOP/s?",
            ),
            Mistake(
                "the fraction upside down",
                lambda run: 1 / _work(run),
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
        values={"size": Own("which of the Pythia models", PYTHIA)},
        right=_reached,
        unit="of the peak",
        hint="First the work of one token: layers, output layer, attention between tokens. Then all tokens, over what "
        "the GPU-hours would have allowed. Perhaps more than one thing is off.",
        mistakes=(
            Mistake(
                "the rule 6PD",
                lambda size: _run(size).utilization,
                "The rule counts the lookup and forgets attention between tokens. The question asks for the count.",
            ),
            Mistake(
                "attention between tokens forgotten",
                lambda size: _reached(size, between=0),
                "Its products need no weights.",
            ),
            Mistake(
                "one of the two products between tokens (or half of the square)",
                lambda size: _reached(size, between=1.5),
                "There are scores, and there are values weighted with them; both over the whole square.",
            ),
            Mistake(
                "attention between tokens counted forward only",
                lambda size: _reached(size, between=1),
                "Both factors of these products have a gradient, like those of all others.",
            ),
            Mistake(
                "attention between tokens counted twice",
                lambda size: _reached(size, between=6),
                "Two products between tokens; and a vector has as many values as all heads together.",
            ),
            Mistake(
                "attention between tokens in one layer only",
                lambda size: _reached(size, between=3 / model(f"pythia-{size}").layers),
                "Tokens look at each other in every layer.",
            ),
            Mistake(
                "the lookup counted as a product",
                lambda size: _reached(size, lookup=3),
                "Only one of the two tables multiplies.",
            ),
            Mistake(
                "the output layer forgotten",
                lambda size: _reached(size, head=0),
                "It is a product of matrices as well.",
            ),
            Mistake(
                "recomputation of the layers",
                lambda size: _reached(size, 4, 4, 3),
                "MFU counts what the model needs, once.",
            ),
            *slips(
                [slip for slip in RULE_SLIPS if "additions" not in slip[0]],
                lambda factor, size: factor * _reached(size),
            ),
            Mistake(
                "half the work or twice the peak (additions forgotten, or the sparse peak)",
                lambda size: _reached(size) / 2,
                "A multiplication and an addition are two operations; and the peak is the dense one.",
            ),
            Mistake(
                "the peak of the ordinary units (fp32)",
                lambda size: _reached(size, precision="fp32"),
                "The run used the matrix units, in sixteen bits.",
            ),
            Mistake(
                "the GPUs counted twice",
                lambda size: _reached(size) / _run(size).accelerators,
                "GPU-hours are hours of all the devices already.",
            ),
            Mistake(
                "hours where seconds are meant", lambda size: _reached(size) * HOUR, "The peak counts by the second."
            ),
            Mistake(
                "a percentage in place of a share",
                lambda size: _reached(size) * 10**2,
                "The whole peak is a share of one.",
            ),
            Mistake(
                "the fraction upside down", lambda size: 1 / _reached(size), "What was done stands above what could be."
            ),
        ),
    ),
}

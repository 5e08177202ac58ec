"""Questions about rates: a share of the peak above one, and a time of sending with two slips."""

from llmcalc.checks.apart import told_apart
from llmcalc.checks.engine import Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.communication import communication_ratio
from llmcalc.compute import seconds_for, training_flops, utilization
from llmcalc.hardware import gpu
from llmcalc.memory import stored_bytes
from llmcalc.units import GB, TFLOP

TRAINED = (8_030_000_000, 3_210_000_000, 6_740_000_000, 7_240_000_000, 7_620_000_000, 12_250_000_000, 13_020_000_000)
CARDS = (8, 12, 20, 24, 32, 40, 48, 64)
PACES = tuple(each * 1000 for each in (27, 20, 24, 30, 34, 40, 45, 50, 60, 70, 75, 80, 90, 105, 120, 140, 150, 180))
"""Of the run with a share above one: parameters, GPUs, and tokens per second of all of them together."""
CARD, OTHER_CARD = gpu("a100-80gb"), gpu("h100-sxm")

SENT = tuple(millions * 10**6 for millions in (3200, 1500, 2600, 6700, 7200, 8000, 13_000))
TOKENS, GIGABITS, REACHED = (
    (8192, 4096, 6144, 10_240, 12_288, 16_384),
    (200, 100, 400),
    (0.45, 0.36, 0.38, 0.4, 0.42, 0.48),
)
"""Of the step that sends gradients: parameters, tokens, the rate of the network in Gbit/s, utilization."""


def _used(parameters, cards, pace, peak=None, factor=1):
    """Share of the peak; `factor`: operations counted for six."""
    return utilization(factor * training_flops(parameters, pace), 1, cards * (peak or CARD.peak()))


def _used_of(peak):
    """The share for somebody who takes this for the peak of a card."""
    return lambda *values: _used(*values, peak=peak)


reported = _used_of(CARD.peak("tf32"))
"""What a script says that takes the format for another."""


def _alarming(*values):
    """Whether a share above one is reported, and the right one is what good programs reach."""
    return 1.02 < reported(*values) < 1.24 and told_apart(QUESTIONS["share_of_the_right_peak"], *values)


def _waits(sent, step_tokens, gigabits, reached, bits=8, factor=1, size=2):
    """Time of sending over time of computing; `factor`: operations counted for six."""
    work = factor * training_flops(sent, step_tokens)
    return communication_ratio(stored_bytes(sent, size), gigabits * GB / bits, work, reached * CARD.peak())


def _computing(sent, step_tokens, gigabits, reached):
    """Seconds of computing."""
    return seconds_for(training_flops(sent, step_tokens), CARD.peak(), reached)


def _at_peak(sent, step_tokens, gigabits, reached, **how):
    """The ratio for somebody who takes the card to be at its peak."""
    return _waits(sent, step_tokens, gigabits, 1, **how)


def in_report(*values):
    """The ratio of the report, which has both slips."""
    return _at_peak(*values, bits=1)


def _seems_small(*values):
    """Whether the report can call the time of sending small, which it is not."""
    small = 0.02 < in_report(*values) < 0.08 and _waits(*values) > 0.1
    return small and told_apart(QUESTIONS["sending_over_computing"], *values)


QUESTIONS = {
    "share_of_the_right_peak": Number(
        values={
            "parameters": Own("parameters of the model", TRAINED),
            "cards": Own("GPUs of the run", CARDS),
            "pace": Own("tokens per second, of all GPUs together", PACES),
        },
        where=_alarming,
        right=_used,
        unit="of the peak",
        hint="Operations that the model needs in a second, over the peak of all cards that really ran: dense, in the "
        "format of the run.",
        mistakes=(
            Mistake("the share of the report", reported, "Which peak is below the line?"),
            Mistake(
                "twice the share of the report",
                lambda *values: 2 * reported(*values),
                "The share of the report is too large already.",
            ),
            Mistake(
                "the sparse peak of the other card",
                _used_of(OTHER_CARD.sparse_peak()),
                "Which cards does the run have? And are half of its weights zero, in a fixed pattern?",
            ),
            Mistake(
                "the sparse peak",
                _used_of(CARD.sparse_peak()),
                "In which format does the run compute, and are half of its weights zero in a fixed pattern?",
            ),
            Mistake("the peak of the other card", _used_of(OTHER_CARD.peak()), "Which cards does the run have?"),
            Mistake(
                "the peak of the other card in tf32",
                _used_of(OTHER_CARD.peak("tf32")),
                "Which cards does the run have, and in which format does it compute?",
            ),
            Mistake(
                "the peak of fp32",
                _used_of(CARD.peak("fp32")),
                "The run uses the matrix units. What do they reach in its format?",
            ),
            Mistake(
                "the forward pass alone",
                lambda *values: _used(*values, factor=1 / 3),
                "This is training. How many operations does a parameter take part in, for each token?",
            ),
            Mistake(
                "the backward pass alone",
                lambda *values: _used(*values, factor=2 / 3),
                "Training goes forward as well.",
            ),
            Mistake(
                "a second forward pass",
                lambda *values: _used(*values, factor=4 / 3),
                "Work that is done again is no work that the model needs.",
            ),
            Mistake(
                "one GPU below the line, and the tokens of all above it",
                lambda parameters, cards, pace: _used(parameters, 1, pace),
                "Whose tokens are counted?",
            ),
            Mistake(
                "the GPUs counted twice",
                lambda parameters, cards, pace: _used(parameters, cards**2, pace),
                "The tokens are those of all GPUs together.",
            ),
            Mistake("percent", lambda *values: 100 * _used(*values), "The question asks for a fraction, below one."),
            Mistake(
                "percent, with the peak of the report",
                lambda *values: 100 * reported(*values),
                "Which peak is below the line? And the question asks for a fraction.",
            ),
            Mistake(
                "the TFLOP/s that a GPU reaches",
                _used_of(TFLOP),
                "That belongs above the line. Below it: what this card could reach.",
            ),
            Mistake(
                "the FLOP/s that a GPU reaches",
                _used_of(1),
                "That belongs above the line. Below it: what this card could reach.",
            ),
            Mistake(
                "the GPUs on the wrong side of the line",
                lambda parameters, cards, pace: _used(parameters, 1 / cards, pace),
                "The tokens are those of all GPUs. Does each of them do more, then, or less?",
            ),
            Mistake(
                "the fraction upside down",
                lambda *values: 1 / _used(*values),
                "What is reached stands above the line, what is possible below it.",
            ),
        ),
    ),
    "sending_over_computing": Number(
        values={
            "parameters_sent": Own("parameters, whose gradients are sent", SENT),
            "step_tokens": Own("tokens that a GPU handles in a step", TOKENS),
            "gigabits": Own("Gbit/s that the network carries", GIGABITS),
            "reached": Own("share of the peak that is reached", REACHED),
        },
        where=_seems_small,
        right=_waits,
        unit="of the time of computing",
        hint="Seconds of sending: all bits over bits per second. Seconds of computing: all operations over those that "
        "are really reached in a second. Perhaps more than one thing is off.",
        mistakes=(
            Mistake(
                "bits taken for bytes",
                lambda *values: _waits(*values, bits=1),
                "Whose unit has a `bit` in it, and whose a `B`?",
            ),
            Mistake(
                "bits taken for bytes, and a card at its peak",
                in_report,
                "That is the number of the report. Which of its lines mixes two units, and which takes the card to be "
                "at its peak all the time?",
            ),
            Mistake(
                "the eight between bits and bytes on the wrong side",
                lambda *values: _waits(*values, bits=1 / 8),
                "Are there more bits in a message, or more bytes?",
            ),
            Mistake(
                "the eight between bits and bytes twice",
                lambda *values: _waits(*values, bits=64),
                "Convert one of the two.",
            ),
            Mistake("a card at its peak", _at_peak, "What does this program reach of the peak?"),
            Mistake(
                "the utilization on the wrong side",
                lambda *values: _at_peak(*values) / values[-1],
                "Does a card that reaches less take more time, or less?",
            ),
            Mistake(
                "the forward pass alone",
                lambda *values: _waits(*values, factor=1 / 3),
                "How many operations does a parameter take part in, for each token of training?",
            ),
            Mistake(
                "the backward pass alone",
                lambda *values: _waits(*values, factor=2 / 3),
                "The whole step is meant, forward as well.",
            ),
            Mistake(
                "one operation for each parameter and token",
                lambda *values: _waits(*values, factor=1 / 6),
                "How many operations does a parameter take part in, for each token of training?",
            ),
            Mistake(
                "gradients of four bytes, or sent twice (or a card with a sparse peak)",
                lambda *values: _waits(*values, size=4),
                "In which format are the gradients, and how often are they sent? And which peak is dense?",
            ),
            Mistake(
                "one byte for each gradient",
                lambda *values: _waits(*values, size=1),
                "In which format are the gradients? How many bytes?",
            ),
            Mistake(
                "the seconds of sending",
                lambda *values: _waits(*values) * _computing(*values),
                "These are right. Over which other time?",
            ),
            Mistake(
                "the seconds of computing",
                _computing,
                "These are right. They belong below the line; what is above it?",
            ),
            Mistake(
                "both times below the line",
                lambda *values: _waits(*values) / (1 + _waits(*values)),
                "That is the share of both, one after the other. Over the computing alone?",
            ),
            Mistake(
                "percent", lambda *values: 100 * _waits(*values), "The question asks for a fraction, not for percent."
            ),
            Mistake(
                "percent, and bits taken for bytes at a full peak",
                lambda *values: 100 * in_report(*values),
                "That is the number of the report, which has two slips. And the question asks for a fraction.",
            ),
            Mistake(
                "percent, with a card at its peak",
                lambda *values: 100 * _at_peak(*values),
                "What does this program reach of the peak? And the question asks for a fraction.",
            ),
            Mistake(
                "eight operations for each parameter and token",
                lambda *values: _waits(*values, factor=8 / 6),
                "Nothing is done a second time here. How many operations does the question name?",
            ),
            Mistake("the fraction upside down", lambda *values: 1 / _waits(*values), "Sending is above the line."),
        ),
    ),
}

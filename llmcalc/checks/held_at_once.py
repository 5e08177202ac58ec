"""Questions about the fullest moment of a training step: right answers, and the mistakes that people make."""

from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from llmcalc.checks.engine import Choice, Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.checks.training import slips
from llmcalc.compute import examples_per_second
from llmcalc.flops import forward_ledger
from llmcalc.hardware import gpu
from llmcalc.measured import LOGIT_PEAKS
from llmcalc.memory import stored_bytes
from llmcalc.models import model
from llmcalc.states import state_ledger
from llmcalc.units import GB, GIB

FULLEST = LOGIT_PEAKS["16 bits, loss in fp32"][1]
"""Bytes for each logit, on the way back through the loss."""
PRESETS = ("llama-3-8b", "llama-2-7b", "mistral-nemo-12b", "qwen2.5-7b", "gemma-7b", "olmo-2-7b")
"""Models with vocabularies of many sizes."""
TRAINED, SEQUENCE = model("gpt2-large"), 1024
CARDS = ("rtx-4090", "rtx-3090", "a10", "l4")
"""Cards of 24 GB."""


@dataclass(frozen=True)
class Setting:
    """A way to run a training step: what is recomputed, sequences of a batch, and the share of the peak reached."""

    name: str
    recompute: str
    batch: int
    reached: float  # recomputed operations are counted as done

    def __str__(self):
        return (
            f"{self.name}: recompute {self.recompute:9}  batch {self.batch:2}  reaches {self.reached:.2f} of the peak"
        )


PLANNED = (("none", 4), ("none", 3), ("selective", 5), ("selective", 6), ("full", 13), ("full", 16))
"""What is recomputed, and the sequences of a batch."""
REACHED = {
    1: (0.39, 0.34, 0.38, 0.40, 0.47, 0.49),
    2: (0.42, 0.37, 0.41, 0.43, 0.50, 0.53),
    3: (0.36, 0.31, 0.35, 0.37, 0.43, 0.45),
    4: (0.45, 0.40, 0.44, 0.46, 0.53, 0.57),
}
"""By the number of a group: the shares of the peak that it expects of these, in their order."""


ORDERS = {1: (0, 1, 2, 3, 4, 5), 2: (1, 2, 3, 4, 5, 0), 3: (5, 4, 3, 2, 1, 0), 4: (4, 5, 0, 3, 2, 1)}
"""By the number of a group: the settings in its order. The best is neither the first nor the last that fits."""


def settings_of(group):
    """The settings that a group, a number from 1 to 4, considers; each group has them in another order."""
    rows = [(*how, reached) for how, reached in zip(PLANNED, REACHED[group], strict=True)]
    return tuple(Setting(name, *rows[place]) for name, place in zip("ABCDEF", ORDERS[group], strict=True))


def _fullest(setting, logit_bytes=FULLEST):
    """Bytes at the fullest moment: at the loss, or when the last layer is there again."""
    kept = TRAINED.activation_bytes(setting.batch, SEQUENCE, attention="explicit", recompute=setting.recompute)
    logits = stored_bytes(setting.batch * SEQUENCE * TRAINED.vocabulary, logit_bytes)
    at_loss = kept.total - kept.head_and_loss.log_probabilities.total + logits
    return state_ledger(TRAINED.parameters.total, "mixed").total + max(at_loss, kept.at_once)


def _fits(setting):
    return _fullest(setting) <= 24 * GB


AGAIN = {"none": (0, 0, 0), "selective": (0, 1, 0), "full": (1, 1, 0)}
"""How often layers, attention between tokens and the output layer run forward once more."""


def _pace(card, setting, again=None, once=(1, 1, 1), passes=3, reached=True):
    """Tokens in a second; `once` says how often a part counts in one pass, `again` in what is recomputed."""
    forward = forward_ledger(TRAINED, 1, SEQUENCE)
    parts = forward.layers.total, forward.attention.total, forward.lm_head.total
    again = again or AGAIN[setting.recompute]
    flops = sum(part * (count * passes + more) for part, count, more in zip(parts, once, again, strict=True))
    return examples_per_second(gpu(card).peak(), flops / SEQUENCE, setting.reached if reached else 1)


def _best(card, group, **how):
    return max(_pace(card, setting, **how) for setting in settings_of(group) if _fits(setting))


def _of(batch, **how):
    """What somebody answers who takes the setting with that batch."""
    return lambda card, group: next(
        _pace(card, setting, **how) for setting in settings_of(group) if setting.batch == batch
    )


def _logits(preset, batch, sequence, factor=1, unit=GB):
    return stored_bytes(batch * sequence * model(preset).vocabulary, factor * FULLEST) / unit


def _without_dropout():
    """Bytes at the end of the forward pass of the plan's model, with flash attention."""
    planned = model("gpt2-medium")
    return state_ledger(planned.parameters.total, "mixed").total + planned.activation_bytes(8, 1024).total


QUESTIONS = {
    "logits_at_the_fullest": Number(
        values={
            "preset": Own("a model, for its vocabulary", PRESETS),
            "batch": Own("sequences of a batch", (2, 3, 4, 5, 6)),
            "sequence": Own("tokens of a sequence", (4096, 1024, 1536, 2048, 3072)),
        },
        right=_logits,
        unit="GB",
        hint="How many logits are there? And what does the program hold for each of them, at this moment? "
        "Perhaps more than one thing is off.",
        mistakes=(
            Mistake(
                "GiB in place of GB",
                partial(_logits, unit=GIB),
                "A GB is a power of ten.",
            ),
            Mistake("bits for bytes", partial(_logits, factor=8), "A byte has eight bits. Which of them is asked for?"),
            Mistake(
                "one sequence of the batch",
                lambda preset, batch, sequence: _logits(preset, 1, sequence),
                "How many sequences are there?",
            ),
            *slips(
                (
                    (
                        "one of the two gradients forgotten (or both in 16 bits, or the way forward meant)",
                        Fraction(10, FULLEST),
                        "Two gradients are there together, for a moment, both in fp32.",
                    ),
                    ("both gradients forgotten", Fraction(6, FULLEST), "That is held when the way back begins."),
                    ("the 16-bit logits forgotten", Fraction(12, FULLEST), "Does the program still hold the logits?"),
                    ("all of it in fp32", Fraction(16, FULLEST), "In which format are the logits themselves?"),
                    ("all of it in 16 bits", Fraction(8, FULLEST), "In which format does the loss work?"),
                    (
                        "the fp32 copy of the logits still there",
                        Fraction(18, FULLEST),
                        "That copy is gone before the way back begins. What did it leave behind?",
                    ),
                    ("the log-probabilities alone", Fraction(4, FULLEST), "They are kept. What else is there?"),
                    ("the logits alone", Fraction(2, FULLEST), "They are there. What else is?"),
                ),
                lambda factor, *sizes: _logits(*sizes, factor=factor),
            ),
        ),
    ),
    "slip_in_savings": Choice(
        right="c",
        because="With flash attention the score matrices are gone, and with them what dropout kept there. The "
        "difference of line c was taken from a step that still has them, so the same bytes are saved twice: it should "
        f"say {_without_dropout() / GB:.2f} GB.",
        replies={
            "a": "Sixteen bytes for each parameter, and everything the layers and the loss keep. Check the next line.",
            "b": "Both calls differ in one thing, and so the difference is what that keeps. Check the next line.",
            "d": "It starts anew and takes nothing from the lines above. Where does the plan become impossible?",
        },
    ),
    "fastest_that_fits": Number(
        values={
            "card": Own("a card of 24 GB", CARDS),
            "group": Own("which of four groups you belong to: each has estimates of its own", tuple(REACHED)),
        },
        right=_best,
        unit="tokens/s",
        hint="For each setting the bytes at its fullest moment; leave out what does not fit. Then for each that is "
        "left the work of a token, with what is done twice, and the rate. Perhaps more than one thing is off.",
        mistakes=(
            Mistake(
                "four sequences and no recomputation",
                _of(4),
                "Does it fit? Count all states, what the loss holds, and a score matrix for every head.",
            ),
            Mistake("three sequences and no recomputation", _of(3), "It fits. Is there none that is faster?"),
            Mistake(
                "six sequences and selective recomputation",
                _of(6),
                "Does it fit? Count all states, all that the loss holds at its fullest, and a GB as a power of ten.",
            ),
            Mistake(
                "thirteen sequences and full recomputation",
                _of(13),
                "It fits and reaches most. But how much of it is done twice?",
            ),
            Mistake(
                "sixteen sequences and full recomputation",
                _of(16),
                "Does it fit? Count all states, all that the loss holds at once, and a GB as a power of ten.",
            ),
            Mistake(
                "what is done twice not counted, in any setting",
                partial(_best, again=(0, 0, 0)),
                "The share of the peak that is reached counts all operations, repeated ones as well.",
            ),
            Mistake(
                "the attention that is done twice not counted",
                _of(5, again=(0, 0, 0)),
                "The share of the peak that is reached counts all operations, repeated ones as well.",
            ),
            Mistake(
                "all layers done twice, where only attention is",
                _of(5, again=AGAIN["full"]),
                "What does this setting recompute?",
            ),
            Mistake(
                "a whole forward pass done twice, where only attention is",
                _of(5, again=(1, 1, 1)),
                "What does this setting recompute?",
            ),
            Mistake(
                "attention between tokens not counted (or the rule 6PD)",
                _of(5, again=(0, 0, 0), once=(1, 0, 1)),
                "Products between tokens need no weights, but they need time.",
            ),
            Mistake(
                "attention between tokens counted only where it is done twice (or the rule 6PD, and that)",
                _of(5, once=(1, 0, 1)),
                "Products between tokens need no weights, but they need time, in every pass.",
            ),
            Mistake(
                "attention between tokens not counted (or the rule 6PD), and nothing of what is done twice",
                partial(_best, again=(0, 0, 0), once=(1, 0, 1)),
                "Two things are missing: products between tokens, and whatever a setting repeats.",
            ),
            Mistake(
                "sixteen sequences and full recomputation, and what is done twice not counted",
                _of(16, again=(0, 0, 0)),
                "Does it fit? And what does it do a second time?",
            ),
            Mistake(
                "the output layer not counted",
                _of(5, once=(1, 1, 0)),
                "The output layer is a matrix, too.",
            ),
            Mistake("the forward pass alone", _of(5, passes=1), "A training step goes back as well."),
            Mistake(
                "a backward pass that costs no more than a forward pass",
                _of(5, passes=2),
                "Going back takes two products for each of the forward pass.",
            ),
            Mistake(
                "the share of the peak forgotten", partial(_best, reached=False), "The peak is not what is reached."
            ),
            Mistake(
                "sequences in place of tokens",
                lambda *own: _best(*own) / SEQUENCE,
                "How many tokens does a sequence have?",
            ),
            Mistake(
                "the work of a token for that of a whole batch",
                lambda *own: 5 * SEQUENCE * _best(*own),
                "Divide a rate by the work of one token, and you have tokens in a second already.",
            ),
        ),
    ),
}

"""Questions about plans that go wrong: the change, the slip, the term that is missing, and the money."""

from dataclasses import dataclass, replace

from llmcalc.checks.apart import told_apart
from llmcalc.checks.engine import Choice, Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.compute import cost, gpu_hours, seconds_for
from llmcalc.hardware import gpu
from llmcalc.inference import serving_flops
from llmcalc.models import model
from llmcalc.timeline import peak, step_timeline
from llmcalc.units import HOUR, MINUTE

LENGTHS = (2048, 4096, 8192)


def measured_runs(name="llama-3.2-1b", lengths=LENGTHS):
    """Tokens, bytes planned and bytes "measured": a step of one sequence that does what the plan does not know of."""
    small = model(name)
    for tokens in lengths:
        sizes = {"batch": 1, "sequence": tokens}
        planned, simulated = (peak(step_timeline(small, attention=way, **sizes)).total for way in ("flash", "explicit"))
        yield tokens, planned, simulated


TUNED, CARD = model("mistral-7b").parameters.total, gpu("a6000")
EXAMPLES = tuple(thousands * 1000 for thousands in (60, 20, 30, 40, 50, 80, 90, 120))
LONG, EPOCHS = (700, 400, 500, 600, 800, 900, 1100, 1200), (3, 2, 4, 5)
"""Examples of a text, tokens of one of them, and how often each is read."""
CARDS, SLOW, FAST, PRICES = (4, 6, 8, 10), (0.2, 0.16, 0.18, 0.22, 0.24, 0.26), 0.35, (0.85, 0.6, 0.7, 0.75, 0.8, 0.9)
"""Cards, the least and the largest share of their peak that is reached, dollars for a GPU-hour."""


@dataclass(frozen=True)
class Adapting:
    """A fine-tuning of adapters, or what somebody takes it for."""

    examples: int
    long: int
    epochs: int
    cards: int
    share: float
    price: float
    passes: int = 2  # over the weights, of two operations each

    @property
    def hours(self):
        """Hours on the clock."""
        flops = self.passes * serving_flops(TUNED, self.examples * self.long * self.epochs)
        return seconds_for(flops, self.cards * CARD.peak(), self.share) / HOUR

    @property
    def bill(self):
        """Dollars."""
        return cost(gpu_hours(self.cards, self.hours * HOUR), self.price)


def _taken_for(**otherwise):
    """The bill of somebody who takes some of the values for others."""
    return lambda *values: replace(Adapting(*values), **otherwise).bill


def _times(factor):
    """The bill of somebody who multiplies it once more; `factor` takes the fine-tuning."""
    return lambda *values: Adapting(*values).bill * factor(Adapting(*values))


QUESTIONS = {
    "first_change": Choice(
        right="c",
        because="Activations and what is in flight shrink to an eighth. The sum of the gradients is there all along, "
        "and it is the same sum: 61.2 GB, and not one operation more.",
        replies={
            "a": "It shrinks the activations. Which items does it leave as they are? Add up again, with the margin.",
            "b": "Halve its item, and add up again: how much is still missing? The optimizer does not depend on the "
            "number of sequences. Which items do?",
            "d": "That fits. But a model that never sees more than 512 tokens at once learns something else. Is there "
            "a change that leaves the job as it is?",
            "e": "That fits. But it is a second card to pay for. Is there a change that needs none?",
        },
    ),
    "slip_in_plan": Choice(
        right="c",
        because="ZeRO shares the states. What a GPU keeps of its own two sequences it keeps alone: 64.4 GB, "
        "which with the states is about 90 GB, and does not fit.",
        replies={
            "a": "16 bytes for each parameter, and stage 3 shares all of them among the GPUs. Check the next line.",
            "b": "This is what lesson 07 counts for two sequences. Check what is done with it.",
            "d": "The sum and its margin are right, of items one of which is not.",
        },
    ),
    "term_that_explains": Choice(
        right="d",
        because="Twice the text, (almost) four times the gap: only what every token has with every other one grows "
        "like that. It is a plan for flash attention, and the program keeps the scores.",
        replies={
            "a": "How does a copy of all gradients grow with the length of the text? And how does the gap?",
            "b": "What a norm keeps it keeps for each token. How does it grow where the text is twice as long? And how "
            "does the gap?",
            "c": "There are so many logits for each token. How do they grow where the text is twice as long? And how "
            "does the gap?",
            "e": "Which share of the plan would the gap be then, in all three rows?",
        },
    ),
    "put_aside_for_adapters": Number(
        values={
            "examples": Own("examples of the text", EXAMPLES),
            "long": Own("tokens of an example", LONG),
            "epochs": Own("times that the text is read", EPOCHS),
            "cards": Own("cards of the job", CARDS),
            "slow": Own("the least share of the peak that is reached", SLOW),
            "price": Own("dollars for an hour of a card", PRICES),
        },
        where=lambda *values: told_apart(QUESTIONS["put_aside_for_adapters"], *values),
        right=_taken_for(),
        unit="dollars",
        hint="Tokens, operations, seconds on all cards together, GPU-hours, dollars: one line for each. Perhaps more "
        "than one thing is off.",
        mistakes=(
            Mistake(
                "the operations of a full training",
                _taken_for(passes=3),
                "The weights are frozen. Which of the three products of a layer is not needed?",
            ),
            Mistake(
                "the forward pass alone",
                _taken_for(passes=1),
                "The loss reaches an adapter only back through the layers above it.",
            ),
            Mistake(
                "the operations of a full training with recomputation",
                _taken_for(passes=4),
                "Nothing is computed twice here, and the weights are frozen.",
            ),
            Mistake("one reading of the text", _taken_for(epochs=1), "How often is each example read?"),
            Mistake("the examples taken for tokens", _taken_for(long=1), "An example has many tokens."),
            Mistake(
                "the fast end",
                _taken_for(share=FAST),
                "At which share of the peak does the money run out last, and at which first?",
            ),
            Mistake(
                "the middle of the two shares",
                lambda *values: replace(Adapting(*values), share=(Adapting(*values).share + FAST) / 2).bill,
                "Put aside what is enough in the bad case, too.",
            ),
            Mistake("the share that is reached forgotten", _taken_for(share=1), "The peak is not what is reached."),
            Mistake(
                "hours on the clock paid, not GPU-hours (or the rate of all cards for one)",
                _times(lambda job: 1 / job.cards),
                "All the cards run, and each of them is paid by the hour.",
            ),
            Mistake(
                "hours on the clock in place of dollars",
                lambda *values: Adapting(*values).hours,
                "How many cards are paid in each of these hours, and what does one cost?",
            ),
            Mistake(
                "the share of the peak on the wrong side of the line",
                _times(lambda job: job.share**2),
                "Does a lower share make the run shorter or longer?",
            ),
            Mistake(
                "the cards counted twice",
                _times(lambda job: job.cards),
                "Twice the cards take half the hours. What do they cost, then?",
            ),
            Mistake("seconds paid like hours", _times(lambda job: HOUR), "The price is that of an hour."),
            Mistake("minutes paid like hours", _times(lambda job: HOUR // MINUTE), "The price is that of an hour."),
            Mistake("GPU-hours in place of dollars", _taken_for(price=1), "And what does one of them cost?"),
        ),
    ),
}

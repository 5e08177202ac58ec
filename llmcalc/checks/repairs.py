"""Questions about plans that go wrong: the change, the slip, the term that is missing, and the money."""

from llmcalc.checks.engine import Choice, Mistake, Number
from llmcalc.compute import cost, gpu_hours, seconds_for, training_flops
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


TUNED, CARD, CARDS = model("mistral-7b").parameters.total, gpu("a6000"), 4
EXAMPLES, LONG, EPOCHS = 60_000, 700, 3
"""Examples of a text, tokens of one of them, and how often each is read."""
SLOW, FAST, PRICE = 0.2, 0.35, 0.85
"""Shares of the peak that are reached, and dollars for a GPU-hour."""


def _bill(tokens=EXAMPLES * LONG * EPOCHS, share=SLOW, hours=1, flops=None, price=PRICE):
    """Dollars for the fine-tuning; `hours` is what somebody multiplies the GPU-hours with."""
    flops = flops or 2 * serving_flops(TUNED, tokens)
    seconds = seconds_for(flops, CARDS * CARD.peak(), share)
    return cost(gpu_hours(CARDS, seconds), price) * hours


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
        right=_bill,
        unit="dollars",
        hint="Tokens, operations, seconds on all four cards, GPU-hours, dollars: one line for each. Perhaps more than "
        "one thing is off.",
        mistakes=(
            Mistake(
                "the operations of a full training",
                lambda: _bill(flops=training_flops(TUNED, EXAMPLES * LONG * EPOCHS)),
                "The weights are frozen. Which of the three products of a layer is not needed?",
            ),
            Mistake(
                "the forward pass alone",
                lambda: _bill() / 2,
                "The loss reaches an adapter only back through the layers above it.",
            ),
            Mistake(
                "the operations of a full training with recomputation",
                lambda: _bill() * 2,
                "Nothing is computed twice here, and the weights are frozen.",
            ),
            Mistake(
                "one reading of the text",
                lambda: _bill(EXAMPLES * LONG),
                "How often is each example read?",
            ),
            Mistake("the examples taken for tokens", lambda: _bill(EXAMPLES * EPOCHS), "An example has many tokens."),
            Mistake(
                "the fast end",
                lambda: _bill(share=FAST),
                "At which share of the peak does the money run out last, and at which first?",
            ),
            Mistake(
                "the middle of the two shares",
                lambda: _bill(share=(SLOW + FAST) / 2),
                "Put aside what is enough in the bad case, too.",
            ),
            Mistake("the share that is reached forgotten", lambda: _bill(share=1), "The peak is not what is reached."),
            Mistake(
                "hours on the clock paid, not GPU-hours (or the rate of four cards for one)",
                lambda: _bill() / CARDS,
                "Four cards run, and each of them is paid by the hour.",
            ),
            Mistake(
                "hours on the clock in place of dollars",
                lambda: _bill(price=1) / CARDS,
                "How many cards are paid in each of these hours, and what does one cost?",
            ),
            Mistake(
                "the share of the peak on the wrong side of the line",
                lambda: _bill(share=1) * SLOW,
                "Does a lower share make the run shorter or longer?",
            ),
            Mistake(
                "the cards counted twice",
                lambda: _bill() * CARDS,
                "With four cards the job takes a quarter of the hours. What do four cards cost for a quarter?",
            ),
            Mistake("seconds paid like hours", lambda: _bill(hours=HOUR), "The price is that of an hour."),
            Mistake("minutes paid like hours", lambda: _bill(hours=HOUR // MINUTE), "The price is that of an hour."),
            Mistake("GPU-hours in place of dollars", lambda: _bill(price=1), "And what does one of them cost?"),
        ),
    ),
}

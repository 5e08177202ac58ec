"""Questions about verdicts: whether a need fits with its margin, and how much of something just does."""

from fractions import Fraction
from math import ceil, floor

from llmcalc.checks.engine import Choice, Formula, Mistake, Number
from llmcalc.planning import plan
from llmcalc.symbolic import ceil_div
from llmcalc.units import GIB

STEM = {"model": "llama-3.2-3b", "job": "fine-tuning", "method": "lora", "gpu": "a6000", "sequence": 192}
FEW, MORE = 4, 8
"""A fine-tuning, and the two batches that it is planned with."""


def two_plans():
    """The fine-tuning of question 3 with its two batches."""
    return plan(**STEM, batch=FEW), plan(**STEM, batch=MORE)


def _batch(memory=None, margin=Fraction(1, 5), rounded=floor, fixed=None, each=None):
    """The batch that just fits, for somebody who takes these for the room, for what is fixed, and for a sequence."""
    few, more = two_plans()
    each = each or Fraction(more.total - few.total, MORE - FEW)
    fixed = few.total - FEW * each if fixed is None else fixed
    return rounded(((memory or few.capacity) / (1 + margin) - fixed) / each)


def _room(memory_bytes, margin, kept_bytes):
    """Bytes of a GPU that are left for its share of the states."""
    return memory_bytes / (1 + margin) - kept_bytes


def _nodes(state_bytes, kept_bytes, memory_bytes, margin, gpus_per_node, room=_room, states=1):
    """Whole nodes, for somebody who sees this room on a GPU, and takes the states times something."""
    return ceil_div(states * state_bytes, gpus_per_node * room(memory_bytes, margin, kept_bytes))


def _nodes_down(state_bytes, kept_bytes, memory_bytes, margin, gpus_per_node):
    """For somebody who rounds down."""
    return state_bytes // (gpus_per_node * _room(memory_bytes, margin, kept_bytes))


def _gpus(*values, **how):
    return values[-1] * _nodes(*values, **how)


QUESTIONS = {
    "three_verdicts": Choice(
        right="b",
        because="With a fifth more than they need, A takes 47.3 GB of 48 and C 80.4 GB of 80. B needs 40.8 GB of 40, "
        "even without a margin.",
        replies={
            "a": "Look at the units of B: how many GB are 38 GiB?",
            "c": "The margin is a fifth of the need, not a fifth of the card. What does A take with its margin?",
            "d": "C needs less than its card has. Is that enough? And with a tenth for the margin: is that the margin "
            "asked for?",
            "e": "There are three verdicts. What does it mean that C fits without its margin, and not with it?",
        },
    ),
    "largest_margin": Formula(
        right=lambda needed_bytes, memory_bytes: memory_bytes / needed_bytes - 1,
        between={"needed_bytes": range(10, 50), "memory_bytes": range(50, 200)},
        hint="Write down when a need with a margin just fills the memory. Then solve for the margin. Do not round.",
        mistakes=(
            Mistake(
                "a share of the memory",
                lambda needed, memory: 1 - needed / memory,
                "That is how much of the card is free. The margin is a share of something else.",
            ),
            Mistake(
                "bytes in place of a share",
                lambda needed, memory: memory - needed,
                "These are the bytes that are left over. Which share of the need are they?",
            ),
            Mistake(
                "the whole in place of what comes on top",
                lambda needed, memory: memory / needed,
                "A margin of zero: what has your function to return where the need fills the card?",
            ),
            Mistake(
                "the share that is used",
                lambda needed, memory: needed / memory,
                "That falls as the card grows. What should a margin do?",
            ),
            Mistake(
                "the other sign",
                lambda needed, memory: 1 - memory / needed,
                "Which of the two is larger where a job fits?",
            ),
            Mistake(
                "the fraction upside down",
                lambda needed, memory: needed / memory - 1,
                "A larger card leaves a larger margin. Does yours?",
            ),
            Mistake(
                "percent in place of a share",
                lambda needed, memory: 10**2 * (memory / needed - 1),
                "A margin of a fifth is 0.2.",
            ),
            Mistake(
                "rounding to a whole number",
                lambda needed, memory: memory // needed - 1,
                "A margin is a share, such as 0.2. If your function divides with `//`, leave that out.",
            ),
            Mistake(
                "the fifth of lesson 10 taken off",
                lambda needed, memory: memory / needed - Fraction(6, 5),
                "The question asks for the whole margin, not for what is left beyond a fifth.",
            ),
        ),
    ),
    "batch_that_just_fits": Number(
        right=_batch,
        unit="sequences",
        tolerance=0,
        whole="Half a sequence cannot be trained: round in the direction that still fits.",
        hint="Two plans give you what a sequence takes, and what is there without any. Then: how much may be needed, "
        "so that the margin is left? Perhaps more than one thing is off.",
        mistakes=(
            Mistake(
                "rounding up (or with something too small for what is fixed)",
                lambda: _batch(rounded=ceil),
                "Is the last of these sequences there as a whole, with its margin? And is all that is fixed counted?",
            ),
            Mistake("no margin", lambda: _batch(margin=0), "That is where the verdict becomes 'does not fit'."),
            Mistake(
                "a margin of a fifth of the card",
                lambda: floor(_batch(Fraction(4, 5) * two_plans()[0].capacity, 0)),
                "The margin is a share of the need. How large may the need be?",
            ),
            Mistake("GiB in place of GB", lambda: _batch(memory=48 * GIB), "The card's bytes are in `memory`."),
            Mistake("a margin of a tenth", lambda: _batch(margin=Fraction(1, 10)), "The margin is a fifth."),
            Mistake(
                "a need that grows with the batch alone",
                lambda: floor(two_plans()[0].capacity / Fraction(6, 5) / Fraction(two_plans()[0].total, FEW)),
                "Twice the batch: is the second plan twice the first? The weights are there once.",
            ),
            Mistake(
                "a need that grows with the batch alone, of the larger plan",
                lambda: floor(two_plans()[0].capacity / Fraction(6, 5) / Fraction(two_plans()[1].total, MORE)),
                "Twice the batch: is the second plan twice the first? The weights are there once.",
            ),
            Mistake(
                "what is fixed forgotten",
                lambda: _batch(fixed=0),
                "Weights and adapters are there before the first sequence.",
            ),
            Mistake(
                "the sequences that come on top of the first plan",
                lambda: _batch(fixed=two_plans()[0].total),
                "The first plan has sequences already. The question asks for all of them.",
            ),
            Mistake(
                "the larger batch taken for what the two plans differ by",
                lambda: _batch(each=Fraction(two_plans()[1].total - two_plans()[0].total, MORE)),
                "By how many sequences do the two plans differ?",
            ),
            Mistake(
                "one sequence of the first plan taken out, where it has several",
                lambda: floor(_batch(rounded=Fraction) - FEW + 1),
                "How many sequences are in the first plan? What is left without any?",
            ),
            Mistake(
                "several sequences taken for one",
                lambda: _batch(each=two_plans()[1].total - two_plans()[0].total),
                "By how many sequences do the two plans differ?",
            ),
            Mistake(
                "several sequences taken for one, at the end",
                lambda: floor(_batch(rounded=Fraction) / (MORE - FEW)),
                "By how many sequences do the two plans differ?",
            ),
            Mistake(
                "steps from the one plan to the other in place of sequences",
                lambda: floor(_batch(fixed=two_plans()[0].total, rounded=Fraction) / (MORE - FEW)),
                "A step from the one plan to the other has how many sequences? And the first plan has some already.",
            ),
        ),
    ),
    "gpus_in_whole_nodes": Formula(
        right=lambda state_bytes, kept_bytes, memory_bytes, margin, gpus_per_node: _gpus(
            state_bytes, kept_bytes, memory_bytes, margin, gpus_per_node
        ),
        between={
            "state_bytes": range(2000, 100_000),
            "kept_bytes": range(1, 20),
            "memory_bytes": range(50, 200),
            "margin": (0, Fraction(1, 2)),
            "gpus_per_node": range(2, 17),
        },
        edges=(  # the nodes are just full, or just not
            (480, 10, 60, Fraction(1, 5), 4),
            (481, 10, 60, Fraction(1, 5), 4),
            (800, 10, 60, Fraction(1, 5), 2),
        ),
        hint="First one GPU: how many bytes may it need, and how many of them are left for its share of the states? "
        "Then whole nodes, then their GPUs.",
        mistakes=(
            Mistake(
                "the number of nodes",
                _nodes,
                "These are nodes. The question asks for GPUs.",
            ),
            Mistake(
                "single GPUs in place of whole nodes",
                lambda *values: ceil_div(values[0], _room(values[2], values[3], values[1])),
                "GPUs come by the node. What is rounded up, then?",
            ),
            Mistake(
                "no rounding",
                lambda *values: values[0] / _room(values[2], values[3], values[1]),
                "Only whole nodes can be had.",
            ),
            Mistake(
                "rounding down",
                lambda *values: values[-1] * _nodes_down(*values),
                "What becomes of the states that do not fit into these nodes?",
            ),
            Mistake(
                "a node too many where the last one is just full",
                lambda *values: values[-1] * (_nodes_down(*values) + 1),
                "If all fits into whole nodes, what has one more to hold?",
            ),
            Mistake(
                "the room of one GPU taken for that of a node",
                lambda *values: values[-1] * _nodes(*values[:-1], 1),
                "How many GPUs of a node share the states?",
            ),
            Mistake(
                "a margin of a fifth, whatever is asked",
                lambda *values: _gpus(*values, room=lambda memory, margin, kept: memory / Fraction(6, 5) - kept),
                "Your function is told the margin. Does it use that?",
            ),
            Mistake(
                "no margin",
                lambda *values: _gpus(*values, room=lambda memory, margin, kept: memory - kept),
                "A GPU that is full to the brim does not fit.",
            ),
            Mistake(
                "parentheses missing below the line",
                lambda *values: _gpus(*values, room=lambda memory, margin, kept: memory + margin - kept),
                "Only the one stands below your line. What else has to stand there?",
            ),
            Mistake(
                "a margin as a share of the card",
                lambda *values: _gpus(*values, room=lambda memory, margin, kept: memory * (1 - margin) - kept),
                "The margin is a share of the need. Which need just fills the card then?",
            ),
            Mistake(
                "a margin for the states alone",
                lambda *values: _gpus(*values, room=lambda memory, margin, kept: memory - kept, states=1 + values[3]),
                "What is kept of the sequences is part of the need as well.",
            ),
            Mistake(
                "a margin for what is kept alone",
                lambda *values: _gpus(*values, room=lambda memory, margin, kept: memory - kept * (1 + margin)),
                "The states are part of the need as well.",
            ),
            Mistake(
                "the sequences forgotten",
                lambda *values: _gpus(*values, room=lambda memory, margin, kept: memory / (1 + margin)),
                "States are shared. What else does each GPU hold?",
            ),
            Mistake(
                "what is kept shared like the states",
                lambda states, kept, memory, margin, each: _gpus(states + kept, 0, memory, margin, each),
                "Each GPU works on sequences of its own. More GPUs, more sequences.",
            ),
            Mistake(
                "what is kept once for a node",
                lambda states, kept, memory, margin, each: _gpus(states, kept / each, memory, margin, each),
                "Each GPU works on sequences of its own.",
            ),
        ),
    ),
}

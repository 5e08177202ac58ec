"""Questions about verdicts: whether a need fits with its margin, and how many GPUs it takes until it does."""

from fractions import Fraction

from llmcalc.checks.engine import Choice, Formula, Mistake
from llmcalc.symbolic import ceil_div


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
            Mistake(
                "parentheses missing above the line",
                lambda needed, memory: memory - 1,
                "Python divides first: only the last term stands above your line.",
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
            Mistake(
                "eight GPUs in a node, whatever is asked",
                lambda *values: _gpus(*values[:-1], 8),
                "Your function is told how many GPUs a node has. Does it use that?",
            ),
        ),
    ),
}

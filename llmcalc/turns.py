"""Which micro-batch every stage of a pipeline works on, and when: the schedule behind the pipeline's formulas.

A turn is a forward or a backward pass of one micro-batch through one stage. Time is counted in forward passes of a
stage; a backward pass takes two of them, and sending takes none.
"""

from dataclasses import dataclass

from llmcalc.formula import one_of, whole

TAKES = {"forward": 1, "backward": 2}
ORDERS = ("1F1B", "all forward first")
"""One forward, one backward (Narayanan et al. 2021, figure 4); all forward, then all backward (Huang et al. 2019)."""


@dataclass(frozen=True)
class Turn:
    """One pass of a micro-batch through a stage, both counted from 0, from `start` to `end`."""

    stage: int
    phase: str
    micro_batch: int
    start: int
    end: int


def pipeline_turns(stages, micro_batches, order="1F1B"):
    """All turns of one training step, stage by stage, each as early as it can be.

    A forward pass waits for that of the stage before, a backward pass for that of the stage behind, and a stage does
    one thing at a time, in its order.

    Parameters
    ----------
    stages, micro_batches : int
        Length of the pipeline, and what goes through it in a step.
    order : str, default "1F1B"
        "1F1B": each stage sends forward as many micro-batches as there are stages from it to the end, then one
        backward and one forward in turns. "all forward first": all forward, then all backward.

    Returns
    -------
    list of Turn

    Examples
    --------
    >>> turns = pipeline_turns(stages=2, micro_batches=1)
    >>> [(turn.stage, turn.phase, turn.start, turn.end) for turn in turns]
    [(0, 'forward', 0, 1), (0, 'backward', 4, 6), (1, 'forward', 1, 2), (1, 'backward', 2, 4)]
    """
    stages = whole(stages, "stages", of="pipeline_turns", may_be_zero=False)
    micro_batches = whole(micro_batches, "micro_batches", of="pipeline_turns", may_be_zero=False)
    one_of("pipeline_turns", "order", order, ORDERS)
    waiting = [_line(stages - stage if order == "1F1B" else micro_batches, micro_batches) for stage in range(stages)]
    ended, done, free = {}, [[] for _ in range(stages)], [0] * stages
    while any(waiting):
        for stage, line in enumerate(waiting):
            while line and (ready := _ready(stage, *line[0], stages, ended)) is not None:
                phase, number = line.pop(0)
                start = max(free[stage], ready)
                free[stage] = ended[stage, phase, number] = start + TAKES[phase]
                done[stage].append(Turn(stage, phase, number, start, free[stage]))
    return [turn for stage in done for turn in stage]


def most_held(turns, stage):
    """Micro-batches whose activations a stage holds at once, at most: begun forward and not yet through backward.

    Examples
    --------
    >>> [most_held(pipeline_turns(4, 8, order), stage=0) for order in ORDERS]
    [4, 8]
    """
    held = most = 0
    for turn in (turn for turn in turns if turn.stage == stage):  # in the order of time
        held += 1 if turn.phase == "forward" else 0
        most = max(most, held)
        held -= 1 if turn.phase == "backward" else 0
    return most


def _line(ahead, micro_batches):
    """What a stage does in order, if it goes forward with so many micro-batches before the first backward."""
    ahead = min(ahead, micro_batches)
    line = [("forward", number) for number in range(ahead)]
    for number in range(micro_batches):
        line.append(("backward", number))
        if ahead + number < micro_batches:
            line.append(("forward", ahead + number))
    return line


def _ready(stage, phase, number, stages, ended):
    """When what a turn needs is there; None if nobody knows yet."""
    if phase == "forward":
        return ended.get((stage - 1, phase, number)) if stage else 0
    return ended.get((stage + 1, phase, number) if stage < stages - 1 else (stage, "forward", number))

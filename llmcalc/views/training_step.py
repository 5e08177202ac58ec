"""The memory of one training step over time, against what a device offers."""

from llmcalc.display import described, table
from llmcalc.formula import in_range, one_number
from llmcalc.models import model as published
from llmcalc.svg import stacked_areas
from llmcalc.timeline import largest_training_batch, peak, step_timeline
from llmcalc.units import GB, readable

PARTS = {part.replace(" ", "_"): part for part in ("weights", "optimizer", "gradients", "activations", "in flight")}
"""From below: what is always there, then what comes and goes."""


@in_range
def step_memory(
    model="gpt2", batch=8, sequence=1024, attention="explicit", recompute="none", recipe="mixed", memory_GB=24
):
    """Memory of a training step from stage to stage, its peak, and the largest batch for a memory, as HTML."""
    for name, value in (("batch", batch), ("sequence", sequence), ("memory_GB", memory_GB)):
        one_number(value, name, of="step_memory", may_be_zero=False)
    transformer, limit = published(model), memory_GB * GB
    how = {"attention": attention, "recompute": recompute, "recipe": recipe}
    timeline = step_timeline(transformer, batch, sequence, **how)
    fullest, fits = peak(timeline), largest_training_batch(transformer, limit, sequence, **how)
    says = (
        f"A training step of {model} with {batch:,} sequence{'s' if batch > 1 else ''} of {sequence:,} tokens takes "
        f"{readable(fullest.total, 'B')} at its peak, {_stage(fullest)}, and "
        f"{'fits' if fullest.total <= limit else 'does not fit'} into {readable(limit, 'B')}. "
        + (f"The largest batch is {fits:,}." if fits else "Not even one sequence fits.")
    )
    return described(step_picture(timeline, says, limit), says, _turns(timeline))


def step_picture(timeline, says, limit=None):
    """What is held at each moment of a step, as SVG; a limit far above the peak is left out."""
    stages = [{part: getattr(moment, field) for field, part in PARTS.items()} for moment in timeline]
    phases = {phase: [moment.phase for moment in timeline].count(phase) for phase in ("forward", "backward", "update")}
    line = (f"limit {readable(limit, 'B')}", limit) if limit and limit <= 3 * peak(timeline).total else None
    return stacked_areas(stages, phases, unit="B", limit=line, says=says)


def _stage(moment):
    """Where in the step a moment is, in words."""
    return "in the update" if moment.phase == "update" else f"in the {moment.phase} pass of {_place(moment.name)}"


def _place(name):
    return name if name.startswith("layer") else f"the {name}"


def _turns(timeline):
    """The stages where something turns, and the peak, as a table."""
    last = max(len(timeline) // 2 - 2, 1)  # the last layer, forward
    turns = {0, 1, last, last + 1, last + 2, last + 3, len(timeline) - 3, len(timeline) - 2, len(timeline) - 1}
    rows = []
    for place in sorted(turns | {timeline.index(peak(timeline))}):
        moment = timeline[place]
        values = (
            moment.weights + moment.optimizer,
            moment.gradients,
            moment.activations,
            moment.in_flight,
            moment.total,
        )
        name = "update" if moment.phase == "update" else f"{moment.phase}, {moment.name}"
        rows.append((name, *(readable(value, "B") for value in values)))
    return table(rows, ("stage", "weights, optimizer", "gradients", "activations", "in flight", "together"))

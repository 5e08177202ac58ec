"""Pictures of a training step that many GPUs share."""

from llmcalc.cluster import Layout, gpu_ledger
from llmcalc.display import described, table
from llmcalc.formula import in_range
from llmcalc.hardware import gpu
from llmcalc.models import model as published
from llmcalc.pipeline import idle_share, pipeline_bubble
from llmcalc.svg import lanes, stacked_bars
from llmcalc.traffic import step_seconds
from llmcalc.turns import most_held, pipeline_turns
from llmcalc.units import readable


def pipeline_schedule(stages=4, micro_batches=8, order="1F1B"):
    """Every turn of a pipeline in one step, what each stage waits and holds, as HTML."""
    turns = pipeline_turns(stages, micro_batches, order)
    end = max(turn.end for turn in turns)
    rows, numbers = {}, []
    for stage in range(stages):
        own = [turn for turn in turns if turn.stage == stage]
        works = sum(turn.end - turn.start for turn in own)
        rows[f"stage {stage + 1}"] = [(turn.phase, str(turn.micro_batch + 1), turn.start, turn.end) for turn in own]
        numbers.append((stage + 1, works, end - works, most_held(turns, stage)))
    idle = idle_share(pipeline_bubble(stages, micro_batches))
    says = (
        f"{_count(micro_batches, 'micro-batch', 'micro-batches')} through {_count(stages, 'stage')}, {order}: "
        f"each stage works for {works} of {end} units of time and is idle for {idle:.1%} of the step. "
        f"The first stage holds at most {_count(numbers[0][-1], 'micro-batch', 'micro-batches')} at once."
    )
    picture = lanes(rows, x_label="time; a forward pass of a stage takes 1, a backward pass 2", says=says)
    return described(picture, says, table(numbers, ("stage", "time at work", "time idle", "micro-batches held")))


@in_range
def shared_step(
    model="llama-3-70b", data_parallel=8, tensor_parallel=8, pipeline_parallel=1, zero=1, sequence_parallel=False,
    recompute="full", batch=256, micro_batch=1, sequence=8192, accelerator="h100-sxm",
):  # fmt: skip
    """What the fullest GPU of a layout holds and sends in a training step, and the least time it takes, as HTML.

    A model with learned positions reads no longer sequences than it has positions.
    """
    transformer, device = published(model), gpu(accelerator)
    sequence = min(sequence, transformer.positions or sequence)
    layout = Layout(
        batch=batch,
        micro_batch=micro_batch,
        data_parallel=data_parallel,
        tensor_parallel=tensor_parallel,
        pipeline_parallel=pipeline_parallel,
        zero=zero,
        sequence_parallel=sequence_parallel,
    )
    held = gpu_ledger(transformer, layout, sequence, recompute=recompute)
    spent = step_seconds(transformer, layout, device, sequence, recompute=recompute)
    parts = {name.replace("_", " "): amount for name, amount in held.items()}
    times = {_TIMES[name]: amount for name, amount in spent.items()}
    limit, fits = device.memory_bytes, held.total <= device.memory_bytes
    says = (
        f"{model} on {_count(layout.gpus, 'GPU')}: {_count(data_parallel, 'copy', 'copies')} of the model, each layer "
        f"shared by {_count(tensor_parallel, 'GPU')}, {_count(pipeline_parallel, 'stage')}. The fullest GPU holds "
        f"{readable(held.total, 'B')} and {'fits' if fits else 'does not fit'} into {readable(limit, 'B')}. "
        f"It sends {readable(spent.sent.total, 'B')} in a step. At most {spent.efficiency:.0%} of the peak rate is "
        f"left for the model."
    )
    bars = {f"held by the fullest GPU: {readable(held.total, 'B')}": parts}
    holds = stacked_bars(bars, unit="B", limit=(readable(limit, "B"), limit), says=says)
    takes = (
        f"A step of {_count(batch, 'sequence')} of {_count(sequence, 'token')} takes {readable(spent.total, 's')} "
        f"at the peak rate, or more."
    )
    bars = {f"a step at peak rate: {readable(spent.total, 's')}": times}
    lasts = stacked_bars(bars, unit="s", says=takes)
    rows = [("holds", name, readable(amount, "B")) for name, amount in parts.items()]
    rows += [("sends", _SENDS[name], readable(amount, "B")) for name, amount in spent.sent.items()]
    rows += [("takes", name, readable(amount, "s")) for name, amount in times.items()]
    return described(holds + lasts, f"{says} {takes}", table(rows, ("a GPU", "what", "amount")))


_SENDS = {"data": "between the copies", "tensor": "sums inside the layers", "pipeline": "from stage to stage"}
_TIMES = {
    "compute": "computing",
    "bubble": "bubble",
    "tensor": "sums inside the layers",
    "network": "not hidden between copies and stages",
}


def _count(number, one, many=None):
    return f"{number:,} {one if number == 1 else many or one + 's'}"

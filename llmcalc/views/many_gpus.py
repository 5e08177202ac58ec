"""Pictures of a training step that many GPUs share."""

from llmcalc.display import described, table
from llmcalc.pipeline import idle_share, pipeline_bubble
from llmcalc.svg import lanes
from llmcalc.turns import most_held, pipeline_turns


def pipeline_schedule(stages=4, micro_batches=8, order="1F1B"):
    """Every turn of a pipeline in one step, what each stage waits and holds, as HTML."""
    turns = pipeline_turns(stages, micro_batches, order)
    lasts = max(turn.end for turn in turns)
    rows, numbers = {}, []
    for stage in range(stages):
        own = [turn for turn in turns if turn.stage == stage]
        works = sum(turn.end - turn.start for turn in own)
        rows[f"stage {stage + 1}"] = [(turn.phase, str(turn.micro_batch + 1), turn.start, turn.end) for turn in own]
        numbers.append((stage + 1, works, lasts - works, most_held(turns, stage)))
    idle = idle_share(pipeline_bubble(stages, micro_batches))
    says = (
        f"{_count(micro_batches, 'micro-batch', 'micro-batches')} through {_count(stages, 'stage', 'stages')}, "
        f"{order}: "
        f"each stage works {works} of {lasts} turns and is idle for {idle:.1%} of the step. "
        f"The first stage holds at most {_count(numbers[0][-1], 'micro-batch', 'micro-batches')} at once."
    )
    header = ("stage", "turns at work", "turns idle", "micro-batches held")
    picture = lanes(rows, x_label="time in forward passes of a stage; a backward pass takes two", says=says)
    return described(picture, says, table(numbers, header))


def _count(number, one, many):
    return f"{number} {one if number == 1 else many}"

"""A step that many GPUs share: the turns of a pipeline, the lanes that show them, and the picture of a layout."""

from itertools import pairwise

import pytest
from drawing import check, drawings, read
from test_views import table_of

import llmcalc.views.many_gpus
from llmcalc.cluster import Layout, gpu_ledger
from llmcalc.hardware import gpu
from llmcalc.models import model
from llmcalc.pipeline import idle_share, in_flight_micro_batches, pipeline_bubble
from llmcalc.svg import lanes
from llmcalc.traffic import step_seconds
from llmcalc.turns import ORDERS, TAKES, most_held, pipeline_turns
from llmcalc.units import readable
from llmcalc.views.many_gpus import pipeline_schedule, shared_step

PIPELINES = [(1, 1), (1, 5), (2, 1), (3, 2), (4, 8), (8, 3), (8, 24)]
everywhere = pytest.mark.parametrize(("stages", "micro_batches"), PIPELINES)
both_orders = pytest.mark.parametrize("order", ORDERS)


# --- turns ----------------------------------------------------------------------------------------------------------


@everywhere
@both_orders
def test_every_micro_batch_goes_once_through_every_stage_each_way(stages, micro_batches, order):
    turns = pipeline_turns(stages, micro_batches, order)
    wanted = {(stage, phase, number) for stage in range(stages) for phase in TAKES for number in range(micro_batches)}
    assert len(turns) == len(wanted) and {(turn.stage, turn.phase, turn.micro_batch) for turn in turns} == wanted
    assert all(turn.end - turn.start == TAKES[turn.phase] for turn in turns)


@everywhere
@both_orders
def test_no_turn_begins_before_what_it_needs_is_there(stages, micro_batches, order):
    turns = pipeline_turns(stages, micro_batches, order)
    at = {(turn.stage, turn.phase, turn.micro_batch): turn for turn in turns}
    for turn in turns:
        if turn.phase == "forward" and turn.stage:
            assert turn.start >= at[turn.stage - 1, "forward", turn.micro_batch].end
        if turn.phase == "backward":
            assert turn.start >= at[turn.stage, "forward", turn.micro_batch].end
            if turn.stage < stages - 1:
                assert turn.start >= at[turn.stage + 1, "backward", turn.micro_batch].end
    for one, following in pairwise(turns):
        assert one.stage < following.stage or one.end <= following.start


@everywhere
@both_orders
def test_the_idle_time_is_the_bubble(stages, micro_batches, order):
    turns = pipeline_turns(stages, micro_batches, order)
    work, end = sum(TAKES.values()) * micro_batches, max(turn.end for turn in turns)
    assert (end - work) / work == pipeline_bubble(stages, micro_batches)


@everywhere
def test_one_forward_one_backward_holds_as_many_as_there_are_stages_ahead(stages, micro_batches):
    turns = pipeline_turns(stages, micro_batches)
    for stage in range(stages):
        assert most_held(turns, stage) == in_flight_micro_batches(stages - stage, micro_batches)
        assert most_held(pipeline_turns(stages, micro_batches, "all forward first"), stage) == micro_batches


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"stages": 0}, "pipeline_turns: stages must be .*got 0"),
        ({"micro_batches": 2.5}, "pipeline_turns: micro_batches must be .*got 2.5"),
        ({"order": "GPipe"}, "pipeline_turns: order must be 1F1B or all forward first, got 'GPipe'"),
    ],
)
def test_nonsense_is_refused_by_name(values, complaint):
    with pytest.raises((TypeError, ValueError), match=complaint):
        pipeline_turns(**{"stages": 2, "micro_batches": 2} | values)


# --- lanes ----------------------------------------------------------------------------------------------------------


def test_lanes_draw_every_piece_in_its_place_and_write_on_it_where_there_is_room():
    rows = {"one": [("cooking", "12", 0, 1), ("eating", "3", 2, 4)], "two": [("cooking", "4", 1, 40)]}
    (drawing,) = map(check, drawings(lanes(rows, x_label="hours", says="Two people.")))
    assert {"one", "two", "hours", "4", "cooking", "eating"} <= set(drawing.texts()) and "12" not in drawing.texts()


@pytest.mark.parametrize("boxes", [[], [("a", "1", 2, 2)], [("a", "1", -1, 2)]])
def test_lanes_refuse_work_that_takes_no_time(boxes):
    with pytest.raises(ValueError, match="lanes: 'one' needs work"):
        lanes({"one": boxes}, x_label="hours", says="Nothing.")


# --- pipeline_schedule ----------------------------------------------------------------------------------------------


@everywhere
@both_orders
def test_the_picture_of_a_pipeline_is_its_turns(handed, stages, micro_batches, order):
    seen, html = handed(llmcalc.views.many_gpus, "lanes", pipeline_schedule, **locals_of(stages, micro_batches, order))
    turns, (rows,) = pipeline_turns(stages, micro_batches, order), seen["args"]
    assert [(phase, int(mark) - 1, start, end) for boxes in rows.values() for phase, mark, start, end in boxes] == [
        (turn.phase, turn.micro_batch, turn.start, turn.end) for turn in turns
    ]
    for place, (stage, works, idle, held) in enumerate(table_of(html)):
        assert (int(stage), int(works), int(held)) == (place + 1, 3 * micro_batches, most_held(turns, place))
        assert int(idle) == 3 * (stages - 1)
    says = read(drawings(html)[0]).says
    assert f"idle for {idle_share(pipeline_bubble(stages, micro_batches)):.1%} of the step" in says


def locals_of(stages, micro_batches, order):
    return {"stages": stages, "micro_batches": micro_batches, "order": order}


# --- shared_step ----------------------------------------------------------------------------------------------------

LAYOUTS = (
    {},
    {"zero": 3, "tensor_parallel": 1, "data_parallel": 64, "micro_batch": 2},
    {"model": "gpt-3-175b", "pipeline_parallel": 8, "data_parallel": 1, "zero": 0, "recompute": "none"},
    {"tensor_parallel": 16, "batch": 64},
    {"data_parallel": 16, "tensor_parallel": 4, "zero": 3, "sequence_parallel": True, "recompute": "none"},
    {"model": "llama-3-8b", "data_parallel": 1, "tensor_parallel": 1, "accelerator": "b200", "batch": 1},
)


@pytest.mark.parametrize("values", LAYOUTS)
def test_the_picture_of_a_layout_is_its_ledgers(values):
    seen = []
    draw = llmcalc.views.many_gpus.stacked_bars
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            llmcalc.views.many_gpus, "stacked_bars", lambda bars, **how: seen.append((bars, how)) or draw(bars, **how)
        )
        html = shared_step(**values)
    cuts = {"batch": 256, "data_parallel": 8, "tensor_parallel": 8, "zero": 1}
    chosen = {"model": "llama-3-70b", "accelerator": "h100-sxm", "recompute": "full"} | cuts | values
    name, device = chosen.pop("model"), gpu(chosen.pop("accelerator"))
    how = {"recompute": chosen.pop("recompute")}
    layout, whole = Layout(**chosen), model(name)
    sequence = min(8192, whole.positions or 8192)  # GPT-3 has 2,048
    held, spent = gpu_ledger(whole, layout, sequence, **how), step_seconds(whole, layout, device, sequence, **how)
    (holds, first), (takes, _) = seen
    assert [list(parts.values()) for parts in holds.values()] == [[amount for _, amount in held.items()]]
    assert [list(parts.values()) for parts in takes.values()] == [[amount for _, amount in spent.items()]]
    assert first["limit"] == (readable(device.memory_bytes, "B"), device.memory_bytes)
    amounts = [readable(amount, "B") for ledger in (held, spent.sent) for _, amount in ledger.items()]
    amounts += [readable(amount, "s") for _, amount in spent.items()]
    assert [row[-1] for row in table_of(html)] == amounts
    says = read(drawings(html)[0]).says
    assert ("does not fit" in says) == (held.total > device.memory_bytes)
    assert f"holds {readable(held.total, 'B')}" in says and f"At most {spent.efficiency:.0%} of the peak" in says
    assert f"on {layout.gpus:,} GPU" in says
    assert f"of {sequence:,} tokens takes {readable(spent.total, 's')}" in read(drawings(html)[1]).says


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"tensor_parallel": 3}, "tensor_parallel = 3, got"),
        ({"pipeline_parallel": 7}, r"layers must be a multiple of pipeline_parallel \* interleave = 7, got 80"),
        ({"data_parallel": 24}, "got 256"),
        ({"zero": 4}, "zero must be 0, 1, 2 or 3, got 4"),
    ],
)
def test_an_impossible_layout_is_refused_in_a_sentence(values, complaint):
    with pytest.raises(ValueError, match=complaint):
        shared_step(**values)

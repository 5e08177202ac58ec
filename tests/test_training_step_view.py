"""The picture of a training step over time: what is drawn, told and tabled is the timeline."""

import re
from functools import partial

import pytest
from drawing import check, drawings, read
from test_valleys import rows_of
from test_views import number, table_of

import llmcalc.views.training_step
from llmcalc.models import model
from llmcalc.timeline import largest_training_batch, peak, step_timeline
from llmcalc.units import GB, readable
from llmcalc.views.training_step import step_memory

SETTINGS = (
    {},
    {"batch": 1},
    {"attention": "flash", "recompute": "full", "batch": 64},
    {"recompute": "selective", "recipe": "autocast", "memory_GB": 16},
    {"model": "llama-3-8b", "sequence": 8192, "attention": "flash", "recipe": "fp32", "memory_GB": 192},
    {"model": "llama-3-8b", "batch": 1, "sequence": 8192, "recompute": "full", "memory_GB": 192},
    {"model": "gpt-3-175b", "batch": 1, "recompute": "full"},
    {"memory_GB": 192},
)
DEFAULTS = {"model": "gpt2", "batch": 8, "sequence": 1024, "attention": "explicit", "recompute": "none"}
NAMES = ("weights", "optimizer", "gradients", "activations", "in flight")
DEFAULTS |= {"recipe": "mixed", "memory_GB": 24}


def timeline_of(values):
    chosen = DEFAULTS | values
    how = {name: chosen[name] for name in ("attention", "recompute", "recipe")}
    return step_timeline(model(chosen["model"]), chosen["batch"], chosen["sequence"], **how), how, chosen


@pytest.fixture
def drawn(handed):
    """A function that calls the view and gives what it hands to the drawing, and its HTML."""
    return partial(handed, llmcalc.views.training_step, "stacked_areas", step_memory)


@pytest.mark.parametrize("values", SETTINGS)
def test_every_stage_is_drawn_with_every_byte(drawn, values):
    seen, html = drawn(**values)
    timeline, _, chosen = timeline_of(values)
    stages, phases = seen["args"]
    for moment, stage in zip(timeline, stages, strict=True):
        assert sum(stage.values()) == moment.total
        parts = [getattr(moment, part) for part in ("weights", "optimizer", "gradients", "activations", "in_flight")]
        assert list(stage.items()) == list(zip(NAMES, parts, strict=True))
    layers = model(chosen["model"]).layers
    assert phases == {"forward": layers + 2, "backward": layers + 2, "update": 1}
    (drawing,) = map(check, drawings(html))
    assert f"peak {readable(peak(timeline).total, 'B')}" in drawing.texts()


@pytest.mark.parametrize("values", SETTINGS)
def test_a_limit_is_drawn_unless_it_lies_far_above(drawn, values):
    seen, _ = drawn(**values)
    timeline, _, chosen = timeline_of(values)
    limit = chosen["memory_GB"] * GB
    assert bool(seen["limit"]) == (limit <= 3 * peak(timeline).total)
    assert not seen["limit"] or seen["limit"] == (f"limit {readable(limit, 'B')}", limit)


@pytest.mark.parametrize(("factor", "shown"), [(2.9, True), (3.1, False)])
def test_a_limit_of_three_times_the_peak_is_drawn_yet(drawn, factor, shown):
    seen, _ = drawn(memory_GB=factor * peak(timeline_of({})[0]).total / GB)
    assert bool(seen["limit"]) == shown


@pytest.mark.parametrize("values", SETTINGS)
def test_the_sentence_tells_peak_place_and_largest_batch(values):
    says = read(drawings(step_memory(**values))[0]).says
    timeline, how, chosen = timeline_of(values)
    fullest, limit = peak(timeline), chosen["memory_GB"] * GB
    assert f"takes {readable(fullest.total, 'B')} at its peak" in says
    sequences = f"{chosen['batch']} sequence" if chosen["batch"] == 1 else f"{chosen['batch']} sequences"
    assert f"A training step of {chosen['model']} with {sequences} of {chosen['sequence']:,} tokens takes" in says
    assert ("does not fit" in says) == (fullest.total > limit)
    assert fullest.name in says and (fullest.phase == "update" or f"in the {fullest.phase} pass of" in says)
    fits = largest_training_batch(model(chosen["model"]), limit, chosen["sequence"], **how)
    found = re.search(r"The largest batch is ([\d,]+)\.", says)
    assert (int(number(found[1])) == fits) if found else ("Not even one sequence fits." in says and not fits)


@pytest.mark.parametrize("values", SETTINGS)
def test_the_table_has_the_turns_of_the_timeline_and_its_peak(values):
    html = step_memory(**values)
    rows = {row[0]: row[1:] for row in table_of(html)}
    names = ["stage", "weights, optimizer", "gradients", "activations", "in flight", "together"]
    assert list(rows_of(html)[0]) == names
    timeline, _, chosen = timeline_of(values)
    last = f"layer {model(chosen['model']).layers}"
    assert {f"forward, {last}", f"backward, {last}", "forward, layer 1", "backward, embedding"} <= set(rows)
    moments = {
        f"{moment.phase}, {moment.name}" if moment.phase != "update" else "update": moment for moment in timeline
    }
    top = peak(timeline)
    assert any(moments[name] is top for name in rows) and "update" in rows
    assert {"forward, embedding", "forward, loss", "backward, loss", "backward, layer 1"} <= set(rows)
    for name, cells in rows.items():
        moment = moments[name]
        parts = (moment.weights + moment.optimizer, moment.gradients, moment.activations, moment.in_flight)
        assert list(cells) == [readable(value, "B") for value in (*parts, moment.total)]


def test_a_model_of_one_layer_has_all_its_stages():
    """The turns are places in the timeline; with one layer several of them are the same."""
    from dataclasses import replace

    small = step_timeline(replace(model("gpt2"), layers=1), 1, 8)
    table = llmcalc.views.training_step._turns(small)
    assert table.count("<tr>") == len(small) + 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("batch", 0), ("sequence", 0), ("memory_GB", 0), ("memory_GB", -1), ("attention", "none"), ("recompute", "half"),
     ("batch", 1.5)],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=name):
        step_memory(**{name: value})


@pytest.mark.parametrize("name", ["batch", "sequence"])
def test_what_is_too_large_to_draw_is_refused_in_words(name):
    with pytest.raises(ValueError, match="step_memory: no finite number comes out of sizes as large as these"):
        step_memory(**{name: 1e300})


def test_unknown_models_and_recipes_are_refused_by_name():
    for name in ("model", "recipe"):
        with pytest.raises(KeyError, match="unheard-of"):
            step_memory(**{name: "unheard-of"})

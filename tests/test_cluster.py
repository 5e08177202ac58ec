"""A training step over many GPUs: one GPU as measured, published figures, laws, and what is refused in words."""

import itertools
import json
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from llmcalc.cluster import Layout, _Stage, gpu_ledger, model_slice, stage_parameters
from llmcalc.hardware import gpu
from llmcalc.models import model
from llmcalc.parallel import (
    full_recompute_activation_bytes,
    tensor_parallel_activation_bytes,
    tensor_parallel_block_parameters,
    tensor_parallel_selective_activation_bytes,
)
from llmcalc.pipeline import interleaved_pieces_held
from llmcalc.states import RECIPES
from llmcalc.timeline import peak, step_timeline
from llmcalc.traffic import NETWORK, PCIE, step_seconds, traffic_ledger
from llmcalc.transformer import Transformer

RECORDS = json.loads((Path(__file__).parent / "data" / "published_tables.json").read_text())["records"]
ITEMS = ("weights", "gradients", "optimizer", "activations", "in_flight")
GPT3, LLAMA = model("gpt-3-175b"), model("llama-3-8b")


def published(start):
    """Records whose names start with this, by the rest of the name; each a dict of its values."""
    rows = (record for record in RECORDS if record["name"].startswith(start))
    value = lambda entry: entry["value"] if isinstance(entry, dict) else entry  # noqa: E731
    return {
        row["name"].removeprefix(start).strip(): {name: value(of) for name, of in row["quantities"].items()}
        for row in rows
    }


MEMORY, TIMES = published("Korthikanti memory"), published("Korthikanti iteration time")
WEAK = {name: row for name, row in published("Megatron-LM ").items() if name.endswith("weak scaling")}


def megatron(row):
    """The model of a row; all of them have learned positions and this vocabulary."""
    sizes = {"n_embd": row["hidden"], "n_layer": row["layers"], "n_head": row["heads"], "n_positions": row["seq"]}
    return Transformer.from_config({"model_type": "gpt2", "vocab_size": 51_200, **sizes})


def layout_of(row, **more):
    names = ("tensor_parallel", "pipeline_parallel", "interleave", "micro_batch")
    return Layout(batch=row["global_batch"], **{name: row[name] for name in names}, **more)


# --- one GPU --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("name", ["gpt2", "llama-3-8b", "qwen2.5-0.5b"])
def test_one_gpu_holds_what_the_timeline_says(name, recipe):
    for update, recompute in (("fused", "none"), ("foreach", "full"), ("one tensor", "selective")):
        how = {"recipe": recipe, "update": update, "recompute": recompute, "attention": "explicit"}
        moment = peak(step_timeline(model(name), 4, 256, **how))
        held = gpu_ledger(model(name), Layout(batch=4, micro_batch=4), 256, **how)
        assert [getattr(held, item) for item in ITEMS] == [getattr(moment, item) for item in ITEMS]
        assert held.parameters == model(name).parameters.total and held.stage == 1
        summed = peak(step_timeline(model(name), 1, 256, accumulate=True, **how))
        assert gpu_ledger(model(name), Layout(batch=4), 256, **how).total == summed.total


def test_the_fullest_layer_is_the_first_or_the_last():
    choices = itertools.product((1, 2), (1, 4), (0, 1, 3), ("none", "selective", "full"), (False, True))
    for shared, stages, zero, recompute, summed in choices:
        layout = Layout(batch=32, data_parallel=4, tensor_parallel=shared, pipeline_parallel=stages, zero=zero)
        how = {"attention": "flash", "recompute": recompute, "accumulate": summed}
        for place in (1, stages):
            for tokens in (1, 4096):
                stage = _Stage(LLAMA, layout, place, tokens, "mixed", "foreach", how)
                every, ends = ({name: sum(held.values()) for name, held in stage.held(each)} for each in (True, False))
                assert len(every) > len(ends) and max(every.values()) == max(ends.values())
                assert all(every[name] == held for name, held in ends.items())


# --- published figures ----------------------------------------------------------------------------------------------


def test_a_layer_under_tensor_parallelism_keeps_what_is_published_and_the_statistics_of_its_norms():
    part = model_slice(GPT3, Layout(batch=8, tensor_parallel=8, pipeline_parallel=8))
    statistics = 2 * 2 * 4 * 2048  # two norms, two values a token, four bytes
    for recompute, formula, heads in (
        ("none", tensor_parallel_activation_bytes, {"heads": 96}),
        ("selective", tensor_parallel_selective_activation_bytes, {}),
    ):
        kept = part.activation_bytes(1, 2048, attention="explicit", dropout=True, recompute=recompute).per_layer
        assert kept.total == formula(2048, batch=1, width=12288, tensor_parallel=8, **heads) + statistics
    layers = part.parameters.total - part.parameters.embedding.total - part.parameters.lm_head.total
    assert layers == 12 * tensor_parallel_block_parameters(12288, 8) + 2 * 12288  # and the final norm


@pytest.mark.parametrize("name", MEMORY)
def test_the_printed_memory_of_megatron_comes_out_and_what_the_closed_forms_leave_out(name):
    """Their bars count 34 s b h and the squares of attention for each layer, and 18 bytes for 12 h^2 L of weights."""
    row, of = MEMORY[name], megatron(MEMORY[name])
    how = {"recipe": "mixed, fp32 gradients", "attention": "explicit", "dropout": True, "accumulate": True}
    for parallel, recompute, printed in (
        (False, "none", row["activations_no_recompute_tp_only"]),
        (True, "selective", row["activations_seq_parallel_selective"]),
    ):
        held = gpu_ledger(of, layout_of(row, sequence_parallel=parallel), row["seq"], recompute=recompute, **how)
        assert held.stage == 1
        # More: ids and mask of the embedding, statistics of the norms, the output layer. Less: at the fullest instant
        # the layer at work has let go of something, which is in flight as gradients.
        assert held.activations / 2**30 / printed < 1.03
        assert (held.activations + held.in_flight) / 2**30 > printed
        states = (held.weights + held.gradients + held.optimizer) / 2**30
        assert 1 < states / row["params_and_optimizer"] < 1.12  # the tables, biases and norms


@pytest.mark.parametrize("name", TIMES)
def test_no_published_step_is_faster_than_the_bound(name):
    row, of = TIMES[name], megatron(TIMES[name])
    for recompute, seconds in (
        ("full", row["iteration_full_recompute"]),
        ("selective", row["iteration_present_work"]),
    ):
        layout = layout_of(row, sequence_parallel=recompute == "selective")
        bound = step_seconds(of, layout, gpu("a100-80gb"), row["seq"], attention="explicit", recompute=recompute)
        assert 0.4 < bound.total / seconds < 1
        assert row["mfu"] / 100 < bound.efficiency < 1 or recompute == "full"


@pytest.mark.parametrize("name", WEAK)
def test_no_published_throughput_is_above_the_bound_and_every_layout_fits(name):
    row, of = WEAK[name], megatron(WEAK[name])
    copies = row["gpus"] // row["tensor_parallel"] // row["pipeline_parallel"]
    layout = Layout(row["batch"], 1, copies, row["tensor_parallel"], row["pipeline_parallel"])
    assert layout.gpus == row["gpus"]
    how = {"recompute": "full", "attention": "explicit"}
    bound = step_seconds(of, layout, gpu("a100-80gb"), row["seq"], **how)
    arithmetic = bound.compute.total / bound.total  # they count what is recomputed
    assert row["percent_of_peak"] / 100 < arithmetic <= 1
    held = gpu_ledger(of, layout, row["seq"], recipe="mixed, fp32 gradients", dropout=True, **how)
    assert held.total < gpu("a100-80gb").memory_bytes


MPT = (  # layers, width; GPUs, micro-batch, accumulated; parameters and MFU in percent as printed
    (80, 8192, 64, 8, 4, 64_862_437_376, 42.57),
    (80, 8192, 32, 2, 16, 64_862_437_376, 36.15),
    (48, 7168, 32, 14, 3, 29_975_214_080, 43.92),
    (48, 7168, 16, 10, 3, 29_975_214_080, 43.07),
    (40, 5120, 64, 2, 1, 12_853_954_560, 39.86),
    (40, 5120, 32, 2, 1, 12_853_954_560, 39.95),
    (40, 5120, 16, 2, 1, 12_853_954_560, 39.58),
    (40, 5120, 8, 2, 1, 12_853_954_560, 39.79),
)
"""MosaicML, llm-foundry, scripts/train/benchmarking/README.md: H100, bf16, ZeRO 3, 2,048 tokens in a sequence."""


@pytest.mark.parametrize("row", MPT, ids=str)
def test_runs_with_shared_states_over_machines_stay_below_the_bound(row):
    layers, width, gpus, micro, accumulated, parameters, printed = row
    config = {"model_type": "gpt2", "vocab_size": 50_368, "n_positions": 2048}
    of = Transformer.from_config(config | {"n_embd": width, "n_layer": layers, "n_head": width // 128})
    assert of.parameters.total == parameters
    recompute = "none" if width == 5120 else "full"
    layout = Layout(batch=gpus * micro * accumulated, micro_batch=micro, data_parallel=gpus, zero=3)
    bound = step_seconds(of, layout, gpu("h100-sxm"), 2048, recompute=recompute)
    assert 1 / 3 < printed / 100 / bound.efficiency < 2 / 3
    assert bound.network.total < 0.01 * bound.total  # eight ports a machine: what is shared travels in time
    alone = step_seconds(of, layout, gpu("h100-sxm"), 2048, recompute=recompute, gpus_per_machine=1)
    if (gpus, micro) in ((64, 2), (32, 2), (16, 2), (8, 2)):  # with one port they could not be as fast as they were
        assert alone.efficiency < printed / 100


# --- laws -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gpt2", "llama-3-8b", "gemma-7b", "bloom-560m"])
def test_all_stages_and_shares_together_are_the_model_and_what_is_held_more_than_once(name):
    whole = model(name)
    layouts = [
        Layout(batch=4, tensor_parallel=shared, pipeline_parallel=stages)
        for shared, stages in itertools.product((1, 2, 4), (1, 2, 3, 6, 8))
        if whole.layers % stages == 0 and whole.heads % shared == 0
    ]
    assert len(layouts) > 3
    for layout in layouts:
        shared, stages = layout.tensor_parallel, layout.pipeline_parallel
        each = [stage_parameters(whole, layout, place) for place in range(1, stages + 1)]
        one = model_slice(whole, replace(layout, pipeline_parallel=1)).parameters
        twice = one.embedding.tokens.total if whole.family.tied and stages > 1 else 0  # tied: a table at either end
        assert sum(each) == one.total + twice
        assert len(set(each[1:-1])) <= 1
        if shared == 1:
            assert one.total == whole.parameters.total


@pytest.mark.parametrize("name", ["mixtral-8x7b", "deepseek-v3", "gpt-oss-120b", "qwen1.5-moe-a2.7b"])
def test_experts_are_cut_and_the_router_is_not(name):
    whole, cut = model(name).parameters, model_slice(model(name), Layout(tensor_parallel=4)).parameters
    weights = whole.experts.routed.total - cut.experts.routed.total * 4
    assert weights in (0, -3 * model(name).expert_layers * model(name).experts * model(name).width)  # biases: gpt-oss
    assert cut.router.total == whole.router.total
    assert whole.total / 4 < cut.total < whole.total / 4 * 1.1


@pytest.mark.parametrize("zero", [1, 2, 3])
def test_zero_shares_out_what_it_says_and_gathers_a_layer(zero):
    plain = gpu_ledger(LLAMA, Layout(batch=8, data_parallel=8), 4096, recipe="mixed")
    shared = gpu_ledger(LLAMA, Layout(batch=8, data_parallel=8, zero=zero), 4096, recipe="mixed")
    parameters = LLAMA.parameters.total
    assert plain.optimizer.total == 12 * parameters and shared.optimizer.total == 12 * parameters / 8
    assert shared.weights.total == 2 * parameters / (8 if zero == 3 else 1)
    assert shared.total < plain.total
    by_stage = [gpu_ledger(LLAMA, Layout(batch=64, data_parallel=64, zero=stage), 4096).total for stage in range(4)]
    assert by_stage == sorted(by_stage, reverse=True)
    alone = [gpu_ledger(LLAMA, Layout(zero=stage), 4096).total for stage in range(4)]
    assert len(set(alone)) == 1


def test_under_zero_3_the_layer_at_work_is_whole():
    """Beside what a plain step has in flight; a tied table is gathered for the output layer too."""
    for name, unit in (
        ("llama-3-8b", LLAMA.parameters.lm_head.total + 4096),
        ("gpt2", model("gpt2").parameters.embedding.tokens.total + 2 * 768),
    ):
        plain, shared = (
            gpu_ledger(model(name), Layout(batch=4, data_parallel=4, zero=zero), 4096, update="fused")
            for zero in (0, 3)
        )
        assert plain.moment == shared.moment == "loss, backward"
        assert shared.in_flight.total - plain.in_flight.total == 2 * unit


def test_every_copy_makes_its_share_of_the_update():
    """With one token, the update is the fullest instant; PyTorch's default takes a copy of the fp32 weights."""
    how = {"recipe": "mixed, both gradients", "update": "foreach"}
    held = [gpu_ledger(LLAMA, Layout(batch=8, data_parallel=8, zero=zero), 1, **how) for zero in range(4)]
    parameters = LLAMA.parameters.total
    assert [each.moment for each in held[:2]] == ["update", "update"]
    assert held[0].gradients.total == 6 * parameters and held[1].gradients.total == 2.5 * parameters
    assert held[0].in_flight.total - held[1].in_flight.total == 4 * parameters * 7 / 8
    assert held[0].activations.total == 0


def test_the_first_stage_holds_most_micro_batches_and_the_last_the_logits():
    deep = Layout(batch=64, tensor_parallel=8, pipeline_parallel=8)
    long = gpu_ledger(GPT3, deep, 2048, recompute="none")
    assert (long.stage, long.moment) == (1, "layer 12, backward")
    layers = 12 * model_slice(GPT3, deep).activation_bytes(1, 2048).per_layer.total
    embedding = model_slice(GPT3, deep).activation_bytes(1, 2048).embedding.total
    waiting = 7 * (layers + embedding)
    assert waiting < long.activations.total < waiting + layers + embedding + 1
    shallow = replace(LLAMA, layers=2)
    last = gpu_ledger(shallow, Layout(batch=8, pipeline_parallel=2), 8192)
    assert (last.stage, last.moment) == (2, "loss, backward")


def test_interleaving_holds_as_many_pieces_as_the_formula_says():
    how = {"attention": "explicit", "dropout": True}
    deep = Layout(batch=64, tensor_parallel=8, pipeline_parallel=8, interleave=3)
    per_layer = model_slice(GPT3, deep).activation_bytes(1, 2048, **how).per_layer.total
    pieces = interleaved_pieces_held(8, 3)
    held = gpu_ledger(GPT3, deep, 2048, **how)
    assert 4 * per_layer * pieces < held.activations.total < 4 * per_layer * pieces * 1.01


def test_sequence_parallelism_cuts_what_tensor_parallelism_leaves_whole():
    how = {"attention": "explicit", "dropout": True}
    layout = Layout(batch=8, tensor_parallel=8, pipeline_parallel=8)
    whole, cut = (gpu_ledger(GPT3, replace(layout, sequence_parallel=on), 2048, **how) for on in (False, True))
    one = gpu_ledger(GPT3, replace(layout, tensor_parallel=1), 2048, **how)
    assert cut.activations.total < whole.activations.total
    assert cut.activations.total == pytest.approx(one.activations.total / 8, rel=1e-3)
    few = Layout(batch=1, tensor_parallel=16, sequence_parallel=True)  # eight key/value heads for sixteen GPUs
    assert model_slice(LLAMA, few).kv_heads == 1
    assert gpu_ledger(LLAMA, few, 4096).activations.total < gpu_ledger(LLAMA, Layout(), 4096).activations.total / 15


def test_full_recomputation_keeps_the_input_of_each_layer_for_every_micro_batch():
    layout = Layout(batch=64, tensor_parallel=8, pipeline_parallel=8)
    held = gpu_ledger(GPT3, layout, 2048, recompute="full")
    inputs = 8 * 12 * full_recompute_activation_bytes(2048, batch=1, width=12288)
    assert inputs < held.activations.total < 1.06 * inputs


def test_gradients_at_work_are_whole_until_they_are_shared_out():
    """What is held at the fullest moment, by hand: gradients of layers that are done are shared, of this one not."""
    shallow, tokens = replace(LLAMA, layers=2), 8
    tree = shallow.parameters
    layer = (tree.total - tree.embedding.total - tree.lm_head.total - tree.norm.final.total) // 2
    head = tree.lm_head.total + tree.norm.final.total
    for zero, behind, own in ((0, 1, 1), (1, 1, 1), (2, Fraction(1, 4), 1), (3, Fraction(1, 4), 1)):
        layout = Layout(batch=4, data_parallel=4, zero=zero)
        stage = _Stage(shallow, layout, 1, tokens, "mixed", "fused", {"attention": "flash"})
        gradients = {name: held["gradients"] for name, held in stage.held()}
        plain = {
            moment.name: moment.gradients for moment in step_timeline(shallow, 1, tokens) if moment.phase != "forward"
        }
        assert gradients["layer 1, forward"] == gradients["loss, forward"] == 0
        assert gradients["loss, backward"] == plain["loss"]
        done, at_work = 2 * (head + layer), plain["layer 1"] - 2 * (head + layer)
        assert done * behind + at_work * own <= gradients["layer 1, backward"] <= done * behind + 2 * layer
        assert gradients["update"] == 2 * tree.total * behind
    for zero in (2, 3):  # summed over micro-batches, they stand there shared; what arrives is in flight
        layout = Layout(batch=8, data_parallel=4, zero=zero)
        stage = _Stage(shallow, layout, 1, tokens, "mixed", "fused", {"attention": "flash"})
        assert {held["gradients"] for _, held in stage.held()} == {2 * tree.total // 4}


def test_each_stage_of_a_pipeline_by_hand():
    """Two layers on two stages: what each holds while its layer goes backward, one micro-batch or two in flight."""
    shallow, sequence = replace(model("gpt2"), layers=2), 64
    for batch, under_way in ((1, 1), (4, 2)):
        layout = Layout(batch=batch, pipeline_parallel=2)
        part = model_slice(shallow, layout)
        assert (part.layers, part.family.tied) == (1, False)
        kept, tree = part.activation_bytes(1, sequence, dropout=True), part.parameters
        for place, table, waiting in ((1, tree.embedding.total, under_way - 1), (2, tree.lm_head.total, 0)):
            stage = _Stage(shallow, layout, place, sequence, "mixed", "fused", {"attention": "flash", "dropout": True})
            own = tree.total - tree.embedding.total - tree.lm_head.total - tree.norm.final.total + table
            own += tree.norm.final.total if place == 2 else 0
            held = dict(stage.held())
            names = {name.split(",")[0] for name in held}
            assert names == {"layer 1", "update", "embedding" if place == 1 else "loss"}
            assert {each["weights"] for each in held.values()} == {2 * own}
            assert {each["gradients"] for each in held.values()} == {2 * own}  # summed, whatever the batch
            assert {each["optimizer"] for each in held.values()} == {12 * own}
            walk = {moment.name: moment for moment in stage.step.moments() if moment.phase == "backward"}
            layer = walk["layer 1"].activations - (0 if place == 1 else kept.embedding.total)
            before = kept.embedding.total if place == 1 else 0
            assert held["layer 1, backward"]["activations"] == layer + waiting * (kept.per_layer.total + before)
            assert held["update"]["activations"] == 0


def test_the_foreach_update_of_a_stage_copies_what_the_stage_has():
    layout = Layout(batch=4, data_parallel=2, pipeline_parallel=2, zero=1)
    held, plain = (
        dict(_Stage(LLAMA, layout, 1, 8, "mixed", update, {"attention": "flash"}).held())["update"]["in_flight"]
        for update in ("foreach", "fused")
    )
    assert held - plain == math.ceil(4 * stage_parameters(LLAMA, layout, 1) / 2)


def test_pieces_in_flight_are_no_more_than_there_are_micro_batches():
    how = {"attention": "explicit", "dropout": True}
    for batch, place in ((8, 1), (64, 1), (64, 8)):
        layout = Layout(batch=batch, tensor_parallel=8, pipeline_parallel=8, interleave=3)
        stage = _Stage(GPT3, layout, place, 2048, "mixed", "fused", how)
        kept = stage.part.activation_bytes(1, 2048, **how)
        pieces = min(interleaved_pieces_held(8, 3) - 2 * (place - 1), 3 * batch)
        before = kept.embedding.total if place == 1 else 0
        under_way = dict(stage.held())["layer 12, forward"]["activations"]
        alone = {moment.name: moment for moment in stage.step.moments() if moment.phase == "forward"}["layer 12"]
        own = alone.activations - (0 if place == 1 else kept.embedding.total)
        assert under_way == own + (pieces - 3) * (12 * kept.per_layer.total + before) // 3


def test_what_does_not_divide_is_rounded_up():
    odd = replace(model("gpt2"), vocabulary=50_257)
    held = gpu_ledger(odd, Layout(batch=7, data_parallel=7, zero=3), 1024, recipe="fp32", update="fused")
    parameters = odd.parameters.total
    assert parameters % 7
    assert held.weights.total == math.ceil(4 * parameters / 7) and held.optimizer.total == math.ceil(8 * parameters / 7)
    plain = gpu_ledger(odd, Layout(batch=7, data_parallel=7), 1024, recipe="fp32", update="fused")
    assert (plain.moment, held.moment) == ("loss, backward", "loss, backward")
    table = odd.parameters.embedding.tokens.total + odd.parameters.norm.final.total
    assert held.in_flight.total - plain.in_flight.total == 4 * table  # gathered in fp32
    mistral = replace(model("mistral-7b"), sliding_layers=32)
    assert model_slice(mistral, Layout(batch=4, pipeline_parallel=4)).sliding_layers == 8
    for name in ("feed_forward", "expert_width"):
        with pytest.raises(ValueError, match=f"{name} must be a multiple of tensor_parallel = 2, got 14337"):
            model_slice(replace(model("mixtral-8x7b"), **{name: 14337}), Layout(tensor_parallel=2))


# --- traffic and time -----------------------------------------------------------------------------------------------


def test_what_is_sent_follows_from_the_layout():
    parameters = 6_738_415_616
    llama = model("llama-2-7b")
    for zero, factor in ((0, 4), (1, 4), (2, 4), (3, 6)):
        sent = traffic_ledger(llama, Layout(batch=8, data_parallel=8, zero=zero), 4096)
        assert sent.data.total == factor * parameters * 7 / 8 and sent.tensor.total == sent.pipeline.total == 0
        again = traffic_ledger(llama, Layout(batch=32, data_parallel=8, zero=zero), 4096)
        assert again.data.total == {0: 4, 1: 4, 2: 4 + 3 * 2, 3: 24}[zero] * parameters * 7 / 8
    fp32 = traffic_ledger(llama, Layout(batch=16, data_parallel=8), 4096, recipe="mixed, both gradients")
    assert fp32.data.total == 8 * parameters * 7 / 8  # summed in fp32


def test_a_step_over_sixteen_gpus_by_hand():
    """Two machines, tensor 2, data 2, pipeline 4 with two pieces on each: what is sent, and how long it takes."""
    llama, card, sequence = model("llama-2-7b"), gpu("h100-sxm"), 4096
    layout = Layout(16, 1, 2, 2, 4, interleave=2)
    micro, values = 8, sequence * 4096
    last = stage_parameters(llama, layout, 4)
    assert last > stage_parameters(llama, layout, 1)
    sent = traffic_ledger(llama, layout, sequence, recipe="mixed, both gradients")
    assert sent.data.total == 2 * 4 * (last + last % 2) / 2
    assert sent.tensor.total == micro * 8 * 4 * 2 * (2 * values) / 2
    assert sent.pipeline.total == 2 * micro * 2 * 2 * values
    once = traffic_ledger(llama, Layout(2, 1, 1, 2), sequence, recompute="selective")
    assert once.tensor.total == traffic_ledger(llama, Layout(2, 1, 1, 2), sequence).tensor.total
    step = step_seconds(llama, layout, card, sequence, attention="explicit", recompute="full")
    flops = llama.training_ledger(16, sequence, "explicit", "full").total
    assert step.compute.total == pytest.approx(flops / 16 / card.peak())
    assert step.tensor.total == pytest.approx(1.5 * sent.tensor.total / 450e9)
    assert step.bubble.total == pytest.approx(3 / (micro * 2) * (step.compute.total + step.tensor.total))
    own = llama.training_ledger(16, sequence, "explicit").total
    assert step.efficiency == pytest.approx(own / 16 / card.peak() / step.total)
    alone = Layout(batch=2, data_parallel=1, pipeline_parallel=2)  # one micro-batch after another: summed in fp32
    summed = traffic_ledger(llama, replace(alone, data_parallel=2, batch=2), sequence, recipe="mixed, both gradients")
    assert summed.data.total == 2 * 4 * stage_parameters(llama, alone, 2) / 2


def test_tensor_parallel_sums_come_again_where_a_layer_does():
    llama = model("llama-2-7b")
    layout = Layout(batch=2, tensor_parallel=8)
    sums = 2 * 32 * 4 * 2 * 4096 * 4096 * 2 * 7 / 8
    sent = {how: traffic_ledger(llama, layout, 4096, recompute=how).tensor.total for how in ("none", "full")}
    assert sent == {"none": sums, "full": 1.5 * sums}
    piped = [traffic_ledger(llama, Layout(batch=8, pipeline_parallel=stages), 4096).pipeline for stages in (1, 2, 4)]
    assert [each.total for each in piped] == [0, 8 * 4096 * 4096 * 2, 2 * 8 * 4096 * 4096 * 2]


def test_the_bound_is_all_of_the_time_without_neighbours_and_less_with_them():
    llama, card = model("llama-2-7b"), gpu("h100-sxm")
    alone = step_seconds(llama, Layout(), card, 4096, attention="explicit")
    assert alone.total == alone.compute.total and alone.efficiency == 1
    assert step_seconds(llama, Layout(), card, 4096, attention="explicit", recompute="full").efficiency < 0.78
    piped = step_seconds(llama, Layout(batch=8, pipeline_parallel=8), card, 4096)
    assert piped.bubble.total == pytest.approx(7 / 8 * piped.compute.total)
    both = step_seconds(llama, Layout(batch=8, pipeline_parallel=4, tensor_parallel=2), card, 4096)
    assert both.bubble.total == pytest.approx(3 / 8 * (both.compute.total + both.tensor.total))  # a turn has both
    slow = step_seconds(llama, Layout(batch=64, data_parallel=64), card, 512, network_bytes_per_second=10**9)
    sent = slow.sent.data.total / 8 / 10**9  # eight ports a machine
    assert slow.network.total == pytest.approx(sent - slow.compute.total)
    assert slow.total == pytest.approx(sent)


def test_a_ring_over_machines_goes_through_as_many_ports_as_it_has_gpus_in_each():
    llama, card, network = model("llama-2-7b"), gpu("h100-sxm"), 50 * 10**9
    link = card.link_bytes_per_second / 2

    def rates(machine=8, **layout):
        step = step_seconds(llama, Layout(batch=64, **layout), card, 512, gpus_per_machine=machine)
        return step, step.sent

    for shared, rate in ((2, link), (8, link), (16, 8 * network)):
        step, sent = rates(tensor_parallel=shared)
        assert step.tensor.total == pytest.approx(sent.tensor.total / rate)
    assert (NETWORK, PCIE) == (50 * 10**9, 32 * 10**9)
    for layout, machine, rate in (
        ({"data_parallel": 64}, 8, 8 * network),
        ({"data_parallel": 64}, 1, network),
        ({"data_parallel": 64}, 16, link),  # sixteen ports carry more than the link does
        ({"data_parallel": 8, "tensor_parallel": 4}, 8, 2 * network),
        ({"data_parallel": 8, "tensor_parallel": 8}, 8, network),
        ({"data_parallel": 4, "tensor_parallel": 2}, 8, link),
    ):
        for zero in (1, 3):
            step, sent = rates(machine, zero=zero, **layout)
            hidden = max(0, sent.data.total / rate - step.compute.total)
            assert step.network.total == pytest.approx(hidden)
    slow = step_seconds(
        llama, Layout(64, 8, data_parallel=8, pipeline_parallel=2), card, 32, network_bytes_per_second=10**8
    )
    beside = slow.sent.data.total / link + slow.sent.pipeline.total / 10**8
    assert slow.network.total == pytest.approx(beside - slow.compute.total - slow.bubble.total)
    plain = step_seconds(llama, Layout(batch=8, data_parallel=8), gpu("rtx-4090"), 512)  # no link: PCI Express
    assert plain.network.total == pytest.approx(plain.sent.data.total / (32 * 10**9) - plain.compute.total)


# --- refused --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"zero": 4}, "Layout: zero must be 0, 1, 2 or 3, got 4"),
        ({"zero": True}, "Layout: zero must be 0, 1, 2 or 3, got True"),
        ({"sequence_parallel": 1}, "Layout: sequence_parallel must be False or True, got 1"),
        ({"interleave": 2}, "Layout: interleave must be 1 without a pipeline, got 2"),
        ({"batch": 10, "data_parallel": 4}, r"global_batch must be a multiple of .* = 4, got 10"),
        ({"batch": 0}, "global_batch must be .*got 0"),
        ({"tensor_parallel": -1}, "tensor_parallel must be .*got -1"),
        ({"micro_batch": 1.5}, "micro_batch must be .*got 1.5"),
    ],
)
def test_a_layout_that_cannot_be_is_refused_in_words(wrong, message):
    with pytest.raises((ValueError, TypeError), match=message):
        Layout(**wrong)


def test_a_model_that_cannot_be_laid_out_is_refused_in_words():
    for name, layout, message in (
        ("gpt2-xl", Layout(tensor_parallel=2), "heads must be a multiple of tensor_parallel = 2, got 25"),
        ("llama-3-8b", Layout(pipeline_parallel=5), "layers must be a multiple of .* = 5, got 32"),
        ("mixtral-8x7b", Layout(pipeline_parallel=2), "Layout: model must have no experts"),
    ):
        for ledger in (gpu_ledger, traffic_ledger):
            with pytest.raises(ValueError, match=message):
                ledger(model(name), layout, 1024)
    odd = Layout(tensor_parallel=8, sequence_parallel=True)
    with pytest.raises(ValueError, match="sequence must be a multiple of tensor_parallel = 8, got 1001"):
        gpu_ledger(LLAMA, odd, 1001)
    with pytest.raises(ValueError, match="feed_forward must be a multiple of tensor_parallel = 2, got 11007"):
        gpu_ledger(replace(model("llama-2-7b"), feed_forward=11007), Layout(tensor_parallel=2), 8)
    for wrong in (None, 8, {"batch": 8}, "data"):
        with pytest.raises(TypeError, match="layout must be a Layout such as"):
            gpu_ledger(LLAMA, wrong, 8)
        with pytest.raises(TypeError, match="layout must be a Layout such as"):
            traffic_ledger(LLAMA, wrong, 8)
    for place in (0, 3, -1, None, "x", 1.0, True, [1]):
        with pytest.raises(ValueError, match="place must be a whole number from 1 to 2, got"):
            stage_parameters(LLAMA, Layout(batch=2, pipeline_parallel=2), place)
    for function in (model_slice, lambda *given: stage_parameters(*given, 1)):
        with pytest.raises(TypeError, match="layout must be a Layout such as"):
            function(LLAMA, "data")
    for wrong in (None, {}, 1, "yes"):
        with pytest.raises(ValueError, match="gpu_ledger: accumulate must be False or True, got"):
            gpu_ledger(LLAMA, Layout(), 8, accumulate=wrong)
    with pytest.raises(TypeError, match="model must be a Transformer"):
        gpu_ledger("llama-3-8b", Layout(), 8)
    with pytest.raises(TypeError, match="accelerator must be an Accelerator"):
        step_seconds(LLAMA, Layout(), "h100", 8)
    with pytest.raises(ValueError, match=r"sequence must be .*got -8"):
        gpu_ledger(LLAMA, Layout(), -8)
    with pytest.raises(ValueError, match=r"network_bytes_per_second must be .*got 0"):
        step_seconds(LLAMA, Layout(), gpu("h100-sxm"), 8, network_bytes_per_second=0)

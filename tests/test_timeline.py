"""The memory of a step over time: what is kept is the ledger's to the byte, and laws that hold whatever the model."""

import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmcalc import timeline
from llmcalc.activations import CHOICES
from llmcalc.loss import loss_ledger
from llmcalc.measured import LOGIT_PEAKS
from llmcalc.models import MODELS, model
from llmcalc.notation import letter
from llmcalc.schedule import Operation, Walk
from llmcalc.states import RECIPES, state_ledger
from llmcalc.timeline import UPDATES, Moment, Step, largest_training_batch, peak, step_timeline
from llmcalc.transformer import Transformer

COUNTED = [name for name in MODELS if model(name).family.keeps]
HOWS = {name: st.sampled_from(values) for name, values in CHOICES.items()}
hows, models = st.fixed_dictionaries(HOWS), st.sampled_from(COUNTED)
few = st.integers(1, 40)
PASSES = ("forward", "backward")
MORE = [{}, {"accumulate": True}, {"logits": "dropped"}, {"update": "foreach"}, {"update": "one tensor"}]


OPT = {"model_type": "opt", "hidden_size": 2, "num_attention_heads": 1, "num_hidden_layers": 2, "ffn_dim": 1000,
       "max_position_embeddings": 14, "vocab_size": 3}  # fmt: skip
LLAMA = {"model_type": "llama", "hidden_size": 1000, "num_attention_heads": 1, "head_dim": 2, "num_hidden_layers": 2,
         "intermediate_size": 1, "vocab_size": 3}  # fmt: skip


def of(timeline, phase):
    return [moment for moment in timeline if moment.phase == phase]


@settings(max_examples=150, deadline=None)
@given(name=models, batch=few, sequence=few, how=hows, recipe=st.sampled_from(list(RECIPES)))
def test_what_is_kept_is_the_ledgers(name, batch, sequence, how, recipe):
    built = model(name)
    e = 2
    kept = built.activation_bytes(batch, sequence, e, **how)
    moments = step_timeline(built, batch, sequence, recipe=recipe, bytes_per_value=e, **{"autocast": False} | how)
    forward = of(moments, "forward")
    assert [m.name for m in forward] == ["embedding", *(f"layer {i + 1}" for i in range(built.layers)), "loss"]
    assert [m.name for m in of(moments, "backward")] == [m.name for m in reversed(forward)]
    states = state_ledger(built.parameters.total, recipe).total
    held = kept.head_and_loss.total_weight + kept.logits
    if how["autocast"] and RECIPES[recipe].weights == 4:  # copies of the matrices
        held += e * (built.head_weights if how["recompute"] == "full" else built.matmul_weights)
    assert forward[-1].after == moments[0].weights + moments[0].optimizer + kept.total + held
    for place, moment in enumerate(forward[1:-1], 1):
        assert kept.embedding + kept.rotary + (place - 1) * kept.per_layer <= moment.activations
        assert moment.activations <= kept.embedding + kept.rotary + place * kept.per_layer
    assert moments[-1].weights + moments[-1].optimizer + moments[-1].gradients == states
    assert all(m.total >= m.after for m in moments)


@settings(max_examples=150, deadline=None)
@given(name=models, batch=few, sequence=few, how=hows)
def test_what_operations_keep_one_by_one_is_what_the_ledger_says(name, batch, sequence, how):
    kept = model(name).activation_bytes(batch, sequence, **how)
    step = Step(model(name), batch, sequence, "mixed", "fused", 2, False, "held", how)
    for operations, total in (
        (step.stages.embedding(), kept.embedding + kept.rotary),
        (step.stages.block(), kept.per_layer.total),
        (step.stages.head_and_loss(), kept.head_and_loss.total),
    ):
        recompute = how["recompute"] if total == kept.per_layer.total else "none"
        assert sum(step.stages.sizes[name] for name in step._stays(operations, recompute)) == total


@pytest.mark.parametrize("name", COUNTED)
def test_every_parameter_has_its_operation(name):
    """Gradients of all of them have arrived when the backward pass is over."""
    built = model(name)
    last = step_timeline(built, 1, 8)[-1]
    assert last.gradients == 2 * built.parameters.total


@settings(max_examples=100, deadline=None)
@given(
    name=models, batch=few, sequence=few, how=hows, recipe=st.sampled_from(list(RECIPES)), more=st.sampled_from(MORE)
)
def test_more_sequences_or_tokens_never_need_less(name, batch, sequence, how, recipe, more):
    how = how | more | {"recipe": recipe}
    first = peak(step_timeline(model(name), batch, sequence, **how)).total
    assert first <= peak(step_timeline(model(name), batch + 1, sequence, **how)).total
    assert first <= peak(step_timeline(model(name), batch, sequence + 1, **how)).total


@settings(max_examples=60, deadline=None)
@given(name=models, memory=st.integers(1, 10**13), sequence=st.integers(1, 4096), how=hows, more=st.sampled_from(MORE))
def test_the_largest_batch_fits_and_one_more_does_not(name, memory, sequence, how, more):
    built, how = model(name), how | more
    batch = largest_training_batch(built, memory, sequence, **how)
    assert peak(step_timeline(built, batch + 1, sequence, **how)).total > memory
    assert batch == 0 or peak(step_timeline(built, batch, sequence, **how)).total <= memory


def test_the_update_decides_where_activations_are_small():
    """Foreach takes one more copy of what it updates; one tensor at a time two of the largest; fused nothing."""
    gpt2 = model("gpt2")
    fused, foreach, one = (step_timeline(gpt2, 1, 1, recipe="fp32", update=update)[-1].in_flight for update in UPDATES)
    assert foreach - fused == 4 * gpt2.parameters.total
    assert one - fused == 2 * 4 * gpt2.parameters.embedding.tokens
    mixed = step_timeline(gpt2, 1, 1, update="foreach")[-1].in_flight - step_timeline(gpt2, 1, 1)[-1].in_flight
    assert mixed == 4 * gpt2.parameters.total  # of the master copy


def test_the_loss_peaks_at_what_its_ledger_and_the_measurements_say():
    """Logits bound it, and 10 and 14 bytes for each of them are what PyTorch holds."""
    built, tokens = model("gpt2"), 8 * 1024
    moments = step_timeline(built, 8, 1024)
    forward, backward = (next(m for m in moments if (m.name, m.phase) == ("loss", phase)) for phase in PASSES)
    kept, held = built.activation_bytes(8, 1024), loss_ledger(built, 8, 1024)
    others = kept.total - kept.head_and_loss.log_probabilities - kept.head_and_loss.total_weight
    assert forward.activations + forward.in_flight - others == held.forward
    others -= kept.head_and_loss.labels  # used by then, and so is the sum of weights; but the loss has a gradient
    assert backward.activations + backward.in_flight - others == held.total
    logits = tokens * built.vocabulary
    assert (held.forward // logits, held.total // logits) == LOGIT_PEAKS["16 bits, loss in fp32"]


def test_recomputation_trades_the_peak_at_the_loss_for_one_layer_at_a_time():
    """With all recomputed a layer's activations are in flight while it is in its backward pass, none of the others."""
    built = model("llama-3-8b")
    kept = built.activation_bytes(1, 2048)
    layer = step_timeline(built, 1, 2048, recompute="full")[-3]
    assert (layer.name, layer.phase) == ("layer 1", "backward")
    assert kept.per_layer < layer.in_flight < 2 * kept.per_layer + kept.logits


def test_gradients_that_are_summed_over_steps_are_there_all_the_time():
    built = model("gpt2")
    plain, summed = (step_timeline(built, 2, 64, accumulate=accumulate) for accumulate in (False, True))
    assert plain[0].gradients == 0 and {m.gradients for m in summed} == {2 * built.parameters.total}
    both = step_timeline(built, 2, 64, recipe="mixed, both gradients", accumulate=True)
    assert both[0].gradients == 4 * built.parameters.total and both[-1].gradients == 6 * built.parameters.total


@pytest.mark.parametrize(("tied", "accumulate"), [(True, False), (False, False), (True, True), (False, True)])
def test_gradients_kept_in_fp32_alone_are_made_in_16_bits_and_added(tied, accumulate):
    """By hand, for one token: the 16-bit gradient of a table is there beside its fp32 one while that is added to."""
    built = model("gpt2")
    built = replace(built, family=replace(built.family, tied=tied))
    table, width, logits = built.parameters.embedding.tokens.total, 768, 50_257
    moments = step_timeline(built, 1, 1, recipe="mixed, fp32 gradients", accumulate=accumulate)
    loss, embedding = (next(m for m in of(moments, "backward") if m.name == name) for name in ("loss", "embedding"))
    everything = 4 * built.parameters.total
    assert loss.gradients == (everything if accumulate else 4 * table) and embedding.gradients == everything
    # The held logits and their gradient, that of the head's input; the loss and its gradient.
    assert loss.in_flight == 2 * table + 2 * 2 * logits + 2 * width + 8
    # A tied table: its second gradient, and the sum of both, as large as what is standing or else in 16 bits.
    tables = (3 * 2 if accumulate else 2 * 4) if tied else 2
    assert embedding.in_flight == tables * table + 2 * logits + 8 + (0 if tied else 2 * width)


@pytest.mark.parametrize("recompute", ["none", "full"])
def test_autocasts_copies_of_matrices_come_and_go_layer_by_layer(recompute):
    built = model("gpt2")
    moments = step_timeline(built, 2, 64, recipe="autocast", recompute=recompute)
    kept = built.activation_bytes(2, 64, autocast=True, recompute=recompute).per_layer
    copies = 2 * built.layer_weights // built.layers
    ends = [m.after for m in of(moments, "forward")[1:-1]]
    assert {late - early for early, late in pairwise(ends)} == {kept + copies}
    gradients = 4 * (built.parameters.attention + built.parameters.mlp) // built.layers + 4 * 4 * built.width
    ends = [m.after for m in of(moments, "backward")[:-1]]
    stay = copies if recompute == "none" else 0  # those made to recompute a layer go with it
    assert {late - early for early, late in pairwise(ends)} == {gradients - kept - stay}


def test_relu_keeps_its_output_and_lets_its_input_go():
    """By hand, an OPT of width 2 with 1,000 inside, one token: all up to its ReLU, and what that gives."""
    layer = step_timeline(Transformer.from_config(OPT), 1, 1)[1]
    norm, statistics, ids, flash = 4, 8, 8 + 8, 4 + 24
    small = ids + 2 * (norm + statistics) + 4 + 3 * 4 + flash + 4 + 4
    assert (layer.activations, layer.in_flight) == (small + 2000, 2000)


def test_where_the_stream_is_fp32_the_librarys_norm_keeps_it_and_no_copy_of_it():
    """By hand, a Llama of width 1,000 with tiny halves: at the last sum there are its two terms, one of them kept."""
    built = Transformer.from_config(LLAMA)
    layer = step_timeline(built, 1, 1, recipe="autocast", norm="library")[1]
    assert layer.in_flight == 2 * 1000 + 4 * 1000 + 2 * (4 * 2 * 1000 + 3 * 1000)  # what comes, the sum; copies


def test_a_second_gradient_is_added_beside_the_first_if_that_is_a_view():
    for linear, most in ((True, 3 * 100), (False, 2 * 100 + 1)):  # both and their sum; or both and what made one
        walk = Walk({"x": 100, "key": 1, "value": 1}, {"x"})
        walk.here, walk.grads = {"x"}, {"key": (object(), 1), "value": (object(), 1)}
        walk.backward([Operation(("x",), name, ("x",), linear=linear) for name in ("key", "value")])
        assert max(instant.in_flight for instant in walk.instants) == most


def test_recomputing_stops_before_an_operation_whose_derivative_needs_only_what_goes_in():
    for keeps, most in (("inside", 10), ("mask", 10 + 1000 + 1)):
        walk = Walk({"x": 1, "inside": 10, "y": 1000, "mask": 1}, {"x"})
        walk.here = {"x"}
        walk.again([Operation(("x",), "inside", ("x",)), Operation(("inside",), "y", (keeps,))])
        assert walk.fullest.in_flight == most


@pytest.mark.parametrize(
    ("sizes", "largest"),
    [({"n_positions": 4096}, 4096 * 8), ({"n_inner": 4096}, 4096 * 8), ({"n_inner": 1}, 8 * 8), ({}, 8 * 32)],
)
def test_the_largest_tensor_may_be_any(sizes, largest):
    config = {"model_type": "gpt2", "n_embd": 8, "n_head": 1, "n_layer": 2, "n_positions": 4, "vocab_size": 3}
    built = Transformer.from_config(config | sizes)
    fused, one = (step_timeline(built, 1, 1, update=update)[-1].in_flight for update in ("fused", "one tensor"))
    assert one - fused == 2 * 4 * largest


def test_of_moments_as_full_the_first_is_the_peak():
    moments = [Moment(name, "forward", 1, 0, 0, 0, flight) for name, flight in (("a", 0), ("b", 5), ("c", 5))]
    assert peak(moments).name == "b"


def test_whoever_lets_go_of_the_logits_has_them_less_from_then_on():
    built = model("gpt2")
    held, dropped = (step_timeline(built, 2, 64, logits=logits) for logits in ("held", "dropped"))
    assert held[-1].total - dropped[-1].total == built.activation_bytes(2, 64).logits


def test_formats_follow_the_recipe():
    built = model("gpt2")
    assert step_timeline(built, 2, 64, recipe="fp32") == step_timeline(built, 2, 64, recipe="fp32", bytes_per_value=4)
    assert step_timeline(built, 2, 64) == step_timeline(built, 2, 64, bytes_per_value=2)
    alone = {"recipe": "optimizer alone"}  # says nothing of weights
    assert step_timeline(built, 2, 64, **alone) == step_timeline(built, 2, 64, bytes_per_value=2, **alone)
    copied = step_timeline(built, 2, 64, recipe="autocast", autocast=True, bytes_per_value=2)
    assert step_timeline(built, 2, 64, recipe="autocast") == copied


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"batch": 0}, "step_timeline: batch must be a positive number, got 0"),
        ({"batch": 1.5}, "step_timeline: batch must be a whole number, got 1.5"),
        ({"sequence": -1}, "step_timeline: sequence must be a positive number, got -1"),
        ({"bytes_per_value": 0.5}, "step_timeline: bytes_per_value must be a whole number, got 0.5"),
        ({"update": "slow"}, "step_timeline: update must be fused or foreach or one tensor, got 'slow'"),
        ({"logits": True}, "step_timeline: logits must be held or dropped, got True"),
        ({"accumulate": 4}, "step_timeline: accumulate must be False or True, got 4"),
        ({"attention": "slow"}, "attention must be explicit or flash or efficient, got 'slow'"),
        ({"offload": True}, "there is no offload; there are"),
        ({"recipe": "magic"}, "unknown recipe 'magic'; known are fp32"),
        ({"recipe": np.array([1, 2])}, "unknown recipe array([1, 2]); known are fp32"),
        ({"batch": letter("batch")}, "step_timeline: batch must be a whole number, got the symbol B"),
    ],
)
def test_nonsense_is_refused_by_name(wrong, message):
    with pytest.raises((ValueError, TypeError, KeyError), match=re.escape(message)):
        step_timeline(model("gpt2"), **({"batch": 1, "sequence": 8} | wrong))


def test_models_that_cannot_be_counted_are_refused():
    with pytest.raises(ValueError, match="step_timeline: model must have numbers for its sizes, got symbols"):
        step_timeline(model("gpt2").symbolic(), 1, 8)
    with pytest.raises(ValueError, match="model_type mixtral has no rule for its activations"):
        step_timeline(model("mixtral-8x7b"), 1, 8)
    with pytest.raises(ValueError, match="largest_training_batch: memory_bytes must be a positive number, got -1"):
        largest_training_batch(model("gpt2"), -1, 8)
    with pytest.raises(TypeError, match="largest_training_batch: memory_bytes must be one number"):
        largest_training_batch(model("gpt2"), letter("memory_bytes"), 8)
    narrow = Transformer.from_config(OPT | {"word_embed_proj_dim": 1})
    with pytest.raises(ValueError, match="step_timeline: model must have an embedding as wide as its layers, got 1 "):
        step_timeline(narrow, 1, 8)
    for call in (lambda: step_timeline("gpt2"), lambda: largest_training_batch("gpt2", 10**9)):
        with pytest.raises(TypeError, match=r"model must be a Transformer such as model\('gpt2'\), got 'gpt2'"):
            call()
    with pytest.raises(TypeError, match="largest_training_batch: batch is what it finds, not given; got 3"):
        largest_training_batch(model("gpt2"), 10**9, 8, batch=3)


def test_an_explorer_can_redraw_with_it():
    """A few looks are enough for the largest batch, whatever the model: most terms grow in proportion to the batch."""
    count = Counter()
    for name in ("gpt2", "llama-3-70b", "gpt-3-175b"):
        for memory in (24 * 10**9, 10**12, 10**13):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(timeline, "step_timeline", counted(count, (name, memory)))
                timeline.largest_training_batch(model(name), memory, 2048, recompute="full")
    assert max(count.values()) <= 12


def counted(count, key):
    def timeline_of(*args, **how):
        count[key] += 1
        return step_timeline(*args, **how)

    return timeline_of

"""The memory of a step over time: what is kept is the ledger's to the byte, and laws that hold whatever the model."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmcalc.activations import CHOICES
from llmcalc.models import MODELS, model
from llmcalc.states import RECIPES, Recipe, state_ledger
from llmcalc.timeline import UPDATES, Moment, _Step, largest_training_batch, peak, step_timeline

COUNTED = [name for name in MODELS if model(name).family.keeps]
HOWS = {name: st.sampled_from(values) for name, values in CHOICES.items()}
hows, models = st.fixed_dictionaries(HOWS), st.sampled_from(COUNTED)
few = st.integers(1, 40)


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
    step = _Step(model(name), batch, sequence, "mixed", "fused", 2, False, "held", how)
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
    before = step_timeline(built, 1, 8)[-1]
    assert before.gradients == 2 * built.parameters.total

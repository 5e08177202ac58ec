"""Model states: the answers of 12, 16, 18 and 20 from one ledger, and PyTorch's optimizers to the last byte."""

import json
from fractions import Fraction

import pytest
import sympy as sp
from workshop import ROOT

from llmcalc.measured import OPTIMIZER_STATES, STATE_SHAPES
from llmcalc.states import (
    OPTIMIZERS,
    RECIPES,
    Recipe,
    optimizer_state_bytes,
    state_bytes_per_parameter,
    state_ledger,
    step_peak_bytes,
)
from llmcalc.symbolic import same

PUBLIC = json.loads((ROOT / "tests" / "data" / "pytorch_public.json").read_text(encoding="utf-8"))
MIXED = [case for case in PUBLIC["optimizer"] if case["kind"] == "mixed_precision"]
STEPS = [case for case in PUBLIC["optimizer"] if case["kind"] == "training_step"]
BYTES = {"fp32": 4, "bf16": 2}


@pytest.mark.parametrize("name", OPTIMIZER_STATES)
@pytest.mark.parametrize("place", [0, 1], ids=BYTES)
def test_states_are_those_that_real_optimizers_keep(name, place):
    size = list(BYTES.values())[place]
    assert optimizer_state_bytes(name, STATE_SHAPES, size) == OPTIMIZER_STATES[name][place]


def test_every_optimizer_but_muon_is_among_the_measured_ones():
    assert set(OPTIMIZERS) - set(OPTIMIZER_STATES) == {"muon"}


def test_muon_keeps_a_momentum_for_matrices_and_is_adamw_elsewhere():
    """torch.optim.Muon of PyTorch 2.13 refuses all but matrices; for these its state is one momentum buffer."""
    assert optimizer_state_bytes("muon", [(64, 48)], 4) == 64 * 48 * 4
    assert optimizer_state_bytes("muon", [(64, 48)], 2) == 64 * 48 * 2
    assert optimizer_state_bytes("muon", [(64,)], 4) == optimizer_state_bytes("adamw", [(64,)], 4)


def test_a_block_that_does_not_divide_a_tensor_is_filled_up_or_the_tensor_left_alone():
    """bitsandbytes scales the last, shorter block as well; torchao keeps such a tensor in full."""
    assert optimizer_state_bytes("adamw 8-bit", [(4097,)]) == 2 * (4097 + 4 * 17) + 2048
    assert optimizer_state_bytes("adamw 8-bit torchao", [(4097,)]) == 2 * 4 * 4097 + 4
    assert optimizer_state_bytes("adamw 4-bit torchao", [(4096 + 128,)]) == 2 * (4224 // 2 + 4 * 33 + 64) + 4
    assert optimizer_state_bytes("adamw", [(8,)]) == optimizer_state_bytes("adamw", [(8,)], 4)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_more_tensors_never_take_fewer_bytes(optimizer):
    shapes = [(4096, 256), (4096,), (7, 13), (2, 3, 64)]
    sizes = [optimizer_state_bytes(optimizer, shapes[:count]) for count in range(1, 5)]
    assert sizes == sorted(sizes) and all(isinstance(size, int) for size in sizes)


@pytest.mark.parametrize(("optimizer", "shapes"), [("adam", [(0,)]), ("adam", [(1.5,)]), ("adam", [(True,)])])
def test_shapes_of_nonsense_are_refused_by_name(optimizer, shapes):
    with pytest.raises((ValueError, TypeError), match="optimizer_state_bytes: shapes must"):
        optimizer_state_bytes(optimizer, shapes)
    with pytest.raises(TypeError, match="shapes must hold tuples of lengths"):
        optimizer_state_bytes(optimizer, [7])
    with pytest.raises(KeyError, match="unknown optimizer 'adamm'; known are sgd"):
        optimizer_state_bytes("adamm", [(1,)])


# --- bytes per parameter --------------------------------------------------------------------------------------------


def test_twelve_sixteen_eighteen_and_twenty_come_out_of_the_same_ledger():
    found = {recipe.bytes_per_parameter: name for name, recipe in RECIPES.items()}
    assert {6, 8, 12, 16, 18, 20} == set(found)
    for name, recipe in RECIPES.items():
        ledger = state_ledger(10**9, name)
        assert ledger.total == recipe.bytes_per_parameter * 10**9 == sum(ledger)
        assert ledger.source == recipe.source
        assert same(ledger.formula, recipe.bytes_per_parameter * sp.Symbol("P", positive=True))


def test_a_mixed_step_in_pytorch_holds_what_the_recipes_say():
    autocast, master = MIXED
    parameters, tensors = autocast["params"]["parameters"], 6
    counted = state_ledger(parameters, "autocast").total
    measured = autocast["weight_bytes"] + autocast["gradient_bytes"] + autocast["measured_state_bytes"]
    assert measured - counted == 4 * tensors  # a step count for each
    parts = dict(master["parts_bytes"])
    ledger = state_ledger(parameters, "mixed, both gradients")
    assert parts.pop("adam state") - ledger.moments == 4 * tensors
    assert sorted(parts.values()) == sorted(item.total for item in ledger if item.name != "moments")


def test_the_copies_that_autocast_makes_are_two_bytes_for_each_matrix_but_the_first():
    sizes = MIXED[0]["params"]["sizes"]
    assert MIXED[0]["bf16_weight_copies_held_for_backward_bytes"] == 2 * (sizes[1] * sizes[2] + sizes[2] * sizes[3])


def test_the_formula_says_what_the_recipes_say():
    for recipe in RECIPES.values():
        gradients, moments = recipe.gradients + recipe.fp32_gradients, Fraction(recipe.moments, 2)
        per_parameter = state_bytes_per_parameter(recipe.weights, gradients, recipe.master_weights, 2, moments)
        assert per_parameter == recipe.bytes_per_parameter


def test_a_recipe_of_ones_own_and_an_unknown_one():
    assert state_ledger(7, Recipe(1, 2, 0, 0, 0, "mine")).total == 21
    with pytest.raises(KeyError, match="unknown recipe 'magic'; known are fp32"):
        state_ledger(7, "magic")
    with pytest.raises(ValueError, match="state_ledger: parameters must be a positive number, got -1"):
        state_ledger(-1)


# --- the peak of a step ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", STEPS, ids=lambda case: case["params"]["optimizer"])
def test_the_peak_of_a_step_is_the_measured_one_but_for_scalars(case):
    sizes, batch = case["params"]["sizes"], case["params"]["batch"]
    optimizer, weights = case["params"]["optimizer"], case["weight_bytes"]
    largest = 4 * sizes[1] * sizes[2]
    update = weights if "foreach" in optimizer else 2 * largest if "one tensor" in optimizer else 0
    in_flight = 4 * batch * sizes[1]  # gradient of the first layer's output, needed for its weights
    activations = case["activation_bytes_formula"]
    peak = step_peak_bytes(weights, case["gradient_bytes"], case["state_bytes"] or 0, activations, in_flight, update)
    beyond = peak - weights - case["state_bytes"]
    # Measured as well: loss and step counts; and, one tensor at a time, the work on the bias before the largest.
    work = 4 * sizes[1] if "one tensor" in optimizer else 0
    assert case["measured_peak_beyond_weights_and_state"] - beyond - work in (8, 12)


def test_the_peak_is_no_sum():
    weights, gradients, states, activations = sp.symbols("w g s a", positive=True)
    peak = step_peak_bytes(weights, gradients, states, activations)
    assert same(peak, weights + states + sp.Max(activations, gradients))
    assert step_peak_bytes(4, 4, 8, 100) == 112 and step_peak_bytes(4, 4, 8, 1) == 16

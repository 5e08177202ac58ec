"""The MLP ledger: equal to PyTorch in every number, and to the sums one writes by hand."""

import copy
import json
import pickle
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from llmcalc import MLP
from llmcalc.memory import training_state_bytes
from llmcalc.mlp import dense_input_gradient_flops
from llmcalc.symbolic import same

MEASURED = json.loads((Path(__file__).parent / "data" / "pytorch_mlp.json").read_text())
unhurried = settings(deadline=None)


def name_of(case):
    bias = "" if case["bias"] else "-no_bias"
    needs = "-needs_gradient" if case["input_needs_gradient"] else ""
    sizes = "x".join(map(str, case["sizes"]))
    return f"{sizes}-{case['batch']}-{case['activation']}-{case['dtype']}{bias}{needs}"


every_case = pytest.mark.parametrize("case", MEASURED["cases"], ids=name_of)

# --- PyTorch --------------------------------------------------------------------------------------------------------


def test_the_measurements_are_many_and_say_where_they_come_from():
    """Guards the tests below: they hold for all cases, whichever there are."""
    assert MEASURED["torch"] == "2.13.0" and "measure_mlp_with_pytorch.py" in MEASURED["about"]
    kinds = {key: {case[key] for case in MEASURED["cases"]} for key in ("activation", "dtype", "bias")}
    assert kinds["activation"] == {"none", "relu", "sigmoid", "tanh", "gelu"}
    assert kinds["dtype"] == {"float16", "bfloat16", "float32", "float64"}
    assert kinds["bias"] == {True, False}
    assert len(set(map(name_of, MEASURED["cases"]))) == len(MEASURED["cases"]) > 100


@every_case
def test_parameters_are_those_of_pytorch(case):
    mlp = MLP(case["sizes"], bias=case["bias"])
    assert mlp.weights == case["weights"]
    assert mlp.biases == case["biases"]
    assert mlp.parameters == case["parameters"]


@every_case
def test_flops_are_those_that_pytorch_counts(case):
    mlp, batch = MLP(case["sizes"], bias=case["bias"]), case["batch"]
    # An input that needs a gradient itself costs the product which the first layer otherwise saves.
    extra = dense_input_gradient_flops(*case["sizes"][:2], batch) if case["input_needs_gradient"] else 0
    assert mlp.forward_flops(batch) == case["forward_flops"]
    assert mlp.backward_flops(batch) + extra == case["backward_flops"]
    assert mlp.training_flops(batch) + extra == case["forward_flops"] + case["backward_flops"]


@every_case
def test_activation_bytes_are_those_that_autograd_keeps(case):
    kept = MLP(case["sizes"], bias=case["bias"]).activation_bytes(
        case["batch"], case["bytes_per_value"], activation=case["activation"]
    )
    assert kept == case["saved_bytes"]


@every_case
def test_training_state_is_what_pytorch_keeps(case):
    for optimizer, values in (("SGD", 0), ("SGD with momentum", 1), ("AdamW", 2)):
        state = training_state_bytes(case["parameters"], values, case["bytes_per_value"])
        assert state == case["parameter_bytes"] + case["gradient_bytes"] + case["optimizer_bytes"][optimizer]


# --- the network of the MLP document --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("matrices", "weights", "parameters", "forward", "backward", "training", "six_w", "activations", "without_input"),
    [
        (10, 10**9, 1_000_100_000, 2 * 10**9, 3_800_000_000, 5_800_000_000, 6 * 10**9, 400_000, 360_000),
        (
            11,
            1_100_000_000,
            1_100_110_000,
            2_200_000_000,
            4_200_000_000,
            6_400_000_000,
            6_600_000_000,
            440_000,
            400_000,
        ),
    ],
)
def test_both_readings_of_the_document(
    matrices, weights, parameters, forward, backward, training, six_w, activations, without_input
):
    mlp = MLP([10_000] * (matrices + 1))
    assert (mlp.weights, mlp.parameters) == (weights, parameters)
    assert (mlp.forward_flops(), mlp.backward_flops(), mlp.training_flops()) == (forward, backward, training)
    assert 6 * mlp.weights == six_w == mlp.training_flops() + dense_input_gradient_flops(10_000, 10_000)
    assert mlp.activation_bytes() == activations == without_input + 4 * 10_000
    assert 4 * mlp.parameters == training_state_bytes(mlp.parameters) / 4 == 4 * parameters


# --- symbols --------------------------------------------------------------------------------------------------------

a, b, c, d = widths = sp.symbols("a b c d", positive=True)
B, e = sp.symbols("B e", positive=True)


@pytest.mark.parametrize("bias", [True, False])
def test_a_network_of_symbols_gives_the_sums_one_writes_by_hand(bias):
    mlp = MLP(widths, bias=bias)
    assert same(mlp.weights, a * b + b * c + c * d)
    assert same(mlp.biases, b + c + d if bias else 0)
    assert same(mlp.parameters, a * b + b * c + c * d + (b + c + d if bias else 0))
    assert same(mlp.forward_flops(B), 2 * B * (a * b + b * c + c * d))
    assert same(mlp.backward_flops(B), 2 * B * (a * b + 2 * b * c + 2 * c * d))
    assert same(mlp.training_flops(B), 2 * B * (2 * a * b + 3 * b * c + 3 * c * d))
    for activation in ("none", "relu", "sigmoid", "tanh"):
        assert same(mlp.activation_bytes(B, e, activation=activation), e * B * (a + b + c))
    assert same(mlp.activation_bytes(B, e, activation="gelu"), e * B * (a + 2 * b + 2 * c))


@pytest.mark.parametrize("matrices", [1, 2, 3, 10])
def test_equal_widths_have_closed_forms(matrices):
    mlp = MLP([a] * (matrices + 1))
    assert same(mlp.weights, matrices * a**2)
    assert same(mlp.parameters, matrices * a * (a + 1))
    assert same(mlp.forward_flops(B), 2 * matrices * a**2 * B)
    assert same(mlp.backward_flops(B), (4 * matrices - 2) * a**2 * B)
    assert same(mlp.training_flops(B), 6 * mlp.weights * B - 2 * a**2 * B)
    assert same(mlp.activation_bytes(B, e), matrices * a * B * e)
    assert same(mlp.activation_bytes(B, e, "gelu"), (2 * matrices - 1) * a * B * e)


def test_symbols_and_numbers_may_stand_side_by_side():
    mlp = MLP([784, a, sp.Integer(10)])
    assert same(mlp.parameters, 795 * a + 10)
    assert mlp.sizes == (784, a, 10) and type(mlp.sizes[2]) is int


# --- laws -----------------------------------------------------------------------------------------------------------

networks = st.lists(st.integers(1, 10**6), min_size=2, max_size=12)


@unhurried
@given(networks, st.integers(0, 10**6), st.sampled_from(["none", "relu", "gelu"]))
def test_work_and_activations_grow_in_proportion_to_the_batch(sizes, batch, activation):
    mlp = MLP(sizes)
    for quantity in (mlp.forward_flops, mlp.backward_flops, mlp.training_flops):
        assert quantity(batch) == batch * quantity(1) == batch * quantity()
    assert mlp.activation_bytes(batch, 4, activation) == batch * mlp.activation_bytes(1, 4, activation)
    assert mlp.activation_bytes(batch, 4, activation) == 2 * mlp.activation_bytes(batch, 2, activation)


@unhurried
@given(networks, st.integers(1, 10**6), st.integers(1, 1000), st.sampled_from(["relu", "gelu"]))
def test_a_layer_more_is_never_less(sizes, width, batch, activation):
    smaller, larger = MLP(sizes), MLP([*sizes, width])
    assert larger.weights > smaller.weights and larger.parameters > smaller.parameters
    assert larger.forward_flops(batch) > smaller.forward_flops(batch)
    assert larger.backward_flops(batch) > smaller.backward_flops(batch)
    assert larger.activation_bytes(batch, 4, activation) > smaller.activation_bytes(batch, 4, activation)


@unhurried
@given(networks, st.integers(1, 1000))
def test_training_is_six_times_the_weights_but_for_the_first_layer(sizes, batch):
    mlp = MLP(sizes)
    assert mlp.training_flops(batch) == 6 * mlp.weights * batch - 2 * sizes[0] * sizes[1] * batch
    assert mlp.training_flops(batch) == mlp.forward_flops(batch) + mlp.backward_flops(batch)
    assert mlp.weights == sum(inputs * outputs for inputs, outputs in pairwise(sizes))
    assert MLP(sizes, bias=False).parameters == mlp.parameters - sum(sizes[1:])


@unhurried
@given(networks)
def test_gelu_keeps_each_hidden_value_twice(sizes):
    mlp = MLP(sizes)
    assert mlp.activation_bytes(1, 1, "gelu") - mlp.activation_bytes(1, 1, "relu") == sum(sizes[1:-1])


@unhurried
@given(networks, st.integers(1, 1000))
def test_all_that_comes_out_of_whole_numbers_is_a_whole_number(sizes, batch):
    mlp = MLP(sizes)
    results = [mlp.weights, mlp.biases, mlp.parameters, mlp.activation_bytes(batch, 2)]
    results += [quantity(batch) for quantity in (mlp.forward_flops, mlp.backward_flops, mlp.training_flops)]
    assert {type(result) for result in results} == {int}


# --- input ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sizes",
    [
        (784, 512, 10),
        range(10, 40, 10),
        (size for size in (3, 4)),
        np.array([784, 512], np.int16),
        np.array([784.0, 512.0], np.float32),
        [784.0, np.int8(10)],
        [sp.Integer(784), sp.Float(10.0)],
    ],
    ids=lambda sizes: type(sizes).__name__,
)
def test_sizes_may_come_in_whatever_keeps_their_order(sizes):
    mlp = MLP(sizes)
    assert {type(size) for size in mlp.sizes} == {int} and mlp.weights > 0


@pytest.mark.parametrize("sizes", ["784", b"784", 784, 784.0, None, {784, 10}, {784: 512, 10: 1}, a], ids=repr)
def test_sizes_have_to_be_a_sequence(sizes):
    with pytest.raises(TypeError, match="MLP: sizes must be a sequence of widths such as"):
        MLP(sizes)


@pytest.mark.parametrize("sizes", [[], [784], (a,)])
def test_one_size_makes_no_layer(sizes):
    with pytest.raises(ValueError, match="MLP: sizes must name at least an input and an output width, got"):
        MLP(sizes)


@pytest.mark.parametrize(
    ("width", "message"),
    [
        (0, "a positive number, got 0"),
        (-3, "a positive number, got -3"),
        (2.5, "a whole number, got 2.5"),
        (sp.Rational(5, 2), "a whole number, got 5/2"),
        (sp.sqrt(2), r"a whole number, got sqrt\(2\)"),
        (float("nan"), "a positive number, got nan"),
        (True, "a positive number, got True"),
        ("512", "a positive number, got '512'"),
        (None, "a positive number, got None"),
        ([512], r"a positive number, got \[512\]"),
        (np.array([512, 256]), "one number, got an array of 2"),
        (-a, "a positive number, got -a"),
    ],
)
def test_a_wrong_width_is_refused_by_its_place(width, message):
    with pytest.raises((TypeError, ValueError), match=rf"^MLP: sizes\[1\] must be {message}$"):
        MLP([784, width, 10])


@pytest.mark.parametrize("bias", [0, 1, None, "no", np.True_])
def test_bias_is_yes_or_no(bias):
    with pytest.raises(TypeError, match="MLP: bias must be True or False, got"):
        MLP([784, 10], bias=bias)


@pytest.mark.parametrize("activation", ["swish", "ReLU", "", None, ["relu"]])
def test_an_activation_that_is_not_known_is_refused_and_not_guessed(activation):
    with pytest.raises(ValueError, match="MLP: activation must be none, relu, sigmoid, tanh or gelu, got"):
        MLP([784, 10]).activation_bytes(1, 4, activation)


def test_a_wrong_batch_is_refused_by_name():
    mlp = MLP([784, 10])
    for quantity in (mlp.forward_flops, mlp.backward_flops, mlp.training_flops, mlp.activation_bytes):
        with pytest.raises(ValueError, match="batch must be zero or a positive number, got -1"):
            quantity(-1)


def test_batches_may_be_an_array():
    assert MLP([3, 4, 2]).training_flops(np.array([0, 1, 10])).tolist() == [0, 96, 960]


def test_a_network_shows_copies_and_travels_as_what_it_is():
    mlp = MLP([784, a, 10], bias=False)
    assert repr(mlp) == "MLP([784, a, 10], bias=False)" and repr(MLP([3, 2])) == "MLP([3, 2])"
    for twin in (copy.deepcopy(mlp), pickle.loads(pickle.dumps(mlp))):
        assert twin.sizes == mlp.sizes and same(twin.parameters, mlp.parameters)

"""The pictures of what training keeps: what they draw is their table, and both are the arithmetic done by hand."""

import re
from fractions import Fraction
from math import ceil

import pytest
from drawing import check, drawings, read
from test_valleys import rows_of
from test_views import number, read_quantity, table_of

import llmcalc.views.states
from llmcalc.hardware import ACCELERATORS, gpu
from llmcalc.states import RECIPES
from llmcalc.units import readable
from llmcalc.views.states import PRECISIONS, STATE_OPTIMIZERS, state_recipes, step_phases, training_states

# By hand: bytes of weights, of gradients (both kinds), of the fp32 copy, and of one moment.
BY_HAND = {
    "fp32": (4, 4, 0, 4),
    "mixed": (2, 2, 4, 4),
    "mixed, fp32 gradients": (2, 4, 4, 4),
    "mixed, both gradients": (2, 6, 4, 4),
    "no master copy": (2, 2, 0, 4),
    "16-bit throughout": (2, 2, 0, 2),
}
EIGHT_BIT_MOMENT = Fraction(260, 256)  # a byte each, and four for the scale of 256

# --- state_recipes --------------------------------------------------------------------------------------------------


def test_every_count_is_drawn_from_the_smallest_to_the_largest(handed):
    seen, html = handed(llmcalc.views.states, "stacked_bars", state_recipes)
    (bars,) = seen["args"]
    rows = {row[0]: row[1:] for row in table_of(html)}
    assert set(rows) == set(RECIPES) and len(bars) == len(RECIPES)
    sums = [sum(parts.values()) for parts in bars.values()]
    assert sums == sorted(sums) and (sums[0], sums[-1]) == (6, 20)
    assert re.match("Bytes for each parameter, from 6 to 20[.:]", seen["says"])
    names = ["count", "weights", "gradients", "fp32 copy", "moments", "together", "who counts so, or what keeps it"]
    assert list(rows_of(html)[0]) == names
    for (label, parts), (name, cells) in zip(bars.items(), rows.items(), strict=True):
        whole = sum(parts.values())
        assert label == f"{name}: {whole}" and f"{name}: {whole}" in seen["says"]
        *terms, together, source = cells
        kinds = zip(("weights", "gradients", "fp32 copy", "moments"), terms, strict=True)
        for kind, cell in kinds:
            assert sum(map(int, cell.split(" + "))) == sum(value for term, value in parts.items() if kind in term)
        assert sum(int(term) for cell in terms for term in cell.split(" + ")) == int(together) == whole
        assert source == RECIPES[name].source


def test_counts_in_the_order_asked_for():
    html = state_recipes("mixed", "fp32")
    assert [row[0] for row in table_of(html)] == ["mixed", "fp32"]
    assert len(table_of(state_recipes("fp32", "fp32"))) == 1
    assert "2 + 4" in {row[2] for row in table_of(state_recipes("mixed, both gradients"))}
    check(drawings(html)[0])
    with pytest.raises(KeyError, match="unknown recipe 'magic'"):
        state_recipes("magic")


# --- training_states ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("optimizer", STATE_OPTIMIZERS)
def test_states_are_what_their_terms_come_to(handed, precision, optimizer):
    weights, gradients, copy, moment = BY_HAND[precision]
    values = {"SGD": 0, "SGD with momentum": 1}.get(optimizer, 2)
    moments = values * (EIGHT_BIT_MOMENT if optimizer == "8-bit AdamW" else moment)
    each = weights + gradients + copy + moments
    for billion in (1, 13, 405):
        seen, html = handed(
            llmcalc.views.states, "stacked_bars", training_states,
            billion_parameters=billion, precision=precision, optimizer=optimizer,
        )  # fmt: skip
        *parts, (_, together, total, about) = table_of(html)
        total = number(total)
        assert number(together) == each and total == each * billion * 10**9
        assert sum(number(row[2]) for row in parts) == total
        assert read_quantity(about, "B") == pytest.approx(float(total), rel=5e-3)
        whole, *share = seen["args"][0].values()
        assert {name: Fraction(value) for name, value in whole.items()} == {row[0]: number(row[2]) for row in parts}
        devices = ceil(each * billion * 10**9 / (80 * 10**9))
        assert bool(share) == (devices > 1)
        labels = [f"all of it: {readable(total, 'B')}"]
        if share:
            labels.append(f"on each of {devices:,} devices, shared evenly: {readable(total / devices, 'B')}")
        assert list(seen["args"][0]) == labels and seen["limit"][0] == "one a100-80gb: 80 GB"
        assert f"Training {billion} billion parameters with {optimizer} ({precision}) keeps" in seen["says"]
        assert f"for each, {about}. " in seen["says"]
        assert list(rows_of(html)[0]) == ["part", "bytes for each parameter", "bytes", "about"]
        assert all(number(row[2]) == pytest.approx(number(row[1]) * billion * 10**9) for row in parts)
        for parts_of_one in share:
            assert sum(parts_of_one.values()) == pytest.approx(float(total) / devices)
            assert sum(parts_of_one.values()) <= 80e9 < float(total) / (devices - 1)
            assert f"at least {devices:,} a100-80gb" in seen["says"]
        assert f"keeps {float(each):.7g} bytes for each" in seen["says"]


@pytest.mark.parametrize("name", ACCELERATORS)
def test_the_limit_is_the_device(handed, name):
    seen, _ = handed(llmcalc.views.states, "stacked_bars", training_states, accelerator=name, billion_parameters=1)
    assert seen["limit"][1] == gpu(name).memory_bytes and name in seen["limit"][0]
    assert ("holds it" in seen["says"]) == (16e9 <= gpu(name).memory_bytes)


def test_what_remains_on_one_device():
    says = read(drawings(training_states(1, "SGD", "fp32", "a100-40gb"))[0]).says
    assert says == (
        "Training 1 billion parameters with SGD (fp32) keeps 8 bytes for each, 8 GB. "
        "One a100-40gb of 40 GB holds it, and 32 GB remain, before activations."
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("billion_parameters", 0), ("billion_parameters", -1), ("optimizer", "Adam"), ("precision", "autocast"),
     ("accelerator", "abacus")],
)  # fmt: skip
def test_a_training_that_makes_no_sense_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"training_states: {name} must be .*{value}"):
        training_states(**{name: value})


# --- step_phases ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("billions", [1, 13])
@pytest.mark.parametrize("activations", [0, 1, 3, 4, 6, 8, 24, 100])
@pytest.mark.parametrize("update", ["foreach", "fused"])
@pytest.mark.parametrize("gradients", ["set to none", "kept"])
def test_the_fullest_phase_is_the_peak(handed, billions, activations, update, gradients):
    settings = {"billion_parameters": billions, "activation_GB": activations, "update": update, "gradients": gradients}
    seen, html = handed(llmcalc.views.states, "stacked_bars", step_phases, **settings)
    (bars,) = seen["args"]
    sums = {label.split(":")[0]: sum(parts.values()) / 1e9 for label, parts in bars.items()}
    work = 4 * billions if update == "foreach" else 0
    before = 4 * billions if gradients == "kept" else 0
    assert sums["forward pass ends"] == 12 * billions + before + activations
    assert sums["backward pass ends"] == 16 * billions and sums["update"] == 16 * billions + work
    half = 12 * billions + (before or 2 * billions) + activations / 2
    assert sums["backward pass, half way"] == pytest.approx(half)
    peak = max(12 * billions + before + activations, 16 * billions + work)
    assert seen["limit"][1] == peak * 1e9 == max(sums.values()) * 1e9
    assert (
        seen["limit"][0] == f"fullest: {readable(peak * 1e9, 'B')}"
        and f"': {readable(peak * 1e9, 'B')}, " in seen["says"]
    )
    told = f"{billions} billion parameters in fp32 with AdamW, {update}, gradients {gradients}, and "
    assert f"{told}{readable(activations * 1e9, 'B')} of activations" in seen["says"]
    assert list(bars) == [f"{name}: {readable(total * 1e9, 'B')}" for name, total in sums.items()]
    header = ["in GB", "weights and moments", "gradients", "activations", "update", "together"]
    assert list(rows_of(html)[0]) == header
    named = re.search(r"fullest in the phase '([^']+)'", seen["says"])[1]
    assert sums[named] == peak and f"{peak / billions:.3g} bytes for each parameter" in seen["says"]
    for row, parts in zip(table_of(html), bars.values(), strict=True):
        always, *comes, together = map(number, row[1:])
        assert always == 12 * billions and always + sum(comes) == together
        assert float(together) == pytest.approx(sum(parts.values()) / 1e9)
        drawn = [parts["gradients"], parts["activations"], parts["work of the update"]]
        assert [float(value) for value in comes] == pytest.approx([value / 1e9 for value in drawn])


@pytest.mark.parametrize(
    ("name", "value"),
    [("billion_parameters", 0), ("activation_GB", -1), ("update", "slow"), ("gradients", "lost")],
)
def test_a_step_that_makes_no_sense_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"step_phases: {name} must be .*{value}"):
        step_phases(**{name: value})

"""What training keeps for each parameter: who counts what, on how many devices it fits, and when a step is fullest."""

from dataclasses import replace

from llmcalc.display import described, table
from llmcalc.formula import one_number, one_of
from llmcalc.hardware import ACCELERATORS, gpu
from llmcalc.lookup import looked_up
from llmcalc.memory import stored_bytes
from llmcalc.quantization import bits_per_value
from llmcalc.states import RECIPES, state_ledger, step_peak_bytes
from llmcalc.svg import stacked_bars
from llmcalc.symbolic import ceil_div, share
from llmcalc.units import GB, readable
from llmcalc.views.mlp import OPTIMIZERS

NAMES = {
    "weights": "weights",
    "gradients": "gradients",
    "fp32_gradients": "fp32 gradients",
    "master_weights": "fp32 copy",
    "moments": "moments",
}
"""How the terms of a recipe are called in a picture."""

EIGHT_BIT = "8-bit AdamW"
STATE_OPTIMIZERS = {**OPTIMIZERS, EIGHT_BIT: OPTIMIZERS["AdamW"]}
"""Values that each optimizer keeps for a parameter; the last one keeps them in 8 bits."""

PRECISIONS = ("fp32", "mixed", "mixed, fp32 gradients", "mixed, both gradients", "no master copy", "16-bit throughout")
"""The recipes that hold everything training keeps, with a picture of their own."""


def state_recipes(*names):
    """Bytes per parameter by several counts, each with all that it includes and with who counts so, as HTML.

    Parameters
    ----------
    *names : str
        Names of `llmcalc.states.RECIPES`, by default all of them, from the smallest to the largest.
    """
    names = names or sorted(RECIPES, key=lambda name: RECIPES[name].bytes_per_parameter)
    counts = {name: _terms(1, looked_up(name, RECIPES, "recipe")) for name in names}
    sums = {name: sum(parts.values()) for name, parts in counts.items()}
    low, high = min(sums.values()), max(sums.values())
    span = f"Bytes for each parameter, from {low} to {high}: what a count includes makes the difference."
    bars = {f"{name}: {sums[name]}": parts for name, parts in counts.items()}
    says = f"{span} {'; '.join(bars)}."
    rows = [
        (
            name,
            *(_plus(value for term, value in parts.items() if kind in term) for kind in _KINDS),
            sums[name],
            RECIPES[name].source,
        )
        for name, parts in counts.items()
    ]
    header = ("count", *_KINDS, "together", "who counts so, or what keeps it")
    return described(stacked_bars(bars, unit="B", says=says), span, table(rows, header, "bytes for each parameter"))


_KINDS = ("weights", "gradients", "fp32 copy", "moments")


def _plus(values):
    return " + ".join(map(str, values)) or "0"


def _terms(parameters, recipe):
    """Bytes of each term of a recipe, by the name it has in a picture."""
    return {NAMES[item.name]: item.total for item in state_ledger(parameters, recipe)}


def training_states(billion_parameters=13, optimizer="AdamW", precision="fp32", accelerator="a100-80gb"):
    """What training keeps whatever the batch, against the memory of a device, and the fewest devices, as HTML."""
    one_number(billion_parameters, "billion_parameters", of="training_states", may_be_zero=False)
    one_of("training_states", "optimizer", optimizer, tuple(STATE_OPTIMIZERS))
    one_of("training_states", "precision", precision, PRECISIONS)
    one_of("training_states", "accelerator", accelerator, tuple(ACCELERATORS))
    recipe, limit = RECIPES[precision], gpu(accelerator).memory_bytes
    moment = share(recipe.moments, OPTIMIZERS["AdamW"])  # the recipes are written for Adam
    if optimizer == EIGHT_BIT:
        moment = share(bits_per_value(8, block=256, scale_bits=32), 8)
    recipe = replace(recipe, moments=STATE_OPTIMIZERS[optimizer] * moment)
    parts = _terms(billion_parameters * 10**9, recipe)
    total, each = sum(parts.values()), recipe.bytes_per_parameter
    devices = int(ceil_div(total, limit))
    kept = f"Training {billion_parameters:,} billion parameters with {optimizer} ({precision}) keeps"
    bars = {f"all of it: {readable(total, 'B')}": parts}
    if devices == 1:
        fits = f"One {accelerator} of {readable(limit, 'B')} holds it, and {readable(limit - total, 'B')} remain"
    else:
        fits = f"Shared evenly it takes at least {devices:,} {accelerator} of {readable(limit, 'B')}"
        on_each = {name: value / devices for name, value in parts.items()}
        bars[f"on each of {devices:,} devices, shared evenly: {readable(total / devices, 'B')}"] = on_each
    says = f"{kept} {each:.7g} bytes for each, {readable(total, 'B')}. {fits}, before activations."
    picture = stacked_bars(bars, unit="B", limit=(f"one {accelerator}: {readable(limit, 'B')}", limit), says=says)
    rows = [*parts.items(), ("together", total)]
    rows = [(name, value / (billion_parameters * 10**9), value, readable(value, "B")) for name, value in rows]
    return described(picture, says, table(rows, ("part", "bytes for each parameter", "bytes", "about")))


UPDATES = {"foreach": 1, "fused": 0}
"""Copies of all weights that PyTorch's AdamW makes while it updates, by the way it does so."""


def step_phases(billion_parameters=1, activation_GB=3, update="foreach", gradients="set to none"):
    """What is in memory in each phase of a training step in fp32 with AdamW, and the fullest of them, as HTML.

    Gradients are "set to none" after each update, or "kept", as where several batches are added up before one.
    """
    one_number(billion_parameters, "billion_parameters", of="step_phases", may_be_zero=False)
    one_number(activation_GB, "activation_GB", of="step_phases", may_be_zero=True)
    one_of("step_phases", "update", update, tuple(UPDATES))
    one_of("step_phases", "gradients", gradients, ("set to none", "kept"))
    kept, states = gradients == "kept", _terms(billion_parameters * 10**9, RECIPES["fp32"])
    weights, gradient, moments = states["weights"], states["gradients"], states["moments"]
    activations, work = activation_GB * GB, stored_bytes(UPDATES[update], weights)
    phases = {
        "forward pass ends": (gradient if kept else 0, activations, 0),
        "backward pass, half way": (gradient if kept else gradient / 2, activations / 2, 0),
        "backward pass ends": (gradient, 0, 0),
        "update": (gradient, 0, work),
    }
    order = ("weights", "moments", "gradients", "activations", "work of the update")
    bars = {name: dict(zip(order, (weights, moments, *rest), strict=True)) for name, rest in phases.items()}
    sums = {name: sum(parts.values()) for name, parts in bars.items()}
    always, comes = (weights + gradient, 0) if kept else (weights, gradient)
    peak = step_peak_bytes(always, comes, moments, activations, update_bytes=work)
    fullest = max(sums, key=sums.get)
    says = (
        f"A step of {billion_parameters:,} billion parameters in fp32 with AdamW, {update}, gradients {gradients}, "
        f"and {readable(activations, 'B')} of activations is fullest in the phase '{fullest}': {readable(peak, 'B')}, "
        f"{peak / (billion_parameters * 10**9):.3g} bytes for each parameter."
    )
    picture = stacked_bars(
        {f"{name}: {readable(sums[name], 'B')}": parts for name, parts in bars.items()},
        unit="B",
        limit=(f"fullest: {readable(peak, 'B')}", peak),
        says=says,
    )
    rows = [
        (name, *(round(value / GB, 3) for value in (weights + moments, *phases[name], total)))
        for name, total in sums.items()
    ]
    header = ("in GB", "weights and moments", "gradients", "activations", "update", "together")
    return described(picture, says, table(rows, header))

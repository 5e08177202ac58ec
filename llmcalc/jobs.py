"""What can be asked of a plan: the choices of each job, their defaults, and what is refused before any counting."""

import os
from collections.abc import Mapping
from dataclasses import fields
from numbers import Integral

from llmcalc.formula import one_number, one_of, shown, whole
from llmcalc.hardware import gpu as accelerator
from llmcalc.lookup import looked_up
from llmcalc.models import model as preset
from llmcalc.states import RECIPES, Recipe
from llmcalc.symbolic import any_symbolic
from llmcalc.traffic import NETWORK
from llmcalc.transformer import Transformer

SEQUENCE = 2048
TOKENS_PER_PARAMETER = 20  # Hoffmann et al. 2022, for a training whose tokens nobody names

_STEP = {
    "batch": None,
    "sequence": None,
    "tokens": None,
    "recipe": "mixed",
    "optimizer": "adamw",
    "update": "fused",
    "attention": "flash",
    "recompute": "none",
    "dropout": False,
    "micro_batch": None,
    "data_parallel": None,
    "tensor_parallel": 1,
    "pipeline_parallel": 1,
    "zero": 0,
    "sequence_parallel": False,
    "interleave": 1,
    "network_bytes_per_second": NETWORK,
}
DEFAULTS = {
    "training": _STEP,
    "fine-tuning": _STEP | {"method": "full", "rank": 16, "targets": "all-linear", "weights": None, "trained": "fp32"},
    "serving": {
        "batch": 1,
        "context": 8192,
        "weights": "bf16",
        "cache_bytes_per_value": 2,
        "prefill": 2048,
        "tensor_parallel": None,
    },
}
"""Every choice of every job; `None` is worked out from the others.

Of a training step: `batch` sequences of `sequence` tokens over all GPUs, `micro_batch` of them at a time on each copy
of the model (by default all that a copy has, with a pipeline one), `data_parallel` copies (by default what the other
degrees leave), and in all `tokens` of text (for training 20 a parameter, for fine-tuning without them no time). The
rest as in `llmcalc.cluster.Layout` and `llmcalc.timeline.step_timeline`. Of adapters: `rank` and `targets` as in
`llmcalc.finetuning.lora_ledger`, the scheme or format of the frozen `weights`, and the format of what is `trained`.
The loss is computed for all tokens at once; losses in chunks, or fused with the output layer, hold much less of the
logits, and a job that does not fit here may then fit.

Of serving: `batch` sequences at once over all GPUs, each with `context` past tokens (by default no more than the model
has positions); `weights` in a scheme or format;
`prefill` tokens of a prompt that are read at once; `tensor_parallel` GPUs for a copy of the model (by default all).
"""

JOBS = tuple(DEFAULTS)
METHODS = ("full", "lora", "qlora")
OPTIMIZERS = {
    "adamw": None,
    "adamw 8-bit": RECIPES["optimizer alone, 8-bit"].moments,
    "sgd momentum": RECIPES["optimizer alone, momentum"].moments,
    "sgd": 0,
}
"""Bytes of the optimizer's moments for each parameter; `None`: those of the recipe, which are AdamW's."""

FROZEN = {"lora": "bf16", "qlora": "nf4-double"}
"""How the weights that adapters leave alone are kept, if nothing is said."""

_OF_ADAPTERS = ("rank", "targets", "weights", "trained")
WHOLE_STEPS = (
    "recipe",
    "optimizer",
    "update",
    "tensor_parallel",
    "pipeline_parallel",
    "sequence_parallel",
    "interleave",
)
_PLAIN = ("bf16", "fp16", "fp32")
_TEXTS = ("optimizer", "update", "attention", "recompute", "method", "weights", "trained")
_COUNTS = ("batch", "sequence", "micro_batch", "data_parallel", "tensor_parallel", "pipeline_parallel", "interleave")
_COUNTS += ("context",)


def read_model(given):
    """The Transformer that a preset's name, a config.json (as a dict or a path) or itself means; and its name."""
    if isinstance(given, Transformer):
        built, name = given, given.family.model_type
    elif isinstance(given, Mapping):
        if set(given) == set(told_of(None)):
            raise ValueError(f"plan: model must be given again: {given['told']}, got {shown(dict(given))}")
        built = Transformer.from_config(given)
        name = given.get("model_type", built.family.model_type)
    elif isinstance(given, os.PathLike) or (isinstance(given, str) and os.path.exists(given)):
        built, name = Transformer.from_config(given), os.path.basename(os.fspath(given).removesuffix("config.json"))
        name = name or built.family.model_type
    elif isinstance(given, str) and (given.endswith(".json") or os.sep in given or "/" in given):
        raise ValueError(f"plan: model must be a name or a file, and there is no file at {given}")
    elif isinstance(given, str):
        built, name = preset(given), given
    else:
        raise TypeError(f"plan: model must be a name, a config or a Transformer, got {shown(given)}")
    if any_symbolic(built.parameters.total):
        raise ValueError("plan: model must have numbers for its sizes, got symbols")
    if built.family.encoder:
        raise ValueError(f"plan: model must be a decoder, got the encoder {built.family.model_type}")
    return built, name


def told_of(model):
    """What JSON says of a Transformer, which it cannot hold."""
    kind, total = (model.family.model_type, model.parameters.total) if model else (None, None)
    return {"model_type": kind, "parameters": total, "told": "this one was a Transformer, which JSON cannot hold"}


def plain(value):
    """What JSON can hold of an argument."""
    if isinstance(value, Recipe):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    if isinstance(value, Transformer):
        return told_of(value)
    if isinstance(value, Integral) and not isinstance(value, bool):  # NumPy's as well
        return int(value)
    if isinstance(value, (str, int, float, dict, list, tuple, type(None))):
        return list(value) if isinstance(value, tuple) else value
    return str(value)


def resolved(model, job, gpu, gpus, given):
    """The accelerator, the number of GPUs, and every choice of the job with nothing left open."""
    one_of("plan", "job", job, JOBS)
    known = DEFAULTS[job]
    for name in given:
        if name not in known:
            raise TypeError(f"plan: {name} is no choice of the job {job!r}; there are {', '.join(known)}")
    if not isinstance(gpu, str):
        raise TypeError(f"plan: gpu must be the name of an accelerator such as 'h100-sxm', got {shown(gpu)}")
    gpus = _count(gpus, "gpus")
    chosen = {**known, **given}
    if job == "serving" and given.get("context") is None:
        chosen["context"] = min(known["context"], model.positions or known["context"])
    for name, value in given.items():
        if getattr(value, "ndim", 0):
            raise TypeError(f"plan: {name} must be one choice, got an array of {value.size}")
        if name in _TEXTS and not isinstance(value, (str, type(None))):
            raise TypeError(f"plan: {name} must be text, got {shown(value)}")
        if value is None and known[name] is not None and name != "context":
            raise TypeError(f"plan: {name} must be given or left out, got None; left out, it is {known[name]!r}")
    for name in _COUNTS:
        if chosen.get(name) is not None:
            chosen[name] = _count(chosen[name], name)
    settle = _serving if job == "serving" else _step
    return accelerator(gpu), gpus, settle(model, job, gpus, chosen)


def _count(value, name):
    value = whole(value, name, of="plan", may_be_zero=False)
    if any_symbolic(value):
        raise TypeError(f"plan: {name} must be a whole number, got the symbol {value}")
    return value


def _serving(model, job, gpus, chosen):
    if chosen["tensor_parallel"] is None:
        chosen["tensor_parallel"] = gpus
    parts, batch = chosen["tensor_parallel"], chosen["batch"]
    if gpus % parts:
        raise ValueError(f"plan: tensor_parallel must divide the {gpus} GPUs, got {parts}")
    chosen["copies"] = copies = gpus // parts
    if batch % copies:
        raise ValueError(f"plan: batch must be shared evenly by {copies} copies of the model, got {batch}")
    _positions(model, chosen["context"], "context")
    one_number(chosen["cache_bytes_per_value"], "cache_bytes_per_value", of="plan", may_be_zero=False)
    chosen["prefill"] = min(_count(chosen["prefill"], "prefill"), chosen["context"])
    return chosen


def _step(model, job, gpus, chosen):
    """The choices of a training step, adapters among them."""
    if not model.family.keeps:
        raise ValueError(
            f"plan: model must be of a family whose activations are known, for {job}: model_type "
            f"{model.family.model_type} has no rule for them; serving it can be planned"
        )
    if job == "fine-tuning":
        one_of("plan", "method", chosen["method"], METHODS)
        adapters = chosen["method"] != "full"
        for name in WHOLE_STEPS if adapters else _OF_ADAPTERS:
            if chosen[name] != DEFAULTS[job][name]:
                raise ValueError(
                    f"plan: {name} has no meaning for the method {chosen['method']!r}, got {chosen[name]!r}"
                )
        if adapters:
            rank = chosen["rank"]
            ranks = {name: _count(each, "rank") for name, each in rank.items()} if isinstance(rank, Mapping) else None
            chosen["rank"] = _count(rank, "rank") if ranks is None else ranks
        if adapters and chosen["weights"] is None:
            chosen["weights"] = FROZEN[chosen["method"]]
        if chosen["method"] == "qlora" and chosen["weights"] in _PLAIN:
            raise ValueError(
                f"plan: weights must be a scheme of few bits for the method 'qlora', got {chosen['weights']!r}"
            )
    if type(chosen["zero"]) is not int or chosen["zero"] not in range(4):
        raise ValueError(f"plan: zero must be 0, 1, 2 or 3, got {shown(chosen['zero'])}")
    one_number(chosen["network_bytes_per_second"], "network_bytes_per_second", of="plan", may_be_zero=False)
    looked_up(chosen["optimizer"], OPTIMIZERS, "optimizer")
    if isinstance(chosen["recipe"], Mapping):  # as JSON has it
        if set(chosen["recipe"]) != {each.name for each in fields(Recipe)}:
            raise ValueError(f"plan: recipe must have the fields of a Recipe, got {shown(dict(chosen['recipe']))}")
        chosen["recipe"] = Recipe(**chosen["recipe"])
    if not isinstance(chosen["recipe"], Recipe):
        recipe = looked_up(chosen["recipe"], RECIPES, "recipe")
        if not recipe.weights:
            raise ValueError(f"plan: recipe must keep weights and gradients, got {chosen['recipe']!r}")
    if chosen["sequence"] is None:
        chosen["sequence"] = min(SEQUENCE, model.positions or SEQUENCE)
    _positions(model, chosen["sequence"], "sequence")
    within = chosen["tensor_parallel"] * chosen["pipeline_parallel"]
    if chosen["data_parallel"] is None:
        if gpus % within:
            raise ValueError(
                f"plan: gpus must be a multiple of tensor_parallel * pipeline_parallel = {within}, got {gpus}"
            )
        chosen["data_parallel"] = gpus // within
    copies = chosen["data_parallel"]
    if copies * within != gpus:
        raise ValueError(f"plan: gpus must be data * tensor * pipeline parallel = {copies * within}, got {gpus}")
    if chosen["batch"] is None:
        chosen["batch"] = copies * (chosen["micro_batch"] or 1)
    if chosen["batch"] % copies:
        raise ValueError(f"plan: batch must be shared evenly by data_parallel = {copies}, got {chosen['batch']}")
    own = chosen["batch"] // copies
    if chosen["micro_batch"] is None:
        chosen["micro_batch"] = own if chosen["pipeline_parallel"] == 1 else 1
    if own % chosen["micro_batch"]:
        raise ValueError(f"plan: micro_batch must divide the {own} sequences of a GPU, got {chosen['micro_batch']}")
    if chosen["tokens"] is None and job == "training":
        chosen["tokens"] = TOKENS_PER_PARAMETER * model.parameters.active
    if chosen["tokens"] is not None:
        chosen["tokens"] = _count(chosen["tokens"], "tokens")
    return chosen


def _positions(model, tokens, name):
    """A table of learned positions ends somewhere."""
    if model.family.position_offset is not None and tokens > model.positions:
        raise ValueError(f"plan: {name} must be at most the {model.positions} positions of the model, got {tokens}")

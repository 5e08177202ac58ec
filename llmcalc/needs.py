"""What a job needs on each GPU, in bytes, item by item: the ledgers of the package, put together for one plan."""

import math
from dataclasses import fields, replace

from llmcalc.activations import CHOICES
from llmcalc.adapters import AdapterStep
from llmcalc.cluster import Layout, gpu_ledger, model_slice
from llmcalc.finetuning import finetuning_ledger
from llmcalc.formats import number_format
from llmcalc.inference import cache_ledger
from llmcalc.jobs import OPTIMIZERS
from llmcalc.linears import linear_layers
from llmcalc.memory import stored_bytes
from llmcalc.quantization import SCHEMES, weight_bytes
from llmcalc.schedule import Walk
from llmcalc.sharding import padded_values, zero_parts
from llmcalc.stages import Stages
from llmcalc.states import RECIPES, Recipe
from llmcalc.timeline import peak

WIDE = 2  # bytes of a value while the model is served, and of a weight that is made wide for a product
LOGIT = 4  # bytes of a logit that a token is drawn from


def needed(model, job, chosen):
    """Bytes on the fullest GPU by the names of what takes them, for choices that leave nothing open."""
    if job == "serving":
        return served(model, chosen)
    if chosen.get("method", "full") == "full":
        return trained(model, chosen)
    return adapted(model, chosen)


# --- a training step ------------------------------------------------------------------------------------------------


def recipe_of(chosen):
    """The recipe of a training, with the moments of the optimizer that was chosen."""
    recipe = chosen["recipe"] if isinstance(chosen["recipe"], Recipe) else RECIPES[chosen["recipe"]]
    moments = OPTIMIZERS[chosen["optimizer"]]
    return recipe if moments is None else replace(recipe, moments=min(moments, recipe.moments))


def _how(chosen):
    """Keywords of the activation ledger."""
    how = {name: chosen[name] for name in ("attention", "recompute", "dropout")}
    return how | ({"autocast": True} if chosen["recipe"] == "autocast" else {})


def layout_of(chosen):
    """How a training step is laid out over the GPUs."""
    return Layout(**{field.name: chosen[field.name] for field in fields(Layout)})


def trained(model, chosen):
    """A training step of all of a model."""
    held = gpu_ledger(
        model, layout_of(chosen), chosen["sequence"],
        recipe=recipe_of(chosen), update=chosen["update"], **_how(chosen),
    )  # fmt: skip
    return {name.replace("_", " "): total for name, total in held.items()}


# --- a training step of adapters ------------------------------------------------------------------------------------


def adapted(model, chosen):
    """A training step of adapters beside weights that stay as they are.

    In flight is what the fullest instant has beyond, and the largest matrix made wide again where weights are
    quantized. With sharding (stages 1 to 3) what is shared out is rounded up to whole bytes, and a layer is gathered
    for its work.
    """
    step = AdapterStep(
        model, chosen["rank"], chosen["targets"], chosen["micro_batch"], chosen["sequence"],
        trained=chosen["trained"], bytes_per_value=_width(chosen["weights"]), **_how(chosen),
    )  # fmt: skip
    kept, fullest = step.activations, peak(step.moments()).total
    ledger = finetuning_ledger(
        model, chosen["rank"], chosen["targets"], weights=chosen["weights"], trained=chosen["trained"]
    )
    items = {name: total for name, total in ledger.items() if name != "activations"}
    flight = fullest - kept.total + widened(model, chosen["weights"])
    if chosen["zero"]:
        gathered = -(-items["weights"] // model.layers) if chosen["zero"] == 3 else 0
        items, flight = _sharded(items, chosen), flight + gathered
    copies = kept.adapter_inputs.total
    return items | {"activations": kept.total - copies, "adapter inputs": copies, "in flight": flight}


def _width(scheme):
    """Bytes of an activation beside weights in this format or scheme: products are in 16 bits, if not in fp32."""
    return WIDE if scheme in SCHEMES else max(WIDE, int(number_format(scheme).bytes_per_value))


def widened(model, scheme):
    """Bytes of the largest quantized matrix, made wide again for its product; 0 in a plain format."""
    if scheme not in SCHEMES:
        return 0
    names = weight_bytes(model, scheme).quantized.keys()
    sizes = [layer.inputs * layer.outputs for layer in linear_layers(model, stacked=True) if layer.name in names]
    return stored_bytes(max(sizes), WIDE)


def _sharded(items, chosen):
    """The states of a training of adapters on one of the GPUs that share them."""
    gpus = chosen["data_parallel"]
    states = [items["weights"] + items["adapters"], items["gradients"], items["optimizer"]]
    parts = zero_parts(*(padded_values(state, gpus) for state in states), gpus, chosen["zero"])
    adapters = padded_values(items["adapters"], gpus) // gpus if chosen["zero"] == 3 else items["adapters"]
    return {
        "weights": parts["weights"] - adapters,
        "adapters": adapters,
        "gradients": parts["gradients"],
        "optimizer": parts["optimizer"],
    }


# --- serving --------------------------------------------------------------------------------------------------------


def served(model, chosen):
    """A model that answers: its weights, the cache, and what a prompt or the logits take for a moment."""
    part, batch = served_part(model, chosen["tensor_parallel"]), sequences_of_a_copy(chosen)
    flight = max(_prompt_bytes(part, chosen["prefill"]), stored_bytes(batch * part.vocabulary, LOGIT))
    cache = cache_ledger(part, batch, chosen["context"], chosen["cache_bytes_per_value"]).total
    return {
        "weights": weight_bytes(part, chosen["weights"]).total,
        "cache": math.ceil(cache),
        "in flight": flight + widened(part, chosen["weights"]),
    }


def served_part(model, gpus):
    """What one GPU has of a model that several share by tensor parallelism, as in training."""
    return model if gpus == 1 else model_slice(model, Layout(tensor_parallel=gpus))


def sequences_of_a_copy(chosen):
    """Sequences that one copy of the model answers at once."""
    return chosen["batch"] // chosen["copies"]


def _prompt_bytes(model, tokens):
    """Bytes of a layer's fullest instant while it reads a prompt and keeps nothing; 0 where no rule says."""
    if not model.family.keeps or model.projection_weights:
        return 0
    how = {name: choices[0] for name, choices in CHOICES.items()}
    stages = Stages(model, model.parameters, 1, tokens, WIDE, how)
    walk, layer = Walk(stages.sizes, ()), stages.block()
    walk.here = {"x"}
    walk.forward(layer)
    return walk.fullest.total

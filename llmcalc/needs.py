"""What a job needs on each GPU, in bytes, item by item: the ledgers of the package, put together for one plan."""

from dataclasses import replace

from llmcalc.activations import CHOICES
from llmcalc.finetuning import finetuning_ledger, lora_ledger
from llmcalc.formats import number_format
from llmcalc.inference import cache_ledger
from llmcalc.jobs import OPTIMIZERS
from llmcalc.layout import check_layout
from llmcalc.linears import linear_layers
from llmcalc.memory import stored_bytes
from llmcalc.quantization import SCHEMES, weight_bytes
from llmcalc.schedule import Walk
from llmcalc.sharding import padded_values, zero_parts
from llmcalc.stages import Stages
from llmcalc.states import RECIPES, Recipe
from llmcalc.symbolic import ceil_div
from llmcalc.timeline import peak, step_timeline

WIDE = 2  # bytes of a value while the model is served, and of a weight that is made wide for a product
LOGIT = 4  # bytes of a logit that a token is drawn from
NOTHING_TRAINED = Recipe(0, 0, 0, 0, 0, "weights that are read and never written: neither gradients nor moments")
WHOLE = ("attention_norm", "norm", "router", "other")
"""Parts of a model that every GPU has whole under tensor parallelism."""


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


def trained(model, chosen):
    """A training step of all of a model."""
    if chosen["tensor_parallel"] * chosen["pipeline_parallel"] > 1 or chosen["zero"]:
        raise ValueError("plan: zero, tensor_parallel and pipeline_parallel cannot be planned yet")
    accumulate = chosen["micro_batch"] * chosen["data_parallel"] != chosen["batch"]
    moment = peak(
        step_timeline(
            model, chosen["micro_batch"], chosen["sequence"], recipe=recipe_of(chosen), update=chosen["update"],
            accumulate=accumulate, **_how(chosen),
        )
    )  # fmt: skip
    return {
        "weights": moment.weights,
        "gradients": moment.gradients,
        "optimizer": moment.optimizer,
        "activations": moment.activations,
        "in flight": moment.in_flight,
    }


# --- a training step of adapters ------------------------------------------------------------------------------------


def adapted(model, chosen):
    """A training step of adapters beside weights that stay as they are.

    The activations are those of the model as if all of it were trained, a little more than there are. In flight is
    what the fullest instant has beyond, and the largest matrix made wide again where weights are quantized. With
    sharding (stages 1 to 3) what is shared out is rounded up to whole bytes, and a layer is gathered for its work.
    """
    batch, sequence = chosen["micro_batch"], chosen["sequence"]
    kept = model.activation_bytes(batch, sequence, **_how(chosen)).total
    fullest = peak(step_timeline(model, batch, sequence, recipe=NOTHING_TRAINED, **_how(chosen))).total
    ledger = finetuning_ledger(
        model, chosen["rank"], chosen["targets"],
        weights=chosen["weights"], trained=chosen["trained"], activation_bytes=kept,
    )  # fmt: skip
    items = {name: total for name, total in ledger.items() if name != "activations"}
    flight = fullest - kept + widened(model, chosen["weights"])
    if chosen["zero"]:
        gathered = -(-items["weights"] // model.layers) if chosen["zero"] == 3 else 0
        items, flight = _sharded(items, chosen), flight + gathered
    return items | {"activations": kept, "adapter inputs": adapter_inputs(model, chosen), "in flight": flight}


def adapter_inputs(model, chosen):
    """Bytes of the copies that adapters keep of their inputs where these come in another format.

    PEFT casts the input of each adapter to the adapter's format, and the gradient of its first matrix keeps that copy.
    With full recomputation only the layer at work has them.
    """
    form = number_format(chosen["trained"])
    if form.bytes_per_value == WIDE:
        return 0
    names = lora_ledger(model, chosen["rank"], chosen["targets"]).keys()
    inputs = sum(layer.count * layer.inputs for layer in linear_layers(model) if layer.name in names)
    layers = 1 if chosen["recompute"] != "full" else model.layers
    return stored_bytes(chosen["micro_batch"] * chosen["sequence"] * inputs, form.bytes_per_value) // layers


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
    """A model that answers: its weights, the cache, and what a prompt or the logits take for a moment.

    With tensor parallelism matrices and tables are cut, norms and routers are on every GPU, and so is a key/value
    head where there are fewer of them than GPUs, or the latent cache. What is in flight is counted whole.
    """
    gpus, batch = chosen["tensor_parallel"], sequences_of_a_copy(chosen)
    _check_cuts(model, gpus)
    stored = weight_bytes(model, chosen["weights"])
    cut = stored.total - sum(stored.kept[part].total for part in WHOLE)
    return {
        "weights": -(-cut // gpus) + stored.total - cut,
        "cache": cache_on_each(model, batch, chosen["context"], chosen["cache_bytes_per_value"], gpus),
        "in flight": max(_prompt_bytes(model, chosen["prefill"]), _logit_bytes(model, batch))
        + widened(model, chosen["weights"]),
    }


def sequences_of_a_copy(chosen):
    """Sequences that one copy of the model answers at once."""
    return chosen["batch"] // chosen["copies"]


def cache_on_each(model, batch, context, bytes_per_value, gpus):
    """Bytes of the key/value cache on each of the GPUs that share a model."""
    whole = cache_ledger(model, batch, context, bytes_per_value).total
    if model.family.latent:
        return whole
    return -(-whole * ceil_div(model.kv_heads, gpus) // model.kv_heads)


def _check_cuts(model, gpus):
    check_layout(width=model.width, heads=model.heads, tensor_parallel=gpus)
    if not model.family.latent:
        check_layout(heads=model.heads, kv_heads=model.kv_heads, tensor_parallel=gpus)
    for name in ("feed_forward", "expert_width", "shared_width"):
        if getattr(model, name) % gpus:
            raise ValueError(f"plan: {name} must be a multiple of tensor_parallel = {gpus}, got {getattr(model, name)}")


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


def _logit_bytes(model, batch):
    """Bytes of the logits of the next token of each sequence."""
    return stored_bytes(batch * model.vocabulary, LOGIT)

"""Fine-tuning: what low-rank adapters (LoRA) add, and the bytes that training all of a model, or only them, takes."""

from collections.abc import Mapping

from llmcalc.formats import number_format
from llmcalc.formula import amount, formula
from llmcalc.ledger import Ledger
from llmcalc.linears import OUTPUT, STACKED, linear_layers
from llmcalc.memory import stored_bytes
from llmcalc.notation import letter
from llmcalc.quantization import SCHEMES, weight_bytes

ALL_LINEAR = "all-linear"
QUERIES_AND_VALUES = ("q_proj", "v_proj")

LORA = "Hu et al. 2021, LoRA, section 4.1; PEFT 0.21 adds the same"
SOURCES = {
    "weights": "the model's parameters in the format they are kept in; see `llmcalc.quantization`",
    "adapters": LORA,
    "gradients": "one for each parameter that is trained, in its format",
    "optimizer": "Kingma and Ba 2015: two moments for each parameter that is trained",
    "activations": "as given",
}


@formula
def lora_parameters(inputs, outputs, rank):
    """Parameters of a low-rank adapter: a matrix from the inputs down to `rank` values, and one up to the outputs.

    Their product has the shape of the layer's weights, and is added to them. Those stay as they are.

    Parameters
    ----------
    inputs, outputs : number, array or SymPy expression
        Values that enter and leave the linear layer.
    rank : number, array or SymPy expression
        Values between the two matrices.

    Returns
    -------
    number, array or SymPy expression
        A count of parameters.

    Source
    ------
    Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models", section 4.1.

    Examples
    --------
    Queries and values of the 96 layers of GPT-3, with rank 8:

    >>> 96 * 2 * lora_parameters(inputs=12_288, outputs=12_288, rank=8)
    37748736
    >>> lora_parameters(inputs=4096, outputs=1024, rank=16)
    81920
    """
    return rank * (inputs + outputs)


def lora_ledger(model, rank=8, targets=None):
    """Ledger of the parameters that LoRA adds to a model, an item for each linear layer of a block that it changes.

    Parameters
    ----------
    model : Transformer
        The model.
    rank : number, SymPy expression, or dict
        Values between the two matrices of an adapter: one rank for all, or a rank by the name of a layer. Where two
        of its names fit a layer, the first counts.
    targets : str or sequence of str, optional
        Names of the layers that are changed, ends of names such as ``"o_proj"`` or ``"mlp.c_proj"``; "all-linear"
        means all but the output layer. By default the names of `rank`; of one rank for all, q_proj and v_proj.

    Raises
    ------
    ValueError
        For a name that fits no layer; the message lists those there are. For experts: the library stacks their
        weights in parameters that are no linear layers, and what adapters do with those differs from family to
        family, so that of a model with experts only attention and the output layer can be asked for.

    Examples
    --------
    >>> from llmcalc.models import model
    >>> lora_ledger(model("llama-3-8b"), rank=16)
    self_attn.q_proj  4,194,304 parameters
    self_attn.v_proj  2,621,440 parameters
    --------------------------------------
    LoRA parameters   6,815,744 parameters
    """
    ranks = dict(rank) if isinstance(rank, Mapping) else None
    if ranks is not None and not ranks:
        raise ValueError("lora_ledger: rank must name at least one layer, got {}")
    if targets is None:
        targets = QUERIES_AND_VALUES if ranks is None else tuple(ranks)
    layers = _targeted(model, targets)
    if ranks is not None:
        _targeted(model, tuple(ranks))  # refuses names that fit nothing
    tree = {}
    for layer in layers:
        own = rank if ranks is None else next((ranks[name] for name in ranks if _fits(layer.name, name)), None)
        if own is None:
            raise ValueError(f"lora_ledger: rank says nothing of {layer.name}; it names {', '.join(ranks)}")
        tree[layer.name] = layer.count * lora_parameters(layer.inputs, layer.outputs, own)
    formulas = lambda: lora_ledger(model.symbolic(), rank if ranks else letter("rank"), targets)  # noqa: E731
    return Ledger.of("LoRA parameters", tree, "parameters", LORA, formulas=formulas)


def _targeted(model, targets):
    """The linear layers that the names fit, each once."""
    kind, layers = model.family.model_type, linear_layers(model)
    if model.family.experts:
        layers = tuple(layer for layer in layers if layer.part in ("attention", "lm_head"))
    if targets == ALL_LINEAR and not model.family.experts:
        return [layer for layer in layers if layer.name != OUTPUT]
    targets = (targets,) if isinstance(targets, str) else targets
    if not (isinstance(targets, (tuple, list)) and targets and all(isinstance(name, str) for name in targets)):
        raise ValueError(f"lora_ledger: targets must be names of linear layers, got {targets!r}")
    for name in targets:
        if any(_fits(layer.name, name) for layer in layers):
            continue
        every = {layer.name for layer in linear_layers(model, stacked=True)} | {"mlp.experts", "experts", *STACKED}
        if model.family.experts and (name == ALL_LINEAR or any(_fits(each, name) for each in every)):
            raise ValueError(
                f"lora_ledger: targets names {name!r}, which reaches the experts of {kind}: stacked parameters with "
                f"three dimensions, no linear layers. There are {', '.join(layer.name for layer in layers)}"
            )
        raise ValueError(
            f"lora_ledger: targets names {name!r}, which is no linear layer of {kind}; "
            f"there are {', '.join(layer.name for layer in layers)}"
        )
    return [layer for layer in layers if any(_fits(layer.name, name) for name in targets)]


def _fits(layer, name):
    """Whether a name means a layer: the whole of its name, or its end after a point."""
    return f".{layer}".endswith(f".{name}")


def finetuning_ledger(
    model,
    rank=None,
    targets=None,
    *,
    weights="bf16",
    trained=None,
    optimizer_values=2,
    optimizer="fp32",
    activation_bytes=0,
):
    """Ledger of the bytes of fine-tuning: items `weights`, `adapters`, `gradients`, `optimizer` and `activations`.

    Without a rank all parameters are trained (full fine-tuning). With one only adapters are, and the model's own
    weights are read, never written (LoRA): they need neither gradients nor moments, and may be quantized (QLoRA).

    Activations hardly shrink with that. The loss reaches an adapter only back through every layer above it, frozen or
    not, and each needs for its derivative what it had in the forward pass: attention its queries, keys and values, a
    gate both of its factors, a norm its input. Only inputs kept for the gradient of a frozen weight alone go. The input
    of a layer with an adapter is the adapter's own as well; one in fp32, as PEFT makes them, keeps an fp32 copy of it
    instead, twice as large. `llmcalc.adapters.adapter_activations` counts them.

    Parameters
    ----------
    model : Transformer
        The model.
    rank, targets : see `lora_ledger`
        Of the adapters; no rank for full fine-tuning.
    weights : str
        The format of the model's weights: of `llmcalc.formats`, or a scheme of `llmcalc.quantization`.
    trained : str, optional
        Format of adapters and of gradients. By default fp32 with adapters, as PEFT makes them whatever the model has,
        else that of the weights.
    optimizer_values : number, default 2
        Values that the optimizer keeps for each parameter it trains: 2 for AdamW, 3 with an fp32 copy of 16-bit
        weights, 0 for SGD.
    optimizer : str, default "fp32"
        Format of those values.
    activation_bytes : number or Ledger, default 0
        Bytes that the forward pass keeps, as `Transformer.activation_bytes` counts them.

    Examples
    --------
    >>> from llmcalc.models import model
    >>> readable = lambda ledger: [(item.name, round(item.total / 10**9, 1)) for item in ledger]
    >>> readable(finetuning_ledger(model("llama-2-7b")))[:4]
    [('weights', 13.5), ('adapters', 0.0), ('gradients', 13.5), ('optimizer', 53.9)]
    >>> readable(finetuning_ledger(model("llama-2-7b"), rank=8, weights="nf4-double"))[:4]
    [('weights', 3.9), ('adapters', 0.0), ('gradients', 0.0), ('optimizer', 0.0)]
    """
    if rank is None and targets is not None:
        raise ValueError(f"finetuning_ledger: targets is {targets!r}, and rank must be given with it")
    if rank is None and weights in SCHEMES:
        raise ValueError(f"finetuning_ledger: weights in {weights!r} cannot be trained; rank must be given with them")
    trained = trained or ("fp32" if rank is not None else weights)
    optimizer_values = amount(optimizer_values, "optimizer_values", of="finetuning_ledger")
    activation_bytes = getattr(activation_bytes, "total", activation_bytes)
    activation_bytes = amount(activation_bytes, "activation_bytes", of="finetuning_ledger", may_be_zero=True)
    adapters = lora_ledger(model, rank, targets).total if rank is not None else 0
    trainable = model.parameters.total if rank is None else adapters
    form = number_format(trained)
    if not form.exponent_bits:
        raise ValueError(f"finetuning_ledger: trained must be a floating-point format, got {trained!r}")
    size = form.bytes_per_value
    tree = {
        "weights": weight_bytes(model, weights).total,
        "adapters": stored_bytes(adapters, size),
        "gradients": stored_bytes(trainable, size),
        "optimizer": stored_bytes(optimizer_values * trainable, number_format(optimizer).bytes_per_value),
        "activations": activation_bytes,
    }

    def formulas():
        one_rank = rank is None or isinstance(rank, Mapping)
        more = {"optimizer_values": letter("optimizer_values") if optimizer_values != 0 else 0}
        more["activation_bytes"] = letter("activation_bytes") if activation_bytes != 0 else 0
        return finetuning_ledger(
            model.symbolic(), rank if one_rank else letter("rank"), targets,
            weights=weights, trained=trained, optimizer=optimizer, **more,
        )  # fmt: skip

    ledger = Ledger.of("fine-tuning", tree, "bytes", SOURCES, formulas=formulas)
    return ledger.also(trainable=trainable)

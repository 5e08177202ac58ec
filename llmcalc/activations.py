"""Activations of a transformer: what PyTorch keeps from the forward to the backward pass, operation by operation.

Each operation keeps what its derivative asks for, and a tensor that two operations keep is kept once. The rules hold
for layers one after the other with a norm before each half (the `keeps` column of `llmcalc.families`).
"""

from dataclasses import replace

from llmcalc.formula import amount, in_range, one_of
from llmcalc.ledger import Ledger
from llmcalc.notation import letter
from llmcalc.symbolic import any_symbolic, ceil_div, larger

AUTOGRAD = "derivative of the operation; measured on PyTorch 2.13, saved tensors, each storage once"
CHOICES = {
    "attention": ("explicit", "flash", "efficient"),
    "recompute": ("none", "selective", "full"),
    "norm": ("fused", "library"),
    "gelu": ("fused", "python"),
    "softmax": ("same", "fp32"),
    "mask": ("added", "filled"),
    "loss": ("fp32", "same"),
    "labels": ("whole", "shifted"),
    "device": ("gpu", "cpu"),
    "dropout": (False, True),
    "autocast": (False, True),
}
"""What can be chosen; the first is meant where nothing is said."""
INDEX_BYTES = 8  # token ids and labels are 64-bit integers
MANY_LAYERS = 10_000
STATISTIC_BYTES = 4  # means and standard deviations are kept in fp32


@in_range
def activation_ledger(
    model, batch=1, sequence=1, bytes_per_value=2, attention="flash", dropout=False, recompute="none", **how
):
    """Ledger of the bytes kept for the backward pass: `embedding`, `layers`, `rotary`, `head_and_loss`.

    `.total` is their sum at the end of the forward pass. `.peak` adds the layer that is being recomputed, whole: an
    upper bound, for by then what the loss kept is gone, and its input was there already; `.at_once` is the most that
    is held at one moment. `.layers` has an item for each layer (up to 10,000 of them), and each of these,
    `.per_layer`, an item for each operation. `.logits` are the bytes of the logits, which nothing keeps but the
    caller, for as long as they are used, and `.layer_input` those of what one layer hands to the next.

    Parameters
    ----------
    model : Transformer
        One whose family has rules for activations, else ValueError.
    batch, sequence : number or SymPy expression
        Sequences, and tokens in each.
    bytes_per_value : number or SymPy expression, default 2
        Size of one value: 2 for bf16 and fp16, 4 for fp32.
    attention : "flash", "explicit" or "efficient"
        Whether the scores of all pairs of tokens are kept (explicit), or made again (the fused kernels).
    dropout : bool, default False
        Masks, one byte a value, where the family has dropout.
    recompute : "none", "selective" or "full"
        Keep all; all but the inside of attention; or only the input of each layer.
    norm : "fused" or "library"
        RMSNorm of the transformers library is several operations, with an fp32 copy; LayerNorm is one in both.
    gelu : "fused" or "python"
        GPT-2's own GELU, written in Python, keeps four tensors instead of one.
    softmax : "same" or "fp32"
        Scores in fp32 whatever the format, as the library's eager attention has them in Llama.
    mask : "added" or "filled"
        An added mask keeps nothing; masked_fill keeps its mask.
    loss : "fp32" or "same"
        Format of the log-probabilities.
    labels : "whole" or "shifted"
        The library shifts labels by padding them with one more.
    device : "gpu" or "cpu"
        On a CPU, LayerNorm keeps its statistics in the format of its input, and flash attention no random state.
    autocast : bool, default False
        Residual stream and softmax in fp32, matrix products in `bytes_per_value`.
    """
    how |= {"attention": attention, "dropout": dropout, "recompute": recompute}
    how = {name: choices[0] for name, choices in CHOICES.items()} | how
    _check("activation_bytes", **how)
    if not model.family.keeps:
        raise ValueError(f"activation_bytes: model_type {model.family.model_type} has no rule for its activations")
    sizes = {"batch": batch, "sequence": sequence, "bytes_per_value": bytes_per_value}
    for name, size in sizes.items():
        sizes[name] = amount(size, name, of="activation_bytes")
        if getattr(sizes[name], "ndim", 0):  # what there is at all depends on it
            raise TypeError(f"activation_bytes: {name} must be one number or symbol, got an array")
    block = _Kept(model, **sizes, **how)
    return block.ledger(lambda: _symbolic_ledger(model, sizes, how))


def _symbolic_ledger(model, sizes, how):
    """The same with letters for the sizes, apart from a size on which it depends what there is at all."""
    letters, symbolic = {name: letter(name) for name in sizes}, model.symbolic()
    if sizes["bytes_per_value"] == 4:  # everything is in fp32: no copies
        how = how | {"softmax": "same", "autocast": False}
    if sizes["batch"] == 1 and (how["labels"] == "shifted" or model.kv_heads == 1):
        letters["batch"], symbolic = 1, replace(symbolic, kv_heads=1) if model.kv_heads == 1 else symbolic
    return activation_ledger(symbolic, **letters, **how)


def _check(of, **how):
    for name, value in how.items():
        if name not in CHOICES:
            raise TypeError(f"{of}: there is no {name}; there are {', '.join(CHOICES)}")
        one_of(of, name, value, CHOICES[name])


class _Kept:
    """What one forward pass keeps, in bytes."""

    def __init__(self, model, batch, sequence, bytes_per_value, **how):
        self.model, self.batch, self.sequence, self.e = model, batch, sequence, bytes_per_value
        self.how, self.tokens = how, batch * sequence
        self.hidden = self.tokens * model.width  # values of one tensor between layers
        self.heads = self.tokens * model.heads * model.head_dim
        self.pairs = model.heads * self.tokens * sequence  # scores
        self.stream = 4 if how["autocast"] else bytes_per_value  # of a value between layers
        self.dropout = how["dropout"] and model.family.residual_dropout
        self.narrow = model.projection_weights != 0  # an embedding narrower than the layers: projected in and out

    def ledger(self, formulas):
        layer = {name: kept for name, kept in self.layer().items() if not _nothing(kept)}
        layer_input = self.stream * self.hidden
        inside = {name: layer[name] for name in ("scores", "random_state", "log_sum_exp", "repeated") if name in layer}
        kept = {
            "none": layer,
            "selective": {name: kept for name, kept in layer.items() if name not in inside},
            "full": {"layer_input": layer_input},
        }[self.how["recompute"]]
        again = {"none": 0, "selective": sum(_total(part) for part in inside.values()), "full": _sum(layer)}
        per_layer = Ledger.of("layer", kept, "bytes", AUTOGRAD, formulas=lambda: formulas().per_layer)
        tree = {
            "embedding": self.embedding(),
            "layers": self.layers(per_layer),
            "rotary": 0 if self.model.family.position_offset is not None else self.rotary(),
            "head_and_loss": self.head_and_loss(),
        }
        ledger = Ledger.of("activations", tree, "bytes", AUTOGRAD, formulas=formulas)
        logits = self.e * self.tokens * self.model.vocabulary
        once_more = again[self.how["recompute"]]
        held = layer_input if self.how["recompute"] == "full" else 0  # it is kept already
        later = ledger.total - ledger.head_and_loss.total + once_more - held
        return ledger.also(
            peak=ledger.total + once_more,
            at_once=larger(ledger.total, later),
            per_layer=per_layer,
            logits=logits,
            layer_input=layer_input,
        )

    def layers(self, per_layer):
        """One item a layer, as long as they can be told one by one; else what all of them keep."""
        count = self.model.layers
        each = [per_layer] * count if isinstance(count, int) and count <= MANY_LAYERS else count * per_layer.total
        return Ledger("layers", each, "bytes", AUTOGRAD)

    def embedding(self):
        offset = self.model.family.position_offset
        learned = offset is not None
        return {
            "ids": INDEX_BYTES * self.tokens,
            # OPT counts positions from the mask, for each sequence; others have one row of them.
            "position_ids": INDEX_BYTES * (self.tokens if offset else self.sequence) if learned else 0,
            "dropout_mask": self.hidden if self.how["dropout"] and self.model.family.embedding_dropout else 0,
            "projection_input": self.e * self.tokens * self.model.table_width if self.narrow else 0,
        }

    def rotary(self):
        """Tables of cosines and sines, the same for all layers."""
        return 2 * self.e * self.sequence * self.model.head_dim

    def norm(self):
        """The input, and its statistics; the library's RMSNorm as single operations keeps an fp32 copy as well."""
        if self.model.family.norm == "layer":
            on_cpu = self.how["device"] == "cpu" and not self.how["autocast"]
            return {"input": self.stream * self.hidden, "statistics": 2 * self.tokens * (self.e if on_cpu else 4)}
        return self.rms_norm(self.stream, self.hidden, self.tokens, self.model.width)

    def rms_norm(self, stream, values, vectors, width):
        """RMSNorm of `vectors` vectors that are `width` long."""
        kept = {"input": stream * values, "statistics": STATISTIC_BYTES * vectors}
        if self.how["norm"] == "library":  # single operations in fp32: the input as a copy, and its normed values
            kept |= {"copy": 4 * values}
            if self.model.family.norm == "one plus":  # normed in fp32 as well, and multiplied by 1 + the weight
                kept |= {"input": 4 * values, "weight": 4 * width}
        return kept

    def query_key_norm(self):
        model = self.model
        if not model.family.qk_norm:
            return {}
        kept = {}
        for name, heads in (("query_norm", model.heads), ("key_norm", model.kv_heads)):
            values, of_heads = self.tokens * heads * model.head_dim, model.family.qk_norm == "head"
            vectors, width = (
                (self.tokens * heads, model.head_dim) if of_heads else (self.tokens, heads * model.head_dim)
            )
            kept[name] = self.rms_norm(self.e, values, vectors, width)
        return kept

    def layer(self):
        """One layer, in the order of the forward pass."""
        model, mask = self.model, self.hidden if self.dropout else 0
        return {
            "norm_1": self.norm(),
            "qkv_input": self.e * self.hidden,
            **self.query_key_norm(),
            **self.attention(),
            "output_input": self.e * self.heads,
            "dropout_1": mask,
            "norm_2": self.norm(),
            "mlp_input": self.e * self.hidden,
            **self.feed_forward(self.e * self.tokens * model.feed_forward),
            "dropout_2": mask,
        }

    def attention(self):
        model, e, fused = self.model, self.e, self.how["attention"] != "explicit"
        own = e * self.tokens * model.kv_heads * model.head_dim
        kept = {"queries": e * self.heads, "keys": own, "values": own}
        if fused:
            padded = self.batch * ceil_div(self.sequence, 32) * 32
            rows, states = {"flash": (self.tokens, 24), "efficient": (padded, 16)}[self.how["attention"]]
            kept |= {"log_sum_exp": 4 * model.heads * rows}
            return kept | {"random_state": 0 if self.how["device"] == "cpu" else states}
        # Keys and values are repeated for all heads that share them; with one of them and one sequence, as a view.
        if not (model.kv_heads == 1 and self.batch == 1):
            kept["repeated"] = 2 * (e * self.heads - own)
        fp32, dropped = self.how["softmax"] == "fp32" or self.how["autocast"], self.how["dropout"]
        fp32 = fp32 and e != 4  # in fp32 anyway: no copy
        return kept | {
            "scores": {
                "mask": self.sequence * self.sequence if self.how["mask"] == "filled" else 0,
                "softmax": (4 if fp32 else e) * self.pairs,
                "dropout_mask": self.pairs if dropped else 0,
                # What multiplies the values: the softmax itself, unless something stands between.
                "weights": e * self.pairs if dropped or fp32 else 0,
            }
        }

    def feed_forward(self, inside):
        family = self.model.family
        if family.gated:
            return {"gate": inside, "activated_gate": inside, "up": inside, "down_input": inside}
        if family.activation == "relu":  # its derivative follows from its output, which is the next input
            return {"down_input": inside}
        return {"gelu": (4 if self.how["gelu"] == "python" else 1) * inside, "down_input": inside}

    def head_and_loss(self):
        e, vocabulary = self.e, self.model.vocabulary
        in_loss = 4 if self.how["loss"] == "fp32" else e
        padded = self.how["labels"] == "shifted" and self.batch == 1
        return {
            "norm": self.norm(),
            "projection_input": e * self.hidden if self.narrow else 0,
            "head_input": e * self.tokens * self.model.table_width,
            "log_probabilities": in_loss * self.tokens * vocabulary,
            "labels": INDEX_BYTES * (self.tokens + 1 if padded else self.tokens),
            "total_weight": in_loss,
        }


def _total(part):
    return sum(part.values()) if isinstance(part, dict) else part


def _sum(parts):
    return sum(_total(part) for part in parts.values())


def _nothing(part):
    total = _total(part)
    return not any_symbolic(total) and total == 0

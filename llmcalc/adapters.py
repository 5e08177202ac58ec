"""What a training of adapters (LoRA) keeps for the backward pass, and the memory of its step over time.

The operations are those of a whole training (`llmcalc.stages`); fewer of them keep something. A frozen matrix passes a
gradient on with its weights alone and keeps no input, a frozen norm no normed values for its scale, and before the
first adapter there is no gradient at all: nothing is kept. An adapter keeps the input of each of its two matrices, the
first as a copy of its own where it comes in another format than the adapter's, as PEFT casts it.

Held against PEFT 0.21 beside every family with rules, to the byte. Not in it: what an adapter hands on for an instant.
"""

from dataclasses import dataclass, replace

from llmcalc.finetuning import lora_ledger
from llmcalc.formats import number_format
from llmcalc.formula import in_range
from llmcalc.ledger import Ledger
from llmcalc.linears import NAMES, OUTPUT, linear_layers
from llmcalc.stages import Stages
from llmcalc.states import Recipe
from llmcalc.timeline import Step

NOTHING_TRAINED = Recipe(0, 0, 0, 0, 0, "weights that are read and never written: neither gradients nor moments")
KEPT = "derivative of the operation, weights frozen; PEFT 0.21 keeps the same"


@in_range
def adapter_activations(
    model, rank=16, targets="all-linear", batch=1, sequence=1, *, trained="fp32", bytes_per_value=2, **how
):
    """Ledger of the bytes that a training of adapters keeps: `layers`, `rotary`, `head_and_loss`, `adapter_inputs`.

    The last are inputs of the adapters' matrices that nothing else keeps: what goes from the first matrix to the
    second, and copies of the inputs of the first in the adapter's format. `.first_layer` and `.per_layer` are ledgers
    of one layer, tensor by tensor, without them: the first, and any other. `.logits` as in `activation_ledger`.

    Parameters
    ----------
    model : Transformer
        One whose family has rules for activations, else ValueError.
    rank, targets : see `llmcalc.finetuning.lora_ledger`
        Of the adapters.
    batch, sequence : int
        Sequences, and tokens in each.
    trained : str, default "fp32"
        Format of the adapters.
    bytes_per_value : int, default 2
        Size of an activation of the model.
    attention, recompute, dropout, and further keywords
        As in `llmcalc.activations.activation_ledger`.

    Examples
    --------
    >>> from llmcalc.models import model
    >>> kept = adapter_activations(model("llama-2-7b"), 16, "all-linear", 1, 4096)
    >>> round(kept.total / 10**9, 1), round(kept.adapter_inputs / 10**9, 1)
    (34.4, 18.7)
    """
    return AdapterStep(model, rank, targets, batch, sequence, trained, bytes_per_value, **how).activations


@in_range
def adapter_timeline(
    model, rank=16, targets="all-linear", batch=1, sequence=1, *, trained="fp32", bytes_per_value=2, **how
):
    """The moments of a step that trains adapters, as `llmcalc.timeline.step_timeline`: activations and in flight alone.

    Weights, adapters, their gradients and moments are there beside; see `llmcalc.finetuning.finetuning_ledger`.
    Parameters as in `adapter_activations`.

    Examples
    --------
    >>> from llmcalc.models import model
    >>> from llmcalc.timeline import peak
    >>> peak(adapter_timeline(model("llama-2-7b"), 16, "all-linear", 1, 4096)).name
    'loss'
    """
    return tuple(AdapterStep(model, rank, targets, batch, sequence, trained, bytes_per_value, **how).moments())


@dataclass(frozen=True)
class _Adapter:
    """Bytes that one adapter keeps, and their names: one of its own, or one of the model's for its input."""

    first: str  # what the gradient of its first matrix needs
    second: str
    copied: int  # bytes of `first`; 0 where that is the model's own tensor
    between: int


class AdapterStep(Step):
    """One training step of adapters beside weights that stay as they are."""

    def __init__(self, model, rank, targets, batch, sequence, trained, bytes_per_value, **how):
        how = {"attention": "flash", "recompute": "none", "dropout": False} | how
        super().__init__(model, batch, sequence, NOTHING_TRAINED, "fused", bytes_per_value, False, "held", how)
        size, own = number_format(trained).bytes_per_value, {}
        ledger = lora_ledger(model, rank, targets)
        for layer in linear_layers(model):
            if layer.name in ledger.keys():
                narrow = ledger[layer.name].total // (layer.count * (layer.inputs + layer.outputs))
                copied = 0 if size == bytes_per_value else size * batch * sequence * layer.inputs
                own[layer.name] = _Adapter(
                    f"{layer.name} copy", f"{layer.name} between", copied, size * batch * sequence * narrow
                )
        self.stages = _Frozen(self.stages, own)
        self.activations, self.kept = self._ledgers(model.layers)

    def _ledgers(self, layers):
        """What is kept when the forward pass is over: as it is told, and as the timeline adds it up."""
        block, full = self.stages.block(), self.how["recompute"] == "full"
        every, first, head = (
            self._named(operations, recompute)
            for operations, recompute in (
                (block, self.how["recompute"]),
                (block if full else self.stages.first(), self.how["recompute"]),
                (self.stages.head_and_loss(), "none"),
            )
        )
        own = {place: {name: kept.pop(name) for name in self.stages.own & set(kept)}
               for place, kept in enumerate((every, first, head))}  # fmt: skip
        inputs = [sum(each.values()) for each in own.values()]
        per_layer, first_layer = (Ledger.of("layer", kept, "bytes", KEPT) for kept in (every, first))
        tree = {
            "layers": first_layer.total + (layers - 1) * per_layer.total,
            "rotary": self.kept.rotary.total if self.stages.arrives else 0,
            "head_and_loss": sum(head.values()),
            "adapter_inputs": inputs[1] + (layers - 1) * inputs[0] + inputs[2],
        }
        ledger = Ledger.of("activations of adapters", tree, "bytes", KEPT)
        ledger.also(first_layer=first_layer, per_layer=per_layer, logits=self.kept.logits)
        each = per_layer.total + inputs[0]
        less = first_layer.total + inputs[1] - each  # of the first layer; the timeline's layers are all alike
        rows = {"embedding": less, "rotary": tree["rotary"], "head_and_loss": tree["head_and_loss"] + inputs[2]}
        walked = Ledger.of("as the timeline has it", rows, "bytes", KEPT)
        return ledger, walked.also(per_layer=Ledger("layer", each, "bytes", KEPT), logits=self.kept.logits)

    def _named(self, operations, recompute):
        """Bytes by name of what these operations keep."""
        return {name: self.stages.sizes[name] for name in sorted(self._stays(operations, recompute))}


class _Frozen:
    """The stages of a model whose weights are frozen, with its adapters."""

    def __init__(self, stages: Stages, adapters):
        self.stages, self.sizes = stages, stages.sizes
        self.adapters, kind = adapters, stages.model.family.model_type
        self.own = {name for each in adapters.values() for name in (each.first, each.second)}
        for each in adapters.values():
            self.sizes |= {each.first: each.copied, each.second: each.between}
        attention, feed_forward = NAMES[kind]
        inward = attention[:-1] if len(attention) == 4 else attention[:1] * 3
        up = feed_forward[:-1]
        if stages.model.family.gated and len(up) == 1:  # both in one
            up = up * 2
        self.names = *inward, attention[-1], *up, feed_forward[-1]
        self.arrives = {"x"} if set(self.names) & set(adapters) else set()  # what gets a gradient after the first layer

    @property
    def largest(self):
        """Nothing is updated that is large."""
        return (0,)

    def embedding(self):
        """Ids and masks are for the gradients of tables, which are frozen; the rotary tables stay."""
        return tuple(
            replace(each, keeps=tuple(name for name in each.keeps if name == "rotary"), parameters=0, tied=False)
            for each in self.stages.embedding()
        )

    def block(self):
        """A layer that a gradient goes through, down to what it begins with."""
        return self._rewritten(self.stages.block(), self.names, self.arrives)

    def first(self):
        """The first layer, where a gradient ends at the first adapter."""
        return self._rewritten(self.stages.block(), self.names, set())

    def head_and_loss(self):
        """Output layer and loss."""
        return self._rewritten(self.stages.head_and_loss(), (OUTPUT,), self.arrives)

    def _rewritten(self, operations, names, with_gradient):
        """The operations with what they keep then; `with_gradient` are tensors whose gradient is asked for."""
        names, with_gradient, found = iter(names), set(with_gradient), []
        for operation in operations:
            adapter = self.adapters.get(next(names)) if operation.linear else None
            asked = [name for name in operation.takes if name in with_gradient]
            if adapter or asked:
                with_gradient.add(operation.gives)
            keeps = self._adapter_keeps(operation, adapter) if operation.linear else self._keeps(operation, asked)
            found.append(replace(operation, keeps=keeps, parameters=0, bias=0))
        return tuple(found)

    def _adapter_keeps(self, operation, adapter):
        if adapter is None:
            return ()
        return (adapter.first if adapter.copied else operation.takes[0], adapter.second)

    def _keeps(self, operation, asked):
        if not asked:
            return ()
        if len(operation.takes) == 2 and operation.keeps == operation.takes:  # a product: each for the other's gradient
            one, other = operation.takes
            return tuple(kept for kept, of in ((one, other), (other, one)) if of in asked)
        copy = f"{operation.gives}.copy"  # a norm in single operations: its normed values are for its scale alone
        scaled = {copy if self.stages.keeps_input else f"{operation.gives}.input"} if copy in operation.keeps else set()
        return tuple(name for name in operation.keeps if name not in scaled)

"""The memory of one training step over time: what is held at the fullest instant of each of its stages."""

from dataclasses import dataclass

from llmcalc.activations import CHOICES, activation_ledger
from llmcalc.formula import amount, in_range, one_of, whole
from llmcalc.lookup import looked_up
from llmcalc.schedule import Instant, Walk
from llmcalc.stages import Stages
from llmcalc.states import RECIPES, Recipe
from llmcalc.symbolic import any_symbolic

UPDATES = ("fused", "foreach", "one tensor")
"""How AdamW goes about its update: in one kernel, in one for each operation on all tensors, or tensor by tensor."""


@dataclass(frozen=True)
class Moment:
    """The fullest instant of one stage of a training step, in bytes; and what is left when the stage is over."""

    name: str
    phase: str  # forward, backward or update
    weights: int
    gradients: int  # of the weights
    optimizer: int  # what it remembers, and the master copy of the weights
    activations: int  # kept from the forward to the backward pass
    in_flight: int  # what the work at hand holds beside
    after: int = 0  # of all of them together, once the stage is over

    @property
    def total(self):
        """All of them together."""
        return self.weights + self.gradients + self.optimizer + self.activations + self.in_flight


@in_range
def step_timeline(
    model, batch=1, sequence=1, *, recipe="mixed", update="fused", attention="flash", recompute="none",
    bytes_per_value=None, dropout=False, accumulate=False, logits="held", **how,
):  # fmt: skip
    """The moments of one training step, in their order, for each stage the one at which it holds most.

    Forward: "embedding", "layer 1" and so on, "loss" (with the output layer); backward the same in reverse; "update".

    Weights and optimizer are there all the time. A layer's activations come forward and go backward, while the
    gradients of its weights arrive; those of a tied table arrive with the output layer. In flight is what one
    operation hands to the next: gradients of activations, what is recomputed, the tensors of the loss, the copies of
    the update.

    Parameters
    ----------
    model : Transformer
        One whose family has rules for activations, else ValueError. Its sizes must be numbers.
    batch, sequence : int
        Sequences, and tokens in each.
    recipe : str or Recipe
        A name of `llmcalc.states.RECIPES`, or one of your own. Where gradients are kept in two formats, the fp32 ones
        are copies that the update makes.
    update : "fused", "foreach" or "one tensor"
        How AdamW is computed: foreach, PyTorch's choice on a GPU, takes one more copy of all weights for a moment; one
        tensor at a time twice the largest; fused nothing.
    attention, recompute, dropout, and further keywords
        As in `llmcalc.activations.activation_ledger`.
    bytes_per_value : int, optional
        Size of one activation; by default that of the recipe's weights, and 2 for "autocast".
    accumulate : bool, default False
        Gradients are summed over several steps, so they are there from the start.
    logits : "held" or "dropped"
        Whether the caller keeps the logits until the step is over, or only the loss.

    Returns
    -------
    tuple of Moment

    Examples
    --------
    >>> from llmcalc.models import model
    >>> [moment.name for moment in step_timeline(model("gpt2"), 8, 1024)][-3:]
    ['layer 1', 'embedding', 'update']
    """
    step = _Step(model, batch, sequence, recipe, update, bytes_per_value, accumulate, logits,
                 {"attention": attention, "recompute": recompute, "dropout": dropout} | how)  # fmt: skip
    return tuple(step.moments())


def peak(timeline):
    """The fullest moment; of several as full, the first."""
    return max(timeline, key=lambda moment: moment.total)


class _Step:
    """One training step of a model; of layers that are alike, one is gone through, and placed where each stands."""

    def __init__(self, model, batch, sequence, recipe, update, bytes_per_value, accumulate, logits, how):
        of = "step_timeline"
        one_of(of, "update", update, UPDATES)
        one_of(of, "accumulate", accumulate, (False, True))
        one_of(of, "logits", logits, ("held", "dropped"))
        name, self.update, self.accumulate, self.holds = recipe, update, accumulate, logits == "held"
        self.recipe = recipe = recipe if isinstance(recipe, Recipe) else looked_up(recipe, RECIPES, "recipe")
        if any_symbolic(model.parameters.total):
            raise ValueError(f"{of}: model must have numbers for its sizes, got symbols")
        if name == "autocast":
            how = {"autocast": True} | how
        if bytes_per_value is None:
            bytes_per_value = 2 if how.get("autocast") else max(2, recipe.weights)
        sizes = {"batch": batch, "sequence": sequence, "bytes_per_value": bytes_per_value}
        for each, size in sizes.items():
            sizes[each] = whole(size, each, of=of)
            if any_symbolic(sizes[each]):
                raise TypeError(f"{of}: {each} must be a whole number, got the symbol {size}")
        self.how = {choice: values[0] for choice, values in CHOICES.items()} | how
        self.kept = activation_ledger(model, **sizes, **self.how)
        self.model, self.stages = model, Stages(model, *sizes.values(), self.how)
        self.parameters = model.parameters
        # Gradients in fp32 beside others are copies that the update makes; alone, they are sums of others.
        self.gradient = recipe.gradients or recipe.fp32_gradients
        self.copied = recipe.fp32_gradients if recipe.gradients else 0
        self.passing = 0 if recipe.gradients else recipe.weights
        self.standing = 0
        if accumulate:
            self.standing = (recipe.fp32_gradients or recipe.gradients) * self.parameters.total
            self.passing, self.copied = recipe.gradients or recipe.weights, 0
            self.gradient = recipe.gradients if recipe.fp32_gradients else 0

    def moments(self):
        """All moments, in order."""
        layers, each = self.model.layers, self.kept.per_layer.total
        before = self.kept.embedding.total + self.kept.rotary.total
        embed, block, head = self.stages.embedding(), self.stages.block(), self.stages.head_and_loss()
        x, loss = self.stages.sizes["x"], self.stages.sizes["loss"]
        caller = loss + (self.kept.logits if self.holds else 0)
        instant = self._forward(embed)
        yield self._moment("embedding", "forward", instant, after=before + x)
        instant = self._forward(block, self.how["recompute"])
        for place in range(layers):
            kept = before + place * each
            yield self._moment(f"layer {place + 1}", "forward", instant, kept, after=kept + each + x)
        kept = before + layers * each
        instant = self._forward(head, hold=("logits",) if self.holds else ())
        after = kept + self.kept.head_and_loss.total + caller
        yield self._moment("loss", "forward", instant, kept, after=after)
        held = caller + loss  # the gradient that the backward pass begins with, 1, and keeps to its end
        instant, arrived = self._backward(head, "loss", held)
        if self.model.family.tied and not self.gradient:  # waits for the other gradient of the same table
            held += self.passing * self.model.head_weights
        yield self._moment("loss", "backward", instant, kept, 0, after=kept + arrived + held + x)
        instant, more = self._backward(block, "y", held, self.how["recompute"])
        for place in reversed(range(layers)):
            kept -= each
            left = kept if place else self.kept.embedding.total  # the tables of rotary positions go with the last user
            yield self._moment(
                f"layer {place + 1}", "backward", instant, kept, arrived, left + arrived + more + held + x
            )
            arrived += more
        instant, more = self._backward(embed, "x", held)
        arrived += more
        yield self._moment("embedding", "backward", instant, 0, arrived - more, arrived + caller)
        yield self._last(arrived, caller)

    def _moment(self, name, phase, instant, kept=0, arrived=0, after=0):
        weights = self.recipe.weights * self.parameters.total
        optimizer = (self.recipe.master_weights + self.recipe.moments) * self.parameters.total
        gradients = self.standing + arrived + instant.gradients
        after += weights + optimizer + self.standing
        return Moment(
            name, phase, weights, gradients, optimizer, kept + instant.activations, instant.in_flight, after=after
        )

    def _last(self, arrived, held):
        """The update: gradients of all weights, and the copies that it makes."""
        recipe, model = self.recipe, self.model
        each = recipe.master_weights or recipe.weights
        tables = (
            model.head_weights,
            model.parameters.embedding.tokens.total,
            model.parameters.embedding.positions.total,
        )
        largest = max(*tables, *(matrix for matrix in self.stages.matrices))
        copies = {"fused": 0, "foreach": self.parameters.total, "one tensor": 2 * largest}[self.update] * each
        gradients = arrived + self.copied * self.parameters.total
        return self._moment("update", "update", Instant(0, 0, held + copies), 0, gradients, gradients + held)

    def _stays(self, operations, recompute):
        """Names of what these operations keep for the backward pass."""
        if recompute == "full":
            return {"x"}
        names = {name for operation in operations for name in operation.keeps}
        if recompute == "none":
            return names
        outside = [operation for operation in operations if not operation.core]
        given = {operation.gives for operation in outside}  # what goes into the core, to begin it once more
        inward = {name for operation in operations if operation.core for name in operation.takes if name in given}
        return inward | {name for operation in outside for name in operation.keeps}

    def _forward(self, operations, recompute="none", hold=()):
        """The fullest instant of these operations."""
        walk = Walk(self.stages.sizes, self._stays(operations, recompute))
        walk.here = {"x"} & {name for operation in operations for name in operation.takes}
        walk.forward(operations, hold)
        return walk.fullest

    def _backward(self, operations, last, held, recompute="none"):
        """The fullest instant of the derivatives of these operations, and the bytes of gradients that arrive."""
        sizes = self.stages.sizes | {"held": held}
        walk = Walk(sizes, self._stays(operations, recompute), self.gradient, self.passing)
        walk.here, walk.grads = {"held", *walk.stays} - {"rotary"}, {last: (last, 0 if last == "loss" else sizes[last])}
        if recompute == "full":
            walk.again(operations)
        inside = [place for place, operation in enumerate(operations) if operation.core]
        if recompute == "selective" and inside:
            first, end = inside[0], inside[-1] + 1
            walk.backward(operations[end:])
            walk.again(operations[first:end])
            walk.backward(operations[first:end])
            operations = operations[:first]
        walk.backward(operations)
        return walk.fullest, walk.arrived


@in_range
def largest_training_batch(model, memory_bytes, sequence=1, **how):
    """The most sequences whose training step fits into the memory; 0 if not even one does.

    Parameters
    ----------
    model : Transformer
        As in `step_timeline`, and so are the further keywords.
    memory_bytes : number
        Memory of the device, in bytes.
    sequence : int
        Tokens in each sequence.

    Returns
    -------
    int

    Examples
    --------
    >>> from llmcalc.models import model
    >>> largest_training_batch(model("gpt2"), 24 * 10**9, 1024)
    21
    """
    memory = amount(memory_bytes, "memory_bytes", of="largest_training_batch")
    if any_symbolic(memory) or getattr(memory, "ndim", 0):
        raise TypeError(f"largest_training_batch: memory_bytes must be one number, got {memory_bytes}")

    def needed(batch):
        return peak(step_timeline(model, batch, sequence, **how)).total

    fits, fails = 0, 1
    while needed(fails) <= memory:
        fits, fails = fails, 2 * fails
    while fails - fits > 1:
        middle = (fits + fails) // 2
        fits, fails = (middle, fails) if needed(middle) <= memory else (fits, middle)
    return fits

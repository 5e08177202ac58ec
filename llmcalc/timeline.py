"""The memory of one training step over time: what is held at the fullest instant of each of its stages.

Held against whole steps of PyTorch 2.13, every stage to the byte: explicit and flash attention, with and without
recomputation, fp32 and bf16, three ways of the update, gradients summed over steps. Not in it: what a kernel needs for
itself, the allocator's rounding and fragments, four bytes for each tensor's step count. Not measured: autocast (its
copies of matrices are counted, the casts in between are not), the library's RMSNorm and GELU in single operations
(what they keep is counted, what they hold for an instant is not).
"""

from dataclasses import dataclass

from llmcalc.activations import CHOICES, activation_ledger
from llmcalc.formula import in_range, one_number, one_of, shown, whole
from llmcalc.lookup import looked_up
from llmcalc.schedule import Instant, Walk
from llmcalc.stages import Stages
from llmcalc.states import RECIPES, Recipe
from llmcalc.symbolic import any_symbolic
from llmcalc.transformer import Transformer

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
        One whose family has rules for activations, and with an embedding as wide as its layers, else ValueError. Its
        sizes must be numbers.
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
    step = Step(model, batch, sequence, recipe, update, bytes_per_value, accumulate, logits,
                {"attention": attention, "recompute": recompute, "dropout": dropout} | how)  # fmt: skip
    return tuple(step.moments())


def peak(timeline):
    """The fullest moment; of several as full, the first."""
    return max(timeline, key=lambda moment: moment.total)


class Step:
    """One training step of a model; of layers that are alike, one is gone through, and placed where each stands."""

    def __init__(self, model, batch, sequence, recipe, update, bytes_per_value, accumulate, logits, how):
        of = "step_timeline"
        one_of(of, "update", update, UPDATES)
        one_of(of, "accumulate", accumulate, (False, True))
        one_of(of, "logits", logits, ("held", "dropped"))
        self.update, self.holds = update, logits == "held"
        if not isinstance(model, Transformer):
            raise TypeError(f"{of}: model must be a Transformer such as model('gpt2'), got {shown(model)}")
        if isinstance(recipe, str) and recipe == "autocast":
            how = {"autocast": True} | how
        recipe = recipe if isinstance(recipe, Recipe) else looked_up(recipe, RECIPES, "recipe")
        self.recipe, self.model, self.parameters = recipe, model, model.parameters
        self.count = count = self.parameters.total
        if any_symbolic(count):
            raise ValueError(f"{of}: model must have numbers for its sizes, got symbols")
        if self.parameters.other.total:
            width = f"{model.embedding_width} instead of {model.width}"
            raise ValueError(f"{of}: model must have an embedding as wide as its layers, got {width}")
        if bytes_per_value is None:
            bytes_per_value = 2 if how.get("autocast") else max(2, recipe.weights)
        sizes = {"batch": batch, "sequence": sequence, "bytes_per_value": bytes_per_value}
        for each, size in sizes.items():
            sizes[each] = whole(size, each, of=of, may_be_zero=False)
            if any_symbolic(sizes[each]):
                raise TypeError(f"{of}: {each} must be a whole number, got the symbol {size}")
        self.how = {choice: values[0] for choice, values in CHOICES.items()} | how
        self.stages = Stages(model, self.parameters, *sizes.values(), self.how)
        kept_whole = self.how["recompute"] == "none"  # what the stages are made from already
        self.kept = self.stages.ledger if kept_whole else activation_ledger(model, **sizes, **self.how)
        self.weights = recipe.weights * count
        self.optimizer = (recipe.master_weights + recipe.moments) * count
        # Gradients in fp32 beside others are copies that the update makes; alone, they are made of others.
        self.standing, self.gradient = 0, recipe.gradients or recipe.fp32_gradients
        self.copied = recipe.fp32_gradients * count if recipe.gradients else 0
        self.passing = 0 if recipe.gradients else recipe.weights
        if accumulate:
            self.standing = (recipe.fp32_gradients or recipe.gradients) * count
            self.passing, self.copied = recipe.gradients or recipe.weights, 0
            self.gradient = recipe.gradients if recipe.fp32_gradients else 0
        # Autocast multiplies with copies of the matrices, which stay as long as the derivative needs them.
        self.copy = sizes["bytes_per_value"] if self.how["autocast"] and recipe.weights == 4 else 0

    def moments(self):
        """All moments, in order."""
        layers, each, full = self.model.layers, self.kept.per_layer.total, self.how["recompute"] == "full"
        places = range(layers)
        before = self.kept.embedding.total + self.kept.rotary.total
        embed, block, head = self.stages.embedding(), self.stages.block(), self.stages.head_and_loss()
        x, loss = self.stages.sizes["x"], self.stages.sizes["loss"]
        held = loss + (self.kept.logits if self.holds else 0)
        copies, of_head = self.copy * self.model.layer_weights // layers, self.copy * self.model.head_weights
        most, kept_copies = before + layers * each, 0 if full else layers * copies

        instant = self._forward(embed)
        yield self._moment("embedding", "forward", instant, left=before + x)
        instant = self._forward(block, self.how["recompute"])
        for place in places:
            kept, copied = before + place * each, (place + 1) * copies
            left = kept + each + x + copied
            yield self._moment(f"layer {place + 1}", "forward", instant, kept, 0, copied, left)
        instant = self._forward(head, hold=("logits",) if self.holds else ())
        left = most + self.kept.head_and_loss.total + held + kept_copies + of_head
        yield self._moment("loss", "forward", instant, most, 0, layers * copies + of_head, left)

        start = loss  # the gradient that the backward pass begins with, and holds to its end
        instant, arrived = self._backward(head, "loss", held + start)
        if self.model.family.tied and not self.gradient:  # waits for the other gradient of the same table
            start += self.passing * self.model.head_weights
        left = most + arrived + held + start + x + kept_copies
        yield self._moment("loss", "backward", instant, most, 0, kept_copies + of_head, left)
        instant, more = self._backward(block, "y", held + start, self.how["recompute"])
        for place in reversed(places):
            kept, there = before + place * each, arrived + (layers - 1 - place) * more
            copied, stay = (copies, 0) if full else ((place + 1) * copies, place * copies)
            # The tables of rotary positions go with the last that needs them.
            left = (kept if place else self.kept.embedding.total) + there + more + held + start + x + stay
            yield self._moment(f"layer {place + 1}", "backward", instant, kept, there, copied, left)
        arrived += layers * more
        instant, more = self._backward(embed, "x", held + start)
        yield self._moment("embedding", "backward", instant, 0, arrived, 0, arrived + more + held)
        gradients, copies = arrived + more + self.copied, self.copies()
        yield self._moment("update", "update", Instant(0, 0, held + copies), 0, gradients, 0, gradients + held)

    def _moment(self, name, phase, instant, kept=0, arrived=0, copies=0, left=0):
        """An instant of a stage, beside what other stages keep and what is always there."""
        gradients, activations = self.standing + arrived + instant.gradients, kept + instant.activations
        after = self.weights + self.optimizer + self.standing + left
        flight = instant.in_flight + copies
        return Moment(name, phase, self.weights, gradients, self.optimizer, activations, flight, after)

    def copies(self):
        """Bytes that the update takes for a moment."""
        largest = max(self.stages.largest)
        values = {"fused": 0, "foreach": self.count, "one tensor": 2 * largest}[self.update]
        return values * (self.recipe.master_weights or self.recipe.weights)

    def _stays(self, operations, recompute):
        """Names of what these operations keep for the backward pass."""
        if recompute == "full":
            return {"x"}
        names = {name for operation in operations for name in operation.keeps}
        if recompute == "none":
            return names
        outside = {name for operation in operations if not operation.core for name in operation.keeps}
        return outside | self._given(operations)

    def _given(self, operations):
        """Names of what goes into the core of attention, and has to be there to begin it once more."""
        given = {operation.gives for operation in operations if not operation.core}
        return {name for operation in operations if operation.core for name in operation.takes} & given

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
            walk.backward(operations[first:end], self._given(operations))
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
    memory = one_number(memory_bytes, "memory_bytes", of="largest_training_batch")
    if "batch" in how:
        raise TypeError(f"largest_training_batch: batch is what it finds, not given; got {shown(how['batch'])}")

    def needed(batch):
        return peak(step_timeline(model, batch, sequence, **how)).total

    fits, least, fails = 0, 0, 1
    while (most := needed(fails)) <= memory:  # it grows nearly in proportion to the batch
        fits, least, fails = fails, most, int(fails * max(2, memory / most)) + 1
    while fails - fits > 1:
        middle = fits + int((memory - least) * (fails - fits) / (most - least))
        middle = min(max(middle, fits + 1), fails - 1)
        bytes_there = needed(middle)
        if bytes_there <= memory:
            fits, least = middle, bytes_there
        else:
            fails, most = middle, bytes_there
    return fits

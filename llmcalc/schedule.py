"""One layer, operation by operation: what is in memory while it works, forward and backward.

`llmcalc.activations` says what is kept, and how large it is; this says in which order it comes and goes. A tensor is
there from the operation that makes it to the last one that needs it, a gradient from the operation that makes it to
the one that takes it; what a derivative needs stays until that derivative is done.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Operation:
    """Takes tensors, gives one, and keeps what its derivative needs: tensors, or things of its own by their names."""

    takes: tuple
    gives: str
    keeps: tuple = ()
    parameters: int = 0
    passes: bool = False  # a sum: the gradient goes through as it is, to what is as large
    core: bool = False  # inside of attention, what selective recomputation makes again
    linear: bool = False  # a product with weights
    bias: int = 0  # of its parameters, those whose gradients are summed after the products
    beside: tuple = ()  # tensors that are not let go before it is done, though it takes none of them
    tied: bool = False  # its parameters are another operation's as well, which comes later and so has gradients before


@dataclass(frozen=True)
class Instant:
    """Bytes that one layer adds while one of its operations is at work."""

    activations: int
    gradients: int
    in_flight: int

    @property
    def total(self):
        """All three together."""
        return self.activations + self.gradients + self.in_flight


class Walk:
    """A way through operations, forward or backward, that notes what is there at every one of them.

    Parameters
    ----------
    sizes : dict
        Bytes of every tensor, and of every thing kept, by its name.
    stays : collection of names
        What counts as an activation: kept from the forward to the backward pass.
    gradient_bytes : int, default 0
        Bytes of the gradient of a parameter that are new when it is there.
    passing : int, default 0
        Bytes of it that are there only for the moment: the gradient is added to one that was there before.
    """

    def __init__(self, sizes, stays, gradient_bytes=0, passing=0):
        self.sizes, self.stays, self.gradient_bytes, self.passing = sizes, frozenset(stays), gradient_bytes, passing
        self.here, self.grads, self.views, self.arrived, self.instants = set(), {}, [], 0, []

    @property
    def fullest(self):
        """The instant with the most bytes."""
        return max(self.instants, key=lambda instant: instant.total)

    def _note(self, passing=0):
        kept = sum(self.sizes[name] for name in self.here if name in self.stays)
        other = sum(self.sizes[name] for name in self.here if name not in self.stays)
        grads = dict(self.grads.values())
        self.instants.append(Instant(kept, self.arrived, other + sum(grads.values()) + passing))

    def forward(self, operations, keep=()):
        """Run `operations`; what is in `keep` stays for the backward pass, and so does what nobody took."""
        last = {}
        for place, operation in enumerate(operations):
            last |= dict.fromkeys((*operation.takes, *operation.beside), place)
        for place, operation in enumerate(operations):
            self.here |= {operation.gives, *operation.keeps}
            self._note()
            over = (*operation.takes, *operation.keeps, *operation.beside)
            done = {name for name in over if last.get(name, place) <= place}
            self.here -= done - set(keep) - self.stays

    def again(self, operations):
        """Recompute what the derivatives of `operations` need, and stop with the last of it (PyTorch does so)."""
        made = {operation.gives for operation in operations}
        needs = {name for operation in operations for name in operation.keeps}
        count = max(place for place, operation in enumerate(operations) if operation.keeps) + 1
        last = operations[count - 1]
        if not set(last.keeps) - set(last.takes):  # all that it keeps is there before it begins
            count -= 1
        self.forward(operations[:count], keep=needs)
        self.here -= made - needs - self.stays

    def backward(self, operations, hold=frozenset()):
        """Run the derivatives of `operations`, last one first; what is in `hold` stays until all are done."""
        first = {}
        for place, operation in enumerate(operations):
            for name in operation.keeps:
                first.setdefault(name, place)
        for place in reversed(range(len(operations))):
            operation = operations[place]
            over = {name for name in operation.keeps if first[name] == place} - hold
            fresh = self._derivative(operation, self.grads.pop(operation.gives), over - self.stays)
            self.here -= over
            self._collect(operation, fresh)
        self.here -= hold

    def _derivative(self, operation, incoming, recomputed):
        fresh = {}
        for name in operation.takes:
            through = operation.passes and self.sizes[name] == incoming[1]
            fresh[name] = incoming if through else (object(), self.sizes[name])
        late = operation.bias if recomputed else 0  # what was recomputed goes as soon as it is used, before this
        self.arrived += 0 if operation.tied else (operation.parameters - late) * self.gradient_bytes
        passing = self._second(operation) or operation.parameters * self.passing
        waiting = {storage for storage, _ in self.grads.values()}
        own = {storage: size for storage, size in (incoming, *fresh.values()) if storage not in waiting}
        self._note(sum(own.values()) + passing)
        if late:
            self.here -= recomputed
            self.arrived += late * self.gradient_bytes
            self._note(sum(own.values()) + passing)
        return fresh

    def _second(self, operation):
        """Bytes of the second gradient of tied parameters."""
        return operation.parameters * (self.gradient_bytes or self.passing) if operation.tied else 0

    def _collect(self, operation, fresh):
        """A second gradient of the same tensor is added to the first: in place, unless that came as a view."""
        if operation.tied:  # the first came as a view, the transposed one: beside both of them there is their sum
            self._note(2 * self._second(operation))
        for name, gradient in fresh.items():
            first = self.grads.get(name)
            if first in self.views:
                self._note(gradient[1] + self.sizes[name])
                self.views.remove(first)
                first = (object(), self.sizes[name])
            self.grads[name] = first or gradient
            if operation.linear and not first:  # computed for all tokens in one row, seen as rows of sequences
                self.views.append(gradient)

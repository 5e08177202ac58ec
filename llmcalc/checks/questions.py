"""What all kinds of question share: values of the learner's own, and a note of how the last answer did.

A kernel has one learner. Whose values they are is said once, at the top of a notebook; the values follow from the name
alone, so that a check, a teacher and another computer find the same ones.
"""

import hashlib
import inspect
import unicodedata
from collections import namedtuple
from dataclasses import dataclass
from itertools import count
from typing import ClassVar

from llmcalc.checks.answers import StillOpen, Wrong

SOLVED, WRONG, OPEN = "solved", "not right yet", "open"

_learner = _before = ""
_outcomes = {}  # id of a question: how its last answer did


@dataclass(frozen=True)
class Own:
    """A value that differs from learner to learner.

    Parameters
    ----------
    meaning : str
        What it is, with its unit, as the table of values says it.
    options : tuple
        What it may be. The first is everybody's without a name.
    """

    meaning: str
    options: tuple


class Question:
    """A question; what it asks of an answer stands in `examine`. Each answer is noted, for the learner's progress."""

    values: ClassVar[dict] = {}  # of Own, by name; empty where all learners have the same
    where: ClassVar = None  # says which values go together, where not all do
    builds_on: ClassVar = None  # another question, whose values this one uses too, before its own

    def __call__(self, answer):
        try:
            self.examine(answer)
        except StillOpen:
            _outcomes[id(self)] = OPEN
            raise
        except Wrong:
            _outcomes[id(self)] = WRONG
            raise
        _outcomes[id(self)] = SOLVED

    @property
    def yours(self):
        """The values of the learner that `sit` named, by name and in order."""
        return self.values_of(_learner)

    @property
    def yours_before(self):
        """The values of the learner before that one: the same learner, most often, under another name."""
        return self.values_of(_before)

    @property
    def outcome(self):
        """How the last answer did; None where none was checked."""
        return _outcomes.get(id(self))

    def values_of(self, learner):
        """The values of that learner, as a named tuple; the standard ones for the name ""."""
        earlier = self.builds_on.values_of(learner)._asdict() if self.builds_on else {}
        kind = namedtuple("Yours", [*earlier, *self.values])
        if not learner:
            return kind(*earlier.values(), *(value.options[0] for value in self.values.values()))
        for attempt in count():
            drawn = kind(*earlier.values(), *_drawn(self.values, f"{learner}\n{attempt}"))
            if self.where is None or self.where(*drawn):
                return drawn


def sit(name):
    """Let `name` be the learner from now on; what another one has solved is forgotten. Returns the name as it counts.

    Capitals, accents typed in another way and spaces around make no other learner.
    """
    global _learner, _before
    if not isinstance(name, (str, int)) or isinstance(name, bool):
        raise TypeError(f"begin: name must be a text or a student number, got {name!r}")
    learner = " ".join(unicodedata.normalize("NFKC", str(name)).casefold().split())
    if learner != _learner:
        _outcomes.clear()
        _before = _learner
    _learner = learner
    return learner


def refuse_stale(answer, current):
    """Say so where the answer uses a name whose value is not the one in `current`, as after a change of the name."""
    used = set(_names_in(answer.__code__)) if inspect.isfunction(answer) else ()
    for name, value in current.items():
        if name in used and answer.__globals__.get(name, value) != value:
            raise Wrong(f"`{name}` is not the value you have now. Run the cell that sets it again.")


def _names_in(code):
    """Names that a function looks up outside of itself; loops in brackets and functions inside it have code too."""
    yield from code.co_names
    for inner in filter(inspect.iscode, code.co_consts):
        yield from _names_in(inner)


def _drawn(values, seed):
    """One option for each value. Computed here, because the random module of another Python may draw differently."""
    digest = hashlib.sha256(f"{' '.join(values)}\n{seed}".encode()).digest()
    number = int.from_bytes(digest)
    for value in values.values():
        number, place = divmod(number, len(value.options))
        yield value.options[place]

"""What all kinds of question share: values of the learner's own, and a note of how the last answer did.

A kernel has one learner. Whose values they are is said once, at the top of a notebook; the values follow from the name
alone, so that a check, a teacher and another computer find the same ones.
"""

import dis
import hashlib
import inspect
import unicodedata
from collections import namedtuple
from dataclasses import dataclass
from numbers import Integral
from typing import ClassVar

from llmcalc.checks.answers import StillOpen, Wrong
from llmcalc.formula import refuse_if_closed, shown

SOLVED, WRONG, OPEN = "solved", "not right yet", "open"
LONGEST = 100
"""Characters of a name."""
UNSEEN = ("Cc", "Cf", "Cs")
"""Kinds of character that leave nothing on the page, in Unicode's words: control, format, and half of a pair."""
ATTEMPTS = 10_000
"""Draws for a question, at most: the strictest one needs 14 on average."""

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
    knows: ClassVar = ("right", "mistakes", "best", "because", "replies")  # what gives the answer away

    def __getattribute__(self, name):
        if name in type(self).knows:
            refuse_if_closed(f"checks: {name}", "questions")
        return super().__getattribute__(name)

    def __repr__(self):
        """Nothing of the answer: this is what a cell with the bare name of a check shows."""
        return f"<a check, to be called with your function ({type(self).__name__})>"

    def __call__(self, answer):
        _outcomes.pop(id(self), None)  # an answer that is interrupted is none
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
        for attempt in range(ATTEMPTS):
            drawn = kind(*earlier.values(), *_drawn(self.values, f"{learner}\n{attempt}"))
            if self.where is None or self.where(*drawn):
                return drawn
        raise ValueError(f"of {ATTEMPTS} draws of {', '.join(self.values)} none has values that go together")


def sit(name):
    """Let `name` be the learner from now on; what another one solved is forgotten. Returns the name as it counts."""
    global _learner, _before
    learner = learner_of(name)
    if learner != _learner:
        _outcomes.clear()
        _before = _learner
    _learner = learner
    return learner


def learner_of(name):
    """A name as it counts.

    Capitals, accents typed in another way, spaces around and characters that nobody sees make no other learner.
    """
    if not isinstance(name, (str, Integral)) or isinstance(name, bool):
        raise TypeError(f"begin: name must be a text or a student number, got {shown(name)}")
    if (isinstance(name, Integral) and abs(name) >= 10**LONGEST) or (isinstance(name, str) and len(name) > LONGEST):
        raise ValueError(f"begin: name must have at most {LONGEST} characters, got {shown(name)}")
    seen = "".join(
        character
        for character in unicodedata.normalize("NFKC", str(name)).casefold()
        if character.isspace() or unicodedata.category(character) not in UNSEEN
    )
    return " ".join(unicodedata.normalize("NFKC", seen).split())


def refuse_stale(answer, current):
    """Say so where a name has not the value in `current`, as after a change of the learner's name.

    Names that the answer uses come first. It may also use what a cell made of them: a model's sizes, a card's memory.
    """
    if not inspect.isfunction(answer):
        return
    used = set(_names_in(answer.__code__))
    for name, value in sorted(current.items(), key=lambda item: item[0] not in used):
        if not _equal(answer.__globals__.get(name, value), value):
            raise Wrong(f"`{name}` is not the value you have now. Run the cell that sets it again.")


def _names_in(code):
    """Names that a function looks up outside of itself; loops in brackets and functions inside it have code too."""
    yield from (step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL")
    for inner in filter(inspect.iscode, code.co_consts):
        yield from _names_in(inner)


def _equal(held, value):
    try:
        return bool(held == value)
    except ValueError:  # an array is no single value
        return False


def _drawn(values, seed):
    """One option for each value. Computed here, because the random module of another Python may draw differently."""
    digest = hashlib.sha256(f"{' '.join(values)}\n{seed}".encode()).digest()
    number = int.from_bytes(digest)
    for value in values.values():
        number, place = divmod(number, len(value.options))
        yield value.options[place]

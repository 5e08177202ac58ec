"""Two more kinds of question: a function that decides between words, and things that each get a label."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from llmcalc.checks.answers import StillOpen, Wrong, called, expect_function, inputs_told, shortened
from llmcalc.checks.engine import Mistake
from llmcalc.checks.questions import Question
from llmcalc.formula import shown


@dataclass(frozen=True, repr=False)
class Decision(Question):
    """A question whose answer is a function that says one of `words`; it is tried in all `cases`."""

    right: Callable
    words: tuple[str, ...]
    cases: tuple[tuple, ...]
    hint: str
    mistakes: tuple[Mistake, ...] = ()

    def examine(self, answer):
        names = list(inspect.signature(self.right).parameters)
        expect_function(answer, names)
        got = [self._word(answer, names, case) for case in self.cases]
        expected = [self.right(*case) for case in self.cases]
        if got == expected:
            print(f"Correct, in all {len(got)} cases tried.")
            return
        for mistake in self.mistakes:
            if got == [mistake.gives(*case) for case in self.cases]:
                raise Wrong(f"Your function says what comes out with {mistake.name}.\nHint: {mistake.hint}")
        wrong = [n for n in range(len(got)) if got[n] != expected[n]]
        n = wrong[0]
        raise Wrong(
            f"For {inputs_told(names, self.cases[n])}: your function says {got[n]!r}. It decides "
            f"{len(got) - len(wrong)} of {len(got)} cases as it should.\nHint: {self.hint}"
        )

    def _word(self, answer, names, case):
        try:
            got = called(answer, *case)
            if got is None:
                raise Wrong("Your function returns nothing (None). Did you forget `return`, or an `else`?")
            word = _word(got)
            if word not in self.words:
                raise Wrong(f"Return one of {_options(self.words)}; your function returns {shortened(got)}.")
        except StillOpen:
            raise
        except Wrong as wrong:
            raise type(wrong)(f"For {inputs_told(names, case)}: {wrong}") from None
        return word


@dataclass(frozen=True, repr=False)
class Labels(Question):
    """A question whose answer is a dictionary: a label for each thing, or for some, where the others are `sound`.

    `replies` says something to each thing that can be labelled wrongly.
    """

    right: dict
    labels: tuple[str, ...]
    replies: dict
    hint: str
    because: str
    sound: tuple = field(default=())  # things that deserve no label, and may be left out

    def examine(self, answer):
        expect_function(answer, [])
        got = self._read(called(answer))
        false = [thing for thing in got if thing in self.sound]
        wrong = [thing for thing in got if thing in self.right and got[thing] != self.right[thing]]
        missing = [thing for thing in _things(self.right) if thing not in got]
        if not (false or wrong or missing):
            print(f"Correct, all {len(self.right)}. {self.because}")
            return
        good = len(self.right) - len(wrong) - len(missing)
        score = f"{good} of {len(self.right)} {'is' if good == 1 else 'are'} right."
        for thing in (*false, *wrong):
            said = f"You call {thing!r} {got[thing]!r}: look again."
            if not (wrong or missing):
                raise Wrong(f"You name all {len(self.right)}, and more. {said}\nHint: {self.replies[thing]}")
            if self.sound and thing in self.right:
                said = f"{thing!r} deserves a label, but not {got[thing]!r}."
            raise Wrong(f"{score} {said}\nHint: {self.replies[thing]}")
        if self.sound:
            said = "What you name is right, but it is not all." if got else "Your dictionary is empty."
            raise Wrong(f"{score} {said}\nHint: {self.hint}")
        raise Wrong(f"{score} There is no label for {', '.join(map(repr, missing))}.\nHint: {self.hint}")

    def _read(self, got):
        things = _things((*self.right, *self.sound))
        if got is None:
            raise Wrong("Your function returns nothing (None). Did you forget `return`?")
        if not isinstance(got, dict):
            example = "{" + f"{things[0]!r}: '...', ..." + "}"
            raise Wrong(f"Return a dictionary, such as {example}; your function returns {shortened(got)}.")
        known, read = {_key(thing): thing for thing in things}, {}
        labels = {_letters(label): label for label in self.labels}
        if "nothing" in labels:
            labels["none"] = "nothing"
        for written, label in got.items():
            thing = known.get(_key(written))
            turned = isinstance(written, str) and isinstance(label, (str, int)) and _letters(written) in labels
            if thing is None and turned and _key(label) in known:
                raise Wrong(f"Your dictionary is the other way round: {_options(things)} come first, before the colon.")
            if thing is None:
                raise Wrong(f"There is no {shown(written)} in the question, only {_options(things)}.")
            if thing in read:
                raise Wrong(f"{thing!r} stands twice in your dictionary.")
            if not isinstance(label, str) or _letters(label) not in labels:
                raise Wrong(f"{thing!r} can be one of {_options(self.labels)}; you say {shown(label)}.")
            read[thing] = labels[_letters(label)]
        return read


def _things(things):
    """In an order that says nothing of their labels."""
    return sorted(things, key=lambda thing: (isinstance(thing, str), thing))


def _key(thing):
    word = _word(thing)
    number = re.fullmatch(r"(?:[a-z]+ )?(\d{1,20})(?: ?[a-z]+)?", word or "")  # row 1, or 56 GB
    return int(number[1]) if number else word or thing


def _word(text):
    """What somebody wrote, without what may stand around it; None if it is no text."""
    return text.strip(" .)(\"'`").lower() if isinstance(text, str) else None


def _letters(label):
    """What matters of a label: head size is head_size, or headsize."""
    return re.sub("[^a-z0-9]", "", label.lower())


def _options(words):
    return ", ".join(map(repr, words))

"""The kinds of question a check asks: prove an answer with symbols, try it with numbers, and name the mistake."""

import inspect
import io
import math
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from fractions import Fraction

from llmcalc.checks.answers import (
    BEYOND,
    NOTHING,
    Stopped,
    Wrong,
    called,
    caret_told,
    exactly,
    expect_function,
    expect_value,
    inputs_told,
    number,
    number_at,
    shortened,
    written,
)
from llmcalc.checks.inputs import agree, samples, symbols_for
from llmcalc.checks.questions import Own, Question, refuse_stale


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that people give: its name, what it comes to, and a nudge that does not give the answer away."""

    name: str
    gives: Callable  # takes the same values as the right answer
    hint: str


# Slips that can happen with any amount, and the factor they leave.
PREFIX_SLIPS = tuple((f"a prefix lost on the way (a factor of {10**power:,})", 10**power) for power in range(3, 22, 3))
BYTE_SLIPS = (
    ("bits where bytes are meant, or the other way round", 8),
    ("kB where KiB is meant, or the other way round", Fraction(1024, 1000)),
    ("MB where MiB is meant, or the other way round", Fraction(1024, 1000) ** 2),
    ("GB where GiB is meant, or the other way round", Fraction(1024, 1000) ** 3),
    *((f"a binary prefix lost on the way (1024 to the power of {power})", 1024**power) for power in (1, 2, 3)),
)


@dataclass(frozen=True, repr=False)
class Formula(Question):
    """A question whose answer is a formula of the values that `right` takes.

    `lists` names those that are lists; `between` gives the two ends of a value, such as (0, 1): it is tried inside
    them, and only there need two formulas agree. A range in place of the ends: a whole number, tried inside it.
    `multiples` says of which other value a value is a whole multiple, where the question says so.
    `edges` are values to try besides: those where a formula that agrees elsewhere goes wrong.
    """

    right: Callable
    hint: str
    mistakes: tuple[Mistake, ...] = ()
    lists: tuple[str, ...] = ()
    between: dict = field(default_factory=dict)
    multiples: dict = field(default_factory=dict)
    unit: str = ""
    edges: tuple[tuple, ...] = ()

    def examine(self, answer):
        names = list(inspect.signature(self.right).parameters)
        expect_function(answer, names)
        with caret_told(answer):
            symbols = symbols_for(names, self.lists, self.between)
            formula = _formula(answer, symbols)
            proved = formula is not None and _compare_symbols(self, formula, symbols)
            _compare_samples(self, answer, names, 20 if proved else 100, formula)
        if proved:
            print(f"Correct, for every input: {formula}")
        elif formula is None:
            print("Correct, at all inputs tried. (Your function does not take symbols: this is a test, not a proof.)")
        else:
            print(f"Correct, at all inputs tried. (With symbols it gives {formula}, and that could not be proved.)")


@dataclass(frozen=True, repr=False)
class Number(Question):
    """A question whose answer is one number in a unit; `right` takes the learner's own `values`, if there are any."""

    right: Callable
    unit: str
    hint: str
    mistakes: tuple[Mistake, ...] = ()
    tolerance: float = 0.005  # three digits will do; counts say 0
    whole: str = ""  # what to do with a count that is not whole, where that is part of the question
    rounds_up: bool = False  # such a count is the least that is enough, not the most that fits
    values: dict[str, Own] = field(default_factory=dict)
    where: Callable | None = None  # takes the same values, and says whether they go together
    builds_on: Question | None = None  # an earlier question; its values come first in all of these

    def examine(self, answer):
        expect_function(answer, [])
        with caret_told(answer):
            got, expected = number(self._called(answer)), self.right(*self.yours)
            if not _near(got, expected, self.tolerance):
                refuse_stale(answer, self.yours._asdict())
                self._explain(got, expected)
        print(f"Correct: {written(expected)} {self.unit}.")

    def _called(self, answer):
        """The learner's result; where a name is missing, it is most often one that the cell with the values sets."""
        try:
            return called(answer)
        except Stopped as stopped:
            if self.yours and "NameError" in str(stopped):
                raise Stopped(f"{stopped}. Have you run the cells above that set the values?") from None
            raise

    def _explain(self, got, expected):
        counted, told, yours = got, written(got), self.yours
        if self.tolerance == 0:
            rounded = math.ceil if self.rounds_up else math.floor if self.whole else round
            counted = rounded(got)  # rounding is a slip of its own, told last
            told = exactly(got)
        for mistake in self.mistakes:
            if _near(counted, mistake.gives(*yours), self.tolerance):
                raise Wrong(f"{told} {self.unit} is what comes out with {mistake.name}.\nHint: {mistake.hint}")
        self._refuse_others(got)  # after the mistakes: with some names one of them comes to the same
        if counted == expected:
            raise Wrong(f"{told} is not a whole number of {self.unit}. {self.whole}".strip())
        if self.tolerance == 0 and _near(got, expected, 1e-9) and got % 1:
            raise Wrong(f"{told} is close to a whole number of {self.unit}, and is none. Return a whole number.")
        if _rounded_away(got, expected, counts=self.tolerance == 0):
            digits = "every digit counts here" if self.tolerance == 0 else "keep more digits"
            raise Wrong(f"{told} is the number looked for, rounded too far: {digits}.")
        raise Wrong(_off(got, expected, self.hint, self.unit, self.tolerance or 1e-5))

    def _refuse_others(self, got):
        """Say so where the answer is one for values that are not the learner's."""
        for others, whose in (
            (self.values_of(""), "the standard values"),
            (self.yours_before, "the values you had before"),
        ):
            if self.yours != others and _near(got, self.right(*others), self.tolerance):
                raise Wrong(
                    f"That is the answer for {whose}. Yours follow from your name, in the first cell. "
                    "Use them; if the name is new, run the cell with the values again."
                )


@dataclass(frozen=True, repr=False)
class Choice(Question):
    """A question with options; every wrong option has a reply of its own."""

    right: str
    because: str
    replies: dict

    def examine(self, answer):
        expect_function(answer, [])
        try:
            got = called(answer)
        except Wrong as stopped:
            hint = ". A letter needs quotation marks." if "NameError" in str(stopped) else ""
            raise type(stopped)(f"{stopped}{hint}") from None
        if got is None:
            raise Wrong(NOTHING)
        options = sorted({self.right, *self.replies})
        key = got.strip(" .)(\"'`").lower() if isinstance(got, str) else None
        if key not in options:
            told = f"Answer with one of {', '.join(map(repr, options))}; your function returns {shortened(got)}."
            if not isinstance(got, str):  # a report often has variables a, b, c, ...
                told += " A letter needs quotation marks."
            raise Wrong(told)
        if key != self.right:
            raise Wrong(f"Not {key!r}. {self.replies[key]}")
        print(f"Correct: {key!r}. {self.because}")


def _formula(answer, symbols):
    """The learner's formula; None if the function works with numbers only, which is no fault."""
    import sympy as sp

    try:
        got = called(answer, *symbols)
    except Stopped:
        return None
    if isinstance(got, (float, sp.Expr)) and sp.sympify(got).has(sp.oo, -sp.oo, sp.zoo, sp.nan):
        raise Wrong(f"Your function returns {got}; the answer is a finite number for every input.")
    if isinstance(got, (int, float, Fraction)) and not isinstance(got, bool):
        return got
    expect_value(got)
    return got if isinstance(got, sp.Expr) else None


def _compare_symbols(question, got, symbols):
    """Whether the formulas agree; if they do not, and that can be said without giving the answer away, it is said."""
    import sympy as sp

    expected = question.right(*symbols)
    if agree(got, expected, question.between):
        return True
    for mistake in question.mistakes:
        if agree(got, mistake.gives(*symbols), question.between):
            raise Wrong(f"Your formula gives {got}.\nThat comes out with {mistake.name}.\nHint: {mistake.hint}")
    got_exactly, expected = (sp.nsimplify(side, rational=True) for side in (got, expected))  # 2.0**n is 2**n
    ratio = sp.nsimplify(sp.simplify(got_exactly / expected), rational=True)
    if ratio.is_Rational:
        _name_unit_slip(ratio, question.unit, 1e-9)
    off = f"Divided by the expected one, that is {ratio}; it should be 1."
    if ratio.free_symbols:  # with the quotient in full, the answer could be read off
        (symbol, *others) = sorted(ratio.free_symbols, key=str)
        missing = sorted(ratio.free_symbols - got_exactly.free_symbols, key=str)
        unused = [f"Your formula does not use {each}." for each in missing]
        depends = [] if others else [f"Divided by the expected one, that depends on {symbol}; it should be 1."]
        off = " ".join([*depends, *unused])
    if off and not ratio.atoms(sp.Add) and not _rounding(got):  # where all is whole, rounding may change nothing
        raise Wrong(f"Your formula gives {got}.\n{off}\nHint: {question.hint}")
    return False


def _rounding(formula):
    """Whether a formula of symbols rounds on its way."""
    import sympy as sp

    return isinstance(formula, sp.Expr) and formula.has(sp.floor, sp.ceiling)


def _compare_samples(question, answer, names, count, formula):
    """The same question at many inputs: for answers that refuse symbols, and for what symbols do not show."""
    inputs = [*samples(names, question.lists, question.between, count, question.multiples), *question.edges]
    with redirect_stdout(io.StringIO()):  # what the learner prints, once is enough
        got = [number_at(answer, names, values) for values in inputs]
    if _all_near(got, question.right, inputs):
        return
    for mistake in question.mistakes:
        if _all_near(got, mistake.gives, inputs):
            raise Wrong(f"Your function gives what comes out with {mistake.name}.\nHint: {mistake.hint}")
    expected = [question.right(*values) for values in inputs]
    wrong = [n for n in range(len(inputs)) if not _near(got[n], expected[n])]
    n = wrong[:20][-1]  # the first ones are ones and threes, where many formulas agree
    off = _off(got[n], expected[n], question.hint, question.unit, 1e-5)
    rounds = all(
        one % 1 == 0 and abs(Fraction(one) - Fraction(other)) < 1 for one, other in zip(got, expected, strict=True)
    )
    told = ""
    if rounds:
        told = "\nYour function returns whole numbers only. If it rounds (or divides with `//`), leave that out."
    elif _rounding(formula):
        told = f"\nYour formula gives {formula}: it rounds on its way. Divide with `/`, not with `//`."
    raise Wrong(f"For {inputs_told(names, inputs[n])}: {off}{told}")


def _near(got, expected, tolerance=1e-9):
    if tolerance == 0:
        return got == expected
    try:
        return math.isclose(got, expected, rel_tol=tolerance)
    except OverflowError:  # a whole number beyond all floats
        return got == expected


def _rounded_away(got, expected, counts):
    """Whether a number is another one rounded to two digits or three, or to a whole number of two digits or more."""
    try:
        got, expected = float(got), float(expected)
    except OverflowError:
        return False
    if not expected or (counts and abs(expected) < 1000):  # a small count is missed for other reasons
        return False
    first = math.floor(math.log10(abs(expected)))
    places = {1 - first, 2 - first} | ({0} if abs(expected) >= 10 else set())
    return got in {round(expected, place) for place in places}


def _all_near(got, formula, inputs):
    return all(_near(value, formula(*values)) for value, values in zip(got, inputs, strict=True))


def _off(got, expected, hint, unit, window):
    """How far off a number is, and whether it looks like a slip with units."""
    ratio = Fraction(got) / Fraction(expected)
    if ratio:
        _name_unit_slip(ratio, unit, window)
    if written(got) == BEYOND:
        return f"Your answer is {BEYOND}.\nHint: {hint}"
    times = f"{written(ratio)} times" if abs(ratio - 1) > Fraction(1, 10**5) else "close to"
    return f"Your answer, {written(got)}, is {times} the expected one.\nHint: {hint}"


def _name_unit_slip(ratio, unit, window):
    """Raise if the ratio is one that a slip with units leaves; `window` allows for rounding."""
    for name, factor in (*PREFIX_SLIPS, *(BYTE_SLIPS if unit == "B" else ())):
        for slip in (Fraction(factor), 1 / Fraction(factor)):
            if abs(Fraction(int(ratio.numerator), int(ratio.denominator)) / slip - 1) <= window:
                raise Wrong(f"Your answer is {written(slip)} times the expected one. That looks like {name}.")

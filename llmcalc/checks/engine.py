"""How a check reads an answer: prove it with symbols, else try it with numbers, and name the mistake."""

import inspect
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from llmcalc.formula import FormulasClosed, formulas_closed
from llmcalc.symbolic import same


class Wrong(AssertionError):
    """An answer that is not right; shown as its message alone, without a traceback."""

    def _render_traceback_(self):  # what Jupyter prints instead of the traceback
        return str(self).splitlines()


class StillOpen(Wrong):
    """A question that has no answer yet."""


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that people give: its name, what it comes to, and a nudge that does not give the answer away."""

    name: str
    gives: Callable  # takes the same values as the right answer
    hint: str


# Slips that can happen with any amount: what was done, and the factor it leaves.
UNIT_SLIPS = (
    ("GB where GiB is meant, or the other way round", Fraction(1024, 1000) ** 3),
    ("MB where MiB is meant, or the other way round", Fraction(1024, 1000) ** 2),
    ("1000 where 1024 is meant, or the other way round", Fraction(1024, 1000)),
    ("bits where bytes are meant, or the other way round", Fraction(8)),
    ("a prefix of 1000 lost on the way (GB over MB is 1000, not 1)", Fraction(1000)),
    ("a prefix of a million lost on the way", Fraction(1000) ** 2),
)


@dataclass(frozen=True)
class Formula:
    """A question whose answer is a formula of the values that `right` takes.

    Where the learner's function takes them in another form (a list of sizes), `takes` names its parameters and
    `hand_over` calls it.
    """

    right: Callable
    hint: str
    mistakes: tuple[Mistake, ...] = ()
    takes: tuple[str, ...] = ()
    hand_over: Callable | None = None

    def __call__(self, answer):
        names = list(inspect.signature(self.right).parameters)
        _expect_function(answer, self.takes or names)
        asked = partial(self.hand_over, answer) if self.hand_over else answer
        try:
            _compare_symbols(self, asked, names)
        except _RefusesSymbols:
            _compare_samples(self, asked, names)


@dataclass(frozen=True)
class Number:
    """A question whose answer is one number in a unit; `right` takes nothing."""

    right: Callable
    unit: str
    hint: str
    mistakes: tuple[Mistake, ...] = ()
    tolerance: float = 0.005  # three digits will do; counts say 0

    def __call__(self, answer):
        _expect_function(answer, [])
        got, expected = _number(_call(answer), self.unit), self.right()
        if _near(got, expected, self.tolerance):
            print(f"Correct: {_text(got)} {self.unit}.")
            return
        for mistake in self.mistakes:
            if _near(got, mistake.gives(), max(self.tolerance, 1e-9)):
                raise Wrong(f"{_text(got)} {self.unit} is what one gets with {mistake.name}.\nHint: {mistake.hint}")
        raise Wrong(_off(got, expected, self.hint))


@dataclass(frozen=True)
class Choice:
    """A question with options; every wrong option has a reply of its own."""

    right: str
    because: str
    replies: dict

    def __call__(self, answer):
        _expect_function(answer, [])
        got = _call(answer)
        options = sorted({self.right, *self.replies})
        key = got.strip().lower() if isinstance(got, str) else got
        if key not in options:
            raise Wrong(f"Answer with one of {', '.join(map(repr, options))}; your function returns {got!r}.")
        if key != self.right:
            raise Wrong(f"Not {key!r}. {self.replies[key]}")
        print(f"Correct: {key!r}. {self.because}")


class _RefusesSymbols(Exception):
    """The answer works with numbers only."""


def _compare_symbols(question, answer, names):
    import sympy as sp

    symbols = [sp.Symbol(name, positive=True, integer=True) for name in names]
    try:
        got = _call(answer, *symbols)
    except Wrong:
        raise
    except Exception:  # math.ceil, int(), comparisons, NumPy ...: nothing wrong with them
        raise _RefusesSymbols from None
    _expect_value(got)
    if same(got, question.right(*symbols)):
        print(f"Correct, for every input: {got}")
        return
    for mistake in question.mistakes:
        if same(got, mistake.gives(*symbols)):
            raise Wrong(f"Your formula gives {got}.\nThat is what one gets with {mistake.name}.\nHint: {mistake.hint}")
    ratio = sp.nsimplify(sp.simplify(sp.sympify(got) / question.right(*symbols)), rational=True)
    _name_unit_slip(ratio)
    raise Wrong(
        f"Your formula gives {got}.\nDivided by the expected one, that is {ratio}; it should be 1.\n"
        f"Hint: {question.hint}"
    )


def _compare_samples(question, answer, names):
    """For an answer that refuses symbols: the same question at many random inputs."""
    chance = random.Random(" ".join(names))
    inputs = [
        [chance.randint(1, 10_000) for _ in names] for _ in range(25)
    ]  # the same inputs each time, so that a verdict does not change
    try:
        got = [_number(_call(answer, *values)) for values in inputs]
    except Wrong:
        raise
    except Exception as error:
        raise Wrong(f"Your function stops with {type(error).__name__}: {error}") from None
    if _all_near(got, question.right, inputs):
        print("Correct, at 25 random inputs. (Your function does not take symbols, so this is a test, not a proof.)")
        return
    for mistake in question.mistakes:
        if _all_near(got, mistake.gives, inputs):
            raise Wrong(f"Your function gives what one gets with {mistake.name}.\nHint: {mistake.hint}")
    values, first = next(pair for pair in zip(inputs, got, strict=True) if not _near(pair[1], question.right(*pair[0])))
    given = ", ".join(f"{name}={value}" for name, value in zip(names, values, strict=True))
    raise Wrong(f"For {given}:\n{_off(first, question.right(*values), question.hint)}")


def _call(answer, *values):
    """The learner's result; the package's own formulas refuse to help."""
    try:
        with formulas_closed():
            return answer(*values)
    except NotImplementedError:
        raise StillOpen("This question is still open: replace `raise NotImplementedError()` by your answer.") from None
    except FormulasClosed as closed:
        raise Wrong(str(closed)) from None


def _expect_function(answer, names):
    if not callable(answer):
        raise Wrong(f"Hand over your function itself, without calling it; this is {answer!r}.")
    try:
        inspect.signature(answer).bind(*names)
    except TypeError:
        takes = ", ".join(inspect.signature(answer).parameters) or "nothing"
        raise Wrong(f"Your function takes {takes}; the question gives it {', '.join(names) or 'nothing'}.") from None


def _expect_value(got):
    if got is None:
        raise Wrong("Your function returns nothing (None). Did you forget `return`?")
    if isinstance(got, (str, bool, tuple, list, dict, set)):
        raise Wrong(f"Your function returns {got!r}; return a number, without unit or quotation marks.")


def _number(got, unit=""):
    """What the learner's function returned, as an exact number if it is one."""
    _expect_value(got)
    if isinstance(got, (int, Fraction)):
        return got
    try:
        value = float(got)  # NumPy and SymPy numbers too
    except (TypeError, ValueError):
        raise Wrong(f"Your function returns {got!r}; return one number{' of ' + unit if unit else ''}.") from None
    if not math.isfinite(value):
        raise Wrong(f"Your function returns {got}; the answer is a finite number.")
    return value


def _near(got, expected, tolerance=1e-9):
    if tolerance == 0 or (isinstance(got, int) and isinstance(expected, int) and tolerance < 1e-6):
        return got == expected
    return math.isclose(got, expected, rel_tol=tolerance)


def _all_near(got, formula, inputs):
    return all(_near(value, formula(*values)) for value, values in zip(got, inputs, strict=True))


def _off(got, expected, hint):
    """How far off a number is, and whether it looks like a slip with units."""
    if expected and got:
        _name_unit_slip(Fraction(got) / Fraction(expected))
    how = f"{_text(Fraction(got) / Fraction(expected))} times" if expected else "not"
    return f"Your answer, {_text(got)}, is {how} the expected one.\nHint: {hint}"


def _name_unit_slip(ratio):
    """Raise if the ratio is one that a slip with units leaves (within a thousandth, since answers are rounded)."""
    if getattr(ratio, "free_symbols", None):
        return
    for name, factor in UNIT_SLIPS:
        for slip in (float(factor), float(1 / factor)):
            if math.isclose(float(ratio), slip, rel_tol=1e-3):
                raise Wrong(f"Your answer is {slip:.4g} times the expected one. That looks like {name}.")


def _text(value):
    return f"{value:,}" if isinstance(value, int) else f"{float(value):,.6g}"

"""How a check reads an answer: prove it with symbols, try it with numbers, and name the mistake."""

import inspect
import io
import math
import reprlib
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from fractions import Fraction

from llmcalc.checks.inputs import agree, samples, symbols_for
from llmcalc.formula import FormulasClosed, formulas_closed


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


# Slips that can happen with any amount, and the factor they leave.
PREFIX_SLIPS = tuple((f"a prefix lost on the way (a factor of {10**power:,})", 10**power) for power in range(3, 22, 3))
BYTE_SLIPS = (
    ("bits where bytes are meant, or the other way round", 8),
    ("kB where KiB is meant, or the other way round", Fraction(1024, 1000)),
    ("MB where MiB is meant, or the other way round", Fraction(1024, 1000) ** 2),
    ("GB where GiB is meant, or the other way round", Fraction(1024, 1000) ** 3),
    *((f"a binary prefix lost on the way (1024 to the power of {power})", 1024**power) for power in (1, 2, 3)),
)


@dataclass(frozen=True)
class Formula:
    """A question whose answer is a formula of the values that `right` takes.

    `lists` names those that are lists, `parts` those that lie between 0 and 1: only there need two formulas agree.
    """

    right: Callable
    hint: str
    mistakes: tuple[Mistake, ...] = ()
    lists: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    unit: str = ""

    def __call__(self, answer):
        names = list(inspect.signature(self.right).parameters)
        _expect_function(answer, names)
        symbols = symbols_for(names, self.lists, self.parts)
        formula = _formula(answer, symbols)
        if formula is not None:
            _compare_symbols(self, formula, symbols)
        _compare_samples(self, answer, names)
        if formula is not None:
            print(f"Correct, for every input: {formula}")
        else:
            print("Correct, at all inputs tried. (Your function does not take symbols: this is a test, not a proof.)")


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
        got, expected = _number(_call(answer)), self.right()
        if _near(got, expected, self.tolerance):
            print(f"Correct: {_text(expected)} {self.unit}.")
            return
        counted = math.floor(got) if self.tolerance == 0 else got  # rounding is a slip of its own, told last
        for mistake in self.mistakes:
            if _near(counted, mistake.gives(), self.tolerance):
                raise Wrong(f"{_text(got)} {self.unit} comes out with {mistake.name}.\nHint: {mistake.hint}")
        if counted == expected:
            raise Wrong(f"{_text(got)} is not a whole number of {self.unit}. Only whole ones fit: round down.")
        raise Wrong(_off(got, expected, self.hint, self.unit, self.tolerance or 1e-5))


@dataclass(frozen=True)
class Choice:
    """A question with options; every wrong option has a reply of its own."""

    right: str
    because: str
    replies: dict

    def __call__(self, answer):
        _expect_function(answer, [])
        try:
            got = _call(answer)
        except Wrong as stopped:
            hint = " A letter needs quotation marks." if "NameError" in str(stopped) else ""
            raise type(stopped)(f"{stopped}{hint}") from None
        options = sorted({self.right, *self.replies})
        key = got.strip(" .)(").lower() if isinstance(got, str) else None
        if key not in options:
            raise Wrong(f"Answer with one of {', '.join(map(repr, options))}; your function returns {_short(got)}.")
        if key != self.right:
            raise Wrong(f"Not {key!r}. {self.replies[key]}")
        print(f"Correct: {key!r}. {self.because}")


def _formula(answer, symbols):
    """The learner's formula; None if the function works with numbers only, which is no fault."""
    import sympy as sp

    try:
        got = _call(answer, *symbols)
    except StillOpen:
        raise
    except Wrong as wrong:
        if isinstance(wrong.__cause__, FormulasClosed):
            raise
        return None
    if isinstance(got, (int, float, Fraction)) and not isinstance(got, bool):
        return got
    _expect_value(got)
    return got if isinstance(got, sp.Expr) else None


def _compare_symbols(question, got, symbols):
    import sympy as sp

    expected = question.right(*symbols)
    if agree(got, expected, question.parts):
        return
    for mistake in question.mistakes:
        if agree(got, mistake.gives(*symbols), question.parts):
            raise Wrong(f"Your formula gives {got}.\nThat comes out with {mistake.name}.\nHint: {mistake.hint}")
    ratio = sp.nsimplify(sp.simplify(sp.sympify(got) / expected), rational=True)
    if ratio.is_Rational:
        _name_unit_slip(ratio, question.unit, 1e-9)
    if len(ratio.free_symbols) < 2 and not ratio.atoms(sp.Add):  # a longer one would hold the answer
        raise Wrong(
            f"Your formula gives {got}.\nDivided by the expected one, that is {ratio}; it should be 1.\n"
            f"Hint: {question.hint}"
        )


def _compare_samples(question, answer, names):
    """The same question at many inputs: for answers that refuse symbols, and for what symbols do not show."""
    inputs = samples(names, question.lists, question.parts)
    with redirect_stdout(io.StringIO()):  # what the learner prints, once is enough
        got = [_number(_call(answer, *values)) for values in inputs]
    if _all_near(got, question.right, inputs):
        return
    for mistake in question.mistakes:
        if _all_near(got, mistake.gives, inputs):
            raise Wrong(f"Your function gives what comes out with {mistake.name}.\nHint: {mistake.hint}")
    wrong = [pair for pair in zip(inputs, got, strict=True) if not _near(pair[1], question.right(*pair[0]))]
    values, value = wrong[-1]  # the first ones are ones and threes, where many formulas agree
    given = ", ".join(f"{name}={value}" for name, value in zip(names, values, strict=True))
    power = "\nIn Python a power is written `**`; `^` is something else." if _uses_caret(answer) else ""
    off = _off(value, question.right(*values), question.hint, question.unit, 1e-5)
    raise Wrong(f"For {given}: {off}{power}")


def _call(answer, *values):
    """The learner's result; the package's own formulas refuse to help, and what stops the function is told."""
    try:
        with formulas_closed():
            return answer(*values)
    except NotImplementedError:
        raise StillOpen("This question is still open: replace `raise NotImplementedError()` by your answer.") from None
    except FormulasClosed as closed:
        raise Wrong(str(closed)) from closed
    except Exception as error:
        raise Wrong(f"Your function stops with {type(error).__name__}: {_short(str(error))}") from None


def _expect_function(answer, names):
    try:
        inspect.signature(answer).bind(*names)
    except ValueError:  # built-in functions have no signature
        raise Wrong("Hand over a function of your own.") from None
    except TypeError:
        if not callable(answer):
            raise Wrong(f"Hand over your function itself, without calling it; this is {_short(answer)}.") from None
        takes = ", ".join(inspect.signature(answer).parameters) or "nothing"
        raise Wrong(f"Your function takes {takes}; the question gives it {', '.join(names) or 'nothing'}.") from None


def _expect_value(got):
    if got is None:
        raise Wrong("Your function returns nothing (None). Did you forget `return`?")
    if isinstance(got, (str, bool, tuple, list, dict, set)):
        raise Wrong(f"Your function returns {_short(got)}; return a number, without unit or quotation marks.")


def _number(got):
    """What the learner's function returned, as an exact number if it is one."""
    _expect_value(got)
    if isinstance(got, (int, Fraction)):
        return got
    try:
        value = float(got)  # NumPy and SymPy numbers too
    except (TypeError, ValueError):
        why = " (A negative number to a broken power is complex.)" if isinstance(got, complex) else ""
        raise Wrong(f"Your function returns {_short(got)}; return one number.{why}") from None
    if not math.isfinite(value):
        raise Wrong(f"Your function returns {got}; the answer is a finite number.")
    return value


def _near(got, expected, tolerance=1e-9):
    if tolerance == 0:
        return got == expected
    try:
        return math.isclose(got, expected, rel_tol=tolerance)
    except OverflowError:  # a whole number beyond all floats
        return got == expected


def _all_near(got, formula, inputs):
    return all(_near(value, formula(*values)) for value, values in zip(got, inputs, strict=True))


def _off(got, expected, hint, unit, window):
    """How far off a number is, and whether it looks like a slip with units."""
    ratio = Fraction(got) / Fraction(expected)
    if ratio:
        _name_unit_slip(ratio, unit, window)
    times = f"{_text(ratio)} times" if abs(ratio - 1) > Fraction(1, 10**5) else "close to"
    return f"Your answer, {_text(got)}, is {times} the expected one.\nHint: {hint}"


def _name_unit_slip(ratio, unit, window):
    """Raise if the ratio is one that a slip with units leaves; `window` allows for rounding."""
    for name, factor in (*PREFIX_SLIPS, *(BYTE_SLIPS if unit == "B" else ())):
        for slip in (Fraction(factor), 1 / Fraction(factor)):
            if abs(Fraction(str(ratio)) / slip - 1) <= window:
                raise Wrong(f"Your answer is {_text(slip)} times the expected one. That looks like {name}.")


def _uses_caret(answer):
    try:
        return "^" in inspect.getsource(answer)
    except (OSError, TypeError):
        return False


def _text(value):
    """A number to read: whole ones in full, others to six digits, without a power of ten up to some trillions."""
    try:
        if abs(value) < 10**15 and (value == int(value) or abs(value) >= 10**6):
            return f"{int(value):,}" if value == int(value) else f"{float(f'{float(value):.6g}'):,.0f}"
        return f"{float(value):,.6g}"
    except OverflowError:
        return "a number beyond all floats"


def _short(value):
    """A repr that fits on a line."""
    return value[:120] if isinstance(value, str) and " " in value else reprlib.repr(value)

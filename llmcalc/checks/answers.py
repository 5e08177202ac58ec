"""What a check asks of an answer before it compares: a function, called with care, that returns a number."""

import ast
import functools
import inspect
import math
import reprlib
import textwrap
import traceback
from contextlib import contextmanager
from fractions import Fraction
from numbers import Complex, Integral, Real
from pathlib import Path

from llmcalc.formula import FormulasClosed, formulas_closed, refuse_if_closed, shown


class Wrong(AssertionError):
    """An answer that is not right; shown as its message alone, without a traceback."""

    def _render_traceback_(self):  # what Jupyter prints instead of the traceback
        return str(self).splitlines()


class StillOpen(Wrong):
    """A question that has no answer yet."""


class Stopped(Wrong):
    """An answer that ends with an error of its own."""


PACKAGE = Path(__file__).resolve().parents[1]
COMPLEX = " (A negative number to a power that is no whole number is complex.)"
BEYOND = "a number beyond all floats"
NOTHING = "Your function returns nothing (None). Did you forget `return`?"
POWER = "In Python a power is written `**`; `^` is something else."


def expect_function(answer, names):
    """Refuse what cannot be called with a value for each of these names."""
    try:
        inspect.signature(answer).bind(*names)
    except ValueError:  # built-in functions have no signature
        raise Wrong("Hand over a function of your own.") from None
    except TypeError:
        if not callable(answer):
            raise Wrong(f"Hand over your function itself, without calling it; this is {shortened(answer)}.") from None
        takes = ", ".join(inspect.signature(answer).parameters) or "nothing"
        raise Wrong(f"Your function takes {takes}; the question gives it {', '.join(names) or 'nothing'}.") from None


def called(answer, *values, closed=True):
    """The learner's result; what stops the function is told. The package's own formulas refuse to help, if `closed`.

    Lists are handed over as copies: an answer may change them, and the next one gets them as they were.
    """
    try:
        with formulas_closed() if closed else formulas_closed("questions"):
            _refuse_the_package(answer)
            return answer(*(list(value) if isinstance(value, list) else value for value in values))
    except NotImplementedError:
        raise StillOpen("This question is still open: replace `raise NotImplementedError()` by your answer.") from None
    except FormulasClosed as refused:
        raise Wrong(f"{refused}{_own_line(refused)}") from None
    except (Exception, SystemExit) as error:
        why = COMPLEX if "complex" in str(error) else ""
        said = error.args[0] if isinstance(error, KeyError) and error.args else str(error)  # str() adds quotes
        told = f"there is no {said!r}" if said != str(error) and " " not in str(said) else str(said)[:120]
        raise Stopped(f"Your function stops with {type(error).__name__}: {told}{why}") from None


def _refuse_the_package(answer):
    """Its formulas and questions refuse by themselves; its other functions, right answers among them, do so here."""
    while isinstance(answer, functools.partial):
        answer = answer.func
    if (getattr(answer, "__module__", None) or "").startswith("llmcalc."):
        refuse_if_closed(answer.__module__, "questions")


def _own_line(error):
    """The learner's line that an error came from, as a sentence: an attribute asks the package without a call."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.line for frame in frames if frame.line and PACKAGE not in Path(frame.filename).parents]
    return f" It is asked in the line `{lines[-1]}`." if lines else ""


def number_at(answer, names, values):
    """The learner's number for these values; what is wrong with it is told together with them."""
    try:
        try:
            return number(called(answer, *values))
        except Stopped:  # NumPy's logarithm, for one, takes no fractions
            return number(called(answer, *(float(each) if isinstance(each, Fraction) else each for each in values)))
    except StillOpen:
        raise
    except Wrong as wrong:
        raise type(wrong)(f"For {inputs_told(names, values)}: {wrong}") from None


def expect_value(got):
    """Refuse what is plainly no number."""
    if got is None:
        raise Wrong(NOTHING)
    of_numpy = getattr(getattr(got, "dtype", None), "kind", "")
    if isinstance(got, (str, bytes, bytearray, bool, tuple, list, dict, set)) or of_numpy == "b":
        raise Wrong(f"Your function returns {shortened(got)}; return a number, without unit or quotation marks.")


def number(got):
    """What the learner's function returned, as an exact number if it is one."""
    expect_value(got)
    if type(got) in (int, Fraction):
        return got
    try:
        if isinstance(got, Complex) and not isinstance(got, Real):
            raise Stopped("NumPy would only warn, and drop a part of it.")
        value = called(int if isinstance(got, Integral) else float, got)  # NumPy and SymPy numbers too
    except Stopped:
        why = COMPLEX if isinstance(got, Complex) and got.imag else ""
        raise Wrong(f"Your function returns {shortened(got)}; return one number.{why}") from None
    if isinstance(value, float) and not math.isfinite(value):
        raise Wrong(f"Your function returns {got}; the answer is a finite number.")
    return value


@contextmanager
def caret_told(answer):
    """Where an answer is wrong and has a `^` in it, say that this is no power."""
    try:
        yield
    except StillOpen:
        raise
    except Wrong as wrong:
        if not _has_caret(answer):
            raise
        raise type(wrong)(f"{wrong}\n{POWER}") from None


def _has_caret(answer):
    try:
        code = ast.parse(textwrap.dedent(inspect.getsource(answer)))
    except (OSError, TypeError, SyntaxError):
        return False
    return any(isinstance(node, ast.BitXor) for node in ast.walk(code))


def inputs_told(names, values):
    """The inputs as people write them: width=3, share=2/7."""
    return ", ".join(f"{name}={value}" for name, value in zip(names, values, strict=True))


def written(value):
    """A number to read: whole ones in full, others to six digits, without a power of ten up to some trillions."""
    try:
        if abs(value) < 10**15 and (value == int(value) or abs(value) >= 10**6):
            return f"{int(value):,}" if value == int(value) else f"{float(f'{float(value):.6g}'):,.0f}"
        return f"{float(value):,.6g}"
    except OverflowError:
        return BEYOND


def exactly(value):
    """A number to read with all its digits, where six of them would hide what matters."""
    try:
        return f"{int(value):,}" if value == int(value) else f"{float(value):,}"
    except (OverflowError, ValueError):  # ValueError: Python refuses to print some thousand digits
        return written(value)


def shortened(value):
    """A repr that fits on a line."""
    try:
        return reprlib.repr(value)
    except ValueError:  # Python refuses to print some thousand digits
        return shown(value)

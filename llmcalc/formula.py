"""The gate that every formula shares: numbers, arrays and symbols in, nonsense out.

``@formula`` turns plain arithmetic into a function that keeps whole numbers exact, makes arrays float64 (so that
nothing wraps around), lets SymPy expressions through, and refuses everything else by name. It also registers the
formula, so that one set of tests holds for all of them.
"""

import functools
import inspect
import math
from contextlib import contextmanager
from contextvars import ContextVar
from fractions import Fraction

from llmcalc.notation import NOTATION

FORMULAS = {}
"""Every formula of the package by name."""

_closed = ContextVar("formulas_closed", default=frozenset())


class FormulasClosed(RuntimeError):
    """A formula of the package was called where the learner's own is asked for."""


@contextmanager
def formulas_closed(*kinds):
    """While this is open, every formula refuses to be called: an exercise's answer has to be the learner's own.

    So does every question of an exercise, which knows its answer. With "questions" alone, formulas may be called.
    """
    token = _closed.set(_closed.get() | set(kinds or ("formulas", "questions")))
    try:
        yield
    finally:
        _closed.reset(token)


def refuse_if_closed(name, kind="formulas"):
    """Raise FormulasClosed where the learner's own answer is asked for, and not the package's `name`."""
    if kind in _closed.get():
        raise FormulasClosed(
            f"Your function asks the package ({name}), whose formulas refuse while a check runs. "
            "Write the arithmetic yourself, with the values that the question gives."
        )


def formula(function):
    """Put `function` behind the gate and into `FORMULAS`.

    The function should be plain arithmetic (``+ - * / // **`` and the helpers of `llmcalc.symbolic`).

    Raises
    ------
    TypeError
        For text, None, booleans, complex numbers, lists and other things that are not an amount.
    ValueError
        For negative, infinite and undefined values, for zero where a size is meant, for a share of more than
        the whole, and for results that leave the range of a float. The message names formula, parameter, value
        and what is allowed.
    """
    name = function.__name__
    if name in FORMULAS and FORMULAS[name].__module__ != function.__module__:  # the same again is a reload
        raise ValueError(f"there is a formula {name} already: one formula, one place")
    signature = inspect.signature(function)
    names = tuple(signature.parameters)
    places = [each.name for each in signature.parameters.values() if each.kind is not inspect.Parameter.KEYWORD_ONLY]
    silent = {each.name: each.default for each in signature.parameters.values() if each.default is not each.empty}

    @functools.wraps(function)
    def gated(*args, **kwargs):
        refuse_if_closed(name)
        # What `signature.bind` would do, in a fraction of its time; it still says what is wrong.
        given = dict(zip(places, args, strict=False)) | kwargs
        call = silent | given
        if len(given) != len(args) + len(kwargs) or call.keys() != signature.parameters.keys():
            try:
                signature.bind(*args, **kwargs)
            except TypeError as wrong:
                raise TypeError(f"{name}: {wrong}") from None
        return _finite(function, {each: amount(call[each], each, of=name) for each in names})

    FORMULAS[name] = gated
    return gated


def amount(value, name, of, may_be_zero=None):
    """`value` as the exact int, float, Fraction, float64 array or SymPy expression it stands for.

    Parameters
    ----------
    value : int, float, Fraction, NumPy scalar or array, SymPy expression, Ledger
        What somebody passed in.
    name, of : str
        The parameter and the function, for the message.
    may_be_zero : bool, optional
        Whether zero makes sense; by default what `llmcalc.notation` says of `name`.
    """
    row = NOTATION.get(name)
    if may_be_zero is None:
        may_be_zero = row is not None and row.may_be_zero
    at_least = 0 if row is None else row.at_least
    at_most = math.inf if row is None or row.at_most is None else row.at_most
    if type(value) in (int, float) and at_least <= value <= at_most and 0 < value < math.inf:  # most are: saves time
        return value
    allowed = f"{of}: {name} must be {'zero or a positive' if may_be_zero else 'a positive'} number"
    allowed += f" of at least {at_least}" if at_least else ""
    allowed += f" of at most {at_most}, " if at_most < math.inf else ", "

    value = getattr(value, "stands_for", value)  # a ledger stands for its total
    if hasattr(value, "free_symbols"):
        return _symbolic_amount(value, allowed, may_be_zero, at_least, at_most)
    if hasattr(value, "dtype"):
        import numpy as np

        if isinstance(value, np.ma.MaskedArray) or getattr(value.dtype, "kind", "?") not in "iuf":
            raise TypeError(f"{allowed}got {shown(value)}")
        if np.ndim(value):
            with np.errstate(over="ignore"):  # a longdouble too large becomes infinite and is refused
                value = np.asarray(value, dtype=np.float64)
            wrong = ~np.isfinite(value) | (value < at_least) | (value > at_most) | ((value == 0) & (not may_be_zero))
            if wrong.any():
                raise ValueError(f"{allowed}got an array with {value[wrong][0]}")
            return value
        value = int(value) if value.dtype.kind in "iu" else float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float, Fraction)):
        raise TypeError(f"{allowed}got {shown(value)}")
    finite = not isinstance(value, float) or math.isfinite(value)
    if not (finite and at_least <= value <= at_most) or (value == 0 and not may_be_zero):
        raise ValueError(f"{allowed}got {shown(value)}")
    return value


def whole(value, name, of, may_be_zero=None):
    """`value` as an int, or as the SymPy expression of symbols that it is; no array, and no fraction."""
    value = amount(value, name, of=of, may_be_zero=may_be_zero)
    if getattr(value, "ndim", 0):
        raise TypeError(f"{of}: {name} must be one number, got an array of {value.size}")
    if getattr(value, "free_symbols", ()):
        return value
    if value % 1:
        raise ValueError(f"{of}: {name} must be a whole number, got {shown(value)}")
    return int(value)


def one_number(value, name, of, may_be_zero=None):
    """`value` as an int, float or Fraction, for what is drawn: no array, and no symbols."""
    value = amount(value, name, of=of, may_be_zero=may_be_zero)
    if getattr(value, "ndim", 0):
        raise TypeError(f"{of}: {name} must be one number, got an array of {value.size}")
    if hasattr(value, "free_symbols"):
        raise TypeError(f"{of}: {name} must be one number, got the symbol {value}")
    return value


def amounts(of, **sizes):
    """Sizes that are used together, each as `amount` makes it; arrays have to match, with no symbol beside them."""
    sizes = {name: amount(value, name, of=of) for name, value in sizes.items()}
    if any(hasattr(value, "dtype") for value in sizes.values()):
        import numpy as np

        _match_arrays(of, sizes)
        try:
            np.broadcast_shapes(*(np.shape(value) for value in sizes.values()))
        except ValueError:
            shapes = ", ".join(f"{name} of shape {np.shape(value)}" for name, value in sizes.items())
            raise ValueError(f"{of}: arrays must have shapes that match, got {shapes}") from None
    try:
        together = math.prod(sizes.values())
    except OverflowError:
        together = math.inf
    if not is_finite(together):
        raise ValueError(f"{of}: no finite number comes out of {_given(sizes)}")
    return sizes.values()


def one_of(of, name, value, choices):
    """Refuse what is not one of the choices, which are text or True and False."""
    if type(value) not in (str, bool) or value not in choices:
        raise ValueError(f"{of}: {name} must be {' or '.join(map(str, choices))}, got {shown(value)}")


def in_range(function):
    """Refuse in words what gets too large for a float, in functions that are no formulas but call them."""

    @functools.wraps(function)
    def ranged(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except OverflowError:
            raise ValueError(f"{function.__name__}: no finite number comes out of sizes as large as these") from None

    return ranged


def _symbolic_amount(value, allowed, may_be_zero, at_least, at_most):
    import sympy

    if not isinstance(value, sympy.Expr) or value.is_extended_real is False:
        raise TypeError(f"{allowed}got {shown(value)}")
    if (
        value.has(sympy.nan, sympy.oo, -sympy.oo, sympy.zoo)
        or value.is_infinite
        or value.is_extended_negative
        or (value.is_extended_nonpositive and not may_be_zero)
        or (value - at_least).is_extended_negative
        or (at_most < math.inf and (value - at_most).is_extended_positive)  # None where nobody can know
    ):
        raise ValueError(f"{allowed}got {shown(value)}")
    return value


def _finite(function, call):
    """The function's result, if it stays within the range of numbers."""
    try:
        if any(hasattr(value, "dtype") for value in call.values()):
            import numpy as np

            _match_arrays(function.__name__, call)
            with np.errstate(all="ignore"):  # what overflows is refused below, in words
                result = function(**call)
        else:
            result = function(**call)
    except (OverflowError, ZeroDivisionError):
        result = math.inf
    except ValueError as refused:  # by `share`, or by a formula inside this one, which knows other names
        raise ValueError(f"{function.__name__}: {refused}; given {_given(call)}") from None
    if not is_finite(result):
        raise ValueError(f"{function.__name__}: no finite number comes out of {_given(call)}")
    return result


def is_finite(result):
    """Whether no part of a result is infinite or undefined."""
    if hasattr(result, "free_symbols"):
        import sympy

        return not result.has(sympy.nan, sympy.oo, -sympy.oo, sympy.zoo)
    if hasattr(result, "dtype"):
        import numpy as np

        return bool(np.isfinite(result).all())
    return not isinstance(result, float) or math.isfinite(result)


def _match_arrays(of, call):
    """Make floats of the numbers that stand beside an array: a Fraction or a symbol would make it one of objects."""
    for name, value in call.items():
        if getattr(value, "free_symbols", ()):
            raise TypeError(f"{of}: {name} is the symbol {value}; arrays and symbols cannot be mixed")
        if not hasattr(value, "dtype"):
            call[name] = float(value)


def _given(call):
    return ", ".join(f"{name}={shown(value)}" for name, value in call.items())


def shown(value):
    """A short repr on one line, however large the value."""
    try:
        text = " ".join(repr(value).split())
    except (ValueError, RecursionError):  # Python refuses to print integers of more than some thousand digits
        return f"{type(value).__name__} with more digits than can be printed"
    return text if len(text) <= 60 else f"{text[:57]}..."

"""What plain arithmetic cannot say about numbers, arrays and symbols alike."""

# NumPy and SymPy are imported inside the functions, so that `import llmcalc` stays light.


def same(a, b):
    """True if two formulas agree for all positive values of their symbols.

    SymPy's ``==`` asks whether two formulas are *written* alike; this asks whether they *are* alike. Symbols are
    matched by name and taken as positive, since they stand for sizes.

    Parameters
    ----------
    a, b : number or SymPy expression
        Floats stand for the short fraction they were typed as: 0.1 + 0.2 is 3/10.

    Raises
    ------
    TypeError
        If a side is neither a number nor a SymPy expression.

    Examples
    --------
    >>> import sympy as sp
    >>> n = sp.Symbol("n")
    >>> same(n / 2, 0.5 * n), same((n + 1)**2, n**2 + 2*n + 1), same(n, 2 * n)
    (True, True, False)
    """
    import sympy as sp

    difference = _exact(a) - _exact(b)
    if difference == 0:
        return True
    difference = sp.simplify(difference)
    return bool(difference == 0 or difference.equals(0))


def larger(a, b):
    """The larger of two quantities.

    Examples
    --------
    >>> larger(10**30, 3) == 10**30
    True
    """
    if _any_symbolic(a, b):
        import sympy as sp

        return sp.Max(a, b)
    if _any_array(a, b):
        import numpy as np

        return np.maximum(a, b)
    return max(a, b)  # exact for integers of any size


def ceil_div(count, size):
    """How many boxes of `size` hold `count` things: the quotient, rounded up.

    Examples
    --------
    >>> ceil_div(10, 4), ceil_div(12, 4)
    (3, 3)
    """
    if _any_symbolic(count, size):
        import sympy as sp

        return sp.ceiling(count / size)
    return -(-count // size)


def share(count, parts):
    """One of `parts` equal shares; whole numbers must divide exactly.

    Raises
    ------
    ValueError
        If both are integers and `parts` does not divide `count`.

    Examples
    --------
    >>> share(768, 12)
    64
    """
    if isinstance(count, int) and isinstance(parts, int):
        if count % parts:
            raise ValueError(f"{count} cannot be shared equally among {parts}")
        return count // parts
    return count / parts


def _exact(side):
    """A number or formula with fractions instead of floats and positive symbols."""
    import sympy as sp

    if isinstance(side, (str, bool)) or side is None:
        raise TypeError(f"same compares numbers and SymPy expressions, got {side!r}")
    try:
        side = sp.sympify(side, strict=True)
    except (sp.SympifyError, TypeError):
        raise TypeError(f"same compares numbers and SymPy expressions, got {side!r}") from None
    if not isinstance(side, sp.Expr):
        raise TypeError(f"same compares numbers and SymPy expressions, got {side!r}")
    positive = {symbol: sp.Symbol(symbol.name, positive=True) for symbol in side.free_symbols}
    return sp.nsimplify(side, rational=True).xreplace(positive)


def _any_symbolic(*values):
    return any(hasattr(value, "free_symbols") for value in values)


def _any_array(*values):
    return any(hasattr(value, "dtype") for value in values)

"""What a formula is tried with: symbols, for a proof, and numbers, for what symbols do not show."""

import random
from fractions import Fraction
from itertools import product

from llmcalc.notation import NOTATION
from llmcalc.symbolic import same


def symbols_for(names, lists, between):
    """A symbol for each parameter, or four of them where a list is asked for; between two ends it may be broken."""
    import sympy as sp

    ends = _ends(names, between)

    def symbol(name):
        whole = isinstance(ends.get(name, range(1)), range)
        return sp.Symbol(name, positive=True, integer=whole or None)

    return [[symbol(f"{name[0]}{i}") for i in range(4)] if name in lists else symbol(name) for name in names]


def _ends(names, between):
    """Two ends, or a range of whole numbers, for each parameter that has them: by its nature (a share), or here."""
    most = {name: NOTATION[name].at_most for name in names if name in NOTATION}
    return {name: (0, Fraction(end)) for name, end in most.items() if end is not None} | between


def samples(names, lists, between, count=20, multiples=None):
    """Inputs to try, the same each time: ones, equal values, then a mixture; short and long lists."""
    chance = random.Random(" ".join(names))
    ends = _ends(names, between)

    def value(name, number):
        if name == "bytes_per_value":
            return (1, 2, 4, 8)[number % 4]
        size = (1, 3)[number] if number < 2 else chance.randint(1, 40)
        if name not in ends:
            return size
        if isinstance(ends[name], range):
            return chance.choice(ends[name])
        low, high = ends[name]  # not one over something, or rounding would change nothing
        return low + (high - low) * Fraction(chance.randint(1, size), size + 1)

    def listed(name, number):
        sizes = [value(name, number) for _ in range(2 + number % 5)]
        return sizes if number % 3 else [*sizes, sizes[0]]  # a width may come again

    def together(number):
        got = {name: listed(name, number) if name in lists else value(name, number) for name in names}
        for name, other in (multiples or {}).items():
            got[name] = got[other] * (got[name] if number > 1 else max(1, got[name] // got[other]))
        return list(got.values())

    return [together(number) for number in range(count)]


def agree(a, b, between):
    """Whether two formulas are the same inside the ends: there the way from the far end is 1 / (1 + something).

    A whole number with a range that stands in an exponent is given all its values, one after the other: at most
    others a power of a power would be too large to write out. Formulas that round have to round the same amounts: at
    single points others agree, too.
    """
    import sympy as sp

    a, b = sp.sympify(a), sp.sympify(b)
    if any(side.has(sp.floor, sp.ceiling) for side in (a, b)):
        return _rounded_alike(a, b)
    symbols = a.free_symbols | b.free_symbols
    ends = _ends({symbol.name for symbol in symbols}, between)
    if _apart(a, b, symbols, between):
        return False
    inside = {
        symbol: sp.Rational(end[0]) + sp.Rational(end[1] - end[0]) / (1 + symbol)
        for symbol in symbols
        for end in [ends.get(symbol.name)]
        if isinstance(end, tuple)
    }
    exponents = {symbol for power in a.atoms(sp.Pow) | b.atoms(sp.Pow) for symbol in power.exp.free_symbols}
    whole = [symbol for symbol in sorted(exponents, key=str) if isinstance(ends.get(symbol.name), range)]
    if whole:
        a, b = (sp.nsimplify(side, rational=True) for side in (a, b))  # 2.0**n is 2**n
    points = (
        dict(zip(whole, map(sp.Integer, values), strict=True)) for values in product(*(ends[s.name] for s in whole))
    )
    return all(same(a.xreplace(inside | point), b.xreplace(inside | point)) for point in points)


def _rounded_alike(a, b):
    """Whether formulas are the same around the same rounded amounts."""
    import sympy as sp

    def opened(side):
        side = sp.nsimplify(side, rational=True).replace(sp.ceiling, lambda inside: -sp.floor(-inside))
        return side.replace(sp.floor, lambda inside: sp.Function("rounded")(sp.cancel(inside)))

    return sp.expand(opened(a) - opened(b)) == 0


def _apart(a, b, symbols, between):
    """Whether two formulas differ plainly at a point, which spares the algebra of long ones."""
    import sympy as sp

    ordered = sorted(symbols, key=str)
    *_, values = samples([symbol.name for symbol in ordered], (), between)
    point = dict(zip(ordered, map(sp.sympify, values), strict=True))
    x, y = (side.xreplace(point).evalf(30) for side in (a, b))
    return x.is_real and y.is_real and x.is_finite and y.is_finite and abs(x - y) > 1e-9 * max(abs(x), abs(y))

"""What a formula is tried with: symbols, for a proof, and numbers, for what symbols do not show."""

import random
from fractions import Fraction

from llmcalc.notation import NOTATION
from llmcalc.symbolic import same


def symbols_for(names, lists, parts):
    """A symbol for each parameter, or four of them where a list is asked for; what is a share need not be whole."""
    import sympy as sp

    def symbol(name):
        share = name in parts or _most(name) is not None
        return sp.Symbol(name, positive=True, integer=None if share else True)

    return [[symbol(f"{name[0]}{i}") for i in range(4)] if name in lists else symbol(name) for name in names]


def _most(name):
    """The largest value that a parameter of this name can have, or None."""
    return NOTATION[name].at_most if name in NOTATION else None


def samples(names, lists, parts):
    """Inputs to try, the same each time: ones, equal values, then a mixture; short and long lists."""
    chance = random.Random(" ".join(names))

    def value(name, number):
        if name == "bytes_per_value":
            return (1, 2, 4, 8)[number % 4]
        size = (1, 3)[number] if number < 2 else chance.randint(1, 40)
        if name in parts:
            return Fraction(1, size + 1)
        return size if _most(name) is None else Fraction(_most(name)) / size  # a share

    def listed(name, number):
        sizes = [value(name, number) for _ in range(2 + number % 5)]
        return sizes if number % 3 else [*sizes, sizes[0]]  # a width may come again

    return [[listed(name, n) if name in lists else value(name, n) for name in names] for n in range(20)]


def agree(a, b, parts):
    """Whether two formulas are the same where `parts` lie between 0 and 1: there a part is 1 / (1 + something)."""
    import sympy as sp

    a, b = sp.sympify(a), sp.sympify(b)
    inside = {s: 1 / (1 + s) for s in a.free_symbols | b.free_symbols if s.name in parts}
    return same(a.xreplace(inside), b.xreplace(inside))

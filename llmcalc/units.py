"""Units that cannot be mixed up: bytes and bits, GB and GiB, FLOP and FLOP/s, GPU-hours and PFLOP-days.

A FLOP is one floating-point operation, a count. A FLOP/s is a rate. "FLOPS" can mean either, so it is not a unit
here; neither is "KB", which people use for 1000 and for 1024 bytes.
"""

from contextlib import nullcontext
from fractions import Fraction
from math import floor, inf, log10
from numbers import Rational

from llmcalc.formula import amount

KB, MB, GB, TB, PB = (10 ** (3 * power) for power in range(1, 6))
KIB, MIB, GIB, TIB, PIB = (2 ** (10 * power) for power in range(1, 6))
GFLOP, TFLOP, PFLOP = 10**9, 10**12, 10**15
MINUTE, HOUR, DAY = 60, 3600, 86_400

_SI = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18, "Z": 10**21, "Y": 10**24}
_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}

# unit: what it measures, and its size in that dimension's smallest unit here
_BASES = {
    "bit": ("information", 1),
    "B": ("information", 8),
    "bit/s": ("information per second", 1),
    "B/s": ("information per second", 8),
    "FLOP": ("work", 1),
    "FLOP-day": ("work", DAY),
    "FLOP/s": ("rate of work", 1),
    "FLOP/B": ("work per byte", 1),
    "s": ("time", 1),
    "min": ("time", MINUTE),
    "h": ("time", HOUR),
    "day": ("time", DAY),
    "GPU-second": ("device time", 1),
    "GPU-hour": ("device time", HOUR),
    "GPU-day": ("device time", DAY),
}
_MEANT = {
    "FLOPS": "{0}FLOP (a count) or {0}FLOP/s (a rate)",
    "FLOPs": "{0}FLOP (a count) or {0}FLOP/s (a rate)",
    "b": "{0}bit or {0}B (bytes)",
    "bps": "{0}bit/s or {0}B/s (bytes)",
}


def convert(value, unit, to):
    """`value` of one unit, expressed in another of the same kind.

    Parameters
    ----------
    value : number, array or SymPy expression
        How many of `unit`; zero or more.
    unit, to : str
        Such as "B", "GB", "GiB", "Gbit", "TFLOP/s", "PFLOP-day", "GPU-hour", "ms".

    Returns
    -------
    number, array or SymPy expression
        How many of `to`; a whole number stays one where it comes out whole, a fraction stays exact.

    Raises
    ------
    ValueError
        For units that are unknown, ambiguous ("KB", "FLOPS") or of different kinds.

    Examples
    --------
    >>> convert(1, "PFLOP-day", to="FLOP")
    86400000000000000000
    >>> convert(8, "GiB", to="B"), convert(1, "Gbit", to="MB")
    (8589934592, 125)
    """
    value = amount(value, "value", of="convert", may_be_zero=True)
    kind, size = _unit(unit)
    target_kind, target_size = _unit(to)
    if kind != target_kind:
        raise ValueError(f"convert: {unit} measures {kind}, {to} measures {target_kind}")
    factor = Fraction(size) / target_size
    if not isinstance(value, (int, float, Fraction)):
        with _quietly(value):
            return _within_range(value * factor.numerator / factor.denominator, unit, to)
    exact = Fraction(value) * factor
    if isinstance(value, Fraction):
        return exact
    try:
        return exact.numerator if isinstance(value, int) and exact.denominator == 1 else float(exact)
    except OverflowError:
        return _within_range(inf, unit, to)


def _quietly(value):
    """NumPy's warning is not needed where an error follows."""
    if not hasattr(value, "dtype"):
        return nullcontext()
    import numpy as np

    return np.errstate(over="ignore")


def _within_range(value, unit, to):
    """The converted value, if no number in it became infinite."""
    if hasattr(value, "dtype"):
        import numpy as np

        fine = np.isfinite(value).all()
    else:
        fine = value != inf
    if not fine:
        raise ValueError(f"convert: value must be smaller, as {unit} in {to} it leaves the range of numbers")
    return value


def readable(value, unit, *, binary=False, digits=3):
    """`value` as text with the prefix that suits it, the unit always named.

    Parameters
    ----------
    value : int, float or Fraction
        How many of `unit`, zero or more.
    unit : str
        A unit such as "B", "FLOP" or "FLOP/s"; any other word ("examples") is kept as it is, without a prefix.
    binary : bool, default False
        Prefixes of 1024 (GiB) instead of 1000 (GB); for bytes and bits.
    digits : int, default 3
        Significant digits.

    Examples
    --------
    >>> readable(437e9, "B"), readable(437e9, "B", binary=True), readable(8 * 10**14, "FLOP/s")
    ('437 GB', '407 GiB', '800 TFLOP/s')
    """
    value = amount(value, "value", of="readable", may_be_zero=True)
    if hasattr(value, "dtype") or getattr(value, "free_symbols", ()):
        raise TypeError(f"readable: value must be one number, got {value}")
    if type(digits) is not int or not 1 <= digits <= 100:
        raise ValueError(f"readable: digits must be a whole number from 1 to 100, got {digits!r}")
    if not isinstance(binary, bool):
        raise ValueError(f"readable: binary must be True or False, got {binary!r}")
    if not unit or not isinstance(unit, str):
        raise ValueError(f"readable: unit must be a word, got {unit!r}")
    if value >= 10**4000:
        raise ValueError("readable: value must be below 10**4000, to be printed")
    value = Fraction(value if isinstance(value, Rational) else float(value))
    if unit not in _BASES:
        _refuse_ambiguous(unit)
        return f"{_rounded(value, digits)} {unit}"
    if binary and not _BASES[unit][0].startswith("information"):
        raise ValueError(f"readable: binary prefixes are for bytes and bits, not for {unit}")
    # The largest prefix that leaves at least 1, once rounded: 999,999 bytes in three digits are 1 MB, not 1000 kB.
    for prefix, size in reversed(_prefixes(unit, decimal=not binary, binary=binary).items()):
        text = _rounded(value / size, digits)
        if float(text.replace(",", "")) >= 1 or (value == 0 and not prefix):
            break
    return f"{text} {prefix}{unit}"


def _rounded(value, digits):
    """Decimal text with `digits` significant digits; whole numbers keep all digits before the point."""
    if 0 < value < 1e-4:
        return f"{float(value):.{digits}g}"
    magnitude = floor(log10(int(value) or value or 1))  # log10 takes integers of any size
    decimals = max(digits - 1 - magnitude, 0)
    whole, rest = divmod(round(value * 10**decimals), 10**decimals)
    return f"{whole:,}" + f".{rest:0{decimals}}".rstrip("0").rstrip(".")


def _prefixes(base, decimal=True, binary=True):
    """The prefixes that go with a unit and their sizes, smallest first within a kind."""
    kind = _BASES[base][0]
    if base == "s":
        return {"n": Fraction(1, 10**9), "µ": Fraction(1, 10**6), "m": Fraction(1, 1000), "": 1}
    if kind in ("time", "device time"):  # nobody writes "kh"
        return {"": 1}
    return {"": 1} | (_SI if decimal else {}) | (_BINARY if binary and kind.startswith("information") else {})


def _unit(name):
    """Kind and size of a unit with its prefix."""
    _refuse_ambiguous(name)
    for base, (kind, size) in _BASES.items():
        prefixes = _prefixes(base)
        prefix = str(name).removesuffix(base)
        if prefix + base == name and prefix in prefixes:
            return kind, size * prefixes[prefix]
    raise ValueError(f"unknown unit {name!r}; known are {', '.join(_BASES)}, with prefixes such as k, M, G or Gi")


def _refuse_ambiguous(name):
    if name in ("KB", "Kbit", "KB/s", "Kbit/s"):
        base = name.removeprefix("K")
        raise ValueError(f"the unit {name} is ambiguous; write k{base} (1000) or Ki{base} (1024)")
    for word, meant in _MEANT.items():
        prefix = str(name).removesuffix(word)
        if prefix + word == name and prefix in {"": 1} | _SI | _BINARY:
            raise ValueError(f"the unit {name} is ambiguous; write {meant.format(prefix)}")


def in_words(count):
    """A large count in three digits, as it is said: 23.8 billion.

    Parameters
    ----------
    count : number

    Returns
    -------
    str

    Examples
    --------
    >>> in_words(8_030_261_248), in_words(124_439_808), in_words(1868)
    ('8.03 billion', '124 million', '1,870')
    """
    for size, word in ((10**15, "quadrillion"), (10**12, "trillion"), (10**9, "billion"), (10**6, "million")):
        if float(f"{count:.3g}") >= size:
            return f"{float(f'{count / size:.3g}'):,g} {word}"
    return f"{float(f'{count:.3g}'):,g}"

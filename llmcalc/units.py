"""Units that cannot be mixed up: bytes and bits, GB and GiB, FLOP and FLOP/s, GPU-hours and PFLOP-days.

A FLOP is one floating-point operation, a count. A FLOP/s is a rate. "FLOPS" can mean either, so it is not a unit
here; neither is "KB", which people use for 1000 and for 1024 bytes.
"""

from fractions import Fraction
from math import floor, log10

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
_UNPREFIXED = {"min", "h", "day"}  # nobody writes "kh"
_MEANT = {
    "KB": "kB (1000 bytes) or KiB (1024 bytes)",
    "FLOPS": "FLOP (a count) or FLOP/s (a rate)",
    "FLOPs": "FLOP (a count) or FLOP/s (a rate)",
    "b": "bit or B (a byte)",
    "Gb": "Gbit or GB",
    "Mb": "Mbit or MB",
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
        How many of `to`; exact, and a whole number where it comes out whole.

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
    if isinstance(value, int):
        exact = Fraction(value * size, target_size)
        return exact.numerator if exact.denominator == 1 else float(exact)
    return value * size / target_size


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
    if unit not in _BASES:
        if unit in _MEANT:
            _unit(unit)  # says what is ambiguous about it
        return f"{_rounded(value, digits)} {unit}"
    if binary and _BASES[unit][0] not in ("information", "information per second"):
        raise ValueError(f"readable: binary prefixes are for bytes and bits, not for {unit}")
    if unit == "s" and value < 1:
        return _small_time(value, digits)
    prefixes = {} if unit in _UNPREFIXED or unit.startswith("GPU") else _BINARY if binary else _SI
    prefix, size = "", 1
    for candidate, candidate_size in prefixes.items():
        # Round first: 999,999 bytes in three digits are 1 MB, not 1000 kB.
        if float(_rounded(value / size, digits).replace(",", "")) >= candidate_size / size:
            prefix, size = candidate, candidate_size
    return f"{_rounded(value / size if size > 1 else value, digits)} {prefix}{unit}"


def _small_time(seconds, digits):
    prefix, size = next(
        ((prefix, size) for prefix, size in (("m", 10**3), ("µ", 10**6)) if seconds * size >= 1), ("n", 10**9)
    )
    return f"{_rounded(seconds * size, digits)} {prefix}s"


def _rounded(value, digits):
    """Decimal text with `digits` significant digits; whole numbers keep all digits before the point."""
    value = float(value)
    if value == 0:
        return "0"
    decimals = max(digits - 1 - floor(log10(value)), 0)
    if round(value, decimals) >= 10 ** (floor(log10(value)) + 1):  # 9.999 has become 10.00
        decimals = max(decimals - 1, 0)
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _unit(name):
    """Kind and size of a unit with its prefix."""
    if name in _MEANT:
        raise ValueError(f"the unit {name} is ambiguous; write {_MEANT[name]}")
    if name in _BASES:
        return _BASES[name]
    if isinstance(name, str):
        for prefix, factor in (_BINARY | _SI | {"m": Fraction(1, 1000), "µ": Fraction(1, 10**6)}).items():
            base = name.removeprefix(prefix)
            if base == name or base not in _BASES or base in _UNPREFIXED or base.startswith("GPU"):
                continue
            kind, size = _BASES[base]
            if (prefix in _BINARY and not kind.startswith("information")) or (prefix in "mµ" and base != "s"):
                continue
            return kind, size * factor
    raise ValueError(f"unknown unit {name!r}; known are {', '.join(_BASES)}, with prefixes such as k, M, G or Gi")

"""What went wrong where a claim slips or only approximates: its kind, the tool that shows it, and where it came from.

A slip that is carried over has the kind of its origin. Rounding is no slip: `rounds_to` tells one from the other.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import isfinite, log

from llmcalc.formula import one_number
from llmcalc.memory import stored_bytes, training_state_bytes
from llmcalc.units import DAY, GB, GIB, HOUR, KB, KIB, MB, MINUTE

KINDS = {
    "units": "two units are mixed, or one is lost",
    "arithmetic": "the right numbers, and the sum or the product does not come out",
    "counted twice": "a term is in the sum already",
    "left out": "a factor or a term is missing",
    "wrong object": "true of something else",
    "out of range": "a rule where it does not hold, or not exactly",
    "rounded": "a rounded number is used on as if it were exact",
}

TOOLS = {
    "dimensions": "keep the units in the sum",
    "order of magnitude": "put the answer back, next to something known",
    "second derivation": "count it again in another way",
    "limiting case": "put in nothing, one, or very much",
    "measurement": "look at one that exists",
}


@dataclass(frozen=True)
class Slip:
    """What went wrong, which tool shows it with the least knowledge, and the claim it is carried over from, if any."""

    kind: str
    tool: str
    origin: str | None = None


_FFN, _LAYER = "deepdive-ffn", "deepdive-gpt3-layer"

# fmt: off
SLIPS = {
    "mlp-total-weight-bytes": Slip("left out", "second derivation"),
    "mlp-activation-sets": Slip("left out", "second derivation", "mlp-total-weight-bytes"),
    "mlp-kb-to-mb": Slip("units", "dimensions"),
    "mlp-batch-quotient": Slip("units", "dimensions"),
    "mlp-max-batch": Slip("units", "order of magnitude", "mlp-batch-quotient"),
    "mlp-training-memory-model": Slip("left out", "second derivation"),
    "mlp-flops-per-sample": Slip("out of range", "limiting case"),
    "mlp-throughput": Slip("units", "order of magnitude"),
    "slides-cost": Slip("left out", "limiting case"),
    "slides-forward": Slip("left out", "limiting case"),
    "slides-backward": Slip("left out", "limiting case"),
    "slides-flop-seconds": Slip("units", "dimensions"),
    "slides-chinchilla": Slip("rounded", "second derivation"),
    "slides-components": Slip("left out", "measurement"),
    "slides-adam8bit": Slip("left out", "measurement"),
    "slides-gradients": Slip("out of range", "measurement"),
    "slides-bottleneck": Slip("out of range", "limiting case"),
    "slides-with-activations": Slip("wrong object", "limiting case"),
    "deepdive-ffn": Slip("arithmetic", "second derivation"),
    "deepdive-layer": Slip("arithmetic", "second derivation", _FFN),
    "deepdive-12-layers": Slip("arithmetic", "second derivation", _FFN),
    "deepdive-total": Slip("arithmetic", "second derivation", _FFN),
    "deepdive-fp32-bytes": Slip("arithmetic", "second derivation", _FFN),
    "deepdive-fp16-bytes": Slip("arithmetic", "second derivation", _FFN),
    "deepdive-output": Slip("left out", "second derivation"),
    "deepdive-total-formula": Slip("left out", "second derivation"),
    "deepdive-working-memory": Slip("wrong object", "second derivation"),
    "deepdive-inference-working": Slip("rounded", "second derivation"),
    "deepdive-training-factor": Slip("left out", "measurement"),
    "deepdive-training-memory": Slip("rounded", "second derivation"),
    "deepdive-qkv-activations": Slip("left out", "measurement"),
    "deepdive-attention-matrix": Slip("left out", "measurement"),
    "deepdive-linear-2-activations": Slip("left out", "measurement"),
    "deepdive-activation-coefficient": Slip("arithmetic", "second derivation"),
    "deepdive-activation-formula": Slip("arithmetic", "measurement", "deepdive-activation-coefficient"),
    "deepdive-peak": Slip("left out", "measurement"),
    "deepdive-peak-sum": Slip("counted twice", "measurement"),
    "deepdive-peak-when": Slip("wrong object", "measurement"),
    "deepdive-kaplan-exponent": Slip("rounded", "second derivation"),
    "deepdive-10-percent": Slip("rounded", "second derivation"),
    "deepdive-10-percent-formula": Slip("wrong object", "limiting case"),
    "deepdive-gpt3-coefficients": Slip("wrong object", "second derivation"),
    "deepdive-gpt3-layer": Slip("arithmetic", "second derivation"),
    "deepdive-gpt3-96": Slip("arithmetic", "second derivation", _LAYER),
    "deepdive-gpt3-rest": Slip("arithmetic", "order of magnitude", _LAYER),
    "deepdive-mixed-precision": Slip("left out", "second derivation"),
    "deepdive-pruning": Slip("out of range", "measurement"),
    "framework-7b-parameters": Slip("rounded", "measurement"),
    "framework-inference": Slip("left out", "limiting case"),
    "framework-conservative-factor": Slip("left out", "measurement"),
    "framework-lora": Slip("left out", "second derivation"),
    "framework-lora-smaller-model": Slip("wrong object", "second derivation"),
    "framework-13b-inference": Slip("left out", "limiting case"),
    "framework-13b-total": Slip("counted twice", "second derivation"),
    "framework-13b-margin": Slip("counted twice", "second derivation", "framework-13b-total"),
}
# fmt: on
"""Every claim whose verdict is "slips" or "approximates", by its id."""


def slip_of(claim):
    """The `Slip` of a claim that slips or approximates; None for one that holds or follows a convention."""
    return SLIPS.get(claim.id)


def exact_ratios(claim):
    """Written over computed as fractions, one for each number of a claim; none where it has no number."""
    if claim.computed is None:
        return []
    written, computed = (value if isinstance(value, list) else [value] for value in (claim.claimed, claim.computed))
    return [Fraction(a) / Fraction(b) for a, b in zip(written, computed, strict=True)]


def ratios(claim):
    """The same, to calculate with and to draw."""
    return [float(ratio) for ratio in exact_ratios(claim)]


def printed_step(written):
    """What one more in the last printed digit would add; zeros at the end of a whole number count as rounded.

    Parameters
    ----------
    written : number
        As it is printed, but for thousands separators; of either sign.

    Examples
    --------
    >>> [str(printed_step(number)) for number in (16.67, 437e9, 123_383_808)]
    ['1/100', '1000000000', '1']
    """
    return _step(_digits(written, "printed_step"))


def _digits(written, of):
    """A printed number as the fraction that its digits say."""
    written = _signed(written, "written", of)
    if isinstance(written, Fraction) and (10**999 % written.denominator or written.denominator > 10**999):
        raise ValueError(f"{of}: written must be a number that can be printed, got {written}")
    return written if isinstance(written, Fraction) else Fraction(repr(written))


def _signed(value, name, of):
    """A finite number of either sign, as Python's own; one of NumPy's with the digits that it prints."""
    kind = getattr(getattr(value, "dtype", None), "kind", "") if not getattr(value, "ndim", 0) else ""
    number = int(value) if kind in ("i", "u") else float(str(value)) if kind == "f" else value
    if isinstance(number, bool) or not isinstance(number, (int, float, Fraction)):
        raise TypeError(f"{of}: {name} must be one number, got {value!r}")
    if isinstance(number, float) and not isfinite(number):
        raise ValueError(f"{of}: {name} must be a finite number, got {number}")
    return number


def _step(digits):
    step = Fraction(1)
    while digits % step:
        step /= 10
    while digits and digits % (10 * step) == 0:
        step *= 10
    return step


def rounds_to(written, computed):
    """Whether a printed number may be what comes out, rounded to the digits that are printed.

    Parameters
    ----------
    written : number
        As it is printed.
    computed : number
        What comes out.

    Examples
    --------
    >>> rounds_to(494e6, 493_670_400), rounds_to(493_535_232, 493_670_400)
    (True, False)
    """
    digits, computed = _digits(written, "rounds_to"), _signed(computed, "computed", "rounds_to")
    return abs(digits - Fraction(computed)) <= _step(digits) / 2


SUSPECTS = {
    "kB and KiB": Fraction(KIB, KB),
    "GB and GiB": Fraction(GIB, GB),
    "6PD and 8PD, with recomputation": Fraction(8, 6),
    "dense and sparse peak": Fraction(2),
    "key, and key with value": Fraction(2),
    "multiplications, and FLOP": Fraction(2),
    "forward pass and training step": Fraction(3),
    "weights, and all of AdamW in fp32": Fraction(training_state_bytes(1), stored_bytes(1)),
    "bits and bytes": Fraction(8),
    "a slipped decimal point": Fraction(10),
    "hours and days": Fraction(DAY, HOUR),
    "seconds and minutes": Fraction(MINUTE),
    "GB and MB, or any prefix": Fraction(GB, MB),
    "seconds and hours": Fraction(HOUR),
}
"""Factors that estimates are often off by, and which two things were taken for each other then."""


def suspects(ratio, within=0.01):
    """Known factors, or their inverses, that a ratio of two estimates comes near to: names from `SUSPECTS`.

    Parameters
    ----------
    ratio : number
        One estimate over the other.
    within : number, default 0.01
        How far off it may be, as a share: at most 1.

    Examples
    --------
    >>> suspects(0.001024, within=0.03)
    ['GB and MB, or any prefix']
    """
    one_number(ratio, "ratio", of="suspects", may_be_zero=False)
    if one_number(within, "within", of="suspects", may_be_zero=True) > 1:
        raise ValueError(f"suspects: within must be at most 1, got {within}")
    size = abs(log(ratio))
    near = {name: log(factor) for name, factor in SUSPECTS.items() if abs(size - log(factor)) <= log(1 + within)}
    return [name for name, factor in near.items() if 2 * size > factor]  # nearer to the factor than to no factor

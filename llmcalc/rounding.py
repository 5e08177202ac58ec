"""What becomes of a value in a number format: rounded, or quantized in blocks that share a scale."""

from dataclasses import dataclass
from itertools import pairwise
from numbers import Real
from statistics import NormalDist

from llmcalc.formats import FORMATS, number_format
from llmcalc.formula import one_of, shown
from llmcalc.memory import quantized_bytes

SCALES = {"fp32": 32, "fp16": 16, "fp8_e4m3": 8, "power of two": 8}
"""How the scale of a block can be stored, and its bits; a power of two is its exponent alone."""
TENSOR_SCALE_BYTES = {"fp8_e4m3": 4}
"""Where the scales of a tensor share one more, in fp32."""


def _nf4_levels():
    """Quantiles of a normal distribution, eight above zero and seven below, the outermost scaled to 1 and -1."""
    offset = (31 / 32 + 29 / 30) / 2
    above = [NormalDist().inv_cdf(offset + (0.5 - offset) * step / 8) for step in range(8)]
    below = [-NormalDist().inv_cdf(offset + (0.5 - offset) * step / 7) for step in range(7)]
    return sorted(level / above[0] for level in [*above, 0.0, *below])


NF4_LEVELS = tuple(_nf4_levels())
"""The sixteen values of nf4. Source: Dettmers et al. 2023, "QLoRA", section 3 and appendix E."""


def _numbers(values, name, of):
    """`values` as an array of float64; what is no number, or not in even rows, is refused."""
    import numpy as np

    try:
        array = np.asarray(values)
    except ValueError:  # rows of different length
        array = np.array(None)
    known = array.dtype.kind in "iuf" and not isinstance(values, np.ma.MaskedArray)
    exact = array.dtype.kind == "O" and all(
        isinstance(each, Real) and not isinstance(each, bool) for each in array.flat
    )
    if not (known or exact):
        raise TypeError(f"{of}: {name} must be a number or an array of numbers, got {shown(values)}")
    try:
        return array.astype(float, copy=False)
    except OverflowError:
        raise ValueError(f"{of}: {name} must be within the range of a float, got {shown(values)}") from None


def representable(format):
    """All finite values of a format of at most 16 bits, in order, each once (the two zeros are one value).

    Parameters
    ----------
    format : str
        A name of `llmcalc.formats`.

    Returns
    -------
    numpy.ndarray
        Of nf4 the levels from -1 to 1, of mxfp4 the values without their block's scale.

    Raises
    ------
    KeyError, ValueError
        For an unknown format, and for one with too many values to list.

    Examples
    --------
    >>> [float(value) for value in representable("mxfp4") if value >= 0]
    [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]
    """
    import numpy as np

    form = number_format(format)
    if form.bits > 16:
        raise ValueError(f"representable: format must have at most 16 bits to list its values, got {format!r}")
    if form.name == "nf4":
        return np.array(NF4_LEVELS)
    if not form.exponent_bits:
        half = 2 ** (form.bits - 1)
        return np.arange(-half, half, dtype=float)
    codes = np.arange(2 ** (form.bits - 1))
    exponents, mantissas = np.divmod(codes, 2**form.mantissa_bits)
    whole = (exponents > 0) * 2**form.mantissa_bits + mantissas  # the leading 1 is there unless the exponent is 0
    above = form.smallest * whole * 2.0 ** np.maximum(exponents - 1, 0)
    above = above[above <= form.largest]
    return np.concatenate([-above[:0:-1], above])


def rounded(values, format):
    """Values as a format stores them: each the nearest there is, of two equally near ones the even one; nf4: the lower.

    What is larger than the largest value becomes infinite where the format has an infinity (fp32, fp16, bf16,
    fp8_e5m2), else the largest value, as processors convert it. Whole-number formats and nf4, whose values reach from
    -1 to 1, end at their ends; scale first.

    Parameters
    ----------
    values : number or array
        Any real numbers; infinity is larger than the largest value, and NaN stays NaN.
    format : str
        A name of `llmcalc.formats`.

    Returns
    -------
    numpy.ndarray of float64
        The rounded values, in the shape of `values`.

    Examples
    --------
    bf16 has 8 significant bits, so that from 256 on it counts in twos:

    >>> [float(value) for value in rounded([255, 257, 259, 1e39], "bf16")]
    [255.0, 256.0, 260.0, inf]
    """
    import numpy as np

    form, values = number_format(format), _numbers(values, "values", "rounded")
    if form.name == "fp64":
        return values.copy()
    if form.name == "nf4":
        between = [(low + high) / 2 for low, high in pairwise(NF4_LEVELS)]
        return np.where(np.isnan(values), np.nan, np.array(NF4_LEVELS)[np.searchsorted(between, values)])
    if not form.exponent_bits:
        half = 2 ** (form.bits - 1)
        return np.clip(np.round(values), -half, half - 1)
    step = _spacing(values, form)
    near = np.round(values / step) * step
    has_infinity = form.special_codes is None
    return np.where(np.abs(near) > form.largest, np.copysign(np.inf if has_infinity else form.largest, values), near)


def spacing(values, format):
    """The distance between neighbours in a floating-point format, where each of the values lies.

    From a value that the format has, it is the distance to the next one away from zero. Beyond the largest value it
    is what it would be if the format went on.

    Parameters
    ----------
    values : number or array
        Any real numbers; infinity and NaN have no neighbours, and their distance is NaN.
    format : str
        A name of `llmcalc.formats`, of a floating-point format.

    Returns
    -------
    numpy.ndarray of float64
        The distances, in the shape of `values`.

    Raises
    ------
    KeyError, TypeError, ValueError
        For an unknown format, for values that are no numbers, and for a format without an exponent.

    Examples
    --------
    >>> [float(gap) for gap in spacing([0.25, 1, 1.9, 300], "bf16")]
    [0.001953125, 0.0078125, 0.0078125, 2.0]
    """
    import numpy as np

    form = number_format(format)
    if not form.exponent_bits:
        raise ValueError(f"spacing: format must be a floating-point format, got {format!r}")
    values = _numbers(values, "values", "spacing")
    return np.where(np.isfinite(values), _spacing(values, form), np.nan)


def _spacing(values, form):
    import numpy as np

    lowest = round(np.log2(form.smallest_normal))
    exponent = np.where(values == 0, lowest, np.frexp(values)[1] - 1)  # of the leading bit
    return 2.0 ** (np.maximum(exponent, lowest) - form.mantissa_bits)


def relative_error(values, back):
    """Root mean square of what `back` differs from `values`, over that of the values themselves.

    Parameters
    ----------
    values, back : array
        What was stored and what came back, of the same shape and finite; one of the `values` at least is not zero.

    Returns
    -------
    float
        0 where nothing was lost, 1 where everything is.

    Examples
    --------
    >>> relative_error([3.0, 4.0], [3.0, 3.5])
    0.1
    """
    import numpy as np

    of = "relative_error"
    values, back = _numbers(values, "values", of), _numbers(back, "back", of)
    for name, array in (("values", values), ("back", back)):
        if not np.isfinite(array).all():
            raise ValueError(f"{of}: {name} must be finite, got an array with {array[~np.isfinite(array)][0]}")
    if values.shape != back.shape:
        raise ValueError(f"{of}: back must have the shape of values, {values.shape}, got {back.shape}")
    if not values.any():
        raise ValueError(f"{of}: values must hold a number that is not zero, got {shown(values)}")
    with np.errstate(all="ignore"):  # squares that leave the range of a float are refused below, in words
        error = float(np.sqrt(((back - values) ** 2).sum() / (values**2).sum()))
    if not np.isfinite(error):
        raise ValueError(f"{of}: no finite number comes out of values as large or as small as these")
    return error


@dataclass(frozen=True)
class Quantized:
    """An array in few bits: `values` as they come back, the `scales` of its blocks, and the `bytes` of both."""

    values: object
    scales: object
    bytes: int


def quantized(values, format, block="tensor", scale="fp32"):
    """Quantize an array: each block is divided by a scale that its largest value sets, and rounded.

    Parameters
    ----------
    values : array
        The values, finite; blocks run along the last axis.
    format : str
        A name of `llmcalc.formats` of at most 8 bits. Whole numbers are used symmetrically, int8 from -127 to 127.
    block : int, "row" or "tensor"
        Values that share a scale: so many neighbours in a row (a last block may be shorter), a row, or all.
    scale : str
        How scales are stored: "fp32", "fp16", "fp8_e4m3" (with one fp32 scale of the whole tensor), or
        "power of two", rounded down so that the largest value may be clipped, as Microscaling Formats do, from 2**-127
        to 2**127. A scale too small for its format is stored as 0, and so are its values.

    Returns
    -------
    Quantized
        `.values` in the shape of `values`, `.scales`, `.bytes`.

    Raises
    ------
    KeyError, TypeError, ValueError
        For an unknown or wider format, for a block that is no whole number above zero, for what are no finite
        numbers, and for values so large that their scale is too large for its format.

    Examples
    --------
    >>> quantized([0.1, -2.54, 1.0], "int8").values.round(2).tolist()
    [0.1, -2.54, 1.0]
    >>> quantized([[0.5] * 64] * 2, "mxfp4", block=32, scale="power of two").bytes
    68
    """
    import numpy as np

    form, values = number_format(format), _numbers(values, "values", "quantized")
    one_of("quantized", "scale", scale, tuple(SCALES))
    if form.bits > 8:
        known = ", ".join(name for name, row in FORMATS.items() if row.bits <= 8)
        raise ValueError(f"quantized: format must be one of {known}, got {format!r}")
    if not values.size or not np.isfinite(values).all():
        raise ValueError(f"quantized: values must be finite numbers, at least one, got {values}")
    named = block if isinstance(block, str) else ""
    rows = values.reshape(1, -1) if named == "tensor" or not values.ndim else values.reshape(-1, values.shape[-1])
    length = rows.shape[-1] if named in ("row", "tensor") else block
    if isinstance(length, bool) or not isinstance(length, (int, np.integer)) or length < 1:
        raise ValueError(f"quantized: block must be a whole number above zero, 'row' or 'tensor', got {shown(block)}")
    length = min(int(length), rows.shape[-1])
    padded = np.pad(rows, ((0, 0), (0, -rows.shape[-1] % length)))
    blocks = padded.reshape(len(rows), -1, length)
    top = 1 if form.name == "nf4" else form.largest or 2 ** (form.bits - 1) - 1
    largest = np.abs(blocks).max(axis=-1, keepdims=True)
    scales = _scales(largest, top, scale)
    if not np.isfinite(scales).all():
        raise ValueError(f"quantized: no finite scale as {scale} for a block whose largest value is {largest.max()}")
    inside = np.clip(np.divide(blocks, scales, out=np.zeros_like(blocks), where=scales > 0), -top, top)
    back = rounded(inside, form.name) * scales
    back = back.reshape(padded.shape)[:, : rows.shape[-1]].reshape(values.shape)
    stored = len(rows) * quantized_bytes(rows.shape[-1], form.bits, length, SCALES[scale])
    return Quantized(back, scales[..., 0], stored + TENSOR_SCALE_BYTES.get(scale, 0))


def _scales(largest, top, scale):
    """A scale for each block from its largest magnitude, as it is stored."""
    import numpy as np

    if scale == "power of two":  # OCP Microscaling Formats v1.0, section 6.3
        exponent = np.where(largest > 0, np.frexp(largest)[1] - 1 - np.floor(np.log2(top)), -127)
        return np.where(exponent > 127, np.inf, 2.0 ** np.maximum(exponent, -127))
    if scale == "fp8_e4m3":
        whole = rounded(largest.max() / top / number_format(scale).largest, "fp32")
        if not 0 < whole < np.inf:
            return largest * 0 + whole
        return rounded(largest / top / whole, scale) * whole
    return rounded(largest / top, scale)

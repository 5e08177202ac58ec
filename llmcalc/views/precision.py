"""What the bits of a floating-point format buy: digits and range, and where its numbers lie."""

from math import log2

from llmcalc.display import described, table
from llmcalc.formats import number_format
from llmcalc.rounding import representable, spacing
from llmcalc.svg import line_chart, number_line, ranges, stacked_bars


def bit_layout(*names):
    """Sign, exponent and mantissa of floating-point formats, as bars of bits."""
    names = names or ("fp32", "tf32", "bf16", "fp16", "fp8_e5m2", "fp8_e4m3", "mxfp4")
    bars = {}
    for name in names:
        form = _floating("bit_layout", name)
        counts = (1, form.exponent_bits, form.mantissa_bits)
        unused = form.bits - sum(counts)
        bars[name] = dict(zip(_PARTS, (*counts, unused) if unused else counts, strict=False))
    rows = [(name, *(parts.get(part, 0) for part in _PARTS), sum(parts.values())) for name, parts in bars.items()]
    says = "Bits of number formats: " + "; ".join(
        f"{name} has {parts['exponent bits']} bits of exponent and {parts['mantissa bits']} of mantissa"
        for name, parts in bars.items()
    )
    picture = stacked_bars(bars, unit="bit", says=f"{says}.")
    return described(picture, f"{says}.", table(rows, ("format", *_PARTS, "bits stored")))


_PARTS = ("sign bit", "exponent bits", "mantissa bits", "unused bits")


def value_lines(low=0, high=8, formats=("int4", "mxfp4", "fp8_e5m2", "fp8_e4m3")):
    """Every value of small number formats between two ends, as ticks on a line."""
    if not low < high:
        raise ValueError(f"value_lines: high must be larger than low = {low}, got {high}")
    inside = {}
    for name in _several("value_lines", formats):
        every = representable(name)
        inside[name] = [float(value) for value in every if low <= value <= high]
        if not inside[name]:
            raise ValueError(f"value_lines: formats must have values from {low} to {high}, {name} has none")
    says = f"Values from {low:,} to {high:,}: " + ", ".join(f"{len(all)} of {name}" for name, all in inside.items())
    rows = [
        (name, 2 ** number_format(name).bits, len(values), _first_above(low, values), _gap(values))
        for name, values in inside.items()
    ]
    picture = number_line(inside, x_label="value", says=f"{says}.")
    header = ("format", "bit patterns", "values shown", "first one above the low end", "gap before the last one")
    return described(picture, f"{says}.", table(rows, header))


def digits_by_magnitude(*names):
    """The largest relative rounding error against the size of a number, for floating-point formats."""
    names = names or ("fp32", "fp16", "bf16", "fp8_e4m3")
    xs, errors, rows = {}, {}, []
    for name in dict.fromkeys(names):
        form = _floating("digits_by_magnitude", name)
        powers = range(max(round(log2(form.smallest)), -34), min(int(log2(form.largest)), 34) + 1)
        xs[name] = [2.0**power for power in powers]
        errors[name] = [float(gap) / 2 / x for gap, x in zip(spacing(xs[name], name), xs[name], strict=True)]
        limits = (form.smallest, form.smallest_normal, form.largest, form.epsilon)
        rows.append((name, *map(_digits, limits), f"{form.epsilon / 2:.3g}"))
    says = "The largest relative rounding error against the size of a number: " + "; ".join(
        f"{row[0]} {row[5]} from {row[2]} to {row[3]}" for row in rows
    )
    picture = line_chart(
        xs,
        errors,
        x_label="size of the number",
        y_label="largest error of rounding, over the number",
        says=f"{says}.",
        x_log=True,
        y_log=True,
    )
    header = ("format", "smallest", "smallest normal", "largest", "step at 1", "largest error of rounding")
    return described(picture, f"{says}.", table(rows, header))


def powers_of_two(samples=None, formats=("fp32", "bf16", "fp16", "fp8_e5m2", "fp8_e4m3")):
    """What floating-point formats reach, in powers of two, beside the middle 98% of positive numbers."""
    rows = {}
    for name in _several("powers_of_two", formats):
        form = _floating("powers_of_two", name)
        rows[name] = tuple(map(log2, (form.smallest, form.smallest_normal, form.largest)))
    for label, values in (samples or {}).items():
        ordered = sorted(float(value) for value in values if value > 0)
        if not ordered:
            raise ValueError(f"powers_of_two: samples of {label!r} must have numbers above zero")
        rows[label] = tuple(log2(ordered[round(share * (len(ordered) - 1))]) for share in (0.01, 0.5, 0.99))
    reach = "; ".join(f"{name} from 2^{low:.3g} to 2^{high:.3g}" for name, (low, _, high) in rows.items())
    says = f"From the smallest to the largest number, as powers of two: {reach}."
    picture = ranges(
        rows, x_label="power of two; marks: smallest normal number of a format, median of a sample", says=says
    )
    cells = [(name, *(f"2^{round(power, 1):g}" for power in powers)) for name, powers in rows.items()]
    header = ("what", "smallest, or 1%", "smallest normal, or median", "largest, or 99%")
    return described(picture, says, table(cells, header))


def _floating(view, name):
    form = number_format(name)
    if not form.exponent_bits:
        raise ValueError(f"{view}: formats must be floating-point formats, got {name!r}")
    return form


def _several(view, formats):
    if isinstance(formats, str) or not formats:
        raise ValueError(f"{view}: formats must be several names of formats, one at least, got {formats!r}")
    return formats


def _first_above(low, values):
    return next((_digits(value) for value in values if value > low), "")


def _gap(values):
    return _digits(values[-1] - values[-2]) if len(values) > 1 else ""


def _digits(value):
    return f"{value:,.0f}" if value == int(value) and value < 1e6 else f"{value:.3g}"

"""What the bits of number formats buy: range, digits, and small errors at a small size."""

from functools import cache
from math import log2

from llmcalc.display import described, table
from llmcalc.formats import number_format
from llmcalc.formula import amount, one_of
from llmcalc.linears import linear_layers
from llmcalc.memory import quantized_bytes, stored_bytes
from llmcalc.models import model as published
from llmcalc.rounding import NF4_LEVELS, SCALES, quantized, relative_error, representable, spacing
from llmcalc.svg import line_chart, number_line, ranges, stacked_bars
from llmcalc.units import GB, readable

WEIGHTS = ("normal", "outlier columns", "outlier rows")
"""What the sample weights look like; outliers are 20 times as large as the others."""

_BLOCKS = (16, 32, 64, 128, 256, 512, 1024)


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
    for name in formats:
        every = representable(name)
        inside[name] = [float(value) for value in every if low <= value <= high]
        if not inside[name]:
            raise ValueError(f"value_lines: formats must have values from {low} to {high}, {name} has none")
    says = f"Values from {low:,} to {high:,}: " + ", ".join(f"{len(all)} of {name}" for name, all in inside.items())
    rows = [
        (name, 2 ** number_format(name).bits, len(values), _digits(min(v for v in values if v > low)), _gap(values))
        for name, values in inside.items()
    ]
    picture = number_line(inside, x_label="value", says=f"{says}.")
    header = ("format", "bit patterns", "values shown", "first one above the low end", "gap before the last one")
    return described(picture, f"{says}.", table(rows, header))


def four_bit_levels():
    """The values of three formats of four bits, each scaled so that its largest is 1."""
    levels = {
        "int4": [step / 7 for step in range(-7, 8)],
        "fp4": [float(value) / number_format("mxfp4").largest for value in representable("mxfp4")],
        "nf4": list(NF4_LEVELS),
    }
    middle = {name: sum(abs(value) <= 0.5 for value in values) for name, values in levels.items()}
    says = "The values of three 4-bit formats, the largest scaled to 1. Between -0.5 and 0.5 lie " + ", ".join(
        f"{number} of the {len(levels[name])} values of {name}" for name, number in middle.items()
    )
    rows = [(name, len(values), middle[name], _gap(values)) for name, values in levels.items()]
    picture = number_line(levels, x_label="value over the largest of its block", says=f"{says}.")
    header = ("format", "values", "from -0.5 to 0.5", "gap before the last one")
    return described(picture, f"{says}.", table(rows, header))


def digits_by_magnitude(*names):
    """The largest relative rounding error against the size of a number, for floating-point formats."""
    names = names or ("fp32", "fp16", "bf16", "fp8_e4m3")
    xs, errors, rows = {}, {}, []
    for name in names:
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
    for name in formats:
        form = _floating("powers_of_two", name)
        rows[name] = tuple(map(log2, (form.smallest, form.smallest_normal, form.largest)))
    for label, values in (samples or {}).items():
        ordered = sorted(float(value) for value in values if value > 0)
        if not ordered:
            raise ValueError(f"powers_of_two: samples of {label!r} must have numbers above zero")
        rows[label] = tuple(log2(ordered[round(share * (len(ordered) - 1))]) for share in (0.01, 0.5, 0.99))
    reach = "; ".join(f"{name} from 2^{low:.0f} to 2^{high:.0f}" for name, (low, _, high) in rows.items())
    says = f"From the smallest to the largest number, as powers of two: {reach}."
    picture = ranges(rows, x_label="power of two; the mark is the smallest normal number, or the median", says=says)
    cells = [(name, *(f"2^{power:.1f}" for power in powers)) for name, powers in rows.items()]
    header = ("what", "smallest, or 1%", "smallest normal, or median", "largest, or 99%")
    return described(picture, says, table(cells, header))


def low_bit_weights(
    model="llama-2-7b", format="int4", block=64, scale="fp16", weights="normal", memory_GB=8
):
    """Bytes of a model with its linear layers in few bits, and the error that costs on sample weights, as HTML."""
    one_of("low_bit_weights", "weights", weights, WEIGHTS)
    one_of("low_bit_weights", "scale", scale, tuple(SCALES))
    amount(memory_GB, "memory_GB", of="low_bit_weights", may_be_zero=False)
    back, bits = _tried(format, block, scale, weights)
    parts, plain = _bytes_of(model, format, block, scale)
    total, limit = sum(parts.values()), memory_GB * GB
    parameters = published(model).parameters.total
    says = (
        f"{model} with its linear layers in {format}, a {_called(scale)} for each {block} values, takes "
        f"{readable(total, 'B')} or {8 * total / parameters:.2f} bits per parameter, and "
        f"{'fits' if total <= limit else 'does not fit'} into {readable(limit, 'B')}. In bf16 it takes "
        f"{readable(plain, 'B')}. On {_NAMED[weights]} the relative error is {back:.2%}."
    )
    picture = stacked_bars(
        {f"{model} in {format}, blocks of {block}": parts, "in bf16": {"kept in bf16": plain}},
        unit="B",
        limit=(f"limit {readable(limit, 'B')}", limit),
        says=says,
    )
    curve = [_tried(format, size, scale, weights) for size in _BLOCKS]
    trade = line_chart(
        [bits for _, bits in curve],
        {format: [100 * error for error, _ in curve]},
        x_label="bits per value, scales included",
        y_label="relative error in %",
        says=f"The relative error of {format} on {_NAMED[weights]} falls as blocks get smaller and cost more bits.",
        points={f"blocks of {block}": (bits, 100 * back)},
    )
    rows = [(name, f"{size:,}", readable(size, "B")) for name, size in parts.items()]
    rows += [("together", f"{total:,}", readable(total, "B")), ("all in bf16", f"{plain:,}", readable(plain, "B"))]
    return described(picture + trade, says, table(rows, ("part", "bytes", "about")))


_NAMED = {name: f"{name} weights" if name == "normal" else f"weights with {name}" for name in WEIGHTS}


def _called(scale):
    return "scale that is a power of two" if scale == "power of two" else f"scale in {scale}"


def _bytes_of(name, format, block, scale):
    """Bytes of the values, of their scales and of what stays in bf16; and of the whole model in bf16."""
    built, form = published(name), number_format(format)
    layers = [layer for layer in linear_layers(built, stacked=True) if layer.part != "lm_head"]
    inside = sum(layer.weights for layer in layers)
    values = sum(layer.count * layer.outputs * quantized_bytes(layer.inputs, form.bits, block, 0) for layer in layers)
    both = sum(
        layer.count * layer.outputs * quantized_bytes(layer.inputs, form.bits, block, SCALES[scale])
        for layer in layers
    )  # fmt: skip
    tensors = sum(layer.count for layer in layers) * (4 if scale == "fp8_e4m3" else 0)
    kept, two = built.parameters.total - inside, number_format("bf16").bytes_per_value
    parts = {"weights": values, "scales": both - values + tensors, "kept in bf16": stored_bytes(kept, two)}
    return parts, stored_bytes(built.parameters.total, two)


@cache
def _sample(kind):
    """Seeded weights, 32 rows of 1,024, and which of them are ordinary."""
    import numpy as np

    weights = np.random.default_rng(0).normal(size=(32, 1024))
    ordinary = np.ones(weights.shape, bool)
    if kind == "outlier columns":
        ordinary[:, 100::250] = False
    if kind == "outlier rows":
        ordinary[5::20] = False
    return np.where(ordinary, weights, 20 * weights), ordinary


@cache
def _tried(format, block, scale, kind):
    """The relative error of the ordinary ones among the sample weights, and bits per value."""
    weights, ordinary = _sample(kind)
    found = quantized(weights, format, block, scale)
    return relative_error(weights[ordinary], found.values[ordinary]), 8 * found.bytes / weights.size


def _floating(view, name):
    form = number_format(name)
    if not form.exponent_bits:
        raise ValueError(f"{view}: formats must be floating-point formats, got {name!r}")
    return form


def _gap(values):
    return _digits(values[-1] - values[-2]) if len(values) > 1 else ""


def _digits(value):
    return f"{value:,.0f}" if value == int(value) and value < 1e6 else f"{value:.3g}"

"""Weights in few bits: the values of 4-bit formats, and what block and scale cost in bytes and in error."""

from functools import cache

from llmcalc.display import described, table
from llmcalc.formats import number_format
from llmcalc.formula import one_number, one_of
from llmcalc.linears import linear_layers
from llmcalc.memory import quantized_bytes, stored_bytes
from llmcalc.models import model as published
from llmcalc.rounding import NF4_LEVELS, SCALES, TENSOR_SCALE_BYTES, quantized, relative_error, representable
from llmcalc.svg import line_chart, number_line, stacked_bars
from llmcalc.units import GB, readable

WEIGHTS = ("normal", "outlier columns", "outlier rows")
"""What the sample weights look like; outliers are 20 times as large as the others."""

_BLOCKS = (1024, 512, 256, 128, 64, 32, 16)


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
    rows = [(name, len(values), middle[name], f"{values[-1] - values[-2]:.3g}") for name, values in levels.items()]
    picture = number_line(levels, x_label="value over the largest of its block", says=f"{says}.")
    header = ("format", "values", "from -0.5 to 0.5", "gap before the last one")
    return described(picture, f"{says}.", table(rows, header))


def low_bit_weights(model="llama-2-7b", format="int4", block=64, scale="fp16", weights="normal", memory_GB=8):
    """Bytes of a model with its linear layers in few bits, and the error that costs on sample weights, as HTML."""
    one_of("low_bit_weights", "weights", weights, WEIGHTS)
    one_of("low_bit_weights", "scale", scale, tuple(SCALES))
    one_number(memory_GB, "memory_GB", of="low_bit_weights", may_be_zero=False)
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
    (first, _), *_, (last, _) = curve
    trade = line_chart(
        [bits for _, bits in curve],
        {format: [100 * error for error, _ in curve]},
        x_label="bits per value, scales included",
        y_label="relative error in %",
        says=f"The relative error of {format} on {_NAMED[weights]} is {first:.2%} in blocks of {_BLOCKS[0]} and "
        f"{last:.2%} in blocks of {_BLOCKS[-1]}, which cost more bits.",
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
    tensors = sum(layer.count for layer in layers) * TENSOR_SCALE_BYTES.get(scale, 0)
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

"""How long a training takes and what it costs, and how fast accelerators are."""

from llmcalc.compute import cost, gpu_hours, seconds_for, training_flops
from llmcalc.display import described, table
from llmcalc.formula import amount
from llmcalc.hardware import gpu
from llmcalc.models import model as published
from llmcalc.runs import predicted_hours, utilization_range
from llmcalc.svg import ranges
from llmcalc.units import DAY, HOUR, MINUTE, TFLOP, in_words, readable


def training_time(
    model="gpt-3-175b",
    billion_tokens=300,
    sequence=2048,
    accelerator="a100-80gb",
    gpus=1024,
    utilization_percent=40,
    dollars_per_GPU_hour=2.0,
):
    """Days, GPU-hours and price of a training run, and what published runs say about the days, as HTML.

    The dot is the run at the chosen utilization, every matrix product counted. The bar is the forecast: the rule 6PD
    at the utilizations that published runs reached, which were worked out by the same rule.
    """
    for name, value in (("billion_tokens", billion_tokens), ("sequence", sequence), ("gpus", gpus)):
        amount(value, name, of="training_time", may_be_zero=False)
    transformer, tokens = published(model), billion_tokens * 10**9
    rule = training_flops(transformer.parameters.active, tokens)
    counted = transformer.training_flops(1, sequence) * tokens / sequence
    peak, reached = gpu(accelerator).peak(), utilization_percent / 100
    hours = predicted_hours(rule, accelerator)
    seconds = seconds_for(counted, gpus * peak, reached)
    around = sorted({max(1, gpus // 4), max(1, gpus // 2), gpus, 2 * gpus, 4 * gpus})
    picture_rows = {
        f"{'your ' if number == gpus else ''}{number:,} GPU{'s' if number > 1 else ''}": (
            *(each * HOUR / number / DAY for each in hours),
            seconds_for(counted, number * peak, reached) / DAY,
        )
        for number in around
    }
    device_hours = gpu_hours(gpus, seconds)
    price = f"{in_words(cost(device_hours, dollars_per_GPU_hour))} dollars"
    says = (
        f"{model} on {billion_tokens:,} billion tokens takes {readable(rule, 'FLOP')} by the rule 6PD, and "
        f"{readable(counted, 'FLOP')} with every product counted in sequences of {sequence:,} tokens "
        f"({counted / rule - 1:+.1%}). With {gpus:,} {accelerator} at {utilization_percent}% of their peak that is "
        f"{_time(seconds)}, {_digits(device_hours):,} GPU-hours and {price}. "
        f"By the record of published runs, from {_time(hours[0] * HOUR / gpus)} to {_time(hours[2] * HOUR / gpus)}."
    )
    picture = ranges(
        picture_rows,
        x_label="days on the clock: bar and mark by published runs, dot at your utilization",
        x_log=True,
        limit=(f"your run: {_time(seconds)}", seconds / DAY),
        says=says,
    )
    low, middle, high = utilization_range()
    accounts = [
        ("every product counted", counted, reached),
        ("by the rule 6PD", rule, reached),
        ("like a fast run", rule, high),
        ("like the middle run", rule, middle),
        ("like a slow run", rule, low),
    ]
    rows = [_account(name, flops, share, gpus, peak, dollars_per_GPU_hour) for name, flops, share in accounts]
    header = ("account", "operations", "share of the peak", "time on the clock", "GPU-hours", "dollars")
    return described(picture, says, table(rows, header))


def peak_table(*names):
    """Dense peaks of accelerators by number format, and the sparse one of bf16, as an HTML table in TFLOP/s."""
    formats = ("fp32", "tf32", "fp16", "bf16", "fp8")
    rows = []
    for name in names:
        device = gpu(name)
        known = dict(device.dense)
        sparse = _four(device.sparse_peak()) if "bf16" in known and device.sparse_factor > 1 else "none"
        dense = [_four(known[each]) if each in known else "none" for each in formats]
        rows.append((device.name, str(device.year), *dense, sparse))
    return table(rows, ("accelerator", "year", *formats, "bf16, sparse"), "peak in TFLOP/s")


def _four(peak):
    """In TFLOP/s, with the four digits of a data sheet."""
    return float(f"{peak / TFLOP:.4g}")


def _account(name, flops, share, gpus, peak, price):
    seconds = seconds_for(flops, gpus * peak, share)
    hours = gpu_hours(gpus, seconds)
    amounts = (hours, cost(hours, price))
    return name, readable(flops, "FLOP"), f"{share:.0%}", _time(seconds), *map(_digits, amounts)


def _digits(amount):
    """Whole from a hundred on, three digits below."""
    return round(amount) if amount >= 100 else float(f"{amount:.3g}")


def _time(seconds):
    """In days, or in a smaller unit where that is less than two of them."""
    for unit, size in (("days", DAY), ("hours", HOUR), ("minutes", MINUTE)):
        if seconds >= 2 * size:
            return readable(seconds / size, unit)
    return readable(seconds, "s")

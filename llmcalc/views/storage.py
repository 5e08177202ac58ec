"""Bytes of a model's weights against the memory of a device."""

from llmcalc.display import described, table
from llmcalc.formats import number_format
from llmcalc.memory import stored_bytes
from llmcalc.svg import stacked_bars
from llmcalc.units import GB, readable


def weight_storage(billion_parameters=7, format="bf16", memory_GB=24):
    """Weights of a model in one number format, against a device's memory, as HTML."""
    weights = stored_bytes(billion_parameters * 10**9, number_format(format).bytes_per_value)
    limit = memory_GB * GB
    verdict = "fit" if weights <= limit else "do not fit"
    says = (
        f"{billion_parameters} billion parameters in {format} take {readable(weights, 'B')}, "
        f"or {readable(weights, 'B', binary=True)}. They {verdict} into {readable(limit, 'B')}."
    )
    picture = stacked_bars(
        {f"{billion_parameters} billion parameters in {format}": {"weights": weights}},
        unit="B",
        limit=(f"limit {readable(limit, 'B')}", limit),
        says=says,
    )
    return described(picture, says, _formats(billion_parameters))


_SHOWN = ("fp32", "bf16", "int8", "int4")


def _formats(billion_parameters):
    rows = []
    for name in _SHOWN:
        size = number_format(name).bytes_per_value
        total = stored_bytes(billion_parameters * 10**9, size)
        rows.append((name, str(size), readable(total, "B"), readable(total, "B", binary=True)))
    return table(rows, ("format", "bytes each", "in SI prefixes", "in binary prefixes"))

"""What a multi-layer perceptron takes to train: what fits, and how fast it can go."""

from llmcalc.compute import examples_per_second
from llmcalc.display import described, table
from llmcalc.formats import number_format
from llmcalc.memory import largest_batch, stored_bytes
from llmcalc.mlp import MLP
from llmcalc.svg import stacked_bars
from llmcalc.units import GB, TFLOP, readable

OPTIMIZERS = {"SGD": 0, "SGD with momentum": 1, "AdamW": 2}
"""Values that each optimizer keeps for a parameter."""


def training_memory(
    width=10_000,
    matrices=10,
    batch=1024,
    format="fp32",
    optimizer="AdamW",
    memory_GB=8,
    peak_TFLOP_per_s=100,
):
    """Memory of training an MLP of equal widths against a limit, its largest batch and its fastest pace, as HTML."""
    mlp = MLP([width] * (matrices + 1))
    size = number_format(format).bytes_per_value
    one_example = mlp.activation_bytes(1, size)
    parts = {
        "weights": stored_bytes(mlp.parameters, size),
        "gradients": stored_bytes(mlp.parameters, size),
        "optimizer": stored_bytes(mlp.parameters * OPTIMIZERS[optimizer], size),
        "activations": mlp.activation_bytes(batch, size),
    }
    limit, total = memory_GB * GB, sum(parts.values())
    states = total - parts["activations"]
    fits = largest_batch(limit, states, one_example)
    pace = examples_per_second(peak_TFLOP_per_s * TFLOP, mlp.training_flops(1))
    verdict = "fits" if total <= limit else "does not fit"
    says = (
        f"Training with {optimizer} in {format} and a batch of {batch:,} takes {readable(total, 'B')} "
        f"and {verdict} into {readable(limit, 'B')}. "
        + (f"The largest batch is {fits:,.0f}. " if fits else "Not even one example fits. ")
        + f"At the full peak of {readable(peak_TFLOP_per_s * TFLOP, 'FLOP/s')} it could train on at most "
        f"{readable(pace, 'examples/s', digits=4)}."
    )
    picture = stacked_bars(
        {f"{matrices} matrices of {width:,} × {width:,}, batch {batch:,}": parts},
        unit="B",
        limit=(f"limit {readable(limit, 'B')}", limit),
        says=says,
    )
    rows = [(name, value, readable(value, "B")) for name, value in parts.items()]
    rows.append(("together", total, readable(total, "B")))
    return described(picture, says, table(rows, ("part", "bytes", "about")))

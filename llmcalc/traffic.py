"""What one GPU sends in a training step that is laid out over many, and the time that this and the waiting cost."""

from fractions import Fraction
from functools import partial

from llmcalc.cluster import check_is_layout, stage_parameters
from llmcalc.collectives import reduce_scatter_bytes, transfer_seconds
from llmcalc.communication import (
    data_parallel_traffic_bytes,
    pipeline_traffic_bytes,
    tensor_parallel_traffic_bytes,
    zero_2_traffic_bytes,
    zero_3_traffic_bytes,
)
from llmcalc.compute import seconds_for
from llmcalc.formula import in_range, one_number, one_of, shown, whole
from llmcalc.hardware import Accelerator
from llmcalc.ledger import Ledger
from llmcalc.lookup import looked_up
from llmcalc.pipeline import pipeline_bubble, stage_layers
from llmcalc.sharding import padded_values
from llmcalc.states import RECIPES, Recipe
from llmcalc.symbolic import larger, share, smaller

SOURCE = "Rajbhandari et al. 2020, ZeRO, section 7; Narayanan et al. 2021, section 3.2"
NETWORK = 50 * 10**9
"""Bytes per second of one GPU's port to other machines, in one direction: 400 Gbit/s."""
IN_A_MACHINE = 8
"""GPUs of a machine."""
PCIE = 32 * 10**9
"""Bytes per second between GPUs of a machine that have no link of their own: PCI Express 4.0, 16 lanes, one way."""


@in_range
def traffic_ledger(model, layout, sequence=1, *, recipe="mixed", recompute="none", bytes_per_value=2):
    """Ledger of the bytes that one GPU sends in a training step: items `data`, `tensor` and `pipeline`.

    `data` is what copies of the model send each other: gradients once for a step, but under ZeRO 2 and 3 for every
    micro-batch, since no GPU has room to sum them up whole; weights once (ZeRO 1 and 2), or twice for every
    micro-batch (ZeRO 3). Of a pipeline's stages, the one with most parameters is counted. Sequence parallelism sends
    as much as tensor parallelism without.

    Parameters
    ----------
    model, layout, sequence, recipe
        As in `llmcalc.cluster.gpu_ledger`.
    recompute : "none", "selective" or "full"
        A layer that is made again sends its sums again.
    bytes_per_value : number, default 2
        Size of one activation.

    Examples
    --------
    >>> from llmcalc.cluster import Layout
    >>> from llmcalc.models import model
    >>> round(traffic_ledger(model("llama-2-7b"), Layout(batch=8, data_parallel=8), 4096).data.total / 1e9, 1)
    23.6
    """
    check_is_layout(layout, "traffic_ledger")
    layout.check(model, sequence)
    one_of("traffic_ledger", "recompute", recompute, ("none", "selective", "full"))
    sequence = whole(sequence, "sequence", of="traffic_ledger", may_be_zero=False)
    recipe = recipe if isinstance(recipe, Recipe) else looked_up(recipe, RECIPES, "recipe")
    stages, micro = layout.pipeline_parallel, layout.micro_batches
    sizes = {"sequence": sequence, "batch": layout.micro_batch, "width": model.width}
    layers = stage_layers(model.layers, stages)
    tensor = micro * tensor_parallel_traffic_bytes(
        **sizes, layers=layers, tensor_parallel=layout.tensor_parallel, bytes_per_value=bytes_per_value
    )
    again = 2 if recompute == "full" else 0  # of four sums in a layer, the two of its forward pass
    # A stage between two others sends both ways; of two stages, each sends one way.
    borders = {1: 0, 2: Fraction(1, 2)}.get(stages, 1)
    both_ways = pipeline_traffic_bytes(
        **sizes, micro_batches=micro, interleave=layout.interleave, bytes_per_value=bytes_per_value
    )
    sent = {
        "data": _data(model, layout, recipe),
        "tensor": tensor + again * share(tensor, 4),
        "pipeline": both_ways * borders,
    }
    return Ledger.of("sent by a GPU", sent, "bytes", SOURCE)


def _data(model, layout, recipe):
    """Between the copies of the model."""
    copies, micro = layout.data_parallel, layout.micro_batches
    stages = {1, layout.pipeline_parallel}
    parameters = padded_values(max(stage_parameters(model, layout, place) for place in stages), copies)
    summed = micro > 1 or layout.pipeline_parallel > 1
    each = (recipe.fp32_gradients or recipe.gradients) if summed else (recipe.gradients or recipe.fp32_gradients)
    weights, gradients = recipe.weights * parameters, each * parameters
    if layout.zero == 0:
        return data_parallel_traffic_bytes(gradients, copies)
    if layout.zero == 3:
        return micro * zero_3_traffic_bytes(weights, gradients, copies)
    before = (micro - 1) * reduce_scatter_bytes(gradients, copies) if layout.zero == 2 else 0
    return before + zero_2_traffic_bytes(weights, gradients, copies)


def ring_seconds(
    message_bytes, group, stride=1, *, accelerator, network_bytes_per_second=NETWORK, gpus_per_machine=IN_A_MACHINE
):
    """Time in seconds in which each of a group of GPUs, `stride` apart, sends that many bytes around a ring.

    Within a machine they go over the link. A ring over several machines crosses from each to the next. Where several
    GPUs of a machine are in the group, as many rings share its bytes, each through a port of its own.
    """
    link = accelerator.link_bytes_per_second
    inside = larger(1, smaller(group, gpus_per_machine // stride))
    over_link = transfer_seconds(message_bytes, share(link, 2) if link else PCIE) if inside > 1 else 0
    over_ports = transfer_seconds(message_bytes, inside * network_bytes_per_second) if group > inside else 0
    return larger(over_link, over_ports)


@in_range
def step_seconds(
    model, layout, accelerator, sequence=1, *, recipe="mixed", attention="flash", recompute="none",
    network_bytes_per_second=NETWORK, gpus_per_machine=IN_A_MACHINE, number_format="bf16",
):  # fmt: skip
    """Ledger of the least time that a training step takes: items `compute`, `bubble`, `tensor` and `network`.

    `compute` is all arithmetic at the peak rate. The sums of tensor parallelism are needed at once: `tensor` is the
    whole time that they take, as in a plain program (in the backward pass, some go on with the gradients of the
    weights meanwhile). `bubble` is the waiting of a pipeline's stage for the first and after the last micro-batch,
    each of whose turns has both in it. What copies and stages send each other is taken to travel while the GPU
    computes or waits in the bubble: `network` is what takes longer than that. `.efficiency` is the share of the peak
    rate that is left for the model's own arithmetic, without what is made again: a bound of the utilization (MFU) on
    these terms. Real runs stay well below, as no matrix product reaches the peak.

    Parameters
    ----------
    model, layout, sequence, recipe, attention, recompute
        As in `llmcalc.cluster.gpu_ledger`; attention "explicit" or "flash".
    accelerator : Accelerator
        A row of `llmcalc.hardware`.
    network_bytes_per_second : number
        Rate of a GPU's port to other machines, in one direction: each GPU has one.
    gpus_per_machine : int, default 8
        GPUs that the fast link joins, or PCI Express where they have none. Tensor parallelism is nearest: its GPUs
        are neighbours, then the copies', and the stages' are farthest apart.
    number_format : str, default "bf16"
        The format of the matrix products.

    Examples
    --------
    >>> from llmcalc.cluster import Layout
    >>> from llmcalc.hardware import gpu
    >>> from llmcalc.models import model
    >>> layout = Layout(batch=64, tensor_parallel=8, pipeline_parallel=8)
    >>> round(step_seconds(model("gpt-3-175b"), layout, gpu("h100-sxm"), 2048, recompute="full").efficiency, 2)
    0.52
    """
    if not isinstance(accelerator, Accelerator):
        allowed = "an Accelerator such as gpu('h100-sxm')"
        raise TypeError(f"step_seconds: accelerator must be {allowed}, got {shown(accelerator)}")
    network = one_number(network_bytes_per_second, "network_bytes_per_second", of="step_seconds", may_be_zero=False)
    machine = whole(gpus_per_machine, "gpus_per_machine", of="step_seconds", may_be_zero=False)
    seconds = partial(ring_seconds, accelerator=accelerator, network_bytes_per_second=network, gpus_per_machine=machine)
    sent = traffic_ledger(model, layout, sequence, recipe=recipe, recompute=recompute)
    flops = model.training_ledger(layout.batch, sequence, attention, recompute)
    peak = layout.gpus * accelerator.peak(number_format)
    compute = seconds_for(flops.total, peak)
    shared, copies, stages = layout.tensor_parallel, layout.data_parallel, layout.pipeline_parallel
    tensor = seconds(sent.tensor.total, shared)
    beside = seconds(sent.data.total, copies, shared) + seconds(sent.pipeline.total, stages, shared * copies)
    idle = pipeline_bubble(layout.pipeline_parallel, layout.micro_batches, layout.interleave)
    waiting = (compute + tensor) * idle
    spent = {
        "compute": compute,
        "bubble": waiting,
        "tensor": tensor,
        "network": larger(beside - compute - waiting, 0),
    }
    ledger = Ledger.of("time of a step", spent, "s", SOURCE)
    own = model.training_ledger(layout.batch, sequence, "explicit").total
    return ledger.also(efficiency=seconds_for(own, peak) / ledger.total, sent=sent)

"""How long the job of a plan takes: what published runs reached for training, the least there can be for serving."""

from dataclasses import dataclass
from typing import NamedTuple

from llmcalc.collectives import all_reduce_bytes
from llmcalc.compute import cost, gpu_hours, seconds_for, training_flops
from llmcalc.flops import forward_ledger, training_ledger
from llmcalc.inference import serving_flops
from llmcalc.needs import WIDE, layout_of, recipe_of, sequences_of_a_copy, served_part
from llmcalc.runs import predicted_hours
from llmcalc.serving import decode_ledger
from llmcalc.traffic import ring_seconds, step_seconds

COMPUTED_IN = {"fp8-tensor": "fp8", "fp8_e4m3": "fp8", "fp8_e5m2": "fp8", "int8": "int8"}
"""Weights that products can take as they are, where an accelerator has a peak for the format; others are made wide."""
PUBLISHED_SEQUENCE = 8192  # tokens: the longest of the runs in `llmcalc.runs`


class Range(NamedTuple):
    """An 80 % interval around what is to be expected."""

    low: float
    middle: float
    high: float

    def times(self, factor):
        """Each of the three, times a factor."""
        return Range(*(factor * each for each in self))


def job_flops(model, chosen):
    """FLOPs of a whole training: 6PD; with adapters 4PD, for no gradient of a frozen weight is computed."""
    if chosen["tokens"] is None:
        return None
    parameters = model.parameters.active
    if chosen.get("method", "full") == "full":
        return training_flops(parameters, chosen["tokens"])
    return 2 * serving_flops(parameters, chosen["tokens"])


def published_hours(model, flops, accelerator, chosen):
    """GPU-hours that published runs let expect, low, middle and high.

    The utilization of those runs is of the rule's FLOPs, and what attention takes in their sequences is in it. Of
    longer ones, attention takes a larger share, and the hours grow with that.
    """
    hours = Range(*predicted_hours(flops, accelerator.name, _trains_in(accelerator, chosen)))
    return hours.times(beyond_published(model, chosen))


def beyond_published(model, chosen):
    """How many times the work of a token grows with attention, in sequences longer than those of published runs."""
    long, usual = (
        done_flops(model, chosen | {"sequence": each, "recompute": "none"})
        for each in (chosen["sequence"], PUBLISHED_SEQUENCE)
    )
    return max(1, long / usual)


def done_flops(model, chosen):
    """FLOPs that are done for a token of training, attention and what is made again with them."""
    sizes = model, 1, chosen["sequence"]
    done = training_ledger(*sizes, recompute=chosen["recompute"]).total
    if chosen.get("method", "full") != "full":  # no gradients of the weights: as many FLOPs as their products
        forward = forward_ledger(*sizes)
        done -= forward.total - forward.attention.total
    return done / chosen["sequence"]


def least_seconds(model, accelerator, gpus, chosen, step):
    """The least seconds of a whole training: those of its steps, or of adapters what they compute, at the peak."""
    if step is not None:
        return steps(chosen) * step.total
    peak = gpus * accelerator.peak(_trains_in(accelerator, chosen))
    return seconds_for(done_flops(model, chosen) * chosen["tokens"], peak)


def least_step(model, accelerator, chosen):
    """Ledger of the least seconds of a step; see `llmcalc.traffic.step_seconds`. None for adapters."""
    if chosen.get("method", "full") != "full":
        return None
    attention = "explicit" if chosen["attention"] == "explicit" else "flash"
    return step_seconds(
        model, layout_of(chosen), accelerator, chosen["sequence"],
        recipe=recipe_of(chosen), attention=attention, recompute=chosen["recompute"],
        network_bytes_per_second=chosen["network_bytes_per_second"], number_format=_trains_in(accelerator, chosen),
    )  # fmt: skip


def steps(chosen):
    """Steps of a training."""
    return chosen["tokens"] / (chosen["batch"] * chosen["sequence"])


def _trains_in(accelerator, chosen):
    """The format of a training's products."""
    whole = chosen.get("method", "full") == "full" and chosen["recipe"] != "autocast"
    wide = whole and recipe_of(chosen).weights == 4
    return computes(accelerator, ("tf32", "fp32") if wide else ("bf16", "fp16", "fp32"))


@dataclass(frozen=True)
class Pace:
    """Bounds of serving: what no software gets below, or above, on these GPUs."""

    token_seconds: float  # of a step, a token for each sequence, at least
    tokens_per_second: float  # of all GPUs together, at most
    prefill_seconds: float  # to read a prompt as long as the context, at least
    binds: str  # memory, compute or network

    def cost_per_million_tokens(self, price_per_gpu_hour, gpus):
        """Money for a million tokens at this pace, at least."""
        seconds = 10**6 / self.tokens_per_second
        return cost(gpu_hours(gpus, seconds), price_per_gpu_hour)


def serving_pace(model, accelerator, chosen):
    """The bounds of a plan's serving.

    A step reads each GPU's part of the weights and of the cache once, computes, and adds up the parts of every layer
    twice over the link. Delays between and before them come on top. With weights in fp8 or int8, all products are
    taken to be in that format where the accelerator has it; with weights in fewer bits they are in 16.
    """
    parts, batch, context = chosen["tensor_parallel"], sequences_of_a_copy(chosen), chosen["context"]
    part, form = served_part(model, parts), serves_in(accelerator, chosen["weights"])
    how = {"bytes_per_value": chosen["cache_bytes_per_value"], "number_format": form}
    step = decode_ledger(part, accelerator, batch, context, chosen["weights"], **how)
    seconds = {"memory": step.memory, "compute": step.arithmetic}
    seconds["network"] = _added_up(model, batch, parts, accelerator)
    token = step.total + seconds["network"]
    prompt = seconds_for(_prompt_flops(part, context), accelerator.peak(form))
    return Pace(token, chosen["batch"] / token, prompt, max(seconds, key=seconds.get))


def serves_in(accelerator, weights):
    """The format of the products of serving: that of the weights where there is a peak for it, else 16 bits."""
    own = COMPUTED_IN.get(weights)
    return own if own in dict(accelerator.dense) else computes(accelerator)


def computes(accelerator, formats=("bf16", "fp16", "fp32")):
    """The first of these formats that an accelerator has a peak for."""
    known = dict(accelerator.dense)
    return next((form for form in formats if form in known), next(iter(known)))


def _added_up(model, batch, parts, accelerator):
    """Seconds of two all-reduces a layer, of the values of each sequence's token; see `llmcalc.traffic`.

    Nothing for TPUs, which have links of their own: no rate is known here, and what is at least has to be at least.
    """
    if _unknown_link(accelerator):
        return 0
    sent = 2 * model.layers * all_reduce_bytes(batch * model.width * WIDE, parts)
    return ring_seconds(sent, parts, accelerator=accelerator)


def _unknown_link(accelerator):
    return accelerator.vendor == "Google" and not accelerator.link_bytes_per_second


def link_told(accelerator, gpus, chosen):
    """What is said, in sentences, of chips that send each other something and have no link with a rate known here."""
    serving = "context" in chosen
    together = chosen["tensor_parallel"] if serving else gpus
    if accelerator.link_bytes_per_second or together == 1 or chosen.get("method", "full") != "full":
        return []
    if not _unknown_link(accelerator):
        return ["What the GPUs of a machine send each other is taken to go over PCI Express."]
    if serving:
        return [f"What chips send each other is left out: no rate is known here for the links of {accelerator.name}."]
    return [f"PCI Express is taken for the links of {accelerator.name}, whose rate is not known here."]


def _prompt_flops(model, tokens):
    """FLOPs of reading a prompt: layers, and attention to what came before, which is half of the square or a window."""
    forward = forward_ledger(model, 1, tokens)
    full, part = model.layers - model.sliding_layers, min(model.window / tokens, 1)
    seen = 0.5 * full + model.sliding_layers * (part - part**2 / 2)
    return forward.layers.total + forward.attention.total * seen / model.layers

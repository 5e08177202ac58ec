"""What a served model takes and what bounds a token: memory beside a card's, times of a step, cache, roofline."""

from llmcalc.display import described, table
from llmcalc.formats import number_format
from llmcalc.formula import in_range, one_number
from llmcalc.hardware import gpu
from llmcalc.inference import cache_ledger
from llmcalc.models import model as published
from llmcalc.quantization import weight_bytes
from llmcalc.serving import decode_flops, decode_ledger, largest_batch_served, largest_context_served, read_ledger
from llmcalc.svg import line_chart, stacked_bars
from llmcalc.units import GB, TFLOP, readable

CACHES = ("llama-2-7b", "llama-3-8b", "mistral-7b", "falcon-7b")


@in_range
def serving_limits(
    model="llama-3-8b",
    accelerator="rtx-4090",
    weights="bf16",
    cache="bf16",
    context=8192,
    batch=1,
    margin_percent=10,
):
    """Memory of a served model beside what a device offers, and the least time of its next step, as HTML.

    The margin is a share of the device's memory that is kept free.
    """
    for name, value in (("context", context), ("batch", batch)):
        one_number(value, name, of="serving_limits", may_be_zero=False)
    one_number(margin_percent, "margin_percent", of="serving_limits", may_be_zero=True)
    if margin_percent >= 100:
        raise ValueError(f"serving_limits: margin_percent must leave some memory, got {margin_percent}")
    transformer, device, size = published(model), gpu(accelerator), number_format(cache).bytes_per_value
    offered = device.memory_bytes
    held = {
        "weights": weight_bytes(transformer, weights).total,
        "cache": cache_ledger(transformer, batch, context, size).total,
        "kept free": offered * margin_percent / 100,
    }
    step = decode_ledger(transformer, device, batch, context, weights, bytes_per_value=size)
    how = {"bytes_per_value": size, "margin_bytes": held["kept free"]}
    longest = largest_context_served(transformer, offered, batch, weights, **how)
    most = largest_batch_served(transformer, offered, context, weights, **how)
    together, fits = sum(held.values()), sum(held.values()) <= offered
    people = f"{batch:,} sequence{'s' if batch != 1 else ''} of {context:,} tokens"
    memory_says = (
        f"{model} in {weights} with the cache of {people} in {cache} takes "
        f"{readable(held['weights'] + held['cache'], 'B')}; with {margin_percent}% kept free it "
        f"{'fits' if fits else 'does not fit'} into the {readable(offered, 'B')} of {accelerator}. "
        f"{_room(longest, most)}"
    )
    time_says = (
        f"{'A' if fits else 'If it fitted, a'} step takes at least {readable(step.total, 's')}, and {step.binds} "
        f"binds: {_rate(1 / step.total)} tokens a second for each sequence, {_rate(batch / step.total)} for all."
    )
    memory = stacked_bars({people: held}, unit="B", limit=(f"{accelerator}: {readable(offered, 'B')}", offered),
                          says=memory_says)  # fmt: skip
    read = {"weights": step.weights.total, "cache": step.cache.total}
    times = stacked_bars({"reading memory": read, "arithmetic": {"arithmetic": step.arithmetic}}, unit="s",
                         says=time_says)  # fmt: skip
    rows = [
        ("weights", readable(held["weights"], "B"), readable(read["weights"], "s")),
        ("cache", readable(held["cache"], "B"), readable(read["cache"], "s")),
        ("kept free", readable(held["kept free"], "B"), ""),
        ("together", readable(together, "B"), readable(step.memory, "s")),
        ("arithmetic", "", readable(step.arithmetic, "s")),
    ]
    numbers = table(rows, ("part", "memory", "least time of a step"))
    return described(memory + times, f"{memory_says} {time_says}", numbers)


@in_range
def cache_growth(*names, format="bf16", memory_GB=24):
    """The cache of one sequence against its length, a line for each model, as HTML; by default four small ones."""
    one_number(memory_GB, "memory_GB", of="cache_growth", may_be_zero=False)
    if len(names) > len(CACHES):
        raise ValueError(f"cache_growth: names must be at most {len(CACHES)}, one for each colour, got {len(names)}")
    names, size = names or CACHES, number_format(format).bytes_per_value
    lengths = [2**power for power in range(9, 18)]
    sizes = {name: [cache_ledger(published(name), 1, tokens, size).total for tokens in lengths] for name in names}
    ends = sorted(names, key=lambda name: sizes[name][-1])
    says = (
        f"Caches of one sequence in {format} up to {lengths[-1]:,} tokens: from {readable(sizes[ends[0]][-1], 'B')} "
        f"of {ends[0]} to {readable(sizes[ends[-1]][-1], 'B')} of {ends[-1]}."
    )
    picture = line_chart(
        lengths, {name: [bytes_ / GB for bytes_ in sizes[name]] for name in ends[::-1]},
        x_label="tokens of context", y_label="cache of one sequence in GB", x_log=True, y_log=True,
        limit=(f"a card of {readable(memory_GB * GB, 'B')}", memory_GB), says=says,
    )  # fmt: skip
    rows = [(name, *(readable(sizes[name][lengths.index(at)], "B") for at in (1024, 8192, 32_768, 131_072)))
            for name in ends[::-1]]  # fmt: skip
    return described(picture, says, table(rows, ("model", "1,024 tokens", "8,192", "32,768", "131,072")))


@in_range
def decoding_roofline(model="llama-3-8b", accelerator="rtx-4090", context=512, weights="bf16", batches=(1, 16, 128)):
    """How fast a device can compute against how often it uses a byte, with decoding and reading a prompt on it."""
    one_number(context, "context", of="decoding_roofline", may_be_zero=False)
    transformer, device = published(model), gpu(accelerator)
    peak, bandwidth = device.peak(), device.memory_bytes_per_second
    work = {}
    for batch in batches:
        one_number(batch, "batches", of="decoding_roofline", may_be_zero=False)
        work[f"batch {batch:,}"] = (
            decode_flops(transformer, batch, context),
            read_ledger(transformer, batch, context, weights).total,
        )
    prompt = transformer.forward_flops(1, context)  # reads the weights once, and writes the cache
    work["prompt"] = prompt, read_ledger(transformer, 1, context, weights).total
    points = {name: (flops / moved, min(flops / moved * bandwidth, peak)) for name, (flops, moved) in work.items()}
    ridge = peak / bandwidth
    says = (
        f"The roof of {accelerator} rises with {readable(bandwidth, 'B/s')} up to {ridge:.3g} FLOP for each byte and "
        f"is flat at {readable(peak, 'FLOP/s')} from there. {model} with {context:,} tokens: "
        + ", ".join(f"{name} at {used:.3g}" for name, (used, _) in points.items())
        + " FLOP for each byte."
    )
    ends = (
        min(0.5, *(used / 2 for used, _ in points.values())),
        max(4 * ridge, *(2 * used for used, _ in points.values())),
    )
    corners = [ends[0], ridge, ends[1]]
    picture = line_chart(
        corners, {accelerator: [min(used * bandwidth, peak) / TFLOP for used in corners]},
        x_label="FLOP for each byte moved", y_label="TFLOP/s at most", x_log=True, y_log=True,
        points={name: (used, rate / TFLOP) for name, (used, rate) in points.items()}, says=says,
    )  # fmt: skip
    rows = [
        (name, readable(flops, "FLOP"), readable(moved, "B"), f"{flops / moved:.3g}",
         readable(points[name][1], "FLOP/s"),
         "memory" if flops / moved < ridge else "compute")
        for name, (flops, moved) in work.items()
    ]  # fmt: skip
    header = ("work", "operations", "bytes moved", "FLOP for each byte", "rate at most", "binds")
    return described(picture, says, table(rows, header))


def _room(longest, most):
    length = "any length" if longest == float("inf") else f"{int(longest):,} tokens"
    people = f"{int(most):,} sequence{'s' if most != 1 else ''}"
    return f"There is room for {people} of this length, or for these with {length} each."


def _rate(tokens):
    return f"{tokens:,.0f}" if tokens >= 100 else f"{tokens:.3g}"

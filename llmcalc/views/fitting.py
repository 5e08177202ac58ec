"""What a plan needs of each GPU, with its margin, against what the GPU has; and what would make it fit."""

from llmcalc.display import described, table
from llmcalc.formula import one_number, one_of
from llmcalc.hardware import gpu
from llmcalc.planning import plan
from llmcalc.svg import stacked_bars
from llmcalc.units import readable

JOBS = {
    "train": ("training", {}),
    "fine-tune all": ("fine-tuning", {"method": "full"}),
    "fine-tune, LoRA": ("fine-tuning", {"method": "lora"}),
    "fine-tune, QLoRA": ("fine-tuning", {"method": "qlora"}),
    "serve, 16 bits": ("serving", {"weights": "bf16"}),
    "serve, 8 bits": ("serving", {"weights": "int8"}),
    "serve, 4 bits": ("serving", {"weights": "nf4-double"}),
}
"""What one may want from a model, and what the planner is asked for it."""

GPUS = {"1 GPU": 1, "2 GPUs": 2, "4 GPUs": 4, "8 GPUs": 8}
CHANGES = ("hidden", "shown")
SHOWN = 3  # changes below the table
SHARED = 3  # where a model is trained on several GPUs, ZeRO shares weights, gradients and optimizer among them


def will_it_fit(
    job="fine-tune, QLoRA",
    model="llama-3-8b",
    accelerator="rtx-4090",
    gpus="1 GPU",
    sequences_per_GPU=1,
    tokens=1024,
    recompute="none",
    changes="hidden",
):
    """A plan as a bar: what each GPU needs, the margin behind it, and what the GPU has, with the verdict, as HTML.

    `tokens` is the length of each sequence: in training, or the context when serving. Training on several GPUs shares
    all states among them (ZeRO, stage 3), serving shares weights and cache (tensor parallel). Where `changes` are
    shown, the cheapest ones that make the job fit follow; to find them takes up to a second.
    """
    one_of("will_it_fit", "gpus", gpus, tuple(GPUS))
    one_of("will_it_fit", "changes", changes, CHANGES)
    one_number(sequences_per_GPU, "sequences_per_GPU", of="will_it_fit", may_be_zero=False)
    one_number(tokens, "tokens", of="will_it_fit", may_be_zero=False)
    planned = asked(job, model, accelerator, GPUS[gpus], sequences_per_GPU, tokens, recompute)
    picture = plan_bars({f"{job}, {model}, {gpus}": planned}, says=told(planned))
    numbers = _items(planned) + (_cheapest(planned) if changes == "shown" else "")
    return described(picture, told(planned), numbers)


def asked(
    job="fine-tune, QLoRA",
    model="llama-3-8b",
    accelerator="rtx-4090",
    gpus=1,
    sequences_per_GPU=1,
    tokens=1024,
    recompute="none",
):
    """The plan that `will_it_fit` draws; `gpus` is a number here."""
    one_of("will_it_fit", "job", job, tuple(JOBS))
    kind, how = JOBS[job]
    batch = sequences_per_GPU * gpus
    if kind == "serving":
        how = {**how, "batch": batch, "context": tokens}
    else:
        shared = {"zero": SHARED} if gpus > 1 else {}
        how = {**how, **shared, "batch": batch, "sequence": tokens, "recompute": recompute}
    return plan(model, kind, gpu=accelerator, gpus=gpus, **how)


def plan_bars(plans, says):
    """What each plan needs of a GPU and its margin behind it, against the memory of that GPU, as SVG.

    Parameters
    ----------
    plans : dict of str to Plan
        All for the same GPU.
    says : str
        What the picture shows, in a sentence.
    """
    names = {planned.gpu.name for planned in plans.values()}
    if len(names) != 1:
        raise ValueError(f"plan_bars: plans must be for one GPU, got {', '.join(sorted(names)) or 'none'}")
    device = next(iter(plans.values())).gpu
    bars = {
        f"{name}: {readable(planned.total, 'B')}, {planned.verdict}": {**_parts(planned), "margin": planned.margin}
        for name, planned in plans.items()
    }
    limit = (f"one {device.name}: {readable(device.memory_bytes, 'B')}", device.memory_bytes)
    return stacked_bars(bars, unit="B", limit=limit, says=says)


def told(planned):
    """A plan in two sentences."""
    device = f"{planned.gpu.name} of {readable(planned.capacity, 'B')}"
    need = f"Each {device} has to hold {readable(planned.total, 'B')}"
    with_margin = f"with the margin {readable(planned.total + planned.margin, 'B')}"
    return f"{need}, {with_margin}: {planned.verdict}. {_more(planned)}"


def _more(planned):
    """The second sentence: what is free, or how far it is off."""
    largest = max(planned.items, key=planned.items.get)
    size = readable(planned.items[largest], "B")
    room = f"{readable(abs(planned.left), 'B')} {'remain' if planned.left >= 0 else 'are missing'}"
    return f"{room}; the largest item is {largest}, {size}."


def _parts(planned):
    return {name: size for name, size in planned.items.items() if size}


def _items(planned):
    sums = {"together": planned.total, "with margin": planned.total + planned.margin}
    rows = [
        (name, size, readable(size, "B"), f"{size / planned.capacity:.1%}")
        for name, size in {**_parts(planned), **sums}.items()
    ]
    return table(rows, ("on one GPU", "bytes", "about", "of its memory"))


def _cheapest(planned):
    """The first changes as a table, or why there is none."""
    if planned.changes:
        return "<p>The cheapest changes that make it fit:</p>" + changes_table(planned, SHOWN)
    return f"<p>{'Nothing to change: it fits.' if planned.fits else 'No change that is known makes it fit.'}</p>"


def five_jobs(model="llama-3-8b", accelerator="rtx-4090", tokens=1024):
    """One model and one GPU: what five jobs need of it, one sequence at a time, as HTML."""
    one_number(tokens, "tokens", of="five_jobs", may_be_zero=False)
    names = ("train", "fine-tune all", "fine-tune, LoRA", "fine-tune, QLoRA", "serve, 16 bits")
    plans = {name: asked(name, model, accelerator, tokens=tokens) for name in names}
    verdicts = ", ".join(f"{name} {readable(each.total, 'B')} ({each.verdict})" for name, each in plans.items())
    says = f"{model} on one {accelerator} of {readable(gpu(accelerator).memory_bytes, 'B')}: {verdicts}."
    rows = [(name, readable(each.total, "B"), readable(each.total + each.margin, "B"), each.verdict)
            for name, each in plans.items()]  # fmt: skip
    return described(plan_bars(plans, says), says, table(rows, ("job", "needs", "with margin", "verdict")))


def changes_table(planned, most=8):
    """The cheapest changes that would make a plan fit, in their order, as an HTML table.

    Parameters
    ----------
    planned : Plan
        A plan that does not fit, or fits without its margin only.
    most : int, default 8
        Rows at most.
    """
    rows = [
        (place, change.name, change.kind, change.price, readable(change.plan.total, "B"))
        for place, change in enumerate(planned.changes[:most], 1)
    ]
    return table(rows, ("", "change", "kind", "what it costs", "then needs"))

"""Will it fit: what a job needs on each GPU, whether that fits, how long it takes, and what would help."""

import json
import math
from dataclasses import dataclass, field
from functools import cached_property

from llmcalc.compute import cost, gpu_hours
from llmcalc.formula import one_number
from llmcalc.hardware import Accelerator
from llmcalc.jobs import plain, read_model, resolved
from llmcalc.needs import needed, sequences_of_a_copy
from llmcalc.paces import Range, job_flops, least_seconds, least_step, link_told, published_hours, serving_pace
from llmcalc.symbolic import ceil_div
from llmcalc.transformer import Transformer
from llmcalc.units import HOUR, readable

MARGIN = 5  # a fifth of what is needed has to be left over
VERDICTS = ("fits", "too close to call", "does not fit")

NOT_COUNTED = (
    "the runtime's own memory, some hundred megabytes",
    "what kernels need for themselves while they work",
    "gaps between tensors that nothing else fits into",
)
"""What the margin is there for."""


def plan(model, job="training", *, gpu="h100-sxm", gpus=1, **choices):
    """What a job needs on each GPU, whether that fits, how long it takes; and what would make it fit.

    Parameters
    ----------
    model : str, dict, path or Transformer
        A preset's name, a config.json (what it holds, or where it is), or a model.
    job : "training", "fine-tuning" or "serving"
        What it is to do.
    gpu, gpus : str, int
        An accelerator by name, and how many of them.
    **choices
        How the job is done; `llmcalc.jobs.DEFAULTS` lists the choices of each job.

    Returns
    -------
    Plan

    Raises
    ------
    KeyError, TypeError, ValueError
        For names that are not known, choices that the job does not have, and what cannot be laid out or counted.

    Examples
    --------
    >>> small = plan("llama-2-7b", "serving", gpu="rtx-4090", context=4096)
    >>> small.verdict, small.items["cache"] / 2**30
    ('fits', 2.0)
    >>> plan("llama-2-7b", "training", gpu="a100-80gb").verdict
    'does not fit'
    """
    built, name = read_model(model)
    accelerator, count, chosen = resolved(built, job, gpu, gpus, choices)
    arguments = {"model": model, "job": job, "gpu": gpu, "gpus": gpus, **choices}
    return Plan(name, job, accelerator, count, chosen, needed(built, job, chosen), built, arguments)


@dataclass(frozen=True)
class Plan:
    """One job on some GPUs: bytes on the fullest of them, the verdict, time; see `plan`."""

    name: str
    job: str
    gpu: Accelerator
    gpus: int
    choices: dict
    items: dict  # bytes on each GPU by name
    model: Transformer = field(repr=False)
    arguments: dict = field(repr=False)  # what `plan` was called with

    __hash__ = None

    # --- memory ---

    @property
    def total(self):
        """Bytes that each GPU needs."""
        return sum(self.items.values())

    @property
    def capacity(self):
        """Bytes that each GPU has."""
        return self.gpu.memory_bytes

    @property
    def left(self):
        """Bytes that are left over; below 0, those that are missing."""
        return self.capacity - self.total

    @property
    def margin(self):
        """Whole bytes that should be left over for what is not counted: 20 % of what is."""
        return ceil_div(self.total, MARGIN)

    @property
    def verdict(self):
        """ "fits": with the margin; "does not fit": even without it; "too close to call": between."""
        if self.left < 0:
            return "does not fit"
        return "fits" if self.left >= self.margin else "too close to call"

    @property
    def fits(self):
        """Whether it fits with the margin."""
        return self.verdict == "fits"

    @cached_property
    def reasons(self):
        """The verdict in sentences, with its numbers."""
        name = max(self.items, key=self.items.get)
        largest, total = self.items[name], self.total
        where = "The GPU" if self.gpus == 1 else "Each GPU"
        sentences = [
            f"{where} needs {_gb(total)}; the largest item is {name} with {_gb(largest)}, {largest / total:.0%} of it."
        ]
        has = f"It has {_gb(self.capacity)}"
        if self.left < 0:
            sentences.append(f"{has}: {_gb(-self.left)} are missing, even without a margin.")
            if self.total <= self.gpu.memory_bytes_if_gib:
                sentences.append(f"Some cards hold {self.gpu.memory_gb} GiB, 7% more than GB: there it may still run.")
        elif self.fits:
            sentences.append(f"{has}: {_gb(self.left)} are left over, at least the margin of {_gb(self.margin)}.")
        else:
            sentences.append(f"{has}: {_gb(self.left)} are left over, less than the margin of {_gb(self.margin)}.")
        sentences += link_told(self.gpu, self.gpus, self.choices)
        if self.pace:
            if self.model.expert_layers and sequences_of_a_copy(self.choices) > 1:
                sentences.append("A step is taken to read as many experts as its tokens can choose at most.")
            sentences.append(f"The time of a token is bound by {_BINDS[self.pace.binds]}.")
        elif self.step is not None and self.step.efficiency < 0.5:
            share = f"{self.step.efficiency:.0%}"
            sentences.append(f"Work done twice, waiting and sending leave at most {share} of the peak rate.")
        return tuple(sentences)

    @property
    def not_counted(self):
        """What the margin has to cover."""
        if self._no_rule:
            return (*NOT_COUNTED, f"what a layer of {self.model.family.model_type} holds while it reads a prompt")
        return NOT_COUNTED

    @property
    def _no_rule(self):
        """Whether nobody says what a layer holds while it works."""
        return self.job == "serving" and not self.model.family.keeps

    @cached_property
    def changes(self):
        """What would make it fit, cheapest first; see `llmcalc.remedies`. Empty if it fits, or if nothing helps."""
        from llmcalc.remedies import remedies  # which plans again

        return remedies(self)

    def but(self, **changes):
        """The same plan with some of its arguments changed."""
        return plan(**{**self.arguments, **changes})

    # --- time and money ---

    @cached_property
    def flops(self):
        """FLOPs of the whole training; None for serving, and for fine-tuning without `tokens`."""
        return None if self.job == "serving" else job_flops(self.model, self.choices)

    @cached_property
    def step(self):
        """Ledger of the least seconds that a training step takes, `.sent` what a GPU sends, `.efficiency` the largest
        share of the peak there can be; see `llmcalc.traffic.step_seconds`. None for serving, and for adapters.
        """
        return None if self.job == "serving" else least_step(self.model, self.gpu, self.choices)

    @property
    def sent(self):
        """Whole bytes that each GPU sends in a training step; None where that is not known."""
        return math.ceil(self.step.sent.total) if self.step is not None else None

    @cached_property
    def least_seconds(self):
        """Seconds on the clock that all steps take at least, of adapters without what is sent; None without FLOPs."""
        if self.flops is None:
            return None
        return least_seconds(self.model, self.gpu, self.gpus, self.choices, self.step)

    @cached_property
    def published_seconds(self):
        """Seconds on the clock that published runs let expect; None where there are no FLOPs."""
        if self.flops is None:
            return None
        return published_hours(self.model, self.flops, self.gpu, self.choices).times(HOUR / self.gpus)

    @property
    def seconds(self):
        """Seconds on the clock to expect, low, middle and high: of published runs, or the least if that is more.

        None for serving, and for fine-tuning without `tokens`.
        """
        if self.flops is None:
            return None
        return Range(*(max(each, self.least_seconds) for each in self.published_seconds))

    @property
    def gpu_hours(self):
        """The same in GPU-hours."""
        return None if self.flops is None else Range(*(gpu_hours(self.gpus, each) for each in self.seconds))

    def cost(self, price_per_gpu_hour):
        """Money that a training costs, low, middle and high."""
        if self.flops is None:
            raise ValueError("cost: tokens must be given to a plan of fine-tuning; serving costs by the million tokens")
        return Range(*(cost(hours, price_per_gpu_hour) for hours in self.gpu_hours))

    @cached_property
    def pace(self):
        """Bounds of serving, a `llmcalc.paces.Pace`; None for training."""
        return serving_pace(self.model, self.gpu, self.choices) if self.job == "serving" else None

    def cost_per_million_tokens(self, price_per_gpu_hour):
        """Money that a million served tokens cost at least."""
        one_number(price_per_gpu_hour, "price_per_gpu_hour", of="cost_per_million_tokens")
        if self.pace is None:
            raise ValueError(f"cost_per_million_tokens: job must be 'serving', got {self.job!r}")
        return self.pace.cost_per_million_tokens(price_per_gpu_hour, self.gpus)

    # --- for others ---

    def to_dict(self):
        """All of it but the changes in what JSON knows, units in the names."""
        told = {
            "arguments": {name: plain(value) for name, value in self.arguments.items()},
            "name": self.name,
            "choices": {name: plain(value) for name, value in self.choices.items()},
            "bytes_per_gpu": dict(self.items),
            "total_bytes_per_gpu": self.total,
            "capacity_bytes_per_gpu": self.capacity,
            "margin_bytes_per_gpu": self.margin,
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "not_counted": list(self.not_counted),
        }
        if self.flops is not None:
            told |= {"flop": self.flops, "seconds": self.seconds._asdict(), "gpu_hours": self.gpu_hours._asdict()}
        if self.step is not None:
            told |= {"seconds_per_step_at_least": self.step.total, "bytes_sent_per_gpu_and_step": self.sent}
        if self.pace:
            told |= {
                "seconds_per_token_at_least": self.pace.token_seconds,
                "tokens_per_second_at_most": self.pace.tokens_per_second,
                "seconds_to_read_a_prompt_at_least": self.pace.prefill_seconds,
                "bound_by": self.pace.binds,
            }
        return told

    def to_json(self):
        """`to_dict` as text."""
        return json.dumps(self.to_dict(), indent=2)

    def __str__(self):
        rows = [(name, size) for name, size in self.items.items() if size]
        rows += [("needed", self.total), (f"{self.gpu.name} has", self.capacity)]
        wide = max(len(name) for name, _ in rows)
        lines = [f"{name:<{wide}}  {size / 10**9:>10,.2f} GB" for name, size in rows]
        more = ()
        if self._no_rule:
            lines = [line + ", in part" if line.startswith("in flight ") else line for line in lines]
            more = (f"Not counted: {self.not_counted[-1]}.",)
        each = "on one GPU" if self.gpus == 1 else f"on each of {self.gpus} GPUs"
        lines.insert(-2, "-" * len(lines[-1]))
        return "\n".join([f"{self.job} of {self.name}, {each}: {self.verdict}", *lines, *self.reasons, *more])


_BINDS = {
    "memory": "reading weights and cache from memory",
    "compute": "computing",
    "network": "adding up parts over the links between GPUs",
}


def _gb(size):
    return readable(size, "B")

"""What one GPU holds when a training step is laid out over many: its slice of the model, walked as a step of its own.

Tensor parallelism gives a GPU some heads, some of the values inside the MLP and some rows of the tables, at the full
width; a pipeline gives it some layers. What is left is a transformer again, so `llmcalc.timeline` says what it holds,
and ZeRO shares out its states. One GPU's step is measured to the byte; what many hold is built from it, and not
measured: buffers of the communication and fragments come on top.
"""

from dataclasses import dataclass, fields, replace

from llmcalc.formula import in_range, one_of, shown
from llmcalc.layout import check_layout
from llmcalc.ledger import Ledger
from llmcalc.pipeline import in_flight_micro_batches, interleaved_pieces_held, micro_batches_per_step, stage_layers
from llmcalc.sharding import SHARDED_FROM, padded_values
from llmcalc.symbolic import ceil_div, share
from llmcalc.timeline import Step
from llmcalc.transformer import Transformer

INSIDE = ("feed_forward", "expert_width", "shared_width")  # inside of an MLP: what tensor parallelism cuts
SOURCE = (
    "Rajbhandari et al. 2020, ZeRO; Narayanan et al. 2021; Korthikanti et al. 2022; one GPU measured on PyTorch 2.13"
)


@dataclass(frozen=True)
class Layout:
    """How a training step is shared out: `batch` sequences over copies of the model, each cut in two directions.

    Attributes
    ----------
    batch, micro_batch : int
        Sequences of a step, over all copies; and of them, those that go through a copy together.
    data_parallel, tensor_parallel, pipeline_parallel : int
        Copies of the model, GPUs that share each layer, and stages of the pipeline.
    zero : int
        Which of the states the copies share: 0 none, 1 optimizer, 2 gradients as well, 3 weights as well (FSDP).
    sequence_parallel : bool
        What tensor parallelism leaves whole is cut along the sequence.
    interleave : int
        Pieces of the model on each stage of the pipeline.

    Raises
    ------
    TypeError, ValueError
        For what is no whole number, and a batch that the copies cannot share evenly; see `check_layout`.

    Examples
    --------
    >>> Layout(batch=1536, tensor_parallel=8, pipeline_parallel=8, data_parallel=6).gpus
    384
    """

    batch: int = 1
    micro_batch: int = 1
    data_parallel: int = 1
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    zero: int = 0
    sequence_parallel: bool = False
    interleave: int = 1

    def __post_init__(self):
        one_of("Layout", "sequence_parallel", self.sequence_parallel, (False, True))
        if type(self.zero) is not int or self.zero not in range(4):
            raise ValueError(f"Layout: zero must be 0, 1, 2 or 3, got {shown(self.zero)}")
        if self.interleave != 1 and self.pipeline_parallel == 1:
            raise ValueError(f"Layout: interleave must be 1 without a pipeline, got {shown(self.interleave)}")
        check_layout(**self._sizes())

    def _sizes(self):
        sizes = {field.name: getattr(self, field.name) for field in fields(self)}
        del sizes["zero"], sizes["sequence_parallel"]
        return {"global_batch": sizes.pop("batch"), **sizes}

    def check(self, model, sequence):
        """Refuse in words a model, or a sequence, that cannot be shared out like this."""
        if not isinstance(model, Transformer):
            raise TypeError(f"Layout: model must be a Transformer such as model('gpt2'), got {shown(model)}")
        if model.family.experts and self.pipeline_parallel > 1:
            raise ValueError("Layout: model must have no experts to be cut into the stages of a pipeline")
        of_model = {name: getattr(model, name) for name in ("width", "heads", "kv_heads", "layers")}
        check_layout(**self._sizes(), **of_model, sequence=sequence if self.sequence_parallel else None)
        for name in INSIDE:
            if getattr(model, name) % self.tensor_parallel:
                allowed = f"a multiple of tensor_parallel = {self.tensor_parallel}"
                raise ValueError(f"check_layout: {name} must be {allowed}, got {getattr(model, name)}")

    @property
    def gpus(self):
        """All of them."""
        return self.data_parallel * self.tensor_parallel * self.pipeline_parallel

    @property
    def micro_batches(self):
        """Micro-batches that each copy goes through in a step."""
        return micro_batches_per_step(self.batch // self.data_parallel, self.micro_batch)


def model_slice(model, layout):
    """What one GPU has of a model: a narrower one of fewer layers, with its part of both tables.

    Experts are cut like any MLP. Fewer key/value heads than GPUs are held by several, and what latent attention keeps
    is whole on each of them; a vocabulary that does not divide is filled up. The slice has
    the tables of the first and the last stage; `gpu_ledger` counts for each stage what it has.

    Examples
    --------
    The layers of GPT-3 on 64 GPUs, 8 of them for each stage:

    >>> from llmcalc.models import model
    >>> part = model_slice(model("gpt-3-175b"), Layout(batch=8, tensor_parallel=8, pipeline_parallel=8))
    >>> part.layers, part.heads, part.feed_forward, part.vocabulary
    (12, 12, 6144, 6283)
    """
    check_is_layout(layout, "model_slice")
    layout.check(model, None)
    shared, layers = layout.tensor_parallel, stage_layers(model.layers, layout.pipeline_parallel)
    untied = replace(model.family, tied=False) if layout.pipeline_parallel > 1 else model.family  # a table at each end
    return replace(
        model,
        family=untied,
        layers=layers,
        sliding_layers=min(model.sliding_layers, layers),
        heads=model.heads // shared,
        kv_heads=max(1, model.kv_heads // shared),
        **{name: getattr(model, name) // shared for name in INSIDE},
        vocabulary=padded_values(model.vocabulary, shared) // shared,
    )


@in_range
def gpu_ledger(model, layout, sequence=1, *, recipe="mixed", update="fused", attention="flash", **how):
    """Ledger of what the fullest GPU holds at its fullest instant, in bytes.

    Items `weights`, `gradients`, `optimizer`, `activations` and `in_flight`, as in `llmcalc.timeline.Moment`; on one
    GPU they are those of the fullest moment there. `.stage` counts from 1 (of a pipeline's stages, the first holds the
    most micro-batches and the last the logits), `.moment` says when it is, `.parameters` how many the GPU has.

    Parameters
    ----------
    model : Transformer
        One that `llmcalc.timeline.step_timeline` takes.
    layout : Layout
        The GPUs, the batch, and how they share it.
    sequence : int
        Tokens of each sequence.
    recipe, update, attention, and further keywords
        As in `llmcalc.timeline.step_timeline`. With micro-batches, gradients are summed over them.

    Examples
    --------
    GPT-3 on 64 GPUs with every layer recomputed, in GB:

    >>> from llmcalc.models import model
    >>> layout = Layout(batch=64, tensor_parallel=8, pipeline_parallel=8)
    >>> held = gpu_ledger(model("gpt-3-175b"), layout, 2048, recompute="full")
    >>> held.stage, held.moment, round(held.total / 1e9, 1)
    (1, 'layer 12, backward', 50.4)
    """
    check_is_layout(layout, "gpu_ledger")
    layout.check(model, sequence)
    last = layout.pipeline_parallel
    how |= {"attention": attention}
    stages = {place: _Stage(model, layout, place, sequence, recipe, update, how) for place in {1, last}}
    held = ((place, when, parts) for place, stage in sorted(stages.items()) for when, parts in stage.held())
    place, when, parts = max(held, key=lambda moment: sum(moment[2].values()))
    found = {"stage": place, "moment": when, "parameters": stages[place].parameters}
    return Ledger.of("held by a GPU", parts, "bytes", SOURCE).also(**found)


def stage_parameters(model, layout, place):
    """Parameters that each GPU of a stage of the pipeline has; stages count from 1.

    Examples
    --------
    >>> from llmcalc.models import model
    >>> layout = Layout(batch=2, pipeline_parallel=2)
    >>> [stage_parameters(model("llama-2-7b"), layout, place) for place in (1, 2)]
    [3369205760, 3369209856]
    """
    check_is_layout(layout, "stage_parameters")
    stages = layout.pipeline_parallel
    if type(place) is not int or not 1 <= place <= stages:
        raise ValueError(f"stage_parameters: place must be a whole number from 1 to {stages}, got {shown(place)}")
    return sum(_units(model_slice(model, layout), layout, place).values())


def _units(part, layout, place):
    """Parameters of a stage that are gathered together: the layers, and what it has before and after them."""
    tree = part.parameters
    before = tree.embedding.total + tree.norm.embedding.total
    after = tree.lm_head.total + tree.norm.final.total
    return {
        "layers": tree.total - before - after,
        "embedding": before if place == 1 else 0,
        "loss": after if place == layout.pipeline_parallel else 0,
    }


def check_is_layout(layout, of):
    """Refuse what is no `Layout`."""
    if not isinstance(layout, Layout):
        raise TypeError(f"{of}: layout must be a Layout such as Layout(batch=8, data_parallel=8), got {shown(layout)}")


class _Stage:
    """One GPU of one stage of the pipeline, over a training step."""

    def __init__(self, model, layout, place, sequence, recipe, update, how):
        self.layout, self.place, how = layout, place, dict(how)
        self.first, self.last = place == 1, place == layout.pipeline_parallel
        accumulate = how.pop("accumulate", False)
        one_of("gpu_ledger", "accumulate", accumulate, (False, True))
        self.summed = summed = accumulate or layout.micro_batches > 1 or layout.pipeline_parallel > 1
        logits, size = how.pop("logits", "held"), how.pop("bytes_per_value", None)
        logits = logits if self.last else "dropped"
        self.part = model_slice(model, layout)
        self.step = Step(self.part, layout.micro_batch, sequence, recipe, update, size, summed, logits, how)
        self.keeps = self.step  # the step whose activations are kept, over the GPUs that share them
        if layout.sequence_parallel:
            whole = model_slice(model, replace(layout, tensor_parallel=1, sequence_parallel=False))
            filled = self.part.vocabulary * layout.tensor_parallel
            whole = replace(whole, kv_heads=max(whole.kv_heads, layout.tensor_parallel), vocabulary=filled)
            self.keeps = Step(whole, layout.micro_batch, sequence, recipe, update, size, summed, logits, how)
        self.units = _units(self.part, layout, place)
        self.parameters = sum(self.units.values())

    def held(self, every=False):
        """For every moment that this stage has, its name and the bytes of each item.

        From one layer to the next all of them grow or shrink by as much: the fullest is the first or the last.
        """
        ends = {"layer 1", f"layer {self.part.layers}"}
        moments = list(self.step.moments())
        all_kept = moments if self.keeps is self.step else self.keeps.moments()
        for moment, kept in zip(moments, all_kept, strict=True):
            absent = (moment.name == "embedding" and not self.first) or (moment.name == "loss" and not self.last)
            if absent or (moment.name.startswith("layer") and moment.name not in ends and not every):
                continue
            updates = moment.phase == "update"
            held = {
                **self._states(moment),
                "activations": kept.activations if updates else self._activations(kept),
                "in_flight": self._copies(moment) if updates else moment.in_flight + self._gathered(moment),
            }
            yield moment.name if updates else f"{moment.name}, {moment.phase}", held

    def _activations(self, kept):
        """Those of the micro-batch at work, and of the others that have gone through and not come back."""
        layout, ledger = self.layout, self.keeps.kept
        layers = self.part.layers * ledger.per_layer.total
        before = ledger.rotary.total + (ledger.embedding.total if self.first else 0)
        own = kept.activations - (0 if self.first else ledger.embedding.total)
        behind = layout.pipeline_parallel - self.place + 1
        if layout.interleave == 1:
            under_way = in_flight_micro_batches(behind, layout.micro_batches)
            waiting = (under_way - 1) * (layers + before)
        else:
            pieces = interleaved_pieces_held(layout.pipeline_parallel, layout.interleave) - 2 * (self.place - 1)
            pieces = min(pieces, layout.micro_batches * layout.interleave)
            waiting = (pieces - layout.interleave) * (layers + before) // layout.interleave
        shared = layout.tensor_parallel if layout.sequence_parallel else 1
        return ceil_div(own + waiting, shared)

    def _states(self, moment):
        """Weights, gradients and optimizer states, as ZeRO leaves them; buffers are filled up to share out evenly."""
        layout, step, own = self.layout, self.step, self.parameters
        copied = step.copied if moment.phase == "update" else 0  # copies that the update makes, of its share
        elsewhere = step.count - own  # parameters of the slice that another stage has
        gradients = moment.gradients - copied - share(step.standing * elsewhere, step.count)
        # Those of the layer at work are whole until they are shared out; where gradients are summed, in flight.
        whole_still = layout.zero >= 2 and moment.phase == "backward" and not self.summed
        arriving = min(gradients, step.gradient * self._unit(moment)) if whole_still else 0
        states = (share(step.weights * own, step.count), gradients - arriving, share(step.optimizer * own, step.count))
        parts = {
            name: ceil_div(size, layout.data_parallel) if layout.zero >= from_stage else size
            for (name, from_stage), size in zip(SHARDED_FROM.items(), states, strict=True)
        }
        return parts | {"gradients": parts["gradients"] + arriving + self._shared(copied)}

    def _shared(self, amount):
        """Of something that the update makes: each copy does its share, from the first stage of ZeRO on."""
        return ceil_div(amount, self.layout.data_parallel) if self.layout.zero else amount

    def _copies(self, moment):
        copies = self.step.copies()
        return moment.in_flight - copies + self._shared(ceil_div(copies * self.parameters, self.step.count))

    def _gathered(self, moment):
        """The weights of a layer are whole while it works."""
        alone = self.layout.zero < 3 or self.layout.data_parallel == 1
        return 0 if alone else self.step.recipe.weights * self._unit(moment)

    def _unit(self, moment):
        """Parameters of what is at work; a tied table works at either end."""
        if moment.name not in self.units:
            return self.units["layers"] // self.part.layers
        again = self.part.head_weights if moment.name == "loss" and self.part.family.tied else 0
        return self.units[moment.name] + again

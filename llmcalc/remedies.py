"""What would make a job fit: changes of its arguments, each found by planning again, the cheapest first."""

from dataclasses import dataclass
from itertools import combinations, product

from llmcalc.flops import training_ledger
from llmcalc.hardware import ACCELERATORS
from llmcalc.jobs import DEFAULTS, FROZEN, WHOLE_STEPS
from llmcalc.units import readable

KINDS = ("free", "time", "accuracy", "less work", "hardware")
"""What a change costs, the cheapest kind first: nothing; time; perhaps accuracy; doing less; more or larger GPUs."""

CHEAP = ("free", "time", "accuracy")
MOST_GPUS = 4096
FEWER_BITS = ("fp8-tensor", "awq")  # of served weights: 8, then 4


@dataclass(frozen=True)
class Change:
    """Arguments to change, what that costs, and the plan it leads to."""

    name: str
    kind: str
    price: str
    arguments: dict
    plan: object
    extra_flops: float = 0  # as a share of those there were
    gpus_times: float = 1
    extra_seconds: float = 0  # on the clock for a training; for a token of each sequence in serving

    __hash__ = None

    def __str__(self):
        return f"{self.name}: {readable(self.plan.total, 'B')} on each GPU; {self.price}"


@dataclass(frozen=True)
class _Rung:
    """A step of one ladder: the further up, the more it helps."""

    name: str
    kind: str
    price: str
    arguments: dict


def remedies(plan):
    """Changes that make a plan fit, the cheapest first.

    Single ones; if none of them leaves the job and the GPUs as they are, pairs that do; if nothing fits yet, all pairs.

    Ranked by kind (see `KINDS`), then by how often the GPUs are needed, the seconds added, and the bytes needed. Of
    changes that come in degrees, the smallest degree that fits.

    Parameters
    ----------
    plan : llmcalc.planning.Plan
        One that may not fit; of one that does there is nothing to change.

    Returns
    -------
    tuple of Change
    """
    if plan.fits:
        return ()
    ladders = [ladder for ladder in _ladders(plan) if ladder]
    found = [_refined(plan, *_first(plan, [(rung,) for rung in ladder])) for ladder in ladders]
    if not any(change and change.kind in CHEAP for change in found):
        cheap = [ladder for ladder in ladders if ladder[0].kind in CHEAP]
        found += [_pair(plan, one, other) for one, other in combinations(cheap, 2)]
    if not any(found):
        found = [_pair(plan, one, other) for one, other in combinations(ladders, 2)]
    return tuple(sorted(filter(None, found), key=_rank))


def _rank(change):
    return KINDS.index(change.kind), change.gpus_times, change.extra_seconds, change.plan.total


def _first(plan, steps):
    """The first of these steps (of one rung or two) that fits, and the one before it."""
    before = None
    for rungs in steps:
        change = _tried(plan, rungs)
        if change:
            return change, before
        before = rungs
    return None, before


def _tried(plan, rungs):
    """The change that these rungs make, if it can be planned and fits."""
    arguments = {name: value for rung in rungs for name, value in rung.arguments.items()}
    try:
        changed = plan.but(**arguments)
    except ValueError:  # cannot be laid out so, or not be counted
        return None
    return _change(plan, changed, rungs, arguments) if changed.fits else None


def _change(plan, changed, rungs, arguments):
    was, extra = _work(plan), _work(changed)
    seconds = 0
    if plan.pace:
        seconds = changed.pace.token_seconds - plan.pace.token_seconds
    elif plan.flops is not None:
        seconds = changed.seconds.middle * extra - plan.seconds.middle * was
    return Change(
        " and ".join(rung.name for rung in rungs),
        max((rung.kind for rung in rungs), key=KINDS.index),
        "; ".join(rung.price for rung in rungs),
        arguments,
        changed,
        extra / was - 1,
        changed.gpus / plan.gpus,
        seconds,
    )


def _work(plan):
    """FLOPs that are done for each that the model needs: more than 1 where some are done twice."""
    if plan.job == "serving":
        return 1
    how = plan.choices["recompute"]
    once, done = (training_ledger(plan.model, 1, plan.choices["sequence"], recompute=r).total for r in ("none", how))
    return done / once


def _pair(plan, one, other):
    """The first pair of rungs of two ladders that fits; nothing where the highest of both does not."""
    if set(one[0].arguments) & set(other[0].arguments) or not _tried(plan, (one[-1], other[-1])):
        return None
    steps = sorted(product(range(len(one)), range(len(other))), key=lambda step: (sum(step), step))
    return _first(plan, [(one[a], other[b]) for a, b in steps])[0]


def _refined(plan, change, before):
    """Of a context or a batch that was halved until it fits: the largest whole one that does."""
    name = next(iter(change.arguments)) if change else None
    if name not in ("context", "batch") or plan.job != "serving":
        return change
    step = plan.gpus // plan.choices["tensor_parallel"] if name == "batch" else 1
    fits = change.arguments[name] // step
    fails = (before[0].arguments[name] if before else plan.choices[name]) // step
    make = {"context": _context, "batch": _batch}[name]
    while fails - fits > 1:
        middle = (fits + fails) // 2
        better = _tried(plan, (make(middle * step),))
        change, fits, fails = (better, middle, fails) if better else (change, fits, middle)
    return change


# --- the ladders ----------------------------------------------------------------------------------------------------


def _ladders(plan):
    job = _serving if plan.job == "serving" else _step
    return [*job(plan), _larger_gpus(plan), _more_gpus(plan)]


def _step(plan):
    chosen, adapters = plan.choices, plan.choices.get("method", "full") != "full"
    flash = "the same result, computed in pieces"
    yield [_Rung("flash attention", "free", flash, {"attention": "flash"})] if chosen["attention"] != "flash" else []
    if chosen["update"] != "fused":
        yield [_Rung("a fused update", "free", "the same result, in one kernel", {"update": "fused"})]
    if chosen["data_parallel"] > 1:
        same = "as many bytes over the network"
        yield [_Rung(f"ZeRO stage {s}", "free", same, {"zero": s}) for s in range(chosen["zero"] + 1, 3)]
        more = "half as many bytes more over the network"
        yield [_Rung("ZeRO stage 3", "time", more, {"zero": 3})] if chosen["zero"] < 3 else []
    yield _smaller_micro_batches(chosen)
    yield _recomputing(plan)
    if adapters:
        yield _lighter_adapters(chosen)
    elif chosen["optimizer"] == "adamw":
        risk = "moments of a byte, rounded"
        yield [_Rung("an 8-bit optimizer", "accuracy", risk, {"optimizer": "adamw 8-bit"})]
    yield _fewer_trained(plan)
    half = chosen["sequence"] // 2
    yield [
        _Rung(f"sequences of {tokens:,} tokens", "less work", "nothing longer is learnt", {"sequence": tokens})
        for tokens in _halves(chosen["sequence"])
        if half
    ]


def _smaller_micro_batches(chosen):
    price = "as many FLOPs in smaller pieces; gradients are summed up over them"
    own = chosen["micro_batch"]
    return [
        _Rung(f"micro-batches of {count}", "time", price, {"micro_batch": count, "batch": chosen["batch"]})
        for count in _halves(own)
        if own % count == 0
    ]


def _recomputing(plan):
    rungs, steps = [], ("none", "selective", "full")
    for how in steps[steps.index(plan.choices["recompute"]) + 1 :]:
        sequence = plan.choices["sequence"]
        done, before = (
            training_ledger(plan.model, 1, sequence, recompute=each).total for each in (how, plan.choices["recompute"])
        )
        what = {"selective": "recomputing attention", "full": "recomputing every layer"}[how]
        rungs.append(_Rung(what, "time", f"{done / before - 1:.0%} more FLOPs", {"recompute": how}))
    return rungs


def _lighter_adapters(chosen):
    if chosen["trained"] != "fp32":
        return []
    return [_Rung("adapters in bf16", "accuracy", "small updates may get lost", {"trained": "bf16"})]


def _fewer_trained(plan):
    """Adapters in place of all parameters, and few bits in place of 16."""
    method = plan.choices.get("method")
    if method in (None, "qlora"):
        return []
    given = {name: DEFAULTS[plan.job][name] for name in WHOLE_STEPS if name in plan.arguments}
    rungs = [_Rung("LoRA", "accuracy", "adapters learn, the weights stay", {"method": "lora", **given})]
    price = "adapters learn, the weights stay, in 4 bits"
    frozen = {} if plan.choices["weights"] is None else {"weights": FROZEN["qlora"]}
    rungs.append(_Rung("QLoRA", "accuracy", price, {"method": "qlora", **given, **frozen}))
    return rungs[method == "lora" :]


def _serving(plan):
    chosen = plan.choices
    rungs = [_Rung(f"weights in {name}", "accuracy", "rounded weights", {"weights": name}) for name in FEWER_BITS]
    yield rungs[FEWER_BITS.index(chosen["weights"]) + 1 :] if chosen["weights"] in FEWER_BITS else rungs
    if chosen["cache_bytes_per_value"] > 1:
        yield [_Rung("a cache of 8 bits", "accuracy", "rounded keys and values", {"cache_bytes_per_value": 1})]
    price = "prompts are read in smaller pieces"
    yield [_Rung("shorter pieces of prompts", "time", price, {"prefill": 512})] if chosen["prefill"] > 512 else []
    price = "parts are added up over the link, twice a layer"
    yield [
        _Rung(f"weights shared by {parts} GPUs", "time", price, {"tensor_parallel": parts})
        for parts in range(chosen["tensor_parallel"] + 1, plan.gpus + 1)
        if plan.gpus % parts == 0
    ]
    yield [_batch(count * chosen["copies"]) for count in _halves(chosen["batch"] // chosen["copies"])]
    yield [_context(tokens) for tokens in _halves(chosen["context"])]


def _batch(count):
    return _Rung(f"{count:,} sequences at once", "less work", "fewer users at a time", {"batch": count})


def _context(tokens):
    return _Rung(f"a context of {tokens:,} tokens", "less work", "what came before is cut off", {"context": tokens})


def _larger_gpus(plan):
    """The newest of each size of memory above, of the same vendor."""
    newest = {}
    for row in sorted(ACCELERATORS.values(), key=lambda row: (row.memory_gb, row.year)):
        if row.vendor == plan.gpu.vendor and not row.name.endswith("-pcie") and row.memory_gb > plan.gpu.memory_gb:
            newest[row.memory_gb] = row.name
    return [_Rung(f"the larger {name}", "hardware", "another GPU", {"gpu": name}) for name in newest.values()]


def _more_gpus(plan):
    rungs, gpus = [], 2 * plan.gpus
    while gpus <= MOST_GPUS:
        arguments, name = {"gpus": gpus}, f"{gpus:,} GPUs"
        if plan.job == "serving":
            arguments["tensor_parallel"] = None
        else:
            arguments |= {"data_parallel": None, "zero": 3}
            name += " that share the states (ZeRO stage 3)"
            if "batch" in plan.arguments and plan.choices["batch"] % gpus:
                arguments |= {"batch": None}
        rungs.append(_Rung(name, "hardware", f"{gpus // plan.gpus} times the GPUs", arguments))
        gpus *= 2
    return rungs


def _halves(count):
    """Half of it, a quarter, and so on, down to 1."""
    while count > 1:
        count //= 2
        yield count

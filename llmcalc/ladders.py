"""What can be changed in a plan that does not fit, as ladders: the further up a rung, the more it helps."""

from dataclasses import dataclass

from llmcalc.hardware import ACCELERATORS
from llmcalc.jobs import DEFAULTS, FROZEN, WHOLE_STEPS
from llmcalc.traffic import IN_A_MACHINE

KINDS = ("free", "time", "accuracy", "less work", "hardware")
"""What a change costs, the cheapest kind first: nothing; time; perhaps accuracy; doing less; more or larger GPUs."""

MOST_GPUS = 4096
FEWER_BITS = ("fp8-tensor", "awq")  # of served weights: 8, then 4; int8 where a GPU knows no fp8
SHORT_PIECE = 512  # tokens of a prompt that are read at once


@dataclass(frozen=True)
class Rung:
    """One change: its name, its kind, what it costs beside FLOPs and bytes on the wire, and the arguments to change."""

    name: str
    kind: str
    price: str
    arguments: dict


def ladders_of(plan):
    """Every ladder of a plan, as a list of lists of `Rung`."""
    job = _of_serving if plan.job == "serving" else _of_training
    return [ladder for ladder in (*job(plan), _larger_gpus(plan), _more_gpus(plan)) if ladder]


def fewer(plan, change):
    """How to make a rung of any number, where a change is one of GPUs, or a smaller context or batch of serving."""
    making = {"context": _context, "batch": _sequences} if plan.job == "serving" else {}
    making["gpus"] = lambda gpus: _of_gpus(plan, gpus)
    return making.get(next(iter(change.arguments)))


def step_of(plan, name, number):
    """In what steps a number is tried that `fewer` makes a rung of."""
    if name == "gpus":
        return IN_A_MACHINE * -(-plan.gpus // IN_A_MACHINE) if number > IN_A_MACHINE else number
    return plan.choices["copies"] if name == "batch" else 1


# --- training and fine-tuning ---------------------------------------------------------------------------------------


def _of_training(plan):
    chosen = plan.choices
    yield _the_same_otherwise(chosen)
    yield _sharing(chosen)
    yield _smaller_micro_batches(chosen)
    yield _recomputing(chosen)
    if chosen.get("method", "full") == "full":
        yield _cutting_layers(plan)
        yield _cutting_sequences(chosen)
        yield _lighter_optimizer(chosen)
    else:
        yield _lighter_adapters(chosen)
    yield _fewer_trained(plan)
    price = "nothing longer is learnt"
    yield [
        Rung(f"sequences of {tokens:,} tokens", "less work", price, {"sequence": tokens})
        for tokens in _halves(chosen["sequence"])
    ]


def _the_same_otherwise(chosen):
    """The same numbers, computed in another way."""
    rungs = []
    if chosen["attention"] == "explicit":
        rungs.append(Rung("flash attention", "free", "the same result, in pieces", {"attention": "flash"}))
    if chosen["update"] != "fused":
        more = {"attention": "flash"} if rungs else {}
        name = "flash attention with a fused update" if rungs else "a fused update"
        rungs.append(Rung(name, "free", "the same result, in one kernel", {"update": "fused", **more}))
    return rungs


def _sharing(chosen):
    """The stages of ZeRO that are left."""
    if chosen["data_parallel"] == 1:
        return []
    summed = chosen["micro_batch"] * chosen["data_parallel"] != chosen["batch"]
    kinds = {1: "free", 2: "time" if summed else "free", 3: "time"}
    price = f"{chosen['data_parallel']} copies share their states"
    return [Rung(f"ZeRO stage {stage}", kinds[stage], price, {"zero": stage}) for stage in range(chosen["zero"] + 1, 4)]


def _smaller_micro_batches(chosen):
    price = "the same work in smaller pieces, gradients summed up over them"
    return [
        Rung(f"micro-batches of {count}", "time", price, {"micro_batch": count, "batch": chosen["batch"]})
        for count in _halves(chosen["micro_batch"])
        if chosen["batch"] // chosen["data_parallel"] % count == 0
    ]


def _recomputing(chosen):
    ways = ("none", "selective", "full")
    names = {"selective": "recomputing attention", "full": "recomputing every layer"}
    left = ways[ways.index(chosen["recompute"]) + 1 :]
    return [Rung(names[way], "time", "", {"recompute": way}) for way in left]


def _cutting_layers(plan):
    """Tensor parallelism within a machine, by GPUs that are copies now; sequences are cut with it where they can be."""
    chosen, now, rungs = plan.choices, plan.choices["tensor_parallel"], []
    fixed = {"data_parallel": None, "batch": chosen["batch"], "micro_batch": chosen["micro_batch"]}
    for parts in range(now + 1, IN_A_MACHINE + 1):
        if parts % now or chosen["data_parallel"] % (parts // now):
            continue
        cut = chosen["sequence"] % parts == 0
        name = f"tensor parallelism over {parts} GPUs" + (", sequences cut too" if cut else "")
        more = {"sequence_parallel": True} if cut else {}
        rungs.append(Rung(name, "time", "", {"tensor_parallel": parts, **fixed, **more}))
    return rungs


def _cutting_sequences(chosen):
    """What tensor parallelism leaves whole: norms, dropout and what stands between them."""
    parts = chosen["tensor_parallel"]
    if parts == 1 or chosen["sequence_parallel"] or chosen["sequence"] % parts:
        return []
    return [Rung("sequence parallelism", "free", "sends as much as before", {"sequence_parallel": True})]


def _lighter_optimizer(chosen):
    if chosen["optimizer"] != "adamw":
        return []
    return [Rung("an 8-bit optimizer", "accuracy", "moments are rounded", {"optimizer": "adamw 8-bit"})]


def _lighter_adapters(chosen):
    if chosen["trained"] != "fp32":
        return []
    return [Rung("adapters in bf16", "accuracy", "small updates may get lost", {"trained": "bf16"})]


def _fewer_trained(plan):
    """Adapters in place of all parameters, and few bits in place of 16."""
    method = plan.choices.get("method")
    if method in (None, "qlora"):
        return []
    given = {name: DEFAULTS[plan.job][name] for name in WHOLE_STEPS if name in plan.arguments}
    rungs = [Rung("LoRA", "accuracy", "adapters learn, the weights stay", {"method": "lora", **given})]
    price = "adapters learn, the weights stay, in 4 bits"
    frozen = {} if plan.choices["weights"] is None else {"weights": FROZEN["qlora"]}
    rungs.append(Rung("QLoRA", "accuracy", price, {"method": "qlora", **given, **frozen}))
    return rungs[method == "lora" :]


# --- serving --------------------------------------------------------------------------------------------------------


def _of_serving(plan):
    chosen = plan.choices
    bits = FEWER_BITS if "fp8" in dict(plan.gpu.dense) else ("int8", *FEWER_BITS[1:])
    rungs = [Rung(f"weights in {name}", "accuracy", "weights are rounded", {"weights": name}) for name in bits]
    yield rungs[bits.index(chosen["weights"]) + 1 :] if chosen["weights"] in bits else rungs
    if chosen["cache_bytes_per_value"] > 1:
        price = "keys and values are rounded"
        yield [Rung("a cache in 8 bits", "accuracy", price, {"cache_bytes_per_value": 1})]
    if chosen["prefill"] > SHORT_PIECE:
        yield [Rung("prompts read in smaller pieces", "time", "smaller products", {"prefill": SHORT_PIECE})]
    price = "parts are added up over the link, twice a layer"
    yield [
        Rung(f"weights shared by {parts} GPUs", "time", price, {"tensor_parallel": parts})
        for parts in range(chosen["tensor_parallel"] + 1, plan.gpus + 1)
        if plan.gpus % parts == 0
    ]
    yield [_sequences(count * chosen["copies"]) for count in _halves(chosen["batch"] // chosen["copies"])]
    yield [_context(tokens) for tokens in _halves(chosen["context"])]


def _sequences(count):
    return Rung(f"{count:,} sequences at once", "less work", "fewer users at a time", {"batch": count})


def _context(tokens):
    return Rung(f"a context of {tokens:,} tokens", "less work", "what came before is cut off", {"context": tokens})


# --- GPUs -----------------------------------------------------------------------------------------------------------


def _larger_gpus(plan):
    """The newest of each size of memory above, of the same vendor."""
    newest = {}
    for row in sorted(ACCELERATORS.values(), key=lambda row: (row.memory_gb, row.year)):
        if row.vendor == plan.gpu.vendor and row.memory_gb > plan.gpu.memory_gb and not row.name.endswith("-pcie"):
            newest[row.memory_gb] = row.name
    return [Rung(f"the larger {name}", "hardware", "another GPU", {"gpu": name}) for name in newest.values()]


def _more_gpus(plan):
    rungs, gpus = [], 2 * plan.gpus
    while gpus <= MOST_GPUS:
        rungs.append(_of_gpus(plan, gpus))
        gpus *= 2
    return rungs


def _of_gpus(plan, gpus):
    """As many GPUs, and what that changes beside."""
    arguments, name, price = {"gpus": gpus}, f"{gpus:,} GPUs", f"{gpus / plan.gpus:g} times the GPUs"
    chosen = plan.choices
    if plan.job == "serving":
        if chosen["copies"] > 1:
            price += f"; one copy of the model instead of {chosen['copies']}"
        return Rung(name, "hardware", price, arguments | {"tensor_parallel": None})
    arguments |= {"data_parallel": None, "zero": 3}
    copies = gpus // (chosen["tensor_parallel"] * chosen["pipeline_parallel"])
    batch = plan.arguments.get("batch")
    if batch is not None and batch % copies:
        arguments["batch"] = batch = None
    if batch is None:
        each = plan.arguments.get("micro_batch") or 1
        count = "one sequence" if each == 1 else f"{each} sequences"
        price += f"; {count} on each copy: the batch becomes {each * copies:,} instead of {chosen['batch']:,}"
    return Rung(f"{name} that share the states (ZeRO stage 3)", "hardware", price, arguments)


def _halves(count):
    """Half of it, a quarter, and so on, down to 1."""
    while count > 1:
        count //= 2
        yield count

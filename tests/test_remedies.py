"""Changes that a plan proposes: each does what it promises, the smallest that does, in the order of their price."""

import pytest

from llmcalc import planning
from llmcalc.hardware import gpu
from llmcalc.jobs import DEFAULTS
from llmcalc.ladders import KINDS, _larger_gpus, ladders_of
from llmcalc.needs import needed
from llmcalc.planning import plan
from llmcalc.remedies import CHEAP, Change, _rank

CASES = {
    "7B on a card": ("llama-2-7b", "training", {"gpu": "a100-80gb"}),
    "7B on eight": ("llama-2-7b", "training", {"gpu": "a100-80gb", "gpus": 8, "batch": 64, "micro_batch": 2}),
    "7B in fp32": ("llama-2-7b", "training", {"gpu": "a100-80gb", "gpus": 8, "recipe": "fp32"}),
    "13B in fp32": ("llama-2-13b", "training", {"gpus": 8, "recipe": "fp32", "update": "foreach"}),
    "70B on eight": ("llama-3-70b", "training", {"gpus": 8}),
    "405B on eight": ("llama-3.1-405b", "training", {"gpus": 8}),
    "GPT-2, all at once": ("gpt2", "training", {"gpu": "rtx-4090", "batch": 64, "attention": "explicit"}),
    "GPT-2, foreach": ("gpt2-xl", "training", {"gpu": "rtx-4090", "update": "foreach", "attention": "explicit"}),
    "8B, all of it": ("llama-3-8b", "fine-tuning", {"gpu": "rtx-4090", "sequence": 1024, "tokens": 10**7}),
    "8B, fp32": ("llama-3-8b", "fine-tuning", {"gpu": "rtx-4090", "recipe": "fp32"}),
    "8B, LoRA": ("llama-3-8b", "fine-tuning", {"gpu": "rtx-4090", "method": "lora", "sequence": 1024}),
    "8B, LoRA in int8": ("llama-3-8b", "fine-tuning", {"gpu": "t4", "method": "lora", "weights": "int8"}),
    "8B, QLoRA": ("llama-3-8b", "fine-tuning", {"gpu": "rtx-4090", "method": "qlora", "batch": 4}),
    "70B, QLoRA": ("llama-3-70b", "fine-tuning", {"gpu": "rtx-4090", "method": "qlora", "gpus": 2, "sequence": 512}),
    "8B, long context": ("llama-3-8b", "serving", {"gpu": "rtx-4090", "context": 131_072}),
    "8B, 40 GB": ("llama-3-8b", "serving", {"gpu": "a100-40gb", "context": 131_072}),
    "8B, many": ("llama-3-8b", "serving", {"gpus": 2, "tensor_parallel": 1, "batch": 256}),
    "70B on a card": ("llama-3-70b", "serving", {"gpu": "rtx-4090", "context": 8192}),
    "experts": ("deepseek-v3", "serving", {"gpus": 4, "weights": "fp8-tensor"}),
    "few bits already": ("llama-3-70b", "serving", {"gpu": "l4", "weights": "awq"}),
}


def of(case):
    """The plan of a case."""
    given, job, how = CASES[case]
    return plan(given, job, **how)


@pytest.fixture(scope="module", params=CASES)
def planned(request):
    """Every case in turn: none of them fits, or not surely."""
    return of(request.param)


def test_every_change_gives_the_plan_that_it_promises(planned):
    assert not planned.fits and planned.changes, planned.reasons
    for change in planned.changes:
        again = planned.but(**change.arguments)
        assert again.verdict == "fits" and again.items == change.plan.items
        assert change.name and change.price and str(change).startswith(change.name)
        assert set(change.arguments) <= {"gpu", "gpus", *DEFAULTS[planned.job]}
        assert change.gpus_times == again.gpus / planned.gpus
        assert (change.gpus_times > 1 or change.plan.gpu != planned.gpu) <= (change.kind == "hardware")


def test_the_cheapest_comes_first(planned):
    ranks = [
        (KINDS.index(change.kind), _beside_hardware(change), change.gpus_times, change.extra_seconds)
        for change in planned.changes
    ]
    assert ranks == sorted(ranks)
    names = [change.name for change in planned.changes]
    assert len(set(names)) == len(names)


def test_pairs_are_for_those_whom_no_single_change_helps(planned):
    single = [change for change in planned.changes if " and " not in change.name]
    pairs = [change for change in planned.changes if change not in single]
    if any(change.kind in CHEAP for change in single):
        assert not pairs
    elif single and any(change.kind in CHEAP for change in pairs):
        assert all(change.kind in CHEAP for change in pairs)
    elif single:  # a change that leaves the job together with one that does less, less of which is enough then
        alone = {next(iter(change.arguments)) for change in single if change.kind == "less work"}
        assert all(change.kind == "less work" and alone & set(change.arguments) for change in pairs)


def test_of_a_degree_the_smallest_that_fits():
    context = next(change for change in of("8B, long context").changes if "context" in change.arguments)
    tokens = context.arguments["context"]
    assert not of("8B, long context").but(context=tokens + 1).fits and 20_000 < tokens < 30_000
    batch = next(change for change in of("8B, many").changes if "batch" in change.arguments)
    count = batch.arguments["batch"]
    assert count % 2 == 0 and not of("8B, many").but(batch=count + 2).fits  # two copies share them evenly
    micro = next(change for change in of("GPT-2, all at once").changes if "micro_batch" in change.arguments)
    assert (
        not of("GPT-2, all at once")
        .but(**micro.arguments | {"micro_batch": 2 * micro.plan.choices["micro_batch"]})
        .fits
    )
    shared = next(
        change for change in of("7B on eight").changes if "zero" in change.arguments and change.kind == "free"
    )
    assert shared.arguments == {"zero": 1}


def test_prices_are_what_comes_on_top():
    lora = of("8B, LoRA")
    again = next(change for change in lora.changes if change.arguments == {"recompute": "full"})
    layers, attention, head, _ = (item.total for item in lora.model.forward_ledger(1, 1024))
    once = 2 * (layers + head) + 3 * attention  # forward, and back to what went in; no gradients of frozen weights
    assert again.extra_flops == pytest.approx((layers + attention) / once) and again.kind == "time"
    assert 0.43 < again.extra_flops < 0.48
    full = plan("llama-2-7b", batch=4, recipe="16-bit throughout")
    both = next(change for change in full.changes if change.arguments == {"recompute": "full"})
    assert 0.3 < both.extra_flops < 1 / 3  # of three times a forward pass, the layers once more
    assert f"{again.extra_flops:.0%} more FLOPs" in again.price
    eight = of("7B on eight")
    cut = next(change for change in eight.changes if "tensor_parallel" in change.arguments)
    assert cut.extra_sent == cut.plan.step.sent.total - eight.step.sent.total > 0
    assert "more sent by each GPU in a step" in cut.price
    tuned = of("8B, all of it").changes[0]
    assert (
        tuned.extra_seconds < 0 and tuned.arguments == {"method": "qlora"}  # fewer gradients
    )


def flops_of_a_token(planned, adapters):
    """By hand from the ledger of a training step: with adapters no products for gradients of the weights."""
    sequence = planned.choices["sequence"]
    ledger = planned.model.training_ledger(1, sequence, recompute=planned.choices["recompute"])
    forward = planned.model.forward_ledger(1, sequence)
    return (ledger.total - (forward.layers + forward.lm_head if adapters else 0)) / sequence


def test_extra_flops_are_of_a_token_whatever_the_method_and_the_sequence():
    full = of("8B, all of it")
    tuned = full.changes[0]
    assert tuned.arguments == {"method": "qlora"}
    ratio = flops_of_a_token(tuned.plan, True) / flops_of_a_token(full, False)
    assert tuned.extra_flops == pytest.approx(ratio - 1) and -0.34 < tuned.extra_flops < -0.3
    assert "fewer FLOPs" in tuned.price and tuned.extra_sent == 0 and "sent" not in tuned.price
    long = plan("llama-3-8b", "fine-tuning", gpu="rtx-4090", method="lora", sequence=32_768, recompute="full")
    short = next(change for change in long.changes if "sequence" in change.arguments)
    ratio = flops_of_a_token(short.plan, True) / flops_of_a_token(long, True)
    assert short.extra_flops == pytest.approx(ratio - 1) and short.extra_flops < -0.2


def test_nothing_is_said_of_what_adapters_send():
    full = plan("llama-3-70b", "fine-tuning", gpus=8, zero=3, recompute="full")
    changed = [change for change in full.changes if "method" in change.arguments]
    assert changed and all(change.extra_sent == 0 and "sent" not in change.price for change in changed)
    assert changed[0].plan.sent is None and full.sent > 0


def test_gpus_are_as_few_machines_as_are_enough():
    planned = of("70B on eight")
    more = next(change for change in planned.changes if change.arguments.get("gpus"))
    assert more.arguments == {"gpus": 160, "data_parallel": None, "zero": 3} and more.kind == "hardware"
    assert not planned.but(**more.arguments | {"gpus": 152}).fits
    assert more.price.startswith("20 times the GPUs; one sequence on each copy: the batch becomes 160 instead of 8")
    given = plan("llama-3-70b", gpus=8, batch=1024)
    kept = next(change for change in given.changes if change.arguments.get("gpus"))
    assert "batch" not in kept.arguments and "the batch becomes" not in kept.price  # 1,024 are shared evenly
    assert kept.plan.choices["batch"] == 1024 and 1024 % kept.arguments["gpus"] == 0
    served = of("8B, many").changes[-1]
    assert served.arguments == {"gpus": 8, "tensor_parallel": None}
    assert served.price == "4 times the GPUs; one copy of the model instead of 2"


def names(planned):
    return [rung.name for ladder in ladders_of(planned) for rung in ladder]


def test_sequences_are_cut_with_the_layers_where_they_can_be():
    eight = plan("llama-3-8b", gpus=8, sequence=8192)
    cut = [rung for ladder in ladders_of(eight) for rung in ladder if "tensor_parallel" in rung.arguments]
    assert [rung.arguments["tensor_parallel"] for rung in cut] == [2, 4, 8]
    assert all(rung.arguments["sequence_parallel"] and rung.name.endswith("GPUs, sequences cut too") for rung in cut)
    odd = names(eight.but(sequence=8191))
    assert "tensor parallelism over 8 GPUs" in odd and not any("sequences cut" in each for each in odd)
    whole = plan("llama-3-70b", gpus=64, tensor_parallel=8, zero=3, batch=64, sequence=8192)
    only = whole.but(sequence_parallel=True)
    assert only.total < whole.total and "sequence parallelism" in names(whole)
    assert "sequence parallelism" not in names(only) + names(whole.but(sequence=8191)) + names(eight)


def test_eight_bits_are_those_that_the_gpu_computes_in():
    for name, bits in (("h100-sxm", "fp8-tensor"), ("p100", "int8"), ("v100-32gb", "int8"), ("t4", "int8")):
        assert [each for each in names(plan("llama-2-7b", "serving", gpu=name)) if each.startswith("weights in")] == [
            f"weights in {bits}", "weights in awq"
        ]  # fmt: skip


def test_a_little_less_work_goes_with_a_change_that_leaves_the_rest():
    planned = plan("gemma-7b", "serving", gpu="a10", batch=8)
    first, *_, alone = [change for change in planned.changes if change.kind == "less work"]
    assert set(first.arguments) == {"weights", "context"} and set(alone.arguments) == {"context"}
    assert first.arguments["context"] > 2 * alone.arguments["context"]


# fmt: off
EXPECTED = {
    "7B on eight": [
        ("free", "ZeRO stage 1", "8 copies share their states"),
        ("time", "tensor parallelism over 2 GPUs, sequences cut too", "20.9 GB more sent by each GPU in a step"),
        ("hardware", "the larger b200", "another GPU"),
        ("hardware", "16 GPUs that share the states (ZeRO stage 3)", "2 times the GPUs",
         "52.2 GB more sent by each GPU in a step"),
    ],
    "13B in fp32": [
        ("time", "tensor parallelism over 4 GPUs, sequences cut too", "58 GB less sent by each GPU in a step"),
        ("time", "ZeRO stage 3", "8 copies share their states", "45.6 GB more sent by each GPU in a step"),
        ("hardware", "16 GPUs that share the states (ZeRO stage 3)", "2 times the GPUs",
         "one sequence on each copy: the batch becomes 16 instead of 8",
         "55.3 GB more sent by each GPU in a step"),
    ],
    "GPT-2, all at once": [
        ("time", "micro-batches of 8", "the same work in smaller pieces, gradients summed up over them"),
        ("less work", "sequences of 256 tokens", "nothing longer is learnt", "10% fewer FLOPs"),
        ("hardware", "the larger h200", "another GPU"),
        ("hardware", "8 GPUs that share the states (ZeRO stage 3)", "8 times the GPUs",
         "653 MB more sent by each GPU in a step"),
    ],
    "8B, all of it": [
        ("accuracy", "QLoRA", "adapters learn, the weights stay, in 4 bits", "32% fewer FLOPs"),
        ("hardware", "the larger b200", "another GPU"),
        ("hardware", "16 GPUs that share the states (ZeRO stage 3)", "16 times the GPUs",
         "one sequence on each copy: the batch becomes 16 instead of 1",
         "45.2 GB more sent by each GPU in a step"),
    ],
    "8B, QLoRA": [
        ("time", "micro-batches of 2 and recomputing every layer",
         "the same work in smaller pieces, gradients summed up over them", "45% more FLOPs"),
        ("less work", "sequences of 256 tokens", "nothing longer is learnt", "8% fewer FLOPs"),
        ("hardware", "the larger h200", "another GPU"),
    ],
    "8B, 40 GB": [
        ("time", "prompts read in smaller pieces", "smaller products"),
        ("accuracy", "a cache in 8 bits", "keys and values are rounded"),
        ("accuracy", "weights in int8", "weights are rounded"),
        ("less work", "a context of 127,429 tokens", "what came before is cut off"),
        ("hardware", "the larger l40s", "another GPU"),
        ("hardware", "2 GPUs", "2 times the GPUs"),
    ],
    "8B, many": [
        ("less work", "a cache in 8 bits and 128 sequences at once", "keys and values are rounded",
         "fewer users at a time"),
        ("less work", "a cache in 8 bits and a context of 4,096 tokens", "keys and values are rounded",
         "what came before is cut off"),
        ("less work", "92 sequences at once", "fewer users at a time"),
        ("less work", "a context of 2,982 tokens", "what came before is cut off"),
        ("hardware", "the larger gb200", "another GPU"),
        ("hardware", "8 GPUs", "4 times the GPUs", "one copy of the model instead of 2"),
    ],
}
# fmt: on


@pytest.mark.parametrize("case", EXPECTED)
def test_the_whole_offer_in_its_order_with_its_prices(case):
    offered = [(change.kind, change.name, *change.price.split("; ")) for change in of(case).changes]
    assert offered == EXPECTED[case]


def _beside_hardware(change):
    return KINDS.index(change.other_kind) if change.kind == "hardware" and change.other_kind else -1


def test_where_gpus_are_bought_anyway_the_same_job_comes_before_less_of_it():
    planned = plan("llama-3-70b", "training", gpu="h100-sxm", gpus=8, batch=8, sequence=4096, zero=3)
    pairs = [(change.kind, change.other_kind) for change in planned.changes]
    assert pairs[0] == ("hardware", "time") and ("hardware", "less work") in pairs
    names = [set(change.arguments) for change in planned.changes]
    less = [place for place, arguments in enumerate(names) if "sequence" in arguments]
    same = [place for place, arguments in enumerate(names) if "recompute" in arguments]
    assert max(same) < min(less)


def test_what_leaves_the_job_and_the_gpus_as_they_are():
    assert KINDS == ("free", "time", "accuracy", "less work", "hardware") and CHEAP == KINDS[:3]


def test_the_rank_is_by_kind_gpus_seconds_bytes_sent_and_bytes():
    small, large = plan("gpt2", "serving", context=16), plan("gpt2", "serving", context=1024)
    better = [("free", 1, 0, 0, small), ("time", 2, 9, 9, large)]
    for place, (less, more) in enumerate([("free", "time"), (1, 2), (0, 1), (0, 1), (small, large)]):
        rows = [["time", 2, 5, 5, large], ["time", 2, 5, 5, large]]
        rows[0][place], rows[1][place] = less, more
        for after in range(place + 1, 5):  # worse in all that counts less
            rows[0][after], rows[1][after] = better[1][after], better[0][after]
        one, other = (
            Change("a change", kind, "", {}, leads_to, extra_sent=sent, extra_seconds=seconds, gpus_times=times)
            for kind, times, seconds, sent, leads_to in rows
        )
        assert _rank(one) < _rank(other), place


def test_serving_changes_the_seconds_of_a_token(planned):
    if planned.job == "serving":
        for change in planned.changes:
            assert change.extra_seconds == change.plan.pace.token_seconds - planned.pace.token_seconds


def test_no_lower_rung_of_either_makes_a_pair_fit(planned):
    """And no rung of either ladder fits alone, as long as nothing of it is less work; nothing is asked for twice."""
    ladders = ladders_of(planned)
    for change in planned.changes:
        if " and " not in change.name:
            continue
        one, other = change.name.split(" and ")
        found = []
        for name in (one, other):
            at = [(ladder, place) for ladder in ladders for place, rung in enumerate(ladder) if rung.name == name]
            found.append(at[0] if at else None)
        if None in found:  # a number that was found between two rungs
            continue
        (first, low), (second, high) = found
        assert len(first[low].arguments | second[high].arguments) == len(first[low].arguments) + len(
            second[high].arguments
        )
        for lower, higher in ((low - 1, high), (low, high - 1)):
            if min(lower, higher) >= 0:
                together = first[lower].arguments | second[higher].arguments
                assert not fits(planned, together), (change.name, lower, higher)
        assert not fits(planned, first[low].arguments) or first[low].kind == "less work"
        assert not fits(planned, second[high].arguments) or second[high].kind == "less work"


def fits(planned, arguments):
    try:
        return planned.but(**arguments).fits
    except ValueError:
        return False


def kinds(planned):
    return {rung.name: rung.kind for ladder in ladders_of(planned) for rung in ladder}


def test_sharing_is_free_as_long_as_gradients_are_sent_once():
    once, summed = (kinds(plan("llama-2-7b", gpus=8, batch=16, micro_batch=size)) for size in (2, 1))
    stages = [f"ZeRO stage {stage}" for stage in (1, 2, 3)]
    assert [once[each] for each in stages] == ["free", "free", "time"]
    assert [summed[each] for each in stages] == ["free", "time", "time"]
    left = kinds(plan("llama-2-7b", gpus=8, zero=2))
    assert [each for each in stages if each in left] == ["ZeRO stage 3"]


def test_gpus_are_offered_up_to_a_few_thousand_layers_cut_within_a_machine_and_no_card_on_pcie():
    whole = plan("llama-2-7b", gpus=64, batch=1024)
    rungs = [rung for ladder in ladders_of(whole) for rung in ladder]
    cut = [rung for rung in rungs if "tensor_parallel" in rung.arguments]
    assert [rung.arguments["tensor_parallel"] for rung in cut] == [2, 4, 8]
    for rung in cut:  # batches stay as they are, copies are fewer
        assert rung.arguments.items() >= {"data_parallel": None, "batch": 1024, "micro_batch": 16}.items()
    assert [rung.arguments["gpus"] for rung in rungs if "gpus" in rung.arguments] == [2**n for n in range(7, 13)]
    for chip in ("p100", "a100-40gb", "h100-sxm"):
        cards = [rung.arguments["gpu"] for rung in _larger_gpus(plan("gpt2", gpu=chip))]
        assert cards and not any(each.endswith("-pcie") for each in cards)
        sizes = [gpu(each).memory_gb for each in cards]
        assert sizes == sorted(set(sizes)) and sizes[0] > gpu(chip).memory_gb
    many = plan("llama-3-70b", gpus=128, batch=1024, micro_batch=8, recompute="full")
    assert many.changes[-1].arguments == {"gpus": 1152, "data_parallel": None, "zero": 3, "batch": None}


def test_more_gpus_of_serving_share_one_copy_whatever_was_shared_before():
    given = plan("llama-3-8b", "serving", gpus=4, tensor_parallel=2, batch=8)
    more = [rung for ladder in ladders_of(given) for rung in ladder if "gpus" in rung.arguments]
    assert all(rung.arguments["tensor_parallel"] is None for rung in more) and more[0].arguments["gpus"] == 8
    assert more[0].price == "2 times the GPUs; one copy of the model instead of 2"
    assert given.but(**more[0].arguments).choices["tensor_parallel"] == 8
    assert kinds(given)["weights shared by 4 GPUs"] == "time"
    assert [rung.arguments["batch"] for rung in rungs_of(given, "batch")] == [4, 2]  # two copies: one each at least


def rungs_of(planned, argument):
    return [rung for ladder in ladders_of(planned) for rung in ladder if argument in rung.arguments]


def test_shorter_sequences_never_take_longer():
    long = plan("llama-3-8b", "fine-tuning", gpu="rtx-4090", method="qlora", batch=4, sequence=8192, tokens=10**8,
                recompute="full")  # fmt: skip
    short = next(change for change in long.changes if set(change.arguments) == {"sequence"})
    assert short.extra_seconds < 0 and short.extra_flops < 0
    lora = plan("llama-3-8b", "fine-tuning", gpu="rtx-4090", method="lora", sequence=1024, tokens=10**8)
    again = next(change for change in lora.changes if change.arguments == {"recompute": "full"})
    without = again.plan.but(recompute="none")
    assert again.extra_seconds == pytest.approx(
        without.published_seconds.middle * again.extra_flops * flops_of_a_token(without, True) * 10**8 / without.flops
    )


def test_what_fits_needs_no_change_and_what_nothing_helps_gets_none():
    assert plan("gpt2", "serving", context=1024).changes == ()
    hopeless = plan("llama-3-8b", "fine-tuning", gpu="mi325x", sequence=8_000_000, method="qlora", recompute="full")
    assert hopeless.verdict == "does not fit"
    assert all("sequence" in change.arguments for change in hopeless.changes)


def test_a_handful_of_plans_is_enough(monkeypatch):
    counted = []
    monkeypatch.setattr(planning, "needed", lambda *asked: counted.append(asked) or needed(*asked))
    for case in CASES:
        asked = of(case)
        counted.clear()
        assert asked.changes
        assert len(counted) < 150, case  # of some milliseconds each

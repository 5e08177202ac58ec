"""What the exercises on many GPUs ask, worked out a second time: by a ring of lists, by trying, by plain arithmetic."""

import math
from fractions import Fraction
from itertools import product

import pytest

from llmcalc import checks, gpu, model
from llmcalc.checks import cluster_plans, messages, shared_states, split_models
from llmcalc.checks.answers import Wrong
from llmcalc.checks.engine import Number
from llmcalc.layout import check_layout

QUESTIONS = {
    name: question
    for subject in (messages, shared_states, split_models, cluster_plans)
    for name, question in subject.QUESTIONS.items()
}


each_learner = pytest.mark.parametrize("learner", ["", *"abcdefghijkl"])


def right(name, *values):
    return float(QUESTIONS[name].right(*(values or QUESTIONS[name].yours)))


def given(name):
    return {mistake.name: mistake.gives for mistake in QUESTIONS[name].mistakes}


# --- right answers


@pytest.mark.parametrize(("machines", "gpus"), [(2, 3), (3, 2), (4, 4)])
def test_rings_inside_rings_send_what_is_counted(machines, gpus):
    """Buffers of real numbers are summed up in three steps; each value that leaves a machine is counted."""
    size = 5 * machines * gpus
    buffers = {where: [sum(where) + n for n in range(size)] for where in product(range(machines), range(gpus))}
    total = [sum(column) for column in zip(*buffers.values(), strict=True)]
    cut = [range(gpu * size // gpus, (gpu + 1) * size // gpus) for gpu in range(gpus)]
    shares = {
        (machine, gpu): [sum(buffers[machine, other][n] for other in range(gpus)) for n in cut[gpu]]
        for machine, gpu in buffers
    }
    sent = 0  # by machine 0's first GPU
    for place in range(gpus):
        ring = [shares[machine, place] for machine in range(machines)]
        piece = len(ring[0]) // machines
        for turn in range(2 * (machines - 1)):
            passed = []
            for machine, values in enumerate(ring):
                index = (machine - turn) % machines
                passed.append((index, values[index * piece : (index + 1) * piece]))
            for machine, values in enumerate(ring):
                index, piece_in = passed[machine - 1]
                here = slice(index * piece, (index + 1) * piece)
                adding = turn < machines - 1
                values[here] = [a + b for a, b in zip(values[here], piece_in, strict=True)] if adding else piece_in
            sent += piece if place == 0 else 0
    gathered = [value for gpu in range(gpus) for value in shares[0, gpu]]
    assert gathered == total
    assert sent == right("bytes_between_machines", size, gpus, machines)


@each_learner
def test_the_states_fit_on_the_least_number_of_gpus_and_not_on_one_less(learner):
    name, card, reserve = values = QUESTIONS["gpus_for_stage_two"].values_of(learner)
    parameters, gpus = model(name).parameters.total, right("gpus_for_stage_two", *values)
    fewer = 2 * parameters + 14 * parameters / (gpus - 1)
    assert 2 * parameters + 14 * parameters / gpus <= card - reserve < fewer


def test_a_block_is_counted_matrix_by_matrix():
    """Llama 3 70B on 16 GPUs: a GPU has 4 of 64 query heads, and one of 8 key/value heads."""
    queries, output = 8192 * 4 * 128, 4 * 128 * 8192
    keys = values = 8192 * 128
    gate = up = down = 8192 * 28_672 // 16
    counted = queries + output + keys + values + gate + up + down + 2 * 8192
    assert right("block_on_each_gpu", 8192, 64, 128, 28_672, 16) == counted


@pytest.mark.parametrize(("stages", "idle"), [(12, Fraction(1, 10)), (4, Fraction(1, 3)), (2, Fraction(4, 5))])
def test_so_many_micro_batches_leave_so_much_idle(stages, idle):
    turns = QUESTIONS["micro_batches_for_idle"].right(stages, idle)
    assert (stages - 1) / (turns + stages - 1) == idle


@each_learner
def test_with_so_many_tokens_sending_takes_as_long_as_computing(learner):
    card, gpus, reached, network = values = QUESTIONS["tokens_that_hide"].values_of(learner)
    parameters, tokens = 6_738_415_616, right("tokens_that_hide", *values)
    sending = 3 * (gpus - 1) / gpus * 2 * 8 * parameters / network
    assert 6 * parameters * tokens / (reached * gpu(card).peak()) == pytest.approx(sending, rel=1e-12)


STANDARD = (512, 450e12, 50e9)  # sequences, FLOP/s of a card, bytes a second of the network


def work(batch, rate, wire):
    return 6 * 12 * 80 * 8192**2 * batch * 4096 / 64 / rate


WORK = work(*STANDARD)


def held(copies, tensor, stages):
    own = 12 * 80 * 8192**2 / (tensor * stages)
    return own * (4 + 12 / copies) + min(stages, 512 / copies) * 80 / stages * 34 * 4096 * 8192 / tensor


def lost(
    copies, tensor, stages, *, plan=STANDARD, matrices=1, borders=1, gradients=1, bubble=1,
    turns=None, own_layers=True, own_gradients=True, waits=lambda stages, turns: (stages - 1) / turns,
):  # fmt: skip
    batch, _, wire = plan
    turns, activation = turns or batch / copies, 2 * 4096 * 8192
    within = (80 / stages if own_layers else 80) * turns * 4 * 2 * (tensor - 1) / tensor * activation / 450e9
    between = 2 * turns * activation / wire if stages > 1 else 0
    part = 12 * 80 * 8192**2 / (tensor * stages if own_gradients else 1)
    copied = 2 * (copies - 1) / copies * 2 * part / wire
    return matrices * within + borders * between + gradients * copied + bubble * waits(stages, turns) * work(*plan)


def least(**how):
    return min(lost(*layout, **how) for layout in cluster_plans.LAYOUTS if held(*layout) <= 72e9)


@each_learner
def test_the_best_layout_needs_its_memory_and_all_four_kinds_of_loss(learner):
    plan = QUESTIONS["least_time_lost"].values_of(learner)
    losses = {layout: lost(*layout, plan=plan) for layout in cluster_plans.LAYOUTS}
    layouts = sorted(losses, key=losses.get)
    fitting = [layout for layout in layouts if held(*layout) <= 72e9]
    assert fitting[0] == (2, 2, 16)
    assert right("least_time_lost", *plan) == pytest.approx(losses[2, 2, 16], rel=1e-12)
    assert set(layouts[:3]) == {(8, 2, 4), (4, 2, 8), (16, 2, 2)} and layouts[3] == (2, 2, 16)
    assert 72e9 < held(4, 2, 8) < 74e9
    assert losses[8, 8, 1] > 1.5 * losses[2, 2, 16]
    in_order = [layout for layout in cluster_plans.LAYOUTS if held(*layout) <= 72e9]
    assert (2, 2, 16) not in (in_order[0], in_order[-1])  # as of a loop that returns too early, or keeps the last


@pytest.mark.parametrize("batch", cluster_plans.BATCHES)
def test_every_layout_shares_the_batch_and_holds_the_same_whatever_it_is(batch):
    assert all(batch % copies == 0 for copies, _, _ in cluster_plans.LAYOUTS)
    for layout in cluster_plans.LAYOUTS:
        assert cluster_plans.held(layout, batch) == cluster_plans.held(layout) == pytest.approx(held(*layout))


def test_the_layouts_are_all_that_the_cluster_allows():
    found = []
    for tensor, stages in product(range(1, 9), range(1, 65)):
        if 64 % (tensor * stages) == 0 and 80 % stages == 0:
            found.append((64 // (tensor * stages), tensor, stages))
            check_layout(
                width=8192,
                layers=80,
                global_batch=512,
                data_parallel=found[-1][0],
                tensor_parallel=tensor,
                pipeline_parallel=stages,
            )
    assert sorted(found) == sorted(cluster_plans.LAYOUTS)
    assert len(found) == 19


def test_the_slip_is_where_the_choice_says():
    assert QUESTIONS["slip_in_layout"].right == "c"
    assert "for 15.8% of a step, not for 8.6%" in QUESTIONS["slip_in_layout"].because
    assert 3 / (16 + 3) == pytest.approx(0.158, abs=5e-4) and 3 / (32 + 3) == pytest.approx(0.086, abs=5e-4)


# --- mistakes, worked out again


SENDING = 3 * 2 * 6_738_415_616 * 15 / 16 / 50e9
HIDE = SENDING * 0.4 * 989.4e12 / (6 * 6_738_415_616)
AMOUNTS = {
    "bytes_between_machines": ((1200, 4, 3), {
        "the whole buffer in the ring between machines": 2 * 2 / 3 * 1200,
        "one pass only, where a sum has to be made and then handed out": 2 / 3 * 300,
        "one pass of the whole buffer": 2 / 3 * 1200,
        "one ring through all GPUs, or the traffic inside the machine counted as well": 2 * 11 / 12 * 1200,
        "one ring through all GPUs, for a share of the buffer": 2 * 11 / 12 * 300,
        "machines and GPUs of a machine exchanged": 2 * 3 / 4 * 400,
        "a share that is cut once more, among all GPUs": 2 * 2 / 3 * 100,
        "what a GPU ends with sent as well": 600,
        "as many turns as there are machines, each with the whole share": 2 * 2 * 300,
        "the traffic inside the machine": 2 * 3 / 4 * 1200,
        "one pass inside the machine": 3 / 4 * 1200,
        "the bytes of all GPUs": 12 * 2 * 2 / 3 * 300,
    }),
    "bytes_under_stage_two": ((1000, 8), {
        "nothing shared": 18_000,
        "four bytes more on every GPU than should be: stage 1, or a master copy that is not shared": 6000 + 1500,
        "stage 3": 2250,
        "stage 1, and gradients in 16 bits": 4000 + 1500,
        "weights in fp32": 4000 + 2000,
        "two bytes too many for shares: gradients in both formats, or a share of the weights": 2000 + 2250,
        "gradients in 16 bits": 2000 + 1750,
        "the weights forgotten": 2000,
        "the optimizer's part forgotten": 2000 + 500,
        "four bytes missing: the gradient, the master copy, or one of the two moments": 2000 + 1500,
        "both moments missing": 2000 + 1000,
        "gradients shared, and the optimizer's part whole": 2000 + 500 + 12_000,
        "the bytes of all GPUs together": 8 * 4000,
        "the bytes of one parameter": 4,
    }),
    # 26.03 GB of weights; 182.2 GB in shares
    "gpus_for_stage_two": ((), {
        "rounding down": 45,
        "the weights cut as well (stage 3), or forgotten": 7,
        "the reserve forgotten": 14,
        "GiB in place of GB": 30,
        "the weights counted among the shares as well, or gradients in fp32": 53,
        "the gradients forgotten": 40,
        "the master copy forgotten, or one of the moments": 33,
        "stage 3, and the reserve forgotten": 6,
    }),
    # queries and output 2 * 10 * 5 * 8 / 4 = 200, a key/value head 100, feed-forward 3 * 10 * 24 / 4 = 180, norms 20
    "block_on_each_gpu": ((10, 8, 5, 24, 4), {
        "key and value matrices cut among all GPUs, as if they were one head together": 200 + 25 + 180 + 20,
        "a key/value head for each query head": 200 + 200 + 180 + 20,
        "keys without values, or the other way round": 200 + 50 + 180 + 20,
        "keys and values forgotten": 200 + 180 + 20,
        "the norms forgotten": 480,
        "one norm only": 490,
        "norms with a weight and a bias": 520,
        "the norms cut as well": 480 + 5,
        "two matrices in the feed-forward part": 200 + 100 + 120 + 20,
        "the feed-forward part whole on every GPU": 200 + 100 + 720 + 20,
        "queries and output as wide as the stream": 2 * 10 * 10 / 4 + 100 + 180 + 20,
        "queries and output forgotten": 100 + 180 + 20,
        "all of attention forgotten": 200,
        "the feed-forward part forgotten": 320,
        "queries and output whole on every GPU": 800 + 100 + 180 + 20,
        "the output matrix forgotten, or that of the queries": 100 + 100 + 180 + 20,
        "the output matrix whole on every GPU, or that of the queries": 400 + 100 + 100 + 180 + 20,
        "all of it cut into equal shares": (800 + 100 + 720 + 20) / 4,
        "the norms forgotten, and keys and values as well": 200 + 180,
        "the norms forgotten, and key and value matrices cut among all GPUs": 200 + 25 + 180,
        "two matrices in the feed-forward part, and the norms forgotten": 200 + 100 + 120,
        "two matrices in the feed-forward part, and key and value matrices cut among all GPUs": 200 + 25 + 120 + 20,
        "nothing cut": 800 + 100 + 720 + 20,
    }),
    "micro_batches_for_idle": ((9, Fraction(1, 5)), {
        "idle time over working time (or with the idle turns counted among the micro-batches)": 8 * 5,
        "as many idle turns as stages": 9 * 4,
        "as many idle turns as stages, over the working time": 9 * 5,
        "idle and busy exchanged": 8 / 4,
        "twice the idle turns, for filling and for emptying": 2 * 8 * 4,
        "the idle turns alone": 8,
        "the work divided by all of the time": 8 * 0.8,
        "the idle turns multiplied by the share": 8 / 5,
        "the idle turns divided by the busy share": 8 / 0.8,
        "all turns of the step, less as many as there are stages": 8 * 5 - 9,
        "the share taken for percent": 8 * 499,
        "one idle turn, whatever the stages": 4,
    }),
    "least_time_lost": ((), {
        "the layout of 8 copies, 2 GPUs for a matrix and 4 stages": lost(8, 2, 4),
        "the layout of 4 copies, 2 GPUs for a matrix and 8 stages": lost(4, 2, 8),
        "the layout of 2 copies, 4 GPUs for a matrix and 8 stages": lost(2, 4, 8),
        "the layout of 8 copies, 4 GPUs for a matrix and 2 stages": lost(8, 4, 2),
        "the layout of 4 copies, 4 GPUs for a matrix and 4 stages": lost(4, 4, 4),
        "the layout of 8 copies and 8 GPUs for a matrix": lost(8, 8, 1),
        "64 copies of the whole model": 2 * 63 / 64 * 2 * 12 * 80 * 8192**2 / 50e9,
        "rounding to two digits": 3.2,
        "rounding to whole seconds": 3,
        "the longest loss": max(lost(*layout) for layout in cluster_plans.LAYOUTS),
        "the bubble forgotten": least(bubble=0),
        "the pipeline's messages forgotten, or nothing sent over the network": least(borders=0),
        "half of the pipeline's messages: one direction only, or an activation that is split": least(borders=1 / 2),
        "one pass for the gradients' sum": least(gradients=1 / 2),
        "the gradients' sum twice: four bytes for each, or no share that stays at home": least(gradients=2),
        "the gradients' sum forgotten": least(gradients=0),
        "the sums within layers twice: eight of them, or no share that stays at home": least(matrices=2),
        "half of the sums within layers: two in a layer, one pass for each, or a link with both directions":
            least(matrices=1 / 2),
        "a quarter of the sums within layers": least(matrices=1 / 4),
        "the sums within layers forgotten": least(matrices=0),
        "the sums within layers sent over the network": least(matrices=9),
        "no share that stays at home, in any sum": least(matrices=2, gradients=2),
        "the bubble as a share of the whole step":
            least(waits=lambda stages, turns: (stages - 1) / (stages - 1 + turns)),
        "as many turns of waiting as stages": least(waits=lambda stages, turns: stages / turns),
        "bits of the network taken for bytes": least(borders=1 / 8, gradients=1 / 8),
        "bytes of the network taken for bits": least(borders=8, gradients=8),
        "the sums of all layers on every stage": least(own_layers=False),
        "the gradients of all parameters summed up by every GPU": least(own_gradients=False),
        "a batch for each copy, where all copies share one": least(turns=512),
        "the seconds of the whole step": WORK + least(),
        "the loss over the time for work": least() / WORK,
        "the loss over the time for the whole step": least() / (WORK + least()),
        "percent of the time for work": 100 * least() / WORK,
    }),
    # three times 2 bytes of 6.7 billion, less a share of 16, at 50 GB/s
    "tokens_that_hide": ((), {
        "the seconds of sending": SENDING,
        "bits taken for bytes": HIDE / 8,
        "the network counted in bytes, and what it carries in bits": HIDE * 8,
        "two transfers of all the weights' bytes (as in the other stages)": HIDE * 2 / 3,
        "one transfer only": HIDE / 3,
        "an all-reduce of the gradients on top of two gathers": HIDE * 4 / 3,
        "everything sent in full, nothing kept": HIDE * 16 / 15,
        "the tokens of all GPUs, or all weights sent to each of them": HIDE * 16,
        "its own share sent, once in each operation": HIDE / 15,
        "the utilization twice": HIDE * 0.4,
        "the forward pass alone": HIDE * 6 / 2,
        "the backward pass alone": HIDE * 6 / 4,
        "a second forward pass (recomputation)": HIDE * 6 / 8,
        "a single operation for each parameter and token": HIDE * 6,
        "the utilization forgotten": HIDE / 0.4,
        "numbers of 4 bytes": HIDE * 2,
        "values taken for bytes": HIDE / 2,
    }),
}  # fmt: skip


@pytest.mark.parametrize("name", AMOUNTS)
def test_every_mistake_comes_to_what_its_name_says(name):
    values, amounts = AMOUNTS[name]
    gives = given(name)
    assert set(gives) == set(amounts)
    for mistake, amount in amounts.items():
        assert float(gives[mistake](*(values or QUESTIONS[name].yours))) == pytest.approx(amount, rel=1e-11), mistake


def test_every_question_with_mistakes_has_them_worked_out_again():
    assert set(AMOUNTS) == {name for name, question in QUESTIONS.items() if getattr(question, "mistakes", ())}


def test_a_master_copy_that_is_not_shared_is_told_by_name():
    with pytest.raises(Wrong, match="a master copy that is not shared"):
        checks.bytes_under_stage_two(lambda parameters, gpus: 6 * parameters + 12 * parameters / gpus)


# --- counts that have to be rounded up


def test_a_count_that_is_to_be_rounded_up_is_told_so_and_not_taken_for_the_one_below():
    with pytest.raises(Wrong, match=r"45\.92 is not a whole number of GPUs\. Do the states fit"):
        checks.gpus_for_stage_two(lambda: 45.92)
    with pytest.raises(Wrong, match="rounding down"):
        checks.gpus_for_stage_two(lambda: 45)


def test_a_count_that_fits_is_still_rounded_down():
    question = Number(right=lambda: 45, unit="rows", tolerance=0, whole="Which fits?", hint="Count.")
    with pytest.raises(Wrong, match=r"45\.92 is not a whole number of rows\. Which fits"):
        question(lambda: 45.92)
    with pytest.raises(Wrong, match="is close to a whole number of rows, and is none"):
        question(lambda: math.nextafter(45, 44))
    with pytest.raises(Wrong, match="Hint: Count"):
        question(lambda: 44.9)

"""What others measured on real GPUs, and what this package says of the same runs: within a tenth, term by term."""

import pytest

from llmcalc.finetuning import finetuning_ledger
from llmcalc.footprints import FOOTPRINTS
from llmcalc.hardware import gpu
from llmcalc.models import model
from llmcalc.timeline import peak, step_timeline
from llmcalc.units import GIB


def timeline(name, **how):
    row = FOOTPRINTS[name]
    return step_timeline(model(row.model), row.batch, row.sequence, recipe="16-bit throughout", **how)


def without_loss(timeline):
    """The fullest moment beside the loss, which these runs work out in pieces."""
    return max(moment.total for moment in timeline if moment.name != "loss")


def test_a_run_that_keeps_everything_agrees_to_a_percent_once_its_norm_is_known():
    measured = FOOTPRINTS["3B, all kept"].peak_bytes
    assert peak(timeline("3B, all kept", norm="library")).total / measured == pytest.approx(1, abs=0.01)
    assert peak(timeline("3B, all kept")).total / measured == pytest.approx(0.91, abs=0.005)


@pytest.mark.parametrize(
    ("name", "how", "ratio"),
    [("3B, chunked loss", {}, 0.975), ("3B, recomputed", {"recompute": "full"}, 1.02)],
)
def test_without_the_logits_in_one_piece_the_layers_decide(name, how, ratio):
    ours = without_loss(timeline(name, logits="dropped", **how))
    assert ours / FOOTPRINTS[name].peak_bytes == pytest.approx(ratio, abs=0.005)


def test_a_compiler_keeps_less_than_operations_one_by_one():
    assert peak(timeline("3B, compiled")).total / FOOTPRINTS["3B, compiled"].peak_bytes == pytest.approx(
        1.07, abs=0.005
    )


@pytest.mark.parametrize(("name", "scheme", "ratio"), [("8B, LoRA", "bf16", 1.03), ("8B, QLoRA", "nf4-double", 0.96)])
def test_adapters_agree_within_a_few_percent(name, scheme, ratio):
    row = FOOTPRINTS[name]
    kept = model(row.model).activation_bytes(row.batch, row.sequence, recompute="full")
    inputs_and_one_layer = kept.layers.total + kept.peak - kept.total
    ours = finetuning_ledger(
        model(row.model), row.rank, "all-linear",
        weights=scheme, trained="bf16", optimizer="bf16", activation_bytes=inputs_and_one_layer,
    )  # fmt: skip
    assert ours.total / row.peak_bytes == pytest.approx(ratio, abs=0.01)


def test_adapters_whose_layers_are_kept_take_less_than_what_autograd_needs():
    row = FOOTPRINTS["8B, LoRA, all kept"]
    ours = finetuning_ledger(
        model(row.model), row.rank, "all-linear",
        weights="bf16", trained="bf16", optimizer="bf16",
        activation_bytes=model(row.model).activation_bytes(row.batch, row.sequence).layers,
    )  # fmt: skip
    assert ours.total / row.peak_bytes == pytest.approx(1.18, abs=0.005)


def test_the_run_on_the_slower_card_cannot_have_made_its_layers_twice():
    slow, fast = FOOTPRINTS["8B, LoRA, all kept"], FOOTPRINTS["8B, LoRA"]
    assert gpu(slow.accelerator).peak() < gpu(fast.accelerator).peak()
    assert slow.tokens_per_second > 1.5 * fast.tokens_per_second and slow.peak_bytes > 1.8 * fast.peak_bytes


def test_each_technique_takes_less_than_the_one_before():
    steps = ["3B, all kept", "3B, compiled", "3B, chunked loss", "3B, recomputed"]
    sizes = [FOOTPRINTS[name].gibibytes for name in steps]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("row", FOOTPRINTS.values(), ids=FOOTPRINTS)
def test_a_run_fitted_where_it_ran_and_says_where_it_was_published(row):
    assert row.peak_bytes <= gpu(row.accelerator).memory_bytes
    assert row.peak_bytes == round(row.gibibytes * GIB)
    assert "README" in row.source and row.how.startswith("packed")
    assert (row.rank is None) == (row.method == "full")
    assert row.tokens_per_second > 0 and model(row.model).parameters.total

"""The measurements that lessons show are those on record, number for number."""

import json
from pathlib import Path

import pytest

from llmcalc import measured
from llmcalc.mlp import MLP
from llmcalc.models import model

RECORD = json.loads((Path(__file__).parent / "data" / "pytorch_public.json").read_text())
NAMES = {
    "adafactor (torch)": "adafactor",
    "adafactor (transformers)": "adafactor fp32",
    "adamw 8-bit (bitsandbytes)": "adamw 8-bit",
    "lion 8-bit (bitsandbytes)": "lion 8-bit",
    "adamw 32-bit (bitsandbytes)": "adamw 32-bit",
    "adamw 8-bit (torchao)": "adamw 8-bit torchao",
    "adamw 4-bit (torchao)": "adamw 4-bit torchao",
}
STEPS = {
    "adamw one tensor at a time": "adamw, one tensor at a time",
    "adamw foreach (GPU default)": "adamw, foreach (default on a GPU)",
    "adamw fused": "adamw, fused",
}
PARTS = {"bf16 weights": "16-bit weights", "bf16 gradients": "16-bit gradients", "adam state": "AdamW's states"}
BLOCKS = {
    "16 bits, dropout": ("gpt2_block_classic", "bfloat16"),
    "fp32, dropout": ("gpt2_block_classic", "float32"),
    "16 bits": ("gpt2_block_no_dropout", "bfloat16"),
    "fp32": ("gpt2_block_no_dropout", "float32"),
    "16 bits, dropout, mask filled in": ("gpt2_block_masked_fill", "bfloat16"),
    "16 bits, dropout, GELU in Python": ("gpt2_block_python_gelu", "bfloat16"),
    "autocast, dropout": ("gpt2_block_autocast_emulated", "amp-bfloat16"),
    "autocast": ("gpt2_block_autocast_emulated", "amp-bfloat16"),
    "16 bits, dropout, flash": ("gpt2_block_flash", "bfloat16"),
    "16 bits, flash": ("gpt2_block_flash_no_dropout", "bfloat16"),
    "16 bits, dropout, memory-efficient": ("gpt2_block_efficient", "bfloat16"),
}
LLAMA_BLOCKS = {
    "16 bits, flash": ("llama_block_flash_fused_norm", "bfloat16"),
    "16 bits": ("llama_block_explicit_fused_norm", "bfloat16"),
    "fp32": ("llama_block_explicit_fused_norm", "float32"),
    "16 bits, softmax in fp32": ("llama_block_explicit_fused_norm_fp32_softmax", "bfloat16"),
    "16 bits, flash, norm of the library": ("llama_block_flash_library_norm", "bfloat16"),
}
LOSSES = {
    "16 bits, loss in fp32": ("bfloat16", True),
    "16 bits, loss in 16 bits": ("bfloat16", False),
    "fp32": ("float32", True),
}


def of(section, kind):
    return [case for case in RECORD[section] if case["kind"] == kind]


def test_states_of_optimizers():
    recorded = {}
    for case in of("optimizer", "state"):
        name, position = (
            NAMES.get(case["params"]["optimizer"], case["params"]["optimizer"]),
            case["dtype"] == "bfloat16",
        )
        assert tuple(map(tuple, case["params"]["shapes"])) == measured.STATE_SHAPES
        recorded.setdefault(name, [None, None])[position] = case["measured_state_bytes"]
    assert {name: tuple(pair) for name, pair in recorded.items()} == measured.OPTIMIZER_STATES
    (mixed,) = (case for case in of("optimizer", "mixed_precision") if "parts_bytes" in case)
    parts = {PARTS.get(name, name): size for name, size in mixed["parts_bytes"].items()}
    assert parts == measured.MIXED_PRECISION


def test_peaks_of_a_step():
    weights = 4 * MLP(measured.STEP_SIZES).parameters
    assert weights == 23_298_088 and f"weights are {weights:,} bytes" in Path(measured.__file__).read_text("utf-8")
    for case in of("optimizer", "training_step"):
        sizes, peaks = case["params"], case["measured_peak_by_phase"]
        assert (tuple(sizes["sizes"]), sizes["batch"]) == (measured.STEP_SIZES, measured.STEP_BATCH)
        if "update" in peaks:
            row = measured.STEP_PEAKS[STEPS.get(sizes["optimizer"], sizes["optimizer"])]
            recorded = (case["state_bytes"], peaks["forward"], peaks["backward"], peaks["update"])
            assert (row.states, row.forward, row.backward, row.update) == recorded
            assert row.peak == max(recorded[1:]) == getattr(row, row.fullest)
    assert len(measured.STEP_PEAKS) == sum(
        "update" in c["measured_peak_by_phase"] for c in of("optimizer", "training_step")
    )


def test_blocks():
    names = {"batch": "b", "sequence": "s", "width": "h", "heads": "a", "kv_heads": "kv", "feed_forward": "ff"}
    for table, sizes, where in (
        (measured.GPT2_BLOCK, measured.GPT2_SIZES, BLOCKS),
        (measured.LLAMA_BLOCK, measured.LLAMA_SIZES, LLAMA_BLOCKS),
    ):
        assert table.keys() == where.keys()
        for name, row in table.items():
            kind, dtype = where[name]
            (case,) = (
                case
                for case in of("activations", kind)
                if case["dtype"] == dtype
                and all(case["params"][names[size]] == value for size, value in sizes.items())
                and bool(case["params"].get("dropout")) == row.how.get("dropout", False)
            )
            assert case["measured_bytes"] == row.bytes


@pytest.mark.parametrize("name", ["gpt2", "llama-3-8b"])
def test_the_keywords_of_a_block_describe_the_case_that_was_measured(name):
    table, sizes = {
        "gpt2": (measured.GPT2_BLOCK, measured.GPT2_SIZES),
        "llama-3-8b": (measured.LLAMA_BLOCK, measured.LLAMA_SIZES),
    }[name]
    built, batch, sequence = model(name), sizes["batch"], sizes["sequence"]
    assert all(getattr(built, size) == value for size, value in sizes.items() if size not in ("batch", "sequence"))
    for row in table.values():
        kept = built.activation_bytes(batch, sequence, **row.how)
        assert kept.per_layer + kept.rotary == row.bytes  # alone, a block keeps the tables that all layers share


def test_head_and_loss():
    names = {"batch": "b", "sequence": "s", "width": "h", "vocabulary": "vocab"}
    for name, (dtype, in_fp32) in LOSSES.items():
        cases = [
            case
            for kind in ("head_and_loss", "head_and_loss_peak")
            for case in of("activations", kind)
            if (case["dtype"], case["params"]["loss_in_fp32"]) == (dtype, in_fp32)
        ]
        (kept,) = (
            case["measured_bytes"]
            for case in cases
            if "measured_bytes" in case
            and all(case["params"][names[size]] == value for size, value in measured.HEAD_SIZES.items())
        )
        (peak,) = (case["measured_peak_bytes_per_logit"] for case in cases if "measured_peak_bytes" in case)
        assert kept == measured.HEAD_AND_LOSS[name]
        assert (peak["forward"], peak["backward"]) == measured.LOGIT_PEAKS[name]

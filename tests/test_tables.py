"""The published tables that the package carries are those of the papers, cell by cell."""

import json

import pytest
from workshop import ROOT

from llmcalc import tables
from llmcalc.published import encoder_decoder_parameters

RECORDS = json.loads((ROOT / "tests" / "data" / "published_tables.json").read_text(encoding="utf-8"))["records"]
SHAPE = {"layers": "n_layers", "width": "d_model", "heads": "n_heads"}
CHINCHILLA = {**SHAPE, "parameters": "params", "feed_forward": "ffw_size", "head_dim": "kv_size"}
KORTHIKANTI = {
    "layers": "layers", "width": "hidden", "heads": "heads", "batch": "global_batch", "gpus": "gpus",
    "seconds_full": "iteration_full_recompute", "seconds_selective": "iteration_present_work",
    "mfu": "mfu", "hfu": "hfu",
}  # fmt: skip
MEGATRON = {
    "parameters": "params", "layers": "layers", "width": "hidden", "heads": "heads", "batch": "batch", "gpus": "gpus",
    "tensor_parallel": "tensor_parallel", "pipeline_parallel": "pipeline_parallel", "tflop_per_second": "achieved",
}  # fmt: skip
CELLS = {
    ("GPT3_SHAPES", "Brown", ("Table 2.1",)): {
        **SHAPE, "parameters": "params_nominal", "head_dim": "d_head", "batch_tokens": "batch_tokens",
    },
    ("GPT3_COMPUTE", "Brown", ("Table D.1",)): {
        "pflop_days": "train_compute_pfdays", "flops": "train_compute", "parameters": "params",
        "tokens": "train_tokens", "flops_per_parameter_and_token": "flops_per_param_per_token",
        "active_share": "fraction_params_active",
    },
    ("CHINCHILLA_SHAPES", "Hoffmann", ("Table A9",)): CHINCHILLA,
    ("CHINCHILLA_RATIOS", "Hoffmann", ("Table A4",)): {**CHINCHILLA, "ratio": "flop_ratio_ours_over_6ND"},
    ("CHINCHILLA_OPTIMA", "Hoffmann", ("Table 3", "Table A3")): {
        "parameters": "params", "tokens": "tokens", "flops": "compute",
    },
    ("MEGATRON_SCALING", "Narayanan", ("Table 1",)): MEGATRON,
    ("SELECTIVE_RECOMPUTATION", "Korthikanti", ("Table 5",)): KORTHIKANTI,
    ("SELECTIVE_MEMORY", "Korthikanti", ("Figure 1 (values as digitised by Calculon)",)): {
        "tensor_parallel": "tensor_parallel", "pipeline_parallel": "pipeline_parallel", "interleave": "interleave",
        "micro_batch": "micro_batch", "states_gib": "params_and_optimizer",
        "all_kept_gib": "activations_no_recompute_tp_only", "selective_gib": "activations_seq_parallel_selective",
    },
    ("FASTER_TRANSFORMER_13B", "kipply", ("benchmark table",)): {
        "prompt_ms": "prefill_512", "token_ms": "decode_per_token", "answer_ms": "total_10_tokens",
    },
}  # fmt: skip


@pytest.mark.parametrize(("table", "source", "printed"), CELLS, ids=lambda value: str(value))
def test_every_cell_is_the_printed_one(table, source, printed):
    records = [row for row in RECORDS if row["source"].startswith(source) and row["table"] in printed]
    ours, columns = getattr(tables, table), CELLS[table, source, printed]
    assert len(ours) == len(records) > 0
    _, *others = ours.columns.split()  # the first is held against the record's name
    assert set(columns) >= set(others) - {"name"}
    for row, record in zip(ours, records, strict=True):
        for ours_name, theirs in columns.items():
            assert getattr(row, ours_name) == record["quantities"][theirs]["value"], (row, theirs)
        assert (
            row[0] == int(record["name"].split(",")[0][-1])
            if table == "CHINCHILLA_OPTIMA"
            else f"{row[0]}" in record["name"].removeprefix("FasterTransformer 13B")
        )


VASWANI = """
6 512 2048 8 64 64 65 | 6 512 2048 8 16 64 58 | 6 512 2048 8 32 64 60 | 2 512 2048 8 64 64 36 | 4 512 2048 8 64 64 50
8 512 2048 8 64 64 80 | 6 256 2048 8 32 32 28 | 6 1024 2048 8 128 128 168 | 6 512 1024 8 64 64 53
6 512 4096 8 64 64 90 | 6 1024 4096 16 64 64 213
"""  # typed a second time from the paper's table 3; blank cells are those of the base model


def test_the_first_transformers_are_those_of_the_paper():
    cells = [[int(cell) for cell in row.split()] for row in VASWANI.replace("\n", "|").split("|") if row.strip()]
    ours = [[*row[1:-1], row.parameters // 10**6] for row in tables.TRANSFORMER_2017]
    assert ours == cells


def test_one_vocabulary_explains_every_row_of_the_first_transformers_but_the_big_one():
    def explained(vocabulary):
        return {
            row.name
            for row in tables.TRANSFORMER_2017
            if abs(encoder_decoder_parameters(*row[1:-1], vocabulary) - row.parameters) <= 500_000
        }

    everyone = {row.name for row in tables.TRANSFORMER_2017}
    right = [vocabulary for vocabulary in range(30_000, 50_000) if explained(vocabulary) == everyone - {"big"}]
    assert right == [*range(41_004, 41_209)]
    big = [vocabulary for vocabulary in range(30_000, 50_000) if "big" in explained(vocabulary)]
    assert big == [*range(35_368, 36_345)]


def test_a_row_is_found_by_its_name_and_an_unknown_one_refused():
    assert tables.GPT3_SHAPES.row("GPT-3 13B").width == 5140
    with pytest.raises(KeyError, match="GPT-3 13B"):
        tables.GPT3_SHAPES.row("GPT-3 13")


def test_every_table_is_held_against_the_papers():
    every = {name for name, value in vars(tables).items() if isinstance(value, tables.Table)}
    assert every == {"TRANSFORMER_2017", "LLAMA_70B_FILES", *(key[0] for key in CELLS)}

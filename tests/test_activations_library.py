"""Activations of the transformers library's own models, family by family: no difference to what autograd keeps."""

import json

import pytest
from workshop import ROOT

from llmcalc.families import FAMILIES
from llmcalc.transformer import Transformer

STORED = json.loads((ROOT / "tests" / "data" / "transformers_activations.json").read_text(encoding="utf-8"))["cases"]
BYTES = {"float32": 4, "bfloat16": 2}
LIBRARY = {"norm": "library", "device": "cpu", "labels": "shifted"}


def ledger(case, **how):
    model = Transformer.from_config({**case["config"], "num_hidden_layers": 2})
    how = LIBRARY | {"softmax": "same" if model.family.model_type == "gpt2" else "fp32"} | how
    attention = {"eager": "explicit", "sdpa": "flash"}[case["attention"]]
    return model, model.activation_bytes(case["batch"], case["sequence"], BYTES[case["dtype"]], attention, **how)


def is_fused(case):
    return case["config"]["model_type"] == "phi3" and case["attention"] == "sdpa"


def has_dropout(case):
    return case["name"].endswith("dropout")


def named(case):
    return f"{case['name']}-{case['batch']}-{case['dtype']}-{case['attention']}"


@pytest.mark.parametrize("case", [case for case in STORED if not (is_fused(case) or has_dropout(case))], ids=named)
def test_a_layer_and_all_around_keep_what_autograd_keeps(case):
    _, kept = ledger(case)
    assert kept.per_layer == case["per_layer"]
    assert kept.embedding + kept.rotary + kept.head_and_loss == case["outside_layers"]
    assert kept.layers == 2 * case["per_layer"]


@pytest.mark.parametrize("case", [case for case in STORED if is_fused(case)], ids=lambda case: case["dtype"])
def test_phi3_keeps_more_because_its_values_are_a_view_of_a_fused_projection(case):
    """The values are a slice of what the one projection of queries, keys and values gives, which is kept whole; and
    the fused kernel gets the queries as a copy."""
    model, kept = ledger(case)
    tokens, size = case["batch"] * case["sequence"], BYTES[case["dtype"]]
    rest_of_projection = size * tokens * model.head_dim * (model.heads + model.kv_heads)
    copy_of_queries = size * tokens * model.heads * model.head_dim
    assert case["per_layer"] - kept.per_layer == rest_of_projection + copy_of_queries
    assert kept.embedding + kept.rotary + kept.head_and_loss == case["outside_layers"]


@pytest.mark.parametrize("case", [case for case in STORED if has_dropout(case)], ids=named)
def test_dropout_masks_are_kept_where_the_family_has_dropout(case):
    """On a GPU a mask takes a byte a value, as the ledger says; where this was measured, as much as the value."""
    _, kept = ledger(case, dropout=True)
    on_cpu = BYTES[case["dtype"]] - 1
    assert kept.per_layer + on_cpu * (kept.per_layer.dropout_1 + kept.per_layer.dropout_2) == case["per_layer"]
    outside = kept.embedding + kept.rotary + kept.head_and_loss
    assert outside + on_cpu * kept.embedding.dropout_mask == case["outside_layers"]


def test_every_family_with_rules_was_measured():
    assert {case["config"]["model_type"] for case in STORED} == {name for name, row in FAMILIES.items() if row.keeps}

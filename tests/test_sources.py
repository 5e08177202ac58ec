"""The claims of the documents: written down as they are printed, recomputed to the last digit, judged alike."""

import dataclasses
import importlib
import json
import math
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from llmcalc import blocks, claims, mlp, states, transformer
from llmcalc.formula import FORMULAS
from llmcalc.mlp import MLP
from llmcalc.sources import DOCUMENTS, VERDICTS
from llmcalc.views.sources import claims_table

# What the documents say, read by others: every number and statement with its place.
READ = {entry["id"]: entry for entry in json.loads((Path(__file__).parent / "data" / "claims.json").read_text())}
EVERY = {claim.id: claim for claim in claims()}
MODULES = {document: importlib.import_module(f"llmcalc.documents.{document}") for document in DOCUMENTS}

every_claim = pytest.mark.parametrize("claim", EVERY.values(), ids=EVERY)

# What is right, worked out by hand.
BY_HAND = {
    "mlp-weights-per-layer": 100_000_000,
    "mlp-weight-bytes-per-layer": 400_000_000,
    "mlp-bias-bytes-per-layer": 40_000,
    "mlp-total-weight-bytes": 4_400_000_000,
    "mlp-activation-bytes-per-layer": 40_000,
    "mlp-activation-sets": 12,
    "mlp-activation-bytes-per-sample": 440_000,
    "mlp-kb-to-mb": 0.44,
    "mlp-batch-quotient": 4e9 / 440e3,
    "mlp-max-batch": 9090,
    "mlp-training-memory-model": None,
    "mlp-forward-flops-per-layer": 200_000_000,
    "mlp-backward-flops-per-layer": 400_000_000,
    "mlp-flops-per-layer": 600_000_000,
    "mlp-flops-per-sample": 5_800_000_000,
    "mlp-throughput": 1e14 / 6e9,
    "slides-cost": 2 + 4,
    "slides-pflop-day": 10**15 * 24 * 3600,
    "slides-adamw": 4 + 4 + 4,
    "slides-adam8bit": 4 + 2 * (1 + 4 / 256),
    "slides-sgd": 4 + 4,
    "slides-gradients": [4, 2, 2],
    "deepdive-embedding": 50_000 * 768,
    "deepdive-attention": 4 * 768**2,
    "deepdive-ffn": 2 * 768 * 3072 + 768 + 3072,
    "deepdive-layer": 4 * 768**2 + 2 * 768 * 3072 + 768 + 3072 + 2 * 2 * 768,
    "deepdive-12-layers": 12 * 7_084_800,
    "deepdive-total": 85_017_600 + 38_400_000,
    "deepdive-fp32-bytes": 4 * 123_417_600,
    "deepdive-fp16-bytes": 2 * 123_417_600,
    "deepdive-training-memory": 16 * 123_417_600,
    "deepdive-two-rules": 1 + 2 * 12 * 768 * 1024 / 123_417_600,
    "deepdive-activation-coefficient": 4 + 4 + 2 + 2 + 2 + 8 + 2,
    "deepdive-attention-matrix": 4 * 12,
    "deepdive-10-percent": 1.1 ** (100 / 7),
    "deepdive-gpt3-layer": 8 * 12_288**2 + 8 * 12_288 * 49_152 + 2 * 12_288,
    "deepdive-gpt3-96": 96 * (12 * 12_288**2 + 13 * 12_288),
    "deepdive-gpt3-rest": (50_257 + 2048 + 2) * 12_288,
    "framework-7b-training": (4 + 4 + 8) * 7 * 10**9,
    "framework-13b-total": (52 + 52 + 104) * 10**9,
    "framework-13b-margin": 208 * 12 * 10**8,
}


def numbers(value):
    return value if isinstance(value, list) else [value]


def step(claimed):
    """What one more in the last printed digit would add; zeros at the end of a whole number count as rounded."""
    digits = Fraction(repr(claimed))
    last = Fraction(1)
    while digits % last:
        last /= 10
    while digits and digits % (10 * last) == 0:
        last *= 10
    return last


def as_printed(claimed, computed):
    """Whether what comes out is what is written, to the digits that are written."""
    return abs(Fraction(claimed) - Fraction(computed)) <= step(claimed) / 2


# --- complete -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", READ)
def test_every_claim_that_was_read_is_there_as_it_is_printed(id):
    claim, entry = EVERY[id], READ[id]
    assert (claim.claimed, claim.unit, claim.document) == (entry["value"], entry["unit"], entry["document"])
    assert type(claim.claimed) is list or type(entry["value"]) is not list
    assert DOCUMENTS[claim.document] == entry["title"]


def test_ids_are_unique_and_begin_with_the_document():
    assert len(EVERY) == len(claims()) >= len(READ) == 81
    assert all(claim.id.startswith(f"{claim.document}-") for claim in claims())


def test_claims_of_one_document_are_those_of_all():
    assert [claim for document in DOCUMENTS for claim in claims(document)] == claims()


def test_the_article_about_the_mlp_says_nothing_else():
    assert {claim.id for claim in claims("mlp")} == {id for id in READ if id.startswith("mlp-")}


# --- recomputed -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", BY_HAND)
def test_what_comes_out_is_right_to_the_last_digit(id):
    right, computed = BY_HAND[id], EVERY[id].computed
    assert type(computed) is type(right)
    assert computed == (pytest.approx(right, rel=1e-14) if isinstance(right, float) else right)


@every_claim
def test_a_number_answers_to_a_number_and_a_list_to_a_list(claim):
    assert (claim.computed is None) == (claim.claimed is None)
    assert isinstance(claim.computed, list) == isinstance(claim.claimed, list)
    assert len(numbers(claim.computed)) == len(numbers(claim.claimed))
    assert all(type(number) in (int, float) for number in numbers(claim.computed) if number is not None)


def test_what_comes_out_does_not_depend_on_what_is_written(monkeypatch):
    for module in MODULES.values():
        rows = [(id, written and 12_345, *rest) for id, written, *rest in module.ROWS]
        monkeypatch.setattr(module, "ROWS", rows)
    assert [claim.computed for claim in claims()] == [claim.computed for claim in EVERY.values()]
    assert {claim.claimed for claim in claims()} == {12_345, None}


CALLED = [(module, name) for module in MODULES.values() for name in FORMULAS if hasattr(module, name)]


@pytest.mark.parametrize("module, name", CALLED, ids=lambda part: getattr(part, "__name__", part).split(".")[-1])
def test_every_formula_that_a_document_calls_decides_some_claim(monkeypatch, module, name):
    right = getattr(module, name)
    monkeypatch.setattr(module, name, lambda *args, **kwargs: 2 * right(*args, **kwargs))
    assert changed()


def changed():
    return {claim.id for claim in claims() if claim.computed != EVERY[claim.id].computed}


@pytest.mark.parametrize(
    "module, name, claim",
    [
        (blocks, "matmul_flops", None),  # none of the claims is about attention between tokens
        (mlp, "matmul_flops", "mlp-throughput"),
        (transformer, "feed_forward_weights", "deepdive-total"),
        (transformer, "attention_weights", "deepdive-gpt3-96"),
        (transformer, "embedding_weights", "deepdive-gpt3-rest"),
        (states, "stored_bytes", None),
    ],
)
def test_a_wrong_factor_in_a_formula_shows_where_it_matters_and_nowhere_else(monkeypatch, module, name, claim):
    right = getattr(module, name)
    monkeypatch.setattr(module, name, lambda *args, **kwargs: 3 * right(*args, **kwargs))
    assert claim in changed() if claim else not changed()


def test_what_comes_out_is_computed_and_not_stored(monkeypatch):
    monkeypatch.setattr(MLP, "training_flops", lambda self, batch: 7)
    assert {claim.id: claim.computed for claim in claims("mlp")}["mlp-flops-per-sample"] == 7


# --- judged ---------------------------------------------------------------------------------------------------------


@every_claim
def test_the_verdict_agrees_with_the_numbers(claim):
    assert claim.document in DOCUMENTS and claim.verdict in VERDICTS
    if claim.computed is None:
        return
    pairs = list(zip(numbers(claim.claimed), numbers(claim.computed), strict=True))
    same = all(as_printed(*pair) for pair in pairs)
    off = max(abs(written / right - 1) for written, right in pairs)
    slips = off > 0.02 or not same  # 4 GB for 4.4: a part is left out, whatever rounding would allow
    assert {"holds": same, "approximates": off < 0.1, "convention": True, "slips": slips}[claim.verdict]


@every_claim
def test_the_reason_is_a_short_sentence(claim):
    assert 0 < len(claim.why) <= 160 and not claim.why.endswith((".", " ")) and "\n" not in claim.why


def test_what_carries_a_slip_on_says_so():
    """Right sums of wrong numbers: each names where its slip comes from."""
    for id in ("layer", "12-layers", "total", "fp32-bytes", "fp16-bytes", "gpt3-96", "gpt3-rest"):
        assert EVERY[f"deepdive-{id}"].why.startswith("carried over from ")
    for id in ("mlp-max-batch", "framework-13b-margin", "deepdive-activation-formula"):
        assert "carried over from " in EVERY[id].why


@pytest.mark.parametrize(
    "claimed, computed, same",
    [(494e6, 493_670_400, True), (493_535_232, 493_670_400, False), (3.7, 3.74, True), (3.7, 3.9, False),
     (1e9, 987_340_800, True), (0.5, 0.5, True), (0.4297, 0.44, False), (4, 4.5, True), (4, 4.6, False)],
)  # fmt: skip
def test_numbers_are_compared_to_the_digits_that_are_printed(claimed, computed, same):
    assert as_printed(claimed, computed) == same


def test_numbers_in_reasons_are_right():
    """Some reasons name a number of their own."""
    assert "4,722,432" in EVERY["deepdive-ffn"].why and EVERY["deepdive-ffn"].computed == 4_722_432
    assert 4_719_616 - 2 * 768 * 3072 == 1024 and 768 + 3072 == 3840
    assert round(100 * (1 - 123_383_808 / 123_417_600), 2) == 0.03
    assert round((4 * 12_288**2 + 2 * 12_288 * 49_152) / 1e9, 2) == 1.81
    assert round(math.log10(EVERY["deepdive-10-percent-formula"].computed)) == 14
    assert round((1 / 0.9) ** (1 / 0.07), 1) == 4.5 and round(EVERY["deepdive-10-percent"].computed, 1) == 3.9
    assert round(1.1 ** (1 / 0.0728), 1) == 3.7 and round(0.0728, 2) == 0.07
    assert EVERY["deepdive-gpt3-rest"].claimed == 175e9 - 105.6e9
    assert round(EVERY["deepdive-gpt3-rest"].computed / 1e9, 2) == 0.64
    assert 6 < EVERY["deepdive-fp32-bytes"].computed / (2 * 12 * 768 * 1024 * 4) < 7
    assert round(100 * EVERY["deepdive-two-rules"].computed) == 115
    assert round(100 * (1 - EVERY["framework-7b-parameters"].computed / 7e9)) == 4


def test_no_published_run_reaches_two_thirds_of_the_peak():
    from llmcalc.runs import RUNS

    assert "two thirds" in EVERY["slides-actual-flops"].why and max(run.utilization for run in RUNS) < 2 / 3


def test_the_parts_that_the_total_of_the_deep_dive_leaves_out_are_less_than_one_percent():
    whole = MODULES["deepdive"].example().parameters.total
    assert 0 < whole - EVERY["deepdive-total"].computed < whole / 100


# --- asked for ------------------------------------------------------------------------------------------------------


def test_a_claim_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        claims()[0].computed = 1


def test_an_unknown_document_is_refused_by_name():
    with pytest.raises(KeyError, match="nonsense"):
        claims("nonsense")


def test_a_document_loads_when_it_is_asked_for():
    code = "import llmcalc, sys; llmcalc.claims('mlp'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "llmcalc.documents.mlp" in loaded
    assert not {"llmcalc.documents.deepdive", "llmcalc.models", "numpy", "sympy"} & set(loaded)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_table_has_a_row_for_each_claim(document):
    table = claims_table(document)
    assert table.count("<tr>") == 1 + len(claims(document)) and "None" not in table


def test_the_table_shows_the_numbers_of_a_list_one_after_the_other():
    assert ">4, 2, 1, 0.5<" in claims_table("framework") and ">12,288, 49,152, 96<" in claims_table("deepdive")

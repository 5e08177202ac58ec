"""The claims of the documents: written down as they are printed, recomputed to the last digit, judged alike."""

import dataclasses

import pytest

from llmcalc import claims
from llmcalc.mlp import MLP
from llmcalc.sources import DOCUMENTS, VERDICTS
from llmcalc.views.sources import claims_table

# id: as printed in the article, and what is right, worked out by hand
MLP_ARTICLE = {
    "mlp-weights-per-layer": (1e8, 100_000_000),
    "mlp-weight-bytes-per-layer": (4e8, 400_000_000),
    "mlp-bias-bytes-per-layer": (4e4, 40_000),
    "mlp-total-weight-bytes": (4e9, 4_400_000_000),
    "mlp-activation-bytes-per-layer": (4e4, 40_000),
    "mlp-activation-sets": (11, 12),
    "mlp-activation-bytes-per-sample": (440e3, 440_000),
    "mlp-kb-to-mb": (0.4297, 0.44),
    "mlp-batch-quotient": (9.31, 4e9 / 440e3),
    "mlp-max-batch": (9, 9090),
    "mlp-training-memory-model": (None, None),
    "mlp-forward-flops-per-layer": (2e8, 200_000_000),
    "mlp-backward-flops-per-layer": (4e8, 400_000_000),
    "mlp-flops-per-layer": (6e8, 600_000_000),
    "mlp-flops-per-sample": (6e9, 5_800_000_000),
    "mlp-throughput": (16.67, 1e14 / 6e9),
}
EVERY = {claim.id: claim for claim in claims()}


def test_every_claim_of_the_article_is_there_as_it_is_printed():
    assert {claim.id: claim.claimed for claim in claims("mlp")} == {id: pair[0] for id, pair in MLP_ARTICLE.items()}


@pytest.mark.parametrize("id", MLP_ARTICLE)
def test_what_comes_out_is_right_to_the_last_digit(id):
    right, computed = MLP_ARTICLE[id][1], EVERY[id].computed
    assert computed == right and type(computed) is type(right)


def test_what_comes_out_is_computed_and_not_stored(monkeypatch):
    monkeypatch.setattr(MLP, "training_flops", lambda self, batch: 7)
    assert {claim.id: claim.computed for claim in claims("mlp")}["mlp-flops-per-sample"] == 7


@pytest.mark.parametrize("claim", EVERY.values(), ids=EVERY)
def test_the_verdict_agrees_with_the_numbers(claim):
    assert claim.document in DOCUMENTS and claim.verdict in VERDICTS and claim.why
    if claim.computed is None:
        return
    off = abs(claim.claimed / claim.computed - 1)
    assert {"holds": off == 0, "approximates": 0 < off < 0.1, "slips": off > 0.02}[claim.verdict]


def test_a_claim_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        claims()[0].computed = 1


def test_an_unknown_document_is_refused_by_name():
    with pytest.raises(KeyError, match="nonsense"):
        claims("nonsense")


def test_the_table_has_a_row_for_each_claim():
    assert claims_table("mlp").count("<tr>") == 1 + len(MLP_ARTICLE)

"""What fits beside the weights, checked by trying one more; the least time of a token, beside a measured one."""

import json
import math

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from workshop import ROOT

from llmcalc.hardware import ACCELERATORS, gpu
from llmcalc.inference import cache_ledger
from llmcalc.models import MODELS, model
from llmcalc.notation import letter
from llmcalc.quantization import weight_bytes
from llmcalc.serving import (
    decode_flops,
    decode_ledger,
    largest_batch_served,
    largest_context_served,
    read_ledger,
)
from llmcalc.tables import FASTER_TRANSFORMER_13B
from llmcalc.transformer import Transformer

DECODERS = [name for name in MODELS if not model(name).family.encoder]
WINDOWED = [name for name in DECODERS if model(name).sliding_layers]
OPT_13B = {"model_type": "opt", "num_hidden_layers": 40, "hidden_size": 5120, "num_attention_heads": 40}
OPT_13B |= {"ffn_dim": 20_480, "max_position_embeddings": 2048, "vocab_size": 50_272}

# --- what fits ------------------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(
    name=st.sampled_from(DECODERS) | st.sampled_from(WINDOWED),
    free=st.integers(0, 10**6) | st.integers(10**6, 10**13),
    batch=st.integers(1, 100),
    margin=st.integers(0, 10**10),
)
def test_the_largest_context_fits_and_one_token_more_does_not(name, free, batch, margin):
    built = model(name)
    beside = weight_bytes(built).total + margin
    context = largest_context_served(built, beside + free, batch, margin_bytes=margin)
    if context == math.inf:
        assert built.sliding_layers == built.layers
        assert cache_ledger(built, batch, 10**12) <= free
    else:
        assert isinstance(context, int) and cache_ledger(built, batch, context) <= free
        assert cache_ledger(built, batch, context + 1) > free


@settings(max_examples=200, deadline=None)
@given(
    name=st.sampled_from(DECODERS),
    free=st.integers(0, 10**13),
    tokens=st.integers(2, 10**6),
    size=st.sampled_from([1, 2, 4]),
)
def test_the_largest_batch_fits_and_one_sequence_more_does_not(name, free, tokens, size):
    built = model(name)
    batch = largest_batch_served(built, weight_bytes(built).total + free, tokens, bytes_per_value=size)
    assert batch * cache_ledger(built, 1, tokens, size).total <= free
    assert cache_ledger(built, batch + 1, tokens, size) > free


@pytest.mark.parametrize("name", ["llama-3-8b", "gemma-2-9b", "mistral-7b", "deepseek-v2-lite"])
def test_a_memory_too_small_for_the_weights_holds_nothing(name):
    built = model(name)
    assert largest_context_served(built, 10**9) == largest_batch_served(built, 10**9, 100) == 0


def test_a_context_is_endless_as_soon_as_every_window_is_full():
    mistral = model("mistral-7b")
    full = weight_bytes(mistral).total + cache_ledger(mistral, 1, 4095).total
    assert largest_context_served(mistral, full) == math.inf
    assert largest_context_served(mistral, full - 1) == 4094


def test_fewer_bits_of_weights_leave_room_for_more_context():
    card, llama = gpu("rtx-4090").memory_bytes, model("llama-3-8b")
    contexts = [largest_context_served(llama, card, weights=scheme) for scheme in ("bf16", "int8", "nf4", "nf4-double")]
    assert contexts == sorted(set(contexts))
    saved = weight_bytes(llama) - weight_bytes(llama, "nf4")
    assert contexts[2] - contexts[0] == pytest.approx(saved / cache_ledger(llama, 1, 1), abs=1)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda llama: largest_context_served(llama, 10**11, 0), "batch must be a positive number, got 0"),
        (lambda llama: largest_context_served(llama, -1), "memory_bytes must be a positive number, got -1"),
        (lambda llama: largest_batch_served(llama, 10**11, 0), "tokens must be a positive number, got 0"),
        (
            lambda llama: largest_batch_served(llama, 10**11, 1, margin_bytes=-2),
            "margin_bytes must be zero or .* got -2",
        ),
        (lambda llama: largest_batch_served(llama, 10**11, 1, "int3"), "scheme must be one of .*, got 'int3'"),
        (lambda llama: read_ledger(llama, 0), "batch must be a positive number, got 0"),
        (lambda llama: decode_ledger(llama, gpu("v100-16gb")), "has no peak for the format 'bf16'"),
        (lambda llama: largest_batch_served(model("bert-base"), 10**11, 1), "bert is an encoder and has no cache"),
    ],
)
def test_nonsense_is_refused(ask, message):
    with pytest.raises(ValueError, match=message):
        ask(model("llama-3-8b"))


# --- how long -------------------------------------------------------------------------------------------------------


def records():
    published = json.loads((ROOT / "tests" / "data" / "published_tables.json").read_text(encoding="utf-8"))["records"]
    return {record["name"]: record["quantities"] for record in published if "FasterTransformer" in record["name"]}


def test_a_token_of_a_13b_model_takes_no_less_than_reading_its_weights_and_was_measured_to_take_more():
    card, opt = gpu("a100-40gb"), Transformer.from_config(OPT_13B)
    step = decode_ledger(opt, card, 1, context=512, number_format="fp16")
    assert step.binds == "memory" and step.compute == 0
    assert round(1000 * step.weights, 1) == 16.5  # 16.7 with 26 GB for 25.7
    assert 1000 * step == pytest.approx(16.8, abs=0.05)
    one, two = (records()[f"FasterTransformer 13B on {gpus} A100-40GB"] for gpus in (1, 2))
    assert 0.75 * one["decode_per_token"]["value"] < 1000 * step < one["decode_per_token"]["value"]
    assert 1000 * step / 2 < two["decode_per_token"]["value"] < one["decode_per_token"]["value"]


@pytest.mark.parametrize("name", DECODERS)
def test_one_token_reads_every_weight_it_is_multiplied_with_and_the_norms_and_biases(name):
    built = model(name)
    read, parameters = read_ledger(built, 1, 1).weights.total, built.parameters
    tables = parameters.embedding if not built.family.tied else parameters.embedding - parameters.embedding.tokens
    assert read == 2 * (parameters.active - tables)
    assert 0 <= read - 2 * built.matmul_weights < 0.005 * read


def test_a_batch_reads_experts_until_all_are_read_and_then_no_more():
    mixtral = model("mixtral-8x7b")
    weights = [read_ledger(mixtral, batch).weights.total for batch in (1, 2, 3, 4, 5, 100)]
    assert weights[1] - weights[0] == weights[2] - weights[1] == 2 * 32 * 2 * mixtral.expert_weights
    assert weights[3:] == [2 * (mixtral.parameters.total - mixtral.parameters.embedding)] * 3
    quarter = [read_ledger(model("gpt-oss-120b"), batch, weights="mxfp4").weights.total for batch in (1, 2)]
    experts = 36 * 4 * (3 * 2880 * 2880 * 17 // 32 + 2 * 3 * 2880)
    assert quarter[1] - quarter[0] == experts


def test_quantized_tables_are_not_read_unless_they_are_the_output_layer():
    llama, tied = model("llama-2-13b"), model("llama-3.2-1b")
    stored = weight_bytes(llama, "q4_0")
    assert read_ledger(llama, weights="q4_0").weights == stored - stored.quantized.embedding
    assert read_ledger(tied, weights="q4_0").weights == weight_bytes(tied, "q4_0")


@pytest.mark.parametrize("name", ["gpt2", "llama-3-8b", "gemma-2-9b", "mixtral-8x7b", "falcon-7b"])
def test_the_operations_of_a_token_are_what_the_forward_pass_grows_by(name):
    """A pass over S tokens against all S: the same as S single tokens, each against all S."""
    built = model(name)
    assert 10 * decode_flops(built, 3, 10) == built.forward_flops(3, 10)


def test_latent_attention_works_on_the_squeezed_cache():
    deepseek = model("deepseek-v3")
    between = decode_flops(deepseek, 2, 1000) - 2 * 2 * deepseek.matmul_weights
    assert between == 2 * 1000 * 2 * 61 * 128 * (512 + 64 + 512)


def test_in_layers_with_a_window_a_token_looks_no_further():
    mistral = model("mistral-7b")
    assert decode_flops(mistral, 1, 4096) == decode_flops(mistral, 1, 10**6)


@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(DECODERS),
    card=st.sampled_from([name for name, row in ACCELERATORS.items() if dict(row.dense).get("bf16")]),
    batch=st.integers(1, 5000),
    context=st.integers(0, 10**6),
)
def test_a_step_takes_as_long_as_the_slower_of_memory_and_compute(name, card, batch, context):
    step = decode_ledger(model(name), gpu(card), batch, context)
    assert step.total == pytest.approx(max(step.memory, step.arithmetic), rel=1e-12)
    assert step.binds == ("memory" if step.memory >= step.arithmetic else "compute")
    assert (step.compute > 0) == (step.binds == "compute")
    assert step.weights + step.cache == step.memory


def test_many_sequences_with_little_context_are_bound_by_compute():
    card, llama = gpu("a100-80gb"), model("llama-3-8b")
    assert [decode_ledger(llama, card, batch, 10).binds for batch in (100, 200)] == ["memory", "compute"]
    assert decode_ledger(llama, card, 200, 8192).binds == "memory"  # every sequence reads a cache of its own


@pytest.mark.parametrize(
    ("name", "scheme"),
    [("llama-3-8b", "nf4"), ("gpt2", "bf16"), ("gpt-oss-20b", "mxfp4"), ("deepseek-v3", "bf16"), ("gemma-2-9b", "awq")],
)
def test_the_formula_of_every_item_gives_its_number(name, scheme):
    built, card = model(name), gpu("a100-80gb")
    symbols = built.symbolic()
    sizes = {
        getattr(symbols, field): getattr(built, field)
        for field in symbols.__dataclass_fields__
        if hasattr(getattr(symbols, field), "free_symbols")
    } | {letter("batch"): 3, letter("context"): 5000, letter("bytes_per_value"): 2}
    read, step = read_ledger(built, 3, 5000, scheme), decode_ledger(built, card, 3, 5000, scheme)
    for item in (read, *read):
        assert sp.sympify(item.formula).subs(sizes) == item.total
    for item in (step, *step):
        assert float(sp.sympify(item.formula).subs(sizes)) == pytest.approx(item.total, rel=1e-9)


def test_the_table_of_published_times_is_what_the_record_has():
    for row in FASTER_TRANSFORMER_13B:
        name = f"FasterTransformer 13B on {row.gpus} A100-40GB"
        printed = [records()[name][each]["value"] for each in ("prefill_512", "decode_per_token", "total_10_tokens")]
        assert [row.prompt_ms, row.token_ms, row.answer_ms] == printed
        assert row.answer_ms == pytest.approx(row.prompt_ms + 10 * row.token_ms, rel=0.01)

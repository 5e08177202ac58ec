"""Activations: no byte more or less than PyTorch keeps, and the laws that hold whatever the model."""

import json
from dataclasses import replace

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from workshop import ROOT

from llmcalc.activations import CHOICES
from llmcalc.families import FAMILIES
from llmcalc.loss import loss_ledger
from llmcalc.mlp import MLP
from llmcalc.models import MODELS, model
from llmcalc.notation import letter
from llmcalc.transformer import Transformer

RECORDS = json.loads((ROOT / "tests" / "data" / "pytorch_public.json").read_text(encoding="utf-8"))["activations"]
BYTES = {"bfloat16": 2, "float16": 2, "float32": 4}


def records(*kinds):
    """A test for each record of these kinds."""
    found = [record for record in RECORDS if record["kind"] in kinds]
    return pytest.mark.parametrize("record", found, ids=lambda r: "-".join(map(str, r["params"].values())))


def size_of(record):
    """Bytes of a value: autocast multiplies in 16 bits."""
    return BYTES.get(record["dtype"], 2)


def gpt2(width, heads, sequence, layers=1, vocabulary=1):
    names = {"n_embd": width, "n_head": heads, "n_layer": layers, "n_positions": sequence, "vocab_size": vocabulary}
    return Transformer.from_config({"model_type": "gpt2", **names})


def llama(width, heads, feed_forward, **more):
    names = {"hidden_size": width, "num_attention_heads": heads, "intermediate_size": feed_forward}
    return Transformer.from_config({"model_type": "llama", "num_hidden_layers": 1, "vocab_size": 1, **names, **more})


# --- every record ---------------------------------------------------------------------------------------------------

GPT2_BLOCKS = {
    "gpt2_block_classic": {},
    "gpt2_block_classic_fused_qkv": {},
    "gpt2_block_masked_fill": {"mask": "filled"},
    "gpt2_block_no_dropout": {},
    "gpt2_block_python_gelu": {"gelu": "python"},
    "gpt2_block_flash": {},
    "gpt2_block_flash_no_dropout": {},
    "gpt2_block_efficient": {},
    "gpt2_block_autocast_emulated": {"autocast": True},
}
LLAMA_BLOCKS = {
    "llama_block_flash_fused_norm": {},
    "llama_block_explicit_fused_norm": {"attention": "explicit"},
    "llama_block_explicit_fused_norm_fp32_softmax": {"attention": "explicit", "softmax": "fp32"},
    "llama_block_flash_library_norm": {"norm": "library"},
    "llama_block_explicit_library_norm": {"attention": "explicit", "norm": "library"},
    "llama_block_explicit_library_norm_fp32_softmax": {"attention": "explicit", "norm": "library", "softmax": "fp32"},
}
TESTED = {*GPT2_BLOCKS, *LLAMA_BLOCKS, "mlp", "library", "library_checkpoint", "gpt2_full_checkpoint"}
TESTED |= {"head_and_loss", "head_and_loss_peak", "seed_formula_comparison"}


def test_every_kind_of_record_is_held_to():
    assert len(RECORDS) == 130 and {record["kind"] for record in RECORDS} == TESTED


@records("mlp")
def test_a_multi_layer_perceptron_keeps_what_is_measured(record):
    sizes = record["params"]
    network = MLP(sizes["sizes"], bias=sizes["bias"])
    kept = network.activation_bytes(sizes["batch"], size_of(record), activation=sizes["activation"])
    assert kept == record["measured_bytes"]


@records(*GPT2_BLOCKS)
def test_a_block_of_gpt_2_keeps_what_is_measured(record):
    sizes, how = record["params"], GPT2_BLOCKS[record["kind"]]
    built = gpt2(sizes["h"], sizes["a"], sizes["s"])
    kept = built.activation_bytes(
        sizes["b"], sizes["s"], size_of(record), sizes["attention"], sizes["dropout"] > 0, **how
    )
    assert kept.per_layer == record["measured_bytes"]


@records(*LLAMA_BLOCKS)
def test_a_block_of_llama_keeps_what_is_measured(record):
    """Measured alone, a block keeps the rotary tables, which all layers of a model share."""
    sizes = record["params"]
    built = llama(sizes["h"], sizes["a"], sizes["ff"], num_key_value_heads=sizes["kv"], head_dim=sizes["head_dim"])
    kept = built.activation_bytes(sizes["b"], sizes["s"], size_of(record), **LLAMA_BLOCKS[record["kind"]])
    assert kept.per_layer + kept.rotary == record["measured_bytes"]


@records("head_and_loss")
def test_the_output_layer_and_the_loss_keep_what_is_measured(record):
    sizes = record["params"]
    built = gpt2(sizes["h"], 1, sizes["s"], vocabulary=sizes["vocab"])
    loss = "fp32" if sizes["loss_in_fp32"] else "same"
    kept = built.activation_bytes(sizes["b"], sizes["s"], size_of(record), loss=loss)
    assert kept.head_and_loss == record["measured_bytes"]
    assert kept.logits == record["logits_held_by_caller_bytes"]


@records("head_and_loss_peak")
def test_the_loss_holds_at_most_what_is_measured_forward_and_backward(record):
    sizes = record["params"]
    built = gpt2(sizes["h"], 1, sizes["s"], vocabulary=sizes["vocab"])
    held = loss_ledger(built, sizes["b"], sizes["s"], size_of(record), "fp32" if sizes["loss_in_fp32"] else "same")
    assert {"forward": held.forward, "backward": held.total, "peak": held.total} == record["measured_peak_bytes"]


@records("gpt2_full_checkpoint")
def test_full_recomputation_keeps_the_inputs_of_the_layers_and_one_layer_at_the_peak(record):
    sizes = record["params"]
    built = gpt2(sizes["h"], sizes["a"], sizes["s"], sizes["layers"])
    kept = built.activation_bytes(sizes["b"], sizes["s"], size_of(record), "explicit", dropout=True, recompute="full")
    assert kept.layers == record["measured_bytes"]
    assert kept.peak - kept.total == record["one_block_recomputed_bytes"]


@records("library_checkpoint")
def test_checkpoints_of_the_library_keep_the_input_of_a_layer(record):
    sizes = record["params"]
    built = gpt2(sizes["h"], 6, sizes["s"]) if sizes["model_type"] == "gpt2" else llama(sizes["h"], 6, 512)
    kept = built.activation_bytes(sizes["b"], sizes["s"], size_of(record), recompute="full")
    assert kept.per_layer == record["measured_bytes_per_layer"]


@records("seed_formula_comparison")
def test_layers_and_log_probabilities_sum_to_what_is_measured(record):
    sizes, setting = record["params"], record["params"]["setting"]
    built = gpt2(sizes["h"], sizes["a"], sizes["s"], sizes["layers"], sizes["vocab"])
    attention, dropout = "flash" if "flash" in setting else "explicit", "no dropout" not in setting
    kept = built.activation_bytes(
        sizes["b"], sizes["s"], size_of(record), attention, dropout, autocast="autocast" in setting
    )
    assert kept.per_layer == record["measured_per_layer_bytes"]
    assert kept.layers + kept.head_and_loss.log_probabilities == record["measured_bytes"]


def of_the_library(record, attention):
    sizes, gpt = dict(record["params"]), record["params"]["model_type"] == "gpt2"
    shape = [sizes.pop("b"), sizes.pop("s"), size_of(record)]
    sizes.pop("attention")
    built = Transformer.from_config({**sizes, "n_layer" if gpt else "num_hidden_layers": 1})
    return built.activation_bytes(
        *shape,
        attention,
        dropout=gpt and "resid_pdrop" not in sizes,
        norm="library",
        gelu="fused" if sizes.get("activation_function") == "gelu" else "python",
        softmax="same" if gpt else "fp32",
        device="cpu",
        labels="shifted",
    )


def falls_back(record):
    """Fused attention on a CPU knows no dropout: PyTorch then computes it by single operations of its own choice.

    That is a third way beside the explicit and the fused one, of no use on a GPU, and out of scope.
    """
    sizes = record["params"]
    return sizes["model_type"] == "gpt2" and sizes["attention"] == "sdpa" and "resid_pdrop" not in sizes


@records("library")
def test_models_of_the_library_keep_what_is_measured_in_a_layer_and_outside(record):
    kept = of_the_library(record, "explicit" if record["params"]["attention"] == "eager" else "flash")
    assert kept.total - kept.layers == record["measured_bytes_outside_layers"]
    if falls_back(record):
        assert kept.per_layer < of_the_library(record, "explicit").per_layer < record["measured_bytes_per_layer"]
    else:
        assert kept.per_layer == record["measured_bytes_per_layer"]


def test_only_four_records_are_out_of_scope():
    assert sum(record["kind"] == "library" and falls_back(record) for record in RECORDS) == 4


# --- laws -----------------------------------------------------------------------------------------------------------

COUNTED = {name: model(name) for name in MODELS if model(name).family.keeps}
COUNTED["of one key/value head"] = llama(256, 4, 512, num_key_value_heads=1)
hows = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in CHOICES.items()})
models, small = st.sampled_from(list(COUNTED)), st.integers(1, 64)
sizes_of_values = st.sampled_from([1, 2, 4])


def sizes_in(built, **more):
    """Numbers for the letters of a model, and for further ones."""
    symbolic = built.symbolic()
    fields = [name for name in symbolic.__dataclass_fields__ if hasattr(getattr(symbolic, name), "free_symbols")]
    return {getattr(symbolic, name): getattr(built, name) for name in fields} | {
        letter(name): size for name, size in more.items()
    }


@settings(max_examples=150, deadline=None)
@given(name=models, batch=small, sequence=small, e=sizes_of_values, how=hows)
def test_items_sum_to_the_total_and_the_peak_is_no_less(name, batch, sequence, e, how):
    built = COUNTED[name]
    kept = built.activation_bytes(batch, sequence, e, **how)
    assert kept.keys() == ["embedding", "layers", "rotary", "head_and_loss"]
    assert kept.total == sum(item.total for item in kept) == sum(kept)
    for item in (*kept, *kept.layers, kept.per_layer):
        assert isinstance(item.total, int) and item.total >= 0
        assert len(item) == 0 or item.total == sum(item)
    assert kept.per_layer * built.layers == kept.layers
    assert len(kept.layers) == built.layers and all(list(layer) == list(kept.per_layer) for layer in kept.layers)
    assert kept.peak >= kept.total
    assert (kept.peak > kept.total) == (how["recompute"] != "none")


@settings(max_examples=150, deadline=None)
@given(name=models, batch=small, sequence=small, e=sizes_of_values, how=hows, data=st.data())
def test_more_layers_sequences_or_tokens_never_keep_less(name, batch, sequence, e, how, data):
    built = COUNTED[name]
    kept = built.activation_bytes(batch, sequence, e, **how)
    more = data.draw(st.sampled_from(["layers", "batch", "sequence", "bytes_per_value"]))
    if more == "layers":
        larger = replace(built, layers=built.layers + 1).activation_bytes(batch, sequence, e, **how)
    else:
        sizes = {"batch": batch, "sequence": sequence, "bytes_per_value": e}
        larger = built.activation_bytes(**{**sizes, more: 2 * sizes[more]}, **how)
    assert larger.total >= kept.total and larger.peak >= kept.peak


@settings(max_examples=100, deadline=None)
@given(name=models, batch=small, sequence=st.integers(16, 4096), e=sizes_of_values, how=hows)
def test_fused_attention_keeps_less_than_the_scores_from_a_few_tokens_on(name, batch, sequence, e, how):
    explicit, flash = (
        COUNTED[name].activation_bytes(batch, sequence, e, **{**how, "attention": attention})
        for attention in ("explicit", "flash")
    )
    assert flash.total <= explicit.total


def test_for_a_single_token_fused_attention_keeps_more():
    """A sum for each head in fp32, and the state of random numbers, against one score for each head in bf16."""
    gpt = model("gpt2")
    assert gpt.activation_bytes(1, 1).total > gpt.activation_bytes(1, 1, attention="explicit").total


@settings(max_examples=100, deadline=None)
@given(name=models, batch=small, sequence=small, e=sizes_of_values, how=hows)
def test_whoever_recomputes_more_keeps_less(name, batch, sequence, e, how):
    full, selective, none = (
        COUNTED[name].activation_bytes(batch, sequence, e, **{**how, "recompute": recompute})
        for recompute in ("full", "selective", "none")
    )
    assert full.total < selective.total < none.total
    stream = 4 if how["autocast"] else e  # what a layer is given
    assert full.layers == stream * batch * sequence * COUNTED[name].width * COUNTED[name].layers


@settings(max_examples=150, deadline=None)
@given(name=models, batch=st.integers(1, 4), sequence=small, e=sizes_of_values, how=hows)
def test_the_formulas_give_the_numbers(name, batch, sequence, e, how):
    built = COUNTED[name]
    numbers = sizes_in(built, batch=batch, sequence=sequence, bytes_per_value=e)
    kept = built.activation_bytes(batch, sequence, e, **how)
    for item in (kept, *kept, kept.per_layer, *kept.per_layer):
        assert int(sp.sympify(item.formula).subs(numbers)) == item.total
    assert int(sp.sympify(kept.formula_ledger.peak).subs(numbers)) == kept.peak


@pytest.mark.parametrize("e", [2, 4])
@pytest.mark.parametrize("loss", CHOICES["loss"])
def test_the_formulas_of_the_loss_give_its_numbers(e, loss):
    built = model("llama-3-8b")
    held = loss_ledger(built, 3, 100, e, loss)
    numbers = sizes_in(built, batch=3, sequence=100, bytes_per_value=e)
    assert sum(held) == held.total > held.forward
    assert int(held.formula.subs(numbers)) == held.total
    assert int(held.formula_ledger.forward.subs(numbers)) == held.forward


def test_a_block_of_gpt_2_has_the_terms_that_korthikanti_et_al_print():
    """s b h (34 + 5 a s / h) bytes in 16 bits, and 16 more a token: statistics of two norms in fp32."""
    layer = model("gpt2").activation_bytes(1, 1024, attention="explicit", dropout=True).per_layer.formula
    B, S, d, a, e, f, heads_dim, kv = map(
        letter, ("batch", "sequence", "width", "heads", "bytes_per_value", "feed_forward", "head_dim", "kv_heads")
    )
    printed = S * B * d * (34 + 5 * a * S / d) + 16 * S * B
    assert sp.expand(layer.subs({e: 2, f: 4 * d, kv: a}).subs(heads_dim, d / a) - printed) == 0


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, row in FAMILIES.items() if not row.keeps])
def test_a_family_without_a_rule_is_refused_by_its_name(name):
    built = next(model(row.name) for row in MODELS.values() if row.config["model_type"] == name)
    with pytest.raises(ValueError, match=f"activation_bytes: model_type {name} has no rule for its activations"):
        built.activation_bytes(1, 8)


@pytest.mark.parametrize("name", CHOICES)
@pytest.mark.parametrize("wrong", ["never", None, 1, 0, 2.0, ["flash"]], ids=repr)
def test_a_wrong_choice_is_refused_by_name_with_what_is_allowed(name, wrong):
    with pytest.raises(ValueError, match=f"activation_bytes: {name} must be .* or .*, got ") as refused:
        model("gpt2").activation_bytes(1, 8, **{name: wrong})
    assert repr(wrong) in str(refused.value)
    assert all(str(choice) in str(refused.value) for choice in CHOICES[name])


def test_a_keyword_that_is_none_is_refused_with_those_that_are():
    with pytest.raises(TypeError, match="activation_bytes: there is no offload; there are attention, recompute, norm"):
        model("gpt2").activation_bytes(1, 8, offload=True)
    with pytest.raises(ValueError, match="loss_ledger: loss must be fp32 or same, got 'bf16'"):
        loss_ledger(model("gpt2"), loss="bf16")


@pytest.mark.parametrize("name", ["batch", "sequence", "bytes_per_value"])
@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf")])
def test_sizes_that_make_no_sense_are_refused_by_name(name, wrong):
    for asked in (model("gpt2").activation_bytes, lambda **sizes: loss_ledger(model("gpt2"), **sizes)):
        with pytest.raises(ValueError, match=f"{name} must be .*, got {wrong}"):
            asked(**{name: wrong})


def test_no_tokens_keep_next_to_nothing():
    for batch, sequence in ((0, 8), (8, 0)):
        kept = model("llama-3-8b").activation_bytes(batch, sequence, attention="explicit")
        assert kept.layers.total == kept.embedding.total == 0


def test_efficient_attention_fills_up_its_sums_to_a_multiple_of_32_tokens():
    sums = {
        sequence: model("gpt2").activation_bytes(3, sequence, attention="efficient").per_layer.log_sum_exp
        for sequence in (1, 32, 33, 64)
    }
    assert sums[1] == sums[32] == 4 * 12 * 3 * 32 and sums[33] == sums[64] == 2 * sums[32]

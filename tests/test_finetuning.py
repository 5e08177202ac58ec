"""Adapters counted as PEFT adds them, the linear layers they stand beside, and the bytes of fine-tuning."""

import json

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from workshop import ROOT

from llmcalc.families import FAMILIES
from llmcalc.finetuning import finetuning_ledger, lora_ledger, lora_parameters
from llmcalc.linears import NAMES, linear_layers
from llmcalc.measured import LORA_CONFIG, LORA_HOW, LORA_LAYER, LORA_RANK
from llmcalc.models import MODELS, model
from llmcalc.symbolic import same
from llmcalc.transformer import Transformer

DATA = ROOT / "tests" / "data"
PEFT = json.loads((DATA / "peft_lora.json").read_text(encoding="utf-8"))
PUBLISHED = {
    record["name"]: {name: quantity["value"] for name, quantity in record["quantities"].items()}
    for record in json.loads((DATA / "published_tables.json").read_text(encoding="utf-8"))["records"]
    if "LoRA" in record["name"]
}
SMALL = {case["config"]["model_type"]: case["config"] for case in reversed(PEFT["cases"])}
"""A family's small configuration, the plain one: the first that was measured."""
DENSE = [name for name in MODELS if not model(name).family.experts]


# --- linear layers --------------------------------------------------------------------------------------------------


def test_every_family_names_its_linear_layers():
    assert set(NAMES) == set(FAMILIES) == set(PEFT["layers"])


@pytest.mark.parametrize("family", FAMILIES)
def test_linear_layers_have_the_names_and_shapes_that_the_library_gives_them(family):
    layers = linear_layers(Transformer.from_config(SMALL[family]))
    assert sorted([row.name, row.inputs, row.outputs, row.count] for row in layers) == PEFT["layers"][family]


@pytest.mark.parametrize("name", MODELS)
def test_the_weights_of_the_linear_layers_are_those_of_the_ledger(name):
    built = model(name)
    parameters, weights = built.parameters, {"attention": 0, "mlp": 0, "experts": 0, "lm_head": 0}
    for layer in linear_layers(built, stacked=True):
        weights[layer.part] = weights.get(layer.part, 0) + layer.weights
    assert weights["attention"] == parameters.attention.weights
    assert weights["mlp"] == parameters.mlp.weights
    assert weights["lm_head"] == built.head_weights
    biases = built.expert_layers * built.experts * (3 * built.width if built.family.expert_bias else 0)
    assert weights["experts"] == parameters.experts - biases  # of gpt-oss, whose experts are as wide as the model
    routers = built.expert_layers * built.router_weights
    idle = built.expert_layers * (built.experts - built.experts_per_token) * built.mlp_weights(built.expert_width)
    pooler = built.width**2 if built.family.encoder else 0
    assert sum(weights.values()) - idle + routers - pooler == built.matmul_weights


@pytest.mark.parametrize("family", FAMILIES)
def test_the_weights_of_the_layers_of_symbols_are_formulas_of_the_ledger(family):
    built = next(built for built in map(model, MODELS) if built.family.model_type == family).symbolic()
    layers = linear_layers(built)
    assert same(sum(row.weights for row in layers if row.part == "attention"), built.layers * built.attention_weights)
    mlp = built.parameters.mlp.weights.total
    assert same(sum((row.weights for row in layers if row.part == "mlp"), sp.Integer(0)), mlp)


def test_a_family_without_a_row_is_refused_by_name(monkeypatch):
    monkeypatch.delitem(NAMES, "gpt2")
    with pytest.raises(ValueError, match="model_type 'gpt2' has no row here; known are gptj, gpt_neox"):
        linear_layers(model("gpt2"))


# --- adapters -------------------------------------------------------------------------------------------------------


def described(case):
    config = case["config"]
    sizes = ", ".join(
        f"{key} {value}" for key, value in config.items() if value != SMALL[config["model_type"]].get(key)
    )
    return f"{config['model_type']} {sizes[:40]} {case['targets']} {case['rank']}"[:120]


@pytest.mark.parametrize("case", PEFT["cases"], ids=described)
def test_adapters_have_as_many_parameters_as_peft_gives_them(case):
    ledger = lora_ledger(Transformer.from_config(case["config"]), case["rank"], case["targets"])
    assert dict(sorted(ledger.items())) == case["modules"]
    assert ledger.total == case["trainable"]


def test_every_family_and_each_of_its_layers_was_measured_with_peft():
    measured = {(case["config"]["model_type"], layer) for case in PEFT["cases"] for layer in case["modules"]}
    for family, layers in PEFT["layers"].items():
        for name, *_ in layers:
            experts = FAMILIES[family].experts and name.startswith("mlp.")
            assert (family, name) in measured or name == "lm_head" or experts
    assert len(PEFT["cases"]) > 300 and PEFT["beside"] == {"peft": "0.21.2"}


@settings(max_examples=40, deadline=None)
@given(name=st.sampled_from(DENSE), rank=st.integers(1, 512))
def test_adapters_grow_in_proportion_to_the_rank_and_never_change_a_table(name, rank):
    built = model(name)
    ledger = lora_ledger(built, rank, "all-linear")
    assert ledger.total == rank * lora_ledger(built, 1, "all-linear")
    assert ledger.total == sum(
        row.count * rank * (row.inputs + row.outputs) for row in linear_layers(built) if row.name != "lm_head"
    )


@pytest.mark.parametrize("name", ["gpt2", "llama-3-8b", "phi-3-mini", "deepseek-v3", "falcon-40b", "opt-125m"])
def test_the_formula_of_every_adapter_gives_its_number(name):
    built = model(name)
    every = [row.name for row in linear_layers(built) if row.part == "attention"]
    ledger, symbols = lora_ledger(built, 16, every), built.symbolic()
    sizes = {
        getattr(symbols, field): getattr(built, field)
        for field in symbols.__dataclass_fields__
        if hasattr(getattr(symbols, field), "free_symbols")
    }
    for item in (ledger, *ledger):
        assert item.formula.has(sp.Symbol("r_A", positive=True, integer=True))
        assert item.formula.subs(sizes | {sp.Symbol("r_A", positive=True, integer=True): 16}) == item.total


def test_a_model_of_symbols_has_adapters_of_symbols():
    d, L, r = (sp.Symbol(name, positive=True, integer=True) for name in "dLr")
    config = {"model_type": "llama", "num_hidden_layers": L, "hidden_size": d, "num_attention_heads": 1}
    built = Transformer.from_config({**config, "intermediate_size": 4 * d, "vocab_size": 7})
    assert same(lora_ledger(built, r).total, 4 * L * d * r)
    d, L, r, heads, kv_heads, head_dim = (sp.Symbol(name) for name in ("d", "L", "r_A", "a", "a_{kv}", "d_a"))
    assert same(lora_ledger(model("llama-3-8b")).formula, L * r * (2 * d + (heads + kv_heads) * head_dim))


@pytest.mark.parametrize(
    ("rank", "targets", "message"),
    [
        (
            8,
            ["q_proj", "query"],
            "targets names 'query', which is no linear layer of llama; there are self_attn.q_proj",
        ),
        (8, "proj", "targets names 'proj', which is no linear layer"),
        (8, "attn.q_proj", "targets names 'attn.q_proj', which is no linear layer"),
        (8, [], r"targets must be names of linear layers, got \[\]"),
        (8, [3], r"targets must be names of linear layers, got \[3\]"),
        (8, 5, "targets must be names of linear layers, got 5"),
        (8, {"q_proj": 8}, "targets must be names of linear layers, got {'q_proj': 8}"),
        ({}, None, "rank must name at least one layer, got {}"),
        ({"q_proj": 8}, ["q_proj", "k_proj"], "rank says nothing of self_attn.k_proj; it names q_proj"),
        ({"q_proj": 8, "wk": 8}, ["q_proj"], "targets names 'wk', which is no linear layer"),
        ({"q_proj": 0}, None, "rank must be a positive number, got 0"),
        (0, None, "rank must be a positive number, got 0"),
        (-4, None, "rank must be a positive number, got -4"),
    ],
)
def test_adapters_of_nonsense_are_refused(rank, targets, message):
    with pytest.raises(ValueError, match=message):
        lora_ledger(model("llama-3-8b"), rank, targets)


@pytest.mark.parametrize("name", ["mixtral-8x7b", "qwen3-30b-a3b", "gpt-oss-20b", "deepseek-v3", "qwen1.5-moe-a2.7b"])
@pytest.mark.parametrize("target", ["experts", "mlp.experts", "gate_up_proj", "down_proj", "all-linear"])
def test_experts_are_no_linear_layers_and_adapters_for_them_are_refused(name, target):
    with pytest.raises(ValueError, match=f"targets names '{target}', which reaches the experts of .*o_proj, lm_head"):
        lora_ledger(model(name), 8, ["o_proj", target])
    assert lora_ledger(model(name), 8, "o_proj").total > 0


# --- published ------------------------------------------------------------------------------------------------------


def test_lora_of_gpt3_has_the_parameters_that_hu_et_al_report():
    for rank in (1, 8):
        reported = PUBLISHED[f"LoRA on GPT-3 175B, W_q and W_v, r={rank}"]["trainable_params"]
        counted = 96 * 2 * lora_parameters(12_288, 12_288, rank)
        assert reported == round(counted, -5)
        # The library's GPT-2 has one layer for queries, keys and values: by chance its adapter is as large as two.
        assert counted == lora_ledger(model("gpt-3-175b"), rank, "c_attn")


def test_lora_of_gpt3_takes_the_memory_that_hu_et_al_report_apart_from_full_fine_tuning():
    reported = PUBLISHED["LoRA GPT-3 175B memory"]
    lora = finetuning_ledger(model("gpt-3-175b"), 4, "c_attn", weights="fp16", trained="fp16")
    assert round(lora.weights / 10**9, -1) == reported["vram_lora"] == reported["checkpoint_full"]
    assert round(lora / 10**9, -1) == reported["vram_lora"]  # adapters and their moments do not show beside it
    # 35 MB is neither 37.7 MB nor 36 MiB; it is the 350 GB over the 10,000 that the paper names.
    assert lora.adapters / 10**6 == pytest.approx(37.7, abs=0.05) and lora.adapters == 36 * 2**20
    assert lora.adapters / 10**6 == pytest.approx(reported["checkpoint_lora_r4_qv"], rel=0.08)
    assert reported["checkpoint_full"] * 10**9 / 10**4 == reported["checkpoint_lora_r4_qv"] * 10**6
    # 1.2 TB for full fine-tuning is less than 7 bytes a parameter: Adam with fp32 moments, on one device, needs 12.
    full = finetuning_ledger(model("gpt-3-175b"), weights="fp16")
    assert full / 10**12 == pytest.approx(2.1, abs=0.05)
    assert reported["vram_full_finetune"] * 10**12 / model("gpt-3-175b").parameters < 7


def test_fine_tuning_of_65b_takes_what_dettmers_et_al_report():
    reported, llama = PUBLISHED["QLoRA 65B finetuning memory"], model("llama-65b")
    full = finetuning_ledger(llama)  # 2 bytes of weights, 2 of gradients, 8 of moments
    assert full == 12 * llama.parameters
    assert reported["full_16bit"] * 10**9 < full < (reported["full_16bit"] + 5) * 10**9
    for trained, gigabytes in (("bf16", 44.1), ("fp32", 47.3)):  # every linear layer, rank 64; activations come on top
        qlora = finetuning_ledger(llama, 64, "all-linear", weights="nf4-double", trained=trained)
        assert round(qlora / 10**9, 1) == gigabytes < reported["qlora"]
    single = finetuning_ledger(llama, 64, "all-linear", weights="nf4")  # without double quantization: too much
    assert single > reported["qlora"] * 10**9


# --- bytes ----------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(name=st.sampled_from(DENSE), rank=st.integers(1, 64))
def test_low_rank_adapters_take_less_than_full_fine_tuning_and_the_items_are_the_whole(name, rank):
    built = model(name)
    full, lora = finetuning_ledger(built), finetuning_ledger(built, rank, "all-linear")
    assert full.weights == lora.weights and full.adapters == 0 < lora.adapters
    assert full.trainable == built.parameters.total
    assert lora.trainable == lora_ledger(built, rank, "all-linear").total
    for ledger in (full, lora):
        assert sum(item.total for item in ledger) == ledger.total
    assert lora.gradients == 4 * lora.trainable and lora.optimizer == 8 * lora.trainable
    assert (lora < full) == (16 * lora.trainable < 10 * full.trainable)


def test_activations_are_added_as_they_are():
    llama = model("llama-3-8b")
    kept = llama.activation_bytes(1, 2048)
    assert finetuning_ledger(llama, 8, activation_bytes=kept) - finetuning_ledger(llama, 8) == kept.total > 0


def test_optimizers_differ_in_what_they_keep():
    llama = model("llama-3.2-1b")
    P = llama.parameters.total
    assert finetuning_ledger(llama, optimizer_values=0) == 4 * P  # SGD
    assert finetuning_ledger(llama, optimizer_values=3) == 16 * P  # mixed precision
    assert finetuning_ledger(llama, weights="fp32") == 16 * P
    assert finetuning_ledger(llama, optimizer="int8") == 6 * P


@pytest.mark.parametrize(
    "how", [{}, {"rank": 8}, {"rank": 8, "weights": "nf4-double", "activation_bytes": 10**9}, {"rank": {"o_proj": 2}}]
)
def test_the_formula_of_every_item_gives_its_number(how):
    built = model("llama-3-8b")
    ledger, symbols = finetuning_ledger(built, **how), built.symbolic()
    sizes = {
        getattr(symbols, field).name: getattr(built, field)
        for field in symbols.__dataclass_fields__
        if hasattr(getattr(symbols, field), "free_symbols")
    } | {"r_A": 8, "k_{opt}": 2, "M_a": 10**9}
    for item in (ledger, *ledger):
        formula = sp.sympify(item.formula)
        assert formula.subs({symbol: sizes[symbol.name] for symbol in formula.free_symbols}) == item.total


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"targets": "q_proj"}, ValueError, "targets is 'q_proj', and rank must be given with it"),
        ({"weights": "nf4"}, ValueError, "weights in 'nf4' cannot be trained; rank must be given"),
        ({"weights": "nf5", "rank": 8}, ValueError, "scheme must be one of .*, got 'nf5'"),
        ({"trained": "int4", "rank": 8}, ValueError, "trained must be a floating-point format, got 'int4'"),
        ({"weights": "int4"}, ValueError, "trained must be a floating-point format, got 'int4'"),
        ({"activation_bytes": -1}, ValueError, "activation_bytes must be zero or a positive number, got -1"),
        ({"activation_bytes": "much"}, TypeError, "activation_bytes must be zero or a positive number, got 'much'"),
        ({"optimizer_values": -1}, ValueError, "optimizer_values must be zero or a positive number, got -1"),
    ],
)
def test_fine_tuning_of_nonsense_is_refused(how, error, message):
    with pytest.raises(error, match=message):
        finetuning_ledger(model("llama-3-8b"), **how)


# --- measured -------------------------------------------------------------------------------------------------------


LAYERS = json.loads((DATA / "lora_activations.json").read_text(encoding="utf-8"))
ADAPTERS = {"all trained": 0, "q_proj v_proj": 2, "all-linear": 7, "q_proj v_proj, fp32 adapters": 2}


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("case", ADAPTERS)
def test_what_a_frozen_layer_keeps_is_known_to_the_byte(case, size):
    """Gone: what was kept for gradients of frozen weights alone. New: what is between the matrices of an adapter."""
    found = {(each["name"], each["dtype"]): each["per_layer"] for each in LAYERS["cases"]}
    built = Transformer.from_config({"model_type": "llama", **LAYERS["config"], "num_hidden_layers": 2})
    tokens = LAYERS["batch"] * LAYERS["sequence"]
    how = {"norm": "library", "device": "cpu"}
    kept = built.activation_bytes(LAYERS["batch"], LAYERS["sequence"], size, **how).per_layer
    one_input = size * tokens * built.width
    between = 4 if "fp32" in case else size
    expected = kept.total + ADAPTERS[case] * between * tokens * LAYERS["rank"]
    if case != "all trained":
        expected -= 2 * one_input  # normed values, kept for the gradient of a norm's scale
    if case.startswith("q_proj"):
        expected -= kept.mlp_input + kept.down_input
    if between > size:  # an fp32 copy of its input for each adapter, in place of the input
        expected += 2 * between * tokens * built.width - kept.qkv_input
    assert found[case, {2: "bfloat16", 4: "float32"}[size]] == expected


def test_the_package_has_what_was_measured():
    assert {each["name"]: each["per_layer"] for each in LAYERS["cases"] if each["dtype"] == "bfloat16"} == LORA_LAYER
    assert {name: LORA_CONFIG[name] for name in LAYERS["config"]} == LAYERS["config"]
    assert (LORA_HOW["batch"], LORA_HOW["sequence"], LORA_RANK) == tuple(
        LAYERS[n] for n in ("batch", "sequence", "rank")
    )

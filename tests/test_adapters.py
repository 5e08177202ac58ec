"""What a training of adapters keeps and holds: beside PEFT to the byte, and laws."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workshop import ROOT

from llmcalc.adapters import adapter_activations, adapter_timeline
from llmcalc.families import FAMILIES
from llmcalc.linears import OUTPUT, linear_layers
from llmcalc.measured import LORA_CONFIG, LORA_HOW, LORA_LAYER, LORA_RANK
from llmcalc.models import MODELS, model
from llmcalc.states import RECIPES
from llmcalc.timeline import peak, step_timeline
from llmcalc.transformer import Transformer

STORED = json.loads((ROOT / "tests" / "data" / "adapter_inputs.json").read_text(encoding="utf-8"))["cases"]
TRAINABLE = [name for name in MODELS if model(name).family.keeps and not model(name).projection_weights]


def named(case):
    return f"{case['config']['model_type']} {case['attention']} {case['targets']}"


def counted(case, trained):
    built = Transformer.from_config(case["config"])
    own = built.family.model_type == "gpt2"
    how = {"norm": "library", "device": "cpu", "labels": "shifted", "gelu": "python" if own else "fused"}
    how |= {
        "attention": {"eager": "explicit", "sdpa": "flash"}[case["attention"]],
        "softmax": "same" if own else "fp32",
    }
    sizes = (case["rank"], case["targets"], case["batch"], case["sequence"])
    return built, adapter_activations(built, *sizes, trained=trained, **how)


@pytest.mark.parametrize("case", STORED, ids=named)
@pytest.mark.parametrize("trained", ["fp32", "bf16"])
def test_adapters_keep_what_peft_keeps(case, trained):
    built, kept = counted(case, trained)
    assert kept.total + beside_a_fused_projection(built, case, trained) == case[f"{trained}_adapters"][0]


def beside_a_fused_projection(built, case, trained):
    """Phi-3's values are a slice of what one projection of queries, keys and values gives, which is kept whole; and
    what the fused kernel gives then reaches an adapter of the same format as a copy."""
    if built.family.model_type != "phi3" or case["attention"] == "eager" or case["targets"] == [OUTPUT]:
        return 0
    tokens, targets = case["batch"] * case["sequence"], case["targets"]
    layers = built.layers if targets in ("all-linear", ["qkv_proj"]) else built.layers - 1  # that a gradient reaches
    copied = built.heads if trained == "bf16" and targets in ("all-linear", ["o_proj"]) else 0
    return layers * 2 * tokens * built.head_dim * (built.heads + built.kv_heads + copied)


def test_every_family_with_rules_was_measured_with_each_of_its_linear_layers():
    assert {case["config"]["model_type"] for case in STORED} == {name for name, row in FAMILIES.items() if row.keeps}
    for case in STORED:
        names = {layer.name.split(".")[-1] for layer in linear_layers(Transformer.from_config(case["config"]))}
        same = [each["targets"] for each in STORED if each["config"] == case["config"] and each["attention"] == "sdpa"]
        assert sorted(map(str, same)) == sorted(["all-linear", *(str([name]) for name in names)])


@pytest.mark.parametrize("name", LORA_LAYER)
def test_a_layer_alone_keeps_what_was_measured(name):
    if name == "all trained":
        return
    built, how = Transformer.from_config(LORA_CONFIG), LORA_HOW
    targets, trained = name.split(",")[0], "fp32" if "fp32" in name else "bf16"
    targets = targets if targets == "all-linear" else targets.split()
    two, four = (
        adapter_activations(Transformer.from_config(LORA_CONFIG | {"num_hidden_layers": layers}), LORA_RANK, targets,
                            trained=trained, **how) for layers in (2, 4)
    )  # fmt: skip
    assert four.total - two.total == 2 * LORA_LAYER[name]
    assert built.layers == 2


# --- laws -----------------------------------------------------------------------------------------------------------

HOW = st.fixed_dictionaries({
    "attention": st.sampled_from(["flash", "explicit"]), "recompute": st.sampled_from(["none", "selective", "full"]),
    "dropout": st.booleans(), "norm": st.sampled_from(["fused", "library"]),
})  # fmt: skip
SIZES = st.integers(1, 4), st.integers(1, 3000)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(TRAINABLE), *SIZES, HOW)
def test_adapters_in_the_models_format_keep_less_than_a_whole_training(name, batch, sequence, how):
    built = model(name)
    whole = built.activation_bytes(batch, sequence, **how)
    kept = adapter_activations(built, 16, "all-linear", batch, sequence, trained="bf16", **how)
    assert kept.total - kept.adapter_inputs <= whole.total and kept.per_layer <= whole.per_layer
    wide = adapter_activations(built, 16, "all-linear", batch, sequence, **how)
    assert wide.total - wide.adapter_inputs <= kept.total - kept.adapter_inputs
    assert (how["recompute"] == "full") == (wide.adapter_inputs == 0)  # made again, layer by layer


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(TRAINABLE), *SIZES, HOW)
def test_the_fullest_instant_has_all_that_is_kept_and_less_than_a_whole_training_with_all_copies(
    name, batch, sequence, how
):
    built = model(name)
    kept = adapter_activations(built, 16, "all-linear", batch, sequence, **how)
    moments = adapter_timeline(built, 16, "all-linear", batch, sequence, **how)
    assert all(not (moment.weights or moment.gradients or moment.optimizer) for moment in moments)
    assert peak(moments).total >= kept.total
    whole = step_timeline(built, batch, sequence, recipe=RECIPES["mixed"], **how)
    states = 16 * built.parameters.total
    assert (
        peak(moments).total
        <= peak(whole).total
        + states
        + adapter_activations(
            built, 16, "all-linear", batch, sequence, **how | {"recompute": "none"}
        ).adapter_inputs.total
    )
    assert [moment.name for moment in moments] == [moment.name for moment in whole]


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(TRAINABLE), *SIZES, HOW, st.data())
def test_a_target_more_never_keeps_less(name, batch, sequence, how, data):
    built = model(name)
    names = [layer.name for layer in linear_layers(built)]
    some = data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    more = data.draw(st.sampled_from(names))
    few, many = (
        adapter_activations(built, 8, targets, batch, sequence, **how) for targets in (some, sorted({*some, more}))
    )
    assert few.total <= many.total


def test_by_hand_a_block_of_llama_with_adapters_in_fp32():
    kept = adapter_activations(model("llama-2-7b"), 16, "all-linear", 1, 4096)
    of = dict(model("llama-2-7b").activation_bytes(1, 4096).per_layer.items())
    # The copies take the place of what only the matrices kept: the two norms' results, and the gated product.
    gone = of["qkv_input"] + of["mlp_input"] + of["down_input"]
    assert kept.per_layer == sum(of.values()) - gone
    assert kept.adapter_inputs == 32 * 4096 * 4 * (6 * 4096 + 11_008 + 7 * 16)
    # The first layer has no gradient before its adapters: its norm keeps nothing.
    assert kept.per_layer - kept.first_layer == 4096 * (2 * 4096 + 4)


def test_adapters_of_the_output_layer_keep_nothing_of_the_layers():
    built = model("llama-3-8b")
    kept = adapter_activations(built, 8, "lm_head", 1, 128)
    assert kept.layers == kept.first_layer == kept.rotary == 0
    assert kept.head_and_loss == 4 * 128 * built.vocabulary + 8 * 128 + 4
    assert kept.adapter_inputs == 4 * 128 * (built.width + 8)


def test_ranks_by_name_and_refusals():
    built = model("llama-3-8b")
    one = adapter_activations(built, {"q_proj": 8, "v_proj": 32}, None, 1, 128)
    assert one.adapter_inputs == 32 * 4 * 128 * (2 * 4096 + 8 + 32)
    with pytest.raises(ValueError, match="no rule"):
        adapter_activations(model("pythia-1b"))
    with pytest.raises(ValueError, match="no linear layer"):
        adapter_activations(built, 8, "c_attn")
    with pytest.raises(TypeError, match="there is no flash"):
        adapter_activations(built, flash=True)

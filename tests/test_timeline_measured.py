"""The memory of a step over time against PyTorch: every stage of measured steps, at its fullest and at its end."""

import json

import pytest
from workshop import ROOT

from llmcalc import measured
from llmcalc.timeline import step_timeline
from llmcalc.transformer import Transformer

CASES = json.loads((ROOT / "tests" / "data" / "pytorch_steps.json").read_text(encoding="utf-8"))["cases"]
SAME = ("update", "attention", "recompute", "dropout", "loss", "accumulate", "logits")


def model_of(case):
    return Transformer.from_config({**case["config"], "tie_word_embeddings": case["tied"]})


def computed(case):
    recipe = "fp32" if case["dtype"] == "float32" else "16-bit throughout"
    recipe = "mixed, both gradients" if case["masters"] else recipe
    how = {name: case[name] for name in SAME}
    return step_timeline(model_of(case), case["batch"], case["sequence"], recipe=recipe, device="cpu", **how)


def name_of(case):
    usual = {"float32", "explicit", "none", "fp32", "fused", "held"}
    words = [case["config"]["model_type"], case["batch"], case["sequence"]]
    words += [case[name] for name in ("dtype", *SAME) if isinstance(case[name], str) and case[name] not in usual]
    words += [name for name in ("tied", "masters", "dropout", "accumulate") if case[name]]
    return "-".join(map(str, words))


def left_over(case, moment):
    """What a loop over tensors still holds, at the largest, of the tensor before: its root of the second moment.

    The largest of a model whose output layer is a table of its own is this table, the last; before it comes a norm.
    """
    if moment.phase != "update" or case["update"] != "one tensor" or case["tied"]:
        return 0
    return 4 * model_of(case).width


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_every_stage_of_a_step_holds_what_pytorch_holds_to_the_byte(case):
    moments = computed(case)
    assert model_of(case).parameters.total == case["parameters"]
    assert [[moment.name, moment.phase] for moment in moments] == [stage[:2] for stage in case["stages"]]
    for moment, (_, _, most, after) in zip(moments, case["stages"], strict=True):
        always = moment.weights + moment.optimizer
        assert moment.total - always + left_over(case, moment) == most, moment
        assert moment.after - always == after, moment


def test_the_measured_steps_cover_what_can_be_chosen():
    for name, values in {
        "attention": {"explicit", "flash"},
        "recompute": {"none", "selective", "full"},
        "update": {"fused", "foreach", "one tensor"},
        "dropout": {False, True},
        "accumulate": {False, True},
        "logits": {"held", "dropped"},
        "loss": {"fp32", "same"},
        "dtype": {"float32", "bfloat16"},
        "tied": {False, True},
    }.items():
        assert {case[name] for case in CASES} == values


def test_the_steps_that_lessons_draw_are_on_record_and_computed():
    how = {name: value for name, value in measured.STEP_HOW.items() if name != "recipe"}
    plain = {"dtype": "float32", "update": "fused", "logits": "held", "dropout": False, "accumulate": False}
    for recompute, stages in measured.STEP_STAGES.items():
        wanted = {"config": measured.STEP_CONFIG, "recompute": recompute} | how | plain
        (case,) = (case for case in CASES if {name: case[name] for name in wanted} == wanted)
        assert [list(stage) for stage in stages] == case["stages"]
        built = Transformer.from_config(measured.STEP_CONFIG)
        for moment, stage in zip(step_timeline(built, **measured.STEP_HOW, recompute=recompute), stages, strict=True):
            always = moment.weights + moment.optimizer
            assert (moment.name, moment.phase, moment.total - always, moment.after - always) == stage

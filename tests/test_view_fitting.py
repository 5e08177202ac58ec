"""Plans as pictures: what is drawn is what the plan says, and the verdict can be read off the bar."""

import itertools
import re
from types import SimpleNamespace

import pytest
from drawing import check, drawings
from test_views import number, table_of

import llmcalc.views.fitting
from llmcalc.hardware import gpu
from llmcalc.planning import plan
from llmcalc.views.fitting import CHANGES, GPUS, JOBS, asked, changes_table, five_jobs, plan_bars, told, will_it_fit

CASES = [
    {},
    {"tokens": 4096},
    {"job": "fine-tune, LoRA", "tokens": 512},
    {"job": "serve, 4 bits", "tokens": 131_072},
    {"job": "train", "model": "llama-3.2-1b", "accelerator": "mi300x", "sequences_per_GPU": 2},
]


@pytest.mark.parametrize("values", CASES, ids=str)
def test_the_bar_is_the_plan_and_its_margin(handed, values):
    seen, html = handed(llmcalc.views.fitting, "stacked_bars", will_it_fit, **values)
    ((label, parts),) = seen["args"][0].items()
    rows = {row[0]: number(row[1]) for row in table_of(html)}
    margin = parts.pop("margin")
    assert parts == {name: size for name, size in rows.items() if name in parts}
    assert sum(parts.values()) == rows["together"]
    assert margin == pytest.approx(float(rows["together"]) / 5)
    assert rows["with margin"] == pytest.approx(float(rows["together"]) * 1.2)
    device = gpu(values.get("accelerator", "rtx-4090"))
    assert seen["limit"][1] == device.memory_bytes
    total, more = rows["together"], rows["with margin"]
    expected = "fits" if more <= device.memory_bytes else "does not fit"
    expected = "too close to call" if total <= device.memory_bytes < more else expected
    assert label.endswith(expected) and f": {expected}." in seen["says"]


@pytest.mark.parametrize("job", JOBS)
def test_every_job_draws_on_one_gpu_and_says_what_it_asked_for(job):
    html = will_it_fit(job=job, model="llama-3.2-1b")
    for picture in drawings(html):
        check(picture)
    kind, how = JOBS[job]
    planned = asked(job, "llama-3.2-1b")
    assert planned.job == kind and how.items() <= planned.choices.items()


def test_what_is_missing_or_left_is_the_difference():
    assert "6.52 GB remain; the largest item is weights, 5.7 GB." in told(asked())
    assert "4.46 GB are missing; the largest item is adapter inputs, 10.2 GB." in told(asked(tokens=2048))


def test_five_jobs_show_all_three_verdicts(handed):
    seen, html = handed(llmcalc.views.fitting, "stacked_bars", five_jobs, tokens=512)
    verdicts = [row[3] for row in table_of(html)]
    assert set(verdicts) == {"fits", "too close to call", "does not fit"}
    for row, label in zip(table_of(html), seen["args"][0], strict=True):
        assert label == f"{row[0]}: {row[1]}, {row[3]}" and f"{row[0]} {row[1]} ({row[3]})" in seen["says"]


def test_a_table_of_changes_keeps_the_order_and_the_promise():
    stuck = plan("llama-3-8b", "fine-tuning", method="qlora", gpu="rtx-4090", batch=1, sequence=2048)
    rows = table_of(changes_table(stuck))
    assert [row[1] for row in rows] == [change.name for change in stuck.changes[:8]]
    assert [row[0] for row in rows] == [str(place) for place in range(1, len(rows) + 1)]
    assert all(stuck.but(**change.arguments).fits for change in stuck.changes)
    assert len(table_of(changes_table(stuck, most=1))) == 1


def test_the_cheapest_changes_stand_under_the_table_if_they_are_asked_for():
    hidden, shown = (will_it_fit(tokens=2048, changes=changes) for changes in CHANGES)
    assert shown.startswith(hidden.removesuffix("</div>"))
    rows = table_of(shown.removeprefix(hidden.removesuffix("</div>")))
    assert [row[1] for row in rows] == [change.name for change in asked(tokens=2048).changes[:3]]
    assert "Nothing to change: it fits." in will_it_fit(changes="shown")
    helpless = SimpleNamespace(changes=(), fits=False)
    assert "No change that is known makes it fit." in llmcalc.views.fitting._cheapest(helpless)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"job": "teach"}, "job"),
        ({"gpus": "3 GPUs"}, "gpus"),
        ({"tokens": 0}, "tokens"),
        ({"sequences_per_GPU": -1}, "sequences_per_GPU"),
        ({"tokens": float("nan")}, "tokens"),
        ({"recompute": "some"}, "recompute"),
        ({"changes": "some"}, "changes"),
    ],
)
def test_nonsense_is_refused_by_name(values, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        will_it_fit(**values)


def test_plans_in_one_picture_are_for_one_gpu():
    plans = {name: plan("gpt2", "serving", gpu=name, context=512) for name in ("t4", "rtx-4090")}
    with pytest.raises(ValueError, match="rtx-4090, t4"):
        plan_bars(plans, says="")
    with pytest.raises(ValueError, match="none"):
        plan_bars({}, says="")


def test_every_combination_of_jobs_and_models_draws():
    for job, name, gpus in itertools.product(JOBS, ("llama-3.2-1b", "qwen3-32b"), list(GPUS)[:1]):
        assert "<svg" in will_it_fit(job=job, model=name, gpus=gpus)

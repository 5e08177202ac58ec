"""What the views of the lessons hand to the drawing room: the same as their tables, worked out a second time."""

import re

import pytest
from test_valleys import NAMES, count, rows_of
from test_views import number, shown_seconds, table_of

import llmcalc.views.compute
import llmcalc.views.parameters
import llmcalc.views.runs
import llmcalc.views.valleys
from llmcalc.allocation import optimal_parameters, optimal_tokens_for, optimal_tokens_per_parameter
from llmcalc.fits import fit
from llmcalc.hardware import ACCELERATORS, gpu
from llmcalc.models import model
from llmcalc.scaling import chinchilla_loss, isoflop_loss
from llmcalc.views.compute import peak_table, training_time
from llmcalc.views.parameters import PUBLISHED, parameter_count, parameter_shares, parts_of
from llmcalc.views.runs import forecasts
from llmcalc.views.valleys import NEAR, WELL_KNOWN, budget_choice, isoflop_valleys, ratios_by_budget

DAY_OF_A_PFLOP = 1e15 * 86_400


# --- training_time, peak_table --------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", [{}, {"gpus": 8, "utilization_percent": 20, "sequence": 32_768, "model": "gpt2"}])
def test_the_picture_of_a_training_is_its_table(handed, values):
    seen, html = handed(llmcalc.views.compute, "ranges", training_time, **values)
    (rows,), gpus = seen["args"], values.get("gpus", 1024)
    counted, _, *record = table_of(html)
    assert [row[0] for row in record] == ["like a fast run", "like the middle run", "like a slow run"]
    assert [name.startswith("your ") for name in rows] == [f"{gpus:,} GPU" in name for name in rows]
    sizes = [int(name.removeprefix("your ").split(" ")[0].replace(",", "")) for name in rows]
    assert sizes == [gpus // 4, gpus // 2, gpus, 2 * gpus, 4 * gpus]
    for size, days in zip(sizes, rows.values(), strict=True):
        expected = [shown_seconds(row[3]) * gpus / size / 86_400 for row in (*record, counted)]
        assert days == pytest.approx(expected, rel=6e-3)
    label, at = seen["limit"]
    assert label == f"your run: {counted[3]}" and at == pytest.approx(shown_seconds(counted[3]) / 86_400, rel=6e-3)


def test_a_short_training_is_told_in_minutes_or_seconds():
    fast = {"model": "gpt2", "billion_tokens": 1, "utilization_percent": 100}
    assert "minutes," in training_time(**fast, gpus=8) and " ms," in training_time(**fast, gpus=16_384)


def test_peaks_have_their_year_and_a_sparse_one_where_there_is_one():
    for row in table_of(peak_table(*ACCELERATORS)):
        device = gpu(row[0])
        assert row[1] == str(device.year)
        assert (row[7] == "none") == (device.sparse_factor == 1 or "bf16" not in dict(device.dense))


# --- parameter_shares, parameter_count ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mixtral-8x7b", "gpt2", "llama-3-8b"])
def test_each_part_is_what_its_name_says(name):
    built, parts = model(name), parts_of(model(name))
    layers, width = built.layers, built.width
    assert parts["attention"] == layers * built.attention_weights
    assert parts["embedding"] == built.parameters.embedding.total
    if built.experts:
        assert parts["experts"] == layers * built.experts * (3 * width * built.expert_width + width)  # and the router
    else:
        assert parts["feed-forward"] == layers * width * built.feed_forward * (2 if name == "gpt2" else 3)


@pytest.mark.parametrize("names", [PUBLISHED, ("llama-3-8b", "llama-3-70b")])
def test_the_sentence_and_the_labels_of_shares_agree_with_their_table(handed, names):
    seen, html = handed(llmcalc.views.parameters, "stacked_bars", parameter_shares, names=names)
    rows = {row[0]: row[2:] for row in table_of(html)}
    tables = [
        sum(float(rows[name][at].rstrip("%")) for at in (0, 4) if rows[name][at]) for name in (names[0], names[-1])
    ]
    assert [float(share) for share in re.findall(r"([\d.]+)% of", seen["says"])] == pytest.approx(tables, abs=0.11)
    for label, parts in seen["args"][0].items():
        name, about = label.split(", ")
        assert sum(parts.values()) == pytest.approx(100)
        assert count(about) == pytest.approx(model(name).parameters.total, rel=5e-3)


@pytest.mark.parametrize("values", [{}, {"experts": 8, "gate": "without gate"}, {"layers": 1, "width": 512}])
def test_sentence_bars_and_table_of_a_shaped_model_agree(handed, values):
    seen, html = handed(llmcalc.views.parameters, "stacked_bars", parameter_count, **values)
    rows = {row[0]: row[1:] for row in table_of(html)}
    total, active, rule = (int(number(rows[name][0])) for name in ("together", "a token uses", "12 L d² + V d"))
    assert f"{rule / total:.3f} times as many" in seen["says"]
    assert (f"of which a token uses {active:,}" in seen["says"]) == (active != total)
    for amount, share in rows.values():
        assert share == f"{int(number(amount)) / total:.2%}"
    scale = {"billion": 1e9, "million": 1e6}[seen["unit"]]
    for (label, parts), whole in zip(seen["args"][0].items(), (total, rule), strict=True):
        assert sum(parts.values()) * scale == pytest.approx(whole)
        assert count(label.split(", ")[1]) == pytest.approx(whole, rel=5e-3)


def test_heads_are_as_many_as_come_nearest_to_the_width():
    assert "8 heads of 128" in parameter_count(width=1000)


@pytest.mark.parametrize(
    ("name", "value"),
    [("gate", "With gate"), ("output_layer", "Tied"), ("heads_per_key", 0), ("heads_per_key", -1), ("head_dim", 0),
     ("experts", "8"), ("width", 0)],
)  # fmt: skip
def test_a_model_that_makes_no_sense_is_refused_by_name(name, value):
    with pytest.raises((ValueError, TypeError), match=f"parameter_count: {name}"):
        parameter_count(**{name: value})


@pytest.mark.parametrize("name", ["billion_tokens", "sequence", "gpus"])
def test_a_training_of_nothing_is_refused_by_name(name):
    with pytest.raises(ValueError, match=f"training_time: {name} must be a positive number"):
        training_time(**{name: 0})


def test_shares_of_no_model_are_refused():
    with pytest.raises(ValueError, match="names must name at least one model"):
        parameter_shares(names=())


# --- forecasts ------------------------------------------------------------------------------------------------------


def test_the_picture_of_the_forecasts_is_their_table(handed):
    seen, html = handed(llmcalc.views.runs, "ranges", forecasts)
    rows = {row[0]: [float(number(cell)) for cell in row[4:]] for row in table_of(html)}
    for name, drawn in seen["args"][0].items():
        reported, *hours = rows[name]
        assert drawn == pytest.approx([each / reported for each in hours], rel=1e-2)
    assert seen["limit"] == ("as reported", 1)
    errors = sorted(abs(middle / reported - 1) for reported, _, middle, _ in rows.values())
    assert f"within {errors[len(errors) // 2]:.0%}" in seen["says"]
    over = [middle / reported for reported, _, middle, _ in rows.values()]
    assert over == sorted(over)


# --- valleys --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("short", NAMES)
def test_valleys_and_dots_stand_where_the_law_has_them(handed, short):
    seen, html = handed(llmcalc.views.valleys, "line_chart", isoflop_valleys, fit=short)
    (xs, ys), law = seen["args"], fit(NAMES[short])
    for label, budget in (("8 × 10²² FLOP", 8e22), ("6 × 10²³ FLOP", 6e23), ("4 × 10²⁵ FLOP", 4e25)):
        assert ys[label] == pytest.approx([isoflop_loss(x * 1e9, budget, **law.constants) for x in xs[label]])
        lowest = xs[label][ys[label].index(min(ys[label]))]
        assert lowest * 1e9 == pytest.approx(optimal_parameters(budget, **law.reducible))
    for x, y in zip(xs["best sizes"], ys["best sizes"], strict=True):
        text = optimal_tokens_for(x * 1e9, **law.reducible)
        for factor in (0.9, 1.0, 1.1):
            assert chinchilla_loss(x * 1e9 * factor, text / factor, **law.constants) >= y * (1 - 1e-9)
    for name, (x, y) in seen["points"].items():
        size, text = WELL_KNOWN[name]
        assert x * 1e9 == pytest.approx(size) and y == pytest.approx(chinchilla_loss(size, text, **law.constants))
    for row in rows_of(html):
        assert count(row["parameters"]) == pytest.approx(WELL_KNOWN[row["model"]][0], rel=5e-3)


@pytest.mark.parametrize("short", NAMES)
def test_the_sentence_of_the_valleys_is_true_of_every_model(handed, short):
    seen, html = handed(llmcalc.views.valleys, "line_chart", isoflop_valleys, fit=short)
    said = {clause: clause.split(" lie")[1] for clause in seen["says"].split("valley. ")[1].split("; ")}
    for row in rows_of(html):
        (where,) = (place for clause, place in said.items() if row["model"] in clause)
        near, large = float(row["above it"]) < NEAR, count(row["parameters"]) > count(row["best size"])
        assert ("near the bottom" if near else "many parameters" if large else "much text") in where


def test_ratios_and_dots_stand_where_the_laws_have_them(handed):
    seen, _ = handed(llmcalc.views.valleys, "line_chart", ratios_by_budget)
    days, lines = seen["args"]
    for short, name in NAMES.items():
        reducible = fit(name).reducible
        expected = [optimal_tokens_per_parameter(each * DAY_OF_A_PFLOP, **reducible) for each in days]
        assert lines[short] == pytest.approx(expected)
    for name, (x, y) in seen["points"].items():
        size, text = WELL_KNOWN[name]
        assert x == pytest.approx(6 * size * text / DAY_OF_A_PFLOP) and y == pytest.approx(text / size)
    assert seen["limit"] == ("D = 20P", 20)


@pytest.mark.parametrize("billion_parameters", [12, 20, 24, 60])
def test_every_price_buys_the_loss_of_the_best(billion_parameters):
    law, flops = fit("besiroglu"), 64 * 989.4e12 * 0.4 * 30 * 86_400
    goal = isoflop_loss(optimal_parameters(flops, **law.reducible), flops, **law.constants)
    for row in rows_of(budget_choice(billion_parameters=billion_parameters)):
        price = count(row["budget for the best one's loss"].removesuffix(" ×"))
        assert isoflop_loss(count(row["parameters"]), flops * price, **law.constants) == pytest.approx(goal, rel=2e-3)
        assert price >= 1 and (price < 1.2 or row["model"] == "yours")

"""Views of a budget: the numbers of table, sentence and picture belong together, and to the formulas."""

import itertools
import math
import random
import re
from html import unescape
from xml.etree import ElementTree

import pytest
from drawing import check, drawings, read

from llmcalc.allocation import affordable_tokens, optimal_parameters, optimal_tokens_per_parameter, power_law_parameters
from llmcalc.compute import training_flops
from llmcalc.fits import FITS, fit
from llmcalc.models import model
from llmcalc.runs import RUNS
from llmcalc.scaling import chinchilla_loss, isoflop_loss
from llmcalc.tables import GPT3_COMPUTE
from llmcalc.units import in_words
from llmcalc.views.valleys import WELL_KNOWN, budget_choice, isoflop_valleys, ratios_by_budget

CHINCHILLA = [name for name, row in FITS.items() if row.law == "chinchilla_loss"]
NAMES = {"printed fit": "hoffmann printed", "unrounded fit": "hoffmann unrounded", "refit": "besiroglu"}
WORDS = {"million": 10**6, "billion": 10**9, "trillion": 10**12, "quadrillion": 10**15}
CHOICES = {
    "gpus": [1, 8, 64, 512, 4096, 16_384],
    "days": [1, 7, 30, 90, 365],
    "billion_parameters": [0.1, 0.5, 1, 3, 8, 24, 70, 175, 405, 1000],
    "fit": ["refit", "unrounded fit", "printed fit", "besiroglu printed"],
}
SETTINGS = [dict(zip(CHOICES, values, strict=True)) for values in itertools.product(*CHOICES.values())]
SETTINGS = random.Random(0).sample(SETTINGS, 60)


def rows_of(html):
    """The rows of the table, by the names of its columns."""
    root = ElementTree.fromstring(re.search(r"<table>.*</table>", html, re.DOTALL)[0])
    header, *rows = [["".join(cell.itertext()) for cell in row] for row in root.iter("tr")]
    return [dict(zip(header, row, strict=True)) for row in rows]


def count(text):
    """ "23.8 billion" as a number."""
    value, _, word = text.partition(" ")
    return float(value.replace(",", "")) * WORDS.get(word, 1)


def dots(html):
    """Where the dots of the picture are, from left to right."""
    return sorted((box.left, box.top) for box in read(drawings(html)[0]).of("circle"))


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (23_765_000_000, "23.8 billion"),
        (999_600_000, "1 billion"),
        (999_400_000, "999 million"),
        (1.5e19, "15,000 quadrillion"),
        (20, "20"),
        (0, "0"),
        (1234, "1,230"),
    ],
)
def test_large_counts_are_written_in_three_digits(number, words):
    assert in_words(number) == words


def test_well_known_models_are_as_the_other_tables_have_them():
    runs = {run.name: (run.parameters, run.tokens) for run in RUNS}
    gpt3 = GPT3_COMPUTE.row("GPT-3 175B")
    assert WELL_KNOWN["Gopher"] == runs["Gopher 280B"]
    assert WELL_KNOWN["Llama 2 7B"] == runs["Llama 2 7B"]
    assert WELL_KNOWN["Llama 3.1 405B"] == runs["Llama 3.1 405B"]
    assert WELL_KNOWN["GPT-3"] == (gpt3.parameters, gpt3.tokens)
    assert WELL_KNOWN["Chinchilla"] == (70 * 10**9, 1400 * 10**9)
    assert WELL_KNOWN["Llama 3 8B"] == (model("llama-3-8b").parameters.total, 15 * 10**12)


# --- budget_choice --------------------------------------------------------------------------------------------------


def test_the_choice_of_the_lesson_at_the_defaults():
    says = read(drawings(budget_choice())[0]).says
    assert says == (
        "64 H100 for 30 days at 40% of the peak are 6.57e+22 FLOP. The best model by the refit has 23.8 "
        "billion parameters and reads 460 billion tokens. Yours of 8 billion reads 1.37 trillion; its loss is 0.018 "
        "higher. With 2.06 times the budget it would be as good."
    )


@pytest.mark.parametrize("values", SETTINGS, ids=str)
def test_table_and_sentence_agree_with_the_law(values):
    html = budget_choice(**values)
    flops = values["gpus"] * 989.4e12 * 0.4 * values["days"] * 86_400
    constants = fit(NAMES.get(values["fit"], values["fit"])).constants
    best, rule, yours = rows_of(html)
    assert [row["model"] for row in (best, rule, yours)] == ["best", "by D = 20P", "yours"]
    assert count(yours["parameters"]) == values["billion_parameters"] * 10**9
    for row in (best, rule, yours):
        size, tokens = count(row["parameters"]), count(row["tokens"])
        assert training_flops(size, tokens) == pytest.approx(flops, rel=1.1e-2)
        assert count(row["tokens per parameter"]) == pytest.approx(tokens / size, rel=1.5e-2)
        assert float(row["loss"]) == pytest.approx(isoflop_loss(size, flops, **constants), abs=6e-4 + 1e-3)
        assert float(row["loss"]) >= float(best["loss"])
    assert count(rule["tokens per parameter"]) == 20
    says = read(drawings(html)[0]).says
    assert best["parameters"] in says and yours["tokens"] in says and f"{flops:.3g} FLOP" in says
    assert ("No amount of text" in says) == (yours["budget for the best one's loss"] == "out of reach")


@pytest.mark.parametrize("values", SETTINGS, ids=str)
def test_the_price_pays_for_the_loss_of_the_best(values):
    html = budget_choice(**values)
    flops = values["gpus"] * 989.4e12 * 0.4 * values["days"] * 86_400
    law, yours = fit(NAMES.get(values["fit"], values["fit"])), values["billion_parameters"] * 10**9
    best = optimal_parameters(flops, **law.reducible)
    goal = isoflop_loss(best, flops, **law.constants)
    price = rows_of(html)[2]["budget for the best one's loss"]
    if price == "out of reach":
        assert chinchilla_loss(yours, 1e60, **law.constants) >= goal * (1 - 1e-4)
    else:
        reached = isoflop_loss(yours, flops * count(price.removesuffix(" ×")), **law.constants)
        assert reached == pytest.approx(goal, rel=2e-3)


@pytest.mark.parametrize("values", SETTINGS[:30], ids=str)
def test_both_sizes_are_drawn_on_the_valley_and_the_best_at_its_bottom(values):
    html = budget_choice(**values)
    svg = drawings(html)[0]
    curve = [tuple(map(float, place.split(","))) for place in re.search(r'points="([^"]*)"', svg)[1].split()]
    middles = [((box.left + box.right) / 2, (box.top + box.bottom) / 2) for box in check(svg).of("circle")]
    assert middles[0][1] == pytest.approx(max(y for _, y in curve), abs=1)
    best, _, yours = (count(row["parameters"]) for row in rows_of(html))
    marks = [box for box in read(svg).of("text") if 305 < box.top < 320]
    (first, low), *_, (last, high) = [(billions(box.what), (box.left + box.right) / 2) for box in marks]
    for size, (x, y) in zip((best, yours), middles, strict=True):
        share = math.log10(size / first) / math.log10(last / first)
        assert x == pytest.approx(low + share * (high - low), abs=1.5)
        (_, before), (_, after) = max(p for p in curve if p[0] <= x + 0.1), min(p for p in curve if p[0] >= x - 0.1)
        assert min(before, after) - 1 <= y <= max(before, after) + 1


def billions(mark):
    """ "10k" on an axis of billions."""
    return float(mark.rstrip("mkM")) * {"m": 1e-3, "k": 1e3, "M": 1e6}.get(mark[-1], 1) * 10**9


def test_a_size_that_is_the_best_needs_no_more():
    best = optimal_parameters(64 * 989.4e12 * 0.4 * 30 * 86_400, **fit("besiroglu").reducible) / 10**9
    assert "It is as good." in budget_choice(billion_parameters=best)
    assert "for 1 day at" in budget_choice(days=1) and "for 7 days at" in budget_choice(days=7)


@pytest.mark.parametrize(
    ("name", "value"), [("gpus", 0), ("days", -1), ("billion_parameters", 0), ("fit", "gopher"), ("fit", "kaplan both")]
)
def test_choices_that_make_no_sense_are_refused(name, value):
    with pytest.raises((ValueError, KeyError)):
        budget_choice(**{name: value})


# --- the two figures ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CHINCHILLA)
def test_every_model_stands_above_the_bottom_of_its_valley(name):
    html = isoflop_valleys(name)
    picture = check(drawings(html)[0])
    assert len(picture.of("polyline")) == 4 and set(WELL_KNOWN) <= set(picture.texts())
    for row in rows_of(html):
        size, tokens = WELL_KNOWN[row["model"]]
        flops = training_flops(size, tokens)
        assert float(row["budget in FLOP"]) == pytest.approx(flops, rel=5e-2)
        assert count(row["best size"]) == pytest.approx(optimal_parameters(flops, **fit(name).reducible), rel=5e-3)
        loss = chinchilla_loss(size, tokens, **fit(name).constants)
        assert float(row["loss at the best size"]) + float(row["above it"]) == pytest.approx(loss, abs=1.1e-3)
        assert float(row["above it"]) >= 0


def test_a_fit_has_a_short_name_and_its_own():
    for short, name in NAMES.items():
        assert rows_of(isoflop_valleys(short)) == rows_of(isoflop_valleys(name))
        assert f"by the {short}:" in isoflop_valleys(short) and f"by the fit '{name}':" in unescape(
            isoflop_valleys(name)
        )


def test_a_fit_of_another_law_has_no_valleys():
    with pytest.raises(ValueError, match="'kaplan both' is one of kaplan_loss"):
        isoflop_valleys("kaplan both")


def test_the_ratios_are_those_of_the_fits():
    html = ratios_by_budget()
    picture = check(drawings(html)[0])
    assert set(WELL_KNOWN) <= set(picture.texts()) and "D = 20P" in picture.texts()
    assert picture.says in unescape(html.partition("<p aria-live")[2])
    for row in rows_of(html):
        for column in list(row)[1:]:
            flops = float(column.removeprefix("at ").removesuffix(" FLOP"))
            if law := NAMES.get(row["tokens per parameter by"]):
                expected = optimal_tokens_per_parameter(flops, **fit(law).reducible)
            else:  # Hoffmann et al. quote 4.68 billion parameters for 1e21 operations
                size = power_law_parameters(flops / 2, **fit("kaplan compute").constants)
                expected = affordable_tokens(flops, size) / size
            assert float(row[column]) == pytest.approx(expected, rel=6e-3)

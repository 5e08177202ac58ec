"""The formula sheet: what stands on it and why, that it is what the code computes, and that it can be read."""

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from collections import Counter
from itertools import combinations
from xml.etree import ElementTree

import formulas_used
import matplotlib
import nbformat
import pytest
import sympy as sp
from set_outlines import widths
from workshop import LESSONS as NOTEBOOKS
from workshop import ROOT

import llmcalc.views.printed
from llmcalc import same
from llmcalc.formula import FORMULAS
from llmcalc.notation import NOTATION, letter
from llmcalc.outlines import _stored, set_anew, text_width, typeset
from llmcalc.sheet import CHECKED, CLOSING, FOLLOWING, HOMES, LESSONS, entries, legend, reason_to_leave_out
from llmcalc.views.printed import EDGE, HEIGHT, SMALL, WIDTH, formula_sheet, formula_table, mathematics

NUMBERED = {path.name[:2]: path for path in NOTEBOOKS if re.match(r"\d\d_", path.name)}
ON_SHEET = {name: lesson.number for lesson in LESSONS for name in lesson.names.split()}
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def used():
    """(in how many cells each lesson calls it, lessons that prove it in their order) for each formula."""
    entries()  # has every formula registered
    found = {name: ([], []) for name in FORMULAS}
    for number, path in sorted(NUMBERED.items()):
        for name, proved in formulas_used.called(path):
            found[name][0].append(number)
            found[name][1].extend([number] * proved)
    return {name: (Counter(calls), sorted(set(proofs))) for name, (calls, proofs) in found.items()}


def parameters_of(name):
    return inspect.signature(FORMULAS[name]).parameters


# --- what is on it --------------------------------------------------------------------------------------------------


def test_the_sheet_knows_every_module_that_holds_formulas():
    for module in pkgutil.walk_packages(llmcalc.__path__, "llmcalc."):
        importlib.import_module(module.name)
    assert {function.__module__.removeprefix("llmcalc.") for function in FORMULAS.values()} == set(HOMES.split())


def test_every_lesson_is_on_the_sheet_with_its_title():
    assert [lesson.number for lesson in LESSONS] == sorted(NUMBERED)
    for lesson in LESSONS:
        assert bool(lesson.names) != bool(lesson.goes_through), lesson.number
        title = nbformat.read(NUMBERED[lesson.number], as_version=4).cells[0].source.splitlines()[0]
        assert title == f"# {lesson.number} · {lesson.title}"


def test_every_formula_is_on_the_sheet_once_or_left_out_for_a_reason(used):
    assert len(ON_SHEET) == len(entries()) == sum(len(lesson.names.split()) for lesson in LESSONS)
    assert set(ON_SHEET) <= set(FORMULAS) and 35 <= len(ON_SHEET) <= 45
    for name, (calls, proofs) in used.items():
        counts_of_others = FORMULAS[name].__module__.removeprefix("llmcalc.") in CHECKED
        belongs = (proofs or len(calls) > 1 or name in CLOSING) and not counts_of_others and name not in FOLLOWING
        reason = reason_to_leave_out(name)
        assert (name in ON_SHEET) == bool(belongs) == (reason is None), (name, calls, proofs, reason)


def test_every_formula_stands_with_the_lesson_that_proves_it_first_or_else_calls_it_most(used):
    for name, lesson in ON_SHEET.items():
        calls, proofs = used[name]
        assert lesson == (proofs[0] if proofs else max(calls, key=calls.get)), (name, calls, proofs)


def test_the_lists_of_exceptions_have_no_one_too_many(used):
    for name, lesson in CLOSING.items():
        assert (list(used[name][0]), used[name][1]) == ([lesson], []), name
    for name in FOLLOWING:
        assert used[name][1] and FOLLOWING[name] in ON_SHEET, name


@pytest.mark.parametrize(("name", "words"), [("step_seconds", r"T \ge \frac{M_r"), ("zero_3_bytes", r"\text{ZeRO-3:")])
def test_a_closing_formula_stands_where_its_lesson_closes(name, words):
    cells = nbformat.read(NUMBERED[CLOSING[name]], as_version=4).cells
    (takeaway,) = [cell.source for cell in cells if "## What to take away" in cell.source]
    assert words in takeaway
    assert set(CLOSING) == {"step_seconds", "zero_3_bytes"}


def test_what_follows_in_a_line_does():
    def of(name, **values):
        letters = {each: sp.Symbol(each, positive=True) for each in parameters_of(name)}
        return FORMULAS[name](**letters | values)

    assert same(of("all_gather_bytes"), of("reduce_scatter_bytes"))
    assert same(of("all_to_all_bytes"), of("reduce_scatter_bytes"))
    assert same(of("sequence_parallel_traffic_bytes"), of("tensor_parallel_traffic_bytes"))
    alone = of("tensor_parallel_activation_bytes", tensor_parallel=1)
    assert same(of("sequence_parallel_activation_bytes"), alone / sp.Symbol("tensor_parallel", positive=True))
    assert same(of("rule_flops", parameters=of("rule_parameters")), sp.Symbol("flops", positive=True))
    whole = {"parameter_exponent": sp.Rational(1, 3), "token_exponent": sp.Rational(1, 4)}
    quotient = of("optimal_tokens", **whole) / of("optimal_parameters", **whole)
    assert same(of("optimal_tokens_per_parameter", **whole), quotient)
    assert len(FOLLOWING) == 6


@pytest.mark.parametrize("lesson", [each for each in LESSONS if each.goes_through], ids=lambda lesson: lesson.number)
def test_a_lesson_that_puts_together_goes_through_these_formulas(lesson):
    """In a process of its own: what other tests had worked out would not be worked out again."""
    command = [sys.executable, ROOT / "tests" / "tools" / "formulas_used.py", NUMBERED[lesson.number]]
    seen = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert lesson.goes_through.split() == [name for name in ON_SHEET if name in seen]


def test_unknown_formulas_are_refused_by_name():
    with pytest.raises(KeyError, match="nothing_like_it"):
        reason_to_leave_out("nothing_like_it")


# --- what it says about each ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.name)
def test_an_entry_is_what_the_function_and_its_help_say(entry):
    function = FORMULAS[entry.name]
    assert entry.expression == function(**{name: letter(name) for name in entry.letters})
    symbols = {symbol.name for symbol in entry.expression.free_symbols}
    assert symbols == {NOTATION[name].letter for name in entry.letters}
    text = " ".join(function.__doc__.replace("`", "").split())
    assert entry.says and entry.says in text and entry.source in text
    assert re.sub(r',? "[^"]*"', "", entry.source).startswith(entry.short_source)
    assert entry.unit == "no unit" or entry.unit.lower() in text.lower()


def test_units_are_these_and_no_others():
    assert {entry.unit for entry in entries()} == {
        "FLOP", "GPU-hours", "bits for each value", "bytes", "bytes per parameter", "examples", "nats per token",
        "no unit", "parameters", "seconds", "the currency of the price", "tokens", "whole examples",
    }  # fmt: skip


def test_known_entries():
    known = {entry.name: entry for entry in entries()}
    P, D = letter("parameters"), letter("tokens")
    rule = known["training_flops"]
    assert same(rule.expression, 6 * P * D) and rule.lesson == "03" and rule.unit == "FLOP"
    assert rule.short_source == "Kaplan et al. 2020, section 2.1"
    assert known["dense_weights"].short_source == ""  # the shape of a matrix is an argument, not a work


def test_the_legend_has_every_letter_once_and_in_order():
    letters = [row.letter for row in legend()]
    assert len(set(letters)) == len(letters)
    assert {row.name for row in legend()} == {name for entry in entries() for name in entry.letters}
    assert letters.index("a") < letters.index("B") < letters.index("b_1") < letters.index("V") < letters.index(r"\tau")


# --- how it is drawn ------------------------------------------------------------------------------------------------


def test_outlines_are_stored_for_what_the_sheet_shows_and_for_nothing_else():
    assert set(_stored()["formulas"]) == set(mathematics()), "run: python tests/tools/set_outlines.py"
    assert _stored()["plain"] == widths("phvr8a") and _stored()["bold"] == widths("phvb8a")


def test_stored_outlines_are_those_that_matplotlib_sets():
    """To the last point with the version that set them; others space the letters and the bars of fractions anew."""
    for latex in mathematics():
        stored, anew = typeset(latex), set_anew(latex)
        if matplotlib.__version__ == _stored()["matplotlib"]:
            assert stored == anew, latex
        assert stored.path.count("m") == anew.path.count("m"), latex  # as many strokes and holes
        assert stored.width == pytest.approx(anew.width, rel=0.1, abs=0.1), latex
        assert (stored.height, stored.depth) == pytest.approx((anew.height, anew.depth), abs=0.5), latex


def test_a_formula_that_is_not_stored_is_set_on_the_spot():
    assert r"x^{2} + 7" not in _stored()["formulas"]
    outline = typeset(r"x^{2} + 7")
    assert outline.path.startswith("m") and outline.width > outline.height > 0


def drawing():
    return ElementTree.fromstring(re.search("<svg.*</svg>", formula_sheet(), re.DOTALL)[0])


def boxes():
    """(left, top, right, bottom) and what is there, of every text and outline of the sheet."""
    found = []
    for text in drawing().iter(f"{SVG}text"):
        x, y, size = (float(text.get(name)) for name in ("x", "y", "font-size"))
        found.append((x, y - 0.72 * size, x + float(text.get("textLength")), y + 0.15 * size, text.text))
    known = {typeset(latex).path: latex for latex in mathematics()}
    for path in drawing().iter(f"{SVG}path"):
        latex = known[path.get("d")]
        x, y, scale = map(float, re.findall(r"[\d.]+", path.get("transform")))
        outline, size = typeset(latex), scale * 1000
        box = (x, y - outline.height * size, x + outline.width * size, y + outline.depth * size)
        found.append((*box, latex))
    return found


def test_every_formula_and_letter_is_drawn_once():
    drawn = [path.get("d") for path in drawing().iter(f"{SVG}path")]
    assert sorted(drawn) == sorted(typeset(latex).path for latex in mathematics())
    words = " ".join(text.text for text in drawing().iter(f"{SVG}text"))
    for entry in entries():
        assert entry.says in words and f"{entry.unit} · {entry.short_source}".removesuffix(" · ") in words, entry.name
    for row in legend():
        assert row.meaning in words, row.name


def test_everything_lies_on_the_page_and_nothing_upon_anything_else():
    for left, top, right, bottom, what in boxes():
        assert left >= 0 and top >= 0 and right <= WIDTH and bottom <= HEIGHT + EDGE, what
    for one, other in combinations(boxes(), 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] + 0.6 or other[3] <= one[1] + 0.6
        assert apart, (one, other)


def test_it_can_be_read_in_print_and_without_colour():
    page = drawing()
    sizes = [float(text.get("font-size")) for text in page.iter(f"{SVG}text")]
    assert min(sizes) == SMALL >= 6.5  # the drawing's unit is a point, see below
    fills = {part.get("fill") for part in page.iter()} - {None}
    assert fills <= {"#ffffff", "#dddddd"}  # letters are black, which is what SVG fills with
    width, height = WIDTH + 2 * EDGE, HEIGHT + 2 * EDGE
    assert f"width: {width / 72 * 25.4:.1f}mm" in formula_sheet()
    assert width <= (210 - 10) / 25.4 * 72 + 0.1 and height <= (279.4 - 10) / 25.4 * 72  # A4 is narrow, Letter is short


def test_widths_of_text_are_those_of_the_font():
    assert text_width("mn", 10) == pytest.approx(8.33 + 5.56)
    assert text_width("·", 10) == text_width("n", 10)  # what the table does not have is as wide as an n


def test_a_sheet_that_is_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(llmcalc.views.printed, "HEIGHT", HEIGHT - 60)
    with pytest.raises(ValueError, match=r"formula_sheet: column \d is \d+ points too long for the page"):
        formula_sheet()


def test_the_table_says_the_same_in_words():
    html = formula_table()
    assert html.startswith("<details><summary>") and html.count("<tr>") == len(entries()) + 1
    for entry in entries():
        assert f">{entry.name}</td>" in html and f">{entry.unit}</td>" in html

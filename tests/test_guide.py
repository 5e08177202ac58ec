"""The teacher's guide: its tables are those of the notebooks, its plans add up, and what it says one sees is seen."""

import ast
import importlib
import inspect
import pkgutil
import re
from html import unescape
from itertools import takewhile

import guide
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from llmcalc import views

TEXT = guide.GUIDE.read_text(encoding="utf-8")
LESSONS = {path.name[:2]: path for path in guide.numbered()}
MASTERS, _ = guide.masters()


def section(heading):
    """The text under a heading of the guide, up to the next one of its level or a higher one."""
    (level,) = re.findall(rf"(?m)^(#+) {re.escape(heading)}$", TEXT)
    return re.split(rf"(?m)^#{{1,{len(level)}}} ", TEXT.split(f"{level} {heading}\n")[1])[0]


def rows(text, header):
    """Cells of the rows under a table's header."""
    lines = text.split(header)[1].strip().splitlines()[1:]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in takewhile(lambda line: line[:1] == "|", lines)]


def sections_of(lesson):
    """The cells under each heading of a lesson, by "How a lesson works" or by number."""
    found = {}
    for cell in guide.cells_of(LESSONS[lesson]):
        if cell.cell_type == "markdown" and (heading := re.search(r"(?m)^## (.+)", cell.source)):
            name = heading[1].split(" · ")[0] if heading[1][0].isdigit() else heading[1]
            found[name] = []
        if found:
            found[name].append(cell)
    return found


# --- what the tool writes


def test_the_tables_are_those_of_the_notebooks():
    assert guide.written(TEXT) == TEXT, "the guide is out of date; run: make refresh"
    assert {place for _, place, _ in guide.PLACE.findall(TEXT)} == {
        name.removeprefix("made_") for name in vars(guide) if name.startswith("made_")
    }


def test_links_within_the_guide_work_in_jupyterlab_too():
    """GitHub lowers the letters of a heading for its address, JupyterLab does not: a mark above it serves both."""
    linked = set(re.findall(r"\]\(#([^)]+)\)", TEXT))
    marked = re.findall(r'(?m)^<a id="([^"]+)"></a>\n\n#+ (.+)$', TEXT)
    assert linked <= {mark for mark, _ in marked}
    assert [mark for mark, _ in marked] == [heading.lower().replace(" ", "-") for _, heading in marked]


def test_words_formulas_and_parts_are_counted_as_a_reader_meets_them():
    html = {"text/html": "<table></table>", "text/plain": ""}
    cells = [
        new_markdown_cell("[all lessons](00.ipynb)", id="navigation"),
        new_markdown_cell("Two words, and **[a link](to/a/long/place.ipynb)** of $2 n m$ FLOP <kbd>Shift</kbd>"),
        new_markdown_cell("**Predict.** Twice\n\n$$a = b c$$"),
        new_code_cell("x = 1"),
        new_code_cell("x", outputs=[new_output("display_data", data=html)]),
        new_code_cell("y", outputs=[new_output("display_data", data={"image/png": ""})]),
        new_code_cell("z", outputs=[new_output("display_data", data={"application/vnd.jupyter.widget-view+json": {}})]),
    ]
    counts = guide.count(cells)
    assert counts == guide.Counts(words=11, formula=1, cell=4, figure=1, table=1, prediction=1, explorer=1)
    assert counts.minutes == pytest.approx(11 / 150 + (20 + 4 * 20 + 45 + 30 + 60 + 180) / 60)


def test_the_rate_is_the_one_that_is_said():
    seconds = guide.SECONDS
    said = re.sub(r"\s+", " ", section("The lessons"))
    assert f"{guide.WORDS_PER_MINUTE} words a minute; {seconds['formula']} seconds for a formula" in said
    assert seconds["formula"] == seconds["cell"] and "and for a code cell with its output" in said
    assert f"{seconds['figure']} for a figure, {seconds['table']} for a table" in said
    assert f"{seconds['prediction']} for a guess that is written down, {seconds['explorer']} for an explorer" in said


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_minutes_a_lesson_states_are_about_those_that_are_counted(lesson):
    _, _, stated = guide.goals(LESSONS[lesson])
    counts, _ = guide.read(LESSONS[lesson])
    assert 0.9 < stated / counts.minutes < 1.4, f"{stated} stated, {counts.minutes:.0f} counted"


def test_every_question_has_minutes_points_and_a_check():
    for master in MASTERS.values():
        for question in guide.questions(master):
            assert question.minutes and question.points and question.checks, f"{master.stem}: {question}"


# --- plans

PLANS = {"One lecture: 90 minutes": 90, "One day: 360 minutes": 360}


@pytest.mark.parametrize(("heading", "minutes"), PLANS.items())
def test_a_plan_adds_up(heading, minutes):
    assert sum(int(row[0]) for row in rows(section(heading), "| minutes | lesson and sections | in class |")) == minutes


def test_a_block_of_the_day_is_ninety_minutes():
    together, blocks = 0, []
    for minutes, _, what in rows(section("One day: 360 minutes"), "| minutes | lesson and sections | in class |"):
        together += int(minutes)
        if "end of the" in what:
            blocks.append(together)
    assert blocks == [90, 180, 270]


@pytest.mark.parametrize("heading", PLANS)
def test_a_plan_leaves_time_to_read_and_to_answer(heading):
    for minutes, place, _ in rows(section(heading), "| minutes | lesson and sections | in class |"):
        needed = 0
        for exercises, numbers in re.findall(r"exercises (\d\d): ([\d, ]+)", place):
            by_number = {str(question.number): question.minutes for question in guide.questions(MASTERS[exercises])}
            needed += sum(by_number[number] for number in numbers.split(", "))
        if lesson := re.match(r"\[?(\d\d)(?:\]\(\1_[\w.]+\))?: (.+)", place):
            found = sections_of(lesson[1])
            needed += sum(guide.count(found[name]).minutes for name in lesson[2].split(", "))
        assert bool(place) == bool(needed), f"{place}: what is this?"
        assert needed <= int(minutes) + 0.5, f"{place}: {minutes} minutes given, {needed:.1f} needed"


def test_a_term_gives_every_lesson_a_class_that_is_long_enough():
    weeks = rows(section("One term"), "| week | in class | minutes | left for questions and solutions | at home |")
    assert [int(week[0]) for week in weeks] == list(range(1, len(weeks) + 1))
    assert re.findall(r"\b\d\d\b", " ".join(week[1] for week in weeks[:-1])) == list(LESSONS)
    assert all(int(week[2]) + int(week[3]) == 90 and int(week[3]) >= 0 for week in weeks)


# --- what to project

VIEWS = {
    name: view
    for module in pkgutil.iter_modules(views.__path__)
    for name, view in vars(importlib.import_module(f"llmcalc.views.{module.name}")).items()
    if inspect.isfunction(view)
}


def explorer(lesson, cell):
    """The view of a lesson's explorer, and the values that its controls offer."""
    (source,) = [each.source for each in guide.cells_of(LESSONS[lesson]) if each.id == cell]
    call = ast.parse(source).body[0].value
    assert call.func.id == "explore"
    return VIEWS[call.args[0].id], {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}


def settings(cell):
    return {name: ast.literal_eval(value) for name, value in re.findall(r"`(\w+)=([^`]+)`", cell)}


def says(words, view, **chosen):
    """Whether a view says these words; "3 of 123" is not said by "33 of 123"."""
    shown = unescape(re.sub(r"<[^>]+>", " ", view(**chosen)))
    return re.search(rf"(?<![\w.,]){re.escape(words)}(?![\w]|[.,]\d)", shown)


HEADER = "| lesson | set first | it says | ask | then set | now it says |"
SCENES = rows(section("What to project"), HEADER)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene[0])
def test_an_explorer_says_what_the_guide_says(scene):
    place, first, before, ask, then, after = scene
    view, choices = explorer(*re.search(r"(\d\d)\S* `([\w-]+)`", place).groups())
    assert first == "as it stands" or settings(first)
    assert settings(then) and ask.endswith("?")
    start, end = settings(first), settings(first) | settings(then)
    assert all(value in choices[name] for name, value in end.items()), f"{end} is not among {choices}"
    quoted, changed = re.findall("“(.+?)”", before), re.findall("“(.+?)”", after)
    assert quoted and changed
    assert [words for words in quoted if not says(words, view, **start)] == [], view(**start)
    assert [words for words in changed if not says(words, view, **end)] == [], view(**end)
    assert not all(says(words, view, **start) for words in changed), "the move changes nothing"


def test_every_lesson_has_something_to_project():
    assert {re.search(r"\d\d", scene[0])[0] for scene in SCENES} == set(LESSONS)

"""Each learner has values of their own, the checks know them, and the last cell says what is solved."""

import io
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import replace

import nbformat
import pytest
from workshop import LESSONS, MASTERS, ROOT, STRICT

from llmcalc import checks
from llmcalc.checks import questions
from llmcalc.checks.answers import Wrong
from llmcalc.checks.apart import apart
from llmcalc.checks.contents import EXERCISES
from llmcalc.checks.engine import Mistake, Number
from llmcalc.checks.questions import OPEN, SOLVED, WRONG, Own, Question

ASKED = {task.check: getattr(checks, task.check) for tasks in EXERCISES.values() for task in tasks}
OWN = {name: question for name, question in ASKED.items() if question.yours}
NUMBERS = {name: question for name, question in OWN.items() if isinstance(question, Number)}
LEARNERS = ["", *(f"learner {number}" for number in range(24))]
EXERCISE = "03_training_compute_6pd"

each_question = pytest.mark.parametrize("name", OWN)
each_number = pytest.mark.parametrize("name", NUMBERS)
each_master = pytest.mark.parametrize("master", MASTERS, ids=lambda path: path.stem)


@pytest.fixture(autouse=True)
def nobody():
    """Every test begins and ends without a learner, and with nothing solved."""
    for name in ("somebody", ""):
        questions.sit(name)
    yield
    for name in ("somebody", ""):
        questions.sit(name)


def areas():
    return Number(
        right=lambda width, height: width * height,
        unit="squares",
        hint="Multiply.",
        mistakes=(Mistake("half of the way round", lambda width, height: width + height, "Count the squares."),),
        values={"width": Own("width", (3, 5, 7, 11)), "height": Own("height", (20, 40, 60, 80))},
    )


# --- drawing


def test_without_a_name_the_values_are_the_first_ones():
    assert areas().yours == (3, 20)


def test_values_follow_from_the_name_alone():
    first = areas().values_of("ada")
    assert first == areas().values_of("ada")
    assert len({areas().values_of(f"learner {number}") for number in range(200)}) == 16


PINNED = {"ada": (3, 20), "2026-117": (7, 20), "éva": (7, 60)}


def test_values_are_the_same_on_every_computer():
    """Written down once: a teacher grades next week, on another Python, what a learner was given today."""
    assert {name: areas().values_of(name) for name in PINNED} == PINNED


@pytest.mark.parametrize("typed", ["Ada", " ada ", "ADA", "ada\t", "ａda"])
def test_a_name_may_be_typed_in_several_ways(typed):
    assert questions.sit(typed) == "ada"


def test_a_student_number_is_a_name():
    questions.sit(2026117)
    number = areas().yours
    questions.sit("2026117")
    assert areas().yours == number


@pytest.mark.parametrize("wrong", [None, 1.5, True, ["Ada"]])
def test_what_is_no_name_is_refused(wrong):
    with pytest.raises(TypeError, match="begin: name must be a text or a student number"):
        checks.begin(EXERCISE, wrong)


def test_values_that_do_not_go_together_are_drawn_again():
    question = Number(
        right=lambda width, height: width * height,
        unit="squares",
        hint="Multiply.",
        values={"width": Own("width", (1, 2, 3)), "height": Own("height", (2, 3, 4))},
        where=lambda width, height: width < height,
    )
    drawn = {question.values_of(f"learner {number}") for number in range(100)}
    assert drawn == {(1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4)}


def test_a_question_that_builds_on_another_has_its_values_too():
    first = areas()
    second = Number(
        right=lambda width, height, depth: width * height * depth,
        unit="cubes",
        hint="Multiply.",
        values={"depth": Own("depth", (2, 4, 6))},
        where=lambda width, height, depth: depth != width + 1,
        builds_on=first,
    )
    assert second.yours == (3, 20, 2)
    for number in range(50):
        drawn = second.values_of(f"learner {number}")
        assert drawn[:2] == first.values_of(f"learner {number}") and drawn.depth != drawn.width + 1


def test_values_where_a_slip_does_not_show_are_not_drawn():
    """Two by two the sum is the product; and where height is one, two slips come to the same."""
    slips = (
        Mistake("a sum", lambda width, height: width + height, "Multiply."),
        Mistake("a row more", lambda width, height: width * (height + 1), "How many rows?"),
        Mistake("twice", lambda width, height: 2 * width * height, "Once."),
    )
    told = apart(lambda width, height: width * height, slips)
    assert [told(2, 2), told(3, 1), told(3, 5)] == [False, False, True]
    assert apart(lambda width, height: width * height, slips, of_each_other=False)(3, 1)


# --- checking


def test_an_answer_is_compared_with_the_own_values():
    questions.sit("éva")
    question = areas()
    width, height = question.yours
    question(lambda: width * height)
    with pytest.raises(Wrong, match="half of the way round"):
        question(lambda: width + height)
    with pytest.raises(Wrong, match="the answer for the standard values"):
        question(lambda: 3 * 20)


def test_a_slip_with_the_own_values_is_told_although_it_is_the_standard_answer():
    """The two coincide often where an answer is a small count; nobody should be told to have copied."""
    question = replace(areas(), values={"width": Own("width", (3,)), "height": Own("height", (20, 57))})
    ours = next(n for n in range(50) if question.values_of(f"learner {n}").height == 57)
    questions.sit(f"learner {ours}")
    with pytest.raises(Wrong, match="60 squares is what comes out with half of the way round"):
        question(lambda: 60)


@pytest.mark.parametrize("written", ["width * height", "sum([width for _ in range(height)])", "area"])
def test_values_that_are_out_of_date_are_named(written):
    names = {}
    exec(f"width, height = 3, 20\narea = width * height\ndef answer():\n    return {written}", names)
    areas()(names["answer"])
    questions.sit("éva")
    with pytest.raises(Wrong, match="`width` is not the value you have now"):
        areas()(names["answer"])


@pytest.mark.parametrize("written", ["size", "float(size)"])
def test_values_that_are_out_of_date_are_named_where_the_answer_uses_what_was_made_of_them(written):
    names = {}
    exec(f"width, height = 3, 20\nsize = width * height\ndef answer():\n    return {written}", names)
    areas()(names["answer"])
    questions.sit("éva")
    with pytest.raises(Wrong, match="`width` is not the value you have now"):
        areas()(names["answer"])


def test_an_answer_before_the_values_says_which_cells_to_run():
    names = {}
    exec("def answer():\n    return width * height", names)
    with pytest.raises(Wrong, match=r"NameError: name 'width' is not defined\. Have you run the cells above"):
        areas()(names["answer"])


@pytest.mark.parametrize("right, got, tolerance", [(16.35, 16, 0.005), (5798, 5800, 0.0002), (88_635, 88_600, 0)])
def test_a_right_number_that_is_rounded_too_far_is_told_apart_from_a_slip(right, got, tolerance):
    question = Number(right=lambda: right, unit="m", hint="Multiply.", tolerance=tolerance)
    with pytest.raises(Wrong, match="is the number looked for, rounded too far"):
        question(lambda: got)


@pytest.mark.parametrize(
    "right, got, tolerance", [(93, 90, 0), (128, 130, 0), (16.35, 17, 0.005), (16.35, 15.9, 0.005)]
)
def test_a_wrong_number_that_is_near_is_not_taken_for_a_rounded_one(right, got, tolerance):
    question = Number(right=lambda: right, unit="m", hint="Multiply.", tolerance=tolerance)
    with pytest.raises(Wrong, match="times the expected one"):
        question(lambda: got)


def test_an_answer_for_the_values_before_is_told_even_where_no_name_of_a_value_is_used():
    """As in `config`, which is made of the values: after another name, its cell has to be run again."""
    question = areas()
    questions.sit("éva")
    made = {"area": question.yours.width * question.yours.height}
    question(lambda: made["area"])
    questions.sit("2026-117")
    with pytest.raises(Wrong, match=r"the values you had before"):
        question(lambda: made["area"])


@each_number
def test_every_learner_can_be_right_and_no_mistake_looks_like_it(name):
    question, seen = OWN[name], set()
    for learner in LEARNERS:
        questions.sit(learner)
        right = question.right(*question.yours)
        seen.add(right)
        assert right > 0
        for mistake in question.mistakes:
            slip = mistake.gives(*question.yours)
            assert abs(slip - right) > 2 * question.tolerance * abs(right), (
                f"{learner} {question.yours}: {mistake.name}"
            )
        with redirect_stdout(io.StringIO()):
            question(lambda right=right: right)
    assert len(seen) > 3


@each_question
def test_the_first_values_go_together(name):
    question = OWN[name]
    assert question.where is None or question.where(*question.values_of(""))


@each_question
def test_options_are_given_once_and_said_in_words(name):
    for own in OWN[name].values.values():
        assert own.meaning and len(set(map(str, own.options))) == len(own.options) > 1


@each_master
@pytest.mark.parametrize("name", ["Ada", "2026-117"])
def test_the_solutions_are_right_for_everybody(master, name, monkeypatch):
    """Run outside a kernel: the cells are the same. Checks are run a second time at the end: a learner may go back, and
    no question may change what the answer of another one uses.
    """
    monkeypatch.chdir(master.parent)
    space, code = {}, [cell for cell in cells(master) if cell.cell_type == "code"]
    graded = [cell for cell in code if cell.metadata.get("nbgrader", {}).get("grade")]
    for cell in (*code, *graded):
        named = cell.source.replace('name=""', f'name="{name}"')
        assert (named != cell.source) == (cell.id == "name")
        with redirect_stdout(io.StringIO()):
            exec(compile(named, cell.id, "exec"), space)
    assert all(ASKED[task.check].outcome == SOLVED for task in EXERCISES[master.stem])


def test_a_wrong_answer_fails_under_nbval_although_its_cell_may_fail(tmp_path):
    """Or the tag on checks, which lets learners run all cells, would hide a solution that is wrong."""
    master = next(path for path in MASTERS if path.stem == EXERCISE)
    notebook = nbformat.read(master, as_version=4)
    (cell,) = [cell for cell in notebook.cells if cell.id == "lookup-answer"]
    cell.source = cell.source.replace('"b"', '"a"')
    nbformat.write(notebook, tmp_path / "wrong.ipynb")
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *STRICT, str(tmp_path / "wrong.ipynb")]
    said = subprocess.run(run, cwd=ROOT, capture_output=True, text=True).stdout
    assert "2 failed" in said  # the check, and what is said at the end of it


def test_an_answer_cannot_ask_a_question_for_its_answer():
    with pytest.raises(Wrong, match=r"asks the package \(checks.work_in_pflop_days\)"):
        checks.work_in_pflop_days(lambda: checks.work_in_pflop_days.right("Llama 3.1 405B"))


# --- progress


def test_progress_tells_solved_from_wrong_and_open():
    def later():
        raise NotImplementedError()

    question = areas()
    assert question.outcome is None
    for answer, outcome in ((later, OPEN), (lambda: 1, WRONG), (lambda: 60, SOLVED), (lambda: 2, WRONG)):
        try:
            question(answer)
        except Wrong:
            pass
        assert question.outcome == outcome


def test_another_name_has_solved_nothing_yet():
    question = areas()
    question(lambda: 60)
    questions.sit("")
    assert question.outcome == SOLVED
    questions.sit("Ada")
    assert question.outcome is None


def test_progress_counts_and_says_what_to_read_again():
    checks.begin(EXERCISE)
    checks.lookup_and_output(lambda: "b")
    with pytest.raises(Wrong):
        checks.slip_in_mfu(lambda: "a")
    said = repr(checks.progress(EXERCISE))
    assert said.startswith("1 of 9 checks passed.") and "After a restart" in said
    assert "3 | Two tables of one size | ✓ solved | \n" in said
    assert "6 | Find the slip | ✗ not right yet | 03, 7 · Which peak, and what share of it?" in said
    assert "9 | Four offers | – not checked yet" in said
    html = checks.progress(EXERCISE)._repr_html_()
    assert '<a href="../03_training_compute_6pd.ipynb#7-·-Which-peak,-and-what-share-of-it?">' in html


def test_two_checks_of_one_question_are_told_apart():
    said = repr(checks.progress("02_counting_parameters"))
    assert (
        "9 | A mixture of experts: all parameters |" in said and "9 | A mixture of experts: those that work |" in said
    )


def test_a_name_is_shown_as_it_was_typed():
    assert repr(checks.begin(EXERCISE, " Ada  Example ")).startswith("Your values: the values of Ada Example\n")
    assert repr(checks.begin(EXERCISE, " ")).startswith("Your values: the standard values")


@pytest.mark.parametrize("start", [checks.begin, checks.progress])
def test_an_unknown_exercise_is_refused_by_name(start):
    with pytest.raises(ValueError, match="there is no exercise '3'; there are '01_mlp"):
        start("3")


# --- the table of contents, and the notebooks


def cells(path):
    return nbformat.read(path, as_version=4).cells


def test_every_exercise_is_in_the_table():
    assert [path.stem for path in MASTERS] == sorted(EXERCISES)


@each_master
def test_the_table_says_what_the_exercise_asks(master):
    title, asked = None, []
    for cell in cells(master):
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            title = cell.source.split("\n")[0].removeprefix("## ").split(" · ", 1)[-1].split(" ●")[0]
        if cell.metadata.get("nbgrader", {}).get("grade"):
            asked.append((cell.source.removeprefix("checks.").split("(")[0], title))
    assert [(task.check, task.title) for task in EXERCISES[master.stem]] == asked


@each_master
def test_what_to_read_again_is_a_section_of_the_lesson(master):
    for task in EXERCISES[master.stem]:
        (lesson,) = [path for path in LESSONS if path.stem == (task.lesson or master.stem)]
        lines = [line for cell in cells(lesson) if cell.cell_type == "markdown" for line in cell.source.split("\n")]
        assert any(line.lstrip("#") == f" {task.section}" for line in lines if line.startswith("##")), task


@each_master
def test_every_exercise_begins_with_the_name_and_ends_with_progress(master):
    code = [cell for cell in cells(master) if cell.cell_type == "code"]
    assert code[0].id == "name" and f'checks.begin("{master.stem}", name="")' in code[0].source
    assert cells(master)[-1].id == "progress" and code[-1].source == f'checks.progress("{master.stem}")'


@each_master
def test_given_cells_are_locked_and_the_name_is_not(master):
    for cell in cells(master):
        if cell.cell_type == "code":
            mark = cell.metadata.get("nbgrader", {})
            assert mark.get("locked") is (None if cell.id == "name" else not mark["solution"]), cell.id
            assert not mark or mark["grade_id"] == cell.id


@each_master
def test_no_two_questions_give_one_name_to_different_values(master):
    """Or a check that is run again would see the values of another question."""
    given = [name for task in EXERCISES[master.stem] for name in getattr(checks, task.check).values]
    assert len(set(given)) == len(given)


def test_a_question_is_one_of_the_kinds_that_are_noted():
    assert all(isinstance(question, Question) for question in ASKED.values())

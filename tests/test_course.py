"""A class, from `make course` to the CSV of grades: right, wrong, damaged and hostile submissions, and their scores."""

import copy
import csv
import html
import io
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import course as course_tool
import nbformat
import psutil
import pytest
import sympy as sp
from nbgrader.api import Gradebook
from nbgrader.utils import is_grade, is_solution
from test_exercises import read
from test_links import LINK
from workshop import MASTERS, ROOT, copy_project

from llmcalc import checks
from llmcalc.checks import engine

sys.path.insert(0, str(Path(__file__).parent / "tools" / "classroom"))
import grade
import untrusted

NAME = "03_training_compute_6pd"
(MASTER,) = (read(path) for path in MASTERS if path.stem == NAME)
ANSWERS = [cell.id for cell in MASTER.cells if is_solution(cell)]
CHECKS = [cell.id for cell in MASTER.cells if is_grade(cell)]
POINTS = {cell.id: cell.metadata.nbgrader.points for cell in MASTER.cells if is_grade(cell)}
TARGET = 3
"""The question, counted from 0, that hostile submissions attack."""


def cell_of(notebook, name):
    return next(cell for cell in notebook.cells if cell.id == name)


def question_of(check):
    return getattr(checks, re.match(r"checks\.(\w+)", cell_of(MASTER, check).source)[1])


def with_lines(lines):
    """The master with another first line in the answers to some questions, by their number."""
    notebook = copy.deepcopy(MASTER)
    for number, line in lines.items():
        cell = cell_of(notebook, ANSWERS[number])
        cell.source = cell.source.replace("    ### BEGIN SOLUTION", f"    {line}")
    return notebook


def with_cells(*codes):
    """The master with cells of the learner's before the answer to the target question."""
    notebook = copy.deepcopy(MASTER)
    place = notebook.cells.index(cell_of(notebook, ANSWERS[TARGET]))
    notebook.cells[place:place] = map(nbformat.v4.new_code_cell, codes)
    return notebook


def named(notebook, name):
    """A notebook in which a name is typed."""
    notebook = copy.deepcopy(notebook)
    notebook.cells.append(nbformat.v4.new_code_cell(f'checks.begin("{NAME}", name="{name}")'))
    return notebook


def open_again(cell):
    cell.source = re.sub(r"### BEGIN SOLUTION.*", "raise NotImplementedError()", cell.source, flags=re.DOTALL)


def typical():
    """Right, a mistake, open, and again: the notebook, the points of each check, and the hints to be read."""
    notebook, points, hints = copy.deepcopy(MASTER), {}, []
    for number, (answer, check) in enumerate(zip(ANSWERS, CHECKS, strict=True)):
        cell, question = cell_of(notebook, answer), question_of(check)
        points[check] = 0 if number % 3 else POINTS[check]
        if number % 3 == 2:
            open_again(cell)
        elif number % 3 == 1 and isinstance(question, engine.Choice):
            letter, reply = next(iter(question.replies.items()))
            cell.source = cell.source.replace("    ### BEGIN SOLUTION", f"    return {letter!r}")
            hints.append(reply)
        elif number % 3 == 1 and isinstance(question, engine.Formula):
            names = re.search(r"\((.*)\)", cell.source)[1].split(", ")
            mistake = question.mistakes[0]
            wrong = mistake.gives(*sp.symbols(names, positive=True))
            cell.source = cell.source.replace("    ### BEGIN SOLUTION", f"    return {wrong}")
            hints.append(mistake.hint)
        elif number % 3 == 1:
            name = re.match(r"def (\w+)\(", cell.source)[1]
            cell.source += f"\n\nright = {name}\n\ndef {name}():\n    return 1000 * right()\n"
            hints.append("a prefix lost on the way (a factor of 1,000)")
    return notebook, points, hints


def pulled_about():
    """Cells missing, the target's answer split as an editor does it, and its check copied to the end with old marks."""
    notebook = copy.deepcopy(MASTER)
    second, check = cell_of(notebook, ANSWERS[TARGET]), cell_of(notebook, CHECKS[TARGET])
    place = notebook.cells.index(second)
    notebook.cells.insert(place, nbformat.v4.new_code_cell("scale = 1", metadata=copy.deepcopy(second.metadata)))
    notebook.cells.append(nbformat.v4.new_code_cell(check.source, metadata=copy.deepcopy(check.metadata)))
    del notebook.cells[-1].metadata.nbgrader["schema_version"]
    notebook.cells = [cell for cell in notebook.cells if cell.id not in ("imports", ANSWERS[0], CHECKS[0], CHECKS[1])]
    return notebook


def skipping():
    """Nothing answered, and every check marked as not to be run."""
    notebook = copy.deepcopy(MASTER)
    for cell in notebook.cells:
        if is_solution(cell):
            open_again(cell)
        elif is_grade(cell):
            cell.metadata["tags"], cell.source = ["skip-execution"], "print('Correct')"
    return notebook


def less(*numbers):
    """All points but those of some questions."""
    return dict(POINTS) | {CHECKS[number]: 0 for number in numbers}


NONE = dict.fromkeys(POINTS, 0)
FIRST_ONES = less(*range(TARGET, len(CHECKS)))
MISTAKES, TYPICAL, HINTS = typical()
PROGRAM = ["sleep", "86399"]
LINES = {
    0: "import time\n    while True: print('x' * 1000); time.sleep(0.001)",  # slow, to spare the machine
    1: "import sys; sys.exit()",
    2: "return bytearray(50 * 10**9)",
    3: f"import subprocess; return subprocess.Popen({PROGRAM})",
    4: "raise ValueError('z' * 10**7)",
}
DEAF = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN)\n    while True: time.sleep(1)"
CELLS = (
    "import os\nfrom IPython.display import HTML\nos.chdir('/')",
    "print('x' * 10**7)\nprint('end')\nHTML('<b>y</b>' * 10**6)",
)

# Who, what is handed in, the points of each check, and what the report says: nothing where nothing needs a look.
SUBMISSIONS = {
    "right": (MASTER, POINTS, ()),
    "typical": (MISTAKES, TYPICAL, ()),
    "damaged": (b'{"cells": [', NONE, ("could not be read as a notebook: NotJSONError",)),
    "empty": (b"", NONE, ("it is empty",)),
    "pulled": (
        pulled_about(),
        less(0),
        (
            f"Missing, and put back: imports, {ANSWERS[0]}, {CHECKS[0]}, {CHECKS[1]}.",
            f"There more than once, the last one counts: {ANSWERS[TARGET]}, {CHECKS[TARGET]}.",
        ),
    ),
    "lines": (
        with_lines(LINES),
        less(*LINES),
        (f"{CHECKS[0]}: took more than 20 seconds", "unusual in an answer: subprocess, sys"),
    ),
    "deaf": (with_lines({TARGET: DEAF}), FIRST_ONES, (f"{CHECKS[TARGET]}: Python did not react any more",)),
    "dies": (with_lines({TARGET: "import os; os._exit(0)"}), FIRST_ONES, (f"{CHECKS[TARGET]}: Python ended.",)),
    "quits": (with_lines({TARGET: "quit()"}), FIRST_ONES, (f"{CHECKS[TARGET]}: Python was told to end",)),
    "prints": (
        named(with_cells(*CELLS), "Same Name"),
        POINTS,
        ("unusual in an answer: os", "the name 'same name' is typed in 2 submissions"),
    ),
    "cheats": (
        with_cells("class Yes:\n    pass\nchecks = Yes()"),
        FIRST_ONES,
        (f"{CHECKS[TARGET]}: the submission has replaced this check", "unusual in an answer: checks ="),
    ),
    "renames": (
        named(skipping(), "Same Name"),
        NONE,
        ("homework (1).ipynb was taken for", "the name 'same name' is typed in 2 submissions"),
    ),
}


class Class:
    """A course made by the project's own command, and what grading it gave."""

    def __init__(self, folder):
        self.course = copy_project(folder) / "course"
        self.made = self.run(sys.executable, "tests/tools/course.py", cwd=folder)

    def run(self, *command, cwd=None):
        beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = os.environ | {"PATH": beside, "PYTHONPATH": str(self.course.parent)}
        return subprocess.run(command, cwd=cwd or self.course, env=environment, capture_output=True, text=True)

    def grade(self):
        archive = self.course / "downloaded" / NAME / "archive"
        archive.mkdir(parents=True)
        with zipfile.ZipFile(archive / "all submissions.zip", "w") as file:
            for who, (notebook, _, _) in SUBMISSIONS.items():
                name = "homework (1)" if who == "renames" else NAME
                text = notebook if isinstance(notebook, bytes) else nbformat.writes(notebook)
                file.writestr(f"{who}_1234_{name}.ipynb", text)
        self.collected = self.run(sys.executable, "-m", "nbgrader", "zip_collect", NAME)
        self.graded = self.run(sys.executable, "grade.py", NAME, "--RunUntrusted.timeout=20")
        return self

    def points(self, who):
        with Gradebook(f"sqlite:///{self.course / 'gradebook.db'}") as gradebook:
            grades = gradebook.find_submission_notebook(NAME, NAME, who).grades
            return {grade.name: grade.score for grade in grades}

    def feedback(self, who):
        """The feedback for a learner, as it is read."""
        page = (self.course / "feedback" / who / NAME / f"{NAME}.html").read_text(encoding="utf-8")
        return " ".join(html.unescape(re.sub("<[^>]+>", "", page)).split())

    def looks(self, who):
        """What the report says about a submission."""
        section = re.search(rf"^{who} .*\n((?: .*\n)*)", self.graded.stdout, re.MULTILINE)
        return section[1]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return Class(tmp_path_factory.mktemp("a course"))


@pytest.fixture(scope="module")
def graded(course):
    return course.grade()


def test_the_release_is_what_a_learner_finds_in_the_project(course):
    assert course.made.returncode == 0, course.made.stderr
    for folder in ("release/{0}/{0}.ipynb", "handout/notebooks/exercises/{0}.ipynb"):
        for master in MASTERS:
            made, stored = course.course / folder.format(master.stem), ROOT / "notebooks" / "exercises" / master.name
            assert read(made) == read(stored), made


def test_nothing_that_is_handed_out_gives_an_answer_away(course):
    pages = [*(course.course / "release").rglob("*.ipynb"), *(course.course / "handout").rglob("*.ipynb")]
    solved = {cell.source for master in MASTERS for cell in read(master).cells if is_solution(cell)}
    assert len(pages) > 2 * len(MASTERS)
    for page in pages:
        for cell in read(page).cells:
            assert cell.source not in solved and not re.search("(BEGIN|END) (SOLUTION|HIDDEN)", cell.source), page
    assert not list((course.course / "handout").rglob("solutions"))
    assert not list((course.course / "handout").rglob("test*"))


def test_every_link_of_the_handout_leads_to_a_file(course):
    handout, seen = course.course / "handout", 0
    for page in [handout / "README.md", *handout.rglob("*.ipynb")]:
        cells = [cell.source for cell in read(page).cells] if page.suffix == ".ipynb" else [page.read_text()]
        for link in ("".join(groups) for text in cells for groups in LINK.findall(re.sub("`[^`\n]*`", "", text))):
            if not re.match("[a-z]+:|#", link):
                seen += 1
                assert (page.parent / link.split("#")[0]).exists(), f"{page.name}: {link}"
    assert seen > 100


def test_a_course_that_is_there_is_left_alone(tmp_path, monkeypatch):
    (tmp_path / "gradebook.db").touch()
    monkeypatch.setattr(course_tool, "COURSE", tmp_path)
    monkeypatch.setattr(course_tool, "make", lambda folder: pytest.fail("made again"))
    with pytest.raises(SystemExit, match="nothing was changed"):
        course_tool.main()
    assert [path.name for path in tmp_path.iterdir()] == ["gradebook.db"]


def test_the_handout_speaks_to_students():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    left = course_tool.TEACHERS.sub("", text)
    for words in ("solutions", "make course", "make test", "teacher"):
        assert words in text and words not in left, words
    assert "## Use the package" in left and "Code is MIT" in left


def test_all_files_are_collected_and_the_report_has_a_line_for_each(graded):
    assert graded.collected.returncode == 0, graded.collected.stderr
    assert f"{len(SUBMISSIONS)} files collected" in graded.collected.stderr
    assert graded.graded.returncode == 1, graded.graded.stderr
    looked_at = [who for who, (_, _, looks) in SUBMISSIONS.items() if looks]
    assert f"{len(looked_at)} of {len(SUBMISSIONS)} submissions need a look." in graded.graded.stdout


@pytest.mark.parametrize("who", SUBMISSIONS)
def test_every_submission_gets_its_points_and_its_reasons(graded, who):
    _, points, looks = SUBMISSIONS[who]
    assert graded.points(who) == points, graded.looks(who)
    assert bool(looks) == bool(graded.looks(who))
    for look in looks:
        assert look in graded.looks(who)


def test_the_feedback_has_the_hint_of_every_mistake(graded):
    page = graded.feedback("typical")
    assert len(HINTS) == len(ANSWERS) // 3
    for hint in HINTS:
        assert " ".join(hint.split()) in page
    assert "This question is still open" in page
    assert "Noticed in grading" not in page and "Noticed in grading" in graded.feedback("damaged")


def test_feedback_wraps_its_lines_so_that_no_hint_is_cut_off(graded):
    page = (graded.course / "feedback" / "typical" / NAME / f"{NAME}.html").read_text(encoding="utf-8")
    assert untrusted.WRAP in page


def test_feedback_stays_small_and_leads_nowhere(graded):
    assert re.search(r"xx \.\.\. left out \.\.\. x+ end", graded.feedback("prints"))
    for page in (graded.course / "feedback").rglob("*.html"):
        assert page.stat().st_size < 500_000
        assert ".ipynb" not in page.read_text(encoding="utf-8"), page


def test_the_table_of_grades_has_a_line_for_every_submission(graded):
    table = csv.DictReader(io.StringIO((graded.course / "grades.csv").read_text(encoding="utf-8")))
    scores = {
        row["student_id"]: (float(row["score"]), float(row["max_score"])) for row in table if row["assignment"] == NAME
    }
    assert scores == {who: (sum(points.values()), sum(POINTS.values())) for who, (_, points, _) in SUBMISSIONS.items()}


def test_programs_that_a_submission_starts_end_with_it(graded):
    assert PROGRAM not in [process.info["cmdline"] for process in psutil.process_iter(["cmdline"])]


def test_a_newer_submission_is_graded_anew_and_the_others_are_not(graded):
    place = graded.course / "submitted" / "damaged" / NAME / f"{NAME}.ipynb"
    others = {path: path.stat().st_mtime for path in (graded.course / "autograded").rglob("*.ipynb")}
    place.write_text(nbformat.writes(MASTER), encoding="utf-8")
    assert graded.run(sys.executable, "grade.py", NAME).returncode == 1  # the others still need a look
    assert graded.points("damaged") == POINTS
    changed = [path for path, time in others.items() if path.stat().st_mtime != time]
    assert [path.parts[-3] for path in changed] == ["damaged"]
    assert f"Score: {sum(POINTS.values()):.1f}" in graded.feedback("damaged")


def test_work_that_was_graded_again_gets_new_feedback_and_other_work_does_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for step, suffix, time in ("autograded", "ipynb", 2), ("feedback", "html", 1):
        for who, later in ("again", 0), ("done", 2 if step == "feedback" else 0):
            file = tmp_path / step / who / NAME / f"{NAME}.{suffix}"
            file.parent.mkdir(parents=True)
            file.touch()
            os.utime(file, (time + later, time + later))
    folders = [tmp_path / "submitted" / who / NAME for who in ("again", "done", "new")]
    assert [grade.is_stale(folder, NAME) for folder in folders] == [True, False, False]


@pytest.mark.parametrize("master", MASTERS, ids=lambda path: path.stem)
def test_the_report_reads_the_name_in_every_exercise(master, tmp_path):
    notebook = read(ROOT / "notebooks" / "exercises" / master.name)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code" and "checks.begin" in cell.source)
    first.source = first.source.replace('name=""', 'name=" Zoë  KOWAL "')
    notebook.cells.append(nbformat.v4.new_code_cell("no Python here: checks.begin("))
    nbformat.write(notebook, tmp_path / "one.ipynb")
    assert grade.names_typed(tmp_path / "one.ipynb") == ["zoë kowal"]


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ('checks.begin("x")', []),
        ('checks.begin("x", "ada")\nchecks.begin("x", name="Ada")', ["ada"]),
        ('checks.begin("x", name="ada")\nchecks.begin("x", name=4712)', ["ada", "4712"]),
        ('from llmcalc.checks import begin\nbegin("x", name=me)', ["me"]),
    ],
)
def test_names_are_compared_as_the_checks_read_them(code, names, tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbformat.write(notebook, tmp_path / "one.ipynb")
    assert grade.names_typed(tmp_path / "one.ipynb") == names


def test_a_kernel_can_say_of_every_check_that_it_is_the_own_one():
    for master in MASTERS:
        for cell in filter(is_grade, read(master).cells):
            name = re.match(r"checks\.(\w+)\(", cell.source)[1]
            assert eval(untrusted.PROBE.format(name=name), {"checks": checks}), name


def test_no_solution_has_words_that_the_report_calls_unusual():
    for master in MASTERS:
        handed_out = read(ROOT / "notebooks" / "exercises" / master.name)
        assert grade.unusual(read(master), handed_out) == [], master.name

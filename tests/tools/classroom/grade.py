"""Grade an assignment, write feedback and grades.csv, and say which submissions need a look.

    python grade.py 03_training_compute_6pd                 what has come since the last time
    python grade.py 03_training_compute_6pd --student=ada   one submission, again from the start
    python grade.py 03_training_compute_6pd --force         all again, say after points were changed

The exit status is 0 if no submission needs a look, 1 if one does. Options go on to `nbgrader autograde`.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.utils import is_locked
from untrusted import notes_of

from llmcalc.checks.questions import learner_of

UNUSUAL = re.compile(
    r"\b(os|sys|subprocess|socket|shutil|pathlib|importlib|builtins|ctypes|inspect|gc)\b(?=\.|\s*$|,| as)"
    r"|\b(setattr|globals|exec|eval|open|compile|__\w+__|get_ipython|QUESTIONS)\b|^\s*[!%]|llmcalc\.(checks|formula)\b"
    r"|\bchecks\b\s*(?:\.\w+\s*)?=[^=]",
    re.MULTILINE,
)
"""What no exercise needs."""


def main(assignment, *options):
    Path("grading.log").unlink(missing_ok=True)
    submissions = sorted(path for path in Path("submitted").glob(f"*/{assignment}") if path.is_dir())
    if not submissions:
        sys.exit(f"there is nothing in submitted/*/{assignment}")
    renamed = {path: take_name(path, assignment) for path in submissions}
    for path in submissions:
        if f"--student={path.parent.name}" in options or is_newer(path, assignment):
            shutil.rmtree(Path("autograded") / path.parent.name / assignment, ignore_errors=True)
    print(f"{assignment}: {len(submissions)} submissions. Seconds for each new one, minutes if it loops.", flush=True)
    nbgrader("autograde", assignment, *options)
    for path in submissions:
        if is_stale(path, assignment):  # nbgrader leaves feedback that is there as it is
            shutil.rmtree(Path("feedback") / path.parent.name / assignment)
    nbgrader("generate_feedback", assignment)
    nbgrader("export", "--to=grades.csv")
    names = {path: names_typed(path / f"{assignment}.ipynb") for path in submissions}
    typed = Counter(name for found in names.values() for name in found)
    rows = []
    for path in submissions:
        looks = [renamed[path]] if renamed[path] else []
        looks += look(path, assignment)
        looks += [f"the name {name!r} is typed in {typed[name]} submissions" for name in names[path] if typed[name] > 1]
        if len(names[path]) > 1:
            looks.append(f"{len(names[path])} names are typed")
        rows.append((path.parent.name, ", ".join(names[path]), looks))
    return tell(assignment, rows)


def take_name(folder, assignment):
    """Give a single notebook the name that nbgrader looks for; what was done, if anything."""
    found, wanted = sorted(folder.glob("*.ipynb")), folder / f"{assignment}.ipynb"
    if wanted in found or len(found) != 1:
        others = [path.name for path in found if path != wanted]
        return f"other notebooks, not graded: {', '.join(others)}" if others else ""
    found[0].rename(wanted)
    return "" if assignment in found[0].name else f"{found[0].name} was taken for {wanted.name}"


def is_newer(folder, assignment):
    """Whether a submission came after its last grading."""
    submitted = folder / f"{assignment}.ipynb"
    graded = Path("autograded") / folder.parent.name / assignment / submitted.name
    return submitted.exists() and graded.exists() and submitted.stat().st_mtime > graded.stat().st_mtime


def is_stale(folder, assignment):
    """Whether a submission was graded after its feedback was written."""
    graded, feedback = (
        Path(step) / folder.parent.name / assignment / f"{assignment}.{suffix}"
        for step, suffix in (("autograded", "ipynb"), ("feedback", "html"))
    )
    return graded.exists() and feedback.exists() and graded.stat().st_mtime > feedback.stat().st_mtime


def nbgrader(command, *options):
    """Run a command of nbgrader; its words go into grading.log."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader calls programs beside Python
    with open("grading.log", "a", encoding="utf-8") as log:
        command = [sys.executable, "-m", "nbgrader", command, *options]
        subprocess.run(command, env=os.environ | {"PATH": path}, stderr=log, stdout=log)


def look(path, assignment):
    """Why a submission needs a look: one text for each reason."""
    student, name = path.parent.name, f"{assignment}.ipynb"
    graded = Path("autograded") / student / assignment / name
    if not graded.exists():
        return ["not graded: see grading.log" if (path / name).exists() else "not graded: no notebook"]
    feedback = Path("feedback") / student / assignment / f"{assignment}.html"
    missing = [] if feedback.exists() else ["no feedback was made: see grading.log"]
    notebook = nbformat.read(graded, as_version=4)
    words = unusual(notebook, nbformat.read(Path("release") / assignment / name, as_version=4))
    return missing + notes_of(notebook) + ([f"unusual in an answer: {', '.join(words)}"] if words else [])


def unusual(notebook, handed_out):
    """Words that no answer needs, in the lines that are not those of the notebook handed out."""
    given = {line for cell in handed_out.cells for line in cell.source.splitlines()}
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code" and not is_locked(cell)]
    lines = [line for source in code for line in source.splitlines() if line not in given]
    return sorted({match[0].strip() for line in lines for match in UNUSUAL.finditer(line)})


def names_typed(path):
    """The names that stand in the calls of `checks.begin`, as the checks read them; none if the file cannot be read."""
    try:
        cells = nbformat.read(path, as_version=4).cells
    except Exception:  # whatever is in the file
        return []
    calls = []
    for cell in cells:
        with suppress(SyntaxError, ValueError):  # of a cell that is no Python
            calls += ast.walk(ast.parse(cell.source if cell.cell_type == "code" else ""))
    names = {}
    for call in calls:
        if isinstance(call, ast.Call) and ast.unparse(call.func).split(".")[-1] == "begin":
            for given in [*call.args[1:2], *(keyword.value for keyword in call.keywords if keyword.arg == "name")]:
                name = str(given.value) if isinstance(given, ast.Constant) else ast.unparse(given)
                with suppress(ValueError):  # the checks refuse a name that is too long
                    names[learner_of(name)] = True
    return [name for name in names if name]


def tell(assignment, rows):
    """Print a line for each submission, and what to look at; the exit status."""
    print("Grades are in grades.csv, feedback in feedback/. Student, score, name typed:")
    with Gradebook("sqlite:///gradebook.db") as gradebook:
        for student, name, looks in rows:
            try:
                submission = gradebook.find_submission(assignment, student)
                score = f"{submission.score:g} of {submission.max_score:g}"
            except MissingEntry:
                score = "no score"
            print(f"{student:20} {score:>10}  {name or '(no name)'}")
            for text in looks:
                print(f"{'':20} LOOK: {text}")
    count = sum(bool(looks) for _, _, looks in rows)
    print(f"{count} of {len(rows)} submissions need a look." if count else "No submission needs a look.")
    return int(count > 0)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))

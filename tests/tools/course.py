"""Make an nbgrader course from the solutions: what a teacher grades with, and the folder to hand out."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from exercises import unfolded
from workshop import MASTERS, ROOT

COURSE = ROOT / "course"
OURS = Path(__file__).parent / "classroom"
"""The files of a course that stand here: its settings, its program, its description."""

HANDED_OUT = "LICENSE Makefile README.md binder llmcalc notebooks pyproject.toml requirements.txt".split()
KEPT_BACK = "solutions exercises TEACHING.md requirements-classroom.txt __pycache__ .ipynb_checkpoints".split()

TEACHERS = re.compile(
    r"\s+Solutions are in\s+\[[^]]*\]\(solutions/[^)]*\)\."
    r"|, \[solutions\]\([^)]*\)"
    r"|\s+Who teaches with them (.|\n)*?(?=\n\n)"
    r"|\n## Prove it\n(.|\n)*?(?=\nCode is)"
)
"""What the pages say to those who have the solutions and the tests."""

LINK = re.compile(r"\[([^][]+)\]\(([^)\s#]+)[^)]*\)")


def make(course):
    """Build a course in the folder `course`, which is not there yet."""
    shutil.copytree(OURS, course, ignore=shutil.ignore_patterns("__pycache__"))
    for master in MASTERS:
        source = course / "source" / master.stem
        source.mkdir(parents=True)
        nbformat.write(unfolded(master), source / master.name)
    release(course)
    hand_out(course / "handout", course / "release")


def release(course):
    """nbgrader's own release, all assignments in one go."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader calls a program beside Python
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", "*"]
    done = subprocess.run(command, cwd=course, env=os.environ | {"PATH": path}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"nbgrader could not make the release:\n{done.stderr}")


def hand_out(folder, released):
    """What students get: the project less its solutions and tests, with the exercises of the release."""
    folder.mkdir()
    for name in HANDED_OUT:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns(*KEPT_BACK))
        else:
            shutil.copy(ROOT / name, folder)
    exercises = folder / "notebooks" / "exercises"
    exercises.mkdir()
    for exercise in sorted(released.glob("*/*.ipynb")):
        shutil.copy(exercise, exercises)
    for page in [*folder.glob("*.md"), *folder.glob("notebooks/*.md")]:
        page.write_text(without_dead_links(page.read_text(encoding="utf-8"), page), encoding="utf-8")
    for page in folder.glob("notebooks/*.ipynb"):
        notebook = nbformat.read(page, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = without_dead_links(cell.source, page)
        nbformat.write(notebook, page)


def without_dead_links(text, page):
    """The text of a page, links to what is not handed out replaced by their words."""

    def alive(link):
        words, target = link.groups()
        return link[0] if re.match("[a-z]+:", target) or (page.parent / target).exists() else words

    return LINK.sub(alive, TEACHERS.sub("", text))


def main():
    if COURSE.exists():
        sys.exit(
            "course/ is there already, and it may hold submissions and grades: nothing was changed.\n"
            "For a new one, move it away first: mv course course-before"
        )
    unfinished = ROOT / "build" / "course"
    shutil.rmtree(unfinished, ignore_errors=True)
    make(unfinished)
    unfinished.rename(COURSE)
    print(f"course/ is ready, with {len(MASTERS)} assignments. How to go on: course/README.md")


if __name__ == "__main__":
    main()

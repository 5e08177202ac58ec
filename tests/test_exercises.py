"""Exercises are handed out unsolved, their solutions are complete, and a question that is still open says so kindly."""

import ast
import os
import re
import subprocess
import sys
from operator import attrgetter
from pathlib import Path

import exercises
import nbformat
import pytest
from nbclient import NotebookClient
from workshop import LESSONS, MASTERS

from llmcalc import checks

each_master = pytest.mark.parametrize("master", MASTERS, ids=lambda path: path.stem)


def answers(notebook):
    """The code cells that a learner fills in."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and asked(cell, "solution")]


def asked(cell, role):
    """Whether a cell has that role for nbgrader: "solution" or "grade"."""
    return cell.metadata.get("nbgrader", {}).get(role, False)


def read(path):
    return nbformat.read(path, as_version=4)


def test_there_are_exercises_and_each_has_its_solution():
    assert MASTERS
    assert [path.name for path in sorted(exercises.EXERCISES.glob("*.ipynb"))] == [path.name for path in MASTERS]


@each_master
def test_an_exercise_is_what_its_solution_makes(master):
    stored = (exercises.EXERCISES / master.name).read_text(encoding="utf-8")
    assert stored == exercises.exercise(master), "run: make exercises"


@each_master
def test_every_question_is_handed_out_unsolved(master):
    notebook = read(exercises.EXERCISES / master.name)
    assert answers(notebook)
    for cell in answers(notebook):
        assert "raise NotImplementedError()" in cell.source, cell.id
    for cell in notebook.cells:
        assert not re.search("(BEGIN|END) (SOLUTION|HIDDEN)", cell.source), cell.id
        assert not cell.get("outputs") and not cell.get("execution_count"), cell.id


@each_master
def test_every_question_is_solved_in_the_solutions(master):
    solved = read(master)
    handed_out = {cell.id: cell for cell in answers(read(exercises.EXERCISES / master.name))}
    assert answers(solved)
    for cell in answers(solved):
        assert "NotImplementedError" not in cell.source, cell.id
        assert re.search("### BEGIN SOLUTION\n.*\\S.*\n *### END SOLUTION", cell.source, re.DOTALL), cell.id
        assert handed_out[cell.id].source != cell.source


@each_master
def test_solutions_are_folded_and_exercises_are_not(master):
    for cell in read(master).cells:
        assert cell.metadata.get("jupyter") == ({"source_hidden": True} if asked(cell, "solution") else None), cell.id
    for cell in read(exercises.EXERCISES / master.name).cells:
        assert "jupyter" not in cell.metadata, cell.id


def names(cell):
    """The names that a code cell uses, and those that it gives."""
    tree = list(ast.walk(ast.parse(cell.source)))
    found = [node for node in tree if isinstance(node, ast.Name)]
    given = {node.id for node in found if isinstance(node.ctx, ast.Store)}
    given |= {node.name for node in tree if isinstance(node, ast.FunctionDef)}
    return {node.id for node in found if isinstance(node.ctx, ast.Load)}, given


@each_master
def test_no_check_needs_the_answer_to_another_question(master):
    """Or it would fail where a learner left that other one open."""
    own, elsewhere = set(), set()
    for cell in read(master).cells:
        if cell.cell_type != "code":
            continue
        uses, gives = names(cell)
        if asked(cell, "solution"):
            own, elsewhere = gives, elsewhere | own
        elif asked(cell, "grade"):
            assert not uses & (elsewhere - own - gives), cell.id
            elsewhere |= gives


@pytest.mark.parametrize("path", [*LESSONS, *MASTERS], ids=lambda path: path.stem)
def test_every_check_that_a_notebook_asks_for_is_there(path):
    for cell in (cell for cell in read(path).cells if cell.cell_type == "code"):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Attribute) and ast.unparse(node).startswith("checks."):
                assert attrgetter(ast.unparse(node).removeprefix("checks."))(checks), cell.id


@each_master
def test_every_open_question_says_kindly_that_it_is_open(master):
    notebook = read(exercises.EXERCISES / master.name)
    NotebookClient(
        notebook, timeout=60, allow_errors=True, resources={"metadata": {"path": exercises.EXERCISES}}
    ).execute()
    waiting = []  # questions that no check has spoken about yet
    for cell in notebook.cells:
        errors = [output for output in cell.get("outputs", []) if output.output_type == "error"]
        for error in errors:
            assert "still open" in error.evalue, f"{cell.id}: {error.ename}: {error.evalue}"
        if cell in answers(notebook):
            waiting.append(cell.id)
        elif asked(cell, "grade"):
            assert errors, f"{cell.id} is content with no answer at all"
            waiting = []
    assert not waiting


def test_a_teacher_gets_the_same_exercises_from_nbgrader_itself(tmp_path):
    for master in MASTERS:
        (tmp_path / "source" / "all").mkdir(parents=True, exist_ok=True)
        nbformat.write(exercises.unfolded(master), tmp_path / "source" / "all" / master.name)
    release = [sys.executable, "-m", "nbgrader", "generate_assignment", "all"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader calls a program beside Python
    done = subprocess.run(release, cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for master in MASTERS:
        assert read(tmp_path / "release" / "all" / master.name) == read(exercises.EXERCISES / master.name)

"""`make refresh`, tried on a small project of its own: what it stores, what it strips, and where its links lead."""

import shutil
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from workshop import ROOT

WIDGET = "import ipywidgets\nprint(6 * 7)\nipywidgets.IntSlider()"
BINDER = "https://mybinder.org/v2/gh/somebody/fork/HEAD?urlpath=lab/tree/notebooks"
LINKS = {
    "00_start_here": f"[First →](01_first.ipynb) · [Open on Binder]({BINDER}/00_start_here.ipynb)",
    "01_first": "[← Start](00_start_here.ipynb) · [All lessons](00_start_here.ipynb) · [Second →](02_second.ipynb)"
    f" · [Exercises](exercises/01_first.ipynb) · [Open on Binder]({BINDER}/01_first.ipynb)",
    "02_second": "[← First](01_first.ipynb) · [All lessons](00_start_here.ipynb)"
    f" · [Open on Binder]({BINDER}/02_second.ipynb)",
    "formula_sheet": f"[All lessons](00_start_here.ipynb) · [Open on Binder]({BINDER}/formula_sheet.ipynb)",
    "solutions/01_first": "[← First](../01_first.ipynb)",
    "solutions/recap_04": "- [← First](../01_first.ipynb)\n- [← Second](../02_second.ipynb)",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project of four notebooks and two solutions, whose links lead elsewhere and which have never run."""
    project = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "tests" / "tools", project / "tests" / "tools")
    (project / "pyproject.toml").write_text('[tool.llmcalc]\nrepository = "somebody/fork"\n')
    (project / "README.md").write_text(
        "[all on Binder](https://mybinder.org/v2/gh/not/touched/HEAD)\n"
        "<!-- binder -->[Binder](https://mybinder.org/v2/gh/OWNER/REPOSITORY/HEAD?urlpath=lab)<!-- /binder -->\n"
    )
    (project / "notebooks" / "solutions").mkdir(parents=True)
    titles = dict(zip(LINKS, ["Start", "First", "Second", "Formulas", "Exercises", "Recap"], strict=True))
    for name, title in titles.items():
        cells = [
            new_markdown_cell(f"# {title}\nof four", id="title"),
            new_markdown_cell("", id="navigation"),
            new_code_cell(WIDGET, id="slider", metadata={"execution": {"iopub.status.idle": "2026-01-01T00:00:00Z"}}),
        ]
        nbformat.write(new_notebook(cells=cells), project / "notebooks" / f"{name}.ipynb")
    return project


def refresh(project, *arguments):
    command = [sys.executable, project / "tests" / "tools" / "refresh.py", *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True)


def files(project):
    return {path: path.read_bytes() for path in project.rglob("*.*") if path.suffix in (".ipynb", ".md")}


@pytest.fixture(scope="module")
def refreshed(project):
    before = files(project)
    check = refresh(project, "--check")
    assert files(project) == before, "a check should change nothing"
    done = refresh(project)
    assert done.returncode == 0, done.stderr
    return {"check": check, **{name: nbformat.read(project / "notebooks" / f"{name}.ipynb", 4) for name in LINKS}}


def test_the_links_of_this_project_are_up_to_date():
    check = refresh(ROOT, "--check")
    assert check.returncode == 0, check.stdout + check.stderr


def test_a_check_names_every_file_whose_links_are_old(refreshed):
    assert refreshed["check"].returncode == 1
    for name in ("README.md", *(f"notebooks/{name}.ipynb" for name in LINKS)):
        assert f"{name}: links are not up to date" in refreshed["check"].stdout


@pytest.mark.parametrize("name", LINKS)
def test_links_lead_to_what_there_is_and_to_the_fork(refreshed, name):
    assert refreshed[name].cells[1].source == LINKS[name]


def test_the_readme_follows_between_its_marks_only(refreshed, project):
    assert (project / "README.md").read_text() == (
        "[all on Binder](https://mybinder.org/v2/gh/not/touched/HEAD)\n"
        "<!-- binder -->[Binder](https://mybinder.org/v2/gh/somebody/fork/HEAD?urlpath=lab)<!-- /binder -->\n"
    )


@pytest.mark.parametrize("name", LINKS)
def test_outputs_are_stored_without_what_changes_from_run_to_run(refreshed, name):
    notebook = refreshed[name]
    printed, widget = notebook.cells[2].outputs
    assert printed.text == "42\n"
    assert widget.data["application/vnd.jupyter.widget-view+json"]["model_id"] == "slider"
    assert notebook.cells[2].execution_count == 1 and notebook.cells[2].metadata == {}
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.language_info == {"name": "python"}


def test_only_the_chosen_notebook_is_run_and_comes_out_the_same(refreshed, project):
    before = files(project)
    path = project / "notebooks" / "01_first.ipynb"
    path.write_text(path.read_text().replace("42", "43"))
    done = refresh(project, path)
    assert done.stdout.split() == ["notebooks/01_first.ipynb"]
    assert files(project) == before


def test_nothing_is_stored_of_a_notebook_that_fails(refreshed, project):
    path = project / "notebooks" / "02_second.ipynb"
    path.write_text(path.read_text().replace("6 * 7", "6 / 0"))
    before = files(project)
    done = refresh(project, path)
    assert done.returncode != 0 and "ZeroDivisionError" in done.stderr
    assert files(project) == before

"""What `make` says and does, tried with stand-ins for Python; the real commands run in CI and in the other tests."""

import os
import re
import shutil
import subprocess
import sys

import pytest
from nbval.plugin import get_sanitize_patterns
from workshop import ROOT, STRICT

if not shutil.which("make"):
    pytest.skip("make is not installed", allow_module_level=True)

# Stand-ins: they answer questions as a Python of that kind would, by asking the one that runs the tests.
ANSWER = """[ "$1" = -c ] && exec {python} -c 'import sys; sys.%s; exec(sys.argv[1])' "$2" """
TOO_OLD = ANSWER % "version_info = (3, 9, 2)"
WITHOUT_VENV = ANSWER % 'modules["ensurepip"] = None'
# This one notes how it is called, and pretends to make an environment in which it is the Python.
FINE = """echo "$@" >> calls
case "$*" in
-c*) exec {python} "$@" ;;
"-m venv"*) rm -rf .venv; mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
"-m pip install"*) test ! -e offline ;;
esac"""


@pytest.fixture
def make(tmp_path):
    """Runs make in a folder with the project's Makefile, where only the given stand-ins are found as Python."""
    project, path = tmp_path / "a project", tmp_path / "bin"
    for name in ("Makefile", "requirements.txt", "pyproject.toml", "tests/requirements.txt",
                 "notebooks/requirements-classroom.txt"):  # fmt: skip
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, project / name)
    path.mkdir()
    for tool in ("make", "sh", "echo", "test", "pwd", "cksum", "cut", "id", "mkdir", "cp", "rm", "touch", "find"):
        (path / tool).symlink_to(shutil.which(tool))

    def run(*arguments, **pythons):
        for name, answers in pythons.items():
            stand_in = path / name.replace("_", ".")
            stand_in.write_text("#!/bin/sh\n" + answers.format(python=sys.executable))
            stand_in.chmod(0o755)
        environment = {"PATH": str(path), "HOME": os.environ.get("HOME", ""), "LC_ALL": "C.UTF-8"}
        return subprocess.run(
            [path / "make", *arguments], cwd=run.project, env=environment, capture_output=True, text=True, timeout=60
        )

    run.project = project
    return run


def calls(make):
    """What the stand-in was asked since the last time, questions about its version left out."""
    file = make.project / "calls"
    lines = file.read_text().splitlines() if file.exists() else []
    file.unlink(missing_ok=True)
    return [line for line in lines if not line.startswith("-c")]


@pytest.mark.parametrize(
    ("pythons", "says"),
    [
        ({}, "No Python found, 3.11 or newer is needed: see https://www.python.org/downloads/"),
        ({"python3": TOO_OLD}, "Python 3.9 is too old, 3.11 or newer is needed: see https://www.python.org/downloads/"),
        ({"python3": TOO_OLD, "python3_12": WITHOUT_VENV}, "cannot make environments; on Debian and Ubuntu: apt"),
    ],
    ids=["no Python", "too old", "without venv"],
)
@pytest.mark.parametrize("command", ["lab", "test"])
def test_one_line_says_what_is_missing(make, command, pythons, says):
    ended = make(command, **pythons)
    said = [line for line in ended.stderr.splitlines() if not line.startswith("make: ***")]
    assert len(said) == 1 and says in said[0]
    assert ended.returncode != 0 and ended.stdout == ""
    assert not (make.project / ".venv").exists()


def test_an_old_python_does_not_hide_a_newer_one(make):
    assert make("lab", python3_12=TOO_OLD, python3_11=WITHOUT_VENV, python3=FINE).returncode == 0


def test_the_reader_can_choose_the_python(make):
    assert make("lab", "PYTHON=python", python3_13=FINE, python=TOO_OLD).returncode != 0
    assert make("lab", "PYTHON=python3.13").returncode == 0


def test_arguments_reach_jupyterlab_which_opens_lesson_00(make):
    ended = make("lab", "ARGS=--no-browser --port=8899", python3=FINE)
    assert ended.returncode == 0, ended.stderr
    *_, lab = calls(make)
    assert re.fullmatch(r"-m jupyterlab .*/lab/tree/notebooks/00_start_here\.ipynb (.* )?--no-browser --port=8899", lab)
    assert "token" not in lab and "ip=" not in lab


def test_arguments_reach_pytest(make):
    make("test", "ARGS=-k units", python3=FINE)
    assert calls(make)[-1].endswith(" -k units")


def test_nothing_is_installed_twice(make):
    for command in ("lab", "course", "test"):
        make(command, python3=FINE)
        assert any("pip install" in call for call in calls(make))
        make(command)
        assert len(calls(make)) == 1, "the second time there should be nothing to do but the command itself"


def test_a_teacher_installs_no_test_tools(make):
    make("course", python3=FINE)
    *before, course = calls(make)
    assert course == "tests/tools/course.py"
    assert any("requirements-classroom.txt" in call for call in before)
    assert not any("tests/requirements.txt" in call for call in before)


def test_clean_removes_a_course_unless_something_was_submitted(make):
    course = make.project / "course"
    (course / "release").mkdir(parents=True)
    make("clean")
    assert not course.exists()
    for folder in ("submitted", "downloaded"):
        (course / folder).mkdir(parents=True)
        assert "course/ stays" in make("clean").stdout
        assert (course / folder).exists()
        (course / folder).rmdir()


def test_a_changed_requirement_is_installed(make):
    make("lab", python3=FINE)
    calls(make)
    os.utime(make.project / "requirements.txt", (2**32, 2**32))
    make("lab")
    assert any("pip install" in call for call in calls(make))


def test_a_setup_that_broke_off_does_not_count_as_finished(make):
    (make.project / "offline").touch()
    assert make("lab", python3=FINE).returncode != 0
    assert not any("jupyterlab" in call for call in calls(make))
    (make.project / "offline").unlink()
    assert make("lab").returncode == 0
    seen = calls(make)
    assert any("pip install" in call for call in seen) and "jupyterlab" in seen[-1]


def test_an_environment_whose_python_is_gone_is_made_anew(make):
    make("lab", python3=FINE)
    calls(make)
    python = make.project / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3")
    assert make("lab").returncode == 0
    assert any("venv --clear" in call for call in calls(make))


def test_an_environment_that_moved_with_its_folder_is_set_up_again(make):
    make("lab", python3=FINE)
    calls(make)
    make.project.rename(make.project.with_name("elsewhere"))
    make.project = make.project.with_name("elsewhere")
    make("lab")
    assert any("pip install" in call for call in calls(make))


def test_make_alone_lists_every_command(make):
    commands = re.search(r"^\.PHONY: help (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
    assert re.findall(r"^make (\w+)", make().stdout, re.MULTILINE) == commands


def test_notebooks_are_run_as_strictly_by_make_test_as_by_the_other_tests(make):
    make("test", python3=FINE)
    *_, pytest_call = calls(make)
    assert {option for option in pytest_call.split() if option.startswith("--")} == set(STRICT)


def test_ci_runs_the_command_that_the_readme_names():
    commands = re.findall(r"^(make \w+)", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    shell = "\n".join(re.findall(r"^```\w*\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE))
    assert commands == ["make test"]
    assert re.search(r"^(\$ )?make test\b", shell, re.MULTILINE)


@pytest.mark.parametrize(
    ("printed", "compared"),
    [
        ("forward: 12.3 ms [timed], 3 layers", "forward: TIME [timed], 3 layers"),
        ("1,234.5 GFLOP/s [timed]", "TIME [timed]"),
        ("0.41 [timed] of the peak", "TIME [timed] of the peak"),
        ("<td>41 % [timed]</td>", "<td>TIME [timed]</td>"),
        ("1.2e-05 s [timed]", "TIME [timed]"),
        ("8 GB, 12.3 ms", "8 GB, 12.3 ms"),
        ("12.3 ms (timed)", "12.3 ms (timed)"),
        ("fp32 [timed]", "fp32 [timed]"),
        ("64 examples in 12 ms [timed]", "64 examples in TIME [timed]"),
        ("8 GB in all [timed]", "8 GB in all [timed]"),
        ("nan ms [timed]", "nan ms [timed]"),
    ],
)
def test_only_a_number_marked_as_timed_is_not_compared(printed, compared):
    ((found, replacement),) = get_sanitize_patterns((ROOT / "tests" / "nbval_sanitize.cfg").read_text())
    assert re.sub(found, replacement, printed) == compared

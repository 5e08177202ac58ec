"""The notebooks and the package pass with the lowest versions allowed, and with other Pythons than this one."""

import hashlib
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import pytest
from workshop import LESSONS, MASTERS, ROOT, STRICT, find_python

# These try commands, tools and texts rather than the package, and so does tests/browser.
NOT_THE_PACKAGE = "binder course exercises guide lessons links make prose refresh versions".split()
LIBRARIES = re.compile(r"^\s*(?:import|from) (?:numpy|sympy|matplotlib|ipywidgets)\b", re.MULTILINE)
REQUIREMENTS = ("requirements.txt", "tests/requirements.txt", "pyproject.toml")
OTHERS = [version for version in ("3.11", "3.12", "3.13") if version != "{}.{}".format(*sys.version_info)]
NOTEBOOKS = [path.relative_to(ROOT) for path in LESSONS + MASTERS]


def environment(name, python, *options):
    """The Python of an environment with what the tests need; it is kept, and made anew if that has changed."""
    folder = ROOT / f".venv-{name}"
    wanted = [str(ROOT), python, *options, *((ROOT / file).read_text() for file in REQUIREMENTS)]
    wanted = hashlib.sha256("\n".join(wanted).encode()).hexdigest()
    stamp = folder / "finished"
    if not stamp.exists() or stamp.read_text() != wanted:
        own = folder / "bin" / "python"
        uv("venv", "--clear", "--python", python, folder)
        uv("pip", "install", "--python", own, *options, "-r", "requirements.txt")
        uv("pip", "install", "--python", own, "-r", "tests/requirements.txt")
        uv("pip", "install", "--python", own, "--no-deps", "-e", ".")
        subprocess.run([own, "-c", "import matplotlib.font_manager"], check=True)  # lists the machine's fonts, once
        stamp.write_text(wanted)
    return folder / "bin" / "python"


def uv(*arguments):
    done = subprocess.run([sys.executable, "-m", "uv", "--quiet", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run(name):
    """Run every notebook, strictly, and tests of the package in that environment.

    With the lowest versions these are all that use a library; what is plain Python gives there what it gives here.
    Other Pythons run what depends on the language: the gate, all formulas in their three readings, the examples.
    """
    tests = with_libraries() if name == "lowest" else ["tests/test_gate.py", "tests/test_formulas.py"]
    arguments = ["-rA", *STRICT, "-p", "no:cacheprovider", *NOTEBOOKS, *tests, "llmcalc"]
    command = [environment(name, *pythons()[name]), "-m", "pytest", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    PROCESSES.append(process)
    output, errors = process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def with_libraries():
    """The tests of the package that import a library whose lowest version is stated."""
    left_out = {f"test_{name}.py" for name in NOT_THE_PACKAGE}
    return [
        path.relative_to(ROOT)
        for path in sorted((ROOT / "tests").glob("test_*.py"))
        if path.name not in left_out and LIBRARIES.search(path.read_text(encoding="utf-8"))
    ]


@cache
def pythons():
    """What each environment is made with, by its name; for a Python that is not there, there is none."""
    found = {"lowest": (find_python("3.11") or sys.executable, "--resolution=lowest-direct")}
    return found | {f"newest-{version}": (python,) for version in OTHERS if (python := find_python(version))}


RUNS, PROCESSES = {}, []
"""The runs by name, once they have begun, and the commands that were started."""


def begin():
    """Let the runs go on beside the tests of this environment, one after the other."""
    if not RUNS:
        start(pythons(), at_once=1)


def hurry():
    """This environment has nothing left to do but to wait: what has not begun need not wait in line any longer."""
    start([name for name, run in RUNS.items() if run.cancel()], at_once=len(pythons()))


def start(names, at_once):
    if names:
        pool = ThreadPoolExecutor(max_workers=at_once)
        RUNS.update({name: pool.submit(run, name) for name in names})
        pool.shutdown(wait=False)


def stop():
    """End what is still going on, after a failure or an interruption; otherwise all is done by now."""
    for run in RUNS.values():
        run.cancel()
    for process in PROCESSES:
        process.terminate()


@pytest.fixture(scope="module")
def runs():
    begin()
    hurry()
    return RUNS


@pytest.mark.parametrize("name", ["lowest", *(f"newest-{version}" for version in OTHERS)])
def test_all_notebooks_and_tests_pass_with(name, runs, note):
    if name not in runs:
        note(f"versions: no Python found for {name}, it was skipped")
        pytest.skip("there is no such Python")
    done = runs[name].result()
    if done.returncode:
        pytest.fail(re.sub(r"^PASSED .*\n", "", done.stdout + done.stderr, flags=re.MULTILINE), pytrace=False)
    passed = set(re.findall(r"^PASSED (\S+?)::", done.stdout, re.MULTILINE))
    assert passed >= {str(path) for path in NOTEBOOKS}
    assert any(path.startswith("tests/") for path in passed)
    assert " skipped" not in done.stdout.splitlines()[-1]


def test_the_lowest_versions_are_those_of_requirements_txt(runs):
    runs["lowest"].result()
    installed = uv("pip", "freeze", "--python", ROOT / ".venv-lowest" / "bin" / "python")
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        if not line.startswith("#"):
            name, floor = line.split(">=")
            assert re.search(rf"^{name}=={re.escape(floor)}(\.0)*$", installed, re.MULTILINE), installed

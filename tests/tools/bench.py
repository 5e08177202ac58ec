"""Print how long things take beside what they may take; the exit code tells whether all keep their budget."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import nbformat
from workshop import LESSONS, ROOT, STRICT

# Seconds
IMPORT_OVER_BARE_PYTHON = 0.040
STRICT_RUN = 6.0


def main():
    print(f"{'':<68}{'time':>12}{'base':>12}{'ratio':>9}{'budget':>12}{'used':>7}")
    sys.exit(not all([*importing(), *running(), *moving()]))


def importing():
    """The package, over a Python that does nothing; in turns, so that a busy moment hits both."""
    pairs = [(seconds("-c", "pass"), seconds("-c", "import llmcalc")) for _ in range(15)]
    bare, full = map(median, zip(*pairs, strict=True))
    yield row("import llmcalc, over bare Python", full, bare, budget=IMPORT_OVER_BARE_PYTHON, judged=full - bare)


def running():
    """Each lesson under strict nbval, over a notebook with nothing in it."""
    strict = ("-m", "pytest", *STRICT, "-p", "no:cacheprovider")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("pass", execution_count=1)]), path)
        empty = seconds(*strict, path)
    for lesson in LESSONS:
        yield row(f"strict run of {lesson.stem}, over an empty notebook", seconds(*strict, lesson), empty, STRICT_RUN)


def moving():
    """Each lesson's explorers, from key press to new picture, in a browser."""
    sys.path.insert(0, str(ROOT / "tests" / "browser"))
    try:
        from lab import find_browser
        from latency import BUDGET, figures, measure
    except ImportError as missing:
        return print(f"explorers: not measured, {missing}")
    if not find_browser():
        return print("explorers: not measured, there is no Chromium")
    for lesson in LESSONS:
        measured = measure(lesson.relative_to(ROOT))
        for name, taken in figures(measured).items() if measured else ():
            yield row(f"explorers of {lesson.stem}, {name}", taken, budget=BUDGET[name])


def seconds(*arguments):
    """Wall time of a Python that is called with these arguments and has to succeed."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True)
    taken = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}")
    return taken


def row(what, taken, base=None, budget=None, judged=None):
    """Print a line of the table; whether what is judged (by default the time taken) keeps the budget."""
    judged = taken if judged is None else judged
    beside = f"{milliseconds(base)}{taken / base:>9.2f}" if base else f"{'':21}"
    fine = judged <= budget
    print(
        f"{what:<68}{milliseconds(taken)}{beside}{milliseconds(budget)}{judged / budget:>7.0%}{'' if fine else ' OVER'}"
    )
    return fine


def milliseconds(seconds):
    return f"{seconds * 1000:>9.1f} ms"


if __name__ == "__main__":
    main()

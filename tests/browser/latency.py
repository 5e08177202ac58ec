"""How long an explorer takes from key press to new picture."""

import tempfile
from math import inf
from pathlib import Path
from statistics import median, quantiles

from explorers import controls_of, explorers
from lab import open_lab

BUDGET = {"median": 0.060, "95th percentile": 0.150}


def measure(notebook_path, moves=20):
    """Seconds of each move of each control of a notebook's explorers.

    Parameters
    ----------
    notebook_path : str or Path
        Inside the repository, such as "notebooks/00_start_here.ipynb". It is run in a fresh copy.
    moves : int, default 20
        Single moves of each control.

    Returns
    -------
    dict of str to list of (float or None)
        For "explorer 1: batch, slider" and so on; None, the last one then, for a move that no new
        picture followed.
    """
    with tempfile.TemporaryDirectory() as temporary, open_lab(Path(temporary)) as lab:
        with lab.lesson(notebook_path) as lesson:
            lesson.run_all()
            return measure_page(lesson.page, moves)


def measure_page(page, moves=20):
    """The same for a notebook that has been run; in the end each control stands where it stood."""
    return {
        f"explorer {number}: {control.name}": _move_to_and_fro(control, moves)
        for number, explorer in enumerate(explorers(page), start=1)
        for control in controls_of(explorer)
    }


def figures(measured):
    """What `BUDGET` limits, in seconds, of what `measure` gives; a move without a new picture took forever."""
    seconds = [inf if second is None else second for moves in measured.values() for second in moves]
    return {"median": median(seconds), "95th percentile": quantiles(seconds, n=20, method="inclusive")[-1]}


def summary(measured):
    """The figures of what `measure` gives, beside the budget, and its slowest control, as text."""
    got = figures(measured)
    said = [f"{name} {got[name] * 1000:.0f} ms (budget {BUDGET[name] * 1000:.0f} ms)" for name in BUDGET]
    slowest = max(measured, key=lambda name: median(measured[name]))
    said.append(f"slowest {slowest} {median(measured[slowest]) * 1000:.0f} ms")
    return f"{', '.join(said)}; {sum(map(len, measured.values()))} moves"


def _move_to_and_fro(control, moves):
    """From end to end, step by step, so that every position is visited; then back, unmeasured."""
    start, direction, seconds = control.position, 1, []
    for _ in range(moves):
        target = control.neighbour(direction)
        direction = target - control.position
        seconds.append(control.move(target))
        if seconds[-1] is None:
            return seconds  # it has waited long enough
    while control.position != start:
        control.move(control.position + (1 if start > control.position else -1))
    return seconds

"""Weighing and timing, and the check of the installation."""

import importlib.metadata

import numpy as np
import pytest

from llmcalc import selfcheck
from llmcalc.measure import best_seconds, held_bytes, timed


def test_an_array_held_twice_weighs_once_and_a_copy_weighs_again():
    row = np.zeros(10, dtype=np.float32)
    assert held_bytes([row, row]) == 40
    assert held_bytes([row, row.copy()]) == 80
    assert held_bytes([]) == 0


def test_the_best_time_is_the_shortest_of_as_many_runs_as_asked_for(monkeypatch):
    clock = iter([0, 5, 10, 12, 20, 29])
    monkeypatch.setattr("llmcalc.measure.perf_counter", lambda: next(clock))
    runs = []
    assert best_seconds(lambda: runs.append(1), repeats=3) == 2
    assert len(runs) == 3


def test_a_timing_is_marked():
    assert timed("12.3 ms") == "12.3 ms [timed]"


def test_a_complete_installation_is_told_so(capsys):
    selfcheck.self_check()
    told = capsys.readouterr().out
    assert "Everything is in place." in told and ": no" not in told


@pytest.mark.parametrize("found", ["0.1", None])
def test_what_is_too_old_or_missing_is_named_with_its_cure(found, monkeypatch, capsys):
    def version(name):
        if name == "sympy" and found is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return found if name == "sympy" else "999"

    monkeypatch.setattr(selfcheck, "version", version)
    selfcheck.self_check()
    told = capsys.readouterr().out
    assert f"no, found {found}" in told and "Missing: sympy>=" in told and "make lab" in told


@pytest.mark.parametrize(
    ("found", "floor", "enough"),
    [("1.14.0", "1.13", True), ("1.9", "1.13", False), ("2.0.0rc1", "2.0", True), ("4.3", "4.3", True)],
)
def test_versions_are_compared_as_numbers(found, floor, enough):
    assert selfcheck._new_enough(found, floor) is enough

"""Is everything in place? The answer in a few lines, with the cure where something is missing."""

import re
import sys
from importlib.metadata import PackageNotFoundError, requires, version

PYTHON = (3, 11)


def self_check():
    """Print for Python and each package the lessons need whether it is new enough.

    The packages and their floors are those of requirements.txt, read from the installed package's metadata.

    Returns
    -------
    None
    """
    wanted = [("Python", ".".join(map(str, PYTHON)), ".".join(map(str, sys.version_info[:2])))]
    for line in requires("llmcalc") or []:
        name, floor = re.match(r"([\w.-]+)\s*>=\s*([\d.]+)", line).groups()
        try:
            wanted.append((name, floor, version(name)))
        except PackageNotFoundError:
            wanted.append((name, floor, None))
    missing = [f"{name}>={floor}" for name, floor, found in wanted if not _new_enough(found, floor)]
    for name, floor, found in wanted:
        print(f"{name:>11} {floor:>5} or newer: {'yes' if _new_enough(found, floor) else f'no, found {found}'}")
    if missing:
        print(
            f"Missing: {', '.join(missing)}. Close Jupyter, run `make lab` again, or: pip install -r requirements.txt"
        )
    else:
        print("Everything is in place.")


def _new_enough(found, floor):
    return found is not None and _numbers(found) >= _numbers(floor)


def _numbers(text):
    return [int(number) for number in re.findall(r"\d+", text)[:3]]

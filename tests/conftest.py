"""What all tests share: the tools in tests/tools can be imported, and a test can leave a note for the reader."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "tools"))

collect_ignore_glob = ["*conftest.py"]  # not searched for doctests: two modules of one name would collide

NOTES = pytest.StashKey[list]()


def pytest_configure(config):
    config.stash[NOTES] = []


@pytest.fixture(scope="session")
def note(pytestconfig):
    """Call it with a line of text, such as a measured time: it is printed below the results, even if all tests pass."""
    return pytestconfig.stash[NOTES].append


def pytest_terminal_summary(terminalreporter, config):
    if config.stash[NOTES]:
        terminalreporter.section("notes")
        for line in config.stash[NOTES]:
            terminalreporter.write_line(line)

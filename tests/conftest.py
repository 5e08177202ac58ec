"""What all tests share: the tools in tests/tools can be imported, and a test can leave a note for the reader."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "tools"))

collect_ignore_glob = ["*conftest.py"]  # not searched for doctests: two modules of one name would collide

NOTES = pytest.StashKey[list]()


def pytest_configure(config):
    config.stash[NOTES] = []


def pytest_collection_finish(session):
    """The runs in other environments begin at once, beside everything else: they take as long as all the rest."""
    config = session.config
    if any(item.path.name == "test_versions.py" for item in session.items) and not config.option.collectonly:
        import test_versions

        test_versions.begin()


def pytest_sessionfinish():
    if "test_versions" in sys.modules:
        sys.modules["test_versions"].stop()


@pytest.fixture(scope="session")
def note(pytestconfig):
    """Call it with a line of text, such as a measured time: it is printed below the results, even if all tests pass."""
    return pytestconfig.stash[NOTES].append


@pytest.fixture
def handed(monkeypatch):
    """A function that calls a view and gives what it hands to the drawing, and its HTML."""

    def call(module, drawing, view, **values):
        seen, draw = {}, getattr(module, drawing)
        monkeypatch.setattr(module, drawing, lambda *args, **more: seen.update(more, args=args) or draw(*args, **more))
        return seen, view(**values)

    return call


def pytest_terminal_summary(terminalreporter, config):
    if config.stash[NOTES]:
        terminalreporter.section("notes")
        for line in config.stash[NOTES]:
            terminalreporter.write_line(line)

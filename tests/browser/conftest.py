"""A browser for the tests of this folder."""

import os

import pytest
from lab import find_browser, open_lab


# Module, not session: Playwright keeps an event loop running, which other tests could trip over.
@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A running JupyterLab and a browser."""
    if not find_browser():
        missing = "no Chromium or Chrome on the PATH: the lessons were not looked at in a browser"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    with open_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab

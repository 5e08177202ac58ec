"""JupyterLab on a fresh copy of the repository, in a real browser, as a reader meets it."""

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[2]
LESSONS = [path.relative_to(ROOT) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
WIDTH, HEIGHT = 1400, 1000
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
_ARGUMENTS = (
    "--no-sandbox",  # so that it also starts as root, in a container
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},  # covers the page
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},  # the copy stays as fresh as it was
    # Every cell is in the page, seen or not, and nothing below the last one.
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none", "scrollPastEnd": False},
}


@dataclass
class Lesson:
    """A notebook, open in the browser, with the errors that the browser has met so far."""

    page: Page
    path: Path
    problems: list[str] = field(default_factory=list)
    at_first_sight: dict = field(default_factory=dict)

    def hear(self, message):
        """Note what the browser's console calls an error."""
        if message.type == "error":
            self.problems.append(f"console: {message.text} ({message.location.get('url', '')})")

    def run_all(self):
        """Restart the kernel and run every cell; come back when none is left to run."""
        choose(self.page, "Edit", "Clear Outputs of All Cells")  # so that no stored count is taken for a new one
        choose(self.page, "Run", "Restart Kernel and Run All Cells")
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        self.page.wait_for_function(f"{_PROMPTS}.some(prompt => prompt !== '[ ]:')")
        self.page.wait_for_function(f"{_PROMPTS}.every(prompt => prompt !== '[*]:')", timeout=120_000)
        wait_until_idle(self.page)
        self.page.wait_for_function(_EXPLORERS_ARE_DRAWN)

    def prompts(self):
        """What stands before each code cell."""
        return self.page.evaluate(_PROMPTS)

    def show_everything(self):
        """Open what is folded."""
        self.page.evaluate("document.querySelectorAll('.jp-Notebook details').forEach(fold => fold.open = true)")

    def photograph(self, name):
        """Save the whole notebook, one screen after the other, where LLMCALC_SCREENSHOTS names a folder."""
        if not _album():
            return
        scroller = self.page.locator(".jp-NotebookPanel .jp-WindowedPanel-outer")
        screens = scroller.evaluate("scroller => Math.ceil(scroller.scrollHeight / scroller.clientHeight)")
        for number in range(screens):
            scroller.evaluate("(scroller, number) => scroller.scrollTo(0, number * scroller.clientHeight)", number)
            self.page.screenshot(path=_album() / f"{self.path.stem}-{name}-{number + 1:02}.png")

    def photograph_explorer(self, name):
        """Save the first explorer as it stands."""
        if _album():
            explorer = self.page.locator(".llmcalc-explorer").first
            explorer.evaluate("explorer => explorer.scrollIntoView({block: 'start'})")
            self.page.screenshot(path=_album() / f"{self.path.stem}-{name}.png")

    def photograph_projected(self, name):
        """Save the window as it stands."""
        if _album():
            self.page.screenshot(path=_album() / f"{self.path.stem}-projected-{name}.png")

    @contextmanager
    def unrolled(self):
        """The page as tall as the notebook, so that nothing is scrolled out of sight."""
        notebook = self.page.locator(".jp-NotebookPanel .jp-WindowedPanel-outer")
        with self._sized(WIDTH, HEIGHT + notebook.evaluate("notebook => notebook.scrollHeight")):
            yield

    @contextmanager
    def magnified(self, times):
        """The page as it is laid out when a reader zooms in: the window holds fewer, larger pixels."""
        with self._sized(WIDTH // times, HEIGHT // times):
            yield

    @contextmanager
    def _sized(self, width, height):
        self.page.set_viewport_size({"width": width, "height": height})
        try:
            yield
        finally:
            self.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})


class Lab:
    """A running JupyterLab and a browser."""

    def __init__(self, server, browser):
        self._server, self._browser = server, browser

    @contextmanager
    def lesson(self, path):
        """Open a notebook (its path inside the repository), as somebody who has never seen it; nothing is run."""
        context = self._browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
        context.set_default_timeout(60_000)
        page = context.new_page()
        lesson = Lesson(page, Path(path))
        page.on("pageerror", lambda error: lesson.problems.append(f"page error: {error}"))
        page.on("console", lesson.hear)
        url, token = self._server["url"], self._server["token"]
        try:
            page.goto(f"{url}lab/tree/{Path(path).as_posix()}?reset&token={token}")
            page.locator(".jp-Notebook .jp-Cell").first.wait_for()
            wait_until_idle(page)
            yield lesson
        finally:
            headers = {"Authorization": f"token {token}"}
            for kernel in context.request.get(f"{url}api/kernels", headers=headers).json():
                context.request.delete(f"{url}api/kernels/{kernel['id']}", headers=headers)
            context.close()

    def printed(self, path, paper):
        """The PDF that File → Print makes of a notebook, on "A4" or "Letter": that of what the server exports."""
        context = self._browser.new_context()
        page = context.new_page()
        own = self._server["url"]
        page.route(lambda url: not url.startswith((own, "data:")), lambda route: route.abort())  # as if offline
        try:
            page.goto(f"{own}nbconvert/html/{Path(path).as_posix()}?download=false&token={self._server['token']}")
            return page.pdf(format=paper)
        finally:
            context.close()


def find_browser():
    """Path of a Chromium or one of its relatives, or None."""
    return next(filter(None, map(shutil.which, _BROWSERS)), None)


@contextmanager
def open_lab(temporary):
    """A Lab on a fresh copy of the repository, in the folder `temporary`; its settings and trust are fresh, too."""
    repository = temporary / "repository"
    _copy_repository(repository)
    with _serve(repository, temporary) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=_ARGUMENTS)
        yield Lab(server, browser)
        browser.close()


def choose(page, *menus):
    """Click through the menu bar; a name may leave out its end."""
    bar, *items = menus
    page.locator(".lm-MenuBar-item", has_text=bar).first.click()
    for item in items:
        page.locator(".lm-Menu-item", has_text=item).first.click()


def use_theme(page, name):
    """Switch to "JupyterLab Light" or "JupyterLab Dark"."""
    choose(page, "Settings", "Theme", name)
    page.locator(f"body[data-jp-theme-name='{name}']").wait_for(state="attached")
    page.locator("#jupyterlab-splash").wait_for(state="detached")


def wait_until_idle(page):
    """Wait for the status bar to say so; the toolbar's circle is idle before the kernel can be used."""
    page.locator(".jp-StatusBar-TextItem", has_text="| Idle").wait_for()


def _copy_repository(target):
    """What a clone of the repository would hold, uncommitted changes included."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():  # a deleted file is still listed
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)


@contextmanager
def _serve(repository, temporary):
    """A JupyterLab server on a free port of this machine: what it says about itself, its address among it."""
    config, runtime = temporary / "config", temporary / "runtime"
    (config / "labconfig").mkdir(parents=True)
    (config / "labconfig" / "default_setting_overrides.json").write_text(json.dumps(_SETTINGS))
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTER_DATA_DIR": str(temporary / "data"),
        "JUPYTER_RUNTIME_DIR": str(runtime),
        "PYTHONPATH": str(repository),  # the copy's llmcalc, whichever is installed
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--ServerApp.root_dir={repository}"]
    with open(temporary / "server.log", "w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield _address(server, runtime, temporary / "server.log")
    finally:
        server.terminate()
        server.wait(timeout=30)


def _address(server, runtime, log):
    """Wait until the server has written down where it listens."""
    note, deadline = runtime / f"jpserver-{server.pid}.json", time.monotonic() + 60
    while not note.exists() or not note.read_text().strip().endswith("}"):
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()}")
        time.sleep(0.05)
    return json.loads(note.read_text())


def _album():
    folder = os.environ.get("LLMCALC_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        return Path(folder)


# "[ ]:" has not run, "[*]:" is to run, "[7]:" has run.
_PROMPTS = (
    "[...document.querySelectorAll('.jp-Notebook .jp-InputPrompt')].map(prompt => prompt.textContent).filter(Boolean)"
)

_EXPLORERS_ARE_DRAWN = """() => [...document.querySelectorAll('.llmcalc-explorer')].every(
    explorer => explorer.querySelector('.llmcalc-picture .widget-html-content')?.children.length)"""

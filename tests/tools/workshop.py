"""What tests and tools share: a copy of the project as a clone would have it, other Pythons, how notebooks are run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MASTERS = sorted((ROOT / "notebooks" / "solutions").glob("*.ipynb"))

# The recap quizzes, and the first and the last of the lessons that each goes back to. All other masters have a lesson.
RECAPS = {"recap_04": ("01", "04"), "recap_07": ("05", "07"), "recap_11": ("08", "11")}
RECAP_MASTERS = [path for path in MASTERS if path.stem in RECAPS]

# The options `make test` runs notebooks with; a test compares them with the Makefile.
STRICT = ("--nbval", "--nbval-current-env", "--nbval-cell-timeout=60", "--nbval-sanitize-with=tests/nbval_sanitize.cfg")


def copy_project(folder):
    """Copy what a clone would hold, changes that are not committed included, into `folder`."""
    listed = subprocess.check_output(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, text=True)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():  # git still lists a file that was removed and not committed
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def find_python(version):
    """Path of a Python such as "3.12", on the PATH or among pyenv's; None if there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    path = os.pathsep.join([os.environ["PATH"], *map(str, pyenv.glob("versions/*/bin"))])
    found = subprocess.run(
        [sys.executable, "-m", "uv", "python", "find", "--system", "--no-python-downloads", version],
        env={**os.environ, "PATH": path}, capture_output=True, text=True,
    )  # fmt: skip
    return found.stdout.strip() or None

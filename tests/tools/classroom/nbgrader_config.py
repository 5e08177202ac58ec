"""How nbgrader runs this course: change what you need. What the parts do stands in `untrusted.py` beside it."""

import sys
from pathlib import Path

HERE = str(Path(__file__).parent) if "__file__" in globals() else "."
sys.path.insert(0, HERE)  # nbgrader reads this file from any folder

import untrusted  # noqa: E402

c = get_config()  # noqa: F821  (nbgrader brings it)

# Seconds for a cell and for a notebook, MB of memory for its Python, characters kept of what a cell prints.
c.RunUntrusted.timeout = 30
c.RunUntrusted.iopub_timeout = 15  # for what is still on its way after that
c.RunUntrusted.notebook_seconds = 300
c.RunUntrusted.memory_megabytes = 4000
c.RunUntrusted.characters = 20_000

# The archive of the learning platform: NAME_anything.ipynb, as Canvas and Moodle (without folders) write it.
# For folders, NAME_anything/anything.ipynb:  r".*/(?P<student_id>[^/_]+)_[^/]*/(?P<file_id>[^/]+)"
c.FileNameCollectorPlugin.named_regexp = r".*/(?P<student_id>[^/_]+)_(?P<file_id>[^/]+)"

# From here on: what keeps one bad submission from stopping the others.
c.Autograde.exporter_class = untrusted.Reader
c.Autograde.sanitize_preprocessors = untrusted.SANITIZE
c.Autograde.autograde_preprocessors = untrusted.AUTOGRADE
c.GenerateFeedback.preprocessors = untrusted.FEEDBACK

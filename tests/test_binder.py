"""Binder, without Docker: repo2docker decides how to build the project, and the steps it decided on are run.

Not proven here: the image below (conda, Debian packages) and the service itself.
"""

import contextlib
import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from workshop import copy_project, find_python

PYTHON = "3.12"
LESSON = "notebooks/00_start_here.ipynb"

pytestmark = pytest.mark.filterwarnings("ignore:pythonjsonlogger.jsonlogger has been moved:DeprecationWarning")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The project as Binder would clone it."""
    return copy_project(tmp_path_factory.mktemp("binder"))


@pytest.fixture(scope="module")
def plan(project):
    """What repo2docker makes of the project."""
    from repo2docker.app import Repo2Docker  # slow, and it warns about a library that it uses

    with contextlib.chdir(project):  # repo2docker looks around in the current folder
        app = Repo2Docker()
        plan = next(pack for pack in (kind(app.base_image) for kind in app.buildpacks) if pack.detect())
        plan.platform = "linux/amd64"
        plan.dockerfile = plan.render({})
        yield plan


@pytest.fixture(scope="module")
def python(project, plan, note, tmp_path_factory):
    """The Python of an environment in which all steps of the plan have been run."""
    base = find_python(PYTHON)
    if not base:
        note(f"Binder: no Python {PYTHON} found, its steps were tried with {sys.version.split()[0]}")
    environment = tmp_path_factory.mktemp("environment")
    uv = [sys.executable, "-m", "uv", "venv", "--quiet", "--clear", "--seed", "--python", base or sys.executable]
    subprocess.run([*uv, environment], check=True)
    variables = {
        "PATH": f"{environment}/bin{os.pathsep}{os.environ['PATH']}",
        "KERNEL_PYTHON_PREFIX": str(environment),
        "NB_PYTHON_PREFIX": str(environment),
        "NB_USER": "somebody",
    }
    steps = [script for _user, script in plan.get_preassemble_scripts() + plan.get_assemble_scripts()]
    for script in plan.get_post_build_scripts():
        steps += [f"chmod +x {script}", f"./{script}"]
    for step in steps:
        command = ["bash", "-ec", step]
        done = subprocess.run(command, cwd=project, env=os.environ | variables, capture_output=True, text=True)
        assert done.returncode == 0, f"{step}\n{done.stdout}\n{done.stderr}"
    return environment / "bin" / "python"


def test_binder_takes_the_folder_binder_and_python_3_12(plan):
    assert type(plan).__name__ == "PythonBuildPack"
    assert plan.binder_dir == "binder"
    assert plan.python_version == PYTHON


def test_requirements_are_installed_once_the_project_is_there(plan):
    copied = plan.dockerfile.index("COPY --chown=1000:1000 src/ ${REPO_DIR}")
    assert copied < plan.dockerfile.index('install --no-cache-dir -r "binder/requirements.txt"')
    assert copied < plan.dockerfile.index("RUN ./binder/postBuild")


def test_the_package_can_be_imported_from_any_folder(python, project, tmp_path):
    where = subprocess.check_output([python, "-c", "import llmcalc; print(llmcalc.__file__)"], cwd=tmp_path, text=True)
    assert Path(where.strip()) == project / "llmcalc" / "__init__.py"


def test_jupyterlab_opens_lesson_00(python, project, tmp_path):
    log = tmp_path / "log"
    folders = {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    with log.open("w") as output:
        server = subprocess.Popen(
            [python, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0"],
            cwd=project, env=os.environ | folders, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        address, token = address_of(server, log)
        # The page alone is there for any path; the second address says that the notebook is where the link leads.
        for path in (f"lab/tree/{LESSON}", f"api/contents/{LESSON}?content=0"):
            request = urllib.request.Request(address + path, headers={"Authorization": f"token {token}"})
            with urllib.request.urlopen(request, timeout=30) as answer:
                assert answer.status == 200
    finally:
        server.terminate()
        server.wait(timeout=30)


def address_of(server, log):
    """Address and token that JupyterLab prints when it is ready."""
    for _ in range(120):
        found = re.search(r"(http://127\.0\.0\.1:\d+/)\S*token=(\w+)", log.read_text())
        if found:
            return found.groups()
        assert server.poll() is None, log.read_text()
        time.sleep(0.5)
    raise TimeoutError(log.read_text())

"""Run the lessons and solutions, store what they print, and write the links between them.

Without arguments all notebooks are refreshed. With `--check` none is run or written; it fails if links are out of date.
"""

import argparse
import re
import sys
import tomllib
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from workshop import LESSONS, MASTERS, RECAPS, ROOT

CONTENTS = "00_start_here.ipynb"
README = ROOT / "README.md"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=lambda name: Path(name).resolve())
    parser.add_argument("--check", action="store_true", help="only look whether the links are up to date")
    chosen = parser.parse_args()
    wrong = []
    for path in chosen.notebooks or LESSONS + MASTERS:
        notebook = nbformat.read(path, as_version=4)
        linked = write_navigation(notebook, path)
        if not chosen.check:
            print(path.relative_to(ROOT), flush=True)
            run(notebook, path.parent)
            tidy(notebook)
            nbformat.write(notebook, path)
        elif linked:
            wrong.append(path.relative_to(ROOT))
    linked = readme()
    if linked != README.read_text(encoding="utf-8"):
        if chosen.check:
            wrong.append(README.relative_to(ROOT))
        else:
            README.write_text(linked, encoding="utf-8")
    for path in wrong:
        print(f"{path}: links are not up to date; run: make refresh")
    sys.exit(bool(wrong))


def run(notebook, folder):
    """Run all cells of `notebook`, from the top, in `folder`; once more if the kernel hangs."""
    for last_try in (False, True):
        client = NotebookClient(
            notebook, timeout=60, kernel_name="python3", record_timing=False, coalesce_streams=True,
            resources={"metadata": {"path": folder}},
        )  # fmt: skip
        try:
            return client.execute()
        except (TimeoutError, RuntimeError) as hung:  # RuntimeError: the kernel does not answer
            if last_try:
                raise
            print(f"  once more: {hung}".splitlines()[0], flush=True)


def tidy(notebook):
    """Keep what is the same in every run."""
    notebook.metadata = nbformat.from_dict(METADATA)  # drops the state of widgets: large, and no use without a kernel
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            view = output.get("data", {}).get("application/vnd.jupyter.widget-view+json")
            if view:
                view["model_id"] = cell.id  # random otherwise


def write_navigation(notebook, path):
    """Put the links into the cell "navigation", if there is one; True if that changed it."""
    for cell in notebook.cells:
        if cell.get("id") == "navigation":
            before, cell.source = cell.source, navigation(path)
            return cell.source != before
    return False


def navigation(path):
    """Links of a lesson to its neighbours, the contents, its exercises and Binder; of a solution back to its lesson.

    A recap has several lessons: a list of them.
    """
    if path.stem in RECAPS:
        first, last = RECAPS[path.stem]
        recapped = [lesson for lesson in LESSONS if first <= lesson.name[:2] <= last]
        return "\n".join(f"- [← {title(lesson)}](../{lesson.name})" for lesson in recapped)
    if path.parent != ROOT / "notebooks":
        return f"[← {title(ROOT / 'notebooks' / path.name)}](../{path.name})"
    row = [None, *(lesson for lesson in LESSONS if lesson.name[:2].isdigit()), None]
    place = row.index(path) if path in row else None
    previous, following = (row[place - 1], row[place + 1]) if place else (None, None)
    links = []
    if previous:
        links.append(f"[← {title(previous)}]({previous.name})")
    if path.name != CONTENTS:
        links.append(f"[All lessons]({CONTENTS})")
    if following:
        links.append(f"[{title(following)} →]({following.name})")
    if (path.parent / "solutions" / path.name).exists():
        links.append(f"[Exercises](exercises/{path.name})")
    binder = f"https://mybinder.org/v2/gh/{repository()}/HEAD?urlpath=lab/tree/notebooks/{path.name}"
    links.append(f"[Open on Binder]({binder})")
    return " · ".join(links)


def title(path):
    """The first heading of a notebook."""
    for cell in nbformat.read(path, as_version=4).cells:
        heading = re.match(r"# (.+)", cell.source)
        if cell.cell_type == "markdown" and heading:
            return heading[1].strip()
    raise ValueError(f"{path.name} does not begin with a title")


def repository():
    """Where the project lives on GitHub: the one line that a fork changes."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["llmcalc"]["repository"]


def readme():
    """The README, with its Binder link leading to the repository."""
    marked = re.compile(r"(?<=<!-- binder -->).*?(?=<!-- /binder -->)", re.DOTALL)
    link = re.compile(r"(?<=mybinder\.org/v2/gh/)[^/]+/[^/]+(?=/)")
    text = README.read_text(encoding="utf-8")
    return marked.sub(lambda found: link.sub(lambda _: repository(), found[0]), text)


if __name__ == "__main__":
    main()

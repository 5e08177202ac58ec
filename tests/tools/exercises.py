"""Make the exercises from their solutions, as nbgrader's own release does, so that a class can use the same files."""

import nbformat
from nbconvert.exporters.exporter import ResourcesDict
from nbgrader import preprocessors
from workshop import MASTERS, ROOT

EXERCISES = ROOT / "notebooks" / "exercises"

# Those of `nbgrader generate_assignment`, in its order, less the ones for its database and for headers and footers.
STEPS = (
    preprocessors.LockCells,
    preprocessors.ClearSolutions,
    preprocessors.ClearOutput,
    preprocessors.ClearHiddenTests,
    preprocessors.ClearMarkScheme,
    preprocessors.ComputeChecksums,
    preprocessors.CheckCellMetadata,
)


def unfolded(master):
    """The solution notebook at `master`, answers in sight. There they are folded, as one gives away the next."""
    notebook = nbformat.read(master, as_version=4)
    for cell in notebook.cells:
        cell.metadata.pop("jupyter", None)
    return notebook


def exercise(master):
    """The text of the exercise notebook that belongs to the solution notebook at `master`."""
    notebook = unfolded(master)
    for step in STEPS:
        notebook, _ = step().preprocess(notebook, ResourcesDict())
    return nbformat.writes(notebook) + "\n"


def main():
    EXERCISES.mkdir(exist_ok=True)
    made = {EXERCISES / master.name: exercise(master) for master in MASTERS}
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))
    for path in set(EXERCISES.glob("*.ipynb")) - set(made):  # its solution was renamed or removed
        path.unlink()
        print(path.relative_to(ROOT), "removed")


if __name__ == "__main__":
    main()

"""The first and the last cell of an exercise: whose values it has, and what of it is solved."""

from numbers import Real

from llmcalc import checks
from llmcalc.checks.answers import written
from llmcalc.checks.contents import EXERCISES
from llmcalc.checks.questions import OPEN, SOLVED, WRONG, sit
from llmcalc.display import Link, show, table
from llmcalc.formula import shown

UNSEEN = "not checked yet"
SIGNS = {SOLVED: "✓", WRONG: "✗", OPEN: "○", UNSEEN: "–"}


def begin(exercise, name=""):
    """Say whose values the questions of an exercise have from here on, and show them.

    Parameters
    ----------
    exercise : str
        Name of its notebook, such as "03_training_compute_6pd".
    name : str or int
        The learner's name or student number, from which the values follow. With "" they are the standard ones.

    Raises
    ------
    ValueError
        If there is no such exercise.
    TypeError
        If `name` is no text and no whole number.
    """
    tasks = _numbered(exercise, of="begin")
    learner = sit(name) and " ".join(str(name).split())  # shown as it was typed
    rows = [
        (number, letter, _written(getattr(question.yours, letter)), own.meaning)
        for number, _, question in tasks
        for letter, own in question.values.items()
    ]
    whose = f"the values of {learner}" if learner else "the standard values, since there is no name"
    return show(table(rows, ("question", "name", "value", "what it is"), f"Your values: {whose}"))


def progress(exercise):
    """Show what of an exercise is solved, what is open, and what to read again.

    What counts of a question is the last answer that was checked since the kernel was started.

    Raises
    ------
    ValueError
        If there is no such exercise.
    """
    rows, solved = [], 0
    for number, task, question in _numbered(exercise, of="progress"):
        outcome = question.outcome or UNSEEN
        solved += outcome == SOLVED
        lesson = task.lesson or exercise
        section = Link(f"{lesson[:2]}, {task.section}", f"../{lesson}.ipynb#{task.section.replace(' ', '-')}")
        title = f"{task.title}: {task.part}" if task.part else task.title
        rows.append((number, title, f"{SIGNS[outcome]} {outcome}", "" if outcome == SOLVED else section))
    said = f"{solved} of {len(rows)} checks passed." + (" That is all of them." if solved == len(rows) else "")
    if any(UNSEEN in row[2] for row in rows):
        said += " After a restart of the kernel, or with another name, run your answers and their checks again."
    return show(f"<p>{said}</p>{table(rows, ('question', 'title', 'where it stands', 'read again'))}")


def _numbered(exercise, of):
    """The questions of an exercise: number, task and question. Two checks may belong to one question."""
    if not isinstance(exercise, str) or exercise not in EXERCISES:
        raise ValueError(f"{of}: there is no exercise {shown(exercise)}; there are {', '.join(map(repr, EXERCISES))}")
    tasks = EXERCISES[exercise]
    titles = list(dict.fromkeys(task.title for task in tasks))
    return [(titles.index(task.title) + 1, task, getattr(checks, task.check)) for task in tasks]


def _written(value):
    return written(value) if isinstance(value, Real) else str(value)

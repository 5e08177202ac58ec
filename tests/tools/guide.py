"""Write the tables of the teacher's guide: what can be counted in the notebooks and looked up in the checks.

With `--check` nothing is written; it fails if the guide is out of date.
"""

import re
import sys
from dataclasses import dataclass
from operator import attrgetter

import nbformat
from refresh import repository, title
from workshop import LESSONS, MASTERS, ROOT

from llmcalc import checks

GUIDE = ROOT / "notebooks" / "TEACHING.md"
PLACE = re.compile(r"(<!-- made: (\w+) -->\n).*?(<!-- /made -->)", re.DOTALL)

WORDS_PER_MINUTE = 150  # technical prose, read to be understood
SECONDS = {"formula": 20, "cell": 20, "figure": 45, "table": 30, "prediction": 60, "explorer": 180}
"""For a formula on a line of its own; a code cell, run and its output read; a guess, written down; a few moves."""

WEEK = 90  # minutes of class


@dataclass(frozen=True)
class Counts:
    """What there is to read in some cells."""

    words: int
    formula: int
    cell: int
    figure: int
    table: int
    prediction: int
    explorer: int

    @property
    def minutes(self):
        return self.words / WORDS_PER_MINUTE + sum(getattr(self, part) * SECONDS[part] for part in SECONDS) / 60


@dataclass(frozen=True)
class Question:
    """A question of an exercise notebook."""

    number: int
    title: str
    minutes: int
    points: int
    checks: tuple[str, ...]


def numbered():
    """The lessons, without sheets."""
    return [path for path in LESSONS if path.name[:2].isdigit()]


def cells_of(path):
    return nbformat.read(path, as_version=4).cells


def count(cells):
    """Words and parts of cells; links between the pages are not read."""
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown" and cell.id != "navigation")
    formulas = re.findall(r"(?s)\$\$.+?\$\$", text)
    plain = re.sub(r"(?s)\$\$.+?\$\$", " ", text)
    plain = re.sub(r"\$[^$\n]+\$", " letter ", plain)  # a formula within a sentence is read like a word
    plain = re.sub(r"<[^>]+>|(?<=\])\([^)]*\)", " ", plain)
    shown = [what(cell) for cell in cells if cell.cell_type == "code"]
    return Counts(
        words=len(re.findall(r"[^\W_][\w.,'’-]*", plain)),
        formula=len(formulas),
        cell=len(shown),
        prediction=len(re.findall(r"\*\*Predict", text)),
        **{part: shown.count(part) for part in ("figure", "table", "explorer")},
    )


def what(cell):
    """The part that a code cell shows beside its text."""
    for data in (output.get("data", {}) for output in cell.outputs):
        html = data.get("text/html", "")
        if "application/vnd.jupyter.widget-view+json" in data:
            return "explorer"
        if "<img" in html or any(kind.startswith("image/") for kind in data):
            return "figure"
        if "<table" in html:
            return "table"
    return ""


def read(path):
    """Counts of a lesson, and of its sections marked *Further*."""
    parts, further = ([], []), False
    for cell in cells_of(path):
        if cell.cell_type == "markdown" and (heading := re.search(r"(?m)^## (.+)", cell.source)):
            further = heading[1].startswith("Further")
        parts[further].append(cell)
    return count(parts[False]), count(parts[True])


def goals(path):
    """Aims, what it needs, and the minutes that a lesson states."""
    (text,) = [cell.source for cell in cells_of(path) if "**You will be able to**" in cell.source]
    said = re.search(r"(?s)\*\*You need\*\*\s(.+?)\s*\*\*Time:\*\* (\d+) minutes", text)
    aims = re.findall(r"(?m)^- (.+?)[,.]?$", text)
    return aims, re.sub(r"\s+", " ", said[1]).rstrip("."), int(said[2])


def questions(path):
    """The questions of a solution notebook, in order; what a check's cell gives counts for the question above it."""
    found = []
    for cell in cells_of(path):
        if heading := re.search(r"(?m)^## (\d+) · (.+?) ●+ (\d+) minutes?", cell.source):
            found.append([int(heading[1]), heading[2], int(heading[3]), 0, []])
        if cell.metadata.get("nbgrader", {}).get("grade"):
            found[-1][3] += cell.metadata.nbgrader.points
            found[-1][4] += re.findall(r"\bchecks\.([\w.]+)\(", cell.source)
    return [Question(*parts, tuple(names)) for *parts, names in found]


def masters():
    """Solutions by lesson, and the rest: quizzes."""
    lessons = {path.name for path in LESSONS}
    return (
        {path.name[:2]: path for path in MASTERS if path.name in lessons},
        [path for path in MASTERS if path.name not in lessons],
    )


def made_lessons():
    exercises, _ = masters()
    yield row("lesson", "aims: one will be able to", "needs", "minutes", "exercises")
    yield row(*["---"] * 5)
    for path in numbered():
        aims, needs, said = goals(path)
        asked = questions(exercises[path.name[:2]]) if path.name[:2] in exercises else []
        work = f"{sum(q.minutes for q in asked)} minutes, {sum(q.points for q in asked)} points" if asked else ""
        yield row(f"[{title(path)}]({path.name})", "; ".join(aims), needs, said, work)


def made_minutes():
    parts = ("words", *SECONDS)
    yield row(
        "lesson", "words", *(f"{part}s" for part in SECONDS), "by the counts", "stated", "*Further*, by the counts"
    )
    yield row(*["---"] * (len(parts) + 4))
    for path in numbered():
        counts, further = read(path)
        beside = round(further.minutes) or ""
        numbers = [f"{getattr(counts, part):,}" for part in parts]
        yield row(path.name[:2], *numbers, round(counts.minutes), goals(path)[2], beside)


def made_term():
    exercises, quizzes = masters()
    yield row("week", "in class", "minutes", "left for questions and solutions", "at home")
    yield row(*["---"] * 5)
    weeks = [numbered()[:2], *([path] for path in numbered()[2:])]
    for number, lessons in enumerate(weeks, start=1):
        minutes, last = sum(goals(path)[2] for path in lessons), lessons[-1].name[:2]
        home = f"exercises {last}: {sum(q.minutes for q in questions(exercises[last]))} minutes"
        for quiz in (quiz for quiz in quizzes if quiz.stem.endswith(last)):
            home += f"; [recap](exercises/{quiz.name}): {sum(q.minutes for q in questions(quiz))} minutes"
        yield row(number, " and ".join(path.name[:2] for path in lessons), minutes, WEEK - minutes, home)
    yield row(len(weeks) + 1, "each group presents a plan for a job of its own (lesson 10, section 9)", WEEK, 0, "")


def made_mistakes():
    exercises, quizzes = masters()
    for path in [*exercises.values(), *quizzes]:
        asked = questions(path)
        known = {q: [name for check in q.checks for name in mistakes(check)] for q in asked}
        yield f"<details><summary>{title(path)}: {sum(map(len, known.values()))} mistakes</summary>\n"
        yield row("question", "minutes", "points", "wrong answers that the check names")
        yield row(*["---"] * 4)
        for q, names in known.items():
            yield row(
                f"{q.number} · {q.title}", q.minutes, q.points, "; ".join(names) or "a reply to each wrong choice"
            )
        yield "\n</details>\n"


def mistakes(name):
    return [mistake.name for mistake in getattr(attrgetter(name)(checks), "mistakes", ())]


def made_binder():
    link = f"https://mybinder.org/v2/gh/{repository()}/COMMIT?urlpath=lab/tree/notebooks/00_start_here.ipynb"
    yield f"```\n{link}\n```"


def made_puller():
    owner, name = repository().split("/")
    yield "```\nhttps://HUB/hub/user-redirect/git-pull"
    yield f"    ?repo=https%3A%2F%2Fgithub.com%2F{owner}%2F{name}&branch=main"
    yield f"    &urlpath=lab%2Ftree%2F{name}%2Fnotebooks%2F00_start_here.ipynb%3Fautodecode\n```"


def row(*cells):
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def written(text):
    """The guide, its marked places filled."""
    made = lambda found: found[1] + "\n".join(globals()[f"made_{found[2]}"]()) + "\n" + found[3]  # noqa: E731
    return PLACE.sub(made, text)


def main():
    before = GUIDE.read_text(encoding="utf-8")
    after = written(before)
    if after != before:
        if "--check" in sys.argv:
            sys.exit(f"{GUIDE.relative_to(ROOT)} is not up to date; run: make refresh")
        GUIDE.write_text(after, encoding="utf-8")


if __name__ == "__main__":
    main()

"""What this course adds to nbgrader, so that one bad submission neither stops the batch nor goes unnoticed.

A submission is read whatever it is, put together again from what was handed out, and run with limits. What was
noticed on the way stands in a cell at its top, for the teacher and, in the feedback, for the learner.
"""

import os
import re
import sys
import uuid
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from time import monotonic

import nbformat
import psutil
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbclient.util import run_sync
from nbconvert.exporters import NotebookExporter
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbformat.v4 import new_markdown_cell, new_notebook, new_output
from nbgrader import preprocessors
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution
from traitlets import Integer

NOTES = "notes-of-the-grading"
LARGEST = 20 * 10**6
"""Bytes of a notebook that is still read."""

MARK = "GRADING_RUN"
"""Environment variable of all processes of a run."""

WRAP = """pre { white-space: pre-wrap !important; word-break: normal !important; overflow-wrap: anywhere; }
summary { display: list-item; cursor: pointer; }"""
"""Style of the feedback: a hint is one long line, and a summary shows that something stands behind it."""

LINK = re.compile(r'(?s)<a\b[^>]*\bhref="(?!https?:|#)[^>]*>(.*?)</a>')

PROBE = """(lambda own: checks is own and {name!r} not in vars(own)
    and type(getattr(own, {name!r})).__call__.__code__.co_filename.startswith(own.__path__[0])
)(__import__('sys').modules['llmcalc.checks'])"""
"""Asks a kernel whether a check is still the package's own."""


def notes_of(notebook):
    """What was noticed in grading a notebook, one text for each."""
    return [line[2:] for cell in notebook.cells if cell.get("id") == NOTES for line in cell.source.split("\n")[2:]]


def note(notebook, text):
    """Write a note into the cell at the top of a notebook."""
    if not any(cell.get("id") == NOTES for cell in notebook.cells):
        notebook.cells.insert(0, new_markdown_cell("**Noticed in grading**\n", id=NOTES))
    notebook.cells[0].source += f"\n- {text}"


class Reader(NotebookExporter):
    """Reads any file: what is no notebook becomes an empty one, and a note."""

    def from_file(self, file_stream, resources=None, **more):
        try:
            notebook = read(file_stream)
        except Exception as error:  # whatever is in the file
            notebook = new_notebook()
            resources["unread"] = f"The file could not be read as a notebook: {shortened(error)}"
        return self.from_notebook_node(notebook, resources=resources, **more)


def read(stream):
    text = stream.read(LARGEST + 1)
    if len(text) > LARGEST:
        raise ValueError(f"it is larger than {LARGEST // 10**6} MB")
    if not text.strip():
        raise ValueError("it is empty")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    return notebook


def shortened(error):
    return f"{type(error).__name__}: {error}".split("\n")[0][:200]


class Reassemble(NbGraderPreprocessor):
    """Gives a submission the cells and the marks of what was handed out; the learner's text stays.

    Of cells with one name, the last one counts, as with nbgrader. Cells that the learner added stay, without marks.
    """

    def preprocess(self, nb, resources):
        names = resources["nbgrader"]
        released = Path("release") / names["assignment"] / f"{names['notebook']}.ipynb"
        handed_out = nbformat.read(released, as_version=4)  # nbgrader works in the folder of the course
        nb.nbformat, nb.nbformat_minor = handed_out.nbformat, handed_out.nbformat_minor
        nb.cells = [cell for cell in nb.cells if cell.get("id") != NOTES]
        own = [(cell, mark_of(cell)) for cell in nb.cells]
        for cell, _ in own:
            cell.metadata = {}  # a tag can keep a cell from running
        place, back, double = -1, [], []
        for given in handed_out.cells:
            mark = mark_of(given)
            found = [cell for cell, its in own if mark and its == mark]
            double += [mark] if len(found) > 1 else []
            found = found or [cell for cell, its in own if not its and is_like(cell, given)]
            if found:
                place = next(n for n, cell in enumerate(nb.cells) if cell is found[-1])
                if mark:
                    nb.cells[place] = deepcopy(given)
                    nb.cells[place].source = found[-1].source
                continue
            place += 1
            nb.cells.insert(place, deepcopy(given))
            if own and is_solution(given):
                nb.cells[place].source = "# This cell was missing."  # the answer may stand in a cell without marks
            back += [given.id] if given.cell_type == "code" else []
        rename_doubles(nb.cells)
        if "unread" in resources:
            note(nb, resources["unread"])
        elif not own:
            note(nb, "The notebook has no cells.")
        elif back:
            note(nb, f"Missing, and put back: {', '.join(back[:5])}{f' and {len(back) - 5} more' * (len(back) > 5)}.")
        if double:
            note(nb, f"There more than once, the last one counts: {', '.join(double)}.")
        return nb, resources


def mark_of(cell):
    """The name that nbgrader knows a cell by, None for any other cell."""
    marks = cell.metadata.get("nbgrader")
    return marks.get("grade_id") if isinstance(marks, dict) else None


def is_like(cell, given):
    return cell.cell_type == given.cell_type and (cell.get("id") == given.id or cell.source == given.source)


def rename_doubles(cells):
    seen = set()
    for cell in cells:
        if cell.get("id") in seen or not cell.get("id"):
            cell.id = uuid.uuid4().hex[:8]
        seen.add(cell.id)


class RunUntrusted(preprocessors.Execute):
    """Runs a submission with limits; what ends its Python costs the cells from there on, not those before."""

    notebook_seconds = Integer(300, help="time for a whole notebook").tag(config=True)
    memory_megabytes = Integer(4000, help="address space of a notebook's Python (Linux only)").tag(config=True)
    characters = Integer(20_000, help="what is kept of that which a cell prints").tag(config=True)

    def preprocess(self, nb, resources, **more):
        self.notes, self.over, self.run = [], None, uuid.uuid4().hex
        self.end = monotonic() + self.notebook_seconds
        self.timeout_func = lambda cell: max(1, min(self.timeout, int(self.end - monotonic())))
        try:
            nb, resources = super().preprocess(nb, resources, **more)
        finally:
            self.end_programs()
            os.makedirs(resources["metadata"]["path"], exist_ok=True)  # a submission may have removed it
        for text in self.notes:
            note(nb, text)
        return nb, resources

    def start_new_kernel(self, **more):
        super().start_new_kernel(preexec_fn=self.limit, env=os.environ | {MARK: self.run}, **more)

    def end_programs(self):
        """What the submission started and left running: it has the mark of this run among its variables."""
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get(MARK) == self.run:
                    process.kill()

    def limit(self):
        """Called in the new process. The limits hold for each process that it starts, too."""
        if sys.platform != "linux":
            return
        import resource

        memory = self.memory_megabytes * 10**6
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (2 * self.notebook_seconds,) * 2)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10**8, 10**8))

    def preprocess_cell(self, cell, resources, index):
        if cell.cell_type != "code" or not cell.source.strip():
            return cell, resources
        if not self.over and monotonic() > self.end:
            self.stop(cell, f"the notebook had run for {self.notebook_seconds} seconds")
        if self.over:
            cell.outputs = [failure("NotRun", f"Not run. {self.over}.")]
            return cell, resources
        self.room, self.tail, self.leaves = self.characters, None, False
        try:
            replaced = is_grade(cell) and self.replaced(cell)
            cell, resources = super().preprocess_cell(cell, resources, index)
        except DeadKernelError:
            self.stop(cell, "Python ended")
        except CellTimeoutError:  # after the interruption, too
            self.stop(cell, "Python did not react any more and was ended")
        else:
            cell.outputs = [self.kept(output) for output in cell.outputs]
            if any(output.get("ename") == "CellTimeoutError" for output in cell.outputs):
                self.notes.append(f"{name_of(cell)}: took more than {self.timeout} seconds.")
            if is_grade(cell):
                self.judge(cell, replaced)
            if self.leaves:
                self.stop(cell, "Python was told to end")
        return cell, resources

    def on_cell_executed(self, **more):
        super().on_cell_executed(**more)
        asked = more["execute_reply"]["content"].get("payload", [])
        self.leaves = any(each.get("source") == "ask_exit" for each in asked)  # it ends a moment later

    def stop(self, cell, why):
        """End the submission's Python, and say why none of the cells from here on counts."""
        self.over = f"{name_of(cell)} was the last cell: {why}"
        self.notes.append(f"{name_of(cell)}: {why}. Nothing below it was run.")
        cell.outputs = [*map(self.kept, cell.get("outputs", [])), failure("NotRun", f"{why}.")]
        run_sync(self.km.shutdown_kernel)(now=True)

    def replaced(self, cell):
        """Whether the check that a cell calls is not the package's own any more."""
        name = re.match(r"checks\.(\w+)\(", cell.source)[1]
        question = self.kc.execute("", silent=True, user_expressions={"own": PROBE.format(name=name)})
        reply = self.wait_for_reply(question)
        said = reply["content"]["user_expressions"]["own"] if reply else {}
        return said.get("ename") != "NameError" and said.get("data", {}).get("text/plain") != "True"

    def judge(self, cell, replaced):
        """A check that passes says so; nothing but its error or its "Correct" decides."""
        cell.outputs = [
            output for output in cell.outputs if output.output_type != "execute_result"
        ]  # nbgrader's points
        if replaced:
            self.notes.append(f"{name_of(cell)}: the submission has replaced this check. It counts as wrong.")
            cell.outputs = [failure("CheckReplaced", "`checks` is not the package's own any more.")]
        elif any(output.output_type == "error" for output in cell.outputs):
            pass
        elif any("Correct" in output.get("text", "") for output in cell.outputs):
            for output in cell.outputs:
                if output.output_type == "stream":
                    output.name = "stdout"  # nbgrader takes a warning for a failure
        else:
            self.notes.append(f"{name_of(cell)}: the check said nothing. It counts as wrong.")
            cell.outputs = [failure("NothingChecked", "The check said nothing.")]

    def output(self, outs, msg, display_id, cell_index):
        """Keep the beginning and the end of what a cell prints."""
        content = msg["content"]
        if msg["msg_type"] == "stream" and self.tail is None and len(content["text"]) <= self.room:
            self.room -= len(content["text"])
        elif msg["msg_type"] == "stream":
            if self.tail is None:
                self.tail = new_output("stream", name="stdout", text="")
                head = content["text"][: self.room]
                outs += [new_output("stream", name="stdout", text=f"{head}\n... left out ...\n"), self.tail]
            self.tail.text = (self.tail.text + content["text"])[-1000:]
            return None
        elif msg["msg_type"] != "error":
            self.room -= len(str(content.get("data")))
            if self.room < 0:
                self.room = 0
                return None
        return super().output(outs, msg, display_id, cell_index)

    def kept(self, output):
        """An output, shortened where it is an error, left out where it is a display that grew after it was shown."""
        if output.output_type == "error":
            output.evalue = output.evalue[:2000]
            output.traceback = [line[:2000] for line in output.traceback[:20]]
        elif output.output_type != "stream" and len(str(output.data)) > self.characters:
            return new_output("stream", name="stdout", text="... left out ...\n")
        return output


def name_of(cell):
    return mark_of(cell) or cell.id


def failure(name, text):
    return new_output("error", ename=name, evalue=text, traceback=[text])


class WithoutLinks(NbGraderPreprocessor):
    """Feedback is read elsewhere than the lessons: links to files become their text."""

    def preprocess_cell(self, cell, resources, index):
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\[([^]]+)\]\((?![a-z]+:)[^)]*\)", r"\1", cell.source)
        for output in cell.get("outputs", []):
            if "text/html" in output.get("data", {}):
                output.data["text/html"] = LINK.sub(r"\1", output.data["text/html"])
        return cell, resources


class WholeLines(NbGraderPreprocessor):
    """Puts the style into the page."""

    def preprocess(self, nb, resources):
        resources.setdefault("inlining", {}).setdefault("css", []).append(WRAP)
        return nb, resources


SANITIZE = [
    preprocessors.ClearOutput,
    Reassemble,
    preprocessors.OverwriteKernelspec,
    preprocessors.OverwriteCells,
    preprocessors.CheckCellMetadata,
]
AUTOGRADE = [
    RunUntrusted,
    preprocessors.LimitOutput,
    preprocessors.SaveAutoGrades,
    preprocessors.AssignLatePenalties,
    preprocessors.CheckCellMetadata,
]
FEEDBACK = [preprocessors.GetGrades, WithoutLinks, CSSHTMLHeaderPreprocessor, WholeLines]

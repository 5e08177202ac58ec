"""House rules for stored notebooks, lessons and exercise masters; nbval finds out if their outputs are true."""

import ast
import io
import re
import statistics
import tokenize

import nbformat
import pytest
from prose import readable_text
from workshop import LESSONS, MASTERS, RECAP_MASTERS, ROOT

NUMBERED = [path for path in LESSONS if re.match(r"\d\d_", path.name)]

METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
SECTIONS = ("You will be able to", "Predict", "Where it stops being true", "Exercises", "What to take away")
WIDGET = "application/vnd.jupyter.widget-view+json"
TIMERS = {"best_seconds", "perf_counter", "timeit"}
MACHINE_PATH = re.compile(r"/(?:home|root|tmp|Users|usr|opt|var)/|\b[A-Z]:\\|\.venv|\bFile\s+[/~]")


def name_of(path):
    return str(path.relative_to(ROOT / "notebooks").with_suffix(""))


@pytest.fixture(params=[*LESSONS, *MASTERS], ids=name_of)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


@pytest.fixture(params=NUMBERED, ids=name_of)
def lesson_path(request):
    return request.param


@pytest.fixture
def lesson(lesson_path):
    return nbformat.read(lesson_path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def tree_of(cell):
    return ast.parse(re.sub(r"(?m)^\s*[%!].*", "", cell.source))


def data_of(cell):
    """(kind, content) of everything that a code cell displays."""
    return [item for output in cell.get("outputs", ()) for item in output.get("data", {}).items()]


def texts_of(cell):
    """What a reader sees of a cell as text: source and outputs, without the bytes of pictures."""
    outputs = cell.get("outputs", ())
    texts = [output.get("text", "") for output in outputs] + ["\n".join(o.get("traceback", ())) for o in outputs]
    texts += [str(content) for kind, content in data_of(cell) if not kind.startswith("image/")]
    plain = re.sub(r"\x1b\[[\d;]*m", "", "\n".join([cell.source, *texts]))
    return re.sub(r"base64,[A-Za-z0-9+/=]+", "", plain)


def shows_picture(cell):
    kinds = {kind for kind, content in data_of(cell) if kind != "text/html" or "<img" in content}
    return any(kind == "text/html" or kind.startswith("image/") for kind in kinds)


def shows_explorer(cell):
    return any(kind == WIDGET for kind, _ in data_of(cell))


def following(notebook, wanted):
    """(cell, the cell after it or None) for each cell that `wanted` accepts."""
    pairs = zip(notebook.cells, [*notebook.cells[1:], None], strict=True)
    return [(cell, after) for cell, after in pairs if wanted(cell)]


def asks(cell):
    """Whether a cell is a check of an exercise."""
    return cell.metadata.get("nbgrader", {}).get("grade", False)


def test_there_are_lessons_each_with_its_exercises():
    names = {path.name for path in NUMBERED}
    assert {"00_start_here.ipynb", "01_mlp_memory_and_throughput.ipynb"} <= names
    assert {path.name for path in MASTERS if path not in RECAP_MASTERS} == names - {"00_start_here.ipynb"}


def test_ran_once_from_top_to_bottom(notebook):
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))


def test_has_an_output_that_nbval_compares(notebook):
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    shown = [set(output.data) for output in outputs if "data" in output and WIDGET not in output.data]
    printed = any(output.get("name") == "stdout" for output in outputs)
    assert printed or set().union(*shown) - {"image/png", "image/jpeg"}


def test_stores_nothing_of_the_machine_or_the_hour(notebook):
    """No widget state, no execution times, no editor's settings."""
    assert notebook.metadata == METADATA
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags", "nbgrader"}, cell.id
        assert not cell.get("attachments"), cell.id


def test_only_masters_carry_grading_marks(path, notebook):
    if path.parent.name != "solutions":
        assert not [cell.id for cell in notebook.cells if "nbgrader" in cell.metadata]


def test_fails_only_where_it_says_so(notebook):
    """A check says so for its learners, whom "Run All" takes to the end of the exercise; in the solutions all pass."""
    for cell in code_cells(notebook):
        kinds = {output.get("name", output.output_type) for output in cell.outputs}
        marked, check = "raises-exception" in cell.metadata.get("tags", ()), asks(cell)
        assert marked if check else marked == ("error" in kinds), cell.id
        assert not (check and "error" in kinds), cell.id
        assert "stderr" not in kinds, f"{cell.id} stores a warning"


def test_hides_no_output_from_nbval(notebook):
    """The one tag that is used lets a cell fail, and nbval still compares what it prints."""
    for cell in notebook.cells:
        assert set(cell.metadata.get("tags", ())) <= {"raises-exception"}, cell.id
        assert not re.search(r"(?i)#\s*(nbval_|pytest_validate_)", cell.source), cell.id


def test_sanitizes_machine_timings_and_nothing_else():
    text = (ROOT / "tests" / "nbval_sanitize.cfg").read_text(encoding="utf-8")
    ((pattern, replacement),) = re.findall(r"^regex: (.*)$\n^replace: (.*)$", text, re.MULTILINE)  # as nbval reads it
    assert len(re.findall(r"(?m)^(?:regex|replace)\s*:", text)) == 2
    for timing in ("12.3 ms", "1,234.5 GFLOP/s", "0.41", "3.1e-05 s", "41%"):
        seen = f"width 768, 8 GB: {timing} [timed], 99 ms, 4 kB"
        assert re.sub(pattern, replacement, seen) == f"width 768, 8 GB: {replacement}, 99 ms, 4 kB"
    for shown in ("12.3 ms", "timed 12.3 ms", "12.3 ms (timed)", "no number [timed]", "12.3 ms\n[timed]"):
        assert re.sub(pattern, replacement, shown) == shown


def test_marks_as_timed_only_what_was_timed(notebook):
    timed = set(TIMERS)  # names that a clock had a part in
    for cell in code_cells(notebook):
        for statement in tree_of(cell).body:
            marks = [node for node in ast.walk(statement) if is_timing_mark(node)]
            for mark in marks:
                assert names_in(mark) & timed, f"{cell.id}: no clock had a part in {ast.unparse(mark)}"
            if names_in(statement) & timed:
                timed |= stored_in(statement)
        marked = any("[timed]" in output.get("text", "") for output in cell.outputs) or any(
            "[timed]" in str(content) for _, content in data_of(cell)
        )
        assert not marked or any(is_timing_mark(node) for node in ast.walk(tree_of(cell))), cell.id


def is_timing_mark(node):
    """``timed(...)``, or an f-string that says [timed] itself."""
    if isinstance(node, ast.JoinedStr):
        return any("[timed]" in str(getattr(part, "value", "")) for part in node.values)
    return isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "timed"


def names_in(tree):
    return {getattr(node, "id", getattr(node, "attr", "")) for node in ast.walk(tree)} - {""}


def stored_in(statement):
    """Names that a statement assigns, defines, or changes by a call such as ``rows.append(...)``."""
    nodes = list(ast.walk(statement))
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    stored |= {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    calls = [node.value.func for node in nodes if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]
    return stored | {func.value.id for func in calls if isinstance(getattr(func, "value", None), ast.Name)}


def test_names_no_path_of_a_machine(notebook):
    for cell in notebook.cells:
        found = MACHINE_PATH.search(texts_of(cell))
        assert not found, f"{cell.id}: {found[0]}"


def test_code_comes_in_small_pieces(notebook):
    lines = {cell.id: cell.source.split("\n") for cell in code_cells(notebook)}
    for cell_id, source in lines.items():
        most = 15 if cell_id == "imports" else 12  # a list of tools, read once
        assert len(source) <= most, f"{cell_id} has {len(source)} lines"
        assert max(map(len, source)) <= 100, f"{cell_id}: {max(source, key=len)}"
    assert statistics.median(map(len, lines.values())) <= 8


def test_silences_no_cell_with_a_semicolon(notebook):
    """nbval does not hear it; `_ = ...` does the same and is heard."""
    for cell in code_cells(notebook):
        tokens = tokenize.generate_tokens(io.StringIO(cell.source).readline)
        assert ";" not in [token.string for token in tokens if token.type == tokenize.OP], cell.id


def test_every_picture_is_followed_by_its_reading(notebook):
    for cell, after in following(notebook, shows_picture):
        assert after is not None and after.cell_type == "markdown", cell.id
        assert "**Reading the figure.**" in after.source, f"{cell.id} is followed by {after.id}"


def test_every_explorer_is_followed_by_what_to_try_and_notice(notebook):
    for cell, after in following(notebook, shows_explorer):
        assert after is not None and after.cell_type == "markdown", cell.id
        assert re.search(r"(?i)\btry\b|\bmove\b", after.source), f"{after.id} says nothing to try"
        assert re.search(r"(?i)\bnotice\b|\bsee\b|\bwithout one\b", after.source), f"{after.id} says nothing to notice"


def test_every_explorer_comes_after_a_stored_picture_of_the_same_view(notebook):
    stored = set()
    for cell in code_cells(notebook):
        for call in (node for node in ast.walk(tree_of(cell)) if isinstance(node, ast.Call) and node.args):
            if ast.unparse(call.func) == "show" and isinstance(call.args[0], ast.Call) and shows_picture(cell):
                stored.add(ast.unparse(call.args[0].func))
            if ast.unparse(call.func) == "explore":
                assert ast.unparse(call.args[0]) in stored, cell.id


def test_every_image_has_a_text_alternative(notebook):
    for cell in notebook.cells:
        html = [content for kind, content in data_of(cell) if kind == "text/html"]
        for tag in re.findall(r"<img\b[^>]*>", "".join([cell.source, *html])):
            assert re.search(r"""\balt=(["'])\s*[^"'\s].*?\1""", tag), f"{cell.id}: {tag[:80]}"
        if cell.cell_type == "markdown":
            assert not re.search(r"!\[\s*\]", cell.source), cell.id


def test_cell_ids_are_words_and_unique(notebook):
    ids = [cell.id for cell in notebook.cells]
    assert len(ids) == len(set(ids))
    for cell_id in ids:
        assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", cell_id), cell_id
        assert not re.search(r"\b(?=[a-f]*\d)[0-9a-f]{8}\b", cell_id), f"{cell_id} looks random"


def test_file_is_small(path):
    assert path.stat().st_size < 600_000


def test_imports_stand_in_the_first_code_cell_and_nowhere_else(lesson):
    importing = [
        cell.id
        for cell in code_cells(lesson)
        if any(isinstance(node, (ast.Import, ast.ImportFrom)) for node in ast.walk(tree_of(cell)))
    ]
    assert importing == [code_cells(lesson)[0].id]


def test_sections_come_in_their_order(lesson, lesson_path):
    """Lesson 00 introduces the others; it needs a prediction, and what it has besides stands in the same order."""
    headings = "\n".join(cell.source for cell in lesson.cells if cell.cell_type == "markdown")
    places = [re.search(rf"(?m)^(?:#+ |\*\*)(?:\d+ · )?{section}", headings) for section in SECTIONS]
    needed = ("Predict",) if lesson_path.name.startswith("00_") else SECTIONS
    assert [section for section, place in zip(SECTIONS, places, strict=True) if not place and section in needed] == []
    starts = [place.start() for place in places if place]
    assert starts == sorted(starts)


def test_prose_and_code_keep_their_balance(lesson, lesson_path):
    """About ten words for a line of code, more in the introduction; tables, formulas and link targets are no prose."""
    prose = "\n\n".join(cell.source for cell in lesson.cells if cell.cell_type == "markdown")
    prose = readable_text(re.sub(r"(?m)^\|.*$|(?s:\$\$.*?\$\$)|\$[^$\n]+\$", "", prose))
    words = len(re.findall(r"[^\W\d_][\w'’-]*", prose))
    lines = sum(bool(line.strip()) for cell in code_cells(lesson) for line in cell.source.split("\n"))
    most = 25 if lesson_path.name.startswith("00_") else 20
    assert 5 <= words / lines <= most, f"{words} words for {lines} lines of code"

"""Every number in a notebook's prose has something in the notebook to stand on; and the checker sees what it should."""

import base64
import json
import re
from fractions import Fraction
from types import SimpleNamespace

import nbformat
import prose
import pytest
from workshop import LESSONS, MASTERS, ROOT

import llmcalc

EXCEPTIONS = json.loads((ROOT / "tests" / "prose_exceptions.json").read_text(encoding="utf-8"))
NAMES = {str(path.relative_to(ROOT / "notebooks").with_suffix("")): path for path in [*LESSONS, *MASTERS]}


def judge(name, findings, exceptions):
    """Complaints about what is unbacked and not excepted, and about exceptions that nothing needs any more."""
    allowed = {entry["number"] for entry in exceptions if entry["notebook"] == name}
    complaints = [
        f"{name} [{cell}] {number.text!r} is backed by nothing: {number.around}\n    nearest: "
        + "; ".join(f"{near.quantity.text!r} ({near.where})" for near in nearest)
        for cell, number, nearest in findings
        if number.text not in allowed
    ]
    needed = {number.text for _, number, _ in findings}
    return complaints + [f"{name}: the exception for {number!r} is not needed" for number in sorted(allowed - needed)]


def claims_of(notebook):
    """The claims that a lesson shows: of a document as a whole, or those that it names. Others back nothing there."""
    source = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    whole = re.findall(r'claims_table\("(\w+)"\)', source)
    partly = re.findall(r'claims_table\("(\w+)",', source)
    return [
        claim
        for claim in llmcalc.claims()
        if claim.document in whole
        or (claim.document in partly and re.search(rf"[\" ]{re.escape(claim.id.split('-', 1)[1])}[\" ]", source))
    ]


@pytest.mark.parametrize("name", NAMES)
def test_every_number_in_the_prose_is_backed(name):
    notebook = nbformat.read(NAMES[name], as_version=4)
    findings = prose.unbacked(notebook, llmcalc.claims() if name.startswith("solutions") else claims_of(notebook))
    complaints = judge(name, findings, EXCEPTIONS)
    assert not complaints, "\n" + "\n".join(complaints)


def test_every_exception_names_a_notebook_and_gives_a_reason():
    for entry in EXCEPTIONS:
        assert set(entry) == {"notebook", "number", "reason"}
        assert entry["notebook"] in NAMES
        assert len(entry["reason"].split()) >= 4, entry


@pytest.mark.parametrize(
    ("text", "nearest", "farthest", "count"),
    [
        ("16,700", 10_700, 96_700, 8 + 9 + 9),  # a step of 100: three digits count
        ("50,000", 10_000, 90_000, 8 + 9 + 9),
        ("735", 135, 935, 8 + 9 + 9),
        ("40 GB", 10 * 10**9, 90 * 10**9, 8 + 9),
        ("1.05", Fraction("1.00"), Fraction("9.05"), 8 + 9 + 9),
        ("0.35", Fraction("0.15"), Fraction("0.95"), 8 + 9),
    ],
)
def test_one_digit_away_is_a_number_of_as_many_digits(text, nearest, farthest, count):
    (number,) = prose.quantities(text)
    others = [other.value for other in prose._one_digit_away(number)]
    assert (min(others), max(others), len(set(others))) == (nearest, farthest, count)
    assert number.value not in others


# The checker itself, on small notebooks: a sentence, and something it may stand on.


def output(text="", **data):
    return nbformat.v4.new_output("display_data", data) if data else nbformat.v4.new_output("stream", text=text)


def plain(text):
    return output(**{"text/plain": text})


def latex(text):
    return output(**{"text/latex": text})


def table(*rows):
    cells = ("".join(f"<td>{cell}</td>" for cell in row) for row in rows)
    return output(**{"text/html": "<table>" + "".join(f"<tr>{row}</tr>" for row in cells) + "</table>"})


def unbacked(sentence, *outputs, code="", claims=()):
    """The texts of the numbers in `sentence` that a notebook with this code cell does not back."""
    cells = [nbformat.v4.new_markdown_cell(sentence), nbformat.v4.new_code_cell(code, outputs=list(outputs))]
    return [number.text for _, number, _ in prose.unbacked(nbformat.v4.new_notebook(cells=cells), claims)]


def in_two_sections(sentence, own, elsewhere):
    """The same, of a sentence whose own section puts out one text, and another section another."""
    cells = [
        nbformat.v4.new_markdown_cell("## One\n\n" + sentence),
        nbformat.v4.new_code_cell("", outputs=[output(own)]),
        nbformat.v4.new_markdown_cell("## Two"),
        nbformat.v4.new_code_cell("", outputs=[output(elsewhere)]),
    ]
    return [number.text for _, number, _ in prose.unbacked(nbformat.v4.new_notebook(cells=cells))]


def test_another_section_backs_unless_the_own_one_has_nearly_the_same_number():
    assert in_two_sections("It takes 7.42 GB.", "9.13 GB", "7.42 GB") == []
    assert in_two_sections("It takes 7.42 GB.", "7.92 GB", "7.42 GB") == ["7.42 GB"]
    assert in_two_sections("It takes 7.42 GB.", "7.92 GB, 7.42 GB", "1 GB") == []
    assert in_two_sections("It takes 7 GB.", "8 GB", "7 GB") == []  # every digit is near to every other
    assert in_two_sections("It takes 1,024 tokens.", "in 2024", "1,024 tokens") == []
    assert in_two_sections("It runs at 100 TFLOP/s.", "0.1 TFLOP/s", "100 TFLOP/s") == []


@pytest.mark.parametrize(
    ("sentence", "outputs", "code"),
    [
        ("It takes 7 GB.", [output("7 GB")], ""),
        ("It takes 7 GB.", [output("7,000 MB")], ""),
        ("It takes 7 GB.", [output("7.4 GB")], ""),
        ("It takes 7&nbsp;GB.", [output("7 GB")], ""),
        ("<b>Hint 1</b>7 GB", [output("7 GB")], ""),
        ("It takes 7 GB.", [output("memory in GB: 7")], ""),
        ("It takes 7 GB.", [plain("7000000000")], ""),
        ("It takes 7 GB.", [latex(r"$\displaystyle 7 \cdot 10^{9}$")], ""),
        ("It takes 7 GB.", [latex(r"$\displaystyle 7000000000 B$")], ""),
        ("It takes 7 GB.", [table(("part", "memory in GB"), ("weights", "7"))], ""),
        ("It takes 7 GB.", [table(("part", "value", "unit"), ("weights", "7", "GB"))], ""),
        ("It takes 7 GB.", [], "assert memory == 7 * GB"),
        ("It takes 7 GB.", [], "assert memory == 7 * 10**9"),
        ("It takes 7 GB.", [], "assert readable(memory, 'B') == '7 GB'"),
        ("It takes 4.0004 GB.", [plain("4000400000")], ""),
        ("A value has 4 bytes.", [], "assert bytes_per_value == 4"),
        ("At $16\\,667$ examples a second,", [output("16,667 examples/s")], ""),
        ("at 16,700 examples/s,", [output("16,667 examples/s")], ""),
        ("that is 5.8 GFLOP", [plain("5800000000")], "mlp.training_flops(1)"),
        ("that is $6 \\times 10^9$ FLOP", [output("6 GFLOP")], ""),
        ("that is 6 × 10⁹ FLOP", [output("6 GFLOP")], ""),
        ("each has $10^{8}\\text{ weights}$", [plain("100000000")], ""),
        ("a step of $10^{-4}\\,\\mathrm{s}$", [output("0.1 ms")], ""),
        ("the batch is 9,090", [plain("9090")], ""),
        ("the batch is 9{,}090 at $9{,}090$", [plain("9090")], ""),
        ("2 · 10⁹ bytes", [output("2 GB")], ""),
        ("from 4 to 8 GB", [output("4 GB, 8 GB")], ""),
        ("3.4% more", [output("3.4%")], ""),
        ("41.7 % of it", [plain("0.417")], ""),
        ("1000 times as much", [plain("1000")], ""),
        ("4-fold", [], "assert ratio == 4"),
        ("4 times as much", [], "assert ratio == 4"),
        ("of 4,096 rows", [], "assert rows == 8 * 4096"),
        ("7 billion parameters", [output("7,000,000,000 parameters")], ""),
        ("a 7B model, 7B parameters", [output("7,000,000,000 parameters")], ""),
        ("the 1,234 of them", [], "assert found == 1234"),
    ],
)
def test_a_backed_number_passes(sentence, outputs, code):
    assert unbacked(sentence), "the number is not seen"
    assert unbacked(sentence, *outputs, code=code) == []


@pytest.mark.parametrize(
    ("sentence", "outputs", "code"),
    [
        ("8 GB", [output("7 GB")], ""),  # another digit
        ("4.0005 GB", [plain("4000400000")], ""),
        ("9,091", [plain("9090")], ""),
        ("400 MB", [output("401 MB")], ""),
        ("16,800 examples/s", [output("16,667 examples/s")], ""),
        ("7 × 10⁹ FLOP", [output("6 GFLOP")], ""),
        ("7 GB", [output("7 MB")], ""),  # another unit
        ("7 GB", [output("7 GFLOP")], ""),
        ("7 GB", [output("7 Gbit")], ""),
        ("7 GFLOP", [output("7 GFLOP/s")], ""),
        ("7 GFLOP", [plain("7000000000")], "mlp.activation_bytes(1)"),
        ("100,000,000 weights", [output("100,000,000 parameters")], ""),
        ("16,667 examples", [output("16,667 examples/s")], ""),
        ("4 GB", [output("4 GiB")], ""),  # rounding alone would let this pass
        ("4 GB", [plain("4294967296")], ""),
        ("1 KiB", [output("1 kB")], ""),
        ("7 GB", [output("7 layers")], ""),  # a number about something else
        ("7 GB", [plain("7")], ""),
        ("4 bytes", [], "assert layers == 4"),
        ("4 bytes", [plain("4")], "bytes_per_value"),
        ("7 GB", [], "assert memory / GB == share"),
        ("60 s", [plain("60.01")], ""),
        ("9 examples", [plain("9.308")], ""),
        ("1.00", [plain("1")], ""),
        ("1.00", [output("100%")], ""),
        ("41.7%", [output("41.7 GB")], ""),
        ("42%", [plain("42")], ""),
        ("437", [output("437 B")], ""),
        ("3 × 10⁹", [output("4,000,000,000")], ""),
        ("7 billion", [output("8 billion")], ""),
        ("1024", [plain("1000")], ""),
        ("4 times more", [plain("4")], ""),
        ("0.413", [], ""),  # nothing at all
        ("7 GB", [], "memory = 7 * GB"),
        ("12.3 ms", [output("a step: 12.3 ms [timed]")], ""),
        ("0.413", [output("share: 0.413 [timed]")], ""),
    ],
)
def test_an_unbacked_number_is_found(sentence, outputs, code):
    assert unbacked(sentence, *outputs, code=code) == [sentence.replace("⁹", "^9").removesuffix(" more")]


def test_units_are_those_of_the_package():
    assert [prose.unit_of(base)[:2] for base in prose.DIMENSIONS] == [(base, 1) for base in prose.DIMENSIONS]
    assert prose.unit_of("GiB") == ("B", 2**30, "GiB")
    assert prose.unit_of("PFLOP-days")[:2] == ("FLOP", 10**15 * 86_400)
    assert prose.unit_of("TFLOPs/s")[:2] == ("FLOP/s", 10**12)
    assert prose.unit_of("GPU-hours")[:2] == ("GPU-second", 3600)
    assert prose.unit_of("FLOPS") is None  # a count or a rate? the package does not guess either


def test_pictures_errors_and_widgets_back_nothing():
    drawing = '<svg aria-label="7 GB"><text>7 GB</text></svg>'
    picture = f'<img alt="7 GB" src="data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()}"/>'
    for shown in (
        output(**{"text/html": drawing}),
        output(**{"text/html": picture}),
        output(**{"text/html": f"<table><tr><td>{drawing}</td><td>{picture}</td></tr></table>"}),
        output(**{"image/svg+xml": drawing, "text/plain": "7 GB"}),
        output(**{"image/png": "7 GB", "text/plain": "7 GB"}),
        output(**{"application/vnd.jupyter.widget-view+json": {}, "text/plain": "FloatText(value=7, unit='7 GB')"}),
        nbformat.v4.new_output("error", ename="ValueError", evalue="7 GB", traceback=["7 GB"]),
        nbformat.v4.new_output("stream", name="stderr", text="7 GB"),
        table(("why",), ("a sentence in a table is prose and no proof of 7 GB",)),
    ):
        assert unbacked("7 GB", shown) == ["7 GB"]


def test_a_claim_backs_what_is_written_and_what_comes_out():
    claim = SimpleNamespace(id="mlp-max-batch", claimed=9, computed=9090, unit="samples")
    statement = SimpleNamespace(id="mlp-model", claimed=None, computed=None, unit="")
    assert unbacked("9 examples, not 9,090 samples but 9,091 samples", claims=[claim, statement]) == ["9,091 samples"]
    factor = SimpleNamespace(id="mlp-factor", claimed=0.4297, computed=Fraction(11, 25), unit="")
    assert unbacked("0.4297, which is 0.440 and not 0.441", claims=[factor]) == ["0.441"]


def test_the_first_number_of_a_range_has_the_unit_of_the_second():
    assert unbacked("from 4 to 8 GB", output("8 GB")) == ["4"]


def test_what_is_no_statement_is_exempt():
    free = """Since 2017 and (Kaplan et al. 2020, section 2.112), arXiv:2407.21783, see [this](page_1234.html#777).
    `memory = 777 * GB` and <img src="777.png" alt=""> in Python 3.112, GPT-3, BERT-340, gpt2-xl, Llama 3 8B,
    Llama 3.1 405B, A100, RTX 4090, fp32, an 8-bit format, 2nm + 4nm, 200nm operations,
    $2 B$ for $B$ examples, $x_{777}$, $n^{777}$, 8 weight matrices: $8192^2$, twelve times 2 · 10, 2 times their sum.
    Further (25 minutes): [lesson 01](01_name.ipynb), 1. and 2. of 3; at 40, 0.41.

    ```python
    memory = 777 * GB
    ```"""
    assert unbacked(free) == []


def test_the_report_names_the_place_and_the_nearest_numbers():
    cells = [
        nbformat.v4.new_markdown_cell("One thing. All of it is 7 GB. Another.", id="claim"),
        nbformat.v4.new_code_cell("", outputs=[output("70 GB, 6 GB, 7 GFLOP")], id="proof"),
    ]
    (complaint,) = judge("00", prose.unbacked(nbformat.v4.new_notebook(cells=cells)), [])
    assert "00 [claim] '7 GB' is backed by nothing: All of it is 7 GB.\n" in complaint
    assert "nearest: '6 GB' (output of proof); '70 GB' (output of proof)" in complaint


def test_an_exception_excuses_its_number_and_complains_when_it_is_not_needed():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("7 GB and 9 GB")])
    exceptions = [
        {"notebook": "00", "number": number, "reason": "a wrong answer to choose"} for number in ("7 GB", "8 GB")
    ]
    nine, eight = judge("00", prose.unbacked(notebook), exceptions)
    assert "'9 GB' is backed by nothing" in nine
    assert eight == "00: the exception for '8 GB' is not needed"

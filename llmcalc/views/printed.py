"""The formula sheet: one page to print, on A4 and on US Letter, and the same rows as a table."""

from html import escape

from llmcalc.display import table
from llmcalc.notation import NOTATION
from llmcalc.outlines import text_width, typeset
from llmcalc.sheet import LESSONS, entries, legend

WIDTH, HEIGHT, EDGE = 559, 752, 4
"""The sheet in points, 197 x 265 mm, and the white around it: on A4 and US Letter printers reach all of it."""

SMALL, FORMULA, HEADING = 6.5, 8.4, 7.5
"""Sizes of the letters in points."""

_COLUMNS, _GAP = 2, 12
_COLUMN = (WIDTH - (_COLUMNS - 1) * _GAP) / _COLUMNS
_LEADING = 7.3
_NUMBER, _TEXT_AT, _APART = 13, 100, 2.2
_LEGEND_COLUMNS, _LETTER, _CLOSER = 3, 16, 7.0

# The sheet alone is printed, in its own size, whatever else the notebook holds.
_PRINTED = f"""<style>
@media print {{
@page {{ margin: 5mm }}
.jp-Notebook:has(.llmcalc-sheet) .jp-Cell:not(:has(.llmcalc-sheet)) {{ display: none !important }}
.jp-Cell:has(.llmcalc-sheet) :is(.jp-Cell-inputWrapper, .jp-OutputPrompt, .jp-Collapser) {{ display: none !important }}
.jp-Notebook:has(.llmcalc-sheet), .jp-Notebook:has(.llmcalc-sheet) main, .jp-Cell:has(.llmcalc-sheet),
.jp-Cell:has(.llmcalc-sheet) :is(div) {{ margin: 0 !important; padding: 0 !important; border: 0 !important }}
.llmcalc-sheet img {{ width: {(WIDTH + 2 * EDGE) / 72 * 25.4:.1f}mm !important; max-width: 100% !important;
  max-height: 99.6vh; object-fit: contain; display: block; margin: 0 auto }}
}}
</style>"""


def formula_sheet():
    """The formulas that the lessons prove, with unit, source and lesson, and the letters in them, as one page.

    Returns
    -------
    str
        A drawing, with the style that prints it alone.
    """
    rows, letters = entries(), legend()
    blocks = [block for lesson in LESSONS for block in _lesson(lesson, rows)]
    draw, y = _title()
    key, height = _key(letters)
    bottom = HEIGHT - height
    for column, part in enumerate(_parts(blocks, _COLUMNS)):
        x, spare = column * (_COLUMN + _GAP), bottom - y - sum(block_height for block_height, _ in part)
        if spare < 0:
            raise ValueError(f"formula_sheet: column {column + 1} is {-spare:.0f} points too long for the page")
        top = y
        for block_height, pieces in part:
            draw += [piece(x, top) for piece in pieces]
            top += block_height + spare / len(part)
    draw += [piece(0, bottom) for piece in key]
    says = (
        f"A printed page with {len(rows)} formulas, by lesson, each with its unit and its source, and with the meaning "
        f"of their {len(letters)} letters. The table below says the same in words."
    )
    x, y, width, height = -EDGE, -EDGE, WIDTH + 2 * EDGE, HEIGHT + 2 * EDGE
    return (
        f'{_PRINTED}<div class="llmcalc-sheet"><svg xmlns="http://www.w3.org/2000/svg" role="img" '
        f'aria-label="{escape(says)}" width="100%" viewBox="{x} {y} {width} {height}" '
        f"style=\"max-width:1140px;font-family:Helvetica,Arial,'Liberation Sans',sans-serif;font-size:{SMALL}px\">"
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="#ffffff"/>'
        f"{''.join(draw)}</svg></div>"
    )


def formula_table():
    """The rows of the sheet in words: number, lesson, Python name, formula, letters, unit and source, as HTML."""
    rows = [
        (
            str(entry.number),
            entry.lesson,
            entry.name,
            entry.says,
            str(entry.expression),
            "; ".join(f"{NOTATION[name].letter}: {NOTATION[name].meaning}" for name in entry.letters),
            entry.unit,
            entry.source,
        )
        for entry in entries()
    ]
    header = ("no.", "lesson", "in Python", "what it gives", "formula", "letters", "unit", "source")
    return f"<details><summary><b>The sheet as a table</b></summary>{table(rows, header)}</details>"


def mathematics():
    """LaTeX of every formula and letter that the sheet shows."""
    return [_latex(entry.expression) for entry in entries()] + [row.letter for row in legend()]


def _latex(expression):
    """LaTeX with fractions as large as the line allows, and with a slash in exponents, where a bar would be tiny."""
    from sympy.printing.latex import LatexPrinter
    from sympy.printing.precedence import PRECEDENCE

    class Printer(LatexPrinter):
        def _print_Pow(self, power):
            over, under = power.exp.as_numer_denom()
            if under.is_number:
                return super()._print_Pow(power)
            base = self.parenthesize(power.base, PRECEDENCE["Pow"])
            shown = [f"({self._print(each)})" if each.is_Add else self._print(each) for each in (over, under)]
            return f"{base}^{{{' / '.join(shown)}}}"

    return Printer({"mul_symbol": r" \, "}).doprint(expression).replace(r"\frac", r"\dfrac")


def _title():
    names = "The formulas of the lessons, as llmcalc computes them"
    note = "In bold: what it gives. Below: unit and source; where none is named, the lesson derives it."
    return [
        _text(names, 11, bold=True)(0, 10),
        _text(note, SMALL, end=True)(WIDTH, 10),
    ], 15


def _lesson(lesson, rows):
    """Heights and pieces of what a lesson has on the sheet; a piece is drawn at the (x, y) of its block."""
    own = [(entry, typeset(_latex(entry.expression))) for entry in rows if entry.lesson == lesson.number]
    widest = max((outline.width for _, outline in own), default=0)
    left = min(_NUMBER + widest * FORMULA + 8, _TEXT_AT)
    numbers = [entry.number for entry in rows if entry.name in lesson.goes_through.split()]
    reminder = [_reminder(f"puts together {_ranges(numbers)}")] if numbers else []
    return [_heading(f"{lesson.number} · {lesson.title}"), *(_formula(*each, left) for each in own), *reminder]


def _heading(words):
    bar = f'<rect x="{{x:.1f}}" y="{{y:.1f}}" width="{_COLUMN:.1f}" height="9.4" fill="#dddddd"/>'
    write = _text(words, HEADING, bold=True)
    return 11.6, [lambda x, y: bar.format(x=x, y=y), lambda x, y: write(x + 3, y + 7.4)]


def _reminder(words):
    lines = _lines(words, _COLUMN - _NUMBER)
    height = len(lines) * _LEADING + _APART
    return height, [_shifted(_text(line, SMALL), _NUMBER, 6 + at * _LEADING) for at, line in enumerate(lines)]


def _ranges(numbers):
    """Numbers in their order, with a dash from the first to the last of three or more neighbours: 1–3, 7, 8."""
    runs = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)


def _formula(entry, outline, left):
    """The formula with its number; at its right, what it gives, and below that its unit and source."""
    left = max(left, _NUMBER + outline.width * FORMULA + 8)
    said = _lines(entry.says, _COLUMN - left, bold=True)
    named = _lines(" · ".join(filter(None, (entry.unit, entry.short_source))), _COLUMN - left)
    high, deep = outline.height * FORMULA, outline.depth * FORMULA
    height = max(_LEADING * len(said + named), high + deep) + _APART
    base = (height - _APART - high - deep) / 2 + high
    lines = [_text(line, SMALL, bold=True) for line in said] + [_text(line, SMALL) for line in named]
    first = (height - _APART - _LEADING * len(lines)) / 2 + 5.6
    return height, [
        _shifted(_text(str(entry.number), SMALL, end=True), _NUMBER - 5, (height - _APART) / 2 + 2.3),
        lambda x, y: outline.at(x + _NUMBER, y + base, FORMULA),
        *(_shifted(line, left, first + at * _LEADING) for at, line in enumerate(lines)),
    ]


def _key(letters):
    """Height and pieces of the letters and what they mean, in columns, one below the other."""
    width = (WIDTH - (_LEGEND_COLUMNS - 1) * 8) / _LEGEND_COLUMNS
    wrapped = [(row, _lines(_meaning(row), width - _LETTER)) for row in letters]
    blocks = [
        (
            len(lines) * _CLOSER,
            [
                lambda x, y, row=row: typeset(row.letter).at(x, y + 6, 7.2),
                *(_shifted(_text(line, SMALL), _LETTER, 6 + at * _CLOSER) for at, line in enumerate(lines)),
            ],
        )
        for row, lines in wrapped
    ]
    pieces, tallest = [_shifted(_text("The letters", HEADING, bold=True), 3, 7.4)], 0
    pieces.insert(0, lambda x, y: f'<rect x="0" y="{y:.1f}" width="{WIDTH}" height="9.4" fill="#dddddd"/>')
    for column, part in enumerate(_parts(blocks, _LEGEND_COLUMNS)):
        top = 11
        for height, drawn in part:
            pieces += [_shifted(piece, column * (width + 8), top) for piece in drawn]
            top += height
        tallest = max(tallest, top)
    return pieces, tallest


def _meaning(row):
    """What a letter stands for, with its unit unless the words say it already."""
    known = row.unit == "no unit" or row.unit in row.meaning
    return row.meaning if known else f"{row.meaning} ({row.unit.replace(' per ', '/')})"


def _parts(blocks, count):
    """Blocks cut into columns, in their order, so that the longest column is as short as can be."""
    heights = [height for height, _ in blocks]
    most = sum(heights) / count
    while True:
        columns, length = [[]], 0
        for block in blocks:
            if columns[-1] and length + block[0] > most:
                columns.append([])
                length = 0
            columns[-1].append(block)
            length += block[0]
        if len(columns) <= count:
            return columns
        most += 1


def _lines(words, width, bold=False):
    """Text broken into lines of at most `width` points."""
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(longer, SMALL, bold) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _text(words, size, bold=False, end=False):
    """A line of text; its width is written down, so that a page with another font keeps to it."""
    width = text_width(words, size, bold)
    weight = ' font-weight="700"' if bold else ""
    return lambda x, y: (
        f'<text x="{x - width if end else x:.1f}" y="{y:.1f}" font-size="{size}"{weight} '
        f'textLength="{width:.1f}" lengthAdjust="spacingAndGlyphs">{escape(words)}</text>'
    )


def _shifted(piece, right, down):
    return lambda x, y: piece(x + right, y + down)

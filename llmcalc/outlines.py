"""Formulas set as a printer would, as outlines that every page shows alike, without a font and without a network.

Matplotlib sets them. Since its outlines change a little from version to version, and a stored page should not, those of
the formula sheet stand in a file (tests/tools/set_outlines.py writes it); what is not in the file is set on the spot.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

STORE = Path(__file__).with_name("outlines.json")
UNITS = 1000
"""How many units of the outlines make the size of the letters."""


@dataclass(frozen=True)
class Outline:
    """One line of mathematics: an SVG path that starts at the left end of its baseline, and the room it takes.

    Lengths are in units of the size of the letters: `height` above the baseline, `depth` below it.
    """

    path: str
    width: float
    height: float
    depth: float

    def at(self, x, y, size):
        """The outline as SVG, its baseline starting at (x, y), its letters as large as `size`."""
        scale = size / UNITS
        return f'<path transform="translate({x:.1f} {y:.1f}) scale({scale:.5f})" d="{self.path}"/>'


def typeset(latex):
    """The outline of a formula that is given in LaTeX, without dollar signs."""
    stored = _stored()["formulas"].get(latex)
    return Outline(**stored) if stored else set_anew(latex)


def set_anew(latex):
    """The same, by Matplotlib, whatever the file says."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import MathTextParser
    from matplotlib.textpath import TextPath

    # One size for the parser and for the path, so that both measure in the same unit.
    font = FontProperties(size=UNITS, math_fontfamily="stix")
    width, height, depth, *_ = MathTextParser("path").parse(f"${latex}$", dpi=72, prop=font)
    outline = TextPath((0, 0), f"${latex}$", size=UNITS, prop=font)
    return Outline(_path(outline), *(round(float(each) / UNITS, 3) for each in (width, height - depth, depth)))


def text_width(text, size, bold=False):
    """Room that a line of plain text takes in the sheet's font, in the unit of `size`."""
    widths = _stored()["bold" if bold else "plain"]
    return size / 1000 * sum(widths.get(letter, widths["n"]) for letter in text)


def _path(outline):
    """SVG path with whole numbers, each point relative to the one before; y grows downwards."""
    parts, at, start = [], (0, 0), (0, 0)
    for points, code in outline.iter_segments(curves=True):
        if code == outline.CLOSEPOLY:
            parts.append("z")
            at = start
            continue
        corners = [(round(float(x)), -round(float(y))) for x, y in points.reshape(-1, 2)]
        moves = " ".join(f"{x - at[0]} {y - at[1]}" for x, y in corners)
        parts.append({1: "m", 2: "l", 3: "q", 4: "c"}[int(code)] + moves)
        at = corners[-1]
        start = at if code == outline.MOVETO else start
    return "".join(parts)


@cache
def _stored():
    return json.loads(STORE.read_text(encoding="utf-8"))

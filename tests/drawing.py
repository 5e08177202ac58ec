"""Reading drawings back: what stands where in an SVG, as boxes that a test can compare."""

import re
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import isfinite
from xml.etree import ElementTree

from llmcalc import palette

NAMESPACE = "{http://www.w3.org/2000/svg}"
KNOWN = {
    *palette.COLOURS.values(),
    *palette.PARTS.values(),
    *palette.STATES.values(),
    *palette.SERIES,
    palette.TEXT,
    palette.LINE,
    palette.CARD,
    "none",
    palette.BLACK,
    palette.WHITE,
}


@dataclass(frozen=True)
class Box:
    """A rectangle on the canvas, and what is in it."""

    left: float
    top: float
    right: float
    bottom: float
    what: str
    kind: str = "text"

    def overlaps(self, other):
        return (
            min(self.right, other.right) - max(self.left, other.left) > 1
            and min(self.bottom, other.bottom) - max(self.top, other.top) > 1
        )


@dataclass(frozen=True)
class Drawing:
    """An SVG: its text alternative, its size and its parts."""

    says: str
    width: float
    height: float
    boxes: tuple

    def of(self, kind):
        return [box for box in self.boxes if box.kind == kind]

    def texts(self):
        return [box.what for box in self.of("text")]


def read(svg):
    """The drawing; fails if it is no well-formed SVG with a role, a text, finite places and known colours."""
    root = ElementTree.fromstring(svg)
    assert root.tag == f"{NAMESPACE}svg" and root.get("role") == "img" and root.get("aria-label").strip()
    left, top, width, height = map(float, root.get("viewBox").split())
    assert left == top == 0
    boxes = []
    for part in list(root)[1:]:  # the first is the card
        for name in ("fill", "stroke"):
            assert part.get(name, "none") in KNOWN, f"{part.get(name)} is no colour of the house"
        boxes.append(_box(part))
    for box in boxes:
        assert all(isfinite(side) for side in (box.left, box.top, box.right, box.bottom)), box
        assert box.left <= box.right and box.top <= box.bottom, box
    return Drawing(root.get("aria-label"), width, height, tuple(boxes))


def check(svg):
    """Read the drawing; fails if something leaves it, or if two texts lie upon each other."""
    drawing = read(svg)
    for box in drawing.boxes:
        inside = box.left >= 0 and box.top >= 0 and box.right <= drawing.width and box.bottom <= drawing.height
        assert inside, f"outside of {drawing.width} x {drawing.height}: {box}"
    for one, other in combinations(drawing.of("text"), 2):
        assert not one.overlaps(other), f"upon each other: {one} and {other}"
    return drawing


def _box(part):
    kind = part.tag.removeprefix(NAMESPACE)
    if kind == "rect":
        x, y, width, height = (float(part.get(name)) for name in ("x", "y", "width", "height"))
        return Box(x, y, x + width, y + height, part.get("fill"), kind)
    if kind == "line":
        x1, y1, x2, y2 = (float(part.get(name)) for name in ("x1", "y1", "x2", "y2"))
        return Box(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2), part.get("stroke"), kind)
    if kind in ("polyline", "polygon"):
        xs, ys = zip(*(map(float, point.split(",")) for point in part.get("points").split()), strict=True)
        return Box(min(xs), min(ys), max(xs), max(ys), part.get("stroke" if kind == "polyline" else "fill"), kind)
    if kind == "circle":
        x, y, r = (float(part.get(name)) for name in ("cx", "cy", "r"))
        return Box(x - r, y - r, x + r, y + r, part.get("fill"), kind)
    assert kind == "text", f"{kind} is new here: teach this file what it covers"
    text, x, y = part.text or "", float(part.get("x")), float(part.get("y"))
    width = text_width(text, bold=int(part.get("font-weight")) > 500)
    left = x - {"start": 0, "middle": width / 2, "end": width}[part.get("text-anchor")]
    return Box(left, y - 12, left + width, y + 4, text)


@cache
def text_width(text, bold=False):
    """Pixels that a text of 16 pixels takes in DejaVu Sans, which is wider than what most systems use."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    family = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")
    return TextPath((0, 0), text, size=16, prop=family).get_extents().x1 if text.strip() else 0


def drawings(html):
    """Every drawing in a view's HTML."""
    return re.findall(r"<svg\b.*?</svg>", html, re.DOTALL)

"""Amounts that come and go, one upon the other, over the stages of something that takes time."""

from itertools import accumulate, pairwise
from math import inf

from llmcalc.formula import amount
from llmcalc.palette import CARD, TEXT, colour
from llmcalc.svg.canvas import WIDTH, apart, distinct, dot, legend, levels, line, linear_ticks, picture, text
from llmcalc.units import readable


def stacked_areas(stages, phases, *, unit, says, limit=None, binary=False):
    """Parts of an amount stacked up, stage after stage from left to right, with the highest point marked.

    Parameters
    ----------
    stages : sequence of dict of str to number
        For each stage its parts, from below: the same names in all of them.
    phases : dict of str to int
        What to write above the stages, and how many of them it is for, in order.
    unit : str
        Unit of all values, for the axis: "B", "FLOP", ...
    says : str
        What the picture shows, in a sentence: its text alternative.
    limit : tuple of (str, number), optional
        Label and value of a horizontal line.
    binary : bool, default False
        Axis in GiB instead of GB.

    Returns
    -------
    str
        An SVG element.
    """
    if not stages or sum(phases.values()) != len(stages) or min(phases.values()) < 0:
        raise ValueError(f"stacked_areas: phases must be for {len(stages)} stages, one at least, got {phases}")
    names = list(stages[0])
    for stage in stages:
        if list(stage) != names:
            raise ValueError(
                f"stacked_areas: stages must all have the parts {', '.join(names)}, got {', '.join(stage)}"
            )
        for name, value in stage.items():
            amount(value, name, of="stacked_areas", may_be_zero=True)
    if limit and not 0 <= limit[1] < inf:
        raise ValueError(f"stacked_areas: limit must be a finite number, zero or more, got {limit[1]}")
    totals = [sum(stage.values()) for stage in stages]
    ticks = linear_ticks(0, max([*totals, limit[1] if limit else 0]) or 1, base=1024 if binary else 1000)
    wide, scale = (RIGHT - LEFT) / len(stages), (BOTTOM - TOP) / ticks[-1]
    marks = distinct(lambda tick, digits: readable(tick, unit, binary=binary, digits=digits), ticks)
    draw = levels(lambda tick: BOTTOM - tick * scale, ticks, marks, LEFT, RIGHT)
    below = [0] * len(stages)
    for position, name in enumerate(names):
        above = [height + stage[name] for height, stage in zip(below, stages, strict=True)]
        if above != below:
            outline = [*_steps(above, wide, scale), *reversed(_steps(below, wide, scale))]
            places = " ".join(f"{x:.1f},{y:.1f}" for x, y in outline)
            draw.append(f'<polygon points="{places}" fill="{colour(name, position)}" stroke="{CARD}"/>')
        below = above
    draw += _phases(phases, wide)
    highest = max(totals)
    at, top = LEFT + (totals.index(highest) + 0.5) * wide, BOTTOM - highest * scale
    draw += [line(at, top, RIGHT + 4, top, TEXT, dash="2 4"), dot(at, top, TEXT)]
    peak = f"peak {readable(highest, unit, binary=binary)}"
    ends = {peak: top}
    if limit:
        y = BOTTOM - limit[1] * scale
        draw.append(line(LEFT, y, RIGHT, y, TEXT, width=3, dash="8 4"))
        ends[limit[0]] = y
    draw += [text(RIGHT + 8, y + 5, name, weight=600) for name, y in apart(ends, gap=20, lowest=BOTTOM).items()]
    keys, more = legend(names, BOTTOM + 34)
    return picture([*draw, *keys], BOTTOM + 48 + more, says)


LEFT, RIGHT, TOP, BOTTOM = 84, WIDTH - 142, 44, 320


def _steps(heights, wide, scale):
    """The corners of a staircase, where it goes up or down and at its ends."""
    corners = [(LEFT, BOTTOM - heights[0] * scale)]
    for stage, (height, following) in enumerate(pairwise(heights), start=1):
        if height != following:
            corners += [(LEFT + stage * wide, BOTTOM - level * scale) for level in (height, following)]
    return [*corners, (RIGHT, BOTTOM - heights[-1] * scale)]


def _phases(phases, wide):
    """Where each phase begins, and its name above it; moved on where the name before needs the room."""
    draw, free = [], 0
    for (name, count), end in zip(phases.items(), accumulate(phases.values()), strict=True):
        x = LEFT + (end - count) * wide
        if not count:
            continue
        if end > count:
            draw.append(line(x, TOP - 12, x, BOTTOM, TEXT, dash="3 3"))
        at = max(x + 6, free)
        draw.append(text(at, TOP - 22, name, weight=600))
        free = at + 11 * len(name) + 12
    return draw

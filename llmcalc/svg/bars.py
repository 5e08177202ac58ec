"""Bars made of parts, and ranges, one below the other."""

from math import isfinite

from llmcalc.formula import amount
from llmcalc.palette import CARD, LINE, SERIES, TEXT, colour, ink
from llmcalc.svg.canvas import WIDTH, axis, distinct, dot, legend, line, linear_ticks, picture, text, uprights
from llmcalc.units import readable


def stacked_bars(bars, *, unit, says, limit=None, binary=False):
    """Horizontal bars made of parts, one below the other, with an optional limit to compare with.

    Parameters
    ----------
    bars : dict of str to dict of str to number
        For each bar its label and its parts, such as ``{"training": {"weights": 4e9, "gradients": 4e9}}``.
    unit : str
        Unit of all values, for the axis: "B", "FLOP", ... or "%".
    says : str
        What the picture shows, in a sentence: its text alternative.
    limit : tuple of (str, number), optional
        Label and value of a vertical line.
    binary : bool, default False
        Axis in GiB instead of GB.

    Returns
    -------
    str
        An SVG element.
    """
    for parts in bars.values():
        for part, value in parts.items():
            amount(value, part, of="stacked_bars", may_be_zero=True)
    largest = max([sum(parts.values()) for parts in bars.values()] + ([limit[1]] if limit else []))
    ticks = linear_ticks(0, largest or 1, base=1024 if binary else 1000)
    marks = distinct(lambda tick, digits: _mark(tick, unit, binary, digits), ticks)
    left, right, top, row = 12, 12 + 5 * len(marks[-1]), 44 if limit else 12, 74
    bottom = top + row * len(bars)
    scale = (WIDTH - left - right) / ticks[-1]
    draw, labels = [], []
    names = list(dict.fromkeys(part for parts in bars.values() for part in parts))  # one colour each, in all bars
    for tick, mark in zip(ticks, marks, strict=True):
        x = left + tick * scale
        draw.append(line(x, top, x, bottom + 6, LINE))
        draw.append(text(x, bottom + 26, mark, anchor="middle" if tick else "start"))
    for number, (label, parts) in enumerate(bars.items()):
        y, x = top + number * row, left
        above_limit = limit and not number  # the limit's own label stands between this label and the bar
        labels.append(text(left, 20 if above_limit else y + 20, label, weight=600))
        for part, value in parts.items():
            width, fill = value * scale, colour(part, names.index(part))
            draw.append(
                f'<rect x="{x:.1f}" y="{y + 28}" width="{width:.1f}" height="36" fill="{fill}" '
                f'stroke="{CARD}" stroke-width="1.5"/>'
            )
            if width > 9 * len(part) + 12:
                draw.append(text(x + width / 2, y + 52, part, anchor="middle", fill=ink(fill)))
            x += width
    if limit:
        x = left + limit[1] * scale
        for y in range(top, bottom, row):
            draw.append(line(x, y + 22, x, y + 70, TEXT, width=3, dash="8 4"))
        side = "end" if x > WIDTH / 2 else "start"
        labels.append(text(x + (2 if side == "end" else -2), top + 16, limit[0], anchor=side, weight=600))
    keys, more = legend(names, bottom + 54)
    draw += labels + keys  # labels last, so that no line crosses them
    return picture(draw, bottom + 68 + more, says)


def ranges(rows, *, x_label, says, x_log=False, limit=None):
    """Horizontal ranges, one below the other, each with its middle and an optional true value.

    Parameters
    ----------
    rows : dict of str to sequence of number
        For each row its label, and low, middle and high; a fourth number is what turned out to be true.
    x_label : str
        Quantity and unit.
    says : str
        What the picture shows, in a sentence: its text alternative.
    x_log : bool, default False
        Logarithmic axis; all values must be positive then.
    limit : tuple of (str, number), optional
        Label and value of a vertical line.

    Returns
    -------
    str
        An SVG element.
    """
    for label, values in rows.items():
        if len(values) not in (3, 4) or not all(map(isfinite, values)) or not values[0] <= values[1] <= values[2]:
            raise ValueError(f"ranges: {label!r} needs low <= middle <= high and perhaps a fourth number, got {values}")
        if x_log and min(values) <= 0:
            raise ValueError(f"ranges: a logarithmic axis needs positive values, got {min(values)} in {label!r}")
    numbers = [value for values in rows.values() for value in values] + ([limit[1]] if limit else [])
    left, right, top, row = 24 + 9 * max(map(len, rows)), 40, 44 if limit else 16, 26
    bottom = top + row * len(rows)
    x_at, ticks = axis(numbers, x_log, left, WIDTH - right, from_zero=True)
    draw = uprights(x_at, ticks, top, bottom)
    if limit:
        draw.append(line(x_at(limit[1]), top - 8, x_at(limit[1]), bottom, TEXT, width=3, dash="8 4"))
        side = "end" if x_at(limit[1]) > WIDTH / 2 else "start"
        draw.append(text(x_at(limit[1]), 22, limit[0], anchor=side, weight=600))
    for number, (label, (low, middle, high, *true)) in enumerate(rows.items()):
        y = top + row * number + row / 2
        draw.append(text(12, y + 5, label))
        draw.append(line(x_at(low), y, x_at(high), y, SERIES[0], width=6))
        draw.append(line(x_at(middle), y - 8, x_at(middle), y + 8, TEXT, width=3))
        draw += [dot(x_at(value), y, SERIES[1]) for value in true]
    draw.append(text(WIDTH - right, bottom + 52, x_label, "end", weight=600))
    return picture(draw, bottom + 66, says)


def _mark(tick, unit, binary, digits):
    return f"{tick:.{digits}g}%" if unit == "%" else readable(tick, unit, binary=binary, digits=digits)

"""A small drawing room: stacked bars and lines as SVG text, with a sentence for those who cannot see them.

Strings, because an explorer has to redraw in a few milliseconds, and because the same string serves three readers:
the live page (it takes the theme's colours), the stored notebook (as an image with its own card), and a test.
"""

from html import escape
from itertools import pairwise
from math import ceil, floor, isfinite, log10

from llmcalc.formula import amount
from llmcalc.palette import CARD, INK, LINE, TEXT, colour
from llmcalc.units import readable

WIDTH = 760
_DASHES = ("", "9 5", "3 4", "12 4 3 4")  # repeats what colour says


def stacked_bars(bars, *, unit, says, limit=None, binary=False):
    """Horizontal bars made of parts, one below the other, with an optional limit to compare with.

    Parameters
    ----------
    bars : dict of str to dict of str to number
        For each bar its label and its parts, such as ``{"training": {"weights": 4e9, "gradients": 4e9}}``.
    unit : str
        Unit of all values, for the axis: "B", "FLOP", ...
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
    ticks = _linear_ticks(0, largest or 1, base=1024 if binary else 1000)
    marks = _distinct(lambda tick, digits: readable(tick, unit, binary=binary, digits=digits), ticks)
    left, right, top, row = 12, 12 + 5 * len(marks[-1]), 44 if limit else 12, 74
    bottom = top + row * len(bars)
    scale = (WIDTH - left - right) / ticks[-1]
    draw, labels = [], []
    for tick, mark in zip(ticks, marks, strict=True):
        x = left + tick * scale
        draw.append(_line(x, top, x, bottom + 6, LINE))
        draw.append(_text(x, bottom + 26, mark, anchor="middle" if tick else "start"))
    for number, (label, parts) in enumerate(bars.items()):
        y, x = top + number * row, left
        above_limit = limit and not number  # the limit's own label stands between this label and the bar
        labels.append(_text(left, 20 if above_limit else y + 20, label, weight=600))
        for position, (part, value) in enumerate(parts.items()):
            width = value * scale
            draw.append(
                f'<rect x="{x:.1f}" y="{y + 28}" width="{width:.1f}" height="36" fill="{colour(part, position)}" '
                f'stroke="{CARD}" stroke-width="1.5"/>'
            )
            if width > 9 * len(part) + 12:
                draw.append(_text(x + width / 2, y + 52, part, anchor="middle", fill=INK.get(part, "#000000")))
            x += width
    if limit:
        x = left + limit[1] * scale
        for y in range(top, bottom, row):
            draw.append(_line(x, y + 22, x, y + 70, TEXT, width=3, dash="8 4"))
        side = "end" if x > WIDTH / 2 else "start"
        labels.append(_text(x + (2 if side == "end" else -2), top + 16, limit[0], anchor=side, weight=600))
    legend = dict.fromkeys(part for parts in bars.values() for part in parts)
    draw += labels + _legend(legend, bottom + 54)  # labels last, so that no line crosses them
    return _svg(draw, bottom + 68, says)


def line_chart(x, series, *, x_label, y_label, says, x_log=False, y_log=False, limit=None):
    """Lines over a common x axis, each named at its end in its own colour and dash.

    Parameters
    ----------
    x : sequence of number
    series : dict of str to sequence of number
        For each line its name and its values, as many as `x`.
    x_label, y_label : str
        Quantity and unit.
    says : str
        What the picture shows, in a sentence: its text alternative.
    x_log, y_log : bool, default False
        Logarithmic axes; all values must be positive then.
    limit : tuple of (str, number), optional
        Label and value of a horizontal line.

    Returns
    -------
    str
        An SVG element.
    """
    x, series = list(x), {name: list(values) for name, values in series.items()}
    for name, values in series.items():
        if len(values) != len(x):
            raise ValueError(f"line_chart: {name!r} has {len(values)} values for {len(x)} positions in x")
    heights = [y for values in series.values() for y in values] + ([limit[1]] if limit else [])
    for label, log, numbers in (("x", x_log, x), ("y", y_log, heights)):
        if not all(map(isfinite, numbers)):
            raise ValueError(f"line_chart: {label} must be finite numbers, got {numbers}")
        if log and min(numbers) <= 0:
            raise ValueError(f"line_chart: a logarithmic {label} axis needs positive values, got {min(numbers)}")
    left, right, top, bottom, height = 84, 150, 40, 300, 356
    x_at, x_ticks = _axis(x, x_log, left, WIDTH - right)
    y_at, y_ticks = _axis(heights, y_log, bottom, top, from_zero=True)
    draw = [_text(left - 70, 20, y_label, weight=600), _text(WIDTH - right, height - 8, x_label, "end", weight=600)]
    for tick, mark in zip(y_ticks, _distinct(_plain, y_ticks), strict=True):
        draw.append(_line(left, y_at(tick), WIDTH - right, y_at(tick), LINE))
        draw.append(_text(left - 8, y_at(tick) + 5, mark, anchor="end"))
    for tick, mark in zip(x_ticks, _distinct(_plain, x_ticks), strict=True):
        draw.append(_line(x_at(tick), bottom, x_at(tick), bottom + 6, TEXT))
        draw.append(_text(x_at(tick), bottom + 24, mark, anchor="middle"))
    if limit:
        draw.append(_line(left, y_at(limit[1]), WIDTH - right, y_at(limit[1]), TEXT, width=3, dash="8 4"))
    ends = {name: y_at(values[-1]) for name, values in series.items()}
    if limit:
        ends[limit[0]] = y_at(limit[1])
    label_at = _apart(ends, gap=20, lowest=bottom)
    for position, (name, values) in enumerate(series.items()):
        points = " ".join(f"{x_at(a):.1f},{y_at(b):.1f}" for a, b in zip(x, values, strict=True))
        stroke = colour(name, position)
        dash = _DASHES[position % len(_DASHES)]
        draw.append(
            f'<polyline points="{points}" fill="none" stroke="{stroke}" stroke-width="3.5"'
            + (f' stroke-dasharray="{dash}"' if dash else "")
            + "/>"
        )
        y = label_at[name] - 5
        draw.append(f'<rect x="{WIDTH - right + 6}" y="{y:.1f}" width="10" height="10" fill="{stroke}"/>')
    for name, y in label_at.items():
        indent = 20 if name in series else 6
        draw.append(_text(WIDTH - right + indent, y + 5, name, weight=400 if name in series else 600))
    return _svg(draw, height, says)


def _svg(draw, height, says):
    if not says or not says.strip():
        raise ValueError("a picture needs `says`, a sentence that tells what it shows")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(says)}" '
        f'viewBox="0 0 {WIDTH} {height}" width="100%" '
        f'style="max-width:{WIDTH}px;font-family:system-ui,sans-serif;font-size:16px">'
        f'<rect width="{WIDTH}" height="{height}" fill="{CARD}" rx="6"/>{"".join(draw)}</svg>'
    )


def _text(x, y, text, anchor="start", weight=400, fill=TEXT):
    halo = f' stroke="{CARD}" stroke-width="5" paint-order="stroke"' if fill == TEXT else ""  # readable across lines
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="{fill}"{halo}>'
        f"{escape(text)}</text>"
    )


def _line(x1, y1, x2, y2, stroke, width=1, dash=""):
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{stroke}" stroke-width="{width}"{dashes}/>'
    )


def _legend(parts, y):
    draw, x = [], 12
    for position, part in enumerate(parts):
        draw.append(f'<rect x="{x}" y="{y - 13}" width="15" height="15" fill="{colour(part, position)}"/>')
        draw.append(_text(x + 21, y, part))
        x += 21 + 9 * len(part) + 24
    return draw


def _axis(numbers, log, start, end, from_zero=False):
    """A function from value to pixel, and the values to mark."""
    if log:
        low, high = floor(log10(min(numbers)) + 1e-9), ceil(log10(max(numbers)) - 1e-9)
        high = max(high, low + 1)
        step = max(1, ceil((high - low) / 6))
        ticks = [10.0**power for power in range(low, high + 1, step)]
        return lambda value: start + (log10(value) - low) / (high - low) * (end - start), ticks
    ticks = _linear_ticks(min(0, *numbers) if from_zero else min(numbers), max(numbers))
    low, high = ticks[0], ticks[-1]
    return lambda value: start + (value - low) / (high - low) * (end - start), ticks


def _linear_ticks(low, high, base=1000):
    """Five or so round values from `low` to at least `high`; round in multiples of `base` powers."""
    span = high - low or abs(high) or 1
    magnitude = 1
    while base == 1024 and magnitude * 1024 <= span:
        magnitude *= 1024
    rough = span / magnitude / 5
    power = 10.0 ** floor(log10(rough))
    step = magnitude * power * next(nice for nice in (1, 2, 2.5, 5, 10) if nice * power >= rough * 0.999)
    first = floor(low / step + 1e-9)
    return [number * step for number in range(first, max(ceil(high / step - 1e-9), first + 1) + 1)]


def _apart(places, gap, lowest):
    """The same labels, moved where they would lie upon each other: down first, then up from the lowest place."""
    order = sorted(places, key=places.get)
    moved = dict(places)
    for above, name in pairwise(order):
        moved[name] = max(moved[name], moved[above] + gap)
    for name in reversed(order):
        moved[name], lowest = min(moved[name], lowest), min(moved[name], lowest) - gap
    return moved


def _distinct(write, values):
    """Every value written with as few digits as tell it from the others, three or more."""
    for digits in range(3, 16):
        texts = [write(value, digits) for value in values]
        if len(set(texts)) == len(texts):
            break
    return texts


def _plain(value, digits):
    """A tick's number without a unit: 1.5, 200, 10k, -2M."""
    sign = "-" if value < 0 else ""
    return sign + readable(abs(value), "B", digits=digits).removesuffix("B").replace(" ", "")

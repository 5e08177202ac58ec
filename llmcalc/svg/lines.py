"""Lines over a common axis, with points among them."""

from itertools import pairwise
from math import isfinite

from llmcalc.palette import TEXT, colour
from llmcalc.svg.canvas import WIDTH, apart, axis, distinct, dot, levels, line, picture, plain, text

_DASHES = ("", "9 5", "3 4", "12 4 3 4")  # repeats what colour says


def line_chart(x, series, *, x_label, y_label, says, x_log=False, y_log=False, from_zero=True, limit=None, points=None):
    """Lines over a common x axis, each named at its end in its own colour and dash, and points with their names.

    Parameters
    ----------
    x : sequence of number, or dict of str to sequence of number
        Positions that all lines share; or for each line its own.
    series : dict of str to sequence of number
        For each line its name and its values, as many as its positions.
    x_label, y_label : str
        Quantity and unit.
    says : str
        What the picture shows, in a sentence: its text alternative.
    x_log, y_log : bool, default False
        Logarithmic axes; all values must be positive then.
    from_zero : bool, default True
        Whether a linear y axis begins at zero.
    limit : tuple of (str, number), optional
        Label and value of a horizontal line.
    points : dict of str to (number, number), optional
        For each point its name and where it is. The name is written where there is room for it.

    Returns
    -------
    str
        An SVG element.
    """
    series, points = {name: list(values) for name, values in series.items()}, points or {}
    own = {name: list(x[name] if isinstance(x, dict) else x) for name in series}
    for name, values in series.items():
        if len(values) != len(own[name]):
            raise ValueError(f"line_chart: {name!r} has {len(values)} values for {len(own[name])} positions in x")
    across = [value for values in own.values() for value in values] + [a for a, _ in points.values()]
    heights = [value for values in series.values() for value in values] + [b for _, b in points.values()]
    heights += [limit[1]] if limit else []
    for label, log, numbers in (("x", x_log, across), ("y", y_log, heights)):
        if not all(map(isfinite, numbers)):
            raise ValueError(f"line_chart: {label} must be finite numbers, got {numbers}")
        if log and min(numbers) <= 0:
            raise ValueError(f"line_chart: a logarithmic {label} axis needs positive values, got {min(numbers)}")
    x_at, x_ticks = axis(across, x_log, LEFT, RIGHT)
    y_at, y_ticks = axis(heights, y_log, BOTTOM, TOP, from_zero)
    draw = [text(LEFT - 70, 20, y_label, weight=600), text(RIGHT, HEIGHT - 8, x_label, "end", weight=600)]
    draw += levels(y_at, y_ticks, distinct(plain, y_ticks), LEFT, RIGHT)
    for tick, mark in zip(x_ticks, distinct(plain, x_ticks), strict=True):
        draw.append(line(x_at(tick), BOTTOM, x_at(tick), BOTTOM + 6, TEXT))
        draw.append(text(x_at(tick), BOTTOM + 24, mark, anchor="middle"))
    if limit:
        limit = limit[0], y_at(limit[1])
        draw.append(line(LEFT, limit[1], RIGHT, limit[1], TEXT, width=3, dash="8 4"))
    paths = {
        name: [(x_at(a), y_at(b)) for a, b in zip(own[name], values, strict=True)] for name, values in series.items()
    }
    for position, (name, path) in enumerate(paths.items()):
        places = " ".join(f"{x:.1f},{y:.1f}" for x, y in path)
        dash = _DASHES[position % len(_DASHES)]
        draw.append(
            f'<polyline points="{places}" fill="none" stroke="{colour(name, position)}" stroke-width="3.5"'
            + (f' stroke-dasharray="{dash}"' if dash else "")
            + "/>"
        )
    draw += _named_ends({name: path[-1][1] for name, path in paths.items()}, limit)
    lines = [*paths.values(), *([[(LEFT, limit[1]), (RIGHT, limit[1])]] if limit else [])]
    draw += _named_points({name: (x_at(a), y_at(b)) for name, (a, b) in points.items()}, lines)
    return picture(draw, HEIGHT, says)


LEFT, RIGHT, TOP, BOTTOM, HEIGHT = 84, WIDTH - 150, 40, 300, 356


def _named_ends(ends, limit):
    """The name of each line beside its end, with a key in its colour."""
    label_at = apart(ends | ({limit[0]: limit[1]} if limit else {}), gap=20, lowest=BOTTOM)
    draw = []
    for position, name in enumerate(ends):
        y = label_at[name] - 5
        draw.append(f'<rect x="{RIGHT + 6}" y="{y:.1f}" width="10" height="10" fill="{colour(name, position)}"/>')
    for name, y in label_at.items():
        indent, weight = (20, 400) if name in ends else (6, 600)
        draw.append(text(RIGHT + indent, y + 5, name, weight=weight))
    return draw


def _named_points(places, paths):
    """Dots, and their names where there is room: right, left, above or below; off the lines if possible."""
    taken = [(x - 8, y - 8, x + 8, y + 8) for x, y in places.values()]
    drawn = [(x, y, x, y) for path in paths for x, y in _along(path)] if places else []
    draw = [dot(x, y, TEXT) for x, y in places.values()]
    for name, (x, y) in places.items():
        wide = 10 * len(name)
        spots = [(x + 11, y + 5, "start"), (x - 11, y + 5, "end"), (x, y - 13, "middle"), (x, y + 25, "middle")]
        spots += [(x - 11, y + 5 + 18 * step, "end") for step in (-1, 1)]
        spots += [(x + 11, y + 5 + 18 * step, "start") for step in (-1, 1, -2, 2, -3, 3)]
        free = []
        for at, below, anchor in spots:
            left = at - {"start": 0, "end": wide, "middle": wide / 2}[anchor]
            box = (left, below - 13, left + wide, below + 5)
            inside = LEFT <= box[0] and box[2] <= RIGHT and TOP - 20 <= box[1] and box[3] <= BOTTOM
            if inside and not any(_overlap(box, other) for other in taken):
                hidden = sum(_overlap(box, other) for other in drawn)
                free.append((hidden + abs(below - y - 5) / 6, len(free), box, (at, below, name, anchor)))
        if free:
            _, _, box, label = min(free)
            taken.append(box)
            draw.append(text(*label))
    return draw


def _along(path):
    """Places on a line, no more than some five pixels apart."""
    for (x, y), (to_x, to_y) in pairwise(path):
        steps = max(1, round(max(abs(to_x - x), abs(to_y - y)) / 5))
        yield from ((x + (to_x - x) * step / steps, y + (to_y - y) * step / steps) for step in range(steps + 1))


def _overlap(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]

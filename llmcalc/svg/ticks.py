"""Values on a line: where a number format has something to say, and how far apart."""

from math import isfinite

from llmcalc.palette import TEXT, colour
from llmcalc.svg.canvas import WIDTH, axis, line, picture, text, uprights


def number_line(rows, *, x_label, says, x_log=False):
    """A line for each row with a tick at each of its values, all over one axis.

    Parameters
    ----------
    rows : dict of str to sequence of number
        For each row its label and its values.
    x_label : str
        Quantity and unit.
    says : str
        What the picture shows, in a sentence: its text alternative.
    x_log : bool, default False
        Logarithmic axis; all values must be positive then.

    Returns
    -------
    str
        An SVG element.
    """
    rows = {label: [float(value) for value in values] for label, values in rows.items()}
    for label, values in rows.items():
        if not values or not all(map(isfinite, values)):
            raise ValueError(f"number_line: {label!r} needs finite values, at least one, got {values}")
        if x_log and min(values) <= 0:
            raise ValueError(f"number_line: a logarithmic axis needs positive values, got {min(values)} in {label!r}")
    left, right, top, row = 32 + 9 * max(map(len, rows)), WIDTH - 40, 12, 44
    bottom = top + row * len(rows)
    x_at, marks = axis([value for values in rows.values() for value in values], x_log, left, right)
    draw = uprights(x_at, marks, top, bottom)
    for number, (label, values) in enumerate(rows.items()):
        y = top + row * number + row / 2
        draw.append(text(12, y + 5, label))
        draw.append(line(x_at(min(values)), y, x_at(max(values)), y, TEXT))
        draw += [line(x_at(v), y - 13, x_at(v), y + 13, colour(label, number), width=2) for v in values]
    draw.append(text(right, bottom + 52, x_label, "end", weight=600))
    return picture(draw, bottom + 66, says)

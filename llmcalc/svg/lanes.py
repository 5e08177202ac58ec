"""Who does what when: a lane for each worker, with a box for each piece of work."""

from llmcalc.palette import CARD, colour, ink
from llmcalc.svg.canvas import WIDTH, axis, legend, picture, text, uprights


def lanes(rows, *, x_label, says):
    """A lane for each worker over one axis of time; where nothing is drawn, it waits.

    Parameters
    ----------
    rows : dict of str to sequence of (str, str, number, number)
        For each worker its label and its pieces of work: kind, what to write on it where there is room, start, end.
    x_label : str
        Quantity and unit of the axis.
    says : str
        What the picture shows, in a sentence: its text alternative.

    Returns
    -------
    str
        An SVG element.
    """
    for label, boxes in rows.items():
        if not boxes or any(not 0 <= start < end for _, _, start, end in boxes):
            raise ValueError(f"lanes: {label!r} needs work, each piece ending after it began, got {list(boxes)}")
    left, right, top, row = 32 + 9 * max(map(len, rows)), WIDTH - 24, 12, 44
    bottom = top + row * len(rows)
    x_at, marks = axis([0, max(end for boxes in rows.values() for *_, end in boxes)], False, left, right)
    kinds = list(dict.fromkeys(kind for boxes in rows.values() for kind, *_ in boxes))
    draw = uprights(x_at, marks, top, bottom)
    for number, (label, boxes) in enumerate(rows.items()):
        y = top + row * number + 6
        draw.append(text(12, y + 21, label))
        for kind, mark, start, end in boxes:
            x, width, fill = x_at(start), x_at(end) - x_at(start), colour(kind, kinds.index(kind))
            draw.append(
                f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="32" fill="{fill}" '
                f'stroke="{CARD}" stroke-width="1"/>'
            )
            if width > 10 * len(mark) + 2:
                draw.append(text(x + width / 2, y + 21, mark, anchor="middle", fill=ink(fill)))
    draw.append(text((left + right) / 2, bottom + 54, x_label, anchor="middle"))
    keys, more = legend(kinds, bottom + 86)
    return picture(draw + keys, bottom + 100 + more, says)

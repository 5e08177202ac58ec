"""What every drawing is made of: a card that says what it shows, lines, texts that keep apart, axes, legends."""

from html import escape
from itertools import pairwise
from math import ceil, floor, log10

from llmcalc.palette import CARD, LINE, TEXT, colour
from llmcalc.units import readable

WIDTH = 760


def picture(draw, height, says):
    """All parts on their card; `says` is the text alternative."""
    if not says or not says.strip():
        raise ValueError("a picture needs `says`, a sentence that tells what it shows")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(says)}" '
        f'viewBox="0 0 {WIDTH} {height}" width="100%" '
        f'style="max-width:{WIDTH}px;font-family:system-ui,sans-serif;font-size:16px">'
        f'<rect width="{WIDTH}" height="{height}" fill="{CARD}" rx="6"/>{"".join(draw)}</svg>'
    )


def text(x, y, text, anchor="start", weight=400, fill=TEXT):
    halo = f' stroke="{CARD}" stroke-width="5" paint-order="stroke"' if fill == TEXT else ""  # readable across lines
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="{fill}"{halo}>'
        f"{escape(text)}</text>"
    )


def line(x1, y1, x2, y2, stroke, width=1, dash=""):
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{stroke}" stroke-width="{width}"{dashes}/>'
    )


def dot(x, y, fill):
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{fill}" stroke="{CARD}" stroke-width="1.5"/>'


def legend(parts, y):
    """A key for each name, in rows, and how high they are."""
    draw, x, top = [], 12, y
    for position, part in enumerate(parts):
        width = 21 + 9 * len(part) + 24
        if x > 12 and x + width > WIDTH:
            x, y = 12, y + 26
        draw.append(f'<rect x="{x}" y="{y - 13}" width="15" height="15" fill="{colour(part, position)}"/>')
        draw.append(text(x + 21, y, part))
        x += width
    return draw, y - top


def levels(y_at, ticks, marks, left, right):
    """A line at each mark of an axis at the left, with its text before it."""
    draw = []
    for tick, mark in zip(ticks, marks, strict=True):
        draw.append(line(left, y_at(tick), right, y_at(tick), LINE))
        draw.append(text(left - 8, y_at(tick) + 5, mark, anchor="end"))
    return draw


def uprights(x_at, ticks, top, bottom):
    """A line at each mark of an axis below, with its number under it."""
    draw = []
    for tick, mark in zip(ticks, distinct(plain, ticks), strict=True):
        draw.append(line(x_at(tick), top, x_at(tick), bottom + 6, LINE))
        draw.append(text(x_at(tick), bottom + 26, mark, anchor="middle"))
    return draw


def axis(numbers, log, start, end, from_zero=False):
    """A function from value to pixel, and the values to mark."""
    if log:
        low, high, ticks = _log_ticks(min(numbers), max(numbers))
        low, high = log10(low), log10(high)
        return lambda value: start + (log10(value) - low) / (high - low) * (end - start), ticks
    ticks = linear_ticks(min(0, *numbers) if from_zero else min(numbers), max(numbers))
    low, high = ticks[0], ticks[-1]
    return lambda value: start + (value - low) / (high - low) * (end - start), ticks


def _log_ticks(smallest, largest):
    """Both ends, and the marks: powers of ten, or a few of their multiples where those would be too few."""
    low, high = floor(log10(smallest) + 1e-9), ceil(log10(largest) - 1e-9)
    if smallest == largest or largest / smallest > 50:
        high = max(high, low + 1)
        return 10.0**low, 10.0**high, [10.0**power for power in range(low, high + 1, max(1, ceil((high - low) / 6)))]
    digits = (1, 2, 5) if largest / smallest > 5 else (1, 1.5, 2, 3, 4, 5, 7)
    nice = [digit * 10.0**power for power in range(low, high + 1) for digit in digits]
    first = max(tick for tick in nice if tick <= smallest * (1 + 1e-9))
    last = min(tick for tick in nice if tick >= largest * (1 - 1e-9))
    return first, last, [tick for tick in nice if first <= tick <= last]


def linear_ticks(low, high, base=1000):
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


def apart(places, gap, lowest):
    """The same labels, moved where they would lie upon each other: down first, then up from the lowest place."""
    order = sorted(places, key=places.get)
    moved = dict(places)
    for above, name in pairwise(order):
        moved[name] = max(moved[name], moved[above] + gap)
    for name in reversed(order):
        moved[name], lowest = min(moved[name], lowest), min(moved[name], lowest) - gap
    return moved


def distinct(write, values):
    """Every value written with as few digits as tell it from the others, three or more; 1.875 is not called 1.88."""
    for digits in range(3, 16):
        texts = [write(value, digits) for value in values]
        whole = digits > 5 or texts == [write(value, digits + 1) for value in values]
        if whole and len(set(texts)) == len(texts):
            break
    return texts


def plain(value, digits):
    """A tick's number without a unit: 1.5, 200, 10k, -2M."""
    sign = "-" if value < 0 else ""
    return sign + readable(abs(value), "B", digits=digits).removesuffix("B").replace(" ", "")

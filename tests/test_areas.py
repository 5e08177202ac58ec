"""Stacked areas: every part as high as it is large, upon the part below, and the highest point marked."""

import re
from itertools import pairwise
from math import inf, nan

import pytest
from drawing import check, read

from llmcalc import palette
from llmcalc.svg import stacked_areas
from llmcalc.svg.areas import BOTTOM, LEFT, RIGHT

CLIMB = [{"weights": 2e9, "activations": n * 1e9, "in flight": 5e8} for n in (0, 1, 2, 3, 2, 1, 0)]
STAGES = {
    "climb": CLIMB,
    "one": [{"weights": 1}],
    "nothing": [{"weights": 0, "gradients": 0}] * 3,
    "many": [{"weights": 1, "gradients": n, "activations": 400 - n} for n in range(200)],
    "huge": [{"weights": 10**18, "gradients": n} for n in range(3)],
    "all": [dict.fromkeys(palette.COLOURS, n) for n in range(1, 6)],
}


def phases_of(stages):
    """All that can go wrong with names above: none at first, one stage only, all in one."""
    count = len(stages)
    yield {"forward": count}
    yield {"forward": 0, "backward": count - 1, "update": 1}
    yield {"forward": 1, "backward": count - 1, "update": 0}


def outlines(svg):
    """Corners of each polygon by its colour."""
    found = re.findall(r'<polygon points="([^"]+)" fill="([^"]+)"', svg)
    return {fill: [tuple(map(float, place.split(","))) for place in places.split()] for places, fill in found}


@pytest.mark.parametrize("stages", STAGES.values(), ids=STAGES)
@pytest.mark.parametrize("binary", [False, True])
def test_areas_stay_on_their_canvas_and_their_texts_apart(stages, binary):
    highest = max(sum(stage.values()) for stage in stages)
    for phases in phases_of(stages):
        for at in (None, 0, 1e-9, 0.3, 0.99, 1, 1.01, 3):
            limit = at if at is None else ("limit 192 GB", at * highest)
            drawing = check(stacked_areas(stages, phases, unit="B", says="x", limit=limit, binary=binary))
            named = {phase for phase, length in phases.items() if length}
            assert {*named, *stages[0], *(limit[:1] if limit else ())} <= set(drawing.texts())


def test_each_part_is_as_high_as_it_is_large_and_stands_on_the_part_below():
    svg = stacked_areas(CLIMB, {"all": len(CLIMB)}, unit="B", says="x")
    places, wide = outlines(svg), (RIGHT - LEFT) / len(CLIMB)
    (top,) = (box.bottom for box in read(svg).of("circle"))
    scale = (BOTTOM - top + 6) / 5.5e9  # the dot is six pixels large, and stands on the largest total
    for position, stage in enumerate(CLIMB):
        x, below = LEFT + (position + 0.5) * wide, BOTTOM
        for part, value in stage.items():
            low, high = heights_at(places[palette.colour(part)], x)
            assert low == pytest.approx(below, abs=0.2) and low - high == pytest.approx(value * scale, abs=0.2)
            below = high


def heights_at(corners, x):
    """Lower and upper edge of a staircase's outline at x; y grows downwards."""
    crossed = [a[1] for a, b in pairwise([*corners, corners[0]]) if min(a[0], b[0]) < x < max(a[0], b[0])]
    return max(crossed), min(crossed)


def test_a_part_that_is_never_there_is_in_the_legend_only():
    svg = stacked_areas([{"weights": 1, "gradients": 0}] * 2, {"all": 2}, unit="B", says="x")
    assert list(outlines(svg)) == [palette.colour("weights")] and "gradients" in read(svg).texts()


def test_the_highest_point_is_marked_and_named():
    drawing = read(stacked_areas(CLIMB, {"all": 7}, unit="B", says="x"))
    (dot,) = drawing.of("circle")
    assert (dot.left + dot.right) / 2 == pytest.approx(LEFT + 3.5 * (RIGHT - LEFT) / 7, abs=0.1)
    assert "peak 5.5 GB" in drawing.texts()


def middle(box):
    """Where the line lies that a text of this place names: a baseline is five pixels below it."""
    return box.bottom - 9


@pytest.mark.parametrize("binary", [False, True])
def test_marks_and_ends_stand_at_the_lines_they_name(binary):
    unit = 2**30 if binary else 10**9
    stages = [{"weights": n * unit} for n in (1, 4, 2)]
    drawing = read(stacked_areas(stages, {"all": 3}, unit="B", says="x", limit=("limit", 6 * unit), binary=binary))
    lines = [box for box in drawing.of("line") if box.top == box.bottom]
    grid = sorted(box.top for box in lines if box.what == palette.LINE)
    marks = {box.what: middle(box) for box in drawing.of("text") if box.right == pytest.approx(LEFT - 8, abs=0.1)}
    assert sorted(marks.values()) == pytest.approx(grid, abs=0.2) and len(grid) > 3
    (dot,) = drawing.of("circle")
    top = (dot.top + dot.bottom) / 2
    for mark, y in marks.items():
        value = float(mark.split(" ")[0])
        assert mark == "0 B" or mark.endswith(" GiB" if binary else " GB")
        assert BOTTOM - y == pytest.approx(value * (BOTTOM - top) / 4, abs=0.3)
    (to_peak,) = (box for box in lines if box.right == RIGHT + 4)
    assert to_peak.top == pytest.approx(top, abs=0.1) and to_peak.left == pytest.approx((dot.left + dot.right) / 2)
    ends = {box.what: middle(box) for box in drawing.of("text") if box.left == RIGHT + 8}
    assert ends == pytest.approx({f"peak 4 {'GiB' if binary else 'GB'}": top, "limit": lines[-1].top}, abs=0.2)


@pytest.mark.parametrize("lengths", [(4, 5, 3), (12,), (0, 11, 1), (6, 0, 6), (4, 8, 0)])
def test_a_line_divides_the_phases(lengths):
    phases = dict(zip(("one", "two", "three"), lengths, strict=False))
    drawing = read(stacked_areas([{"weights": 1}] * 12, phases, unit="B", says="x"))
    dividers = [box.left for box in drawing.of("line") if box.left == box.right]
    starts = {name: sum(lengths[:place]) for place, name in enumerate(phases) if phases[name]}
    at = {name: LEFT + start * (RIGHT - LEFT) / 12 for name, start in starts.items()}
    assert dividers == pytest.approx([x for x in at.values() if x > LEFT], abs=0.1)
    texts = {box.what: box.left for box in drawing.of("text") if box.what in phases}
    assert texts == pytest.approx({name: x + 6 for name, x in at.items()}, abs=0.1)


def test_parts_that_are_no_things_of_the_house_have_colours_of_their_own():
    svg = stacked_areas([{"tea": 1, "cake": 2, "weights": 3}], {"all": 1}, unit="B", says="x")
    assert list(outlines(svg)) == [*palette.SERIES[:2], palette.colour("weights")]
    keys = [box.what for box in read(svg).of("rect")]
    assert keys == list(outlines(svg))


def test_the_limit_lies_where_its_value_is():
    drawing = read(stacked_areas([{"weights": 4e9}], {"all": 1}, unit="B", says="x", limit=("limit", 8e9)))
    (dot,) = drawing.of("circle")
    line = drawing.of("line")[-1]
    assert BOTTOM - line.top == pytest.approx(2 * (BOTTOM - (dot.top + dot.bottom) / 2), abs=0.2)


@pytest.mark.parametrize("bad", [nan, inf, -1])
def test_what_cannot_be_drawn_is_refused(bad):
    with pytest.raises(ValueError, match="weights"):
        stacked_areas([{"weights": bad}], {"all": 1}, unit="B", says="x")


@pytest.mark.parametrize(
    ("stages", "phases", "limit", "says"),
    [
        ([], {}, None, "phases must be for 0 stages"),
        ([{"weights": 1}], {"all": 2}, None, "phases must be for 1 stages, one at least, got {'all': 2}"),
        ([{"weights": 1}, {"gradients": 1}], {"all": 2}, None, "the parts weights, got gradients"),
        ([{"weights": 1}], {"all": 1}, ("limit", inf), "limit must be a finite number, zero or more, got inf"),
        ([{"weights": 1}], {"all": 1}, ("limit", -1), "limit must be a finite number, zero or more, got -1"),
        ([{"weights": 1}], {"a": -1, "b": 2}, None, "phases must be for 1 stages, one at least"),
    ],
)
def test_what_does_not_go_together_is_refused_by_name(stages, phases, limit, says):
    with pytest.raises(ValueError, match=says):
        stacked_areas(stages, phases, unit="B", says="x", limit=limit)

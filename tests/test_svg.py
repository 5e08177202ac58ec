"""Drawings are well-formed, say what they show, stay on their canvas and keep their texts apart."""

import re
from html import escape
from itertools import pairwise, product
from math import inf, nan

import pytest
from drawing import check, read, text_width

from llmcalc import palette
from llmcalc.svg import line_chart, ranges, stacked_bars
from llmcalc.units import readable

TRICKY = "less < more & \"quoted\" 'single' > ünïcode 10⁹ </svg>"

# --- stacked bars ---------------------------------------------------------------------------------------------------

PARTS = {
    "usual": {"weights": 4.0004e9, "gradients": 4.0004e9, "optimizer": 8.0008e9, "activations": 4.1e8},
    "all": dict.fromkeys(palette.COLOURS, 1e9),
    "nothing": {"weights": 0, "gradients": 0},
    "one huge": {"weights": 10**18, "gradients": 1, "optimizer": 0},
    "below one": {"weights": 1e-3},
    "whole": {"weights": 7},
    "two unequal": {"weights": 1, "activations": 999},
}
LIMITS = (None, 0, 1e-9, 0.01, 0.3, 0.5, 0.999, 1, 1.7, 50)
UNITS = (("B", False), ("B", True), ("FLOP", False), ("FLOP/s", False), ("bit/s", True))


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize(("unit", "binary"), UNITS)
def test_bars_stay_on_their_canvas_and_their_texts_apart(parts, unit, binary):
    for at in LIMITS:
        limit = at if at is None else (f"limit {readable(at * sum(parts.values()), unit)}", at * sum(parts.values()))
        for bars in ({"training, batch 1,024": parts}, {"training": parts, "inference": {"weights": 1}, "none": {}}):
            drawing = check(stacked_bars(bars, unit=unit, says="x", limit=limit, binary=binary))
            assert set(bars) <= set(drawing.texts())


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
def test_parts_are_as_wide_as_they_are_large_and_stand_side_by_side(parts):
    drawing = read(stacked_bars({"bar": parts}, unit="B", says="x"))
    boxes = [box for box in drawing.of("rect") if box.bottom - box.top > 20]  # legend keys are smaller
    assert [box.what for box in boxes] == [palette.colour(name) for name in parts]
    total = sum(parts.values())
    whole = sum(box.right - box.left for box in boxes)
    for box, value in zip(boxes, parts.values(), strict=True):
        assert box.right - box.left == pytest.approx(whole * value / (total or 1), abs=0.2)
    for box, following in pairwise(boxes):
        assert box.right == pytest.approx(following.left, abs=0.2)


def test_the_limit_stands_where_its_value_is_on_the_axis():
    for limit in (1e9, 5e9, 20e9):
        drawing = read(stacked_bars({"bar": {"weights": 10e9}}, unit="B", says="x", limit=("limit", limit)))
        bar = next(box for box in drawing.of("rect") if box.bottom - box.top > 20)
        line = drawing.of("line")[-1]
        assert line.left - bar.left == pytest.approx((bar.right - bar.left) * limit / 10e9, abs=0.2)


@pytest.mark.parametrize("value", [1, 7, 999, 1000, 1024, 4.4e9, 8.0008e9, 8 * 2**30, 10**20])
@pytest.mark.parametrize("binary", [False, True])
def test_the_axis_has_round_marks_that_differ_and_reach_the_end_of_the_bar(value, binary):
    drawing = read(stacked_bars({"bar": {"weights": value}}, unit="B", says="x", binary=binary))
    marks = [text for text in drawing.texts() if text.endswith("B")]
    assert 4 <= len(marks) <= 8 and len(set(marks)) == len(marks)
    assert marks[0] == "0 B" and all(len(mark.split(" ")[0]) <= 5 for mark in marks)
    assert max(line.right for line in drawing.of("line")) >= max(
        box.right for box in drawing.of("rect") if box.bottom - box.top > 20
    )


def test_a_name_stands_inside_its_part_only_if_there_is_room():
    for share in (0.001, 0.05, 0.1, 0.15, 0.2, 0.5):
        svg = stacked_bars({"bar": {"weights": 1 - share, "activations": share}}, unit="B", says="x")
        drawing = read(svg)
        bars = [box for box in drawing.of("rect") if box.bottom - box.top > 20]
        for name, bar in zip(("weights", "activations"), bars, strict=True):
            within = [text for text in drawing.of("text") if text.what == name and bar.top < text.top < bar.bottom]
            assert all(bar.left <= text.left and text.right <= bar.right for text in within)
        assert drawing.texts().count("activations") >= 1  # at least in the legend


def test_a_part_has_the_colour_of_its_key_in_every_bar():
    drawing = read(stacked_bars({"one": {"a": 1, "b": 1}, "two": {"c": 1, "b": 1}}, unit="B", says="x"))
    tall, keys = [], []
    for box in drawing.of("rect"):
        (tall if box.bottom - box.top > 20 else keys).append(box.what)
    a, b, c = keys
    assert tall == [a, b, c, b] and len({a, b, c}) == 3


def test_shares_have_an_axis_in_percent():
    drawing = check(stacked_bars({"model": {"attention": 30, "feed-forward": 70}}, unit="%", says="x"))
    assert {"0%", "100%"} <= set(drawing.texts())


def test_a_long_legend_goes_on_in_further_rows():
    parts = dict.fromkeys([*palette.COLOURS, *palette.PARTS], 1)
    drawing = check(stacked_bars({"all": parts}, unit="B", says="x"))
    keys = [box for box in drawing.of("rect") if box.bottom - box.top < 20]
    assert len(keys) == len(parts) and len({box.top for box in keys}) == 3


# --- ranges ---------------------------------------------------------------------------------------------------------

RANGES = {
    "usual": {"a run with a name": (0.5, 0.8, 1.2, 1), "another": (0.4, 0.5, 2, 0.3)},
    "equal": {"a": (1, 1, 1, 1)},
    "far apart": {"a": (1e-3, 1, 1e3), "b": (1, 2, 3)},
    "many": {f"run {number}": (number, number + 1, number + 5, 3) for number in range(1, 31)},
}


@pytest.mark.parametrize("rows", RANGES.values(), ids=RANGES)
@pytest.mark.parametrize("x_log", [False, True])
@pytest.mark.parametrize("limit", [None, ("as reported", 1)])
def test_ranges_stay_on_their_canvas_and_their_texts_apart(rows, x_log, limit):
    drawing = check(ranges(rows, x_label="hours", says="x", x_log=x_log, limit=limit))
    assert {*rows, "hours"} <= set(drawing.texts())
    assert len(drawing.of("circle")) == sum(len(values) == 4 for values in rows.values())


def test_a_range_lies_between_its_ends_and_holds_its_middle():
    drawing = read(ranges({"a": (10, 20, 40, 30)}, x_label="x", says="x"))
    thick = next(box for box in drawing.of("line") if box.what == palette.SERIES[0])
    middle = [box for box in drawing.of("line") if box.what == palette.TEXT][-1]
    (true,) = drawing.of("circle")
    assert middle.left - thick.left == pytest.approx((thick.right - thick.left) / 3, abs=0.2)
    assert (true.left + true.right) / 2 - thick.left == pytest.approx((thick.right - thick.left) * 2 / 3, abs=0.2)


@pytest.mark.parametrize("values", [(1, 2), (3, 2, 1), (1, nan, 2), (1, 2, 3, inf)])
def test_what_is_no_range_is_refused_by_name(values):
    with pytest.raises(ValueError, match="ranges: 'run' needs low <= middle <= high"):
        ranges({"run": values}, x_label="x", says="x")


def test_a_logarithmic_range_has_to_be_positive():
    with pytest.raises(ValueError, match="ranges: a logarithmic axis needs positive values, got 0 in 'run'"):
        ranges({"run": (0, 1, 2)}, x_label="x", says="x", x_log=True)


# --- lines ----------------------------------------------------------------------------------------------------------

XS = {
    "even": [1, 2, 3, 4],
    "powers": [1, 2**10, 2**17, 2**20],
    "single": [3],
    "equal": [3, 3, 3, 3],
    "from zero": [0, 1, 2, 3],
    "fractions": [0.1, 0.2, 0.3, 0.4],
    "many decades": [1e-6, 1, 1e6, 1e12],
}
YS = {
    "flat": [5, 5, 5, 5],
    "zero": [0, 0, 0, 0],
    "rising": [1, 10, 100, 1000],
    "falling": [4, 3, 2, 1],
    "many decades": [1e-6, 1, 1e6, 1e12],
    "nearly equal": [1, 1.0001, 1.0002, 1.0003],
    "small": [1e-12, 2e-12, 3e-12, 4e-12],
    "large": [1e24, 2e24, 3e24, 4e24],
}


@pytest.mark.parametrize("x", XS.values(), ids=XS)
@pytest.mark.parametrize("y", YS.values(), ids=YS)
@pytest.mark.parametrize(("x_log", "y_log"), [*product((False, True), repeat=2)])
def test_lines_stay_on_their_canvas_and_their_texts_apart(x, y, x_log, y_log):
    y = y[: len(x)]
    if (x_log and min(x) <= 0) or (y_log and min(y) <= 0):
        return
    for at in (None, 0.01, 1, 100):
        limit = at if at is None else ("limit", at * max(y))
        if limit and y_log and limit[1] <= 0:
            continue
        series = {"weights": y, "gradients": [1.01 * value for value in y]}
        drawing = check(
            line_chart(x, series, x_label="tokens", y_label="GB", says="x", x_log=x_log, y_log=y_log, limit=limit)
        )
        assert {"weights", "gradients", "tokens", "GB"} <= set(drawing.texts())
        assert len(drawing.of("polyline")) == 2


@pytest.mark.parametrize("ends", [[1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0], [100, 99, 98, 2, 1, 0]])
def test_six_lines_that_end_together_still_have_names_one_can_read(ends):
    names = list(palette.COLOURS)[: len(ends)]
    series = {name: [0, end] for name, end in zip(names, ends, strict=True)}
    drawing = check(line_chart([0, 1], series, x_label="x", y_label="y", says="x", limit=("limit", 100)))
    assert {*names, "limit"} <= set(drawing.texts())
    order = [box.what for box in sorted(drawing.of("text"), key=lambda box: box.top) if box.what in names]
    heights = [ends[names.index(name)] for name in order]
    assert heights == sorted(heights, reverse=True)  # named from top to bottom as they end


@pytest.mark.parametrize(("x_log", "y_log"), [*product((False, True), repeat=2)])
def test_points_stand_where_the_marks_of_the_axes_say(x_log, y_log):
    x = y = [1, 10, 100, 1000]
    drawing = read(line_chart(x, {"line": y}, x_label="", y_label="", says="x", x_log=x_log, y_log=y_log))
    (line,) = drawing.of("polyline")
    on_y, on_x = sorted((box for box in drawing.of("text") if box.what == "1k"), key=lambda box: box.top)
    assert (on_x.left + on_x.right) / 2 == pytest.approx(line.right, abs=0.2)
    assert on_y.bottom - 9 == pytest.approx(line.top, abs=0.2)  # a line of text is centred upon its mark


def test_a_logarithmic_axis_makes_powers_a_straight_line():
    svg = line_chart([1, 10, 100], {"line": [1, 100, 10**4]}, x_label="", y_label="", says="x", x_log=True, y_log=True)
    points = svg.partition('<polyline points="')[2].partition('"')[0]
    (x0, y0), (x1, y1), (x2, y2) = (map(float, point.split(",")) for point in points.split())
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2) and y1 - y0 == pytest.approx(y2 - y1, abs=0.2)


@pytest.mark.parametrize("x", [[1_000_000, 1_000_001, 1_000_002], [2018, 2022, 2026], [1e-9, 2e-9]])
def test_marks_of_an_axis_differ_from_each_other(x):
    drawing = read(line_chart(x, {"line": [1] * len(x)}, x_label="x", y_label="y", says="x"))
    below = max(box.top for box in drawing.of("text") if box.what not in "xy")
    marks = [box.what for box in drawing.of("text") if box.top == below]
    assert len(marks) > 1 and len(set(marks)) == len(marks)


def test_each_line_differs_in_more_than_its_colour():
    series = {name: [1, 2] for name in ("weights", "gradients", "optimizer", "activations")}
    svg = line_chart([1, 2], series, x_label="x", y_label="y", says="x")
    dashes = [part.partition('stroke-dasharray="')[2].partition('"')[0] for part in svg.split("<polyline")[1:]]
    dashes = [part if "/>" not in part else "" for part in dashes]
    assert len(set(dashes)) == 4


def test_lines_may_have_positions_of_their_own():
    x, series = {"short": [1, 2], "long": [0, 1, 2, 4]}, {"short": [1, 1], "long": [2, 2, 2, 2]}
    short, long = read(line_chart(x, series, x_label="x", y_label="y", says="x")).of("polyline")
    assert short.right - short.left == pytest.approx((long.right - long.left) / 4, abs=0.2)


@pytest.mark.parametrize(("x_log", "y_log"), [*product((False, True), repeat=2)])
def test_named_points_stand_on_their_line_with_names_apart(x_log, y_log):
    places = {"a model": (10, 2), "a model beside it": (11, 2), "at the end": (1000, 4), "in the corner": (1, 1)}
    drawing = check(
        line_chart([1, 10, 1000], {"line": [1, 2, 4]}, x_label="x", y_label="y", says="x",
                   x_log=x_log, y_log=y_log, points=places)
    )  # fmt: skip
    assert set(places) <= set(drawing.texts())
    (line,), dots = drawing.of("polyline"), drawing.of("circle")
    assert [(dots[2].left + dots[2].right) / 2, (dots[2].top + dots[2].bottom) / 2] == pytest.approx(
        [line.right, line.top], abs=0.2
    )


def test_marks_of_an_axis_are_written_in_full():
    texts = read(line_chart([1, 2], {"a": [1.86, 1.97]}, x_label="x", y_label="y", says="x", from_zero=False)).texts()
    assert {"1.85", "1.875", "1.9", "1.925", "1.95", "1.975"} <= set(texts)


def test_names_of_points_keep_off_the_lines():
    x = [step / 10 for step in range(-20, 21)]
    for places in ({"at the bottom": (0, 2)}, {"on the slope": (-1, 3)}, {"right": (1, 3), "left": (-1, 3)}):
        svg = line_chart(
            x, {"valley": [2 + a * a for a in x]}, x_label="x", y_label="y", says="x", limit=("floor", 3), points=places
        )
        curve = [tuple(map(float, place.split(","))) for place in re.search(r'points="([^"]*)"', svg)[1].split()]
        floor = next(box.top for box in check(svg).of("line") if box.what == palette.TEXT and box.right - box.left > 99)
        for name in (box for box in read(svg).of("text") if box.what in places):
            assert not name.top < floor < name.bottom
            assert not [1 for a, b in curve if name.left < a < name.right and name.top < b < name.bottom], name


@pytest.mark.parametrize(("low", "high"), [(1.9, 3.4), (2, 5), (0.03, 0.5), (1, 40), (7e9, 3e11), (99, 101)])
def test_a_narrow_logarithmic_axis_has_marks_enough_and_is_well_filled(low, high):
    drawing = check(line_chart([1, 2], {"line": [low, high]}, x_label="x", y_label="y", says="x", y_log=True))
    (line,) = drawing.of("polyline")
    marks = [box for box in drawing.of("line") if box.what == palette.LINE]
    assert 2 <= len(marks) <= 7
    assert line.top >= min(box.top for box in marks) - 0.1 and line.bottom <= max(box.top for box in marks) + 0.1


def test_a_linear_axis_may_begin_above_zero():
    from_zero, close = (
        read(line_chart([1, 2], {"line": [100, 101]}, x_label="x", y_label="y", says="x", from_zero=choice))
        for choice in (True, False)
    )
    assert "0" in from_zero.texts() and "0" not in close.texts()
    (flat,), (steep,) = from_zero.of("polyline"), close.of("polyline")
    assert steep.bottom - steep.top > 50 * (flat.bottom - flat.top)


def test_limits_stand_where_their_values_are():
    drawing = read(line_chart([1, 2], {"a": [0, 10]}, x_label="", y_label="", says="x", limit=("limit", 10)))
    dashed = next(box for box in drawing.of("line") if box.what == palette.TEXT and box.right - box.left > 99)
    assert dashed.top == pytest.approx(drawing.of("polyline")[0].top, abs=0.2)
    drawing = read(ranges({"a": (10, 20, 40)}, x_label="x", says="x", limit=("limit", 20)))
    dashed, middle = (box for box in drawing.of("line") if box.what == palette.TEXT)
    assert dashed.left == pytest.approx(middle.left, abs=0.2)
    mark = next(box for box in drawing.of("text") if box.what == "20")
    assert (mark.left + mark.right) / 2 == pytest.approx(middle.left, abs=0.5)


# --- what both share ------------------------------------------------------------------------------------------------


def bars(says="x", name="bar", unit="B", **options):
    return stacked_bars({name: {name: 1}}, unit=unit, says=says, **options)


def lines(says="x", name="line", **options):
    return line_chart([1, 2], {name: [1, 2]}, x_label=name, y_label=name, says=says, **options)


both = pytest.mark.parametrize("draw", [bars, lines])


@both
def test_the_sentence_is_the_text_alternative_and_safe(draw):
    svg = draw(says=TRICKY)
    assert read(svg).says == TRICKY
    assert f'aria-label="{escape(TRICKY)}"' in svg and svg.count("</svg>") == 1


@both
def test_names_with_markup_in_them_are_shown_as_they_are(draw):
    drawing = read(draw(name=TRICKY, limit=(TRICKY, 1)))
    assert drawing.texts().count(TRICKY) >= 3


@both
@pytest.mark.parametrize("says", ["", "   ", None])
def test_a_picture_without_a_sentence_is_refused(draw, says):
    with pytest.raises(ValueError, match="a picture needs `says`, a sentence that tells what it shows"):
        draw(says=says)


@both
def test_the_same_drawing_is_the_same_text(draw):
    assert draw() == draw()


@pytest.mark.parametrize("bad", [nan, inf, -1])
def test_values_that_cannot_be_drawn_are_refused_and_not_drawn_wrongly(bad):
    with pytest.raises(ValueError):
        stacked_bars({"bar": {"weights": bad}}, unit="B", says="x")
    if bad != -1:
        with pytest.raises(ValueError):
            line_chart([1, 2], {"line": [1, bad]}, x_label="x", y_label="y", says="x")


def test_lines_of_another_length_than_x_are_refused_by_name():
    with pytest.raises(ValueError, match="line_chart: 'gradients' has 1 values for 2 positions in x"):
        line_chart([1, 2], {"weights": [1, 2], "gradients": [1]}, x_label="x", y_label="y", says="x")


@pytest.mark.parametrize(("axis", "x", "y"), [("x", [0, 1], [1, 2]), ("y", [1, 2], [0, 1])])
def test_logarithmic_axes_refuse_what_is_not_positive(axis, x, y):
    with pytest.raises(ValueError, match=f"line_chart: a logarithmic {axis} axis needs positive values, got"):
        line_chart(x, {"line": y}, x_label="x", y_label="y", says="x", **{f"{axis}_log": True})


# --- palette --------------------------------------------------------------------------------------------------------


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    "fill",
    sorted({*map(palette.colour, (*palette.COLOURS, *palette.PARTS, *palette.STATES, *palette.PLAN)), *palette.SERIES}),
)
def test_text_upon_a_colour_can_be_read(fill):
    """WCAG 2, success criterion 1.4.3: a contrast of 4.5 for text."""
    assert contrast(fill, palette.ink(fill)) >= 4.5
    assert contrast(fill, palette.ink(fill)) == max(contrast(fill, one) for one in (palette.BLACK, palette.WHITE))


@pytest.mark.parametrize("variable", [palette.TEXT, palette.LINE, palette.CARD])
def test_colours_of_the_page_have_a_fallback(variable):
    assert variable.startswith("var(--jp-") and variable.rstrip(")").partition(", ")[2].startswith("#")


def test_colours_are_all_different():
    every = [*palette.COLOURS.values(), *palette.PARTS.values(), *palette.SERIES]
    assert len(set(every)) == len(every)
    assert len({*every, *palette.STATES.values()}) == len(every) + 2  # moments are the optimizer, its work is in flight
    assert palette.colour("weights") == palette.colour("weights", 3) != palette.colour("unknown", 3)


def test_the_ruler_of_these_tests_measures():
    """Guards the tests of overlap: a longer or bolder text is wider."""
    assert 0 < text_width("i") < text_width("w") < text_width("ww") < text_width("ww", bold=True)

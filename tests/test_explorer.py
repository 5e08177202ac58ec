"""Explorers: controls that stay in step, one redraw for each change, and words where a view refuses."""

import random
import re

import ipywidgets as widgets
import pytest
from controls import Explorer, descendants

from llmcalc.explorer import explore


class View:
    """A view that remembers how often, and with what, it was called."""

    __name__ = "view"

    def __init__(self):
        self.calls = []

    def __call__(self, width=4, share=0.5, format="bf16", bias=True, unused=7):
        self.calls.append({"width": width, "share": share, "format": format, "bias": bias, "unused": unused})
        if width == 13:
            raise ValueError("13 <is> refused & escaped")
        return f"{width} {share} {format} {bias} {unused}"


@pytest.fixture
def view():
    return View()


@pytest.fixture
def explorer(view):
    return Explorer(view, width=[1, 4, 16, 64], share=[0.25, 0.5, 1], format=["fp32", "bf16"], bias=[True, False])


def test_starts_with_the_view_at_its_defaults(view, explorer):
    assert view.calls == [{"width": 4, "share": 0.5, "format": "bf16", "bias": True, "unused": 7}]
    assert explorer.picture.value == "4 0.5 bf16 True 7"
    assert {label: control.value for label, control in explorer.controls.items()} == {
        "width": 4, "share": 0.5, "format": "bf16", "bias": True,
    }  # fmt: skip
    assert {label: slider.value for label, slider in explorer.sliders.items()} == {"width": 4, "share": 0.5}


def test_is_marked_as_an_explorer(explorer):
    assert isinstance(explorer.box, widgets.VBox) and "llmcalc-explorer" in explorer.box._dom_classes


def test_is_large_in_a_view_of_its_own_and_nowhere_else(explorer):
    (style,) = (widget for widget in descendants(explorer.box) if "<style>" in str(getattr(widget, "value", "")))
    selectors = re.findall(r"([^{}<>]+)\{", style.value)
    assert selectors and all(each.strip().startswith(".jp-LinkedOutputView .llmcalc-explorer") for each in selectors)
    assert style.layout.display == "none"


CHANGES = [("width", "controls", 16), ("width", "controls", 5), ("width", "sliders", 16), ("share", "controls", 0.3)]
CHANGES += [("share", "sliders", 0.25), ("format", "controls", "fp32"), ("bias", "controls", False)]


@pytest.mark.parametrize(("label", "kind", "value"), CHANGES)
def test_every_change_calls_the_view_exactly_once(view, explorer, label, kind, value):
    view.calls.clear()
    getattr(explorer, kind)[label].value = value
    assert len(view.calls) == 1 and view.calls[0][label] == value
    assert str(value) in explorer.picture.value.split()
    getattr(explorer, kind)[label].value = value  # no change
    assert len(view.calls) == 1


def test_slider_and_field_stay_in_step(explorer):
    field, slider = explorer.controls["width"], explorer.sliders["width"]
    for value in (1, 64, 16, 4, 64):
        slider.value = value
        assert field.value == value
    for typed, nearest in ((1, 1), (2, 1), (3, 4), (10, 4), (11, 16), (39, 16), (41, 64), (64, 64), (5, 4)):
        field.value = typed
        assert (field.value, slider.value) == (typed, nearest)  # what was typed stays


def test_a_slider_can_leave_and_come_back_after_a_value_between_was_typed(view, explorer):
    field, slider = explorer.controls["width"], explorer.sliders["width"]
    field.value = 15
    for value in (4, 16, 64, 1):
        view.calls.clear()
        slider.value = value
        assert field.value == value and [call["width"] for call in view.calls] == [value]


def test_random_walks_never_lose_step_or_call_twice(view, explorer):
    chance = random.Random(0)
    for _ in range(300):
        label = chance.choice(["width", "share"])
        field, slider, before = explorer.controls[label], explorer.sliders[label], explorer.controls[label].value
        view.calls.clear()
        if chance.random() < 0.5:
            chosen = chance.choice(slider.options)
            moved = chosen != slider.value
            slider.value = chosen
            assert not moved or field.value == chosen
        else:
            field.value = chance.randint(1, 64) if label == "width" else chance.uniform(0.25, 1)
        options = slider.options
        assert abs(slider.value - field.value) == min(abs(option - field.value) for option in options)
        assert len(view.calls) == (field.value != before)


@pytest.mark.parametrize(("typed", "kept"), [(0, 1), (-5, 1), (65, 64), (10**9, 64)])
def test_a_typed_value_is_kept_between_the_first_and_the_last_choice(view, explorer, typed, kept):
    view.calls.clear()
    explorer.controls["width"].value = typed
    assert explorer.controls["width"].value == kept == explorer.sliders["width"].value
    assert [call["width"] for call in view.calls] == [kept]


def test_numbers_are_passed_on_as_what_they_are(view, explorer):
    explorer.sliders["width"].value = 16
    explorer.sliders["share"].value = 1
    assert type(view.calls[-1]["width"]) is int and view.calls[-1]["share"] == 1


def test_yes_or_no_is_a_choice_and_no_number(view, explorer):
    assert "bias" not in explorer.sliders
    explorer.controls["bias"].value = False
    assert view.calls[-1]["bias"] is False


def test_what_a_view_refuses_stands_where_the_picture_was_until_it_can_be_drawn_again(explorer):
    field = explorer.controls["width"]
    field.value = 13
    assert explorer.picture.value == '<p role="alert">13 &lt;is&gt; refused &amp; escaped</p>'
    field.value = 16
    assert explorer.picture.value == "16 0.5 bf16 True 7"


@pytest.mark.parametrize(
    ("name", "label"), [("memory_GB", "memory GB"), ("peak_TFLOP_per_s", "peak TFLOP/s"), ("batch", "batch")]
)
def test_labels_are_words(name, label):
    def view(memory_GB=1, peak_TFLOP_per_s=1, batch=1):
        return "x"

    explorer = Explorer(view, **{name: [1, 2]})
    assert list(explorer.controls) == list(explorer.sliders) == [label]


def test_every_control_has_a_name_of_its_own_or_stands_beside_one(explorer):
    for label, control in explorer.controls.items():
        assert label and control.description == label
    for row in descendants(explorer.box):
        inside = [child for child in getattr(row, "children", ()) if isinstance(child, widgets.SelectionSlider)]
        for slider in inside:
            assert [child.description for child in row.children if child is not slider] == [slider.tooltip]


@pytest.mark.parametrize(
    ("choices", "kind", "message"),
    [
        ({"height": [1, 2]}, TypeError, "explore: view has no parameter 'height'; it has width, share, format, bias"),
        ({"width": [1, 2]}, ValueError, "explore: width must offer the view's default 4, got [1, 2]"),
        ({"format": ["fp32"]}, ValueError, "explore: format must offer the view's default 'bf16', got ['fp32']"),
        ({"width": []}, ValueError, "explore: width must offer the view's default 4, got []"),
    ],
)
def test_wrong_choices_are_refused_by_name(view, choices, kind, message):
    with pytest.raises(kind) as refused:
        explore(view, **choices)
    assert str(refused.value).startswith(message)


def test_an_explorer_without_controls_is_just_the_picture(view):
    assert Explorer(view).picture.value == "4 0.5 bf16 True 7"


def test_one_choice_alone_is_allowed(view):
    explorer = Explorer(view, width=[4])
    assert explorer.controls["width"].value == explorer.sliders["width"].value == 4


def test_choices_may_be_any_sequence(view):
    assert Explorer(view, width=range(1, 9)).sliders["width"].options == tuple(range(1, 9))

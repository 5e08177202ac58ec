"""An explorer in a view of its own, as a teacher projects it: the back row can read it, and it still works."""

import pytest
from explorers import controls_of, explorers, picture_of
from lab import choose

SCREENS = [(1920, 1080), (1280, 720)]
READABLE = 1 / 50
"""The least height of letters, as a part of the screen's: the rule of the teacher's guide."""


@pytest.fixture(scope="module")
def projected(lab):
    """A lesson that has run, and its explorer in a view of its own that fills the window."""
    with lab.lesson("notebooks/07_activation_memory.ipynb") as lesson:
        lesson.run_all()
        (explorer,) = explorers(lesson.page)
        lesson.at_first_sight = {"in the notebook": explorer.evaluate(SIZES)}
        explorer.locator("svg").click(button="right")
        lesson.page.locator(".lm-Menu-item", has_text="Create New View for Cell Output").click()
        lesson.page.locator(".lm-TabBar-tab", has_text="Output View").click()
        choose(lesson.page, "View", "Appearance", "Simple Interface")
        view = lesson.page.locator(".jp-LinkedOutputView .llmcalc-explorer")
        view.locator("svg").wait_for()
        yield lesson, view


@pytest.mark.parametrize(("width", "height"), SCREENS)
def test_the_back_row_can_read_an_explorer_in_a_view_of_its_own(projected, width, height):
    lesson, view = projected
    lesson.page.set_viewport_size({"width": width, "height": height})
    lesson.page.wait_for_function("height => innerHeight === height", arg=height)
    lesson.photograph_projected(height)
    sizes = view.evaluate(SIZES)
    assert {"text", "label", "input", "select", "p", "td"} <= set(sizes)
    assert {part: size for part, size in sizes.items() if part not in WIDTHS and size < height * READABLE} == {}
    assert sizes["right"] <= width, "it sticks out of the screen"


def test_an_explorer_in_a_view_of_its_own_answers_to_its_controls(projected):
    lesson, view = projected
    for control in controls_of(view):
        start = control.position
        for target in (control.neighbour(), start):
            assert control.move(target) is not None, control.name
    assert picture_of(view).locator("svg").is_visible()
    assert not lesson.problems


def test_an_explorer_in_its_notebook_is_as_large_as_the_text_around_it(projected):
    lesson, _ = projected
    sizes = lesson.at_first_sight["in the notebook"]
    assert sizes["width"] == 760 and sizes["text"] == 16
    assert {part: sizes[part] for part in ("label", "input", "select", "p", "td")} == dict.fromkeys(
        ("label", "input", "select", "p", "td"), 13
    )


WIDTHS = ("width", "right")

# Heights of letters in pixels of the screen, the least of each kind, and how wide the picture and how far all of it is.
SIZES = """explorer => {
    const svg = explorer.querySelector('svg'), box = svg.getBoundingClientRect()
    const letters = (part, scale) => Math.min(
        ...[...explorer.querySelectorAll(part)].map(node => parseFloat(getComputedStyle(node).fontSize) * scale))
    const parts = [...explorer.querySelectorAll('svg, label, input, select, p')]
    return {
        text: letters('svg text', box.width / svg.viewBox.baseVal.width),
        ...Object.fromEntries(['label', 'input', 'select', 'p', 'td'].map(part => [part, letters(part, 1)])),
        width: box.width,
        right: Math.max(...parts.map(part => part.getBoundingClientRect().right)),
    }
}"""

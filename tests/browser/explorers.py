"""The controls of an explorer, worked by keyboard as a reader would."""

from dataclasses import dataclass

from playwright.sync_api import Locator, Page

PATIENCE = 60
"""Seconds to wait for a new picture before it counts as missing. Whether one comes is asked here, not how soon: that is
measured, and on a busy machine, with an environment being installed beside it, a kernel may stand still for seconds."""


@dataclass
class Control:
    """One control: where it stands, where else it can stand, and the picture it changes."""

    kind: str  # slider, list, field
    label: str
    element: Locator
    picture: Locator
    position: int
    positions: list  # what a number field is given; for sliders and lists only their number counts
    keys: tuple[tuple[str, ...], tuple[str, ...]]  # one position back, one on

    @property
    def name(self):
        return f"{self.label}, {self.kind}"

    def neighbour(self, direction=1):
        """The next position in a direction, or back from the end."""
        ahead = self.position + direction
        return ahead if 0 <= ahead < len(self.positions) else self.position - direction

    def move(self, position):
        """Go to a neighbouring position; the seconds from the key press to the new picture, None if none appears."""
        *before, last = self.keys[position > self.position]
        if self.kind == "field":
            self.element.fill(self.positions[position])
        self.element.focus()
        for key in before:
            self.element.page.keyboard.press(key)
        self.picture.evaluate(_WATCH)
        self.element.page.keyboard.press(last)
        self.position = position
        return self.picture.evaluate(_AWAIT, PATIENCE * 1000)


def explorers(page: Page):
    """The explorers of an open notebook, in order."""
    return page.locator(".llmcalc-explorer").all()


def picture_of(explorer):
    """Where an explorer shows its view."""
    return explorer.locator(".llmcalc-picture .widget-html-content")


def standing(page):
    """What an open notebook's explorers and its status bar show, in words: what a failure has to tell."""
    controls = [control for explorer in explorers(page) for control in controls_of(explorer)]
    shown = [f"{control.name} at {control.element.evaluate(_VALUE)}" for control in controls]
    return "; ".join([*shown, *page.locator(".jp-StatusBar-TextItem").all_inner_texts()])


def controls_of(explorer):
    """Every slider, number field and drop-down of an explorer."""
    controls = []
    for element in explorer.locator("[role=slider], select, input").all():
        make = {"DIV": _slider, "SELECT": _list, "INPUT": _number_field}[element.evaluate("node => node.tagName")]
        controls.append(Control(picture=picture_of(explorer), element=element, **make(element)))
    return controls


def _slider(handle):
    low, high, now = (
        int(float(handle.get_attribute(f"aria-value{name}"))) for name in ("min", "max", "now")
    )  # places in the list of values: 0, 1, 2, ...
    return {
        "kind": "slider",
        "label": handle.evaluate(FIELD_BESIDE_SLIDER),
        "position": now - low,
        "positions": list(range(low, high + 1)),
        "keys": (("ArrowLeft",), ("ArrowRight",)),
    }


def _list(element):
    return {
        "kind": "list",
        "label": element.evaluate(_LABEL),
        "position": element.evaluate("node => node.selectedIndex"),
        "positions": element.locator("option").all_inner_texts(),
        # JupyterLab takes the arrow keys of a closed list for itself (ipywidgets issue 3912), so open it first.
        "keys": (("Space", "ArrowUp", "Enter"), ("Space", "ArrowDown", "Enter")),
    }


def _number_field(element):
    now, low, high = element.input_value(), element.get_attribute("min"), element.get_attribute("max")
    return {
        "kind": "field",
        "label": element.evaluate(_LABEL),
        "position": 0,
        "positions": [now, high if float(now) != float(high) else low],
        "keys": (("Enter",), ("Enter",)),
    }


_VALUE = "node => node.ariaValueNow ?? node.value"

_LABEL = "node => node.labels[0]?.textContent.trim() || ''"

FIELD_BESIDE_SLIDER = """handle => {
    const row = handle.closest('.llmcalc-explorer .widget-hbox')
    return row?.querySelector('input[type=number]')?.labels[0]?.textContent.trim() || ''
}"""
"""Label of the number field that stands in the slider's row; a slider has no accessible name of its own."""

# The clock runs inside the page, from the key press as the browser dates it to the frame that holds the new picture.
# An open list keeps its keys from the page; there the clock starts with the change.
_WATCH = """picture => {
    const before = picture.innerHTML
    let pressed
    for (const start of ['keydown', 'change'])
        addEventListener(start, event => { pressed ??= event.timeStamp }, {capture: true, once: true})
    picture.newPicture = new Promise(resolve => {
        const observer = new MutationObserver(() => {
            if (picture.innerHTML === before) return
            observer.disconnect()
            requestAnimationFrame(() => setTimeout(() => resolve((performance.now() - pressed) / 1000)))
        })
        observer.observe(picture, {childList: true, characterData: true, subtree: true})
    })
}"""
_AWAIT = """(picture, patience) => Promise.race([
    picture.newPicture, new Promise(resolve => setTimeout(() => resolve(null), patience))])"""

"""Taking an explorer apart: its controls by label, so that a test can move them."""

import ipywidgets as widgets

from llmcalc.explorer import explore


class Explorer:
    """An explorer's fields and choices by label, the slider beside each field, and the picture."""

    def __init__(self, view, **choices):
        self.box = explore(view, **choices)
        (self.picture,) = (widget for widget in descendants(self.box) if "llmcalc-picture" in widget._dom_classes)
        self.controls, self.sliders = {}, {}
        for widget in descendants(self.box):
            if isinstance(widget, widgets.SelectionSlider):
                self.sliders[widget.tooltip] = widget
            elif isinstance(widget, widgets.ValueWidget) and not isinstance(widget, widgets.HTML):
                self.controls[widget.description] = widget


def descendants(widget):
    """The widget and everything in it."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from descendants(child)

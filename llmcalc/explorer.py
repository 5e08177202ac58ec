"""Controls around a view, kept out of the way of the lesson."""

import inspect
from html import escape

import ipywidgets as widgets


def explore(view, **choices):
    """Give `view` one control per keyword, each starting at the view's own default.

    Numbers get a slider through the given values and a field beside it, where any value between the first and the
    last can be typed. Text gets a list to choose from. The picture is redrawn by setting the value of an HTML
    widget, which is fast and leaves no output behind.

    Parameters
    ----------
    view : callable
        Returns HTML or SVG as text; every parameter has a default.
    **choices : sequence
        The values of a control, in order, such as ``kv_heads=[1, 8, 32]``; the default must be among them.

    Returns
    -------
    ipywidgets.VBox
        With the CSS class ``llmcalc-explorer``.

    Raises
    ------
    TypeError, ValueError
        For a keyword that is no parameter of the view, and for a default that is not among the choices.
    """
    parameters = inspect.signature(view).parameters
    controls, rows, picture = {}, [], widgets.HTML(value=view())
    picture.add_class("llmcalc-picture")

    def redraw(_change):
        try:
            picture.value = view(**{name: control.value for name, control in controls.items()})
        except ValueError as refused:  # values that do not go together: say so where the picture was
            picture.value = f'<p role="alert">{escape(str(refused))}</p>'

    for name, values in choices.items():
        if name not in parameters:
            raise TypeError(f"explore: {view.__name__} has no parameter {name!r}; it has {', '.join(parameters)}")
        values, default = list(values), parameters[name].default
        if default not in values:
            raise ValueError(f"explore: {name} must offer the view's default {default!r}, got {values}")
        numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
        make = _number if numbers else _choice
        controls[name], row = make(_label(name), values, default, redraw)
        rows.append(row)
    panel = widgets.Box(rows, layout=widgets.Layout(flex_flow="row wrap"))  # two columns where there is room
    box = _Explorer([panel, picture, _large_for_a_room()])
    box.says = f"Explorer: run the cell to move {', '.join(map(_label, choices))}"
    box.add_class("llmcalc-explorer")
    return box


class _Explorer(widgets.VBox):
    """A box that says in words what it is, for readers without a kernel."""

    says = ""

    def __repr__(self):
        return self.says


def _label(name):
    """memory_GB -> memory GB, peak_TFLOP_per_s -> peak TFLOP/s"""
    return name.replace("_per_", "/").replace("_", " ")


def _choice(label, values, default, redraw):
    control = widgets.Dropdown(options=values, value=default, description=label, style=_STYLE, layout=_FIELD)
    control.observe(redraw, names="value")
    return control, widgets.HBox([control], layout=_ROW)


def _number(label, values, default, redraw):
    """A labelled field for any number, and a slider through the meaningful ones (which has no name of its own)."""
    whole = all(isinstance(value, int) for value in values)
    kind = widgets.BoundedIntText if whole else widgets.BoundedFloatText
    field = kind(
        value=default, min=min(values), max=max(values), description=label, style=_STYLE, layout=_FIELD,
        continuous_update=False, tooltip=label,
    )  # fmt: skip
    slider = widgets.SelectionSlider(
        options=values,
        value=default,
        readout=False,
        tooltip=label,
        layout=widgets.Layout(width="14em", margin="0 0 0 1em"),
    )

    def nearest():
        return min(values, key=lambda value: abs(value - field.value))

    def to_field(_change):
        if slider.value != nearest():  # the learner moved the slider; otherwise it only follows the field
            with field.hold_sync():  # the picture goes to the browser first
                field.value = slider.value

    def to_slider(_change):
        slider.value = nearest()

    field.observe(redraw, names="value")
    slider.observe(to_field, names="value")
    field.observe(to_slider, names="value")
    return field, widgets.HBox([field, slider], layout=_ROW)


def _large_for_a_room():
    """What makes an explorer large in a view of its own ("Create New View for Cell Output"), and only there.

    Sizes follow the height of the window, so that they are the same from the back row on every projector. The 16 of
    a picture's text stand among 760 of its width, so that a picture as wide as the window is high has text of 2.1 vh.
    """
    return widgets.HTML(value=f"<style>{_PROJECTED}</style>", layout=widgets.Layout(display="none"))


_PROJECTED = """
.jp-LinkedOutputView .llmcalc-explorer {
    --jp-widgets-font-size: 2.1vh; --jp-widgets-inline-height: 4vh; font-size: 2.1vh;
}
.jp-LinkedOutputView .llmcalc-explorer :is(svg, p) { max-width: 100vh !important; }
.jp-LinkedOutputView .llmcalc-explorer :is(.widget-hbox, .widget-html-content, input, select, table) {
    font-size: 2.1vh;
}
"""

_STYLE = {"description_width": "10em"}
_ROW = widgets.Layout(width="35em")
_FIELD = widgets.Layout(width="19em")

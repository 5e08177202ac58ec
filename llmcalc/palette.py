"""One colour for one thing, in every lesson: colour-blind safe (Okabe and Ito 2008), with an ink readable upon it."""

COLOURS = {
    "weights": "#0072b2",
    "gradients": "#e69f00",
    "optimizer": "#009e73",
    "activations": "#d55e00",
    "cache": "#cc79a7",
    "other": "#8c8c8c",
}

INK = {"weights": "#ffffff"}
"""Text upon a colour: white where named, else black."""

TEXT = "var(--jp-ui-font-color1, #1a1a1a)"
LINE = "var(--jp-border-color1, #bdbdbd)"
CARD = "var(--jp-layout-color1, #ffffff)"
"""The page's own colours where JupyterLab offers them (light and dark theme), a light card where nobody does."""


def colour(name, position=0):
    """The colour of `name`, or of a series without a meaning of its own the one at its position."""
    return COLOURS.get(name) or list(COLOURS.values())[position % len(COLOURS)]


FIGURE_STYLE = {
    "figure.figsize": (8, 4.5),
    "figure.dpi": 100,
    "font.size": 13,
    "lines.linewidth": 2.5,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.prop_cycle": (
        f"cycler('color', {list(COLOURS.values())[:4]!r}) + cycler('linestyle', ['-', '--', ':', '-.'])"
    ),
}
"""For ``plt.style.use``: the house's colours, a line style to repeat each, letters for the last row of the room."""

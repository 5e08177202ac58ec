"""One colour for one thing, in every lesson: colour-blind safe (Okabe and Ito 2008), with an ink readable upon it."""

COLOURS = {
    "weights": "#0072b2",
    "gradients": "#e69f00",
    "optimizer": "#009e73",
    "activations": "#d55e00",
    "cache": "#cc79a7",
    "in flight": "#f0e442",
    "kept free": "#c8c8c8",
    "other": "#8c8c8c",
}

PARTS = {
    "embedding": "#88ccee",
    "attention": "#332288",
    "feed-forward": "#ddcc77",
    "experts": "#999933",
    "output layer": "#44aa99",
    "norms and biases": "#882255",
}
"""The parts of a model, where a picture shows what its weights or its operations are made of (Tol, "muted")."""

STATES = {
    "fp32 copy": "#56b4e9",
    "fp32 gradients": "#ffd08a",
    "moments": COLOURS["optimizer"],
    "work of the update": COLOURS["in flight"],
}
"""What training keeps beside weights and gradients, one by one; moments are what the optimizer remembers,
and the work of its update is in flight."""

PLAN = {
    "adapters": PARTS["embedding"],
    "adapter inputs": PARTS["feed-forward"],
    "margin": COLOURS["other"],
}
"""What only a plan has, beside the things above: the parts of a model never stand in the same picture."""

SERIES = ("#4477aa", "#ee6677", "#228833", "#aa3377")
"""For lines that stand for none of these things, so that no colour says what it does not mean (Tol, "bright")."""

BLACK, WHITE = "#000000", "#ffffff"

TEXT = "var(--jp-ui-font-color1, #1a1a1a)"
LINE = "var(--jp-border-color1, #bdbdbd)"
CARD = "var(--jp-layout-color1, #ffffff)"
"""The page's own colours where JupyterLab offers them (light and dark theme), a light card where nobody does."""


def colour(name, position=0):
    """The colour of `name`, or the one at its position for a series that is none of the house's things."""
    return COLOURS.get(name) or PARTS.get(name) or STATES.get(name) or PLAN.get(name) or SERIES[position % len(SERIES)]


def ink(fill):
    """For text upon a colour: black or white, whichever stands out more (WCAG 2, contrast by relative luminance)."""
    parts = (int(fill[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    luminance = sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return BLACK if (luminance + 0.05) ** 2 > 0.05 * 1.05 else WHITE

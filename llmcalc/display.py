"""Showing a view where no kernel runs: pictures as images with their text, numbers as a table."""

import base64
import re
from dataclasses import dataclass
from html import escape, unescape
from numbers import Real

_SVG = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
_SAYS = re.compile(r'aria-label="([^"]*)"')
_WIDEST = re.compile(r"max-width:(\d+px)")


class show:
    """Display what a view returns, so that it survives storing: each drawing becomes an image with alternative text.

    JupyterLab removes inline SVG from notebooks it does not trust yet; images it keeps.

    Parameters
    ----------
    view : str
        HTML with drawings from `llmcalc.svg`, as views return it.

    Raises
    ------
    TypeError
        If `view` is not text; the usual cause is a view that was not called.
    """

    def __init__(self, view):
        if not isinstance(view, str):
            raise TypeError(f"show: view must be the text a view returns when called, got {type(view).__name__}")
        self._html = view

    def _repr_html_(self):
        return _SVG.sub(lambda found: _image(found[0]), self._html)

    def __repr__(self):
        """The same without markup, pictures as their sentences: what a terminal shows."""
        text = _SVG.sub(lambda found: _SAYS.search(found[0])[1] + "\n", self._html)
        text = re.sub(r"(?s)<style>.*?</style>", "", text)
        text = re.sub(r"</t[hd]><t[hd][^>]*>", " | ", text)
        text = re.sub(r"<p aria-live.*?</p>", "", text)  # the picture's sentence once more
        return unescape(re.sub(r"<[^>]+>", "", re.sub(r"</(tr|p|caption)>", "\n", text))).strip()


def described(picture, says, numbers):
    """A picture, the sentence that it stands for, and its numbers as a table: what a view returns.

    The sentence is announced to those who listen to the page when a control changes it.
    """
    sentence = f"<p aria-live='polite' style='max-width:760px;line-height:1.5'>{escape(says)}</p>"
    return f"{picture}{sentence}<div style='{_SCROLLS}' tabindex='0' role='group' aria-label='numbers'>{numbers}</div>"


# A wide table on a magnified page scrolls in its own box and does not stretch the picture above it.
_SCROLLS = "overflow-x:auto;width:0;min-width:100%"


@dataclass(frozen=True)
class Link:
    """A cell of a table that leads somewhere: its text, and the address, relative to the notebook."""

    text: str
    to: str


def table(rows, header, caption=""):
    """Rows of cells as an HTML table; numbers stand to the right.

    Parameters
    ----------
    rows : sequence of sequence
        Cells: text is shown as it is, numbers with thousands separators, a `Link` as a link.
    header : sequence of str
        Names of the columns, units included.
    caption : str, optional
        What the table holds.

    Returns
    -------
    str
    """
    head = "".join(
        f'<th scope="col" style="text-align:{_side(row[position] for row in rows)};{_SPACE}">{escape(name)}</th>'
        for position, name in enumerate(header)
    )
    body = "".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in rows)
    title = f'<caption style="text-align:left">{escape(caption)}</caption>' if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


_SPACE = "padding:2px 14px 2px 0;line-height:1.5"


def _side(column):
    return "right" if any(map(_is_number, column)) else "left"


def _is_number(value):
    return isinstance(value, Real) and not isinstance(value, bool)


def _cell(value):
    if isinstance(value, Link):
        return f'<td style="text-align:left;{_SPACE}"><a href="{escape(value.to)}">{escape(value.text)}</a></td>'
    text = f"{int(value) if value == int(value) else value:,}" if _is_number(value) else str(value)
    return f'<td style="text-align:{_side([value])};{_SPACE}">{escape(text)}</td>'


def _image(svg):
    says = _SAYS.search(svg)[1]
    data = base64.b64encode(svg.encode()).decode()
    width = _WIDEST.search(svg)[1]
    return f'<img alt="{says}" style="max-width:100%;width:{width}" src="data:image/svg+xml;base64,{data}"/>'

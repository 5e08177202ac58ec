"""What is shown without a kernel says the same as the view: pictures become images with their text, tables stay."""

import base64
import re
from html import unescape
from xml.etree import ElementTree

import numpy as np
import pytest
from drawing import drawings, read

from llmcalc.display import show, table
from llmcalc.svg import line_chart, stacked_bars

TRICKY = "less < more & \"quoted\" 'single' > ünïcode"


def picture(says, name="weights"):
    return stacked_bars({name: {name: 1}}, unit="B", says=says)


def images(html):
    return [(unescape(alt), source) for alt, source in re.findall(r'<img alt="([^"]*)"[^>]* src="([^"]*)"', html)]


# --- show -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("says", ["One bar.", TRICKY, "a $ and a \\1 and a %s"])
def test_a_drawing_becomes_an_image_with_the_same_text_and_the_same_drawing_in_it(says):
    svg = picture(says, name=TRICKY)
    html = show(svg)._repr_html_()
    ((alt, source),) = images(html)
    assert alt == says == read(svg).says
    kind, _, data = source.partition(",")
    assert kind == "data:image/svg+xml;base64" and base64.b64decode(data).decode() == svg
    assert "<svg" not in html and html.startswith("<img ") and html.endswith("/>")


def test_everything_around_the_drawings_stays_in_its_place():
    first, second = picture("one"), line_chart([1, 2], {"a": [1, 2]}, x_label="x", y_label="y", says="two")
    html = show(f"<p>before</p>{first}<p>between</p>\n{second}{table([[1]], ['n'])}")._repr_html_()
    order = ["<p>before</p>", 'alt="one"', "<p>between</p>", 'alt="two"', "<table>"]
    assert [alt for alt, _ in images(html)] == ["one", "two"]
    places = [html.index(part) for part in order]
    assert places == sorted(places)


def test_a_view_without_a_drawing_is_shown_as_it_is():
    html = table([[1]], ["n"])
    assert show(html)._repr_html_() == html


def test_the_plain_text_says_what_the_picture_and_the_table_say():
    text = repr(show(picture(TRICKY) + table([["a < b", 1234]], ["name", "bytes"], caption="sizes")))
    assert text.splitlines()[0] == TRICKY
    assert "sizes" in text and "name | bytes" in text and "a < b | 1,234" in text
    assert "svg" not in text


@pytest.mark.parametrize("view", [None, 3, picture, b"<p>", ["<p>"]], ids=lambda view: type(view).__name__)
def test_a_view_that_was_not_called_is_refused_by_name(view):
    with pytest.raises(
        TypeError, match=f"show: view must be the text a view returns when called, got {type(view).__name__}"
    ):
        show(view)


def test_only_drawings_are_replaced():
    html = "<p>the word svg, and &lt;svg&gt;</p>"
    assert show(html)._repr_html_() == html and drawings(html) == []


# --- table ----------------------------------------------------------------------------------------------------------


def cells(html):
    rows = ElementTree.fromstring(html).iter("tr")
    return [["".join(cell.itertext()) for cell in row] for row in rows]


def test_a_table_has_a_head_a_body_and_a_caption():
    html = table([["weights", 4000], ["biases", 10]], ["part", "bytes"], caption="What is stored")
    root = ElementTree.fromstring(html)
    assert [child.tag for child in root] == ["caption", "thead", "tbody"]
    assert root.find("caption").text == "What is stored"
    assert [head.get("scope") for head in root.iter("th")] == ["col", "col"]
    assert cells(html) == [["part", "bytes"], ["weights", "4,000"], ["biases", "10"]]
    assert ElementTree.fromstring(table([], ["part"])).find("caption") is None


@pytest.mark.parametrize(
    ("value", "text", "align"),
    [
        (1234567, "1,234,567", "right"),
        (0, "0", "right"),
        (1234.5, "1,234.5", "right"),
        (np.float64(1234.5), "1,234.5", "right"),
        (np.int64(1234), "1,234", "right"),
        (500_050_000.0, "500,050,000", "right"),
        ("1234", "1234", "left"),
        (True, "True", "left"),
        ("", "", "left"),
    ],
    ids=repr,
)
def test_numbers_stand_to_the_right_with_separators_and_text_as_it_is(value, text, align):
    html = table([[value]], ["n"])
    assert cells(html)[1] == [text]
    assert f"text-align:{align}" in ElementTree.fromstring(html).find("tbody/tr/td").get("style")


@pytest.mark.parametrize("where", ["rows", "header", "caption"])
def test_markup_in_a_table_is_shown_and_not_followed(where):
    contents = {"rows": [["x"]], "header": ["x"], "caption": "x"}
    contents[where] = {"rows": [[TRICKY]], "header": [TRICKY], "caption": TRICKY}[where]
    root = ElementTree.fromstring(table(**contents))
    assert TRICKY in root.itertext()

"""Links inside the project lead somewhere, and every lesson can be found from the two places where people begin."""

import re
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from workshop import LESSONS, MASTERS, ROOT

GUIDE = ROOT / "notebooks" / "TEACHING.md"
PAGES = [ROOT / "README.md", GUIDE, *LESSONS, *MASTERS, *sorted((ROOT / "notebooks" / "exercises").glob("*.ipynb"))]

LINK = re.compile(
    r"""\]\(\s*<?([^)\s>]+)>?[^)]*\)                # [text](target "title"), ![alt](target)
    | ^\s*\[[^\]]+\]:\s*<?([^\s>]+)                 # [name]: target
    | <((?:[a-z]+:)?//[^\s>]+|mailto:[^\s>]+)>      # <https://...>
    | <(?:a|img)\b[^>]*\b(?:href|src)=["']([^"']*)  # HTML
    """,
    re.VERBOSE | re.MULTILINE,
)


def name_of(page):
    return str(page.relative_to(ROOT))


def markdown_of(page):
    """The text of a page, code left out."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".ipynb":
        cells = nbformat.reads(text, as_version=4).cells
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return re.sub(r"(?s)```.*?```|`[^`\n]*`", "code", text)


def links_of(page):
    return ["".join(groups) for groups in LINK.findall(markdown_of(page))]


def file_of(link, page):
    """The file that a link inside the project leads to."""
    place = unquote(urlsplit(link).path)
    return (page.parent / place).resolve() if place else page


def anchors_of(page):
    """What can stand behind the # of a link to `page`: JupyterLab keeps a heading's letters, GitHub lowers them."""
    headings = re.findall(r"(?m)^#{1,6} +(.+?)\s*$", markdown_of(page))
    if page.suffix == ".ipynb":
        return {heading.replace(" ", "-") for heading in headings}
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def is_inside(link):
    return not urlsplit(link).scheme and not urlsplit(link).netloc


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_inside_the_project_lead_to_a_file(page):
    for link in filter(is_inside, links_of(page)):
        target = file_of(link, page)
        assert not link.startswith("/"), f"{link} starts at a root that is not the project's"
        assert target.is_relative_to(ROOT), f"{link} leaves the project"
        assert target.exists(), f"{link} leads nowhere"
        assert target.name in {entry.name for entry in target.parent.iterdir()}, f"{link}: upper and lower case differ"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_to_a_heading_find_it(page):
    for link in filter(is_inside, links_of(page)):
        if anchor := unquote(urlsplit(link).fragment):
            assert anchor in anchors_of(file_of(link, page)), f"{link}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_to_the_outside_are_encrypted(page):
    outside = [link for link in links_of(page) if not is_inside(link)]
    assert [link for link in outside if not re.match(r"https://[\w.-]+", link)] == []


@pytest.mark.parametrize("start", ["README.md", "notebooks/00_start_here.ipynb", "notebooks/TEACHING.md"])
def test_every_lesson_is_linked_where_people_begin(start):
    page = ROOT / start
    linked = {page, *(file_of(link, page) for link in links_of(page) if is_inside(link))}
    assert LESSONS
    assert [lesson.name for lesson in LESSONS if lesson not in linked] == []

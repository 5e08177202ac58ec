"""Lessons in JupyterLab, in a real browser: what readers see before they run one, and after."""

import re
from html.parser import HTMLParser

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from explorers import FIELD_BESIDE_SLIDER, PATIENCE, controls_of, explorers, picture_of, standing
from lab import LESSONS, ROOT, use_theme
from latency import measure_page, summary
from playwright.sync_api import expect

OURS = [[".jp-RenderedMarkdown"], [".jp-OutputArea-output"]]
"""What axe-core looks at: text and outputs. JupyterLab's own parts, which no lesson can mend, are left out: the code
editors (a textbox without a name), the list of cells (role feed with children it may not have), the toolbars (the
debugger's button)."""


@pytest.fixture(scope="module", params=LESSONS, ids=lambda path: path.stem)
def opened(request, lab):
    """A lesson in a fresh copy, opened and looked at, but not yet run."""
    with lab.lesson(request.param) as lesson:
        lesson.show_everything()
        lesson.at_first_sight = {
            "pictures": lesson.page.evaluate(SEEN_PICTURES),
            "dialogs": lesson.page.locator(".jp-Dialog").all_inner_texts(),
            "problems": list(lesson.problems),
        }
        yield lesson


@pytest.fixture(scope="module")
def ran(opened):
    """The same lesson after Restart Kernel and Run All Cells."""
    opened.run_all()
    opened.show_everything()
    return opened


def test_there_are_lessons_to_look_at():
    assert LESSONS


def test_a_fresh_clone_shows_every_stored_picture_without_running(opened):
    seen = opened.at_first_sight
    assert not seen["dialogs"] and not seen["problems"]
    assert [picture["text"] for picture in seen["pictures"]] == stored_pictures(opened.path)
    for picture in seen["pictures"]:
        assert picture["text"].strip(), f"a picture without alternative text: {picture}"
        assert picture["loaded"] and picture["visible"], f"a picture that cannot be seen: {picture}"


def test_runs_without_an_error(ran):
    assert not ran.page.locator(ERROR_OUTPUT).all_inner_texts()
    assert ran.prompts() == [f"[{number}]:" for number in range(1, len(ran.prompts()) + 1)]
    assert not ran.page.locator(".jp-Dialog").all_inner_texts()
    assert not ran.problems


def test_every_formula_is_typeset(ran):
    assert not ran.page.evaluate(RAW_FORMULAS)


def test_every_explorer_appears_with_its_controls(ran):
    found = explorers(ran.page)
    assert len(found) == stored_widgets(ran.path)
    assert all(controls_of(explorer) for explorer in found)


def test_every_control_changes_the_picture_and_can_be_undone(ran):
    for explorer in explorers(ran.page):
        picture = picture_of(explorer)
        initial = picture.inner_html()
        for control in controls_of(explorer):
            start = control.position
            for target in (control.neighbour(), start):
                assert control.move(target) is not None, f"{control.name}: no new picture; {standing(ran.page)}"
                assert explorer.locator("[role=alert]").count() == 0, f"{control.name}: {picture.inner_text()}"
            assert picture.inner_html() == initial, f"{control.name}: moved and moved back, the picture is another"
    assert not ran.problems


def test_every_slider_moves_the_number_field_beside_it(ran):
    for explorer in explorers(ran.page):
        for control in controls_of(explorer):
            if control.kind != "slider":
                continue
            field = control.element.locator("xpath=ancestor::*[contains(@class, 'widget-hbox')][1]//input")
            start, before = control.position, field.input_value()
            control.move(control.neighbour())
            expect(field, control.name).not_to_have_value(before, timeout=1000 * PATIENCE)
            control.move(start)
            expect(field, control.name).to_have_value(before, timeout=1000 * PATIENCE)


def test_has_no_serious_accessibility_fault(ran):
    faults = serious_faults(ran)
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_text_can_be_read_in_both_themes(ran, theme):
    use_theme(ran.page, theme)
    try:
        ran.photograph(theme.split()[-1].lower())
        for text in ran.page.evaluate(SVG_TEXTS):
            assert contrast(text["ink"], text["card"]) >= 4.5, f"{theme}: {text}"
        faults = serious_faults(ran, rules=["color-contrast"])
        assert not faults, "\n".join(faults)
    finally:
        use_theme(ran.page, "JupyterLab Light")


def test_explorers_fit_the_page_at_200_percent(ran):
    with ran.magnified(2):
        ran.photograph_explorer("zoom-200")
        assert not ran.page.evaluate(STICKING_OUT)


def test_every_move_shows_a_new_picture_and_how_fast(ran, note):
    measured = measure_page(ran.page, moves=4)
    for control, seconds in measured.items():
        assert None not in seconds, f"{control}: no new picture after move {len(seconds)}; {standing(ran.page)}"
    if measured:
        note(f"{ran.path.stem}, key press to new picture: {summary(measured)}")


def stored_pictures(path):
    """Text alternatives of all pictures that a notebook stores, in order; empty where a picture has none."""
    html = ""
    for cell in nbformat.read(ROOT / path, as_version=4).cells:
        if cell.cell_type == "markdown":
            html += re.sub(r"!\[(.*?)\]\(", r'<img alt="\1">(', cell.source)
        for data in (output.get("data", {}) for output in cell.get("outputs", [])):
            # JupyterLab prefers HTML to a bare image, and gives a bare image no text alternative.
            html += data.get("text/html", "<img>" if any(kind.startswith("image/") for kind in data) else "")
    parser = _Pictures()
    parser.feed(html)
    return parser.texts


def stored_widgets(path):
    """How many outputs of a notebook are widgets: in a lesson, its explorers."""
    cells = nbformat.read(ROOT / path, as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return sum("application/vnd.jupyter.widget-view+json" in output.get("data", {}) for output in outputs)


class _Pictures(HTMLParser):
    def __init__(self):
        super().__init__()
        self.texts = []

    def handle_starttag(self, tag, attributes):
        if tag in ("img", "svg"):  # JupyterLab removes an inline SVG from a notebook that it does not trust yet
            self.texts.append(dict(attributes).get("alt" if tag == "img" else "aria-label") or "")


def serious_faults(lesson, rules=None):
    """What axe-core finds serious or critical in our part of the page."""
    options = {"resultTypes": ["violations"]} | ({"runOnly": rules} if rules else {})
    # axe-core judges what it can see, and takes all that lies in a body without height for hidden.
    lesson.page.add_style_tag(content="body { height: 100vh }")
    with lesson.unrolled():
        found = Axe().run(lesson.page, context={"include": OURS}, options=options).response
    assert "color-contrast" in [rule["id"] for rule in found["passes"]], "axe-core has seen no text"
    return [
        f"{rule['id']}: {node['html'][:200]} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
        if rule["impact"] in ("serious", "critical")
        and not is_jupyters(rule["id"], lesson.page.locator(node["target"][0]))
    ]


def is_jupyters(rule, element):
    """Two faults come with JupyterLab, and no lesson can mend them."""
    if rule == "aria-input-field-name":  # sliders have no name; the labelled number field in the same row has
        return element.evaluate("node => node.matches('.noUi-handle')") and element.evaluate(FIELD_BESIDE_SLIDER) != ""
    if rule == "link-in-text-block":  # its themes set links apart by colour alone
        return element.evaluate("node => node.matches('.jp-RenderedMarkdown a:not([style])')")
    return False


def contrast(ink, card):
    """Contrast of a text's CSS colour on that of the shape below it, as WCAG 2 defines it: 1 to 21."""
    (*card, _), (*ink, opacity) = rgba(card), rgba(ink)
    ink = [opacity * above + (1 - opacity) * below for above, below in zip(ink, card, strict=True)]
    darker, lighter = sorted((luminance(ink), luminance(card)))
    return (lighter + 0.05) / (darker + 0.05)


def rgba(colour):
    """ "rgb(255, 255, 255)" or "rgba(0, 0, 0, 0.87)" as four numbers from 0 to 1."""
    red, green, blue, *opacity = map(float, re.findall(r"[\d.]+", colour))
    return red / 255, green / 255, blue / 255, *(opacity or [1.0])


def luminance(colour):
    """Relative luminance of red, green and blue."""
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# JupyterLab 4.3 shows a traceback as standard error. A warning there is not for readers either.
ERROR_OUTPUT = "[data-mime-type='application/vnd.jupyter.error'], [data-mime-type='application/vnd.jupyter.stderr']"

SEEN_PICTURES = """async () => {
    const seen = []
    for (const picture of document.querySelectorAll('.jp-Notebook img')) {
        picture.scrollIntoView({block: 'center'})
        await Promise.race([picture.decode().catch(() => {}), new Promise(resolve => setTimeout(resolve, 5000))])
        await new Promise(requestAnimationFrame)
        const box = picture.getBoundingClientRect()
        const onTop = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2)
        seen.push({
            text: picture.alt,
            loaded: picture.complete && picture.naturalWidth > 0,
            visible: onTop === picture && picture.checkVisibility({opacityProperty: true, visibilityProperty: true}),
        })
    }
    return seen
}"""

# Formulas still to be typeset, or refused by MathJax. A dollar sign alone may be a price, hence the TeX signs in it.
RAW_FORMULAS = r"""async () => {
    const raw = () => [...document.querySelectorAll('.jp-RenderedMarkdown, .jp-RenderedLatex')].flatMap(block => {
        const copy = block.cloneNode(true)
        const refused = [...copy.querySelectorAll('mjx-merror, [data-mjx-error]')].map(error => error.textContent)
        copy.querySelectorAll('mjx-container, code, pre').forEach(part => part.remove())
        return refused.concat(copy.textContent.match(/\$[^$]*[\\^_{][^$]*\$|\\\(|\\begin\{/g) || [])
    })
    for (let tries = 0; tries < 50 && raw().length; tries++) await new Promise(resolve => setTimeout(resolve, 100))
    return raw()
}"""

# Each text of a live picture, with the filled shape that lies under its middle.
SVG_TEXTS = """() => [...document.querySelectorAll('.llmcalc-explorer svg text')].map(text => {
    text.scrollIntoView({block: 'center'})
    const box = text.getBoundingClientRect()
    const under = document.elementsFromPoint(box.left + box.width / 2, box.top + box.height / 2)
    const shape = under.find(node => node.matches('svg rect, svg path, svg circle, svg polygon'))
    return {text: text.textContent, ink: getComputedStyle(text).fill, card: shape && getComputedStyle(shape).fill}
})"""

STICKING_OUT = """() => [...document.querySelectorAll('.llmcalc-explorer')].flatMap(explorer => {
    const edge = explorer.closest('.jp-OutputArea-output').getBoundingClientRect().right
    const scrolls = part => part.closest('[style*="overflow-x"]') || part
    return [...explorer.querySelectorAll('input, select, .slider, svg, table')].map(scrolls)
        .filter(part => part.getBoundingClientRect().right > edge + 1)
        .map(part => part.outerHTML.slice(0, 100))
})"""

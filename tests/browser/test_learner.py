"""A learner with a name takes an exercise: own values, every question asked, the last cell leads to the lesson."""

import pytest
from lab import choose
from playwright.sync_api import expect

from llmcalc import checks
from llmcalc.checks.contents import EXERCISES
from llmcalc.checks.questions import sit

EXERCISE = "03_training_compute_6pd"
CODE = ".jp-Notebook .jp-CodeCell"


@pytest.fixture(scope="module")
def taken(lab):
    """The exercise as it is handed out, a name typed into its first cell and one question answered; all cells run."""
    with lab.lesson(f"notebooks/exercises/{EXERCISE}.ipynb") as exercise:
        page = exercise.page
        page.locator(".cm-line", has_text='name=""').click()
        page.keyboard.press("End")
        for _ in '")':
            page.keyboard.press("ArrowLeft")
        page.keyboard.type("Ada")
        answer = page.locator(CODE, has_text="def lookup_and_output")
        answer.locator(".cm-line", has_text="raise NotImplementedError()").click()
        page.keyboard.press("Home")
        page.keyboard.press("Shift+End")
        page.keyboard.type('return "b"')
        choose(page, "Run", "Run All Cells")
        expect(page.locator(CODE).last.locator(".jp-InputPrompt")).to_have_text("[26]:", timeout=60_000)
        yield exercise


def last(exercise):
    return exercise.page.locator(CODE).last


def test_the_first_cell_shows_the_own_values(taken):
    sit("Ada")
    try:
        preset, text = checks.experts_training_flops.yours
    finally:
        sit("")
    said = taken.page.locator(CODE).first.locator(".jp-RenderedHTML")
    expect(said).to_contain_text("Your values: the values of Ada")
    expect(said).to_contain_text(preset)
    expect(said).to_contain_text(f"{text:,}")


def test_run_all_asks_every_question(taken):
    """An open question does not stop the others."""
    assert taken.prompts() == [f"[{number}]:" for number in range(1, 27)]
    open_questions = taken.page.locator(".jp-OutputArea-output", has_text="This question is still open")
    expect(open_questions).to_have_count(len(EXERCISES[EXERCISE]) - 1)


def test_the_last_cell_says_what_is_solved_and_leads_to_the_lesson(taken):
    said = last(taken).locator(".jp-RenderedHTML")
    expect(said).to_contain_text("1 of 9 checks passed.")
    expect(said.locator("tr", has_text="Two tables of one size")).to_contain_text("✓ solved")
    said.locator("tr", has_text="Four offers").locator("a").click()
    title = taken.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) h1").first
    expect(title).to_contain_text("How much computing does it take to train a model?")
    assert not taken.problems

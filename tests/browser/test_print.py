"""The formula sheet on paper: one page, A4 and US Letter, from JupyterLab and without a network."""

import re

import pytest

SHEET = "notebooks/formula_sheet.ipynb"
POINTS = {"A4": (595, 842), "Letter": (612, 792)}


@pytest.mark.parametrize("paper", POINTS)
def test_the_sheet_prints_on_one_page(lab, paper):
    pdf = lab.printed(SHEET, paper)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
    (box,) = re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", pdf)
    assert [float(side) for side in box] == pytest.approx(POINTS[paper], abs=1)


def test_a_lesson_prints_on_many(lab):
    """So that the count above can fail."""
    assert len(re.findall(rb"/Type\s*/Page\b", lab.printed("notebooks/00_start_here.ipynb", "A4"))) > 3

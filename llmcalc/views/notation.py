"""The notation table: a row for each letter of the house, a column for each document."""

from llmcalc.display import table
from llmcalc.notation import NOTATION


def notation_table():
    """Letter, Python name, meaning and unit of every quantity, and what each document calls it, as an HTML table."""
    documents = ("mlp", "slides", "deepdive", "framework")
    rows = [
        (_math(row.letter), row.name, row.meaning, row.unit, *(_math(getattr(row, name)) for name in documents))
        for row in NOTATION.values()
    ]
    return table(rows, ("letter", "in Python", "meaning", "unit", "MLP article", "slides", "deep dive", "framework"))


def _math(letters):
    return f"${letters}$" if letters else ""

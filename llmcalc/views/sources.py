"""The claims of a document as a table: what is written, what comes out, and why."""

from llmcalc.display import table
from llmcalc.sources import claims


def claims_table(document):
    """Every claim of a document beside the recomputed number, as an HTML table."""
    rows = [
        (
            claim.id.removeprefix(f"{document}-").replace("-", " "),
            _number(claim.claimed),
            _number(claim.computed),
            claim.unit,
            claim.verdict,
            claim.why,
        )
        for claim in claims(document)
    ]
    return table(rows, ("claim", "written", "comes out", "unit", "verdict", "why"))


def _number(value):
    if value is None:
        return ""
    if isinstance(value, int) or value == int(value):
        return f"{int(value):,}"
    return f"{value:,.2f}" if value >= 1 else f"{value:.4g}"

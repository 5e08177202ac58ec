"""The claims of a document as a table: what is written, what comes out, and why."""

from llmcalc.display import table
from llmcalc.sources import claims


def claims_table(document):
    """Every claim of a document beside the recomputed number, as an HTML table."""
    rows = [
        (
            claim.id.removeprefix(f"{document}-").replace("-", " "),
            "" if claim.claimed is None else round(claim.claimed, 4),
            "" if claim.computed is None else round(claim.computed, 4),
            claim.unit,
            claim.verdict,
            claim.why,
        )
        for claim in claims(document)
    ]
    return table(rows, ("claim", "written", "comes out", "unit", "verdict", "why"))

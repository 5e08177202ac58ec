"""The claims of a document as a table: what is written, what comes out, and why."""

from llmcalc.display import table
from llmcalc.lookup import looked_up
from llmcalc.sources import claims


def claims_table(document, *names):
    """Claims of a document beside the recomputed numbers, as an HTML table.

    Parameters
    ----------
    document : str
        A key of `llmcalc.sources.DOCUMENTS`.
    *names : str
        The claims to show, by their ids without the document's name, in this order; by default all of them.
    """
    found = {claim.id.removeprefix(f"{document}-"): claim for claim in claims(document)}
    rows = [
        (
            name.replace("-", " "),
            shown(claim.claimed),
            shown(claim.computed),
            claim.unit,
            claim.verdict,
            claim.why,
        )
        for name, claim in ((name, looked_up(name, found, f"claim of {document}")) for name in names or found)
    ]
    return table(rows, ("claim", "written", "comes out", "unit", "verdict", "why"))


def shown(value):
    """What is written or comes out, for its cell: nothing where there is no number, those of a list in a row."""
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(f"{round(entry, 4):,}" for entry in value)
    return round(value, 4) if value < 1e12 else f"{value:.3g}"

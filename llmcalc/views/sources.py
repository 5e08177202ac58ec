"""The claims of a document as a table: what is written, what comes out, and why."""

from llmcalc.display import table
from llmcalc.lookup import looked_up
from llmcalc.sources import claims


def claims_table(document, only=None):
    """Claims of a document beside the recomputed numbers, as an HTML table.

    Parameters
    ----------
    document : str
        A key of `llmcalc.sources.DOCUMENTS`.
    only : sequence of str, optional
        Ids of the claims to show, without the document's name; by default all of them.
    """
    of_document = {claim.id.removeprefix(f"{document}-"): claim for claim in claims(document)}
    shown = of_document.values() if only is None else [looked_up(name, of_document, "claim") for name in only]
    rows = [
        (
            claim.id.removeprefix(f"{document}-").replace("-", " "),
            _shown(claim.claimed),
            _shown(claim.computed),
            claim.unit,
            claim.verdict,
            claim.why,
        )
        for claim in shown
    ]
    return table(rows, ("claim", "written", "comes out", "unit", "verdict", "why"))


def _shown(value):
    """A number for its cell; nothing where there is none, and the numbers of a list one after the other."""
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(f"{round(entry, 4):,}" for entry in value)
    return round(value, 4)

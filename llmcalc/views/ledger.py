"""A ledger as a table: every item with its amount, its share, its formula and its source."""

from llmcalc.display import table


def ledger_table(ledger, caption="", sources=True):
    """Items of a ledger and their sum, as an HTML table; items that are nothing are left out.

    Parameters
    ----------
    ledger : Ledger
        Such as ``model("gpt2").parameters``.
    caption : str, optional
        What the table holds; by default the ledger's name.
    sources : bool, default True
        Whether the last column names where each formula comes from.
    """
    import sympy

    rows = [
        (
            part.name.replace("_", " "),
            part.total,
            f"{100 * part.total / ledger.total:.2f}%" if ledger.total else "",
            f"${sympy.latex(part.formula)}$",
            *([part.source] if sources else []),
        )
        for part in (*ledger, ledger)
        if part.total
    ]
    header = ("item", ledger.unit, "share", "formula", *(["source"] if sources else []))
    return table(rows, header, caption or ledger.name)

"""What is written over what comes out: every claim of the documents, what went wrong, and what would have shown it."""

from fractions import Fraction
from functools import cache
from statistics import median

from llmcalc.display import described, table
from llmcalc.formula import one_number, one_of
from llmcalc.slips import KINDS, SUSPECTS, TOOLS, exact_ratios, ratios, rounds_to, slip_of, suspects
from llmcalc.sources import DOCUMENTS, VERDICTS, claims
from llmcalc.svg import number_line, ranges
from llmcalc.views.sources import shown

BANDS = {
    "nothing": 0,
    "up to 1%": Fraction(1, 100),
    "up to 10%": Fraction(1, 10),
    "up to 10 times": 9,
    "more": float("inf"),
}
"""How far off a number may be, by name: the larger over the smaller of written and computed, less 1."""

FARTHEST = 10**100  # as a factor, by which two numbers for the same thing are compared
CLOSE, EDGE = 0.005, 1e-4
"""Claims this close to 1 share a row of a picture; what is farther than the edge is drawn at the edge."""


@cache
def _every():
    """All claims, worked out once: a control should not have to wait for all formulas."""
    return tuple(claims())


def _factor(ratio):
    """By how many times two numbers differ, whichever is the larger."""
    return max(ratio, 1 / ratio)


def _off(claim):
    """How far a claim is off at most, exactly: 0 if it is right, 1 if it is twice or half of what comes out."""
    return max(map(_factor, exact_ratios(claim))) - 1


def verdicts(document="all four"):
    """How many claims of each document have which verdict, as an HTML table."""
    one_of("verdicts", "document", document, ("all four", *DOCUMENTS))
    rows = []
    for name in DOCUMENTS if document == "all four" else (document,):
        found = [claim.verdict for claim in _every() if claim.document == name]
        rows.append((name, *map(found.count, VERDICTS), len(found)))
    if len(rows) > 1:
        rows.append(("together", *(sum(column) for column in list(zip(*rows, strict=True))[1:])))
    return table(rows, ("document", *VERDICTS, "claims"))


def written_over_computed():
    """All claims with a number on one line for each verdict, and how far they are off, as HTML."""
    numbered = {
        verdict: [claim for claim in _every() if claim.verdict == verdict and ratios(claim)] for verdict in VERDICTS
    }
    rows = []
    for verdict, found in numbered.items():
        low, counts = -1.0, []
        for high in BANDS.values():
            counts.append(sum(low < _off(claim) <= high for claim in found))
            low = high
        rows.append((verdict, *counts))
    lines = {"what comes out": [1]} | {
        verdict: sorted({max(ratio, EDGE) for claim in found for ratio in ratios(claim)})
        for verdict, found in numbered.items()
    }
    slips = [ratio for claim in numbered["slips"] for ratio in ratios(claim)]
    total = sum(map(len, numbered.values()))
    says = (
        f"{total} claims have a number. The {len(numbered['holds'])} that hold and the "
        f"{len(numbered['approximates'])} that approximate are off by at most "
        f"{float(max(_off(claim) for name in ('holds', 'approximates') for claim in numbered[name])):.1%}; "
        f"{len(numbered['slips'])} slips lie between "
        f"{min(slips):.2g} and {max(slips):.4g} times what comes out."
    )
    picture = number_line(lines, x_label=_over(numbered["slips"]), x_log=True, says=says)
    return described(picture, says, table(rows, ("verdict", *BANDS), "how many claims are off by"))


def claims_against(document="all four", verdict="slips", kind="any", tool="any"):
    """What is written over what comes out, for claims of one's choice, and what went wrong, as HTML."""
    one_of("claims_against", "document", document, ("all four", *DOCUMENTS))
    one_of("claims_against", "verdict", verdict, (*VERDICTS, "all"))
    one_of("claims_against", "kind", kind, ("any", *KINDS))
    one_of("claims_against", "tool", tool, ("any", *TOOLS))
    chosen = [
        claim
        for claim in _every()
        if document in ("all four", claim.document)
        and verdict in ("all", claim.verdict)
        and all(want == "any" or want == got for want, got in zip((kind, tool), _went_wrong(claim), strict=True))
    ]
    numbered = sorted((claim for claim in chosen if ratios(claim)), key=_farthest)
    apart = [claim for claim in numbered if _off(claim) > CLOSE]
    near = [ratio for claim in numbered if claim not in apart for ratio in ratios(claim)]
    bars = {_label(claim): _bar(ratios(claim)) for claim in apart}
    if near:
        count = len(numbered) - len(apart)
        bars[f"{count} within {CLOSE:.1%}"] = (min(near), median(near), max(near))
    where = "all four documents" if document == "all four" else document
    says = f"{len(chosen)} of {len(_every())} claims: {where}, verdict {verdict}, kind {kind}, tool {tool}."
    if apart:
        worst = max(apart, key=_off)
        says += (
            f" {len(apart)} of the {len(numbered)} with a number are off by more than {CLOSE:.1%}. The farthest, "
            f"{_label(worst)}, has {_farthest(worst):.3g} times what comes out."
        )
    else:
        says += f" {len(numbered) or 'Not one'} of them with a number, off by at most {CLOSE:.1%}."
    picture = ranges(
        bars or {"no number": (1, 1, 1)},
        x_label=_over(apart),
        x_log=True,
        limit=("what comes out", 1),
        says=says,
    )
    order = [*KINDS, None]
    rows = [_row(claim) for claim in sorted(chosen, key=lambda claim: order.index(_went_wrong(claim)[0]))]
    header = ("claim", "written", "comes out", "what went wrong", "what shows it", "why")
    return described(picture, says, table(rows, header))


def _went_wrong(claim):
    slip = slip_of(claim)
    return (slip.kind, slip.tool) if slip else (None, None)


def _label(claim):
    return f"{claim.document}: {claim.id.removeprefix(f'{claim.document}-').replace('-', ' ')}"


def _farthest(claim):
    """The ratio of a claim that is farthest from 1."""
    return max(ratios(claim), key=_factor)


def _bar(found):
    """From what comes out to what is written, marked where that is."""
    found = [max(ratio, EDGE) for ratio in found]
    return min(1, *found), max(found, key=_factor), max(1, *found)


def _over(drawn):
    """What the axis of a picture of these claims shows."""
    cut = any(ratio < EDGE for claim in drawn for ratio in ratios(claim))
    return "written over what comes out" + (f" (cut off at {EDGE:g})" if cut else "")


def _row(claim):
    kind, tool = _went_wrong(claim)
    slip, unit = slip_of(claim), f" ({claim.unit})" if claim.unit else ""
    carried = ", carried over" if slip and slip.origin else ""
    approximates = " (approximates)" if claim.verdict == "approximates" else ""
    wrong = f"{kind}{carried}{approximates}" if kind else claim.verdict
    return _label(claim) + unit, shown(claim.claimed), shown(claim.computed), wrong, tool or "", claim.why


def factor_check(written=9.31, comes_out=9_090.9):
    """Two numbers for the same thing: rounding, a factor that one knows, or neither, as HTML."""
    written, comes_out = (
        one_number(value, name, of="factor_check", may_be_zero=False)
        for name, value in (("written", written), ("comes_out", comes_out))
    )
    ratio = Fraction(written) / Fraction(comes_out)
    if not Fraction(1, FARTHEST) <= ratio <= FARTHEST:
        raise ValueError(f"factor_check: written and comes_out are more than a factor of {FARTHEST:.0e} apart")
    factor = float(_factor(ratio))
    if written == comes_out:
        judged = "They are equal."
    elif rounds_to(written, comes_out):
        judged = "This is rounding."
    elif named := suspects(factor, within=0.03):
        judged = f"This is no rounding. Within 3% of this factor: {'; '.join(named)}."
    else:
        judged = "This is no rounding, and none of the factors below: count again."
    written, comes_out = (float(n) if isinstance(n, Fraction) else n for n in (written, comes_out))
    says = f"Written {written:,}, comes out {comes_out:,}: a factor of {factor:,.5g}. {judged}"
    bars = {name: (1, float(known), float(known)) for name, known in SUSPECTS.items()}
    picture = ranges(bars, x_label="factor", x_log=True, limit=(f"yours: {factor:,.5g}", factor), says=says)
    rows = [(name, round(float(known), 4), f"{factor / float(known):.4g}") for name, known in SUSPECTS.items()]
    return described(picture, says, table(rows, ("what may have been mixed up", "factor", "yours over it")))

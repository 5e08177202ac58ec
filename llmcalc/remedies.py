"""What would make a job fit: changes of its arguments, each found by planning again, the cheapest first."""

from dataclasses import dataclass
from itertools import combinations, product

from llmcalc.ladders import KINDS, fewer, ladders_of, step_of
from llmcalc.paces import beyond_published, done_flops
from llmcalc.units import readable

CHEAP = ("free", "time", "accuracy")
"""Kinds that leave the job and the GPUs as they are."""


@dataclass(frozen=True)
class Change:
    """Arguments to change, what that costs, and the plan it leads to."""

    name: str
    kind: str
    price: str
    arguments: dict
    plan: object
    extra_flops: float = 0  # for a token of training, as a share of those there were
    extra_sent: float = 0  # bytes that a GPU sends in a step of training; 0 where one of the two is not known
    extra_seconds: float = 0  # on the clock for a training; for a token of each sequence in serving
    gpus_times: float = 1
    other_kind: str = ""  # of a pair, the lighter of the two

    __hash__ = None

    def __str__(self):
        return f"{self.name}: {readable(self.plan.total, 'B')} on each GPU; {self.price}"


def remedies(plan):
    """Changes that make a plan fit, the cheapest first.

    Single ones; if none of them leaves the job and the GPUs as they are, pairs that do; if there are none, a change
    that leaves them together with one that does less; if nothing fits yet, all pairs.
    Ranked by kind (see `llmcalc.ladders.KINDS`; beside hardware, by that of the pair's other change), then by the
    GPUs, the seconds and the bytes sent that come on top, and the bytes that are needed then. Of changes that come in
    degrees, the smallest degree that fits.

    Parameters
    ----------
    plan : llmcalc.planning.Plan
        One that may not fit; of one that does there is nothing to change.

    Returns
    -------
    tuple of Change
    """
    if plan.fits:
        return ()
    singles, ladders, parts = [], [], []
    for ladder in ladders_of(plan):
        change, possible = _single(plan, ladder)
        singles.append(change)
        ladders += [possible] if possible and not change else []
        parts += [possible] if possible and change and change.kind == "less work" else []
    found = list(filter(None, singles))
    if not any(change.kind in CHEAP for change in found):
        cheap = [ladder for ladder in ladders if ladder[0].kind in CHEAP]
        pairs = _pairs(plan, combinations(cheap, 2)) or _pairs(plan, product(cheap, parts))
        found += pairs
    return tuple(sorted(found or _pairs(plan, combinations(ladders, 2)), key=_rank))


def _rank(change):
    # Where money is spent anyway, what leaves the job as it is comes before less of it.
    with_hardware = KINDS.index(change.other_kind) if change.other_kind and change.kind == "hardware" else -1
    return (
        KINDS.index(change.kind),
        with_hardware,
        change.gpus_times,
        change.extra_seconds,
        change.extra_sent,
        change.plan.total,
    )


def _single(plan, ladder):
    """The first rung that fits, and the rungs below it that can be planned.

    Of a context or a batch that was halved until it fits, the largest that does.
    """
    possible = []
    for rung in ladder:
        changed, arguments = _planned(plan, rung)
        if changed and changed.fits:
            change = _change(plan, changed, (rung,), arguments)
            return _refined(plan, change, possible[-1:]) if fewer(plan, rung) else change, possible
        possible += [rung] if changed else []
    return None, possible


def _pairs(plan, ladders):
    """Of every two ladders on which no rung fits alone, the lowest two rungs that fit together."""
    found = []
    for one, other in ladders:
        if set(one[0].arguments) & set(other[0].arguments) or not _fits(plan, one[-1], other[-1]):
            continue
        fitting, high = [], len(other) - 1
        for low, rung in enumerate(one):  # the higher the one, the lower may the other be
            while high >= 0 and _fits(plan, rung, other[high]):
                fitting.append((low + high, low, high))
                high -= 1
        if fitting:
            _, low, high = min(fitting)
            rungs = one[low], other[high]
            changed, arguments = _planned(plan, *rungs)
            found.append(_change(plan, changed, rungs, arguments))
    return found


def _refined(plan, change, before):
    """Between a number that fits and the one before it, which does not."""
    (name, fits), rung = next(iter(change.arguments.items())), fewer(plan, change)
    step = step_of(plan, name, fits)
    fails = before[0].arguments[name] if before else plan.choices.get(name, plan.gpus)
    fits, fails = fits // step, fails // step
    while abs(fails - fits) > 1:
        middle = rung((fits + fails) // 2 * step)
        changed, arguments = _planned(plan, middle)
        if changed and changed.fits and arguments.keys() == change.arguments.keys():
            change, fits = _change(plan, changed, (middle,), arguments), (fits + fails) // 2
        else:
            fails = (fits + fails) // 2
    return change


def _planned(plan, *rungs):
    """The plan that these rungs make together, None if it cannot be laid out or counted; and their arguments."""
    arguments = {name: value for rung in rungs for name, value in rung.arguments.items()}
    try:
        return plan.but(**arguments), arguments
    except ValueError:
        return None, arguments


def _fits(plan, *rungs):
    changed, _ = _planned(plan, *rungs)
    return changed is not None and changed.fits


def _change(plan, changed, rungs, arguments):
    extra = _done(changed) / _done(plan) - 1
    known = plan.sent is not None and changed.sent is not None
    sent = changed.sent - plan.sent if known else 0
    prices = [rung.price for rung in rungs if rung.price]
    *other, kind = sorted((rung.kind for rung in rungs), key=KINDS.index)
    if abs(extra) >= 0.005:
        prices.append(f"{abs(extra):.0%} {'more' if extra > 0 else 'fewer'} FLOPs")
    if sent:
        prices.append(f"{readable(abs(sent), 'B')} {'more' if sent > 0 else 'less'} sent by each GPU in a step")
    return Change(
        " and ".join(rung.name for rung in rungs),
        kind,
        "; ".join(prices),
        arguments,
        changed,
        extra,
        sent,
        _seconds(changed) - _seconds(plan),
        changed.gpus / plan.gpus,
        *other,
    )


def _seconds(plan):
    """What is compared: a token of each sequence, or the training as expected of all FLOPs that are done."""
    if plan.pace:
        return plan.pace.token_seconds
    if plan.flops is None:
        return 0
    usual = plan.published_seconds.middle / beyond_published(plan.model, plan.choices)
    return max(plan.least_seconds, usual * _done(plan) * plan.choices["tokens"] / plan.flops)


def _done(plan):
    """FLOPs that are done for a token of training; nothing to compare in serving."""
    return 1 if plan.job == "serving" else done_flops(plan.model, plan.choices)

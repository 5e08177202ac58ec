"""What would make a job fit: changes of its arguments, each found by planning again, the cheapest first."""

from dataclasses import dataclass
from itertools import combinations, product

from llmcalc.flops import training_ledger
from llmcalc.ladders import KINDS, fewer, ladders_of
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
    extra_flops: float = 0  # as a share of those there were
    extra_sent: float = 0  # bytes that a GPU sends in a step of training
    extra_seconds: float = 0  # on the clock for a training; for a token of each sequence in serving
    gpus_times: float = 1

    __hash__ = None

    def __str__(self):
        return f"{self.name}: {readable(self.plan.total, 'B')} on each GPU; {self.price}"


def remedies(plan):
    """Changes that make a plan fit, the cheapest first.

    Single ones; if none of them leaves the job and the GPUs as they are, pairs that do; if nothing fits yet, all pairs.
    Ranked by kind (see `llmcalc.ladders.KINDS`), then by the GPUs, the seconds and the bytes sent that come on top,
    and the bytes that are needed then. Of changes that come in degrees, the smallest degree that fits.

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
    ladders = ladders_of(plan)
    found = [_single(plan, ladder) for ladder in ladders]
    if not any(change and change.kind in CHEAP for change in found):
        cheap = [ladder for ladder in ladders if ladder[0].kind in CHEAP]
        found += [_pair(plan, one, other) for one, other in combinations(cheap, 2)]
    if not any(found):
        found = [_pair(plan, one, other) for one, other in combinations(ladders, 2)]
    return tuple(sorted(filter(None, found), key=_rank))


def _rank(change):
    return KINDS.index(change.kind), change.gpus_times, change.extra_seconds, change.extra_sent, change.plan.total


def _single(plan, ladder):
    """The first rung that fits; of a context or a batch that was halved until it does, the largest that does."""
    before = None
    for rung in ladder:
        change = _tried(plan, rung)
        if change:
            return _refined(plan, change, before) if fewer(plan, rung) else change
        before = rung
    return None


def _pair(plan, one, other):
    """The first pair of rungs of two ladders that fits; nothing where the highest of both does not."""
    if set(one[0].arguments) & set(other[0].arguments) or not _tried(plan, one[-1], other[-1]):
        return None
    steps = sorted(product(range(len(one)), range(len(other))), key=lambda step: (sum(step), step))
    return next(change for a, b in steps if (change := _tried(plan, one[a], other[b])))


def _refined(plan, change, before):
    """Between a number that fits and one that does not."""
    (name, fits), rung = next(iter(change.arguments.items())), fewer(plan, change)
    step = plan.choices["copies"] if name == "batch" else 1
    fits, fails = fits // step, (before.arguments[name] if before else plan.choices[name]) // step
    while fails - fits > 1:
        middle = (fits + fails) // 2
        better = _tried(plan, rung(middle * step))
        change, fits, fails = (better, middle, fails) if better else (change, fits, middle)
    return change


def _tried(plan, *rungs):
    """The change that these rungs make together, if it can be planned and fits."""
    arguments = {name: value for rung in rungs for name, value in rung.arguments.items()}
    try:
        changed = plan.but(**arguments)
    except ValueError:  # cannot be laid out so, or not be counted
        return None
    return _change(plan, changed, rungs, arguments) if changed.fits else None


def _change(plan, changed, rungs, arguments):
    extra = _work(changed) / _work(plan) - 1
    sent = _sent(changed) - _sent(plan)
    prices = [rung.price for rung in rungs if rung.price]
    if abs(extra) >= 0.005:
        prices.append(f"{abs(extra):.0%} {'more' if extra > 0 else 'fewer'} FLOPs")
    if sent:
        prices.append(f"{readable(abs(sent), 'B')} {'more' if sent > 0 else 'less'} sent by each GPU in a step")
    return Change(
        " and ".join(rung.name for rung in rungs),
        max((rung.kind for rung in rungs), key=KINDS.index),
        "; ".join(prices),
        arguments,
        changed,
        extra,
        sent,
        _seconds(changed) - _seconds(plan),
        changed.gpus / plan.gpus,
    )


def _seconds(plan):
    """What is compared: a token of each sequence, or the training as expected with what is done twice."""
    if plan.pace:
        return plan.pace.token_seconds
    if plan.flops is None:
        return 0
    return max(plan.seconds.middle, plan.published_seconds.middle * _work(plan))


def _sent(plan):
    return plan.step.sent.total if plan.step is not None else 0


def _work(plan):
    """FLOPs that are done for each that the model needs: more than 1 where layers are made again."""
    if plan.job == "serving":
        return 1
    sizes = plan.model, 1, plan.choices["sequence"]
    once, done = (training_ledger(*sizes, recompute=how).total for how in ("none", plan.choices["recompute"]))
    return done / once

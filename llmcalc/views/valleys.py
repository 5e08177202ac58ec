"""What a budget of training buys: valleys of equal budget, tokens per parameter by each fit, and the price of a choice.

All losses here are what a fitted law says of models trained on the text that it was fitted to. Nothing is measured.
"""

from llmcalc.allocation import (
    affordable_tokens,
    optimal_parameters,
    optimal_tokens,
    optimal_tokens_for,
    optimal_tokens_per_parameter,
    power_law_parameters,
    rule_parameters,
)
from llmcalc.compute import training_flops
from llmcalc.display import described, table
from llmcalc.fits import fit as published_fit
from llmcalc.hardware import gpu
from llmcalc.scaling import chinchilla_loss, fewest_parameters, isoflop_loss, tokens_for_same_loss
from llmcalc.svg import line_chart
from llmcalc.units import DAY, convert, in_words

WELL_KNOWN = {
    "Llama 3 8B": (8_030_261_248, 15_000 * 10**9),
    "GPT-3": (174_600_000_000, 300 * 10**9),
    "Gopher": (280 * 10**9, 300 * 10**9),
    "Chinchilla": (70 * 10**9, 1400 * 10**9),
    "Llama 2 7B": (6_738_415_616, 2000 * 10**9),
    "Llama 3.1 405B": (405_853_388_800, 15_600 * 10**9),
}
"""Parameters and training tokens, as the models' papers and cards give them (Brown 2020; Rae 2021; Hoffmann 2022;
Touvron 2023; Meta 2024)."""

UTILIZATION = 0.4
"""Share of the peak that the explorer's training reaches: the better half of the published runs."""

NEAR = 0.01
"""Nats above the bottom of its valley up to which a model is said to lie near it."""

_FITS = {"printed fit": "hoffmann printed", "unrounded fit": "hoffmann unrounded", "refit": "besiroglu"}
"""Short names: Hoffmann's constants as printed and unrounded, and the fit of Besiroglu et al. to the same runs."""

_BUDGETS = {"8 × 10²² FLOP": 8e22, "6 × 10²³ FLOP": 6e23, "4 × 10²⁵ FLOP": 4e25}


def isoflop_valleys(fit="refit"):
    """Loss against size for three budgets, the line through their best sizes, and models at their own budgets."""
    constants, reducible = _fitted(fit).constants, _fitted(fit).reducible
    lines = {name: _valley(budget, fit, 1 / 12, 12) for name, budget in _BUDGETS.items()}
    best = [optimal_parameters(10.0**power, **reducible) for power in _steps(22.5, 25.9, 30)]
    text = [optimal_tokens_for(parameters, **reducible) for parameters in best]
    lines["best sizes"] = (best, [chinchilla_loss(*pair, **constants) for pair in zip(best, text, strict=True)])
    points = {name: (size, chinchilla_loss(size, read, **constants)) for name, (size, read) in WELL_KNOWN.items()}
    rows = []
    near, many, much = "near the bottom", "on the side of many parameters", "on the side of much text"
    sides = {near: [], many: [], much: []}
    for name, (size, read) in WELL_KNOWN.items():
        flops = training_flops(size, read)
        bottom = optimal_parameters(flops, **reducible)
        low = isoflop_loss(bottom, flops, **constants)
        above = points[name][1] - low
        rows.append((name, f"{flops:.2g}", in_words(size), in_words(bottom), f"{low:.3f}", f"{above:.3f}"))
        sides[near if above < NEAR else many if size > bottom else much].append(name)
    placed = [
        f"{' and '.join(names)} lie{'s' if len(names) == 1 else ''} {side}" for side, names in sides.items() if names
    ]
    says = (
        f"Loss against parameters at equal budget, by {_named(fit)}: each budget makes a wide valley. "
        f"{'; '.join(placed)}."
    )
    picture = line_chart(
        {name: _billions(sizes) for name, (sizes, _) in lines.items()},
        {name: losses for name, (_, losses) in lines.items()},
        x_label="billion parameters",
        y_label="loss (nats per token)",
        says=says,
        x_log=True,
        from_zero=False,
        points={name: (size / 10**9, value) for name, (size, value) in points.items()},
    )
    header = ("model", "budget in FLOP", "parameters", "best size", "loss at the best size", "above it")
    return described(picture, says, table(rows, header))


def ratios_by_budget():
    """The best number of tokens per parameter against the budget, by each published fit, and what models were given."""
    budgets = [10.0**power for power in _steps(19, 27, 33)]
    laws = {name: _best_ratio(row) for name, row in _FITS.items()} | {"Kaplan": _kaplan_ratio}
    points = {name: (_days(training_flops(*pair)), pair[1] / pair[0]) for name, pair in WELL_KNOWN.items()}
    says = (
        "The best number of tokens per parameter against the budget. The printed and the unrounded constants of "
        "Hoffmann et al. rise with the budget, those of Besiroglu et al. stay near 20, Kaplan's fall below 1. GPT-3 "
        "and Gopher lie between 1 and 2, Chinchilla at 20, Llama 3 8B near 1,900."
    )
    picture = line_chart(
        [_days(budget) for budget in budgets],
        {name: [ratio(budget) for budget in budgets] for name, ratio in laws.items()},
        x_label="budget (PFLOP-days)",
        y_label="tokens per parameter",
        says=says,
        x_log=True,
        y_log=True,
        limit=("D = 20P", 20),
        points=points,
    )
    shown = (1e20, 5.88e23, 1e26)
    rows = [(name, *(f"{ratio(budget):.3g}" for budget in shown)) for name, ratio in laws.items()]
    header = ("tokens per parameter by", *(f"at {budget:.3g} FLOP" for budget in shown))
    return described(picture, says, table(rows, header))


def budget_choice(gpus=64, days=30, billion_parameters=8, fit="refit"):
    """The valley of a budget of H100s, the best size in it, and the price of another one, as HTML."""
    flops = gpus * gpu("h100-sxm").peak() * UTILIZATION * days * DAY
    constants, reducible = _fitted(fit).constants, _fitted(fit).reducible
    best, yours = optimal_parameters(flops, **reducible), billion_parameters * 10**9
    choices = {"best": best, "by D = 20P": rule_parameters(flops), "yours": yours}
    losses = {name: isoflop_loss(size, flops, **constants) for name, size in choices.items()}
    prices = {name: _price(flops, size, fit) for name, size in choices.items()}
    loss_more = losses["yours"] - losses["best"]
    time = f"{days} {'day' if days == 1 else 'days'}"
    read = {name: affordable_tokens(flops, size) for name, size in choices.items()}
    says = (
        f"{gpus:,} H100 for {time} at {UTILIZATION:.0%} of the peak are {flops:.3g} FLOP. The best model by "
        f"{_named(fit)} has {in_words(best)} parameters and reads {in_words(read['best'])} tokens. Yours of "
        f"{in_words(yours)} reads {in_words(read['yours'])}; its loss is {loss_more:.3f} higher. "
        + _verdict(prices["yours"])
    )
    sizes, valley = _valley(flops, fit, min(1 / 30, yours / best), max(30, yours / best))
    picture = line_chart(
        _billions(sizes),
        {"this budget": valley},
        x_label="billion parameters",
        y_label="loss (nats per token)",
        says=says,
        x_log=True,
        from_zero=False,
        points={name: (choices[name] / 10**9, losses[name]) for name in ("best", "yours")},
    )
    rows = [
        (
            name,
            in_words(size),
            in_words(read[name]),
            in_words(read[name] / size),
            f"{losses[name]:.3f}",
            f"{prices[name]:,.3g} ×" if prices[name] else "out of reach",
        )
        for name, size in choices.items()
    ]
    header = ("model", "parameters", "tokens", "tokens per parameter", "loss", "budget for the best one's loss")
    return described(picture, says, table(rows, header))


def _best_ratio(name):
    reducible = _fitted(name).reducible
    return lambda flops: optimal_tokens_per_parameter(flops, **reducible)


def _days(flops):
    return convert(flops, "FLOP", to="PFLOP-day")


def _kaplan_ratio(flops):
    """What Kaplan's fit makes of a budget; it counts operations at the critical batch size, half of those done."""
    parameters = power_law_parameters(flops / 2, **published_fit("kaplan compute").constants)
    return affordable_tokens(flops, parameters) / parameters


def _fitted(name):
    row = published_fit(_FITS.get(name, name))
    if row.law != "chinchilla_loss":
        raise ValueError(f"a valley takes a fit of chinchilla_loss, and {name!r} is one of {row.law}")
    return row


def _named(fit):
    return f"the {fit}" if fit in _FITS else f"the fit {fit!r}"


def _price(flops, size, fit):
    """The budget, over the one at hand, with which this size has the loss of the best; nothing where none is enough."""
    reducible = _fitted(fit).reducible
    best, text = optimal_parameters(flops, **reducible), optimal_tokens(flops, **reducible)
    if size <= fewest_parameters(best, text, **reducible) * 1.0001:
        return None
    return training_flops(size, tokens_for_same_loss(best, text, size / best, **reducible)) / flops


def _verdict(price):
    if price is None:
        return "No amount of text makes it as good."
    return "It is as good." if price < 1.0005 else f"With {price:,.3g} times the budget it would be as good."


def _valley(flops, fit, low, high):
    """Sizes from `low` to `high` times the best one, and their losses."""
    law = _fitted(fit)
    best, constants = optimal_parameters(flops, **law.reducible), law.constants
    sizes = [best * low * (high / low) ** share for share in _steps(0, 1, 61)]
    return sizes, [isoflop_loss(size, flops, **constants) for size in sizes]


def _billions(sizes):
    return [size / 10**9 for size in sizes]


def _steps(start, end, count):
    return [start + (end - start) * step / (count - 1) for step in range(count)]

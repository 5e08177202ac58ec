"""Questions about what a training budget buys: right answers, and the mistakes that people make."""

from fractions import Fraction

from llmcalc.allocation import optimal_parameters, optimal_tokens, rule_flops, rule_parameters, rule_tokens
from llmcalc.checks.engine import Choice, Formula, Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.compute import seconds_for, training_flops
from llmcalc.inference import serving_flops
from llmcalc.scaling import kaplan_parameter_loss
from llmcalc.units import DAY, HOUR, MINUTE, TFLOP

CLUSTER = {
    "gpus": Own("devices that a group gets", (128, 32, 64, 96, 192, 256)),
    "days": Own("days that it has them", (10, 5, 7, 12, 14, 21, 30)),
    "peak": Own("peak of one device, in FLOP/s", tuple(tera * TFLOP for tera in (312, 125, 180, 380, 650, 990))),
    "reached": Own("share of the peak that training reaches", (0.45, 0.30, 0.35, 0.40, 0.50)),
}
"""What the question about a size begins with."""


def _bought(gpus, days, peak, reached, day=DAY, solved=rule_parameters):
    """The size that the cluster's budget buys, where a day has so many seconds."""
    return solved(gpus * days * day / seconds_for(1, peak, reached))


def _solved(solved):
    """A mistake on the way from the budget to the size."""
    return lambda *cluster: _bought(*cluster, solved=solved)


def _dearer(cost_factor, parameter_exponent, token_exponent, best=optimal_parameters):
    """The best size (or text) where each token costs more for each parameter, over the best one where it does not."""
    exponents = 1, 1, parameter_exponent, token_exponent
    return best(6 / cost_factor, *exponents) / best(6, *exponents)


QUESTIONS = {
    "budget_by_rule": Formula(
        right=rule_flops,
        hint="First the tokens, then what each of them costs.",
        mistakes=(
            Mistake(
                "20 tokens for each parameter, whatever is asked",
                lambda parameters, each: rule_flops(parameters),
                "Your function is told how many tokens each parameter gets. Does it use that?",
            ),
            Mistake(
                "the forward pass alone",
                lambda parameters, each: serving_flops(parameters, rule_tokens(parameters, each)),
                "Training goes back through the network as well.",
            ),
            Mistake(
                "the backward pass alone",
                lambda parameters, each: 2 * serving_flops(parameters, rule_tokens(parameters, each)),
                "Training goes forward through the network as well.",
            ),
            Mistake("the tokens alone", rule_tokens, "That is the text. What does a token of it cost in training?"),
            Mistake(
                "the size used once",
                training_flops,
                "It plays two parts: it decides how many tokens there are, and each token passes through all of it.",
            ),
        ),
    ),
    "hundred_times_the_budget": Choice(
        right="b",
        because="Both grow with the square root of the budget, and 10 times 10 is 100.",
        replies={
            "a": "Put your two factors into 6PD: how many times the budget would that take?",
            "c": "The two factors are multiplied, not added. Put yours into 6PD.",
            "d": "Together these make 100, but the size grows with a larger exponent than the text: so said Kaplan.",
            "e": "Together these make 100, but then the text has an exponent of zero, and the size one of 1.",
        },
    ),
    "size_for_the_cluster": Number(
        values=CLUSTER,
        right=_bought,
        unit="parameters",
        hint="First the budget in FLOP: what all devices really do in all that time. Then the rule, solved for the "
        "size. Perhaps more than one thing is off.",
        mistakes=(
            Mistake(
                "the utilization forgotten",
                lambda gpus, days, peak, reached: _bought(gpus, days, peak, 1),
                "The peak is not what a program reaches.",
            ),
            Mistake(
                "one device only",
                lambda gpus, *rest: _bought(1, *rest),
                "How many devices are there?",
            ),
            Mistake(
                "one day only",
                lambda gpus, days, *rest: _bought(gpus, 1, *rest),
                "How many days are there?",
            ),
            Mistake(
                "one second only",
                lambda gpus, days, *rest: _bought(gpus, 1, *rest, day=1),
                "A rate becomes an amount of work over some time.",
            ),
            *(
                Mistake(
                    f"{units} for seconds",
                    lambda *cluster, day=day: _bought(*cluster, day=day),
                    "FLOP/s are operations in a second.",
                )
                for units, day in (("days", 1), ("hours", DAY // HOUR), ("minutes", DAY // MINUTE))
            ),
            Mistake(
                "the square root forgotten",
                _solved(lambda flops: flops / rule_flops(1)),
                "By the rule, the budget grows with the square of the size.",
            ),
            Mistake(
                "the square root of the budget alone",
                _solved(lambda flops: rule_parameters(flops, 1 / 6) / rule_flops(1)),
                "Solve for the square of the size first; then take the root of all of it.",
            ),
            Mistake(
                "the tokens for each parameter left outside of the root",
                _solved(lambda flops: rule_parameters(flops, 1) / rule_tokens(1)),
                "Solve for the square of the size first; then take the root of all of it.",
            ),
            Mistake(
                "the operations for each parameter and token left outside of the root",
                _solved(lambda flops: rule_parameters(6 * flops) / 6),
                "Solve for the square of the size first; then take the root of all of it.",
            ),
            Mistake(
                "the budget itself, in FLOP",
                _solved(lambda flops: flops),
                "So much can be computed. Which size takes just that, with 20 tokens for each parameter?",
            ),
            Mistake(
                "tokens for parameters",
                lambda *cluster: rule_tokens(_bought(*cluster)),
                "The text is larger than the size. Which is it?",
            ),
            Mistake(
                "one token for each parameter",
                _solved(lambda flops: rule_parameters(flops, 1)),
                "How many tokens does the rule give each parameter?",
            ),
            Mistake(
                "one operation for each parameter and token",
                _solved(lambda flops: rule_parameters(6 * flops)),
                "What does a token of training cost for each parameter?",
            ),
            Mistake(
                "the forward pass alone",
                _solved(lambda flops: rule_parameters(3 * flops)),
                "Training goes back through the network as well.",
            ),
            Mistake(
                "a second forward pass (recomputation)",
                _solved(lambda flops: rule_parameters(Fraction(6, 8) * flops)),
                "The rule counts what the model needs, without repetitions.",
            ),
        ),
    ),
    "size_when_tokens_cost_more": Formula(
        right=lambda cost_factor, parameter_exponent, token_exponent: _dearer(
            cost_factor, parameter_exponent, token_exponent
        ),
        between={"cost_factor": (1, Fraction(8, 6))},
        hint="A dearer token does to the optimum what a smaller budget does. With which power of the budget does the "
        "best size grow?",
        mistakes=(
            Mistake(
                "what happens to the text",
                lambda factor, *exponents: _dearer(factor, *exponents, best=optimal_tokens),
                "One exponent belongs to the size, the other one to the text.",
            ),
            Mistake(
                "a size that grows as much as it should shrink",
                lambda factor, *exponents: 1 / _dearer(factor, *exponents),
                "Does the same budget now pay for more or for less?",
            ),
            Mistake(
                "all of it taken from the size",
                lambda factor, *exponents: _dearer(factor, *exponents) * _dearer(factor, *exponents, optimal_tokens),
                "At the new optimum the text is shorter as well.",
            ),
            Mistake(
                "all of it taken from the text",
                lambda factor, *exponents: 1,
                "The old size with less text is no longer the optimum: a percent of text is now worth more than one "
                "of parameters.",
            ),
            Mistake(
                "equal exponents",
                lambda factor, *exponents: _dearer(factor, 1, 1),
                "The square root is right for two exponents that are equal. Here they may differ.",
            ),
            Mistake(
                "the exponent of the tokens as it stands",
                lambda factor, parameter_exponent, token_exponent: (
                    kaplan_parameter_loss(1, factor, token_exponent) ** -1
                ),
                "That is how the loss falls. The best size grows with a power that both exponents decide.",
            ),
            Mistake(
                "the exponent of the parameters as it stands",
                lambda factor, parameter_exponent, token_exponent: (
                    kaplan_parameter_loss(1, factor, parameter_exponent) ** -1
                ),
                "That is how the loss falls. The best size grows with a power that both exponents decide.",
            ),
        ),
    ),
    "slip_in_allocation": Choice(
        right="b",
        because="Training costs 6 for each parameter and token, so the rule divides by 120, not by 40; the size is "
        "too large by the square root of 3, and the check at the end repeats the slip.",
        replies={
            "a": "A PFLOP-day is a rate of 10^15 FLOP/s, kept up for 86,400 seconds. Check the next line.",
            "c": "20 tokens for each parameter of line b. What went wrong, went wrong before.",
            "d": "The sum is right, but it uses the same price of a token as an earlier line. Which one?",
        },
    ),
}

"""Questions about models that serve after their training: right answers, and the mistakes that people make."""

from functools import cache

from llmcalc.checks.engine import Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.checks.scaling_laws import LAW, tokens_for
from llmcalc.checks.scaling_laws import QUESTIONS as BEFORE
from llmcalc.compute import training_flops
from llmcalc.inference import lifetime_flops, serving_flops
from llmcalc.scaling import fewest_parameters

GIVEN = BEFORE["tokens_at_half_the_size"]
"""The question whose two models all others are about."""
SERVED = tuple(trillions * 10**12 for trillions in (20, 2, 3, 5, 8, 10, 15, 30, 50))
"""Tokens that a service expects."""
FORWARD_ONLY = "Serving goes forward only (2), training also back (6). Which did you take for which?"


def _even(size, text, extra=None, spared=None):
    """Served tokens that give back what the training of the smaller model costs more."""
    half = size // 2
    extra = training_flops(half, tokens_for(size, text)) - training_flops(size, text) if extra is None else extra
    return extra / (serving_flops(size, 1) - serving_flops(half, 1) if spared is None else spared)


def _life(size, text, served, factor):
    """FLOP of training and serving a model of so many times the size, at the same loss."""
    return lifetime_flops(factor * size, tokens_for(size, text, factor), served)


@cache
def _cheapest(size, text, served):
    """The size with the cheapest life, training and serving, of all that reach the same loss: found by trying."""
    least = fewest_parameters(size, text, **LAW) / size
    factors = (1.001**step / 6 for step in range(2500))  # from a sixth to twice the size
    return size * min((factor for factor in factors if factor > least), key=lambda k: _life(size, text, served, k))


def _in_between(*given):
    """Whether the cheapest life is where the search of the task finds it, clearly below half the size: a valley."""
    return _life(*given, 0.25) > _life(*given, 0.251) and _life(*given, 0.399) < _life(*given, 0.4)


def _smallest_sum(*given):
    return _life(*given, _cheapest(*given) / given[0])


QUESTIONS = {
    "served_until_even": Number(
        builds_on=GIVEN,
        right=_even,
        unit="tokens",
        hint="What does the training of the smaller model cost more, in FLOP? What does each served token cost less?",
        mistakes=(
            Mistake(
                "the same price for a token served and a token of training",
                lambda size, text: _even(size, text, spared=training_flops(size / 2, 1)),
                FORWARD_ONLY,
            ),
            Mistake(
                "all that a served token costs with the larger model",
                lambda size, text: _even(size, text, spared=serving_flops(size, 1)),
                "The smaller model does not serve for nothing. What does it save?",
            ),
            Mistake(
                "one operation for each parameter of a served token",
                lambda size, text: _even(size, text, spared=size / 2),
                "A multiplication and an addition for each parameter.",
            ),
            Mistake(
                "all of the smaller model's training",
                lambda size, text: _even(size, text, training_flops(size / 2, tokens_for(size, text))),
                "The larger model has to be trained as well.",
            ),
            Mistake(
                "the extra text itself",
                lambda size, text: tokens_for(size, text) - text,
                "Those are tokens of training, and training costs more than serving. Compare operations.",
            ),
            Mistake(
                "the extra text at the smaller size",
                lambda size, text: _even(size, text, training_flops(size / 2, tokens_for(size, text) - text)),
                "The old text, too, costs less with the smaller model. Take the whole training of each.",
            ),
            Mistake(
                "the extra text at the larger size",
                lambda size, text: _even(size, text, training_flops(size, tokens_for(size, text) - text)),
                "It is the smaller model that reads the longer text. Take the whole training of each.",
            ),
            Mistake(
                "the operations themselves",
                lambda *given: _even(*given, spared=1),
                "That is what the training costs more, in FLOP. How many served tokens save as much?",
            ),
            Mistake(
                "the two trainings the other way round",
                lambda *given: -_even(*given),
                "Which of the two trainings costs more?",
            ),
        ),
    ),
    "size_for_the_service": Number(
        builds_on=GIVEN,
        values={"served": Own("tokens that a service expects to handle", SERVED)},
        where=_in_between,
        right=_cheapest,
        unit="parameters",
        tolerance=0.01,
        hint="For each size: the text that it needs for the loss, then the FLOP of its training and of its service "
        "together. Which size has the smallest sum? Perhaps more than one thing is off, or the steps are too large.",
        mistakes=(
            Mistake(
                "the service left out",
                lambda size, text, served: _cheapest(size, text, 0),
                "That is the cheapest size to train. It serves as well.",
            ),
            Mistake(
                "the same price for a token served and a token of training",
                lambda size, text, served: _cheapest(size, text, 3 * served),
                FORWARD_ONLY,
            ),
            Mistake(
                "one operation for each parameter of a served token",
                lambda size, text, served: _cheapest(size, text, served / 2),
                "A multiplication and an addition for each parameter.",
            ),
            Mistake(
                "the smallest size that can reach the loss at all",
                lambda size, text, served: fewest_parameters(size, text, **LAW),
                "It would need text without end, and its training would cost as much. Does your sum hold both parts, "
                "and does the text grow as the size shrinks?",
            ),
            Mistake(
                "the smallest size tried, if you began at a fifth",
                lambda size, text, served: size / 5,
                "Your sum only grows with the size. Does a smaller size need more text, and does text cost anything?",
            ),
            Mistake(
                "the size of the given model",
                lambda size, text, served: size,
                "It may be larger or smaller. What does trying say?",
            ),
            Mistake(
                "half the size of the given model", lambda size, text, served: size / 2, "There is a better one still."
            ),
            Mistake(
                "the text, where the size is meant",
                lambda size, text, served: tokens_for(size, text, _cheapest(size, text, served) / size),
                "The question asks for the size.",
            ),
            Mistake(
                "the size over that of the given model",
                lambda size, text, served: _cheapest(size, text, served) / size,
                "The question asks for parameters.",
            ),
            Mistake(
                "the smallest sum itself",
                _smallest_sum,
                "That is what the life costs. At which size?",
            ),
        ),
    ),
}

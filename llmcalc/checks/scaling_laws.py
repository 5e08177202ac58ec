"""Questions about sizes and texts that reach the same loss: right answers, and the mistakes that people make."""

from llmcalc.allocation import affordable_tokens, optimal_tokens_for
from llmcalc.checks.engine import Formula, Mistake, Number
from llmcalc.compute import training_flops
from llmcalc.fits import fit
from llmcalc.inference import lifetime_flops, serving_flops
from llmcalc.scaling import fewest_parameters, growth_for_gain, kaplan_parameter_loss, tokens_for_same_loss

SIZE, HALF, TEXT, SERVED = 40 * 10**9, 20 * 10**9, 800 * 10**9, 20 * 10**12
"""Parameters of a model and of one half as large; training tokens of the first; tokens that a service expects."""
LAW = fit("besiroglu printed").reducible
"""The constants that those questions print."""
FORWARD_ONLY = "Serving goes forward only (2), training also back (6). Which did you take for which?"


def _text(size_factor=0.5, **changed):
    """Tokens with which a model of another size reaches the same loss."""
    return tokens_for_same_loss(SIZE, TEXT, size_factor, **LAW | changed)


def _even(extra=None, spared=None):
    """Served tokens that give back what the training of the smaller model costs more."""
    extra = training_flops(HALF, _text()) - training_flops(SIZE, TEXT) if extra is None else extra
    return extra / (serving_flops(SIZE, 1) - serving_flops(HALF, 1) if spared is None else spared)


def _cheapest(served_tokens=SERVED):
    """The size with the cheapest life, training and serving, of all that reach the same loss: found by trying."""
    factors = (1.001**step / 6 for step in range(2500))  # from a sixth to twice the size
    return SIZE * min(factors, key=lambda k: lifetime_flops(k * SIZE, _text(k), served_tokens))


QUESTIONS = {
    "growth_for_lower_loss": Formula(
        right=lambda lower_by, parameter_exponent: growth_for_gain(1 / (1 - lower_by), parameter_exponent),
        between={"lower_by": (0, 1)},
        hint="Write the law down for both sizes, and divide one loss by the other. What is left is a ratio of sizes.",
        mistakes=(
            Mistake(
                "the part of the loss that goes, where the part that stays is meant",
                lambda lower_by, exponent: growth_for_gain(1 / lower_by, exponent),
                "A loss that is a tenth lower is not a tenth of the loss. (The article writes the same formula.)",
            ),
            Mistake(
                "the part of the loss that goes, where the part that stays is meant, and the two sizes the other way "
                "round",
                lambda lower_by, exponent: 1 / growth_for_gain(1 / lower_by, exponent),
                "A loss that is a tenth lower is not a tenth of the loss. And does it take more parameters or fewer?",
            ),
            Mistake(
                "a performance that is higher by this part",
                lambda lower_by, exponent: growth_for_gain(1 + lower_by, exponent),
                "Ten percent up and then ten percent down does not lead back. Which loss is divided by which?",
            ),
            Mistake(
                "the two sizes the other way round",
                lambda lower_by, exponent: 1 / growth_for_gain(1 / (1 - lower_by), exponent),
                "Your model shrinks. Does a lower loss take more parameters or fewer?",
            ),
            Mistake(
                "the parameters that are added, over the old ones",
                lambda lower_by, exponent: growth_for_gain(1 / (1 - lower_by), exponent) - 1,
                "The new number over the old one is asked for, the old ones included.",
            ),
            Mistake(
                "ten times the performance, whatever part is asked",
                lambda lower_by, exponent: growth_for_gain(10, exponent),
                "Your function is told by which part the loss is to fall. Does it use that?",
            ),
            Mistake(
                "the exponent left out",
                lambda lower_by, exponent: growth_for_gain(1 / (1 - lower_by), 1),
                "That is how much the loss shrinks. The parameters have to grow far more than that.",
            ),
            Mistake(
                "the exponent not undone",
                lambda lower_by, exponent: kaplan_parameter_loss(1 - lower_by, 1, exponent),
                "You know how the losses compare and look for the sizes: which power takes you back?",
            ),
            Mistake(
                "the new loss over the old one, the exponent not undone",
                lambda lower_by, exponent: 1 / kaplan_parameter_loss(1 - lower_by, 1, exponent),
                "You know how the losses compare and look for the sizes: which power takes you back, and which way?",
            ),
        ),
    ),
    "tokens_at_half_the_size": Number(
        right=_text,
        unit="tokens",
        hint="The loss of both models is the same, and the floor cancels. What does the smaller one lose for want of "
        "parameters, and what may it then still lose for want of text?",
        mistakes=(
            Mistake(
                "the same training budget",
                lambda: affordable_tokens(training_flops(SIZE, TEXT), HALF),
                "The loss is to stay the same, not the operations.",
            ),
            Mistake(
                "the best text for the smaller model",
                lambda: optimal_tokens_for(HALF, **LAW),
                "That is a good balance at a higher loss.",
            ),
            Mistake(
                "a model of twice the size",
                lambda: _text(2),
                "A smaller model loses more for want of parameters, not less.",
            ),
            Mistake("the same text", lambda: TEXT, "The smaller model would have a higher loss with that."),
            Mistake(
                "half the text, or 20 tokens for each parameter",
                lambda: TEXT / 2,
                "That is a good balance for a smaller budget, and gives a higher loss.",
            ),
            Mistake("the last fraction upside down", lambda: 1 / _text(), "No text is as short as that."),
            Mistake("the extra text alone", lambda: _text() - TEXT, "The question asks for all of its text."),
            Mistake(
                "the old text and the new one added",
                lambda: TEXT + _text(),
                "The smaller model is trained from the beginning: one text is all that it reads.",
            ),
            Mistake("the text over the old text", lambda: _text() / TEXT, "The question asks for tokens."),
            Mistake(
                "the two exponents exchanged",
                lambda: _text(
                    parameter_exponent=LAW["token_exponent"],
                    token_exponent=LAW["parameter_exponent"],
                ),
                "`alpha_P` belongs to `A_P` and the parameters, `alpha_D` to `A_D` and the tokens.",
            ),
            Mistake(
                "the wrong exponent in the last step",
                lambda: growth_for_gain(_text() ** LAW["token_exponent"], LAW["parameter_exponent"]),
                "Which exponent had the tokens?",
            ),
            Mistake(
                "a power that is not undone",
                lambda: _text() ** LAW["token_exponent"],
                "That is the tokens raised to a power. How do you get rid of the power?",
            ),
        ),
    ),
    "served_until_even": Number(
        right=_even,
        unit="tokens",
        hint="What does the training of the smaller model cost more, in FLOP? What does each served token cost less?",
        mistakes=(
            Mistake(
                "the same price for a token served and a token of training",
                lambda: _even(spared=training_flops(SIZE - HALF, 1)),
                FORWARD_ONLY,
            ),
            Mistake(
                "all that a served token costs with the larger model",
                lambda: _even(spared=serving_flops(SIZE, 1)),
                "The smaller model does not serve for nothing. What does it save?",
            ),
            Mistake(
                "one operation for each parameter of a served token",
                lambda: _even(spared=SIZE - HALF),
                "A multiplication and an addition for each parameter.",
            ),
            Mistake(
                "all of the smaller model's training",
                lambda: _even(training_flops(HALF, _text())),
                "The larger model has to be trained as well.",
            ),
            Mistake(
                "the extra text itself",
                lambda: _text() - TEXT,
                "Those are tokens of training, and training costs more than serving. Compare operations.",
            ),
            Mistake(
                "the extra text at the smaller size",
                lambda: _even(training_flops(HALF, _text() - TEXT)),
                "The old text, too, costs less with the smaller model. Take the whole training of each.",
            ),
            Mistake(
                "the extra text at the larger size",
                lambda: _even(training_flops(SIZE, _text() - TEXT)),
                "It is the smaller model that reads the longer text. Take the whole training of each.",
            ),
            Mistake(
                "the operations themselves",
                lambda: _even(spared=1),
                "That is what the training costs more, in FLOP. How many served tokens save as much?",
            ),
            Mistake(
                "the two trainings the other way round",
                lambda: -_even(),
                "Which of the two trainings costs more?",
            ),
        ),
    ),
    "size_for_the_service": Number(
        right=_cheapest,
        unit="parameters",
        tolerance=0.01,
        hint="For each size: the text that it needs for the loss, then the FLOP of its training and of its service "
        "together. Which size has the smallest sum? Perhaps more than one thing is off, or the steps are too large.",
        mistakes=(
            Mistake(
                "the service left out", lambda: _cheapest(0), "That is the cheapest size to train. It serves as well."
            ),
            Mistake(
                "the same price for a token served and a token of training",
                lambda: _cheapest(3 * SERVED),
                FORWARD_ONLY,
            ),
            Mistake(
                "one operation for each parameter of a served token",
                lambda: _cheapest(SERVED / 2),
                "A multiplication and an addition for each parameter.",
            ),
            Mistake(
                "the smallest size that can reach the loss at all",
                lambda: fewest_parameters(SIZE, TEXT, **LAW),
                "It would need text without end, and its training would cost as much. Does your sum hold both parts, "
                "and does the text grow as the size shrinks?",
            ),
            Mistake(
                "the smallest size tried, if you began at 7 billion",
                lambda: 7 * 10**9,
                "Your sum only grows with the size. Does a smaller size need more text, and does text cost anything?",
            ),
            Mistake("the size of the given model", lambda: SIZE, "It may be larger or smaller. What does trying say?"),
            Mistake("half the size of the given model", lambda: HALF, "There is a better one still."),
            Mistake(
                "the text, where the size is meant",
                lambda: _text(_cheapest() / SIZE),
                "The question asks for the size.",
            ),
            Mistake(
                "the size over that of the given model", lambda: _cheapest() / SIZE, "The question asks for parameters."
            ),
            Mistake(
                "the smallest sum itself",
                lambda: lifetime_flops(_cheapest(), _text(_cheapest() / SIZE), SERVED),
                "That is what the life costs. At which size?",
            ),
        ),
    ),
}

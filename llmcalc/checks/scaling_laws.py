"""Questions about sizes and texts that reach the same loss: right answers, and the mistakes that people make."""

from llmcalc.allocation import affordable_tokens, optimal_tokens_for
from llmcalc.checks.engine import Formula, Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.compute import training_flops
from llmcalc.fits import fit
from llmcalc.scaling import growth_for_gain, kaplan_parameter_loss, tokens_for_same_loss

SIZES = tuple(billions * 10**9 for billions in (40, 12, 15, 16, 20, 24, 60, 70))
TEXTS = tuple(billions * 10**9 for billions in (800, 300, 400, 500, 600, 1200))
"""Parameters of a model that is given, and the tokens that it was trained on."""
LAW = fit("besiroglu printed").reducible
"""The constants that those questions print."""


def tokens_for(size, text, size_factor=0.5, **changed):
    """Tokens with which a model of another size reaches the same loss."""
    return tokens_for_same_loss(size, text, size_factor, **LAW | changed)


def _allowed_more(size, text):
    """Tokens for somebody who lets the smaller model lose more for want of text, not less."""
    exponent = LAW["token_exponent"]
    return growth_for_gain(1 / (2 * text**-exponent - tokens_for(size, text) ** -exponent), exponent)


def _costs_more(size, text):
    """Whether half the size takes more training, and not so much more that nobody would think of it."""
    return 2.25 < tokens_for(size, text) / text < 3.25


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
        values={
            "size": Own("parameters of a model", SIZES),
            "text": Own("tokens that it was trained on", TEXTS),
        },
        where=_costs_more,
        right=tokens_for,
        unit="tokens",
        hint="The loss of both models is the same, and the floor cancels. What does the smaller one lose for want of "
        "parameters, and what may it then still lose for want of text?",
        mistakes=(
            Mistake(
                "the same training budget",
                lambda size, text: affordable_tokens(training_flops(size, text), size / 2),
                "The loss is to stay the same, not the operations.",
            ),
            Mistake(
                "the best text for the smaller model",
                lambda size, text: optimal_tokens_for(size / 2, **LAW),
                "That is a good balance at a higher loss.",
            ),
            Mistake(
                "a model of twice the size",
                lambda size, text: tokens_for(size, text, 2),
                "A smaller model loses more for want of parameters, not less.",
            ),
            Mistake("the same text", lambda size, text: text, "The smaller model would have a higher loss with that."),
            Mistake(
                "half the text, or as many tokens for each parameter as before",
                lambda size, text: text / 2,
                "The smaller model would have a higher loss with that: both of its terms grow, and one has to shrink.",
            ),
            Mistake(
                "a larger loss for want of text, where a smaller one is needed",
                _allowed_more,
                "The smaller model loses more for want of parameters already. What has its text to make up for?",
            ),
            Mistake(
                "the last fraction upside down", lambda *given: 1 / tokens_for(*given), "No text is as short as that."
            ),
            Mistake(
                "the extra text alone",
                lambda size, text: tokens_for(size, text) - text,
                "The question asks for all of its text.",
            ),
            Mistake(
                "the old text and the new one added",
                lambda size, text: text + tokens_for(size, text),
                "The smaller model is trained from the beginning: one text is all that it reads.",
            ),
            Mistake(
                "the text over the old text",
                lambda size, text: tokens_for(size, text) / text,
                "The question asks for tokens.",
            ),
            Mistake(
                "the two exponents exchanged",
                lambda *given: tokens_for(
                    *given,
                    parameter_exponent=LAW["token_exponent"],
                    token_exponent=LAW["parameter_exponent"],
                ),
                "`alpha_P` belongs to `A_P` and the parameters, `alpha_D` to `A_D` and the tokens.",
            ),
            Mistake(
                "the wrong exponent in the last step",
                lambda *given: growth_for_gain(tokens_for(*given) ** LAW["token_exponent"], LAW["parameter_exponent"]),
                "Which exponent had the tokens?",
            ),
            Mistake(
                "a power that is not undone",
                lambda *given: tokens_for(*given) ** LAW["token_exponent"],
                "That is the tokens raised to a power. How do you get rid of the power?",
            ),
        ),
    ),
}

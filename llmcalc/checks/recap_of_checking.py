"""A recap of checking: what a difference makes of a small slip, and what the limits of a formula say about it."""

from llmcalc.checks.engine import Choice, Mistake, Number
from llmcalc.checks.questions import Own

SHARES = (0.98, 0.95, 0.9, 0.96)
MISSING = (0.06, 0.08, 0.03, 0.12)


def _left(layers_share, missing=0):
    """What is left for the embeddings, as a share of the model, where so much of the layers is missing."""
    return 1 - layers_share * (1 - missing)


def _times(layers_share, missing):
    return _left(layers_share, missing) / _left(layers_share)


QUESTIONS = {
    "times_too_large": Number(
        values={
            "layers_share": Own("share of the model that its layers really have", SHARES),
            "missing": Own("share of the layers that the page misses", MISSING),
        },
        right=_times,
        unit="times the embeddings",
        hint="Take a model of a hundred parts. How many are really left for the embeddings, and how many by the page?",
        mistakes=(
            Mistake(
                "the embeddings off by the same share as the layers",
                lambda layers_share, missing: 1 + missing,
                "The same amount is missing on one side and too much on the other. A share of what is it there?",
            ),
            Mistake(
                "the layers' error, not that of the embeddings",
                lambda layers_share, missing: 1 - missing,
                "The total is right. Where has the missing part gone?",
            ),
            Mistake(
                "what is missing taken as a share of the model",
                lambda layers_share, missing: 1 + missing / _left(layers_share),
                "What is missing is a share of the layers, and these are not the whole model.",
            ),
            Mistake(
                "what is missing taken for what the page finds",
                lambda layers_share, missing: _left(layers_share, 1 - missing) / _left(layers_share),
                "How much of the layers does the page count, if it misses so much of them?",
            ),
            Mistake(
                "what is missing alone, as a share of the model",
                lambda layers_share, missing: layers_share * missing,
                "The page gives that to the embeddings. How many do they have then, over what they really have?",
            ),
            Mistake(
                "how much too large it is, not how many times as large",
                lambda layers_share, missing: _times(layers_share, missing) - 1,
                "Twice as large is one time too much. Which of the two is asked for?",
            ),
            Mistake(
                "what is missing as a share of the model, and the embeddings themselves left out",
                lambda layers_share, missing: missing / _left(layers_share),
                "What is missing is a share of the layers. And it comes on top of what the embeddings really have.",
            ),
            Mistake(
                "layers that are too large",
                lambda layers_share, missing: _times(layers_share, -missing),
                "The page's layers are too small. What does that leave for the rest?",
            ),
            Mistake(
                "the share that the page leaves for the embeddings",
                _left,
                "And against what is really there?",
            ),
            Mistake(
                "the fraction upside down",
                lambda layers_share, missing: 1 / _times(layers_share, missing),
                "Are the page's embeddings larger or smaller than the real ones?",
            ),
            Mistake(
                "a percentage in place of a factor",
                lambda layers_share, missing: 10**2 * _times(layers_share, missing),
                "Give the factor itself.",
            ),
        ),
    ),
    "idle_by_limits": Choice(
        right="d",
        because="It passes all limits: one stage never waits, very many micro-batches make the waiting vanish, a "
        "single one leaves all stages but one idle, and with stages without end nearly all time is lost.",
        replies={
            "a": "Put in a single stage. For whom would it wait?",
            "b": "Put in a single micro-batch and many stages. Which part of its time can somebody stand idle at most?",
            "c": "Let the stages grow without end and keep the micro-batches. By this formula, how much is idle then, "
            "and does that make sense?",
        },
    ),
}

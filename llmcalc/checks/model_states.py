"""Questions about all that training keeps for the parameters, and when: right answers, and frequent mistakes."""

from llmcalc.checks.engine import Choice, Formula, Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.formats import number_format
from llmcalc.memory import stored_bytes, training_state_bytes
from llmcalc.states import state_bytes_per_parameter, step_peak_bytes
from llmcalc.symbolic import larger


def _recipe(*formats, more=0, weights=1, gradients=1):
    """Bytes for each parameter, of weights, gradients, master copy and two moments in these formats."""
    weight, gradient, master, moment = (number_format(name).bytes_per_value for name in formats)
    return state_bytes_per_parameter(weights * weight, gradients * gradient, master, 2, moment) + more


def _finer_master(weights, gradients, master, moments):
    """Whether the master copy is longer than the weights, and no shorter than the gradients that it takes in."""
    weight, gradient, copy = (number_format(name).bytes_per_value for name in (weights, gradients, master))
    return weight < copy >= gradient


def _frozen(parameters, share, size, values, *, weights=1, master=4, each=4, gradients=None, for_all=0, frozen=False):
    """Bytes where a share is trained; `for_all` bytes are kept for each parameter although they need not be."""
    trained = (1 - share if frozen else share) * parameters
    own = state_bytes_per_parameter(0, size if gradients is None else gradients, master, values, each)
    return stored_bytes(weights * parameters, size) + stored_bytes(trained, own) + for_all * (parameters - trained)


def _wrong_frozen(name, hint, **how):
    return Mistake(name, lambda *values: _frozen(*values, **how), hint)


def _fullest(weights, activations, states=2, in_flight=0, update=1):
    """Peak of a step; `states`, `in_flight` and `update` count copies of the weights."""
    return step_peak_bytes(weights, weights, states * weights, activations, in_flight * weights, update * weights)


TRAINED_ONLY = "Who asks for that of a parameter which stays as it is?"
TERMS = "Write down five words, and a number of bytes behind each: weight, gradient, master copy, and two moments."

QUESTIONS = {
    "bytes_of_the_recipe": Number(
        values={
            "weights_in": Own("format of the weights that the model computes with", ("bf16", "fp8_e4m3")),
            "gradients_in": Own("format of the gradients", ("fp32", "bf16")),
            "master_in": Own("format of the master copy of the weights", ("fp32", "fp16")),
            "moments_in": Own("format of both moments of AdamW", ("bf16", "fp8_e4m3")),
        },
        where=_finer_master,
        right=lambda *formats: _recipe(*formats),
        unit="B",
        tolerance=0,
        hint=TERMS,
        mistakes=(
            Mistake(
                "moments in fp32",
                lambda *formats: _recipe(*formats[:3], "fp32"),
                "In which format does this recipe keep the moments?",
            ),
            Mistake(
                "the usual recipe (or a gradient in two formats)",
                lambda *formats: 16,
                "Sixteen is the usual answer. Which formats of this recipe are not the usual ones?",
            ),
            Mistake(
                "a second gradient in 16 bits, and moments in fp32 (or fp32 everywhere)",
                lambda *formats: _recipe(*formats[:3], "fp32", more=2),
                TERMS,
            ),
            Mistake(
                "one byte missing: a term of 8 bits, or half of one of 16",
                lambda *formats: _recipe(*formats, more=-1),
                TERMS,
            ),
            Mistake(
                "two bytes missing: a term of 16 bits, or half of one of 32",
                lambda *formats: _recipe(*formats, more=-2),
                TERMS,
            ),
            Mistake(
                "four bytes missing: a term of 32 bits, or two of 16",
                lambda *formats: _recipe(*formats, more=-4),
                TERMS,
            ),
            Mistake(
                "the optimizer's part alone",
                lambda *formats: _recipe(*formats, weights=0, gradients=0),
                "That is what the slides count as optimizer states. What else does training keep?",
            ),
        ),
    ),
    "true_of_the_quarrel": Choice(
        right="c",
        because="Two for the weight, two for the gradient, twice two for the moments, which follow the format of the "
        "weights. No fp32 weights are left, so that small updates get lost.",
        replies={
            "a": "Write down what each of the two counts. Under which heading do the slides print their number?",
            "b": "Write both sums down term by term. How large is a weight in the one, and in the other?",
            "d": "Write that sum down: no term comes twice. Which one has a size that you did not expect?",
            "e": "Weights and gradients are halved, that is right. What does mixed precision keep that fp32 need not?",
        },
    ),
    "bytes_with_frozen_layers": Formula(
        right=lambda parameters, trained_share, bytes_per_weight, optimizer_values: _frozen(
            parameters, trained_share, bytes_per_weight, optimizer_values
        ),
        between={"trained_share": (0, 1)},
        unit="B",
        hint="Two groups: what every parameter has, and what only a trained one has beside.",
        mistakes=(
            Mistake(
                "everything trained",
                lambda parameters, share, *rest: _frozen(parameters, 1, *rest),
                "Your function is told which share is trained. Does it use that?",
            ),
            Mistake(
                "the share taken for percent",
                lambda parameters, share, *rest: _frozen(parameters, share / 100, *rest),
                "A tenth is given as 0.1, not as 10.",
            ),
            Mistake(
                "the weights of the trained parameters only",
                lambda parameters, share, *rest: _frozen(share * parameters, 1, *rest),
                "A layer that stays as it is still takes part in the forward pass.",
            ),
            Mistake(
                "the frozen share taken for the trained one",
                lambda *values: _frozen(*values, frozen=True),
                "Which of the two groups has gradients?",
            ),
            Mistake(
                "gradients of all parameters",
                lambda *values: _frozen(*values, for_all=values[2]),
                TRAINED_ONLY,
            ),
            _wrong_frozen("a master copy of all parameters", TRAINED_ONLY, for_all=4),
            Mistake(
                "the optimizer's values for all parameters",
                lambda *values: _frozen(*values, for_all=4 * values[3]),
                TRAINED_ONLY,
            ),
            _wrong_frozen(
                "no gradients (or no weights of the trained parameters)",
                "What does the optimizer read in each step? And what has every parameter, trained or not?",
                gradients=0,
            ),
            _wrong_frozen("a byte for each value of the optimizer", "How large is a value in fp32?", each=1),
            Mistake(
                "the format of the weights for everything, and no master copy",
                lambda *values: _frozen(*values, master=0, each=values[2]),
                "Some of these values are in fp32, whatever format the weights have.",
            ),
            _wrong_frozen("no master copy", "Where does a small update go, if the weights have 16 bits?", master=0),
            Mistake(
                "nothing that the optimizer remembers",
                lambda parameters, share, size, values: _frozen(parameters, share, size, 0),
                "Your function is told how many values the optimizer keeps. Does it use that?",
            ),
            _wrong_frozen("no weights", "What does the forward pass multiply with?", weights=0),
            Mistake(
                "the weights of the trained parameters twice",
                lambda *values: _frozen(*values) + stored_bytes(values[0] * values[1], values[2]),
                "The weights of all parameters contain those of the trained ones.",
            ),
            _wrong_frozen("gradients in fp32", "In which format are the gradients of this question?", gradients=4),
            Mistake(
                "the optimizer's values in the format of the weights",
                lambda *values: _frozen(*values, each=values[2]),
                "In which format does the optimizer of this question keep its values?",
            ),
            Mistake(
                "the master copy in the format of the weights",
                lambda *values: _frozen(*values, master=values[2]),
                "The master copy is there because it has more bits than the weights.",
            ),
            Mistake(
                "two bytes for each weight, whatever is asked",
                lambda parameters, share, size, values: _frozen(parameters, share, 2, values),
                "Your function is told how many bytes a weight has. Does it use that?",
            ),
            Mistake(
                "one value of the optimizer, whatever is asked",
                lambda parameters, share, size, values: _frozen(parameters, share, size, 1),
                "Your function is told how many values the optimizer keeps. Does it use that?",
            ),
            Mistake(
                "two values of the optimizer, whatever is asked",
                lambda parameters, share, size, values: _frozen(parameters, share, size, 2),
                "Your function is told how many values the optimizer keeps. Does it use that?",
            ),
        ),
    ),
    "slip_in_states": Choice(
        right="b",
        because="The slides' 12 bytes hold the fp32 copy already, which line a counts as well. It is 16 bytes, or 544 "
        "GB. The 20 of MT-NLG are others: 2 + 2 + 4 + 4 + 8, with gradients in fp32 beside those in 16 bits.",
        replies={
            "a": "A copy of 16 bits to multiply with, one of 32 bits to update: mixed precision. Check the next line.",
            "c": "Gradients in the format of the weights, that is usual. What of the lines around it?",
            "d": "The sum of the three lines is right, and so is the published number. A line above counts something "
            "that is there already.",
        },
    ),
    "fullest_moment": Formula(
        right=lambda weight_bytes, activation_bytes: _fullest(weight_bytes, activation_bytes),
        unit="B",
        hint="List what is there at three moments: when the backward pass begins, when it ends, and in the update. "
        "What is always there, and what is the most of the rest?",
        mistakes=(
            Mistake(
                "everything added up, as if all were there at once",
                lambda weights, kept: _fullest(weights, 0) + kept,
                "In the update, are the activations still there?",
            ),
            Mistake(
                "weights, gradients, states and activations added up",
                lambda weights, kept: 4 * weights + kept,
                "When the activations are all there, is there any gradient yet? And what does the update hold for a "
                "moment?",
            ),
            Mistake(
                "the copy of the update forgotten",
                lambda weights, kept: _fullest(weights, kept, update=0),
                "The update takes something for a moment; and what has it to read?",
            ),
            Mistake(
                "all activations beside all gradients (or the copy of the update held all the time)",
                lambda weights, kept: _fullest(weights, kept, in_flight=1),
                "Going back, one layer after another gives up its activations and gets its gradients; and the copy "
                "comes and goes with the update.",
            ),
            Mistake("the update alone", lambda weights, kept: _fullest(weights, 0), "And if the batch is large?"),
            Mistake(
                "no optimizer states beside the activations",
                lambda weights, kept: larger(weights + kept, _fullest(weights, 0)),
                "Where are the two moments while the model goes forward and back?",
            ),
            Mistake(
                "gradients that stay all the time",
                lambda weights, kept: weights + _fullest(weights, kept),
                "Here they are thrown away after the update. Is there any when the backward pass begins?",
            ),
            Mistake(
                "`weight_bytes` taken for a number of parameters",
                lambda weights, kept: _fullest(4 * weights, kept),
                "It is in bytes already.",
            ),
            Mistake(
                "`weight_bytes` taken for a number of parameters, and everything added up",
                lambda weights, kept: training_state_bytes(weights) + kept,
                "It is in bytes already. And when the activations are all there, is there any gradient yet?",
            ),
            Mistake(
                "the beginning of the backward pass alone",
                lambda weights, kept: _fullest(weights, 0, update=0) - weights + kept,
                "And if the batch is small?",
            ),
            Mistake(
                "the optimizer's states forgotten",
                lambda weights, kept: _fullest(weights, kept, states=0),
                "What does the optimizer keep from step to step?",
            ),
            Mistake(
                "one moment (or the weights) forgotten",
                lambda weights, kept: _fullest(weights, kept, states=1),
                "How many values does AdamW keep for a weight? And what is there in every phase, beside them?",
            ),
        ),
    ),
}

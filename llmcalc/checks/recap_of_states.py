"""A recap of model states: training against storing, a moment that cannot fall, and gradients that stay."""

from llmcalc.checks.engine import Choice, Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.checks.training import slips
from llmcalc.memory import stored_bytes
from llmcalc.quantization import bits_per_value
from llmcalc.states import RECIPES, step_peak_bytes
from llmcalc.units import GB

BITS, BLOCKS, SCALE_BITS = (4, 3, 6), (64, 128), (16, 8, 12, 20)
BILLIONS, ACTIVATIONS_GB = (2, 1, 3, 5), (30, 35, 45, 25)
BATCHES = 4
"""Batches whose gradients are added up."""
TRAINED = RECIPES["mixed"].bytes_per_parameter


def _more(bits, block, scale_bits, trained=TRAINED):
    """Parameters that are stored in the place of one that is trained, with so many bytes."""
    return 8 * trained / bits_per_value(bits, block, scale_bits)


STATE_SLIPS = (
    (
        "a number in 16 bits alone (or bytes over bits)",
        2,
        "What does training keep beside the weights? And how many bits is a byte?",
    ),
    ("weights and gradients in 16 bits alone", 4, "An optimizer remembers something, and small updates need digits."),
    (
        "moments left out, or all of it in 16 bits",
        8,
        "Which numbers does AdamW keep for a parameter, and in which format here?",
    ),
    (
        "four bytes left out: the copy in fp32, one moment, or weights and gradients",
        12,
        "Write down, for one parameter, all that this training keeps, with the bytes of each.",
    ),
    ("gradients left out (or weights)", 14, "What stands between the backward pass and the update?"),
    ("gradients in fp32", 18, "In which format does the question keep the gradients?"),
    ("gradients in both formats", 20, "In which format does the question keep the gradients?"),
)


def _peak(billions, activations, numbers=4, batches=1, gradients=1, copies=0):
    """GB at the fullest moment, if gradients are there all the time; numbers of four bytes for each parameter."""
    always = stored_bytes(billions, 4) * (numbers + gradients - 1 + copies)
    return step_peak_bytes(always, 0, 0, batches * activations)


PEAK_SLIPS = (
    (
        "gradients that make room for activations (or one of four numbers forgotten)",
        {"numbers": 3},
        "What is there when the second batch goes forward that was not there in the first forward pass?",
    ),
    (
        "two numbers for each parameter (or two bytes for each number)",
        {"numbers": 2},
        "Write down what this training keeps for a parameter, and the bytes of each.",
    ),
    ("weights alone beside the activations", {"numbers": 1}, "What else does training keep for a parameter?"),
    ("no activations", {"batches": 0}, "Is there a moment at which all states and all activations are there?"),
    (
        "the activations of all batches at once",
        {"batches": BATCHES},
        "The batches come one after the other. What has become of the first one's activations by then?",
    ),
    (
        "the activations of two batches",
        {"batches": 2},
        "When a batch has been back, what is left of its activations?",
    ),
    (
        "a set of gradients for each batch, and one more",
        {"gradients": BATCHES + 1},
        "The gradients are added up. How many numbers is a sum of such numbers?",
    ),
    (
        "a set of gradients for each batch",
        {"gradients": BATCHES},
        "The gradients are added up. How many numbers is a sum of such numbers?",
    ),
    (
        "all states for each batch",
        {"numbers": 4 * BATCHES},
        "The batches train one and the same model. Which of its numbers does a second batch bring anew?",
    ),
    ("a copy for the update besides", {"copies": 1}, "What does a fused update need? And which moment is that?"),
)

QUESTIONS = {
    "stored_for_one_trained": Number(
        values={
            "bits": Own("bits of a stored weight", BITS),
            "block": Own("weights that share a scale", BLOCKS),
            "scale_bits": Own("bits of a scale", SCALE_BITS),
        },
        right=_more,
        unit="times as many",
        hint="What does one parameter take, trained and stored, in the same unit?",
        mistakes=(
            *slips(STATE_SLIPS, lambda other, *stored: _more(*stored, trained=other)),
            Mistake(
                "the scales forgotten",
                lambda bits, block, scale_bits: _more(bits, block, 0),
                "The scales have to be stored as well.",
            ),
            Mistake(
                "a scale for each weight",
                lambda bits, block, scale_bits: _more(bits, 1, scale_bits),
                "How many weights share a scale?",
            ),
            Mistake(
                "the bits of a scale in place of its part",
                lambda bits, block, scale_bits: _more(bits * block, 1, scale_bits),
                "That is a whole block. What does one weight take of it?",
            ),
            Mistake("the fraction upside down", lambda *stored: 1 / _more(*stored), "Which of the two takes more?"),
        ),
    ),
    "steps_with_bf16_moments": Choice(
        right="b",
        because="In each step the second moment should lose a thousandth of itself, and that is less than half of the "
        "way to the next number of bf16: each time it is rounded back. Adam divides by its root, so the steps stay "
        "short. It is the update that disappears, in another place.",
        replies={
            "a": "By which part of itself should the second moment fall in a step? And how far is the next number?",
            "c": "Is that a number too small for the format, or a change too small? The range of bf16 is that of fp32.",
            "d": "Which part of itself does the first moment change by in a step? Its average is much shorter.",
        },
    ),
    "fullest_while_adding_up": Number(
        values={
            "billions": Own("billions of parameters", BILLIONS),
            "activations_GB": Own("GB that each batch leaves for its way back", ACTIVATIONS_GB),
        },
        right=_peak,
        unit="GB",
        hint="Take the last of the batches, at the end of its forward pass, and list all that is there.",
        mistakes=(
            *slips(PEAK_SLIPS, lambda other, *sizes: _peak(*sizes, **other)),
            Mistake(
                "states in bytes and activations in GB",
                lambda billions, activations: _peak(billions * GB, activations),
                "Only amounts of the same unit can be added.",
            ),
        ),
    ),
}

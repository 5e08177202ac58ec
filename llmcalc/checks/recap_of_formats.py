"""A recap of number formats: what is rounded away, what a factor moves, and which weight sets the step of others."""

from fractions import Fraction

from llmcalc.checks.engine import Choice, Formula, Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.checks.training import slips

TOP = 127
"""The largest whole number of int8 that is used."""
LARGEST = (0.8, 0.6, 1.2, 1.4)
TYPICAL = (0.02, 0.025, 0.03, 0.035, 0.04)


def _lost(power, mantissa_bits, bits_more=0):
    """Half a step of the format between two to the power and twice that; somebody counts more bits of mantissa."""
    return Fraction(1, 2) * 2**power / 2 ** (mantissa_bits + bits_more)


def _error(largest, typical, top=TOP):
    """What rounding changes, over the typical size: a step has the variance of an even spread."""
    return largest / top / 12 ** (1 / 2) / typical


ERROR_SLIPS = (
    ("half a step, the largest error", 3 ** (1 / 2), "That is the worst case. How large is the error as a rule?"),
    ("a whole step", 12 ** (1 / 2), "Rounding goes to the nearest code. The question says how large its error is."),
    ("the root forgotten", 1 / 12 ** (1 / 2), "What is under the root in the question?"),
    ("codes from zero up to 255", Fraction(TOP, 255), "Weights have a sign, and it needs codes as well."),
    ("the codes of four bits", Fraction(TOP, 7), "Which format does the question name?"),
    ("a step of twice the length", 2, "How many steps lie between the largest weight and its negative?"),
    ("no codes between zero and the largest weight", TOP, "How many steps lie between zero and the largest weight?"),
    ("a percentage in place of a share", 100, "Give the share itself."),
)

QUESTIONS = {
    "way_with_fewest_bytes": Choice(
        right="d",
        because="fp16 has digits enough, and what it lacks is only at the left end. One power of two moves all values "
        "to where it has its digits, as the factor on a loss does. For a longer range no factor would help.",
        replies={
            "a": "Follow the line of this format. How high does it lie, even where the format is at its best?",
            "b": "Follow the line of this format. Does it lie low enough anywhere?",
            "c": "Follow the line of this format to the left, to the smallest of the values.",
            "e": "It holds them well. Is there a way that takes fewer bytes? Think of the gradients of lesson 05.",
        },
    ),
    "update_that_is_lost": Formula(
        right=lambda power, mantissa_bits: _lost(power, mantissa_bits),
        between={"power": range(1, 12), "mantissa_bits": range(2, 24)},
        hint="How many steps does the format make from one power of two to the next? Then: where between two "
        "neighbours does rounding change sides?",
        mistakes=(
            Mistake(
                "a whole step (or that of the next power of two, halved)",
                lambda power, mantissa_bits: _lost(power, mantissa_bits, -1),
                "Rounding goes to the nearer neighbour. Where is the middle, and which power lies below the weight?",
            ),
            Mistake(
                "a whole step of the next power of two",
                lambda power, mantissa_bits: _lost(power, mantissa_bits, -2),
                "The weight lies below that power. And where between two neighbours does rounding change sides?",
            ),
            Mistake(
                "a quarter of a step (or a bit of mantissa too many)",
                lambda power, mantissa_bits: _lost(power, mantissa_bits, 1),
                "Between two powers of two, how many numbers do the bits of mantissa tell apart?",
            ),
            Mistake(
                "the step at one",
                lambda power, mantissa_bits: _lost(0, mantissa_bits),
                "Floating-point numbers lie further apart where they are larger.",
            ),
            Mistake(
                "a whole step at one",
                lambda power, mantissa_bits: _lost(1, mantissa_bits),
                "Floating-point numbers lie further apart where they are larger, and rounding goes to the nearer one.",
            ),
            Mistake(
                "steps that get shorter where numbers are larger",
                lambda power, mantissa_bits: _lost(0, power + mantissa_bits),
                "Floating-point numbers lie further apart where they are larger.",
            ),
            Mistake(
                "the same step throughout the format, whatever its bits of mantissa",
                lambda power, mantissa_bits: _lost(power, 0),
                "What do the bits of mantissa do between two powers of two?",
            ),
            Mistake(
                "one step for each bit of mantissa",
                lambda power, mantissa_bits: _lost(power, 0) / mantissa_bits,
                "How many things do so many bits tell apart?",
            ),
            Mistake(
                "decimal digits in place of bits",
                lambda power, mantissa_bits: _lost(power, 0) / 10**mantissa_bits,
                "A bit is worth less than a decimal digit.",
            ),
            Mistake(
                "a step too few",
                lambda power, mantissa_bits: Fraction(1, 2) * 2**power / (2**mantissa_bits - 1),
                "Which number ends the last of the steps?",
            ),
            Mistake(
                "the exponent in place of the power of two",
                lambda power, mantissa_bits: power - mantissa_bits - 1,
                "Which power of two is that?",
            ),
            Mistake(
                "the fraction upside down",
                lambda power, mantissa_bits: 1 / _lost(power, mantissa_bits),
                "Do more bits of mantissa lose more updates, or fewer?",
            ),
        ),
    ),
    "error_beside_an_outlier": Number(
        values={
            "largest": Own("magnitude of the largest weight", LARGEST),
            "typical": Own("typical size of the others", TYPICAL),
        },
        right=_error,
        unit="of their size",
        hint="How far apart are two neighbouring codes, in units of the weights? Which weight decides that?",
        mistakes=(
            *slips(ERROR_SLIPS, lambda factor, *weights: factor * _error(*weights)),
            Mistake(
                "both sizes alike (a scale for typical weights, or the error over the largest one)",
                lambda largest, typical: _error(largest, largest),
                "The largest weight sets the scale, and the error is held against the others.",
            ),
            Mistake(
                "both sizes exchanged",
                lambda largest, typical: _error(typical, largest),
                "Which weight sets the scale, and whose error is asked for?",
            ),
            Mistake(
                "the error itself",
                lambda largest, typical: _error(largest, 1),
                "How large is that beside the weights that have it?",
            ),
            Mistake(
                "the scale forgotten (the step of the codes is taken for one)",
                lambda largest, typical: _error(TOP, typical),
                "Codes are whole numbers. How far apart are the weights that they stand for?",
            ),
            Mistake(
                "a scale that is multiplied in place of divided",
                lambda largest, typical: _error(largest * TOP**2, typical),
                "The largest weight over the scale gives the largest code.",
            ),
            Mistake("the fraction upside down", lambda *weights: 1 / _error(*weights), "Can so much be lost?"),
        ),
    ),
}

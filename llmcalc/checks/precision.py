"""Questions about what a number format can say: right answers, and the mistakes that people make."""

from math import floor, log2

from llmcalc.checks.engine import Choice, Formula, Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.formats import NumberFormat, number_format

SMALL = (1.7e-9, 5.1e-12, 1.1e-11, 2.3e-11, 4.6e-11, 8.2e-11, 1.9e-10, 3.7e-10, 7.3e-10, 4.1e-9, 9.2e-9, 1.9e-8)
"""Smallest gradients that matter: each needs another factor, and is zero in fp16 without one."""
LARGE = (0.2, 0.0005, 0.0015, 0.006, 0.025, 0.08, 0.9, 2.5)
"""Largest gradients."""


def _format(exponent_bits, mantissa_bits, kept_patterns=None):
    """The format of so many bits, with a sign; the last patterns of the largest exponent may be kept for NaN."""
    bits = 1 + exponent_bits + mantissa_bits
    return NumberFormat("asked for", bits, "", exponent_bits, mantissa_bits, special_codes=kept_patterns)


def _largest(exponent_bits, mantissa_bits, kept_patterns):
    return _format(exponent_bits, mantissa_bits, kept_patterns).largest


def _top_power(exponent_bits, *_):
    """The largest exponent's power of two: what stands there with a mantissa of zeros."""
    return _largest(exponent_bits, 0, 0)


def _of_bits(exponent_bits, mantissa_bits, kept_patterns, power):
    """A power of two with the number of mantissa bits in the place of the mantissa."""
    return (1 + (mantissa_bits - kept_patterns) * _format(exponent_bits, mantissa_bits).epsilon) * power


def _power_of_bits(exponent_bits, *_):
    """Two to the number of exponent bits, less the bias."""
    return 2 ** (exponent_bits + 1) / _top_power(exponent_bits)


def _whole(mantissa_bits):
    """The whole number up to which a format has them all: there its step grows from one to two."""
    return 2 / _format(8, mantissa_bits).epsilon


def _kept_whole(small, large, name="fp16", smallest=None):
    """The smallest power of two that lifts the smallest gradient to where a format has all its digits."""
    form = number_format(name)
    factor = (smallest or form.smallest_normal) / small
    return max(1, 2 ** (floor(log2(factor)) + 1))


def _room_for_one_more(small, large):
    """Whether the factor may be doubled, and not be 32 times as large: the question shows what happens then."""
    largest = number_format("fp16").largest
    return 2 * large * _kept_whole(small, large) < largest < 31 * large * _kept_whole(small, large)


QUESTIONS = {
    "formats_that_move": Choice(
        right="c",
        because="Halfway to the next value is 1/256 away in bf16 and 1/2048 in fp16, and the update is smaller than "
        "both. In fp32 the next value is close by.",
        replies={
            "a": "How far is it from 1.5 to the next larger value in bf16? Is the update half as long as that?",
            "b": "In fp16 the next value above 1.5 is 1/1024 away. Is the update half as long as that?",
            "d": "Does bf16 or fp16 have the shorter step at 1.5? The exponent bits do not decide that.",
            "e": "In fp32 the step at 1.5 is two to the power of minus 23. Compare.",
        },
    ),
    "largest_of_format": Formula(
        right=_largest,
        between={"exponent_bits": range(2, 8), "mantissa_bits": range(2, 24), "kept_patterns": range(4)},
        hint="Which is the largest whole number that the exponent bits can say, and what is it less the bias? Which "
        "is the largest mantissa that is left? What stands in front of the power of two?",
        mistakes=(
            Mistake(
                "the rule of fp16, which keeps the whole largest exponent for infinity",
                lambda exponent_bits, mantissa_bits, kept_patterns: _largest(exponent_bits, mantissa_bits, None),
                "This format uses its largest exponent for numbers, and keeps a few patterns of it only.",
            ),
            Mistake(
                "the patterns that are kept left out",
                lambda exponent_bits, mantissa_bits, kept_patterns: _largest(exponent_bits, mantissa_bits, 0),
                "Your function is told how many patterns are kept. Which mantissas are those?",
            ),
            Mistake(
                "a mantissa that is too large by one",
                lambda exponent_bits, mantissa_bits, kept_patterns: _largest(
                    exponent_bits, mantissa_bits, kept_patterns - 1
                ),
                "How many patterns do the mantissa bits have, and which is the last, counted from zero?",
            ),
            Mistake(
                "a mantissa that is too small by one",
                lambda exponent_bits, mantissa_bits, kept_patterns: _largest(
                    exponent_bits, mantissa_bits, kept_patterns + 1
                ),
                "The patterns that are kept are the last ones. The one before them is a number.",
            ),
            Mistake(
                "an exponent that is too small by one",
                lambda *bits: _largest(*bits) / 2,
                "Which is the largest whole number of so many bits? And how large is the bias?",
            ),
            Mistake(
                "an exponent that is too large by one",
                lambda *bits: _largest(*bits) * 2,
                "Which is the largest whole number of so many bits? And how large is the bias?",
            ),
            Mistake(
                "the patterns that are kept taken off the exponent",
                lambda exponent_bits, mantissa_bits, kept_patterns: (
                    _largest(exponent_bits, mantissa_bits, 0) / 2**kept_patterns
                ),
                "They all have the largest exponent. It is their mantissa that tells them apart.",
            ),
            Mistake(
                "the patterns that are kept taken off both, exponent and mantissa",
                lambda exponent_bits, mantissa_bits, kept_patterns: (
                    _largest(exponent_bits, mantissa_bits, kept_patterns) / 2**kept_patterns
                ),
                "They all have the largest exponent. It is their mantissa that tells them apart.",
            ),
            Mistake(
                "a mantissa of zeros",
                _top_power,
                "That is a power of two. Larger values with the same exponent follow it.",
            ),
            Mistake(
                "the leading one forgotten",
                lambda *bits: _largest(*bits) - _top_power(*bits),
                "What stands in front of the power of two is not the mantissa alone.",
            ),
            Mistake(
                "the number of mantissa bits where the largest number that they can say is meant",
                lambda *bits: _of_bits(*bits, power=_top_power(*bits)),
                "So many bits can say whole numbers. Which is the largest?",
            ),
            Mistake(
                "numbers of bits where the largest numbers that they can say are meant",
                lambda *bits: _of_bits(*bits, power=_power_of_bits(*bits)),
                "So many bits can say whole numbers. Which is the largest?",
            ),
            Mistake(
                "the number of exponent bits where the largest number that they can say is meant",
                lambda *bits: _largest(*bits) / _top_power(*bits) * _power_of_bits(*bits),
                "So many bits can say whole numbers. Which is the largest?",
            ),
            Mistake(
                "the bias forgotten",
                lambda *bits: _largest(*bits) * _top_power(*bits) / 2,
                "The stored exponent is never negative. What is taken off before it becomes a power?",
            ),
        ),
    ),
    "first_number_lost": Formula(
        right=lambda mantissa_bits: _whole(mantissa_bits) + 1,
        between={"mantissa_bits": range(1, 24)},
        hint="How far apart are neighbours at some power of two? From which power on is that more than one?",
        mistakes=(
            Mistake(
                "the last number before it, a power of two",
                _whole,
                "A power of two needs no mantissa at all: the format has it. Which is the next number?",
            ),
            Mistake(
                "the leading one forgotten",
                lambda mantissa_bits: _whole(mantissa_bits) / 2 + 1,
                "There the step is one, and nothing is lost yet. How many bits are significant, with the one that is "
                "not stored?",
            ),
            Mistake(
                "the power of two from which on the step is one",
                lambda mantissa_bits: _whole(mantissa_bits) / 2,
                "The format has this number and the next. From where on is the step two?",
            ),
            Mistake(
                "the number before a power of two",
                lambda mantissa_bits: _whole(mantissa_bits) - 1,
                "This is all ones, and fits exactly. So does the next number. And the one after it?",
            ),
            Mistake(
                "the largest whole number that fits into the mantissa alone",
                lambda mantissa_bits: _whole(mantissa_bits) / 2 - 1,
                "There is one more significant bit than the mantissa stores.",
            ),
            Mistake(
                "the next number that the format has",
                lambda mantissa_bits: _whole(mantissa_bits) + 2,
                "A number before it is lost already.",
            ),
            Mistake(
                "a step of four instead of two",
                lambda mantissa_bits: 2 * _whole(mantissa_bits) + 1,
                "Odd numbers are lost long before that. From where on is the step two?",
            ),
        ),
    ),
    "factor_for_gradients": Number(
        values={
            "small": Own("the smallest gradient that matters", SMALL),
            "large": Own("the largest gradient", LARGE),
        },
        where=_room_for_one_more,
        right=_kept_whole,
        unit="times",
        tolerance=5e-5,
        hint="By how much has the smallest gradient to grow? Then the next larger power of two.",
        mistakes=(
            Mistake(
                "a factor that is no power of two",
                lambda small, large: number_format("fp16").smallest_normal / small,
                "The size is right. A power of two changes the exponent only, so that no digit is lost.",
            ),
            Mistake(
                "rounding down to a power of two",
                lambda *gradients: _kept_whole(*gradients) / 2,
                "With this the smallest gradient stays a little below the limit.",
            ),
            Mistake(
                "the limit below which a value can become zero",
                lambda *gradients: _kept_whole(*gradients, smallest=number_format("fp16").smallest),
                "With this the gradient is not lost, but it has hardly a digit. The question asks for all digits.",
            ),
            Mistake(
                "the limit below which a value can become zero, and a factor that is no power of two",
                lambda small, large: number_format("fp16").smallest / small,
                "With this the gradient is not lost, but it has hardly a digit. The question asks for all digits.",
            ),
            Mistake(
                "the limit at which a value just does not become zero",
                lambda *gradients: _kept_whole(*gradients, smallest=number_format("fp16").smallest / 2),
                "With this the gradient is not lost, but it has hardly a digit. The question asks for all digits.",
            ),
            Mistake(
                "the largest factor instead of the smallest one",
                lambda small, large: 2 ** floor(log2(number_format("fp16").largest / large)),
                "That is as much as the largest gradient can take. How much does the smallest one need?",
            ),
            Mistake(
                "the largest value over the largest gradient",
                lambda small, large: number_format("fp16").largest / large,
                "That is as much as the largest gradient can take. How much does the smallest one need?",
            ),
            Mistake(
                "bf16, where gradients as small as these need no factor",
                lambda *gradients: _kept_whole(*gradients, name="bf16"),
                "The gradients are stored in fp16.",
            ),
            Mistake(
                "the exponent of the factor",
                lambda *gradients: log2(_kept_whole(*gradients)),
                "Two to the power of this: the factor itself.",
            ),
            Mistake(
                "a factor upside down",
                lambda *gradients: 1 / _kept_whole(*gradients),
                "The gradients have to become larger.",
            ),
            Mistake(
                "a factor upside down that is no power of two",
                lambda small, large: small / number_format("fp16").smallest_normal,
                "The gradients have to become larger. And the factor is to be a power of two.",
            ),
        ),
    ),
}

"""Questions about numbers in print: rows that do not multiply, totals of unnamed terms, rounding or slip."""

import math

from llmcalc.checks.decisions import Decision, Labels
from llmcalc.checks.engine import Mistake
from llmcalc.memory import stored_bytes
from llmcalc.published import chinchilla_parameters
from llmcalc.states import RECIPES
from llmcalc.tables import CHINCHILLA_SHAPES
from llmcalc.units import GB

ROWS = {
    1: CHINCHILLA_SHAPES.row("1424M")._replace(width=2167),
    2: CHINCHILLA_SHAPES.row("11452M"),
    3: CHINCHILLA_SHAPES.row("2298M")._replace(layers=28),
    4: CHINCHILLA_SHAPES.row("6796M")._replace(heads=26),
}
"""Rows of a published table as somebody copied them by hand."""
VOCABULARY = 32_000


def counted(row, **otherwise):
    """Parameters of a row whose feed-forward part is four times as wide as the model, as all of the table are."""
    row = row._replace(**otherwise)
    return chinchilla_parameters(row.layers, row.width, 4 * row.width, row.heads, row.head_dim, VOCABULARY)


PLANNED = 7_000_000_000
SUMS = {
    "a": ("what AdamW needs to update in fp32, and nothing else: a master copy and two moments", "optimizer alone"),
    "b": ("weights, gradients and two moments, all in 16 bits, and no other copy", "16-bit throughout"),
    "c": ("weights and gradients in 16 bits, gradients in fp32 besides, a master copy, two moments in fp32",
          "mixed, both gradients"),
    "d": ("weights and gradients in 16 bits, a master copy in fp32, two moments in fp32", "mixed"),
    "e": ("weights and gradients in 16 bits, a master copy in fp32, two moments in 16 bits", None),
    "f": ("weights in 16 bits, gradients in fp32, a master copy in fp32, two moments in fp32",
          "mixed, fp32 gradients"),
}  # fmt: skip
"""Letters, what they add up, and the recipe that does so; one of them is no page's."""


def total_gb(recipe):
    """GB of a model's states by a recipe."""
    return stored_bytes(PLANNED, RECIPES[recipe].bytes_per_parameter) // GB


TOTALS = {total_gb(recipe): letter for letter, (_, recipe) in SUMS.items() if recipe}


def _unit(number, digits):
    """Size of the last of so many significant digits."""
    return 10.0 ** (math.floor(math.log10(number)) + 1 - digits)


def _within(half, step=_unit, of=lambda claimed, computed: abs(claimed - computed)):
    """Verdicts of somebody who allows `half` a step, or another part of it."""
    return lambda claimed, computed, printed_digits: (
        "rounding" if of(claimed, computed) <= half * step(claimed, printed_digits) else "slip"
    )


CASES = (
    (13e9, 12.85e9, 2),
    (5140, 5120, 4),
    (3.14e23, 3.1428e23, 3),
    (1.26e24, 1.26e25, 3),
    (0.33, 0.3287, 2),
    (0.33, 0.3371, 2),
    (400e6, 440e6, 1),
    (400e6, 440e6, 2),
    (400e6, 362e6, 1),
    (4e9, 4.0004e9, 1),
    (16, 16.2, 2),
    (16, 15.3, 2),
    (17, 16.7, 2),
    (1.04, 0.3287, 3),
    (9.9, 9.93, 2),
    (9.9, 9.97, 2),
    (0.0167, 0.01672, 3),
    (0.0167, 0.01684, 3),
    (6, 5.8, 1),
    (7, 6.2, 1),
    (112e9, 112e9, 3),
    (2_640, 2_643, 3),
    (2_640, 2_643, 4),
    (100, 103, 2),
    (1000, 1004, 3),
    (9.9, 10.2, 2),
    (5, 5.95, 1),
    (40, 41.9, 2),
)
"""Claimed, computed, and significant digits that are printed; none of them is a tie."""

QUESTIONS = {
    "rows_copied_by_hand": Labels(
        right={1: "width", 2: "nothing", 3: "layers", 4: "heads"},
        labels=("layers", "width", "heads", "head size", "nothing"),
        because="Two digits of a width are exchanged, layers and heads are two off. The second row goes with exactly "
        "what is printed: its heads together are narrower than the model, as somebody chose.",
        hint="Every row needs one.",
        replies={
            1: "As printed, the count is a little too small. Which of its columns would have to be larger, and what "
            "whole number is it then? The heads make a proposal.",
            2: "Count it as printed, with heads that together are narrower than the model. What is left to explain?",
            3: "Heads and width go together here. Does the number of parameters come out as well? If not, which column "
            "has nothing to do with heads and width?",
            4: "As printed, the count is too small by a few percent. Try it with the width that the heads make, and "
            "with the heads that the width asks for, in whole numbers.",
        },
    ),
    "terms_behind_the_totals": Labels(
        right=TOTALS,
        labels=tuple(SUMS),
        because="All five pages are right, each about its own terms. Only the difference of what they count makes a "
        "quarrel of it; ask for the terms before you compare totals.",
        hint="Every total needs a letter; one letter stays without a page.",
        replies={
            total: "How many bytes for each parameter is that? Then add up the terms of the line that you chose: "
            f"a format of 16 bits has two of them.{more}"
            for total, more in zip(
                TOTALS,
                (
                    " No weights and no gradients are in this one.",
                    " Nothing in this one has four bytes.",
                    " In this one, gradients exist twice.",
                    " This is the sum that papers quote most.",
                    " In this one, gradients exist once.",
                ),
                strict=True,
            )
        },
    ),
    "verdict": Decision(
        right=_within(0.5 + 1e-9),
        words=("rounding", "slip"),
        cases=CASES,
        hint="Where does the last printed digit stand, and how large is one step of it? Rounding moves a number by at "
        "most half a step, up or down.",
        mistakes=(
            Mistake(
                "the word slip, whatever is asked", lambda *case: "slip", "Some of these numbers are only rounded."
            ),
            Mistake(
                "the word rounding, whatever is asked", lambda *case: "rounding", "Some of these numbers are wrong."
            ),
            Mistake(
                "half a step over the number, as a limit in percent",
                lambda claimed, computed, digits: (
                    "rounding" if abs(claimed / computed - 1) <= 10.0 ** (1 - digits) / 2 else "slip"
                ),
                "From 1.0 to 9.9 all last digits stand in the same place. Is half a step the same percentage of each?",
            ),
            Mistake(
                "a number's first digit found by rounding up",
                _within(0.5 + 1e-9, step=lambda number, digits: 10.0 ** (math.ceil(math.log10(number)) - digits)),
                "That works for 13 and for 99. At which power of ten does 100 begin?",
            ),
            Mistake(
                "a number's first digit found by `int`, which cuts towards zero",
                _within(0.5 + 1e-9, step=lambda number, digits: 10.0 ** (int(math.log10(number)) + 1 - digits)),
                "That works for 16. At which power of ten does 0.33 begin, and what does `int` make of its logarithm?",
            ),
            Mistake(
                "a whole step of the last digit allowed",
                _within(1),
                "A number between two printable ones goes to the nearer one. How far away can it be at most?",
            ),
            Mistake(
                "a limit in percent, whatever is printed",
                lambda claimed, computed, digits: "rounding" if abs(claimed / computed - 1) <= 0.01 else "slip",
                "How large a rounding can be depends on how many digits are printed.",
            ),
            Mistake(
                "a step that is a share of the number",
                _within(0.5, step=lambda number, digits: number * 10.0**-digits),
                "9.9 and 1.1 end in the same place, so their last digits have the same step.",
            ),
            Mistake(
                "a limit of five percent, whatever is printed",
                lambda claimed, computed, digits: "rounding" if abs(claimed / computed - 1) <= 0.05 else "slip",
                "How large a rounding can be depends on how many digits are printed.",
            ),
            Mistake(
                "digits counted behind the point",
                lambda claimed, computed, digits: "rounding" if round(computed, digits) == claimed else "slip",
                "Significant digits count from the first one that is not zero, wherever the point stands.",
            ),
            Mistake(
                "a computed number that may be as low as it likes",
                _within(0.5 + 1e-9, of=lambda claimed, computed: computed - claimed),
                "Rounding goes down as well as up. What is the size of a difference, without its sign?",
            ),
            Mistake(
                "a computed number that may be as high as it likes",
                _within(0.5 + 1e-9, of=lambda claimed, computed: claimed - computed),
                "Rounding goes down as well as up. What is the size of a difference, without its sign?",
            ),
            Mistake(
                "a step ten times too large",
                _within(5),
                "With one significant digit, one step is the power of ten below the number itself.",
            ),
            Mistake(
                "a step ten times too small",
                _within(0.05),
                "With one significant digit, one step is the power of ten below the number itself.",
            ),
            Mistake(
                "digits cut off in place of rounding",
                lambda claimed, computed, digits: (
                    "rounding" if 0 <= computed - claimed < _unit(claimed, digits) else "slip"
                ),
                "A number is rounded to the nearest that can be printed, up or down.",
            ),
            Mistake(
                "numbers that have to be the same",
                lambda claimed, computed, digits: "rounding" if claimed == computed else "slip",
                "A printed number stands for all that are rounded to it.",
            ),
            Mistake(
                "the two words exchanged",
                lambda *case: {"slip": "rounding", "rounding": "slip"}[_within(0.5 + 1e-9)(*case)],
                "Which of the two is a small difference?",
            ),
            Mistake(
                "steps that do not follow the number's size",
                _within(0.5, step=lambda number, digits: 10.0**-digits),
                "Where the last digit stands depends on the size of the number. Its logarithm says that.",
            ),
        ),
    ),
}

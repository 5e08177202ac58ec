"""Questions about moments in few bits and in factors: right answers, and the mistakes that people make."""

from llmcalc.checks.engine import Formula, Mistake
from llmcalc.mlp import dense_weights
from llmcalc.quantization import bits_per_value

ONE_SCALE_A_BLOCK = "A scale is shared by a whole block. Which part of it does one value pay for?"


def _two(bits, block, scale_bits):
    return 2 * bits_per_value(bits, block, scale_bits) / 8


def _factored(rows, columns, above=2, full=1, over_rows=1, over_columns=1):
    """Values of AdamW over those of an optimizer with factors; each number says how often a part is counted."""
    entries = dense_weights(rows, columns)
    return above * entries / (full * entries + over_rows * rows + over_columns * columns)


def _wrong_factors(name, hint, **counts):
    return Mistake(name, lambda rows, columns: _factored(rows, columns, **counts), hint)


QUESTIONS = {
    "two_moments_in_few_bits": Formula(
        right=_two,
        unit="B",
        hint="One moment in bits first: a value, and its part of a scale. Then both moments, then bytes.",
        mistakes=(
            Mistake("one moment only", lambda *block: _two(*block) / 2, "How many values does Adam keep for a weight?"),
            Mistake(
                "the scales forgotten",
                lambda bits, block, scale_bits: _two(bits, block, 0),
                "Without its scale, nobody knows what a code of a few bits stands for.",
            ),
            Mistake(
                "one scale for both moments",
                lambda bits, block, scale_bits: _two(bits, block, scale_bits / 2),
                "The two moments are two tensors, and their values are of different sizes.",
            ),
            Mistake(
                "a scale for each value", lambda bits, block, scale_bits: _two(bits, 1, scale_bits), ONE_SCALE_A_BLOCK
            ),
            Mistake(
                "the scale times the block, not over it",
                lambda bits, block, scale_bits: _two(bits, 1 / block, scale_bits),
                ONE_SCALE_A_BLOCK,
            ),
            Mistake(
                "the values shared by the block as well",
                lambda bits, block, scale_bits: _two(bits, 1, scale_bits) / block,
                "Only the scale is shared. Perhaps parentheses are missing.",
            ),
            Mistake(
                "block and scale exchanged",
                lambda bits, block, scale_bits: _two(bits, scale_bits, block),
                ONE_SCALE_A_BLOCK,
            ),
            Mistake(
                "a whole block, not one parameter",
                lambda bits, block, scale_bits: block * _two(bits, block, scale_bits),
                "That is what all values of a block take together.",
            ),
            Mistake(
                "bits of the scale taken for bytes",
                lambda bits, block, scale_bits: _two(bits, block, 8 * scale_bits),
                "The size of the scale is given in bits, like that of a value.",
            ),
            Mistake(
                "bits of the values taken for bytes",
                lambda bits, block, scale_bits: _two(8 * bits, block, scale_bits),
                "The size of a value is given in bits, like that of the scale. Perhaps parentheses are missing.",
            ),
            Mistake(
                "an fp32 copy of the weights as well",
                lambda *block: 4 + _two(*block),
                "The slides count that copy with the optimizer. The question asks for the two moments alone.",
            ),
        ),
    ),
    "adamw_over_factored": Formula(
        right=lambda rows, columns: _factored(rows, columns),
        hint="Write down what each of the two keeps for the matrix: first moment, second moment. Then divide.",
        mistakes=(
            Mistake(
                "the fraction upside down",
                lambda rows, columns: 1 / _factored(rows, columns),
                "The one that keeps more stands above the line.",
            ),
            _wrong_factors(
                "the second moments alone (or both moments factored)",
                "The first moment is there in both optimizers, and in full.",
                above=1,
                full=0,
            ),
            _wrong_factors(
                "no first moment below the line", "The other optimizer keeps its first moment in full.", full=0
            ),
            _wrong_factors("one moment above the line", "AdamW keeps two values for each entry.", above=1),
            _wrong_factors(
                "the rows alone", "A value for each row cannot tell one column from another.", over_columns=0
            ),
            _wrong_factors(
                "the columns alone", "A value for each column cannot tell one row from another.", over_rows=0
            ),
            _wrong_factors(
                "two values for each row and column",
                "Only one of the two moments is factored.",
                over_rows=2,
                over_columns=2,
            ),
            _wrong_factors("the weights counted as well", "Only what the optimizers keep.", above=3, full=2),
            _wrong_factors(
                "the weights and their gradients counted as well", "Only what the optimizers keep.", above=4, full=3
            ),
            _wrong_factors(
                "the rows and columns left out",
                "For a large matrix they are little, and yet they are what is left of the second moment.",
                over_rows=0,
                over_columns=0,
            ),
            _wrong_factors(
                "both moments in full below the line, and the factors as well",
                "The rows and columns take the place of one of the two moments.",
                full=2,
            ),
            Mistake(
                "parentheses missing below the line",
                lambda rows, columns: 2 * dense_weights(columns, columns) + rows + columns,
                "Python divides by the first factor only.",
            ),
            Mistake(
                "a difference where a quotient is meant",
                lambda rows, columns: dense_weights(rows, columns) - rows - columns,
                "That is how many values are saved. How many times as many are there?",
            ),
        ),
    ),
}

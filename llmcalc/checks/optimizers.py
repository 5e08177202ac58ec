"""Questions about what an optimizer remembers, and in how many bits: right answers, and frequent mistakes."""

from llmcalc.checks.engine import Formula, Mistake
from llmcalc.mlp import dense_weights
from llmcalc.quantization import bits_per_value
from llmcalc.symbolic import square_root


def _moment(values, beta, *, kept=lambda beta: beta, added=lambda beta: 1 - beta, late=0, powers=True):
    """Adam's average of a list: old values fade by `beta` each step; then the correction for the start at zero."""
    average = 0
    for value in values:
        average = kept(beta) * average + added(beta) * value
    return average / (1 - beta ** (len(values) - late if powers else 1))


def _uncorrected(values, beta):
    return _moment(values, beta) * (1 - beta ** len(values))


def _corrected_each_time(values, beta):
    """The correction written back into the average, so that every later step corrects it again."""
    average = 0
    for step, value in enumerate(values, start=1):
        average = (beta * average + (1 - beta) * value) / (1 - beta**step)
    return average


def _plain_average(values, beta):
    return sum(values) / len(values)


def _sum(values, beta):
    """What fades, with every new value added in full; corrected like an average."""
    return _moment(values, beta, added=lambda beta: 1)


def _newest(values, beta):
    return values[-1]


def _direction(gradients, beta_1, beta_2, first=_moment, second=_moment, power=2, small=0):
    """Momentum over the root of the second moment; `first` and `second` say how the two are kept."""
    squares = [gradient**power for gradient in gradients]
    return first(gradients, beta_1) / (square_root(second(squares, beta_2)) + small)


def _wrong_direction(name, hint, **how):
    return Mistake(name, lambda *values: _direction(*values, **how), hint)


def _both(name, kept, hint):
    return _wrong_direction(name, hint, first=kept, second=kept)


FRESH = "Each new value gets the weight that is left over, so that all weights together make one."
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
    "adam_direction": Formula(
        right=lambda gradients, beta_1, beta_2: _direction(gradients, beta_1, beta_2),
        lists=("gradients",),
        between={"beta_1": (0, 1), "beta_2": (0, 1)},
        hint="Two averages in one loop, one of the gradients and one of their squares. Behind the loop: the two "
        "corrections, the root, the fraction.",
        mistakes=(
            _both("the bias correction forgotten", _uncorrected, "Both averages start at zero, and are too small."),
            _wrong_direction(
                "the bias correction of the second moment forgotten",
                "You correct one of the two averages. Did the other one not start at zero?",
                second=_uncorrected,
            ),
            _wrong_direction(
                "the bias correction of the momentum forgotten",
                "You correct one of the two averages. Did the other one not start at zero?",
                first=_uncorrected,
            ),
            _both(
                "a bias correction that does not know the step",
                lambda values, beta: _moment(values, beta, powers=False),
                "The zero of the start fades by another factor in every step. How much of it is left after all?",
            ),
            _both(
                "a bias correction that is a step behind",
                lambda values, beta: _moment(values, beta, late=1),
                "Python counts from zero, Adam's steps from one.",
            ),
            _both(
                "corrected averages that are carried on to the next step",
                _corrected_each_time,
                "The correction is for the use of an average; the average itself goes on as it was.",
            ),
            Mistake(
                "the two betas exchanged",
                lambda gradients, beta_1, beta_2: _direction(gradients, beta_2, beta_1),
                "Which one belongs to the momentum?",
            ),
            _both(
                "the weights of old and new exchanged",
                lambda values, beta: _moment(values, beta, kept=lambda b: 1 - b, added=lambda b: b),
                "A beta near one stands for a long memory: which of the two does it multiply?",
            ),
            _both("every new value added in full", _sum, FRESH),
            _wrong_direction("every new gradient added in full", FRESH, first=_sum),
            _wrong_direction("every new square added in full", FRESH, second=_sum),
            _wrong_direction("gradients that are not squared", "The second moment is one of squares.", power=1),
            Mistake(
                "the root forgotten",
                lambda *values: _direction(*values) / square_root(_moment([g**2 for g in values[0]], values[2])),
                "An average of squares has the unit of a gradient squared. What takes you back?",
            ),
            _wrong_direction(
                "the last gradient in place of the momentum", "Above the line stands an average too.", first=_newest
            ),
            Mistake(
                "the momentum alone",
                lambda gradients, beta_1, beta_2: _moment(gradients, beta_1),
                "What does Adam divide it by?",
            ),
            _both(
                "plain averages",
                _plain_average,
                "All gradients count alike here. In Adam, older ones count less with every step.",
            ),
            Mistake(
                "the fraction upside down", lambda *values: 1 / _direction(*values), "Which average stands on top?"
            ),
            _wrong_direction("an ε below the line", "In this question ε is zero.", small=1e-8),
        ),
    ),
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
            Mistake(
                "a difference where a quotient is meant",
                lambda rows, columns: dense_weights(rows, columns) - rows - columns,
                "That is how many values are saved. How many times as many are there?",
            ),
        ),
    ),
}

"""The question about Adam's two averages: the right answer, and frequent mistakes."""

from llmcalc.checks.engine import Formula, Mistake
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


def _from_the_first(values, beta):
    """An average that starts at the first value, and needs no correction."""
    average = values[0]
    for value in values[1:]:
        average = beta * average + (1 - beta) * value
    return average


def _of_momenta(gradients, beta_1, beta_2):
    """The second moment of the momentum, for somebody who squares that one."""
    momenta = [_uncorrected(gradients[:steps], beta_1) for steps in range(1, len(gradients) + 1)]
    return _moment([momentum**2 for momentum in momenta], beta_2)


def _newest(values, beta):
    return values[-1]


def _direction(gradients, beta_1, beta_2, first=_moment, second=_moment, power=2, small=0, inside=0):
    """Momentum over the root of the second moment; `first` and `second` say how the two are kept."""
    squares = [gradient**power for gradient in gradients]
    return first(gradients, beta_1) / (square_root(second(squares, beta_2) + inside) + small)


def _wrong_direction(name, hint, **how):
    return Mistake(name, lambda *values: _direction(*values, **how), hint)


def _both(name, kept, hint):
    return _wrong_direction(name, hint, first=kept, second=kept)


FRESH = "Each new value gets the weight that is left over, so that all weights together make one."

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
            _both(
                "averages multiplied by the correction",
                lambda values, beta: _uncorrected(values, beta) * (1 - beta ** len(values)),
                "Both are too small at first. Does that make them larger?",
            ),
            Mistake(
                "the correction of the second moment behind the root",
                lambda *values: _direction(*values, second=_uncorrected) * (1 - values[2] ** len(values[0])),
                "Correct the average first, and take the root of what comes out.",
            ),
            Mistake(
                "one beta for both averages",
                lambda gradients, beta_1, beta_2: _direction(gradients, beta_1, beta_1),
                "Your function is given two of them. Does it use both?",
            ),
            _both(
                "averages that start at the first gradient",
                _from_the_first,
                "Adam starts both at zero, and corrects for that.",
            ),
            Mistake(
                "the momentum squared in place of the gradient",
                lambda gradients, beta_1, beta_2: (
                    _moment(gradients, beta_1) / square_root(_of_momenta(gradients, beta_1, beta_2))
                ),
                "The second moment averages the squares of what comes in, not of what is averaged already.",
            ),
            Mistake(
                "the list read backwards",
                lambda gradients, beta_1, beta_2: _direction(gradients[::-1], beta_1, beta_2),
                "The newest gradient stands last, and counts most.",
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
            _wrong_direction("an ε below the root", "In this question ε is zero.", inside=1e-8),
            Mistake(
                "a power without parentheses",
                lambda *values: _moment(values[0], values[1]) / _moment([g**2 for g in values[0]], values[2]) / 2,
                "Python takes the power first: what does it make of `** 1 / 2`?",
            ),
        ),
    ),
}

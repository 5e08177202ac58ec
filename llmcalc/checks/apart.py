"""Which values of a learner's own keep a question's point: those for which every mistake shows, and by its own name."""

from functools import cache
from itertools import combinations


def apart(right, mistakes, tolerance=0.005, *, of_each_other=True):
    """What to give a question as its `where`, so that no mistake comes near the right answer.

    Parameters
    ----------
    right : callable
        The right answer, from the learner's values.
    mistakes : tuple of Mistake
        What has to be told apart from it.
    tolerance : float
        That of the question. A mistake is off by more than twice as much.
    of_each_other : bool
        Whether two mistakes have to be apart too, so that none is taken for the other.

    Returns
    -------
    callable
        Takes the values, and says whether they keep all mistakes apart. It remembers what it was asked.
    """

    @cache
    def told(*values):
        answer, *wrong = [float(gives(*values)) for gives in (right, *(mistake.gives for mistake in mistakes))]
        if any(abs(one - answer) <= 2 * tolerance * abs(answer) for one in wrong):
            return False
        near = (abs(one - other) <= tolerance * max(abs(one), abs(other)) for one, other in combinations(wrong, 2))
        return not (of_each_other and any(near))

    return told


def told_apart(question, *values):
    """The same of a `Number` that exists already, for a `where` that says more."""
    return apart(question.right, question.mistakes, question.tolerance)(*values)

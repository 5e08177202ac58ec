"""Weighing arrays and timing code, for the places where a lesson compares its formula with the machine."""

from time import perf_counter


def held_bytes(arrays):
    """Bytes of a collection of NumPy arrays, the same array counted once.

    Parameters
    ----------
    arrays : iterable of numpy.ndarray

    Returns
    -------
    int
        The sum of `nbytes`.

    Examples
    --------
    >>> import numpy as np
    >>> row = np.zeros(10, dtype=np.float32)
    >>> held_bytes([row, row, row.copy()])
    80
    """
    return sum({id(array): array.nbytes for array in arrays}.values())


def best_seconds(action, repeats=7):
    """Shortest of several runs, in seconds: what the machine can do, with the least disturbance by others.

    Parameters
    ----------
    action : callable
        Takes nothing.
    repeats : int, default 7

    Returns
    -------
    float
        Seconds.
    """
    times = []
    for _ in range(repeats):
        start = perf_counter()
        action()
        times.append(perf_counter() - start)
    return min(times)


def timed(text):
    """Mark a text as a machine timing, which differs from run to run: tests compare everything but these.

    Examples
    --------
    >>> timed("12.3 ms")
    '12.3 ms [timed]'
    """
    return f"{text} [timed]"

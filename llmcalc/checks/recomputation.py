"""Questions about computing activations again: right answers, and the mistakes that people make."""

from functools import partial

from llmcalc.checks.engine import Formula, Mistake
from llmcalc.symbolic import square_root


def _segments(layers, segment, input_bytes, inside_bytes, inside=None, doubled=0):
    """Inputs of all segments, and one segment that is there again with all its layers, or with some of the insides."""
    inputs = layers / segment + segment - 1 + doubled
    return inputs * input_bytes + (segment if inside is None else inside) * inside_bytes


def _two_levels(layers, input_bytes, inside_bytes, inside=1, doubled=0):
    """The same with one inside only, and segments of the length that takes least."""
    return _segments(layers, square_root(layers), input_bytes, inside_bytes, inside, doubled)


def _one_level(layers, input_bytes, inside_bytes):
    best = square_root(layers * input_bytes / (input_bytes + inside_bytes))
    return _segments(layers, best, input_bytes, inside_bytes)


SEGMENT_SLIPS = (
    Mistake(
        "the input of the segment at work counted twice",
        partial(_segments, doubled=1),
        "The first layer of a segment works on what the segment started from. That was kept already.",
    ),
    Mistake(
        "two inputs counted twice",
        partial(_segments, doubled=2),
        "The input of the segment at work is on both of your lists, and perhaps one more.",
    ),
    Mistake(
        "one input too few",
        partial(_segments, doubled=-1),
        "Only one of the inputs belongs to both lists: what waits, and what is there again.",
    ),
    Mistake(
        "whole-number division",
        lambda layers, segment, *sizes: _segments(layers // segment * segment, segment, *sizes),
        "Divide with one stroke: the check tries lengths that leave a rest, too.",
    ),
    Mistake(
        "an inside left out of the segment that is there again",
        lambda layers, segment, outer, inner: _segments(layers, segment, outer, inner, segment - 1),
        "All layers of the segment have run forward before the first of them goes back.",
    ),
    Mistake(
        "a single layer there again, and inputs of segments only",
        lambda layers, segment, outer, inner: _segments(layers, segment, outer, inner, 1) - (segment - 1) * outer,
        "A segment runs forward again in one go, and its way back begins with its last layer.",
    ),
    Mistake(
        "as much there again as there are segments",
        lambda layers, segment, outer, inner: _segments(layers / segment, 1, outer, inner, layers / segment),
        "How many layers has a segment, and how many segments has the network?",
    ),
    Mistake(
        "segments of one layer",
        lambda layers, segment, *sizes: _segments(layers, 1, *sizes),
        "Your function is told how long a segment is. Does it use that?",
    ),
    Mistake(
        "the inputs of the layers inside the segment forgotten",
        lambda layers, segment, outer, inner: _segments(layers, segment, outer, inner) - (segment - 1) * outer,
        "A layer that is there again is there with its input.",
    ),
    Mistake(
        "a single layer there again",
        partial(_segments, inside=1),
        "A segment runs forward again in one go, and its way back begins with its last layer.",
    ),
    Mistake(
        "nothing there again",
        lambda layers, segment, outer, inner: _segments(layers, segment, outer, inner, 0) - (segment - 1) * outer,
        "That is kept all the time. What comes back for a while, and how much of it at once?",
    ),
    Mistake(
        "the length of a segment taken for the number of segments",
        lambda layers, segment, *sizes: _segments(layers, layers / segment, *sizes),
        "How many segments are there, when each has so many layers?",
    ),
    Mistake(
        "the length of a segment taken for the number of segments, and an input counted twice",
        lambda layers, segment, *sizes: _segments(layers, layers / segment, *sizes, doubled=1),
        "How many segments are there, when each has so many layers? And which input is on both of your lists?",
    ),
    Mistake(
        "one segment alone, without what the others keep",
        lambda layers, segment, *sizes: _segments(segment, segment, *sizes),
        "What do the segments wait with, those whose turn has not come?",
    ),
    Mistake(
        "the input of every layer kept",
        lambda layers, segment, outer, inner: _segments(layers, 1, outer, inner) + (segment - 1) * inner,
        "Between the passes, how many inputs are kept for a whole segment?",
    ),
    Mistake(
        "everything kept",
        lambda layers, segment, *sizes: _segments(layers, layers, *sizes),
        "That is a step without recomputation.",
    ),
)

LEVEL_SLIPS = (
    Mistake(
        "a tensor counted twice that two parts share",
        partial(_two_levels, doubled=1),
        "The first layer of a segment works on what the segment started from.",
    ),
    Mistake(
        "two inputs counted twice",
        partial(_two_levels, doubled=2),
        "A layer that is there again shares its input with what was kept, and so does a segment.",
    ),
    Mistake(
        "one input too few",
        partial(_two_levels, doubled=-1),
        "Only one of the inputs belongs to both lists, that of the segments and that of the layers inside.",
    ),
    Mistake(
        "all layers of a segment there again",
        lambda layers, outer, inner: _two_levels(layers, outer, inner, square_root(layers)),
        "Here a segment first comes back with the inputs of its layers only.",
    ),
    Mistake(
        "the least for segments that come back whole",
        _one_level,
        "That is the method of question 7, at its best. Here a segment first comes back with inputs only.",
    ),
    Mistake(
        "the least for segments that come back whole, with an input counted twice",
        lambda layers, outer, inner: _one_level(layers, outer, inner) + outer,
        "That is the method of question 7, at its best. Here a segment first comes back with inputs only.",
    ),
    Mistake(
        "the least for segments that come back whole, without the inputs inside",
        lambda layers, outer, inner: 2 * square_root(layers * outer * inner),
        "Here only one layer at a time is there with its inside: what does the length of a segment change?",
    ),
    Mistake(
        "a whole layer for every input",
        lambda layers, outer, inner: _two_levels(layers, outer + inner, 0, 0),
        "How many layers are there with their inside, at one moment?",
    ),
    Mistake(
        "a whole layer for every input, with one counted twice",
        lambda layers, outer, inner: _two_levels(layers, outer + inner, 0, 0, 1),
        "How many layers are there with their inside, at one moment?",
    ),
    Mistake(
        "all layers of a segment there again, with an input counted twice",
        lambda layers, outer, inner: _two_levels(layers, outer, inner, square_root(layers), 1),
        "Here a segment first comes back with the inputs of its layers only.",
    ),
    Mistake(
        "the layer at work forgotten",
        partial(_two_levels, inside=0),
        "One layer is there again with its inside.",
    ),
    Mistake(
        "the inputs inside the segment forgotten",
        lambda layers, outer, inner: square_root(layers) * outer + inner,
        "You count the inputs of the segments. And those of the layers in the segment at work?",
    ),
    Mistake(
        "the best length in place of the bytes",
        lambda layers, outer, inner: square_root(layers),
        "So many layers make a segment. How much memory does the step then take?",
    ),
    Mistake(
        "one level only: the input of every layer kept",
        lambda layers, *sizes: _segments(layers, 1, *sizes),
        "Between the passes only the segments' inputs are kept.",
    ),
)

QUESTIONS = {
    "fullest_with_segments": Formula(
        right=lambda layers, segment, input_bytes, inside_bytes: _segments(layers, segment, input_bytes, inside_bytes),
        unit="B",
        hint="What is kept all the time, and what comes back for a while? Draw four layers in two segments, and "
        "mark every tensor that is there.",
        mistakes=SEGMENT_SLIPS,
    ),
    "least_with_two_levels": Formula(
        right=lambda layers, input_bytes, inside_bytes: _two_levels(layers, input_bytes, inside_bytes),
        unit="B",
        hint="Write the bytes for a segment of some length first. Which part of that does the length change?",
        mistakes=LEVEL_SLIPS,
    ),
}

"""Questions about the bytes of weights in few bits: right answers, and the mistakes that people make."""

from llmcalc.checks.engine import Choice, Formula, Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.memory import stored_bytes
from llmcalc.quantization import bits_per_value
from llmcalc.units import MB, convert

LOADED = tuple(millions * 10**6 for millions in (12_000, 11_500, 11_600, 11_700, 11_850, 11_900, 12_100, 12_200))
"""Parameters of a model."""
FREE_MIB = (23_040, 22_272, 22_528, 22_784, 23_296, 23_552)
"""What a tool reports as free on a card that is sold with 24 GB."""


def _left(loaded, free_MiB, memory=None, each=2):
    """MB that are left of some memory, in MB, beside the weights."""
    free = convert(free_MiB, "MiB", to="MB") if memory is None else memory
    return free - stored_bytes(loaded, each) / MB


def _only_just(loaded, free_MiB):
    """Whether the weights fit, and do not for those who take a MiB for a MB."""
    return _left(loaded, free_MiB, free_MiB) < 0 < _left(loaded, free_MiB) - 100


def mixed_bytes(parameters, kept_share, bits, block, scale_bits, kept_bytes=2, packed_share=None, a_byte=8):
    """Bytes of a model of which a share is kept in 16 bits; the rest has few bits and scales."""
    packed = (1 - kept_share if packed_share is None else packed_share) * parameters
    few = stored_bytes(packed, bits_per_value(bits, block, scale_bits) / a_byte)
    return few + (stored_bytes(kept_share * parameters, kept_bytes) if kept_bytes else 0)


QUESTIONS = {
    "left_beside_weights": Number(
        values={
            "loaded": Own("parameters of a model", LOADED),
            "free_MiB": Own("MiB that are free on the card", FREE_MIB),
        },
        where=_only_just,
        right=_left,
        unit="MB",
        hint="How many bytes are free, and how many do the weights take? Subtract first, and divide by a million then.",
        mistakes=(
            Mistake(
                "MiB taken for MB",
                lambda loaded, free_MiB: _left(loaded, free_MiB, free_MiB),
                "A MiB is 1024 times 1024 bytes, and a MB is not.",
            ),
            Mistake(
                "GiB taken for GB",
                lambda loaded, free_MiB: _left(loaded, free_MiB, free_MiB / 1024 * 1000),
                "You divided the MiB by 1024. Which unit does that give, and which one do the weights have?",
            ),
            Mistake(
                "1,024,000 bytes for a MiB",
                lambda loaded, free_MiB: _left(loaded, free_MiB, free_MiB * 1.024),
                "A MiB is 1024 KiB. And how large is a KiB?",
            ),
            Mistake(
                "MiB where MB is asked",
                lambda *sizes: convert(_left(*sizes), "MB", to="MiB"),
                "A MB is a million bytes.",
            ),
            Mistake(
                "GiB where MB is asked",
                lambda *sizes: convert(_left(*sizes), "MB", to="GiB"),
                "A MB is a million bytes.",
            ),
            Mistake("what is printed on the box", lambda *sizes: _left(*sizes, 24_000), "The tool tells what is free."),
            Mistake(
                "all of the card",
                lambda *sizes: _left(*sizes, convert(24, "GiB", to="MB")),
                "Some of the card is in use already. What is free?",
            ),
            Mistake(
                "four bytes for each parameter",
                lambda *sizes: _left(*sizes, each=4),
                "That is fp32. How many bytes are 16 bits?",
            ),
            Mistake("one byte for each parameter", lambda *sizes: _left(*sizes, each=1), "How many bytes are 16 bits?"),
            Mistake("bits where bytes are meant", lambda *sizes: _left(*sizes, each=16), "How many bytes are 16 bits?"),
            Mistake(
                "the weights alone",
                lambda loaded, free_MiB: stored_bytes(loaded, 2) / MB,
                "And how much is left beside them?",
            ),
            Mistake(
                "what is free",
                lambda loaded, free_MiB: convert(free_MiB, "MiB", to="MB"),
                "And how much is left beside the weights?",
            ),
            Mistake(
                "the two the other way round",
                lambda *sizes: -_left(*sizes),
                "Take the weights from what is free. Is something left or missing?",
            ),
        ),
    ),
    "bytes_with_scales": Formula(
        right=lambda parameters, kept_share, bits, block, scale_bits: mixed_bytes(
            parameters, kept_share, bits, block, scale_bits
        ),
        between={"kept_share": (0, 1)},
        unit="B",
        hint="Two parts. Of the one each parameter takes 16 bits. Of the other each takes its own bits and a part of "
        "the scale of its block. Which of your numbers are bits?",
        mistakes=(
            Mistake(
                "the scales forgotten",
                lambda parameters, kept, bits, block, scale_bits: mixed_bytes(parameters, kept, bits, block, 0),
                "What else has to be stored for each block?",
            ),
            Mistake(
                "a scale for each value",
                lambda parameters, kept, bits, block, scale_bits: mixed_bytes(parameters, kept, bits, 1, scale_bits),
                "How many values share a scale?",
            ),
            Mistake(
                "a scale that grows with its block",
                lambda parameters, kept, bits, block, scale_bits: mixed_bytes(
                    parameters, kept, bits, 1, scale_bits * block
                ),
                "With larger blocks there are fewer scales, not more.",
            ),
            Mistake(
                "one scale in the whole model",
                lambda parameters, kept, bits, block, scale_bits: mixed_bytes(
                    parameters, kept, bits, (1 - kept) * parameters, scale_bits
                ),
                "How many blocks are there?",
            ),
            Mistake(
                "the part in 16 bits counted twice",
                lambda *values: mixed_bytes(*values, packed_share=1),
                "What stays in 16 bits is not stored in few bits as well.",
            ),
            Mistake(
                "the part in 16 bits counted twice, without the scales",
                lambda parameters, kept, bits, block, scale_bits: mixed_bytes(
                    parameters, kept, bits, block, 0, packed_share=1
                ),
                "What stays in 16 bits is not stored in few bits as well. And what does each block need?",
            ),
            Mistake(
                "scales for the part in 16 bits as well",
                lambda parameters, kept, bits, block, scale_bits: (
                    mixed_bytes(parameters, kept, bits, block, 0)
                    + mixed_bytes(parameters, 0, bits, block, scale_bits)
                    - mixed_bytes(parameters, 0, bits, block, 0)
                ),
                "What stays in 16 bits needs no scale.",
            ),
            Mistake(
                "the part in 16 bits left out",
                lambda *values: mixed_bytes(*values, kept_bytes=0),
                "What stays in 16 bits has to be stored, too.",
            ),
            Mistake(
                "all of the model in few bits",
                lambda *values: mixed_bytes(*values, kept_bytes=0, packed_share=1),
                "Your function is told which share stays in 16 bits. Does it use that?",
            ),
            Mistake(
                "all of the model in 16 bits as well",
                lambda parameters, kept, *sizes: (
                    mixed_bytes(parameters, kept, *sizes) + stored_bytes((1 - kept) * parameters, 2)
                ),
                "Which share stays in 16 bits?",
            ),
            Mistake(
                "one value in each block",
                lambda parameters, kept, bits, block, scale_bits: mixed_bytes(
                    parameters, kept, bits / block, block, scale_bits
                ),
                "How many values does a block have? All are stored, each in its own bits.",
            ),
            Mistake(
                "the bits of a whole block for each value",
                lambda parameters, kept, bits, block, scale_bits: mixed_bytes(
                    parameters, kept, bits * block, 1, scale_bits
                ),
                "So much a block takes. How many values is that for?",
            ),
            Mistake(
                "the two parts exchanged",
                lambda parameters, kept, *sizes: mixed_bytes(parameters, 1 - kept, *sizes),
                "Which share stays in 16 bits?",
            ),
            Mistake(
                "the part in 16 bits counted in bits",
                lambda *values: mixed_bytes(*values, kept_bytes=16),
                "How many bytes are 16 bits?",
            ),
            Mistake(
                "one byte for 16 bits",
                lambda *values: mixed_bytes(*values, kept_bytes=1),
                "How many bytes are 16 bits?",
            ),
            Mistake(
                "fp32 for the part in 16 bits",
                lambda *values: mixed_bytes(*values, kept_bytes=4),
                "How many bytes are 16 bits?",
            ),
            Mistake(
                "the part in few bits counted in bits",
                lambda *values: mixed_bytes(*values, a_byte=1),
                "What is the unit of each of your terms?",
            ),
            Mistake(
                "the scales counted in bits",
                lambda parameters, kept, bits, block, scale_bits: mixed_bytes(
                    parameters, kept, bits, block, 8 * scale_bits
                ),
                "The size of a scale is given in bits, as the size of a value is.",
            ),
            Mistake(
                "the values counted in bits",
                lambda parameters, kept, bits, block, scale_bits: mixed_bytes(
                    parameters, kept, 8 * bits, block, scale_bits
                ),
                "The size of a value is given in bits, as the size of a scale is.",
            ),
        ),
    ),
    "slip_in_few_bits": Choice(
        right="b",
        because="Line b counts all parameters, though those of line a are stored already. The others make 6.05 GB; "
        "in all it is 8.21 GB, or 5.13 bits for each parameter.",
        replies={
            "a": "Two bytes for each parameter that stays in 16 bits: that line is right.",
            "c": "A scale of two bytes for 32 weights, and no scale for what stays in bf16: that line is right.",
            "d": "The sum and the mean are those of the lines before. Which of them is off?",
        },
    ),
}

"""Number formats: how many bits a value takes, and what they can say.

Sources: IEEE 754-2019 (fp32, fp16, fp64); Google's bfloat16; NVIDIA A100 whitepaper (tf32); Micikevicius et al. 2022,
"FP8 Formats for Deep Learning" (fp8); Dettmers et al. 2023, "QLoRA" (nf4); OCP Microscaling Formats v1.0 (mxfp4).
"""

from dataclasses import dataclass

from llmcalc.lookup import looked_up


@dataclass(frozen=True)
class NumberFormat:
    """One way of storing a number; `bits` is what a value takes in memory, without the scale of its block."""

    name: str
    bits: int
    meaning: str
    exponent_bits: int = 0
    mantissa_bits: int = 0
    block: int = 0  # values that share one scale; 0 without
    scale_bits: int = 0
    special_codes: int | None = None  # codes at the top for infinity and NaN; None: all with the largest exponent

    @property
    def bytes_per_value(self):
        """Bytes of one stored value, without the scale of its block: a whole number where it is one."""
        return self.bits / 8 if self.bits % 8 else self.bits // 8

    @property
    def bytes_per_value_with_scale(self):
        """Bytes of one stored value and its part of the block's scale."""
        return (self.bits + self.scale_bits / self.block) / 8 if self.block else self.bytes_per_value

    @property
    def largest(self):
        """The largest finite value of a floating-point format; None for other formats."""
        if not self.exponent_bits:
            return None
        exponent, mantissa = 2**self.exponent_bits - 1, 2**self.mantissa_bits - 1  # all ones
        if self.special_codes is None:
            exponent -= 1
        else:
            mantissa -= self.special_codes
        return (1 + mantissa / 2**self.mantissa_bits) * 2.0 ** (exponent - self._bias)

    @property
    def smallest(self):
        """The smallest value above zero of a floating-point format, subnormals included; None for other formats."""
        return 2.0 ** (1 - self._bias - self.mantissa_bits) if self.exponent_bits else None

    @property
    def smallest_normal(self):
        """The smallest value with all its digits, of a floating-point format; None for other formats."""
        return 2.0 ** (1 - self._bias) if self.exponent_bits else None

    @property
    def epsilon(self):
        """The step from 1 to the next larger value of a floating-point format; None for other formats."""
        return 2.0**-self.mantissa_bits if self.exponent_bits else None

    @property
    def _bias(self):
        return 2 ** (self.exponent_bits - 1) - 1


FORMATS = {
    row.name: row
    for row in (
        NumberFormat("fp64", 64, "double precision", 11, 52),
        NumberFormat("fp32", 32, "single precision", 8, 23),
        NumberFormat("tf32", 32, "fp32 in memory, rounded to 10 bits of mantissa inside a matrix product", 8, 10),
        NumberFormat("fp16", 16, "half precision", 5, 10),
        NumberFormat("bf16", 16, "the range of fp32 with fewer digits", 8, 7),
        NumberFormat("fp8_e4m3", 8, "8-bit float, more digits", 4, 3, special_codes=1),
        NumberFormat("fp8_e5m2", 8, "8-bit float, more range", 5, 2),
        NumberFormat("int8", 8, "whole numbers from -128 to 127"),
        NumberFormat("int4", 4, "whole numbers from -8 to 7"),
        NumberFormat("nf4", 4, "16 quantiles of a normal distribution, fp32 scale per 64", block=64, scale_bits=32),
        NumberFormat(
            "mxfp4", 4, "4-bit float, power-of-two scale per 32", 2, 1, block=32, scale_bits=8, special_codes=0
        ),
    )
}


def number_format(name):
    """The format of that name.

    Raises
    ------
    KeyError
        For an unknown name; the message lists the known ones.

    Examples
    --------
    >>> number_format("bf16").bytes_per_value, number_format("int4").bytes_per_value
    (2, 0.5)
    """
    return looked_up(name, FORMATS, "number format")

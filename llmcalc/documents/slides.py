"""The claims of the slides about compute and memory of training."""

from llmcalc.allocation import optimal_tokens_per_parameter, rule_tokens
from llmcalc.compute import matmul_flops, training_flops
from llmcalc.fits import fit
from llmcalc.formats import number_format
from llmcalc.inference import serving_flops
from llmcalc.memory import stored_bytes
from llmcalc.states import state_bytes_per_parameter
from llmcalc.units import convert

FORMATS = ("fp32", "bf16", "int8")


def backward():
    """Two products for each weight: one for its own gradient, one that carries the gradient on."""
    return matmul_flops(1, 1, 1) + matmul_flops(1, 1, 1)


def at_the_budget_of_chinchilla():
    flops = training_flops(parameters=70 * 10**9, tokens=1400 * 10**9)
    return optimal_tokens_per_parameter(flops, **fit("besiroglu").reducible)


def eight_bit_adam():
    """Master copy, and two moments of a byte with a scale in fp32 for each block of 256 values."""
    moment = number_format("int8").bytes_per_value + number_format("fp32").bytes_per_value / 256
    return state_bytes_per_parameter(0, 0, number_format("fp32").bytes_per_value, 2, moment)


def momentum():
    return state_bytes_per_parameter(0, 0, number_format("fp32").bytes_per_value, optimizer_values=1)


def adamw():
    return state_bytes_per_parameter(0, 0, number_format("fp32").bytes_per_value, optimizer_values=2)


def gradients():
    """PyTorch differentiates floating-point numbers only: beside int8 weights a gradient takes 16 bits."""
    return [number_format(name).bytes_per_value for name in ("fp32", "bf16", "bf16")]


def whole_numbers_of_int8():
    half = 2 ** (number_format("int8").bits - 1)
    return [-half, half - 1]


# fmt: off
ROWS = (
    ("cost", 6, lambda: training_flops(parameters=1, tokens=1), "FLOP per parameter per token", "approximates",
     "exact for each weight of a matrix product; attention between tokens comes on top, embedding tables multiply "
     "nothing"),
    ("forward", 2, lambda: serving_flops(parameters=1, served_tokens=1), "FLOP per parameter per token",
     "approximates", "a multiplication and an addition for each weight; attention between tokens is left out"),
    ("backward", 4, backward, "FLOP per parameter per token", "approximates",
     "two products for each one of the forward pass; the remainder is that of 2PD, twice"),
    ("throughput", None, None, "FLOP/s", "holds",
     "if 'FLOPs/GPU' is the rate a GPU reaches, in FLOP/s; with the advertised peak the time comes out too short"),
    ("flop-seconds", None, None, "", "slips",
     "FLOP/s times s is FLOP: the seconds cancel. With FLOPs a count, as the slide before has it, the name keeps them"),
    ("pflop-day", 8.64e19, lambda: convert(1, "PFLOP-day", "FLOP"), "FLOP", "holds",
     "a day of 10^15 FLOP/s; the unit is FLOP, where 'FLOP-seconds' is carried over from the line above"),
    ("gpu-hours", None, None, "", "holds", "a definition; and rightly: it says little without the model of the GPU"),
    ("actual-flops", None, None, "", "holds",
     "the peak is an upper bound: no published training run here reaches two thirds of it"),
    ("performance", None, None, "", "holds", "the loss falls with both, each with an exponent of its own"),
    ("chinchilla", 20, at_the_budget_of_chinchilla, "tokens/parameter", "approximates",
     "at Chinchilla's budget, by the refit of its data; the paper's own printed fit would give several times as many"),
    ("chinchilla-scope", None, None, "", "holds",
     "the best ratio depends on data and fit, and moves with the budget unless both exponents are equal"),
    ("200b", 2e11, lambda: rule_tokens(parameters=10 * 10**9), "tokens", "convention",
     "advice, not a law: its own D = 20P asks for as many with 10 billion parameters, and for fewer with less"),
    ("production-rule", None, None, "", "convention",
     "one way to decide; with many users a smaller model, trained longer, can be cheaper over its whole life"),
    ("components", None, None, "", "approximates",
     "for training; buffers, workspaces and fragmentation come on top. Inference keeps weights and a key/value cache"),
    ("fp32", 4, lambda: number_format("fp32").bytes_per_value, "B", "holds", "32 bits"),
    ("fp16", 2, lambda: number_format("fp16").bytes_per_value, "B", "holds", "16 bits, of fp16 and of bf16 alike"),
    ("int8", 1, lambda: number_format("int8").bytes_per_value, "B", "holds", "8 bits"),
    ("int8-range", [-128, 127], whole_numbers_of_int8, "", "holds", "256 whole numbers, one of them 0"),
    ("bits", [32, 16, 16, 8], lambda: [number_format(name).bits for name in ("fp32", "fp16", "bf16", "int8")], "bit",
     "holds", "of fp32, fp16, bf16 and int8"),
    ("weights", [4, 2, 1], lambda: [stored_bytes(1, number_format(name).bytes_per_value) for name in FORMATS],
     "B/parameter", "holds", "the size of the format; blocks of int8 have a scale besides"),
    ("mixed", None, None, "", "holds",
     "16 bits to compute with, fp32 to update; the fp32 copy is the first 4 bytes of AdamW's 12"),
    ("adamw", 12, adamw, "B/parameter", "convention",
     "counts the fp32 copy with the optimizer, as ZeRO does; training in pure fp32 has no second copy, and 8 remain"),
    ("adam8bit", 6, eight_bit_adam, "B/parameter", "approximates",
     "each block of 256 values has a scale of 4 bytes besides; the fp32 copy is counted with the optimizer"),
    ("sgd", 8, momentum, "B/parameter", "convention",
     "counts the fp32 copy with the optimizer; training in pure fp32 has no second copy, and 4 remain"),
    ("gradients", [4, 2, 1], gradients, "B/parameter", "slips",
     "fp32 and 16 bits hold; int8 weights have no int8 gradients: common frameworks differentiate floating-point "
     "numbers only"),
    ("gradient-format", None, None, "", "convention",
     "usual; others sum 16-bit gradients in fp32, for 4 bytes instead of 2, or keep both, for 6"),
    ("bottleneck", None, None, "", "approximates",
     "for what fits, and for a token at a time; training with large batches is bound by FLOP"),
    ("recompute-memory", None, None, "", "holds",
     "one layer at a time comes back whole, the others keep only their input. What it costs is time, unnamed here"),
    ("training-sum", None, None, "", "convention",
     "adds up if weights are 16-bit: 2 + 12 + 2. With fp32 weights the copy among the 12 would count them twice"),
    ("with-activations", None, None, "", "slips",
     "parameters, optimizer and gradients do not depend on activations: they stay, and activations are added"),
)
# fmt: on

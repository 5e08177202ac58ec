"""All mistakes of some questions of lessons 05 to 07, worked out a second time; single ones: `test_mistakes.py`."""

from math import sqrt

import pytest

from llmcalc import checks
from llmcalc.checks.scaled_blocks import OFFERS

WEIGHTS = (0.31, -0.12, 0.05, 0.22, -0.27, 0.08, -0.04, -1.4)
WHOLE = (2, -1, 0, 1, -1, 0, 0, -7)
LOST = (0.09, -0.08, -0.05, -0.02, 0.07, -0.08, 0.04, 0)


def mean_root(values):
    return sqrt(sum(value**2 for value in values) / len(values))


def percent(back):
    return 100 * mean_root([a - b for a, b in zip(back, WEIGHTS, strict=True)]) / mean_root(WEIGHTS)


def on_scale(scale, *whole):
    return percent([scale * number for number in whole])


SHARE, OFFERED = percent([0.2 * number for number in WHOLE]), {offer.name: offer.error for offer in OFFERS}
LOGITS = 2 * 4096 * 128_256 / 10**9
LAYERS, ATTENTION, OUTPUT = 24 * 1280**2 * 36, 4 * 1024 * 1280 * 36, 2 * 50_257 * 1280
FORWARD, PEAK = LAYERS + ATTENTION + OUTPUT, 165.2e12

AGAIN = {
    "first_number_lost": ((7,), {
        "the last number before it, a power of two": 256,
        "the leading one forgotten": 129,
        "the power of two from which on the step is one": 128,
        "the number before a power of two": 255,
        "the largest whole number that fits into the mantissa alone": 127,
        "the next number that the format has": 258,
        "a step of four instead of two": 513,
    }),
    "factor_for_gradients": ((), {
        "a factor that is no power of two": 2**-14 / 1.7e-9,
        "rounding down to a power of two": 32_768,
        "the limit below which a value can become zero": 64,
        "the limit below which a value can become zero, and a factor that is no power of two": 2**-24 / 1.7e-9,
        "the limit at which a value just does not become zero": 32,
        "the largest factor instead of the smallest one": 262_144,
        "the largest value over the largest gradient": 65_504 * 5,
        "bf16, where gradients as small as these need no factor": 1,
        "the exponent of the factor": 16,
        "a factor upside down": 1 / 65_536,
        "a factor upside down that is no power of two": 1.7e-9 * 2**14,
    }),
    # 250 parameters in 500 bytes; 750 in 375 bytes and 46.875 of scales
    "bytes_with_scales": ((1000, 0.25, 4, 32, 16), {
        "the scales forgotten": 875,
        "a scale for each value": 875 + 750 * 2,
        "a scale that grows with its block": 875 + 750 * 2 * 32,
        "one scale in the whole model": 875 + 2,
        "the part in 16 bits counted twice": 500 + 500 + 62.5,
        "the part in 16 bits counted twice, without the scales": 1000,
        "scales for the part in 16 bits as well": 875 + 62.5,
        "the part in 16 bits left out": 375 + 46.875,
        "all of the model in few bits": 500 + 62.5,
        "all of the model in 16 bits as well": 2000 + 375 + 46.875,
        "one value in each block": 500 + 750 / 32 * 20 / 8,
        "the bits of a whole block for each value": 500 + 750 * (4 * 32 + 16) / 8,
        "the two parts exchanged": 1500 + 125 + 15.625,
        "the part in 16 bits counted in bits": 4000 + 375 + 46.875,
        "one byte for 16 bits": 250 + 375 + 46.875,
        "fp32 for the part in 16 bits": 1000 + 375 + 46.875,
        "the part in few bits counted in bits": 500 + 3000 + 375,
        "the scales counted in bits": 500 + 375 + 375,
        "the values counted in bits": 500 + 3000 + 46.875,
    }),
    "error_of_a_block": ((), {
        "the largest whole number 8": on_scale(0.175, 2, -1, 0, 1, -2, 0, 0, -8),
        "15 whole numbers above zero": on_scale(1.4 / 15, 3, -1, 1, 2, -3, 1, 0, -8),
        "16 whole numbers above zero": on_scale(1.4 / 16, 4, -1, 1, 3, -3, 1, 0, -8),
        "the numbers of int8": on_scale(1.4 / 127, 28, -11, 5, 20, -24, 7, -4, -127),
        "the largest weight instead of the largest magnitude, and numbers cut off at the ends":
            on_scale(0.31 / 7, 7, -3, 1, 5, -6, 2, -1, -8),
        "the largest weight instead of the largest magnitude": on_scale(0.31 / 7, 7, -3, 1, 5, -6, 2, -1, -32),
        "cutting off instead of rounding": on_scale(0.2, 1, 0, 0, 1, -1, 0, 0, -7),
        "rounding down": on_scale(0.2, 1, -1, 0, 1, -2, 0, -1, -7),
        "the mean of the errors' sizes": 100 * sum(map(abs, LOST)) / sum(map(abs, WEIGHTS)),
        "whole numbers that are not multiplied by the scale again": percent(WHOLE),
        "all weights lost, as if they were multiplied by the scale before they are rounded": 100,
        "the error of each weight over that weight":
            100 * mean_root([a / b for a, b in zip(LOST, WEIGHTS, strict=True)]),
        "the mean of the errors, each over its weight":
            100 / 8 * sum(abs(a / b) for a, b in zip(LOST, WEIGHTS, strict=True)),
        "the outlier left out": 100 * mean_root(LOST[:7]) / mean_root(WEIGHTS[:7]),
        "the distance from the smallest to the largest weight over 15":
            on_scale(0.114, 3, -1, 0, 2, -2, 1, 0, -12),
        "the error over the largest weight": 100 * mean_root(LOST) / 1.4,
        "percent inside the root": sqrt(100 * (SHARE / 100) ** 2),
        "percent, and no root": SHARE**2,
        "no root": 100 * (SHARE / 100) ** 2,
        "a fraction where percent is asked": SHARE / 100,
        "no division by the weights": 100 * mean_root(LOST),
        "no division by the weights, and no percent": mean_root(LOST),
        "the root of a sum over a mean": 100 * mean_root(LOST) * sqrt(8) / mean_root(WEIGHTS),
    }),
    # 2.49 of 72.7 billion parameters in 16 bits; 45.8 GB of room: 4.5 bits fit, 5 do not
    "best_that_fits": ((), {
        "no limit": OFFERED["A"],
        "the scales forgotten": OFFERED["H"],
        "the part in 16 bits forgotten, or what else has to fit": OFFERED["G"],
        "GB for GiB, or the part in 16 bits stored in few bits besides": OFFERED["F"],
        "the smallest size instead of the smallest error": OFFERED["B"],
        "the fullest cards instead of the smallest error": OFFERED["C"],
        "one that fits, of which there is a better one": OFFERED["E"],
        "a fraction where percent is asked": OFFERED["D"] / 100,
    }),
    "two_moments_in_few_bits": ((8, 64, 32), {
        "one moment only": 1.0625,
        "the scales forgotten": 2,
        "one scale for both moments": 2.0625,
        "a scale for each value": 10,
        "the scale times the block, not over it": 2 + 2 * 4 * 64,
        "the values shared by the block as well": 10 / 64,
        "block and scale exchanged": 2 + 2 * 64 / 32 / 8,
        "a whole block, not one parameter": 2 * (64 + 4),
        "bits of the scale taken for bytes": 3,
        "bits of the values taken for bytes": 16.125,
        "an fp32 copy of the weights as well": 6.125,
    }),
    "adamw_over_factored": ((10, 20), {
        "the fraction upside down": 230 / 400,
        "the second moments alone (or both moments factored)": 200 / 30,
        "no first moment below the line": 400 / 30,
        "one moment above the line": 200 / 230,
        "the rows alone": 400 / 210,
        "the columns alone": 400 / 220,
        "two values for each row and column": 400 / 260,
        "the weights counted as well": 600 / 430,
        "the weights and their gradients counted as well": 800 / 630,
        "the rows and columns left out": 2,
        "both moments in full below the line, and the factors as well": 400 / 430,
        "parentheses missing below the line": 2 * 10 * 20 / 10 * 20 + 10 + 20,
        "a difference where a quotient is meant": 170,
    }),
    "bytes_of_the_recipe": ((), {
        "moments in fp32": 18,
        "a gradient in both formats (or the usual recipe)": 16,
        "gradients in both formats and moments in fp32 (as published for another model)": 20,
        "two bytes missing: the weight, one moment, or half of the gradient": 12,
        "four bytes missing: the gradient, the master copy, or both moments": 10,
        "the optimizer's part alone": 8,
    }),
    # 28 billion parameters; states of 16, 10.0625 (8-bit) and 12.0625 bytes; room 8 * 68, 4 * 168, 10 * 28, 4 * 12 GB
    "cheapest_hour": ((), {
        "weights in 16 bits alone": 5 * 4 * 0.40,
        "one machine of offer C": 10 * 0.85,
        "the reserve forgotten": 3 * 4 * 0.40,
        "one reserve for a whole machine": 4 * 4 * 0.40,
        "single cards rented": 2 * 4.30,
        "parts of a machine rented": 28 * 10.0625 / 168 * 4.30,
        "one card of each machine paid": 2 * 0.85,
        "machine A": 8 * 2.10,
        "machine B": 4 * 4.30,
        "machine C": 2 * 10 * 0.85,
        "gradients in fp32": 8 * 4 * 0.40,
        "16 bytes for each parameter": 10 * 4 * 0.40,
        "the size of the scales taken for bytes": 7 * 4 * 0.40,
    }),
    # weights 300; for each of the 20 that are trained 3 + 4 + 3 * 4
    "bytes_with_frozen_layers": ((100, 0.2, 3, 3), {
        "everything trained": 300 + 1900,
        "the weights of the trained parameters only": 60 + 380,
        "the frozen share taken for the trained one": 300 + 80 * 19,
        "gradients of all parameters": 680 + 80 * 3,
        "a master copy of all parameters": 680 + 80 * 4,
        "the optimizer's values for all parameters": 680 + 80 * 12,
        "no gradients (or no weights of the trained parameters)": 680 - 60,
        "a byte for each value of the optimizer": 300 + 20 * (3 + 4 + 3),
        "the format of the weights for everything, and no master copy": 300 + 20 * (3 + 9),
        "no master copy": 680 - 80,
        "nothing that the optimizer remembers": 300 + 20 * 7,
        "no weights": 380,
        "the weights of the trained parameters twice": 680 + 60,
        "gradients in fp32": 680 + 20,
        "the optimizer's values in the format of the weights": 300 + 20 * (3 + 4 + 9),
        "the master copy in the format of the weights": 680 - 20,
        "two bytes for each weight, whatever is asked": 200 + 20 * (2 + 4 + 12),
        "one value of the optimizer, whatever is asked": 300 + 20 * 11,
        "two values of the optimizer, whatever is asked": 300 + 20 * 15,
    }),
    "fullest_moment": ((4, 100), {
        "everything added up, as if all were there at once": 120,
        "weights, gradients, states and activations added up": 116,
        "the copy of the update forgotten": 112,
        "all activations beside all gradients (or the copy of the update held all the time)": 116,
        "the update alone": 20,
        "no optimizer states beside the activations": 104,
        "gradients that stay all the time": 116,
        "`weight_bytes` taken for a number of parameters": 148,
        "`weight_bytes` taken for a number of parameters, and everything added up": 4 * 16 + 100,
        "the beginning of the backward pass alone": 112,
        "the optimizer's states forgotten": 104,
        "one moment (or the weights) forgotten": 108,
    }),
    "fullest_moment, little kept": ((4, 1), {
        "everything added up, as if all were there at once": 21,
        "weights, gradients, states and activations added up": 17,
        "the copy of the update forgotten": 16,
        "all activations beside all gradients (or the copy of the update held all the time)": 20,
        "the update alone": 20,
        "no optimizer states beside the activations": 20,
        "gradients that stay all the time": 24,
        "`weight_bytes` taken for a number of parameters": 80,
        "`weight_bytes` taken for a number of parameters, and everything added up": 4 * 16 + 1,
        "the beginning of the backward pass alone": 13,
        "the optimizer's states forgotten": 12,
        "one moment (or the weights) forgotten": 16,
    }),
    # five segments of four layers: 5 + 3 inputs of 10 bytes, 4 insides of 100
    "fullest_with_segments": ((20, 4, 10, 100), {
        "the input of the segment at work counted twice": 490,
        "two inputs counted twice": 500,
        "one input too few": 470,
        "whole-number division": 480,  # the same where nothing is left over
        "an inside left out of the segment that is there again": 380,
        "a single layer there again, and inputs of segments only": 150,
        "as much there again as there are segments": 550,
        "segments of one layer": 300,
        "the inputs of the layers inside the segment forgotten": 450,
        "a single layer there again": 180,
        "nothing there again": 50,
        "the length of a segment taken for the number of segments": 80 + 500,
        "the length of a segment taken for the number of segments, and an input counted twice": 590,
        "one segment alone, without what the others keep": 440,
        "the input of every layer kept": 200 + 400,
        "everything kept": 2200,
    }),
    "least_with_two_levels": ((16, 10, 100), {
        "a tensor counted twice that two parts share": 180,
        "two inputs counted twice": 190,
        "one input too few": 160,
        "all layers of a segment there again": 470,
        "the least for segments that come back whole": 2 * sqrt(160 * 110) - 10,
        "the least for segments that come back whole, with an input counted twice": 2 * sqrt(160 * 110),
        "the least for segments that come back whole, without the inputs inside": 2 * sqrt(160 * 100),
        "a whole layer for every input": 770,
        "a whole layer for every input, with one counted twice": 880,
        "all layers of a segment there again, with an input counted twice": 480,
        "the layer at work forgotten": 70,
        "the inputs inside the segment forgotten": 140,
        "the best length in place of the bytes": 4,
        "one level only: the input of every layer kept": 260,
    }),
    "logits_at_the_fullest": ((), {
        "GiB in place of GB": 14 * LOGITS * 10**9 / 2**30,
        "bits for bytes": 8 * 14 * LOGITS,
        "one of the two sequences": 7 * LOGITS,
        "one of the two gradients forgotten (or both in 16 bits, or the way forward meant)": 10 * LOGITS,
        "both gradients forgotten": 6 * LOGITS,
        "the 16-bit logits forgotten": 12 * LOGITS,
        "all of it in fp32": 16 * LOGITS,
        "all of it in 16 bits": 8 * LOGITS,
        "the fp32 copy of the logits still there": 18 * LOGITS,
        "the log-probabilities alone": 4 * LOGITS,
        "the logits alone": 2 * LOGITS,
    }),
    "fastest_that_fits": ((), {
        "setting A": 0.39 * PEAK / (3 * FORWARD),
        "setting B": 0.34 * PEAK / (3 * FORWARD),
        "setting D": 0.40 * PEAK / (3 * FORWARD + ATTENTION),
        "setting E": 0.47 * PEAK / (4 * FORWARD - OUTPUT),
        "setting F": 0.49 * PEAK / (4 * FORWARD - OUTPUT),
        "what is done twice not counted, in any setting": 0.47 * PEAK / (3 * FORWARD),
        "the attention that is done twice not counted": 0.38 * PEAK / (3 * FORWARD),
        "all layers done twice, where only attention is": 0.38 * PEAK / (4 * FORWARD - OUTPUT),
        "a whole forward pass done twice, where only attention is": 0.38 * PEAK / (4 * FORWARD),
        "attention between tokens not counted (or the rule 6PD)": 0.38 * PEAK / (3 * (LAYERS + OUTPUT)),
        "attention between tokens counted only where it is done twice (or the rule 6PD, and that)":
            0.38 * PEAK / (3 * (LAYERS + OUTPUT) + ATTENTION),
        "attention between tokens not counted (or the rule 6PD), and nothing of what is done twice":
            0.47 * PEAK / (3 * (LAYERS + OUTPUT)),
        "setting F, and what is done twice not counted": 0.49 * PEAK / (3 * FORWARD),
        "the output layer not counted": 0.38 * PEAK / (3 * LAYERS + 4 * ATTENTION),
        "the forward pass alone": 0.38 * PEAK / (FORWARD + ATTENTION),
        "a backward pass that costs no more than a forward pass": 0.38 * PEAK / (2 * FORWARD + ATTENTION),
        "the share of the peak forgotten": PEAK / (3 * FORWARD),
        "sequences in place of tokens": 0.38 * PEAK / (3 * FORWARD + ATTENTION) / 1024,
        "the work of a token for that of a whole batch": 5 * 1024 * 0.38 * PEAK / (3 * FORWARD + ATTENTION),
    }),
    # a tensor as wide as the layer has 150 bytes, one inside 600; 20 for the norm, 200 for a mask
    "bytes_of_squared_relu": ((5, 10, 40, 3), {
        "the number that the norm keeps for each token forgotten": 1500,
        "two numbers that the norm keeps for each token": 1540,
        "three tensors inside the feed-forward part": 2120,
        "three tensors inside the feed-forward part, and the norm's number forgotten": 2100,
        "four tensors inside the feed-forward part": 2720,
        "one of the two tensors inside the feed-forward part forgotten": 920,
        "a mask in place of the result of ReLU": 1120,
        "a mask of ReLU as well": 1720,
        "what the norm or the first matrix works on forgotten": 1370,
        "what the norm works on forgotten, and its number": 1350,
        "the result of the second matrix, or one more tensor as wide as the layer": 1670,
        "a tensor too many of either width": 2270,
        "nothing kept but the inputs of the two matrices": 750,
        "nothing kept but the inputs of the two matrices and a number for each token": 770,
        "the norm's number in the format of the tensors": 1515,
        "the norm's number for each value": 1500 + 5 * 10 * 4,
        "the norm's number times the bytes of a value": 1500 + 5 * 3 * 4,
        "the norm's number once, not for each token": 1504,
        "one byte for each value of a tensor": 520,
        "the weights of both matrices counted as well": 1520 + 2 * 10 * 40 * 3,
    }),
    # a mask of a half has 640 bytes, that of the shares 512; the shares themselves 2048
    "bytes_for_dropout": ((2, 8, 4, 10, 4), {
        "nothing but masks": 1792,
        "nothing but the masks of the two halves": 1280,
        "nothing but the mask of the shares": 512,
        "nothing but what happens to the shares": 2560,
        "three masks as large as the tensor between two layers": 1920,
        "a third mask as large as the tensor between two layers": 1920 + 2560,
        "one of the two halves of the layer": 640 + 2560,
        "the mask of the shares forgotten": 1280 + 2048,
        "the mask of the shares counted twice": 1280 + 1024 + 2048,
        "all three score matrices that a layer with dropout keeps": 1792 + 4096,
        "the dropped-out results of both halves kept as well": 3840 + 1280 * 4,
        "masks of one bit for each value": 224 + 2048,
        "masks with values as large as all others": 4 * 1792 + 2048,
        "nothing but masks, and those with values as large as all others": 4 * 1792,
        "two bytes for each share, whatever the format": 1792 + 1024,
        "scores of a single head": 1280 + 640,
        "a layer as wide as one of its heads": 320 + 2560,
        "scores of a single sequence": 1280 + 1280,
        "a share for each token, not for each pair of them": 1280 + 320,
        "all that the layer keeps with dropout": 16 * 640 * 4 + 2 * 2 * 16 * 4 + 512 * 4 + 3840,
    }),
    "tokens_of_balance": ((10, 2, 30), {
        "the scores kept before and after the softmax": 50,
        "two tensors inside the feed-forward part": 70,
        "three tensors inside the feed-forward part": 85,
        "five tensors inside the feed-forward part": 115,
        "nothing inside the feed-forward part": 40,
        "no tensor as wide as the layer": 60,
        **{f"{wide} tensors as wide as the layer": 60 + 5 * wide for wide in (4, 5, 6, 7, 9, 10)},
        "scores of a single head": 200,
        "the plain layer, without dropout": 80,
        "the plain layer, with dropout in 16 bits": 34,
        "parentheses missing above the line": 80 + 60,
        "parentheses missing above the line, the other way round": 40 + 120,
        "the fraction upside down": 0.01,
    }),
    # averages 2, 2, 4 of the gradients, 4, 4, 12 of their squares; corrections 0.5, 0.75, 0.875 and 0.25, 0.4375, ...
    "adam_direction": (([4, 2], 0.5, 0.75), {
        "the bias correction forgotten": 2 / 2,
        "the bias correction of the second moment forgotten": 2 / 0.75 / 2,
        "the bias correction of the momentum forgotten": 2 / sqrt(4 / 0.4375),
        "a bias correction that does not know the step": 2 / 0.5 / sqrt(4 / 0.25),
        "a bias correction that is a step behind": 2 / 0.5 / sqrt(4 / 0.25),
        "corrected averages that are carried on to the next step": 3 / 0.75 / sqrt(13 / 0.4375),
        "averages multiplied by the correction": 2 * 0.75 / sqrt(4 * 0.4375),
        "the correction of the second moment behind the root": 2 / 0.75 / (2 / 0.4375),
        "one beta for both averages": 2 / 0.75 / sqrt(6 / 0.75),
        "averages that start at the first gradient": 3 / sqrt(13),
        "the momentum squared in place of the gradient": 2 / 0.75 / sqrt((0.75 * 1 + 0.25 * 4) / 0.4375),
        "the list read backwards": 2.5 / 0.75 / sqrt(4.75 / 0.4375),
        "the two betas exchanged": 1.25 / 0.4375 / sqrt(6 / 0.75),
        "the weights of old and new exchanged": 2 / 0.75 / sqrt(6 / 0.4375),
        "every new value added in full": 4 / 0.75 / sqrt(16 / 0.4375),
        "every new gradient added in full": 4 / 0.75 / sqrt(4 / 0.4375),
        "every new square added in full": 2 / 0.75 / sqrt(16 / 0.4375),
        "gradients that are not squared": 2 / 0.75 / sqrt(1.25 / 0.4375),
        "the root forgotten": 2 / 0.75 / (4 / 0.4375),
        "the last gradient in place of the momentum": 2 / sqrt(4 / 0.4375),
        "the momentum alone": 2 / 0.75,
        "plain averages": 3 / sqrt(10),
        "the fraction upside down": sqrt(4 / 0.4375) / (2 / 0.75),
        "an ε below the line": 2 / 0.75 / (sqrt(4 / 0.4375) + 1e-8),
        "an ε below the root": 2 / 0.75 / sqrt(4 / 0.4375 + 1e-8),
        "a power without parentheses": 2 / 0.75 / (4 / 0.4375) / 2,
    }),
}  # fmt: skip


@pytest.mark.parametrize("question", AGAIN)
def test_every_mistake_comes_to_what_its_name_says(question):
    values, amounts = AGAIN[question]
    given = {mistake.name: mistake.gives for mistake in getattr(checks, question.split(",")[0]).mistakes}
    for name in given:
        amount = amounts[name]
        exact = 1e-7 if question == "error_of_a_block" else 1e-11  # its scale is stored in fp32
        assert float(given[name](*values)) == pytest.approx(amount, rel=exact), name

"""Published tables, row by row as they are printed, slips included: to be reproduced, or to find out why not."""

from collections import namedtuple
from dataclasses import dataclass
from functools import cached_property

from llmcalc.lookup import looked_up


@dataclass(frozen=True)
class Table:
    """A published table: iterating gives its rows, whose cells have the names of the columns."""

    title: str
    source: str
    columns: str
    printed: tuple

    @cached_property
    def rows(self):
        """Every row, in the order of the paper."""
        row = namedtuple("Row", self.columns)
        return tuple(row(*cells) for cells in self.printed)

    def __iter__(self):
        return iter(self.rows)

    def __len__(self):
        return len(self.printed)

    def row(self, name):
        """The row whose first cell is `name`; KeyError with close names for an unknown one."""
        return looked_up(name, {row[0]: row for row in self.rows}, f"row of {self.title!r}")


_BROWN = "Brown et al. 2020, arXiv:2005.14165"
_HOFFMANN = "Hoffmann et al. 2022, arXiv:2203.15556"
_M, _B, _T = 10**6, 10**9, 10**12

# fmt: off
TRANSFORMER_2017 = Table(
    "Variations of the first Transformer", "Vaswani et al. 2017, arXiv:1706.03762, table 3",
    "name layers width feed_forward heads query_dim value_dim parameters",
    (
        ("base", 6, 512, 2048, 8, 64, 64, 65 * _M),
        ("keys of 16", 6, 512, 2048, 8, 16, 64, 58 * _M),
        ("keys of 32", 6, 512, 2048, 8, 32, 64, 60 * _M),
        ("2 layers", 2, 512, 2048, 8, 64, 64, 36 * _M),
        ("4 layers", 4, 512, 2048, 8, 64, 64, 50 * _M),
        ("8 layers", 8, 512, 2048, 8, 64, 64, 80 * _M),
        ("256 wide", 6, 256, 2048, 8, 32, 32, 28 * _M),
        ("1024 wide", 6, 1024, 2048, 8, 128, 128, 168 * _M),
        ("inside 1024", 6, 512, 1024, 8, 64, 64, 53 * _M),
        ("inside 4096", 6, 512, 4096, 8, 64, 64, 90 * _M),
        ("big", 6, 1024, 4096, 16, 64, 64, 213 * _M),
    ),
)
"""As many layers in the encoder as in the decoder; the names are ours. Rows without a count are left out."""

GPT3_SHAPES = Table(
    "Shapes of the GPT-3 models", f"{_BROWN}, table 2.1",
    "name parameters layers width heads head_dim batch_tokens",
    (
        ("GPT-3 Small", 125 * _M, 12, 768, 12, 64, 500_000),
        ("GPT-3 Medium", 350 * _M, 24, 1024, 16, 64, 500_000),
        ("GPT-3 Large", 760 * _M, 24, 1536, 16, 96, 500_000),
        ("GPT-3 XL", 1_300 * _M, 24, 2048, 24, 128, 1 * _M),
        ("GPT-3 2.7B", 2_700 * _M, 32, 2560, 32, 80, 1 * _M),
        ("GPT-3 6.7B", 6_700 * _M, 32, 4096, 32, 128, 2 * _M),
        ("GPT-3 13B", 13 * _B, 40, 5140, 40, 128, 2 * _M),
        ("GPT-3 175B", 175 * _B, 96, 12_288, 96, 128, 3_200_000),
    ),
)
"""All with sequences of 2048 tokens and GPT-2's vocabulary of 50,257."""

GPT3_COMPUTE = Table(
    "Compute of GPT-3 and its peers", f"{_BROWN}, table D.1",
    "name pflop_days flops parameters tokens flops_per_parameter_and_token active_share",
    (
        ("T5-Small", 2.08, 1.8e20, 60 * _M, 1 * _T, 3, 0.5),
        ("T5-Base", 7.64, 6.6e20, 220 * _M, 1 * _T, 3, 0.5),
        ("T5-Large", 26.7, 2.31e21, 770 * _M, 1 * _T, 3, 0.5),
        ("T5-3B", 104, 9e21, 3 * _B, 1 * _T, 3, 0.5),
        ("T5-11B", 382, 3.3e22, 11 * _B, 1 * _T, 3, 0.5),
        ("BERT-Base", 1.89, 1.64e20, 109 * _M, 250 * _B, 6, 1),
        ("BERT-Large", 6.16, 5.33e20, 355 * _M, 250 * _B, 6, 1),
        ("RoBERTa-Base", 17.4, 1.5e21, 125 * _M, 2 * _T, 6, 1),
        ("RoBERTa-Large", 49.3, 4.26e21, 355 * _M, 2 * _T, 6, 1),
        ("GPT-3 Small", 2.6, 2.25e20, 125 * _M, 300 * _B, 6, 1),
        ("GPT-3 Medium", 7.42, 6.41e20, 356 * _M, 300 * _B, 6, 1),
        ("GPT-3 Large", 15.8, 1.37e21, 760 * _M, 300 * _B, 6, 1),
        ("GPT-3 XL", 27.5, 2.38e21, 1_320 * _M, 300 * _B, 6, 1),
        ("GPT-3 2.7B", 55.2, 4.77e21, 2_650 * _M, 300 * _B, 6, 1),
        ("GPT-3 6.7B", 139, 1.2e22, 6_660 * _M, 300 * _B, 6, 1),
        ("GPT-3 13B", 268, 2.31e22, 12_850 * _M, 300 * _B, 6, 1),
        ("GPT-3 175B", 3640, 3.14e23, 174_600 * _M, 300 * _B, 6, 1),
    ),
)

CHINCHILLA_SHAPES = Table(
    "Shapes of the Chinchilla family", f"{_HOFFMANN}, table A9",
    "name parameters layers width feed_forward heads head_dim",
    (
        ("44M", 44 * _M, 8, 512, 2048, 8, 64),
        ("57M", 57 * _M, 9, 576, 2304, 9, 64),
        ("74M", 74 * _M, 10, 640, 2560, 10, 64),
        ("90M", 90 * _M, 13, 640, 2560, 10, 64),
        ("106M", 106 * _M, 16, 640, 2560, 10, 64),
        ("117M", 117 * _M, 12, 768, 3072, 12, 64),
        ("140M", 140 * _M, 15, 768, 3072, 12, 64),
        ("163M", 163 * _M, 18, 768, 3072, 12, 64),
        ("175M", 175 * _M, 14, 896, 3584, 14, 64),
        ("196M", 196 * _M, 16, 896, 3584, 14, 64),
        ("217M", 217 * _M, 18, 896, 3584, 14, 64),
        ("251M", 251 * _M, 16, 1024, 4096, 16, 64),
        ("278M", 278 * _M, 18, 1024, 4096, 16, 64),
        ("306M", 306 * _M, 20, 1024, 4096, 16, 64),
        ("425M", 425 * _M, 18, 1280, 5120, 10, 128),
        ("489M", 489 * _M, 21, 1280, 5120, 10, 128),
        ("509M", 509 * _M, 18, 1408, 5632, 11, 128),
        ("552M", 552 * _M, 24, 1280, 5120, 10, 128),
        ("587M", 587 * _M, 21, 1408, 5632, 11, 128),
        ("632M", 632 * _M, 19, 1536, 6144, 12, 128),
        ("664M", 664 * _M, 24, 1408, 5632, 11, 128),
        ("724M", 724 * _M, 22, 1536, 6144, 12, 128),
        ("816M", 816 * _M, 25, 1536, 6144, 12, 128),
        ("893M", 893 * _M, 20, 1792, 7168, 14, 128),
        ("1018M", 1_018 * _M, 23, 1792, 7168, 14, 128),
        ("1143M", 1_143 * _M, 26, 1792, 7168, 14, 128),
        ("1266M", 1_266 * _M, 22, 2048, 8192, 16, 128),
        ("1424M", 1_424 * _M, 22, 2176, 8704, 17, 128),
        ("1429M", 1_429 * _M, 25, 2048, 8192, 16, 128),
        ("1593M", 1_593 * _M, 28, 2048, 8192, 16, 128),
        ("1609M", 1_609 * _M, 25, 2176, 8704, 17, 128),
        ("1731M", 1_731 * _M, 24, 2304, 9216, 18, 128),
        ("1794M", 1_794 * _M, 28, 2176, 8704, 17, 128),
        ("2007M", 2_007 * _M, 28, 2304, 9216, 18, 128),
        ("2283M", 2_283 * _M, 32, 2304, 9216, 18, 128),
        ("2298M", 2_298 * _M, 26, 2560, 10_240, 20, 128),
        ("2639M", 2_639 * _M, 30, 2560, 10_240, 20, 128),
        ("2980M", 2_980 * _M, 34, 2560, 10_240, 20, 128),
        ("3530M", 3_530 * _M, 36, 2688, 10_752, 22, 128),
        ("3802M", 3_802 * _M, 36, 2816, 11_264, 22, 128),
        ("4084M", 4_084 * _M, 36, 2944, 11_776, 22, 128),
        ("4516M", 4_516 * _M, 36, 3072, 12_288, 24, 128),
        ("6796M", 6_796 * _M, 40, 3584, 14_336, 28, 128),
        ("9293M", 9_293 * _M, 42, 4096, 16_384, 32, 128),
        ("11452M", 11_452 * _M, 47, 4352, 17_408, 32, 128),
        ("12295M", 12_295 * _M, 44, 4608, 18_432, 36, 128),
        ("12569M", 12_569 * _M, 47, 4608, 18_432, 32, 128),
        ("13735M", 13_735 * _M, 47, 4864, 19_456, 32, 128),
        ("14940M", 14_940 * _M, 49, 4992, 19_968, 32, 128),
        ("16183M", 16_183 * _M, 47, 5120, 20_480, 40, 128),
    ),
)

CHINCHILLA_RATIOS = Table(
    "Exact FLOPs over 6ND", f"{_HOFFMANN}, table A4",
    "name parameters layers width feed_forward heads head_dim ratio",
    (
        ("73M", 73 * _M, 10, 640, 2560, 10, 64, 1.03),
        ("305M", 305 * _M, 20, 1024, 4096, 16, 64, 1.1),
        ("552M", 552 * _M, 24, 1280, 5120, 10, 128, 1.08),
        ("1100M", 1_100 * _M, 26, 1792, 7168, 14, 128, 1.04),
        ("1600M", 1_600 * _M, 28, 2048, 8192, 16, 128, 1.03),
        ("6800M", 6_800 * _M, 40, 3584, 14_336, 28, 128, 0.99),
    ),
)

CHINCHILLA_OPTIMA = Table(
    "Best tokens and budget for a size", f"{_HOFFMANN}, tables 3 and A3",
    "approach parameters tokens flops",
    (
        (1, 400 * _M, 8 * _B, 1.92e19),
        (1, 1 * _B, 20_200 * _M, 1.21e20),
        (1, 10 * _B, 205_100 * _M, 1.23e22),
        (1, 67 * _B, 1_500 * _B, 5.76e23),
        (1, 175 * _B, 3_700 * _B, 3.85e24),
        (1, 280 * _B, 5_900 * _B, 9.9e24),
        (1, 520 * _B, 11 * _T, 3.43e25),
        (1, 1 * _T, 21_200 * _B, 1.27e26),
        (1, 10 * _T, 216_200 * _B, 1.3e28),
        (2, 400 * _M, 7_700 * _M, 1.84e19),
        (2, 1 * _B, 20 * _B, 1.2e20),
        (2, 10 * _B, 219_500 * _M, 1.32e22),
        (2, 67 * _B, 1_700 * _B, 6.88e23),
        (2, 175 * _B, 4_300 * _B, 4.54e24),
        (2, 280 * _B, 7_100 * _B, 1.18e25),
        (2, 520 * _B, 13_400 * _B, 4.19e25),
        (2, 1 * _T, 26_500 * _B, 1.59e26),
        (2, 10 * _T, 292 * _T, 1.75e28),
        (3, 400 * _M, 9_200 * _M, 2.21e19),
        (3, 1 * _B, 27_100 * _M, 1.62e20),
        (3, 10 * _B, 410_100 * _M, 2.46e22),
        (3, 67 * _B, 4_100 * _B, 1.71e24),
        (3, 175 * _B, 12 * _T, 1.26e24),
        (3, 280 * _B, 20_100 * _B, 3.52e25),
        (3, 520 * _B, 43_500 * _B, 1.36e26),
        (3, 1 * _T, 94_100 * _B, 5.65e26),
        (3, 10 * _T, 1_425_500 * _B, 8.55e28),
    ),
)

MEGATRON_SCALING = Table(
    "Training on up to 3072 A100s", "Narayanan et al. 2021, arXiv:2104.04473, table 1",
    "name parameters layers width heads tensor_parallel pipeline_parallel gpus batch tflop_per_second",
    (
        ("1.7B", 1_700 * _M, 24, 2304, 24, 1, 1, 32, 512, 137),
        ("3.6B", 3_600 * _M, 30, 3072, 32, 2, 1, 64, 512, 138),
        ("7.5B", 7_500 * _M, 36, 4096, 32, 4, 1, 128, 512, 142),
        ("18.4B", 18_400 * _M, 40, 6144, 48, 8, 1, 256, 1024, 135),
        ("39.1B", 39_100 * _M, 48, 8192, 64, 8, 2, 512, 1536, 138),
        ("76.1B", 76_100 * _M, 60, 10_240, 80, 8, 4, 1024, 1792, 140),
        ("145.6B", 145_600 * _M, 80, 12_288, 96, 8, 8, 1536, 2304, 148),
        ("310.1B", 310_100 * _M, 96, 16_384, 128, 8, 16, 1920, 2160, 155),
        ("529.6B", 529_600 * _M, 105, 20_480, 128, 8, 35, 2520, 2520, 163),
        ("1008.0B", 1_008 * _B, 128, 25_600, 160, 8, 64, 3072, 3072, 163),
    ),
)
"""Rates that one GPU reached, in TFLOP/s, all layers recomputed. Sequences of 2048 tokens, a vocabulary of 51,200."""

SELECTIVE_RECOMPUTATION = Table(
    "Time of a training step on A100s", "Korthikanti et al. 2022, arXiv:2205.05198, table 5",
    "name layers width heads batch gpus seconds_full seconds_selective mfu hfu",
    (
        ("22B", 48, 6144, 64, 4, 8, 1.42, 1.1, 41.5, 43.7),
        ("175B", 96, 12_288, 96, 64, 64, 18.13, 13.75, 51.4, 52.8),
        ("530B", 105, 20_480, 128, 280, 280, 49.05, 37.83, 56, 57),
        ("1T", 128, 25_600, 160, 512, 512, 94.42, 71.49, 56.3, 57),
    ),
)
"""Seconds with all layers recomputed, and with the attention core alone; utilizations (of the latter) in percent.
Sequences of 2048 tokens and a vocabulary of 51,200."""

SELECTIVE_MEMORY = Table(
    "Memory of an A100 in those steps", "Korthikanti et al. 2022, arXiv:2205.05198, figure 1, as Calculon digitised it",
    "name tensor_parallel pipeline_parallel interleave micro_batch states_gib all_kept_gib selective_gib",
    (
        ("22B", 8, 1, 1, 4, 45.5625, 59.25, 9.5625),
        ("175B", 8, 8, 3, 1, 45.5625, 66.84375, 12.3515625),
        ("530B", 8, 35, 3, 1, 31.640625, 114.0234375, 23.076171875),
        ("1T", 8, 64, 1, 1, 32.958984375, 131.25, 26.5625),
    ),
)
"""GiB of the states, and of activations: all kept; and with sequence parallelism, the attention core recomputed."""

LLAMA_70B_FILES = Table(
    "Files of Llama 2 70B in few bits", "llama.cpp, examples/perplexity/README.md, 2023",
    "name gib perplexity",
    (
        ("fp16", 128.5, 3.4313),
        ("q6_k", 52.7, 3.4367),
        ("q5_0", 44.2, 3.4744),
        ("q4_1", 40.2, 3.5125),
        ("q4_0", 36.2, 3.555),
    ),
)
"""GiB of a file, to two decimals (fp16: to one), and the perplexity of the model in it; the rows whose blocks of layers
are all in one format."""

FASTER_TRANSFORMER_13B = Table(
    "Time of an answer from a model of 13B",
    "kipply 2022, Transformer Inference Arithmetic: FasterTransformer, A100-40GB",
    "gpus prompt_ms token_ms answer_ms",
    (
        (1, 63.17, 22.0, 283.6),
        (2, 45.45, 13.5, 180.86),
    ),
)
"""Milliseconds of a prompt of 512 tokens, of each token after it, and of both with ten tokens; one sequence, fp16. The
model has the shape of OPT 13B: 40 layers, 5,120 wide."""
# fmt: on

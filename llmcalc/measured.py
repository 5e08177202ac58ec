"""Bytes that PyTorch really holds, measured: what optimizers keep, what a step peaks at, what a block keeps.

Source: PyTorch 2.13 on a CPU, bitsandbytes 0.50, torchao 0.18. Where a GPU does otherwise, by the rules of its
operators: dropout masks of one byte, statistics of norms in fp32, flash attention, and autocast, whose casts were
written out by hand; its 16-bit copies of the weights are not among a block's bytes. Nothing here comes from a formula.
"""

from dataclasses import dataclass

STATE_SHAPES = ((1024, 784), (1024,), (1024, 1024), (1024,), (10, 1024), (10,))
"""The tensors of the network whose optimizers were weighed: 1,863,690 parameters."""

OPTIMIZER_STATES = {
    "sgd": (0, 0),
    "sgd momentum": (7_454_760, 3_727_380),
    "adam": (14_909_544, 7_454_784),
    "adamw": (14_909_544, 7_454_784),
    "adamw amsgrad": (22_364_304, 11_182_164),
    "rmsprop": (7_454_784, 3_727_404),
    "adagrad": (7_454_784, 3_727_404),
    "adafactor": (27_816, 13_920),
    "adafactor fp32": (27_816, 27_816),
    "adamw 32-bit": (14_909_520, 14_909_520),
    "adamw 8-bit": (3_799_952, 3_799_952),
    "lion 8-bit": (1_899_976, 1_899_976),
    "adamw 8-bit torchao": (3_804_072, 3_795_840),
    "adamw 4-bit torchao": (1_994_856, 1_986_624),
}
"""Bytes of an optimizer's state after its first step, with weights in fp32 and with weights in bf16."""

MIXED_PRECISION = {
    "16-bit weights": 3_727_380,
    "16-bit gradients": 3_727_380,
    "fp32 master weights": 7_454_760,
    "AdamW's states": 14_909_544,
    "fp32 copies of the gradients": 7_454_760,
}
"""The same network in bf16 with an fp32 master copy: every term that was there before the update, in bytes."""

STEP_SIZES, STEP_BATCH = (784, 2048, 2048, 10), 256


@dataclass(frozen=True)
class StepPeaks:
    """Bytes of one step in fp32: the optimizer's states, and the peak of each phase beyond weights and states."""

    states: int
    forward: int
    backward: int
    update: int

    @property
    def fullest(self):
        """The phase that holds the most."""
        return max(("forward", "backward", "update"), key=lambda phase: getattr(self, phase))

    @property
    def peak(self):
        """What this phase holds beyond weights and states."""
        return getattr(self, self.fullest)


STEP_PEAKS = {
    "sgd momentum": StepPeaks(23_298_088, 6_291_456, 25_395_248, 23_298_100),
    "adamw, one tensor at a time": StepPeaks(46_596_200, 6_291_456, 25_395_248, 56_860_724),
    "adamw, foreach (default on a GPU)": StepPeaks(46_596_200, 6_291_456, 25_395_248, 46_596_188),
    "adamw, fused": StepPeaks(46_596_200, 6_291_456, 25_395_248, 23_298_100),
}
"""Steps of an MLP with ReLU and layers of `STEP_SIZES`, a batch of `STEP_BATCH`; weights are 23,298,088 bytes."""


@dataclass(frozen=True)
class BlockBytes:
    """Bytes that autograd keeps of one block, and the keywords that describe the case to `activation_bytes`."""

    bytes: int
    how: dict


_EXPLICIT = {"attention": "explicit", "dropout": True}
_PLAIN = {"attention": "explicit"}
GPT2_SIZES = {"batch": 1, "sequence": 1024, "width": 768, "heads": 12}
GPT2_BLOCK = {
    "16 bits, dropout": BlockBytes(89_669_632, _EXPLICIT),
    "fp32, dropout": BlockBytes(165_167_104, _EXPLICIT | {"bytes_per_value": 4}),
    "16 bits": BlockBytes(50_348_032, _PLAIN),
    "fp32": BlockBytes(100_679_680, _PLAIN | {"bytes_per_value": 4}),
    "16 bits, dropout, mask filled in": BlockBytes(90_718_208, _EXPLICIT | {"mask": "filled"}),
    "16 bits, dropout, GELU in Python": BlockBytes(108_544_000, _EXPLICIT | {"gelu": "python"}),
    "autocast, dropout": BlockBytes(117_981_184, _EXPLICIT | {"autocast": True}),
    "autocast": BlockBytes(103_825_408, _PLAIN | {"autocast": True}),
    "16 bits, dropout, flash": BlockBytes(26_804_248, {"dropout": True}),
    "16 bits, flash": BlockBytes(25_231_384, {}),
    "16 bits, dropout, memory-efficient": BlockBytes(26_804_240, {"attention": "efficient", "dropout": True}),
}
"""One block of GPT-2 with GELU as one operation, one sequence of 1,024 tokens."""

LLAMA_SIZES = {"batch": 1, "sequence": 2048, "width": 4096, "heads": 32, "kv_heads": 8, "feed_forward": 14_336}
LLAMA_BLOCK = {
    "16 bits, flash": BlockBytes(345_260_056, {}),
    "16 bits": BlockBytes(638_599_168, _PLAIN),
    "fp32": BlockBytes(1_277_181_952, _PLAIN | {"bytes_per_value": 4}),
    "16 bits, softmax in fp32": BlockBytes(1_175_470_080, _PLAIN | {"softmax": "fp32"}),
    "16 bits, flash, norm of the library": BlockBytes(412_368_920, {"norm": "library"}),
}
"""One block with the sizes of Llama 3 8B, one sequence of 2,048 tokens; RMSNorm as one operation unless said."""

HEAD_SIZES = {"batch": 2, "sequence": 1024, "width": 768, "vocabulary": 50_257}
HEAD_AND_LOSS = {
    "16 bits, loss in fp32": 418_029_572,
    "16 bits, loss in 16 bits": 212_176_898,
    "fp32": 424_321_028,
}
"""Final norm, output layer and loss: bytes kept for the backward pass."""

LOGIT_PEAKS = {"16 bits, loss in fp32": (10, 14), "16 bits, loss in 16 bits": (4, 8), "fp32": (8, 16)}
"""Bytes for each logit at the fullest moment of the loss's forward and backward pass."""

STEP_CONFIG = {"model_type": "gpt2", "n_embd": 192, "n_head": 6, "n_layer": 4, "n_positions": 256, "vocab_size": 997}
STEP_HOW = {"batch": 16, "sequence": 64, "recipe": "fp32", "attention": "explicit"}
STEP_STAGES = {
    "none": (
        ("embedding", "forward", 1_630_720, 795_136),
        ("layer 1", "forward", 15_753_728, 14_967_296),
        ("layer 2", "forward", 29_925_888, 29_139_456),
        ("layer 3", "forward", 44_098_048, 43_311_616),
        ("layer 4", "forward", 58_270_208, 57_483_776),
        ("loss", "forward", 66_454_024, 66_454_024),
        ("loss", "backward", 74_613_256, 62_334_728),
        ("layer 4", "backward", 66_071_048, 49_942_024),
        ("layer 3", "backward", 53_678_344, 37_549_320),
        ("layer 2", "backward", 41_285_640, 25_156_616),
        ("layer 1", "backward", 28_892_936, 12_763_912),
        ("embedding", "backward", 13_725_704, 12_165_380),
        ("update", "update", 12_165_380, 12_165_380),
    ),
    "full": (
        ("embedding", "forward", 1_630_720, 795_136),
        ("layer 1", "forward", 7_873_024, 1_581_568),
        ("layer 2", "forward", 8_659_456, 2_368_000),
        ("layer 3", "forward", 9_445_888, 3_154_432),
        ("layer 4", "forward", 10_232_320, 3_940_864),
        ("loss", "forward", 12_911_112, 12_911_112),
        ("loss", "backward", 21_070_344, 8_791_816),
        ("layer 4", "backward", 25_913_864, 9_784_840),
        ("layer 3", "backward", 26_906_888, 10_777_864),
        ("layer 2", "backward", 27_899_912, 11_770_888),
        ("layer 1", "backward", 28_892_936, 12_763_912),
        ("embedding", "backward", 13_725_704, 12_165_380),
        ("update", "update", 12_165_380, 12_165_380),
    ),
}
"""Whole training steps, by what is recomputed: (stage, phase, most bytes, bytes at its end), stage by stage.

Beyond the weights and the optimizer's states, which are there all the time. The caller holds the logits; AdamW's update
is the fused one. ``step_timeline(model, **STEP_HOW, recompute=...)`` describes the same steps: no stage differs.
"""

LORA_CONFIG = {"model_type": "llama", "vocab_size": 997, "hidden_size": 192, "num_attention_heads": 6}
LORA_CONFIG |= {"num_key_value_heads": 2, "intermediate_size": 512, "num_hidden_layers": 2}
LORA_HOW = {"batch": 2, "sequence": 48, "bytes_per_value": 2, "norm": "library", "device": "cpu"}
LORA_RANK = 4
LORA_LAYER = {
    "all trained": 789_504,
    "q_proj v_proj": 582_144,
    "all-linear": 721_152,
    "q_proj v_proj, fp32 adapters": 694_272,
}
"""A layer of a small Llama in bf16, all of it trained or adapters of PEFT only: bytes kept for the backward pass."""

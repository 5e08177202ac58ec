"""Memory and pace of fine-tuning as published: measured on real GPUs by people who did not know this package.

All with torchtune, and bf16 for weights, gradients and moments. Sequences are packed, so that each has its full length.
Where it says "compiled", torch.compile fuses norms and activation functions; with a "chunked loss" the fp32 copies of
the logits are made piece by piece; "recomputed" keeps the input of each layer and computes the rest again. Rank and
layers of the adapters stand in torchtune's configurations for one GPU, and so does that layers are recomputed; the
table does not say it. On the A6000 they cannot be: that run takes nearly twice the memory of the same one on the RTX
4090, and is half again as fast on a slower card. Left out are the table's two runs of full fine-tuning of the 8B, as it
does not say with which optimizer, and its runs on eight GPUs.
"""

from dataclasses import dataclass

from llmcalc.units import GIB

_SPEED = "torchtune maintainers 2024, torchtune, README, Memory and training speed; recipes/configs/llama3_1"
_FLAGS = "torchtune maintainers 2024, torchtune, README, Optimization flags"


@dataclass(frozen=True)
class Footprint:
    """Peak memory of one GPU as published, in GiB, and its tokens per second; what was done, and where it stands."""

    name: str
    model: str  # a name of `llmcalc.models`
    method: str  # "full", "lora" or "qlora"
    batch: int
    sequence: int
    accelerator: str  # a name of `llmcalc.hardware`
    gibibytes: float
    tokens_per_second: int
    how: str
    source: str
    rank: int | None = None  # of adapters on all linear layers of the blocks

    @property
    def peak_bytes(self):
        """The peak in bytes, as exact as it is printed."""
        return round(self.gibibytes * GIB)


def _flags(name, method, gibibytes, tokens_per_second, how):
    """A row of the table about Llama 3.2 3B on one A100, which has to be the one with 80 GB."""
    sizes = ("llama-3.2-3b", method, 2, 4096, "a100-80gb")
    return Footprint(name, *sizes, gibibytes, tokens_per_second, how, _FLAGS)


# fmt: off
FOOTPRINTS = {
    row.name: row
    for row in (
        _flags("3B, all kept", "full", 60.0, 7075, "packed"),
        _flags("3B, compiled", "full", 51.0, 8998, "packed, compiled"),
        _flags("3B, chunked loss", "full", 42.9, 9174, "packed, compiled, chunked loss"),
        _flags("3B, recomputed", "full", 24.9, 7210, "packed, compiled, chunked loss, recomputed"),
        Footprint("8B, LoRA", "llama-3-8b", "lora", 2, 2048, "rtx-4090", 16.2, 3083,
                  "packed, compiled, chunked loss, recomputed", _SPEED, rank=8),
        Footprint("8B, LoRA, all kept", "llama-3-8b", "lora", 2, 2048, "a6000", 30.3, 4699,
                  "packed, compiled, chunked loss", _SPEED, rank=8),
        Footprint("8B, QLoRA", "llama-3-8b", "qlora", 2, 2048, "rtx-4090", 7.4, 2413,
                  "packed, compiled, chunked loss, recomputed", _SPEED, rank=8),
    )
}
# fmt: on
"""Published footprints by name. Llama 3.1 8B has the sizes of Llama 3 8B."""

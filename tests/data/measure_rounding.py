"""Round and quantize in PyTorch, bitsandbytes and gguf, and write rounding.json, which tests/test_rounding.py reads.

Run by hand, in an environment of its own (a CPU is enough; none of the libraries is a dependency of this project):

    pip install torch==2.13.0 bitsandbytes==0.50.2 gguf==0.19.0 numpy
    python tests/data/measure_rounding.py

Values are given as fp32 and come back as fp32; all numbers are written so that they are read back exactly.
"""

import json
from pathlib import Path

TARGET = Path(__file__).with_name("rounding.json")
ABOUT = "Written by measure_rounding.py, which says how each number comes about."
FORMATS = {"bf16": "bfloat16", "fp16": "float16", "fp8_e4m3": "float8_e4m3fn", "fp8_e5m2": "float8_e5m2"}


def main():
    import bitsandbytes
    import gguf
    import numpy as np
    import torch
    from bitsandbytes import functional

    chance = np.random.default_rng(0)
    values = (chance.normal(size=300) * 2.0 ** chance.integers(-22, 8, 300)).astype(np.float32)
    values = values[np.abs(values) < 448]
    matrix = (chance.normal(size=(4, 128)) * 2.0 ** chance.integers(-9, 9, (4, 1))).astype(np.float32)
    code, state = functional.quantize_4bit(torch.tensor(matrix), blocksize=64, quant_type="nf4")
    as_gguf = gguf.GGMLQuantizationType.MXFP4
    result = {
        "about": ABOUT,
        "versions": {"torch": torch.__version__.split("+")[0], "bitsandbytes": bitsandbytes.__version__},
        "values": values.tolist(),
        "rounded": {
            name: torch.tensor(values).to(getattr(torch, dtype)).float().tolist() for name, dtype in FORMATS.items()
        },
        "matrix": matrix.tolist(),
        "nf4 in blocks of 64": functional.dequantize_4bit(code, state).tolist(),
        "mxfp4": gguf.dequantize(gguf.quantize(matrix, as_gguf), as_gguf).tolist(),
    }
    lines = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in result.items())
    TARGET.write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()

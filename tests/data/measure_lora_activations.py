"""Measure what autograd keeps in a Llama with low-rank adapters, beside the same with all weights trained, by layer.

Run with torch 2.13.0, transformers 5.23.0 and peft 0.21.2 (CPU):

    python measure_lora_activations.py > lora_activations.json

A model with two layers and one with three: the difference is a layer. Every tensor that autograd saves is counted by
its storage, once, parameters excluded. Adapters of rank 4, without dropout, in the format of the model: then PEFT
makes no copies of their inputs. (In fp32 beside a bf16 model, PEFT's default, it does: "q_proj v_proj, fp32 adapters".)
"""

import json
import sys

import peft
import torch
import transformers
from measure_activations import kept_by

CONFIG = {"vocab_size": 997, "hidden_size": 192, "num_attention_heads": 6, "num_key_value_heads": 2}
CONFIG |= {"intermediate_size": 512}
QUERIES_AND_VALUES, RANK = ["q_proj", "v_proj"], 4
CASES = {
    "all trained": (None, False),
    "q_proj v_proj": (QUERIES_AND_VALUES, False),
    "all-linear": ("all-linear", False),
    "q_proj v_proj, fp32 adapters": (QUERIES_AND_VALUES, True),
}


def kept_bytes(layers, targets, fp32_adapters, dtype, batch=2, sequence=48):
    torch.manual_seed(0)
    config = transformers.LlamaConfig(**CONFIG, num_hidden_layers=layers)
    model = transformers.LlamaForCausalLM._from_config(config, attn_implementation="sdpa").to(dtype).train()
    if targets:
        lora = peft.LoraConfig(r=RANK, target_modules=targets, lora_dropout=0.0)
        model = peft.get_peft_model(model, lora, autocast_adapter_dtype=fp32_adapters)
    return kept_by(model, batch, sequence)


def main():
    cases = []
    for name, (targets, fp32_adapters) in CASES.items():
        for dtype in ("float32", "bfloat16"):
            two, three = (kept_bytes(layers, targets, fp32_adapters, getattr(torch, dtype)) for layers in (2, 3))
            cases.append({"name": name, "dtype": dtype, "per_layer": three - two})
    head = {"about": "Written by measure_lora_activations.py, which says how each number is measured."}
    head |= {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__}
    head |= {"peft": peft.__version__, "config": CONFIG, "batch": 2, "sequence": 48, "rank": RANK}
    print(json.dumps(head)[:-1] + ', "cases": [')
    print(",\n".join(map(json.dumps, cases)) + "\n]}")


if __name__ == "__main__":
    sys.exit(main())

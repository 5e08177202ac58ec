"""Measure what autograd keeps in small models of the transformers library, layer by layer.

Run with torch 2.13.0 and transformers 5.23.0 (CPU): python measure_activations.py > transformers_activations.json

A model with two layers and one with three: the difference is a layer, the rest is what stands outside the layers. Every
tensor that autograd saves is counted by its storage, once, parameters excluded. Dropout only where the name says so;
labels are given, so that the loss is part of it. On a CPU (where a dropout mask has the format of what it masks), eager
attention and the fused one (sdpa) without a mask of its own.
"""

import json
import sys

import torch
import transformers

SMALL = {"vocab_size": 997}
LLAMA = {"hidden_size": 192, "num_attention_heads": 6, "num_key_value_heads": 2, "intermediate_size": 512}
CASES = {
    "gpt2": {"n_embd": 192, "n_head": 6, "n_positions": 128, "activation_function": "gelu", "resid_pdrop": 0.0,
             "embd_pdrop": 0.0, "attn_pdrop": 0.0},
    "opt": {"hidden_size": 192, "num_attention_heads": 6, "ffn_dim": 768, "max_position_embeddings": 128,
            "word_embed_proj_dim": 192, "dropout": 0.0},
    "opt narrow embedding": {"hidden_size": 192, "num_attention_heads": 6, "ffn_dim": 768,
                             "max_position_embeddings": 128, "word_embed_proj_dim": 96, "dropout": 0.0},
    "llama": LLAMA,
    "mistral": LLAMA,
    "qwen2": LLAMA,
    "phi3": {**LLAMA, "pad_token_id": 0},
    "gemma": {**LLAMA, "head_dim": 32},
    "granite": LLAMA,
    "qwen3": {**LLAMA, "head_dim": 48},
    "smollm3": {**LLAMA, "pad_token_id": 0, "no_rope_layers": [1, 0, 1]},
    "starcoder2": {**LLAMA, "residual_dropout": 0.0, "embedding_dropout": 0.0},
    "llama wide heads": {**LLAMA, "head_dim": 64},
    "llama one key/value head": {**LLAMA, "num_key_value_heads": 1},
}  # fmt: skip
# Where these families have dropout, but for attention's own, which leads to another kernel on a CPU.
DROPOUT = {
    "gpt2 dropout": {**CASES["gpt2"], "resid_pdrop": 0.1, "embd_pdrop": 0.1},
    "opt dropout": {**CASES["opt"], "dropout": 0.1},
    "starcoder2 dropout": {**CASES["starcoder2"], "residual_dropout": 0.1, "embedding_dropout": 0.1},
}
SIZES = ((1, 64), (2, 48))


def kept_bytes(config, layers, batch, sequence, dtype, attention):
    kind = transformers.CONFIG_MAPPING[config["model_type"]]
    name = "n_layer" if config["model_type"] == "gpt2" else "num_hidden_layers"
    built = kind.from_dict({**config, name: layers})
    built._attn_implementation = attention
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(built, attn_implementation=attention).to(dtype).train()
    return kept_by(model, batch, sequence)


def kept_by(model, batch, sequence):
    """Bytes of what the forward pass keeps, each storage once, without the parameters' own."""
    parameters = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in parameters:
            kept[storage.data_ptr()] = (storage.nbytes(), tensor)  # the tensor, so that its address is not used again
        return tensor

    ids = torch.randint(0, 997, (batch, sequence))
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = model(input_ids=ids, labels=ids.clone(), use_cache=False).loss
    loss.backward()
    return sum(size for size, _ in kept.values())


def main():
    cases = []
    for name, sizes in (CASES | DROPOUT).items():
        config = {"model_type": name.split()[0], **SMALL, **sizes}
        for batch, sequence in SIZES:
            for dtype in ("float32", "bfloat16"):
                for attention in ("sdpa",) if name in DROPOUT else ("eager", "sdpa"):
                    two, three = (
                        kept_bytes(config, layers, batch, sequence, getattr(torch, dtype), attention)
                        for layers in (2, 3)
                    )
                    cases.append(
                        {"name": name, "config": config, "batch": batch, "sequence": sequence, "dtype": dtype}
                        | {"attention": attention, "per_layer": three - two, "outside_layers": 3 * two - 2 * three}
                    )
    head = {"about": "Written by measure_activations.py, which says how each number is measured."}
    head |= {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__}
    print(json.dumps(head)[:-1] + ', "cases": [')
    print(",\n".join(map(json.dumps, cases)) + "\n]}")


if __name__ == "__main__":
    sys.exit(main())

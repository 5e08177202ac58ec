"""Measure what adapters in fp32 keep beside a 16-bit model, with PEFT, and write adapter_inputs.json.

Run by hand, in an environment of its own (a CPU is enough; none of the libraries is a dependency of this project):

    pip install torch==2.13.0 transformers==5.23.0 peft==0.21.2
    python tests/data/measure_adapter_inputs.py

A small model in bf16 gets adapters, once in fp32, as PEFT makes them, and once in bf16. Of every tensor that the
forward pass saves for the backward pass, the storage is counted once; those of the parameters are not.
"""

from pathlib import Path

from measure_lora_with_peft import linear_layers, small
from measure_transformers import build, configuration, write

TARGET = Path(__file__).with_name("adapter_inputs.json")
ABOUT = "Written by measure_adapter_inputs.py, which says how each number is measured."
FIELDS = {
    "beside": "further libraries and their versions.",
    "config": "what the configuration class was given, nothing else; no dropout, which a CPU computes in its own way.",
    "attention": "of the library: eager or sdpa.",
    "targets": "PEFT's target_modules.",
    "rank": "of the adapters.",
    "batch": "sequences.",
    "sequence": "tokens in each.",
    "fp32_adapters": "bytes kept by the forward pass, of them in fp32, with adapters in fp32.",
    "bf16_adapters": "the same with adapters in bf16.",
}

FAMILIES = {  # those with rules for activations, and what turns their dropout off
    "llama": (),
    "mistral": (),
    "qwen2": (),
    "qwen3": (),
    "gemma": (),
    "phi3": (),
    "gpt2": ("attn_pdrop", "embd_pdrop", "resid_pdrop"),
    "opt": ("dropout", "attention_dropout"),
    "smollm3": (),
    "granite": ("attention_dropout",),
    "starcoder2": ("attention_dropout", "embedding_dropout", "residual_dropout"),
}


def kept(config, attention, rank, targets, batch, sequence, autocast):
    """[all bytes, bytes in fp32] that the forward pass keeps."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    model = build(configuration(config)).to(torch.bfloat16)
    model.set_attn_implementation(attention)
    how = LoraConfig(r=rank, target_modules=targets, lora_dropout=0.0)
    model = get_peft_model(model, how, autocast_adapter_dtype=autocast)
    own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    saved = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            saved[storage.data_ptr()] = storage.nbytes(), tensor.dtype, tensor  # held, so that no address comes twice
        return tensor

    ids = torch.randint(0, config["vocab_size"], (batch, sequence))
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        model(input_ids=ids, labels=ids, use_cache=False)
    in_fp32 = sum(size for size, dtype, _ in saved.values() if dtype == torch.float32)
    return [sum(size for size, *_ in saved.values()), in_fp32]


def main():
    import logging
    import warnings

    import peft

    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore")
    measured = []
    for family, without in FAMILIES.items():
        config = small(family) | dict.fromkeys(without, 0.0)
        names = sorted({name.split(".")[-1] for name, *_ in linear_layers(config)} - {"embed_out"})
        every = [("sdpa", "all-linear"), ("eager", "all-linear"), *(("sdpa", [name]) for name in names)]
        if family == "llama":
            every += [("eager", [name]) for name in names]
        for attention, targets in every:
            case = {"config": config, "attention": attention, "targets": targets, "rank": 4, "batch": 2, "sequence": 24}
            sizes = (attention, case["rank"], targets, case["batch"], case["sequence"])
            case["fp32_adapters"] = kept(config, *sizes, autocast=True)
            case["bf16_adapters"] = kept(config, *sizes, autocast=False)
            measured.append(case)
            print(family, attention, targets, case["fp32_adapters"], case["bf16_adapters"])
    write(TARGET, ABOUT, {"beside": {"peft": peft.__version__}, "fields": FIELDS}, cases=measured)


if __name__ == "__main__":
    main()

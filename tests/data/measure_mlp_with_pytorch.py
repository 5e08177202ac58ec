"""Measure multi-layer perceptrons in PyTorch and write pytorch_mlp.json, which tests/test_mlp.py compares with.

Run by hand, in an environment of its own (a CPU is enough; PyTorch is no dependency of this project):

    pip install torch==2.13.0 numpy
    python tests/data/measure_mlp_with_pytorch.py

Each case is a real network that PyTorch runs forward, backward and through one optimizer step. Operations are what
PyTorch's FLOP counter counts. Saved bytes are what autograd keeps from forward to backward: each storage once, without
the parameters. Networks of more than 10 million parameters live on PyTorch's meta device, which does everything
but the arithmetic: it has shapes, storages, a graph and optimizer states, yet no values (the small networks give
the same numbers on both).
"""

import json
from itertools import pairwise, product
from pathlib import Path

TARGET = Path(__file__).with_name("pytorch_mlp.json")
META_FROM = 10**7
ABOUT = "Written by measure_mlp_with_pytorch.py, which says how each number is measured."


def cases():
    """(sizes, bias, activation, batch, dtype, whether the input needs a gradient) of each network."""
    for sizes, batch, bias, activation in product(
        ([10_000] * 11, [10_000] * 12), (1, 1024), (True, False), ("none", "relu", "gelu")
    ):
        yield sizes, bias, activation, batch, "float32", False
    mnist = [784, 512, 256, 10]
    for batch in (1, 37, 128):
        for activation, dtype in product(
            ("none", "relu", "gelu", "sigmoid", "tanh"), ("float32", "bfloat16", "float64")
        ):
            yield mnist, True, activation, batch, dtype, False
        yield mnist, True, "relu", batch, "float32", True
    for (sizes, batch), bias, activation, dtype in product(
        (([64, 128, 128, 10], 32), ([1000, 4000, 1000], 16)),
        (True, False),
        ("none", "relu", "gelu"),
        ("float32", "bfloat16"),
    ):
        yield sizes, bias, activation, batch, dtype, False
    for sizes, bias, activation in product(
        ([7, 5], [1, 1, 1], [3, 17, 2], [2, 3, 5, 7, 11, 13]),
        (True, False),
        ("none", "relu", "gelu", "sigmoid", "tanh"),
    ):
        yield sizes, bias, activation, 3, "float16", False
    yield mnist, True, "gelu", 0, "float32", False  # no example: nothing to do, nothing to keep


def measure(sizes, bias, activation, batch, dtype, input_needs_gradient):
    """One network's numbers, as PyTorch reports them."""
    import torch
    from torch import nn
    from torch.utils.flop_counter import FlopCounterMode

    between = {"none": None, "relu": nn.ReLU, "gelu": nn.GELU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}[activation]
    with torch.device("meta"):
        layers = [nn.Linear(inputs, outputs, bias=bias) for inputs, outputs in pairwise(sizes)]
        if between:
            layers = [part for layer in layers for part in (layer, between())][:-1]  # none after the last layer
        network = nn.Sequential(*layers).to(getattr(torch, dtype))
    parameters = sum(parameter.numel() for parameter in network.parameters())
    device = "cpu" if parameters < META_FROM else "meta"
    network = network.to_empty(device=device)
    if device == "cpu":
        for parameter in network.parameters():
            nn.init.normal_(parameter)
    x = torch.ones(batch, sizes[0], dtype=getattr(torch, dtype), device=device, requires_grad=input_needs_gradient)

    kept = {}

    def keep(tensor):
        kept[tensor.untyped_storage()._cdata] = tensor  # held until counted, so that no two have the same address
        return tensor

    counter = FlopCounterMode(display=False)
    with counter, torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        y = network(x)
    forward = counter.get_total_flops()
    own = {parameter.untyped_storage()._cdata for parameter in network.parameters()}
    saved = sum(tensor.untyped_storage().nbytes() for storage, tensor in kept.items() if storage not in own)
    counter = FlopCounterMode(display=False)
    with counter:
        y.backward(torch.ones_like(y))
    return {
        "sizes": sizes,
        "bias": bias,
        "activation": activation,
        "batch": batch,
        "dtype": dtype,
        "bytes_per_value": x.element_size(),
        "input_needs_gradient": input_needs_gradient,
        "weights": sum(parameter.numel() for parameter in network.parameters() if parameter.dim() == 2),
        "biases": sum(parameter.numel() for parameter in network.parameters() if parameter.dim() == 1),
        "parameters": parameters,
        "parameter_bytes": sum(parameter.nbytes for parameter in network.parameters()),
        "gradient_bytes": sum(parameter.grad.nbytes for parameter in network.parameters()),
        "optimizer_bytes": {
            "SGD": state_bytes(torch.optim.SGD(network.parameters(), lr=0.1)),
            "SGD with momentum": state_bytes(torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)),
            "AdamW": state_bytes(torch.optim.AdamW(network.parameters())),
        },
        "forward_flops": forward,
        "backward_flops": counter.get_total_flops(),
        "saved_bytes": saved,
    }


def state_bytes(optimizer):
    """Bytes of the tensors that an optimizer keeps after a step; AdamW's four-byte step counters not counted."""
    optimizer.step()
    states = [entry for state in optimizer.state.values() for name, entry in state.items() if name != "step"]
    return sum(entry.nbytes for entry in states if entry is not None)


def main():
    import torch

    lines = ",\n".join(json.dumps(measure(*case)) for case in cases())
    version = torch.__version__.partition("+")[0]
    TARGET.write_text(f'{{"about": "{ABOUT}",\n"torch": "{version}",\n"cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()

"""Measure whole training steps in PyTorch and write pytorch_steps.json, which tests/test_timeline.py compares with.

Run by hand, in an environment of its own (a CPU is enough; PyTorch is no dependency of this project):

    pip install torch==2.13.0 numpy
    python tests/data/measure_step.py

Two small models, made by hand so that GELU and RMSNorm are one operation each and dropout masks are of one byte, as on
a GPU. A step goes forward, through the loss, backward and through AdamW. After every operation that PyTorch
dispatches, the bytes of all storages that live are summed; what an operation needs for itself while it works, and the
allocator's rounding, are not seen. Weights and the optimizer's states were there before and do not count. Stages are
told apart by hooks of the tensors between layers. A gradient that nothing else holds gets a second one added in place:
PyTorch does so by itself, but not while somebody looks on.
"""

import json
import math
import weakref
from functools import partial
from itertools import product
from pathlib import Path

import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.checkpoint import checkpoint

TARGET = Path(__file__).with_name("pytorch_steps.json")
ABOUT = "Written by measure_step.py, which says how each number is measured: bytes beyond weights and optimizer."
GPT2 = {"model_type": "gpt2", "n_embd": 192, "n_head": 6, "n_layer": 4, "n_positions": 256, "vocab_size": 997}
LLAMA = {"model_type": "llama", "hidden_size": 192, "num_attention_heads": 6, "num_key_value_heads": 2}
LLAMA |= {"num_hidden_layers": 3, "intermediate_size": 512, "vocab_size": 997}


class Living(TorchDispatchMode):
    """Sums the bytes of living storages, and their most within each stage."""

    def __init__(self):
        super().__init__()
        self.known, self.live, self.stages = {}, 0, []
        self.quiet = False

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        if function is torch.ops.aten.add.Tensor and self.is_second_gradient(*arguments):
            with torch.no_grad():
                result = arguments[0].add_(arguments[1])
        else:
            result = function(*arguments, **(keywords or {}))
        if not self.quiet:
            self.count(result)
        return result

    def is_second_gradient(self, first, second):
        """Whether this sum is one of autograd's own, to a gradient that nothing holds but the one who asks here."""
        return not torch.is_grad_enabled() and torch._C._storage_Use_Count(first.untyped_storage()._cdata) <= 2

    def count(self, tensors):
        for tensor in tree_leaves(tensors):
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()
                if storage._cdata not in self.known:
                    self.add(storage, storage._cdata, storage.nbytes())
        if self.stages:
            self.stages[-1][2] = max(self.stages[-1][2], self.live)

    def add(self, storage, key, size):
        def gone(_):
            self.live -= size
            del self.known[key]

        self.live += size
        self.known[key] = weakref.ref(storage, gone)

    def ignore(self, tensors):
        """These were there before."""
        for tensor in tensors:
            self.known[tensor.untyped_storage()._cdata] = None

    def stage(self, name, phase):
        if self.stages:
            self.stages[-1][3] = self.live
        self.stages.append([name, phase, self.live, 0])


class Fused(torch.autograd.Function):
    """An operation that is one on a GPU: what it does inside is not counted."""

    @staticmethod
    def forward(context, living, x, weight):
        living.quiet = True
        scale = torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + 1e-6)
        result = (x.float() * scale).to(x.dtype) * weight
        living.quiet = False
        living.count((result, scale))
        context.save_for_backward(x, weight, scale)
        context.living = living
        return result

    @staticmethod
    def backward(context, incoming):
        x, weight, scale = context.saved_tensors
        context.living.quiet = True
        normed = x.float() * scale
        of_weight = (incoming.float() * normed).reshape(-1, weight.numel()).sum(0).to(weight.dtype)
        inward = incoming.float() * weight.float()
        of_x = (scale * (inward - normed * (inward * normed).mean(-1, keepdim=True))).to(x.dtype)
        del normed, inward
        context.living.quiet = False
        context.living.count((of_x, of_weight))
        return None, of_x, of_weight


class Rotation(torch.autograd.Function):
    """Rotary positions; keeps the tables, which belong to all layers."""

    @staticmethod
    def turned(living, x, cos, sin):
        living.quiet = True
        half = x.shape[-1] // 2
        other = torch.cat((-x[..., half:], x[..., :half]), -1)
        result = x * cos + other * sin
        del other
        living.quiet = False
        living.count(result)
        return result

    @staticmethod
    def forward(context, living, x, cos, sin):
        context.save_for_backward(cos, sin)
        context.living = living
        return Rotation.turned(living, x, cos, sin)

    @staticmethod
    def backward(context, incoming):
        cos, sin = context.saved_tensors
        return None, Rotation.turned(context.living, incoming, cos, -sin), None, None


class Model:
    """A transformer as plain functions of its parameters, which let go of every tensor as soon as they can."""

    def __init__(self, config, how, living):
        self.how, self.living, self.gpt = how, living, config["model_type"] == "gpt2"
        self.width = config.get("n_embd") or config["hidden_size"]
        self.heads = config.get("n_head") or config["num_attention_heads"]
        self.kv_heads = config.get("num_key_value_heads", self.heads)
        self.layers = config.get("n_layer") or config["num_hidden_layers"]
        self.inside = config.get("intermediate_size", 4 * self.width)
        self.head_dim, self.vocabulary = self.width // self.heads, config["vocab_size"]
        self.dtype, self.parameters = getattr(torch, how["dtype"]), {}
        torch.manual_seed(0)
        self.make("tokens", self.vocabulary, self.width)
        if self.gpt:
            self.make("positions", config["n_positions"], self.width)
        for layer in range(self.layers):
            own = self.kv_heads * self.head_dim
            sizes = {"q": (self.width, self.width), "k": (own, self.width), "v": (own, self.width)}
            sizes |= {"o": (self.width, self.width), "up": (self.inside, self.width), "down": (self.width, self.inside)}
            sizes |= {} if self.gpt else {"gate": (self.inside, self.width)}
            for name, shape in sizes.items():
                self.make(f"{layer}.{name}", *shape)
                if self.gpt:
                    self.make(f"{layer}.{name}.bias", shape[0])
            self.norms(f"{layer}.norm_1", f"{layer}.norm_2")
        self.norms("norm")
        if not how["tied"]:
            self.make("head", self.vocabulary, self.width)

    def norms(self, *names):
        for name in names:
            self.make(name, self.width)
            if self.gpt:
                self.make(f"{name}.bias", self.width)

    def make(self, name, *shape):
        self.parameters[name] = (torch.randn(*shape) * 0.02).to(self.dtype).requires_grad_()

    def linear(self, name, x):
        return F.linear(x, self.parameters[name], self.parameters.get(f"{name}.bias"))

    def norm(self, name, x):
        weight = self.parameters[name]
        if self.gpt:
            return F.layer_norm(x, (self.width,), weight, self.parameters[f"{name}.bias"])
        return Fused.apply(self.living, x, weight)

    def dropout(self, x):
        return torch.native_dropout(x, 0.1, True)[0] if self.how["dropout"] else x

    def core(self, pieces):
        """Attention between tokens, of three tensors (batch, heads, sequence, head_dim), which the list lets go."""
        q, k, v = pieces
        pieces.clear()
        if self.how["attention"] == "flash":
            attended = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=self.heads != self.kv_heads)
            return attended.transpose(1, 2).flatten(2)
        if self.heads != self.kv_heads:
            k = k.repeat_interleave(self.heads // self.kv_heads, 1)
            v = v.repeat_interleave(self.heads // self.kv_heads, 1)
        weights = q @ k.transpose(2, 3)
        del q, k
        weights = weights * (1 / math.sqrt(self.head_dim))
        weights = weights + self.mask
        weights = torch.softmax(weights, -1)
        weights = self.dropout(weights)
        weights = weights @ v
        del v
        return weights.transpose(1, 2).flatten(2)

    def pieces(self, x, heads):
        return x.unflatten(-1, (heads, self.head_dim)).transpose(1, 2)

    def block(self, layer, x, cos, sin):
        h = self.norm(f"{layer}.norm_1", x)
        q = self.pieces(self.linear(f"{layer}.q", h), self.heads)
        if not self.gpt:
            q = Rotation.apply(self.living, q, cos, sin)
        if self.how["attention"] == "explicit":
            q = q.contiguous()
        k = self.pieces(self.linear(f"{layer}.k", h), self.kv_heads)
        if not self.gpt:
            k = Rotation.apply(self.living, k, cos, sin)
        if self.how["attention"] == "explicit":
            k = k.contiguous()
        v = self.pieces(self.linear(f"{layer}.v", h), self.kv_heads)
        if self.how["attention"] == "explicit":
            v = v.contiguous()
        del h
        pieces = [q, k, v]
        del q, k, v
        a = self.attend(pieces)
        a = self.linear(f"{layer}.o", a)
        a = self.dropout(a)
        x = x + a
        del a
        h = self.norm(f"{layer}.norm_2", x)
        if self.gpt:
            h = self.linear(f"{layer}.up", h)
            h = F.gelu(h)
        else:
            gate = F.silu(self.linear(f"{layer}.gate", h))
            up = self.linear(f"{layer}.up", h)
            del h
            h = gate * up
            del gate, up
        h = self.linear(f"{layer}.down", h)
        h = self.dropout(h)
        return x + h

    def attend(self, pieces):
        if self.how["recompute"] == "selective":
            core = partial(checkpoint, lambda *three: self.core(list(three)), use_reentrant=False)
            return core(*pieces, preserve_rng_state=False)
        return self.core(pieces)

    def forward(self, ids, labels):
        """Logits and loss."""
        living, tables, sequence = self.living, [None, None], ids.shape[1]
        living.stage("embedding", "forward")
        x = F.embedding(ids.clone(), self.parameters["tokens"])
        if self.gpt:
            x = x + F.embedding(torch.arange(sequence), self.parameters["positions"])
            x = self.dropout(x)
        else:
            living.quiet = True
            angles = torch.arange(sequence)[:, None] / 10_000 ** (torch.arange(self.head_dim) / self.head_dim)
            tables = [angles.cos().to(self.dtype), angles.sin().to(self.dtype)]
            del angles
            living.quiet = False
            living.count(tables)
        mark(living, x, "embedding")
        for layer in range(self.layers):
            living.stage(f"layer {layer + 1}", "forward")
            if self.how["recompute"] == "full":
                x = checkpoint(self.block, layer, x, *tables, use_reentrant=False, preserve_rng_state=False)
            else:
                x = self.block(layer, x, *tables)
            mark(living, x, f"layer {layer + 1}")
        del tables
        living.stage("loss", "forward")
        x = self.norm("norm", x)
        logits = F.linear(x, self.parameters["tokens" if self.how["tied"] else "head"])
        del x
        flat = logits.flatten(0, 1)
        return logits, F.cross_entropy(flat.float() if self.how["loss"] == "fp32" else flat, labels.clone().flatten())


def mark(living, tensor, name):
    """When the gradient of a stage's output is there, its backward pass begins."""
    tensor.register_hook(lambda gradient: living.stage(name, "backward"))


def measure(config, batch, sequence, **how):
    """The case, and of each stage its name, phase, most bytes and bytes at the end; the states are there."""
    how = DEFAULTS | {"tied": config["model_type"] == "gpt2"} | how
    living = Living()
    model = Model(config, how, living)
    model.mask = torch.full((sequence, sequence), -1e4, dtype=model.dtype).triu(1)
    weights = list(model.parameters.values())
    trained = [weight.detach().float().requires_grad_() for weight in weights] if how["masters"] else weights
    ways = {"fused": {"fused": True}, "foreach": {"foreach": True}, "one tensor": {"foreach": False}}
    optimizer = torch.optim.AdamW(trained, lr=1e-3, **ways[how["update"]])
    ids, labels = torch.randint(0, model.vocabulary, (2, batch, sequence))
    for weight in trained:
        weight.grad = torch.zeros_like(weight)
    optimizer.step()
    optimizer.zero_grad(set_to_none=not how["accumulate"])
    states = [state for each in optimizer.state.values() for state in each.values()]
    living.ignore([*weights, *trained, *states, ids, labels, model.mask])
    if how["accumulate"]:
        living.count([weight.grad for weight in weights])
    with living:
        logits, loss = model.forward(ids, labels)
        if how["logits"] == "dropped":
            del logits
        living.stage("loss", "backward")
        loss.backward()
        living.stage("update", "update")
        if how["masters"]:
            for weight, master in zip(weights, trained, strict=True):
                master.grad = weight.grad.float()
        optimizer.step()
        living.stage("end", "end")
    case = {"config": config, "batch": batch, "sequence": sequence} | how
    case |= {"parameters": sum(map(torch.numel, weights)), "tensors": len(weights)}
    return case | {"stages": living.stages[:-1]}


DEFAULTS = {"dtype": "float32", "attention": "explicit", "recompute": "none", "dropout": False, "loss": "fp32"}
DEFAULTS |= {"update": "fused", "masters": False, "accumulate": False, "logits": "held"}
WAYS = (
    {},
    {"dtype": "bfloat16"},
    {"dtype": "bfloat16", "loss": "same"},
    {"dtype": "bfloat16", "attention": "flash"},
    {"attention": "flash"},
    {"recompute": "full"},
    {"recompute": "full", "attention": "flash"},
    {"recompute": "full", "dtype": "bfloat16"},
    {"recompute": "selective"},
    {"recompute": "selective", "dtype": "bfloat16"},
    {"recompute": "selective", "attention": "flash"},
    {"update": "foreach"},
    {"update": "one tensor"},
    {"dtype": "bfloat16", "update": "foreach"},
    {"dtype": "bfloat16", "masters": True, "update": "foreach"},
    {"dtype": "bfloat16", "masters": True},
    {"accumulate": True},
    {"logits": "dropped"},
)


def cases():
    """Keywords of each step that is measured."""
    for config in (GPT2, LLAMA):
        for how in WAYS:
            for batch, sequence in ((2, 64), (1, 256)):
                yield {"config": config, "batch": batch, "sequence": sequence} | how
        yield {"config": config, "batch": 3, "sequence": 40, "tied": config is LLAMA}
        for recompute in ("none", "full"):
            yield {"config": config, "batch": 16, "sequence": 64, "recompute": recompute}
    for dtype, batch, recompute in product(("float32", "bfloat16"), (1, 2), ("none", "selective", "full")):
        yield {"config": GPT2, "batch": batch, "sequence": 192, "dtype": dtype, "dropout": True, "recompute": recompute}


def main():
    lines = ",\n".join(json.dumps(measure(**case)) for case in cases())
    version = torch.__version__.partition("+")[0]
    TARGET.write_text(f'{{"about": "{ABOUT}",\n"torch": "{version}",\n"cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()

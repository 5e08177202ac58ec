"""What training keeps for each parameter: weights, gradients, master copies, and what the optimizer remembers."""

import math
from dataclasses import dataclass

from llmcalc.formula import amount, formula
from llmcalc.ledger import Ledger
from llmcalc.lookup import looked_up
from llmcalc.memory import quantized_bytes, stored_bytes
from llmcalc.notation import letter
from llmcalc.symbolic import larger


@dataclass(frozen=True)
class Recipe:
    """A way to train: bytes that each term takes for each parameter, 0 where it is not kept; and who counts so."""

    weights: int
    gradients: int
    fp32_gradients: int
    master_weights: int
    moments: int
    source: str

    @property
    def bytes_per_parameter(self):
        """All terms together."""
        return self.weights + self.gradients + self.fp32_gradients + self.master_weights + self.moments


RECIPES = {
    "fp32": Recipe(4, 4, 0, 0, 8, "PyTorch in fp32 with Adam; the deep dive's 16N"),
    "mixed": Recipe(2, 2, 0, 4, 8, "Rajbhandari et al. 2020, ZeRO, section 3.1: 2 + 2 + K with K = 12"),
    "mixed, fp32 gradients": Recipe(
        2, 0, 4, 4, 8, "Hugging Face Transformers, guide to GPU memory; Megatron Core for bf16"
    ),
    "mixed, both gradients": Recipe(2, 2, 4, 4, 8, "Smith et al. 2022, MT-NLG 530B; Megatron Core for fp16"),
    "optimizer alone": Recipe(0, 0, 0, 4, 8, "the slides' AdamW; ZeRO's K: master copy and both moments"),
    "optimizer alone, 8-bit": Recipe(0, 0, 0, 4, 2, "the slides' 8-bit AdamW: master copy and two moments of a byte"),
    "optimizer alone, momentum": Recipe(0, 0, 0, 4, 4, "the slides' SGD: master copy and momentum"),
    "no master copy": Recipe(
        2, 2, 0, 0, 8, 'would make the "more than 780 GB" for 65 billion of QLoRA, Dettmers et al. 2023'
    ),
    "16-bit throughout": Recipe(2, 2, 0, 0, 4, "PyTorch with bf16 weights: moments follow the weights' format"),
    "autocast": Recipe(4, 4, 0, 0, 8, "torch.autocast with AdamW; 2 more in flight for 16-bit copies of matrices"),
}
"""Known answers to "how many bytes per parameter", each of them right for what it counts.

Megatron Core's documentation, Distributed Optimizer: 18 for bf16 parameters with fp32 gradients, 20 for fp16 parameters
and gradients, 16 for fp32. Transformers' guide: 6 for weights, 4 for gradients, 8 for the optimizer.
"""


@formula
def state_bytes_per_parameter(
    bytes_per_weight, bytes_per_gradient, bytes_per_master, optimizer_values=2, bytes_per_moment=4
):
    """Bytes that training keeps for one parameter: weight, gradient, fp32 master copy, and the optimizer's values.

    Parameters
    ----------
    bytes_per_weight, bytes_per_gradient, bytes_per_master : number, array or SymPy expression
        Sizes in bytes; 0 for what is not kept. Gradients kept in two formats count with the sum of both.
    optimizer_values : number, array or SymPy expression, default 2
        Values the optimizer keeps for a parameter: 0 for SGD, 1 with momentum, 2 for Adam and AdamW.
    bytes_per_moment : number, array or SymPy expression, default 4
        Size of one of them, in bytes.

    Returns
    -------
    number, array or SymPy expression
        Bytes per parameter; times the parameters it is the memory of the model states.

    Source
    ------
    Rajbhandari et al. 2020, "ZeRO", section 3.1, with each term a switch.

    Examples
    --------
    Mixed precision with AdamW, as ZeRO counts, and with the gradients in fp32 as well:

    >>> state_bytes_per_parameter(2, 2, 4), state_bytes_per_parameter(2, 2 + 4, 4)
    (16, 20)
    """
    return bytes_per_weight + bytes_per_gradient + bytes_per_master + optimizer_values * bytes_per_moment


def state_ledger(parameters, recipe="mixed"):
    """Ledger of the bytes that training keeps whatever the batch: an item for each term of a recipe.

    Parameters
    ----------
    parameters : number or SymPy expression
        Parameters that are trained.
    recipe : str or Recipe
        A name of `RECIPES`, or one of your own.

    Examples
    --------
    >>> state_ledger(10**9, "mixed").total, state_ledger(10**9, "mixed, both gradients").gradients.total
    (16000000000, 2000000000)
    """
    if not isinstance(recipe, Recipe):
        recipe = looked_up(recipe, RECIPES, "recipe")
    parameters = amount(parameters, "parameters", of="state_ledger")
    terms = ("weights", "gradients", "fp32_gradients", "master_weights", "moments")
    tree = {term: stored_bytes(parameters, size) for term in terms if (size := getattr(recipe, term))}
    return Ledger.of(
        "model states", tree, "bytes", recipe.source, formulas=lambda: state_ledger(letter("parameters"), recipe)
    )


@formula
def step_peak_bytes(weight_bytes, gradient_bytes, optimizer_bytes, activation_bytes, in_flight_bytes=0, update_bytes=0):
    """Bytes at the fullest moment of a training step: what is always there, and the most of what comes and goes.

    Activations are all there when the backward pass begins, gradients when it ends, one giving way to the other layer
    by layer; then the update adds what it needs. So it is a maximum, not a sum. This takes all layers to be alike:
    where early layers hold the activations and late ones the weights, the peak lies between the two. (Where gradients
    are kept over several steps, to accumulate them, they are there all the time: count them with the weights.)

    Parameters
    ----------
    weight_bytes, gradient_bytes, optimizer_bytes : number, array or SymPy expression
        Model states, in bytes.
    activation_bytes : number, array or SymPy expression
        Kept from the forward to the backward pass, in bytes.
    in_flight_bytes : number, array or SymPy expression, default 0
        What the layer at work holds beside, in bytes: gradients of its activations, and what it recomputes.
    update_bytes : number, array or SymPy expression, default 0
        What the update holds beside, in bytes. AdamW's foreach, the default of PyTorch on a GPU: one more copy of the
        weights; one tensor at a time: twice the largest tensor; fused: nothing.

    Returns
    -------
    number, array or SymPy expression
        Size in bytes.

    Source
    ------
    The phases of a step; PyTorch 2.13's peaks, measured phase by phase, with ``zero_grad(set_to_none=True)``.

    Examples
    --------
    A billion parameters in fp32 with AdamW's foreach update: 20 bytes for each, not 16.

    >>> step_peak_bytes(4 * 10**9, 4 * 10**9, 8 * 10**9, activation_bytes=10**9, update_bytes=4 * 10**9)
    20000000000
    """
    passes = larger(activation_bytes, gradient_bytes) + in_flight_bytes
    return weight_bytes + optimizer_bytes + larger(passes, gradient_bytes + update_bytes)


# --- exact states, tensor by tensor ---------------------------------------------------------------------------------

STEP_BYTES = 4  # a step count for each tensor, or a mean, in fp32
SMALL = 4096  # tensors below this many values are not quantized


@dataclass(frozen=True)
class Optimizer:
    """What one optimizer keeps for a tensor: values in the format of the weights, or something of its own."""

    source: str
    values: int = 0  # for each parameter, in the format of the weights
    counts_steps: bool = True
    factored: bool = False  # a value for each row and column instead of each parameter
    always_fp32: bool = False
    quantized: tuple = ()  # bits of a value, values of a block, further bytes of a tensor
    tables: int = 0  # bytes, once
    matrices_only: str = ""  # the optimizer for all other tensors


OPTIMIZERS = {
    "sgd": Optimizer("torch.optim.SGD", counts_steps=False),
    "sgd momentum": Optimizer("torch.optim.SGD with momentum", 1, counts_steps=False),
    "adam": Optimizer("torch.optim.Adam", 2),
    "adamw": Optimizer("torch.optim.AdamW", 2),
    "adamw amsgrad": Optimizer("torch.optim.AdamW with amsgrad", 3),
    "rmsprop": Optimizer("torch.optim.RMSprop", 1),
    "adagrad": Optimizer("torch.optim.Adagrad", 1),
    "muon": Optimizer("torch.optim.Muon, with AdamW for all but matrices", 1, False, matrices_only="adamw"),
    "adafactor": Optimizer("torch.optim.Adafactor", factored=True),
    "adafactor fp32": Optimizer("Adafactor of the transformers library", factored=True, always_fp32=True),
    "adamw 32-bit": Optimizer("bitsandbytes, 32 bits", 2, counts_steps=False, always_fp32=True),
    "adamw 8-bit": Optimizer("bitsandbytes", 2, False, always_fp32=True, quantized=(8, 256, 0), tables=2048),
    "lion 8-bit": Optimizer("bitsandbytes", 1, False, always_fp32=True, quantized=(8, 256, 0), tables=1024),
    "adamw 8-bit torchao": Optimizer("torchao", 2, quantized=(8, 256, 1024)),
    "adamw 4-bit torchao": Optimizer("torchao", 2, quantized=(4, 128, 64)),
}
"""Optimizers by name, as PyTorch 2.13, transformers 5.23, bitsandbytes 0.50 and torchao 0.18 keep their states."""


def optimizer_state_bytes(optimizer, shapes, bytes_per_value=4):
    """Bytes of the states that an optimizer really keeps after its first step, to the last step counter.

    Parameters
    ----------
    optimizer : str
        A name of `OPTIMIZERS`.
    shapes : sequence of tuples of whole numbers
        The shape of every tensor that is trained.
    bytes_per_value : int, default 4
        Size of one weight: states follow the format of the weights unless the optimizer has its own.

    Raises
    ------
    KeyError
        For an optimizer that is not known.

    Examples
    --------
    Two moments and a step count:

    >>> optimizer_state_bytes("adamw", [(1024, 784), (1024,)])
    6430728
    """
    kept = looked_up(optimizer, OPTIMIZERS, "optimizer")
    if isinstance(shapes, str) or not hasattr(shapes, "__iter__"):
        raise TypeError(f"optimizer_state_bytes: shapes must be a list of shapes such as [(1024, 784)], got {shapes!r}")
    bytes_per_value = amount(bytes_per_value, "bytes_per_value", of="optimizer_state_bytes")
    return kept.tables + sum(_tensor_state_bytes(kept, _shape(shape), bytes_per_value) for shape in shapes)


def _tensor_state_bytes(kept, shape, bytes_per_value):
    if kept.matrices_only and len(shape) != 2:
        return _tensor_state_bytes(OPTIMIZERS[kept.matrices_only], shape, bytes_per_value)
    size = 4 if kept.always_fp32 else bytes_per_value
    steps = STEP_BYTES if kept.counts_steps else 0
    count = math.prod(shape)
    if kept.factored and len(shape) > 1:
        rows, columns = count // shape[-1], count // shape[-2]
        return stored_bytes(rows + columns, size) + steps
    if kept.factored:
        return stored_bytes(count, size) + steps
    if kept.quantized and count >= SMALL:
        bits, block, more = kept.quantized
        if more == 0 or count % block == 0:  # torchao leaves alone what its block does not divide
            return kept.values * (quantized_bytes(count, bits, block, scale_bits=32) + more) + steps
    return stored_bytes(kept.values * count, size) + steps


def _shape(shape):
    if not isinstance(shape, (tuple, list)) or not shape:
        raise TypeError(f"optimizer_state_bytes: shapes must hold tuples of lengths such as (1024, 784), got {shape!r}")
    lengths = [amount(length, "shapes", of="optimizer_state_bytes") for length in shape]
    if any(getattr(length, "ndim", 0) or length % 1 for length in lengths):
        raise ValueError(f"optimizer_state_bytes: shapes must hold whole numbers, got {shape!r}")
    return tuple(map(int, lengths))

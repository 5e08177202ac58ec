"""Serving a model: how much context and how many sequences fit beside its weights, and the least time of a token."""

import math

from llmcalc.compute import matmul_flops, seconds_for
from llmcalc.formula import amount, formula
from llmcalc.inference import cache_ledger, memory_seconds
from llmcalc.ledger import Ledger
from llmcalc.linears import STACKED, linear_layers
from llmcalc.memory import largest_batch, stored_bytes
from llmcalc.notation import letter
from llmcalc.quantization import weight_bytes
from llmcalc.symbolic import larger, share, smaller

ROOFLINE = "Williams et al. 2009, Roofline; Pope et al. 2022, section 2"


@formula
def largest_context(memory_bytes, fixed_bytes, bytes_per_token, sliding_bytes_per_token=0, window=1):
    """Tokens of context that fit into the memory beside what is there anyway; 0 if not even one does.

    Layers with a window keep no more than ``window - 1`` tokens: beyond, a token costs less.

    Parameters
    ----------
    memory_bytes, fixed_bytes : number, array or SymPy expression
        Memory of the device, and what is stored whatever the context, in bytes.
    bytes_per_token : number, array or SymPy expression
        What a token adds in the layers without a window, all sequences together, in bytes.
    sliding_bytes_per_token : number, array or SymPy expression, default 0
        What it adds in the layers with one, as long as the window is not full.
    window : number, array or SymPy expression, default 1
        Tokens that those layers look back.

    Returns
    -------
    number, array or SymPy expression
        Whole tokens.

    Source
    ------
    The largest whole S with fixed + S * (bytes per token) + min(S, window - 1) * (sliding ones) <= memory.

    Examples
    --------
    >>> largest_context(memory_bytes=1000, fixed_bytes=400, bytes_per_token=10)
    60
    >>> largest_context(1000, 400, bytes_per_token=10, sliding_bytes_per_token=10, window=21)
    40
    """
    free = memory_bytes - fixed_bytes
    window_not_full = smaller(free // (bytes_per_token + sliding_bytes_per_token), window - 1)
    window_full = (free - sliding_bytes_per_token * (window - 1)) // bytes_per_token
    return larger(larger(window_not_full, window_full), 0)


def largest_context_served(model, memory_bytes, batch=1, weights="bf16", *, bytes_per_value=2, margin_bytes=0):
    """Tokens of context, the same for each sequence of a batch, that fit into a memory beside the model's weights.

    `math.inf` where every layer has a window that is full before the memory is.

    Parameters
    ----------
    model : Transformer
        A decoder.
    memory_bytes : number
        Memory of the device; see `llmcalc.hardware.Accelerator.memory_bytes`.
    batch : number, default 1
        Sequences.
    weights : str, default "bf16"
        Scheme or format of the weights, see `llmcalc.quantization.weight_bytes`.
    bytes_per_value : number, default 2
        Size of a cached value.
    margin_bytes : number, default 0
        What has to stay free: the runtime's own, and the activations of a step.

    Examples
    --------
    >>> from llmcalc.hardware import gpu
    >>> from llmcalc.models import model
    >>> largest_context_served(model("llama-3-8b"), gpu("rtx-4090").memory_bytes, margin_bytes=10**9)
    52944
    """
    batch = amount(batch, "batch", of="largest_context_served", may_be_zero=False)
    fixed = _fixed(model, weights, margin_bytes, "largest_context_served")
    token = cache_ledger(model, batch, 1, bytes_per_value)
    sliding = token.sliding.total if model.sliding_layers != 0 else 0
    full = token.total - sliding
    if full != 0:
        return largest_context(memory_bytes, fixed, full, sliding, model.window or 1)
    filled = largest_batch(memory_bytes, fixed, sliding)
    return math.inf if filled >= model.window - 1 else filled


def largest_batch_served(model, memory_bytes, tokens, weights="bf16", *, bytes_per_value=2, margin_bytes=0):
    """Sequences of that many tokens whose caches fit into a memory beside the model's weights; 0 if not even one does.

    Parameters
    ----------
    model, memory_bytes, weights, bytes_per_value, margin_bytes : see `largest_context_served`
    tokens : number
        Context of each sequence.

    Examples
    --------
    >>> from llmcalc.hardware import gpu
    >>> from llmcalc.models import model
    >>> largest_batch_served(model("llama-3-8b"), gpu("a100-80gb").memory_bytes, tokens=8192, margin_bytes=10**9)
    58
    """
    tokens = amount(tokens, "tokens", of="largest_batch_served", may_be_zero=False)
    fixed = _fixed(model, weights, margin_bytes, "largest_batch_served")
    return largest_batch(memory_bytes, fixed, cache_ledger(model, 1, tokens, bytes_per_value).total)


def _fixed(model, weights, margin_bytes, of):
    return weight_bytes(model, weights).total + amount(margin_bytes, "margin_bytes", of=of, may_be_zero=True)


def read_ledger(model, batch=1, context=1, weights="bf16", bytes_per_value=2):
    """Ledger of the bytes read from memory for the next token of each sequence: items `weights` and `cache`.

    Of tables (tokens, positions) a row is read, which is left out, unless the table is the output layer as well. Of
    the experts those are read that a token is sent to: for a batch, as many as there can be when all tokens choose
    others.

    Parameters
    ----------
    model : Transformer
        A decoder.
    batch, context : number
        Sequences, and past tokens of each.
    weights, bytes_per_value : see `largest_context_served`
    """
    batch = amount(batch, "batch", of="read_ledger", may_be_zero=False)
    stored, parameters = weight_bytes(model, weights), model.parameters
    size = stored.kept_bytes_per_value
    quantized = dict(stored.quantized.items()) if "quantized" in stored.keys() else {}
    read = stored.total - stored_bytes(parameters.embedding - parameters.embedding.tokens, size)
    if not model.family.tied:
        read -= quantized.get("embedding", stored_bytes(parameters.embedding.tokens.total, size))
    if model.expert_layers != 0:
        stacked = [layer for layer in linear_layers(model, stacked=True) if layer.name in STACKED]
        biases = parameters.experts.routed - sum(layer.weights for layer in stacked)
        experts = stored_bytes(biases, size)
        experts += sum(quantized.get(layer.name, stored_bytes(layer.weights, size)) for layer in stacked)
        idle = model.experts - smaller(model.experts, batch * model.experts_per_token)
        read -= share(experts * idle, model.experts)
    cache = cache_ledger(model, batch, context, bytes_per_value).total
    formulas = lambda: read_ledger(model.symbolic(), *_letters(), weights, letter("bytes_per_value"))  # noqa: E731
    return Ledger.of("read for a token", {"weights": read, "cache": cache}, "bytes", ROOFLINE, formulas=formulas)


def decode_flops(model, batch=1, context=1):
    """FLOPs of the next token of each sequence: every weight it meets, and its query against the context.

    Latent attention meets the cache as it is, squeezed: the matrices that would expand it act on query and result.

    Parameters
    ----------
    model : Transformer
        A decoder.
    batch, context : number
        Sequences, and past tokens of each.
    """
    context = amount(context, "context", of="decode_flops")
    query, value = model.head_dims
    if model.family.latent:
        query, value = model.kv_rank + model.rope_dim, model.kv_rank
    seen = (model.layers - model.sliding_layers) * context + model.sliding_layers * smaller(context, model.window)
    between = batch * model.heads * matmul_flops(1, query + value, seen)
    return matmul_flops(batch, model.matmul_weights, 1) + between


def decode_ledger(model, accelerator, batch=1, context=1, weights="bf16", *, bytes_per_value=2, number_format="bf16"):
    """Ledger of the least seconds that a step of decoding takes, one token of each sequence.

    Items `weights` and `cache` are the time to read them at the full bandwidth of the memory, and `compute` what the
    arithmetic at the peak rate takes longer than that, if it does: their sum is the longer of the two. `.memory` and
    `.arithmetic` are both times, and `.binds` says which is the longer, "memory" or "compute". No accelerator reaches
    either rate, and between its kernels it waits: a measured step takes longer.

    Parameters
    ----------
    model : Transformer
        A decoder.
    accelerator : Accelerator
        A row of `llmcalc.hardware`.
    batch, context : number
        Sequences, and past tokens of each.
    weights, bytes_per_value : see `largest_context_served`
    number_format : str, default "bf16"
        The format that the accelerator computes in.

    Examples
    --------
    >>> from llmcalc.hardware import gpu
    >>> from llmcalc.models import model
    >>> step = decode_ledger(model("llama-3-8b"), gpu("a100-80gb"), context=8192)
    >>> step.binds, round(1000 * step.weights, 1), round(1000 * step.cache, 1)
    ('memory', 7.4, 0.5)
    """
    read = read_ledger(model, batch, context, weights, bytes_per_value)
    times = {item.name: memory_seconds(item.total, accelerator.memory_bytes_per_second) for item in read}
    memory = sum(times.values())
    arithmetic = seconds_for(decode_flops(model, batch, context), accelerator.peak(number_format))
    tree = {**times, "compute": larger(arithmetic - memory, 0)}

    def formulas():
        how = {"bytes_per_value": letter("bytes_per_value"), "number_format": number_format}
        return decode_ledger(model.symbolic(), accelerator, *_letters(), weights, **how)

    ledger = Ledger.of(f"a step on {accelerator.name}", tree, "seconds", ROOFLINE, formulas=formulas)
    binds = lambda: "memory" if memory >= arithmetic else "compute"  # noqa: E731
    return ledger.also(memory=memory, arithmetic=arithmetic, binds=binds)


def _letters():
    return letter("batch"), letter("context")

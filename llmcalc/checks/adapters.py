"""Questions about fine-tuning with low-rank adapters: right answers, and the mistakes that people make."""

from llmcalc.checks.engine import Choice, Formula, Mistake
from llmcalc.finetuning import ALL_LINEAR, finetuning_ledger, lora_ledger, lora_parameters
from llmcalc.mlp import dense_weights
from llmcalc.models import model
from llmcalc.units import GB

TUNED, TUNED_TOKENS, TUNED_RANK = model("llama-2-13b"), 2048, 16
"""Model of the report, tokens of its one sequence, and rank of the adapters."""


def _adapted(layers, width, heads, kv_heads, head_dim, rank, of=lora_parameters):
    """Parameters of adapters on the matrices of queries and values."""
    return layers * (of(width, heads * head_dim, rank) + of(width, kv_heads * head_dim, rank))


def _only(outputs):
    """An adapter for one matrix in each layer."""
    return lambda layers, width, heads, kv_heads, head_dim, rank: (
        layers * lora_parameters(width, outputs(heads, kv_heads) * head_dim, rank)
    )


def _with(change):
    """The right sum for somebody who changes some of the sizes."""

    def gives(layers, width, heads, kv_heads, head_dim, rank):
        sizes = {"layers": layers, "width": width, "heads": heads, "kv_heads": kv_heads}
        sizes |= {"head_dim": head_dim, "rank": rank}
        return _adapted(**sizes | change(sizes))

    return gives


ADAPTER_SLIPS = (
    Mistake(
        "values as wide as queries",
        _with(lambda s: {"kv_heads": s["heads"]}),
        "How many heads make values, and how many make queries?",
    ),
    Mistake(
        "queries as narrow as values",
        _with(lambda s: {"heads": s["kv_heads"]}),
        "How many heads make queries, and how many make values?",
    ),
    Mistake(
        "square matrices for both",
        lambda layers, width, heads, kv_heads, head_dim, rank: 2 * layers * lora_parameters(width, width, rank),
        "What leaves each of the two matrices? The question does not say that it is as wide as the layer.",
    ),
    Mistake(
        "a square matrix for the queries",
        lambda layers, width, heads, kv_heads, head_dim, rank: (
            layers * (lora_parameters(width, width, rank) + lora_parameters(width, kv_heads * head_dim, rank))
        ),
        "Are all heads together as wide as the layer? The question does not say so.",
    ),
    Mistake(
        "heads that read only a slice of the layer's values",
        lambda layers, width, heads, kv_heads, head_dim, rank: (
            layers * (heads + kv_heads) * lora_parameters(head_dim, head_dim, rank)
        ),
        "One adapter serves a whole matrix. What goes into that, and what comes out?",
    ),
    Mistake(
        "an adapter for each head",
        lambda layers, width, heads, kv_heads, head_dim, rank: (
            layers * (heads + kv_heads) * lora_parameters(width, head_dim, rank)
        ),
        "All query heads come from one matrix, and so do all value heads. How many adapters has a layer?",
    ),
    Mistake(
        "all weights of the two matrices",
        lambda *sizes: _adapted(*sizes, of=lambda inputs, outputs, rank: dense_weights(inputs, outputs)),
        "Those stay as they are. Which two small matrices stand beside each of them?",
    ),
    Mistake(
        "all weights of the two matrices, times the rank",
        lambda *sizes: _adapted(*sizes, of=lambda inputs, outputs, rank: rank * dense_weights(inputs, outputs)),
        "Draw the two small matrices, one above the other: how many entries has each?",
    ),
    Mistake(
        "the matrix down to the rank alone",
        lambda *sizes: _adapted(*sizes, of=lambda inputs, outputs, rank: dense_weights(inputs, rank)),
        "The values between the two matrices have to become wide again.",
    ),
    Mistake(
        "the matrix up from the rank alone",
        lambda *sizes: _adapted(*sizes, of=lambda inputs, outputs, rank: dense_weights(rank, outputs)),
        "Something has to bring the layer's values down to so few.",
    ),
    Mistake(
        "a square matrix between down and up as well",
        lambda *sizes: _adapted(
            *sizes, of=lambda inputs, outputs, rank: lora_parameters(inputs, outputs, rank) + rank**2
        ),
        "The two small matrices follow each other, with nothing between.",
    ),
    Mistake(
        "heads counted, not their values",
        _with(lambda s: {"head_dim": 1}),
        "How many values does a head have?",
    ),
    Mistake(
        "all query heads together as wide as a token",
        _with(lambda s: {"head_dim": s["width"] / s["heads"]}),
        "That needs a head_dim of width over heads, and the question does not say so. Which argument did you not use?",
    ),
    Mistake("one layer only", _with(lambda s: {"layers": 1}), "Every layer has adapters of its own."),
    Mistake("an adapter for the queries alone", _only(lambda heads, kv_heads: heads), "Two matrices are adapted."),
    Mistake("an adapter for the values alone", _only(lambda heads, kv_heads: kv_heads), "Two matrices are adapted."),
    Mistake(
        "keys adapted as well",
        lambda *sizes: _adapted(*sizes) + _only(lambda heads, kv_heads: kv_heads)(*sizes),
        "Which two of the matrices are adapted?",
    ),
    Mistake(
        "the parameters doubled: bytes of 16 bits, or an adapter for four matrices",
        lambda *sizes: 2 * _adapted(*sizes),
        "Which two of the matrices are adapted? And how many parameters are asked for, not bytes.",
    ),
    Mistake(
        "one small matrix for queries and values together on the way down",
        lambda layers, width, heads, kv_heads, head_dim, rank: (
            layers * lora_parameters(width, (heads + kv_heads) * head_dim, rank)
        ),
        "Each of the two matrices has an adapter of its own, with both parts.",
    ),
    Mistake(
        "a bias for each output",
        lambda layers, width, heads, kv_heads, head_dim, rank: (
            _adapted(layers, width, heads, kv_heads, head_dim, rank) + layers * (heads + kv_heads) * head_dim
        ),
        "An adapter has two matrices, and nothing is added.",
    ),
)


def tuning_report():
    """Terms of the report in GB: weights, states of the adapters, all activations; and the share that is trained."""
    held = finetuning_ledger(TUNED, TUNED_RANK, ALL_LINEAR, weights="nf4-double")
    states = held.adapters.total + held.gradients.total + held.optimizer.total
    kept = TUNED.activation_bytes(1, TUNED_TOKENS).total
    share = lora_ledger(TUNED, TUNED_RANK, ALL_LINEAR).total / TUNED.parameters.total
    return held.weights.total / GB, states / GB, kept / GB, share


def _needed():
    """GB that the report should come to, a tenth for what it does not count included."""
    weights, states, kept, _ = tuning_report()
    return 1.1 * (weights + states + kept)


QUESTIONS = {
    "adapters_of_shared_heads": Formula(
        right=lambda layers, width, heads, kv_heads, head_dim, rank: _adapted(
            layers, width, heads, kv_heads, head_dim, rank
        ),
        multiples={"heads": "kv_heads"},
        hint="For each of the two matrices: what goes in, and what comes out? Then two small matrices for each.",
        mistakes=ADAPTER_SLIPS,
    ),
    "slip_in_tuning": Choice(
        right="c",
        because="Adapters need few gradients of weights, but the way back to them leads through the whole model: its "
        "norms, products and SiLUs need what they kept, and each adapter the input of the layer that it stands "
        f"beside. Nearly all of the {tuning_report()[2]:.1f} GB stay, and with the margin it is {_needed():.1f} GB: "
        "not even a card of 24 GB is enough.",
        replies={
            "a": "4 bits for each weight in the blocks, a little more for the scales, 16 bits for embedding and output "
            "layer: that line is right.",
            "b": "An adapter, its gradient and two moments, each in fp32: that line is right. Only what is frozen can "
            "be kept in 4 bits.",
            "d": "A tenth of the sum is taken here, as was announced. Is the sum a good one?",
            "e": "The sum of lines a to d is right, and it is below 12 GB. Which of its terms is off?",
        },
    ),
}

"""The documents that the lessons follow, claim by claim: what is written, what comes out, and why they differ.

`computed` is always worked out by the package's formulas when it is asked for, never stored. So far the MLP document
is here; the others follow with their lessons.
"""

from dataclasses import dataclass

from llmcalc.compute import examples_per_second
from llmcalc.memory import largest_batch, stored_bytes
from llmcalc.mlp import (
    MLP,
    dense_activation_bytes,
    dense_forward_flops,
    dense_input_gradient_flops,
    dense_weight_gradient_flops,
    dense_weights,
)
from llmcalc.units import GB, KB, TFLOP, convert

DOCUMENTS = {
    "mlp": "Denny Wang, 'Understanding Memory and Throughput in LLMs Training: A Practical Example'",
}
"""Author and title of each document, by the short name that claims use."""

VERDICTS = {
    "holds": "right as it stands",
    "approximates": "close, with a known remainder",
    "convention": "one of several ways to count, and consistent",
    "slips": "not what comes out",
}


@dataclass(frozen=True)
class Claim:
    """One statement of a document. `computed` is None where a statement has no number."""

    id: str
    document: str
    claimed: object
    computed: object
    unit: str
    verdict: str
    why: str


def claims(document=None):
    """Every recorded claim, or those of one document, each recomputed now.

    Parameters
    ----------
    document : str, optional
        A key of `DOCUMENTS`.

    Returns
    -------
    list of Claim
        With `id`, `document`, `claimed`, `computed`, `unit`, `verdict` (a key of `VERDICTS`) and `why`.

    Raises
    ------
    KeyError
        For an unknown document.

    Examples
    --------
    >>> [claim.computed for claim in claims("mlp") if claim.id == "mlp-max-batch"]
    [9090]
    """
    if document is not None and document not in DOCUMENTS:
        raise KeyError(f"unknown document {document!r}; known are {', '.join(DOCUMENTS)}")
    return [claim for claim in _mlp_claims() if document in (None, claim.document)]


def _mlp_claims():
    width = 10_000
    described = MLP([width] * 12)  # input, ten hidden layers, output: 11 matrices
    computed = MLP([width] * 11)  # what the document multiplies out: 10 matrices
    forward = dense_forward_flops(width, width)
    backward = dense_weight_gradient_flops(width, width) + dense_input_gradient_flops(width, width)
    rule = 10 * (forward + backward)
    rows = (
        ("weights-per-layer", 1e8, dense_weights(width, width), "weights", "holds", "n times m"),
        ("weight-bytes-per-layer", 4e8, stored_bytes(dense_weights(width, width)), "B", "holds", "4 bytes each"),
        ("bias-bytes-per-layer", 4e4, stored_bytes(width), "B", "holds", "one bias for each output"),
        (
            "total-weight-bytes", 4e9, stored_bytes(described.weights), "B", "slips",
            "a layer is missing: input, 10 hidden layers and output have 11 matrices between them",
        ),
        ("activation-bytes-per-layer", 4e4, dense_activation_bytes(width), "B", "holds", "one value for each neuron"),
        (
            "activation-sets", 11, len(described.sizes), "sets", "slips",
            "input, 10 hidden layers and output are 12; 11 fits the 10 matrices that are computed",
        ),
        (
            "activation-bytes-per-sample", 440e3, described.activation_bytes(1), "B", "holds",
            "two slips cancel: 12 sets counted as 11, and the output counted though nobody keeps it",
        ),
        (
            "kb-to-mb", 0.4297, convert(440, "kB", "MB"), "MB", "slips",
            "divided by 1024 where everything else counts in thousands",
        ),
        (
            "batch-quotient", 9.31, (8 * GB - 4 * GB) / (440 * KB), "samples", "slips",
            "GB over MB is a factor of 1000, which is lost; 0.4297 for 0.44 adds 2.4%",
        ),
        (
            "max-batch", 9, largest_batch(8 * GB, 4 * GB, 440 * KB), "samples", "slips",
            "by its own sums: carried over from the quotient, a thousand times too small",
        ),
        (
            "training-memory-model", None, None, "", "slips",
            "gradients and optimizer are left out; with all of them not one example fits into 8 GB",
        ),
        ("forward-flops-per-layer", 2e8, forward, "FLOP", "holds", "2nm: a multiplication and an addition a weight"),
        ("backward-flops-per-layer", 4e8, backward, "FLOP", "holds", "4nm: two products, dW and dX"),
        ("flops-per-layer", 6e8, forward + backward, "FLOP", "holds", "2nm + 4nm"),
        (
            "flops-per-sample", 6e9, computed.training_flops(1), "FLOP", "approximates",
            "for its 10 matrices: the first layer's dX is counted, though nobody needs it",
        ),
        (
            "throughput", 16.67, examples_per_second(100 * TFLOP, rule), "samples/s", "slips",
            "by its own FLOP: TFLOP over GFLOP is a factor of 1000, which is lost",
        ),
    )  # fmt: skip
    return [Claim(f"mlp-{row[0]}", "mlp", *row[1:]) for row in rows]

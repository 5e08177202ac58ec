"""The question about the layout of a training step over 64 GPUs: the right answer, and the mistakes people make."""

from functools import cache, partial

from llmcalc.checks.apart import apart
from llmcalc.checks.engine import Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.collectives import transfer_seconds
from llmcalc.communication import (
    data_parallel_traffic_bytes,
    pipeline_traffic_bytes,
    sequence_parallel_traffic_bytes,
)
from llmcalc.compute import seconds_for, training_flops
from llmcalc.hardware import gpu
from llmcalc.memory import stored_bytes
from llmcalc.parallel import sequence_parallel_selective_activation_bytes, tensor_parallel_parameters
from llmcalc.pipeline import idle_share, in_flight_micro_batches, micro_batches_per_step, pipeline_bubble, stage_layers
from llmcalc.sharding import zero_1_bytes
from llmcalc.units import GB, TFLOP

LAYERS, WIDTH, SEQUENCE, GPUS = 80, 8192, 4096, 64
PARAMETERS = 12 * LAYERS * WIDTH**2  # of the matrices
KEPT = sequence_parallel_selective_activation_bytes(1, 1, 1, 1)  # bytes of a layer, for each token and value
CARD, FREE = gpu("h100-sxm").memory_bytes, 8 * GB
LINK = gpu("h100-sxm").link_bytes_per_second // 2  # bytes a second in one direction
LAYOUTS = tuple(
    (GPUS // (tensor * stages), tensor, stages)
    for stages in (1, 2, 4, 8, 16)
    for tensor in (1, 2, 4, 8)
    if GPUS % (tensor * stages) == 0
)
"""Copies of the model, GPUs that share a matrix, and stages. The best is neither the first nor the last that fits."""
BATCHES = (512, 448, 576, 640)
RATES = tuple(teraflops * TFLOP for teraflops in (450, 420, 430, 440, 460, 470, 480, 490, 500))
NETWORKS = tuple(gigabytes * GB for gigabytes in (50, 38, 40, 42, 45, 48, 55))
"""Sequences of a step, FLOP/s of a card, and bytes a second that it sends over the network in one direction."""
WINNER, WELL_KNOWN = (2, 2, 16), (8, 8, 1)
BETTER = {(8, 2, 4), (4, 2, 8), (16, 2, 2)}
"""Those that would lose less, and do not fit."""


def _part(layout):
    """Parameters of one stage on one GPU."""
    _, tensor, stages = layout
    return tensor_parallel_parameters(PARAMETERS, tensor * stages)


def held(layout, batch=BATCHES[0]):
    """Bytes on a GPU of the first stage, at its fullest. The batch matters only where it is shorter than a pipeline."""
    data, tensor, stages = layout
    states = zero_1_bytes(*(stored_bytes(_part(layout), each) for each in (2, 2, 12)), data)
    layer = sequence_parallel_selective_activation_bytes(SEQUENCE, 1, WIDTH, tensor)
    waiting = in_flight_micro_batches(stages, micro_batches_per_step(batch // data, 1))
    return states + waiting * stage_layers(LAYERS, stages) * layer


def _work(batch, rate):
    """Seconds of a step in which a GPU computes."""
    return seconds_for(training_flops(PARAMETERS, batch * SEQUENCE), rate) / GPUS


def _lost(
    layout, batch, rate, network, *, shared_batch=True, all_layers=False, all_gradients=False, bubble=pipeline_bubble
):
    """Seconds for tensor, pipeline and data traffic, and in the bubble."""
    copies, tensor, stages = layout
    turns = micro_batches_per_step(batch // copies if shared_batch else batch, 1)
    layers = LAYERS if all_layers else stage_layers(LAYERS, stages)
    sums = sequence_parallel_traffic_bytes(SEQUENCE, turns, WIDTH, layers, tensor)
    borders = pipeline_traffic_bytes(SEQUENCE, 1, WIDTH, turns) if stages > 1 else 0
    gradients = data_parallel_traffic_bytes(stored_bytes(PARAMETERS if all_gradients else _part(layout), 2), copies)
    return (
        transfer_seconds(sums, LINK),
        transfer_seconds(borders, network),
        transfer_seconds(gradients, network),
        bubble(stages, turns) * _work(batch, rate),
    )


@cache
def losses(batch, rate, network, **how):
    """The four kinds of seconds that a step loses, for each layout."""
    return {layout: _lost(layout, batch, rate, network, **how) for layout in LAYOUTS}


def _least(batch, rate, network, parts=(1, 1, 1, 1), **how):
    """The least loss of those that fit; `parts` says how often somebody counts each kind."""
    return min(
        sum(part * each for part, each in zip(parts, seconds, strict=True))
        for layout, seconds in losses(batch, rate, network, **how).items()
        if held(layout, batch) <= CARD - FREE
    )


def _counted(*parts):
    """The least loss for somebody who counts some parts less or more often."""
    return partial(_least, parts=parts)


def _chosen(*layout):
    """The loss of somebody who takes this layout."""
    return lambda *plan: sum(losses(*plan)[layout])


def _keeps_its_point(*plan):
    """Whether the same layouts are better than the best that fits, this is clear, and every slip shows."""
    lost = {layout: sum(seconds) for layout, seconds in losses(*plan).items()}
    least = lost[WINNER]
    others = [seconds for layout, seconds in lost.items() if layout not in BETTER | {WINNER}]
    clear = max(map(lost.get, BETTER)) < least and min(others) > 1.02 * least and lost[WELL_KNOWN] > 1.5 * least
    return clear and _told(*plan)


TOLERANCE = 0.002
FITS_TOO = "It fits. Is there none that loses less? Try every layout, also those with fewer GPUs for a matrix."

LAYOUT_SLIPS = (
    Mistake(
        "the layout of 8 copies, 2 GPUs for a matrix and 4 stages",
        _chosen(8, 2, 4),
        "It would lose less. But does it fit? The first stage holds more than one micro-batch at a time.",
    ),
    Mistake(
        "the layout of 4 copies, 2 GPUs for a matrix and 8 stages",
        _chosen(4, 2, 8),
        "Does it fit? Count all states, the reserve, and a GB as a power of ten.",
    ),
    Mistake(
        "the layout of 2 copies, 4 GPUs for a matrix and 8 stages",
        _chosen(2, 4, 8),
        f"{FITS_TOO} The copies share their optimizer states.",
    ),
    Mistake("the layout of 8 copies, 4 GPUs for a matrix and 2 stages", _chosen(8, 4, 2), FITS_TOO),
    Mistake("the layout of 4 copies, 4 GPUs for a matrix and 4 stages", _chosen(4, 4, 4), FITS_TOO),
    Mistake("the layout of 8 copies and 8 GPUs for a matrix", _chosen(8, 8, 1), FITS_TOO),
    Mistake("64 copies of the whole model", _chosen(64, 1, 1), "Does a whole model fit on one card?"),
    Mistake("rounding to two digits", lambda *plan: round(_least(*plan), 1), "Return what comes out, unrounded."),
    Mistake("rounding to whole seconds", lambda *plan: round(_least(*plan)), "Return what comes out, unrounded."),
    Mistake("the longest loss", lambda *plan: max(map(sum, losses(*plan).values())), "Which layout loses least?"),
    Mistake(
        "the bubble forgotten",
        _counted(1, 1, 1, 0),
        "What does a stage do before the first micro-batch arrives, and after the last one has left?",
    ),
    Mistake(
        "the pipeline's messages forgotten, or nothing sent over the network",
        _counted(1, 0, 1, 1),
        "What travels from stage to stage, and back? And over which of the two links?",
    ),
    Mistake(
        "half of the pipeline's messages: one direction only, or an activation that is split",
        _counted(1, 0.5, 1, 1),
        "Activations go forward. What comes back? And the question says how large each message is.",
    ),
    Mistake("one pass for the gradients' sum", _counted(1, 1, 0.5, 1), "An all-reduce is made of two operations."),
    Mistake(
        "the gradients' sum twice: four bytes for each, or no share that stays at home",
        _counted(1, 1, 2, 1),
        "How large is a gradient? And in a ring, which part does a GPU not send?",
    ),
    Mistake(
        "the sums within layers twice: eight of them, or no share that stays at home",
        _counted(2, 1, 1, 1),
        "How many sums does a layer need? And in a ring, which part does a GPU not send?",
    ),
    Mistake(
        "no share that stays at home, in any sum",
        _counted(2, 1, 2, 1),
        "In a ring, which part does a GPU not send?",
    ),
    Mistake(
        "the bubble as a share of the whole step",
        partial(_least, bubble=lambda stages, turns: idle_share(pipeline_bubble(stages, turns))),
        "`working` is the time for work alone. Over how many turns is that spread?",
    ),
    Mistake(
        "as many turns of waiting as stages",
        partial(_least, bubble=lambda stages, turns: pipeline_bubble(stages + 1, turns)),
        "How many turns does the question say that a stage waits?",
    ),
    Mistake(
        "bytes of the network taken for bits",
        _counted(1, 8, 8, 1),
        "In what does the network count, and in what did you?",
    ),
    Mistake(
        "the gradients' sum forgotten",
        _counted(1, 1, 0, 1),
        "Copies read different text. What do they have to agree on?",
    ),
    Mistake(
        "half of the sums within layers: two in a layer, one pass for each, or a link with both directions",
        _counted(0.5, 1, 1, 1),
        "How many sums does a layer need, forward and backward? How often does the buffer pass, and how fast "
        "is one direction?",
    ),
    Mistake(
        "a quarter of the sums within layers",
        _counted(0.25, 1, 1, 1),
        "How many sums does a layer need, forward and backward? How often does the buffer pass, and how fast "
        "is one direction?",
    ),
    Mistake(
        "the sums within layers forgotten",
        _counted(0, 1, 1, 1),
        "GPUs that share a matrix each have a part of a sum.",
    ),
    Mistake(
        "the sums within layers sent over the network",
        lambda batch, rate, network: _least(batch, rate, network, parts=(LINK / network, 1, 1, 1)),
        "GPUs that share a matrix stand in one machine. Which link do they use?",
    ),
    Mistake(
        "bits of the network taken for bytes",
        _counted(1, 1 / 8, 1 / 8, 1),
        "In what does the network count, and in what did you?",
    ),
    Mistake(
        "the sums of all layers on every stage",
        partial(_least, all_layers=True),
        "How many layers does a stage have?",
    ),
    Mistake(
        "the gradients of all parameters summed up by every GPU",
        partial(_least, all_gradients=True),
        "Which gradients does a GPU have?",
    ),
    Mistake(
        "a batch for each copy, where all copies share one",
        partial(_least, shared_batch=False),
        "How many micro-batches are left for one copy?",
    ),
    Mistake(
        "the seconds of the whole step",
        lambda *plan: _work(*plan[:2]) + _least(*plan),
        "The question asks for what is lost of it.",
    ),
    Mistake(
        "the loss over the time for work",
        lambda *plan: _least(*plan) / _work(*plan[:2]),
        "The question asks for seconds.",
    ),
    Mistake(
        "the loss over the time for the whole step",
        lambda *plan: _least(*plan) / (_work(*plan[:2]) + _least(*plan)),
        "The question asks for seconds.",
    ),
    Mistake(
        "percent of the time for work",
        lambda *plan: 100 * _least(*plan) / _work(*plan[:2]),
        "The question asks for seconds.",
    ),
)
_told = apart(_least, LAYOUT_SLIPS, TOLERANCE)

QUESTIONS = {
    "least_time_lost": Number(
        values={
            "sequences": Own("sequences in a step, all copies together", BATCHES),
            "card_rate": Own("FLOP/s that a card reaches", RATES),
            "wire": Own("bytes a second over the network, in one direction", NETWORKS),
        },
        where=_keeps_its_point,
        right=_least,
        unit="seconds",
        tolerance=TOLERANCE,
        hint="For each layout the bytes on a GPU of the first stage; leave out what does not fit. For those that are "
        "left four kinds of seconds, and their sum. Perhaps more than one thing is off.",
        mistakes=LAYOUT_SLIPS,
    ),
}

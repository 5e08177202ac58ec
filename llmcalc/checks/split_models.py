"""Questions about models that are cut, within layers and between them: right answers, and frequent mistakes."""

from fractions import Fraction

from llmcalc.blocks import attention_weights, gated_feed_forward_weights
from llmcalc.checks.engine import Choice, Formula, Mistake
from llmcalc.parallel import tensor_parallel_parameters
from llmcalc.pipeline import idle_share, micro_batches_per_step, pipeline_bubble

PLANNED = {"copies": 2, "stages": 4, "batch": 64, "micro_batch": 2}
"""What matters of the plan with the slip for its pipeline."""


def _block(width, heads, head_dim, feed_forward, gpus, *, kv_heads=1, own=1, inside=1, norms=2):
    """Parameters that one GPU holds of a block; `own` and `inside` say how often its share of a part counts."""
    gpus = Fraction(1) * gpus  # heads need not divide where the question is tried
    pair = attention_weights(width, 1, 1, head_dim) / Fraction(2)  # for a head: query and output, or key and value
    queries = own * tensor_parallel_parameters(heads * pair, gpus)
    rest = inside * tensor_parallel_parameters(gated_feed_forward_weights(width, feed_forward), gpus)
    return queries + kv_heads * pair + rest + norms * width


def _wrong_block(name, hint, **how):
    """A mistake in a block; what depends on the sizes is a function of them."""

    def gives(*sizes):
        return _block(*sizes, **{key: value(*sizes) if callable(value) else value for key, value in how.items()})

    return Mistake(name, gives, hint)


def _micro_batches(stages, idle, turns=1, waiting=None):
    """Micro-batches for that share of idle time: where idle is idle / (1 - idle) of the time for work."""
    bubble = idle / (1 - idle) if waiting is None else waiting
    return turns * pipeline_bubble(stages, bubble)


def _idle(batch):
    """Percent of a step that the planned pipeline stands idle."""
    turns = micro_batches_per_step(batch, PLANNED["micro_batch"])
    return 100 * idle_share(pipeline_bubble(PLANNED["stages"], turns))


WHOLE_HEADS = "A head is not split, and there are more GPUs than key/value heads. What must each GPU have to work?"
TURNS = "Draw the schedule of three stages. How many turns does one of them wait, and how many does it work?"

QUESTIONS = {
    "block_on_each_gpu": Formula(
        right=lambda width, heads, head_dim, feed_forward, gpus: _block(width, heads, head_dim, feed_forward, gpus),
        between={"gpus": range(2, 65)},
        multiples={"heads": "gpus"},
        hint="Go through the list of the question, part by part: shared, or whole on every GPU? And how many key/value "
        "heads does one GPU need?",
        mistakes=(
            _wrong_block(
                "key and value matrices cut among all GPUs, as if they were one head together",
                WHOLE_HEADS,
                kv_heads=lambda *sizes: Fraction(1) / sizes[4],
            ),
            _wrong_block(
                "a key/value head for each query head",
                "Several query heads use the same keys and values.",
                kv_heads=lambda *sizes: Fraction(1) * sizes[1] / sizes[4],
            ),
            _wrong_block("keys without values, or the other way round", WHOLE_HEADS, kv_heads=Fraction(1, 2)),
            _wrong_block("keys and values forgotten", WHOLE_HEADS, kv_heads=0),
            _wrong_block("the norms forgotten", "Two parts of the block are no matrices.", norms=0),
            _wrong_block("one norm only", "How many norms does the block have?", norms=1),
            _wrong_block(
                "norms with a weight and a bias",
                "How many numbers does such a norm learn for each value?",
                norms=4,
            ),
            _wrong_block(
                "the norms cut as well",
                "A norm works on whole vectors, and each GPU does that by itself.",
                norms=lambda *sizes: Fraction(2) / sizes[4],
            ),
            _wrong_block(
                "two matrices in the feed-forward part",
                "A gated feed-forward part has one matrix more than a plain one.",
                inside=Fraction(2, 3),
            ),
            _wrong_block(
                "the feed-forward part whole on every GPU",
                "Two of its matrices are cut by columns, one by rows.",
                inside=lambda *sizes: sizes[4],
            ),
            _wrong_block(
                "queries and output as wide as the stream",
                "Each query head has a size of its own. Need all of them together be as wide as the stream?",
                own=lambda *sizes: Fraction(1) * sizes[0] / (sizes[1] * sizes[2]),
            ),
            _wrong_block(
                "queries and output forgotten",
                "Which four matrices does attention have?",
                own=0,
            ),
            _wrong_block(
                "all of attention forgotten",
                "Which four matrices does attention have?",
                own=0,
                kv_heads=0,
            ),
            _wrong_block(
                "the feed-forward part forgotten", "Which three matrices does the feed-forward part have?", inside=0
            ),
            _wrong_block(
                "queries and output whole on every GPU",
                "Each GPU works on some of the query heads. Which parts of which matrices does it need?",
                own=lambda *sizes: sizes[4],
            ),
            _wrong_block(
                "the output matrix forgotten, or that of the queries",
                "Which four matrices does attention have?",
                own=Fraction(1, 2),
            ),
            _wrong_block(
                "the output matrix whole on every GPU, or that of the queries",
                "Results of different heads go through different rows of the output matrix.",
                own=lambda *sizes: (1 + sizes[4]) / Fraction(2),
            ),
            Mistake(
                "all of it cut into equal shares",
                lambda *sizes: _block(*sizes[:4], 1) / sizes[4],
                "Which parts can be shared, and which does every GPU need whole?",
            ),
            _wrong_block(
                "the norms forgotten, and keys and values as well",
                f"Two parts of the block are no matrices. {WHOLE_HEADS}",
                norms=0,
                kv_heads=0,
            ),
            _wrong_block(
                "the norms forgotten, and key and value matrices cut among all GPUs",
                f"Two parts of the block are no matrices. {WHOLE_HEADS}",
                norms=0,
                kv_heads=lambda *sizes: Fraction(1) / sizes[4],
            ),
            _wrong_block(
                "two matrices in the feed-forward part, and the norms forgotten",
                "How many matrices does a gated part have? And two parts of the block are no matrices.",
                inside=Fraction(2, 3),
                norms=0,
            ),
            _wrong_block(
                "two matrices in the feed-forward part, and key and value matrices cut among all GPUs",
                f"How many matrices does a gated part have? {WHOLE_HEADS}",
                inside=Fraction(2, 3),
                kv_heads=lambda *sizes: Fraction(1) / sizes[4],
            ),
            Mistake("nothing cut", lambda *sizes: _block(*sizes[:4], 1) + 0 * sizes[4], "What is shared?"),
        ),
    ),
    "micro_batches_for_idle": Formula(
        right=lambda stages, idle: _micro_batches(stages, idle),
        between={"stages": range(2, 65), "idle": (0, 1)},
        hint=TURNS,
        mistakes=(
            Mistake(
                "idle time over working time (or with the idle turns counted among the micro-batches)",
                lambda stages, idle: _micro_batches(stages, idle, waiting=idle),
                "The share is one of the whole time: of work and waiting together.",
            ),
            Mistake(
                "as many idle turns as stages",
                lambda stages, idle: _micro_batches(stages + 1, idle),
                TURNS,
            ),
            Mistake(
                "as many idle turns as stages, over the working time",
                lambda stages, idle: _micro_batches(stages + 1, idle, waiting=idle),
                TURNS,
            ),
            Mistake(
                "idle and busy exchanged",
                lambda stages, idle: _micro_batches(stages, 1 - idle),
                "A smaller share needs more micro-batches. Does yours?",
            ),
            Mistake(
                "twice the idle turns, for filling and for emptying",
                lambda stages, idle: _micro_batches(stages, idle, 2),
                "A turn is forward and backward together. At the beginning and at the end a stage waits for a part of "
                "each.",
            ),
            Mistake(
                "the idle turns alone",
                lambda stages, idle: _micro_batches(stages, idle, waiting=1),
                "Your function is told which share may be idle. Does it use that?",
            ),
            Mistake(
                "the work divided by all of the time",
                lambda stages, idle: _micro_batches(stages, idle, waiting=1 / (1 - idle)),
                "How long does the whole step take, if so much of it is idle? And how much of that is work?",
            ),
            Mistake(
                "the idle turns multiplied by the share",
                lambda stages, idle: _micro_batches(stages, idle, waiting=1 / idle),
                "A smaller share needs more micro-batches. Does yours?",
            ),
            Mistake(
                "the idle turns divided by the busy share",
                lambda stages, idle: _micro_batches(stages, idle, waiting=1 - idle),
                "Which share of the step are the idle turns?",
            ),
            Mistake(
                "all turns of the step, less as many as there are stages",
                lambda stages, idle: _micro_batches(stages, idle) - 1,
                "If all turns are what you began with: how many of them does a stage wait?",
            ),
            Mistake(
                "the share taken for percent",
                lambda stages, idle: _micro_batches(stages, idle / 100),
                "`idle` is a number between 0 and 1.",
            ),
            Mistake(
                "one idle turn, whatever the stages",
                lambda stages, idle: _micro_batches(2, idle) + 0 * stages,
                TURNS,
            ),
        ),
    ),
    "slip_in_layout": Choice(
        right="c",
        because="The two copies share the batch: each of them has 32 sequences, in 16 micro-batches. The pipeline "
        f"stands idle for {_idle(PLANNED['batch'] // PLANNED['copies']):.1f}% of a step, not for "
        f"{_idle(PLANNED['batch']):.1f}%.",
        replies={
            "a": "Eight GPUs share each matrix and four stages share the layers: a GPU has one of 32 parts. Its "
            "copy does not share that with the other one. Check the next line.",
            "b": "The two copies of a part share its optimizer states, so all 64 GPUs have their own. Check the next "
            "line.",
            "d": "The formula is right, but it takes a number from another line. Is that one right?",
            "e": "A ring of two sends half of the buffer twice, and 50 GB are 400 Gbit. Check the lines above.",
        },
    ),
}

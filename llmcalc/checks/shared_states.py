"""Questions about states that GPUs share, and what they send for it: right answers, and the mistakes people make."""

from fractions import Fraction
from math import ceil, floor

from llmcalc.checks.apart import apart
from llmcalc.checks.engine import Choice, Formula, Mistake, Number
from llmcalc.checks.questions import Own
from llmcalc.collectives import all_reduce_bytes
from llmcalc.memory import stored_bytes
from llmcalc.models import model
from llmcalc.sharding import zero_0_bytes, zero_1_bytes, zero_2_bytes, zero_3_bytes
from llmcalc.units import GB, GIB

CLUSTERS = ("llama-2-13b", "mistral-nemo-12b", "pythia-12b", "gpt-neox-20b", "llama-3-8b", "qwen3-8b")
"""Models that the smallest cluster is asked for."""
CARDS = tuple(each * GB for each in (40, 24, 32, 48, 64))
RESERVES = tuple(each * GB for each in (10, 3, 4, 5, 6, 7, 8, 12))
"""What a card keeps free."""
SENSIBLE = range(16, 129)
"""GPUs: enough for each slip to show in a whole number, and not more than somebody would rent."""


def _stage_two(parameters, gpus, weights=2, gradients=4, optimizer=12, stage=zero_2_bytes):
    """Bytes on each GPU; those of the question, if nothing is said."""
    amounts = [Fraction(1) * parameters * each for each in (weights, gradients, optimizer)]
    return stage(*amounts) if stage is zero_0_bytes else stage(*amounts, gpus)


def _wrong_stage_two(name, hint, **how):
    return Mistake(name, lambda *values: _stage_two(*values, **how), hint)


def _fewest(name, card, reserve, shared=2 + 12, whole=2, rounded=ceil):
    """GPUs until so many bytes for each parameter fit, some of them shared and some whole on every GPU."""
    parameters = model(name).parameters.total
    taken = stored_bytes(parameters, whole) if whole else 0
    return rounded(Fraction(stored_bytes(parameters, shared), card - reserve - taken))


def _wrong_fewest(name, hint, *shared, **how):
    return Mistake(name, lambda *cluster: _fewest(*cluster, *shared, **how), hint)


def _sensible(name, card, reserve):
    """Whether the weights leave room for shares, in a number of GPUs that tells all mistakes apart."""
    room = card - reserve > stored_bytes(model(name).parameters.total, 2)
    return room and _fewest(name, card, reserve) in SENSIBLE and _told(name, card, reserve)


STAYS = "Write down three terms: weights, gradients, optimizer. Which of them does this stage leave whole?"
FITS = "Put your number back: what does each GPU hold then?"

CLUSTER_SLIPS = (
    _wrong_fewest("rounding down", FITS, rounded=floor),
    _wrong_fewest(
        "the weights cut as well (stage 3), or forgotten",
        "Stage 2 leaves them whole on every GPU.",
        2 + 2 + 12,
        whole=0,
    ),
    Mistake(
        "the reserve forgotten",
        lambda name, card, reserve: _fewest(name, card, 0),
        "How much of a card is left for states?",
    ),
    Mistake(
        "GiB in place of GB",
        lambda name, card, reserve: _fewest(name, card // GB * GIB, reserve // GB * GIB),
        "A GB is a power of ten.",
    ),
    _wrong_fewest(
        "the weights counted among the shares as well, or gradients in fp32",
        "What of the 16 bytes is cut into shares?",
        2 + 2 + 12,
    ),
    _wrong_fewest("the gradients forgotten", "What of the 16 bytes is cut into shares?", 12),
    _wrong_fewest(
        "the master copy forgotten, or one of the moments", "What of the 16 bytes is cut into shares?", 2 + 8
    ),
    Mistake(
        "stage 3, and the reserve forgotten",
        lambda name, card, reserve: _fewest(name, card, 0, 2 + 2 + 12, whole=0),
        "Every GPU has all the weights, and a reserve.",
    ),
)
_told = apart(_fewest, CLUSTER_SLIPS, 0)

QUESTIONS = {
    "eight_times_the_gpus": Choice(
        right="c",
        because="A share is an eighth of what it was, and weights are whole on every GPU. Each GPU sends 2(n - 1)/n "
        "times "
        f"the bytes of the weights: {float(all_reduce_bytes(Fraction(1), 8))} times with 8 GPUs, "
        f"{float(all_reduce_bytes(Fraction(1), 64))} times with 64, which is an eighth more.",
        replies={
            "a": "Stage 1 cuts only one of the three kinds of states. Which one?",
            "b": "The first two are right. Put 8 and then 64 into the formula of a ring: does it grow so fast?",
            "d": "That is plain data parallelism, which cuts nothing.",
            "e": "The first two are right. But a GPU does not only send its own share: what the others need passes "
            "through it as well. Put 8 and then 64 into the formula of a ring.",
        },
    ),
    "bytes_under_stage_two": Formula(
        right=lambda parameters, gpus: _stage_two(parameters, gpus),
        between={"gpus": range(2, 129)},
        unit="B",
        hint=STAYS,
        mistakes=(
            _wrong_stage_two("nothing shared", "What does this stage cut into shares?", stage=zero_0_bytes),
            _wrong_stage_two(
                "four bytes more on every GPU than should be: stage 1, or a master copy that is not shared",
                "Stage 2 cuts two kinds of states. Which kind does the master copy belong to?",
                stage=zero_1_bytes,
            ),
            _wrong_stage_two("stage 3", "Stage 2 cuts one kind of states less than that.", stage=zero_3_bytes),
            _wrong_stage_two(
                "stage 1, and gradients in 16 bits",
                "Stage 2 cuts one kind of states more than that. And in which format does this recipe keep gradients?",
                gradients=2,
                stage=zero_1_bytes,
            ),
            _wrong_stage_two("weights in fp32", "In which format does this recipe keep weights?", weights=4),
            _wrong_stage_two(
                "two bytes too many for shares: gradients in both formats, or a share of the weights",
                "Gradients are kept in one format, and weights whole. What is left to be shared?",
                gradients=6,
            ),
            _wrong_stage_two("gradients in 16 bits", "In which format does this recipe keep gradients?", gradients=2),
            Mistake(
                "the weights forgotten",
                lambda parameters, gpus: _stage_two(parameters, gpus) - stored_bytes(parameters, 2),
                STAYS,
            ),
            _wrong_stage_two("the optimizer's part forgotten", STAYS, optimizer=0),
            _wrong_stage_two(
                "four bytes missing: the gradient, the master copy, or one of the two moments",
                "Write down a number behind each: weight, gradient, master copy, two moments.",
                optimizer=8,
            ),
            _wrong_stage_two("both moments missing", "What does Adam keep?", optimizer=4),
            Mistake(
                "gradients shared, and the optimizer's part whole",
                lambda parameters, gpus: _stage_two(parameters, gpus, gradients=12, optimizer=4, stage=zero_1_bytes),
                "Stage 2 does what stage 1 does, and more.",
            ),
            Mistake(
                "the bytes of all GPUs together",
                lambda parameters, gpus: gpus * _stage_two(parameters, gpus),
                "What does one of them hold?",
            ),
            Mistake(
                "the bytes of one parameter",
                lambda parameters, gpus: _stage_two(1, gpus) + 0 * parameters,
                "That is for one parameter. How many are there?",
            ),
        ),
    ),
    "gpus_for_stage_two": Number(
        values={
            "cluster_model": Own("model that is trained", CLUSTERS),
            "card": Own("bytes of memory on a card", CARDS),
            "reserve": Own("bytes of it that stay free", RESERVES),
        },
        where=_sensible,
        right=_fewest,
        unit="GPUs",
        tolerance=0,
        whole="Do the states fit with the whole number below it, or with the one above?",
        rounds_up=True,
        hint="How many bytes of each GPU do the weights take, however many GPUs there are? What is left for shares?",
        mistakes=CLUSTER_SLIPS,
    ),
}

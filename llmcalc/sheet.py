"""What stands on the printed formula sheet: which formulas, and what the registry says about each.

A formula is on the sheet if a lesson proves it (its name stands in a cell that asks `same`), if two lessons or more
call it, or if a lesson closes with it. It is left out if it is a document's or a paper's own count, which lessons call
in order to check it; if it follows in a line from one that is there; or if no lesson does more than use it. Tests hold
all of this to the code of the lessons.
"""

import importlib
import inspect
import re
from dataclasses import dataclass

from llmcalc.formula import FORMULAS
from llmcalc.notation import NOTATION, letter

HOMES = (
    "allocation blocks collectives communication compute deep_dive finetuning inference memory mlp parallel pipeline "
    "published quantization scaling serving sharding states"
)
"""The modules that hold formulas: they are registered when their module is imported."""


@dataclass(frozen=True)
class Lesson:
    """A lesson's part of the sheet: the formulas that it is the first to prove, or that it calls most.

    A lesson without any puts together what the others derived: `goes_through` names what its code goes through.
    """

    number: str
    title: str
    names: str = ""
    goes_through: str = ""


LESSONS = (
    Lesson("00", "Start here", "matmul_flops stored_bytes"),
    Lesson(
        "01",
        "What does it take to train a network?",
        "dense_weights dense_activation_bytes largest_batch training_state_bytes dense_forward_flops",
    ),
    Lesson(
        "02",
        "What is a language model made of?",
        "embedding_weights attention_weights feed_forward_weights gated_feed_forward_weights",
    ),
    Lesson(
        "03",
        "How much computing does it take to train a model?",
        "training_flops attention_flops seconds_for utilization gpu_hours cost",
    ),
    Lesson(
        "04",
        "Which model should a budget buy?",
        "kaplan_parameter_loss growth_for_gain chinchilla_loss optimal_parameters optimal_tokens "
        "rule_flops lifetime_flops",
    ),
    Lesson("05", "What does a number cost?", "bits_per_value"),
    Lesson("06", "What does training remember?", "state_bytes_per_parameter step_peak_bytes"),
    Lesson("07", "What does the backward pass need?", "tensor_parallel_activation_bytes"),
    Lesson("08", "What does an answer cost?", "kv_cache_bytes step_seconds balanced_batch lora_parameters"),
    Lesson(
        "09",
        "What do many GPUs share?",
        "reduce_scatter_bytes all_reduce_bytes zero_3_bytes data_parallel_traffic_bytes zero_2_traffic_bytes "
        "zero_3_traffic_bytes communication_ratio tensor_parallel_traffic_bytes "
        "expert_parallel_traffic_bytes pipeline_bubble idle_share",
    ),
    Lesson(
        "10",
        "Will it fit?",
        goes_through="matmul_flops stored_bytes dense_weights training_state_bytes embedding_weights attention_weights "
        "gated_feed_forward_weights training_flops attention_flops seconds_for utilization gpu_hours cost "
        "state_bytes_per_parameter kv_cache_bytes lora_parameters reduce_scatter_bytes all_reduce_bytes "
        "data_parallel_traffic_bytes zero_3_traffic_bytes tensor_parallel_traffic_bytes pipeline_bubble",
    ),
    Lesson(
        "11",
        "How far can you trust a number?",
        goes_through="matmul_flops stored_bytes dense_weights dense_activation_bytes largest_batch "
        "training_state_bytes dense_forward_flops embedding_weights attention_weights feed_forward_weights "
        "gated_feed_forward_weights training_flops attention_flops utilization growth_for_gain "
        "state_bytes_per_parameter kv_cache_bytes",
    ),
)

CLOSING = {"step_seconds": "08", "zero_3_bytes": "09"}
"""Formulas that no cell proves and one lesson alone calls, but that stand in its last section, What to take away."""

FOLLOWING = {
    "all_gather_bytes": "reduce_scatter_bytes",  # the same bytes
    "all_to_all_bytes": "reduce_scatter_bytes",  # the same bytes
    "sequence_parallel_traffic_bytes": "tensor_parallel_traffic_bytes",  # the same bytes
    "sequence_parallel_activation_bytes": "tensor_parallel_activation_bytes",  # that of one GPU, over t
    "rule_parameters": "rule_flops",  # solved for the parameters
    "optimal_tokens_per_parameter": "optimal_tokens",  # over optimal_parameters
}
"""Left out, although a lesson proves it: what follows in a line from a formula on the sheet."""

CHECKED = ("published", "deep_dive")
"""Left out: the modules that hold documents' and papers' own counts, which lessons call in order to check them."""


@dataclass(frozen=True)
class Entry:
    """One formula of the sheet, all of it read from the formula itself and from its docstring."""

    number: int
    lesson: str
    name: str
    says: str
    expression: object
    letters: tuple
    unit: str
    source: str

    @property
    def short_source(self):
        """Authors, year and place, without the title; nothing where the source is an argument and no work."""
        first = re.split(r"[;:] ", re.sub(r',? "[^"]*"', "", self.source))[0]
        return first if re.search(r"\b(?:19|20)\d\d\b", first) else ""


def entries():
    """Every formula of the sheet, in the order of the lessons.

    Returns
    -------
    list of Entry
        Numbered from 1; `expression` is what the formula returns for the letters of `llmcalc.notation`, as SymPy
        expression, `letters` are the names of its parameters.
    """
    _register()
    names = [(lesson.number, name) for lesson in LESSONS for name in lesson.names.split()]
    return [_entry(number, lesson, name) for number, (lesson, name) in enumerate(names, start=1)]


def reason_to_leave_out(name):
    """Why a formula is not on the sheet, in words; None if it is there.

    Raises
    ------
    KeyError
        If there is no formula of that name.
    """
    _register()
    if any(name in lesson.names.split() for lesson in LESSONS):
        return None
    if name in FOLLOWING:
        return f"follows in a line from {FOLLOWING[name]}"
    if FORMULAS[name].__module__.removeprefix("llmcalc.") in CHECKED:
        return "is a document's or a paper's own count, shown in order to check it"
    return "is proved in no lesson and called in no more than one"


def legend():
    """The quantities whose letters are on the sheet, by letter: capitals beside small ones, Greek letters last."""
    used = {name for entry in entries() for name in entry.letters}
    return sorted((NOTATION[name] for name in used), key=lambda row: (row.letter.startswith("\\"), *_order(row)))


def _register():
    for home in HOMES.split():
        importlib.import_module(f"llmcalc.{home}")


def _order(row):
    plain = re.sub(r"[\\{}_]", "", row.letter)
    return plain[0].lower(), plain[0].islower(), plain.lower()


def _entry(number, lesson, name):
    function = FORMULAS[name]
    text = inspect.getdoc(function)
    letters = tuple(inspect.signature(function).parameters)
    return Entry(
        number=number,
        lesson=lesson,
        name=name,
        says=re.split(r"[:;] |\.$", text.splitlines()[0])[0],
        expression=function(**{each: letter(each) for each in letters}),
        letters=letters,
        unit=unit_in(section(text, "Returns").split("\n", 1)[1]),
        source=" ".join(section(text, "Source").replace("`", "").split()).removesuffix("."),
    )


def section(text, title):
    """What stands under a heading of a docstring, up to the next heading."""
    return re.search(rf"^{title}\n-+\n(.*?)(?=\n\n\w[\w ]*\n-+\n|\Z)", text, re.DOTALL | re.MULTILINE)[1]


def unit_in(returns):
    """The unit that the description of a result names.

    Examples
    --------
    >>> [unit_in(text) for text in ("Size in bytes, on each GPU.", "A share: 1 is all of it. No unit.")]
    ['bytes', 'no unit']
    >>> [unit_in(text) for text in ("Weights, a count of parameters; no biases.", "Whole examples.")]
    ['parameters', 'whole examples']
    """
    text = " ".join(returns.split())
    if "No unit" in text:
        return "no unit"
    named = re.search(r"\bin ([^.,;:()]+)", text) or re.search(r"\bcount of (\w+)", text)
    first = re.match(r"[^.,;:]+", text)[0]
    return named[1].strip() if named else first[0].lower() + first[1:]

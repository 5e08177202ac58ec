"""Feedback on exercises: one check per question, named after the quantity.

A check takes the learner's function. Formulas are handed symbols, so passing is a proof; a wrong answer is compared
with the mistakes that people make with that question. Every check's data stands in the module of its subject.

An exercise starts with `begin`, which hands out the learner's own values, and ends with `progress`.
"""

import importlib

from llmcalc.formula import refuse_if_closed

_SUBJECTS = (
    "mlp",
    "network_runs",
    "layers",
    "shared_heads",
    "parameters",
    "mixtures",
    "training",
    "pace",
    "purchases",
    "budgets",
    "scaling_laws",
    "lifetimes",
    "precision",
    "few_bits",
    "scaled_blocks",
    "few_bit_offers",
    "adam",
    "optimizers",
    "model_states",
    "machines",
    "kept_for_backward",
    "held_at_once",
    "recomputation",
    "cache",
    "conversations",
    "decoding",
    "adapters",
    "chat_service",
    "messages",
    "shared_states",
    "split_models",
    "cluster_plans",
    "verdicts",
    "batches",
    "repairs",
    "offers",
    "alarms",
    "rates",
    "printed_numbers",
    "audits",
    "recap_of_sizes",
    "recap_of_budgets",
    "recap_of_training",
    "recap_of_serving",
    "recap_of_clusters",
    "recap_of_checking",
    "recap_of_formats",
    "recap_of_states",
    "recap_of_activations",
)


def __getattr__(name):
    if name.startswith("_"):
        raise AttributeError(name)
    if name in ("begin", "progress"):
        return getattr(importlib.import_module("llmcalc.checks.papers"), name)
    for subject in _SUBJECTS:
        module = importlib.import_module(f"llmcalc.checks.{subject}")
        if name == subject:
            return module
        if name in module.QUESTIONS:
            refuse_if_closed(f"checks.{name}", "questions")  # a question knows its answer
            return module.QUESTIONS[name]
    raise AttributeError(f"there is no check {name!r}")

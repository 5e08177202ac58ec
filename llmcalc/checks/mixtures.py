"""Questions about mixtures of experts: right answers, and the mistakes that people make."""

from dataclasses import replace

from llmcalc.blocks import attention_weights, feed_forward_weights
from llmcalc.checks.engine import Formula, Mistake
from llmcalc.families import FAMILIES
from llmcalc.transformer import Transformer


def _mixtral(vocabulary, layers, width, heads, kv_heads, head_dim, experts, expert_width, **row):
    """A model of Mixtral's family, or of one with a slip; which experts a token uses is left open."""
    family, sizes = replace(FAMILIES["mixtral"], **row), (layers, width, vocabulary, heads, kv_heads, head_dim)
    return Transformer(family, *sizes, feed_forward=1, experts=experts, expert_width=expert_width)


def _total(count, **row):
    """An answer about all parameters: `count` of the model."""
    return lambda *sizes: count(_mixtral(*sizes, **row))


def _used(count):
    """An answer about the parameters that a token uses: `count` of the model and of the experts per token."""
    return lambda *sizes: count(_mixtral(*sizes[:7], sizes[8]), sizes[7])


def _with_experts(model, experts):
    """All parameters, but so many experts in each layer; the router keeps an output for every expert there is."""
    return model.parameters.total - model.parameters.experts.total + model.layers * experts * model.expert_weights


QUESTIONS = {
    "mixture_parameters": Formula(
        right=lambda vocabulary, layers, width, heads, kv_heads, head_dim, experts, expert_width: (
            _mixtral(vocabulary, layers, width, heads, kv_heads, head_dim, experts, expert_width).parameters.total
        ),
        hint="Two tables; then one layer: attention, router, experts, norms; then what stands at the end.",
        mistakes=(
            *(
                Mistake(
                    "a whole model for each expert",
                    _total(lambda m, routers=routers: m.experts * _with_experts(m, 1) - routers(m) * m.router_weights),
                    "There are many experts, but only one attention a layer, and only one pair of tables.",
                )
                for routers in (  # those too many: none is left, each has its own, they share one
                    lambda m: m.layers * m.experts,
                    lambda m: 0,
                    lambda m: m.layers * (m.experts - 1),
                )
            ),
            *(
                Mistake(
                    "more than the experts repeated for each of them (attention, perhaps norms)",
                    _total(lambda m, more=more: m.parameters.total + (m.experts - 1) * more(m.parameters)),
                    "Which part of a layer is it that stands there several times?",
                )
                for more in (
                    lambda p: p.attention.total,
                    lambda p: p.attention.total + p.norm.layers,
                    lambda p: p.attention.total + p.norm.layers + p.router.total,
                    lambda p: p.norm.layers,
                )
            ),
            Mistake(
                "one router for the whole model",
                _total(lambda m: m.parameters.total - (m.layers - 1) * m.router_weights),
                "Where are the experts between which it chooses?",
            ),
            *(
                Mistake(
                    "experts in one layer only",
                    _total(
                        lambda m, more=more: (
                            m.parameters.total - (m.layers - 1) * (m.experts * m.expert_weights + more(m))
                        )
                    ),
                    "Each layer has experts of its own.",
                )
                for more in (lambda m: 0, lambda m: m.router_weights)
            ),
            Mistake(
                "one layer instead of all",
                lambda tokens, layers, *more: _mixtral(tokens, 1, *more).parameters.total,
                "Which of the arguments did you not use?",
            ),
            *(
                Mistake(
                    "a feed-forward part beside the experts",
                    _total(lambda m, part=part: m.parameters.total + m.layers * part(m)),
                    "The experts stand where other models have their feed-forward part.",
                )
                for part in (
                    lambda m: m.expert_weights,
                    lambda m: feed_forward_weights(m.width, m.expert_width),
                    lambda m: feed_forward_weights(m.width, 4 * m.width),
                )
            ),
            Mistake(
                "one expert a layer", _total(lambda m: _with_experts(m, 1)), "All experts are stored, used or not."
            ),
            Mistake(
                "the router forgotten",
                _total(lambda m: m.parameters.total - m.parameters.router.total),
                "Who decides which experts a token goes to?",
            ),
            Mistake(
                "router and norms forgotten",
                _total(lambda m: m.parameters.total - m.parameters.router.total - m.parameters.norm.total),
                "Two small things are missing: one chooses, the other keeps the values in bounds.",
            ),
            Mistake(
                "a router with biases",
                _total(lambda m: m.parameters.total + m.layers * m.experts),
                "The question says what the router is: one matrix, nothing added.",
            ),
            Mistake(
                "four square matrices in attention",
                _total(
                    lambda m: (
                        m.parameters.total
                        + m.layers * (attention_weights(m.width, 1, 1, m.width) - m.attention_weights)
                    )
                ),
                "Heads are grouped here, and need not be as wide as a token together.",
            ),
            Mistake(
                "experts without a gate",
                _total(lambda m: m.parameters.total, gated=False),
                "How many matrices has each expert?",
            ),
            Mistake(
                "one table instead of two",
                _total(lambda m: m.parameters.total - m.parameters.lm_head.total),
                "The output layer is not tied.",
            ),
            Mistake(
                "no tables",
                _total(lambda m: m.parameters.total - m.parameters.lm_head.total - m.parameters.embedding.total),
                "What turns tokens into vectors, and vectors into scores?",
            ),
            Mistake(
                "the norms forgotten",
                _total(lambda m: m.parameters.total - m.parameters.norm.total),
                "They are small, but not nothing.",
            ),
            Mistake(
                "the last norm forgotten", _total(lambda m: m.parameters.total, final_norm=False), "Look at the end."
            ),
            Mistake(
                "one norm a layer",
                _total(lambda m: m.parameters.total, norms=1),
                "Attention has one, and so has what comes after it.",
            ),
            Mistake(
                "norms that have biases",
                _total(lambda m: m.parameters.total, norm="layer"),
                "What does an RMSNorm keep for a value?",
            ),
            Mistake(
                "keys and values for every query head",
                lambda tokens, layers, d, heads, shared, *more: (
                    _mixtral(tokens, layers, d, heads, heads, *more).parameters.total
                ),
                "How many heads do keys and values have?",
            ),
        ),
    ),
    "active_parameters": Formula(
        right=lambda vocabulary, layers, width, heads, kv_heads, head_dim, experts, experts_per_token, expert_width: (
            _used(_with_experts)(
                vocabulary, layers, width, heads, kv_heads, head_dim, experts, experts_per_token, expert_width
            )
        ),
        hint="Start from all parameters and ask: which of them does a token leave untouched?",
        mistakes=(
            Mistake(
                "every expert counted",
                _used(lambda m, used: m.parameters.total),
                "Which experts does a token never meet?",
            ),
            Mistake("one expert a token", _used(lambda m, used: _with_experts(m, 1)), "How many does it go to?"),
            Mistake(
                "the experts left out altogether", _used(lambda m, used: _with_experts(m, 0)), "Some of them are used."
            ),
            Mistake(
                "the idle experts counted instead of the used ones",
                _used(lambda m, used: _with_experts(m, m.experts - used)),
                "Which of the two groups works for the token?",
            ),
            Mistake(
                "the idle experts of one layer only",
                _used(lambda m, used: m.parameters.total - (m.experts - used) * m.expert_weights),
                "Every layer has its own experts, and its own idle ones.",
            ),
            Mistake(
                "the share of the experts applied to the whole model",
                _used(lambda m, used: m.parameters.total * used / m.experts),
                "Attention, norms and tables are used by every token.",
            ),
            Mistake(
                "a whole model for each expert that is used",
                _used(lambda m, used: used * _with_experts(m, 1)),
                "Only the experts are there several times; the token goes through the rest once.",
            ),
            *(
                Mistake(
                    "more than the experts repeated for each that is used (attention, perhaps norms)",
                    _used(lambda m, used, more=more: _with_experts(m, used) + (used - 1) * more(m.parameters)),
                    "Only the experts are there several times; the token goes through the rest once.",
                )
                for more in (lambda p: p.attention.total, lambda p: p.attention.total + p.norm.layers)
            ),
            Mistake(
                "the experts of one layer only",
                _used(lambda m, used: _with_experts(m, 0) + used * m.expert_weights),
                "The token meets experts in every layer.",
            ),
            Mistake(
                "a router with outputs for the used experts only",
                _used(lambda m, used: _with_experts(m, used) - m.layers * (m.experts - used) * m.width),
                "To choose, the router has to score every expert.",
            ),
            Mistake(
                "the router forgotten",
                _used(lambda m, used: _with_experts(m, used) - m.parameters.router.total),
                "Every token goes through it.",
            ),
            Mistake(
                "the embedding left out",
                _used(lambda m, used: _with_experts(m, used) - m.parameters.embedding.total),
                "The question counts both tables. (Some publications do not.)",
            ),
            Mistake(
                "both tables left out",
                _used(lambda m, used: _with_experts(m, used) - 2 * m.parameters.embedding.total),
                "The question counts both tables. (Some publications do not.)",
            ),
        ),
    ),
}

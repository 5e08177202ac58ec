"""Questions about the matrices of attention with shared keys and values: right answers, and common mistakes."""

from llmcalc.blocks import attention_weights
from llmcalc.checks.engine import Choice, Formula, Mistake
from llmcalc.mlp import dense_weights

QUESTIONS = {
    "grouped_attention_weights": Formula(
        right=lambda width, heads, kv_heads, head_dim: attention_weights(width, heads, kv_heads, head_dim),
        hint="Four matrices: for each, what enters and what comes out? Two of them know only the key/value heads.",
        mistakes=(
            Mistake(
                "keys and values for every query head",
                lambda width, heads, kv_heads, head_dim: attention_weights(width, heads, heads, head_dim),
                "How many heads do keys and values have?",
            ),
            Mistake(
                "queries and output for the key/value heads only",
                lambda width, heads, kv_heads, head_dim: attention_weights(width, kv_heads, kv_heads, head_dim),
                "Sharing is for keys and values. How many queries are there?",
            ),
            Mistake(
                "keys or values forgotten",
                lambda d, heads, shared, head: (
                    attention_weights(d, heads, shared, head) - dense_weights(d, shared * head)
                ),
                "A group shares a key and a value.",
            ),
            Mistake(
                "queries or output forgotten",
                lambda d, heads, shared, head: (
                    attention_weights(d, heads, shared, head) - dense_weights(d, heads * head)
                ),
                "Something has to ask, and something has to bring the heads' results together.",
            ),
            Mistake(
                "queries and output alone",
                lambda d, heads, shared, head: 2 * dense_weights(d, heads * head),
                "What do the queries look for, and what do they bring back?",
            ),
            Mistake(
                "the output matrix only as tall as the key/value heads",
                lambda d, heads, shared, head: dense_weights(d, heads * head) + 3 * dense_weights(d, shared * head),
                "Every query head has a result of its own.",
            ),
            Mistake(
                "square matrices for queries and output",
                lambda d, heads, shared, head: 2 * dense_weights(d, d) + 2 * dense_weights(d, shared * head),
                "Are all heads together as wide as a token? The question does not say so.",
            ),
            Mistake(
                "a square output matrix (or a square one for the queries)",
                lambda d, heads, shared, head: (
                    dense_weights(d, d) + dense_weights(d, heads * head) + 2 * dense_weights(d, shared * head)
                ),
                "All results side by side go in, and a token comes out. Is the first as wide as the second?",
            ),
            Mistake(
                "the lesson's formula, in which all heads together are as wide as the token",
                lambda d, heads, shared, head: attention_weights(d, heads, shared, d / heads),
                "That needs a head_dim of width over heads, and the question does not say so. Which argument did you "
                "not use?",
            ),
            Mistake(
                "four square matrices",
                lambda width, heads, kv_heads, head_dim: attention_weights(width, 1, 1, width),
                "That is attention without sharing, with heads that fill the width.",
            ),
            Mistake(
                "heads that read only a slice of the token",
                lambda width, heads, kv_heads, head_dim: attention_weights(head_dim, heads, kv_heads, head_dim),
                "Each head reads the whole token and makes few values of it.",
            ),
            Mistake(
                "biases that the question leaves out",
                lambda d, heads, shared, head: (
                    attention_weights(d, heads, shared, head) + (heads + 2 * shared) * head + d
                ),
                "Only weights are asked for.",
            ),
        ),
    ),
    "twice_the_heads": Choice(
        right="c",
        because="Queries and output keep heads times head_dim. Keys and values keep their number of heads, each half "
        "as wide. With as many key/value heads as heads nothing at all would change.",
        replies={
            "a": "There are twice as many heads, and what does each of them lose? Write down heads times head_dim.",
            "b": "That holds as long as the key/value heads double as well. Write down kv_heads times head_dim.",
            "d": "Write down heads times head_dim, before and after: which two matrices does it shape?",
        },
    ),
}

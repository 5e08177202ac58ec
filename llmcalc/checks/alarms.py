"""Questions about numbers that raise an alarm: a factor that fits too well, a limiting case."""

from llmcalc.checks.engine import Choice, Formula, Mistake
from llmcalc.inference import kv_cache_bytes
from llmcalc.models import model
from llmcalc.symbolic import share

CACHED = {name: model(name) for name in ("llama-2-7b", "llama-3-8b", "llama-3-70b", "mistral-nemo-12b")}


def cached(each, context=1):
    """Bytes of the cache of a model, in 16 bits."""
    return kv_cache_bytes(each.layers, each.kv_heads, each.head_dim, context)


def cached_by_program(each, context=1):
    """The same, as the program of the question takes it to be."""
    return kv_cache_bytes(each.layers, 1, each.width, context)


def pairs(prompt, new_tokens):
    """Pairs of a new token with one that it may see: all of the prompt, new ones before it, and itself."""

    def up_to(tokens):
        return share(tokens * (tokens + 1), 2)

    return up_to(prompt + new_tokens) - up_to(prompt)


QUESTIONS = {
    "what_the_cache_counted": Choice(
        right="c",
        because="A key and a value are taken to be as long as the model is wide. In three of the models that is query "
        "heads times head size. In the last one the heads together are narrower than the model: only the width leaves "
        "a factor that is not heads over key/value heads.",
        replies={
            "a": "That would explain a factor of 8, and it would be 8 for all models. What does the first row say?",
            "b": "That would give the same factor for all models. What do the rows that differ have in common?",
            "d": "This explains three of the rows. What would the factor be in the last one?",
            "e": "A factor from that would be the same for all models, and a power of two. Look at the last row.",
        },
    ),
    "pairs_behind_a_prompt": Formula(
        right=pairs,
        hint="The first new token sees the prompt and itself. How many does the last one see? Then the sum. Try your "
        "formula with no prompt and two new tokens, counted by hand.",
        mistakes=(
            Mistake(
                "no mask among the new tokens",
                lambda prompt, new: new * (prompt + new),
                "No alarm rings at zero or one new token. Count two of them by hand: does the first see the second?",
            ),
            Mistake(
                "half of the square, without the diagonal's other half",
                lambda prompt, new: new * prompt + new**2 / 2,
                "One new token without a prompt sees one token: itself. What does yours say?",
            ),
            Mistake(
                "the prompt's own pairs as well",
                lambda prompt, new: share((prompt + new) * (prompt + new + 1), 2),
                "With no new token at all, nothing new is computed. What does yours say?",
            ),
            Mistake(
                "a token that does not see itself",
                lambda prompt, new: new * prompt + share(new * (new - 1), 2),
                "One new token without a prompt sees one token: itself. What does yours say?",
            ),
            Mistake(
                "the prompt alone",
                lambda prompt, new: new * prompt,
                "A new token sees new ones as well: those before it, and itself.",
            ),
            Mistake(
                "the prompt once, not for each new token",
                lambda prompt, new: prompt + share(new * (new + 1), 2),
                "Every new token sees all of the prompt.",
            ),
            Mistake(
                "the new tokens alone",
                lambda prompt, new: share(new * (new + 1), 2),
                "Every new token sees all of the prompt as well.",
            ),
            Mistake(
                "all pairs in both directions",
                lambda prompt, new: (prompt + new) ** 2,
                "That is no mask, and the pairs of the prompt as well.",
            ),
            Mistake(
                "the tokens, in place of the pairs",
                lambda prompt, new: prompt + new,
                "That many tokens the last new one sees. And those before it?",
            ),
            Mistake(
                "new tokens that see the prompt and themselves",
                lambda prompt, new: new * (prompt + 1),
                "No alarm rings at zero or one new token. Does the second one see the first?",
            ),
            Mistake(
                "half of all pairs",
                lambda prompt, new: (prompt + new) * new / 2,
                "The mask hides later tokens. Are there any in the prompt?",
            ),
            Mistake(
                "a triangle without its half",
                lambda prompt, new: new * prompt + new * (new + 1),
                "One new token without a prompt sees one token: itself. What does yours say?",
            ),
        ),
    ),
}

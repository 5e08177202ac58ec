"""Questions about what the forward pass keeps for the backward pass: right answers, and the mistakes people make."""

from fractions import Fraction
from functools import partial

from llmcalc.activations import STATISTIC_BYTES
from llmcalc.blocks import feed_forward_weights
from llmcalc.checks.engine import Choice, Formula, Mistake
from llmcalc.memory import stored_bytes
from llmcalc.transformer import Transformer


def _squared_relu(tokens, width, feed_forward, bytes_per_value, wide=2, inside=2, statistics=1, masks=0):
    """What norm, matrix, ReLU, square and matrix keep; the numbers say how many tensors of each kind count."""
    kept = stored_bytes(tokens * (wide * width + inside * feed_forward), bytes_per_value)
    return kept + stored_bytes(statistics * tokens, STATISTIC_BYTES) + stored_bytes(masks * tokens * feed_forward, 1)


def _squared_relu_slips():
    once = "ReLU and the square want the same tensor. How often does it lie in memory?"
    two = "The norm and the matrix behind it work on two different tensors of the same size."
    own = "Nobody here needs its own result. What comes after may need it, and then counts it."
    rows = (
        ("the number that the norm keeps for each token forgotten", {"statistics": 0}, "One more thing, and small."),
        ("two numbers that the norm keeps for each token", {"statistics": 2}, "This norm subtracts no mean."),
        ("three tensors inside the feed-forward part", {"inside": 3}, once),
        (
            "three tensors inside the feed-forward part, and the norm's number forgotten",
            {"inside": 3, "statistics": 0},
            once,
        ),
        ("four tensors inside the feed-forward part", {"inside": 4}, once),
        (
            "one of the two tensors inside the feed-forward part forgotten",
            {"inside": 1},
            "The second matrix works on one tensor. Do ReLU and the square go back with the same one?",
        ),
        ("a mask in place of the result of ReLU", {"inside": 1, "masks": 1}, "Enough for ReLU. For the square?"),
        ("a mask of ReLU as well", {"masks": 1}, "Its result tells where it was positive. The square keeps that."),
        ("what the norm or the first matrix works on forgotten", {"wide": 1}, two),
        ("what the norm works on forgotten, and its number", {"wide": 1, "statistics": 0}, two),
        ("the result of the second matrix, or one more tensor as wide as the layer", {"wide": 3}, own),
        ("a tensor too many of either width", {"wide": 3, "inside": 3}, own),
        (
            "nothing kept but the inputs of the two matrices",
            {"wide": 1, "inside": 1, "statistics": 0},
            "Norm, ReLU and square have derivatives, too. What do those need?",
        ),
        (
            "nothing kept but the inputs of the two matrices and a number for each token",
            {"wide": 1, "inside": 1},
            "With its number alone the norm cannot go back. And ReLU and the square?",
        ),
    )
    numbers = (
        ("in the format of the tensors", lambda tokens, _, size: stored_bytes(tokens, size)),
        ("for each value", lambda tokens, width, _: stored_bytes(tokens * width, STATISTIC_BYTES)),
        ("times the bytes of a value", lambda tokens, _, size: stored_bytes(tokens * size, STATISTIC_BYTES)),
        ("once, not for each token", lambda *_: STATISTIC_BYTES),
    )
    return (
        *(Mistake(name, partial(_squared_relu, **how), hint) for name, how, hint in rows),
        *(
            Mistake(
                f"the norm's number {name}",
                lambda tokens, width, inside, size, of=of: (
                    _squared_relu(tokens, width, inside, size, statistics=0) + of(tokens, width, size)
                ),
                "It is one number for each token. In which format, by the question?",
            )
            for name, of in numbers
        ),
        Mistake(
            "one byte for each value of a tensor",
            lambda tokens, width, inside, size: _squared_relu(tokens, width, inside, 1),
            "Your function is told how many bytes a value has. Does it use that?",
        ),
        Mistake(
            "the weights of both matrices counted as well",
            lambda tokens, width, inside, size: (
                _squared_relu(tokens, width, inside, size) + stored_bytes(feed_forward_weights(width, inside), size)
            ),
            "The way back needs them, but they are there anyway. The question asks for activations.",
        ),
    )


def _plain_layer(batch, sequence, heads, head_dim, bytes_per_value, dropout=False):
    """What a plain layer keeps; its width is that of all heads together."""
    sizes = {"n_layer": 1, "n_embd": heads * head_dim, "n_head": heads, "n_positions": 1, "vocab_size": 1}
    plain = Transformer.from_config({"model_type": "gpt2", **sizes})
    return plain.activation_bytes(batch, sequence, bytes_per_value, attention="explicit", dropout=dropout).per_layer


def _for_dropout(batch, sequence, heads, head_dim, bytes_per_value, stream=1, masks=1, weights=1, size=1, dropped=0):
    """What dropout adds to a plain layer; the numbers say how often a part counts, and how large a mask's value is."""
    layer = _plain_layer(batch, sequence, heads, head_dim, bytes_per_value, dropout=True)
    shares = stored_bytes(batch * heads * sequence**2, bytes_per_value)
    hidden, scores = layer.dropout_1.total + layer.dropout_2.total, layer.scores.dropout_mask.total
    return (
        size * (stream * hidden + masks * scores) + weights * shares + dropped * stored_bytes(hidden, bytes_per_value)
    )


def _dropout_slips():
    without = "Without dropout, the softmax's result is itself what multiplies the values. Is it still, with dropout?"
    size = "A mask says yes or no. How large is that, by the question?"
    rows = (
        ("nothing but masks", {"weights": 0}, without),
        ("nothing but the masks of the two halves", {"masks": 0, "weights": 0}, "Are the shares dropped as well?"),
        ("nothing but the mask of the shares", {"stream": 0, "weights": 0}, "There are three places. You count one."),
        ("nothing but what happens to the shares", {"stream": 0}, "There are three places. You count one."),
        (
            "three masks as large as the tensor between two layers",
            {"stream": Fraction(3, 2), "masks": 0, "weights": 0},
            "There is a share for each head and each pair of tokens.",
        ),
        (
            "a third mask as large as the tensor between two layers",
            {"stream": Fraction(3, 2)},
            "Two halves of a layer, and the shares: which masks have which size?",
        ),
        ("one of the two halves of the layer", {"stream": Fraction(1, 2)}, "Attention and feed-forward part: both."),
        ("the mask of the shares forgotten", {"masks": 0}, "The way back has to know which shares were dropped."),
        ("the mask of the shares counted twice", {"masks": 2}, "Which tensors hold a value for each pair of tokens?"),
        (
            "all three score matrices that a layer with dropout keeps",
            {"weights": 2},
            "One of them is there without dropout, too. The question asks for the difference.",
        ),
        (
            "the dropped-out results of both halves kept as well",
            {"dropped": 1},
            "A sum comes next, and a sum needs nothing to go back.",
        ),
        ("masks of one bit for each value", {"size": Fraction(1, 8)}, size),
    )
    return (
        *(Mistake(name, partial(_for_dropout, **how), hint) for name, how, hint in rows),
        Mistake(
            "masks with values as large as all others",
            lambda *sizes: _for_dropout(*sizes, size=sizes[-1]),
            size,
        ),
        Mistake(
            "nothing but masks, and those with values as large as all others",
            lambda *sizes: _for_dropout(*sizes, size=sizes[-1], weights=0),
            f"{size} And what multiplies the values, with dropout and without?",
        ),
        Mistake(
            "two bytes for each share, whatever the format",
            lambda *sizes: _for_dropout(*sizes, weights=Fraction(2) / sizes[-1]),
            "Your function is told how many bytes a value has. Does it use that?",
        ),
        Mistake(
            "scores of a single head",
            lambda *sizes: _for_dropout(*sizes, masks=Fraction(1) / sizes[2], weights=Fraction(1) / sizes[2]),
            "Every head has a share for each pair of tokens.",
        ),
        Mistake(
            "a layer as wide as one of its heads",
            lambda *sizes: _for_dropout(*sizes, stream=Fraction(1) / sizes[2]),
            "All heads together are as wide as the layer.",
        ),
        Mistake(
            "scores of a single sequence",
            lambda *sizes: _for_dropout(*sizes, masks=Fraction(1) / sizes[0], weights=Fraction(1) / sizes[0]),
            "Every sequence of the batch has pairs of its own.",
        ),
        Mistake(
            "a share for each token, not for each pair of them",
            lambda *sizes: _for_dropout(*sizes, masks=Fraction(1) / sizes[1], weights=Fraction(1) / sizes[1]),
            "Each token looks at all tokens of its sequence.",
        ),
        Mistake(
            "all that the layer keeps with dropout",
            lambda *sizes: _plain_layer(*sizes, dropout=True).total,
            "The question asks for the difference to a layer without dropout.",
        ),
    )


def _balance(width, heads, feed_forward, wide=8, inside=4, scores=1):
    """Tokens at which the scores of a gated layer take as much as all else; the numbers say how many tensors count.

    One head as wide as all of them stands for their queries, keys, values and results, which do not depend on it.
    """
    sizes = {"num_hidden_layers": 1, "hidden_size": width, "num_attention_heads": 1, "num_key_value_heads": 1}
    gated = Transformer.from_config(
        {"model_type": "llama", "intermediate_size": feed_forward, "vocab_size": 1, **sizes}
    )
    layer = gated.activation_bytes(attention="explicit").per_layer
    of_inside = layer.gate.total + layer.activated_gate.total + layer.up.total + layer.down_input.total
    statistics = layer.norm_1.statistics.total + layer.norm_2.statistics.total
    of_width = layer.total - of_inside - statistics - layer.scores.total
    return (Fraction(wide, 8) * of_width + Fraction(inside, 4) * of_inside) / (heads * scores * layer.scores.total)


def _balance_slips():
    again = "Go through the layer once more: two norms, inputs of matrices, both products of attention."
    once = "Sums keep nothing, and a tensor that two operations need is kept once."
    rows = (
        (
            "the scores kept before and after the softmax",
            {"scores": 2},
            "Which of the two does the softmax need on its way back? And the product with the values?",
        ),
        (
            "two tensors inside the feed-forward part",
            {"inside": 2},
            "That is the plain part. Here two vectors are multiplied, one of them after a SiLU.",
        ),
        ("three tensors inside the feed-forward part", {"inside": 3}, "Draw the gate, and mark who needs what."),
        ("five tensors inside the feed-forward part", {"inside": 5}, once),
        ("nothing inside the feed-forward part", {"inside": 0}, "The largest tensors are there."),
        ("no tensor as wide as the layer", {"wide": 0}, "Norms and attention keep something, too."),
        *((f"{wide} tensors as wide as the layer", {"wide": wide}, again) for wide in (4, 5, 6, 7)),
        *((f"{wide} tensors as wide as the layer", {"wide": wide}, once) for wide in (9, 10)),
    )
    return (
        *(Mistake(name, partial(_balance, **how), hint) for name, how, hint in rows),
        Mistake(
            "scores of a single head",
            lambda width, heads, feed_forward: _balance(width, 1, feed_forward),
            "Every head has a matrix of its own.",
        ),
        Mistake(
            "the plain layer, without dropout",
            lambda width, heads, feed_forward: _balance(width, heads, width, inside=8),
            "This layer has a gate, and another width inside.",
        ),
        Mistake(
            "the plain layer, with dropout in 16 bits",
            lambda width, heads, feed_forward: Fraction(17, 40) * _balance(width, heads, width, inside=8),
            "This layer has a gate, another width inside, and no dropout.",
        ),
        Mistake(
            "parentheses missing above the line",
            lambda width, heads, feed_forward: (
                _balance(width, 1, feed_forward, inside=0) + _balance(width, heads, feed_forward, wide=0)
            ),
            "Python divides the last term only.",
        ),
        Mistake(
            "parentheses missing above the line, the other way round",
            lambda width, heads, feed_forward: (
                _balance(width, heads, feed_forward, inside=0) + _balance(width, 1, feed_forward, wide=0)
            ),
            "Python divides the term in front of the stroke only.",
        ),
        Mistake(
            "the fraction upside down",
            lambda *sizes: 1 / _balance(*sizes),
            "A wider layer keeps more beside its scores. Does it take more tokens until they catch up, or fewer?",
        ),
    )


QUESTIONS = {
    "who_needs_its_input": Choice(
        right="b",
        because="The slopes of exp, sigmoid and ReLU can be told from their results, and a sum has none to remember. "
        "The result of a square or a cosine leaves open which of two inputs it came from, and their slopes differ.",
        replies={
            "a": "Every derivative is taken at the input, true. Can some of them be written with the result?",
            "c": "The slope of a square has a sign. Which inputs have a square of 9, and is the slope there the same?",
            "d": "By how much does a sum change when one of its two tensors changes? Does that depend on the other?",
            "e": "For one of these, what comes out already says how steep it is: write its derivative.",
        },
    ),
    "bytes_of_squared_relu": Formula(
        right=lambda tokens, width, feed_forward, bytes_per_value: _squared_relu(
            tokens, width, feed_forward, bytes_per_value
        ),
        unit="B",
        hint="Five operations in a row. For each, write the derivative, and underline the tensors in it. Then count "
        "every tensor once.",
        mistakes=_squared_relu_slips(),
    ),
    "bytes_for_dropout": Formula(
        right=lambda batch, sequence, heads, head_dim, bytes_per_value: _for_dropout(
            batch, sequence, heads, head_dim, bytes_per_value
        ),
        unit="B",
        hint="First the masks: where are they, and how large? Then ask what multiplies the values, with dropout and "
        "without.",
        mistakes=_dropout_slips(),
    ),
    "tokens_of_balance": Formula(
        right=lambda width, heads, feed_forward: _balance(width, heads, feed_forward),
        hint="Count the tensors as wide as the layer, then those as wide as the feed-forward part. On the other side "
        "stands one value for each head and each pair of tokens. Perhaps more than one thing is off.",
        mistakes=_balance_slips(),
    ),
}

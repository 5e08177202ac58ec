"""The answers about activations hold against the ledger, and against memory followed tensor by tensor."""

from itertools import pairwise

import pytest

from llmcalc import Transformer, checks, gpu, model
from llmcalc.checks import held_at_once

GPT2 = {"model_type": "gpt2", "n_layer": 6, "n_positions": 64, "vocab_size": 100}


def right(name, *values):
    return getattr(checks, name).right(*values)


@pytest.mark.parametrize("bytes_per_value", [2, 4])
@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (2, 8, 4, 16), (3, 64, 12, 64)])
def test_what_dropout_adds_is_the_difference_of_two_ledgers(sizes, bytes_per_value):
    batch, sequence, heads, head_dim = sizes
    plain = Transformer.from_config(GPT2 | {"n_embd": heads * head_dim, "n_head": heads})
    with_it, without = (
        plain.activation_bytes(batch, sequence, bytes_per_value, attention="explicit", dropout=dropout).per_layer.total
        for dropout in (True, False)
    )
    assert right("bytes_for_dropout", *sizes, bytes_per_value) == with_it - without


def test_at_the_tokens_of_balance_scores_take_as_much_as_all_else():
    sizes = {"num_hidden_layers": 1, "hidden_size": 4096, "intermediate_size": 14_336, "vocab_size": 100}
    gated = Transformer.from_config({"model_type": "llama", "num_attention_heads": 32, **sizes})
    tokens = right("tokens_of_balance", 4096, 32, 14_336)
    assert tokens == 2816
    layer = gated.activation_bytes(1, int(tokens), attention="explicit").per_layer
    statistics = layer.norm_1.statistics.total + layer.norm_2.statistics.total
    assert layer.total - statistics == 2 * layer.scores.total


def test_the_square_keeps_what_its_derivative_asks_for():
    """Tensors by hand, in fp32: input of the norm, its number, input of the matrix, result of ReLU, its square."""
    tokens, width, inside = 5, 8, 24
    tensors = [(tokens, width), (tokens, 1), (tokens, width), (tokens, inside), (tokens, inside)]
    assert right("bytes_of_squared_relu", tokens, width, inside, 4) == sum(4 * rows * each for rows, each in tensors)


# --- memory followed through a step: a set of what is held, and the most it ever weighs


def most_held(layers, segment, input_bytes, inside_bytes, levels):
    """The most that is held while the way back goes through a network in segments."""
    weights = {"input": input_bytes, "inside": inside_bytes}
    starts = list(range(0, layers, segment))
    held = {("input", start) for start in starts}
    most = 0

    def weigh():
        nonlocal most
        most = max(most, sum(weights[kind] for kind, _ in held))

    weigh()
    for start in reversed(starts):
        inside = range(start, start + segment)
        for layer in inside:  # forward again
            held.add(("input", layer))
            if levels == 1:
                held.add(("inside", layer))
        weigh()
        for layer in reversed(inside):
            held.add(("inside", layer))
            weigh()
            held -= {("inside", layer), ("input", layer)}
    assert not held
    return most


@pytest.mark.parametrize("segment", [1, 2, 3, 4, 6, 12])
@pytest.mark.parametrize("weights", [(1, 15), (7, 2)])
def test_the_fullest_moment_with_segments_is_the_one_of_a_step_followed_tensor_by_tensor(segment, weights):
    assert right("fullest_with_segments", 12, segment, *weights) == most_held(12, segment, *weights, levels=1)


@pytest.mark.parametrize("layers", [4, 16, 36, 64])
def test_two_levels_take_as_little_as_the_best_of_all_segments_followed_tensor_by_tensor(layers):
    segments = [segment for segment in range(1, layers + 1) if layers % segment == 0]
    least = min(most_held(layers, segment, 1, 15, levels=2) for segment in segments)
    assert right("least_with_two_levels", layers, 1, 15) == least


def test_segments_of_one_layer_are_full_recomputation():
    plain = Transformer.from_config(GPT2 | {"n_embd": 32, "n_head": 4})
    kept, full = (plain.activation_bytes(2, 64, attention="explicit", recompute=how) for how in ("none", "full"))
    outer = full.per_layer.total
    inner = kept.per_layer.total - outer
    elsewhere = full.embedding.total + full.head_and_loss.total
    assert right("fullest_with_segments", 6, 1, outer, inner) == full.peak - outer - elsewhere
    assert right("fullest_with_segments", 6, 6, outer, inner) == kept.layers.total


# --- the settings


def rough(setting):
    """Bytes as the question tells to count them, without what is small."""
    tokens, layers, width, heads, words = 1024, 36, 1280, 20, 50_257
    others, scores = 32 * tokens * width, 2 * heads * tokens**2
    kept = {"none": others + scores, "selective": others, "full": 2 * tokens * width}[setting.recompute]
    back = others + scores if setting.recompute == "full" else 0
    return 16 * 774_030_080 + setting.batch * (layers * kept + max(14 * tokens * words, back))


@pytest.mark.parametrize("setting", held_at_once.settings_of(1), ids=lambda setting: setting.name)
def test_what_is_small_does_not_decide_what_fits(setting):
    exact = held_at_once._fullest(setting)
    assert rough(setting) == pytest.approx(exact, rel=0.004)
    assert (rough(setting) <= 24e9) == held_at_once._fits(setting)
    assert abs(exact - 24e9) > 0.005 * 24e9


def pace(setting):
    return held_at_once._pace("rtx-4090", setting)


@pytest.mark.parametrize("group", held_at_once.REACHED)
def test_no_single_column_tells_the_fastest_setting_that_fits(group):
    settings = held_at_once.settings_of(group)
    fitting = [setting for setting in settings if held_at_once._fits(setting)]
    winner = max(fitting, key=pace)
    assert pace(winner) == held_at_once._best("rtx-4090", group)
    assert (winner.recompute, winner.batch) == ("selective", 5)
    for of in (settings, fitting):
        assert winner is not max(of, key=lambda setting: setting.batch)
        assert winner is not max(of, key=lambda setting: setting.reached)
        assert winner is not min(of, key=held_at_once._fullest)
        assert winner is not max(of, key=held_at_once._fullest)
    assert winner is not max(settings, key=pace)
    assert winner not in (fitting[0], fitting[-1])  # as of a loop that returns too early, or keeps the last


@pytest.mark.parametrize("setting", held_at_once.settings_of(1), ids=lambda setting: setting.name)
def test_the_pace_of_a_setting_is_its_rate_over_the_exact_work_of_a_token(setting):
    flops = model("gpt2-large").training_flops(1, 1024, recompute=setting.recompute) / 1024
    assert pace(setting) == pytest.approx(165.2e12 * setting.reached / flops, rel=1e-12)


def test_the_groups_consider_the_same_settings_in_another_order_and_their_cards_have_the_same_memory():
    orders = [[each.batch for each in held_at_once.settings_of(group)] for group in held_at_once.REACHED]
    assert len(set(map(tuple, orders))) == 4 and len(set(map(frozenset, orders))) == 1
    assert {gpu(card).memory_bytes for card in held_at_once.CARDS} == {24 * 10**9}


def test_the_plan_with_the_slip_ends_below_the_states_alone_and_each_line_above_it_does_not():
    medium = model("gpt2-medium")
    states = 16 * medium.parameters.total

    def held(**how):
        return states + medium.activation_bytes(8, 1024, **how).total

    explicit, without = (held(attention="explicit", dropout=dropout) for dropout in (True, False))
    flash = held(attention="flash", dropout=True)
    planned = flash - (explicit - without)
    assert planned < states < flash < explicit
    assert all(larger > smaller for larger, smaller in pairwise([flash, held(), held(recompute="full"), states]))


# --- mistakes, worked out a second time


AGAIN = [
    ("bytes_of_squared_relu", "a mask of ReLU as well", (5, 8, 24, 2), 5 * (2 * 16 + 2 * 48 + 4 + 24)),
    ("bytes_of_squared_relu", "the weights of both matrices counted as well", (1, 8, 24, 2), 132 + 2 * 2 * 8 * 24),
    ("bytes_for_dropout", "scores of a single head", (2, 8, 4, 16, 2), 2 * 2 * 8 * 64 + 2 * 64 * 3),
    ("bytes_for_dropout", "a share for each token, not for each pair of them", (2, 8, 4, 16, 2), 2048 + 2 * 4 * 8 * 3),
    ("tokens_of_balance", "the plain layer, without dropout", (64, 4, 7), 16 * 16),
    ("tokens_of_balance", "the plain layer, with dropout in 16 bits", (640, 4, 7), 34 * 160 / 5),
    ("tokens_of_balance", "parentheses missing above the line", (64, 4, 100), 8 * 64 + 100),
    ("logits_at_the_fullest", "both gradients forgotten", (), 8192 * 128_256 * 6e-9),
    ("fullest_with_segments", "the inputs of the layers inside the segment forgotten", (12, 4, 10, 7), 3 * 10 + 4 * 7),
    ("fullest_with_segments", "nothing there again", (12, 4, 10, 7), 30),
    ("fullest_with_segments", "one segment alone, without what the others keep", (12, 4, 10, 7), 4 * 17),
    ("least_with_two_levels", "the least for segments that come back whole", (16, 1, 3), 2 * 8 - 1),
    ("least_with_two_levels", "all layers of a segment there again", (16, 10, 7), 7 * 10 + 4 * 7),
    (
        "fastest_that_fits",
        "thirteen sequences and full recomputation",
        (),
        165.2e12 * 0.47 / (4 * (1415.6e6 + 188.7e6) + 3 * 128.7e6),
    ),
    ("fastest_that_fits", "the forward pass alone", (), 165.2e12 * 0.38 / (1415.6e6 + 2 * 188.7e6 + 128.7e6)),
]


@pytest.mark.parametrize(("question", "name", "values", "amount"), AGAIN, ids=lambda value: str(value)[:40])
def test_a_mistake_comes_to_what_its_name_says(question, name, values, amount):
    found = {mistake.name: mistake for mistake in getattr(checks, question).mistakes}
    assert name in found, sorted(found)
    assert float(found[name].gives(*(values or getattr(checks, question).values_of("")))) == pytest.approx(
        float(amount), rel=1e-4
    )


@pytest.mark.parametrize(
    ("question", "answer", "says"),
    [
        (
            "fullest_with_segments",
            lambda n, k, outer, inner: n // k * outer + (k - 1) * outer + k * inner,
            "whole-number",
        ),
        (
            "fullest_with_segments",
            lambda n, k, outer, inner: n / k * (outer + inner),
            "as much there again as there are",
        ),
        ("least_with_two_levels", lambda n, outer, inner: 2 * n**0.5 * outer + inner, "counted twice"),
        ("tokens_of_balance", lambda d, a, f: 8 * d + 4 * f / a, "parentheses missing"),
        ("bytes_of_squared_relu", lambda n, d, f, e: n * e * (2 * d + 2 * f + 1), "in the format of the tensors"),
        ("bytes_for_dropout", lambda b, s, a, d, e: 3 * b * s * a * d, "three masks as large"),
        ("logits_at_the_fullest", lambda: 8192 * 128_256 * 14 / 2**30, "GiB in place of GB"),
        ("logits_at_the_fullest", lambda: 8192 * 128_256 * 14, "prefix lost on the way"),
        ("logits_at_the_fullest", lambda: 8192 * 128_256 * 112 / 1e9, "bits for bytes"),
        ("who_needs_its_input", lambda: "c", "square of 9"),
    ],
)
def test_what_people_write_is_recognised(question, answer, says):
    with pytest.raises(AssertionError, match=says):
        getattr(checks, question)(answer)


@pytest.mark.parametrize(
    "answer",
    [
        lambda n, outer, inner: (2 * n**0.5 - 1) * outer + inner,
        lambda n, outer, inner: (n / n**0.5 + n**0.5 - 1) * outer + inner,
        lambda n, outer, inner: 2 * (n * outer**2) ** 0.5 - outer + inner,
    ],
)
def test_the_root_may_be_written_as_one_likes(answer, capsys):
    checks.least_with_two_levels(answer)
    assert "for every input" in capsys.readouterr().out

"""The answers about cache, decoding, adapters and the chat service hold against ledgers, and against plain sums."""

from math import inf, isclose

import pytest

from llmcalc import checks, model
from llmcalc.checks import adapters, cache, chat_service, decoding
from llmcalc.finetuning import lora_ledger
from llmcalc.inference import cache_ledger, step_seconds
from llmcalc.serving import largest_context_served, read_ledger


def right(name, *values):
    return getattr(checks, name).right(*values)


@pytest.mark.parametrize("name", ["llama-3-8b", "llama-2-7b", "falcon-7b", "qwen3-0.6b"])
@pytest.mark.parametrize(("batch", "size"), [(1, 2), (7, 1)])
def test_what_a_step_leaves_is_the_difference_of_two_caches(name, batch, size):
    it = model(name)
    grown = it.kv_cache_bytes(batch, 11, size) - it.kv_cache_bytes(batch, 10, size)
    assert right("cache_of_a_step", it.layers, it.heads, it.kv_heads, it.head_dim, batch, size) == grown


@pytest.mark.parametrize("name", ["gemma-3-1b", "gemma-2-9b", "gpt-oss-20b", "mistral-7b"])
@pytest.mark.parametrize("beyond", [0, 1, 5000])
def test_layers_that_forget_keep_what_the_ledger_says(name, beyond):
    it = model(name)
    window = it.window - 1  # the library keeps one token less than a window holds
    layer = 2 * it.kv_heads * it.head_dim * 2
    kinds = it.layers - it.sliding_layers, it.sliding_layers
    assert right("cache_with_windows", *kinds, window, beyond, layer) == cache_ledger(it, 1, window + beyond).total


def test_a_common_beginning_is_kept_once():
    """By summing the tokens one after the other."""
    it = cache.ASSISTANT
    token = cache_ledger(it, 1, 1).total
    kept = [("all", n) for n in range(cache.SHARED)]
    kept += [(person, n) for person in range(cache.PEOPLE) for n in range(cache.OWN)]
    assert right("cache_of_conversations") == token * len(set(kept)) / 10**9


def test_the_longest_documents_are_the_largest_context_served():
    card = cache.READER_CARD
    served = largest_context_served(
        cache.READER,
        card.memory_bytes,
        cache.READINGS,
        cache.READER_SCHEME,
        bytes_per_value=1,
        margin_bytes=card.memory_bytes // 10,
    )
    assert right("longest_documents") == served


def test_the_pace_of_five_is_that_of_all_that_a_step_reads():
    """Norms and biases, which the question leaves out, are less than a thousandth."""
    read = read_ledger(decoding.WRITER, decoding.WRITERS, decoding.WRITTEN).total
    assert right("pace_of_five") == pytest.approx(5 * 936e9 / read, rel=1e-3)
    stored = 2 * decoding.WRITER.parameters.total + cache_ledger(decoding.WRITER, 5, decoding.WRITTEN).total
    assert stored < 0.9 * decoding.WRITER_CARD.memory_bytes  # the card holds it


@pytest.mark.parametrize("tokens", [1, 4])
def test_at_the_batch_of_balance_both_times_are_equal_and_beside_it_they_are_not(tokens):
    weights, bandwidth, peak = 10**9, 2e12, 300e12
    batch = right("batch_with_guesses", 4, tokens, bandwidth, peak)
    times = weights * 4 / 8 / bandwidth, 2 * weights * batch * tokens / peak
    assert times[0] == pytest.approx(times[1], rel=1e-12)
    read = weights * 4 / 8
    less, more = (step_seconds(read, bandwidth, 2 * weights * tokens * batch * by, peak) for by in (0.5, 2))
    assert (less, more) == pytest.approx((times[0], 2 * times[0]))


@pytest.mark.parametrize("name", ["llama-3-8b", "llama-2-7b", "mistral-nemo-12b", "qwen3-0.6b"])
def test_the_adapters_are_those_of_the_ledger(name):
    it = model(name)
    sizes = it.layers, it.width, it.heads, it.kv_heads, it.head_dim
    assert right("adapters_of_shared_heads", *sizes, 16) == lora_ledger(it, 16).total


def test_only_the_line_of_the_slip_is_off():
    weights, states, kept, share = adapters.tuning_report()
    trained = lora_ledger(adapters.TUNED, 16, "all-linear").total
    assert states == pytest.approx(16 * trained / 1e9)
    assert share == pytest.approx(trained / adapters.TUNED.parameters.total)
    assert weights < 8 < kept
    assert 1.1 * (weights + states + share * kept) < 12
    assert adapters._needed() == pytest.approx(1.1 * (weights + states + kept))
    assert weights + states + kept > 24  # even without the margin


# --- the chat service


def serves(offer, people):
    """Whether a card can serve so many, by the rules of the question in plain arithmetic."""
    parameters, card = 12_247_782_400, offer.card
    total = parameters * offer.weight_bits / 8 + people * 2 * 40 * 8 * 128 * 1200 * offer.cache_bits / 8
    seconds = max(
        total / (0.7 * card.memory_bytes_per_second), people * 2 * parameters / (0.5 * dict(card.dense)["bf16"])
    )
    return total <= 0.9 * card.memory_gb * 10**9 and seconds <= 1 / 20


def test_a_card_serves_as_many_as_its_limits_say_and_not_one_more():
    for offer in chat_service.OFFERS:
        people = int(min(chat_service.limits(offer)))
        assert people > 0 and serves(offer, people) and not serves(offer, people + 1), offer.name


def test_the_cheapest_conversations_are_found_by_trying_every_number_of_people():
    bills = {
        offer.name: min(1000 * offer.price / people for people in range(1, 1100) if serves(offer, people))
        for offer in chat_service.OFFERS
    }
    assert right("cheapest_conversations") == pytest.approx(min(bills.values()), rel=1e-12)
    best, second = sorted(bills.values())[:2]
    assert second > 1.1 * best  # rounding decides nothing


def test_each_of_the_three_limits_binds_somewhere():
    bound = {min(range(3), key=chat_service.limits(offer).__getitem__) for offer in chat_service.OFFERS}
    assert bound == {0, 1, 2}


def test_no_single_column_tells_the_cheapest_offer():
    offers = chat_service.OFFERS
    winner = min(offers, key=chat_service._bill)
    columns = (
        lambda offer: offer.price,
        lambda offer: offer.price / offer.card.memory_gb,
        lambda offer: offer.price / offer.card.memory_bytes_per_second,
        lambda offer: offer.weight_bits + offer.cache_bits,
        lambda offer: -offer.card.memory_gb,
        lambda offer: -offer.card.memory_bytes_per_second,
        lambda offer: -min(chat_service.limits(offer)),
    )
    guesses = [min(offers, key=column).name for column in columns]
    assert guesses.count(winner.name) <= 1, guesses  # the last: here the most people share the cheapest card


# --- mistakes, worked out a second time

TOKEN = 2 * 64 * 8 * 128 * 2
ROOM = 72 * 10**9 - 41_464_774_656
READ, KEPT = 2 * 7_070_285_824, 2 * 28 * 4 * 128 * 12_000 * 2
STEP = (10, 8, 2, 4, 3, 2)  # layers, heads, key/value heads, values of one, sequences, bytes: 960
AGAIN = [
    ("cache_of_a_step", "keys or values forgotten", STEP, 480),
    ("cache_of_a_step", "as many queries as keys kept as well", STEP, 1440),
    ("cache_of_a_step", "the queries of all heads kept as well", STEP, 960 + 10 * 8 * 4 * 3 * 2),
    ("cache_of_a_step", "a key for each query head", STEP, 3840),
    ("cache_of_a_step", "as many keys as query heads that share one", (10, 6, 2, 4, 3, 2), 1440),
    ("cache_of_a_step", "one layer only, and one sequence only", STEP, 32),
    ("cache_of_a_step", "keys or values forgotten, and a key for each query head", STEP, 1920),
    ("cache_of_a_step", "one head only, and values counted in place of bytes", STEP, 240),
    # 2 layers that see all, 3 with a window; 5 tokens in it, 10 beyond; 4 bytes: (2 * 15 + 3 * 5) * 4 = 180
    ("cache_with_windows", "all layers with the whole conversation", (2, 3, 5, 10, 4), 300),
    ("cache_with_windows", "all layers with a window", (2, 3, 5, 10, 4), 100),
    ("cache_with_windows", "the two kinds of layers exchanged", (2, 3, 5, 10, 4), (3 * 15 + 2 * 5) * 4),
    ("cache_with_windows", "one token less in each window", (2, 3, 5, 10, 4), 180 - 3 * 4),
    ("cache_with_windows", "what the windows save", (2, 3, 5, 10, 4), 3 * 10 * 4),
    ("cache_with_windows", "what has left the window, in all layers", (2, 3, 5, 10, 4), 5 * 10 * 4),
    ("cache_of_conversations", "the common beginning kept for every conversation", (), TOKEN * 24 * 16_000 / 1e9),
    ("cache_of_conversations", "the common beginning forgotten", (), TOKEN * 24 * 7000 / 1e9),
    ("cache_of_conversations", "one conversation only", (), TOKEN * 16_000 / 1e9),
    ("cache_of_conversations", "all of it kept once for each query head", (), 5 * TOKEN * 177_000 / 1e9),
    ("longest_documents", "nothing kept free", (), (ROOM + 8 * 10**9) // (4 * TOKEN * 5 // 8)),
    ("longest_documents", "a tenth of the weights kept free", (), 52_473),
    ("longest_documents", "a tenth of what the weights leave kept free", (), 52_920),
    ("longest_documents", "one document only", (), ROOM // (TOKEN * 5 // 8)),
    ("pace_of_five", "the caches forgotten", (), 5 * 936e9 / READ),
    ("pace_of_five", "the cache of one sequence", (), 5 * 936e9 / (READ + KEPT)),
    ("pace_of_five", "tokens of one sequence in a second", (), 936e9 / (READ + 5 * KEPT)),
    ("pace_of_five", "a byte for each weight", (), 5 * 936e9 / (READ / 2 + 5 * KEPT)),
    ("pace_of_five", "compute, which does not bind here", (), 71e12 / READ),
    (
        "pace_of_five",
        "reading and computing one after the other",
        (),
        5 / ((READ + 5 * KEPT) / 936e9 + 5 * READ / 71e12),
    ),
    ("batch_with_guesses", "bits for bytes", (4, 3, 2, 600), 4 * 600 / (2 * 2 * 3)),
    ("batch_with_guesses", "one operation for each weight", (4, 3, 2, 600), 4 / 8 * 600 / (2 * 3)),
    ("batch_with_guesses", "one token of each sequence", (4, 3, 2, 600), 4 / 8 * 600 / (2 * 2)),
    ("batch_with_guesses", "16 bits for each weight", (4, 3, 2, 600), 2 * 600 / (2 * 2 * 3)),
    # 2 layers, 10 wide, 6 heads and 3, 2 values each, rank 4: 2 * 4 * (10 + 12 + 10 + 6) = 304
    ("adapters_of_shared_heads", "values as wide as queries", (2, 10, 6, 3, 2, 4), 2 * 4 * 44),
    ("adapters_of_shared_heads", "square matrices for both", (2, 10, 6, 3, 2, 4), 2 * 4 * 40),
    ("adapters_of_shared_heads", "all weights of the two matrices", (2, 10, 6, 3, 2, 4), 2 * 180),
    ("adapters_of_shared_heads", "keys adapted as well", (2, 10, 6, 3, 2, 4), 304 + 2 * 4 * 16),
    ("adapters_of_shared_heads", "an adapter for each head", (2, 10, 6, 3, 2, 4), 2 * 9 * 4 * 12),
    ("adapters_of_shared_heads", "a bias for each output", (2, 10, 6, 3, 2, 4), 304 + 2 * 18),
]


@pytest.mark.parametrize(("question", "name", "values", "amount"), AGAIN, ids=lambda value: str(value)[:40])
def test_a_mistake_comes_to_what_its_name_says(question, name, values, amount):
    found = {mistake.name: mistake for mistake in getattr(checks, question).mistakes}
    assert name in found, sorted(found)
    assert isclose(found[name].gives(*values), amount, rel_tol=1e-9)


COUNTED = {
    "memory as the only limit": (1, 0, 0),
    "compute forgotten": (1, 1, 0),
    "the time to read forgotten (or the full bandwidth)": (1, 0, 1),
    "memory forgotten (or keys, or values)": (0, 1, 1),
}


@pytest.mark.parametrize("name", COUNTED)
def test_who_forgets_a_limit_gets_what_the_others_allow(name):
    (found,) = [mistake for mistake in checks.cheapest_conversations.mistakes if mistake.name == name]
    bills = []
    for offer in chat_service.OFFERS:
        allowed = (
            limit if counts else inf for limit, counts in zip(chat_service.limits(offer), COUNTED[name], strict=True)
        )
        bills.append(1000 * offer.price / int(min(allowed)))
    assert found.gives() == pytest.approx(min(bills), rel=1e-12)


def test_names_that_join_several_slips_hold_for_each_of_them():
    by_name = {mistake.name: mistake.gives() for mistake in checks.cheapest_conversations.mistakes}
    assert by_name["the time to read forgotten (or the full bandwidth)"] == pytest.approx(
        chat_service._cheapest(reads=1), rel=0.005
    )
    assert by_name["memory forgotten (or keys, or values)"] == pytest.approx(
        chat_service._cheapest(heads=chat_service.SERVED.kv_heads / 2), rel=0.005
    )

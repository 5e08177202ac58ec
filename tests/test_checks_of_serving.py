"""The answers about cache, decoding, adapters and the chat service hold against ledgers, and against plain sums."""

import math
from fractions import Fraction
from itertools import combinations

import pytest

from llmcalc import checks, gpu, model
from llmcalc.checks import adapters, chat_service, conversations, decoding
from llmcalc.checks.answers import Wrong
from llmcalc.finetuning import lora_ledger
from llmcalc.inference import cache_ledger, step_seconds
from llmcalc.serving import largest_context_served, read_ledger

LEARNERS = ["", *"abcdefghijkl"]

each_learner = pytest.mark.parametrize("learner", LEARNERS)


def right(name, *values):
    question = getattr(checks, name)
    return question.right(*(values or question.yours))


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


@each_learner
def test_a_common_beginning_is_kept_once(learner):
    """By counting the tokens one after the other."""
    name, people, shared, own = values = checks.cache_of_conversations.values_of(learner)
    kept = [("all", n) for n in range(shared)] + [(person, n) for person in range(people) for n in range(own)]
    token = cache_ledger(model(name), 1, 1).total
    assert right("cache_of_conversations", *values) == pytest.approx(token * len(set(kept)) / 10**9, rel=1e-12)


@each_learner
def test_the_longest_documents_are_the_largest_context_served(learner):
    name, card, documents = values = checks.longest_documents.values_of(learner)
    memory = gpu(card).memory_bytes
    it, scheme = model(name), conversations.SCHEME
    served = largest_context_served(
        it, memory, documents, scheme, bytes_per_value=1, margin_bytes=conversations.FREE_SHARE * memory
    )
    assert right("longest_documents", *values) == served


@each_learner
def test_the_pace_of_all_is_that_of_all_that_a_step_reads(learner):
    """Norms and biases, which the question leaves out, are less than a thousandth."""
    name, card, writers, written = values = checks.pace_together.values_of(learner)
    it, device = model(name), gpu(card)
    read = read_ledger(it, writers, written).total
    assert right("pace_together", *values) == pytest.approx(writers * device.memory_bytes_per_second / read, rel=1e-3)
    stored = 2 * it.parameters.total + cache_ledger(it, writers, written).total
    assert stored < 0.9 * device.memory_bytes  # the card holds it


@pytest.mark.parametrize("name", {*conversations.ASSISTANTS, *conversations.READERS, *decoding.WRITERS})
def test_the_models_of_the_questions_keep_all_tokens_and_share_heads(name):
    """Or the plain sum is not theirs, and a key for each query head would be no mistake."""
    it = model(name)
    assert it.sliding_layers == 0 and it.heads > it.kv_heads
    assert it.kv_cache_bytes(1, 1) == 2 * it.layers * it.kv_heads * it.head_dim * 2
    ratio = it.heads // it.kv_heads
    assert (ratio == 8) == (name in conversations.READERS)  # where bits for bytes look the same, the name says so
    assert name not in decoding.WRITERS or it.matmul_weights < 0.95 * it.parameters.total


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


JOBS = sorted({checks.cheapest_conversations.values_of(learner) for learner in ["", *range(12)]})
STANDARD = (1200, 20)

each_job = pytest.mark.parametrize("job", JOBS, ids=lambda job: f"{job.length}-{job.pace}")


def limits(
    offer,
    job=STANDARD,
    *,
    usable=0.9,
    reads=0.7,
    computes=0.5,
    unit=1e9,
    speed=1.0,
    pairs=8,
    tokens=None,
    bits=None,
    flop=2,
    own=False,
):
    """What fits, can be read and can be computed in time, by the rules of the question in plain arithmetic."""
    parameters, card, (length, pace) = 12_247_782_400, offer.card, job
    tokens = tokens or length
    weights, each = parameters * offer.weight_bits / 8, 2 * 40 * pairs * 128 * tokens * (bits or offer.cache_bits) / 8
    in_time = reads * speed * card.memory_bytes_per_second / pace
    return (
        (usable * card.memory_gb * unit - weights) / each,
        in_time / (weights + each) if own else (in_time - weights) / each,
        computes * dict(card.dense)["bf16"] / pace / (flop * parameters),
    )


def cheapest(counted=(0, 1, 2), more=0, job=STANDARD, **how):
    people = {
        offer: math.floor(min(limits(offer, job, **how)[n] for n in counted)) + more for offer in chat_service.OFFERS
    }
    return min(1000 * offer.price / count for offer, count in people.items() if count > 0)


@each_job
def test_a_card_serves_as_many_as_its_limits_say(job):
    for offer in chat_service.OFFERS:
        floors = [math.floor(limit) for limit in limits(offer, job)]
        assert chat_service.limits(offer, *job) == pytest.approx(floors, abs=0)
        assert min(floors) > 0


@each_job
def test_the_cheapest_conversations_are_found_by_trying_every_offer(job):
    assert right("cheapest_conversations", *job) == pytest.approx(cheapest(job=job), rel=1e-12)
    best, second = sorted(1000 * offer.price / int(min(limits(offer, job))) for offer in chat_service.OFFERS)[:2]
    assert second > 1.02 * best  # rounding decides nothing


@pytest.mark.parametrize(
    "how",
    [{"flop": 3}, {"flop": 6, "computes": 1}, {"speed": 2**30 / 1e9}, {"unit": 2**30}, {"more": 1}, {"reads": 0.68},
     {"reads": 0.8}, {"reads": 0.7 / 1.7}, {"usable": 0.96}, {"usable": 0.8}, {"computes": 0.35}, {"computes": 1},
     {"tokens": 1250}, {"tokens": 1150}, {"counted": (0, 1)}, {"counted": (0, 2)}, {"counted": (1, 2)}],
    ids=str,
)  # fmt: skip
def test_whatever_somebody_leaves_out_of_the_three_limits_shows_in_the_price(how):
    """In the winner all three limits are near each other, or another offer wins."""
    amount = cheapest(**how)
    with pytest.raises(Wrong):
        checks.cheapest_conversations(lambda: amount)


@each_job
def test_each_of_the_three_limits_binds_somewhere(job):
    bound = {min(range(3), key=chat_service.limits(offer, *job).__getitem__) for offer in chat_service.OFFERS}
    assert bound == {0, 1, 2}


@each_job
def test_no_single_column_tells_the_cheapest_offer(job):
    offers = chat_service.OFFERS
    winner = min(offers, key=lambda offer: chat_service._bill(offer, *job))
    assert winner is chat_service.WINNER
    columns = (
        lambda offer: offer.price,
        lambda offer: offer.price / offer.card.memory_gb,
        lambda offer: offer.price / offer.card.memory_bytes_per_second,
        lambda offer: offer.weight_bits + offer.cache_bits,
        lambda offer: -offer.card.memory_gb,
        lambda offer: -offer.card.memory_bytes_per_second,
        lambda offer: -min(chat_service.limits(offer, *job)),
    )
    guesses = [min(offers, key=column).name for column in columns]
    assert guesses.count(winner.name) <= 1, guesses  # the last: here the most people share the cheapest card


# --- mistakes, worked out a second time

TOKEN = 2 * 64 * 8 * 128 * 2
ROOM, FREE = 72 * 10**9 - 41_464_774_656, 80 * 10**9 - 41_464_774_656
DOCUMENT = 4 * 2 * 80 * 8 * 128
READ, KEPT = 2 * 7_070_285_824, 2 * 28 * 4 * 128 * 12_000 * 2
PACE = 5 * 936e9 / (READ + 5 * KEPT)
STEP = (7, 15, 3, 4, 5, 8)  # layers, heads, key/value heads, values of one, sequences, bytes: 6720 bytes
STEP_FACTORS = {
    "keys or values forgotten": Fraction(1, 2),
    "as many queries as keys kept as well": Fraction(3, 2),
    "a key for each query head": 5,
    "as many keys as query heads that share one": Fraction(5, 3),
    "one head only": Fraction(1, 3),
    "one value for each head": Fraction(1, 4),
    "one layer only": Fraction(1, 7),
    "one sequence only": Fraction(1, 5),
    "values counted in place of bytes": Fraction(1, 8),
}
HEADS = {"a key for each query head", "as many keys as query heads that share one", "one head only"}
VECTORS = {"keys or values forgotten", "as many queries as keys kept as well"}
BY_NAME = {offer.name: offer for offer in chat_service.OFFERS}


def bill(name):
    return 1000 * BY_NAME[name].price / int(min(limits(BY_NAME[name])))


AMOUNTS = {
    "cache_of_a_step": (STEP, {
        "the queries of all heads kept as well": 6720 + 7 * 15 * 4 * 5 * 8,
        **{name: 6720 * factor for name, factor in STEP_FACTORS.items()},
        **{
            f"{one}, and {other}": 6720 * STEP_FACTORS[one] * STEP_FACTORS[other]
            for one, other in combinations(STEP_FACTORS, 2)
            if not {one, other} <= HEADS and not {one, other} <= VECTORS
        },
    }),
    # 2 layers that see all, 3 with a window; 5 tokens in it, 10 beyond; 4 bytes: (2 * 15 + 3 * 5) * 4 = 180
    "cache_with_windows": ((2, 3, 5, 10, 4), {
        "all layers with the whole conversation": 5 * 15 * 4,
        "all layers with a window": 5 * 5 * 4,
        "the two kinds of layers exchanged": (3 * 15 + 2 * 5) * 4,
        "the tokens of the window forgotten in the layers that see everything": (2 * 10 + 3 * 5) * 4,
        "the tokens that have left the window, in the layers that have one": (2 * 15 + 3 * 10) * 4,
        "one token less in each window": (2 * 15 + 3 * 4) * 4,
        "what has left the window, in all layers": 5 * 10 * 4,
        "what has left the window, in the layers without one alone": 2 * 10 * 4,
        "the layers with a window alone": 3 * 5 * 4,
        "the layers without a window alone": 2 * 15 * 4,
        "one layer of each kind": (15 + 5) * 4,
        "keys and values counted twice": 360,
        "tokens in place of bytes": 45,
        "what the windows save": 3 * 10 * 4,
    }),
    "cache_of_conversations": ((), {
        "GiB in place of GB": TOKEN * 177_000 / 2**30,
        "MiB in place of GB": TOKEN * 177_000 / 2**20,
        "the common beginning kept for every conversation": TOKEN * 24 * 16_000 / 1e9,
        "the common beginning forgotten": TOKEN * 24 * 7000 / 1e9,
        "one conversation only": TOKEN * 16_000 / 1e9,
        "the shared tokens kept for each conversation, and what is its own only once": TOKEN * 223_000 / 1e9,
        "all of it kept once for each query head": 5 * TOKEN * 177_000 / 1e9,
        "a beginning for every conversation, and a key for every query head": 5 * TOKEN * 24 * 16_000 / 1e9,
        "a beginning for every conversation, in GiB": TOKEN * 24 * 16_000 / 2**30,
        "a beginning for every conversation, and keys or values forgotten": TOKEN / 2 * 24 * 16_000 / 1e9,
        "keys or values forgotten": TOKEN / 2 * 177_000 / 1e9,
        "one layer only": TOKEN / 64 * 177_000 / 1e9,
        "one head only": TOKEN / 8 * 177_000 / 1e9,
        "bits for bytes": 8 * TOKEN * 177_000 / 1e9,
        "four bytes for a value": 2 * TOKEN * 177_000 / 1e9,
    }),
    "longest_documents": ((), {
        "nothing kept free": FREE // DOCUMENT,
        "a tenth of the weights kept free": (FREE - 4_146_477_465.6) // DOCUMENT,
        "a tenth of what the weights leave kept free": FREE * 9 // 10 // DOCUMENT,
        "GiB for the card's GB": (72 * 2**30 - 41_464_774_656) // DOCUMENT,
        "the weights forgotten": 72 * 10**9 // DOCUMENT,
        "one document only": ROOM // (DOCUMENT // 4),
        "one document, and nothing kept free": FREE // (DOCUMENT // 4),
        "one head only": ROOM // (DOCUMENT // 8),
        "a key for every query head (or bits for bytes)": ROOM // (DOCUMENT * 8),
        "one layer only": ROOM // (DOCUMENT // 80),
        "keys or values forgotten": ROOM // (DOCUMENT // 2),
        "16 bits for a value": ROOM // (2 * DOCUMENT),
        "one token too many": 46_594,
    }),
    "pace_together": ((), {
        "the caches forgotten": 5 * 936e9 / READ,
        "a cache of one layer only": 5 * 936e9 / (READ + 5 * KEPT / 28),
        "a cache of one head only": 5 * 936e9 / (READ + 5 * KEPT / 4),
        "the bandwidth's GB taken for GiB": PACE * 2**30 / 1e9,
        "the cache of one sequence": 5 * 936e9 / (READ + KEPT),
        "the weights forgotten": 936e9 / KEPT,
        "the weights read for each sequence (or one sequence that has the card to itself)": 936e9 / (READ + KEPT),
        "tokens of one sequence in a second": PACE / 5,
        "reading and computing one after the other": 5 / (5 / PACE + 5 * READ / 71e12),
        "the sequences counted twice": 5 * PACE,
        "seconds of a step": 5 / PACE,
        "seconds for a token": 1 / PACE,
        "milliseconds of a step": 5000 / PACE,
        "the lookup table read as well": 5 * 936e9 / (2 * 7_615_616_512 + 5 * KEPT),
        "a byte for each weight": 5 * 936e9 / (READ / 2 + 5 * KEPT),
        "a byte for each value": 2 * PACE,
        "bits for bytes": PACE / 8,
        "four bytes for each value": PACE / 2,
        "keys or values forgotten": 5 * 936e9 / (READ + 2.5 * KEPT),
        "a key for every query head": 5 * 936e9 / (READ + 35 * KEPT),
        "compute, which does not bind here": 71e12 / READ,
    }),
    # 4 bits, 3 tokens, 2 bytes and 600 FLOP in a second: 4 / 8 * 600 / (2 * 2 * 3) = 25
    "batch_with_guesses": ((4, 3, 2, 600), {
        "bits for bytes": 200,
        "one operation for each weight": 50,
        "bits for bytes, and one operation for each weight": 400,
        "three operations for each weight, or six, as in training": 25 / 3,
        "two operations counted twice": 12.5,
        "the fraction upside down": 1 / 25,
        "one token of each sequence": 75,
        "one token of each sequence, and bits for bytes": 600,
        "one token of each sequence, and one operation for each weight": 150,
        "tokens of all sequences, where sequences are asked for": 225,
        "one token more than the question says": 0.5 * 600 / (2 * 2 * 4),
        "a byte for each weight, and one token of each sequence": 600 / (2 * 2),
        "16 bits for each weight": 100,
        "bandwidth and peak exchanged": 0.5 * 2 / (2 * 600 * 3),
        "operations for each byte that the card offers": 300,
    }),
    # 2 layers, 10 wide, 6 heads and 3, 2 values each, rank 4: 2 * 4 * (10 + 12 + 10 + 6) = 304
    "adapters_of_shared_heads": ((2, 10, 6, 3, 2, 4), {
        "values as wide as queries": 2 * 4 * 44,
        "queries as narrow as values": 2 * 4 * 32,
        "square matrices for both": 2 * 4 * 40,
        "a square matrix for the queries": 2 * 4 * (20 + 16),
        "heads that read only a slice of the layer's values": 2 * 9 * 4 * (2 + 2),
        "an adapter for each head": 2 * 9 * 4 * 12,
        "all weights of the two matrices": 2 * 180,
        "all weights of the two matrices, times the rank": 2 * 180 * 4,
        "the matrix down to the rank alone": 2 * 4 * 20,
        "the matrix up from the rank alone": 2 * 4 * 18,
        "a square matrix between down and up as well": 304 + 2 * 2 * 16,
        "heads counted, not their values": 2 * 4 * (10 + 6 + 10 + 3),
        "all query heads together as wide as a token": 2 * 4 * (10 + 10 + 10 + 5),
        "one layer only": 152,
        "an adapter for the queries alone": 2 * 4 * 22,
        "an adapter for the values alone": 2 * 4 * 16,
        "keys adapted as well": 304 + 2 * 4 * 16,
        "the parameters doubled: bytes of 16 bits, or an adapter for four matrices": 608,
        "one small matrix for queries and values together on the way down": 2 * 4 * (10 + 18),
        "a bias for each output": 304 + 2 * 18,
    }),
    "cheapest_conversations": ((), {
        "memory as the only limit (or the pace forgotten)": cheapest((0,)),
        "compute forgotten (or counted on at the full peak)": cheapest((0, 1)),
        "the time to read forgotten (or a part of what is read, or the full bandwidth)": cheapest((0, 2)),
        "memory forgotten (or the weights in it, or the part that stays free)": cheapest((1, 2)),
        "the cards' GB taken for GiB": cheapest(unit=2**30),
        "the bandwidth's GB taken for GiB": cheapest(speed=2**30 / 1e9),
        "the full peak, or that of sparse matrices (or one operation for each weight)": cheapest(flop=1),
        "keys or values forgotten": cheapest(pairs=4),
        "a cache of one token, or of one layer": cheapest(tokens=1),
        "a byte for each cached value, whatever the offer says": cheapest(bits=8),
        "a key for every query head": cheapest(pairs=32),
        "the weights read for each conversation": cheapest(own=True),
        "three operations for each parameter (or six, on a card at its full peak)": cheapest(flop=3),
        "six operations for each parameter, as in training": cheapest(flop=6),
        "the bits of a cached value taken for bytes": cheapest(pairs=64),
        "one conversation more than fits: rounded up": cheapest(more=1),
        "conversations that are not rounded": min(
            1000 * offer.price / min(limits(offer)) for offer in chat_service.OFFERS
        ),
        "cents in place of dollars": 100 * cheapest(),
        "the price of one conversation": cheapest() / 1000,
        "conversations on a card of the cheapest offer": int(min(limits(BY_NAME["G"]))),
        **{f"offer {name}": bill(name) for name in "ABCDH"},
        "one of the offers E and F (or 16 bits for each weight, or for each cached value, everywhere)": bill("E"),
        "one card of the cheapest offer": 2.49,
        "the card with the lowest price": 0.40,
    }),
}  # fmt: skip


@pytest.mark.parametrize("name", AMOUNTS)
def test_every_mistake_comes_to_what_its_name_says(name):
    values, amounts = AMOUNTS[name]
    question = getattr(checks, name)
    gives = {mistake.name: float(mistake.gives(*(values or question.yours))) for mistake in question.mistakes}
    assert gives == pytest.approx({key: float(amount) for key, amount in amounts.items()}, rel=1e-11)


@pytest.mark.parametrize(
    ("name", "how"),
    [("the time to read forgotten", {"reads": 1}), ("memory forgotten", {"usable": 1}),
     ("the full peak", {"computes": 1}), ("a cache of one token", {"pairs": 8 / 40}), ("three operations", {"flop": 3}),
     ("one of the offers E and F", {"bits": 16})],
)  # fmt: skip
def test_names_that_join_several_slips_hold_for_each_of_them(name, how):
    amount = cheapest(**how)
    with pytest.raises(Wrong, match=f"comes out with {name}"):
        checks.cheapest_conversations(lambda: amount)


def test_a_part_of_a_conversation_is_told_by_name():
    best = BY_NAME["G"]
    with pytest.raises(Wrong, match="conversations that are not rounded"):
        checks.cheapest_conversations(lambda: 1000 * best.price / min(limits(best)))


def test_a_part_of_a_token_and_a_token_too_many_are_told_by_name():
    with pytest.raises(Wrong, match=r"Only whole ones fit: round down\."):
        checks.longest_documents(lambda: ROOM / DOCUMENT)
    with pytest.raises(Wrong, match="one token too many"):
        checks.longest_documents(lambda: ROOM // DOCUMENT + 1)

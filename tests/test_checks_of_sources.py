"""Checks of lesson 11: the two kinds of question that it adds, and its mistakes worked out a second time."""

import math
from decimal import Decimal

import pytest

from llmcalc import checks
from llmcalc.checks import alarms, audits, printed_numbers
from llmcalc.checks.answers import StillOpen, Wrong
from llmcalc.checks.decisions import Decision, Labels
from llmcalc.checks.engine import Mistake
from llmcalc.checks.printed_numbers import CASES, ROWS, counted

SIGN = Decision(
    right=lambda number: "up" if number > 0 else "down",
    words=("up", "down"),
    cases=((1,), (-1,), (2,), (-3,)),
    hint="Look at its sign.",
    mistakes=(Mistake("everything up", lambda number: "up", "Some are below zero."),),
)
COLOURS = Labels(
    right={"sky": "blue", 7: "red"},
    labels=("blue", "red", "green"),
    replies={"sky": "Look up.", 7: "Look down.", "grass": "Look around."},
    hint="There are more.",
    because="So it is.",
    sound=("grass",),
)
ALL = Labels(COLOURS.right, COLOURS.labels, COLOURS.replies, "Each one.", "So it is.")


def unsolved(*values):
    raise NotImplementedError()


# --- a function that decides


def test_a_decision_is_right_if_all_cases_are(capsys):
    SIGN(lambda number: " Up." if number > 0 else "down")
    assert capsys.readouterr().out == "Correct, in all 4 cases tried.\n"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda number: "up", "comes out with everything up.\nHint: Some are below zero."),
        (lambda number: "down", "For number=1: your function says 'down'. It decides 2 of 4 cases as it should."),
        (lambda number: True, "For number=1: Return one of 'up', 'down'; your function returns True."),
        (lambda number: "left", "For number=1: Return one of 'up', 'down'; your function returns 'left'."),
        (lambda number: "up" if number > 0 else None, "For number=-1: Your function returns nothing"),
        (lambda number: "up" if 1 / (number + 1) else "down", "For number=-1: Your function stops with ZeroDivision"),
        (lambda: "up", "takes nothing; the question gives it number"),
        ("up", "without calling it"),
    ],
)
def test_a_wrong_decision_is_told_where(answer, says):
    with pytest.raises(Wrong) as told:
        SIGN(answer)
    assert says in str(told.value)


@pytest.mark.parametrize("question", [SIGN, COLOURS, ALL])
def test_what_is_open_is_said_to_be_open(question):
    with pytest.raises(StillOpen):
        question((lambda number: unsolved()) if question is SIGN else (lambda: unsolved()))


# --- things that get labels


@pytest.mark.parametrize(
    "got",
    [
        {"sky": "blue", 7: "red"},
        {"7": "RED", " Sky": "blue."},
        {"7 GB": "red)", "'sky'": '"blue"'},
        {"row 7": "(red)", "sky.": "b-l_u e"},
    ],
)
def test_labels_may_come_in_any_order_and_case(got, capsys):
    COLOURS(lambda: got)
    assert capsys.readouterr().out == "Correct, all 2. So it is.\n"


@pytest.mark.parametrize(
    ("got", "says"),
    [
        ({"sky": "blue"}, "1 of 2 is right. What you name is right, but it is not all.\nHint: There are more."),
        ({}, "0 of 2 are right. Your dictionary is empty.\nHint: There are more."),
        ({"sky": "red", 7: "red"}, "1 of 2 is right. 'sky' deserves a label, but not 'red'.\nHint: Look up."),
        (
            {"sky": "blue", 7: "red", "grass": "green"},
            "You name all 2, and more. You call 'grass' 'green': look again.",
        ),
        (
            {"sky": "blue", "grass": "green"},
            "1 of 2 is right. You call 'grass' 'green': look again.\nHint: Look around.",
        ),
        ({"sea": "blue"}, "There is no 'sea' in the question, only 7, 'grass', 'sky'."),
        ({"the sky": "blue"}, "There is no 'the sky' in the question"),
        ({"red": 7}, "the other way round: 7, 'grass', 'sky' come first, before the colon."),
        ({"red": 8}, "There is no 'red' in the question"),
        ({"red": ["sky"]}, "There is no 'red' in the question"),
        ({"sky": "pink"}, "'sky' can be one of 'blue', 'red', 'green'; you say 'pink'."),
        ({"sky": "light blue"}, "you say 'light blue'."),
        ({"sky": "red", 7: "red", "grass": "green"}, "You call 'grass' 'green': look again.\nHint: Look around."),
        ({"sky": "blue", "Sky": "red"}, "'sky' stands twice in your dictionary."),
        ({"sky": None}, "you say None"),
        (["sky"], "Return a dictionary, such as {7: '...', ...}; your function returns ['sky']."),
        ("sky", "Return a dictionary"),
        (None, "forget `return`"),
    ],
)
def test_wrong_labels_are_told_apart(got, says):
    with pytest.raises(Wrong) as told:
        COLOURS(lambda: got)
    assert says in str(told.value)


def test_none_is_another_word_for_nothing():
    right = checks.rows_copied_by_hand.right
    checks.rows_copied_by_hand(lambda: {f"row {n}": right[n].replace("nothing", "None") for n in right})


def test_a_label_that_is_missing_is_told_where_each_thing_needs_one():
    with pytest.raises(Wrong, match=r"1 of 2 is right. There is no label for 7.\nHint: Each one."):
        ALL(lambda: {"sky": "blue"})


@pytest.mark.parametrize("name", ["rows_copied_by_hand", "terms_behind_the_totals", "audit_of_the_page"])
def test_every_thing_that_can_be_labelled_has_a_reply_of_its_own(name):
    question = getattr(checks, name)
    assert set(question.replies) == {*question.right, *question.sound}
    assert len(set(question.replies.values())) == len(question.replies)
    for thing, reply in question.replies.items():
        wrong = next(label for label in question.labels if label != question.right.get(thing))
        with pytest.raises(Wrong) as told:
            question(lambda labels=question.right | {thing: wrong}: labels)
        assert reply in str(told.value)


def test_an_incomplete_audit_does_not_say_which_lines_are_missing():
    with pytest.raises(Wrong) as told:
        checks.audit_of_the_page(lambda: {"b": "units"})
    assert "1 of 4" in str(told.value) and not any(f"'{letter}'" in str(told.value) for letter in "cej")


# --- what the answers mean


COLUMNS = {"layers": "layers", "width": "width", "heads": "heads", "head size": "head_dim"}


@pytest.mark.parametrize("number", ROWS)
def test_one_column_at_most_explains_the_parameters_of_a_row(number):
    """Whatever whole number it is changed to; widths and sizes of heads are even."""
    row, explained = ROWS[number], set()

    def fits(**otherwise):
        return abs(counted(row, **otherwise) - row.parameters) <= 10**6 / 2

    for label, column in COLUMNS.items():
        step = 2 if column in ("width", "head_dim") else 1
        if any(fits(**{column: size}) for size in range(step, 2 * getattr(row, column), step)):
            explained.add(label)
    said = checks.rows_copied_by_hand.right[number]
    assert fits() if said == "nothing" else not fits() and explained == {said}


def test_the_totals_are_those_of_the_sums_and_one_sum_is_left_over():
    assert printed_numbers.TOTALS == {56: "b", 84: "a", 112: "d", 126: "f", 140: "c"}


def test_no_case_lies_on_the_border_and_both_ways_to_decide_agree(capsys):
    assert len({checks.verdict.right(*case) for case in CASES}) == 2
    for claimed, computed, digits in CASES:
        step = 10.0 ** (math.floor(math.log10(claimed)) + 1 - digits)
        assert abs(abs(claimed - computed) / step - 0.5) > 0.01
    checks.verdict(lambda a, b, n: "rounding" if float(f"{b:.{n}g}") == a else "slip")
    checks.verdict(lambda a, b, n: "rounding" if round(b, n - 1 - math.floor(math.log10(b))) == a else "slip")
    assert capsys.readouterr().out.count("Correct") == 2


def test_the_cases_are_those_that_were_meant():
    words = [checks.verdict.right(*case) for case in CASES]
    assert (words.count("rounding"), words.count("slip")) == (15, 13)
    for claimed, computed, digits in CASES:
        last = Decimal(1).scaleb(Decimal(repr(claimed)).adjusted() + 1 - digits)
        rounded = Decimal(repr(computed)).quantize(last) == Decimal(repr(claimed))
        assert checks.verdict.right(claimed, computed, digits) == ("rounding" if rounded else "slip")


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("a whole step of the last digit allowed", lambda a, b, step: abs(a - b) <= step),
        ("a limit in percent, whatever is printed", lambda a, b, step: 0.99 * b <= a <= 1.01 * b),
        ("a limit of five percent, whatever is printed", lambda a, b, step: 0.95 * b <= a <= 1.05 * b),
        ("a step ten times too large", lambda a, b, step: abs(a - b) <= 5 * step),
        ("a step ten times too small", lambda a, b, step: abs(a - b) <= step / 20),
    ],
)
def test_wrong_verdicts_a_second_time(name, allowed):
    (mistake,) = [mistake for mistake in checks.verdict.mistakes if mistake.name == name]
    for claimed, computed, digits in CASES:
        step = 10.0 ** (int(f"{claimed:e}".split("e")[1]) + 1 - digits)
        said = "rounding" if allowed(claimed, computed, step) else "slip"
        assert mistake.gives(claimed, computed, digits) == said


def test_the_first_digit_is_found_at_powers_of_ten_too():
    with pytest.raises(Wrong, match="found by rounding up"):
        checks.verdict(
            lambda a, b, n: "rounding" if abs(a - b) <= 10.0 ** (math.ceil(math.log10(a)) - n) / 2 else "slip"
        )


@pytest.mark.parametrize("mistake", checks.verdict.mistakes, ids=lambda mistake: mistake.name)
def test_recognises_a_wrong_verdict(mistake):
    with pytest.raises(Wrong) as told:
        checks.verdict(lambda *values: mistake.gives(*values))
    assert mistake.name in str(told.value) and mistake.hint in str(told.value)


def test_verdicts_of_two_mistakes_differ_somewhere():
    said = [tuple(mistake.gives(*case) for case in CASES) for mistake in checks.verdict.mistakes]
    assert len(set(said)) == len(said)


PARAMETERS = 2 * 64_000 * 5120 + 40 * (5120 * 128 * (40 + 8 + 8 + 40) + 3 * 5120 * 13_824)
SECONDS = 6 * PARAMETERS * 300e9 / (64 * 0.4 * 989.4e12)
RIGHT = {
    "a": PARAMETERS,
    "b": 2 * PARAMETERS / 2**30,
    "c": 2 * PARAMETERS / 3.35e9,
    "d": 989.4e12 / 3.35e12,
    "e": 40 * 2 * 8 * 128 * 2 * 16 * 8192 / 1e9,
    "f": 16 * PARAMETERS / 1e9,
    "g": 16 * PARAMETERS / 64 / 1e9,
    "h": 6 * PARAMETERS * 300e9,
    "i": SECONDS / 86_400,
    "j": SECONDS / 3600 * 64 * 2,
}
FACTORS = {"b": 2**30 / 10**9, "c": 3350 / 900, "e": 1 / 2, "j": 64}


@pytest.mark.parametrize("letter", RIGHT)
def test_a_line_of_the_page_is_right_or_off_by_what_its_kind_says(letter):
    line = audits.PAGE[letter]
    assert line.right == pytest.approx(RIGHT[letter], rel=1e-12)
    assert line.number / line.right == pytest.approx(FACTORS.get(letter, 1), rel=1e-12)
    assert (line.kind is None) is (letter not in FACTORS)
    assert checks.verdict.right(line.number, line.right, 3) == ("slip" if letter in FACTORS else "rounding")


def test_the_factors_of_the_caches_need_the_last_row():
    """Without it, the heads explain them as well."""
    factors = {name: alarms.cached_by_program(each) / alarms.cached(each) for name, each in alarms.CACHED.items()}
    heads = {name: each.heads / each.kv_heads for name, each in alarms.CACHED.items()}
    assert [factors[name] == heads[name] for name in factors] == [True, True, True, False]
    question = checks.what_the_cache_counted
    assert "three of the models" in question.because and "three of the rows" in question.replies["d"]


# --- mistakes, a second time

USED = 6 * 8.03e9 * 27_000 / 8 / 312e12
SENDING, COMPUTING = 2 * 3.2e9 * 8 / 200e9, 6 * 3.2e9 * 8192 / (0.45 * 312e12)
WAITS = SENDING / COMPUTING
AGAIN = {
    "share_of_the_right_peak": ((8_030_000_000, 8, 27_000), {
        "the share of the report": USED * 2,
        "twice the share of the report": USED * 4,
        "the sparse peak of the other card": USED * 312 / 1978.8,
        "the sparse peak": USED / 2,
        "the peak of the other card": USED * 312 / 989.4,
        "the peak of the other card in tf32": USED * 312 / 494.7,
        "the peak of fp32": USED * 16,
        "the forward pass alone": USED * 2 / 6,
        "the backward pass alone": USED * 4 / 6,
        "a second forward pass": USED * 8 / 6,
        "one GPU below the line, and the tokens of all above it": USED * 8,
        "the GPUs counted twice": USED / 8,
        "percent": USED * 100,
        "percent, with the peak of the report": USED * 200,
        "the TFLOP/s that a GPU reaches": 6 * 8.03e9 * 27_000 / 8 / 1e12,
        "the FLOP/s that a GPU reaches": 6 * 8.03e9 * 27_000 / 8,
        "the GPUs on the wrong side of the line": 6 * 8.03e9 * 27_000 * 8 / 312e12,
        "the fraction upside down": 1 / USED,
    }),
    "sending_over_computing": ((3_200_000_000, 8192, 200, 0.45), {
        "bits taken for bytes": WAITS / 8,
        "bits taken for bytes, and a card at its peak": WAITS / 8 / 0.45,
        "the eight between bits and bytes on the wrong side": WAITS / 64,
        "the eight between bits and bytes twice": WAITS * 8,
        "a card at its peak": WAITS / 0.45,
        "the utilization on the wrong side": WAITS / 0.45**2,
        "the forward pass alone": WAITS * 3,
        "the backward pass alone": WAITS * 1.5,
        "one operation for each parameter and token": WAITS * 6,
        "gradients of four bytes, or sent twice (or a card with a sparse peak)": WAITS * 2,
        "one byte for each gradient": WAITS / 2,
        "the seconds of sending": SENDING,
        "the seconds of computing": COMPUTING,
        "both times below the line": SENDING / (SENDING + COMPUTING),
        "percent": WAITS * 100,
        "percent, and bits taken for bytes at a full peak": WAITS / 8 / 0.45 * 100,
        "percent, with a card at its peak": WAITS / 0.45 * 100,
        "eight operations for each parameter and token": WAITS * 6 / 8,
        "the fraction upside down": COMPUTING / SENDING,
    }),
    # a prompt of 5 and three new tokens: 6 + 7 + 8
    "pairs_behind_a_prompt": ((5, 3), {
        "no mask among the new tokens": 24,
        "half of the square, without the diagonal's other half": 19.5,
        "the prompt's own pairs as well": 36,
        "a token that does not see itself": 18,
        "the prompt alone": 15,
        "the tokens, in place of the pairs": 8,
        "the prompt once, not for each new token": 11,
        "the new tokens alone": 6,
        "all pairs in both directions": 64,
        "a triangle without its half": 27,
        "new tokens that see the prompt and themselves": 18.0,
        "half of all pairs": 12,
    }),
    # parameters, output layer, cache for a token, prompt, new tokens, bytes
    "served_counted_once": ((100, 20, 3, 10, 4, 2), {
        "the page as it is": 2 * (100 + 20 + 30 + 42),
        "the output layer counted twice": 2 * (100 + 20 + 42),
        "the prompt counted twice": 2 * (100 + 30 + 42),
        "the cache of the whole sequence counted twice": 2 * (100 + 42 + 42),
        "the output layer left out": 2 * (80 + 42),
        "the prompt left out": 2 * (100 + 12),
        "the new tokens left out": 2 * (100 + 30),
        "the output layer twice and the prompt left out": 2 * (100 + 20 + 12),
        "no cache": 200,
        "the page as it is, in values": 100 + 20 + 30 + 42,
        "new tokens in place of their cache: a bracket is missing": 2 * (100 + 30 + 4),
        "values in place of bytes": 142,
        "the bytes of a value for the weights only": 200 + 42,
        "the bytes of a value for the cache only": 100 + 84,
    }),
}  # fmt: skip


@pytest.mark.parametrize("name", AGAIN)
def test_mistakes_come_to_what_their_names_say(name):
    values, expected = AGAIN[name]
    found = {mistake.name: float(mistake.gives(*values)) for mistake in getattr(checks, name).mistakes}
    assert found == pytest.approx({key: float(value) for key, value in expected.items()}, rel=1e-11)


def test_the_right_answers_a_second_time():
    assert checks.share_of_the_right_peak.right(8_030_000_000, 8, 27_000) == pytest.approx(USED, rel=1e-12)
    assert checks.sending_over_computing.right(3_200_000_000, 8192, 200, 0.45) == pytest.approx(WAITS, rel=1e-12)
    assert checks.pairs_behind_a_prompt.right(5, 3) == 6 + 7 + 8
    assert checks.served_counted_once.right(100, 20, 3, 10, 4, 2) == 2 * (100 + 42)

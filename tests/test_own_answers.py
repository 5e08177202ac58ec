"""While a check runs the answer is the learner's own; and no answer, however strange, makes a check itself stop."""

import contextvars
import functools
import io
import sys
from contextlib import redirect_stdout
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

import llmcalc
from llmcalc import checks
from llmcalc.checks import questions
from llmcalc.checks.answers import Wrong, written
from llmcalc.checks.apart import apart, told_apart
from llmcalc.checks.contents import EXERCISES
from llmcalc.checks.engine import Formula, Mistake, Number
from llmcalc.checks.questions import Own, Question
from llmcalc.display import Link, table

ASKED = {task.check: getattr(checks, task.check) for tasks in EXERCISES.values() for task in tasks}
DAYS = checks.work_in_pflop_days
PLAN = checks.cheapest_plan
BEYOND = 10**5000  # Python prints no number of so many digits
LONG = (BEYOND, -BEYOND, Fraction(1, BEYOND), [BEYOND], {BEYOND: 1}, {"9" * 5000: "a"})
PINNED = {"ada": (2, 4), "2026-117": (1, 2), "éva": (4, 8)}
COUNT = 2**60 + 1  # no float


class Lazy:
    def __float__(self):
        return float(DAYS.right(*DAYS.yours))


class Agreeing(int):
    def __eq__(self, other):
        return True

    __hash__ = int.__hash__


def counted(**more):
    return Number(right=lambda: COUNT, unit="weights", hint="Count.", tolerance=0, **more)


def squares():
    return Number(
        right=lambda width: width * width,
        unit="squares",
        hint="Multiply.",
        mistakes=(Mistake("one side counted twice", lambda width: 2 * width, "Count the squares."),),
        values={"width": Own("width of the field", (4, 8, 9))},
    )


@pytest.fixture(autouse=True)
def nobody():
    for name in ("somebody", ""):
        questions.sit(name)
    yield
    for name in ("somebody", ""):
        questions.sit(name)


# --- roads to the answer


@pytest.mark.parametrize(
    "answer",
    [
        lambda: DAYS.right(*DAYS.yours),
        lambda: DAYS.mistakes[0].gives(*DAYS.yours),
        functools.partial(DAYS.right, *DAYS.yours),
        Lazy,
        lambda: DAYS(lambda: 1),
        lambda: llmcalc.training_flops(1, 1),
        lambda: llmcalc.formula.FORMULAS["training_flops"](1, 1),
        lambda: contextvars.copy_context().run(llmcalc.training_flops, 1, 1),
        lambda: sys.modules["llmcalc.checks.pace"].QUESTIONS["work_in_pflop_days"].right("Llama 3.1 405B"),
        lambda: checks.begin("03_training_compute_6pd", "somebody else"),
    ],
)
def test_an_answer_that_asks_the_package_is_refused(answer):
    with pytest.raises(Wrong, match="asks the package"):
        DAYS(answer)
    assert DAYS.outcome == questions.WRONG


@pytest.mark.parametrize("name", [name for name, question in ASKED.items() if isinstance(question, Formula)])
def test_the_right_answer_of_a_question_is_no_answer_to_it(name):
    with pytest.raises(Wrong, match="asks the package"):
        ASKED[name](ASKED[name].right)


def test_a_plan_may_ask_the_planner_and_not_the_question():
    with pytest.raises(Wrong, match=r"asks the package \(checks: best\)"):
        PLAN(lambda: PLAN.best(*PLAN.yours).choices)
    assert PLAN.best(*PLAN.yours)


@pytest.mark.parametrize("name", ASKED)
def test_the_bare_name_of_a_check_shows_nothing_of_the_answer(name):
    assert repr(ASKED[name]) == f"<a check, to be called with your function ({type(ASKED[name]).__name__})>"


def test_every_part_of_a_question_that_knows_the_answer_is_closed():
    """A new kind of question with another name for its answer would be open."""
    parts = {part for question in ASKED.values() for part in vars(question)}
    harmless = {"hint", "unit", "tolerance", "whole", "rounds_up", "values", "where", "builds_on", "lists", "between"}
    harmless |= {"multiples", "edges", "words", "cases", "labels", "sound"}
    assert parts - harmless == set(Question.knows)


def test_an_integer_that_equals_everything_is_wrong():
    with pytest.raises(Wrong):
        counted()(lambda: Agreeing(5))


# --- strange answers


@pytest.mark.parametrize("answer", [COUNT, np.int64(COUNT), sp.Integer(COUNT), Fraction(COUNT)], ids=type)
def test_a_count_beyond_the_whole_numbers_of_a_float_stays_exact(answer):
    with redirect_stdout(io.StringIO()):
        counted()(lambda: answer)
    with pytest.raises(Wrong):
        counted()(lambda: answer + 1)


@pytest.mark.parametrize(
    "answer", [np.complex128(16 + 3j), np.complex64(16), 16 + 0j, np.True_, b"16", bytearray(b"16")]
)
def test_what_floats_can_be_made_of_is_not_always_a_number(answer):
    with pytest.raises(Wrong, match=r"^Your function returns .*; return (one|a) number"):
        squares()(lambda: answer)


@pytest.mark.parametrize(
    "answer", [BEYOND, -BEYOND, Fraction(1, BEYOND), [BEYOND], {BEYOND: 1}, {"9" * 5000: "a"}], ids=type
)
def test_numbers_too_long_to_print_are_wrong_answers(answer):
    for question in (
        squares(),
        counted(),
        *map(ASKED.get, ("lookup_and_output", "audit_of_the_page", "cheapest_plan")),
    ):
        with pytest.raises(Wrong) as told:
            question(lambda: answer)
        assert len(str(told.value)) < 500
    with pytest.raises(Wrong):
        checks.verdict(lambda *values: answer)


def test_an_array_is_no_choice_of_a_plan():
    with pytest.raises(Wrong, match="'gpus' is one of"):
        PLAN(lambda: {"gpu": "l40s", "gpus": np.array([4, 8]), "zero": 3, "recompute": "none", "micro_batch": 1})


def test_an_answer_that_ends_the_program_is_told_and_does_not_end_it():
    with pytest.raises(Wrong, match="stops with SystemExit"):
        squares()(lambda: sys.exit())


def test_an_answer_may_change_the_lists_that_it_is_given():
    def total(sizes):
        result = 0
        while sizes:
            result += sizes.pop()
        return result

    question = Formula(right=lambda sizes: sum(sizes), hint="Add.", lists=("sizes",))
    with redirect_stdout(io.StringIO()) as said:
        question(total)
    assert said.getvalue().startswith("Correct, for every input")


def test_an_answer_that_is_interrupted_leaves_nothing_solved():
    question = squares()
    with redirect_stdout(io.StringIO()):
        question(lambda: 16)

    def interrupted():
        raise KeyboardInterrupt()

    with pytest.raises(KeyboardInterrupt):
        question(interrupted)
    assert question.outcome is None


# --- own values


def test_a_mistake_is_named_although_it_comes_to_the_standard_answer():
    """With a width of 8 twice the width is 16, which is the square of the standard 4."""
    learner = next(name for name in map(str, range(99)) if squares().values_of(name).width == 8)
    questions.sit(learner)
    with pytest.raises(Wrong, match="one side counted twice"):
        squares()(lambda: 16)
    learner = next(name for name in map(str, range(99)) if squares().values_of(name).width == 9)
    questions.sit(learner)
    with pytest.raises(Wrong, match="the answer for the standard values"):
        squares()(lambda: 16)


def test_an_array_of_the_name_of_a_value_is_not_the_value():
    names = {"width": np.array([1, 2])}
    exec("def answer():\n    return 5 + 0 * len(width)", names)
    with pytest.raises(Wrong, match="`width` is not the value you have now"):
        squares()(names["answer"])


@pytest.mark.parametrize("typed", ["Ada\u200b", "\ufeffada", "a\0da", "\u202eada", "ada\ud800", "a\u00adda"])
def test_what_nobody_sees_in_a_name_does_not_count(typed):
    assert questions.sit(typed) == "ada"


@pytest.mark.parametrize("typed", ["éva", "e\u0301va", "E\u0301VA"])
def test_an_accent_may_be_typed_as_one_character_or_two(typed):
    assert questions.sit(typed) == "éva"


@pytest.mark.parametrize("typed", ["İ", "ǰ", "ΐ", "ﬃ", "ß", "Ⅷ", "😀", "李小龙", "שלום"])
def test_a_name_as_it_counts_counts_as_itself(typed):
    learner = questions.sit(typed)
    assert questions.sit(learner) == questions.sit(learner.upper()) == learner
    assert squares().yours


@pytest.mark.parametrize("name", ["x" * 101, 10**100, -BEYOND], ids=["text", "number", "beyond"])
def test_a_name_that_is_too_long_is_refused(name):
    with pytest.raises(ValueError, match="begin: name must have at most 100 characters"):
        checks.begin("03_training_compute_6pd", name)


def test_letters_of_another_font_are_letters():
    assert questions.sit("ℌans") == questions.sit("ＨANS") == "hans"


@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_first_cell_shows_the_values_that_the_checks_use(exercise):
    said = repr(checks.begin(exercise, "Éva"))
    assert said.startswith("Your values: the values of Éva\n")
    titles = list(dict.fromkeys(task.title for task in EXERCISES[exercise]))
    for task in EXERCISES[exercise]:
        number, question = titles.index(task.title) + 1, ASKED[task.check]
        for letter, own in question.values.items():
            value = getattr(question.values_of("éva"), letter)
            value = written(value) if isinstance(value, int | float | Fraction) else value
            assert f"{number} | {letter} | {value} | {own.meaning}" in said


def test_without_a_name_the_first_cell_says_so():
    assert repr(checks.begin("03_training_compute_6pd", "")).startswith("Your values: the standard values, since")


def test_student_numbers_may_be_those_of_numpy():
    assert questions.sit(np.int64(2026117)) == "2026117"


@pytest.mark.parametrize("start", [checks.begin, checks.progress])
@pytest.mark.parametrize("exercise", [None, 3, ["03_training_compute_6pd"]])
def test_what_is_no_name_of_an_exercise_is_refused(start, exercise):
    with pytest.raises(ValueError, match="there is no exercise"):
        start(exercise)


def test_values_that_never_go_together_are_said_and_not_looked_for_without_end():
    question = counted(values={"width": Own("width", (1, 2))}, where=lambda width: width > 2)
    with pytest.raises(ValueError, match="of 10000 draws of width none"):
        question.values_of("ada")


def test_values_that_are_drawn_again_are_the_same_on_every_computer():
    """Written down once, with a condition that refuses most draws."""
    options = tuple(range(1, 9))
    question = counted(values={"a": Own("a", options), "b": Own("b", options)}, where=lambda a, b: b == 2 * a)
    assert {name: question.values_of(name) for name in ("ada", "2026-117", "éva")} == PINNED


@pytest.mark.parametrize("name", [name for name, question in ASKED.items() if question.values])
def test_values_are_found_soon_and_few_learners_share_them(name):
    """In a class nobody finds many with the same question; a quarter share the one with four runs."""
    drawn = [ASKED[name].values_of(f"student {number}") for number in range(30)]
    most = max(map(drawn.count, drawn))
    assert most / len(drawn) < (0.45 if len(set(drawn)) <= 4 else 0.25)


def test_every_option_is_drawn_about_equally_often():
    question = counted(values={"a": Own("a", (1, 2, 3)), "b": Own("b", (1, 2, 3, 4, 5)), "c": Own("c", (1, 2))})
    drawn = [question.values_of(f"student {number}") for number in range(3000)]
    for letter, own in question.values.items():
        for option in own.options:
            share = sum(getattr(values, letter) == option for values in drawn) / len(drawn)
            assert share * len(own.options) == pytest.approx(1, abs=0.15)
    assert max(map(drawn.count, set(drawn))) < 1.5 * 3000 / 30  # all together, too


# --- progress


def test_what_another_lesson_teaches_is_read_again_there():
    shown = checks.progress("10_will_it_fit")
    assert "6 | Find the slip | – not checked yet | 09, 2 · ZeRO: why does everybody hold everything?" in repr(shown)
    assert 'href="../09_many_gpus.ipynb#2-·-ZeRO:-why-does-everybody-hold-everything?"' in shown._repr_html_()


def test_all_of_them_is_said_when_nothing_is_left(monkeypatch):
    exercise = "03_training_compute_6pd"
    *most, last = EXERCISES[exercise]
    for tasks, said in ((most, "8 of 9 checks passed. After"), ((last,), "9 of 9 checks passed. That is all of them.")):
        for task in tasks:
            monkeypatch.setattr(type(ASKED[task.check]), "examine", lambda self, answer: None)
            ASKED[task.check](None)
        assert repr(checks.progress(exercise)).startswith(said)
    assert "restart" not in repr(checks.progress(exercise))


# --- what keeps slips apart


@pytest.mark.parametrize(
    ("slips", "apart_enough"),
    [((1009,), False), ((1011,), True), ((991,), False), ((2000, 2009), False), ((2000, 2011), True)],
)
def test_slips_are_apart_beyond_twice_the_tolerance_and_of_each_other_beyond_it(slips, apart_enough):
    mistakes = tuple(Mistake(f"slip {slip}", lambda right, slip=slip: slip, "Look again.") for slip in slips)
    assert apart(lambda right: right, mistakes)(1000) is apart_enough
    one_percent = Number(right=lambda right: right, unit="B", hint="Add.", mistakes=mistakes, tolerance=0.01)
    assert not told_apart(one_percent, 1000)
    counted_exactly = Number(right=lambda right: right, unit="B", hint="Add.", mistakes=mistakes, tolerance=0)
    assert told_apart(counted_exactly, 1000)


def test_a_link_in_a_table_cannot_break_it():
    cell = table([(Link("a < b", 'x.ipynb#"a"&b'),)], ("read",))
    assert '<a href="x.ipynb#&quot;a&quot;&amp;b">a &lt; b</a>' in cell

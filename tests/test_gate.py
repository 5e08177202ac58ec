"""The gate itself, tried with small formulas of its own; what holds for every formula stands in test_formulas.py."""

import math
import sys
import threading
from enum import IntEnum
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from llmcalc.formula import FORMULAS, FormulasClosed, amount, formula, formulas_closed
from llmcalc.symbolic import larger, share

n = sp.Symbol("n", positive=True)


@pytest.fixture(autouse=True)
def registry():
    """The registry, left as it was found."""
    before = dict(FORMULAS)
    yield FORMULAS
    FORMULAS.clear()
    FORMULAS.update(before)


@pytest.fixture
def area():
    @formula
    def area(rows, layers=2):
        """Rows times layers."""
        return rows * layers

    return area


def test_a_formula_keeps_its_name_its_docstring_and_its_signature(area):
    assert (area.__name__, area.__doc__) == ("area", "Rows times layers.")
    assert area(3) == area(3, 2) == area(rows=3) == area(layers=2, rows=3) == 6


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((), {}, "missing a required argument: 'rows'"),
        ((1, 2), {"rows": 1}, "multiple values for argument 'rows'"),
        ((1,), {"heads": 1}, "got an unexpected keyword argument 'heads'"),
        ((1, 2, 3), {}, "too many positional arguments"),
    ],
)
def test_a_call_that_does_not_fit_is_refused_as_python_would(area, args, kwargs, message):
    with pytest.raises(TypeError, match=f"^area: {message}$"):
        area(*args, **kwargs)


def test_a_parameter_that_only_has_a_name_takes_no_place():
    @formula
    def area(rows, *, layers=2):
        return rows * layers

    assert area(3) == area(3, layers=2) == 6
    with pytest.raises(TypeError, match=r"^area: too many positional arguments$"):
        area(3, 2)


def test_values_are_looked_at_in_the_order_of_the_parameters(area):
    with pytest.raises(ValueError, match=r"^area: rows must be zero or a positive number, got -1$"):
        area(layers=-2, rows=-1)


def test_a_formula_is_registered_under_its_name(area, registry):
    assert registry["area"] is area


def test_another_formula_of_the_same_name_is_refused_but_the_same_again_is_a_reload(area, registry):
    def again(rows):
        return rows

    again.__name__ = "area"
    assert formula(again)(5) == 5
    again.__module__ = "somewhere.else"
    with pytest.raises(ValueError, match="there is a formula area already"):
        formula(again)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (3, 6),
        (10**400, 2 * 10**400),
        (0.5, 1.0),
        (Fraction(1, 3), Fraction(2, 3)),
        (np.int8(100), 200),
        (np.uint64(2**64 - 1), 2**65 - 2),
        (np.float16(60_000), 120_000.0),
        (np.array(100, np.int8), 200),
        (IntEnum("Size", {"THREE": 3}).THREE, 6),
        (n, 2 * n),
        (sp.Integer(3), sp.Integer(6)),
        (sp.Rational(1, 3), sp.Rational(2, 3)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_numbers_keep_their_kind_and_numpy_scalars_become_python_numbers(area, given, expected):
    result = area(given)
    assert result == expected and type(result) is type(expected)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "uint64", "float16", "float32", "float64", "longdouble"])
@pytest.mark.parametrize("shape", [(1,), (2, 3), (0,)])
def test_arrays_become_float64_and_keep_their_shape(area, dtype, shape):
    result = area(np.full(shape, 100, dtype))
    assert type(result) is np.ndarray and result.dtype == np.float64 and result.shape == shape
    assert (result == 200).all()


def test_subclasses_of_arrays_become_plain_ones():
    with pytest.warns(PendingDeprecationWarning):
        matrix = np.matrix([[1, 2], [3, 4]])

    @formula
    def square(rows):
        return rows * rows  # np.matrix would take this for a matrix product

    assert square(matrix).tolist() == [[1, 4], [9, 16]]


@pytest.mark.parametrize("number", [Fraction(1, 2), 2**70, 0.5, sp.Rational(1, 2), sp.Integer(3)], ids=repr)
def test_a_number_of_any_kind_beside_an_array_gives_floats(area, number):
    result = area(np.array([1, 2]), number)
    assert result.dtype == np.float64
    assert result.tolist() == [float(number), 2 * float(number)]


def test_a_number_too_large_for_a_float_is_refused_beside_an_array(area):
    with pytest.raises(ValueError, match=r"^area: no finite number comes out of rows=array.*, layers=1000"):
        area(np.array([1, 2]), 10**400)


def test_defaults_pass_the_gate_too():
    @formula
    def wrong(rows=-1):
        return rows

    with pytest.raises(ValueError, match="wrong: rows must be zero or a positive number, got -1"):
        wrong()


def test_parameters_outside_the_notation_have_to_be_positive():
    @formula
    def double(strange):
        return 2 * strange

    assert double(1) == 2
    with pytest.raises(ValueError, match="double: strange must be a positive number, got 0"):
        double(0)


@pytest.fixture
def halved():
    @formula
    def halved(utilization):
        return utilization / 2

    return halved


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (40, "40"),
        (math.nextafter(1, 2), "1.0000000000000002"),
        (Fraction(3, 2), "Fraction(3, 2)"),
        (np.int8(2), "2"),
        (np.array([0.5, 40]), "an array with 40.0"),
        (sp.Integer(40), "40"),
        (sp.sqrt(2), "sqrt(2)"),
        (n + 1, "n + 1"),  # n is positive
    ],
    ids=repr,
)
def test_a_share_of_more_than_the_whole_is_refused(halved, value, shown):
    with pytest.raises(ValueError) as refused:
        halved(value)
    assert str(refused.value) == f"halved: utilization must be a positive number of at most 1, got {shown}"


def test_a_share_up_to_the_whole_passes_and_so_does_a_symbol_that_may_be_one(halved):
    for value in (1, 1.0, Fraction(1), 5e-324, np.float16(1), sp.Integer(1), sp.Rational(1, 3), n, n + sp.Symbol("m")):
        assert halved(value) == value / 2
    assert halved(np.array([0.5, 1])).tolist() == [0.25, 0.5]


def test_the_limit_of_a_share_holds_for_amounts_and_stands_beside_the_zero_that_is_allowed():
    with pytest.raises(ValueError, match=r"^here: utilization must be a positive number of at most 1, got 1\.5$"):
        amount(1.5, "utilization", of="here")
    with pytest.raises(TypeError, match=r"must be zero or a positive number of at most 1, got '40'$"):
        amount("40", "utilization", of="here", may_be_zero=True)
    assert amount(0, "utilization", of="here", may_be_zero=True) == 0


def test_long_values_are_cut_in_the_message(area):
    with pytest.raises(TypeError) as refused:
        area("x" * 10_000)
    assert str(refused.value) == f"area: rows must be zero or a positive number, got '{'x' * 56}..."


def test_things_that_only_look_like_arrays_or_symbols_are_refused(area):
    class Looks:
        def __repr__(self):
            return "a fake"

    for name in ("dtype", "free_symbols"):
        fake = Looks()
        setattr(fake, name, "float64")
        with pytest.raises(TypeError, match=r"rows must be .* got a fake"):
            area(fake)


@pytest.mark.parametrize(
    ("compute", "given"),
    [
        (lambda rows: rows * 1e308, 1e308),  # inf
        (lambda rows: rows / 0, 1),
        (lambda rows: rows / (rows - rows), n),  # zoo
        (lambda rows: rows * 1.5, 10**400),  # OverflowError
        (lambda rows: 2.0**rows, 5000),
        (lambda rows: rows**1.0 - rows**1.0 * 10.0**308 * 10, 1.0),  # -inf
        (lambda rows: rows / 0, np.array([1.0])),
        (lambda rows: rows * 1e308, np.array([1.0, 1e308])),
    ],
)
@pytest.mark.filterwarnings("error")
def test_results_that_are_no_finite_number_are_refused(compute, given):
    def result_of(rows):
        return compute(rows)

    with pytest.raises(ValueError, match="result_of: no finite number comes out of rows="):
        formula(result_of)(given)


def test_a_refusal_inside_a_formula_names_both_and_what_the_outer_one_was_given(area):
    @formula
    def outer(tokens, batch):
        return area(tokens * 1e300, batch)

    with pytest.raises(ValueError) as refused:
        outer(1e300, 3)
    assert str(refused.value) == (
        "outer: area: rows must be zero or a positive number, got inf; given tokens=1e+300, batch=3"
    )


def test_a_share_that_does_not_come_out_even_is_refused_by_the_name_of_the_formula():
    @formula
    def head_width(inputs, layers):
        return share(inputs, layers)

    assert head_width(768, 12) == 64
    assert head_width(n, 12) == n / 12
    assert head_width(np.array([768, 769]), 12).tolist() == [64, 769 / 12]
    with pytest.raises(ValueError) as refused:
        head_width(769, 12)
    assert str(refused.value) == "head_width: 769 cannot be shared equally among 12; given inputs=769, layers=12"


def test_a_formula_may_use_the_helpers_on_mixed_kinds_of_numbers():
    @formula
    def at_least(rows, layers):
        return larger(rows, layers)

    assert at_least(3, 2.5) == 3 and at_least(Fraction(7, 2), 3) == Fraction(7, 2)
    assert at_least(np.array([1, 4]), 3).tolist() == [3, 4]
    assert at_least(n, 3) == sp.Max(n, 3)


def test_an_unexpected_error_inside_a_formula_is_not_hidden():
    @formula
    def broken(rows):
        return rows.no_such_thing

    with pytest.raises(AttributeError, match="no_such_thing"):
        broken(1)


def test_numpy_warnings_of_the_caller_are_left_on(area):
    area(np.array([1.0]))
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        np.array([1.0]) / 0


# --- closing --------------------------------------------------------------------------------------------------------


def test_formulas_open_again_even_after_an_error(area):
    with pytest.raises(ZeroDivisionError), formulas_closed():
        raise ZeroDivisionError
    assert area(1) == 2


def test_formulas_may_be_closed_twice(area):
    with formulas_closed():
        with formulas_closed(), pytest.raises(FormulasClosed):
            area(1)
        with pytest.raises(FormulasClosed):
            area(1)
    assert area(1) == 2


def test_closing_refuses_before_it_looks_at_the_values(area):
    with formulas_closed(), pytest.raises(FormulasClosed, match=r"asks the package \(area\)"):
        area("nonsense")


def test_closing_in_one_thread_leaves_the_others_open(area):
    results = []
    with formulas_closed():
        thread = threading.Thread(target=lambda: results.append(area(1)))
        thread.start()
        thread.join()
    assert results == [2]


# --- amount, for what is no formula ---------------------------------------------------------------------------------


def test_amount_takes_zero_as_told_and_else_as_the_notation_says():
    assert amount(0, "rows", of="here") == 0
    assert amount(0, "layers", of="here", may_be_zero=True) == 0
    for arguments in ({"name": "layers"}, {"name": "unknown"}, {"name": "rows", "may_be_zero": False}):
        with pytest.raises(ValueError, match=f"^here: {arguments['name']} must be a positive number, got 0$"):
            amount(0, of="here", **arguments)


def test_symbols_that_may_be_zero_or_more_pass_and_those_that_cannot_be_an_amount_do_not():
    assert amount(sp.Symbol("n"), "layers", of="here") == sp.Symbol("n")
    nonnegative, nonpositive = sp.Symbol("n", nonnegative=True), sp.Symbol("n", nonpositive=True)
    assert amount(nonnegative, "layers", of="here") is nonnegative
    with pytest.raises(ValueError):
        amount(nonpositive, "layers", of="here")
    assert amount(nonpositive, "batch", of="here") is nonpositive  # zero is possible
    with pytest.raises(ValueError):
        amount(sp.Symbol("n", zero=True), "layers", of="here")


@pytest.mark.filterwarnings("error")
def test_a_longdouble_beyond_float64_is_refused_as_infinite():
    if np.finfo(np.longdouble).maxexp > sys.float_info.max_exp:
        huge = np.longdouble("1e4000")
        for value in (huge, np.array([1, huge])):
            with pytest.raises(ValueError, match="inf"):
                amount(value, "rows", of="here")


def test_nan_in_disguise_is_refused():
    for nan in (float("nan"), -math.nan, np.float16("nan"), sp.Float("nan"), sp.nan):
        with pytest.raises(ValueError, match="nan"):
            amount(nan, "rows", of="here")

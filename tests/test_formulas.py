"""What holds for every formula of the package: one set of tests over the registry."""

import copy
import importlib
import inspect
import math
import pickle
import pkgutil
import re
import sys
from datetime import date
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import llmcalc
from llmcalc.formula import FORMULAS, FormulasClosed, formulas_closed
from llmcalc.notation import GROUPS, NOTATION

for module in pkgutil.walk_packages(llmcalc.__path__, "llmcalc."):
    importlib.import_module(module.name)  # importing registers the formulas

EXACT = 2**53  # up to here a float holds every whole number
SCALARS = [np.dtype(code).type for code in np.typecodes["AllInteger"] + np.typecodes["Float"]]

few = settings(max_examples=20, deadline=None)  # for each formula, of which there are many
every_formula = pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)


def parameters(formula):
    return list(inspect.signature(formula).parameters)


def fitting(name, size):
    """`size`, or what the notation allows at least or at most (of an array, each entry)."""
    at_least, at_most = NOTATION[name].at_least, NOTATION[name].at_most
    if isinstance(size, np.ndarray):
        return np.clip(size, at_least or None, at_most).astype(size.dtype) if at_least or at_most else size
    size = max(size, at_least)
    return size if at_most is None else min(size, at_most)


def all_of(formula, size):
    """`size` for each parameter, as far as it is allowed."""
    return {name: fitting(name, size) for name in parameters(formula)}


def allowed(name):
    """What the gate says a parameter must be."""
    row = NOTATION[name]
    kind = f"{'zero or a positive' if row.may_be_zero else 'a positive'} number"
    kind += f" of at least {row.at_least}" if row.at_least else ""
    return kind if row.at_most is None else f"{kind} of at most {row.at_most}"


def whole_numbers(formula, sizes):
    """The formula of whole numbers; of fractions, where a whole number cannot be shared equally."""
    try:
        return formula(**sizes)
    except ValueError as refused:
        if "cannot be shared" not in str(refused):
            raise
        return formula(**{name: Fraction(size) for name, size in sizes.items()})


def takes_roots(expression):
    """Whether a formula of symbols has powers that are not whole: then whole numbers may give irrational ones."""
    return any(part.is_Pow and not part.exp.is_Integer for part in sp.preorder_traversal(expression))


def sizes_of(formula, bits=30):
    """Sizes that keep what is computed below 2**53: any, or powers of two, which can be shared equally."""
    bits //= len(parameters(formula))
    powers = st.integers(0, bits).map(lambda power: 2**power)

    def sizes(size):
        names = parameters(formula)
        return st.fixed_dictionaries({name: size.map(lambda drawn, name=name: fitting(name, drawn)) for name in names})

    return sizes(st.integers(1, 2**bits)) | sizes(powers)


def agree(result, expected):
    """Equal, if whole numbers gave a whole number that a float can hold; else equal to 12 digits."""
    if isinstance(expected, int) and expected <= EXACT:
        return result == expected
    return float(result) == pytest.approx(float(expected), rel=1e-12, abs=0)


# --- three readings -------------------------------------------------------------------------------------------------


@every_formula
@few
@given(data=st.data())
def test_numbers_arrays_and_symbols_agree(formula, data):
    sizes = data.draw(sizes_of(formula))
    number = whole_numbers(formula, sizes)
    for dtype in (np.int64, np.float64):
        array = formula(**{name: np.full((2, 1), size, dtype) for name, size in sizes.items()})
        assert array.dtype == np.float64 and array.shape == (2, 1)
        assert all(agree(entry, number) for entry in array.flat)
    for assumptions in ({}, {"positive": True}, {"positive": True, "integer": True}):
        symbols = {name: sp.Symbol(name, **assumptions) for name in sizes}
        expression = formula(**symbols)
        assert expression.free_symbols == set(symbols.values())
        assert agree(expression.xreplace({symbols[name]: sp.Integer(size) for name, size in sizes.items()}), number)


@every_formula
@few
@given(data=st.data())
def test_one_array_beside_numbers_gives_an_array_of_what_the_numbers_give(formula, data):
    sizes = data.draw(sizes_of(formula))
    name = data.draw(st.sampled_from(parameters(formula)))
    steps = [sizes[name], sizes[name] * 2, sizes[name] * 4]
    if NOTATION[name].at_most is not None:
        steps = [sizes[name] / 4, sizes[name] / 2, sizes[name]]
    array = formula(**{**sizes, name: np.array(steps)})
    assert array.shape == (3,)
    for entry, step in zip(array, steps, strict=True):
        assert agree(entry, whole_numbers(formula, {**sizes, name: step}))


@every_formula
@few
@given(data=st.data())
def test_fractions_stay_exact_and_agree_with_symbols(formula, data):
    sizes = {
        name: data.draw(st.fractions(fitting(name, Fraction(1, 64)), fitting(name, 64), max_denominator=64))
        for name in parameters(formula)
    }
    symbols = {name: sp.Symbol(name, positive=True) for name in sizes}
    exact = {name: sp.Rational(size) for name, size in sizes.items()}
    expression = formula(**symbols)
    value = expression.xreplace({symbols[name]: size for name, size in exact.items()})
    try:
        number = formula(**sizes)
    except ValueError as refused:  # no such thing exists: then no reading may have an answer
        assert "must be a positive number, got " in str(refused)
        with pytest.raises(ValueError, match="must be a positive number, got "):
            formula(**exact)
    else:
        if takes_roots(expression):
            assert float(number) == pytest.approx(float(value), rel=1e-9)  # differences cancel some of 16 digits
        else:
            assert isinstance(number, (int, Fraction))
            assert value == sp.Rational(number)


@every_formula
@few
@given(data=st.data())
def test_whole_floats_fractions_and_sympy_numbers_give_what_integers_give(formula, data):
    sizes = data.draw(sizes_of(formula))
    number = whole_numbers(formula, sizes)
    for kind in (float, Fraction):
        assert agree(formula(**{name: kind(size) for name, size in sizes.items()}), number)
    assert agree(whole_numbers(formula, {name: sp.Integer(size) for name, size in sizes.items()}), number)


@every_formula
def test_numpy_scalars_of_all_widths_are_python_numbers(formula):
    sizes = all_of(formula, 64)
    number = formula(**sizes)
    for kind in SCALARS:
        for scalar in (kind, lambda size, kind=kind: np.array(size, dtype=kind)):
            result = formula(**{name: scalar(size) for name, size in sizes.items()})
            assert type(result) in (int, float) and result == number


@every_formula
@few
@given(data=st.data())
def test_whole_numbers_of_any_size_stay_exact(formula, data):
    """A number some hundred digits long, in place of each parameter: no float is involved, unless as the result.

    Where the notation sets a limit, it is the limit's smallest part instead.
    """
    roots = takes_roots(formula(**{name: sp.Symbol(name, positive=True) for name in parameters(formula)}))
    names = [name for name in parameters(formula) if not (roots and NOTATION[name].at_most)]  # no 2**1000th roots
    name, exponent = data.draw(st.sampled_from(names)), data.draw(st.integers(30, 1000))
    small = whole_numbers(formula, dict.fromkeys(parameters(formula), 1))
    size, at_most = 2**exponent + 1, NOTATION[name].at_most
    huge = {**dict.fromkeys(parameters(formula), 1), name: size if at_most is None else Fraction(at_most, size)}
    symbols = {each: sp.Symbol(each, positive=True) for each in huge}
    exact = formula(**symbols).xreplace({symbols[each]: sp.Rational(size) for each, size in huge.items()})
    number = whole_numbers(formula, huge)
    if isinstance(small, int) and isinstance(number, int):
        assert number == exact
    else:
        assert float(number) == pytest.approx(float(exact), rel=1e-12)


# --- width and range ------------------------------------------------------------------------------------------------


@every_formula
@few
@given(data=st.data())
def test_whole_number_arrays_near_the_end_of_their_type_do_not_wrap(formula, data):
    large = data.draw(st.integers(2**62 - 1000, 2**63 - 1))
    for names in ([name] for name in parameters(formula)):
        sizes = dict.fromkeys(parameters(formula), 1) | {name: fitting(name, large) for name in names}
        for dtype in (np.int64, np.uint64):
            result = formula(**{name: np.array([size], dtype) for name, size in sizes.items()})
            assert result[0] == pytest.approx(float(whole_numbers(formula, sizes)), rel=1e-12)
    for dtype, large in ((np.int64, 2**63 - 1), (np.int8, 127), (np.uint8, 255), (np.int32, 2**31 - 1)):
        sizes = all_of(formula, large)
        result = formula(**{name: np.array([size], dtype) for name, size in sizes.items()})
        assert result[0] == pytest.approx(float(whole_numbers(formula, sizes)), rel=1e-12)


@every_formula
def test_half_precision_arrays_do_not_overflow(formula):
    result = formula(**all_of(formula, np.array([60_000, 2048], dtype=np.float16)))
    assert result.dtype == np.float64
    for entry, size in zip(result, (60_000, 2048), strict=True):
        assert agree(entry, formula(**all_of(formula, size)))


@every_formula
@few
@given(data=st.data())
@pytest.mark.filterwarnings("error")
def test_what_leaves_the_range_of_numbers_is_refused_in_words(formula, data):
    anything = st.floats(min_value=5e-324, max_value=sys.float_info.max) | st.integers(1, 10**400)
    values = {name: fitting(name, data.draw(anything)) for name in parameters(formula)}
    arrays = {name: np.array([1.0, value]) for name, value in values.items() if isinstance(value, float)}
    values_shown = "=.*".join(values)
    for given_values in (values, {**values, **arrays}):
        try:
            result = formula(**given_values)
        except ValueError as refused:
            assert re.match(rf"{formula.__name__}: .*(comes out of|given) {values_shown}", str(refused))
        else:
            assert isinstance(result, (int, Fraction)) or np.isfinite(result).all()


@every_formula
@pytest.mark.parametrize("dtype", [np.float64, np.int64, np.float16])
def test_arrays_given_are_left_as_they_are(formula, dtype):
    arrays = all_of(formula, np.array([64, 128, 64], dtype))
    arrays = {name: array.copy() for name, array in arrays.items()}
    before = copy.deepcopy(arrays)
    result = formula(**arrays)
    result[:] = 0  # nor is the result one of them
    for name, array in arrays.items():
        assert array.dtype == dtype and (array == before[name]).all()


# --- bad input ------------------------------------------------------------------------------------------------------

n = sp.Symbol("n")
BAD = [  # value, exception, how the message shows it
    (-1, ValueError, "-1"),
    (-0.5, ValueError, "-0.5"),
    (Fraction(-1, 2), ValueError, "Fraction(-1, 2)"),
    (math.nan, ValueError, "nan"),
    (math.inf, ValueError, "inf"),
    (-math.inf, ValueError, "-inf"),
    (1e400, ValueError, "inf"),
    (-(10**5000), ValueError, "int with more digits than can be printed"),
    (Fraction(-(10**5000), 3), ValueError, "Fraction with more digits than can be printed"),
    (True, TypeError, "True"),
    (False, TypeError, "False"),
    (np.True_, TypeError, "True"),
    ("7", TypeError, "'7'"),
    ("", TypeError, "''"),
    (b"7", TypeError, "b'7'"),
    (None, TypeError, "None"),
    (1j, TypeError, "1j"),
    (1 + 0j, TypeError, "(1+0j)"),
    ([7], TypeError, "[7]"),
    ((7,), TypeError, "(7,)"),
    ({"n": 7}, TypeError, "{'n': 7}"),
    ({7}, TypeError, "{7}"),
    ([10**5000], TypeError, "list with more digits than can be printed"),
    (date(2026, 1, 1), TypeError, "datetime.date(2026, 1, 1)"),
    (len, TypeError, "<built-in function len>"),
    (int, TypeError, "<class 'int'>"),
    (np.float64, TypeError, "<class 'numpy.float64'>"),
    (np.int64(-3), ValueError, "-3"),
    (np.float32("nan"), ValueError, "nan"),
    (np.float64("inf"), ValueError, "inf"),
    (np.complex128(1), TypeError, "1+0j"),
    (np.datetime64("2026-01-01"), TypeError, "2026-01-01"),
    (np.timedelta64(3, "s"), TypeError, "3"),
    (np.str_("7"), TypeError, "'7'"),
    (np.array([1, -3]), ValueError, "an array with -3.0"),
    (np.array([1, np.nan]), ValueError, "an array with nan"),
    (np.array([[np.inf], [1]], np.float16), ValueError, "an array with inf"),
    (np.array([True]), TypeError, "array([ True])"),
    (np.array([1j]), TypeError, "array([0.+1.j])"),
    (np.array(["7"]), TypeError, "array(['7']"),
    (np.array([7, None]), TypeError, "array([7, None], dtype=object)"),
    (np.array(["2026-01-01"], "datetime64[D]"), TypeError, "array(['2026-01-01']"),
    (np.zeros(1, [("x", int)]), TypeError, "array([(0,)]"),
    (np.ma.array([7, 8], mask=[0, 1]), TypeError, "masked_array(data=[7, --]"),
    (np.ma.masked, TypeError, "masked"),
    (sp.nan, ValueError, "nan"),
    (sp.oo, ValueError, "oo"),
    (-sp.oo, ValueError, "-oo"),
    (sp.zoo, TypeError, "zoo"),
    (n + sp.oo, ValueError, "n + oo"),
    (sp.Integer(-1), ValueError, "-1"),
    (sp.Rational(-1, 2), ValueError, "-1/2"),
    (-sp.sqrt(2), ValueError, "-sqrt(2)"),
    (sp.Symbol("n", negative=True), ValueError, "n"),
    (-sp.Symbol("n", positive=True), ValueError, "-n"),
    (sp.Symbol("n", infinite=True), ValueError, "n"),
    (sp.I, TypeError, "I"),
    (sp.Symbol("n", imaginary=True), TypeError, "n"),
    (sp.Symbol("n", commutative=False), TypeError, "n"),
    (n < 3, TypeError, "n < 3"),
    (sp.Eq(n, 3), TypeError, "Eq(n, 3)"),
    (sp.true, TypeError, "True"),
    (sp.Matrix([[n]]), TypeError, "Matrix([[n]])"),
    (sp.ImmutableMatrix([[n]]), TypeError, "Matrix([[n]])"),
    (sp.MatrixSymbol("M", 2, 2), TypeError, "M"),
    (sp.Tuple(n), TypeError, "(n,)"),
    (sp.Symbol, TypeError, "<class 'sympy.core.symbol.Symbol'>"),
]


@every_formula
@pytest.mark.filterwarnings("error")
def test_bad_input_is_refused_by_the_names_of_formula_and_parameter(formula):
    for name in parameters(formula):
        for value, kind, shown in BAD:
            with pytest.raises(kind) as refused:
                formula(**{**dict.fromkeys(parameters(formula), 1), name: value})
            message = str(refused.value)
            start = f"{formula.__name__}: {name} must be {allowed(name)}, got "
            assert message.startswith(start) and shown in message.removeprefix(start) and "\n" not in message


ZEROS = [0, 0.0, -0.0, Fraction(0), np.int32(0), np.float16(0), np.array([0, 1]), sp.Integer(0), sp.Float(0), n - n]


@every_formula
def test_zero_is_refused_where_the_notation_says_so_and_nowhere_else(formula):
    for name in parameters(formula):
        for zero in ZEROS:
            try:
                formula(**{**dict.fromkeys(parameters(formula), 1), name: zero})
            except ValueError as refused:
                if NOTATION[name].may_be_zero:  # the value is fine, yet nothing can be divided by it
                    inner = r"(\w+: )?"  # the formula inside this one that met it
                    assert re.match(rf"{formula.__name__}: {inner}no finite number comes out of", str(refused))
                else:
                    assert f"{formula.__name__}: {name} must be {allowed(name)}, got" in str(refused)
            else:
                assert NOTATION[name].may_be_zero


@every_formula
def test_more_than_the_notation_allows_is_refused_and_the_limit_itself_is_not(formula):
    for name in parameters(formula):
        limit, ones = NOTATION[name].at_most, dict.fromkeys(parameters(formula), 1)
        if limit is None:
            continue
        for within in (limit, float(limit), Fraction(limit), np.float16(limit), np.array([limit]), sp.Integer(limit)):
            formula(**{**ones, name: within})
        above = np.nextafter(limit, 2 * limit)
        for value in (40 * limit, float(above), limit + Fraction(1, 10**30), 10**400, np.int8(2 * limit), above,
                      np.array([limit, 40]), sp.Integer(limit) + 1, limit * sp.sqrt(2)):  # fmt: skip
            with pytest.raises(ValueError, match=f"^{formula.__name__}: {name} must be {allowed(name)}, got "):
                formula(**{**ones, name: value})


@every_formula
def test_arrays_and_symbols_are_not_mixed(formula):
    first, *others = parameters(formula)
    for name in others:
        with pytest.raises(TypeError, match=f"^{formula.__name__}: {name} is the symbol n; arrays and symbols"):
            formula(**{**dict.fromkeys(parameters(formula), 1), first: np.array([1, 2]), name: n})


@every_formula
def test_wrong_numbers_of_arguments_are_refused_by_the_name_of_the_formula(formula):
    for args, kwargs in (((), {}), ((1,) * 20, {}), ((), {"no_such_parameter": 1})):
        with pytest.raises(TypeError, match=f"^{formula.__name__}: "):
            formula(*args, **kwargs)


@every_formula
def test_is_closed_while_a_learner_answers(formula):
    ones = dict.fromkeys(parameters(formula), 1)
    with formulas_closed(), pytest.raises(FormulasClosed, match=rf"asks the package \({formula.__name__}\)"):
        formula(**ones)
    assert formula(**ones) is not None


# --- documentation --------------------------------------------------------------------------------------------------


def sections(formula):
    """The docstring's parts by their headings; the summary is what stands before the first."""
    parts = re.split(r"^(\w+)\n-+\n", inspect.getdoc(formula), flags=re.MULTILINE)
    return {"Summary": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


@every_formula
def test_docstring_says_everything(formula):
    parts = sections(formula)
    assert list(parts) == ["Summary", "Parameters", "Returns", "Source", "Examples"]
    summary = parts["Summary"].splitlines()
    assert summary[0].endswith(".") and summary[1:2] in ([], [""]), "the summary is one sentence on one line"
    assert parts["Source"].strip()
    assert f">>> {formula.__name__}(" in parts["Examples"]


@every_formula
def test_docstring_names_each_parameter_and_its_default(formula):
    signature = inspect.signature(formula).parameters
    described = re.findall(r"^([\w, ]+) : (.+)\n((?:    .+\n?)+)", sections(formula)["Parameters"], re.MULTILINE)
    assert [name for names, _, _ in described for name in names.split(", ")] == list(signature)
    for names, kind, _ in described:
        for name in names.split(", "):
            default = signature[name].default
            stated = "" if default is inspect.Parameter.empty else f", default {default}"
            assert kind == f"number, array or SymPy expression{stated}"


UNITS = {"bytes": "_bytes", "FLOP": "_flops", "seconds": "seconds", "per second": "_per_second"}


@every_formula
def test_returns_names_a_unit_and_the_name_agrees_with_it(formula):
    kind, *text = sections(formula)["Returns"].splitlines()
    text = " ".join(text)
    assert kind == "number, array or SymPy expression"
    units = {word for row in NOTATION.values() for word in row.unit.split() if len(word) > 2} | {"No unit"}
    assert any(unit in text for unit in units)
    for unit, ending in UNITS.items():
        named = formula.__name__.endswith(ending) or formula.__name__.startswith(f"{ending}_")
        assert named == bool(re.search(rf"\b(in )?{unit}\b", text))


@every_formula
def test_the_docstring_names_the_defaults_that_there_are(formula):
    said = {}
    for names, default in re.findall(
        r"^(\w[\w, ]*) : .*?(?:, default (\S+))?$", sections(formula)["Parameters"], re.MULTILINE
    ):
        said |= dict.fromkeys(names.split(", "), default)
    for name, parameter in inspect.signature(formula).parameters.items():
        default = "" if parameter.default is parameter.empty else str(parameter.default)
        assert said[name].replace("_", "") == default


@every_formula
def test_every_parameter_stands_in_the_notation(formula):
    assert set(parameters(formula)) <= set(NOTATION)


@every_formula
def test_can_be_found_copied_and_sent_to_another_process(formula):
    assert getattr(importlib.import_module(formula.__module__), formula.__name__) is formula
    assert pickle.loads(pickle.dumps(formula)) is formula
    assert copy.deepcopy(formula) is formula


@pytest.mark.parametrize("column", ["name", "letter", "meaning"])
def test_no_two_rows_of_the_notation_share_a(column):
    entries = [getattr(row, column) for rows in GROUPS.values() for row in rows]
    assert all(entries) and len(set(entries)) == len(entries)


@pytest.mark.parametrize("row", NOTATION.values(), ids=lambda row: row.name)
def test_the_ending_of_a_name_in_the_notation_is_its_unit(row):
    unit = next((unit for ending, unit in ENDINGS.items() if row.name.endswith(ending)), None)
    assert unit is None or row.unit == unit
    assert row.unit


ENDINGS = {  # the longest first
    "bytes_per_second": "bytes per second",
    "flops_per_second": "FLOP/s",
    "bytes_per_value": "bytes per value",
    "bytes_per_example": "bytes per example",
    "flops_per_example": "FLOP per example",
    "_bytes": "bytes",
    "flops": "FLOP",
    "seconds": "seconds",
}


def test_the_formulas_of_the_first_lessons_are_registered():
    """Guards the tests above: with an empty registry they would all pass."""
    assert {"training_flops", "dense_forward_flops", "largest_batch", "stored_bytes"} <= set(FORMULAS)

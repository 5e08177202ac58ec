"""Numbers in prose: which of a notebook's written numbers does nothing in the notebook stand for?

A number in a Markdown cell with three digits or more, or with a unit, has to be *backed*: by text that a code cell
put out (stdout, plain text, LaTeX, the cells of HTML tables), by a number in an `assert`, or by a recorded claim of a
document. Pictures back nothing, nor do timings (`[timed]`), which change from run to run.

What backs has to measure the same thing: "7 GB" takes "7 GB", "7,000 MB" or a bare 7000000000, but no 7. It has to be
equal when rounded to the digits printed. Whole numbers that end in zeros count as rounded to their last other digit,
but to no less than three digits: 16,700 may stand for 16,667, and 400 for nothing but 400.

What backs is looked for in the number's own section first. What only another section backs may not be one digit away
from what its own backs: that is how a slip looks which happens to hit another number of the lesson.
"""

import ast
import math
import re
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from html import unescape
from itertools import chain

from llmcalc import units

# No statements of the notebook: citations, numbered things, and names that hold numbers.
EXEMPT = re.compile(
    r"""arXiv:\s?\S+ | doi:\s?\S+ | https?://\S+
    | (?i:\b(?:sections?|chapters?|tables?|figures?|equations?|lessons?|pages?|versions?|python))\s\d[\d.]*
    | \b(?:RTX|GTX)\s\d+
    | \b\d+(?:\.\d+)?[BMT]\b     # 8B: glued to its letter it is the name of a model's size
    | \b\d+-bit\b                # the name of a number format
    | \b\d{1,2}\sminutes?\b      # to read or to work through; a time that was computed is written with min, h or s
    """,
    re.VERBOSE,
)
YEARS = range(1950, 2036)

NUMBER = re.compile(
    r"""(?<![\w^]) (?<![A-Za-z]-) (?<!\d\.)      # no part of a name (A100, GPT-3), no index, no power
    (?P<digits>(?>\d{1,3}(?:[,\u2009\u202f]\d{3})+(?!\d)|\d+)(?>\.\d+)?) (?P<e>[eE][+-]?\d+)?
    (?:\s?×\s?(?P<base>10|2)\^(?P<power>-?\d+) | \^(?P<own_power>-?\d+))?
    (?:\s(?P<scale>thousand|million|billion|trillion)\b)?
    (?:(?P<gap>[ \u2009\u202f-]{0,2})(?P<word>[A-Za-zµ]+(?:-[A-Za-z]+)*(?:/[A-Za-z]+)?|%|(?<=\d)×(?=[\s.,;)]|$)))?
    (?![\w^]|\.\d)""",
    re.VERBOSE,
)
SCALES = {None: 1, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}

DIMENSIONS = ("B", "bit", "B/s", "bit/s", "FLOP", "FLOP/s", "FLOP/B", "s", "GPU-second")
COUNTS = "parameters weights biases gradients activations values tokens examples operations times".split()
SPELLINGS = {"byte": "B", "second": "s", "millisecond": "ms", "minute": "min", "hour": "h", "KB": "kB"}
SPELLINGS |= {"samples": "examples", "fold": "times", "×": "times", "percent": "%"}
NO_UNIT = ("", Fraction(1), "")

# What the names in a piece of code measure: `fixed_bytes`, `training_flops`, `8 * GB`.
NAMED = {
    "FLOP/s": r"flops?_per_s|FLOP_per_s|\b[GTP]FLOP\b",
    "FLOP": r"flops?(?!_per_s)|\b[GTP]FLOP\b",
    "B/s": r"bytes_per_second",
    "B": r"bytes(?!_per_second)|\b[KMGTP]I?B\b",
    "bit": r"bits",
    "s": r"seconds|\b(?:MINUTE|HOUR|DAY)\b",
}


@dataclass(frozen=True)
class Quantity:
    """A number as somebody wrote it; `value` and `step` are in base units of what it measures."""

    text: str
    value: Fraction
    kind: str = ""  # one of DIMENSIONS, one of COUNTS (perhaps with "/s"), "%", or "" for a bare number
    unit: str = ""
    step: Fraction = Fraction(0)  # what one more in the last printed digit would add
    digits: int = 0
    checked: bool = False  # whether it has to be backed where it stands in prose
    around: str = ""


@dataclass(frozen=True)
class Backing:
    """A number that the notebook shows or proves."""

    quantity: Quantity
    where: str
    firm: bool = False  # proved or claimed: somebody meant this number, however small it is
    kinds: frozenset = frozenset()  # what the names in its code measure, for a number without a unit


def unbacked(notebook, claims=()):
    """(cell id, quantity, nearest backings) for each number in the prose of `notebook` that nothing backs."""
    by_section, claimed = _by_section(notebook), list(_in_claims(claims))
    backings, findings, section = [*chain(*by_section), *claimed], [], 0
    for cell in notebook.cells:
        section += _opens_section(cell)
        here = [*by_section[section], *claimed]
        for quantity in quantities(readable_text(cell.source)) if cell.cell_type == "markdown" else ():
            if not quantity.checked or any(backs(backing, quantity) for backing in here):
                continue
            near = [backing for backing in by_section[section] if not _is_year(backing.quantity.text)]
            slipped = any(backs(backing, other) for other in _one_digit_away(quantity) for backing in near)
            if slipped or not any(backs(backing, quantity) for backing in backings):
                nearest = sorted(backings, key=lambda backing: _distance(backing.quantity, quantity))[:3]
                findings.append((cell.id, quantity, nearest))
    return findings


def _opens_section(cell):
    return cell.cell_type == "markdown" and bool(re.search(r"^## ", cell.source, re.MULTILINE))


def _by_section(notebook):
    """What backs in each section, the cells before the first heading being one as well."""
    sections = [[]]
    for cell in notebook.cells:
        if _opens_section(cell):
            sections.append([])
        sections[-1].extend(_in_code([cell]))
    return sections


def _one_digit_away(quantity):
    """The same number with one of its printed digits changed; every single digit is that near to any other."""
    if not quantity.step or quantity.digits < 2:
        return
    one, places = quantity.step, len(str(int(quantity.value / quantity.step)))
    for place in range(places):
        digit = int(quantity.value / one) % 10
        leading = place == places - 1  # stays a digit that one writes
        for new in set(range(leading, 10)) - {digit}:
            yield replace(quantity, value=quantity.value + (new - digit) * one)
        one *= 10


def backs(backing, quantity):
    """Whether `backing` is the number that `quantity` states."""
    other = backing.quantity
    large = other.value >= 1000  # a count in base units; nobody prints it by chance
    if other.kind:
        fits = other.kind == quantity.kind or (not quantity.kind and other.kind not in (*DIMENSIONS, "%"))
    elif quantity.kind in DIMENSIONS:
        small = backing.firm and backing.kinds == {quantity.kind}
        fits = small or (large and (not backing.kinds or quantity.kind in backing.kinds))
    else:
        fits = large or backing.firm or other.digits >= quantity.digits >= 3
    return fits and abs(other.value - quantity.value) <= quantity.step / 2 and not _is_prefix_slip(other, quantity)


def quantities(text):
    """Every number in `text`, with its unit, in order."""
    found, following, following_unit = [], len(text), None
    for match in reversed(list(NUMBER.finditer(text))):
        unit = unit_of(match["word"]) if match["word"] else None
        if match["word"] and not match["gap"] and not unit:
            continue  # 2nm, 3rd: a coefficient, a word
        if match["word"] == "times" and not re.match(r"\s(?:as|more|less|too|\w+er)\b", text[match.end() :]):
            unit = None  # 2 times a sum
        before, after = text[max(match.start() - 30, 0) : match.start()], text[match.end("digits") : following]
        if label := re.search(r"(?:\bin |\()([A-Za-zµ/%-]+)\)?\s?[:=]\s*$", before):  # memory in GB: 4
            unit = unit or unit_of(label[1])
        if re.fullmatch(r"\s?(?:to|–|-)\s?", after):  # 4 to 8 GB
            unit = unit or following_unit
        found.append(_quantity(match, unit, text))
        following, following_unit = match.start(), unit
    return found[::-1]


@lru_cache
def unit_of(word):
    """(what it measures, size in base units, name) of a unit or a counted thing; None for any other word."""
    head, slash, per = word.replace("Flop", "FLOP").partition("/")
    per = slash + per if per in ("s", "B") else ""  # "bytes/weight" are bytes
    for name in (head, head.removesuffix("s"), head.split("-")[0]):
        name = SPELLINGS.get(name, name)
        if name in COUNTS or name == "%":
            return name + per, Fraction(1, 100 if name == "%" else 1), name + per
        for base in DIMENSIONS:
            try:
                if ("bit" in base) == ("bit" in name):  # bits are not bytes
                    return base, Fraction(str(units.convert(1, name + per, to=base))), name + per
            except ValueError:
                continue
    return None


def _quantity(match, unit, text):
    kind, size, name = unit or NO_UNIT
    whole, _, fraction = re.sub(r"[,\u2009\u202f]", "", match["digits"]).partition(".")
    value, step = Fraction(f"{whole}.{fraction or 0}"), Fraction(1, 10 ** len(fraction))
    if not fraction:
        step = Fraction(10 ** (len(whole) - max(len(whole.rstrip("0")), min(3, len(whole)))))
    digits = len((whole + fraction).lstrip("0"))
    if match["own_power"]:  # 10^8 is read like 100,000,000
        value = value ** int(match["own_power"])
        step, digits = value / 100, 1
    factor = Fraction(match["base"] or 1) ** int(match["power"] or 0) * Fraction(f"1{match['e'] or ''}")
    factor *= SCALES[match["scale"]] * size

    year = not kind and _is_year(match["digits"])
    of_product = text[: match.start()].endswith("× ") or text[match.end() :].startswith(" ×")
    stated = kind or digits >= 3 or match["scale"] or (match["power"] and not of_product)
    start = max(text.rfind(". ", 0, match.start()), text.rfind("\n", 0, match.start())) + 1
    end = re.compile(r"[.?!](?=\s)|\n|$").search(text, match.end()).end()
    word = match["word"] or ""
    written = match[0] if kind and unit_of(word) else match[0].removesuffix(word).rstrip(" -")
    sentence = text[start:end].strip()
    return Quantity(written, value * factor, kind, name, step * factor, digits, bool(stated and not year), sentence)


def _is_year(digits):
    return bool(re.fullmatch(r"\d{4}", digits)) and int(digits) in YEARS


def readable_text(markdown):
    """What a reader sees of a Markdown cell: no code, no link targets, no names, and formulas as plain text."""
    text = re.sub(r"```.*?```|`[^`\n]*`", " code ", markdown, flags=re.DOTALL)
    text = re.sub(r"\$\$(.+?)\$\$|(?<!\\)\$(.+?)\$", lambda m: _plain_math(m[1] or m[2]), text, flags=re.DOTALL)
    text = unescape(re.sub(r"</?[A-Za-z][^>]*>", " ", re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)))
    text = re.sub(r"(\d)B (?=parameters|weights|tokens)", r"\1 billion ", text)
    text = EXEMPT.sub(" ", _plain_powers(text))
    return re.sub(r"(?<!\n)\n(?!\s*\n)|[ \t\u00a0]+", " ", text)  # a line's end is a space, a paragraph's end is not


def _plain_powers(text):
    """10⁹ as 10^9, 3 · 10 as 3 × 10, and "a second" as a unit."""
    plain = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
    text = re.sub(r"[⁻⁰¹²³⁴-⁹]+", lambda match: "^" + match[0].translate(plain), text)
    return re.sub(r"\s(?:per|a|each|every) second\b", "/s", re.sub(r"(?<=\d)(\s?)·(?=\s?\d)", r"\1×", text))


def _plain_math(latex):
    """LaTeX as plain text; variables get an underscore in front, so that the B of $4 B$ is not taken for bytes."""
    parts = re.split(r"\\(?:text|mathrm|textbf|mathbf|operatorname)\s*\{([^{}]*)\}", latex)
    for position in range(0, len(parts), 2):  # the others are what the commands hold: words and units
        part = parts[position].replace("{,}", ",").replace(r"\,", "\u2009").replace(r"\%", "%")
        part = re.sub(r"\\(?:times|cdot)\b", " × ", re.sub(r"_(?:\{[^{}]*\}|\w)", "_", part))
        part = re.sub(r"\\[A-Za-z]+|\\.|[{}&]", " ", re.sub(r"\^\{?(-?\d+)\}?", r"^\1", part))
        parts[position] = re.sub(r"[A-Za-z]+", r"_\g<0>", part)
    return re.sub(r" +", " ", "".join(parts))


def _in_code(cells):
    for cell in cells:
        tree = ast.parse(re.sub(r"(?m)^\s*[%!].*", "", cell.source) if cell.cell_type == "code" else "")
        for node in ast.walk(tree):
            if isinstance(node, ast.Assert):
                for number in _constants(node.test):
                    yield Backing(number, f"assert in {cell.id}", firm=True, kinds=_kinds_named(node))
        for text in (text for output in cell.get("outputs", ()) for text in _texts(output)):
            text = re.sub(r"[\d.,]*\d(?:e[+-]?\d+)?\s?[^\s\d]*\s\[timed\]", "", _plain_powers(text))
            for number in quantities(text):
                yield Backing(number, f"output of {cell.id}", kinds=_kinds_named(tree))


def _in_claims(claims):
    for claim in claims:
        both = [value if isinstance(value, list) else [value] for value in (claim.claimed, claim.computed)]
        for value in (value for values in both for value in values if value is not None):
            kind, size, name = unit_of(claim.unit.split(" per ")[0]) or NO_UNIT
            number = Quantity(f"{value} {claim.unit}", Fraction(str(value)) * size, kind, name)
            yield Backing(number, f"claim {claim.id}", firm=True)


def _texts(output):
    """The texts of an output that nbval compares; nothing of errors, pictures and widgets."""
    if output.output_type == "stream" and output.name == "stdout":
        yield output.text
    data = output.get("data", {})
    if not any(kind.startswith(("image/", "application/vnd.jupyter.widget")) for kind in data):
        yield data.get("text/plain", "")
        yield _plain_math(data.get("text/latex", "").replace("$", ""))
        yield from _cells(data.get("text/html", ""))


def _cells(html):
    """The cells of tables, bare numbers with the unit of their row or else of their column; sentences are left out."""
    html = re.sub(r"<(svg|style|script)\b.*?</\1>", "", html, flags=re.DOTALL)
    for table in re.findall(r"<table\b.*?</table>", html, flags=re.DOTALL):
        rows = [re.findall(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", row, flags=re.DOTALL) for row in table.split("</tr>")]
        rows = [[unescape(re.sub(r"<[^>]*>", "", cell)).strip() for cell in row] for row in rows if row]
        for row in rows:
            for cell, column in zip(row, rows[0], strict=False):
                words = re.findall(r"[A-Za-zµ%/-]+", _plain_powers(column).split(" per ")[0])
                unit = "".join([word for word in words if unit_of(word)][-1:])
                if "unit" in rows[0] and len(row) == len(rows[0]):
                    unit = row[rows[0].index("unit")]
                bare = re.fullmatch(r"[\d.,]+(?:e[+-]?\d+)?", cell)
                if len(cell.split()) <= 6:  # a sentence is prose itself
                    yield f"{cell} {unit}" if bare else cell


def _constants(node):
    """The numbers in an expression, arithmetic such as ``8 * GB`` worked out, and those in its texts."""
    parts = list(ast.walk(node))
    numbers = [part for part in parts if isinstance(part, ast.Constant) and type(part.value) in (int, float)]
    known = [part for part in parts if isinstance(part, ast.Name) and part.id.isupper() and hasattr(units, part.id)]
    rest = (ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop, ast.expr_context)
    if numbers and all(part in numbers or part in known or isinstance(part, rest) for part in parts):
        value = eval(compile(ast.Expression(node), "constant", "eval"), dict(vars(units)))
        inside = [Quantity(str(part.value), Fraction(repr(part.value))) for part in numbers if part.value >= 100]
        return [Quantity(ast.unparse(node), abs(Fraction(repr(value)))), *inside]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return quantities(node.value)
    return [number for child in ast.iter_child_nodes(node) for number in _constants(child)]


def _kinds_named(tree):
    names = " ".join(getattr(node, "id", None) or getattr(node, "attr", "") for node in ast.walk(tree))
    return frozenset(kind for kind, pattern in NAMED.items() if re.search(pattern, names))


def _is_prefix_slip(other, quantity):
    """Whether the same digits stand before GB here and before GiB there: a mix-up, though rounding might hide it."""
    match = re.fullmatch(r"([kKMGTP])(i?)(?:B|bit)(?:/s)?", quantity.unit)
    if not match:
        return False
    apart = Fraction(1024, 1000) ** ("KMGTP".index(match[1].upper()) + 1)
    slipped = quantity.value / apart if match[2] else quantity.value * apart
    return other.value != quantity.value and abs(other.value - slipped) < slipped / 2000


def _distance(one, other):
    both = one.value > 0 and other.value > 0
    return one.kind != other.kind, abs(math.log(one.value / other.value)) if both else math.inf

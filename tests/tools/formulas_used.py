"""What the lessons do with the package's formulas: which their own code calls, proves, and goes through when it runs.

With a notebook as argument: the formulas that its code goes through, one name a line.
"""

import ast
import contextlib
import importlib
import io
import os
import re
import sys
from pathlib import Path
from types import ModuleType

import nbformat

import llmcalc.formula


def code_of(path):
    """Source of each code cell of a notebook that is not meant to fail."""
    cells = nbformat.read(path, as_version=4).cells
    return [
        re.sub(r"(?m)^\s*[%!].*", "", cell.source)
        for cell in cells
        if cell.cell_type == "code" and "raises-exception" not in cell.metadata.get("tags", ())
    ]


def called(path):
    """(name, whether the cell proves something) for each formula that the lesson's code names, cell by cell."""
    known, found = {}, []
    for source in code_of(path):
        nodes = list(ast.walk(ast.parse(source)))
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "llmcalc":
                module = importlib.import_module(node.module)
                known |= {each.asname or each.name: getattr(module, each.name) for each in node.names}
        proves = any(isinstance(node, ast.Call) and ast.unparse(node.func) == "same" for node in nodes)
        things = {id(thing): thing for thing in (_thing(node, known) for node in nodes)}.values()
        names = [name for name, formula in llmcalc.formula.FORMULAS.items() if any(formula is each for each in things)]
        found += [(name, proves) for name in names]
    return found


def _thing(node, known):
    """What a name, or a name of a module's, stands for in the lesson."""
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        home = known.get(node.value.id)
        return getattr(home, node.attr, None) if isinstance(home, ModuleType) else None
    return None


def gone_through(path):
    """Names of all formulas that are called while the lesson's code runs, by the package's own functions as well."""
    seen, real = set(), llmcalc.formula._finite

    def noting(function, call):
        seen.add(function.__name__)
        return real(function, call)

    llmcalc.formula._finite = noting
    try:
        space = {}
        with contextlib.redirect_stdout(io.StringIO()), contextlib.chdir(path.parent):
            for source in code_of(path):
                exec(source, space)
    finally:
        llmcalc.formula._finite = real
    return seen


if __name__ == "__main__":
    os.environ.setdefault("MPLBACKEND", "agg")
    print(*sorted(gone_through(Path(sys.argv[1]).resolve())), sep="\n")

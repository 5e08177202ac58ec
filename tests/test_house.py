"""How the house is built: layers that look down only, light imports, short modules, nothing that does not belong."""

import ast
import fnmatch
import re
import subprocess
import sys
import tomllib

import pytest
from workshop import ROOT

PACKAGE = ROOT / "llmcalc"

# From the ground up. A module imports from its own floor and from those below; a new module is written down here.
FLOORS = (
    ("foundation", "notation formula symbolic units ledger lookup measure selfcheck"),
    (
        "formulas",
        "schedule compute memory states blocks flops activations loss inference published deep_dive scaling allocation "
        "sharding parallel pipeline layout collectives communication",
    ),
    ("facts", "formats families fits hardware measured footprints runs tables"),
    (
        "ledgers",
        "mlp sizes config transformer models comparisons linears quantization rounding finetuning serving "
        "stages timeline adapters turns cluster traffic jobs needs paces planning ladders remedies "
        "documents documents.mlp documents.slides documents.deepdive documents.framework sources slips sheet",
    ),
    (
        "views",
        "svg svg.canvas svg.areas svg.bars svg.lanes svg.lines svg.ticks palette display outlines "
        "views.compute views.families views.fitting views.ledger views.low_bits views.many_gpus views.mlp "
        "views.notation views.parameters views.precision views.printed views.runs views.serving views.slips "
        "views.sources views.states views.storage views.training_step views.valleys",
    ),
    (
        "explorers and checks",
        "explorer checks checks.inputs checks.answers checks.questions checks.apart checks.contents checks.papers "
        "checks.engine "
        "checks.mlp checks.network_runs checks.layers checks.shared_heads checks.parameters checks.mixtures "
        "checks.training checks.pace checks.purchases checks.budgets checks.scaling_laws checks.lifetimes "
        "checks.precision checks.few_bits checks.scaled_blocks checks.few_bit_offers "
        "checks.adam checks.optimizers checks.model_states checks.machines "
        "checks.kept_for_backward checks.held_at_once checks.recomputation "
        "checks.cache checks.conversations checks.decoding checks.adapters checks.chat_service "
        "checks.messages checks.shared_states checks.split_models checks.cluster_plans "
        "checks.verdicts checks.batches checks.repairs checks.offers "
        "checks.decisions checks.alarms checks.rates checks.printed_numbers checks.audits "
        "checks.recap_of_sizes checks.recap_of_budgets checks.recap_of_training "
        "checks.recap_of_formats checks.recap_of_states checks.recap_of_activations "
        "checks.recap_of_serving checks.recap_of_clusters checks.recap_of_checking",
    ),
)
FLOOR = {module: height for height, (_, modules) in enumerate(FLOORS) for module in modules.split()}

# The package itself and its folder of views only name what they hold: nobody imports them, and they import nobody.
DOORS = ("", "views")
MAY_LOAD = {"explorer": {"ipywidgets"}}
"""What a module may import as soon as it is imported itself; everything else beyond Python's own waits in functions."""

TOP = {
    "notebooks", "llmcalc", "tests", "binder", "requirements.txt", "README.md",
    "pyproject.toml", "Makefile", "LICENSE", ".ci", ".gitignore",
}  # fmt: skip


def name_of(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(module, deep=True):
    """Full names of what a module imports, in its functions as well if `deep`."""
    nodes, found = [ast.parse(MODULES[module].read_text(encoding="utf-8"))], []
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} imports relatively"
            whole = (f"{node.module}.{alias.name}" for alias in node.names)
            found += [name if name.removeprefix("llmcalc.") in MODULES else node.module for name in whole]
        if deep or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            nodes += ast.iter_child_nodes(node)
    return found


def files():
    """Every file of the project, less what .gitignore names."""
    patterns = [line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines() if not line.startswith("#")]
    folders = [ROOT]
    while folders:
        for path in sorted(folders.pop().iterdir()):
            if path.name == ".git" or any(fnmatch.fnmatch(path.name, pattern) for pattern in patterns):
                continue
            if path.is_dir():
                folders.append(path)
            else:
                yield path


def test_every_module_has_its_floor():
    assert set(FLOOR) == set(MODULES) - set(DOORS)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module or "llmcalc")
def test_imports_look_down(module):
    own = [name.removeprefix("llmcalc").strip(".") for name in imports(module) if name.split(".")[0] == "llmcalc"]
    if module in DOORS:
        assert own == []
    for name in own:
        assert name in MODULES, f"{module} imports {name or 'the package'}, which is no module"
        assert name in FLOOR, f"{module} imports {name or 'the package'} as a whole"
        assert FLOOR[name] <= FLOOR[module], f"{module} imports {name}, which lies above it"


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module or "llmcalc")
def test_importing_loads_the_standard_library_only(module):
    allowed = {"llmcalc", *sys.stdlib_module_names, *MAY_LOAD.get(module, ())}
    assert {name.split(".")[0] for name in imports(module, deep=False)} <= allowed


def test_importing_the_package_leaves_the_large_libraries_out():
    code = "import llmcalc, sys; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "llmcalc" in loaded.split()
    assert not {"numpy", "sympy", "matplotlib", "ipywidgets", "IPython"} & set(loaded.split())


def test_modules_can_be_read_in_one_sitting():
    lengths = {module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in MODULES.items()}
    assert {module: length for module, length in lengths.items() if length > 300} == {}


def test_an_installation_that_copies_the_package_copies_all_of_it():
    """The lessons' own installation points to the folder and would not notice; a hub's may copy."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    folders = {".".join(path.parent.relative_to(ROOT).parts) for path in PACKAGE.rglob("__init__.py")}
    assert set(project["tool"]["setuptools"]["packages"]) == folders


def test_only_what_belongs_there_stands_at_the_top():
    assert {path.relative_to(ROOT).parts[0] for path in files()} <= TOP


def test_no_file_names_the_machine_it_was_written_on():
    home = re.compile(rb"/(?:home|root|Users)/\w|\b[A-Z]:\\\\?Users\b")
    for path in files():
        found = home.search(path.read_bytes())
        assert not found, f"{path.relative_to(ROOT)}: {found[0]}"

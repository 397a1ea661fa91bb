"""The shape of the code: import direction, exports, sizes, tests and docstrings."""

import ast
import importlib
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE, TESTS = ROOT / "skprune", ROOT / "tests"
MODULES = sorted(PACKAGE.rglob("*.py"))
TEST_FILES = sorted(TESTS.rglob("*.py"))

# a folder imports only from itself and from the lines above it
LAYERS = [
    {"_compat"},
    {"numerics"},
    {"methods", "recovery"},
    {"readouts"},
    {"structures"},
    {"engine"},
    {"estimators", "testing"},
    {"scorers", "search"},
    {"display"},
]
EXPORTERS = [
    "skprune",
    "skprune.display",
    "skprune.methods",
    "skprune.readouts",
    "skprune.structures",
    "skprune.testing",
]
TOP_LEVEL = {"__init__", "_compat", "scorers"}
MAX_LAYERS, MAX_FUNCTION, MAX_FILE, MAX_TEST_FILE = 10, 40, 400, 600
OPTIONAL = {"dask", "matplotlib", "onnx", "pandas", "polars", "ray", "skorch", "torch"}
PRIVATE_METHODS = {"_validate_params", "_get_tags", "_more_tags", "_validate_data"}
# units whose files share one test
TESTED_BY = {"_compat": "test_repository.py", "display": "test_display.py"}


def name_of(path):
    """Return the path of a file from the root, for test ids."""
    return str(path.relative_to(ROOT))


def unit_of(path):
    """Return the top-level module or folder of a file."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(tree):
    """Yield the module and the names of every import, nested ones included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield node.module or "", [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, []


@cache
def parsed(path):
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_one_way(path):
    """Each unit imports from earlier layers only, so there are no cycles."""
    unit = unit_of(path)
    if unit == "__init__":
        return
    layer = {name: number for number, names in enumerate(LAYERS) for name in names}
    assert unit in layer, f"Add {unit} to LAYERS."
    for module, names in imports_of(parsed(path)):
        parts = module.split(".")
        if parts[0] != "skprune":
            continue
        for other in parts[1:2] or names:
            assert other == unit or layer[other] < layer[unit], f"{unit} -> {other}"


def test_layers_are_few_and_complete():
    """Every folder is in one layer, and a reader can keep the layers in mind."""
    units = {unit_of(path) for path in MODULES} - {"__init__"}
    assert sorted(unit for layer in LAYERS for unit in layer) == sorted(units)
    assert len(LAYERS) <= MAX_LAYERS


def test_top_level_is_the_front_door():
    """Every other module belongs to a folder that is named after a concept."""
    assert {path.stem for path in PACKAGE.glob("*.py")} == TOP_LEVEL


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_private_names_of_scikit_learn_are_in_one_file(path):
    """Names that a release of scikit-learn may move are imported in _compat.py only."""
    if path.name == "_compat.py":
        return
    tree = parsed(path)
    for module, names in imports_of(tree):
        if module.split(".")[0] == "sklearn":
            private = [part for part in [*module.split("."), *names] if part[0] == "_"]
            assert not private, f"{private} belongs in _compat.py."
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not called & PRIVATE_METHODS


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_optional_libraries_are_imported_when_they_are_used(path):
    """No optional library is imported at the top of a module."""
    for node in parsed(path).body:
        modules = []
        if isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        assert not {module.split(".")[0] for module in modules} & OPTIONAL


def test_import_loads_no_optional_library():
    """Importing skprune loads scikit-learn, numpy and scipy, but nothing optional."""
    code = f"import skprune, sys; print(sorted({OPTIONAL} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    # scipy or joblib import pandas and polars if they are installed
    loaded = set(ast.literal_eval(done.stdout)) - {"pandas", "polars"}
    assert loaded == set(), done.stderr


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_module_has_a_test_of_its_name(path):
    """The folders and files of the tests mirror those of the package."""
    if path.name == "__init__.py":
        return
    place = path.relative_to(PACKAGE)
    own = place.with_name(f"test_{place.name}")
    assert (TESTS / TESTED_BY.get(unit_of(path), own)).exists(), f"{place} has no test."


@pytest.mark.parametrize("name", EXPORTERS)
def test_exported_names(name):
    """``__all__`` is a sorted list of strings without repeats, and each name exists."""
    module = importlib.import_module(name)
    exported = module.__all__
    assert all(isinstance(item, str) for item in exported)
    assert exported == sorted(set(exported), key=lambda n: (kind_of_name(n), n))
    assert all(hasattr(module, item) for item in exported)


@pytest.mark.parametrize("name", EXPORTERS[:-1])  # the laws import what they use
def test_every_public_name_is_exported(name):
    """A name without an underscore is in ``__all__``, unless it is a module."""
    module = importlib.import_module(name)
    public = {
        item
        for item, value in vars(module).items()
        if not item.startswith("_") and not isinstance(value, type(sys))
    }
    assert public - {"clone"} == set(module.__all__)


def kind_of_name(name):
    """Rank constants before classes before functions, as ruff sorts them."""
    return 0 if name.isupper() else 1 if name[0].isupper() else 2


def test_public_names_are_documented():
    """Each public name has a docstring of more than a line."""
    module = importlib.import_module("skprune")
    for name in module.__all__:
        value = getattr(module, name)
        assert value.__doc__ and len(value.__doc__) > 60, name


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_functions_and_files_are_short(path):
    """A function has at most 40 lines without its docstring, a file at most 400."""
    source = path.read_text(encoding="utf-8")
    assert source.count("\n") <= MAX_FILE
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef):
            assert length_of(node) <= MAX_FUNCTION, f"{node.name} is too long."


def length_of(function):
    """Count the lines of the body of a function, without its docstring."""
    body = function.body
    if ast.get_docstring(function) is not None:
        body = body[1:]
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_everything_public_has_a_docstring(path):
    """Every module, public class and public function has a docstring."""
    tree = parsed(path)
    if path.name != "__init__.py" or tree.body:
        assert path.stat().st_size == 0 or ast.get_docstring(tree)
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name[0] != "_":
            assert ast.get_docstring(node), node.name


@pytest.mark.parametrize("path", TEST_FILES, ids=name_of)
def test_tests_state_their_claim(path):
    """Every test has a docstring, and test files stay readable."""
    source = path.read_text(encoding="utf-8")
    assert source.count("\n") <= MAX_TEST_FILE
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            assert ast.get_docstring(node), f"{node.name} does not state its claim."


def test_private_names_of_scikit_learn_are_there():
    """Each name that _compat.py takes from scikit-learn exists."""
    compat = importlib.import_module("skprune._compat")
    assert all(hasattr(compat, name) for name in compat.__all__)

"""The shape of the house: who imports whom, what is exported, what is tested."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE, TESTS = ROOT / "skprune", ROOT / "tests"
MODULES = sorted(PACKAGE.rglob("*.py"))
TEST_FILES = sorted(TESTS.rglob("*.py"))

# a folder imports from those of earlier lines only, and from itself
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
MAX_FUNCTION, MAX_FILE, MAX_TEST_FILE = 40, 400, 600
OPTIONAL = {"dask", "matplotlib", "onnx", "pandas", "polars", "ray", "skorch", "torch"}
PRIVATE_METHODS = {"_validate_params", "_get_tags", "_more_tags", "_validate_data"}
# tested together, by the file that is named
TESTED_BY = {"_compat": "test_repository.py", "display": "test_display.py"}


def name_of(path):
    """A file of the package or of the tests, as one reads it in a report."""
    return str(path.relative_to(ROOT))


def unit_of(path):
    """The top-level module or folder that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(tree):
    """Module and names of every import, wherever it is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield node.module or "", [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, []


def parsed(path):
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_one_way(path):
    """Each unit imports from earlier layers: no circles, methods know no structures."""
    unit = unit_of(path)
    if unit == "__init__":
        return
    layer = {name: number for number, names in enumerate(LAYERS) for name in names}
    assert unit in layer, f"Say in LAYERS where {unit} belongs."
    for module, names in imports_of(parsed(path)):
        parts = module.split(".")
        if parts[0] != "skprune":
            continue
        for other in parts[1:2] or names:
            assert other == unit or layer[other] < layer[unit], f"{unit} -> {other}"


def test_layers_name_what_there_is():
    """No layer speaks of a module that is gone."""
    units = {unit_of(path) for path in MODULES} - {"__init__"}
    assert set().union(*LAYERS) - units == set()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_private_names_of_scikit_learn_are_in_one_file(path):
    """What a release may move is imported in _compat.py only."""
    if path.name == "_compat.py":
        return
    tree = parsed(path)
    for module, names in imports_of(tree):
        if module.split(".")[0] == "sklearn":
            private = [part for part in [*module.split("."), *names] if part[0] == "_"]
            assert not private, f"{private} belongs into _compat.py."
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not called & PRIVATE_METHODS


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_optional_libraries_are_imported_when_they_are_used(path):
    """None of them is imported at the top of a module."""
    for node in parsed(path).body:
        modules = []
        if isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        assert not {module.split(".")[0] for module in modules} & OPTIONAL


def test_import_loads_no_optional_library():
    """Importing skprune brings scikit-learn, numpy, scipy, and nothing heavy."""
    code = f"import skprune, sys; print(sorted({OPTIONAL} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    # pandas and polars are imported by scipy or joblib where they are installed
    loaded = set(ast.literal_eval(done.stdout)) - {"pandas", "polars"}
    assert loaded == set(), done.stderr


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_module_has_a_test_of_its_name(path):
    """Tests mirror the package."""
    if path.name == "__init__.py":
        return
    place = path.relative_to(PACKAGE)
    own = place.with_name(f"test_{place.name}")
    assert (TESTS / TESTED_BY.get(unit_of(path), own)).exists(), f"{place} has no test."


@pytest.mark.parametrize(
    "name",
    ["skprune", "skprune.display", "skprune.methods", "skprune.structures"]
    + ["skprune.testing"],
)
def test_exported_names(name):
    """``__all__`` is sorted, of strings, and says what is public."""
    module = importlib.import_module(name)
    exported = module.__all__
    assert all(isinstance(item, str) for item in exported)
    assert len(set(exported)) == len(exported)
    upper_first = sorted(exported, key=lambda item: (kind_of_name(item), item))
    assert exported == upper_first
    assert all(hasattr(module, item) for item in exported)
    public = {
        item
        for item, value in vars(module).items()
        if not item.startswith("_") and not isinstance(value, type(sys))
    }
    if name in ("skprune", "skprune.methods"):
        assert public - {"clone"} == set(exported)


def kind_of_name(name):
    """Constants, then classes, then functions: the order of ruff."""
    return 0 if name.isupper() else 1 if name[0].isupper() else 2


def test_public_names_are_documented():
    """Each has a docstring with an example or is shown by another one."""
    module = importlib.import_module("skprune")
    for name in module.__all__:
        value = getattr(module, name)
        assert value.__doc__ and len(value.__doc__) > 60, name


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_functions_and_files_are_short(path):
    """At most 40 lines a function without its docstring, and 400 a file."""
    source = path.read_text(encoding="utf-8")
    assert source.count("\n") <= MAX_FILE
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            assert length_of(node) <= MAX_FUNCTION, f"{node.name} is too long."


def length_of(function):
    """Lines of the body of a function, its docstring left out."""
    body = function.body
    if ast.get_docstring(function) is not None:
        body = body[1:]
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_everything_public_has_a_docstring(path):
    """Modules, classes and functions say what they are."""
    tree = parsed(path)
    if path.name != "__init__.py" or tree.body:
        assert path.stat().st_size == 0 or ast.get_docstring(tree)
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name[0] != "_":
            assert ast.get_docstring(node), node.name


@pytest.mark.parametrize("path", TEST_FILES, ids=name_of)
def test_tests_state_their_claim(path):
    """Every test has a docstring and asserts something; files stay readable."""
    source = path.read_text(encoding="utf-8")
    assert source.count("\n") <= MAX_TEST_FILE
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            assert ast.get_docstring(node), f"{node.name} does not say what it claims."


def test_private_names_of_scikit_learn_are_there():
    """What _compat.py takes from scikit-learn can be imported, name by name."""
    compat = importlib.import_module("skprune._compat")
    assert all(hasattr(compat, name) for name in compat.__all__)

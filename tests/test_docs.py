"""The code that readers see runs: docstrings, pages, their source files, examples."""

import ast
import doctest
import importlib
import importlib.util
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import is_dataclass
from pathlib import Path

import pytest

import skprune
from skprune import PruningEstimator, readouts
from skprune.methods import METHODS
from skprune.structures import FAMILIES
from skprune.testing import STRUCTURE_LAWS, Specimen
from tests.cases import dataset

ROOT = Path(__file__).parents[1]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
MODULES = ["skprune"] + [
    module.name for module in pkgutil.walk_packages(skprune.__path__, "skprune.")
]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.rst"),
        *ROOT.glob("docs/*.md"),
    ]
    if not {"auto_examples", "generated", "_build"} & set(path.parts)
)
PAGE_CODE = sorted(path.stem for path in (ROOT / "docs" / "code").glob("*.py"))
EXAMPLES = sorted(path.name for path in (ROOT / "examples").glob("plot_*.py"))
DATA_PACKAGES = {"plot_adult.py": "mglearn"}  # tests do not need it: not in "test"
CALLABLES = [
    name for name in skprune.__all__ if not is_dataclass(getattr(skprune, name))
]
EXTENSION_API = [name for name in readouts.__all__ if not name.isupper()]
COMMANDS = re.compile(r"^<!-- command: (\w+) -->\n```bash\n(.*?)^```$", re.M | re.S)


def page(path):
    return (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_print_what_they_show(name):
    """Each example in the docstrings of a module prints the output shown."""
    results = doctest.testmod(importlib.import_module(name), optionflags=FLAGS)

    assert results.failed == 0


@pytest.mark.parametrize("name", CALLABLES)
def test_public_callable_shows_an_example(name):
    """Everything that users call has an example in its docstring."""
    assert ">>>" in getattr(skprune, name).__doc__


@pytest.fixture
def page_code(monkeypatch):
    """Make the source files of pages importable, and undo what they register."""
    monkeypatch.syspath_prepend(ROOT / "docs" / "code")
    families = FAMILIES.copy()
    yield
    FAMILIES[:] = families
    for name in PAGE_CODE:
        sys.modules.pop(name, None)


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES)
def test_page_prints_what_it_shows(path, page_code):
    """Each example on a page of the docs prints the output shown."""
    results = doctest.testfile(
        str(ROOT / path), module_relative=False, optionflags=FLAGS
    )

    assert results.failed == 0


@pytest.mark.parametrize("name", PAGE_CODE)
def test_code_included_in_pages_works(name, page_code):
    """The docstring examples of a source file that a page includes are correct."""
    results = doctest.testmod(importlib.import_module(name), optionflags=FLAGS)

    assert results.attempted > 0
    assert results.failed == 0


@pytest.mark.parametrize("name", PAGE_CODE)
def test_extension_needs_two_imports(name):
    """A third party's method or family imports public names of at most two modules."""
    tree = ast.parse(page(f"docs/code/{name}.py"))
    imports = [
        node
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module.startswith("skprune")
    ]

    assert len(imports) <= 2
    for node in imports:
        exported = importlib.import_module(node.module).__all__
        assert {alias.name for alias in node.names} <= set(exported)


@pytest.fixture
def stranger(request, page_code):
    """A specimen of a family of docs/code."""
    module = importlib.import_module(request.param)
    if request.param == "kernel_ridge":
        X, y = dataset("regression")
        return Specimen(module.KernelRidge(kernel="rbf").fit(X, y), X, y, "point")
    X, y = dataset("classes")
    return Specimen(module.SmallNet(8, random_state=0).fit(X, y), X, y, "neuron")


@pytest.mark.parametrize("law", STRUCTURE_LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize(
    "stranger", ["kernel_ridge", "small_net_family"], indirect=True
)
def test_family_of_a_page_keeps_law(stranger, law):
    """The families that the pages show keep each law."""
    law(stranger)


def test_model_of_a_page_trains_by_passes(page_code, digits):
    """A pass-trained model without connections is fitted, fine-tuned and trained on."""
    small_net = importlib.import_module("small_net_family").SmallNet
    X, y = digits[0][:400] / 16, digits[1][:400]
    options = {"granularity": "neuron", "rate": 0.75, "random_state": 0}
    net = small_net(n_hidden=16, random_state=0)
    bare = PruningEstimator(net, compensate=False, **options).fit(X, y)
    tuned = PruningEstimator(net, compensate=False, finetune=5, **options).fit(X, y)
    before, score = bare.estimator_, bare.score(X, y)

    for _ in range(5):
        bare.partial_fit(X, y)

    assert tuned.score(X, y) > score
    assert bare.score(X, y) > score
    assert type(bare.estimator_) is type(before) is small_net
    assert bare.estimator_.n_hidden == before.n_hidden == 4


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_example_runs(name, tmp_path):
    """Each example finishes without an error and prints something."""
    package = DATA_PACKAGES.get(name)
    if package and importlib.util.find_spec(package) is None:
        pytest.skip(f"its data are in {package}, which the extra docs installs")
    shutil.copy(ROOT / "examples" / name, tmp_path)
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    run = subprocess.run(
        [sys.executable, "-W", "error::FutureWarning", tmp_path / name],
        env=environment,
        capture_output=True,
        text=True,
    )

    assert run.returncode == 0, run.stderr
    assert run.stdout


def test_readme_has_two_commands():
    """The README names the quickstart and the tests, each as one marked command."""
    commands = dict(COMMANDS.findall(page("README.md")))

    assert list(commands) == ["quickstart", "tests"]
    assert all(len(command.splitlines()) == 1 for command in commands.values())
    assert "examples/plot_quickstart.py" in commands["quickstart"]


def test_every_requirement_is_constrained():
    """constraints.txt names a tested version of each dependency and extra."""
    project = tomllib.loads(page("pyproject.toml"))["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(line for extra in extras for line in extra)]
    constrained = set(re.findall(r"^([\w-]+)==", page("constraints.txt"), re.M))

    assert {re.match(r"[\w-]+", line)[0] for line in wanted} <= constrained


@pytest.mark.parametrize("name", [*skprune.__all__, *EXTENSION_API])
def test_reference_lists_every_public_name(name):
    """Each name that skprune exports has an entry in the reference."""
    assert re.search(rf"^   {name}$", page("docs/api.rst"), re.M)


@pytest.mark.parametrize("name", METHODS)
def test_guide_has_a_row_for_each_method(name):
    """Each method that has a name is in the table of the guide."""
    assert f'``"{name}"``' in page("docs/guide/methods.rst")


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_guide_names_the_granularities_of_each_family(family):
    """The guide lists each granularity and each synonym of each family."""
    guide = page("docs/guide/structures.rst")

    assert family.name in guide
    assert all(f'``"{word}"``' in guide for word in family.structures)
    assert all(f'``"{word}"``' in guide for word in family.synonyms)

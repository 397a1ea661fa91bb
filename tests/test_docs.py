"""The code that readers see runs: docstrings, pages, their source files, examples."""

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
from skprune.methods import METHODS
from skprune.structures import FAMILIES

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
DATA_PACKAGES = {"plot_adult.py": "mglearn"}  # not needed to test, so not in "test"
CALLABLES = [
    name for name in skprune.__all__ if not is_dataclass(getattr(skprune, name))
]
COMMANDS = re.compile(r"^<!-- command: (\w+) -->\n```bash\n(.*?)^```$", re.M | re.S)


def page(path):
    return (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_print_what_they_show(name):
    """Each example in the docstrings of a module gives the output beside it."""
    results = doctest.testmod(importlib.import_module(name), optionflags=FLAGS)

    assert results.failed == 0


@pytest.mark.parametrize("name", CALLABLES)
def test_public_callable_shows_an_example(name):
    """What a user calls has an example in its docstring; results are only read."""
    assert ">>>" in getattr(skprune, name).__doc__


@pytest.fixture
def page_code(monkeypatch):
    """Source files of pages can be imported; what they register goes afterwards."""
    monkeypatch.syspath_prepend(ROOT / "docs" / "code")
    families = FAMILIES.copy()
    yield
    FAMILIES[:] = families
    for name in PAGE_CODE:
        sys.modules.pop(name, None)


@pytest.mark.parametrize("path", PAGES)
def test_page_prints_what_it_shows(path, page_code):
    """Each example on a page of the docs gives the output beside it."""
    results = doctest.testfile(
        str(ROOT / path), module_relative=False, optionflags=FLAGS
    )

    assert results.failed == 0


@pytest.mark.parametrize("name", PAGE_CODE)
def test_code_included_in_pages_works(name, page_code):
    """A source file that a page includes does what its docstring shows."""
    results = doctest.testmod(importlib.import_module(name), optionflags=FLAGS)

    assert results.attempted > 0
    assert results.failed == 0


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_runs(name, tmp_path):
    """Each example ends without an error and prints something."""
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


@pytest.mark.parametrize("name", skprune.__all__)
def test_reference_lists_every_public_name(name):
    """What can be imported from skprune has a page of its own in the reference."""
    assert re.search(rf"^   {name}$", page("docs/api.rst"), re.M)


@pytest.mark.parametrize("name", METHODS)
def test_guide_has_a_row_for_each_method(name):
    """A method that can be named is in the table of the guide."""
    assert f'``"{name}"``' in page("docs/guide/methods.rst")


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_guide_names_the_granularities_of_each_family(family):
    """The guide has each granularity of each family, with the family's own words."""
    guide = page("docs/guide/structures.rst")

    assert family.name in guide
    assert all(f'``"{word}"``' in guide for word in family.structures)
    assert all(f'``"{word}"``' in guide for word in family.synonyms)

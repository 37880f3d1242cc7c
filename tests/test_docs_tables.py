"""The tables of the documentation say what the code says: parameters and defaults, extras, solvers, public names."""

import importlib
import inspect
import json
import re
import tomllib

import pytest
from readme import ROOT
from sklearn import neural_network

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.cli.options import PARAMETERS as OPTIONS
from fastmlp.engine.optimizers import SOLVERS
from fastmlp.kernels.abi import ACTIVATIONS
from fastmlp.training.schedules import PER_EPOCH, PER_UPDATE

DOCS = ROOT / "docs"
PACKAGES = [
    f"fastmlp{name}"
    for name in ("", ".datasets", ".plots", ".export", ".distributed", ".array_kernels")
]
# Public names that are no page of the reference: figures of the sweep's report, whose arguments are the sweep's own.
UNLISTED = {"fold_curves", "heat_maps", "over_hidden", "over_parameters", "require_matplotlib"}


def page(name):
    return (DOCS / name).read_text(encoding="utf-8")


def rows(name, first):
    """The cells of a table, from the line whose first cell is `first` on, without that line."""
    lines = page(name).splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith(f"| {first} |"))
    found = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def defaults(cls):
    """Each parameter's default as the tables write it."""
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return {
        p.name: json.dumps(p.default) if isinstance(p.default, str) else p.default
        for p in parameters
    }


def value(cell):
    """What a cell like `0.001` stands for; text stays text."""
    text = cell.strip("`")
    return text if text.startswith('"') else eval(text, {"__builtins__": {}})


TABLE = {row[0].strip("`"): row[1:] for row in rows("from_scikit_learn.md", "parameter")}


class TestParameters:
    def test_are_all_there_with_their_defaults(self):
        assert {name: value(cells[1]) for name, cells in TABLE.items()} == defaults(MLPClassifier)

    def test_and_with_scikit_learn_s(self):
        theirs = defaults(neural_network.MLPClassifier)
        assert {name: value(cells[0]) for name, cells in TABLE.items() if cells[0]} == theirs

    def test_of_the_regressor_are_the_same_but_for_those_named(self):
        ours = defaults(MLPRegressor)
        assert TABLE.keys() - ours.keys() == {"label_smoothing", "class_weight"}
        assert ours.keys() - TABLE.keys() == {"loss", "scale_target"}
        shared = TABLE.keys() & ours.keys()
        assert {name: ours[name] for name in shared} == {
            name: defaults(MLPClassifier)[name] for name in shared
        }


def test_extras():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {row[0].strip("`") for row in rows("install.md", "extra")} == set(
        project["optional-dependencies"]
    )


def test_solvers_and_their_parameters():
    table = {
        row[0].strip('`"'): re.findall(r"`(\w+)`", row[2])
        for row in rows("guide/optimizers.md", "`solver`")
    }
    assert table.keys() == SOLVERS.keys()
    assert {name for names in table.values() for name in names} <= defaults(MLPClassifier).keys()


def test_schedules():
    text = page("guide/optimizers.md")
    assert [name for name in (*PER_EPOCH, *PER_UPDATE) if f'`"{name}"`' not in text] == []


def test_activations():
    text = page("guide/network.md")
    assert [name for name in ACTIVATIONS if f'"{name}"' not in text] == []


def test_options_of_the_command():
    text = page("guide/command.md")
    regularisation = set(OPTIONS) - {"epochs", "batch_size", "seed"}
    assert [name for name in regularisation if f"--{name.replace('_', '-')}" not in text] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_the_reference_has_each_public_name(package):
    listed = []
    for section in re.split(r"^\.\. currentmodule:: ", page("api.rst"), flags=re.MULTILINE)[1:]:
        module, _, text = section.partition("\n")
        if module.strip() == package:
            listed += re.findall(r"^   (\w+)$", text, flags=re.MULTILINE)
    module = importlib.import_module(package)
    public = {
        name for name in module.__all__
        if not name.startswith("_") and not name.isupper() and not inspect.ismodule(getattr(module, name))
    }  # fmt: skip
    assert sorted(listed) == sorted(public - UNLISTED)

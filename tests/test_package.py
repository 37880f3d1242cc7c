"""What the package promises before anything is trained: light imports, typed, complete."""

import ast
import inspect
import json
import runpy
import subprocess
import sys
import sysconfig
from importlib.metadata import entry_points
from inspect import get_annotations
from pathlib import Path
from typing import Literal, get_args, get_origin

import numpy as np
import pytest
from sklearn.utils._param_validation import StrOptions

import fastmlp
from fastmlp.cli.main import main

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]


def modules_after(statement):
    code = f"import sys, json; {statement}; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return set(json.loads(run.stdout))


def test_import_fastmlp_is_light():
    loaded = modules_after("import fastmlp")
    assert not loaded & {"numba", "matplotlib", "sklearn", "scipy", "numpy", "tqdm", "pooch"}


def test_import_of_the_classifier_adds_little_to_scikit_learns_base():
    added = modules_after("from fastmlp import MLPClassifier") - modules_after(
        "import sklearn.base"
    )
    outside = {name for name in added if not name.startswith("fastmlp")}
    assert not outside & {"numba", "llvmlite", "matplotlib", "tqdm", "pooch", "joblib"}
    heavy = ("scipy.", "sklearn.linear_model", "sklearn.metrics", "sklearn.model_selection")
    assert not {name for name in outside if name.startswith((*heavy, "sklearn.neural_network"))}


def test_import_of_the_datasets_needs_numpy_only():
    loaded = modules_after("import fastmlp.datasets")
    assert not loaded & {"numba", "matplotlib", "sklearn", "scipy", "pooch", "requests"}


def test_public_names():
    assert set(fastmlp.__all__) <= set(dir(fastmlp))
    for name in fastmlp.__all__:
        assert getattr(fastmlp, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        fastmlp.nothing  # noqa: B018


def test_a_big_endian_machine_is_told_so():
    code = "import sys; sys.byteorder = 'big'; import fastmlp"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert "ImportError: fastmlp needs a little-endian CPU" in run.stderr


def test_the_package_is_typed():
    assert Path(fastmlp.__file__).with_name("py.typed").is_file()


def test_the_console_command_is_python_m_fastmlp():
    (command,) = entry_points(group="console_scripts", name="fastmlp")
    assert command.load() is main
    script = Path(sysconfig.get_path("scripts")) / "fastmlp"
    run = subprocess.run([script, "--help"], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("usage: fastmlp [")
    run = subprocess.run([script, "train", "--data", "none.npz"], capture_output=True, text=True)
    assert run.returncode == 2
    assert run.stderr.startswith("fastmlp: error: ")


def test_one_version_everywhere():
    """The package, the changelog's newest release and the citation; the release workflow checks the tag."""
    script = ROOT / ".ci" / "release_check.py"
    for tag, status in ((f"v{fastmlp.__version__}", 0), ("v0.0.1", 1)):
        run = subprocess.run([sys.executable, script, tag], capture_output=True, text=True)
        assert run.returncode == status, run.stderr
    assert "v0.0.1" in run.stderr


@pytest.mark.parametrize("file", sorted((ROOT / "tests").rglob("*.py")), ids=lambda file: file.name)
def test_no_test_imports_a_test(file):
    """What tests share is in modules of its own, named without ``test_``."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not (node.module or "").startswith("test_")
        elif isinstance(node, ast.Import):
            assert not [alias.name for alias in node.names if alias.name.startswith("test_")]


def test_show_versions(capsys):
    fastmlp.show_versions()
    text = capsys.readouterr().out
    for word in ("fastmlp", "numba", "cpu", "threads of a fit", "compiled code"):
        assert word in text


def test_bounds_checks_can_be_switched_on_from_outside():
    """A directive at the top of the source would silently win over FASTMLP_CHECK=1."""
    sources = list((ROOT / "fastmlp" / "data").glob("*.p[yx]*d")) + list(
        (ROOT / "fastmlp" / "data").glob("*.pyx")
    )
    assert len(sources) == 4
    for source in sources:
        first_lines = source.read_text().split('"""')[0]
        assert "boundscheck" not in first_lines
        assert "initializedcheck" not in first_lines


@pytest.mark.parametrize("estimator", [fastmlp.MLPClassifier, fastmlp.MLPRegressor])
def test_every_parameter_has_a_type(estimator):
    """In the signature and as an attribute, and its literals are the values that are accepted."""
    attributes = {
        name: kind for cls in estimator.__mro__ for name, kind in get_annotations(cls).items()
    }
    for parameter in list(inspect.signature(estimator.__init__).parameters.values())[1:]:
        kind = parameter.annotation
        assert kind is not parameter.empty, parameter
        assert attributes[parameter.name] == kind, parameter
        literals = {
            value
            for part in (kind, *get_args(kind))
            if get_origin(part) is Literal
            for value in get_args(part)
        }
        accepted = {
            option
            for constraint in estimator._parameter_constraints[parameter.name]
            if isinstance(constraint, StrOptions)
            for option in constraint.options
        }
        assert literals == accepted, parameter


@pytest.mark.parametrize("estimator", [fastmlp.MLPClassifier, fastmlp.MLPRegressor])
def test_every_attribute_has_a_type(estimator):
    X, y = np.arange(12.0).reshape(6, 2), np.arange(6) % 2
    model = estimator(max_iter=1).fit(X, y)
    declared = {name for cls in estimator.__mro__ for name in get_annotations(cls)}
    assert {name for name in vars(model) if name.endswith("_")} <= declared


def test_a_users_script_with_types_runs():
    """`typing/check.py` has type checkers read it."""
    runpy.run_path(str(ROOT / "tests" / "typing" / "right.py"))

"""README's code runs as it stands, and so do the examples in docstrings."""

import doctest
import pkgutil
import re
from importlib import import_module

import pytest
from readme import BLOCKS, README, ROOT

import fastmlp

MODULES = [m.name for m in pkgutil.walk_packages(fastmlp.__path__, "fastmlp.")]


def needs_more(block):
    """Whether a block needs Keras, or a cluster: test_dask.py runs that one."""
    return "keras" in block.lower() or "dask" in block


def test_the_two_commands():
    lines = README.splitlines()
    fresh = "python3 -m venv .venv && .venv/bin/python -m pip install"
    assert f"{fresh} . && .venv/bin/python -m fastmlp train" in lines
    assert f'{fresh} -e ".[test]" && .venv/bin/python -m pytest' in lines


def test_python_blocks_run(monkeypatch, tmp_path):
    """Each block goes on where the one before ended; the main job reaches its accuracy."""
    monkeypatch.chdir(tmp_path)
    namespace = {}
    for block in BLOCKS:
        if needs_more(block):
            compile(block, "README.md", "exec")
        else:
            exec(compile(block, "README.md", "exec"), namespace)
    test = namespace["model"].evaluate(namespace["X_test"], namespace["y_test"])
    assert test["accuracy"] >= 0.978


def test_the_main_job_takes_ten_lines():
    assert len(BLOCKS[0].strip().splitlines()) <= 10


def test_files_that_readme_names_exist():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("name", [n for n in MODULES if not n.endswith(("__main__", ".batches"))])
def test_docstring_examples(name):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.testmod(import_module(name), optionflags=flags).failed == 0

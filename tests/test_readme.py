"""The code of README and of the documentation runs as it stands, and so do the examples in docstrings."""

import doctest
import pkgutil
import re
from importlib import import_module

import pytest
from readme import BLOCKS, PAGES, README, ROOT, python_blocks

import fastmlp

pytestmark = pytest.mark.slow

MODULES = [m.name for m in pkgutil.walk_packages(fastmlp.__path__, "fastmlp.")]


def needs_more(block):
    """Whether a block needs Keras or a cluster: test_keras.py and test_dask.py run these."""
    return "keras" in block.lower() or "dask" in block


def test_the_two_commands():
    lines = README.splitlines()
    fresh = "python3 -m venv .venv && .venv/bin/python -m pip install"
    assert f"{fresh} . && .venv/bin/python -m fastmlp train" in lines
    assert f'{fresh} -e ".[test]" && .venv/bin/python -m pytest -n 2 --dist worksteal' in lines


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_blocks_run(page, monkeypatch, tmp_path):
    """Each block continues where the one before ended; the reference network reaches its accuracy."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FASTMLP_DATA", str(ROOT / "data"))
    namespace = {}
    quotes_sources = page.name == "architecture.md"  # test_architecture.py compares them
    for block in () if quotes_sources else python_blocks(page):
        code = compile(block, page.name, "exec")
        if not needs_more(block):
            exec(code, namespace)
    if page.name in ("README.md", "from_keras.md") and "model" in namespace:
        test = namespace["model"].evaluate(namespace["X_test"], namespace["y_test"])
        assert test["accuracy"] >= 0.978


def test_readme_is_short():
    assert len(README.splitlines()) <= 120


def test_the_main_job_takes_ten_lines():
    assert len(BLOCKS[0].strip().splitlines()) <= 10


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_exist(page):
    generated = ("api", "examples/index")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert target in generated or (page.parent / target).exists(), target


@pytest.mark.parametrize("name", [n for n in MODULES if not n.endswith("__main__")])
def test_docstring_examples(name):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.testmod(import_module(name), optionflags=flags).failed == 0

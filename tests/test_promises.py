"""docs/reliability.md promises only what has a test."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PAGE = (REPOSITORY / "docs" / "reliability.md").read_text(encoding="utf-8")
TEST = re.compile(r"`(tests/\w+\.py)::([\w:]+)`")
PROMISES = [line for line in PAGE.splitlines() if line.startswith("- ")]


@cache
def names_in(path):
    """``name`` or ``Class::name`` of every test in a file."""
    found = set()
    for node in ast.parse((REPOSITORY / path).read_text(encoding="utf-8")).body:
        inside = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        found |= {prefix + one.name for one in inside if isinstance(one, ast.FunctionDef)}
    return {name for name in found if name.split("::")[-1].startswith("test_")}


def test_there_are_promises():
    assert len(PROMISES) > 30
    assert "test_there_are_promises" in names_in("tests/test_promises.py")
    assert "TestGarbage::test_no_reference_to_the_data_is_left" in names_in("tests/test_resume.py")


@pytest.mark.parametrize("line", PROMISES)
def test_each_line_names_its_test(line):
    assert TEST.search(line)


@pytest.mark.parametrize(("path", "name"), sorted(set(TEST.findall(PAGE))))
def test_every_test_that_is_named_exists(path, name):
    assert name in names_in(path)


def test_nothing_else_looks_like_a_test():
    assert PAGE.count("::test_") + PAGE.count("::Test") == sum(
        1 + ("::" in name) for _, name in TEST.findall(PAGE)
    )

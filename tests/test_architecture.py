"""docs/architecture.md names only what exists, and its code is the package's."""

import importlib
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PAGE = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
PROSE = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
QUOTED = sorted(set(re.findall(r"`([^`\n]+)`", PROSE)))
PATHS = [name for name in QUOTED if re.fullmatch(r"[\w.]+(/[\w.]+)+", name)]
PACKAGES = {path.parent.name for path in REPOSITORY.glob("fastmlp/*/__init__.py")} | {"environment"}
NAMES = [name for name in QUOTED if "." in name and name.split(".")[0] in PACKAGES]
CODE = re.findall(r"<!-- code: (\S+) -->\n```python\n(.*?)```", PAGE, flags=re.DOTALL)


def resolve(name):
    """The object of a dotted name within fastmlp."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        module = ".".join(["fastmlp", *parts[:length]])
        try:
            found = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name not in module:
                raise
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return found
    raise ModuleNotFoundError(name)


def test_the_page_is_read():
    assert len(PATHS) > 20
    assert len(NAMES) > 20
    assert len(CODE) == PAGE.count("```python")
    assert {"fastmlp/kernels/abi.py", "tests/reference.py"} <= set(PATHS)
    assert "kernels.passes.train_step.train_chunk" in NAMES


@pytest.mark.parametrize("path", PATHS)
def test_every_path_exists(path):
    assert (REPOSITORY / path).exists()


@pytest.mark.parametrize("name", NAMES)
def test_every_name_resolves(name):
    assert resolve(name) is not None


@pytest.mark.parametrize(("path", "code"), CODE)
def test_code_is_a_copy(path, code):
    source = (REPOSITORY / path).read_text(encoding="utf-8")
    assert source.startswith(code) or f"\n{code}" in source


def test_every_package_is_in_the_house():
    house = PAGE.split("## The house")[1].split("## ")[0]
    packages = {path.parent.name for path in REPOSITORY.glob("fastmlp/*/__init__.py")}
    assert not {name for name in packages if f"`fastmlp/{name}`" not in house}


def test_what_does_not_exist_is_seen():
    for name in ("kernels.passes.nothing", "kernels.abi.NOTHING", "nothing.at_all"):
        with pytest.raises((AttributeError, ModuleNotFoundError)):
            resolve(name)

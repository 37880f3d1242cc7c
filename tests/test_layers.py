"""The house: imports point down only, there is no circle, and the files stay small."""

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "fastmlp"
# From the ground up. A place may import from itself and from places on lower floors, never sideways.
FLOORS = (
    ("system", "kernels.abi"),
    ("kernels.words",),
    ("kernels.codegen",),
    ("kernels.primitives",),
    ("kernels.passes",),
    ("kernels",),
    ("data",),
    ("engine",),
    ("array_kernels", "training"),
    ("estimators",),
    ("plots", "datasets", "export"),
    ("distributed",),
    ("sweep",),
    ("cli", "environment"),
)
ARCHITECTURE = PACKAGE.parent / "docs" / "architecture.md"
FLOOR = {place: number for number, places in enumerate(FLOORS) for place in places}
# `fastmlp` itself hands out public names lazily, by strings; only its version is imported from above.
ROOT = ("", "__main__")


def module_name(file):
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


FILES = {module_name(file): file for file in sorted(PACKAGE.rglob("*.py"))}


def place_of(module):
    """The longest place of FLOORS that a module lies in."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        if ".".join(parts[:length]) in FLOOR:
            return ".".join(parts[:length])
    return module if module in ROOT else None


def imports(module):
    """Modules of fastmlp that a module imports, anywhere in its code, for its checker's eyes excepted."""
    tree = ast.parse(FILES[module].read_text())
    package = module.split(".") if FILES[module].name == "__init__.py" else module.split(".")[:-1]
    hidden = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and getattr(block.test, "id", "") == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node not in hidden:
            if node.level:
                base = [part for part in package if part][: len(package) - node.level + 1]
            elif node.module and node.module.split(".")[0] == "fastmlp":
                base = []
            else:
                continue
            target = (node.module or "").removeprefix("fastmlp").strip(".")
            base = [*base, *filter(None, target.split("."))]
            for alias in node.names:
                deeper = ".".join([*base, alias.name])
                yield deeper if deeper in FILES else ".".join(base)
        elif isinstance(node, ast.Import) and node not in hidden:
            for alias in node.names:
                assert not alias.name.startswith("fastmlp."), (module, alias.name)


def test_the_documentation_shows_these_floors():
    """Of the kernels' own floors it shows one."""
    _, house, _ = ARCHITECTURE.read_text().split("\n## ", 2)
    rows = re.findall(r"^\| [^|]+ \| (`fastmlp/[^|]+) \|", house, re.MULTILINE)
    shown = [set(re.findall(r"`fastmlp/(\w+)", row)) for row in reversed(rows)]
    floors = [{place for place in places if "." not in place} for places in FLOORS]
    assert shown == [places for places in floors if places]


@pytest.mark.parametrize("module", FILES)
def test_every_module_has_a_floor_and_imports_from_below(module):
    place = place_of(module)
    assert place is not None, f"{module} lies on no floor"
    for target in imports(module):
        if module in ROOT or target == "":  # __version__
            continue
        other = place_of(target)
        assert other == place or FLOOR[other] < FLOOR[place], f"{module} imports {target}"


def test_packages_have_no_circle():
    """The same without the list of floors: top-level packages can be put in an order."""
    edges = {}
    for module in FILES:
        source = module.split(".")[0]
        for target in imports(module):
            other = target.split(".")[0]
            if source not in ("", "__main__") and other not in ("", source):
                edges.setdefault(source, set()).add(other)
    done, left = set(), set(edges) | {o for others in edges.values() for o in others}
    while left:
        free = {p for p in left if edges.get(p, set()) <= done}
        assert free, f"a circle among {sorted(left)}"
        done |= free
        left -= free


def test_the_walk_sees_imports():
    assert "kernels.abi" in set(imports("engine.engine"))
    assert "estimators.fit_task" in set(imports("estimators.base"))  # inside a function


def test_files_stay_small():
    """At most 8 modules at the top, and no file of more than 350 lines."""
    assert len(list(PACKAGE.glob("*.py"))) <= 8
    sources = [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.pyx")]
    assert not [file.name for file in sources if len(file.read_text().splitlines()) > 350]


@pytest.mark.parametrize(
    "package",
    ["cli", "data", "engine", "estimators", "export", "kernels", "sweep", "system", "training"],
)
def test_a_package_lists_its_modules(package):
    folder = PACKAGE / package
    listed = re.findall(
        r"^(\w+)  ", ast.get_docstring(ast.parse((folder / "__init__.py").read_text())), re.M
    )
    found = {
        file.stem
        for file in folder.iterdir()
        if (file.suffix in (".py", ".pyx", ".pxd") and file.stem != "__init__")
        or (file / "__init__.py").exists()
    }
    assert set(listed) == found

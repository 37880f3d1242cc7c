"""Kernels that were compiled when the package was built, and the levels of CPUs that they are compiled for.

A build with ``FASTMLP_PREBUILT=1`` puts an object file of every entry and level into `FOLDER` (see `precompile`). A
level is a set of CPU features; the best one that the CPU has is used. All levels give the same bits.
"""

import hashlib
import platform
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ..system.cpu import cpu_features

FOLDER = Path(__file__).with_name("prebuilt_code")


class Level(NamedTuple):
    """A set of CPU features that many CPUs share."""

    name: str
    cpu: str  # LLVM's name of a CPU to compile for
    features: tuple[str, ...]  # LLVM's names of what the code may use
    needed: tuple[str, ...]  # of these, what not every CPU of this architecture has


_V3 = (
    "sse3", "ssse3", "sse4.1", "sse4.2", "popcnt", "cx16", "sahf", "xsave",
    "avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe",
)  # fmt: skip
_V4 = (*_V3, "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl")
_ARM = ("neon", "fp-armv8")

_X86_LEVELS = (Level("x86-64-v3", "x86-64-v3", _V3, _V3), Level("x86-64-v4", "x86-64-v4", _V4, _V4))
_ARM_LEVELS = (
    Level("armv8-a", "generic", _ARM, ()),
    Level("armv8.1-a", "generic", (*_ARM, "crc", "lse"), ("crc", "lse")),
)
# By `platform.machine()` in lower case, the best last.
LEVELS = {
    "x86_64": _X86_LEVELS,
    "amd64": _X86_LEVELS,
    "aarch64": _ARM_LEVELS,
    "arm64": _ARM_LEVELS,
}


def levels():
    """Return the levels of this machine's architecture, the best last."""
    return LEVELS.get(platform.machine().lower(), ())


@lru_cache
def level():
    """Return the name of the best level that this CPU has and this package has code for, or None."""
    features = cpu_features()
    for one in reversed(levels()):
        if features.issuperset(one.needed) and (FOLDER / one.name).is_dir():
            return one.name
    return None


@lru_cache
def sources_hash():
    """A hash of the kernels' sources: object files of other sources are never loaded."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:32]


def path_of(stem, level_name, folder=None):
    """The file of an entry, by the name that `code_cache.file_stem` gives it."""
    return (folder or FOLDER) / level_name / f"{stem}-{sources_hash()}.bin"

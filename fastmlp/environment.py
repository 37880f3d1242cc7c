"""What fastmlp runs on here, and how to have it compiled before it is needed."""

import os
import platform
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from . import __version__

REQUIRED = ("numpy", "scipy", "scikit-learn", "numba", "llvmlite", "joblib")
OPTIONAL = ("matplotlib", "tqdm", "pooch", "dask", "skops", "onnx")
# What of the CPU decides how wide the kernels' vectors are.
VECTOR_FEATURES = ("sse2", "avx", "avx2", "fma", "avx512f", "neon", "sve", "asimd")
VARIABLES = (
    "OMP_NUM_THREADS",
    "NUMBA_CPU_NAME",
    "NUMBA_CPU_FEATURES",
    "FASTMLP_CACHE",
    "FASTMLP_CHECK",
    "FASTMLP_DATA",
    "FASTMLP_NATIVE",
)


def show_versions() -> None:
    """Print versions, CPU, threads, which kernels run, and where compiled ones are cached and whether that works.

    The first thing to put into a bug report.
    """
    facts = list(_facts())
    width = max(len(key) for key, _ in facts)
    for key, value in facts:
        print(f"{key:>{width}}: {value}")


def warmup(
    *,
    solvers: Sequence[str] = ("rmsprop",),
    dtypes: Sequence[str] = ("float32",),
    native: bool = False,
) -> None:
    """Load the kernels, or compile them into the cache, now rather than in the first fit.

    For a container image, or before measuring. Each solver and each dtype has its own code.

    Parameters
    ----------
    solvers : sequence of str, default=("rmsprop",)
    dtypes : sequence of str, default=("float32",)
        As the estimators name them.
    native : bool, default=False
        Whether to compile for this very CPU even where the package holds kernels for it. The compiled kernels are kept
        in the cache and preferred from then on. Results are the same to the last bit.
    """
    from .kernels.code_cache import entry, native_entry

    for name, dtype, rule in _entries(solvers, dtypes):
        (native_entry if native else entry)(name, dtype, rule)


def _entries(solvers: Sequence[str], dtypes: Sequence[str]) -> Iterator[tuple[str, str, Any]]:
    """The kernels' entries that fits by these solvers, and predictions, call."""
    from .engine.optimizers import SOLVERS

    for name, given, known in (
        ("solvers", solvers, list(SOLVERS)),
        ("dtypes", dtypes, ["float32", "float64"]),
    ):
        if isinstance(given, str) or not set(given) <= set(known):
            raise ValueError(f"{name} must be a sequence of some of {known}, got {given!r}.")
    for dtype in dtypes:
        for solver in solvers:
            rule = SOLVERS[solver].optimizer.rule_class
            yield "train", dtype, rule
            if SOLVERS[solver].stochastic:  # which drop units where that is asked for
                yield "train_dropout", dtype, rule
        for name in ("predict", "evaluate", "layer"):
            yield name, dtype, None


def _facts() -> Iterator[tuple[str, str]]:
    from llvmlite import binding

    from .engine.team import usable_threads
    from .system.cpu import cpu_features

    yield "fastmlp", __version__
    yield "python", f"{platform.python_version()} ({sys.executable})"
    yield "platform", platform.platform()
    for package in REQUIRED:
        yield package, _version(package)
    for package in OPTIONAL:
        yield f"{package} (optional)", _version(package)
    features = cpu_features()
    present = [name for name in VECTOR_FEATURES if name in features]
    yield "cpu", f"{binding.get_host_cpu_name()} ({' '.join(present) or 'no vector unit known'})"
    yield "cores", str(os.cpu_count())
    yield "threads of a fit", str(usable_threads(None))
    for name in VARIABLES:
        if name in os.environ:
            yield name, os.environ[name]
    yield "kernels", _kernels()
    yield "compiled code", _cache()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _kernels() -> str:
    """Where the code of the entries that fits and predictions call comes from."""
    from .engine.optimizers import SOLVERS
    from .kernels.code_cache import CACHE, COMPILED, source_of

    words = {
        CACHE: "native, from the cache",
        COMPILED: "native, compiled by this process",
        None: "to be compiled for this CPU when first needed",
    }
    sources = [source_of(*key) for key in _entries(list(SOLVERS), ("float32", "float64"))]
    counts = Counter(words.get(source, f"prebuilt for {source}") for source in sources)
    return "; ".join(f"{count} {what}" for what, count in counts.most_common())


def _cache() -> str:
    """Where compiled code is kept, and whether it can be."""
    from .kernels.code_cache import folder, is_writable

    if is_writable():
        return f"kept in {folder()}"
    return f"not kept, {folder()} cannot be written: what has to be compiled is compiled again in every process"

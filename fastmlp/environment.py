"""What fastmlp runs on here, and how to have it compiled before it is needed."""

import os
import platform
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version

from . import __version__

REQUIRED = ("numpy", "scipy", "scikit-learn", "numba", "llvmlite", "joblib")
OPTIONAL = ("matplotlib", "tqdm", "pooch", "dask", "skops", "onnx")
# What of the CPU decides how wide the kernels' vectors are.
VECTOR_FEATURES = ("sse2", "avx", "avx2", "fma", "avx512f", "neon", "sve", "asimd")


def show_versions() -> None:
    """Print versions, CPU, threads, and where compiled code is cached and whether that works.

    The first thing to put into a bug report.
    """
    facts = list(_facts())
    width = max(len(key) for key, _ in facts)
    for key, value in facts:
        print(f"{key:>{width}}: {value}")


def warmup(*, solvers: Sequence[str] = ("rmsprop",), dtypes: Sequence[str] = ("float32",)) -> None:
    """Compile the kernels now, into the cache, rather than in the first fit.

    For a container image, or before measuring. Each solver and each dtype has its own code.

    Parameters
    ----------
    solvers : sequence of str, default=("rmsprop",)
    dtypes : sequence of str, default=("float32",)
        As the estimators name them.
    """
    from .engine.optimizers import SOLVERS
    from .kernels.code_cache import entry

    unknown = set(solvers) - set(SOLVERS)
    if unknown:
        raise ValueError(f"Unknown solvers {sorted(unknown)}; there are {list(SOLVERS)}.")
    for dtype in dtypes:
        for solver in solvers:
            entry("train", dtype, SOLVERS[solver].optimizer.rule_class)
        entry("predict", dtype)
        entry("layer", dtype)


def _facts() -> Iterator[tuple[str, str]]:
    from llvmlite import binding

    from .engine.team import usable_threads

    yield "fastmlp", __version__
    yield "python", f"{platform.python_version()} ({sys.executable})"
    yield "platform", platform.platform()
    for package in REQUIRED:
        yield package, _version(package)
    for package in OPTIONAL:
        yield f"{package} (optional)", _version(package)
    features = binding.get_host_cpu_features()
    present = [name for name in VECTOR_FEATURES if features.get(name)]
    yield "cpu", f"{binding.get_host_cpu_name()} ({' '.join(present) or 'no vector unit known'})"
    yield "cores", str(os.cpu_count())
    yield "threads of a fit", str(usable_threads(None))
    for name in ("OMP_NUM_THREADS", "NUMBA_CPU_NAME", "FASTMLP_CACHE", "FASTMLP_DATA"):
        if name in os.environ:
            yield name, os.environ[name]
    yield "compiled code", _cache()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _cache() -> str:
    """Where compiled code is kept, and whether it can be."""
    from .kernels.code_cache import folder, is_writable

    if is_writable():
        return f"kept in {folder()}"
    return f"not kept, {folder()} cannot be written: compiled again in every process"

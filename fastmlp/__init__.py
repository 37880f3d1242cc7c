"""Multi-layer perceptrons on the CPU: scikit-learn's interface, less work done exactly."""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if sys.byteorder != "little":
    raise ImportError(
        "fastmlp needs a little-endian CPU: its compiled code reads records of two 32-bit halves as one 64-bit number."
    )

__all__ = [
    "Checkpoint",
    "MLPClassifier",
    "MLPRegressor",
    "__version__",
    "array_kernels",
    "datasets",
    "distributed",
    "export",
    "kernels",
    "plots",
    "show_versions",
    "warmup",
]

if TYPE_CHECKING:
    from . import array_kernels, datasets, distributed, export, kernels, plots
    from .environment import show_versions, warmup
    from .estimators.checkpoint import Checkpoint
    from .estimators.classifier import MLPClassifier
    from .estimators.regressor import MLPRegressor

# Public name -> (module, attribute): importing fastmlp imports neither numba nor scikit-learn.
_LAZY = {
    "Checkpoint": ("fastmlp.estimators.checkpoint", "Checkpoint"),
    "MLPClassifier": ("fastmlp.estimators.classifier", "MLPClassifier"),
    "MLPRegressor": ("fastmlp.estimators.regressor", "MLPRegressor"),
    "array_kernels": ("fastmlp.array_kernels", None),
    "datasets": ("fastmlp.datasets", None),
    "distributed": ("fastmlp.distributed", None),
    "export": ("fastmlp.export", None),
    "kernels": ("fastmlp.kernels", None),
    "plots": ("fastmlp.plots", None),
    "show_versions": ("fastmlp.environment", "show_versions"),
    "warmup": ("fastmlp.environment", "warmup"),
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module_name, attribute = _LAZY[name]
    module = import_module(module_name)
    value = module if attribute is None else getattr(module, attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))

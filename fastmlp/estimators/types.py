"""Types of the estimators' parameters, arguments and attributes, for type checkers and editors.

scikit-learn has no types, so a checker knows nothing of its base classes. `mypy_bases` says what these have.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray


class SparseLike(Protocol):
    """A sparse matrix or array of SciPy's."""

    def tocsr(self) -> Any: ...


# Arguments of methods.
MatrixLike: TypeAlias = ArrayLike | SparseLike
Weights: TypeAlias = Sequence[NDArray[Any]]

# Parameters.
Int: TypeAlias = int | np.integer[Any]
Float: TypeAlias = float | np.floating[Any] | np.integer[Any]
LayerSizes: TypeAlias = Int | Sequence[Int] | NDArray[np.integer[Any]]
Activation: TypeAlias = Literal[
    "identity",
    "logistic",
    "tanh",
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "mish",
]
Solver: TypeAlias = Literal["rmsprop", "adam", "sgd", "lbfgs"]
LearningRate: TypeAlias = (
    Literal["constant", "invscaling", "adaptive", "cosine", "linear", "one_cycle"]
    | Callable[[float], float]
)
Dropout: TypeAlias = "Float | Sequence[float]"
RegressionLoss: TypeAlias = Literal["squared_error", "poisson"]
IntOrAuto: TypeAlias = Int | Literal["auto"]
RandomState: TypeAlias = Int | np.random.RandomState | None
Scoring: TypeAlias = str | Callable[..., float] | None
ClassWeight: TypeAlias = (
    Mapping[Any, Float] | Literal["balanced"] | Sequence[Mapping[Any, Float]] | None
)
ComputeDtype: TypeAlias = (
    Literal["float32", "float64"]
    | type[np.float32]
    | type[np.float64]
    | np.dtype[np.float32]
    | np.dtype[np.float64]
)

# Attributes.
FloatArray: TypeAlias = NDArray[np.floating[Any]]

Method = TypeVar("Method", bound=Callable[..., Any])
Class = TypeVar("Class", bound=type)

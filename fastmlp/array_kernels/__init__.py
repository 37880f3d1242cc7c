"""The kernels of a training step, callable one by one on NumPy arrays in their natural layout.

Each function packs its arrays as training would, runs the very kernel that training runs, on a team
of threads, and unpacks: for tests, for measurements and for the curious. Training itself never
passes here. Names are those of the plain NumPy reference in the tests. Results have the same bits
with any `n_threads`.
"""

from .elements import (
    FUNCTIONS,
    elu,
    exp,
    gelu,
    identity,
    leaky_relu,
    log,
    log1p,
    logistic,
    mish,
    relu,
    selu,
    silu,
    tanh,
)
from .losses import (
    logistic_cross_entropy_backward,
    poisson_backward,
    softmax_cross_entropy_backward,
    squared_error_backward,
)
from .products import matmul
from .updates import adam_update, rmsprop_momentum_update, sgd_update

__all__ = [
    "FUNCTIONS",
    "adam_update",
    "elu",
    "exp",
    "gelu",
    "identity",
    "leaky_relu",
    "log",
    "log1p",
    "logistic",
    "logistic_cross_entropy_backward",
    "matmul",
    "mish",
    "poisson_backward",
    "relu",
    "rmsprop_momentum_update",
    "selu",
    "sgd_update",
    "silu",
    "softmax_cross_entropy_backward",
    "squared_error_backward",
    "tanh",
]

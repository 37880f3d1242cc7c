"""The compiled arithmetic.

abi         the structs that Python fills and compiled code reads, and the numbers that both sides know
words       how the structs travel: as one array of addresses and numbers
entries     every function that Python can call in compiled code, by name
code_cache  loads an entry's machine code, or compiles and keeps it
prebuilt    kernels that the package was built with, and the levels of CPUs that they are for
precompile  compiles them while a wheel is built
compile_notice  what a user is told where kernels have to be compiled
codegen     how Numba is used: compiler passes, pointers, vectors, views of structs
primitives  the arithmetic: exp and log, activations, losses, products of panels, optimizers' rules
passes      the phases of a training step, and the threads that share them

The kernels can be called one by one on NumPy arrays, as ``fastmlp.kernels.relu`` and so on; `fastmlp.array_kernels`,
which lies above the engine, holds them.
"""

from importlib import import_module

_ARRAY_FUNCTIONS = (
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
)


def __getattr__(name):
    # By name, as they lie above: no module of this package may need them.
    if name in _ARRAY_FUNCTIONS:
        return getattr(import_module("fastmlp.array_kernels"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_ARRAY_FUNCTIONS})

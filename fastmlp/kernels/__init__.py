"""The compiled arithmetic, and its kernels to call one by one on NumPy arrays (see `arrays`)."""

_ARRAY_FUNCTIONS = (
    "adam_update",
    "identity",
    "logistic",
    "logistic_cross_entropy_backward",
    "matmul",
    "relu",
    "rmsprop_momentum_update",
    "sgd_update",
    "softmax_cross_entropy_backward",
    "tanh",
)


def __getattr__(name):
    # Training needs none of these, and modules of this package none of what they import.
    if name in _ARRAY_FUNCTIONS:
        from . import arrays

        return getattr(arrays, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_ARRAY_FUNCTIONS})

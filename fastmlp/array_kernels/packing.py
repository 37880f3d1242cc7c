"""Checking arrays, and packing them as training would."""

import math
from numbers import Real

import numpy as np

from ..engine.panel_layout import aligned
from ..engine.structs import new_network
from ..kernels.abi import IDENTITY, SOFTMAX_CROSS_ENTROPY, VECTOR_BYTES


def floats(name, array, ndim=None, dtype=None):
    """The array, if it has floats (of the dtype) in so many dimensions."""
    array = np.asarray(array)
    if array.dtype not in (np.float32, np.float64) or not array.dtype.isnative:
        raise TypeError(f"{name} must be float32 or float64, got {array.dtype}")
    if dtype is not None and array.dtype != dtype:
        raise TypeError(f"{name} must be {dtype}, as the other arrays, got {array.dtype}")
    if ndim is not None and array.ndim != ndim:
        raise ValueError(
            f"{name} must have {ndim} dimension{'s' if ndim > 1 else ''}, got {array.ndim}"
        )
    return array


def number(name, value, least=None):
    """The value as a float, if it is a finite number of at least `least`."""
    if not isinstance(value, Real) and (
        np.ndim(value) or np.asarray(value).dtype.kind not in "buif"
    ):
        raise TypeError(f"{name} must be a real number, got {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value!r}")
    if least is not None and value < least:
        raise ValueError(f"{name} must be at least {least}, got {value!r}")
    return float(value)


def vectors(array):
    """A flat copy, filled up with ones (in the domain of every function) to whole vectors."""
    lanes = VECTOR_BYTES // array.itemsize
    packed = aligned(-(-array.size // lanes) * lanes, array.dtype)
    packed[: array.size] = array.reshape(-1)
    packed[array.size :] = 1
    return packed


def fill_panels(panels, units, lanes):
    """Put units (n, n_units) into panels, flat ``[panel][n][lanes]``; lanes beyond the last unit stay as they are."""
    for k, panel in enumerate(panels.reshape(-1, len(units), lanes)):
        part = units[:, k * lanes : (k + 1) * lanes]
        panel[:, : part.shape[1]] = part


def one_layer(layout, batch_size, loss=SOFTMAX_CROSS_ENTROPY, n_threads=0):
    """A network of one layer for one pass; with threads for a backward pass."""
    return new_network(
        layout,
        batch_size,
        loss=loss,
        activation=IDENTITY,
        n_threads=n_threads,
        backward=n_threads > 0,
    )

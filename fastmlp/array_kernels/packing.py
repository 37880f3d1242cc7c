"""Checking arrays, and packing them as training would."""

import numpy as np

from ..engine.panel_layout import aligned
from ..kernels.abi import IDENTITY, PANEL_BYTES, SOFTMAX, VECTOR_BYTES, Network


def floats(name, array, ndim=None, dtype=None):
    """The array, if it has floats (of the dtype) in so many dimensions."""
    array = np.asarray(array)
    if array.dtype not in (np.float32, np.float64) or not array.dtype.isnative:
        raise TypeError(f"{name}: float32 or float64 is needed, not {array.dtype}")
    if dtype is not None and array.dtype != dtype:
        raise TypeError(f"{name}: {dtype} is needed, as of the other arrays, not {array.dtype}")
    if ndim is not None and array.ndim != ndim:
        raise ValueError(f"{name}: {ndim} dimensions are needed, not {array.ndim}")
    return array


def vectors(array):
    """A flat copy, filled up with ones (in the domain of every function) to whole vectors."""
    lanes = VECTOR_BYTES // array.itemsize
    packed = aligned(-(-array.size // lanes) * lanes, array.dtype)
    packed[: array.size] = array.reshape(-1)
    packed[array.size :] = 1
    return packed


def panels(units, lanes):
    """(n, units) as a flat copy in panels, ``[panel][n][lanes]``."""
    n, size = units.shape
    padded = np.zeros((n, -(-size // lanes) * lanes), units.dtype)
    padded[:, :size] = units
    return padded.reshape(n, -1, lanes).transpose(1, 0, 2).reshape(-1)


def one_layer(layout, batch_size, output=SOFTMAX, delta=False):
    """A network of one layer for one pass."""
    units = layout.n_units * batch_size
    return Network(
        layers=layout.for_batch(batch_size),
        hidden=aligned(units, layout.dtype),
        delta=aligned(units if delta else 0, layout.dtype),
        scratch=aligned(0, layout.dtype),
        edges=np.empty(0, np.int64),
        index=np.empty(0, np.uint32),
        value=aligned(0, layout.dtype),
        count=np.empty(0, np.int64),
        row=np.empty(0, np.uint32),
        records=aligned(0, layout.dtype),
        n_layers=1,
        activation=IDENTITY,
        output=output,
        batch_size=batch_size,
        full_lanes=PANEL_BYTES // layout.dtype.itemsize,
        scratch_size=0,
    )

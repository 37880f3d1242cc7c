"""Layer sizes, where each layer's panels lie in the flat buffers, and the way from and to coefs_."""

from functools import lru_cache
from itertools import pairwise

import numpy as np

from ..kernels.abi import (
    BIAS,
    BLOCK_PANELS,
    EDGES_AT,
    FAN_IN,
    FAN_OUT,
    FEEDS,
    HIDDEN,
    LANES,
    LAYER_COLUMNS,
    PANEL_BYTES,
    PANEL_STRIDE,
    PANELS,
    RETURNS,
    ROW_STRIDE,
    UNITS,
    WEIGHT,
)
from ..kernels.words import address

BLOCK_UNITS = (
    128  # rows of the widest panel in a block of a list of non-zeros: the first-level cache
)


def panel_lanes(units, itemsize, first):
    """Width of a layer's panels, from its size and place alone.

    As wide as pays: a narrower panel is taken when it saves a fifth of the padded units. The first layer's
    products skip zeros and need at least half the full width to be worth their bookkeeping.
    """
    best = full = PANEL_BYTES // itemsize
    for lanes in (full // 2,) if first else (full // 2, full // 4):
        if _padded(units, lanes) <= 0.8 * _padded(units, best):
            best = lanes
    return best


def _pays(row):
    """Whether a layer has work enough for skipping zeros to be worth the lists of them."""
    return row[FAN_IN] * row[FAN_OUT] >= 4096


def _padded(units, lanes):
    return -(-units // lanes) * lanes


def aligned(size, dtype):
    """Zeros on a 64-byte boundary: a cache line, and the widest vector register."""
    dtype = np.dtype(dtype)
    if size == 0:
        return np.zeros(0, dtype)
    block = np.zeros(size * dtype.itemsize + 64, dtype=np.uint8)
    skip = -address(block) % 64
    return block[skip : skip + size * dtype.itemsize].view(dtype)


@lru_cache(maxsize=32)
def layout_of(sizes, dtype):
    """The layout for layer sizes (a tuple) and a dtype's name; layouts never change."""
    return PanelLayout(sizes, dtype)


class PanelLayout:
    """Where the parts of a network lie.

    Parameters
    ----------
    sizes : sequence of int
        Features, hidden units layer by layer, outputs.
    dtype : dtype
        Compute dtype.

    Attributes
    ----------
    layers : ndarray of shape (n_layers, LAYER_COLUMNS), int64
        The table that the kernels read; HIDDEN is for one sample, see `for_batch`.
    n_params : int
        Length of the flat array of packed parameters, padding included.
    """

    def __init__(self, sizes, dtype):
        self.sizes = tuple(int(size) for size in sizes)
        self.dtype = np.dtype(dtype)
        self.layers = np.zeros((len(self.sizes) - 1, LAYER_COLUMNS), dtype=np.int64)
        offset = units = 0
        for row, (fan_in, fan_out) in zip(self.layers, pairwise(self.sizes), strict=True):
            lanes = panel_lanes(fan_out, self.dtype.itemsize, first=units == 0)
            padded = _padded(fan_out, lanes)
            row[[FAN_IN, FAN_OUT, LANES, PANELS]] = fan_in, fan_out, lanes, padded // lanes
            row[[WEIGHT, ROW_STRIDE, PANEL_STRIDE]] = offset, lanes, fan_in * lanes
            row[[BIAS, HIDDEN, UNITS]] = offset + fan_in * padded, units, units
            offset += (fan_in + 1) * padded
            units += padded
        self.n_params = offset
        self.n_units = units
        self.n_edges = self._plan_lists()

    def _plan_lists(self):
        """Decide which hidden layers' zeros can be skipped; returns the edges of a sample's lists."""
        layers, half = self.layers, PANEL_BYTES // self.dtype.itemsize // 2
        edges = 0
        for l in range(len(layers) - 1):
            wide = layers[:, LANES] >= half
            layers[l, FEEDS] = _pays(layers[l + 1]) and wide[l] and wide[l + 1]
            layers[l, RETURNS] = l > 0 and _pays(layers[l]) and wide[l] and wide[l - 1]
            layers[l, BLOCK_PANELS] = max(1, BLOCK_UNITS // layers[l, LANES])
            layers[l, EDGES_AT] = edges
            edges += -(-layers[l, PANELS] // layers[l, BLOCK_PANELS]) + 1
        return int(edges)

    def for_batch(self, batch_size, relu=False):
        """The table with HIDDEN and EDGES_AT for batches of `batch_size` samples.

        Zeros of hidden layers are skipped behind `relu` only.
        """
        layers = self.layers.copy()
        layers[:, HIDDEN] *= batch_size
        layers[:, EDGES_AT] *= batch_size
        if not relu:
            layers[:, [FEEDS, RETURNS]] = 0
        return layers

    @property
    def n_panels(self):
        """Panels of all layers."""
        return int(self.layers[:, PANELS].sum())

    def _views(self, flat, row):
        """Layer `row`'s weights (panels, fan_in, lanes) and biases (padded units,) in `flat`."""
        fan_in, lanes, panels = row[FAN_IN], row[LANES], row[PANELS]
        weight = flat[row[WEIGHT] : row[BIAS]].reshape(panels, fan_in, lanes)
        return weight, flat[row[BIAS] : row[BIAS] + panels * lanes]

    def pack(self, coefs, intercepts):
        """Flat panels from `coefs` (fan_in, fan_out) and `intercepts` (fan_out,), layer by layer."""
        flat = aligned(self.n_params, self.dtype)
        for row, coef, intercept in zip(self.layers, coefs, intercepts, strict=True):
            self._pack_layer(flat, row, coef, intercept)
        return flat

    def _pack_layer(self, flat, row, coef, intercept):
        weight, bias = self._views(flat, row)
        coef = np.asarray(coef)  # which a user may have assigned as lists
        lanes = row[LANES]
        whole = row[FAN_OUT] // lanes
        weight[:whole] = (
            coef[:, : whole * lanes].reshape(len(coef), whole, lanes).transpose(1, 0, 2)
        )
        if whole < row[PANELS]:
            weight[whole, :, : row[FAN_OUT] - whole * lanes] = coef[:, whole * lanes :]
        bias[: row[FAN_OUT]] = intercept

    def in_place(self, row, coef, intercept):
        """One layer's weights and biases for kernels that read them where they are, if they can.

        Sets the offsets and strides of `row`, a row of a copy of the table. A layer whose units do not fill
        its panels, or that lies otherwise than in rows, is packed by itself.
        """
        coef = np.asarray(coef)
        fan_out, lanes, panels = row[FAN_OUT], row[LANES], row[PANELS]
        whole = fan_out == panels * lanes
        if whole and coef.flags.c_contiguous and coef.dtype == self.dtype:
            row[[WEIGHT, ROW_STRIDE, PANEL_STRIDE, BIAS]] = 0, fan_out, lanes, 0
            return coef, np.ascontiguousarray(intercept, self.dtype)
        row[[WEIGHT, BIAS]] = 0, row[FAN_IN] * panels * lanes
        packed = np.zeros((row[FAN_IN] + 1) * panels * lanes, self.dtype)
        self._pack_layer(packed, row, coef, intercept)
        return packed, packed

    def unpack(self, flat):
        """`coefs` and `intercepts` as fresh arrays, from flat panels."""
        coefs, intercepts = [], []
        for row in self.layers:
            weight, bias = self._views(flat, row)
            fan_in, fan_out = row[FAN_IN], row[FAN_OUT]
            # A copy in any case: the transpose of a single panel is in rows already, and training goes on in it.
            coef = weight.transpose(1, 0, 2).copy().reshape(fan_in, -1)
            coefs.append(coef if fan_out % row[LANES] == 0 else coef[:, :fan_out].copy())
            intercepts.append(bias[:fan_out].copy())
        return coefs, intercepts

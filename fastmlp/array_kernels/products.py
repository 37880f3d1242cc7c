"""Products of a batch with a layer's weights."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from ..data.source import open_data
from ..engine.panel_layout import PanelLayout
from ..engine.structs import as_batches
from ..engine.team import Team, usable_threads
from ..kernels.abi import MatmulCall
from ..kernels.code_cache import entry
from ..kernels.words import pack_words
from .packing import floats, one_layer


def matmul(
    inputs: Any, weight: ArrayLike, bias: ArrayLike, *, n_threads: int | None = None
) -> NDArray[Any]:
    """out = inputs @ weight + bias

    Zeros of the inputs are skipped when there are enough of them, as in training, which changes
    no bit.

    Parameters
    ----------
    inputs : ndarray or scipy CSR of shape (n, fan_in), of any real dtype
    weight : ndarray of shape (fan_in, fan_out), float32 or float64
    bias : ndarray of shape (fan_out,), of weight's dtype
    n_threads : int or None
        None or -1: the cores that this process may use.

    Returns
    -------
    ndarray of shape (n, fan_out), of weight's dtype

    Raises
    ------
    TypeError
        If a dtype is another one.
    ValueError
        If a shape is another one, or a dimension is 0.
    """
    if sparse.issparse(inputs):
        if inputs.format != "csr":
            raise TypeError(f"inputs must be CSR if sparse, got {inputs.format!r}")
    else:
        inputs = np.asarray(inputs)
    if inputs.dtype.kind not in "buif":
        raise TypeError(f"inputs must be real numbers, got {inputs.dtype}")
    weight = floats("weight", weight, 2)
    bias = floats("bias", bias, 1, weight.dtype)
    if inputs.ndim != 2 or inputs.shape[1] != len(weight) or bias.shape != weight.shape[1:]:
        raise ValueError(
            "inputs, weight and bias must have the shapes (n, fan_in), (fan_in, fan_out) and (fan_out,), "
            f"got {inputs.shape}, {weight.shape} and {bias.shape}"
        )
    if 0 in inputs.shape or bias.size == 0:
        raise ValueError(
            f"inputs and weight must not be empty, got the shapes {inputs.shape} and {weight.shape}"
        )

    team = Team(usable_threads(n_threads))
    dtype, layout = weight.dtype, PanelLayout(weight.shape, weight.dtype)
    data = open_data(inputs, dtype, team, len(bias), reuse=False)
    plan = data.plan(columns=False)
    buffers = data.new_buffers(plan)
    params = layout.pack([weight], [bias])
    outputs = np.empty((inputs.shape[0], len(bias)), dtype)
    network = one_layer(layout, plan.batch_size)
    head = pack_words(network)
    multiply = entry("matmul", dtype)

    def work(me, n_threads):
        call = pack_words(MatmulCall(params, outputs, team.sync, me, n_threads))
        for chunk in range(plan.n_chunks):
            data.prepare(plan, chunk, buffers, me, n_threads)
            first, stop = plan.chunk_batches(chunk)
            batches = pack_words(as_batches(data, buffers, stop - first))
            if multiply(np.concatenate((head, batches, call))) < 0:
                return

    team.run(work)
    return outputs

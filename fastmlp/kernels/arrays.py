"""The kernels of a training step, callable one by one on NumPy arrays in their natural layout.

Each function packs its arrays as training would, runs the very kernel that training runs, on a team
of threads, and unpacks: for tests, for measurements and for the curious. Training itself never
passes here. Names are those of the plain NumPy reference in the tests. Results have the same bits
with any `n_threads`.
"""

import numpy as np
from scipy import sparse

from ..data import open_data
from ..network import PANEL_BYTES, Layout, aligned
from ..team import Team, usable_threads
from .layout import (
    ACTIVATIONS,
    EXP,
    IDENTITY,
    LANES,
    LOG,
    LOG1P,
    LOGISTIC_OUTPUT,
    SIZE,
    SOFTMAX,
    TABLE_COLUMNS,
    AdamRule,
    Batches,
    Elements,
    Network,
    Reading,
    RMSpropRule,
    SGDRule,
    Step,
    Targets,
    Turn,
    block,
)  # fmt: skip
from .library import entry

VECTOR_BYTES = 64
FUNCTIONS = ACTIVATIONS | {"exp": EXP, "log": LOG, "log1p": LOG1P}


# --- products ---------------------------------------------------------------------------------


def matmul(inputs, weight, bias, *, n_threads=None):
    """out = inputs @ weight + bias

    Zeros of the inputs are skipped when there are enough of them, as in training, which changes
    no bit.

    Parameters
    ----------
    inputs : ndarray or scipy CSR of shape (n, fan_in), of any real dtype
    weight : ndarray of shape (fan_in, fan_out), float32 or float64
    bias : ndarray of shape (fan_out,), of weight's dtype
    n_threads : int or None
        See `team.usable_threads`.

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
            raise TypeError(f"inputs: a sparse matrix must be CSR, not {inputs.format!r}")
    else:
        inputs = np.asarray(inputs)
    if inputs.dtype.kind not in "buif":
        raise TypeError(f"inputs: real numbers are needed, not {inputs.dtype}")
    weight = _floats("weight", weight, 2)
    bias = _floats("bias", bias, 1, weight.dtype)
    if inputs.ndim != 2 or inputs.shape[1] != len(weight) or bias.shape != weight.shape[1:]:
        raise ValueError(
            "inputs (n, fan_in), weight (fan_in, fan_out) and bias (fan_out,) do not fit together: "
            f"{inputs.shape}, {weight.shape}, {bias.shape}"
        )
    if 0 in inputs.shape or bias.size == 0:
        raise ValueError(f"a dimension is 0: {inputs.shape}, {weight.shape}")

    team = Team(usable_threads(n_threads))
    dtype, layout = weight.dtype, Layout(weight.shape, weight.dtype)
    data = open_data(inputs, dtype, team, reuse=False)
    plan = data.plan(columns=False)
    buffers = data.new_buffers(plan)
    params = layout.pack([weight], [bias])
    outputs = np.empty((inputs.shape[0], len(bias)), dtype)
    network = _network(layout, plan.batch_size)
    head = block(network)
    multiply = entry("matmul", dtype)

    def work(me, n_threads):
        reading = block(Reading(params, outputs, 0, team.sync, me, n_threads))
        for chunk in range(plan.n_chunks):
            data.prepare(plan, chunk, buffers, me, n_threads)
            first, stop = plan.chunk_batches(chunk)
            batches = block(
                Batches(
                    buffers.table, buffers.edges, buffers.index, buffers.value, buffers.feature,
                    buffers.column, buffers.row, buffers.row_value, buffers.dense, stop - first,
                    data.n_blocks, data.zero_skipping,
                )
            )  # fmt: skip
            if multiply(np.concatenate((head, batches, reading))) < 0:
                return

    team.run(work)
    return outputs


# --- functions of each element ----------------------------------------------------------------


def identity(x, *, n_threads=None):
    """x, as a fresh array; see `relu`"""
    return _each("identity", x, n_threads)


def relu(x, *, n_threads=None):
    """max(x, 0)

    Parameters
    ----------
    x : ndarray of any shape, float32 or float64
    n_threads : int or None
        See `team.usable_threads`.

    Returns
    -------
    ndarray of x's shape and dtype

    Raises
    ------
    TypeError
        If the dtype is another one.
    """
    return _each("relu", x, n_threads)


def tanh(x, *, n_threads=None):
    """tanh x; see `relu`"""
    return _each("tanh", x, n_threads)


def logistic(x, *, n_threads=None):
    """1 / (1 + exp(-x)); see `relu`"""
    return _each("logistic", x, n_threads)


def exp(x, *, n_threads=None):
    """e**x, but 0 where that is subnormal, and finite where it would overflow; see `relu`"""
    return _each("exp", x, n_threads)


def log(x, *, n_threads=None):
    """ln x, for normal positive x; see `relu`"""
    return _each("log", x, n_threads)


def log1p(x, *, n_threads=None):
    """ln(1 + x), for x in [0, 1]; see `relu`"""
    return _each("log1p", x, n_threads)


def _each(name, x, n_threads):
    x = _floats("x", x)
    packed = _vectors(x)
    elements = entry("elements", x.dtype)
    Team(usable_threads(n_threads)).run(
        lambda me, n: elements(block(Elements(packed, packed.size, FUNCTIONS[name], me, n)))
    )
    return packed[: x.size].reshape(x.shape).copy()


# --- losses -----------------------------------------------------------------------------------


def softmax_cross_entropy_backward(logits, labels, sample_weight=None, *, n_threads=None):
    """loss = -mean log softmax(logits)[label];  delta = (softmax(logits) - onehot) / batch

    Parameters
    ----------
    logits : ndarray of shape (n, n_outputs), float32 or float64
    labels : integer ndarray of shape (n, 1)
        Class numbers, 0 to n_outputs - 1.
    sample_weight : ndarray of shape (n,) or None
        What each sample counts in the mean; the batch is then their sum.
    n_threads : int or None
        See `team.usable_threads`.

    Returns
    -------
    loss : float
    delta : ndarray of shape (n, n_outputs), of logits' dtype
        Gradient of the loss with respect to the logits.
    accuracy : float
        Weighted share of the samples whose label has the largest logit, the first of equal ones.

    Raises
    ------
    TypeError
        If a dtype is another one.
    ValueError
        If a shape is another one, a dimension is 0, a label is out of range, a weight is negative
        or not finite, or all are zero.
    """
    logits = _floats("logits", logits, 2)
    return _loss_backward(SOFTMAX, logits, labels, 1, logits.shape[1], sample_weight, n_threads)


def logistic_cross_entropy_backward(logits, labels, sample_weight=None, *, n_threads=None):
    """loss = mean (log(1 + exp(z)) - y z), summed over outputs;  delta = (logistic(z) - y) / batch

    Parameters and errors are those of `softmax_cross_entropy_backward`, but labels are y, zeros and
    ones of shape (n, n_outputs). A sample is right when all of its outputs are.

    Returns
    -------
    loss : float
    delta : ndarray of shape (n, n_outputs), of logits' dtype
    accuracy : float
    """
    logits = _floats("logits", logits, 2)
    return _loss_backward(
        LOGISTIC_OUTPUT, logits, labels, logits.shape[1], 2, sample_weight, n_threads
    )


def _loss_backward(output, logits, labels, columns, n_labels, sample_weight, n_threads):
    n, n_outputs = logits.shape
    if logits.size == 0:
        raise ValueError(f"logits: a dimension is 0: {logits.shape}")
    labels = np.asarray(labels)
    if labels.dtype.kind not in "bui":
        raise TypeError(f"labels: integers are needed, not {labels.dtype}")
    if labels.shape != (n, columns):
        raise ValueError(f"labels: shape {(n, columns)} is needed, not {labels.shape}")
    if labels.min() < 0 or labels.max() >= n_labels:
        found = f"{labels.min()} to {labels.max()}"
        raise ValueError(f"labels: 0 to {n_labels - 1} are allowed, not {found}")
    weight = _sample_weight(sample_weight, n)

    # One batch of a network whose only layer's sums are there already.
    dtype, layout = logits.dtype, Layout((1, n_outputs), logits.dtype)
    network = _network(layout, n, output, delta=True)
    lanes = layout.layers[0, LANES]
    network.hidden[:] = _panels(logits, lanes)
    table = np.zeros((1, TABLE_COLUMNS), np.int64)
    table[0, SIZE] = n
    none = np.empty(0)
    batches = Batches(table, *[none] * 8, n_batches=1, n_blocks=1, zero_skipping=False)
    losses, hits = np.zeros(n), np.zeros(n, np.uint8)
    targets = Targets(
        order=np.arange(n),
        labels=np.ascontiguousarray(labels, np.int32),
        weight=weight.astype(dtype),
        scale=np.array([1 / weight.sum()], dtype),
        losses=losses,
        hits=hits,
        penalty=none,
        n_panels=layout.n_panels,
        weighted=sample_weight is not None,
        penalised=False,
    )
    words = block(network, batches, targets)
    run = entry("loss", dtype)
    team = Team(usable_threads(n_threads))
    team.run(lambda me, m: run(np.concatenate((words, block(Turn(0, 0, True, none, team.sync, me, m))))))
    share = weight / weight.sum()
    delta = network.delta.reshape(-1, n, lanes).transpose(1, 0, 2).reshape(n, -1)[:, :n_outputs]
    return float((losses * share).sum()), np.ascontiguousarray(delta), float((hits * share).sum())


def _sample_weight(sample_weight, n):
    if sample_weight is None:
        return np.ones(n)
    weight = np.asarray(sample_weight)
    if weight.dtype.kind not in "buif":
        raise TypeError(f"sample_weight: real numbers are needed, not {weight.dtype}")
    if weight.shape != (n,):
        raise ValueError(f"sample_weight: shape {(n,)} is needed, not {weight.shape}")
    weight = weight.astype(np.float64)
    if not (np.isfinite(weight).all() and weight.min() >= 0 and weight.any()):
        raise ValueError("sample_weight: finite numbers are needed, none negative and not all zero")
    return weight


# --- optimizers' rules ------------------------------------------------------------------------


def rmsprop_momentum_update(
    weight, gradient, square, velocity=None, *, learning_rate, rho=0.9, momentum=0.0, epsilon=1e-7,
    n_threads=None,
):  # fmt: skip
    """v = rho v + (1 - rho) g²;  m = mu m + lr g / sqrt(v + eps);  w -= m

    Parameters
    ----------
    weight, square : ndarray of one shape and dtype, float32 or float64
        w and v, which change in place.
    gradient : ndarray of that shape and dtype
    velocity : ndarray of that shape and dtype, or None
        m, which changes in place; not used without momentum, and may then be None.
    learning_rate, rho, momentum, epsilon : float
    n_threads : int or None
        See `team.usable_threads`.

    Raises
    ------
    TypeError
        If a dtype is another one.
    ValueError
        If a shape is another one, or an array that changes is read-only.
    """
    rule = RMSpropRule(rho, 1 - rho, momentum, epsilon)
    state = {"square": square} | ({"velocity": velocity} if momentum > 0 else {})
    _update(rule, learning_rate, n_threads, weight, gradient, state)


def adam_update(
    weight, gradient, mean, square, t, *, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7,
    n_threads=None,
):  # fmt: skip
    """m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g²;  w -= lr_t m / (sqrt(v) + eps)

    lr_t is ``lr sqrt(1 - b2**t) / (1 - b1**t)`` in the t-th update, t from 1. Shapes, dtypes and
    errors are those of `rmsprop_momentum_update`; weight, mean (m) and square (v) change in place.
    """
    if t < 1:
        raise ValueError(f"t: updates are counted from 1, not {t}")
    rule = AdamRule(beta_1, 1 - beta_1, beta_2, 1 - beta_2, epsilon)
    rate = learning_rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    _update(rule, rate, n_threads, weight, gradient, {"square": square, "velocity": mean})


def sgd_update(
    weight, gradient, velocity=None, *, learning_rate, momentum=0.0, nesterov=False, n_threads=None
):
    """u = mu u - lr g;  w += u, or with Nesterov's momentum w += mu u - lr g

    Shapes, dtypes and errors are those of `rmsprop_momentum_update`; weight and velocity (u) change
    in place, but velocity is not used without momentum, and may then be None.
    """
    state = {"velocity": velocity} if momentum > 0 else {}
    _update(SGDRule(momentum, nesterov), learning_rate, n_threads, weight, gradient, state)


def _update(rule, rate, n_threads, weight, gradient, state):
    changing = {"weight": weight} | state
    for name, array in changing.items():
        if not isinstance(array, np.ndarray):  # a copy would change in its place
            raise TypeError(f"{name}: an ndarray is needed, not {type(array).__name__}")
        if not array.flags.writeable:
            raise ValueError(f"{name} is read-only")
    dtype = _floats("weight", weight).dtype
    packed = {}
    for name, array in (changing | {"gradient": gradient}).items():
        array = _floats(name, array, dtype=dtype)
        if array.shape != weight.shape:
            raise ValueError(f"{name}: shape {weight.shape} is needed, not {array.shape}")
        packed[name] = _vectors(array)
    none = np.empty(0, dtype)
    g, w = packed["gradient"], packed["weight"]
    states = [packed.get(name, none) for name in ("square", "velocity")]
    words = block(rule)
    update = entry("update", dtype, type(rule))

    def work(me, n_threads):
        step = Step(g, w, *states, rate, g.size, me, n_threads)
        update(np.concatenate((words, block(step))))

    Team(usable_threads(n_threads)).run(work)
    for name, array in changing.items():
        array[...] = packed[name][: array.size].reshape(array.shape)


# --- packing ----------------------------------------------------------------------------------


def _floats(name, array, ndim=None, dtype=None):
    """The array, if it has floats (of the dtype) in so many dimensions."""
    array = np.asarray(array)
    if array.dtype not in (np.float32, np.float64) or not array.dtype.isnative:
        raise TypeError(f"{name}: float32 or float64 is needed, not {array.dtype}")
    if dtype is not None and array.dtype != dtype:
        raise TypeError(f"{name}: {dtype} is needed, as of the other arrays, not {array.dtype}")
    if ndim is not None and array.ndim != ndim:
        raise ValueError(f"{name}: {ndim} dimensions are needed, not {array.ndim}")
    return array


def _vectors(array):
    """A flat copy, filled up with ones (in the domain of every function) to whole vectors."""
    lanes = VECTOR_BYTES // array.itemsize
    packed = aligned(-(-array.size // lanes) * lanes, array.dtype)
    packed[: array.size] = array.reshape(-1)
    packed[array.size :] = 1
    return packed


def _panels(units, lanes):
    """(n, units) as a flat copy in panels, ``[panel][n][lanes]``."""
    n, size = units.shape
    padded = np.zeros((n, -(-size // lanes) * lanes), units.dtype)
    padded[:, :size] = units
    return padded.reshape(n, -1, lanes).transpose(1, 0, 2).reshape(-1)


def _network(layout, batch_size, output=SOFTMAX, delta=False):
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
        row_value=aligned(0, layout.dtype),
        n_layers=1,
        activation=IDENTITY,
        output=output,
        batch_size=batch_size,
        full_lanes=PANEL_BYTES // layout.dtype.itemsize,
        scratch_size=0,
    )

"""What the regression gate measures: a piece of fastmlp beside NumPy code that does the same work.

Both run on one thread. Each function makes a `Case`; `CASES` names them.
"""

from functools import cache

import numpy as np
from plain import (
    BATCH,
    EPSILON,
    N_CLASSES,
    N_FEATURES,
    N_HIDDEN,
    N_SAMPLES,
    RATE,
    RHO,
    SIZES,
    Case,
    gaussian,
    images,
    numpy_columns,
    numpy_epoch,
    numpy_forward,
    parameters,
)

# fastmlp's side


def kernels():
    """The kernels on arrays, each under its own name."""
    from fastmlp import array_kernels

    return array_kernels


def _aligned(array):
    from fastmlp.engine.panel_layout import aligned

    packed = aligned(array.size, array.dtype)
    packed[:] = array.reshape(-1)
    return packed


def _caller(run, words, arrays):
    """``run(words)`` as a function; words are addresses, so the arrays must be kept alive."""

    def ours(alive=arrays):
        run(words)
        return alive

    return ours


def _engine(dtype="float32"):
    from fastmlp.engine.engine import Engine

    return Engine(SIZES, activation="relu", loss="softmax_cross_entropy", dtype=dtype, n_threads=1)


def _read_batch(buffers, batch, n_blocks):
    """A batch's entries: values and features by row, values and samples by column."""
    from fastmlp.data._batches import ACTIVE, COLUMN, EDGES, N_ACTIVE, SIZE

    from fastmlp.data.batch_plan import read_records

    edges = buffers.edges[batch[EDGES] :][: batch[SIZE] * (n_blocks + 1)]
    column = buffers.column[batch[COLUMN] :][: batch[N_ACTIVE] + 1]
    feature = buffers.feature[batch[ACTIVE] :][: batch[N_ACTIVE]].astype(int)
    assert (np.diff(feature) > 0).all()
    by_row = slice(edges[0], edges[-1])
    samples, values = read_records(buffers.records, column[0], column[-1])
    assert (np.repeat(feature, np.diff(column)) == np.sort(buffers.index[by_row])).all()
    return buffers.value[by_row], buffers.index[by_row], values, samples


def data_path():
    """From the user's array to batches, by rows and by columns."""
    from fastmlp.data.source import open_data
    from fastmlp.engine.team import Team

    X, _ = images()
    team = Team(1)

    def ours():
        data = open_data(X, np.float32, team)
        plan = data.plan(batch_size=BATCH)
        buffers = data.new_buffers(plan)
        for chunk in range(plan.n_chunks):
            data.prepare(plan, chunk, buffers)
        return data, plan, buffers

    def read(prepared):
        data, plan, buffers = prepared
        parts = []
        for chunk in range(plan.n_chunks):
            data.prepare(plan, chunk, buffers)
            first, stop = plan.chunk_batches(chunk)
            for b in range(stop - first):
                parts.append(_read_batch(buffers, buffers.table[b], data.n_blocks))
        return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]

    return Case(ours, lambda: numpy_columns(X), tolerance=0, read=read)


def _epoch(make_data):
    from fastmlp.engine.optimizers import RMSprop

    X, y = make_data()
    engine, order = _engine(), np.arange(N_SAMPLES)
    data, labels = engine.open(X), y[:, None]

    def ours():
        engine.set_parameters(*parameters())
        engine.train_epoch(
            data, labels, order, batch_size=BATCH, optimizer=RMSprop(), learning_rate=RATE
        )
        coefs, intercepts = engine.get_parameters()
        return [*coefs, *intercepts]

    return Case(ours, lambda: numpy_epoch(X, y, *parameters()), tolerance=1e-2)


def training_step():
    """An epoch's updates, zeros skipped."""
    return _epoch(images)


def training_step_dense():
    """An epoch's updates on data without zeros."""
    return _epoch(gaussian)


def _model(**changes):
    from fastmlp import MLPClassifier

    return MLPClassifier(
        (N_HIDDEN,), batch_size=BATCH, max_iter=1, shuffle=False, n_threads=1, **changes
    )


def fit():
    """A whole fit of one epoch."""
    X, y = images()
    coefs, intercepts = parameters()

    def ours():
        model = _model().fit(X, y, coef_init=coefs, intercept_init=intercepts)
        return [*model.coefs_, *model.intercepts_]

    return Case(ours, lambda: numpy_epoch(X, y, coefs, intercepts), tolerance=1e-2)


def predict():
    """Probabilities of all images."""
    X, y = images()
    coefs, intercepts = parameters()
    model = _model(learning_rate_init=1e-30)  # the weights stay what they are
    model.fit(X, y, coef_init=coefs, intercept_init=intercepts)
    return Case(lambda: [model.predict_proba(X)], lambda: [numpy_forward(X, coefs, intercepts)[1]])


# The kernels one by one


def _matmul(make_data):
    X, _ = make_data()
    (weight, _), (bias, _) = parameters()
    return Case(
        lambda: [kernels().matmul(X, weight, bias, n_threads=1)], lambda: [X @ weight + bias]
    )


def matmul():
    """The first layer's sums, zeros skipped."""
    return _matmul(images)


def matmul_dense():
    """The first layer's sums, without a zero."""
    return _matmul(gaussian)


def _elements(name, function):
    """A function of each element of a batch's hidden layer, in place as in training."""
    from fastmlp.kernels.abi import ElementsCall
    from fastmlp.kernels.code_cache import entry
    from fastmlp.kernels.words import pack_words

    start = np.random.default_rng(3).standard_normal((BATCH, N_HIDDEN), dtype=np.float32)
    x, y = _aligned(start), start.copy()
    words = pack_words(ElementsCall(x, x.size, kernels().FUNCTIONS[name], 0, 1))
    run = entry("elements", np.float32)
    return Case(
        _caller(run, words, x),
        lambda: function(y, out=y),
        read=lambda _: [getattr(kernels(), name)(start, n_threads=1)],
        expected=lambda: [function(start, out=np.empty_like(start))],
    )


def relu():
    return _elements("relu", lambda x, out: np.maximum(x, 0, out=out))


def tanh():
    return _elements("tanh", np.tanh)


def softmax_cross_entropy_backward():
    logits = np.random.default_rng(4).standard_normal((N_SAMPLES, N_CLASSES), dtype=np.float32)
    labels = images()[1][:, None]

    def ours():
        loss, delta, _ = kernels().softmax_cross_entropy_backward(logits, labels, n_threads=1)
        return [delta, np.array([loss])]

    def numpy():
        z = logits - logits.max(axis=1, keepdims=True)
        delta = np.exp(z)
        total = delta.sum(axis=1, keepdims=True)
        losses = np.log(total) - np.take_along_axis(z, labels, axis=1)
        delta /= total
        np.put_along_axis(
            delta, labels, np.take_along_axis(delta, labels, axis=1) - np.float32(1), axis=1
        )
        delta /= np.float32(len(z))
        return [delta, losses.mean(keepdims=True)[0]]

    return Case(ours, numpy)


def _update(rule, apply, numpy):
    """An optimizer's rule on the first layer's weights; the state moves on from call to call."""
    from fastmlp.kernels.abi import UpdateCall
    from fastmlp.kernels.code_cache import entry
    from fastmlp.kernels.words import pack_words

    rng = np.random.default_rng(5)
    shape = (N_FEATURES, N_HIDDEN)
    gradient = rng.standard_normal(shape, dtype=np.float32)
    start = [rng.uniform(0.5, 1.0, shape).astype(np.float32) for _ in range(3)]
    g, *state = (_aligned(array) for array in (gradient, *start))
    words = np.concatenate(
        (pack_words(rule), pack_words(UpdateCall(g, *state, RATE, g.size, 0, 1)))
    )
    run = entry("update", np.float32, type(rule))
    theirs = [array.copy() for array in start]

    def once(function):
        arrays = [array.copy() for array in start]
        function(gradient, *arrays)
        return arrays

    return Case(
        _caller(run, words, (g, *state)),
        lambda: numpy(gradient, *theirs),
        read=lambda _: once(apply),
        expected=lambda: once(numpy),
    )


def rmsprop_momentum_update():
    from fastmlp.kernels.abi import RMSpropRule

    def apply(g, w, v, m):
        kernels().rmsprop_momentum_update(w, g, v, m, learning_rate=RATE, momentum=0.9, n_threads=1)

    def numpy(g, w, v, m):
        v *= RHO
        v += (1 - RHO) * g * g
        m *= 0.9
        m += RATE * g / np.sqrt(v + EPSILON)
        w -= m

    return _update(RMSpropRule(RHO, 1 - RHO, 0.9, EPSILON), apply, numpy)


def adam_update():
    from fastmlp.kernels.abi import AdamRule

    def apply(g, w, v, m):
        kernels().adam_update(w, g, m, v, 1, learning_rate=RATE * 0.1 / 0.001**0.5, n_threads=1)

    def numpy(g, w, v, m):
        m *= 0.9
        m += 0.1 * g
        v *= 0.999
        v += 0.001 * g * g
        w -= RATE * m / (np.sqrt(v) + EPSILON)

    return _update(AdamRule(0.9, 0.1, 0.999, 0.001, EPSILON), apply, numpy)


def sgd_update():
    from fastmlp.kernels.abi import SGDRule

    def apply(g, w, v, m):
        kernels().sgd_update(w, g, m, learning_rate=RATE, momentum=0.9, n_threads=1)

    def numpy(g, w, v, m):
        m *= 0.9
        m -= RATE * g
        w += m

    return _update(SGDRule(0.9, 0.0), apply, numpy)


CASES = {
    "matmul": matmul,
    "matmul-dense": matmul_dense,
    "relu": relu,
    "tanh": tanh,
    "softmax-cross-entropy-backward": softmax_cross_entropy_backward,
    "rmsprop-momentum-update": rmsprop_momentum_update,
    "adam-update": adam_update,
    "sgd-update": sgd_update,
    "data-path": data_path,
    "training-step": training_step,
    "training-step-dense": training_step_dense,
    "fit": fit,
    "predict": predict,
}


@cache
def make(name):
    """The case of that name, made once per process."""
    return CASES[name]()

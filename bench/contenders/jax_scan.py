"""JAX: one jitted call per epoch, a scan over batches gathered on the device, state donated."""

from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np

RHO, EPSILON = 0.9, 1e-7


def forward(parameters, x, dropout=0.0, key=None):
    *hidden, (weight, bias) = parameters
    for layer, (w, b) in enumerate(hidden):
        x = jax.nn.relu(x @ w + b)
        if dropout:
            kept = jax.random.bernoulli(jax.random.fold_in(key, layer), 1 - dropout, x.shape)
            x = jnp.where(kept, x / (1 - dropout), 0)
    return x @ weight + bias


def mean_loss(parameters, x, y, dropout=0.0, key=None):
    log_p = jax.nn.log_softmax(forward(parameters, x, dropout, key))
    return -jnp.take_along_axis(log_p, y[:, None], axis=1).mean()


def make_epoch(job):
    """RMSprop by Keras's rule over all batches, the last, shorter one too."""

    def update(carry, rows, X, y, key):
        parameters, squares, steps = carry
        gradient = jax.grad(mean_loss)(parameters, X[rows], y[rows], job.dropout, key)
        squares = jax.tree.map(lambda v, g: RHO * v + (1 - RHO) * g * g, squares, gradient)
        step = jax.tree.map(
            lambda g, v: job.learning_rate * g / jnp.sqrt(v + EPSILON), gradient, squares
        )
        if job.momentum:
            steps = step = jax.tree.map(lambda m, s: job.momentum * m + s, steps, step)
        return (jax.tree.map(jnp.subtract, parameters, step), squares, steps), None

    @partial(jax.jit, donate_argnums=0)
    def epoch(carry, key, X, y):
        order = jax.random.permutation(key, len(X))
        whole = len(X) - len(X) % job.batch_size
        batches = order[:whole].reshape(-1, job.batch_size)
        keys = jax.random.split(jax.random.fold_in(key, 1), len(batches) + 1)
        carry, _ = jax.lax.scan(
            lambda c, batch: update(c, batch[0], X, y, batch[1]), carry, (batches, keys[:-1])
        )
        if whole < len(X):
            carry, _ = update(carry, order[whole:], X, y, keys[-1])
        return carry

    return epoch


def prepare(job, data):
    sizes = (data.X_train.shape[1], *job.hidden, data.n_classes)
    keys = jax.random.split(jax.random.key(job.seed), len(sizes))
    glorot = jax.nn.initializers.glorot_uniform()
    parameters = [
        (glorot(key, shape, jnp.float32), jnp.zeros(shape[1]))
        for key, shape in zip(keys[1:], pairwise(sizes), strict=True)
    ]
    zeros = jax.tree.map(jnp.zeros_like, parameters)
    steps = jax.tree.map(jnp.zeros_like, parameters) if job.momentum else ()
    return {
        "carry": (parameters, zeros, steps),
        "key": keys[0],
        "epoch": make_epoch(job),
        "train": (jnp.asarray(data.X_train), jnp.asarray(data.y_train)),
        "test": (jnp.asarray(data.X_test), np.asarray(data.y_test)),
    }


def train(state, epochs):
    for _ in range(epochs):
        state["key"], key = jax.random.split(state["key"])
        state["carry"] = state["epoch"](state["carry"], key, *state["train"])
    jax.block_until_ready(state["carry"])


def evaluate(state):
    X, y = state["test"]
    parameters = state["carry"][0]
    loss = mean_loss(parameters, X, jnp.asarray(y))
    return float(loss), float((np.asarray(forward(parameters, X)).argmax(axis=1) == y).mean())

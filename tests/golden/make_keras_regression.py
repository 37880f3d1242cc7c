"""Write ``keras_regression.npz``: the first updates of small regression networks, trained by Keras itself.

Run ``KERAS_BACKEND=tensorflow python tests/golden/make_keras_regression.py`` where Keras is installed. Keys:

``X, y, coef_0, coef_1, intercept_0, intercept_1``
    the data, with three targets, and the parameters every run starts from; a run of one target takes the first
    column of y and of the output layer's parameters;
``<run>/coef_0/<t>`` and so on
    the parameters after ``t`` updates, for ``t`` in ``snapshots``;
``<run>/loss``
    the loss of each mini-batch as Keras reports it, taken before its update;
``runs, batch_size, snapshots, versions``
    what was run, and with what.

X has the traits of ``make_keras.py``. Keras's losses are means over targets, also in the gradient.
"""

import itertools
from pathlib import Path

import keras
import numpy as np
from keras import optimizers
from make_keras import BATCH_SIZE, EPOCHS, N_FEATURES, N_HIDDEN, N_SAMPLES, SNAPSHOTS, versions
from make_keras import make_data as make_classes

N_TARGETS = 3
# Run -> optimizer, loss, output activation, targets.
RUNS = {
    "rmsprop-mse-1": (lambda: optimizers.RMSprop(0.001), "mse", "linear", 1),
    "rmsprop-mse-3": (lambda: optimizers.RMSprop(0.001), "mse", "linear", 3),
    "rmsprop-momentum-mse-3": (
        lambda: optimizers.RMSprop(0.001, momentum=0.9), "mse", "linear", 3,
    ),
    "rmsprop-poisson-3": (lambda: optimizers.RMSprop(0.001), "poisson", "exponential", 3),
    "sgd-mse-3": (lambda: optimizers.SGD(0.1), "mse", "linear", 3),
}  # fmt: skip


def make_data(rng):
    """X of the classifier's runs, and counts that depend on it: targets of either loss."""
    X, _ = make_classes(rng)
    means = np.exp(X @ rng.normal(size=(N_FEATURES, N_TARGETS)) / 3)
    return X, rng.poisson(means).astype(np.float32)


def make_parameters(rng):
    """Weights of the classifier's runs in kind, for three outputs."""
    sizes = (N_FEATURES, N_HIDDEN, N_TARGETS)
    parameters = {}
    for i, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
        bound = np.sqrt(6.0 / (fan_in + fan_out))
        parameters[f"coef_{i}"] = rng.uniform(-bound, bound, (fan_in, fan_out)).astype(np.float32)
        parameters[f"intercept_{i}"] = rng.uniform(-0.2, 0.2, fan_out).astype(np.float32)
    return parameters


def train(run, X, y, parameters):
    """Train by Keras, batch by batch in the order of X: losses, and parameters at SNAPSHOTS."""
    make_optimizer, loss, output, n_targets = RUNS[run]
    names = ("coef_0", "intercept_0", "coef_1", "intercept_1")
    first = parameters | {
        "coef_1": parameters["coef_1"][:, :n_targets],
        "intercept_1": parameters["intercept_1"][:n_targets],
    }
    model = keras.Sequential(
        [
            keras.layers.Input((N_FEATURES,)),
            keras.layers.Dense(N_HIDDEN, activation="relu"),
            keras.layers.Dense(n_targets, activation=output),
        ]
    )
    model.set_weights([first[name] for name in names])
    model.compile(optimizer=make_optimizer(), loss=loss)
    losses, after = [], {}
    for _ in range(EPOCHS):
        for start in range(0, N_SAMPLES, BATCH_SIZE):
            batch = slice(start, start + BATCH_SIZE)
            model.reset_metrics()
            losses.append(float(model.train_on_batch(X[batch], y[batch, :n_targets])))
            if len(losses) in SNAPSHOTS:
                weights = model.get_weights()
                after |= {f"{n}/{len(losses)}": w for n, w in zip(names, weights, strict=True)}
    return np.array(losses), after


def main():
    rng = np.random.default_rng(21)
    X, y = make_data(rng)
    parameters = make_parameters(rng)
    stored = {
        "X": X,
        "y": y,
        **parameters,
        "runs": list(RUNS),
        "batch_size": BATCH_SIZE,
        "snapshots": SNAPSHOTS,
        "versions": versions(),
    }
    for run in RUNS:
        losses, after = train(run, X, y, parameters)
        stored[f"{run}/loss"] = losses
        stored |= {f"{run}/{key}": value for key, value in after.items()}
        print(f"{run:24} loss {losses[0]:.4f} -> {losses[-1]:.4f}")
    path = Path(__file__).with_name("keras_regression.npz")
    np.savez_compressed(path, **stored)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()

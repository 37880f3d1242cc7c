"""Write ``keras.npz``: the first updates of a small network, trained by Keras itself.

Run ``KERAS_BACKEND=tensorflow python tests/golden/make_keras.py`` where Keras is installed; the
tests read only the file it writes, so they need no Keras. Keys of the file:

``X, y, coef_0, coef_1, intercept_0, intercept_1``
    the data and the parameters every run starts from;
``<run>/coef_0/<t>`` and so on
    the parameters after ``t`` updates, for ``t`` in ``snapshots``;
``<run>/loss``
    the loss of each mini-batch, taken before its update;
``runs, batch_size, snapshots, versions``
    what was run, and with what.

The data has traits that a fast path is likely to get wrong: half of its values are zero, its last
batch is short, one feature is always zero and four are zero in most batches, so that their
optimizer state must decay untouched.
"""

import itertools
import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
from keras import optimizers

N_SAMPLES, N_FEATURES, N_HIDDEN, N_CLASSES = 74, 37, 29, 5
BATCH_SIZE = 16  # 74 = 4 * 16 + 10: five updates an epoch, twenty in four epochs
EPOCHS = 4
SNAPSHOTS = (1, 5, 10, 20)

RUNS = {
    "rmsprop": lambda: optimizers.RMSprop(learning_rate=0.001, momentum=0.0),
    "rmsprop-momentum": lambda: optimizers.RMSprop(learning_rate=0.001, momentum=0.9),
    "adam": lambda: optimizers.Adam(learning_rate=0.001),
    "sgd": lambda: optimizers.SGD(learning_rate=0.1),
    "sgd-momentum": lambda: optimizers.SGD(learning_rate=0.1, momentum=0.9),
    "sgd-nesterov": lambda: optimizers.SGD(learning_rate=0.1, momentum=0.9, nesterov=True),
}


def make_data(rng):
    """Half-empty X in [0, 1] with a few rare features, and labels that depend on it."""
    X = rng.uniform(0.0, 1.0, (N_SAMPLES, N_FEATURES))
    X[rng.uniform(size=X.shape) < 0.5] = 0.0
    X[:, 3] = 0.0
    for feature, batch in ((7, 0), (19, 2), (30, 4), (36, 1)):
        elsewhere = np.arange(N_SAMPLES) // BATCH_SIZE != batch
        X[elsewhere, feature] = 0.0
    y = np.argmax(X @ rng.normal(size=(N_FEATURES, N_CLASSES)), axis=1)
    return X.astype(np.float32), y.astype(np.int64)


def make_parameters(rng):
    """Glorot uniform weights, and biases that are not zero, so that their use shows."""
    sizes = (N_FEATURES, N_HIDDEN, N_CLASSES)
    parameters = {}
    for i, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
        bound = np.sqrt(6.0 / (fan_in + fan_out))
        parameters[f"coef_{i}"] = rng.uniform(-bound, bound, (fan_in, fan_out)).astype(np.float32)
        parameters[f"intercept_{i}"] = rng.uniform(-0.2, 0.2, fan_out).astype(np.float32)
    return parameters


def train(optimizer, X, y, parameters):
    """Train by Keras, batch by batch in the order of X: losses, and parameters at SNAPSHOTS."""
    names = ("coef_0", "intercept_0", "coef_1", "intercept_1")
    model = keras.Sequential(
        [
            keras.layers.Input((N_FEATURES,)),
            keras.layers.Dense(N_HIDDEN, activation="relu"),
            keras.layers.Dense(N_CLASSES, activation="softmax"),
        ]
    )
    model.set_weights([parameters[name] for name in names])
    model.compile(optimizer=optimizer, loss="categorical_crossentropy")
    targets = keras.utils.to_categorical(y, N_CLASSES)
    losses, after = [], {}
    for _ in range(EPOCHS):
        for start in range(0, N_SAMPLES, BATCH_SIZE):
            batch = slice(start, start + BATCH_SIZE)
            model.reset_metrics()  # else train_on_batch returns a running mean
            losses.append(float(model.train_on_batch(X[batch], targets[batch])))
            if len(losses) in SNAPSHOTS:
                weights = model.get_weights()
                after |= {f"{n}/{len(losses)}": w for n, w in zip(names, weights, strict=True)}
    return np.array(losses), after


def versions():
    found = {
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "numpy": np.__version__,
    }
    if found["backend"] == "tensorflow":
        import tensorflow

        found["tensorflow"] = tensorflow.__version__
    return [f"{name} {version}" for name, version in found.items()]


def main():
    rng = np.random.default_rng(20)
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
    for name, make_optimizer in RUNS.items():
        losses, after = train(make_optimizer(), X, y, parameters)
        stored[f"{name}/loss"] = losses
        stored |= {f"{name}/{key}": value for key, value in after.items()}
        print(f"{name:18} loss {losses[0]:.4f} -> {losses[-1]:.4f}")
    path = Path(__file__).with_name("keras.npz")
    np.savez_compressed(path, **stored)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()

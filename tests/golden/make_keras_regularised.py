"""Write ``keras_regularised.npz``: weight decay, label smoothing and a cosine schedule as Keras computes them.

Run ``KERAS_BACKEND=jax python tests/golden/make_keras_regularised.py`` where Keras is installed. Data, network, first
parameters and batches are those of ``make_keras.py``, and so are the keys of the file; biases are not decayed.
``binary/loss`` is the label-smoothed loss of single logistic outputs for ``binary/logits`` and
``binary/labels``.
"""

from pathlib import Path

import keras
import numpy as np
from keras import losses, optimizers
from make_keras import BATCH_SIZE, EPOCHS, N_CLASSES, N_FEATURES, N_HIDDEN, N_SAMPLES, versions

FOLDER = Path(__file__).parent
SNAPSHOTS = (1, 5, 20)
SMOOTHING, DECAY = 0.1, 0.1
UPDATES = EPOCHS * -(-N_SAMPLES // BATCH_SIZE)


def decayed(optimizer):
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


RUNS = {
    "rmsprop-decay": lambda: decayed(optimizers.RMSprop(0.001, weight_decay=DECAY)),
    "rmsprop-momentum-decay": lambda: decayed(
        optimizers.RMSprop(0.001, momentum=0.9, weight_decay=DECAY)
    ),
    "adam-decay": lambda: decayed(optimizers.AdamW(0.001, weight_decay=DECAY)),
    "sgd-decay": lambda: decayed(optimizers.SGD(0.1, weight_decay=DECAY)),
    "sgd-nesterov-decay": lambda: decayed(
        optimizers.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=DECAY)
    ),
    "smoothing": lambda: optimizers.RMSprop(0.001),
    "cosine": lambda: optimizers.RMSprop(
        optimizers.schedules.CosineDecay(0.001, decay_steps=UPDATES)
    ),
}


def train(name, start):
    """Losses of the batches, and parameters at SNAPSHOTS."""
    names = ("coef_0", "intercept_0", "coef_1", "intercept_1")
    model = keras.Sequential(
        [
            keras.layers.Input((N_FEATURES,)),
            keras.layers.Dense(N_HIDDEN, activation="relu"),
            keras.layers.Dense(N_CLASSES, activation="softmax"),
        ]
    )
    model.set_weights([start[key] for key in names])
    smoothing = SMOOTHING if name == "smoothing" else 0.0
    loss = losses.CategoricalCrossentropy(label_smoothing=smoothing)
    model.compile(optimizer=RUNS[name](), loss=loss)
    X, targets = start["X"], keras.utils.to_categorical(start["y"], N_CLASSES)
    found, after = [], {}
    for _ in range(EPOCHS):
        for first in range(0, N_SAMPLES, BATCH_SIZE):
            batch = slice(first, first + BATCH_SIZE)
            model.reset_metrics()
            found.append(float(model.train_on_batch(X[batch], targets[batch])))
            if len(found) in SNAPSHOTS:
                weights = model.get_weights()
                after |= {
                    f"{name}/{n}/{len(found)}": w for n, w in zip(names, weights, strict=True)
                }
    return {f"{name}/loss": np.array(found)} | after


def binary():
    """The smoothed loss of logistic outputs."""
    rng = np.random.default_rng(3)
    logits = rng.normal(size=(40, 1)).astype(np.float32) * 4
    y = rng.integers(2, size=(40, 1)).astype(np.float32)
    loss = losses.BinaryCrossentropy(from_logits=True, label_smoothing=SMOOTHING)
    return {
        "binary/logits": logits,
        "binary/labels": y.astype(np.int64),
        "binary/loss": float(loss(y, logits)),
    }


def main():
    start = np.load(FOLDER / "keras.npz")
    stored = {
        "runs": list(RUNS),
        "snapshots": SNAPSHOTS,
        "weight_decay": DECAY,
        "label_smoothing": SMOOTHING,
        "versions": versions(),
    }
    for name in RUNS:
        stored |= train(name, start)
    np.savez_compressed(FOLDER / "keras_regularised.npz", **stored, **binary())


if __name__ == "__main__":
    main()

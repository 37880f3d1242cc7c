"""What is trained: data sets, made once and read by every contender, and networks."""

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from scipy import sparse

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Job:
    """A network, a data set and how to train; the defaults are the main job."""

    name: str = "main"
    dataset: str = "mnist"
    hidden: tuple[int, ...] = (512,)
    batch_size: int = 128
    threads: int = 2
    learning_rate: float = 0.001
    momentum: float = 0.0
    seed: int = 0
    dropout: float = 0.0  # after each hidden layer

    def to_dict(self):
        return asdict(self) | {"hidden": list(self.hidden)}  # as JSON will have it

    @classmethod
    def from_dict(cls, values):
        return cls(**{**values, "hidden": tuple(values["hidden"])})


@dataclass
class Data:
    """Arrays of one data set: X float32 (dense or CSR), y int64 class numbers."""

    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray

    @property
    def n_classes(self):
        return int(self.y_train.max()) + 1


def _images(arrays):
    """Flattened images as float32 in [0, 1], labels as int64."""
    (X_train, y_train), (X_test, y_test) = arrays
    images = [X.reshape(len(X), -1).astype(np.float32) / np.float32(255) for X in (X_train, X_test)]
    return images[0], y_train.astype(np.int64), images[1], y_test.astype(np.int64)


def _mnist():
    from fastmlp.datasets import load_mnist

    in_checkout = ROOT / "data" / "mnist.npz"
    path = in_checkout if in_checkout.exists() else None
    return _images(load_mnist(path, dtype="uint8"))


def _fashion_mnist():
    from fastmlp.datasets import load_fashion_mnist

    return _images(load_fashion_mnist(dtype="uint8"))


def _mnist_standardised():
    """Each pixel with mean 0 and deviation 1 in the training set, as `StandardScaler` has it."""
    X_train, y_train, X_test, y_test = _mnist()
    mean, deviation = X_train.mean(axis=0), X_train.std(axis=0)
    deviation[deviation == 0] = 1
    return (X_train - mean) / deviation, y_train, (X_test - mean) / deviation, y_test


def _mnist_centred():
    """The one mean and deviation of tutorials."""
    X_train, y_train, X_test, y_test = _mnist()
    mean, deviation = np.float32(0.1307), np.float32(0.3081)
    return (X_train - mean) / deviation, y_train, (X_test - mean) / deviation, y_test


def _mnist_signed():
    """Pixels in [-1, 1]."""
    X_train, y_train, X_test, y_test = _mnist()
    return 2 * X_train - 1, y_train, 2 * X_test - 1, y_test


def _normal(n_train, n_test, n_features, n_classes, noise):
    """Normal numbers without a single zero; a linear rule with some noise gives the class."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_train + n_test, n_features), dtype=np.float32)
    rule = rng.standard_normal((n_features, n_classes), dtype=np.float32)
    scores = X @ rule + noise * rng.standard_normal((len(X), n_classes), dtype=np.float32)
    y = scores.argmax(axis=1).astype(np.int64)
    return X[:n_train], y[:n_train], X[n_train:], y[n_train:]


def _wide_csr():
    """5,000 documents over 100,000 words, about 74 each, words as frequent as in text (Zipf).

    A document's topic, its class, shows in a quarter of its words.
    """
    rng = np.random.default_rng(0)
    n_rows, n_words, n_drawn, n_topics = 6_000, 100_000, 77, 10
    frequency = 1.0 / (np.arange(n_words) + 5.0)
    words = rng.choice(n_words, size=(n_rows, n_drawn), p=frequency / frequency.sum())
    topics = rng.integers(n_topics, size=n_rows)
    words[:, : n_drawn // 4] += (topics[:, None] + 1) * n_words // (2 * n_topics)
    rows = np.repeat(np.arange(n_rows), n_drawn)
    X = sparse.csr_array(
        (np.ones(rows.size, dtype=np.float32), (rows, words.ravel() % n_words)),
        shape=(n_rows, n_words),
    )
    X.sum_duplicates()
    np.log1p(X.data, out=X.data)
    y = topics.astype(np.int64)
    return X[:-1_000], y[:-1_000], X[-1_000:], y[-1_000:]


def _breast_cancer():
    """scikit-learn's 569 × 30, standardised; the last 100 are for testing."""
    from sklearn.datasets import load_breast_cancer

    X, y = load_breast_cancer(return_X_y=True)
    X_train, X_test = X[:-100], X[-100:]
    mean, deviation = X_train.mean(axis=0), X_train.std(axis=0)
    X_train, X_test = (((X - mean) / deviation).astype(np.float32) for X in (X_train, X_test))
    return X_train, y[:-100].astype(np.int64), X_test, y[-100:].astype(np.int64)


DATASETS = {
    "mnist": _mnist,
    "fashion-mnist": _fashion_mnist,
    "mnist-standardised": _mnist_standardised,
    "mnist-centred": _mnist_centred,
    "mnist-signed": _mnist_signed,
    "gaussian": partial(_normal, 60_000, 10_000, 784, 10, noise=10),  # MNIST's shape
    "breast-cancer": _breast_cancer,
    "table-3": partial(_normal, 20_000, 2_000, 3, 2, noise=0.5),
    "table-20": partial(_normal, 20_000, 2_000, 20, 2, noise=1),
    "table-54": partial(_normal, 100_000, 10_000, 54, 7, noise=2),
    "table-100": partial(_normal, 40_000, 4_000, 100, 4, noise=3),
    "table-300": partial(_normal, 20_000, 2_000, 300, 10, noise=5),
    "million": partial(_normal, 1_000_000, 10_000, 20, 2, noise=1),
    "wide": partial(_normal, 2_000, 500, 20_000, 4, noise=10),
    "wide-csr": _wide_csr,
}


def save(dataset, folder):
    """Write a data set's arrays to ``folder``, where `load` finds them, unless they are there."""
    folder = Path(folder) / dataset
    if folder.exists():
        return
    X_train, y_train, X_test, y_test = DATASETS[dataset]()
    folder.mkdir(parents=True)
    for name, X in (("X_train", X_train), ("X_test", X_test)):
        if sparse.issparse(X):
            sparse.save_npz(folder / f"{name}.npz", X, compressed=False)
        else:
            np.save(folder / f"{name}.npy", X)
    np.savez(folder / "labels.npz", y_train=y_train, y_test=y_test)


def load(dataset, folder):
    """What `save` has written, in memory: a page fault is no work of a contender's."""
    folder = Path(folder) / dataset
    labels = np.load(folder / "labels.npz")
    X_train, X_test = (
        sparse.load_npz(folder / f"{name}.npz")
        if (folder / f"{name}.npz").exists()
        else np.load(folder / f"{name}.npy")
        for name in ("X_train", "X_test")
    )
    return Data(X_train, labels["y_train"], X_test, labels["y_test"])

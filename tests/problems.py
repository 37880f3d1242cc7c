"""Small problems for whole passes of the engine, with an optimizer of each kind."""

import itertools

import numpy as np
import pytest
import reference

from fastmlp.engine.engine import Engine
from fastmlp.engine.optimizers import SGD, Adam, RMSprop

# name: (optimizer, the reference's, learning rate)
OPTIMIZERS = {
    "rmsprop": (lambda: RMSprop(), ("rmsprop", {}), 0.003),
    "rmsprop, momentum": (lambda: RMSprop(momentum=0.9), ("rmsprop", {"momentum": 0.9}), 0.001),
    "rmsprop, momentum 1": (
        lambda: RMSprop(rho=0.8, momentum=1.0, epsilon=1e-3),
        ("rmsprop", {"rho": 0.8, "momentum": 1.0, "epsilon": 1e-3}),
        0.0003,
    ),
    "adam": (lambda: Adam(), ("adam", {}), 0.003),
    "sgd": (lambda: SGD(), ("sgd", {}), 0.1),
    "sgd, momentum": (lambda: SGD(momentum=0.9), ("sgd", {"momentum": 0.9}), 0.03),
    "sgd, Nesterov": (
        lambda: SGD(momentum=0.9, nesterovs_momentum=True),
        ("sgd", {"momentum": 0.9, "nesterov": True}),
        0.03,
    ),
}
optimizers = pytest.mark.parametrize("optimizer", OPTIMIZERS)
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])


class Problem:
    """Samples, labels, first parameters and two epochs' orders."""

    def __init__(self, sizes=(37, 70, 9, 3), *, n=150, density=0.2, output="softmax", seed=0):
        rng = np.random.default_rng(seed)
        self.sizes, self.output = sizes, output
        self.X = rng.normal(size=(n, sizes[0])) * (rng.random((n, sizes[0])) < density)
        # Representable in float32, too, so that both dtypes see the same samples.
        self.X = self.X.astype(np.float32)
        if output == "softmax":
            labels = rng.integers(sizes[-1], size=(n, 1))
        else:
            labels = rng.integers(2, size=(n, sizes[-1]))
        self.labels = labels.astype(np.int32)
        self.coefs = [rng.normal(size=s) / np.sqrt(s[0]) for s in itertools.pairwise(sizes)]
        self.intercepts = [rng.normal(size=s) / 10 for s in sizes[1:]]
        self.coefs = [w.astype(np.float32) for w in self.coefs]
        self.intercepts = [b.astype(np.float32) for b in self.intercepts]
        self.orders = [rng.permutation(n), rng.permutation(n)]
        self.weight = rng.uniform(0.2, 2.0, n)

    def engine(self, dtype=np.float32, n_threads=1, activation="relu"):
        engine = Engine(
            self.sizes,
            activation=activation,
            loss=f"{self.output}_cross_entropy",
            dtype=dtype,
            n_threads=n_threads,
        )
        engine.set_parameters(self.coefs, self.intercepts)
        return engine

    def train(self, optimizer="rmsprop", X=None, orders=None, *, batch_size=32, how=None, **engine):
        """Parameters after the orders, and each epoch's result."""
        make, _, rate = OPTIMIZERS[optimizer]
        engine, optimizer = self.engine(**engine), make()
        data = engine.open(self.X if X is None else X)
        results = [
            engine.train_epoch(
                data, self.labels, order, batch_size=batch_size, optimizer=optimizer,
                learning_rate=rate, **(how or {}),
            )
            for order in (self.orders if orders is None else orders)
        ]  # fmt: skip
        coefs, intercepts = engine.get_parameters()
        assert optimizer.n_updates == sum(result.n_updates for result in results)
        return coefs + intercepts, results

    def reference(self, optimizer, *, activation="relu", batch_size=32, how=None):
        _, (solver, hyper), rate = OPTIMIZERS[optimizer]
        *parameters, losses, accuracies = reference.train(
            self.X, self.labels, self.coefs, self.intercepts,
            reference.Optimizer(solver, **hyper), self.orders, learning_rate=rate,
            batch_size=batch_size, activation=activation, output=self.output, **(how or {}),
        )  # fmt: skip
        return parameters[0] + parameters[1], losses, accuracies


def assert_same(a, b):
    """The same bits in the parameters and results of two trainings."""
    for x, y in zip(a[0], b[0], strict=True):
        np.testing.assert_array_equal(x, y, strict=True)
    assert a[1] == b[1]

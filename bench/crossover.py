"""Where skipping zeros stops to pay: an epoch with zeros skipped against the dense one, by density.

``python bench/crossover.py`` prints both and their ratio, by the number of units that are multiplied with: for
the input (`fastmlp.data.prepared.crossover`), skipped whatever the rule says, and for hidden layers behind ReLU
(`fastmlp.kernels.passes.nonzero_lists.CROSSOVER`), where the kernels follow the rule, so that a ratio above 1 tells
that it lets them skip too often. One thread; the smallest time of each, taking turns.
"""

import time
from itertools import pairwise, product

import numpy as np

from fastmlp.data import prepared
from fastmlp.engine import engine as engine_module
from fastmlp.engine import panel_layout
from fastmlp.engine.engine import Engine
from fastmlp.engine.optimizers import SGD

SAMPLES, ROUNDS = 6_000, 5
UNITS = 32, 64, 100, 256, 512


def training(sizes, X, bias=0.0):
    """A function that trains for an epoch at a learning rate of 0, so that nothing changes."""
    rng = np.random.default_rng(0)
    engine = Engine(
        sizes, activation="relu", loss="softmax_cross_entropy", dtype="float32", n_threads=1
    )
    coefs = [rng.normal(0, 1 / np.sqrt(s[0]), s).astype(np.float32) for s in pairwise(sizes)]
    engine.set_parameters(coefs, [np.full(n, bias, np.float32) for n in sizes[1:]])
    opened, optimizer = engine.open(X), SGD()
    labels = rng.integers(10, size=(len(X), 1)).astype(np.int32)
    order = rng.permutation(len(X))

    def epoch():
        start = time.perf_counter()
        engine.train_epoch(
            opened, labels, order, batch_size=128, optimizer=optimizer, learning_rate=0.0
        )
        return time.perf_counter() - start

    hidden = np.maximum(X[:500] @ coefs[0] + np.float32(bias), 0)
    return epoch, np.count_nonzero(hidden) / hidden.size


def table(title, pairs):
    print(f"{title}\n  units  density   skipping      dense   ratio")
    for units, density, skipping, dense in pairs:
        times = 1000 * np.array([[skipping(), dense()] for _ in range(ROUNDS)]).min(axis=0)
        ratio = times[0] / times[1]
        print(f"  {units:5}  {density:7.2f}  {times[0]:6.1f} ms  {times[1]:6.1f} ms  {ratio:6.2f}")


def input_pairs():
    rng = np.random.default_rng(1)
    for units, density in product(UNITS, (0.2, 0.3, 0.4, 0.5, 0.6)):
        X = rng.random((SAMPLES, 784), np.float32) * (rng.random((SAMPLES, 784)) < density)
        made = []
        for prepared.CROSSOVER in (np.inf, -1.0):
            made.append(training((784, units, 10), X)[0])
        yield units, density, *made


def hidden_pairs():
    X = np.random.default_rng(1).normal(size=(SAMPLES, 64)).astype(np.float32)
    pays = panel_layout._pays
    for units, bias in product(UNITS, (-0.9, -0.5, -0.25, 0.0, 0.15)):
        sizes = 64, units, units, 10
        skipping, density = training(sizes, X, bias)
        panel_layout._pays, engine_module.layout_of = (lambda row: False), panel_layout.PanelLayout
        dense, _ = training(sizes, X, bias)
        panel_layout._pays, engine_module.layout_of = pays, panel_layout.layout_of
        yield units, density, skipping, dense


if __name__ == "__main__":
    limits = ", ".join(f"{prepared.crossover(n):.2f}" for n in UNITS)
    table(f"input, 784-units-10; skipped up to {limits}", input_pairs())
    table("hidden, 64-units-units-10 (an epoch of all its products)", hidden_pairs())

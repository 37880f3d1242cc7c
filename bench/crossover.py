"""Where skipping zeros stops to pay: an epoch with zeros skipped against the dense one, by density.

``python bench/crossover.py`` prints both and their ratio for the input (`fastmlp.data.prepared.CROSSOVER`)
and for hidden layers behind ReLU (`fastmlp.kernels.passes.nonzero_lists.CROSSOVER`, above which the
kernels take the dense products by themselves). One thread; the smallest time of each, taking turns.
"""

import time
from itertools import pairwise

import numpy as np

from fastmlp.data import prepared
from fastmlp.engine import engine as engine_module
from fastmlp.engine import panel_layout
from fastmlp.engine.engine import Engine
from fastmlp.engine.optimizers import SGD

SAMPLES, ROUNDS = 6_000, 5


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
    print(f"{title}\n  density   skipping      dense   ratio")
    for density, skipping, dense in pairs:
        times = np.array([[skipping(), dense()] for _ in range(ROUNDS)]).min(axis=0)
        print(f"  {density:7.2f}  {times[0]:7.3f} s  {times[1]:7.3f} s  {times[0] / times[1]:6.2f}")


def input_pairs():
    rng = np.random.default_rng(1)
    for density in (0.2, 0.4, 0.5, 0.6, 0.7, 0.8):
        X = rng.random((SAMPLES, 784), np.float32) * (rng.random((SAMPLES, 784)) < density)
        made = []
        for prepared.CROSSOVER in (2.0, -1.0):
            made.append(training((784, 512, 10), X)[0])
        yield density, *made


def hidden_pairs():
    X = np.random.default_rng(1).normal(size=(SAMPLES, 64)).astype(np.float32)
    pays = panel_layout._pays
    for bias in (-0.9, -0.5, -0.25, 0.0, 0.15):
        skipping, density = training((64, 512, 512, 10), X, bias)
        panel_layout._pays, engine_module.layout_of = (lambda row: False), panel_layout.PanelLayout
        dense, _ = training((64, 512, 512, 10), X, bias)
        panel_layout._pays, engine_module.layout_of = pays, panel_layout.layout_of
        yield density, skipping, dense


if __name__ == "__main__":
    limit = prepared.CROSSOVER
    table(f"input, 784-512-10; skipped up to {limit}", input_pairs())
    prepared.CROSSOVER = limit
    table("hidden, 64-512-512-10 (an epoch of all its products)", hidden_pairs())

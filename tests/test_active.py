"""Zeros of hidden layers: skipping them changes no bit, whatever their number."""

import numpy as np
import pytest
from problems import OPTIMIZERS, Problem, assert_same, dtypes, optimizers

from fastmlp.data.batch_plan import read_records
from fastmlp.engine import engine as engine_module
from fastmlp.engine import panel_layout
from fastmlp.kernels.abi import (
    BLOCK_PANELS,
    EDGES_AT,
    FEEDS,
    HIDDEN,
    LANES,
    PANELS,
    RETURNS,
    UNITS,
)

pytestmark = pytest.mark.slow

# Panels of full, half and quarter width in either dtype, cut and whole.
SIZES = (37, 200, 96, 33, 130, 3)


@pytest.fixture
def dense(monkeypatch):
    """A context in which no layer's zeros are skipped."""

    def enter(patch):
        patch.setattr(panel_layout, "_pays", lambda row: False)
        patch.setattr(engine_module, "layout_of", panel_layout.PanelLayout)

    return enter


def problem_of(bias, sizes=SIZES, **how):
    problem = Problem(sizes, **how)
    problem.intercepts = [b + np.float32(bias) for b in problem.intercepts]
    return problem


@dtypes
@pytest.mark.parametrize("bias", [-9.0, -0.7, 0.0, 2.0], ids=["dead", "few", "half", "most"])
@optimizers
def test_skipping_changes_no_bit(optimizer, bias, dtype, monkeypatch, dense):
    problem = problem_of(bias)
    for how in ({}, {"alpha": 0.1, "sample_weight": problem.weight}):
        with monkeypatch.context() as patch:
            dense(patch)
            expected = problem.train(optimizer, dtype=dtype, how=how)
        for n_threads in (1, 2, 3, 5):
            assert_same(
                problem.train(optimizer, dtype=dtype, n_threads=n_threads, how=how), expected
            )


@pytest.mark.parametrize("batch_size", [1, 2, 7, 150])
def test_batch_sizes(batch_size, monkeypatch, dense):
    problem = problem_of(0.0)
    with monkeypatch.context() as patch:
        dense(patch)
        expected = problem.train(batch_size=batch_size)
    assert_same(problem.train(batch_size=batch_size, n_threads=2), expected)


@dtypes
@optimizers
def test_follows_the_reference(optimizer, dtype):
    problem = problem_of(-0.2, (37, 140, 70, 3))
    found, _ = problem.train(optimizer, dtype=dtype, n_threads=2)
    expected, _, _ = problem.reference(optimizer)
    limit = 2e-4 if dtype == np.float32 else 1e-11
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=limit)


@pytest.mark.parametrize("activation", ["tanh", "logistic", "identity"])
def test_other_activations_are_dense(activation):
    table = problem_of(0.0).engine(activation=activation).network_for(8, 1).layers
    assert not table[:, [FEEDS, RETURNS]].any()


@dtypes
def test_predictions_skip_too(dtype, monkeypatch, dense):
    problem = problem_of(0.0, n=300)
    with monkeypatch.context() as patch:
        dense(patch)
        engine = problem.engine(dtype)
        expected = engine.predict(engine.open(problem.X, reuse=False))
    for n_threads in (1, 2, 3):
        engine = problem.engine(dtype, n_threads)
        found = engine.predict(engine.open(problem.X, reuse=False))
        np.testing.assert_array_equal(found, expected)


@dtypes
@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_lists(n_threads, dtype):
    """After an epoch of one batch the lists are those of its activations and deltas."""
    problem = problem_of(-0.7)  # so few non-zeros that lists of them pay
    engine = problem.engine(dtype, n_threads)
    make, _, rate = OPTIMIZERS["sgd"]
    engine.train_epoch(
        engine.open(problem.X), problem.labels, problem.orders[0], batch_size=150, optimizer=make(),
        learning_rate=rate,
    )  # fmt: skip
    net = engine._network
    m = net.batch_size
    feeding = [l for l in range(net.n_layers) if net.layers[l, FEEDS]]
    returning = [l for l in range(net.n_layers) if net.layers[l, RETURNS]]
    assert feeding
    assert returning
    for l in feeding:
        hidden = _units(net.hidden, net.layers[l], m)
        for j in range(hidden.shape[1]):
            rows = np.flatnonzero(hidden[:, j])
            slot = net.layers[l, HIDDEN] + j * m
            assert net.count[net.layers[l, UNITS] + j] == len(rows)
            samples, values = read_records(net.records, slot, slot + len(rows))
            np.testing.assert_array_equal(samples, rows)
            np.testing.assert_array_equal(values, hidden[rows, j])
    for l in returning:
        delta = _units(net.delta, net.layers[l], m)
        width = net.layers[l, BLOCK_PANELS] * net.layers[l, LANES]
        n_blocks = -(-delta.shape[1] // width)
        for i in range(m):
            edges = net.edges[net.layers[l, EDGES_AT] + i * (n_blocks + 1) :][: n_blocks + 1]
            units = np.flatnonzero(delta[i])
            np.testing.assert_array_equal(net.index[edges[0] : edges[-1]], units)
            np.testing.assert_array_equal(net.value[edges[0] : edges[-1]], delta[i, units])
            np.testing.assert_array_equal(
                np.diff(edges), np.histogram(units, np.arange(n_blocks + 1) * width)[0]
            )


def _units(flat, row, m):
    """A layer's outputs (m, padded units) from its panels."""
    lanes, panels = row[LANES], row[PANELS]
    return (
        flat[row[HIDDEN] :][: panels * m * lanes]
        .reshape(panels, m, lanes)
        .transpose(1, 0, 2)
        .reshape(m, -1)
    )

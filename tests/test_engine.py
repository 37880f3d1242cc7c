"""Whole passes: the same bits from every team and storage, and the reference's weights."""

import itertools
import threading
import time

import numpy as np
import pytest
import reference
from numpy.testing import assert_array_equal
from problems import OPTIMIZERS, Problem, assert_same, dtypes, optimizers
from scipy import sparse

from fastmlp import MLPClassifier
from fastmlp.data import prepared
from fastmlp.data import source as data_module
from fastmlp.engine import training_pass, work
from fastmlp.engine.optimizers import Adam
from fastmlp.engine.small_predict import FewPredictor
from fastmlp.kernels.abi import FAN_IN, FAN_OUT
from fastmlp.kernels.primitives.dense_products import FEW_SAMPLES

pytestmark = pytest.mark.slow


@pytest.fixture
def tiny_chunks(monkeypatch):
    """One batch to a chunk."""
    monkeypatch.setattr(work, "CHUNK_FLOPS", 1)


# --- the same bits ------------------------------------------------------------------------------


@dtypes
@optimizers
def test_threads_storage_and_chunks_change_nothing(optimizer, dtype, monkeypatch):
    problem = Problem()  # the last batch has 22 samples
    csr = sparse.csr_array(problem.X.astype(dtype))
    shuffled = csr.copy()
    for start, stop in itertools.pairwise(shuffled.indptr):
        shuffled.indices[start:stop] = shuffled.indices[start:stop][::-1].copy()
        shuffled.data[start:stop] = shuffled.data[start:stop][::-1].copy()
    shuffled.has_sorted_indices = False
    for alpha, weight in ((0.0, None), (0.1, problem.weight)):
        how = {"alpha": alpha, "sample_weight": weight}
        expected = problem.train(optimizer, dtype=dtype, how=how)
        assert [result.n_updates for result in expected[1]] == [5, 5]
        assert not np.array_equal(expected[0][0], problem.coefs[0])
        for n_threads in (2, 3, 5):
            found = problem.train(optimizer, dtype=dtype, n_threads=n_threads, how=how)
            assert_same(found, expected)
        for X in (csr, shuffled, problem.X.astype(float), np.asfortranarray(problem.X)):
            assert_same(problem.train(optimizer, X, dtype=dtype, n_threads=2, how=how), expected)
        with monkeypatch.context() as patch:
            patch.setattr(work, "CHUNK_FLOPS", 1)
            patch.setattr(prepared, "BLOCK_FEATURES", 7)
            patch.setattr(prepared, "BLOCK_ENTRIES", 1)
            assert_same(problem.train(optimizer, dtype=dtype, n_threads=2, how=how), expected)


@dtypes
@pytest.mark.parametrize(("n_features", "units"), [(1, 40), (5, 57), (61, 100), (9, 17)])
def test_gradients_of_many_samples_in_a_batch(n_features, units, dtype, monkeypatch):
    """Dense ones are summed up in blocks of samples: the same chains as of the non-zeros, whatever the team."""
    problem = Problem(sizes=(n_features, units, 3), n=FEW_SAMPLES + 300, density=0.5)
    how = {"batch_size": FEW_SAMPLES + 200, "how": {"alpha": 0.1}}
    results = []
    for crossover in (-1.0, np.inf):
        monkeypatch.setattr(prepared, "CROSSOVER", crossover)
        results += [problem.train("adam", dtype=dtype, n_threads=n, **how) for n in (1, 2)]
    for other in results[1:]:
        assert_same(other, results[0])
    wanted, losses, _ = problem.reference("adam", **how)
    for found, weights in zip(results[0][0], wanted, strict=True):
        limit = 1e-4 if dtype == np.float32 else 1e-10
        np.testing.assert_allclose(found, weights, rtol=0, atol=limit)
    np.testing.assert_allclose([result.loss for result in results[0][1]], losses, rtol=1e-4)


@dtypes
@pytest.mark.parametrize("density", [0.2, 0.9])
@optimizers
def test_both_sides_of_the_crossover(optimizer, density, dtype, monkeypatch):
    problem = Problem(density=density)
    for alpha in (0.0, 0.1):
        results = []
        for crossover in (-1.0, np.inf):
            monkeypatch.setattr(prepared, "CROSSOVER", crossover)
            how = {"alpha": alpha}
            one, *others = (
                problem.train(optimizer, X, dtype=dtype, n_threads=n, how=how)
                for n, X in ((1, None), (2, None), (3, None), (2, sparse.csr_array(problem.X)))
            )
            for other in others:
                assert_same(other, one)
            results.append(one)
        if alpha > 0 or optimizer == "adam":  # no row is left out
            assert_same(*results)
        else:
            for a, b in zip(results[0][0], results[1][0], strict=True):
                limit = 1e-3 if dtype == np.float32 else 1e-11
                np.testing.assert_allclose(a, b, rtol=0, atol=limit)


@dtypes
@pytest.mark.parametrize("output", ["softmax", "logistic"])
@pytest.mark.parametrize("activation", reference.ACTIVATION)
@pytest.mark.parametrize("hidden", [(), (1,), (200,), (40, 130, 20, 5, 66), (100, 49)], ids=str)
@pytest.mark.parametrize("density", [0.2, 0.9])
def test_any_depth_with_any_team(hidden, density, activation, output, dtype):
    sizes = (33, *hidden, 3 if output == "softmax" else 1)
    problem = Problem(sizes, density=density, output=output, n=75)
    expected = problem.train(dtype=dtype, activation=activation)
    for n_threads in (2, 3, 5):
        found = problem.train(dtype=dtype, activation=activation, n_threads=n_threads)
        assert_same(found, expected)
    plain = problem.reference("rmsprop", activation=activation)
    limit = 1e-9 if dtype == np.float64 else 2e-2
    for a, b in zip(expected[0], plain[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=limit)


@dtypes
@pytest.mark.parametrize("activation", reference.ACTIVATION)
@pytest.mark.parametrize("density", [0.2, 1.0])
def test_lanes_without_a_unit_stay_zero(activation, density, dtype):
    """Their weights would count in the penalty; dense products leave their outputs out."""
    problem = Problem((33, 100, 36, 17, 3), density=density)
    engine, optimizer = problem.engine(dtype=dtype, activation=activation), Adam()
    data = engine.open(problem.X)
    for order, batch_size in zip((*problem.orders, problem.orders[0]), (32, 7, 600), strict=True):
        engine.train_epoch(
            data, problem.labels, order, batch_size=batch_size, optimizer=optimizer,
            learning_rate=0.01, alpha=0.1,
        )  # fmt: skip
    layout = engine.layout
    for flat in (engine.params, *optimizer.state.values()):
        for row in layout.layers:
            weight, bias = layout._views(flat, row)
            units = row[FAN_OUT]
            assert weight.transpose(1, 0, 2).reshape(row[FAN_IN], -1)[:, :units].any()
            assert not weight.transpose(1, 0, 2).reshape(row[FAN_IN], -1)[:, units:].any()
            assert not bias[units:].any()


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("optimizer", ["rmsprop", "rmsprop, momentum", "sgd, Nesterov", "adam"])
def test_wide_sparse(optimizer, index):
    problem = Problem((5000, 40, 3), n=80, density=0.002)
    X = sparse.csr_matrix(problem.X)
    X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
    expected = problem.train(optimizer, X, dtype=np.float64)
    for n_threads in (2, 3):
        found = problem.train(optimizer, X, dtype=np.float64, n_threads=n_threads)
        assert_same(found, expected)
    assert_same(problem.train(optimizer, dtype=np.float64, n_threads=2), expected)
    plain = problem.reference(optimizer)
    for a, b in zip(expected[0], plain[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-10)


@pytest.mark.parametrize("batch_size", [1, 7, 150, 1000])
def test_batch_sizes(batch_size):
    problem = Problem()
    expected = problem.train(dtype=np.float64, batch_size=batch_size)
    assert_same(problem.train(dtype=np.float64, batch_size=batch_size, n_threads=3), expected)
    plain, losses, accuracies = problem.reference("rmsprop", batch_size=batch_size)
    for a, b in zip(expected[0], plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-9)
    assert [result.loss for result in expected[1]] == pytest.approx(losses, rel=1e-9)
    assert [result.score for result in expected[1]] == pytest.approx(accuracies)


# --- predictions ----------------------------------------------------------------------------------


@dtypes
@pytest.mark.parametrize("output", ["softmax", "logistic"])
@pytest.mark.parametrize("hidden", [(), (70, 9), (130,)], ids=str)
@pytest.mark.parametrize("density", [0.0, 0.3, 0.9])
def test_a_prediction_is_the_sample_s_alone(hidden, density, output, dtype):
    problem = Problem((37, *hidden, 3), n=300, density=density, output=output)
    engine = problem.engine(dtype)
    expected = engine.predict(engine.open(problem.X))
    plain = reference.predict(problem.X.astype(float), problem.coefs, problem.intercepts,
                              output=output)  # fmt: skip
    eps = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(expected, plain, rtol=0, atol=40 * eps)
    rows = problem.orders[0]
    for n_threads, X in itertools.product((1, 2, 5), (problem.X, sparse.csr_array(problem.X))):
        engine = problem.engine(dtype, n_threads)
        data = engine.open(X, reuse=False)
        np.testing.assert_array_equal(engine.predict(data), expected)
        np.testing.assert_array_equal(engine.predict(data, rows), expected[rows])
        np.testing.assert_array_equal(engine.predict(data, rows[:17]), expected[rows[:17]])
    for i in range(0, 300, 37):
        alone = engine.predict(engine.open(problem.X[i : i + 1], reuse=False))
        np.testing.assert_array_equal(alone, expected[i : i + 1])


@dtypes
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("hidden", [(), (70, 9), (130,)], ids=str)
def test_a_few_predictions_are_those_of_many(hidden, order, dtype):
    problem = Problem((37, *hidden, 3), density=0.3)
    engine = problem.engine(dtype)
    coefs, intercepts = engine.get_parameters()
    given = [np.asarray(w, order=order) for w in coefs], intercepts
    expected = engine.predict(engine.open(problem.X))
    few = FewPredictor(problem.sizes, activation="relu", loss="softmax_cross_entropy", dtype=dtype)
    for n, X in itertools.product((1, 7, 30), (problem.X, sparse.csr_array(problem.X))):
        np.testing.assert_array_equal(
            few.predict(few.engine.open(X[:n], reuse=False), *given), expected[:n]
        )


@dtypes
@pytest.mark.parametrize("output", ["softmax", "logistic"])
def test_evaluate(output, dtype):
    problem = Problem(output=output)
    engine = problem.engine(dtype, 2)
    data, rows = engine.open(problem.X), problem.orders[0][:50]
    for chosen, weight in itertools.product((None, rows), (None, problem.weight)):
        found = engine.evaluate(data, problem.labels, chosen, weight)
        part = slice(None) if chosen is None else chosen
        expected = reference.evaluate(
            problem.X[part].astype(float), problem.labels[part], problem.coefs,
            problem.intercepts, output=output,
            sample_weight=None if weight is None else weight[part],
        )  # fmt: skip
        assert found == pytest.approx(expected, rel=1e-5 if dtype == np.float32 else 1e-12)


# --- the reference's trajectories -----------------------------------------------------------------


@dtypes
@pytest.mark.parametrize("density", [0.02, 0.3, 1.0])
@pytest.mark.parametrize("penalised", [False, True])
@optimizers
def test_follows_the_reference(optimizer, penalised, density, dtype):
    """The reference updates every row in every step; at density 0.02 most rows are untouched."""
    problem = Problem((61, 20, 3), density=density, n=140)
    how = {"alpha": 0.5} if penalised else {}
    found, results = problem.train(
        optimizer, dtype=dtype, activation="tanh", batch_size=10, how=how
    )
    plain, losses, accuracies = problem.reference(
        optimizer, activation="tanh", batch_size=10, how=how
    )
    for a, b in zip(found, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-3 if dtype == np.float32 else 1e-10)
    rel = 1e-3 if dtype == np.float32 else 1e-10
    assert [result.loss for result in results] == pytest.approx(losses, rel=rel)
    assert [result.score for result in results] == pytest.approx(accuracies, abs=0.01)


@optimizers
def test_sample_weights_follow_the_reference(optimizer):
    problem = Problem()
    for alpha in (0.0, 0.2):
        how = {"sample_weight": problem.weight, "alpha": alpha}
        found, results = problem.train(optimizer, dtype=np.float64, how=how)
        plain, losses, accuracies = problem.reference(optimizer, how=how)
        for a, b in zip(found, plain, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-10)
        assert [result.loss for result in results] == pytest.approx(losses, rel=1e-10)
        assert [result.score for result in results] == pytest.approx(accuracies, rel=1e-10)


@optimizers
@pytest.mark.parametrize("alpha", [0.0, 0.2])
def test_a_batch_without_weight_makes_no_update(optimizer, alpha):
    """It is as if its samples were not there."""
    problem = Problem(density=0.05, n=160)
    order = problem.orders[0]
    problem.weight[order[32:64]] = 0.0  # the second batch
    problem.weight[order[70:75]] = 0.0  # and a few of the third
    how = {"sample_weight": problem.weight, "alpha": alpha}
    rest = np.delete(order, np.s_[32:64])
    expected, (result,) = problem.train(optimizer, orders=[rest], dtype=np.float64, how=how)
    assert result.n_updates == 4
    for n_threads in (1, 2):
        found, (other,) = problem.train(
            optimizer, orders=[order], dtype=np.float64, n_threads=n_threads, how=how
        )
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_array_equal(a, b)
        assert other.n_updates == 4
        assert other == pytest.approx(result, rel=1e-12)


@optimizers
@pytest.mark.parametrize("density", [0.1, 0.9])
def test_a_batch_that_begins_ahead_is_the_same(optimizer, density, monkeypatch):
    """Right after the update before, but not across chunks, nor after a batch without weight."""
    problem = Problem(
        (37, 256, 70, 3), n=280, density=density
    )  # four panels, two parts for two threads
    problem.weight[problem.orders[0][64:96]] = 0.0
    how = {"sample_weight": problem.weight}
    expected = problem.train(optimizer, how=how)
    for n_threads in (2, 3, 4, 7):
        assert_same(problem.train(optimizer, n_threads=n_threads, how=how), expected)
    monkeypatch.setattr(work, "CHUNK_FLOPS", 1)
    for n_threads in (1, 2):
        assert_same(problem.train(optimizer, n_threads=n_threads, how=how), expected)


def test_parameters_come_back_as_they_went_in():
    for dtype, hidden in itertools.product((np.float32, np.float64), ((), (1, 64, 17), (200, 33))):
        problem = Problem((5, *hidden, 2))
        coefs, intercepts = problem.engine(dtype).get_parameters()
        given = problem.coefs + problem.intercepts
        for found, expected in zip(coefs + intercepts, given, strict=True):
            assert found.dtype == dtype
            assert found.flags.c_contiguous
            assert found.flags.writeable
            np.testing.assert_array_equal(found, expected)


# --- ends that come early -----------------------------------------------------------------------


@pytest.mark.usefixtures("tiny_chunks")
@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
@pytest.mark.parametrize("n_threads", [1, 2, 3])
@optimizers
def test_interrupted_epoch(optimizer, n_threads, error):
    """It leaves what training on the batches so far does, rows left out for a while settled."""
    problem = Problem((61, 20, 3), density=0.02)
    make, _, rate = OPTIMIZERS[optimizer]

    def stop(samples_done):
        if samples_done >= 30:
            raise error

    engine, used = problem.engine(np.float64, n_threads), make()
    data = engine.open(problem.X)
    arguments = {"batch_size": 10, "optimizer": used, "learning_rate": rate}
    with pytest.raises(error):
        engine.train_epoch(data, problem.labels, problem.orders[0], progress=stop, **arguments)
    assert used.n_updates == 3
    expected, _ = problem.train(
        optimizer, orders=[problem.orders[0][:30]], dtype=np.float64, batch_size=10
    )
    coefs, intercepts = engine.get_parameters()
    for a, b in zip(coefs + intercepts, expected, strict=True):
        np.testing.assert_array_equal(a, b)

    # And it goes on from there.
    engine.train_epoch(data, problem.labels, problem.orders[1], **arguments)
    orders = [problem.orders[0][:30], problem.orders[1]]
    expected, _ = problem.train(optimizer, orders=orders, dtype=np.float64, batch_size=10)
    coefs, intercepts = engine.get_parameters()
    for a, b in zip(coefs + intercepts, expected, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.usefixtures("tiny_chunks")
@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("optimizer", ["rmsprop, momentum", "adam"])
def test_ctrl_c_in_compiled_code(optimizer, n_threads, monkeypatch):
    """Python raises it as soon as the chunk is done, before it has even seen the result."""
    problem = Problem((61, 20, 3), density=0.02)
    expected, _ = problem.train(
        optimizer, orders=[problem.orders[0][:30]], dtype=np.float64, batch_size=10
    )
    make, _, rate = OPTIMIZERS[optimizer]
    main, calls = threading.main_thread(), []

    def interrupted(*key):
        train = entry(*key)

        def call(block):
            result = train(block)
            if threading.current_thread() is main:
                calls.append(result)
                if len(calls) == 3:
                    raise KeyboardInterrupt
            return result

        return call

    entry = training_pass.entry
    monkeypatch.setattr(training_pass, "entry", interrupted)
    engine, used = problem.engine(np.float64, n_threads), make()
    with pytest.raises(KeyboardInterrupt):
        engine.train_epoch(
            engine.open(problem.X), problem.labels, problem.orders[0], batch_size=10,
            optimizer=used, learning_rate=rate,
        )  # fmt: skip
    assert used.n_updates == 3
    coefs, intercepts = engine.get_parameters()
    for a, b in zip(coefs + intercepts, expected, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.usefixtures("tiny_chunks")
@pytest.mark.parametrize("n_threads", [1, 2])
def test_progress_counts_samples(n_threads):
    problem, done = Problem(n=35), []
    problem.train(orders=[problem.orders[0]], batch_size=10, n_threads=n_threads,
                  how={"progress": done.append})  # fmt: skip
    assert done == [10, 20, 30, 35]


def test_one_thread_does_it_when_no_other_can_be_had(monkeypatch):
    problem = Problem()
    expected = problem.train()

    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", refuse)
    assert_same(problem.train(n_threads=3), expected)


def test_predictions_where_a_third_thread_is_refused(monkeypatch):
    """The second thread has begun by then; no chunk may be lost between it and the one that goes on alone."""
    rng = np.random.default_rng(0)
    X = rng.random((20_000, 40), dtype=np.float32)
    model = MLPClassifier((50,), max_iter=1, random_state=0).fit(X[:200], np.arange(200) % 3)
    expected = model.set_params(n_threads=1).predict_proba(X)
    prepare, start, refused, begun = (
        data_module.Data.prepare,
        threading.Thread.start,
        [],
        threading.Event(),
    )

    def slowly(self, *arguments):
        begun.set()
        time.sleep(0.002)
        prepare(self, *arguments)

    def refuse_the_second(self):
        if self.name == "fastmlp-2" and begun.wait(1):  # the team that opens X prepares nothing
            refused.append(self)
            raise RuntimeError("can't start new thread")
        start(self)

    monkeypatch.setattr(data_module.Data, "prepare", slowly)
    monkeypatch.setattr(threading.Thread, "start", refuse_the_second)
    assert_array_equal(model.set_params(n_threads=3).predict_proba(X), expected)
    assert len(refused) == 1

"""What a fit prepares once changes no bit: epochs that share it, few threads, small predictions."""

import signal

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from problems import OPTIMIZERS, Problem
from scipy import sparse
from trained import assert_same_training

from fastmlp import MLPClassifier
from fastmlp.data.source import SparseData
from fastmlp.engine.engine import Engine
from fastmlp.engine.small_predict import FEW, FEW_OF_A_SMALL_NETWORK, are_few
from fastmlp.engine.training_pass import TrainingPass
from fastmlp.training import seeding


def train(
    problem, optimizer, orders, rates, *, shared, X=None, how=None, disturb=None, together=()
):
    """Results and parameters after epochs that share their preparation, or not.

    `together` are numbers of epochs: those of the first pass, of the second one and so on, in the place of single ones.
    """
    make, _, rate = OPTIMIZERS[optimizer]
    engine, optimizer, how = problem.engine(np.float64), make(), how or {}
    data = engine.open(problem.X if X is None else X)
    arguments = {"batch_size": 32, "optimizer": optimizer, **how}
    epochs = TrainingPass(engine, data, problem.labels, **arguments)
    results = []
    for n_epochs in together:
        first = len(results)
        n_batches = -(-len(orders[first]) // 32)
        factors = np.repeat(rates[first : first + n_epochs], n_batches)
        results += epochs.run(np.stack(orders[first : first + n_epochs]), rate * factors)
    for number, (order, factor) in enumerate(zip(orders, rates, strict=True)):
        if together:
            break
        if disturb is not None:
            disturb(number, engine, optimizer)
        if shared:
            results.append(epochs.epoch(order, rate * factor))
        else:
            results.append(
                engine.train_epoch(
                    data, problem.labels, order, learning_rate=rate * factor, **arguments
                )
            )
    coefs, intercepts = engine.get_parameters()
    return results, coefs + intercepts, optimizer


def check(problem, optimizer, orders, *, together=(), **how):
    rates = np.linspace(1, 0.5, len(orders))
    found = train(problem, optimizer, orders, rates, shared=True, together=together, **how)
    wanted = train(problem, optimizer, orders, rates, shared=False, **how)
    assert found[0] == wanted[0]
    for one, other in zip(found[1], wanted[1], strict=True):
        assert_array_equal(one, other, strict=True)
    for name, state in wanted[2].state.items():
        assert_array_equal(found[2].state[name], state)
    assert found[2].n_updates == wanted[2].n_updates


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("density", [0.05, 0.9])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_epochs_of_one_pass_are_single_epochs(optimizer, density, weighted):
    problem = Problem(density=density)
    rng = np.random.default_rng(1)
    n = len(problem.X)
    # Another number of samples in between; the same array again, which must not be written to.
    orders = [*(rng.permutation(n) for _ in range(3)), rng.permutation(n)[:70], np.arange(n)]
    orders.append(orders[0])
    before = [order.copy() for order in orders]
    how = {"alpha": 0.0}
    if weighted:
        weight = problem.weight.copy()
        weight[rng.permutation(n)[:60]] = 0
        how = {"sample_weight": weight, "alpha": 0.1}
    check(problem, optimizer, orders, how=how)
    for order, same in zip(orders, before, strict=True):
        assert_array_equal(order, same)


def test_batches_without_weight_come_and_go():
    """Their number differs from epoch to epoch, and with it that of the updates."""
    problem = Problem(density=0.05)
    n = len(problem.X)
    weight = np.zeros(n)
    weight[:40] = 1
    rng = np.random.default_rng(0)
    orders = [np.arange(n), rng.permutation(n), np.arange(n)[::-1].copy()]
    for optimizer in ("rmsprop, momentum", "adam", "sgd, Nesterov"):
        check(problem, optimizer, orders, how={"sample_weight": weight})


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("density", [0.05, 0.9])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_several_epochs_as_one_pass_are_single_epochs(optimizer, density, weighted):
    """With a shorter last batch in each; lazy rows catch up where each ends."""
    problem = Problem(density=density)
    rng = np.random.default_rng(1)
    n = len(problem.X) - 5
    orders = [rng.permutation(n) for _ in range(7)]
    how = {"alpha": 0.0}
    if weighted:
        weight = problem.weight.copy()
        weight[rng.permutation(n)[:60]] = 0
        how = {"sample_weight": weight, "alpha": 0.1}
    check(problem, optimizer, orders, how=how, together=(3, 3, 1))


def test_several_epochs_with_batches_without_weight():
    problem = Problem(density=0.05)
    n = len(problem.X)
    weight = np.zeros(n)
    weight[:40] = 1
    orders = [np.random.default_rng(s).permutation(n) for s in range(4)]
    for optimizer in ("rmsprop, momentum", "adam"):
        check(problem, optimizer, orders, how={"sample_weight": weight}, together=(4,))


FITS = {
    "rmsprop": {},
    "rmsprop, momentum": {"momentum": 0.9, "alpha": 0.01},
    "adam, float64": {"solver": "adam", "dtype": "float64", "batch_size": 32},
    "sgd": {"solver": "sgd", "momentum": 0.9, "nesterovs_momentum": True},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling"},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.1, "n_iter_no_change": 2},
    "one_cycle": {"learning_rate": "one_cycle"},
    "callable": {"learning_rate": lambda progress: 1 - progress / 2},
    "stops": {"tol": 0.05, "n_iter_no_change": 3},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 3},
    "decay": {"weight_decay": 0.1},
    "dropout": {"dropout": 0.2},
    "averaged": {"average": 0.9, "batch_size": 32},
    "averaged, momentum": {"average": 0.97, "batch_size": 8, "momentum": 0.5},
    "averaged, one update in many": {"average": 0.9, "batch_size": 1, "max_iter": 3},
    "unshuffled": {"shuffle": False},
    "two threads": {"n_threads": 2},
}


@pytest.mark.slow
@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("name", FITS)
def test_fits_whose_epochs_run_together(name, zeros, monkeypatch):
    """However many epochs run as one pass, the fit is the same."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 6)) * (rng.random((90, 6)) < (0.3 if zeros else 1))
    y = (X[:, 0] > X[:, 1]).astype(int)
    fits = []
    for together in (1, 64, 5):
        monkeypatch.setattr("fastmlp.engine.work.MOST_EPOCHS", together)
        how = {"hidden_layer_sizes": (12,), "max_iter": 33, "random_state": 3} | FITS[name]
        fits.append(MLPClassifier(**how).fit(X, y, sample_weight=np.linspace(0, 2, 90)))
        fits[-1].set_params(warm_start=True).fit(X, y)
    for other in fits[1:]:
        assert_same_training(other, fits[0])
        assert other.history_["learning_rate"] == fits[0].history_["learning_rate"]


def test_ctrl_c_between_two_epochs_of_a_pass(monkeypatch):
    """Whole epochs are noted."""
    chunks, fill = [], SparseData._fill

    def interrupted(self, *args):
        chunks.append(0)
        if len(chunks) == 4:
            signal.raise_signal(signal.SIGINT)
        return fill(self, *args)

    monkeypatch.setattr(SparseData, "_fill", interrupted)
    how = {"hidden_layer_sizes": (5,), "random_state": 0, "n_threads": 1}
    X = np.eye(64, 20)
    y = np.arange(64) % 3
    model = MLPClassifier(**how, max_iter=20)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model.fit(X, y)
    monkeypatch.undo()
    assert model.n_iter_ in (3, 4)
    assert_same_training(model, MLPClassifier(**how, max_iter=model.n_iter_).fit(X, y))


def test_new_parameters_and_state_are_taken():
    problem = Problem()
    orders = [np.random.default_rng(s).permutation(len(problem.X)) for s in range(4)]

    def disturb(number, engine, optimizer):
        if number == 1:
            engine.set_parameters(problem.coefs, problem.intercepts)
        if number == 2:
            optimizer.state = {name: array.copy() for name, array in optimizer.state.items()}

    for optimizer in ("rmsprop, momentum", "adam"):
        check(problem, optimizer, orders, disturb=disturb)


def test_the_form_of_x():
    problem = Problem(density=0.8)  # dense batches from sparse rows, whose plans differ
    orders = [np.random.default_rng(s).permutation(len(problem.X)) for s in range(3)]
    check(problem, "rmsprop", orders, X=sparse.csr_array(problem.X))


@pytest.mark.parametrize("seed", [0, 1, 77, 2**31 - 2, 2**32 - 1])
def test_the_epochs_generators_are_numpys(seed):
    for epoch in (0, 1, 2, 63, 64, 1000, 2**32 - 1, 2**32):
        mine = seeding._epoch_generator(seed, epoch)
        theirs = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, epoch))))
        assert mine.bit_generator.state == theirs.bit_generator.state
        assert_array_equal(mine.permutation(150), theirs.permutation(150))
        assert_array_equal(mine.random(3), theirs.random(3))


def test_threads_where_there_is_work(monkeypatch):
    """None leaves the number to the work; a number is taken as it is."""
    monkeypatch.setattr("fastmlp.engine.engine.usable_threads", lambda n: 2 if n is None else n)

    def threads(sizes, n, batch_size, n_threads=None, dtype="float32", **how):
        engine = Engine(
            sizes,
            activation="relu",
            loss="softmax_cross_entropy",
            dtype=dtype,
            n_threads=n_threads,
        )
        data = engine.open(np.ones((n, sizes[0]), np.float32))
        return engine.threads_for(data, n, batch_size, **how)

    assert threads((4, 100, 3), 150, 150) == 1  # iris
    assert threads((4, 100, 3), 150, 150, n_threads=2) == 2
    assert threads((784, 512, 10), 1000, 128) == 2
    assert threads((64, 100, 10), 1797, 200) == 1  # digits
    assert threads((64, 100, 10), 2500, 200) == 1
    assert threads((64, 100, 10), 2500, 200, dtype="float64") == 2
    assert threads((100, 64, 4), 20_000, 8) == 1
    assert threads((100, 64, 4), 20_000, 64) == 2
    assert threads((100, 64, 2), 5000, 1) == 1
    assert threads((20, 32, 2), 100_000, 256) == 2
    assert threads((4, 100, 3), 50, 50, training=False) == 1


# --- predictions ------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("density", [0.1, 1.0])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_small_predictions_with_any_number_of_threads(n_classes, density):
    rng = np.random.default_rng(0)
    most = FEW_OF_A_SMALL_NETWORK
    X = rng.normal(size=(most + 1, 90)) * (rng.random((most + 1, 90)) < density)
    y = rng.integers(n_classes, size=len(X))
    model = MLPClassifier((70, 33), max_iter=2, random_state=0).fit(X, y)
    assert are_few(most, (90, 70, 33, n_classes))
    assert not are_few(most + 1, (90, 70, 33, n_classes))
    assert not are_few(FEW + 1, (90, 10_000, n_classes))
    probability, logarithm = model.predict_proba(X), model.predict_log_proba(X)
    for n_threads in (1, 2, 3, 5):
        model.set_params(n_threads=n_threads)
        for n in (1, 2, 3, 16, 17, 31, 64, 127, FEW, FEW + 1, most):
            assert_array_equal(model.predict_proba(X[:n]), probability[:n])
            assert_array_equal(model.predict_proba(sparse.csr_array(X[:n])), probability[:n])
            assert_array_equal(model.predict_log_proba(X[:n]), logarithm[:n])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_extreme_logits(n_classes, dtype):
    """Logarithms stay finite, and the probability of class 0 is not 1 - p, which would be 0."""
    X = np.linspace(-400, 400, 41)[:, None]
    model = MLPClassifier((2,), "identity", max_iter=1, random_state=0, dtype=dtype)
    model.fit(X, np.arange(41) % n_classes)
    n_outputs = model.n_outputs_
    slopes = np.array([[1.0, 0.0, -2.0][:n_outputs]])
    model.coefs_ = [np.array([[1.0, 0.0]]), np.vstack([slopes, 0 * slopes])]
    model.intercepts_ = [np.zeros(2), np.zeros(n_outputs)]
    model.coefs_, model.intercepts_ = (
        [array.astype(dtype) for array in arrays] for arrays in (model.coefs_, model.intercepts_)
    )
    logits = X * slopes
    if n_classes == 2:
        wanted = -np.logaddexp(0, np.hstack([logits, -logits]))
    else:
        wanted = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    eps = np.finfo(dtype).eps
    for rows in (slice(None), slice(0, 5), np.tile(np.arange(41), 9)):
        found = model.predict_log_proba(X[rows])
        assert np.isfinite(found).all()
        np.testing.assert_allclose(found, wanted[rows], rtol=4 * eps, atol=4 * eps)
        probability = model.predict_proba(X[rows]).astype(float)
        near = wanted[rows] > np.log(np.finfo(dtype).tiny)
        np.testing.assert_allclose(
            probability[near], np.exp(wanted[rows][near]), rtol=200 * eps
        )  # an error of eps in the exponent counts up to 100 times


def test_log_proba_of_multilabel_and_of_one_class():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5))
    many = MLPClassifier((8,), max_iter=2, random_state=0).fit(X, rng.integers(2, size=(60, 3)))
    np.testing.assert_allclose(
        many.predict_log_proba(X), np.log(many.predict_proba(X)), rtol=1e-5, atol=1e-6
    )
    with pytest.warns(UserWarning, match="one class only"):
        one = MLPClassifier((8,), max_iter=1, random_state=0).fit(X, np.zeros(60))
    assert_array_equal(one.predict_log_proba(X), np.zeros((60, 1)))
    assert_array_equal(one.predict_proba(X), np.ones((60, 1)))

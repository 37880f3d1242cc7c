"""Training follows scikit-learn's MLPRegressor, weight by weight, in float64."""

import itertools
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from parity import HIDDEN, N_FEATURES, SOLVERS, assert_same, make_data
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor as Theirs

from fastmlp import MLPRegressor

pytestmark = pytest.mark.slow

# Rates at which squared errors of some units do not diverge.
SOLVERS = {
    name: parameters
    if "learning_rate_init" not in parameters or parameters["solver"] == "adam"
    else parameters | {"learning_rate_init": parameters["learning_rate_init"] / 10}
    for name, parameters in SOLVERS.items()
}
KINDS = {
    "one target": ("squared_error", 1),
    "three targets": ("squared_error", 3),
    "Poisson": ("poisson", 1),
    "Poisson, three targets": ("poisson", 3),
}


def make_values(kind):
    """Samples, what to predict, and weights."""
    loss, n_targets = KINDS[kind]
    X, _, weight = make_data("multiclass")
    rng = np.random.default_rng(4)
    scores = X @ rng.normal(size=(N_FEATURES, n_targets)) / 2
    y = rng.poisson(np.exp(scores)) if loss == "poisson" else scores + rng.normal(size=scores.shape)
    return X, y if n_targets > 1 else y[:, 0], weight


class TheirsFrom(Theirs):
    """scikit-learn's regressor with given initial weights."""

    def start_from(self, coefs, intercepts):
        self._given = list(zip(coefs, intercepts, strict=True))
        return self

    def _init_coef(self, fan_in, fan_out, dtype):
        coef, intercept = self._given.pop(0)
        return coef.copy(), intercept.copy()


def fit_both(X, y, sample_weight, **parameters):
    """Both regressors, fitted from the same weights in the same order of samples."""
    common = {
        "hidden_layer_sizes": HIDDEN,
        "alpha": 0.0,
        "batch_size": 16,
        "shuffle": False,
        "max_iter": 10,
        "random_state": 0,
    }
    common |= parameters
    rng = np.random.default_rng(1)
    sizes = (N_FEATURES, *HIDDEN, 1 if y.ndim == 1 else y.shape[1])
    coefs = [rng.normal(size=shape) / np.sqrt(shape[0]) for shape in itertools.pairwise(sizes)]
    intercepts = [rng.normal(size=size) / 10 for size in sizes[1:]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs = TheirsFrom(**{"tol": 1e-4, **common}).start_from(coefs, intercepts)
        theirs.fit(X, y, sample_weight)
        ours = MLPRegressor(dtype="float64", **common).fit(
            X, y, sample_weight, coef_init=coefs, intercept_init=intercepts
        )
    return ours, theirs


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weighted", [False, True], ids=["", "sample_weight"])
@pytest.mark.parametrize("alpha", [0.0, 0.3], ids=["", "alpha"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_coefs_follow_scikit_learn(solver, alpha, weighted, kind):
    X, y, weight = make_values(kind)
    weight = weight if weighted else None
    loss, _ = KINDS[kind]
    for n_epochs in (1, 10):
        ours, theirs = fit_both(
            X, y, weight, loss=loss, alpha=alpha, **{**SOLVERS[solver], "max_iter": n_epochs}
        )
        assert_same(ours, theirs)
        assert ours.n_iter_ == theirs.n_iter_ == n_epochs
        assert ours.t_ == theirs.t_
        np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=1e-8)
        if solver != "lbfgs":
            np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-8)
            np.testing.assert_allclose(ours.best_loss_, theirs.best_loss_, rtol=1e-8)
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-7, atol=1e-10)
        assert ours.predict(X).shape == theirs.predict(X).shape
        for name in ("n_outputs_", "n_layers_", "out_activation_", "n_features_in_"):
            assert getattr(ours, name) == getattr(theirs, name)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_every_activation(solver, activation):
    X, y, weight = make_values("three targets")
    assert_same(*fit_both(X, y, weight, alpha=0.1, activation=activation, **SOLVERS[solver]))


@pytest.mark.parametrize("batch_size", [7, 49, 50, "auto"])
def test_short_last_batches(batch_size):
    X, y, weight = make_values("three targets")
    ours, theirs = fit_both(X, y, weight, alpha=0.1, **SOLVERS["sgd"], batch_size=batch_size)
    assert_same(ours, theirs)


@pytest.mark.parametrize("container", [sp.csr_array, sp.csr_matrix, sp.csc_array])
def test_sparse(container):
    X, y, weight = make_values("one target")
    assert_same(*fit_both(container(X), y, weight, **SOLVERS["sgd, Nesterov"]))


def test_stopping_by_tolerance_at_the_same_epoch():
    X, y, _ = make_values("one target")
    parameters = SOLVERS["adam"] | {"tol": 0.02, "n_iter_no_change": 3, "max_iter": 500}
    ours, theirs = fit_both(X, y, None, **parameters)
    assert ours.n_iter_ == theirs.n_iter_ < 500
    assert_same(ours, theirs)


def test_scores_are_scikit_learns():
    X, y, weight = make_values("three targets")
    ours, theirs = fit_both(X, y, weight, **SOLVERS["adam"])
    expected = theirs.score(X, y, weight)
    assert ours.score(X, y, weight) == pytest.approx(expected, rel=1e-8)
    assert ours.evaluate(X, y, weight)["r2"] == pytest.approx(expected, rel=1e-8)

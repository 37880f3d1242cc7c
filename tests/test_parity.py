"""Training follows scikit-learn's MLPClassifier, weight by weight, in float64."""

import itertools
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier as Theirs

from fastmlp import MLPClassifier

pytestmark = pytest.mark.slow

N_SAMPLES, N_FEATURES, HIDDEN = 50, 12, (9, 7)
SOLVERS = {
    "adam": {"solver": "adam", "learning_rate_init": 0.01, "epsilon": 1e-8},
    "adam, other betas": {
        "solver": "adam",
        "learning_rate_init": 0.01,
        "epsilon": 1e-3,
        "beta_1": 0.5,
        "beta_2": 0.9,
    },
    "sgd": {
        "solver": "sgd",
        "learning_rate_init": 0.2,
        "momentum": 0.0,
        "nesterovs_momentum": False,
    },
    "sgd, momentum": {
        "solver": "sgd",
        "learning_rate_init": 0.1,
        "momentum": 0.9,
        "nesterovs_momentum": False,
    },
    "sgd, Nesterov": {
        "solver": "sgd",
        "learning_rate_init": 0.1,
        "momentum": 0.9,
        "nesterovs_momentum": True,
    },
    "sgd, invscaling": {
        "solver": "sgd",
        "learning_rate": "invscaling",
        "learning_rate_init": 0.5,
        "power_t": 0.3,
        "momentum": 0.9,
        "nesterovs_momentum": True,
    },
    # A tolerance that is soon missed, so that the rate is cut again and again.
    "sgd, adaptive": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "learning_rate_init": 0.1,
        "momentum": 0.5,
        "nesterovs_momentum": False,
        "tol": 0.05,
        "n_iter_no_change": 1,
    },
    "lbfgs": {"solver": "lbfgs"},
}


def make_data(kind, seed=3):
    """Samples, a third of their values zero, and labels that loosely follow from them.

    With clear labels or large X the line search of L-BFGS tries points where some probability is
    below 1e-16; scikit-learn's loss is cut off there, ours is not.
    """
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N_SAMPLES, N_FEATURES)) / 2 * (rng.random((N_SAMPLES, N_FEATURES)) < 2 / 3)
    X[:, 3] = 0.0
    scores = X @ rng.normal(size=(N_FEATURES, 4)) + rng.normal(size=(N_SAMPLES, 4)) * 4
    y = {
        "binary": scores[:, 0] > 0,
        "multiclass": scores.argmax(axis=1),
        "multilabel": (scores > 0).astype(int),
    }[kind]
    return X, y, rng.uniform(0.1, 3.0, N_SAMPLES)


def draw_parameters(n_outputs, seed=1):
    rng = np.random.default_rng(seed)
    sizes = (N_FEATURES, *HIDDEN, n_outputs)
    coefs = [rng.normal(size=shape) / np.sqrt(shape[0]) for shape in itertools.pairwise(sizes)]
    return coefs, [rng.normal(size=size) / 10 for size in sizes[1:]]


class TheirsFrom(Theirs):
    """scikit-learn's classifier with given initial weights."""

    def start_from(self, coefs, intercepts):
        self._given = list(zip(coefs, intercepts, strict=True))
        return self

    def _init_coef(self, fan_in, fan_out, dtype):
        coef, intercept = self._given.pop(0)
        return coef.copy(), intercept.copy()


def fit_both(X, y, sample_weight, **parameters):
    """Both classifiers, fitted from the same weights in the same order of samples."""
    common = {
        "hidden_layer_sizes": HIDDEN,
        "alpha": 0.0,
        "batch_size": 16,
        "shuffle": False,
        "max_iter": 10,
        "random_state": 0,
    }
    common |= parameters
    n_outputs = 1 if len(np.shape(y)) == 1 and len(np.unique(y)) == 2 else 4
    coefs, intercepts = draw_parameters(n_outputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs = TheirsFrom(**{"tol": 1e-4, **common}).start_from(coefs, intercepts)
        theirs.fit(X, y, sample_weight)
        ours = MLPClassifier(dtype="float64", **common).fit(
            X, y, sample_weight, coef_init=coefs, intercept_init=intercepts
        )
    return ours, theirs


def assert_same(ours, theirs, tolerance=1e-8):
    pairs = zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True)
    for a, b in pairs:
        assert np.abs(a - b).max() <= tolerance * np.abs(b).max()


@pytest.mark.parametrize("weighted", [False, True], ids=["", "sample_weight"])
@pytest.mark.parametrize("alpha", [0.0, 0.3], ids=["", "alpha"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_coefs_follow_scikit_learn(solver, alpha, weighted):
    X, y, weight = make_data("multiclass")
    weight = weight if weighted else None
    for n_epochs in (1, 10):
        ours, theirs = fit_both(
            X, y, weight, alpha=alpha, **{**SOLVERS[solver], "max_iter": n_epochs}
        )
        assert_same(ours, theirs)
        assert ours.n_iter_ == theirs.n_iter_ == n_epochs
        assert ours.t_ == theirs.t_
        np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=1e-8)
        if solver != "lbfgs":
            np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-8)
            np.testing.assert_allclose(ours.best_loss_, theirs.best_loss_, rtol=1e-8)


@pytest.mark.parametrize("kind", ["binary", "multilabel"])
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_every_activation_and_target(solver, activation, kind):
    X, y, weight = make_data(kind)
    ours, theirs = fit_both(X, y, weight, alpha=0.1, activation=activation, **SOLVERS[solver])
    assert_same(ours, theirs)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-7)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    for name in ("n_outputs_", "n_layers_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name)


def test_adaptive_rate_is_cut_at_the_same_epochs():
    X, y, _ = make_data("multiclass")
    ours, theirs = fit_both(X, y, None, **SOLVERS["sgd, adaptive"])
    rates = ours.history_["learning_rate"]
    assert len(set(rates)) >= 3
    assert ours._state.n_rate_cuts >= 2
    assert_same(ours, theirs)


@pytest.mark.parametrize("batch_size", [7, 49, 50, "auto"])
def test_short_last_batches(batch_size):
    X, y, weight = make_data("multiclass")
    ours, theirs = fit_both(X, y, weight, alpha=0.1, **SOLVERS["sgd"], batch_size=batch_size)
    assert_same(ours, theirs)


@pytest.mark.parametrize("container", [sp.csr_array, sp.csr_matrix, sp.csc_array, sp.coo_array])
def test_sparse(container):
    X, y, weight = make_data("multiclass")
    ours, theirs = fit_both(container(X), y, weight, **SOLVERS["sgd, Nesterov"])
    assert_same(ours, theirs)


def test_no_hidden_layer():
    X, y, _ = make_data("multiclass")
    rng = np.random.default_rng(0)
    coefs, intercepts = [rng.normal(size=(N_FEATURES, 4))], [rng.normal(size=4)]
    common = {
        "hidden_layer_sizes": (),
        "shuffle": False,
        "batch_size": 16,
        "max_iter": 5,
        "solver": "sgd",
        "momentum": 0.9,
    }
    theirs = TheirsFrom(**common, nesterovs_momentum=False).start_from(coefs, intercepts)
    with pytest.warns(ConvergenceWarning):
        theirs.fit(X, y)
    ours = MLPClassifier(dtype="float64", alpha=1e-4, **common)
    ours.fit(X, y, coef_init=coefs, intercept_init=intercepts)
    assert_same(ours, theirs)


def test_stopping_by_tolerance_at_the_same_epoch():
    X, y, _ = make_data("multiclass")
    parameters = SOLVERS["adam"] | {"tol": 0.02, "n_iter_no_change": 3, "max_iter": 500}
    ours, theirs = fit_both(X, y, None, **parameters)
    assert ours.n_iter_ == theirs.n_iter_ < 500
    assert_same(ours, theirs)


def test_partial_fit_and_then_more():
    X, y, _ = make_data("multiclass")
    coefs, intercepts = draw_parameters(4)
    common = {
        "hidden_layer_sizes": HIDDEN,
        "batch_size": 16,
        "shuffle": False,
        "solver": "adam",
        "epsilon": 1e-8,
    }
    theirs = TheirsFrom(**common, alpha=0.0).start_from(coefs, intercepts)
    ours = MLPClassifier(dtype="float64", **common)
    classes = np.arange(4)
    theirs.partial_fit(X[:20], y[:20], classes=classes)
    ours.partial_fit(X[:20], y[:20], classes=classes)
    # Other initial weights: take theirs after the first call, with the optimizers' states equal
    # only from here on, so begin both optimizers anew.
    del theirs._optimizer
    ours._state.optimizer = None
    ours.coefs_ = [coef.copy() for coef in theirs.coefs_]
    ours.intercepts_ = [intercept.copy() for intercept in theirs.intercepts_]
    for rows in (slice(0, 20), slice(20, 50), slice(0, 50)):
        theirs.partial_fit(X[rows], y[rows])
        ours.partial_fit(X[rows], y[rows])
        assert_same(ours, theirs)
    assert ours.t_ == theirs.t_

"""Training follows scikit-learn's MLPClassifier, weight by weight, in float64."""

import numpy as np
import pytest
import scipy.sparse as sp
from parity import (
    HIDDEN,
    N_FEATURES,
    SOLVERS,
    TheirsFrom,
    assert_same,
    draw_parameters,
    fit_both,
    make_data,
)
from sklearn.exceptions import ConvergenceWarning

from fastmlp import MLPClassifier

pytestmark = pytest.mark.slow


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

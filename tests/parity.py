"""Data, solvers and comparisons of the tests that follow scikit-learn weight by weight."""

import itertools
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier as Theirs

from fastmlp import MLPClassifier

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

"""Fits that show whether anything around them changes their bits."""

import hashlib
import json

import numpy as np
from numpy.testing import assert_array_equal

from fastmlp import MLPClassifier
from fastmlp.engine import team

FOLDS = 2  # of a search
# More parameters than OpenBLAS leaves to one thread, rows that no batch divides, layers that no
# vector does.
SHAPE = {"hidden_layer_sizes": (100, 70), "batch_size": 32, "random_state": 5}
EARLY = {"early_stopping": True, "n_iter_no_change": 2, "max_iter": 8}
SETTINGS = {
    "rmsprop": {"solver": "rmsprop", "momentum": 0.9, "max_iter": 3},
    "adam": {"solver": "adam", "max_iter": 3},
    "sgd": {"solver": "sgd", "momentum": 0.9, "nesterovs_momentum": True, "max_iter": 3},
    "lbfgs": {"solver": "lbfgs", "max_iter": 6},
    "rmsprop-early": {"solver": "rmsprop", "momentum": 0.9, **EARLY},
    "adam-early": {"solver": "adam", **EARLY},
    "sgd-early": {"solver": "sgd", "momentum": 0.9, "nesterovs_momentum": True, **EARLY},
    "float64": {"solver": "adam", "dtype": "float64", "max_iter": 2},
}


def data(zeros):
    """300 samples of 64 features and 4 classes, with this share of zeros."""
    rng = np.random.default_rng(7)
    X = rng.standard_normal((300, 64))
    y = (X @ rng.standard_normal((64, 4))).argmax(axis=1)
    return np.where(rng.random(X.shape) < zeros, 0, X).astype(np.float32), y


def digest(name, n_threads=None):
    """What a fit comes to, every bit of it: on dense data, and on such where zeros are skipped."""
    found = hashlib.sha256()
    for zeros in (0.0, 0.9):
        X, y = data(zeros)
        model = MLPClassifier(**SHAPE | SETTINGS[name], n_threads=n_threads).fit(X, y)
        assert model.zero_skipping_ == bool(zeros)
        history = {key: list(map(float, model.history_[key])) for key in model.history_}
        history["seconds"] = len(history["seconds"])
        found.update(json.dumps([history, model.n_iter_, float(model.loss_)]).encode())
        for array in (*model.coefs_, *model.intercepts_, model.predict_proba(X)):
            found.update(array.tobytes())
    return found.hexdigest()


def digests(n_threads=None):
    """`digest` of every setting, and the number of threads that a fit would take."""
    return {name: digest(name, n_threads) for name in SETTINGS}, team.usable_threads()


def assert_same_scores(one, other):
    """All scores of two searches, of each fold and their statistics, to the last bit."""
    names = [name for name in one.cv_results_ if "score" in name and "time" not in name]
    assert len(names) == 2 * (FOLDS + 2) + 1  # of test and train: folds, mean, std; one rank
    for name in names:
        assert_array_equal(one.cv_results_[name], other.cv_results_[name], err_msg=name)

"""Searches of scikit-learn over an unchanged MLPClassifier: the same scores however they are run."""

import joblib
import numpy as np
import pytest
from fits import FOLDS, assert_same_scores
from numpy.testing import assert_array_equal
from scipy.stats import loguniform
from sklearn.exceptions import FitFailedWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    cross_validate,
    learning_curve,
    validation_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from fastmlp import MLPClassifier
from fastmlp.datasets import load_mnist

GRID = {
    "hidden_layer_sizes": [(32,), (16, 8)],
    "learning_rate_init": [1e-3, 1e-2],
    "momentum": [0.0, 0.9],
}
MODELS = {
    # As many threads as there are: one or more here, one in a worker; few batches, as on a busy
    # machine threads wait long for one another.
    "plain": {"n_threads": None, "batch_size": 60},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 1, "max_iter": 4},
    "pipeline": {},
}
# Without an activation the weights grow past all numbers; units of relu die of such a rate, and the
# model that they leave may be finite.
DIVERGING = {"solver": "sgd", "hidden_layer_sizes": (8,), "activation": "identity"}
TOO_FAST = 1e6


@pytest.fixture(scope="module")
def mnist():
    (X, y), _ = load_mnist()
    return X[:240], y[:240]


@pytest.fixture(scope="module")
def mapped(mnist, tmp_path_factory):
    """The same X as a read-only memory map."""
    file = tmp_path_factory.mktemp("data") / "X.npy"
    np.save(file, mnist[0])
    return np.load(file, mmap_mode="r")


def small(**parameters):
    defaults = {"max_iter": 3, "random_state": 0, "batch_size": 16, "n_threads": 1}
    return MLPClassifier(**defaults | parameters)


def search(kind, X, y, n_jobs=1):
    """A finished grid search over a model of this kind."""
    model, grid = small(**MODELS[kind]), GRID
    if kind == "pipeline":
        model = make_pipeline(MinMaxScaler(), model)
        grid = {f"mlpclassifier__{name}": values for name, values in GRID.items()}
    grid_search = GridSearchCV(
        model, grid, cv=FOLDS, return_train_score=True, refit=False, n_jobs=n_jobs
    )
    return grid_search.fit(X, y)


@pytest.fixture(scope="module")
def serial(mnist):
    """The searches by one job."""
    return {kind: search(kind, *mnist) for kind in MODELS}


@pytest.mark.slow
def test_the_searches_have_something_to_compare(serial):
    for kind, grid_search in serial.items():
        scores = grid_search.cv_results_["mean_test_score"]
        assert len(scores) == 8, kind
        assert len(np.unique(scores)) > 4, kind
        assert grid_search.best_score_ > 0.25, kind  # chance is 0.1


@pytest.mark.slow
@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_scores_are_the_same_with_any_backend(kind, backend, mnist, serial):
    with joblib.parallel_config(backend):
        assert_same_scores(search(kind, *mnist, n_jobs=2), serial[kind])


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_scores_are_the_same_on_all_cores(backend, mnist, serial):
    with joblib.parallel_config(backend):
        assert_same_scores(search("plain", *mnist, n_jobs=-1), serial["plain"])


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["sequential", "loky", "threading", "multiprocessing"])
def test_x_may_be_a_read_only_memory_map(backend, mapped, mnist, serial):
    with joblib.parallel_config(backend):
        assert_same_scores(search("plain", mapped, mnist[1], n_jobs=2), serial["plain"])


@pytest.mark.slow
def test_what_joblib_maps_by_itself_may_be_read_only(mnist, serial):
    """joblib hands arrays over `max_nbytes` to its workers as read-only memory maps."""
    with joblib.parallel_config("loky", max_nbytes=1000, mmap_mode="r"):
        assert_same_scores(search("plain", *mnist, n_jobs=2), serial["plain"])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_a_diverging_setting_is_reported_and_ends_nothing(backend, n_jobs, mnist):
    grid = {"learning_rate_init": [1e-3, TOO_FAST]}
    model = small(**DIVERGING)
    grid_search = GridSearchCV(model, grid, cv=FOLDS, n_jobs=n_jobs)
    failed = pytest.warns(FitFailedWarning, match=r"2 fits failed out of a total of 4")
    with joblib.parallel_config(backend), failed as told:
        grid_search.fit(*mnist)
    assert "learning_rate_init=1e+06 is too large for 'sgd'" in str(told[0].message)
    scores = grid_search.cv_results_["mean_test_score"]
    assert np.isfinite(scores[0])
    assert np.isnan(scores[1])
    assert grid_search.best_params_ == {"learning_rate_init": 1e-3}
    assert grid_search.best_estimator_.score(*mnist) > 0


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_diverging_setting_raises_if_asked_to(n_jobs, mnist):
    model = small(**DIVERGING, learning_rate_init=TOO_FAST)
    grid_search = GridSearchCV(
        model, {"momentum": [0.0, 0.9]}, cv=FOLDS, n_jobs=n_jobs, error_score="raise"
    )
    with pytest.raises(ValueError, match=r"learning_rate_init=1e\+06 is too large"):
        grid_search.fit(*mnist)


@pytest.mark.slow
def test_a_diverging_setting_gets_the_error_score(mnist):
    model = small(**DIVERGING)
    grid = {"learning_rate_init": [1e-3, TOO_FAST]}
    grid_search = GridSearchCV(model, grid, cv=FOLDS, refit=False, error_score=-1.0)
    with pytest.warns(FitFailedWarning):
        grid_search.fit(*mnist)
    assert grid_search.cv_results_["mean_test_score"][1] == -1.0
    assert grid_search.best_index_ == 0


@pytest.mark.slow
def test_randomized_search_draws_from_distributions(mnist):
    def randomized(n_jobs):
        drawn = {
            "hidden_layer_sizes": [(8,), (16,)],
            "learning_rate_init": loguniform(1e-4, 1e-1),
            "momentum": [0.0, 0.5, 0.9],
        }
        return RandomizedSearchCV(
            small(), drawn, n_iter=4, cv=FOLDS, random_state=0, n_jobs=n_jobs,
            return_train_score=True,
        ).fit(*mnist)  # fmt: skip

    one, two = randomized(1), randomized(2)
    assert len(one.cv_results_["params"]) == 4
    assert len(np.unique(one.cv_results_["mean_test_score"])) > 1
    assert one.cv_results_["params"] == two.cv_results_["params"]
    assert_same_scores(one, two)
    for a, b in zip(one.best_estimator_.coefs_, two.best_estimator_.coefs_, strict=True):
        assert_array_equal(a, b)


@pytest.mark.slow
def test_halving_gives_the_survivors_more_epochs(mnist):
    halving = HalvingGridSearchCV(
        small(), {"learning_rate_init": [1e-5, 1e-4, 1e-3, 1e-2]}, resource="max_iter",
        min_resources=1, max_resources=4, factor=2, cv=FOLDS, random_state=0, n_jobs=2,
    ).fit(*mnist)  # fmt: skip
    assert halving.n_resources_ == [1, 2, 4]
    assert halving.n_candidates_ == [4, 2, 1]
    assert halving.best_params_["max_iter"] == 4
    assert halving.best_estimator_.n_iter_ == 4
    # The last round's scores are those of fits of 4 epochs.
    winner = small(**halving.best_params_)
    alone = cross_validate(winner, *mnist, cv=halving._checked_cv_orig)["test_score"]
    last = [halving.cv_results_[f"split{k}_test_score"][-1] for k in range(FOLDS)]
    assert_array_equal(alone, last)


def test_cross_validation_returns_the_models_that_it_scored(mnist):
    X, y = mnist
    found = [
        cross_validate(
            small(), X, y, cv=FOLDS, n_jobs=n, return_estimator=True, return_indices=True
        )
        for n in (1, 2)
    ]
    for result in found:
        for model, test, score in zip(
            result["estimator"], result["indices"]["test"], result["test_score"], strict=True
        ):
            assert model.score(X[test], y[test]) == score
    assert_array_equal(found[0]["test_score"], found[1]["test_score"])


def test_learning_and_validation_curves(mnist):
    for n in (1, 2):
        sizes, train, test = learning_curve(
            small(max_iter=6), *mnist, cv=FOLDS, train_sizes=[0.2, 1.0], n_jobs=n
        )
        validation = validation_curve(
            small(), *mnist, cv=FOLDS, n_jobs=n,
            param_name="hidden_layer_sizes", param_range=[(2,), (32,)],
        )  # fmt: skip
        if n == 1:
            first = train, test, *validation
    assert_array_equal(sizes, [24, 120])
    assert test[1].mean() > test[0].mean()  # more samples
    assert validation[1][1].mean() > validation[1][0].mean()  # more hidden units
    for one, other in zip(first, (train, test, *validation), strict=True):
        assert_array_equal(one, other)

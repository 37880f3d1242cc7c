"""`max_iter="auto"`: how long it trains, and the loss of a constant prediction that it goes by."""

import warnings

import numpy as np
import pytest
from scipy.special import xlogy
from sklearn.base import clone
from sklearn.datasets import (
    load_iris,
    make_blobs,
    make_circles,
    make_gaussian_quantiles,
    make_hastie_10_2,
    make_regression,
)
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss, mean_poisson_deviance, mean_squared_error
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier as ScikitLearns
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fastmlp import Checkpoint, MLPClassifier, MLPRegressor
from fastmlp.engine.losses import LOSSES
from fastmlp.training import length
from fastmlp.training.constant_loss import CONSTANT_LOSSES, constant_loss, least_loss
from fastmlp.training.context import Samples

LEAST, ENOUGH, MOST = 5, 8, 30  # epochs, as `quick` sets them
CLASSES = make_blobs(60, centers=3, n_features=5, cluster_std=0.5, random_state=0)
NUMBERS = make_regression(60, 5, noise=1.0, random_state=0)
NUMBERS = NUMBERS[0], NUMBERS[1] / NUMBERS[1].std()


@pytest.fixture
def quick(monkeypatch):
    """Fewer epochs; a batch holds all samples, so an epoch is an update."""
    monkeypatch.setattr(length, "ENOUGH_EPOCHS", {"accuracy": ENOUGH, "r2": ENOUGH})
    monkeypatch.setattr(length, "ENOUGH_UNITS", 1)
    monkeypatch.setattr(length, "AUTO_EPOCHS", LEAST)
    monkeypatch.setattr(length, "AUTO_UPDATES", MOST)


def classifier(**parameters):
    return MLPClassifier((16,), **{"random_state": 0, "learning_rate_init": 0.02} | parameters)


def regressor(**parameters):
    defaults = {"random_state": 0, "learning_rate_init": 0.02, "hidden_layer_sizes": (16,)}
    return MLPRegressor(**defaults | parameters)


CASES = [(classifier, *CLASSES), (regressor, *NUMBERS)]
CASES = [pytest.param(*case, id=case[0].__name__) for case in CASES]


@pytest.mark.usefixtures("quick")
def test_no_later_than_enough_either():
    """A loss that falls below the limit after the epoch in which it is judged ends nothing."""
    X, y = CLASSES
    model = classifier(learning_rate_init=0.0007).fit(X / 10, y, X_val=X, y_val=y)
    assert model.loss_curve_[ENOUGH - 1] > 0.9 * np.log(3) > model.loss_curve_[-2]
    assert model.n_iter_ == MOST


def test_the_least_loss_of_several_labels_is_a_sum():
    loss = LOSSES["logistic_cross_entropy"]
    assert least_loss(loss, 3, 0.3) == pytest.approx(3 * least_loss(loss, 1, 0.3))


@pytest.mark.parametrize(("n", "n_iter"), [(60, 50), (300, 50), (450, 125), (600, 200), (900, 200)])
def test_iterations_of_lbfgs(n, n_iter):
    X, y = make_blobs(n, centers=4, n_features=2, cluster_std=20.0, random_state=0)
    X = X / X.std(axis=0)
    model = MLPClassifier((16,), solver="lbfgs", dtype="float64", random_state=0)
    assert model.fit(X, y).n_iter_ == n_iter
    assert clone(model).set_params(max_iter=90).fit(X, y).n_iter_ == 90
    with pytest.warns(ConvergenceWarning):
        assert clone(model).set_params(tol=1e-9).fit(X, y).n_iter_ == 200


def test_iterations_of_lbfgs_with_weights():
    """Integers are as good as repeated samples, 0 is as none, and small weights count as samples do."""
    X, y = make_blobs(450, centers=4, n_features=2, cluster_std=20.0, random_state=0)
    X = X / X.std(axis=0)
    model = MLPClassifier((4,), solver="lbfgs", dtype="float64", random_state=0)
    first = np.arange(450) < 150
    assert model.fit(X[first], y[first], np.full(150, 3.0)).n_iter_ == 125
    assert model.fit(X, y, first * 1.0).n_iter_ == 50
    assert model.fit(X, y, np.full(450, 1e-3)).n_iter_ == 125


def test_iterations_of_lbfgs_in_a_regression():
    X, y = RNG.normal(size=(60, 3)), RNG.normal(size=60)
    model = MLPRegressor(hidden_layer_sizes=(16,), solver="lbfgs", random_state=0)
    assert model.fit(X, y).n_iter_ > 75


def same(a, b):
    pairs = zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True)
    return all(np.array_equal(x, y) for x, y in pairs)


@pytest.mark.usefixtures("quick")
class TestEnds:
    @pytest.mark.parametrize(("make", "X", "y"), CASES)
    def test_when_the_loss_is_useful(self, make, X, y):
        model = make().fit(X, y)
        assert model.n_iter_ == ENOUGH
        assert same(model, make(max_iter=ENOUGH).fit(X, y))

    @pytest.mark.parametrize(("make", "X", "y"), CASES)
    def test_no_earlier_where_the_loss_is_not(self, make, X, y):
        model = make(learning_rate_init=1e-6).fit(X, y)
        assert model.n_iter_ == MOST
        assert same(model, make(learning_rate_init=1e-6, max_iter=MOST).fit(X, y))

    def test_no_earlier_with_features_far_from_unit_scale(self):
        X, y = CLASSES
        noise = np.random.default_rng(0).normal(5e3, 1e3, (len(X), 5))
        assert classifier().fit(np.column_stack([X, noise]), y).n_iter_ == MOST

    def test_no_earlier_with_targets_far_from_unit_scale(self):
        X, y = NUMBERS
        assert regressor().fit(X, 1e4 * (y + 5)).n_iter_ == MOST

    @pytest.mark.parametrize(("make", "X", "y"), CASES)
    @pytest.mark.parametrize(
        "asked",
        [
            {"tol": 0.0, "n_iter_no_change": np.inf},
            {"early_stopping": True, "n_iter_no_change": np.inf},
            {"learning_rate": "adaptive", "n_iter_no_change": np.inf},
            {"learning_rate": "cosine"},
            {"learning_rate": "invscaling", "power_t": 0.01},
            {"solver": "adam"},
            {"solver": "sgd", "momentum": 0.9},
        ],
        ids=lambda asked: "-".join(map(str, next(iter(asked.items())))),
    )
    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    def test_no_earlier_where_another_rule_decides(self, make, X, y, asked):
        assert make(**asked).fit(X, y).n_iter_ == MOST

    def test_larger_data_have_the_least_epochs(self):
        X, y = CLASSES
        assert classifier(batch_size=2).fit(X, y).n_iter_ == LEAST

    @pytest.mark.parametrize(("make", "X", "y"), CASES)
    def test_never_where_the_user_gave_a_number(self, make, X, y):
        assert make(max_iter=ENOUGH + 5).fit(X, y).n_iter_ == ENOUGH + 5
        model, classes = make(), {"classes": [0, 1, 2]} if make is classifier else {}
        for _ in range(ENOUGH + 5):
            model.partial_fit(X, y, **classes)
        assert model.n_iter_ == ENOUGH + 5
        assert same(model, make(max_iter=ENOUGH + 5).fit(X, y))

    @pytest.mark.parametrize(("make", "X", "y"), CASES)
    def test_again_with_a_warm_start(self, make, X, y):
        model = make(warm_start=True).fit(X, y)
        assert model.n_iter_ == ENOUGH
        model.fit(X, y)
        assert model.n_iter_ == ENOUGH
        assert len(model.loss_curve_) == 2 * ENOUGH

    def test_the_number_of_threads_changes_nothing(self):
        X, y = CLASSES
        assert same(classifier(n_threads=1).fit(X, y), classifier(n_threads=2).fit(X, y))

    def test_a_checkpoint_of_the_end_is_not_trained_further(self, tmp_path):
        pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9")
        X, y = CLASSES
        model = Checkpoint(tmp_path).fit(classifier(), X, y)
        again = Checkpoint(tmp_path).fit(classifier(), X, y)
        assert again.n_iter_ == model.n_iter_ == ENOUGH
        assert same(again, model)


@pytest.mark.parametrize("smoothing", [0.05, 0.1, 0.5])
@pytest.mark.parametrize("rare", [90, 99])
def test_smoothed_labels_have_enough_as_soon(smoothing, rare):
    """Their loss is never 0: what counts is how far it is above the least one."""
    X = np.random.default_rng(0).normal(size=(400, 10))
    y = X[:, 0] > np.percentile(X[:, 0], rare)
    assert MLPClassifier(random_state=0, label_smoothing=smoothing).fit(X, y).n_iter_ == 100


@pytest.mark.parametrize("n_classes", [2, 3, 10])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_the_least_loss_is_that_of_the_smoothed_labels(n_classes, smoothing):
    target = np.full(n_classes, smoothing / n_classes)
    target[0] += 1 - smoothing
    expected = -xlogy(target, target).sum()
    loss = LOSSES["softmax_cross_entropy" if n_classes > 2 else "logistic_cross_entropy"]
    assert least_loss(loss, n_classes if n_classes > 2 else 1, smoothing) == pytest.approx(expected)
    assert least_loss(LOSSES["squared_error"], n_classes, 0.0) == 0


@pytest.mark.parametrize(
    ("hidden", "n_epochs"),
    [((512,), 100), ((1000,), 100), ((128,), 200), ((32, 128), 200), ((32,), 400), ((), 1500)],
)
def test_a_narrow_classifier_trains_longer(hidden, n_epochs):
    """1,500 updates would take the default network 15 times as long, and be no better."""
    X, y = make_blobs(110, centers=3, n_features=4, random_state=0)
    X = StandardScaler().fit_transform(X)
    assert MLPClassifier(hidden, random_state=0).fit(X, y).n_iter_ == n_epochs
    regressor = MLPRegressor(hidden_layer_sizes=hidden, random_state=0)
    assert regressor.fit(X, X[:, 0]).n_iter_ in (200, 1500)


@pytest.mark.slow
@pytest.mark.parametrize("hidden", [(32,), (64,), (100,), (64, 32)])
def test_narrow_classifiers_are_as_good_as_scikit_learns(hidden):
    sets = [
        make_gaussian_quantiles(n_samples=500, n_features=4, n_classes=3, random_state=0),
        make_hastie_10_2(1000, random_state=0),
        make_circles(300, noise=0.1, factor=0.5, random_state=0),
        load_iris(return_X_y=True),
    ]
    warnings.simplefilter("ignore", ConvergenceWarning)  # scikit-learn's
    for X, y in sets:
        ours, theirs = (
            cross_val_score(
                make_pipeline(StandardScaler(), kind(hidden, random_state=0)), X, y,
                cv=StratifiedKFold(5, shuffle=True, random_state=0),
            ).mean()
            for kind in (MLPClassifier, ScikitLearns)
        )  # fmt: skip
        assert ours > theirs - 0.02


# --- the loss of a constant prediction --------------------------------------------------------

N = 50
RNG = np.random.default_rng(0)
ANY = np.zeros((N, 1))  # features that dummies do not look at
WEIGHTS = [None, RNG.uniform(0.5, 2, N)]


def found(loss, labels, weight, rows=None, smoothing=0.0):
    n_outputs = labels.max() + 1 if loss.startswith("softmax") else labels.shape[1]
    return constant_loss(LOSSES[loss], Samples(None, labels, weight, rows), n_outputs, smoothing)


def dummy(y, weight):
    return DummyClassifier(strategy="prior").fit(ANY, y, weight).predict_proba(ANY)


def test_every_loss_has_one():
    assert CONSTANT_LOSSES.keys() == LOSSES.keys()


@pytest.mark.parametrize("weight", WEIGHTS, ids=["even", "weighted"])
class TestConstantLoss:
    def test_of_classes(self, weight):
        y = RNG.integers(0, 4, N).astype(np.int32)
        expected = log_loss(y, dummy(y, weight), sample_weight=weight)
        assert found("softmax_cross_entropy", y[:, None], weight) == pytest.approx(expected)

    def test_of_two_classes_and_of_several_labels(self, weight):
        y = (RNG.random((N, 3)) < (0.2, 0.5, 0.9)).astype(np.int32)
        each = [log_loss(column, dummy(column, weight), sample_weight=weight) for column in y.T]
        assert found("logistic_cross_entropy", y[:, :1], weight) == pytest.approx(each[0])
        assert found("logistic_cross_entropy", y, weight) == pytest.approx(sum(each))

    @pytest.mark.parametrize("n_classes", [2, 4])
    def test_of_smoothed_labels(self, weight, n_classes):
        """The loss of a fit's best constant prediction, for the targets that smoothing makes."""
        y = RNG.integers(0, n_classes, N).astype(np.int32)
        targets = 0.7 * np.eye(n_classes)[y] + 0.3 / n_classes
        constant = np.average(targets, axis=0, weights=weight)
        expected = -np.average(targets @ np.log(constant), weights=weight)
        loss = "softmax_cross_entropy" if n_classes > 2 else "logistic_cross_entropy"
        assert found(loss, y[:, None], weight, smoothing=0.3) == pytest.approx(expected)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_of_numbers(self, weight, dtype):
        y = RNG.normal(100, 3, (N, 2)).astype(dtype)
        mean = DummyRegressor().fit(ANY, y, weight).predict(ANY)
        expected = mean_squared_error(y, mean, sample_weight=weight) / 2
        assert found("squared_error", y, weight) == pytest.approx(expected, rel=1e-5)

    def test_of_counts(self, weight):
        y = RNG.poisson(1.5, (N, 2)).astype(float)
        y[:, 1] *= 10
        mean = DummyRegressor().fit(ANY, y, weight).predict(ANY)
        deviance = [
            mean_poisson_deviance(*columns, sample_weight=weight)
            for columns in zip(y.T, mean.T, strict=True)
        ]
        assert found("poisson", y, weight) == pytest.approx(sum(deviance) / 2)
        assert found("poisson", np.zeros((N, 1)), weight) == 0

    def test_of_some_rows(self, weight):
        y = RNG.normal(size=(N, 1))
        rows = np.arange(0, N, 3)
        some = None if weight is None else weight[rows]
        assert found("squared_error", y, weight, rows) == found("squared_error", y[rows], some)


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("n_targets", [1, 3])
def test_a_network_without_features_has_the_constant_loss(loss, n_targets):
    """What a fit reports is on the scale of `constant_loss`."""
    y = RNG.poisson(2.0, (N, n_targets)).astype(float)
    model = MLPRegressor(loss, (1,), solver="lbfgs", dtype="float64", max_iter=500, random_state=0)
    model = clone(model).fit(ANY, y if n_targets > 1 else y[:, 0])
    assert model.loss_ == pytest.approx(found(loss, y, None), rel=1e-4)

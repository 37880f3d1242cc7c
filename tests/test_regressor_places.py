"""MLPRegressor in the places where people put a regressor, and what each refuses before a kernel runs."""

import copy

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fastmlp import MLPRegressor

LOSSES = ("squared_error", "poisson")


def make(**parameters):
    defaults = {"hidden_layer_sizes": (8,), "learning_rate_init": 0.01, "batch_size": 50, "max_iter": 3,
                "random_state": 0}  # fmt: skip
    return MLPRegressor(**defaults | parameters)


@pytest.fixture(scope="module")
def data():
    """Features, and positive targets of three columns far from unit scale."""
    X, y = load_diabetes(return_X_y=True)
    return StandardScaler().fit_transform(X), np.column_stack([y, 1000 - y, 0.01 * y])


def same(a, b):
    return all(
        np.array_equal(x, y)
        for x, y in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True)
    )


@pytest.mark.parametrize("n_targets", [1, 3])
def test_a_transformed_target_is_one_that_was_transformed_by_hand(data, n_targets):
    X, y = data
    y = y[:, 0] if n_targets == 1 else y
    weight = np.linspace(0.5, 2, len(y))
    scaler = StandardScaler().fit(y.reshape(len(y), -1))
    model = TransformedTargetRegressor(make(), transformer=StandardScaler())
    model.fit(X, y, sample_weight=weight)
    by_hand = make().fit(X, scaler.transform(y.reshape(len(y), -1)).reshape(y.shape), weight)
    assert same(model.regressor_, by_hand)
    expected = scaler.inverse_transform(by_hand.predict(X).reshape(len(y), -1)).reshape(y.shape)
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-6)


def test_a_transformed_count_never_gets_negative(data):
    X, y = data
    model = TransformedTargetRegressor(make(), func=np.log1p, inverse_func=np.expm1)
    assert (model.fit(X, y[:, 0]).predict(X) > -1).all()


@pytest.mark.parametrize("loss", LOSSES)
def test_a_search_over_several_targets_finds_what_each_fit_alone_gives(data, loss):
    X, y = data
    scorers = {"r2": "r2", "error": "neg_mean_squared_error"}
    model = make_pipeline(StandardScaler(), make(loss=loss))
    search = GridSearchCV(
        model,
        {"mlpregressor__learning_rate_init": [0.001, 0.05]},
        scoring=scorers,
        refit="r2",
        cv=3,
    ).fit(X, y / y.std(axis=0))
    best = clone(model).set_params(**search.best_params_).fit(X, y / y.std(axis=0))
    assert same(search.best_estimator_[-1], best[-1])
    assert search.best_params_ == {"mlpregressor__learning_rate_init": 0.05}
    for name in scorers:
        assert np.isfinite(search.cv_results_[f"mean_test_{name}"]).all()


@pytest.mark.slow
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("n_targets", [1, 3])
@pytest.mark.parametrize("way", ["joblib", "mapped", "skops"])
def test_a_saved_model_predicts_and_resumes(data, loss, n_targets, way, tmp_path):
    X, y = data
    y = y[:, 0] / 100 if n_targets == 1 else y / y.mean(axis=0)
    model = make(loss=loss, momentum=0.5).fit(X, y)
    if way == "skops":
        skops = pytest.importorskip("skops.io")
        written = skops.dumps(model)
        (trusted,) = skops.get_untrusted_types(data=written)
        assert trusted == "fastmlp.estimators.regressor.MLPRegressor"
        loaded = skops.loads(written, trusted=[trusted])
    else:
        joblib.dump(model, tmp_path / "model")
        loaded = joblib.load(tmp_path / "model", mmap_mode="r" if way == "mapped" else None)
        assert isinstance(loaded.coefs_[0], np.memmap) == (way == "mapped")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert loaded.predict(X).shape == y.shape
    assert same(loaded.partial_fit(X, y), copy.deepcopy(model).partial_fit(X, y))


def test_validation_samples_are_routed_through_a_pipeline(data):
    X, y = data
    y = y / y.std(axis=0)
    weight = np.linspace(0.5, 2, len(y))
    given = {"sample_weight": weight, "y_val": y[::3], "sample_weight_val": weight[::3]}
    with sklearn.config_context(enable_metadata_routing=True):
        model = make().set_fit_request(
            sample_weight=True, X_val=True, y_val=True, sample_weight_val=True
        )
        model.set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, model, transform_input=["X_val"])
        pipeline.fit(X, y, X_val=X[::3], **given)
        score = pipeline.score(X, y, sample_weight=weight)
    scaled = StandardScaler().fit_transform(X)
    direct = make().fit(scaled, y, X_val=scaled[::3], **given)
    assert same(pipeline[-1], direct)
    assert pipeline[-1].history_["val_r2"] == direct.history_["val_r2"]
    assert score == direct.score(scaled, y, weight)


def test_weights_are_routed_through_a_transformed_target(data):
    X, y = data
    weight = np.linspace(0.5, 2, len(y))
    with sklearn.config_context(enable_metadata_routing=True):
        model = TransformedTargetRegressor(
            make().set_fit_request(sample_weight=True), transformer=StandardScaler()
        ).fit(X, y, sample_weight=weight)
    assert same(model.regressor_, make().fit(X, StandardScaler().fit_transform(y), weight))


# --- what is refused --------------------------------------------------------------------------


@pytest.fixture
def no_kernels(monkeypatch):
    """Fail when a kernel is asked for."""

    def forbidden(*arguments):
        raise AssertionError("a kernel was asked for")

    def forbid():
        for place in ("training_pass", "forward_pass"):
            monkeypatch.setattr(f"fastmlp.engine.{place}.entry", forbidden)

    return forbid


def assert_all_refuse(fitted, X, good, bad, words, no_kernels):
    """Every method that takes targets refuses the bad ones, and a fitted model stays as it was."""
    before = copy.deepcopy(fitted)
    warm = copy.deepcopy(fitted).set_params(warm_start=True)
    no_kernels()
    calls = [
        lambda: fitted.partial_fit(X, bad),
        lambda: fitted.evaluate(X, bad),
        lambda: fitted.fit(X, good, X_val=X, y_val=bad),
        lambda: fitted.partial_fit(X, good, X_val=X, y_val=bad),
        lambda: warm.fit(X, bad),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=words):
            call()
    for model in (fitted, warm):
        assert same(model, before)
        assert (model.t_, model.n_outputs_) == (before.t_, before.n_outputs_)
        assert model.history_ == before.history_


@pytest.mark.parametrize(
    "bad",
    [lambda y: -y, lambda y: np.where(np.arange(len(y)) == 7, -1e-12, y)],
    ids=["all", "one"],
)
def test_negative_targets_for_poisson(data, bad, no_kernels):
    X, y = data[0], data[1][:, 0] / 100
    fitted = make(loss="poisson").fit(X, y)
    words = "Some value\\(s\\) of y are negative which is not allowed for Poisson regression"
    assert_all_refuse(fitted, X, y, bad(y), words, no_kernels)
    with pytest.raises(ValueError, match=words):
        make(loss="poisson").fit(X, bad(y))


@pytest.mark.parametrize(("fitted_with", "given"), [(1, 3), (3, 1), (3, 2), (2, 3)])
def test_another_number_of_targets(data, fitted_with, given, no_kernels):
    X, y = data
    y = y / y.std(axis=0)
    good, bad = (y[:, 0] if n == 1 else y[:, :n] for n in (fitted_with, given))
    words = f"y has {given} output\\(s\\), but this model was fitted with {fitted_with}"
    assert_all_refuse(make().fit(X, good), X, good, bad, words, no_kernels)


@pytest.mark.parametrize("solver", ["rmsprop", "adam", "sgd", "lbfgs"])
@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        (np.nan, "Input y contains NaN"),
        ("many", "could not convert string to float: 'many'"),
        (None, "Input y contains None or NaN"),
    ],
)
def test_one_bad_value_among_several_targets(data, solver, spoilt, words, no_kernels):
    X, y = data
    bad = y.astype(object if spoilt is None or isinstance(spoilt, str) else float)
    bad[5, 1] = spoilt
    no_kernels()
    with pytest.raises(ValueError, match=words):
        make(solver=solver).fit(X, bad)


@pytest.mark.parametrize("n", [0, 1, -1])
def test_targets_of_another_length(data, n, no_kernels):
    X, y = data
    no_kernels()
    words = "inconsistent numbers of samples" if n else "Found array with 0 sample"
    with pytest.raises(ValueError, match=words):
        make().fit(X, y[:n])

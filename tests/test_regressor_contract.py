"""scikit-learn's contract for MLPRegressor: the places where people put a regressor."""

import copy
import inspect
import pickle

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
from sklearn.base import clone, is_regressor
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neural_network import MLPRegressor as Theirs
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from small_estimators import regressor as make

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.engine.losses import r2


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return StandardScaler().fit_transform(X), (y - y.mean()) / y.std()


@pytest.fixture(scope="module")
def fitted(diabetes):
    return make(random_state=0).fit(*diabetes)


def same(a, b):
    return all(
        np.array_equal(x, y)
        for x, y in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True)
    )


def test_tags():
    tags = get_tags(MLPRegressor())
    assert is_regressor(MLPRegressor())
    assert tags.input_tags.sparse
    assert tags.target_tags.multi_output
    assert tags.target_tags.required
    assert tags.classifier_tags is None
    assert not tags.non_deterministic


def test_parameters_are_scikit_learns_and_a_few_more():
    ours, theirs = MLPRegressor().get_params(), Theirs().get_params()
    assert set(theirs) <= set(ours)
    assert set(ours) - set(theirs) == {
        "rho", "dtype", "n_threads", "scoring", "dropout", "input_dropout", "weight_decay",
        "average", "scale_target",
    }  # fmt: skip
    order = list(inspect.signature(Theirs).parameters)
    assert list(inspect.signature(MLPRegressor).parameters)[:3] == order[:3]


def test_shared_parameters_have_the_classifiers_defaults():
    ours, classifier = MLPRegressor().get_params(), MLPClassifier().get_params()
    assert {**classifier, **ours} == {**ours, **classifier}
    assert set(ours) ^ set(classifier) <= {
        "loss",
        "scale_target",
        "class_weight",
        "label_smoothing",
    }


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_docstrings_name_every_parameter_with_its_default(estimator):
    doc = estimator.__doc__
    section = doc[doc.index("Parameters\n----------\n") : doc.index("Attributes\n----------\n")]
    for name, parameter in inspect.signature(estimator).parameters.items():
        default = str(parameter.default).replace("e-0", "e-")
        (line,) = [line for line in section.splitlines() if line.startswith(f"{name} : ")]
        assert line.replace('"', "").endswith(f"default={default}")
        assert section.count(f"\n{name} : ") == 1
    assert "{" not in doc.replace('{"', "").replace("{array-like", "")  # nothing left to fill in


def test_the_documentation_of_a_regressor_speaks_of_no_classes():
    for text in (MLPRegressor.__doc__, MLPRegressor.partial_fit.__doc__):
        for word in ("accuracy", "class_", "classes", "multilabel", "probabilit", "stratified"):
            assert word not in text


@pytest.mark.parametrize(
    ("name", "value"), [("loss", "mse"), ("solver", "newton"), ("tol", -1), ("n_threads", 0)]
)
def test_parameter_errors_are_worded_by_scikit_learn(diabetes, name, value):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of MLPRegressor must be"):
        MLPRegressor(**{name: value}).fit(*diabetes)


@pytest.mark.parametrize("method", ["predict", "score", "evaluate"])
def test_not_fitted(diabetes, method):
    X, y = diabetes
    arguments = (X,) if method == "predict" else (X, y)
    with pytest.raises(NotFittedError, match="This MLPRegressor instance is not fitted yet"):
        getattr(MLPRegressor(), method)(*arguments)


def test_lbfgs_has_no_partial_fit():
    assert not hasattr(MLPRegressor(solver="lbfgs"), "partial_fit")
    assert hasattr(MLPRegressor(), "partial_fit")


# --- targets ----------------------------------------------------------------------------------


def bad_targets(y):
    """What y may not be, and scikit-learn's words for it."""
    holes, huge = y.copy(), y.copy()
    holes[3], huge[3] = np.nan, np.inf
    yield holes, "Input y contains NaN"
    yield huge, "Input y contains infinity or a value too large"
    yield y * 1e39, "Input y contains infinity or a value too large for dtype\\('float32'\\)"
    yield np.where(y > 0, "high", "low"), "Convert your data to numeric values explicitly"
    yield np.where(y > 0, "high", "low").astype(object), "could not convert string to float"
    yield y[:-1], "Found input variables with inconsistent numbers of samples"
    yield y * 1j, "Complex data not supported"
    yield np.zeros((len(y), 2, 2)), "Found array with dim 3"
    yield sp.csr_array(y[:, None]), "Sparse data was passed for y, but dense data is required"
    yield None, "requires y to be passed, but the target y is None"


@pytest.mark.parametrize("number", range(10))
def test_bad_targets_are_refused_before_a_kernel_runs(diabetes, number, monkeypatch):
    X, y = diabetes
    bad, words = list(bad_targets(y))[number]
    error = TypeError if sp.issparse(bad) else ValueError
    fitted = make(dtype="float32", max_iter=1).fit(X, y)
    before = copy.deepcopy(fitted)

    def forbidden(*arguments):
        raise AssertionError("a kernel was asked for")

    for place in ("training_pass", "forward_pass"):
        monkeypatch.setattr(f"fastmlp.engine.{place}.entry", forbidden)
    with pytest.raises(error, match=words):
        make(dtype="float32").fit(X, bad)
    with pytest.raises(error, match=words):
        fitted.partial_fit(X, bad)
    with pytest.raises(error, match=words):
        fitted.evaluate(X, bad)
    if bad is not None:
        with pytest.raises(error, match=words):
            make(dtype="float32").fit(X, y, X_val=X, y_val=bad)
    assert same(fitted, before)
    assert (fitted.t_, fitted.history_) == (before.t_, before.history_)


def test_negative_targets_are_refused_for_poisson(diabetes):
    X, y = diabetes
    words = "Some value\\(s\\) of y are negative which is not allowed for Poisson regression"
    with pytest.raises(ValueError, match=words):
        make(loss="poisson").fit(X, y)
    with pytest.raises(ValueError, match=words):
        make(loss="poisson", max_iter=1).fit(X, np.abs(y), X_val=X, y_val=y)


def test_another_number_of_targets_is_refused(diabetes):
    X, y = diabetes
    model = make(max_iter=1).fit(X, y)
    both = np.column_stack([y, y])
    for call in (model.partial_fit, model.evaluate, clone(model).set_params(warm_start=True).fit):
        if call.__name__ == "fit":
            call(X, y)
        with pytest.raises(
            ValueError, match="y has 2 output\\(s\\), but this model was fitted with 1"
        ):
            call(X, both)
    model.fit(X, both)
    assert model.n_outputs_ == 2
    with pytest.raises(ValueError, match="y has 1 output\\(s\\), but this model was fitted with 2"):
        model.partial_fit(X, y)


def test_a_column_vector_is_one_target(diabetes):
    X, y = diabetes
    expected = make(random_state=0, max_iter=3).fit(X, y)
    with pytest.warns(DataConversionWarning, match="A column-vector y was passed"):
        model = make(random_state=0, max_iter=3).fit(X, y[:, None])
    assert same(model, expected)
    assert model.predict(X).shape == y.shape


@pytest.mark.parametrize("kind", ["list", "int", "bool", "object", "Fortran", "strided", "pandas"])
def test_targets_of_any_form(diabetes, kind):
    X, y = diabetes
    y = np.round(np.column_stack([y, -y]) * 3)
    if kind == "bool":
        y = y > 0
    given = {
        "list": lambda: y.tolist(),
        "int": lambda: y.astype(np.int64),
        "bool": lambda: y,
        "object": lambda: y.astype(object),
        "Fortran": lambda: np.asfortranarray(y),
        "strided": lambda: np.repeat(y, 2, axis=1)[:, ::2],
        "pandas": lambda: pytest.importorskip("pandas").DataFrame(y),
    }[kind]()
    expected = make(random_state=0, max_iter=3).fit(X, np.ascontiguousarray(y, float))
    assert same(make(random_state=0, max_iter=3).fit(X, given), expected)


# --- fits, alone and in the places where people put them --------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("n_targets", [1, 3])
def test_same_bits_for_any_threads_and_resumption(diabetes, dtype, loss, n_targets):
    X, y = diabetes
    y = np.abs(y) if n_targets == 1 else np.abs(np.column_stack([y, -y, y * y]))
    parameters = {"loss": loss, "random_state": 0, "hidden_layer_sizes": (70,), "batch_size": 50}
    one = make(dtype=dtype, n_threads=1, max_iter=3, **parameters).fit(X, y)
    two = make(dtype=dtype, n_threads=2, max_iter=3, **parameters).fit(X, y)
    sparse = make(dtype=dtype, n_threads=2, max_iter=3, **parameters).fit(sp.csr_array(X), y)
    steps = make(dtype=dtype, **parameters)
    for _ in range(3):
        steps = pickle.loads(pickle.dumps(steps.partial_fit(X, y)))
    for other in (two, sparse, steps):
        assert same(one, other)
        assert one.loss_curve_ == other.loss_curve_
        assert one.history_["r2"] == other.history_["r2"]
    np.testing.assert_array_equal(one.predict(X), two.predict(X))
    np.testing.assert_array_equal(one.predict(X[:5]), two.predict(X)[:5])
    assert one.predict(X).dtype == dtype


def test_history_evaluate_and_score_agree(diabetes):
    X, y = diabetes
    model = make(random_state=0, max_iter=5).fit(X, y, X_val=X[:90], y_val=y[:90])
    assert set(model.history_) == {"loss", "r2", "val_loss", "val_r2", "learning_rate", "seconds"}
    measures = model.evaluate(X[:90], y[:90])
    assert set(measures) == {"loss", "r2"}
    assert measures["r2"] == model.history_["val_r2"][-1]
    assert measures["loss"] == model.history_["val_loss"][-1]
    assert measures["r2"] == pytest.approx(model.score(X[:90], y[:90]), rel=1e-12)
    assert measures["loss"] == pytest.approx(np.mean((model.predict(X[:90]) - y[:90]) ** 2) / 2)


@pytest.mark.parametrize("given", [False, True])
def test_early_stopping_keeps_the_best_r2(diabetes, given):
    X, y = diabetes
    model = make(early_stopping=True, random_state=0, max_iter=300, n_iter_no_change=3)
    model.fit(X[100:], y[100:], **({"X_val": X[:100], "y_val": y[:100]} if given else {}))
    assert model.n_iter_ < 300
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.validation_scores_ == model.history_["val_r2"]
    assert model.best_loss_ is None
    if given:
        expected = r2_score(y[:100], model.predict(X[:100]))
        assert model.best_validation_score_ == pytest.approx(expected, rel=1e-10)


def test_early_stopping_needs_two_samples_to_validate_with(diabetes):
    X, y = diabetes
    with pytest.raises(ValueError, match="needs at least 2 validation samples, got 1"):
        make(early_stopping=True).fit(X, y, X_val=X[:1], y_val=y[:1])


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_predict_and_train_alike(diabetes, fitted, copied):
    X, y = diabetes
    other = copied(fitted)
    np.testing.assert_array_equal(fitted.predict(X), other.predict(X))
    assert same(other.partial_fit(X, y), copy.deepcopy(fitted).partial_fit(X, y))


@pytest.mark.parametrize("verbose", [1, 2])
def test_progress_speaks_of_r2(diabetes, verbose, capsys):
    X, y = diabetes
    make(max_iter=2, verbose=verbose, random_state=0).fit(X, y, X_val=X, y_val=y)
    shown = "".join(capsys.readouterr())
    assert "r2" in shown
    assert "accuracy" not in shown


def test_pipeline_and_search(diabetes):
    X, y = diabetes
    search = GridSearchCV(
        make_pipeline(StandardScaler(), make(random_state=0)),
        {"mlpregressor__learning_rate_init": [1e-6, 0.01]},
        cv=3,
    ).fit(X, y)
    assert search.best_params_ == {"mlpregressor__learning_rate_init": 0.01}
    assert search.best_score_ > 0.3


def test_transformed_target(diabetes):
    X, y = load_diabetes(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    model = TransformedTargetRegressor(make(random_state=0), transformer=StandardScaler())
    scores = cross_val_score(model, X, y, cv=3)
    assert scores.mean() > 0.35


def test_one_model_per_target(diabetes):
    X, y = diabetes
    model = MultiOutputRegressor(make(random_state=0, max_iter=3)).fit(X, np.column_stack([y, -y]))
    assert same(model.estimators_[0], make(random_state=0, max_iter=3).fit(X, y))


def test_weights_are_routed(diabetes):
    X, y = diabetes
    weight = np.arange(len(y)) % 3 + 0.5
    with sklearn.config_context(enable_metadata_routing=True):
        model = make(random_state=0, max_iter=3).set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=True)
        found = cross_validate(
            model, X, y, cv=3, params={"sample_weight": weight}, return_estimator=True,
            return_indices=True,
        )  # fmt: skip
    for fitted, train, test, score in zip(
        found["estimator"], found["indices"]["train"], found["indices"]["test"],
        found["test_score"], strict=True,
    ):  # fmt: skip
        expected = make(random_state=0, max_iter=3).fit(X[train], y[train], weight[train])
        assert same(fitted, expected)
        assert score == expected.score(X[test], y[test], weight[test])


@pytest.mark.filterwarnings("ignore:Got `batch_size` less than 1:UserWarning")
def test_samples_without_weight_are_not_there(diabetes):
    X, y = diabetes
    weight = np.arange(len(y)) % 2.0
    kept = weight > 0
    parameters = {"batch_size": 1000, "shuffle": False, "random_state": 0, "max_iter": 5}
    weighted = make(**parameters).fit(X, y, weight)
    subset = make(**parameters).fit(X[kept], y[kept])
    for a, b in zip(weighted.coefs_, subset.coefs_, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_r2_of_equal_labels_that_have_no_exact_mean():
    labels = np.full((50, 1), 0.1)
    assert r2(np.ones((50, 1)), labels, None) == 0
    assert r2(np.ones((50, 1)), labels, np.linspace(1, 2, 50)) == 0
    assert r2(np.zeros((50, 1)), labels, None) == 1

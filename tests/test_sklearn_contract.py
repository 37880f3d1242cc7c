"""scikit-learn's contract for MLPClassifier: the places where people put an estimator."""

import copy
import io
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.neural_network import MLPClassifier as Theirs
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from small_estimators import classifier as make

from fastmlp import MLPClassifier


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), y


@pytest.fixture(scope="module")
def fitted(iris):
    return make("rmsprop", random_state=0).fit(*iris)


def test_tags():
    tags = get_tags(MLPClassifier())
    assert is_classifier(MLPClassifier())
    assert tags.input_tags.sparse
    assert tags.classifier_tags.multi_label
    assert tags.classifier_tags.multi_class
    assert tags.target_tags.required
    assert not tags.non_deterministic


def test_parameters_are_scikit_learns_and_a_few_more():
    ours, theirs = MLPClassifier().get_params(), Theirs().get_params()
    assert set(theirs) <= set(ours)
    assert set(ours) - set(theirs) == {
        "rho", "class_weight", "dtype", "n_threads", "scoring", "dropout", "input_dropout", "weight_decay",
        "label_smoothing", "average",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("solver", "newton"),
        ("tol", -1),
        ("rho", 1.0),
        ("dtype", "float16"),
        ("n_threads", 0),
        ("class_weight", "even"),
        ("batch_size", 0),
        ("momentum", 1.5),
        ("hidden_layer_sizes", 0),
    ],
)
def test_parameter_errors_are_worded_by_scikit_learn(iris, name, value):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of MLPClassifier must be"):
        MLPClassifier(**{name: value}).fit(*iris)


def test_layer_sizes_must_be_positive(iris):
    with pytest.raises(ValueError, match="hidden_layer_sizes must be > 0, got"):
        MLPClassifier((5, -1)).fit(*iris)


@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "predict_log_proba", "score", "evaluate"]
)
def test_not_fitted(iris, method):
    X, y = iris
    arguments = (X, y) if method in ("score", "evaluate") else (X,)
    with pytest.raises(NotFittedError, match="This MLPClassifier instance is not fitted yet"):
        getattr(MLPClassifier(), method)(*arguments)


def test_lbfgs_has_no_partial_fit():
    assert not hasattr(MLPClassifier(solver="lbfgs"), "partial_fit")
    with pytest.raises(AttributeError, match="has no attribute 'partial_fit'"):
        MLPClassifier(solver="lbfgs").partial_fit  # noqa: B018
    assert hasattr(MLPClassifier(), "partial_fit")


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a.coefs_, b.coefs_, strict=True))


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, copy.copy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_copies_predict_and_train_alike(iris, fitted, copied):
    X, y = iris
    other = copied(copy.deepcopy(fitted))
    assert same(fitted, other)
    np.testing.assert_array_equal(fitted.predict_proba(X), other.predict_proba(X))
    assert same(other.partial_fit(X, y), copy.deepcopy(fitted).partial_fit(X, y))


def test_clone_is_unfitted(fitted):
    other = clone(fitted)
    assert other.get_params() == fitted.get_params()
    assert not hasattr(other, "coefs_")


def test_joblib_memory_map(iris, fitted, tmp_path):
    X, y = iris
    joblib.dump(fitted, tmp_path / "model")
    mapped = joblib.load(tmp_path / "model", mmap_mode="r")
    assert isinstance(mapped.coefs_[0], np.memmap)
    np.testing.assert_array_equal(fitted.predict_proba(X), mapped.predict_proba(X))
    assert same(mapped.partial_fit(X, y), copy.deepcopy(fitted).partial_fit(X, y))


def test_memory_mapped_training_data(iris, tmp_path):
    X, y = iris
    joblib.dump(X, tmp_path / "X")
    mapped = joblib.load(tmp_path / "X", mmap_mode="r")
    model = make("rmsprop", max_iter=3, random_state=0)
    assert same(clone(model).fit(mapped, y), model.fit(X, y))


def test_skops(iris, fitted):
    skops = pytest.importorskip("skops.io")
    written = skops.dumps(fitted)
    untrusted = skops.get_untrusted_types(data=written)
    assert untrusted == ["fastmlp.estimators.classifier.MLPClassifier"]
    loaded = skops.loads(written, trusted=untrusted)
    X, y = iris
    np.testing.assert_array_equal(fitted.predict_proba(X), loaded.predict_proba(X))
    assert same(loaded.partial_fit(X, y), copy.deepcopy(fitted).partial_fit(X, y))


@pytest.mark.parametrize("solver", ["rmsprop", "adam", "sgd", "lbfgs"])
def test_a_model_saved_without_optimizer_state(iris, solver):
    X, y = iris
    model = make(solver, max_iter=2, momentum=0.5, random_state=0).fit(X, y)
    light = pickle.loads(pickle.dumps(model.without_optimizer_state()))
    np.testing.assert_array_equal(light.predict_proba(X), model.predict_proba(X))
    assert light.history_ == model.history_
    if solver == "lbfgs":
        return
    assert len(pickle.dumps(light)) < 0.7 * len(pickle.dumps(model))
    again = copy.deepcopy(model)
    again._state.optimizer = None
    assert same(light.partial_fit(X, y), again.partial_fit(X, y))


def test_html_links_to_no_page_that_is_not_there(fitted):
    assert fitted._get_doc_link() == ""
    assert "readthedocs" not in fitted._repr_html_()


def test_feature_names(iris):
    pd = pytest.importorskip("pandas")
    X, y = iris
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = make("rmsprop", max_iter=2).fit(frame, y)
    np.testing.assert_array_equal(model.feature_names_in_, list("abcd"))
    np.testing.assert_array_equal(model.predict(frame), model.predict(frame.astype(object)))
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        model.predict(X)
    with pytest.raises(ValueError, match="The feature names should match"):
        model.predict(frame[list("dcba")])
    model.fit(frame, y, X_val=frame[:9], y_val=y[:9])
    with pytest.raises(ValueError, match="The feature names should match"):
        model.fit(frame, y, X_val=frame[list("dcba")], y_val=y)


def test_pandas_labels_and_polars_data(iris):
    pd = pytest.importorskip("pandas")
    X, y = iris
    model = make("rmsprop", max_iter=2, random_state=0)
    expected = clone(model).fit(X, y).predict_proba(X)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    for labels in (pd.Series(names), pd.Series(names, dtype="category"), names.astype(object)):
        fitted = clone(model).fit(X, labels)
        np.testing.assert_array_equal(fitted.predict_proba(X), expected)
        assert set(fitted.predict(X)) <= set(names)


def test_metadata_routing(iris):
    X, y = iris
    weight = np.linspace(0.5, 2, len(y))
    with sklearn.config_context(enable_metadata_routing=True):
        model = make("rmsprop", max_iter=3, random_state=0)
        model.set_fit_request(sample_weight=True, X_val=True, y_val=True, sample_weight_val=True)
        model.set_partial_fit_request(classes=True)
        model.set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        scaler.set_transform_request()
        pipeline = make_pipeline(scaler, model, transform_input=["X_val"]).fit(
            X, y, sample_weight=weight, X_val=X[::3], y_val=y[::3], sample_weight_val=weight[::3]
        )
        scores = cross_validate(model, X, y, params={"sample_weight": weight}, cv=3)
    inner = StandardScaler().fit(X)
    direct = clone(model).fit(
        inner.transform(X),
        y,
        weight,
        X_val=inner.transform(X[::3]),
        y_val=y[::3],
        sample_weight_val=weight[::3],
    )
    assert same(pipeline[-1], direct)
    assert pipeline[-1].history_["val_loss"] == direct.history_["val_loss"]
    assert np.isfinite(scores["test_score"]).all()


def test_model_selection_and_ensembles(iris):
    X, y = iris
    model = make("rmsprop", max_iter=20, random_state=0, learning_rate_init=0.03)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), model),
        {"mlpclassifier__momentum": [0.0, 0.9], "mlpclassifier__hidden_layer_sizes": [4, (6, 5)]},
        cv=3,
        n_jobs=2,
    ).fit(X, y)
    assert search.best_score_ > 0.9
    assert CalibratedClassifierCV(model, cv=3).fit(X, y).score(X, y) > 0.9
    assert BaggingClassifier(model, n_estimators=3, random_state=0).fit(X, y).score(X, y) > 0.9


def test_fit_does_not_print_or_change_its_arguments(iris, capfd):
    X, y = (array.copy() for array in iris)
    X.flags.writeable = y.flags.writeable = False
    make("rmsprop", max_iter=2).fit(X, y).predict(X)
    assert capfd.readouterr() == ("", "")


def run(code):
    """The last line that a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]


@pytest.mark.slow
def test_import_is_light():
    code = (
        "import sys; import fastmlp; from fastmlp import MLPClassifier; MLPClassifier();"
        "heavy = {'numba', 'llvmlite', 'sklearn.model_selection', 'sklearn.metrics', 'tqdm'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert run(code) == "[]"


@pytest.mark.slow
def test_a_written_model_is_read_by_another_process(fitted, iris, tmp_path):
    path = tmp_path / "model.pickle"
    path.write_bytes(pickle.dumps(fitted))
    code = (
        "import pickle; from sklearn.datasets import load_iris; X, y = load_iris(return_X_y=True);"
        f"model = pickle.load(open({str(path)!r}, 'rb'));"
        "X = (X - X.mean(axis=0)) / X.std(axis=0);"
        "print(model.partial_fit(X, y).coefs_[0].tobytes().hex()[-4000:])"
    )
    X, y = iris
    model = copy.deepcopy(fitted).partial_fit(X, y)
    assert run(code) == model.coefs_[0].tobytes().hex()[-4000:]


def test_pickle_is_the_parameters_and_the_optimizers_state(fitted):
    n_bytes = sum(array.nbytes for array in fitted.coefs_ + fitted.intercepts_)
    with io.BytesIO() as file:
        pickle.dump(fitted, file)
        assert file.tell() < 64 * n_bytes

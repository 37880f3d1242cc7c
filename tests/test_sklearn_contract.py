"""scikit-learn's contract: its own checks, and the places where people put an estimator."""

import copy
import functools
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
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from fastmlp import MLPClassifier

# Small and quick, one batch per epoch so that weights can stand for repeated samples.
SOLVERS = {
    "rmsprop": {"learning_rate_init": 0.01, "max_iter": 60},
    "adam": {"learning_rate_init": 0.01, "max_iter": 60},
    "sgd": {"learning_rate_init": 0.1, "momentum": 0.9, "max_iter": 60},
    "lbfgs": {"max_iter": 50},
}
WEIGHT_EQUIVALENCE = (
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
)
# What a validation split cannot do, in scikit-learn's own class neither: see the test below.
EARLY_STOPPING_FAILURES = (
    *WEIGHT_EQUIVALENCE,
    "check_fit_score_takes_y",
    "check_n_features_in_after_fitting",
    "check_estimators_nan_inf",
    "check_classifiers_one_label",
    "check_estimators_partial_fit_n_features",
    "check_fit2d_1feature",
)
# L-BFGS without a penalty makes logits of thousands. In float32 a probability is then 0 or 1, which these checks do not
# allow, while its logarithm, which is taken from the logits, is finite.
SATURATED = ("check_classifiers_train", "check_classifiers_multilabel_output_format_predict_proba")


def make(solver, dtype="float64", **parameters):
    parameters = SOLVERS[solver] | {"hidden_layer_sizes": (8,), "batch_size": "auto"} | parameters
    return MLPClassifier(solver=solver, dtype=dtype, **parameters)


def every_estimator():
    for dtype in ("float64", "float32"):
        for solver in SOLVERS:
            yield make(solver, dtype)
    yield make("rmsprop", early_stopping=True, learning_rate_init=0.2)


def expected_failures(estimator):
    if estimator.early_stopping:
        reason = "so does scikit-learn's own class with early stopping"
        return dict.fromkeys(EARLY_STOPPING_FAILURES, reason)
    if estimator.dtype == "float32":
        failures = dict.fromkeys(WEIGHT_EQUIVALENCE, "its tolerance is below float32's; see below")
        if estimator.solver == "lbfgs" and estimator.max_iter == "auto":
            failures |= dict.fromkeys(SATURATED, "probabilities of 0 or 1 in float32")
        return failures
    return {}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Got `batch_size` less than 1:UserWarning")
@pytest.mark.filterwarnings("ignore:y has one class only")
@parametrize_with_checks(
    list(every_estimator()),
    expected_failed_checks=expected_failures,
    xfail_strict=False,  # float32 may be lucky
)
def test_checks(estimator, check):
    check(estimator)


def every_default():
    """The defaults, a small network, and each solver; and the defaults in float64, where no check may fail."""
    yield MLPClassifier()
    yield MLPClassifier(hidden_layer_sizes=(20,))
    for solver in ("adam", "sgd", "lbfgs"):
        yield MLPClassifier(solver=solver)
    yield MLPClassifier(dtype="float64")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:y has one class only")  # and no other: not of the batch's size
@parametrize_with_checks(
    list(every_default()),
    expected_failed_checks=expected_failures,
    xfail_strict=False,  # float32 may be lucky
)
def test_checks_of_the_defaults(estimator, check):
    check(estimator)


class TheirsUnderAnotherName(Theirs):
    """scikit-learn runs some checks on its own class with other parameters than those given."""


@pytest.mark.parametrize("name", EARLY_STOPPING_FAILURES)
@pytest.mark.filterwarnings("ignore")
def test_early_stopping_fails_where_scikit_learn_does(name):
    theirs = TheirsUnderAnotherName((8,), early_stopping=True, max_iter=60)
    checks = [check for _, check in estimator_checks_generator(theirs) if name_of(check) == name]
    assert len(checks) == 1
    with pytest.raises((AssertionError, ValueError)):
        checks[0](theirs)


def name_of(check):
    return (check.func if isinstance(check, functools.partial) else check).__name__


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_weights_stand_for_repeated_samples_in_float32(solver, sparse, monkeypatch):
    monkeypatch.setattr(
        estimator_checks,
        "assert_allclose_dense_sparse",
        functools.partial(estimator_checks.assert_allclose_dense_sparse, rtol=1e-4, atol=1e-4),
    )
    check = getattr(estimator_checks, WEIGHT_EQUIVALENCE[sparse])
    check("MLPClassifier", make(solver, "float32"))


@pytest.mark.parametrize(
    "name", ["check_param_validation", "check_dataframe_column_names_consistency"]
)
@pytest.mark.parametrize("solver", SOLVERS)
def test_checks_that_scikit_learn_keeps_for_itself(solver, name):
    getattr(estimator_checks, name)("MLPClassifier", make(solver, max_iter=2))


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


def test_import_is_light():
    code = (
        "import sys; import fastmlp; from fastmlp import MLPClassifier; MLPClassifier();"
        "heavy = {'numba', 'llvmlite', 'sklearn.model_selection', 'sklearn.metrics', 'tqdm'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert run(code) == "[]"


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

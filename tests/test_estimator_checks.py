"""scikit-learn's own checks of an estimator, on the classifier and on the regressor."""

import functools

import pytest
from sklearn import neural_network
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks
from small_estimators import SOLVERS, classifier, regressor

from fastmlp import MLPClassifier, MLPRegressor

MAKERS = {"MLPClassifier": classifier, "MLPRegressor": regressor}
WEIGHT_EQUIVALENCE = (
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
)
# What a validation split cannot do, in scikit-learn's own classes neither: see the test below.
EARLY_STOPPING_FAILURES = (
    *WEIGHT_EQUIVALENCE,
    "check_fit_score_takes_y",
    "check_n_features_in_after_fitting",
    "check_estimators_nan_inf",
    "check_estimators_partial_fit_n_features",
    "check_fit2d_1feature",
)
OF_ONE_KIND = {
    "MLPClassifier": "check_classifiers_one_label",
    "MLPRegressor": "check_regressors_no_decision_function",
}


def every_estimator():
    for dtype in ("float64", "float32"):
        for solver in SOLVERS:
            yield classifier(solver, dtype)
    yield classifier("rmsprop", early_stopping=True, learning_rate_init=0.2)
    for solver in SOLVERS:
        # A rate that some checks' targets need to be small takes SGD long.
        yield regressor(solver, **({"max_iter": 600} if solver == "sgd" else {}))
    yield regressor(dtype="float32")
    yield regressor(loss="poisson", max_iter=200, learning_rate_init=0.03)
    yield regressor(early_stopping=True)
    yield regressor(scale_target=True)
    yield regressor("lbfgs", "float32", scale_target=True)


def every_default():
    """The defaults, a small network, and each solver; and the defaults in float64, where no check may fail."""
    for estimator in (MLPClassifier, MLPRegressor):
        yield estimator()
        yield estimator(hidden_layer_sizes=(20,))
        for solver in ("adam", "sgd", "lbfgs"):
            yield estimator(solver=solver)
            yield estimator(solver=solver, dtype="float64")
        yield estimator(hidden_layer_sizes=(20,), solver="lbfgs")
        yield estimator(dtype="float64")


def early_stopping_failures(name):
    return (*EARLY_STOPPING_FAILURES, OF_ONE_KIND[name])


def expected_failures(estimator):
    name = type(estimator).__name__
    if estimator.early_stopping:
        reason = "so does scikit-learn's own class with early stopping"
        return dict.fromkeys(early_stopping_failures(name), reason)
    if getattr(estimator, "loss", None) == "poisson":
        return {"check_regressor_multioutput": "it has negative targets whatever the tags say"}
    if estimator.dtype != "float32":
        return {}
    failures = dict.fromkeys(WEIGHT_EQUIVALENCE, "its tolerance is below float32's; see below")
    if name == "MLPRegressor":
        failures["check_regressor_multioutput"] = "it wants float64 predictions"
    return failures


# Where float32 is lucky, a check passes that may fail: no strict expectations.
with_checks = functools.partial(
    parametrize_with_checks, expected_failed_checks=expected_failures, xfail_strict=False
)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Got `batch_size` less than 1:UserWarning")
@pytest.mark.filterwarnings("ignore:y has one class only")
@with_checks(list(every_estimator()))
def test_checks(estimator, check):
    check(estimator)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:y has one class only")  # and no other: not of the batch's size
@with_checks(list(every_default()))
def test_checks_of_the_defaults(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    ("estimator", "name"),
    [(estimator, name) for estimator in MAKERS for name in early_stopping_failures(estimator)],
)
@pytest.mark.filterwarnings("ignore")
def test_early_stopping_fails_where_scikit_learn_does(estimator, name):
    # scikit-learn runs some checks on its own class with other parameters than those given: not on this one.
    under_another_name = type("Theirs", (getattr(neural_network, estimator),), {})
    theirs = under_another_name(hidden_layer_sizes=(8,), early_stopping=True, max_iter=60)
    checks = [check for _, check in estimator_checks_generator(theirs) if name_of(check) == name]
    assert len(checks) == 1
    with pytest.raises((AssertionError, ValueError)):
        checks[0](theirs)


def name_of(check):
    return (check.func if isinstance(check, functools.partial) else check).__name__


@pytest.mark.slow
@pytest.mark.parametrize("estimator", MAKERS)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_weights_stand_for_repeated_samples_in_float32(estimator, solver, sparse, monkeypatch):
    monkeypatch.setattr(
        estimator_checks,
        "assert_allclose_dense_sparse",
        functools.partial(estimator_checks.assert_allclose_dense_sparse, rtol=1e-4, atol=1e-4),
    )
    check = getattr(estimator_checks, WEIGHT_EQUIVALENCE[sparse])
    check(estimator, MAKERS[estimator](solver, "float32"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["check_param_validation", "check_dataframe_column_names_consistency"]
)
@pytest.mark.parametrize("estimator", MAKERS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_checks_that_scikit_learn_keeps_for_itself(estimator, solver, name):
    getattr(estimator_checks, name)(estimator, MAKERS[estimator](solver, max_iter=2))

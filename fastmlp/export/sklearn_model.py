"""Models to scikit-learn's own multi-layer perceptrons, and from them."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import is_classifier
from sklearn.utils._param_validation import InvalidParameterError, validate_parameter_constraints
from sklearn.utils.validation import check_is_fitted

from ..estimators.base import BaseMLP
from .build import fitted
from .network import MULTILABEL, ONE_CLASS, REGRESSION, no_counterpart, read

ACTIVATIONS = ("identity", "logistic", "relu", "tanh")
# Attributes of a fit that mean the same in both.
_RECORD = (
    "n_iter_", "t_", "loss_", "loss_curve_", "best_loss_", "validation_scores_", "best_validation_score_",
)  # fmt: skip


def to_sklearn(model: BaseMLP) -> Any:
    """Return a fitted scikit-learn estimator that predicts the same.

    Whatever reads scikit-learn's estimators reads it, as skl2onnx and sklearn2pmml do.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        A fitted model whose activation scikit-learn has: "identity", "logistic", "relu" or "tanh".

    Returns
    -------
    estimator : sklearn.neural_network.MLPClassifier or MLPRegressor
        Its weights are copies. Parameters that scikit-learn lacks, or whose value it does not know (the solver
        "rmsprop", for one), have its defaults: they matter to training only.

    Raises
    ------
    TypeError
        `model` is no estimator of fastmlp.
    NotFittedError
        It is not fitted.
    ValueError
        scikit-learn has no such activation or loss, or the model was trained with one class only, of which
        scikit-learn's `predict_proba` makes two.

    Examples
    --------
    >>> from fastmlp import MLPClassifier
    >>> from fastmlp.export import to_sklearn
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((16,), random_state=0).fit(X, y)
    >>> bool((to_sklearn(model).predict(X) == model.predict(X)).all())
    True
    """
    import sklearn.neural_network

    network = read(model, caller="to_sklearn")
    if network.activation not in ACTIVATIONS:
        raise no_counterpart("activation", network.activation, "scikit-learn", ACTIVATIONS)
    if network.kind == ONE_CLASS:
        raise ValueError("scikit-learn's predict_proba has two columns for a model with one class.")
    regression = network.kind == REGRESSION
    name = "MLPRegressor" if regression else "MLPClassifier"
    estimator = getattr(sklearn.neural_network, name)()
    _copy_parameters(model, estimator)
    if regression and network.output == "exp" and getattr(estimator, "loss", None) != "poisson":
        raise ValueError("This scikit-learn has no Poisson loss; it came with scikit-learn 1.7.")
    vars(estimator).update(
        coefs_=[coef.copy() for coef in network.coefs],
        intercepts_=[intercept.copy() for intercept in network.intercepts],
        n_layers_=len(network.coefs) + 1,
        n_outputs_=network.n_outputs,
        out_activation_=network.output,
        n_features_in_=network.n_features,
        _no_improvement_count=0,
        **{key: getattr(model, key) for key in _RECORD},
    )
    if hasattr(model, "feature_names_in_"):
        estimator.feature_names_in_ = model.feature_names_in_
    if not regression:
        estimator.classes_ = network.classes
        estimator._label_binarizer = _label_binarizer(network, model._targets.sparse)
    return estimator


def _copy_parameters(source, target):
    """Give `target` the parameters of `source` that it has and whose values it takes."""
    for name in source.get_params(deep=False).keys() & target.get_params(deep=False).keys():
        value = getattr(source, name)
        constraints = {name: target._parameter_constraints[name]}
        try:
            validate_parameter_constraints(constraints, {name: value}, type(target).__name__)
        except InvalidParameterError:
            continue
        setattr(target, name, value)


def _label_binarizer(network, sparse):
    """The LabelBinarizer that scikit-learn's classifier decodes its outputs with."""
    from sklearn.preprocessing import LabelBinarizer

    y = network.classes
    if network.kind == MULTILABEL:
        y = np.vstack([np.zeros(network.n_outputs, int), np.ones(network.n_outputs, int)])
        if sparse:
            y = getattr(sp, sparse)(y)
    return LabelBinarizer().fit(y)


def from_sklearn(estimator: Any, **parameters: Any) -> Any:
    """Return a fitted fastmlp model that predicts what a fitted scikit-learn estimator predicts.

    Parameters
    ----------
    estimator : sklearn.neural_network.MLPClassifier or MLPRegressor
        A fitted estimator.
    **parameters
        Parameters to set in place of those of the estimator, such as ``n_threads=1``. `dtype` is that of the
        weights unless it is given.

    Returns
    -------
    model : MLPClassifier or MLPRegressor
        It predicts without a `fit`, and `partial_fit` trains it further, with a fresh optimizer.

    Raises
    ------
    TypeError
        `estimator` is none of scikit-learn's multi-layer perceptrons.
    NotFittedError
        It is not fitted.

    Examples
    --------
    >>> import sklearn.neural_network
    >>> from fastmlp.export import from_sklearn
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> estimator = sklearn.neural_network.MLPClassifier((16,), solver="lbfgs", random_state=0).fit(X, y)
    >>> bool((from_sklearn(estimator).predict(X) == estimator.predict(X)).all())
    True
    """
    import sklearn.neural_network as theirs

    if not isinstance(estimator, theirs.MLPClassifier | theirs.MLPRegressor):
        raise TypeError(
            "from_sklearn needs an MLPClassifier or MLPRegressor of scikit-learn, "
            f"got {type(estimator).__name__}."
        )
    check_is_fitted(estimator)
    model, targets = (_classifier if is_classifier(estimator) else _regressor)(estimator)
    _copy_parameters(estimator, model)
    single = all(coef.dtype == np.float32 for coef in estimator.coefs_)
    model.set_params(**{"dtype": "float32" if single else "float64"} | parameters)
    names = getattr(estimator, "feature_names_in_", None)
    fitted(model, targets, estimator.coefs_, estimator.intercepts_, feature_names=names)
    for key in _RECORD:
        value = getattr(estimator, key, None)
        setattr(model, key, list(value) if isinstance(value, list) else value)
    model.loss_curve_ = model.loss_curve_ or []
    model.history_ = {"loss": list(model.loss_curve_)}
    return model


def _classifier(estimator):
    from ..estimators.classifier import MLPClassifier
    from ..estimators.targets import ClassTargets

    binarizer = estimator._label_binarizer
    multilabel = binarizer.y_type_.startswith("multilabel")
    sparse = "csr_matrix" if multilabel and binarizer.sparse_input_ else None
    classes = np.arange(estimator.n_outputs_) if multilabel else estimator.classes_
    return MLPClassifier(), ClassTargets(classes, multilabel=multilabel, sparse=sparse)


def _regressor(estimator):
    from ..estimators.regression_targets import RegressionTargets
    from ..estimators.regressor import MLPRegressor

    loss = "poisson" if estimator.out_activation_ == "exp" else "squared_error"
    return MLPRegressor(loss=loss), RegressionTargets(estimator.n_outputs_, loss)

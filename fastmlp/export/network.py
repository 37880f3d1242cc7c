"""What exports read of a fitted model."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..estimators.base import BaseMLP

# What a network is for.
MULTICLASS, BINARY, ONE_CLASS, MULTILABEL, REGRESSION = (
    "multiclass", "binary", "one class", "multilabel", "regression",
)  # fmt: skip


@dataclass(frozen=True)
class Network:
    """A fitted model, as far as predictions depend on it.

    Attributes
    ----------
    coefs, intercepts : lists of ndarray
        Weights (fan_in, fan_out) and biases (fan_out,) of each layer. The last layer's undo `scale_target`.
    activation, output : str
        Activations of the hidden layers and of the output layer.
    kind : str
        `MULTICLASS`, `BINARY`, `ONE_CLASS`, `MULTILABEL` or `REGRESSION`.
    classes : ndarray or None
        The labels; None for a regressor.
    """

    coefs: list[np.ndarray]
    intercepts: list[np.ndarray]
    activation: str
    output: str
    kind: str
    classes: np.ndarray | None

    @property
    def n_features(self) -> int:
        """The number of inputs."""
        return self.coefs[0].shape[0]

    @property
    def n_outputs(self) -> int:
        """The number of units in the output layer."""
        return self.coefs[-1].shape[1]


def read(model, *, caller: str) -> Network:
    """Return the network of a fitted model.

    Raises
    ------
    TypeError
        The model is no estimator of fastmlp; the message names the `caller`.
    NotFittedError, ValueError
        It has no weights, or its weights make no network or are not finite.
    """
    if not isinstance(model, BaseMLP):
        message = f"{caller} needs an MLPClassifier or MLPRegressor of fastmlp, got {type(model).__name__}."
        if hasattr(model, "steps") or hasattr(model, "best_estimator_"):
            message += (
                " Export the fitted model inside of it (`pipeline[-1]`, `search.best_estimator_`). For a whole "
                "pipeline, replace its last step by `to_sklearn(pipeline[-1])` and use skl2onnx."
            )
        raise TypeError(message)
    check_is_fitted(model)
    from ..estimators.fitted import network_of

    _, coefs, intercepts = network_of(model)  # refuses weights that make no network
    coefs = [np.asarray(coef) for coef in coefs]
    intercepts = [np.asarray(intercept) for intercept in intercepts]
    scale, mean = (getattr(model._targets, name, None) for name in ("scale", "mean"))
    if scale is not None:
        dtype = coefs[-1].dtype
        with np.errstate(over="ignore"):  # noticed below
            coefs[-1] = (coefs[-1] * scale).astype(dtype)
            intercepts[-1] = (intercepts[-1] * scale + mean).astype(dtype)
    for name, arrays in (("coefs_", coefs), ("intercepts_", intercepts)):
        if not all(np.isfinite(array).all() for array in arrays):
            raise ValueError(f"{name} of the model contain NaN or infinity.")
    classes = getattr(model, "classes_", None)
    return Network(
        coefs, intercepts, model.activation, model.out_activation_, _kind(model, classes), classes
    )  # fmt: skip


def _kind(model, classes) -> str:
    if classes is None:
        return REGRESSION
    if model._targets.multilabel:
        return MULTILABEL
    return {1: ONE_CLASS, 2: BINARY}.get(len(classes), MULTICLASS)


def no_counterpart(what: str, value: str, where: str, known) -> ValueError:
    """Return the error of a value that the other library does not have."""
    return ValueError(
        f"{what}={value!r} has no counterpart in {where}, which has {', '.join(map(repr, known))}."
    )

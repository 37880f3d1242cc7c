"""A fitted model made of weights: it predicts, and `partial_fit` or a warm start trains it further."""

import itertools
import math

import numpy as np

from ..engine.losses import LOSSES
from ..estimators.attributes import fitted_attributes
from ..estimators.validation import check_parameters
from ..training import seeding
from ..training.history import Record
from ..training.resume_state import State


def fitted(model, targets, coefs, intercepts, *, feature_names=None):
    """Return the estimator `model` with these weights as if they were trained.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        Unfitted; its `hidden_layer_sizes` are set to those of the weights.
    targets : ClassTargets or RegressionTargets
    coefs, intercepts : lists of array-like
        Weights (fan_in, fan_out) and biases (fan_out,) of each layer.
    feature_names : array-like of str or None
    """
    sizes = [coefs[0].shape[0], *(coef.shape[1] for coef in coefs)]
    if sizes[-1] != targets.n_outputs:
        raise ValueError(
            f"The last layer has {sizes[-1]} outputs, but the targets need {targets.n_outputs}."
        )
    model.set_params(hidden_layer_sizes=tuple(sizes[1:-1]))
    model._validate_params()
    coefs, intercepts = check_parameters(
        ("coefs", coefs), ("intercepts", intercepts), sizes, model.dtype
    )
    loss = LOSSES[targets.loss]
    stopping = model.early_stopping and model.solver != "lbfgs"
    record = Record.of(model, loss.metric, first=True, goes_on=False, early_stopping=stopping)
    state = State(seeding.draw_seed(model.random_state))
    attributes = fitted_attributes(
        targets, record, state, coefs, intercepts,
        out_activation=loss.output_activation, density=math.nan, zero_skipping=False,  # no samples were seen
    )  # fmt: skip
    vars(model).update(attributes, n_features_in_=sizes[0])
    if feature_names is not None:
        model.feature_names_in_ = np.asarray(feature_names, object)
    return model


def split_layers(arrays):
    """Return (coefs, intercepts) of a list in which they alternate."""
    arrays = [np.asarray(array) for array in arrays]
    if len(arrays) % 2 or not arrays:
        raise ValueError(f"Weights and biases must alternate, got {len(arrays)} array(s).")
    coefs, intercepts = arrays[::2], arrays[1::2]
    if any(coef.ndim != 2 for coef in coefs) or any(bias.ndim != 1 for bias in intercepts):
        raise ValueError(
            "Weights must be 2-D arrays and biases 1-D, in turns; "
            f"got the shapes {[array.shape for array in arrays]}."
        )
    return coefs, intercepts


def alternate(coefs, intercepts) -> list[np.ndarray]:
    """Return weights and biases in one list, in turns."""
    return list(itertools.chain.from_iterable(zip(coefs, intercepts, strict=True)))

"""What the two estimators share: the methods that do not speak of classes."""

import copy
import dataclasses
import functools
import inspect
import operator
import os
import sys
from numbers import Real
from typing import Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import get_config
from sklearn.base import _fit_context
from sklearn.utils._param_validation import validate_parameter_constraints
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ..engine.optimizers import SOLVERS
from . import types as t

if os.name == "mypy":  # never; pyright knows that, mypy takes what it finds first: see `mypy_bases`
    from .mypy_bases import BaseEstimator, CallbackSupportMixin
else:
    from sklearn.base import BaseEstimator  # type: ignore[no-redef]

    from .callbacks import CallbackSupportMixin

PRIVATE = {"_targets", "_state"}  # attributes of a fitted model that are objects of fastmlp's own

# The engine, and the machine code with it, is imported by the first call that computes.


def is_stochastic(model):
    """Return True, or raise the AttributeError that hides `partial_fit`."""
    if not SOLVERS[model.solver].stochastic:
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. "
            f"{model.solver} is not stochastic."
        )
    return True


def validated(method: t.Method) -> t.Method:
    """Have scikit-learn validate the parameters before the method runs."""
    return cast(t.Method, _fit_context(prefer_skip_nested_validation=True)(method))


def validated_again(method: t.Method) -> t.Method:
    """The same for a `partial_fit`: scikit-learn validates a model's first one only, and parameters may change."""
    first = validated(method)

    @functools.wraps(first)
    def checked(self, *args, **kwargs):
        self._validate_changed()
        return first(self, *args, **kwargs)

    return cast(t.Method, checked)


def if_stochastic(method: t.Method) -> t.Method:
    """Hide the method from models whose solver is not stochastic."""
    return cast(t.Method, available_if(is_stochastic)(method))


class BaseMLP(CallbackSupportMixin, BaseEstimator):
    """Base of MLPClassifier and MLPRegressor; not an estimator itself."""

    _parameter_constraints: dict[str, list[Any]]  # set by `described`

    # Parameters. `_keep` sets them, which no type checker sees; a test compares them to the signatures.
    hidden_layer_sizes: t.LayerSizes
    activation: t.Activation
    solver: t.Solver
    alpha: t.Float
    weight_decay: t.Float
    dropout: t.Dropout
    input_dropout: t.Float
    average: t.Float
    batch_size: t.IntOrAuto
    learning_rate: t.LearningRate
    learning_rate_init: t.Float
    power_t: t.Float
    max_iter: t.IntOrAuto
    shuffle: bool
    random_state: t.RandomState
    tol: t.Float | None
    verbose: int
    warm_start: bool
    momentum: t.Float
    nesterovs_momentum: bool
    rho: t.Float
    beta_1: t.Float
    beta_2: t.Float
    epsilon: t.Float
    early_stopping: bool
    scoring: t.Scoring
    validation_fraction: t.Float
    n_iter_no_change: t.Float
    max_fun: t.Int
    dtype: t.ComputeDtype
    n_threads: t.Int | None

    # Attributes of a fitted model.
    coefs_: list[t.FloatArray]
    intercepts_: list[t.FloatArray]
    history_: dict[str, list[float]]
    loss_: float
    loss_curve_: list[float]
    best_loss_: float | None
    validation_scores_: list[float] | None
    best_validation_score_: float | None
    n_iter_: int
    t_: int
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    n_layers_: int
    n_outputs_: int
    out_activation_: str
    density_: float
    zero_skipping_: bool
    baselines_: t.FloatArray | None
    _targets: Any
    _state: Any
    _validated: list[Any]

    def _keep(self, arguments):
        """Keep the arguments of `__init__`, its ``locals()``, as they are: scikit-learn's rule."""
        # Which they are is told by `__init__`, not by the constraints, which a subclass may have changed.
        for name, value in arguments.items():
            if name not in ("self", "__class__"):
                setattr(self, name, value)

    def _validate_params(self):
        """Validate the parameters; 0-d arrays count as the scalars that they hold."""
        given = {
            name: value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value
            for name, value in self.get_params(deep=False).items()
        }
        validate_parameter_constraints(
            self._parameter_constraints, given, caller_name=type(self).__name__
        )
        for name, value in given.items():
            is_real = any(
                getattr(c, "type", None) is Real for c in self._parameter_constraints.get(name, ())
            )
            if is_real and isinstance(value, int) and abs(value) > sys.float_info.max:
                raise ValueError(
                    f"The {name!r} parameter of {type(self).__name__} must be at most {sys.float_info.max:g} in size."
                )

    def _validate_changed(self):
        """Validate a fitted model's parameters if they are not those of the last time."""
        if get_config()["skip_parameter_validation"] or not self.__sklearn_is_fitted__():
            return
        given = [getattr(self, name) for name in self._parameter_constraints]
        known = vars(self).get("_validated")
        if known is not None and all(map(operator.is_, given, known)):
            return
        self._validate_params()
        self._validated = given

    def without_optimizer_state(self) -> Self:
        """Return a copy for prediction, without the optimizer's state, which is up to twice as large as the weights.

        The copy predicts and evaluates to the same bits. It can be trained on, but its optimizer starts afresh:
        `partial_fit` then differs from that of the model itself.

        Returns
        -------
        model : same class as the model
            It shares the weights' arrays with the model.
        """
        check_is_fitted(self)
        model = copy.copy(self)
        model._state = dataclasses.replace(self._state, optimizer=None, latest=None, average=None)
        return model

    def __getstate__(self) -> dict[str, Any]:
        from ..training.history import with_own_lists
        from .saved_state import plain

        # Own lists, because `copy.copy` works by this state, too.
        state = with_own_lists(cast(dict[str, Any], super().__getstate__()))
        state.pop("_validated", None)
        for name in PRIVATE & state.keys():
            state[name] = plain(state[name])
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        from .saved_state import restored

        super().__setstate__(state)
        for parameter in inspect.signature(type(self).__init__).parameters.values():
            if (
                parameter.name in self._parameter_constraints
            ):  # one that an earlier version did not have
                self.__dict__.setdefault(parameter.name, parameter.default)
        for name in PRIVATE & state.keys():
            self.__dict__[name] = restored(state[name])

    def __sklearn_is_fitted__(self):
        # Weights alone, assigned to a model that was never fitted, do not say what its outputs mean.
        return "coefs_" in vars(self) and "_targets" in vars(self)

    def _find_targets(self, y, classes, call):
        """Return the targets to train for; see `fit_task.prepare`."""
        raise NotImplementedError

    def _fit(self, X, y, **arguments):
        """Run `fit_task.fit`, and return the model."""
        from .fit_task import fit

        fit(self, X, y, **arguments)
        return self

    @validated
    def fit(
        self,
        X: t.MatrixLike,
        y: t.MatrixLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: t.MatrixLike | None = None,
        y_val: t.MatrixLike | None = None,
        sample_weight_val: ArrayLike | None = None,
        coef_init: t.Weights | None = None,
        intercept_init: t.Weights | None = None,
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training samples, of any real dtype; no copy of another dtype is made.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            A classifier's labels of any type, or a 2-D indicator of 0 and 1 for multilabel; a regressor's numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each sample counts.
        X_val, y_val : as X and y, default=None
            Samples to validate with after each epoch, noted in `history_`. Early stopping goes by
            them, and so does an "adaptive" learning rate.
        sample_weight_val : array-like of shape (n_validation_samples,), default=None
            How much each of those counts.
        coef_init, intercept_init : lists as `coefs_` and `intercepts_`, default=None
            Weights and biases to start from.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For parameters, arrays or weights that do not fit, before anything is trained; and for a loss or weights
            that become infinite. The model is then what it was before.
        """
        return self._fit(
            X,
            y,
            sample_weight=sample_weight,
            X_val=X_val,
            y_val=y_val,
            sample_weight_val=sample_weight_val,
            coef_init=coef_init,
            intercept_init=intercept_init,
        )

    def evaluate(
        self, X: t.MatrixLike, y: t.MatrixLike, sample_weight: ArrayLike | None = None
    ) -> dict[str, float]:
        """Return the mean loss, without its L2 penalty, and the score on labelled samples.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        measures : dict
            "loss", and the score under its name in `history_`: what `score` returns, but for rounding.

        Raises
        ------
        NotFittedError
            If the model is not fitted.
        ValueError
            For samples or labels that do not fit the model, and for a loss that is not finite.
        """
        from .fitted import evaluate

        check_is_fitted(self)
        return evaluate(self, X, y, sample_weight)

    def _outputs(self, X, **wanted):
        """Return the outputs of the output layer for X, (n_samples, n_outputs_); see `fitted.predictions`."""
        from .fitted import predictions

        if not self.__sklearn_is_fitted__():  # check_is_fitted takes a tenth of a small prediction
            check_is_fitted(self)
        return predictions(self, X, **wanted)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    _doc_link_module = "fastmlp"
    # scikit-learn would link to pages of its own.
    _doc_link_template = ""  # pyright: ignore

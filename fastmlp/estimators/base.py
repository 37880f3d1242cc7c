"""What the two estimators share: the methods that do not speak of classes."""

from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils._param_validation import validate_parameter_constraints
from sklearn.utils.validation import check_is_fitted

from ..engine.optimizers import SOLVERS
from .callbacks import CallbackSupportMixin

# The engine, and the machine code with it, is imported by the first call that computes.


def is_stochastic(model):
    """Return True, or raise the AttributeError that hides `partial_fit`."""
    if not SOLVERS[model.solver].stochastic:
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. "
            f"{model.solver} is not stochastic."
        )
    return True


class BaseMLP(CallbackSupportMixin, BaseEstimator):
    """Base of MLPClassifier and MLPRegressor; not an estimator itself."""

    def _keep(self, arguments):
        """Keep the arguments of `__init__`, its ``locals()``, as they are: scikit-learn's rule."""
        vars(self).update({name: arguments[name] for name in self._parameter_constraints})

    def _validate_params(self):
        """Validate the parameters; 0-d arrays count as the scalars that they hold."""
        given = {
            name: value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value
            for name, value in self.get_params(deep=False).items()
        }
        validate_parameter_constraints(
            self._parameter_constraints, given, caller_name=type(self).__name__
        )

    def __sklearn_is_fitted__(self):
        # Weights alone, assigned to a model that was never fitted, do not say what its outputs mean.
        return "coefs_" in vars(self) and "_targets" in vars(self)

    def _find_targets(self, y, classes, *, first, incremental):
        """Return the targets to train for; see `fit_task.prepare`."""
        raise NotImplementedError

    def _fit(self, X, y, **arguments):
        """Run `fit_task.fit`, and return the model."""
        from .fit_task import fit

        fit(self, X, y, **arguments)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
        coef_init=None,
        intercept_init=None,
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
            them.
        sample_weight_val : array-like of shape (n_validation_samples,), default=None
            How much each of those counts.
        coef_init, intercept_init : lists as `coefs_` and `intercepts_`, default=None
            Weights and biases to start from.

        Returns
        -------
        self
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

    def evaluate(self, X, y, sample_weight=None) -> dict[str, float]:
        """Return the mean loss, without its L2 penalty, and the score on labelled samples.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        measures : dict
            "loss", and the score of `score` under its name in `history_`.
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
    _doc_link_template = ""  # no pages are published yet

"""What the two estimators share: constraints of parameters, and the methods that do not speak of targets."""

from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import check_is_fitted

from ..engine.optimizers import SOLVERS
from ..kernels.abi import ACTIVATIONS
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
    """Base of MLPClassifier and its relatives; not an estimator itself."""

    _parameter_constraints: ClassVar[dict] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "solver": [StrOptions(set(SOLVERS))],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left"), None],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "rho": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "dtype": [StrOptions({"float32", "float64"}), Options(type, {np.float32, np.float64})],
        "n_threads": [Interval(Integral, 1, None, closed="left"), None],
    }

    def _find_targets(self, y, classes, *, first, incremental):
        """Return the targets to train for; see `fit_task.prepare`."""
        raise NotImplementedError

    def _fit(self, X, y, **arguments):
        """Run `fit_task.fit`, and return the model."""
        from .fit_task import fit

        fit(self, X, y, **arguments)
        return self

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

    def _outputs(self, X):
        """Return the outputs of the output layer for X, (n_samples, n_outputs_)."""
        from .fitted import predictions

        if "coefs_" not in vars(self):  # check_is_fitted takes a tenth of a small prediction
            check_is_fitted(self)
        return predictions(self, X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    _doc_link_module = "fastmlp"
    _doc_link_template = ""  # no pages are published yet

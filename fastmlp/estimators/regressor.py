"""MLPRegressor: scikit-learn's contract and nothing else."""

from typing import Self

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils.metaestimators import available_if

from .base import BaseMLP, is_stochastic
from .parameters import described


@described(metric="r2", Score="R²", outputs="predictions", stratified="")
class MLPRegressor(RegressorMixin, BaseMLP):
    """Multi-layer perceptron regressor.

    Minimizes the squared error of a fully connected network with a linear output, or half of the Poisson
    deviance with an exponential output; one output per target. Results are a function of data,
    parameters and `random_state` alone, whatever the number of threads.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    Notes
    -----
    Targets far from unit scale train slowly, as in any network: scale them, for instance by
    scikit-learn's `TransformedTargetRegressor`.

    Examples
    --------
    >>> from fastmlp import MLPRegressor
    >>> from sklearn.datasets import make_friedman1
    >>> from sklearn.model_selection import train_test_split
    >>> X, y = make_friedman1(2000, random_state=0)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> reg = MLPRegressor(random_state=0, max_iter=100).fit(X_train, y_train)
    >>> reg.score(X_test, y_test) > 0.9
    True
    """

    def __init__(
        self,
        loss="squared_error",
        hidden_layer_sizes=(512,),
        activation="relu",
        *,
        solver="rmsprop",
        alpha=0.0,
        weight_decay=0.0,
        dropout=0.0,
        input_dropout=0.0,
        batch_size=128,
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        max_iter="auto",
        shuffle=True,
        random_state=None,
        tol=None,
        verbose=False,
        warm_start=False,
        momentum=0.0,
        nesterovs_momentum=False,
        rho=0.9,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-7,
        early_stopping=False,
        scoring=None,
        validation_fraction=0.1,
        n_iter_no_change=10,
        max_fun=15000,
        dtype="float32",
        n_threads=None,
    ):
        self._keep(locals())

    @available_if(is_stochastic)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ) -> Self:
        """Train for one epoch, from where the model stands.

        k calls with the same data are one `fit` with ``max_iter=k``, bit for bit. Parameters may
        be changed between calls, those of the network's shape excepted.

        Parameters
        ----------
        X, y, sample_weight, X_val, y_val, sample_weight_val
            As in `fit`.

        Returns
        -------
        self
        """
        return self._fit(
            X,
            y,
            incremental=True,
            sample_weight=sample_weight,
            X_val=X_val,
            y_val=y_val,
            sample_weight_val=sample_weight_val,
        )

    def predict(self, X) -> np.ndarray:
        """Return predictions for the samples X: shape (n_samples,), or (n_samples, n_outputs) for several targets."""
        outputs = self._outputs(X)
        return self._targets.decode(outputs)

    def _find_targets(self, y, classes, *, first, incremental):
        from .regression_targets import find_regression_targets

        return find_regression_targets(self, y, first=first)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.positive_only = self.loss == "poisson"
        return tags

"""MLPRegressor: scikit-learn's contract and nothing else."""

import os
from typing import Any, Self

from numpy.typing import ArrayLike, NDArray

from . import types as t
from .base import BaseMLP, if_stochastic, validated_again
from .parameters import described

if os.name == "mypy":  # never; pyright knows that, mypy takes what it finds first: see `mypy_bases`
    from .mypy_bases import RegressorMixin
else:
    from sklearn.base import RegressorMixin  # type: ignore[no-redef]


@described(
    metric="r2", Score="R²", enough="200 epochs", few="", outputs="predictions", stratified=""
)
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
    target_mean_, target_scale_ : ndarray of shape (n_outputs,), or None
        What `scale_target` subtracts from y and divides it by. `coefs_` and `intercepts_` are then those of the
        network that predicts the standardised target.

    Notes
    -----
    Targets far from unit scale train slowly, as in any network: use `scale_target`.

    Examples
    --------
    >>> from fastmlp import MLPRegressor
    >>> from sklearn.datasets import make_friedman1
    >>> from sklearn.model_selection import train_test_split
    >>> X, y = make_friedman1(2000, random_state=0)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> reg = MLPRegressor(random_state=0, max_iter=100).fit(X_train, y_train)
    >>> reg.score(X_test, y_test) > 0.8
    True
    """

    loss: t.RegressionLoss
    scale_target: bool

    target_mean_: NDArray[Any] | None
    target_scale_: NDArray[Any] | None

    def __init__(
        self,
        loss: t.RegressionLoss = "squared_error",
        hidden_layer_sizes: t.LayerSizes = (512,),
        activation: t.Activation = "relu",
        *,
        solver: t.Solver = "rmsprop",
        alpha: t.Float = 0.0,
        weight_decay: t.Float = 0.0,
        dropout: t.Dropout = 0.0,
        input_dropout: t.Float = 0.0,
        average: t.Float = 0.0,
        scale_target: bool = False,
        batch_size: t.IntOrAuto = 128,
        learning_rate: t.LearningRate = "constant",
        learning_rate_init: t.Float = 0.001,
        power_t: t.Float = 0.5,
        max_iter: t.IntOrAuto = "auto",
        shuffle: bool = True,
        random_state: t.RandomState = None,
        tol: t.Float | None = None,
        verbose: int = False,
        warm_start: bool = False,
        momentum: t.Float = 0.0,
        nesterovs_momentum: bool = False,
        rho: t.Float = 0.9,
        beta_1: t.Float = 0.9,
        beta_2: t.Float = 0.999,
        epsilon: t.Float = 1e-7,
        early_stopping: bool = False,
        scoring: t.Scoring = None,
        validation_fraction: t.Float = 0.1,
        n_iter_no_change: t.Float = 10,
        max_fun: t.Int = 15000,
        dtype: t.ComputeDtype = "float32",
        n_threads: t.Int | None = None,
    ) -> None:
        self._keep(locals())

    @if_stochastic
    @validated_again
    def partial_fit(
        self,
        X: t.MatrixLike,
        y: t.MatrixLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: t.MatrixLike | None = None,
        y_val: t.MatrixLike | None = None,
        sample_weight_val: ArrayLike | None = None,
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

    def predict(self, X: t.MatrixLike) -> NDArray[Any]:
        """Predict the targets of samples.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        predictions : ndarray of shape (n_samples,), or of shape (n_samples, n_outputs) for several targets
            In the model's `dtype`; float64 with `scale_target`.

        Raises
        ------
        NotFittedError
            If the model is not fitted.
        ValueError
            If X has another number of features, values that are not finite, or outputs overflow.
        """
        outputs = self._outputs(X)
        return self._targets.decode(outputs)

    def _find_targets(self, y, classes, call):
        from .regression_targets import find_regression_targets

        return find_regression_targets(self, y, first=call.first)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.positive_only = self.loss == "poisson"
        return tags

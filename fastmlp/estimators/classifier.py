"""MLPClassifier: scikit-learn's contract and nothing else."""

import os
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import types as t
from .base import BaseMLP, if_stochastic, validated_again
from .parameters import described

if os.name == "mypy":  # never; pyright knows that, mypy takes what it finds first: see `mypy_bases`
    from .mypy_bases import ClassifierMixin
else:
    from sklearn.base import ClassifierMixin  # type: ignore[no-redef]


@described(
    metric="accuracy",
    Score="accuracy",
    enough="100 epochs (more with fewer than 512 units: 226 with 100, 400 with 32)",
    few=" (50 of them for 300 samples or fewer, 125 for 450, unless there is a `tol`)",
    outputs="probabilities",
    stratified=", stratified unless y is multilabel",
)
class MLPClassifier(ClassifierMixin, BaseMLP):
    """Multi-layer perceptron classifier.

    Minimizes the cross-entropy of a fully connected network: softmax over three or more classes,
    a logistic output for two, one logistic output per label for multilabel targets. Results are a
    function of data, parameters and `random_state` alone, whatever the number of threads.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels; the numbers of the outputs if multilabel.
    {attributes}

    Examples
    --------
    >>> from fastmlp import MLPClassifier
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> X, y = load_digits(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
    >>> clf = MLPClassifier(random_state=0).fit(X_train, y_train)
    >>> clf.score(X_test, y_test) > 0.95
    True
    """

    label_smoothing: t.Float
    class_weight: t.ClassWeight
    classes_: NDArray[Any]

    def __init__(
        self,
        hidden_layer_sizes: t.LayerSizes = (512,),
        activation: t.Activation = "relu",
        *,
        solver: t.Solver = "rmsprop",
        alpha: t.Float = 0.0,
        weight_decay: t.Float = 0.0,
        dropout: t.Dropout = 0.0,
        input_dropout: t.Float = 0.0,
        average: t.Float = 0.0,
        label_smoothing: t.Float = 0.0,
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
        class_weight: t.ClassWeight = None,
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
        classes: ArrayLike | None = None,
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
        classes : array-like of shape (n_classes,), default=None
            All labels that any call will have; needed in the first call on an unfitted model.

        Returns
        -------
        self
        """
        return self._fit(
            X,
            y,
            incremental=True,
            sample_weight=sample_weight,
            classes=classes,
            X_val=X_val,
            y_val=y_val,
            sample_weight_val=sample_weight_val,
        )

    def predict(self, X: t.MatrixLike) -> NDArray[Any]:
        """Predict the labels of samples: the likeliest class, or each label with a probability above 1/2.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        labels : ndarray of shape (n_samples,), or of shape (n_samples, n_outputs) if multilabel
            Of the dtype of `classes_`.

        Raises
        ------
        NotFittedError
            If the model is not fitted.
        ValueError
            If X has another number of features, values that are not finite, or outputs overflow.
        """
        outputs = self._outputs(X)
        return self._targets.decode(outputs)

    def score(
        self, X: t.MatrixLike, y: t.MatrixLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Accuracy on labelled samples; if multilabel, the share of samples with all labels right.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        accuracy : float
        """
        from .validation import plain_labels

        return super().score(X, plain_labels(y), sample_weight)

    def predict_proba(self, X: t.MatrixLike) -> t.FloatArray:
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes), in the model's `dtype`
            Columns as `classes_`. Rows sum to 1, unless y is multilabel: each column is then a label's own.

        Raises
        ------
        NotFittedError, ValueError
            As `predict`.
        """
        return self._probabilities(X)

    def predict_log_proba(self, X: t.MatrixLike) -> t.FloatArray:
        """Predict the logarithm of the probability of each class.

        It is computed from the logits, so that it is finite where a probability is too small for the dtype; and 0
        where the probability rounds to 1.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        logarithms : ndarray of shape (n_samples, n_classes), in the model's `dtype`

        Raises
        ------
        NotFittedError, ValueError
            As `predict`.
        """
        logarithms = self._probabilities(X, logarithm=True)
        logarithms[logarithms > -np.finfo(logarithms.dtype).eps] = 0
        return logarithms

    def _probabilities(self, X, *, logarithm=False):
        """One column per class."""
        outputs = self._outputs(X, logarithm=logarithm, both=self._has_two_columns())
        return self._targets.proba(outputs, logarithm=logarithm)

    def _has_two_columns(self):
        """Whether a single output tells of two classes."""
        return "_targets" in vars(self) and self._targets.has_two_columns

    def _find_targets(self, y, classes, call):
        from .targets import find_class_targets

        return find_class_targets(self, y, classes, call)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

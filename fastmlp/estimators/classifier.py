"""MLPClassifier: scikit-learn's contract and nothing else."""

from typing import Self

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils.metaestimators import available_if

from .base import BaseMLP, is_stochastic
from .parameters import described


@described(
    metric="accuracy",
    Score="Accuracy",
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

    def __init__(
        self,
        hidden_layer_sizes=(512,),
        activation="relu",
        *,
        solver="rmsprop",
        alpha=0.0,
        weight_decay=0.0,
        dropout=0.0,
        input_dropout=0.0,
        label_smoothing=0.0,
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
        class_weight=None,
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
        classes=None,
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

    def predict(self, X) -> np.ndarray:
        """Labels of the samples X: shape (n_samples,), or (n_samples, n_outputs) if multilabel."""
        outputs = self._outputs(X)
        return self._targets.decode(outputs)

    def predict_proba(self, X) -> np.ndarray:
        """Probability of each class for the samples X, (n_samples, n_classes), as in `classes_`."""
        return self._probabilities(X)

    def predict_log_proba(self, X) -> np.ndarray:
        """Logarithm of `predict_proba`, from the logits: finite where a probability is too small for the dtype."""
        return self._probabilities(X, logarithm=True)

    def _probabilities(self, X, *, logarithm=False):
        """One column per class."""
        outputs = self._outputs(X, logarithm=logarithm, both=self._has_two_columns())
        return self._targets.proba(outputs, logarithm=logarithm)

    def _has_two_columns(self):
        """Whether a single output tells of two classes."""
        return "_targets" in vars(self) and self._targets.has_two_columns

    def _find_targets(self, y, classes, *, first, incremental):
        from .targets import find_class_targets

        return find_class_targets(self, y, classes, first=first, incremental=incremental)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

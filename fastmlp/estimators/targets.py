"""Labels to the engine's targets and back, and what each sample counts."""

import warnings
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import _check_sample_weight


def kind_of(y) -> str:
    """scikit-learn's name for the type of the labels y, if they are classes at all."""
    kind = type_of_target(y, input_name="y")
    if kind not in ("binary", "multiclass", "multilabel-indicator"):
        check_classification_targets(y)  # words the error for most of them
        raise ValueError("Multioutput target data is not supported with label binarization")
    return kind


@dataclass
class Targets:
    """The classes of a fitted model.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        The labels in ascending order; the numbers of the outputs if multilabel.
    multilabel : bool
    sparse : {"csr_array", "csr_matrix"} or None
        What predictions are where y was a sparse indicator.
    """

    classes: np.ndarray
    multilabel: bool = False
    sparse: str | None = None

    @classmethod
    def of(cls, y) -> "Targets":
        """The targets that y, validated, is an example of."""
        if kind_of(y) == "multilabel-indicator":
            _warn_of_one_hot(y)
            kind = "csr_array" if isinstance(y, sp.sparray) else "csr_matrix"
            kind = kind if sp.issparse(y) else None
            return cls(np.arange(y.shape[1]), multilabel=True, sparse=kind)
        return cls(unique_labels(y))

    @classmethod
    def of_classes(cls, classes, y) -> "Targets":
        """The targets of a first `partial_fit`, whose y need not show every class."""
        if kind_of(y) == "multilabel-indicator":
            targets = cls.of(y)
            if not np.array_equal(unique_labels(classes), targets.classes):
                raise ValueError(
                    f"`classes` of a multilabel y are its columns, {targets.classes}; "
                    f"got {classes}."
                )
            return targets
        if len(classes := unique_labels(classes)) == 0:
            raise ValueError("`classes` must contain at least one label.")
        return cls(classes)

    @property
    def n_outputs(self) -> int:
        n_classes = len(self.classes)
        return n_classes if self.multilabel or n_classes > 2 else 1

    @property
    def output(self) -> str:
        """The activation of the output layer."""
        return "logistic" if self.multilabel or self.n_outputs == 1 else "softmax"

    def encode(self, y) -> np.ndarray:
        """The engine's labels: class numbers (n, 1) for softmax, else 0 or 1 (n, n_outputs)."""
        if (kind_of(y) == "multilabel-indicator") != self.multilabel:
            raise ValueError(
                "The object was not fitted with multilabel input."
                if not self.multilabel
                else "The object was fitted with multilabel input."
            )
        if self.multilabel:
            return self._encode_multilabel(y)
        number = np.searchsorted(self.classes, y).clip(max=len(self.classes) - 1)
        if not np.array_equal(self.classes[number], y):
            raise ValueError(
                "`y` has classes not in `self.classes_`. "
                f"`self.classes_` has {self.classes}. 'y' has {unique_labels(y)}."
            )
        return np.ascontiguousarray(number.reshape(-1, 1), dtype=np.int32)

    def _encode_multilabel(self, y):
        if y.shape[1] != self.n_outputs:
            raise ValueError(
                "Multi-label binary indicator input with different numbers of labels: "
                f"{self.n_outputs} before, {y.shape[1]} now"
            )
        y = y.toarray() if sp.issparse(y) else y
        indicator = np.ascontiguousarray(y != 0, dtype=np.int32)
        if not np.array_equal(indicator, y):
            raise ValueError("A multilabel y must be an indicator of 0 and 1 only.")
        return indicator

    def decode(self, probability):
        """The labels predicted from the engine's probabilities (n, n_outputs)."""
        if self.multilabel:
            indicator = (probability > 0.5).astype(np.int64)
            return getattr(sp, self.sparse)(indicator) if self.sparse else indicator
        if self.n_outputs > 1:
            return self.classes.take(probability.argmax(axis=1))
        # One class only: its number is 0, whatever the output says.
        return self.classes.take((probability[:, 0] > 0.5).astype(np.intp), mode="clip")

    def proba(self, probability) -> np.ndarray:
        """One column per class from the engine's probabilities."""
        if self.multilabel or self.n_outputs > 1:
            return probability
        if len(self.classes) == 1:
            return np.ones_like(probability)
        return np.hstack([1 - probability, probability])


def _warn_of_one_hot(y):
    """A multilabel y in which each sample has exactly one label is most likely one-hot."""
    per_sample = np.asarray(y.sum(axis=1)).ravel()
    if (per_sample == 1).all():
        warnings.warn(
            "y is a 2-D indicator, which means multilabel, but each of its rows has exactly one 1. "
            "If it is one-hot, as from Keras's to_categorical, pass y.argmax(axis=1) instead.",
            UserWarning,
            stacklevel=2,
        )


def sample_weights(
    X, y, targets, labels, *, sample_weight, class_weight, incremental=False, dtype=np.float64
):
    """What each sample counts: `sample_weight` times its class's weight, float64 or None.

    X and y are validated; `labels` is y encoded by `targets`. Weights that are too large or too
    small to compute with in `dtype` are refused.
    """
    if sample_weight is not None:
        sample_weight = _check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
    if class_weight is not None:
        if class_weight == "balanced" and incremental:
            raise ValueError(
                "class_weight 'balanced' is not supported for partial_fit. In order to use "
                "'balanced' weights, use compute_class_weight('balanced', classes=classes, y=y). "
                "In place of y you can use a large enough sample of the full training set target "
                "to properly estimate the class frequency distributions. Pass the resulting "
                "weights as the class_weight parameter."
            )
        by_class = _class_weights(y, targets, labels, sample_weight, class_weight)
        if by_class.min() < 0:
            raise ValueError("Negative values in data passed to `class_weight`")
        with np.errstate(over="ignore"):  # noticed below
            sample_weight = by_class if sample_weight is None else sample_weight * by_class
    if sample_weight is not None:
        _check_range(sample_weight, np.dtype(dtype))
    return sample_weight


def _check_range(weight, dtype):
    """Refuse weights that are all zero, or whose sum overflows, in the eyes of `dtype`."""
    if not weight.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    with np.errstate(over="ignore"):
        total = weight.sum()
    if not np.isfinite(total):
        raise ValueError("Sample weights contain NaN, infinity or values too large for float64.")
    smallest = np.finfo(dtype).tiny  # of the numbers that have a reciprocal
    if weight.max() < smallest or total > 0.25 / smallest:
        size = "small" if total < 1 else "large"
        raise ValueError(
            f"Sample weights are too {size} for {dtype}: their sum is {total:g}. "
            "Divide them by their mean."
        )


def _class_weights(y, targets, labels, sample_weight, class_weight):
    """Each sample's class weight."""
    if targets.multilabel:
        return compute_sample_weight(class_weight, y)
    if class_weight == "balanced":
        # As scikit-learn's linear models: a sample that weighs 2 counts as two samples.
        share = np.bincount(labels[:, 0], sample_weight, minlength=len(targets.classes))
        present = share > 0
        weight = np.ones(len(share))
        weight[present] = share.sum() / (present.sum() * share[present])
    else:
        weight = compute_class_weight(class_weight, classes=targets.classes, y=y)
    return np.asarray(weight, np.float64)[labels[:, 0]]

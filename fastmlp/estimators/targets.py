"""Labels to the engine's targets and back."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

from ..system.user_warnings import warn_user


def kind_of(y) -> str:
    """scikit-learn's name for the type of the labels y, if they are classes at all."""
    kind = type_of_target(y, input_name="y")
    if kind not in ("binary", "multiclass", "multilabel-indicator"):
        check_classification_targets(y)  # words the error for most of them
        raise ValueError("Multioutput target data is not supported with label binarization")
    return kind


@dataclass
class ClassTargets:
    """The classes of a fitted classifier.

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
    def of(cls, y) -> "ClassTargets":
        """The targets that y, validated, is an example of."""
        if kind_of(y) == "multilabel-indicator":
            _warn_of_one_hot(y)
            kind = "csr_array" if isinstance(y, sp.sparray) else "csr_matrix"
            kind = kind if sp.issparse(y) else None
            return cls(np.arange(y.shape[1]), multilabel=True, sparse=kind)
        classes = unique_labels(y)
        if len(classes) == 1:
            warn_user(
                f"y has one class only, {classes.tolist()[0]!r}: the model will predict nothing else."
            )
        return cls(classes)

    @classmethod
    def of_classes(cls, classes, y) -> "ClassTargets":
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
    def loss(self) -> str:
        """The loss to train with, a key of `engine.losses.LOSSES`."""
        if self.has_one_class:
            return "one_class_cross_entropy"
        kind = "logistic" if self.multilabel or self.n_outputs == 1 else "softmax"
        return f"{kind}_cross_entropy"

    def attributes(self) -> dict:
        """The fitted attributes that tell of the targets."""
        return {"classes_": self.classes}

    def strata(self, labels):
        """Class numbers by which a split into training and validation samples is stratified, or None."""
        return None if self.multilabel else labels[:, 0]

    def encode(self, y, dtype) -> np.ndarray:
        """Return the engine's labels: class numbers (n, 1) for softmax, else 0 or 1 (n, n_outputs).

        They are integers, whatever the compute `dtype`.
        """
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

    @property
    def has_one_class(self) -> bool:
        """Whether there is nothing to tell apart."""
        return not self.multilabel and len(self.classes) == 1

    @property
    def has_two_columns(self) -> bool:
        """Whether the one output is the probability of the second class, and that of the first wanted, too."""
        return not self.multilabel and len(self.classes) == 2

    def proba(self, probability, *, logarithm=False) -> np.ndarray:
        """One column per class, from those of the engine, which has both of two classes."""
        if self.has_one_class:
            return np.zeros_like(probability) if logarithm else np.ones_like(probability)
        return probability


def _warn_of_one_hot(y):
    """A multilabel y in which each sample has exactly one label is most likely one-hot."""
    per_sample = np.asarray(y.sum(axis=1)).ravel()
    if (per_sample == 1).all():
        warn_user(
            "y is a 2-D indicator, which means multilabel, but each of its rows has exactly one 1. "
            "If it is one-hot, as from Keras's to_categorical, pass y.argmax(axis=1) instead.",
        )


def find_class_targets(model, y, classes, call) -> ClassTargets:
    """The classes to train for, which must be those of earlier calls unless it is the first.

    Parameters
    ----------
    model : MLPClassifier
    y : validated labels
    classes : array-like or None
        As given to `partial_fit`.
    call : starting_point.Call
    """
    if call.first:
        if not call.incremental:
            return ClassTargets.of(y)
        if classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        return ClassTargets.of_classes(classes, y)
    if classes is not None and not np.array_equal(model.classes_, unique_labels(classes)):
        raise ValueError(
            f"`classes={classes!r}` is not the same as on last call to partial_fit, "
            f"was: {model.classes_!r}"
        )
    if not call.incremental and not model._targets.multilabel:
        found = unique_labels(y)
        if set(found.tolist()) != set(model.classes_.tolist()):
            if call.resumed:
                raise ValueError(
                    f"The checkpoint's model was trained with the classes {model.classes_}, `y` has {found}. Use "
                    "another folder, or remove its checkpoints."
                )
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the "
                f"previous call to fit. Previously got {model.classes_}, `y` has {found}"
            )
    return model._targets

"""How much each sample counts."""

import numpy as np
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight
from sklearn.utils.validation import _check_sample_weight


def sample_weights(
    X,
    y,
    targets,
    labels,
    *,
    sample_weight,
    class_weight,
    incremental=False,
    dtype=np.float64,
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
        _check_class_weight(class_weight, targets.multilabel)
        by_class = _class_weights(y, targets, labels, sample_weight, class_weight)
        if by_class.min() < 0:
            raise ValueError("Negative values in data passed to `class_weight`")
        with np.errstate(over="ignore"):  # noticed below
            sample_weight = by_class if sample_weight is None else sample_weight * by_class
        if not sample_weight.any():
            raise ValueError(f"class_weight={class_weight!r} leaves no sample with a weight.")
    if sample_weight is not None:
        _check_range(sample_weight, np.dtype(dtype))
    return sample_weight


def _check_class_weight(class_weight, multilabel):
    """Refuse a list that is not one dict for each output of a multilabel y."""
    if not isinstance(class_weight, list):
        return
    if not multilabel:
        raise ValueError(
            "class_weight must be a dict of class labels and weights, 'balanced' or None, "
            f"got {class_weight!r}. A list of dicts is for a multilabel y."
        )
    if not all(isinstance(weights, dict) for weights in class_weight):
        raise ValueError(
            f"class_weight must be a list of one dict for each output of a multilabel y, got {class_weight!r}."
        )


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

"""Numbers to predict: checked, and made the engine's labels."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import assert_all_finite, check_array

from ..engine.losses import that_count


@dataclass
class RegressionTargets:
    """What a fitted regressor predicts.

    Attributes
    ----------
    n_outputs : int
    loss : str
        The loss to train with, a key of `engine.losses.LOSSES`.
    mean, scale : float64 ndarray of shape (n_outputs,), or None
        The network learns ``(y - mean) / scale``; None: y itself.
    """

    n_outputs: int
    loss: str
    mean: np.ndarray | None = None
    scale: np.ndarray | None = None

    def attributes(self) -> dict:
        """Return the fitted attributes that tell of the targets, beside the number of outputs."""
        return {"target_mean_": self.mean, "target_scale_": self.scale}

    def standardise(self, y, weight):
        """Take the mean and the deviation of validated y, with these sample weights or None, as `mean` and `scale`.

        The deviation of a constant target counts as 1.
        """
        weight, values = that_count(weight, as_numbers(y))
        values = np.array(values, np.float64, order="C")  # sums depend on the order in memory
        largest = np.abs(values).max(axis=0)
        unit = np.where(largest > 0, largest, 1.0)  # whose squares do not overflow
        values /= unit
        mean = np.average(values, axis=0, weights=weight)
        deviation = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weight))
        varies = deviation > 10 * np.finfo(np.float64).eps  # more than rounding does
        self.mean, self.scale = mean * unit, np.where(varies, deviation * unit, 1.0)

    def strata(self, labels):
        """Return None: a split into training and validation samples is a plain one."""
        return None

    def encode(self, y, dtype) -> np.ndarray:
        """Return the engine's labels (n, n_outputs) in the compute dtype, from validated y."""
        values = as_numbers(y)
        n_outputs = values.shape[1]
        if n_outputs != self.n_outputs:
            raise ValueError(
                f"y has {n_outputs} output(s), but this model was fitted with {self.n_outputs}."
            )
        if self.loss == "poisson" and values.min() < 0:
            raise ValueError(
                "Some value(s) of y are negative which is not allowed for Poisson regression."
            )
        # What is too large for the dtype becomes infinite; the check words the error.
        with np.errstate(over="ignore", invalid="ignore"):
            labels = np.ascontiguousarray(values, dtype)
            assert_all_finite(labels, input_name="y")
            if self.scale is not None:
                values = np.asarray(values, np.float64)
                labels = np.ascontiguousarray((values - self.mean) / self.scale, dtype)
                assert_all_finite(labels, input_name="y, standardised by `scale_target`,")
        return labels

    def decode(self, outputs):
        """Return predictions from the engine's outputs (n, n_outputs); one output gives (n,)."""
        if self.scale is not None:
            # In float64, lest a mean far from 0 take the digits.
            outputs = outputs * self.scale + self.mean
        return outputs[:, 0] if self.n_outputs == 1 else outputs


def as_numbers(y) -> np.ndarray:
    """Return y as a real array (n, n_outputs)."""
    y = check_array(y, ensure_2d=False, dtype="numeric", input_name="y")
    if y.dtype.kind not in "biuf":  # scikit-learn lets dates pass as numbers
        raise TypeError(f"y must be an array of numbers, got one of dtype {y.dtype}.")
    return y.reshape(len(y), -1)


def find_regression_targets(model, y, *, first) -> RegressionTargets:
    """Return the targets to train for; those of earlier calls have as many outputs, unless it is the first."""
    if model.scale_target and model.loss != "squared_error":
        raise ValueError(
            "scale_target=True is for loss='squared_error': "
            f"targets of loss={model.loss!r} must not be shifted."
        )
    if first:
        return RegressionTargets(as_numbers(y).shape[1], model.loss)
    before = model._targets
    if model.scale_target != (before.scale is not None):
        raise ValueError(
            f"scale_target={model.scale_target} is not what the model was trained with: its weights are for a target "
            "in other units. Restore scale_target, or call fit with warm_start=False."
        )
    return RegressionTargets(model.n_outputs_, model.loss, before.mean, before.scale)

"""Numbers to predict: checked, and made the engine's labels."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import assert_all_finite, check_array


@dataclass
class RegressionTargets:
    """What a fitted regressor predicts.

    Attributes
    ----------
    n_outputs : int
    loss : str
        The loss to train with, a key of `engine.losses.LOSSES`.
    """

    n_outputs: int
    loss: str

    def attributes(self) -> dict:
        """Return the fitted attributes that tell of the targets, beside the number of outputs."""
        return {}

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
        return labels

    def decode(self, outputs):
        """Return predictions from the engine's outputs (n, n_outputs); one output gives (n,)."""
        return outputs[:, 0] if self.n_outputs == 1 else outputs


def as_numbers(y) -> np.ndarray:
    """Return y as a real array (n, n_outputs)."""
    y = check_array(y, ensure_2d=False, dtype="numeric", input_name="y")
    return y.reshape(len(y), -1)


def find_regression_targets(model, y, *, first) -> RegressionTargets:
    """Return the targets to train for; those of earlier calls have as many outputs, unless it is the first."""
    n_outputs = as_numbers(y).shape[1] if first else model.n_outputs_
    return RegressionTargets(n_outputs, model.loss)

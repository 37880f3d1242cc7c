"""The loss over all samples and its gradient, for solvers that make steps of their own."""

import numpy as np

from .forward_pass import FORWARD_BATCH
from .losses import weighted
from .optimizers import Gradient
from .panel_layout import aligned
from .structs import new_targets, new_update_state
from .training_pass import Steps


class FullGradient:
    """Loss and gradient at one point after the other; what does not depend on the point is made once.

    Parameters
    ----------
    engine : Engine
        Has the loss and, at each call, the parameters.
    data : Data
    labels : ndarray of shape (n_samples, n label columns)
    alpha : float
    sample_weight : float64 ndarray of shape (n_samples,) or None
    """

    def __init__(self, engine, data, labels, *, alpha=0.0, sample_weight=None):
        self.engine, self.alpha = engine, alpha
        self._plan = data.plan(
            None, FORWARD_BATCH, columns=True,
            batches_per_chunk=engine.work(data).batches_per_chunk(FORWARD_BATCH),
        )  # fmt: skip
        self._weight = sample_weight
        self._total = data.n_samples if sample_weight is None else sample_weight.sum()
        sums = np.full(-(-data.n_samples // self._plan.batch_size), float(self._total))
        self._targets = new_targets(
            engine.layout, engine.loss, labels, self._plan.order, 1 / sums,
            sample_weight=sample_weight, smoothing=engine.label_smoothing,
        )  # fmt: skip
        self._optimizer = Gradient()
        # The kernels read the parameters of each call from one and the same place.
        self._params = aligned(len(engine.params), engine.dtype)
        self._update = new_update_state(
            engine.layout, data, self._params, self._optimizer, 1.0, alpha=0.0,
            updates=np.arange(1, len(sums) + 1),
        )  # fmt: skip
        self._steps = Steps(engine, data, self._plan, self._targets, self._update, self._optimizer)

    def __call__(self):
        """Loss with its L2 term, and its gradient, at the engine's parameters.

        Returns
        -------
        loss : float
        coef_grads, intercept_grads : lists of ndarray
            In the shapes of the parameters.
        """
        self._params[:] = self.engine.params
        gradient = self._optimizer.state["square"]
        gradient[:] = 0
        self._steps.run(self._plan)
        losses, total = self._targets.losses, self._total
        if self._weight is not None:
            losses = weighted(losses, self._weight)
        loss = float(losses.sum() / total)
        layout = self.engine.layout
        coef_grads, intercept_grads = layout.unpack(gradient)
        if self.alpha > 0:
            coefs, _ = layout.unpack(self._params)
            loss += 0.5 * self.alpha / total * sum(float(np.vdot(c, c)) for c in coefs)
            for grad, coef in zip(coef_grads, coefs, strict=True):
                grad += layout.dtype.type(self.alpha / total) * coef
        return loss, coef_grads, intercept_grads

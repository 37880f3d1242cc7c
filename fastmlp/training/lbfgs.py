"""L-BFGS: scipy's minimizer on the engine's loss and gradient."""

import math
import time

import numpy as np
import scipy.optimize
from sklearn.exceptions import ConvergenceWarning

from ..engine.full_gradient import FullGradient
from ..system.interrupts import hold
from ..system.user_warnings import warn_user
from .context import diverged, validate


class Minimization:
    """One fit by L-BFGS.

    There are no batches and no stopping by validation samples, which are judged for the history only.

    Parameters
    ----------
    context : FitContext
    """

    def __init__(self, context):
        self.context = context
        self.model, self.engine = context.model, context.engine
        self.samples, self.validation = context.samples, context.validation
        self.record, self.task = context.record, context.task
        self.stopped = False  # by a callback
        self.full_gradient = None  # made at the first point

    def run(self, n_iterations: int, parameters):
        """Minimize from `parameters`; the parameters found: (coefs, intercepts)."""
        coefs, intercepts = parameters
        self.shapes = [array.shape for array in (*coefs, *intercepts)]
        self.latest = x = _pack(coefs, intercepts)
        tol = 1e-4 if self.model.tol is None else self.model.tol
        self.start = time.perf_counter()
        self.record.expect(self.keys())
        try:
            result = scipy.optimize.minimize(
                self.loss_and_gradient,
                x,
                method="L-BFGS-B",
                jac=True,
                callback=self.iteration,
                options={"maxfun": self.model.max_fun, "maxiter": n_iterations, "gtol": tol},
            )
        except KeyboardInterrupt:
            warn_user("Training interrupted by user.")
        else:
            if not np.isfinite(result.fun):
                raise diverged(self.model)
            with hold():
                self.latest = result.x
                self.note(float(result.fun))  # even if there was no iteration at all
            if not self.stopped:
                self.warn_unless_converged(result, n_iterations)
        return self.unpack(self.latest)

    def loss_and_gradient(self, x):
        """The loss and its gradient at x, all parameters in one float64 vector."""
        if self.task is not None:
            self.task.begin_epoch()  # an iteration begins with its first evaluation
        self.engine.set_parameters(*self.unpack(x))
        if self.full_gradient is None:
            self.full_gradient = FullGradient(
                self.engine,
                self.samples.data,
                self.samples.labels,
                alpha=self.model.alpha,
                sample_weight=self.samples.weight,
            )
        loss, coef_grads, intercept_grads = self.full_gradient()
        return float(loss), _pack(coef_grads, intercept_grads)

    def iteration(self, intermediate_result):
        """Note an iteration that is over; called by scipy, which looks at the argument's name."""
        latest = intermediate_result.x.copy()
        loss = float(intermediate_result.fun)
        row = {"loss": loss}
        if self.validation is not None:
            # The line search may have tried, and left the engine at, another point.
            self.engine.set_parameters(*self.unpack(latest))
            row |= validate(self.engine, self.validation)
        now = time.perf_counter()
        row["seconds"], self.start = now - self.start, now
        with hold():  # an iteration is noted as a whole
            self.latest = latest
            self.record.add(row, 0)
            self.note(loss)
        self.context.report.epoch(self.record.n_iter, row, None)
        if self.task is not None and self.task.end_epoch(self.snapshot):
            self.stopped = True
            raise StopIteration

    def keys(self):
        """Return what an iteration notes in the history."""
        metric = self.engine.loss.metric
        validated = () if self.validation is None else ("val_loss", f"val_{metric}")
        return "loss", *validated, "seconds"

    def note(self, loss):
        """Keep the present loss and the best one."""
        self.record.loss = loss
        self.record.best_loss = min(self.record.best_loss, loss)

    def warn_unless_converged(self, result, n_iterations):
        """scikit-learn's warning, where a tolerance was asked for and not met.

        Without one there is no such failure: not a limit that is met, nor a line search that finds
        the loss as low as the dtype can tell.
        """
        if result.status == 0 or self.model.tol is None:
            return
        message = (
            f"lbfgs failed to converge after {result.nit} iteration(s) (status={result.status}):\n"
            f"{result.message}\n"
        )
        if result.nit >= n_iterations:
            message += (
                "\nIncrease the number of iterations to improve the convergence "
                f"(max_iter={n_iterations})."
            )
        message += (
            "\nYou might also want to scale the data as shown in:\n"
            "    https://scikit-learn.org/stable/modules/preprocessing.html"
        )
        warn_user(message, ConvergenceWarning)

    def unpack(self, x):
        """(coefs, intercepts) of the compute dtype from one float64 vector."""
        arrays, start = [], 0
        with np.errstate(over="ignore"):  # a far point of the line search; its loss is refused
            for shape in self.shapes:
                stop = start + math.prod(shape)
                arrays.append(x[start:stop].reshape(shape).astype(self.engine.dtype))
                start = stop
        half = len(arrays) // 2
        return arrays[:half], arrays[half:]

    def snapshot(self) -> dict:
        """The attributes of a model fitted until now."""
        return self.context.attributes(*self.unpack(self.latest))


def _pack(coefs, intercepts):
    return np.concatenate([array.ravel() for array in (*coefs, *intercepts)], dtype=np.float64)

"""Optimizers: hyper-parameters, state between calls, and the step size of each update.

The rules themselves are kernels (kernels.primitives.optimizer_rules); here is what Python decides about them.
"""

from typing import NamedTuple

import numpy as np

from ..kernels.abi import AdamRule, GradientRule, RMSpropRule, SGDRule


class _Optimizer:
    """What all optimizers share.

    Attributes
    ----------
    state : dict of ndarray
        "square" and "momentum", flat in the packed layout of the parameters; empty where not used.
    n_updates : int
        Updates made so far.
    skips_untouched : bool
        Whether a weight with gradient zero moves in a closed form, so that it can be left out for a while.
    """

    skips_untouched = True
    uses = ()
    rule_class: type  # the kernels' form of the hyper-parameters
    parameters: tuple[
        str, ...
    ] = ()  # names of the constructor's arguments, as an estimator has them

    def __init__(self):
        self.state = {}
        self.n_updates = 0

    def memory(self, size, dtype, zeros):
        """(square, momentum) for `size` parameters, made on first use by ``zeros(size, dtype)``."""
        for name in ("square", "momentum"):
            wanted = size if name in self.uses else 0
            array = self.state.get(name)
            if array is None or array.size != wanted or array.dtype != dtype:
                array = zeros(wanted, dtype)
            elif wanted and (
                array.ctypes.data % 64 or not array.flags.writeable
            ):  # unpickled, memory-mapped
                array, source = zeros(wanted, dtype), array
                array[:] = source
            self.state[name] = array
        return self.state["square"], self.state["momentum"]

    def rates(self, learning_rate, updates):
        """Step size for each of the next batches.

        Parameters
        ----------
        learning_rate : float or ndarray of shape (n_batches,)
        updates : ndarray of shape (n_batches,), int
            Number of updates made once the batch is done, counted from the present.
        """
        return np.full(len(updates), learning_rate)

    def kept(self, learning_rate, weight_decay, n_batches):
        """Share of a weight that decoupled decay leaves in each of the next batches' updates.

        The rate is the schedule's, without a rule's own correction, as in PyTorch's AdamW and in Keras.
        """
        return np.full(n_batches, 1.0 - np.multiply(learning_rate, weight_decay))

    def powers(self, n):
        """(3, n + 1): factors of square, of momentum and of the weight's way after 0 .. n updates by zero."""
        return np.ones((3, n + 1))


def _geometric(mu, k):
    """mu + mu^2 + ... + mu^k"""
    return k.astype(float) if mu == 1 else mu * (1 - mu**k) / (1 - mu)


class RMSprop(_Optimizer):
    """v = rho v + (1 - rho) g²; s = lr g / sqrt(v + eps); m = momentum m + s; w -= m (Keras's rule)."""

    rule_class = RMSpropRule
    parameters = ("rho", "momentum", "epsilon")

    def __init__(self, rho=0.9, momentum=0.0, epsilon=1e-7):
        super().__init__()
        self.rho, self.momentum, self.epsilon = rho, momentum, epsilon
        self.uses = ("square", "momentum") if momentum > 0 else ("square",)

    def rule(self):
        """The kernels' form of the hyper-parameters."""
        return RMSpropRule(self.rho, 1 - self.rho, self.momentum, self.epsilon)

    def powers(self, n):
        k = np.arange(n + 1)
        mu = float(self.momentum)
        return np.stack([float(self.rho) ** k, mu**k, -_geometric(mu, k)])


class Adam(_Optimizer):
    """Kingma and Ba's rule, bias-corrected through the step size."""

    rule_class = AdamRule
    parameters = ("beta_1", "beta_2", "epsilon")
    skips_untouched = False  # no closed form for the weight's way
    uses = ("square", "momentum")

    def __init__(self, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
        super().__init__()
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def rule(self):
        """The kernels' form of the hyper-parameters."""
        return AdamRule(self.beta_1, 1 - self.beta_1, self.beta_2, 1 - self.beta_2, self.epsilon)

    def rates(self, learning_rate, updates):
        t = self.n_updates + np.maximum(updates, 1).astype(float)
        return learning_rate * np.sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)


class SGD(_Optimizer):
    """u = momentum u - lr g; w += u, or Nesterov's w += momentum u - lr g (scikit-learn's rule)."""

    rule_class = SGDRule
    parameters = ("momentum", "nesterovs_momentum")

    def __init__(self, momentum=0.0, nesterovs_momentum=False):
        super().__init__()
        self.momentum, self.nesterov = momentum, bool(nesterovs_momentum and momentum > 0)
        self.uses = ("momentum",) if momentum > 0 else ()

    def rule(self):
        """The kernels' form of the hyper-parameters."""
        return SGDRule(self.momentum, self.nesterov)

    def powers(self, n):
        k = np.arange(n + 1)
        mu = float(self.momentum)
        way = _geometric(mu, k) * (mu if self.nesterov else 1)
        return np.stack([np.ones(n + 1), mu**k, way])


class Gradient(_Optimizer):
    """Makes no step: sums the gradient up in state["square"], for solvers that want it."""

    rule_class = GradientRule
    skips_untouched = False
    uses = ("square",)

    def rule(self):
        """The kernels' form of the hyper-parameters."""
        return GradientRule()


class Solver(NamedTuple):
    """A value of the estimators' parameter `solver`.

    Attributes
    ----------
    optimizer : class
        `Gradient` for a solver that takes the gradient elsewhere.
    stochastic : bool
        Whether it goes through the data in mini-batches.
    has_schedule : bool
        Whether `learning_rate` and `power_t` change its rate.
    """

    optimizer: type[_Optimizer]
    stochastic: bool = True
    has_schedule: bool = True

    def make(self, model):
        """Return the optimizer that a model's parameters ask for, without state."""
        given = {name: getattr(model, name) for name in self.optimizer.parameters}
        return self.optimizer(**given)


# Schedules are SGD's in scikit-learn, and RMSprop's here; Adam sets its own step.
SOLVERS = {
    "rmsprop": Solver(RMSprop),
    "adam": Solver(Adam, has_schedule=False),
    "sgd": Solver(SGD),
    "lbfgs": Solver(Gradient, stochastic=False, has_schedule=False),
}

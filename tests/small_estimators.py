"""Estimators that are small and quick, with one batch per epoch, so that weights can stand for repeated samples."""

from fastmlp import MLPClassifier, MLPRegressor

SOLVERS = {
    "rmsprop": {"learning_rate_init": 0.01, "max_iter": 60},
    "adam": {"learning_rate_init": 0.01, "max_iter": 60},
    "sgd": {"learning_rate_init": 0.1, "momentum": 0.9, "max_iter": 60},
    "lbfgs": {"max_iter": 50},
}
NETWORK = {"hidden_layer_sizes": (8,), "batch_size": "auto"}


def classifier(solver="rmsprop", dtype="float64", **parameters):
    """Return a classifier with the parameters of its solver, changed by those given."""
    return MLPClassifier(solver=solver, dtype=dtype, **SOLVERS[solver] | NETWORK | parameters)


def regressor(solver="rmsprop", dtype="float64", **parameters):
    """Return a regressor; SGD's rate is lower, for a loss that has no bound."""
    lower = {"learning_rate_init": 0.001} if solver == "sgd" else {}
    parameters = SOLVERS[solver] | lower | NETWORK | parameters
    return MLPRegressor(solver=solver, dtype=dtype, **parameters)

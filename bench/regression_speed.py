"""Seconds per epoch of the regressors: fastmlp against scikit-learn and, if it is installed, PyTorch's eager loop.

``python bench/regression_speed.py`` measures both jobs, with `small` behind it only one: whole fits from float32
arrays, taking turns, the least of each, and the ratios. Adam everywhere, so that all make the same updates.
"""

import argparse
import time
import warnings
from importlib.util import find_spec

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor as ScikitLearns

from fastmlp import MLPRegressor

# Job -> samples, features, hidden units, batch size, epochs of a fit.
JOBS = {
    "small": (20_000, 12, 100, 200, 5),
    "large": (1_000_000, 4, 500, 128, 1),
}


def make_data(n_samples, n_features, n_targets):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, n_features)).astype(np.float32)
    y = np.sin(X @ rng.normal(size=(n_features, n_targets))) + 0.1 * rng.normal(
        size=(n_samples, n_targets)
    )
    return X, y.astype(np.float32)


def fit_estimator(estimator, X, y, hidden, batch_size, epochs):
    model = estimator(
        hidden_layer_sizes=(hidden,), solver="adam", alpha=0.0, batch_size=batch_size, max_iter=epochs,
        random_state=0,
    )  # fmt: skip
    model.fit(X, y if y.shape[1] > 1 else y[:, 0])


def fit_torch(X, y, hidden, batch_size, epochs):
    import torch

    X, y = torch.from_numpy(X), torch.from_numpy(y)
    layers = torch.nn
    model = layers.Sequential(
        layers.Linear(X.shape[1], hidden), layers.ReLU(), layers.Linear(hidden, y.shape[1])
    )
    optimizer, loss = torch.optim.Adam(model.parameters()), layers.MSELoss()
    for _ in range(epochs):
        for rows in torch.randperm(len(X)).split(batch_size):
            optimizer.zero_grad()
            loss(model(X[rows]), y[rows]).backward()
            optimizer.step()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("jobs", nargs="*", default=list(JOBS), help=", ".join(JOBS))
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    for name in options.jobs:
        n_samples, n_features, *how = JOBS[name]
        X, y = make_data(n_samples, n_features, 2)
        contenders = {
            "fastmlp": lambda X=X, y=y, how=how: fit_estimator(MLPRegressor, X, y[:, :1], *how),
            "fastmlp, two targets": lambda X=X, y=y, how=how: fit_estimator(
                MLPRegressor, X, y, *how
            ),
            "scikit-learn": lambda X=X, y=y, how=how: fit_estimator(
                ScikitLearns, X, y[:, :1], *how
            ),
        }
        if find_spec("torch"):
            contenders["PyTorch, eager"] = lambda X=X, y=y, how=how: fit_torch(X, y[:, :1], *how)
        fit_estimator(MLPRegressor, X[:1000], y[:1000, :1], how[0], how[1], 1)  # compiles
        seconds = {contender: [] for contender in contenders}
        for _ in range(options.rounds):
            for contender, fit in contenders.items():
                start = time.perf_counter()
                fit()
                seconds[contender].append((time.perf_counter() - start) / how[2])
        least = min(seconds["fastmlp"])
        print(f"{name}: {n_samples:,} x {n_features}, hidden {how[0]}, batches of {how[1]}, Adam")
        for contender, times in seconds.items():
            print(f"  {contender:22} {min(times):8.3f} s/epoch  {min(times) / least:6.2f}")


if __name__ == "__main__":
    main()

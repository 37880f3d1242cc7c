"""The first updates of small regression networks, against Keras's own (see golden/make_keras_regression.py).

Keras averages a loss over the targets where scikit-learn, and fastmlp, take the gradient of the sum; and its "mse" has
no factor 1/2. Its gradient is so ``c`` times ours, with ``c = 2 / n_targets`` for "mse" and ``1 / n_targets`` for
"poisson". RMSprop takes the same steps where epsilon is divided by c², and SGD where its rate is multiplied by c.
"""

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from scipy.special import xlogy

from fastmlp import MLPRegressor

GOLDEN = np.load(Path(__file__).with_name("golden") / "keras_regression.npz")
BATCH_SIZE = int(GOLDEN["batch_size"])
BATCHES = -(-len(GOLDEN["X"]) // BATCH_SIZE)


def of(run):
    """(our loss, number of targets, c) of a run."""
    *_, loss, n_targets = run.split("-")
    n_targets = int(n_targets)
    if loss == "mse":
        return "squared_error", n_targets, 2 / n_targets
    return "poisson", n_targets, 1 / n_targets


def fit(run, updates, convert):
    """Train for a number of updates: the first batch alone, or whole epochs."""
    loss, n_targets, c = of(run)
    X, y = GOLDEN["X"], GOLDEN["y"][:, :n_targets]
    y = y if n_targets > 1 else y[:, 0]
    epochs = updates // BATCHES
    if epochs == 0:
        assert updates == 1
        epochs, X, y = 1, X[:BATCH_SIZE], y[:BATCH_SIZE]
    solver = run.split("-")[0]
    rule = {"learning_rate_init": 0.1 * c} if solver == "sgd" else {"epsilon": 1e-7 / c**2}
    model = MLPRegressor(
        loss,
        (GOLDEN["coef_0"].shape[1],),
        solver=solver,
        momentum=0.9 if "momentum" in run else 0.0,
        batch_size=BATCH_SIZE,
        shuffle=False,
        max_iter=epochs,
        **rule,
    )
    return model.fit(
        convert(X),
        y,
        coef_init=[GOLDEN["coef_0"], GOLDEN["coef_1"][:, :n_targets]],
        intercept_init=[GOLDEN["intercept_0"], GOLDEN["intercept_1"][:n_targets]],
    )


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
@pytest.mark.parametrize("updates", GOLDEN["snapshots"].tolist())
@pytest.mark.parametrize("run", GOLDEN["runs"].tolist())
def test_parameters_follow_keras(run, updates, convert):
    model = fit(run, updates, convert)
    for name, found in (("coef", model.coefs_), ("intercept", model.intercepts_)):
        for layer, array in enumerate(found):
            expected = GOLDEN[f"{run}/{name}_{layer}/{updates}"]
            error = np.abs(array - expected).max()
            assert error <= 1e-5 * np.abs(expected).max(), (name, layer)


@pytest.mark.parametrize("run", GOLDEN["runs"].tolist())
def test_losses_follow_keras(run):
    loss, n_targets, _ = of(run)
    starts = np.arange(0, len(GOLDEN["X"]), BATCH_SIZE)
    sizes = np.diff([*starts, len(GOLDEN["X"])])
    theirs = GOLDEN[f"{run}/loss"].reshape(-1, BATCHES) @ sizes / sizes.sum()
    if loss == "squared_error":
        expected = theirs / 2
    else:  # theirs: mean over targets of p - y log p
        y = GOLDEN["y"][:, :n_targets].astype(float)
        expected = theirs * n_targets + (xlogy(y, y) - y).sum() / len(y)
    model = fit(run, GOLDEN[f"{run}/loss"].size, np.asarray)
    np.testing.assert_allclose(model.loss_curve_, expected, rtol=1e-5)

"""The first updates of a small network, against Keras's own (see golden/make_keras.py)."""

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from fastmlp import MLPClassifier

GOLDEN = np.load(Path(__file__).with_name("golden") / "keras.npz")
BATCH_SIZE = int(GOLDEN["batch_size"])
BATCHES = -(-len(GOLDEN["X"]) // BATCH_SIZE)

PARAMETERS = {
    "rmsprop": {"solver": "rmsprop", "momentum": 0.0},
    "rmsprop-momentum": {"solver": "rmsprop", "momentum": 0.9},
    "adam": {"solver": "adam"},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.1, "momentum": 0.0},
    "sgd-momentum": {"solver": "sgd", "learning_rate_init": 0.1, "momentum": 0.9},
    "sgd-nesterov": {
        "solver": "sgd",
        "learning_rate_init": 0.1,
        "momentum": 0.9,
        "nesterovs_momentum": True,
    },
}


def fit(run, updates, convert):
    """Train for a number of updates: the first batch alone, or whole epochs."""
    X, y = GOLDEN["X"], GOLDEN["y"]
    epochs = updates // BATCHES
    if epochs == 0:
        assert updates == 1
        epochs, X, y = 1, X[:BATCH_SIZE], y[:BATCH_SIZE]
        assert set(y) == set(GOLDEN["y"])  # else the network would have fewer outputs
    model = MLPClassifier(
        (GOLDEN["coef_0"].shape[1],),
        batch_size=BATCH_SIZE,
        shuffle=False,
        max_iter=epochs,
        **PARAMETERS[run],
    )
    return model.fit(
        convert(X),
        y,
        coef_init=[GOLDEN["coef_0"], GOLDEN["coef_1"]],
        intercept_init=[GOLDEN["intercept_0"], GOLDEN["intercept_1"]],
    )


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
@pytest.mark.parametrize("updates", GOLDEN["snapshots"].tolist())
@pytest.mark.parametrize("run", GOLDEN["runs"].tolist())
def test_parameters_follow_keras(run, updates, convert):
    model = fit(run, updates, convert)
    assert model.coefs_[0].dtype == np.float32
    for name, found in (("coef", model.coefs_), ("intercept", model.intercepts_)):
        for layer, array in enumerate(found):
            expected = GOLDEN[f"{run}/{name}_{layer}/{updates}"]
            error = np.abs(array - expected).max()
            assert error <= 1e-5 * np.abs(expected).max(), (name, layer)


@pytest.mark.parametrize("run", GOLDEN["runs"].tolist())
def test_losses_follow_keras(run):
    losses = GOLDEN[f"{run}/loss"].reshape(-1, BATCHES)
    sizes = np.full(BATCHES, BATCH_SIZE)
    sizes[-1] = len(GOLDEN["X"]) - BATCH_SIZE * (BATCHES - 1)
    expected = losses @ sizes / sizes.sum()
    model = fit(run, losses.size, np.asarray)
    np.testing.assert_allclose(model.loss_curve_, expected, rtol=1e-5)
    assert model.history_["loss"] == model.loss_curve_


def test_the_data_has_features_that_rest():
    """Rows that no sample of a batch touches, and one that none ever does."""
    touched = np.add.reduceat(GOLDEN["X"] != 0, np.arange(0, len(GOLDEN["X"]), BATCH_SIZE)) > 0
    assert (touched.sum(axis=0) == 0).sum() == 1
    assert (touched.sum(axis=0) == 1).sum() == 4
    assert 0.4 < (GOLDEN["X"] == 0).mean() < 0.7

"""Weights go both ways between Keras and fastmlp, where Keras is installed."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fastmlp import MLPClassifier

keras = pytest.importorskip("keras", reason="Keras is not installed", exc_type=ImportError)


@pytest.fixture
def network():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    return keras.Sequential(
        [layers.Input((6,)), layers.Dense(5, "relu"), layers.Dense(3, "softmax")]
    )


@pytest.mark.filterwarnings("default")  # whatever Keras and its backend warn of
def test_both_ways(network):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 6)).astype(np.float32), np.arange(40) % 3
    model = MLPClassifier((5,), max_iter=2, batch_size=8).fit(X, y)

    weights = network.get_weights()
    model.coefs_, model.intercepts_ = weights[::2], weights[1::2]
    assert_allclose(model.predict_proba(X), network.predict(X, verbose=0), atol=1e-6)

    model.partial_fit(X, y)
    pairs = zip(model.coefs_, model.intercepts_, strict=True)
    network.set_weights([array for pair in pairs for array in pair])
    assert_allclose(model.predict_proba(X), network.predict(X, verbose=0), atol=1e-6)

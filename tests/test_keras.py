"""Weights go both ways between Keras and fastmlp, where Keras is installed."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from readme import ROOT, python_blocks

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.datasets import load_mnist
from fastmlp.export import from_keras, to_keras
from fastmlp.kernels.abi import ACTIVATIONS

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


def sequential(*layers):
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.layers.Input((6,)), *layers])


RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(80, 6)).astype(np.float32), np.arange(80) % 3


def spread(network):
    """Larger weights and biases than a fresh network's, so that no unit idles."""
    network.set_weights([RNG.normal(0, 0.8, w.shape) for w in network.get_weights()])
    return network


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_both_ways(activation):
    targets = (Y, Y % 2, np.eye(3, dtype=int)[Y] | np.eye(3, dtype=int)[Y[::-1]])
    for y in targets:
        model = MLPClassifier((7, 5), activation=activation, max_iter=2, random_state=0).fit(X, y)
        network = to_keras(model)
        expected = model.predict_proba(X)
        found = np.asarray(network.predict(X, verbose=0))
        assert_allclose(found, expected[:, -found.shape[1] :], atol=1e-5)
        again = from_keras(network)
        assert again.activation == activation
        assert_allclose(again.predict_proba(X), expected, atol=1e-6)
        assert np.array_equal(again.predict(X), model.predict(X))


@pytest.mark.filterwarnings("default")
def test_layers_that_are_read():
    layers = keras.layers
    network = spread(
        sequential(
            layers.Flatten(), layers.Dense(5), layers.ReLU(), layers.Dropout(0.5),
            layers.Dense(4, use_bias=False), layers.Activation("relu"), layers.Dense(2), layers.Softmax(),
        )
    )  # fmt: skip
    model = from_keras(network, classes=["no", "yes"])
    assert_allclose(model.predict_proba(X), network.predict(X, verbose=0), atol=1e-6)
    functional_input = keras.Input((6,))
    hidden = layers.Dense(5, "swish" if "silu" in ACTIVATIONS else "tanh")(functional_input)
    network = spread(keras.Model(functional_input, layers.Dense(3)(hidden)))
    logits = from_keras(network, output="softmax")
    expected = keras.ops.softmax(network.predict(X, verbose=0))
    assert_allclose(logits.predict_proba(X), expected, atol=1e-6)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda layers: [layers.Dense(4, "relu"), layers.BatchNormalization(), layers.Dense(3)],
         "BatchNormalization.* has no counterpart"),
        (lambda layers: [layers.Dense(4, "relu"), layers.Dense(4, "tanh"), layers.Dense(3)],
         "same activation"),
        (lambda layers: [layers.Dense(4, "relu6"), layers.Dense(3)], "'relu6'"),
        (lambda layers: [layers.Dense(4, "leaky_relu"), layers.Dense(3)], "slope of 0.2"),
        (lambda layers: [layers.Dense(4), layers.ReLU(max_value=6.0), layers.Dense(3)], "ReLU"),
        (lambda layers: [layers.Dense(4, "relu"), layers.ReLU(), layers.Dense(3)], "second activation"),
        (lambda layers: [layers.Dropout(0.1)], "no Dense layer"),
    ],
)  # fmt: skip
def test_networks_without_a_counterpart(make, message):
    with pytest.raises(ValueError, match=message):
        from_keras(sequential(*make(keras.layers)), output="softmax")


@pytest.mark.filterwarnings("default")
def test_regression_both_ways():
    for loss, output in (("squared_error", "linear"), ("poisson", "exponential")):
        model = MLPRegressor(loss, (5,), max_iter=2, random_state=0).fit(X, np.abs(X[:, :2]))
        network = to_keras(model)
        assert network.layers[-1].activation.__name__ == output
        assert_allclose(network.predict(X, verbose=0), model.predict(X), rtol=1e-5, atol=1e-5)
        assert_allclose(from_keras(network).predict(X), model.predict(X), rtol=1e-6)
    one = from_keras(spread(sequential(keras.layers.Dense(4, "relu"), keras.layers.Dense(1))))
    assert one.predict(X).shape == (80,)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_networks_that_are_no_chain():
    layers = keras.layers
    inputs = layers.Input((4,))
    hidden = layers.Dense(4, "relu")(inputs)
    aside, output, shared = (
        layers.Dense(4, "relu")(hidden),
        layers.Dense(1)(hidden),
        layers.Dense(4),
    )
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5, 4)).astype(np.float32)
    chain = keras.Model(inputs, output)
    assert_allclose(from_keras(chain).predict(X), np.asarray(chain(X))[:, 0], rtol=1e-5)
    for outputs in (
        [aside, output],
        layers.Dense(1)(shared(shared(inputs))),
        layers.Dense(1)(layers.Concatenate()([hidden, inputs])),
    ):
        with pytest.raises(ValueError, match=r"no chain|has no counterpart"):
            from_keras(keras.Model(inputs, outputs))


@pytest.mark.filterwarnings("default")
def test_the_page_for_those_who_come_from_keras(monkeypatch):
    """Its blocks run one after the other, with an epoch instead of 20; the models that it converts agree."""
    monkeypatch.setenv("FASTMLP_DATA", str(ROOT / "data"))
    monkeypatch.setattr(
        keras.datasets.mnist, "load_data", lambda: load_mnist(dtype="uint8", flatten=False)
    )
    names = {}
    blocks = python_blocks(ROOT / "docs" / "from_keras.md")
    assert sum("keras" in block for block in blocks) == 2
    for block in blocks:
        block = block.replace("epochs=20", "epochs=1").replace("max_iter=20", "max_iter=1")
        exec(compile(block, "from_keras.md", "exec"), names)
    X = names["X_test"][:500]
    converted = np.asarray(names["network"].predict(X, verbose=0))
    assert_allclose(converted, names["model"].predict_proba(X), atol=1e-5)
    assert names["model"].score(names["X_test"], names["y_test"]) > 0.93


class Own(keras.Model):
    """Its layers are there to be read, but not what becomes of them."""

    def __init__(self):
        super().__init__()
        self.a, self.b = keras.layers.Dense(7), keras.layers.Dense(3)

    def call(self, x):
        return keras.ops.softmax(self.b(keras.ops.relu(self.a(x))))


@pytest.mark.filterwarnings("default")
def test_a_class_of_its_own_cannot_be_read():
    network = Own()
    network(np.zeros((1, 7), np.float32))
    with pytest.raises(ValueError, match="Own is a class of its own: what its `call` does"):
        from_keras(network)
    model = from_keras(network.get_weights())
    expected = np.asarray(network(np.ones((4, 7), np.float32)))
    assert_allclose(model.predict_proba(np.ones((4, 7))), expected, rtol=1e-5)


def test_a_model_without_weights_yet():
    layers = keras.layers
    network = keras.Sequential([layers.Dense(5, "relu"), layers.Dense(3, "softmax")])
    with pytest.raises(ValueError, match=r"has no weights yet: give the model an Input, or build"):
        from_keras(network)

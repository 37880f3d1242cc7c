"""Models to Keras and from it, layer by layer or as lists of weights."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.multiclass import unique_labels

from ..estimators.base import BaseMLP
from ..kernels.abi import LEAKY_SLOPE
from .build import alternate, fitted, split_layers
from .network import ONE_CLASS, no_counterpart, read

# fastmlp's name -> Keras's.
_NAMES = {
    "identity": "linear", "relu": "relu", "tanh": "tanh", "logistic": "sigmoid", "softmax": "softmax",
    "exp": "exponential", "elu": "elu", "selu": "selu", "gelu": "gelu", "silu": "silu", "mish": "mish",
}  # fmt: skip
_FROM_KERAS = {theirs: ours for ours, theirs in _NAMES.items()} | {"swish": "silu"}
_OUTPUTS = ("softmax", "sigmoid", "linear", "exponential")
# Layers that do nothing at prediction time, or whose input the user flattens.
_PASSED = (
    "InputLayer", "Dropout", "GaussianDropout", "GaussianNoise", "AlphaDropout", "ActivityRegularization", "Flatten",
)  # fmt: skip


def keras_weights(model: BaseMLP) -> list[np.ndarray]:
    """Return copies of a fitted model's weights as Keras orders them, for `network.set_weights`.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        A fitted model.

    Returns
    -------
    weights : list of ndarray
        Each layer's weights (fan_in, fan_out), then its biases (fan_out,). A classifier of two classes has one
        output, the probability of the second.
    """
    network = read(model, caller="keras_weights")
    return [array.copy() for array in alternate(network.coefs, network.intercepts)]


def to_keras(model: BaseMLP) -> Any:
    """Return a Keras model that predicts what a fitted model predicts.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        A fitted model.

    Returns
    -------
    network : keras.Sequential
        Dense layers with the model's weights. It predicts the probabilities of `classes_` in their order; for two
        classes, that of the second. It is not compiled. Keras knows no labels: keep `classes_`.

    Raises
    ------
    ImportError
        Keras is missing.
    TypeError
        `model` is no estimator of fastmlp.
    NotFittedError
        It is not fitted.
    ValueError
        The activation has no counterpart, or the model was trained with one class only.
    """
    try:
        import keras
    except ImportError as error:
        raise ImportError(
            "to_keras needs Keras: python -m pip install keras, and a backend of it, as jax"
        ) from error

    network = read(model, caller="to_keras")
    if network.kind == ONE_CLASS:
        raise ValueError(
            "A model with one class predicts that class always: there is nothing to export."
        )
    if network.activation not in _NAMES and network.activation != "leaky_relu":
        raise no_counterpart("activation", network.activation, "to_keras", [*_NAMES, "leaky_relu"])
    layers = [keras.layers.Input((network.n_features,))]
    *hidden, last = (coef.shape[1] for coef in network.coefs)
    for units in hidden:
        # Keras's own "leaky_relu" has another slope.
        leaky = network.activation == "leaky_relu"
        layers.append(keras.layers.Dense(units, None if leaky else _NAMES[network.activation]))
        if leaky:
            layers.append(keras.layers.LeakyReLU(negative_slope=LEAKY_SLOPE))
    layers.append(keras.layers.Dense(last, _NAMES[network.output]))
    sequential = keras.Sequential(layers)
    sequential.set_weights(alternate(network.coefs, network.intercepts))
    return sequential


def from_keras(
    network: Any, *, classes: ArrayLike | None = None, activation: str | None = None,
    output: str | None = None, **parameters: Any,
) -> Any:  # fmt: skip
    """Return a fitted model with the weights of a Keras model.

    Parameters
    ----------
    network : keras.Model, or list of ndarray
        A model whose layers with weights are Dense, one after the other; or its `get_weights()`.
    classes : array-like of shape (n_classes,), default=None
        The labels, in the order of the outputs; None: 0, 1, 2, ... Not used for regression and multilabel.
    activation : str, default=None
        The hidden layers' activation, by fastmlp's name; None: what the layers say, and "relu" for a list.
    output : {"softmax", "sigmoid", "linear", "exponential"}, default=None
        The output layer's activation; None: what the layer says, and "softmax" for a list. A model that was trained
        on logits (`from_logits=True`) needs "softmax" or "sigmoid" here. Several sigmoid outputs are multilabel.
    **parameters
        Parameters of the estimator, such as ``momentum=0.9``, for training it further.

    Returns
    -------
    model : MLPClassifier or MLPRegressor
        A regressor where the output is "linear" or "exponential". It predicts without a `fit`, and `partial_fit`
        trains it further. A softmax over two classes becomes the one logistic output that means the same.

    Raises
    ------
    TypeError
        `network` is neither a model nor a list of weights.
    ValueError
        The model has a layer or an activation without a counterpart, or the classes do not fit the outputs.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.export import from_keras
    >>> weights = [np.eye(2), np.zeros(2), np.eye(2), np.zeros(2)]
    >>> from_keras(weights, classes=["left", "right"]).predict([[1.0, 0.0], [0.0, 2.0]])
    array(['left', 'right'], dtype='<U5')
    """
    if hasattr(network, "layers"):
        arrays, found, found_output = _read_layers(network)
    elif isinstance(network, Iterable) and not isinstance(network, str | bytes):
        arrays, found, found_output = list(network), "relu", "softmax"
    else:
        raise TypeError(
            f"from_keras needs a Keras model, or the list that its get_weights() gives, got {type(network).__name__}."
        )
    activation = activation or found
    output = output or found_output
    if output not in _OUTPUTS:
        raise no_counterpart("output", output, "fastmlp", _OUTPUTS)
    # float16 and bfloat16 become float32.
    wide = {"float32", "float64"}
    arrays = [
        array if str(array.dtype) in wide else array.astype(np.float32)
        for array in map(np.asarray, arrays)
    ]
    coefs, intercepts = split_layers(arrays)
    double = any(str(array.dtype) == "float64" for array in arrays)
    parameters = {
        "activation": activation,
        "dtype": "float64" if double else "float32",
    } | parameters
    n_outputs = np.shape(coefs[-1])[-1]
    if output in ("linear", "exponential"):
        from ..estimators.regression_targets import RegressionTargets
        from ..estimators.regressor import MLPRegressor

        loss = "poisson" if output == "exponential" else "squared_error"
        return fitted(
            MLPRegressor(loss=loss, **parameters),
            RegressionTargets(n_outputs, loss),
            coefs,
            intercepts,
        )
    from ..estimators.classifier import MLPClassifier

    targets, coefs[-1], intercepts[-1] = _classification(output, classes, coefs[-1], intercepts[-1])
    return fitted(MLPClassifier(**parameters), targets, coefs, intercepts)


def _classification(output, classes, coef, intercept):
    """The targets, and the output layer in fastmlp's form: ascending classes, one output for two of them."""
    from ..estimators.targets import ClassTargets

    n_outputs = coef.shape[1]
    if output == "sigmoid" and n_outputs > 1:
        return ClassTargets(np.arange(n_outputs), multilabel=True), coef, intercept
    n_classes = 2 if output == "sigmoid" else n_outputs
    if n_classes < 2:
        raise ValueError(
            "A softmax over one output is 1 always: use a sigmoid output for two classes."
        )
    given = np.arange(n_classes) if classes is None else np.asarray(classes)
    labels = unique_labels(given)
    if given.shape != (n_classes,) or len(labels) != n_classes:
        raise ValueError(f"classes must be {n_classes} different labels, got {classes!r}.")
    order = np.argsort(given, kind="stable")
    if output == "sigmoid":
        if order[0] == 1:  # the output is the probability of the second one given
            coef, intercept = -coef, -intercept
    else:
        coef, intercept = coef[:, order], intercept[order]
        if n_classes == 2:
            coef, intercept = coef[:, 1:] - coef[:, :1], intercept[1:] - intercept[:1]
    return ClassTargets(labels), coef, intercept


def _read_layers(network):
    """Weights and biases, the hidden layers' activation and the output's (Keras's name), of a Keras model."""
    arrays, activations = [], []
    config = _config_of(network)
    if "layers" not in config:
        raise ValueError(
            f"{type(network).__name__} is a class of its own: what its `call` does with the layers cannot be read. "
            "Make a Sequential or a functional model of them, or pass get_weights()."
        )
    if not _is_chain(config):
        raise ValueError(
            "The Keras model is no chain: each of its layers must be used once, behind the one before it."
        )
    for layer in network.layers:
        kind = type(layer).__name__
        if kind == "Dense":
            weights = layer.get_weights()
            if not weights:
                raise ValueError(
                    f"Layer {layer.name!r} has no weights yet: give the model an Input, or build it."
                )
            arrays += (
                weights
                if len(weights) == 2
                else [weights[0], np.zeros(weights[0].shape[1], weights[0].dtype)]
            )
            activations.append(_activation_of(layer))
        elif (name := _activation_layer(layer, kind)) is not None and activations:
            if activations[-1] != "identity":
                raise ValueError(
                    f"Layer {layer.name!r} is a second activation after {activations[-1]!r}."
                )
            activations[-1] = name
        elif kind not in _PASSED:
            raise ValueError(
                f"Layer {layer.name!r} ({kind}) has no counterpart in fastmlp, which has Dense layers, activations and "
                "dropout."
            )
    if not activations:
        raise ValueError("The Keras model has no Dense layer.")
    *hidden, output = activations
    if len(set(hidden)) > 1:
        raise ValueError(f"All hidden layers must have the same activation, got {hidden}.")
    return arrays, hidden[0] if hidden else "relu", _NAMES.get(output, output)


def _config_of(network):
    try:
        return network.get_config()
    except NotImplementedError:  # of a class of the user's own
        return {}


def _is_chain(config) -> bool:
    """Whether a model's layers follow one another, by its ``get_config()``; a Sequential's always do."""
    if "output_layers" not in config:
        return True
    previous = []
    for layer in config["layers"]:
        if _sources(layer["inbound_nodes"]) != previous:
            return False
        previous = [layer["name"]]
    return _sources(config["output_layers"]) == previous


def _sources(nodes) -> list[str]:
    """The names of the layers that nodes of a config refer to, as [name, node, tensor] or in a "keras_history"."""
    if isinstance(nodes, dict):
        return [name for value in nodes.values() for name in _sources(value)]
    if not isinstance(nodes, list | tuple):
        return []
    if len(nodes) >= 3 and isinstance(nodes[0], str) and isinstance(nodes[1], int):
        return [nodes[0]]
    return [name for node in nodes for name in _sources(node)]


def _activation_of(layer) -> str:
    """fastmlp's name of a layer's activation."""
    function = layer.activation
    name = getattr(function, "__name__", None) or getattr(function, "name", str(function))
    if name not in _FROM_KERAS:
        why = (
            " with its slope of 0.2; use a LeakyReLU(negative_slope=0.01) layer"
            if name == "leaky_relu"
            else ""
        )
        raise ValueError(
            f"Activation {name!r} of layer {layer.name!r}{why} has no counterpart in fastmlp."
        )
    return _FROM_KERAS[name]


def _activation_layer(layer, kind):
    """fastmlp's name of an activation that is a layer of its own; None if it is none that fastmlp has."""
    if kind == "Activation":
        return _activation_of(layer)
    if kind == "ReLU":
        plain = layer.max_value is None and not layer.negative_slope and not layer.threshold
        return "relu" if plain else None
    if kind == "LeakyReLU":
        return "leaky_relu" if np.isclose(layer.negative_slope, LEAKY_SLOPE) else None
    if kind == "ELU":
        return "elu" if layer.alpha == 1 else None
    return "softmax" if kind == "Softmax" and layer.axis == -1 else None

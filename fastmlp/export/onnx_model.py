"""A fitted model as an ONNX graph, in float32."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import __version__
from ..estimators.base import BaseMLP
from ..kernels.abi import LEAKY_SLOPE, SELU_ALPHA, SELU_SCALE
from ..system.atomic_files import write_atomically
from .network import (
    BINARY,
    MULTICLASS,
    MULTILABEL,
    REGRESSION,
    Network,
    no_counterpart,
    read,
)

if TYPE_CHECKING:
    from onnx import ModelProto

# What runtimes of 2022 and later read; no activation needs a newer operator.
OPSET, IR_VERSION = 17, 8
LARGEST = 2**31 - 2**20  # bytes; a protobuf message has less than 2 GiB


def require_onnx() -> None:
    """Say what to install if there is no onnx."""
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "exporting to ONNX needs onnx: python -m pip install onnx (or fastmlp's extra 'onnx')"
        ) from error


def to_onnx(model: BaseMLP, path: "str | os.PathLike | None" = None) -> "ModelProto":
    """Return a fitted model as an ONNX model, and write it to a file where asked.

    The graph computes in float32 and takes any number of samples. It predicts what the model predicts, to
    float32's rounding.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        A fitted model with any activation and any kind of target. Weights of float64 are rounded to float32.
    path : path-like, default=None
        The file to write, as a whole or not at all.

    Returns
    -------
    onnx_model : onnx.ModelProto
        Its input "X" is float32 (N, n_features). The outputs of a classifier are "label", (N,) of the labels' own
        type or int64 (N, n_outputs) for multilabel, and "probabilities", float32 (N, n_classes), as
        `predict_proba`. The output of a regressor is "prediction", float32 (N,) or (N, n_outputs), as `predict`.

    Raises
    ------
    ImportError
        onnx is missing.
    TypeError
        `model` is no estimator of fastmlp.
    NotFittedError
        It is not fitted.
    ValueError
        A weight or a label has no representation, or the model has more than 2 GiB.

    Notes
    -----
    Sparse samples must be made dense for an ONNX runtime.

    Examples
    --------
    >>> from fastmlp import MLPClassifier
    >>> from fastmlp.export import to_onnx
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> onnx_model = to_onnx(MLPClassifier((16,), random_state=0).fit(X, y))
    >>> [output.name for output in onnx_model.graph.output]
    ['label', 'probabilities']
    """
    require_onnx()
    network = read(model, caller="to_onnx")
    n_bytes = 4 * sum(array.size for array in (*network.coefs, *network.intercepts))
    if n_bytes > LARGEST:
        raise ValueError(
            f"The model has {n_bytes / 2**30:.1f} GiB of weights; an ONNX file has less than 2 GiB."
        )
    onnx_model = _Graph(network).model(type(model).__name__)
    if path is not None:
        data = onnx_model.SerializeToString()
        write_atomically(Path(path).absolute(), lambda file: file.write(data))
    return onnx_model


class _Graph:
    """The nodes and constants of one graph while it is made."""

    def __init__(self, network: Network):
        self.network = network
        self.nodes, self.constants, self.outputs = [], [], []

    def node(self, operator, *inputs, name=None, **attributes) -> str:
        """Add a node and return the name of its output."""
        from onnx import helper

        name = name or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def constant(self, name, value) -> str:
        """Add a constant and return its name."""
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def number(self, value) -> str:
        """Add a float32 number and return its name."""
        return self.constant(f"number_{len(self.constants)}", np.float32(value).reshape(()))

    def output(self, name, dtype, *shape):
        """Make the node of that name an output of samples of this shape."""
        from onnx import helper

        self.outputs.append(
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(dtype), ["N", *shape]
            )
        )

    def model(self, name):
        """Return the finished ONNX model, checked."""
        import onnx
        from onnx import TensorProto, helper

        network = self.network
        logits = self.layers()
        if network.kind == REGRESSION:
            self.regression(logits)
        else:
            self.classification(logits)
        samples = helper.make_tensor_value_info("X", TensorProto.FLOAT, ["N", network.n_features])
        graph = helper.make_graph(self.nodes, name, [samples], self.outputs, self.constants)
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="fastmlp",
            producer_version=__version__,
        )
        onnx.checker.check_model(model, full_check=True)
        return model

    def layers(self) -> str:
        """Add all layers, the output layer's activation excepted; return the logits' name."""
        network, last = self.network, len(self.network.coefs) - 1
        if network.activation not in ACTIVATIONS:
            raise no_counterpart("activation", network.activation, "to_onnx", ACTIVATIONS)
        x = "X"
        for l, (coef, intercept) in enumerate(zip(network.coefs, network.intercepts, strict=True)):
            coef = self.constant(f"coef_{l}", _float32(coef))
            intercept = self.constant(f"intercept_{l}", _float32(intercept))
            x = self.node("Gemm", x, coef, intercept, name=f"layer_{l}")
            if l < last:
                x = ACTIVATIONS[network.activation](self, x)
        return x

    def regression(self, x):
        """Add the output "prediction"."""
        network = self.network
        if network.output not in ("identity", "exp"):
            raise no_counterpart("out_activation_", network.output, "to_onnx", ("identity", "exp"))
        if network.output == "exp":
            x = self.node("Exp", x)
        if network.n_outputs > 1:
            self.node("Identity", x, name="prediction")
            self.output("prediction", np.dtype(np.float32), network.n_outputs)
        else:
            axis = self.constant("columns", np.array([1]))
            self.node("Squeeze", x, axis, name="prediction")
            self.output("prediction", np.dtype(np.float32))

    def classification(self, x):
        """Add the outputs "label" and "probabilities"."""
        network, kind = self.network, self.network.kind
        logits = x
        x = self.node("Softmax", x, axis=-1) if kind == MULTICLASS else self.node("Sigmoid", x)
        if kind == MULTILABEL:
            self.node("Cast", self.node("Greater", x, self.number(0.5)), name="label", to=INT64)
            self.node("Identity", x, name="probabilities")
            self.output("label", np.dtype(np.int64), network.n_outputs)
            self.output("probabilities", np.dtype(np.float32), network.n_outputs)
            return
        if kind == MULTICLASS:
            number = self.node("ArgMax", x, axis=1, keepdims=0)
            self.node("Identity", x, name="probabilities")
        else:
            above = self.node("Greater", x, self.number(0.5))
            number = self.node("Cast", above, to=INT64)
            number = self.node("Squeeze", number, self.constant("columns", np.array([1])))
            if kind == BINARY:
                other = self.node("Sigmoid", self.node("Neg", logits))  # 1 - x has no digits near 0
                self.node("Concat", other, x, name="probabilities", axis=1)
            else:  # one class: always that, with certainty
                number = self.node("Mul", number, self.constant("zero", np.int64(0).reshape(())))
                self.node(
                    "Cast",
                    self.node("GreaterOrEqual", x, self.number(0.0)),
                    name="probabilities",
                    to=FLOAT,
                )
        labels = _labels(network.classes)
        self.node("Gather", self.constant("classes", labels), number, name="label")
        self.output("label", labels.dtype)
        self.output("probabilities", np.dtype(np.float32), len(labels))


def _float32(array) -> np.ndarray:
    with np.errstate(over="ignore"):
        single = np.asarray(array, np.float32)
    if not np.isfinite(single).all():
        raise ValueError("A weight of the model is too large for float32.")
    return single


def _labels(classes) -> np.ndarray:
    """Return the labels in a dtype that ONNX has: theirs, or strings."""
    if classes.dtype.kind in "UO" and all(isinstance(label, str) for label in classes):
        return classes.astype(object)
    if classes.dtype.kind not in "biuf" or classes.dtype.itemsize > 8:
        raise ValueError(f"Labels of dtype {classes.dtype} have no type in ONNX.")
    return classes.astype(classes.dtype.newbyteorder("="))


def _operator(name, **attributes):
    return lambda graph, x: graph.node(name, x, **attributes)


def _gelu(graph, x):
    """x (1 + erf(x / sqrt 2)) / 2"""
    erf = graph.node("Erf", graph.node("Mul", x, graph.number(np.sqrt(0.5))))
    share = graph.node("Mul", graph.node("Add", erf, graph.number(1.0)), graph.number(0.5))
    return graph.node("Mul", x, share)


def _silu(graph, x):
    """x logistic(x)"""
    return graph.node("Mul", x, graph.node("Sigmoid", x))


def _mish(graph, x):
    """x tanh(log(1 + exp x))"""
    return graph.node("Mul", x, graph.node("Tanh", graph.node("Softplus", x)))


# Hidden layers' activations: each adds its nodes to a graph and returns the name of the last one's output.
ACTIVATIONS = {
    "identity": lambda graph, x: x,
    "relu": _operator("Relu"),
    "tanh": _operator("Tanh"),
    "logistic": _operator("Sigmoid"),
    "leaky_relu": _operator("LeakyRelu", alpha=LEAKY_SLOPE),
    "elu": _operator("Elu", alpha=1.0),
    "selu": _operator("Selu", alpha=SELU_ALPHA, gamma=SELU_SCALE),
    "gelu": _gelu,
    "silu": _silu,
    "mish": _mish,
}
FLOAT, INT64 = 1, 7  # onnx.TensorProto's numbers

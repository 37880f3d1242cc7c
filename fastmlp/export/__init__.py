"""Models leave for other libraries, and come from them.

onnx_model     `to_onnx`
sklearn_model  `to_sklearn`, `from_sklearn`
keras_model    `to_keras`, `keras_weights`, `from_keras`
network        what all of them read of a fitted model
build          a fitted model made of weights

Exports read fitted attributes only. Nothing but the library at the other end is imported.
"""

from .keras_model import from_keras, keras_weights, to_keras
from .onnx_model import to_onnx
from .sklearn_model import from_sklearn, to_sklearn

__all__ = ["from_keras", "from_sklearn", "keras_weights", "to_keras", "to_onnx", "to_sklearn"]

"""Who takes part: one entry here and one small file of three functions make a contender.

The file has ``prepare(job, data) -> state``, ``train(state, epochs)`` and
``evaluate(state) -> (loss, accuracy)`` on the test set. It is imported in a process of its own, so
it may import its framework at the top; this module is imported by the process that only reports,
so it must not.
"""

from dataclasses import dataclass, field
from importlib.util import find_spec


@dataclass(frozen=True)
class Contender:
    """One way to train the network, and what it needs."""

    title: str
    module: str
    needs: tuple[str, ...]
    install: str
    packages: tuple[str, ...]  # distributions whose versions are recorded
    environment: dict[str, str] = field(default_factory=dict)
    sparse: bool = False  # takes CSR

    @property
    def installed(self) -> bool:
        return all(find_spec(name) is not None for name in self.needs)


def _keras(title, backend, install, package):
    return Contender(
        title,
        "keras_fit",
        ("keras", backend if backend != "jax" else "jaxlib"),
        install,
        ("keras", package),
        {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "2"},
    )


CONTENDERS = {
    "fastmlp": Contender(
        "fastmlp", "fastmlp_fit", ("fastmlp",), "pip install -e .", ("numba", "numpy"), sparse=True
    ),
    "jax": Contender(
        "JAX, jitted scan", "jax_scan", ("jax", "jaxlib"), "pip install jax", ("jax", "jaxlib")
    ),
    "torch-compiled": Contender(
        "PyTorch, compiled",
        "torch_loop",
        ("torch",),
        "pip install torch==2.13.0",
        ("torch",),
        {"BENCH_TORCH_COMPILE": "1"},
    ),
    "torch": Contender(
        "PyTorch, eager",
        "torch_loop",
        ("torch",),
        "pip install torch==2.13.0",
        ("torch",),
    ),
    "scikit-learn": Contender(
        "scikit-learn (Adam)",
        "scikit_learn",
        ("sklearn",),
        "pip install scikit-learn",
        ("scikit-learn", "numpy"),
        sparse=True,
    ),
    "keras-jax": _keras("Keras, JAX", "jax", "pip install keras jax", "jax"),
    "keras": _keras(
        "Keras, TensorFlow", "tensorflow", "pip install keras tensorflow-cpu", "tensorflow_cpu"
    ),
    "keras-torch": _keras("Keras, PyTorch", "torch", "pip install keras torch", "torch"),
    "sgemm": Contender(
        "two first-layer sgemms", "sgemm", ("numpy",), "pip install numpy", ("numpy",)
    ),
}

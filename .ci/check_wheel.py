"""What an installed wheel must do, run outside the checkout: train and predict, with the kernels that it brings."""

import os
import sys
from pathlib import Path

sys.path = [
    entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent
]

import numpy as np  # noqa: E402

import fastmlp  # noqa: E402

assert "site-packages" in fastmlp.__file__, fastmlp.__file__
rng = np.random.default_rng(0)
X = rng.normal(size=(600, 20)).astype("float32")
y = (X[:, 0] + X[:, 1] > 0).astype(int)
for solver in ("rmsprop", "adam", "sgd"):
    model = fastmlp.MLPClassifier(
        (32,), solver=solver, learning_rate_init=0.01, momentum=0.9, max_iter=60, random_state=0
    ).fit(X, y)
    print(solver, model.score(X, y))
    assert model.score(X, y) > 0.9
fastmlp.show_versions()
if os.environ.get("FASTMLP_PREBUILT", "0") not in ("", "0"):
    assert "numba" not in sys.modules, "the kernels were compiled: the wheel does not bring them"

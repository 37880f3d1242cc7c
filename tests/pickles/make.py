"""Write a pickle of a fitted model by this version of fastmlp: ``python tests/pickles/make.py``.

Run it at each release, and add the file; those of earlier versions stay.
"""

import pickle
from pathlib import Path

import numpy as np

import fastmlp
from fastmlp import MLPClassifier

HERE = Path(__file__).resolve().parent


def samples() -> tuple[np.ndarray, np.ndarray]:
    """60 samples of 5 features and 3 classes; no random numbers, which another NumPy might draw otherwise."""
    X = (np.arange(300, dtype=np.float32).reshape(60, 5) * 7 % 31) / 31
    return X, np.arange(60) % 3


def main() -> None:
    X, y = samples()
    kwargs = {"hidden_layer_sizes": (6,), "batch_size": 16, "momentum": 0.5, "random_state": 0}
    model = MLPClassifier(max_iter=3, **kwargs).fit(X, y)
    before = pickle.dumps(model, protocol=4)
    probabilities = model.predict_proba(X)
    model.partial_fit(X, y)
    content = {
        "model": before,
        "predict_proba": probabilities,
        "coefs after one more epoch": [np.asarray(coef) for coef in model.coefs_],
    }
    file = HERE / f"fastmlp-{fastmlp.__version__}.pickle"
    file.write_bytes(pickle.dumps(content, protocol=4))
    print(f"{file.name}: {file.stat().st_size} bytes")


if __name__ == "__main__":
    main()

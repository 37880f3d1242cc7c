"""A user's script: every type checker accepts each line. It also runs."""

from pathlib import Path
from typing import assert_type

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.datasets import load_iris, make_friedman1
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fastmlp
from fastmlp import Checkpoint, MLPClassifier, MLPRegressor, show_versions, warmup

X, y = load_iris(return_X_y=True)
X = np.asarray(X, dtype=np.float32)
version: str = fastmlp.__version__

model = MLPClassifier(
    hidden_layer_sizes=(16, 8), activation="tanh", solver="adam", max_iter=3, random_state=0
)
assert_type(model.fit(X, y), MLPClassifier)
assert_type(model.partial_fit(X, y), MLPClassifier)
model.fit(X, y, X_val=X[::3], y_val=y[::3], sample_weight=np.ones(len(X)))
model.fit(sparse.csr_array(X), y)
MLPClassifier(max_iter=2).fit(X.tolist(), [str(label) for label in y])
shape: tuple[int, ...] = model.coefs_[0].shape
epochs: int = model.n_iter_
loss: float = model.history_["loss"][-1] + model.loss_
labels: NDArray[np.int64] = model.predict(X)
probabilities = model.predict_proba(X).max(axis=1)
accuracy: float = model.score(X, y) + model.evaluate(X, y)["accuracy"]
model.coefs_ = [weights * 0.5 for weights in model.coefs_]
model.max_iter = 5
model.set_params(solver="sgd", learning_rate="adaptive").get_params()

MLPClassifier(32, batch_size="auto", class_weight={0: 1.0, 1: 2.0}, dtype=np.float64)
MLPClassifier([64, 32], alpha=np.float32(0.1), n_iter_no_change=np.inf, dtype=X.dtype)
MLPClassifier(np.array([64, 32]), class_weight="balanced", n_threads=2, verbose=True)
MLPClassifier(scoring="balanced_accuracy", random_state=np.random.RandomState(0), tol=1e-4)

X_r, y_r = make_friedman1(100, random_state=0)
regressor = MLPRegressor("poisson", (16,), max_iter=2).fit(X_r, y_r)
assert_type(regressor, MLPRegressor)
deviation: float = float(np.abs(regressor.predict(X_r) - y_r).mean()) + regressor.score(X_r, y_r)

search = GridSearchCV(MLPClassifier(max_iter=2), {"momentum": [0.0, 0.9]}, cv=2).fit(X, y)
make_pipeline(StandardScaler(), MLPClassifier(max_iter=2)).fit(X, y)


def later(folder: Path) -> MLPClassifier:
    """What takes long, or writes."""
    (X_train, y_train), (X_test, y_test) = fastmlp.datasets.load_mnist(folder, dtype="float32")
    warmup(solvers=("rmsprop", "adam"))
    show_versions()
    trained = Checkpoint(folder, every=2).fit(MLPClassifier(), X_train, y_train)
    assert trained.score(X_test, y_test) > 0.9
    own = fastmlp.array_kernels.relu(X)
    fastmlp.array_kernels.sgd_update(own, own, learning_rate=0.1)
    print(fastmlp.kernels.softmax_cross_entropy_backward(own, y)[0])
    again = fastmlp.export.from_sklearn(fastmlp.export.to_sklearn(trained))
    fastmlp.export.from_keras(fastmlp.export.keras_weights(again), classes=[0, 1])
    loaded: MLPClassifier = Checkpoint.load(folder)
    return loaded

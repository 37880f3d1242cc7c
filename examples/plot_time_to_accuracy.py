"""
Time to accuracy, beside scikit-learn
=====================================

Both train the same network with Adam on a quarter of MNIST, epoch by epoch.
"""

import time
import warnings

import matplotlib.pyplot as plt
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier as ScikitLearnMLP

from fastmlp import MLPClassifier, warmup
from fastmlp.datasets import load_mnist

warnings.simplefilter("ignore", ConvergenceWarning)
warmup(solvers=("adam",))
(X, y), (X_test, y_test) = load_mnist()
X, y = X[:15000], y[:15000]


def curve(model, epochs):
    seconds, accuracies = [0.0], [0.1]
    for _ in range(epochs):
        start = time.perf_counter()
        model.partial_fit(X, y, classes=range(10))
        seconds.append(seconds[-1] + time.perf_counter() - start)
        accuracies.append(model.score(X_test, y_test))
    return seconds, accuracies


ours = curve(MLPClassifier((256,), solver="adam", batch_size=128, random_state=0), 8)
theirs = curve(ScikitLearnMLP((256,), batch_size=128, random_state=0), 8)

# %%
figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
axis.plot(*ours, "o-", label="fastmlp")
axis.plot(*theirs, "s-", label="scikit-learn")
axis.set(xlabel="seconds of training", ylabel="test accuracy", ylim=(0.9, 1))
axis.legend()
plt.show()

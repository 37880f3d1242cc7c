"""
Dropout and overfitting
=======================

A wide network learns few samples by heart, wrong labels included: a fifth of these are drawn at random. Dropout
holds it back, and behind ReLU it makes an epoch no slower: a dropped unit is one more zero to skip.
"""

import matplotlib.pyplot as plt
import numpy as np

from fastmlp import MLPClassifier
from fastmlp.datasets import load_mnist

(X, y), (X_test, y_test) = load_mnist()
rng = np.random.default_rng(0)
X, y = X[:5000], y[:5000].copy()
wrong = rng.random(len(y)) < 0.2
y[wrong] = rng.integers(10, size=wrong.sum())
models = {}
for rate in (0.0, 0.2, 0.5):
    model = MLPClassifier((512, 512), dropout=rate, max_iter=30, random_state=0)
    models[rate] = model.fit(X, y, X_val=X_test, y_val=y_test)
    print(f"dropout {rate}: test accuracy {model.score(X_test, y_test):.4f}")

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for color, (rate, model) in enumerate(models.items()):
    epochs = range(1, model.n_iter_ + 1)
    axes[0].semilogy(epochs, model.history_["val_loss"], color=f"C{color}", label=f"dropout {rate}")
    axes[1].plot(epochs, model.history_["val_accuracy"], color=f"C{color}")
axes[0].set(xlabel="epoch", ylabel="test loss")
axes[1].set(xlabel="epoch", ylabel="test accuracy", ylim=(0.7, 1.0))
axes[0].legend()
plt.show()

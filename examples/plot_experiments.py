"""
Dimensions, learning rates and momentums
========================================

A grid search over what a network is and how it learns. joblib's workers are threads: fits run side by side.
"""

import joblib
import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV

from fastmlp import MLPClassifier
from fastmlp.datasets import load_mnist

(X, y), _ = load_mnist()
X, y = X[:6000], y[:6000]
grid = {
    "hidden_layer_sizes": [(32,), (128,), (512,)],
    "learning_rate_init": [1e-4, 1e-3, 1e-2],
    "momentum": [0.0, 0.9],
}
search = GridSearchCV(MLPClassifier(max_iter=4, random_state=0), grid, cv=3, n_jobs=-1)
with joblib.parallel_config(backend="threading"):
    search.fit(X, y)
print(search.best_params_, f"{search.best_score_:.3f}")

# %%
# One picture per momentum. Momentum multiplies the steps, so it wants a smaller rate.
scores = search.cv_results_["mean_test_score"].reshape(3, 3, 2)
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
for k, axis in enumerate(axes):
    low, high = np.quantile(scores, 0.2), scores.max()
    picture = axis.imshow(scores[:, :, k], vmin=low, vmax=high, cmap="viridis")
    for (i, j), score in np.ndenumerate(scores[:, :, k]):
        axis.text(
            j,
            i,
            f"{score:.3f}",
            ha="center",
            va="center",
            color="white" if score < (low + high) / 2 else "black",
        )
    axis.set_xticks(range(3), ["0.0001", "0.001", "0.01"])
    axis.set_yticks(range(3), ["32", "128", "512"])
    axis.set_xlabel("learning rate")
    axis.set_title(f"momentum {grid['momentum'][k]}")
axes[0].set_ylabel("hidden units")
figure.colorbar(picture, ax=axes, label="accuracy")
plt.show()

"""
What the first layer looks at
=============================

Each hidden unit has one weight per pixel: a picture of what makes it fire.
"""

import matplotlib.pyplot as plt
import numpy as np

from fastmlp import MLPClassifier
from fastmlp.datasets import load_mnist

(X, y), (X_test, y_test) = load_mnist()
model = MLPClassifier((64,), alpha=1.0, max_iter=8, random_state=0).fit(X, y)
print(f"test accuracy {model.score(X_test, y_test):.3f}")

# %%
weights = model.coefs_[0].T.reshape(-1, 28, 28)
strongest = np.argsort(-np.abs(weights).max(axis=(1, 2)))[:32]
limit = np.abs(weights[strongest]).max() * 0.6
figure, axes = plt.subplots(4, 8, figsize=(9, 4.7), layout="constrained")
for axis, unit in zip(axes.ravel(), strongest, strict=True):
    axis.imshow(weights[unit], cmap="RdBu_r", vmin=-limit, vmax=limit)
    axis.set_axis_off()
plt.show()

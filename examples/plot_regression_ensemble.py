"""
Regression with uncertainty, by an ensemble
===========================================

Networks from different seeds agree where there are data and differ where there are none.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import BaggingRegressor

from fastmlp import MLPRegressor

rng = np.random.default_rng(0)
x = np.concatenate([rng.uniform(-3, -1, 120), rng.uniform(0.5, 3, 120)])
y = np.sin(2 * x) + 0.3 * x + rng.normal(0, 0.15, len(x))
network = MLPRegressor(
    hidden_layer_sizes=(64, 64), solver="adam", learning_rate_init=0.005, max_iter=150
)
ensemble = BaggingRegressor(network, n_estimators=20, random_state=0).fit(x[:, None], y)

# %%
grid = np.linspace(-4, 4, 300)
predictions = np.array([member.predict(grid[:, None]) for member in ensemble.estimators_])
mean, spread = predictions.mean(axis=0), predictions.std(axis=0)
figure, axis = plt.subplots(figsize=(8, 4), layout="constrained")
axis.plot(grid, predictions.T, color="C0", alpha=0.15, linewidth=0.8)
axis.fill_between(
    grid,
    mean - 2 * spread,
    mean + 2 * spread,
    alpha=0.2,
    label="mean ± 2 standard deviations of 20 networks",
)
axis.plot(grid, mean, color="C0", linewidth=2)
axis.plot(x, y, ".", color="black", markersize=3, label="samples")
axis.set(xlabel="x", ylabel="y", ylim=(-4, 4))
axis.legend(loc="upper left")
plt.show()

"""
Early stopping, with the best epoch marked
==========================================

``early_stopping=True`` validates after each epoch and keeps the weights of the best one.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from fastmlp import MLPClassifier

X, y = load_digits(return_X_y=True)
model = MLPClassifier(
    (128,), early_stopping=True, scoring="loss", validation_fraction=0.3, n_iter_no_change=15,
    max_iter=300, learning_rate_init=0.003, random_state=0,
).fit(X[:600] / 16, y[:600])  # fmt: skip
best = int(np.argmin(model.history_["val_loss"]))
print(
    f"best epoch {best + 1} of {model.n_iter_}, accuracy on unseen digits {model.score(X[600:] / 16, y[600:]):.3f}"
)

# %%
figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
epochs = np.arange(1, model.n_iter_ + 1)
axis.semilogy(epochs, model.history_["loss"], label="training")
axis.semilogy(epochs, model.history_["val_loss"], label="validation")
axis.axvline(best + 1, color="gray", linestyle=":")
axis.annotate("weights kept", (best + 1, model.history_["val_loss"][best]), xytext=(8, 24), textcoords="offset points",
              arrowprops={"arrowstyle": "->"})  # fmt: skip
axis.set(
    xlabel="epoch",
    ylabel="loss",
    title=f"Training ends {model.n_iter_ - 1 - best} epochs after the best one",
)
axis.legend()
plt.show()

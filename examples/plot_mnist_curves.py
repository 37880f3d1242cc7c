"""
Learning curves of the MNIST network
====================================

The network of a well-known Keras notebook: 784 pixels, 512 ReLU units, 10 classes, RMSprop, batches of 128.
"""

import matplotlib.pyplot as plt

from fastmlp import MLPClassifier
from fastmlp.datasets import load_mnist

(X_train, y_train), (X_test, y_test) = load_mnist()
model = MLPClassifier((512,), batch_size=128, max_iter=12, random_state=0)
model.fit(X_train, y_train, X_val=X_test, y_val=y_test)
print(model.evaluate(X_test, y_test))

# %%
# The training loss keeps falling after the test loss has stopped: from there on the network learns its samples by
# heart. `fastmlp.plots.learning_curves` draws such a picture from `history_` with one call.
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
epochs = range(1, model.n_iter_ + 1)
for axis, name in zip(axes, ("loss", "accuracy"), strict=True):
    axis.plot(epochs, model.history_[name], label="training")
    axis.plot(epochs, model.history_[f"val_{name}"], label="test")
    axis.set(xlabel="epoch", ylabel=name)
axes[0].set_yscale("log")
axes[0].legend()
plt.show()

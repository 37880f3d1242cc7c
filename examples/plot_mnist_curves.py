"""
Learning curves of the MNIST network
====================================

The network of a well-known Keras notebook: 784 pixels, 512 ReLU units, 10 classes, RMSprop, batches of 128.
"""

from fastmlp import MLPClassifier
from fastmlp.datasets import load_mnist
from fastmlp.plots import learning_curves

(X_train, y_train), (X_test, y_test) = load_mnist()
model = MLPClassifier((512,), batch_size=128, max_iter=12, random_state=0)
model.fit(X_train, y_train, X_val=X_test, y_val=y_test)
print(model.evaluate(X_test, y_test))

# %%
# The training loss keeps falling after the test loss has stopped: from there on the network learns its samples by
# heart.
figure = learning_curves(model.history_, title="784-512-10, RMSprop", validation="test")

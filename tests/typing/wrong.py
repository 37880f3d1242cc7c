"""Mistakes: every type checker sees one in each line that ends in ``wrong``, and in no other."""

import numpy as np

from fastmlp import MLPClassifier, MLPRegressor, warmup
from fastmlp.datasets import load_mnist

X = np.zeros((10, 2), np.float32)
y = np.arange(10) % 2

MLPClassifier(solver="rmspropp")  # wrong
MLPClassifier(activation="swish")  # wrong
MLPClassifier(hidden_layer_sizes="oops")  # wrong
MLPClassifier(hidden_layer_sizes=(64.5,))  # wrong
MLPClassifier(learning_rate=0.001)  # wrong
MLPClassifier(batch_size="all")  # wrong
MLPClassifier(dtype="float16")  # wrong
MLPClassifier(n_hidden=100)  # wrong
MLPClassifier(100, "relu", "adam")  # wrong
MLPRegressor("mse")  # wrong
MLPRegressor(class_weight="balanced")  # wrong
model = MLPClassifier(max_iter=1)
model.fitt(X, y)  # wrong
model.solver = "rmspropp"  # wrong
model.fit(X)  # wrong
model.fit(X, y).history["loss"]  # wrong
model.fit(X, y, validation_data=(X, y))  # wrong
model.fit(X, y).history_["loss"].mean()  # wrong
MLPRegressor().predict_proba(X)  # wrong
load_mnist(flat=True)  # wrong
warmup(solver="adam")  # wrong

"""Small data and small models for the tests of the estimator."""

import numpy as np
from numpy.testing import assert_array_equal
from sklearn.datasets import make_blobs, make_multilabel_classification

from fastmlp import MLPClassifier

SOLVERS = ("rmsprop", "adam", "sgd", "lbfgs")
X, Y = make_blobs(120, 6, centers=3, cluster_std=2.0, random_state=1)
X = (X - X.mean(axis=0)) / X.std(axis=0)
X32 = X.astype(np.float32)
XM, YM = make_multilabel_classification(100, 8, n_classes=4, random_state=0)
XM = XM / 10


def make(**parameters):
    """A small classifier with these parameters."""
    defaults = {"hidden_layer_sizes": (6,), "batch_size": 16, "max_iter": 4, "random_state": 0}
    return MLPClassifier(**defaults | parameters)


def parameters_of(model):
    """All weights and biases."""
    return [*model.coefs_, *model.intercepts_]


def assert_same(a, b):
    """The same weights, bit for bit."""
    for one, other in zip(parameters_of(a), parameters_of(b), strict=True):
        assert_array_equal(one, other)

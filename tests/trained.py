"""Data that takes some training, and what is compared of two trainings."""

from numpy.testing import assert_array_equal
from sklearn.datasets import make_classification

from fastmlp import MLPClassifier

X, Y = make_classification(
    150, 12, n_informative=8, n_classes=3, random_state=0, shuffle=True, class_sep=2.0
)
STOCHASTIC = ("rmsprop", "adam", "sgd")


def make(**parameters):
    parameters = {"random_state": 0, "hidden_layer_sizes": (7,), "batch_size": 32} | parameters
    return MLPClassifier(**parameters)


def weights(model):
    return [*model.coefs_, *model.intercepts_]


def assert_same_training(a, b):
    """Bit for bit, the history's seconds excepted."""
    for one, other in zip(weights(a), weights(b), strict=True):
        assert_array_equal(one, other)
    for name in ("t_", "n_iter_", "loss_", "best_loss_", "loss_curve_", "validation_scores_"):
        assert getattr(a, name) == getattr(b, name), name
    assert a.history_.keys() == b.history_.keys()
    for key in a.history_.keys() - {"seconds"}:
        assert a.history_[key] == b.history_[key], key


class Crash:
    """A callback that ends a fit by an error after epoch `after`."""

    def __init__(self, after):
        self.after, self.seen = after, 0

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.seen += context.task_name == "epoch"
        if self.seen == self.after:
            raise RuntimeError("crash")

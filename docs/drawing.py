"""The network behind the page on which you draw a digit."""

from fastmlp import MLPClassifier
from fastmlp.cli.draw import drawing_page
from fastmlp.datasets import load_mnist


def write(file):
    """Train a network, write its drawing page, and return its accuracy."""
    (X, y), (X_test, y_test) = load_mnist()
    model = MLPClassifier(
        (128,),
        dropout=0.2,
        learning_rate="one_cycle",
        learning_rate_init=0.003,
        max_iter=10,
        random_state=0,
    )
    file.write_text(drawing_page(model.fit(X, y)), encoding="utf-8")
    return model.score(X_test, y_test)

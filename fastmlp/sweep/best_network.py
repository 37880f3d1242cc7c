"""What the page of a sweep shows of the best network."""

import numpy as np
from sklearn.metrics import confusion_matrix

from .. import plots
from .page import paragraph, picture, section

N_MISTAKES = 30


def show_network(model, data) -> list[str]:
    """Sections of the page about a fitted model: what it mistakes in the test data of `Samples`, and its weights."""
    probability = model.predict_proba(data.X_test)
    predicted = model.classes_[probability.argmax(axis=1)]
    matrix = confusion_matrix(data.y_test, predicted, labels=model.classes_)
    wrong = np.flatnonzero(predicted != data.y_test)
    parts = [
        section(
            "confusion",
            "Confusion matrix of the best network",
            paragraph(f"{len(wrong):,} of {len(predicted):,} test {data.what} are misclassified."),
            picture(
                plots.confusion(matrix, model.classes_, what=data.what),
                f"Confusion matrix of the test {data.what}",
            ),
        )
    ]
    side = data.side
    if side is None:
        return parts
    network = model[-1] if hasattr(model, "named_steps") else model
    if len(wrong):
        sure = probability[wrong].max(axis=1)
        order = np.argsort(-sure, kind="stable")[:N_MISTAKES]
        chosen = wrong[order]
        parts.append(
            section(
                "mistakes",
                "Misclassified images",
                picture(
                    plots.mistakes(
                        data.X_test[chosen].reshape(-1, side, side), data.y_test[chosen],
                        predicted[chosen], sure[order],
                    ),
                    "Misclassified test images with predicted and true label",
                    "The mistakes that the network was surest of. Above, in colour, what it took the "
                    "image for, and with what probability; below what it is.",
                ),
            )
        )  # fmt: skip
    weights = network.coefs_[0].T
    strongest = np.argsort(-np.linalg.norm(network.coefs_[1], axis=1), kind="stable")
    parts.append(
        section(
            "weights",
            "The first layer",
            picture(
                plots.first_layer(weights[strongest], side),
                "Weights of hidden units as images",
                "The weights into the hidden units that speak loudest to the output layer. Blue "
                "adds to a unit where there is ink, red takes away. Pixels that are blank in all "
                "images keep their random first weights: the grain at the rim. In a large network "
                "that was trained for a short time the random start is most of what is seen.",
            ),
        )
    )
    return parts

"""Pictures of what a network takes for what, and of its first layer."""

from typing import TYPE_CHECKING

import numpy as np

from .numbers import percent
from .style import INK, MUTED, VALIDATION, as_it_is, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def confusion(matrix: np.ndarray, classes, *, what: str = "images") -> "Figure":
    """Draw a confusion matrix: colours for the mistakes alone, which the hits would outshine.

    Parameters
    ----------
    matrix : int array of shape (n_classes, n_classes)
        Counts; rows are true labels, columns predicted ones.
    classes : sequence
        Their labels.
    what : str, default="images"
        What the samples are called.

    Returns
    -------
    figure : matplotlib.figure.Figure
    """
    n = len(classes)
    figure = new_figure(6.4, 5.6)
    axes = figure.subplots()
    off_diagonal = np.where(np.eye(n, dtype=bool), 0, matrix)
    most = max(int(off_diagonal.max()), 1)
    shown = np.ma.masked_where(np.eye(n, dtype=bool), off_diagonal)
    image = axes.imshow(shown, cmap="Oranges", vmin=0, vmax=most)
    for i in range(n):
        for j in range(n):
            if i == j:
                style = {"color": MUTED}
            elif matrix[i, j]:
                style = {"color": "white" if matrix[i, j] > 0.6 * most else INK}
            else:
                continue
            axes.text(j, i, str(matrix[i, j]), ha="center", va="center", fontsize="small", **style)
    names = [as_it_is(label) for label in classes]
    axes.set_xticks(range(n), names)
    axes.set_yticks(range(n), names)
    axes.set(xlabel="predicted label", ylabel="true label")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.colorbar(image, ax=axes, label=f"test {what} misclassified", shrink=0.8)
    return figure


def mistakes(images: np.ndarray, true, predicted, probability) -> "Figure":
    """Draw misclassified images, each with its predicted and its true label.

    Parameters
    ----------
    images : array of shape (n, side, side)
        At least one.
    true, predicted : sequence of length n
        Labels.
    probability : sequence of length n
        What the network gave the predicted label.

    Returns
    -------
    figure : matplotlib.figure.Figure
    """
    columns = min(10, max(5, len(images)))
    rows = -(-len(images) // columns)
    figure = new_figure(columns * 1.05, rows * 1.45)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, image, right, wrong, sure in zip(
        grid.flat, images, true, predicted, probability, strict=False
    ):
        axes.imshow(image, cmap="gray_r", interpolation="nearest")
        axes.set_title(
            f"{as_it_is(wrong)} ({percent(sure, 0)})", color=VALIDATION, fontsize="small", pad=3
        )
        axes.text(0.5, -0.05, f"is {as_it_is(right)}", transform=axes.transAxes, ha="center", va="top",
                  fontsize="small", color=INK)  # fmt: skip
    return figure


def first_layer(weights: np.ndarray, side: int, *, n_shown: int = 40) -> "Figure":
    """Draw the weights into hidden units as images: red for negative, blue for positive.

    Parameters
    ----------
    weights : array of shape (n_units, side * side)
        The first `n_shown` are drawn, all on one scale.
    side : int
        Pixels along a side of an image.
    n_shown : int, default=40
        How many units to draw at most.

    Returns
    -------
    figure : matplotlib.figure.Figure
    """
    from matplotlib.ticker import MaxNLocator

    weights = weights[:n_shown]
    columns = min(10, len(weights))
    rows = -(-len(weights) // columns)
    figure = new_figure(columns, rows + 0.5)
    grid = figure.subplots(rows, columns, squeeze=False)
    most = float(np.quantile(np.abs(weights), 0.995))
    for axes in grid.flat:
        axes.axis("off")
    for axes, unit in zip(grid.flat, weights, strict=False):
        picture = axes.imshow(unit.reshape(side, side), cmap="RdBu", vmin=-most, vmax=most,
                              interpolation="nearest")  # fmt: skip
    bar = {"location": "bottom", "shrink": 0.4, "aspect": 40, "ticks": MaxNLocator(5)}
    figure.colorbar(picture, ax=grid, label="weight", **bar)
    return figure

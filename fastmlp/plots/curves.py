"""Learning curves: of one model, and of a setting's folds."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .style import (
    MUTED,
    TRAINING,
    VALIDATION,
    accuracy_axis,
    as_it_is,
    epochs_axis,
    loss_axis,
    new_figure,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Characters of a line of a title that has the legend beside it.
TITLE_WIDTH = 80
# What of a history is drawn.
DRAWN = ("loss", "val_loss", "accuracy", "val_accuracy", "r2", "val_r2")


def learning_curves(
    history: Mapping[str, Sequence[float]], *, title: str = "", validation: str = "validation"
) -> "Figure":
    """Draw loss and score over the epochs.

    Parameters
    ----------
    history : mapping of str to sequence of float
        A fitted model's ``history_``: ``loss`` and ``accuracy`` or ``r2``, and the same with ``val_``
        in front where there was a validation set.
    title : str, default=""
        Written above the picture.
    validation : str, default="validation"
        What the validation set is called in the legend.

    Returns
    -------
    figure : matplotlib.figure.Figure
        Not registered with pyplot: nothing has to be closed, no display is needed.

    Raises
    ------
    TypeError
        `history` is no mapping.
    ValueError
        It holds nothing to draw.
    """
    if not isinstance(history, Mapping):
        raise TypeError(
            f"learning_curves needs a fitted model's history_, got {type(history).__name__}."
        )
    if not any(len(values) for key, values in history.items() if key in DRAWN):
        raise ValueError(f"The history has nothing to draw: none of {', '.join(DRAWN)}.")
    figure = new_figure(9, 3.6)
    figure.suptitle(as_it_is(title))
    score = "r2" if "r2" in history or "val_r2" in history else "accuracy"
    for axes, quantity in zip(figure.subplots(1, 2), ("loss", score), strict=True):
        for key, label, colour in (
            (quantity, "training", TRAINING),
            (f"val_{quantity}", validation, VALIDATION),
        ):
            values = history.get(key)
            if values is not None and len(values):
                values = list(values)
                last = f"{label}, {values[-1]:.4f} at the end"
                epochs = range(1, len(values) + 1)
                axes.plot(epochs, values, color=colour, marker=".", label=last)
        axes.set_ylabel("R²" if quantity == "r2" else quantity)
        epochs_axis(axes)
        tidy(axes)
        if axes.get_lines():
            axes.legend(frameon=False)
    return figure


def fold_curves(outcomes: Mapping[str, object], *, n_epochs: int) -> "Figure":
    """Draw accuracy and loss over the epochs for some settings, a row each.

    Parameters
    ----------
    outcomes : mapping of str to Outcome
        A row's title, and the setting's results (``sweep.results.Outcome``). Lines are means over
        the folds, bands go from the least fold to the greatest.
    n_epochs : int
        The length of the axis; a fit that failed has fewer.
    """
    figure = new_figure(10, 0.4 + 2.9 * len(outcomes), gap=0.05)
    for part, (title, outcome) in zip(
        np.atleast_1d(figure.subfigures(len(outcomes), 1)), outcomes.items(), strict=True
    ):
        short = "\n".join(textwrap.wrap(title, TITLE_WIDTH))
        part.suptitle(short, x=0.01, ha="left", fontsize="medium", weight="bold")
        for axes, quantity in zip(part.subplots(1, 2), ("accuracy", "loss"), strict=True):
            _fold_curve(axes, outcome, quantity)
            axes.set_xlim(0.7, n_epochs + 0.3)
            epochs_axis(axes)
            tidy(axes)
            handles, labels = axes.get_legend_handles_labels()
        # Beside the title, where no curve can be under it.
        part.legend(handles, labels, loc="upper right", ncols=2, frameon=False, borderaxespad=0.1)
    return figure


def _fold_curve(axes, outcome, quantity):
    seen = []
    for key, label, colour in (
        (quantity, "training", TRAINING),
        (f"val_{quantity}", "validation", VALIDATION),
    ):
        curves = outcome.curves(key)
        if not curves:
            continue
        length = min(map(len, curves))
        values = np.array([curve[:length] for curve in curves])
        epochs = np.arange(1, length + 1)
        axes.plot(epochs, values.mean(axis=0), color=colour, marker=".", label=label)
        axes.fill_between(
            epochs, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2, lw=0
        )
        seen.append(values)
    if not seen:
        axes.text(0.5, 0.5, "failed in its first epoch", transform=axes.transAxes, ha="center",
                  color=MUTED)  # fmt: skip
        axes.set(ylabel=quantity, yticks=[])
        return
    values = np.concatenate([part.ravel() for part in seen])
    if quantity == "accuracy":
        accuracy_axis(axes, values)
    else:
        loss_axis(axes, values)
    if outcome.failures:
        last = max(part.shape[1] for part in seen)
        axes.axvline(last + 0.5, color=MUTED, ls="--", lw=1)
        axes.annotate("failed", (last + 0.5, 0.5), xycoords=("data", "axes fraction"), rotation=90,
                      xytext=(3, 0), textcoords="offset points", color=MUTED, va="center")  # fmt: skip

"""Pictures of a training run. They need matplotlib, which the extra ``plot`` installs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TRAINING, VALIDATION = "#1f77b4", "#d95f02"


def require_matplotlib() -> None:
    """Say what to install if there is no matplotlib."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "plots need matplotlib: python -m pip install matplotlib (or fastmlp's extra 'plot')"
        ) from error


def learning_curves(
    history: Mapping[str, Sequence[float]], *, title: str = "", validation: str = "validation"
) -> "Figure":
    """Draw loss and accuracy over the epochs.

    Parameters
    ----------
    history : mapping of str to sequence of float
        A fitted model's ``history_``: ``loss`` and ``accuracy``, and ``val_loss`` and
        ``val_accuracy`` where there was a validation set.
    title : str, default=""
        Written above the picture.
    validation : str, default="validation"
        What the validation set is called in the legend.

    Returns
    -------
    figure : matplotlib.figure.Figure
        Not registered with pyplot: nothing has to be closed, no display is needed.
    """
    require_matplotlib()
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(9, 3.6), dpi=150, layout="constrained")
    figure.suptitle(title)
    for axes, quantity in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for key, label, colour in (
            (quantity, "training", TRAINING),
            (f"val_{quantity}", validation, VALIDATION),
        ):
            values = history.get(key) or []
            if len(values):
                last = f"{label}, {values[-1]:.4f} at the end"
                epochs = range(1, len(values) + 1)
                axes.plot(epochs, values, color=colour, marker=".", label=last)
        axes.set(xlabel="epoch", ylabel=quantity)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    return figure

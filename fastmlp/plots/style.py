"""What the plots have in common: colours, axes of accuracies, the test for matplotlib."""

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Told apart by colour-blind readers, and by lightness on a grey print.
TRAINING, VALIDATION = "#1f77b4", "#d95f02"
INK, MUTED, FAINT = "#222222", "#767676", "#c9c9c9"
COLOURS = "cividis"

MOST_TICKS = 7
LEAST_ERROR = 1e-4  # an axis of accuracies ends at 99.99%


def require_matplotlib() -> None:
    """Say what to install if there is no matplotlib."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "plots need matplotlib: python -m pip install matplotlib (or fastmlp's extra 'plot')"
        ) from error


def new_figure(width: float, height: float, **options) -> "Figure":
    """A figure of so many inches whose parts make room for each other."""
    require_matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=150, layout="constrained", **options)


def tidy(axes) -> None:
    """A quiet grid, and no frame where there is no axis."""
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def epochs_axis(axes) -> None:
    """Whole numbers below."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def accuracy_axis(axes, values) -> None:
    """Make the y axis one of accuracies, stretched so that 98% and 99% are as far apart as 80% and 90%.

    On it a network that learnt nothing and small differences near the top are both seen.

    Parameters
    ----------
    axes : matplotlib Axes
    values : array-like of float
        All that is to be seen; NaN is passed over.
    """
    values = np.asarray(values, float)
    values = values[np.isfinite(values)]
    low, high = stretched(np.array([values.min(), values.max()] if len(values) else [0.0, 0.9]))
    margin = 0.06 * max(high - low, 0.1)
    bottom, top = low - margin, high + margin
    axes.set_yscale("function", functions=(stretched, unstretched))
    axes.set_ylim(*unstretched(np.array([bottom, top])))
    ticks = accuracy_ticks(*unstretched(np.array([bottom, top])))
    axes.set_yticks(ticks, [percent(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_ylabel("accuracy")


def stretched(accuracy):
    """From accuracies to places on their axis."""
    return -np.log10(np.maximum(1.0 - accuracy, LEAST_ERROR))


def unstretched(place):
    """From places on the axis to accuracies."""
    return 1.0 - 10.0 ** -np.asarray(place, float)


def accuracy_ticks(low: float, high: float) -> list[float]:
    """Round accuracies between two, at most MOST_TICKS of them."""
    for steps in (range(1, 11), (1, 2, 5), (1,)):
        errors = {float(f"{step}e-{digit}") for step in steps for digit in range(1, 5)} | {1.0}
        ticks = sorted(round(1.0 - error, 6) for error in errors)
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= MOST_TICKS:
            break
    if len(ticks) < 3:
        from matplotlib.ticker import MaxNLocator

        ticks = [tick for tick in MaxNLocator(4).tick_values(low, high) if low <= tick <= high]
    return ticks


def percent(accuracy: float) -> str:
    """An accuracy as a tick's label: no more digits than it has."""
    return f"{round(100 * accuracy, 4):g}%"


def place_of(name: str, value: float) -> float:
    """Where a value of a setting's parameter stands on its axis: sizes and rates by their logarithm."""
    return {"hidden": math.log2, "lr": math.log10}.get(name, float)(value)


def value_axis(axis, name: str, values) -> None:
    """Label an axis (``axes.xaxis`` or ``axes.yaxis``) with a parameter's values, at `place_of` each."""
    axis.set_ticks([place_of(name, value) for value in values], [f"{v:g}" for v in values])
    axis.set_label_text(TITLES[name])


TITLES = {"hidden": "hidden units", "lr": "learning rate", "momentum": "momentum"}

"""What the plots have in common: colours, axes of accuracies, the test for matplotlib."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Told apart by colour-blind readers, and by lightness on a grey print.
TRAINING, VALIDATION = "#1f77b4", "#d95f02"
INK, MUTED, FAINT = "#222222", "#767676", "#c9c9c9"
COLOURS = "cividis"

LEAST_ERROR = 1e-4  # an axis of accuracies ends at 99.99%


def require_matplotlib() -> None:
    """Say what to install if there is no matplotlib."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "plots need matplotlib: python -m pip install matplotlib (or fastmlp's extra 'plot')"
        ) from error


def require_picture_format(file: Path) -> None:
    """Raise a ValueError if matplotlib writes no pictures with the ending of this file."""
    from matplotlib.backend_bases import FigureCanvasBase

    known = FigureCanvasBase.get_supported_filetypes()
    if file.suffix[1:].lower() not in known:
        ending = f"of the format {file.suffix!r}" if file.suffix else "without an ending"
        raise ValueError(
            f"{file}: no picture {ending} can be written, but .{', .'.join(sorted(known))}"
        )


def new_figure(width: float, height: float, *, gap: float = 0.02) -> "Figure":
    """A figure of so many inches whose parts make room for each other.

    `gap` is the room between panels side by side, as a share of a panel's width.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    figure.get_layout_engine().set(wspace=gap)
    return figure


def tidy(axes) -> None:
    """A quiet grid, and no frame where there is no axis."""
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def epochs_axis(axes) -> None:
    """Whole numbers below."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


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
    ticks = accuracy_ticks(bottom, top)
    axes.set_yticks(ticks, [tick_label(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_ylabel("accuracy")


def stretched(accuracy):
    """From accuracies to places on their axis."""
    return -np.log10(np.maximum(1.0 - accuracy, LEAST_ERROR))


def unstretched(place):
    """From places on the axis to accuracies."""
    return 1.0 - 10.0 ** -np.asarray(place, float)


def accuracy_ticks(bottom: float, top: float) -> list[float]:
    """Round accuracies between two places on their axis, the roundest first, none near another."""
    from matplotlib.ticker import MaxNLocator

    errors = [
        float(f"{step}e-{digit}")
        for steps in ((10,), (2, 5), (3, 4, 6, 7, 8), (1.5,))
        for step in steps
        for digit in range(1, 5)
    ]
    ticks: list[float] = []
    for tick in (1.0 - error for error in errors):
        near = (abs(stretched(tick) - stretched(other)) for other in ticks)
        if bottom <= stretched(tick) <= top and min(near, default=top) > (top - bottom) / 12:
            ticks.append(tick)
    if len(ticks) < 3:
        low, high = unstretched(bottom), unstretched(top)
        ticks = [tick for tick in MaxNLocator(4).tick_values(low, high) if low <= tick <= high]
    return sorted(ticks)


def tick_label(accuracy: float) -> str:
    """An accuracy as a tick's label: no more digits than it has."""
    return f"{round(100 * accuracy, 4):g}%"


def loss_axis(axes, values) -> None:
    """Make the y axis one of losses: logarithmic if they span more than a power of ten."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axes.set_ylabel("loss")
    values = np.asarray(values, float)
    values = values[np.isfinite(values) & (values > 0)]
    span = values.max() / values.min() if len(values) else 1.0
    if span <= 10:
        if span > 2:
            axes.set_ylim(bottom=0)
        return
    axes.set_yscale("log")
    axes.yaxis.set_minor_formatter(NullFormatter())
    if span < 1000:  # else the powers of ten are enough
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter("{x:g}")


def value_axis(axis, name: str, values, notes=None) -> None:
    """Label an axis (``axes.xaxis`` or ``axes.yaxis``) with a parameter's values.

    They stand at 0, 1, 2 …, whatever they are: the usual ones are powers, and none hides another.

    Parameters
    ----------
    axis : matplotlib Axis
    name : str
        A key of TITLES.
    values : sequence of float, or of str
    notes : sequence of str, default=None
        A second line under each value.
    """
    labels = [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
    if notes is not None:
        labels = [f"{label}\n{note}" for label, note in zip(labels, notes, strict=True)]
    axis.set_ticks(range(len(values)), labels)
    axis.set_label_text(TITLES[name])
    longest = max((len(line) for label in labels for line in label.split("\n")), default=0)
    # Side by side there is room for some forty characters.
    if axis.axis_name == "x" and (len(values) > 6 or len(values) * longest > 40):
        axis.set_tick_params(rotation=90, labelsize="small")


# Of the parameters that a sweep varies.
TITLES = {
    "hidden": "hidden units",
    "lr": "learning rate",
    "momentum": "momentum",
    "dropout": "dropout",
    "input_dropout": "input dropout",
    "weight_decay": "weight decay",
    "label_smoothing": "label smoothing",
    "average": "weight average",
    "schedule": "schedule",
}


def as_it_is(text: object) -> str:
    """Text in which Matplotlib sees no formula between two dollar signs."""
    return str(text).replace("$", r"\$")

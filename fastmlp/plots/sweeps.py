"""What the parameters of a sweep do to accuracy, loss and time.

`outcomes` is the list of ``sweep.results.Outcome`` of all settings.
"""

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from .style import (
    COLOURS,
    FAINT,
    INK,
    MUTED,
    TITLES,
    TRAINING,
    VALIDATION,
    accuracy_axis,
    loss_axis,
    new_figure,
    stretched,
    tidy,
    value_axis,
)  # fmt: skip

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = ("hidden", "lr", "momentum")
COLUMNS = 3  # of panels


def values_of(outcomes, name) -> list:
    """The values of a parameter, ascending."""
    return sorted({getattr(outcome.setting, name) for outcome in outcomes})


def shown_names(outcomes) -> tuple[str, ...]:
    """The parameters to draw: NAMES, and if others have several values, all that do."""
    varied = [name for name in outcomes[0].setting._fields if len(values_of(outcomes, name)) > 1]
    if set(varied) <= set(NAMES):
        return NAMES
    return tuple(varied) if len(varied) > 1 else ("hidden", *varied)


def _panels(figure, n_panels) -> list:
    """So many axes in rows of `COLUMNS`."""
    n_rows = -(-n_panels // COLUMNS)
    axes = figure.subplots(n_rows, min(n_panels, COLUMNS), squeeze=False).ravel()
    for empty in axes[n_panels:]:
        empty.remove()
    return list(axes[:n_panels])


def over_parameters(outcomes) -> "Figure":
    """Draw the validation accuracy of every fit over each parameter, with median and quartiles."""
    names = shown_names(outcomes)
    figure = new_figure(11, 0.4 + 3.6 * -(-len(names) // COLUMNS), gap=0.04)
    shuffle = np.random.default_rng(
        0
    ).permutation  # dots in the grid's order would look like a trend
    everything = np.concatenate([outcome.scores("val_accuracy") for outcome in outcomes])
    for number, (axes, name) in enumerate(zip(_panels(figure, len(names)), names, strict=True)):
        values = values_of(outcomes, name)
        medians, bests, notes = [], [], []
        for place, value in enumerate(values):
            chosen = [outcome for outcome in outcomes if getattr(outcome.setting, name) == value]
            scores = np.concatenate([outcome.scores("val_accuracy") for outcome in chosen])
            n_failed = int(np.isnan(scores).sum())
            notes.append(f"{n_failed} failed" if n_failed else "")
            scores = scores[~np.isnan(scores)]
            means = [outcome.mean("val_accuracy") for outcome in chosen if not outcome.failures]
            bests.append(max(means, default=np.nan))
            medians.append(np.median(scores) if len(scores) else np.nan)
            if len(scores):
                beside = place + shuffle(np.linspace(-0.18, 0.18, len(scores)))
                axes.plot(beside, scores, ".", ms=5, color=MUTED, alpha=0.6, mew=0, zorder=1)
                quartiles = np.quantile(scores, [0.25, 0.75])
                axes.plot([place, place], quartiles, color=TRAINING, lw=6, alpha=0.35, zorder=2,
                          solid_capstyle="butt")  # fmt: skip
        places = range(len(values))
        axes.plot(places, medians, "o-", color=TRAINING, ms=5, zorder=3, label="median, quartiles")
        axes.plot(places, bests, "v--", color=VALIDATION, ms=5, zorder=4, label="best setting")
        accuracy_axis(axes, everything)
        value_axis(axes.xaxis, name, values, notes if any(notes) else None)
        axes.set_xlim(-0.4, len(values) - 0.6)
        tidy(axes)
        if number % COLUMNS:
            axes.set_ylabel("")
    handles, labels = axes.get_legend_handles_labels()
    handles.append(axes.plot([], [], ".", color=MUTED, mew=0)[0])
    figure.legend(
        handles, [*labels, "each fit"], loc="outside upper center", ncols=3, frameon=False
    )
    return figure


def heat_maps(outcomes) -> "Figure":
    """Draw the validation accuracy over each pair of parameters: mean, and best, over the others."""
    import matplotlib
    from matplotlib.colors import Normalize

    means = np.array([outcome.mean("val_accuracy") for outcome in outcomes])
    found = stretched(means[np.isfinite(means)])
    norm = Normalize(*((found.min(), found.max()) if len(found) else (0, 1)))
    colours = matplotlib.colormaps[COLOURS].with_extremes(bad="#eeeeee")
    names = shown_names(outcomes)
    pairs = list(combinations(names, 2))
    n_rows = 2 * -(-len(pairs) // COLUMNS)
    n_columns = min(len(pairs), COLUMNS)
    figure = new_figure(11, 3.5 * n_rows, gap=0.04)
    grid = figure.subplots(n_rows, n_columns, squeeze=False)
    for number in range(n_rows):
        kind, summary = (("mean over", np.mean), ("best over", np.max))[number % 2]
        start = number // 2 * n_columns
        row = grid[number]
        for empty in row[len(pairs[start : start + n_columns]) :]:
            empty.remove()
        for axes, (across, down) in zip(row, pairs[start : start + n_columns], strict=False):
            others = [name for name in names if name not in (across, down)]
            what = TITLES[others[0]] if len(others) == 1 else "the others"
            xs, ys = values_of(outcomes, across), values_of(outcomes, down)
            table = np.full((len(ys), len(xs)), np.nan)
            for i, y in enumerate(ys):
                for j, x in enumerate(xs):
                    cell = [
                        score
                        for outcome, score in zip(outcomes, means, strict=True)
                        if (getattr(outcome.setting, across), getattr(outcome.setting, down))
                        == (x, y)
                    ]
                    scores = [score for score in cell if np.isfinite(score)]
                    if scores:
                        table[i, j] = summary(scores)
                    _cell(axes, j, i, table[i, j], len(cell) - len(scores), norm, colours,
                          "small" if len(xs) <= 6 else "xx-small")  # fmt: skip
            axes.imshow(stretched(table), norm=norm, cmap=colours, aspect="auto", origin="lower")
            value_axis(axes.xaxis, across, xs)
            value_axis(axes.yaxis, down, ys)
            axes.set_title(f"{kind} {what}", fontsize="medium")
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
    return figure


def _cell(axes, x, y, accuracy, n_failed, norm, colours, size):
    if np.isnan(accuracy):
        axes.text(x, y, "failed", ha="center", va="center", color=MUTED, fontsize=size)
        return
    red, green, blue, _ = colours(norm(stretched(accuracy)))
    dark = 0.3 * red + 0.59 * green + 0.11 * blue < 0.5
    text = f"{100 * accuracy:.2f}" + (f"\n{n_failed} failed" if n_failed else "")
    axes.text(x, y, text, ha="center", va="center", color="white" if dark else INK, fontsize=size)


def over_hidden(outcomes, setting) -> "Figure":
    """Draw accuracy and loss on training and validation samples, and seconds, over hidden units.

    Bold lines are the settings that differ from `setting` in nothing but the units, with a band from the least
    fold to the greatest; thin ones are all the other settings.
    """
    bold = setting._replace(hidden=None)
    figure = new_figure(11, 4, gap=0.05)
    sizes = values_of(outcomes, "hidden")
    places = range(len(sizes))
    lines: dict = {}
    for outcome in outcomes:
        line = lines.setdefault(outcome.setting._replace(hidden=None), {})
        line[outcome.setting.hidden] = outcome
    panels = (
        ("accuracy", (("train_accuracy", "training", TRAINING), ("val_accuracy", "validation", VALIDATION))),
        ("loss", (("train_loss", "training", TRAINING), ("val_loss", "validation", VALIDATION))),
        ("seconds per fit", (("seconds", "", INK),)),
    )  # fmt: skip
    for axes, (label, quantities) in zip(figure.subplots(1, 3), panels, strict=True):
        chosen = []
        for name, title, colour in quantities:
            for key, line in lines.items():
                folds = np.array([line[size].scores(name) for size in sizes])
                # A fit that failed has seconds, too, but not those of a whole fit.
                folds[[bool(line[size].failures) for size in sizes]] = np.nan
                if key == bold:
                    chosen.append(folds)
                    axes.plot(places, folds.mean(axis=1), "o-", color=colour, label=title, zorder=3)
                    axes.fill_between(places, folds.min(axis=1), folds.max(axis=1), color=colour,
                                      alpha=0.25, lw=0, zorder=2)  # fmt: skip
                elif name == "seconds":
                    axes.plot(places, folds.mean(axis=1), color=FAINT, lw=0.8, zorder=1)
        if label == "accuracy":
            accuracy_axis(axes, np.concatenate(chosen, axis=None))
            figure.legend(loc="outside upper center", ncols=2, frameon=False)
        elif label == "loss":
            loss_axis(axes, np.concatenate(chosen, axis=None))
        else:
            axes.set_ylabel(label)
            axes.set_ylim(bottom=0)
        value_axis(axes.xaxis, "hidden", sizes)
        tidy(axes)
    return figure

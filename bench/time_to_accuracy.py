"""Seconds of training until MNIST's test accuracy reaches 0.985, and 0.988, for any MLP of up to 2 million weights.

``python bench/time_to_accuracy.py`` (a few minutes) trains fastmlp by a few recipes and the contenders by Keras's
example, and writes ``results/time_to_accuracy.json`` and a plot of accuracy against time beside it. Only training
counts, with fastmlp's checks and encoding of the data; the evaluation of each epoch does not. ``--draw`` draws a
results file again.
"""

import argparse
import json
import tempfile
import time
from itertools import accumulate, pairwise
from pathlib import Path

import environment
import jobs
from contenders import CONTENDERS
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter
from plot import COLOURS
from process import ContenderError, Worker
from report import with_block

from fastmlp import MLPClassifier

RESULTS = Path(__file__).resolve().parent / "results" / "time_to_accuracy.json"
LEVELS = (0.985, 0.988)
MOST_WEIGHTS = 2_000_000
MARKERS = "<!-- Keras's example: begin -->", "<!-- Keras's example: end -->"
OURS = "fastmlp, Keras's example"
RIVALS = ("jax", "torch", "keras", "keras-jax")
EXAMPLE = jobs.Job(hidden=(512, 512), dropout=0.2)
_CYCLE = {"learning_rate": "one_cycle", "learning_rate_init": 0.002, "label_smoothing": 0.1}
_WIDE = _CYCLE | {"hidden_layer_sizes": (1024, 512)}
# Name -> parameters; max_iter is part of a recipe, as schedules end with it.
RECIPES = {
    OURS: {"hidden_layer_sizes": (512, 512), "dropout": 0.2, "max_iter": 20},
    "fastmlp, one cycle of 8": _CYCLE
    | {"hidden_layer_sizes": (512, 512), "dropout": 0.2, "max_iter": 8},
    "fastmlp, wider, one cycle of 20": _WIDE
    | {"dropout": 0.3, "input_dropout": 0.1, "max_iter": 20},
    "fastmlp, wider, one cycle of 40": _WIDE
    | {"dropout": 0.3, "input_dropout": 0.1, "max_iter": 40},
}


def n_weights(hidden):
    """Weights and biases of a network for MNIST."""
    sizes = (784, *hidden, 10)
    return sum((a + 1) * b for a, b in pairwise(sizes))


def curve_of_ours(data, parameters, epochs=None):
    """Seconds of training so far, and test accuracies, by epoch; at most so many epochs."""
    assert n_weights(parameters["hidden_layer_sizes"]) <= MOST_WEIGHTS
    if epochs is not None:
        parameters = parameters | {"max_iter": min(epochs, parameters["max_iter"])}
    one = MLPClassifier(**parameters | {"max_iter": 1})
    one.fit(data.X_train[:512], data.y_train[:512])  # compiles, or reads the cache
    start = time.perf_counter()
    one.fit(data.X_train, data.y_train)
    around = time.perf_counter() - start - one.history_["seconds"][0]  # checks and encoding
    model = MLPClassifier(**parameters, random_state=0)
    model.fit(data.X_train, data.y_train, X_val=data.X_test, y_val=data.y_test)
    seconds = list(accumulate(model.history_["seconds"], initial=around))
    return seconds[1:], model.history_["val_accuracy"]


def curve_of(name, folder, epochs):
    """The same of a contender."""
    seconds, accuracies = [], []
    with Worker(name, EXAMPLE, folder) as worker:
        for _ in range(epochs):
            seconds.append(worker.ask("train", epochs=1)["seconds"])
            accuracies.append(worker.ask("evaluate")["test_accuracy"])
    seconds[0] = min(seconds)  # without the compilation
    return list(accumulate(seconds)), accuracies


def first_time(curve, level):
    """Seconds until the accuracy is reached, or None."""
    return next((s for s, accuracy in zip(*curve, strict=True) if accuracy >= level), None)


def draw(curves):
    """Accuracy against seconds, a line each; a ring where a level is reached."""
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    ours = iter(("#d62728", "#ff7f7f", "#8b0000", "#e377c2"))
    for name, (seconds, accuracies) in curves.items():
        rival = name in CONTENDERS
        colour = COLOURS[name] if rival else next(ours)
        title = f"{CONTENDERS[name].title}, Keras's example" if rival else name
        style = {"ls": "--", "lw": 1.2} if rival else {"lw": 1.8}
        axes.plot(seconds, accuracies, color=colour, marker=".", ms=5, label=title, **style)
        for level in LEVELS:
            reached = first_time((seconds, accuracies), level)
            if reached is not None:
                at = accuracies[seconds.index(reached)]
                axes.plot(reached, at, "o", ms=9, mfc="none", mec=colour, mew=1.6)
    for level in LEVELS:
        axes.axhline(level, color="#7f7f7f", lw=0.8, ls=":", zorder=0)
        axes.annotate(f"{level:.1%}", (1, level), xycoords=("axes fraction", "data"), xytext=(4, 0),
                      textcoords="offset points", va="center", color="#555555")  # fmt: skip
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=1))
    axes.set(xlabel="seconds of training", ylabel="test accuracy", ylim=(0.96, 0.991))
    axes.grid(alpha=0.25)
    axes.set_title(
        f"MNIST, multi-layer perceptrons of up to {MOST_WEIGHTS / 1e6:g} million weights, 2 threads",
        fontsize="medium", loc="left",
    )  # fmt: skip
    figure.legend(loc="outside right center", frameon=False, fontsize="small")
    return figure


def told(curves):
    """Lines that say when each reached the levels."""
    for name, curve in curves.items():
        times = [first_time(curve, level) for level in LEVELS]
        reached = ", ".join(
            f"{level:g}: {'never' if t is None else f'{t:.1f} s'}"
            for level, t in zip(LEVELS, times, strict=True)
        )
        yield f"{name}: {reached}; best {max(curve[1]):.4f} in {curve[0][-1]:.1f} s"


def example_block(record):
    """README's table of Keras's example, between its markers: seconds of training and accuracy of each."""
    curves = record["curves"]
    ours = curves[OURS]
    rows = [("**fastmlp**", ours)] + [
        (CONTENDERS[name].title, curve) for name, curve in curves.items() if name in CONTENDERS
    ]
    lines = [
        f"| Keras's example, {len(ours[0])} epochs | seconds | × fastmlp | test accuracy |",
        "|---|--:|--:|--:|",
    ]
    for name, (seconds, accuracies) in sorted(rows, key=lambda row: row[1][0][-1]):
        if len(seconds) == len(ours[0]):
            times = seconds[-1] / ours[0][-1]
            lines.append(f"| {name} | {seconds[-1]:.1f} | {times:.1f} | {accuracies[-1]:.4f} |")
    return "\n".join([MARKERS[0], *lines, MARKERS[1]])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20, help="of each contender")
    parser.add_argument("--quick", action="store_true", help="no more epochs of ours, either")
    parser.add_argument("--ours", action="store_true", help="fastmlp alone")
    parser.add_argument("--output", type=Path, default=RESULTS, help="the results file")
    parser.add_argument("--draw", action="store_true", help="draw the results file again")
    parser.add_argument(
        "--readme", type=Path, help="renew the table of Keras's example in this file"
    )
    options = parser.parse_args()
    if options.draw:
        record = json.loads(options.output.read_text())
    else:
        record = measure(options)
    print("\n".join(told(record["curves"])))
    draw(record["curves"]).savefig(options.output.with_suffix(".png"), dpi=150)
    if options.readme is not None:
        page = options.readme.read_text(encoding="utf-8")
        options.readme.write_text(
            with_block(page, example_block(record), *MARKERS), encoding="utf-8"
        )


def measure(options):
    """Train everybody; the record, which is written after each."""
    curves = {}
    record = {"environment": environment.describe(), "recipes": RECIPES, "curves": curves}
    options.output.parent.mkdir(exist_ok=True)

    def keep(name, curve):
        curves[name] = curve
        print(*told({name: curve}), flush=True)
        options.output.write_text(json.dumps(record, indent=1) + "\n")

    with tempfile.TemporaryDirectory(prefix="fastmlp-accuracy-") as folder:
        jobs.save("mnist", folder)
        data = jobs.load("mnist", folder)
        for name, parameters in RECIPES.items():
            keep(name, curve_of_ours(data, parameters, options.epochs if options.quick else None))
        for name in () if options.ours else RIVALS:
            if not CONTENDERS[name].installed:
                print(f"{name} is not installed")
                continue
            try:
                keep(name, curve_of(name, folder, options.epochs))
            except ContenderError as error:
                print(f"{name}: {error}")
    return record


if __name__ == "__main__":
    main()

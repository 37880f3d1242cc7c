"""Seconds of training until MNIST's test accuracy reaches 0.985, and 0.988, for any MLP of up to 2 million weights.

``python bench/time_to_accuracy.py`` trains fastmlp by a few recipes and the contenders by Keras's example, and draws
accuracy against time into ``results/time_to_accuracy.png``. Only training counts, not the evaluation of each epoch.
"""

import argparse
import json
import tempfile
from itertools import pairwise
from pathlib import Path

import jobs
from contenders import CONTENDERS
from matplotlib.figure import Figure
from plot import COLOURS
from process import ContenderError, Worker

from fastmlp import MLPClassifier

RESULTS = Path(__file__).resolve().parent / "results"
LEVELS = (0.985, 0.988)
MOST_WEIGHTS = 2_000_000
RIVALS = ("jax", "keras", "keras-jax")
EXAMPLE = jobs.Job(hidden=(512, 512), dropout=0.2)
_CYCLE = {"learning_rate": "one_cycle", "label_smoothing": 0.1}
# Name -> parameters; max_iter is part of a recipe, as schedules end with it.
RECIPES = {
    "fastmlp, Keras's example": {"hidden_layer_sizes": (512, 512), "dropout": 0.2, "max_iter": 20},
    "fastmlp, one cycle of 8": _CYCLE
    | {
        "hidden_layer_sizes": (512, 512),
        "dropout": 0.2,
        "learning_rate_init": 0.002,
        "max_iter": 8,
    },
    "fastmlp, one cycle of 16": _CYCLE
    | {
        "hidden_layer_sizes": (1024, 512),
        "dropout": 0.3,
        "input_dropout": 0.1,
        "learning_rate_init": 0.002,
        "max_iter": 16,
    },
}


def n_weights(hidden):
    """Weights and biases of a network for MNIST."""
    sizes = (784, *hidden, 10)
    return sum((a + 1) * b for a, b in pairwise(sizes))


def curve_of_ours(data, parameters):
    """Seconds of training so far, and test accuracies, by epoch."""
    assert n_weights(parameters["hidden_layer_sizes"]) <= MOST_WEIGHTS
    MLPClassifier(**parameters | {"max_iter": 1}).fit(data.X_train[:512], data.y_train[:512])
    model = MLPClassifier(**parameters, random_state=0)
    model.fit(data.X_train, data.y_train, X_val=data.X_test, y_val=data.y_test)
    return _summed(model.history_["seconds"]), model.history_["val_accuracy"]


def curve_of(name, folder, epochs):
    """The same of a contender."""
    seconds, accuracies = [], []
    with Worker(name, EXAMPLE, folder) as worker:
        for _ in range(epochs):
            seconds.append(worker.ask("train", epochs=1)["seconds"])
            accuracies.append(worker.ask("evaluate")["test_accuracy"])
    seconds[0] = min(seconds)  # without the compilation
    return _summed(seconds), accuracies


def _summed(seconds):
    return [sum(seconds[: n + 1]) for n in range(len(seconds))]


def first_time(curve, level):
    """Seconds until the accuracy is reached, or None."""
    return next((s for s, accuracy in zip(*curve, strict=True) if accuracy >= level), None)


def draw(curves):
    """Accuracy against seconds, a line each."""
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    ours = iter(("#d62728", "#ff9896", "#8b0000", "#e377c2"))
    for name, (seconds, accuracies) in curves.items():
        colour = COLOURS.get(name) or next(ours)
        title = CONTENDERS[name].title if name in CONTENDERS else name
        axes.plot(seconds, accuracies, color=colour, marker=".", label=title)
    for level in LEVELS:
        axes.axhline(level, color="#7f7f7f", lw=0.8, ls=":")
    axes.set(xscale="log", xlabel="seconds of training", ylabel="test accuracy", ylim=(0.96, 0.992))
    axes.legend(loc="lower right", frameon=False)
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20, help="of each contender")
    parser.add_argument("--ours", action="store_true", help="fastmlp alone")
    options = parser.parse_args()
    curves = {}
    with tempfile.TemporaryDirectory(prefix="fastmlp-accuracy-") as folder:
        jobs.save("mnist", folder)
        data = jobs.load("mnist", folder)
        for name, parameters in RECIPES.items():
            curves[name] = curve_of_ours(data, parameters)
        for name in () if options.ours else RIVALS:
            if not CONTENDERS[name].installed:
                print(f"{name} is not installed")
                continue
            try:
                curves[name] = curve_of(name, folder, options.epochs)
            except ContenderError as error:
                print(f"{name}: {error}")
    for name, curve in curves.items():
        times = [first_time(curve, level) for level in LEVELS]
        reached = ", ".join(
            f"{level:g}: {'never' if t is None else f'{t:.1f} s'}"
            for level, t in zip(LEVELS, times, strict=True)
        )
        print(f"{name}: {reached}; best {max(curve[1]):.4f}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "time_to_accuracy.json").write_text(json.dumps(curves, indent=1) + "\n")
    draw(curves).savefig(RESULTS / "time_to_accuracy.png", dpi=150)


if __name__ == "__main__":
    main()

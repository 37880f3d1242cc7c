"""What regularisation is worth on MNIST: test accuracy of one network over seeds, by recipe.

``python bench/dropout_runs.py`` trains a 784-512-512-10 network for 20 epochs of 128 with each of 5 seeds by each
recipe (a few minutes), prints a table, and writes ``results/dropout_runs.json``. With ``--table`` it prints that
file's table again.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from statistics import mean, stdev

import environment
import jobs

from fastmlp import MLPClassifier

RESULTS = Path(__file__).resolve().parent / "results" / "dropout_runs.json"
SEEDS, EPOCHS = range(5), 20
NETWORK = {"hidden_layer_sizes": (512, 512)}
EXAMPLE = NETWORK | {"dropout": 0.2}
CYCLE = {"learning_rate": "one_cycle", "learning_rate_init": 0.002}
RECIPE = EXAMPLE | CYCLE | {"label_smoothing": 0.1}
# The two that a bar judges.
RECIPES = {"Keras's example": EXAMPLE, "with one_cycle and label smoothing": RECIPE}
# What each of them adds.
STEPS = {
    "nothing": NETWORK,
    "dropout 0.2 (Keras's example)": EXAMPLE,
    "dropout 0.2, average 0.999": EXAMPLE | {"average": 0.999},
    "dropout 0.2, label smoothing 0.1": EXAMPLE | {"label_smoothing": 0.1},
    "dropout 0.2, one_cycle to 0.002": EXAMPLE | CYCLE,
    "dropout 0.2, one_cycle to 0.002, label smoothing 0.1": RECIPE,
}


def accuracies(data, parameters, seeds=SEEDS, epochs=EPOCHS):
    """Test accuracy after training, for each seed."""
    found = []
    for seed in seeds:
        model = MLPClassifier(**parameters, max_iter=epochs, random_state=seed)
        model.fit(data.X_train, data.y_train)
        found.append(model.score(data.X_test, data.y_test))
    return found


def described(found):
    """Mean, deviation and each seed's accuracy in words."""
    spread = f" (deviation {stdev(found):.4f})" if len(found) > 1 else ""
    return f"{mean(found):.4f}{spread}: {', '.join(f'{accuracy:.4f}' for accuracy in found)}"


def mnist(folder):
    """MNIST as the contenders have it."""
    jobs.save("mnist", folder)
    return jobs.load("mnist", folder)


def accuracy_bar(folder):
    """The mean of the example's test accuracies, and a remark on both recipes."""
    data = mnist(folder)
    found = {name: accuracies(data, parameters) for name, parameters in RECIPES.items()}
    remark = "; ".join(f"{name} {described(of_seeds)}" for name, of_seeds in found.items())
    return mean(found["Keras's example"]), remark


def table(record):
    """The record's table in Markdown."""
    lines = [
        "| 784-512-512-10 with | mean test accuracy | deviation | seconds an epoch |",
        "|---|--:|--:|--:|",
    ]
    for name, run in record["runs"].items():
        found = run["accuracies"]
        spread = f"{stdev(found):.4f}" if len(found) > 1 else ""
        lines.append(f"| {name} | {mean(found):.4f} | {spread} | {run['seconds_per_epoch']:.3f} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument(
        "--samples", type=int, help="train on the first so many images: a quick look"
    )
    parser.add_argument("--output", type=Path, default=RESULTS, help="the results file")
    parser.add_argument("--table", action="store_true", help="print the results file's table again")
    options = parser.parse_args()
    if options.table:
        print(table(json.loads(options.output.read_text())))
        return
    with tempfile.TemporaryDirectory() as folder:
        data = mnist(folder)
    data.X_train, data.y_train = data.X_train[: options.samples], data.y_train[: options.samples]
    record = {"epochs": options.epochs, "environment": environment.describe(), "runs": {}}
    for name, parameters in STEPS.items():
        start = time.perf_counter()
        found = accuracies(data, parameters, range(options.seeds), options.epochs)
        seconds = (time.perf_counter() - start) / (options.seeds * options.epochs)
        record["runs"][name] = {"accuracies": found, "seconds_per_epoch": seconds}
        print(f"{name}: {described(found)}", flush=True)
        options.output.parent.mkdir(exist_ok=True)
        options.output.write_text(
            json.dumps(record, indent=1) + "\n"
        )  # an interruption keeps the finished ones
    print(table(record))


if __name__ == "__main__":
    main()

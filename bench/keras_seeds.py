"""Keras's own test accuracy in the main job over five seeds, the yardstick for ours.

``python bench/keras_seeds.py`` (a minute or two per seed) writes ``results/keras_seeds.json``;
`tests` and readers compare with the mean and the spread there.
"""

import json
import os
import tempfile
from pathlib import Path
from statistics import mean, stdev

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import environment
import jobs
from contenders import CONTENDERS, keras_fit
from worker import versions

EPOCHS = 20
SEEDS = range(5)
RESULTS = Path(__file__).resolve().parent / "results" / "keras_seeds.json"


def main():
    with tempfile.TemporaryDirectory() as folder:
        jobs.save("mnist", folder)
        data = jobs.load("mnist", folder)
    runs = []
    for seed in SEEDS:
        state = keras_fit.prepare(jobs.Job(seed=seed), data)
        keras_fit.train(state, EPOCHS)
        loss, accuracy = keras_fit.evaluate(state)
        runs.append({"seed": seed, "test_loss": loss, "test_accuracy": accuracy})
        print(f"seed {seed}: test loss {loss:.4f}, accuracy {accuracy:.4f}", flush=True)
    accuracies = [run["test_accuracy"] for run in runs]
    results = {
        "job": jobs.Job().to_dict() | {"seed": None},
        "epochs": EPOCHS,
        "environment": environment.describe(),
        "versions": versions(CONTENDERS["keras"].packages),
        "runs": runs,
        "mean_accuracy": mean(accuracies),
        "standard_deviation": stdev(accuracies),
    }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print(f"mean {mean(accuracies):.4f}, standard deviation {stdev(accuracies):.4f}")


if __name__ == "__main__":
    main()

"""What regularisation is worth on MNIST: test accuracy of Keras's example over seeds, and by a recipe of our own.

``python bench/dropout_runs.py`` (20 epochs for each of 5 seeds and 2 recipes) prints accuracies and seconds.
"""

import argparse
import tempfile
from statistics import mean, stdev

import jobs

from fastmlp import MLPClassifier

SEEDS, EPOCHS = range(5), 20
EXAMPLE = {"hidden_layer_sizes": (512, 512), "dropout": 0.2}
# The same network with a schedule and smoothing, too.
RECIPE = EXAMPLE | {
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.002,
    "label_smoothing": 0.1,
}
RECIPES = {"Keras's example": EXAMPLE, "with one_cycle and label smoothing": RECIPE}


def accuracies(data, parameters, seeds=SEEDS, epochs=EPOCHS):
    """Test accuracy after training, for each seed."""
    found = []
    for seed in seeds:
        model = MLPClassifier(**parameters, max_iter=epochs, random_state=seed)
        model.fit(data.X_train, data.y_train)
        found.append(model.score(data.X_test, data.y_test))
    return found


def accuracy_bar(folder):
    """The mean of the example's test accuracies, and a remark on both recipes."""
    jobs.save("mnist", folder)
    data = jobs.load("mnist", folder)
    means, remarks = [], []
    for name, parameters in RECIPES.items():
        found = accuracies(data, parameters)
        means.append(mean(found))
        remarks.append(f"{name} {means[-1]:.4f} (deviation {stdev(found):.4f})")
    return means[0], "; ".join(remarks)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        jobs.save("mnist", folder)
        data = jobs.load("mnist", folder)
    for name, parameters in RECIPES.items():
        found = accuracies(data, parameters, range(options.seeds), options.epochs)
        print(f"{name}: {', '.join(f'{a:.4f}' for a in found)}; mean {mean(found):.4f}", flush=True)


if __name__ == "__main__":
    main()

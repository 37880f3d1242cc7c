"""R² of the regressors' defaults over small data sets, and what standardising the target inside the fit would bring.

``python bench/regression_quality.py`` prints a table: scikit-learn's MLPRegressor and fastmlp's, both as they come, on
the target as it is and on the standardised one (of the training samples; R² is the same in either unit). The
columns "scaled" are what a fit that standardises y, and undoes that in `predict`, gives. Features are standardised.
Each figure is the mean over random splits; R² below -1 counts as -1 in the averages.
"""

import argparse
import warnings

import numpy as np
from sklearn import datasets
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor as ScikitLearns
from sklearn.preprocessing import StandardScaler

from fastmlp import MLPRegressor

WORST = -1.0


def column_of(load, column):
    """One column of a data set from all the others."""
    X, _ = load(return_X_y=True)
    return np.delete(X, column, axis=1), X[:, column]


def random_network(n_samples=2000, seed=0):
    """Three targets, a random tanh network of eight features with a little noise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 8))
    y = np.tanh(X @ rng.normal(size=(8, 20)) / 2) @ rng.normal(size=(20, 3))
    return X, y + 0.1 * rng.normal(size=y.shape)


SETS = {
    "diabetes": lambda: datasets.load_diabetes(return_X_y=True),
    "friedman 1": lambda: datasets.make_friedman1(1000, noise=1.0, random_state=0),
    "friedman 2": lambda: datasets.make_friedman2(1000, noise=10.0, random_state=0),
    "friedman 3": lambda: datasets.make_friedman3(1000, noise=0.1, random_state=0),
    "linear, 50 features": lambda: datasets.make_regression(1000, 50, noise=10.0, random_state=0),
    "random network, 3 targets": random_network,
    "iris: petal width": lambda: column_of(datasets.load_iris, 3),
    "wine: alcohol": lambda: column_of(datasets.load_wine, 0),
    "breast cancer: worst area": lambda: column_of(datasets.load_breast_cancer, 23),
    "digits as numbers": lambda: datasets.load_digits(return_X_y=True),
}


def scaled(model):
    """The model with its target standardised in the fit."""
    return TransformedTargetRegressor(model, transformer=StandardScaler())


MODELS = {
    "scikit-learn": lambda seed: ScikitLearns(random_state=seed),
    "scaled": lambda seed: scaled(ScikitLearns(random_state=seed)),
    "fastmlp": lambda seed: MLPRegressor(random_state=seed),
    "scaled ": lambda seed: scaled(MLPRegressor(random_state=seed)),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=3)
    splits = parser.parse_args().splits
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(f"| {'R²':26} | std of y | " + " | ".join(f"{name:>12}" for name in MODELS) + " |")
    print(f"|{'-' * 28}|---------:|" + "|".join("-" * 13 + ":" for _ in MODELS) + "|")
    rows = []
    for name, load in SETS.items():
        X, y = load()
        rows.append([])
        for make in MODELS.values():
            scores = []
            for seed in range(splits):
                parts = train_test_split(X, y.astype(float), random_state=seed)
                scaler = StandardScaler().fit(parts[0])
                train, test = map(scaler.transform, parts[:2])
                scores.append(make(seed).fit(train, parts[2]).score(test, parts[3]))
            rows[-1].append(np.mean(scores))
        figures = " | ".join(f"{score:12.3f}" for score in rows[-1])
        print(f"| {name:26} | {y.std():8.3g} | {figures} |", flush=True)
    means = np.maximum(rows, WORST).mean(axis=0)
    print(f"| {'mean':26} |          | " + " | ".join(f"{mean:12.3f}" for mean in means) + " |")


if __name__ == "__main__":
    main()

"""Do the defaults fit small data? Accuracy beside scikit-learn's default, and the choice of AUTO_UPDATES.

``python bench/defaults.py`` cross-validates (5 folds) both default classifiers on small and middling sets, raw and
standardised, and prints a table. ``--updates 1000 1500 2000`` compares values of AUTO_UPDATES.
"""

import argparse
import warnings

import numpy as np
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier as Theirs
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fastmlp import MLPClassifier
from fastmlp.training import stochastic


def sets():
    """Yield (name, X, y)."""
    for name in ("iris", "wine", "breast_cancer", "digits"):
        yield (name, *getattr(datasets, f"load_{name}")(return_X_y=True))
    yield ("moons", *datasets.make_moons(400, noise=0.25, random_state=0))
    yield ("circles", *datasets.make_circles(400, noise=0.1, factor=0.5, random_state=0))
    yield ("blobs", *datasets.make_blobs(300, centers=5, cluster_std=2.0, random_state=0))
    yield ("gaussian quantiles", *datasets.make_gaussian_quantiles(n_samples=600, n_features=4, n_classes=3,
                                                                  random_state=0))  # fmt: skip
    yield ("hastie", *datasets.make_hastie_10_2(1000, random_state=0))
    shapes = (
        (2, 10, 200),
        (2, 20, 2000),
        (3, 8, 500),
        (4, 30, 1000),
        (5, 15, 600),
        (7, 25, 1500),
        (10, 40, 3000),
    )
    for n_classes, n_features, n in shapes:
        X, y = datasets.make_classification(
            n, n_features, n_informative=n_features // 2, n_redundant=2, n_classes=n_classes,
            n_clusters_per_class=1, flip_y=0.05, class_sep=1.0, random_state=n,
        )  # fmt: skip
        yield (f"generated {n}x{n_features}, {n_classes} classes", X, y)


def accuracy(model, X, y, scaled):
    if scaled:
        model = make_pipeline(StandardScaler(), model)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    return cross_val_score(model, X, y, cv=folds).mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--updates", type=int, nargs="+", default=[stochastic.AUTO_UPDATES])
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    columns = [f"fastmlp, N = {n:,}" for n in options.updates]
    print("| set | scaled | scikit-learn | " + " | ".join(columns) + " |")
    print("|---|---|---|" + "---|" * len(columns))
    rows = {False: [], True: []}
    for name, X, y in sets():
        for scaled in (False, True):
            figures = [accuracy(Theirs(random_state=0), X, y, scaled)]
            for n in options.updates:
                stochastic.AUTO_UPDATES = n
                figures.append(accuracy(MLPClassifier(random_state=0), X, y, scaled))
            rows[scaled].append(figures)
            cells = " | ".join(f"{figure:.4f}" for figure in figures)
            print(f"| {name} | {'yes' if scaled else 'no'} | {cells} |", flush=True)
    for scaled, figures in rows.items():
        table = np.array(figures)
        worst = (table[:, 1:] - table[:, :1]).min(axis=0)
        cells = " | ".join(f"{figure:.4f}" for figure in table.mean(axis=0))
        print(f"| **mean** | {'yes' if scaled else 'no'} | {cells} |")
        print(f"worst difference, scaled={scaled}: " + ", ".join(f"{w:+.4f}" for w in worst))


if __name__ == "__main__":
    main()

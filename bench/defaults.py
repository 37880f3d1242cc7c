"""Do the defaults fit small data? Accuracy beside scikit-learn's default classifier, and the choice of AUTO_UPDATES.

``python bench/defaults.py`` cross-validates both default classifiers over the sets of `small_sets`, raw and
standardised, and prints a table for each; `cross_validation` states the rule. ``--updates 1000 1500 2000`` compares
values of AUTO_UPDATES. ``--held-out`` takes other sets, on which no default was chosen.

The bar: on average at least scikit-learn's accuracy, and on standardised features no set worse by more than 0.01. A set
that misses it is marked "**below**" if it does so by more than two standard errors, else "(below)".
"""

import numpy as np
from cross_validation import compare, mean_and_error, with_error
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier as ScikitLearns
from sklearn.preprocessing import StandardScaler
from small_sets import CLASSIFICATION, HELD_OUT

from fastmlp import MLPClassifier

BAR = -0.01


def folds(X, y, repeat):
    return StratifiedKFold(5, shuffle=True, random_state=repeat).split(X, y)


def raw(*arrays):
    return arrays


def standardised(X_train, X_test, y_train, y_test):
    scaler = StandardScaler().fit(X_train)
    return scaler.transform(X_train), scaler.transform(X_test), y_train, y_test


FORMS = {"standardised": standardised, "raw": raw}


def verdict(form, difference):
    """Return the mark of a set that misses the bar, which is for standardised features."""
    mean, error = mean_and_error(difference)
    if form != "standardised" or mean >= BAR:
        return ""
    return "**below**" if mean + 2 * error < BAR else "(below)"


def print_table(form, names, models, kept, repeats):
    """Print each set's accuracies and differences, and their means."""
    print(f"\n{form} features, {len(repeats)} repeats\n")
    columns = [f"{model} | difference | " for model in list(models)[1:]]
    print("| set | scikit-learn | " + " | ".join(columns) + " |")
    print("|---|---|" + "---|---|---|" * len(columns))
    tables = np.array([kept.table(name, form, models, repeats) for name in names])
    for name, (first, *others) in zip(names, tables, strict=True):
        cells = " | ".join(
            f"{other.mean():.4f} | {with_error(other - first, 4, '+')} | {verdict(form, other - first)}"
            for other in others
        )
        print(f"| {name} | {first.mean():.4f} | {cells} |")
    means = tables.mean(axis=0)
    cells = " | ".join(
        f"{other.mean():.4f} | {with_error(other - means[0], 4, '+')} | " for other in means[1:]
    )
    print(f"| **mean** | {means[0].mean():.4f} | {cells} |")


if __name__ == "__main__":
    description = __doc__.splitlines()[0]
    compare(
        description, CLASSIFICATION, folds, FORMS, ScikitLearns, MLPClassifier, print_table,
        held_out=HELD_OUT,
    )  # fmt: skip

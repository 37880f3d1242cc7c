"""R² of the regressors' defaults over small data sets, and what `scale_target` brings.

``python bench/regression_quality.py`` cross-validates scikit-learn's MLPRegressor and fastmlp's, both as they come, and
fastmlp's with ``scale_target=True``, over the sets of `small_sets`. It prints a table for the target as it is, and one
for the standardised target (by the training samples; R² is the same in either unit). Features are standardised.
`cross_validation` states the rule. R² below -1 counts as -1 in the averages: the worst failures would decide them
alone. ``--updates 1000 1500`` compares values of AUTO_UPDATES.
"""

import numpy as np
from cross_validation import compare, with_error
from sklearn.model_selection import KFold
from sklearn.neural_network import MLPRegressor as ScikitLearns
from sklearn.preprocessing import StandardScaler
from small_sets import REGRESSION

from fastmlp import MLPRegressor

WORST = -1.0


def folds(X, y, repeat):
    return KFold(5, shuffle=True, random_state=repeat).split(X, y)


def as_it_is(X_train, X_test, y_train, y_test):
    """Standardise the features."""
    scaler = StandardScaler().fit(X_train)
    return scaler.transform(X_train), scaler.transform(X_test), y_train, y_test


def standardised(X_train, X_test, y_train, y_test):
    """Standardise the features and the target."""
    X_train, X_test, *targets = as_it_is(X_train, X_test, y_train, y_test)
    mean, deviation = y_train.mean(axis=0), y_train.std(axis=0)
    return X_train, X_test, *((y - mean) / deviation for y in targets)


FORMS = {"as it is": as_it_is, "standardised": standardised}


def print_table(form, names, models, kept, repeats):
    """Print each set's R² and differences, and the means."""
    print(f"\ntarget {form}, {len(repeats)} repeats\n")
    columns = [f"{model} | difference |" for model in list(models)[1:]]
    print("| set | deviation of y | scikit-learn | " + " ".join(columns))
    print("|---|---:|---:|" + "---:|---:|" * len(columns))
    tables = np.array([kept.table(name, form, models, repeats) for name in names])
    for name, (first, *others) in zip(names, tables, strict=True):
        cells = " | ".join(
            f"{other.mean():.3f} | {with_error(other - first, 3, '+')}" for other in others
        )
        deviation = REGRESSION[name][1]()[1].std()
        print(f"| {name} | {deviation:.3g} | {first.mean():.3f} | {cells} |")
    means = np.maximum(tables, WORST).mean(axis=0)
    cells = " | ".join(
        f"{other.mean():.3f} | {with_error(other - means[0], 3, '+')}" for other in means[1:]
    )
    print(f"| **mean** | | {means[0].mean():.3f} | {cells} |")


if __name__ == "__main__":
    description = __doc__.splitlines()[0]
    variants = {"": {}, ", scale_target": {"scale_target": True}}
    compare(
        description, REGRESSION, folds, FORMS, ScikitLearns, MLPRegressor, print_table, variants
    )

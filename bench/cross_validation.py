"""Repeated, paired cross-validation of a few models over small data sets, and tables of it.

The rule, for every table: repeat r splits each set into 5 shuffled folds by the seed r, and each model, ours as theirs,
is fitted on the same folds with ``random_state=r``. A figure is the mean over repeats of the mean over folds. A
difference is taken within each repeat; ± is the standard error of its mean over the repeats. That is the noise of
splits and seeds; it says nothing of other samples of the same kind.
"""

import argparse
import functools
import json
import os
import warnings
from pathlib import Path

import numpy as np

# Each worker process has one core: threads of a BLAS would only take the others'.
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
N_FOLDS = 5


class Kept:
    """Scores that were measured before, in a JSON file if there is one: a run that was interrupted resumes."""

    def __init__(self, path=None):
        self.path = None if path is None else Path(path)
        self.scores = {}
        if self.path is not None and self.path.exists():
            self.scores = json.loads(self.path.read_text())

    @staticmethod
    def key(name, form, model, repeat):
        return f"{name} | {form} | {model} | {repeat}"

    def missing(self, name, forms, models, repeat):
        """Return the (form, model) that were not measured."""
        return [
            (form, model)
            for form in forms
            for model in models
            if self.key(name, form, model, repeat) not in self.scores
        ]

    def add(self, name, repeat, measured):
        for (form, model), score in measured.items():
            self.scores[self.key(name, form, model, repeat)] = score
        if self.path is not None:
            self.path.write_text(json.dumps(self.scores, indent=0, sort_keys=True) + "\n")

    def table(self, name, form, models, repeats):
        """Return the scores of one set, (len(models), len(repeats))."""
        return np.array(
            [[self.scores[self.key(name, form, model, r)] for r in repeats] for model in models]
        )


def measure(load, folds, forms, models, wanted, repeat):
    """Cross-validate the wanted (form, model) on one set.

    Parameters
    ----------
    load : callable
        Returns X and y.
    folds : callable
        ``folds(X, y, repeat)`` yields pairs of training and test indices.
    forms : dict
        ``forms[form](X_train, X_test, y_train, y_test)`` returns the four as they are given to a model.
    models : dict
        ``models[model](seed)`` returns an estimator.
    wanted : list of (form, model)
    repeat : int
    """
    from sklearn.exceptions import ConvergenceWarning

    X, y = load()
    scores = {key: [] for key in wanted}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for train, test in folds(X, y, repeat):
            for form, model in wanted:
                X_train, X_test, y_train, y_test = forms[form](X[train], X[test], y[train], y[test])
                fitted = models[model](repeat).fit(X_train, y_train)
                scores[form, model].append(fitted.score(X_test, y_test))
    return {key: float(np.mean(values)) for key, values in scores.items()}


def run(sets, names, folds, forms, models, *, n_repeats, n_jobs, kept):
    """Measure what `kept` does not have yet, every set's first repeat first."""
    from joblib import Parallel, delayed

    os.environ.update(dict.fromkeys(THREADS, "1"))  # read by the workers, which start now
    for repeat in range(n_repeats):
        tasks = {name: kept.missing(name, forms, models, repeat) for name in names}
        todo = [name for name in names if tasks[name]]
        found = Parallel(n_jobs=n_jobs, return_as="generator", batch_size=1)(
            delayed(measure)(sets[name][1], folds, forms, models, tasks[name], repeat)
            for name in todo
        )
        for name, measured in zip(todo, found, strict=True):
            kept.add(name, repeat, measured)


def mean_and_error(values):
    """Return the mean and its standard error, NaN for one value."""
    values = np.asarray(values)
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return values.mean(), error


def with_error(values, digits, sign=""):
    mean, error = mean_and_error(values)
    cell = f"{mean:{sign}.{digits}f}"
    return cell if np.isnan(error) else f"{cell} ± {error:.{digits}f}"


def _with_updates(estimator, n_updates, parameters, seed):
    """Return an estimator of fastmlp with another AUTO_UPDATES, and these parameters beside the defaults."""
    from fastmlp.training import length

    length.AUTO_UPDATES = n_updates
    return estimator(random_state=seed, n_threads=1, **parameters)


def compare(
    description, sets, folds, forms, theirs, ours, report, variants=None, held_out=None
):  # fmt: skip
    """Read the command line, measure scikit-learn's and fastmlp's default estimator, and print a table for each form.

    Parameters
    ----------
    description : str
        What ``--help`` says first.
    sets : dict
        Of `small_sets`.
    folds, forms
        As in `measure`.
    theirs, ours : classes of estimators
    report : callable
        ``report(form, names, models, kept, repeats)`` prints one table.
    variants : dict, default=None
        Parameters of `ours`, by what is added to its name; None: the defaults only.
    held_out : dict, default=None
        Sets to take instead with ``--held-out``.
    """
    from small_sets import available

    from fastmlp.training import length

    parser = argparse.ArgumentParser(description=description)
    add = parser.add_argument
    add("--repeats", type=int, default=3)
    add("--sets", nargs="+", metavar="NAME", help="these sets only")
    add("--jobs", type=int, default=os.cpu_count(), help="worker processes")
    add("--keep", metavar="FILE", help="JSON file with scores; those it has are not measured again")
    add("--updates", type=int, nargs="+", default=[length.AUTO_UPDATES])
    if held_out is not None:
        add("--held-out", action="store_true", help="the sets that no default was chosen on")
    options = parser.parse_args()
    if held_out is not None and options.held_out:
        sets = held_out
    models = {"scikit-learn": functools.partial(_seeded, theirs)}
    for n in options.updates:
        for name, parameters in (variants or {"": {}}).items():
            models[f"fastmlp, N = {n:,}{name}"] = functools.partial(
                _with_updates, ours, n, parameters
            )
    names = available(sets, options.sets)
    kept = Kept(options.keep)
    run(
        sets, names, folds, forms, models, n_repeats=options.repeats, n_jobs=options.jobs, kept=kept
    )
    for form in forms:
        report(form, names, models, kept, range(options.repeats))


def _seeded(estimator, seed):
    return estimator(random_state=seed)

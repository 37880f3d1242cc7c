"""How the project's bars are measured: who is compared takes turns, A B A B, and medians are divided.

Each function returns one that does it, ``measure(folder)``, which gives the value and a remark.
"""

import time
import warnings
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

import jobs
from jobs import Job
from load import QUIET, wait_until_quiet
from process import Worker
from rounds import PATIENCE, say

ROUNDS = 5
ATTEMPTS = 3  # of a turn that other programs disturb


@dataclass(frozen=True)
class Turn:
    """Who trains what, how many epochs at a time."""

    name: str
    job: Job
    epochs: int


def _undisturbed(worker, command, **arguments):
    """Ask again, a few times, while other programs take part of the machine."""
    for _ in range(ATTEMPTS):
        wait_until_quiet(PATIENCE, say)
        answer = worker.ask(command, **arguments)
        if (answer.get("other_cores") or 0.0) < QUIET:
            break
    return answer


def interleave(folder, turns, rounds=ROUNDS):
    """Seconds per epoch of each, one list per turn, and the test accuracies at the end."""
    with ExitStack() as stack:
        workers = []
        for turn in turns:
            jobs.save(turn.job.dataset, folder)
            workers.append(stack.enter_context(Worker(turn.name, turn.job, folder)))
            workers[-1].ask("train", epochs=1)  # compiles, or reads the cache
        seconds = [[] for _ in turns]
        for number in range(1, rounds + 1):
            for turn, worker, mine in zip(turns, workers, seconds, strict=True):
                answer = _undisturbed(worker, "train", epochs=turn.epochs)
                mine.append(answer["seconds"] / turn.epochs)
                say(f"  {number}/{rounds} {turn.name} {mine[-1]:.3f} s per epoch")
        accuracies = [worker.ask("evaluate")["test_accuracy"] for worker in workers]
    return seconds, accuracies


def _remark(turns, seconds, accuracies):
    """Both medians with their spread and what was learned, and the ratio's own spread."""
    parts = []
    for turn, mine, accuracy in zip(turns, seconds, accuracies, strict=True):
        learned = "" if accuracy is None else f", accuracy {accuracy:.4f}"
        parts.append(f"{turn.name} {median(mine):.3f} s ({min(mine):.3f}–{max(mine):.3f}{learned})")
    ratios = sorted(a / b for a, b in zip(*seconds, strict=True))
    return f"{'; '.join(parts)}; per round {ratios[0]:.2f}–{ratios[-1]:.2f}"


def epochs_of(first, second):
    """Measure the epoch of ``first`` over the epoch of ``second``."""

    def measure(folder):
        seconds, accuracies = interleave(folder, (first, second))
        ratio = median(seconds[0]) / median(seconds[1])
        return ratio, _remark((first, second), seconds, accuracies)

    return measure


def predictions_of(first, second, rows, repeats):
    """Seconds of ``predict_proba``, of ``first`` over ``second``."""

    def measure(folder):
        job = Job()
        jobs.save(job.dataset, folder)
        with ExitStack() as stack:
            workers = [stack.enter_context(Worker(name, job, folder)) for name in (first, second)]
            for worker in workers:
                worker.ask("train", epochs=1)
                worker.ask("predict", rows=rows, repeats=repeats)
            seconds = [[], []]
            for _ in range(ROUNDS + 2):
                for worker, mine in zip(workers, seconds, strict=True):
                    answer = _undisturbed(worker, "predict", rows=rows, repeats=repeats)
                    mine.append(answer["seconds"])
        medians = [1000 * median(mine) for mine in seconds]
        remark = f"{first} {medians[0]:.3f} ms; {second} {medians[1]:.3f} ms"
        return medians[0] / medians[1], remark

    return measure


def small_fits(load, epochs):
    """Seconds of whole fits with scikit-learn's settings: scikit-learn's over ours, in one process."""

    def measure(folder):
        from sklearn import datasets, neural_network, preprocessing

        from fastmlp import MLPClassifier

        X, y = getattr(datasets, load)(return_X_y=True)
        X = preprocessing.StandardScaler().fit_transform(X)
        how = {"hidden_layer_sizes": (100,), "solver": "adam", "alpha": 1e-4, "epsilon": 1e-8}
        how |= {"batch_size": min(200, len(X)), "max_iter": epochs, "random_state": 0}
        how |= {"n_iter_no_change": 10 * epochs}
        theirs = neural_network.MLPClassifier(**how, tol=0)
        ours = MLPClassifier(**how, tol=None, dtype="float64")
        models, seconds = (theirs, ours), ([], [])
        for model in models:
            _timed_fit(model, X, y)
        for _ in range(3 * ROUNDS):
            for model, mine in zip(models, seconds, strict=True):
                mine.append(_timed_fit(model, X, y))
        medians = [1000 * median(mine) / epochs for mine in seconds]
        remark = f"scikit-learn {medians[0]:.3f} ms per epoch; fastmlp {medians[1]:.3f} ms"
        return medians[0] / medians[1], remark

    return measure


def _timed_fit(model, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn's, that it has not converged
        start = time.perf_counter()
        model.fit(X, y)
        return time.perf_counter() - start


def second_worker(n_samples, n_settings):
    """Seconds of a grid search by one worker over that by two; joblib's threads, one thread to a fit."""

    def measure(folder):
        import joblib
        from sklearn.model_selection import GridSearchCV

        from fastmlp import MLPClassifier

        job = Job()
        jobs.save(job.dataset, folder)
        data = jobs.load(job.dataset, folder)
        X, y = data.X_train[:n_samples], data.y_train[:n_samples]
        model = MLPClassifier((256,), max_iter=3, n_threads=1, random_state=0)
        grid = {"learning_rate_init": [1e-3 / 2**n for n in range(n_settings)]}
        searches = [GridSearchCV(model, grid, cv=2, n_jobs=n, refit=False) for n in (1, 2)]
        seconds = [[], []]
        with joblib.parallel_backend("threading"):
            for number in range(ROUNDS + 1):
                for search, mine in zip(searches, seconds, strict=True):
                    wait_until_quiet(PATIENCE, say)
                    taken = _timed_fit(search, X, y)
                    if number > 0:  # the first ones load the code
                        mine.append(taken)
        medians = [median(mine) for mine in seconds]
        remark = f"one worker {medians[0]:.3f} s; two {medians[1]:.3f} s"
        return medians[0] / medians[1], remark

    return measure

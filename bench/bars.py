"""The project's own bars: each a command that measures one ratio and says whether it holds.

``python bench/bars.py main`` measures one, ``python bench/bars.py`` all, ``--list`` names them.
Who is compared takes turns, A B A B, each in a process of its own; the figure is the ratio of the
medians. An epoch of fastmlp is a tenth of a whole fit of ten epochs from the user's float32 array,
with the compiled code cached.
"""

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import dropout_runs
import first_fits
import jobs
import probe
import wheel
from contenders import CONTENDERS
from jobs import Job
from load import QUIET, wait_until_quiet
from process import ContenderError, Worker
from report import with_block
from rounds import PATIENCE, say

ROUNDS = 5
FIT = 10  # epochs of one of our fits
ATTEMPTS = 3  # of a turn that other programs disturb


@dataclass(frozen=True)
class Bar:
    """What is measured, and the limits; ``measure(folder)`` gives the value and a remark."""

    what: str
    must: float
    aim: float
    higher: bool  # is better
    unit: str
    measure: Callable

    def holds(self, value, limit):
        return value >= limit if self.higher else value <= limit


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


JOB = Job()
OURS = Turn("fastmlp", JOB, FIT)
SGEMM = Turn("sgemm", JOB, 2)


def _ours(**changes):
    return replace(OURS, job=replace(JOB, **changes))


def _over_sgemms(what, must, aim, dataset):
    turns = _ours(dataset=dataset), replace(SGEMM, job=replace(JOB, dataset=dataset))
    return Bar(f"{what} ÷ its two first-layer sgemms", must, aim, False, "", epochs_of(*turns))


def _rival(name, what, must, aim, epochs, **changes):
    job = replace(JOB, **changes)
    turns = Turn(name, job, epochs), _ours(**changes)
    title = f"{CONTENDERS[name].title}'s epoch ÷ ours, {what}"
    return Bar(title, must, aim, True, "", epochs_of(*turns))


# Keras's own example of an MLP for MNIST has dropout 0.2 behind each of two layers of 512.
EXAMPLE = {"hidden": (512, 512), "dropout": 0.2}


def _dropout_epoch(dropout, must, aim):
    """Our epoch with dropout over our epoch without."""
    turns = _ours(hidden=(512, 512), dropout=dropout), _ours(hidden=(512, 512))
    title = f"784-512-512-10: epoch with dropout {dropout} ÷ without"
    return Bar(title, must, aim, False, "", epochs_of(*turns))


BARS = {
    "main": _over_sgemms("main job's epoch", 0.40, 0.33, "mnist"),
    "fashion": _over_sgemms("Fashion-MNIST's epoch", 0.95, 0.85, "fashion-mnist"),
    **{
        name: _over_sgemms(f"{what} MNIST's epoch", 0.60, 0.50, f"mnist-{name}")
        for name, what in (
            ("standardised", "standardised"),
            ("centred", "(x - 0.1307) / 0.3081 of"),
            ("signed", "2x - 1 of"),
        )
    },
    "gaussian": _over_sgemms("dense data's epoch", 1.15, 1.08, "gaussian"),
    "jax": _rival("jax", "main job", 3, 4, 2),
    **{
        f"jax-hidden-{n}": _rival("jax", f"hidden {n}", 2, 3, 4, hidden=(n,))
        for n in (32, 64, 128, 256, 1024)
    },
    **{
        f"jax-batch-{n}": _rival("jax", f"batches of {n}", 2, 3, 2, batch_size=n) for n in (32, 512)
    },
    "deep": _rival("torch", "784-512-256-128-10", 4.5, 6, 2, hidden=(512, 256, 128)),
    "dropout": _dropout_epoch(0.2, 1.05, 1.0),
    "dropout-half": _dropout_epoch(0.5, 0.95, 0.85),
    "example-jax": _rival("jax", "Keras's example with dropout", 3, 4, 2, **EXAMPLE),
    "example-keras": _rival("keras", "Keras's example with dropout", 6, 10, 2, **EXAMPLE),
    "example-accuracy": Bar(
        "Keras's example, 20 epochs: mean test accuracy over 5 seeds",
        0.9840,
        0.9850,
        True,
        "",
        lambda folder: dropout_runs.accuracy_bar(folder),
    ),
    **{
        name: Bar(
            f"scikit-learn's whole fit ÷ ours, {name}, {epochs} epochs of its settings",
            4,
            8,
            True,
            "",
            small_fits(f"load_{name.replace('-', '_')}", epochs),
        )
        for name, epochs in (("iris", 200), ("breast-cancer", 100), ("digits", 30))
    },
    "threads": Bar(
        "1 thread's epoch ÷ 2 threads' epoch",
        1.8,
        1.9,
        True,
        "",
        epochs_of(_ours(threads=1), OURS),
    ),
    "csr": _rival(
        "scikit-learn", "CSR 5,000 × 100,000", 40, 100, 1, dataset="wide-csr", hidden=(128,)
    ),
    "predict": Bar(
        "predict_proba of 10,000 images, scikit-learn's time ÷ ours",
        3,
        4,
        True,
        "",
        predictions_of("scikit-learn", "fastmlp", 10_000, 5),
    ),
    "predict-one": Bar(
        "predict_proba of one image, scikit-learn's time ÷ ours",
        1,
        1.5,
        True,
        "",
        predictions_of("scikit-learn", "fastmlp", 0, 500),
    ),
    "memory": Bar("peak memory of a fit on uint8 MNIST", 150, 80, False, " MB", probe.memory),
    "import": Bar("import beyond sklearn.base", 80, 40, False, " ms", probe.import_time),
    "first-fit": Bar(
        "first fit of a process over its second", 0.8, 0.55, False, " s", probe.first_fit
    ),
    "first-ever": Bar("first fit ever, empty cache", 10, 5, False, " s", probe.first_fit_ever),
    "wheel-first": Bar(
        "first fit and prediction from an installed wheel, slowest mini-batch solver",
        0.6,
        0.3,
        False,
        " s",
        wheel.first_fit,
    ),
    **{
        f"wheel-{level}": Bar(
            f"main job's epoch by the wheel's kernels for x86-64-{level} ÷ by native ones",
            1.03,
            1.0,
            False,
            "",
            wheel.epoch_over_native(f"x86-64-{level}"),
        )
        for level in ("v3", "v4")
    },
}


def run(name, folder):
    """Measure one bar; a dict of plain values with a line of text."""
    bar = BARS[name]
    say(f"{name}: {bar.what}")
    try:
        value, remark = bar.measure(Path(folder))
    except ContenderError as error:
        return {"name": name, "what": bar.what, "failed": str(error), "text": f"{name}: {error}"}
    sign = "≥" if bar.higher else "≤"
    verdict = "MISSED"
    if bar.holds(value, bar.must):
        verdict = "aim reached" if bar.holds(value, bar.aim) else "holds"
    text = (
        f"{name}: {bar.what}: {value:.3g}{bar.unit} "
        f"(must {sign} {bar.must:g}, aim {sign} {bar.aim:g}): {verdict}\n    {remark}"
    )
    return {
        "name": name,
        "what": bar.what,
        "value": value,
        "must": bar.must,
        "aim": bar.aim,
        "higher_is_better": bar.higher,
        "verdict": verdict,
        "remark": remark,
        "text": text,
    }


def measure(results, folder, names=tuple(BARS)):
    """Append each bar's result to ``results``, so that an interruption keeps the finished ones."""
    for name in names:
        results.append(run(name, folder))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="these alone")
    parser.add_argument("--list", action="store_true", help="name the bars")
    parser.add_argument("--readme", type=Path, help="renew the table of the first fit in this file")
    options = parser.parse_args()
    unknown = set(options.names) - set(BARS)
    if unknown:
        parser.error(f"no bar named {', '.join(sorted(unknown))}; --list names them")
    if options.list:
        for name, bar in BARS.items():
            print(f"{name:16} {bar.what}")
        return 0
    results = []
    with tempfile.TemporaryDirectory(prefix="fastmlp-bars-") as folder:
        for name in options.names or BARS:
            results.append(run(name, folder))
            print(results[-1]["text"], flush=True)
    if options.readme is not None:
        page = options.readme.read_text(encoding="utf-8")
        new = with_block(page, first_fits.block(results), *first_fits.MARKERS)
        options.readme.write_text(new, encoding="utf-8")
    return int("MISSED" in [result.get("verdict", "MISSED") for result in results])


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)

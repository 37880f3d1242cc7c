"""The project's own bars: each a command that measures one ratio and says whether it holds.

``python bench/bars.py main`` measures one, ``python bench/bars.py`` all, ``--list`` names them.
Who is compared takes turns, A B A B, each in a process of its own; the figure is the ratio of the
medians. An epoch of fastmlp is a tenth of a whole fit of ten epochs from the user's float32 array,
with the compiled code cached.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import dropout_runs
import first_fits
import probe
import wheel
from contenders import CONTENDERS
from jobs import Job
from measures import Turn, epochs_of, predictions_of, second_worker, small_fits
from process import ContenderError
from report import with_block
from rounds import say

FIT = 10  # epochs of one of our fits
EPOCHS_OF_TABLES = 3  # the same, where one and two threads are compared: some take seconds


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


# Dense tables of normal numbers, trained with scikit-learn's batches: features, hidden units, must and aim.
TABLES = {
    "table-20": ((100,), 8, 12),
    "table-54": ((100, 100), 5, 8),
    "table-300": ((256, 256), 4, 6),
}
# Where a second thread must help, or at least not harm: data set, network, batch size, must and aim.
THREADS = {
    "threads-million": ("million", (32,), 256, 1.6, 1.8),
    "threads-batch-1": ("table-100", (64,), 1, 1.0, 1.0),
    "threads-batch-8": ("table-100", (64,), 8, 1.0, 1.0),
    "threads-narrow": ("table-3", (16,), 128, 1.0, 1.0),
}


def _second_thread(dataset, hidden, batch_size, must, aim):
    """Our epoch on one thread over that on two."""
    changes = {"dataset": dataset, "hidden": hidden, "batch_size": batch_size}
    turns = [
        replace(_ours(**changes, threads=threads), epochs=EPOCHS_OF_TABLES) for threads in (1, 2)
    ]
    title = (
        f"1 thread's epoch ÷ 2 threads' epoch, {dataset}, hidden {hidden}, batches of {batch_size}"
    )
    return Bar(title, must, aim, True, "", epochs_of(*turns))


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
    **{name: _second_thread(*how) for name, how in THREADS.items()},
    "second-worker": Bar(
        "grid search by 1 worker ÷ by 2 (threads)", 1.85, 1.95, True, "", second_worker(8_000, 4)
    ),
    **{
        name: _rival(
            "scikit-learn", name, must, aim, 2, dataset=name, hidden=hidden, batch_size=200
        )
        for name, (hidden, must, aim) in TABLES.items()
    },
    "batch-4096": _rival(
        "torch",
        "40,000 × 100, batches of 4,096",
        1.3,
        1.6,
        10,
        dataset="table-100",
        hidden=(256,),
        batch_size=4096,
    ),
    "wide": _rival("torch", "2,000 × 20,000", 1.4, 2, 3, dataset="wide", hidden=(64,)),
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

"""The command: its options, and the order of things."""

import argparse
import sys
from concurrent.futures import BrokenExecutor
from pathlib import Path

from .options import add_data_option, load, momentum, positive_float, positive_int

HIDDEN, RATES, MOMENTUMS = (64, 128, 256, 512, 1024), (1e-4, 1e-3, 1e-2), (0.0, 0.5, 0.9)


def add_sweep(commands) -> None:
    """Add ``sweep``: cross-validate a grid of networks, and write a report."""
    parser = commands.add_parser(
        "sweep",
        help="compare hidden sizes, learning rates and momentums, and write a report",
        description="Cross-validate every combination of hidden sizes, learning rates and "
        "momentums, train the best one on all of the data, and write a report. Killed or stopped "
        "at any moment, it goes on from the finished fits when it is run again.",
    )
    add = parser.add_argument
    add("--hidden", type=positive_int, nargs="+", default=HIDDEN, metavar="UNITS",
        help=f"hidden sizes ({_words(HIDDEN)})")  # fmt: skip
    add("--lr", type=positive_float, nargs="+", default=RATES, metavar="RATE",
        help=f"learning rates ({_words(RATES)})")  # fmt: skip
    add("--momentum", type=momentum, nargs="+", default=MOMENTUMS, metavar="M",
        help=f"momentums, from 0 to 1 ({_words(MOMENTUMS)})")  # fmt: skip
    add("--folds", type=at_least_two, default=3, help="of the cross-validation (%(default)s)")
    add("--epochs", type=positive_int, default=10, help="passes over the data (%(default)s)")
    add("--batch-size", type=positive_int, default=128, metavar="SAMPLES",
        help="samples per update (%(default)s)")  # fmt: skip
    add("--seed", type=int, default=0, help="seed of weights, shuffling and folds (%(default)s)")
    add("--samples", type=positive_int, metavar="N",
        help="train on the first N images only, for a quick look")  # fmt: skip
    add("--jobs", type=positive_int, help="fits at a time (as many as cores)")
    add("--threads", type=positive_int,
        help="threads of each fit (cores ÷ jobs); neither number changes a result")  # fmt: skip
    add_data_option(parser)
    add("--output", type=Path, default=Path("sweep"), metavar="FOLDER",
        help="where results go, and come from when it is run again (%(default)s)")  # fmt: skip
    add("--no-report", dest="report", action="store_false",
        help="no report.html, which needs matplotlib")  # fmt: skip
    parser.set_defaults(run=sweep)


def _words(values):
    return ", ".join(f"{value:g}" for value in values)


def at_least_two(text: str) -> int:
    """Read a whole number of at least 2."""
    value = int(text)
    if value < 2:
        raise argparse.ArgumentTypeError(f"{text} is less than 2")
    return value


def sweep(options: argparse.Namespace) -> int:
    """Do what is not done yet; write table, model and report."""
    if options.report:
        from ..plots import require_matplotlib

        require_matplotlib()  # better now than after an hour

    from ..sweep.grid import Plan
    from ..sweep.results import outcomes
    from ..sweep.store import Store

    data = load_data(options)
    plan = Plan(
        tuple(options.hidden), tuple(options.lr), tuple(options.momentum),
        options.folds, options.epochs, options.batch_size, options.seed,
    )  # fmt: skip
    plan.splits(data.y)  # refuses data that are too few, before there is a folder
    store = Store(options.output / "fits")
    fits = plan.fits(data)
    results = {fit: result for fit in fits if (result := store.get(fit.key)) is not None}
    print(
        f"{data.name}, {len(data.X):,} images: {len(plan.settings())} settings × {plan.folds} folds "
        f"= {len(fits)} fits of {plan.epochs} epochs"
    )
    if results:
        print(f"{len(results)} of them are already in {options.output}")
    try:
        cross_validate(fits, results, data, plan, store, options)
        found = outcomes([(fit, results[fit]) for fit in fits])
        return finish(found, data, plan, store, options)
    except KeyboardInterrupt:
        kept(results, fits, "stopped")
        return 130
    except BrokenExecutor:
        kept(
            results, fits, "a worker process was killed, perhaps for want of memory (try --jobs 1)"
        )
        return 1


def kept(results, fits, what) -> None:
    """Say why it ends early, and that nothing is lost."""
    print(
        f"\n{what}: {len(results)} of {len(fits)} fits are finished and kept; the same command "
        "goes on from there",
        file=sys.stderr,
    )


def load_data(options):
    """The images that are asked for."""
    from ..sweep.grid import Data

    (X, y), (X_test, y_test) = load(options.data)
    n = options.samples or len(X)
    if n > len(X):
        raise ValueError(f"--samples {n}: there are {len(X):,} training images")
    name = {"mnist": "MNIST", "fashion-mnist": "Fashion-MNIST"}.get(options.data, options.data)
    return Data(name, X[:n], y[:n], X_test, y_test)


def cross_validate(fits, results, data, plan, store, options) -> None:
    """Do the fits that have no result yet, and show how it goes."""
    from ..engine.team import usable_threads
    from ..sweep.fits import run
    from ..sweep.progress import TimeLeft, display

    to_do = [fit for fit in fits if fit not in results]
    if not to_do:
        return
    cores = usable_threads(None)
    n_jobs = options.jobs or cores
    n_threads = options.threads or max(1, cores // n_jobs)
    known = [(fit.work, result["seconds"]) for fit, result in results.items()]
    time_left = TimeLeft(sum(fit.work for fit in to_do), n_jobs, known)
    shown = display(len(fits), len(results), time_left)
    try:
        for fit, result in run(to_do, data, plan, store, n_jobs=n_jobs, n_threads=n_threads):
            results[fit] = result
            time_left.finished(fit.work, result["seconds"])
            shown.finished(fit, result)
    finally:
        shown.close()


def finish(found, data, plan, store, options) -> int:
    """Write the table, train the best setting on all of the data, and write the report."""
    from ..engine.team import usable_threads
    from ..sweep.fits import refit
    from ..sweep.results import as_csv, best
    from ..system.atomic_files import write_atomically

    table, model_file = options.output / "results.csv", options.output / "model.joblib"
    write_atomically(table, lambda file: file.write(as_csv(found)))
    print(f"table: {table}")
    winner = best(found)
    model = test = None
    if winner is None:
        print(f"every setting failed, the first one thus: {found[0].failures[0]}", file=sys.stderr)
    else:
        print(
            f"best: {winner.setting}; validation accuracy {winner.mean('val_accuracy'):.4f} "
            f"± {winner.std('val_accuracy'):.4f}"
        )
        cores = options.threads or usable_threads(None)
        job = plan.refit(winner.setting, data)
        model, test = refit(job, data, store, model_file, n_threads=cores)
        if model is None:
            print(f"trained on all of the data it failed: {test['reason']}", file=sys.stderr)
        else:
            print(
                f"trained on all of the data: test accuracy {test['val_accuracy']:.4f}, "
                f"test loss {test['val_loss']:.4f}\nmodel: {model_file}"
            )
    if options.report:
        from ..sweep.report import Sweep, report

        html = report(Sweep(data, plan, found, model, test)).encode()
        page = options.output / "report.html"
        write_atomically(page, lambda file: file.write(html))
        print(f"report: {page}")
    return 0 if model is not None else 1

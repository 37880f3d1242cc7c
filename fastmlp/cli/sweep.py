"""The command: its options, and the order of things."""

import argparse
import contextlib
import signal
import sys
import threading
from concurrent.futures import BrokenExecutor
from pathlib import Path

from .errors import check_folder, check_writable
from .options import (
    add_data_option,
    add_training_options,
    command_line,
    load,
    training_parameters,
)
from .values import (
    at_least_two,
    layers,
    momentum,
    positive_float,
    positive_int,
    scheduler,
    thread_count,
)

# The files of the output's folder, beside `fits`.
TABLE, MODEL, REPORT = "results.csv", "model.joblib", "report.html"
HIDDEN, RATES, MOMENTUMS = (64, 128, 256, 512, 1024), (1e-4, 1e-3, 1e-2), (0.0, 0.5, 0.9)


def add_sweep(commands) -> None:
    """Add ``sweep``: cross-validate a grid of networks, and write a report."""
    parser = commands.add_parser(
        "sweep",
        help="compare hidden sizes, learning rates and momentums, and write a report",
        description="Cross-validate every combination of hidden sizes, learning rates and "
        "momentums, and of dropout, decay, smoothing and schedules where several are given, train "
        "the best one on all of the training data, and write a report. Killed or stopped at any "
        "moment, it resumes from the finished fits when it is run again.",
    )
    add = parser.add_argument
    add("--hidden", type=layers, nargs="+", default=[(units,) for units in HIDDEN], metavar="UNITS",
        help=f"networks: hidden units, or those of several layers as 512-256 ({_words(HIDDEN)})")  # fmt: skip
    add("--lr", type=positive_float, nargs="+", default=RATES, metavar="RATE",
        help=f"learning rates ({_words(RATES)})")  # fmt: skip
    add("--momentum", type=momentum, nargs="+", default=MOMENTUMS, metavar="M",
        help=f"momentums, from 0 to 1 ({_words(MOMENTUMS)})")  # fmt: skip
    add("--folds", type=at_least_two, default=3, help="of the cross-validation (%(default)s)")
    add_training_options(parser, default_epochs=10, several=True)
    add_data_option(parser)
    add("--samples", type=positive_int, metavar="N",
        help="train on the first N samples only, for a quick look")  # fmt: skip
    add("--jobs", type=thread_count, help="fits at a time (as many as cores)")
    add("--threads", type=thread_count,
        help="threads of each fit (cores ÷ jobs; 1 on a cluster); neither number changes a result")  # fmt: skip
    add("--cluster", type=scheduler, metavar="HOST:PORT",
        help="run the fits on the Dask cluster with this scheduler, one for each thread of its workers")  # fmt: skip
    add("--output", type=Path, default=Path("sweep"), metavar="FOLDER",
        help="where results go, and come from when it is run again (%(default)s)")  # fmt: skip
    add("--no-report", dest="report", action="store_false",
        help="no report.html, which needs matplotlib")  # fmt: skip
    parser.set_defaults(run=sweep)


def _words(values):
    return ", ".join(f"{value:g}" for value in values)


def sweep(options: argparse.Namespace) -> int:
    """Do what is not done yet; write table, model and report."""
    if options.cluster is not None and options.jobs is not None:
        raise ValueError(
            "--jobs is for this machine alone: a cluster does a fit at a time for each thread of its "
            "workers"
        )
    check_output(options)
    if options.report:
        from ..plots import require_matplotlib

        require_matplotlib()  # better now than after an hour

    from ..sweep.cluster import ClusterFailure
    from ..sweep.grid import OPTIONAL, PARAMETERS, Plan
    from ..sweep.results import outcomes
    from ..sweep.store import Store

    data = load_data(options)
    training = training_parameters(options)
    varied = {name: tuple(training.pop(PARAMETERS[name])) for name in OPTIONAL}
    plan = Plan(
        tuple(options.hidden), tuple(options.lr), tuple(options.momentum),
        folds=options.folds, seed=options.seed, training=training, **varied,
    )  # fmt: skip
    plan.splits(data.y)  # refuses data that are too few, before there is a folder
    store = Store(options.output / "fits")
    fits = plan.fits(data)
    results = {fit: result for fit in fits if (result := store.get(fit.key)) is not None}
    n_settings = len(plan.settings())
    print(
        f"{data.name}, {len(data.X):,} {data.what}: {n_settings} setting{'s' * (n_settings > 1)} × {plan.folds} folds "
        f"= {len(fits)} fits of {plan.epochs} epoch{'s' * (plan.epochs > 1)}"
    )
    if results:
        print(f"{len(results)} of them are already in {options.output}")
    try:
        with ends_on_sigterm():
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
    except ClusterFailure as error:
        kept(results, fits, str(error))
        return 1


def check_output(options) -> None:
    """Raise an OSError if results cannot be written, better now than after an hour."""
    folder = options.output
    check_folder("--output", folder / "fits")
    if folder.is_dir():
        for name in (TABLE, MODEL, *([REPORT] if options.report else [])):
            check_writable("--output", folder / name)


@contextlib.contextmanager
def ends_on_sigterm():
    """SIGTERM, by which a supervisor ends a program, is as Ctrl-C within the block: worker processes end, too."""
    before = signal.getsignal(signal.SIGTERM)
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or before in (None, signal.SIG_IGN):
        yield
        return

    def end(*_):
        if callable(signal.getsignal(signal.SIGINT)):  # a fit may have its own way to end
            signal.raise_signal(signal.SIGINT)
        else:  # a shell has a program in the background ignore it
            raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def kept(results, fits, what) -> None:
    """Say why it ends early, and that nothing is lost."""
    print(
        f"\n{what}: {len(results)} of {len(fits)} fits are finished and kept; the same command "
        "resumes from there",
        file=sys.stderr,
    )


def load_data(options):
    """The samples that are asked for."""
    from dataclasses import replace

    data = load(options)
    n_available = len(data.X)
    n = options.samples or n_available
    if n > n_available:
        raise ValueError(f"--samples {n}: there are {n_available:,} training {data.what}")
    unknown = sorted(set(data.y_test.tolist()) - set(data.y[:n].tolist()))
    if unknown:
        raise ValueError(f"--samples {n}: class {unknown[0]} is not in the first {n} {data.what}")
    return replace(data, X=data.X[:n], y=data.y[:n], n_available=n_available)


def cross_validate(fits, results, data, plan, store, options) -> None:
    """Do the fits that have no result yet, and show how it goes."""
    to_do = [fit for fit in fits if fit not in results]
    if not to_do:
        return
    if options.cluster is None:
        from ..engine.team import usable_threads
        from ..sweep.fits import run

        cores = usable_threads(None)
        n_jobs = min(options.jobs or cores, len(to_do))
        n_threads = options.threads or max(1, cores // n_jobs)
        done = run(to_do, data, plan, store, n_jobs=n_jobs, n_threads=n_threads)
        show(done, to_do, n_jobs, fits, results, plan)
        return
    from ..distributed import connected
    from ..sweep.cluster import run_on_cluster, wait_for_workers

    with connected(options.cluster) as client:
        n_slots = wait_for_workers(client)
        print(f"cluster {options.cluster}: {n_slots} fits at a time")
        done = run_on_cluster(to_do, data, plan, store, client, n_threads=options.threads or 1)
        show(done, to_do, n_slots, fits, results, plan)


def show(done, to_do, n_jobs, fits, results, plan) -> None:
    """Show fits as they are finished, and note their results."""
    from ..sweep.progress import BestSoFar, TimeLeft, display

    known = [(fit.work, result["seconds"]) for fit, result in results.items()]
    time_left = TimeLeft(sum(fit.work for fit in to_do), n_jobs, known)
    best = BestSoFar(plan.folds, results.items())
    shown = display(len(fits), len(results), time_left, best)
    try:
        for fit, result in done:
            results[fit] = result
            time_left.finished(fit.work, result["seconds"])
            shown.finished(fit, result)
    finally:
        shown.close()


def remove(file) -> None:
    """Remove a file of an earlier run, which does not belong to these results."""
    if file.is_file():
        file.unlink()


def finish(found, data, plan, store, options) -> int:
    """Write the table, train the best setting on all of the data, and write the report."""
    from ..engine.team import usable_threads
    from ..sweep.fits import refit
    from ..sweep.results import as_csv, ranked
    from ..sweep.statistics import at_the_edge, compare, margin
    from ..sweep.words import edge_in_words, trained_on, verdict_on_ties
    from ..system.atomic_files import write_atomically

    table, model_file = options.output / TABLE, options.output / MODEL
    write_atomically(table, lambda file: file.write(as_csv(found)))
    print(f"table: {table}")
    compared = compare(ranked(found))
    model = test = None
    if compared is None:
        print(f"every setting failed, the first one thus: {found[0].failures[0]}", file=sys.stderr)
    else:
        winner = compared.best
        scores = winner.scores("val_accuracy")
        print(
            f"best: {winner.setting}; validation accuracy {scores.mean():.4f} ± {margin(scores):.4f} "
            "(95% interval, allowing for folds that share samples)"
        )
        print(verdict_on_ties(compared))
        for name, which in at_the_edge(plan.grid, winner.setting):
            print(edge_in_words(name, which, winner.setting))
        cores = options.threads or usable_threads(None)
        job = plan.refit(winner.setting, data)
        model, test = refit(job, data, store, model_file, n_threads=cores)
        if model is None:
            print(f"{trained_on(data)} it failed: {test['reason']}", file=sys.stderr)
        else:
            print(
                f"{trained_on(data)}: test accuracy {test['val_accuracy']:.4f}, "
                f"test loss {test['val_loss']:.4f}\nmodel: {model_file}"
            )
    if model is None:
        remove(model_file)
    if options.report:
        from ..sweep.report import Sweep, report

        command = command_line("sweep", options)
        html = report(Sweep(data, plan, found, model, test, command)).encode()
        page = options.output / REPORT
        write_atomically(page, lambda file: file.write(html))
        print(f"report: {page}")
    else:
        remove(options.output / REPORT)
    return 0 if model is not None else 1

"""Throughput of the main job against other libraries, on this machine.

``python bench/run.py`` takes less than a minute: fastmlp, Keras and scikit-learn. ``--overview`` takes some minutes:
README's table, of the main job, standardised MNIST, a table of numbers and a small one. ``--full`` takes the better
part of an hour: every contender, hidden 32 to 1024, batches of 32 to 512, 1 and 2 threads,
deep networks, Fashion-MNIST, dense data, wide CSR, the bars of `bars.py` (memory, prediction,
start-up) and the grid search of `sweep.py`. Ctrl-C keeps the finished rounds.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import environment
import jobs
import report
import rounds
from contenders import CONTENDERS
from jobs import Job

HERE = Path(__file__).resolve().parent
QUICK = ("fastmlp", "scikit-learn", "keras", "sgemm")
SWEEP = ("fastmlp", "jax", "torch", "scikit-learn", "keras", "sgemm")


def quick_plans(names, threads):
    # Three rounds, or what there is time for within a minute, of which some seconds go into the plots.
    return [rounds.Plan(Job(threads=threads), names or QUICK, rounds=3, epochs=1, limit=55)]


def full_plans(names, threads):
    """The main job for everyone, then the sweeps for the fastest of each kind."""
    job, sweep = Job(threads=threads), names or SWEEP
    variants = [
        *(replace(job, name=f"hidden-{n}", hidden=(n,)) for n in (32, 64, 128, 256, 512, 1024)),
        *(replace(job, name=f"batch-{n}", batch_size=n) for n in (32, 128, 512)),
        replace(job, name="deep", hidden=(512, 256, 128)),
        replace(job, name="fashion-mnist", dataset="fashion-mnist"),
        replace(job, name="gaussian", dataset="gaussian"),
    ]
    if threads > 1:
        variants.append(replace(job, name="one-thread", threads=1))
    plans = [rounds.Plan(job, names or tuple(CONTENDERS), rounds=5, epochs=4)]
    plans += [rounds.Plan(variant, sweep, rounds=3, epochs=2) for variant in variants]
    wide = replace(job, name="wide-csr", dataset="wide-csr", hidden=(128,))
    takers = tuple(name for name in names or CONTENDERS if CONTENDERS[name].sparse)
    return [*plans, rounds.Plan(wide, takers, rounds=3, epochs=2)]


def overview_plans(names, threads):
    """One job of each kind of data: `report.KINDS`."""
    job, names = Job(threads=threads), names or SWEEP
    dense = tuple(name for name in names if name != "sgemm")
    table = replace(job, name="table", dataset="table-54", hidden=(100, 100), batch_size=200)
    small = replace(job, name="small", dataset="breast-cancer", hidden=(100,), batch_size=32)
    return [
        rounds.Plan(job, names, rounds=5, epochs=2),
        rounds.Plan(
            replace(job, name="standardised", dataset="mnist-standardised"),
            dense,
            rounds=3,
            epochs=2,
        ),
        rounds.Plan(table, dense, rounds=3, epochs=2),
        rounds.Plan(small, dense, rounds=5, epochs=20),
    ]


def tell_missing(plans):
    """Say which contenders are left out for want of a package; return whether any is left."""
    split = [rounds.split_installed(plan.names) for plan in plans]
    for line in dict.fromkeys(line for _, missing in split for line in missing.values()):
        rounds.say(f"left out: {line}")
    return any(present for present, _ in split)


def new_record(plan, folder):
    data = jobs.load(plan.job.dataset, folder)
    return {
        "job": plan.job.to_dict(),
        "n_samples": data.X_train.shape[0],
        "n_features": data.X_train.shape[1],
        "n_classes": data.n_classes,
        "finished_rounds": 0,
        "contenders": {},
    }


def measure(plans, results, folder):
    """Run the plans one after the other into ``results``."""
    for plan in plans:
        present, missing = rounds.split_installed(plan.names)
        results["missing"] |= missing
        jobs.save(plan.job.dataset, folder)
        record = new_record(plan, folder)
        results["jobs"].append(record)
        rounds.run(replace(plan, names=present), folder, record)


def write(results, folder, name):
    """``name.json``, ``name.csv`` and the plots."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(results, indent=1) + "\n")
    report.write_csv(results, folder / f"{name}.csv")
    try:
        import plot
    except ImportError:
        rounds.say("no plots: pip install matplotlib")
    else:
        plot.draw(results, folder, name)
    rounds.say(f"written to {folder / name}.json")


PLANS = {"quick": quick_plans, "overview": overview_plans, "full": full_plans}


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    size = parser.add_mutually_exclusive_group()
    size.add_argument(
        "--quick", action="store_true", help="under a minute on a quiet machine (the default)"
    )
    size.add_argument("--overview", action="store_true", help="README's table, some minutes")
    size.add_argument("--full", action="store_true", help="everything")
    parser.add_argument(
        "--contenders", nargs="+", choices=list(CONTENDERS), help="run only these", metavar="NAME"
    )
    parser.add_argument("--threads", type=int, default=2, help="of each contender (%(default)s)")
    parser.add_argument("--output", type=Path, default=HERE / "results", metavar="FOLDER",
                        help="where the record, a table and plots go (bench/results)")  # fmt: skip
    parser.add_argument("--name", help="of the files; default quick, overview or full")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)
    size = "full" if options.full else "overview" if options.overview else "quick"
    name = options.name or size
    names = tuple(options.contenders or ())
    results = {
        "command": " ".join(["python", "bench/run.py", *(arguments or sys.argv[1:])]),
        "environment": environment.describe(),
        "jobs": [],
        "bars": [],
        "searches": [],
        "missing": {},
        "interrupted": False,
    }
    plans = PLANS[size](names, options.threads)
    if not tell_missing(plans):
        sys.exit("none of the contenders is installed")
    with tempfile.TemporaryDirectory(prefix="fastmlp-bench-") as folder:
        try:
            measure(plans, results, Path(folder))
            if options.full:
                import bars
                import sweep

                bars.measure(results["bars"], Path(folder))
                sweep.measure(results["searches"], Path(folder))
        except KeyboardInterrupt:
            results["interrupted"] = True
    write(results, options.output, name)
    print(report.text(results))


if __name__ == "__main__":
    main()

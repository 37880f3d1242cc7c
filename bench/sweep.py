"""The speed of a grid search: fastmlp, scikit-learn's MLPClassifier and Keras behind scikeras.

Hidden 128 and 512, two learning rates, two momentums, 3 folds, 5 epochs: 24 fits and a score each,
two joblib workers of one thread each. ``python bench/sweep.py`` runs all, in turns, and writes
``results/sweep.json``; ``--quick`` takes a tenth of the samples and writes nothing. The workers are processes,
joblib's default ("loky"), which start and import for each search, or threads ("threading"). One worker of ours is
measured with one thread, which tells what the second worker brings, and with two, which is what ``n_jobs=1``
gives by default. scikit-learn's Adam has no momentum, so its grid varies beta_1 in the place of that.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import environment
import jobs
from load import Others
from process import child_environment
from report import searches
from rounds import say

EPOCHS, FOLDS = 5, 3
# Who searches, with how many workers of which kind, of how many threads each.
TURNS = (
    ("fastmlp", 2, "loky", 1),
    ("fastmlp", 2, "threading", 1),
    ("fastmlp", 1, "sequential", 1),
    ("fastmlp", 1, "sequential", 2),
    ("scikit-learn", 2, "loky", 1),
    ("scikit-learn", 2, "threading", 1),
    ("keras", 2, "loky", 1),
)
RESULTS = Path(__file__).with_name("results") / "sweep.json"
HIDDEN, RATES, MOMENTUMS = (128, 512), (0.001, 0.0003), (0.0, 0.9)


def fastmlp_grid():
    from fastmlp import MLPClassifier

    return MLPClassifier(max_iter=EPOCHS, random_state=0), {
        "hidden_layer_sizes": [(n,) for n in HIDDEN],
        "learning_rate_init": RATES,
        "momentum": MOMENTUMS,
    }


def scikit_learn_grid():
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(
        max_iter=EPOCHS, batch_size=128, alpha=0.0, n_iter_no_change=EPOCHS + 1, random_state=0
    )
    return model, {
        "hidden_layer_sizes": [(n,) for n in HIDDEN],
        "learning_rate_init": RATES,
        "beta_1": MOMENTUMS,
    }


def keras_network(hidden, learning_rate, momentum):
    import keras

    model = keras.Sequential(
        [
            keras.layers.Input((784,)),
            keras.layers.Dense(hidden, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.RMSprop(learning_rate=learning_rate, momentum=momentum)
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy")
    return model


def keras_grid():
    from scikeras.wrappers import KerasClassifier

    model = KerasClassifier(
        keras_network,
        hidden=128,
        learning_rate=0.001,
        momentum=0.0,
        epochs=EPOCHS,
        batch_size=128,
        verbose=0,
    )
    return model, {"hidden": HIDDEN, "learning_rate": RATES, "momentum": MOMENTUMS}


GRIDS = {"fastmlp": fastmlp_grid, "scikit-learn": scikit_learn_grid, "keras": keras_grid}


def search(name, folder, n_jobs, backend, n_samples):
    """Run one grid search in this process: seconds, number of fits, best mean score."""
    import warnings

    from joblib import parallel_config
    from sklearn.model_selection import GridSearchCV

    warnings.filterwarnings("ignore")  # that five epochs did not converge
    data = jobs.load("mnist", folder)
    X, y = data.X_train[:n_samples], data.y_train[:n_samples]
    model, grid = GRIDS[name]()
    grid_search = GridSearchCV(model, grid, cv=FOLDS, n_jobs=n_jobs, refit=False)
    with Others() as others, parallel_config(backend=backend):
        start = time.perf_counter()
        grid_search.fit(X, y)
        seconds = time.perf_counter() - start
    return {
        "seconds": seconds,
        "best": float(grid_search.cv_results_["mean_test_score"].max()),
        "fits": FOLDS * len(grid_search.cv_results_["params"]),
        "other_cores": others.cores,  # joblib's workers count as others while they live
    }


def run(name, folder, n_jobs, backend, threads, n_samples):
    """The same in a process of its own."""
    arguments = [
        "--one",
        name,
        "--folder",
        folder,
        "--jobs",
        n_jobs,
        "--backend",
        backend,
        "--samples",
        n_samples,
    ]
    extra = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2"}
    finished = subprocess.run(
        [sys.executable, __file__, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=child_environment(threads, extra),
    )
    return json.loads(finished.stdout.splitlines()[-1])


def measure(records, folder, n_samples=60_000, rounds=1):
    """Fill ``records`` with what each of TURNS took, round by round."""
    jobs.save("mnist", folder)
    run("fastmlp", folder, 2, "loky", 1, 1_000)  # compiles
    for number in range(rounds):
        for place, (name, n_jobs, backend, threads) in enumerate(TURNS):
            answer = run(name, folder, n_jobs, backend, threads, n_samples)
            if number == 0:
                who = {"contender": name, "workers": n_jobs, "backend": backend, "threads": threads}
                records.append(who | {"seconds": []})
            records[place]["seconds"].append(round(answer["seconds"], 3))
            records[place] |= {"fits": answer["fits"], "best_score": answer["best"]}
            say(
                f"search {number + 1}/{rounds}, {name}, {backend}, {n_jobs} × {threads}: {answer['seconds']:.1f} s"
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="6,000 samples, one round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", choices=list(GRIDS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--jobs", type=int, default=2, help=argparse.SUPPRESS)
    parser.add_argument("--backend", default="loky", help=argparse.SUPPRESS)
    parser.add_argument("--samples", type=int, default=60_000, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(
            json.dumps(
                search(options.one, options.folder, options.jobs, options.backend, options.samples)
            )
        )
        return
    samples, rounds = (6_000, 1) if options.quick else (options.samples, options.rounds)
    records = []
    with tempfile.TemporaryDirectory() as folder:
        measure(records, Path(folder), samples, rounds)
    if not options.quick:
        found = {"environment": environment.describe(), "samples": samples, "searches": records}
        RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(searches(records))


if __name__ == "__main__":
    main()

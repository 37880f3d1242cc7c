"""What more threads than cores cost: an epoch of the main job with 8 threads over one with 2.

``python bench/oversubscribed.py``; both take turns in one process. On two cores the ratio should stay
below 1.5. Other programs count as more threads: the cores that they used are told, too.
"""

import argparse
import tempfile
from statistics import median

import jobs
from load import Others, wait_until_quiet
from rounds import say

from fastmlp import MLPClassifier

BAR = 1.5


def epochs(thread_counts, n_rounds, n_samples):
    """Seconds of an epoch, {number of threads: one per round}, and the cores that others used."""
    with tempfile.TemporaryDirectory() as folder:
        jobs.save("mnist", folder)
        data = jobs.load("mnist", folder)
    X, y = data.X_train[:n_samples], data.y_train[:n_samples]
    models = {n: MLPClassifier(max_iter=1, random_state=0, n_threads=n) for n in thread_counts}
    for model in models.values():
        model.fit(X, y)
    seconds = {n: [] for n in thread_counts}
    wait_until_quiet(60, say)
    with Others() as others:
        for _ in range(n_rounds):
            for n, model in models.items():
                seconds[n] += model.fit(X, y).history_["seconds"]
    return seconds, others.cores


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, nargs=2, default=(2, 8), metavar=("FEW", "MANY"))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--samples", type=int, default=60_000)
    options = parser.parse_args()
    few, many = options.threads
    seconds, other_cores = epochs(options.threads, options.rounds, options.samples)
    for n, measured in seconds.items():
        print(
            f"{n} threads: {median(measured):.3f} s per epoch ({min(measured):.3f}-{max(measured):.3f})"
        )
    ratios = [b / a for a, b in zip(seconds[few], seconds[many], strict=True)]
    print(
        f"{many} threads over {few}: {median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f}); "
        f"the bar for 8 over 2 on two cores is {BAR}; other programs used {other_cores} cores"
    )


if __name__ == "__main__":
    main()

"""When regularisation and schedules help: errors and losses on new samples, over data sets and seeds.

``python bench/regularisation.py`` trains each way on each data set with each of 5 seeds, prints two tables and writes
``bench/results/regularisation.json``. ``--guide docs/guide/regularisation.md`` renews the tables of that page from
the record, without training.
"""

import argparse
import json
import time
from functools import cache
from pathlib import Path
from statistics import mean, stdev

import environment
import jobs
import numpy as np
import report
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from fastmlp import MLPClassifier

RECORD = Path(__file__).resolve().parent / "results" / "regularisation.json"
BEGIN, END = "<!-- regularisation tables: begin -->", "<!-- regularisation tables: end -->"
N_SEEDS = 5
HIDDEN = (256, 256)
# One way a row; everything else is the estimator's default.
WAYS = {
    "nothing": {},
    "`dropout=0.2`": {"dropout": 0.2},
    "`dropout=0.5`": {"dropout": 0.5},
    "`input_dropout=0.2`": {"input_dropout": 0.2},
    "`weight_decay=0.1`": {"weight_decay": 0.1},
    "`alpha=0.01`": {"alpha": 0.01},
    "`label_smoothing=0.1`": {"label_smoothing": 0.1},
    '`learning_rate="cosine"`': {"learning_rate": "cosine"},
    '`early_stopping=True`, `scoring="loss"`': {"early_stopping": True, "scoring": "loss"},
    '`dropout=0.5`, `label_smoothing=0.1`, `learning_rate="cosine"`': {
        "dropout": 0.5,
        "label_smoothing": 0.1,
        "learning_rate": "cosine",
    },
}


def _images(n_images, share_wrong=0.0):
    """The first images of MNIST, with labels drawn at random for a share of them, and its test set."""
    X, y, X_test, y_test = jobs.DATASETS["mnist"]()
    X, y = X[:n_images], y[:n_images].copy()
    rng = np.random.default_rng(0)
    drawn = rng.random(len(y)) < share_wrong
    y[drawn] = rng.integers(10, size=drawn.sum())
    return X, y, X_test, y_test


def _table():
    """A thousand rows to learn from; 20 of 200 columns tell the class, 5% of the labels are drawn at random."""
    X, y = make_classification(11_000, 200, n_informative=20, n_redundant=0, n_classes=3, n_clusters_per_class=2,
                               flip_y=0.05, random_state=0)  # fmt: skip
    X = StandardScaler().fit(X[:1000]).transform(X).astype(np.float32)
    return X[:1000], y[:1000], X[1000:], y[1000:]


# Name: the arrays, and the epochs of a fit.
SETS = {
    "5,000 images": (lambda: _images(5_000), 20),
    "5,000 images, a fifth relabelled": (lambda: _images(5_000, 0.2), 20),
    "1,000 rows of a noisy table": (_table, 40),
}


@cache
def arrays(name):
    """A data set's arrays."""
    return SETS[name][0]()


def one_fit(name, parameters, seed):
    """Error rate and mean loss (of the labels as they are) on the test samples, after one training."""
    X, y, X_test, y_test = arrays(name)
    # The number of threads changes no result, and one is not slowed by other programs' as several are.
    model = MLPClassifier(
        HIDDEN, max_iter=SETS[name][1], random_state=seed, n_threads=1, **parameters
    )
    probability = model.fit(X, y).predict_proba(X_test)
    wrong = model.classes_[probability.argmax(axis=1)] != y_test
    return {"error": float(wrong.mean()), "loss": float(log_loss(y_test, probability))}


def measure(n_seeds, names, say=print):
    """All fits, as a record."""
    record = {"environment": environment.describe(), "hidden": HIDDEN, "seeds": n_seeds, "sets": {}}
    for name in names:
        found = record["sets"][name] = {"epochs": SETS[name][1], "ways": {}}
        for way, parameters in WAYS.items():
            start = time.perf_counter()
            fits = [one_fit(name, parameters, seed) for seed in range(n_seeds)]
            found["ways"][way] = {key: [fit[key] for fit in fits] for key in fits[0]}
            seconds = time.perf_counter() - start
            say(
                f"{name}, {way}: error {mean(found['ways'][way]['error']):.2%}, {seconds:.0f} s",
                flush=True,
            )
    return record


def _cell(values, form):
    """Mean and standard deviation."""
    return f"{form(mean(values))} ± {form(stdev(values))}" if len(values) > 1 else form(values[0])


FORMS = {"error": lambda value: f"{100 * value:.2f}", "loss": lambda value: f"{value:.3f}"}
TITLES = {
    "error": "Wrong predictions on new samples, per cent",
    "loss": "Loss (mean cross-entropy) on new samples",
}


def table(record, key):
    """A Markdown table: a row for each way, a column for each data set; bold where a column is least."""
    sets = record["sets"]
    means = {
        name: {way: mean(values[key]) for way, values in found["ways"].items()}
        for name, found in sets.items()
    }
    lines = [["", *sets], ["---", *["--:"] * len(sets)]]
    for way in next(iter(means.values())):
        line = [way]
        for name, found in sets.items():
            cell = _cell(found["ways"][way][key], FORMS[key])
            line.append(f"**{cell}**" if means[name][way] == min(means[name].values()) else cell)
        lines.append(line)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def block(record):
    """What stands between the markers of the guide."""
    parts = [BEGIN]
    for key, title in TITLES.items():
        parts += [
            f"{title} (mean ± standard deviation over {record['seeds']} seeds):",
            "",
            table(record, key),
            "",
        ]
    epochs = ", ".join(f"{found['epochs']} ({name})" for name, found in record["sets"].items())
    parts += [f"Epochs: {epochs}. {report.where(record['environment'])}.", END]
    return "\n".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=N_SEEDS)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS), metavar="NAME")
    parser.add_argument("--output", type=Path, default=RECORD, help="the record (%(default)s)")
    parser.add_argument("--guide", type=Path, help="renew the tables of this page, from the record")
    options = parser.parse_args()
    if options.guide:
        record = json.loads(options.output.read_text())
        document = options.guide.read_text(encoding="utf-8")
        options.guide.write_text(
            report.with_block(document, block(record), BEGIN, END), encoding="utf-8"
        )
    else:
        record = measure(options.seeds, options.sets)
        options.output.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    print(block(record))


if __name__ == "__main__":
    main()

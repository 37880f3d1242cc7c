"""Plots of a results file: speed per contender, accuracy against time, speed over sizes.

``python bench/plot.py bench/results/full.json`` draws them anew, beside the file.
"""

import argparse
import json
from itertools import accumulate
from pathlib import Path

import matplotlib
import report
from matplotlib.figure import Figure

matplotlib.rcParams |= {"axes.spines.top": False, "axes.spines.right": False}

# The same colour for a contender in every plot.
COLOURS = {
    "fastmlp": "#d62728",
    "jax": "#1f77b4",
    "torch-compiled": "#ff7f0e",
    "torch": "#e6a15c",
    "scikit-learn": "#2ca02c",
    "keras-jax": "#9467bd",
    "keras": "#8c564b",
    "keras-torch": "#c49c94",
    "sgemm": "#7f7f7f",
}


def throughput(record):
    """Bars of samples per second, the roofline as a line, min to max as whiskers."""
    rows = [row for row in report.summary(record) if row["contender"] != report.ROOFLINE]
    rows.reverse()
    figure = Figure(figsize=(8, 1.2 + 0.45 * len(rows)), layout="constrained")
    axes = figure.subplots()
    speed = [row["samples_per_second"] / 1000 for row in rows]
    n = record["n_samples"] / 1000
    spread = [
        [s - n / row["slowest"] for s, row in zip(speed, rows, strict=True)],
        [n / row["fastest"] - s for s, row in zip(speed, rows, strict=True)],
    ]
    bars = axes.barh(
        [row["title"] for row in rows],
        speed,
        xerr=spread,
        color=[COLOURS[row["contender"]] for row in rows],
        error_kw={"lw": 1},
    )
    labels = [
        f" {s:.1f}   (accuracy {row['test_accuracy']:.3f})"
        for s, row in zip(speed, rows, strict=True)
    ]
    backed = {
        "facecolor": "white",
        "edgecolor": "none",
        "pad": 1,
    }  # the roofline stays behind the words
    axes.bar_label(bars, labels, label_type="edge", padding=6, bbox=backed)
    roofline = record["contenders"].get(report.ROOFLINE, {}).get("turns", [])[1:]
    if roofline:
        seconds = sorted(turn["seconds"] / turn["epochs"] for turn in roofline)
        speed_of_products = n / seconds[len(seconds) // 2]
        axes.axvline(speed_of_products, color=COLOURS[report.ROOFLINE], ls="--", lw=1, zorder=0)
        axes.annotate(
            "two first-layer sgemms alone",
            (speed_of_products, 1),
            xycoords=("data", "axes fraction"),
            xytext=(4, 2),
            textcoords="offset points",
            color=COLOURS[report.ROOFLINE],
            fontsize="small",
        )
    axes.set_xlim(0, n / min(row["fastest"] for row in rows) * 1.5)
    axes.set_xlabel("thousand samples per second")
    return figure


def accuracy_over_time(record):
    """Test accuracy against seconds of training, compilation included."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for name, entry in record["contenders"].items():
        if name == report.ROOFLINE or len(entry["turns"]) < 2:
            continue
        seconds = list(accumulate(turn["seconds"] for turn in entry["turns"]))
        accuracy = [turn["test_accuracy"] for turn in entry["turns"]]
        axes.plot(seconds, accuracy, "o-", ms=3, color=COLOURS[name], label=entry["title"])
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("seconds of training, first epoch's compilation included")
    axes.set_ylabel("test accuracy")
    axes.legend(frameon=False, fontsize="small")
    axes.grid(alpha=0.3)
    return figure


def speed_over(records, size_of, label):
    """Samples per second against a size of the job, both on logarithmic axes."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    lines = {}
    for record in records:
        for row in report.summary(record):
            line = lines.setdefault(row["contender"], (row["title"], []))
            line[1].append((size_of(record["job"]), row["samples_per_second"]))
    for name, (title, points) in lines.items():
        sizes, speeds = zip(*sorted(points), strict=True)
        style = "--" if name == report.ROOFLINE else "o-"
        axes.plot(sizes, speeds, style, ms=4, color=COLOURS[name], label=title)
    ticks = sorted({size_of(record["job"]) for record in records})
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set_xlabel(label)
    axes.set_ylabel("samples per second")
    axes.legend(frameon=False, fontsize="small")
    axes.grid(alpha=0.3, which="both")
    return figure


def draw(results, folder, name):
    """Write every plot the results file has data for; returns the paths."""
    finished = [record for record in results["jobs"] if report.summary(record)]
    figures = {}
    if finished and finished[0]["finished_rounds"]:
        figures["throughput"] = throughput(finished[0])
        figures["accuracy"] = accuracy_over_time(finished[0])
    for kind, label, size_of in (
        ("hidden", "hidden units", lambda job: job["hidden"][0]),
        ("batch", "batch size", lambda job: job["batch_size"]),
    ):
        records = [r for r in finished if r["job"]["name"].startswith(f"{kind}-")]
        if len(records) > 1:
            figures[kind] = speed_over(records, size_of, label)
    paths = []
    for kind, figure in figures.items():
        paths.append(folder / f"{name}-{kind}.png")
        figure.savefig(paths[-1], dpi=120)
    return paths


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    path = parser.parse_args().results
    for written in draw(json.loads(path.read_text()), path.parent, path.stem):
        print(written)


if __name__ == "__main__":
    main()

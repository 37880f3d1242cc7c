"""From a results file to tables: for the terminal, as CSV, for the documentation.

``python bench/report.py bench/results/full.json`` prints; ``--readme docs/benchmarks.md`` renews the table
between the markers of the page. ``bench/results/overview.json`` with ``--overview README.md`` renews README's.
Without a file it says how old each record of ``results`` is. A record of older code is said to be one, and does not
get into a page unless ``--stale`` asks for it.
"""

import argparse
import csv
import json
from pathlib import Path
from statistics import median

import environment

RESULTS = Path(__file__).with_name("results")
BEGIN, END = "<!-- benchmark table: begin -->", "<!-- benchmark table: end -->"
OVERVIEW = "<!-- overview: begin -->", "<!-- overview: end -->"
# The jobs of the overview, by name, and what their columns are called.
KINDS = {
    "main": "MNIST",
    "standardised": "MNIST, standardised",
    "table": "100,000 × 54",
    "small": "469 × 30",
}
ROOFLINE = "sgemm"


def summary(record):
    """One job's figures: a dict per contender that has finished a round, fastest first."""
    rows = []
    for name, entry in record["contenders"].items():
        first, rounds = entry["turns"][:1], entry["turns"][1:]
        if not rounds:
            continue
        seconds = [turn["seconds"] / turn["epochs"] for turn in rounds]
        rows.append(
            {
                "contender": name,
                "title": entry["title"],
                "seconds": median(seconds),
                "fastest": min(seconds),
                "slowest": max(seconds),
                "samples_per_second": record["n_samples"] / median(seconds),
                "first_epoch": first[0]["seconds"],
                "startup": entry["startup_seconds"],
                "epochs": sum(turn["epochs"] for turn in entry["turns"]),
                "test_loss": rounds[-1]["test_loss"],
                "test_accuracy": rounds[-1]["test_accuracy"],
                "peak_mb": entry.get("peak_mb"),
            }
        )
    roofline = next((row["seconds"] for row in rows if row["contender"] == ROOFLINE), None)
    for row in rows:
        row["of_roofline"] = row["seconds"] / roofline if roofline else None
    return sorted(rows, key=lambda row: row["seconds"])


def disturbed(record):
    """Number of turns during which other programs used a fifth of a core or more."""
    turns = [turn for entry in record["contenders"].values() for turn in entry["turns"][1:]]
    return sum((turn["other_cores"] or 0.0) >= 0.2 for turn in turns)


def _cell(value, form):
    return "" if value is None else format(value, form)


COLUMNS = (
    ("", lambda row: row["title"]),
    ("s/epoch", lambda row: _cell(row["seconds"], ".3f")),
    ("min–max", lambda row: f"{row['fastest']:.3f}–{row['slowest']:.3f}"),
    ("samples/s", lambda row: _cell(row["samples_per_second"], ",.0f")),
    ("× sgemms", lambda row: _cell(row["of_roofline"], ".2f")),
    ("first epoch, s", lambda row: _cell(row["first_epoch"], ".2f")),
    ("start-up, s", lambda row: _cell(row["startup"], ".2f")),
    ("epochs", lambda row: str(row["epochs"])),
    ("test loss", lambda row: _cell(row["test_loss"], ".4f")),
    ("test accuracy", lambda row: _cell(row["test_accuracy"], ".4f")),
)


def table(record):
    """A Markdown table of one job, aligned so that it reads well on a terminal too."""
    lines = [[title for title, _ in COLUMNS]]
    lines += [[cell(row) for _, cell in COLUMNS] for row in summary(record)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    lines.insert(1, ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]])

    def aligned(line):
        cells = (text.rjust(width) for text, width in zip(line[1:], widths[1:], strict=True))
        return " | ".join((line[0].ljust(widths[0]), *cells))

    return "\n".join(f"| {aligned(line)} |" for line in lines)


def heading(record):
    """What was trained, in words."""
    job = record["job"]
    layers = "-".join(str(n) for n in (record["n_features"], *job["hidden"], record["n_classes"]))
    return (
        f"{record['job']['name']}: {job['dataset']}, {layers}, batches of {job['batch_size']}, "
        f"{job['threads']} threads, {record['finished_rounds']} rounds"
    )


def where(environment):
    """The machine, in a line."""
    return (
        f"{environment['cpu']}, {environment['usable_cores']} cores, "
        f"Python {environment['python']}, "
        f"NumPy's {environment['numpy_blas']}, commit {environment['commit']}"
        f"{' with changes' if environment['changed_files'] else ''}, {environment['date']}"
    )


def age(taken):
    """Whether the code is still the one that was measured, in a sentence; "" if it is."""
    changed = "Measured with changes that were not committed. " if taken["changed_files"] else ""
    number = environment.changes_since(taken["commit"])
    if number is None:
        return f"{changed}Measured at commit {taken['commit']}, of which git knows nothing here."
    if number:
        return f"{changed}OLDER THAN THE CODE: {number} commits have changed fastmlp since {taken['commit']}."
    return changed.strip()


def ages(folder=RESULTS):
    """A line per record: its commit, its date, and whether the code has changed since."""
    lines = []
    for file in sorted(folder.glob("*.json")):
        found = json.loads(file.read_text())
        taken = found.get("environment") if isinstance(found, dict) else None
        if taken is None:
            lines.append(f"{file.name}: does not say of which commit it is")
        else:
            told = age(taken) or "Of the present code."
            lines.append(f"{file.name}: commit {taken['commit']}, {taken['date']}. {told}")
    return "\n".join(lines)


def versions(results):
    """Versions of all contenders' packages, each once."""
    found = {}
    for record in results["jobs"]:
        for entry in record["contenders"].values():
            found |= entry.get("versions", {})
    return ", ".join(f"{name} {version}" for name, version in sorted(found.items()))


def searches(records):
    """A line per grid search, with its multiples of the first one's and of the shortest seconds; see `sweep`."""
    seconds = [median(record["seconds"]) for record in records]
    lines = []
    for record, taken in zip(records, seconds, strict=True):
        workers = f"{record['workers']} × {record['threads']}, {record['backend']}"
        lines.append(
            f"{record['contender']:12} {workers:16} {taken:8.1f} s for {record['fits']} fits: "
            f"{taken / seconds[0]:5.2f} times the first, {taken / min(seconds):5.2f} times the fastest; "
            f"best score {record['best_score']:.4f}"
        )
    return "\n".join(lines)


def text(results):
    """Everything, as printed at the end of a run."""
    parts = [where(results["environment"]), versions(results)]
    if age(results["environment"]):
        parts.append(age(results["environment"]))
    for record in results["jobs"]:
        parts.append(f"\n{heading(record)}\n\n{table(record)}")
        if disturbed(record):
            parts.append(f"\nDisturbed by other programs: {disturbed(record)} turns. Run again.")
        for name, entry in record["contenders"].items():
            if "failed" in entry:
                parts.append(f"{name} failed: {entry['failed'].splitlines()[-1]}")
    for name, line in results["missing"].items():
        parts.append(f"{name} is not installed: {line}")
    if results["bars"]:
        parts.append("\n" + "\n".join(bar["text"] for bar in results["bars"]))
    if results["searches"]:
        parts.append("\n" + searches(results["searches"]))
    if results["interrupted"]:
        parts.append("\nInterrupted: the finished rounds only.")
    return "\n".join(parts)


def write_csv(results, path):
    """One line per contender and job."""
    rows = [
        {
            "job": record["job"]["name"],
            "dataset": record["job"]["dataset"],
            "hidden": "-".join(map(str, record["job"]["hidden"])),
            "batch_size": record["job"]["batch_size"],
            "threads": record["job"]["threads"],
            **row,
        }
        for record in results["jobs"]
        for row in summary(record)
    ]
    if not rows:
        return
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({k: round(v, 6) if isinstance(v, float) else v for k, v in row.items()})


def readme_block(results):
    """The README's table: the first job of the results file, with its machine and versions."""
    record = results["jobs"][0]
    return "\n".join(
        [BEGIN, table(record), "", f"{heading(record)}. {where(results['environment'])}. "
         f"{versions(results)}.", END]
    )  # fmt: skip


def _duration(seconds):
    return f"{seconds:.2f} s" if seconds >= 0.1 else f"{1000 * seconds:.2g} ms"


def _times(ratio):
    return f"{ratio:.1f}" if ratio < 9.95 else f"{ratio:.0f}"


def overview_block(results):
    """README's table: an epoch of each contender in each job, and how often ours goes into them."""
    found = {record["job"]["name"]: summary(record) for record in results["jobs"]}
    seconds = {name: {row["contender"]: row["seconds"] for row in found[name]} for name in KINDS}
    titles = {row["contender"]: row["title"] for rows in found.values() for row in rows}
    main = [row["contender"] for row in found["main"]]
    n_epochs = max(row["epochs"] for row in found["main"])  # all are timed for as many
    lines = [
        f"| an epoch | {' | '.join(KINDS.values())} | MNIST accuracy, {n_epochs} epochs |",
        "|---|" + "--:|" * (len(KINDS) + 1),
    ]
    accuracies = {row["contender"]: row["test_accuracy"] for row in found["main"]}
    for contender in main:
        cells = []
        for name in KINDS:
            taken, ours = seconds[name].get(contender), seconds[name]["fastmlp"]
            if taken is None:
                cells.append("")
            elif contender == "fastmlp":
                cells.append(f"**{_duration(taken)}**")
            else:
                cells.append(f"{_duration(taken)} ({_times(taken / ours)}×)")
        cells.append(_cell(accuracies[contender], ".4f"))
        title = f"**{titles[contender]}**" if contender == "fastmlp" else titles[contender]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    jobs = "; ".join(heading(record) for record in results["jobs"])
    return "\n".join(
        [OVERVIEW[0], *lines, "", f"{jobs}. {where(results['environment'])}. {versions(results)}.",
         OVERVIEW[1]]
    )  # fmt: skip


def with_block(document, block, first=BEGIN, last=END):
    """``document`` with what stands between two markers replaced by ``block``, which has them, too."""
    before, begin, rest = document.partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        raise ValueError(f"no {first} ... {last} in the document")
    return before + block + after


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "results", type=Path, nargs="?", help="default: say how old all records are"
    )
    parser.add_argument("--readme", type=Path, help="renew the table in this file")
    parser.add_argument("--overview", type=Path, help="the same, of README's table")
    parser.add_argument("--stale", action="store_true", help="even with a record of older code")
    arguments = parser.parse_args()
    if arguments.results is None:
        print(ages())
        return
    results = json.loads(arguments.results.read_text())
    print(text(results))
    pages = {
        arguments.readme: (readme_block, (BEGIN, END)),
        arguments.overview: (overview_block, OVERVIEW),
    }
    for page, (block, markers) in pages.items():
        if page is None:
            continue
        if age(results["environment"]) and not arguments.stale:
            parser.error(f"{age(results['environment'])} Measure again, or add --stale.")
        document = page.read_text(encoding="utf-8")
        page.write_text(with_block(document, block(results), *markers), encoding="utf-8")


if __name__ == "__main__":
    main()

"""The report: figures, tables, the block of the documentation; and the table of contenders."""

import ast
import json
import re
from pathlib import Path

import bars
import first_fits
import pytest
import regularisation
import report
import run
from contenders import CONTENDERS
from jobs import Job

HERE = Path(__file__).resolve().parent
BENCHMARKS = HERE.parent / "docs" / "benchmarks.md"


def turns(*seconds):
    values = {"epochs": 2, "test_loss": 0.07, "test_accuracy": 0.979, "other_cores": 0.0}
    return [{**values, "seconds": s} for s in seconds]


@pytest.fixture
def results():
    def entry(title, *seconds):
        return {
            "title": title,
            "turns": turns(*seconds),
            "startup_seconds": 1.0,
            "versions": {"numpy": "2.0"},
        }

    return {
        "environment": {
            "cpu": "a CPU",
            "usable_cores": 2,
            "python": "3.11",
            "numpy_blas": "a BLAS",
            "commit": "abc",
            "changed_files": False,
            "date": "today",
        },
        "jobs": [
            {
                "job": Job().to_dict(),
                "n_samples": 60_000,
                "n_features": 784,
                "n_classes": 10,
                "finished_rounds": 3,
                "contenders": {
                    "keras": entry("Keras", 9.0, 4.0, 8.0, 6.0),
                    "fastmlp": entry("fastmlp", 2.0, 1.0, 0.9, 1.2),
                    "sgemm": entry("sgemms", 2.0, 2.0, 2.0, 2.0),
                    "jax": entry("JAX", 3.0),
                },
            }
        ],
        "bars": [],
        "searches": [],
        "missing": {"torch": "pip install torch"},
        "interrupted": True,
    }


def test_summary_takes_medians_of_the_rounds_alone(results):
    rows = report.summary(results["jobs"][0])
    assert [row["contender"] for row in rows] == ["fastmlp", "sgemm", "keras"]
    keras = rows[-1]
    assert (keras["seconds"], keras["fastest"], keras["slowest"]) == (3.0, 2.0, 4.0)
    assert keras["of_roofline"] == 3.0
    assert keras["samples_per_second"] == 20_000
    assert keras["first_epoch"] == 9.0


def test_text_names_what_is_missing_and_that_it_was_interrupted(results):
    text = report.text(results)
    assert "torch is not installed: pip install torch" in text
    assert "Interrupted" in text
    assert "Disturbed" not in text
    results["jobs"][0]["contenders"]["keras"]["turns"][1]["other_cores"] = 1.0
    assert "Disturbed by other programs: 1 turns" in report.text(results)


def test_searches_are_multiples_of_the_first_and_of_the_fastest(results):
    ours = {
        "contender": "fastmlp",
        "workers": 2,
        "backend": "loky",
        "threads": 1,
        "fits": 24,
        "best_score": 0.97,
    }
    in_threads, other = ours | {"backend": "threading"}, ours | {"contender": "other"}
    results["searches"] = [
        ours | {"seconds": [9.0, 10.0, 12.0]},
        in_threads | {"seconds": [8.0]},
        other | {"seconds": [50.0]},
    ]
    first, second, third = report.searches(results["searches"]).splitlines()
    assert "2 × 1, loky" in first
    assert "10.0 s for 24 fits:  1.00 times the first,  1.25 times the fastest" in first
    assert "2 × 1, threading" in second
    assert " 5.00 times the first,  6.25 times the fastest" in third


def test_csv_and_plots_are_written(results, tmp_path):
    pytest.importorskip("matplotlib")
    run.write(results, tmp_path, "some")
    lines = (tmp_path / "some.csv").read_text().splitlines()
    assert len(lines) == 4
    assert lines[1].startswith("main,mnist,512,128,2,fastmlp")
    assert json.loads((tmp_path / "some.json").read_text()) == results
    assert {p.name for p in tmp_path.glob("*.png")} == {"some-throughput.png", "some-accuracy.png"}


def test_block_replaces_only_what_is_between_the_markers(results):
    document = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
    block = report.readme_block(results)
    assert report.with_block(document, block) == f"before\n{block}\nafter\n"
    with pytest.raises(ValueError, match="no <!-- benchmark table"):
        report.with_block("nothing here", block)


def test_the_overview_has_a_column_for_each_kind_of_data(results):
    (main,) = results["jobs"]
    others = [{**main, "job": {**main["job"], "name": name}} for name in report.KINDS]
    table = report.overview_block({**results, "jobs": others})
    assert "| **fastmlp** | **0.50 s** | **0.50 s** | **0.50 s** | **0.50 s** | 0.9790 |" in table
    assert (
        "| Keras | 3.00 s (6.0×) | 3.00 s (6.0×) | 3.00 s (6.0×) | 3.00 s (6.0×) | 0.9790 |"
        in table
    )
    assert set(report.KINDS) == {plan.job.name for plan in run.overview_plans((), 2)}


def test_readme_shows_the_overview():
    """``python bench/report.py bench/results/overview.json --overview README.md`` renews it."""
    results = json.loads((HERE / "results" / "overview.json").read_text())
    readme = (HERE.parent / "README.md").read_text(encoding="utf-8")
    assert report.with_block(readme, report.overview_block(results), *report.OVERVIEW) == readme


def test_the_documentation_shows_the_results_file():
    """``python bench/report.py bench/results/full.json --readme docs/benchmarks.md`` renews it."""
    results = json.loads((HERE / "results" / "full.json").read_text())
    document = BENCHMARKS.read_text(encoding="utf-8")
    assert report.with_block(document, report.readme_block(results)) == document


def test_the_guide_shows_the_record_of_regularisation():
    """``python bench/regularisation.py --guide docs/guide/regularisation.md`` renews it."""
    record = json.loads(regularisation.RECORD.read_text())
    assert not record["environment"]["changed_files"]
    assert [list(found["ways"]) for found in record["sets"].values()] == [
        list(regularisation.WAYS)
    ] * len(regularisation.SETS)
    document = (HERE.parent / "docs" / "guide" / "regularisation.md").read_text(encoding="utf-8")
    shown = regularisation.block(record)
    first, last = regularisation.BEGIN, regularisation.END
    assert report.with_block(document, shown, first, last) == document
    record["sets"]["5,000 images"]["ways"]["nothing"]["error"][0] += 0.01
    assert regularisation.block(record) != shown


FIRST_FITS = [{"name": name, "value": 0.25} for name in first_fits.ROWS]


def test_the_bars_of_the_first_fit_write_their_table(monkeypatch, tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("\n".join(["before", *first_fits.MARKERS, "after"]))
    found = {result["name"]: {**result, "text": "", "verdict": "holds"} for result in FIRST_FITS}
    monkeypatch.setattr(bars, "run", lambda name, folder: found[name])
    command = first_fits.COMMAND.replace("README.md", str(page)).split()[1:]
    monkeypatch.setattr("sys.argv", command)
    assert bars.main() == 0
    first, *shown, last = page.read_text().splitlines()
    assert (first, last) == ("before", "after")
    assert "\n".join(shown) == first_fits.block(FIRST_FITS)
    assert sum(line.endswith("| 0.25 |") for line in shown) == 3
    with pytest.raises(ValueError, match="not measured: first-ever"):
        first_fits.block(FIRST_FITS[:2])


def test_readme_has_a_place_for_the_first_fit():
    """What stands there is what the command writes, or nothing yet."""
    readme = (HERE.parent / "README.md").read_text(encoding="utf-8")
    assert f"`{first_fits.COMMAND}`" in readme
    assert report.with_block(readme, "", *first_fits.MARKERS) != readme
    first, last = first_fits.MARKERS
    shown = readme.partition(first)[2].partition(last)[0].split("\n")
    wanted = first_fits.block(FIRST_FITS).split("\n")[1:-1]
    if shown != ["", ""]:
        shown = [re.sub(r"\d+\.\d\d \|$", "0.25 |", line) for line in shown[1:-1]]
        assert shown[:-1] == wanted[:-1]
        assert re.fullmatch(r".+, \d+ cores, commit [0-9a-f]{7,}\.", shown[-1])


def test_contenders_have_the_three_functions():
    for contender in CONTENDERS.values():
        tree = ast.parse((HERE / "contenders" / f"{contender.module}.py").read_text())
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert {"prepare", "train", "evaluate"} <= functions
        assert contender.install.startswith("pip install ")


@pytest.mark.parametrize(
    ("number", "told"),
    [(0, ""), (7, "OLDER THAN THE CODE: 7 commits"), (None, "of which git knows nothing")],
)
def test_a_record_of_older_code_says_so(results, number, told, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(report.environment, "changes_since", lambda commit: number)
    assert told in report.age(results["environment"])
    assert bool(report.age(results["environment"])) == bool(told)
    assert told in report.text(results)
    record, page = tmp_path / "record.json", tmp_path / "page.md"
    record.write_text(json.dumps(results))
    page.write_text(f"{report.BEGIN}\n{report.END}\n")
    monkeypatch.setattr("sys.argv", ["report.py", str(record), "--readme", str(page)])
    if told:
        with pytest.raises(SystemExit):
            report.main()
        assert told in capsys.readouterr().err
        assert "fastmlp" not in page.read_text()
        monkeypatch.setattr(
            "sys.argv", ["report.py", str(record), "--readme", str(page), "--stale"]
        )
    report.main()
    assert "fastmlp" in page.read_text()
    assert "record.json: commit abc, today" in report.ages(tmp_path)


def test_commits_since_a_commit_are_counted():
    head = report.environment._git("rev-parse", "HEAD")
    if head is None:
        assert report.environment.changes_since("abc") is None
        return
    assert report.environment.changes_since(head) == 0
    assert report.environment.changes_since("no-such-commit") is None

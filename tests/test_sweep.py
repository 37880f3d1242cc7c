"""``python -m fastmlp sweep``: what it finds, and that no kill, damage or neighbour changes it."""

import csv
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import BrokenExecutor
from pathlib import Path

import joblib
import numpy as np
import pytest
from forked import in_a_fork
from joblib.externals.loky import get_reusable_executor
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, StratifiedKFold

from fastmlp import MLPClassifier
from fastmlp.cli import main
from fastmlp.cli import sweep as command
from fastmlp.datasets.samples import Samples
from fastmlp.sweep import fits
from fastmlp.sweep.progress import TimeLeft, duration

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
DIGITS = load_digits()
X, Y = (DIGITS.data / 16).astype(np.float32), DIGITS.target
TRAIN, TEST = (X[:300], Y[:300]), (X[300:500], Y[300:500])
SMALL = Samples("digits", *TRAIN, *TEST, side=8)
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")

HIDDEN, RATES, MOMENTUMS = ["4", "8"], ["0.01"], ["0", "0.9"]
N_FITS = 2 * 2 * 2  # settings × folds
DEFAULTS = {
    "hidden": HIDDEN, "lr": RATES, "momentum": MOMENTUMS,
    "folds": ["2"], "epochs": ["3"], "batch-size": ["16"], "jobs": ["1"],
}  # fmt: skip


def words(folder, *flags, **changes):
    """The command's words."""
    changes = {name.replace("_", "-"): values for name, values in changes.items()}
    options = DEFAULTS | {name: [str(v) for v in np.atleast_1d(vs)] for name, vs in changes.items()}
    found = ["sweep", "--output", str(folder), "--no-report", *flags]
    for name, values in options.items():
        found += [f"--{name}", *values]
    return found


def sweep(folder, *flags, **changes):
    """Run the command in this process and return its exit status."""
    return main.main(words(folder, *flags, **changes))


def rows(folder):
    """The table without what differs from run to run: the seconds."""
    with open(folder / "results.csv", newline="") as file:
        found = list(csv.DictReader(file))
    for row in found:
        row.pop("mean_fit_seconds")
    return found


@pytest.fixture(autouse=True)
def made(monkeypatch):
    """The sweep trains on 300 small digits; the hidden sizes of the networks it trains are kept."""
    trained = []
    measure = fits.measure

    def counted(model, *data):
        trained.append(model.hidden_layer_sizes[0])
        return measure(model, *data)

    monkeypatch.setattr(fits, "measure", counted)
    monkeypatch.setattr(command, "load", lambda options: SMALL)
    return trained


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a sweep that nobody disturbed; not to be changed."""
    folder = tmp_path_factory.mktemp("finished") / "sweep"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "load", lambda options: SMALL)
        assert sweep(folder) == 0
    return folder


@pytest.fixture
def copy(finished, tmp_path):
    """The same to be changed."""
    return Path(shutil.copytree(finished, tmp_path / "copy"))


def kept(folder):
    """What is in the store, and since when: a fit that is made again gets another file number."""
    return {path.name: path.stat().st_ino for path in (folder / "fits").glob("*.json")}


def forked(action):
    """Start ``sys.exit(action())`` in a fork that says nothing, and return its process id."""

    def quietly():
        # A fork shares tqdm's lock with its parent, and may be killed while it holds it.
        sys.modules["tqdm"] = sys.modules["tqdm.auto"] = None
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1), os.dup2(null, 2)
        os._exit(action())

    return in_a_fork(quietly)


def status_of(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# --- what it finds ----------------------------------------------------------------------------


def test_scores_are_those_of_grid_search(finished):
    grid = {
        "hidden_layer_sizes": [(4,), (8,)],
        "learning_rate_init": [0.01],
        "momentum": [0.0, 0.9],
    }
    model = MLPClassifier(batch_size=16, max_iter=3, random_state=0)
    folds = StratifiedKFold(2, shuffle=True, random_state=0)
    search = GridSearchCV(model, grid, cv=folds, return_train_score=True).fit(*TRAIN)
    expected = search.cv_results_
    found = {(row["hidden"], row["momentum"]): row for row in rows(finished)}
    assert len(found) == 4
    for k, setting in enumerate(expected["params"]):
        row = found[str(setting["hidden_layer_sizes"][0]), str(setting["momentum"])]
        for column, theirs in {
            "mean_val_accuracy": "mean_test_score",
            "std_val_accuracy": "std_test_score",
            "fold1_val_accuracy": "split0_test_score",
            "fold2_val_accuracy": "split1_test_score",
            "mean_train_accuracy": "mean_train_score",
            "rank": "rank_test_score",
        }.items():
            assert float(row[column]) == expected[theirs][k], column


def test_what_regularises_is_varied_as_the_grid_search_does(tmp_path, capsys):
    options = {
        "hidden": 8, "momentum": 0, "dropout": [0, 0.5], "weight_decay": 0.01,
        "label_smoothing": [0, 0.1], "schedule": ["constant", "cosine"], "average": [0.9],
    }  # fmt: skip
    assert sweep(tmp_path, **options) == 0
    found = rows(tmp_path)
    assert list(found[0])[:8] == [
        "rank", "hidden", "lr", "momentum", "dropout", "label_smoothing", "schedule", "status",
    ]  # fmt: skip
    by_setting = {
        tuple(row[n] for n in ("dropout", "label_smoothing", "schedule")): row for row in found
    }
    grid = {
        "dropout": [0.0, 0.5],
        "label_smoothing": [0.0, 0.1],
        "learning_rate": ["constant", "cosine"],
    }
    model = MLPClassifier(
        (8,), learning_rate_init=0.01, batch_size=16, max_iter=3, random_state=0, weight_decay=0.01,
        average=0.9,
    )  # fmt: skip
    folds = StratifiedKFold(2, shuffle=True, random_state=0)
    expected = GridSearchCV(model, grid, cv=folds).fit(*TRAIN).cv_results_
    assert len(found) == len(expected["params"]) == 8
    for k, setting in enumerate(expected["params"]):
        row = by_setting[tuple(map(str, (setting[name] for name in grid)))]
        assert float(row["mean_val_accuracy"]) == expected["mean_test_score"][k]
    best = joblib.load(tmp_path / "model.joblib")
    said = capsys.readouterr().out
    assert f"dropout {best.dropout:g}" in said or best.dropout == 0
    assert "weight decay 0.01" in said
    assert best.weight_decay == 0.01
    # Nothing is trained again; a further value is.
    before = kept(tmp_path)
    assert sweep(tmp_path, **options | {"dropout": [0, 0.2, 0.5]}) == 0
    after = kept(tmp_path)
    assert before.items() <= after.items()
    assert len(after) >= len(before) + 8


def test_table(finished):
    found = rows(finished)
    assert list(found[0]) == [
        "rank", "hidden", "lr", "momentum", "status", "mean_val_accuracy", "std_val_accuracy",
        "mean_val_loss", "mean_train_accuracy", "mean_train_loss", "fold1_val_accuracy",
        "fold2_val_accuracy", "fold1_train_accuracy", "fold2_train_accuracy",
    ]  # fmt: skip
    assert "mean_fit_seconds" in (finished / "results.csv").read_text()
    assert [int(row["rank"]) for row in found] == sorted(int(row["rank"]) for row in found)
    assert {row["status"] for row in found} == {"ok"}


def test_best_model_is_kept_and_has_the_test_accuracy_that_is_told(copy, capsys, made):
    assert sweep(copy) == 0
    assert made == []  # all is there, the model, too
    accuracy = re.search(r"test accuracy (\S+), test loss", capsys.readouterr().out)[1]
    model, best = joblib.load(copy / "model.joblib"), rows(copy)[0]
    assert f"{model.score(*TEST):.4f}" == accuracy
    assert model.get_params()["n_threads"] is None
    assert (str(model.hidden_layer_sizes[0]), str(model.momentum)) == (
        best["hidden"], best["momentum"],
    )  # fmt: skip
    same = MLPClassifier(**model.get_params()).fit(*TRAIN)
    np.testing.assert_array_equal(same.coefs_[0], model.coefs_[0])


def test_two_jobs_find_the_same(finished, tmp_path):
    try:
        assert sweep(tmp_path, jobs=2, threads=2) == 0
    finally:
        get_reusable_executor().shutdown(wait=True)
    assert rows(tmp_path) == rows(finished)


def test_a_setting_that_diverges_is_reported_and_ends_nothing(finished, tmp_path, capsys):
    assert sweep(tmp_path, lr=["0.01", "1e30"]) == 0
    assert "FAILED after" in "".join(capsys.readouterr())
    found = rows(tmp_path)
    assert [row["status"] for row in found[:4]] == ["ok"] * 4
    for row in found[4:]:
        assert row["lr"] == "1e+30"
        assert row["status"].startswith("failed: ")
        assert "learning_rate_init=1e+30 is too large" in row["status"]
        assert {row["mean_val_accuracy"], row["fold1_val_accuracy"], row["mean_val_loss"]} == {
            "nan"
        }
        assert row["rank"] == "5"
    assert [row["mean_val_accuracy"] for row in found[:4]] == [
        row["mean_val_accuracy"] for row in rows(finished)
    ]


def test_all_settings_diverge(tmp_path, capsys, made):
    assert sweep(tmp_path, lr=1e30) == 1
    assert "every setting failed, the first one thus: Solver produced" in capsys.readouterr().err
    assert len(rows(tmp_path)) == 4
    assert not (tmp_path / "model.joblib").exists()
    made.clear()
    assert sweep(tmp_path, lr=1e30) == 1
    assert made == []  # a failure is a result, too


# --- what it survives -------------------------------------------------------------------------


@needs_fork
def test_killed_at_random_moments_it_goes_on(finished, tmp_path, monkeypatch, made):
    def slow(function):
        def slowly(*arguments):
            time.sleep(0.01)  # a kill in here: before a fit, or in a half-written file
            return function(*arguments)

        return slowly

    with monkeypatch.context() as patch:
        patch.setattr(fits, "measure", slow(fits.measure))
        patch.setattr(os, "fsync", slow(os.fsync))
        killed, before = 0, {}
        moments = random.Random(0)
        for _ in range(12):
            pid = forked(lambda: sweep(tmp_path))
            time.sleep(moments.uniform(0.02, 0.25))
            os.kill(pid, signal.SIGKILL)
            killed += status_of(pid) == -signal.SIGKILL
            now = kept(tmp_path)
            assert before.items() <= now.items()  # what was finished is still there, untouched
            before = now
    assert killed
    missing = N_FITS + 1 - len(before)
    assert sweep(tmp_path) == 0
    assert len(made) == missing
    assert rows(tmp_path) == rows(finished)
    assert before.items() <= kept(tmp_path).items()


def damages(path, other):
    """Ways in which a file of the store may be damaged."""
    body = path.read_bytes()
    yield b""
    yield body[: len(body) // 2]  # a torn write
    yield body[:-1] + b"x"
    middle = len(body) // 3
    yield body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
    yield other.read_bytes()  # sound, but of another fit
    yield b'{"key": {}, "result": {}}\n'
    yield b"\xff\xfe\n\x00"


def test_damaged_results_are_made_again(finished, copy, made):
    files = sorted((copy / "fits").glob("*.json"))
    other = files.pop()
    for path, damage in zip(files, damages(files[0], other), strict=False):
        path.write_bytes(damage)
    assert sweep(copy) == 0
    assert len(made) == 7
    assert rows(copy) == rows(finished)
    made.clear()
    assert sweep(copy) == 0
    assert made == []


def test_damaged_model_is_trained_again(copy, made):
    model = copy / "model.joblib"
    model.write_bytes(model.read_bytes()[:1000])
    assert sweep(copy) == 0
    assert len(made) == 1
    assert 0.3 < joblib.load(model).score(*TEST) <= 1


def test_unfinished_files_are_cleared_a_day_later(copy):
    old, new = (copy / "fits" / f"{name}.json.abc.part" for name in ("old", "new"))
    for path in (old, new):
        path.write_text("half")
    os.utime(old, (0, time.time() - 25 * 3600))
    assert sweep(copy) == 0
    assert not old.exists()
    assert new.exists()  # somebody may be writing it


@pytest.mark.parametrize(
    ("changes", "n_fits"),
    [({"seed": 1}, 8), ({"epochs": 2}, 8), ({"folds": 3}, 12), ({"batch_size": 15}, 8),
     ({"samples": 299}, 8)],
)  # fmt: skip
def test_other_settings_reuse_nothing(copy, made, capsys, changes, n_fits):
    assert sweep(copy, **changes) == 0
    assert len(made) == n_fits + 1
    assert "already" not in capsys.readouterr().out


def test_other_data_reuse_nothing(copy, made, monkeypatch):
    changed = TRAIN[0].copy()
    changed[7, 30] += 1 / 16
    monkeypatch.setattr(
        command, "load", lambda options: Samples("digits", changed, TRAIN[1], *TEST, side=8)
    )
    assert sweep(copy) == 0
    assert len(made) == N_FITS + 1


def test_an_added_value_reuses_what_is_done(finished, copy, made, capsys):
    assert sweep(copy, hidden=["8", "2", "4", "8"]) == 0  # in any order, doubles count once
    assert f"{N_FITS} of them are already in" in capsys.readouterr().out
    assert Counter(made[:4]) == {2: 4}
    assert [row for row in rows(copy) if row["hidden"] != "2"] == [
        row | {"rank": new["rank"]}
        for row, new in zip(
            rows(finished), [row for row in rows(copy) if row["hidden"] != "2"], strict=True
        )
    ]
    made.clear()
    assert sweep(copy, momentum="0") == 0  # a smaller grid
    assert len(made) <= 1  # its best setting may be another, to be trained on all of the data


@needs_fork
def test_two_sweeps_in_one_folder(finished, tmp_path, made):
    pids = [forked(lambda: sweep(tmp_path)) for _ in range(2)]
    assert [status_of(pid) for pid in pids] == [0, 0]
    assert rows(tmp_path) == rows(finished)
    assert sweep(tmp_path) == 0
    assert made == []


# --- how it ends early ------------------------------------------------------------------------


@needs_fork
def test_ctrl_c_in_the_middle_of_a_fit_keeps_no_half_fit(tmp_path):
    pid = forked(lambda: sweep(tmp_path, epochs=1_000_000))
    until = time.monotonic() + 200
    while not list(tmp_path.iterdir()) and time.monotonic() < until:  # it has not begun
        time.sleep(0.05)
    time.sleep(1.0)
    os.kill(pid, signal.SIGINT)
    assert status_of(pid) == 130
    assert kept(tmp_path) == {}


def test_ctrl_c_says_how_to_go_on(finished, tmp_path, monkeypatch, capsys, made):
    measure = fits.measure

    def third_is_stopped(*arguments):
        if len(made) == 3:
            raise KeyboardInterrupt
        return measure(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(fits, "measure", third_is_stopped)
        assert sweep(tmp_path) == 130
    said = "stopped: 3 of 8 fits are finished and kept; the same command resumes from there"
    assert said in capsys.readouterr().err
    made.clear()
    assert sweep(tmp_path) == 0
    assert len(made) == 5 + 1
    assert rows(tmp_path) == rows(finished)


# A shell has a program in the background ignore Ctrl-C.
BACKGROUND = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); "
COMMAND = "import sys; from fastmlp.cli.main import main; sys.exit(main())"


def look_for(group, seconds=20):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        os.killpg(group, 0)
        time.sleep(0.1)


@needs_fork
@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM", "SIGTERM in the background", "SIGKILL"])
def test_an_end_with_two_jobs(tmp_path, how):
    options = words(tmp_path, jobs=2, samples=2000, hidden=["64"], epochs=5, momentum=[0, 0.5, 0.9],
                    lr=[0.01, 0.02, 0.03, 0.04, 0.05], folds=20)  # fmt: skip
    child = subprocess.Popen(
        [sys.executable, "-c", BACKGROUND * ("background" in how) + COMMAND, *options], cwd=ROOT,
        text=True, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env=os.environ | {"FASTMLP_DATA": str(ROOT / "data")},
    )  # fmt: skip
    try:
        until = time.monotonic() + 200
        while len(kept(tmp_path)) < 3 and time.monotonic() < until:
            time.sleep(0.05)
        if how == "SIGINT":
            os.killpg(child.pid, signal.SIGINT)  # as a terminal does
        elif how == "SIGKILL":
            child.kill()
        else:
            child.send_signal(signal.SIGTERM)  # as a supervisor does
        said = child.communicate(timeout=100)[1]
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
    if how == "SIGKILL":
        assert child.returncode == -signal.SIGKILL
    else:
        assert child.returncode == 130, said
        assert re.search(r"stopped: \d+ of 300 fits are finished and kept", said)
    assert "Traceback" not in said
    assert 3 <= len(kept(tmp_path)) < 300
    with pytest.raises(ProcessLookupError):  # nor is a worker left, a moment later
        look_for(child.pid)


def test_no_more_jobs_than_fits(tmp_path, monkeypatch):
    seen = []

    def run(to_do, *arguments, n_jobs, n_threads):
        seen.append((n_jobs, n_threads))
        yield from once(to_do, *arguments, n_jobs=1, n_threads=n_threads)

    once = fits.run
    monkeypatch.setattr(fits, "run", run)
    monkeypatch.setattr("fastmlp.engine.team.usable_threads", lambda n: 8)
    assert sweep(tmp_path, jobs=100, hidden=[4], momentum=[0]) == 0
    assert seen == [(2, 4)]


@pytest.mark.parametrize("name", ["model.joblib", "results.csv", "report.html"])
def test_output_that_cannot_be_replaced(tmp_path, name, capsys, made):
    (tmp_path / name).mkdir()
    arguments = words(tmp_path)
    if name == "report.html":
        arguments.remove("--no-report")
    assert main.main(arguments) == 2
    assert f"{name}' is a folder; a file is needed" in capsys.readouterr().err
    assert made == []


def test_output_that_is_not_written_need_not_be_replaced(tmp_path):
    (tmp_path / "report.html").mkdir()
    assert sweep(tmp_path, hidden=[4], momentum=[0]) == 0


def test_a_worker_that_is_killed_ends_it_with_a_word(tmp_path, monkeypatch, capsys):
    def broken(*arguments, **options):
        raise BrokenExecutor
        yield

    monkeypatch.setattr(fits, "run", broken)
    assert sweep(tmp_path) == 1
    assert "a worker process was killed, perhaps for want of memory" in capsys.readouterr().err


# --- what it shows, what it refuses -----------------------------------------------------------


def test_without_tqdm_progress_is_lines(tmp_path, monkeypatch, capsys):
    for name in ("tqdm", "tqdm.auto"):
        monkeypatch.setitem(sys.modules, name, None)
    assert sweep(tmp_path) == 0
    lines = re.findall(
        r"^(\d)/8  \d units, learning rate 0.01, momentum [\d.]+, fold \d: accuracy 0\.\d{4}, "
        r"[\d.]+ s; \d+ s left$",
        capsys.readouterr().out,
        flags=re.MULTILINE,
    )
    assert lines == list("12345678")


def test_a_stall_does_not_spoil_the_estimate():
    left = TimeLeft(100.0, 2, [(2.0, 6.0), (1.0, 3.0), (1.0, 5000.0)])
    assert left.seconds() == pytest.approx(150, abs=1)
    left.finished(10.0, 20.0)  # this run is faster, and what counts from now on
    assert left.seconds() == pytest.approx(90, abs=1)
    left.finished(10.0, 20.0)
    left.finished(10.0, 9000.0)
    assert left.seconds() == pytest.approx(70, abs=1)
    assert TimeLeft(100.0, 2).seconds() is None
    assert [duration(s) for s in (3, 600, 9000)] == ["3 s", "10 min", "2 h 30 min"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"folds": 1}, "--folds: '1' is not a whole number of at least 2"),
        ({"hidden": [16, 0]}, "--hidden: '0' is not a network"),
        ({"lr": -1}, "--lr: '-1' is not a number above 0"),
        ({"lr": "nan"}, "--lr: 'nan' is not a number above 0"),
        ({"momentum": 1.5}, "--momentum: '1.5' is not a number from 0 to 1"),
        ({"epochs": 0}, "--epochs: '0' is not a whole number of at least 1"),
        ({"jobs": 0}, "--jobs: '0' is not a whole number from 1 to"),
        ({"jobs": 2, "cluster": "here:8786"}, "--jobs is for this machine alone"),
        ({"hidden": ["8-"]}, "'8-' is not a network"),
        ({"samples": 301}, "--samples 301: there are 300 training images"),
        ({"batch_size": 200}, "--batch-size 200 is more than the 150 samples"),
        ({"folds": 200}, "--folds 200 is more than the"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_done(tmp_path, capsys, changes, said):
    folder = tmp_path / "none"
    try:
        status = sweep(folder, **changes)
    except SystemExit as end:
        status = end.code
    assert status == 2
    assert said in capsys.readouterr().err
    assert not folder.exists()


def test_no_matplotlib_is_said_before_anything_is_done(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    folder = tmp_path / "none"
    options = [word for word in words(folder) if word != "--no-report"]
    assert main.main(options) == 2
    assert "extra 'plot'" in capsys.readouterr().err
    assert not folder.exists()
    assert sweep(folder) == 0  # without a report it is not needed
    assert not (folder / "report.html").exists()


def test_the_default_batch_is_all_there_is_of_few_samples(tmp_path, capsys):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "few.npz", X=rng.normal(size=(60, 3)), y=np.arange(60) % 2)
    arguments = ["--hidden", "4", "--lr", "0.01", "--momentum", "0", "--epochs", "2", "--jobs", "1"]
    arguments += [
        "--data",
        str(tmp_path / "few.npz"),
        "--output",
        str(tmp_path / "out"),
        "--no-report",
    ]
    assert main.main(["sweep", *arguments]) == 0
    assert "less than 1" not in capsys.readouterr().err

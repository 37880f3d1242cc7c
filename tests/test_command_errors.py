"""Whatever is wrong with a command is said in words, by name, before the work."""

import subprocess
import sys
import warnings
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Perceptron

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.cli import main
from fastmlp.cli.errors import check_folder
from fastmlp.datasets import mnist

N = 40
RNG = np.random.default_rng(0)
X, Y = RNG.random((N, 4)), np.arange(N) % 2
TRAIN = ("train", "--hidden", "4", "--epochs", "1")
SWEEP = ("sweep", "--hidden", "4", "--lr", "0.1", "--momentum", "0", "--epochs", "1", "--no-report")


def write_tables(folder):
    table = pd.DataFrame({"a": X[:, 0], "b": ["x", "y"] * (N // 2), "y": ["no", "yes"] * (N // 2)})
    changes = {
        "ok": {},
        "one_class": {"y": "no"},
        "rare": {"y": ["maybe", *table["y"][1:]]},
        "infinite": {"a": np.inf},
        "too_large": {"a": 1e39},
    }
    for name, columns in changes.items():
        table.assign(**columns).to_csv(folder / f"{name}.csv", index=False)
    table[["y"]].to_csv(folder / "labels.csv", index=False)
    (folder / "empty.csv").write_text("")
    (folder / "ragged.csv").write_text("a,y\n1,2\n1,2,3,4\n")


def write_arrays(folder):
    for name, arrays in {
        "ok": {"X": X, "y": Y},
        "nan": {"X": np.where(X > 0.5, X, np.nan), "y": Y},
        "text": {"X": X.astype(str), "y": Y},
        "flat": {"X": X[:, 0], "y": Y},
        "single": {"X": X, "y": np.int64(1)},
        "no_samples": {"X": X[:0], "y": Y[:0]},
        "no_features": {"X": X[:, :0], "y": Y},
        "two_columns": {"X": X, "y": np.ones((N, 2))},
        "dates": {"X": X, "y": np.full(N, "2020-01-01", "M8[D]")},
        "mixed": {"X": X, "y": np.array([1, "a"] * (N // 2), object)},
        "widths": {"x_train": X, "y_train": Y, "x_test": X[:, :3], "y_test": Y},
        "new_class": {"x_train": X, "y_train": Y, "x_test": X, "y_test": Y + 1},
        "lone": {"x_train": X, "y_train": [0, 1, 0, 0, 0, *Y[5:]], "x_test": X, "y_test": Y},
        "nothing": {},
        "labels": {"y": Y},
    }.items():
        np.savez(folder / f"{name}.npz", **arrays)


def write_models(folder):
    network = MLPClassifier((4,), max_iter=1).fit(X, Y)
    for name, model in {
        "four": network,
        "untrained": MLPClassifier(),
        "regressor": MLPRegressor(hidden_layer_sizes=(4,), max_iter=1).fit(X, Y),
        "other": LogisticRegression().fit(RNG.random((N, 784)), Y),
        "no_probability": Perceptron().fit(X, Y),
        "dict": {"a": 1},
    }.items():
        joblib.dump(model, folder / f"{name}.joblib")
    (folder / "junk.joblib").write_bytes(b"junk")
    # A pickle of a class whose package is missing.
    (folder / "missing.joblib").write_bytes(b"cno_such_package\nModel\n.")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wrong")
    write_tables(folder)
    write_arrays(folder)
    write_models(folder)
    (folder / "folder").mkdir()
    return folder


@pytest.fixture(autouse=True)
def there(folder, monkeypatch):
    monkeypatch.chdir(folder)


def refused(capsys, *arguments):
    """The one line of a command that is refused before it has done anything."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            status = main.main([*map(str, arguments)])
        except SystemExit as end:  # argparse's own
            status = end.code
    out, err = capsys.readouterr()
    assert (status, out, caught) == (2, "", [])
    *usage, line = err.splitlines()
    assert usage == [] or usage[0].startswith("usage: ")
    _, found, message = line.partition(": error: ")
    assert found
    assert "Errno" not in message
    return message


DATA = {
    "empty.csv": "empty.csv is empty",
    "labels.csv": "labels.csv has no column beside 'y'",
    "ragged.csv": "ragged.csv cannot be read as a table: Expected 2 fields in line 3, saw 4",
    "one_class.csv": "all labels of one_class.csv are no; a classifier needs two classes",
    "rare.csv": "class maybe of rare.csv has 1 sample only",
    "infinite.csv": "column 'a' of infinite.csv contains inf",
    "too_large.csv": "column 'a' of too_large.csv contains 1e+39, more than float32 holds",
    "nan.npz": "the samples of nan.npz contain NaN",
    "text.npz": "the samples of text.npz must be numbers, got an array of <U",
    "flat.npz": "the samples of flat.npz must be rows, got an array of shape (40,)",
    "single.npz": "single.npz: y must be an array, got the single value 1",
    "no_samples.npz": "no_samples.npz has no samples",
    "no_features.npz": "the samples of no_features.npz are empty: an array of shape (40, 0)",
    "two_columns.npz": "the labels of two_columns.npz must be a column, got an array of shape (40, 2)",
    "dates.npz": "the labels of dates.npz are of type datetime64[D], and no classes",
    "mixed.npz": "mixed.npz is not a valid .npz file: an array holds Python objects",
    "widths.npz": "widths.npz: the samples to train on have 4 features, those to test with 3",
    "new_class.npz": "new_class.npz: class 2 is in the samples to test with, but not in those to",
    "nothing.npz": "nothing.npz holds no arrays",
    "labels.npz": "labels.npz holds no array of samples (X)",
    "folder": "--data: the folder 'folder' holds neither mnist.npz nor MNIST's four IDX files",
    "nowhere": "--data: there is no 'nowhere'",
}


@pytest.mark.parametrize("command", [TRAIN, SWEEP], ids=lambda words: words[0])
@pytest.mark.parametrize(("data", "message"), DATA.items(), ids=DATA)
def test_data(command, data, message, capsys):
    target = ["--target", "y"] if data.endswith("csv") else []
    assert message in refused(capsys, *command, "--data", data, *target)


@pytest.mark.parametrize(
    ("share", "message"),
    [("0.01", "leaves 1 of the 40 samples of ok.npz to test with"), ("0.99", "leaves 0 of the 40")],
)
def test_a_share_that_leaves_too_few(share, message, capsys):
    assert message in refused(capsys, *TRAIN, "--data", "ok.npz", "--test-size", share)


@pytest.mark.parametrize(
    ("option", "file", "message"),
    [
        ("--save", "folder", "--save: 'folder' is a folder; a file is needed"),
        ("--save", "no/such/m", "--save: there is no folder 'no/such' to write m"),
        ("--save", "ok.npz/m", "--save: there is no folder 'ok.npz' to write m"),
        ("--save", "/dev/null", "--save: '/dev/null' is no file that can be replaced"),
        ("--plot", "folder", "--plot: 'folder' is a folder; a file is needed"),
        (
            "--plot",
            "curves",
            "curves: no picture without an ending can be written, but .",
        ),
        ("--plot", "c.xyz", "c.xyz: no picture of the format '.xyz' can be written"),
    ],
)
def test_files_to_write_before_the_training(option, file, message, capsys):
    assert message in refused(capsys, *TRAIN, "--data", "ok.npz", option, file)


def test_a_folder_that_takes_no_files():
    with pytest.raises(OSError, match=r"^--save: nothing can be written in '/proc': .*[a-z]$"):
        check_folder("--save", Path("/proc"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--output", "ok.npz"], "ok.npz' is a file; a folder is needed"),
        (["--output", "ok.npz/sweep"], "ok.npz' is a file; a folder is needed"),
        (["--batch-size", "127"], "--batch-size 127 is more than the 21 samples that a fold has to train on"),
        (["--folds", "50"], "--folds 50 is more than the 16 samples of the largest class"),
        (["--samples", "50"], "--samples 50: there are 32 training rows"),
        (["--samples", "5", "--folds", "2"], "class 1 has 1 sample to train on"),
        (["--cluster", "no address"], "argument --cluster: 'no address' is not the address of a"),
        (["--jobs", "5000"], "argument --jobs: '5000' is not a whole number from 1 to 1024"),
    ],
)  # fmt: skip
def test_sweeps(options, message, capsys, folder):
    data = "lone.npz" if message.startswith("class") else "ok.npz"
    assert message in refused(capsys, *SWEEP, "--data", data, *options)
    assert not (folder / "sweep").exists()


MODELS = {
    "four.joblib": "was trained on 4 features, not on the 784 pixels",
    "untrained.joblib": "holds a classifier, MLPClassifier, that is not trained",
    "regressor.joblib": "holds no trained classifier but another estimator, MLPRegressor",
    "no_probability.joblib": "holds a classifier without probabilities, Perceptron",
    "dict.joblib": "holds no trained classifier but an object of type dict",
    "junk.joblib": "is not a valid model file, such as `train --save` writes (",
    "missing.joblib": "needs the package 'no_such_package', which is not installed",
    "folder": "'folder' is a folder",
    "nowhere.joblib": "there is no file 'nowhere.joblib'",
}


@pytest.mark.parametrize(("model", "message"), MODELS.items(), ids=MODELS)
def test_models(model, message, capsys):
    said = refused(capsys, "predict", "digit.png", "--model", model)
    assert message in said
    assert model in said


@pytest.mark.parametrize(
    ("model", "output", "message"),
    [
        (
            "other",
            "page.html",
            "other.joblib holds a LogisticRegression; draw needs an MLPClassifier",
        ),
        ("four", "page.html", "draw needs a classifier of 28 × 28 pixels"),
        ("regressor", "page.html", "no trained classifier"),
        ("other", "folder", "--output: 'folder' is a folder; a file is needed"),
        ("other", "no/page.html", "--output: there is no folder 'no' to write page.html"),
    ],
)
def test_pages_to_draw_on(model, output, message, capsys):
    arguments = ("draw", "--model", f"{model}.joblib", "--output", output)
    assert message in refused(capsys, *arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "there is nothing to predict: name pictures, or a table with --data"),
        (["a.png", "--data", "ok.npz"], "--data ok.npz: pictures or --data can be given, but not"),
        (["a.png", "--target", "y"], "--target names a column of --data, and there is no --data"),
        (["--data", "ok.npz", "--target", "z"], "--target: ok.npz has no array 'z'"),
        (["--data", "two_columns.npz", "--target", "y"], "must be a column, got an array of shape"),
        (["--data", "no_samples.npz"], "the samples of no_samples.npz are empty"),
        (["--data", "nan.npz"], "the samples of nan.npz contain NaN"),
        (["--data", "nothing.npz"], "nothing.npz holds no array of samples (X)"),
        (["--data", "folder"], "'folder' is a folder; a file is needed"),
    ],
)
def test_predictions(options, message, capsys):
    assert message in refused(capsys, "predict", "--model", "four.joblib", *options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--lr", "fast"], "argument --lr: 'fast' is not a number above 0"),
        (["--lr", "nan"], "argument --lr: 'nan' is not a number above 0"),
        (["--dropout", "half"], "argument --dropout: 'half' is not a number of at least 0 and below 1"),
        (["--epochs", "1e3"], "argument --epochs: '1e3' is not a whole number of at least 1"),
        (["--hidden", "4.5"], "argument --hidden: '4.5' is not a network: units of hidden layers"),
        (["--hidden", "4-0"], "argument --hidden: '4-0' is not a network: units of hidden layers"),
        (["--seed", "-1"], "argument --seed: '-1' is not a whole number from 0 to 4294967295"),
        (["--threads", "100000"], "argument --threads: '100000' is not a whole number from 1 to 1024"),
        (["--test-size", "2"], "argument --test-size: '2' is not a number between 0 and 1"),
        (["--momentum", "x"], "argument --momentum: 'x' is not a number from 0 to 1"),
        (["--weight-decay", "-1"], "argument --weight-decay: '-1' is not a number of at least 0"),
    ],
)  # fmt: skip
def test_values_of_options(options, message, capsys):
    assert message in refused(capsys, "train", *options)


def test_a_folder_with_mnist_is_read(folder, monkeypatch, capsys):
    place = folder / "digits"
    place.mkdir(exist_ok=True)
    (place / "mnist.npz").write_bytes(b"not it")
    assert mnist.is_there(place)
    assert "mnist.npz is not a valid .npz file" in refused(capsys, *TRAIN, "--data", place)


def test_a_network_that_memory_does_not_hold(capsys):
    arguments = ("train", "--hidden", "99999999999", "--epochs", "1", "--data", "ok.npz")
    assert main.main(arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"{main.program()}: error: there is not enough memory: ")
    assert len(err.splitlines()) == 1


@pytest.mark.slow
def test_warnings_are_a_line_without_code():
    command = [sys.executable, "-m", "fastmlp", *TRAIN, "--batch-size", "999", "--data", "ok.npz"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stderr.startswith("python -m fastmlp: warning: Got `batch_size` less than 1")
    assert len(run.stderr.splitlines()) == 1
    command[1:1] = ["-W", "error"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert run.stderr.startswith("python -m fastmlp: error: Got `batch_size` less than 1")
    assert len(run.stderr.splitlines()) == 1


def test_a_model_is_saved_whole_and_packed_as_its_ending_says(folder, capsys):
    for name, start in (("m.joblib", b"\x80"), ("m.joblib.gz", b"\x1f\x8b"), ("m.xz", b"\xfd7zXZ")):
        assert main.main([*TRAIN, "--data", "ok.npz", "--save", name]) == 0
        assert (folder / name).read_bytes().startswith(start)
        assert joblib.load(name).n_features_in_ == 4
    assert not list(folder.glob("*.part"))

"""The command's output where the stream takes less than all of it."""

import os
import signal
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest

from fastmlp import MLPClassifier

RNG = np.random.default_rng(0)
COMMAND = [sys.executable, "-m", "fastmlp"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model of labels that few encodings have, and a table to predict for."""
    folder = tmp_path_factory.mktemp("streams")
    X = pd.DataFrame(RNG.normal(size=(3000, 2)), columns=["a", "b"])
    y = np.array(["é", "猫"])[(X["a"] > 0).astype(int)]
    model = MLPClassifier((4,), max_iter=2, random_state=0).fit(X, y)
    joblib.dump(model, folder / "m.joblib")
    X.to_csv(folder / "t.csv", index=False)
    X.assign(y=(X["a"] > 0).astype(int)).to_csv(folder / "labelled.csv", index=False)
    return folder


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize(
    "options", [["sweep", "--help"], ["predict", "--data", "t.csv", "--model", "m.joblib"]]
)
def test_any_encoding(folder, encoding, options):
    done = subprocess.run(
        [*COMMAND, *options], cwd=folder, capture_output=True, encoding=encoding,
        env=os.environ | {"PYTHONIOENCODING": encoding},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr
    if options[0] == "predict":
        assert ("猫" if encoding == "utf-8" else "\\u732b") in done.stdout


PREDICT = ["predict", "--data", "t.csv", "--model", "m.joblib"]
needs_pipes = pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="no such pipes here")


def begin(folder, *options, **streams):
    return subprocess.Popen([*COMMAND, *options], cwd=folder, text=True, **streams)


@needs_pipes
@pytest.mark.parametrize("n_lines", [0, 1])
def test_a_reader_that_has_read_enough(folder, n_lines):
    process = begin(folder, *PREDICT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for _ in range(n_lines):
        assert process.stdout.readline()
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 141
    assert said == ""


@needs_pipes
def test_a_model_is_saved_whoever_reads(folder):
    options = ["--data", "labelled.csv", "--target", "y", "--epochs", "20", "--save", "kept.joblib"]
    process = begin(folder, "train", *options, stdout=subprocess.PIPE)
    assert process.stdout.readline()
    process.stdout.close()
    assert process.wait(60) == 0
    assert joblib.load(folder / "kept.joblib")[-1].n_iter_ == 20


@needs_pipes
def test_without_a_reader_of_errors(folder):
    process = begin(folder, *PREDICT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stderr.close()
    with process.stdout as lines:
        assert len(list(lines)) == 3001
    assert process.wait(60) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such shell")
@pytest.mark.parametrize(
    "options",
    [PREDICT, ["train", "--data", "labelled.csv", "--target", "y", "--epochs", "3"], ["--help"]],
)
def test_without_any_output(folder, options):
    command = f"{sys.executable} -m fastmlp {' '.join(options)} >&- 2>&-"
    assert subprocess.run(["sh", "-c", command], cwd=folder).returncode == 0

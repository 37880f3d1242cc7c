"""Tables and arrays as people have them: gaps, odd columns, odd labels. They train, or are refused in words."""

import datetime

import joblib
import numpy as np
import pandas as pd
import pytest

from fastmlp.cli import main

N = 60
RNG = np.random.default_rng(0)
NUMBERS, TWO = RNG.normal(size=N), np.arange(N) % 2
SHORT = ["--epochs", "1", "--hidden", "4"]


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run the command in a folder of its own; return its status, output and last line of errors."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments):
        status = main.main([*map(str, arguments)])
        told = capsys.readouterr()
        return status, told.out, (told.err.strip().splitlines() or [""])[-1]

    return command


def test_columns_that_are_mostly_zero_once_they_are_numbers(run):
    pd.DataFrame({"city": np.arange(N) % 10, "y": TWO}).astype(str).add("x").to_csv(
        "a.csv", index=False
    )
    status, out, _ = run("train", "--data", "a.csv", "--target", "y", *SHORT)
    assert status == 0
    assert "48 rows to train on, 12 to test with" in out


@pytest.mark.parametrize(
    "new", ["c\n12\n", "c,d\n,1\n", "c\nother\n"], ids=["number", "gap", "unseen"]
)
def test_a_column_of_text_is_text_whatever_a_file_holds(run, tmp_path, new):
    table = pd.DataFrame({"c": np.where(TWO, "12", "A1"), "y": TWO})
    table.to_csv("a.csv", index=False)
    run("train", "--data", "a.csv", "--target", "y", "--epochs", 60, "--lr", 0.05, "--save", "m")
    (tmp_path / "new.csv").write_text(new)
    status, out, _ = run("predict", "--data", "new.csv", "--model", "m")
    assert status == 0
    if "12" in new:
        assert out.splitlines()[1].split()[1] == "1"  # the class of all rows with that text


def test_a_table_of_numbers_alone(run):
    pd.DataFrame({"a": NUMBERS, "b": TWO, "y": TWO}).to_csv("a.csv", index=False)
    run("train", "--data", "a.csv", "--target", "y", *SHORT, "--save", "m")
    assert run("predict", "--data", "a.csv", "--target", "y", "--model", "m")[0] == 0


def test_a_long_file_is_read_as_a_short_one(run):
    mixed = np.arange(300_000).astype(object) % 9
    mixed[-1000:] = "zz"
    table = pd.DataFrame({"m": mixed, "y": np.arange(len(mixed)) % 2})
    table.to_csv("long.csv", index=False)
    assert run("train", "--data", "long.csv", "--target", "y", *SHORT)[0] == 0


def test_a_delimiter_at_the_end_shifts_no_column(run, tmp_path):
    lines = [f"{a:.3f},{b},{100 + c}," for a, b, c in zip(NUMBERS, TWO, TWO, strict=True)]
    (tmp_path / "a.csv").write_text("\n".join(["a,b,y", *lines]))
    run("train", "--data", "a.csv", "--target", "y", *SHORT, "--save", "m")
    assert joblib.load("m").classes_.tolist() == [100, 101]


def test_rows_may_have_names(run, tmp_path):
    """As R writes them: a field more in the rows than in the first line."""
    lines = [f"row{i},{a:.3f},{100 + c}" for i, (a, c) in enumerate(zip(NUMBERS, TWO, strict=True))]
    (tmp_path / "a.csv").write_text("\n".join(["a,y", *lines]))
    run("train", "--data", "a.csv", "--target", "y", *SHORT, "--save", "m")
    model = joblib.load("m")
    assert model.classes_.tolist() == [100, 101]
    assert model.feature_names_in_.tolist() == ["a"]


def test_bytes_are_labels(run):
    np.savez("a.npz", X=NUMBERS[:, None], y=np.where(TWO, "b", "a").astype("S1"))
    run("train", "--data", "a.npz", *SHORT, "--save", "m")
    assert joblib.load("m").classes_.tolist() == ["a", "b"]
    assert "of 60 rows are right" in run("predict", "--data", "a.npz", "--model", "m")[1]


def test_a_test_part_of_one_class(run):
    X = RNG.random((N, 3))
    np.savez("a.npz", x_train=X, y_train=TWO, x_test=X[:4], y_test=np.ones(4, int))
    assert run("train", "--data", "a.npz", *SHORT)[0] == 0
    np.savez("a.npz", x_train=X, y_train=np.sort(TWO), x_test=X[:4], y_test=TWO[:4])
    status, _, error = run("sweep", "--data", "a.npz", "--samples", 30, "--output", "s")
    assert status == 2
    assert "--samples 30: class 1 is not in the first 30 rows" in error


def test_labels_that_nobody_asked_for(run):
    np.savez("a.npz", X=NUMBERS[:, None], y=TWO)
    run("train", "--data", "a.npz", *SHORT, "--save", "m")
    np.savez("new.npz", X=NUMBERS[:, None], y=np.zeros((N, 3)))
    assert run("predict", "--data", "new.npz", "--model", "m")[0] == 0


@pytest.mark.parametrize(
    ("column", "y", "said"),
    [
        (NUMBERS, pd.array([None, *"ab" * 29, "a"], dtype="string"), "1 of the 60 labels of a.parquet are missing"),
        ([datetime.date(2020, 1, 1)] * N, TWO, "column 'a' of a.parquet holds dates"),
        ([[1, 2]] * N, TWO, "column 'a' of a.parquet holds neither numbers nor text"),
        (NUMBERS, (TWO + 1) * 1e20, "the labels of a.parquet are numbers such as 1e+20, and no classes"),
    ],
    ids=["missing", "dates", "lists", "large"],
)  # fmt: skip
def test_what_is_refused(run, column, y, said):
    pd.DataFrame({"a": column, "y": y}).to_parquet("a.parquet")
    status, _, error = run("train", "--data", "a.parquet", "--target", "y", *SHORT)
    assert status == 2
    assert said in error


def test_two_columns_of_one_name(run, tmp_path):
    (tmp_path / "a.csv").write_text("a,y,y\n" + "0.5,1,1\n0.1,0,0\n" * 20)
    assert "a.csv has the column 'y' twice" in run("train", "--data", "a.csv", "--target", "y")[2]


def test_a_file_that_names_no_package(run, tmp_path):
    (tmp_path / "model").write_text("import numpy as np, pandas as pd\n")
    np.savez("a.npz", X=NUMBERS[:, None])
    assert (
        "model is not a valid model file"
        in run("predict", "--data", "a.npz", "--model", "model")[2]
    )


def test_layers_that_no_machine_has(run):
    np.savez("a.npz", X=NUMBERS[:, None], y=TWO)
    status, _, error = run("train", "--data", "a.npz", "--hidden", "9" * 30)
    assert status == 2
    assert "hidden_layer_sizes are too large" in error


@pytest.mark.slow
def test_classes_with_dollar_signs_and_settings_that_all_fail(run, tmp_path):
    y = np.where(TWO, "$10k-$20k", "$_$")
    pd.DataFrame({"a": NUMBERS, "b": TWO, "y": y}).to_csv("a.csv", index=False)
    how = ["--data", "a.csv", "--target", "y", "--hidden", 4, "--momentum", 0, "--epochs", 2, "--folds", 2,
           "--batch-size", 8, "--output", "s"]  # fmt: skip
    assert run("sweep", *how, "--lr", 0.01)[0] == 0
    assert (tmp_path / "s" / "model.joblib").exists()
    assert run("sweep", *how, "--lr", 1e30)[0] == 1
    assert not (tmp_path / "s" / "model.joblib").exists()

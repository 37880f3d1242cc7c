"""Any npz, CSV or Parquet file in ``train``, ``sweep`` and ``predict``."""

import re

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris, load_wine

from fastmlp.cli import main
from fastmlp.datasets.samples import Samples, prepared, rows
from fastmlp.datasets.tables import load_samples, read_features

IRIS, WINE = load_iris(), load_wine()
NETWORK = ["--hidden", "16-8", "--epochs", "30", "--batch-size", "16", "--lr", "0.01"]


def iris_table():
    """Iris with a column of text, gaps, and a column that is of no use."""
    table = pd.DataFrame(
        IRIS.data, columns=["sepal length", "sepal width", "petal length", "petal width"]
    )
    table.insert(2, "wide", np.where(table["sepal width"] > 3, "yes", "no"))
    table.loc[::17, "petal width"] = np.nan
    table["species"] = IRIS.target_names[IRIS.target]
    return table


@pytest.fixture
def files(tmp_path):
    """The same table in every format, and arrays."""
    table = iris_table()
    table.to_csv(tmp_path / "iris.csv", index=False)
    table.to_csv(tmp_path / "iris.csv.gz", index=False)
    table.to_csv(tmp_path / "iris.tsv", index=False, sep="\t")
    table.to_parquet(tmp_path / "iris.parquet")
    np.savez(tmp_path / "wine.npz", X=WINE.data, y=WINE.target, other=np.zeros(3))
    return tmp_path


def command(capsys, *arguments):
    status = main.main([*map(str, arguments)])
    return status, *capsys.readouterr()


@pytest.mark.parametrize("name", ["iris.csv", "iris.csv.gz", "iris.tsv", "iris.parquet"])
def test_a_table_is_learnt_and_its_model_predicts_tables(files, name, capsys):
    model = files / "model.joblib"
    status, out, _ = command(capsys, "train", "--data", files / name, "--target", "species", *NETWORK,
                             "--save", model)  # fmt: skip
    assert status == 0
    assert f"{name}: 120 rows to train on, 30 to test with" in out
    assert "network 6-16-8-3" in out  # four numbers, and two values of "wide"
    assert float(re.search(r"test accuracy (\S+)", out)[1]) > 0.85

    table = iris_table()
    labels = joblib.load(model).predict(table.drop(columns="species"))
    right = np.mean(labels == table["species"])
    shuffled = table[sorted(table.columns, reverse=True)]  # columns are found by their names
    shuffled.to_csv(files / "new.csv", index=False)
    arguments = ("predict", "--data", files / "new.csv", "--model", model)
    status, out, _ = command(capsys, *arguments, "--target", "species")
    head, *lines, accuracy = out.splitlines()
    assert head.split() == ["row", "class", "setosa", "versicolor", "virginica"]
    assert [line.split()[1] for line in lines] == labels.tolist()
    assert accuracy.startswith(f"accuracy {right:.4f}: ")
    status, out, _ = command(capsys, *arguments, "--top", "1")
    assert len(out.splitlines()) == 151


def test_a_text_among_numbers_is_told_by_its_row(files, capsys):
    model, table = files / "model.joblib", iris_table()
    arguments = ("--data", files / "iris.csv", "--target", "species")
    assert command(capsys, "train", *arguments, *NETWORK, "--save", model)[0] == 0
    table = table.astype({"petal length": object})
    table.loc[6, "petal length"] = "oops"
    table.to_csv(files / "odd.csv", index=False)
    status, _, err = command(capsys, "predict", "--data", files / "odd.csv", "--model", model)
    assert status == 2
    assert "column 'petal length' of" in err
    assert "must hold numbers" in err
    assert "row 7 has 'oops'" in err

    many = pd.DataFrame({"a": np.linspace(0, 1, 300).astype(object), "y": np.arange(300) % 2})
    many.loc[4, "a"] = "oops"
    many.to_csv(files / "many.csv", index=False)
    status, _, err = command(
        capsys, "train", "--data", files / "many.csv", "--target", "y", *NETWORK
    )
    assert status == 2
    assert "column 'a' of" in err
    assert "holds numbers, but also 'oops'" in err


def test_formats_hold_the_same(files):
    one, *others = (
        load_samples(files / f"iris.{kind}", "species")
        for kind in ("csv", "csv.gz", "tsv", "parquet")
    )
    for other in others:
        assert (one.digest, one.test_digest) == (other.digest, other.test_digest)
    assert one.digest != one.test_digest
    changed = one.X.copy()
    changed.iloc[3, 2] = "maybe"
    assert Samples("", changed, one.y, one.X_test, one.y_test).digest != one.digest


def test_parts_have_every_class_and_go_by_the_seed(files):
    same, other = (load_samples(files / "iris.csv", "species", seed=seed) for seed in (0, 1))
    assert {tuple(np.unique(s.y_test, return_counts=True)[1]) for s in (same, other)} == {
        (10, 10, 10)
    }
    assert same.digest == load_samples(files / "iris.csv", "species").digest != other.digest
    assert len(load_samples(files / "iris.csv", "species", test_size=0.5).X_test) == 75


def test_what_is_prepared_knows_of_the_training_samples_alone(files):
    data = load_samples(files / "iris.csv", "species")
    fitted, X, X_test = prepared(data.prepare, rows(data.X, np.arange(50)), data.X_test)
    numbers = X[:, :4]
    np.testing.assert_allclose(numbers.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(numbers.std(axis=0), 1, atol=1e-9)
    assert abs(X_test[:, :4].mean(axis=0)).max() > 0.01
    assert not hasattr(data.prepare, "transformers_")
    assert np.isfinite(X).all()  # gaps are filled
    assert set(np.unique(X[:, 4:])) == {0.0, 1.0}
    assert fitted is not data.prepare


def test_arrays(files, capsys):
    status, out, _ = command(capsys, "train", "--data", files / "wine.npz", *NETWORK,
                             "--save", files / "model.joblib")  # fmt: skip
    assert status == 0
    assert "wine.npz: 142 rows to train on, 36 to test with" in out
    assert float(re.search(r"test accuracy (\S+)", out)[1]) > 0.85
    status, out, _ = command(capsys, "predict", "--data", files / "wine.npz",
                             "--model", files / "model.joblib", "--target", "y")  # fmt: skip
    assert float(re.search(r"accuracy (\S+):", out)[1]) > 0.9


def test_arrays_under_kerass_names_are_images(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (30, 6, 6), np.uint8), np.arange(30) % 3
    np.savez(tmp_path / "k.npz", x_train=X[:20], y_train=y[:20, None], x_test=X[20:], y_test=y[20:])
    data = load_samples(tmp_path / "k.npz")
    assert (len(data.X), len(data.X_test), data.side, data.what) == (20, 10, 6, "images")
    assert data.prepare is None
    assert data.X.dtype == np.float32
    np.testing.assert_array_equal(data.X, X[:20].reshape(20, 36) / np.float32(255))
    np.testing.assert_array_equal(data.y, y[:20])
    np.savez(tmp_path / "l.npz", images=X, digit=y)
    data = load_samples(tmp_path / "l.npz", "digit")
    assert (len(data.X), len(data.X_test), data.side) == (24, 6, 6)
    features, labels = read_features(tmp_path / "l.npz", "digit")
    np.testing.assert_array_equal(labels, y)
    assert features.shape == (30, 36)


@pytest.mark.slow
def test_a_sweep_of_a_table(files, capsys):
    status, out, _ = command(
        capsys, "sweep", "--data", files / "iris.parquet", "--target", "species", "--hidden", "8", "8-4",
        "--lr", "0.01", "--momentum", "0.9", "--epochs", "20", "--batch-size", "16", "--jobs", "1",
        "--output", files / "sweep",
    )  # fmt: skip
    assert status == 0
    assert "iris.parquet, 120 rows: 2 settings × 3 folds" in out
    assert "trained on all 120 training rows" in out
    table = pd.read_csv(files / "sweep" / "results.csv")
    assert set(table["hidden"]) == {"8", "8-4"}
    assert table["mean_val_accuracy"].max() > 0.85
    page = (files / "sweep" / "report.html").read_text()
    assert 'id="confusion"' in page
    assert 'id="mistakes"' not in page  # rows are no images
    assert "test rows are misclassified" in page
    model = joblib.load(files / "sweep" / "model.joblib")
    assert model.score(iris_table().drop(columns="species"), iris_table()["species"]) > 0.85
    command(capsys, "sweep", "--data", files / "iris.parquet", "--target", "species", "--hidden", "8",
            "--lr", "0.01", "--momentum", "0.9", "--epochs", "20", "--batch-size", "16", "--jobs", "1",
            "--output", files / "sweep", "--no-report")  # fmt: skip
    assert len(list((files / "sweep" / "fits").glob("*.json"))) in (7, 8)  # nothing is done twice


def test_what_is_wrong_with_a_file_is_said_by_name(files, capsys):
    def error(*arguments):
        status, _, err = command(capsys, "train", "--epochs", "1", *arguments)
        assert status == 2
        assert "Traceback" not in err
        return err

    iris, bad = files / "iris.csv", files / "bad.csv"
    assert "which column of" in error("--data", iris)
    assert "species" in error("--data", iris)
    assert "has no column 'kind'" in error("--data", iris, "--target", "kind")
    assert "are numbers such as" in error("--data", iris, "--target", "sepal length")
    assert "has no labels (y), but" in error("--data", _npz(files, a=np.zeros((3, 2))))
    assert "has no array 'z'" in error("--data", files / "wine.npz", "--target", "z")
    assert "must be called X" in error(
        "--data", _npz(files, a=np.zeros((3, 2)), b=np.zeros((3, 2)), y=np.arange(3))
    )
    assert "3 samples, but 4 labels" in error(
        "--data", _npz(files, X=np.zeros((3, 2)), y=np.zeros(4))
    )
    for said, a, b in (
        ("2 of the 4 labels", range(4), ["x", None, "y", None]),
        ("160 different values in 160 rows", [f"v{k}" for k in range(200)], [0, 1] * 100),
        ("class 1 of", range(4), [0, 0, 0, 1]),
    ):
        pd.DataFrame({"a": a, "b": b}).to_csv(bad, index=False)
        assert said in error("--data", bad, "--target", "b")
    bad.write_text('a,b\n1,2\n"open')
    assert "bad.csv cannot be read as a table" in error("--data", bad, "--target", "b")
    bad.write_text("a,b\n")
    assert "has no rows" in error("--data", bad, "--target", "b")
    (files / "bad.parquet").write_bytes(b"PAR1 and no more")
    assert "bad.parquet cannot be read" in error("--data", files / "bad.parquet", "--target", "b")
    (files / "bad.npz").write_bytes(b"PK and no more")
    assert "bad.npz is not a valid .npz file" in error("--data", files / "bad.npz")
    (files / "a.txt").write_text("")
    assert "is not of a format" in error("--data", files / "a.txt", "--target", "b")
    assert "the labels of mnist are known" in error("--target", "b")


def _npz(folder, **arrays):
    np.savez(folder / "some.npz", **arrays)
    return folder / "some.npz"


def test_a_model_and_a_file_that_do_not_fit_are_said(files, capsys):
    model = files / "model.joblib"
    command(
        capsys,
        "train",
        "--data",
        files / "iris.csv",
        "--target",
        "species",
        *NETWORK,
        "--save",
        model,
    )

    def error(*arguments):
        status, out, err = command(capsys, "predict", "--model", model, *arguments)
        assert (status, out) == (2, "")
        return err

    iris_table().drop(columns=["wide", "petal width"]).to_csv(files / "less.csv", index=False)
    assert "lacks 2 columns that the model was trained on: 'wide', 'petal width'" in error(
        "--data", files / "less.csv"
    )
    assert "was trained on columns, not on arrays" in error("--data", files / "wine.npz")
    assert "has no column 'kind'" in error("--data", files / "iris.csv", "--target", "kind")
    assert "not on the 784 pixels" in error("digit.png")
    assert "pictures or --data can be given" in error("digit.png", "--data", files / "iris.csv")
    assert "nothing to predict" in error()
    assert "there is no --data" in error("digit.png", "--target", "species")
    assert "there is no file" in error("--data", files / "nowhere.csv")
    command(capsys, "train", "--data", files / "wine.npz", *NETWORK, "--save", model)
    assert "was trained on arrays, not on columns" in error("--data", files / "iris.csv")
    assert "have 2 features" in error("--data", _npz(files, X=np.zeros((3, 2))))


def test_without_pandas_the_extra_is_named(files, capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    status, _, err = command(capsys, "train", "--data", files / "iris.csv", "--target", "species")
    assert status == 2
    assert "extra 'tables'" in err

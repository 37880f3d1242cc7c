"""``python -m fastmlp``: the help, and ``train`` from the data to a saved model and a picture."""

import argparse
import errno
import io
import os
import re
import shlex
import subprocess
import sys
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
import sklearn.datasets

from fastmlp import MLPClassifier, datasets
from fastmlp.cli import main
from fastmlp.cli.errors import in_words
from fastmlp.cli.options import command_line
from fastmlp.cli.predict import is_same
from fastmlp.cli.sweep import add_sweep
from fastmlp.datasets import load_mnist
from fastmlp.datasets.tables import is_missing
from fastmlp.plots import learning_curves

ROOT = Path(__file__).resolve().parents[1]
SMALL = ["train", "--hidden", "16", "--epochs", "2", "--lr", "0.01"]


@pytest.fixture(autouse=True)
def the_checkouts_data(monkeypatch):
    monkeypatch.setenv("FASTMLP_DATA", str(ROOT / "data"))


def test_the_command_alone_shows_the_help():
    run = subprocess.run(
        [sys.executable, "-m", "fastmlp"], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert "usage: python -m fastmlp" in run.stdout
    assert "train" in run.stdout


def test_help_needs_nothing_heavy():
    code = "import sys, fastmlp.cli.main; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.slow
def test_a_small_table_is_trained_for_as_long_as_the_estimator_trains(tmp_path, capsys):
    frame = sklearn.datasets.load_iris(as_frame=True).frame
    frame.to_csv(tmp_path / "iris.csv", index=False)
    options = ["--data", str(tmp_path / "iris.csv"), "--target", "target", "--hidden", "64-32"]
    assert main.main(["train", *options]) == 0
    out = capsys.readouterr().out
    assert "network 4-64-32-3, up to 1500 epochs in batches of 120" in out
    assert "283 updates" in out
    assert float(re.search(r"test accuracy (\S+)", out).group(1)) > 0.9
    assert main.main(["train", *options, "--epochs", "3"]) == 0
    assert "3 epochs in batches" in capsys.readouterr().out


def test_train_help_names_every_option(capsys):
    with pytest.raises(SystemExit) as end:
        main.main(["train", "--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    for option in ("hidden", "lr", "momentum", "epochs", "batch-size", "seed", "threads", "data",
                   "target", "test-size", "save", "plot"):  # fmt: skip
        assert f"--{option} " in shown


@pytest.mark.slow
def test_train_tells_saves_and_plots(tmp_path, capsys):
    model_file, picture = tmp_path / "model.joblib", tmp_path / "curves.png"
    assert main.main([*SMALL, "--save", str(model_file), "--plot", str(picture)]) == 0
    out = capsys.readouterr().out
    loss, accuracy = map(float, re.search(r"test loss (\S+), test accuracy (\S+)", out).groups())
    assert accuracy > 0.9
    assert re.search(r"^938 updates in [\d.]+ s, [\d,]+ samples/s$", out, flags=re.MULTILINE)
    assert "network 784-16-10" in out

    model = joblib.load(model_file)
    _, (X_test, y_test) = load_mnist()
    assert f"{model.score(X_test, y_test):.4f}" == f"{accuracy:.4f}"
    assert f"{model.evaluate(X_test, y_test)['loss']:.4f}" == f"{loss:.4f}"
    assert f"{model.history_['val_accuracy'][-1]:.4f}" == f"{accuracy:.4f}"
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.slow
def test_progress_is_a_line_per_epoch_without_a_terminal(capsys):
    main.main(SMALL)
    captured = capsys.readouterr()
    epochs = [line for line in captured.out.splitlines() if line.startswith("Iteration ")]
    assert len(epochs) == 2
    for line in epochs:
        assert re.search(r"loss = 0\.\d+, accuracy = 0\.\d+, [\d,]+ samples/s", line)
    assert captured.err == ""


@pytest.mark.slow
@pytest.mark.parametrize("hidden", [["12", "8"], ["12-8"]])
def test_options_reach_the_model(tmp_path, hidden):
    file = tmp_path / "model.joblib"
    main.main(
        ["train", "--hidden", *hidden, "--lr", "0.003", "--momentum", "0.5", "--epochs", "1",
         "--batch-size", "7000", "--seed", "3", "--threads", "1", "--save", str(file)]
    )  # fmt: skip
    parameters = joblib.load(file).get_params()
    expected = {
        "hidden_layer_sizes": (12, 8), "learning_rate_init": 0.003, "momentum": 0.5, "max_iter": 1,
        "batch_size": 7000, "random_state": 3, "n_threads": 1, "solver": "rmsprop",
    }  # fmt: skip
    assert {name: parameters[name] for name in expected} == expected


@pytest.mark.slow
def test_the_last_shorter_batch_is_counted(capsys):
    main.main([*SMALL, "--batch-size", "7000"])
    assert re.search(r"^18 updates", capsys.readouterr().out, flags=re.MULTILINE)


@pytest.mark.slow
def test_a_seed_is_a_run(tmp_path):
    coefs = []
    for seed, threads in ((0, 1), (0, 2), (1, 1)):
        file = tmp_path / f"{seed}{threads}"
        main.main([*SMALL, "--seed", str(seed), "--threads", str(threads), "--save", str(file)])
        coefs.append(joblib.load(file).coefs_[0])
    np.testing.assert_array_equal(coefs[0], coefs[1])
    assert not np.array_equal(coefs[0], coefs[2])


def test_data_by_name_and_by_path(monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("FASTMLP_DATA")
    asked = []

    def remember(name):
        def load(path=None):
            asked.append((name, path))
            raise FileNotFoundError("far away")

        return load

    for name in ("load_mnist", "load_fashion_mnist"):
        monkeypatch.setattr(datasets, name, remember(name))
    (tmp_path / "mnist.npz").touch()
    for data in ([], ["--data", "mnist"], ["--data", "fashion-mnist"], ["--data", str(tmp_path)]):
        assert main.main(["train", *data]) == 2
    assert asked == [
        ("load_mnist", None),
        ("load_mnist", None),
        ("load_fashion_mnist", None),
        ("load_mnist", str(tmp_path)),
    ]
    assert "error: far away" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nowhere"], "there is no 'nowhere'"),
        (["--save", os.path.join("no", "such", "folder", "m")], "there is no folder"),
        (["--plot", os.path.join("no", "such", "folder", "p.png")], "there is no folder"),
    ],
)
def test_what_cannot_work_is_said_before_the_training(arguments, message, capsys, monkeypatch):
    monkeypatch.setattr("fastmlp.estimators.classifier.MLPClassifier", None)
    assert main.main(["train", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_plot_without_matplotlib_is_refused_before_the_training(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main.main(["train", "--plot", str(tmp_path / "p.png")]) == 2
    assert "pip install matplotlib" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--hidden", "0"], ["--hidden"], ["--hidden", "12-"], ["--hidden", "12-0"], ["--hidden", "a"],
        ["--test-size", "1"], ["--lr", "0"], ["--lr", "nan"], ["--momentum", "1.5"],
        ["--epochs", "-1"], ["--batch-size", "1.5"], ["--threads", "0"], ["--seed", "x"],
    ],
)  # fmt: skip
def test_values_that_make_no_sense_are_refused(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main.main(["train", *arguments])
    assert end.value.code == 2
    assert f"argument {arguments[0]}" in capsys.readouterr().err


@pytest.mark.parametrize(("error", "words"), [
    (FileNotFoundError(errno.ENOENT, "No such file or directory", "a.png"), "there is no file 'a.png'"),
    (PermissionError(errno.EACCES, "Permission denied", "a"), "'a' may not be opened: permission denied"),
    (IsADirectoryError(errno.EISDIR, "Is a directory", Path("a")), "'a' is a folder"),
    (OSError(errno.EIO, "Input/output error", "a"), "'a': input/output error"),
    (OSError("no more of it"), "no more of it"),
    (ValueError("[Errno 2] is mine"), "[Errno 2] is mine"),
])  # fmt: skip
def test_errors_are_words(error, words):
    assert in_words(error) == words


def test_a_command_line_has_every_option_and_reads_back():
    parser = argparse.ArgumentParser()
    add_sweep(parser.add_subparsers())
    options = parser.parse_args(
        [
            "sweep",
            "--hidden",
            "4",
            "8-4",
            "--lr",
            "1e-05",
            "0.123456789",
            "--data",
            "a b.csv",
            "--target",
            "c",
        ]
    )
    line = " ".join(command_line("sweep", options).replace("\\\n", "").split())
    assert line.startswith(
        "python -m fastmlp sweep --hidden 4 8-4 --lr 1e-05 0.123456789 --momentum 0 0.5 0.9"
    )
    assert "'a b.csv'" in line
    again = vars(parser.parse_args(shlex.split(line)[3:]))
    assert {name: list(v) if isinstance(v, tuple) else v for name, v in again.items()} == {
        name: list(v) if isinstance(v, tuple) else v for name, v in vars(options).items()
    }


def test_ctrl_c_before_the_training_is_no_traceback(monkeypatch, capsys):
    def interrupted(path=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(datasets, "load_mnist", interrupted)
    assert main.main(["train"]) == 130
    assert capsys.readouterr().err == "stopped\n"


@pytest.mark.parametrize("wrong", [{}, {"seconds": [1.0]}, {"loss": []}, 3, MLPClassifier()])
def test_learning_curves_of_nothing(wrong):
    error = ValueError if isinstance(wrong, dict) else TypeError
    with pytest.raises(error, match=r"learning_curves needs a fitted model's|nothing to draw"):
        learning_curves(wrong)


def test_learning_curves_of_arrays_and_of_a_title_with_dollars():
    figure = learning_curves({"loss": np.array([0.5, 0.2])}, title="a $_$ b")
    assert len(figure.axes[0].get_lines()) == 1
    assert figure.axes[1].get_legend() is None
    figure.savefig(io.BytesIO())


@pytest.mark.parametrize("validated", [False, True])
def test_learning_curves_show_what_the_history_has(validated):
    history = {"loss": [0.5, 0.2, 0.1], "accuracy": [0.8, 0.9, 0.95], "seconds": [1, 1, 1]}
    if validated:
        history |= {"val_loss": [0.6, 0.3, 0.3], "val_accuracy": [0.7, 0.8, 0.9]}
    figure = learning_curves(history, title="a title", validation="test")
    assert figure.get_suptitle() == "a title"
    for axes, quantity in zip(figure.axes, ("loss", "accuracy"), strict=True):
        lines = axes.get_lines()
        assert len(lines) == 1 + validated
        np.testing.assert_array_equal(lines[0].get_xdata(), [1, 2, 3])
        np.testing.assert_array_equal(lines[0].get_ydata(), history[quantity])
        if validated:
            np.testing.assert_array_equal(lines[1].get_ydata(), history[f"val_{quantity}"])
        names = [text.get_text() for text in axes.get_legend().get_texts()]
        assert [name.split(",")[0] for name in names] == ["training", "test"][: len(lines)]


def test_regularisation_options_reach_the_model(tmp_path):
    from fastmlp.cli import options
    from fastmlp.kernels.abi import ACTIVATIONS
    from fastmlp.training.schedules import PER_EPOCH, PER_UPDATE

    assert options.ACTIVATIONS == tuple(sorted(ACTIVATIONS))
    assert options.SCHEDULES == (*PER_EPOCH, *PER_UPDATE)
    parser = argparse.ArgumentParser()
    options.add_network_options(parser)
    given = (
        "--dropout 0.2 --input-dropout 0.1 --weight-decay 0.01 --label-smoothing 0.1 "
        "--average 0.99 "
        "--schedule one_cycle --activation gelu"
    )
    found = options.network_parameters(parser.parse_args(given.split()))
    expected = {
        "dropout": 0.2,
        "input_dropout": 0.1,
        "weight_decay": 0.01,
        "label_smoothing": 0.1,
        "average": 0.99,
        "learning_rate": "one_cycle",
        "activation": "gelu",
    }
    assert expected.items() <= found.items()
    for wrong in (
        "--dropout 1",
        "--weight-decay -1",
        "--schedule sine",
        "--label-smoothing nan",
        "--average 1",
    ):
        with pytest.raises(SystemExit):
            parser.parse_args(wrong.split())


def test_an_adaptive_rate_does_not_go_by_the_test_samples(tmp_path):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, 4))
    np.savez(tmp_path / "data.npz", X=features, y=features[:, 0] > 0)
    options = [
        "train", "--data", str(tmp_path / "data.npz"), "--target", "y", "--hidden", "16", "--epochs", "40",
        "--batch-size", "16", "--schedule", "adaptive",
    ]  # fmt: skip
    rates = []
    for name, more in (("a", []), ("b", ["--plot", str(tmp_path / "curves.png")])):
        file = tmp_path / f"{name}.joblib"
        assert main.main([*options, "--save", str(file), *more]) == 0
        rates.append(joblib.load(file)[-1].history_["learning_rate"])
    assert rates[0] == rates[1]


def test_ctrl_c_in_the_first_epoch(tmp_path, monkeypatch, capsys):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    model = tmp_path / "model.joblib"
    model.write_text("an earlier model")
    monkeypatch.setattr("fastmlp.training.stochastic.Training.train", interrupted)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert (
            main.main([*SMALL, "--save", str(model), "--plot", str(tmp_path / "curves.png")]) == 0
        )
    out = capsys.readouterr().out
    assert "ended in the first epoch, after" in out
    assert "learning curves: none" in out
    assert "updates" not in out
    assert "model: none was saved" in out
    assert [file.name for file in tmp_path.iterdir()] == [model.name]
    assert model.read_text() == "an earlier model"


@pytest.mark.parametrize("classes", [[0, 1], [False, True], ["0", "1"], ["no", "yes"]], ids=str)
def test_labels_are_compared_by_value(classes, tmp_path, capsys):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(60, 2))
    number = (features[:, 0] > 0).astype(int)
    labels = np.array(classes)[number]
    model = MLPClassifier((8,), random_state=0).fit(features, labels)
    joblib.dump(model, tmp_path / "model.joblib")
    expected = f"accuracy {model.score(features, labels):.4f}: "
    numbers = [number, number * 1.0, number > 0] if classes[1] in (1, True) else []
    for other in (labels, *numbers):
        np.savez(tmp_path / "data.npz", X=features, y=other)
        arguments = ["--data", str(tmp_path / "data.npz"), "--target", "y"]
        assert main.main(["predict", "--model", str(tmp_path / "model.joblib"), *arguments]) == 0
        assert expected in capsys.readouterr().out


def test_rows_without_a_label_are_left_out(tmp_path, capsys):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(60, 2))
    labels = (features[:, 0] > 0) * 1.0
    joblib.dump(
        MLPClassifier((8,), random_state=0).fit(features, labels == 1), tmp_path / "m.joblib"
    )
    labels[:5] = np.nan
    np.savez(tmp_path / "data.npz", X=features, y=labels)
    arguments = ["--data", str(tmp_path / "data.npz"), "--target", "y"]
    assert main.main(["predict", "--model", str(tmp_path / "m.joblib"), *arguments]) == 0
    told = capsys.readouterr()
    assert "of 55 rows are right" in told.out
    assert "5 of the 60 labels are missing" in told.err
    assert "no class" not in told.err


def test_labels_that_are_no_class_of_the_model_are_told(tmp_path, capsys):
    features = np.random.default_rng(0).normal(size=(60, 2))
    number = (features[:, 0] > 0).astype(int)
    joblib.dump(MLPClassifier((8,), random_state=0).fit(features, number), tmp_path / "m.joblib")
    np.savez(tmp_path / "data.npz", X=features, y=np.array(["neg", "pos"])[number])
    arguments = ["--data", str(tmp_path / "data.npz"), "--target", "y"]
    assert main.main(["predict", "--model", str(tmp_path / "m.joblib"), *arguments]) == 0
    told = capsys.readouterr()
    assert "accuracy 0.0000" in told.out
    assert (
        "60 of the 60 labels, such as 'neg', are no class of the model; its classes are 0, 1"
        in (told.err.replace("'pos'", "'neg'"))
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "equal"),
    [
        (1, 1.0, True), (1, True, True), (1, "1", True), ("1", 1.0, True), (True, "True", True), ("a", b"a", True),
        (2**53, 2**53 + 1, False), (1, 1.5, False), ("no", 0, False), (1, "1.5", False), ("nan", "nan", True),
    ],
)  # fmt: skip
def test_labels_that_are_the_same(ours, theirs, equal):
    assert is_same(ours, theirs) == equal


@pytest.mark.parametrize(
    ("label", "missing"), [(None, True), (np.nan, True), ("nan", False), (0, False)]
)
def test_labels_that_are_missing(label, missing):
    assert is_missing(label) == missing

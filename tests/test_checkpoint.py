"""Checkpoints: what is written, what is read of damaged files, and fits that go on after a kill."""

import functools
import os
import pickle
import random
import signal
import time

import numpy as np
import pytest
import scipy.sparse as sp
from forked import in_a_fork, needs_fork
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.pipeline import make_pipeline
from trained import STOCHASTIC, Crash, X, Y, assert_same_training, make

from fastmlp import Checkpoint, MLPClassifier, MLPRegressor
from fastmlp.engine.training_pass import TrainingPass
from fastmlp.estimators import callbacks, checkpoint

pytestmark = pytest.mark.slow

pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9")


def crash(folder, after, every=1, arguments=None, **parameters):
    """Begin a fit with checkpoints; epoch `after` is lost, as it is told of first to `Crash`."""
    model = make(**parameters).set_callbacks(Crash(after))
    with pytest.raises(RuntimeError, match="crash"):
        Checkpoint(folder, every=every).fit(model, X, Y, **arguments or {})


class Falling:
    """A schedule that is an object, equal to itself alone."""

    def __init__(self, slope):
        self.slope = slope

    def __call__(self, progress):
        return 1 - self.slope * progress


def names(folder):
    return sorted(path.name for path in folder.iterdir())


class TestWriting:
    def test_after_every_epoch_and_two_are_kept(self, tmp_path):
        folder = tmp_path / "a" / "run"
        model = Checkpoint(folder).fit(make(max_iter=5), X, Y)
        assert names(folder) == ["000004.checkpoint", "000005.checkpoint"]
        assert checkpoint.read(folder / "000004.checkpoint").n_iter_ == 4
        loaded = Checkpoint.load(folder)
        assert_same_training(loaded, model)
        assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))

    def test_after_every_third_and_the_last(self, tmp_path):
        Checkpoint(tmp_path, every=3, keep=3).fit(make(max_iter=10), X, Y)
        epochs = [checkpoint.read(path).n_iter_ for path in sorted(tmp_path.iterdir())]
        assert epochs == [6, 9, 10]

    def test_what_a_killed_process_did_not_finish_is_cleared_away(self, tmp_path):
        (tmp_path / "tmp123.unfinished").write_bytes(b"torn")
        (tmp_path / "notes.txt").write_text("mine")
        (tmp_path / "notes.checkpoint").write_text("mine")
        Checkpoint(tmp_path, keep=1).fit(make(max_iter=2), X, Y)
        assert names(tmp_path) == ["000002.checkpoint", "notes.checkpoint", "notes.txt"]

    @pytest.mark.parametrize("step", ["fsync", "replace"])
    def test_a_disk_that_is_full(self, tmp_path, monkeypatch, step):
        Checkpoint(tmp_path).fit(make(max_iter=3), X, Y)
        before = names(tmp_path)

        def full(*args):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, step, full)
        model = make(max_iter=6)
        with pytest.raises(OSError, match="No space left"):
            Checkpoint(tmp_path).fit(model, X, Y)
        monkeypatch.undo()
        assert names(tmp_path) == before
        assert not hasattr(model, "coefs_")
        whole = make(max_iter=6).fit(X, Y)
        assert_same_training(Checkpoint(tmp_path).fit(model, X, Y), whole)

    @pytest.mark.parametrize("bad", [{"every": 0}, {"every": 1.5}, {"keep": 0}, {"keep": None}])
    def test_parameters(self, bad):
        with pytest.raises(ValueError, match=f"{next(iter(bad))} must be a whole number"):
            Checkpoint("run", **bad)


def torn(content):
    return content[: len(content) // 2]


def empty(content):
    return b""


def without_its_last_byte(content):
    return content[:-1]


def longer(content):
    return content + b"\0"


def another_bit(content):
    place = random.Random(len(content)).randrange(len(content) - 60)
    return content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]


def another_digest(content):
    return content[:-30] + bytes([content[-30] ^ 1]) + content[-29:]


class Sub(MLPClassifier):
    def __init__(self, hidden_layer_sizes=(8,), max_iter=2):
        super().__init__(hidden_layer_sizes, max_iter=max_iter)


class TestDamage:
    @pytest.mark.parametrize(
        "damage", [torn, empty, without_its_last_byte, longer, another_bit, another_digest]
    )
    def test_the_one_before_is_taken(self, tmp_path, damage):
        Checkpoint(tmp_path).fit(make(max_iter=4), X, Y)
        older, newest = sorted(tmp_path.iterdir())
        newest.write_bytes(damage(newest.read_bytes()))
        with pytest.warns(UserWarning, match=f"{newest.name}' is corrupted"):
            assert Checkpoint.load(tmp_path).n_iter_ == 3
        with pytest.warns(UserWarning, match=f"{newest.name}' is corrupted"):
            model = Checkpoint(tmp_path).fit(make(max_iter=7), X, Y)
        assert_same_training(model, make(max_iter=7).fit(X, Y))
        older, newest = sorted(tmp_path.iterdir())
        for path in (older, newest):
            path.write_bytes(damage(path.read_bytes()))
        with (
            pytest.warns(UserWarning, match="is corrupted") as caught,
            pytest.raises(ValueError, match=f"None of the 2.*{tmp_path.name}' is valid"),
        ):
            Checkpoint(tmp_path).fit(make(max_iter=7), X, Y)
        messages = [str(warning.message) for warning in caught]
        assert newest.name in messages[0]
        assert older.name in messages[1]

    def test_no_bit_matters_little(self, tmp_path):
        Checkpoint(tmp_path, keep=1).fit(make(max_iter=1), X, Y)
        (path,) = tmp_path.iterdir()
        content = path.read_bytes()
        for place in random.Random(0).sample(range(len(content)), 300):
            bit = 1 << place % 8
            path.write_bytes(content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :])
            with pytest.raises(ValueError, match="is corrupted"):
                checkpoint.read(path)

    def test_folders_with_the_names_of_files_are_none(self, tmp_path):
        Checkpoint(tmp_path).fit(make(max_iter=4), X, Y)
        (tmp_path / "000009.checkpoint").mkdir()
        (tmp_path / "x.unfinished").mkdir()
        model = Checkpoint(tmp_path).fit(make(max_iter=7), X, Y)
        assert_same_training(model, make(max_iter=7).fit(X, Y))

    def test_a_file_that_holds_no_model(self, tmp_path):
        checkpoint.write(tmp_path / "000001.checkpoint", {"a": 1})
        with (
            pytest.warns(UserWarning, match="holds no model of fastmlp"),
            pytest.raises(ValueError, match="None of the 1 checkpoint"),
        ):
            Checkpoint.load(tmp_path)

    def test_another_kind_of_model(self, tmp_path):
        Checkpoint(tmp_path).fit(make(max_iter=2), X, Y)
        words = "are of MLPClassifier objects, not of MLPRegressor objects. Use another folder"
        with pytest.raises(ValueError, match=words):
            Checkpoint(tmp_path).fit(MLPRegressor(max_iter=4), X, X[:, 0])

    def test_a_subclass(self, tmp_path):
        for theirs, mine in ((Sub, MLPClassifier), (MLPClassifier, Sub)):
            folder = tmp_path / mine.__name__
            Checkpoint(folder).fit(theirs((8,), max_iter=2), X, Y)
            words = f"of {theirs.__name__} objects, not of {mine.__name__} objects"
            with pytest.raises(ValueError, match=words):
                Checkpoint(folder).fit(mine((8,), max_iter=3), X, Y)

    @pytest.mark.parametrize("run", [lambda path, model: Checkpoint(path).fit(model, X, Y),
                                     lambda path, model: model.set_callbacks(Checkpoint(path)).fit(X, Y)])  # fmt: skip
    def test_a_parameter_that_cannot_be_pickled(self, tmp_path, run):
        model = make(learning_rate=lambda progress: 1.0)
        with pytest.raises(
            ValueError,
            match=r"its learning_rate cannot be pickled: .*Define the function in a module",
        ):
            run(tmp_path, model)
        assert not hasattr(model, "coefs_")

    @pytest.mark.parametrize("model", [make_pipeline(make()), LogisticRegression(), 3])
    def test_no_model_of_fastmlp(self, tmp_path, model):
        words = f"Checkpoint.fit needs an MLPClassifier or MLPRegressor, got {type(model).__name__}"
        with pytest.raises(TypeError, match=words):
            Checkpoint(tmp_path).fit(model, X, Y)
        assert names(tmp_path) == []

    def test_an_empty_folder(self, tmp_path):
        for path in (tmp_path, tmp_path / "none"):
            with pytest.raises(FileNotFoundError, match=path.name):
                Checkpoint.load(path)


SETTINGS = {
    **{solver: {"solver": solver} for solver in STOCHASTIC},
    "rmsprop-momentum": {
        "solver": "rmsprop", "momentum": 0.9, "learning_rate": "invscaling", "power_t": 0.1,
        "learning_rate_init": 0.003,
    },
    "nesterov-adaptive": {
        "solver": "sgd", "momentum": 0.9, "nesterovs_momentum": True, "alpha": 0.1,
        "learning_rate": "adaptive", "learning_rate_init": 0.1, "n_iter_no_change": 1,
    },
}  # fmt: skip
RULES = {
    "none": {},
    "tol": {"tol": 0.01, "n_iter_no_change": 2},
    "early-stopping": {"early_stopping": True, "tol": 0.01, "n_iter_no_change": 3},
}


# All that changes from update to update, or from epoch to epoch.
CHANGING = {
    "batch_size": 4, "learning_rate_init": 0.02, "dropout": 0.2, "weight_decay": 0.1, "average": 0.9,
    "momentum": 0.5,
}  # fmt: skip


def halves(progress):
    """1 in the first half of the training, then a half."""
    return 1.0 if progress < 0.5 else 0.5


class TestGoingOn:
    @pytest.mark.parametrize("schedule", ["cosine", "linear", "one_cycle", halves])
    @pytest.mark.parametrize("solver", STOCHASTIC)
    def test_a_schedule_goes_on_where_it_was(self, tmp_path, solver, schedule):
        parameters = CHANGING | {"solver": solver, "learning_rate": schedule, "max_iter": 9}
        whole = make(**parameters).fit(X, Y)
        crash(tmp_path, 6, **parameters)
        assert Checkpoint.load(tmp_path).n_iter_ == 5
        model = Checkpoint(tmp_path).fit(make(**parameters), X, Y)
        assert_same_training(model, whole)
        rates = model.history_["learning_rate"]
        assert rates == whole.history_["learning_rate"]
        assert len(rates) == 9
        assert rates[0] != rates[-1]

    @pytest.mark.parametrize("rule", RULES)
    @pytest.mark.parametrize("setting", SETTINGS)
    def test_ends_with_the_bits_of_an_undisturbed_fit(self, tmp_path, setting, rule):
        parameters = {"learning_rate_init": 0.02, **RULES[rule], **SETTINGS[setting]}
        # Adaptive: 0.1 is cut to 1e-6 in eight steps of a few epochs.
        parameters["max_iter"] = 14 if rule == "none" else 200
        whole = make(**parameters).fit(X, Y)
        if rule != "none":
            assert 6 < whole.n_iter_ < 200
        half = whole.n_iter_ // 2
        crash(tmp_path, half, every=2, **parameters)
        assert Checkpoint.load(tmp_path).n_iter_ == (half - 1) // 2 * 2
        crash(tmp_path, 3, **parameters)
        assert Checkpoint.load(tmp_path).n_iter_ == (half - 1) // 2 * 2 + 2
        model = Checkpoint(tmp_path).fit(make(**parameters), X, Y)
        assert_same_training(model, whole)
        assert model.best_validation_score_ == whole.best_validation_score_
        # What has come to its end stays there.
        seconds = model.history_["seconds"]
        again = Checkpoint(tmp_path).fit(make(**parameters), X, Y)
        assert_same_training(again, whole)
        assert again.history_["seconds"] == seconds

    def test_more_epochs(self, tmp_path):
        Checkpoint(tmp_path).fit(make(max_iter=3), X, Y)
        model = Checkpoint(tmp_path).fit(make(max_iter=5), X, Y)
        assert_same_training(model, make(max_iter=5).fit(X, Y))

    def test_whatever_fit_is_given(self, tmp_path):
        start = make(max_iter=1, random_state=7).fit(X, Y)
        arguments = {
            "sample_weight": np.linspace(0, 2, len(Y)),
            "X_val": X[:50],
            "y_val": Y[:50],
            "coef_init": start.coefs_,
            "intercept_init": start.intercepts_,
        }
        parameters = {"max_iter": 8, "early_stopping": True, "class_weight": {0: 2, 1: 1, 2: 1}}
        whole = make(**parameters).fit(X, Y, **arguments)
        crash(tmp_path, 5, arguments=arguments, n_threads=1, **parameters)
        model = make(n_threads=3, **parameters)
        Checkpoint(tmp_path).fit(model, sp.csr_array(X), Y, **arguments)
        assert_same_training(model, whole)

    def test_a_random_state_that_moves_on(self, tmp_path):
        whole = make(random_state=np.random.RandomState(3), max_iter=6).fit(X, Y)
        state = np.random.RandomState(3)
        crash(tmp_path, 4, max_iter=6, random_state=state)
        model = Checkpoint(tmp_path).fit(make(random_state=state, max_iter=6), X, Y)
        assert_same_training(model, whole)

    def test_warm_start(self, tmp_path):
        def warm(n):
            return make(max_iter=n, warm_start=True).fit(X, Y).set_params(max_iter=6)

        whole = warm(3).fit(X, Y)
        model = warm(3).set_callbacks(Crash(4))
        with pytest.raises(RuntimeError, match="crash"):
            Checkpoint(tmp_path).fit(model, X, Y)
        assert_same_training(Checkpoint(tmp_path).fit(warm(3), X, Y), whole)

    def test_after_ctrl_c(self, tmp_path, monkeypatch):
        train, calls = TrainingPass.run, []

        def interrupted(*args, **kwargs):
            calls.append(0)
            if len(calls) == 4:
                raise KeyboardInterrupt
            return train(*args, **kwargs)

        monkeypatch.setattr(TrainingPass, "run", interrupted)
        with pytest.warns(UserWarning, match=r"Training interrupted by user\."):
            Checkpoint(tmp_path, every=2).fit(make(max_iter=6), X, Y)
        assert Checkpoint.load(tmp_path).n_iter_ == 3
        model = Checkpoint(tmp_path).fit(make(max_iter=6), X, Y)
        assert_same_training(model, make(max_iter=6).fit(X, Y))

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("solver", "adam"), ("hidden_layer_sizes", (8,)), ("momentum", 0.5),
            ("class_weight", {0: 1, 1: 2, 2: 3}), ("random_state", 1), ("dtype", "float64"),
        ],
    )  # fmt: skip
    def test_other_parameters_are_refused_by_name(self, tmp_path, name, value):
        Checkpoint(tmp_path).fit(make(max_iter=2), X, Y)
        before, model = names(tmp_path), make(max_iter=4, **{name: value})
        with pytest.raises(ValueError, match=f"{tmp_path.name}.* of a fit with {name}="):
            Checkpoint(tmp_path).fit(model, X, Y)
        assert names(tmp_path) == before
        assert not hasattr(model, "coefs_")
        assert not hasattr(model, "_skl_callbacks")

    def test_parameters_that_change_no_bit_are_free(self, tmp_path):
        Checkpoint(tmp_path).fit(make(max_iter=2, n_threads=1), X, Y)
        other = make(max_iter=4, n_threads=2, warm_start=True)
        assert_same_training(Checkpoint(tmp_path).fit(other, X, Y), make(max_iter=4).fit(X, Y))

    @pytest.mark.parametrize(
        "parameters",
        [
            {"learning_rate": functools.partial(pow, 0.5)},
            {"learning_rate": Falling(0.5)},
            {"early_stopping": True, "scoring": make_scorer(accuracy_score)},
        ],
        ids=["partial", "object", "scorer"],
    )
    def test_objects_that_have_been_pickled_are_the_same(self, tmp_path, parameters):
        model = Checkpoint(tmp_path).fit(make(max_iter=2, **parameters), X, Y)
        again = Checkpoint(tmp_path).fit(make(max_iter=2, **parameters), X, Y)
        assert_same_training(again, model)

    def test_another_schedule_of_the_same_class_is_refused(self, tmp_path):
        Checkpoint(tmp_path).fit(make(max_iter=2, learning_rate=Falling(0.5)), X, Y)
        with pytest.raises(ValueError, match="of a fit with learning_rate="):
            Checkpoint(tmp_path).fit(make(max_iter=2, learning_rate=Falling(0.4)), X, Y)

    @pytest.mark.parametrize("schedule", ["cosine", "linear", "one_cycle", Falling(0.5)])
    def test_more_epochs_than_the_schedule_was_planned_for_are_refused(self, tmp_path, schedule):
        Checkpoint(tmp_path).fit(make(max_iter=2, learning_rate=schedule), X, Y)
        with pytest.raises(ValueError, match="of a fit with max_iter=2, not 4"):
            Checkpoint(tmp_path).fit(make(max_iter=4, learning_rate=schedule), X, Y)

    def test_other_data_are_refused(self, tmp_path):
        Checkpoint(tmp_path).fit(make(max_iter=2), X, Y)
        with pytest.raises(ValueError, match="5 features"):
            Checkpoint(tmp_path).fit(make(max_iter=4), X[:, :5], Y)
        for warm_start in (False, True):  # which is not why it resumes
            with pytest.raises(ValueError, match="checkpoint's model was trained with the classes"):
                Checkpoint(tmp_path).fit(make(max_iter=4, warm_start=warm_start), X, Y + 1)

    def test_lbfgs_is_refused(self, tmp_path):
        with pytest.raises(ValueError, match="L-BFGS"):
            Checkpoint(tmp_path).fit(make(solver="lbfgs"), X, Y)

    def test_an_older_scikit_learn(self, tmp_path, monkeypatch):
        monkeypatch.setattr(callbacks, "CallbackSupportMixin", object)
        with pytest.raises(ImportError, match=r"scikit-learn 1\.9"):
            Checkpoint(tmp_path).fit(make(), X, Y)


class TestAsACallback:
    """Set by scikit-learn's own `set_callbacks` it only writes."""

    @pytest.mark.parametrize("solver", [*STOCHASTIC, "lbfgs"])
    def test_fit_starts_afresh_and_writes(self, tmp_path, solver):
        model = make(solver=solver, max_iter=3).set_callbacks(Checkpoint(tmp_path))
        model.fit(X, Y).fit(X, Y)
        assert model.n_iter_ == 3
        assert names(tmp_path) == ["000005.checkpoint", "000006.checkpoint"]
        loaded = Checkpoint.load(tmp_path)
        assert isinstance(loaded, MLPClassifier)
        assert_same_training(loaded, model)
        assert not any("callback" in name for name in vars(loaded))
        pickle.dumps(loaded)

    def test_partial_fit(self, tmp_path):
        model = make().set_callbacks(Checkpoint(tmp_path, every=2))
        for _ in range(5):
            model.partial_fit(X, Y, classes=[0, 1, 2])
        loaded = Checkpoint.load(tmp_path)
        assert loaded.n_iter_ == 4
        assert_same_training(loaded.partial_fit(X, Y), model)

    def test_beside_others(self, tmp_path):
        from sklearn.callback import ScoringMonitor

        monitor = ScoringMonitor(scoring="accuracy")
        model = make(max_iter=4).set_callbacks(monitor)
        Checkpoint(tmp_path).fit(model, X, Y)
        assert model._skl_callbacks == [monitor]
        assert len(monitor.get_logs().data) >= 4
        assert Checkpoint.load(tmp_path).n_iter_ == 4


@needs_fork
class TestKills:
    def test_thirty_kills_at_random_moments(self, tmp_path):
        """A fit that is begun anew after each kill; when one is over, another is begun."""
        parameters = {"max_iter": 80, "solver": "adam", "n_threads": 2}
        parameters |= {"early_stopping": True, "n_iter_no_change": 99}
        whole = make(**parameters).fit(X, Y)
        moments, kills, resumed, run = random.Random(0), 0, 0, 0
        folder, reached = tmp_path / "0", 0
        while kills < 30:

            def fit(folder=folder):
                Checkpoint(folder).fit(make(**parameters), X, Y)

            child = in_a_fork(fit)
            time.sleep(moments.uniform(0, 0.5))
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            saved = list(folder.glob("*.checkpoint")) if folder.exists() else []
            # A damaged checkpoint would give a warning, which is an error here.
            epochs = Checkpoint.load(folder).n_iter_ if saved else 0
            assert epochs >= reached
            if os.WIFSIGNALED(status):
                kills += 1
                resumed += 0 < reached < epochs
                reached = epochs
                continue
            assert os.WEXITSTATUS(status) == 0
            assert_same_training(Checkpoint.load(folder), whole)
            run, reached = run + 1, 0
            folder = tmp_path / str(run)
        assert resumed > 0
        model = Checkpoint(folder).fit(make(**parameters), X, Y)
        assert_same_training(model, whole)

    @pytest.mark.parametrize("schedule", ["one_cycle", "cosine"])
    def test_a_kill_amid_a_schedule(self, tmp_path, schedule):
        parameters = CHANGING | {"learning_rate": schedule, "max_iter": 60, "n_threads": 2}
        whole = make(**parameters).fit(X, Y)
        child = in_a_fork(lambda: Checkpoint(tmp_path).fit(make(**parameters), X, Y))
        while not list(tmp_path.glob("00001*.checkpoint")):  # epoch 10
            time.sleep(0.01)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        reached = Checkpoint.load(tmp_path).n_iter_
        assert 10 <= reached < 60
        model = Checkpoint(tmp_path).fit(make(**parameters), X, Y)
        assert_same_training(model, whole)
        assert model.history_["learning_rate"] == whole.history_["learning_rate"]

    @pytest.mark.parametrize("step", ["fsync", "replace", "replaced", "unlink"])
    def test_a_kill_at_each_step_of_writing(self, tmp_path, monkeypatch, step):
        Checkpoint(tmp_path).fit(make(max_iter=3), X, Y)

        def die(*args, **kwargs):
            os.kill(os.getpid(), signal.SIGKILL)

        def replaced(*args, replace=os.replace):
            replace(*args)
            die()

        def work():
            monkeypatch.setattr(os, step.removesuffix("d"), replaced if step == "replaced" else die)
            Checkpoint(tmp_path).fit(make(max_iter=6), X, Y)

        _, status = os.waitpid(in_a_fork(work), 0)
        assert os.WIFSIGNALED(status)
        assert Checkpoint.load(tmp_path).n_iter_ == (3 if step in ("fsync", "replace") else 4)
        model = Checkpoint(tmp_path).fit(make(max_iter=6), X, Y)
        assert_same_training(model, make(max_iter=6).fit(X, Y))
        assert names(tmp_path) == [f"{n:06}.checkpoint" for n in (5, 6)]

"""scikit-learn's callbacks."""

import pickle
import threading

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from small import SOLVERS, X, Y, assert_same, make

from fastmlp import MLPClassifier


class Recorder:
    """A callback that notes what it is told; stops after `stop_after` epochs."""

    def __init__(self, stop_after=None, fail=None):
        self.events, self.models, self.stop_after, self.fail = [], [], stop_after, fail

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None):
        self.events.append(f"begin {context.task_name}")
        assert X is not None
        assert y is not None

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.events.append(f"end {context.task_name}")
        if context.task_name == "epoch" and fitted_estimator is not None:
            self.models.append(fitted_estimator)
            if self.fail:
                raise self.fail
            return len(self.models) == self.stop_after
        return False


callback = pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9")


class TestCallbacks:
    @pytest.mark.parametrize("solver", SOLVERS)
    def test_hooks_are_called_around_every_epoch(self, solver):
        recorder = Recorder()
        model = make(solver=solver, max_iter=3).set_callbacks(recorder).fit(X, Y)
        epochs = ["begin epoch", "end epoch"] * 3
        assert recorder.events == ["setup", "begin fit", *epochs, "end fit", "teardown"]
        assert_same(recorder.models[-1], model)
        for k, seen in enumerate(recorder.models, 1):
            expected = make(solver=solver, max_iter=k).fit(X, Y)
            assert_same(seen, expected)
            assert seen.n_iter_ == k
            assert seen.loss_curve_ == expected.loss_curve_
            assert_array_equal(seen.predict_proba(X), expected.predict_proba(X))

    @pytest.mark.parametrize("solver", SOLVERS)
    def test_a_callback_can_stop_training(self, solver):
        model = make(solver=solver, max_iter=9).set_callbacks(Recorder(stop_after=2)).fit(X, Y)
        assert model.n_iter_ == 2
        assert_same(model, make(solver=solver, max_iter=2).fit(X, Y))

    def test_partial_fit(self):
        recorder = Recorder()
        model = make().set_callbacks(recorder)
        model.partial_fit(X, Y, classes=[0, 1, 2]).partial_fit(X, Y)
        assert recorder.events.count("end epoch") == 2
        assert_same(recorder.models[-1], model)
        model.partial_fit(X, Y)
        for number, snapshot in enumerate(recorder.models, 1):  # later calls do not reach them
            assert len(snapshot.loss_curve_) == len(snapshot.history_["loss"]) == number

    @pytest.mark.parametrize("solver", ["rmsprop", "lbfgs"])
    def test_an_exception_leaves_the_model_as_it_was_and_no_thread(self, solver):
        recorder = Recorder(fail=RuntimeError("no"))
        model = make(solver=solver, n_threads=3).set_callbacks(recorder)
        before = threading.active_count()
        with pytest.raises(RuntimeError, match="no"):
            model.fit(X, Y)
        assert recorder.events[-1] == "teardown"
        assert threading.active_count() == before
        assert not hasattr(model, "coefs_")
        assert_same(model.set_callbacks().fit(X, Y), make(solver=solver).fit(X, Y))

    def test_training_goes_on_from_a_snapshot(self):
        saved = []

        class Saver(Recorder):
            def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
                if fitted_estimator is not None and context.task_name == "epoch":
                    model = clone(fitted_estimator).set_callbacks()
                    for name, value in vars(fitted_estimator).items():
                        if name.endswith("_") or name in ("_targets", "_state"):
                            setattr(model, name, value)
                    saved.append(pickle.dumps(model))

        model = make(max_iter=5, solver="adam").set_callbacks(Saver()).fit(X, Y)
        for k in (1, 3):
            resumed = pickle.loads(saved[k - 1])
            for _ in range(5 - k):
                resumed.partial_fit(X, Y)
            assert_same(resumed, model)
            assert resumed.loss_curve_ == model.loss_curve_

    def test_scoring_monitor(self):
        monitor = callback.ScoringMonitor(scoring="accuracy")
        model = make(max_iter=3).set_callbacks(monitor).fit(X, Y, sample_weight=np.ones(120))
        scores = [row["accuracy"] for row in monitor.get_logs().data]
        assert len(scores) >= 3
        assert scores[-1] == pytest.approx(model.score(X, Y))

    def test_progress_bar(self, capsys):
        pytest.importorskip("rich")
        make(max_iter=3).set_callbacks(callback.ProgressBar()).fit(X, Y)
        said = capsys.readouterr().out
        assert "MLPClassifier" in said
        assert "100%" in said

    def test_without_callbacks_nothing_is_created(self, monkeypatch):
        monkeypatch.setattr(MLPClassifier, "_init_callback_context", None)
        make().fit(X, Y)


@pytest.mark.parametrize("solver", ["rmsprop", "adam", "sgd"])
def test_a_model_that_a_callback_keeps_trains_on_as_of_its_epoch(solver):
    how, recorder = {"solver": solver, "momentum": 0.9}, Recorder()
    make(**how, max_iter=4).set_callbacks(recorder).fit(X, Y)
    expected = make(**how, max_iter=3).fit(X, Y)
    assert_same(recorder.models[1].partial_fit(X, Y), expected)


@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
def test_no_warning_where_a_callback_ends_lbfgs():
    recorder = Recorder(stop_after=2)
    model = make(solver="lbfgs", tol=1e-9, max_iter=50).set_callbacks(recorder).fit(X, Y)
    assert model.n_iter_ == 2

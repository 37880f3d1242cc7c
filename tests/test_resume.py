"""Training that goes on, stops midway, fails or is repeated: what the model is then."""

import copy
import gc
import math
import pickle
import subprocess
import sys
import textwrap
import tracemalloc
import weakref

import joblib
import numpy as np
import pytest
import small
from interrupting import interrupt_after, second_pass
from numpy.testing import assert_array_equal
from trained import STOCHASTIC, X, Y, assert_same_training, make

from fastmlp.engine.full_gradient import FullGradient
from fastmlp.engine.training_pass import TrainingPass
from fastmlp.estimators import fit_task
from fastmlp.training import seeding
from fastmlp.training.history import Record


class TestResume:
    @pytest.mark.parametrize("solver", STOCHASTIC)
    @pytest.mark.parametrize("schedule", ["constant", "invscaling", "adaptive"])
    def test_partial_fits_are_one_fit(self, solver, schedule):
        parameters = {
            "solver": solver,
            "learning_rate": schedule,
            "momentum": 0.0 if solver == "adam" else 0.9,
            "nesterovs_momentum": solver == "sgd",
            "n_iter_no_change": 1,
            "learning_rate_init": 0.05,
            "alpha": 0.1 if schedule == "adaptive" else 0.0,
        }
        whole = make(max_iter=6, **parameters).fit(X, Y)
        parts = make(max_iter=99, **parameters)
        for _ in range(6):
            parts.partial_fit(X, Y, classes=[0, 1, 2])
            parts = pickle.loads(pickle.dumps(parts))
        assert_same_training(whole, parts)

    @pytest.mark.slow
    @pytest.mark.parametrize("way", ["pickle", "joblib", "mapped"])
    def test_in_another_process(self, tmp_path, way):
        """Two epochs here, two in a new process, one here again."""
        ways = {
            "pickle": "pickle.loads(open('models', 'rb').read())",
            "joblib": "joblib.load('models')",
            "mapped": "joblib.load('models', mmap_mode='r')",
        }
        models = [make(solver=solver, n_threads=2) for solver in STOCHASTIC]
        for _ in range(2):
            for model in models:
                model.partial_fit(X, Y, classes=[0, 1, 2])
        joblib.dump((X, Y), tmp_path / "data")
        if way == "pickle":
            (tmp_path / "models").write_bytes(pickle.dumps(models))
        else:
            joblib.dump(models, tmp_path / "models")
        script = f"""
            import joblib, pickle
            models, (x, y) = {ways[way]}, joblib.load("data")
            for model in models:
                model.set_params(n_threads=1).partial_fit(x, y).partial_fit(x, y)
            joblib.dump(models, "models.new")
        """
        script = textwrap.dedent(script)
        subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, timeout=250)
        models = joblib.load(tmp_path / "models.new")
        for solver, model in zip(STOCHASTIC, models, strict=True):
            whole = make(solver=solver, max_iter=5).fit(X, Y)
            assert_same_training(model.partial_fit(X, Y), whole)

    def test_fit_and_then_partial_fit(self):
        whole = make(max_iter=5).fit(X, Y)
        parts = make(max_iter=3).fit(X, Y).partial_fit(X, Y).partial_fit(X, Y)
        assert_same_training(whole, parts)

    def test_with_validation_and_sample_weights(self):
        weight = np.linspace(0.1, 3, len(Y))
        extra = {"sample_weight": weight, "X_val": X[:40], "y_val": Y[:40]}
        whole = make(max_iter=4).fit(X, Y, **extra)
        parts = make()
        for _ in range(4):
            parts.partial_fit(X, Y, classes=[0, 1, 2], **extra)
        assert_same_training(whole, parts)

    def test_a_random_state_instance_is_asked_once(self):
        state = np.random.RandomState(5)
        make(random_state=state, max_iter=3, early_stopping=True).fit(X, Y)
        other = np.random.RandomState(5)
        other.randint(np.iinfo(np.int32).max)
        assert state.randint(1000) == other.randint(1000)

    @pytest.mark.slow
    def test_endless_partial_fit_grows_by_the_history_only(self):
        model = make(n_threads=1)
        for _ in range(20):
            model.partial_fit(X, Y, classes=[0, 1, 2])
        tracemalloc.start()
        try:
            for _ in range(200):  # fills the interpreter's lists of freed objects
                model.partial_fit(X, Y)
            seeding._pcg64_states.cache_clear()  # at most 64 blocks of epochs
            gc.collect()
            size, (memory, _) = len(pickle.dumps(model)), tracemalloc.get_traced_memory()
            for _ in range(200):
                model.partial_fit(X, Y)
            seeding._pcg64_states.cache_clear()
            gc.collect()
            grown = tracemalloc.get_traced_memory()[0] - memory
        finally:
            tracemalloc.stop()
        n_numbers = 200 * (len(model.history_) + 1)
        assert len(pickle.dumps(model)) - size <= 12 * n_numbers
        # A float and its place in a list; and the interpreter's own lists of freed objects.
        assert grown <= 40 * n_numbers + 60_000

    def test_partial_fit_copies_no_history(self):
        model = make(n_threads=1).partial_fit(X, Y, classes=[0, 1, 2])
        lists = [model.loss_curve_, *model.history_.values()]
        other = copy.copy(model)
        model.partial_fit(X, Y)
        assert all(
            a is b
            for a, b in zip(lists, [model.loss_curve_, *model.history_.values()], strict=True)
        )
        assert {len(values) for values in lists} == {2}
        assert {len(values) for values in [other.loss_curve_, *other.history_.values()]} == {1}
        assert_same_training(other.partial_fit(X, Y), model)

    @pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
    def test_a_partial_fit_that_fails_adds_nothing_to_the_history(self, error, monkeypatch):
        model = make(n_threads=1).partial_fit(X, Y, classes=[0, 1, 2])
        before = copy.deepcopy(model)

        def fail(record):
            assert len(record.loss_curve) == 2
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(Record, "attributes", fail)  # the epoch is noted by then
            with pytest.raises(error):
                model.partial_fit(X, Y)
        assert_same_training(model, before)
        assert_same_training(model.partial_fit(X, Y), before.partial_fit(X, Y))

    def test_orders_are_permutations_that_depend_on_seed_and_epoch_only(self):
        first, again = (seeding.epoch_order(3, 7, None, 50, True) for _ in range(2))
        assert first.dtype == np.int64
        assert_array_equal(first, again)
        assert_array_equal(np.sort(first), np.arange(50))
        expected = np.random.Generator(np.random.PCG64(np.random.SeedSequence((3, 7))))
        assert_array_equal(first, expected.permutation(50))
        for other in (seeding.epoch_order(3, 8, None, 50, True),
                      seeding.epoch_order(4, 7, None, 50, True)):  # fmt: skip
            assert (first != other).any()
        rows = np.arange(0, 100, 2)
        assert_array_equal(seeding.epoch_order(3, 7, rows, 50, True), rows[first])
        assert_array_equal(seeding.epoch_order(3, 7, None, 50, False), np.arange(50))

    def test_initial_weights_are_glorots_and_the_same_in_both_dtypes(self):
        double, biases = seeding.initial_parameters(1, (300, 200, 10), np.float64)
        single, _ = seeding.initial_parameters(1, (300, 200, 10), np.float32)
        for coef, rounded in zip(double, single, strict=True):
            bound = math.sqrt(6 / sum(coef.shape))
            assert 0.99 * bound < np.abs(coef).max() <= bound
            assert_array_equal(rounded, coef.astype(np.float32))
        assert not any(bias.any() for bias in biases)


class TestWarmStart:
    def test_keeps_the_weights_and_resets_the_optimizer(self):
        model = make(solver="adam", max_iter=4, warm_start=True).fit(X, Y)
        first, optimizer = copy.deepcopy(model), model._state.optimizer
        model.fit(X, Y)
        assert model.n_iter_ == 4
        assert len(model.loss_curve_) == 8
        assert model.t_ == 8 * len(X)
        assert model._state.optimizer is not optimizer
        assert model.loss_curve_[4] < model.loss_curve_[3]
        # The same from the weights alone, in the same orders.
        other = make(solver="adam", max_iter=8)
        other.fit(X, Y, coef_init=first.coefs_, intercept_init=first.intercepts_)
        assert other.loss_curve_[0] == pytest.approx(model.loss_curve_[4], rel=0.2)

    def test_orders_are_not_repeated(self):
        model = make(max_iter=2, warm_start=True).fit(X, Y)
        assert model._state.epoch == 2
        assert model.fit(X, Y)._state.epoch == 4

    def test_without_it_a_fit_starts_afresh(self):
        model = make(max_iter=3)
        first = copy.deepcopy(model.fit(X, Y))
        assert_same_training(model.fit(X, Y), first)

    def test_needs_the_same_classes(self):
        model = make(max_iter=1, warm_start=True).fit(X, Y)
        with pytest.raises(ValueError, match="warm_start can only be used where `y` has the same"):
            model.fit(X, np.minimum(Y, 1))

    def test_needs_the_same_layers(self):
        model = make(max_iter=1, warm_start=True).fit(X, Y)
        with pytest.raises(ValueError, match=r"hidden_layer_sizes=\(9,\) is not the network"):
            model.set_params(hidden_layer_sizes=(9,)).fit(X, Y)

    @pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
    def test_from_another_solver_and_dtype(self, solver):
        model = make(max_iter=3, warm_start=True).fit(X, Y)
        before = model.loss_
        model.set_params(solver=solver, dtype="float64").fit(X, Y)
        assert model.coefs_[0].dtype == np.float64
        assert model.loss_ < before

    def test_early_stopping_restores_the_best_of_all_fits(self):
        model = make(max_iter=20, warm_start=True, early_stopping=True).fit(X, Y)
        best = copy.deepcopy(model)
        model.set_params(max_iter=2, learning_rate_init=10.0, solver="sgd").fit(X, Y)
        assert len(model.validation_scores_) == 22 if best.n_iter_ == 20 else True
        assert model.best_validation_score_ >= best.best_validation_score_
        if model.best_validation_score_ == best.best_validation_score_:
            assert_array_equal(model.coefs_[0], best.coefs_[0])

    @pytest.mark.parametrize("scoring", [None, "loss", "roc_auc_ovr"])
    def test_early_stopping_begins_with_the_score_of_the_start(self, scoring):
        """The score of the fit before may be another one, or that of other samples."""
        how = {"early_stopping": True, "n_iter_no_change": 100}
        model = make(max_iter=20, warm_start=True, learning_rate_init=0.01, **how).fit(
            small.X, small.Y, X_val=small.X, y_val=small.Y
        )
        assert model.best_validation_score_ > 0.8
        model.set_params(scoring=scoring, max_iter=30).fit(
            small.X, 2 - small.Y, X_val=small.X, y_val=2 - small.Y
        )
        new = model.validation_scores_[20:]
        assert model.best_validation_score_ == max(new)
        assert model.score(small.X, 2 - small.Y) > 0.6

    def test_a_start_that_is_not_improved_is_kept(self):
        model = make(max_iter=20, warm_start=True, early_stopping=True).fit(X, Y, X_val=X, y_val=Y)
        before = copy.deepcopy(model)
        model.set_params(max_iter=2, learning_rate_init=10.0, solver="sgd").fit(
            X, Y, X_val=X, y_val=Y
        )
        assert model.best_validation_score_ == before.best_validation_score_
        assert_array_equal(model.coefs_[0], before.coefs_[0])


class TestFailures:
    """A fit that fails leaves the model as it was."""

    def test_divergence_is_an_error_that_names_the_likely_cause(self):
        model = make(solver="sgd", learning_rate_init=1e30, max_iter=5)
        with pytest.raises(ValueError, match=r"non-finite parameter weights.*rate_init=1e"):
            model.fit(X, Y)
        assert not hasattr(model, "coefs_")
        assert not hasattr(model, "n_features_in_")

    @pytest.mark.parametrize("rate", [1e12, 1e37])
    def test_diverging_partial_fit_keeps_the_weights(self, rate):
        model = make(solver="sgd").partial_fit(X, Y, classes=[0, 1, 2])
        before = copy.deepcopy(model)
        model.set_params(learning_rate_init=rate)

        def go_on():
            nonlocal before
            for _ in range(50):
                before = copy.deepcopy(model)
                model.partial_fit(X * 1e3, Y)

        with pytest.raises(ValueError, match="non-finite"):
            go_on()
        assert_same_training(model, before)
        assert np.isfinite(model.predict_proba(X)).all()
        model.set_params(learning_rate_init=1e-3).partial_fit(X, Y)

    @pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
    def test_while_preparing(self, error, monkeypatch):
        model = make(max_iter=2).fit(X, Y)
        before = copy.deepcopy(model)

        def fail(*args, **kwargs):
            raise error

        monkeypatch.setattr(fit_task, "make_engine", fail)
        for call in (model.fit, model.partial_fit):
            with pytest.raises(error):
                call(X[:, :5] if call == model.fit else X, Y)
        monkeypatch.undo()
        assert_same_training(model, before)
        assert model.n_features_in_ == 12
        assert_same_training(model.partial_fit(X, Y), before.partial_fit(X, Y))

    @pytest.mark.parametrize("solver", ["rmsprop", "lbfgs"])
    def test_keyboard_interrupt_keeps_what_was_learned(self, solver, monkeypatch):
        home, name = (FullGradient, "__call__") if solver == "lbfgs" else (TrainingPass, "run")
        method, calls = getattr(home, name), []
        monkeypatch.setattr("fastmlp.engine.work.MOST_EPOCHS", 1)  # of a pass

        def interrupted(self, *args, **kwargs):
            calls.append(0)
            if len(calls) == 4:
                raise KeyboardInterrupt
            return method(self, *args, **kwargs)

        monkeypatch.setattr(home, name, interrupted)
        model = make(solver=solver)
        with pytest.warns(UserWarning, match=r"Training interrupted by user\."):
            model.fit(X, Y)
        monkeypatch.undo()
        assert 1 <= model.n_iter_ <= 3
        assert len(model.loss_curve_) == model.n_iter_
        assert model.predict(X).shape == Y.shape
        if solver == "rmsprop":
            assert_same_training(model, make(max_iter=3).fit(X, Y))
            model.partial_fit(X, Y)

    def test_ctrl_c(self, monkeypatch):
        model = make(max_iter=10**6, hidden_layer_sizes=(64,), n_threads=2)
        thread, _ = interrupt_after(0.3, once=second_pass(monkeypatch))
        with pytest.warns(UserWarning, match=r"Training interrupted by user\."):
            model.fit(X, Y)
        thread.join()
        assert model.n_iter_ > 0
        assert np.isfinite(model.loss_)
        model.predict(X)

    def test_bad_input_leaves_the_model_as_it_was(self):
        model = make(max_iter=2).fit(X, Y)
        before = copy.deepcopy(model)
        bad = X.copy()
        bad[3, 3] = np.nan
        for arguments in ((bad, Y), (X, Y[:-1]), (X, Y, -np.ones(len(Y))), (X, Y / 3)):
            with pytest.raises(ValueError):
                model.fit(*arguments)
        assert_same_training(model, before)


class TestGarbage:
    @pytest.mark.parametrize("solver", ["rmsprop", "lbfgs"])
    def test_no_reference_to_the_data_is_left(self, solver):
        class Tracked(np.ndarray):
            pass

        data = X.copy().view(Tracked)
        alive = weakref.ref(data)
        gc.collect()
        gc.disable()
        try:
            model = make(solver=solver, max_iter=3, early_stopping=True).fit(data, Y)
            model.predict(data)
            del data
            assert alive() is None
            assert model.n_iter_ == 3
        finally:
            gc.enable()

    @pytest.mark.slow
    def test_fits_leave_no_garbage(self):
        model = make(max_iter=2)
        model.fit(X, Y)
        gc.collect()
        gc.disable()
        try:
            model.fit(X, Y).predict(X)
            found = gc.collect()
        finally:
            gc.enable()
        assert found < 50  # warnings and imports leave a few; X's arrays are told above


@pytest.mark.parametrize("solver", [*STOCHASTIC, "lbfgs"])
def test_threads_do_not_change_a_bit(solver):
    models = [
        make(solver=solver, max_iter=3, hidden_layer_sizes=(70, 33), n_threads=n).fit(X, Y)
        for n in (1, 2, 3)
    ]
    assert_same_training(models[0], models[1])
    assert_same_training(models[0], models[2])
    assert_array_equal(models[0].predict_proba(X), models[2].predict_proba(X))

"""The fit loop: schedules, stopping, history, and what is left after a fit that goes wrong."""

import copy
import gc
import math
import os
import pickle
import signal
import threading
import warnings
import weakref

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning

from fastmlp import MLPClassifier, fitting, randomness, training
from fastmlp.engine import Engine, EpochResult
from fastmlp.progress import Silent

X, Y = make_classification(
    150, 12, n_informative=8, n_classes=3, random_state=0, shuffle=True, class_sep=2.0
)
STOCHASTIC = ("rmsprop", "adam", "sgd")


def make(**parameters):
    parameters = {"random_state": 0, "hidden_layer_sizes": (7,), "batch_size": 32} | parameters
    return MLPClassifier(**parameters)


def weights(model):
    return [*model.coefs_, *model.intercepts_]


def assert_same_training(a, b):
    """Bit for bit, the history's seconds excepted."""
    for one, other in zip(weights(a), weights(b), strict=True):
        assert_array_equal(one, other)
    for name in ("t_", "n_iter_", "loss_", "best_loss_", "loss_curve_", "validation_scores_"):
        assert getattr(a, name) == getattr(b, name), name
    assert a.history_.keys() == b.history_.keys()
    for key in a.history_.keys() - {"seconds"}:
        assert a.history_[key] == b.history_[key], key


class FakeEngine:
    """Answers with the losses and validation scores of a script; its weight is the epoch."""

    def __init__(self, losses, scores=()):
        self.losses, self.scores = list(losses), list(scores)
        self.rates = []

    def train_epoch(self, data, labels, order, *, learning_rate, **rest):
        self.rates.append(learning_rate)
        return EpochResult(self.losses[len(self.rates) - 1], 0.5, 1)

    def evaluate(self, data, labels, rows=None, sample_weight=None):
        return 1.0, self.scores[len(self.rates) - 1]

    def get_parameters(self):
        return [np.array([[float(len(self.rates))]])], [np.zeros(1)]


class FakeData:
    n_samples, density, zero_skipping = 40, 0.5, True


def run_script(losses, scores=None, state=None, incremental=False, **parameters):
    """Training with scripted results: (Training, the last weights)."""
    model = make(early_stopping=scores is not None, **parameters)
    samples = training.Samples(FakeData, np.zeros((40, 1), np.int32))
    run = training.Training(
        model,
        FakeEngine(losses, scores or ()),
        samples,
        None if scores is None else samples,
        training.State(seed=0) if state is None else state,
        training.Record.of(model, first=True, incremental=False, early_stopping=scores is not None),
        Silent(),
        None,
        None,
    )
    coefs, _ = run.run(len(losses), run.engine.get_parameters(), incremental=incremental)
    return run, coefs[0].item()


class TestStopping:
    def test_without_a_tolerance_all_epochs_are_run(self):
        run, last = run_script([1.0] * 30, tol=None, n_iter_no_change=2)
        assert run.record.n_iter == last == 30

    def test_a_loss_that_does_not_improve_by_tol_ends_it(self):
        # Patience 2: the third epoch in a row without improvement is the last.
        losses = [1.0, 0.5, 0.45, 0.449, 0.448, 0.447, 0.446]
        run, _ = run_script(losses, tol=0.01, n_iter_no_change=2)
        assert run.record.n_iter == 6
        assert run.record.best_loss == 0.447

    def test_an_improvement_resets_the_count(self):
        losses = [1.0, 1.0, 1.0, 0.9, 0.9, 0.9, 0.9, 0.1]
        run, _ = run_script(losses, tol=0.01, n_iter_no_change=2)
        assert run.record.n_iter == 7

    def test_infinite_patience(self):
        with pytest.warns(ConvergenceWarning):
            run, _ = run_script([1.0] * 30, tol=0.01, n_iter_no_change=np.inf)
        assert run.record.n_iter == 30

    def test_maximum_iterations_warn_only_if_a_tolerance_was_asked_for(self):
        message = r"Stochastic Optimizer: Maximum iterations \(3\) reached and the optimization"
        with pytest.warns(ConvergenceWarning, match=message):
            run_script([3.0, 2.0, 1.0], tol=1e-4)
        run_script([3.0, 2.0, 1.0], tol=None)
        run_script([1.0], tol=1e-4, incremental=True)

    def test_early_stopping_keeps_the_best_weights(self):
        scores = [0.5, 0.7, 0.9, 0.8, 0.85, 0.9, 0.8, 0.8, 0.8, 0.99]
        run, best = run_script([1.0] * 10, scores, n_iter_no_change=2)
        assert best == 3  # the epoch that reached 0.9 first; equal scores do not count against it
        assert run.record.n_iter == 9
        assert run.record.best_score == 0.9

    def test_early_stopping_with_a_tolerance(self):
        scores = [0.5, 0.7, 0.75, 0.76, 0.77]
        run, best = run_script([1.0] * 5, scores, tol=0.1, n_iter_no_change=2)
        assert run.record.n_iter == best == 5
        assert run.record.best_score == 0.77


class TestSchedules:
    def test_constant(self):
        run, _ = run_script([1.0] * 4, learning_rate_init=0.5)
        assert run.engine.rates == [0.5] * 4

    @pytest.mark.parametrize("solver", ["sgd", "rmsprop"])
    def test_invscaling(self, solver):
        run, _ = run_script(
            [1.0] * 3, solver=solver, learning_rate="invscaling", learning_rate_init=2, power_t=0.3
        )
        assert run.engine.rates == [2.0, 2.0 / 41**0.3, 2.0 / 81**0.3]

    @pytest.mark.parametrize("solver", ["sgd", "rmsprop"])
    def test_adaptive_cuts_the_rate_instead_of_stopping(self, solver):
        run, _ = run_script(
            [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5],
            solver=solver,
            learning_rate="adaptive",
            learning_rate_init=1,
            n_iter_no_change=1,
            tol=1e-4,
            incremental=True,
        )
        assert run.engine.rates == [1.0, 1.0, 1.0, 0.2, 0.2, 0.2, 0.2 / 5]

    def test_adaptive_with_losses_that_grow(self):
        run, _ = run_script(
            [1.0, 2, 3, 4, 5, 6, 7],
            solver="sgd",
            learning_rate="adaptive",
            learning_rate_init=1,
            n_iter_no_change=1,
            tol=None,
        )
        assert run.engine.rates == [1.0, 1.0, 1.0, 0.2, 0.2, 0.04, 0.04]

    def test_adaptive_stops_when_the_rate_is_tiny(self):
        run, _ = run_script(
            [1.0] + [2.0] * 30,
            solver="sgd",
            learning_rate="adaptive",
            learning_rate_init=1e-5,
            n_iter_no_change=1,
        )
        assert run.record.n_iter == 7
        assert run.engine.rates[-1] <= 1e-6

    def test_adam_has_no_schedule(self):
        run, _ = run_script([1.0] * 4, solver="adam", learning_rate="invscaling")
        assert run.engine.rates == [0.001] * 4

    def test_a_new_rate_counts_from_the_next_partial_fit(self):
        model = make(learning_rate_init=0.01).partial_fit(X, Y, classes=[0, 1, 2])
        model.set_params(learning_rate_init=0.002).partial_fit(X, Y)
        assert model.history_["learning_rate"] == [0.01, 0.002]


class TestOptimizer:
    def test_parameters_changed_between_calls_count(self):
        model = make(solver="rmsprop").partial_fit(X, Y, classes=[0, 1, 2])
        other = copy.deepcopy(model)
        model.set_params(rho=0.5, momentum=0.9).partial_fit(X, Y)
        other.partial_fit(X, Y)
        assert (model._state.optimizer.rho, model._state.optimizer.momentum) == (0.5, 0.9)
        assert (model.coefs_[0] != other.coefs_[0]).any()

    def test_its_state_goes_on_only_to_its_own_kind(self):
        model = make(solver="adam").partial_fit(X, Y, classes=[0, 1, 2])
        n_updates = model._state.optimizer.n_updates
        model.set_params(beta_1=0.8).partial_fit(X, Y)
        assert model._state.optimizer.n_updates == 2 * n_updates
        model.set_params(solver="sgd").partial_fit(X, Y)
        assert model._state.optimizer.n_updates == n_updates
        assert not hasattr(model._state.optimizer, "beta_1")


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

    def test_endless_partial_fit_grows_by_the_history_only(self):
        model = make(n_threads=1)
        for _ in range(20):
            model.partial_fit(X, Y, classes=[0, 1, 2])
        size = len(pickle.dumps(model))
        for _ in range(100):
            model.partial_fit(X, Y)
        n_numbers = 100 * (len(model.history_) + 1)
        assert len(pickle.dumps(model)) - size <= 12 * n_numbers

    def test_orders_are_permutations_that_depend_on_seed_and_epoch_only(self):
        first, again = (randomness.epoch_order(3, 7, None, 50, True) for _ in range(2))
        assert first.dtype == np.int64
        assert_array_equal(first, again)
        assert_array_equal(np.sort(first), np.arange(50))
        expected = np.random.Generator(np.random.PCG64(np.random.SeedSequence((3, 7))))
        assert_array_equal(first, expected.permutation(50))
        for other in (randomness.epoch_order(3, 8, None, 50, True),
                      randomness.epoch_order(4, 7, None, 50, True)):  # fmt: skip
            assert (first != other).any()
        rows = np.arange(0, 100, 2)
        assert_array_equal(randomness.epoch_order(3, 7, rows, 50, True), rows[first])
        assert_array_equal(randomness.epoch_order(3, 7, None, 50, False), np.arange(50))

    def test_initial_weights_are_glorots_and_the_same_in_both_dtypes(self):
        double, biases = randomness.initial_parameters(1, (300, 200, 10), np.float64)
        single, _ = randomness.initial_parameters(1, (300, 200, 10), np.float32)
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
        with pytest.raises(ValueError, match="must have the shapes"):
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


class TestHistory:
    def test_keys_and_lengths(self):
        model = make(max_iter=3).fit(X, Y)
        assert list(model.history_) == ["loss", "accuracy", "learning_rate", "seconds"]
        assert all(len(values) == 3 for values in model.history_.values())
        assert model.history_["loss"] == model.loss_curve_
        assert model.loss_ == model.loss_curve_[-1]
        assert model.best_loss_ == min(model.loss_curve_)
        assert model.validation_scores_ is None
        assert model.best_validation_score_ is None
        model.fit(X, Y, X_val=X[:9], y_val=Y[:9])
        assert {"val_loss", "val_accuracy"} < set(model.history_)
        assert all(type(x) is float for values in model.history_.values() for x in values)

    def test_validation_is_that_of_evaluate(self):
        model = make(max_iter=3).fit(X, Y, X_val=X[:50], y_val=Y[:50])
        judged = model.evaluate(X[:50], Y[:50])
        assert model.history_["val_loss"][-1] == pytest.approx(judged["loss"], rel=1e-6)
        assert model.history_["val_accuracy"][-1] == judged["accuracy"]
        assert judged["accuracy"] == pytest.approx(model.score(X[:50], Y[:50]))

    def test_epochs_without_validation_have_nan(self):
        model = make().partial_fit(X, Y, classes=[0, 1, 2])
        model.partial_fit(X, Y, X_val=X, y_val=Y).partial_fit(X, Y)
        assert [math.isnan(value) for value in model.history_["val_loss"]] == [True, False, True]
        assert len(model.history_["loss"]) == 3

    def test_lbfgs(self):
        model = make(solver="lbfgs", max_iter=5).fit(X, Y, X_val=X, y_val=Y)
        assert model.n_iter_ == 5
        assert len(model.history_["loss"]) == len(model.history_["val_accuracy"]) == 5
        assert model.loss_curve_ == sorted(model.loss_curve_, reverse=True)
        assert model.loss_ == model.best_loss_ == model.loss_curve_[-1]
        assert model.history_["val_loss"][-1] == pytest.approx(model.evaluate(X, Y)["loss"])

    def test_early_stopping(self):
        model = make(
            max_iter=100, early_stopping=True, n_iter_no_change=3, tol=1e-4, solver="adam"
        ).fit(X, Y)
        assert model.n_iter_ < 100
        assert model.validation_scores_ == model.history_["val_accuracy"]
        assert model.best_validation_score_ == max(model.validation_scores_)
        assert model.best_loss_ is None
        assert model.t_ == model.n_iter_ * 135

    def test_early_stopping_by_the_callers_samples(self):
        model = make(max_iter=100, early_stopping=True, n_iter_no_change=3)
        model.fit(X[:100], Y[:100], X_val=X[100:], y_val=Y[100:])
        assert model.t_ == model.n_iter_ * 100
        assert model.best_validation_score_ == pytest.approx(model.score(X[100:], Y[100:]))

    def test_the_split_is_stratified_and_repeatable(self):
        strata = np.repeat([0, 1, 2], [20, 60, 20])
        train, held_out = randomness.split_rows(5, 100, 0.2, strata)
        assert_array_equal(np.bincount(strata[held_out]), [4, 12, 4])
        assert_array_equal(np.sort(np.concatenate([train, held_out])), np.arange(100))
        assert_array_equal(randomness.split_rows(5, 100, 0.2, strata)[1], held_out)
        assert (randomness.split_rows(6, 100, 0.2, strata)[1] != held_out).any()

    def test_a_class_of_one_sample_is_no_obstacle_to_early_stopping(self):
        labels = Y.copy()
        labels[0] = 9
        make(max_iter=2, early_stopping=True).fit(X, labels)

    def test_too_few_samples_to_validate(self):
        with pytest.raises(ValueError, match="The validation set is too small"):
            randomness.split_rows(0, 9, 0.1)


class TestLbfgs:
    def test_converges(self):
        model = make(solver="lbfgs", max_iter=500, dtype="float64", alpha=1.0, tol=1e-5)
        model.fit(X, Y)
        assert model.n_iter_ < 500
        assert model.score(X, Y) > 0.9

    def test_limits_warn_only_if_a_tolerance_was_asked_for(self):
        make(solver="lbfgs", max_iter=2).fit(X, Y)
        make(solver="lbfgs", max_fun=2).fit(X, Y)
        with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge after 2 iteration"):
            make(solver="lbfgs", max_iter=2, tol=1e-9).fit(X, Y)
        with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge"):
            make(solver="lbfgs", max_fun=2, tol=1e-9).fit(X, Y)

    def test_as_low_as_the_dtype_can_tell_is_no_failure(self):
        rng = np.random.RandomState(0)
        for seed in range(5):
            x, y = rng.normal(size=(20, 5)), rng.randint(0, 2, 20)
            make(solver="lbfgs", max_iter=500, random_state=seed).fit(x, y)

    def test_divergence(self):
        with pytest.raises(ValueError, match=r"non-finite parameter weights(?!.*learning_rate)"):
            make(solver="lbfgs").fit(X * 1e38, Y)

    def test_nothing_to_improve(self):
        model = make(solver="lbfgs", tol=1e6).fit(X, Y)
        assert model.n_iter_ == 0
        assert model.loss_ == pytest.approx(model.evaluate(X, Y)["loss"], rel=1e-5)


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

        monkeypatch.setattr(fitting, "make_engine", fail)
        for call in (model.fit, model.partial_fit):
            with pytest.raises(error):
                call(X[:, :5] if call == model.fit else X, Y)
        monkeypatch.undo()
        assert_same_training(model, before)
        assert model.n_features_in_ == 12
        assert_same_training(model.partial_fit(X, Y), before.partial_fit(X, Y))

    @pytest.mark.parametrize("solver", ["rmsprop", "lbfgs"])
    def test_keyboard_interrupt_keeps_what_was_learned(self, solver, monkeypatch):
        name = "loss_and_gradient" if solver == "lbfgs" else "train_epoch"
        method, calls = getattr(Engine, name), []

        def interrupted(self, *args, **kwargs):
            calls.append(0)
            if len(calls) == 4:
                raise KeyboardInterrupt
            return method(self, *args, **kwargs)

        monkeypatch.setattr(Engine, name, interrupted)
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

    def test_ctrl_c(self):
        model = make(max_iter=10**6, hidden_layer_sizes=(64,), n_threads=2)
        timer = threading.Timer(2.0, os.kill, (os.getpid(), signal.SIGINT))
        make(hidden_layer_sizes=(64,), n_threads=2, max_iter=1).fit(X, Y)  # compiled by now
        timer.start()
        with pytest.warns(UserWarning, match=r"Training interrupted by user\."):
            model.fit(X, Y)
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

    def test_refits_do_not_grow(self):
        resource = pytest.importorskip("resource")

        def refit(n):
            for _ in range(n):
                model.fit(X, Y).predict(X)
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        model = make(max_iter=2)
        before = refit(60)
        assert refit(300) - before <= 0.02 * before


def test_batch_size():
    assert training.batch_size(MLPClassifier(batch_size="auto"), 500) == 200
    assert training.batch_size(MLPClassifier(batch_size="auto"), 50) == 50
    assert training.batch_size(MLPClassifier(), 500) == 128
    with pytest.warns(UserWarning, match="Got `batch_size` less than 1 or larger than sample size"):
        assert training.batch_size(MLPClassifier(), 50) == 50


@pytest.mark.parametrize("solver", [*STOCHASTIC, "lbfgs"])
def test_threads_do_not_change_a_bit(solver):
    models = [
        make(solver=solver, max_iter=3, hidden_layer_sizes=(70, 33), n_threads=n).fit(X, Y)
        for n in (1, 2, 3)
    ]
    assert_same_training(models[0], models[1])
    assert_same_training(models[0], models[2])
    assert_array_equal(models[0].predict_proba(X), models[2].predict_proba(X))


def test_no_warning_in_a_plain_fit():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for solver in (*STOCHASTIC, "lbfgs"):
            clone(make(solver=solver, max_iter=3)).fit(X, Y).predict(X)

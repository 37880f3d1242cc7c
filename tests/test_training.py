"""The fit loop: schedules, stopping, history."""

import copy
import math
import warnings
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import balanced_accuracy_score
from trained import STOCHASTIC, X, Y, make

from fastmlp import MLPClassifier
from fastmlp.engine.epoch import EpochResult
from fastmlp.engine.losses import LOSSES
from fastmlp.engine.panel_layout import layout_of
from fastmlp.training import length, seeding
from fastmlp.training import stochastic as training
from fastmlp.training.context import FitContext, Samples
from fastmlp.training.history import Record
from fastmlp.training.progress import Silent
from fastmlp.training.resume_state import State


class FakeEngine:
    """Answers with the losses and validation scores of a script; its weight is the epoch."""

    loss = LOSSES["softmax_cross_entropy"]
    layout = layout_of((4, 512, 3), "float32")

    def __init__(self, losses, scores=()):
        self.losses, self.scores = list(losses), list(scores)
        self.rates = []

    def epochs(self, data, labels, **how):
        return self

    together = 1  # epochs of a pass

    def work(self, data):
        return self

    def epochs_per_pass(self, n_samples, batch_size):
        return self.together

    def run(self, orders, learning_rate, progress=None, dropout=None):
        for rates in learning_rate.reshape(len(orders), -1):
            (rate,) = set(rates)  # the same for all updates
            self.rates.append(rate)
        losses = self.losses[len(self.rates) - len(orders) : len(self.rates)]
        return [EpochResult(loss, 0.5, 1) for loss in losses]

    params = None

    def using(self, params):
        return nullcontext()

    def evaluate(self, data, labels, rows=None, sample_weight=None):
        return 1.0, self.scores[len(self.rates) - 1]

    def get_parameters(self):
        return [np.array([[float(len(self.rates))]])], [np.zeros(1)]


@pytest.fixture(params=[1, 3, 64], autouse=True)
def epochs_together(request, monkeypatch):
    """However many epochs run as one pass, training ends after the same one."""
    monkeypatch.setattr(FakeEngine, "together", request.param)


class FakeData:
    n_samples, density, zero_skipping = 40, 0.5, True


def run_script(losses, scores=None, state=None, incremental=False, **parameters):
    """Training with scripted results: (Training, the last weights)."""
    model = make(early_stopping=scores is not None, **parameters)
    samples = Samples(FakeData, np.zeros((40, 1), np.int32))
    validated = scores is not None
    run = training.Training(
        FitContext(
            model=model,
            engine=FakeEngine(losses, scores or ()),
            samples=samples,
            validation=samples if validated else None,
            state=State(seed=0) if state is None else state,
            record=Record.of(
                model, "accuracy", first=True, goes_on=False, early_stopping=validated
            ),
            report=Silent(),
            task=None,
            attributes=None,
        )
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
        assert best == 3  # the epoch that reached 0.9 first; an equal score is no improvement
        assert run.record.n_iter == 6
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
        train, held_out = seeding.split_rows(5, 100, 0.2, strata)
        assert_array_equal(np.bincount(strata[held_out]), [4, 12, 4])
        assert_array_equal(np.sort(np.concatenate([train, held_out])), np.arange(100))
        assert_array_equal(seeding.split_rows(5, 100, 0.2, strata)[1], held_out)
        assert (seeding.split_rows(6, 100, 0.2, strata)[1] != held_out).any()

    def test_a_class_of_one_sample_is_no_obstacle_to_early_stopping(self):
        labels = Y.copy()
        labels[0] = 9
        make(max_iter=2, early_stopping=True).fit(X, labels)

    def test_too_few_samples_to_validate(self):
        with pytest.raises(ValueError, match="The validation set is too small"):
            seeding.split_rows(0, 9, 0.1)


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
            make(solver="lbfgs").fit(X * (3e38 / abs(X).max()), Y)

    def test_nothing_to_improve(self):
        model = make(solver="lbfgs", tol=1e6).fit(X, Y)
        assert model.n_iter_ == 0
        assert model.loss_ == pytest.approx(model.evaluate(X, Y)["loss"], rel=1e-5)


def test_batch_size():
    assert length.batch_size(MLPClassifier(batch_size="auto"), 500) == 200
    assert length.batch_size(MLPClassifier(batch_size="auto"), 50) == 50
    assert length.batch_size(MLPClassifier(), 500) == 128
    with pytest.warns(UserWarning, match="Got `batch_size` less than 1 or larger than sample size"):
        assert length.batch_size(MLPClassifier(batch_size=64), 50) == 50
    assert length.batch_size(MLPClassifier(), 50) == 50  # the default: nobody asked for it


def test_auto_epochs():
    """20 epochs, or as many as make AUTO_UPDATES updates."""
    auto = MLPClassifier()
    assert length.n_epochs(auto, 60_000) == 20
    for n in (1, 100, 128, 129, 1000):
        updates = length.n_epochs(auto, n) * -(-n // 128)
        assert length.AUTO_UPDATES <= updates < length.AUTO_UPDATES + -(-n // 128)
    assert length.n_epochs(MLPClassifier(max_iter=7), 100) == 7
    model = MLPClassifier((4,), batch_size=30, solver="adam", random_state=0).fit(X, Y)
    assert (
        model.n_iter_ == length.AUTO_UPDATES // 5
    )  # RMSprop may end earlier: see test_auto_length


def well_separated(n=150):
    return make_blobs(n, centers=3, n_features=5, cluster_std=0.5, random_state=0)


class TestEarlyStoppingStops:
    @pytest.mark.parametrize("given", [False, True], ids=["split", "X_val"])
    def test_soon_after_a_perfect_score(self, given):
        B, labels = well_separated()
        validation = {"X_val": B[:50], "y_val": labels[:50]} if given else {}
        model = make(
            early_stopping=True, n_iter_no_change=5, max_iter=300, learning_rate_init=0.01
        ).fit(B, labels, **validation)
        scores = model.validation_scores_
        assert max(scores) == 1.0
        assert model.n_iter_ == scores.index(1.0) + 1 + 6

    def test_with_a_score_that_never_changes(self):
        model = make(
            early_stopping=True, n_iter_no_change=3, max_iter=300, learning_rate_init=1e-20
        ).fit(X, Y)
        assert model.n_iter_ == 1 + 4

    def test_adaptive_cuts_the_rate_and_then_stops(self):
        model = make(
            early_stopping=True, n_iter_no_change=2, max_iter=300, learning_rate_init=1e-5,
            learning_rate="adaptive", solver="sgd",
        ).fit(X, np.zeros(len(X)) + (X[:, 0] > 9) + (np.arange(len(X)) == 0))  # fmt: skip
        assert model.n_iter_ < 60
        assert model.history_["learning_rate"][-1] <= 1e-6


class TestScoring:
    def test_by_loss(self):
        model = make(early_stopping=True, scoring="loss", max_iter=30).fit(X, Y)
        assert model.validation_scores_ == [-loss for loss in model.history_["val_loss"]]
        assert model.best_validation_score_ == max(model.validation_scores_)
        assert "val_score" not in model.history_

    @pytest.mark.slow
    @pytest.mark.parametrize("form", ["array", "frame", "csr"])
    @pytest.mark.parametrize("given", [False, True], ids=["split", "X_val"])
    def test_by_a_scorer(self, given, form):
        make_form = {"array": np.asarray, "frame": pd.DataFrame, "csr": csr_array}[form]
        A = make_form(X) if form != "frame" else pd.DataFrame(X).rename(columns=str)
        validation = {"X_val": A, "y_val": Y} if given else {}
        model = make(early_stopping=True, scoring="balanced_accuracy", max_iter=8, tol=None)
        model.fit(A, Y, **validation)
        assert model.history_["val_score"] == model.validation_scores_
        if given:
            expected = balanced_accuracy_score(Y, model.predict(A))
            assert model.best_validation_score_ == pytest.approx(expected)

    def test_by_a_function_with_weights(self):
        seen = []

        def scorer(estimator, X, y, sample_weight=None):
            seen.append((len(X), sample_weight is not None))
            return estimator.score(X, y, sample_weight)

        model = make(early_stopping=True, scoring=scorer, max_iter=3)
        model.fit(X, Y, np.ones(len(X)))
        assert seen == [(15, True)] * 3
        assert model.validation_scores_ == pytest.approx(model.history_["val_accuracy"])

    def test_an_unknown_one_is_refused_before_the_training(self):
        with pytest.raises(ValueError, match="scoring"):
            make(early_stopping=True, scoring="accurracy").fit(X, Y)


def test_no_warning_in_a_plain_fit():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for solver in (*STOCHASTIC, "lbfgs"):
            clone(make(solver=solver, max_iter=3)).fit(X, Y).predict(X)


def test_a_sure_and_wrong_output_has_its_own_loss():
    """A probability that rounds to 1 would not tell a logit of 17 from one of 1,000."""
    X = np.ones((1, 1), np.float32)
    model = MLPClassifier((4,), max_iter=1, batch_size=1).fit(X.repeat(2, axis=0), [0, 1])
    for logit in (17.0, 1000.0):
        model.coefs_ = [np.ones((1, 4), np.float32), np.full((4, 1), logit / 4, np.float32)]
        model.intercepts_ = [np.zeros(4, np.float32), np.zeros(1, np.float32)]
        assert model.evaluate(X, [0])["loss"] == pytest.approx(logit, rel=1e-6)


def test_an_equal_loss_is_no_improvement():
    run, _ = run_script([1.0] * 10, tol=0.0, n_iter_no_change=2)
    assert run.record.n_iter == 4


def test_a_rate_of_1e_6_is_cut_no_further():
    how = {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 1e-6}
    run, _ = run_script([1.0] + [2.0] * 9, **how, n_iter_no_change=1)
    assert run.engine.rates == [1e-6] * 3


def test_fewer_validation_samples_than_classes():
    y = np.arange(30) % 5
    model = make(early_stopping=True, max_iter=2, batch_size=8).fit(X[:30], y)
    assert len(model.validation_scores_) == 2


def test_the_warning_of_lbfgs_names_max_iter():
    said = r"Increase the number of iterations .*\(max_iter=3\)"
    with pytest.warns(ConvergenceWarning, match=said):
        make(solver="lbfgs", tol=1e-9, max_iter=3).fit(X, Y)

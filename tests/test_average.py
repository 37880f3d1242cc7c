"""The weights' average: against its definition, resumed, pickled, with any threads, and what goes by it."""

import io
import itertools
import pickle

import joblib
import numpy as np
import pytest
import reference
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from small import X32, XM, YM, X, Y, assert_same, make, parameters_of

from fastmlp import Checkpoint, MLPClassifier, MLPRegressor
from fastmlp.data.batch_plan import _chunk_bounds
from fastmlp.engine import work
from fastmlp.engine.engine import Engine
from fastmlp.engine.optimizers import SGD, Adam, RMSprop
from fastmlp.engine.training_pass import TrainingPass
from fastmlp.engine.weight_average import FOLD_EVERY, WeightAverage
from fastmlp.training import seeding

pytestmark = pytest.mark.slow

STOCHASTIC = ("rmsprop", "adam", "sgd")
# 40 updates in an epoch: weights are added to the average after the second, 80, and the fourth.
HOW = {"average": 0.9, "batch_size": 3, "hidden_layer_sizes": (20,), "learning_rate_init": 0.01}
RULES = {
    "rmsprop": (RMSprop, "rmsprop", {}),
    "rmsprop-momentum": (RMSprop, "rmsprop", {"momentum": 0.9}),
    "adam": (Adam, "adam", {}),
    "nesterov": (SGD, "sgd", {"momentum": 0.9, "nesterov": True}),
}


def weights_after(model):
    """The weights that were trained, whose average the model's own are."""
    coefs, intercepts = model._state.latest
    return [*coefs, *intercepts]


# --- the definition ---------------------------------------------------------------------------


def test_it_is_the_mean_by_age():
    """With a fold after each update: sum of decay^age * weights over the sum of decay^age."""
    rng = np.random.default_rng(0)
    history = rng.normal(size=(50, 100))
    average = WeightAverage(0.8, rng.normal(size=100))
    for step, weights in enumerate(history, 1):
        average.fold(weights, step - 1, step)
        shares = 0.8 ** np.arange(step)[::-1]
        assert_allclose(average.values, shares @ history[:step] / shares.sum(), rtol=1e-12)


def test_a_fold_stands_for_all_pending_updates():
    """Folds after 16, 32, 56 and 72 updates of two epochs of 40: weights count by decay^age, a group's by their sum."""
    rng = np.random.default_rng(0)
    folds = rng.normal(size=(5, 10))
    average = WeightAverage(0.95, np.zeros(10))
    for epoch in range(2):
        before = -average.n_pending
        for number, now in enumerate((16, 32)):
            average.fold(folds[2 * epoch + number], before, now)
            average.fold(np.full(10, np.nan), now, now)  # no update, no fold
            before = now
        average.n_updates, average.n_pending = average.n_updates + 40, 40 - before
    groups = np.repeat(np.arange(5), [16, 16, 24, 16, 8])
    shares = 0.95 ** np.arange(80)[::-1]
    by_group = np.bincount(groups, shares)
    for _ in range(2):  # reading changes nothing
        assert_allclose(average.read(folds[4]), by_group @ folds / shares.sum(), rtol=1e-12)
    by_group = np.bincount(groups[:72], shares[:72])
    assert_allclose(average.values, by_group @ folds[:4] / shares[:72].sum(), rtol=1e-12)


def test_weights_are_added_at_the_end_of_an_epoch_only_if_enough_updates_are_pending():
    average = WeightAverage(0.9, np.zeros(1), every=16)
    assert [n for n in range(1, 50) if average.folds_after(n)] == [16, 32, 48]
    assert [n for n in range(14, 18) if average.folds_at_end(n)] == [16, 17]


@pytest.mark.parametrize("n_threads", [2, 3, 7])
def test_parts_of_a_fold_are_the_whole(n_threads):
    rng = np.random.default_rng(0)
    start, weights = rng.normal(size=(2, 50_001)).astype(np.float32)
    whole, shared = WeightAverage(0.9, start.copy()), WeightAverage(0.9, start.copy())
    for average in (whole, shared):
        average.n_updates = 7
    whole.fold(weights, 0, 3)
    for me in range(n_threads):
        shared.fold(weights, 0, 3, me, n_threads)
    assert_array_equal(whole.values, shared.values)
    assert not np.array_equal(whole.values, start)


def test_chunks_end_where_weights_are_added():
    bounds = _chunk_bounds(np.full(100, 1 << 20), None, 16)
    assert {16, 32, 48, 64, 80, 96, 100} < set(bounds)
    assert max(b - a for a, b in itertools.pairwise(bounds)) <= 6
    assert _chunk_bounds(np.ones(100), 50, 16) == [0, 16, 32, 48, 64, 80, 96, 100]
    assert _chunk_bounds(np.ones(100), 50) == [0, 50, 100]


@pytest.mark.parametrize("every", [16, 64])
@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("density", [0.05, 1.0], ids=["lazy rows", "dense"])
@pytest.mark.parametrize("rule", RULES)
def test_training_averages_the_reference_s_weights(rule, density, decay, every):
    """Three epochs of 40 updates, by threads and chunks of different numbers, in float64.

    Weights are added to the average after 16, 32, 56, ... of them, or after 80.
    """
    cls, solver, hyper = RULES[rule]
    rng = np.random.default_rng(3)
    sizes, n = (200, 40, 30, 4), 400
    inputs = rng.normal(size=(n, sizes[0])) * (rng.random((n, sizes[0])) < density)
    labels = rng.integers(sizes[-1], size=(n, 1)).astype(np.int32)
    orders = [rng.permutation(n) for _ in range(3)]
    coefs, intercepts = seeding.initial_parameters(0, sizes, np.float64)

    names = {"nesterov": "nesterovs_momentum"}
    found = []
    for n_threads in (1, 2, 3):
        engine = Engine(
            sizes, activation="relu", loss="softmax_cross_entropy", dtype="float64",
            n_threads=n_threads,
        )  # fmt: skip
        engine.set_parameters(coefs, intercepts)
        average = WeightAverage(0.97, engine.params.copy(), every=every)
        optimizer = cls(**{names.get(name, name): value for name, value in hyper.items()})
        data = engine.open(inputs)
        assert data.zero_skipping == (density < 1)
        epochs = engine.epochs(
            data, labels, batch_size=10, optimizer=optimizer, weight_decay=decay, average=average
        )
        for order in orders:
            epochs.epoch(order, 0.001)
        assert (average.n_updates, average.n_pending) == (120, 8 if every == 16 else 40)
        averages = engine.layout.unpack(average.read(engine.params))
        found.append([*averages[0], *averages[1]])
    for other in found[1:]:
        for one, same in zip(found[0], other, strict=True):
            assert_array_equal(one, same)

    optimizer = reference.Optimizer(solver, weight_decay=decay, **hyper)
    coefs, intercepts = [c.copy() for c in coefs], [b.copy() for b in intercepts]
    total, folded, wanted = 0, 0, None
    for order in orders:
        for first, stop in itertools.pairwise((0, 16, 32, 40)):
            reference.train_epoch(
                inputs, labels, coefs, intercepts, optimizer, order[10 * first : 10 * stop],
                batch_size=10, learning_rate=0.001,
            )  # fmt: skip
            total += stop - first
            if total < 120 and stop % every and (stop < 40 or total - folded < every):
                continue
            share = (1 - 0.97 ** (total - folded)) / (1 - 0.97**total)
            folded, weights = total, [*coefs, *intercepts]
            if wanted is None:
                wanted = [np.zeros_like(w) for w in weights]
            for mean, weight in zip(wanted, weights, strict=True):
                mean += share * (weight - mean)
    for mean, ours in zip(wanted, found[0], strict=True):
        assert_allclose(ours, mean, rtol=1e-9, atol=1e-12)


def test_weights_are_added_less_often_where_updates_touch_few():
    engine = Engine((1000, 64, 3), activation="relu", loss="softmax_cross_entropy", dtype="float32")
    thin = sparse.random_array(
        (50, 1000), density=0.002, rng=np.random.default_rng(0), format="csr"
    )
    assert engine.work(engine.open(np.ones((50, 1000)))).updates_per_fold(32) == FOLD_EVERY
    # A batch of 32 samples uses 64 of 1000 features, each with 64 weights, and 32 times the 192 behind them.
    every = FOLD_EVERY * -(-(64_000 + 192) // (32 * (2 * 64 + 192)))
    assert every == FOLD_EVERY * 7
    for form in (thin, thin.toarray()):
        assert engine.work(engine.open(form)).updates_per_fold(32) == every


def test_the_chunks_do_not_matter(monkeypatch):
    expected = make(**HOW).fit(X, Y)
    monkeypatch.setattr(work, "CHUNK_FLOPS", 5e4)
    assert_same(expected, make(**HOW).fit(X, Y))


# --- the estimators ---------------------------------------------------------------------------


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("solver", STOCHASTIC)
def test_training_itself_is_not_affected(solver, momentum):
    how = HOW | {"solver": solver, "momentum": momentum}
    plain, model = make(**how | {"average": 0.0}).fit(X, Y), make(**how).fit(X, Y)
    assert plain.history_["loss"] == model.history_["loss"]
    for one, other in zip(parameters_of(plain), weights_after(model), strict=True):
        assert_array_equal(one, other)
    assert not np.array_equal(plain.coefs_[0], model.coefs_[0])
    assert plain._state.latest is None


def test_predictions_and_validation_use_the_average():
    model = make(**HOW).fit(X, Y, X_val=X[:50], y_val=Y[:50])
    other = make(**HOW | {"average": 0.0, "max_iter": 1}).fit(X, Y)
    other.coefs_, other.intercepts_ = model.coefs_, model.intercepts_
    assert_array_equal(other.predict_proba(X), model.predict_proba(X))
    measures = other.evaluate(X[:50], Y[:50])
    assert model.history_["val_loss"][-1] == measures["loss"]
    assert model.history_["val_accuracy"][-1] == measures["accuracy"]
    other.coefs_, other.intercepts_ = model._state.latest
    assert other.evaluate(X[:50], Y[:50])["loss"] != measures["loss"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("solver", STOCHASTIC)
def test_partial_fit_and_pickles_resume_exactly(solver, dtype):
    how = HOW | {"solver": solver, "dtype": dtype, "momentum": 0.5, "dropout": 0.2}
    pending = []
    whole = make(n_threads=1, **how).fit(X, Y)
    parts = make(n_threads=3, **how)
    for epoch in range(4):
        parts.partial_fit(X, Y, classes=np.unique(Y))
        pending.append(parts._state.n_pending)
        if epoch % 2:
            parts = pickle.loads(pickle.dumps(parts))
        else:
            joblib.dump(parts, file := io.BytesIO())
            parts = joblib.load(file)
    assert pending == [40, 0, 40, 0]
    assert_same(whole, parts)
    for one, other in zip(weights_after(whole), weights_after(parts), strict=True):
        assert_array_equal(one, other)
    assert whole.history_["loss"] == parts.history_["loss"]


@pytest.mark.slow
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_checkpoint_resumes_exactly(tmp_path, early_stopping):
    pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9")
    how = HOW | {"early_stopping": early_stopping, "momentum": 0.5, "n_iter_no_change": 50}
    Checkpoint(tmp_path).fit(make(**how | {"max_iter": 5}), X, Y)
    loaded = Checkpoint.load(tmp_path)
    assert_same(loaded, make(**how | {"max_iter": 5}).fit(X, Y))
    parts = Checkpoint(tmp_path).fit(make(**how | {"max_iter": 9}), X, Y)
    whole = make(**how | {"max_iter": 9}).fit(X, Y)
    assert_same(parts, whole)
    for name in whole.history_.keys() - {"seconds"}:
        assert parts.history_[name] == whole.history_[name]


@pytest.mark.parametrize("scoring", [None, "loss", "neg_log_loss"])
def test_early_stopping_judges_and_keeps_averages(scoring):
    how = HOW | {"learning_rate_init": 0.03, "max_iter": 12, "scoring": scoring}
    rng = np.random.default_rng(0)
    labels = np.where(rng.random(len(Y)) < 0.3, rng.integers(3, size=len(Y)), Y)
    given = {"X_val": X[:60], "y_val": labels[:60]}
    model = make(**how, early_stopping=True).fit(X[60:], labels[60:], **given)
    best = int(np.argmax(model.validation_scores_))
    assert best + 1 < model.n_iter_
    again = make(**how | {"max_iter": best + 1, "scoring": None}).fit(X[60:], labels[60:])
    assert_same(model, again)
    plain = make(**how | {"average": 0.0}, early_stopping=True).fit(X[60:], labels[60:], **given)
    assert plain.validation_scores_ != model.validation_scores_


def test_early_stopping_ends_with_what_training_resumes_from():
    model = make(**HOW | {"early_stopping": True}).fit(X, Y)
    assert model._state.latest is None
    best = model.coefs_[0].copy()
    model.set_params(early_stopping=False, learning_rate_init=1e-30).partial_fit(X, Y)
    assert_allclose(weights_after(model)[0], best, rtol=1e-6)


def test_weights_that_a_user_assigns_are_trained_on():
    model = make(**HOW).fit(X, Y)
    untouched = pickle.loads(pickle.dumps(model))
    coefs = [coef.copy() for coef in model.coefs_]
    for array in model.coefs_:
        array *= 0.5
    model.set_params(learning_rate_init=1e-30).partial_fit(X, Y)
    for coef, before in zip(model.coefs_, coefs, strict=True):
        assert_allclose(coef, 0.5 * before, rtol=1e-6)
    assert model._state.n_averaged == 40
    untouched.set_params(learning_rate_init=1e-30)
    expected = weights_after(untouched)[0]
    assert_allclose(weights_after(untouched.partial_fit(X, Y))[0], expected, rtol=1e-6)
    assert untouched._state.n_averaged == 200


def test_warm_start_starts_from_the_model_s_weights():
    model = make(**HOW, warm_start=True).fit(X, Y)
    start = model.coefs_[0].copy()
    model.set_params(learning_rate_init=1e-30, max_iter=1).fit(X, Y)
    assert_allclose(model.coefs_[0], start, rtol=1e-6)
    assert model._state.n_averaged == 40


def test_switched_on_and_off_between_epochs():
    plain = make(**HOW | {"average": 0.0, "max_iter": 3}).fit(X, Y)
    model = make(**HOW | {"average": 0.0}).partial_fit(X, Y, classes=[0, 1, 2])
    model.set_params(average=0.9).partial_fit(X, Y)
    assert model._state.n_averaged == 40
    model.set_params(average=0.0).partial_fit(X, Y)
    assert_same(model, plain)
    assert model._state.average is None


def test_the_copy_for_predictions_has_the_averages_alone():
    model = make(**HOW).fit(X, Y)
    copy = model.without_optimizer_state()
    assert_array_equal(copy.predict_proba(X), model.predict_proba(X))
    assert copy._state.latest is copy._state.average is None
    copy.set_params(learning_rate_init=1e-30).partial_fit(X, Y)
    assert_allclose(copy.coefs_[0], model.coefs_[0], rtol=1e-6)


class Watcher:
    """A callback that asks for the model after each epoch."""

    def setup(self, estimator, context):
        self.models = []

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.task_name == "epoch":
            self.models.append(fitted_estimator)


@pytest.mark.parametrize("batch_size", [3, 50])
def test_who_reads_the_average_changes_no_bit(batch_size):
    """Validation, verbosity and callbacks read it after each epoch, with updates pending."""
    how = HOW | {"batch_size": batch_size, "max_iter": 5, "momentum": 0.5}
    expected = make(**how).fit(X, Y)
    assert expected._state.n_pending > 0
    given = {"X_val": X[:40], "y_val": Y[:40]}
    models = [make(**how).fit(X, Y, **given), make(**how, verbose=True).fit(X, Y, **given)]
    if hasattr(expected, "set_callbacks"):
        watched = make(**how).set_callbacks(watcher := Watcher())
        models.append(watched.fit(X, Y, **given))
        for epoch, seen in enumerate(watcher.models, 1):
            assert_same(seen, make(**how | {"max_iter": epoch}).fit(X, Y))
            assert seen.evaluate(X[:40], Y[:40])["loss"] == watched.history_["val_loss"][epoch - 1]
        assert epoch == 5
    for model in models:
        assert_same(expected, model)
        for name in ("n_averaged", "n_pending"):
            assert getattr(expected._state, name) == getattr(model._state, name)
        for one, other in zip(expected._state.average, model._state.average, strict=True):
            for array, same in zip(one, other, strict=True):
                assert_array_equal(array, same)


@pytest.mark.parametrize("other", [0.0, 0.5])
def test_another_decay_resumes_from_the_weights_themselves(other):
    """What predicts was made by the old decay, with updates pending."""
    model = make(**HOW | {"max_iter": 1}).fit(X, Y)
    assert model._state.n_pending == 40
    weights = [array.copy() for array in weights_after(model)]
    model.set_params(average=other, learning_rate_init=1e-30).partial_fit(X, Y)
    trained = weights_after(model) if other else parameters_of(model)
    for before, after in zip(weights, trained, strict=True):
        assert_allclose(after, before, rtol=1e-6)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_threads_and_the_form_of_x_change_no_bit(n_threads, momentum):
    rng = np.random.default_rng(0)
    inputs = np.where(rng.random((200, 300)) < 0.1, rng.normal(size=(200, 300)), 0).astype("f")
    labels = rng.integers(3, size=200)
    how = HOW | {"momentum": momentum, "hidden_layer_sizes": (70, 40), "weight_decay": 0.1}
    expected = make(**how, n_threads=1).fit(inputs, labels)
    for form in (np.asarray, np.asfortranarray, sparse.csr_array):
        assert_same(expected, make(**how, n_threads=n_threads).fit(form(inputs), labels))


def test_batches_without_weight_make_no_update():
    weight = np.zeros(len(Y))
    weight[:40] = 1
    model = make(**HOW | {"shuffle": False, "max_iter": 3}).fit(X, Y, sample_weight=weight)
    assert model._state.n_averaged == 3 * 14  # 40 samples are in 14 of 40 batches
    alone = make(**HOW | {"shuffle": False, "max_iter": 3}).fit(
        X[:42], Y[:42], sample_weight=weight[:42]
    )
    assert_same(model, alone)


def test_interrupted_in_the_first_epoch(monkeypatch):
    """Updates that were made are in the average, and so in the predictions."""
    run, chunks = TrainingPass.run, []

    def interrupted(self, orders, rates, progress=None, dropout=None):
        def stop(done):
            chunks.append(done)
            raise KeyboardInterrupt

        return run(self, orders, rates, stop, dropout)

    monkeypatch.setattr(TrainingPass, "run", interrupted)
    model = make(**HOW, n_threads=2)
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(X, Y)
    assert model._state.n_averaged == -(-chunks[0] // 3) > 0
    for mean, weights in zip(parameters_of(model), weights_after(model), strict=True):
        assert_array_equal(mean, weights)  # the first fold
    assert np.isfinite(model.predict_proba(X)).all()


def test_multilabel_regressor_and_lbfgs():
    assert make(average=0.9).fit(XM, YM).score(XM, YM) >= 0
    model = MLPRegressor(
        hidden_layer_sizes=(30,), average=0.9, random_state=0, learning_rate_init=0.01
    )
    assert model.fit(X32, X32[:, 0]).score(X32, X32[:, 0]) > 0.8
    weights = model._state.latest
    model.partial_fit(X32, X32[:, 0])
    assert not np.array_equal(model._state.latest[0][0], weights[0][0])
    assert_same(make(solver="lbfgs").fit(X, Y), make(solver="lbfgs", average=0.9).fit(X, Y))


@pytest.mark.parametrize("average", [1.0, -0.1, "0.9", None, np.nan, True])
def test_bad_decays_are_refused(average):
    with pytest.raises((ValueError, TypeError), match="average"):
        MLPClassifier(average=average).fit(X, Y)

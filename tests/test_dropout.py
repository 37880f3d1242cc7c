"""Dropout: the generator's quality, masks that depend on nothing but the sample, and training against the reference."""

import itertools
import pickle

import masks
import numpy as np
import pytest
import reference
from numpy.testing import assert_array_equal
from scipy import sparse, stats
from small import X32, XM, YM, X, Y, assert_same, make

from fastmlp import MLPRegressor
from fastmlp.engine.dropout import Dropout
from fastmlp.engine.engine import Engine
from fastmlp.engine.optimizers import SGD, Adam, RMSprop
from fastmlp.training.seeding import mask_keys

pytestmark = pytest.mark.slow

# The chance of a false alarm of one test of the generator's, all its comparisons together.
ALARM = 1e-6


# --- the generator ----------------------------------------------------------------------------


def table(seed, epoch, layer, n_rows=256, n_units=512):
    """Words of rows and units, uint32."""
    key = mask_keys(seed, epoch, layer + 1)[layer]
    return np.stack([masks.words(key, row, n_units) for row in range(n_rows)])


def bits_of(drawn):
    """Their bits as floats of -1 and 1, in a further axis."""
    return 1.0 - 2.0 * ((drawn[..., None] >> np.arange(32, dtype=np.uint32)) & 1)


def check_uncorrelated(a, b):
    """Each bit of one against each bit of the other: sums of n signs are normal, of variance n."""
    a, b = bits_of(a).reshape(-1, 32), bits_of(b).reshape(-1, 32)
    z = (a.T @ b) / np.sqrt(len(a))
    assert abs(z).max() < stats.norm.isf(ALARM / 2 / z.size), abs(z).max()


TABLES = {
    "seed": (table(0, 0, 1), table(1, 0, 1)),
    "epoch": (table(0, 0, 1), table(0, 1, 1)),
    "layer": (table(0, 0, 1), table(0, 0, 2)),
    "row": (table(0, 0, 1)[:-1], table(0, 0, 1)[1:]),
    "row-2": (table(0, 0, 1)[:-2], table(0, 0, 1)[2:]),
    "unit": (table(0, 0, 1)[:, :-1], table(0, 0, 1)[:, 1:]),
    "unit-16": (table(0, 0, 1)[:, :-16], table(0, 0, 1)[:, 16:]),
}


@pytest.mark.parametrize("neighbours", TABLES)
def test_neighbours_are_uncorrelated(neighbours):
    check_uncorrelated(*TABLES[neighbours])


def test_the_check_of_correlation_can_fail():
    drawn = table(0, 0, 1)
    with pytest.raises(AssertionError):
        check_uncorrelated(drawn, drawn ^ np.uint32(0b1000))
    weak = np.arange(drawn.size, dtype=np.uint32).reshape(drawn.shape) * np.uint32(0x9E3779B9)
    with pytest.raises(AssertionError):
        check_uncorrelated(weak[:, :-1], weak[:, 1:])


@pytest.mark.parametrize(
    ("seed", "epoch", "layer"), [(0, 0, 0), (1, 0, 0), (0, 1, 1), (2**31 - 1, 20, 3)]
)
def test_each_bit_is_fair(seed, epoch, layer):
    signs = bits_of(table(seed, epoch, layer))
    for axes in ((0, 1), (0,), (1,)):  # of all words, of each unit, of each row
        n = np.prod([signs.shape[axis] for axis in axes])
        z = signs.sum(axis=axes) / np.sqrt(n)
        assert abs(z).max() < stats.norm.isf(ALARM / 2 / z.size) + 3 / np.sqrt(n)


@pytest.mark.parametrize("shift", [0, 8, 16, 24])
def test_bytes_are_uniform(shift):
    values = (table(3, 2, 1) >> np.uint32(shift)) & 0xFF
    assert stats.chisquare(np.bincount(values.ravel(), minlength=256)).pvalue > ALARM
    # A pair of neighbouring units, or rows, fills a square evenly, too.
    for a, b in ((values[:, :-1:2], values[:, 1::2]), (values[:-1:2], values[1::2])):
        pairs = np.bincount((a >> 4 << 4 | b >> 4).ravel(), minlength=256)
        assert stats.chisquare(pairs).pvalue > ALARM


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5, 0.9])
def test_counts_of_dropped_units_are_binomial(rate):
    """Per row and per unit: neither mean nor spread is off."""
    dropped = table(4, 0, 1) < round(rate * 2**32)
    for axis in (0, 1):
        counts, n = dropped.sum(axis=axis), dropped.shape[axis]
        spread = ((counts - n * rate) ** 2 / (n * rate * (1 - rate))).sum()
        p = stats.chi2.sf(spread, len(counts))
        assert ALARM < p < 1 - ALARM


def test_keys_of_a_layer_do_not_depend_on_the_others():
    assert_array_equal(mask_keys(5, 3, 4)[:2], mask_keys(5, 3, 2))
    keys = [
        int(key) for seed in range(20) for epoch in range(20) for key in mask_keys(seed, epoch, 5)
    ]
    assert len(set(keys)) == len(keys)


# --- the kernels' masks -----------------------------------------------------------------------


def draw_job(rng, sizes, n, density, dtype, output="softmax"):
    inputs = (rng.normal(size=(n, sizes[0])) * (rng.random((n, sizes[0])) < density)).astype(dtype)
    if output == "softmax":
        labels = rng.integers(sizes[-1], size=(n, 1)).astype(np.int32)
    else:
        labels = rng.integers(2, size=(n, sizes[-1])).astype(np.int32)
    coefs = [rng.normal(size=shape) / np.sqrt(shape[0]) for shape in itertools.pairwise(sizes)]
    return inputs, labels, coefs, [rng.normal(size=size) / 4 for size in sizes[1:]]


def train(job, sizes, dropout, *, n_threads, convert=np.asarray, optimizer=None, order, **how):
    inputs, labels, coefs, intercepts = job
    how = {"activation": "relu", "loss": "softmax_cross_entropy"} | how
    engine = Engine(sizes, dtype=inputs.dtype, n_threads=n_threads, **how)
    engine.set_parameters(coefs, intercepts)
    result = engine.train_epoch(
        engine.open(convert(inputs)), labels, order, batch_size=32,
        optimizer=SGD(momentum=0.9) if optimizer is None else optimizer,
        learning_rate=0.05, dropout=dropout,
    )  # fmt: skip
    return result, [p for parameters in engine.get_parameters() for p in parameters]


SIZES = (60, 70, 130, 5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("density", [0.2, 1.0])
@pytest.mark.parametrize("rates", [(0.3, 0, 0), (0, 0.5, 0.2), (0.1, 0, 0.6)], ids=str)
@pytest.mark.parametrize("activation", reference.ACTIVATION)
def test_training_is_the_reference_s_given_the_masks(activation, rates, density, dtype):
    rng = np.random.default_rng(6)
    n = 150
    job = draw_job(rng, SIZES, n, density, dtype)
    dropout = Dropout(np.array(rates), mask_keys(1, 2, 3))
    order = rng.permutation(n)[:140]
    results = [
        train(job, SIZES, dropout, n_threads=threads, order=order, activation=activation)
        for threads in (1, 2, 3)
    ]
    given = [[np.asarray(p, dtype).astype(float) for p in ps] for ps in job[2:]]
    loss, accuracy = reference.train_epoch(
        job[0].astype(float), job[1], *given, reference.Optimizer("sgd", momentum=0.9), order,
        batch_size=32, learning_rate=0.05, activation=activation,
        masks=masks.masks(dropout, n, SIZES[:-1]),
    )  # fmt: skip
    result, found = results[0]
    eps = float(np.finfo(dtype).eps)
    assert result.loss == pytest.approx(loss, rel=100 * eps)
    assert result.score == pytest.approx(accuracy, abs=1e-12)
    for array, expected in zip(found, given[0] + given[1], strict=True):
        np.testing.assert_allclose(array, expected, rtol=0, atol=100 * eps * abs(expected).max())
    for _, other in results[1:]:
        for array, same in zip(found, other, strict=True):
            assert_array_equal(array, same)


@pytest.mark.parametrize("optimizer", [RMSprop, lambda: RMSprop(momentum=0.5), Adam, SGD])
def test_dense_and_sparse_x_have_the_same_masks(optimizer):
    rng = np.random.default_rng(7)
    job = draw_job(rng, SIZES, 100, 0.3, "float32", "logistic")
    dropout = Dropout(np.array([0.2, 0.5, 0.5]), mask_keys(3, 0, 3))
    forms = {
        "dense": np.asarray,
        "Fortran": np.asfortranarray,
        "csr": sparse.csr_array,
        "wide": lambda x: x.astype(np.float64),
    }
    found = [
        train(
            job,
            SIZES,
            dropout,
            n_threads=2,
            convert=convert,
            optimizer=optimizer(),
            order=np.arange(100),
            loss="logistic_cross_entropy",
        )
        for convert in forms.values()
    ]
    for result, parameters in found[1:]:
        assert result == found[0][0]
        for array, same in zip(parameters, found[0][1], strict=True):
            assert_array_equal(array, same)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradient_follows_differences(dtype):
    """The gradient of the loss that dropout defines; from one step of plain SGD."""
    rng = np.random.default_rng(8)
    sizes, n = (7, 9, 8, 3), 20
    job = draw_job(rng, sizes, n, 0.8, "float64")
    dropout = Dropout(np.array([0.2, 0.4, 0.3]), mask_keys(9, 1, 3))
    drawn = masks.masks(dropout, n, sizes[:-1])
    rate = 0.01
    inputs = job[0].astype(dtype)
    engine = Engine(sizes, activation="gelu", loss="softmax_cross_entropy", dtype=dtype)
    engine.set_parameters(*job[2:])
    engine.train_epoch(
        engine.open(inputs), job[1], np.arange(n), batch_size=n, optimizer=SGD(),
        learning_rate=rate, dropout=dropout,
    )  # fmt: skip
    for before, after in zip(job[2:], engine.get_parameters(), strict=True):
        for array, moved in zip(before, after, strict=True):
            for place in np.ndindex(array.shape):
                old, ends = array[place], []
                for step in (1e-5, -1e-5):
                    array[place] = old + step
                    ends.append(
                        reference.backward(
                            job[0], job[1], *job[2:], activation="gelu", masks=drawn
                        )[0]
                    )
                array[place] = old
                slope = (ends[0] - ends[1]) / 2e-5
                tolerance = 1e-8 if dtype == "float64" else 2e-5
                assert (old - moved[place]) / rate == pytest.approx(slope, abs=tolerance, rel=1e-4)


def test_outputs_keep_their_expected_value():
    """The mean over many masks of what the next layer is given is what it is given without dropout."""
    n_epochs, rates = 400, np.array([0.3, 0.6])
    drawn = [
        masks.masks(Dropout(rates, mask_keys(0, epoch, 2)), 20, (30, 40))
        for epoch in range(n_epochs)
    ]
    for layer, rate in enumerate(rates):
        mean = np.mean([of_epoch[layer] for of_epoch in drawn], axis=0)
        z = (mean - 1) / np.sqrt(rate / (1 - rate) / n_epochs)
        assert abs(z).max() < 5.5
        assert abs(z.mean()) < 5.5 / np.sqrt(z.size)


@pytest.mark.parametrize("dropout", [(0.5, 0.0), (0.0, 0.5)], ids=["inputs", "hidden"])
def test_a_sample_s_mask_depends_on_nothing_but_the_sample(dropout):
    """The gradient that one sample gives, its neighbours having no weight, in any place of any batch."""
    rng = np.random.default_rng(10)
    sizes, n = (30, 40, 4), 50
    inputs, labels, coefs, intercepts = draw_job(rng, sizes, n, 1.0, "float64")
    dropout = Dropout(np.array(dropout), mask_keys(0, 0, 2))
    weight = np.zeros(n)
    weight[17] = 1.0
    found = []
    for order, size in (
        (np.arange(n), n), (np.arange(n)[::-1].copy(), n), (rng.permutation(n), 16), (np.array([17]), 1)
    ):  # fmt: skip
        engine = Engine(sizes, activation="relu", loss="softmax_cross_entropy", dtype="float64")
        engine.set_parameters(coefs, intercepts)
        engine.train_epoch(
            engine.open(inputs), labels, order, batch_size=size, optimizer=SGD(),
            learning_rate=0.1, sample_weight=weight, dropout=dropout,
        )  # fmt: skip
        found.append([p for parameters in engine.get_parameters() for p in parameters])
    for other in found[1:]:
        for array, same in zip(other, found[0], strict=True):
            assert_array_equal(array, same)
    assert not np.array_equal(found[0][0], coefs[0])


# --- the estimators ---------------------------------------------------------------------------

PARAMETERS = {"hidden_layer_sizes": (40, 30), "dropout": (0.5, 0.2), "input_dropout": 0.1}


@pytest.mark.parametrize("solver", ["rmsprop", "adam", "sgd"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_partial_fit_and_pickles_resume_exactly(solver, dtype):
    how = PARAMETERS | {"solver": solver, "dtype": dtype}
    whole = make(n_threads=1, **how).fit(X, Y)
    parts = make(n_threads=2, **how)
    for _ in range(4):
        parts = pickle.loads(pickle.dumps(parts)).partial_fit(X, Y, classes=np.unique(Y))
    assert_same(whole, parts)
    assert whole.history_["loss"] == parts.history_["loss"]


def test_each_epoch_and_seed_has_other_masks():
    losses = [
        make(
            **PARAMETERS | {"hidden_layer_sizes": (40,), "dropout": 0.5}, learning_rate_init=1e-30,
            shuffle=False, random_state=seed,
        ).fit(X, Y, coef_init=[np.ones((6, 40)) / 9, np.eye(40, 3)]).loss_curve_
        for seed in (0, 1)
    ]  # fmt: skip
    assert len(set(losses[0] + losses[1])) == 8


def test_predictions_and_validation_have_no_dropout():
    plain = make().fit(X, Y)
    model = make(dropout=0.9, input_dropout=0.9, max_iter=1, learning_rate_init=1e-30)
    model.fit(X, Y, X_val=X, y_val=Y, coef_init=plain.coefs_, intercept_init=plain.intercepts_)
    loss = plain.evaluate(X, Y)["loss"]
    assert model.history_["val_loss"][0] == pytest.approx(loss, rel=1e-6)
    np.testing.assert_allclose(model.predict_proba(X), plain.predict_proba(X), rtol=1e-5)
    assert abs(model.history_["loss"][0] - loss) > 0.01  # in training there is


def test_rate_zero_is_no_dropout():
    assert_same(make().fit(X, Y), make(dropout=[0.0], input_dropout=0).fit(X, Y))


def test_multilabel_regressor_and_lbfgs():
    assert make(dropout=0.5, input_dropout=0.2).fit(XM, YM).score(XM, YM) >= 0
    model = MLPRegressor(
        hidden_layer_sizes=(30,), dropout=0.1, random_state=0, learning_rate_init=0.01
    )
    assert model.fit(X32, X32[:, 0]).score(X32, X32[:, 0]) > 0.8
    shifted = np.where(np.random.default_rng(0).random(X.shape) < 0.8, 2.0, X)  # with baselines
    for rates in ({"dropout": 0.5}, {"input_dropout": 0.5}):
        plain = make(solver="lbfgs").fit(shifted, Y)
        assert plain.baselines_ is not None
        assert_same(plain, make(solver="lbfgs", **rates).fit(shifted, Y))


@pytest.mark.parametrize("dropout", [1.0, -0.1, (0.5, 0.5), [1.0], ["a"], "half", np.nan, None])
def test_bad_rates_are_refused(dropout):
    with pytest.raises(ValueError, match="dropout"):
        make(dropout=dropout).fit(X, Y)


def test_bad_input_rates_are_refused():
    with pytest.raises(ValueError, match="input_dropout"):
        make(input_dropout=1.0).fit(X, Y)

"""Each kernel against its float64 reference, called on plain arrays."""

import subprocess
import sys
from itertools import pairwise, product

import numpy as np
import pytest
import reference
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.metrics import r2_score

from fastmlp import array_kernels
from fastmlp.data import prepared
from fastmlp.engine.engine import Engine
from fastmlp.engine.full_gradient import FullGradient
from fastmlp.engine.losses import LOSSES

DTYPES = (np.float32, np.float64)
dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=["float32", "float64"])
few = settings(max_examples=30, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def as_float64(*items):
    return [np.array(x, np.float64) for x in items]


def with_any_team(function, *args, **kwargs):
    """The result with one thread, once that with two has the same bits."""
    one, two = (function(*args, n_threads=n, **kwargs) for n in (1, 2))
    pairs = zip(one, two, strict=True) if isinstance(one, tuple) else [(one, two)]
    for a, b in pairs:
        np.testing.assert_array_equal(a, b, strict=True)
    return one


# --- products ---------------------------------------------------------------------------------


def draw_product(seed, n, fan_in, fan_out, density, dtype):
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(n, fan_in)) * (rng.random((n, fan_in)) < density)
    weight, bias = rng.normal(size=(fan_in, fan_out)), rng.normal(size=fan_out)
    return inputs.astype(dtype), weight.astype(dtype), bias.astype(dtype)


def check_product(found, inputs, weight, bias):
    """fan_in + 1 roundings are off by so many times half an epsilon of the sum's absolute size."""
    inputs, weight, bias = as_float64(inputs, weight, bias)
    expected = reference.matmul(inputs, weight, bias)
    size = reference.matmul(abs(inputs), abs(weight), abs(bias))
    eps = float(np.finfo(found.dtype).eps)
    assert found.shape == expected.shape
    assert (abs(found - expected) <= (0.5 * eps + 2**-53) * (inputs.shape[1] + 1) * size).all()


@dtypes
@few
@given(
    seed=seeds,
    n=st.integers(1, 300),
    fan_in=st.integers(1, 150),
    fan_out=st.integers(1, 150),
    density=st.sampled_from([0.0, 0.02, 0.2, 0.5, 0.8, 1.0]),
)
@example(seed=0, n=1, fan_in=1, fan_out=1, density=1.0)
@example(seed=1, n=7, fan_in=65, fan_out=65, density=0.3)
@example(seed=2, n=129, fan_in=64, fan_out=64, density=1.0)
def test_matmul(dtype, seed, n, fan_in, fan_out, density):
    parts = draw_product(seed, n, fan_in, fan_out, density, dtype)
    found = with_any_team(array_kernels.matmul, *parts)
    assert found.dtype == dtype
    check_product(found, *parts)
    csr = with_any_team(array_kernels.matmul, sparse.csr_array(parts[0]), *parts[1:])
    np.testing.assert_array_equal(csr, found)


@dtypes
@pytest.mark.parametrize("fan_out", [1, 10, 17, 31, 40, 49, 64, 100, 130, 177])
def test_skipped_zeros_change_no_bit(dtype, fan_out, monkeypatch):
    parts = draw_product(3, 141, 90, fan_out, 0.5, dtype)
    results = []
    for crossover, block_features in product((-1.0, np.inf), (7, 160)):
        monkeypatch.setattr(prepared, "CROSSOVER", crossover)
        monkeypatch.setattr(prepared, "BLOCK_FEATURES", block_features)
        monkeypatch.setattr(prepared, "BLOCK_ENTRIES", 1)
        results.append(array_kernels.matmul(*parts, n_threads=2))
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


def test_matmul_takes_any_real_inputs():
    weight, bias = np.ones((3, 2), np.float32), np.zeros(2, np.float32)
    for dtype in ("uint8", "bool", "int64", "float16", ">f8"):
        inputs = np.array([[1, 0, 1]]).astype(dtype)
        np.testing.assert_array_equal(array_kernels.matmul(inputs, weight, bias), [[2, 2]])


def test_matmul_refuses():
    x, w, b = np.ones((4, 3), np.float32), np.ones((3, 2), np.float32), np.ones(2, np.float32)
    for parts in ((x[:, :2], w, b), (x, w[:2], b), (x, w, b[:1]), (x[0], w, b), (x, w[0], b)):
        with pytest.raises(ValueError, match=r"must have the shapes|dimension"):
            array_kernels.matmul(*parts)
    for parts in ((x[:0], w, b), (x[:, :0], w[:0], b), (x, w[:, :0], b[:0])):
        with pytest.raises(ValueError, match="must not be empty"):
            array_kernels.matmul(*parts)
    bad = (x, w.astype(int), b), (x, w, b.astype(float)), (x.astype(complex), w, b)
    for parts in (*bad, (x, w.astype(">f4"), b), (sparse.csc_array(x), w, b)):
        with pytest.raises(TypeError):
            array_kernels.matmul(*parts)


# --- functions of each element ----------------------------------------------------------------

# The largest error in units in the last place, and where.
ACCURACY = {
    "exp": (2.0, {np.float32: (-87.0, 88.0), np.float64: (-708.0, 709.0)}),
    "log": (3.0, {np.float32: (1.2e-38, 3.4e38), np.float64: (2.3e-308, 1.7e308)}),
    "log1p": (3.0, dict.fromkeys(DTYPES, (0.0, 1.0))),
    "tanh": (3.0, dict.fromkeys(DTYPES, (-50.0, 50.0))),
    "logistic": (3.0, {np.float32: (-86.0, 100.0), np.float64: (-700.0, 750.0)}),
}


def exactly(name, x):
    """The function in extended precision, where there is one."""
    x = np.asarray(x, np.longdouble)
    return 1 / (1 + np.exp(-x)) if name == "logistic" else getattr(np, name)(x)


def draw_points(rng, low, high, n=200_000):
    """Points spread evenly, and points spread evenly over magnitudes."""
    sizes = np.exp(rng.uniform(np.log(max(low, 1e-30)), np.log(high), n))
    points = [rng.uniform(low, high, n) if np.isfinite(high - low) else sizes, sizes]
    if low < 0:
        points.append(-np.exp(rng.uniform(np.log(1e-30), np.log(-low), n)))
    if high > 2:  # about 1, where log is 0
        points.append(1 + rng.uniform(-1e-3, 1e-3, n))
    return np.concatenate([*points, [low, high]])


@dtypes
@pytest.mark.parametrize("name", ACCURACY)
def test_accuracy(name, dtype):
    limit, ranges = ACCURACY[name]
    x = draw_points(np.random.default_rng(4), *ranges[dtype]).astype(dtype)
    x = np.clip(x, *np.asarray(ranges[dtype], dtype))
    found = with_any_team(getattr(array_kernels, name), x)
    expected = exactly(name, x)
    # Where the result is subnormal, the unit is that of the smallest normal number.
    unit = np.spacing(np.maximum(abs(expected).astype(dtype), np.finfo(dtype).tiny))
    assert (abs(found - expected) / unit).max() <= limit


@dtypes
def test_extremes(dtype):
    nan, inf, info = np.nan, np.inf, np.finfo(dtype)
    x = np.array([nan, -inf, inf, info.min, info.max, 0.0, -0.0, info.tiny, -info.tiny], dtype)

    def each(name):
        return getattr(array_kernels, name)(x, n_threads=1)

    np.testing.assert_array_equal(each("identity"), x)
    np.testing.assert_array_equal(each("relu")[1:], np.maximum(x, 0)[1:])
    np.testing.assert_array_equal(each("tanh"), [nan, -1, 1, -1, 1, 0, 0, info.tiny, -info.tiny])
    e = each("exp")
    np.testing.assert_array_equal(e[[0, 1, 3, 5, 6, 7, 8]], [nan, 0, 0, 1, 1, 1, 1])
    assert (e[[2, 4]] > info.max / 10).all()
    assert np.isfinite(e[[2, 4]]).all()
    p = each("logistic")
    np.testing.assert_array_equal(p[[0, 2, 4, 5, 6, 7, 8]], [nan, 1, 1, 0.5, 0.5, 0.5, 0.5])
    assert (p[[1, 3]] <= info.tiny).all()
    assert (p[[1, 3]] >= 0).all()
    for name in ("log", "log1p"):
        assert np.isnan(each(name)[0])
    assert each("log")[4] == pytest.approx(np.log(info.max), rel=4 * float(info.eps))


def test_nan_stays_nan_in_relu():
    assert np.isnan(array_kernels.relu(np.array([np.nan]), n_threads=1)).all()


@dtypes
@pytest.mark.parametrize("name", reference.ACTIVATION)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (5, 3), (17, 9, 2)])
def test_activations(name, dtype, shape):
    x = np.random.default_rng(5).normal(size=shape).astype(dtype) * 3
    x = np.asarray(x, dtype)
    found = with_any_team(getattr(array_kernels, name), x)
    assert found.dtype == dtype
    expected = reference.ACTIVATION[name](np.asarray(x, np.float64))
    eps = float(np.finfo(dtype).eps)
    # Of gelu's tail a rounding of x² is left, which is small beside x alone.
    limit = 4 * eps * (abs(x) if name == "gelu" else abs(expected))
    assert (abs(found - expected) <= limit).all()
    np.testing.assert_array_equal(getattr(array_kernels, name)(x.T), found.T)


def test_activations_refuse():
    for x in (np.arange(3), np.ones(3, np.float16), np.ones(3, ">f4"), [1, 2]):
        with pytest.raises(TypeError, match="x must be float32 or float64"):
            array_kernels.relu(x)


# --- losses -----------------------------------------------------------------------------------


def check_loss(found, expected, logits, labels, weight):
    loss, delta, accuracy = found
    eps = float(np.finfo(logits.dtype).eps)
    # exp makes a rounding of its argument a relative error of the probabilities.
    size = 1 + float(abs(logits).max())
    assert loss == pytest.approx(expected[0], rel=8 * eps, abs=4 * eps * size * labels.shape[1])
    assert delta.dtype == logits.dtype
    share = np.ones(len(logits)) if weight is None else weight
    limit = 4 * eps * size * share / share.sum()
    assert (abs(delta - expected[1]) <= limit[:, None]).all()
    assert accuracy == pytest.approx(expected[2], rel=1e-12)


@dtypes
@few
@given(
    seed=seeds,
    n=st.integers(1, 150),
    n_outputs=st.integers(2, 150),
    scale=st.sampled_from([0.0, 0.1, 3.0, 30.0, 1000.0]),
    weighted=st.booleans(),
)
@example(seed=0, n=1, n_outputs=2, scale=1.0, weighted=False)
@example(seed=0, n=3, n_outputs=65, scale=1.0, weighted=True)
def test_softmax_cross_entropy_backward(dtype, seed, n, n_outputs, scale, weighted):
    rng = np.random.default_rng(seed)
    logits = (rng.normal(size=(n, n_outputs)) * scale).astype(dtype)
    labels = rng.integers(n_outputs, size=(n, 1))
    weight = rng.integers(1, 5, n).astype(float) * (rng.random(n) < 0.7) if weighted else None
    if weighted and not weight.any():
        weight[0] = 1.0
    name = "softmax_cross_entropy_backward"
    found = with_any_team(getattr(array_kernels, name), logits, labels, weight)
    expected = getattr(reference, name)(logits.astype(float), labels, weight)
    check_loss(found, expected, logits, labels, weight)


@dtypes
@pytest.mark.parametrize("n_outputs", [2, 3, 8, 10, 16, 17, 40, 300])
def test_softmax_of_many_samples_is_that_of_each(dtype, n_outputs):
    """Whole vectors of samples are taken side by side, as long as their classes have room, a rest one by one."""
    rng = np.random.default_rng(n_outputs)
    logits = (rng.integers(-40, 5, (64, n_outputs)) * 0.37).astype(dtype)  # with ties
    logits[5] = np.linspace(-1e4, 1e4, n_outputs)
    logits[6, 0], logits[7, 1], logits[8] = np.nan, np.inf, -np.inf
    labels = rng.integers(n_outputs, size=(64, 1))
    labels[:20, 0] = logits[:20].argmax(axis=1)
    kernel = array_kernels.softmax_cross_entropy_backward
    _, delta, accuracy = kernel(logits, labels, n_threads=1)
    each = [kernel(logits[i : i + 1], labels[i : i + 1], n_threads=1) for i in range(64)]
    assert_array_equal(delta * 64, np.concatenate([one[1] for one in each]), strict=True)
    assert accuracy == np.mean([one[2] for one in each])
    _, delta, _ = kernel(logits, labels, np.arange(64) > 8, n_threads=1)
    assert_array_equal(delta[:9], np.zeros((9, n_outputs), dtype))
    for i, alone in enumerate(np.eye(55)):
        loss, _, _ = kernel(logits[9:], labels[9:], alone, n_threads=1)
        assert loss == each[9 + i][0]


@dtypes
@few
@given(
    seed=seeds,
    n=st.integers(1, 150),
    n_outputs=st.integers(1, 150),
    scale=st.sampled_from([0.0, 0.1, 3.0, 30.0, 1000.0]),
    weighted=st.booleans(),
)
@example(seed=0, n=1, n_outputs=1, scale=1.0, weighted=False)
def test_logistic_cross_entropy_backward(dtype, seed, n, n_outputs, scale, weighted):
    rng = np.random.default_rng(seed)
    logits = (rng.normal(size=(n, n_outputs)) * scale).astype(dtype)
    logits[np.abs(logits) < 1e-6] = 0  # whose probability float32 cannot tell from 1/2
    # Mostly right, or no sample of many outputs ever is.
    labels = ((logits > 0) ^ (rng.random((n, n_outputs)) < 0.5 / n_outputs)).astype(np.int32)
    weight = rng.uniform(0.5, 2.0, n) if weighted else None
    name = "logistic_cross_entropy_backward"
    found = with_any_team(getattr(array_kernels, name), logits, labels, weight)
    expected = getattr(reference, name)(logits.astype(float), labels, weight)
    check_loss(found, expected, logits, labels, weight)


@dtypes
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n", [1, 7, 8, 16, 37, 150])
@pytest.mark.parametrize("name", ["logistic_cross_entropy_backward", "squared_error_backward"])
def test_a_single_output_is_one_of_several(name, n, weighted, dtype):
    """Samples of a single output share vectors; those of two outputs do not."""
    rng = np.random.default_rng(n)
    outputs, kernel = (rng.normal(size=(n, 1)) * 10).astype(dtype), getattr(array_kernels, name)
    targets = rng.integers(2, size=(n, 1))
    weight = rng.uniform(0.5, 2.0, n) if weighted else None
    two_loss, two_delta, two_score = kernel(
        np.repeat(outputs, 2, axis=1), np.repeat(targets, 2, axis=1), weight
    )
    summed = 2 if name.startswith("logistic") else 1  # a squared error is averaged over outputs
    for n_threads in (1, 2):
        loss, delta, score = kernel(outputs, targets, weight, n_threads=n_threads)
        np.testing.assert_array_equal(delta[:, 0], two_delta[:, 1])
        assert summed * loss == two_loss
        np.testing.assert_equal(score, two_score)


@dtypes
@pytest.mark.parametrize("name", ["squared_error_backward", "poisson_backward"])
@few
@given(
    seed=seeds,
    n=st.integers(1, 150),
    n_outputs=st.integers(1, 150),
    scale=st.sampled_from([0.0, 0.1, 3.0, 20.0]),
    weighted=st.booleans(),
)
@example(seed=0, n=1, n_outputs=1, scale=1.0, weighted=False)
@example(seed=0, n=9, n_outputs=65, scale=1.0, weighted=True)
def test_losses_of_values(name, dtype, seed, n, n_outputs, scale, weighted):
    rng = np.random.default_rng(seed)
    outputs = (rng.normal(size=(n, n_outputs)) * scale).astype(dtype)
    if name == "poisson_backward":
        outputs = np.minimum(outputs, dtype(80))  # beyond 88 a mean is infinite in float32
        values = rng.poisson(np.exp(np.clip(outputs, -3, 8))).astype(dtype)
    else:
        values = (outputs + rng.normal(size=outputs.shape) * scale).astype(dtype)
    weight = rng.uniform(0.5, 2.0, n) if weighted else None
    found = with_any_team(getattr(array_kernels, name), outputs, values, weight)
    expected = getattr(reference, name)(outputs.astype(float), values.astype(float), weight)
    loss, delta, r2 = found
    eps = float(np.finfo(dtype).eps)
    # The loss adds terms of both signs; exp makes a rounding of its argument a relative error.
    share = (np.ones(n) if weight is None else weight)[:, None]
    share = share / share.sum()
    mean = np.exp(outputs.astype(float)) if name == "poisson_backward" else abs(outputs)
    size = 1 + abs(outputs).max() + abs(values).max() + (share * mean).sum()
    assert loss == pytest.approx(expected[0], rel=40 * eps, abs=40 * eps * size * n_outputs)
    assert delta.dtype == dtype
    # exp is 0 below the smallest normal number.
    tiny = float(np.finfo(dtype).tiny)
    limit = (4 * eps * (1 + abs(outputs)) * (abs(mean) + abs(values)) + tiny) * share
    assert (abs(delta - expected[1]) <= limit).all()
    if n < 2:
        assert np.isnan(r2)
    else:
        assert r2 == pytest.approx(expected[2], rel=200 * eps * (1 + scale), abs=40 * eps)


@dtypes
def test_poisson_at_its_edges(dtype):
    values = np.array([[0.0], [0.0], [2.0], [np.finfo(dtype).smallest_subnormal]], dtype)
    logits = np.array([[-200.0], [0.0], [np.log(2.0)], [-3.0]], dtype)
    loss, delta, _ = array_kernels.poisson_backward(logits, values)
    mean = np.exp(logits.astype(float))
    np.testing.assert_allclose(delta, (mean - values) / 4, atol=2 * np.finfo(dtype).eps)
    assert loss == pytest.approx((0 + 1 + 0 + mean[3, 0]) / 4, rel=1e-6)
    logits[1] = 1000.0  # the mean overflows, which has to be seen
    loss, delta, _ = array_kernels.poisson_backward(logits, values)
    assert np.isposinf(loss)
    assert np.isposinf(delta[1, 0])
    assert np.isfinite(delta[[0, 2, 3]]).all()


def test_r2_is_scikit_learns():
    rng = np.random.default_rng(3)
    outputs, weight = rng.normal(size=(30, 4)), rng.uniform(0.1, 2, 30)
    values = outputs + rng.normal(size=(30, 4))
    values[:, 2] = 2.0  # no deviation: 0 where it is missed, 1 where it is met
    values[:, 3] = outputs[:, 3] = 2.0
    for w in (None, weight):
        expected = r2_score(values, outputs, sample_weight=w)
        found = array_kernels.squared_error_backward(outputs, values, w)[2]
        assert found == pytest.approx(expected, rel=1e-12)
    assert r2_score(values, outputs, multioutput="raw_values")[2:].tolist() == [0.0, 1.0]


@dtypes
def test_one_bad_sample_spoils_no_other(dtype):
    rng = np.random.default_rng(6)
    logits = rng.normal(size=(5, 3)).astype(dtype)
    classes, marks = rng.integers(3, size=(5, 1)), rng.integers(2, size=(5, 3))
    for kernel, labels in (
        (array_kernels.softmax_cross_entropy_backward, classes),
        (array_kernels.logistic_cross_entropy_backward, marks),
        (array_kernels.squared_error_backward, marks),
        (array_kernels.poisson_backward, marks),
    ):
        _, clean, _ = kernel(logits, labels)
        bad = logits.copy()
        bad[2, 1] = np.nan
        loss, delta, _ = kernel(bad, labels)
        assert np.isnan(loss)
        assert np.isnan(delta[2, 1])
        rest = [0, 1, 3, 4]
        np.testing.assert_array_equal(delta[rest], clean[rest])


def test_of_equal_logits_the_first_counts():
    logits, labels = np.zeros((3, 3)), np.array([[0], [1], [2]])
    assert array_kernels.softmax_cross_entropy_backward(logits, labels)[2] == pytest.approx(1 / 3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_logistic_losses_keep_their_digits(dtype, n_outputs):
    logits = np.repeat(
        dtype([[-600], [-30], [-15], [-8], [0], [8], [15], [30], [80]]), n_outputs, 1
    )
    for label in (0, 1):
        z = logits if label == 0 else -logits
        for row in z:
            labels = np.full((1, n_outputs), label)
            loss = array_kernels.logistic_cross_entropy_backward(row[np.newaxis], labels)[0]
            x = float(row[0]) if label == 0 else -float(row[0])
            expected = n_outputs * (max(x, 0) + np.log1p(np.exp(-abs(x))))
            assert loss == pytest.approx(expected, rel=4 * float(np.finfo(dtype).eps), abs=1e-30)


@pytest.mark.parametrize("mean", [1e-3, 1, 1e3, 1e5, 1e7])
def test_poisson_losses_keep_their_digits(mean):
    rng = np.random.default_rng(0)
    y = rng.poisson(mean, size=(300, 1)).astype(float)
    z = np.full((300, 1), np.log(mean), np.float32)
    exact = np.exp(z.astype(float))
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = np.where(y > 0, y * np.log(y / exact), 0) - y + exact
    loss = array_kernels.poisson_backward(z, y)[0]
    assert loss == pytest.approx(expected.mean(), rel=5e-3)
    for k in range(20):
        assert array_kernels.poisson_backward(z[k : k + 1], y[k : k + 1])[0] >= 0


def test_losses_of_values_refuse():
    z, values = np.zeros((4, 3)), np.ones((4, 3))
    for kernel, argument in (
        (array_kernels.squared_error_backward, "outputs"),
        (array_kernels.poisson_backward, "logits"),
    ):
        for wrong in (values[:3], values[:, 0], values[:, :2], values * np.inf):
            with pytest.raises(ValueError, match="values"):
                kernel(z, wrong)
        with pytest.raises(ValueError, match="must not be empty"):
            kernel(z[:0], values[:0])
        with pytest.raises(ValueError, match="sample_weight"):
            kernel(z, values, np.zeros(4))
        with pytest.raises(TypeError, match=f"{argument} must be float32 or float64"):
            kernel(z.astype(int), values)
        with pytest.raises(TypeError, match="values"):
            kernel(z, values.astype(complex))
    with pytest.raises(ValueError, match="values must not be negative"):
        array_kernels.poisson_backward(z, -values)


def test_losses_refuse():
    z, classes, marks = np.zeros((4, 3)), np.zeros((4, 1), int), np.zeros((4, 3), int)
    for kernel, labels in (
        (array_kernels.softmax_cross_entropy_backward, classes),
        (array_kernels.logistic_cross_entropy_backward, marks),
    ):
        for wrong in (labels[:3], labels[:, 0], labels - 1, labels + 3):
            with pytest.raises(ValueError, match="labels"):
                kernel(z, wrong)
        with pytest.raises(ValueError, match="logits"):
            kernel(z[0], labels)
        with pytest.raises(ValueError, match="must not be empty"):
            kernel(z[:0], labels[:0])
        for wrong in (np.ones(3), -np.ones(4), np.zeros(4), np.full(4, np.nan), np.ones((4, 1))):
            with pytest.raises(ValueError, match="sample_weight"):
                kernel(z, labels, wrong)
        with pytest.raises(TypeError, match="labels"):
            kernel(z, labels.astype(float))
        with pytest.raises(TypeError, match="logits"):
            kernel(z.astype(int), labels)
        with pytest.raises(TypeError, match="sample_weight"):
            kernel(z, labels, np.full(4, "1"))


# --- optimizers' rules ------------------------------------------------------------------------

RULES = {
    "rmsprop": ("rmsprop_momentum_update", {}),
    "rmsprop, momentum": ("rmsprop_momentum_update", {"momentum": 0.9, "rho": 0.8}),
    "rmsprop, momentum 1": ("rmsprop_momentum_update", {"momentum": 1.0, "epsilon": 1e-3}),
    "adam": ("adam_update", {}),
    "adam, other betas": ("adam_update", {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3}),
    "sgd": ("sgd_update", {}),
    "sgd, momentum": ("sgd_update", {"momentum": 0.9}),
    "sgd, Nesterov": ("sgd_update", {"momentum": 0.9, "nesterov": True}),
}


@pytest.mark.slow
@dtypes
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("shape", [(1,), (9, 7), (1000,)])
def test_rules_step_by_step(rule, dtype, shape):
    name, hyper = RULES[rule]
    hyper = {"learning_rate": 0.01} | hyper
    n_states = 1 if name == "sgd_update" else 2
    rng = np.random.default_rng(7)
    weight = rng.normal(size=shape).astype(dtype)
    state = [np.zeros(shape, dtype) for _ in range(n_states)]
    used = state if "momentum" in hyper or name == "adam_update" else state[:-1]
    eps = float(np.finfo(dtype).eps)
    for t in range(1, 21):
        # Of all sizes, and zero for some; tiny ones leave squares that are flushed to zero.
        gradient = rng.normal(size=shape) * 10.0 ** rng.integers(-20, 3, shape)
        gradient = (gradient * (rng.random(shape) < 0.8)).astype(dtype)
        steps = (t,) if name == "adam_update" else ()
        before = [weight.copy(), *(s.copy() for s in state)]
        expected = as_float64(*before)
        getattr(reference, name)(
            expected[0], gradient.astype(float), *expected[1:], *steps, **hyper
        )
        results = []
        for n_threads in (1, 2):
            now = [array.copy() for array in before]
            getattr(array_kernels, name)(
                now[0], gradient, *now[1:], *steps, n_threads=n_threads, **hyper
            )
            results.append(now)
        for a, b in zip(*results, strict=True):
            np.testing.assert_array_equal(a, b)
        weight, *state = results[0]
        used_now = [weight, *state[: len(used)]]
        for i, (now, then, want) in enumerate(zip(used_now, before, expected, strict=False)):
            # Each number is a sum of two: its last place is that of the larger one, or so.
            size = abs(then.astype(float)) + abs(want - then)
            limit = 10 * eps * (size + (abs(want) if i else 0)) + 1.01e-30 * (i > 0)
            assert (abs(now - want) <= limit + (1e-30 if i == 0 else 0)).all(), (t, i)


@dtypes
def test_tiny_states_become_zero(dtype):
    weight, gradient = np.ones(3, dtype), np.zeros(3, dtype)
    square, velocity = np.full(3, 1.05e-30, dtype), np.array([-1.05e-30, 1.05e-30, 1.0], dtype)
    array_kernels.rmsprop_momentum_update(
        weight, gradient, square, velocity, learning_rate=0.1, momentum=0.5
    )
    np.testing.assert_array_equal(square, np.zeros(3))
    np.testing.assert_array_equal(velocity, np.array([0, 0, 0.5]))


def test_updates_reach_views():
    whole = np.ones((6, 4))
    array_kernels.sgd_update(whole[::2, 1:3], np.ones((3, 2)), learning_rate=1.0)
    expected = np.ones((6, 4))
    expected[::2, 1:3] = 0
    np.testing.assert_array_equal(whole, expected)


def test_updates_refuse():
    w, g, s = np.ones(4), np.ones(4), np.ones(4)
    read_only = s.copy()
    read_only.flags.writeable = False
    update, rate = array_kernels.rmsprop_momentum_update, {"learning_rate": 0.1}
    with pytest.raises(ValueError, match=r"gradient must have the shape \(4,\)"):
        update(w, g[:3], s, **rate)
    with pytest.raises(ValueError, match=r"square must have the shape \(4,\)"):
        update(w, g, s[:3], **rate)
    with pytest.raises(ValueError, match="square must be writeable"):
        update(w, g, read_only, **rate)
    with pytest.raises(TypeError, match="velocity must be an ndarray"):
        update(w, g, s, momentum=0.9, **rate)
    with pytest.raises(TypeError, match="weight must be an ndarray"):
        update([1.0], g, s, **rate)
    with pytest.raises(TypeError, match="gradient must be float64"):
        update(w, g.astype(np.float32), s, **rate)
    with pytest.raises(TypeError, match="weight must be float32 or float64"):
        update(w.astype(int), g, s, **rate)
    with pytest.raises(ValueError, match="t must be at least 1"):
        array_kernels.adam_update(w, g, s, s.copy(), 0, **rate)
    for negative in (lambda: update(w, g, s, s.copy(), momentum=-0.5, **rate),
                     lambda: array_kernels.sgd_update(w, g, s.copy(), momentum=-0.5, **rate)):  # fmt: skip
        with pytest.raises(ValueError, match=r"momentum must be at least 0, got -0\.5"):
            negative()
    for name, wrong in (
        ("learning_rate", None),
        ("learning_rate", [0.1]),
        ("momentum", "0"),
        ("rho", "0"),
    ):
        with pytest.raises(TypeError, match=f"{name} must be a real number"):
            update(w, g, s, **rate | {name: wrong})
    np.testing.assert_array_equal([w, g, s], np.ones((3, 4)))


# --- the whole gradient -----------------------------------------------------------------------


# Output activation -> loss.
LOSS_OF = {loss.output_activation: name for name, loss in LOSSES.items()}


def draw_network(rng, sizes, output, n):
    size = (
        0.4 if output == "exp" else 1.0
    )  # e to the power of large logits leaves no digits for differences
    coefs = [size * rng.normal(size=shape) for shape in pairwise(sizes)]
    intercepts = [size * rng.normal(size=size_) for size_ in sizes[1:]]
    if output == "softmax":
        labels = rng.integers(sizes[-1], size=(n, 1)).astype(np.int32)
    elif output in ("identity", "exp"):
        labels = rng.poisson(2.0, size=(n, sizes[-1])).astype(float)
    else:
        labels = rng.integers(2, size=(n, sizes[-1])).astype(np.int32)
    return coefs, intercepts, labels


@pytest.mark.slow
@pytest.mark.parametrize("hidden", [(), (1,), (6,), (5, 3), (4, 3, 5)], ids=str)
@pytest.mark.parametrize("output", LOSS_OF)
@pytest.mark.parametrize("activation", reference.ACTIVATION)
def test_gradient(activation, output, hidden):
    rng = np.random.default_rng(8)
    sizes, n, step = (5, *hidden, 3), 7, 1e-5
    coefs, intercepts, labels = draw_network(rng, sizes, output, n)
    engine = Engine(
        sizes, activation=activation, loss=LOSS_OF[output], dtype="float64", n_threads=1
    )
    for density, alpha, weighted in ((0.4, 0.0, False), (1.0, 0.7, True), (0.4, 0.7, True)):
        data = engine.open(rng.normal(size=(n, 5)) * (rng.random((n, 5)) < density))
        inputs = {"alpha": alpha, "sample_weight": rng.uniform(0.1, 2, n) if weighted else None}

        def loss_and_gradient(coefs, intercepts, data=data, inputs=inputs):
            engine.set_parameters(coefs, intercepts)
            return FullGradient(engine, data, labels, **inputs)()

        _, *gradients = loss_and_gradient(coefs, intercepts)
        for parameters, found in zip((coefs, intercepts), gradients, strict=True):
            for array, gradient in zip(parameters, found, strict=True):
                difference = np.empty(array.shape)
                for place in np.ndindex(array.shape):
                    old = array[place]
                    array[place] = old + step
                    above = loss_and_gradient(coefs, intercepts)[0]
                    array[place] = old - step
                    below = loss_and_gradient(coefs, intercepts)[0]
                    array[place] = old
                    difference[place] = (above - below) / (2 * step)
                if output == "identity":  # its loss is the outputs' mean, its gradient their sum
                    batch = n if inputs["sample_weight"] is None else inputs["sample_weight"].sum()
                    penalty = alpha / batch * array if array.ndim == 2 else 0.0
                    difference = sizes[-1] * (difference - penalty) + penalty
                np.testing.assert_allclose(gradient, difference, rtol=1e-6, atol=1e-8)


@pytest.mark.slow
@dtypes
@pytest.mark.parametrize("hidden", [(), (70,), (130, 20, 65)], ids=str)
@pytest.mark.parametrize("output", LOSS_OF)
@pytest.mark.parametrize("activation", reference.ACTIVATION)
def test_gradient_is_the_reference_s(activation, output, hidden, dtype):
    rng = np.random.default_rng(9)
    sizes, n = (33, *hidden, 4), 150
    coefs, intercepts, labels = draw_network(rng, sizes, output, n)
    coefs = [w / np.sqrt(len(w)) for w in coefs]
    for density, weighted in ((0.2, False), (1.0, True)):
        X = (rng.normal(size=(n, 33)) * (rng.random((n, 33)) < density)).astype(dtype)
        weight = rng.uniform(0.1, 2, n) if weighted else None
        results = []
        for n_threads in (1, 2):
            engine = Engine(
                sizes,
                activation=activation,
                loss=LOSS_OF[output],
                dtype=dtype,
                n_threads=n_threads,
            )
            engine.set_parameters(coefs, intercepts)
            data = engine.open(X)
            results.append(FullGradient(engine, data, labels, alpha=0.1, sample_weight=weight)())
        loss, coef_grads, intercept_grads = results[0]
        given = [[np.asarray(p, dtype).astype(float) for p in ps] for ps in (coefs, intercepts)]
        expected = reference.backward(
            X.astype(float), labels, *given, activation=activation, output=output, alpha=0.1,
            sample_weight=weight,
        )  # fmt: skip
        eps = float(np.finfo(dtype).eps)
        assert loss == results[1][0] == pytest.approx(expected[0], rel=50 * eps)
        found = coef_grads + intercept_grads
        for a, b in zip(found, results[1][1] + results[1][2], strict=True):
            np.testing.assert_array_equal(a, b)
        for a, b in zip(found, expected[2] + expected[3], strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=100 * eps * abs(b).max())


# --- how they are found -----------------------------------------------------------------------


@pytest.mark.slow
def test_exported_lazily():
    code = """
import sys
import fastmlp.kernels
from fastmlp.kernels import abi
from fastmlp.kernels import code_cache
assert "numba" not in sys.modules and "fastmlp.array_kernels" not in sys.modules
from fastmlp.kernels import relu, adam_update
assert "relu" in dir(fastmlp.kernels)
assert "numba" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_silu_tends_to_zero(dtype):
    x = -np.array([1e2, 1e3, 1e20, 1e37, np.finfo(dtype).max], dtype)
    assert (np.abs(array_kernels.silu(x)) < 1e-40).all()


@pytest.mark.parametrize("size", [1e-300, 1e-39, 1e20, 8e307])
def test_only_the_ratios_of_sample_weights_count(size):
    logits, labels = np.array([[1, 2, 0.5], [0, 1, 3]], np.float32), np.array([[0], [1]])
    expected = array_kernels.softmax_cross_entropy_backward(logits, labels, [1.0, 0.5])
    found = array_kernels.softmax_cross_entropy_backward(logits, labels, [size, size / 2])
    assert found[0] == pytest.approx(expected[0], rel=1e-6)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-6)
    assert found[2] == pytest.approx(expected[2])


@pytest.mark.parametrize("n_threads", [0, -2, 1.5, "2"])
def test_a_number_of_threads_that_is_none(n_threads):
    with pytest.raises(
        ValueError, match="n_threads must be None, -1 or a whole number of at least 1"
    ):
        array_kernels.relu(np.ones(3), n_threads=n_threads)

"""X of every form, and everything that is wrong with an X."""

import itertools
import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal
from sklearn.base import clone
from small import SOLVERS, X32, X, Y, assert_same, make


def forms_of(x):
    """x, float32 and C-ordered, in other forms of the same values."""
    wide = np.zeros((2 * len(x), 3 * x.shape[1]), x.dtype)
    wide[::2, 1::3] = x
    read_only = x.copy()
    read_only.flags.writeable = False
    yield from {
        "float64": x.astype(np.float64),
        "longdouble": x.astype(np.longdouble),
        "fortran": np.asfortranarray(x),
        "strided": wide[::2, 1::3],
        "reversed": x[::-1, ::-1].copy()[::-1, ::-1],
        "read-only": read_only,
        "big-endian": x.astype(">f4"),
        "object": x.astype(object),
        "list": x.tolist(),
        "csr": sp.csr_array(x),
        "csr_matrix": sp.csr_matrix(x),
        "csc": sp.csc_array(x),
        "coo": sp.coo_array(x),
        "lil": sp.lil_array(x),
        "bsr": sp.bsr_array(x),
        "dok": sp.dok_array(x),
        "csr float64": sp.csr_array(x.astype(np.float64)),
        "csr unsorted": unsorted(sp.csr_array(x)),
        "csr int64": with_int64(sp.csr_array(x)),
    }.items()


def unsorted(x):
    """The same matrix with each row's entries in reverse, and one entry in two halves."""
    x = x.copy()
    for start, stop in itertools.pairwise(x.indptr):
        x.indices[start:stop] = x.indices[start:stop][::-1].copy()
        x.data[start:stop] = x.data[start:stop][::-1].copy()
    x.has_sorted_indices = False
    halves = sp.csr_array(
        (
            np.concatenate([[x.data[0] / 2, x.data[0] / 2], x.data[1:]]),
            np.concatenate([x.indices[:1], x.indices]),
            np.concatenate([[0], x.indptr[1:] + 1]),
        ),
        shape=x.shape,
    )
    halves.has_canonical_format = False
    return halves


def with_int64(x):
    x.indices, x.indptr = x.indices.astype(np.int64), x.indptr.astype(np.int64)
    return x


@pytest.fixture(scope="module")
def thirds():
    """Values that all dtypes have, a third of them zero."""
    rng = np.random.default_rng(4)
    x = rng.integers(-8, 9, (60, 7)) / 8 * (rng.random((60, 7)) < 2 / 3)
    return x.astype(np.float32), rng.integers(0, 3, 60)


class TestInput:
    @pytest.mark.parametrize("solver", ["rmsprop", "lbfgs"])
    def test_the_form_of_x_changes_no_bit(self, thirds, solver):
        x, y = thirds
        model = make(solver=solver).fit(x, y)
        expected = model.predict_proba(x)
        for name, form in forms_of(x):
            assert_same(clone(model).fit(form, y), model), name
            assert_array_equal(model.predict_proba(form), expected, err_msg=name)
            assert model.density_ == pytest.approx((x != 0).mean()), name

    @pytest.mark.parametrize(
        "dtype", ["uint8", "bool", "int8", "int64", "uint64", "float16", ">i4", ">f8"]
    )
    @pytest.mark.parametrize("share", [0.2, 0.9], ids=["skips zeros", "skips ones"])
    def test_numbers_of_any_dtype(self, dtype, share):
        rng = np.random.default_rng(0)
        x = (rng.random((50, 9)) < share).astype(np.float32)
        y = rng.integers(0, 2, 50)
        model = make().fit(x.astype(dtype), y)
        assert_same(model, make().fit(x, y))
        assert model.zero_skipping_
        assert (model.baselines_ is not None) == (share == 0.9)  # most samples share 1
        assert_array_equal(model.predict_proba(x.astype(dtype)), model.predict_proba(x))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda x: np.where(x == x[3, 3], np.nan, x), "Input X contains NaN"),
            (lambda x: np.where(x == x[3, 3], np.inf, x), "Input X contains infinity"),
            (lambda x: np.where(x == x[3, 3], -np.inf, x), "Input X contains infinity"),
            (lambda x: sp.csr_array(np.where(x == x[3, 3], np.nan, x)), "Input X contains NaN"),
            (lambda x: x[:0], r"Found array with 0 sample\(s\)"),
            (lambda x: x[:, :0], r"Found array with 0 feature\(s\)|X has 0 features"),
            (lambda x: x[:, 0], "Expected 2D array, got 1D array instead"),
            (lambda x: x[None], "Found array with dim 3"),
            (lambda x: x + 1j, "Complex data not supported"),
            (lambda x: np.full(x.shape, "a"), "could not convert|dtype='numeric' is not compat"),
            (lambda x: np.full(x.shape, "a", object), "could not convert string to float"),
            (lambda x: [[1, 2], [3]], "inhomogeneous shape|setting an array element"),
        ],
    )
    def test_bad_x(self, change, message):
        bad = change(X)
        with pytest.raises((ValueError, TypeError), match=message):
            make().fit(bad, Y)
        model = make(max_iter=1).fit(X, Y)
        with pytest.raises((ValueError, TypeError), match=message):
            model.predict(bad)

    def test_wrong_number_of_features(self):
        model = make().fit(X, Y)
        for x in (X[:, :5], X32[:1, :5], sp.csr_array(X[:, :5])):
            with pytest.raises(ValueError, match="X has 5 features, but MLPClassifier is exp"):
                model.predict(x)

    @pytest.mark.parametrize(
        ("container", "spoil"),
        [
            *itertools.product(
                [sp.csr_array, sp.csc_array, sp.csr_matrix], ["high", "negative", "indptr", "end"]
            ),
            *itertools.product([sp.coo_array], ["high", "negative"]),
        ],
    )
    def test_damaged_sparse_matrices_are_refused_and_not_read(self, container, spoil):
        x = container(np.eye(6)[Y])
        if x.format == "coo":
            x.col[3] = 10**6 if spoil == "high" else -(10**6)
        elif spoil == "high":
            x.indices[3] = 10**6
        elif spoil == "negative":
            x.indices[3] = -(10**6)
        elif spoil == "indptr":
            x.indptr[3] = 10**6
        else:
            x.indptr[-1] = 10**6
        model = make(max_iter=1).fit(X, Y)
        with pytest.raises(ValueError, match=f"X is not a valid {x.format.upper()} matrix"):
            make().fit(x, Y)
        with pytest.raises(ValueError, match=f"X is not a valid {x.format.upper()} matrix"):
            model.predict(x)

    @pytest.mark.filterwarnings("ignore:y has one class only")
    @pytest.mark.parametrize("solver", SOLVERS)
    @pytest.mark.parametrize(
        ("n_samples", "n_features", "batch_size"),
        [(1, 3, 1), (5, 1, 2), (17, 4, 16), (16, 4, 16), (33, 300, 8), (2, 1, 1)],
    )
    def test_odd_shapes(self, solver, n_samples, n_features, batch_size):
        rng = np.random.default_rng(n_samples)
        x = rng.normal(size=(n_samples, n_features))
        y = np.arange(n_samples) % 3
        model = make(solver=solver, batch_size=batch_size).fit(x, y)
        assert model.predict(x).shape == y.shape
        assert np.isfinite(model.predict_proba(x)).all()

    def test_batch_larger_than_the_data(self):
        with pytest.warns(UserWarning, match="It is going to be clipped"):
            model = make(batch_size=500).fit(X, Y)
        assert_same(model, make(batch_size=120).fit(X, Y))

    def test_large_integers(self):
        x = np.array([[2**63 - 1, 1], [0, 2**62], [5, 5]], dtype=np.int64)
        model = make(batch_size=3).fit(x / 2.0**63, [0, 1, 2])
        model.predict(x)
        make(batch_size=3).fit(x.astype(np.uint64) * 2, [0, 1, 2])

    def test_more_elements_than_an_int_can_count(self, tmp_path):
        n_samples, n_features = 30_000, 100_000
        rng = np.random.default_rng(0)
        parts = {
            "indices": rng.integers(0, n_features, n_samples).astype(np.int32),
            "indptr": np.arange(n_samples + 1, dtype=np.int32),
            "data": np.ones(n_samples, np.float32),
        }
        for name, array in parts.items():
            np.save(tmp_path / f"{name}.npy", array)
        mapped = {name: np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in parts}
        x = sp.csr_array((n_samples, n_features), dtype=np.float32)
        x.indices, x.indptr, x.data = mapped["indices"], mapped["indptr"], mapped["data"]
        assert x.shape[0] * x.shape[1] > 2**31
        y = parts["indices"] % 2
        model = make(hidden_layer_sizes=(3,), batch_size=2000, max_iter=1).fit(x, y)
        assert model.predict(x[-5:]).shape == (5,)
        assert model.density_ == 1 / n_features

    @pytest.mark.slow
    @pytest.mark.parametrize(("dtype", "shape"), [("f8", (20_000, 200)), ("u1", (40_000, 600))])
    @pytest.mark.parametrize("early_stopping", [False, True])
    def test_no_copy_of_x_is_made(self, dtype, shape, early_stopping):
        rng = np.random.default_rng(0)
        x = rng.integers(1, 255, shape, np.uint8).astype(dtype)
        y = rng.integers(0, 3, len(x))
        model = make(batch_size=128, max_iter=1, early_stopping=early_stopping)
        clone(model).fit(x[:500], y[:500]).predict(x[:500])
        tracemalloc.start()
        try:
            model.fit(x, y).predict(x)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 0.5 * x.nbytes

    def test_rows_without_entries(self):
        x = sp.csr_array(([1.0], [2], [0, 0, 1, 1]), shape=(3, 4))
        model = make(batch_size=2).fit(x, [0, 1, 0])
        assert_array_equal(model.predict_proba(x), model.predict_proba(x.toarray()))
        empty = sp.csr_array((3, 4))
        make(batch_size=2).fit(empty, [0, 1, 0]).predict(empty)

    def test_subnormal_values(self):
        x = np.full((4, 3), 1e-310)
        model = make(batch_size=4, dtype="float64").fit(x, [0, 1, 0, 1])
        assert np.isfinite(model.predict_proba(x)).all()
        make(batch_size=4).fit(np.full((4, 3), 1e-40, np.float32), [0, 1, 0, 1])

    def test_one_sample_is_predicted_as_in_a_batch(self):
        model = make(hidden_layer_sizes=(70, 9)).fit(X32, Y)
        together = model.predict_proba(X32)
        alone = np.vstack([model.predict_proba(X32[i : i + 1]) for i in range(len(X))])
        assert_array_equal(together, alone)

    def test_predictions_that_overflow_are_an_error(self):
        model = make().fit(X, Y)
        with pytest.raises(ValueError, match="Predictions are not finite"):
            model.predict(np.where(X > 0, 3e38, -3e38))
        model.coefs_[0][:] = np.nan
        with pytest.raises(ValueError, match="Predictions are not finite"):
            model.predict_proba(X)

    def test_large_logits_have_a_finite_loss(self):
        model = make(hidden_layer_sizes=(), max_iter=1, dtype="float64").fit(X, Y)
        model.coefs_ = [np.zeros((6, 3))]
        model.intercepts_ = [np.array([1e4, 0.0, -1e4])]
        assert_array_equal(model.predict_proba(X)[0], [1, 0, 0])
        log_probability = model.predict_log_proba(X)
        np.testing.assert_allclose(log_probability[0], [0, -1e4, -2e4])

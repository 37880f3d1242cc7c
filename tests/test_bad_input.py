"""Wrong input is refused in scikit-learn's words, whoever is asked; odd but sound input works.

What is wrong with an X is asked of fit, partial_fit, predict, predict_proba, score and evaluate alike.
"""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal
from small import X32, X, Y, assert_same, make

from fastmlp.data.source import open_data
from fastmlp.engine.team import Team
from fastmlp.training import seeding

CLASSES = [0, 1, 2]
Z = np.eye(6, dtype=np.float32)[Y] + np.eye(6, dtype=np.float32)[Y + 1]  # for sparse forms


@pytest.fixture(scope="module")
def fitted():
    """A model that no test changes."""
    return make(max_iter=1).fit(X, Y)


# Each takes a fitted model, and X and y; those that train do so with a copy.
PREDICT = {
    "predict": lambda model, x, y: model.predict(x),
    "predict_proba": lambda model, x, y: model.predict_proba(x),
    "predict_log_proba": lambda model, x, y: model.predict_log_proba(x),
}
JUDGE = {
    "score": lambda model, x, y: model.score(x, y),
    "evaluate": lambda model, x, y: model.evaluate(x, y),
}
TRAIN = {
    "fit": lambda model, x, y: make().fit(x, y),
    "validate": lambda model, x, y: make().fit(X, Y, X_val=x, y_val=y),
    "partial_fit": lambda model, x, y: make().partial_fit(x, y, classes=CLASSES),
    "next partial_fit": lambda model, x, y: copy.deepcopy(model).partial_fit(x, y),
}


def methods(*groups):
    calls = {name: call for group in groups for name, call in group.items()}
    return pytest.mark.parametrize("call", calls.values(), ids=calls)


def spoilt(value):
    def spoil(x):
        x = x.copy()
        x[3, 3] = value
        return x

    return spoil


BAD_X = {
    "NaN": (spoilt(np.nan), "Input X contains NaN"),
    "infinity": (spoilt(np.inf), "Input X contains infinity or a value too large for"),
    "-infinity": (spoilt(-np.inf), "Input X contains infinity or a value too large for"),
    "float16 infinity": (lambda x: spoilt(np.inf)(x.astype("f2")), "Input X contains infinity"),
    "big-endian NaN": (lambda x: spoilt(np.nan)(x.astype(">f8")), "Input X contains NaN"),
    "strided NaN": (lambda x: np.repeat(spoilt(np.nan)(x), 2, axis=0)[::2], "Input X contains NaN"),
    "object NaN": (lambda x: spoilt(np.nan)(x.astype(object)), "Input X contains NaN"),
    "object None": (lambda x: spoilt(None)(x.astype(object)), "float|NaN"),
    "one NaN": (lambda x: np.full((1, 6), np.nan, np.float32), "Input X contains NaN"),
    "CSR NaN": (lambda x: sp.csr_array(spoilt(np.nan)(x)), "Input X contains NaN"),
    "CSC infinity": (lambda x: sp.csc_array(spoilt(np.inf)(x)), "Input X contains infinity"),
    "COO infinity": (lambda x: sp.coo_array(spoilt(np.inf)(x)), "Input X contains infinity"),
    "no samples": (lambda x: x[:0], r"Found array with 0 sample\(s\)"),
    "CSR without samples": (lambda x: sp.csr_array((0, 6)), r"Found array with 0 sample\(s\)"),
    "no features": (lambda x: x[:, :0], r"0 feature\(s\)|X has 0 features, but MLPClassifier"),
    "empty list": (lambda x: [], "Expected 2D array, got 1D array instead"),
    "1-D": (lambda x: x[:, 0], "Expected 2D array, got 1D array instead"),
    "scalar": (lambda x: 1.0, "Expected 2D array, got scalar|Singleton array"),
    "3-D": (lambda x: x[None], "Found array with dim 3"),
    "1-D sparse": (lambda x: sp.coo_array(np.ones(120)), "Expected 2D input, got input with shape"),
    "complex": (lambda x: x + 1j, "Complex data not supported"),
    "complex CSR": (lambda x: sp.csr_array(x + 1j), "Complex data not supported"),
    "strings": (lambda x: np.full(x.shape, "a"), "could not convert|dtype='numeric' is not compat"),
    "objects": (lambda x: np.full(x.shape, "a", object), "could not convert string to float"),
    "dicts": (lambda x: spoilt({})(x.astype(object)), "float.* argument must be|not.*dict"),
    "ragged": (lambda x: [[1, 2], [3]] * 60, "inhomogeneous shape|setting an array element"),
    "None": (lambda x: None, "NoneType|None|must be given together"),
}


ONE_CLASS = "ignore:y has one class only"  # where one sample is fitted


@pytest.mark.filterwarnings(ONE_CLASS)
class TestBadX:
    @methods(TRAIN, PREDICT, JUDGE)
    @pytest.mark.parametrize("kind", BAD_X)
    def test_is_refused_by_all(self, fitted, call, kind):
        spoil, message = BAD_X[kind]
        bad = spoil(X32)
        n = bad.shape[0] if getattr(bad, "ndim", 0) == 2 else 120
        with pytest.raises((ValueError, TypeError), match=message):
            call(fitted, bad, Y[: max(n, 1)] if n in (0, 1) else Y)

    @methods({name: TRAIN[name] for name in ("validate", "next partial_fit")}, PREDICT, JUDGE)
    @pytest.mark.parametrize("n_features", [1, 5, 7])
    @pytest.mark.parametrize(
        "form", [np.asarray, np.asfortranarray, np.ndarray.tolist, sp.csr_array]
    )
    def test_another_number_of_features(self, fitted, call, form, n_features):
        x = np.ones((120, n_features))
        message = f"X has {n_features} features, but MLPClassifier is expecting 6 features"
        with pytest.raises(ValueError, match=message):
            call(fitted, form(x), Y)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("place", [0, 25_000, 49_999])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_many_rows_are_searched_by_all_threads(fitted, value, place):
    model = copy.deepcopy(fitted).set_params(n_threads=2)
    many = np.ones((50_000, 6), np.float32)
    assert np.isfinite(model.predict_proba(many)).all()
    many[place, 5] = value
    with pytest.raises(ValueError, match=r"Input X contains (NaN|infinity)"):
        model.predict_proba(many)


@pytest.mark.filterwarnings("error")
def test_a_sum_of_many_rows_may_overflow():
    large = np.full((100_000, 1), 1e308)
    weights = [np.array([[1e-308, 0.0, -1e-308]])]
    model = make(hidden_layer_sizes=(), dtype="float64", n_threads=2, max_iter=1, batch_size=3)
    model.fit(np.ones((3, 1)), CLASSES)
    model.coefs_ = weights
    assert np.isfinite(model.predict_proba(large)).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n", [2, 50_000])
def test_names_of_features_are_looked_at_once(n):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(np.full((n, 2), 1e306), columns=["a", "b"])
    model = make(hidden_layer_sizes=(), dtype="float64", max_iter=1, batch_size=3)
    model.fit(frame.iloc[[0, 0, 0]] / 1e306, CLASSES)
    model.coefs_ = [model.coefs_[0] * 0]
    assert model.predict_proba(frame).shape == (n, 3)


class TestBadLabels:
    @methods(TRAIN, JUDGE)
    @pytest.mark.parametrize("n", [119, 121, 1])
    def test_of_another_length(self, fitted, call, n):
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            call(fitted, X, np.resize(Y, n))

    @methods({name: call for name, call in TRAIN.items() if name != "fit"},
             {"evaluate": JUDGE["evaluate"]})  # fmt: skip
    @pytest.mark.parametrize("unknown", [3, -1, 1000])
    def test_unknown(self, fitted, call, unknown):
        y = np.where(np.arange(120) == 7, unknown, Y)
        with pytest.raises(ValueError, match=r"`y` has classes not in `self\.classes_`"):
            call(fitted, X, y)

    @methods(TRAIN, {"evaluate": JUDGE["evaluate"]})
    @pytest.mark.parametrize(
        ("y", "message"),
        [
            (X[:, 0], "Unknown label type: continuous"),
            (np.where(Y == 0, np.nan, Y), "Input y contains NaN"),
            (np.where(Y == 0, np.inf, Y), "Input y contains infinity"),
            (None, "requires y|NoneType|must be given together"),
        ],
    )
    def test_that_are_no_classes(self, fitted, call, y, message):
        with pytest.raises((ValueError, TypeError), match=message):
            call(fitted, X, y)

    @pytest.mark.parametrize(
        ("classes", "message"),
        [
            ([], "`classes` must contain at least one label"),
            ([0, 1], r"`y` has classes not in `self\.classes_`"),
            ([0.5, 1.5, np.nan], "Input contains NaN|Unknown label type"),
            ([[0, 1, 2]], "Unknown label type"),
        ],
    )
    @pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
    def test_bad_classes(self, classes, message):
        model = make()
        with pytest.raises(ValueError, match=message):
            model.partial_fit(X, Y, classes=classes)
        assert not hasattr(model, "coefs_")


WEIGH = {
    "fit": lambda model, w: make().fit(X, Y, sample_weight=w),
    "partial_fit": lambda model, w: make().partial_fit(X, Y, sample_weight=w, classes=CLASSES),
    "next partial_fit": lambda model, w: copy.deepcopy(model).partial_fit(X, Y, sample_weight=w),
    "validate": lambda model, w: make().fit(X, Y, X_val=X, y_val=Y, sample_weight_val=w),
    "evaluate": lambda model, w: model.evaluate(X, Y, sample_weight=w),
}


def one(value):
    weight = np.ones(120)
    weight[50] = value
    return weight


class TestBadWeights:
    @pytest.mark.parametrize("call", WEIGH.values(), ids=WEIGH)
    @pytest.mark.parametrize(
        ("weight", "message"),
        [
            (one(-1), "Negative values in data passed to `sample_weight`"),
            (one(np.nan), "Input sample_weight contains NaN"),
            (one(np.inf), "Input sample_weight contains infinity"),
            (np.zeros(120), "Sample weights must contain at least one non-zero number"),
            (np.ones(119), r"sample_weight.shape == \(119,\), expected \(120,\)!"),
            (np.ones((120, 2)), "Sample weights must be 1D array or scalar"),
            (["a"] * 120, "could not convert|dtype"),
            (np.full(120, 1e308), "NaN, infinity or values too large for float64"),
            (np.full(120, 5e-324), "Sample weights are too small for float"),
        ],
    )
    def test_are_refused_by_all(self, fitted, call, weight, message):
        with pytest.raises(ValueError, match=message):
            call(fitted, weight)

    @pytest.mark.parametrize("solver", ["rmsprop", "lbfgs"])
    @pytest.mark.parametrize(
        ("size", "what"), [(1e38, "large"), (1e300, "large"), (1e-40, "small")]
    )
    def test_beyond_float32(self, size, what, solver):
        weight = np.full(120, size)
        with pytest.raises(ValueError, match=f"Sample weights are too {what} for float32"):
            make(solver=solver).fit(X, Y, weight)
        # In float64 they are weights like any others, all alike.
        wide = make(solver=solver, dtype="float64")
        model = copy.deepcopy(wide).fit(X, Y, weight)
        expected = wide.fit(X, Y, np.ones(120))
        assert model.loss_ == pytest.approx(expected.loss_, rel=1e-6)

    def test_too_small_ones_beside_others_weigh_nothing(self):
        """A batch of them alone makes no update, as one of zeros."""
        tiny = np.where(np.arange(120) < 64, 1.0, 1e-42)
        zero = np.where(np.arange(120) < 64, 1.0, 0.0)
        models = [make(shuffle=False, alpha=0.1).fit(X, Y, weight) for weight in (tiny, zero)]
        assert_same(*models)
        assert models[0].loss_ == models[1].loss_ > 0

    @pytest.mark.parametrize("value", [np.nan, np.inf, 1e308])
    def test_class_weights(self, value):
        with pytest.raises(ValueError, match="NaN, infinity or values too large for float64"):
            make(class_weight={0: value}).fit(X, Y, np.full(120, 10.0))

    def test_none_left_to_train_with(self):
        train_only = make(early_stopping=True, random_state=3)
        weight = np.zeros(120)
        weight[_held_out(train_only)] = 1
        with pytest.raises(ValueError, match="The training samples' weights are all zero"):
            train_only.fit(X, Y, weight)
        with pytest.raises(ValueError, match="The validation samples' weights are all zero"):
            train_only.fit(X, Y, 1 - weight)


def _held_out(model):
    seed = seeding.draw_seed(model.random_state)
    return seeding.split_rows(seed, 120, model.validation_fraction, Y)[1]


def csr_like(indptr, indices, data, shape):
    """A CSR that says what it is told to: scipy would check it."""
    x = sp.csr_array(shape, dtype=np.asarray(data).dtype)
    x.indptr, x.indices, x.data = map(np.asarray, (indptr, indices, data))
    return x


BIG = 2**63 - 1
LYING_INDPTR = {
    "descends": [0, 3, 2, 4],
    "negative": [0, -1, 2, 4],
    "beyond": [0, 2, 4, 5],
    "far beyond": [0, 2, 2**40, 2**41],
    "not from 0": [1, 2, 3, 4],
    "differences overflow": [0, BIG, -2, 4],
    "extremes": [0, -BIG - 1, BIG, 4],
    "too short": [0, 2, 4],
    "too long": [0, 1, 2, 3, 4],
    "empty": [],
}


class TestLyingSparseMatrices:
    @methods(TRAIN, PREDICT, JUDGE)
    @pytest.mark.parametrize("lie", LYING_INDPTR)
    def test_indptr(self, fitted, call, lie):
        indptr = np.array(LYING_INDPTR[lie], np.int64)
        x = csr_like(indptr, np.array([0, 1, 2, 3]), np.ones(4), (3, 6))
        with pytest.raises(ValueError, match="X is not a valid CSR matrix"):
            call(fitted, x, np.arange(3))

    @methods({"fit": TRAIN["fit"]}, {"predict": PREDICT["predict"]})
    @pytest.mark.parametrize("kind", ["csc", "bsr"])
    @pytest.mark.parametrize("lie", LYING_INDPTR)
    def test_indptr_of_columns_and_of_blocks(self, fitted, call, lie, kind):
        if kind == "csc":
            x = sp.csc_array(np.ones((6, 3)))
        else:
            x = sp.bsr_array(np.ones((3, 6)), blocksize=(1, 1))
        x.indices, x.data = np.array([0, 1, 2, 3]), x.data[:4]
        x.indptr = np.array(LYING_INDPTR[lie], np.int64)
        with pytest.raises(ValueError, match=f"X is not a valid {kind.upper()} matrix"):
            call(fitted, x, np.arange(x.shape[0]) % 3)

    @pytest.mark.parametrize("lie", LYING_INDPTR)
    def test_indptr_told_to_the_data_path_itself(self, lie):
        """int64 extremes once passed a test of differences, which wrapped."""
        indptr = np.array(LYING_INDPTR[lie], np.int64)
        x = csr_like(indptr, np.array([0, 1, 2, 3]), np.ones(4), (3, 6))
        with pytest.raises(ValueError, match="corrupted CSR: its indptr"):
            open_data(x, "float32", Team(1))

    @methods(TRAIN, PREDICT, JUDGE)
    @pytest.mark.parametrize("dtype", [np.int32, np.int64])
    @pytest.mark.parametrize("index", [6, -1, 2**31 - 1, -(2**31), BIG, -BIG - 1])
    def test_indices(self, fitted, call, index, dtype):
        if not np.iinfo(dtype).min <= index <= np.iinfo(dtype).max:
            pytest.skip("no such index in this dtype")
        indices = np.array([0, 1, index, 3], dtype)
        x = csr_like(np.array([0, 2, 3, 4], dtype), indices, np.ones(4), (3, 6))
        with pytest.raises(ValueError, match="X is not a valid CSR matrix"):
            call(fitted, x, np.arange(3))

    @pytest.mark.filterwarnings("ignore:Constructing a DIA matrix")
    @methods({"fit": TRAIN["fit"]}, {"predict": PREDICT["predict"]})
    @pytest.mark.parametrize("kind", ["bsr index", "bsr blocks", "dia", "lil", "coo", "dok"])
    def test_of_other_kinds(self, fitted, call, kind):
        x = getattr(sp, f"{kind[:3]}_array")(Z)
        if kind == "bsr index":
            x.indices[0] = 10**6
        elif kind == "bsr blocks":
            x = sp.bsr_array(Z, blocksize=(2, 2))
            x.data = np.ones((len(x.data), 7, 5))
        elif kind == "dia":
            x.data = x.data[:1]
        elif kind == "lil":
            x.data[3] = [1.0] * 50
        elif kind == "coo":
            x.row[0] = -1
        else:
            x._dict[120, 3] = 1.0
        with pytest.raises(ValueError, match=r"X is not a valid|exceeds matrix|index"):
            call(fitted, x, Y)

    def test_more_features_than_batches_can_number(self):
        x = sp.csr_array(([1.0, 1.0], [0, 2**33 - 1], [0, 1, 2]), shape=(2, 2**33))
        message = r"X has 8589934592 features, but no more than 2\*\*32 are supported"
        with pytest.raises(ValueError, match=message):
            open_data(x, "float32", Team(1))
        for train in (make().fit, lambda x, y: make().partial_fit(x, y, classes=[0, 1])):
            with pytest.raises(ValueError, match=message):
                train(x, [0, 1])


class TestSoundSparseMatrices:
    def test_spare_tails_of_different_lengths(self):
        """Entries behind the last row's, more of data than of indices, in an unsorted CSR."""
        x = sp.csr_array(Z)
        for start, stop in zip(x.indptr[:-1], x.indptr[1:], strict=True):
            x.indices[start:stop] = x.indices[start:stop][::-1].copy()
            x.data[start:stop] = x.data[start:stop][::-1].copy()
        for more_data, more_indices in ((7, 3), (0, 5), (4, 0)):
            data = np.append(x.data, np.full(more_data, 99, np.float32))
            indices = np.append(x.indices, np.full(more_indices, 4, np.int32))
            spare = csr_like(x.indptr, indices, data, x.shape)
            model = make().fit(spare, Y)
            assert_same(model, make().fit(Z, Y))
            assert_array_equal(model.predict_proba(spare), model.predict_proba(Z))

    @methods(PREDICT, JUDGE, {"next partial_fit": TRAIN["next partial_fit"]})
    @pytest.mark.parametrize("dtype", [np.int32, np.int64])
    def test_unsorted_duplicates_memory_mapped(self, fitted, call, dtype, tmp_path):
        x = sp.csr_array(Z)
        parts = {
            "data": np.repeat(x.data / 2, 2)[::-1],
            "indices": np.repeat(x.indices, 2)[::-1].astype(dtype),
            "indptr": (2 * x.indptr).astype(dtype),
        }
        for name, array in parts.items():
            np.save(tmp_path / f"{name}.npy", array)
            parts[name] = np.load(tmp_path / f"{name}.npy", mmap_mode="r")
        halves = csr_like(**parts, shape=x.shape)  # its rows are those of Z from the last one on
        found, expected = call(fitted, halves, Y[::-1]), call(fitted, Z[::-1], Y[::-1])
        assert_equal(found, expected)


def assert_equal(found, expected):
    """Of predictions, measures or models."""
    if hasattr(found, "coefs_"):
        assert_same(found, expected)
    elif isinstance(found, dict):
        assert found == expected
    else:
        assert_array_equal(found, expected)


def initial_coef(model, n_features):
    """The first layer's weights before training."""
    sizes = [n_features, *model.hidden_layer_sizes, 1]
    seed = seeding.draw_seed(model.random_state)
    return seeding.initial_parameters(seed, sizes, model.dtype)[0][0]


def memory_mapped(x):
    path = SOME_FOLDER.path / "x.npy"
    np.save(path, x)
    return np.load(path, mmap_mode="r")


SOME_FOLDER = SimpleNamespace(path=None)


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


FORMS = {
    "read-only": read_only,
    "memory-mapped": memory_mapped,
    "big-endian": lambda x: x.astype(">f4"),
    "float16": lambda x: x.astype("f2"),
    "int8": lambda x: x.astype("i1"),
    "uint64": lambda x: x.astype("u8"),
    "strided": lambda x: np.repeat(np.repeat(x, 2, 0), 3, 1)[::2, ::3],
    "negative strides": lambda x: x[::-1, ::-1].copy()[::-1, ::-1],
    "broadcast": lambda x: np.broadcast_to(x[None], (1, *x.shape))[0],
    "objects": lambda x: x.astype(object),
    "lists": np.ndarray.tolist,
    "CSR": sp.csr_array,
    "DIA": sp.dia_array,
    "LIL": sp.lil_array,
}


@pytest.mark.filterwarnings("ignore:Got `batch_size`", "ignore:Constructing a DIA matrix")
@pytest.mark.filterwarnings(ONE_CLASS)
class TestSoundX:
    @pytest.mark.slow
    @methods(TRAIN, PREDICT, JUDGE)
    @pytest.mark.parametrize("form", FORMS)
    def test_of_any_form_gives_the_same_everywhere(self, fitted, call, form, tmp_path, monkeypatch):
        monkeypatch.setattr(SOME_FOLDER, "path", tmp_path)
        for rows in (slice(None), slice(0, 3)):  # so few are predicted in another way
            x, y = Z[rows], np.resize([0, 1, 2], len(Z[rows]))
            assert_equal(call(fitted, FORMS[form](x), y), call(fitted, x, y))

    @methods(TRAIN, PREDICT, JUDGE)
    def test_bools(self, fitted, call):
        assert_equal(call(fitted, Z > 0, Y), call(fitted, Z, Y))
        assert_equal(call(fitted, sp.csr_array(Z > 0), Y), call(fitted, Z, Y))

    @methods(TRAIN, PREDICT, JUDGE)
    def test_one_sample(self, fitted, call):
        expected = call(fitted, X[:1], Y[:1])
        if isinstance(expected, np.ndarray):
            assert len(expected) == 1
        for form in (X[:1].tolist(), sp.csr_array(X[:1])):
            assert_equal(call(fitted, form, Y[:1]), expected)

    @pytest.mark.parametrize("values", [
        np.array([[2**63 - 1, 1], [-(2**63), 2**62], [5, 0]], np.int64),
        np.array([[2**64 - 1, 1], [2**63, 2**62], [5, 0]], np.uint64),
        [[2**63, 1], [2**64 - 1, 2**62], [5, 0]],
        [[2**70, 1], [-(2**70), 2**62], [5, 0]],
    ])  # fmt: skip
    def test_large_integers(self, values):
        plain = np.array([[float(v) for v in row] for row in values])
        model = make().fit(plain, CLASSES)
        assert_same(make().fit(values, CLASSES), model)
        assert_array_equal(model.predict_proba(values), model.predict_proba(plain))
        assert model.evaluate(values, CLASSES) == model.evaluate(plain, CLASSES)

    @methods(TRAIN, PREDICT, JUDGE)
    @pytest.mark.parametrize("value", [5e-324, 1e-310, -1e-310])
    def test_subnormals_are_zeros_in_float32(self, fitted, call, value):
        tiny = np.where(X > 0, value, 0)
        assert_equal(call(fitted, tiny, Y), call(fitted, np.zeros_like(X), Y))

    @pytest.mark.slow
    def test_more_elements_than_an_int_can_count(self, tmp_path):
        """A dense file with holes; a row in a million bytes is not zero."""
        shape = 33_000, 65_100
        assert shape[0] * shape[1] > 2**31
        x = np.memmap(tmp_path / "x.bin", np.uint8, "w+", shape=shape)
        rows = np.arange(0, shape[0], 1000)
        x[rows, rows % 65_099 + 1] = 200
        x[-1, -1] = 100
        y = np.zeros(shape[0], int)
        y[rows] = 1
        x.flush()
        model = make(hidden_layer_sizes=(1,), activation="tanh", batch_size=16_500, max_iter=1).fit(
            x, y
        )
        assert model.density_ == (len(rows) + 1) / (shape[0] * shape[1])
        ends = np.ascontiguousarray(x[-3:])
        assert_array_equal(model.predict_proba(x[-3:]), model.predict_proba(ends))
        # The last element has been read: its weight has changed, unlike the one beside it.
        shift = model.coefs_[0] - initial_coef(model, shape[1])
        assert shift[-1] != 0
        assert shift[0] == 0


@pytest.mark.parametrize("method", ["fit", "partial_fit", "y_val", "evaluate"])
@pytest.mark.parametrize("form", [sp.csr_array, sp.csr_matrix, sp.coo_array])
def test_a_sparse_column_of_labels(method, form):
    y = form((Y % 2)[:, None])
    model = make(max_iter=1)
    calls = {
        "fit": lambda: model.fit(X, y),
        "partial_fit": lambda: model.partial_fit(X, y, classes=[0, 1]),
        "y_val": lambda: model.fit(X, Y, X_val=X, y_val=y),
        "evaluate": lambda: model.fit(X, Y).evaluate(X, y),
    }
    with pytest.raises(
        TypeError, match=r"Sparse data was passed for y, but dense data is required"
    ):
        calls[method]()

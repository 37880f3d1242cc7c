"""X that changes while a fit runs: rows come shorter, and never name a feature or a sample twice."""

import itertools
import threading

import numpy as np
import pytest
from batch_checks import Threads
from scipy import sparse
from trained import make

from fastmlp.data import source
from fastmlp.data.batch_plan import read_records
from fastmlp.engine.team import Team

N_SAMPLES, N_FEATURES = 600, 130


def check(data, plan, buffers, table):
    """Each row's features ascend and exist; each column's samples do."""
    for t in table:
        edges = buffers.edges[t[source._batches.EDGES] :][: t[1] * (data.n_blocks + 1)]
        rows = edges.reshape(t[1], data.n_blocks + 1)
        for row in rows:
            features = buffers.index[row[0] : row[-1]].astype(int)
            assert (np.diff(features) > 0).all()
            assert not len(features) or features[-1] < data.n_features
        if not plan.columns:
            continue
        n_active, first = t[source._batches.N_ACTIVE], t[source._batches.COLUMN]
        column = buffers.column[first : first + n_active + 1]
        assert column[-1] - column[0] == rows[-1, -1] - rows[0, 0]
        for start, stop in itertools.pairwise(column):
            samples = read_records(buffers.records, start, stop)[0].astype(int)
            assert (np.diff(samples) > 0).all()
            assert 0 <= samples[0]
            assert samples[-1] < t[1]


def check_all(data):
    """Check every batch; twice, as the buffers then hold those of another chunk."""
    plan = data.plan(None, 32, batches_per_chunk=3)
    buffers, n_entries = data.new_buffers(plan), 0
    for _ in range(2):
        for chunk in range(plan.n_chunks):
            for me in range(2):
                data.prepare(plan, chunk, buffers, me, 2)
            first, stop = plan.chunk_batches(chunk)
            check(data, plan, buffers, buffers.table[: stop - first])
            n_entries += stop - first
    assert n_entries == 2 * plan.n_batches


class Changing(Threads):
    """A team after whose every pass X is another one."""

    def __init__(self, change):
        super().__init__(2)
        self.change, self.n_runs = change, 0

    def run(self, function):
        super().run(function)
        self.n_runs += 1
        self.change(self.n_runs)


def dense(dtype, share, baseline=0):
    rng = np.random.default_rng(0)
    X = np.full((N_SAMPLES, N_FEATURES), baseline, dtype)
    X[rng.random(X.shape) < share] = 3
    return X


FORMS = {
    "encoded": lambda: dense(np.float32, 0.2),
    "read in place": lambda: dense(np.uint8, 0.45),
    "columns first": lambda: np.asfortranarray(dense(np.uint8, 0.45)),
    "of another dtype": lambda: dense(np.int16, 0.45),
    "shifted": lambda: dense(np.float32, 0.3, baseline=1),
    "csr": lambda: sparse.csr_array(dense(np.float32, 0.2)),
    "csr of 64 bits": lambda: sparse.csr_array(
        (lambda X: (X.data, X.indices.astype(np.int64), X.indptr.astype(np.int64)))(
            sparse.csr_array(dense(np.float32, 0.2))
        ),
        shape=(N_SAMPLES, N_FEATURES),
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("start", [0, 1])
def test_changes_between_two_passes(form, start, monkeypatch):
    """Some values become zero, others become something else, after every pass over X."""
    monkeypatch.setattr(source, "SMALL", 1 << 10)  # so that the team is asked for every pass
    X = FORMS[form]()

    def change(n_runs):
        if sparse.issparse(X):
            X.data[start::3] = n_runs % 2
            X.indices[start::5] = (X.indices[start::5] + 7 * n_runs) % N_FEATURES
            X.indptr[1:-1] += n_runs % 2
        else:
            X[:] = np.roll(X, 1 + n_runs, axis=0)
            X[start::17] = 0
            X[start + 5 :: 19] = 1

    team = Changing(change)
    data = source.open_data(X, np.float32, team, shift=form == "shifted")
    assert team.n_runs >= 1 + (form in ("encoded", "shifted", "csr"))
    assert data.zero_skipping
    change(team.n_runs + 1)
    check_all(data)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_another_thread_changes_x_during_a_fit(form, monkeypatch):
    X, done, n_checked = FORMS[form](), threading.Event(), []
    fill = source.Data.prepare

    def prepare(self, plan, chunk, buffers, me=0, n_threads=1):
        fill(self, plan, chunk, buffers, me, n_threads)
        first, stop = plan.chunk_batches(chunk)
        if self.zero_skipping:  # it may have met an X that has no baselines any more
            check(self, plan, buffers, buffers.table[me : stop - first : n_threads])
        n_checked.append(stop - first)

    def write():
        rng = np.random.default_rng(0)
        values = X.data if sparse.issparse(X) else X
        while not done.is_set():
            at = rng.integers(len(values), size=20)
            values[at] = rng.random((20, *values.shape[1:])) < 0.3
            if sparse.issparse(X):
                X.indices[at] = rng.integers(N_FEATURES, size=20)

    monkeypatch.setattr(source.Data, "prepare", prepare)
    writer = threading.Thread(target=write)
    writer.start()
    try:
        model = make(max_iter=5, batch_size=32, n_threads=2, tol=None)
        model.fit(X, np.arange(N_SAMPLES) % 3)
    finally:
        done.set()
        writer.join()
    assert n_checked
    assert all(np.isfinite(coef).all() for coef in model.coefs_)


def test_rows_of_a_csr_stay_where_they_were():
    Z = sparse.csr_array(np.eye(4))
    Z.indptr = Z.indptr.astype(np.int64)
    data = source.open_data(Z, np.float64, Team(1))
    Z.indptr[:] = 0
    assert data.starts.tolist() == [0, 1, 2, 3, 4]

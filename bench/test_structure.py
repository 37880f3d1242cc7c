"""What costs time and can be checked without a clock: compilation, the cache, allocation."""

import gc
import subprocess
import sys
from itertools import pairwise

import cases
import numpy as np
from numba.core.runtime import _nrt_python, rtsys
from scipy import sparse

FIT_AND_COUNT = """
import numpy as np
from fastmlp import MLPClassifier
from fastmlp.kernels.step import predict_chunk, train_chunk
X = np.eye(40, dtype=np.float32)
MLPClassifier((8,), max_iter=2, batch_size=16).fit(X, np.arange(40) % 3).predict(X)
stats = train_chunk.stats, predict_chunk.stats
print(*(sum(getattr(s, name).values()) for s in stats for name in ("cache_hits", "cache_misses")))
"""


def test_second_fit_compiles_nothing():
    from fastmlp import MLPClassifier
    from fastmlp.kernels.step import predict_chunk, train_chunk

    X, y = cases.images()
    X, y = X[:300], y[:300]
    model = MLPClassifier((64,), max_iter=1)
    model.fit(X, y).predict(X)
    compiled = [len(entry.signatures) for entry in (train_chunk, predict_chunk)]
    read_only = X.copy()
    read_only.flags.writeable = False
    for other in (
        X,
        np.asfortranarray(X),
        X[::-1],
        read_only,
        (X * 255).astype(np.uint8),
        X.astype(np.float64),
        X + 1,
        sparse.csr_array(X),
    ):
        MLPClassifier((32, 16), max_iter=2, batch_size=50, momentum=0.9).fit(other, y).predict(X)
    assert [len(entry.signatures) for entry in (train_chunk, predict_chunk)] == compiled


def test_warm_cache_is_never_missed():
    command = [sys.executable, "-c", FIT_AND_COUNT]
    subprocess.run(command, check=True)
    counted = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    hits_of_train, misses_of_train, hits_of_predict, misses_of_predict = map(int, counted.split())
    assert (misses_of_train, misses_of_predict) == (0, 0)
    assert hits_of_train > 0
    assert hits_of_predict > 0


def _epoch_of(n_batches):
    """A function that trains so many batches, all in one chunk."""
    from fastmlp.engine import Engine
    from fastmlp.optimizers import RMSprop

    batch_size, n_features = 4, 16
    n = batch_size * n_batches
    X = np.tile(np.eye(n_features, dtype=np.float32), (-(-n // n_features), 1))[:n]
    labels = (np.arange(n, dtype=np.int32) % 3)[:, None]
    sizes = (n_features, 8, 3)
    engine = Engine(sizes, activation="relu", output="softmax", dtype="float32", n_threads=1)
    rng = np.random.default_rng(0)
    engine.set_parameters(
        [rng.standard_normal(s).astype(np.float32) for s in pairwise(sizes)],
        [np.zeros(s, np.float32) for s in sizes[1:]],
    )
    data, optimizer, order = engine.open(X), RMSprop(), np.arange(n)

    def epoch():
        return engine.train_epoch(
            data, labels, order, batch_size=batch_size, optimizer=optimizer, learning_rate=0.001
        )

    assert epoch().n_updates == n_batches
    return epoch


def _calls(function):
    """Number of Python and C functions that are called from Python in ``function()``."""
    count = 0

    def profile(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    gc.disable()  # its callbacks would count
    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


def test_python_does_nothing_per_batch():
    assert _calls(_epoch_of(10)) == _calls(_epoch_of(100))


def _allocations(function):
    """Blocks that compiled code allocates: the headers of the arrays it is given count."""
    were_on = _nrt_python.memsys_stats_enabled()
    _nrt_python.memsys_enable_stats()
    try:
        before = rtsys.get_allocation_stats().alloc
        function()
        return rtsys.get_allocation_stats().alloc - before
    finally:
        if not were_on:
            _nrt_python.memsys_disable_stats()


def test_compiled_code_allocates_nothing_per_batch():
    assert _allocations(_epoch_of(10)) == _allocations(_epoch_of(100))

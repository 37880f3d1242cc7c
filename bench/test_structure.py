"""What costs time and can be checked without a clock: compilation, the cache, allocation."""

import gc
import os
import subprocess
import sys
from itertools import pairwise

import numpy as np
import plain
import pytest
from scipy import sparse

from fastmlp import MLPClassifier
from fastmlp.engine.engine import Engine
from fastmlp.engine.optimizers import RMSprop
from fastmlp.kernels import code_cache

FIT_AND_LOOK = """
import sys
import numpy as np
from fastmlp import MLPClassifier
from fastmlp.kernels import code_cache
X = np.eye(40, dtype=np.float32)
MLPClassifier((8,), max_iter=2, batch_size=16).fit(X, np.arange(40) % 3).predict(X)
used = code_cache._ENTRIES.values()
print(len(used), sum(entry.from_cache for entry in used), "numba" in sys.modules)
"""


def test_second_fit_compiles_nothing(monkeypatch):
    X, y = plain.images()
    X, y = X[:300], y[:300]
    MLPClassifier((64,), max_iter=1).fit(X, y).predict(X)
    compiled = []
    monkeypatch.setattr(code_cache, "_compile", lambda *key: compiled.append(key))
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
    assert compiled == []


@pytest.mark.slow
def test_warm_cache_is_never_missed_and_needs_no_numba():
    command = [sys.executable, "-c", FIT_AND_LOOK]
    subprocess.run(command, check=True)
    seen = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    used, from_cache, numba = seen.split()
    assert int(used) == int(from_cache) >= 2
    assert numba == "False"


def _epoch_of(n_batches):
    """A function that trains so many batches, all in one chunk."""
    batch_size, n_features = 4, 16
    n = batch_size * n_batches
    X = np.tile(np.eye(n_features, dtype=np.float32), (-(-n // n_features), 1))[:n]
    labels = (np.arange(n, dtype=np.int32) % 3)[:, None]
    sizes = (n_features, 8, 3)
    engine = Engine(
        sizes, activation="relu", loss="softmax_cross_entropy", dtype="float32", n_threads=1
    )
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
    """An epoch of 300 batches takes just the calls that one of 100 takes."""
    few, many = _epoch_of(100), _epoch_of(300)
    assert [_calls(many) for _ in range(5)] == [_calls(few) for _ in range(5)]


@pytest.mark.slow
def test_compiled_code_cannot_allocate(tmp_path):
    """What the object files refer to: neither Numba's allocator nor C's."""
    command = [sys.executable, "-c", FIT_AND_LOOK]
    subprocess.run(command, check=True, env=os.environ | {"FASTMLP_CACHE": str(tmp_path)})
    files = list(tmp_path.iterdir())
    assert len(files) >= 2
    for path in files:
        code = path.read_bytes()
        assert not any(name in code for name in (b"NRT_", b"malloc", b"PyObject"))

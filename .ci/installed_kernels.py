"""What `.ci/run` asks of an installation with kernels in it.

``installed_kernels.py first SOLVER [MOST_SECONDS]``, ``installed_kernels.py levels`` or
``installed_kernels.py bits LEVEL``.
"""

import hashlib
import sys
import time
import warnings

import numpy as np

import fastmlp
from fastmlp import MLPClassifier

MOST_SECONDS = 0.6


def first(solver, most=MOST_SECONDS):
    """Whether the first fit and prediction of this process take no more seconds, nothing being compiled for them."""
    import sklearn.utils.validation  # noqa: F401, so that its import is not counted

    rng = np.random.default_rng(0)
    X, y = rng.random((1000, 30), np.float32), rng.integers(3, size=1000)
    start = time.perf_counter()
    MLPClassifier((64,), solver=solver, max_iter=2, random_state=0).fit(X, y).predict(X)
    seconds = time.perf_counter() - start
    assert "numba" not in sys.modules
    print(f"{solver}: first fit and prediction {seconds:.2f} s")
    return seconds <= float(most)


def bits(level):
    """Print a hash of fits by every solver in both dtypes, by kernels of a level or native ones."""
    from fastmlp.engine.optimizers import SOLVERS
    from fastmlp.kernels import code_cache, prebuilt

    if level == "native":
        prebuilt.level = lambda: None
    else:
        prebuilt.level = lambda: level
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 37)) * (rng.random((150, 37)) < 0.3)
    y = rng.integers(3, size=150)
    digest = hashlib.sha256()
    for solver in SOLVERS:
        for dtype in ("float32", "float64"):
            model = MLPClassifier(
                (70, 9), solver=solver, dtype=dtype, momentum=0.9, alpha=0.1, batch_size=16,
                max_iter=3, random_state=0, tol=0.0, n_iter_no_change=50,
            )  # fmt: skip
            with warnings.catch_warnings(action="ignore"):  # it did not converge
                model.fit(X, y)
            for array in (*model.coefs_, *model.intercepts_, model.predict_proba(X)):
                digest.update(array.tobytes())
    used = {entry.source for entry in code_cache._ENTRIES.values()}
    wanted = {code_cache.CACHE, code_cache.COMPILED} if level == "native" else {level}
    assert used <= wanted, used
    print(digest.hexdigest())


def levels():
    """Print the levels that this installation has and this CPU can run."""
    from fastmlp.kernels import prebuilt
    from fastmlp.system.cpu import cpu_features

    has = cpu_features()
    for level in prebuilt.levels():
        assert (prebuilt.FOLDER / level.name).is_dir(), level.name
        if has.issuperset(level.needed):
            print(level.name)


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    assert "site-packages" in fastmlp.__file__, fastmlp.__file__
    if what == "first":
        sys.exit(not first(*arguments))
    {"bits": bits, "levels": levels}[what](*arguments)

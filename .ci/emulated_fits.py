"""What `.ci/emulated` computes on two CPUs.

- ``emulated_fits.py bits [NAME ...]`` prints a line of name and hash for each part;
- ``emulated_fits.py compare OURS THEIRS`` compares two such outputs;
- ``emulated_fits.py compile FOLDER CPU FEATURES`` compiles all kernels for that CPU and for x86-64-v3;
- ``emulated_fits.py compile_arm FOLDER`` compiles all kernels for ARM64, on whatever CPU;
- ``emulated_fits.py same_code FOLDER`` compiles an entry on ARM64 and compares it with that;
- ``emulated_fits.py seconds`` times a small fit.

With ``FASTMLP_LEVEL=FOLDER/NAME`` the kernels are those that were compiled there; the tests, too, use them with
``pytest -p emulated_fits``.
"""

import hashlib
import math
import os
import platform
import struct
import sys
import time
import warnings
from pathlib import Path
from unittest import mock

import numpy as np
import scipy.optimize

from fastmlp import MLPClassifier, array_kernels
from fastmlp.kernels import prebuilt

if "FASTMLP_LEVEL" in os.environ:
    LEVEL = Path(os.environ["FASTMLP_LEVEL"])
    prebuilt.FOLDER, prebuilt.level = LEVEL.parent, lambda: LEVEL.name

# What another CPU may compute to other last bits, and why; all else must be the same.
DIFFERS = {
    "losses-float32": "an epoch's loss is a dot product of its batches' losses, which BLAS sums as it likes",
    "losses-float64": "an epoch's loss is a dot product of its batches' losses, which BLAS sums as it likes",
    "adam-float64": "NumPy's power, of Adam's bias correction, has a version of its own for AVX-512",
    "lbfgs-float32": "the minimizer is SciPy's, and its dot products are those that BLAS has for the CPU",
    "lbfgs-float64": "the minimizer is SciPy's, and its dot products are those that BLAS has for the CPU",
}


class LibmPower(float):
    """A number whose powers are the C library's, one by one."""

    def __pow__(self, exponents):
        return np.array([math.pow(self, exponent) for exponent in exponents])


def few_steps(evaluate, x, *, callback, **how):
    """Take three steps down the gradient, in the place of SciPy's minimizer."""
    for _ in range(3):
        loss, gradient = evaluate(x)
        x = x - 0.1 * gradient
        callback(intermediate_result=scipy.optimize.OptimizeResult(x=x, fun=loss))
    return scipy.optimize.OptimizeResult(x=x, fun=loss, nit=3, status=0, message="")


def fits():
    """By name, what is hashed: functions without arguments that return arrays."""
    for dtype in ("float32", "float64"):
        yield f"functions-{dtype}", lambda dtype=dtype: functions(dtype)
        for solver in ("rmsprop", "sgd", "adam", "lbfgs"):
            yield f"{solver}-{dtype}", lambda how=(solver, dtype): trained(*how)
        powers = {"beta_1": LibmPower(0.9), "beta_2": LibmPower(0.999)}
        yield f"adam-{dtype}-libm", lambda dtype=dtype, how=powers: trained("adam", dtype, **how)
        yield f"lbfgs-{dtype}-steps", lambda dtype=dtype: with_few_steps(dtype)
        yield f"losses-{dtype}", lambda dtype=dtype: trained("rmsprop", dtype, losses=True)


def functions(dtype):
    x = np.linspace(-30, 30, 9999).astype(dtype)
    return [getattr(array_kernels, name)(x) for name in ("exp", "tanh", "logistic", "relu")]


def trained(solver, dtype, losses=False, **how):
    """All parameters and predictions, or the losses, of fits to data with zeros that are skipped and to dense data."""
    rng = np.random.default_rng(0)
    found = []
    for density in (0.3, 1.0):
        X = rng.normal(size=(150, 37)) * (rng.random((150, 37)) < density)
        y = rng.integers(3, size=150)
        model = MLPClassifier(
            (70, 9), solver=solver, dtype=dtype, momentum=0.9, alpha=0.1, batch_size=16, max_iter=3,
            random_state=0, tol=0.0, n_iter_no_change=50, **how,
        )  # fmt: skip
        with warnings.catch_warnings(action="ignore"):  # it did not converge
            model.fit(X, y)
        if losses:
            found += [np.array(model.history_["loss"])]
        else:
            found += model.coefs_ + model.intercepts_ + [model.predict_proba(X)]
    return found


def with_few_steps(dtype):
    with mock.patch.object(scipy.optimize, "minimize", few_steps):
        return trained("lbfgs", dtype)


def bits(*names):
    for name, compute in fits():
        if not names or name in names or name.rpartition("-")[0] in names:
            digest = hashlib.sha256()
            for array in compute():
                digest.update(array.tobytes())
            print(name, digest.hexdigest()[:32], flush=True)


def compare(ours, theirs):
    """Compare two outputs of `bits`; whether all is as it must be."""
    ours, theirs = (
        dict(line.split() for line in Path(path).read_text().splitlines() if "-" in line)
        for path in (ours, theirs)
    )
    assert theirs, "nothing was computed"
    wrong = False
    for name, digest in theirs.items():
        if digest == ours[name]:
            print(f"{name}: the same bits")
        elif name in DIFFERS:
            print(f"{name}: other bits, as expected: {DIFFERS[name]}")
        else:
            print(f"{name}: OTHER BITS")
            wrong = True
    return not wrong


def compile_for(folder, cpu, features):
    from fastmlp.kernels.precompile import compile_levels

    other = prebuilt.Level(cpu, cpu, tuple(features.split(",")), ())
    compile_levels(Path(folder), (), [other, prebuilt.LEVELS["x86_64"][0]])


ARM = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "+neon,+fp-armv8"}


def compile_arm(folder):
    """LLVM has the code for all its targets; Numba compiles for the one that it is told this process runs on."""
    import llvmlite.binding as llvm

    from fastmlp.kernels.precompile import compile_entries

    assert "numba" not in sys.modules, "Numba has asked for the CPU already"
    os.environ |= ARM
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    llvm.get_process_triple = llvm.get_default_triple = lambda: "aarch64-unknown-linux-gnu"
    compile_entries(Path(folder), "aarch64", ())


def _instructions(code):
    """The executable sections of an object file (ELF of 64 bits); names in it count what was compiled before."""
    (headers,) = struct.unpack_from("<Q", code, 0x28)
    size, number = struct.unpack_from("<HH", code, 0x3A)
    found = []
    for i in range(number):
        flags, _, offset, length = struct.unpack_from("<QQQQ", code, headers + i * size + 8)
        if flags & 0x4:
            found.append(code[offset : offset + length])
    return b"".join(found)


def same_code(folder):
    """Whether Numba on ARM64 makes the instructions that `compile_arm` made elsewhere."""
    assert platform.machine() == "aarch64"
    os.environ |= ARM
    from fastmlp.kernels.code_cache import file_stem
    from fastmlp.kernels.entries import compile_entry

    key = ("elements", "float32", None)
    _, code = compile_entry(*key)
    there = prebuilt.path_of(file_stem(*key), "aarch64", Path(folder)).read_bytes()
    ours, theirs = _instructions(code), _instructions(there[there.index(b"\x7fELF") :])
    print(f"{len(ours)} bytes of instructions, {'the same' if ours == theirs else 'NOT THE SAME'}")
    return bool(ours) and ours == theirs


def seconds():
    """Time one epoch of a network of 784-64-10 on 1,000 rows, a fifth of them non-zero, on one thread."""
    rng = np.random.default_rng(0)
    X = rng.random((1000, 784), np.float32) * (rng.random((1000, 784)) < 0.2)
    y = rng.integers(10, size=1000)
    model = MLPClassifier((64,), batch_size=100, max_iter=1, n_threads=1, random_state=0)
    model.fit(X[:200], y[:200])  # loads the kernels
    start = time.process_time()
    model.fit(X, y)
    print(f"{time.process_time() - start:.3f}")


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    if what in ("compare", "same_code"):
        sys.exit(not {"compare": compare, "same_code": same_code}[what](*arguments))
    commands = {
        "bits": bits,
        "compile": compile_for,
        "compile_arm": compile_arm,
        "seconds": seconds,
    }
    commands[what](*arguments)

"""The compiled entries: loaded from disk where this machine has compiled them before.

Numba makes an entry once per CPU, compute dtype and rule; its machine code is kept in a cache folder. Later
processes load that with LLVM's own loader, in a few milliseconds and without importing Numba. If the cache cannot be
read or written, or its files are corrupted, the entry is compiled again.
"""

import ctypes
import gc
import hashlib
import os
import platform
import tempfile
import threading
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np

from ..system.cache_folder import user_cache

_ENTRIES = {}
_LOCK = threading.RLock()

if hasattr(os, "register_at_fork"):
    # A fork waits until no thread compiles or loads. Otherwise the child could inherit a lock of LLVM or Numba whose
    # owner does not exist there, and wait for it forever.
    os.register_at_fork(
        before=_LOCK.acquire, after_in_parent=_LOCK.release, after_in_child=_LOCK.release
    )

# What Numba's calling convention makes of an entry: status(result*, exception**, words*).
_PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)


def entry(name, dtype, rule=None):
    """The entry ``name`` (see `entries`) for a compute dtype and, if it has one, a rule's class.

    Returns
    -------
    callable
        ``call(words)``, where words is an int64 array (`abi.pack_words`); releases the GIL; returns an int.
    """
    key = (name, np.dtype(dtype).name, rule)
    found = _ENTRIES.get(key)
    if found is None:
        with _LOCK:
            found = _ENTRIES.get(key) or _ENTRIES.setdefault(key, _Entry(*key))
    return found


class _Entry:
    """Machine code that takes words. `from_cache` tells where it came from."""

    def __init__(self, name, dtype, rule):
        path = folder() / f"{name}-{dtype}-{rule.__name__ if rule else 'any'}-{fingerprint()}.bin"
        symbol, code = _read(path) or (None, None)
        self.from_cache = code is not None
        if not self.from_cache:
            symbol, code = _compile(name, dtype, rule)
            _write(path, symbol, code)
        self._engine = _engine(code)
        self._function = _PROTOTYPE(self._engine.get_function_address(symbol))

    def __call__(self, words):
        result = ctypes.c_int64()
        exception = ctypes.c_void_p()
        status = self._function(
            ctypes.addressof(result),
            ctypes.addressof(exception),
            words.__array_interface__["data"][0],
        )
        if status > 0:  # only a checking build has this
            raise IndexError("kernel access out of bounds")
        return result.value


def _compile(name, dtype, rule):
    # Compilation makes millions of small objects and no garbage worth looking for.
    collecting = gc.isenabled()
    gc.disable()
    try:
        from .entries import compile_entry

        return compile_entry(name, dtype, rule)
    finally:
        if collecting:
            gc.enable()


def _engine(code):
    _initialize()
    machine = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine


@lru_cache
def _initialize():
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()


# --- the cache --------------------------------------------------------------------------------


def folder():
    """Where compiled code is kept: ``$FASTMLP_CACHE``, or fastmlp's part of the user's cache folder."""
    chosen = os.environ.get("FASTMLP_CACHE")
    return Path(chosen) if chosen else user_cache()


def is_writable():
    """Whether compiled code can be kept there."""
    try:
        folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder()):
            return True
    except OSError:
        return False


@lru_cache
def cpu():
    """Name and features of this CPU, as LLVM has them."""
    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


@lru_cache
def fingerprint():
    """A hash of all that the code depends on: the kernels' sources, versions and CPU."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    # Joblib sets Numba's number of threads in its workers; the code does not depend on it.
    settings = sorted(
        (name, value) for name, value in os.environ.items()
        if name.startswith("NUMBA_") and name != "NUMBA_NUM_THREADS"
    )  # fmt: skip
    checked = os.environ.get("FASTMLP_CHECK")
    about = (
        version("numba"),
        version("llvmlite"),
        platform.python_version(),
        cpu(),
        settings,
        checked,
    )
    digest.update(repr(about).encode())
    return digest.hexdigest()[:32]


def _read(path):
    """Return (symbol, code), or None if the file is missing or corrupted."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(content[32:]).digest() != content[:32]:
        return None
    symbol, code = content[32:].split(b"\0", 1)
    return symbol.decode(), code


def _write(path, symbol, code):
    content = symbol.encode() + b"\0" + code
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(hashlib.sha256(content).digest() + content)
        os.replace(part, path)
    except OSError:
        with suppress(OSError):  # there may not even be a folder
            part.unlink()

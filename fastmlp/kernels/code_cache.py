"""The compiled entries: found in the package, in a cache folder, or compiled.

An entry's machine code is an object file that LLVM's own loader takes in a few milliseconds, without Numba. It comes
from the first of these that has it:

- the cache folder, where an earlier process of this machine has kept what Numba compiled for this very CPU;
- the package, if it was built with kernels for a level that this CPU has (see `prebuilt`);
- Numba, which compiles it, for the cache folder.

The bits of all results are the same. A cache that cannot be written or read, or whose files are damaged, costs the time
to compile and no more.
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
from ..system.cpu import feature_map
from ..system.switches import is_on
from . import compile_notice, prebuilt
from .words import address

# Where an entry's code can come from, apart from the levels of `prebuilt`.
CACHE, COMPILED = "cache", "compiled"

# The variables of Numba's that change what it makes of the kernels. With others, which say where it keeps its own cache
# or how many threads it has, the code that is kept stays valid.
NUMBA_SETTINGS = tuple(
    f"NUMBA_{name}"
    for name in (
        "BOUNDSCHECK", "CPU_FEATURES", "CPU_NAME", "DEBUGINFO", "DISABLE_INTEL_SVML", "ENABLE_AVX",
        "EXTEND_VARIABLE_LIFETIMES", "LLVM_REFPRUNE_FLAGS", "LLVM_REFPRUNE_PASS", "LOOP_VECTORIZE", "OPT",
        "SLP_VECTORIZE",
    )
)  # fmt: skip

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
        ``call(words)``, where words is an int64 array (`words.pack_words`); releases the GIL; returns an int.
    """
    key = (name, np.dtype(dtype).name, rule)
    found = _ENTRIES.get(key)
    if found is None:
        with _LOCK:
            found = _ENTRIES.get(key) or _ENTRIES.setdefault(key, _Entry(*key))
        found.warn()
    return found


def native_entry(name, dtype, rule=None):
    """The same, compiled for this very CPU even where the package has code for it; kept in the cache folder."""
    key = (name, np.dtype(dtype).name, rule)
    with _LOCK:
        found = _ENTRIES.get(key)
        if found is None or found.source not in (CACHE, COMPILED):
            found = _ENTRIES[key] = _Entry(*key, native=True)
    found.warn()
    return found


def source_of(name, dtype, rule=None):
    """Where an entry's code comes from, without loading it: `CACHE`, a level of `prebuilt`, `COMPILED` or None.

    `COMPILED` is code that this process has compiled; None means that it will have to.
    """
    loaded = _ENTRIES.get((name, dtype, rule))
    if loaded is not None:
        return loaded.source
    for source, path in _places(name, dtype, rule, wants_native()):
        if path.is_file():
            return source
    return None


class _Entry:
    """Machine code that takes words. `source` tells where it came from (see `source_of`)."""

    def __init__(self, name, dtype, rule, native=False):
        native = native or wants_native()
        self.source, found = COMPILED, None
        self._not_kept = None  # why the code could not be written
        for source, path in _places(name, dtype, rule, native):
            found = _read(path)
            if found is not None:
                self.source = source
                break
        else:
            why = _why_compile(native)
            compile_notice.announce(name, dtype, rule, kept=is_writable(), why=why)
            found = _compile(name, dtype, rule)
            self._not_kept = write(_cached(name, dtype, rule), *found)
        symbol, code = found
        self._engine = _engine(code)
        self._function = _PROTOTYPE(self._engine.get_function_address(symbol))

    @property
    def from_cache(self):
        """Whether the code was there already."""
        return self.source != COMPILED

    def warn(self):
        """Warn if the code could not be kept; no lock is held meanwhile, and the entry is in place."""
        error, self._not_kept = self._not_kept, None
        if error is not None:
            compile_notice.warn_not_kept(folder(), error)

    def __call__(self, words):
        result = ctypes.c_int64()
        exception = ctypes.c_void_p()
        status = self._function(
            ctypes.addressof(result),
            ctypes.addressof(exception),
            address(words),
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
    except MemoryError:
        raise
    except Exception as error:
        if os.environ.get("NUMBA_FULL_TRACEBACKS", "0") != "0":
            raise
        first = str(error).strip().partition("\n")[0]
        raise RuntimeError(
            f"fastmlp's kernels do not compile with numba {version('numba')} and llvmlite "
            f"{version('llvmlite')}: {type(error).__name__}: {first} "
            "(NUMBA_FULL_TRACEBACKS=1 shows where)."
        ) from None
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


# --- where code lies -------------------------------------------------------------------------


def file_stem(name, dtype, rule):
    """An entry's part of its file's name."""
    return f"{name}-{dtype}-{rule.__name__ if rule else 'any'}"


def is_checking():
    """Whether kernels check each access, for tests; such code is in no package."""
    return is_on("FASTMLP_CHECK")


def wants_native():
    """Whether code for this very CPU, or for one that is named, is asked for."""
    return is_checking() or any(
        map(is_on, ("FASTMLP_NATIVE", "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES"))
    )


def _cached(name, dtype, rule):
    return folder() / f"{file_stem(name, dtype, rule)}-{fingerprint()}.bin"


def _places(name, dtype, rule, native):
    """The files that may hold an entry, the first choice first, each with the name of its source."""
    yield CACHE, _cached(name, dtype, rule)
    level = None if native else prebuilt.level()
    if level is not None:
        yield level, prebuilt.path_of(file_stem(name, dtype, rule), level)


def _why_compile(native):
    """Why an entry was found nowhere."""
    if native:
        return "code for this very CPU is asked for"
    if not prebuilt.FOLDER.is_dir():
        return "this installation was built without compiled kernels"
    if prebuilt.level() is None:
        return "the compiled kernels of this installation do not fit the CPU"
    return "the compiled kernels of this installation are not those of its sources"


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
    return llvm.get_host_cpu_name(), feature_map().flatten()


@lru_cache
def fingerprint():
    """A hash of all that the code depends on: the kernels' sources, versions and CPU."""
    digest = hashlib.sha256(prebuilt.sources_hash().encode())
    settings = [(name, os.environ[name]) for name in NUMBA_SETTINGS if name in os.environ]
    about = (
        version("numba"), version("llvmlite"), platform.python_version(), cpu(), settings, is_checking(),
    )  # fmt: skip
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


def write(path, symbol, code):
    """Keep an entry's code; return the OSError that prevented it, or None."""
    content = symbol.encode() + b"\0" + code
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(hashlib.sha256(content).digest() + content)
        os.replace(part, path)
    except OSError as error:
        with suppress(OSError):  # there may not even be a folder
            part.unlink()
        return error
    return None

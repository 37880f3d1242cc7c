"""The ways in which functions here are compiled: a `kernel` is called by compiled code only, an entry from outside.

Both go through `lean_pipeline`, which compiles fastest. Where a version of Numba lacks what that builds on, they go
through Numba's own passes instead: slower to compile, the same bits.
"""

from contextlib import contextmanager

import llvmlite.binding as llvm
import numba
from numba import njit, types
from numba.core import config

from ...system.cpu import feature_map

# Minor versions of Numba that `lean_pipeline` is known to work with; `.ci/versions numba` tries each of them. Any other
# version compiles a small function first, to see whether it does, which takes half a second.
KNOWN_NUMBA = ("0.60", "0.61", "0.62", "0.63", "0.64", "0.65", "0.66", "0.67", "0.68")

_OPTIONS = {
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "error_model": "numpy",
    "boundscheck": False,
}


@contextmanager
def _jit():
    """Within the block Numba compiles even if NUMBA_DISABLE_JIT is set: kernels cannot be run by Python."""
    before, config.DISABLE_JIT = config.DISABLE_JIT, 0
    try:
        yield
    finally:
        config.DISABLE_JIT = before


def _njit(**options):
    """Numba's `njit`, which compiles in any case, see `_jit`."""

    def decorate(function):
        with _jit():
            return njit(**options)(function)

    return decorate


class _Lean:
    """Functions compiled by `lean_pipeline`."""

    def __init__(self):
        from . import lean_pipeline

        self._entry = _njit(pipeline_class=lean_pipeline.EntryCompiler, **_OPTIONS)
        self._object_file = lean_pipeline.object_file
        self.kernel = _njit(pipeline_class=lean_pipeline.KernelCompiler, **_OPTIONS)
        self.inlined = _njit(
            pipeline_class=lean_pipeline.KernelCompiler, forceinline=True, **_OPTIONS
        )

    def machine_code(self, function, argument_types):
        compiled = self._entry(function)
        compiled.compile(argument_types)
        return self._object_file(compiled)


class _Public:
    """Functions compiled by Numba's own passes, using nothing that Numba does not document."""

    def __init__(self):
        self.kernel = _njit(**_OPTIONS)
        self.inlined = _njit(forceinline=True, **_OPTIONS)

    def machine_code(self, function, argument_types):
        compiled = _njit(**_OPTIONS)(function)
        compiled.compile(argument_types)
        (text,) = compiled.inspect_llvm().values()
        module = llvm.parse_assembly(text)
        # What the entry calls can also be defined by other modules; the entry alone is this module's own.
        (symbol,) = (
            function.name for function in module.functions
            if not function.is_declaration and function.linkage == llvm.Linkage.external
        )  # fmt: skip
        return symbol, _target_machine().emit_object(module)


def _cpu_features():
    """Return the features of the CPU that Numba compiles for, as LLVM writes them: ``+sse3,-avx,...``."""
    if config.CPU_FEATURES is not None:
        return config.CPU_FEATURES
    return feature_map().flatten()


def compiles_for_avx512():
    """Whether the CPU that Numba compiles for has 32 registers of 64 bytes."""
    return "+avx512f" in _cpu_features().split(",")


def _target_machine():
    """Return LLVM's description of the CPU that Numba compiles for, for code that is loaded by `code_cache`."""
    target = llvm.Target.from_triple(llvm.get_process_triple())
    return target.create_target_machine(
        cpu=config.CPU_NAME or llvm.get_host_cpu_name(),
        features=_cpu_features(),
        opt=int(config.OPT),
        reloc="static" if target.name.startswith("x86") else "default",
        codemodel="jitdefault",
        jit=True,
    )


def _works(way):
    """Whether a function that calls a kernel that calls another one comes out as an object file."""

    @way.inlined
    def inner(x):
        return x + 1 if x > 0 else x

    @way.kernel
    def outer(x):
        total = 0
        for i in range(x):
            total += inner(i)
        return total

    def probe(x):
        return outer(x)

    symbol, code = way.machine_code(probe, (types.int64,))
    return isinstance(code, bytes) and symbol.encode() in code


def _is_known(version):
    return ".".join(version.split(".")[:2]) in KNOWN_NUMBA


def _choose():
    try:
        lean = _Lean()
        if _is_known(numba.__version__) or _works(lean):
            return lean
    except Exception:  # whatever a changed interface leads to
        pass
    return _Public()


_WAY = _choose()
IS_LEAN = isinstance(_WAY, _Lean)

# Called from compiled code only.
kernel = _WAY.kernel
# LLVM writes it out at the place of the call: Numba's own inlining would read and type it anew for each call.
inlined = _WAY.inlined


def machine_code(function, argument_types):
    """Compile an entry; return its symbol's name and an object file that holds all it needs."""
    with _jit():
        return _WAY.machine_code(function, argument_types)

"""How the threads of a team wait for each other and share out work.

`sync` is an int64 array with three counters, each on a cache line of its own: the number of completed
waits (a generation), the number of threads waiting, and a flag that ends every wait.
"""

import sys

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .jit import inlined, kernel
from .pointer import address

GENERATION, WAITING, STOP = 0, 8, 16
SYNC_SIZE = 24
# About a microsecond: longer than threads in step ever wait, shorter than a scheduler's time slice.
SPINS = 1000


@intrinsic
def _atomic_load(typing, counters, index):
    def codegen(context, builder, sig, args):
        place = address(context, builder, counters, args[0], args[1], 1)
        return builder.load_atomic(place, "seq_cst", 8, typ=ir.IntType(64))

    return types.int64(counters, types.intp), codegen


@intrinsic
def _atomic_add(typing, counters, index, value):
    """Add and return the old value."""

    def codegen(context, builder, sig, args):
        place = address(context, builder, counters, args[0], args[1], 1)
        return builder.atomic_rmw("add", place, args[2], "seq_cst")

    return types.int64(counters, types.intp, types.int64), codegen


@intrinsic
def _yield_core(typing):
    """Let another thread have this core."""

    def codegen(context, builder, sig, args):
        name = "SwitchToThread" if sys.platform == "win32" else "sched_yield"
        kind = ir.FunctionType(ir.IntType(32), [])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [])
        return context.get_dummy_value()

    return types.void(), codegen


@kernel
def barrier(sync, n_threads):
    """Wait until all `n_threads` are here; true if the team is to stop instead.

    Sense by generation: the last to arrive resets the count *before* it advances the generation, so
    nobody can enter the next wait and find a stale count. All operations are sequentially consistent,
    which makes every write before the barrier visible after it.
    """
    if n_threads == 1:
        return False
    generation = _atomic_load(sync, GENERATION)
    if _atomic_add(sync, WAITING, 1) == n_threads - 1:
        _atomic_add(sync, WAITING, -n_threads)
        _atomic_add(sync, GENERATION, 1)
        return _atomic_load(sync, STOP) != 0
    spins = 0
    while _atomic_load(sync, GENERATION) == generation:
        if _atomic_load(sync, STOP) != 0:
            return True
        spins += 1
        if spins > SPINS:
            _yield_core()
    return _atomic_load(sync, STOP) != 0


@inlined
def share(total, me, n_threads):
    """Thread `me`'s part ``[start, stop)`` of `total` equal items."""
    return total * me // n_threads, total * (me + 1) // n_threads


@inlined
def within(start, stop, panel, size):
    """The part of ``[start, stop)`` that lies in panel number `panel` of `size` items, counted in it."""
    return max(start - panel * size, 0), min(stop - panel * size, size)

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

    Why it holds, every operation on the counters being atomic and sequentially consistent, so that all
    threads see them in one order:

    - Nobody is early. The generation advances only when the count, raised once by each arrival, has reached
      `n_threads`; a thread reads the generation before its own arrival, hence before the advance it waits for.
    - Nobody is lost. Between that read and the thread's leaving the generation advances exactly once: the
      next advance needs an arrival of this thread, too. It has then changed for good, however late the thread
      looks. The last to arrive takes `n_threads` off the count *before* it advances the generation, so the next
      wait counts from 0; and it takes off, it does not store 0, so no arrival could be wiped out.
    - What was written before is seen after. A thread's arrival releases its writes; the arrivals are
      read-modify-writes of one word, so the last one, and through its advance of the generation everybody
      who leaves, has acquired all of them.
    - It does not hang. Yielding only changes who runs: a thread that has yielded stays runnable and looks
      again, and the one that is missed gets its turn whether the others spin or yield. None of them holds
      the GIL here. A thread that will not come (an exception, Ctrl-C) sets the stop flag, at which all leave
      with true, now and at any later barrier, until the counters are cleared with nobody inside.
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

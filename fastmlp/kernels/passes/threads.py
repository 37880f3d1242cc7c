"""How the threads of a team wait for each other and share out work.

`sync` is an int64 array with three counters, each on a cache line of its own: the number of completed
waits (a generation), the number of threads waiting, and a flag that ends every wait, beside which stands the
patience of a waiting thread. A line for each thread follows, which counts how many of the thread's own parts of a loop
are taken.
"""

import sys

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.imputils import RefType, iternext_impl
from numba.extending import intrinsic, lower_builtin, models, register_model

from ..abi import GENERATION, PATIENCE, STOP, SYNC_LINE, SYNC_SIZE, WAITING
from ..codegen.compiler import inlined, kernel
from ..codegen.pointer import address, load_value

# At most so many loops over parts lie between two barriers.
LOOPS = 2
# A thread whose own parts are done takes work from so many neighbours. With many cores, looking at all threads would
# cost more than it gains.
NEIGHBOURS = 3


@intrinsic
def _atomic_load(typing, counters, index):
    def codegen(context, builder, sig, args):
        place = address(context, builder, counters, args[0], args[1], 1)
        return load_value(
            builder, place, ir.IntType(64), "load_atomic", ordering="seq_cst", align=8
        )

    return types.int64(counters, types.intp), codegen


@intrinsic
def _atomic_clear(typing, counters, index):
    """Set to 0; a thread that sees a later atomic operation of this thread sees the 0, too."""

    def codegen(context, builder, sig, args):
        place = address(context, builder, counters, args[0], args[1], 1)
        builder.store_atomic(ir.Constant(ir.IntType(64), 0), place, "monotonic", 8)
        return context.get_dummy_value()

    return types.void(counters, types.intp), codegen


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


@inlined
def _taken(owner, generation, loop):
    """Index of the counter of the owner's parts that are taken."""
    return SYNC_SIZE + owner * SYNC_LINE + generation % 2 * LOOPS + loop


@kernel
def barrier(sync, me, n_threads):
    """Thread `me` waits until all `n_threads` are here; true if the team is to stop instead.

    Why it holds, every operation on the counters being atomic and sequentially consistent, so that all
    threads see them in one order:

    - No thread is early. The generation advances only when the count, raised once by each arrival, has reached
      `n_threads`; a thread reads the generation before its own arrival, hence before the advance it waits for.
    - No thread is lost. Between that read and the thread's leaving the generation advances exactly once: the
      next advance needs an arrival of this thread, too. It has then changed for good, however late the thread
      looks. The last to arrive takes `n_threads` off the count *before* it advances the generation, so the next
      wait counts from 0; and it takes off, it does not store 0, so no arrival could be wiped out.
    - What was written before is seen after. A thread's arrival releases its writes; the arrivals are
      read-modify-writes of one word, so the last one, and through its advance of the generation every
      thread that leaves, has acquired all of them.
    - It does not hang. Yielding only changes who runs: a thread that has yielded stays runnable and looks
      again, and the missing one gets its turn whether the others spin or yield. None of them holds
      the GIL here. A thread that will not come (an exception, Ctrl-C) sets the stop flag, at which all leave
      with true, now and at any later barrier, until the counters are cleared with no thread inside.
    - A loop's parts are counted from 0 (`next_part`). There are two sets of counters, for even and odd
      generations. A thread that arrives clears its own of the next generation, which were last in use one
      generation ago: all have left that one, as one of them, this thread, has been through the barrier since.
    """
    if n_threads == 1:
        return False
    generation = _atomic_load(sync, GENERATION)
    for loop in range(LOOPS):
        _atomic_clear(sync, _taken(me, generation + 1, loop))
    if _atomic_add(sync, WAITING, 1) == n_threads - 1:
        _atomic_add(sync, WAITING, -n_threads)
        _atomic_add(sync, GENERATION, 1)
        return _atomic_load(sync, STOP) != 0
    spins, patience = 0, sync[PATIENCE]
    while _atomic_load(sync, GENERATION) == generation:
        if _atomic_load(sync, STOP) != 0:
            return True
        spins += 1
        if spins > patience:
            _yield_core()
    return _atomic_load(sync, STOP) != 0


@inlined
def n_parts(panels, n_threads):
    """Number of parts of a loop over a layer's items: the same for each thread, and if possible a whole panel each."""
    return max(panels // n_threads, 1) * n_threads


@kernel
def next_part(sync, l, parts, part, me, n_threads):
    """The part of a loop for layer `l` that thread `me` is to do after `part`, which is -1 at first; -1 if none is left

    A thread takes its own parts first, whose data are in its cache since the last time, then those that its
    neighbours have left. So a thread whose core is slow or busy delays the team less. Each part is taken once, because
    taking it is one atomic addition. None is forgotten, because its owner continues until all are taken. Two loops
    without a barrier between them have counters of their own: one layer's number is odd, the other's is even.
    """
    if n_threads == 1:
        return part + 1 if part + 1 < parts else -1
    each, generation = parts // n_threads, _atomic_load(sync, GENERATION)
    distance = 0 if part < 0 else (part // each - me) % n_threads
    for ahead in range(distance, min(n_threads, 1 + NEIGHBOURS)):
        owner = (me + ahead) % n_threads
        taken = _taken(owner, generation, l % LOOPS)
        if _atomic_load(sync, taken) < each:
            number = _atomic_add(sync, taken, 1)
            if number < each:
                return owner * each + number
    return -1


class _PartsType(types.SimpleIteratorType):
    """Numba's type of `take_parts`."""

    def __init__(self, sync):
        self.sync = sync
        super().__init__(f"Parts({sync})", types.int64)


@register_model(_PartsType)
class _PartsModel(models.StructModel):
    def __init__(self, dmm, fe_type):
        fixed = [(name, types.int64) for name in ("l", "parts", "me", "n_threads")]
        last = ("part", types.EphemeralPointer(types.int64))
        super().__init__(dmm, fe_type, [("sync", fe_type.sync), *fixed, last])


@intrinsic
def take_parts(typing, sync, l, parts, me, n_threads):
    """``for part in take_parts(...)``: the parts of a loop for layer `l` that thread `me` takes, by `next_part`."""
    kind = _PartsType(sync)

    def codegen(context, builder, sig, args):
        loop = cgutils.create_struct_proxy(kind)(context, builder)
        loop.sync, loop.l, loop.parts, loop.me, loop.n_threads = args
        loop.part = cgutils.alloca_once_value(builder, ir.Constant(ir.IntType(64), -1))
        return loop._getvalue()

    return kind(sync, types.int64, types.int64, types.int64, types.int64), codegen


@lower_builtin("iternext", _PartsType)
@iternext_impl(RefType.UNTRACKED)
def _take_part(context, builder, sig, args, result):
    (kind,) = sig.args
    loop = cgutils.create_struct_proxy(kind)(context, builder, value=args[0])
    function = context.typing_context.resolve_value_type(next_part)
    arguments = (kind.sync, *[types.int64] * 5)
    call = context.get_function(
        function, function.get_call_type(context.typing_context, arguments, {})
    )
    context.add_linking_libs(call.libs)
    before = builder.load(loop.part)
    part = call(builder, [loop.sync, loop.l, loop.parts, before, loop.me, loop.n_threads])
    builder.store(part, loop.part)
    result.set_valid(builder.icmp_signed(">=", part, ir.Constant(part.type, 0)))
    result.yield_(part)


@inlined
def share(total, part, parts):
    """Part number `part` of `parts`, ``[start, stop)``, of `total` equal items."""
    return total * part // parts, total * (part + 1) // parts


@inlined
def within(start, stop, panel, size):
    """The part of ``[start, stop)`` that lies in panel number `panel` of `size` items, counted in it."""
    return max(start - panel * size, 0), min(stop - panel * size, size)

"""The barrier lets nobody through early, loses nobody, and ends for all when one fails."""

import threading
from typing import NamedTuple

import numpy as np
import pytest
from numba import types
from numpy.testing import assert_array_equal

from fastmlp.kernels import library, sync
from fastmlp.kernels.block import BLOCK, readers
from fastmlp.kernels.jit import kernel, machine_code
from fastmlp.kernels.layout import INT64, block
from fastmlp.kernels.sync import GENERATION, STOP, WAITING, _atomic_add, _atomic_load, _yield_core
from fastmlp.team import Team

APART = 8  # each thread's number on a cache line of its own
N_DELAYS = 997


class Stress(NamedTuple):
    """What one thread is given."""

    numbers: INT64  # (2 * n_threads * APART,) the round in which each thread last wrote here
    delays: INT64  # (n_threads * N_DELAYS,) how long to dawdle: turns of a loop, or yields if < 0
    wrong: INT64  # (n_threads,) gets the first round with another's number missing, counted from 1
    sync: INT64
    rounds: int
    me: int
    n_threads: int


@kernel
def nothing(sync, n_threads):
    """Not a barrier."""
    return False


@kernel
def one_too_few(sync, n_threads):
    """A barrier that does not wait for the last."""
    generation = _atomic_load(sync, GENERATION)
    if _atomic_add(sync, WAITING, 1) >= n_threads - 2:
        _atomic_add(sync, WAITING, -(n_threads - 1))
        _atomic_add(sync, GENERATION, 1)
    while _atomic_load(sync, GENERATION) == generation:
        if _atomic_load(sync, STOP) != 0:
            return True
        _yield_core()
    return False


def compiled(barrier):
    """An entry that meets at a barrier again and again; returns the number of rounds."""
    (read,) = readers(types.float64, Stress)

    def stress(words):
        s = read(words)
        for r in range(s.rounds):
            delay = s.delays[s.me * N_DELAYS + r % N_DELAYS]
            for _ in range(delay):
                _atomic_load(s.sync, STOP)
            for _ in range(-delay):
                _yield_core()
            # Two places in turn: whoever writes to one again has met those who read it in between.
            place = (r % 2) * s.n_threads
            s.numbers[(place + s.me) * APART] = r + 1
            if barrier(s.sync, s.n_threads):
                return r
            for other in range(s.n_threads):
                if s.numbers[(place + other) * APART] != r + 1:
                    s.wrong[s.me] = r + 1
                    _atomic_add(s.sync, STOP, 1)
                    return r
        return s.rounds

    symbol, code = machine_code(stress, (BLOCK,))
    engine = library._engine(code)
    function = library._PROTOTYPE(engine.get_function_address(symbol))

    def call(words):
        result, exception = np.zeros(1, np.int64), np.zeros(1, np.int64)
        status = function(result.ctypes.data, exception.ctypes.data, words.ctypes.data)
        assert status <= 0
        return int(result[0])

    call.engine = engine  # which owns the code
    return call


@pytest.fixture(scope="module")
def stress():
    return compiled(sync.barrier)


def meet(call, team, rounds, fails=None):
    """Let a team meet; the rounds that each thread made, and where one saw a number missing."""
    n = team.n_threads
    rng = np.random.default_rng(n)
    delays = rng.choice([0, 0, 0, 1, 30, 300, 2 * sync.SPINS, -1, -3], n * N_DELAYS)
    numbers, wrong = np.zeros(2 * n * APART, np.int64), np.zeros(n, np.int64)
    made = np.full(n, -1)

    def work(me, n_threads):
        if me == fails:
            raise ArithmeticError(f"thread {me}")
        made[me] = call(block(Stress(numbers, delays, wrong, team.sync, rounds, me, n_threads)))

    late = threading.Timer(120, team.sync.__setitem__, (STOP, 1))  # a hang ends as a failure
    late.start()
    try:
        team.run(work)
    finally:
        late.cancel()
        late.join()
    return made, wrong


@pytest.mark.parametrize("n_threads", [2, 3, 5])
def test_nobody_is_early_and_nobody_is_lost(stress, n_threads):
    team = Team(n_threads)
    for rounds in (20_000, 1, 5_000):  # the same counters again
        made, wrong = meet(stress, team, rounds)
        assert_array_equal(wrong, 0)
        assert_array_equal(made, rounds)
        assert not team.sync.any()


@pytest.mark.parametrize("barrier", [nothing, one_too_few])
def test_the_test_above_sees_a_barrier_that_does_not_hold(barrier):
    call = compiled(barrier)
    for n_threads in (2, 3, 5):
        made, wrong = meet(call, Team(n_threads), 20_000)
        assert wrong.any()
        assert (made < 20_000).any()


@pytest.mark.parametrize("n_threads", [2, 3, 5])
def test_an_exception_in_one_frees_all_others(stress, n_threads):
    team = Team(n_threads)
    for fails in range(n_threads):
        with pytest.raises(ArithmeticError, match=f"thread {fails}"):
            meet(stress, team, 1000, fails)
        assert not team.sync.any()
    assert not [t for t in threading.enumerate() if t.name.startswith("fastmlp")]
    made, _ = meet(stress, team, 100)
    assert_array_equal(made, 100)

"""The barrier lets nobody through early, loses nobody, and ends for all when one fails; parts are done once."""

import threading
from typing import NamedTuple

import numpy as np
import pytest
from compiled_entries import entry
from numba import types
from numpy.testing import assert_array_equal

from fastmlp.engine.team import SPINS_WITHOUT_CORE, Team
from fastmlp.kernels.abi import INT64, PATIENCE
from fastmlp.kernels.codegen.compiler import kernel
from fastmlp.kernels.codegen.struct_view import readers
from fastmlp.kernels.passes import threads as sync
from fastmlp.kernels.passes.threads import (
    GENERATION,
    STOP,
    WAITING,
    _atomic_add,
    _atomic_load,
    _yield_core,
)
from fastmlp.kernels.words import pack_words

pytestmark = pytest.mark.slow

APART = 8  # each thread's number on a cache line of its own
N_DELAYS = 997
MOST_PANELS = 8


class Stress(NamedTuple):
    """What one thread is given."""

    numbers: INT64  # (2 * n_threads * APART,) the round in which each thread last wrote here; or see compiled_parts
    delays: INT64  # (n_threads * N_DELAYS,) how long to dawdle: turns of a loop, or yields if < 0
    wrong: INT64  # (n_threads,) gets the first round with another's number missing, counted from 1
    sync: INT64
    rounds: int
    me: int
    n_threads: int


@kernel
def nothing(sync, me, n_threads):
    """Not a barrier."""
    return False


@kernel
def one_too_few(sync, me, n_threads):
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
            if barrier(s.sync, s.me, s.n_threads):
                return r
            for other in range(s.n_threads):
                if s.numbers[(place + other) * APART] != r + 1:
                    s.wrong[s.me] = r + 1
                    _atomic_add(s.sync, STOP, 1)
                    return r
        return s.rounds

    return entry(stress)


def compiled_parts(take):
    """An entry that shares out loops of up to MOST_PANELS panels, two at a time; returns the number of rounds.

    numbers (2, LOOPS, parts): how often each part was done, in even and odd rounds
    """
    (read,) = readers(types.float64, Stress)

    def stress(words):
        s = read(words)
        most = MOST_PANELS * s.n_threads
        for r in range(s.rounds):
            parts = sync.n_parts(1 + r % MOST_PANELS, s.n_threads)
            for loop in range(sync.LOOPS):
                for _ in range(s.delays[s.me * N_DELAYS + r % N_DELAYS]):
                    _atomic_load(s.sync, STOP)
                part = take(s.sync, loop, parts, -1, s.me, s.n_threads)
                while part >= 0:
                    _atomic_add(s.numbers, (r % 2 * sync.LOOPS + loop) * most + part, 1)
                    part = take(s.sync, loop, parts, part, s.me, s.n_threads)
            if sync.barrier(s.sync, s.me, s.n_threads):
                return r
            for loop in range(sync.LOOPS):
                for part in range(parts):
                    done = _atomic_load(s.numbers, (r % 2 * sync.LOOPS + loop) * most + part)
                    if done != 1:
                        s.wrong[s.me] = r + 1
                        _atomic_add(s.sync, STOP, 1)
                        return r
            if sync.barrier(s.sync, s.me, s.n_threads):
                return r
            if s.me == 0:
                for place in range(2 * sync.LOOPS * most):
                    s.numbers[place] = 0
            if sync.barrier(s.sync, s.me, s.n_threads):
                return r
        return s.rounds

    return entry(stress)


@kernel
def its_own(sync, loop, parts, part, me, n_threads):
    """Parts that nobody else takes; the last thread has none."""
    if me == n_threads - 1:
        return -1
    return me if part < 0 else -1


@kernel
def no_count(sync, loop, parts, part, me, n_threads):
    """All parts for everybody."""
    return part + 1 if part + 1 < parts else -1


@pytest.fixture(scope="module")
def stress():
    return compiled(sync.barrier)


def meet(call, team, rounds, fails=None):
    """Let a team meet; the rounds that each thread made, and where one saw a number missing."""
    n = team.n_threads
    rng = np.random.default_rng(n)
    delays = rng.choice([0, 0, 0, 1, 30, 300, 2 * SPINS_WITHOUT_CORE, -1, -3], n * N_DELAYS)
    size = 2 * n * max(APART, sync.LOOPS * MOST_PANELS)
    numbers, wrong = np.zeros(size, np.int64), np.zeros(n, np.int64)
    made = np.full(n, -1)
    team.sync[PATIENCE] = SPINS_WITHOUT_CORE  # so that threads yield, too

    def work(me, n_threads):
        if me == fails:
            raise ArithmeticError(f"thread {me}")
        made[me] = call(
            pack_words(Stress(numbers, delays, wrong, team.sync, rounds, me, n_threads))
        )

    late = threading.Timer(120, team.sync.__setitem__, (STOP, 1))  # a hang ends as a failure
    late.start()
    try:
        team.run(work)
    finally:
        late.cancel()
        late.join()
    return made, wrong


def assert_holds(call, n_threads, *many_rounds):
    """The same counters serve one run after the other, and nothing is ever wrong."""
    team = Team(n_threads)
    for rounds in many_rounds:
        made, wrong = meet(call, team, rounds)
        assert_array_equal(wrong, 0)
        assert_array_equal(made, rounds)
        assert not np.delete(team.sync, PATIENCE).any()


@pytest.mark.parametrize("n_threads", [2, 3, 5])
def test_nobody_is_early_and_nobody_is_lost(stress, n_threads):
    assert_holds(stress, n_threads, 20_000, 1, 5_000)


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
        assert not np.delete(team.sync, PATIENCE).any()
    assert not [t for t in threading.enumerate() if t.name.startswith("fastmlp")]
    made, _ = meet(stress, team, 100)
    assert_array_equal(made, 100)


@pytest.fixture(scope="module")
def sharing():
    return compiled_parts(sync.next_part)


@pytest.mark.parametrize("n_threads", [1, 2, 3, 2 + sync.NEIGHBOURS, 7])
def test_each_part_of_a_loop_is_done_once(sharing, n_threads):
    assert_holds(sharing, n_threads, 10_000, 1, 2, 3_000)


@pytest.mark.parametrize("take", [its_own, no_count])
def test_the_test_above_sees_parts_left_out_or_done_twice(take):
    made, wrong = meet(compiled_parts(take), Team(2), 1000)
    assert wrong.any()
    assert (made < 1000).any()


def test_parts_are_as_many_for_each_thread_and_at_least_a_panel_if_there_are_enough():
    n_parts = sync.n_parts.py_func
    for n_threads in (2, 3, 7, 64):
        for panels in range(1, 200):
            parts = n_parts(panels, n_threads)
            assert parts % n_threads == 0
            assert parts >= n_threads
            assert parts <= max(panels, n_threads)
    assert n_parts(100, 1) == 100

"""``python -m pytest bench --benchmark-only``: times of each piece, and the gate on its ratio.

In an ordinary test run each piece runs once and its result is compared with NumPy's.
"""

import cases
import gate
import pytest

pytestmark = pytest.mark.slow


def _limit(name):
    limits = gate.limits()
    if limits is None:
        pytest.skip(f"no thresholds for {gate.this_cpu()}: bench/gate.py --record")
    return limits[name]


@pytest.mark.parametrize("name", cases.CASES)
def test_speed(name, benchmark):
    case = cases.make(name)
    case.check(benchmark(case.ours))
    if benchmark.enabled:
        passed, ratios = gate.passes(name, _limit(name))
        benchmark.extra_info["ratio"] = ratios[0]
        assert passed, f"slower, beside NumPy, than {_limit(name):.3f}: {ratios}"


@pytest.mark.parametrize("name", cases.CASES)
def test_gate_notices_what_is_slower_by_half(name, benchmark):
    if not benchmark.enabled:
        # An ordinary run goes through the motions: it says nothing about times.
        assert benchmark(gate.measure, name, 1.5, 1) > 0
        return
    passed, ratios = benchmark.pedantic(gate.passes, (name, _limit(name), 1.5), rounds=1)
    assert not passed, f"{ratios} passed {_limit(name):.3f} though slowed by 1.5"


@pytest.mark.parametrize("noise", [0.0, 0.03])
def test_limit_lies_between_noise_and_a_factor(noise):
    ratios = [1 + noise * (-1) ** i for i in range(20)]
    assert max(ratios) < gate.limit_of(ratios) < 1.5 * min(ratios)


def test_one_slow_measurement_is_no_failure(monkeypatch):
    monkeypatch.setattr(gate, "measure", lambda name, slow: 2.0)
    monkeypatch.setattr(gate, "measure_afresh", lambda name, slow: 1.0)
    assert gate.passes("fit", 1.2) == (True, [2.0, 1.0])
    monkeypatch.setattr(gate, "measure_afresh", lambda name, slow: 1.9)
    assert gate.passes("fit", 1.2) == (False, [2.0, 1.9, 1.9, 1.9])


class Clock:
    """A time that goes on with the functions measured, and stands still in 4 of every 10 milliseconds for them."""

    def __init__(self):
        self.now = 0.0

    def function(self, seconds):
        def work():
            self.now += seconds
            if self.now % 0.01 > 0.006:  # another machine has the core
                self.now += 0.01 - self.now % 0.01

        return work


@pytest.mark.parametrize("slow", [1.0, 1.5])
def test_what_interrupts_every_turn_is_not_measured(slow, monkeypatch):
    """An average over turns would be off by half of what is added."""
    clock = Clock()
    monkeypatch.setattr(gate.time, "perf_counter", lambda: clock.now)
    ours, theirs = clock.function(slow * 2e-5), clock.function(5e-3)
    assert gate.ratio(ours, theirs) == pytest.approx(slow * 2e-5 / 5e-3, rel=0.02)

"""The gate: fails when a piece of fastmlp has become slower than it was, beside NumPy.

What is gated is the ratio of our time to that of NumPy code that does the same work (`cases`), both
in one process, taking turns, on one thread: noise of the machine meets both. The smallest time of
each counts, since noise only ever adds. A turn is cut into pieces of about a millisecond, and the smallest
piece counts: an average over a whole turn of a short kernel has every interruption of the turn in it. The limits in
``thresholds.json`` come from recorded runs: median + 4 MAD, where the MAD is taken as 2.5% of the median at least.

Half a second of a host that is busy with other machines meets all turns of a short kernel, and its two sides not alike:
of the 24 recorded ratios of "tanh", and of "matmul", three lie above the limit that the others set. No limit between
such a tail and a factor of 1.5 would tell them apart, so a failure counts only if `CONFIRMATIONS` fresh processes,
at other moments, all confirm it. What is slower by half fails each time.

``python bench/gate.py`` measures and judges; ``--record 24`` renews the limits for this CPU; ``--times 10``
judges ten times in a row and stores that in ``results/gates.json``.
"""

import argparse
import json
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import cases
import environment
from load import Others

from fastmlp.kernels import code_cache

THRESHOLDS = Path(__file__).with_name("thresholds.json")
GATES = Path(__file__).with_name("results") / "gates.json"
TURN_SECONDS = 0.01  # a turn repeats a short function until it takes this long,
PIECE_SECONDS = 0.001  # and is timed in pieces that take this long
PAIRS = 25
DEVIATIONS = 4
SMALLEST_MAD = 0.025  # of the median
MINIMUM_RUNS = 20
CONFIRMATIONS = 3


def _seconds(function, repeats):
    start = time.perf_counter()
    for _ in range(repeats):
        function()
    return (time.perf_counter() - start) / repeats


def _repeats(function):
    """Return how many calls make a piece, and how many pieces a turn."""
    function()
    once = max(min(_seconds(function, 1) for _ in range(3)), 1e-7)
    calls = max(1, round(PIECE_SECONDS / once))
    return calls, max(1, round(TURN_SECONDS / (calls * once)))


def _turn(function, calls, pieces):
    """Return the seconds of a call in the fastest piece of a turn."""
    return min(_seconds(function, calls) for _ in range(pieces))


def ratio(ours, numpy, pairs=PAIRS):
    """Smallest time of ``ours`` over the smallest of ``numpy``, in turns, with one BLAS thread."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        functions = (ours, numpy)
        repeats = [_repeats(function) for function in functions]
        smallest = [float("inf")] * 2
        for _ in range(pairs):
            for i, function in enumerate(functions):
                smallest[i] = min(smallest[i], _turn(function, *repeats[i]))
    return smallest[0] / smallest[1]


def slowed(function, factor):
    """``function`` made slower by that factor, for the gate's own test."""

    def slower():
        start = time.perf_counter()
        result = function()
        end = start + factor * (time.perf_counter() - start)
        while time.perf_counter() < end:
            pass
        return result

    return slower


def measure(name, slow=1.0, pairs=PAIRS):
    """The ratio of a case, its side of ours made slower on request."""
    case = cases.make(name)
    return ratio(case.ours if slow == 1.0 else slowed(case.ours, slow), case.numpy, pairs)


def measure_afresh(name, slow=1.0):
    """The same in a process of its own, whose memory lies elsewhere."""
    command = [sys.executable, __file__, "--one", name, "--slow", str(slow)]
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(finished.stdout.split()[-1])


def limit_of(ratios):
    """The largest ratio that passes, from recorded ones."""
    middle = median(ratios)
    mad = median(abs(value - middle) for value in ratios)
    return middle + DEVIATIONS * max(mad, SMALLEST_MAD * middle)


def this_cpu():
    """What thresholds hold for: the CPU's name, and its make as LLVM has it, since machines for rent share names."""
    make, _ = code_cache.cpu()
    return f"{environment.describe()['cpu']} ({make})"


def limits():
    """``{case: largest ratio}`` for this CPU, or None if nobody has recorded any."""
    recorded = json.loads(THRESHOLDS.read_text()) if THRESHOLDS.exists() else {}
    ratios = recorded.get(this_cpu(), {}).get("ratios")
    return ratios and {name: limit_of(values) for name, values in ratios.items()}


def passes(name, limit, slow=1.0):
    """Whether a case is fast enough; a failure counts only if all fresh runs confirm it.

    Returns
    -------
    passed : bool
    ratios : list of float
        What was measured, until one passes.
    """
    ratios = [measure(name, slow)]
    while ratios[-1] > limit and len(ratios) <= CONFIRMATIONS:
        ratios.append(measure_afresh(name, slow))
    return min(ratios) <= limit, ratios


@contextmanager
def _neighbour(wanted):
    """Another process that keeps a core busy, if wanted; yields whether there is one."""
    command = [sys.executable, "-c", "while True: pass"]
    neighbour = subprocess.Popen(command) if wanted else None
    try:
        yield neighbour is not None
    finally:
        if neighbour:
            neighbour.kill()
            neighbour.wait()


def record(runs, names):
    """Measure the cases that many times, each time in fresh processes, and store the ratios.

    The other core is kept busy in every second run, so that the limits allow for that.
    """
    ratios = {name: [] for name in names}
    for run in range(runs):
        with _neighbour(run % 2), Others() as others:
            for name, values in ratios.items():
                values.append(round(measure_afresh(name), 5))
        print(f"run {run + 1} of {runs}, other programs {others.cores} cores", file=sys.stderr)
    stored = json.loads(THRESHOLDS.read_text()) if THRESHOLDS.exists() else {}
    before = stored.get(this_cpu(), {}).get("ratios", {})
    stored[this_cpu()] = {"environment": environment.describe(), "ratios": before | ratios}
    THRESHOLDS.write_text(json.dumps(stored, indent=1) + "\n")
    for name, values in ratios.items():
        tight = limit_of(values) / median(values)
        note = (
            "" if tight < 1.4 else "  too wide to notice a factor of 1.5: record on a quiet machine"
        )
        print(f"{name:34} {median(values):8.3f}  limit {limit_of(values):8.3f} ({tight:.2f}){note}")


def judge(names):
    """Print a line per case; the ratios measured, by name, and the number of failures."""
    known, measured, failures = limits(), {}, 0
    for name in names:
        passed, measured[name] = passes(name, known[name])
        failures += not passed
        shown = ", ".join(f"{value:.3f}" for value in measured[name])
        print(f"{name:34} {shown}  limit {known[name]:.3f}  {'ok' if passed else 'SLOWER'}")
    return measured, failures


def judge_often(times):
    """Judge every case so many times, every second time with a busy neighbour, and store what came out."""
    runs = []
    for number in range(times):
        with _neighbour(number % 2) as busy:
            measured, failures = judge(cases.CASES)
        runs.append({"other_core_busy": busy, "failures": failures, "ratios": measured})
        print(f"gate {number + 1} of {times}: {failures} failures", file=sys.stderr)
    found = {"cpu": this_cpu(), "environment": environment.describe(), "limits": limits()}
    GATES.write_text(json.dumps({**found, "runs": runs}, indent=1) + "\n")
    return sum(run["failures"] for run in runs)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="CASE", help="judge only these")
    parser.add_argument("--record", type=int, metavar="RUNS", help=f"{MINIMUM_RUNS} or more")
    parser.add_argument("--times", type=int, metavar="N",
                        help="judge every case N times, and write results/gates.json")  # fmt: skip
    parser.add_argument("--one", metavar="CASE", help="print this ratio and nothing else")
    parser.add_argument("--slow", type=float, default=1.0, metavar="FACTOR")
    options = parser.parse_args()
    if options.one:
        print(measure(options.one, options.slow))
        return 0
    if options.record:
        if options.record < MINIMUM_RUNS:
            parser.error(f"fewer than {MINIMUM_RUNS} runs say little about the spread")
        record(options.record, options.names or cases.CASES)
        return 0
    if limits() is None:
        print(f"no thresholds for {this_cpu()}: python bench/gate.py --record {MINIMUM_RUNS}")
        return 1
    if options.times:
        return int(judge_often(options.times) > 0)
    _, failures = judge(options.names or cases.CASES)
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())

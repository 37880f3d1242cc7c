"""What is shown while a sweep runs: a bar where tqdm is installed, a line per fit elsewhere."""

import statistics
import threading
import time

from .fits import FAILED


class TimeLeft:
    """An estimate that knows that a large network costs more than a small one.

    Parameters
    ----------
    work : float
        Of all the fits that are to be done.
    n_jobs : int
        Fits at a time.
    known : iterable of (work, seconds)
        Fits finished earlier, to go by until the first one of this run is.
    """

    def __init__(self, work: float, n_jobs: int, known=()):
        self.work, self.n_jobs = work, n_jobs
        self._rates = [seconds / work for work, seconds in known]
        self._earlier = True
        self._last = time.monotonic()

    def finished(self, work: float, seconds: float) -> None:
        """One fit of this much work took so many seconds."""
        if self._earlier:
            self._rates, self._earlier = [], False
        self._rates.append(seconds / work)
        self.work -= work
        self._last = time.monotonic()

    def seconds(self) -> float | None:
        """Until the end, from now; None if nothing is known yet."""
        if not self._rates:
            return None
        # The median: a machine that slept during a fit made its seconds endless.
        left = self.work * statistics.median(self._rates) / self.n_jobs
        return max(0.0, left - (time.monotonic() - self._last))


class BestSoFar:
    """The best mean validation accuracy of the settings whose folds are all done.

    Parameters
    ----------
    n_folds : int
    known : iterable of (fit, result)
        Fits finished earlier.
    """

    def __init__(self, n_folds: int, known=()):
        self._n_folds = n_folds
        self._scores = {}
        self.value = None
        for fit, result in known:
            self.finished(fit, result)

    def finished(self, fit, result) -> None:
        """One fit has this result."""
        if result["status"] == FAILED:
            return
        scores = self._scores.setdefault(fit.setting, [])
        scores.append(result["val_accuracy"])
        if len(scores) == self._n_folds:
            mean = statistics.fmean(scores)
            self.value = mean if self.value is None else max(mean, self.value)


def duration(seconds: float) -> str:
    """Seconds in words."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:02.0f} min"


def describe(fit, result) -> str:
    """One finished fit in a line."""
    if result["status"] == FAILED:
        outcome = f"FAILED after {result['seconds']:.1f} s: {result['reason']}"
    else:
        outcome = f"accuracy {result['val_accuracy']:.4f}, {result['seconds']:.1f} s"
    return f"{fit.setting}, fold {fit.fold + 1}: {outcome}"


def display(n_fits: int, n_done: int, time_left: TimeLeft, best: BestSoFar):
    """A bar if tqdm is installed, else lines."""
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return Lines(n_fits, n_done, time_left)
    return Bar(tqdm, n_fits, n_done, time_left, best)


class Lines:
    """A line per fit."""

    def __init__(self, n_fits, n_done, time_left):
        self._n_fits, self._n_done, self._time_left = n_fits, n_done, time_left

    def finished(self, fit, result):
        self._n_done += 1
        left = self._time_left.seconds()
        print(
            f"{self._n_done}/{self._n_fits}  {describe(fit, result)}; {duration(left)} left",
            flush=True,
        )

    def close(self):
        pass


class Bar:
    """A bar that counts fits and fills with their work; its clock goes on during a long fit."""

    FORMAT = "{desc}{percentage:3.0f}%|{bar}| {elapsed}{postfix}"

    def __init__(self, tqdm, n_fits, n_done, time_left, best):
        self._n_fits, self._n_done, self._time_left, self._best = n_fits, n_done, time_left, best
        self._tqdm = tqdm
        self._bar = tqdm(total=max(time_left.work, 1.0), bar_format=self.FORMAT, dynamic_ncols=True)
        self._show()
        self._closed = threading.Event()
        threading.Thread(target=self._tick, daemon=True).start()

    def _show(self):
        left = self._time_left.seconds()
        shown = "time left: not known yet" if left is None else f"about {duration(left)} left"
        best = self._best.value
        best = "" if best is None else f", best setting so far {best:.4f}"
        self._bar.set_description(f"{self._n_done}/{self._n_fits} fits", refresh=False)
        self._bar.set_postfix_str(f"{shown}{best}", refresh=True)

    def _tick(self):
        while not self._closed.wait(1.0):
            self._show()

    def finished(self, fit, result):
        self._n_done += 1
        if result["status"] == FAILED:
            self._tqdm.write(describe(fit, result))
        self._best.finished(fit, result)
        self._bar.update(fit.work)
        self._show()

    def close(self):
        self._closed.set()
        self._bar.close()

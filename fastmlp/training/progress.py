"""What `verbose` shows of a fit: nothing, one bar over all epochs, or a line per epoch."""

import math
import os
import sys
import time
from collections.abc import Iterable
from html import escape

INTERVAL = 0.1  # seconds between two updates of a display
# Entries of the history that are no measures of quality.
_OTHER = ("loss", "learning_rate", "seconds")


def reporter(verbose, name: str, n_epochs: int, n_samples: int, data, n_done: int = 0):
    """Return the display that `verbose` asks for.

    Parameters
    ----------
    verbose : bool or int
        0 is silent. 1 (True) is a bar in a notebook and, if tqdm is installed, in a terminal, and lines elsewhere.
        2 or more is lines, with the engine's path and its speed.
    name : str
        The estimator's.
    n_epochs, n_samples : int
        The number of the last epoch, and the samples of each.
    data
        What was opened for training; its density and path are shown.
    n_done : int
        Epochs that earlier calls have trained.
    """
    if not verbose:
        return Silent()
    if verbose is True or verbose == 1:
        if _in_notebook():
            return NotebookBar(name, n_epochs, n_samples, n_done)
        if _terminal_width(sys.stderr) > 0:
            try:
                from tqdm import tqdm
            except ImportError:
                pass
            else:
                return TerminalBar(tqdm, n_epochs, n_samples, n_done)
        return Lines()
    return Lines(
        f"{'zero-skipping' if data.zero_skipping else 'dense'} path, density {data.density:.1%}"
    )


def measures(row: dict) -> Iterable[tuple[str, float]]:
    """Yield the names and values to show of an epoch: its loss, its score and the validation score.

    The score is whatever the fit's loss calls it: "accuracy" or "r2", say.
    """
    yield "loss", row["loss"]
    for key, value in row.items():
        if key not in _OTHER and key != "val_loss":
            yield key, value


def _in_notebook() -> bool:
    """Return whether this process is a notebook's kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if hasattr(ipython, "get_ipython") else None
    return hasattr(shell, "kernel")


def _terminal_width(stream) -> int:
    """Return the columns of the terminal that a stream writes to; 0 without a terminal or without a width."""
    try:
        return os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 0
    except (AttributeError, OSError, ValueError):  # no stream, a closed one, or one without a file
        return 0


class Silent:
    """Shows nothing; also what the other displays are made of."""

    advance = None  # or a function: so many samples of this epoch are done

    def epoch(self, number, row, samples_per_second):
        """Epoch `number` of this fit is over; `row` has its entries of the history."""

    def message(self, text):
        """Why training stops, or a new learning rate."""

    def close(self):
        """Nothing will follow."""


class Lines(Silent):
    """scikit-learn's lines on the standard output, with score and speed behind them."""

    def __init__(self, path=None):
        if path is not None:
            self.message(f"Training on the {path}")

    def epoch(self, number, row, samples_per_second):
        line = f"Iteration {number}, loss = {row['loss']:.8f}"
        validation = ""
        for key, value in measures(row):
            if key == "val_score":  # what `scoring` says
                validation += f", val_score = {value:.4f}"
            elif key.startswith("val_"):
                validation = (
                    f"\nValidation score: {value:f}, validation loss = {row['val_loss']:.8f}"
                )
            elif key != "loss":
                line += f", {key} = {value:.4f}"
        if samples_per_second:
            line += f", {samples_per_second:,.0f} samples/s"
        self.message(line + validation)

    def message(self, text):
        print(text, flush=True)  # at once, in a file too


class _Bar(Silent):
    """What the bars share: how many epochs are done, in fractions, and what is written beside the bar."""

    def __init__(self, n_epochs, n_samples, n_done):
        self._n_epochs, self._n_samples = n_epochs, n_samples
        self._n_done = n_done
        self._measures = []
        self._speed = ""

    @property
    def title(self) -> str:
        """The epoch that runs, or the last one that is over."""
        return f"Epoch {max(math.ceil(self._n_done), 1)}/{self._n_epochs}"

    def advance(self, n_samples):
        whole = int(self._n_done)
        self._n_done = whole + min(n_samples / self._n_samples, 0.999)
        self.show()

    def epoch(self, number, row, samples_per_second):
        self._n_done = number
        self._measures = [(key, _number(value)) for key, value in measures(row)]
        if samples_per_second:
            self._speed = f"{samples_per_second:,.0f} samples/s"
        self.show()

    def show(self):
        """Bring the display up to date."""


class TerminalBar(_Bar):
    """One tqdm bar over all epochs. What does not fit into the terminal's width is left out, the speed first."""

    FORMAT = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
    BESIDE = 28  # columns of all but title and postfix, with a bar of 6

    def __init__(self, tqdm, n_epochs, n_samples, n_done):
        super().__init__(n_epochs, n_samples, n_done)
        self._tqdm = tqdm
        self._bar = tqdm(
            desc=self.title,
            total=n_epochs,
            initial=n_done,
            bar_format=self.FORMAT,
            dynamic_ncols=True,
            mininterval=INTERVAL,
        )

    def show(self):
        self._bar.set_description_str(self.title, refresh=False)
        self._bar.postfix = self._beside(
            _terminal_width(sys.stderr) - self.BESIDE - len(self.title)
        )
        self._bar.update(self._n_done - self._bar.n)

    def _beside(self, room: int) -> str:
        """What is told to the right of the bar in so many columns."""
        pieces = [" ".join(measure) for measure in self._measures]
        if (
            len(", ".join(pieces)) > room
        ):  # "val" rather than "val_accuracy", and rather than nothing
            short = {
                key: "val"
                for key, _ in self._measures
                if key.startswith("val_") and key != "val_score"
            }
            pieces = [f"{short.get(key, key)} {value}" for key, value in self._measures]
        if self._speed:
            pieces.append(self._speed)
        while len(", ".join(pieces)) > room and pieces:
            pieces.pop()
        return ", ".join(pieces)

    def epoch(self, number, row, samples_per_second):
        super().epoch(number, row, samples_per_second)
        self._bar.refresh()

    def message(self, text):
        self._tqdm.write(text, file=sys.stderr)

    def close(self):
        self._bar.close()


class NotebookBar(_Bar):
    """One output that is updated in place.

    It is HTML with plain text beside it, and no widget: a notebook that is saved, converted or looked at on a
    website keeps what was last shown.
    """

    def __init__(self, name, n_epochs, n_samples, n_done):
        super().__init__(n_epochs, n_samples, n_done)
        self._name = name
        self._messages = []
        self._start = self._shown = time.monotonic()
        self._first = n_done
        self._closed = False
        from IPython.display import display

        self._handle = display(self._content(), raw=True, display_id=True)

    def show(self):
        now = time.monotonic()
        if now - self._shown >= INTERVAL:
            self._shown = now
            self._handle.update(self._content(), raw=True)

    def message(self, text):
        self._messages.append(text)

    def close(self):
        if not self._closed:
            self._closed = True
            self._handle.update(self._content(), raw=True)

    def _content(self) -> dict:
        """The output in the two forms that a notebook keeps."""
        parts = [self.title, *map(" ".join, self._measures), self._time()]
        lines = [f"{self._name}: {', '.join(parts)}", *self._messages]
        bar = (
            f'<progress max="{self._n_epochs}" value="{self._n_done:.3f}" '
            f'style="width: 14em; max-width: 100%; vertical-align: middle" aria-label="{self.title}"></progress>'
        )
        # Where the output is narrow, a line ends between two measures and not within one.
        span = '<span style="white-space: nowrap; margin-right: 0.8em">'
        cells = " ".join(f"{span}{escape(part)}</span>" for part in parts)
        html = (
            '<div style="font-variant-numeric: tabular-nums; line-height: 1.7">'
            f"<b>{escape(self._name)}</b> &nbsp; {bar} &nbsp; {cells}"
            + "".join(f"<br>{escape(text)}" for text in self._messages)
            + "</div>"
        )
        return {"text/plain": "\n".join(lines), "text/html": html}

    def _time(self) -> str:
        """The time that it took, and while it runs the time that is left."""
        seconds = time.monotonic() - self._start
        taken, done = _duration(seconds), self._n_done - self._first
        if self._closed or done <= 0:
            return taken
        return f"{taken}, {_duration(seconds / done * (self._n_epochs - self._n_done))} left"


def _number(value: float) -> str:
    """Return a number with four decimals, or as a power of ten where these would be zeros."""
    return f"{value:.2e}" if 0 < abs(value) < 1e-3 else f"{value:.4f}"


def _duration(seconds: float) -> str:
    """Return seconds as "0.04 s", "5.1 s", "2:05 min" or "1:02:05 h"."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{seconds:02d} min"
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d} h"

"""What `verbose` shows of a fit: nothing, one line per epoch, or a bar."""

import sys


def reporter(verbose, name: str, metric: str, n_epochs: int, n_samples: int, data):
    """The display asked for by `verbose`.

    0 is silent, 1 (True) a tqdm bar where tqdm is installed and lines elsewhere, 2 or more lines.
    `metric` names the score in the history. `data` is what was opened for training; its density and path are shown.
    """
    if not verbose:
        return Silent()
    path = f"{'zero-skipping' if data.zero_skipping else 'dense'} path, density {data.density:.1%}"
    if verbose is True or verbose == 1:
        try:
            from tqdm.auto import tqdm
        except ImportError:
            pass
        else:
            return Bar(tqdm, name, metric, n_epochs, n_samples, path)
    return Lines(metric, path)


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
    """scikit-learn's lines on the standard output, with the score and speed behind them."""

    def __init__(self, metric, path):
        self._metric = metric
        print(f"Training on the {path}")

    def epoch(self, number, row, samples_per_second):
        line = f"Iteration {number}, loss = {row['loss']:.8f}"
        if self._metric in row:
            line += f", {self._metric} = {row[self._metric]:.4f}"
        if samples_per_second:
            line += f", {samples_per_second:,.0f} samples/s"
        print(line)
        if f"val_{self._metric}" in row:
            print(
                f"Validation score: {row[f'val_{self._metric}']:f}, "
                f"validation loss = {row['val_loss']:.8f}"
            )

    def message(self, text):
        print(text)


class Bar(Silent):
    """A tqdm bar per epoch that counts samples, so that it moves within the epoch and shows their rate."""

    def __init__(self, tqdm, name, metric, n_epochs, n_samples, path):
        self._tqdm, self._metric = tqdm, metric
        self._n_epochs, self._n_samples = n_epochs, n_samples
        self._bar = None
        self._done = 0
        self.message(f"{name}: {path}")

    def advance(self, n_done):
        if self._bar is None:
            self._bar = self._tqdm(
                total=self._n_samples, unit=" samples", unit_scale=True, dynamic_ncols=True
            )
        self._bar.update(n_done - self._done)
        self._done = n_done

    def epoch(self, number, row, samples_per_second):
        self.advance(self._n_samples)
        measures = ("loss", self._metric, "val_loss", f"val_{self._metric}")
        shown = {key: f"{row[key]:.4f}" for key in measures if key in row}
        self._bar.set_description(f"Epoch {number}/{self._n_epochs}", refresh=False)
        self._bar.set_postfix(shown)
        self.close()

    def message(self, text):
        self._tqdm.write(text, file=sys.stderr)

    def close(self):
        if self._bar is not None:
            self._bar.close()
        self._bar, self._done = None, 0

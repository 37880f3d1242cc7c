"""What `verbose` shows of a fit: nothing, one line per epoch, or a bar."""

import sys


def reporter(verbose, name: str, n_epochs: int, n_samples: int, data):
    """The display asked for by `verbose`.

    0 is silent, 1 (True) a tqdm bar where tqdm is installed and lines elsewhere, 2 or more lines.
    `data` is what was opened for training; its density and path are shown.
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
            return Bar(tqdm, name, n_epochs, n_samples, path)
    return Lines(path)


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
    """scikit-learn's lines on the standard output, with accuracy and speed behind them."""

    def __init__(self, path):
        print(f"Training on the {path}")

    def epoch(self, number, row, samples_per_second):
        line = f"Iteration {number}, loss = {row['loss']:.8f}"
        if "accuracy" in row:
            line += f", accuracy = {row['accuracy']:.4f}"
        if samples_per_second:
            line += f", {samples_per_second:,.0f} samples/s"
        print(line)
        if "val_accuracy" in row:
            print(
                f"Validation score: {row['val_accuracy']:f}, "
                f"validation loss = {row['val_loss']:.8f}"
            )

    def message(self, text):
        print(text)


class Bar(Silent):
    """A tqdm bar per epoch that counts samples, so that it moves within the epoch and shows their rate."""

    def __init__(self, tqdm, name, n_epochs, n_samples, path):
        self._tqdm = tqdm
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
        measures = ("loss", "accuracy", "val_loss", "val_accuracy")
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

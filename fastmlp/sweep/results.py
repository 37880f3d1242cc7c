"""The finished fits by setting, ranked as GridSearchCV ranks them, and their table."""

import csv
import io
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from .fits import FAILED
from .grid import OPTIONAL, Fit, Setting

SCORES = ("val_accuracy", "val_loss", "train_accuracy", "train_loss")


@dataclass
class Outcome:
    """What became of one setting.

    Attributes
    ----------
    setting : Setting
    folds : list of dict
        Each fold's result, as `fits.measure` returns it.
    rank : int
        By mean validation accuracy; 1 is the best, equals share the better rank.
    n_weights : int
        Weights and biases of the network.
    """

    setting: Setting
    folds: list[dict]
    rank: int = 0
    n_weights: int = 0

    @property
    def failures(self) -> list[str]:
        """The reasons of the folds that failed."""
        return [fold["reason"] for fold in self.folds if fold["status"] == FAILED]

    def scores(self, name: str) -> np.ndarray:
        """One of SCORES, or ``seconds``, of each fold; NaN where it failed."""
        return np.array([fold.get(name, np.nan) for fold in self.folds])

    def mean(self, name: str) -> float:
        """The mean over the folds; NaN if one has none."""
        return float(np.mean(self.scores(name)))

    def std(self, name: str) -> float:
        """The standard deviation over the folds, as GridSearchCV takes it."""
        return float(np.std(self.scores(name)))

    def curves(self, name: str) -> list[list[float]]:
        """An entry of the history over the epochs, for each fold that has one."""
        return [fold["history"][name] for fold in self.folds if fold["history"].get(name)]

    def row(self) -> dict:
        """The setting's line of the table."""
        row = {"rank": self.rank, **self.setting._asdict()}
        reasons = "; ".join(dict.fromkeys(self.failures))
        row["status"] = f"failed: {reasons}" if reasons else "ok"
        row["mean_val_accuracy"] = self.mean("val_accuracy")
        row["std_val_accuracy"] = self.std("val_accuracy")
        row |= {f"mean_{name}": self.mean(name) for name in SCORES[1:]}
        row["mean_fit_seconds"] = self.mean("seconds")
        for name in SCORES[:1] + SCORES[2:3]:
            for number, score in enumerate(self.scores(name), 1):
                row[f"fold{number}_{name}"] = float(score)
        return row


def outcomes(finished: list[tuple[Fit, dict]]) -> list[Outcome]:
    """The fits of each setting, folds ascending, settings in the order of the grid.

    Parameters
    ----------
    finished : list of (Fit, dict)
        All fits of the grid, in its order, with their results.
    """
    by_setting: dict[Setting, Outcome] = {}
    for fit, result in finished:
        empty = Outcome(fit.setting, [], n_weights=fit.n_weights)
        by_setting.setdefault(fit.setting, empty).folds.append(result)
    found = list(by_setting.values())
    means = np.array([outcome.mean("val_accuracy") for outcome in found])
    # A setting without a score is the last.
    for outcome, rank in zip(found, rankdata(-np.nan_to_num(means, nan=-1.0), "min"), strict=True):
        outcome.rank = int(rank)
    return found


def ranked(found: list[Outcome]) -> list[Outcome]:
    """The best first; among equals the first of the grid."""
    return sorted(found, key=lambda outcome: outcome.rank)


def as_csv(found: list[Outcome]) -> bytes:
    """The table, best first, with every digit; optional parameters that were varied have a column."""
    rows = [outcome.row() for outcome in ranked(found)]
    for name in OPTIONAL:
        if len({row[name] for row in rows}) == 1:
            for row in rows:
                del row[name]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()

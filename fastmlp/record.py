"""What a fit leaves in the model, and what the next one needs to go on from there."""

import math
from dataclasses import dataclass, field
from typing import Any


@dataclass
class State:
    """What training needs to go on exactly where it stopped, beside the weights themselves."""

    seed: int
    epoch: int = 0  # epochs of this seed that are over: the number of the next permutation
    optimizer: Any = None
    optimizer_epochs: int = 0
    n_rate_cuts: int = 0  # of the adaptive schedule
    n_no_improvement: int = 0


@dataclass
class Record:
    """What a fit leaves in the model's attributes.

    Epochs are noted here and join the model's lists only in `attributes`, so that a fit that
    fails leaves no trace.
    """

    history: dict = field(default_factory=dict)
    loss_curve: list = field(default_factory=list)
    scores: list | None = None
    best_score: float | None = None
    best_loss: float | None = None
    loss: float = math.inf
    n_iter: int = 0
    t: int = 0
    new_rows: list = field(default_factory=list)

    @classmethod
    def of(cls, model, *, first, incremental, early_stopping):
        """A record that goes on from the model's attributes, or starts afresh with `first`."""
        record = cls()
        if not first:
            record.history, record.loss_curve = model.history_, model.loss_curve_
            record.t = model.t_
            record.n_iter = model.n_iter_ if incremental else 0
            record.scores = model.validation_scores_
            record.best_score = model.best_validation_score_
            record.best_loss = model.best_loss_
            record.loss = model.loss_
        if early_stopping:
            record.best_loss = None
            if record.scores is None:
                record.scores, record.best_score = [], -math.inf
        else:
            record.scores = record.best_score = None
            if record.best_loss is None:
                record.best_loss = math.inf
        return record

    def add(self, row, n_samples):
        """Note an epoch: its entries of the history, and how many samples it saw."""
        self.new_rows.append(row)
        self.loss = row["loss"]
        self.n_iter += 1
        self.t += n_samples

    def attributes(self, *, snapshot=False) -> dict:
        """The model's attributes as of now.

        With `snapshot` the lists are copies; without, the model's own lists have grown.
        """
        history, curve, scores = self.history, self.loss_curve, self.scores
        if snapshot:
            history = {key: list(values) for key, values in history.items()}
            curve = list(curve)
            scores = None if scores is None else list(scores)
        for row in self.new_rows:
            n_before = len(curve)
            for key in dict.fromkeys([*history, *row]):
                history.setdefault(key, [math.nan] * n_before).append(row.get(key, math.nan))
            curve.append(row["loss"])
            if scores is not None:
                scores.append(row["val_accuracy"])
        if not snapshot:
            self.new_rows = []
        return {
            "history_": history,
            "loss_curve_": curve,
            "loss_": self.loss,
            "validation_scores_": scores,
            "best_validation_score_": self.best_score,
            "best_loss_": self.best_loss,
            "n_iter_": self.n_iter,
            "t_": self.t,
        }

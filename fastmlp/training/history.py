"""What a fit leaves in the model's attributes."""

import math
from dataclasses import dataclass, field


@dataclass
class Record:
    """What a fit leaves in the model's attributes.

    Its lists are copies of the model's, so that a fit that fails leaves no trace. Only a call of one epoch,
    `partial_fit`, lengthens the model's own: a copy at each of many calls would take longer and longer. There
    `cut_lists` undoes it. `metric` names the score in the history.
    """

    metric: str
    one_epoch: bool = False

    history: dict = field(default_factory=dict)
    loss_curve: list = field(default_factory=list)
    scores: list | None = None
    best_score: float | None = None
    best_loss: float | None = None
    loss: float = math.inf
    n_iter: int = 0
    t: int = 0

    @classmethod
    def of(cls, model, metric, *, first, goes_on, early_stopping, one_epoch=False):
        """A record that goes on from the model's attributes, or starts afresh with `first`."""
        record = cls(metric, one_epoch)
        if not first:
            record.history = record._lists(model.history_)
            record.loss_curve = record._list(model.loss_curve_)
            record.t = model.t_
            record.n_iter = model.n_iter_ if goes_on else 0
            if model.validation_scores_ is not None:
                record.scores = list(model.validation_scores_)
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

    def expect(self, keys):
        """Have a list for each key of the history, even if no epoch is going to be noted."""
        for key in (key for key in keys if key not in self.history):
            self.history[key] = [math.nan] * len(self.loss_curve)

    def add(self, row, n_samples, score=None):
        """Note an epoch: its entries of the history, how many samples it saw, and its validation score."""
        history = self.history
        self.expect(row)
        for key, entries in history.items():
            entries.append(row.get(key, math.nan))
        self.loss_curve.append(row["loss"])
        if self.scores is not None:
            self.scores.append(score)
        self.loss = row["loss"]
        self.n_iter += 1
        self.t += n_samples

    def attributes(self) -> dict:
        """The model's attributes as of now."""
        return {
            "history_": self._lists(self.history),
            "loss_curve_": self._list(self.loss_curve),
            "loss_": self.loss,
            "validation_scores_": None if self.scores is None else list(self.scores),
            "best_validation_score_": self.best_score,
            "best_loss_": self.best_loss,
            "n_iter_": self.n_iter,
            "t_": self.t,
        }

    def _list(self, values):
        return values if self.one_epoch else list(values)

    def _lists(self, lists):
        return {key: self._list(values) for key, values in lists.items()}


def cut_lists(attributes: dict, n_epochs: int):
    """Cut the lists of a model's attributes down to the epochs that there were before a call."""
    for values in (attributes.get("loss_curve_", []), *attributes.get("history_", {}).values()):
        del values[n_epochs:]


def with_own_lists(attributes: dict) -> dict:
    """Return the attributes with copies of their lists, which then grow by themselves."""
    own = dict(attributes)
    if "loss_curve_" in own:
        own["loss_curve_"] = list(own["loss_curve_"])
        own["history_"] = {key: list(values) for key, values in own["history_"].items()}
    return own

"""Whether epochs still improve a model, and how many in a row have not."""

from .schedules import schedule_of
from .validation_score import ValidationScore


def goes_by_validation(model, validation, decides: bool) -> bool:
    """Whether the validation samples, or None, judge epochs; `decides`: see `FitContext.validation_decides`."""
    adaptive = schedule_of(model) == "adaptive"
    return model.early_stopping or (adaptive and validation is not None and decides)


class Improvement:
    """What counts as an improvement, and how long training waits for one.

    Parameters
    ----------
    context : FitContext

    Attributes
    ----------
    has_rule : bool
        Whether training may end, or slow down, for want of improvement.
    tol : float
        By more than this a score or loss must be better than the best one.
    validates : bool
        Whether it is the validation score that improves or not, or else the training loss.
    """

    def __init__(self, context):
        model = context.model
        self._model, self._state, self._record = model, context.state, context.record
        self._stops_early = model.early_stopping
        adaptive = schedule_of(model) == "adaptive"
        self.has_rule = model.tol is not None or self._stops_early or adaptive
        self.tol = 0.0 if model.tol is None else model.tol
        self.validates = goes_by_validation(model, context.validation, context.validation_decides)
        self._score = ValidationScore(context) if self.validates else None

    def score(self, row) -> float | None:
        """Return an epoch's validation score, None where the loss counts; a scorer's becomes part of the row."""
        if self._score is None:
            return None
        score = self._score(row)
        if self._score.scorer is not None:
            row["val_score"] = score
        return score

    def start_afresh(self, row):
        """Take the validation score of the present weights, with this row of the history, for the best one."""
        best = self._record if self._stops_early else self._state
        best.best_score = self.score(row)
        self._state.n_no_improvement = 0

    def note(self, row, score) -> bool:
        """Judge an epoch, and count those that improved nothing; return whether early stopping keeps its weights.

        An epoch is an improvement if it is strictly better than the best one by more than `tol`.
        """
        record, state = self._record, self._state
        is_best = False
        if self._stops_early:
            improved = score > record.best_score + self.tol
            is_best = score > record.best_score
            record.best_score = max(record.best_score, score)
        else:
            if self.validates:
                improved = score > state.best_score + self.tol
                state.best_score = max(state.best_score, score)
            else:
                improved = row["loss"] < record.best_loss - self.tol
            record.best_loss = min(record.best_loss, row["loss"])
        state.n_no_improvement = 0 if improved or not self.has_rule else state.n_no_improvement + 1
        return is_best

    @property
    def stagnates(self) -> bool:
        """Whether there were too many epochs without improvement."""
        return self._state.n_no_improvement > self._model.n_iter_no_change

    @property
    def message(self) -> str:
        """What scikit-learn says when they were too many."""
        what = "Validation score" if self.validates else "Training loss"
        return (
            f"{what} did not improve more than tol={self.tol:f} "
            f"for {self._model.n_iter_no_change} consecutive epochs."
        )

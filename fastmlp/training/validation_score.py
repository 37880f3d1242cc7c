"""The score of the validation samples, by which early stopping goes."""

import copy

from sklearn.metrics import check_scoring


class ValidationScore:
    """What `scoring` asks for: accuracy or R², the loss, or a scorer of scikit-learn's.

    Parameters
    ----------
    context : FitContext
    """

    def __init__(self, context):
        self._context = context
        scoring = context.model.scoring
        self.scorer = None
        if scoring is None:
            self._key, self._sign = f"val_{context.record.metric}", 1.0
        elif isinstance(scoring, str) and scoring == "loss":
            self._key, self._sign = "val_loss", -1.0
        else:
            self.scorer = check_scoring(context.model, scoring=scoring)

    def __call__(self, row) -> float:
        """Return the score of the epoch with this row of the history; higher is better."""
        if self.scorer is None:
            return self._sign * row[self._key]
        context = self._context
        validation = context.validation
        # A scorer predicts with a model. Names of features were checked when X was; X has none any more.
        model = copy.copy(context.model)
        vars(model).update(context.attributes(*context.engine.get_parameters()))
        vars(model).pop("feature_names_in_", None)
        given = {}
        if validation.weight is not None:
            weight = validation.weight
            given["sample_weight"] = weight if validation.rows is None else weight[validation.rows]
        return float(self.scorer(model, validation.X, validation.y, **given))

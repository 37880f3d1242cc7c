"""The score of the validation samples, by which early stopping goes."""

import copy
import functools
import inspect
import math

from sklearn.metrics import check_scoring


class ValidationScore:
    """What `scoring` asks for: accuracy or R², the loss, or a scorer of scikit-learn's.

    A scorer that takes sample weights gets those of the validation samples.

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
            self._takes_weights = _takes_weights(self.scorer)

    def __call__(self, row) -> float:
        """Return the score of the epoch with this row of the history; higher is better.

        Raises
        ------
        ValueError
            If a scorer answers NaN or -inf, as one may whose measure these samples do not define.
        """
        if self.scorer is None:
            return self._sign * row[self._key]
        context = self._context
        validation = context.validation
        # A scorer predicts with a model. Names of features were checked when X was; X has none any more.
        model = copy.copy(context.model)
        vars(model).update(context.attributes(*context.engine.get_parameters()))
        vars(model).pop("feature_names_in_", None)
        given = {}
        if validation.weight is not None and self._takes_weights:
            weight = validation.weight
            given["sample_weight"] = weight if validation.rows is None else weight[validation.rows]
        score = self.scorer(model, validation.X, validation.y, **given)
        try:
            score = float(score)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"scoring={context.model.scoring!r} must return a number, got {score!r}."
            ) from error
        if not score > -math.inf:  # no epoch would be better than none
            raise ValueError(
                f"scoring={context.model.scoring!r} is {score:g} for the {len(validation)} validation samples, so "
                "that training cannot go by it."
            )
        return score


def _takes_weights(scorer) -> bool:
    """Whether a scorer has an argument `sample_weight`: one that `make_scorer` made, if what it measures by has."""
    while isinstance(scorer, functools.partial):
        scorer = scorer.func
    try:
        arguments = inspect.signature(getattr(scorer, "_score_func", scorer)).parameters.values()
    except (TypeError, ValueError):  # without a signature, as compiled functions may be
        return True
    named = (a.name for a in arguments if a.kind is not a.POSITIONAL_ONLY)
    return "sample_weight" in named or any(a.kind is a.VAR_KEYWORD for a in arguments)

"""Fits with samples that are measured after each epoch and decide nothing."""

from sklearn.base import _fit_context

from .fit_task import fit


@_fit_context(prefer_skip_nested_validation=True)
def fit_watched(model, X, y, *, X_val, y_val, **arguments):
    """Fit a model without early stopping to the bits of a `fit` without X_val and y_val; `history_` has their scores.

    To `fit` itself validation samples mean that an "adaptive" learning rate goes by them: they may then not be the
    samples that the model is tested with. `arguments` are those of `fit_task.prepare`.
    """
    fit(
        model, X, y, sample_weight=None, X_val=X_val, y_val=y_val, validation_decides=False,
        **arguments,
    )  # fmt: skip
    return model

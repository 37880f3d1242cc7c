"""scikit-learn's callbacks around a fit and around each of its epochs.

Without callbacks on the estimator nothing of this is even created.
"""

import copy

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # scikit-learn before 1.9

    class CallbackSupportMixin:
        """No callbacks in this version of scikit-learn."""


def require_callbacks():
    """Say which version of scikit-learn has callbacks, if this one has none."""
    if not hasattr(CallbackSupportMixin, "set_callbacks"):
        import sklearn

        raise ImportError(
            f"Callbacks need scikit-learn 1.9 or later; this is {sklearn.__version__}."
        )


def bare(model):
    """A shallow copy of a model without its callbacks and what belongs to a fit under way."""
    model = copy.copy(model)
    for name in ("_skl_callbacks", "_skl_callbacks_to_teardown",
                 "_callback_fit_ctx", "_parent_callback_ctx"):  # fmt: skip
        vars(model).pop(name, None)
    return model


def start(model, X, y, sample_weight, max_subtasks, *, task_name="fit"):
    """The fit's task, begun; None when nobody listens.

    X and y are the caller's own, so that a callback may score with them as a user would.
    """
    listened_to = hasattr(model, "_skl_callbacks") or hasattr(model, "_parent_callback_ctx")
    if not listened_to or not hasattr(model, "_init_callback_context"):
        return None
    metadata = None if sample_weight is None else {"sample_weight": sample_weight}
    arguments = {"X": X, "y": y, "metadata": metadata}
    return Fit(model, arguments, task_name=task_name, max_subtasks=max_subtasks)


class Fit:
    """The task of one fit: begin and end it, and each of its epochs."""

    def __init__(self, model, arguments, **task):
        self._model = model
        self._arguments = {"estimator": model, **arguments}
        self._context = model._init_callback_context(**task)
        self._context.call_on_fit_task_begin(**self._arguments)
        self._epoch = None

    def begin_epoch(self):
        """Tell that an epoch begins, unless one is under way."""
        if self._epoch is None:
            self._epoch = self._context.subcontext(task_name="epoch")
            self._epoch.call_on_fit_task_begin(**self._arguments)

    def end_epoch(self, attributes=None) -> bool:
        """Tell that the epoch is over; whether a callback wants training to stop.

        `attributes` is a function that returns the attributes of a model fitted so far; it is
        called only for callbacks that look at one.
        """
        if self._epoch is None:
            return False
        epoch, self._epoch = self._epoch, None
        return epoch.call_on_fit_task_end(**self._arguments, reconstruction_attributes=attributes)

    def end(self):
        """Tell that the fit is over; its attributes are the model's own by now."""
        self.end_epoch()
        self._context.call_on_fit_task_end(**self._arguments, reconstruction_attributes={})

"""The estimators' parameters: type, constraint and meaning of each, written once for all estimators.

An estimator's signature says which parameters it has and their defaults. `described` builds the rest from this table:
the class docstring and scikit-learn's constraints. A new parameter is an entry here and a line in each signature.
"""

import inspect
import json
import textwrap
from collections.abc import Callable
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from ..engine.optimizers import SOLVERS
from ..kernels.abi import ACTIVATIONS
from ..training.schedules import PER_EPOCH, PER_UPDATE
from .attributes import ATTRIBUTES
from .types import Class

WIDTH = 100  # of a docstring's line


class Parameter(NamedTuple):
    """One parameter.

    Attributes
    ----------
    kind : str
        Its type, in numpydoc's way; the default is taken from the signature.
    constraint : list
        What scikit-learn validates a value against.
    text : str
        Its meaning; filled into lines, and with the words of `described` for names in braces.
    """

    kind: str
    constraint: list
    text: str


FRACTION = [Interval(Real, 0, 1, closed="left")]
POSITIVE = [Interval(Real, 0, None, closed="neither")]
NOT_NEGATIVE = [Interval(Real, 0, None, closed="left")]
COUNT = Interval(Integral, 1, None, closed="left")

PARAMETERS = {
    "loss": Parameter(
        '{"squared_error", "poisson"}',
        [StrOptions({"squared_error", "poisson"})],
        'What to minimize. "squared_error" is half of the squared error, averaged over targets. '
        '"poisson" is half of the Poisson deviance, summed over targets; its output is an '
        "exponential, and y must not be negative.",
    ),
    "hidden_layer_sizes": Parameter(
        "int or array-like of shape (n_layers - 2,)",
        ["array-like", COUNT],
        "Number of units in each hidden layer.",
    ),
    "activation": Parameter(
        '{"identity", "logistic", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish"}',
        [StrOptions(set(ACTIVATIONS))],
        'Activation of the hidden layers. "leaky_relu" has slope 0.01, "elu" alpha 1, and "gelu" is the '
        "exact one, by the error function.",
    ),
    "solver": Parameter(
        '{"rmsprop", "adam", "sgd", "lbfgs"}',
        [StrOptions(set(SOLVERS))],
        'What trains the weights. "rmsprop", "adam" and "sgd" go through the data in mini-batches; '
        '"lbfgs" is a quasi-Newton method on all of the data, good for small data sets.',
    ),
    "alpha": Parameter(
        "float",
        NOT_NEGATIVE,
        "Strength of the L2 penalty on the weights, divided by the number of samples in a batch.",
    ),
    "weight_decay": Parameter(
        "float",
        NOT_NEGATIVE,
        "Decoupled weight decay: before the step of each update, weights (not biases) become smaller by "
        'this share times the learning rate; with "adam" this is AdamW. It is not part of the loss. '
        'Not used by "lbfgs".',
    ),
    "dropout": Parameter(
        "float or array-like of shape (n_layers - 2,)",
        [*FRACTION, "array-like"],
        "Share of hidden units, or of each hidden layer's, whose outputs are zero for a sample, chosen "
        "at random in each epoch; the other outputs are divided by 1 - dropout. In training only. "
        'Not used by "lbfgs".',
    ),
    "input_dropout": Parameter(
        "float",
        FRACTION,
        'The same for features: share of the elements of X that are taken as zero. Not used by "lbfgs".',
    ),
    "average": Parameter(
        "float",
        FRACTION,
        "Predictions, validation and early stopping use a mean of the weights after all updates so far, "
        "each weighted by `average` to the power of its age in updates, as by 0.999; 0: the weights of the "
        "last update. Weights are added to it after every 64 updates (after more where an update changes "
        "few of them), and the latest ones to a copy that predicts. Training is not affected. "
        'Not used by "lbfgs".',
    ),
    "scale_target": Parameter(
        "bool",
        ["boolean"],
        "Whether the network learns y less its mean, divided by its deviation, each target by itself; "
        "`predict` undoes it. Both are those of the y of `fit` or of the first `partial_fit`, by "
        "`sample_weight`, and are kept by `warm_start`. Losses, and `tol` with them, are those of the "
        'standardised target; R² is the same in either unit. For "squared_error" only.',
    ),
    "label_smoothing": Parameter(
        "float",
        FRACTION,
        "Share of a class target that is spread evenly over all classes; for a logistic output, over 0 "
        "and 1. Part of the loss, in `evaluate` and validation too.",
    ),
    "batch_size": Parameter(
        'int or "auto"',
        [StrOptions({"auto"}), COUNT],
        'Samples per update; "auto" is ``min(200, n_samples)``. Not used by "lbfgs".',
    ),
    "learning_rate": Parameter(
        '{"constant", "invscaling", "adaptive", "cosine", "linear", "one_cycle"} or callable',
        [StrOptions({*PER_EPOCH, *PER_UPDATE}), callable],
        'Schedule of the learning rate. For each update, with any solver but "lbfgs": '
        '"cosine" and "linear" fall from `learning_rate_init` to 0 over `max_iter` epochs; "one_cycle" '
        "rises to it during the first 30% of the updates and then falls; a picklable callable "
        "``factor(progress)`` returns what to multiply it by, progress from 0 up to 1. After each epoch, "
        'with "sgd" and "rmsprop" only: "invscaling" is ``learning_rate_init / (t_ + 1) ** power_t``; '
        '"adaptive" divides by 5 each time that more than `n_iter_no_change` epochs in a row brought no '
        "improvement by `tol`, of the validation score where there are validation samples, else of the "
        "loss.",
    ),
    "learning_rate_init": Parameter("float", POSITIVE, "Initial learning rate."),
    "power_t": Parameter("float", NOT_NEGATIVE, 'Exponent of the "invscaling" schedule.'),
    "max_iter": Parameter(
        'int or "auto"',
        [StrOptions({"auto"}), COUNT],
        "Number of epochs, the most there are with early stopping or a `tol`; of iterations with "
        '"lbfgs". "auto" is 20 epochs, but on small data as many as make 1,500 updates; and 200 '
        'iterations of "lbfgs"{few}. With "rmsprop" at a constant rate, and neither `tol` nor '
        "early stopping, small data end after {enough} if the loss is then below 0.9 of a constant prediction's.",
    ),
    "shuffle": Parameter(
        "bool", ["boolean"], "Whether each epoch takes the samples in a new order."
    ),
    "random_state": Parameter(
        "int, RandomState instance or None",
        ["random_state"],
        "A fit draws one seed from it, for initial weights, orders, the validation split and what dropout drops.",
    ),
    "tol": Parameter(
        "float or None",
        [*NOT_NEGATIVE, None],
        "With a number, training stops when more than `n_iter_no_change` epochs in a row did not improve the "
        "loss (with early stopping, the validation score) by that much, and `max_iter` epochs "
        "without such an end give a ConvergenceWarning. None: a fit runs its `max_iter` epochs. "
        'Where a rule needs a number, None means 0, and 1e-4 for "lbfgs".',
    ),
    "verbose": Parameter(
        "bool or int",
        ["verbose"],
        "True or 1 shows one bar over all epochs in a notebook and, if tqdm is installed, in a terminal, and "
        "a line per epoch elsewhere; 2 shows lines everywhere.",
    ),
    "warm_start": Parameter(
        "bool",
        ["boolean"],
        "Whether `fit` starts from the weights that the model has. The optimizer starts afresh.",
    ),
    "momentum": Parameter(
        "float", [Interval(Real, 0, 1, closed="both")], 'Momentum of "sgd" and "rmsprop".'
    ),
    "nesterovs_momentum": Parameter(
        "bool", ["boolean"], 'Whether the momentum of "sgd" is Nesterov\'s.'
    ),
    "rho": Parameter("float", FRACTION, 'Decay of the mean square of the gradient in "rmsprop".'),
    "beta_1": Parameter("float", FRACTION, 'Decay of the mean of the gradient in "adam".'),
    "beta_2": Parameter("float", FRACTION, 'Decay of the mean square of the gradient in "adam".'),
    "epsilon": Parameter(
        "float",
        POSITIVE,
        'Keeps the divisions of "rmsprop" and "adam" from zero. "rmsprop" takes less than 1e-30 as 1e-30.',
    ),
    "early_stopping": Parameter(
        "bool",
        ["boolean"],
        "Whether to validate after each epoch, to stop when that does not improve, and to keep the "
        "weights that were best. `X_val` of `fit` is used where given, else `validation_fraction` "
        'of X is set aside{stratified}. Not used by "lbfgs".',
    ),
    "scoring": Parameter(
        "str, callable or None",
        [str, callable, None],
        "The score by which early stopping judges the validation samples: None is {Score}, "
        '"loss" the validation loss, anything else a scorer that scikit-learn knows or a callable '
        "``scorer(estimator, X, y)``, given `sample_weight` as well if it takes that.",
    ),
    "validation_fraction": Parameter(
        "float", FRACTION, "Share of the samples that early stopping sets aside."
    ),
    "n_iter_no_change": Parameter(
        "int or np.inf",
        [COUNT, Options(Real, {np.inf})],
        'Patience, in epochs, of `tol`, early stopping and the "adaptive" schedule: so many without an improvement '
        "are put up with, as in scikit-learn.",
    ),
    "max_fun": Parameter("int", [COUNT], 'The most evaluations of the loss by "lbfgs".'),
    "class_weight": Parameter(
        'dict, "balanced", list of dict or None',
        [dict, list, StrOptions({"balanced"}), None],
        'Weight of each class\'s samples, times `sample_weight`. "balanced" is inversely '
        "proportional to the classes' frequencies; a list has a dict for each multilabel output.",
    ),
    "dtype": Parameter(
        '{"float32", "float64"}',
        [
            StrOptions({"float32", "float64"}),
            Options(type, {np.float32, np.float64}),
            Options(np.dtype, {np.dtype(np.float32), np.dtype(np.float64)}),
        ],
        "What to compute in; also the dtype of weights and {outputs}. X may be of any.",
    ),
    "n_threads": Parameter(
        "int or None",
        [COUNT, Options(Integral, {-1}), None],
        "None or -1: the cores this process may use, no more than ``OMP_NUM_THREADS``; inside a joblib "
        "worker 1, with loky the share of the cores that joblib gives it. More than 1,024 count as 1,024. "
        "The number never changes a result.",
    ),
}


def described(**words: str) -> Callable[[Class], Class]:
    """Return a decorator that completes an estimator class from the tables of this folder.

    It replaces the lines ``{parameters}`` and ``{attributes}`` of the class docstring by entries, and sets
    `_parameter_constraints`. `words` are filled into the tables' texts.
    """

    def complete(cls: Class) -> Class:
        defaults = list(inspect.signature(cls.__init__).parameters.values())[1:]
        cls._parameter_constraints = {p.name: PARAMETERS[p.name].constraint for p in defaults}
        if cls.__doc__ is not None:  # python -OO leaves docstrings out
            entries = {
                "parameters": "\n".join(_entry(p, words) for p in defaults),
                "attributes": "\n".join(
                    f"{name} : {kind}\n{_filled(text, words)}"
                    for name, (kind, text) in ATTRIBUTES.items()
                ),
            }
            doc = inspect.cleandoc(cls.__doc__)
            for name, text in entries.items():
                doc = doc.replace(f"{{{name}}}", text)
            cls.__doc__ = doc
        return cls

    return complete


def _entry(parameter, words) -> str:
    """A parameter's lines in numpydoc's form, with its default from the signature."""
    kind, _, text = PARAMETERS[parameter.name]
    default = parameter.default
    default = (
        json.dumps(default) if isinstance(default, str) else repr(default).replace("e-0", "e-")
    )
    return f"{parameter.name} : {kind}, default={default}\n{_filled(text, words)}"


def _filled(text, words) -> str:
    for name, word in words.items():
        text = text.replace(f"{{{name}}}", word)
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent="    ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )

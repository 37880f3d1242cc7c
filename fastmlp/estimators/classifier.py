"""MLPClassifier: scikit-learn's contract and nothing else."""

from typing import ClassVar

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if

from .base import BaseMLP, is_stochastic


class MLPClassifier(ClassifierMixin, BaseMLP):
    """Multi-layer perceptron classifier.

    Minimizes the cross-entropy of a fully connected network: softmax over three or more classes,
    a logistic output for two, one logistic output per label for multilabel targets. Results are a
    function of data, parameters and `random_state` alone, whatever the number of threads.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of shape (n_layers - 2,), default=(512,)
        Number of units in each hidden layer.
    activation : {"identity", "logistic", "tanh", "relu"}, default="relu"
        Activation of the hidden layers.
    solver : {"rmsprop", "adam", "sgd", "lbfgs"}, default="rmsprop"
        What trains the weights. "rmsprop", "adam" and "sgd" go through the data in mini-batches;
        "lbfgs" is a quasi-Newton method on all of the data, good for small data sets.
    alpha : float, default=0.0
        Strength of the L2 penalty on the weights, divided by the number of samples in a batch.
    batch_size : int or "auto", default=128
        Samples per update; "auto" is ``min(200, n_samples)``. Not used by "lbfgs".
    learning_rate : {"constant", "invscaling", "adaptive"}, default="constant"
        Schedule of "sgd" and "rmsprop": always `learning_rate_init`; ``learning_rate_init /
        (t_ + 1) ** power_t`` after each epoch; or divided by 5 each time that
        `n_iter_no_change` epochs in a row brought no improvement by `tol`.
    learning_rate_init : float, default=0.001
        Initial learning rate.
    power_t : float, default=0.5
        Exponent of the "invscaling" schedule.
    max_iter : int, default=20
        Number of epochs, the most there are with early stopping or a `tol`; of iterations with
        "lbfgs".
    shuffle : bool, default=True
        Whether each epoch takes the samples in a new order.
    random_state : int, RandomState instance or None, default=None
        A fit draws one seed from it, for initial weights, orders and the validation split.
    tol : float or None, default=None
        With a number, training stops when `n_iter_no_change` epochs in a row did not improve the
        loss (with early stopping, the validation score) by that much, and `max_iter` epochs
        without such an end give a ConvergenceWarning. None: a fit runs its `max_iter` epochs.
        Where a rule needs a number, None means 0, and 1e-4 for "lbfgs".
    verbose : bool or int, default=False
        True or 1 shows a progress bar if tqdm is installed, else lines; 2 shows a line per epoch.
    warm_start : bool, default=False
        Whether `fit` starts from the weights that the model has. The optimizer starts afresh.
    momentum : float, default=0.0
        Momentum of "sgd" and "rmsprop".
    nesterovs_momentum : bool, default=False
        Whether the momentum of "sgd" is Nesterov's.
    rho : float, default=0.9
        Decay of the mean square of the gradient in "rmsprop".
    beta_1, beta_2 : float, default=0.9 and 0.999
        Decay of the mean of the gradient, and of its square, in "adam".
    epsilon : float, default=1e-7
        Keeps the divisions of "rmsprop" and "adam" from zero.
    early_stopping : bool, default=False
        Whether to validate after each epoch, to stop when that does not improve, and to keep the
        weights that were best. `X_val` of `fit` is used where given, else `validation_fraction`
        of X is set aside, stratified unless y is multilabel. Not used by "lbfgs".
    validation_fraction : float, default=0.1
        Share of the samples that early stopping sets aside.
    n_iter_no_change : int, default=10
        Patience, in epochs, of `tol`, early stopping and the "adaptive" schedule.
    max_fun : int, default=15000
        The most evaluations of the loss by "lbfgs".
    class_weight : dict, "balanced", list of dict or None, default=None
        Weight of each class's samples, times `sample_weight`. "balanced" is inversely
        proportional to the classes' frequencies; a list has a dict for each multilabel output.
    dtype : {"float32", "float64"}, default="float32"
        What to compute in; also the dtype of weights and probabilities. X may be of any.
    n_threads : int or None, default=None
        None: the cores this process may use, no more than ``OMP_NUM_THREADS``; inside a joblib
        worker 1, with loky the share of the cores that joblib gives it. The number never changes
        a result.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels; the numbers of the outputs if multilabel.
    coefs_, intercepts_ : lists of ndarray
        Weights (fan_in, fan_out) and biases (fan_out,) of each layer. Other values may be
        assigned, before predictions or before training goes on.
    history_ : dict of lists
        "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate" and "seconds" of each
        epoch so far, as far as they are known; NaN where only some epochs have a value.
    loss_, loss_curve_, best_loss_ : float, list of float, float or None
        The last epoch's loss, every epoch's, and the least; that one is None with early stopping.
    validation_scores_, best_validation_score_ : list of float and float, or None
        Accuracy on the validation samples, if `early_stopping`.
    n_iter_ : int
        Epochs of the last `fit`, and of calls of `partial_fit` since.
    t_ : int
        Training samples seen so far.
    n_features_in_, feature_names_in_ : int, ndarray of shape (n_features_in_,)
        The number of features, and their names if they all have one.
    n_layers_, n_outputs_, out_activation_ : int, int, str
        Layers with input and output; units and activation of the output layer.
    density_, zero_skipping_ : float, bool
        Share of X that was not zero, and whether that was little enough to skip the zeros.

    Examples
    --------
    >>> from fastmlp import MLPClassifier
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> X, y = load_digits(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
    >>> clf = MLPClassifier(random_state=0).fit(X_train, y_train)
    >>> clf.score(X_test, y_test) > 0.95
    True
    """

    _parameter_constraints: ClassVar[dict] = BaseMLP._parameter_constraints | {
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        hidden_layer_sizes=(512,),
        activation="relu",
        *,
        solver="rmsprop",
        alpha=0.0,
        batch_size=128,
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        max_iter=20,
        shuffle=True,
        random_state=None,
        tol=None,
        verbose=False,
        warm_start=False,
        momentum=0.0,
        nesterovs_momentum=False,
        rho=0.9,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-7,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        max_fun=15000,
        class_weight=None,
        dtype="float32",
        n_threads=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.rho = rho
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.class_weight = class_weight
        self.dtype = dtype
        self.n_threads = n_threads

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
        coef_init=None,
        intercept_init=None,
    ) -> "MLPClassifier":
        """Train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training samples, of any real dtype; no copy of another dtype is made.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Labels of any type, or a 2-D indicator of 0 and 1 for multilabel.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each sample counts.
        X_val, y_val : as X and y, default=None
            Samples to validate with after each epoch, noted in `history_`. Early stopping goes by
            them.
        sample_weight_val : array-like of shape (n_validation_samples,), default=None
            How much each of those counts.
        coef_init, intercept_init : lists as `coefs_` and `intercepts_`, default=None
            Weights and biases to start from.

        Returns
        -------
        self : MLPClassifier
        """
        return self._fit(
            X,
            y,
            sample_weight=sample_weight,
            X_val=X_val,
            y_val=y_val,
            sample_weight_val=sample_weight_val,
            coef_init=coef_init,
            intercept_init=intercept_init,
        )

    @available_if(is_stochastic)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X,
        y,
        sample_weight=None,
        classes=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ) -> "MLPClassifier":
        """Train for one epoch, from where the model stands.

        k calls with the same data are one `fit` with ``max_iter=k``, bit for bit. Parameters may
        be changed between calls, those of the network's shape excepted.

        Parameters
        ----------
        X, y, sample_weight, X_val, y_val, sample_weight_val
            As in `fit`.
        classes : array-like of shape (n_classes,), default=None
            All labels that any call will have; needed in the first call on an unfitted model.

        Returns
        -------
        self : MLPClassifier
        """
        return self._fit(
            X,
            y,
            incremental=True,
            sample_weight=sample_weight,
            classes=classes,
            X_val=X_val,
            y_val=y_val,
            sample_weight_val=sample_weight_val,
        )

    def predict(self, X) -> np.ndarray:
        """Labels of the samples X: shape (n_samples,), or (n_samples, n_outputs) if multilabel."""
        outputs = self._outputs(X)
        return self._targets.decode(outputs)

    def predict_proba(self, X) -> np.ndarray:
        """Probability of each class for the samples X, (n_samples, n_classes), as in `classes_`."""
        outputs = self._outputs(X)
        return self._targets.proba(outputs)

    def predict_log_proba(self, X) -> np.ndarray:
        """Logarithm of `predict_proba`."""
        probability = self.predict_proba(X)
        with np.errstate(divide="ignore"):  # log 0 is -inf
            return np.log(probability, out=probability)

    def _find_targets(self, y, classes, *, first, incremental):
        from .targets import find_class_targets

        return find_class_targets(self, y, classes, first=first, incremental=incremental)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

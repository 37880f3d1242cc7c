"""The oracle: every kernel and a whole training run again, in plain float64 NumPy.

Written to be read beside the equations, not to be fast. A network is a list of weights and a list
of biases; `inputs` is always a dense float64 array and `labels` are the engine's: class numbers
(n, 1) for a softmax output, 0 or 1 per output (n, n_outputs) for a logistic one, numbers to predict
(n, n_outputs) for an identity or exp one, whose score is R² where the others have their accuracy.
"""

import numpy as np
from scipy.special import ndtr, xlogy

# An optimizer's state below this is 0: decaying squares would end as slow subnormal numbers.
TINY = 1e-30


# Products and activations


def matmul(inputs, weight, bias):
    """out = inputs @ weight + bias"""
    return inputs @ weight + bias


def identity(x):
    """x"""
    return x


def relu(x):
    """max(x, 0)"""
    return np.maximum(x, 0.0)


def tanh(x):
    """tanh x"""
    return np.tanh(x)


def logistic(x):
    """1 / (1 + exp(-x)), without overflow on either side."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


def softmax(logits):
    """exp(z_k) / sum over j of exp(z_j)"""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def leaky_relu(x):
    """x, or x / 100 below 0"""
    return np.where(x > 0, x, 0.01 * x)


def elu(x):
    """x, or exp(x) - 1 below 0"""
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0.0)))


SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def selu(x):
    """scale x, or scale alpha (exp(x) - 1) below 0"""
    return SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * np.expm1(np.minimum(x, 0.0)))


def gelu(x):
    """x Phi(x), Phi the standard normal distribution's share below x"""
    return x * ndtr(x)


def silu(x):
    """x / (1 + exp(-x))"""
    return x * logistic(x)


def mish(x):
    """x tanh(log(1 + exp(x)))"""
    return x * np.tanh(np.logaddexp(0.0, x))


def _mish_derivative(x):
    gate = np.tanh(np.logaddexp(0.0, x))
    return gate + x * (1.0 - gate**2) * logistic(x)


ACTIVATION = {
    f.__name__: f for f in (identity, relu, tanh, logistic, leaky_relu, elu, selu, gelu, silu, mish)
}

# f'(x)
DERIVATIVE = {
    "identity": lambda x: np.ones_like(x),
    "relu": lambda x: (x > 0).astype(x.dtype),
    "tanh": lambda x: 1.0 - np.tanh(x) ** 2,
    "logistic": lambda x: logistic(x) * (1.0 - logistic(x)),
    "leaky_relu": lambda x: np.where(x > 0, 1.0, 0.01),
    "elu": lambda x: np.exp(np.minimum(x, 0.0)),
    "selu": lambda x: SELU_SCALE * np.where(x > 0, 1.0, SELU_ALPHA * np.exp(np.minimum(x, 0.0))),
    "gelu": lambda x: ndtr(x) + x * np.exp(-0.5 * x * x) / np.sqrt(2.0 * np.pi),
    "silu": lambda x: logistic(x) * (1.0 + x * (1.0 - logistic(x))),
    "mish": _mish_derivative,
}


# Losses: each returns the batch's loss, its gradient by the logits, and its accuracy


def _shares(sample_weight, n):
    """What each of n samples counts, adding up to 1."""
    weight = np.ones(n) if sample_weight is None else np.asarray(sample_weight, np.float64)
    return weight / weight.sum()


def softmax_cross_entropy_backward(logits, labels, sample_weight=None, label_smoothing=0.0):
    """loss = -mean target . log softmax(logits);  delta = (softmax(logits) - target) / batch

    target = (1 - s) onehot(label) + s / n_outputs, s the label smoothing
    """
    n, n_outputs = logits.shape
    share = _shares(sample_weight, n)
    label = labels[:, 0]
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    target = np.full(logits.shape, label_smoothing / n_outputs)
    target[np.arange(n), label] += 1.0 - label_smoothing
    loss = -(share[:, None] * np.where(target > 0, target * log_p, 0.0)).sum()
    return (
        loss,
        (np.exp(log_p) - target) * share[:, None],
        (share * (logits.argmax(axis=1) == label)).sum(),
    )


def logistic_cross_entropy_backward(logits, labels, sample_weight=None, label_smoothing=0.0):
    """loss = mean (log(1 + exp(z)) - t z), summed over outputs;  delta = (logistic(z) - t) / batch

    t = (1 - s) y + s / 2, s the label smoothing. A sample is right when all of its outputs are.
    """
    share = _shares(sample_weight, len(logits))
    target = (1.0 - label_smoothing) * labels + 0.5 * label_smoothing
    loss = (share[:, None] * (np.logaddexp(0.0, logits) - target * logits)).sum()
    delta = (logistic(logits) - target) * share[:, None]
    return loss, delta, (share * ((logits > 0) == (labels == 1)).all(axis=1)).sum()


def _r2(predicted, values, share):
    """R², averaged over outputs; values of no deviation count 1 if they are met exactly, else 0."""
    if len(values) < 2:
        return np.nan
    scores = []
    for p, y in zip(predicted.T, values.T, strict=True):
        residual = (share * (y - p) ** 2).sum()
        deviation = (share * (y - (share * y).sum()) ** 2).sum()
        if np.ptp(y) == 0:
            scores.append(float(residual == 0))
        else:
            scores.append(1.0 - residual / deviation)
    return np.mean(scores)


def squared_error_backward(logits, values, sample_weight=None):
    """loss = mean (z - y)² / 2, averaged over outputs;  delta = (z - y) / batch

    As scikit-learn's: the loss is averaged over outputs, delta is the gradient of their sum. Instead of the accuracy
    the third number is R².
    """
    share = _shares(sample_weight, len(logits))
    residual = logits - values
    loss = 0.5 * (share[:, None] * residual**2).sum() / values.shape[1]
    return loss, residual * share[:, None], _r2(logits, values, share)


def poisson_backward(logits, values, sample_weight=None):
    """loss = mean (y log(y / p) - y + p), summed over outputs;  delta = (p - y) / batch;  p = exp(z)

    The third number is R² of p.
    """
    share = _shares(sample_weight, len(logits))
    mean = np.exp(logits)
    loss = (share[:, None] * (xlogy(values, values) - values * logits - values + mean)).sum()
    return loss, (mean - values) * share[:, None], _r2(mean, values, share)


LOSS_BACKWARD = {
    "softmax": softmax_cross_entropy_backward,
    "logistic": logistic_cross_entropy_backward,
    "identity": squared_error_backward,
    "exp": poisson_backward,
}
OUTPUT = {"softmax": softmax, "logistic": logistic, "identity": identity, "exp": np.exp}


# Optimizers: `weight` and the state change in place


def _flush(*states):
    for state in states:
        state[np.abs(state) < TINY] = 0.0


def rmsprop_momentum_update(
    weight, gradient, square, velocity, *, learning_rate, rho=0.9, momentum=0.0, epsilon=1e-7
):
    """v = rho v + (1 - rho) g²;  m = mu m + lr g / sqrt(v + eps);  w -= m"""
    square *= rho
    square += (1.0 - rho) * gradient**2
    velocity *= momentum
    velocity += learning_rate * gradient / np.sqrt(square + epsilon)
    _flush(square, velocity)
    weight -= velocity


def adam_update(
    weight, gradient, mean, square, t, *, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7
):
    """m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g²;  w -= lr_t m / (sqrt(v) + eps); t from 1"""
    mean *= beta_1
    mean += (1.0 - beta_1) * gradient
    square *= beta_2
    square += (1.0 - beta_2) * gradient**2
    _flush(mean, square)
    rate = learning_rate * np.sqrt(1.0 - beta_2**t) / (1.0 - beta_1**t)
    weight -= rate * mean / (np.sqrt(square) + epsilon)


def sgd_update(weight, gradient, velocity, *, learning_rate, momentum=0.0, nesterov=False):
    """u = mu u - lr g;  w += u, or with Nesterov's momentum w += mu u - lr g"""
    velocity *= momentum
    velocity -= learning_rate * gradient
    _flush(velocity)
    weight += momentum * velocity - learning_rate * gradient if nesterov else velocity


class Optimizer:
    """One rule and its state, for a list of parameters.

    Parameters
    ----------
    solver : {"rmsprop", "adam", "sgd"}
    **hyper
        The keyword arguments of the solver's update above, but for the learning rate.
    weight_decay : float
        Weights (not biases) lose this share, times the learning rate, in each update, before its step.
    """

    def __init__(self, solver, weight_decay=0.0, **hyper):
        self.solver, self.weight_decay = solver, weight_decay
        self.hyper = hyper
        self.n_updates = 0
        self.state = None

    def update(self, parameters, gradients, learning_rate):
        if self.state is None:
            self.state = [(np.zeros_like(p), np.zeros_like(p)) for p in parameters]
        self.n_updates += 1
        hyper = {"learning_rate": learning_rate, **self.hyper}
        for weight, gradient, state in zip(parameters, gradients, self.state, strict=True):
            if weight.ndim == 2:
                weight *= 1.0 - learning_rate * self.weight_decay
            if self.solver == "rmsprop":
                rmsprop_momentum_update(weight, gradient, *state, **hyper)
            elif self.solver == "adam":
                adam_update(weight, gradient, *state, self.n_updates, **hyper)
            else:
                sgd_update(weight, gradient, state[0], **hyper)


# Networks


def forward(inputs, coefs, intercepts, activation="relu", masks=None):
    """(outputs, sums) of every layer: outputs from the inputs on, sums up to the logits.

    `masks`, of the inputs and of each hidden layer (n, units), are what dropout multiplies outputs by:
    0 or 1 / (1 - rate); None: there is no dropout.
    """
    outputs, sums = [np.asarray(inputs, np.float64)], []
    for i, (weight, bias) in enumerate(zip(coefs, intercepts, strict=True)):
        if masks is not None:
            outputs[-1] = outputs[-1] * masks[i]
        sums.append(matmul(outputs[-1], weight, bias))
        outputs.append(ACTIVATION[activation](sums[-1]))
    return outputs[:-1], sums


def predict(inputs, coefs, intercepts, activation="relu", output="softmax"):
    """Probabilities, or a regressor's predictions, (n, n_outputs)."""
    return OUTPUT[output](forward(inputs, coefs, intercepts, activation)[1][-1])


def evaluate(
    inputs, labels, coefs, intercepts, *, activation="relu", output="softmax", sample_weight=None,
    label_smoothing=0.0,
):  # fmt: skip
    """(loss, accuracy), without the L2 term."""
    logits = forward(inputs, coefs, intercepts, activation)[1][-1]
    smoothing = (label_smoothing,) if label_smoothing else ()
    loss, _, accuracy = LOSS_BACKWARD[output](logits, labels, sample_weight, *smoothing)
    return loss, accuracy


def backward(
    inputs,
    labels,
    coefs,
    intercepts,
    *,
    activation="relu",
    output="softmax",
    alpha=0.0,
    sample_weight=None,
    label_smoothing=0.0,
    masks=None,
):
    """(loss, accuracy, gradients by coefs, gradients by intercepts) of one batch.

    The loss has scikit-learn's L2 term: alpha / (2 B) ||W||², B the sum of the sample weights.
    """
    layers, sums = forward(inputs, coefs, intercepts, activation, masks)
    batch = len(inputs) if sample_weight is None else np.sum(sample_weight)
    smoothing = (label_smoothing,) if label_smoothing else ()
    loss, delta, accuracy = LOSS_BACKWARD[output](sums[-1], labels, sample_weight, *smoothing)
    loss += 0.5 * alpha / batch * sum((w * w).sum() for w in coefs)
    coef_grads, intercept_grads = [], []
    for i in reversed(range(len(coefs))):
        coef_grads.insert(0, layers[i].T @ delta + alpha / batch * coefs[i])
        intercept_grads.insert(0, delta.sum(axis=0))
        if i > 0:
            delta = delta @ coefs[i].T * DERIVATIVE[activation](sums[i - 1])
            if masks is not None:
                delta = delta * masks[i]
    return loss, accuracy, coef_grads, intercept_grads


def train_epoch(
    inputs,
    labels,
    coefs,
    intercepts,
    optimizer,
    order,
    *,
    batch_size,
    learning_rate,
    activation="relu",
    output="softmax",
    alpha=0.0,
    sample_weight=None,
    label_smoothing=0.0,
    masks=None,
):
    """One pass over the rows in `order`; coefs, intercepts and the optimizer change in place.

    Returns the epoch's loss, the mean over batches by their numbers of samples as scikit-learn
    takes it, and the samples' mean accuracy, each batch's taken before its update. A batch whose
    weights are all zero makes no update and counts for nothing. `learning_rate` is one number, or one
    for each batch; `masks` as in `forward`, rows as those of `inputs`.
    """
    rates = np.broadcast_to(learning_rate, -(-len(order) // batch_size))
    loss_sum = accuracy_sum = n_seen = weight_seen = 0.0
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        weight = None if sample_weight is None else np.asarray(sample_weight)[rows]
        if weight is not None and not weight.any():
            continue
        loss, accuracy, *gradients = backward(
            inputs[rows],
            labels[rows],
            coefs,
            intercepts,
            activation=activation,
            output=output,
            alpha=alpha,
            sample_weight=weight,
            label_smoothing=label_smoothing,
            masks=None if masks is None else [mask[rows] for mask in masks],
        )
        total = len(rows) if weight is None else weight.sum()
        loss_sum += len(rows) * loss
        n_seen += len(rows)
        accuracy_sum += total * accuracy
        weight_seen += total
        rate = rates[start // batch_size]
        optimizer.update(coefs + intercepts, gradients[0] + gradients[1], rate)
    return (loss_sum / n_seen, accuracy_sum / weight_seen) if n_seen else (0.0, 0.0)


def train(
    inputs, labels, coefs, intercepts, optimizer, orders, *, learning_rate, batch_size, **network
):
    """Train copies of the parameters, one epoch per order of rows.

    Parameters
    ----------
    orders : iterable of int arrays
        The rows of each epoch, in the order of use.
    **network
        activation, output, alpha, sample_weight: as in `train_epoch`.

    Returns
    -------
    coefs, intercepts : lists of float64 arrays
    losses, accuracies : lists of float
        One per epoch.
    """
    coefs = [np.array(w, np.float64) for w in coefs]
    intercepts = [np.array(b, np.float64) for b in intercepts]
    inputs = np.asarray(inputs, np.float64)
    results = [
        train_epoch(
            inputs,
            labels,
            coefs,
            intercepts,
            optimizer,
            order,
            batch_size=batch_size,
            learning_rate=learning_rate,
            **network,
        )
        for order in orders
    ]
    losses, accuracies = map(list, zip(*results, strict=True)) if results else ([], [])
    return coefs, intercepts, losses, accuracies

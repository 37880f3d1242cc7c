"""Whatever the shape, data, network and solver: training is the oracle's, step by step."""

import warnings

import numpy as np
import reference
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from fastmlp import MLPClassifier
from fastmlp.training import seeding

HYPER = {
    "rmsprop": ("rho", "momentum", "epsilon"),
    "adam": ("beta_1", "beta_2", "epsilon"),
    "sgd": ("momentum", "nesterov"),
}


@st.composite
def problems(draw):
    """Data of any shape and density in some form, with targets of some kind."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_samples, n_features = draw(st.integers(1, 40)), draw(st.integers(1, 80))
    density = draw(st.sampled_from([0.0, 0.05, 0.3, 0.9, 1.0]))
    x = rng.normal(size=(n_samples, n_features)) * (rng.random((n_samples, n_features)) < density)
    kind = draw(st.sampled_from(["binary", "multiclass", "multilabel"]))
    n_classes = {"binary": 2, "multiclass": 3, "multilabel": 2}[kind]
    y = rng.integers(0, n_classes, n_samples)
    if kind == "multilabel":
        y = rng.integers(0, 2, (n_samples, 3))
        y[0] = [1, 1, 0]  # else it might pass for one-hot
    weight = None
    if draw(st.booleans()):
        weight = rng.uniform(0, 2, n_samples) * (rng.random(n_samples) < 0.7)
        weight[0] = 1.0
    form = draw(st.sampled_from([np.asarray, np.asfortranarray, sp.csr_array, sp.csc_array]))
    return x, form, y, weight


@st.composite
def settings_of(draw):
    """Parameters of a small float64 classifier."""
    rho = draw(st.sampled_from([0.0, 0.5, 0.9]))
    return {
        "solver": draw(st.sampled_from(list(HYPER))),
        "hidden_layer_sizes": tuple(draw(st.lists(st.integers(1, 70), max_size=2))),
        "activation": draw(st.sampled_from(["identity", "logistic", "tanh", "relu"])),
        "alpha": draw(st.sampled_from([0.0, 0.1])),
        "batch_size": draw(st.integers(1, 50)),
        "learning_rate_init": draw(st.sampled_from([1e-3, 0.05])),
        "momentum": draw(st.sampled_from([0.0, 0.5, 0.95])),
        "nesterovs_momentum": draw(st.booleans()),
        "rho": rho,
        # With rho 0 and a small epsilon a step is the gradient's sign: it amplifies the rounding of either side.
        "epsilon": draw(st.sampled_from([1e-7, 1e-3] if rho else [1e-3])),
        "shuffle": draw(st.booleans()),
        "max_iter": draw(st.integers(1, 3)),
        "n_threads": draw(st.integers(1, 3)),
        "random_state": draw(st.integers(0, 1000)),
        "dtype": "float64",
    }


def train_oracle(model, x, y, weight):
    """The oracle's run of the model's own fit: what `reference.train` returns."""
    classes = [0, 1, 2] if model.out_activation_ == "softmax" else None
    labels = y.reshape(len(y), -1) if classes is None else y.reshape(-1, 1)
    sizes = (x.shape[1], *model.hidden_layer_sizes, model.n_outputs_)
    seed = seeding.draw_seed(model.random_state)
    orders = [
        seeding.epoch_order(seed, epoch, None, len(x), model.shuffle)
        for epoch in range(model.max_iter)
    ]
    hyper = {name: getattr(model, name, None) for name in HYPER[model.solver]}
    if model.solver == "sgd":
        hyper["nesterov"] = model.nesterovs_momentum
    return reference.train(
        x,
        labels,
        *seeding.initial_parameters(seed, sizes, np.float64),
        reference.Optimizer(model.solver, **hyper),
        orders,
        learning_rate=model.learning_rate_init,
        batch_size=min(model.batch_size, len(x)),
        activation=model.activation,
        output=model.out_activation_,
        alpha=model.alpha,
        sample_weight=weight,
    )


@settings(max_examples=80, deadline=None)
@given(problems(), settings_of())
def test_training_is_the_oracles(problem, parameters):
    x, form, y, weight = problem
    classes = np.arange(max(2, int(y.max()) + 1)) if y.ndim == 1 else np.arange(y.shape[1])
    model = MLPClassifier(**parameters)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Got `batch_size` less than 1")
        for _ in range(model.max_iter):
            model.partial_fit(form(x), y, weight, classes=classes)
    coefs, intercepts, losses, accuracies = train_oracle(model, x, y, weight)
    for found, expected in zip(model.coefs_ + model.intercepts_, coefs + intercepts, strict=True):
        assert_allclose(found, expected, rtol=1e-7, atol=1e-8)
    assert_allclose(model.history_["loss"], losses, rtol=1e-7, atol=1e-12)
    # Of zeros alone the outputs are biases, which balanced labels keep at a tie: rounding breaks it.
    if x.any():
        assert_allclose(model.history_["accuracy"], accuracies, rtol=1e-12)
    probability = reference.predict(x, coefs, intercepts, model.activation, model.out_activation_)
    found = model.predict_proba(form(x))
    if model.n_outputs_ == 1:
        found = found[:, 1:]
    assert_allclose(found, probability, rtol=1e-6, atol=1e-9)

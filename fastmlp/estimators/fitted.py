"""What a fitted model computes: predictions, and its loss and score on labelled samples."""

import itertools

import numpy as np

from ..engine.engine import Engine, not_finite
from ..engine.small_predict import are_few, few_predictor
from ..kernels.abi import LOG_OUTPUTS, OUTPUTS
from ..training.context import Samples
from .sample_weights import sample_weights
from .validation import check_samples, check_training_data, opened


def make_engine(model, layer_sizes, loss):
    """Return an engine for a network of the model's kind, without parameters yet."""
    return Engine(
        layer_sizes,
        activation=model.activation,
        loss=loss,
        dtype=model.dtype,
        n_threads=model.n_threads,
        label_smoothing=getattr(model, "label_smoothing", 0.0),
    )


def network_of(model):
    """Return layer sizes, weights and biases of a fitted model as they are now, whoever put them there.

    They are those of one moment: another thread may be fitting the model.
    """
    now = vars(model).copy()
    coefs, intercepts = now["coefs_"], now["intercepts_"]
    n_features, n_outputs = now["n_features_in_"], now["n_outputs_"]
    sizes = [n_features, *(np.shape(bias)[0] for bias in intercepts)]
    shapes = [np.shape(coef) for coef in coefs]
    if shapes != list(itertools.pairwise(sizes)) or sizes[-1] != n_outputs:
        raise ValueError(
            f"coefs_ of shapes {shapes} and intercepts_ of sizes {sizes[1:]} make no network "
            f"from {n_features} features to {n_outputs} output(s)."
        )
    return sizes, coefs, intercepts


def fitted_engine(model):
    """Return an engine with the weights that a fitted model has now."""
    return _engine_of(model, *network_of(model))


def _engine_of(model, sizes, coefs, intercepts):
    engine = make_engine(model, sizes, model._targets.loss)
    engine.set_parameters(coefs, intercepts)
    return engine


def predictions(model, X, *, logarithm=False, both=False) -> np.ndarray:
    """Return the fitted model's outputs for X, (n_samples, n_outputs_).

    Parameters
    ----------
    model : BaseMLP
    X : as in `predict`
    logarithm : bool
        Whether their logarithm is wanted.
    both : bool
        Whether a single logistic output comes as two columns, the first of them for the other class.
    """
    X = check_samples(model, X)
    wanted = {"kind": LOG_OUTPUTS if logarithm else OUTPUTS, "both": both}
    sizes, coefs, intercepts = network_of(model)
    if are_few(X.shape[0], sizes):
        how = {
            "activation": model.activation,
            "loss": model._targets.loss,
            "dtype": model.dtype,
        }
        with few_predictor(sizes, **how) as few:
            data = opened(model, few.engine, X, reuse=False)
            outputs = few.predict(data, coefs, intercepts, n_threads=model.n_threads, **wanted)
    else:
        engine = _engine_of(model, sizes, coefs, intercepts)
        outputs = engine.predict(opened(model, engine, X, reuse=False), **wanted)
    if not _is_sound(outputs, infinite=logarithm):  # the logarithm of 0 is infinite
        raise not_finite(outputs.dtype)
    return outputs


def _is_sound(outputs, *, infinite):
    """Whether no output is NaN, nor infinite where it must not be."""
    # The sum tells in a third of the time, but it may overflow where no output does.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(outputs.sum()):
            return True
    return not np.isnan(outputs).any() if infinite else bool(np.isfinite(outputs).all())


def labelled(model, engine, targets, X, y, sample_weight, *, reuse=True) -> Samples:
    """Return samples with labels to judge a fitted model by, checked and encoded."""
    X, y = check_training_data(model, X, y, reset=False)
    labels = targets.encode(y, engine.dtype)
    weight = sample_weights(X, y, targets, labels, sample_weight=sample_weight, class_weight=None)
    return Samples(opened(model, engine, X, reuse=reuse), labels, weight, X=X, y=y)


def evaluate(model, X, y, sample_weight) -> dict[str, float]:
    """Return the fitted model's loss and score on labelled samples."""
    engine = fitted_engine(model)
    samples = labelled(model, engine, model._targets, X, y, sample_weight, reuse=False)
    loss, score = engine.evaluate(samples.data, samples.labels, sample_weight=samples.weight)
    return {"loss": loss, engine.loss.metric: score}

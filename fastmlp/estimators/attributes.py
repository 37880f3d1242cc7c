"""A fitted estimator's attributes: how they are made and what they mean, written once for all estimators."""

# Name or names -> type, text; names in braces are the words that `parameters.described` is given.
ATTRIBUTES = {
    "coefs_, intercepts_": (
        "lists of ndarray",
        "Weights (fan_in, fan_out) and biases (fan_out,) of each layer. Other values may be "
        "assigned, before predictions or before training goes on. With `average` they are averages; "
        "`partial_fit` resumes from the weights that were averaged, unless others were assigned.",
    ),
    "history_": (
        "dict of lists",
        '"loss", "{metric}", "val_loss", "val_{metric}", "val_score" if `scoring` is a scorer, "learning_rate" and '
        '"seconds" of each epoch so far, as far as they are known; NaN where only some epochs have a value.',
    ),
    "loss_, loss_curve_, best_loss_": (
        "float, list of float, float or None",
        "The last epoch's loss, every epoch's, and the least; that one is None with early stopping.",
    ),
    "validation_scores_, best_validation_score_": (
        "list of float and float, or None",
        'The score on the validation samples, if `early_stopping`: {Score}, or that of `scoring`; with "loss" the '
        "loss, negated. The best one is that of the last fit, and of what a warm start began with.",
    ),
    "n_iter_": ("int", "Epochs of the last `fit`, and of calls of `partial_fit` since."),
    "t_": ("int", "Training samples seen so far."),
    "n_features_in_, feature_names_in_": (
        "int, ndarray of shape (n_features,)",
        "The number of features, and their names if they all have one.",
    ),
    "n_layers_, n_outputs_, out_activation_": (
        "int, int, str",
        "Layers with input and output; units and activation of the output layer.",
    ),
    "density_, zero_skipping_": (
        "float, bool",
        "Share of X that was not zero, or not its feature's baseline, and whether that was little enough to skip "
        "the others.",
    ),
    "baselines_": (
        "ndarray of shape (n_features,) or None",
        "The values that most samples share, as in standardised or inverted images, if training skipped them as it "
        "does zeros.",
    ),
}


def fitted_attributes(
    targets, record, state, coefs, intercepts, *, out_activation, density, zero_skipping, baselines=None
) -> dict:  # fmt: skip
    """Return the attributes of a fitted model, public and private, but for its features' number and names.

    Parameters
    ----------
    targets : ClassTargets or RegressionTargets
    record : Record
    state : State
        What training resumes from.
    coefs, intercepts : lists of ndarray
        See `ATTRIBUTES`, as for the others.
    out_activation : str
    density : float
    zero_skipping : bool
    baselines : ndarray of shape (n_features,) or None
    """
    return {
        **targets.attributes(),
        "n_outputs_": targets.n_outputs,
        "n_layers_": len(coefs) + 1,
        "out_activation_": out_activation,
        "coefs_": coefs,
        "intercepts_": intercepts,
        "density_": density,
        "zero_skipping_": zero_skipping,
        "baselines_": baselines,
        "_targets": targets,
        "_state": state,
        **record.attributes(),
    }

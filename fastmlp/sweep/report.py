"""The page that shows a sweep: what came out, what the parameters did, what the best network does."""

import os
import platform
import time
from dataclasses import dataclass
from html import escape

import numpy as np
from sklearn.metrics import confusion_matrix

from .. import __version__, plots
from ..kernels.code_cache import cpu
from ..plots.images import side_of
from .effects import OPPOSITE, SHOWN, effects, in_short
from .grid import Data, Plan
from .page import page, paragraph, picture, section, table, tiles
from .progress import duration
from .results import Outcome, best, ranked

N_MISTAKES = 30
PARAMETERS = {"hidden": "Hidden units", "lr": "Learning rate", "momentum": "Momentum"}


@dataclass(frozen=True)
class Sweep:
    """A finished sweep: `model` and `test` are of the best setting, None if every setting failed."""

    data: Data
    plan: Plan
    outcomes: list[Outcome]
    model: object = None
    test: dict | None = None


def report(sweep: Sweep) -> str:
    """The page, as HTML."""
    title = f"Sweep over {sweep.data.name}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="muted">{escape(_summary(sweep))}</p>',
        tiles(_facts(sweep)),
    ]
    winner = best(sweep.outcomes)
    if winner is None:
        parts.append(
            section("failed", "Every setting failed",
                    paragraph(f"The first reason: {sweep.outcomes[0].failures[0]}"))
        )  # fmt: skip
    else:
        parts += [
            _effects(sweep), _parameters(sweep), _pairs(sweep), _curves(sweep, winner),
            _overfitting(sweep, winner),
        ]  # fmt: skip
    if sweep.model is not None:
        parts += _best_network(sweep)
    parts += [_settings(sweep), f"<footer>{escape(_machine())}</footer>"]
    return page(title, parts)


def _summary(sweep):
    plan, data = sweep.plan, sweep.data
    return (
        f"{len(sweep.outcomes)} settings, each trained {plan.folds} times for {plan.epochs} epochs "
        f"in batches of {plan.batch_size} (RMSprop, {plan.folds}-fold stratified cross-validation "
        f"of {len(data.X):,} training images, seed {plan.seed})."
    )


def _facts(sweep):
    folds = [fold for outcome in sweep.outcomes for fold in outcome.folds]
    n_failed = sum(len(outcome.failures) for outcome in sweep.outcomes)
    winner = best(sweep.outcomes)
    if winner is not None:
        hidden, lr, momentum = winner.setting
        yield "Best setting", f"{hidden} units", f"learning rate {lr:g}, momentum {momentum:g}"
        yield (
            "Validation accuracy",
            f"{100 * winner.mean('val_accuracy'):.2f}%",
            f"± {100 * winner.std('val_accuracy'):.2f} over {sweep.plan.folds} folds",
        )
    if sweep.model is not None:
        yield (
            "Test accuracy",
            f"{100 * sweep.test['val_accuracy']:.2f}%",
            f"loss {sweep.test['val_loss']:.4f}, best setting trained on all training images",
        )
    yield "Fits", f"{len(folds)}", f"{n_failed} failed" if n_failed else "none failed"
    yield "Time of all fits", duration(sum(fold["seconds"] for fold in folds)), "added up"


def _effects(sweep):
    kinds = {SHOWN: "yes", OPPOSITE: "no"}
    rows = [
        (
            (
                PARAMETERS[effect.parameter],
                f"<b>{escape(effect.claim)}</b><br>{escape(effect.figures)}",
                f'<span class="badge {kinds.get(effect.verdict, "maybe")}">{effect.verdict}</span>',
            ),
            "",
        )
        for effect in effects(sweep.outcomes)
    ]
    if not rows:
        return section("effects", "What the parameters did", paragraph("Nothing was varied."))
    remark = (
        "What is commonly said, held against this run. Fits that differ in nothing but the "
        "parameter are compared in pairs; “shown” means that the mean difference has the expected "
        "sign and is more than twice its standard error. Signs of overshooting and of instability are "
        "fits that fail, a training loss that rises, and a lower accuracy at the end; where they "
        "contradict each other it is “not clear”."
    )
    heads = ("Parameter", "Effect, and this run's figures", "This run")
    return section("effects", "What the parameters did", paragraph(remark), table(heads, rows))


def _parameters(sweep):
    return section(
        "parameters",
        "Accuracy over each parameter",
        picture(
            plots.over_parameters(sweep.outcomes),
            "Validation accuracy over hidden units, learning rate and momentum",
            "A dot is a fit: at each value there are all values of the other two parameters and "
            "all folds. The axis of accuracies is stretched towards 100%.",
        ),
    )


def _pairs(sweep):
    return section(
        "pairs",
        "Pairs of parameters",
        picture(
            plots.heat_maps(sweep.outcomes),
            "Heat maps of the validation accuracy over each pair of parameters",
            "Validation accuracy in percent, mean over the folds. Above the mean over the third "
            "parameter, below the best value of it. Failed settings are left out and counted.",
        ),
    )


def _curves(sweep, winner):
    sound = [outcome for outcome in ranked(sweep.outcomes) if not outcome.failures]
    failed = [outcome for outcome in sweep.outcomes if outcome.failures]
    shown = {f"Best: {winner.setting}": winner}
    if len(sound) > 1:
        shown[f"Worst: {sound[-1].setting}"] = sound[-1]
    if failed:
        longest = max(failed, key=lambda outcome: sum(map(len, outcome.curves("loss"))))
        shown[f"Failed: {longest.setting}"] = longest
    return section(
        "curves",
        "Learning curves",
        picture(
            plots.fold_curves(shown, n_epochs=sweep.plan.epochs),
            "Accuracy and loss over the epochs of the best and the worst setting",
            "Means over the folds, bands from the least fold to the greatest. Training accuracy "
            "and loss are taken while an epoch runs, those of validation at its end.",
        ),
    )


def _overfitting(sweep, winner):
    _, lr, momentum = winner.setting
    return section(
        "overfitting",
        "Overfitting",
        picture(
            plots.over_hidden(sweep.outcomes, lr, momentum),
            "Training and validation accuracy and loss, and seconds, over hidden units",
            f"At the best learning rate ({lr:g}) and momentum ({momentum:g}): the trained network "
            "judged by its training samples and by its validation samples, bands from the least "
            "fold to the greatest. Thin lines: the seconds of the other settings. Seconds are those "
            "of the clock, with whatever else ran at the time.",
        ),
    )


def _best_network(sweep):
    data, model = sweep.data, sweep.model
    probability = model.predict_proba(data.X_test)
    predicted = model.classes_[probability.argmax(axis=1)]
    matrix = confusion_matrix(data.y_test, predicted, labels=model.classes_)
    wrong = np.flatnonzero(predicted != data.y_test)
    parts = [
        section(
            "confusion",
            "Confusion matrix of the best network",
            paragraph(f"{len(wrong):,} of {len(predicted):,} test images are mistaken."),
            picture(plots.confusion(matrix, model.classes_), "Confusion matrix of the test images"),
        )
    ]
    side = side_of(data.X.shape[1])
    if side is None:
        return parts
    if len(wrong):
        sure = probability[wrong].max(axis=1)
        order = np.argsort(-sure, kind="stable")[:N_MISTAKES]
        chosen = wrong[order]
        parts.append(
            section(
                "mistakes",
                "Misclassified images",
                picture(
                    plots.mistakes(
                        data.X_test[chosen].reshape(-1, side, side), data.y_test[chosen],
                        predicted[chosen], sure[order],
                    ),
                    "Misclassified test images with predicted and true label",
                    "The mistakes that the network was surest of. Above, in colour, what it took the "
                    "image for, and with what probability; below what it is.",
                ),
            )
        )  # fmt: skip
    weights = model.coefs_[0].T
    strongest = np.argsort(-np.linalg.norm(model.coefs_[1], axis=1), kind="stable")
    parts.append(
        section(
            "weights",
            "The first layer",
            picture(
                plots.first_layer(weights[strongest], side),
                "Weights of hidden units as images",
                "The weights into the hidden units that speak loudest to the output layer. Red "
                "adds to a unit where there is ink, blue takes away. Pixels that are blank in all "
                "images keep their random first weights: the grain at the rim. In a large network "
                "that was trained for a short time the random start is most of what is seen.",
            ),
        )
    )
    return parts


def _settings(sweep):
    rows = []
    for outcome in ranked(sweep.outcomes):
        hidden, lr, momentum = outcome.setting
        cells = [str(outcome.rank), str(hidden), f"{lr:g}", f"{momentum:g}"]
        if outcome.failures:
            cells += ["–", "–", "–", "–", f"{outcome.mean('seconds'):.1f}"]
            cells.append(escape(f"failed: {'; '.join(dict.fromkeys(outcome.failures))}"))
        else:
            cells += [
                f"{100 * outcome.mean('val_accuracy'):.2f} ± "
                f"{100 * outcome.std('val_accuracy'):.2f}",
                f"{100 * outcome.mean('train_accuracy'):.2f}",
                in_short(outcome.mean("val_loss")),
                in_short(outcome.mean("train_loss")),
                f"{outcome.mean('seconds'):.1f}",
                "ok",
            ]
        rows.append((cells, "failed" if outcome.failures else ""))
    heads = (
        "Rank", "Hidden units", "Learning rate", "Momentum", "Validation accuracy, %",
        "Training accuracy, %", "Validation loss", "Training loss", "Seconds per fit", "Status",
    )  # fmt: skip
    return section("settings", "All settings", table(heads, rows))


def _machine():
    return (
        f"fastmlp {__version__}, Python {platform.python_version()}, NumPy {np.__version__}, "
        f"{platform.system()} on {cpu()[0]} with {os.cpu_count()} cores. "
        f"Written {time.strftime('%Y-%m-%d %H:%M')}."
    )

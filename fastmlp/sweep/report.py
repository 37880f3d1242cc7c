"""The page that shows a sweep: what came out, what the parameters did, what the best network does."""

import os
import platform
import time
from collections import Counter
from dataclasses import dataclass
from html import escape

import numpy as np

from .. import __version__, plots
from ..datasets.samples import Samples
from ..kernels.code_cache import cpu
from ..plots.numbers import in_percent, loss, percent, times
from ..plots.style import TITLES
from .best_network import show_network
from .effects import CONSISTENT, NOT_SEEN, TOO_SHORT, TREND, effects
from .grid import Plan
from .page import code, page, paragraph, picture, section, sortable, table, tiles
from .progress import duration
from .results import SCORES, Outcome, ranked
from .statistics import Comparison, at_the_edge, compare, inflation, margin
from .words import edge_in_words, trained_on, verdict_on_ties


def _title(name):
    """A parameter's name at the beginning of a line."""
    return TITLES[name].capitalize()


@dataclass(frozen=True)
class Sweep:
    """A finished sweep: `model` and `test` are of the best setting, None if every setting failed."""

    data: Samples
    plan: Plan
    outcomes: list[Outcome]
    model: object = None
    test: dict | None = None
    command: str = ""

    @property
    def compared(self) -> Comparison | None:
        """The settings held against the best."""
        return compare(ranked(self.outcomes))


def report(sweep: Sweep) -> str:
    """The page, as HTML."""
    title = f"Sweep over {sweep.data.name}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="muted">{escape(_summary(sweep))}</p>',
        tiles(_facts(sweep)),
    ]
    compared = sweep.compared
    if compared is None:
        parts.append(
            section("failed", "Every setting failed",
                    paragraph(f"The first reason: {sweep.outcomes[0].failures[0]}"))
        )  # fmt: skip
    else:
        winner = compared.best
        parts += [
            _best(sweep, compared), _effects(sweep), _parameters(sweep), _pairs(sweep),
            _curves(sweep, winner), _overfitting(sweep, winner),
        ]  # fmt: skip
    if sweep.model is not None:
        parts += show_network(sweep.model, sweep.data)
    parts += [_settings(sweep, compared), _again(sweep), f"<footer>{escape(_machine())}</footer>"]
    return page(title, parts)


def _summary(sweep):
    plan, data = sweep.plan, sweep.data
    return (
        f"{len(sweep.outcomes)} settings, each trained {plan.folds} times for {plan.epochs} "
        f"epoch{'s' * (plan.epochs > 1)} in batches of {plan.batch_size} (RMSprop, "
        f"{plan.folds}-fold stratified cross-validation of {len(data.X):,} {data.what} to train on, seed {plan.seed})."
    )


def _facts(sweep):
    folds = [fold for outcome in sweep.outcomes for fold in outcome.folds]
    n_failed = sum(len(outcome.failures) for outcome in sweep.outcomes)
    compared = sweep.compared
    if compared is not None:
        yield _fact("Best setting", compared.best)
        if compared.simplest is not compared.best:
            fewer = compared.best.n_weights / compared.simplest.n_weights
            yield _fact(
                "Simplest within one standard error", compared.simplest,
                f"; {times(fewer)} times fewer weights",
            )  # fmt: skip
    if sweep.model is not None:
        yield (
            "Test accuracy of the best",
            percent(sweep.test["val_accuracy"]),
            f"loss {loss(sweep.test['val_loss'])}, {len(sweep.data.X_test):,} {sweep.data.what}; "
            f"{trained_on(sweep.data)}",
        )
    yield "Fits", f"{len(folds)}", f"{n_failed} failed" if n_failed else "none failed"
    yield "Time of all fits", duration(sum(fold["seconds"] for fold in folds)), "added up"


def _fact(name, outcome, more=""):
    scores = outcome.scores("val_accuracy")
    return (
        name,
        f"{outcome.setting.hidden} units",
        f"{outcome.setting.apart_from_units}; validation accuracy "
        f"{percent(float(scores.mean()))} ± {100 * margin(scores):.2f}{more}",
    )


def _best(sweep, compared):
    """How far the best is the best."""
    parts = [paragraph(verdict_on_ties(compared), "note")]
    parts += [
        paragraph(edge_in_words(name, which, compared.best.setting), "note")
        for name, which in at_the_edge(sweep.plan.grid, compared.best.setting)
    ]
    n = sweep.plan.folds
    parts.append(
        paragraph(
            f"± is half of a 95% interval around the mean of {n} folds. Folds are not independent, so the "
            "usual standard error is too small; this one is "
            f"{inflation(n):.2f} standard deviations of the folds (√(1/{n} + 1/{n - 1}), the correction "
            f"of Nadeau and Bengio), and the interval is Student's with {n - 1} "
            f"degree{'s' if n > 2 else ''} of freedom. The best of many "
            "settings owes part of its lead to luck: the test accuracy is the fair figure."
            + (" More folds make intervals narrower: try --folds 5." if n < 5 else ""),
            "muted",
        )
    )
    return section("best", "How sure the best is", *parts)


BADGES = {CONSISTENT: "yes", NOT_SEEN: "no", TOO_SHORT: "maybe"}


def _effects(sweep):
    rows = [
        (
            (
                _title(effect.parameter),
                f"<b>{escape(effect.claim)}</b><br>{escape(effect.figures)}",
                f'<span class="badge {BADGES[effect.verdict]}">{effect.verdict}</span>',
            ),
            "",
        )
        for effect in effects(sweep.outcomes)
    ]
    if not rows:
        return section(
            "effects", "What the parameters did", paragraph("There is nothing to compare.")
        )
    remark = (
        "What is commonly said, held against this run. Settings that differ in nothing but the "
        "parameter are compared in pairs. “Consistent with” means that the mean difference has the "
        "sign of the claim, is larger than its ± (half of a 95% interval that allows for folds which "
        "share samples), and that most pairs agree. “Not seen” is no proof that a claim is wrong. Claims "
        f"about the end of a training are “too short to tell” below {TREND} epochs, overfitting also "
        "while the validation loss still falls, being stuck also while the training loss does."
    )
    heads = ("Parameter", "Claim, and this run's figures", "This run is")
    return section("effects", "What the parameters did", paragraph(remark), table(heads, rows))


def _parameters(sweep):
    return section(
        "parameters",
        "Accuracy over each parameter",
        picture(
            plots.over_parameters(sweep.outcomes),
            "Validation accuracy over each parameter",
            "A dot is a fit: at each value there are all values of the other parameters and "
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
            "Validation accuracy in percent, mean over the folds. Above the mean over the other "
            "parameters, below the best value of them. Failed settings are left out and counted.",
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
    setting = winner.setting
    return section(
        "overfitting",
        "Training against validation",
        picture(
            plots.over_hidden(sweep.outcomes, setting),
            "Training and validation accuracy and loss, and seconds, over hidden units",
            f"At the best of the other parameters ({setting.apart_from_units}): the trained network "
            "judged by its training samples and by its validation samples, bands from the least "
            "fold to the greatest. Thin lines: the seconds of the other settings. Seconds are those "
            "of the clock, with whatever else ran at the time.",
        ),
    )


def _settings(sweep, compared):
    tied = [] if compared is None else compared.ties
    varied = sweep.plan.varied
    rows = []
    for outcome in ranked(sweep.outcomes):
        setting = outcome.setting
        cells = [
            (str(outcome.rank), outcome.rank), (str(setting.hidden), sum(setting.hidden)),
        ]  # fmt: skip
        for name in ("lr", "momentum", *varied):
            value = getattr(setting, name)
            cells.append((value if isinstance(value, str) else f"{value:g}", value))
        seconds = outcome.mean("seconds")
        if outcome.failures:
            cells += [("–", None)] * 5 + [(f"{seconds:.1f}", seconds)]
            cells.append(("failed", "failed"))
        else:
            scores = {name: outcome.mean(name) for name in SCORES}
            cells += [
                (in_percent(scores["val_accuracy"]), scores["val_accuracy"]),
                (f"{100 * (spread := margin(outcome.scores('val_accuracy'))):.2f}", spread),
                (in_percent(scores["train_accuracy"]), scores["train_accuracy"]),
                (loss(scores["val_loss"]), scores["val_loss"]),
                (loss(scores["train_loss"]), scores["train_loss"]),
                (f"{seconds:.1f}", seconds),
            ]
            status = "tied with the best" if outcome in tied else "ok"
            status = "the best" if compared.best is outcome else status
            cells.append((status, status))
        rows.append((cells, "failed" if outcome.failures else ""))
    heads = (
        "Rank", *map(_title, ("hidden", "lr", "momentum", *varied)), "Validation accuracy, %", "±",
        "Training accuracy, %", "Validation loss", "Training loss", "Seconds per fit", "Status",
    )  # fmt: skip
    reasons = Counter(
        reason for outcome in sweep.outcomes for reason in dict.fromkeys(outcome.failures)
    )
    why = [
        paragraph(f"Failed ({n} setting{'s' if n > 1 else ''}): {reason}")
        for reason, n in reasons.items()
    ]
    remark = paragraph("A click on a title sorts the table by it.", "muted")
    return section("settings", "All settings", *why, remark, sortable(heads, rows))


def _again(sweep):
    said = "The command, with every option. Run again in the same place it reuses what is finished."
    return section("again", "This run again", paragraph(said), code(sweep.command))


def _machine():
    return (
        f"fastmlp {__version__}, Python {platform.python_version()}, NumPy {np.__version__}, "
        f"{platform.system()} on {cpu()[0]} with {os.cpu_count()} cores. "
        f"Written {time.strftime('%Y-%m-%d %H:%M')}."
    )

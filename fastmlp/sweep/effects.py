"""What is known of each parameter, held against this sweep's own figures.

A known effect is a comparison of two values of a parameter, all else equal: fits of the same fold
that differ in nothing but this parameter are paired. An effect is called shown where the mean
difference of the pairs has the expected sign and is more than twice its standard error.
"""

import math
from dataclasses import dataclass

import numpy as np

SHOWN, OPPOSITE, UNCLEAR = "shown", "the opposite", "not clear"


@dataclass(frozen=True)
class Contrast:
    """The means of a measure at two values of a parameter, over the pairs that have both."""

    low: float
    high: float
    difference: float  # high - low
    error: float  # its standard error
    n_pairs: int
    n_failed_low: int
    n_failed_high: int

    def verdict(self, sign: int) -> str:
        """Whether the measure grows (sign 1) or falls (-1) from the low value to the high one."""
        if not self.n_pairs or not abs(self.difference) > 2 * self.error:  # NaN is unclear, too
            return UNCLEAR
        return SHOWN if self.difference * sign > 0 else OPPOSITE


def contrast(outcomes, parameter: str, low, high, measure, where=lambda setting: True) -> Contrast:
    """Compare two values of a parameter by ``measure(fold)``, in the settings that are asked for."""
    chosen = {outcome.setting: outcome for outcome in outcomes if where(outcome.setting)}
    pairs, failed = [], [0, 0]
    for setting, one in chosen.items():
        if getattr(setting, parameter) != low:
            continue
        other = chosen[setting._replace(**{parameter: high})]
        for folds in zip(one.folds, other.folds, strict=True):
            for side, fold in enumerate(folds):
                failed[side] += fold["status"] != "ok"
            if all(fold["status"] == "ok" for fold in folds):
                pairs.append([measure(fold) for fold in folds])
    pairs = np.array(pairs).reshape(-1, 2)
    pairs = pairs[np.isfinite(pairs).all(axis=1)]
    n = len(pairs)
    differences = pairs[:, 1] - pairs[:, 0]
    means = pairs.mean(axis=0) if n else (math.nan, math.nan)
    return Contrast(
        low=float(means[0]),
        high=float(means[1]),
        difference=float(differences.mean()) if n else math.nan,
        error=float(differences.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan,
        n_pairs=n,
        n_failed_low=failed[0],
        n_failed_high=failed[1],
    )


# --- what is measured of a fold's result ------------------------------------------------------


def gap(fold) -> float:
    """How much better the network does on what it was trained on."""
    return fold["train_accuracy"] - fold["val_accuracy"]


def first_epoch(fold) -> float:
    """Validation accuracy after one epoch."""
    return fold["history"]["val_accuracy"][0]


def last_gain(fold) -> float:
    """What the last epoch still brought, in validation accuracy."""
    curve = fold["history"]["val_accuracy"]
    return curve[-1] - curve[-2] if len(curve) > 1 else math.nan


def setbacks(fold) -> float:
    """Share of the epochs after which the training loss was higher than before."""
    steps = np.diff(fold["history"]["loss"])
    return float(np.mean(steps > 0)) if len(steps) else math.nan


def of(name):
    """A score by its name."""
    return lambda fold: fold[name]


# --- the effects ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Effect:
    """A known effect, this run's figures about it, and what they say."""

    parameter: str
    claim: str
    figures: str
    verdict: str


def effects(outcomes) -> list[Effect]:
    """All effects that the grid has two values for."""
    found = []
    for name, judge in (("hidden", _hidden), ("lr", _learning_rate), ("momentum", _momentum)):
        values = sorted({getattr(outcome.setting, name) for outcome in outcomes})
        if len(values) > 1:
            found += judge(outcomes, values)
    return found


NO_PAIRS = "No two fits that finished can be compared."
HIDDEN_CLAIMS = tuple(
    f"More hidden units: {effect}"
    for effect in ("more capacity", "more overfitting", "longer training")
)


def _hidden(outcomes, values):
    low, high = values[0], values[-1]

    def compare(measure):
        return contrast(outcomes, "hidden", low, high, measure)

    ends = f"From {low} to {high} units"
    capacity, gaps, seconds = (
        compare(measure) for measure in (of("train_accuracy"), gap, of("seconds"))
    )
    losses, validation = compare(of("train_loss")), compare(of("val_accuracy"))
    if not capacity.n_pairs:
        return [Effect("hidden", claim, NO_PAIRS, UNCLEAR) for claim in HIDDEN_CLAIMS]
    return [
        Effect(
            "hidden",
            HIDDEN_CLAIMS[0],
            f"{ends} the accuracy on the training samples goes from {_percent(capacity.low)} to "
            f"{_percent(capacity.high)}, their loss from {in_short(losses.low)} to "
            f"{in_short(losses.high)}{_over(capacity)}.",
            capacity.verdict(+1),
        ),
        Effect(
            "hidden",
            HIDDEN_CLAIMS[1],
            f"{ends} the accuracy on training samples is ahead of the one on validation samples by "
            f"{_points(gaps.low)} and by {_points(gaps.high)}; the latter goes from "
            f"{_percent(validation.low)} to {_percent(validation.high)}.",
            gaps.verdict(+1),
        ),
        Effect(
            "hidden",
            HIDDEN_CLAIMS[2],
            f"{ends} a fit goes from {seconds.low:.2g} s to {seconds.high:.2g} s: "
            f"{seconds.high / seconds.low:.1f} times as long for {high / low:g} times the units.",
            seconds.verdict(+1),
        ),
    ]


def _learning_rate(outcomes, values):
    smallest, next_one, last_but_one, largest = values[0], values[1], values[-2], values[-1]
    faster = contrast(outcomes, "lr", smallest, next_one, first_epoch)
    slower = contrast(outcomes, "lr", smallest, next_one, of("val_accuracy"))
    gain = contrast(outcomes, "lr", smallest, next_one, last_gain)
    overshoot = contrast(outcomes, "lr", last_but_one, largest, setbacks)
    worse = contrast(outcomes, "lr", last_but_one, largest, of("val_accuracy"))
    still = ""
    if gain.n_pairs:
        still = (
            f" The last epoch still brought {_points(gain.low)} at {smallest:g} and "
            f"{_points(gain.high)} at {next_one:g}."
        )
    return [
        Effect(
            "lr",
            "A larger learning rate: faster",
            f"After one epoch the validation accuracy is {_percent(faster.low)} at {smallest:g} "
            f"and {_percent(faster.high)} at {next_one:g}{_over(faster)}."
            if faster.n_pairs
            else NO_PAIRS,
            faster.verdict(+1),
        ),
        Effect(
            "lr",
            "A larger learning rate: may overshoot",
            _instability(overshoot, worse, last_but_one, largest),
            _unstable(overshoot, worse),
        ),
        Effect(
            "lr",
            "A smaller learning rate: slower, may get stuck",
            f"The validation accuracy ends at {_percent(slower.low)} at {smallest:g} and at "
            f"{_percent(slower.high)} at {next_one:g}{_over(slower)}.{still}"
            if slower.n_pairs
            else NO_PAIRS,
            slower.verdict(+1),
        ),
    ]


def _momentum(outcomes, values):
    low, high = values[0], values[-1]
    rates = sorted({outcome.setting.lr for outcome in outcomes})
    faster = contrast(
        outcomes, "momentum", low, high, first_epoch, lambda setting: setting.lr == rates[0]
    )
    end = {"where": lambda setting: setting.lr == rates[-1]}
    unstable = contrast(outcomes, "momentum", low, high, setbacks, **end)
    worse = contrast(outcomes, "momentum", low, high, of("val_accuracy"), **end)
    return [
        Effect(
            "momentum",
            "Momentum: faster",
            f"At learning rate {rates[0]:g} the validation accuracy after one epoch is "
            f"{_percent(faster.low)} with momentum {low:g} and {_percent(faster.high)} with "
            f"{high:g}{_over(faster)}."
            if faster.n_pairs
            else NO_PAIRS,
            faster.verdict(+1),
        ),
        Effect(
            "momentum",
            "Momentum: unstable when too high",
            f"This is at learning rate {rates[-1]:g}. {_instability(unstable, worse, low, high)}",
            _unstable(unstable, worse),
        ),
    ]


def _unstable(rising: Contrast, accuracy: Contrast) -> str:
    """By the signs of it: more failures; else a loss that rises more often, and a worse end."""
    if rising.n_failed_high > rising.n_failed_low:
        return SHOWN
    verdicts = {rising.verdict(+1), accuracy.verdict(-1)}
    if verdicts >= {SHOWN, OPPOSITE}:
        return UNCLEAR  # the signs contradict each other
    return next(v for v in (SHOWN, OPPOSITE, UNCLEAR) if v in verdicts)


def _instability(rising: Contrast, accuracy: Contrast, low, high) -> str:
    """The figures behind `_unstable`, as far as there are any."""
    said = []
    if rising.n_pairs:
        said.append(
            f"The training loss rose from one epoch to the next in {rising.low:.0%} of the epochs "
            f"at {low:g} and in {rising.high:.0%} at {high:g}."
        )
    if accuracy.n_pairs:
        said.append(
            f"The validation accuracy ends at {_percent(accuracy.low)} at {low:g} and at "
            f"{_percent(accuracy.high)} at {high:g}{_over(accuracy)}."
        )
    failed = rising.n_failed_low, rising.n_failed_high
    if any(failed):
        said.append(f"Fits that failed: {failed[0]} at {low:g}, {failed[1]} at {high:g}.")
    return " ".join(said if accuracy.n_pairs else [NO_PAIRS, *said])


def _over(compared) -> str:
    return f" (means of {compared.n_pairs} pairs of fits)"


def in_short(loss: float) -> str:
    """A loss in four decimals; those of networks that ran wild in powers of ten."""
    return f"{loss:.4f}" if loss < 1000 else f"{loss:.1e}"


def _percent(value) -> str:
    return f"{100 * value:.2f}%"


def _points(value) -> str:
    return f"{100 * value:.2f} points"

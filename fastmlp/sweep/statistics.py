"""What a sweep's figures can tell: intervals for folds that share samples, and differences from the best.

The folds of a cross-validation share training samples, and one's test samples train another, so their scores are not
independent, and the usual standard error of their mean is too small. C. Nadeau and Y. Bengio,
*Inference for the generalization error*, Machine Learning 52 (2003), correct its variance from
``s² / k`` to ``s² (1 / k + n_test / n_train)``; in a cross-validation of k folds the latter is 1 / (k - 1).
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2, t

LEVEL = 0.95  # of all intervals


def inflation(n_folds: int) -> float:
    """Standard error of a mean over folds, for one unit of their standard deviation."""
    return math.sqrt(1 / n_folds + 1 / (n_folds - 1))


def margin(folds) -> float:
    """Half the width of the interval around the mean of some folds' scores."""
    n_folds = len(folds)
    if n_folds < 2:
        return math.nan
    quantile = t.ppf((1 + LEVEL) / 2, n_folds - 1)
    return float(quantile * inflation(n_folds) * np.std(folds, ddof=1))


@dataclass(frozen=True)
class Contrast:
    """The means of a measure at two values of a parameter, over all settings that have both.

    Attributes
    ----------
    low, high : float
        The means.
    difference, margin : float
        ``high - low``, and half the width of its interval: each fold's difference is averaged over
        the settings, and the interval is that of the corrected test over the folds.
    n_settings : int
        Pairs of settings that differ in nothing but the parameter and finished in every fold.
    n_up, n_down : int
        How many of them have a higher, and a lower, mean at the high value.
    n_failed_low, n_failed_high : int
        Fits that failed.
    """

    low: float
    high: float
    difference: float
    margin: float
    n_settings: int
    n_up: int
    n_down: int
    n_failed_low: int
    n_failed_high: int

    def shows(self, sign: int) -> bool:
        """Whether the measure grows (1) or falls (-1): beyond its margin, and in most settings."""
        agree, differ = (self.n_up, self.n_down) if sign > 0 else (self.n_down, self.n_up)
        # Without any pair the difference is NaN, and shows nothing.
        return sign * self.difference > self.margin and agree > differ


def contrast(outcomes, parameter: str, low, high, measure, where=lambda setting: True) -> Contrast:
    """Compare two values of a parameter by ``measure(fold)``, in the settings that are asked for."""
    chosen = {outcome.setting: outcome for outcome in outcomes if where(outcome.setting)}
    pairs, failed = [], [0, 0]
    for setting, one in chosen.items():
        if getattr(setting, parameter) != low:
            continue
        both = one, chosen[setting._replace(**{parameter: high})]
        for side, outcome in enumerate(both):
            failed[side] += len(outcome.failures)
        if not any(outcome.failures for outcome in both):
            measured = [[measure(fold) for fold in outcome.folds] for outcome in both]
            if np.isfinite(measured).all():
                pairs.append(measured)
    if not pairs:
        return Contrast(*[math.nan] * 4, 0, 0, 0, *failed)
    pairs = np.array(pairs, float)  # settings × (low, high) × folds
    differences = pairs[:, 1] - pairs[:, 0]
    by_setting = differences.mean(axis=1)
    by_fold = differences.mean(axis=0)
    return Contrast(
        low=float(pairs[:, 0].mean()),
        high=float(pairs[:, 1].mean()),
        difference=float(by_fold.mean()),
        margin=margin(by_fold),
        n_settings=len(pairs),
        n_up=int((by_setting > 0).sum()),
        n_down=int((by_setting < 0).sum()),
        n_failed_low=failed[0],
        n_failed_high=failed[1],
    )


@dataclass(frozen=True)
class Comparison:
    """All settings that finished, held against the best of them.

    Attributes
    ----------
    best : Outcome
    error : float
        Standard error of a setting's difference from the best, typical of this sweep; NaN where
        there is nothing to compare.
    least : float
        A smaller difference cannot be told from none.
    ties : list of Outcome
        The other settings that are not told from the best, in the order of their ranks.
    simplest : Outcome
        The one with the fewest weights within one standard error of the best; the best itself if
        there is no simpler one.
    """

    best: object
    error: float
    least: float
    ties: list
    simplest: object


def compare(ranked) -> Comparison | None:
    """Hold settings against the best; None if every one failed.

    One error serves all of them, so that a setting that is wild in one fold is not taken for a tie: the
    variance over the folds of a setting's difference from the best, at its median over the settings.

    Parameters
    ----------
    ranked : list of Outcome
        The best first.
    """
    finished = [outcome for outcome in ranked if not outcome.failures]
    if not finished:
        return None
    best, *others = finished
    if not others:
        return Comparison(best, math.nan, math.nan, [], best)
    scores = best.scores("val_accuracy")
    differences = np.array([scores - outcome.scores("val_accuracy") for outcome in others])
    n_folds = differences.shape[1]
    degrees = n_folds - 1
    # The median of variances of few folds lies below their mean.
    variance = np.median(differences.var(axis=1, ddof=1)) * degrees / chi2.median(degrees)
    error = math.sqrt(variance) * inflation(n_folds)
    least = error * float(t.ppf((1 + LEVEL) / 2, degrees * len(others)))
    means = differences.mean(axis=1)
    tiny = 1e-12  # rounding of the means
    ties = [other for other, mean in zip(others, means, strict=True) if mean <= least + tiny]
    near = [other for other, mean in zip(others, means, strict=True) if mean <= error + tiny]
    simplest = min([best, *near], key=lambda outcome: outcome.n_weights)  # the better among equals
    return Comparison(best, error, least, ties, simplest)


def at_the_edge(grid: dict, setting) -> list[tuple[str, str]]:
    """Parameters whose best value is the smallest or the largest that was tried, and which it is.

    Of all but units and learning rate, 0 has nothing below it, and 1 nothing above. Schedules have no order.
    """
    found = []
    for name, values in grid.items():
        value = getattr(setting, name)
        if isinstance(value, str):
            continue
        ends = {"smallest": values[0], "largest": values[-1]}
        if name not in ("hidden", "lr"):
            ends = {which: end for which, end in ends.items() if end not in (0, 1)}
        found += [(name, which) for which, end in ends.items() if end == value and len(values) > 1]
    return found

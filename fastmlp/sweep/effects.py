"""What is commonly said of each parameter, held against this sweep's own figures.

Each claim has a rule of its own, and one of three verdicts. A claim about what a whole training ends at
is "too short to tell" in a sweep of few epochs, and where the rule says so. Else it is "consistent with"
the figures if they differ as the claim says, beyond the margin of the test and in most settings, and "not
seen" otherwise, which is no proof that it is wrong.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..plots.numbers import loss, percent, points, times
from .measures import (
    STALLED,
    first_epoch,
    log_of,
    of,
    overfitting,
    setbacks,
    stalled,
    still_falling,
)
from .statistics import Contrast, contrast

CONSISTENT, NOT_SEEN, TOO_SHORT = "consistent with", "not seen", "too short to tell"

TREND = 5  # epochs, the fewest from which the end of a training is judged
START = 2  # the fewest in which the first epoch is not the last
NO_PAIRS = "No two settings that finished can be compared."


@dataclass(frozen=True)
class Effect:
    """A claim, this run's figures about it, and the verdict."""

    parameter: str
    claim: str
    figures: str
    verdict: str


def effects(outcomes) -> list[Effect]:
    """All claims about parameters that have two values to compare, in settings that finished."""
    found = []
    for name, judge in JUDGES.items():
        values = sorted({getattr(outcome.setting, name) for outcome in outcomes})
        if len(values) > 1:
            found += [Effect(name, *judged) for judged in judge(outcomes, values)]
    return [effect for effect in found if effect.figures != NO_PAIRS]


# --- the claims -------------------------------------------------------------------------------


def _epochs(outcomes):
    """Of the longest fit."""
    lengths = (len(curve) for outcome in outcomes for curve in outcome.curves("loss"))
    return max(lengths, default=0)


def _verdict(outcomes, needed: int, compared: Contrast, sign: int) -> str:
    """The verdict by one contrast."""
    if _epochs(outcomes) < needed:
        return TOO_SHORT
    return CONSISTENT if compared.shows(sign) else NOT_SEEN


def _of_value(outcomes, parameter, value):
    return [o for o in outcomes if getattr(o.setting, parameter) == value and not o.failures]


def _hidden(outcomes, values):
    low, high = values[0], values[-1]
    ends = f"From {low} to {high} units"

    def compare(measure):
        return contrast(outcomes, "hidden", low, high, measure)

    capacity, rise, seconds, accuracy = map(
        compare, (log_of("train_loss"), overfitting, log_of("seconds"), of("val_accuracy"))
    )
    yield (
        "More hidden units fit the training samples more closely",
        _ratio(capacity, f"{ends} the loss on the training samples goes", loss),
        _verdict(outcomes, TREND, capacity, -1),
    )
    large = _of_value(outcomes, "hidden", high)
    n_falling = sum(map(still_falling, large))
    verdict = _verdict(outcomes, TREND, rise, +1)
    if verdict == NOT_SEEN and 2 * n_falling > len(large):
        verdict = TOO_SHORT
    said = NO_PAIRS
    if rise.n_settings:
        said = (
            f"The validation loss still fell in the last epoch in {_share(n_falling, large)} "
            f"with {high} units. From its least to the end it rose, while the training loss "
            f"fell, by {math.expm1(rise.low):.1%} with {low} units and by "
            f"{math.expm1(rise.high):.1%} with {high}, on average. The validation accuracy "
            f"{_from_to(accuracy)}."
        )
    yield "More hidden units overfit more", said, verdict
    yield (
        "More hidden units take longer",
        _ratio(seconds, f"{ends} the time of a fit goes", lambda value: f"{value:.2g} s"),
        _verdict(outcomes, 1, seconds, +1),
    )


def _share(n, outcomes):
    return f"{n} of {len(outcomes)} setting{'s' if len(outcomes) != 1 else ''}"


def _learning_rate(outcomes, values):
    smallest, next_one, last_but_one, largest = values[0], values[1], values[-2], values[-1]
    yield _faster(
        outcomes, "lr", smallest, next_one, "A larger learning rate learns faster at first"
    )
    yield from _unstable(outcomes, "lr", last_but_one, largest, "A larger learning rate")
    stuck = contrast(outcomes, "lr", smallest, next_one, log_of("train_loss"))
    verdict = _verdict(outcomes, TREND, stuck, -1)
    figures = _ratio(
        stuck, f"From learning rate {smallest:g} to {next_one:g} the final training loss goes", loss
    )
    if _epochs(outcomes) >= TREND and stuck.n_settings:
        small = _of_value(outcomes, "lr", smallest)
        n_stalled = sum(map(stalled, small))
        figures += (
            f" It had stopped falling (by less than {STALLED:.0%} in the last epoch) in "
            f"{_share(n_stalled, small)} with {smallest:g}."
        )
        # Worse so far, and still on its way: it is slow, and may or may not be stuck.
        if verdict == CONSISTENT and 2 * n_stalled <= len(small):
            verdict = TOO_SHORT
    yield "A smaller learning rate gets stuck", figures, verdict


def _momentum(outcomes, values):
    low, high = values[0], values[-1]
    rates = sorted({outcome.setting.lr for outcome in outcomes})
    yield _faster(
        outcomes, "momentum", low, high, "Momentum learns faster at first",
        lambda setting: setting.lr == rates[0], f"At learning rate {rates[0]:g}: ",
    )  # fmt: skip
    yield from _unstable(
        outcomes, "momentum", low, high, "High momentum",
        lambda setting: setting.lr == rates[-1], f"At learning rate {rates[-1]:g}: ",
    )  # fmt: skip


def _regulariser(name, who):
    """Return the judge of a parameter that is to help with new samples, at the price of the training samples."""

    def judge(outcomes, values):
        low, high = values[0], values[-1]
        rise = contrast(outcomes, name, low, high, overfitting)
        said = NO_PAIRS
        if rise.n_settings:
            said = (
                f"From its least to the end, while the training loss fell, the validation loss rose by "
                f"{math.expm1(rise.low):.1%} with {low:g} and by {math.expm1(rise.high):.1%} with {high:g}, "
                f"on average{_over(rise)}."
            )
        yield f"{who} holds back overfitting", said, _verdict(outcomes, TREND, rise, -1)
        yield _higher(outcomes, name, low, high, who)

    return judge


def _improver(name, who):
    """Return the judge of a parameter that changes what the loss or the network means: by accuracy alone."""

    def judge(outcomes, values):
        yield _higher(outcomes, name, values[0], values[-1], who)

    return judge


def _schedule(outcomes, values):
    for name in values:
        if name != "constant" and "constant" in values:
            yield _higher(outcomes, "schedule", "constant", name, f"The schedule {name}")


def _higher(outcomes, parameter, low, high, who):
    accuracy = contrast(outcomes, parameter, low, high, of("val_accuracy"))
    ends = f"From {low} to {high}" if isinstance(low, str) else f"From {low:g} to {high:g}"
    return (
        f"{who} ends at a higher accuracy",
        f"{ends} the final validation accuracy {_from_to(accuracy)}."
        if accuracy.n_settings
        else NO_PAIRS,
        _verdict(outcomes, TREND, accuracy, +1),
    )


def _everywhere(setting):
    return True


def _faster(outcomes, parameter, low, high, claim, where=_everywhere, place=""):
    compared = contrast(outcomes, parameter, low, high, first_epoch, where)
    said = f"{place}From {low:g} to {high:g} the validation accuracy after one epoch"
    figures = f"{said} {_from_to(compared)}." if compared.n_settings else NO_PAIRS
    return claim, figures, _verdict(outcomes, START, compared, +1)


def _unstable(outcomes, parameter, low, high, who, where=_everywhere, place=""):
    """The signs of a step that is too large, each a claim of its own."""

    def compare(measure):
        return contrast(outcomes, parameter, low, high, measure, where)

    rises, accuracy = compare(setbacks), compare(of("val_accuracy"))
    yield (
        f"{who} overshoots: the training loss rises between epochs",
        f"{place}After {rises.low:.0%} of the epochs with {low:g} and {rises.high:.0%} with {high:g}, a "
        f"difference of {points(rises.difference)} ± {100 * rises.margin:.2f}{_over(rises)}."
        if rises.n_settings
        else NO_PAIRS,
        _verdict(outcomes, TREND, rises, +1),
    )
    yield (
        f"{who} ends at a lower accuracy",
        f"{place}From {low:g} to {high:g} the final validation accuracy {_from_to(accuracy)}."
        if accuracy.n_settings
        else NO_PAIRS,
        _verdict(outcomes, TREND, accuracy, -1),
    )
    failed = accuracy.n_failed_low, accuracy.n_failed_high
    if any(failed):
        # A count, and nothing to be estimated: the same fits fail each time.
        yield (
            f"{who} makes fits fail",
            f"{place}{failed[0]} failed with {low:g}, {failed[1]} with {high:g}.",
            CONSISTENT if failed[1] > failed[0] else NOT_SEEN,
        )


JUDGES = {
    "hidden": _hidden,
    "lr": _learning_rate,
    "momentum": _momentum,
    "dropout": _regulariser("dropout", "Dropout"),
    "input_dropout": _regulariser("input_dropout", "Dropout of inputs"),
    "weight_decay": _regulariser("weight_decay", "Weight decay"),
    "label_smoothing": _improver("label_smoothing", "Label smoothing"),
    "average": _improver("average", "Averaging the weights"),
    "schedule": _schedule,
}


# --- figures in words -------------------------------------------------------------------------


def _from_to(compared: Contrast) -> str:
    """How an accuracy goes."""
    word = "rises" if compared.difference > 0 else "falls" if compared.difference < 0 else "stays"
    return (
        f"{word} from {percent(compared.low)} to {percent(compared.high)}, by "
        f"{points(abs(compared.difference))} ± {100 * compared.margin:.2f}{_over(compared)}"
    )


def _ratio(compared: Contrast, start: str, shown: Callable) -> str:
    """How something goes whose logarithm was compared."""
    if not compared.n_settings:
        return NO_PAIRS
    low, high = math.exp(compared.low), math.exp(compared.high)
    least, most = (
        math.exp(min(700.0, compared.difference + side * compared.margin)) for side in (-1, 1)
    )
    return (
        f"{start} from {shown(low)} to {shown(high)}: {times(high / low)} times as much "
        f"(between {times(least)} and {times(most)}; geometric means of {_pairs(compared)})."
    )


def _over(compared: Contrast) -> str:
    return f" ({_pairs(compared)})"


def _pairs(compared):
    plural = "s" if compared.n_settings > 1 else ""
    return (
        f"{compared.n_settings} pair{plural} of settings, {compared.n_up} up, "
        f"{compared.n_down} down"
    )

"""What a sweep says of its figures: each rule on made-up results where the truth is known, both ways."""

import math

import numpy as np
import pytest
from made_up import FAILED, FALLING, NOISE, fold, outcomes
from scipy.stats import t

from fastmlp.sweep.effects import (
    CONSISTENT,
    NO_PAIRS,
    NOT_SEEN,
    TOO_SHORT,
    effects,
)
from fastmlp.sweep.grid import Layers, Setting
from fastmlp.sweep.measures import of, overfitting, still_falling
from fastmlp.sweep.results import Outcome, ranked
from fastmlp.sweep.statistics import at_the_edge, compare, contrast, inflation, margin
from fastmlp.sweep.words import edge_in_words, verdict_on_ties

# --- intervals --------------------------------------------------------------------------------


def correlated(n_folds, n, mean=0.0, seed=0):
    """Scores of folds that share samples: their correlation is the share that is tested with, 1 / k."""
    covariance = np.full((n_folds, n_folds), 1 / n_folds)
    np.fill_diagonal(covariance, 1)
    return np.random.default_rng(seed).multivariate_normal(np.full(n_folds, mean), covariance, n)


@pytest.mark.slow
@pytest.mark.parametrize("n_folds", [2, 3, 5, 10])
def test_the_margin_covers_what_it_says(n_folds):
    scores = correlated(n_folds, 4000)
    misses = np.mean([abs(row.mean()) > margin(row) for row in scores])
    assert 0.04 < misses < 0.06
    usual = t.ppf(0.975, n_folds - 1) * scores.std(axis=1, ddof=1) / n_folds**0.5
    assert np.mean(np.abs(scores.mean(axis=1)) > usual) > 1.5 * misses  # folds taken as independent


def test_the_margin_is_that_of_nadeau_and_bengio():
    assert inflation(10) == pytest.approx(math.sqrt(0.1 + 1 / 9))
    assert margin([0.1, 0.2, 0.3]) == pytest.approx(4.302653 * math.sqrt(1 / 3 + 1 / 2) * 0.1)
    assert math.isnan(margin([0.1]))


# --- contrasts --------------------------------------------------------------------------------


def test_a_contrast_compares_pairs():
    found = outcomes(
        lambda s, noise: fold(0.8 + noise + (0.05 + noise if s.hidden == (128,) else 0)),
        hidden=(64, 128), lr=(0.1, 0.2),
    )  # fmt: skip
    ends = Layers((64,)), Layers((128,))
    compared = contrast(found, "hidden", *ends, of("val_accuracy"))
    assert (compared.n_settings, compared.n_up, compared.n_down) == (2, 2, 0)
    assert compared.difference == pytest.approx(0.05 + np.mean(NOISE))
    assert compared.margin == pytest.approx(margin(NOISE))
    assert compared.shows(+1)
    assert not compared.shows(-1)
    found[0].folds[1] = FAILED  # a setting that did not finish is compared with none
    compared = contrast(found, "hidden", *ends, of("val_accuracy"))
    assert (compared.n_settings, compared.n_failed_low, compared.n_failed_high) == (1, 1, 0)


def test_one_wild_setting_shows_nothing_of_the_others():
    def make(setting, noise):
        wild = 0.3 if setting.lr == 0.1 and setting.hidden == (128,) else 0
        return fold(0.5 + wild - 0.01 * (setting.hidden == (128,)) + noise)

    found = outcomes(make, hidden=(64, 128), lr=(0.1, 0.2, 0.3))
    compared = contrast(found, "hidden", Layers((64,)), Layers((128,)), of("val_accuracy"))
    assert compared.difference > compared.margin  # of the mean
    assert not compared.shows(+1)
    assert not compared.shows(-1)


@pytest.mark.slow
@pytest.mark.parametrize(("truth", "least", "most"), [(0.0, 0.0, 0.04), (2.0, 0.9, 1.0)])
def test_contrasts_show_what_is_there_and_little_else(truth, least, most):
    """Of 400 sweeps of 6 pairs of settings and 5 folds, whose noise is 1."""
    shown = 0
    for seed in range(400):
        noise = correlated(5, 12, seed=seed)
        found = [
            Outcome(Setting(Layers((h,)), rate, 0.0),
                    [fold(truth * (h == 8) + noise[k + 6 * (h == 8), j]) for j in range(5)])
            for k, rate in enumerate(range(1, 7)) for h in (4, 8)
        ]  # fmt: skip
        shown += contrast(found, "hidden", Layers((4,)), Layers((8,)), of("val_accuracy")).shows(+1)
    assert least <= shown / 400 <= most


# --- the best, and ties -----------------------------------------------------------------------


def settings_of(means, rng, noise=0.01, n_folds=3, hidden=None):
    """Outcomes of settings with these true means."""
    hidden = hidden or range(1, len(means) + 1)
    found = [
        Outcome(Setting(Layers((h,)), 0.1, 0.0),
                [fold(mean + noise * rng.standard_normal()) for _ in range(n_folds)], n_weights=h)
        for mean, h in zip(means, hidden, strict=True)
    ]  # fmt: skip
    order = np.argsort([-outcome.mean("val_accuracy") for outcome in found])
    for rank, k in enumerate(order, 1):
        found[k].rank = rank
    return ranked(found)


@pytest.mark.parametrize("n_folds", [2, 3, 5])
def test_equal_settings_are_ties_and_worse_ones_are_none(n_folds):
    rng = np.random.default_rng(0)
    tied = told = 0
    for _ in range(100):
        found = settings_of([0.9] * 6 + [0.8] * 6, rng, n_folds=n_folds)
        ties = compare(found).ties
        tied += sum(outcome.setting.hidden[0] <= 6 for outcome in ties)
        told += sum(outcome.setting.hidden[0] > 6 for outcome in ties)
    assert tied > 0.95 * 500
    assert told < 0.02 * 600


def test_a_setting_that_is_truly_better_ties_with_none():
    rng = np.random.default_rng(1)
    alone = [compare(settings_of([0.95] + [0.85] * 8, rng)) for _ in range(50)]
    assert sum(not compared.ties for compared in alone) >= 48
    assert "told from every other setting" in verdict_on_ties(alone[0])
    assert alone[0].simplest is alone[0].best


def test_a_setting_that_is_wild_in_one_fold_is_no_tie():
    found = settings_of([0.9] * 8, np.random.default_rng(2), noise=0.002)
    wild = found[-1]
    wild.folds[0] = fold(0.1)
    compared = compare(found)
    assert wild not in compared.ties
    assert compared.simplest is not wild
    assert len(compared.ties) == 6


def test_equal_scores_are_a_tie():
    found = outcomes(lambda s, noise: fold(0.9 + noise), hidden=(64, 128))
    compared = compare(ranked(found))
    assert compared.ties == [found[1]]
    assert compared.simplest is found[0]
    assert "A tie: 1 other setting cannot be told" in verdict_on_ties(compared)


@pytest.mark.parametrize(("behind", "simplest"), [(0.001, 8), (0.02, 512)])
def test_the_simplest_within_one_standard_error(behind, simplest):
    rng = np.random.default_rng(3)
    means = [0.9, 0.9 - behind, 0.7, 0.7]
    for _ in range(10):
        found = settings_of(
            means, rng, noise=0.001 if behind > 0.01 else 1e-2, hidden=(512, 8, 4, 2)
        )
        compared = compare(found)
        near = [o for o in found if compared.best.mean("val_accuracy") - o.mean("val_accuracy")
                <= compared.error]  # fmt: skip
        assert compared.simplest.n_weights == min(outcome.n_weights for outcome in near)
    if behind > 0.01:
        assert compared.simplest.setting.hidden == (simplest,)


def test_one_setting_has_nothing_to_compare_with():
    (alone,) = outcomes(lambda s, noise: fold(0.9 + noise))
    compared = compare([alone])
    assert compared.ties == []
    assert "no other setting" in verdict_on_ties(compared)
    assert compare(outcomes(lambda s, noise: FAILED)) is None


def test_a_best_value_at_the_edge_of_the_grid_is_said():
    grid = {
        "hidden": [Layers((8,)), Layers((16,)), Layers((16, 8))],
        "lr": [0.1],
        "momentum": [0.0, 0.9],
    }
    assert at_the_edge(grid, Setting(Layers((16, 8)), 0.1, 0.9)) == [
        ("hidden", "largest"), ("momentum", "largest"),
    ]  # fmt: skip
    assert at_the_edge(grid, Setting(Layers((8,)), 0.1, 0.0)) == [("hidden", "smallest")]
    assert at_the_edge(grid, Setting(Layers((16,)), 0.1, 0.0)) == []
    said = edge_in_words("hidden", "largest", Setting(Layers((16, 8)), 0.1, 0.9))
    assert said.startswith(
        "The best number of hidden units, 16-8, is the largest of the grid: a larger"
    )


def test_no_edge_below_0_and_none_among_schedules():
    grid = {"dropout": [0.0, 0.2, 0.5], "schedule": ["constant", "linear"]}
    setting = Setting(Layers((8,)), 0.1, 0.0, dropout=0.0, schedule="linear")
    assert at_the_edge(grid, setting) == []
    assert at_the_edge(grid, setting._replace(dropout=0.5)) == [("dropout", "largest")]
    said = edge_in_words("weight_decay", "smallest", setting._replace(weight_decay=0.01))
    assert said.startswith("The best weight decay, 0.01, is the smallest of the grid: a smaller")


def test_a_setting_in_words():
    setting = Setting(Layers((8, 4)), 0.1, 0.0)
    assert str(setting) == "8-4 units, learning rate 0.1, momentum 0"
    assert str(setting._replace(weight_decay=0.01, schedule="linear")) == (
        "8-4 units, learning rate 0.1, momentum 0, weight decay 0.01, schedule linear"
    )


# --- claims -----------------------------------------------------------------------------------

CAPACITY = "More hidden units fit the training samples more closely"
OVERFIT = "More hidden units overfit more"
TIME = "More hidden units take longer"
FASTER = "A larger learning rate learns faster at first"
OVERSHOOT = "A larger learning rate overshoots: the training loss rises between epochs"
LOWER = "A larger learning rate ends at a lower accuracy"
FAIL = "A larger learning rate makes fits fail"
STUCK = "A smaller learning rate gets stuck"
MOMENTUM_FASTER = "Momentum learns faster at first"
MOMENTUM_OVERSHOOT = "High momentum overshoots: the training loss rises between epochs"
MOMENTUM_LOWER = "High momentum ends at a lower accuracy"


def verdicts(found):
    said = effects(found)
    claims = {effect.claim: effect.verdict for effect in said}
    assert len(claims) == len(said)
    assert set(claims.values()) <= {CONSISTENT, NOT_SEEN, TOO_SHORT}
    assert not [effect.figures for effect in said if "nan" in effect.figures]
    return claims


def two(make, parameter, **others):
    """The verdicts on a parameter with two values, of which ``make(large, noise)`` makes fits."""
    values = {"hidden": (64, 128), "lr": (0.01, 0.1), "momentum": (0.0, 0.9)}[parameter]
    large = Layers((values[1],)) if parameter == "hidden" else values[1]
    return verdicts(
        outcomes(lambda s, noise: make(getattr(s, parameter) == large, noise),
                 **{parameter: values} | others)
    )  # fmt: skip


def falling_to(end, n=6):
    return np.geomspace(2.0, end, n).tolist()


@pytest.mark.parametrize(("end", "n", "verdict"), [
    (0.1, 6, CONSISTENT), (0.3, 6, NOT_SEEN), (0.2, 6, NOT_SEEN), (0.1, 5, CONSISTENT), (0.1, 4, TOO_SHORT),
])  # fmt: skip
def test_capacity(end, n, verdict):
    found = two(
        lambda large, noise: fold(0.9 + noise, losses=falling_to((end if large else 0.2) * (1 + noise), n)),
        "hidden",
    )  # fmt: skip
    assert found[CAPACITY] == verdict


RISING = (1.0, 0.5, 0.4, 0.5, 0.6, 0.7)
TURNED = (1.0, 0.5, 0.4, 0.41, 0.41, 0.42)


@pytest.mark.parametrize(("small", "large", "verdict"), [
    (TURNED, RISING, CONSISTENT),
    (RISING, TURNED, NOT_SEEN),
    (RISING, RISING, NOT_SEEN),
    (FALLING, RISING, CONSISTENT),
    (FALLING, FALLING, TOO_SHORT),  # whatever the gap between the two accuracies
    (RISING, FALLING, TOO_SHORT),
    (TURNED[:4], RISING[:4], TOO_SHORT),
])  # fmt: skip
def test_overfitting(small, large, verdict):
    def make(is_large, noise):
        curve = np.array(large if is_large else small)
        curve[-1] += noise
        return fold(0.9 + noise, ahead=0.09 if is_large else 0.01, validation=curve.tolist(),
                    losses=FALLING[: len(curve)])  # fmt: skip

    assert two(make, "hidden")[OVERFIT] == verdict


def test_a_validation_loss_that_rises_with_the_training_loss_is_no_overfitting():
    assert overfitting(fold(0.9, losses=RISING, validation=RISING)) == 0
    assert overfitting(fold(0.9, losses=FALLING, validation=FALLING)) == 0
    assert overfitting(fold(0.9, losses=FALLING, validation=RISING)) == pytest.approx(
        math.log(0.7 / 0.4)
    )


def test_still_falling():
    (falls,) = outcomes(lambda s, noise: fold(0.9, validation=FALLING))
    (rose,) = outcomes(lambda s, noise: fold(0.9, validation=TURNED))
    assert still_falling(falls)
    assert not still_falling(rose)


@pytest.mark.parametrize("name", ["dropout", "input_dropout", "weight_decay"])
@pytest.mark.parametrize(("small", "large", "verdict"), [
    (RISING, TURNED, CONSISTENT), (TURNED, RISING, NOT_SEEN), (RISING, RISING, NOT_SEEN),
    (RISING[:4], TURNED[:4], TOO_SHORT),
])  # fmt: skip
def test_regularisers_hold_back_overfitting(name, small, large, verdict):
    def make(setting, noise):
        curve = np.array(large if getattr(setting, name) else small)
        curve[-1] += noise
        losses = FALLING[: len(curve)]
        return fold(0.9 + noise, validation=curve.tolist(), losses=losses)

    found = verdicts(outcomes(make, **{name: (0.0, 0.1, 0.3)}))
    (claim,) = (claim for claim in found if claim.endswith("holds back overfitting"))
    assert found[claim] == verdict


@pytest.mark.parametrize(
    ("gain", "verdict"), [(0.05, CONSISTENT), (0.0, NOT_SEEN), (-0.05, NOT_SEEN)]
)
@pytest.mark.parametrize(("name", "values"), [
    ("dropout", (0.0, 0.3)), ("label_smoothing", (0.0, 0.1)), ("average", (0.0, 0.99)),
    ("schedule", ("constant", "linear")),
])  # fmt: skip
def test_a_higher_accuracy(name, values, gain, verdict):
    def make(setting, noise):
        better = getattr(setting, name) == values[1]
        return fold(0.8 + noise + better * (gain + noise), losses=FALLING)

    found = verdicts(outcomes(make, **{name: values}))
    (claim,) = (claim for claim in found if claim.endswith("ends at a higher accuracy"))
    assert found[claim] == verdict


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(2.0, CONSISTENT), (1.0, NOT_SEEN), (0.5, NOT_SEEN)]
)
def test_time_needs_one_epoch_only(seconds, verdict):
    found = two(
        lambda large, noise: fold(0.9, losses=(1.0,), seconds=(seconds if large else 1) * (1 + noise)),
        "hidden",
    )  # fmt: skip
    assert found[TIME] == verdict


@pytest.mark.parametrize(("first", "n", "verdict"), [
    (0.7, 2, CONSISTENT), (0.5, 2, NOT_SEEN), (0.3, 2, NOT_SEEN), (0.7, 1, TOO_SHORT),
])  # fmt: skip
@pytest.mark.parametrize(("parameter", "claim"), [("lr", FASTER), ("momentum", MOMENTUM_FASTER)])
def test_faster(first, n, verdict, parameter, claim):
    found = two(
        lambda large, noise: fold(0.9 + noise, first=(first if large else 0.5) + noise, losses=FALLING[:n]),
        parameter,
    )  # fmt: skip
    assert found[claim] == verdict


@pytest.mark.parametrize(
    ("parameter", "claim"), [("lr", OVERSHOOT), ("momentum", MOMENTUM_OVERSHOOT)]
)
@pytest.mark.parametrize(("small", "large", "verdict"), [
    (FALLING, (2.0, 1.0, 1.1, 0.9, 1.0, 0.8), CONSISTENT),
    (FALLING, FALLING, NOT_SEEN),
    ((2.0, 1.0, 1.1, 0.9, 1.0, 0.8), FALLING, NOT_SEEN),
    (FALLING[:4], (2.0, 1.0, 1.1, 0.9), TOO_SHORT),
])  # fmt: skip
def test_overshooting(parameter, claim, small, large, verdict):
    found = two(
        lambda is_large, noise: fold(0.9 + noise, losses=large if is_large else small), parameter
    )
    assert found[claim] == verdict


@pytest.mark.parametrize(("parameter", "claim"), [("lr", LOWER), ("momentum", MOMENTUM_LOWER)])
@pytest.mark.parametrize(("end", "n", "verdict"), [
    (0.8, 6, CONSISTENT), (0.9, 6, NOT_SEEN), (0.95, 6, NOT_SEEN), (0.8, 4, TOO_SHORT),
])  # fmt: skip
def test_a_lower_accuracy(parameter, claim, end, n, verdict):
    found = two(
        lambda large, noise: fold((end if large else 0.9) + noise * (1 + large), losses=FALLING[:n]),
        parameter,
    )  # fmt: skip
    assert found[claim] == verdict


def test_one_claim_does_not_lend_its_verdict_to_another():
    """A loss that rises more often, and yet a higher accuracy at the end."""
    found = two(
        lambda large, noise: fold(
            0.9 + 0.05 * large + noise, losses=(2, 1, 1.1, 0.9, 1, 0.8) if large else FALLING
        ),
        "lr",
    )
    assert (found[OVERSHOOT], found[LOWER]) == (CONSISTENT, NOT_SEEN)


@pytest.mark.parametrize(("small", "verdict"), [
    ((2.0, 1.0, 0.9, 0.9, 0.9, 0.899), CONSISTENT),  # worse, and at rest
    ((2.0, 1.8, 1.6, 1.4, 1.2, 1.0), TOO_SHORT),  # worse, and on its way
    (FALLING, NOT_SEEN),  # no worse
    ((2.0, 1.0, 0.9, 0.9), TOO_SHORT),
])  # fmt: skip
def test_stuck(small, verdict):
    def make(large, noise):
        losses = np.array(FALLING[: len(small)] if large else small)
        losses[-2:] *= 1 + noise
        return fold(0.9 + noise, losses=losses.tolist())

    assert two(make, "lr")[STUCK] == verdict


def test_fits_that_fail_are_counted():
    found = outcomes(lambda s, noise: FAILED if s.lr == 10 else fold(0.9 + noise), lr=(0.1, 10))
    assert verdicts(found)[FAIL] == CONSISTENT
    said = {effect.claim: effect.figures for effect in effects(found)}
    assert said[FAIL] == "0 failed with 0.1, 3 with 10."
    assert list(said) == [FAIL]  # there is nothing else to compare
    assert NO_PAIRS not in said.values()
    other = outcomes(lambda s, noise: FAILED if s.lr == 0.1 else fold(0.9 + noise), lr=(0.1, 10))
    assert verdicts(other)[FAIL] == NOT_SEEN
    assert FAIL not in verdicts(outcomes(lambda s, noise: fold(0.9 + noise), lr=(0.1, 10)))


def test_what_was_not_varied_is_not_judged():
    assert effects(outcomes(lambda s, noise: fold(0.9 + noise))) == []


def test_in_a_sweep_of_one_epoch_nothing_but_the_time_is_judged():
    found = outcomes(
        lambda s, noise: fold(0.9 + noise, losses=(2.0,), seconds=sum(s.hidden) + noise),
        hidden=(64, 128), lr=(0.1, 1), momentum=(0.0, 0.9),
    )  # fmt: skip
    judged = verdicts(found)
    assert judged.pop(TIME) == CONSISTENT
    assert set(judged.values()) == {TOO_SHORT}

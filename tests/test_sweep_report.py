"""The report of a sweep: what is on the page, and that its sentences say what the figures say."""

import base64
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from sklearn.datasets import load_digits

from fastmlp.cli import main
from fastmlp.cli import sweep as command
from fastmlp.plots import fold_curves, heat_maps, over_hidden, over_parameters
from fastmlp.plots.style import accuracy_ticks, stretched, unstretched
from fastmlp.sweep.effects import NO_PAIRS, OPPOSITE, SHOWN, UNCLEAR, contrast, effects, of
from fastmlp.sweep.grid import Setting
from fastmlp.sweep.results import Outcome

DIGITS = load_digits()
X, Y = (DIGITS.data / 16).astype(np.float32), DIGITS.target
SECTIONS = [
    "effects", "parameters", "pairs", "curves", "overfitting", "confusion", "mistakes", "weights",
    "settings",
]  # fmt: skip


class Page(HTMLParser):
    """The sections of a page, how many pictures each has, what is linked, and which tags are open."""

    VOID = ("meta", "img", "br", "link")

    def __init__(self, text):
        super().__init__()
        self.pictures, self.links, self.open, self.text = {}, [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.links += [attributes[name] for name in ("src", "href", "srcset") if name in attributes]
        if tag == "section":
            self.section = attributes["id"]
            self.pictures[self.section] = 0
        if tag == "img":
            self.pictures[self.section] += 1
            assert attributes["alt"]
        assert tag != "script"
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def run(folder, monkeypatch, *options):
    """Sweep over small digits, with a report; the exit status and the page."""
    monkeypatch.setattr(
        command, "load", lambda name: ((X[:300], Y[:300]), (X[300:500], Y[300:500]))
    )
    common = ["--folds", "2", "--epochs", "3", "--batch-size", "16", "--jobs", "1"]
    status = main.main(["sweep", "--output", str(folder), *common, *options])
    return status, (folder / "report.html").read_text(encoding="utf-8")


def test_report(tmp_path, monkeypatch):
    options = "--hidden 4 8 --lr 0.01 1e30 --momentum 0 0.9".split()
    status, text = run(tmp_path, monkeypatch, *options)
    assert status == 0
    page = Page(text)
    assert page.open == []
    assert page.pictures == dict.fromkeys(SECTIONS, 1) | {"effects": 0, "settings": 0}
    # All that is shown is in the page itself.
    for link in page.links:
        kind, _, data = link.partition(";base64,")
        assert kind == "data:image/svg+xml"
        picture = base64.b64decode(data).decode()
        assert picture.rstrip().endswith("</svg>")
        assert not re.search(r'(href|src)="(?!#|data:)', picture)
    assert "http" not in re.sub(r'src="[^"]*"', "", text)
    assert "url(" not in re.sub(r'src="[^"]*"', "", text)
    said = " ".join(page.text)
    assert "8 failed" in said  # of the 16 fits
    assert said.count("failed: Solver produced") == 4
    assert "Fits that failed: 0 at 0.01, 8 at 1e+30." in said
    assert "nan" not in said


def test_report_of_nothing_but_failures(tmp_path, monkeypatch):
    status, text = run(tmp_path, monkeypatch, *"--hidden 4 --lr 1e30 --momentum 0".split())
    assert status == 1
    page = Page(text)
    assert page.pictures == {"failed": 0, "settings": 0}
    assert "The first reason: Solver produced non-finite" in " ".join(page.text)


# --- the effects, with results that are made up -----------------------------------------------


def fold(accuracy, *, ahead=0.01, seconds=1.0, first=0.5, losses=(2.0, 1.0, 0.5)):
    """A fit's result."""
    return {
        "status": "ok", "seconds": seconds, "val_accuracy": accuracy, "val_loss": 0.4,
        "train_accuracy": accuracy + ahead, "train_loss": losses[-1],
        "history": {"loss": list(losses), "val_loss": list(losses), "accuracy": [first, accuracy],
                    "val_accuracy": [first, accuracy]},
    }  # fmt: skip


FAILED = {"status": "failed", "reason": "too wild", "seconds": 0.1, "history": {}}
NOISE = (-0.002, 0.0, 0.003)  # of three folds


def outcomes(make, hidden=(64,), lr=(0.001,), momentum=(0.0,)):
    """A grid's results: ``make(setting, noise)`` is one of a fold."""
    return [
        Outcome(setting, [make(setting, noise) for noise in NOISE])
        for setting in (Setting(h, r, m) for h in hidden for r in lr for m in momentum)
    ]


def verdicts(found):
    return {effect.claim: effect.verdict for effect in effects(found)}


def test_contrast_compares_pairs():
    found = outcomes(
        lambda s, noise: fold(0.8 + noise + (0.05 + noise if s.hidden == 128 else 0)),
        hidden=(64, 128),
    )
    compared = contrast(found, "hidden", 64, 128, of("val_accuracy"))
    assert compared.n_pairs == 3
    assert compared.difference == pytest.approx(0.05 + np.mean(NOISE))
    assert compared.error == pytest.approx(np.std(NOISE, ddof=1) / 3**0.5)
    assert compared.verdict(+1) == SHOWN
    assert compared.verdict(-1) == OPPOSITE
    found[0].folds[1] = FAILED
    compared = contrast(found, "hidden", 64, 128, of("val_accuracy"))
    assert (compared.n_pairs, compared.n_failed_low, compared.n_failed_high) == (2, 1, 0)


@pytest.mark.parametrize(("step", "verdict"), [(0.01, SHOWN), (-0.01, OPPOSITE), (0.0, UNCLEAR)])
def test_effects_of_hidden_units(step, verdict):
    def make(setting, noise):
        size = np.log2(setting.hidden / 64)
        return fold(0.9 + step * size + noise, ahead=0.01 + step * size + noise,
                    seconds=1 + step * size + noise)  # fmt: skip

    found = verdicts(outcomes(make, hidden=(64, 128, 256)))
    assert found == dict.fromkeys(found, verdict)
    assert len(found) == 3


def test_effects_of_rates_and_momentum():
    def make(setting, noise):
        wild = setting.lr == 0.1 and (0.5 if setting.momentum else 0.4) + noise
        return fold(0.9 - 0.1 * wild + 0.01 * (setting.lr > 0.001) + noise,
                    first=0.3 + (setting.lr > 0.001) * 0.1 + setting.momentum * 0.1 + noise,
                    losses=(2.0, 1.0, 1.5) if wild else (2.0, 1.0, 0.5))  # fmt: skip

    found = outcomes(make, lr=(0.001, 0.01, 0.1), momentum=(0.0, 0.9))
    assert verdicts(found) == {
        "A larger learning rate: faster": SHOWN,
        "A larger learning rate: may overshoot": SHOWN,
        "A smaller learning rate: slower, may get stuck": SHOWN,
        "Momentum: faster": SHOWN,
        "Momentum: unstable when too high": SHOWN,
    }
    overshoot = effects(found)[1].figures
    assert "in 0% of the epochs at 0.01 and in 50% at 0.1." in overshoot
    assert "(means of 6 pairs of fits)" in overshoot


def test_signs_that_contradict_each_other_show_nothing():
    def make(setting, noise):
        rises = setting.lr == 0.1
        return fold(0.9 + 0.05 * rises + noise, losses=(2.0, 1.0, 1.5 if rises else 0.5))

    overshoot = effects(outcomes(make, lr=(0.01, 0.1), momentum=(0.0, 0.5)))[1]
    assert "in 0% of the epochs at 0.01 and in 50% at 0.1." in overshoot.figures
    assert overshoot.verdict == UNCLEAR


def test_failures_are_an_instability_and_are_counted():
    found = outcomes(lambda s, noise: FAILED if s.lr == 10 else fold(0.9 + noise), lr=(0.1, 10))
    overshoot = effects(found)[1]
    assert overshoot.verdict == SHOWN
    assert overshoot.figures == f"{NO_PAIRS} Fits that failed: 0 at 0.1, 3 at 10."
    for effect in effects(found):
        assert "nan" not in effect.figures


def test_one_epoch_shows_no_rise():
    def make(setting, noise):
        result = fold(0.9 + noise, losses=(2.0,))
        result["history"]["val_accuracy"] = [0.9]
        return result

    for effect in effects(outcomes(make, hidden=(64, 128), lr=(0.1, 1), momentum=(0.0, 0.9))):
        assert "nan" not in effect.figures
        assert effect.verdict == UNCLEAR or "hidden" in effect.claim


# --- the pictures -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high"), [(0.1, 0.9), (0.0, 0.1), (0.95, 0.985), (0.9, 0.9999), (0.981, 0.9812)]
)
def test_ticks_of_accuracies_are_round_and_apart(low, high):
    bottom, top = stretched(np.array([low, high]))
    ticks = accuracy_ticks(bottom, top)
    assert 2 <= len(ticks) <= 12
    places = stretched(np.array(ticks))
    assert (np.diff(places) > (top - bottom) / 13).all()
    assert bottom - 1e-9 <= places[0]
    assert places[-1] <= top + 1e-9
    np.testing.assert_allclose(unstretched(places), ticks, atol=1e-12)


def test_every_value_has_a_tick_and_failures_are_counted_there():
    found = outcomes(
        lambda s, noise: FAILED if s.lr == 1e30 else fold(0.9 + noise),
        hidden=(100, 101, 2000), lr=(1e-4, 1e-2, 1e30),
    )  # fmt: skip
    units, rates, _ = over_parameters(found).axes
    assert [label.get_text() for label in units.get_xticklabels()] == [
        "100\n3 failed", "101\n3 failed", "2000\n3 failed",
    ]  # fmt: skip
    assert [label.get_text() for label in rates.get_xticklabels()] == [
        "0.0001\n", "0.01\n", "1e+30\n9 failed",
    ]  # fmt: skip
    assert rates.get_xlim() == (-0.4, 2.4)
    cells = [text.get_text() for text in heat_maps(found).axes[0].texts]
    assert cells.count("failed") == 3
    assert sum(re.fullmatch(r"90\.\d\d", cell) is not None for cell in cells) == 6


def test_a_failed_fit_has_no_seconds_in_the_picture():
    found = outcomes(
        lambda s, noise: FAILED if s[:2] == (128, 0.1) else fold(0.9 + noise, seconds=7.0),
        hidden=(64, 128), lr=(0.1, 0.01),
    )  # fmt: skip
    seconds = over_hidden(found, 0.01, 0.0).axes[2]
    drawn = np.concatenate([line.get_ydata() for line in seconds.get_lines()])
    assert set(drawn[np.isfinite(drawn)]) == {7.0}
    assert np.isnan(drawn).sum() == 1


def test_losses_that_span_powers_of_ten_have_ticks():
    found = outcomes(lambda s, noise: fold(0.9 + noise, losses=(1e16, 1e9, 1e8)))
    figure = fold_curves({"wild": found[0]}, n_epochs=3)
    figure.draw_without_rendering()
    loss = figure.axes[1]
    assert loss.get_yscale() == "log"
    low, high = loss.get_ylim()
    assert sum(low <= tick <= high for tick in loss.get_yticks()) >= 3
    assert all(axes.get_legend() is None for axes in figure.axes)  # none over the data

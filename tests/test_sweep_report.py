"""The report of a sweep: what is on the page, and that its sentences say what the figures say."""

import base64
import html
import re
import shlex
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest
from made_up import FAILED, fold, outcomes
from sklearn.datasets import load_digits

from fastmlp.cli import main
from fastmlp.cli import sweep as command
from fastmlp.datasets.samples import Samples
from fastmlp.plots import fold_curves, heat_maps, mistakes, over_hidden, over_parameters
from fastmlp.plots.numbers import percent
from fastmlp.plots.style import accuracy_ticks, stretched, unstretched
from fastmlp.sweep.grid import Fit, Layers, Plan, Setting
from fastmlp.sweep.page import page, sortable
from fastmlp.sweep.progress import BestSoFar
from fastmlp.sweep.report import Sweep, report
from fastmlp.sweep.words import trained_on

pytestmark = pytest.mark.slow

DIGITS = load_digits()
X, Y = (DIGITS.data / 16).astype(np.float32), DIGITS.target
SECTIONS = [
    "best", "effects", "parameters", "pairs", "curves", "overfitting", "confusion", "mistakes", "weights",
    "settings", "again",
]  # fmt: skip


class Page(HTMLParser):
    """The sections of a page, how many pictures each has, what is linked, and which tags are open."""

    VOID = ("meta", "img", "br", "link")

    def __init__(self, text):
        super().__init__()
        self.pictures, self.links, self.open, self.text, self.n_scripts = {}, [], [], [], 0
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
        self.n_scripts += tag == "script"
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] not in (["script"], ["style"]):
            self.text.append(data)


def run(folder, monkeypatch, *options):
    """Sweep over small digits, with a report; the exit status and the page."""
    data = Samples("digits", X[:300], Y[:300], X[300:500], Y[300:500], side=8)
    monkeypatch.setattr(command, "load", lambda options: data)
    common = ["--folds", "2", "--epochs", "3", "--batch-size", "16", "--jobs", "1"]
    status = main.main(["sweep", "--output", str(folder), *common, *options])
    return status, (folder / "report.html").read_text(encoding="utf-8")


def test_report(tmp_path, monkeypatch):
    options = "--hidden 4 8 --lr 0.01 1e30 --momentum 0 0.9".split()
    status, text = run(tmp_path, monkeypatch, *options)
    assert status == 0
    page = Page(text)
    assert page.open == []
    assert page.pictures == dict.fromkeys(SECTIONS, 1) | dict.fromkeys(
        ("best", "effects", "settings", "again"), 0
    )
    assert page.n_scripts == 1
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
    assert said.count("Solver produced") == 1
    assert "Failed (4 settings): Solver produced" in said
    assert "A larger learning rate makes fits fail 0 failed with 0.01, 8 with 1e+30." in said
    assert "nan" not in said
    assert "trained on all 300 training images" in said


def test_report_of_nothing_but_failures(tmp_path, monkeypatch):
    status, text = run(tmp_path, monkeypatch, *"--hidden 4 --lr 1e30 --momentum 0".split())
    assert status == 1
    page = Page(text)
    assert page.pictures == {"failed": 0, "settings": 0, "again": 0}
    assert "The first reason: Solver produced non-finite" in " ".join(page.text)


def test_report_of_a_grid_over_what_regularises(tmp_path, monkeypatch):
    options = "--hidden 8 --lr 0.01 --momentum 0 --dropout 0 0.2 0.5 --schedule constant one_cycle".split()
    status, text = run(tmp_path, monkeypatch, *options, "--label-smoothing", "0.1", "--epochs", "5")
    assert status == 0
    page = Page(text)
    assert page.open == []
    assert page.pictures["parameters"] == page.pictures["pairs"] == 1
    said = " ".join(page.text)
    assert "6 settings, each trained 2 times" in said
    for words in (
        "Dropout holds back overfitting", "Dropout ends at a higher accuracy",
        "The schedule one_cycle ends at a higher accuracy", "From constant to one_cycle the final",
    ):  # fmt: skip
        assert words in said
    table = text[text.index('id="settings"') :]
    heads = re.findall(r"<th[^>]*>(?:<[^>]*>)*([^<]+)", table)
    assert heads[:6] == ["Rank", "Hidden units", "Learning rate", "Momentum", "Dropout", "Schedule"]
    assert "label smoothing 0.1" in said
    command = html.unescape(re.search(r"<pre><code>(.*?)</code></pre>", text, re.DOTALL)[1])
    words = shlex.split(command.replace("\\\n", ""))
    at = words.index("--dropout")
    assert words[at : at + 4] == ["--dropout", "0", "0.2", "0.5"]
    at = words.index("--schedule")
    assert words[at : at + 3] == ["--schedule", "constant", "one_cycle"]


# --- what it says -----------------------------------------------------------------------------


def made_up_report(found, **changes):
    """The text of a page about made-up results."""
    grid = {name: tuple({getattr(o.setting, name) for o in found}) for name in Setting._fields}
    plan = Plan(*grid.values(), 3, 0, {"max_iter": 6, "batch_size": 128})
    data = Samples("digits", X[:300], Y[:300], X[300:500], Y[300:500], side=8, **changes)
    text = report(Sweep(data, plan, found, command="python -m fastmlp sweep --lr 0.1"))
    return " ".join(Page(text).text)


def test_ties_edges_and_the_interval_are_said():
    step = {64: 0.0, 128: 0.0005, 256: -0.05}
    found = outcomes(lambda s, noise: fold(0.9 + step[s.hidden[0]] + noise * (s.hidden[0] / 100)),
                     hidden=(64, 128, 256), lr=(0.1,))  # fmt: skip
    said = made_up_report(found)
    assert "A tie: 1 other setting cannot be told from the best" in said
    assert "Simplest within one standard error" in said
    assert "2.00 times fewer weights" in said
    assert "± is half of a 95% interval around the mean of 3 folds" in said
    assert "More folds make intervals narrower" in said
    assert "is the largest of the grid" not in said
    assert "tied with the best" in said
    found = outcomes(lambda s, noise: fold(s.hidden[0] / 300 + noise), hidden=(64, 128, 256))
    said = made_up_report(found)
    assert "The best number of hidden units, 256, is the largest of the grid" in said
    assert "A tie" not in said
    assert "tied with" not in said
    assert "Simplest within" not in said


def test_only_a_perfect_score_is_100_percent():
    found = outcomes(lambda s, noise: fold(0.99999, ahead=0.0), hidden=(64, 128))
    said = made_up_report(found)
    assert "100.00" not in said
    assert ">99.99" in said
    assert "100.00%" in made_up_report(outcomes(lambda s, noise: fold(1.0, ahead=0.0)))
    assert [percent(p, 0) for p in (0.9997, 0.994, 0.996, 1.0)] == [">99%", "99%", ">99%", "100%"]
    (title,) = [axes.get_title() for axes in mistakes(X[:1].reshape(1, 8, 8), [1], [2], [0.9997]).axes
                if axes.get_title()]  # fmt: skip
    assert title == "2 (>99%)"


def test_how_many_the_best_was_trained_on():
    data = Samples("digits", X[:300], Y[:300], X[300:500], Y[300:500], side=8)
    assert trained_on(data) == "trained on all 300 training images"
    some = Samples("digits", X[:300], Y[:300], X[300:500], Y[300:500], side=8, n_available=60000)
    assert trained_on(some) == "trained on 300 of the 60,000 training images"


def test_the_command_is_in_the_page_and_does_the_same_again(tmp_path, monkeypatch):
    options = "--hidden 4 8-4 --lr 0.01 --momentum 0 --seed 3 --samples 250".split()
    _, text = run(tmp_path / "one", monkeypatch, *options)
    command = html.unescape(re.search(r"<pre><code>(.*?)</code></pre>", text, re.DOTALL)[1])
    words = shlex.split(command.replace("\\\n", ""))
    assert words[:4] == ["python", "-m", "fastmlp", "sweep"]
    assert words[words.index("--hidden") + 1 :][:2] == ["4", "8-4"]
    assert words[words.index("--output") + 1] == str(tmp_path / "one")
    words[words.index("--output") + 1] = str(tmp_path / "two")
    assert main.main(words[3:]) == 0
    tables = [(tmp_path / name / "results.csv").read_text().splitlines() for name in ("one", "two")]
    seconds = tables[0][0].split(",").index("mean_fit_seconds")
    first, second = ([line.split(",") for line in table] for table in tables)
    assert first[0] == second[0]
    for one, other in zip(first, second, strict=True):
        assert one[:seconds] + one[seconds + 1 :] == other[:seconds] + other[seconds + 1 :]


def test_best_so_far_is_the_mean_of_complete_settings():
    best = BestSoFar(3)
    fits = [
        Fit(Setting(Layers((h,)), 0.1, 0.0), k, None, {}, 1.0, 1) for h in (4, 8) for k in range(3)
    ]
    for fit, accuracy in zip(fits[:2], (0.99, 0.9), strict=True):
        best.finished(fit, fold(accuracy))
    assert best.value is None  # no setting has all of its folds
    best.finished(fits[2], fold(0.9))
    assert best.value == pytest.approx(0.93)
    for fit in fits[3:]:
        best.finished(fit, fold(0.92))
    assert best.value == pytest.approx(0.93)
    assert BestSoFar(3, [(fit, fold(0.92)) for fit in fits[3:]]).value == pytest.approx(0.92)
    failing = BestSoFar(1)
    failing.finished(fits[0], FAILED)
    assert failing.value is None


BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


@pytest.mark.skipif(BROWSER is None, reason="no browser on this machine")
def test_tables_sort_in_a_browser(tmp_path):
    rows = [
        ([("a", "a"), ("9.5", 9.5)], ""),
        ([("c", "c"), ("10", 10)], ""),
        ([("b", "b"), ("–", None)], ""),
    ]
    click = (
        "<script>const heads = document.querySelectorAll('th button'), seen = [];"
        "const look = () => seen.push([...document.querySelectorAll('tbody tr')]"
        ".map(row => row.cells[0].textContent).join(''));"
        "for (const k of [1, 1, 0, 0]) { heads[k].click(); look(); }"
        "document.title = 'seen ' + seen.join(' ') + ' ' + heads[0].parentElement.ariaSort;</script>"
    )
    file = tmp_path / "page.html"
    file.write_text(
        page("sorts", [sortable(("name", "number"), rows)]).replace("</body>", f"{click}</body>")
    )
    shown = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile",
         "--dump-dom", file.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    # Numbers by their values, not as text; none at the end, whichever way round.
    assert "<title>seen acb cab abc cba descending</title>" in shown.stdout


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


def test_what_is_varied_is_drawn():
    found = outcomes(lambda s, noise: fold(0.9 + noise + s.dropout / 100), dropout=(0.0, 0.2, 0.5))
    panels = over_parameters(found).axes
    assert [axes.get_xlabel() for axes in panels] == ["hidden units", "dropout"]
    assert [label.get_text() for label in panels[1].get_xticklabels()] == ["0", "0.2", "0.5"]
    mean, best = (axes for axes in heat_maps(found).axes)
    assert [text.get_text() for text in best.texts] == [text.get_text() for text in mean.texts]
    assert len(mean.texts) == 3
    found = outcomes(
        lambda s, noise: fold(0.9 + noise), hidden=(4, 8), momentum=(0.0, 0.5), dropout=(0.0, 0.2),
        schedule=("constant", "linear"),
    )  # fmt: skip
    assert len(over_parameters(found).axes) == 4
    maps = heat_maps(found).axes
    assert len(maps) == 2 * 6
    pairs = {(axes.get_xlabel(), axes.get_ylabel()) for axes in maps}
    assert len(pairs) == 6
    assert ("dropout", "schedule") in pairs
    assert {axes.get_title() for axes in maps} == {"mean over the others", "best over the others"}
    for axes in maps:
        assert len(axes.texts) == 4
    bold = [line for line in over_hidden(found, found[-1].setting).axes[0].get_lines()
            if line.get_marker() == "o"]  # fmt: skip
    assert len(bold) == 2


def test_a_failed_fit_has_no_seconds_in_the_picture():
    found = outcomes(
        lambda s, noise: FAILED if s[:2] == ((128,), 0.1) else fold(0.9 + noise, seconds=7.0),
        hidden=(64, 128), lr=(0.1, 0.01),
    )  # fmt: skip
    seconds = over_hidden(found, Setting(Layers((64,)), 0.01, 0.0)).axes[2]
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

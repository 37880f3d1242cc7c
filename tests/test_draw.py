"""``python -m fastmlp draw``: a real browser draws, and computes what Python computes."""

import base64
import io
import re
import sys

import joblib
import numpy as np
import pytest
from activation_formulas import FORMULAS
from browser import Browser, find_browser
from numpy.testing import assert_allclose
from PIL import Image

from fastmlp import MLPClassifier
from fastmlp.cli import main
from fastmlp.cli.draw import describe, drawing_page
from fastmlp.datasets import digit_from_image, load_mnist
from fastmlp.kernels.abi import ACTIVATIONS

pytestmark = pytest.mark.slow

BROWSER = find_browser()
in_browser = pytest.mark.skipif(BROWSER is None, reason="there is no Chromium or Chrome")
# Strokes in the unit square that look like digits.
ANGLES = np.linspace(0, 2 * np.pi, 25)
CIRCLE = np.stack([np.sin(ANGLES), -np.cos(ANGLES)], axis=1)
DIGITS = {
    "0": [CIRCLE * (0.18, 0.3) + (0.5, 0.5)],
    "1": [[(0.52, 0.2), (0.48, 0.8)]],
    "2": [[(0.3, 0.3), (0.45, 0.2), (0.62, 0.28), (0.6, 0.45), (0.32, 0.76), (0.7, 0.76)]],
    "4": [[(0.35, 0.2), (0.3, 0.5), (0.68, 0.5)], [(0.62, 0.22), (0.58, 0.82)]],
    "7": [[(0.3, 0.25), (0.7, 0.25), (0.45, 0.8)]],
    "8": [CIRCLE * (0.12, 0.13) + (0.5, 0.33), CIRCLE * (0.15, 0.16) + (0.5, 0.64)],
}


@pytest.fixture(scope="module")
def data():
    return load_mnist()[0]


@pytest.fixture(scope="module")
def model(data):
    return MLPClassifier((64,), max_iter=4, random_state=0).fit(*data)


@pytest.fixture(scope="module")
def browser():
    with Browser(BROWSER) as browser:
        browser.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1,
                     uploadThroughput=-1)  # fmt: skip
        yield browser


@pytest.fixture
def page(browser, tmp_path):
    """Open the page of a model at some width."""

    def open_page(model, width=1000, height=900, **how):
        file = tmp_path / "page.html"
        file.write_text(drawing_page(model), encoding="utf-8")
        browser.size(width, height, **how)
        browser.requests.clear()
        browser.problems.clear()
        browser.open(file.as_uri())
        return browser

    yield open_page
    assert browser.problems == []
    outside = [url for url in browser.requests if not url.startswith(("file:", "data:"))]
    assert outside == []


def frame(browser):
    """Left, top and side of the drawing area in the window."""
    browser.evaluate("document.getElementById('paper').scrollIntoView({block: 'center'})")
    box = browser.evaluate("(({x, y, width}) => [x, y, width])(paper.getBoundingClientRect())")
    return np.array(box[:2]), box[2]


def draw(browser, strokes, move="mouse"):
    """Draw strokes given in the unit square."""
    corner, side = frame(browser)
    for stroke in strokes:
        getattr(browser, move)([tuple(corner + side * np.asarray(point)) for point in stroke])


def check(browser, model):
    """The page's numbers are Python's; returns the probabilities."""
    state = browser.evaluate("fastmlp.state()")
    picture = Image.open(io.BytesIO(base64.b64decode(state["picture"].split(",")[1])))
    pixels = digit_from_image(picture)
    assert_allclose(state["pixels"], pixels, atol=1e-3)
    expected = model.predict_proba(pixels[None])[0]
    assert_allclose(state["probabilities"], expected, atol=1e-3)
    shown = browser.evaluate("[...document.querySelectorAll('.value')].map((v) => v.textContent)")
    assert_allclose([float(text.rstrip("%")) / 100 for text in shown], expected, atol=0.0016)
    hidden = np.maximum(pixels @ model.coefs_[0] + model.intercepts_[0], 0)
    if model.activation == "relu":
        assert_allclose(state["hidden"][0], hidden, atol=1e-3)
        count = f"Layer 1: {(hidden > 1e-7).sum()} of {len(hidden)} units fire"
        assert browser.evaluate("document.querySelector('#layers figcaption').textContent") == count
    return expected


@in_browser
@pytest.mark.slow
class TestInABrowser:
    @pytest.mark.parametrize("digit", DIGITS)
    def test_digits(self, page, model, digit):
        browser = page(model)
        draw(browser, DIGITS[digit])
        probability = check(browser, model)
        assert model.classes_[probability.argmax()] == int(digit)
        assert browser.evaluate("document.getElementById('answer').textContent").startswith(
            f"It is {digit}, "
        )

    def test_scribbles(self, page, model):
        """Strokes anywhere: across the border, specks beside them, dots, thin and wide pictures."""
        browser = page(model)
        rng = np.random.default_rng(0)
        for k in range(25):
            browser.keys("Delete")
            centre, size = rng.uniform(0.1, 0.9, 2), rng.uniform(0.02, 0.7, 2)
            strokes = [
                np.clip(centre + size * rng.normal(0, 0.5, (rng.integers(1, 12), 2)), 0.002, 0.998)
                for _ in range(rng.integers(1, 4))
            ]
            draw(browser, strokes)
            check(browser, model)
            assert browser.evaluate("strokes.length") == len(strokes), k

    def test_a_speck_is_left_out(self, page, model, data):
        """Pictures of any kind go through the page's reader: MNIST's own, with dirt beside them."""
        browser = page(model)
        rng = np.random.default_rng(1)
        for k in range(12):
            grey = Image.fromarray(np.uint8(255 - 255 * data[0][k].reshape(28, 28)))
            side = int(rng.integers(28, 300))
            pixels = np.full((side + 20, side + 40), 255, np.uint8)
            pixels[10:-10, 10:-30] = np.asarray(grey.resize((side, side), Image.Resampling.BICUBIC))
            pixels[12:14, -6:-4] = 0
            height, width = pixels.shape
            colours = np.repeat(pixels[..., None], 4, axis=2).ravel().tolist()
            found = browser.evaluate(
                f"Array.from(fastmlp.read({{data: {colours}, width: {width}, height: {height}}}))"
            )
            assert_allclose(found, digit_from_image(pixels), atol=1e-3)

    def test_a_finger_on_a_phone(self, page, model):
        browser = page(model, 375, 740, phone=True, scale=2)
        draw(browser, DIGITS["2"], "finger")
        assert model.classes_[check(browser, model).argmax()] == 2
        assert browser.evaluate("document.documentElement.scrollWidth") <= 375
        assert browser.evaluate("document.scrollingElement.scrollLeft") == 0

    def test_the_keyboard_alone(self, page, model):
        browser = page(model)
        browser.keys("Tab")
        assert browser.evaluate("document.activeElement.id") == "paper"
        browser.keys(*["ArrowUp"] * 8, " ", *["ArrowDown"] * 8)
        browser.keys(*["ArrowDown"] * 32, shift=True)
        assert browser.evaluate("document.getElementById('pen').textContent") == "Pen down"
        browser.keys(" ")
        assert model.classes_[check(browser, model).argmax()] == 1
        browser.keys(" ", "ArrowRight", " ")
        assert browser.evaluate("strokes.length") == 2
        browser.keys("Backspace")
        assert browser.evaluate("strokes.length") == 1
        browser.keys("Tab")
        assert browser.evaluate("document.activeElement.id") == "undo"
        browser.keys("Tab")
        assert browser.evaluate("document.activeElement.id") == "clear"
        browser.keys(" ")
        assert browser.evaluate("fastmlp.state().pixels") is None
        assert (
            browser.evaluate("document.getElementById('answer').textContent") == "Nothing drawn yet"
        )
        browser.evaluate("document.querySelector('#layers canvas').focus()")
        browser.keys("ArrowDown", "ArrowRight")
        text = browser.evaluate("document.getElementById('unit-text').textContent")
        assert re.fullmatch(r"Layer 1, unit 1\.", text)

    def test_undo_and_clear_with_the_mouse(self, page, model):
        browser = page(model)
        draw(browser, DIGITS["4"])
        with_both = check(browser, model)
        for button, left in (("undo", 1), ("clear", 0)):
            x, y = browser.evaluate(
                f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])"
                f"(document.getElementById('{button}').getBoundingClientRect())"
            )
            browser.mouse([(x, y)])
            assert browser.evaluate("strokes.length") == left
            if left:
                assert not np.allclose(check(browser, model), with_both, atol=1e-3)
        browser.evaluate("fastmlp.state()")  # does not wait for the next frame
        assert browser.evaluate("document.getElementById('clear').disabled")

    @pytest.mark.filterwarnings("ignore:y has one class only")
    @pytest.mark.parametrize("activation", ACTIVATIONS)
    @pytest.mark.parametrize("kind", ["multiclass", "binary", "multilabel", "one class"])
    def test_any_network(self, page, data, activation, kind):
        X, y = data[0][:500], data[1][:500]
        y = {
            "multiclass": np.array([f"<{label}> & co" for label in range(10)])[y],
            "binary": y > 4,
            "multilabel": np.stack([y > 4, y % 2 == 0, y > 7], axis=1).astype(int),
            "one class": y * 0,
        }[kind]
        model = MLPClassifier((20, 12), activation=activation, max_iter=2, random_state=0).fit(X, y)
        model.intercepts_[1] = model.intercepts_[1] + np.linspace(-6, 6, 12, dtype=np.float32)
        browser = page(model)
        for digit in ("2", "8"):
            browser.keys("Delete")
            draw(browser, DIGITS[digit])
            check(browser, model)
        labels = browser.evaluate(
            "[...document.querySelectorAll('#bars li')].map((b) => b.firstChild.textContent)"
        )
        assert labels == [str(label) for label in model.classes_]

    def test_activations_of_the_page(self, page, model):
        """Each one that the page knows against its formula, whatever the engine has."""
        browser = page(model)
        x = np.concatenate([np.linspace(-6, 6, 41), [-200, -30, 30, 200]])
        assert set(browser.evaluate("Object.keys(ACTIVATIONS)")) == set(FORMULAS)
        for name, formula in FORMULAS.items():
            found = browser.evaluate(f"{x.tolist()}.map((x) => ACTIVATIONS.{name}(x))")
            assert_allclose(found, formula(x), atol=1e-5, rtol=1e-6, err_msg=name)

    def test_light_and_dark(self, page, model):
        colours = []
        for dark in (False, True):
            browser = page(model)
            browser.dark(dark)
            draw(browser, DIGITS["7"])
            colours.append(browser.evaluate("getComputedStyle(document.body).backgroundColor"))
            assert model.classes_[check(browser, model).argmax()] == 7
        browser.dark(False)
        assert colours[0] != colours[1]


def test_the_command(model, tmp_path, capsys):
    joblib.dump(model, tmp_path / "model.joblib")
    page = tmp_path / "page.html"
    assert (
        main.main(["draw", "--model", str(tmp_path / "model.joblib"), "--output", str(page)]) == 0
    )
    assert f"page: {page} (" in capsys.readouterr().out
    text = page.read_text(encoding="utf-8")
    assert "{{" not in text.replace("=> {{", "")
    assert not re.search(r"""(src|href)\s*=|@import|url\(|https?://""", text)  # nothing is loaded
    assert text == drawing_page(model)


def test_labels_cannot_end_the_script(model):
    model = joblib.load(io.BytesIO(_dumped(model)))
    model.classes_ = np.array(["</script><b>", *"abcdefghi"])
    assert "</script><b>" not in drawing_page(model)


def _dumped(model):
    stream = io.BytesIO()
    joblib.dump(model, stream)
    return stream.getvalue()


def test_what_cannot_be_drawn(model, tmp_path, capsys):
    few = MLPClassifier((4,), max_iter=1).fit(np.eye(6), np.arange(6))
    with pytest.raises(ValueError, match="28 × 28 pixels"):
        describe(few)
    with pytest.raises(TypeError, match="draw needs an MLPClassifier"):
        describe("model")
    assert main.main(["draw", "--model", str(tmp_path / "nothing")]) == 2
    joblib.dump(few, tmp_path / "few")
    assert main.main(["draw", "--model", str(tmp_path / "few")]) == 2
    joblib.dump(model, tmp_path / "model")
    nowhere = tmp_path / "no" / "page.html"
    assert main.main(["draw", "--model", str(tmp_path / "model"), "--output", str(nowhere)]) == 2
    errors = capsys.readouterr().err
    for words in ("28 × 28 pixels", "there is no folder", "there is no file"):
        assert words in errors


def test_the_page_needs_no_package_of_the_browsers(monkeypatch, model):
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert drawing_page(model).startswith("<!doctype html>")

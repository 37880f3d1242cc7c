"""The built documentation: no link leads nowhere, each page fits a screen and a phone, and what the estimators' HTML
links to is there.

``FASTMLP_SITE`` names the folder of a built site. Without it, and where Sphinx is installed (the extra `docs`), the
tests build one and leave out the run of the gallery's examples.
"""

import base64
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from browser import Browser, find_browser
from built_site import Page, Site, build
from readme import ROOT
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.datasets import load_mnist

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# Where the site has an estimator's page: `_doc_link_template` is an address and this, or empty.
PLACE = "generated/fastmlp.{estimator_name}.html"
MADE_UP = "https://docs.example/stable/"
SCREENS = {"screen": (1280, 900, False), "phone": (390, 844, True)}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = os.environ.get("FASTMLP_SITE")
    if folder is None:
        for module in (
            "sphinx",
            "myst_parser",
            "numpydoc",
            "pydata_sphinx_theme",
            "sphinx_gallery",
        ):
            pytest.importorskip(module)
        folder = build(tmp_path_factory.mktemp("site"))
    return Site(folder)


def written(folder, **pages):
    """A site of pages given as HTML."""
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return Site(folder)


class TestLinks:
    def test_all_lead_somewhere(self, site):
        assert {"index.html", "tutorial.html", "api.html", "draw.html"} <= {
            p.name for p in site.pages
        }
        assert sum(len(page.references) for page in site.pages.values()) > 1000
        assert site.faults() == []

    def test_pictures_have_words(self, site):
        assert {
            file.name: p.pictures_without_words
            for file, p in site.pages.items()
            if p.pictures_without_words
        } == {}

    def test_each_source_has_its_page(self, site):
        sources = [*(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "guide").glob("*.md")]
        pages = [source.relative_to(ROOT / "docs").with_suffix(".html") for source in sources]
        pages += [
            Path("examples", f"{file.stem}.html") for file in (ROOT / "examples").glob("plot_*.py")
        ]
        assert [page for page in pages if site.folder / page not in site.pages] == []

    def test_what_leads_nowhere_is_found(self, tmp_path):
        text = '<h1 id="top">A</h1><a href="#top">1</a><a href="b.html#there">2</a><a href="https://x.y/#z">3</a>'
        bad = '<a href="#no">1</a><a href="b.html#no">2</a><img src="no.png"><iframe src="../no.html"></iframe>'
        site = written(tmp_path, a=text + bad, b='<p id="there">B</p>')
        assert site.faults() == [
            ("a.html", "#no", "no such place in the page"),
            ("a.html", "b.html#no", "no such place in the page"),
            ("a.html", "no.png", "no such file"),
            ("a.html", "../no.html", "outside the site"),
        ]
        assert site.pages[tmp_path / "a.html"].pictures_without_words == ["no.png"]


class Links(HTMLParser):
    """The addresses that an HTML text links to."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if tag == "a" and name == "href"]


def shown():
    """Estimators as a notebook shows them: new, fitted, and inside others."""
    X, y = load_iris(return_X_y=True)
    models = [
        MLPClassifier((4,), max_iter=2, early_stopping=True),
        MLPRegressor(hidden_layer_sizes=(4,), max_iter=2),
    ]
    for model in models:
        yield model._repr_html_()
        yield model.fit(X, y)._repr_html_()
        yield make_pipeline(StandardScaler(), model)._repr_html_()
        yield GridSearchCV(model, {"momentum": [0.0, 0.9]})._repr_html_()


def links(monkeypatch, template):
    """All links of fastmlp's own in the HTML with some template, each once."""
    for cls in (MLPClassifier, MLPRegressor):
        monkeypatch.setattr(cls, "_doc_link_template", template)
    found = {link for text in shown() for link in Links(text).found}
    return sorted(link for link in found if not link.startswith("https://scikit-learn.org/"))


def fault(site, address, link):
    """Why a link of an estimator's HTML leads nowhere in the built site, or None."""
    if not link.startswith(address):
        return "another site"
    path, _, fragment = link.removeprefix(address).partition("#")
    page = site.pages.get(site.folder / path)
    if page is None:
        return "no such page"
    if not fragment:
        return None
    if not fragment.startswith(":~:text="):
        return None if unquote(fragment) in page.ids else "no such place in the page"
    # A text fragment: this text, followed by that one.
    name, _, behind = fragment.removeprefix(":~:text=").partition(",-")
    words = " ".join(map(re.escape, unquote(behind).split()))
    return (
        None
        if re.search(rf"\b{re.escape(unquote(name))} ?:? ?{words}", page.text)
        else "no such text"
    )


class TestLinksOfTheEstimatorsHTML:
    def test_of_the_package(self, site, monkeypatch):
        """No link while the template is empty; else each one to a page of the site."""
        template = MLPClassifier._doc_link_template
        assert MLPRegressor._doc_link_template == template
        found = links(monkeypatch, template)
        if template == "":
            assert found == []
        else:
            assert template.endswith("/" + PLACE)
            assert found
            address = template.removesuffix(PLACE)
            assert {link: why for link in found if (why := fault(site, address, link))} == {}

    def test_at_any_address(self, site, monkeypatch):
        """Wherever the site will be: each estimator has its page, each parameter and fitted attribute its line."""
        found = links(monkeypatch, MADE_UP + PLACE)
        assert {link: why for link in found if (why := fault(site, MADE_UP, link))} == {}
        assert {
            MADE_UP + PLACE.format(estimator_name=name)
            for name in ("MLPClassifier", "MLPRegressor")
        } <= set(found)

    def test_each_parameter_has_its_link(self, monkeypatch):
        pytest.importorskip(
            "sklearn.utils._repr_html.common", reason="scikit-learn links no parameters before 1.8"
        )
        found = links(monkeypatch, MADE_UP + PLACE)
        for model in (MLPClassifier(), MLPRegressor()):
            page = MADE_UP + PLACE.format(estimator_name=type(model).__name__)
            linked = {
                link.removeprefix(page + "#:~:text=").partition(",")[0]
                for link in found
                if link.startswith(page)
            }
            assert set(model.get_params()) <= linked

    def test_a_wrong_link_is_found(self, tmp_path):
        site = written(
            tmp_path, a="<dl><dt><strong>alpha</strong><span>float, default=0.0</span></dt></dl>"
        )
        assert (
            fault(site, MADE_UP, MADE_UP + "a.html#:~:text=alpha,-float%2C%20default%3D0.0") is None
        )
        assert fault(site, MADE_UP, MADE_UP + "a.html#:~:text=alpha,-int") == "no such text"
        assert fault(site, MADE_UP, MADE_UP + "a.html#alpha") == "no such place in the page"
        assert fault(site, MADE_UP, MADE_UP + "b.html") == "no such page"
        assert fault(site, MADE_UP, "https://elsewhere.example/a.html") == "another site"


class TestDrawingPage:
    def test_it_is_embedded_with_a_title(self, site):
        (frame,) = site.pages[site.folder / "draw.html"].frames
        assert frame["title"].startswith("Draw a digit")
        assert (site.folder / frame["src"]).is_file()

    def test_its_network_is_trained(self, site):
        """The weights in the page tell the test set's digits."""
        (frame,) = site.pages[site.folder / "draw.html"].frames
        page = (site.folder / frame["src"]).read_text(encoding="utf-8")
        assert not Page(site.folder / frame["src"]).references  # it loads nothing
        network = json.loads(re.search(r'id="network">(.*?)</script>', page, flags=re.DOTALL)[1])
        X, y = load_mnist()[1]
        for number, layer in enumerate(network["layers"]):
            bias = np.frombuffer(base64.b64decode(layer["intercept"]), "<f4")
            X = (
                X @ np.frombuffer(base64.b64decode(layer["coef"]), "<f4").reshape(-1, len(bias))
                + bias
            )
            if number < len(network["layers"]) - 1:
                X = np.maximum(X, 0)
        assert network["activation"] == "relu"
        assert (np.array(network["classes"], dtype=int)[X.argmax(axis=1)] == y).mean() > 0.975


# What a page does that a reader would stumble over: it is wider than the window, a picture is missing, or code that
# is cut off cannot be scrolled.
STUMBLES = """(() => {
  const found = [], root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    found.push(`${root.scrollWidth} pixels wide`);
    for (const one of document.querySelectorAll("body *")) {
      const box = one.getBoundingClientRect();
      if (box.right > root.clientWidth + 1 && box.width) found.push(`${one.tagName}.${one.className}`);
    }
  }
  for (const image of document.images)
    if (image.complete && !image.naturalWidth) found.push(`no picture: ${image.src}`);
  for (const code of document.querySelectorAll("pre, table"))
    if (code.scrollWidth > code.clientWidth + 1 && !["auto", "scroll"].includes(getComputedStyle(code).overflowX))
      found.push(`cut off: ${code.textContent.slice(0, 40)}`);
  return found.slice(0, 9);
})()"""


@pytest.fixture(scope="module")
def browser():
    if find_browser() is None:
        pytest.skip("there is no Chromium or Chrome")
    with Browser(find_browser()) as browser:
        yield browser


class TestInABrowser:
    @pytest.mark.parametrize("screen", SCREENS)
    def test_every_page_fits(self, site, browser, screen):
        width, height, phone = SCREENS[screen]
        browser.size(width, height, phone=phone)
        stumbles = {}
        for file in site.pages:
            browser.problems.clear()
            browser.requests.clear()
            browser.open(file.as_uri())
            elsewhere = [
                url for url in browser.requests if not url.startswith(("file:", "data:", "blob:"))
            ]
            found = browser.evaluate(STUMBLES) + browser.problems + elsewhere
            if found:
                stumbles[str(file.relative_to(site.folder))] = found
        assert stumbles == {}

    def test_a_page_that_does_not_fit_is_found(self, tmp_path, browser):
        browser.size(390, 844)
        text = (
            '<div style="width: 500px">wide</div><img src="no.png"><pre style="width: 9em">'
            + "long " * 99
            + "</pre>"
        )
        browser.open((next(iter(written(tmp_path, a=text).pages))).as_uri())
        found = browser.evaluate(STUMBLES)
        browser.problems.clear()
        assert [
            word
            for word in ("pixels wide", "DIV", "no picture", "cut off")
            if word not in str(found)
        ] == []

    def test_a_digit_drawn_in_the_documentation(self, site, browser):
        browser.size(1280, 900)
        browser.problems.clear()
        browser.open((site.folder / "draw.html").as_uri())
        browser.evaluate("document.querySelector('iframe').scrollIntoView()")
        left, top = browser.evaluate(
            "(({x, y}) => [x, y])(document.querySelector('iframe').getBoundingClientRect())"
        )
        frame = browser.call("Page.getFrameTree")["frameTree"]["childFrames"][0]["frame"]["id"]
        world = browser.call("Page.createIsolatedWorld", frameId=frame)["executionContextId"]

        def inside(expression):
            return browser.call(
                "Runtime.evaluate", expression=expression, returnByValue=True, contextId=world
            )["result"]["value"]

        x, y, side = inside(
            "(({x, y, width}) => [x, y, width])(document.getElementById('paper').getBoundingClientRect())"
        )
        points = [(0.52, 0.2), (0.51, 0.4), (0.49, 0.6), (0.48, 0.8)]
        browser.mouse(
            [(left + x + side * across, top + y + side * down) for across, down in points]
        )
        assert inside("document.getElementById('answer').textContent").startswith("It is 1, ")
        assert browser.problems == []

"""The built documentation as its HTML says it: the pages, and what each holds and refers to."""

import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from readme import ROOT

# What the pages are made of, beside the package itself.
SOURCES = (
    "docs",
    "examples",
    "bench/results",
    "data",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
)
MADE = ("_build", "generated", "examples", "sg_execution_times.rst")


def build(folder):
    """Build the site in a copy of its sources, without running the gallery's examples; returns its folder."""
    tree = folder / "tree"
    for name in SOURCES:
        source, target = ROOT / name, tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            ignore = shutil.ignore_patterns(*MADE) if name == "docs" else None
            shutil.copytree(source, target, ignore=ignore)
        else:
            shutil.copy(source, target)
    site = folder / "html"
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", "-D", "plot_gallery=0"]
    done = subprocess.run([*command, tree / "docs", site], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return site


@dataclass
class Page(HTMLParser):
    """One HTML file."""

    file: Path
    ids: set = field(default_factory=set)
    references: list = field(default_factory=list)  # of links, images, styles, scripts and frames
    frames: list = field(default_factory=list)
    pictures_without_words: list = field(default_factory=list)
    texts: list = field(default_factory=list)

    def __post_init__(self):
        super().__init__()
        self.feed(self.file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.ids |= {
            attributes[key] for key in ("id", "name") if key in attributes and tag != "meta"
        }
        self.references += [attributes[key] for key in ("href", "src") if attributes.get(key)]
        if tag == "iframe":
            self.frames.append(attributes)
        if tag == "img" and "alt" not in attributes:
            self.pictures_without_words.append(attributes.get("src"))

    def handle_data(self, data):
        self.texts.append(data)

    @cached_property
    def text(self):
        """All words of the page, with single spaces between them."""
        return " ".join(" ".join(self.texts).split())


class Site:
    """All pages below a folder."""

    def __init__(self, folder):
        self.folder = Path(folder).resolve()
        files = (
            file for file in sorted(self.folder.rglob("*.html")) if "_static" not in file.parts
        )
        self.pages = {file: Page(file) for file in files}

    def fault(self, file, reference):
        """Why a reference of a page leads nowhere, or None. Other sites are not asked."""
        parts = urlsplit(reference)
        if parts.scheme or parts.netloc:
            return None
        target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
        if not target.is_relative_to(self.folder):
            return "outside the site"
        if not target.is_file():
            return "no such file"
        fragment = unquote(parts.fragment)
        if fragment and target in self.pages and fragment not in self.pages[target].ids:
            return "no such place in the page"
        return None

    def faults(self):
        """Page, reference and fault of all that lead nowhere."""
        return [
            (str(file.relative_to(self.folder)), reference, fault)
            for file, page in self.pages.items()
            for reference in page.references
            if (fault := self.fault(file, reference))
        ]

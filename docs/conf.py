"""Sphinx configuration: ``python -m sphinx -W -b html docs docs/_build/html``."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]
os.environ.setdefault("FASTMLP_DATA", str(ROOT / "data"))

import fastmlp  # noqa: E402

project = "fastmlp"
author = "the fastmlp developers"
copyright = "the fastmlp developers"  # Sphinx asks for this name
release = version = fastmlp.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
exclude_patterns = ["_build", "**/README.md"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
# Links to files of the repository that are no pages (sources, tests) are plain paths there.
# scikit-learn's own docstrings (`score`) refer to its user guide.
suppress_warnings = ["myst.xref_missing", "config.cache", "ref.ref"]

autosummary_generate = True
templates_path = ["_templates"]
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
autodoc_typehints = "none"
add_module_names = False

sphinx_gallery_conf = {
    "examples_dirs": [str(ROOT / "examples")],
    "gallery_dirs": ["examples"],
    "filename_pattern": r"plot_",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "remove_config_comments": True,
    # How long the builder took is of no use to a reader, and the page of times loads scripts from elsewhere.
    "write_computation_times": False,
    "min_reported_time": 1e9,
}

# Quotation marks as in the docstrings: links to a parameter look for its line as it is written there.
smartquotes = False

html_theme = "pydata_sphinx_theme"
html_title = "fastmlp"
html_static_path = ["_static"]
html_css_files = ["fastmlp.css"]
html_show_sourcelink = False
# Pages at the top have no sections of their own: an empty sidebar would only make them narrower.
html_sidebars = {
    page: []
    for page in ("install", "tutorial", "draw", "from_scikit_learn", "from_keras", "benchmarks",
                 "reliability", "architecture", "faq", "contributing", "changelog")
}  # fmt: skip
html_theme_options = {
    "show_prev_next": False,
    "navigation_with_keys": False,
    # The drawing page takes the width that a table of contents would.
    "secondary_sidebar_items": {"**": ["page-toc"], "draw": []},
    "footer_start": ["copyright"],
    "footer_end": [],
}


def write_drawing_page(app, exception):
    """Train a network and write the page that draw.md embeds."""
    if exception is None and app.builder.format == "html":
        import drawing

        accuracy = drawing.write(Path(app.outdir, "_static", "draw_a_digit.html"))
        if accuracy < 0.975:
            raise RuntimeError(
                f"the drawing page's network has a test accuracy of {accuracy:.4f} only"
            )


def setup(app):
    app.connect("build-finished", write_drawing_page)

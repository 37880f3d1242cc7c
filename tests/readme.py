"""README.md and the pages of the documentation, and their Python examples."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
PAGES = [page for page in PAGES if not {"_build", "generated", "examples"} & set(page.parts)]


def python_blocks(page):
    """The Python blocks of a page, in order."""
    return re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)


BLOCKS = python_blocks(ROOT / "README.md")
CLUSTER_BLOCKS = [
    block for block in python_blocks(ROOT / "docs" / "guide" / "searches.md") if "dask" in block
]

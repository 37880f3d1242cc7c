"""Check that a tag, the package, the changelog and the citation name the same version: ``release_check.py v0.1.0``."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def found(pattern: str, *path: str) -> str:
    """The first match in a file of the repository, as one string; it must be there."""
    text = ROOT.joinpath(*path).read_text(encoding="utf-8")
    match = re.search(pattern, text, flags=re.MULTILINE)
    if match is None:
        sys.exit(f"{'/'.join(path)} has no line like {pattern}")
    return " ".join(match.groups())


def main(tag: str) -> None:
    version = found(r'^__version__ = "(.+)"$', "fastmlp", "__init__.py")
    release = found(r"^## (\d\S*) \((\d{4}-\d\d-\d\d)\)$", "CHANGELOG.md")
    citation = " ".join(
        found(pattern, "CITATION.cff")
        for pattern in (r"^version: (\S+)$", r"^date-released: (\S+)$")
    )
    if tag != f"v{version}":
        sys.exit(f"the tag is {tag}, but the package's version is {version}")
    if release.split()[0] != version:
        sys.exit(f"CHANGELOG.md's newest release is {release}, but the package's is {version}")
    if citation != release:
        sys.exit(f"CITATION.cff says {citation}, CHANGELOG.md {release}")
    print(f"{tag}: package, changelog and citation agree")


if __name__ == "__main__":
    main(sys.argv[1])

"""Where fastmlp keeps files of its own on this machine."""

import os
import sys
import tempfile
from pathlib import Path


def user_cache() -> Path:
    """fastmlp's part of the folder that this operating system wants caches to be in."""
    try:
        if sys.platform == "win32":
            base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        elif sys.platform == "darwin":
            base = Path.home() / "Library" / "Caches"
        else:
            base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # no home
        base = Path(tempfile.gettempdir())
    return base / "fastmlp"

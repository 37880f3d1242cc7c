"""setuptools' build backend, with Numba as one more requirement where the wheel is to hold compiled kernels."""

import os
import tomllib
from pathlib import Path

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def get_requires_for_build_wheel(config_settings=None):
    """Return what the build of a wheel needs: with ``FASTMLP_PREBUILT=1`` Numba, as the package itself needs it."""
    needed = build_meta.get_requires_for_build_wheel(config_settings)
    if os.environ.get("FASTMLP_PREBUILT", "") in ("", "0"):
        return needed
    dependencies = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]
    return [*needed, *(one for one in dependencies if one.startswith("numba"))]

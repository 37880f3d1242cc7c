"""Switches in the environment."""

import os


def is_on(name: str) -> bool:
    """Whether an environment variable is set to anything but 0."""
    return os.environ.get(name, "") not in ("", "0")

"""Warnings that point at the user's line."""

import os
import sys
import warnings
from pathlib import Path

# Code between the user and the warning: its lines tell the user nothing.
_BETWEEN = (
    os.path.join(Path(__file__).resolve().parents[1], ""),
    os.path.join("site-packages", "sklearn", ""),
    os.path.join("site-packages", "joblib", ""),
)


def warn_user(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the innermost line that lies neither in fastmlp nor in scikit-learn or joblib."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and any(part in frame.f_code.co_filename for part in _BETWEEN):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)

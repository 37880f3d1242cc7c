"""All that is drawn. It needs matplotlib, which the extra ``plot`` installs.

Every function returns a `matplotlib.figure.Figure` that pyplot does not know of: nothing has to be
closed, and no display is needed.
"""

from .curves import fold_curves, learning_curves
from .images import confusion, first_layer, mistakes
from .style import require_matplotlib
from .sweeps import heat_maps, over_hidden, over_parameters

__all__ = [
    "confusion",
    "first_layer",
    "fold_curves",
    "heat_maps",
    "learning_curves",
    "mistakes",
    "over_hidden",
    "over_parameters",
    "require_matplotlib",
]

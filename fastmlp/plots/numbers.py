"""Numbers as they are shown to people."""

import math


def percent(value: float, digits: int = 2) -> str:
    """A share in percent; only a share of exactly 1 is shown as 100%.

    Examples
    --------
    >>> percent(0.98765), percent(1.0), percent(0.99999), percent(0.9997, digits=0)
    ('98.77%', '100.00%', '>99.99%', '>99%')
    """
    return f"{in_percent(value, digits)}%"


def in_percent(value: float, digits: int = 2) -> str:
    """The same without the sign."""
    shown = f"{100 * value:.{digits}f}"
    if value < 1 and float(shown) >= 100:
        return f">{100 - 10.0**-digits:.{digits}f}"
    return shown


def points(value: float) -> str:
    """A difference of two shares."""
    return f"{100 * value:.2f} points"


def loss(value: float) -> str:
    """A loss in four decimals; a very small or a very large one in powers of ten."""
    if value != 0 and (abs(value) < 1e-4 or abs(value) >= 1000):
        return f"{value:.1e}"
    return f"{value:.4f}"


def times(ratio: float) -> str:
    """How many times as much: two significant digits, more of what is near 1."""
    if not math.isfinite(ratio):
        return "–"
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"

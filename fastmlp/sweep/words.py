"""What the report and the command both say of a sweep."""

from ..plots.numbers import points
from .statistics import Comparison

NAMES = {"hidden": "number of hidden units", "lr": "learning rate"}  # others by their own names
SHOWN_TIES = 5


def verdict_on_ties(compared: Comparison) -> str:
    """Whether the best setting is told from the others."""
    best, ties = compared.best, compared.ties
    if compared.error != compared.error:  # NaN
        return f"{best.setting}: there is no other setting to compare with."
    least = points(compared.least)
    if not ties:
        said = (
            f"The best is told from every other setting: all are further below it than the {least} that chance may "
            "explain."
        )
    else:
        names = "; ".join(str(tie.setting) for tie in ties[:SHOWN_TIES])
        more = f"; and {len(ties) - SHOWN_TIES} more" if len(ties) > SHOWN_TIES else ""
        said = (
            f"A tie: {len(ties)} other setting{'s' if len(ties) > 1 else ''} cannot be told from the "
            f"best, as chance may explain differences of up to {least} here ({names}{more})."
        )
    if compared.simplest is best:
        return f"{said} None with fewer weights is within one standard error of it."
    return (
        f"{said} The simplest network within one standard error ({points(compared.error)}) is "
        f"{compared.simplest.setting}."
    )


def edge_in_words(name: str, which: str, setting) -> str:
    """That the best value of a parameter has no neighbour on one side."""
    value = getattr(setting, name)
    value = str(value) if name == "hidden" else f"{value:g}"
    beyond = "larger" if which == "largest" else "smaller"
    return (
        f"The best {NAMES.get(name, name.replace('_', ' '))}, {value}, is the {which} of the grid: "
        f"a {beyond} one may be better, and was not tried."
    )


def trained_on(data) -> str:
    """How many samples the best setting was trained on in the end."""
    n = len(data.X)
    if data.n_available is None or data.n_available == n:
        return f"trained on all {n:,} training {data.what}"
    return f"trained on {n:,} of the {data.n_available:,} training {data.what}"

"""What a user is told where kernels have to be compiled, which takes seconds.

A fit with ``verbose`` receives the line through `notices`. Elsewhere an interactive session or a terminal gets it on
the standard error; a script that logs to a file gets none.
"""

import sys
from contextlib import contextmanager
from contextvars import ContextVar

from ..system.user_warnings import warn_user

_TELL = ContextVar("fastmlp_compile_notices", default=None)
_warned = False

# About how long an entry takes to compile, by its name.
SECONDS = {"train": 8, "train_dropout": 8}
FEW_SECONDS = 2


@contextmanager
def notices(tell):
    """Within, call ``tell(line)`` where kernels are compiled; None: as elsewhere."""
    token = _TELL.set(tell)
    try:
        yield
    finally:
        _TELL.reset(token)


def announce(name, dtype, rule, *, kept, why):
    """Tell that an entry is about to be compiled, into a cache that is `kept` or for this process only."""
    what = f"{name}, {dtype}" + (f", {rule.__name__.removesuffix('Rule')}" if rule else "")
    line = (
        f"Compiling kernels for this CPU, {'once' if kept else 'for this process only'}: "
        f"about {SECONDS.get(name, FEW_SECONDS)} s ({what}; {why})"
    )
    tell = _TELL.get()
    if tell is not None:
        tell(line)
    elif sys.stderr is not None and (sys.stderr.isatty() or hasattr(sys, "ps1")):
        print(f"fastmlp: {line}", file=sys.stderr, flush=True)


def warn_not_kept(folder, error):
    """Warn, once per process, that compiled kernels cannot be kept in the cache folder."""
    global _warned
    if _warned:
        return
    _warned = True
    reason = getattr(error, "strerror", None) or error
    warn_user(
        f"Compiled kernels cannot be kept in {folder} ({reason}): every process compiles them again. "
        "Set FASTMLP_CACHE to a folder that can be written, and call fastmlp.warmup() once.",
        RuntimeWarning,
    )

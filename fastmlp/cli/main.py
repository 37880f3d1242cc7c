"""The commands of ``fastmlp``, which is also ``python -m fastmlp``.

Each command is a function that adds its parser to the others and names the function that runs it.
Nothing heavy is imported before a command runs, so that the help is there at once.
"""

import argparse
import contextlib
import io
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from .. import __version__
from .draw import add_draw
from .errors import in_words
from .predict import add_predict
from .sweep import add_sweep
from .train import add_train

DESCRIPTION = "Train multi-layer perceptrons on the CPU, fast."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the process's exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what its encoding lacks is written as \u...
            stream.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser(prog=program(), description=DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"fastmlp {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for add_command in COMMANDS:
        add_command(commands)
    options = parser.parse_args(arguments)
    if not hasattr(options, "run"):
        parser.print_help()
        return 0

    def tell(message, category, filename, lineno, file=None, line=None):
        print(f"{parser.prog}: warning: {message}", file=sys.stderr)

    try:
        with warnings.catch_warnings():
            warnings.showwarning = tell  # a line of Python is nothing that the user wrote
            status = options.run(options)
            sys.stdout.flush()
            return status
    except BrokenPipeError:
        # Whoever read the output, as `head` does, wants no more of it. Nor can Python flush it at its end.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # as a shell tells of SIGPIPE
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except (ImportError, MemoryError, OSError, ValueError, Warning) as error:
        # What the user can mend: a file, a missing package, a value, a warning that `python -W error`
        # made an error. Anything else is our bug.
        print(f"{parser.prog}: error: {in_words(error)}", file=sys.stderr)
        return 2


def program() -> str:
    """Return what the user typed to get here: the console command, or Python with ``-m``."""
    return "fastmlp" if Path(sys.argv[0]).stem == "fastmlp" else "python -m fastmlp"


COMMANDS: tuple[Callable, ...] = (add_train, add_predict, add_draw, add_sweep)

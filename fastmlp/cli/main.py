"""The commands of ``fastmlp``, which is also ``python -m fastmlp``.

Each command is a function that adds its parser to the others and names the function that runs it.
Nothing heavy is imported before a command runs, so that the help is there at once.
"""

import argparse
import contextlib
import sys
import warnings
from collections.abc import Callable, Sequence

from .. import __version__
from .draw import add_draw
from .errors import in_words, program
from .predict import add_predict
from .streams import Output, ReaderGone
from .sweep import add_sweep
from .train import add_train

# The options that name a file or folder to write.
WRITES = ("save", "plot", "output")
DESCRIPTION = "Train multi-layer perceptrons on the CPU, fast."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the process's exit status."""
    output = Output(sys.stdout)
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(Output(sys.stderr)):
        try:
            status = _main(arguments, output)
            output.flush()
            return status
        except ReaderGone:
            return 141  # as a shell tells of SIGPIPE


def _main(arguments, output) -> int:
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
            output.goes_on = any(getattr(options, name, None) is not None for name in WRITES)
            return options.run(options)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except (ImportError, MemoryError, OSError, ValueError, Warning) as error:
        # What the user can mend: a file, a missing package, a value, a warning that `python -W error`
        # made an error. Anything else is our bug.
        print(f"{parser.prog}: error: {in_words(error)}", file=sys.stderr)
        return 2


COMMANDS: tuple[Callable, ...] = (add_train, add_predict, add_draw, add_sweep)

"""The commands of ``python -m fastmlp``.

Each command is a function that adds its parser to the others and names the function that runs it.
Nothing heavy is imported before a command runs, so that the help is there at once.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from .. import __version__
from .draw import add_draw
from .options import add_data_option, add_network_options, load
from .predict import add_predict
from .sweep import add_sweep

DESCRIPTION = "Train multi-layer perceptrons on the CPU, fast."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the process's exit status."""
    parser = argparse.ArgumentParser(prog="python -m fastmlp", description=DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"fastmlp {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for add_command in COMMANDS:
        add_command(commands)
    options = parser.parse_args(arguments)
    if not hasattr(options, "run"):
        parser.print_help()
        return 0
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except (ImportError, OSError, ValueError) as error:
        # What the user can mend: a file, a missing package, a value. Anything else is our bug.
        print(f"python -m fastmlp: error: {error}", file=sys.stderr)
        return 2


def add_train(commands) -> None:
    """Add ``train``, the main job: the MNIST network from the data to its test accuracy."""
    parser = commands.add_parser(
        "train",
        help="train a network on MNIST and test it",
        description="Train a network with RMSprop on MNIST and test it.",
    )
    add_network_options(parser)
    add_data_option(parser)
    parser.add_argument("--save", type=Path, metavar="MODEL", help="keep the model in this file")
    parser.add_argument(
        "--plot", type=Path, metavar="FILE.png", help="draw the learning curves into this file"
    )
    parser.set_defaults(run=train)


def train(options: argparse.Namespace) -> int:
    """Train, test and tell; save and plot where asked."""
    # First whatever may fail, so that it fails before the training and not after it.
    for file in (options.save, options.plot):
        if file is not None and not file.absolute().parent.is_dir():
            raise FileNotFoundError(f"there is no folder {str(file.parent)!r} to write {file.name}")
    if options.plot is not None:
        from ..plots import learning_curves, require_matplotlib

        require_matplotlib()
    (X_train, y_train), (X_test, y_test) = load(options.data)

    from ..estimators.classifier import MLPClassifier

    model = MLPClassifier(
        hidden_layer_sizes=tuple(options.hidden),
        solver="rmsprop",
        learning_rate_init=options.lr,
        momentum=options.momentum,
        batch_size=options.batch_size,
        max_iter=options.epochs,
        random_state=options.seed,
        n_threads=options.threads,
        verbose=1,
    )
    layers = "-".join(map(str, (X_train.shape[1], *options.hidden, len(set(y_train)))))
    print(f"{options.data}: {len(X_train):,} images to train on, {len(X_test):,} to test with")
    print(f"network {layers}, {options.epochs} epochs in batches of {options.batch_size}")
    # Testing after each epoch costs time: only a plot needs it. The weights are the same.
    watched = {} if options.plot is None else {"X_val": X_test, "y_val": y_test}
    start = time.perf_counter()
    model.fit(X_train, y_train, **watched)
    seconds = time.perf_counter() - start

    test = model.evaluate(X_test, y_test)
    updates = model.n_iter_ * math.ceil(len(X_train) / options.batch_size)
    print(f"test loss {test['loss']:.4f}, test accuracy {test['accuracy']:.4f}")
    print(
        f"{updates:,} updates in {seconds:.1f} s, "
        f"{len(X_train) * model.n_iter_ / seconds:,.0f} samples/s"
    )
    if options.save is not None:
        import joblib

        joblib.dump(model, options.save)
        print(f"model: {options.save}")
    if options.plot is not None:
        title = f"{layers}, learning rate {options.lr:g}, momentum {options.momentum:g}"
        learning_curves(model.history_, title=title, validation="test").savefig(options.plot)
        print(f"learning curves: {options.plot}")
    return 0


COMMANDS: tuple[Callable, ...] = (add_train, add_predict, add_draw, add_sweep)

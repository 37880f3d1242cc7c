"""Command-line options that several commands share."""

import argparse
import shlex
from pathlib import Path

from .values import (
    AUTO,
    epochs,
    layers,
    momentum,
    not_negative,
    positive_float,
    positive_int,
    rate,
    seed,
    share,
    thread_count,
)

DATASETS = {"mnist": "load_mnist", "fashion-mnist": "load_fashion_mnist"}
TITLES = {"mnist": "MNIST", "fashion-mnist": "Fashion-MNIST"}

# Options that describe a training, whatever the command, and the estimator's parameters. A new one
# needs a line here and one in `add_training_options`; both `train` and `sweep` then have it.
PARAMETERS = {
    "epochs": "max_iter",
    "batch_size": "batch_size",
    "seed": "random_state",
    "activation": "activation",
    "schedule": "learning_rate",
    "dropout": "dropout",
    "input_dropout": "input_dropout",
    "weight_decay": "weight_decay",
    "label_smoothing": "label_smoothing",
    "average": "average",
}
# The estimator's choices, which help must not import; a test compares them.
ACTIVATIONS = (
    "elu", "gelu", "identity", "leaky_relu", "logistic", "mish", "relu", "selu", "silu", "tanh",
)  # fmt: skip
SCHEDULES = ("constant", "invscaling", "adaptive", "cosine", "linear", "one_cycle")


def add_training_options(
    parser: argparse.ArgumentParser, *, default_epochs: int | str, several: bool = False
) -> None:
    """Add what all trainings of a command have in common; `several`: a grid over what regularises."""
    add = parser.add_argument

    def vary(name, default, **how):
        if several:
            how |= {"nargs": "+"}
            how["help"] += "; several values are compared"
        how["help"] += f" ({default})"
        add(name, default=(default,) if several else default, **how)

    if default_epochs == AUTO:
        add("--epochs", type=epochs, default=AUTO,
            help="passes over the data (auto: 20, and more on small data)")  # fmt: skip
    else:
        add("--epochs", type=positive_int, default=default_epochs,
            help="passes over the data (%(default)s)")  # fmt: skip
    add("--batch-size", type=positive_int, default=128, metavar="SAMPLES",
        help="samples per update (%(default)s)")  # fmt: skip
    add("--activation", choices=ACTIVATIONS, default="relu", metavar="NAME",
        help=f"of the hidden layers: {', '.join(ACTIVATIONS)} (%(default)s)")  # fmt: skip
    vary("--schedule", "constant", choices=SCHEDULES, metavar="NAME",
         help=f"of the learning rate: {', '.join(SCHEDULES)}")  # fmt: skip
    vary("--dropout", 0.0, type=rate, metavar="RATE",
         help="share of hidden units that are dropped in training")  # fmt: skip
    vary("--input-dropout", 0.0, type=rate, metavar="RATE",
         help="share of features that are dropped in training")  # fmt: skip
    vary("--weight-decay", 0.0, type=not_negative, metavar="DECAY",
         help="decoupled decay of the weights")  # fmt: skip
    vary("--label-smoothing", 0.0, type=rate, metavar="SHARE",
         help="share of a target that is spread over all classes")  # fmt: skip
    vary("--average", 0.0, type=rate, metavar="DECAY",
         help="decay, as 0.999, of a moving average of the weights to predict by; 0: the last ones")  # fmt: skip
    add("--seed", type=seed, default=0, help="seed of weights, shuffling and splits (%(default)s)")


def training_parameters(options: argparse.Namespace) -> dict:
    """The estimator's parameters that `add_training_options` asks for."""
    return {name: getattr(options, option) for option, name in PARAMETERS.items()}


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """Add what describes one network and its training; the defaults are the reference benchmark's."""
    add = parser.add_argument
    add("--hidden", type=layers, nargs="+", default=[(512,)], metavar="UNITS",
        help="units of each hidden layer, as 512 256 or 512-256 (512)")  # fmt: skip
    add("--lr", type=positive_float, default=0.001, help="learning rate (%(default)s)")
    add("--momentum", type=momentum, default=0.0, help="from 0 to 1 (%(default)s)")
    add_training_options(parser, default_epochs=AUTO)
    add("--threads", type=thread_count,
        help="threads (as many as cores); the result is the same with any number")  # fmt: skip


def network_parameters(options: argparse.Namespace) -> dict:
    """The estimator's parameters that `add_network_options` asks for."""
    return {
        "hidden_layer_sizes": sum(options.hidden, ()),
        "learning_rate_init": options.lr,
        "momentum": options.momentum,
        "n_threads": options.threads,
    } | training_parameters(options)


def add_data_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--data`` and what it needs."""
    add = parser.add_argument
    add("--data", default="mnist",
        help="%(default)s, fashion-mnist, the folder of MNIST, or any .npz, CSV, TSV or Parquet file")  # fmt: skip
    add("--target", metavar="NAME", help="the column, or the array of an .npz, to predict")
    add("--test-size", type=share, default=0.2, metavar="SHARE",
        help="share of a file's samples to test with, where it has no part for it (%(default)s)")  # fmt: skip


def load(options: argparse.Namespace):
    """Load the dataset that ``--data`` names, as `fastmlp.datasets.samples.Samples`."""
    from .. import datasets
    from ..datasets.mnist import is_there
    from ..datasets.samples import Samples

    data = options.data
    if data not in DATASETS and not Path(data).exists():
        raise FileNotFoundError(
            f"--data: there is no {data!r}; it is {', '.join(DATASETS)} or a path"
        )
    if data in DATASETS or Path(data).is_dir():
        if options.target is not None:
            raise ValueError(f"--target {options.target}: the labels of {data} are known")
        if data not in DATASETS and not is_there(data):
            raise FileNotFoundError(
                f"--data: the folder {data!r} holds neither mnist.npz nor MNIST's four IDX files"
            )
        read = getattr(datasets, DATASETS.get(data, "load_mnist"))
        train, test = read() if data in DATASETS else read(data)
        return Samples(TITLES.get(data, data), *train, *test, side=28)
    from ..datasets.tables import load_samples

    return load_samples(data, options.target, test_size=options.test_size, seed=options.seed)


def command_line(command: str, options: argparse.Namespace) -> str:
    """The command that does the same again, with the value of every option, whatever its default.

    A line for each option. It is found by the name of its value; those that are switched off have none.
    """
    lines = [f"python -m fastmlp {command}"]
    for name, value in vars(options).items():
        if name == "run" or value is None or isinstance(value, bool):
            continue
        values = value if isinstance(value, (list, tuple)) else [value]
        lines.append(shlex.join([f"--{name.replace('_', '-')}", *map(_word, values)]))
    return " \\\n    ".join(lines)


def _word(value):
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)

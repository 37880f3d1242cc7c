"""Command-line options that several commands share, and what reads their values."""

import argparse
import math
from pathlib import Path

DATASETS = {"mnist": "load_mnist", "fashion-mnist": "load_fashion_mnist"}


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """Add what describes one network and its training; the defaults are the main job's."""
    add = parser.add_argument
    add("--hidden", type=positive_int, nargs="+", default=[512], metavar="UNITS",
        help="units of each hidden layer (512)")  # fmt: skip
    add("--lr", type=positive_float, default=0.001, help="learning rate (%(default)s)")
    add("--momentum", type=momentum, default=0.0, help="from 0 to 1 (%(default)s)")
    add("--epochs", type=positive_int, default=20, help="passes over the data (%(default)s)")
    add("--batch-size", type=positive_int, default=128, metavar="SAMPLES",
        help="samples per update (%(default)s)")  # fmt: skip
    add("--seed", type=int, default=0, help="seed of weights and shuffling (%(default)s)")
    add("--threads", type=positive_int,
        help="threads (as many as cores); the result is the same with any number")  # fmt: skip


def add_data_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--data``."""
    parser.add_argument(
        "--data", default="mnist", help="%(default)s, fashion-mnist, or the file or folder of MNIST"
    )


def load(data: str):
    """Load the dataset that ``--data`` names."""
    from .. import datasets

    if data in DATASETS:
        return getattr(datasets, DATASETS[data])()
    if not Path(data).exists():
        raise FileNotFoundError(
            f"--data: there is no {data!r}; it is {', '.join(DATASETS)} or a path"
        )
    return datasets.load_mnist(data)


def positive_int(text: str) -> int:
    """Read a whole number of at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return value


def positive_float(text: str) -> float:
    """Read a finite number above 0."""
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def momentum(text: str) -> float:
    """Read a number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value

"""What the command reads from the values of options, and what it says of wrong ones."""

import argparse
import math
import re
from collections.abc import Callable
from typing import Any

from ..system.limits import MOST_THREADS

AUTO = "auto"


def _reader(convert: Callable, accepts: Callable, what: str) -> Callable[[str], Any]:
    """Make a reader of values that `accepts` accepts; any other value is called not `what`."""

    def read(text):
        try:
            value = convert(text)
        except ValueError:
            value = None
        if value is None or not accepts(value):
            raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
        return value

    return read


positive_int = _reader(int, lambda n: n >= 1, "a whole number of at least 1")
epochs = _reader(
    lambda word: AUTO if word == AUTO else int(word),
    lambda n: n == AUTO or n >= 1,
    "a whole number of at least 1, or auto",
)
at_least_two = _reader(int, lambda n: n >= 2, "a whole number of at least 2")
thread_count = _reader(
    int, lambda n: 1 <= n <= MOST_THREADS, f"a whole number from 1 to {MOST_THREADS}"
)
seed = _reader(int, lambda n: 0 <= n < 2**32, f"a whole number from 0 to {2**32 - 1}")
rate = _reader(float, lambda x: 0 <= x < 1, "a number of at least 0 and below 1")
not_negative = _reader(float, lambda x: 0 <= x < math.inf, "a number of at least 0")
positive_float = _reader(float, lambda x: 0 < x < math.inf, "a number above 0")
momentum = _reader(float, lambda x: 0 <= x <= 1, "a number from 0 to 1")
share = _reader(float, lambda x: 0 < x < 1, "a number between 0 and 1")
layers = _reader(
    lambda text: tuple(int(units) for units in text.split("-")),
    lambda sizes: min(sizes) >= 1,
    "a network: units of hidden layers are needed, as in 512-256",
)
scheduler = _reader(
    str,
    lambda text: re.fullmatch(r"([a-z]+://)?[^\s/]+:\d+", text),
    "the address of a scheduler, as HOST:PORT",
)

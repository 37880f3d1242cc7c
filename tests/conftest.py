"""What holds for every test."""

import signal

import pytest


@pytest.fixture(scope="session", autouse=True)
def keyboard():
    """Ctrl-C is heard as in a terminal, here and in child processes; shells make jobs in the background deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)

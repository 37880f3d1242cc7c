"""In an ordinary test run every benchmark runs once, untimed, so that none rots."""

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    if not config.getoption("benchmark_only", False):
        config.option.benchmark_disable = True

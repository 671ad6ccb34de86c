"""Settings of the whole suite."""

import os
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import TypeVar

import pytest
from hypothesis import settings

from tests.waiting import scaled

T = TypeVar("T")

# How long an example takes on a busy machine says nothing about the code.
settings.register_profile("steadyhum", deadline=None)
settings.load_profile("steadyhum")

# A test reads what it wrote, and leaves nothing behind; those of the cache give it a folder.
os.environ["STEADYHUM_CACHE"] = "off"

# Started in the background, or by nohup, the suite would hand on ignored signals to the programs it tests.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool | None, bool | None]:
    """Stretch the limit of each test by how busy the machine is; a limit on the command line stands."""
    marker = item.get_closest_marker("timeout")
    limit_s = marker.args[0] if marker else float(item.config.getini("timeout"))
    if item.config.getoption("timeout") is None:
        item.add_marker(pytest.mark.timeout(scaled(limit_s)), append=False)
    return (yield)


@pytest.fixture
def stop_at_end() -> Iterator[Callable[[AbstractContextManager[T]], T]]:
    """Enters what has to be stopped, such as a broker, and stops it when the test is over."""
    with ExitStack() as stack:
        yield stack.enter_context

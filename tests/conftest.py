"""Settings of the whole suite."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Final, TypeVar

import pytest
from hypothesis import settings

from tests.waiting import scaled

T = TypeVar("T")

LONGEST_FIRST: Final = (
    "tests/test_how_to.py",
    "tests/test_plain_install.py",
    "tests/trainer/test_other_systems.py",
    "tests/page/test_refusals.py",
    "tests/trainer/test_fleet.py",
    "tests/edge/test_probation.py",
    "tests/edge/test_commissioning_kills.py",
    "tests/trainer/test_workers.py",
    "tests/edge/test_listen_proof.py",
    "tests/trainer/test_ready_models.py",
    "tests/edge/test_manifests.py",
    "tests/edge/test_spool_damage.py",
    "tests/edge/test_publisher_link.py",
    "tests/edge/test_spool_power.py",
    "tests/edge/test_publisher_tls.py",
    "tests/edge/test_spool_model.py",
    "tests/edge/test_publisher_terms.py",
    "tests/edge/test_spool_failing_disk.py",
    "tests/edge/test_spool_kills.py",
    "tests/deploy/test_doctor_lines.py",
    "tests/trainer/test_cli.py",
    "tests/trainer/test_foreign_text.py",
    "tests/deploy/test_provisioning.py",
    "tests/edge/test_retained_picture.py",
    "tests/trainer/test_screening.py",
    "tests/trainer/test_adopt.py",
    "tests/trainer/test_comparison.py",
    "tests/edge/test_gateway_kills.py",
    "tests/edge/test_kept_session.py",
    "tests/deploy/test_passphrase.py",
    "tests/test_soak.py",
    "tests/deploy/test_clock.py",
    "tests/deploy/test_first_boot.py",
    "tests/deploy/test_cards.py",
)
"""Files that go on for 20 s and more, most of them with few tests, by `pytest --durations=0`. Workers are
given whole files: one of these that is begun last leaves the other workers with nothing to do."""

# How long an example takes on a busy machine says nothing about the code.
settings.register_profile("steadyhum", deadline=None)
settings.load_profile("steadyhum")

# A test reads what it wrote, and leaves nothing behind; those of the cache give it a folder.
os.environ["STEADYHUM_CACHE"] = "off"

# Started in the background, or by nohup, the suite would hand on ignored signals to the programs it tests.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring the longest files to the front, then those with the most tests; tests of a file stay in order."""
    tests = Counter(item.nodeid.partition("::")[0] for item in items)
    ranks = {file: rank - len(LONGEST_FIRST) for rank, file in enumerate(LONGEST_FIRST)}

    def rank(item: pytest.Item) -> tuple[int, int, str]:
        file = item.nodeid.partition("::")[0]
        return ranks.get(file, 0), -tests[file], file

    items.sort(key=rank)


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

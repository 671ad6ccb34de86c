"""What `check` says of a manifest holds for `run`: the short form of `python -m tests.attack.manifests`."""

import logging

import pytest

from tests.attack.manifests import attack


def test_what_check_takes_run_runs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    counts, found = attack(30, seed=7, processes=2)
    assert found == {}
    assert min(counts["taken"], counts["refused"]) >= 5, "both ways are tried"

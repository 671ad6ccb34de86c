"""What real brokers have retained equals what is true: two histories, one of them behind a bridge."""

import pytest

from tests.broker import needs_mosquitto
from tests.faults import retained_picture


@needs_mosquitto
@pytest.mark.slow
def test_the_picture_is_true_through_faults_commands_restarts_and_outages(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The short form of `python -m tests.faults.retained_picture`."""
    assert retained_picture.main(["--count", "2", "--seed", "3"]) == 0, capsys.readouterr().err
    assert "2 histories, 0 failed" in capsys.readouterr().out

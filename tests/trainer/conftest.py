"""What the tests of the command line share."""

import sys

import pytest

from trainer.__main__ import main


@pytest.fixture
def run(monkeypatch, capsys):
    """Call the command in this process: gives exit code, standard output and standard error."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["trainer", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code, *capsys.readouterr()

    return call

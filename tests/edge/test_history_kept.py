"""What kills and power cuts take of a history, and what the doctor says of it."""

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_runtime.configuration import Config, read_config
from edge_runtime.doctor.findings import Level
from edge_runtime.doctor.history import examine_history
from edge_runtime.gateway.history.files import open_history
from tests.artefacts import write_artefact
from tests.edge.history_pieces import DAY, keeping, put
from tests.edge.sites import CONFIG
from tests.faults import powercut
from tests.faults.history_driver import BEGIN, SENSORS, SLOT
from tests.faults.killed_history import MEMORY, Account, account_of_cuts, kills, recorded


@pytest.fixture(scope="module")
def memory() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="history-", dir=MEMORY if MEMORY.is_dir() else None))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def steps(memory: Path) -> list[powercut.Step]:
    """What the driver does to its file."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: apt install strace")
    return recorded(memory)


def lossless(account: Account) -> None:
    assert account.minutes > 100
    assert (account.wrong, account.damaged) == (0, 0)
    assert account.most_lost <= SLOT


def test_a_kill_takes_ten_minutes_at_the_most(memory: Path) -> None:
    """`python -m tests.faults.killed_history` does it a thousand times."""
    lossless(kills(memory, 10, random.Random(5)))


def test_a_power_cut_takes_ten_minutes_at_the_most_and_a_card_lasts(
    memory: Path, steps: list[powercut.Step]
) -> None:
    """And what sixteen sensors write in a day, by its pages of 4 kB: 20 MB at the most."""
    lossless(account_of_cuts(memory, steps, 30, random.Random(7)))
    pages: set[tuple[str, int]] = set()
    forced = 0
    for step in steps:
        if step.kind == "write":
            first, last = step.offset // 4096, (step.offset + len(step.data) - 1) // 4096
            pages.update((step.path, number) for number in range(first, last + 1))
        elif step.kind == "sync":
            forced += sum(path == step.path for path, _ in pages)
            pages = {(path, number) for path, number in pages if path != step.path}
    minutes = sum(step.kind == "say" and step.data.startswith(b"at ") for step in steps)
    assert 1e6 < 4096 * forced * DAY / minutes < 20e6


def test_a_cut_off_write_is_read_without_touching_the_file(memory: Path, steps: list[powercut.Step]) -> None:
    """Its journal is applied to a copy: who may only read changes nothing."""
    folder = memory / "cut"
    folder.mkdir()
    # The power fails when the last change of the file is synced, and its journal is not ended.
    last = max(at for at, step in enumerate(steps) if step.kind == "sync" and step.path.endswith(".db"))
    files, said = powercut.cut(steps, last + 1, random.Random(3))
    for path, content in files.items():
        (folder / Path(path).name).write_bytes(content)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with open_history(folder / "history.db") as reader:
        newest = max(row.minute for row in reader.rows("s0", "minute", 0, 2 * BEGIN))
    assert f"at {newest + SLOT + 1}\n".encode() in said, "the last write is taken back"
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.fixture
def site(tmp_path: Path) -> Callable[[str], Config]:
    """Reads a configuration with more."""
    write_artefact(tmp_path / "rms.onnx")

    def read(more: str) -> Config:
        path = tmp_path / "edge.toml"
        path.write_text(
            CONFIG.format(port=1883, line="/dev/none").replace("[evidence]", f"{more}\n[evidence]")
        )
        return read_config(path)

    return read


def test_the_doctor_says_whether_trends_can_be_kept(site: Callable[[str], Config], tmp_path: Path) -> None:
    (off,) = examine_history(site("[history]\nenabled = false"))
    assert off.level is Level.SKIPPED
    config = site(f'[history]\nfolder = "{tmp_path / "trends"}"')
    (missing,) = examine_history(config)
    assert (missing.level, missing.what) == (Level.WARNING, "the folder is not there")
    (tmp_path / "trends").mkdir()
    (fresh,) = examine_history(config)
    assert (fresh.level, "next ten minutes" in fresh.what) == (Level.OK, True)
    file = config.history.file(config.state_folder)
    kept = keeping(file)
    kept.run(lambda each: put(each, BEGIN, 20, SENSORS))
    kept.close()
    (whole,) = examine_history(config)
    assert whole.level is Level.OK
    data = file.read_bytes()
    file.write_bytes(b"\xff" * 100 + data[100:])
    (damaged,) = examine_history(config)
    assert (damaged.level, "damaged" in damaged.what) == (Level.WARNING, True)
    kept.run(lambda each: put(each, BEGIN, 1))
    kept.close()
    found = list(examine_history(config))
    assert [finding.level for finding in found] == [Level.OK, Level.WARNING]
    assert "set aside" in found[1].what

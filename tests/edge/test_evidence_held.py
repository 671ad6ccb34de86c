"""What is held of a sensor's line where a kill of the service does not take it."""

import logging
import random
from pathlib import Path

import pytest

from edge_runtime.gateway.evidence.held import BACK_S, BEFORE, HeldFiles, held_folder
from edge_runtime.gateway.evidence.ring import Ring
from edge_runtime.sensors import Chunk
from tests.broker import needs_mosquitto
from tests.faults import killed_evidence

SPAN_S, MOST = 8.0, 1 << 20
EVERY_S = 0.05


def chunks(begin_s: float, seconds: float, size: int = 100) -> list[Chunk]:
    count = round(seconds / EVERY_S)
    return [Chunk(3, bytes([at % 256]) * size, begin_s + at * EVERY_S, 2) for at in range(count)]


def held(folder: Path, items: list[Chunk], most: int = MOST) -> HeldFiles:
    files = HeldFiles(folder, "pump")
    for item in items:
        files.put(item, SPAN_S, most)
    return files


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("part-*"))


@pytest.mark.parametrize("seconds", [3.0, 8.0, 41.3])
def test_the_latest_is_there_after_a_kill_and_little_more(tmp_path: Path, seconds: float) -> None:
    items = chunks(1000.0, seconds)
    held(tmp_path, items)  # nothing is closed: the process is gone
    assert size(tmp_path) <= (SPAN_S * 8 / 7 + 2 * EVERY_S) / EVERY_S * 112
    found = HeldFiles(tmp_path, "pump").take_up(1000 + seconds + 5, SPAN_S)
    wanted = [item for item in items if item.at_s >= items[-1].at_s - SPAN_S]
    assert [(each.at_s, each.data) for each in found] == [(each.at_s, each.data) for each in wanted]
    assert {each.opening for each in found} == {BEFORE}
    assert size(tmp_path) == 0, "it is taken up once"


def test_bytes_are_bounded_however_fast_they_come(tmp_path: Path) -> None:
    files = held(tmp_path, chunks(0.0, 5.0, size=4000), most=64_000)
    assert size(tmp_path) <= 64_000 + 8 * 4012
    files.close()


def test_what_a_kill_cut_off_what_is_no_chunk_and_what_is_old_is_left_out(tmp_path: Path) -> None:
    items = chunks(10.0, 0.2)
    held(tmp_path, items)
    (path,) = tmp_path.rglob("part-*")
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        assert len(HeldFiles(tmp_path, "pump").take_up(11.0, SPAN_S)) == cut // 112
    path.write_bytes(random.Random(1).randbytes(5000))
    assert HeldFiles(tmp_path, "pump").take_up(11.0, SPAN_S) == []
    path.write_bytes(whole)
    assert HeldFiles(tmp_path, "pump").take_up(10.15 + BACK_S + 1, SPAN_S) == []
    (path.parent / "part-1").mkdir()
    assert HeldFiles(tmp_path, "pump").take_up(11.0, SPAN_S) == [], "it cannot be read"


def test_a_ring_goes_on_where_another_run_was_killed(tmp_path: Path) -> None:
    """Nothing is let go of for the time in which nobody listened, until the ring is full again."""
    before = Ring(SPAN_S, MOST, HeldFiles(tmp_path, "pump"))
    for item in chunks(100.0, 20.0):
        before.put(item)
    ring = Ring(SPAN_S, MOST, HeldFiles(tmp_path, "pump"))
    ring.take_up(125.0)
    assert ring.gap_s == pytest.approx(125.0 - 119.95)
    ring.trim(126.0)
    first_s = ring.chunks()[0].at_s
    assert first_s == pytest.approx(126.0 - SPAN_S - ring.gap_s, abs=2 * EVERY_S)
    ring.trim(125.0 + SPAN_S + 0.1)
    assert (ring.gap_s, len(ring.chunks())) == (0.0, 0)
    again = Ring(SPAN_S, MOST, HeldFiles(tmp_path, "pump"))
    again.take_up(126.0)
    assert len(again.chunks()) > 100, "a second kill takes nothing either"


def test_a_folder_that_cannot_be_written_costs_no_evidence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "held").write_text("in the way")
    ring = Ring(SPAN_S, MOST, HeldFiles(tmp_path, "pump"))
    with caplog.at_level(logging.WARNING):
        for item in chunks(0.0, 1.0):
            ring.put(item)
    assert len(ring.chunks()) == 20
    assert len(caplog.records) == 1


def test_it_is_where_systemd_keeps_the_units_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/edge-runtime:/run/other")
    assert held_folder() == Path("/run/edge-runtime")
    monkeypatch.delenv("RUNTIME_DIRECTORY")
    assert held_folder() is None


@needs_mosquitto
def test_the_evidence_of_an_alarm_whose_service_is_killed_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the alarm and after; `python -m tests.faults.killed_evidence` does it at random, many times."""
    monkeypatch.setenv("RUNTIME_DIRECTORY", "")
    assert killed_evidence.main(1, seed=43) == 0  # 0.1 s after the machine became loud, before any alarm

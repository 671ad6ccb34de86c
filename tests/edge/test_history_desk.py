"""The thread that keeps history: the clock as it is then, a disk that refuses, its end."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.gateway.history import values as columns
from edge_runtime.gateway.history.desk import MOST_MINUTES, MOST_WAITING, Closed, HistoryDesk, Noted
from edge_runtime.gateway.history.files import open_history
from edge_runtime.gateway.history.reading import HistoryReader, Mark
from tests.edge.history_pieces import DAY, PUMP, Wall, keeping
from tests.faults.history_driver import BEGIN
from tests.waiting import until


@pytest.fixture
def clock() -> Wall:
    return Wall()


@pytest.fixture
def desk(tmp_path: Path, clock: Wall) -> Iterator[HistoryDesk]:
    made = HistoryDesk(keeping(tmp_path / "history.db"), lambda: None, clock)
    yield made
    if made.ident is not None:
        made.leave()
        made.join()


def written(desk: HistoryDesk) -> HistoryReader:
    """Let it write; a reader of what it wrote."""
    before = desk.written
    assert desk.write()
    until(lambda: desk.written > before, what="the write")
    database = sqlite3.connect(desk.keeping.path)
    return HistoryReader(database)


def test_what_waits_is_written_by_the_clock_as_it_is_then(desk: HistoryDesk, clock: Wall) -> None:
    """A board without a battery sets its clock minutes after its start: its minutes were those of now."""
    clock.wall_s -= 30 * DAY * 60
    desk.start()
    desk.close_minutes([Closed(PUMP, BEGIN - 30 * DAY, clock.apart_s, {columns.SECONDS: 60.0})])
    desk.note(Noted(Mark(round(clock.wall_s * 1e6), PUMP, "alarm", "began"), clock.apart_s, watched=False))
    clock.wall_s, clock.now_s = (BEGIN + 5) * 60.0, 1300.0
    reader = written(desk)
    assert [row.minute for row in reader.rows(PUMP, "minute", 0, 2 * BEGIN)] == [BEGIN]
    assert [mark.time_us for mark in reader.marks(PUMP, 0, 2**62)] == [BEGIN * 60_000_000]


def test_what_a_disk_refuses_waits_an_hour(desk: HistoryDesk, tmp_path: Path) -> None:
    """It is said, counted in the end, and written when the disk can."""
    (tmp_path / "history.db").mkdir()
    desk.start()
    for minute in range(MOST_MINUTES + 5):
        desk.close_minutes([Closed(PUMP, BEGIN + minute, Wall().apart_s, {columns.SECONDS: 60.0})])
    desk.write()
    until(lambda: desk.trouble and desk.lost == 5, what="the trouble, and what no room was left for")
    assert "alarms do not depend on it" in desk.trouble
    assert "history cannot be kept" in desk.trouble
    (tmp_path / "history.db").rmdir()
    reader = written(desk)
    assert desk.trouble == ""
    assert len(list(reader.rows(PUMP, "minute", 0, 2 * BEGIN))) == MOST_MINUTES


def test_nobody_waits_for_a_thread_that_hangs(desk: HistoryDesk) -> None:
    """It takes so many things and no more; what it does not take is counted, and whoever asks is told."""
    minute = [Closed(PUMP, BEGIN, 0.0, {columns.SECONDS: 1.0})]
    for _ in range(MOST_WAITING + 7):  # it was not started: it takes nothing out
        desk.close_minutes(minute)
    assert desk.dropped == 7
    told: list[Any] = []
    desk.ask(lambda _reader, _waiting: None, lambda result, refusal: told.append((result, refusal)))
    assert "Ask again" in str(told[0][1])


def test_the_thread_ends_when_it_is_told_to(desk: HistoryDesk) -> None:
    """And writes what it has before."""
    desk.start()
    desk.close_minutes([Closed(PUMP, BEGIN, Wall().apart_s, {columns.SECONDS: 60.0})])
    desk.leave()
    desk.join()
    assert desk.written == 1
    assert "history" not in {thread.name for thread in threading.enumerate()}
    with open_history(desk.keeping.path) as reader:
        assert [row.minute for row in reader.rows(PUMP, "minute", 0, 2 * BEGIN)] == [BEGIN]

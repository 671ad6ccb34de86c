"""The history's file and its room: what is read, what goes, what is set aside, what is no history."""

import math
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.configuration import HistorySettings, damaged_histories
from edge_runtime.core import AccessError, DataError, UnavailableError
from edge_runtime.gateway.history import values as columns
from edge_runtime.gateway.history.files import copy_history, open_history
from edge_runtime.gateway.history.keeping import Keeping
from edge_runtime.gateway.history.methods import PAGE, HistoryParams, page
from edge_runtime.gateway.history.reading import NOTHING_WAITS, Mark, Waiting
from edge_runtime.gateway.history.store import HistoryFile
from edge_runtime.sensors import RecordingSettings
from tests.edge.disks import fill
from tests.edge.history_pieces import DAY, PUMP, keeping, put, rows
from tests.faults.history_driver import BEGIN, SENSORS, mark_of
from tests.faults.history_driver import values_of as minute_values


@pytest.fixture
def file(tmp_path: Path) -> Iterator[HistoryFile]:
    """One without rows."""
    made = HistoryFile(tmp_path / "history.db")
    yield made
    made.close()


def test_minutes_hours_and_what_happened_are_read_as_they_were_written(file: HistoryFile) -> None:
    put(file, BEGIN, 125, SENSORS)
    file.put({}, [mark_of(BEGIN), mark_of(BEGIN)])
    for name in SENSORS:
        found = rows(file, sensor=name)
        assert [row.minute for row in found] == list(range(BEGIN, BEGIN + 125))
        assert all(row.values == minute_values("s0", row.minute) for row in found)
    hours = rows(file, "hour", SENSORS[3])
    assert [hour.values[columns.SECONDS] for hour in hours] == [3600, 3600, 300]
    assert hours[0].values[columns.SCORE_MAX] == minute_values("s0", BEGIN + 59)[columns.SCORE_MAX]
    first = mark_of(BEGIN)
    times = [mark.time_us for mark in file.reader.marks(first.sensor, 0, 2**62)]
    assert times == [first.time_us, first.time_us + 1]
    assert rows(file, sensor="motor") == []


def test_a_minute_that_comes_in_parts_is_one(file: HistoryFile) -> None:
    """As where the service is stopped within it."""
    for windows, score in ((100.0, 1.0), (300.0, 2.0)):
        part = {columns.WINDOWS: windows, columns.SCORE_MEAN: score, columns.SCORE_MAX: score}
        file.put({PUMP: {BEGIN: part}}, [])
    (row,) = rows(file)
    assert row.values == {columns.WINDOWS: 400, columns.SCORE_MEAN: 1.75, columns.SCORE_MAX: 2}
    assert rows(file, "hour")[0].values == row.values


def test_what_watches_a_sensor_is_news_only_where_it_is_another(file: HistoryFile) -> None:
    for number, model in enumerate(["a", "a", "b", "b"]):
        file.put({}, [], [Mark(number, PUMP, "model", model), Mark(number, PUMP, "commissioning", "")])
    assert [(mark.time_us, mark.text) for mark in file.reader.marks(PUMP, 0, 10)] == [(0, "a"), (2, "b")]


def test_what_is_too_old_goes(file: HistoryFile) -> None:
    put(file, BEGIN, 180)
    file.put({}, [mark_of(BEGIN), mark_of(BEGIN + 16 * 10)])
    file.put({}, [], oldest=(BEGIN + 100, BEGIN // 60 + 2))
    assert rows(file)[0].minute == BEGIN + 100
    assert [row.minute for row in rows(file, "hour")] == [BEGIN + 120]
    assert len(list(file.reader.marks(SENSORS[0], 0, 2**62))) == 1


def test_the_cap_takes_the_oldest_minutes_first_and_gives_the_room_back(file: HistoryFile) -> None:
    """Hours stay until there is but a day of minutes; in the end even that goes."""
    put(file, BEGIN, 3 * DAY, SENSORS[:4])
    full = file.bytes
    file.shrink(full // 2)
    assert file.bytes <= full // 2
    left = rows(file, sensor="s0")
    assert DAY <= len(left) < 2 * DAY
    assert left[-1].minute == BEGIN + 3 * DAY - 1
    assert len(rows(file, "hour", "s0")) == 72
    file.shrink(full // 5)
    assert file.bytes <= full // 5
    assert rows(file, sensor="s0")[-1].minute == BEGIN + 3 * DAY - 1, "the newest goes last"
    while file.remove_oldest():
        pass
    assert rows(file, sensor="s0") == rows(file, "hour", "s0") == []


@pytest.mark.parametrize("place", [0, 18, 100, 8192])
def test_a_damaged_file_is_set_aside_and_another_begun(tmp_path: Path, place: int) -> None:
    """Wherever it is damaged so that SQLite says so; the newest copy is kept."""
    path = tmp_path / "history.db"
    for number in range(2):
        kept = keeping(path)
        kept.run(lambda file: put(file, BEGIN, 120, SENSORS))
        kept.close()
        data = bytearray(path.read_bytes())
        data[place : place + 64] = b"\xff" * 64
        path.write_bytes(data)
        kept.run(lambda file: put(file, BEGIN + 120, 20, SENSORS))
        kept.run(lambda file: file.shrink(1))  # every page is met
        assert "was damaged" in kept.set_aside, number
        assert len(damaged_histories(path)) == 1
        kept.run(lambda file: put(file, BEGIN, 20))
        assert kept.aside_count == 1
        kept.close()


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    HistoryFile(path).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 9")
    database.close()
    before = path.read_bytes()
    with pytest.raises(DataError, match="has schema 9"):
        keeping(path).run(lambda file: put(file, BEGIN, 1))
    with pytest.raises(DataError, match="has schema 9"), open_history(path):
        pass
    assert path.read_bytes() == before


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """A disk that was pulled out: nothing is written where it was mounted."""
    with pytest.raises(UnavailableError, match="mount its disk"):
        keeping(tmp_path / "stick" / "history.db").make_room()
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_taken_away_is_begun_again(tmp_path: Path) -> None:
    kept = keeping(tmp_path / "history.db")
    kept.run(lambda file: put(file, BEGIN, 10))
    (tmp_path / "history.db").unlink()
    kept.run(lambda file: put(file, BEGIN + 10, 10))
    kept.close()
    with open_history(tmp_path / "history.db") as reader:
        assert next(reader.rows(PUMP, "minute", 0, 2 * BEGIN)).minute == BEGIN + 10


def test_a_disk_that_fills_up_gets_the_room_back(small_disk: Path) -> None:
    """Below what history leaves free its oldest rows go, on a disk without a byte; in the end all of them."""
    path = small_disk / "history.db"
    kept = keeping(path)
    kept.run(lambda file: put(file, BEGIN, 2 * DAY, SENSORS[:8]))
    kept.make_room()
    stone = fill(small_disk)
    assert kept.free() == 0
    kept.close()
    tight = Keeping(path, HistorySettings(free_bytes=128 * 1024), RecordingSettings())
    tight.make_room()
    assert tight.free() >= 128 * 1024
    left = tight.run(lambda file: rows(file, sensor="s0"))
    assert 0 < len(left) < 2 * DAY
    assert left[-1].minute == BEGIN + 2 * DAY - 1
    tight.close()
    stone.rename(small_disk / "before")
    fill(small_disk)
    with pytest.raises(UnavailableError, match="history leaves 2"):
        Keeping(path, HistorySettings(free_bytes=2 * 1024**2), RecordingSettings()).make_room()
    assert not path.exists() or path.stat().st_size <= 64 * 1024


def test_pages_join_what_is_kept_with_what_waits(file: HistoryFile) -> None:
    put(file, BEGIN, 130)
    fresh = {(PUMP, BEGIN + 130): {columns.SECONDS: 60.0}, ("motor", BEGIN + 3): {columns.SECONDS: 1.0}}
    waiting = Waiting(fresh, [Mark(BEGIN * 60_000_000, PUMP, "alarm", "began")])
    params = HistoryParams(PUMP, BEGIN * 60.0, (BEGIN + 1000) * 60.0)
    found: list[Any] = []
    at: Any = params.since_s
    while at is not None:
        said: Any = page(file.reader, waiting, replace(params, since_s=at))
        assert len(said["rows"]) <= PAGE
        found, at = [*found, *said["rows"]], said["next_s"]
    assert [row["time_s"] for row in found] == [60 * (BEGIN + minute) for minute in range(131)]
    params = HistoryParams(PUMP, BEGIN * 60.0, (BEGIN + 1000) * 60.0, "hour")
    hours: Any = page(file.reader, waiting, params)["rows"]
    assert [row["values"][columns.SECONDS] for row in hours] == [3600, 3600, 660]
    assert page(file.reader, waiting, replace(params, every="mark"))["rows"]
    with pytest.raises(DataError, match="Ask for minute, hour, mark"):
        page(file.reader, NOTHING_WAITS, replace(params, every="day"))
    with pytest.raises(DataError, match="there is no sensor 'motor'"):
        page(file.reader, NOTHING_WAITS, replace(params, sensor="motor"))
    for since_s, until_s in ((math.nan, 1.0), (2.0, 1.0), (-1.0, 1.0), (0.0, math.inf)):
        with pytest.raises(DataError, match="no span of time"):
            page(file.reader, NOTHING_WAITS, replace(params, since_s=since_s, until_s=until_s))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_has_a_remedy(tmp_path: Path) -> None:
    HistoryFile(tmp_path / "history.db").close()
    (tmp_path / "history.db").chmod(0)
    with pytest.raises(AccessError, match="sudo"), open_history(tmp_path / "history.db"):
        pass


def test_what_is_no_history_is_called_that(tmp_path: Path) -> None:
    """A text, another program's database and the spool's: none is a damaged history."""
    text, other, spool = tmp_path / "notes.txt", tmp_path / "other.db", tmp_path / "spool.db"
    text.write_text("no database\n" * 100)
    for path, version in ((other, 0), (spool, 7)):
        with closing(sqlite3.connect(path)) as database:
            database.execute("CREATE TABLE message (id INTEGER PRIMARY KEY)")
            database.execute(f"PRAGMA user_version = {version}")
    for path in (text, other, spool):
        before = path.read_bytes()
        with pytest.raises(DataError, match="it is no history") as raised, open_history(path):
            pass
        assert "Give a `history.db`" in str(raised.value)
        assert path.read_bytes() == before


def test_a_copy_is_whole_while_the_service_writes(tmp_path: Path) -> None:
    path, kept = tmp_path / "history.db", keeping(tmp_path / "history.db")
    kept.run(lambda file: put(file, BEGIN, 2 * DAY, SENSORS))
    copy_history(path, tmp_path / "copy.db")
    kept.run(lambda file: put(file, BEGIN + 2 * DAY, 10, SENSORS))
    kept.close()
    with open_history(tmp_path / "copy.db") as reader:
        minutes = [row.minute for row in reader.rows("s0", "minute", 0, 2 * BEGIN)]
    assert minutes == list(range(BEGIN, BEGIN + 2 * DAY))
    with pytest.raises(UnavailableError, match="the history cannot be copied"):
        copy_history(path, tmp_path / "no folder" / "copy.db")

"""History piece by piece: values of longer stretches, blocks, the file, its room, the thread, the doctor."""

import math
import os
import random
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.analysis.diagnosis import indicators
from edge_runtime.configuration import Config, HistorySettings, damaged_histories, read_config
from edge_runtime.core import AccessError, DataError, Frame, UnavailableError
from edge_runtime.doctor.findings import Level
from edge_runtime.doctor.history import examine_history
from edge_runtime.gateway.history import values as columns
from edge_runtime.gateway.history.blocks import decode, encode
from edge_runtime.gateway.history.desk import MOST_MINUTES, MOST_WAITING, Closed, HistoryDesk, Noted
from edge_runtime.gateway.history.files import open_history
from edge_runtime.gateway.history.keeping import Keeping
from edge_runtime.gateway.history.looks import EVERY_S, Look, Looks, values_of
from edge_runtime.gateway.history.methods import PAGE, HistoryParams, page
from edge_runtime.gateway.history.reading import NOTHING_WAITS, HistoryReader, Mark, Row, Waiting
from edge_runtime.gateway.history.store import HistoryFile
from edge_runtime.gateway.history.values import merged
from edge_runtime.sensors import RecordingSettings
from tests.artefacts import write_artefact
from tests.edge.disks import fill
from tests.edge.sites import CONFIG
from tests.faults import powercut
from tests.faults.history_driver import BEGIN, SENSORS, SLOT, mark_of
from tests.faults.history_driver import values_of as minute_values
from tests.faults.killed_history import MEMORY, Account, account_of_cuts, kills, recorded
from tests.waiting import until

NO_FLOOR = RecordingSettings(free_bytes=0)
DAY = 24 * 60
PUMP = "pump"


def put(file: HistoryFile, begin: int, count: int, sensors: tuple[str, ...] = (PUMP,)) -> None:
    """Minutes as a driver makes them."""
    minutes = {minute: minute_values("s0", minute) for minute in range(begin, begin + count)}
    file.put(dict.fromkeys(sensors, minutes), [])


def rows(file: HistoryFile, every: Any = "minute", sensor: str = PUMP) -> list[Row]:
    return list(file.reader.rows(sensor, every, 0, 2 * BEGIN))


@pytest.fixture
def file(tmp_path: Path) -> Iterator[HistoryFile]:
    """One without rows."""
    made = HistoryFile(tmp_path / "history.db")
    yield made
    made.close()


@given(st.lists(st.lists(st.floats(0.1, 100), min_size=1, max_size=8), min_size=1, max_size=6))
def test_values_of_parts_come_to_those_of_the_whole(parts: list[list[float]]) -> None:
    """As if all had been one minute, whichever way it was divided."""

    def minute(scores: list[float]) -> dict[str, float]:
        mean = sum(scores) / len(scores)
        squares = math.sqrt(sum(score**2 for score in scores) / len(scores))
        count = float(len(scores))
        found = {columns.WINDOWS: count, columns.LOOKS: count, columns.SECONDS: count}
        found |= {columns.SCORE_MIN: min(scores), columns.SCORE_MAX: max(scores), columns.SCORE_MEAN: mean}
        found |= {
            columns.RMS + "x": squares,
            columns.VELOCITY + "x": squares,
            columns.PEAK + "x": max(scores),
        }
        found |= {columns.CREST + "x": mean, columns.KURTOSIS + "x": mean, columns.USABLE: mean}
        return found | {columns.READING + "t": mean, columns.STATE + "on": count, columns.ERRORS: count}

    whole, made = minute([score for part in parts for score in part]), merged([*map(minute, parts)])
    assert made.keys() == whole.keys()
    assert all(made[column] == pytest.approx(whole[column], rel=1e-9) for column in whole)


@given(
    st.dictionaries(
        st.integers(0, 9),
        st.dictionaries(st.sampled_from("abcdef"), st.floats(-1e6, 1e6), min_size=1),
        min_size=1,
    )
)
def test_a_block_holds_what_was_put_into_it(table: dict[int, dict[str, float]]) -> None:
    names = sorted({column for row in table.values() for column in row})
    found = decode(encode(table, names), names)
    assert found.keys() == table.keys()
    for number, row in table.items():
        assert found[number].keys() == row.keys()
        assert all(found[number][name] == pytest.approx(row[name], rel=2**-14, abs=1e-37) for name in row)


def test_a_damaged_block_is_refused_and_nothing_is_made_up() -> None:
    """Each byte in turn; also one that is cut off, or would grow to more than any block has."""
    block = encode({3: {"a": 1.5, "b": 2.5}}, ["a", "b"])
    for place in range(len(block)):
        wrong = bytearray(block)
        wrong[place] ^= 0x40
        with pytest.raises(DataError):
            decode(bytes(wrong), ["a", "b"])
    for cut in (b"", block[:-1], block[:5]):
        with pytest.raises(DataError):
            decode(cut, ["a", "b"])
    with pytest.raises(DataError):
        decode(block, ["a", "b", "c"])


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


def keeping(path: Path, **limits: Any) -> Keeping:
    return Keeping(path, HistorySettings(**({"free_bytes": 0} | limits)), NO_FLOOR)


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


class Wall:
    """Both clocks, in seconds."""

    def __init__(self) -> None:
        self.wall_s, self.now_s = BEGIN * 60.0, 1000.0

    def __call__(self) -> tuple[float, float]:
        return self.wall_s, self.now_s

    @property
    def apart_s(self) -> float:
        return self.wall_s - self.now_s


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
    until(lambda: desk.trouble, what="the trouble")
    assert desk.lost == 5
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


def frame(sequence: int, samples: np.ndarray[Any, Any], rate_hz: float, boot: int = 1) -> Frame:
    return Frame(1, boot, sequence, 0, rate_hz, 0.001, 0, samples)


def test_a_second_in_five_is_looked_at_and_none_with_a_gap() -> None:
    rate, size = 4000.0, 100
    looks, block = Looks(rate, 0.0), np.zeros((size, 1), np.int16)
    taken = [looks.take(frame(number, block, rate)) for number in range(round(20 * rate / size))]
    seconds = [sum(len(each.samples) for each in frames) / rate for frames in taken if frames]
    assert seconds == [1.0] * round(20 / EVERY_S)
    looks = Looks(rate, 0.0)
    for number in range(80):  # one frame is missing in each second
        assert looks.take(frame(number + number // 30, block, rate)) is None


def test_a_look_says_what_the_indicators_say() -> None:
    """A sine of 1 g rms at 159.155 Hz has a velocity of 9.80665 mm/s rms."""
    rate = 12800.0
    times = np.arange(int(rate)) / rate
    counts = np.round(1000 * math.sqrt(2) * np.sin(2 * np.pi * 159.155 * times)).astype(np.int16)[
        :, np.newaxis
    ]
    frames = tuple(frame(number, part, rate) for number, part in enumerate(np.split(counts, 128)))
    found = values_of(Look(PUMP, BEGIN, 0.0, rate, "g", ("x",), frames))
    said = indicators(counts[:, 0].astype(np.float64) * 0.001 * 9.80665, rate)
    assert found[columns.VELOCITY + "x"] == pytest.approx(9.80665, rel=0.01)
    assert found[columns.VELOCITY + "x"] == pytest.approx(said.velocity_mm_s)
    assert found[columns.RMS + "x"] == pytest.approx(said.rms)
    assert found[columns.CREST + "x"] == pytest.approx(math.sqrt(2), rel=0.01)
    other = values_of(Look(PUMP, BEGIN, 0.0, rate, "mV", ("x",), frames))
    assert set(other) == {columns.LOOKS, columns.CREST + "x", columns.KURTOSIS + "x"}


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


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_has_a_remedy(tmp_path: Path) -> None:
    HistoryFile(tmp_path / "history.db").close()
    (tmp_path / "history.db").chmod(0)
    with pytest.raises(AccessError, match="sudo"), open_history(tmp_path / "history.db"):
        pass


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

"""Evidence piece by piece: the ring, what is taken of it, room, removal, records, chunks, lists."""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_runtime.book import AlarmMoment as Moment
from edge_runtime.core import BusyError, DataError, Hello, Note, UnavailableError
from edge_runtime.gateway.evidence.desk import MOST_AT_ONCE, EvidenceDesk
from edge_runtime.gateway.evidence.diagnosis import findings
from edge_runtime.gateway.evidence.files import evidence_in, export_list
from edge_runtime.gateway.evidence.record import EvidenceRecord, encode_record, parse_record
from edge_runtime.gateway.evidence.removal import next_to_remove
from edge_runtime.gateway.evidence.ring import CHUNK_BYTES, Ring
from edge_runtime.gateway.evidence.store import MARGIN_BYTES, Store
from edge_runtime.gateway.evidence.taking import Taking, Wanted
from edge_runtime.gateway.evidence.transfers import MAX_MESSAGE_BYTES, Transfers
from edge_runtime.gateway.evidence.transfers import MOST_AT_ONCE as MOST_TRANSFERS
from edge_runtime.gateway.recording.store import CaptureStore
from edge_runtime.sensors import (
    CaptureNote,
    Chunk,
    EvidenceSettings,
    RecordingSettings,
    Signal,
    SimulatedSensor,
    signal_frames,
    signal_hello,
)
from edge_runtime.sensors.captures import summarize
from edge_runtime.sensors.diagnosis_settings import DiagnosisSettings
from tests.edge.disks import fill, mount_tmpfs
from tests.edge.recorded import FRAME_S, frames_in, items_in, target, vibration, wire
from tests.edge.test_diagnosis import BEARING, SPEED_HZ, machine
from tests.edge.test_diagnosis import RATE_HZ as BEARING_HZ
from tests.waiting import until

NO_FLOOR = RecordingSettings(free_bytes=0)
ALARM = "0d9a"


def record(alarm: str = ALARM, moment: Moment = Moment.BEGIN, second: int = 0, **more: Any) -> EvidenceRecord:
    time = f"2026-11-26T10:00:{second:02}.000000Z"
    return EvidenceRecord(alarm, moment, "pump", "anomaly", time, clock_ok=True, **more)


def store(folder: Path, **limits: Any) -> Store:
    """One in `folder`, on a disk with room enough."""
    made = Store(folder, EvidenceSettings(**({"free_bytes": 0} | limits)), NO_FLOOR)
    list(made.scan())
    return made


def chunks(parts: list[bytes], begin_s: float = 0.0, opening: int = 1) -> list[Chunk]:
    """Parts of `wire` as they come from the inbox, at a sensor's pace."""
    return [Chunk(0, part, begin_s + at * FRAME_S, opening) for at, part in enumerate(parts)]


def wanted(ring: Ring, from_s: float, until_s: float, **changes: Any) -> Wanted:
    return Wanted(record(), target(**changes).settings, ring, from_s, until_s, None, "full load")


def filled(parts: list[Chunk], span_s: float = 60.0, most_bytes: int = 2**20) -> Ring:
    ring = Ring(span_s, most_bytes)
    for part in parts:
        ring.put(part)
    return ring


def kept(folder: Store, made: EvidenceRecord, size: int = 1000) -> EvidenceRecord:
    """Write a capture of about that size and end it."""
    file = folder.begin(made, CaptureNote(sensor="pump"), b"")
    file.write(b"\1" * size + b"\0", 0.0)
    return folder.end(made)


@given(st.lists(st.integers(1, 300), max_size=60), st.integers(0, 5000), st.floats(0.1, 3.0))
def test_a_ring_never_takes_more_than_its_budget(sizes: list[int], most_bytes: int, span_s: float) -> None:
    ring = Ring(span_s, most_bytes)
    for at, size in enumerate(sizes):
        ring.put(Chunk(0, bytes(size), at * 0.1))
        ring.trim(at * 0.1)
        held = ring.chunks()
        assert ring.bytes == sum(len(chunk.data) + CHUNK_BYTES for chunk in held) <= most_bytes
        assert all(chunk.at_s >= at * 0.1 - span_s for chunk in held)
        # What is held is the latest of what came.
        assert [chunk.at_s for chunk in held] == [
            number * 0.1 for number in range(at + 1 - len(held), at + 1)
        ]


def test_what_is_taken_is_what_was_held_and_what_came(tmp_path: Path) -> None:
    parts = wire(vibration(0.3, 0.3))[1:]
    whole = chunks(parts)
    ring, folder = filled(whole[:10]), store(tmp_path)
    taking = Taking(wanted(ring, from_s=whole[3].at_s, until_s=whole[20].at_s), folder)
    taking.advance()
    for chunk in whole[10:21]:
        ring.put(chunk)
        taking.advance()
    sealed = taking.end()
    assert sealed is not None
    path = folder.capture_path(sealed)
    assert [frame.sequence for frame in frames_in(path)] == list(range(3, 21))
    assert sealed.whole
    assert sealed.bytes == path.stat().st_size
    note = CaptureNote.of(next(item for item in items_in(path) if isinstance(item, Note)))
    assert (note.label, note.condition, note.sensor) == ("alarm", "full load", "pump")
    assert folder.records == (replace(sealed, event={}),)
    assert store(tmp_path).records == folder.records


@pytest.mark.parametrize("size", [1, 7, 333])
def test_a_ring_that_begins_within_a_frame_costs_that_frame_alone(tmp_path: Path, size: int) -> None:
    data = b"".join(wire(vibration(0.3))[1:])[100:]
    cut = [Chunk(0, data[at : at + size], at / 1e6) for at in range(0, len(data), size)]
    folder = store(tmp_path)
    taking = Taking(wanted(filled(cut, most_bytes=2**24), 0.0, 1.0), folder)
    taking.advance()
    found = summarize(str(folder.capture_path(taking.end() or record())))
    assert found.damaged == 0
    assert found.frames == 19


def test_lines_are_kept_as_frames_with_what_the_site_states(tmp_path: Path) -> None:
    parts = [b"".join(b"%d\n" % (number % 7) for number in range(50)) for _ in range(20)]
    folder = store(tmp_path)
    taking = Taking(wanted(filled(chunks(parts)), 0.0, 1.0, protocol="lines", range=16.0), folder)
    taking.advance()
    path = folder.capture_path(taking.end() or record())
    hello = next(item for item in items_in(path) if isinstance(item, Hello))
    assert (hello.unit, hello.channels, hello.range) == ("g", ("x",), 16.0)
    assert sum(len(frame.samples) for frame in frames_in(path)) > 900


def test_what_began_late_or_ended_early_is_not_whole(tmp_path: Path) -> None:
    whole = chunks(wire(vibration(0.3, 0.3, 0.3))[1:])
    for number, (from_s, until_s) in enumerate([(-5.0, 2.0), (0.5, 60.0)]):
        folder = store(tmp_path / str(number))
        taking = Taking(wanted(filled(whole), from_s, until_s), folder)
        taking.advance()
        sealed = taking.end()
        assert sealed is not None
        assert not sealed.whole


def test_of_a_silent_line_nothing_is_kept(tmp_path: Path) -> None:
    folder = store(tmp_path)
    taking = Taking(wanted(Ring(10.0, 1000), 0.0, 1.0), folder)
    taking.advance()
    assert taking.end() is None
    assert not list(tmp_path.iterdir())


def test_what_was_cut_goes_on_as_another_part(tmp_path: Path) -> None:
    whole = chunks(wire(vibration(0.3, 0.3))[1:])
    taking = Taking(wanted(filled(whole[:10]), 0.1, 9.0), store(tmp_path))
    taking.advance()  # and the program is killed
    again = store(tmp_path)
    (cut,) = list(again.scan())
    assert not cut.sealed
    on = Taking(replace(wanted(filled(whole[15:]), 0.0, whole[-1].at_s), record=cut), again, goes_on=True)
    on.advance()
    sealed = on.end()
    assert sealed is not None
    path = again.capture_path(sealed)
    assert [frame.sequence for frame in frames_in(path)] == [*range(2, 10), *range(15, 40)]
    assert [CaptureNote.of(note).part for note in summarize(str(path)).notes] == [1, 2]
    assert sealed.whole


def test_what_lost_its_capture_or_its_record_is_not_there(tmp_path: Path) -> None:
    folder = store(tmp_path)
    one, other = (kept(folder, record(alarm)) for alarm in ("a", "b"))
    folder.capture_path(one).unlink()
    folder.capture_path(other).with_suffix(".json").write_text('{"schema": 1}')
    assert store(tmp_path).records == ()
    assert [path.name for path in folder.capture_path(one).parent.iterdir() if "a-" in path.name] == []


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from(Moment), st.integers(0, 59)),
        unique_by=lambda each: each[:2],
        max_size=20,
    )
)
def test_of_each_alarm_the_first_stays_longest_and_else_the_oldest_goes(found: list[Any]) -> None:
    left = [record(str(alarm), moment, second) for alarm, moment, second in found]
    gone: list[EvidenceRecord] = []
    while (going := next_to_remove(left)) is not None:
        left.remove(going)
        gone.append(going)
    first = [each.moment is Moment.BEGIN for each in gone]
    assert first == sorted(first)
    for kind in (True, False):
        times = [each.time for each, is_first in zip(gone, first, strict=True) if is_first is kind]
        assert times == sorted(times)


def test_the_cap_is_never_passed(tmp_path: Path) -> None:
    folder = store(tmp_path, max_bytes=2**20)
    for second in range(30):
        kept(folder, record(f"a{second}", second=second), 100_000)
        assert sum(path.stat().st_size for path in tmp_path.rglob("*.frames")) <= 2**20
    assert [each.alarm for each in folder.records] == [f"a{second}" for second in range(20, 30)]
    assert folder.removed == 20


def test_on_a_full_disk_evidence_goes_and_comes_again_by_itself(tmp_path: Path) -> None:
    unmount = mount_tmpfs(tmp_path / "disk", f"{MARGIN_BYTES // 1024 + 4096}k")
    try:
        folder = store(tmp_path / "disk" / "evidence")
        for second in range(5):
            kept(folder, record(f"a{second}", second=second), 500_000)
        stone = tmp_path / "disk" / "stone"
        stone.write_bytes(bytes(3 * 2**20))  # more than captures would leave free, by far
        folder.make_room(0)
        left = [each.alarm for each in folder.records]
        assert left in (["a3", "a4"], ["a4"])  # the room of a page more or less
        stone.unlink()
        fill(tmp_path / "disk")
        with pytest.raises(UnavailableError, match="evidence leaves"):
            folder.begin(record("b"), CaptureNote(), b"")
        assert not folder.records
        stone.unlink()
        kept(folder, record("c"))
        assert [each.alarm for each in folder.records] == ["c"]
    finally:
        unmount()


def test_on_a_disk_that_fills_up_evidence_goes_before_any_capture(tmp_path: Path) -> None:
    """Whoever looks first; and what is left of both goes on when there is room."""
    unmount = mount_tmpfs(tmp_path / "disk", f"{MARGIN_BYTES // 1024 + 16 * 1024}k")
    try:
        limits = RecordingSettings(free_bytes=2**20)
        folder = Store(tmp_path / "disk" / "evidence", EvidenceSettings(free_bytes=0), limits)
        captures = CaptureStore(tmp_path / "disk" / "captures", limits)
        for number in range(4):
            kept(folder, record(f"a{number}", second=number), 500_000)
            said = CaptureNote(sensor="pump", time=record(second=number).time, recording="r", part=number)
            file = captures.begin(replace(said, every_s=60.0), b"")
            file.write(bytes(500_000), 0.0)
            captures.end(file, replace(said, every_s=60.0))
        stone, thinned_with_evidence = tmp_path / "disk" / "stone", False
        with stone.open("wb") as out, suppress(OSError):
            while True:
                out.write(bytes(2**20))
                out.flush()
                for look in (captures.make_room, folder.make_room):
                    with suppress(UnavailableError):
                        look(0)
                    thinned_with_evidence |= bool(captures.thinned and folder.records)
        assert not thinned_with_evidence
        assert captures.thinned > 0
        assert len(folder.records) == 0
        stone.unlink()
        assert kept(folder, record("b")).sealed
    finally:
        unmount()


def test_evidence_gives_way_before_captures_whatever_the_site_says() -> None:
    low, high = RecordingSettings(free_bytes=0), RecordingSettings(free_bytes=2**40)
    for recording in (low, high):
        made = Store(Path("/none"), EvidenceSettings(free_bytes=0), recording)
        assert made.free_bytes == recording.free_bytes + MARGIN_BYTES


@given(st.binary(max_size=200))
@example(b"[]")
@example(b'{"schema": 1, "alarm": NaN}')
def test_a_record_is_ours_or_none(data: bytes) -> None:
    with pytest.raises(DataError, match="no record of evidence"):
        parse_record(data)


def test_a_record_comes_back_as_it_was() -> None:
    one = record(sha256="ab", bytes=7, seconds=1.5, whole=True, told=True, event={"id": "x", "peak": None})
    for each in (one, replace(one, judgement={"verity": "real"}, moment=Moment.PEAK)):
        assert parse_record(encode_record(each)) == each
    members = json.loads(encode_record(one))
    for name in members:
        with pytest.raises(DataError):
            parse_record(json.dumps({key: value for key, value in members.items() if key != name}).encode())
    for wrong in ("../x", "", "a/b", "x" * 70, ".", 7):
        with pytest.raises(DataError):
            parse_record(json.dumps(members | {"alarm": wrong}).encode())


def sent(transfers: Transfers) -> list[tuple[str, dict[str, Any], bytes]]:
    """Everything that is on its way: topic, head and data of each chunk."""
    found = []
    while (due := transfers.take()) is not None:
        topic, body = due
        assert len(body) <= MAX_MESSAGE_BYTES
        line, _, data = body.partition(b"\n")
        found.append((topic, json.loads(line), data))
    return found


def test_chunks_together_are_the_file_whatever_becomes_of_it(tmp_path: Path) -> None:
    folder, transfers = store(tmp_path), Transfers("t/")
    sealed = kept(folder, record(), 20_000)
    path = folder.capture_path(sealed)
    data = path.read_bytes()
    transfers.begin(sealed, path, "a", 0, 2)
    transfers.begin(sealed, path, "b", 2, 0)
    first = transfers.take()
    path.unlink()  # room was made; what is open is read to its end, and what is not says so
    rest = sent(transfers)
    line, _, begin = (first or ("", b""))[1].partition(b"\n")
    assert (json.loads(line)["index"], json.loads(line)["count"]) == (0, 4)
    assert begin + b"".join(part for topic, head, part in rest if topic == "t/a") == data[: 2 * 6144]
    assert [head["error"] for topic, head, _ in rest if topic == "t/b"] == [
        "it cannot be read any more (No such file or directory)"
    ]
    assert transfers.take() is None


def test_transfers_take_turns_and_are_bounded(tmp_path: Path) -> None:
    folder, transfers = store(tmp_path), Transfers("t/")
    sealed = kept(folder, record(), 20_000)
    path = folder.capture_path(sealed)
    for number in range(MOST_TRANSFERS):
        transfers.begin(sealed, path, str(number), 0, 0)
    with pytest.raises(BusyError):
        transfers.begin(sealed, path, "x", 0, 0)
    transfers.begin(sealed, path, "3", 3, 0)  # again: from there
    transfers.cancel("t/5")
    order = [topic for topic, _, _ in sent(transfers)]
    assert "t/5" not in order
    assert (order.count("t/3"), order.count("t/7")) == (1, 4)
    assert order[:3] == ["t/0", "t/1", "t/2"]
    for wrong in (-1, 4):
        with pytest.raises(DataError, match="there is no chunk"):
            transfers.begin(sealed, path, "0", wrong, 0)


def test_a_list_of_what_was_judged(tmp_path: Path) -> None:
    """A false alarm is normal, of a real one what is between its begin and its end; the rest is left out."""
    folder = store(tmp_path)
    rows = [
        ("false", Moment.BEGIN),
        ("real", Moment.BEGIN),
        ("real", Moment.END),
        ("real", Moment.PEAK),
    ]
    rows += [("maintenance", Moment.BEGIN), ("", Moment.BEGIN)]
    for number, (verity, moment) in enumerate(rows):
        judgement = {"verity": verity} if verity else None
        made = record(f"a{number}", moment, number, judgement=judgement, after_s=0.5)
        file = folder.begin(made, CaptureNote(sensor="pump", condition="full load"), b"")
        file.write(b"".join(wire(vibration(0.3, 0.3))), 0.0)
        folder.end(made)
    text, count = export_list(evidence_in(tmp_path))
    lines = [line.split(",") for line in text.splitlines()[1:]]
    assert count == len(lines) == 4
    assert [(line[0].partition(".frames")[2], line[2]) for line in lines] == [
        ("", "normal"),
        ("@1.500000-2.000000", "fault"),
        ("@0.000000-1.500000", "fault"),
        ("", "fault"),
    ]
    assert {tuple(line[3:]) for line in lines} == {("full load", "1000", "", "", "x", "g")}


def test_what_it_says_is_kept_with_it(tmp_path: Path) -> None:
    """The bearing of the site's settings, in the stretch after the alarm; else why nothing is said."""
    folder = store(tmp_path)
    healthy, faulty = (machine(hz)[: round(5.2 * BEARING_HZ)] for hz in (None, BEARING.outer * SPEED_HZ))
    samples = np.concatenate([healthy, faulty]).astype(np.float32)[:, np.newaxis]
    signal = Signal(samples, BEARING_HZ, ("x",), "g")
    sensor = SimulatedSensor()
    parts = [signal_hello(signal, sensor), *map(sensor.encode, signal_frames(signal, sensor))]
    known: dict[str, Any] = {"rate_hz": BEARING_HZ, "machine_group": "2-rigid"}
    known["diagnosis"] = DiagnosisSettings(speed_hz=SPEED_HZ, bearing="9,0.3126,1.537")
    taking = Taking(wanted(filled(chunks(parts)), 0.0, 1e9, **known), folder)
    taking.advance()
    sealed = taking.end()
    assert sealed is not None
    (said,) = taking.diagnosed(sealed).findings
    assert "outer race" in said.words
    assert said.zone in ("A", "B", "C", "D")
    assert said.velocity_mm_s is not None
    assert {"1x", "BPFO", "2 x BPFO"} <= {line.name for line in said.lines}
    assert "lines 1x" in str(said)
    (again,) = store(tmp_path).records
    assert again.findings == (said,)
    (cut,) = findings(folder.capture_path(kept(folder, record("b"))), target(**known).settings)
    assert "not diagnosed: no steadyhum frame" in cut.words
    for other in (replace(sealed, kind="sensor_fault"), replace(sealed, moment=Moment.END)):
        assert taking.diagnosed(other).findings == ()


def pumped(desk: EvidenceDesk, done: Callable[[], bool]) -> None:
    def look() -> bool:
        desk.pump()
        return done()

    until(look, what="the desk")


def test_the_desk_survives_what_it_is_given(tmp_path: Path) -> None:
    """A sensor whose alarms come too fast, a folder that may not be written, a job that fails."""
    sealed: list[EvidenceRecord] = []
    answers: list[Any] = []
    desk = EvidenceDesk(store(tmp_path / "state"), lambda: None)
    desk.sealed = sealed.append
    ring = filled(chunks(wire(vibration(0.3))[1:], begin_s=-2.0))
    desk.start()
    try:
        for number in range(MOST_AT_ONCE + 2):
            one = replace(wanted(ring, -3.0, 0.0), record=record(f"a{number}"))
            desk.take(one)
        for job in (lambda: os.stat(tmp_path / "none"), lambda: 1 // 0):
            desk.do(job, lambda result, error: answers.append((result, error)))
        pumped(desk, lambda: len(sealed) == MOST_AT_ONCE and len(answers) == 2)
        assert desk.missed == 2
        assert [result for result, _ in answers] == [None, None]
        assert "No such file" in str(answers[0][1])
        assert "evidence failed (ZeroDivisionError)" in str(answers[1][1])
        (tmp_path / "state" / "pump").rename(tmp_path / "away")
        (tmp_path / "state" / "pump").write_text("no folder")
        desk.take(wanted(ring, -3.0, 0.0))
        pumped(desk, lambda: desk.missed == 3)
        assert "cannot be written" in desk.trouble
    finally:
        desk.leave()
        desk.join()

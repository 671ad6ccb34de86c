"""The folder of captures: names, index, a cap and a floor that are never passed, a disk that goes away."""

import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_runtime.core import EdgeError, Note, UnavailableError
from edge_runtime.gateway.recording.store import CaptureStore, outline, path_word, read_captures
from edge_runtime.sensors import CaptureNote, RecordingSettings
from edge_runtime.sensors.protocols import encode_note
from tests.edge.disks import fill, mount_tmpfs
from tests.edge.recorded import LIMITS, captures_of, items_in, vibration, wire

KIB = 1024


def note(part: int = 1, every_s: float = 0.0, condition: str = "full load") -> CaptureNote:
    return CaptureNote(
        sensor="pump",
        condition=condition,
        time=f"2026-11-26T10:{part:02}:00.000000Z",
        recording="a",
        part=part,
        every_s=every_s,
    )


def snapshots(store: CaptureStore, count: int, size: int) -> None:
    """Write so many, each of about that size; raises what the store raises."""
    for part in range(1, count + 1):
        file = store.begin(note(part, 600.0), b"")
        try:
            store.make_room(size)
            file.write(b"\1" * (size - 1) + b"\0", 0.0)
        finally:
            store.end(file, note(part, 600.0))


@given(st.text(max_size=300), st.text(max_size=300))
@example("..", "")
@example("Pumpe Nr. 3 / links", "Pumpe Nr. 3 - links")
@example("full load", "full-load")
@example("con", "nul")
def test_names_are_safe_on_any_file_system_and_stay_different(one: str, other: str) -> None:
    word = path_word(one)
    assert 0 < len(word) <= 80
    assert word.isascii()
    assert not set(word) & set('/\\:*?"<>| \0\n')
    assert word[0] not in ".-"
    assert word.upper() not in {"CON", "NUL", "AUX", "PRN"}
    assert (path_word(other) == word) == (one == other)


def test_the_index_is_made_from_the_notes(tmp_path: Path) -> None:
    store, parts = CaptureStore(tmp_path, LIMITS), wire(vibration(0.3))
    for part in (1, 2):
        file = store.begin(note(part), parts[0])
        file.write(b"".join(parts[1:]), 0.0)
        store.end(file, note(part))
    names = [path.name for path in captures_of(tmp_path)]
    assert names == ["20261126T100100Z-full-load.frames", "20261126T100200Z-full-load.frames"]
    foreign = tmp_path / "pump" / "cat.frames"
    foreign.write_bytes(b"".join(parts))
    (tmp_path / "pump" / "noise.frames").write_bytes(os.urandom(100_000))
    (tmp_path / "pump" / "empty.frames").write_bytes(b"")
    (tmp_path / "pump" / "folder.frames").mkdir()
    again = CaptureStore(tmp_path, LIMITS)
    again.scan()
    assert [capture.note for capture in again.captures if capture.note.sensor] == [note(1), note(2)]
    assert {capture.path for capture in again.captures} >= set(captures_of(tmp_path)[:2])
    assert outline(foreign).note == CaptureNote()
    assert outline(foreign).seconds == pytest.approx(1.0)
    assert [capture.note.part for capture in read_captures(tmp_path) if capture.seconds] == [1, 2, 0]


def test_room_that_somebody_made_is_found(tmp_path: Path) -> None:
    store = CaptureStore(tmp_path, RecordingSettings(max_bytes=1024 * KIB, free_bytes=0))
    for part in (1, 2):
        file = store.begin(note(part), b"")
        file.write(b"\1" * (450 * KIB) + b"\0", 0.0)
        store.end(file, note(part))
    with pytest.raises(UnavailableError, match="delete them"):
        store.make_room(300 * KIB)
    captures_of(tmp_path)[0].unlink()
    store.make_room(300 * KIB)
    assert [capture.note.part for capture in store.captures] == [2]
    with captures_of(tmp_path)[0].open("ab") as file_:
        file_.write(b"\1" * (400 * KIB))
    store.scan()
    with pytest.raises(UnavailableError, match="delete them"):
        store.make_room(300 * KIB)


def test_two_of_one_second_are_two_files(tmp_path: Path) -> None:
    store = CaptureStore(tmp_path, LIMITS)
    files = [store.begin(note(), b"") for _ in range(3)]
    for file in files:
        store.end(file, note())
    assert len(captures_of(tmp_path)) == 3
    assert all(len(items_in(path)) == 1 for path in captures_of(tmp_path))


def test_the_cap_thins_snapshots_and_then_refuses(tmp_path: Path) -> None:
    store = CaptureStore(tmp_path, RecordingSettings(max_bytes=1024 * KIB, free_bytes=0))
    snapshots(store, 40, 100 * KIB)
    left = sum(path.stat().st_size for path in captures_of(tmp_path))
    assert left <= 1024 * KIB
    parts = [capture.note.part for capture in store.captures]
    assert (parts[0], parts[-1]) == (1, 40)
    assert len(parts) >= 8
    assert store.thinned == 40 - len(parts)
    asked = store.begin(note(50, condition="asked for"), b"")

    def write_on() -> None:
        for _ in range(100):
            store.make_room(50 * KIB)
            asked.write(b"\1" * (50 * KIB - 1) + b"\0", 0.0)

    with pytest.raises(UnavailableError, match="captures take the 1 MB") as refusal:
        write_on()
    store.end(asked, note(50, condition="asked for"))
    assert "--copy-to" in refusal.value.remedy
    assert [capture.note.part for capture in store.captures] == [1, 40, 50], "the ends of the series stay"
    assert sum(path.stat().st_size for path in captures_of(tmp_path)) <= 1024 * KIB


def test_the_floor_is_never_passed_whoever_filled_the_disk(small_disk: Path) -> None:
    floor = 1024 * KIB

    def free() -> int:
        disk = os.statvfs(small_disk)
        return disk.f_bavail * disk.f_frsize

    store = CaptureStore(small_disk / "captures", RecordingSettings(free_bytes=floor))
    for part in range(1, 60):
        file = store.begin(note(part, 600.0), b"")
        for _ in range(5):
            store.make_room(20 * KIB)
            file.write(b"\1" * (20 * KIB - 1) + b"\0", 0.0)
            assert free() >= floor - 8 * KIB  # a block or two of the file system's own
        store.end(file, note(part, 600.0))
    assert store.thinned > 30
    # What others take is made up for by snapshots, and then nothing is written any more.
    (small_disk / "other").write_bytes(b"x" * (free() - floor // 2))
    store.end(store.begin(note(98), b""), note(98))
    assert free() >= floor - 8 * KIB

    def fill_on() -> None:
        while True:
            fill(small_disk)
            store.make_room(1)

    with pytest.raises(UnavailableError, match="stay free"):
        fill_on()
    assert len([capture for capture in store.captures if capture.note.every_s]) == 2
    (small_disk / "stone").unlink()
    store.end(store.begin(note(99), b""), note(99))


def test_what_is_certainly_too_much_is_refused_before_it_begins(tmp_path: Path) -> None:
    store = CaptureStore(tmp_path, RecordingSettings(max_bytes=1024 * KIB, free_bytes=0))
    store.check("pump", 1e6)
    with pytest.raises(UnavailableError, match="it takes 5 MB at the least, and 1 MB may be used"):
        store.check("pump", 5e6)


def test_a_folder_that_is_not_there_is_made_for_nobody_else(tmp_path: Path) -> None:
    store = CaptureStore(tmp_path / "usb", LIMITS, is_own=False)
    with pytest.raises(UnavailableError, match="no such folder"):
        store.begin(note(), b"")
    (tmp_path / "file").write_text("")
    with pytest.raises(EdgeError, match="cannot be written"):
        CaptureStore(tmp_path / "file" / "captures", LIMITS).begin(note(), b"")


def test_a_disk_that_went_away_is_not_written_beside(tmp_path: Path) -> None:
    usb = tmp_path / "usb"
    unmount = mount_tmpfs(usb, "1m")
    store = CaptureStore(usb, LIMITS, is_own=False)
    store.away_from = tmp_path
    try:
        store.end(store.begin(note(), b""), note())
    finally:
        unmount()
    with pytest.raises(UnavailableError, match="the disk that was there is gone"):
        store.begin(note(2), b"")
    assert list(usb.iterdir()) == [], "nothing went to the disk below"


def test_a_full_disk_leaves_no_stump(small_disk: Path) -> None:
    store = CaptureStore(small_disk / "captures", LIMITS)
    store.end(store.begin(note(), b""), note())
    stone = fill(small_disk)
    with pytest.raises(EdgeError) as refusal:
        store.begin(note(2), b"")
    assert refusal.value.remedy
    assert len(captures_of(small_disk)) == 1
    stone.unlink()
    store.end(store.begin(note(2), b""), note(2))


def test_a_note_of_somebody_else_is_read_as_far_as_it_goes() -> None:
    members: dict[str, str | float | bool | None]
    members = {"sensor": "pump", "condition": 7, "label": "x" * 600, "part": 2, "every_s": 600, "more": True}
    assert CaptureNote.of(Note(0, 0, members)) == CaptureNote(sensor="pump", part=2, every_s=600.0)
    assert CaptureNote.of(note().note()) == note()
    assert encode_note(note().note())

"""A disk that fills up: evidence goes, captures wait, history goes, telemetry is dropped; alarms never."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from edge_runtime.configuration import HistorySettings
from edge_runtime.core import UnavailableError
from edge_runtime.gateway.evidence.store import Store
from edge_runtime.gateway.history.keeping import Keeping
from edge_runtime.gateway.recording.store import CaptureStore
from edge_runtime.sensors import CaptureNote, EvidenceSettings, RecordingSettings
from edge_runtime.spool.queue import MessageClass, Spool
from edge_runtime.spool.settings import SpoolLimits
from tests.edge.disks import mount_tmpfs
from tests.edge.test_evidence import kept, record
from tests.faults.alarm_account import body_of
from tests.faults.history_driver import BEGIN, SENSORS, values_of

MB = 2**20
CAPTURES_FREE = 66 * MB
HISTORY_FREE = 2 * MB
"""The site states more, and gets so much less than captures leave free."""
DISK_MB = 150


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    unmount = mount_tmpfs(tmp_path / "disk", f"{DISK_MB}m")
    yield tmp_path / "disk"
    unmount()


class Gateway:
    """All that shares a disk, as the service has it."""

    def __init__(self, disk: Path, turns: Sequence[int]) -> None:
        """`turns` is the order in which they write and look."""
        limits = RecordingSettings(free_bytes=CAPTURES_FREE)
        self.evidence = Store(disk / "evidence", EvidenceSettings(free_bytes=0), limits)
        self.captures = CaptureStore(disk / "captures", limits)
        self.history = Keeping(disk / "history.db", HistorySettings(), limits)
        self.spool = Spool.open(disk / "state", SpoolLimits(reserve_bytes=MB))
        self.names: list[str] = []
        self._turns = turns

    def keep(self) -> None:
        """Some of everything, as far as there is room."""
        writers = [self._keep_evidence, self._keep_capture, self._keep_history, self._keep_messages]
        for turn in self._turns:
            with suppress(UnavailableError):
                writers[turn](len(self.names))

    def _keep_evidence(self, number: int) -> None:
        self.evidence.make_room(0)
        kept(self.evidence, record(f"a{number}", second=number % 60), 100_000)

    def _keep_capture(self, number: int) -> None:
        said = replace(CaptureNote(sensor="pump", recording="r", part=number), every_s=0.0)
        file = self.captures.begin(said, b"")
        file.write(bytes(100_000), 0.0)
        self.captures.end(file, said)

    def _keep_history(self, number: int) -> None:
        self.history.make_room()
        minutes = {BEGIN + number: values_of("s0", BEGIN + number)}
        self.history.run(lambda each: each.put(dict.fromkeys(SENSORS, minutes), []))

    def _keep_messages(self, number: int) -> None:
        self.spool.put(MessageClass.TELEMETRY, "t", body_of("telemetry", 1000))
        self.names.append(f"alarm{number}")
        self.spool.put(MessageClass.ALARM, "t", body_of(self.names[-1], 500))

    def full(self) -> list[bool]:
        """Which have given way: evidence, captures, history, telemetry."""
        looks: list[Callable[[], object]] = [
            lambda: check(self.evidence.records),
            lambda: self.captures.check("pump", 100_000),
            self.history.make_room,
            lambda: check(self.spool.put(MessageClass.TELEMETRY, "t", body_of("telemetry", 4000))),
        ]
        found = [False] * len(looks)
        for turn in self._turns:
            try:
                looks[turn]()
            except UnavailableError:
                found[turn] = True
        return found

    def alarms(self) -> list[str]:
        """Names of those that wait on the disk, in order."""
        rows = self.spool.peek(MessageClass.ALARM, 10_000)
        return [json.loads(row.body)["id"] for row in rows]


def check(kept: object) -> None:
    """Raise where nothing is kept."""
    if not kept:
        raise UnavailableError("nothing is kept")


@pytest.mark.parametrize("turns", [(0, 1, 2, 3), (1, 2, 3, 0), (2, 3, 0, 1), (3, 2, 1, 0)])
@pytest.mark.parametrize("step_mb", [2, 7, 40])
def test_each_gives_way_in_its_turn(disk: Path, step_mb: int, turns: tuple[int, ...]) -> None:
    """However fast the disk fills up, and whoever of the four writes and looks first."""
    gateway, stone = Gateway(disk, turns), disk / "stone"
    seen = []
    with stone.open("wb") as out, suppress(OSError):
        for _ in range(DISK_MB):
            gateway.keep()
            seen.append(gateway.full())
            out.write(bytes(step_mb * MB))
            out.flush()
    for _ in range(3):
        gateway.keep()
        seen.append(gateway.full())
    assert seen[0] == [False, False, False, False]
    assert seen[-1][:3] == [True, True, True]
    for state in seen:  # none before the one that goes before it
        assert state == sorted(state, reverse=True), seen
    assert gateway.alarms() == gateway.names
    assert gateway.spool.figures()["ring"] == 0, "each alarm is on the disk"
    gateway.history.close()
    gateway.spool.close()


@pytest.mark.parametrize("stated", [0, 80 * MB, 2**40])
def test_history_gives_way_after_captures_whatever_the_site_says(tmp_path: Path, stated: int) -> None:
    for captures in (0, 80 * MB, 2**40):
        history = Keeping(
            tmp_path / "h", HistorySettings(free_bytes=stated), RecordingSettings(free_bytes=captures)
        )
        assert history.free_bytes <= max(captures - 64 * MB, 0)

"""Recording by the whole service: the real command, a sensor at a pty, a broker; kills, full, lost disks."""

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.core import AlarmKind, EdgeError
from edge_runtime.door import DoorClient
from edge_runtime.models.scorer import open_trusted
from edge_runtime.pipeline.playback import replay_capture
from edge_runtime.pipeline.watch import Watch
from tests.broker import Broker, Subscriber, needs_mosquitto, until
from tests.edge.disks import fill, mount_tmpfs
from tests.edge.recorded import captures_of, frames_in
from tests.edge.sites import EDGE, Site
from tests.processes import running

pytestmark = needs_mosquitto
NORMAL, FAULTY = 0.3, 9.0
"""Levels of the machine, g."""


@pytest.fixture
def site(tmp_path: Path, subscriber: Subscriber, broker: Broker) -> Iterator[Site]:
    """A site whose sensor may be silent; it is not started."""
    with Site(tmp_path, broker.port) as site:
        text = site.config.read_text().replace("[[sensor]]", "[recording]\nfree_bytes = 0\n[[sensor]]")
        site.config.write_text(f"{text}silence_s = 600\n")
        yield site


def ask(site: Site, method: str, **params: Any) -> Any:
    """Ask the service."""
    with DoorClient(site.folder / "state" / "door.sock") as client:
        return client.call(f"recording.{method}", **params)


def start(site: Site) -> None:
    """Start the service and wait until it can be asked: the port alone is opened before, for a look."""
    site.start()

    def answers() -> bool:
        with suppress(EdgeError):
            return isinstance(ask(site, "status"), list)
        return False

    until(answers, what="the service answering")


def status(site: Site) -> dict[str, Any]:
    """How the recording of the only sensor stands."""
    (view,) = ask(site, "status", sensor="pump")
    return dict(view)


def is_in(site: Site, *states: str) -> bool:
    return status(site)["state"] in states


def begin(site: Site, **how: Any) -> None:
    """Begin to record, and wait until bytes are taken."""
    ask(site, "start", **({"sensor": "pump", "condition": "full load", "for_s": 600.0} | how))
    until(lambda: not is_in(site, "starting"), what="the recording's beginning")
    assert is_in(site, "recording", "pause"), status(site)


def record(site: Site, *words: object, code: int = 0) -> str:
    """Run `edge-runtime record`."""
    command = [*EDGE, "record", *map(str, words), "--config", str(site.config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def test_a_replay_of_it_gives_the_events_that_were(site: Site, subscriber: Subscriber) -> None:
    """Recorded from the sensor's first frame: the same windows, to the last bit, and the same alarms."""
    start(site)
    begin(site)
    watch = Watch.of(open_trusted(site.folder / "rms.onnx"))
    live: list[float] = []
    with DoorClient(site.folder / "state" / "door.sock") as client:
        client.call("subscribe", to="score", sensor="pump")
        with site.playing(NORMAL) as machine:
            for item in client.items():
                if item["data"]["threshold"] == pytest.approx(watch.threshold):  # else it is of the sensor
                    live.append(item["data"]["score"])
                if len(heard := anomalies(subscriber)) == 4:  # two alarms and their ends
                    break
                machine.level = (FAULTY, NORMAL, 5.0, NORMAL)[len(heard)]
    assert "ending" in record(site, "--stop", "--sensor", "pump")
    until(lambda: is_in(site, "ended"), what="the recording's end")
    (capture,) = ask(site, "list")
    verdicts = [item.verdict for item in replay_capture(capture["path"], watch)]
    scores = [verdict.score for verdict in verdicts if verdict.threshold == watch.threshold]
    assert live == [pytest.approx(score, rel=1e-6) for score in scores[: len(live)]]
    assert anomalies(subscriber) == [
        str(verdict.transition)
        for verdict in verdicts
        if verdict.transition and verdict.alarm and verdict.alarm.kind is AlarmKind.ANOMALY
    ]


def anomalies(subscriber: Subscriber) -> list[str]:
    """The transitions of the machine's alarms; on a busy machine the sensor's rate may have one, too."""
    return [body["type"] for body in subscriber.events() if body["kind"] == "anomaly"]


def test_it_outlives_kill_and_reload_and_its_command(site: Site) -> None:
    """Every whole frame up to the last second before each end is read, in files that nobody touched again."""
    start(site)
    words = ["record", "--sensor", "pump", "--condition", "full load", "--for", "1h", "--config", site.config]
    with site.playing(NORMAL):
        with running([*EDGE, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as command:
            until(lambda: "recording" in command.stdout.readline(), what="the command following it")
        until(lambda: status(site)["bytes"] > 5000, what="some seconds of it")
        site.stop(signal.SIGKILL)
        folder = site.folder / "state" / "captures"
        kept = {path: path.read_bytes() for path in captures_of(folder)}
        start(site)
        until(lambda: status(site)["files"] == 2, what="its second file")
        site.config.write_text(site.config.read_text() + "range = 8.0\n")
        site.service.send_signal(signal.SIGHUP)
        until(lambda: status(site)["files"] == 3, what="its third file, with other settings")
        until(lambda: is_in(site, "recording"))
        size = status(site)["bytes"]
        until(lambda: status(site)["bytes"] > size, what="going on")
        record(site, "--stop", "--sensor", "pump")
        until(lambda: is_in(site, "ended"), what="the end")
    assert all(path.read_bytes() == data for path, data in kept.items())
    assert len(captures_of(folder)) == 3
    first = frames_in(*kept)
    assert [frame.sequence for frame in first] == list(range(first[0].sequence, first[-1].sequence + 1))
    view = status(site)
    assert (view["started_by"].split()[0], view["ended"].split()[:2]) == ("root", ["stopped", "by"])
    site.stop()
    job = site.folder / "state" / "recording" / "pump.json"
    job.with_name("fan.json").write_text(job.read_text().replace("pump", "fan").replace(view["ended"], ""))
    start(site)
    assert status(site)["ended"] == view["ended"], "how it ended is still known"
    assert "taken out of the configuration" in job.with_name("fan.json").read_text()


def test_what_cannot_be_is_said_with_what_to_do(site: Site, tmp_path: Path) -> None:
    start(site)
    usb, file = tmp_path / "usb", tmp_path / "file"
    file.write_text("")
    orders: list[tuple[dict[str, Any], str]] = [
        ({"sensor": "fan"}, "there is no sensor 'fan'. Sensors are: pump"),
        ({"for_s": 1e9}, "no length of a recording"),
        ({"condition": ""}, "the condition has 0 characters"),
        ({"folder": "usb"}, "not from the root"),
        ({"take_s": 3.0}, "needs its length"),
    ]
    for changes, says in orders:
        with pytest.raises(EdgeError, match=says) as refusal:
            ask(site, "start", **({"sensor": "pump", "condition": "full load", "for_s": 60.0} | changes))
        assert refusal.value.remedy
    late: list[tuple[dict[str, Any], str, str]] = [
        ({"for_s": 300 * 86400.0}, "and 2147 MB may be used", "shorter"),
        ({"folder": str(usb)}, "no such folder", "mount it"),
        ({"folder": str(file)}, "no such folder", "mount it"),
        ({"folder": "/proc"}, "cannot be written|MB may be used", "."),
    ]
    for changes, says, remedy in late:
        ask(site, "start", **({"sensor": "pump", "condition": "full load", "for_s": 60.0} | changes))
        until(lambda: is_in(site, "refused"), what="the refusal")
        assert re.search(says, str(status(site)["ended"]))
        assert re.search(remedy, str(status(site)["remedy"]))
    words = ["--sensor", "pump", "--condition", "full load"]
    for number in range(9):
        ask(site, "start", sensor="pump", condition="idle", for_s=60.0, folder=f"/none/{number}")
        until(lambda: is_in(site, "refused"), what="the refusal")
    assert "no length of time" in record(site, *words, "--for", "soon", code=78)
    assert "--condition and --for is missing" in record(site, "--sensor", "pump", code=78)
    with pytest.raises(EdgeError, match="not being recorded"):
        ask(site, "stop", sensor="pump")
    begin(site)
    said = record(site, *words, "--for", "1min", code=65)
    assert "is being recorded (full load, asked for by root" in said
    assert "record --stop --sensor pump" in said


def test_a_full_disk_stops_no_alarm_and_no_recording(
    site: Site, subscriber: Subscriber, small_disk: Path
) -> None:
    folder = small_disk / "captures"
    text = site.config.read_text().replace("[recording]\n", f'[recording]\nfolder = "{folder}"\n')
    site.config.write_text(text)
    start(site)
    begin(site)
    with site.playing(NORMAL) as machine:
        until(lambda: status(site)["bytes"] > 1000, what="some of it")
        stone = fill(small_disk)
        until(lambda: is_in(site, "held"), 5.0, what="the full disk")
        until(lambda: "recording of pump" in troubles(site), what="a trouble that says so")
        assert "left" in troubles(site)["recording of pump"]
        machine.level = FAULTY
        until(lambda: anomalies(subscriber), what="the alarm meanwhile")
        stone.unlink()
        until(lambda: is_in(site, "recording"), 10.0, what="going on by itself")
        until(lambda: "recording of pump" not in troubles(site), what="no trouble any more")
    assert len(captures_of(folder)) >= 2


def test_a_removed_disk_stops_nothing_and_is_not_written_beside(site: Site, subscriber: Subscriber) -> None:
    stick = site.folder / "stick"
    unmount = mount_tmpfs(stick, "2m")
    try:
        start(site)
        begin(site, folder=str(stick), take_s=1.0, every_s=2.0)
        with site.playing(NORMAL) as machine:
            until(lambda: captures_of(stick), 2.0, what="the first snapshot")
            unmount()
            # The write under way may have failed first; what is tried next looks for the disk.
            until(lambda: "the disk that was there is gone" in status(site)["held"], 5.0, "the removed disk")
            machine.level = FAULTY
            until(lambda: anomalies(subscriber), what="the alarm meanwhile")
        assert captures_of(stick) == []
    finally:
        unmount()


def troubles(site: Site) -> dict[str, str]:
    with DoorClient(site.folder / "state" / "door.sock") as client:
        return dict(client.call("status")["troubles"])


def test_without_a_service_it_is_recorded_from_the_port(site: Site) -> None:
    """A dead sensor is said at once, and the port belongs to the command meanwhile."""
    words = ["--sensor", "pump", "--condition", "idle", "--label", "imbalance", "--for", "4s", "--json"]
    with site.playing(NORMAL):
        lines = record(site, *words).splitlines()
    views = [json.loads(line) for line in lines if line.startswith("{")]
    assert [view["state"] for view in views][-1] == "ended"
    assert views[-1]["ended"] == "complete"
    assert views[-1]["rms"]["x"] == pytest.approx(0.3, rel=0.3)
    (path,) = captures_of(site.folder / "state")
    assert len(frames_in(path)) > 20
    (listed,) = [json.loads(line) for line in record(site, "--list", "--json").splitlines()]
    assert (listed["condition"], listed["label"], listed["sensor"]) == ("idle", "imbalance", "pump")
    (site.folder / "stick").mkdir()
    assert "1 captures copied and read again" in record(site, "--copy-to", site.folder / "stick")
    site.unplug()
    assert "the port cannot be used" in record(site, *words, code=69)

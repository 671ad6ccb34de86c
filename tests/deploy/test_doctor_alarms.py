"""What the doctor says of open alarms: by the running service's book, and of what one left on disk."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.configuration import read_config
from edge_runtime.doctor.findings import Finding
from edge_runtime.doctor.open_alarms import examine_alarms
from edge_runtime.door import DoorClient
from tests.broker import Subscriber, needs_mosquitto, until
from tests.deploy.examined_gateway import GREETING, ExaminedGateway, Wire, vibration
from tests.processes import end, start

pytestmark = needs_mosquitto


@pytest.fixture
def loud(tmp_path: Path, healthy_broker: Any, wires: Callable[..., Wire]) -> ExaminedGateway:
    """A gateway whose machine is at fault."""
    return ExaminedGateway(tmp_path, healthy_broker.port, wires(vibration(3.0), hello=GREETING))


@pytest.fixture
def service(loud: ExaminedGateway, healthy_broker: Any) -> Iterator[Any]:
    """Its service, once the anomaly has begun."""
    command = [sys.executable, "-m", "edge_runtime", "run", "--config", loud.config]
    with Subscriber(healthy_broker.port) as plant:
        process = start(command, stderr=subprocess.DEVNULL)
        try:
            until(lambda: any(event["kind"] == "anomaly" for event in plant.events()), what="the anomaly")
            yield process
        finally:
            end(process, signal.SIGKILL)


def said(gateway: ExaminedGateway) -> list[tuple[str, str, str, str, str]]:
    """Level, check, what it is about, what and remedy of each finding."""

    def fields(found: Finding) -> tuple[str, str, str, str, str]:
        return found.level.name.lower(), str(found.check), found.about, found.what, found.remedy

    return [fields(found) for found in examine_alarms(read_config(gateway.config))]


def files_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def test_the_service_is_asked_and_after_it_the_disk(loud: ExaminedGateway, service: Any) -> None:
    state = loud.config.parent / "state"
    ((level, check, about, what, remedy),) = said(loud)
    assert (level, check, about) == ("warning", "alarm.open", "pump")
    assert what.startswith("an anomaly since 20")
    assert ", peak " in what
    name = remedy.rpartition(" ")[2]
    assert remedy == f"See to the machine, and say so: edge-runtime alarms acknowledge {name}"
    with DoorClient(state / "door.sock") as client:
        client.call("alarms.acknowledge", alarm=name, note="seen")
        assert ", acknowledged by " in said(loud)[0][3]
        client.call("alarms.shelve", alarm=name, why="the part is ordered", for_s=3600.0)
        ((level, _, _, what, remedy),) = said(loud)
        assert (level, remedy) == ("ok", "")
        assert ", shelved until 20" in what
        # A reload that it refused: nothing else that the doctor examines shows that.
        loud.edit('name = "pump"', 'nane = "pump"')
        service.send_signal(signal.SIGHUP)
        until(lambda: "reload" in client.call("status")["troubles"], what="the refusal")
    loud.edit('nane = "pump"', 'name = "pump"')
    _, (level, check, about, trouble, _) = said(loud)
    assert (level, check, about) == ("warning", "service.trouble", "reload")
    assert "nane" in trouble
    loud.edit('device = "gateway"', 'device = "another"')
    ((level, _, _, other, _),) = said(loud)
    assert (level, other) == ("skipped", "not known: another device's service answers")
    end(service, signal.SIGKILL)
    before = files_of(state)
    assert "spool.db-wal" in before
    ((level, check, about, left, _),) = said(loud)
    assert (level, check, about) == ("ok", "alarm.open", "pump")
    assert left.startswith(what.partition(", peak")[0])
    assert left.endswith("; so it was when the service ended")
    assert files_of(state) == before


def test_a_service_that_cannot_be_asked(quiet: ExaminedGateway) -> None:
    """Another program holds the folder, and nobody answers at the door."""
    state = quiet.config.parent / "state"
    state.mkdir()
    hold = "import fcntl, sys, time; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); "
    hold += "print(flush=True); time.sleep(3600)"
    command = [sys.executable, "-c", hold, state / "spool.lock"]
    holder = start(command, stdout=subprocess.PIPE)
    holder.stdout.readline()
    ((level, _, about, what, _),) = said(quiet)
    end(holder, signal.SIGKILL)
    assert (level, about) == ("skipped", "alarms")
    assert "no service listens" in what


@pytest.mark.parametrize(
    ("content", "level", "words"),
    [(b"", "ok", "none was open when the service ended"), (b"no database" * 99, "skipped", "not known: ")],
    ids=["empty", "no spool"],
)
def test_what_is_on_disk(quiet: ExaminedGateway, content: bytes, level: str, words: str) -> None:
    state = quiet.config.parent / "state"
    state.mkdir()
    (state / "spool.db").write_bytes(content)
    ((found, _, about, what, _),) = said(quiet)
    assert (found, about) == (level, "alarms")
    assert what.startswith(words)
    assert files_of(state) == {"spool.db": content}

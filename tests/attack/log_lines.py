"""Lines of the log in the worst minute, of each sensor and of the service, whatever the sensors do.

    python -m tests.attack.log_lines [--seconds N] [signal|tiny|garbage|flap|hellos] ...

`signal` are the troubles of `tests.attack.signal`, each at its five strengths, 25 sensors at once in true
time before a healthy machine; the others are the floods of `tests.attack.sensors`, one at a time. Exit code 1
where a sensor has more than MOST lines in some minute.
"""

import argparse
import json
import re
import socket
import sys
import tempfile
import threading
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from tests.artefacts import write_artefact
from tests.attack.senders import HOP, KINDS, RATE_HZ, Flood
from tests.attack.signal import RATE_HZ as SIGNAL_HZ
from tests.attack.signal import STRENGTHS, Troubles, lasting, line, machines, peak
from tests.broker import Broker
from tests.processes import end, start
from tests.shared import ROOT
from tests.waiting import until
from trainer.recordings import NORMAL

MOST: Final = 10
"""Lines a minute and sensor that docs/reliability.md promises."""
MINUTE_S: Final = 60.0
STAMPED: Final = re.compile(r"(\d{4}-\d\d-\d\dT[\d:.]+)Z \w+ (?:(\w+): )?")
MODEL: Final = ROOT / "exported_models" / "principal_components.onnx"
SITE: Final = """state_folder = "state"
[site]
site = "plant"
device = "gateway"
[broker]
host = "127.0.0.1"
port = {port}
"""
SENSOR: Final = """[[sensor]]
name = "{name}"
port = "socket://127.0.0.1:{port}"
model = "{model}"
rate_hz = {rate_hz:.0f}
channels = ["{channel}"]
unit = "g"
"""


class Sender(Protocol):
    """A sensor behind `socket://`."""

    port: int

    def close(self) -> None:
        """End it."""


class Played:
    """Sends a line's bytes when they are due, to whoever connects first; and again to the next."""

    def __init__(self, troubles: Troubles, seconds: float) -> None:
        healthy = next(item for item in machines() if item.label == NORMAL)
        self._samples = lasting(healthy, troubles.get("rate", 0.0), seconds)
        self._troubles = troubles
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._listener.accept()
                with connection:
                    connection.settimeout(1.0)
                    begun_s = time.monotonic()
                    for due_s, data in line(self._samples, self._troubles, peak(), seed=1):
                        if self._stop.wait(max(0.0, begun_s + due_s - time.monotonic())):
                            return
                        connection.sendall(data)
            except OSError:  # the service closed the port, or reads it no more
                self._stop.wait(0.05)

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()
        self._thread.join()


def worst_minutes(log: str, names: Mapping[str, Sender]) -> dict[str, int]:
    """Most lines in any minute by sensor; those that begin with no sensor's name are the service's."""
    times_s: dict[str, list[float]] = defaultdict(list)
    name, at_s = "service", 0.0
    for text in log.splitlines():
        if found := STAMPED.match(text):  # a line without a time goes on with the one before it
            at_s = datetime.fromisoformat(found[1]).timestamp()
            name = found[2] if found[2] in names else "service"
        times_s[name].append(at_s)
    return {
        name: max(bisect_right(rows, first + MINUTE_S, at) - at for at, first in enumerate(rows))
        for name, rows in sorted(times_s.items())
    }


def watched(senders: Mapping[str, Sender], folder: Path, model: Path, rate_hz: float, seconds: float) -> str:
    """Run the service with these sensors for so long from its first line on; returns its log."""
    with ExitStack() as stack:
        broker = stack.enter_context(Broker(folder))
        config, log = folder / "edge.toml", folder / "log"
        channel = "DE" if model == MODEL else "x"
        rows = [
            SENSOR.format(name=name, port=sender.port, model=model, rate_hz=rate_hz, channel=channel)
            for name, sender in senders.items()
        ]
        config.write_text(SITE.format(port=broker.port) + "".join(rows))
        file = stack.enter_context(log.open("w"))
        service = start([sys.executable, "-m", "edge_runtime", "run", "--config", config], stderr=file)
        stack.callback(end, service)
        until(lambda: "watching" in log.read_text(), what="the service watching")
        for sender in senders.values():
            if isinstance(sender, Flood):
                sender.go.set()
        time.sleep(seconds)
        assert service.poll() is None, log.read_text()[-2000:]
    return log.read_text()


def made(kind: str, seconds: float) -> Iterator[tuple[str, Sender]]:
    """The sensors of one kind, by name."""
    if kind != "signal":
        yield kind, Flood(kind)
        return
    for trouble, strengths in STRENGTHS.items():
        for number, strength in enumerate(strengths, 1):
            yield f"{trouble}{number}", Played({trouble: strength}, seconds)


def attack(kind: str, seconds: float) -> dict[str, int]:
    """Most lines in any minute by sensor, of one kind."""
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        folder, senders = Path(place), dict[str, Sender]()
        for name, sender in made(kind, seconds + MINUTE_S):
            senders[name] = sender
            stack.callback(sender.close)
        model, rate_hz = MODEL, SIGNAL_HZ
        if kind != "signal":
            model, rate_hz = write_artefact(folder / "rms.onnx", samples=2 * HOP, hop=HOP), RATE_HZ
        return worst_minutes(watched(senders, folder, model, rate_hz, seconds), senders)


def main() -> int:
    """Run what is asked for and print a line of JSON for each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", default=["signal", *KINDS])
    parser.add_argument(
        "--seconds", type=float, default=150.0, help="of each kind: two whole minutes and more"
    )
    chosen, wrong = parser.parse_args(), 0
    for kind in chosen.kinds:
        lines = attack(kind, chosen.seconds)
        wrong += sum(count > MOST for name, count in lines.items() if name != "service")
        print(json.dumps({"kind": kind, "lines_in_worst_minute": lines}), flush=True)
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())

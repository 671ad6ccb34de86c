"""A device without sensors: book, spool and publisher as the service has them, driven by lines of JSON.

`python -m tests.faults.retained_device FOLDER PORT DEVICE SENSOR...`: a list on standard input is one step;
after each it prints what is true now, in the words of `picture`.
"""

import json
import select
import sys
import time
from pathlib import Path
from typing import Any

from edge_runtime.configuration import Config, ReportSettings
from edge_runtime.configuration.config import SiteSettings
from edge_runtime.core import Alarm, AlarmKind, Health, ModelSummary, Transition, Verdict
from edge_runtime.gateway.bookkeeper import Bookkeeper
from edge_runtime.messages import Topics
from edge_runtime.mqtt import BrokerSettings, Publisher
from edge_runtime.sensors import SensorSettings
from edge_runtime.spool import Spool

KEEPALIVE_S = 1
STATE_S = 1.0
MODEL = ModelSummary("rms", "rms", "1", "0" * 64, supported=True, bands={})


class Device:
    """What the service is made of, less the sensors."""

    def __init__(self, folder: Path, port: int, device: str, sensors: list[str]) -> None:
        topics = Topics("steadyhum", "site", device)
        settings = BrokerSettings(
            "127.0.0.1", port=port, client_id="device", keepalive_s=KEEPALIVE_S, backoff_s=(0.2, 0.5)
        )
        self.base, self.names = topics.base, list(sensors)
        self.spool = Spool.open(folder)
        self.publisher = Publisher(
            settings, self.spool, Health(), topics.availability, read_below=topics.base
        )
        self.keeper = Bookkeeper(topics, folder, self.spool, self.publisher)
        self.folder, self.settings, self.device = folder, settings, device
        self.reload(self.names)
        self.pipelines: dict[tuple[str, str], str] = {}
        for name in sensors:
            for alarm in self.keeper.to_resume(name):
                self.pipelines[name, str(alarm.kind)] = alarm.id
        self.publisher.start()

    def reload(self, sensors: list[str]) -> None:
        """Read another configuration beside the running service."""
        self.names = list(sensors)
        config = Config(
            SiteSettings("site", self.device),
            self.settings,
            tuple(SensorSettings(name, f"/dev/{name}", self.folder, 1e3, ("x",), "g") for name in sensors),
            self.folder,
            report=ReportSettings(state_s=STATE_S),
        )
        self.keeper.watch(config, [MODEL] * len(sensors), [1.0] * len(sensors))

    def step(self, word: str, sensor: str, kind: str, name: str) -> None:
        """One thing that happens."""
        known = self.pipelines.get((sensor, kind))
        if word == "reload":
            self.reload(json.loads(name))
            self.pipelines = {key: alarm for key, alarm in self.pipelines.items() if key[0] in self.names}
        elif sensor not in self.names:
            return
        elif word == "begin" and known is None:
            self.pipelines[sensor, kind] = name
            self.verdict(sensor, Alarm(name, AlarmKind(kind), 0, 2.0, "silent: test"), Transition.NEW)
        elif word == "end" and known is not None:
            del self.pipelines[sensor, kind]
            self.verdict(sensor, Alarm(known, AlarmKind(kind), 0, 2.0), Transition.END)
        elif word == "score":
            self.verdict(sensor, None, None)
        else:
            self.command(word, sensor)

    def command(self, word: str, sensor: str) -> None:
        """What a person does about the sensor's oldest alarm, if there is one."""
        book, wall_us = self.keeper.book, time.time_ns() // 1000
        for alarm in book.open_alarms(sensor)[:1]:
            if word == "acknowledge" and alarm.acknowledged is None:
                self.keeper.publish(book.acknowledge(alarm.id, "ann", "", wall_us))
            elif word == "shelve":
                self.keeper.publish(book.shelve(alarm.id, wall_us + 10**8, "bob", "test", wall_us))

    def verdict(self, sensor: str, alarm: Alarm | None, transition: Transition | None) -> None:
        """A window that ended just now."""
        self.keeper.take(sensor, Verdict(0, 0.5, 1.0, False, alarm, transition), 0)

    def picture(self) -> dict[str, Any]:
        """What every retained topic of a sensor is to say, by the end of the topic."""
        found: dict[str, Any] = {}
        for sensor in self.names:
            standing = self.keeper.book.standing(sensor)
            condition = self.keeper.book.condition(sensor)
            found[f"{sensor}/state"] = standing.alarm and standing.alarm.id
            found[f"{sensor}/condition"] = sorted(alarm.id for alarm in condition.alarms)
            if condition.link != "unknown":
                found[f"{sensor}/availability"] = "online" if condition.usable else "offline"
        return found


def main() -> None:
    """Do what the lines say, until the last."""
    folder, port, device, *sensors = sys.argv[1:]
    gateway = Device(Path(folder), int(port), device, sensors)
    try:
        print(json.dumps(gateway.picture()), flush=True)
        buffer = b""
        while True:
            gateway.keeper.tick(time.monotonic())
            if not select.select([sys.stdin.buffer.raw], [], [], 0.05)[0]:
                continue
            data = sys.stdin.buffer.raw.read(65536)
            if not data:
                return
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                gateway.step(*json.loads(line))
                print(json.dumps(gateway.picture()), flush=True)
    finally:
        gateway.publisher.stop()
        gateway.spool.close()


if __name__ == "__main__":
    main()

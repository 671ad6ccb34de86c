"""A small gateway to be killed: raises alarms, publishes them, and says on standard output what it promised.

    python -m tests.faults.driver FOLDER COUNT [--port PORT] [--prefix ID] [--drain SECONDS] [--pace SECONDS]
        [--keepalive SECONDS] [--live]

`raised ID` is written once `put` has returned: from then on that alarm must never be lost. Without a port
nothing is published and every second alarm is acknowledged as if it had been. With `--live` it says when, by
the machine's monotonic clock, and also sends live telemetry, as much as it raises alarms.
"""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_runtime.core.health import Health
from edge_runtime.core.records import Alarm, AlarmKind
from edge_runtime.mqtt.publisher import Publisher
from edge_runtime.mqtt.settings import BrokerSettings
from edge_runtime.spool.queue import MessageClass, OpenAlarm, Spool
from edge_runtime.spool.settings import SpoolLimits
from tests.faults.alarm_account import body_of

TOPIC = "steadyhum/site/device/pump/event"


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def raise_alarms(
    spool: Spool, prefix: str, count: int, pace_s: float, offer: Callable[[str, bytes], None] | None = None
) -> None:
    for n in range(count):
        message_id = f"{prefix}{n}"
        alarm = Alarm(message_id, AlarmKind.ANOMALY, n, 1.0) if n % 2 == 0 else None
        spool.put(MessageClass.ALARM, TOPIC, body_of(message_id, 200), OpenAlarm("pump/anomaly", alarm))
        say(f"raised {message_id}")
        if offer is not None:
            say(f"at {message_id} {time.monotonic()}")
            offer("steadyhum/site/device/pump/score", str(n).encode())
        time.sleep(pace_s)


def acknowledge_some(spool: Spool) -> None:
    for row in spool.peek(MessageClass.ALARM, 1000)[::2]:
        say(f"acking {row.seq} {row.body.decode()}")
        spool.ack(row.klass, [row.id])


def publish(spool: Spool, arguments: argparse.Namespace) -> None:
    quick: dict[str, Any] = {} if arguments.live else {"backoff_s": (0.1, 1.0)}
    settings = BrokerSettings(
        "127.0.0.1", port=arguments.port, keepalive_s=arguments.keepalive, drain_s=arguments.drain, **quick
    )
    publisher = Publisher(settings, spool, Health(), "steadyhum/site/device/availability")
    publisher.start()
    offer = publisher.offer if arguments.live else None
    raise_alarms(spool, arguments.prefix, arguments.count, arguments.pace, offer)
    until_s = time.monotonic() + arguments.drain
    while spool.figures()["alarm.depth"] and time.monotonic() < until_s:
        time.sleep(0.01)
    publisher.stop()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("--port", type=int)
    parser.add_argument("--prefix", default="a")
    parser.add_argument("--drain", type=float, default=5.0)
    parser.add_argument("--pace", type=float, default=0.0)
    parser.add_argument("--keepalive", type=int, default=10)
    parser.add_argument("--live", action="store_true")
    arguments = parser.parse_args()
    begun_s = time.monotonic()
    with Spool.open(arguments.folder, SpoolLimits(reserve_bytes=4096)) as spool:
        say(f"open {time.monotonic() - begun_s:.6f}")
        if arguments.port:
            publish(spool, arguments)
        else:
            raise_alarms(spool, arguments.prefix, arguments.count, arguments.pace)
            acknowledge_some(spool)
        trouble = spool.trouble or "none"
        say(f"trouble {trouble}")
        say(f"depth {spool.figures()['alarm.depth']:.0f} ring {spool.figures()['ring']:.0f}")
    say("closed")


if __name__ == "__main__":
    main()

"""Alarms of a service that is killed at random: how many have evidence in the end, and how many all of it.

`python -m tests.faults.killed_evidence [--rounds N] [--seed S]`: a real service with a sensor that plays and
a broker. In each round there is one alarm, after as much calm as its evidence is to begin with, and one kill
at any moment from when the machine becomes loud to a second after its evidence would be whole. `kept` are
captures with the digest that an event told of, `whole` those of them that span all the time that was to be
kept, but for what the restart took. As under the package's unit the service has a folder in memory
(`RUNTIME_DIRECTORY`), where what was before an alarm outlives it; `--bare` gives it none.
"""

import argparse
import contextlib
import hashlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from edge_runtime.core import EdgeError
from edge_runtime.door import DoorClient
from tests.broker import Broker, Subscriber
from tests.edge.sites import OFF, Machine, Site
from tests.faults.killed_history import MEMORY
from tests.waiting import until

NORMAL, FAULTY = 0.3, 9.0
BEFORE_S, AFTER_S = 1.5, 1.5
CALM_S = BEFORE_S + 1.5
"""Played before each alarm: what is kept before it, and its votes."""
MORE = f"[evidence]\nbefore_s = {BEFORE_S}\nafter_s = {AFTER_S}\n"


def main(rounds: int, seed: int, *, bare: bool = False) -> int:
    """Count, print, and return the exit code."""
    chosen = random.Random(seed)
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder, Broker(Path(folder)) as broker:
        (Path(folder) / "run").mkdir()
        os.environ["RUNTIME_DIRECTORY"] = "" if bare else str(Path(folder) / "run")
        (Path(folder) / "site").mkdir()
        with Subscriber(broker.port) as subscriber, Site(Path(folder) / "site", broker.port) as site:
            site.config.write_text(site.config.read_text().replace(OFF, MORE) + "silence_s = 600\n")
            site.start()
            with site.playing(NORMAL) as machine:
                for number in range(rounds):
                    _round(site, subscriber, machine, chosen.uniform(0.0, AFTER_S + 1.0))
                    print(f"{number + 1} of {rounds}", file=sys.stderr)
            site.stop()
            return _account(site, subscriber)


def _round(site: Site, subscriber: Subscriber, machine: Machine, kill_s: float) -> None:
    _watched(site, CALM_S)
    ended = len(_anomalies(subscriber, "end"))
    machine.level = FAULTY
    time.sleep(kill_s)
    site.stop(signal.SIGKILL)
    site.start()
    until(lambda: len(_anomalies(subscriber, "new")) > ended, what="the alarm")
    machine.level = NORMAL
    until(lambda: len(_anomalies(subscriber, "end")) > ended, what="its end")
    with contextlib.suppress(AssertionError):  # it has none: counted in the end
        until(lambda: len(_told(subscriber)) > ended, 10 * AFTER_S, "its evidence")


def _watched(site: Site, seconds: float) -> None:
    """Wait until the service has scored so many seconds."""

    runtime = os.environ["RUNTIME_DIRECTORY"]
    socket = (Path(runtime) if runtime else site.folder / "state") / "door.sock"

    def scored() -> bool:
        try:
            with DoorClient(socket) as client:
                (sensor,) = client.call("status")["sensors"]
        except EdgeError:
            return False
        return float(sensor["figures"]["windows"]) * 0.032 > seconds

    until(scored, what="calm")


def _anomalies(subscriber: Subscriber, kind: str) -> set[str]:
    """Alarms that an event of this type told of: evidence kept later is said in an `end` once more."""
    heard = subscriber.events()
    return {body["id"] for body in heard if (body["kind"], body["type"]) == ("anomaly", kind)}


def _told(subscriber: Subscriber) -> set[str]:
    """Alarms whose evidence was told of."""
    return {body["id"] for body in subscriber.events() if body["action"] == "evidence"}


def _account(site: Site, subscriber: Subscriber) -> int:
    begun = _anomalies(subscriber, "new")
    there = [
        (body["id"], kept["whole"])
        for body in subscriber.events()
        for kept in body["evidence"]
        if kept["moment"] == "begin" and _is_there(site, kept)
    ]
    kept = begun.intersection(alarm for alarm, _ in there)
    whole = begun.intersection(alarm for alarm, is_whole in there if is_whole)
    print(json.dumps({"alarms": len(begun), "kept": len(kept), "whole": len(whole)}))
    return 0 if len(whole) >= 0.99 * len(begun) else 1


def _is_there(site: Site, kept: dict[str, Any]) -> bool:
    path = site.folder / "state" / "evidence" / "pump" / f"{kept['id']}.frames"
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == kept["sha256"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bare", action="store_true")
    asked = parser.parse_args()
    sys.exit(main(asked.rounds, asked.seed, bare=asked.bare))

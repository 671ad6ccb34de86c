"""What a broker has retained of a device against what is true of it, whatever happens to either.

`python -m tests.faults.retained_picture --count N --seed S` goes through N histories of faults, commands,
restarts and outages with a real Mosquitto, behind a bridge in every other one, and prints how long the
picture was wrong at most; 1 where that was too long. Beside `up`, raw seconds while every hop is up, stand
those of `a peer`, a message of another client, sent at the same moments through the same hops. For ours the
harness looks every 20 ms. `read again` is the harness's own, too: its subscriber had been away, and what is
retained was read once more.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bridged import BridgedBroker
from tests.broker import Broker, Subscriber
from tests.faults.peer import Peer
from tests.faults.retained_device import KEEPALIVE_S, STATE_S
from tests.processes import end, start
from tests.waiting import HANG_S, in_time, scaled, until

DEVICE, OTHER = "device", "other"
SENSORS = ("a", "b", "c")
KINDS = ("anomaly", "sensor_fault", "model_fault")
UP_S = 1.0
"""Promised while every hop is up."""
LEAVES = ("state", "condition", "availability")
KEEPALIVES = 4
"""Promised after a device, a broker or a bridge has died."""
WORDS = {"begin": 9, "end": 7, "score": 3, "acknowledge": 2, "shelve": 1, "reload": 2}
OUTAGES = {"restart": 2, "kill": 2, "broker_dies": 2, "rename": 1, "card": 1}


class Picture:
    """One device, its brokers and a subscriber behind the last of them."""

    def __init__(self, folder: Path, chance: random.Random, *, bridge: bool) -> None:
        self.folder, self.chance, self.bridge = folder, chance, bridge
        self.broker = BridgedBroker(folder, device=f"site/{DEVICE}") if bridge else Broker(folder)
        self.broker.start()
        self.subscriber = Subscriber(self.broker.far_port, reconnect_s=0.1)
        self.device, self.sensors, self.alarms = DEVICE, list(SENSORS), 0
        self.truth: dict[str, Any] = {}
        self.worst_s: dict[str, float] = {}
        self._read_again = False
        self._process = self.begin()
        self._peer = Peer(self.broker.port, self.broker.far_port, f"steadyhum/site/{DEVICE}/peer/health")

    def begin(self) -> "subprocess.Popen[str]":
        """Start the device's program, and wait until it is online."""
        heard = len(self.subscriber.seen)
        self._process = process = start(
            [
                *(sys.executable, "-m", "tests.faults.retained_device"),
                *(self.folder / "state", self.broker.port, self.device, *self.sensors),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.truth = self.answer()
        until(
            lambda: self.said(f"{self.device}/availability", heard) == "online",
            what="the device being online",
        )
        return process

    def answer(self) -> dict[str, Any]:
        """What the device says is true now."""
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def tell(self, *step: str) -> None:
        """Let something happen to the device."""
        self._process.stdin.write(json.dumps(step) + "\n")
        self._process.stdin.flush()
        self.truth = self.answer()

    def go(self) -> None:
        """Some steps, each of which shows in time; then an outage; then some more; then rest."""
        for outage in self.chance.choices(list(OUTAGES), list(OUTAGES.values()), k=2):
            for word in self.chance.choices(list(WORDS), list(WORDS.values()), k=6):
                self.happen(word)
                self.check_up()
            getattr(self, outage)()
        for word in self.chance.choices(list(WORDS), list(WORDS.values()), k=6):
            self.happen(word)
        self.check_up()
        time.sleep(STATE_S * 1.5)  # the next refresh: at rest nothing may change
        found = self.wrong(self.newcomer())
        assert found == {}, f"wrong at rest: {found}"
        until(
            lambda: self.open_by_events() == self.open_by_truth(),
            what="every alarm that is over having ended",
        )

    def open_by_events(self) -> set[str]:
        """Alarms that have begun and not ended, as events tell."""
        newest = {event["id"]: event["type"] for event in self.subscriber.events()}
        return {name for name, kind in newest.items() if kind != "end"}

    def open_by_truth(self) -> set[str]:
        """Alarms that are open, as the device says."""
        states = {said for key, said in self.truth.items() if key.endswith("/state") and said}
        conditions = (said for key, said in self.truth.items() if key.endswith("/condition"))
        return states.union(*conditions)

    def happen(self, word: str) -> None:
        self.alarms += 1
        if word == "reload":
            self.sensors = sorted(self.chance.sample(SENSORS, self.chance.randrange(1, 4)))
            self.tell(word, "", "", json.dumps(self.sensors))
        else:
            self.tell(
                word, self.chance.choice(self.sensors), self.chance.choice(KINDS), f"alarm{self.alarms}"
            )

    def check_up(self) -> None:
        """Check while every hop is up, with a peer's message sent at the same moment."""
        self._peer.send()
        self.check("up", UP_S)
        self.note("a peer", self._peer.took_s())

    def note(self, kind: str, took_s: float) -> None:
        """Keep the longest of a kind."""
        self.worst_s[kind] = max(self.worst_s.get(kind, 0.0), took_s)

    def check(self, kind: str, promised_s: float) -> None:
        """Wait until everything that is retained is true, and note how long that took."""
        begun_s = time.monotonic()
        self._read_again = False
        until(lambda: not self.wrong() or self.missed(begun_s), what="the picture being true")
        took_s = time.monotonic() - begun_s
        self.note("read again" if self._read_again else kind, took_s)
        assert in_time(took_s, promised_s), f"{took_s:.2f} s, promised {promised_s} s"

    def restart(self) -> None:
        """The program ends in order and begins again."""
        self.leave()
        self.gone()
        self.begin()
        self.check("after a death", KEEPALIVES * KEEPALIVE_S)

    def leave(self) -> None:
        """Let the program end in order."""
        self._process.stdin.close()
        self._process.wait(scaled(HANG_S))
        self._process.stdout.close()

    def kill(self) -> None:
        """The program dies, and begins again with other sensors."""
        end(self._process, 9)
        self.gone()
        self.sensors = sorted(self.chance.sample(SENSORS, 2))
        self.begin()
        self.check("after a death", KEEPALIVES * KEEPALIVE_S)

    def card(self) -> None:
        """The memory card is replaced by an empty one."""
        end(self._process, 9)
        self.gone()
        (self.folder / "state").rename(self.folder / f"card{time.monotonic_ns()}")
        self.begin()
        self.check("after a death", KEEPALIVES * KEEPALIVE_S)

    def rename(self) -> None:
        """The device gets another name; not behind a bridge, which passes on that of one name alone."""
        self.leave()
        if not self.bridge:
            self.device = OTHER if self.device == DEVICE else DEVICE
        self.begin()
        self.check("after a death", KEEPALIVES * KEEPALIVE_S)

    def broker_dies(self) -> None:
        """What the gateway talks to dies; something happens meanwhile."""
        self.broker.stop(kill=True)
        if self.bridge:
            self.gone()
        for word in ("begin", "end", "reload"):
            self.happen(word)
        heard = len(self.subscriber.seen)
        self.broker.start()
        until(
            lambda: self.said(f"{self.device}/availability", heard) == "online", what="the device coming back"
        )
        self.check("after a death", KEEPALIVES * KEEPALIVE_S)

    def gone(self) -> None:
        """The device is seen to be gone."""
        begun_s = time.monotonic()
        until(lambda: self.said(f"{self.device}/availability") != "online", what="the device being offline")
        took_s = time.monotonic() - begun_s
        self.note("offline", took_s)
        assert in_time(took_s, KEEPALIVES * KEEPALIVE_S), f"offline after {took_s:.2f} s"

    def said(self, leaf: str, since: int = 0) -> str:
        """The newest message on a topic, from this one on; a bridge that is gone counts as offline."""
        topics = (f"steadyhum/site/{leaf}", f"steadyhum/site/{self.device}/bridge")
        found = [(topic, body) for topic, body in self.subscriber.seen[since:] if topic in topics]
        if not found:
            return ""
        if found[-1] == (topics[1], b"0"):
            return "offline"
        return next((body.decode() for topic, body in reversed(found) if topic == topics[0]), "")

    def missed(self, begun_s: float) -> bool:
        """Whether, after a while, the broker is right and our subscriber has missed it while it was away."""
        if time.monotonic() - begun_s < UP_S / 2:
            return False
        self._read_again = True
        retained = self.newcomer()
        ours = {topic for topic, _ in self.subscriber.seen if topic.rpartition("/")[2] in LEAVES}
        gone = ours - set(retained)
        self.subscriber.seen += [*retained.items(), *((topic, b"") for topic in gone)]
        return not self.wrong()

    def newcomer(self) -> dict[str, bytes]:
        """What the broker gives to a subscriber that comes now: one that was away may have missed some."""
        with Subscriber(self.broker.far_port, name="newcomer") as newcomer:
            newcomer.catch_up()
            return dict(newcomer.seen)

    def wrong(self, retained: dict[str, bytes] | None = None) -> dict[str, Any]:
        """What is retained and is not true, and what is true and not retained, by topic."""
        if retained is None:
            retained = dict(self.subscriber.seen)
        found = {}
        for topic, body in retained.items():
            *_, site, device, sensor, leaf = ("", "", *topic.split("/"))
            if site != "site" or leaf not in LEAVES or not body:
                continue
            key = f"{sensor}/{leaf}" if device == self.device else f"{device}/{sensor}/{leaf}"
            found[key] = words(leaf, body)
        truth = self.truth
        for key, said in list(found.items()):  # of a sensor that nothing is known of "offline" may stand
            if said == "offline" and key not in truth and key.partition("/")[0] in self.sensors:
                del found[key]
        return {key: found.get(key) for key in {*found, *truth} if found.get(key, "?") != truth.get(key, "?")}

    def close(self) -> None:
        """End everything."""
        end(self._process, 9)
        self._peer.close()
        self.subscriber.close()
        self.broker.close()


def words(leaf: str, body: bytes) -> Any:
    """What a retained message says, as `picture` of the device has it."""
    if leaf == "availability":
        return body.decode()
    members = json.loads(body)
    if leaf == "state":
        return members["alarm_id"]
    return sorted(alarm["id"] for alarm in members["alarms"])


def one(number: int, seed: int) -> dict[str, float]:
    """One history; returns how long the picture was wrong at most, by what had happened."""
    with tempfile.TemporaryDirectory(prefix="picture-") as folder:
        picture = Picture(Path(folder), random.Random(seed * 10**6 + number), bridge=number % 2 == 1)
        try:
            picture.go()
        finally:
            picture.close()
        return picture.worst_s


def main(arguments: list[str] | None = None) -> int:
    """Go through the histories."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    worst_s: dict[str, float] = {}
    failed = 0
    for number in range(chosen.count):
        try:
            for kind, seconds in one(number, chosen.seed).items():
                worst_s[kind] = max(worst_s.get(kind, 0.0), seconds)
        except AssertionError as error:
            failed += 1
            print(f"history {number} of seed {chosen.seed}: {error}", file=sys.stderr)
    said = ", ".join(f"{kind} {seconds:.2f} s" for kind, seconds in sorted(worst_s.items()))
    print(f"{chosen.count} histories, {failed} failed; wrong at most: {said}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())

"""Brokers that flood the service or refuse its messages: `python -m tests.attack.broker [SECONDS [NAME...]]`.

The real service is connected to each in turn, while its sensor raises alarms, and its memory is compared
with that behind a broker in order. It waits for a tenth of a second only before it connects again, where
it would wait for half a minute: a harder attack than it gets. Afterwards the broker is in order, and every
alarm has to arrive.
"""

import itertools
import json
import random
import struct
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from tests.broker import until
from tests.edge.sites import Site, vibration
from tests.faults.fakebroker import CLOSE, FakeBroker

SECONDS = 25.0
MOST_MB = 10.0
"""Above the memory behind a broker in order."""
_LARGE = 60_000
_CHUNK = 4096
"""Small packets are sent together, so many bytes at a time."""
_SETTLE_S = 60.0
_EVERY_S = 0.1


def packet(head: Any, body: Any) -> Any:
    """A packet with its length in as many bytes as it takes."""
    size, length = len(body), b""
    while True:
        size, low = size >> 7, size & 0x7F
        length += bytes([low | (0x80 if size else 0)])
        if not size:
            return bytes([head]) + length + body


def user_properties(size: Any) -> Any:
    """As many user properties as fit, with their length before them."""
    one = b"\x26\x00\x01k" + struct.pack(">H", 1000) + b"v" * 1000
    return packet(0, one * (size // len(one)))[1:]


def publish(qos: Any, mid: Any, body: Any = b"A" * _LARGE, properties: Any = b"\x00") -> Any:
    number = struct.pack(">H", mid) if qos else b""
    return packet(0x30 | qos << 1, b"\x00\x01t" + number + properties + body)


def _mids(rng: Any) -> Any:
    return (rng.randrange(1, 65536) for _ in itertools.count())


def _publishes(qos: Any, **parts: Any) -> Any:
    return lambda rng: (publish(qos, mid, **parts) for mid in _mids(rng))


def _numbered(head: Any, rest: Any = b"") -> Any:
    copies = max(1, _CHUNK // (len(rest) + 4))
    return lambda rng: (packet(head, struct.pack(">H", mid) + rest) * copies for mid in _mids(rng))


def _same(data: Any) -> Any:
    return lambda _rng: itertools.repeat(data)


def _after(first: Any, chunk: Any) -> Any:
    return lambda _rng: itertools.chain([first], itertools.repeat(chunk))


def _trickle(_rng: Any) -> Any:
    yield b"\x40\xff\x1f"
    for _ in range(4095):
        yield b"\x00"
        time.sleep(0.05)


ATTACKS = {
    "QoS 2, 60 kB each": _publishes(2),
    "QoS 2, a byte each": _publishes(2, body=b"A"),
    "QoS 1, 60 kB each": _publishes(1),
    "QoS 0, 60 kB each": _publishes(0),
    "topic aliases": _publishes(0, properties=b"\x03\x23\x00\x01", body=b"A"),
    "a PUBLISH of 256 MiB": _after(b"\x30\xff\xff\xff\x7f", bytes(_LARGE)),
    "a PUBACK of 256 MiB": _after(b"\x40\xff\xff\xff\x7f", bytes(_LARGE)),
    "a PUBACK of 4 kB by the byte": _trickle,
    "CONNACKs": _same(b"\x20\x03\x00\x00\x00" * 50),
    "PUBACKs": _numbered(0x40),
    "PUBACKs with user properties": _numbered(0x40, b"\x00" + user_properties(3000)),
    "PUBACKs with 64 KiB of user properties": _numbered(0x40, b"\x00" + user_properties(65536)),
    "PUBRECs": _numbered(0x50),
    "PUBRELs": _numbered(0x62),
    "PUBCOMPs": _numbered(0x70),
    "SUBACKs": _numbered(0x90, b"\x00\x01"),
    "UNSUBACKs": _numbered(0xB0, b"\x00\x00"),
    "PINGREQs": _same(b"\xc0\x00" * 50),
    "PINGRESPs": _same(b"\xd0\x00" * 50),
    "AUTHs": _same(b"\xf0\x02\x18\x00" * 50),
    "DISCONNECTs with 64 KiB of user properties": _same(packet(0xE0, b"\x00" + user_properties(65536))),
    "CONNACKs with 64 KiB of user properties": _same(packet(0x20, b"\x00\x00" + user_properties(65536))),
    "noise": lambda rng: (rng.randbytes(4096) for _ in itertools.count()),
}
"""What is sent after CONNACK, for as long as the connection takes it."""
ANSWERS = {
    "Maximum Packet Size 300": {"connack": b"\x00\x00\x05\x27" + struct.pack(">I", 300)},
    "Receive Maximum 0": {"connack": b"\x00\x00\x03\x21\x00\x00"},
    "Receive Maximum 1": {"connack": b"\x00\x00\x03\x21\x00\x01"},
    "Maximum QoS 0": {"connack": b"\x00\x00\x02\x24\x00"},
    "refuses each message": {"on_publish": lambda _published: 0x99},
    "calls each message too large": {"on_publish": lambda _published: b"\xe0\x02\x95\x00"},
    "closes at each message": {"on_publish": lambda _published: CLOSE},
}
"""Brokers that only say something: what they do instead of what one in order does."""


def flood(name: Any, seed: Any = 0) -> Any:
    """What a FakeBroker takes as its `flood`; each connection gets other numbers."""
    rng = random.Random(seed)
    return lambda: ATTACKS[name](random.Random(rng.random()))


class AttackedSite:
    """A service with a sensor that is calm and loud in turn."""

    def __init__(self, folder: Any, port: Any) -> None:
        self._site = Site(folder, port)
        text = self._site.config.read_text()
        quick = "backoff_s = [0.2, 0.5]\nrefused_backoff_s = [0.1, 0.1]\ndenied_retry_s = [1.0, 5.0]\n"
        self._site.config.write_text(text.replace("backoff_s = [0.2, 0.5]\n", quick))
        self._ended = threading.Event()

    def __enter__(self) -> Any:
        self._site.start()
        self._player = threading.Thread(target=self._play)
        self._player.start()
        self.process = psutil.Process(self._site.service.pid)
        return self

    def __exit__(self, *exc: Any) -> None:
        self._ended.set()
        self._player.join()
        self._site.close()

    def _play(self) -> None:
        while not self._ended.is_set():
            self._site.play(vibration(0.3, 3.0))

    def most_mb(self, seconds: Any) -> Any:
        """Largest resident memory within this time."""
        most, until_s = 0, time.monotonic() + seconds
        while time.monotonic() < until_s:
            most = max(most, self.process.memory_info().rss)
            time.sleep(_EVERY_S)
        return most / 1e6


class Taken:
    """As `on_publish` of a FakeBroker: takes every message, and knows which events are missing."""

    def __init__(self) -> None:
        self._seqs: set[Any] = set()
        self.fresh = False

    def __call__(self, published: Any) -> Any:
        if published.topic.endswith("/event"):
            body = json.loads(published.body)
            self._seqs.add(body["seq"])
            self.fresh = self.fresh or not body["replayed"]
        return 0

    def complete(self) -> Any:
        """Whether one has come that is new, and all before it."""
        return self.fresh and self._seqs == set(range(1, max(self._seqs) + 1))


def measure(name: Any, seconds: Any) -> Any:
    """(MB at most, CPU seconds, connections, MB sent) behind one broker; None is the one in order."""
    with tempfile.TemporaryDirectory() as folder, FakeBroker() as broker:
        taken = Taken()
        usual = {"connack": broker.connack, "on_publish": taken, "flood": None}
        vars(broker).update(usual)
        answers: dict[str, Any] = ANSWERS.get(name, {"flood": flood(name)} if name else {})  # type: ignore[assignment]
        vars(broker).update(answers)
        with AttackedSite(Path(folder), broker.port) as site:
            most_mb = site.most_mb(seconds)
            cpu_s = sum(site.process.cpu_times()[:2])
            vars(broker).update(usual)
            taken.fresh = False
            broker.kick()
            until(taken.complete, _SETTLE_S, f"every alarm after {name}")
        return most_mb, cpu_s, len(broker.connects), broker.flooded_bytes / 1e6


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    usual_mb, cpu_s, *_ = measure(None, seconds)
    print(f"a broker in order: {usual_mb:.1f} MB, {cpu_s:.1f} s of CPU in {seconds:.0f} s", flush=True)
    worst_mb = 0.0
    for name in sys.argv[2:] or (*ATTACKS, *ANSWERS):
        most_mb, cpu_s, connections, sent_mb = measure(name, seconds)
        worst_mb = max(worst_mb, most_mb - usual_mb)
        costs = f"{most_mb - usual_mb:+.1f} MB, {cpu_s:.1f} s of CPU, {connections} connections"
        print(f"{name}: {costs}, {sent_mb:.0f} MB sent, every alarm arrived", flush=True)
    print(f"worst: {worst_mb:+.1f} MB, {MOST_MB:+.0f} allowed")
    sys.exit(worst_mb > MOST_MB)


if __name__ == "__main__":
    main()

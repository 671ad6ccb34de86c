"""A small gateway is killed while it raises, publishes and is acknowledged; Mosquitto counts what arrives."""

import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.audit.sequence_audit import SequenceAudit
from edge_runtime.spool.queue import MessageClass, Spool
from tests.broker import Broker, Subscriber, needs_mosquitto, until
from tests.edge.gateways import events
from tests.faults.proxy import ChaosProxy
from tests.faults.wiretap import Wiretap
from tests.processes import running
from tests.waiting import HANG_S, in_time, scaled

pytestmark = needs_mosquitto
SOAK = os.environ.get("STEADYHUM_SOAK") == "1"
KILLS = int(os.environ.get("STEADYHUM_KILLS", "1000" if SOAK else "6"))
ROOT = Path(__file__).resolve().parents[2]
MEMORY = Path("/dev/shm")
DRIVER = [sys.executable, "-m", "tests.faults.driver"]
CALLS = "write,pwrite64,fdatasync,fsync,rename,unlink,ftruncate,fallocate,sendto"

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace is not installed: apt install strace"
)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Any]:
    # What the broker has acknowledged must not hang on how often it saves: here it is not killed.
    with Broker(tmp_path, "autosave_interval 3600", "autosave_on_changes false") as broker:
        yield broker


@pytest.fixture
def subscriber(broker: Any) -> Iterator[Any]:
    with Subscriber(broker.port) as subscriber:
        yield subscriber


@pytest.fixture
def home() -> Iterator[Any]:
    root = Path(tempfile.mkdtemp(prefix="gateway-kills-", dir=MEMORY if MEMORY.is_dir() else None))
    yield root / "state"
    shutil.rmtree(root)


def start(
    home: Any,
    port: int,
    prefix: Any,
    count: int = 1000,
    pace_s: float = 0.0,
    strace: Any = (),
    drain_s: float = 5.0,
) -> Any:
    wrapper = ["strace", "-f", "-o", os.devnull, *strace] if strace else []
    arguments = [home, count, "--port", port, "--prefix", prefix, "--pace", pace_s, "--drain", drain_s]
    return running([*wrapper, *DRIVER, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def promised(output: Any) -> Any:
    return re.findall(r"^raised (\S+)$", output, re.MULTILINE)


def finish(home: Any, port: int) -> Any:
    """Let the gateway run undisturbed until its spool is empty."""
    with start(home, port, "end", count=1, drain_s=50.0) as process:
        output, errors = process.communicate(timeout=scaled(50 + HANG_S))
    assert process.returncode == 0, errors
    assert "depth 0 ring 0" in output
    return promised(output)


def account(subscriber: Any, raised: Any) -> Any:
    """Every promised alarm arrived; what came twice has the same number and body; numbers have no holes."""
    until(lambda: len({json.loads(body)["id"] for body in events(subscriber)}) >= len(raised))
    heard = [(topic, body) for topic, body in subscriber.seen if topic.endswith("/event")]
    arrived = {json.loads(body)["id"] for _, body in heard}
    ledger = SequenceAudit()
    for topic, body in heard:
        ledger.add(topic, body)
    assert not set(raised) - arrived, f"{len(set(raised) - arrived)} of {len(raised)} lost"
    (stream,) = ledger.summary()
    assert (ledger.lost(), stream["conflicts"], stream["disordered"]) == (0, 0, 0), stream
    assert stream["received"] == len(arrived), "each id once after duplicates are removed by number"
    return stream


def test_killed_at_random_times(home: Any, broker: Any, subscriber: Any) -> None:
    randomness, raised, reopened_s = random.Random(11), [], []
    for n in range(KILLS):
        with start(home, broker.port, f"k{n}.", pace_s=0.002) as process:
            reopened_s.append(float(process.stdout.readline().split()[1]))
            time.sleep(randomness.uniform(0.0, 0.3))
            process.kill()
            output = process.stdout.read()  # communicate would pass over what is buffered with the first line
        raised += promised(output)
    raised += finish(home, broker.port)
    stream = account(subscriber, raised)
    print(
        f"{KILLS} kills, {len(raised)} alarms promised, 0 lost, {stream['duplicates']} duplicates;"
        f" reopened within {max(reopened_s) * 1e3:.0f} ms"
    )
    assert len(raised) > 3 * KILLS
    assert in_time(max(reopened_s), 5)
    assert stream["duplicates"] <= 20 * KILLS


@needs_strace
def test_killed_at_system_calls_while_publishing(home: Any, broker: Any, subscriber: Any) -> None:
    with tempfile.NamedTemporaryFile("r") as log:
        with start(
            home.with_name("count"), broker.port, "c", 4, strace=["-o", log.name, "-e", f"trace={CALLS}"]
        ) as p:
            p.communicate(timeout=scaled(HANG_S))
        calls = [found[1] for line in log if (found := re.match(r"\d+ +(\w+)\(", line))]
    points = [(call, calls[: n + 1].count(call)) for n, call in enumerate(calls)]
    assert len(points) > 60
    subscriber.seen.clear()
    tried = points if SOAK else points[3::16]
    raised = []
    for n, (call, when) in enumerate(tried):
        with start(
            home, broker.port, f"p{n}.", 4, strace=["-e", f"inject={call}:signal=KILL:when={when}"]
        ) as process:
            output, _ = process.communicate(timeout=scaled(HANG_S))
        raised += promised(output)
    raised += finish(home, broker.port)
    stream = account(subscriber, raised)
    print(
        f"killed at {len(tried)} of {len(points)} system calls while publishing, {len(raised)} promised,"
        f" 0 lost, {stream['duplicates']} duplicates"
    )


@pytest.mark.parametrize("saving", ["never", "always"])
def test_the_broker_is_killed_again_and_again(
    home: Any, saving: str, stop_at_end: Callable[[AbstractContextManager[Any]], Any]
) -> None:
    """By what passed on the wire no row leaves that no broker took, and whatever none took arrives.

    What a broker took and had not saved when it was killed is lost with it: that is counted, not asserted.
    """
    unsaved = ("autosave_interval 3600", "autosave_on_changes false")
    broker = stop_at_end(Broker(home.parent, *(unsaved if saving == "never" else ())))
    subscriber, tap = stop_at_end(Subscriber(broker.port, reconnect_s=0.05)), Wiretap()
    kills = 500 if SOAK else 3
    with ChaosProxy(broker.port, tap) as proxy, start(home, proxy.port, "b", 10**6, pace_s=0.01) as process:
        raised = promised(_while_read(process, lambda: _kill(broker, kills, random.Random(3), tap)))
        taken = tap.acknowledged & set(raised)
        with Spool.open(home) as spool:
            waiting = {json.loads(row.body)["id"] for row in spool.peek(MessageClass.ALARM, 10**6)}
        assert not set(raised) - taken - waiting, "left, and no broker took it"
        subscriber.subscribed = False
        broker.start()
        until(lambda: subscriber.subscribed, what="the subscription")
        raised += finish(home, proxy.port)
    left = set(raised) - taken
    until(lambda: left <= {json.loads(body)["id"] for body in events(subscriber)}, what="the rest's arrival")
    arrived = {json.loads(body)["id"] for body in events(subscriber)}
    print(
        f"broker killed {kills} times, saving {saving}: {len(raised)} alarms promised, {len(taken)} taken by"
        f" then, the other {len(left)} arrived; {len(set(raised) - arrived)} lost with a broker"
    )
    assert len(taken) > 10 * kills
    assert waiting, "it was killed with something to send"


def has_taken(tap: Any, count: int) -> bool:
    return len(tap.acknowledged) > count


def _kill(broker: Any, kills: Any, randomness: Any, tap: Any) -> None:
    """Kill the broker so many times, when it has taken some, starting it again each time but the last."""
    for n in range(kills):
        if n:
            time.sleep(randomness.uniform(0.0, 0.3))
            broker.start()
        before = len(tap.acknowledged)
        until(partial(has_taken, tap, before + 10), what="its acknowledgements")
        time.sleep(randomness.uniform(0.3, 0.8))
        broker.stop(kill=True)
    time.sleep(1)


def _while_read(process: Any, work: Any) -> Any:
    """Do `work` while somebody reads what the process says, or it would stand still; then kill it."""
    said = []
    reader = threading.Thread(target=lambda: said.append(process.stdout.read()))
    reader.start()
    try:
        work()
    finally:
        process.kill()
        reader.join(scaled(HANG_S))
    return said[0]


def test_few_files_are_enough_to_publish(home: Any, broker: Any, subscriber: Any) -> None:
    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))

    arguments = [str(home), "20", "--port", str(broker.port)]
    done = subprocess.run(
        [*DRIVER, *arguments],
        capture_output=True,
        cwd=ROOT,
        text=True,
        timeout=scaled(HANG_S),
        preexec_fn=few,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "depth 0 ring 0" in done.stdout
    until(lambda: len(subscriber.events()) == 20)
    account(subscriber, promised(done.stdout))

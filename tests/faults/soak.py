"""Runs faults for as long as it is asked to and prints what was reached: `python -m tests.faults.soak`.

First two gateways behind a proxy that breaks their links in every way and with a broker that comes and goes.
One raises alarms and sends telemetry all the time and is killed every so often. The other is the service as
it is shipped, with ten sensors on lines with faults; it is never killed, and its memory must not grow. Then
the tests of the spool and the way out in their large sizes. Exit code 1 when anything was lost or out of
bounds, 2 when the harness itself failed.
"""

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from edge_runtime.audit.sequence_audit import SequenceAudit
from tests.broker import Broker, Subscriber
from tests.faults.chaos import Chaos
from tests.faults.killed_gateway import ROOT, KilledGateway, Watch
from tests.faults.proxy import ChaosProxy
from tests.faults.steady import Steady

Print = Callable[[str], None]
BROKEN = 2
"""Exit code when the harness itself failed, so that nothing is known of the gateway."""


@dataclass
class Found:
    """What the subscriber of the first part got."""

    ledger: SequenceAudit = field(default_factory=SequenceAudit)
    arrived: dict[str, float] = field(default_factory=dict)
    """Id to the time it arrived first, monotonic seconds."""

    def take(self, seen: list[tuple[str, bytes]]) -> None:
        """Only what is needed is kept: an hour of bodies would be our memory, not the gateway's."""
        while seen:
            topic, body = seen.pop(0)
            if topic.endswith("/event"):
                self.ledger.add(topic, body)
                self.arrived.setdefault(json.loads(body)["id"], time.monotonic())


@contextlib.contextmanager
def collecting(subscriber: Subscriber) -> Iterator[Found]:
    """Take all the time what the subscriber gets, until the block ends, however it ends."""
    found, stop = Found(), threading.Event()

    def collect() -> None:
        while not stop.wait(0.02):
            found.take(subscriber.seen)

    thread = threading.Thread(target=collect, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()


def chaos(seconds: float, seed: int, print_line: Print) -> bool:
    """The first part; returns whether all was well.

    When something fails that is no finding, such as a broker that cannot be started again, all that was
    started here is ended, and the error goes on.
    """
    unsaved = ("autosave_interval 3600", "autosave_on_changes false", "max_queued_messages 0")
    with contextlib.ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-")))
        broker = stack.enter_context(Broker(root, *unsaved))
        found = stack.enter_context(collecting(stack.enter_context(Subscriber(broker.port, "soak"))))
        proxy = stack.enter_context(ChaosProxy(broker.port))
        gateway = stack.enter_context(KilledGateway(root / "state", proxy.port))
        steady = stack.enter_context(Steady(root / "steady", proxy.port, seed))
        watches = [
            stack.enter_context(Watch(each, settle_s)) for each, settle_s in ((gateway, 10), (steady, 60))
        ]
        faults = Chaos(seed, broker, proxy, gateway)
        until_s = time.monotonic() + seconds
        time.sleep(5)
        while time.monotonic() < until_s:
            faults.once(min(60, max(seconds / 10, 6)))
            del proxy.up[:]
        for watch in watches:
            watch.close()
        stopped = steady.finish()
        gateway.finish()
        time.sleep(2)
        well = report(gateway, found, faults, watches[0], print_line)
        well &= report_steady(steady, stopped, found.ledger, watches[1], print_line)
    return well


def report_steady(
    steady: Steady, stopped: tuple[int, int, int], ledger: SequenceAudit, watch: Watch, print_line: Print
) -> bool:
    """Print what became of the gateway that was not killed; returns whether it is as it must be."""
    code, last, waiting = stopped
    (stream,) = [stream for stream in ledger.summary() if str(stream["device"]).endswith("/steady")]
    growth_mb = watch.growth_mb()
    figures = {
        "alarm messages": last,
        "received": stream["received"],
        "missing, waiting": f"{stream['missing']}, {waiting}",
        "same number, other body": stream["conflicts"],
        "memory growth since its first minute (MB)": round(growth_mb, 1),
        "minutes watched": round(watch.samples[-1][1] / 60, 1),
        "memory in the middle of each tenth of the time (MB)": watch.course_mb(),
        "memory, most (MB)": round(max(sample[2] for sample in watch.samples) / 1e6),
        "files open, most": max(sample[3] for sample in watch.samples),
        "threads, most": max(sample[4] for sample in watch.samples),
        "log lines": steady.logged(),
        "exit code": code,
    }
    for name, value in figures.items():
        print_line(f"| ten sensors, never killed: {name} | {value} |")
    complete = stream["received"] == last - waiting
    whole = not stream["missing"] and not stream["conflicts"] and complete
    return whole and code == 0 and growth_mb < 5


def report(gateway: KilledGateway, found: Found, faults: Chaos, watch: Watch, print_line: Print) -> bool:
    """Print the figures of the first part; returns whether they are as they must be."""
    arrived = found.arrived
    lost = gateway.raised.keys() - arrived.keys()
    late: list[tuple[float, str]] = []
    for healed_s, fault in faults.healed:
        after = [(at_s, name) for name, at_s in gateway.raised.items() if healed_s <= at_s < healed_s + 2]
        if after:
            at_s, name = min(after)
            late.append((arrived.get(name, float("inf")) - at_s, fault))
    slowest = ", ".join(f"{fault} {delay_s:.1f}" for delay_s, fault in sorted(late)[-5:])
    delays = sorted(delay_s for delay_s, _ in late)
    (stream,) = [stream for stream in found.ledger.summary() if str(stream["device"]).endswith("/device")]
    steady = sorted(arrived[name] - at_s for name, at_s in gateway.raised.items() if name in arrived)
    figures = {
        "faults": ", ".join(f"{count} {name}" for name, count in sorted(faults.counts.items())),
        "alarms promised": len(gateway.raised),
        "alarms lost": len(lost),
        "same number, other body": stream["conflicts"],
        "duplicates": stream["duplicates"],
        "fresh alarm after healing, 95 % (s)": round(delays[int(0.95 * len(delays))], 2) if delays else None,
        "fresh alarm after healing, worst (s)": round(delays[-1], 2) if delays else None,
        "the five slowest, by fault (s)": slowest,
        "raised to received, median (ms)": round(1e3 * steady[len(steady) // 2], 1) if steady else None,
        "memory growth of one process (MB)": round(watch.growth_mb(), 1),
        "memory, most (MB)": round(max(sample[2] for sample in watch.samples) / 1e6),
        "files open, most": max(sample[3] for sample in watch.samples),
        "threads, most": max(sample[4] for sample in watch.samples),
        "log lines": len(gateway.logged),
    }
    for name, value in figures.items():
        print_line(f"| {name} | {value} |")
    return not lost and not stream["conflicts"] and (not delays or delays[int(0.95 * len(delays))] <= 5)


TESTS = {
    "killed at every system call": ["tests/edge/test_spool_kills.py"],
    "failing disk": ["tests/edge/test_spool_failing_disk.py"],
    "killed while publishing": ["tests/edge/test_gateway_kills.py"],
    "disk full": ["tests/edge/test_spool_full_disk.py", "tests/edge/test_spool_deleted_rows.py"],
    "damaged files": ["tests/edge/test_spool_damage.py"],
    "spool against a dictionary": ["tests/edge/test_spool_model.py"],
    "backlog of 100,000": ["tests/edge/test_publisher.py", "-k", "backlog"],
    "half-open and healing": ["tests/edge/test_publisher_link.py"],
    "poison, denied, oversize": ["tests/edge/test_publisher_refusals.py"],
    "hostile brokers": ["tests/edge/test_publisher_hostile.py", "tests/edge/test_publisher_terms.py"],
}


def run_tests(minutes: int, print_line: Print) -> bool:
    """The second part; returns whether all passed."""
    sizes = {"KILLS": 15 * minutes, "MUTATIONS": 170 * minutes, "EXAMPLES": 20 * minutes}
    environ = {
        **os.environ,
        "STEADYHUM_SOAK": "1",
        **{f"STEADYHUM_{name}": str(n) for name, n in sizes.items()},
    }
    well = True
    for name, arguments in TESTS.items():
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-s",
            "-p",
            "no:cacheprovider",
            "--timeout=0",
            *arguments,
        ]
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
        well &= done.returncode == 0
        told = re.findall(r"^\.*(\S.*: .*|.*(?: lost|/s;|damage|kept).*)$", done.stdout, re.MULTILINE)
        summary = done.stdout.strip().splitlines()[-1]
        print_line(f"| {name} | {'; '.join([*told, summary])} |")
    return well


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=["chaos", "tests"])
    arguments = parser.parse_args()
    print(f"| soak of {arguments.minutes} minutes, seed {arguments.seed} | |\n|---|---|", flush=True)

    def print_line(line: str) -> None:
        print(line, flush=True)

    well = True
    try:
        if arguments.only != "tests":
            well &= chaos(arguments.minutes * 60, arguments.seed, print_line)
        if arguments.only != "chaos":
            well &= run_tests(arguments.minutes, print_line)
    except Exception:  # noqa: BLE001 - whatever it is, it is the harness's own and no finding
        traceback.print_exc()
        return BROKEN
    return 0 if well else 1


if __name__ == "__main__":
    raise SystemExit(main())

"""Runs faults for as long as it is told to and prints what was reached: `python -m tests.faults.soak`.

First two gateways behind a proxy that breaks their links in every way and with a broker that comes and goes.
One raises alarms and sends telemetry all the time and is killed every so often. The other is the service as
it is shipped, with ten sensors on lines with faults; it is never killed, and its memory must not grow. Then
the tests of the spool and the way out in their large sizes. Exit code 1 when anything was lost or out of
bounds.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from edge_runtime.audit.sequence_audit import SequenceAudit
from tests.broker import Broker, Subscriber
from tests.faults.chaos import Chaos
from tests.faults.killed_gateway import ROOT, KilledGateway, Watch
from tests.faults.proxy import ChaosProxy
from tests.faults.steady import Steady


def chaos(seconds, seed, print_line):
    """The first part; returns whether all was well."""
    root = Path(tempfile.mkdtemp(prefix="soak-"))
    broker = Broker(
        root, "autosave_interval 3600", "autosave_on_changes false", "max_queued_messages 0"
    ).start()
    arrived = {}
    subscriber = Subscriber(broker.port, "soak")
    # Only what is needed is kept: an hour of bodies would be our memory, not the gateway's.
    ledger, seen = SequenceAudit(), subscriber.seen
    with ChaosProxy(broker.port) as proxy:
        gateway = KilledGateway(root / "state", proxy.port)
        steady = Steady(root / "steady", proxy.port, seed)
        watches = Watch(gateway), Watch(steady, settle_s=60)
        faults = Chaos(seed, broker, proxy, gateway)
        until_s = time.monotonic() + seconds
        stop = threading.Event()

        def collect():
            while not stop.wait(0.02):
                while seen:
                    topic, body = seen.pop(0)
                    if topic.endswith("/event"):
                        ledger.hear(topic, body)
                        arrived.setdefault(json.loads(body)["id"], time.monotonic())

        collector = threading.Thread(target=collect)
        collector.start()
        time.sleep(5)
        while time.monotonic() < until_s:
            faults.once(min(60, max(seconds / 10, 6)))
            del proxy.up[:]
        for watch in watches:
            watch.close()
        stopped = steady.finish()
        gateway.finish()
        time.sleep(2)
        stop.set()
        collector.join()
    subscriber.close()
    broker.stop()
    well = report(gateway, arrived, ledger, faults, watches[0], print_line)
    well &= report_steady(steady, stopped, ledger, watches[1], print_line)
    shutil.rmtree(root)
    return well


def report_steady(steady, stopped, ledger, watch, print_line):
    """Print what became of the gateway that was not killed; returns whether it is as it must be."""
    code, last, waiting = stopped
    (stream,) = [stream for stream in ledger.summary() if stream["device"].endswith("/steady")]
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
    whole = not stream["missing"] and not stream["conflicts"] and stream["received"] + waiting == last
    return whole and code == 0 and growth_mb < 5


def report(gateway, arrived, ledger, faults, watch, print_line):
    """Print the figures of the first part; returns whether they are as they must be."""
    lost = gateway.raised.keys() - arrived.keys()
    delays = []
    for healed_s, fault in faults.healed:
        after = [(at_s, name) for name, at_s in gateway.raised.items() if healed_s <= at_s < healed_s + 2]
        if after:
            at_s, name = min(after)
            delays.append((arrived.get(name, float("inf")) - at_s, fault))
    slowest = ", ".join(f"{fault} {delay_s:.1f}" for delay_s, fault in sorted(delays)[-5:])
    delays = sorted(delay_s for delay_s, _ in delays)
    (stream,) = [stream for stream in ledger.summary() if stream["device"].endswith("/device")]
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


def run_tests(minutes, print_line):
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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=["chaos", "tests"])
    arguments = parser.parse_args()
    print(f"| soak of {arguments.minutes} minutes, seed {arguments.seed} | |\n|---|---|", flush=True)

    def print_line(line):
        print(line, flush=True)

    well = True
    if arguments.only != "tests":
        well &= chaos(arguments.minutes * 60, arguments.seed, print_line)
    if arguments.only != "chaos":
        well &= run_tests(arguments.minutes, print_line)
    return 0 if well else 1


if __name__ == "__main__":
    raise SystemExit(main())

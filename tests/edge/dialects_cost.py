"""What dialects cost: `python -m tests.edge.dialects_cost` prints memory of the service and of each process
beside it, and what keeping events takes of an alarm's way to the disk. On a quiet machine.
"""

import statistics
import tempfile
import time
from pathlib import Path

import psutil

from edge_runtime.spool.queue import MessageClass, Spool
from tests.broker import Broker, free_port, until
from tests.edge.sites import EDGE, Site
from tests.faults.alarm_account import body_of
from tests.processes import end, start

ALARMS = 500
SETTLE_S = 8.0
"""Windows, states and health are published by then, and what is imported late is."""
ON = """
[homeassistant]
discovery = true
[commands]
mqtt = true
[modbus]
listen = "127.0.0.1:{modbus}"
[metrics]
listen = "127.0.0.1:{metrics}"
[[notify]]
name = "chat"
url = "http://localhost:{hook}/"
[[notify]]
name = "shift"
smtp = "localhost:{hook}"
security = "none"
sender = "edge@plant.example"
to = ["shift@plant.example"]
"""


def megabytes(pid: int) -> float:
    return float(psutil.Process(pid).memory_info().rss) / 1e6


def memory(folder: Path, broker: Broker, *, dialects: bool) -> dict[str, float]:
    """Resident memory, MB, of the service and, with dialects, of what runs beside it."""
    folder.mkdir()
    with Site(folder, broker.port) as site:
        ports = {name: free_port() for name in ("modbus", "metrics", "hook")}
        text = site.config.read_text()
        site.config.write_text(
            text.replace("[[sensor]]", f"{ON.format(**ports)}[[sensor]]") if dialects else text
        )
        site.start()
        names = ("metrics", "modbus", "notify") if dialects else ()
        processes = {name: start([*EDGE, name, "--config", site.config]) for name in names}
        try:
            with site.playing(0.3) as machine:
                machine.level = 3.0
                until(lambda: "anomaly began" in site.log(), what="an alarm")
                machine.level = 0.3
                time.sleep(SETTLE_S)
                found = {name: megabytes(process.pid) for name, process in processes.items()}
                return {"service": megabytes(site.service.pid), **found}
        finally:
            for process in processes.values():
                end(process)


def puts(folder: Path) -> dict[bool, list[float]]:
    """Seconds that alarms took to the disk, by whether their events are kept; in turns, on the same disk."""
    took: dict[bool, list[float]] = {False: [], True: []}
    with Spool.open(folder / "plain") as plain, Spool.open(folder / "kept") as kept:
        kept.events.keep(4096)
        for _ in range(ALARMS):
            for keeps, spool in ((False, plain), (True, kept)):
                begun_s = time.perf_counter()
                spool.put(MessageClass.ALARM, "p/s/d/x/event", body_of("a", 1500))
                took[keeps].append(time.perf_counter() - begun_s)
    return took


def main() -> None:
    """Print it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Broker(folder)
        broker.start()
        try:
            off = memory(folder / "off", broker, dialects=False)
            on = memory(folder / "on", broker, dialects=True)
        finally:
            broker.stop()
        took = puts(folder)
    print(f"service: {off['service']:.1f} MB without, {on['service']:.1f} MB with all dialects")
    for process in ("metrics", "modbus", "notify"):
        print(f"edge-runtime {process}: {on[process]:.1f} MB")
    for at, share in (("median", 50), ("p99", 99)):
        plain, kept = (statistics.quantiles(took[keeps], n=100)[share - 1] * 1e3 for keeps in (False, True))
        print(
            f"an alarm to disk, {at}: {plain:.2f} ms, {kept:.2f} ms with its event kept: {kept / plain:.2f} x"
        )


if __name__ == "__main__":
    main()

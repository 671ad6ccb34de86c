"""Which files of the edge an alarm passes from the port to the broker's acknowledgement.

`python -m tests.trips` plays a calm and then a loud sensor to the real service behind a real Mosquitto, and
prints the files whose functions were called in between, and how often a call crossed into another file.
With PYTHONPATH set to an earlier checkout, `python tests/trips.py` prints the same of that.
"""

import json
import os
import runpy
import signal
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import edge_runtime

HERE = Path(__file__).resolve()
OUTPUT = "STEADYHUM_TRIPS_FILE"


def traced() -> None:
    """Be `edge-runtime`, and write which files were passed between SIGUSR1 and SIGUSR2."""
    root = str(Path(edge_runtime.__file__).parent)
    passed: Counter[str] = Counter()
    crossings: set[tuple[str, str]] = set()
    on = threading.Event()

    def profile(frame: FrameType, event: str, _argument: Any) -> None:
        if event != "call" or not on.is_set() or not frame.f_code.co_filename.startswith(root):
            return
        file = frame.f_code.co_filename
        passed[file] += 1
        caller = frame.f_back
        while caller is not None and not caller.f_code.co_filename.startswith(root):
            caller = caller.f_back
        if caller is not None and caller.f_code.co_filename != file:
            crossings.add((caller.f_code.co_filename, file))

    def write(*_: object) -> None:
        on.clear()
        found = {"files": sorted(os.path.relpath(file, root) for file in passed), "crossings": len(crossings)}
        partial = Path(os.environ[OUTPUT] + ".partial")
        partial.write_text(json.dumps(found))
        partial.rename(os.environ[OUTPUT])

    signal.signal(signal.SIGUSR1, lambda *_: on.set())
    signal.signal(signal.SIGUSR2, write)
    threading.setprofile(profile)
    sys.setprofile(profile)
    runpy.run_module("edge_runtime", run_name="__main__")


def trip(folder: Path) -> dict[str, Any]:
    """Play the alarm and return what was passed: `files` and `crossings`."""
    # Not at the top: the traced service runs this file, too, and is to be without the tests' modules.
    from tests.broker import Broker, Subscriber, until  # noqa: PLC0415
    from tests.edge import sites  # noqa: PLC0415

    output = folder / "trips.json"
    os.environ[OUTPUT] = str(output)
    sites.EDGE = [sys.executable, str(HERE), "--traced"]
    broker = Broker(folder).start()
    wait: Callable[..., Any] = until
    try:
        subscriber = Subscriber(broker.port)
        with sites.Site(folder, broker.port) as site:
            site.start()
            site.play(sites.vibration(0.1, 0.1))
            site.service.send_signal(signal.SIGUSR1)
            site.play(sites.vibration(2.0, 2.0))
            wait(lambda: any(body["type"] == "new" for body in subscriber.events()), 30, what="the alarm")
            site.service.send_signal(signal.SIGUSR2)
            wait(output.exists, 30, what="the list of files")
            found: dict[str, Any] = json.loads(output.read_text())
        subscriber.close()
    finally:
        broker.stop()
    return found


def main() -> None:
    """Print the figures."""
    if sys.argv[1:2] == ["--traced"]:
        del sys.argv[1]
        traced()
        return
    with tempfile.TemporaryDirectory() as folder:
        found = trip(Path(folder))
    files = found["files"]
    print(f"files {len(files)}, rooms {len({file.rpartition('/')[0] or file for file in files})}")
    print(f"crossings from file to file {found['crossings']}")
    print("\n".join(f"  {file}" for file in files))


if __name__ == "__main__":
    main()

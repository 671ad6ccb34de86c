"""What the page takes: `python -m tests.page.figures` prints it as JSON. It wants a quiet machine."""

import contextlib
import json
import tempfile
import time
from pathlib import Path

import psutil

from tests.page.open_page import request
from tests.page.plant import Plant
from tests.page.test_beside_a_service import READERS, reader
from tests.waiting import until

SETTLES_S = 10.0


def mib(pid: int) -> float:
    """Resident memory of a process, MiB, libraries that others map as well included."""
    return round(float(psutil.Process(pid).memory_info().rss) / 2**20, 1)


def first_event_s(plant: Plant, cookie: str) -> float:
    """From the request to the first picture of what is true, seconds; the best of five."""
    taken = []
    for _ in range(5):
        begun_s = time.monotonic()
        with reader(plant, cookie, "/api/picture"):
            taken.append(time.monotonic() - begun_s)
    return round(min(taken), 4)


def main() -> None:
    """Measure beside a plant of four sensors."""
    with tempfile.TemporaryDirectory() as folder, Plant(Path(folder)) as plant:
        until(lambda: plant.ask("sensors.list")[0]["score"] is not None, what="a score")
        time.sleep(SETTLES_S)
        alone = mib(plant.service.pid)
        host = f"127.0.0.1:{plant.port}"
        headers = {"Host": host, "Origin": f"http://{host}", "Content-Type": "application/json"}
        body = json.dumps({"who": "Anna", "code": plant.code()}).encode()
        entered = request(plant.port, "POST", "/api/enter", headers, body)
        cookie = entered.header("set-cookie").partition(";")[0]
        found = {"page_mib": mib(plant.page.pid), "first_event_s": first_event_s(plant, cookie)}
        with contextlib.ExitStack() as stack:
            for number in range(READERS):
                path = "/api/picture" if number % 2 else "/api/live?sensor=motor"
                stack.enter_context(reader(plant, cookie, path))
            time.sleep(SETTLES_S)
            found |= {"page_with_readers_mib": mib(plant.page.pid)}
            found |= {"service_more_mib": round(mib(plant.service.pid) - alone, 1)}
        print(json.dumps({**found, "readers": READERS}))


if __name__ == "__main__":
    main()

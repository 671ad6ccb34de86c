"""The page beside a service that runs: little memory, and nothing of it is late or other than without."""

import contextlib
import http.client
import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from deploy.held_ports import held_port
from edge_runtime.cli.commands import app
from edge_runtime.core import ConfigError, EdgeError
from edge_runtime.door import DoorClient
from tests.edge.doors import OpenDoor
from tests.edge.sites import EDGE, Site, vibration
from tests.page.open_page import request
from tests.processes import end, running, start
from tests.waiting import HANG_S, scaled, until

MOST_BYTES = 60 * 1024 * 1024
READERS = 20
PAUSE_S = 0.002
"""Between two requests of the flood: without any this machine's processor is the page's and the tests'."""
LIVES_S = 2.5
"""Of a page, before it is killed."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site with a page and without a broker."""
    with Site(tmp_path, 1) as site:
        text = site.config.read_text()
        site.port = held_port()  # type: ignore[attr-defined]  # of the page
        site.config.write_text(f'page.listen = "127.0.0.1:{site.port}"\n{text}')  # type: ignore[attr-defined]
        yield site


def said(*words: object) -> str:
    """What `edge-runtime page` prints; raises what it refuses."""
    done = CliRunner().invoke(app, ["page", *map(str, words)])
    if done.exception is not None:
        raise done.exception
    return done.stdout


def cookie(site: Any, text: str) -> str:
    """Come in by a code."""
    headers = {
        "Host": f"localhost:{site.port}",
        "Origin": f"http://localhost:{site.port}",
        "Content-Type": "application/json",
    }
    body = json.dumps({"who": "Anna", "code": text}).encode()
    answer = request(site.port, "POST", "/api/enter", headers, body)
    assert answer.status == 200, answer.body
    return answer.header("set-cookie").partition(";")[0]


@contextlib.contextmanager
def reader(site: Any, held: str, path: str) -> Iterator[None]:
    """One that reads a stream."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=scaled(HANG_S))
    with contextlib.closing(connection):
        connection.request("GET", path, headers={"Cookie": held})
        with connection.getresponse() as answer:
            assert answer.status == 200
            assert answer.readline().startswith(b"data:")
            yield


def test_codes_and_the_memory_with_twenty_readers(site: Any) -> None:
    site.start()
    with running([*EDGE, "page", "--config", site.config]) as process, site.playing(0.3):
        until(lambda: _answers(site.port), what="the page")
        shown = said("code", "--config", site.config)
        assert f"http://localhost:{site.port}/#code={shown[:9]}" in shown
        look = cookie(site, shown[:9])
        me = request(site.port, "GET", "/api/me", {"Host": f"localhost:{site.port}", "Cookie": look})
        assert me.said["role"] == "view"
        held = cookie(site, json.loads(said("code", "--operate", "--json", "--config", site.config))["code"])
        with contextlib.ExitStack() as stack:
            for number in range(READERS):
                path = "/api/picture" if number % 2 else "/api/live?sensor=pump"
                stack.enter_context(reader(site, held, path))
            memory = psutil.Process(process.pid).memory_info().rss
        assert memory < MOST_BYTES, memory


def test_without_a_page_the_command_says_what_to_set(site: Any, tmp_path: Path) -> None:
    site.config.write_text(site.config.read_text().replace("page.listen", "# page.listen"))
    with pytest.raises(ConfigError, match=r"there is no page here. Set `listen` in \[page\]"):
        said("--config", site.config)
    with OpenDoor(tmp_path) as opened, pytest.raises(ConfigError, match="knows of no page"):
        said("code", "--socket", opened.path)


def test_flooded_and_killed_it_changes_no_score_and_no_event(site: Any, tmp_path: Path) -> None:
    """The same vibration twice: alone, and beside a page that is flooded, watched and killed."""
    alone = scores(site)
    with flooded(site):
        beside = scores(site)
    assert beside == alone
    assert len(alone) > 50


def scores(site: Any) -> list[bytes]:
    """What a service says of a signal of fixed length: each window's score, and that it is an alarm."""
    site.start()
    until(lambda: _watches(site), what="the sensor being watched")
    found: list[bytes] = []
    with DoorClient(site.folder / "state" / "door.sock") as client:
        client.call("subscribe", to="score", sensor="pump")
        player = threading.Thread(target=site.play, args=(vibration(0.3, 3.0, 0.3),), daemon=True)
        player.start()
        for item in client.items():
            body = item["data"]
            found.append(
                json.dumps(
                    {name: body[name] for name in ("window", "score", "threshold", "exceeded")}
                ).encode()
            )
            if body["window"] >= 75:
                break
        player.join()
    site.stop()
    return found


@contextlib.contextmanager
def flooded(site: Any) -> Iterator[None]:
    """A page that is asked without a pause, killed, started again."""
    over = threading.Event()

    def flood() -> None:
        while not over.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException):
                request(site.port, "GET", "/api/picture", {"Host": f"localhost:{site.port}"})
            time.sleep(PAUSE_S)

    def kill() -> None:
        while not over.is_set():
            process = start([*EDGE, "page", "--config", site.config], stderr=subprocess.DEVNULL)
            over.wait(LIVES_S)
            end(process, signal.SIGKILL)

    threads = [threading.Thread(target=flood), threading.Thread(target=kill)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _watches(site: Site) -> bool:
    with contextlib.suppress(EdgeError), DoorClient(site.folder / "state" / "door.sock") as client:
        return bool(client.call("sensors.list"))
    return False


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError):
        return request(port, "GET", "/", {"Host": f"localhost:{port}"}).status == 200
    time.sleep(0.1)
    return False


def test_the_service_loads_nothing_of_it() -> None:
    program = (
        "import sys, edge_runtime.gateway.service_loop\n"
        "late = 'edge_runtime.page', 'edge_runtime.gateway.page_methods', 'starlette', 'uvicorn', 'asyncio'\n"
        "sys.exit(any(name in sys.modules for name in late))"
    )
    assert subprocess.run([*EDGE[:1], "-c", program], check=False).returncode == 0

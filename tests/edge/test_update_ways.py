"""Ways by which models arrive: time is bounded, and a connection that breaks is taken up again."""

import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from edge_runtime.core.errors import UnavailableError
from edge_runtime.gateway.updates.ways import within
from tests.attack.updates.lab import Case, Lab
from tests.waiting import HANG_S, scaled


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Lab(tmp_path / "lab").case()


def test_time_is_bounded_and_the_timer_of_before_goes_on() -> None:
    with pytest.raises(UnavailableError, match="not done within"), within(0.05, "x"):
        threading.Event().wait(scaled(HANG_S))


class Breaking(http.server.SimpleHTTPRequestHandler):
    """A static server that knows ranges, and ends each connection after so many bytes."""

    asked: list[str]
    most = 400
    ranges = True

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        self.asked.append(self.headers.get("Range", ""))
        if not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        begin = int((self.headers.get("Range") or "bytes=0-")[6:-1]) if self.ranges else 0
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - begin))
        self.end_headers()
        self.wfile.write(data[begin:][: self.most])

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(case: Case) -> Iterator[http.server.ThreadingHTTPServer]:
    handler = partial(type("Handler", (Breaking,), {"asked": []}), directory=str(case.stick))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_connection_that_breaks_is_taken_up_where_it_broke(
    case: Case, server: http.server.ThreadingHTTPServer
) -> None:
    handler = server.RequestHandlerClass.func  # type: ignore[attr-defined]
    assert case.look(f"http://127.0.0.1:{server.server_port}").startswith("new")
    resumed = [text for text in handler.asked if text]
    assert len(resumed) > 5, handler.asked


def test_a_server_without_ranges_begins_again(case: Case, server: http.server.ThreadingHTTPServer) -> None:
    handler = server.RequestHandlerClass.func  # type: ignore[attr-defined]
    handler.ranges, handler.most = False, 10**6
    assert case.look(f"http://127.0.0.1:{server.server_port}/").startswith("new")

"""Ways by which models arrive: time is bounded, a cut connection is taken up again; what was seen is kept."""

import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from edge_runtime.core.errors import ArtefactError, UnavailableError
from edge_runtime.gateway.updates.seen import Seen, check_newer, read_seen
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


def test_a_new_root_lets_the_other_lists_begin_again() -> None:
    seen = Seen(0.0, 3, 2**31, 9, 9)
    check_newer(seen, Seen(0.0, 4, 1, 1, 1))
    for older in (
        Seen(0.0, 2, 2**31, 9, 9),
        Seen(0.0, 3, 1, 9, 9),
        Seen(0.0, 3, 2**31, 8, 9),
        Seen(0.0, 3, 2**31, 9, 8),
    ):
        with pytest.raises(ArtefactError, match="was seen here"):
            check_newer(seen, older)


def test_what_was_seen_is_read_strictly(tmp_path: Path) -> None:
    Seen(5.0, 1, 2, 3, 4).write(tmp_path)
    assert read_seen(tmp_path) == Seen(5.0, 1, 2, 3, 4)
    for text in (
        "",
        "[]",
        "{}",
        '{"time_s": "x"}',
        '{"time_s": 1, "root": []}',
        '{"time_s": 1, "no": 1}',
        "[" * 2000,
    ):
        (tmp_path / "seen.json").write_text(text)
        assert read_seen(tmp_path) == Seen()

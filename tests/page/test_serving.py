"""The page at work: streams, changes in a person's name, downloads, connections that hold or flood it."""

import base64
import contextlib
import http.client
import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from edge_runtime.core import AccessError, ConfigError, UnavailableError
from edge_runtime.door import Access, Method, NoParams, Topic
from edge_runtime.gateway.recording.methods import SensorParams
from edge_runtime.page import live, protocol, streams
from edge_runtime.page.served import Served
from edge_runtime.page.server import listener
from edge_runtime.page.trend import folded
from tests.edge.certificates import identity
from tests.page.open_page import OpenPage
from tests.waiting import HANG_S, scaled, until

HOSTILE = "</script><img src=x onerror=alert(1)> \u202e \"' %00 /../"


@pytest.fixture
def page(tmp_path: Path) -> Iterator[OpenPage]:
    with OpenPage(tmp_path) as opened:
        yield opened


@contextlib.contextmanager
def stream(page: OpenPage, path: str, cookie: str) -> Iterator[Iterator[Any]]:
    """What a stream brings, parsed."""
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=scaled(HANG_S))
    with contextlib.closing(connection):
        connection.request("GET", path, headers={"Cookie": cookie})
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        yield (line.decode()[5:].strip() for line in answer if line.startswith(b"data:"))


def add(page: OpenPage, name: str, answered: Any) -> None:
    """Let the door answer something."""
    page.opened.door.work.registry.add(
        Method(name, Access.READ, "For a test.", NoParams, lambda _p, _a: answered)
    )


def test_the_picture_is_sent_whole_and_then_what_differs(page: OpenPage) -> None:
    sensors = [{"name": "pump", "score": 1.0}, {"name": HOSTILE, "score": 2.0}]
    add(page, "status", {"status": "ok", "connected": True, "troubles": {}})
    add(page, "sensors.list", sensors)
    add(page, "recording.status", [])
    with stream(page, "/api/picture", page.cookie("view")) as items:
        first = json.loads(next(items))
        assert first["parts"]["service"]["site"] == "plant"
        assert first["parts"][f"sensor {HOSTILE}"] == sensors[1]
        assert "ok" in first["parts"]["service"]["status"]
        sensors[0]["score"] = 3.0
        del sensors[1]
        news = json.loads(next(items))
        while not news["parts"]:
            news = json.loads(next(items))
        assert news["parts"] == {"sensor pump": {"name": "pump", "score": 3.0}}
        assert news["gone"] == [f"sensor {HOSTILE}"]


def test_a_service_that_does_not_answer_is_said_and_what_was_known_stays(page: OpenPage) -> None:
    with stream(page, "/api/picture", page.cookie()) as items:
        said = json.loads(next(items))["parts"]["service"]
        assert (said["answers"], "there is no method" in said["what"]) == (False, True)


def test_the_latest_bytes_of_a_sensor(page: OpenPage) -> None:
    cookie = page.cookie("view")
    assert page.ask("GET", "/api/live", cookie=cookie).status == 409
    assert page.ask("GET", "/api/live?sensor=nobody", cookie=cookie).status == 409
    feed = page.opened.door.feed
    with (
        stream(page, "/api/live?sensor=pump", cookie) as items,
        stream(page, "/api/live?sensor=pump", cookie) as too,
    ):
        until(lambda: feed.wants(Topic.FRAMES, "pump"), what="the subscription")
        feed.bring(Topic.FRAMES, "pump", b"abc\x00")
        for each in (items, too):
            assert base64.b64decode(next(item for item in each if item)) == b"abc\x00"
    until(lambda: not feed.wants(Topic.FRAMES, "pump"), 10, "the end of the subscription")


def test_more_readers_than_there_may_be(page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST_READERS", 2)
    monkeypatch.setattr(live, "MOST_SENSORS", 1)
    cookie = page.cookie()
    with stream(page, "/api/live?sensor=pump", cookie) as one:
        next(one)
        assert page.ask("GET", "/api/live?sensor=fan", cookie=cookie).status == 503
        with stream(page, "/api/picture", cookie) as two:
            next(two)
            assert page.ask("GET", "/api/picture", cookie=cookie).status == 503
    until(lambda: page.ask("GET", "/api/live?sensor=fan", cookie=cookie).status == 200, 5, "room again")


def test_a_session_that_is_over_ends_its_streams(tmp_path: Path) -> None:
    with (
        OpenPage(tmp_path, session_s=scaled(1.0)) as page,
        stream(page, "/api/picture", page.cookie()) as items,
    ):
        assert len(list(items)) >= 1


def test_changes_are_made_in_a_persons_name_and_noted(page: OpenPage) -> None:
    cookie = page.cookie()
    done = page.opened.door.work.registry
    noted = page.opened.methods()[1]
    done.add(Method("alarms.acknowledge", Access.CHANGE, "Note.", noted.params, noted.call))
    answer = page.ask(
        "POST", "/api/do/alarms.acknowledge", {"alarm": HOSTILE[:3], "note": "seen"}, cookie=cookie
    )
    assert answer.status == 200
    assert answer.said["by"].startswith("root for Anna (page)")
    gone = page.ask("POST", "/api/do/alarms.acknowledge", {"alarm": "gone"}, cookie=cookie)
    assert (gone.status, gone.said["remedy"]) == (409, "List those that are open")
    wrong = page.ask("POST", "/api/do/alarms.acknowledge", {"alarm": 7, "x": HOSTILE}, cookie=cookie)
    assert wrong.status == 409
    assert (
        page.ask("POST", "/api/do/recording.start", {"sensor": "a", "folder": "/etc"}, cookie=cookie).status
        == 409
    )
    add(page, "health", {"status": "ok", "connected": True, "up_s": 1.0, "troubles": {}, "figures": {"a": 1}})
    changes = page.ask("GET", "/api/gateway", cookie=cookie).said["changes"]
    assert [change["result"].partition(":")[0] for change in changes] == ["done", "refused", "refused"]
    assert {change["who"] for change in changes} == {"Anna"}


def test_captures_are_taken_away_where_the_service_lists_them(page: OpenPage, tmp_path: Path) -> None:
    cookie = page.cookie("view")
    inside = tmp_path / "20260101T000000Z normal.frames"
    inside.write_bytes(b"frames" * 50_000)
    secret = tmp_path / "secret"
    secret.write_text("secret")
    link = tmp_path / "link.frames"
    link.symlink_to(secret)
    listed = [
        {"path": str(inside)},
        {"path": str(link)},
        {"path": str(tmp_path / "gone.frames")},
        {"path": str(tmp_path)},
    ]
    asked = Method("recording.list", Access.READ, "List.", SensorParams, lambda _p, _a: listed)
    page.opened.door.work.registry.add(asked)
    got = page.ask("GET", "/api/capture?sensor=pump&name=20260101T000000Z+normal.frames", cookie=cookie)
    assert (got.status, got.body) == (200, inside.read_bytes())
    assert got.header("content-disposition") == 'attachment; filename="20260101T000000Z_normal.frames"'
    for name in ("secret", "link.frames", "gone.frames", "../secret", tmp_path.name, str(secret), "%00", ""):
        assert page.ask("GET", f"/api/capture?sensor=pump&name={name}", cookie=cookie).status == 409, name


def test_connections_that_hold_it_are_closed(page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "LOOK_S", 0.05)
    monkeypatch.setattr(protocol, "IDLE_S", 0.3)
    monkeypatch.setattr(protocol, "MOST", 8)
    with contextlib.ExitStack() as stack:
        held = [
            stack.enter_context(socket.create_connection(("127.0.0.1", page.port), 10)) for _ in range(20)
        ]
        for client in held:
            with contextlib.suppress(OSError):
                client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")

        def answers() -> bool:
            with contextlib.suppress(OSError, http.client.HTTPException):
                return page.ask("GET", "/").status == 200
            return False

        until(answers, 5, "an answer")
        until(lambda: all(_closed(client) for client in held), 5, "their ends")


def _closed(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(4096) == b"" or _closed(client)
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_a_year_is_folded_and_no_peak_is_lost() -> None:
    rows = [
        {
            "time_s": n * 3600,
            "values": {"score_max": float(n % 97), "score_min": -1.0 * n, "windows": 1, "a": 2.0},
        }
        for n in range(1000)
    ]
    found = folded(rows, 36000.0)
    assert len(found) == 100
    assert max(row["values"]["score_max"] for row in found) == 96
    assert sum(row["values"]["windows"] for row in found) == 1000
    assert [row["values"]["score_min"] for row in found] == [-1.0 * (10 * n + 9) for n in range(100)]
    assert {row["values"]["a"] for row in found} == {2.0}
    assert folded(rows[:5], 1.0) == rows[:5]


def test_over_tls_the_cookie_takes_it(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate, key = identity(tmp_path, authority, "localhost")
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with OpenPage(tmp_path, certificate=(str(certificate), str(key))) as page:
        host = f"localhost:{page.port}"
        connection = http.client.HTTPSConnection(host, timeout=scaled(HANG_S), context=trusting)
        with contextlib.closing(connection):
            headers = {"Origin": f"https://{host}", "Content-Type": "application/json"}
            body = json.dumps({"who": "Anna", "code": page.code()})
            connection.request("POST", "/api/enter", body, headers)
            with connection.getresponse() as answer:
                assert answer.status == 200, answer.read()
                cookie = answer.headers["set-cookie"].lower()
        assert cookie.startswith("__host-steadyhum=")
        assert "secure" in cookie
        with pytest.raises((OSError, http.client.HTTPException)):
            page.ask("GET", "/")


def test_what_cannot_be_honoured_stops_it_with_a_sentence(tmp_path: Path) -> None:
    def served(**files: str) -> Served:
        return Served("127.0.0.1", 1, ("localhost:1",), (), "edge.toml", 1.0, **files)

    served().check_certificate()
    empty = tmp_path / "empty.pem"
    empty.touch()
    with pytest.raises(AccessError, match=r"cannot be read .*correct \[page\]"):
        served(cert_file=str(tmp_path / "no.pem"), key_file=str(empty)).check_certificate()
    empty.chmod(0o640)
    with pytest.raises(AccessError, match="open to others"):
        served(cert_file=str(empty), key_file=str(empty)).check_certificate()
    empty.chmod(0o600)
    with pytest.raises(ConfigError, match="no certificate and its key"):
        served(cert_file=str(empty), key_file=str(empty)).check_certificate()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UnavailableError, match=r"cannot listen .*Set `listen` in \[page\]"):
            listener(Served("127.0.0.1", port, (), (), "edge.toml", 1.0))
    there = served(cert_file="a", key_file="b")
    assert Served.from_text(there.to_text()) == there
    assert there.address == "https://localhost:1/"

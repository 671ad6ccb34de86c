"""Who may not come in: every entry of the page, refused to whoever lacks what it takes."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.page import guard as guarding
from edge_runtime.page import limits
from edge_runtime.page.entries import Entry
from edge_runtime.page.sessions import Role
from tests.page.open_page import Answer, OpenPage, request
from tests.waiting import HANG_S, scaled, until

FOR_ANYBODY = {("POST", "/api/enter")}
"""What may be asked without a session, beside the files of the page itself."""


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenPage]:
    """A page that takes as many requests as a test makes."""
    for name in ("PER_S", "BURST", "PER_S_OF_ALL", "BURST_OF_ALL"):
        monkeypatch.setattr(guarding, name, 1e9)
    with OpenPage(tmp_path) as opened:
        yield opened


def told(page: OpenPage, entry: Entry, **more: Any) -> Answer:
    """What an entry answers to an empty request."""
    return page.ask(entry.method, entry.path, **more)


def test_nothing_but_the_page_itself_is_for_anybody(page: OpenPage) -> None:
    open_ones = {(entry.method, entry.path) for entry in page.entries if entry.role is Role.ANYBODY}
    files = {pair for pair in open_ones if not pair[1].startswith("/api/")}
    assert open_ones - files == FOR_ANYBODY
    assert {method for method, _ in files} == {"GET"}
    changing = [entry for entry in page.entries if entry.method == "POST" and entry.role < Role.OPERATE]
    assert {entry.path for entry in changing} == {"/api/enter", "/api/leave"}


def test_without_a_session_with_one_that_is_none_and_with_one_that_is_over(
    tmp_path: Path, page: OpenPage
) -> None:
    (tmp_path / "over").mkdir()
    with OpenPage(tmp_path / "over", session_s=0.0) as over:
        expired = over.cookie()
        for entry in page.entries:
            if entry.role is Role.ANYBODY:
                continue
            assert told(page, entry).status == 401, entry.path
            assert told(page, entry, cookie="steadyhum=AAAA").status == 401, entry.path
            assert told(over, entry, cookie=expired).status == 401, entry.path
    assert page.opened.noted == []


def test_in_another_name_from_another_page_and_as_no_json(page: OpenPage) -> None:
    cookie = page.cookie()
    other = f"evil.example:{page.port}"
    wrong: list[tuple[dict[str, Any], int]] = [
        ({"Host": other, "Origin": f"http://{other}"}, 421),
        ({"Host": other}, 421),
        ({"Host": ""}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": f"https://127.0.0.1:{page.port}"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": f"http://localhost:{page.port}"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ]
    for entry in page.entries:
        for headers, status in wrong:
            assert told(page, entry, cookie=cookie, headers=headers).status == status, (entry.path, headers)
        if entry.method == "POST":
            asked = {"Host": page.host, "Cookie": cookie, "Content-Type": "application/json"}
            assert request(page.port, "POST", entry.path, asked, b"{}").status == 403, "without an origin"
            for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
                assert told(page, entry, cookie=cookie, headers={"Content-Type": kind}).status == 415
    assert page.opened.noted == []


def test_a_request_without_a_name_or_with_two_of_them(page: OpenPage) -> None:
    for hosts in ([], [page.host, "evil.example"]):
        assert request(page.port, "GET", "/", {"Host": hosts}).status in (400, 421)
    origins = [f"http://{page.host}", "http://evil.example"]
    assert page.ask("GET", "/", headers={"Origin": origins}).status == 403  # type: ignore[dict-item]


def test_whoever_may_look_changes_nothing(page: OpenPage) -> None:
    cookie = page.cookie("view")
    for entry in page.entries:
        status = told(page, entry, cookie=cookie).status if entry.path != "/api/leave" else 200
        assert (status == 403) == (entry.role is Role.OPERATE), entry.path
    assert page.opened.noted == []


def test_other_methods_and_other_paths(page: OpenPage) -> None:
    cookie = page.cookie()
    known = {(entry.method, entry.path) for entry in page.entries}
    for entry in page.entries:
        for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"):
            if (method, entry.path) in known:
                continue
            headers = {"Origin": f"http://{page.host}", "Content-Type": "application/json"}
            assert page.ask(method, entry.path, cookie=cookie, headers=headers).status == 405, (
                method,
                entry.path,
            )
    for path in (
        "/../pyproject.toml",
        "/%2e%2e/server.py",
        "/static/",
        "/api",
        "/api/do/status",
        "//",
        "/page.py",
        "/api/do/page.code",
        "/api/do/page.redeem",
    ):
        assert page.ask("GET", path, cookie=cookie).status == 404, path


def test_every_answer_forbids_what_browsers_might_do_with_it(page: OpenPage) -> None:
    cookie = page.cookie()
    for entry in page.entries:
        for given in (cookie, ""):
            answer = told(page, entry, cookie=given)
            assert "default-src 'none'" in answer.header("content-security-policy"), entry.path
            assert "unsafe" not in answer.header("content-security-policy")
            assert answer.header("x-content-type-options") == "nosniff"
            assert answer.header("access-control-allow-origin") == ""
            if entry.path == "/api/leave":
                cookie = page.cookie()


def test_a_code_lets_one_in_once(page: OpenPage) -> None:
    code = page.code("view")
    typed = {"who": "Anna", "code": code.lower().replace("-", " ")}
    answer = page.ask("POST", "/api/enter", typed)
    assert (answer.status, answer.said) == (200, {"who": "Anna", "role": "view"})
    attributes = {part.strip().lower() for part in answer.header("set-cookie").split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/", "max-age=3600"} <= attributes
    again = page.ask("POST", "/api/enter", typed)
    assert again.status == 409
    assert "edge-runtime page code" in again.said["remedy"]
    cookie = answer.header("set-cookie").partition(";")[0]
    assert page.ask("GET", "/api/me", cookie=cookie).said["who"] == "Anna"
    assert page.ask("POST", "/api/leave", cookie=cookie).status == 200
    assert page.ask("GET", "/api/me", cookie=cookie).status == 401


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{", b"\xff", b'{"who":"Anna"}', b'{"who":1,"code":"A"}', b'{"who":"","code":"A"}',
        b'{"who":"a\\u001b[2J","code":"A"}', b'{"who":"a\\nb","code":"A"}', b'{"who":"Anna","code":[]}',
        b"[" * 8000, json.dumps({"who": "x" * 41, "code": "A"}).encode(), b'{"who":"a","who":"b","code":"A"}',
        b'{"who":"Anna","code":"' + b"A" * 400 + b'"}', b'{"who":"Anna","code":"\\ud800"}',
    ],
)  # fmt: skip
def test_what_is_no_code(page: OpenPage, body: bytes) -> None:
    answer = page.ask("POST", "/api/enter", body)
    assert answer.status in (409, 411)
    assert answer.said["what"]
    assert answer.header("set-cookie") == ""


def test_codes_cannot_be_tried_for_ever(page: OpenPage) -> None:
    tried = [page.ask("POST", "/api/enter", {"who": "Eve", "code": f"AAAA-{n:04}"}).status for n in range(15)]
    assert tried[:10] == [409] * 10
    assert set(tried[10:]) == {429}


def test_more_than_is_taken(page: OpenPage) -> None:
    cookie = page.cookie()
    note = {"alarm": "a", "note": "x" * 9000}
    assert page.ask("POST", "/api/do/alarms.acknowledge", note, cookie=cookie).status == 413
    head = f"POST /api/do/alarms.reset HTTP/1.1\r\nHost: {page.host}\r\nOrigin: http://{page.host}\r\n"
    head += f"Content-Type: application/json\r\nCookie: {cookie}\r\nTransfer-Encoding: chunked\r\n\r\n"
    pieces = (b"400\r\n" + b" " * 1024 + b"\r\n") * 12 + b"0\r\n\r\n"
    with socket.create_connection(("127.0.0.1", page.port), scaled(HANG_S)) as client:
        client.sendall(head.encode() + pieces)
        assert b" 409 " in client.recv(100), "in pieces it is too long as well"
    long_name = page.ask("GET", "/api/me", cookie=cookie, headers={"X-Long": "y" * 70_000})
    assert long_name.status in (400, 431)


def test_too_much_from_one_address_is_refused_until_it_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarding, "PER_S", 0.5)
    monkeypatch.setattr(guarding, "BURST", 20.0)
    with OpenPage(tmp_path) as page:
        seen = [page.ask("GET", "/api/me").status for _ in range(40)]
        assert seen[0] == 401
        assert 429 in seen
        until(lambda: page.ask("GET", "/api/me").status == 401, what="its turn")


def test_a_bucket_is_as_a_slow_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the obvious: of n requests in t seconds at most burst + t * rate are taken."""
    monkeypatch.setattr(limits, "MOST_NAMES", 3)
    limit = limits.RateLimit(2.0, 5.0)
    taken = [at_s for at_s in (n * 0.1 for n in range(100)) if limit.take("a", at_s)]
    assert len(taken) == 5 + int(2.0 * 9.9)
    assert all(limit.take(name, 10.0) for name in "bcd"), "others have their own"
    assert limit.take("a", 10.0), "who was forgotten begins anew"

"""Who is told what, in which words, when, and what a server may do to that: without a service."""

import contextlib
import email
import email.policy
import itertools
import json
import socket
import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.core import AccessError
from edge_runtime.door.notify_settings import NotifySettings, check_url, server_of
from edge_runtime.door.notifying import lines
from edge_runtime.door.notifying.deliveries import FILE, Deliveries, Waiting
from edge_runtime.door.notifying.folding import Folding
from edge_runtime.door.notifying.lines import DeliveryError
from edge_runtime.door.notifying.telling import check_secrets, tell
from edge_runtime.messages.notify import Gateway, mail_message, news_of, subject, text, webhook_body
from tests.broker import free_port
from tests.edge.disks import fill
from tests.edge.notified import PASSWORD, USER, Authority, HookServer, MailServer, hostile, news
from tests.edge.spools import Clock
from tests.waiting import in_time

GATEWAY = Gateway("plant", "gateway")
EVENT: dict[str, Any] = {
    "type": "new",
    "id": "A",
    "kind": "anomaly",
    "reason": "",
    "start_time": "T0",
    "end_time": None,
    "peak": 2.5,
    "threshold": 1.0,
    "clock_ok": True,
    "machine": "Pump 7",
    "action": None,
    "by": "",
    "suppressed": "",
    "shelved": None,
    "active": True,
    "evidence": [],
    "diagnosis": [],
}
ONE = [{"id": "A-begin", "sha256": "ab" * 32}]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({}, "began"),
        ({"type": "end", "end_time": "T1"}, "ended"),
        ({"type": "end", "shelved": {"by": "x"}}, "ended"),
        ({"type": "end", "action": "judged"}, ""),
        ({"type": "update"}, ""),
        ({"type": "update", "action": "acknowledged", "by": "anna"}, ""),
        ({"type": "update", "action": "evidence", "evidence": ONE}, "kept"),
        ({"type": "end", "action": "evidence", "evidence": ONE}, "kept"),
        ({"type": "update", "action": "evidence", "evidence": ONE * 2}, ""),
        ({"type": "update", "action": "returned"}, "returned"),
        ({"type": "update", "action": "unshelved"}, "unshelved"),
        ({"type": "update", "action": "unshelved", "by": "anna"}, ""),
        ({"type": "update", "action": "unshelved", "active": False}, ""),
        ({"shelved": {"by": "anna"}}, ""),
        ({"suppressed": "under repair"}, ""),
        ({"type": ["new"], "evidence": 7}, ""),
    ],
)
def test_what_people_are_told_of(changes: dict[str, Any], what: str) -> None:
    found = news_of("pump", EVENT | changes)
    assert (found.what if found else "") == what


def test_words_have_evidence_and_diagnosis() -> None:
    said = {"diagnosis": [{"channel": "DE", "words": "outer race knocks at 107 Hz"}], "evidence": ONE}
    found = news_of("pump", {**EVENT, **said, "type": "update", "action": "evidence"})
    assert found is not None
    words = text(GATEWAY, [found])
    for part in (
        "anomaly on pump (Pump 7)",
        "DE: outer race knocks",
        "ab" * 32,
        "peak 2.5, threshold 1",
        "A",
    ):
        assert part in words
    assert "clock" not in words
    assert "times may be wrong" in text(GATEWAY, [replace(found, clock_ok=False)])
    fault = news_of("pump", EVENT | {"kind": "sensor_fault", "peak": 1.0, "reason": "silent: 2 s"})
    assert fault is not None
    assert "peak" not in text(GATEWAY, [fault])
    assert subject(GATEWAY, [fault]) == "[plant/gateway] sensor fault on pump (Pump 7) began"


def test_much_is_counted_and_not_listed() -> None:
    many = [news(what, f"s{n:03d}") for n in range(200) for what in ("began", "ended")]
    chatter = [news(what) for what in ("began", "ended") * 500]
    words = text(GATEWAY, [*many, *chatter])
    assert len(words) < 64 * 1024
    assert subject(GATEWAY, [*many, *chatter]) == "[plant/gateway] alarms: 700 began, 700 ended"
    assert "began 500 times, is over 500 times" in text(GATEWAY, chatter)
    assert len(webhook_body(GATEWAY, [*many, *chatter], "d")) < 512 * 1024


HOSTILE = "x\r\nBcc: all@plant.example\r\n\r\n<b>@channel</b> <!channel> \x1b[2J\u2028\u202e"


def test_no_name_is_a_header_or_markup() -> None:
    found = news_of(HOSTILE, {**EVENT, "machine": HOSTILE, "reason": HOSTILE, "id": HOSTILE})
    assert found is not None
    addresses = ("a@plant.example", "b@plant.example")
    mail = mail_message(GATEWAY, [found], addresses, "d" * 32, "Thu, 01 Jan 2026 00:00:00 +0000")
    read = email.message_from_bytes(bytes(mail), policy=email.policy.default)
    assert read["Bcc"] is None
    assert (read["To"], read["From"]) == (addresses[1], addresses[0])
    assert read.get_content_type() == "text/plain"
    assert "\x1b" not in bytes(mail).decode()
    body = json.loads(webhook_body(GATEWAY, [found], "d"))
    assert "<" not in body["text"]
    assert "@channel" not in body["text"]
    assert "\n" not in body["subject"]


def waiting(*sensors: str) -> list[Waiting]:
    return [Waiting(number, 0.0, news(sensor=sensor)) for number, sensor in enumerate(sensors)]


def test_what_goes_on_is_folded_and_what_is_new_is_not() -> None:
    folding = Folding((60.0, 3600.0), (5.0, 300.0))
    pump, fan = waiting("pump"), waiting("fan")
    assert folding.due(pump, 0.0) == []  # gathered for a moment
    assert folding.due(pump, 2.0) == pump
    folding.sent(pump, 2.0)
    assert folding.due(pump, 30.0) == []
    assert folding.due([*pump, *fan], 31.0) == []
    assert folding.due([*pump, *fan], 33.0) == fan, "another sensor does not wait"
    folding.sent(fan, 33.0)
    times, now_s = list[float](), 33.0
    while len(times) < 8:
        now_s += 1
        if folding.due(pump, now_s):
            folding.sent(pump, now_s)
            times.append(now_s)
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert gaps == pytest.approx([120, 240, 480, 960, 1920, 3600, 3600], abs=4)
    assert folding.due(pump, now_s + 8000) == []  # after a quiet time it is new again
    assert folding.due(pump, now_s + 8003) == pump
    folding.sent(pump, now_s + 8003)
    folding.due(pump, now_s + 8064)
    assert folding.due(pump, now_s + 8067) == pump


def test_a_server_that_fails_is_asked_less_and_less_often() -> None:
    folding, now_s, tries = Folding((60.0, 3600.0), (5.0, 300.0)), 0.0, 0
    while now_s < 3600:
        if folding.due(waiting("pump"), now_s):
            folding.failed(now_s)
            tries += 1
        now_s += 1
    assert 12 <= tries <= 36
    folding.free_s = 0
    folding.due(waiting("pump"), now_s)
    assert folding.due(waiting("pump"), now_s + 3), "what failed was not put off by itself"


def test_a_message_that_is_refused_keeps_nothing_else() -> None:
    folding, both = Folding((60.0, 3600.0), (5.0, 300.0)), waiting("pump", "fan")
    folding.due(both, 0.0)
    assert folding.due(both, 2.0) == both
    folding.refused(both, 2.0)
    assert folding.due(both, 30.0) == []
    folding.due(both, 62.0)
    assert folding.due(both, 65.0) == both[:1]
    folding.refused(both[:1], 65.0)
    folding.due(both, 65.0)
    assert folding.due(both, 68.0) == both[1:]


def test_what_waits_outlives_a_restart_and_goes_by_number_and_age(tmp_path: Path) -> None:
    clock = Clock()
    kept = Deliveries(tmp_path, clock)
    kept.take([("a", news()), ("b", news()), ("a", news("ended"))], "epoch", 7)
    clock.now_s += 100
    kept.take([("a", news(sensor="fan"))], "epoch", 8)
    kept.close()
    clock.now_s = 5  # another boot
    kept = Deliveries(tmp_path, clock)
    assert (kept.epoch, kept.number) == ("epoch", 8)
    assert [each.news.what for each in kept.waiting("a", 10)] == ["began", "ended", "began"]
    assert kept.account("a") | {"oldest_s": 0} == kept.account("a") | {"oldest_s": 0, "waiting": 3, "told": 0}
    assert kept.account("a")["oldest_s"] == 100
    kept.done("a", [each.id for each in kept.waiting("a", 1)], "told", messages=1)
    kept.keep_within("a", 10, 50.0)
    assert [each.news.sensor for each in kept.waiting("a", 10)] == ["fan"]
    kept.take([("a", news(sensor=f"s{n}")) for n in range(5)], "epoch", 13)
    kept.keep_within("a", 2, 1e6)
    assert [each.news.sensor for each in kept.waiting("a", 10)] == ["s3", "s4"]
    figures = kept.account("a")
    assert (figures["told"], figures["messages"], figures["expired"], figures["dropped"]) == (1, 1, 1, 4)
    assert len(kept.waiting("b", 10)) == 1
    kept.forget_others(["a"])
    assert kept.waiting("b", 10) == []
    kept.close()


def test_a_damaged_record_is_set_aside(tmp_path: Path) -> None:
    Deliveries(tmp_path).close()
    for damage in (b"no database", (tmp_path / FILE).read_bytes()[:5000]):
        (tmp_path / FILE).write_bytes(damage)
        kept = Deliveries(tmp_path)
        assert (kept.epoch, kept.number) == ("", 0)
        kept.close()
        assert (tmp_path / f"{FILE}.damaged").read_bytes() == damage


def test_a_full_disk_loses_nothing_and_nobody_is_told_twice(small_disk: Path) -> None:
    """What cannot be taken is fetched again, and what is told and cannot be removed is not told again."""
    kept = Deliveries(small_disk / "notify")
    kept.take([("a", news())], "epoch", 1)
    stone = fill(small_disk)
    many = [("a", news(sensor="x" * 200)) for _ in range(200)]
    with pytest.raises(sqlite3.Error):
        kept.take(many, "epoch", 201)
    assert kept.number == 1
    (first,) = kept.waiting("a", 10)
    with contextlib.suppress(sqlite3.Error):
        kept.done("a", [first.id], "told", messages=1)
    assert kept.waiting("a", 10) == []
    stone.unlink()
    kept.take(many, "epoch", 201)
    kept.done("a", [each.id for each in kept.waiting("a", 1000)], "told", messages=1)
    assert kept.account("a")["waiting"] == 0
    assert kept.account("a")["told"] == 201
    kept.close()


def mail(port: int, **changes: Any) -> NotifySettings:
    settings: dict[str, Any] = {"name": "shift", "smtp": f"localhost:{port}", "sender": "edge@plant.example"}
    return NotifySettings(**{**settings, "to": ("shift@plant.example",), "security": "none", **changes})


def secret(folder: Path, content: str = PASSWORD) -> Path:
    path = folder / "secret"
    path.write_text(content)
    path.chmod(0o600)
    return path


def told(settings: NotifySettings) -> str:
    return tell(settings, GATEWAY, [news()], "d" * 32)


@pytest.mark.parametrize("security", ["starttls", "tls", "none"])
def test_a_mail_by_a_real_server(tmp_path: Path, security: str) -> None:
    authority = Authority(tmp_path)
    options: dict[str, Any] = {
        "starttls": {"tls_context": authority.server, "require_starttls": True, "login": True},
        "tls": {"ssl_context": authority.server, "login": True},
        "none": {},
    }[security]
    more: dict[str, Any] = {} if security == "none" else {"username": USER, "password_file": secret(tmp_path)}
    with MailServer(free_port(), **options) as server:
        settings = mail(server.port, security=security, ca_file=authority.ca_file, **more)
        check_secrets(settings)
        assert told(settings) == ""
        assert server.mails[0]["Subject"] == "[plant/gateway] anomaly on pump began"
        assert "peak 3, threshold 1" in server.texts[0]
        two = replace(settings, to=("nobody@plant.example", "shift@plant.example"))
        assert told(two) == "took it, but not for 1 of 2 recipients"
        assert server.recipients[1] == ["shift@plant.example"]
        with pytest.raises(DeliveryError, match="no recipient is taken") as caught:
            told(replace(settings, to=("nobody@plant.example",)))
        assert caught.value.never
        server.answer = lambda _mail: f"554 no {PASSWORD} here"
        with pytest.raises(DeliveryError) as caught:
            told(settings)
        assert caught.value.never
        assert security == "none" or PASSWORD not in str(caught.value)
        server.answer = lambda _mail: "451 later"
        with pytest.raises(DeliveryError, match="451: later") as caught:
            told(settings)
        assert not caught.value.never


def test_nothing_goes_to_a_server_that_is_not_the_right_one(tmp_path: Path) -> None:
    """Of another authority, without encryption, or with another password: no mail and no secret."""
    authority = Authority(tmp_path)
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    login: dict[str, Any] = {"username": USER, "password_file": secret(tmp_path)}
    with MailServer(free_port(), tls_context=authority.server, login=True) as server:
        right = mail(server.port, security="starttls", ca_file=authority.ca_file, **login)
        with pytest.raises(DeliveryError, match=r"local issuer|self.signed"):
            told(replace(right, ca_file=other.ca_file))
        with pytest.raises(DeliveryError, match=r"mismatch|not valid for"):
            told(replace(right, smtp=f"127.0.0.1:{server.port}"))
        assert server.logins == []
        secret(tmp_path, "wrong-and-s3cret")
        with pytest.raises(DeliveryError, match="password is refused") as caught:
            told(right)
        assert "s3cret" not in str(caught.value)
        assert server.mails == []
    with MailServer(free_port()) as server:
        secret(tmp_path)
        plain = mail(server.port, security="starttls", ca_file=authority.ca_file, **login)
        with pytest.raises(DeliveryError, match="STARTTLS"):
            told(plain)
        with pytest.raises(DeliveryError, match="takes no password"):
            told(replace(plain, security="none"))
        assert server.mails == []


def endless(line: socket.socket) -> None:
    line.sendall(b"220 hello\r\n")
    while True:
        line.sendall(b"250-and more\r\n" * 1000)


def silent(line: socket.socket) -> None:
    while line.recv(4096):
        pass


def trickle(line: socket.socket) -> None:
    while True:
        line.sendall(b"2")
        time.sleep(0.05)


def long_line(line: socket.socket) -> None:
    while True:
        line.sendall(b"x" * 65536)


def http_endless(line: socket.socket) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        line.sendall(b"X-More: and more\r\n" * 100)


@pytest.mark.parametrize(
    "behave",
    [
        *(endless, silent, trickle, long_line, http_endless),
        *(lambda line: None, lambda line: line.sendall(b"\x00\xff\r\n")),
    ],
    ids=["endless", "silent", "trickle", "line", "http", "closed", "garbage"],
)
def test_a_hostile_server_costs_a_bounded_time(
    monkeypatch: pytest.MonkeyPatch, behave: Callable[[socket.socket], None]
) -> None:
    monkeypatch.setattr(lines, "CONNECT_S", 0.5)
    monkeypatch.setattr(lines.connected.__wrapped__, "__kwdefaults__", {"whole_s": 0.8})  # type: ignore[attr-defined]
    with hostile(behave) as port:
        begun_s = time.monotonic()
        for settings in (mail(port), NotifySettings("hook", url=f"http://localhost:{port}/x")):
            with pytest.raises(DeliveryError):
                told(settings)
        assert in_time(time.monotonic() - begun_s, 4)


def test_a_webhook_by_a_real_server(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with HookServer(free_port(), authority.server) as server, HookServer(free_port()) as elsewhere:
        address = secret(tmp_path, f"https://localhost:{server.port}/s3cret/path?q=1")
        token = tmp_path / "token"
        token.write_text("t0ken")
        token.chmod(0o600)
        settings = NotifySettings("chat", url_file=address, token_file=token, ca_file=authority.ca_file)
        check_secrets(settings)
        assert told(settings) == ""
        assert server.bodies[0]["subject"] == "[plant/gateway] anomaly on pump began"
        assert server.told == [("01ALARM", "began")]
        assert server.paths == ["/s3cret/path?q=1"]
        assert server.heads[0]["Authorization"] == "Bearer t0ken"
        server.location = f"http://localhost:{elsewhere.port}/"
        for server.status, never in ((302, False), (400, True), (403, False), (429, False), (503, False)):
            with pytest.raises(DeliveryError, match=f"refused with {server.status}") as caught:
                told(settings)
            assert caught.value.never == never
            assert "s3cret" not in str(caught.value)
        assert elsewhere.paths == []
        with pytest.raises(DeliveryError):
            told(replace(settings, ca_file=None))
        secret(tmp_path, "http://user:s3cret@h/")
        with pytest.raises(DeliveryError) as caught:
            told(settings)
        assert "s3cret" not in str(caught.value)
        token.chmod(0o644)
        with pytest.raises(AccessError):
            check_secrets(settings)
        with pytest.raises(DeliveryError, match="open to others"):
            told(settings)
        (tmp_path / "no.pem").write_text("no certificate")
        with pytest.raises(DeliveryError, match="cannot be used"):
            told(
                replace(
                    settings, token_file=None, url_file=None, url="https://h/", ca_file=tmp_path / "no.pem"
                )
            )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"smtp": "", "url": ""}, "name"),
        ({"url": "https://h/"}, "name"),
        ({"smtp": "mail.plant.example"}, "smtp"),
        ({"smtp": "mail..example:25"}, "smtp"),
        ({"smtp": "mail.plant.example:0"}, "smtp"),
        ({"smtp": "mail.plant.example:25", "security": "none"}, "security"),
        ({"to": ()}, "to"),
        ({"to": ("a@b",) * 21}, "to"),
        ({"to": ("a@b.example\nBcc: c",)}, "to"),
        ({"to": ("a@b.example, c@d.example",)}, "to"),
        ({"sender": "Edge <a@b.example>"}, "sender"),
        ({"username": "edge"}, "username"),
        ({"token_file": Path("x")}, "token_file"),
        ({"kinds": ("anomalies",)}, "kinds"),
        ({"kinds": ()}, "kinds"),
        ({"most_waiting": 0}, "most_waiting"),
        ({"max_age_h": 0.0}, "max_age_h"),
        ({"fold_s": (2.0, 1.0)}, "fold_s"),
        ({"backoff_s": (0.0, 1.0)}, "backoff_s"),
        ({"name": "a/b"}, "name"),
        ({"smtp": "", "url": "https://h/", "sender": "", "to": ("a@b",)}, "to"),
        ({"smtp": "", "sender": "", "to": (), "url": "http://plant.example/"}, "url"),
    ],
)
def test_what_nobody_could_be_told_by(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}"):
        mail(25, **changes)


def test_addresses() -> None:
    assert server_of("[::1]:25") == ("::1", 25)
    assert check_url("https://[::1]:8443/?x=1", accept_insecure=False).host == "::1"
    assert check_url("https://h", accept_insecure=False).path == "/"
    assert check_url("https://h:8/a?b#c", accept_insecure=False).path == "/a?b"
    assert check_url("http://plant.example/", accept_insecure=True).port == 80
    for wrong in (
        "ftp://h/",
        "https://h/a b",
        "https://u@h/",
        "https://h:99999/",
        "https://h..i/",
        "x" * 3000,
    ):
        with pytest.raises(ValueError, match=r"^url") as caught:
            check_url(wrong, accept_insecure=False)
        assert wrong not in str(caught.value)

"""E-mails and webhooks from a real service: whatever is killed or away meanwhile, everybody is told."""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from edge_runtime.configuration import read_config
from edge_runtime.core import DataError, Health
from edge_runtime.doctor.notify import examine_notify
from edge_runtime.door import DoorClient
from edge_runtime.door.registry import Asker
from edge_runtime.gateway.notify import KEPT, SILENT_S, FetchParams, NotifyPart
from edge_runtime.spool.queue import MessageClass, Spool
from tests.broker import Broker, Subscriber, free_port, needs_mosquitto, until
from tests.edge.notified import HookServer, MailServer
from tests.edge.sites import EDGE, Site
from tests.edge.spools import put
from tests.processes import end, running, start

MOST_BYTES = 40 * 1024 * 1024
"""What the process may take."""
NOTIFY = """
[[notify]]
name = "shift"
smtp = "localhost:{mail}"
security = "none"
sender = "edge@plant.example"
to = ["shift@plant.example"]
fold_s = [0.05, 0.2]
backoff_s = [0.05, 0.2]
[[notify]]
name = "chat"
url = "http://localhost:{hook}/s3cret"
fold_s = [0.05, 0.2]
backoff_s = [0.05, 0.2]
"""
ONLOOKER = Asker("x", uid=1, proven=True, may_change=False, via="socket")
ASKER = Asker("notify", uid=0, proven=True, may_change=True, via="socket")


def run(command: Sequence[object]) -> "subprocess.CompletedProcess[str]":
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def part(spool: Spool, health: Health, notify: tuple[object, ...] = (object(),)) -> NotifyPart:
    prepared: Any = type("Prepared", (), {"config": type("Config", (), {"notify": notify})})
    found = NotifyPart(prepared, spool, health)
    found.start()
    return found


def test_events_are_given_from_where_the_last_ended(tmp_path: Path) -> None:
    with Spool.open(tmp_path) as spool:
        notify = part(spool, Health())
        for name in "abc":
            put(spool, name)
        spool.ack(MessageClass.ALARM, [1, 2, 3])
        said = notify.fetch(FetchParams(), ASKER)
        assert [(each["number"], each["sensor"], each["event"]["id"]) for each in said["events"]] == [  # type: ignore[attr-defined]
            (1, "x", "a"),
            (2, "x", "b"),
            (3, "x", "c"),
        ]
        again = notify.fetch(FetchParams(2, spool.epoch), ASKER)
        assert [each["number"] for each in again["events"]] == [3]  # type: ignore[attr-defined]
        assert again["missed"] == 0
        other = notify.fetch(FetchParams(2, "another numbering"), ASKER)
        assert len(other["events"]) == 3  # type: ignore[arg-type]
        spool._totals.counters["alarm.id"] = KEPT + 10.0  # noqa: SLF001  as after as many alarms
        put(spool, "d")
        assert notify.fetch(FetchParams(3, spool.epoch), ASKER)["missed"] == 8


def test_whoever_may_only_look_says_nothing_of_the_service(tmp_path: Path) -> None:
    health = Health()
    with Spool.open(tmp_path) as spool:
        notify = part(spool, health)
        notify.fetch(
            FetchParams(problem="forged"), Asker("x", uid=1, proven=True, may_change=False, via="socket")
        )
        notify.tick(0.0)
        assert health.troubles() == {}
        notify.fetch(FetchParams(problem="shift: cannot connect\n"), ASKER)
        notify.tick(0.0)
        assert health.troubles() == {"notify": "shift: cannot connect\\n"}
        notify.fetch(FetchParams(), ASKER)
        notify.tick(notify._asked_s + SILENT_S + 1)  # noqa: SLF001
        assert "does not run" in health.troubles()["notify"]
        quiet = part(spool, health, ())
        quiet.tick(1e9)
        assert health.troubles() == {}
        assert spool.events.most == 0


def test_a_reload_begins_and_ends_it(tmp_path: Path) -> None:
    changes: Any = type("Changes", (), {"notify": True})

    def prepared(*notify: object) -> Any:
        return type("Prepared", (), {"config": type("Config", (), {"notify": notify})})

    with Spool.open(tmp_path) as spool:
        notify = part(spool, Health(), ())
        put(spool, "before")
        with pytest.raises(DataError, match="no events are kept"):
            notify.fetch(FetchParams(), ASKER)
        notify.follow(prepared(object()), changes)
        put(spool, "since")
        events: Any = notify.fetch(FetchParams(), ASKER)["events"]
        assert [each["event"]["id"] for each in events] == ["since"]
        notify.follow(prepared(object(), object()), changes)
        assert spool.events.most == KEPT
        notify.follow(prepared(), changes)
        assert spool.events.read(0, 10) == []
        notify.stop()


def told(hook: HookServer) -> list[tuple[str, str]]:
    return sorted(hook.told)


@needs_mosquitto
def test_everybody_is_told_once_whatever_was_away(tmp_path: Path, broker: Broker) -> None:
    """The service is killed, the process twice, and both servers are away for an hour that lasts a moment."""
    broker.start()
    mail, hook = MailServer(free_port()), HookServer(free_port())
    with Site(tmp_path, broker.port) as site, Subscriber(broker.port) as subscriber, mail, hook:
        site.config.write_text(site.config.read_text() + NOTIFY.format(mail=mail.port, hook=hook.port))
        command = [*EDGE, "notify", "--config", site.config]
        checked = run([*EDGE, "check", "--config", site.config])
        assert "notify chat: webhook: ok" in checked.stdout
        tried = run([*command, "--test"])
        assert (tried.returncode, tried.stdout) == (0, "shift: told\nchat: told\n")
        assert [each for _, each in hook.told] == ["test"]
        hook.bodies.clear()
        mail.mails.clear()
        log = (tmp_path / "notify.log").open("w")
        site.start()
        process = start(command, stderr=log)
        try:
            with site.playing(0.3) as machine:

                def events(count: int) -> list[tuple[str, str]]:
                    said = {"new": "began", "end": "ended"}
                    until(lambda: len(subscriber.events()) >= count, what=f"event {count}")
                    return sorted((each["id"], said[each["type"]]) for each in subscriber.events()[:count])

                machine.level = 3.0
                first = events(1)
                until(lambda: told(hook) == first, what="the first")
                until(lambda: len(mail.mails) == 1, what="the first mail")
                assert psutil.Process(process.pid).memory_info().rss < MOST_BYTES
                mail.stop()
                hook.stop()
                machine.level = 0.3
                events(2)

                def trouble() -> str:
                    with DoorClient(tmp_path / "state" / "door.sock") as client:
                        return str(client.call("status")["troubles"].get("notify", ""))

                until(lambda: "shift: cannot connect" in trouble(), what="the trouble")
                end(process, signal.SIGKILL)
                machine.level = 3.0
                events(3)
                machine.level = 0.3
                expected = events(4)
            site.stop(signal.SIGKILL)
            site.start()
            process = start(command, stderr=log)
            status = tmp_path / "state" / "notify" / "status.json"
            until(
                lambda: json.loads(status.read_text())["destinations"]["chat"]["waiting"] >= 3,
                what="all of it waiting",
            )
            end(process, signal.SIGKILL)
            process = start(command, stderr=log)
            mail.start()
            hook.start()
            until(lambda: set(told(hook)) >= set(expected), what="all of it")
            assert len(set(told(hook))) == len(told(hook)), "nothing twice"
            ids = {alarm for alarm, _ in expected}
            until(lambda: all(f"alarm {alarm}" in "".join(mail.texts) for alarm in ids), what="the mails")
            assert "is over:" in "".join(mail.texts)
            until(lambda: not trouble(), what="the end of the trouble")
        finally:
            end(process)
            log.close()
        assert "s3cret" not in (tmp_path / "notify.log").read_text()
        assert "Traceback" not in (tmp_path / "notify.log").read_text()


def test_two_processes_do_not_both_tell(tmp_path: Path) -> None:
    with Site(tmp_path, 1) as site:
        command = [*EDGE, "notify", "--config", site.config]
        none = run(command)
        assert (none.returncode, "[[notify]]" in none.stderr) == (78, True)
        site.config.write_text(site.config.read_text() + NOTIFY.format(mail=1, hook=1))
        with running(command, stderr=subprocess.DEVNULL):
            until((tmp_path / "state" / "notify" / "deliveries.db").exists, what="the process")
            second = run(command)
            assert second.returncode == 75
            assert "Traceback" not in second.stderr


def test_the_service_loads_nothing_of_it() -> None:
    program = (
        "import sys, edge_runtime.gateway.service_loop\n"
        "late = 'edge_runtime.door.notifying', 'edge_runtime.messages.notify', 'smtplib'\n"
        "sys.exit(any(name in sys.modules for name in late))"
    )
    assert run([sys.executable, "-c", program]).returncode == 0


def test_what_the_doctor_says_of_it(tmp_path: Path) -> None:
    with Site(tmp_path, 1) as site:
        assert list(examine_notify(read_config(site.config))) == []
        secret = tmp_path / "address"
        text = site.config.read_text() + NOTIFY.format(mail=1, hook=1)
        url = 'url = "http://localhost:1/s3cret"'
        site.config.write_text(text.replace(url, f'url_file = "{secret}"'))
        config = read_config(site.config)

        def said() -> list[str]:
            return [f"{finding.level.name} {finding.what}" for finding in examine_notify(config)]

        missing, never = said()
        assert "cannot be read" in missing
        assert "nobody was ever told" in never
        secret.write_text("ftp://s3cret")
        secret.chmod(0o600)
        wrong, _ = said()
        assert wrong.startswith("WARNING url is not")
        assert "s3cret" not in wrong
        secret.write_text("https://localhost/s3cret")
        status = tmp_path / "state" / "notify" / "status.json"
        status.parent.mkdir(parents=True)
        status.write_text("[]")
        (unread,) = said()
        assert "its status cannot be read" in unread
        figures = {"waiting": 3, "told": 5, "dropped": 1, "expired": 1, "problem": "cannot connect\n"}
        status.write_text(json.dumps({"destinations": {"shift": figures}}))
        assert said() == [
            "WARNING cannot connect\\n; 3 events wait",
            "WARNING 2 events were given up before it was told",
            "WARNING the process that sends does not know it",
        ]
        fine = {"waiting": 0, "told": 5, "problem": ""}
        status.write_text(json.dumps({"destinations": {"shift": fine, "chat": fine}}))
        assert said() == ["OK told of 5 events so far, 0 wait"] * 2

"""The process of `edge-runtime notify`: fetches events from the service, lets them wait on disk, sends them.

Started by the command, which hands it what it read of the configuration through a file without a name: the
libraries of the command line would stay in memory, and addresses may be secrets. It may be killed at any
moment: what was fetched is on disk, and what was not is fetched when it is back.
"""

import fcntl
import json
import logging
import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from edge_runtime.core import (
    BusyError,
    EdgeError,
    LogShare,
    UnavailableError,
    printable,
    run_command,
    write_whole,
)
from edge_runtime.door.client import DoorClient
from edge_runtime.door.notify_settings import NotifySettings
from edge_runtime.door.notify_status import STATUS
from edge_runtime.door.notifying.deliveries import Deliveries
from edge_runtime.door.notifying.destination import Destination
from edge_runtime.door.notifying.lines import DeliveryError
from edge_runtime.door.notifying.telling import tell
from edge_runtime.messages.notify import Gateway, News, news_of

POLL_S: Final = 1.0
"""Between two questions for new events; mail takes longer."""
AGAIN_S: Final = 2.0
"""Before the next attempt where the service does not answer or the disk takes nothing."""
STATUS_S: Final = 5.0
"""Between two writes of the status, and then only where it changed."""
_WORDS: Final = 400
"""Characters of a problem."""
_TEST: Final = News(
    what="test",
    alarm="test",
    sensor="no sensor",
    kind="test",
    machine="",
    reason="edge-runtime notify --test",
    start_time="",
    end_time="",
    peak=None,
    threshold=None,
    clock_ok=True,
)
_log: Final = logging.getLogger("edge_runtime")


class Notifying:
    """The process."""

    def __init__(
        self,
        sockets: Sequence[Path],
        folder: Path,
        destinations: Sequence[Destination],
        deliveries: Deliveries,
    ) -> None:
        """Prepare."""
        self._sockets, self._folder, self._destinations = sockets, folder, destinations
        self._deliveries = deliveries
        self._client: DoorClient | None = None
        self._log, self._trouble = LogShare("notify"), ""
        self._said: dict[str, Any] = {}
        self._wrote_s = float("-inf")
        self.quit = threading.Event()
        """Set by whoever wants it to end."""

    def run(self) -> None:
        """Fetch and bring until told to quit."""
        for destination in self._destinations:
            destination.start()
        while not self.quit.is_set():
            try:
                more, self._trouble = self.fetch(), ""
            except (EdgeError, sqlite3.Error) as error:
                more, self._trouble = False, printable(error, 300)
                self._log.warn("trouble", self._trouble, time.monotonic())
                self._disconnect()
            except Exception:  # noqa: BLE001  a fault of ours: what was fetched is told all the same
                _log.exception("events cannot be fetched")
                more, self._trouble = False, "a fault of this program: see its log"
                self._disconnect()
            self._log.close_minutes(time.monotonic())
            self.tell_status(time.monotonic())
            if not more:
                self.quit.wait(AGAIN_S if self._trouble else POLL_S)
        self._disconnect()

    def problem(self) -> str:
        """What keeps anybody from being told."""
        said = [f"{each.settings.name}: {each.problem}" for each in self._destinations if each.problem]
        return "; ".join([*([self._trouble] if self._trouble else []), *said])

    def fetch(self) -> bool:
        """Take one page; return whether there may be more. Raises EdgeError and sqlite3.Error."""
        if self._client is None:
            self._client = DoorClient(*self._sockets)
        kept = self._deliveries
        # Printable first: what is not takes more characters then, and the door takes no more than 500.
        problem = printable(self.problem(), _WORDS)[:_WORDS]
        said = self._client.call("events.fetch", after=kept.number, epoch=kept.epoch, problem=problem)
        if missed := said["missed"]:
            # Nothing but an absence of weeks, or a flood, comes to that.
            _log.warning("%s events were not fetched in time, and nobody is told of them", missed)
            for destination in self._destinations:
                kept.count(destination.settings.name, "dropped", missed)
        if not (events := said["events"]):
            return False
        news = [news_of(each["sensor"], each["event"]) for each in events]
        brought = [
            (to.settings.name, each) for each in news if each for to in self._destinations if to.wants(each)
        ]
        kept.take(brought, said["epoch"], events[-1]["number"])
        for destination in self._destinations:
            destination.wake()
        return True

    def _disconnect(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def tell_status(self, now_s: float) -> None:
        """Write the status for the doctor, where it changed."""
        if now_s - self._wrote_s < STATUS_S:
            return
        self._wrote_s = now_s
        try:
            said: dict[str, Any] = {
                each.settings.name: {**self._deliveries.account(each.settings.name), "problem": each.problem}
                for each in self._destinations
            }
            if _without_age(said) != _without_age(self._said):
                self._said = said
                write_whole(self._folder / STATUS, json.dumps({"schema": 1, "destinations": said}).encode())
        except (OSError, sqlite3.Error) as error:
            self._log.warn("status", f"the status cannot be written ({error})", now_s)


def _without_age(said: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {
        name: {key: value for key, value in of_it.items() if key != "oldest_s"}
        for name, of_it in said.items()
    }


def take_folder(folder: Path) -> int:
    """Claim the folder for this process; returns what holds it until it is closed. Raises BusyError where
    another has it, UnavailableError where it cannot be used."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        remedy = "Give the folder to the user of this program"
        raise UnavailableError(
            f"cannot be used ({error.strerror})", where=str(folder), remedy=remedy
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        remedy = "Stop the other one: systemctl stop edge-runtime-notify"
        raise BusyError("another process sends from here", where=str(folder), remedy=remedy) from error
    return lock


def settings_of(members: Mapping[str, Any]) -> NotifySettings:
    """Settings as JSON carried them."""
    paths = {name: Path(value) for name, value in members.items() if name.endswith("_file") and value}
    lists = {name: tuple(members[name]) for name in ("to", "kinds", "fold_s", "backoff_s")}
    return NotifySettings(**{**members, **paths, **lists})


def try_all(every: Sequence[NotifySettings], gateway: Gateway) -> None:
    """Send a message that means nothing to each, and print what came of it. Raises UnavailableError where one
    did not take it."""
    failed = []
    for settings in every:
        try:
            said = tell(settings, gateway, [_TEST], os.urandom(16).hex())
        except DeliveryError as error:
            said = f"was not told: {error}"
            failed.append(settings.name)
        sys.stdout.write(f"{settings.name}: {said or 'told'}\n")
        sys.stdout.flush()
    if failed:
        raise UnavailableError(f"{', '.join(failed)} not told", remedy="Mend what the lines above name")


def main() -> None:
    """Run: `python -m edge_runtime.door.notifying.process DESCRIPTOR`, a file with what was configured."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    with os.fdopen(int(sys.argv[1]), "rb") as file:
        file.seek(0)
        said = json.load(file)
    gateway = Gateway(printable(said["site"]), printable(said["device"]))
    folder = Path(said["folder"])
    every = [settings_of(each) for each in said["destinations"]]
    if said["test"]:
        try_all(every, gateway)
        return
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    lock = take_folder(folder)
    deliveries = Deliveries(folder)
    deliveries.forget_others([each.name for each in every])
    destinations = [Destination(each, gateway, deliveries) for each in every]
    Notifying([Path(each) for each in said["sockets"]], folder, destinations, deliveries).run()
    os.close(lock)


if __name__ == "__main__":
    run_command(main, "edge-runtime notify")

"""`edge-runtime listen`: a subscriber that reports what was lost, late or duplicated.

It keeps a session at the broker under its client id, so that what is published while it is disconnected
counts too, and books on disk, so that the next run knows where this one ended. It is content only where it
can prove that nothing is missing, and says what it cannot know.
"""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import paho.mqtt.client as mqtt

from edge_runtime.audit.books import Accounted, Books
from edge_runtime.audit.device_accounts import Device, DeviceAccounts
from edge_runtime.audit.listener import DROPPED_TOPIC, SESSION_S, Listener
from edge_runtime.audit.sequence_audit import Discrepancy, SequenceAudit
from edge_runtime.core import UnavailableError
from edge_runtime.mqtt import BrokerSettings

LOSS_EXIT: Final = 1
"""Exit code when a number is missing or was given twice."""
UNPROVEN_EXIT: Final = UnavailableError.exit_code
"""Exit code when nothing at all was heard, or a device is silent: nothing is proven."""
_SHOWN_BYTES, _SHOWN_HOLES = 100, 10
"""Of a body without a number, and of a stream's missing ranges: what fits on a line or two."""
_TOLD: Final = (
    *("doctor", "alarm", "status", "kind", "score", "threshold", "reason", "trouble", "seq"),
    "valid_until",
)
"""Of a state or of health what people want to see; --json has the rest."""
_BOOKS_EVERY_S: Final = 60.0
"""A run that is killed forgets so much, and takes what it heard meanwhile for lost."""
Print = Callable[[str], None]


def run_listen(
    settings: BrokerSettings,
    topics: str,
    print_line: Print,
    *,
    json_lines: bool = False,
    seconds: float | None = None,
    books: Books | None = None,
) -> int:
    """Listen until interrupted; return 0, LOSS_EXIT or UNPROVEN_EXIT.

    With `seconds` it ends so long after the broker first let us hear, for which that has as long.
    One line for each message, then one for each stream and device; with `json_lines` each is a JSON object.
    Raises UnavailableError when the broker is not there at the start, AccessError when it refuses us,
    BusyError when another client takes our id, ConfigError for topics that are no filter.
    """
    account = _Account(settings, topics, print_line, books, json_lines=json_lines)
    try:
        with suppress(KeyboardInterrupt):
            account.listen(float("inf") if seconds is None else seconds)
    finally:
        account.listener.leave()
    return account.summarize()


class _Account:
    def __init__(
        self,
        settings: BrokerSettings,
        topics: str,
        print_line: Print,
        books: Books | None,
        *,
        json_lines: bool,
    ) -> None:
        self._print_line, self._json_lines, self._books, self._topics = print_line, json_lines, books, topics
        self._audit, self._devices = SequenceAudit(), DeviceAccounts()
        self._heard = 0
        self._dropped: int | None = None
        self._written_s = time.monotonic()
        self.listener = Listener(settings, topics, self._on_message, self._print)
        self.listener.on_session = self._begin

    def listen(self, seconds: float) -> None:
        """Take messages for so long."""
        self.listener.run(seconds, self._tick)

    def summarize(self) -> int:
        """Print one line for each stream and device and return the exit code.

        Raises UnavailableError where the broker never answered: then nothing is known about losses.
        """
        if not self.listener.accepted:
            remedy = "Check that this is an MQTT port, and listen for longer"
            raise UnavailableError("no answer to CONNECT", where=self.listener.where, remedy=remedy)
        for stream in self._audit.summary():
            if not (stream["received"] or stream["duplicates"] or stream["missing"]):
                continue  # known from an earlier run only
            holes = ", ".join(f"{first}-{last}" for first, last in stream["missing"][:_SHOWN_HOLES])
            line = (
                f"{stream['device']} {stream['kind']}: {stream['received']} received,"
                f" seq {stream['first']} to {stream['last']}, {f'LOST {holes}' if holes else 'none lost'},"
                f" {stream['duplicates']} duplicates, {stream['late']} late, {stream['replayed']} replayed"
            )
            self._print({"what": "stream", **stream}, line)
        now_s = time.monotonic()
        tails = [self._summarize_device(device, now_s) for device in self._devices]
        self._write_books(tails_too=True)
        return self._conclude(tails)

    def _summarize_device(self, device: Device, now_s: float) -> tuple[int, bool]:
        """Print its line; how many of its newest events are lost, and whether it is silent."""
        lost = self._devices.lost(device, self._audit.heard(device.name), now_s)
        silent_s = self._devices.silent_s(device, self.listener.since_s, now_s)
        if lost is None:
            words = "its newest number was not heard, so that a lost tail would not show"
        elif lost:
            words = f"LOST its {lost} newest events, which it counts and which did not come"
        else:
            words = "all that it counts is accounted for"
        if device.waiting:
            words += f", {device.waiting} wait at the device"
        if device.bridge == "0":
            words += "; its bridge is down: it cannot be heard"
        elif device.availability == "offline":
            words += "; it is offline"
        elif silent_s:
            words += f"; SILENT for {silent_s:.0f} s"
        newest = device.claim[1] if device.claim else None
        fields: dict[str, object] = {"what": "device", "device": device.name, "newest": newest, "lost": lost}
        fields |= {"waiting": device.waiting, "silent_s": round(silent_s, 1)}
        fields |= {"availability": device.availability, "bridge": device.bridge}
        self._print(fields, f"{device.name}: {words}")
        return lost or 0, bool(silent_s)

    def _conclude(self, tails: list[tuple[int, bool]]) -> int:
        holes, tail = self._audit.lost(), sum(lost for lost, _ in tails)
        conflicts = sum(stream.conflicts for stream in self._audit.streams.values())
        lost, silent = holes + tail, sum(is_silent for _, is_silent in tails)
        if lost or conflicts:
            text, code = f"{lost} lost, {conflicts} in conflict", LOSS_EXIT
        elif not self._heard:
            text = (
                "nothing was heard, so that nothing is proven: perhaps nothing is published to these topics,"
            )
            text, code = f"{text} or the access list hides them from us", UNPROVEN_EXIT
        elif silent:
            text, code = f"nothing is known to be lost, but {silent} devices are silent", UNPROVEN_EXIT
        else:
            text, code = "nothing lost", 0
        if self._dropped:
            text += (
                f"; the broker has dropped {self._dropped} messages of all its subscribers since its start"
            )
        fields: dict[str, object] = {
            "what": "summary",
            "lost": lost,
            "tail": tail,
            "conflicts": conflicts,
            "silent": silent,
        }
        fields |= {"unnumbered": self._audit.unnumbered, "heard": self._heard}
        fields |= {"dropped_by_broker": self._dropped, "unfollowed": self._devices.unfollowed}
        self._print(fields, text)
        return code

    def _begin(self) -> None:
        if self._books is None or self._heard:
            return
        age_s, devices = self._books.read(self.listener.where, self._topics)
        if not devices and not age_s:
            return
        if age_s > SESSION_S:
            text = f"the last run ended {age_s / 3600:.0f} h ago and the broker keeps a session for"
            text += f" {SESSION_S // 3600} h: what came between is not known"
            self._print({"what": "forgotten", "after_s": round(age_s)}, text)
            return
        if not self.listener.resumed:
            text = "the broker has not kept the session of the last run"
            self._print({"what": "session dropped", "after_s": round(age_s)}, text)
        self._devices.born_here = bool(self.listener.resumed)
        for name, epochs in devices.items():
            self._devices.resume(name, epochs)
            for epoch, seq in epochs.items():
                self._audit.resume(name, "event", epoch, seq)

    def _tick(self) -> None:
        if time.monotonic() - self._written_s > _BOOKS_EVERY_S:
            self._write_books(tails_too=False)

    def _write_books(self, *, tails_too: bool) -> None:
        self._written_s = time.monotonic()
        if self._books is None:
            return
        devices: Accounted = {}
        for device in self._devices:
            known = devices[device.name] = dict(device.accounted)
            for epoch, seq in self._audit.heard(device.name).items():
                known[epoch] = max(seq, known.get(epoch, 0))
            if tails_too and device.claim is not None:  # said to be lost: not again in the next run
                epoch, seq = device.claim
                known[epoch] = max(seq - device.waiting, known.get(epoch, 0))
        self._books.write(self.listener.where, self._topics, devices)

    def _on_message(self, message: mqtt.MQTTMessage) -> None:
        body = bytes(message.payload)
        if message.topic == DROPPED_TOPIC:
            self._dropped = int(body) if body.isdigit() and len(body) < _SHOWN_BYTES else None
            return
        self._heard += 1
        entry = self._audit.add(message.topic, body)
        now_s = time.monotonic()
        self._devices.note(message.topic, body, entry.members, now_s, live=not message.retain)
        found = {"finding": entry.discrepancy, "missing": entry.missing, "disordered": entry.disordered}
        members = entry.members
        line = {"what": "message", "topic": entry.topic, **found, "body": members}
        if entry.discrepancy is Discrepancy.UNNUMBERED:
            shown = ", ".join(
                f"{name} {members[name]}" for name in _TOLD if members.get(name) not in (None, "")
            )
            if not shown:
                more = "..." if len(body) > _SHOWN_BYTES else ""
                shown = body[:_SHOWN_BYTES].decode(errors="replace") + more
            self._print(line, f"{entry.topic} {'(retained) ' if message.retain else ''}{shown}")
            return
        words = [str(members[name]) for name in ("type", "kind", "id") if name in members]
        notes = [] if entry.discrepancy is Discrepancy.ON_TIME else [str(entry.discrepancy)]
        notes += ["replayed"] if members.get("replayed") is True else []
        notes += ["out of order"] if entry.disordered else []
        notes += [f"{entry.missing} missing"] if entry.missing else []
        words += [f"seq {members['seq']}", *(f"[{note}]" for note in notes)]
        self._print(line, " ".join([entry.topic, *words]))

    def _print(self, fields: dict[str, object], text: str) -> None:
        now = datetime.now(UTC)
        if not self._json_lines:  # a topic or body may hold control sequences of a terminal
            self._print_line(f"{now:%H:%M:%S} {''.join(c if c.isprintable() else '?' for c in text)}")
            return
        fields = {"at": now.isoformat(), **fields}
        try:
            line = json.dumps(fields, allow_nan=False)
        except ValueError:  # a body with NaN, which is no JSON: not a message of ours
            line = json.dumps({**fields, "body": {}})
        self._print_line(line)

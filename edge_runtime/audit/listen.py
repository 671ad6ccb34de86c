"""`edge-runtime listen`: a subscriber that reports what was lost, late or duplicated.

It keeps a session at the broker under its client id, so that what is published while it is disconnected
counts too.
"""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge_runtime.audit.sequence_audit import Discrepancy, SequenceAudit
from edge_runtime.core import AccessError, ConfigError, EdgeError, UnavailableError
from edge_runtime.mqtt import BrokerSettings, TlsSettings, explain, read_password, tls_context

SESSION_S: Final = 24 * 3600
"""How long the broker keeps what is published while we are disconnected: a day of maintenance."""
LOSS_EXIT: Final = 1
"""Exit code when a number is missing or was given twice."""
_RETRY_S: Final = 1.0
"""One client, started by hand: it need not spread its attempts."""
_LOOP_S: Final = 0.2
"""An end that is asked for, or a refusal, is noticed within this."""
_ERROR: Final = 0x80
"""Reason codes from here are refusals: MQTT 5.0, section 2.4."""
_SHOWN_BYTES, _SHOWN_HOLES = 100, 10
"""Of a body without a number, and of a stream's missing ranges: what fits on a line or two."""
_PEM_FILES: Final = ("ca_file", "cert_file", "key_file")
Print = Callable[[str], None]


def settings_of(
    url: str, client_id: str, password_file: Path | None = None, **pem_files: Path | None
) -> BrokerSettings:
    """Read `mqtt://[user@]host[:port]` or `mqtts://...`; `pem_files` are those of `TlsSettings`.

    Raises ConfigError for anything else, and for a password: it could be read from the process list.
    """
    port: int | None = 0
    parts = urlsplit("")
    with suppress(ValueError):
        parts = urlsplit(url)
        port = parts.port
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or port == 0 or parts.password is not None:
        shown = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        remedy = "Write mqtt://host:port or mqtts://user@host:port; the password belongs into a file"
        raise ConfigError(f"{shown!r} names no broker", where="--broker", remedy=remedy)
    secure = parts.scheme == "mqtts"
    ca_file, cert_file, key_file = (pem_files.get(name) for name in _PEM_FILES)
    try:
        if not secure and any(pem_files.values()):
            raise ValueError("certificates are for mqtts:// only")
        return BrokerSettings(
            host=parts.hostname,
            port=port or (8883 if secure else 1883),
            client_id=client_id,
            username=unquote(parts.username) if parts.username else None,
            password_file=password_file,
            tls=TlsSettings(ca_file, cert_file, key_file) if secure else None,
            accept_insecure=not secure,
        )
    except ValueError as error:
        raise ConfigError(str(error), where="listen", remedy="Correct the command line") from error


def run_listen(
    settings: BrokerSettings,
    topics: str,
    print_line: Print,
    *,
    json_lines: bool = False,
    seconds: float | None = None,
) -> int:
    """Listen until interrupted or for `seconds`; return 0, or LOSS_EXIT when numbers are missing or conflict.

    One line for each message, then one for each stream; with `json_lines` each is a JSON object. Raises
    UnavailableError when the broker is not there at the start, AccessError when it refuses us, ConfigError
    for topics that are no filter.
    """
    listener = _Listener(settings, topics, print_line, json_lines=json_lines)
    try:
        with suppress(KeyboardInterrupt):
            listener.run(float("inf") if seconds is None else time.monotonic() + seconds)
    finally:
        listener.leave()
    return listener.summarize()


class _Listener:
    def __init__(self, settings: BrokerSettings, topics: str, print_line: Print, *, json_lines: bool) -> None:
        self._settings, self._topics = settings, topics
        self._print_line, self._json_lines = print_line, json_lines
        self._where = f"{settings.host}:{settings.port}"
        self._audit = SequenceAudit()
        self._refusal: EdgeError | None = None
        self._accepted = False
        self._client = client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        client.connect_timeout = settings.connect_timeout_s
        if settings.username is not None:
            password = read_password(settings.password_file) if settings.password_file else None
            client.username_pw_set(settings.username, password)
        if settings.tls is not None:
            client.tls_set_context(tls_context(settings.tls))
        client.on_connect, client.on_subscribe = self._on_connect, self._on_subscribe
        client.on_message = self._on_message

    def run(self, until_s: float) -> None:
        """Take messages until then; reconnect as often as needed once the first connection was accepted."""
        self._connect()
        connected, accept_by_s = True, time.monotonic() + self._settings.connect_timeout_s
        while (now_s := time.monotonic()) < until_s:
            if not connected:
                time.sleep(min(_RETRY_S, until_s - now_s))
                with suppress(UnavailableError):
                    self._connect()
                    connected = True
                continue
            lost = self._client.loop(_LOOP_S) != MQTTErrorCode.MQTT_ERR_SUCCESS
            if self._refusal is not None:
                raise self._refusal
            if not self._accepted and (lost or time.monotonic() > accept_by_s):
                return  # `summarize` raises for it
            if lost:
                self._print({"what": "connection lost"}, "connection lost")
                connected = False

    def leave(self) -> None:
        """Disconnect, if there is a connection."""
        # paho closes a pair of sockets of its own only when its client is freed, so nothing must hold it.
        client = self._client
        del self._client
        client.on_connect = client.on_subscribe = client.on_message = None
        client.disconnect()
        if (sock := client.socket()) is not None:
            sock.close()

    def summarize(self) -> int:
        """Print one line for each stream and return the exit code.

        Raises UnavailableError where the broker never answered: then nothing is known about losses.
        """
        if not self._accepted:
            remedy = "Check that this is an MQTT port, and listen for longer"
            raise UnavailableError("no answer to CONNECT", where=self._where, remedy=remedy)
        for stream in self._audit.summary():
            holes = ", ".join(f"{first}-{last}" for first, last in stream["missing"][:_SHOWN_HOLES])
            line = (
                f"{stream['device']} {stream['kind']}: {stream['received']} received,"
                f" seq {stream['first']} to {stream['last']}, {f'LOST {holes}' if holes else 'none lost'},"
                f" {stream['duplicates']} duplicates, {stream['late']} late, {stream['replayed']} replayed"
            )
            self._print({"what": "stream", **stream}, line)
        conflicts = sum(stream.conflicts for stream in self._audit.streams.values())
        lost = self._audit.lost()
        self._print(
            {"what": "summary", "lost": lost, "conflicts": conflicts, "unnumbered": self._audit.unnumbered},
            f"{lost} lost, {conflicts} in conflict" if lost or conflicts else "nothing lost",
        )
        return LOSS_EXIT if lost or conflicts else 0

    def _connect(self) -> None:
        make: Any = Properties  # it carries no types
        keep = make(PacketTypes.CONNECT)
        keep.SessionExpiryInterval = SESSION_S
        host, port, keepalive_s = self._settings.host, self._settings.port, self._settings.keepalive_s
        try:
            self._client.connect(host, port, keepalive_s, clean_start=False, properties=keep)
        except (OSError, ValueError) as error:
            what, remedy = explain(error)
            raise UnavailableError(what, where=self._where, remedy=remedy) from error

    def _on_connect(
        self, client: mqtt.Client, _data: Any, flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        if reason.value >= _ERROR:
            remedy = "Check user name, password and certificate"
            self._refusal = AccessError(f"the broker refuses us: {reason}", where=self._where, remedy=remedy)
            return
        self._accepted = True
        try:
            client.subscribe(self._topics, options=SubscribeOptions(qos=1))
        except ValueError:
            remedy = "Give levels apart by /, + for any one, # for all the rest"
            shown = repr(self._topics[:80])  # an error message is one line
            self._refusal = ConfigError("no topic filter", where=shown, remedy=remedy)
            return
        kept = "session resumed" if flags.session_present else "new session"
        self._print({"what": "connected", "session_present": flags.session_present}, f"connected, {kept}")

    def _on_subscribe(
        self, _client: mqtt.Client, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        if any(reason.value >= _ERROR for reason in reasons):
            what = f"the broker does not let us hear {self._topics!r}: {reasons[0]}"
            remedy = "Ask whoever runs the broker for the right to read these topics"
            self._refusal = AccessError(what, where=self._where, remedy=remedy)
        else:
            self._print({"what": "listening", "topics": self._topics}, f"listening to {self._topics}")

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        body = bytes(message.payload)
        entry = self._audit.add(message.topic, body)
        found = {"finding": entry.discrepancy, "missing": entry.missing, "disordered": entry.disordered}
        members = entry.members
        line = {"what": "message", "topic": entry.topic, **found, "body": members}
        if entry.discrepancy is Discrepancy.UNNUMBERED:
            text = body[:_SHOWN_BYTES].decode(errors="replace")
            self._print(line, f"{entry.topic} {'(retained) ' if message.retain else ''}{text}")
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

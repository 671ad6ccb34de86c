"""`edge-runtime listen`: a subscriber that says what was lost, late or double.

It keeps a session at the broker under its client id, so that what is published while it is away counts too.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge_runtime.errors import AccessError, ConfigError, EdgeError, UnavailableError
from edge_runtime.ledger import Entry, Finding, Ledger
from edge_runtime.mqtt.credentials import read_password, tls_context
from edge_runtime.mqtt.losses import explain
from edge_runtime.settings import BrokerSettings, TlsSettings

SESSION_S: Final = 24 * 3600
"""How long the broker keeps what we miss."""
LOSS_EXIT: Final = 1
"""Exit code when a number is missing or was given twice."""
_RETRY_S: Final = 1.0
Print = Callable[[str], None]


def settings_of(url: str, client_id: str, tls: TlsSettings | None = None) -> BrokerSettings:
    """Read `mqtt://[user@]host[:port]` or `mqtts://...`. Raises ConfigError for anything else.

    A password in it is refused: other users of the machine could read it from the process list.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or port == 0 or parts.password is not None:
        raise ConfigError(
            f"{parts._replace(netloc=parts.netloc.rpartition('@')[2]).geturl()!r} names no broker",
            where="--broker",
            remedy="Write mqtt://host:port or mqtts://user@host:port; the password belongs into a file",
        )
    secure = parts.scheme == "mqtts"
    return BrokerSettings(
        host=parts.hostname,
        port=port or (8883 if secure else 1883),
        client_id=client_id,
        username=unquote(parts.username) if parts.username else None,
        tls=(tls or TlsSettings()) if secure else None,
        accept_insecure=not secure,
    )


def run_listen(
    settings: BrokerSettings,
    topics: str,
    print_line: Print,
    *,
    json_lines: bool = False,
    seconds: float | None = None,
) -> int:
    """Listen until interrupted or for `seconds`; return 0, or LOSS_EXIT when the account does not add up.

    One line for each message, then one for each stream; with `json_lines` each is a JSON object. Raises
    UnavailableError when the broker is not there at the start, AccessError when it refuses us.
    """
    listener = _Listener(settings, topics, print_line, json_lines=json_lines)
    with suppress(KeyboardInterrupt):
        listener.run(float("inf") if seconds is None else time.monotonic() + seconds)
    return listener.close()


class _Listener:
    def __init__(self, settings: BrokerSettings, topics: str, print_line: Print, *, json_lines: bool) -> None:
        self._settings, self._topics = settings, topics
        self._print, self._json = print_line, json_lines
        self._where = f"{settings.host}:{settings.port}"
        self._ledger = Ledger()
        self._refusal: EdgeError | None = None
        self._subscribed = False
        self._client = self._make_client()

    def run(self, until_s: float) -> None:
        """Take messages until then; reconnect as often as it takes once the first connection stood."""
        self._connect()
        while time.monotonic() < until_s:
            lost = self._client.loop(0.2) != MQTTErrorCode.MQTT_ERR_SUCCESS
            if self._refusal is not None:
                raise self._refusal
            if lost:
                self._tell({"what": "connection lost"}, "connection lost")
                self._reconnect(until_s)

    def close(self) -> int:
        """Leave, print the account and return the exit code."""
        self._client.disconnect()
        for stream in self._ledger.summary():
            self._tell({"what": "stream", **stream}, _stream_line(stream))
        conflicts = sum(stream.conflicts for stream in self._ledger.streams.values())
        lost = self._ledger.lost()
        self._tell(
            {"what": "summary", "lost": lost, "conflicts": conflicts, "unnumbered": self._ledger.foreign},
            f"{lost} lost, {conflicts} in conflict" if lost or conflicts else "nothing lost",
        )
        return LOSS_EXIT if lost or conflicts else 0

    def _make_client(self) -> mqtt.Client:
        settings = self._settings
        client = mqtt.Client(
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
        return client

    def _connect(self) -> None:
        make: Any = Properties  # it carries no types
        keep = make(PacketTypes.CONNECT)
        keep.SessionExpiryInterval = SESSION_S
        settings = self._settings
        with self._explained():
            self._client.connect(
                settings.host, settings.port, settings.keepalive_s, clean_start=False, properties=keep
            )

    def _reconnect(self, until_s: float) -> None:
        while time.monotonic() < until_s:
            time.sleep(min(_RETRY_S, max(until_s - time.monotonic(), 0.0)))
            try:
                self._connect()
            except UnavailableError:
                continue
            return

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            what, remedy = explain(error)
            raise UnavailableError(what, where=self._where, remedy=remedy) from error

    def _on_connect(
        self, client: mqtt.Client, _data: Any, flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        if reason.value >= 0x80:
            remedy = "Check user name, password and certificate"
            self._refusal = AccessError(f"the broker refuses us: {reason}", where=self._where, remedy=remedy)
            return
        client.subscribe(self._topics, options=SubscribeOptions(qos=1))
        kept = "session resumed" if flags.session_present else "new session"
        self._tell({"what": "connected", "session_present": flags.session_present}, f"connected, {kept}")

    def _on_subscribe(
        self, _client: mqtt.Client, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        if any(reason.value >= 0x80 for reason in reasons):
            self._refusal = AccessError(
                f"the broker does not let us hear {self._topics!r}: {reasons[0]}",
                where=self._where,
                remedy="Ask whoever runs the broker for the right to read these topics",
            )
        else:
            self._tell({"what": "listening", "topics": self._topics}, f"listening to {self._topics}")

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        entry = self._ledger.hear(message.topic, bytes(message.payload))
        line = _entry_line(entry, bytes(message.payload), retained=message.retain)
        told = {"what": "message", "topic": entry.topic, "finding": entry.finding, "missing": entry.missing}
        self._tell({**told, "disordered": entry.disordered, "body": entry.members}, line)

    def _tell(self, told: dict[str, object], line: str) -> None:
        now = datetime.now(UTC)
        if self._json:
            self._print(json.dumps({"at": now.isoformat(), **told}, ensure_ascii=False))
        else:
            self._print(f"{now:%H:%M:%S} {line}")


def _entry_line(entry: Entry, body: bytes, *, retained: bool) -> str:
    members = entry.members
    if entry.finding is Finding.UNNUMBERED:
        text = body[:100].decode(errors="replace")
        return f"{entry.topic} {'(retained) ' if retained else ''}{text}"
    words = [str(members[name]) for name in ("type", "kind", "id") if name in members]
    notes = [] if entry.finding is Finding.ON_TIME else [str(entry.finding)]
    notes += ["replayed"] if members.get("replayed") is True else []
    notes += ["out of order"] if entry.disordered else []
    notes += [f"{entry.missing} missing"] if entry.missing else []
    return " ".join([entry.topic, *words, f"seq {members['seq']}", *(f"[{note}]" for note in notes)])


def _stream_line(stream: dict[str, Any]) -> str:
    holes = ", ".join(f"{first}-{last}" for first, last in stream["missing"][:10])
    return (
        f"{stream['device']} {stream['kind']}: {stream['received']} received, seq {stream['first']} to"
        f" {stream['last']}, {f'LOST {holes}' if holes else 'none lost'}, {stream['duplicates']} duplicates,"
        f" {stream['late']} late, {stream['replayed']} replayed"
    )

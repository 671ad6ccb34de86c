"""`edge-runtime listen`: a subscriber that says what was lost, late or double.

It keeps a session at the broker under its client id, so that what is published while it is away counts too.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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

from edge_runtime.audit.sequence_audit import Discrepancy, SequenceAudit, SequencedMessage
from edge_runtime.core import AccessError, ConfigError, EdgeError, UnavailableError
from edge_runtime.mqtt import BrokerSettings, TlsSettings, explain, read_password, tls_context

SESSION_S: Final = 24 * 3600
"""How long the broker keeps what we miss."""
LOSS_EXIT: Final = 1
"""Exit code when a number is missing or was given twice."""
_RETRY_S: Final = 1.0
_PEM_FILES: Final = ("ca_file", "cert_file", "key_file")
Print = Callable[[str], None]


def settings_of(
    url: str, client_id: str, password_file: Path | None = None, **pem_files: Path | None
) -> BrokerSettings:
    """Read `mqtt://[user@]host[:port]` or `mqtts://...`; `pem_files` are those of `TlsSettings`.

    Raises ConfigError for what cannot be meant; a password, too: it could be read from the process list.
    """
    port: int | None = 0
    parts = urlsplit("")
    with suppress(ValueError):
        parts = urlsplit(url)
        port = parts.port
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or port == 0 or parts.password is not None:
        said = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        remedy = "Write mqtt://host:port or mqtts://user@host:port; the password belongs into a file"
        raise ConfigError(f"{said!r} names no broker", where="--broker", remedy=remedy)
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
    """Listen until interrupted or for `seconds`; return 0, or LOSS_EXIT when the account does not add up.

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
    return listener.account()


class _Listener:
    def __init__(self, settings: BrokerSettings, topics: str, print_line: Print, *, json_lines: bool) -> None:
        self._settings, self._topics = settings, topics
        self._print, self._json = print_line, json_lines
        self._where = f"{settings.host}:{settings.port}"
        self._ledger = SequenceAudit()
        self._refusal: EdgeError | None = None
        self._welcome = False
        self._client = self._make_client()

    def run(self, until_s: float) -> None:
        """Take messages until then; reconnect as often as it takes once the first connection stood."""
        self._connect()
        patient_until_s = time.monotonic() + self._settings.connect_timeout_s
        while time.monotonic() < until_s:
            lost = self._client.loop(0.2) != MQTTErrorCode.MQTT_ERR_SUCCESS
            if self._refusal is not None:
                raise self._refusal
            if not self._welcome and (lost or time.monotonic() > patient_until_s):
                return  # which `account` says
            if lost:
                self._tell({"what": "connection lost"}, "connection lost")
                self._reconnect(until_s)

    def leave(self) -> None:
        """Disconnect, if there is a connection."""
        # paho closes a pair of sockets of its own only when its client is freed, so nothing must hold it.
        client = self._client
        del self._client
        client.on_connect = client.on_subscribe = client.on_message = None
        client.disconnect()
        if (sock := client.socket()) is not None:
            sock.close()

    def account(self) -> int:
        """Print the account and return the exit code; raises UnavailableError where there is none."""
        if not self._welcome:  # whoever has heard nobody cannot say that nothing was lost
            remedy = "Check that this is an MQTT port, and listen for longer"
            raise UnavailableError("no answer to CONNECT", where=self._where, remedy=remedy)
        for stream in self._ledger.summary():
            self._tell({"what": "stream", **stream}, _stream_line(stream))
        conflicts = sum(stream.conflicts for stream in self._ledger.streams.values())
        lost = self._ledger.lost()
        told = {"what": "summary", "lost": lost, "conflicts": conflicts, "unnumbered": self._ledger.foreign}
        self._tell(told, f"{lost} lost, {conflicts} in conflict" if lost or conflicts else "nothing lost")
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
        self._welcome = True
        try:
            client.subscribe(self._topics, options=SubscribeOptions(qos=1))
        except ValueError:
            remedy = "Give levels apart by /, + for any one, # for all the rest"
            self._refusal = ConfigError("no topic filter", where=repr(self._topics[:80]), remedy=remedy)
            return
        kept = "session resumed" if flags.session_present else "new session"
        self._tell({"what": "connected", "session_present": flags.session_present}, f"connected, {kept}")

    def _on_subscribe(
        self, _client: mqtt.Client, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        if any(reason.value >= 0x80 for reason in reasons):
            what = f"the broker does not let us hear {self._topics!r}: {reasons[0]}"
            remedy = "Ask whoever runs the broker for the right to read these topics"
            self._refusal = AccessError(what, where=self._where, remedy=remedy)
        else:
            self._tell({"what": "listening", "topics": self._topics}, f"listening to {self._topics}")

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        entry = self._ledger.hear(message.topic, bytes(message.payload))
        line = _entry_line(entry, bytes(message.payload), retained=message.retain)
        found = {"finding": entry.finding, "missing": entry.missing, "disordered": entry.disordered}
        self._tell({"what": "message", "topic": entry.topic, **found, "body": entry.members}, line)

    def _tell(self, told: dict[str, object], line: str) -> None:
        now = datetime.now(UTC)
        if self._json:
            self._print(_json({"at": now.isoformat(), **told}))
        else:  # a topic or body may hold what a terminal obeys
            self._print(f"{now:%H:%M:%S} {''.join(c if c.isprintable() else '?' for c in line)}")


def _json(told: dict[str, object]) -> str:
    try:
        return json.dumps(told, allow_nan=False)
    except ValueError:  # a body with a number that JSON has no word for: somebody else's
        return json.dumps({**told, "body": {}})


def _entry_line(entry: SequencedMessage, body: bytes, *, retained: bool) -> str:
    members = entry.members
    if entry.finding is Discrepancy.UNNUMBERED:
        text = body[:100].decode(errors="replace")
        return f"{entry.topic} {'(retained) ' if retained else ''}{text}"
    words = [str(members[name]) for name in ("type", "kind", "id") if name in members]
    notes = [] if entry.finding is Discrepancy.ON_TIME else [str(entry.finding)]
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

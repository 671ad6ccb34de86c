"""Settings of the way to the broker. Frozen and free of I/O; every field says its unit."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_runtime.core import check_host, check_within, is_mqtt_text, is_this_machine

_MAX_TEXT_BYTES: Final = 65535
"""MQTT gives strings a length of two bytes: MQTT 5.0, section 1.5.4."""
_MAX_PACKET_BYTES: Final = 2**28
"""MQTT gives packets 28 bits of length: MQTT 5.0, section 1.5.5."""
_DAY_S: Final = 86400
"""The longest wait that may be configured: whoever mends the broker looks after it within a day."""
_LEAST_WAIT_S: Final = 0.001
"""Without a wait, attempts take the whole processor, and a broker bans us for them."""


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """How the broker proves itself to us, and we to it."""

    ca_file: Path | None = None
    """PEM file of the authorities that may sign the broker's certificate; None for the system's."""
    cert_file: Path | None = None
    """PEM file of our client certificate with its chain; None to send none."""
    key_file: Path | None = None
    """PEM file of our private key; readable by its owner only."""
    verify: bool = True
    """False accepts any certificate from anyone; refused unless `accept_insecure` is set as well."""

    def __post_init__(self) -> None:
        """Raise ValueError for a key without its certificate."""
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("key_file is given without cert_file, the certificate that it belongs to")


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """Where alarms go and how hard to try."""

    host: str
    """Name or address of the broker."""
    port: int = 1883
    """TCP port; 8883 is usual with TLS."""
    client_id: str = ""
    """Unique to this device, a second client with the same id throws the first one out; empty to make it
    from prefix, site and device."""
    mqtt: str = "5"
    """Protocol version, "5" or "3.1.1". Under 3.1.1 a message the broker refuses looks delivered."""
    username: str | None = None
    """Name to log in with."""
    password_file: Path | None = None
    """File whose first line is the password; readable by its owner only."""
    tls: TlsSettings | None = None
    """None for plain MQTT, which is refused beyond this machine unless `accept_insecure` is set."""
    accept_insecure: bool = False
    """The site knows that others on the network can read and forge what is sent."""
    # Balances traffic, 2 bytes each way, against how long an alarm may go into a dead link.
    keepalive_s: int = 10
    """Seconds of quiet after which the broker is asked for a sign of life; a dead link shows within twice."""
    # TCP sends a lost SYN again after 1 and 3 s (RFC 6298): two losses are survived.
    connect_timeout_s: float = 5.0
    """Seconds allowed to each step: TCP connection, TLS handshake, answer to CONNECT."""
    # Longer than a link that is still useful delays; then it doubles, up to twentyfold.
    ack_timeout_s: float = 30.0
    """Seconds until a message that the broker does not acknowledge makes us connect again."""
    # Keeps a link of 100 ms busy at 200 messages a second; as many may arrive twice.
    in_flight: int = 20
    """Messages handed over and not yet acknowledged, at most."""
    # Short beside a broker's restart, and few enough attempts for an outage of days.
    backoff_s: tuple[float, float] = (1.0, 30.0)
    """Seconds before the next attempt: bound of the first wait, and of the longest."""
    # People have to act; two clients with one id must not evict each other every second.
    refused_backoff_s: tuple[float, float] = (30.0, 60.0)
    """The same after the broker refused us or another client took our id."""
    # Access lists are changed by people: minutes are soon enough.
    denied_retry_s: tuple[float, float] = (30.0, 600.0)
    """Seconds before what the broker denied, or nobody hears, is tried again: first, longest."""
    # The limit of common cloud brokers is 128 to 256 kB; alarms take some hundred bytes.
    max_packet_bytes: int = 256 * 1024
    """Larger messages are set aside as dead letters; what only the broker calls too large waits."""
    require_subscriber: bool = False
    """Keep an alarm until somebody hears it, where the broker says that nobody does (MQTT 5)."""
    # Mosquitto's default for max_queued_messages; the configuration shipped for it has 100,000.
    kept_messages: int = 1000
    """What the broker keeps for a subscriber that is away; beyond it health says how many are at risk."""
    live_first: bool = True
    """After an outage send new alarms ahead of stored ones; False sends strictly oldest first."""
    live_queue: int = 1000
    """Telemetry messages waiting for the socket, at most; then the oldest are dropped and counted."""
    state_topics: int = 1000
    """Retained topics remembered for the next connection, at most."""
    # systemd kills a service after 90 s by default; people who restart one wait less.
    drain_s: float = 5.0
    """Seconds a clean stop may spend on sending what is stored."""

    def __post_init__(self) -> None:
        """Raise ValueError for a value that is out of range or contradicts another."""
        check_host(self.host)
        if self.password_file is not None and self.username is None:
            raise ValueError("password_file is given without username, whose password it holds")
        for name in ("client_id", "username"):
            if len((getattr(self, name) or "").encode(errors="replace")) > _MAX_TEXT_BYTES:
                raise ValueError(f"{name} is longer than {_MAX_TEXT_BYTES} bytes, which MQTT has no room for")
            if not is_mqtt_text(getattr(self, name) or ""):
                raise ValueError(f"{name} holds characters that MQTT does not carry")
        if self.mqtt not in ("5", "3.1.1"):
            raise ValueError(f"mqtt is {self.mqtt!r}, must be '5' or '3.1.1'")
        # Lower bounds leave room for tests, upper ones catch a slip of the unit; 65535 is MQTT's, and TCP's.
        check_within(self, 1, 65535, "port", "in_flight", "keepalive_s")
        check_within(self, 0.1, 3600, "connect_timeout_s", "ack_timeout_s")
        check_within(self, 1, 10**6, "live_queue", "state_topics")
        check_within(self, 1, 10**9, "kept_messages")
        check_within(self, 256, _MAX_PACKET_BYTES, "max_packet_bytes")
        check_within(self, 0, 3600, "drain_s")
        for name in ("backoff_s", "refused_backoff_s", "denied_retry_s"):
            first, longest = getattr(self, name)
            if not _LEAST_WAIT_S <= first <= longest <= _DAY_S:
                least = f"from {_LEAST_WAIT_S} to {_DAY_S}"
                raise ValueError(f"{name} is {(first, longest)}, must be two rising numbers {least}")
        if not (self.accept_insecure or self.private):
            raise ValueError(
                f"host {self.host!r} without verified tls can be overheard and forged, "
                "give tls, or set accept_insecure"
            )

    @property
    def private(self) -> bool:
        """Whether what is sent stays between us and the broker."""
        if self.tls is not None:
            return self.tls.verify
        return is_this_machine(self.host)

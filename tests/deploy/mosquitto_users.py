"""Who may log in to the shipped Mosquitto in tests, and a client that says who it wants to be."""

import contextlib
import datetime as dt
import socket
import ssl
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from deploy.certification.access_list import access_list, role_of
from deploy.certification.folder import Folder
from deploy.certification.revocation import CRL, write_crl
from tests.broker import until

SITES = {"pump-7": "plant-1", "pump-8": "plant-1", "gateway": "plant"}
PASSWORD = "four words in a row"
ANOTHER = "another-program"
"""A program on the gateway with a password of its own, of which the access list says nothing."""


class Site(Protocol):
    """A broker as tests run it."""

    folder: Path
    authority: Folder
    port: int
    tls_port: int


def write_users(folder: Path, authority: Folder) -> None:
    """Write what the shipped configuration asks for: access list, passwords, the list of what was revoked."""
    people = [path.stem for path, _ in authority.all() if role_of(path.stem)]
    devices = [(site, device) for device, site in SITES.items()]
    (folder / "steadyhum.acl").write_text(access_list(devices, people))
    for user in (*SITES, ANOTHER):
        made = () if (folder / "passwords").exists() else ("-c",)
        subprocess.run(["mosquitto_passwd", *made, "-b", folder / "passwords", user, PASSWORD], check=True)
    if not (authority.path / CRL).exists():
        write_crl(authority, dt.datetime.now(dt.UTC))


def open_local_listener(site: Site) -> None:
    """Let tests that are not about users come over the loopback as anybody."""
    config = site.folder / "mosquitto.conf"
    head, local, rest = config.read_text().partition(f"listener {site.port} 127.0.0.1\n")
    _, ours, others = rest.partition("\nlistener")
    config.write_text(f"{head}{local}allow_anonymous true\n{ours}{others}")


def handshake(site: Site, folder: Path | None, name: str | None) -> bytes:
    """What becomes of a stranger: the error its first read ends in, or the broker's answer."""
    context = ssl.create_default_context(cafile=site.authority.path / "ca.crt")
    if folder and name:
        context.load_cert_chain(folder / f"{name}.crt", folder / f"{name}.key")
    with (
        socket.create_connection(("127.0.0.1", site.tls_port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped,
    ):
        wrapped.sendall(b"\x10\x10\x00\x04MQTT\x05\x02\x00\x0a\x00\x00\x03abc")
        return wrapped.recv(10)


class Visitor:
    """A client that keeps no session, with a certificate or, without TLS, a password; or neither."""

    def __init__(
        self,
        site: Site,
        name: str | None,
        *,
        keys: Folder | None = None,
        topics: Iterable[str] = (),
        tls: bool = True,
        client_id: str = "",
    ) -> None:
        self.seen: list[str] = []
        self.codes: list[int] = []
        """What the broker answered to each attempt to connect."""
        self._acks: dict[int, int] = {}
        self._topics, self._subscribed = list(topics), 0
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5)
        if tls:
            context = ssl.create_default_context(cafile=site.authority.path / "ca.crt")
            own = (keys or site.authority).path
            context.load_cert_chain(own / f"{name}.crt", own / f"{name}.key")
            self._client.tls_set_context(context)
        elif name:
            self._client.username_pw_set(name, PASSWORD)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.on_publish = self._on_publish
        self._client.on_subscribe = self._on_subscribe
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", site.tls_port if tls else site.port)
        self._client.loop_start()

    @property
    def code(self) -> int | None:
        """The broker's newest answer to CONNECT; None before the first."""
        return self.codes[-1] if self.codes else None

    def ready(self) -> bool:
        """Whether it is connected and all its subscriptions are answered."""
        return self.code == 0 and self._subscribed >= len(self._topics)

    def publish(self, topic: str, body: bytes = b"x") -> int:
        """Publish at QoS 1 and return the broker's reason code."""
        mid = self._client.publish(topic, body, qos=1).mid
        until(lambda: mid in self._acks, what="the ack")
        return self._acks[mid]

    def close(self) -> None:
        """Disconnect, and end its thread."""
        with contextlib.suppress(OSError):
            self._client.disconnect()
        self._client.loop_stop()
        self._client.on_connect = self._client.on_subscribe = None
        self._client.on_message = self._client.on_publish = None

    def _on_connect(self, _client: object, _data: object, _flags: object, reason: Any, _rest: object) -> None:
        self.codes.append(reason.value)
        for topic in self._topics:
            self._client.subscribe(topic, qos=1)

    def _on_subscribe(self, *_: object) -> None:
        self._subscribed += 1

    def _on_message(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        self.seen.append(message.topic)

    def _on_publish(self, _client: object, _data: object, mid: int, reason: Any, _rest: object) -> None:
        self._acks[mid] = reason.value

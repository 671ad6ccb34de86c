"""The shipped Mosquitto configuration on free ports, with certificates of a plant's own authority."""

import datetime as dt
import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from deploy.certification.folder import Folder
from tests.broker import Mosquitto, free_port, until
from tests.deploy.heavy import ROOT
from tests.deploy.mosquitto_users import PASSWORD, write_users

SHIPPED = ROOT / "deploy" / "mosquitto"
NOW = dt.datetime.now(dt.UTC)


def moved(text: str, pairs: Mapping[str, object]) -> str:
    """The text with every left side replaced; each must be there."""
    for old, new in pairs.items():
        assert old in text, old
        text = text.replace(old, str(new))
    return text


class Gateway(Mosquitto):
    """A broker with the shipped configuration; `bridge_to` adds the shipped bridge."""

    def __init__(self, folder: Path, authority: Folder, bridge_to: "Gateway | None" = None) -> None:
        super().__init__(folder / "mosquitto.conf", folder / "log")
        self.folder, self.authority = folder, authority
        self.port, self.tls_port = free_port(), free_port()
        folder.mkdir()
        certs = authority.path
        write_users(folder, authority)
        main = moved(
            (SHIPPED / "local.conf").read_text(),
            {
                "listener 1883 127.0.0.1": f"listener {self.port} 127.0.0.1",
                "listener 8883": f"listener {self.tls_port} 127.0.0.1",
                "/etc/mosquitto/certs/server": certs / "127.0.0.1",
                "/etc/mosquitto/certs/ca": certs / "ca",
                "/etc/mosquitto/steadyhum.acl": folder / "steadyhum.acl",
                "/etc/mosquitto/steadyhum.passwd": folder / "passwords",
            },
        )
        # What Debian's own mosquitto.conf says, into which ours is included.
        debian = f"persistence true\npersistence_location {folder}/\nuser root\n"
        self.config.write_text(debian + main + (self._bridge(bridge_to) if bridge_to else ""))

    def _bridge(self, plant: "Gateway") -> str:
        certs = self.authority.path
        return moved(
            (SHIPPED / "bridge.conf").read_text(),
            {
                "BROKER:8883": f"127.0.0.1:{plant.tls_port}",
                "/etc/mosquitto/certs/ca": certs / "ca",
                "/etc/mosquitto/certs/device": certs / "pump-7",
                "DEVICE": "pump-7",
                "SITE": "plant-1",
                "restart_timeout 5 30": "restart_timeout 1 2",
            },
        )


class Client:
    """A client with a persistent session; `name` picks its certificate, None comes without one."""

    def __init__(
        self,
        gateway: Gateway,
        name: str | None,
        *,
        authority: Folder | None = None,
        topics: Iterable[str] = (),
        tls: bool = True,
    ) -> None:
        self.seen: list[tuple[str, bytes]] = []
        self.acks: dict[int, int] = {}
        self.refused: int | None = None
        self._connected = False
        self._subscribing: set[int] = set()
        trusted = gateway.authority.path
        own = (authority or gateway.authority).path
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=f"test-{name}", protocol=mqtt.MQTTv5
        )
        if tls:
            context = ssl.create_default_context(cafile=trusted / "ca.crt")
            if name:
                context.load_cert_chain(own / f"{name}.crt", own / f"{name}.key")
            self._client.tls_set_context(context)
        elif name:
            self._client.username_pw_set(name, PASSWORD)
        self._topics = topics
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.on_subscribe = self._on_subscribe
        self._client.on_publish = self._on_publish
        self._client.reconnect_delay_set(1, 1)
        keep = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's own
        keep.SessionExpiryInterval = 3600
        port = gateway.tls_port if tls else gateway.port
        self._client.connect("127.0.0.1", port, clean_start=False, properties=keep)
        self._client.loop_start()

    def _on_connect(self, _client: object, _data: object, _flags: object, reason: Any, _rest: object) -> None:
        self.refused = reason.value if reason.value >= 0x80 else None
        self._subscribing = {self._client.subscribe(topic, qos=1)[1] or 0 for topic in self._topics}
        self._connected = self.refused is None

    def _on_message(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        self.seen.append((message.topic, bytes(message.payload)))

    def _on_subscribe(self, _client: object, _data: object, mid: int, _codes: object, _rest: object) -> None:
        self._subscribing.discard(mid)

    def _on_publish(self, _client: object, _data: object, mid: int, reason: Any, _rest: object) -> None:
        self.acks[mid] = reason.value

    def connected(self) -> bool:
        """Whether the broker has accepted it and answered all its subscriptions."""
        return self._connected and not self._subscribing

    def publish(self, topic: str, body: bytes = b"x") -> int:
        """Publish at QoS 1 and return the broker's reason code."""
        mid = self._client.publish(topic, body, qos=1).mid
        until(lambda: mid in self.acks, what="the ack")
        return self.acks[mid]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        # paho closes a pair of sockets of its own only when its client is freed, so nothing must hold it.
        self._client.on_connect = self._client.on_subscribe = None
        self._client.on_message = self._client.on_publish = None


def make_plant(folder: Path) -> Folder:
    """An authority with a server, two devices, a viewer and an operator."""
    authority = Folder(folder)
    authority.init("plant 1", NOW)
    authority.server(["127.0.0.1", "localhost"], NOW)
    for name in ("pump-7", "pump-8", "steadyhum-viewer", "steadyhum-operator"):
        authority.device(name, NOW)
    return authority

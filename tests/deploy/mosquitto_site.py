"""The shipped Mosquitto configuration on free ports, with certificates of a plant's own authority."""

import contextlib
import datetime as dt
import signal
import socket
import ssl
import subprocess

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from deploy.certification.folder import Folder
from tests.broker import MOSQUITTO, free_port, until
from tests.deploy.heavy import ROOT
from tests.deploy.mosquitto_users import PASSWORD, write_users

SHIPPED = ROOT / "deploy" / "mosquitto"
NOW = dt.datetime.now(dt.UTC)


def moved(text, pairs):
    """The text with every left side replaced; each must be there."""
    for old, new in pairs.items():
        assert old in text, old
        text = text.replace(old, str(new))
    return text


class Gateway:
    """A broker with the shipped configuration; `bridge_to` adds the shipped bridge."""

    def __init__(self, folder, authority, bridge_to=None):
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
        self._config = folder / "mosquitto.conf"
        self._config.write_text(debian + main + (self._bridge(bridge_to) if bridge_to else ""))
        self._process = None

    def _bridge(self, plant):
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

    def start(self):
        with (self.folder / "log").open("a") as log:
            self._process = subprocess.Popen([MOSQUITTO, "-c", str(self._config)], stdout=log, stderr=log)
        until(self._listens, what=f"Mosquitto listening: {(self.folder / 'log').read_text()}")
        return self

    def reload(self):
        self._process.send_signal(signal.SIGHUP)

    def stop(self, *, kill=False):
        if self._process is not None:
            self._process.kill() if kill else self._process.terminate()
            self._process.wait(10)
            self._process = None

    def _listens(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False


class Client:
    """A client with a persistent session; `name` picks its certificate, None comes without one."""

    def __init__(self, gateway, name, *, authority=None, topics=(), tls=True):
        self.seen, self.acks, self.refused = [], {}, None
        self._connected = False
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
        self._client.on_message = lambda _c, _d, message: self.seen.append((message.topic, message.payload))
        self._client.on_publish = self._on_publish
        self._client.reconnect_delay_set(1, 1)
        keep = Properties(PacketTypes.CONNECT)
        keep.SessionExpiryInterval = 3600
        port = gateway.tls_port if tls else gateway.port
        self._client.connect("127.0.0.1", port, clean_start=False, properties=keep)
        self._client.loop_start()

    def _on_connect(self, _client, _data, _flags, reason, _properties):
        self.refused = reason.value if reason.value >= 0x80 else None
        self._connected = self.refused is None
        for topic in self._topics:
            self._client.subscribe(topic, qos=1)

    def _on_publish(self, _client, _data, mid, reason, _properties):
        self.acks[mid] = reason.value

    def connected(self):
        return self._connected

    def publish(self, topic, body=b"x"):
        """Publish at QoS 1 and return the broker's reason code."""
        mid = self._client.publish(topic, body, qos=1).mid
        return until(lambda: self.acks.get(mid, -1) >= 0 and (self.acks[mid] + 1), what="the ack") - 1

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()


def make_plant(folder):
    """An authority with a server, two devices and a viewer."""
    authority = Folder(folder)
    authority.init("plant 1", NOW)
    authority.server(["127.0.0.1", "localhost"], NOW)
    for name in ("pump-7", "pump-8", "steadyhum-viewer"):
        authority.device(name, NOW)
    return authority

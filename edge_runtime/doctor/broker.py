"""The way out: secrets, certificates, name, connection, login, and whether our topics are allowed."""

import contextlib
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from edge_runtime.configuration import Config
from edge_runtime.core import EdgeError
from edge_runtime.doctor.certificates import Certificate, read_certificate
from edge_runtime.doctor.findings import Finding, Findings, fault, ok, refused, skipped, warning
from edge_runtime.doctor.storage import service_pid
from edge_runtime.messages import Topics, health_message
from edge_runtime.mqtt import BrokerSettings, Connection, LinkError, LinkErrorKind

DUE_DAYS: Final = 30
_DENIED: Final = 0x87
_NO_ACCESS: Final = 77
_CHECKS: Final = {LinkErrorKind.REFUSED: "broker.login", LinkErrorKind.TAKEN_OVER: "broker.client_id"}


def examine_broker(config: Config) -> Findings:
    """Look at everything between us and the broker; publishes one health message."""
    settings = config.broker
    yield from _security(settings)
    yield from _certificates(settings, config.site.device)
    service = service_pid(config.state_folder)
    if service is not None and _named(settings):
        what = f"not tried while the service, process {service}, is connected under the same name"
        yield skipped("broker.login", f"{settings.host}:{settings.port}", what)
        return
    try:
        yield from _visit(config)
    except LinkError as error:
        yield refused(_CHECKS.get(error.loss, "broker.reach"), error)
    except EdgeError as error:
        yield refused("broker.secrets", error)


def _security(settings: BrokerSettings) -> Findings:
    about = f"{settings.host}:{settings.port}"
    if settings.accept_insecure:
        remedy = "Set up tls with the plant's certificate authority and remove accept_insecure"
        yield warning("broker.insecure", about, "others on the network can read and forge alarms", remedy)
    if settings.mqtt != "5":
        remedy = 'Set mqtt = "5" if the broker speaks it'
        what = "MQTT 3.1.1 acknowledges messages that the broker throws away"
        yield warning("broker.protocol", about, what, remedy)


def _certificates(settings: BrokerSettings, device: str) -> Findings:
    if settings.tls is None:
        return
    for file in (settings.tls.ca_file, settings.tls.cert_file):
        if file is None:
            continue
        try:
            certificate = read_certificate(file)
        except EdgeError as error:
            yield refused("certificate.readable", error)
            continue
        yield _dates(file, certificate)
        if file == settings.tls.cert_file and certificate.name != device:
            what = f"is for {certificate.name!r}, this device is {device!r}: the broker may deny its topics"
            remedy = f"Use the certificate that was made for {device!r}"
            yield warning("certificate.name", str(file), what, remedy)


def _dates(file: Path, certificate: Certificate) -> Finding:
    now = datetime.now(UTC)
    begin, end = f"{certificate.not_before:%Y-%m-%d}", f"{certificate.not_after:%Y-%m-%d}"
    renew = "Make a new one with `deploy/authority renew` and copy it here"
    if now > certificate.not_after:
        return fault("certificate.expired", str(file), f"expired on {end}", renew, _NO_ACCESS)
    if now < certificate.not_before:
        remedy = "Set this device's clock, or wait"
        return fault("certificate.early", str(file), f"is valid only from {begin}", remedy, _NO_ACCESS)
    if (days := (certificate.not_after - now).days) < DUE_DAYS:
        return warning("certificate.due", str(file), f"expires in {days} days, on {end}", renew)
    return ok("certificate.dates", str(file), f"{certificate.name}, valid until {end}")


def _named(settings: BrokerSettings) -> bool:
    """Whether a broker knows us by a name, which it may take for the client id: one connection a name."""
    return settings.username is not None or (settings.tls is not None and settings.tls.cert_file is not None)


def _visit(config: Config) -> Findings:
    settings = config.broker
    about = f"{settings.host}:{settings.port}"
    topics = Topics(config.site.prefix, config.site.site, config.site.device)
    with _connected(settings, topics) as connection:
        yield ok("broker.reach", about, f"connected with MQTT {settings.mqtt}")
        if settings.mqtt == "5":
            for sensor in config.sensor:
                topic = topics.sensor(sensor.name, "health")
                yield _allowed(topic, _ack(connection, topic, settings.ack_timeout_s))


@contextlib.contextmanager
def _connected(settings: BrokerSettings, topics: Topics) -> Iterator[Connection]:
    # An id of our own: with the service's we would throw the service out. No last will: the service's is to
    # say when the device is gone, and a doctor that is killed is no such news.
    own_id = settings.client_id or topics.availability.rpartition("/")[0].replace("/", "-")
    connection = Connection(settings, f"{own_id}-doctor")
    wake, other = socket.socketpair()
    with wake, other:
        try:
            connection.open(wake, lambda: False)
            yield connection
        finally:
            connection.leave()


def _ack(connection: Connection, topic: str, timeout_s: float) -> int | None:
    body = health_message({"doctor": True}, time.time_ns() // 1000, clock_ok=True)
    mid = connection.send(topic, body, qos=1)
    deadline_s = time.monotonic() + timeout_s
    while (left_s := deadline_s - time.monotonic()) > 0:
        codes = [code for number, code in connection.turn(left_s) if number == mid]
        if codes:
            return codes[0]
    return None


def _allowed(topic: str, code: int | None) -> Finding:
    if code is None:
        remedy = "See the broker's log; it may be overloaded"
        return fault("broker.ack", topic, "the broker does not acknowledge", remedy, LinkError.exit_code)
    if code >= 0x80:
        why = "may not be written by this device" if code == _DENIED else f"is refused (reason {code})"
        remedy = "Allow it in the broker's access list; devices write to prefix/site/device/#"
        return fault("broker.topic", topic, why, remedy, _NO_ACCESS)
    return ok("broker.topic", topic, "may be written")

"""The connection to the broker: secrets, certificates, name, login, and whether our topics are allowed."""

import socket
import time
from typing import Final

from edge_runtime.configuration import Config
from edge_runtime.core import AccessError, EdgeError
from edge_runtime.doctor.certificates import examine_certificate
from edge_runtime.doctor.checks import Check
from edge_runtime.doctor.findings import Findings, fault, ok, refused, skipped, warning
from edge_runtime.messages import Topics, probe_message
from edge_runtime.mqtt import RETAINS_NOTHING, Connection, LinkError, LinkErrorKind, read_note
from edge_runtime.spool import service_pid

# MQTT 5 section 2.4: codes from 0x80 are failures, 0x87 is "Not authorized".
_FAILURE: Final = 0x80
_NOT_AUTHORIZED: Final = 0x87
_NOBODY: Final = "doctor--probe"
"""What stands for a sensor that there is not: a name of ours never has two hyphens in its topic."""
_CHECK_OF_ERROR: Final = {
    LinkErrorKind.REFUSED: Check.BROKER_LOGIN,
    LinkErrorKind.TAKEN_OVER: Check.BROKER_CLIENT_ID,
}


def examine_broker(config: Config) -> Findings:
    """Examine everything between us and the broker; publishes probes, which are not retained."""
    settings = config.broker
    about = f"{settings.host}:{settings.port}"
    if settings.accept_insecure:
        remedy = "Set up tls with the plant's certificate authority and remove accept_insecure"
        what = "others on the network can read and forge alarms"
        yield warning(Check.BROKER_INSECURE, about, what, remedy)
    if settings.mqtt != "5":
        remedy = 'Set mqtt = "5" if the broker speaks it'
        what = "MQTT 3.1.1 acknowledges messages that the broker throws away"
        yield warning(Check.BROKER_PROTOCOL, about, what, remedy)
    if unread := read_note(config.state_folder):
        remedy = "Raise max_queued_messages at the broker and broker.kept_messages; run edge-runtime listen"
        yield warning(Check.BROKER_UNREAD, about, unread, remedy)
    if settings.tls is not None:
        for file in filter(None, (settings.tls.ca_file, settings.tls.cert_file)):
            own = file == settings.tls.cert_file
            yield from examine_certificate(file, config.site.device if own else None)
    # A broker may take a user name or a certificate's for the client id, and then has one connection a name.
    named = settings.username is not None or (settings.tls is not None and settings.tls.cert_file is not None)
    service = service_pid(config.state_folder)
    if service is not None and named:
        what = f"not tried while the service, process {service}, is connected under the same name"
        yield skipped(Check.BROKER_LOGIN, about, what)
        return
    try:
        yield from _publish_probes(config, about)
    except LinkError as error:
        yield refused(_CHECK_OF_ERROR.get(error.loss, Check.BROKER_REACH), error)
    except EdgeError as error:
        yield refused(Check.BROKER_SECRETS, error)


def _publish_probes(config: Config, about: str) -> Findings:
    settings = config.broker
    topics = Topics(config.site.prefix, config.site.site, config.site.device)
    # An id of our own: with the service's we would disconnect the service. No last will: the service's says
    # when the device has stopped, which a doctor that is killed does not mean.
    own_id = settings.client_id or topics.availability.rpartition("/")[0].replace("/", "-")
    connection = Connection(settings, f"{own_id}-doctor")
    wake, other = socket.socketpair()
    with wake, other:
        try:
            connection.open(wake, lambda: False)
            yield ok(Check.BROKER_REACH, about, f"connected with MQTT {settings.mqtt}")
            for note in connection.terms.notes:
                remedy = "Ask whoever runs the broker, or use another; alarms are delivered in any case"
                if note == RETAINS_NOTHING:
                    yield warning(Check.BROKER_TERMS, about, note, remedy)
                else:
                    yield ok(Check.BROKER_TERMS, about, note)
            if settings.mqtt == "5":
                yield from _probe_topics(connection, config, topics)
        finally:
            connection.leave()


def _probe_topics(connection: Connection, config: Config, topics: Topics) -> Findings:
    """Find out whether this device may write where it publishes."""
    for sensor in config.sensor:
        topic = topics.sensor(sensor.name, "health")
        code = _reason_code(connection, topic, config.broker.ack_timeout_s)
        if code is None:
            what, remedy = "the broker does not acknowledge", "See the broker's log; it may be overloaded"
            yield fault(Check.BROKER_ACK, topic, what, remedy, LinkError.exit_code)
        elif code >= _FAILURE:
            refusal = f"is refused (reason {code})"
            what = "may not be written by this device" if code == _NOT_AUTHORIZED else refusal
            remedy = "Allow it in the broker's access list; devices write to prefix/site/device/#"
            yield fault(Check.BROKER_TOPIC, topic, what, remedy, AccessError.exit_code)
        else:
            yield ok(Check.BROKER_TOPIC, topic, "may be written")
    # Topics that access lists of earlier versions do not have: without them alarms go on as before.
    leaves = ("condition", *(("shadow",) if config.learning.allow else ()))
    later = [topics.info, *(topics.sensor(sensor.name, leaf) for sensor in config.sensor for leaf in leaves)]
    if config.commands.mqtt:
        later.append(f"{topics.evidence}doctor")
    if config.homeassistant.discovery:
        later.append(_discovery_topic(config))
    for topic in later:
        if _reason_code(connection, topic, config.broker.ack_timeout_s) == _NOT_AUTHORIZED:
            what = "may not be written by this device, as earlier access lists have it; alarms may"
            remedy = "Write the broker's access list again: deploy/authority acl, or deploy/mosquitto has it"
            yield warning(Check.BROKER_TOPIC, topic, what, remedy)
        else:
            yield ok(Check.BROKER_TOPIC, topic, "may be written")


def _discovery_topic(config: Config) -> str:
    """One that Home Assistant reads and that no sensor of ours has."""
    from edge_runtime.messages.homeassistant import node_of  # noqa: PLC0415  where it is on

    node = node_of(config.site.site, config.site.device)
    return f"{config.homeassistant.prefix}/device/{node}/{_NOBODY}/config"


def _reason_code(connection: Connection, topic: str, timeout_s: float) -> int | None:
    """Publish a probe; the reason code of its acknowledgement, or None without one in `timeout_s` seconds."""
    # To Home Assistant an empty message says that a device is gone, here one that there never was.
    to_discovery = topic.endswith(f"/{_NOBODY}/config")
    body = b"" if to_discovery else probe_message(time.time_ns() // 1000, clock_ok=True)
    mid = connection.send(topic, body, qos=1)
    deadline_s = time.monotonic() + timeout_s
    while (left_s := deadline_s - time.monotonic()) > 0:
        for number, code in connection.turn(left_s):
            if number == mid:
                return code
    return None

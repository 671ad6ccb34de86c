"""Every check of the doctor by its stable name; the text under each says what it means and the remedy.

docs/reference/findings.md is made from this file (`python -m docs.reference`).
"""

from enum import StrEnum


class Check(StrEnum):
    """What a finding is about."""

    OS_BITS = "os.bits"
    """Whether programs on this computer are 64-bit.
    Remedy: install the 64-bit image of the operating system."""
    CPU = "cpu"
    """Whether the processor has the instructions that numpy and onnxruntime need.
    Remedy: use a board of the Raspberry Pi 3 generation or later."""
    CLOCK = "clock"
    """Whether the clock has been set since boot and is synchronised.
    Remedy: connect the network or set a time server."""
    SERVICE = "service"
    """Whether the service is installed and starts at boot; skipped where it is not installed.
    Remedy: `systemctl enable --now edge-runtime`."""
    WATCHDOG = "watchdog"
    """Whether systemd restarts a service that hangs.
    Remedy: remove what sets WatchdogSec to 0."""
    SECRETS_LEFT = "secrets.left"
    """A private key lies on the card's partition that every computer can read.
    Remedy: delete the folder named."""
    LIBRARIES = "libraries"
    """Whether numpy and onnxruntime can be imported, tried in a process of its own.
    Remedy: install the package made for this processor and release."""
    CONFIG = "config"
    """Whether the configuration can be read; where not, nothing after it is examined.
    Remedy: correct the line named."""
    STATE_FOLDER = "state.folder"
    """Whether the service can write its state folder.
    Remedy: create the folder and give it to the service's user."""
    STATE_VOLATILE = "state.volatile"
    """The state folder is in memory: stored alarms are lost in a power cut.
    Remedy: put it on the card or a disk."""
    DISK_SPACE = "disk.space"
    """Whether the disk has room for all that the spool may take.
    Remedy: free space, or lower `spool.max_bytes`."""
    SPOOL_CAPACITY = "spool.capacity"
    """For how many hours without a broker alarms can be stored.
    Remedy: raise `spool.max_bytes`, or bring the broker back."""
    SPOOL_DAMAGED = "spool.damaged"
    """Damaged spool files were set aside.
    Remedy: check power supply and card, then delete the copies."""
    HISTORY = "history"
    """Whether trends can be kept, or a damaged file was set aside; alarms do not depend on it.
    Remedy: give folder and file to the service's user, or move the file away; delete the copies."""
    NOTIFY = "notify"
    """Whether e-mails and webhooks can be sent, and are; only with `[[notify]]`.
    Remedy: that of the message: start the process, mend a secret's file or the server."""
    ALARM_OPEN = "alarm.open"
    """An alarm is open, by the running service, or as it was left on disk where none runs.
    Remedy: see to the machine, the sensor or the model that it names, and acknowledge it."""
    SERVICE_TROUBLE = "service.trouble"
    """What the running service says is wrong with itself or with a sensor; skipped where it cannot be asked.
    Remedy: that of the findings about the same part, and the service's log."""
    MODEL_SIGNATURE = "model.signature"
    """Whether the plant's authority signed the model; only with `model_authority`.
    Remedy: copy the model again with its list and signature."""
    MODEL_DIGEST = "model.digest"
    """Whether the model is the file that SHA256SUMS beside it names.
    Remedy: copy the model again."""
    MODEL_OPENS = "model.opens"
    """Whether the model's file is whole and onnxruntime takes it; skipped where onnxruntime does not run.
    Remedy: copy the model again, or fit it again."""
    MODEL_GOLDEN = "model.golden"
    """The model's golden windows score differently here than when it was made.
    Remedy: keep the previous model and report it."""
    MODEL_AGREEMENT = "model.agreement"
    """Whether rate, channels and unit of the configuration are those of the model.
    Remedy: use a model made for this sensor, or correct the configuration."""
    MODEL_SPEED = "model.speed"
    """How much of the time between two windows scoring takes.
    Remedy: a longer hop, a smaller detector or a faster board."""
    LEARNER = "learner"
    """Whether the learner is installed; only where a sensor's model is `learn`.
    Remedy: install the package steadyhum-learn."""
    COMMISSIONING = "commissioning"
    """How far a sensor that learns is, whether what it learnt is as this device sealed it, and what it asks.
    Remedy: that of the message: record, learn, accept or arm, or restore a backup."""
    PORT_NAME = "port.name"
    """The port is named by a number that may change with the next restart.
    Remedy: use its name in /dev/serial/by-id, or a device's own name or serial number."""
    PORT_CONSOLE = "port.console"
    """The system's console is on the sensor's port.
    Remedy: switch the login shell on the serial port off."""
    PORT_MODEM_MANAGER = "port.modem_manager"
    """ModemManager writes to every serial device that appears.
    Remedy: `systemctl disable --now ModemManager`."""
    PORT_PERMISSION = "port.permission"
    """Whether the service's user, and its unit, may read and write the device.
    Remedy: add the user to the device's group, or grant the unit what is named."""
    PORT_IN_SERVICE = "port.in_service"
    """The running service reads the port, so that it is not listened to.
    Remedy: none; stop the service to examine the line."""
    PORT_PRESENT = "port.present"
    """The device does not exist.
    Remedy: plug the sensor in, or name one of the devices present."""
    PORT_BUSY = "port.busy"
    """Another program has the port open.
    Remedy: stop the program named."""
    PORT_OPENS = "port.opens"
    """Whether the port can be opened.
    Remedy: that of the message."""
    LINE_FRAMES = "line.frames"
    """Frames arrive; skipped where the port could not be listened to.
    Remedy: that of the port's finding."""
    LINE_LOST = "line.lost"
    """The port disappeared while it was listened to.
    Remedy: check cable, plug and power supply."""
    LINE_SILENT = "line.silent"
    """Nothing arrives.
    Remedy: check power, wiring and firmware of the sensor."""
    LINE_BAUD = "line.baud"
    """Frames arrive at another baud rate.
    Remedy: set `baud` to the rate named."""
    LINE_PROTOCOL = "line.protocol"
    """The sensor uses another protocol.
    Remedy: set `protocol` to the one named."""
    LINE_GARBAGE = "line.garbage"
    """Bytes arrive that are a frame at no usual baud rate.
    Remedy: check ground, wiring and firmware."""
    LINE_DAMAGED = "line.damaged"
    """More than 1 % of the frames are damaged.
    Remedy: a shorter or shielded cable, common ground, a lower baud rate."""
    LINE_FULL = "line.full"
    """The sensor uses most of what the baud rate can carry.
    Remedy: raise the baud rate, or send int16 samples."""
    LINE_GAPS = "line.gaps"
    """Samples are missing though frames arrive whole.
    Remedy: connect without a hub, or send fewer and longer frames."""
    SENSOR_OVERRUNS = "sensor.overruns"
    """The sensor lost samples before it could send them.
    Remedy: lower its sampling rate, or raise the baud rate."""
    SENSOR_RATE = "sensor.rate"
    """Whether the measured sampling rate is that of the configuration.
    Remedy: set the sensor's rate, or use a model made for this rate."""
    SENSOR_AGREEMENT = "sensor.agreement"
    """The sensor's channels, their names, its unit or its rate are not those of the model.
    Remedy: connect the right sensor, or use a model made for this one."""
    SENSOR_IDENTITY = "sensor.identity"
    """Whether the sensor is the one whose serial number the configuration states; skipped without a hello.
    Remedy: connect the sensor that is meant, or correct `serial`."""
    SENSOR_RANGE = "sensor.range"
    """The configuration states another range than the sensor.
    Remedy: correct or remove `range`, or set the sensor's."""
    SENSOR_SIGNAL = "sensor.signal"
    """Whether the samples look like those of a working sensor.
    Remedy: check supply, wiring and range of the sensor."""
    BROKER_INSECURE = "broker.insecure"
    """The configuration accepts a connection that others can read.
    Remedy: set up TLS and remove `accept_insecure`."""
    BROKER_PROTOCOL = "broker.protocol"
    """MQTT 3.1.1 cannot say that a message was refused.
    Remedy: set `mqtt = "5"`."""
    CERTIFICATE_READABLE = "certificate.readable"
    """A certificate's file cannot be read.
    Remedy: give the path of a PEM file."""
    CERTIFICATE_DATES = "certificate.dates"
    """The certificate is valid now.
    Remedy: none."""
    CERTIFICATE_EXPIRED = "certificate.expired"
    """The certificate has expired.
    Remedy: `deploy/authority renew`."""
    CERTIFICATE_EARLY = "certificate.early"
    """The certificate is not valid yet.
    Remedy: set the clock, or wait."""
    CERTIFICATE_DUE = "certificate.due"
    """The certificate expires within 30 days.
    Remedy: `deploy/authority renew`."""
    CERTIFICATE_NAME = "certificate.name"
    """The client certificate is for another device.
    Remedy: use the certificate made for this device."""
    BROKER_REACH = "broker.reach"
    """Whether the broker answers.
    Remedy: that of the message: address, firewall, name server, certificates."""
    BROKER_LOGIN = "broker.login"
    """The broker refuses the login.
    Remedy: correct user name and password."""
    BROKER_CLIENT_ID = "broker.client_id"
    """Another client took the connection over.
    Remedy: give each device its own client id."""
    BROKER_SECRETS = "broker.secrets"
    """Password or key cannot be used, or can be read by others.
    Remedy: that of the message."""
    BROKER_TOPIC = "broker.topic"
    """Whether the device may write its topics.
    Remedy: allow them in the broker's access list."""
    BROKER_UNREAD = "broker.unread"
    """More messages went out within a day than the broker keeps for a subscriber that is away.
    Remedy: raise `max_queued_messages` of the broker, and `broker.kept_messages` with it."""
    BROKER_TERMS = "broker.terms"
    """The broker states less than was asked for, such as no retained messages.
    Remedy: change its settings, or use another; alarms are delivered in any case."""
    BROKER_ACK = "broker.ack"
    """The broker does not acknowledge a message.
    Remedy: see the broker's log."""

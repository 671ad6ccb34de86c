"""A device's config.toml: values of the sheet, with rate, channels and unit of the model."""

import json
import tempfile
from pathlib import Path

from deploy.provisioning.sheet import Device, SheetSensor
from edge_runtime.configuration import check_agreement, read_config
from edge_runtime.core import ConfigError, EdgeError, Manifest
from edge_runtime.sensors import LEARN

ETC = "/etc/edge-runtime"


def config_text(device: Device, manifests: dict[str, Manifest]) -> str:
    """The configuration, checked with the edge's own reader; `manifests` by the model's name in the sheet.

    Raises ConfigError for what the edge would refuse.
    """
    own = [None if sensor.learns else manifests.get(sensor.model) for sensor in device.sensors]
    parts = [_site(device), *map(_sensor, device.sensors, own)]
    text = "\n".join(parts)
    try:
        _prove(text, [manifests.get(sensor.file) for sensor in device.sensors])
    except EdgeError as error:
        where = f"the configuration of {device.name}"
        raise ConfigError(error.what, where=where, remedy="Correct its row in the sheet") from error
    return text


def model_file(name: str) -> str:
    """The file's name of a model as the sheet names it."""
    return name if name.endswith(".onnx") else f"{name}.onnx"


def _site(device: Device) -> str:
    # What such a sensor learns is run beside what the authority signed: it was asked for in the sheet.
    learning = "\n[learning]\nallow = true\n" if any(sensor.learns for sensor in device.sensors) else ""
    return f"""\
# Written by deploy/provision; `edge-runtime doctor` says whether all is well.
state_folder = "/var/lib/edge-runtime"
model_authority = "{ETC}/ca.crt"

[site]
site = {_text(device.site)}
device = {_text(device.name)}

[broker]
host = {_text(device.broker)}
port = {device.broker_port}
client_id = {_text(device.name)}

[broker.tls]
ca_file = "{ETC}/ca.crt"
cert_file = "{ETC}/device.crt"
key_file = "{ETC}/device.key"
{learning}"""


def _sensor(sensor: SheetSensor, manifest: Manifest | None) -> str:
    if manifest is None:
        model, rate_hz, channels, unit = LEARN, sensor.rate_hz, sensor.channels, sensor.unit
    else:
        model = f"{ETC}/models/{model_file(sensor.model)}"
        rate_hz, channels, unit = manifest.rate_hz, manifest.channels, manifest.unit
    group = f"machine_group = {_text(sensor.machine_group)}\n" if sensor.machine_group else ""
    base = f"{ETC}/models/{model_file(sensor.base_model)}" if sensor.base_model else ""
    group += f"base_model = {_text(base)}\n" if base else ""
    serial = f"serial = {_text(sensor.serial)}\n" if sensor.serial else ""
    return f"""\
[[sensor]]
name = {_text(sensor.name)}
port = {_text(sensor.port)}
model = {_text(model)}
rate_hz = {rate_hz!r}
channels = [{", ".join(map(_text, channels))}]
unit = {_text(unit)}
protocol = "{sensor.protocol}"
baud = {sensor.baud}
{serial}{group}"""


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)  # a TOML basic string has JSON's escapes


def _prove(text: str, manifests: list[Manifest | None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.toml"
        path.write_text(text, encoding="utf-8")
        config = read_config(path)
    for sensor, manifest in zip(config.sensor, manifests, strict=True):
        if manifest is not None:
            check_agreement(sensor, manifest)

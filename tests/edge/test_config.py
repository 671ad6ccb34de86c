"""The configuration is read strictly: line, value and nearest name for everything it does not understand."""

import math
import re
import tomllib
from collections.abc import Iterator
from dataclasses import is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from edge_runtime.configuration import DAMAGED, HistorySettings, damaged_histories, strict_toml
from edge_runtime.configuration.config import (
    Config,
    check_agreement,
    check_states,
    identity_of,
    read_config,
)
from edge_runtime.core.errors import ConfigError
from edge_runtime.door import check_door
from edge_runtime.sensors.protocols import LineFormat
from tests.artefacts import manifest

GOOD = """\
state_folder = "state"

[site]
site = "plant-1"
device = "gateway-7"

[broker]
host = "localhost"
client_id = "gateway-7"

[[sensor]]
name = "pump"
port = "/dev/serial/by-id/usb-1"
model = "pump.onnx"
rate_hz = 1000
channels = ["x"]
unit = "g"

[[sensor]]
name = "fan"
port = "/dev/serial/by-id/usb-2"
model = "fan.onnx"
rate_hz = 1000.0
channels = ["x", "y"]
unit = "g"
protocol = "lines"

[sensor.alarm]
votes = [2, 3]
off_delay_s = 5
"""


def write(tmp_path: Path, text: str) -> Any:
    path = tmp_path / "edge.toml"
    path.write_text(text)
    return path


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read_config(write(tmp_path, text))
    assert caught.value.exit_code == 78
    assert caught.value.remedy
    return str(caught.value)


def test_reads_a_site(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, GOOD))
    assert (config.site.prefix, config.site.device) == ("steadyhum", "gateway-7")
    pump, fan = config.sensor
    assert pump.model == tmp_path / "pump.onnx"
    assert (pump.protocol, fan.protocol) == ("frames", "lines")
    assert pump.line == LineFormat(len(pump.channels), pump.rate_hz, pump.scale)
    assert fan.alarm.votes == (2, 3)
    assert fan.alarm.off_delay_s == 5.0
    assert config.state_folder == tmp_path / "state"


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ('device = "gateway-7"', 'devise = "x"', 5, "unknown key 'site.devise'. Did you mean 'device'?"),
        ("votes = [2, 3]", "vote = [2, 3]", 29, "Did you mean 'votes'?"),
        ("votes = [2, 3]", "votes = [3, 2]", 29, "must be [k, n] with 1 <= k <= n"),
        ("votes = [2, 3]", "votes = [2, 3, 4]", 29, "has 3 entries, not 2"),
        ("off_delay_s = 5", "off_delay_s = -5", 30, "off_delay_s is -5.0, must be finite and not negative"),
        ('name = "fan"', "name = 7", 20, "sensor.1.name is 7, not text"),
        ('name = "fan"', 'name = "a/b"', 20, "no / + # nor control"),
        ('protocol = "lines"', 'protocol = "line"', 26, "Choose one of frames, lines"),
        ("rate_hz = 1000.0", 'rate_hz = "1000"', 23, "not a number"),
        ("rate_hz = 1000.0", "rate_hz = inf", 23, "must be positive"),
        ("rate_hz = 1000\n", "rate_hz = true\n", 15, "not a number"),
        ("rate_hz = 1000\n", "", 11, "sensor.0 lacks rate_hz"),
        (
            "rate_hz = 1000.0",
            "rate_hz = 1000.0\nusable_share = 1",
            24,
            "usable_share is 1.0, must be within 0 and",
        ),
        (
            "rate_hz = 1000.0",
            "rate_hz = 1000.0\nusable_span_s = 5",
            24,
            "usable_span_s is 5.0, must be within 10.0",
        ),
        ('channels = ["x"]', 'channels = "x"', 16, "not a list"),
        ('channels = ["x"]', "channels = []", 16, "name at least one"),
        ('unit = "g"\nprotocol', "unit g\nprotocol", None, "not TOML"),
        ("rate_hz = 1000.0", "rate_hz = " + "9" * 5000, None, "not TOML"),
        ("rate_hz = 1000.0", "rate_hz = 1" + "0" * 400, 23, "not a number"),
        ("/dev/serial/by-id/usb-1", "", 13, "must be a path, socket://host:port"),
        ("/dev/serial/by-id/usb-1", "loop://", 13, "must be a path, socket://host:port"),
        ("/dev/serial/by-id/usb-1", "socket://10.0.0.1", 13, "must be a path, socket://host:port"),
        ("/dev/serial/by-id/usb-1", "rfc2217://:4000", 13, "must be a path, socket://host:port"),
        ("/dev/serial/by-id/usb-1", "socket://plc:99999", 13, "must be a path, socket://host:port"),
        ("/dev/serial/by-id/usb-1", "socket://[::1:4000", 13, "must be a path, socket://host:port"),
        ("rate_hz = 1000\n", 'rate_hz = 1000\nserial = ""\n', 16, "serial is empty"),
        ("rate_hz = 1000.0", 'rate_hz = 1000\nserial = "7"', 24, "never state it in protocol 'lines'"),
        ("rate_hz = 1000\n", "rate_hz = 1000\nhello_channels = []\n", 16, "has 0 entries, channels has 1"),
        ('"localhost"', '"mqtt://localhost"', 8, "name or address and nothing else"),
        ('"localhost"', '"local host"', 8, "name or address and nothing else"),
        ('"localhost"', '"localhost"\npassword_file = "p"', 9, "password_file is given without username"),
        ('"localhost"', '"localhost"\ntls.key_file = "k"', 7, "key_file is given without cert_file"),
        ('"gateway-7"\n\n[[', '"' + "x" * 65536 + '"\n\n[[', 9, "longer than 65535 bytes"),
        ('channels = ["x"]', "channels = " + "[" * 3000 + "]" * 3000, None, "not TOML"),
        ('host = "localhost"\n', "", 7, "broker lacks host"),
        ('name = "fan"', 'name = "pump"', 11, "2 entries with the same name 'pump'"),
        ("/dev/serial/by-id/usb-2", "/dev/serial/by-id/usb-1", 11, "the same port"),
        ("/dev/serial/by-id/usb-2", "/dev/serial//by-id/usb-3/../usb-1", 11, "one device under two names"),
        ("/dev/serial/by-id/usb-2", "iio:0", None, "'lines', which iio:0 does not speak: leave it out"),
    ],
)
def test_refuses_with_line_value_and_remedy(
    tmp_path: Path, old: str, new: str, line: int | None, says: str
) -> None:
    assert old in GOOD
    text = refusal(tmp_path, GOOD.replace(old, new, 1))
    assert says in text
    if line:
        assert f"edge.toml, line {line}:" in text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("socket://plc:4001", "socket://PLC:4001/"),
        ("socket://plc:4001", "rfc2217://plc:4001"),
        ("socket://localhost:4001", "socket://127.0.0.1:4001"),
        ("socket://[::1]:4001", "socket://localhost:4001"),
        ("{folder}/ttyUSB0", "{folder}/by-id/usb-sensor"),
        ("{folder}/by-path/platform-1", "{folder}/by-id/usb-sensor"),
        ("{folder}/gone", "{folder}/by-path/../gone"),
        ("/dev/null", "{folder}/by-id/null"),
    ],
)
def test_a_device_under_two_names_is_refused(tmp_path: Path, one: str, other: str) -> None:
    for folder in ("by-id", "by-path"):
        (tmp_path / folder).mkdir()
    (tmp_path / "ttyUSB0").touch()
    (tmp_path / "by-id/usb-sensor").symlink_to("../ttyUSB0")
    (tmp_path / "by-path/platform-1").symlink_to(tmp_path / "ttyUSB0")
    (tmp_path / "by-id/null").symlink_to("/dev/null")
    names = [name.format(folder=tmp_path) for name in (one, other)]
    text = GOOD
    for number, name in enumerate(names, 1):
        text = text.replace(f"/dev/serial/by-id/usb-{number}", name)
    said = refusal(tmp_path, text)
    assert "one device under two names" in said
    assert all(repr(name) in said for name in names)


@pytest.mark.parametrize("other", ["socket://plc:4002", "socket://plc2:4001", "/dev/zero", "/dev/ttyUSB0"])
def test_two_devices_are_two(tmp_path: Path, other: str) -> None:
    text = GOOD.replace("/dev/serial/by-id/usb-1", "socket://plc:4001")
    assert len(read_config(write(tmp_path, text.replace("/dev/serial/by-id/usb-2", other))).sensor) == 2


def test_a_site_says_who_its_sensors_are(tmp_path: Path) -> None:
    text = GOOD.replace('protocol = "lines"', 'serial = "B"\nrange = 8').replace(
        "rate_hz = 1000\n", 'rate_hz = 1000\nserial = "A"\nhello_channels = ["z"]\n'
    )
    config = read_config(write(tmp_path, text))
    pump, fan = (identity_of(sensor, config) for sensor in config.sensor)
    assert (pump.serial, pump.channels, pump.range) == ("A", ("z",), math.inf)
    assert (fan.serial, fan.channels, fan.range, fan.unit) == ("B", ("x", "y"), 8.0, "g")
    assert [(name, other.serial) for name, other in pump.others] == [("fan", "B")]
    assert "2 entries with the same serial 'A'" in refusal(tmp_path, text.replace('"B"', '"A"'))


def test_history_lies_in_its_folder_with_what_was_set_aside_of_it(tmp_path: Path) -> None:
    file = HistorySettings().file(tmp_path)
    assert file.parent == tmp_path
    assert HistorySettings(folder=tmp_path / "disk").file(tmp_path) == tmp_path / "disk" / file.name
    damaged = [tmp_path / f"{file.name}{DAMAGED}{number}" for number in (1, 2)]
    for path in (*damaged, file, tmp_path / "other"):
        path.touch()
    assert damaged_histories(file) == damaged


def test_commands_need_mqtt_5(tmp_path: Path) -> None:
    """Where they are wanted: MQTT 3.1.1 has no response topics."""
    old = GOOD.replace('host = "localhost"', 'host = "localhost"\nmqtt = "3.1.1"')
    assert not read_config(write(tmp_path, old)).commands.mqtt
    wanted = "[commands]\nmqtt = true\n"
    assert read_config(write(tmp_path, GOOD + wanted)).commands.mqtt
    assert "commands need MQTT 5" in refusal(tmp_path, old + wanted)


def test_a_socket_has_a_short_path_and_a_known_group(tmp_path: Path) -> None:
    said = refusal(tmp_path, f'{GOOD}[door]\nsocket = "/run/{"x" * 120}"\n')
    assert "has a path of 125 bytes" in said
    assert "107 at most" in said
    config = read_config(write(tmp_path, f'{GOOD}[door]\ngroup = "no such group"\n'))
    with pytest.raises(ConfigError, match="there is no group 'no such group'"):
        check_door(config.door)


def test_refuses_a_file_without_sensors_and_a_missing_one(tmp_path: Path) -> None:
    assert "lacks sensor" in refusal(tmp_path, GOOD.split("[[sensor]]", maxsplit=1)[0])
    assert "add at least one" in refusal(tmp_path, "sensor = []\n" + GOOD.split("[[sensor]]", maxsplit=1)[0])
    with pytest.raises(ConfigError, match="No such file"):
        read_config(tmp_path / "none.toml")


def test_every_key_misspelt_is_caught(tmp_path: Path) -> None:
    """Each key of the example in turn loses its last letter."""
    for match in re.finditer(r"^(\w+) =", GOOD, re.MULTILINE):
        key = match[1]
        text = GOOD[: match.start()] + key[:-1] + GOOD[match.start() + len(key) :]
        assert f"{key!r}?" in refusal(tmp_path, text), key


def keys(kind: Any, at: Any = ()) -> Iterator[Any]:
    """Every key of the configuration: its path, and whether it is a table or a list of tables."""
    for name, hint in get_type_hints(kind).items():
        inner = next((part for part in (hint, *get_args(hint)) if is_dataclass(part)), None)
        yield (*at, name), inner
        if inner is not None:
            yield from keys(inner, (*at, name))


def toml_with(path: Path, value: Any) -> Any:
    """The good example with one key set to something, as nested tables."""
    table = tomllib.loads(GOOD)
    at = table
    for name in path[:-1]:
        at = at[name][1] if isinstance(at.get(name), list) else at.setdefault(name, {})
    at[path[-1]] = value
    return table


@pytest.mark.parametrize("path", [path for path, _ in keys(Config)], ids=".".join)
@pytest.mark.parametrize(
    "value", [{"nonsense": 1}, [[1]], "\x00", -1e400, datetime(2026, 1, 1, tzinfo=UTC)], ids=str
)
def test_every_key_refuses_what_it_cannot_be(tmp_path: Path, path: Any, value: Any) -> None:
    """The tree is built from parsed tables, as `read` does after parsing."""
    # Private: the standard library cannot write TOML that would be parsed to these values.
    reader = strict_toml._Reader(tmp_path / "edge.toml", "")  # noqa: SLF001 - see above
    with pytest.raises(ConfigError) as refusal:
        reader.build(Config, toml_with(path, value), ())
    assert refusal.value.remedy


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"rate_hz": 48000.0}, "rate_hz is 1000.0 here and 48000.0 in the model"),
        ({"unit": "m/s2"}, "unit is g here and m/s2 in the model"),
        ({"channels": ("x", "y")}, "channels is ['x'] here and ['x', 'y'] in the model"),
    ],
)
def test_site_and_model_must_agree(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    pump = read_config(write(tmp_path, GOOD)).sensor[0]
    check_agreement(pump, manifest())
    with pytest.raises(ConfigError, match=re.escape(says)):
        check_agreement(pump, manifest(**change))


def test_states_that_the_site_says_are_those_that_the_model_learnt(tmp_path: Path) -> None:
    said = GOOD.replace(
        'unit = "g"\n\n', 'unit = "g"\n[sensor.states]\nreading = "speed"\nvalues = [{}, {}]\n\n', 1
    )
    learnt = {
        "names": ["low"],
        "conditions": {"low": ["slow"]},
        "thresholds": {},
        "levels": {},
        "span": 1,
    }
    for names, wrong in ((("slow", "not_running"), ""), (("fast", "low"), "fast")):
        text = said.format(*(f'"{name}"' for name in names))
        pump = read_config(write(tmp_path, text)).sensor[0]
        check_states(pump, manifest())
        if not wrong:
            check_states(pump, manifest(states=learnt))
            continue
        with pytest.raises(ConfigError, match="names fast, and the model learnt slow, low"):
            check_states(pump, manifest(states=learnt))


def test_whom_to_notify_has_a_name_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    one = '[[notify]]\nname = "chat"\nurl = "https://chat.plant.example/"\n'
    path.write_text(GOOD + one)
    assert [each.name for each in read_config(path).notify] == ["chat"]
    path.write_text(GOOD + one * 2)
    with pytest.raises(ConfigError, match="entries with the same name 'chat'"):
        read_config(path)

"""Vibration transmitters on Modbus RTU: published messages, slaves on a pty, and what goes wrong there."""

import os
from pathlib import Path

import pytest

from edge_runtime.core import ConfigError, EdgeError
from edge_runtime.sensors import device_kind, port_of
from edge_runtime.sensors.devices.modbus_rtu import crc, find_reply, quiet_s, request
from edge_runtime.sensors.devices.modbus_transmitters import TRANSMITTERS
from tests.edge.modbus_slaves import Heard, Slaves, sealed, settings
from tests.waiting import until

BANNER = bytes.fromhex("01030C002E006C062502060047 00B6BDF3".replace(" ", ""))
BANNER_REGISTERS = (0x2E, 0x6C, 0x625, 0x206, 0x47, 0xB6)


def test_published_requests_and_replies() -> None:
    assert request(1, 5200, 6) == bytes.fromhex("010314500006C029")
    assert request(0x50, 0x3A, 13) == bytes.fromhex("5003003A000DA983")
    assert find_reply(BANNER, 1, 6) == BANNER_REGISTERS
    decoded = TRANSMITTERS["qm42vt"].decoded(BANNER_REGISTERS)
    assert decoded == pytest.approx({"z_velocity": 0.108, "x_velocity": 0.182, "temperature": 25.9})
    cold = TRANSMITTERS["wtvb01"].decoded([1, 2, 3, 0, 0, 0, 2**16 - 1000, 7, 8, 9, 10, 11, 12])
    assert (cold["temperature"], cold["z_velocity"], cold["x_frequency"]) == (-10.0, 3.0, 10.0)


@pytest.mark.parametrize("size", range(1, 20))
def test_checksums_are_those_of_pymodbus(size: int) -> None:
    data = os.urandom(size)
    assert data + crc(data) == sealed(data)


def test_a_reply_is_found_behind_an_echo_and_noise_and_nowhere_else() -> None:
    echo = request(1, 5200, 6)
    assert find_reply(echo + b"\x01\x03\x0c" + BANNER, 1, 6) == BANNER_REGISTERS
    assert find_reply(echo + BANNER[:-1], 1, 6) is None
    assert find_reply(BANNER[:-2] + b"\0\0", 1, 6) is None
    assert find_reply(BANNER, 2, 6) is None
    assert find_reply(sealed(b"\x01\x83\x02"), 1, 6) == "it refuses with exception 2"
    assert quiet_s(9600) == pytest.approx(3.5 * 11 / 9600)


def test_a_line_gives_values_and_readings_and_a_dead_slave_holds_up_nobody() -> None:
    with Slaves([1, 2, 3], dead=[2]) as slaves:
        wanted = [settings(slaves, address, rate_hz=4.0) for address in (1, 2, 3)]
        with Heard(wanted) as heard:
            until(lambda: len(heard.frames[0]) > 6 and len(heard.frames[2]) > 6)
            until(lambda: heard.ports[1].lost > 5)
        first = heard.frames[0]
        counts = [round(float(frame.samples[0, 0]) * 1000) for frame in first]
        assert (counts[0], counts) == (1, sorted(set(counts)))
        # On a busy host an answer may come too late, and is counted.
        assert counts[-1] - len(counts) <= first[-1].overruns
        assert first[0].samples[0, 1] == pytest.approx(0.001)
        assert heard.frames[2][0].samples[0, 1] == pytest.approx(0.003)
        assert not heard.frames[1]
        found = heard.readings[0]
        assert found["temperature"].value == pytest.approx(-25.9)
        assert found["temperature"].unit == "degC"
        assert heard.ports[1].lost > max(heard.ports[0].lost, heard.ports[2].lost)


def test_answers_that_are_damaged_late_or_missing_are_counted_as_gaps() -> None:
    with Slaves([1]) as slaves, Heard([settings(slaves, 1, rate_hz=4.0)]) as heard:
        until(lambda: len(heard.frames[0]) > 2)
        slaves.spoil = [b"\xff" * 40, sealed(b"\x01\x83\x04")]
        until(lambda: heard.ports[0].lost >= 2)
        before = len(heard.frames[0])
        until(lambda: len(heard.frames[0]) > before + 1)
        assert heard.frames[0][-1].overruns >= 2


def test_a_line_that_is_flooded_ends_all_the_same() -> None:
    with Slaves([1]) as slaves, Heard([settings(slaves, 1, rate_hz=4.0)]) as heard:
        until(lambda: len(heard.frames[0]) > 1)
        slaves.spoil = [b"\x01\x03\x0c" * 1000] * 3
        until(lambda: heard.ports[0].lost >= 3)
        before = len(heard.frames[0])
        until(lambda: len(heard.frames[0]) > before)


def test_an_adapter_that_is_unplugged_is_opened_again(tmp_path: Path) -> None:
    link = tmp_path / "adapter"
    with Slaves([1, 2]) as first, Slaves([1, 2]) as second:
        link.symlink_to(first.path)
        wanted = [
            settings(first, address, port=f"modbus:qm42vt:{address}:{link}", rate_hz=4.0)
            for address in (1, 2)
        ]
        with Heard(wanted) as heard:
            until(lambda: all(heard.frames))
            link.unlink()
            link.symlink_to(second.path)
            first.over.set()
            first.join()
            os.close(first.master)
            until(lambda: min(second.asked.values()) > 1)
            assert all(reader.opened == 2 for reader in heard.readers)
        first.master = os.dup(second.master)


def test_two_sensors_of_one_address_or_two_speeds_are_refused() -> None:
    with Slaves([1]) as slaves, port_of(settings(slaves, 1)):
        with pytest.raises(EdgeError, match="two sensors have address 1"):
            port_of(settings(slaves, 1)).open()
        with pytest.raises(ConfigError, match="another sensor of this line has 115200 baud, this one 9600"):
            port_of(settings(slaves, 2, baud=9600)).open()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"port": "modbus:qm42vt:1"}, "names no transmitter"),
        ({"port": "modbus:other:1:/dev/ttyUSB0"}, "names no transmitter"),
        ({"port": "modbus:qm42vt:248:/dev/ttyUSB0"}, "names no transmitter"),
        ({"channels": ("y_velocity",)}, "has the channels z_velocity, x_velocity, temperature"),
        ({"channels": ("z_velocity", "temperature")}, "are in degC, mm/s, the site says mm/s"),
        ({"unit": "g"}, "the site says g"),
        ({"rate_hz": 100.0}, "0.01 to 10 times a second"),
        ({"port": "modbus:qm42vt:1:/dev/none"}, "cannot be used"),
    ],
)
def test_what_cannot_be_is_refused_in_words(changes: dict[str, object], why: str) -> None:
    with Slaves([1]) as slaves, pytest.raises(EdgeError, match=why):
        port_of(settings(slaves, 1, **changes)).open()


def test_the_doctor_finds_the_adapter_and_its_ports(tmp_path: Path) -> None:
    kind = device_kind("modbus:qm42vt:1:/dev/ttyUSB0")
    assert kind is not None
    folder = tmp_path / "dev/serial/by-id"
    folder.mkdir(parents=True)
    (folder / "usb-RS485").touch()
    assert kind.present(tmp_path) == ["modbus:KIND:ADDRESS:/dev/serial/by-id/usb-RS485"]
    assert kind.files("qm42vt:1:/dev/serial/by-id/usb-RS485", tmp_path) == (folder / "usb-RS485",)
    assert not kind.files("qm42vt:1:/dev/none", tmp_path)
    assert kind.is_numbered("qm42vt:1:/dev/ttyUSB0")
    assert not kind.is_numbered("qm42vt:1:/dev/serial/by-id/usb-RS485")

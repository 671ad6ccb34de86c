"""Registers for controllers: read by pymodbus's client and by mbpoll, written by nobody."""

import asyncio
import contextlib
import math
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from pymodbus import ModbusException
from pymodbus.client import ModbusTcpClient
from pymodbus.server import ModbusTcpServer

from docs import modbus as page
from edge_runtime.door import Access, Asker, Method, NoParams, modbus_server
from edge_runtime.door.modbus_server import Beat, Registers
from edge_runtime.door.service_numbers import ServiceNumbers
from edge_runtime.gateway.history.methods import HistoryParams
from edge_runtime.messages.modbus import (
    FIRST_SENSOR,
    GATEWAY,
    PER_SENSOR,
    SENSOR,
    Bit,
    SensorNow,
    gateway_words,
    sensor_words,
)
from tests.broker import Broker, free_port, needs_mosquitto, until
from tests.edge.doors import OpenDoor
from tests.edge.sites import EDGE, Site
from tests.processes import running

MBPOLL = shutil.which("mbpoll")
MOST_BYTES = 40 * 1024 * 1024
"""What the process may take."""


def sensor(**changes: Any) -> dict[str, Any]:
    said = {"name": "pump", "trouble": "", "figures": {"windows": 5.0}, "score": 2.5, "threshold": 1.5}
    return {**said, "alarms": {"anomaly": 1, "sensor_fault": 0}, **changes}


def number(words: list[int], at: int) -> float:
    return float(struct.unpack(">f", struct.pack(">HH", *words[at : at + 2]))[0])


def test_the_page_is_of_today_and_no_two_registers_share_a_place() -> None:
    assert page.PAGE.read_text() == page.render()
    for block, size in ((GATEWAY, FIRST_SENSOR), (SENSOR, PER_SENSOR)):
        places = [place for each in block for place in range(each.at, each.at + each.registers)]
        assert len(set(places)) == len(places)
        assert max(places) < size


def test_what_is_in_them() -> None:
    words = sensor_words(SensorNow(sensor(), 7, 3.9, 1.25, "Pumpe \u00e4 with a long name"))
    assert len(words) == PER_SENSOR
    assert words[:4] == [Bit.ANSWERS | Bit.CONNECTED | Bit.ANOMALY, 7, 3, 1]
    assert [number(words, at) for at in (4, 6, 8)] == [2.5, 1.5, 1.25]
    assert struct.pack(">10H", *words[10:20]) == b"Pumpe ? with a long "
    assert words[20:] == [0] * 10
    nothing = sensor_words(SensorNow(None, 7, math.inf, None, "x"))
    assert nothing[:4] == [0, 7, 65535, 0]
    assert all(math.isnan(number(nothing, at)) for at in (4, 6, 8))
    huge = sensor_words(
        SensorNow(sensor(score=1e300, threshold=-1e300, trouble="silent"), 0, 1e9, math.nan, "")
    )
    assert [number(huge, at) for at in (4, 6)] == [math.inf, -math.inf]
    assert math.isnan(number(huge, 8))
    assert huge[0] & Bit.TROUBLE
    gateway = gateway_words({"connected": True, "status": "degraded", "sensors": [sensor()] * 2}, 9, 2)
    assert gateway[:5] == [1, Bit.ANSWERS | Bit.CONNECTED | Bit.TROUBLE | Bit.ANOMALY, 9, 2, 2]
    assert gateway_words(None, 9, 2)[:5] == [1, 0, 9, 2, 0]


def test_the_heart_beats_while_windows_are_scored_and_for_no_other_reason() -> None:
    beat = Beat()

    def after(now_s: float, said: dict[str, Any] | None) -> tuple[int, float]:
        beat.look(said, now_s)
        return beat.heartbeat, beat.age_s(now_s)

    def windows(count: int, **changes: Any) -> dict[str, Any]:
        return sensor(figures={"windows": float(count)}, **changes)

    assert after(0, windows(5)) == (0, math.inf)
    assert after(1, windows(6)) == (1, 0)
    assert after(2, windows(6)) == (1, 1), "no window"
    assert after(3, None) == (1, 2), "no service"
    assert after(4, windows(2)) == (1, 3), "another service"
    assert after(5, windows(3)) == (2, 0)
    assert after(6, windows(4, trouble="silent")) == (2, 1)
    assert after(7, windows(5, alarms={"sensor_fault": 1})) == (2, 2)
    assert after(8, windows(6, alarms={"model_fault": 1})) == (2, 3)
    assert after(9, windows(7, score=None)) == (2, 4)
    assert after(10, windows(8, alarms={"anomaly": 1})) == (3, 0)
    beat.heartbeat = 65535
    assert after(11, windows(9)) == (0, 0)


class Fixed:
    """Registers that stay."""

    def __init__(self) -> None:
        self.words = list(range(FIRST_SENSOR + PER_SENSOR))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(modbus_server, "PERIOD_S", 0.05)
    port, loop = free_port(), asyncio.new_event_loop()
    registers: Any = Fixed()
    task = loop.create_task(modbus_server.serve("127.0.0.1", port, registers))

    def run() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(task)

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: _listens(port), what="the server")
    yield port
    loop.call_soon_threadsafe(task.cancel)
    thread.join()
    loop.run_until_complete(ModbusTcpServer.active_server.shutdown())
    loop.run_until_complete(asyncio.sleep(0.05))
    loop.close()


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def test_nothing_can_be_written_and_no_other_function_is_known(server: int) -> None:
    with ModbusTcpClient("127.0.0.1", port=server, timeout=10) as client:
        for read in (client.read_holding_registers, client.read_input_registers):
            assert read(3, count=4).registers == [3, 4, 5, 6]
            assert read(3, count=4, device_id=77).registers == [3, 4, 5, 6]
            assert read(FIRST_SENSOR + PER_SENSOR - 1, count=2).exception_code == 2
            assert read(60000, count=1).exception_code == 2
        for write in (
            client.write_register(3, 0),
            client.write_registers(3, [0, 0]),
            client.write_coil(3, True),
            client.mask_write_register(address=3),
            client.readwrite_registers(read_address=0, read_count=1, write_address=0, values=[1]),
            client.read_coils(0, count=1),
            client.diag_restart_communication(True),
            client.report_device_id(),
        ):
            assert write.exception_code == 1
        assert client.read_holding_registers(0, count=125).registers == list(range(125))
    with socket.create_connection(("127.0.0.1", server), 10) as line:
        line.sendall(bytes.fromhex("0001 0000 0006 01 08 0004 0000"))  # Force Listen Only Mode
        assert line.recv(100) == bytes.fromhex("0001 0000 0003 01 88 01")


@pytest.mark.parametrize(
    "sent", [b"\x00" * 100_000, b"GET / HTTP/1.1\r\n\r\n" * 1000, b"\x00\x01\x00\x00\xff\xff"]
)
def test_strangers_do_no_harm(server: int, sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Garbage, more connections than there may be, and those on which nothing is asked."""
    before = psutil.Process().memory_info().rss
    with contextlib.ExitStack() as stack:
        for _ in range(2 * modbus_server.MOST_CONNECTIONS):
            line = stack.enter_context(socket.create_connection(("127.0.0.1", server), 10))
            with contextlib.suppress(OSError):
                line.sendall(sent)
        monkeypatch.setattr(modbus_server, "IDLE_S", 0.1)

        def read() -> bool:
            client = ModbusTcpClient("127.0.0.1", port=server, timeout=1, retries=0)
            with contextlib.suppress(ModbusException, OSError), client:
                return bool(client.read_holding_registers(3, count=1).registers == [3])
            return False

        until(read, what="an answer")
    assert psutil.Process().memory_info().rss - before < 20 * 2**20


@needs_mosquitto
def test_beside_a_service(tmp_path: Path, broker: Broker) -> None:
    """The command itself: the heart stops with the sensor, and with the service; mbpoll reads the same."""
    broker.start()
    port = free_port()
    with Site(tmp_path, broker.port) as site:
        site.config.write_text(f'modbus.listen = "127.0.0.1:{port}"\n{site.config.read_text()}')
        site.start()
        with (
            running([*EDGE, "modbus", "--config", site.config]) as process,
            ModbusTcpClient("127.0.0.1", port=port, timeout=10) as client,
        ):
            until(lambda: _listens(port), what="the process")

            def words(at: int = FIRST_SENSOR, count: int = PER_SENSOR) -> list[int]:
                return list(client.read_input_registers(at, count=count).registers)

            with site.playing(0.3) as machine:
                until(lambda: words()[1] > 1, what="the heart beating")
                now = words()
                assert now[0] & (Bit.ANSWERS | Bit.CONNECTED) == Bit.ANSWERS | Bit.CONNECTED
                assert now[2] <= 3
                assert 0 < number(now, 4) < number(now, 6)
                assert struct.pack(">2H", *now[10:12]) == b"pump"
                if MBPOLL:
                    command = [
                        MBPOLL,
                        *["-m", "tcp", "-0", "-c", "2", "-t", "3:float", "-B", "-1", "-p"],
                        str(port),
                    ]
                    command += ["-r", str(FIRST_SENSOR + 4), "127.0.0.1"]
                    done = subprocess.run(command, capture_output=True, text=True, check=True)
                    read = [
                        float(value) for value in re.findall(r"^\[\d+\]:\s+(\S+)", done.stdout, re.MULTILINE)
                    ]
                    assert read[1] == pytest.approx(number(now, 6), rel=1e-4)
                machine.level = 3.0
                until(lambda: words()[0] & Bit.ANOMALY, what="the alarm")
            until(lambda: words()[0] & Bit.SENSOR_FAULT, what="the silence")
            still = words()[1]
            until(lambda: words()[2] >= 3, what="age")
            assert words()[1] == still
            assert psutil.Process(process.pid).memory_info().rss < MOST_BYTES
            site.stop()
            until(lambda: not words(0, 2)[1], what="the service being gone")
            gone = words()
            assert gone[0] == 0
            assert gone[1] == still
            assert math.isnan(number(gone, 4))
            second = subprocess.run(
                [*map(str, EDGE), "modbus", "--config", str(site.config)],
                capture_output=True,
                text=True,
                check=False,
            )
            assert second.returncode == 69
            assert "Traceback" not in second.stderr


class Told(OpenDoor):
    """A door at which a service tells of two sensors, one of them with a history."""

    def methods(self) -> list[Method]:
        def history(params: HistoryParams, _asker: Asker) -> dict[str, object]:
            if params.sensor != "pump":
                return {"rows": [], "next_s": None}
            values = [{"velocity.x": 1.0, "velocity.y": 2.5, "rms.x": 9.0}, {"rms.x": 9.0}]
            return {"rows": [{"time_s": 0, "values": each} for each in values], "next_s": None}

        said = {"connected": True, "status": "ok", "sensors": [sensor(), sensor(name="fan")]}
        return [
            Method("health", Access.READ, "Say.", NoParams, lambda _params, _asker: said),
            Method("history.read", Access.READ, "Read.", HistoryParams, history),
        ]


def test_velocity_is_of_the_history_and_of_the_channel_with_the_most(tmp_path: Path) -> None:
    with Told(tmp_path) as told:
        registers = Registers(["pump", "fan", "removed"], ServiceNumbers(told.path))
        registers.look_back()
        registers.look(0.0)
    blocks = [registers.words[FIRST_SENSOR + PER_SENSOR * place :][:PER_SENSOR] for place in range(3)]
    assert number(blocks[0], 8) == 2.5
    assert math.isnan(number(blocks[1], 8))
    assert [block[0] & Bit.ANSWERS for block in blocks] == [1, 1, 0]
    assert len(registers.words) == FIRST_SENSOR + 3 * PER_SENSOR


def test_the_service_loads_nothing_of_it() -> None:
    program = (
        "import sys, edge_runtime.gateway.service_loop\n"
        "late = 'edge_runtime.messages.modbus', 'pymodbus', 'asyncio'\n"
        "sys.exit(any(name in sys.modules for name in late))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

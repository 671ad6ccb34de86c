"""Registers for controllers over Modbus TCP, read-only, by a process of its own behind the door.

A thread asks the service once a second and makes the registers of what it says; the server hands them out. It
knows two functions, reading holding and input registers, which are the same here. Started by `edge-runtime
modbus`, which hands it what it read of the configuration.
"""

import asyncio
import json
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

from pymodbus import FramerType, pymodbus_apply_logging_config
from pymodbus.constants import ExcCodes
from pymodbus.pdu import ExceptionResponse
from pymodbus.server import ModbusTcpServer
from pymodbus.server.requesthandler import ServerRequestHandler
from pymodbus.simulator import DataType, SimData, SimDevice

from edge_runtime.core import EdgeError, UnavailableError, run_command
from edge_runtime.door.client import DoorClient
from edge_runtime.door.service_numbers import ServiceNumbers
from edge_runtime.messages.modbus import SensorNow, gateway_words, sensor_words

PERIOD_S: Final = 1.0
"""Between two questions."""
VELOCITY_S: Final = 30.0
"""Between two looks into the history, which has a value a minute."""
RECENT_S: Final = 180.0
"""Of the history that is asked for: a minute that has ended, also after one without vibration."""
MOST_CONNECTIONS: Final = 16
"""At a time; further ones are closed. A controller has one, or one a task."""
IDLE_S: Final = 120.0
"""A connection on which nothing is asked for so long is closed: a controller asks every second or minute."""
_WRAP: Final = 65536
_READING: Final = (3, 4)
"""Functions: Read Holding Registers, Read Input Registers (Modbus Application Protocol V1.1b3, section 6)."""
_BLIND: Final = ("sensor_fault", "model_fault")
"""Kinds of alarms during which there is no score."""
_log: Final = logging.getLogger("edge_runtime")


class Beat:
    """Whether windows of a sensor are scored, second by second."""

    def __init__(self) -> None:
        """None was yet."""
        self.heartbeat, self._windows, self._scored_s = 0, -1.0, float("-inf")

    def look(self, said: dict[str, Any] | None, now_s: float) -> None:
        """Take what the service says of it now."""
        if said is None:
            return
        windows = float(said["figures"].get("windows") or 0)
        blind = any(said["alarms"].get(kind) for kind in _BLIND) or said["trouble"] or said["score"] is None
        # The first look knows no earlier one, and a service that was started anew counts from 0.
        if 0 <= self._windows < windows and not blind:
            self.heartbeat, self._scored_s = (self.heartbeat + 1) % _WRAP, now_s
        self._windows = windows

    def age_s(self, now_s: float) -> float:
        """Seconds since the latest score; infinite before the first."""
        return now_s - self._scored_s


class Registers(threading.Thread):
    """Keeps them up to date."""

    def __init__(self, names: list[str], numbers: ServiceNumbers) -> None:
        """Of these sensors, in this order."""
        super().__init__(name="registers", daemon=True)
        self._names, self._numbers = names, numbers
        self._beats = {name: Beat() for name in names}
        self._velocity: dict[str, float] = {}
        self._refused = ""
        self._heartbeat, self._problem = 0, ""
        self.words: list[int] = []
        """All registers from 0; replaced as a whole."""
        self.look(time.monotonic())

    def run(self) -> None:
        """Look every second, for ever; into the history beside it, since a disk may keep that waiting."""
        threading.Thread(target=self._look_back, daemon=True).start()
        while True:
            time.sleep(PERIOD_S)
            try:
                self.look(time.monotonic())
            except Exception:  # noqa: BLE001  a fault of ours: the heartbeat stands still, as it should
                _log.exception("the registers cannot be made")

    def look(self, now_s: float) -> None:
        """Ask the service, and make them."""
        said = self._numbers.ask()
        if said.problem != self._problem:
            self._problem = said.problem
            _log.warning("%s", said.problem or "the service answers again")
        health = said.health
        if health is not None:
            self._heartbeat = (self._heartbeat + 1) % _WRAP
        sensors = {each["name"]: each for each in health["sensors"]} if health else {}
        words = gateway_words(health, self._heartbeat, len(self._names))
        for name in self._names:
            beat = self._beats[name]
            beat.look(sensors.get(name), now_s)
            velocity = self._velocity.get(name) if name in sensors else None
            now = SensorNow(sensors.get(name), beat.heartbeat, beat.age_s(now_s), velocity, name)
            words += sensor_words(now)
        self.words = words

    def _look_back(self) -> None:
        while True:
            try:
                self.look_back()
            except Exception:  # noqa: BLE001  a fault of ours: there is no velocity
                _log.exception("the history cannot be understood")
                self._velocity = {}
            time.sleep(VELOCITY_S)

    def look_back(self) -> None:
        """Take the velocity of each sensor that has any, as the history has it."""
        found, wall_s, refused = dict[str, float](), time.time(), ""
        span = {"since_s": wall_s - RECENT_S, "until_s": wall_s, "every": "minute"}
        for name in self._names:
            try:
                with DoorClient(*self._numbers.sockets) as client:
                    rows = client.call("history.read", sensor=name, **span)["rows"]
            except EdgeError as error:  # of one that is not watched any more, or of all
                refused = str(error)
                continue
            for row in rows:
                of_it = [value for key, value in row["values"].items() if key.startswith("velocity.")]
                found |= {name: max(of_it)} if of_it else {}
        if refused != self._refused:
            _log.info("no velocity: %s", refused or "it is there again")
        self._velocity, self._refused = found, refused


class Handler(ServerRequestHandler):
    """One connection."""

    def __init__(self, owner: "Server") -> None:
        super().__init__(owner, None, None, None)  # type: ignore[no-untyped-call]
        self.heard_s = time.monotonic()

    def callback_data(self, data: bytes, addr: tuple[Any, ...] | None = None) -> int:
        """Note that something came."""
        self.heard_s = time.monotonic()
        return int(super().callback_data(data, addr))

    async def handle_request(self) -> None:
        """Answer what is to be read, and refuse all else."""
        asked = self.last_pdu
        if asked is None or asked.function_code in _READING:
            await super().handle_request()  # type: ignore[no-untyped-call]
            return
        refusal = ExceptionResponse(asked.function_code, ExcCodes.ILLEGAL_FUNCTION)
        refusal.transaction_id, refusal.dev_id = asked.transaction_id, asked.dev_id
        self.server_send(refusal, self.last_addr)  # type: ignore[no-untyped-call]


class Server(ModbusTcpServer):
    """The server of some registers."""

    def __init__(self, host: str, port: int, registers: Registers) -> None:
        """Hand out these."""

        async def fresh(*said: Any) -> None:
            current = said[4]  # what is read now, to be changed in place
            current[:] = registers.words

        data = SimData(0, values=list(registers.words), datatype=DataType.REGISTERS, readonly=True)
        super().__init__(SimDevice(0, [data], action=fresh), framer=FramerType.SOCKET, address=(host, port))

    def callback_new_connection(self) -> Handler:
        """Take a connection, unless there are too many."""
        handler = Handler(self)
        if len(self.active_connections) >= MOST_CONNECTIONS:
            self.loop.call_soon(handler.close)
        return handler

    async def close_idle(self) -> None:
        """Close what nobody asks on, for ever."""
        while True:
            await asyncio.sleep(PERIOD_S)
            for handler in list(self.active_connections.values()):
                if isinstance(handler, Handler) and time.monotonic() - handler.heard_s > IDLE_S:
                    handler.close()


async def serve(host: str, port: int, registers: Registers) -> None:
    """Serve for ever. Raises UnavailableError where the address cannot be listened to."""
    server = Server(host, port, registers)
    if not await server.listen():
        remedy = "Set `[modbus] listen` to an address of this gateway and a free port from 1024 on"
        raise UnavailableError("cannot listen", where=f"{host}:{port}", remedy=remedy)
    await server.close_idle()


def main() -> None:
    """Serve: `python -m edge_runtime.door.modbus_server DESCRIPTOR`, a file with what was configured."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    with os.fdopen(int(sys.argv[1]), "rb") as file:
        file.seek(0)
        said = json.load(file)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    pymodbus_apply_logging_config(logging.CRITICAL)  # whatever a stranger sends would be a line of the log
    registers = Registers(said["sensors"], ServiceNumbers(*map(Path, said["sockets"])))
    registers.start()
    asyncio.run(serve(said["host"], said["port"], registers))


if __name__ == "__main__":
    run_command(main, "edge-runtime modbus")

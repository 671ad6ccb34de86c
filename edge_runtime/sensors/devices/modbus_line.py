"""One RS-485 line with several transmitters: a thread of its own asks them in turn: `ModbusLine`.

A slave that does not answer costs the others the time of one answer; after three times in a row it is asked
after a second, two, four, and at last once in ten seconds. What it should have given is counted.
"""

import contextlib
import os
import select
import threading
import time
from pathlib import Path
from typing import Final, Protocol

from edge_runtime.core import BusyError, ConfigError, EdgeError, UnavailableError
from edge_runtime.sensors.devices.modbus_rtu import find_reply, quiet_s, reply_bytes, request, wire_s
from edge_runtime.sensors.devices.modbus_transmitters import Transmitter
from edge_runtime.sensors.ports import Source

ANSWER_S: Final = 0.3
"""Longest wait for an answer beside its time on the wire. A judgement: transmitters answer within 50 ms, a
busy host reads later, and three dead slaves of a line cost the others a second once."""
PATIENCE: Final = 3
"""Answers that are missing in a row before a slave is rested."""
REST_S: Final = 10.0
"""Longest time between two questions to a slave that is rested."""
_DRAINS: Final = 4
"""Times 4096 bytes that are thrown away before a question: the kernel holds no more."""
_CLOSING_S: Final = 2.0
"""Longest wait for a port that is let go: whoever opens it next would find it held. A driver may hang."""
_IDLE_S: Final = 0.2
"""Longest sleep: a slave that joins is asked within it."""


class Slave(Protocol):
    """One transmitter on the line."""

    address: int
    kind: Transmitter
    period_s: float

    def take(self, registers: tuple[int, ...] | None) -> None:
        """Take an answer, or None for one that is missing; never waits."""

    def hang_up(self) -> None:
        """Nothing comes any more: the line is gone."""


class _Turn:
    """When a slave is asked, and how it went."""

    def __init__(self, slave: Slave, now_s: float) -> None:
        self.slave, self.due_s = slave, now_s
        self.failures = 0
        self.rested_until_s = now_s


class ModbusLine:
    """A serial port that several slaves share."""

    def __init__(self, path: Path, baud: int) -> None:
        """Name it; `join` opens it."""
        self._baud, self._source = baud, Source(str(path), baud)
        self._mutex = threading.Lock()
        self._turns: list[_Turn] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="modbus", daemon=True)
        self.answers = self.missing = 0
        """Of all slaves since it was opened."""

    @property
    def baud(self) -> int:
        """Bits per second."""
        return self._baud

    def start(self) -> None:
        """Open the port and begin to ask, once. Raises as `Source.open`."""
        self._source.open()
        self._thread.start()

    def add(self, slave: Slave) -> None:
        """Ask a slave, too. Raises BusyError where another sensor has its address."""
        with self._mutex:
            if self.is_over:
                raise UnavailableError("the line is gone", where=self._source.url, remedy="Plug it in")
            if any(turn.slave.address == slave.address for turn in self._turns):
                raise BusyError(
                    f"two sensors have address {slave.address}",
                    where=self._source.url,
                    remedy="Give each transmitter an address of its own",
                )
            self._turns.append(_Turn(slave, time.monotonic()))

    def remove(self, slave: Slave) -> bool:
        """Ask a slave no longer; return whether none is left, and then let go of the port."""
        with self._mutex:
            self._turns = [turn for turn in self._turns if turn.slave is not slave]
            if self._turns:
                return False
            self._over.set()
        self._thread.join(_CLOSING_S)
        return True

    @property
    def is_over(self) -> bool:
        """Whether it was closed, or the port went away."""
        return self._over.is_set()

    def _run(self) -> None:
        try:
            while not self._over.is_set():
                with self._mutex:
                    turn = min(self._turns, key=lambda each: each.due_s, default=None)
                wait_s = _IDLE_S if turn is None else turn.due_s - time.monotonic()
                if turn is None or wait_s > 0:
                    self._over.wait(min(wait_s, _IDLE_S))
                    continue
                self._ask(turn)
        except EdgeError:
            pass  # the port went away, and all slaves learn it
        finally:
            self._source.close()
            with self._mutex:
                self._over.set()
                turns, self._turns = self._turns, []
            for turn in turns:
                turn.slave.hang_up()

    def _ask(self, turn: _Turn) -> None:
        """Ask one slave, and hand on what it said. Raises UnavailableError where the port went away."""
        slave, now_s = turn.slave, time.monotonic()
        resting = now_s < turn.rested_until_s
        found = None if resting else self.answer_of(slave)
        turn.failures = 0 if found else turn.failures + (not resting)
        if turn.failures >= PATIENCE and not resting:
            turn.rested_until_s = now_s + min(REST_S, 2.0 ** (turn.failures - PATIENCE))
        turn.due_s += slave.period_s
        # Where the line cannot keep up, turns that passed are missing.
        passed = max(0, int((time.monotonic() - turn.due_s) / slave.period_s))
        turn.due_s += passed * slave.period_s
        with self._mutex:
            if turn not in self._turns:
                return
            self.answers, self.missing = self.answers + bool(found), self.missing + (not found) + passed
            slave.take(found)
            for _ in range(passed):
                slave.take(None)

    def answer_of(self, slave: Slave) -> tuple[int, ...] | None:
        """Ask a slave and wait for its registers; None for no answer. Raises UnavailableError."""
        descriptor = self._source.descriptor
        if descriptor is None:
            raise UnavailableError("the port is closed", where=self._source.url, remedy="Open it again")
        for _ in range(_DRAINS):  # noise, or an answer that came too late; what never ends is noise as well
            if not select.select([descriptor], [], [], 0)[0]:
                break
            self._source.drain()
        asked = request(slave.address, slave.kind.first, slave.kind.count)
        self._source.write(asked)
        size = len(asked) + reply_bytes(slave.kind.count)
        until_s = time.monotonic() + ANSWER_S + wire_s(size, self._baud)
        came, found = b"", None
        while found is None and len(came) < 4 * size:
            # What is there counts though this thread comes late: a busy host is no dead slave.
            if not select.select([descriptor], [], [], max(0.0, until_s - time.monotonic()))[0]:
                break
            came += self._source.drain()
            found = find_reply(came, slave.address, slave.kind.count)
        time.sleep(quiet_s(self._baud))
        return None if isinstance(found, str) else found


_LINES: dict[str, ModbusLine] = {}
_JOINING = threading.Lock()


def join(path: Path, baud: int, slave: Slave) -> ModbusLine:
    """Put a slave on the line of a port, which is opened with the first. Raises as `Source.open`, ConfigError
    for another baud rate than the line has, BusyError for an address that another sensor has."""
    key = os.path.realpath(path)
    with _JOINING:
        line = _LINES.get(key)
        if line is None or line.is_over:
            line = ModbusLine(path, baud)
            line.start()
            _LINES[key] = line
        if line.baud != baud:
            raise ConfigError(
                f"another sensor of this line has {line.baud} baud, this one {baud}",
                where=str(path),
                remedy="Set all transmitters of a line, and their sensors, to one baud rate",
            )
        line.add(slave)
        return line


def leave(path: Path, slave: Slave) -> None:
    """Take a slave from its line; never raises."""
    key = os.path.realpath(path)
    with _JOINING, contextlib.suppress(KeyError):
        if _LINES[key].remove(slave):
            del _LINES[key]

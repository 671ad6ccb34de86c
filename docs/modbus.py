"""Writes modbus.md from the map of registers: `python -m docs.modbus`."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from docs.reference import member_docs
from edge_runtime.messages.modbus import FIRST_SENSOR, GATEWAY, PER_SENSOR, SENSOR, Bit, Register

PAGE = Path(__file__).with_suffix(".md")
HEAD = f"""\
# Modbus TCP

Controllers read the gateway's numbers as registers, and cannot write any.

```
pip install 'steadyhum[plant]'              # pymodbus; the Debian package has it
edge-runtime modbus --config edge.toml      # with the package: systemctl enable --now edge-runtime-modbus
```

A process of its own asks the service through its [local socket](protocol.md#the-local-socket) once a second
and answers at `[modbus] listen`, `127.0.0.1:1502` by default; the service opens no port. Modbus knows no
password and no encryption: beyond the loopback let a firewall decide who reaches it. It takes 29 MB. At a
time 16 connections are served, and one on which nothing is asked for two minutes is closed.

Functions 3 and 4 (holding and input registers) read the same; any other is answered with exception 1, and
an address that there is not with exception 2. Any unit id is answered. Addresses here are those in the
request, from 0; controllers that count from 1 add one, so that register 100 is 30101 or 40101. Numbers of
two registers have the high word first, a float without a value is NaN.

**Judge by the heartbeat.** A sensor's stands still within a few windows of the last score: the sensor is
silent or at fault, its model gives no score, the service has stopped, or this process cannot ask it. Let
the controller raise its own alarm when it has not changed for longer than the time between two windows and
some seconds; all other registers keep their last value or say that there is none. The plain
[events](protocol.md#topics) are the way on which no alarm is lost.

The order of sensors is that of the configuration: restart this process when it changes, and compare the name.
`mbpoll -m tcp -p 1502 -0 -r {FIRST_SENSOR + 4} -c 2 -t 3:float -B -1 127.0.0.1` reads score and threshold
of the first sensor.
"""


def render() -> str:
    """Return the page."""
    parts = [HEAD, *_block("The gateway, from 0", GATEWAY)]
    parts += _block(f"Each sensor, from {FIRST_SENSOR} + {PER_SENSOR} n, n from 0", SENSOR)
    parts += ["## Bits of a status", "", "| bit | value | name | set while |", "|---|---|---|---|"]
    said = member_docs(Bit)
    for place, bit in enumerate(Bit):
        parts.append(f"| {place} | {bit.value} | {str(bit.name).lower()} | {said[str(bit.name)]} |")
    return "\n".join([*parts, ""])


def _block(title: str, block: Sequence[Register]) -> Iterator[str]:
    yield from (f"## {title}", "", "| register | name | type | meaning |", "|---|---|---|---|")
    for register in block:
        last = register.at + register.registers - 1
        place = f"+{register.at}" if last == register.at else f"+{register.at} to +{last}"
        yield f"| {place} | {register.name} | {register.kind} | {register.meaning} |"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")

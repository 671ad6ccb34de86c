"""Sound cards that are accelerometers, and the calibration in their names: `find`, `calibration_of`.

Of the Digiducer 333D01 and PCB's 485B39 and 633A01 the name says all: model (6 characters), a digit for the
format, serial number (6), the sensitivities of both channels and a date. Source: the interface guide of the
Digiducer and its maker's sample programs.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_runtime.core import ConfigError, UnavailableError, printable
from edge_runtime.sensors.devices.units import ACCELERATION, VOLTAGE

CARDS: Final = "proc/asound/cards"
_CARD: Final = re.compile(r"\s*(\d+) \[(\S+)\s*\]: (.*)")
_NAMED: Final = re.compile(r"(485B\d\d|633A\d\d|333D\d\d|SDC0\d\d)\W?(\d)(\w{6})(\d+)")
_FIELDS: Final = {1: (ACCELERATION, 5, 1), 2: (VOLTAGE, 7, 1), 3: (VOLTAGE, 7, 20)}
"""By the digit of the format: the unit, the digits of a sensitivity, and of how many of what it states one of
the unit is made: the third states counts of 50 mV."""
FULL_SCALE: Final = 2**23
"""Counts that the sensitivities are of: 24 bits."""
_OWN: Final = re.compile(r"[\w:=,.-]+")
_CONVERTING: Final = (
    "plughw",
    "plug",
    "default",
    "sysdefault",
    "dsnoop",
    "pulse",
    "pipewire",
    "jack",
    "null",
)
"""PCMs of ALSA that change rate and channels without a word, or are other programs."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a device's name says."""

    model: str
    serial: str
    unit: str
    counts: tuple[float, float]
    """Of both channels: counts of 24 bits for one of the unit."""


@dataclass(frozen=True, slots=True)
class Card:
    """A sound card."""

    number: int
    id: str
    """ALSA's short name of it."""
    name: str
    calibration: Calibration | None


def calibration_of(name: str) -> Calibration | None:
    """What a card's name says; None where it states no calibration in a format that is known."""
    found = _NAMED.search(name)
    fields = _FIELDS.get(int(found[2])) if found else None
    if found is None or fields is None:
        return None
    unit, digits, each = fields
    numbers = [found[4][at : at + digits] for at in (0, digits)]
    if len(numbers[1]) < digits or not all(map(int, numbers)):
        return None
    first, second = (float(each * int(number)) for number in numbers)
    return Calibration(found[1], found[3], unit, (first, second))


def cards(root: Path) -> list[Card]:
    """The sound cards that are there."""
    try:
        lines = (root / CARDS).read_text(errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if card := _CARD.match(line):
            calibration = calibration_of(card[3]) or calibration_of(below)
            found.append(Card(int(card[1]), card[2], card[3], calibration))
    return found


def present(root: Path) -> list[str]:
    """Ports of the cards that are there, by serial number where they state it."""
    said = [(card.calibration.serial if card.calibration else card.id, card.name) for card in cards(root)]
    return [f"alsa:{port} ({printable(name)})" for port, name in said]


def find(name: str, root: Path, where: str) -> tuple[str, Card | None]:
    """What ALSA calls a port, and the card that it is on; None for one of ALSA's own configuration.

    `name` is a card's id, model or serial number, or a PCM such as `hw:CARD=Digiducer` or one of asound.conf.
    Raises UnavailableError for a card that is not there, ConfigError where the name is of several or of one
    that converts.
    """
    there = cards(root)
    kind, _, of = name.partition(":")
    if kind in _CONVERTING or not _OWN.fullmatch(name):
        raise ConfigError(
            f"{name!r} is no card: it may convert rate and channels without a word",
            where=where,
            remedy=_remedy(there),
        )
    wanted = of.partition(",")[0].removeprefix("CARD=") if kind == "hw" else name
    found = [card for card in there if wanted in _names(card, by_number=kind == "hw")]
    if len(found) > 1:
        raise ConfigError(f"{len(found)} cards are {wanted!r}", where=where, remedy=_remedy(there))
    if kind == "hw":
        if not found:
            raise UnavailableError("no sound card of this name is there", where=where, remedy=_remedy(there))
        return name, found[0]
    return (f"hw:CARD={found[0].id},DEV=0", found[0]) if found else (name, None)


def _names(card: Card, *, by_number: bool) -> Sequence[str]:
    said = (card.calibration.model, card.calibration.serial) if card.calibration else ()
    return (card.id, str(card.number)) if by_number else (card.id, *said)


def _remedy(there: Sequence[Card]) -> str:
    names = ", ".join(f"alsa:{card.calibration.serial if card.calibration else card.id}" for card in there)
    return f"Plug the sensor in, or set port to one of those present: {printable(names, 200) or 'none'}"

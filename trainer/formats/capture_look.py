"""What a capture is of: said by the child that read it, checked by the parent."""

from dataclasses import dataclass
from typing import Final

from edge_runtime.core import printable
from trainer.formats.answer import HIGHEST_RATE_HZ, LOWEST_RATE_HZ, number_in
from trainer.formats.contract import WHOLE, Refusal

_MOST: Final = 10_000
"""Channels, or changes of what the notes say: more than any sensor or capture has."""
_MANY: Final = 2.0**53
_TEXT: Final = 500
"""Characters of a name: longer ones are cut by the child."""


@dataclass(frozen=True, slots=True)
class CapturePart:
    """Seconds over which the notes say the same."""

    begin_s: float
    label: str
    """`normal`, or what is wrong with the machine; empty where no note says it."""
    condition: str
    """The operating condition; empty where no note says it."""
    sensor: str
    """As the gateway that recorded it names the sensor; empty where no note says it."""
    time: str
    """When it was recorded, as the note has it; empty where none says it."""


@dataclass(frozen=True, slots=True)
class CaptureLook:
    """What frames, hellos and notes of one capture say."""

    rate_hz: float
    channels: tuple[str, ...]
    """The sensor's names; ch0, ch1 and so on where no hello says them."""
    unit: str
    """Empty where no hello says it."""
    range: float | None
    """Largest magnitude that the sensor reports, in its unit; None where no hello says it."""
    seconds: float
    pieces: int
    """Frames, statements and what is neither."""
    damaged: int
    """Of these, pieces that are neither."""
    parts: tuple[CapturePart, ...]
    """At least one, in order of time."""


def check_look(answer: object) -> CaptureLook:
    """Check what the child says. Raises Refusal where it makes no sense, or with what is wrong."""
    if isinstance(answer, dict) and "error" in answer:
        raise Refusal(
            printable(answer["error"], 2000), printable(answer.get("remedy", "Check the file"), 2000)
        )
    said = answer.get("look") if isinstance(answer, dict) else None
    if not isinstance(said, dict):
        raise Refusal("the parser crashed or took too long", "The file is damaged; record it again")
    range_ = said.get("range")
    return CaptureLook(
        rate_hz=number_in(said.get("rate_hz"), LOWEST_RATE_HZ, HIGHEST_RATE_HZ, "rate_hz"),
        channels=tuple(_text(name) for name in _list(said.get("channels"))),
        unit=_text(said.get("unit")),
        range=None if range_ is None else number_in(range_, 0.0, WHOLE[1], "range"),
        seconds=number_in(said.get("seconds"), 0.0, WHOLE[1], "seconds"),
        pieces=int(number_in(said.get("pieces"), 0.0, _MANY, "pieces")),
        damaged=int(number_in(said.get("damaged"), 0.0, _MANY, "damaged")),
        parts=tuple(
            CapturePart(
                number_in(part.get("begin_s"), 0.0, WHOLE[1], "begin_s"),
                *(_text(part.get(name)) for name in ("label", "condition", "sensor", "time")),
            )
            for part in _list(said.get("parts"))
            if isinstance(part, dict)
        ),
    )


def _list(value: object) -> list[object]:
    if not isinstance(value, list) or not 1 <= len(value) <= _MOST:
        raise Refusal("the parser's answer makes no sense", "The file is damaged; record it again")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > _TEXT or printable(value, _TEXT) != value:
        raise Refusal("the parser's answer makes no sense", "The file is damaged; record it again")
    return value

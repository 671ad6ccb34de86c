"""What the program writes of a capture into it, in a note before its first frame: `CaptureNote`. Pure.

An index of captures is made from these notes, and kept nowhere beside them.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from edge_runtime.core import Note

_MOST_CHARS: Final = 500
"""Of a text that is taken over from a capture, which anybody may have written."""


@dataclass(frozen=True, slots=True)
class CaptureNote:
    """Of one file. What a note leaves out, such as one that somebody else wrote, is empty."""

    sensor: str = ""
    """As the configuration names it."""
    machine: str = ""
    """What the sensor sits on; empty where the configuration does not say."""
    label: str = ""
    """`normal`, or the name of a fault."""
    condition: str = ""
    """The operating condition, such as `full load`."""
    started_by: str = ""
    """Who asked for it."""
    time: str = ""
    """When the file began by the gateway's clock, RFC 3339 in UTC."""
    clock_ok: bool = False
    """Whether that clock could be trusted."""
    recording: str = ""
    """Id of the recording: files with the same one belong together."""
    part: int = 0
    """Counts the files of a recording from 1."""
    every_s: float = 0.0
    """Of snapshots, the seconds from the beginning of one to that of the next; 0 of a recording that has no
    pauses."""

    def note(self, sensor_id: int = 0, boot_id: int = 0) -> Note:
        """The note that says so."""
        return Note(sensor_id, boot_id, asdict(self))

    @staticmethod
    def of(note: Note) -> "CaptureNote":
        """Read a note; members of another type, or too long, are left out."""
        members: dict[str, Any] = {}
        for field in fields(CaptureNote):
            value: Any = note.members.get(field.name)
            if isinstance(field.default, float) and type(value) is int:
                value = float(value)
            if type(value) is type(field.default) and not (type(value) is str and len(value) > _MOST_CHARS):
                members[field.name] = value
        return CaptureNote(**members)

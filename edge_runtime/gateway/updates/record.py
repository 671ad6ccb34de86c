"""What was done to each sensor's model, and what is not tried again: `Record`, one small file."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from edge_runtime.core import printable, read_small, write_whole

FILE: Final = "record.json"
_MOST_BYTES: Final = 4 * 1024**2
_MOST_ENTRIES: Final = 50
"""Of each sensor: a model a week for a year. The oldest go first."""
_MOST_TEXT: Final = 300


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was done, or refused."""

    at_s: float
    """Wall time, seconds since 1970."""
    what: str
    """`installed`, `back`, `withdrawn` or `refused`."""
    sha256: str
    """Of the model that it is about; empty for the site's own file."""
    target: str = ""
    """Its name in the signed list."""
    source: str = ""
    """Where it came from."""
    who: str = ""
    why: str = ""

    @classmethod
    def of(cls, body: dict[str, Any]) -> Self:
        """Take what was read. Raises ValueError or TypeError for anything else."""
        texts = {name: str(value) for name, value in body.items() if name != "at_s"}
        return cls(float(body["at_s"]), **texts)


@dataclass(slots=True)
class Record:
    """The file. What cannot be read is as if it were not there: only who did what is lost with it."""

    entries: dict[str, list[Entry]] = field(default_factory=dict)
    """By sensor, the oldest first."""
    refused: dict[str, dict[str, str]] = field(default_factory=dict)
    """By sensor and SHA-256: why that model is not tried again."""

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read it."""
        try:
            body = json.loads(read_small(folder / FILE, _MOST_BYTES))
            entries = {name: [Entry.of(each) for each in said] for name, said in body["entries"].items()}
            refused = {name: dict(said) for name, said in body["refused"].items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return cls()
        return cls(entries, refused)

    def note(self, folder: Path, sensor: str, entry: Entry, *, never_again: bool = False) -> None:
        """Add one, on disk before this returns. Raises OSError.

        A refusal that says what the last entry says is not written again: a timer tries every hour.
        """
        entry = Entry(**{name: text_of(value) for name, value in asdict(entry).items()})
        said = self.entries.setdefault(sensor, [])
        if said and entry.what == "refused" and _same(said[-1], entry) and not never_again:
            return
        self.entries[sensor] = [*said, entry][-_MOST_ENTRIES:]
        if never_again:
            refused = self.refused.setdefault(sensor, {})
            refused[entry.sha256] = entry.why
            self.refused[sensor] = dict(list(refused.items())[-_MOST_ENTRIES:])
        body = {"entries": {name: [asdict(each) for each in all_] for name, all_ in self.entries.items()}}
        write_whole(folder / FILE, json.dumps({**body, "refused": self.refused}, indent=1).encode())


def text_of(value: Any) -> Any:
    """Foreign text, of a length that can be kept."""
    return printable(value, _MOST_TEXT) if isinstance(value, str) else value


def _same(one: Entry, other: Entry) -> bool:
    return (one.what, one.sha256, one.why) == (other.what, other.sha256, other.why)

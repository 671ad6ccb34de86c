"""What is known of one machine: `record.json` in its folder, written last, so that all it says is there.

Nothing in it changes with when or where the fit was done; how long it took lies beside it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Self

from edge_runtime.core import VERSION
from trainer.core import write_text
from trainer.fleet.plan import PlannedMachine
from trainer.fleet.sources import Stamp

RECORD: Final = "record.json"
TOOK: Final = ".took.json"
MODEL: Final = "model.onnx"
FITTED: Final = "fitted"
FAILED: Final = "failed"
_FORM: Final = 1
"""Raised with every change of what is written into a machine's folder."""


@dataclass(frozen=True, slots=True)
class Record:
    """What became of one machine."""

    machine: str
    outcome: str
    key: str
    """Of what it was made from: settings, names and contents of all files, and this program's version."""
    site: str = ""
    kind: str = ""
    stamps: tuple[Stamp, ...] = ()
    lasting: bool = True
    """Whether a run with the same key would come to the same; not where a process ended or a disk was
    full."""
    what: str = ""
    """Of a failure: what went wrong, where, and what can be done."""
    where: str = ""
    remedy: str = ""
    files: Mapping[str, int] = field(default_factory=dict)
    """Names and bytes of what was written."""
    detector: str = ""
    chosen: str = ""
    """Why `auto` took it; empty where it was asked for."""
    supported: bool = False
    """Whether the data support the threshold."""
    hears: bool = False
    """Whether it would hear any of the standard faults."""
    statement: str = ""
    hearing: str = ""
    hours: float = 0.0
    """Of normal vibration."""
    conditions: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    """What to record next."""
    findings: tuple[str, ...] = ()
    """What is odd about the recordings, and was accepted."""
    sensor: str = ""
    """Rate, channels and unit in words: machines are compared where these agree."""
    outline: tuple[float, ...] = ()
    """Level of each channel in each band, dB."""
    bands: tuple[str, ...] = ()
    """Names of these."""

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Read the record in a machine's folder; None where there is none that makes sense."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
            if found.pop("form") != _FORM:
                return None
            found["stamps"] = tuple((str(a), int(b), int(c), str(d)) for a, b, c, d in found["stamps"])
            lists = {
                name: tuple(found[name]) for name in ("conditions", "advice", "findings", "outline", "bands")
            }
            if set(found) != {each.name for each in fields(cls)}:
                return None
            return cls(**{**found, **lists})
        return None

    def write(self, folder: Path) -> None:
        """Write it. Raises AccessError or UnavailableError."""
        text = json.dumps({"form": _FORM, **asdict(self)}, indent=1, allow_nan=False)
        write_text(folder / RECORD, text + "\n")

    def stands(self, key: str, folder: Path) -> bool:
        """Whether it is of that key, and all that was written is there."""
        return (
            self.key == key
            and self.lasting
            and all(
                (folder / name).is_file() and (folder / name).stat().st_size == size
                for name, size in self.files.items()
            )
        )


def key_of(machine: PlannedMachine, stamps: Sequence[Stamp], report: bool) -> str:
    """Return the key of what a machine's files are made from."""
    said = {
        "form": _FORM,
        "version": VERSION,
        "order": {**asdict(machine.order), "policy": None},
        "auto": machine.auto,
        "report": report,
        "files": [(name, digest) for name, _, _, digest in stamps],
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def read_took(folder: Path) -> tuple[float, int] | None:
    """Seconds that the fit took and bytes that were read; None where that is not known."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        found: Any = json.loads((folder / TOOK).read_text(encoding="utf-8"))
        return float(found["seconds"]), int(found["bytes"])
    return None

"""What was asked to be recorded and how far it has come: `Order`, `Job`. Pure.

Time counts while the service runs: what a reboot takes is made up for at the end, and no step of the wall
clock shortens or lengthens a recording.
"""

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import Any, Final

from edge_runtime.analysis import LevelReading
from edge_runtime.core import DataError

MOST_CHARS: Final = 80
"""Of a condition and a label: they stand in file names, tables and reports."""
LONGEST_S: Final = 366 * 86400.0
"""A year, with its leap day; longer is a slip of the unit."""
SHORTEST_S: Final = 1.0
"""Of a recording and of a snapshot: shorter ones hold no level."""
GONE: Final = "the sensor was taken out of the configuration"
"""Why a job ends that has no sensor any more."""
SCHEMA: Final = 1
_SAMPLE_BYTES: Final = 2
"""Of the smallest sample that a sensor sends, int16."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to record."""

    sensor: str
    condition: str
    """The operating condition, such as `full load`."""
    for_s: float
    """Seconds of the whole."""
    label: str = "normal"
    """`normal`, or the name of a fault."""
    take_s: float = 0.0
    """Of snapshots, the length of one; 0 for a recording without pauses."""
    every_s: float = 0.0
    """Of snapshots, the seconds from the beginning of one to that of the next; else 0."""
    folder: str = ""
    """Where it is to go, one folder for each sensor; empty for where the service keeps captures."""

    @property
    def is_series(self) -> bool:
        """Whether it consists of snapshots."""
        return self.take_s > 0

    def check(self) -> None:
        """Raise DataError for what cannot be recorded, whatever the sensor."""
        for name in ("condition", "label"):
            text = getattr(self, name)
            if not (text.strip() and len(text) <= MOST_CHARS and text.isprintable()):
                what = f"the {name} has {len(text)} characters, must be 1 to {MOST_CHARS} printable ones"
                raise DataError(what, where=f"--{name}", remedy=f"Name the {name} in a few words")
        _check_span("--for", self.for_s)
        if not self.take_s and not self.every_s:
            return
        if not (self.take_s and self.every_s):
            remedy = "Give both, as --take 10s --every 10min, or neither"
            raise DataError("a snapshot needs its length and how often", where="--take", remedy=remedy)
        _check_span("--take", self.take_s)
        if not self.take_s < self.every_s <= self.for_s:
            what = f"{self.take_s:g} s every {self.every_s:g} s for {self.for_s:g} s are no snapshots"
            raise DataError(
                what, where="--every", remedy="Let --take be shorter than --every, and that than --for"
            )

    def least_bytes(self, rate_hz: float, channels: int) -> float:
        """Bytes that a sensor gives meanwhile at the least.

        Of snapshots, the bytes of three, which no thinning spares: the first, the last, and the one being
        taken.
        """
        taken_s = min(self.for_s, 3 * self.take_s) if self.is_series else self.for_s
        return taken_s * rate_hz * channels * _SAMPLE_BYTES


def _check_span(name: str, span_s: float) -> None:
    if not SHORTEST_S <= span_s <= LONGEST_S:
        what = f"{span_s:g} s is no length of a recording"
        raise DataError(what, where=name, remedy=f"Give {SHORTEST_S:g} s to {LONGEST_S / 86400:g} days")


@dataclass(frozen=True, slots=True)
class Job:
    """An order that was taken up."""

    order: Order
    id: str
    machine: str
    started_by: str
    started: str
    """When it was taken up by the gateway's clock, RFC 3339 in UTC."""
    elapsed_s: float = 0.0
    """Seconds of it that have passed, pauses of snapshots included."""
    held_s: float = 0.0
    """Of these, seconds in which the disk took nothing."""
    files: int = 0
    """Captures begun."""
    bytes: int = 0
    """Bytes of those that have ended."""
    ended: str = ""
    """Why it has ended, such as `complete`; empty while it goes on."""
    other_disk: bool = False
    """Whether the folder was on another disk than the service's own when it was taken up."""

    @property
    def is_taking(self) -> bool:
        """Whether the sensor is recorded now, and it is no pause between two snapshots."""
        order = self.order
        return not order.is_series or self.elapsed_s % order.every_s < order.take_s

    @property
    def snapshot(self) -> int:
        """Counts the snapshots from 0; 0 throughout a recording without pauses."""
        return int(self.elapsed_s // self.order.every_s) if self.order.is_series else 0

    @property
    def is_over(self) -> bool:
        """Whether all of it has passed."""
        return self.elapsed_s >= self.order.for_s


@dataclass(frozen=True, slots=True)
class Progress:
    """How a recording stands."""

    job: Job
    state: str
    """`recording`, `pause` between snapshots, `held` while the disk takes nothing, `ended`."""
    written_bytes: int
    lost_bytes: int
    """Of the sensor, not written: the disk refused them, or was too slow."""
    level: LevelReading
    held: str
    """Why nothing is written now; empty where something is."""
    clock: str
    """What is wrong with the times in the names and notes; empty where nothing is."""


def encode_job(job: Job) -> bytes:
    """The job's file."""
    return json.dumps({"schema": SCHEMA} | dataclasses.asdict(job), indent=1).encode()


def parse_job(data: bytes) -> Job:
    """Read a job's file. Raises DataError for whatever was not written by `encode_job`."""
    try:
        body = json.loads(data)
        if body.pop("schema") != SCHEMA:
            raise ValueError("another schema")
        order = _build(Order, body.pop("order"))
        order.check()
        job: Job = _build(Job, body | {"order": order})
        return job
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, DataError) as error:
        what = f"it is no job of this program ({type(error).__name__})"
        raise DataError(
            what, remedy="Remove the file; what was recorded is in the folder of captures"
        ) from error


def _build(kind: Any, body: dict[str, Any]) -> Any:
    """Make the dataclass of a JSON object that has its fields, all of them, and of their types."""
    for field in dataclasses.fields(kind):
        value = body[field.name]
        if type(value) is int and field.type is float:
            body[field.name] = value = float(value)
        if type(value) is not field.type or (isinstance(value, float) and not 0 <= value < math.inf):
            raise ValueError(f"{field.name} is {value!r}")
    return kind(**body)

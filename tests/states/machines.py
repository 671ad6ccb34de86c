"""Machines whose states were recorded: of each recording the first half to learn from, the second to test.

The fan's files are a second each, joined in their order; no CWRU recording is of a machine that stands still,
so that noise at a fiftieth of its level stands in for one.
"""

import io
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from edge_runtime.core import NOT_RUNNING, AlarmPolicy, Manifest, Samples
from tests.shared import FULL, SAMPLE
from tests.states.course import Day
from trainer import fitting
from trainer.recordings import NORMAL, Recording, cwru_list, load_list, recording_from_array, write_list

_LIFE: Final = 1_000_000
"""Seed of what is learnt from: no day that is tested has it."""
STILL_LEVEL: Final = 0.02
"""Of the noise that stands in for a standing machine: RMS as a share of the running one's."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What was recorded of one machine, as arrays [samples, channels]."""

    name: str
    rate_hz: float
    channels: tuple[str, ...]
    lowpass_hz: float | None
    samples: int
    hop: int
    piece: int
    """Samples that were recorded without a gap."""
    votes: tuple[int, int]
    """Of the alarm: over half a second of the bearings', over eight of the fan's, whose windows come every
    0.3 s and differ by more than a coin on a blade makes of one of them."""
    learnt: Mapping[str, Samples]
    """By condition, to learn from."""
    kept: Mapping[str, Samples]
    """By condition, to test with."""
    faults: Mapping[str, tuple[str, Samples]]
    """By their names: the condition that the machine ran in, and what was recorded."""

    def order(self, detector: str) -> fitting.Order:
        """What is asked of the trainer."""
        return fitting.Order(
            detector,
            samples=self.samples,
            hop=self.hop,
            policy=AlarmPolicy(votes=self.votes),
            states=True,
            power=False,
            best_effort=True,
        )

    def fit(self, detector: str, path: Path, without: str = "") -> Manifest:
        """Fit on the first halves, those of one condition left out, and write the file."""
        day = Day(self.learnt, self.rate_hz, self.piece, _LIFE)
        recordings = tuple(self.recording(day.lived(name), name) for name in self.learnt if name != without)
        order = self.order(detector)
        return fitting.write(fitting.fit(recordings, order), order, path)

    def recording(self, part: Samples, condition: str) -> Recording:
        """Samples as a recording of a list."""
        return recording_from_array(
            part,
            rate_hz=self.rate_hz,
            condition=condition,
            channels=self.channels,
            lowpass_hz=self.lowpass_hz,
            name=condition,
        )


def fan() -> Machine:
    """The ceiling fan: off, low, medium, high, and with a coin on a blade."""
    found: dict[str, list[Samples]] = {}
    with zipfile.ZipFile(FULL / "ceiling_fan" / "ceiling_fan.zip") as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".csv"):
                table = np.loadtxt(io.BytesIO(archive.read(name)), delimiter=",", dtype=np.float32)
                found.setdefault(name.split("/")[-2], []).append(table[:, :3])
    whole = {
        (NOT_RUNNING if state == "off" else state): np.concatenate(found[f"fan_0_{state}_0_weight"])
        for state in ("off", "low", "med", "high")
    }
    faults = {
        f"coin at {state}": (state, np.concatenate(found[f"fan_0_{state}_1_weight"]))
        for state in ("low", "med", "high")
    }
    return _halved("fan", 200.0, ("x", "y", "z"), None, (128, 64, 200), (6, 24), whole, faults)


def cwru(*, sample: bool = False) -> Machine:
    """Drive-end bearings at four loads with every fault of the series at 12 kHz, or the small `sample`."""
    folder = SAMPLE / "cwru" if sample else FULL / "cwru"
    with tempfile.TemporaryDirectory() as scratch:
        listing = Path(scratch) / "list.csv"
        write_list(cwru_list(folder), listing)
        whole: dict[str, Samples] = {}
        faults: dict[str, tuple[str, Samples]] = {}
        for item in load_list(listing):
            if item.label == NORMAL:
                whole[item.condition] = np.array(item.samples)
            else:  # of the recordings at two rates the one at 12 kHz comes first
                name = f"{item.label}, {item.condition}"
                faults.setdefault(name, (item.condition, np.array(item.samples)))
    usual = float(np.mean([part.std() for part in whole.values()]))
    noise = np.random.default_rng(0).standard_normal((120_000, 1))
    whole[NOT_RUNNING] = (STILL_LEVEL * usual * noise).astype(np.float32)
    return _halved("cwru", 12000.0, ("DE",), 5000.0, (1024, 512, 10**9), (3, 5), whole, faults)


def _halved(
    name: str,
    rate_hz: float,
    channels: tuple[str, ...],
    lowpass_hz: float | None,
    cut: tuple[int, int, int],
    votes: tuple[int, int],
    whole: Mapping[str, Samples],
    faults: Mapping[str, tuple[str, Samples]],
) -> Machine:
    learnt = {state: part[: len(part) // 2] for state, part in whole.items()}
    kept = {state: part[len(part) // 2 :] for state, part in whole.items()}
    return Machine(name, rate_hz, channels, lowpass_hz, *cut, votes, learnt, kept, faults)

"""Machines whose states were recorded: two quarters of each recording to learn from, the others to test with.

The fan's files are a second each, joined in their order; no CWRU recording is of a machine that stands still,
so that noise at a fiftieth of its level stands in for one.
"""

import functools
import io
import itertools
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from edge_runtime.core import NOT_RUNNING, Manifest, Samples
from tests.shared import FULL, SAMPLE
from tests.states.course import Day
from trainer import fitting
from trainer.recordings import NORMAL, Recording, cwru_list, load_list, recording_from_array, write_list

CHOSEN_ON: Final = ((0, 1), (0, 2))
"""Quarters to learn from where something was chosen by what the others show."""
SPLITS: Final = tuple(itertools.combinations(range(4), 2))
"""Quarters to learn from: every way to take two."""
_LIFE: Final = 1_000_000
"""Seed of what is learnt from: no day that is tested has it."""
Recorded = tuple[Mapping[str, Samples], Mapping[str, tuple[str, Samples]]]
"""Of the sound machine by condition, of faults by their names with the condition that the machine ran in."""
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
    learnt: Mapping[str, Sequence[Samples]]
    """By condition, stretches to learn from."""
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
            states=True,
            power=False,
            best_effort=True,
        )

    def fit(self, detector: str, path: Path, without: str = "") -> Manifest:
        """Fit on what is to be learnt, that of one condition left out, and write the file."""
        day = Day({}, self.rate_hz, self.piece, _LIFE)
        recordings = tuple(
            self.recording(day.lived(part), name)
            for name, parts in self.learnt.items()
            for part in parts
            if name != without
        )
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


def fan(quarters: tuple[int, int] = SPLITS[0]) -> Machine:
    """The ceiling fan: off, low, medium, high, and with a coin on a blade."""
    return _parted(quarters, "fan", 200.0, ("x", "y", "z"), None, (200, 50, 200), *_fan())


@functools.cache
def _fan() -> Recorded:
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
    return whole, faults


def cwru(quarters: tuple[int, int] = SPLITS[0], *, sample: bool = False) -> Machine:
    """Drive-end bearings at four loads with every fault of the series at 12 kHz, or the small `sample`."""
    return _parted(quarters, "cwru", 12000.0, ("DE",), 5000.0, (1024, 512, 10**9), *_cwru(sample))


@functools.cache
def _cwru(sample: bool) -> Recorded:
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
    return whole, faults


def _parted(
    quarters: tuple[int, int],
    name: str,
    rate_hz: float,
    channels: tuple[str, ...],
    lowpass_hz: float | None,
    cut: tuple[int, int, int],
    whole: Mapping[str, Samples],
    faults: Mapping[str, tuple[str, Samples]],
) -> Machine:
    rest = tuple(number for number in range(4) if number not in quarters)
    learnt = {state: _stretches(part, quarters) for state, part in whole.items()}
    kept = {state: np.concatenate(_stretches(part, rest)) for state, part in whole.items()}
    ill = {fault: (state, np.concatenate(_stretches(part, rest))) for fault, (state, part) in faults.items()}
    return Machine(name, rate_hz, channels, lowpass_hz, *cut, learnt, kept, ill)


def _stretches(part: Samples, quarters: tuple[int, ...]) -> list[Samples]:
    """Quarters of a recording; those that follow each other as one."""
    cuts = np.linspace(0, len(part), 5).round().astype(int)
    first, second = quarters
    if second == first + 1:
        return [part[cuts[first] : cuts[second + 1]]]
    return [part[cuts[number] : cuts[number + 1]] for number in quarters]

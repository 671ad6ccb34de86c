"""Faults that are played while a machine is learnt, and healthy machines: which are refused, in which words.

    STEADYHUM_SHARED_DATA=../shared/data python -m tests.trainer.faults_while_learning

CWRU: 65 faults at the drive end, each beginning in the middle of a recording of its load, and each present
from the first second on; the healthy recordings of four loads. The fan: a coin on a blade from the middle on,
and healthy. IMS: snapshots of a second of new bearings.
"""

import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.shared import FULL
from trainer.recordings import Recording, cwru_list, fault_signs, recording_from_array
from trainer.recordings.list_reading import read_recordings

FAN_HZ = 200.0


def main() -> None:
    """Print the table."""
    recordings = read_recordings(cwru_list(FULL / "cwru"))
    healthy = {item.condition: item for item in recordings if item.label == "normal"}
    faults = [item for item in recordings if item.label != "normal"]
    _print("CWRU, healthy", [[item] for item in healthy.values()], 1024)
    begun = [_begun(healthy[item.condition], item) for item in faults]
    _print("CWRU, a fault from the middle on", begun, 1024)
    _print("CWRU, a fault from the first second on", [[_as_normal(item)] for item in faults], 1024)
    fan = fan_recordings()
    _print("fan, healthy", [[item] for name, item in fan.items() if name.endswith("0_weight")], 128)
    speeds = ("low", "med", "high")
    begun = [[_joined(fan[f"fan_0_{speed}_0_weight"], fan[f"fan_0_{speed}_1_weight"])] for speed in speeds]
    _print("fan, a coin on a blade from the middle on", begun, 128)
    coins = [[item] for name, item in fan.items() if name.endswith("1_weight")]
    _print("fan, a coin on a blade from the first second on", coins, 128)
    _print("IMS, new bearings, snapshots of 1 s", [[item] for item in ims_snapshots()], 1024)


def fan_recordings() -> dict[str, Recording]:
    """Each class of the fan's files, one after another, as one recording."""
    archive = zipfile.ZipFile(FULL / "ceiling_fan" / "ceiling_fan.zip")
    found: dict[str, list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]] = {}
    for name in sorted(archive.namelist()):
        if name.endswith(".csv"):
            values = np.loadtxt(io.BytesIO(archive.read(name)), delimiter=",")
            found.setdefault(name.split("/")[0], []).append(values)
    return {
        name: recording_from_array(np.concatenate(parts), rate_hz=FAN_HZ, channels=("x", "y", "z"), name=name)
        for name, parts in found.items()
    }


def ims_snapshots() -> Iterator[Recording]:
    """Snapshots of the first days of two tests, when nothing was wrong yet."""
    for name in ("2003.10.22.12.06.24", "2004.02.12.10.32.39", "2004.02.12.10.42.39"):
        yield recording_from_array(np.loadtxt(FULL / "ims" / name), rate_hz=20000.0, name=name)


def _begun(healthy: Recording, faulty: Recording) -> list[Recording]:
    """Half healthy, half faulty, one after the other."""
    length = min(len(healthy.stored), len(faulty.stored))
    parts = [replace(item, stored=item.samples[:length]) for item in (healthy, faulty)]
    return [_joined(*parts)]


def _joined(healthy: Recording, faulty: Recording) -> Recording:
    samples = np.concatenate([healthy.samples, faulty.samples])
    return replace(_as_normal(faulty), stored=samples, name=f"{healthy.name}, then {faulty.name}")


def _as_normal(item: Recording) -> Recording:
    return replace(item, label="normal", name=f"{item.name} ({item.label})")


def _print(what: str, sets: Sequence[Sequence[Recording]], samples: int) -> None:
    refused = 0
    said: dict[str, int] = {}
    passed = []
    for recordings in sets:
        found = [problem for problem in fault_signs(recordings, samples) if problem.refuses]
        refused += bool(found)
        passed += [] if found else [recordings[0].name]
        for guard in {problem.guard for problem in found}:
            said[guard] = said.get(guard, 0) + 1
    by = ", ".join(f"{guard} {count}" for guard, count in said.items()) or "none"
    print(f"{what}: {refused} of {len(sets)} refused ({refused / len(sets):.1%}); by {by}")
    if passed and refused:
        print(f"    not refused: {'; '.join(passed)}")


if __name__ == "__main__":
    if not Path(FULL).is_dir():
        raise SystemExit("Set STEADYHUM_SHARED_DATA to the folder of the recordings")
    main()

"""Every guard fires on real recordings with its fault, and does not on the same ones without."""

import io
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.shared import FULL, SAMPLE, needs
from tests.trainer.sample import sample as sample_recordings
from trainer.core.errors import RecordingError
from trainer.recordings import checks, recorder_guards, sensor_guards
from trainer.recordings.cwru import cwru_list
from trainer.recordings.file_reading import read_recording
from trainer.recordings.list_reading import read_recordings
from trainer.recordings.listing import ListRow, read_list


def named(found: Any) -> Any:
    return {finding.guard for finding in found}


@pytest.fixture(scope="module")
def sample() -> Any:
    return sample_recordings()


@pytest.fixture(scope="module")
def full() -> Any:
    rows = [row for row in cwru_list(FULL / "cwru") if "48k" not in str(row.file)]
    return read_recordings(rows)


def few() -> Any:
    """Rows of all healthy recordings and ten of faults."""
    faults = {"105", "118", "130", "106", "119", "131", "107", "120", "132", "108"}
    return [row for row in cwru_list(FULL / "cwru") if row.normal or row.file.stem in faults]


def test_the_sample_is_clean_but_for_what_its_readme_says(sample: Any) -> None:
    assert named(checks.check_recordings(sample)) <= {"offset"}


def test_baselines_given_at_a_quarter_of_their_rate_are_caught_in_the_sample() -> None:
    rows = [replace(row, rate_hz=12000.0) for row in read_list(SAMPLE / "cwru.csv")]
    with pytest.raises(RecordingError, match=r"mat: its spectral lines lie at 0\.25 times") as caught:
        checks.check_recordings(read_recordings(rows))
    assert "48000 Hz" in str(caught.value)


@needs("cwru")
def test_the_full_recordings_raise_no_refusal(full: Any) -> None:
    found = checks.check_recordings(full)
    assert named(found) <= {"offset"}


@needs("cwru")
def test_all_baselines_given_as_12_khz_are_caught_and_no_other() -> None:
    rows = [replace(row, rate_hz=12000.0) for row in few()]
    found = [item for item in checks.recording_problems(read_recordings(rows)) if item.guard == "rate"]
    assert sorted(item.where.rsplit("/", 1)[1] for item in found) == ["100.mat", "97.mat", "98.mat", "99.mat"]
    assert all("48000 Hz" in item.what for item in found)


@needs("cwru")
def test_the_recorders_filter_edge_is_seen_unless_both_are_limited(full: Any) -> None:
    leaky = read_recordings([replace(row, lowpass_hz=None) for row in few()])
    assert "leak" in named(checks.recording_problems(leaky))
    files = {item.file for item in leaky}
    assert "leak" not in named(checks.recording_problems([item for item in full if item.file in files]))


@needs("cwru")
def test_offsets_are_seen_until_they_are_removed(full: Any) -> None:
    assert "offset" in named(recorder_guards.offsets(full))
    centred = [replace(item, stored=item.samples - item.samples.mean(axis=0)) for item in full]
    assert not list(recorder_guards.offsets(centred))


@needs("cwru")
@pytest.mark.parametrize(("number", "found"), [("189", {"copies"}), ("122", set()), ("135", set())])
def test_copied_channels(number: str, found: Any) -> None:
    path = FULL / "cwru" / "48k_drive_end" / f"{number}.mat"
    item = read_recording(ListRow(path, (), "worn", "0 hp", 48000.0, None, None, ("DE", "FE"), "g"))
    assert named(sensor_guards.copies([item])) == found


@needs("ims")
def test_near_silent_snapshots_are_stuck_and_running_ones_are_not() -> None:
    seen = {}
    for path in sorted((FULL / "ims").iterdir()):
        width = len(path.read_text().splitlines()[0].split())
        names = tuple(f"b{number}" for number in range(width))
        seen[path.name] = named(
            sensor_guards.stuck(
                [read_recording(ListRow(path, (), "normal", "d", 20000.0, None, None, names, "g"))]
            )
        )
    dead = {name for name, guard in seen.items() if guard}
    assert dead == {"2004.02.19.06.22.39", "2004.04.18.02.42.55"}


@needs("ceiling_fan")
def test_gravity_tells_the_unit(tmp_path: Path) -> None:
    with zipfile.ZipFile(FULL / "ceiling_fan" / "ceiling_fan.zip") as archive:
        text = archive.read("fan_0_low_0_weight/0000.csv")
    (tmp_path / "fan.csv").write_bytes(text)
    right = read_recording(
        ListRow(tmp_path / "fan.csv", (), "normal", "low", 200.0, None, None, ("x", "y", "z"), "g")
    )
    assert not list(sensor_guards.units([right]))
    assert named(sensor_guards.units([replace(right, unit="m/s2")])) == {"unit"}
    metres = replace(right, stored=right.samples * np.float32(9.80665), recorded=None)
    assert named(sensor_guards.units([metres])) == {"unit"}
    assert not list(sensor_guards.units([replace(metres, unit="m/s2")]))
    assert io.BytesIO(text).readline()


def test_one_file_in_metres_among_others_in_g(sample: Any) -> None:
    normals = [item for item in sample if item.label == "normal"]
    assert not list(sensor_guards.units(normals))
    mixed = [
        *normals[1:],
        replace(normals[0], stored=normals[0].samples * np.float32(9.80665), recorded=None),
    ]
    assert named(sensor_guards.units(mixed)) == {"unit"}


@needs("ims")
def test_no_recording_is_clipped_by_itself() -> None:
    """What was looked for: a recording that is cut off, or listed in a wrong unit, as it was published.

    All signals of CWRU (69 files), IMS (5) and the ceiling fan (1600) were counted. None that holds a running
    machine reaches its largest value more than four times (200.mat, drive end), and gravity in the fan's
    is 0.996 to 1.007 g: no clipping and no wrong unit is to be had there, so both are put in below. Two near
    silent IMS snapshots reach theirs often, and the next count as often: they are stuck, not cut off.
    """
    seen = set()
    for path in sorted((FULL / "ims").iterdir()):
        width = len(path.read_text().splitlines()[0].split())
        names = tuple(f"b{number}" for number in range(width))
        if list(
            sensor_guards.clipped(
                [read_recording(ListRow(path, (), "normal", "d", 20000.0, None, None, names, "g"))]
            )
        ):
            seen.add(path.name)
    assert seen == set()


def test_clipping(sample: Any) -> None:
    """The fault is put in: no recording here has it by itself, see above."""
    item = sample[0]
    limit = 3 * item.samples.std()
    assert not list(sensor_guards.clipped(sample))
    assert named(
        sensor_guards.clipped([replace(item, stored=item.samples.clip(-limit, limit), recorded=None)])
    ) == {"clipped"}


def test_a_refusal_may_be_accepted_by_name(sample: Any) -> None:
    dead = [replace(sample[0], stored=np.repeat(sample[0].samples[::4], 4, axis=0), recorded=None)]
    with pytest.raises(RecordingError, match="repeats its last value 75%"):
        checks.check_recordings(dead)
    assert "stuck" in named(checks.check_recordings(dead, accept=["stuck", "rate"]))

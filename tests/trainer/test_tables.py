"""Tables of text: random dialects with known content, and what each refusal and each reading says."""

from pathlib import Path

import numpy as np
import pytest

from tests.tables.dialects import draw
from tests.tables.judge import judge
from tests.trainer.builders import noise, row
from trainer.core.errors import RecordingError
from trainer.formats import Hints
from trainer.formats.text.clock import Gaps
from trainer.formats.text.pace import find_pace
from trainer.recordings.file_reading import read_recording
from trainer.recordings.list_reading import read_recordings

COUNT = 40
"""Tables here; `python -m tests.tables --count 2000` reads as many as are asked for."""


def test_random_tables_are_read_or_refused_rightly_and_none_is_wrong_in_silence() -> None:
    outcomes = {seed: judge(draw(seed)) for seed in range(COUNT)}
    assert not {seed: found for seed, found in outcomes.items() if found.verdict == "silent"}
    assert sum(found.verdict == "needless" for found in outcomes.values()) <= 1
    assert sum(found.verdict == "read" for found in outcomes.values()) > COUNT / 2


def table(path: Path, header: str, times: list[str], separator: str = ",") -> Path:
    values = noise(len(times), 1)[:, 0]
    lines = (f"{time}{separator}{value:.5f}" for time, value in zip(times, values, strict=True))
    path.write_text("\n".join((header, *lines)) + "\n")
    return path


SECONDS = [f"{at / 48.4:.3f}" for at in range(300)]
UNITS = {
    "t [s],x": ([f"{at / 50:.4f}" for at in range(200)], 50.0),
    "t (ms),x": ([f"{at * 20}" for at in range(200)], 50.0),
    "time_us,x": ([f"{at * 625}" for at in range(200)], 1600.0),
    "time_ns,x": ([f"{at * 625000}" for at in range(200)], 1600.0),
    "time,x": ([f"{at / 1600:.6f}" for at in range(200)], 1600.0),
    "stamp,x": ([f"{1700000000000 + round(at / 1.6)}" for at in range(400)], 1600.0),
    "date,x": ([f"2026-11-26T10:00:{at // 50:02d}.{20 * (at % 50):03d}Z" for at in range(200)], 50.0),
    "Zeit,x": ([f"{26 + (at >= 100)}.11.2026 {23 if at < 100 else 0:02d}:{59 if at < 100 else 0:02d}:"
                f"{58 + at / 50 if at < 100 else (at - 100) / 50:06.3f}" for at in range(200)], 50.0),
}  # fmt: skip


@pytest.mark.parametrize("header", UNITS)
def test_the_unit_of_time_is_known_by_what_the_column_says(tmp_path: Path, header: str) -> None:
    times, rate_hz = UNITS[header]
    found = read_recording(row(table(tmp_path / "a.csv", header, times), channels=("x",), rate_hz=None))
    assert (found.rate_hz, len(found.samples)) == (rate_hz, len(times))


def test_no_factor_of_a_thousand_is_guessed(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "Timestamp,x", SECONDS)
    with pytest.raises(RecordingError, match=r"48\.\d+ Hz if in s or 48[\d.]+ Hz if in ms"):
        read_recording(row(path, channels=("x",), rate_hz=None))
    assert read_recording(row(path, channels=("x",), rate_hz=48.4)).rate_hz == 48.4
    hinted = row(path, channels=("x",), rate_hz=None, hints=Hints(time_unit="ms"))
    assert read_recording(hinted).rate_hz == pytest.approx(48400, rel=0.001)
    with pytest.raises(RecordingError, match=r"48\.\d+ Hz if in s .* say 48\.9 Hz"):
        read_recording(row(path, channels=("x",), rate_hz=48.9))
    ignored = row(path, channels=("x",), rate_hz=48.9, hints=Hints(time="none"))
    assert read_recording(ignored).rate_hz == 48.9


def test_coarse_stamps_hide_no_lasting_loss(tmp_path: Path) -> None:
    places = [at + (12 if at >= 1500 else 0) for at in range(3000)]
    times = [f"{1700000000000 + round(place / 1.6)}" for place in places]
    first, second = read_recordings(
        [row(table(tmp_path / "a.csv", "t,x", times), channels=("x",), rate_hz=None)]
    )
    assert (len(first.samples), len(second.samples), first.rate_hz) == (1500, 1500, 1600.0)


@pytest.mark.parametrize("lost", [10, 1000])
@pytest.mark.parametrize("rows", [200, 300, 400, 700])
def test_a_loss_is_found_wherever_in_a_short_table_of_coarse_stamps_it_is(rows: int, lost: int) -> None:
    for at in range(70, rows - 70, 7):
        stamps = np.floor((np.arange(rows) + lost * (np.arange(rows) >= at)) / 2)
        pace = find_pace(stamps, strict=False)
        assert pace is not None
        gaps = Gaps(pace, "t")
        for block in np.array_split(stamps, 3):
            gaps.feed(block)
        gaps.finish()
        assert [abs(start - at) <= 2 for start in gaps.starts] == [True], (at, gaps.starts)


@pytest.mark.parametrize("jitter", [0.0, 0.3])
def test_a_single_lost_sample_is_a_gap_and_jitter_is_none(tmp_path: Path, jitter: float) -> None:
    late = np.random.default_rng(3).uniform(0, jitter, 1000)
    places = [at + (1 if at >= 400 else 0) + late[at] for at in range(1000)]
    path = table(tmp_path / "a.csv", "t [s],x", [f"{place / 100:.6f}" for place in places])
    parts = read_recordings([row(path, channels=("x",), rate_hz=100.0)])
    assert len(parts) == 2
    assert abs(len(parts[0].samples) - 400) <= 1


def test_stamps_that_go_back_are_refused(tmp_path: Path) -> None:
    times = [f"{at / 100:.3f}" for at in range(200)]
    times[120], times[121] = times[121], times[120]
    path = table(tmp_path / "a.csv", "t [s],x", times)
    with pytest.raises(RecordingError, match="goes back, or holds no time, at reading 122"):
        read_recording(row(path, channels=("x",), rate_hz=100.0))


def test_two_clocks_are_several_rates(tmp_path: Path) -> None:
    lines = [f"{at / 1000:.4f},{at / 100:.3f},{value:.4f}" for at, value in enumerate(noise(200)[:, 0])]
    (tmp_path / "a.csv").write_text("\n".join(("t1 [s],t2 [s],x", *lines)) + "\n")
    with pytest.raises(
        RecordingError, match="column t1 gives 1000 Hz and column t2 100 Hz: there are several"
    ):
        read_recording(row(tmp_path / "a.csv", channels=("x",), rate_hz=None))


def test_columns_are_channels_by_likeness_and_never_by_the_wrong_axis(tmp_path: Path) -> None:
    values = noise(100, 3)
    lines = [",".join(f"{value:.5f}" for value in reading) for reading in values]
    (tmp_path / "a.csv").write_text("\n".join(("accY,accX,accZ", *lines)) + "\n")
    found = read_recording(row(tmp_path / "a.csv", channels=("x", "y", "z")))
    np.testing.assert_allclose(found.samples[:, 0], values[:, 1], atol=1e-5)
    (tmp_path / "b.csv").write_text("\n".join(("a,a,b", *lines)) + "\n")
    with pytest.raises(RecordingError, match="has several columns called 'a'"):
        read_recording(row(tmp_path / "b.csv", channels=("c",), signals=("a",)))


def test_the_units_of_file_and_list_must_agree(tmp_path: Path) -> None:
    lines = [f"{value:.5f}" for value in noise(100)[:, 0]]
    (tmp_path / "a.csv").write_text("\n".join(("x [m/s^2]", *lines)) + "\n")
    with pytest.raises(RecordingError, match="values are in m/s2, the list says g"):
        read_recording(row(tmp_path / "a.csv", channels=("x",)))
    assert read_recording(row(tmp_path / "a.csv", channels=("x",), unit="m/s²")).unit == "m/s²"

"""Reading recordings of each format, and refusals of what cannot be used."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.trainer.builders import mat, noise, row
from trainer.core.errors import RecordingError
from trainer.recordings.file_reading import read_recording
from trainer.recordings.list_reading import read_recordings
from trainer.recordings.recording import write_npz


def test_mat_signal_by_name(tmp_path: Path) -> None:
    values = noise()
    found = read_recording(row(mat(tmp_path / "a.mat", speed=3.0, vib=values), signals=("vib",)))
    np.testing.assert_array_equal(found.samples, values.astype(np.float32))
    assert (found.rate_hz, found.channels, found.unit) == (12000.0, ("DE",), "g")


def test_mat_key_of_the_files_own_number_wins(tmp_path: Path) -> None:
    path = mat(
        tmp_path / "99.mat", X098_DE_time=noise(seed=1), X099_DE_time=noise(seed=2), X099_FE_time=noise()
    )
    np.testing.assert_array_equal(read_recording(row(path)).samples, noise(seed=2).astype(np.float32))


def test_mat_with_one_foreign_number_is_taken(tmp_path: Path) -> None:
    path = mat(tmp_path / "174.mat", X173_DE_time=noise(seed=1), X173_FE_time=noise(seed=2), X173RPM=1796.0)
    np.testing.assert_array_equal(read_recording(row(path)).samples, noise(seed=1).astype(np.float32))
    assert read_recording(row(path, channels=("FE",))).samples[0, 0] == np.float32(noise(seed=2)[0, 0])


def test_mat_with_two_foreign_numbers_is_refused(tmp_path: Path) -> None:
    path = mat(tmp_path / "5.mat", X098_DE_time=noise(), X099_DE_time=noise())
    with pytest.raises(RecordingError, match="X098_DE_time, X099_DE_time"):
        read_recording(row(path))


def test_several_channels_from_several_variables(tmp_path: Path) -> None:
    path = mat(tmp_path / "107.mat", X107_DE_time=noise(seed=1), X107_FE_time=noise(seed=2))
    found = read_recording(row(path, channels=("FE", "DE")))
    np.testing.assert_array_equal(found.samples, np.hstack([noise(seed=2), noise(seed=1)]).astype(np.float32))


def test_mat_v73(tmp_path: Path) -> None:
    path = tmp_path / "v73.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["X001_DE_time"] = noise().T  # MATLAB writes a column as one HDF5 row
        file["elsewhere"] = h5py.ExternalLink("other.h5", "/secret")
    head = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM"
    with path.open("r+b") as file:
        file.write(head)
    np.testing.assert_array_equal(read_recording(row(path)).samples, noise().astype(np.float32))
    with pytest.raises(RecordingError, match="no numeric signal 'elsewhere'"):
        read_recording(row(path, signals=("elsewhere",)))


def test_npz_round_trip_as_the_edge_reads_it(tmp_path: Path) -> None:
    first = read_recording(
        row(mat(tmp_path / "a.mat", vib=noise(channels=3)), channels=("x", "y", "z"), signals=("vib",))
    )
    write_npz(first, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        assert archive["samples"].dtype == np.float32
        assert (archive["rate_hz"], list(archive["channels"]), archive["unit"]) == (
            12000.0,
            ["x", "y", "z"],
            "g",
        )
        assert np.isnan(archive["lowpass_hz"])
    again = read_recording(row(tmp_path / "a.npz", rate_hz=None, channels=("x", "y", "z")))
    assert again.digest == first.digest
    assert sorted(os.listdir(tmp_path)) == ["a.mat", "a.npz"]


def test_recordings_of_one_list_are_at_one_rate(tmp_path: Path) -> None:
    for name, rate_hz in (("a", 12000.0), ("b", 48000.0)):
        np.savez(tmp_path / f"{name}.npz", samples=noise(seed=int(rate_hz)), rate_hz=rate_hz)
    rows = [row(tmp_path / f"{name}.npz", rate_hz=None, where="list.csv:2") for name in "ab"]
    with pytest.raises(RecordingError, match="is at 48000 Hz, others of the list at 12000 Hz") as caught:
        read_recordings(rows)
    assert "Write 12000 as target_rate_hz" in caught.value.remedy
    found = read_recordings([replace(item, target_rate_hz=12000.0) for item in rows])
    assert [item.rate_hz for item in found] == [12000.0, 12000.0]


def test_npz_rate_and_unit_must_agree(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", samples=noise(), rate_hz=48000.0, unit="m/s2")
    with pytest.raises(RecordingError, match="48000 Hz, the list says 12000 Hz"):
        read_recording(row(tmp_path / "a.npz"))
    with pytest.raises(RecordingError, match="are in m/s2, the list says g"):
        read_recording(row(tmp_path / "a.npz", rate_hz=48000.0))


def test_csv_as_edge_impulse_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [f"{i * 10},{i % 7},{i % 5},{i % 3}" for i in range(200)]
    path.write_text("timestamp,accX,accY,accZ\n" + "\n".join(rows))
    found = read_recording(row(path, rate_hz=None, channels=("x", "y", "z")))
    assert found.rate_hz == pytest.approx(100.0)
    assert found.samples.shape == (200, 3)
    assert found.samples[9].tolist() == [2, 4, 0]
    assert read_recording(row(path, rate_hz=100.5, channels=("accZ",))).samples[4, 0] == 1
    with pytest.raises(RecordingError, match="own rate is 100 Hz, the list says 200 Hz"):
        read_recording(row(path, rate_hz=200.0, channels=("accX",)))


def test_csv_without_header_and_by_column_number(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    np.savetxt(path, noise(100, 3), delimiter="\t")
    assert read_recording(row(path, channels=("x", "y", "z"))).samples.shape == (100, 3)
    found = read_recording(row(path, channels=("y",), signals=("2",)))
    np.testing.assert_allclose(found.samples[:, 0], noise(100, 3)[:, 1], rtol=1e-6)


def test_a_file_with_a_gap_is_two_recordings(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    lines = [f"{i * 0.01 + (0.05 if i > 99 else 0):.2f},{i % 7}" for i in range(200)]
    path.write_text("Time [s],a\n" + "\n".join(lines))
    item = row(path, rate_hz=None, channels=("a",))
    first, second = read_recordings([item])
    assert (len(first.samples), len(second.samples), first.rate_hz) == (100, 100, 100.0)
    assert first.samples[99, 0] == 99 % 7
    assert second.samples[0, 0] == 100 % 7
    with pytest.raises(RecordingError, match="samples are missing at 1 places: it is 2 recordings"):
        read_recording(item)
    assert len(read_recording(replace(item, from_s=0.0, to_s=0.9)).samples) == 90


def bad_values(kind: Any) -> Any:
    values = noise()
    if kind == "nan":
        values[17] = np.nan
    if kind == "inf":
        values[17] = np.inf
    if kind == "constant":
        values[:] = 0.25
    if kind == "short":
        values = values[:63]
    if kind == "huge":
        values[3] = 1e12
    return values


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("nan", "nan at sample 17, 1 such"),
        ("inf", "inf at sample 17"),
        ("constant", "channel DE is constant at 0.25"),
        ("short", "63 samples, fewer than 64"),
        ("huge", "1e[+]12, no vibration"),
    ],
)
def test_bad_values_are_named(tmp_path: Path, kind: str, message: str) -> None:
    path = mat(tmp_path / "bad.mat", vib=bad_values(kind))
    with pytest.raises(RecordingError, match=message) as caught:
        read_recording(row(path, signals=("vib",)))
    assert str(path) in str(caught.value)
    assert "vib" in str(caught.value)
    assert caught.value.remedy


CSV_FAULTS = {
    "": "a.csv: is empty",
    "0,12,1,5\n0,13,1,6\n": "a comma may separate values or begin their decimals: a line is 0,12,1,5",
    "1.0,2.0\n3.0\n": "line 2 has 1 values, the first had 2",
    "1.0,2.0\n3.0,x\n": "line 2 holds 'x', not a number",
    "1.0,2.0\n3.0,\n": "line 2 holds '', not a number",
    "1.0,2.0\n3.0,1_0\n": "line 2 holds '1_0'",
    "1.0,2,3\n4,5,6\n": "has 3 columns for the 2 channels",
    "1;2\n3;4\n": "2 samples, fewer than 64",
}


@pytest.mark.parametrize("text", CSV_FAULTS)
def test_bad_csv_is_named(tmp_path: Path, text: Any) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(RecordingError, match=CSV_FAULTS[text]):
        read_recording(row(tmp_path / "a.csv", channels=("x", "y")))


def test_text_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"1.0,2\n\xff\xfe\x00\n")
    with pytest.raises(RecordingError, match="line 2 is not text"):
        read_recording(row(tmp_path / "a.csv", channels=("x", "y")))
    (tmp_path / "b.csv").write_bytes(b"1" * 100_000)
    with pytest.raises(RecordingError, match="line 1 is longer than"):
        read_recording(row(tmp_path / "b.csv"))


@pytest.mark.parametrize("size", [0, 1, 127, 128, 1000, 20_000])
def test_truncated_mat(tmp_path: Path, size: int) -> None:
    whole = mat(tmp_path / "whole.mat", vib=noise())
    (tmp_path / "cut.mat").write_bytes(whole.read_bytes()[:size])
    with pytest.raises(RecordingError):
        read_recording(row(tmp_path / "cut.mat"))


def test_mat_without_numbers(tmp_path: Path) -> None:
    path = mat(tmp_path / "a.mat", name="pump", table=np.array([{"a": 1}], dtype=object))
    with pytest.raises(RecordingError, match="no numeric signal"):
        read_recording(row(path))
    with pytest.raises(RecordingError, match="no numeric signal 'table'"):
        read_recording(row(path, signals=("table",)))


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no such file"):
        read_recording(row(tmp_path / "none.mat"))
    with pytest.raises(RecordingError, match="is not a file"):
        read_recording(row(tmp_path))


def test_too_short_for_the_filters(tmp_path: Path) -> None:
    path = mat(tmp_path / "a.mat", vib=noise(100))
    with pytest.raises(RecordingError, match="100 samples leave 0"):
        read_recording(row(path, lowpass_hz=5000.0))


def test_copies_of_one_recording_are_refused(tmp_path: Path) -> None:
    for name in ("a.mat", "b.mat"):
        mat(tmp_path / name, vib=noise())
    rows = (row(tmp_path / "a.mat"), row(tmp_path / "b.mat", label="worn"))
    with pytest.raises(RecordingError, match=r"b \(worn, 0 hp\) holds the very samples of a"):
        read_recordings(rows)


def test_channels_go_by_the_names_in_the_file_and_not_by_their_order(tmp_path: Path) -> None:
    values = noise(200, 3) + np.array([0.0, 0.0, 1.0])
    np.savez(tmp_path / "a.npz", samples=values, rate_hz=1000.0, channels=np.array(["x", "y", "z"]))
    for asked in (("z", "y", "x"), ("x", "y", "z"), ("z",), ("y", "z")):
        item = read_recording(row(tmp_path / "a.npz", channels=asked, rate_hz=None))
        expected = values[:, ["xyz".index(name) for name in asked]].astype(np.float32)
        assert (item.samples == expected).all()
    other = row(tmp_path / "a.npz", channels=("a", "b", "c"), rate_hz=None)
    with pytest.raises(RecordingError, match="its 3 channels are called x y z, the list asks for a b c"):
        read_recording(other)
    in_order = read_recording(replace(other, signals=("samples",)))
    assert (in_order.samples == values.astype(np.float32)).all()


def test_a_table_that_names_some_of_the_channels_is_not_taken_by_order(tmp_path: Path) -> None:
    lines = ["x,y,temperature", *("0.1,0.2,20.5" for _ in range(100))]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(RecordingError, match="has columns called x y and none called z") as refusal:
        read_recording(row(tmp_path / "a.csv", channels=("x", "y", "z")))
    assert "temperature" in refusal.value.remedy

"""Recordings as the edge reads them, with numpy alone."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.core.errors import DataError
from edge_runtime.sensors.recording import read_signal

SAMPLES = np.arange(6, dtype=np.float32).reshape(3, 2)


def npz(path: Path, **members: Any) -> Any:
    np.savez(path, **{"samples": SAMPLES, "rate_hz": 1000.0, "channels": ["x", "y"], "unit": "g", **members})
    return path


def test_npz(tmp_path: Path) -> None:
    signal = read_signal(npz(tmp_path / "a.npz"))
    np.testing.assert_array_equal(signal.samples, SAMPLES)
    assert (signal.rate_hz, signal.channels, signal.unit) == (1000.0, ("x", "y"), "g")


def test_csv_as_edge_impulse_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("timestamp,accX,accY\n0,1,2\n10,3,4\n20,5,6\n")
    signal = read_signal(path)
    assert signal.samples.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert (signal.rate_hz, signal.channels, signal.unit) == (100.0, ("accX", "accY"), "m/s2")


class Canary:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (exec, ("open('canary', 'w').close()",))


def test_a_pickle_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for members in ({"samples": np.array([Canary()], object)}, {"unit": np.array(Canary(), object)}):
        with pytest.raises(DataError, match="cannot be read"):
            read_signal(npz(tmp_path / "a.npz", **members))
    assert not (tmp_path / "canary").exists()


def bomb(path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (2**40,)})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("samples.npy", header.getvalue())
        archive.writestr("rate_hz.npy", b"")


def damaged(path: Path, member: Any) -> None:
    """A compressed recording, one of whose members no longer unpacks."""
    np.savez_compressed(path, samples=np.arange(4000.0), rate_hz=1000.0)
    content = bytearray(path.read_bytes())
    begin = content.index(member) + len(member) + 30
    content[begin : begin + 20] = bytes(value ^ 0x5A for value in content[begin : begin + 20])
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.npz", b""),
        ("a.npz", b"PK\x03\x04 truncated"),
        ("a.npz", bomb),
        ("a.npz", lambda path: np.savez(path, other=SAMPLES)),
        ("a.npz", lambda path: npz(path, rate_hz=0.0)),
        ("a.npz", lambda path: npz(path, rate_hz=np.nan)),
        ("a.npz", lambda path: npz(path, channels=["x"])),
        ("a.npz", lambda path: npz(path, samples=np.array(["a", "b"]))),
        ("a.npz", lambda path: npz(path, samples=np.zeros((2, 2, 2)))),
        ("a.npz", lambda path: npz(path, samples=SAMPLES[:0])),
        ("a.csv", b""),
        ("a.csv", b"timestamp,x\n0,1\n"),
        ("a.csv", b"timestamp,x\n0,1\n0,2\n"),
        ("a.csv", b"timestamp,x\n0,1\n10\n"),
        ("a.csv", b"timestamp,x\n0,1\n10,abc\n"),
        ("a.csv", b"x,y\n0,1\n10,2\n"),
        ("a.csv", b"\xff\xfe\x00"),
        ("a.csv", b"timestamp,x\n0," + b"1" * 200_000 + b"\n10,2\n"),
        ("a.npz", lambda path: npz(path, rate_hz=[1.0, 2.0])),
        ("a.npz", lambda path: damaged(path, b"rate_hz.npy")),
        ("a.npz", lambda path: damaged(path, b"samples.npy")),
        ("a.mat", b"MATLAB 5.0"),
        ("a", b""),
    ],
)
def test_refuses_with_file_and_remedy(tmp_path: Path, name: str, content: Any) -> None:
    path = tmp_path / name
    path.write_bytes(content) if isinstance(content, bytes) else content(path)
    with pytest.raises(DataError) as refusal:
        read_signal(path)
    assert str(path) in str(refusal.value)
    assert refusal.value.remedy


def test_numbers_beyond_float32_become_infinite(tmp_path: Path) -> None:
    assert np.isinf(read_signal(npz(tmp_path / "a.npz", samples=np.full((3, 2), 1e300))).samples).all()


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_signal(tmp_path / "none.npz")

"""Universal files, TDMS, parquet and long .wav: read as they are written, or refused with the right words."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.trainer.builders import mat, noise, row
from tests.trainer.containers import TdmsFile, long_wav, parquet_file, universal_file
from trainer.core.errors import RecordingError
from trainer.recordings.child_reader import read_content
from trainer.recordings.file_reading import read_row
from trainer.recordings.parsers import Parsers

Read = Callable[..., list[tuple[float, np.ndarray]]]

RATE_HZ = 25600.0
VALUES = noise(3000, 2)
X, Y = VALUES.T
SAID = {"wf_increment": 1 / RATE_HZ, "unit_string": "g"}
PATHS = {"/'vib'/'x'": SAID, "/'vib'/'y'": SAID}
BOTH = {"/'vib'/'x'": X, "/'vib'/'y'": Y}
HALVES = [dict(zip(BOTH, pair, strict=True)) for pair in ((X[:1500], Y[:1500]), (X[1500:], Y[1500:]))]
STAMPS = np.datetime64("2026-11-26T10:00", "us") + np.arange(3000) * np.timedelta64(625, "us")


@pytest.fixture(scope="module")
def parsers() -> Iterator[Parsers]:
    with Parsers() as started:
        yield started


@pytest.fixture
def parts(tmp_path: Path, parsers: Parsers) -> Read:
    """Reads bytes as a list would, through a limited process: rates and samples of what they hold."""

    def read(
        file: str, data: bytes, channels: tuple[str, ...], **asked: Any
    ) -> list[tuple[float, np.ndarray]]:
        (tmp_path / file).write_bytes(data)
        line = row(tmp_path / file, **{"channels": channels, "rate_hz": None, "unit": "g"} | asked)
        return [(part.rate_hz, part.samples) for part in read_row(line, parsers=parsers)]

    return read


READ: dict[str, tuple[str, bytes, tuple[str, ...], float]] = {
    "text": ("a.uff", universal_file(VALUES, RATE_HZ), ("x", "y"), RATE_HZ),
    "text of double values": ("a.unv", universal_file(VALUES, RATE_HZ, ordinate=4), ("x", "y"), RATE_HZ),
    "channels by direction": (
        "a.uff",
        universal_file(VALUES[:, ::-1], RATE_HZ, directions=(2, 1)),
        ("x", "y"),
        RATE_HZ,
    ),
    "channels by words": (
        "a.uff",
        universal_file(VALUES[:, ::-1], RATE_HZ, words=("y", "x")),
        ("x", "y"),
        RATE_HZ,
    ),
    "a rate of seven digits": ("a.uff", universal_file(VALUES, 51200), ("x", "y"), 51200),
    "binary, least byte first": ("a.uff", universal_file(VALUES, RATE_HZ, binary="<"), ("x", "y"), RATE_HZ),
    "binary, greatest first": (
        "a.uff",
        universal_file(VALUES, RATE_HZ, binary=">", ordinate=4),
        ("x", "y"),
        RATE_HZ,
    ),
    "TDMS": ("a.tdms", TdmsFile().segment(BOTH, PATHS).data, ("x", "y"), RATE_HZ),
    "TDMS, greatest byte first": ("a.tdms", TdmsFile(">").segment(BOTH, PATHS).data, ("x", "y"), RATE_HZ),
    "TDMS in chunks": ("a.tdms", TdmsFile().segment(BOTH, PATHS, chunks=100).data, ("x", "y"), RATE_HZ),
    "TDMS interleaved": (
        "a.tdms",
        TdmsFile().segment(BOTH, PATHS, interleaved=True).data,
        ("x", "y"),
        RATE_HZ,
    ),
    "TDMS in segments": (
        "a.tdms",
        TdmsFile().segment(HALVES[0], PATHS).segment(HALVES[1], again=True).data,
        ("x", "y"),
        RATE_HZ,
    ),
    "TDMS of a program that crashed": (
        "a.tdms",
        TdmsFile().segment(HALVES[0], PATHS).segment(HALVES[1], unfinished=True).data,
        ("x", "y"),
        RATE_HZ,
    ),
    "parquet by a column of time": (
        "a.parquet",
        parquet_file({"time": STAMPS, "state": ["run"] * 3000, "x [g]": X, "y [g]": Y.astype("f4")}, 700),
        ("x", "y"),
        1600,
    ),
    "parquet by what it says": (
        "a.parquet",
        parquet_file({"y": Y, "x": X}, sample_rate="25600"),
        ("x", "y"),
        RATE_HZ,
    ),
}


@pytest.mark.parametrize("name", READ)
def test_each_layout_is_read(parts: Read, name: str) -> None:
    file, data, channels, rate_hz = READ[name]
    ((found_hz, samples),) = parts(file, data, channels)
    assert found_hz == rate_hz
    np.testing.assert_allclose(samples, VALUES, rtol=1e-5, atol=1e-5)


TIMES = np.arange(3000) * 0.001 + np.repeat([0.0, 1.0], 1500)
SCALED = {
    "NI_Number_Of_Scales": 2,
    "NI_Scaling_Status": "unscaled",
    "NI_Scale[0]_Scale_Type": "Linear",
    "NI_Scale[0]_Linear_Slope": 0.001,
    "NI_Scale[0]_Linear_Y_Intercept": 0.5,
    "NI_Scale[0]_Linear_Input_Source": 2**32 - 1,
    "NI_Scale[1]_Scale_Type": "Polynomial",
    "NI_Scale[1]_Polynomial_Coefficients_Size": 2,
    "NI_Scale[1]_Polynomial_Coefficients[0]": 1.0,
    "NI_Scale[1]_Polynomial_Coefficients[1]": 2.0,
    "NI_Scale[1]_Polynomial_Input_Source": 0,
}


def test_gaps_part_typed_tables_and_scales_are_applied(parts: Read) -> None:
    counts = np.rint(1000 * X).astype("i2")
    said: dict[str, dict[str, Any]] = {"/'g'/'Time'": {"unit_string": "s"}, "/'g'/'x'": SCALED}
    data = TdmsFile().segment({"/'g'/'Time'": TIMES, "/'g'/'x'": counts}, said).data
    (first_hz, first), (_, second) = parts("a.tdms", data, ("x",))
    assert (first_hz, len(first), len(second)) == (1000, 1500, 1500)
    np.testing.assert_allclose(
        np.concatenate([first, second])[:, 0], 2 * (counts * 0.001 + 0.5) + 1, rtol=1e-6
    )
    held = parquet_file({"t [s]": TIMES, "x": X})
    assert [len(samples) for _, samples in parts("a.parquet", held, ("x",))] == [1500, 1500]


def test_time_stamps_of_tdms_are_a_clock(parts: Read) -> None:
    share = [("share", "<u8"), ("whole", "<i8")]
    stamps = np.array(
        [((at % 1600) * (2**64 // 1600), 3_900_000_000 + at // 1600) for at in range(3000)], share
    )
    data = TdmsFile().segment({"/'g'/'when'": stamps, "/'g'/'x'": X}).data
    ((rate_hz, samples),) = parts("a.tdms", data, ("x",))
    assert (rate_hz, len(samples)) == (1600, 3000)


def test_long_and_coarse_sound_files_are_read(parts: Read) -> None:
    counts = np.rint(3000 * VALUES).astype(np.int16)
    ((rate_hz, samples),) = parts("a.wav", long_wav(counts, 25600), ("x", "y"), unit="full scale")
    assert rate_hz == RATE_HZ
    np.testing.assert_allclose(samples, counts / 2**15)
    bytes_ = np.arange(256, dtype=np.uint8)
    head = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x40\x1f\0\0\1\0\x08\0data\0\1\0\0"
    ((_, samples),) = parts("b.wav", head + bytes_.tobytes(), ("x",), unit="full scale")
    np.testing.assert_array_equal(samples[:, 0], (np.arange(256) - 128) / 128)


def test_hdf5_is_read_as_matlab_writes_it_and_as_others_do(parts: Read) -> None:
    for name, values in (("a.h5", VALUES), ("a.hdf5", VALUES.T)):
        out = io.BytesIO()
        with h5py.File(out, "w") as file:
            file["vibration/data"], file["vibration/fs"] = values, RATE_HZ
        ((rate_hz, samples),) = parts(name, out.getvalue(), ("x", "y"), signals=("vibration.data",))
        assert rate_hz == RATE_HZ
        np.testing.assert_allclose(samples, VALUES, rtol=1e-6)


def test_what_picoscope_saves_for_matlab_states_its_rate(tmp_path: Path, parsers: Parsers) -> None:
    path = mat(
        tmp_path / "a.mat",
        A=VALUES[:, :1],
        B=VALUES[:, 1:],
        Tstart=-0.1,
        Tinterval=np.float32(5e-5),
        Length=3000.0,
    )
    (found,) = read_row(row(path, channels=("A", "B"), rate_hz=None, unit="V"), parsers=parsers)
    assert (found.rate_hz, found.samples.shape) == (20000, (3000, 2))


def _cut(data: bytes) -> bytes:
    return data[:-5000]


REFUSED: dict[str, tuple[str, bytes, str]] = {
    "steps that are uneven": ("a.uff", universal_file(VALUES, RATE_HZ, spacing=0), "uneven steps"),
    "spectra": ("a.uff", universal_file(VALUES, RATE_HZ, abscissa=18), "another abscissa than time"),
    "complex values": ("a.uff", universal_file(VALUES, RATE_HZ, ordinate=5), "complex"),
    "a cut universal file": ("a.uff", _cut(universal_file(VALUES, RATE_HZ)), "ends within a data set"),
    "a cut binary one": ("a.uff", _cut(universal_file(VALUES, RATE_HZ, binary="<")), "has no -1"),
    "fewer values than stated": (
        "a.uff",
        universal_file(VALUES, RATE_HZ).replace(b"      3000", b"      3001"),
        "states 3001 values and holds 3000",
    ),
    "a word among the values": (
        "a.uff",
        universal_file(VALUES, RATE_HZ)[:-60] + b"oops" + universal_file(VALUES, RATE_HZ)[-56:],
        "no number",
    ),
    "channels of several lengths": (
        "a.tdms",
        TdmsFile().segment({"/'a'/'u'": X, "/'a'/'v'": Y[:100]}).data,
        "differ in length",
    ),
    "channels of several rates": (
        "a.tdms",
        TdmsFile()
        .segment({"/'a'/'u'": X, "/'a'/'v'": Y}, {"/'a'/'u'": SAID, "/'a'/'v'": {"wf_increment": 1.0}})
        .data,
        "recorded at 1, 25600 Hz",
    ),
    "a scale that is not read": (
        "a.tdms",
        TdmsFile()
        .segment({"/'a'/'x'": X}, {"/'a'/'x'": {"NI_Number_Of_Scales": 1, "NI_Scale[0]_Scale_Type": "RTD"}})
        .data,
        "scaled by RTD",
    ),
    "raw counts": (
        "a.tdms",
        b"TDSm\x88\0\0\0" + TdmsFile().segment(BOTH).data[8:],
        "raw counts of a DAQmx task",
    ),
    "no TDMS": ("a.tdms", b"x" * 100, "is no TDMS file"),
    "parquet with holes": ("a.parquet", parquet_file({"x": [1.0, None, 2.0] * 1000}), "nan"),
    "parquet without numbers": ("a.parquet", parquet_file({"x": ["a"] * 300}), "holds no numbers"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_in_words(parts: Read, name: str) -> None:
    file, data, why = REFUSED[name]
    with pytest.raises(RecordingError, match=why):
        parts(file, data, ("x",), rate_hz=RATE_HZ)


@pytest.mark.parametrize(
    ("file", "make"),
    [
        ("a.uff", lambda: universal_file(noise(700_000, 2), RATE_HZ, binary="<")),
        (
            "a.tdms",
            lambda: TdmsFile().segment({f"/'a'/'{name}'": noise(700_000)[:, 0] for name in "xy"}).data,
        ),
        ("a.parquet", lambda: parquet_file({name: noise(700_000)[:, 0] for name in "xy"})),
    ],
)
def test_large_files_come_in_blocks(
    tmp_path: Path, parsers: Parsers, file: str, make: Callable[[], bytes]
) -> None:
    shares: list[float] = []
    path = tmp_path / file
    path.write_bytes(make())
    found = read_content(path, (), ("x", "y"), file, parsers=parsers, progress=shares.append)
    assert len(found.values) == 700_000
    assert len(shares) > 1

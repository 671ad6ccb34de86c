"""Sound files: every kind that recorders write, the scale, which is never assumed, and hostile files."""

import contextlib
import struct
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io.wavfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.trainer.builders import noise, row, write_lines
from trainer.core.errors import RecordingError
from trainer.recordings.file_reading import read_recording
from trainer.recordings.list_reading import load_list
from trainer.recordings.listing import read_list, write_list


def shares(count: int = 4096, channels: int = 1) -> Any:
    return 0.2 * noise(count, channels).clip(-4, 4)


def riff(*chunks: Any, head: bytes = b"RIFF", kind: bytes = b"WAVE") -> Any:
    body = b"".join(
        name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks
    )
    return head + struct.pack("<I", 4 + len(body)) + kind + body


def shape(tag: int = 1, channels: int = 1, rate: int = 12000, bits: int = 16, align: Any = None) -> Any:
    align = channels * bits // 8 if align is None else align
    return struct.pack("<HHIIHH", tag, channels, rate, rate * align, align, bits)


def sound(path: Path, values: Any, rate: int = 12000) -> Any:
    scipy.io.wavfile.write(path, rate, values)
    return path


@pytest.mark.parametrize(("kind", "step"), [("i2", 2**15), ("i4", 2**31), ("f4", 1), ("f8", 1)])
def test_what_scipy_writes_is_read_back(tmp_path: Path, kind: str, step: int) -> None:
    values = (shares(channels=2) * step).astype(kind)
    path = sound(tmp_path / "a.wav", values)
    found = read_recording(row(path, channels=("x", "y"), unit="g", rate_hz=None, full_scale=50.0))
    np.testing.assert_allclose(found.samples, 50.0 * values.astype(np.float64) / step, rtol=1e-6)
    assert (found.rate_hz, found.unit) == (12000.0, "g")


def test_twenty_four_bits_keep_their_sign_and_ends(tmp_path: Path) -> None:
    counts = np.arange(-200, 200) * 41943
    counts[:2] = [-(2**23), 2**23 - 1]
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 3, 8000, 0, "NONE", ""))
        file.writeframes(b"".join(int(count).to_bytes(3, "little", signed=True) for count in counts))
    found = read_recording(row(tmp_path / "a.wav", rate_hz=None, unit="full scale"))
    np.testing.assert_allclose(found.samples[:, 0], counts / 2**23, rtol=1e-6)
    assert found.samples.min() == -1.0


def test_the_extensible_header_and_other_chunks(tmp_path: Path) -> None:
    counts = (shares() * 2**15).astype("<i2")
    extensible = shape(tag=0xFFFE) + struct.pack("<HHI", 22, 16, 4) + struct.pack("<H", 1) + b"\0" * 14
    path = tmp_path / "a.wav"
    path.write_bytes(
        riff((b"LIST", b"odd"), (b"fmt ", extensible), (b"data", counts.tobytes()), (b"id3 ", b""))
    )
    found = read_recording(row(path, full_scale=2.0**15))
    np.testing.assert_array_equal(found.samples, counts)


def test_channels_by_number(tmp_path: Path) -> None:
    values = shares(channels=3).astype("f4")
    path = sound(tmp_path / "a.wav", values)
    found = read_recording(row(path, signals=("3",), full_scale=1.0))
    np.testing.assert_array_equal(found.samples[:, 0], values[:, 2])
    with pytest.raises(RecordingError, match=r"has no channel '4'.*It holds: 1, 2, 3"):
        read_recording(row(path, signals=("4",), full_scale=1.0))
    with pytest.raises(RecordingError, match="has 3 channels for the 1 listed, DE"):
        read_recording(row(path, full_scale=1.0))


def test_nobody_guesses_what_full_scale_is(tmp_path: Path) -> None:
    path = sound(tmp_path / "a.wav", shares().astype("f4"))
    with pytest.raises(RecordingError, match="nothing says how many g full scale is") as caught:
        read_recording(row(path))
    assert "column full_scale" in caught.value.remedy
    assert read_recording(row(path, unit="full scale")).unit == "full scale"
    np.savetxt(tmp_path / "b.csv", noise())
    with pytest.raises(RecordingError, match="full_scale is given, and the file holds values as measured"):
        read_recording(row(tmp_path / "b.csv", full_scale=2.0))


def test_the_rate_must_agree(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="own rate is 48000 Hz, the list says 12000 Hz"):
        read_recording(row(sound(tmp_path / "a.wav", shares().astype("f4"), 48000), full_scale=1.0))


def test_a_list_gives_the_scale_in_a_tenth_column(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav", shares().astype("f4"))
    np.savetxt(tmp_path / "b.csv", noise())
    path = write_lines(tmp_path / "list.csv")
    path.write_text(
        path.read_text().strip()
        + ",full_scale\na.wav,,normal,idle,,,,x,g,25.5\nb.csv,,normal,load,12000,,,x,g,\n"
    )
    first, _ = load_list(path)
    assert first.samples.std() == pytest.approx(25.5 * shares().std(), rel=1e-5)
    rows = read_list(path)
    write_list(rows, tmp_path / "again.csv")
    assert [(item.file, item.full_scale) for item in read_list(tmp_path / "again.csv")] == [
        (tmp_path / "a.wav", 25.5),
        (tmp_path / "b.csv", None),
    ]
    path.write_text(path.read_text().replace("25.5", "-1"))
    with pytest.raises(RecordingError, match="full_scale is '-1'"):
        read_list(path)


HOSTILE = {
    b"": "is not a RIFF WAVE file",
    b"RIFX" + b"\0" * 40: "is not a RIFF WAVE file",
    riff((b"fmt ", shape())): "holds no data chunk",
    riff((b"data", bytes(400)), (b"fmt ", shape())): "no format chunk before its data",
    riff((b"fmt ", shape()[:12]), (b"data", bytes(400))): "no format chunk before its data",
    riff((b"fmt ", shape(tag=0x55)), (b"data", bytes(400))): "is of format 85 with 16 bits",
    riff((b"fmt ", shape(bits=20)), (b"data", bytes(400))): "is of format 1 with 20 bits",
    riff((b"fmt ", shape(channels=0)), (b"data", bytes(400))): "states 0 channels",
    riff((b"fmt ", shape(rate=0)), (b"data", bytes(400))): "0 Hz",
    riff((b"fmt ", shape(align=7)), (b"data", bytes(400))): "7 bytes a reading",
    riff((b"fmt ", shape()), (b"data", bytes(400)))[:-200]: "ends after 200 of 400 bytes",
    riff((b"fmt ", shape())) + b"data\xff\xff\xff\xff" + bytes(400): "channel DE is constant at 0",
    riff((b"fmt ", shape())) + b"data\xf0\xff\xff\x07" + bytes(400): "ends after 400 of 134217712 bytes",
    riff((b"fmt ", shape())) + b"junk\xff\xff\xff\xff" + bytes(400): "holds no data chunk",
    riff((b"fmt ", shape())) + b"junk\0\0\0\0" * 5000: "holds no data chunk",
    riff((b"fmt ", shape()), (b"data", b"")): "0 samples",
    riff((b"fmt ", shape(3, bits=32)), (b"data", b"\0\0\xc0\x7f" * 99)): "channel DE holds nan at sample 0",
}


@pytest.mark.parametrize("content", HOSTILE, ids=HOSTILE.values())
def test_hostile_sound_files_are_named(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=HOSTILE[content]) as caught:
        read_recording(row(path, full_scale=1.0))
    assert caught.value.remedy


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_headers_never_harm_the_parent(tmp_path: Path, data: st.DataObject) -> None:
    damaged = bytearray(riff((b"fmt ", shape()), (b"data", (shares(512) * 2**15).astype("<i2").tobytes())))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, 43))] = data.draw(st.integers(0, 255))
    (tmp_path / "damaged.wav").write_bytes(damaged)
    with contextlib.suppress(RecordingError):
        assert np.isfinite(
            read_recording(row(tmp_path / "damaged.wav", rate_hz=None, full_scale=1.0)).samples
        ).all()


def test_what_is_not_read_says_what_is(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(100))
    with pytest.raises(RecordingError, match="npy files are not read") as caught:
        read_recording(row(tmp_path / "a.npy"))
    assert "numpy.savez" in caught.value.remedy
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    with pytest.raises(RecordingError, match="xlsx files are not read") as caught:
        read_recording(row(tmp_path / "a.xlsx"))
    assert ".csv" in caught.value.remedy

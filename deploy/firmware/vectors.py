"""`vectors.txt`: frames as every implementation must make them, written by the edge's own encoder.

A line is words apart by blanks: `data`, sensor id, boot id, sequence, time_us, rate_mhz, scale, overruns,
channels, format, readings, samples as hex, frame as hex; or `hello`, sensor id, boot id, range, unit, serial
number, firmware, names with commas, frame as hex. Scales and ranges are exact in float32.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from edge_runtime.framing import SampleFormat, encode_data, encode_hello
from edge_runtime.records import Frame, Hello

FILE: Final = Path(__file__).with_name("vectors.txt")
_TYPES: Final = {SampleFormat.INT16: "<i2", SampleFormat.INT24: "<i4", SampleFormat.FLOAT32: "<f4"}


def vectors() -> Iterator[str]:
    """Every line of the file: each format, extreme values, zeros, and COBS blocks around 254 bytes."""
    random = np.random.default_rng(20816)
    cases = [(fmt, channels, count) for fmt in SampleFormat for channels, count in ((1, 1), (3, 7), (16, 5))]
    cases += [(SampleFormat.INT16, 1, count) for count in range(103, 112)]
    cases += [(SampleFormat.INT16, 3, 64), (SampleFormat.FLOAT32, 3, 300), (SampleFormat.INT24, 1, 2600)]
    for index, (fmt, channels, count) in enumerate(cases):
        yield _data(index, fmt, _samples(random, fmt, (count, channels), index))
    yield _data(2**32 - 1, SampleFormat.INT16, np.zeros((200, 3), np.int16))
    yield _data(0, SampleFormat.INT16, np.full((200, 3), 0x0101, np.int16))
    for names, unit, serial in ((("x",), "g", "1"), (("x", "y", "z"), "m/s2", "n" * 255)):
        hello = Hello(7, 2**32 - 1, names, unit, 16.0, serial, "steadyhum-1")
        words = ("hello", 7, 2**32 - 1, 16.0, unit, serial, "steadyhum-1", ",".join(names))
        yield " ".join(map(str, (*words, encode_hello(hello).hex())))


def _samples(
    random: np.random.Generator, fmt: SampleFormat, shape: tuple[int, int], index: int
) -> np.ndarray:
    if fmt is SampleFormat.FLOAT32:
        return random.standard_normal(shape).astype(np.float32)
    reach = 2 ** (15 if fmt is SampleFormat.INT16 else 23)
    samples = random.integers(-reach, reach, shape).astype(_TYPES[fmt])
    samples[0, 0] = (-reach, reach - 1, 0, -1)[index % 4]
    return samples


def _data(index: int, fmt: SampleFormat, samples: np.ndarray) -> str:
    sequence, time_us, overruns = index * 0x01020304 % 2**32, (index * 10**12 + 5) % 2**64, index % 2**16
    frame = Frame(0x5EAD0001, index, sequence, time_us, 3200.0, 1 / 256, overruns, samples)
    count, channels = samples.shape
    words = (
        "data",
        0x5EAD0001,
        index,
        sequence,
        time_us,
        3200000,
        1 / 256,
        overruns,
        channels,
        int(fmt),
        count,
    )
    stored = samples.astype(_TYPES[fmt])
    if fmt is SampleFormat.INT24:
        stored = np.ascontiguousarray(stored).view(np.uint8).reshape(-1, 4)[:, :3]
    return " ".join(map(str, (*words, stored.tobytes().hex(), encode_data(frame, fmt).hex())))


if __name__ == "__main__":
    FILE.write_text("".join(f"{line}\n" for line in vectors()))

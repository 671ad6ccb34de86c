"""`vectors.txt` and `runs.txt`: frames that every implementation must produce, made by the edge's own
encoder.

A line is words separated by blanks: `data`, sensor id, boot id, sequence, time_us, rate_mhz, scale, overruns,
channels, format, readings, samples as hex, frame as hex; or `hello`, sensor id, boot id, range, unit, serial
number, firmware, names separated by commas, frame as hex. Scales and ranges are exact in float32.

A line of `runs.txt` is a run of a sensor: rate_mhz, readings per frame, start in microseconds, readouts of
the FIFO separated by commas (microseconds:readings:whether it overflowed), samples lost in total, frames as
hex. The n-th reading is n, -n, 3 n modulo 2^16, lost ones not counted.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from edge_runtime.core import Frame, Hello
from edge_runtime.sensors.protocols import SampleFormat, encode_data, encode_hello

FILE: Final = Path(__file__).with_name("vectors.txt")
RUNS: Final = Path(__file__).with_name("runs.txt")
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


Look = tuple[int, int, bool]
"""When the FIFO was asked, in microseconds; how many readings it held; whether it had run over."""


def runs() -> Iterator[str]:
    """Every line of `runs.txt`: nothing lost, two holes, an oscillator that drifts, a hole after months."""
    hole = (1_000_000, 32, True)
    yield _run(3_200_000, 16, 7, [(7 + 10_000 * turn, 32, False) for turn in range(1, 9)])
    yield _run(1_000_000, 8, 0, [(10_000, 10, False), (60_000, 32, True), (75_000, 15, False), hole])
    drifting = [(10_000 * turn, 33 if turn % 2 else 32, False) for turn in range(1, 101)]  # 3250 Hz
    yield _run(3_200_000, 64, 0, [*drifting, (1_100_000, 32, True), (1_120_000, 64, False)])
    months_us = 100 * 86_400 * 1_000_000
    yield _run(3_200_000, 4, 5, [(10_005, 9, False), (months_us, 3, True), (months_us + 9999, 32, False)])


def _run(rate_mhz: int, count: int, start_us: int, looks: list[Look]) -> str:
    frames: list[Any]
    rows: list[Any]
    lost, frames, rows, made, made_us = 0, [], [], 0, start_us
    sent, read = 0, 0
    for at_us, fresh, overrun in looks:
        if overrun:
            hole = max(1, made + (at_us - made_us) * rate_mhz // 10**9 - fresh - sent)
            rows, sent, made, lost = [], sent + hole, sent + hole, lost + hole
        made, made_us = made + fresh, at_us
        rows += range(read, read + fresh)
        read += fresh
        while len(rows) >= count:
            time_us = start_us + sent * 10**9 // rate_mhz
            frames.append(_three(rows[:count], len(frames), time_us, rate_mhz, lost))
            rows, sent = rows[count:], sent + count
    readouts = ",".join(f"{at_us}:{fresh}:{int(overrun)}" for at_us, fresh, overrun in looks)
    return f"{rate_mhz} {count} {start_us} {readouts} {lost} {b''.join(frames).hex()}"


def _three(numbers: list[int], sequence: int, time_us: int, rate_mhz: int, lost: int) -> bytes:
    rows = np.array([(number, -number, 3 * number) for number in numbers]).astype("<i2")
    frame = Frame(1, 2, sequence, time_us, rate_mhz / 1000, 1 / 256, lost % 2**16, rows)
    return encode_data(frame, SampleFormat.INT16)


if __name__ == "__main__":
    FILE.write_text("".join(f"{line}\n" for line in vectors()))
    RUNS.write_text("".join(f"{line}\n" for line in runs()))

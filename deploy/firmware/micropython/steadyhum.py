"""steadyhum frames, version 1, for MicroPython: samples in, bytes for the serial line out.

The layout is the table in edge_runtime/sensors/protocols/frames.py. The smallest ports cannot assign to
slices, so none is assigned here.
"""

import struct

try:
    from binascii import crc32
except ImportError:  # small ports leave it out

    def crc32(data, crc=0):
        """The CRC-32 of zlib, bit by bit."""
        crc ^= 0xFFFFFFFF
        for byte in data:
            crc ^= byte
            for _ in range(8):
                crc = (crc >> 1) ^ (0xEDB88320 if crc & 1 else 0)
        return crc ^ 0xFFFFFFFF


INT16, INT24, FLOAT32 = 1, 2, 3
WIDTH = {INT16: 2, INT24: 3, FLOAT32: 4}
_HEADER = "<BBIIIQIfHBBH"
_GREETING = "<BBIIf"


class Framer:
    """Numbers and encodes the frames of one sensor since its boot."""

    def __init__(self, sensor_id, boot_id, rate_mhz, scale, channels, sample_format=INT16):
        """`scale` is the physical unit per count, `rate_mhz` the sampling rate in millihertz."""
        self.sensor_id, self.boot_id, self.rate_mhz = sensor_id, boot_id, rate_mhz
        self.scale, self.channels, self.sample_format = scale, channels, sample_format
        self.sequence = 0

    def data(self, samples, time_us, overruns=0):
        """A data frame, delimiter included, of interleaved little-endian samples (bytes)."""
        count, rest = divmod(len(samples), self.channels * WIDTH[self.sample_format])
        if rest or not count:
            raise ValueError("not a whole number of readings")
        fields = (1, 1, self.sensor_id, self.boot_id, self.sequence, time_us, self.rate_mhz, self.scale)
        fields += (overruns & 0xFFFF, self.channels, self.sample_format, count)
        body = bytearray(struct.pack(_HEADER, *fields))
        body.extend(samples)
        self.sequence = (self.sequence + 1) & 0xFFFFFFFF
        return seal(body)

    def hello(self, names, unit, reach, serial_number, firmware):
        """A hello frame, delimiter included: send one at boot and one every 4 s."""
        body = bytearray(struct.pack(_GREETING, 1, 2, self.sensor_id, self.boot_id, reach))
        for text in (unit, serial_number, firmware) + tuple(names):
            data = text.encode()
            body.append(len(data))
            body.extend(data)
        return seal(body)


def seal(body):
    """Append the checksum to a bytearray and encode it: COBS (Cheshire and Baker 1999), then 0x00."""
    body.extend(struct.pack("<I", crc32(body) & 0xFFFFFFFF))
    size = len(body)
    coded = bytearray(size + size // 254 + 2)
    mark, at = 0, 1
    for index in range(size):
        byte = body[index]
        if byte:
            coded[at] = byte
            at += 1
        if not byte or (at - mark == 255 and index + 1 < size):
            coded[mark] = at - mark
            mark, at = at, at + 1
    coded[mark] = at - mark
    coded[at] = 0
    return coded[: at + 1]


class Clock:
    """Microseconds since boot that do not wrap, from a counter that does."""

    def __init__(self, ticks_us, ticks_diff):
        """Take the port's own `time.ticks_us` and `time.ticks_diff`; ask at least every five minutes."""
        self._ticks, self._diff = ticks_us, ticks_diff
        self._last, self._total = ticks_us(), 0

    def __call__(self):
        """Microseconds since this clock was made."""
        now = self._ticks()
        self._total += self._diff(now, self._last)
        self._last = now
        return self._total


class Sampler:
    """Turns readings of a chip's FIFO into frames. Times are counted in samples of the chip."""

    def __init__(self, chip, framer, clock, count=32):
        """Send frames of `count` readings; `clock` gives microseconds, and says how many were lost."""
        self._chip, self._framer, self._clock, self._count = chip, framer, clock, count
        self._waiting = bytearray()
        self._sent = self._made = 0
        self._start_us = self._made_us = clock()
        self.overruns = 0  # samples, not occasions

    def poll(self):
        """Empty the FIFO; return the frames that are complete. Call it before the FIFO fills up."""
        asked_us = self._clock()
        readings, overrun = self._chip.read()
        frames = []
        fresh = len(readings) // self._chip.reading_size
        if overrun:
            self._lose(asked_us, fresh)
        self._made, self._made_us = self._made + fresh, asked_us
        self._waiting.extend(readings)
        size = self._count * self._chip.reading_size
        while len(self._waiting) >= size:
            frames.append(self._framer.data(self._waiting[:size], self._time_us(), self.overruns))
            self._waiting = self._waiting[size:]
            self._sent += self._count
        return frames

    def _time_us(self):
        return self._start_us + self._sent * 1000000000 // self._framer.rate_mhz

    def _lose(self, asked_us, fresh):
        # Counted from the last readout without an overflow: from the start, the oscillator's drift would add
        # up. Readings that wait are from before the gap and too few for a frame: they are lost with the rest.
        due = (asked_us - self._made_us) * self._framer.rate_mhz // 1000000000
        lost = max(1, self._made + due - fresh - self._sent)
        self._waiting = bytearray()
        self._sent = self._made = self._sent + lost
        self.overruns = (self.overruns + lost) & 0xFFFF


def measured_rate_mhz(chip, clock, seconds=4):
    """The chip's true rate: its oscillator may be percents off what the data sheet says."""
    chip.read()
    start_us, count = clock(), 0
    while clock() - start_us < seconds * 1000000:
        readings, overrun = chip.read()
        count += len(readings) // chip.reading_size
        if overrun:
            raise OSError("the FIFO overflows: the bus is too slow for this rate")
    return count * 1000000000 // (clock() - start_us)

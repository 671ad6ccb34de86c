# Runs under MicroPython: a sampler lives every run of the file; prints how many, and how many came out wrong.
import struct
import sys

sys.path.insert(0, sys.argv[1])
from steadyhum import Framer, Sampler


class Told:
    """A FIFO and a clock that say what the run says."""

    reading_size = 6

    def __init__(self, start_us, looks):
        self.us, self.looks, self.number = start_us, looks, 0

    def clock(self):
        return self.us

    def read(self):
        _, fresh, overrun = self.looks.pop(0)
        readings = bytearray()
        for number in range(self.number, self.number + fresh):
            values = [(value + 0x8000 & 0xFFFF) - 0x8000 for value in (number, -number, 3 * number)]
            readings.extend(struct.pack("<hhh", *values))
        self.number += fresh
        return readings, bool(overrun)


total = wrong = 0
with open(sys.argv[2]) as rows:
    for row in rows:
        rate_mhz, count, start_us, looks, lost, expected = row.split()
        told = Told(int(start_us), [tuple(map(int, look.split(":"))) for look in looks.split(",")])
        sampler = Sampler(told, Framer(1, 2, int(rate_mhz), 1 / 256, 3), told.clock, int(count))
        frames = b""
        while told.looks:
            told.us = told.looks[0][0]
            frames += b"".join([bytes(frame) for frame in sampler.poll()])
        total += 1
        wrong += frames != bytes.fromhex(expected) or sampler.overruns != int(lost) & 0xFFFF
print(total, wrong)

# Runs under MicroPython: the drivers against chips modelled register by register; frames go to stdout.
#
# The n-th sample of a chip is (n, -n, 3 n) modulo 16 bits: whoever decodes the frames knows what is missing.
import sys

sys.path.insert(0, sys.argv[1])
import struct

from accelerometers import ADXL345, I2C, LIS3DH, MPU6050, SPI
from steadyhum import Clock, Framer, Sampler, measured_rate_mhz


def sample(number):
    return tuple((value + 0x8000 & 0xFFFF) - 0x8000 for value in (number, -number, 3 * number))


class Time:
    def __init__(self):
        self.us = 0

    def ticks(self):
        return self.us & 0x3FFFFFFF

    def diff(self, new, old):
        return ((new - old + 0x20000000) & 0x3FFFFFFF) - 0x20000000


class Chip:
    """A FIFO that fills with time; `true_hz` is what its oscillator really does."""

    depth, order = 32, "<hhh"

    def __init__(self, time, true_hz):
        self.time, self.true_hz, self.taken, self.lost, self.overrun = time, true_hz, 0, 0, False
        self.registers, self.since_us = {}, 0

    def fill(self):
        made = int((self.time.us - self.since_us) * self.true_hz / 1000000)
        waiting = made - self.taken
        if waiting > self.depth:
            self.lost += waiting - self.depth
            self.taken += waiting - self.depth
            self.overrun = True
        return min(waiting, self.depth)

    def pop(self):
        if not self.fill():
            return bytes(6)
        self.taken += 1
        return struct.pack(self.order, *sample(self.taken - 1))

    def writeto_mem(self, address, register, data):
        self.registers[register] = data[0]

    def readfrom_mem(self, address, register, size):
        self.time.us += 20 + 25 * size  # a bus at 400 kHz
        return self.answer(register, size)


class FakeADXL345(Chip):
    def answer(self, register, size):
        if register == 0x30:
            self.fill()
            return bytes((1 if self.overrun else 0,))
        if register == 0x39:
            return bytes((self.fill(),))
        if register == 0x32:
            reading = self.pop()
            self.overrun = False
            return reading
        return {0x00: b"\xe5"}[register]


class FakeLIS3DH(Chip):
    def answer(self, register, size):
        if register == 0x2F:
            count = self.fill()
            return bytes(((0x40 if self.overrun else 0) | min(count, 31),))
        if register == 0x28 | 0x80:
            readings = b"".join([self.pop() for _ in range(size // 6)])
            self.overrun = False
            return readings
        return {0x0F: b"\x33"}[register]


class FakeMPU6050(Chip):
    depth, order = 170, ">hhh"

    def writeto_mem(self, address, register, data):
        if register == 0x6A and data[0] & 0x04:
            waiting = self.fill()
            self.lost += waiting
            self.taken += waiting
            self.overrun = False

    def answer(self, register, size):
        if register == 0x3A:
            self.fill()
            return bytes((0x10 if self.overrun else 0,))
        if register == 0x72:
            return struct.pack(">H", 6 * self.fill())
        if register == 0x74:
            return self.pop()
        return {0x75: b"\x68"}[register]


class Wires:
    """An SPI bus and the select pin of a chip that also answers as if on I2C."""

    def __init__(self, chip):
        self.chip, self.register = chip, 0

    def __call__(self, level):
        pass

    def write(self, data):
        self.register = data[0]
        if len(data) > 1:
            self.chip.writeto_mem(0, data[0], data[1:])

    def read(self, size):
        assert self.register & 0x80
        return self.chip.readfrom_mem(0, self.register & 0x3F, size)


def run(name, chip, driver, stall):
    time = chip.time
    clock = Clock(time.ticks, time.diff)
    rate_mhz = measured_rate_mhz(driver, clock, 2)
    framer = Framer(1, 2, rate_mhz, driver.scale, 3)
    before = chip.lost
    sampler = Sampler(driver, framer, clock, 16)
    first = chip.taken
    frames = []
    for turn in range(400):
        time.us += 200000 if stall and turn == 200 else 3000
        frames += sampler.poll()
    for frame in frames:
        print(name, bytes(frame).hex())
    print(name, "end", rate_mhz, first, chip.taken, chip.lost - before, sampler.overruns)


def both(name, make):
    for stall in (False, True):
        chip, driver = make(Time())
        run(name, chip, driver, stall)


def adxl345(time):
    chip = FakeADXL345(time, 812.5)
    return chip, ADXL345(I2C(chip, 0x53), 800)


def adxl345_spi(time):
    chip = FakeADXL345(time, 812.5)
    wires = Wires(chip)
    return chip, ADXL345(SPI(wires, wires), 800)


def lis3dh(time):
    chip = FakeLIS3DH(time, 391.0)
    return chip, LIS3DH(I2C(chip, 0x18, 0x80), 400)


def mpu6050(time):
    chip = FakeMPU6050(time, 1003.0)
    return chip, MPU6050(I2C(chip, 0x68), 1000)


for maker in (adxl345, adxl345_spi, lis3dh, mpu6050):
    both(maker.__name__ if hasattr(maker, "__name__") else str(maker), maker)


class Nobody:
    def readfrom_mem(self, address, register, size):
        return bytes(size)


try:
    ADXL345(I2C(Nobody(), 0x53))
except OSError as error:
    print("refused", error)

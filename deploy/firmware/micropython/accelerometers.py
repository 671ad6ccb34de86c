"""Accelerometers with a FIFO, on I2C or SPI: ADXL345, LIS3DH, MPU-6050. Registers as in the data sheets.

Every chip has `rate_hz`, `scale` (g per count), `reach` (g), `reading_size` (bytes) and `read()`, which
empties the FIFO and gives (little-endian int16 x, y, z, ...; whether samples were lost).
"""


class I2C:
    """Registers behind an I2C address."""

    def __init__(self, bus, address, burst=0):
        """`burst` is set in the register's number for reads of several bytes."""
        self._bus, self._address, self._burst = bus, address, burst

    def get(self, register, size=1):
        """Read."""
        number = register | (self._burst if size > 1 else 0)
        return self._bus.readfrom_mem(self._address, number, size)

    def set(self, register, value):
        """Write one byte."""
        self._bus.writeto_mem(self._address, register, bytes((value,)))


class SPI:
    """Registers behind a chip select; ADXL345 and LIS3DH have the same protocol here."""

    def __init__(self, bus, select):
        """`select` is an output pin, high while the chip is not addressed."""
        self._bus, self._select = bus, select
        select(1)

    def get(self, register, size=1):
        """Read: bit 7 means read, bit 6 more than one byte."""
        self._select(0)
        self._bus.write(bytes((register | 0x80 | (0x40 if size > 1 else 0),)))
        data = self._bus.read(size)
        self._select(1)
        return data

    def set(self, register, value):
        """Write one byte."""
        self._select(0)
        self._bus.write(bytes((register & 0x3F, value)))
        self._select(1)


def _expect(registers, register, value, name):
    found = registers.get(register)[0]
    if found != value:
        raise OSError("no %s here: register 0x%02x says 0x%02x" % (name, register, found))


class ADXL345:
    """Full resolution, 16 g, stream FIFO of 32. Up to 800 Hz on I2C at 400 kHz, 3200 Hz on SPI.

    0x00 says which chip it is, 0x2C has the rate, 0x30 the overrun, 0x39 how many
    readings wait, 0x32 the oldest of them. A count is 1/256 g, nominally 3.9 mg.
    """

    reading_size = 6
    scale, reach = 1 / 256, 16.0

    def __init__(self, registers, rate_hz=800):
        _expect(registers, 0x00, 0xE5, "ADXL345")
        codes = {100: 0x0A, 200: 0x0B, 400: 0x0C, 800: 0x0D, 1600: 0x0E, 3200: 0x0F}
        self._registers, self.rate_hz = registers, rate_hz
        registers.set(0x2D, 0x00)  # standby while it is set up
        registers.set(0x2C, codes[rate_hz])
        registers.set(0x31, 0x0B)  # full resolution, 16 g
        registers.set(0x38, 0x00)  # bypass empties the FIFO
        registers.set(0x38, 0x90)  # stream
        registers.set(0x2D, 0x08)  # measure

    def read(self):
        """All readings in the FIFO; one burst each, as the data sheet requires."""
        lost = self._registers.get(0x30)[0] & 0x01
        count = self._registers.get(0x39)[0] & 0x3F
        readings = bytearray()
        for _ in range(count):
            readings.extend(self._registers.get(0x32, 6))
        return readings, bool(lost)


class LIS3DH:
    """High resolution, left-aligned 12 bits, stream FIFO of 32.

    0x0F says which chip it is, 0x20 has the rate and the three axes, 0x2F the overrun and how many
    readings wait, 0x28 the oldest of them. A step of 12 bits is 1, 2, 4 or 12 mg, and 16 counts.
    """

    reading_size = 6

    def __init__(self, registers, rate_hz=400, reach_g=8):
        _expect(registers, 0x0F, 0x33, "LIS3DH")
        codes = {50: 4, 100: 5, 200: 6, 400: 7, 1344: 9}
        self._registers, self.rate_hz, self.reach = registers, rate_hz, float(reach_g)
        step_mg = {2: 1, 4: 2, 8: 4, 16: 12}[reach_g]
        self.scale = step_mg / 16000
        registers.set(0x20, codes[rate_hz] << 4 | 0x07)
        registers.set(0x23, 0x88 | {2: 0, 4: 1, 8: 2, 16: 3}[reach_g] << 4)  # whole readings, high resolution
        registers.set(0x24, 0x40)  # FIFO on
        registers.set(0x2E, 0x00)  # bypass empties it
        registers.set(0x2E, 0x80)  # stream

    def read(self):
        """All readings in the FIFO, in one burst: the address wraps at the last axis."""
        source = self._registers.get(0x2F)[0]
        lost, count = source & 0x40, source & 0x1F
        if lost:
            count = 32
        return bytearray(self._registers.get(0x28, 6 * count) if count else b""), bool(lost)


class MPU6050:
    """Accelerometer only, FIFO of 1024 bytes, 1 kHz divided.

    0x75 says which chip it is, 0x19 has the divider, 0x1C the range: at 2 g 16384 counts are 1 g, and half as
    many at each further one. 0x3A says that the FIFO overflowed, 0x72 how many bytes wait, 0x74 gives them.
    """

    reading_size = 6

    def __init__(self, registers, rate_hz=1000, reach_g=8):
        _expect(registers, 0x75, 0x68, "MPU-6050")
        self._registers, self.reach = registers, float(reach_g)
        divider = 1000 // rate_hz
        self.rate_hz = 1000 / divider
        code = {2: 0, 4: 1, 8: 2, 16: 3}[reach_g]
        self.scale = 1 / (16384 >> code)
        registers.set(0x6B, 0x01)  # awake, on the gyroscope's oscillator
        registers.set(0x1A, 0x01)  # 184 Hz low-pass, which makes the rate 1 kHz
        registers.set(0x19, divider - 1)
        registers.set(0x1C, code << 3)
        registers.set(0x23, 0x08)  # accelerometer to the FIFO
        self._reset()

    def read(self):
        """All readings in the FIFO. After an overflow they are cut in the middle and discarded."""
        if self._registers.get(0x3A)[0] & 0x10:
            self._reset()
            return bytearray(), True
        high, low = self._registers.get(0x72, 2)
        data = bytearray()
        for _ in range((high << 8 | low) // 6):
            data.extend(self._registers.get(0x74, 6))
        for at in range(0, len(data), 2):  # this chip is big-endian
            data[at], data[at + 1] = data[at + 1], data[at]
        return data, False

    def _reset(self):
        self._registers.set(0x6A, 0x04)  # FIFO off and emptied
        self._registers.set(0x6A, 0x40)  # and on
